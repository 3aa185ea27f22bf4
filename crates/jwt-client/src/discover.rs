//! Where tokens for a server are to be had, as the server itself says: its challenge or the
//! well-known place names a document (RFC 9728), which names an authorization server, which has a
//! document too (RFC 8414).
//!
//! The client's secret goes to where this leads, so it is done only when asked for. Each document
//! has to name what it was looked up for, or anybody could answer for anybody; and no server
//! elsewhere leads to this machine by its addresses or by a name that always means it. Other names
//! are not looked up before: what they lead to is for whoever asked for this.

use client::{Cli, Error, Url, is_loopback, parse_url, read_json, send};
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};
use serde::Deserialize;
use serde::de::DeserializeOwned;

const RESOURCE: &str = "/.well-known/oauth-protected-resource";
const SERVER: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";

/// How this client proves who it is (RFC 6749 §2.3.1).
const METHOD: &str = "client_secret_basic";

/// Of RFC 9728 §2, what is read here.
#[derive(Deserialize)]
struct Resource {
    resource: String,
    #[serde(default)]
    authorization_servers: Vec<String>,
}

/// Of RFC 8414 §2, what is read here.
#[derive(Deserialize)]
struct Server {
    issuer: String,
    token_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// What an authorization server has for clients like this one.
pub(crate) struct Endpoints {
    /// Where tokens are to be had.
    pub(crate) token: Url,
    /// Where they are given back (RFC 7009), if anywhere.
    pub(crate) revocation: Option<Url>,
}

/// The endpoints of the first authorization server that the server under `url` names.
pub(crate) async fn endpoints(cli: &Cli, url: &str) -> Result<Endpoints, Error> {
    let resource_server = parse_url(url)?;
    let places = resource_places(cli, &resource_server).await?;
    let resource: Resource = first(cli, &resource_server, &places).await?;
    if resource.resource != url {
        return Err(wrong(format!("{url} says that it is {}", resource.resource)));
    }
    let issuer = resource.authorization_servers.first();
    let issuer = issuer.ok_or_else(|| wrong(format!("{url} names no authorization server")))?;
    let server: Server = first(cli, &resource_server, &server_places(&parse_url(issuer)?)).await?;
    if server.issuer != *issuer {
        return Err(wrong(format!("the metadata of {issuer} is that of {}", server.issuer)));
    }
    // Without the list it is this method (RFC 8414 §2).
    let methods = server.token_endpoint_auth_methods_supported;
    if methods.is_some_and(|methods| !methods.iter().any(|method| method == METHOD)) {
        return Err(wrong(format!(
            "{issuer} does not take {METHOD}, which is all that this client knows"
        )));
    }
    let endpoint = server.token_endpoint;
    let endpoint = endpoint.ok_or_else(|| wrong(format!("{issuer} names no token endpoint")))?;
    let led = |place: &str| led(&resource_server, &parse_url(place)?);
    Ok(Endpoints {
        token: led(&endpoint)?,
        revocation: server.revocation_endpoint.as_deref().map(led).transpose()?,
    })
}

/// What the challenge names (RFC 9728 §5.1), else the well-known place of this path, else that of
/// the whole site.
async fn resource_places(cli: &Cli, server: &Url) -> Result<Vec<Url>, Error> {
    let answer = send(cli.http_client(server)?.get(server.clone())).await?;
    if let Some(named) = named(answer.headers()) {
        return Ok(vec![parse_url(&named)?]);
    }
    Ok(vec![at(server, &format!("{RESOURCE}{}", server.path())), at(server, RESOURCE)])
}

fn named(headers: &HeaderMap) -> Option<String> {
    let challenge = headers.get(WWW_AUTHENTICATE)?.to_str().ok()?;
    let (_, rest) = challenge.split_once("resource_metadata=\"")?;
    rest.split_once('"').map(|(url, _)| url.to_owned())
}

fn server_places(issuer: &Url) -> Vec<Url> {
    let path = issuer.path().trim_end_matches('/');
    let mut places = vec![format!("{SERVER}{path}"), format!("{OPENID}{path}")];
    if !path.is_empty() {
        places.push(format!("{path}{OPENID}"));
    }
    places.iter().map(|place| at(issuer, place)).collect()
}

fn at(url: &Url, path: &str) -> Url {
    let mut url = url.clone();
    url.set_path(path);
    url.set_query(None);
    url
}

/// Where a server leads, if it may lead there: what listens on this machine alone trusts whoever
/// asks from here.
fn led(server: &Url, place: &Url) -> Result<Url, Error> {
    if is_loopback(place) && !is_loopback(server) {
        return Err(wrong(format!("{server} leads to this machine, to {place}")));
    }
    Ok(place.clone())
}

/// The first document there is.
async fn first<T: DeserializeOwned>(cli: &Cli, server: &Url, places: &[Url]) -> Result<T, Error> {
    for place in places {
        let answer = send(cli.http_client(place)?.get(led(server, place)?)).await?;
        if answer.status().is_success() {
            return read_json(answer, || wrong(format!("{place} is not such a document"))).await;
        }
    }
    let places: Vec<_> = places.iter().map(Url::as_str).collect();
    Err(wrong(format!("there is no metadata at {}", places.join(" or "))))
}

fn wrong(what: String) -> Error {
    Error::Unexpected(format!(
        "Where tokens are to be had cannot be found out: {what}. Give --token-url instead of \
         --discover."
    ))
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use axum::{Json, Router};
    use clap::Parser as _;
    use serde_json::{Value, json};

    use super::*;

    #[derive(clap::Parser)]
    struct Args {
        #[command(flatten)]
        common: Cli,
    }

    /// Where a server is that has these documents, with its own origin for every `@`.
    async fn site(documents: &[(&'static str, Value)]) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let mut app = Router::new();
        for (path, document) in documents {
            let text = document.to_string().replace('@', &origin);
            let document: Value = serde_json::from_str(&text).unwrap();
            app = app.route(path, get(async move || Json(document)));
        }
        tokio::spawn(async move { axum::serve(listener, app).await });
        origin
    }

    async fn found(documents: &[(&'static str, Value)]) -> Result<String, String> {
        let origin = site(documents).await;
        let cli = Args::parse_from(["client"]).common;
        let found = endpoints(&cli, &format!("{origin}/mcp")).await;
        let shown = |text: String| text.replace(&origin, "@");
        let revocation = |url: Option<Url>| url.map_or(String::new(), |url| format!(" {url}"));
        found
            .map(|found| shown(format!("{}{}", found.token, revocation(found.revocation))))
            .map_err(|error| shown(error.to_string()))
    }

    fn resource(issuer: &str) -> (&'static str, Value) {
        let document = json!({ "resource": "@/mcp", "authorization_servers": [issuer] });
        ("/.well-known/oauth-protected-resource/mcp", document)
    }

    fn server(path: &'static str, issuer: &str) -> (&'static str, Value) {
        (path, json!({ "issuer": issuer, "token_endpoint": "@/t" }))
    }

    #[tokio::test]
    async fn it_is_found_in_every_place_where_it_may_be_said() {
        for (issuer, place) in [
            ("@", "/.well-known/oauth-authorization-server"),
            ("@", "/.well-known/openid-configuration"),
            ("@/a", "/.well-known/oauth-authorization-server/a"),
            ("@/a", "/.well-known/openid-configuration/a"),
            ("@/a", "/a/.well-known/openid-configuration"),
        ] {
            let documents = [resource(issuer), server(place, issuer)];
            assert_eq!(found(&documents).await.as_deref(), Ok("@/t"), "{place}");
            let (_, document) = resource(issuer);
            let at_the_root = ("/.well-known/oauth-protected-resource", document);
            let documents = [at_the_root, server(place, issuer)];
            assert_eq!(found(&documents).await.as_deref(), Ok("@/t"), "{place}");
        }
    }

    #[tokio::test]
    async fn where_tokens_are_given_back_is_said_there_too() {
        let mut server = server("/.well-known/oauth-authorization-server/a", "@/a");
        server.1["revocation_endpoint"] = json!("@/a/revoke");
        let found = found(&[resource("@/a"), server]).await;
        assert_eq!(found.as_deref(), Ok("@/t @/a/revoke"));
    }

    #[tokio::test]
    async fn nobody_answers_for_somebody_else() {
        let place = "/.well-known/oauth-authorization-server";
        let other = json!({ "resource": "@/other", "authorization_servers": ["@"] });
        let nobody = json!({ "resource": "@/mcp" });
        let mut by_assertion = server(place, "@");
        by_assertion.1["token_endpoint_auth_methods_supported"] = json!(["private_key_jwt"]);
        let mut without = server(place, "@");
        without.1["token_endpoint"] = Value::Null;
        let path = "/.well-known/oauth-protected-resource/mcp";
        for (documents, why) in [
            (vec![(path, other), server(place, "@")], "says that it is @/other"),
            (vec![(path, nobody), server(place, "@")], "names no authorization server"),
            (vec![resource("@"), server(place, "@/")], "is that of @/"),
            (vec![resource("@"), by_assertion], "does not take client_secret_basic"),
            (vec![resource("@"), without], "names no token endpoint"),
            (vec![resource("@")], "there is no metadata at"),
            (vec![resource("ftp://a")], "not an http or https URL"),
            (vec![resource("http://mcp.example")], "say --insecure-http"),
            (vec![(path, json!("text"))], "is not such a document"),
            (vec![], "there is no metadata at"),
        ] {
            let error = found(&documents).await.unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn no_server_elsewhere_leads_to_this_machine() {
        let led = |server: &str, place: &str| {
            led(&parse_url(server).unwrap(), &parse_url(place).unwrap()).is_ok()
        };
        assert!(led("https://a/mcp", "https://b/token"));
        assert!(led("http://127.0.0.1:1/mcp", "http://localhost:2/token"));
        for place in [
            "http://127.0.0.1:1/",
            "http://127.1:1/",
            "http://2130706433/",
            "http://0.0.0.0:1/",
            "https://localhost/",
            "https://localhost./",
            "https://a.localhost/",
            "http://[::1]/",
            "http://[::]/",
            "http://[::ffff:127.0.0.1]/",
        ] {
            assert!(!led("https://a/mcp", place), "{place}");
        }
    }

    #[test]
    fn a_challenge_names_the_document() {
        let mut headers = HeaderMap::new();
        assert_eq!(named(&headers), None);
        let challenge = r#"Bearer resource_metadata="http://a/m", scope="x""#;
        headers.insert(WWW_AUTHENTICATE, challenge.parse().unwrap());
        assert_eq!(named(&headers).as_deref(), Some("http://a/m"));
    }
}
