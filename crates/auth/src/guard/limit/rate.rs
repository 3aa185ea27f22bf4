//! `600/min,100`: how limits are written.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;

/// No limit, or a [`Rate`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RateLimit {
    /// Written `off`.
    Off,
    /// At most so often.
    At(Rate),
}

/// So many in a period, of which some may come at once. Written `N/PERIOD` or
/// `N/PERIOD,BURST`, such as `600/min,100`; without a burst, all of them may.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Rate {
    count: NonZeroU32,
    period: Duration,
    burst: NonZeroU32,
}

/// Why a text is not a [`RateLimit`].
#[derive(Debug, thiserror::Error)]
#[error("give off, or so many in a period and how many at once, such as 600/min,100 or 10/s")]
pub struct RateError;

impl Rate {
    /// `count` in a `period`, `burst` of which may come at once.
    ///
    /// # Errors
    /// The period is no time, or so short that single requests cannot be told apart in it.
    pub fn new(count: NonZeroU32, period: Duration, burst: NonZeroU32) -> Result<Self, RateError> {
        let rate = Self { count, period, burst };
        // governor reckons in nanoseconds, of which 64 bits hold so many.
        let whole = rate.interval().as_nanos().saturating_mul(u128::from(burst.get()));
        let fits = whole < u128::from(u64::MAX / 2);
        if rate.interval().is_zero() || !fits || period > Duration::from_secs(24 * 60 * 60) {
            return Err(RateError);
        }
        Ok(rate)
    }

    /// How many in a period.
    pub fn count(&self) -> u32 {
        self.count.get()
    }

    /// The period.
    pub fn period(&self) -> Duration {
        self.period
    }

    /// How many may come at once.
    pub fn burst(&self) -> NonZeroU32 {
        self.burst
    }

    /// After which time there is one more.
    pub(super) fn interval(&self) -> Duration {
        self.period / self.count.get()
    }

    /// In which time all of the burst is there again, if so many are left.
    pub(super) fn until_full(&self, left: u32) -> Duration {
        self.interval().saturating_mul(self.burst.get().saturating_sub(left))
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let (rate, burst) = match text.split_once(',') {
            Some((rate, burst)) => (rate, Some(burst)),
            None => (text, None),
        };
        let (count, period) = rate.split_once('/').ok_or(RateError)?;
        let number = |text: &str| text.trim().parse::<NonZeroU32>().map_err(|_| RateError);
        let count = number(count)?;
        let burst = burst.map_or(Ok(count), number)?;
        // `min` means one of them.
        let period = period.trim();
        let period = match period.as_bytes().first() {
            Some(first) if first.is_ascii_digit() => period.parse::<SignedDuration>(),
            _ => format!("1{period}").parse(),
        };
        let period = period.map_err(|_| RateError)?;
        Self::new(count, Duration::try_from(period).map_err(|_| RateError)?, burst)
    }
}

impl FromStr for RateLimit {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        if text.eq_ignore_ascii_case("off") { Ok(Self::Off) } else { text.parse().map(Self::At) }
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::At(rate) => rate.fmt(f),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, period, burst } = self;
        let period = match (period.as_secs(), period.subsec_nanos()) {
            (1, 0) => "s".to_owned(),
            (60, 0) => "min".to_owned(),
            (3600, 0) => "h".to_owned(),
            _ => format!("{period:?}"),
        };
        write!(f, "{count}/{period},{burst}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for (text, same) in [
            ("600/min,100", "600/min,100"),
            ("100/minute", "100/min,100"),
            ("10/s", "10/s,10"),
            ("5/10s,1", "5/10s,1"),
            ("1000/1h", "1000/h,1000"),
            ("1/1500ms", "1/1.5s,1"),
            ("2/1m 30s", "2/90s,2"),
            ("OFF", "off"),
        ] {
            let limit: RateLimit = text.parse().unwrap();
            assert_eq!(limit.to_string(), same);
            assert_eq!(same.parse::<RateLimit>().unwrap(), limit);
        }
    }

    #[test]
    fn anything_else_is_an_error() {
        for text in [
            "",
            "600",
            "0/min",
            "-1/min",
            "600/",
            "600/min,",
            "600/min,0",
            "600/0s",
            "600/fortnight",
            "4294967296/min",
            "1/h,10000000",
            "2000000000/s",
            "1/25h",
            "600/-1s",
            "none",
        ] {
            assert!(text.parse::<RateLimit>().is_err(), "{text}");
        }
    }
}
