//! The sessions that the caller has open at the server, and their end.
//!
//! Commands end their own session. What is left comes from programs that were cut off, or from
//! other programs under the same credential.

use std::sync::Arc;

use http::header::{HeaderName, HeaderValue};
use reqwest::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::hint::counted;
use crate::http::{REQUEST_TIMEOUT, parse_url};
use crate::output::Output;
use crate::refusal::read_json;
use crate::transport::{SESSION, authenticated};
use crate::{Cli, Credentials, Error, Refusal};

/// The last version of the protocol that has sessions.
const VERSION: HeaderValue = HeaderValue::from_static("2025-11-25");
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");

/// A session as the server shows it to its owner. Times are RFC 3339.
#[derive(Deserialize, Serialize)]
struct Session {
    id: String,
    opened: String,
    last_used: String,
    ends_when_idle: String,
    ends: String,
}

#[derive(Deserialize)]
struct Listed {
    sessions: Vec<Session>,
}

/// Lists the caller's sessions; ends those named in `end` first, or with `all` every one.
pub(crate) async fn sessions(
    cli: &Cli,
    credentials: Arc<dyn Credentials>,
    end: &[String],
    all: bool,
    output: Output,
) -> Result<(), Error> {
    let door = Door::of(cli, credentials)?;
    let ended = if all {
        door.end_all().await?
    } else {
        for id in end {
            door.end(id).await?;
        }
        end.to_vec()
    };
    let open = door.list().await?;
    if output.json {
        output.document(&json!({ "ended": ended, "sessions": open }));
    }
    if !ended.is_empty() {
        output.line(&format!("{} ended.", counted(ended.len(), "session")));
    }
    if open.is_empty() {
        output.line("No session is open.");
    }
    for session in &open {
        output.line(&session.id);
        output.line(&format!("   opened {}, used last {}", session.opened, session.last_used));
        output.line(&format!(
            "   ends {} if idle, {} at the latest",
            session.ends_when_idle, session.ends
        ));
    }
    Ok(())
}

/// Ends every session of the caller; returns their ids.
pub(crate) async fn end_all(
    cli: &Cli,
    credentials: Arc<dyn Credentials>,
) -> Result<Vec<String>, Error> {
    Door::of(cli, credentials)?.end_all().await
}

struct Door<'a> {
    http: reqwest::Client,
    url: &'a str,
    credentials: Arc<dyn Credentials>,
}

impl<'a> Door<'a> {
    fn of(cli: &'a Cli, credentials: Arc<dyn Credentials>) -> Result<Self, Error> {
        Ok(Self { http: cli.http_client(&parse_url(&cli.url)?)?, url: &cli.url, credentials })
    }

    async fn end_all(&self) -> Result<Vec<String>, Error> {
        let mut ended = Vec::new();
        for session in self.list().await? {
            match self.end(&session.id).await {
                Ok(()) => ended.push(session.id),
                // It ended by itself meanwhile.
                Err(error) if error.refusal().is_some_and(|refusal| refusal.status == 404) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(ended)
    }

    async fn list(&self) -> Result<Vec<Session>, Error> {
        let request = self.http.get(format!("{}/sessions", self.url.trim_end_matches('/')));
        let response = self.done(request).await?;
        let other = || Error::Unexpected("The server does not say which sessions are open.".into());
        let listed: Listed = read_json(response, other).await?;
        Ok(listed.sessions)
    }

    async fn end(&self, id: &str) -> Result<(), Error> {
        let request = self.http.delete(self.url).header(SESSION, id);
        self.done(request.header(PROTOCOL_VERSION, VERSION)).await.map(drop)
    }

    async fn done(&self, request: reqwest::RequestBuilder) -> Result<Response, Error> {
        let response = authenticated(&*self.credentials, REQUEST_TIMEOUT, request).await?;
        match response.status().is_success() {
            true => Ok(response),
            false => Err(Refusal::read(response).await.into()),
        }
    }
}
