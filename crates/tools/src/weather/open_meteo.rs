//! Open-Meteo: live weather without a key. One question finds the place, one its weather.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::service::Service;
use super::{Report, WeatherError};
use crate::tool::Failure;

const NAME: &str = "open-meteo";

pub(super) struct OpenMeteo {
    service: Service,
    places: String,
    forecasts: String,
}

impl OpenMeteo {
    pub(super) fn new() -> Result<Self, WeatherError> {
        Ok(Self {
            service: Service::new(NAME)?,
            places: "https://geocoding-api.open-meteo.com".to_owned(),
            forecasts: "https://api.open-meteo.com".to_owned(),
        })
    }

    pub(super) fn set_base_url(&mut self, url: &str) {
        url.clone_into(&mut self.places);
        url.clone_into(&mut self.forecasts);
    }

    pub(super) async fn at(&self, location: &str) -> Result<Report, Failure> {
        let unknown = || {
            Failure::caller(format!(
                "{NAME} knows no place called \"{location}\"; give the name of a city alone, \
                 such as Paris"
            ))
        };
        let url = format!("{}/v1/search", self.places);
        let query = [("name", location), ("count", "1"), ("language", "en"), ("format", "json")];
        let places: Places = self.service.ask(&url, &query).await?.ok_or_else(unknown)?;
        let place = places.results.into_iter().next().ok_or_else(unknown)?;
        let (latitude, longitude) = (place.latitude.to_string(), place.longitude.to_string());
        let query = [
            ("latitude", latitude.as_str()),
            ("longitude", longitude.as_str()),
            ("current", "temperature_2m,relative_humidity_2m,wind_speed_10m,weather_code"),
            ("wind_speed_unit", "kmh"),
            ("timezone", "UTC"),
        ];
        let url = format!("{}/v1/forecast", self.forecasts);
        let forecast: Option<Forecast> = self.service.ask(&url, &query).await?;
        let now = forecast.ok_or_else(|| self.service.unreadable())?.current;
        Ok(Report {
            location: place.name,
            country: place.country.unwrap_or_else(|| "no country".to_owned()),
            temperature_celsius: now.temperature_2m,
            humidity_percent: now.relative_humidity_2m,
            wind_kmh: now.wind_speed_10m,
            conditions: sky(now.weather_code).to_owned(),
            observed: now.time.to_zoned(TimeZone::UTC).ok().map(|moment| moment.timestamp()),
            source: NAME,
            sample: false,
        })
    }
}

/// The WMO's table 4677, as Open-Meteo uses it.
fn sky(code: u8) -> &'static str {
    match code {
        0 => "clear",
        1 | 2 => "partly cloudy",
        3 => "overcast",
        45 | 48 => "fog",
        51..=57 => "drizzle",
        61..=67 => "rain",
        71..=77 => "snow",
        80..=82 => "showers",
        85 | 86 => "snow showers",
        95..=99 => "thunderstorm",
        _ => "unknown sky",
    }
}

#[derive(Deserialize)]
struct Places {
    /// Left out when nothing is found.
    #[serde(default)]
    results: Vec<Place>,
}

#[derive(Deserialize)]
struct Place {
    name: String,
    country: Option<String>,
    latitude: f64,
    longitude: f64,
}

#[derive(Deserialize)]
struct Forecast {
    current: Current,
}

#[derive(Deserialize)]
struct Current {
    time: DateTime,
    temperature_2m: f64,
    relative_humidity_2m: f64,
    wind_speed_10m: f64,
    weather_code: u8,
}
