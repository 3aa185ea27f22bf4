//! Times that have passed, as people write them.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

/// `15m` and `2d` ago, a moment, or the beginning of a day in UTC.
pub(crate) fn earlier(text: &str) -> Result<Timestamp, String> {
    moment(text, SignedDuration::ZERO)
}

/// The same, with a day up to its end.
pub(crate) fn later(text: &str) -> Result<Timestamp, String> {
    moment(text, SignedDuration::from_hours(24) - SignedDuration::from_nanos(1))
}

fn moment(text: &str, in_day: SignedDuration) -> Result<Timestamp, String> {
    let moment = if let Ok(moment) = text.parse::<Timestamp>() {
        Some(moment)
    } else if let Ok(day) = text.parse::<Date>() {
        let start = day.to_zoned(TimeZone::UTC).ok().map(|start| start.timestamp());
        start.and_then(|start| start.checked_add(in_day).ok())
    } else {
        ago(text)
    };
    moment.ok_or_else(|| "write 15m, 2h, 2d, 2026-11-26 or 2026-11-26T02:22:29Z".to_owned())
}

fn ago(text: &str) -> Option<Timestamp> {
    let span: Span = text.parse().ok()?;
    let span = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    (!span.is_negative()).then(|| Timestamp::now().checked_sub(span).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_a_day_or_a_span_ago() {
        let time = |text: &str| earlier(text).map(|moment| moment.to_string());
        assert_eq!(time("2026-11-26T02:22:29Z").unwrap(), "2026-11-26T02:22:29Z");
        assert_eq!(time("2026-11-26T02:22:29+01:00").unwrap(), "2026-11-26T01:22:29Z");
        assert_eq!(time("2026-11-26").unwrap(), "2026-11-26T00:00:00Z");
        assert_eq!(later("2026-11-26").unwrap().to_string(), "2026-11-26T23:59:59.999999999Z");
        let yesterday = earlier("1d").unwrap();
        assert!(yesterday <= Timestamp::now() - SignedDuration::from_hours(24));
        assert!(earlier("15m").unwrap() > earlier("2h").unwrap());
        for bad in ["", "yesterday", "15", "-2d", "2026-13-01", "99999999999d", "1mo"] {
            assert!(earlier(bad).is_err(), "{bad}");
        }
    }
}
