//! Credentials that are good and made for one row: renewed, weaker, of another program, or
//! about to end.

use std::time::{Duration, Instant};

use client::Credential;
use compare::{Kind, Side};
use jiff::{SignedDuration, Timestamp};
use mcp_auth::authn::apikey::{KeyId, PlainKey};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use store::NewKey;

use super::forge::Forge;
use super::raw::Raw;

/// A server sees within a quarter of a second what was written to its store.
const FOLLOWED: Duration = Duration::from_secs(5);

impl Forge {
    /// Bob's next credential: the same program, the same rights.
    pub(crate) async fn renewed(&self, side: &Side) -> Result<Credential, String> {
        let key = |key: NewKey| NewKey { chain: bobs_chain(side), ..key };
        self.made(side, key, json!({})).await
    }

    /// The same with no right but what everybody has.
    pub(crate) async fn weaker(&self, side: &Side) -> Result<Credential, String> {
        let key =
            |key: NewKey| NewKey { chain: bobs_chain(side), role: None, grants: Vec::new(), ..key };
        self.made(side, key, json!({ "scope": null, "job_role": null })).await
    }

    /// Bob's, in a program that has nothing to do with the other.
    pub(crate) async fn other_program(&self, side: &Side) -> Result<Credential, String> {
        self.made(side, |key| key, json!({ "client_id": "another" })).await
    }

    /// Bob's, for so many seconds more.
    pub(crate) async fn ending(&self, side: &Side, seconds: i64) -> Result<Credential, String> {
        self.aged(side, 0, seconds).await
    }

    /// The same, issued so many seconds ago.
    pub(crate) async fn aged(
        &self,
        side: &Side,
        age: i64,
        seconds: i64,
    ) -> Result<Credential, String> {
        let now = Timestamp::now();
        let (issued, end) =
            (now - SignedDuration::from_secs(age), now + SignedDuration::from_secs(seconds));
        let key = |key: NewKey| NewKey {
            chain: bobs_chain(side),
            created: issued,
            expires: Some(end),
            ..key
        };
        let claims = json!({ "iat": issued.as_second(), "exp": end.as_second() });
        self.made(side, key, claims).await
    }

    async fn made(
        &self,
        side: &Side,
        key: impl FnOnce(NewKey) -> NewKey,
        mut claims: Value,
    ) -> Result<Credential, String> {
        let credential = match side.kind {
            Kind::ApiKey => {
                let plain = PlainKey::mint();
                let new = NewKey {
                    role: Some(store::demo::ROLE.to_owned()),
                    grants: store::demo::GRANTS.map(str::to_owned).into(),
                    ..NewKey::of(&plain, "bob", "Bob's next key")
                };
                self.store.insert_key(key(new)).map_err(|error| error.to_string())?;
                Side::present(side.kind, plain.reveal())
            }
            Kind::Jwt | Kind::Rbac => {
                claims["jti"] = json!(uuid::Uuid::now_v7().to_string());
                Side::present(side.kind, &self.signed(claims))
            }
        };
        let credential = credential.map_err(|error| error.to_string())?;
        self.keep(credential.secret().expose_secret());
        until(side, &credential, |status| status != 401).await?;
        Ok(credential)
    }
}

/// Asks again and again with a credential until the status is as it should be.
pub(crate) async fn until(
    side: &Side,
    credential: &Credential,
    so: fn(u16) -> bool,
) -> Result<(), String> {
    let started = Instant::now();
    loop {
        let status = Raw::call(side).present(credential).send(side).await.status;
        if so(status) {
            return Ok(());
        }
        if started.elapsed() > FOLLOWED {
            return Err(format!("still {status} after {} s", FOLLOWED.as_secs()));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn bobs_chain(side: &Side) -> Option<KeyId> {
    KeyId::in_key(side.bob.secret().expose_secret())
}
