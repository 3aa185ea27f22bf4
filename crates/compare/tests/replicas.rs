//! Two servers of each scheme on one store, behind a proxy that sends each request to the next.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[cfg(feature = "postgres")]
#[allow(dead_code, reason = "other tests use all of it")]
#[path = "../../store/tests/place/postgres.rs"]
mod postgres;
mod round_robin;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use client::{Connection, Credential, Credentials, Error, JsonObject, Protocol};
use compare::{Kind, ask_for_token};
use jiff::{SignedDuration, Timestamp};
use mcp_auth::authn::apikey::PlainKey;
use mcp_auth::authn::client::PlainClient;
use mcp_auth::authn::jwt::{Claims, RevokedToken, Signer};
use mcp_auth::secret;
use round_robin::{RoundRobin, Stickiness};
use serve::{PublicUrl, Running};
use store::{NewClient, NewKey, Revocation, Store};
use tempfile::TempDir;

const EACH: usize = 6;

/// Two servers, and what stands in front of them.
struct Place {
    kind: Kind,
    keys: TempDir,
    store: Store,
    replicas: [Running; 2],
    proxy: RoundRobin,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_2026_07_28_does_not_notice_that_there_are_two() {
    for kind in Kind::ALL {
        let place = Place::start(kind, Stickiness::None).await;
        let bob = place.credential().await;
        let url = place.proxy.url();
        let connection = Connection::open(&url, bob, Protocol::V2026_07_28).await.unwrap();
        assert!(!connection.list_tools().await.unwrap().is_empty());
        for _ in 0..EACH {
            assert_eq!(whoami(&connection).await.unwrap(), "bob", "{kind}");
        }
        connection.close().await.unwrap();
        let served = place.proxy.served();
        assert!(served.iter().all(|count| *count >= EACH / 2), "{kind}: {served:?}");
        place.stop().await;
    }
}

/// A session is kept by the one process that opened it.
#[tokio::test(flavor = "multi_thread")]
async fn the_session_of_an_older_client_has_to_come_back_to_where_it_was_opened() {
    for kind in Kind::ALL {
        let place = Place::start(kind, Stickiness::None).await;
        let bob = place.credential().await;
        let talk = async |place: &Place| {
            let open =
                Connection::open(&place.proxy.url(), bob.clone(), Protocol::V2025_11_25).await?;
            for _ in 0..EACH {
                whoami(&open).await?;
            }
            open.close().await.map(drop)
        };
        let failure = talk(&place).await.unwrap_err();
        assert!(is_lost_session(&failure), "{kind}: {failure}");
        place.proxy.set(Stickiness::BySession);
        talk(&place).await.unwrap();
        let served = place.proxy.served();
        assert!(served.iter().all(|count| *count > 0), "{kind}: {served:?}");
        place.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_at_one_is_good_at_both_and_what_is_revoked_dies_at_both() {
    for kind in Kind::ALL {
        dies_at_both(Place::start(kind, Stickiness::None).await).await;
    }
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread")]
async fn the_same_of_two_on_one_postgresql_server() {
    for kind in Kind::ALL {
        let Some(store) = postgres::database() else { return };
        dies_at_both(Place::start_on(kind, Stickiness::None, Some(store)).await).await;
    }
}

async fn dies_at_both(place: Place) {
    let (made, revoke) = place.made().await;
    for replica in 0..2 {
        place.until(replica, &made, 200).await;
    }
    revoke(&place.store);
    for replica in 0..2 {
        place.until(replica, &made, 401).await;
    }
    place.stop().await;
}

async fn whoami(connection: &Connection) -> Result<String, Error> {
    let answer = connection.call("whoami", JsonObject::new()).await?;
    let user = answer.structured_content.map(|content| content["user"].clone());
    Ok(user.and_then(|user| user.as_str().map(str::to_owned)).unwrap_or_default())
}

/// In the words of docs/troubleshooting.md.
fn is_lost_session(error: &Error) -> bool {
    error.to_string().contains("session_not_found")
}

type Revoke = Box<dyn Fn(&Store) -> Revocation>;

impl Place {
    async fn start(kind: Kind, stickiness: Stickiness) -> Self {
        Self::start_on(kind, stickiness, None).await
    }

    /// With the store there, and not in the keys folder.
    async fn start_on(kind: Kind, stickiness: Stickiness, store: Option<PathBuf>) -> Self {
        serve::install_crypto();
        let keys = tempfile::tempdir().unwrap();
        keygen::init(keys.path()).unwrap();
        if store.is_some() {
            // What the store in this folder knows, and the other one does not.
            std::fs::remove_dir_all(keys.path().join("clients")).unwrap();
        }
        let proxy = RoundRobin::bind(stickiness).await;
        let mut replicas = Vec::new();
        for _ in 0..2 {
            replicas.push(replica(kind, keys.path(), store.as_deref(), &proxy.url()).await);
        }
        let replicas: [Running; 2] = replicas.try_into().ok().unwrap();
        proxy.forward_to(replicas.each_ref().map(Running::url));
        let file = store.unwrap_or_else(|| keys.path().join(store::FILE_NAME));
        let store = Store::open(&file).unwrap();
        Self { kind, keys, store, replicas, proxy }
    }

    /// Bob's, for a whole conversation.
    async fn credential(&self) -> Arc<dyn Credentials> {
        let (made, _) = self.made().await;
        for replica in 0..2 {
            self.until(replica, &made, 200).await;
        }
        Arc::new(made)
    }

    /// A new credential of bob's, and what takes it back.
    async fn made(&self) -> (Credential, Revoke) {
        match self.kind {
            Kind::ApiKey => {
                let key = PlainKey::mint();
                let grants = vec!["*".to_owned()];
                self.store.insert_key(NewKey { grants, ..NewKey::of(&key, "bob", "New") }).unwrap();
                let id = key.id();
                let revoke: Revoke = Box::new(move |store| store.revoke_key(id).unwrap());
                (Credential::api_key(key.reveal().into()).unwrap(), revoke)
            }
            Kind::Jwt => {
                let plain = PlainClient::mint();
                let client = NewClient::of(&plain, "bob", "New");
                self.store.insert_client(client).unwrap();
                // By whichever of the two; the client is known to both soon.
                let origin = self.proxy.origin();
                let http = reqwest::Client::new();
                let start = Instant::now();
                let token = loop {
                    let ask = ask_for_token(&http, &origin, plain.id(), plain.reveal_secret());
                    let answer = ask.await.unwrap();
                    if answer.status == 200 || start.elapsed() > Duration::from_secs(10) {
                        break answer.token().unwrap().to_owned();
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                };
                let id = plain.id().to_owned();
                let revoke: Revoke = Box::new(move |store| store.revoke_client(&id).unwrap());
                (Credential::bearer(token.into()).unwrap(), revoke)
            }
            Kind::Rbac => {
                let pem = secret::read(&self.keys.path().join("rsa_private.pem")).unwrap();
                let now = Timestamp::now();
                let jti = uuid::Uuid::now_v7().to_string();
                let claims = Claims {
                    iss: rbac_server::DEFAULT_ISSUER.to_owned(),
                    aud: rbac_server::DEFAULT_AUDIENCE.into(),
                    sub: "bob".to_owned(),
                    iat: Some(now.as_second()),
                    exp: now.as_second() + 3600,
                    jti: Some(jti.clone()),
                    client_id: Some("replicas".to_owned()),
                    job_role: Some("Officer".to_owned()),
                    ..Claims::default()
                };
                let token = Signer::rs256(&pem).unwrap().mint(&claims);
                let ends = now + SignedDuration::from_hours(2);
                let token_name = RevokedToken { jti, client: "replicas".to_owned(), ends };
                let revoke: Revoke =
                    Box::new(move |store| store.revoke_token(&token_name).unwrap());
                (Credential::bearer(token.into()).unwrap(), revoke)
            }
        }
    }

    /// Waits until this one of the two answers so.
    async fn until(&self, replica: usize, credential: &Credential, status: u16) {
        let start = Instant::now();
        loop {
            let request = compare::wire::call(
                &self.replicas[replica].url(),
                Some(credential),
                "whoami",
                serde_json::json!({}),
            );
            let (head, body) = request.into_parts();
            let url = head.uri.to_string();
            let sent = reqwest::Client::new().post(url).headers(head.headers).body(body);
            let found = sent.send().await.unwrap().status().as_u16();
            if found == status {
                return;
            }
            let kind = self.kind;
            let waited = start.elapsed() < Duration::from_secs(10);
            assert!(waited, "{kind}: replica {replica} answers {found} and not {status}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn stop(self) {
        for replica in self.replicas {
            replica.stop().await;
        }
    }
}

async fn replica(kind: Kind, keys: &Path, store: Option<&Path>, public: &str) -> Running {
    let url: PublicUrl = public.trim_end_matches("/mcp").parse().unwrap();
    match kind {
        Kind::ApiKey => {
            let mut options = apikey_server::Options::new(keys);
            options.common.public_url = Some(url);
            options.store.file = store.map(Path::to_owned);
            serve::launch_in_process::<apikey_server::Prepared>(&options).await.unwrap()
        }
        Kind::Jwt => {
            let mut options = jwt_server::Options::new(keys);
            options.common.public_url = Some(url);
            options.store.file = store.map(Path::to_owned);
            serve::launch_in_process::<jwt_server::Prepared>(&options).await.unwrap()
        }
        Kind::Rbac => {
            let mut options = rbac_server::Options::new(keys);
            options.common.public_url = Some(url);
            options.store.file = store.map(Path::to_owned);
            serve::launch_in_process::<rbac_server::Prepared>(&options).await.unwrap()
        }
    }
}
