//! T30, T32, T33: the sessions of older clients. An id is no credential, and of use to its
//! owner alone.

use client::Credential;
use compare::{Kind, Side};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::attack::{Attack, Expected, INVALID, NOTHING, Outcome, attack, script};
use super::raw::{Answer, Raw, host};

/// More sessions than any server lets one caller open.
const TOO_MANY: usize = 500;
const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";

/// A session that was opened as older clients do, and its owner.
pub(crate) struct Session<'a> {
    side: &'a Side,
    owner: Credential,
    pub(crate) id: String,
}

pub(crate) fn attacks(_: Kind) -> Vec<Attack> {
    let mut rows = stolen();
    rows.extend(without_credential());
    rows.extend(other_era());
    rows.extend(ids());
    rows.extend(exhaustion());
    rows
}

/// T30: alice has bob's session id. What she gets is what she would get for an id that
/// there is not.
fn stolen() -> Vec<Attack> {
    let with_id = |name: &'static str, build: fn(&Session<'_>) -> Raw| {
        script("T30", name, Expected::Refused(404), async move |side, _| {
            on_bobs(side, |session| build(session).present(&side.alice)).await
        })
    };
    vec![
        with_id("a call in another's session", |session| session.call_of("get_time")),
        with_id("a stream of another's session", |session| session.listen()),
        with_id("the end of another's session", |session| session.to("DELETE")),
        with_id("a notification in another's session", |session| {
            session.post(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))
        }),
        with_id("a cancellation in another's session", |session| {
            session.post(&json!({
                "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 2 },
            }))
        }),
        with_id("an answer in another's session", |session| {
            session.post(&json!({ "jsonrpc": "2.0", "id": 0, "result": { "action": "accept" } }))
        }),
        with_id("an error in another's session", |session| {
            session.post(&json!({
                "jsonrpc": "2.0", "id": 0, "error": { "code": 1, "message": "no" },
            }))
        }),
        with_id("what another missed, by Last-Event-ID", |session| {
            session.listen().with("last-event-id", "0")
        }),
        with_id("initialize in another's session", |session| session.post(&initialize())),
        with_id("a list in another's session", |session| {
            session.post(&json!({ "jsonrpc": "2.0", "id": 3, "method": "tools/list" }))
        }),
        with_id("another's session under no version", |session| {
            session.call_of("get_time").without("mcp-protocol-version")
        }),
        with_id("another's session under a version of 2024", |session| {
            session.call_of("get_time").set("mcp-protocol-version", "2024-11-05")
        }),
        with_id("a batch in another's session", |session| session.post(&json!([initialize()]))),
        script("T30", "another program of the same user", Expected::Refused(404), {
            async |side, forge| {
                let other = forge.other_program(side).await?;
                on_bobs(side, |session| session.call_of("get_time").present(&other)).await
            }
        }),
        script("T30", "a session that there is not", Expected::Refused(404), async |side, _| {
            let unknown = older_call(side).with("mcp-session-id", UNKNOWN);
            let unknown = unknown.present(&side.alice).send(side).await;
            let foreign =
                on_bobs(side, |session| session.call_of("get_time").present(&side.alice)).await?;
            if unknown.without_trace() == foreign.without_trace() {
                return Ok(unknown);
            }
            Err(format!("{} differs from {}", unknown.whole(), foreign.whole()))
        }),
        script("T30", "a session that was ended", Expected::Refused(404), async |side, _| {
            let session = Session::open(side, &side.bob).await?;
            session.end().await?;
            Ok(session.call_of("get_time").present(&side.bob).send(side).await)
        }),
        script("T30", "an id in capitals", Expected::Refused(404), async |side, _| {
            on_bobs(side, |session| {
                let id = session.id.to_uppercase();
                older_call(side).with("mcp-session-id", id).present(&side.bob)
            })
            .await
        }),
    ]
}

/// T30: an id alone, or with what is no credential.
fn without_credential() -> Vec<Attack> {
    let alone = |name: &'static str, build: fn(&Session<'_>) -> Raw| {
        script("T30", name, NOTHING, async move |side, _| on_bobs(side, build).await)
    };
    vec![
        alone("a session id alone, POST", |session| session.call_of("get_time")),
        alone("a session id alone, GET", |session| session.listen()),
        alone("a session id alone, DELETE", |session| session.to("DELETE")),
        script("T30", "a session id in place of a token", INVALID, async |side, _| {
            on_bobs(side, |session| session.call_of("get_time").bearer(&session.id)).await
        }),
        script("T30", "a session id and a wrong credential", INVALID, async |side, _| {
            on_bobs(side, |session| session.call_of("get_time").present(&side.wrong)).await
        }),
    ]
}

