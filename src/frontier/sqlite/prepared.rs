//! The statements of one transaction: each is looked up once, however often it runs.
//!
//! SQL comes in where it is used, statements go out, and back to the connection's own cache at the end. Looking one up there for
//! each row costs as much as a small statement itself.

use rusqlite::{CachedStatement, Connection};

use super::error::Fault;

/// Statements by the very text that they were asked for by.
pub(super) struct Prepared<'c> {
    conn: &'c Connection,
    statements: Vec<(&'static str, CachedStatement<'c>)>,
}

impl<'c> Prepared<'c> {
    /// None yet.
    pub(super) const fn new(conn: &'c Connection) -> Self {
        Self { conn, statements: Vec::new() }
    }

    /// The connection that they run on.
    pub(super) const fn conn(&self) -> &'c Connection {
        self.conn
    }

    /// The statement of `sql`.
    pub(super) fn get(&mut self, sql: &'static str) -> Result<&mut CachedStatement<'c>, Fault> {
        // There are few, and the same place of the program gives the same address.
        let at = self.statements.iter().position(|(known, _)| std::ptr::eq(*known, sql));
        let at = match at {
            Some(at) => at,
            None => {
                self.statements.push((sql, self.conn.prepare_cached(sql)?));
                self.statements.len() - 1
            }
        };
        Ok(&mut self.statements[at].1)
    }
}
