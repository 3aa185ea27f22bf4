//! OpenWeatherMap: live weather, with a key.

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::service::Service;
use super::{Report, WeatherError};
use crate::tool::Failure;

const NAME: &str = "openweathermap";

pub(super) struct OpenWeatherMap {
    service: Service,
    base: String,
    key: SecretString,
}

impl OpenWeatherMap {
    pub(super) fn new(key: Option<SecretString>) -> Result<Self, WeatherError> {
        let key = key.filter(|key| !key.expose_secret().trim().is_empty());
        let key = key.ok_or(WeatherError::NoKey)?;
        let base = "https://api.openweathermap.org".to_owned();
        Ok(Self { service: Service::new(NAME)?, base, key })
    }

    pub(super) fn set_base_url(&mut self, url: &str) {
        url.clone_into(&mut self.base);
    }

    pub(super) async fn at(&self, location: &str) -> Result<Report, Failure> {
        let url = format!("{}/data/2.5/weather", self.base);
        // The service takes its key in the URL and nowhere else: no error quotes that URL.
        let key = self.key.expose_secret().trim();
        let query = [("q", location), ("units", "metric"), ("appid", key)];
        let answer: Option<Answer> = self.service.ask(&url, &query).await?;
        let answer = answer.ok_or_else(|| {
            Failure::caller(format!(
                "{NAME} knows no place called \"{location}\"; give a city, or a city and a \
                 country code such as \"Paris,FR\""
            ))
        })?;
        let sky = answer.weather.into_iter().next().map(|sky| sky.description);
        Ok(Report {
            location: answer.name,
            country: answer.sys.country.unwrap_or_else(|| "no country".to_owned()),
            temperature_celsius: answer.main.temp,
            humidity_percent: answer.main.humidity,
            wind_kmh: (answer.wind.speed * 36.0).round() / 10.0,
            conditions: sky.unwrap_or_else(|| "unknown sky".to_owned()),
            observed: Timestamp::from_second(answer.dt).ok(),
            source: NAME,
            sample: false,
        })
    }
}

#[derive(Deserialize)]
struct Answer {
    name: String,
    /// Seconds since 1970.
    dt: i64,
    main: Main,
    sys: Sys,
    weather: Vec<Sky>,
    wind: Wind,
}

#[derive(Deserialize)]
struct Main {
    temp: f64,
    humidity: f64,
}

#[derive(Deserialize)]
struct Sys {
    country: Option<String>,
}

#[derive(Deserialize)]
struct Sky {
    description: String,
}

#[derive(Deserialize)]
struct Wind {
    /// Metres per second.
    speed: f64,
}
