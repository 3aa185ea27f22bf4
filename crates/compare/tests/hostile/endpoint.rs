//! T23, T24, T26: who asks at the token endpoint of the scheme that has one, and what they are
//! told. Its refusals are those of RFC 6749 §5.2.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use compare::{Kind, Side};

use super::attack::{Attack, Expected, attack, script};
use super::forge::{Client, Forge};
use super::judge::MARK;
use super::raw::Raw;

pub(crate) const GRANT: &str = "grant_type=client_credentials";

pub(crate) const BAD_REQUEST: Expected = Expected::OAuth(400, "invalid_request");
pub(crate) const BAD_CLIENT: Expected = Expected::OAuth(401, "invalid_client");
pub(crate) const BAD_SCOPE: Expected = Expected::OAuth(400, "invalid_scope");
pub(crate) const BAD_TARGET: Expected = Expected::OAuth(400, "invalid_target");
pub(crate) const BAD_GRANT: Expected = Expected::OAuth(400, "unsupported_grant_type");

pub(crate) fn attacks(kind: Kind) -> Vec<Attack> {
    if kind != Kind::Jwt {
        return Vec::new();
    }
    let mut rows = clients();
    rows.extend(basic());
    rows.extend(assertions());
    rows.extend(told());
    rows
}

/// T23: whoever is not a client learns nothing about those who are.
fn clients() -> Vec<Attack> {
    let as_client = |name: &'static str, client: fn(&Forge) -> Client| {
        [
            form("T23", format!("{name}, in the body"), BAD_CLIENT, move |forge| {
                format!("{GRANT}&{}", in_body(&client(forge)))
            }),
            attack("T23", format!("{name}, by Basic"), BAD_CLIENT, move |side, forge| {
                with_basic(side, &client(forge))
            }),
        ]
    };
    let mut rows: Vec<_> = [
        as_client("an unknown client", |forge| Client {
            id: "nobody".into(),
            secret: forge.client.secret.clone(),
        }),
        as_client("a wrong secret", |forge| known(forge, "wrong-secret-of-nobody".into())),
        as_client("another client's secret", |forge| {
            known(forge, forge.other_client.secret.clone())
        }),
        as_client("a secret less its last letter", |forge| {
            known(forge, forge.client.secret[..42].into())
        }),
        as_client("a secret and a letter more", |forge| {
            known(forge, format!("{}A", forge.client.secret))
        }),
        as_client("a secret in the other case", |forge| {
            known(forge, forge.client.secret.to_uppercase())
        }),
        as_client("a secret and a space", |forge| {
            known(forge, format!("{}%20", forge.client.secret))
        }),
        as_client("a secret and a NUL", |forge| {
            known(forge, format!("{}%00", forge.client.secret))
        }),
        as_client("an id in the other case", |forge| Client {
            id: swapped(&forge.client.id),
            ..forge.client.clone()
        }),
        as_client("an id that is SQL", |forge| Client {
            id: "x'%20OR%201=1%20--".replace('=', "%3D"),
            ..forge.client.clone()
        }),
    ]
    .into_iter()
    .flatten()
    .collect();
    rows.extend([
        form("T23", "no client at all", BAD_CLIENT, |_| GRANT.into()),
        form("T23", "a client without a secret", BAD_CLIENT, |forge| {
            format!("{GRANT}&client_id={}", forge.client.id)
        }),
        form("T23", "a client with an empty secret", BAD_CLIENT, |forge| {
            format!("{GRANT}&client_id={}&client_secret=", forge.client.id)
        }),
        form("T23", "a secret without a client", BAD_CLIENT, |forge| {
            format!("{GRANT}&client_secret={}", forge.client.secret)
        }),
        attack("T23", "the client in the query", BAD_REQUEST, |side, forge| {
            Raw::form(side, &format!("/token?{}", in_body(&forge.client)), GRANT)
        }),
        attack("T23", "the client in a cookie", BAD_CLIENT, |side, forge| {
            Raw::form(side, "/token", GRANT).with("cookie", in_body(&forge.client))
        }),
        attack("T23", "a good token in place of the client", BAD_CLIENT, |side, forge| {
            Raw::form(side, "/token", GRANT).bearer(&forge.token)
        }),
        attack("T23", "an API key in place of the client", BAD_CLIENT, |side, forge| {
            Raw::form(side, "/token", GRANT).with("x-api-key", &forge.client.secret)
        }),
        script("T23", "a revoked client", BAD_CLIENT, revoked),
        script("T23", "unknown and wrong are told the same", BAD_CLIENT, alike),
    ]);
    rows
}

