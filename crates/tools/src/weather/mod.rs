//! `get_weather`: from a bundled table, or from one of two services.

mod open_meteo;
mod openweathermap;
mod sample;
mod service;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::tool::{Call, Effect, Failure, Tool};
use open_meteo::OpenMeteo;
use openweathermap::OpenWeatherMap;

/// Where the weather comes from.
pub struct Weather {
    source: Source,
}

/// The providers there are, by the names that a flag gives them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WeatherProvider {
    /// `open-meteo`: live, no key.
    OpenMeteo,
    /// `openweathermap`: live, with a key.
    OpenWeatherMap,
    /// `sample`: a bundled table that says it is one.
    #[default]
    Sample,
}

/// Why a weather provider cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WeatherError {
    /// The HTTP client could not be set up.
    #[error("cannot set up a connection to the weather provider: {0}; use the provider \"sample\"")]
    Client(reqwest::Error),
    /// OpenWeatherMap answers nobody without a key.
    #[error(
        "openweathermap needs a key; set the environment variable OPENWEATHERMAP_API_KEY, or use \"open-meteo\", which needs none"
    )]
    NoKey,
    /// No provider has that name.
    #[error("there is no weather provider \"{0}\"; use open-meteo, openweathermap or sample")]
    UnknownProvider(String),
}

enum Source {
    OpenMeteo(OpenMeteo),
    OpenWeatherMap(OpenWeatherMap),
    Sample,
}

impl Weather {
    /// Sets a provider up. `key` is OpenWeatherMap's; the others ignore it.
    ///
    /// # Errors
    /// The provider needs a key that is missing or blank, or the system has no
    /// certificates to check the provider by.
    pub fn new(provider: WeatherProvider, key: Option<SecretString>) -> Result<Self, WeatherError> {
        let source = match provider {
            WeatherProvider::OpenMeteo => Source::OpenMeteo(OpenMeteo::new()?),
            WeatherProvider::OpenWeatherMap => Source::OpenWeatherMap(OpenWeatherMap::new(key)?),
            WeatherProvider::Sample => Source::Sample,
        };
        Ok(Self { source })
    }

    /// The bundled table.
    pub fn sample() -> Self {
        Self { source: Source::Sample }
    }

    /// Asks another address, such as a mirror of one's own: scheme, host and port, without
    /// a slash at the end. The bundled table has no address and ignores it.
    #[must_use]
    pub fn with_base_url(mut self, url: &str) -> Self {
        match &mut self.source {
            Source::OpenMeteo(service) => service.set_base_url(url),
            Source::OpenWeatherMap(service) => service.set_base_url(url),
            Source::Sample => {}
        }
        self
    }

    async fn at(&self, location: &str) -> Result<Report, Failure> {
        match &self.source {
            Source::OpenMeteo(service) => service.at(location).await,
            Source::OpenWeatherMap(service) => service.at(location).await,
            Source::Sample => sample::at(location),
        }
    }
}

impl WeatherProvider {
    fn name(self) -> &'static str {
        match self {
            Self::OpenMeteo => "open-meteo",
            Self::OpenWeatherMap => "openweathermap",
            Self::Sample => "sample",
        }
    }
}

impl FromStr for WeatherProvider {
    type Err = WeatherError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::OpenMeteo, Self::OpenWeatherMap, Self::Sample]
            .into_iter()
            .find(|provider| provider.name() == text)
            .ok_or_else(|| WeatherError::UnknownProvider(text.to_owned()))
    }
}

impl fmt::Display for WeatherProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

pub(crate) fn tools(weather: Weather) -> Vec<Tool> {
    let weather = Arc::new(weather);
    let effect = match weather.source {
        Source::Sample => Effect::Reads,
        Source::OpenMeteo(_) | Source::OpenWeatherMap(_) => Effect::ReadsElsewhere,
    };
    vec![Tool::new(
        "get_weather",
        "Weather in a city",
        effect,
        "Tells the weather in a city: temperature, humidity, wind and sky. The answer names \
         its source; if that is \"sample\", the figures are made up.",
        move |_: Call, input: Input| {
            let weather = Arc::clone(&weather);
            async move { weather.at(input.location.trim()).await }
        },
    )]
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// The city, such as Paris.
    #[schemars(length(min = 1, max = 100))]
    location: String,
}

#[derive(Debug, PartialEq, Serialize, JsonSchema)]
struct Report {
    /// The place that was found.
    location: String,
    /// Its country, as the source names it.
    country: String,
    temperature_celsius: f64,
    humidity_percent: f64,
    wind_kmh: f64,
    /// The sky, in a few words.
    conditions: String,
    /// When it was observed (UTC), if the source says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    observed: Option<jiff::Timestamp>,
    /// Who says so.
    source: &'static str,
    /// Whether the figures are made up.
    sample: bool,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { location, country, temperature_celsius: degrees, conditions, .. } = self;
        write!(f, "{location}, {country}: {degrees} °C, {conditions}, ")?;
        write!(f, "humidity {} %, wind {} km/h", self.humidity_percent, self.wind_kmh)?;
        if let Some(moment) = self.observed {
            write!(f, ", observed {moment}")?;
        }
        if self.sample {
            return write!(f, ". This is sample data, not a real observation.");
        }
        write!(f, " (source: {}).", self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_read_and_shown_by_the_same_names() {
        for name in ["open-meteo", "openweathermap", "sample"] {
            assert_eq!(name.parse::<WeatherProvider>().unwrap().to_string(), name);
        }
        let error = "tea-leaves".parse::<WeatherProvider>().unwrap_err().to_string();
        assert!(error.contains("tea-leaves") && error.contains("open-meteo"), "{error}");
    }

    #[test]
    fn a_missing_key_names_its_variable() {
        for key in [None, Some(SecretString::from(" "))] {
            let error = Weather::new(WeatherProvider::OpenWeatherMap, key).err().unwrap();
            assert!(error.to_string().contains("OPENWEATHERMAP_API_KEY"), "{error}");
        }
    }
}
