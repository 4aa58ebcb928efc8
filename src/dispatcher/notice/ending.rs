//! How a crawl ended: what follows from it is the exit code, and the report's last word.
//!
//! Plain words, said by the Desk. How they are worded is not known here.

use crate::protocol::{Role, Signal};
use crate::verdict::Reason;

/// How a crawl ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nothing is left.
    Complete,
    /// No proxy could be used any more.
    NoProxy {
        /// The commonest error of the proxies.
        commonest: Option<Reason>,
    },
    /// Something is wrong that goes on as long as the crawl does: it can be continued once that is mended.
    Guarded {
        /// What.
        reason: Reason,
    },
    /// A limit of the config is reached, as asked.
    Limit {
        /// Its key in `[limits]`.
        key: &'static str,
    },
    /// The operator asked for it.
    Interrupted(Signal),
    /// An actor died that must live, or all worker slots are closed.
    Died {
        /// Which one; of workers, the last.
        who: Role,
    },
    /// A feed or the store cannot go on.
    Failed {
        /// Why, naming the file.
        error: String,
    },
}
