//! The names of behaviours, as a test or a command has them: `dead`, `flaky:0.7`, `captcha-after:30`.
//!
//! Pure. In comes a name, out comes a [`Behaviour`], and the other way round.

use std::fmt;
use std::str::FromStr;

use super::Behaviour;
use crate::demo::mode::{ModeError, Name};

const SHARE: &str = "a share from 0 to 1";
const NUMBER: &str = "a number of requests";

impl FromStr for Behaviour {
    type Err = ModeError;

    fn from_str(text: &str) -> Result<Self, ModeError> {
        let mut name = Name::of(text);
        let behaviour = match name.word() {
            "good" => Self::Good,
            "dead" => Self::Dead,
            "flaky" => Self::Flaky { share: share(&mut name)? },
            "ban-after" => Self::Banning { after: name.take(NUMBER)? },
            "stalling" => Self::Stalling,
            "garbage" => Self::Garbage,
            "endless-head" => Self::EndlessHead,
            "reset-mid-body" => Self::ResetMidBody,
            "truncating" => Self::Truncating,
            "trickling" => Self::Trickling,
            "lying" => Self::Lying { factor: name.take("a factor")? },
            "forgetful" => Self::Forgetful,
            "slow" => Self::Slow { by: name.time()? },
            "captcha-after" => Self::Captcha { after: name.take(NUMBER)? },
            "throttling" => Self::Throttling { per_second: name.take(NUMBER)? },
            "status" => {
                let status = name.take("a status")?;
                Self::Forging { status, share: if name.is_over() { 1.0 } else { share(&mut name)? } }
            }
            _ => return Err(name.unknown()),
        };
        name.end(behaviour)
    }
}

fn share(name: &mut Name<'_>) -> Result<f64, ModeError> {
    let share = name.take(SHARE)?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err(name.needs(SHARE)) }
}

impl fmt::Display for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good => f.write_str("good"),
            Self::Dead => f.write_str("dead"),
            Self::Flaky { share } => write!(f, "flaky:{share}"),
            Self::Banning { after } => write!(f, "ban-after:{after}"),
            Self::Stalling => f.write_str("stalling"),
            Self::Garbage => f.write_str("garbage"),
            Self::EndlessHead => f.write_str("endless-head"),
            Self::ResetMidBody => f.write_str("reset-mid-body"),
            Self::Truncating => f.write_str("truncating"),
            Self::Trickling => f.write_str("trickling"),
            Self::Lying { factor } => write!(f, "lying:{factor}"),
            Self::Forgetful => f.write_str("forgetful"),
            Self::Slow { by } => write!(f, "slow:{by:?}"),
            Self::Captcha { after } => write!(f, "captcha-after:{after}"),
            Self::Throttling { per_second } => write!(f, "throttling:{per_second}"),
            Self::Forging { status, share: 1.0 } => write!(f, "status:{status}"),
            Self::Forging { status, share } => write!(f, "status:{status}:{share}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_name_is_refused_with_what_it_lacks() {
        let wrong = |text: &str| text.parse::<Behaviour>().unwrap_err().to_string();
        assert_eq!(wrong("kind"), "no mode is called \"kind\"");
        assert_eq!(wrong("flaky"), "mode \"flaky\" needs a share from 0 to 1");
        assert_eq!(wrong("flaky:7"), "mode \"flaky:7\" needs a share from 0 to 1");
        assert_eq!(wrong("slow:80"), "mode \"slow:80\" needs a time");
        assert_eq!(wrong("dead:3"), "mode \"dead:3\" takes less than that");
    }
}
