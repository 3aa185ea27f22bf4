//! One of the three servers, with every credential that its situations need.

use axum::Router;
use client::{Credential, Protocol};

use crate::Kind;

/// One server that runs, and the credentials to try it with.
pub struct Side {
    /// Which of the three.
    pub kind: Kind,
    /// The URL of its MCP endpoint.
    pub url: String,
    /// Its whole stack, for calls that leave out the socket.
    pub router: Router,
    /// Bob's, good for an hour at least.
    pub bob: Credential,
    /// Alice's, good for an hour at least.
    pub alice: Credential,
    /// Of the right form, and unknown here.
    pub wrong: Credential,
    /// Bob's, changed after it was made.
    pub tampered: Credential,
    /// Bob's, which ended an hour ago.
    pub expired: Credential,
    /// Good ones of the other two servers, in the way this one takes them.
    pub foreign: Vec<Credential>,
    /// A tool that neither bob's credential nor his role reaches.
    pub refused_tool: &'static str,
    /// Kept because the server ends with it.
    pub(crate) running: serve::Running,
}

impl Side {
    /// Opens a connection as one who holds this credential.
    ///
    /// # Errors
    /// What the server or the network said.
    pub async fn connect(
        &self,
        credential: &Credential,
        protocol: Protocol,
    ) -> Result<client::Connection, client::Error> {
        let credentials = std::sync::Arc::new(credential.clone());
        client::Connection::open(&self.url, credentials, protocol).await
    }

    /// Scheme, host and port of the server.
    pub fn origin(&self) -> &str {
        self.url.strip_suffix("/mcp").unwrap_or(&self.url)
    }

    /// Where it answers `GET /metrics`, if it was told to.
    pub fn metrics(&self) -> Option<std::net::SocketAddr> {
        self.running.metrics_addr()
    }

    /// Puts a credential into the header that this scheme's clients use.
    ///
    /// # Errors
    /// It is empty or does not fit into a header.
    pub fn present(kind: Kind, secret: &str) -> Result<Credential, client::Error> {
        match kind {
            Kind::ApiKey => Credential::api_key(secret.into()),
            Kind::Jwt | Kind::Rbac => Credential::bearer(secret.into()),
        }
    }
}
