//! Ends the sessions of a credential that was revoked.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::header::HOST;
use http::{Request, Response};
use mcp_auth::authn::Standing;
use mcp_auth::guard::session::{SESSION_ID, Sessions};
use tokio::time::timeout;
use tower::{Service, ServiceExt};

use crate::Drain;

/// How often sessions are looked at where nobody told of a change: one that was being opened when
/// its credential was revoked is found then.
const LOOK: Duration = Duration::from_secs(5);

/// Ends sessions, here and in the MCP service `mcp` behind all layers, whenever `standing` says
/// that the credential is over which used them last. It returns when the server ends.
///
/// To be called from a runtime, as [`Outer::at_start`](crate::Outer::at_start) does.
pub fn end_sessions<S, R>(sessions: &Sessions, standing: Arc<dyn Standing>, mcp: S, drain: &Drain)
where
    S: Service<Request<Body>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Debug,
    R: Send,
{
    let sessions = sessions.clone();
    let ending = drain.streams();
    let work = async move {
        let mut changes = standing.changes();
        loop {
            for (id, identity) in sessions.over(&*standing) {
                let credential = &identity.credential;
                // rmcp takes no request without a host, whichever it is.
                let delete = Request::delete("/mcp").header(HOST, "localhost");
                let delete = delete.header(SESSION_ID, &id).body(Body::empty());
                let delete = delete.expect("an id that a service gave fits into a header");
                match mcp.clone().oneshot(delete).await {
                    Ok(answer) if answer.status().is_success() => tracing::info!(
                        credential,
                        user = identity.user,
                        "a session was ended, because its credential is over"
                    ),
                    Ok(answer) => {
                        tracing::warn!(credential, status = %answer.status(), "a session did not end");
                    }
                    Err(error) => tracing::warn!(credential, ?error, "a session did not end"),
                }
            }
            if matches!(timeout(LOOK, changes.changed()).await, Ok(Err(_))) {
                break;
            }
        }
    };
    tokio::spawn(async move { ending.run_until_cancelled(work).await });
}