/// T30: a request of the version without sessions has none, whatever it names.
fn other_era() -> Vec<Attack> {
    vec![
        script(
            "T30",
            "another's session under the version without",
            Expected::Harmless(200),
            async |side, _| {
                let session = Session::open(side, &side.bob).await?;
                let call = Raw::call_of(side, "whoami").with("mcp-session-id", &session.id);
                let answer = call.present(&side.alice).send(side).await;
                session.is_alive().await?;
                session.end().await?;
                let user = &answer.json()["result"]["structuredContent"]["user"];
                if user == "alice" { Ok(answer) } else { Err(format!("she is {user}")) }
            },
        ),
        script(
            "T30",
            "initialize in another's session under the version without",
            Expected::Harmless(200),
            async |side, _| {
                let session = Session::open(side, &side.bob).await?;
                let mut body = initialize();
                body["params"]["protocolVersion"] = json!("2026-07-28");
                let answer = session
                    .post(&body)
                    .set("mcp-protocol-version", "2026-07-28")
                    .present(&side.alice)
                    .send(side)
                    .await;
                session.is_alive().await?;
                session.end().await?;
                let Some(id) = answer.header("mcp-session-id") else {
                    return Err(format!("no session of her own: {}", answer.whole()));
                };
                if id == session.id {
                    return Err("she was let into bob's session".to_owned());
                }
                let own = Session { side, owner: side.alice.clone(), id: id.to_owned() };
                own.end().await?;
                Ok(answer)
            },
        ),
        attack(
            "T30",
            "initialize under a version that it contradicts",
            Expected::Mcp(400, Some(-32600)),
            |side, _| {
                let raw = Raw::older(side, &initialize()).present(&side.alice);
                raw.set("mcp-protocol-version", "2026-07-28").with("mcp-session-id", UNKNOWN)
            },
        ),
    ]
}

/// T32: one id, of visible ASCII, and not longer than any that was given out.
fn ids() -> Vec<Attack> {
    let malformed = |name: &'static str, id: fn(&str) -> Vec<u8>| {
        script("T32", name, Expected::Refused(400), async move |side, _| {
            on_bobs(side, |session| {
                older_call(side).with("mcp-session-id", id(&session.id)).present(&side.bob)
            })
            .await
        })
    };
    let twice = |name: &'static str, ids: fn(&str) -> [String; 2]| {
        script("T32", name, Expected::Refused(400), async move |side, _| {
            on_bobs(side, |session| {
                let [first, second] = ids(&session.id);
                let raw = older_call(side).with("mcp-session-id", first);
                raw.with("Mcp-Session-Id", second).present(&side.bob)
            })
            .await
        })
    };
    vec![
        twice("a session id twice", |id| [id.into(), id.into()]),
        twice("a session id and another", |id| [id.into(), UNKNOWN.into()]),
        twice("another session id and it", |id| [UNKNOWN.into(), id.into()]),
        malformed("a session id that is not ASCII", |id| [id.as_bytes(), b"\xff"].concat()),
        malformed("a session id in UTF-8", |id| format!("{id}\u{e9}").into()),
        malformed("a session id of 10,000 characters", |id| id.repeat(10_000 / id.len()).into()),
    ]
}

/// T33: one caller's sessions are limited, and nobody else's.
fn exhaustion() -> Vec<Attack> {
    let too_many = Expected::Refused(429);
    vec![
        script("T33", "sessions one after the other", too_many, async |side, _| {
            let (sessions, refused) = exhaust(side, async |_| Ok(())).await?;
            let other = Session::open(side, &side.bob).await?;
            other.end().await?;
            // One ended is one place free.
            let (last, rest) = sessions.split_last().ok_or("not one session was opened")?;
            last.end().await?;
            Session::open(side, &side.alice).await?.end().await?;
            for session in rest {
                session.end().await?;
            }
            Ok(refused)
        }),
        // Its 404 is about the method, and the session goes on.
        script("T33", "sessions that answer 404", too_many, async |side, _| {
            let (sessions, refused) = exhaust(side, async |session| {
                let answer = session.post(&unknown_method()).present(&side.alice).send(side).await;
                match answer.status {
                    404 => session.is_alive().await,
                    status => Err(format!("an unknown method is {status}")),
                }
            })
            .await?;
            for session in &sessions {
                session.end().await?;
            }
            Ok(refused)
        }),
        script("T33", "sessions all at once", too_many, async |side, _| {
            let (sessions, _) = exhaust(side, async |_| Ok(())).await?;
            for session in &sessions {
                session.end().await?;
            }
            let mut all = JoinSet::new();
            for _ in 0..sessions.len() + 8 {
                let raw = Raw::older(side, &initialize()).present(&side.alice);
                let address = host(side).to_owned();
                all.spawn(async move { raw.send_to(&address).await });
            }
            let answers = all.join_all().await;
            let opened: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
            for answer in &opened {
                Session::of(side, &side.alice, answer)?.end().await?;
            }
            if opened.len() > sessions.len() {
                return Err(format!("{} sessions at once", opened.len()));
            }
            let refused = answers.iter().find(|answer| answer.status != 200);
            refused.cloned().ok_or_else(|| "none was refused".to_owned())
        }),
    ]
}

