//! R20, R26, T40, T47: what goes on behind a credential that is good.

use std::time::Duration;

use compare::{Kind, Side, wire};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tools::{Weather, WeatherProvider};

use super::attack::{Attack, Expected, Outcome, attack, script};
use super::forge::Forge;
use super::library;
use super::raw::{Answer, Raw, call_body};
use super::sessions::Session;

/// What the weather service of these rows is asked with, in place of the caller's credential.
const OWN_KEY: &str = "the-servers-own-key";
/// How long a service waits to be asked.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) fn attacks(_: Kind) -> Vec<Attack> {
    vec![
        script("T40", "what a weather service gets to see", Expected::Harmless(200), upstream),
        script("T47", "a verifier that panics", Expected::Refused(500), panics),
        script("R26", "alice in clientInfo", Expected::Harmless(200), async |side, _| {
            let mut body: Value =
                wire::answer(call_body(side, "whoami").as_bytes()).ok_or("no body")?;
            body["params"]["_meta"]["io.modelcontextprotocol/clientInfo"] = alice();
            let call = Raw::call_of(side, "whoami").body(body.to_string());
            is_bob(call.present(&side.bob).send(side).await)
        }),
        script("R26", "alice in clientInfo of initialize", Expected::Harmless(200), {
            async |side, _| {
                let session = Session::open_as(side, &side.bob, alice()).await?;
                let answer = session.call_of("whoami").present(&side.bob).send(side).await;
                session.end().await?;
                is_bob(answer)
            }
        }),
        script("R20", "ids of sessions that could be guessed", Expected::Harmless(200), random),
        // rmcp refuses it, in words of its own.
        attack("R20", "a call in no session", Expected::Mcp(400, None), |side, _| {
            let params = json!({ "name": "get_time", "arguments": {} });
            let call =
                json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
            Raw::older(side, &call).present(&side.bob)
        }),
    ]
}

/// R20: 122 bits of each id are random (RFC 9562 §5.4), so no two are alike in what is not fixed.
async fn random(side: &Side, _: &Forge) -> Outcome {
    let mut ids = Vec::new();
    for _ in 0..8 {
        let session = Session::open(side, &side.bob).await?;
        let id = uuid::Uuid::parse_str(&session.id).map_err(|error| error.to_string())?;
        session.end().await?;
        if id.get_version() != Some(uuid::Version::Random) {
            return Err(format!("{id} is not random"));
        }
        ids.push(id.as_u128());
    }
    // By chance a bit is the same in all eight once in 128 times, so a quarter of them may be.
    let changing = ids.iter().fold(0, |all, id| all | (id ^ ids[0])).count_ones();
    if changing < 122 - 30 {
        return Err(format!("only {changing} bits change"));
    }
    Ok(Raw::call(side).present(&side.bob).send(side).await)
}

/// T40: the server asks another service, and that sees nothing of the caller's.
async fn upstream(side: &Side, forge: &Forge) -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
    let url = format!("http://{}", listener.local_addr().map_err(|error| error.to_string())?);
    let key = Some(SecretString::from(OWN_KEY));
    let weather = Weather::new(WeatherProvider::OpenWeatherMap, key);
    let weather = weather.map_err(|error| error.to_string())?.with_base_url(&url);
    let server = library::serve(side, forge, library::keys(side, &[&forge.verifying]), weather);
    let paris = json!({ "location": "Paris" });
    let call = Raw::of(wire::call(&side.url, Some(&side.bob), "get_weather", paris));
    let address = server.addr.to_string();
    let asked = tokio::time::timeout(PATIENCE, seen(&listener));
    let (asked, answer) = tokio::join!(asked, call.send_to(&address));
    server.stop().await;
    let asked = asked.map_err(|_| format!("nobody was asked: {}", answer.whole()))?;
    let bob = side.bob.secret().expose_secret();
    // A token is also known by any of its parts.
    let parts = bob.split(['.', '_']).filter(|part| part.len() > 12).chain([bob]);
    if let Some(part) = parts.into_iter().find(|part| asked.contains(part)) {
        return Err(format!("{part} went on to another service"));
    }
    for header in ["authorization:", "x-api-key:", "cookie:"] {
        if asked.to_ascii_lowercase().contains(header) {
            return Err(format!("a header {header} went on to another service"));
        }
    }
    if asked.contains(OWN_KEY) { Ok(answer) } else { Err(format!("not its own key: {asked}")) }
}

/// All that a service is asked, which it answers with what it does not know.
async fn seen(listener: &TcpListener) -> String {
    let mut head = Vec::new();
    if let Ok((mut peer, _)) = listener.accept().await {
        while !head.ends_with(b"\r\n\r\n") && peer.read_buf(&mut head).await.unwrap_or(0) > 0 {}
        let answer = "HTTP/1.1 404 -\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
        let _ = peer.write_all(answer.as_bytes()).await;
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// T47: nobody is let in, nothing is told, and the next caller is served.
async fn panics(side: &Side, forge: &Forge) -> Outcome {
    let keys = library::keys(side, &[&forge.verifying]);
    let server = library::serve(side, forge, keys, Weather::sample());
    let address = server.addr.to_string();
    let call = || Raw::call(side).present(&side.bob);
    let answer = call().with(library::PANIC, "now").send_to(&address).await;
    let next = call().send_to(&address).await;
    server.stop().await;
    if next.status != 200 {
        return Err(format!("the next call fails too: {}", next.whole()));
    }
    for word in ["panic", "made to fail", "bob", ".rs", "result"] {
        if answer.whole().contains(word) {
            return Err(format!("the client is told {word:?}: {}", answer.whole()));
        }
    }
    Ok(answer)
}

fn is_bob(answer: Answer) -> Outcome {
    match &answer.json()["result"]["structuredContent"]["user"] {
        Value::String(user) if user == "bob" => Ok(answer),
        other => Err(format!("it is {other}: {}", answer.whole())),
    }
}

fn alice() -> Value {
    json!({ "name": "alice", "version": "alice" })
}
