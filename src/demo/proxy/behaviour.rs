//! How a practice proxy behaves: named ways to be good or broken, and what each does with its n-th request.
//!
//! Pure: the same seed gives the same acts. Extended by adding a variant to [`Behaviour`] and its row to [`Behaviour::act`].

use std::time::Duration;

/// The way of one proxy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Behaviour {
    /// Passes everything on.
    Good,
    /// Nobody listens at its port.
    Dead,
    /// Resets this share of the connections before the head of the answer, at random.
    Flaky {
        /// 0 to 1.
        share: f64,
    },
    /// Answers 403 to everything after so many requests.
    Banning {
        /// Requests that are still passed on.
        after: u64,
    },
    /// Accepts and never answers.
    Stalling,
    /// Answers with bytes that are no HTTP.
    Garbage,
    /// Resets the connection in the middle of each body; of a tunnel, after the first bytes of the site.
    ResetMidBody,
    /// Passes everything on, but late.
    Slow {
        /// How late.
        by: Duration,
    },
    /// Answers 200 with a page that has nothing of what is looked for, after so many requests. Into a tunnel it cannot
    /// reach: there it is good.
    Captcha {
        /// Requests that are still passed on.
        after: u64,
    },
    /// Answers 404 to everything.
    NotFound,
    /// Answers 502 to everything.
    BadGateway,
}

/// What is done with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Pass it on after this long.
    Forward(Duration),
    /// Pass it on, and break off in the middle of the answer.
    ForwardHalf,
    /// Break off at once.
    Reset,
    /// Say nothing.
    Stall,
    /// Say what is no HTTP.
    Garbage,
    /// Answer with this status instead of the site.
    Refuse(u16),
    /// Answer 200 with a page of its own.
    Captcha,
}

impl Behaviour {
    /// What is done with request number `nth`, from 1.
    pub(super) fn act(self, nth: u64, seed: u64) -> Act {
        match self {
            Self::Good | Self::Dead => Act::Forward(Duration::ZERO),
            Self::Slow { by } => Act::Forward(by),
            Self::Flaky { share } => {
                // By number rather than from a running generator: connections at the same time change nothing.
                let mut rng = fastrand::Rng::with_seed(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ nth);
                if rng.f64() < share { Act::Reset } else { Act::Forward(Duration::ZERO) }
            }
            Self::Banning { after } if nth > after => Act::Refuse(403),
            Self::Captcha { after } if nth > after => Act::Captcha,
            Self::Banning { .. } | Self::Captcha { .. } => Act::Forward(Duration::ZERO),
            Self::Stalling => Act::Stall,
            Self::Garbage => Act::Garbage,
            Self::ResetMidBody => Act::ForwardHalf,
            Self::NotFound => Act::Refuse(404),
            Self::BadGateway => Act::Refuse(502),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flaky_proxy_resets_about_its_share_and_the_same_ones_each_time() {
        let flaky = Behaviour::Flaky { share: 0.7 };
        let acts: Vec<_> = (1..=1000).map(|nth| flaky.act(nth, 5)).collect();
        let resets = acts.iter().filter(|act| **act == Act::Reset).count();
        assert!((600..800).contains(&resets), "{resets} of 1000");
        assert_eq!(acts, (1..=1000).map(|nth| flaky.act(nth, 5)).collect::<Vec<_>>());
        assert_ne!(acts, (1..=1000).map(|nth| flaky.act(nth, 6)).collect::<Vec<_>>());
    }

    #[test]
    fn a_banning_proxy_is_good_until_its_number_is_reached() {
        let banning = Behaviour::Banning { after: 2 };
        let acts: Vec<_> = (1..=4).map(|nth| banning.act(nth, 0)).collect();
        let forward = Act::Forward(Duration::ZERO);
        assert_eq!(acts, [forward, forward, Act::Refuse(403), Act::Refuse(403)]);
    }
}
