//! The bundled table: the same answer every day, for trying things out.

use super::Report;
use crate::tool::Failure;

/// City, country, °C, humidity in %, wind in km/h, sky.
const TABLE: [(&str, &str, f64, f64, f64, &str); 12] = [
    ("Beijing", "China", 12.0, 38.0, 14.0, "clear"),
    ("Berlin", "Germany", 9.0, 74.0, 17.0, "overcast"),
    ("Cairo", "Egypt", 27.0, 31.0, 13.0, "clear"),
    ("London", "United Kingdom", 11.0, 81.0, 19.0, "light rain"),
    ("Madrid", "Spain", 18.0, 45.0, 9.0, "clear"),
    ("Nairobi", "Kenya", 22.0, 62.0, 12.0, "partly cloudy"),
    ("New York", "United States", 14.0, 58.0, 20.0, "partly cloudy"),
    ("Paris", "France", 13.0, 70.0, 15.0, "partly cloudy"),
    ("Rome", "Italy", 19.0, 60.0, 10.0, "clear"),
    ("São Paulo", "Brazil", 24.0, 72.0, 8.0, "thunderstorm"),
    ("Sydney", "Australia", 21.0, 64.0, 22.0, "showers"),
    ("Tokyo", "Japan", 16.0, 55.0, 11.0, "clear"),
];

/// The row of that city; "Paris" and "paris, France" both find it.
pub(super) fn at(location: &str) -> Result<Report, Failure> {
    let city = location.split(',').next().unwrap_or(location).trim();
    let same = |name: &str| name.to_lowercase() == city.to_lowercase();
    let row = TABLE.iter().find(|row| same(row.0) || (row.0 == "São Paulo" && same("Sao Paulo")));
    let Some(&(name, country, temperature, humidity, wind, sky)) = row else {
        return Err(Failure::caller(format!(
            "the sample table has no \"{location}\"; it has {}. For other places the server \
             must be started with the weather provider open-meteo or openweathermap",
            TABLE.map(|row| row.0).join(", ")
        )));
    };
    Ok(Report {
        location: name.to_owned(),
        country: country.to_owned(),
        temperature_celsius: temperature,
        humidity_percent: humidity,
        wind_kmh: wind,
        conditions: sky.to_owned(),
        observed: None,
        source: "sample",
        sample: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_city_is_found_however_it_is_written() {
        for text in ["Paris", "paris", "Paris, France"] {
            assert_eq!(at(text).unwrap().location, "Paris");
        }
        assert_eq!(at("sao paulo").unwrap().country, "Brazil");
    }

    #[test]
    fn the_answer_says_that_it_is_a_sample() {
        let report = at("Tokyo").unwrap();
        assert!(report.sample && report.to_string().contains("sample data"), "{report}");
    }

    #[test]
    fn an_unknown_city_is_an_error_that_lists_those_there_are() {
        let error = at("Atlantis").unwrap_err().to_string();
        assert!(error.contains("Atlantis") && error.contains("Nairobi"), "{error}");
    }
}