/// T27: an assertion (RFC 7523) is read by nobody here, so that none authenticates anybody,
/// whatever it says; beside another way of authenticating it is one too many.
fn assertions() -> Vec<Attack> {
    const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let row = |name: &'static str, expected, rest: fn(&Forge, &Side) -> String| {
        attack("T27", name, expected, move |side, forge| {
            let body = format!("{GRANT}&client_assertion_type={TYPE}&{}", rest(forge, side));
            Raw::form(side, "/token", &body)
        })
    };
    vec![
        row("an assertion alone", BAD_CLIENT, |forge, side| {
            format!("client_assertion={}", assertion(forge, side, 60))
        }),
        row("an assertion and the client's id", BAD_CLIENT, |forge, side| {
            let id = &forge.client.id;
            format!("client_id={id}&client_assertion={}", assertion(forge, side, 60))
        }),
        row("an assertion that lives for a day", BAD_CLIENT, |forge, side| {
            format!("client_assertion={}", assertion(forge, side, 24 * 60 * 60))
        }),
        row("a good token as an assertion", BAD_CLIENT, |forge, _| {
            format!("client_id={}&client_assertion={}", forge.client.id, forge.token)
        }),
        row("an assertion and the secret", BAD_REQUEST, |forge, side| {
            format!("{}&client_assertion={}", in_body(&forge.client), assertion(forge, side, 60))
        }),
        attack("T27", "an assertion and Basic", BAD_REQUEST, |side, forge| {
            let assertion = assertion(forge, side, 60);
            let body = format!("{GRANT}&client_assertion_type={TYPE}&client_assertion={assertion}");
            with_basic(side, &forge.client).body(body)
        }),
    ]
}

/// What a client would sign for this server, under the server's own secret at that.
fn assertion(forge: &Forge, side: &Side, seconds: i64) -> String {
    let now = jiff::Timestamp::now().as_second();
    forge.own.sign(
        r#"{"alg":"HS256","typ":"JWT"}"#,
        &serde_json::json!({
            "iss": forge.client.id, "sub": forge.client.id, "aud": format!("{}/token", side.origin()),
            "iat": now, "exp": now + seconds, "jti": "1",
        })
        .to_string(),
    )
}

