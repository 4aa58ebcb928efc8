//! `Retry-After`: how long a site asks us to stay away.
//!
//! What comes in: the header, and the time now. What goes out: a wait, or nothing if the header says nothing. Pure; it must
//! not know what is done about it, so nothing is capped here.

use std::time::Duration;

use jiff::fmt::rfc2822::DateTimeParser;

use crate::clock::Timestamp;

/// The wait that `header` asks for: seconds, or until an HTTP date. A date that has passed is no wait at all.
pub(crate) fn parse(header: Option<&str>, now: Timestamp) -> Option<Duration> {
    let text = header?.trim();
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Duration::from_secs);
    }
    // Sites get the weekday wrong, and it says nothing that the date does not.
    let at = DateTimeParser::new().relaxed_weekday(true).parse_timestamp(text).ok()?;
    let micros = u64::try_from(at.as_microsecond()).ok()?;
    Some(Timestamp::from_micros(micros).since(now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT
    const THEN: Timestamp = Timestamp::from_micros(784_111_777_000_000);

    #[test]
    fn seconds_and_dates_are_understood_and_nonsense_is_nothing() {
        let wait = |text| parse(Some(text), THEN);
        assert_eq!(wait("120"), Some(Duration::from_secs(120)));
        assert_eq!(wait(" 0 "), Some(Duration::ZERO));
        assert_eq!(wait("Sun, 06 Nov 1994 08:50:07 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(wait("Mon, 06 Nov 1994 08:50:07 GMT"), Some(Duration::from_secs(30)), "a wrong weekday");
        assert_eq!(wait("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO), "a date that has passed");
        for nonsense in ["", "soon", "-5", "1.5", "99999999999999999999999", "Sun, 99 Nov 1994 08:49:37 GMT"] {
            assert_eq!(wait(nonsense), None, "{nonsense}");
        }
        assert_eq!(parse(None, THEN), None);
    }

    proptest! {
        #[test]
        fn no_header_can_do_more_than_be_ignored(text in ".*", now in any::<u64>()) {
            let _ = parse(Some(&text), Timestamp::from_micros(now));
        }
    }
}
