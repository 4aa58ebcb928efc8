//! How a practice proxy behaves: named ways to be good or broken, and what each does with a request.
//!
//! Pure: the same seed gives the same acts. Extended by adding a variant to [`Behaviour`], its row to [`Behaviour::act`] and
//! its name to `names.rs`.

use std::time::Duration;

/// The way of one proxy. Its name, as in `captcha-after:30`, can be parsed and is what is displayed.
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
    /// Answers with a head that has no end.
    EndlessHead,
    /// Resets the connection in the middle of each body; of a tunnel, after the first bytes of the site.
    ResetMidBody,
    /// Closes the connection, in order, in the middle of each body; of a tunnel, after the first bytes of the site.
    Truncating,
    /// Passes heads on, and of what follows a byte now and then; of a tunnel, everything after the first bytes of the site.
    Trickling,
    /// Announces so many times the length of each answer that has one. Into a tunnel it cannot reach: there it is good.
    Lying {
        /// Announced / real length.
        factor: f64,
    },
    /// Resets a kept connection when the next request comes, as a line does that has forgotten it. Its tunnels are good.
    Forgetful,
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
    /// Answers 429, asking for a second's wait, to what goes beyond so many requests in a second.
    Throttling {
        /// Requests that are passed on in each second.
        per_second: u64,
    },
    /// Answers this share of the requests with a status of its own, at random.
    Forging {
        /// The status: 404, 407, 502, 503, 504, …
        status: u16,
        /// 0 to 1.
        share: f64,
    },
}

/// Which request this is: all of them counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// Of the proxy.
    pub(super) overall: u64,
    /// Of its connection.
    pub(super) of_connection: u64,
    /// Of the second that runs.
    pub(super) of_second: u64,
}

/// What is done with one request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Act {
    /// Pass it on after this long.
    Forward(Duration),
    /// Pass it on, and spoil the answer.
    Spoil(Spoil),
    /// Break off at once.
    Reset,
    /// Say nothing.
    Stall,
    /// Say what is no HTTP.
    Garbage,
    /// Begin a head, and never end it.
    EndlessHead,
    /// Answer with this status instead of the site.
    Refuse(u16),
    /// Answer 429.
    Throttle,
    /// Answer 200 with a page of its own.
    Captcha,
}

/// How an answer is spoilt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Spoil {
    /// Reset in the middle.
    Reset,
    /// Closed in the middle.
    Cut,
    /// A byte now and then.
    Trickle,
    /// So many times its length is announced.
    Length(f64),
}

impl Behaviour {
    /// What is done with a request.
    pub(super) fn act(self, turn: Turn, seed: u64) -> Act {
        let good = Act::Forward(Duration::ZERO);
        // By number rather than from a running generator: connections at the same time change nothing.
        let chance = || fastrand::Rng::with_seed(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ turn.overall).f64();
        match self {
            Self::Good | Self::Dead => good,
            Self::Slow { by } => Act::Forward(by),
            Self::Flaky { share } if chance() < share => Act::Reset,
            Self::Forging { status, share } if chance() < share => Act::Refuse(status),
            Self::Banning { after } if turn.overall > after => Act::Refuse(403),
            Self::Captcha { after } if turn.overall > after => Act::Captcha,
            Self::Throttling { per_second } if turn.of_second > per_second => Act::Throttle,
            Self::Forgetful if turn.of_connection > 1 => Act::Reset,
            Self::Flaky { .. }
            | Self::Forging { .. }
            | Self::Banning { .. }
            | Self::Captcha { .. }
            | Self::Throttling { .. }
            | Self::Forgetful => good,
            Self::Stalling => Act::Stall,
            Self::Garbage => Act::Garbage,
            Self::EndlessHead => Act::EndlessHead,
            Self::ResetMidBody => Act::Spoil(Spoil::Reset),
            Self::Truncating => Act::Spoil(Spoil::Cut),
            Self::Trickling => Act::Spoil(Spoil::Trickle),
            Self::Lying { factor } => Act::Spoil(Spoil::Length(factor)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acts(behaviour: Behaviour, count: u64, seed: u64) -> Vec<Act> {
        let turn = |overall| Turn { overall, of_connection: 1, of_second: 1 };
        (1..=count).map(|overall| behaviour.act(turn(overall), seed)).collect()
    }

    #[test]
    fn a_flaky_proxy_resets_about_its_share_and_the_same_ones_each_time() {
        let flaky = Behaviour::Flaky { share: 0.7 };
        let once = acts(flaky, 1000, 5);
        let resets = once.iter().filter(|act| **act == Act::Reset).count();
        assert!((600..800).contains(&resets), "{resets} of 1000");
        assert_eq!(once, acts(flaky, 1000, 5));
        assert_ne!(once, acts(flaky, 1000, 6));
    }

    #[test]
    fn a_forging_proxy_forges_about_its_share() {
        let forged = acts(Behaviour::Forging { status: 404, share: 0.3 }, 1000, 1);
        let count = forged.iter().filter(|act| **act == Act::Refuse(404)).count();
        assert!((200..400).contains(&count), "{count} of 1000");
    }

    #[test]
    fn a_banning_proxy_is_good_until_its_number_is_reached() {
        let forward = Act::Forward(Duration::ZERO);
        let banned = acts(Behaviour::Banning { after: 2 }, 4, 0);
        assert_eq!(banned, [forward, forward, Act::Refuse(403), Act::Refuse(403)]);
    }
}
