//! Text with a unit: durations, sizes and rates.
//!
//! Text comes in, a value or nothing goes out. Pure; what to say of a text that is neither is not known here.

use std::time::Duration;

use bytesize::ByteSize;
use jiff::fmt::friendly::SpanParser;
use serde::{Deserialize, Deserializer, de::Error};

/// Timers count from now: what lies further ahead than this could overflow them, and nobody means it.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// `1.5s`, `250ms`, `5m`, `1h 30m`: hours at most, since days and longer have no fixed length; at most ten years.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let parsed = SpanParser::new().parse_unsigned_duration(text.trim()).ok()?;
    let has_unit = text.contains(|letter: char| letter.is_alphabetic());
    (has_unit && !text.contains(['-', '+']) && parsed <= LONGEST).then_some(parsed)
}

/// `10MiB`, `2 MiB`, `500kB`: bytes.
pub(super) fn size(text: &str) -> Option<u64> {
    let has_unit = text.contains(|letter: char| letter.is_alphabetic());
    text.trim().parse::<ByteSize>().ok().filter(|_| has_unit).map(|size| size.as_u64())
}

/// `20/s`, `30/min`, `500/h`: the time from one to the next, to the microsecond. None of `0/s`, and of what is faster than
/// a microsecond each.
pub(super) fn rate(text: &str) -> Option<Duration> {
    let (count, unit) = text.split_once('/')?;
    let seconds: u64 = match unit.trim() {
        "s" | "sec" => 1,
        "min" | "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    let count = count.trim();
    let plain = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let count: f64 = count.parse().ok().filter(|_| plain)?;
    // Rounded up: a limit is rather kept than met.
    let gap = (Duration::from_secs(seconds).as_micros() as f64 / count).ceil();
    let gap = (gap.is_finite() && count <= 1e6).then(|| Duration::from_micros(gap as u64))?;
    (gap <= LONGEST).then_some(gap)
}

pub(super) fn deserialize_duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(from)?;
    duration(&text).ok_or_else(|| D::Error::custom("not a duration"))
}

pub(super) fn deserialize_size<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let text = String::deserialize(from)?;
    size(&text).ok_or_else(|| D::Error::custom("not a size"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_have_units_and_a_fixed_length() {
        assert_eq!(duration("1.5s"), Some(Duration::from_millis(1500)));
        assert_eq!(duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(duration("1h 30m"), Some(Duration::from_secs(5400)));
        assert_eq!(duration(" 2 minutes "), Some(Duration::from_secs(120)));
        assert_eq!(duration("0s"), Some(Duration::ZERO));
        for bad in ["", "5", "1.5", "5x", "-5s", "5s ago", "1mo", "1y", "1:30:00", "s", "none", "99999999h", "1d", "1w"]
        {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("10MiB"), Some(10 << 20));
        assert_eq!(size("2 MiB"), Some(2 << 20));
        assert_eq!(size("1.5kB"), Some(1500));
        assert_eq!(size("7B"), Some(7));
        for bad in ["", "10", "1.5", "-1MiB", "10 parsecs", "MiB"] {
            assert_eq!(size(bad), None, "{bad}");
        }
    }

    #[test]
    fn rates_have_a_count_and_a_unit_and_become_gaps() {
        assert_eq!(rate("20/s"), Some(Duration::from_millis(50)));
        assert_eq!(rate("30/min"), Some(Duration::from_secs(2)));
        assert_eq!(rate(" 0.5 / s "), Some(Duration::from_secs(2)));
        assert_eq!(rate("1/h"), Some(Duration::from_secs(3600)));
        assert_eq!(rate("3/s"), Some(Duration::from_micros(333_334)), "never faster than it says");
        for bad in
            ["", "20", "/s", "20/", "0/s", "-1/s", "+1/s", "1e3/s", "20/day", "20 per s", "inf/s", "9999999999/s"]
        {
            assert_eq!(rate(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,20}", near in "[0-9.]{0,22} ?/?[a-zA-Z]{0,3}") {
            for text in [text, near] {
                duration(&text);
                rate(&text);
                size(&text);
            }
        }
    }
}
