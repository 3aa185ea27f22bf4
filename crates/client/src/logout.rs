//! The end of what a caller has open and keeps: its sessions, and a token.

use std::sync::Arc;

use serde_json::json;

use crate::hint::counted;
use crate::output::Output;
use crate::run::open;
use crate::sessions::end_all;
use crate::{Cli, Credential, Credentials, Error, note};

/// What a server without a list of sessions answers where it would be: nothing is there, or its
/// endpoint takes the request for one of MCP.
const NO_LIST: [u16; 4] = [400, 404, 405, 406];

/// Ends the caller's sessions and drops what is kept. Fetches no credential for it.
pub(crate) async fn logout(
    cli: &Cli,
    credentials: &dyn Credentials,
    output: Output,
) -> Result<(), Error> {
    let ended = match credentials.kept().await {
        Ok(Some(credential)) => end_sessions(cli, credential).await.map(Some),
        Ok(None) => Ok(None),
        Err(error) => Err(error),
    };
    // Also when the server is away: what lies here is dropped in any case.
    let forgotten = credentials.forget().await?;
    let ended = ended.inspect_err(|_| {
        // The error that follows says nothing of it.
        if let Some(forgotten) = &forgotten {
            note(forgotten);
        }
    })?;
    if output.json {
        let ids = ended.clone().unwrap_or(Some(Vec::new()));
        output.document(&json!({ "ended": ids, "forgotten": forgotten }));
    }
    match ended {
        None if forgotten.is_none() => output.line("No token is kept, so nothing is given back."),
        None => {}
        Some(None) => output.line(
            "This server does not list sessions: they end by themselves, after some idle minutes.",
        ),
        Some(Some(ids)) if ids.is_empty() => output.line("No session was open."),
        Some(Some(ids)) => output.line(&format!("{} ended.", counted(ids.len(), "session"))),
    }
    if let Some(forgotten) = forgotten {
        output.line(&forgotten);
    }
    Ok(())
}

/// The ids of those that were open; `None` if the server does not list them.
async fn end_sessions(cli: &Cli, credential: Credential) -> Result<Option<Vec<String>>, Error> {
    // Alone, it is not renewed: nobody wants another token in order to give it back.
    let credential: Arc<dyn Credentials> = Arc::new(credential);
    let error = match end_all(cli, Arc::clone(&credential)).await {
        Ok(ids) => return Ok(Some(ids)),
        Err(error) => error,
    };
    if !error.refusal().is_some_and(|refusal| NO_LIST.contains(&refusal.status)) {
        return Err(error);
    }
    // Under a wrong URL there is no list either.
    open(cli, credential).await?.close().await?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use clap::Parser as _;
    use rmcp::handler::server::ServerHandler;
    use rmcp::transport::streamable_http_server::StreamableHttpService;
    use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;

    use super::*;

    #[derive(clap::Parser)]
    struct Example {
        #[command(flatten)]
        common: Cli,
    }

    /// An MCP server that has sessions and no list of them.
    struct Plain;

    impl ServerHandler for Plain {}

    #[tokio::test]
    async fn a_server_without_a_list_of_sessions_is_told_from_a_wrong_url() {
        let sessions = Arc::new(LocalSessionManager::default());
        let service = StreamableHttpService::new(|| Ok(Plain), sessions, Default::default());
        let app = Router::new()
            .route_service("/mcp", service.clone())
            // There, the endpoint gets what is meant for the list.
            .nest_service("/below", service);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let host = listener.local_addr().expect("it is bound");
        tokio::spawn(async move { axum::serve(listener, app).await });
        let ended = async |path: &str| {
            let url = format!("http://{host}{path}");
            let cli = Example::parse_from(["client", "--url", &url]).common;
            end_sessions(&cli, Credential::bearer("t".into()).expect("a word")).await
        };
        assert!(ended("/mcp").await.is_ok_and(|ids| ids.is_none()));
        assert!(ended("/below").await.is_ok_and(|ids| ids.is_none()));
        assert!(matches!(ended("/wrong").await, Err(Error::NoEndpoint { .. })));
    }
}
