//! `crawl.keep_pages`, typed.
//!
//! Plain data: whose bodies are kept. Where they lie, and for how long, is the business of `pages`.

use serde::Deserialize;

/// Which bodies are kept in the run's folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeepPages {
    /// None.
    None,
    /// Those of pages that have failed and are not done.
    #[default]
    Failed,
    /// Each page's last one.
    All,
}
