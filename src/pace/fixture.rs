//! What tests of pace begin with: settings as in the defaults, but for the delay.
//!
//! Each test changes what it is about.

use std::time::Duration;

use crate::config;

/// `[pace]` with this delay.
pub(crate) fn settings(delay: Duration, jitter: f64) -> config::Pace {
    let retry_after_max = Duration::from_secs(600);
    config::Pace { delay, jitter, host_gap: None, host_in_flight: None, adaptive: true, retry_after_max }
}

/// `[ban]`
pub(crate) fn ban() -> config::Ban {
    config::Ban {
        status: vec![403],
        select: Vec::new(),
        body: Vec::new(),
        url: Vec::new(),
        rules: Vec::new(),
        cooldown: Duration::from_secs(300),
        max_wait: Duration::from_secs(3600),
    }
}
