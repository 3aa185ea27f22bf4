//! `get_time`: the same work on every server, so that schemes can be compared on it.

use std::fmt;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tool::{Call, Effect, Failure, Tool};

pub(crate) fn tools() -> Vec<Tool> {
    vec![Tool::new(
        "get_time",
        "What time is it?",
        Effect::Reads,
        "Tells the current date and time in a time zone, by its IANA name such as \
         Europe/Berlin; without one, in the zone of the server.",
        async |_: Call, input| now_in(input),
    )]
}

fn now_in(input: Input) -> Result<Now, Failure> {
    let now = Zoned::now();
    let Some(name) = input.zone else { return Ok(Now::of(&now)) };
    let zone = TimeZone::get(&name).map_err(|_| {
        Failure::caller(format!(
            "\"{name}\" is not an IANA time zone; give one like Europe/Berlin, \
             America/New_York or UTC"
        ))
    })?;
    Ok(Now::of(&now.with_time_zone(zone)))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// The IANA name of a time zone, such as Europe/Berlin. Without it: the server's own.
    #[schemars(length(min = 1, max = 64))]
    zone: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Now {
    /// Date and time in the zone, with its offset (RFC 3339).
    time: String,
    /// The IANA name of the zone, or its offset if it has no name.
    zone: String,
    /// The same moment in UTC (RFC 3339).
    utc: Timestamp,
    /// The day of the week.
    weekday: String,
}

impl Now {
    fn of(now: &Zoned) -> Self {
        let zone = now.time_zone().iana_name();
        Self {
            time: now.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            zone: zone.map_or_else(|| now.offset().to_string(), str::to_owned),
            utc: now.timestamp(),
            weekday: now.strftime("%A").to_string(),
        }
    }
}

impl fmt::Display for Now {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "It is {}, {} ({}).", self.weekday, self.time, self.zone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(zone: Option<&str>) -> Result<Now, Failure> {
        now_in(Input { zone: zone.map(str::to_owned) })
    }

    #[test]
    fn zones_shift_the_clock_and_not_the_moment() {
        let (tokyo, utc) = (at(Some("Asia/Tokyo")).unwrap(), at(Some("UTC")).unwrap());
        assert!(tokyo.time.ends_with("+09:00") && utc.time.ends_with("+00:00"), "{tokyo}");
        assert_eq!(tokyo.time.parse::<Timestamp>().unwrap().as_second(), tokyo.utc.as_second());
        assert_eq!(tokyo.zone, "Asia/Tokyo");
    }

    #[test]
    fn without_a_zone_it_is_the_servers() {
        assert!(at(None).unwrap().time.parse::<Timestamp>().is_ok());
    }

    #[test]
    fn an_unknown_zone_is_an_error_that_shows_how() {
        let error = at(Some("Mars/Olympus")).err().expect("a refusal").to_string();
        assert!(error.contains("Mars/Olympus") && error.contains("Europe/Berlin"), "{error}");
    }
}
