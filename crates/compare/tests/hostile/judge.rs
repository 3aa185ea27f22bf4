//! Whether an answer is what it has to be, to the last header.

use compare::{Kind, Side};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::attack::Expected;
use super::forge::Forge;
use super::raw::Answer;

/// What the log may say of a refusal and the client may not.
const FOR_THE_LOG_ALONE: [&str; 22] = [
    "checksum",
    "signature",
    "kid",
    "alg:",
    "typ:",
    "crit",
    "iss:",
    "aud:",
    "exp:",
    "jti",
    "duplicate",
    "base64",
    "no API key has",
    "no client has",
    "the secret is wrong",
    "is revoked",
    "another caller",
    "no such session",
    "sqlite",
    "panicked",
    ".rs",
    "/home",
];

/// Put into what a stranger sends, where an answer could be tempted to repeat it.
pub(crate) const MARK: &str = "h0st1le<script>";

type Judgement = Result<(), String>;

/// # Errors
/// What is wrong with the answer, in words.
pub(crate) fn judge(expected: Expected, side: &Side, forge: &Forge, answer: &Answer) -> Judgement {
    no_echo(side, forge, answer)?;
    if answer.header("x-request-id").is_none() && !matches!(expected, Expected::Bare(_)) {
        return Err("the answer has no x-request-id".to_owned());
    }
    match expected {
        Expected::Passed => {
            status(200, answer)?;
            let time = &answer.json()["result"]["structuredContent"]["time"];
            if time.is_string() { Ok(()) } else { Err(format!("no answer in {}", answer.body)) }
        }
        Expected::Harmless(right) | Expected::Bare(right) => status(right, answer),
        Expected::Challenged(right, error) => {
            status(right, answer)?;
            challenge(side, Some(error), answer)?;
            refusal(answer)
        }
        Expected::Refused(right) => {
            status(right, answer)?;
            challenge(side, None, answer)?;
            refusal(answer)
        }
        Expected::NotPermitted => not_permitted(side, answer),
        Expected::Mcp(right, code) => {
            status(right, answer)?;
            let found = answer.json()["error"]["code"].as_i64();
            if found == code { Ok(()) } else { Err(format!("code {found:?}: {}", answer.body)) }
        }
        Expected::Nowhere => {
            status(404, answer)?;
            nothing_is_there(answer)
        }
        Expected::OAuth(right, error) => oauth(right, error, answer),
    }
}

/// Whether something was done for the caller, whatever was expected.
pub(crate) fn got_through(answer: &Answer) -> bool {
    answer.status < 400 && answer.json()["error"].is_null()
}

fn status(right: u16, answer: &Answer) -> Judgement {
    match answer.status {
        status if status == right => Ok(()),
        status => Err(format!("expected {right}, got {status}: {}", answer.body)),
    }
}

/// No secret that was sent, and none that is known, comes back; nor does what a stranger
/// wrote.
fn no_echo(side: &Side, forge: &Forge, answer: &Answer) -> Judgement {
    let whole = answer.whole();
    let known = [&side.bob, &side.alice].map(|one| one.secret().expose_secret().to_owned());
    let presented = answer.presented.iter().cloned();
    for secret in known.into_iter().chain(presented).chain(forge.secrets()) {
        if whole.contains(&secret) {
            return Err(format!("the answer repeats a credential: {whole}"));
        }
    }
    if whole.contains(MARK) {
        return Err(format!("the answer repeats what was sent: {whole}"));
    }
    Ok(())
}

/// `None` expects no challenge; `Some(None)` one without an error (RFC 6750 §3).
fn challenge(side: &Side, expected: Option<Option<&str>>, answer: &Answer) -> Judgement {
    let mut found = answer.headers("www-authenticate");
    let (first, second) = (found.next(), found.next());
    if second.is_some() {
        return Err("there is more than one challenge".to_owned());
    }
    let (value, error) = match (first, expected) {
        (None, None) => return Ok(()),
        (Some(value), Some(error)) => (value, error),
        _ => return Err(format!("expected a challenge with {expected:?}, got {first:?}")),
    };
    let parameter = |name: &str| {
        value.split(&format!("{name}=\"")).nth(1).and_then(|rest| rest.split('"').next())
    };
    if !value.starts_with("Bearer realm=\"mcp\"") || parameter("error") != error {
        return Err(format!("expected a challenge with {error:?}, got {value:?}"));
    }
    // Where tokens are to be had is said by the servers that take tokens, from configuration.
    let document = (side.kind != Kind::ApiKey)
        .then(|| format!("{}/.well-known/oauth-protected-resource/mcp", side.origin()));
    if parameter("resource_metadata") != document.as_deref() {
        return Err(format!("expected {document:?} in the challenge {value:?}"));
    }
    Ok(())
}

