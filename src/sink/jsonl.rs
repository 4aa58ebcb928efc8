//! JSONL: a flat object a line, `null` where nothing matched.
//!
//! In come records; out go lines, each ended by a line feed. Line feeds within a value are escaped by JSON itself.

use std::io;

use super::columns::Row;

/// Adds a record to `text`.
///
/// # Errors
/// None that a record can cause.
pub(super) fn line(row: Row<'_>, text: &mut Vec<u8>) -> io::Result<()> {
    serde_json::to_writer(&mut *text, &row)?;
    text.push(b'\n');
    Ok(())
}