/// Opens alice's sessions, uses each, until no more is opened; returns what that was refused
/// with.
async fn exhaust<'a>(
    side: &'a Side,
    use_it: impl AsyncFn(&Session<'a>) -> Result<(), String>,
) -> Result<(Vec<Session<'a>>, Answer), String> {
    let mut sessions = Vec::new();
    while sessions.len() < TOO_MANY {
        let answer = Raw::older(side, &initialize()).present(&side.alice).send(side).await;
        if answer.status != 200 {
            return Ok((sessions, answer));
        }
        let session = Session::of(side, &side.alice, &answer)?.initialized().await?;
        use_it(&session).await?;
        sessions.push(session);
    }
    Err(format!("alice has {TOO_MANY} sessions"))
}

/// Sends one request that has to do with a session of bob's, which has to survive it.
async fn on_bobs(side: &Side, build: impl FnOnce(&Session<'_>) -> Raw) -> Outcome {
    let session = Session::open(side, &side.bob).await?;
    let answer = build(&session).send(side).await;
    session.is_alive().await?;
    session.end().await?;
    Ok(answer)
}

impl<'a> Session<'a> {
    pub(crate) async fn open(side: &'a Side, owner: &Credential) -> Result<Self, String> {
        Self::open_as(side, owner, json!({ "name": "compare", "version": "1" })).await
    }

    /// The same for a program that gives this account of itself.
    pub(crate) async fn open_as(
        side: &'a Side,
        owner: &Credential,
        client_info: Value,
    ) -> Result<Self, String> {
        let mut body = initialize();
        body["params"]["clientInfo"] = client_info;
        let answer = Raw::older(side, &body).present(owner).send(side).await;
        Self::of(side, owner, &answer)?.initialized().await
    }

    /// The session that was opened by this answer.
    fn of(side: &'a Side, owner: &Credential, answer: &Answer) -> Result<Self, String> {
        match answer.header("mcp-session-id") {
            Some(id) if answer.status == 200 => {
                Ok(Self { side, owner: owner.clone(), id: id.to_owned() })
            }
            _ => Err(format!("no session was opened: {}", answer.whole())),
        }
    }

    async fn initialized(self) -> Result<Self, String> {
        let body = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        match self.post(&body).present(&self.owner).send(self.side).await.status {
            202 => Ok(self),
            status => Err(format!("the session was not taken: {status}")),
        }
    }

    /// A request to the session, without a credential.
    pub(crate) fn to(&self, method: &str) -> Raw {
        let raw = Raw::to(self.side, method, "/mcp").with("mcp-session-id", &self.id);
        raw.with("mcp-protocol-version", "2025-11-25")
    }

    /// A message in the session.
    pub(crate) fn post(&self, body: &Value) -> Raw {
        Raw::older(self.side, body).with("mcp-session-id", &self.id)
    }

    pub(crate) fn call_of(&self, tool: &str) -> Raw {
        self.post(&call(tool))
    }

    /// The stream on which a client listens.
    pub(crate) fn listen(&self) -> Raw {
        self.to("GET").with("accept", "text/event-stream")
    }

    pub(crate) async fn is_alive(&self) -> Result<(), String> {
        let answer = self.call_of("get_time").present(&self.owner).send(self.side).await;
        match answer.json()["result"].is_object() {
            true => Ok(()),
            false => Err(format!("its owner's session is gone: {}", answer.whole())),
        }
    }

    /// Ends it, so that nothing is left of it.
    pub(crate) async fn end(&self) -> Result<(), String> {
        match self.to("DELETE").present(&self.owner).send(self.side).await {
            answer if answer.status < 300 => Ok(()),
            answer => Err(format!("the session could not be ended: {}", answer.whole())),
        }
    }
}

fn initialize() -> Value {
    json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": { "name": "compare", "version": "1" },
        },
    })
}

/// As an older client sends it that names its version in the body too.
fn unknown_method() -> Value {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2025-11-25",
        "io.modelcontextprotocol/clientInfo": { "name": "compare", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    json!({ "jsonrpc": "2.0", "id": 5, "method": "nope", "params": { "_meta": meta } })
}

fn call(tool: &str) -> Value {
    let params = json!({ "name": tool, "arguments": {} });
    json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params })
}

fn older_call(side: &Side) -> Raw {
    Raw::older(side, &call("get_time"))
}
