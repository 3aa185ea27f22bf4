//! What is sent to which server, and what has to come back.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use client::Credential;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::{HeaderValue, Request};
use mcp_auth::authn::apikey::PlainKey;
use mcp_auth::authn::jwt::Signer;
use mcp_auth::secret;
use serde_json::json;
use store::{NewKey, Store};
use tempfile::TempDir;

use super::drive::{Driven, Requests, drive};
use super::process::Server;
use super::report::Start;
use super::serve::Served;
use crate::tokens::{ClientFile, bobs_claims, tampered};
use crate::{Kind, Side, wire};

/// What others are compared with.
pub(super) const RMCP: &str = "rmcp alone";
pub(super) const OPEN: &str = "our server, no authentication";

/// How many API keys the store holds.
const KEYS: usize = 10;

/// One kind of request at one server.
pub(super) struct Case {
    pub(super) name: String,
    /// The scheme, if there is one.
    pub(super) scheme: Option<Kind>,
    pub(super) status: u16,
    server: Rc<Server>,
    requests: Requests,
}

/// What one load did to a server.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) driven: Driven,
    /// For how long the server had a processor.
    pub(super) busy: Option<Duration>,
    /// Its memory at the end, in bytes.
    pub(super) resident: Option<u64>,
}

/// Keys and stores in a temporary folder.
pub(crate) struct Place {
    keys: PathBuf,
    signer: Signer,
}

impl Case {
    /// Sends it over and over, for so long.
    pub(super) fn send(&self, connections: usize, lasts: Duration) -> anyhow::Result<Sample> {
        let before = self.server.busy();
        let driven = drive(self.server.address, &self.requests, connections, lasts, self.status)
            .with_context(|| self.name.clone())?;
        let busy = self.server.busy().zip(before).map(|(after, before)| after - before);
        Ok(Sample { driven, busy, resident: self.server.resident() })
    }
}

impl Place {
    /// Makes them. The folder goes when what is returned with it is dropped.
    pub(crate) fn new() -> anyhow::Result<(Self, TempDir)> {
        serve::install_crypto();
        let folder = tempfile::Builder::new().prefix("mcp-auth-load-").tempdir()?;
        let keys = folder.path().join("keys");
        keygen::init_with_store(&keys, &keys.join(store::FILE_NAME)).context("cannot make keys")?;
        let store = Store::open(&keys.join(store::FILE_NAME))?;
        for _ in store.list_keys()?.len()..KEYS {
            store.insert_key(NewKey::of(&PlainKey::mint(), "bob", "Bob's other key"))?;
        }
        let signer = Signer::rs256(&secret::read(&keys.join("rsa_private.pem"))?)?;
        Ok((Self { keys, signer }, folder))
    }

    /// How soon each server answers after its process was started, and how much memory it has
    /// then.
    pub(super) fn starts(&self, times: usize) -> anyhow::Result<Vec<Start>> {
        let one = |kind| {
            let (mut took, mut resident) = (Vec::new(), Vec::new());
            for _ in 0..times {
                let started = Instant::now();
                let server = Rc::new(self.server(Served::scheme(kind))?);
                let case = self.good(kind, server)?;
                drive(case.server.address, &case.requests, 1, Duration::from_nanos(1), 200)?;
                took.push(started.elapsed());
                resident.extend(case.server.resident());
            }
            anyhow::Ok(Start::of(kind, took, resident))
        };
        Kind::ALL.into_iter().map(one).collect()
    }

    /// The good credential of one scheme at its server.
    pub(super) fn case_of(&self, kind: Kind) -> anyhow::Result<Case> {
        self.good(kind, Rc::new(self.server(Served::scheme(kind))?))
    }

    /// Every case, in the order of the table.
    pub(super) fn cases(&self) -> anyhow::Result<Vec<Case>> {
        let constant = Rc::new(plain("plain-mimalloc", "axum")?);
        let rmcp = Rc::new(plain("plain", "rmcp")?);
        let lighter = Rc::new(plain("plain-mimalloc", "rmcp")?);
        let open = Rc::new(self.server(Served::Open)?);
        let forgetful = Rc::new(self.server(Served::RbacForgetful)?);
        let call = |name: &str, server: &Rc<Server>, status| {
            case(name, None, server, status, &[wire_call(&server.url, None)])
        };
        let mut cases = vec![
            call(RMCP, &rmcp, 200),
            call("rmcp alone, with mimalloc", &lighter, 200),
            call(OPEN, &open, 200),
        ];
        let mut refused = vec![call("axum, a constant 401", &constant, 401)];
        for kind in Kind::ALL {
            let server = Rc::new(self.server(Served::scheme(kind))?);
            let none = format!("{}: no credential", kind.title());
            refused.push(Case { scheme: Some(kind), ..call(&none, &server, 401) });
            if kind == Kind::Jwt {
                cases.push(self.token(&server)?);
            }
            if kind == Kind::Rbac {
                refused.push(self.forged(&server)?);
            }
            cases.push(self.good(kind, server)?);
        }
        let every = self.good(Kind::Rbac, forgetful)?;
        cases.push(Case { name: "RBAC (RS256), every signature looked at".to_owned(), ..every });
        cases.extend(refused);
        Ok(cases)
    }

