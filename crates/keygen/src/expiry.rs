//! Ends of credentials, as people write them.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// `90s`, `15m`, `12h`, `30d` or `4w`.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    let unit = match text.bytes().last() {
        Some(b's') => 1,
        Some(b'm') => 60,
        Some(b'h') => 60 * 60,
        Some(b'd') => 24 * 60 * 60,
        Some(b'w') => 7 * 24 * 60 * 60,
        _ => 0,
    };
    let count =
        text.get(..text.len().saturating_sub(1)).and_then(|count| count.parse::<u32>().ok());
    match count.map(|count| u64::from(count) * unit) {
        Some(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds)),
        _ => Err("write a number and a unit: 90s, 15m, 12h, 30d or 4w".to_owned()),
    }
}

/// A span from now, a moment, or the beginning of a day in UTC. It has to lie ahead.
pub(crate) fn moment(text: &str) -> Result<Timestamp, String> {
    let now = Timestamp::now();
    let moment = if let Ok(span) = span(text) {
        now.checked_add(span).ok()
    } else if let Ok(moment) = text.parse::<Timestamp>() {
        Some(moment)
    } else {
        let day = text.parse::<Date>().ok();
        day.and_then(|day| day.to_zoned(TimeZone::UTC).ok()).map(|start| start.timestamp())
    };
    match moment {
        Some(moment) if moment > now => Ok(moment),
        Some(_) => Err("that moment has passed; name one that lies ahead".to_owned()),
        None => Err("write 30d, 12h, 2030-01-01 or 2030-01-01T00:00:00Z".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_a_unit() {
        assert_eq!(span("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(span("30d"), Ok(Duration::from_secs(30 * 86_400)));
        for bad in ["", "30", "d", "0d", "-1d", "1.5h", "30 d", "1y", "é", "99999999999d"] {
            assert!(span(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn moments_lie_ahead() {
        assert!(moment("30d").unwrap() > Timestamp::now());
        assert_eq!(moment("9000-01-01").unwrap().to_string(), "9000-01-01T00:00:00Z");
        assert!(moment("9000-01-01T00:00:00+01:00").is_ok());
        for bad in ["2020-01-01", "2020-01-01T00:00:00Z", "tomorrow", "9000-13-01", "4294967295w"] {
            assert!(moment(bad).is_err(), "{bad}");
        }
    }
}