/// A refusal is whole: sentence, trace id, not to be stored, and nothing that is for the log
/// alone.
fn refusal(answer: &Answer) -> Judgement {
    let body = answer.json();
    let told = &body["error"];
    if body["jsonrpc"] != "2.0" || !is_sentence(&told["message"]) {
        return Err(format!("no sentence in {}", answer.body));
    }
    if !is_sentence(&told["data"]["error"]) || told["code"] != answer.status {
        return Err(format!("no code in {}", answer.body));
    }
    if !is_sentence(&told["data"]["how_to_fix"]) {
        return Err(format!("nothing that would help in {}", answer.body));
    }
    traced(&told["data"]["trace_id"], answer)?;
    if answer.status == 429 && retry_after(answer).is_none() {
        return Err("a 429 without Retry-After".to_owned());
    }
    closed_mouth(answer)
}

/// 403: with the scopes that would help, where a new token would; else without a challenge.
fn not_permitted(side: &Side, answer: &Answer) -> Judgement {
    status(403, answer)?;
    let (error, word) = match side.kind {
        Kind::Jwt => (Some(Some("insufficient_scope")), "insufficient_scope"),
        Kind::ApiKey | Kind::Rbac => (None, "not_granted"),
    };
    challenge(side, error, answer)?;
    if error.is_some() && !answer.head.contains(", scope=\"") {
        return Err(format!("no scope in the challenge: {}", answer.head));
    }
    if answer.json()["error"]["data"]["error"] != word {
        return Err(format!("expected {word}, got {}", answer.body));
    }
    refusal(answer)
}

/// The public 404 is the same whatever was asked for, and asks nobody for a credential.
fn nothing_is_there(answer: &Answer) -> Judgement {
    if answer.body != "There is nothing here. MCP is at /mcp.\n" {
        return Err(format!("another 404: {}", answer.body));
    }
    if answer.header("www-authenticate").is_some() {
        return Err("a 404 with a challenge".to_owned());
    }
    Ok(())
}

/// RFC 6749 §5.2: JSON of its own form, `Basic` challenged on 401 and never else.
fn oauth(right: u16, error: &str, answer: &Answer) -> Judgement {
    status(right, answer)?;
    let body = answer.json();
    if body["error"] != error || !body["access_token"].is_null() {
        return Err(format!("expected {error}, got {}", answer.body));
    }
    let allowed = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
    if !is_sentence(&body["error_description"])
        || !body["error_description"].as_str().unwrap_or_default().chars().all(allowed)
    {
        return Err(format!("no description in {}", answer.body));
    }
    if let Some(trace) = body.get("trace_id") {
        traced(trace, answer)?;
    }
    let mut challenges = answer.headers("www-authenticate");
    let basic = challenges.next().is_some_and(|value| value.starts_with("Basic realm="));
    if basic != (right == 401) || challenges.next().is_some() {
        return Err(format!("the challenge is not for {right}: {}", answer.head));
    }
    if answer.header("content-type") != Some("application/json") {
        return Err(format!("not JSON: {}", answer.head));
    }
    if right == 429 && retry_after(answer).is_none() {
        return Err("a 429 without Retry-After".to_owned());
    }
    closed_mouth(answer)
}

fn traced(told: &Value, answer: &Answer) -> Judgement {
    let trace = answer.header("x-request-id");
    if trace.is_some() && told.as_str() == trace {
        return Ok(());
    }
    Err("body and header have not the same trace id".to_owned())
}

fn closed_mouth(answer: &Answer) -> Judgement {
    if answer.header("cache-control") != Some("no-store") {
        return Err("the refusal may be stored".to_owned());
    }
    match FOR_THE_LOG_ALONE.iter().find(|word| answer.whole().contains(*word)) {
        Some(word) => Err(format!("the client is told {word:?}: {}", answer.whole())),
        None => Ok(()),
    }
}

/// Seconds to wait, at least one (RFC 9110 §10.2.3).
pub(crate) fn retry_after(answer: &Answer) -> Option<u64> {
    let seconds = answer.header("retry-after")?.parse().ok()?;
    (seconds >= 1).then_some(seconds)
}

fn is_sentence(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}
