//! Times, as people write them for a flag.

use std::ops::RangeInclusive;
use std::time::Duration;

use anyhow::bail;
use jiff::SignedDuration;

/// Reads `90` (seconds), `90s` or `1h 30m`, within these bounds of whole minutes or seconds.
///
/// # Errors
/// It is not written so, or lies outside.
pub fn time(text: &str, bounds: RangeInclusive<Duration>) -> anyhow::Result<Duration> {
    let parsed = text.parse::<u64>().map(Duration::from_secs).ok().or_else(|| {
        text.parse::<SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok())
    });
    match parsed {
        Some(time) if bounds.contains(&time) => Ok(time),
        _ => {
            let (least, hours) = (bounds.start().as_secs(), bounds.end().as_secs() / 3600);
            bail!("give a time from {least}s to {hours}h, such as 90s or 30m")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_in_any_form_and_within_its_bounds() {
        let [second, minute, hour] = [1, 60, 3600].map(Duration::from_secs);
        assert_eq!(time("1h", second..=hour).unwrap(), hour);
        for text in ["90", "90s", "1m 30s"] {
            assert_eq!(time(text, second..=hour).unwrap(), Duration::from_secs(90), "{text}");
        }
        for text in ["", "0", "500ms", "-5m", "61m", "soon", "999999999999999999999"] {
            let error = time(text, second..=hour).unwrap_err().to_string();
            assert!(error.contains("from 1s to 1h"), "{text}: {error}");
        }
        let error = time("59s", minute..=hour).unwrap_err().to_string();
        assert!(error.contains("from 60s to 1h"), "{error}");
    }
}
