//! The weather services, spoken to over a real socket that answers as they do.

use secrecy::SecretString;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tools::{Kit, Weather, WeatherProvider};

use crate::endpoint::Endpoint;

const KEY: &str = "k-4711-secret";

/// Answers each request whose head contains one of the texts with what stands beside it,
/// any other with 404.
async fn serving(answers: &'static [(&'static str, u16, &'static str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut peer, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") && peer.read_buf(&mut head).await.unwrap() > 0 {}
            let head = String::from_utf8(head).unwrap();
            // Nothing of the caller's goes on to whoever is asked here.
            for credential in ["authorization:", "x-api-key:", "cookie:"] {
                assert!(!head.to_lowercase().contains(credential), "{head}");
            }
            let found = answers.iter().find(|(part, ..)| head.contains(part));
            let &(_, status, body) = found.unwrap_or(&("", 404, "{}"));
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status} -\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
            peer.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    url
}

fn endpoint(provider: WeatherProvider, url: &str) -> Endpoint {
    let weather = Weather::new(provider, Some(SecretString::from(KEY))).unwrap();
    Endpoint::of(Kit::personal(weather.with_base_url(url)))
}

async fn complaint(provider: WeatherProvider, url: &str) -> String {
    let endpoint = endpoint(provider, url);
    let text = endpoint.complaint("bob", "get_weather", json!({"location": "Paris"})).await;
    assert!(!text.contains(KEY) && !text.contains("appid") && !text.contains("http"), "{text}");
    text
}

#[tokio::test]
async fn open_meteo_finds_the_place_and_then_its_weather() {
    let url = serving(&[
        (
            "GET /v1/search?name=Paris&",
            200,
            r#"{"results":[{"name":"Paris","country":"France","latitude":48.85,"longitude":2.35}]}"#,
        ),
        (
            "GET /v1/forecast?latitude=48.85&longitude=2.35&",
            200,
            r#"{"current":{"time":"2026-03-31T12:15","temperature_2m":12.5,
                "relative_humidity_2m":61,"wind_speed_10m":9.7,"weather_code":61}}"#,
        ),
        ("GET /v1/search?name=Atlantis&", 200, r#"{"generationtime_ms":0.1}"#),
    ])
    .await;
    let endpoint = endpoint(WeatherProvider::OpenMeteo, &url);
    let answer = endpoint.answer("bob", "get_weather", json!({"location": "Paris"})).await;
    let expected = json!({
        "location": "Paris", "country": "France", "temperature_celsius": 12.5,
        "humidity_percent": 61.0, "wind_kmh": 9.7, "conditions": "rain",
        "observed": "2026-03-31T12:15:00Z", "source": "open-meteo", "sample": false,
    });
    assert_eq!(answer, expected);
    let text = endpoint.complaint("bob", "get_weather", json!({"location": "Atlantis"})).await;
    assert!(text.contains("knows no place called \"Atlantis\""), "{text}");
}

#[tokio::test]
async fn openweathermap_is_asked_with_the_key() {
    let url = serving(&[(
        "GET /data/2.5/weather?q=Paris&units=metric&appid=k-4711-secret ",
        200,
        r#"{"name":"Paris","dt":1774959300,"main":{"temp":12.5,"humidity":61},
            "sys":{"country":"FR"},"weather":[{"description":"light rain"}],"wind":{"speed":2.5}}"#,
    )])
    .await;
    let endpoint = endpoint(WeatherProvider::OpenWeatherMap, &url);
    let answer = endpoint.answer("bob", "get_weather", json!({"location": "Paris"})).await;
    let expected = json!({
        "location": "Paris", "country": "FR", "temperature_celsius": 12.5,
        "humidity_percent": 61.0, "wind_kmh": 9.0, "conditions": "light rain",
        "observed": "2026-03-31T12:15:00Z", "source": "openweathermap", "sample": false,
    });
    assert_eq!(answer, expected);
    let text = endpoint.complaint("bob", "get_weather", json!({"location": "Atlantis"})).await;
    assert!(text.contains("knows no place called \"Atlantis\""), "{text}");
}

#[tokio::test]
async fn a_service_that_fails_is_named_and_the_key_is_not() {
    let provider = WeatherProvider::OpenWeatherMap;
    for (status, part) in [
        (401, "does not accept the server's key"),
        (429, "asked too often"),
        (503, "status 503"),
        (302, "status 302"),
    ] {
        let answers = vec![("GET ", status, "{}")].leak();
        let text = complaint(provider, &serving(answers).await).await;
        assert!(text.contains("openweathermap") && text.contains(part), "{text}");
    }
    let text = complaint(provider, &serving(&[("GET ", 200, "<html>")]).await).await;
    assert!(text.contains("makes no sense"), "{text}");
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let text = complaint(provider, &format!("http://{nobody}")).await;
    assert!(text.contains("could not be reached"), "{text}");
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_given_up_after_five_seconds() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let started = std::time::Instant::now();
    let text = complaint(WeatherProvider::OpenMeteo, &url).await;
    assert!(text.contains("did not answer within 5 s"), "{text}");
    assert!(started.elapsed().as_secs() < 8, "{:?}", started.elapsed());
}