/// T24: what is not well-formed is 400, whether or not the client would have been right.
fn basic() -> Vec<Attack> {
    let value = |name: &'static str, expected, value: fn(&Client) -> Vec<u8>| {
        attack("T24", format!("Basic: {name}"), expected, move |side, forge| {
            Raw::form(side, "/token", GRANT).with("authorization", value(&forge.client))
        })
    };
    vec![
        value("no colon", BAD_REQUEST, |client| encoded(client.id.as_bytes())),
        value("no base64", BAD_REQUEST, |_| "Basic ***".into()),
        value("base64 cut off", BAD_REQUEST, |client| {
            let mut value = encoded(joined(client).as_bytes());
            value.truncate(value.len() - 3);
            [value, b"=".to_vec()].concat()
        }),
        value("base64 of URLs", BAD_REQUEST, |_| "Basic _-_-Og==".into()),
        value("nothing", BAD_REQUEST, |_| "Basic ".into()),
        value("alone", BAD_REQUEST, |_| "Basic".into()),
        value("not UTF-8", BAD_REQUEST, |client| {
            encoded(&[client.id.as_bytes(), b":\xff\xfe"].concat())
        }),
        value("%zz", BAD_REQUEST, |client| encoded(format!("{}:%zz", client.id).as_bytes())),
        value("% at the end", BAD_REQUEST, |client| {
            encoded(format!("{}%", joined(client)).as_bytes())
        }),
        value("%FF, which is not UTF-8", BAD_REQUEST, |client| {
            encoded(format!("{}:%FF", client.id).as_bytes())
        }),
        value("two words", BAD_REQUEST, |client| {
            [encoded(joined(client).as_bytes()), b" junk".to_vec()].concat()
        }),
        value("the byte 0xFF", BAD_REQUEST, |client| {
            [encoded(joined(client).as_bytes()), b"\xff".to_vec()].concat()
        }),
        value("a plus behind the secret is a space", BAD_CLIENT, |client| {
            encoded(format!("{}+", joined(client)).as_bytes())
        }),
        value("%20 behind the secret is a space", BAD_CLIENT, |client| {
            encoded(format!("{}%20", joined(client)).as_bytes())
        }),
        value("the word in another case", Expected::Harmless(200), |client| {
            format!("bAsIc {}", STANDARD.encode(joined(client))).into()
        }),
        value("every letter as %XX", Expected::Harmless(200), |client| {
            let each = |text: &str| text.bytes().map(|b| format!("%{b:02X}")).collect::<String>();
            encoded(format!("{}:{}", each(&client.id), each(&client.secret)).as_bytes())
        }),
        value("another scheme", BAD_CLIENT, |client| format!("Digest {}", client.secret).into()),
        value("9 KiB", Expected::OAuth(431, "invalid_request"), |_| {
            [&b"Basic "[..], &[b'a'; 9 * 1024]].concat()
        }),
        attack("T24", "Basic and a secret in the body", BAD_REQUEST, |side, forge| {
            with_basic(side, &forge.client).body(format!("{GRANT}&{}", in_body(&forge.client)))
        }),
        attack("T24", "Basic and another client in the body", BAD_REQUEST, |side, forge| {
            let body = format!("{GRANT}&client_id={}", forge.other_client.id);
            with_basic(side, &forge.client).body(body)
        }),
        attack("T24", "wrong Basic, right secret in the body", BAD_REQUEST, |side, forge| {
            let wrong = Client { secret: "wrong-secret-of-nobody".into(), ..forge.client.clone() };
            with_basic(side, &wrong).body(format!("{GRANT}&{}", in_body(&forge.client)))
        }),
        attack("T24", "Basic twice", BAD_REQUEST, |side, forge| {
            let raw = with_basic(side, &forge.client);
            raw.with("Authorization", basic_value(&forge.client))
        }),
        attack("T24", "Basic and Bearer", BAD_REQUEST, |side, forge| {
            with_basic(side, &forge.client).bearer(&forge.token)
        }),
    ]
}

/// T26: no answer is to be stored, and none repeats what was sent.
fn told() -> Vec<Attack> {
    let parameter = |name: &'static str, expected, form_of: fn(&Client, &str) -> String| {
        attack("T26", format!("markup as {name}"), expected, move |side, forge| {
            Raw::form(side, "/token", &form_of(&forge.client, &percent(MARK)))
        })
    };
    vec![
        parameter("client_id", BAD_CLIENT, |_, mark| {
            format!("{GRANT}&client_id={mark}&client_secret=wrong-secret-of-nobody")
        }),
        parameter("grant_type", BAD_GRANT, |client, mark| {
            format!("grant_type={mark}&{}", in_body(client))
        }),
        parameter("scope", BAD_SCOPE, |client, mark| {
            format!("{GRANT}&{}&scope={mark}", in_body(client))
        }),
        parameter("resource", BAD_TARGET, |client, mark| {
            format!("{GRANT}&{}&resource={mark}", in_body(client))
        }),
        parameter("a parameter sent twice", BAD_REQUEST, |client, mark| {
            format!("{GRANT}&{}&{mark}=1&{mark}=2", in_body(client))
        }),
        parameter("scope, with line ends", BAD_SCOPE, |client, mark| {
            format!("{GRANT}&{}&scope=%0d%0aset-cookie:{mark}", in_body(client))
        }),
        script("T26", "a token is not to be stored", Expected::Harmless(200), {
            async |side, forge| {
                let answer = with_basic(side, &forge.client).send(side).await;
                let right = answer.header("cache-control") == Some("no-store")
                    && answer.header("pragma") == Some("no-cache")
                    && answer.json()["token_type"] == "Bearer"
                    && answer.json()["refresh_token"].is_null();
                if right { Ok(answer) } else { Err(answer.whole()) }
            }
        }),
    ]
}

