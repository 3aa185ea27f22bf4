//! T31, T42: what becomes of a session when its owner's credential is renewed, weakened or at its
//! end. Each request is judged by the credential that it brings.

use std::time::{Duration, Instant};

use compare::{Kind, Side};
use serde_json::Value;
use tokio::io::AsyncReadExt;

use super::attack::{Attack, Expected, INVALID, script};
use super::callers::until;
use super::forge::Forge;
use super::sessions::Session;

/// By how much clocks may differ: a token counts for so many seconds after its `exp`.
const LEEWAY: Duration = Duration::from_secs(5);

pub(crate) fn attacks(_: Kind) -> Vec<Attack> {
    vec![
        script("T31", "a session after the credential was renewed", Expected::Passed, {
            async |side, forge| {
                let renewed = forge.renewed(side).await?;
                let session = Session::open(side, &side.bob).await?;
                let answer = session.call_of("get_time").present(&renewed).send(side).await;
                session.end().await?;
                Ok(answer)
            }
        }),
        script("T31", "a session with a weaker credential", Expected::NotPermitted, {
            async |side, forge| {
                let weaker = forge.weaker(side).await?;
                let session = Session::open(side, &side.bob).await?;
                let answer = session.call_of("get_time").present(&weaker).send(side).await;
                session.end().await?;
                Ok(answer)
            }
        }),
        script("T31", "the list in a session with a weaker credential", Expected::Harmless(200), {
            async |side, forge| {
                let weaker = forge.weaker(side).await?;
                let session = Session::open(side, &side.bob).await?;
                let list = serde_json::json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" });
                let answer = session.post(&list).present(&weaker).send(side).await;
                session.end().await?;
                match names(&answer.json()).as_slice() {
                    ["whoami"] => Ok(answer),
                    names => Err(format!("it lists {names:?}")),
                }
            }
        }),
        script("T31", "a stream for a weaker credential", Expected::Refused(404), {
            async |side, forge| {
                let weaker = forge.weaker(side).await?;
                let session = Session::open(side, &side.bob).await?;
                session.is_alive().await?;
                let answer = session.listen().present(&weaker).send(side).await;
                session.end().await?;
                Ok(answer)
            }
        }),
        script("T31", "a session with an expired credential", INVALID, async |side, _| {
            let session = Session::open(side, &side.bob).await?;
            let answer = session.call_of("get_time").present(&side.expired).send(side).await;
            session.is_alive().await?;
            session.end().await?;
            Ok(answer)
        }),
        script("T31", "the stream of a session with an expired credential", INVALID, {
            async |side, _| {
                let session = Session::open(side, &side.bob).await?;
                let answer = session.listen().present(&side.expired).send(side).await;
                session.end().await?;
                Ok(answer)
            }
        }),
    ]
}

/// T42: a stream ends when the credential does that opened it, and no sooner; one that was
/// opened with a lasting credential goes on.
///
/// # Errors
/// What was otherwise.
pub(crate) async fn streams_end(side: &Side, forge: &Forge) -> Result<(), String> {
    const LIFE: u64 = 3;
    // The server adds its leeway to the end of a token, and none to that of a key.
    let leeway = if side.kind == Kind::ApiKey { Duration::ZERO } else { LEEWAY };
    let ending = forge.ending(side, LIFE as i64).await?;
    let started = Instant::now();
    let session = Session::open(side, &side.bob).await?;
    let other = Session::open(side, &side.bob).await?;
    let mut short = session.listen().present(&ending).open(side).await;
    let mut lasting = other.listen().present(&side.bob).open(side).await;

    let longest = Duration::from_secs(LIFE + 3) + leeway;
    let mut text = Vec::new();
    let end = tokio::time::timeout(longest, short.read_to_end(&mut text)).await;
    let took = started.elapsed();
    let began = String::from_utf8_lossy(&text).starts_with("HTTP/1.1 200");
    if !began {
        return Err(format!("no stream: {}", String::from_utf8_lossy(&text)));
    }
    if end.is_err() {
        return Err(format!("the stream goes on {} s later", took.as_secs()));
    }
    if took < Duration::from_secs(LIFE - 1) {
        return Err(format!("the stream ended after {took:?}"));
    }
    let mut start = [0; 12];
    lasting.read_exact(&mut start).await.map_err(|error| error.to_string())?;
    let goes_on = tokio::time::timeout(Duration::from_secs(1), async {
        let mut rest = Vec::new();
        let _ = lasting.read_to_end(&mut rest).await;
    });
    if goes_on.await.is_ok() {
        return Err("the stream of a lasting credential ended too".to_owned());
    }
    // What ended is the stream and its credential; the session is bob's still.
    until(side, &ending, |status| status == 401).await?;
    session.is_alive().await?;
    session.end().await?;
    other.end().await
}

/// The names that a `tools/list` shows.
pub(crate) fn names(message: &Value) -> Vec<&str> {
    let tools = message["result"]["tools"].as_array();
    tools.into_iter().flatten().filter_map(|tool| tool["name"].as_str()).collect()
}