    fn server(&self, served: Served) -> anyhow::Result<Server> {
        use clap::ValueEnum;
        let served = served.to_possible_value().context("it has a name")?;
        let keys = self.keys.to_str().context("a temporary folder has a name that is text")?;
        Server::start(&std::env::current_exe()?, &["serve", served.get_name(), "--keys", keys])
    }

    fn good(&self, kind: Kind, server: Rc<Server>) -> anyhow::Result<Case> {
        let credential = match kind {
            Kind::ApiKey => secret::read(&self.keys.join("clients/bob.apikey"))?.to_string(),
            Kind::Jwt => {
                let signer = Signer::hs256(&secret::read(&self.keys.join("jwt.secret"))?)?;
                signer.mint(&bobs_claims(kind, &server.url))
            }
            Kind::Rbac => self.signer.mint(&bobs_claims(kind, &server.url)),
        };
        let credential = Side::present(kind, credential.trim())?;
        let requests = [wire_call(&server.url, Some(&credential))];
        Ok(case(kind.title(), Some(kind), &server, 200, &requests))
    }

    /// Its signature has to be looked at.
    fn forged(&self, server: &Rc<Server>) -> anyhow::Result<Case> {
        let token = self.signer.mint(&bobs_claims(Kind::Rbac, &server.url));
        let credential = Side::present(Kind::Rbac, &tampered(&token, "sub", "alice")?)?;
        let requests = [wire_call(&server.url, Some(&credential))];
        Ok(case("RBAC (RS256): forged", Some(Kind::Rbac), server, 401, &requests))
    }

    fn token(&self, server: &Rc<Server>) -> anyhow::Result<Case> {
        let file = secret::read(&self.keys.join("clients/bob.client.json"))?;
        let ClientFile { client_id, client_secret } = serde_json::from_str(&file)?;
        let basic = STANDARD.encode(format!("{client_id}:{client_secret}"));
        let mut request = Request::post(server.url.replace("/mcp", "/token"))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials".to_owned())?;
        let mut basic = HeaderValue::from_str(&format!("Basic {basic}"))?;
        basic.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, basic);
        let requests = [bytes(&request)];
        Ok(case("JWT (HS256): POST /token", Some(Kind::Jwt), server, 200, &requests))
    }
}

fn case(
    name: &str,
    scheme: Option<Kind>,
    server: &Rc<Server>,
    status: u16,
    requests: &[Vec<u8>],
) -> Case {
    let (name, server) = (name.to_owned(), Rc::clone(server));
    Case { name, scheme, status, server, requests: Arc::from(requests) }
}

fn wire_call(url: &str, credential: Option<&Credential>) -> Vec<u8> {
    bytes(&wire::call(url, credential, "get_time", json!({ "zone": "UTC" })))
}

/// As it goes over the wire in HTTP/1.1.
fn bytes(request: &Request<String>) -> Vec<u8> {
    let (uri, body) = (request.uri(), request.body());
    let host = uri.authority().map(ToString::to_string).unwrap_or_default();
    let mut text = format!("{} {} HTTP/1.1\r\n", request.method(), uri.path()).into_bytes();
    let mut line = |name: &str, value: &[u8]| {
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value);
        text.extend_from_slice(b"\r\n");
    };
    line(HOST.as_str(), host.as_bytes());
    line(CONTENT_LENGTH.as_str(), body.len().to_string().as_bytes());
    for (name, value) in request.headers() {
        line(name.as_str(), value.as_bytes());
    }
    text.extend_from_slice(b"\r\n");
    text.extend_from_slice(body.as_bytes());
    text
}

/// A server of the package `plain`, which lies where this program does.
fn plain(program: &str, what: &str) -> anyhow::Result<Server> {
    let here = std::env::current_exe()?;
    let program = here.with_file_name(program);
    ensure!(
        program.is_file(),
        "what is measured beside our servers is not built; run: cargo build --release -p plain"
    );
    Server::start(Path::new(&program), &[what])
}