/// A client that was good, and is not any more.
async fn revoked(side: &Side, forge: &Forge) -> super::attack::Outcome {
    use mcp_auth::authn::client::PlainClient;
    let plain = PlainClient::mint();
    let new = store::NewClient {
        scopes: vec!["weather:read".into()],
        ..store::NewClient::of(&plain, "bob", "Bob's lost client")
    };
    forge.store.insert_client(new).map_err(|error| error.to_string())?;
    let client = Client { id: plain.id().into(), secret: plain.reveal_secret().into() };
    forge.keep(&client.secret);
    until_status(side, &client, 200).await?;
    forge.store.revoke_client(&client.id).map_err(|error| error.to_string())?;
    until_status(side, &client, 401).await
}

/// Unknown, wrong, and right but of another: to the last byte.
async fn alike(side: &Side, forge: &Forge) -> super::attack::Outcome {
    let answer = async |id: &str, secret: &str| {
        let client = Client { id: id.into(), secret: secret.into() };
        with_basic(side, &client).send(side).await
    };
    let unknown = answer("nobody", "wrong-secret-of-nobody").await;
    for (id, secret) in [
        (&forge.client.id, "wrong-secret-of-nobody"),
        (&forge.client.id, &forge.other_client.secret),
    ] {
        let wrong = answer(id, secret).await;
        if wrong.without_trace() != unknown.without_trace() {
            return Err(format!("{} differs from {}", wrong.whole(), unknown.whole()));
        }
    }
    Ok(unknown)
}

/// A server follows its store within a quarter of a second.
async fn until_status(side: &Side, client: &Client, status: u16) -> super::attack::Outcome {
    for _ in 0..200 {
        let answer = with_basic(side, client).send(side).await;
        if answer.status == status {
            return Ok(answer);
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    Err(format!("its client never got {status}"))
}

pub(crate) fn form(
    trap: &'static str,
    name: impl Into<String>,
    expected: Expected,
    body: impl Fn(&Forge) -> String + 'static,
) -> Attack {
    attack(trap, name, expected, move |side, forge| Raw::form(side, "/token", &body(forge)))
}

pub(crate) fn with_basic(side: &Side, client: &Client) -> Raw {
    Raw::form(side, "/token", GRANT).with("authorization", basic_value(client))
}

fn basic_value(client: &Client) -> Vec<u8> {
    encoded(joined(client).as_bytes())
}

fn encoded(text: &[u8]) -> Vec<u8> {
    format!("Basic {}", STANDARD.encode(text)).into_bytes()
}

fn joined(client: &Client) -> String {
    format!("{}:{}", client.id, client.secret)
}

/// Bob's client with another secret.
pub(crate) fn known(forge: &Forge, secret: String) -> Client {
    Client { secret, ..forge.client.clone() }
}

pub(crate) fn in_body(client: &Client) -> String {
    format!("client_id={}&client_secret={}", client.id, client.secret)
}

fn swapped(text: &str) -> String {
    let other = |c: char| {
        if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }
    };
    text.chars().map(other).collect()
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}
