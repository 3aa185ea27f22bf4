//! A server in this process, above all the one that issues tokens, and how it is asked for one.

use std::fs;
use std::path::Path;

use axum::Router;
use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use serve::{PublicUrl, Server};

/// Nobody listens there: the requests never leave the process.
const URL: &str = "http://127.0.0.1:8101";

/// The server that issues tokens, and the credentials of a client (RFC 6749 §2.3.1).
pub(crate) fn start(keys: &Path) -> (Router, String) {
    let mut options = jwt_server::Options::new(keys);
    options.common.put_limits_out_of_reach();
    let router = router::<jwt_server::Prepared>(&options);
    let client = fs::read(keys.join("clients/bob.client.json")).expect("the server made it");
    let client: serde_json::Value = serde_json::from_slice(&client).expect("it is JSON");
    let text = |name: &str| client[name].as_str().expect("the file names both").to_owned();
    let basic = STANDARD.encode(format!("{}:{}", text("client_id"), text("client_secret")));
    (router, basic)
}

/// Asks for a token with such credentials.
pub(crate) fn token_request(basic: &str) -> Request<Body> {
    Request::post("/token")
        .header(HOST, "127.0.0.1")
        .header(AUTHORIZATION, format!("Basic {basic}"))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from("grant_type=client_credentials"))
        .expect("all of it is well-formed")
}

/// The whole stack of a server.
pub(crate) fn router<S: Server>(options: &S::Options) -> Router {
    let prepared = S::prepare(options).expect("a first run in an empty folder needs nothing");
    let app = serve::app_of(&prepared, S::common(options), &url());
    app.expect("the folder is ours").router
}

pub(crate) fn url() -> PublicUrl {
    URL.parse().expect("it is scheme, host and port")
}
