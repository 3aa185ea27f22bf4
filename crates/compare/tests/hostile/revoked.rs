//! T31, T42: what is open for a credential ends when that is revoked, and nothing else does.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use client::Credential;
use compare::{Kind, Side};
use jiff::{SignedDuration, Timestamp};
use mcp_auth::authn::apikey::KeyId;
use mcp_auth::authn::jwt::{Claims, RevokedToken};
use secrecy::ExposeSecret;
use tokio::io::AsyncReadExt;

use super::attack::{Attack, INVALID, Outcome, script};
use super::callers::until;
use super::forge::Forge;
use super::raw::Raw;
use super::sessions::Session;

/// What is promised is a quarter of a second; machines that test are busy.
const LONGEST: Duration = Duration::from_secs(10);

pub(crate) fn attacks(_: Kind) -> Vec<Attack> {
    vec![script("T31", "a session after its credential was revoked", INVALID, session)]
}

async fn session(side: &Side, forge: &Forge) -> Outcome {
    let lost = forge.renewed(side).await?;
    let (session, others) =
        (Session::open(side, &lost).await?, Session::open(side, &side.bob).await?);
    forge.revoke(side, &lost)?;
    until(side, &lost, |status| status == 401).await?;
    let answer = session.call_of("get_time").present(&lost).send(side).await;
    is_over(&session, side).await?;
    others.is_alive().await?;
    others.end().await?;
    Ok(answer)
}

/// A stream ends when the credential is revoked that opened it, and its session with it; those of
/// another credential of the same caller go on.
///
/// # Errors
/// What was otherwise.
pub(crate) async fn streams_end(side: &Side, forge: &Forge) -> Result<(), String> {
    let lost = forge.renewed(side).await?;
    let (session, other) =
        (Session::open(side, &lost).await?, Session::open(side, &side.bob).await?);
    let mut ended = session.listen().present(&lost).open(side).await;
    let mut lasting = other.listen().present(&side.bob).open(side).await;
    let mut start = [0; 12];
    for stream in [&mut ended, &mut lasting] {
        stream.read_exact(&mut start).await.map_err(|error| error.to_string())?;
        if start != *b"HTTP/1.1 200" {
            return Err(format!("no stream: {}", String::from_utf8_lossy(&start)));
        }
    }
    let mut rest = Vec::new();
    let goes_on = tokio::time::timeout(Duration::from_millis(300), ended.read_to_end(&mut rest));
    if goes_on.await.is_ok() {
        return Err("the stream ended before anything was revoked".to_owned());
    }

    forge.revoke(side, &lost)?;
    let end = tokio::time::timeout(LONGEST, ended.read_to_end(&mut rest)).await;
    end.map_err(|_| format!("the stream goes on {} s later", LONGEST.as_secs()))?.ok();
    is_over(&session, side).await?;
    let lasts = tokio::time::timeout(Duration::from_secs(1), lasting.read_to_end(&mut rest)).await;
    if lasts.is_ok() {
        return Err("the stream of another credential ended too".to_owned());
    }
    other.is_alive().await?;
    other.end().await
}

/// Waits until not even its owner, who has another credential, finds the session any more.
async fn is_over(session: &Session<'_>, side: &Side) -> Result<(), String> {
    let started = Instant::now();
    loop {
        // Asked of the list, because a request in the session would be a use of it.
        let open = sessions(side).await?;
        if !open.contains(&session.id) {
            return Ok(());
        }
        if started.elapsed() > LONGEST {
            return Err(format!("the session is there {} s later", LONGEST.as_secs()));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Bob's, as he is shown them, with a credential that was not revoked.
async fn sessions(side: &Side) -> Result<String, String> {
    let list = Raw::to(side, "GET", "/mcp/sessions");
    let answer = list.present(&side.bob).send(side).await;
    if answer.status == 200 { Ok(answer.whole()) } else { Err(answer.whole()) }
}

impl Forge {
    /// Takes a credential back, as `keygen` does it in another process.
    pub(crate) fn revoke(&self, side: &Side, credential: &Credential) -> Result<(), String> {
        let secret = credential.secret();
        let secret = secret.expose_secret();
        let revoked = if side.kind == Kind::ApiKey {
            let id = KeyId::in_key(secret).ok_or("a key has an id")?;
            self.store.revoke_key(id)
        } else {
            let claims = secret.split('.').nth(1).ok_or("a token has claims")?;
            let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|error| error.to_string())?;
            let claims: Claims =
                serde_json::from_slice(&claims).map_err(|error| error.to_string())?;
            self.store.revoke_token(&RevokedToken {
                jti: claims.jti.ok_or("the token has a name")?,
                client: claims.client_id.ok_or("the token has a client")?,
                ends: Timestamp::now() + SignedDuration::from_hours(24),
            })
        };
        revoked.map(drop).map_err(|error| error.to_string())
    }
}
