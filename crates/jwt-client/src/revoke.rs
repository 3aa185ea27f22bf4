//! `POST /revoke` (RFC 7009): gives a token back before its end.

use client::{Error, Refusal, Url, read_json, send};
use reqwest::header::{ACCEPT, AUTHORIZATION};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::endpoint::{Revocation, TokenEndpoint, basic};

const METADATA: &str = "/.well-known/oauth-authorization-server";

/// Of RFC 8414 §2, what is read here.
#[derive(Deserialize)]
struct Metadata {
    revocation_endpoint: Option<String>,
}

impl TokenEndpoint {
    /// Asks the server to refuse a token from now on.
    pub(crate) async fn revoke(&self, token: &SecretString) -> Result<(), Error> {
        let url = self.revocation_url().await?;
        let form = [("token", token.expose_secret()), ("token_type_hint", "access_token")];
        let request = self.http.post(url.clone()).header(ACCEPT, "application/json");
        let request = request.header(AUTHORIZATION, basic(&self.account)?).form(&form);
        let response = send(request).await?;
        match response.status().as_u16() {
            200 => Ok(()),
            404 | 405 => {
                Err(Error::Unexpected(format!("there is no revocation endpoint at {url}.")))
            }
            _ => Err(Refusal::read(response).await.into()),
        }
    }

    /// What the metadata names, or the usual place if there is no metadata.
    ///
    /// The client's secret goes there, and so it has to be where the token endpoint is.
    async fn revocation_url(&self) -> Result<Url, Error> {
        match &self.revocation {
            Revocation::Beside => {}
            Revocation::At(url) => return Ok(url.clone()),
            Revocation::Nowhere => {
                return Err(Error::Unexpected(
                    "the server's metadata names no revocation endpoint.".to_owned(),
                ));
            }
        }
        let response = send(self.http.get(self.beside(METADATA))).await?;
        if !response.status().is_success() {
            return Ok(self.beside("/revoke"));
        }
        let unusable = |what: &str| Error::Unexpected(format!("the server's metadata {what}."));
        let metadata: Metadata = read_json(response, || unusable("cannot be read")).await?;
        let named =
            metadata.revocation_endpoint.ok_or_else(|| unusable("names no revocation endpoint"))?;
        Url::parse(&named)
            .ok()
            .filter(|url| url.origin() == self.url.origin())
            .ok_or_else(|| unusable("names a revocation endpoint on another server"))
    }

    fn beside(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(path);
        url.set_query(None);
        url
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::http::{HeaderMap, StatusCode};
    use axum::response::IntoResponse as _;
    use axum::routing::{get, post};
    use client::parse_url;

    use super::*;
    use crate::account::Account;

    /// What came to `/revoke` and `/taken-back`: path, `Authorization` and body.
    type Received = Arc<Mutex<Vec<(&'static str, String, String)>>>;

    /// A server with this metadata, if any, that answers with this status.
    async fn site(metadata: Option<fn(&str) -> String>, status: u16) -> (TokenEndpoint, Received) {
        let received = Received::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let mut app = Router::new();
        for path in ["/revoke", "/taken-back"] {
            let received = Arc::clone(&received);
            app = app.route(
                path,
                post(move |headers: HeaderMap, body: String| async move {
                    let header = headers[AUTHORIZATION].to_str().expect("text").to_owned();
                    received.lock().expect("nobody panics with it").push((path, header, body));
                    StatusCode::from_u16(status).expect("a status").into_response()
                }),
            );
        }
        if let Some(metadata) = metadata {
            let document = metadata(&url);
            app = app.route(METADATA, get(|| async { document }));
        }
        tokio::spawn(async move { axum::serve(listener, app).await });
        let account = Account { id: "bob".into(), secret: "s".into() };
        let token_url = parse_url(&format!("{url}/token")).expect("a URL");
        let resource = format!("{url}/mcp");
        let http = client::http_client(&token_url).expect("an HTTP client");
        (TokenEndpoint::new(http, token_url, account, resource, None), received)
    }

    #[tokio::test]
    async fn the_token_goes_where_the_metadata_says_or_to_the_usual_place() {
        let named: fn(&str) -> String =
            |url| format!(r#"{{"issuer":"{url}","revocation_endpoint":"{url}/taken-back"}}"#);
        for (metadata, path) in [(Some(named), "/taken-back"), (None, "/revoke")] {
            let (endpoint, received) = site(metadata, 200).await;
            endpoint.revoke(&"a.b.c".into()).await.unwrap();
            let received = received.lock().unwrap();
            let (at, header, body) = &received[0];
            assert_eq!((*at, received.len()), (path, 1));
            assert!(header.starts_with("Basic ") && body.contains("token=a.b.c"), "{body}");
        }
    }

    #[tokio::test]
    async fn where_it_was_found_out_nothing_is_guessed() {
        let (endpoint, received) = site(None, 200).await;
        let there = endpoint.beside("/taken-back");
        let endpoint = endpoint.revoking(Revocation::At(there));
        endpoint.revoke(&"a.b.c".into()).await.unwrap();
        assert_eq!(received.lock().unwrap()[0].0, "/taken-back");
        let endpoint = endpoint.revoking(Revocation::Nowhere);
        let error = endpoint.revoke(&"a.b.c".into()).await.unwrap_err().to_string();
        assert!(error.contains("names no revocation endpoint"), "{error}");
        assert_eq!(received.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn no_other_server_is_told_the_secret() {
        for metadata in [
            (|_| r#"{"revocation_endpoint":"http://127.0.0.1:9/revoke"}"#.to_owned())
                as fn(&str) -> String,
            |url| format!(r#"{{"revocation_endpoint":"{}/revoke"}}"#, url.replace("http", "https")),
            |_| r#"{"revocation_endpoint":"/revoke"}"#.to_owned(),
            |_| "{}".to_owned(),
            |_| "not JSON".to_owned(),
        ] {
            let (endpoint, received) = site(Some(metadata), 200).await;
            let error = endpoint.revoke(&"a.b.c".into()).await.unwrap_err().to_string();
            assert!(error.contains("metadata"), "{error}");
            assert!(received.lock().unwrap().is_empty());
        }
    }

    #[tokio::test]
    async fn what_is_not_confirmed_is_an_error() {
        for status in [302, 400, 401, 404, 405, 503] {
            let (endpoint, _) = site(None, status).await;
            assert!(endpoint.revoke(&"a.b.c".into()).await.is_err(), "{status}");
        }
    }
}
