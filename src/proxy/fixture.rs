//! What tests of proxies begin with: limits as in the defaults.
//!
//! Each test changes what it is about.

use std::time::Duration;

use crate::config;

/// `[health]`, without an end to rests.
pub(crate) const HEALTH: config::Health = config::Health {
    max_errors: 3,
    decay: 0.5,
    cooldown: Duration::from_secs(30),
    cooldown_max: Duration::from_secs(1800),
    max_cooldowns: None,
    max_silent: 5,
};
