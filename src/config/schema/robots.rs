//! `[robots]`, as it is written.
//!
//! Its part of the table of keys: shapes come in, keys go out.

use super::Shape::{Bool, Word};
use super::{Key, built};

/// `[robots]`
pub(super) const ROBOTS: &[Key] = &[built("obey", Bool), built("crawl_delay", Word(&["host", "proxy", "ignore"], &[]))];
