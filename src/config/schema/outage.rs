//! `[outage]`, as it is written.
//!
//! Its part of the table of keys: shapes come in, keys go out.

use super::Shape::Share;
use super::{Key, SOME_TIME, built};

/// `[outage]`
pub(super) const OUTAGE: &[Key] = &[built("share", Share), built("probe", SOME_TIME), built("max_wait", SOME_TIME)];
