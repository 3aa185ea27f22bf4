//! The HTTP client: pooled, with time limits, and patient with a server that is starting.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use http::StatusCode;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, RequestBuilder, Response};

pub use reqwest::Url;

use crate::Error;

pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// What is waited before the second and the third attempt to connect.
const BACK_OFF: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(600)];

/// Reads the URL of an endpoint.
///
/// # Errors
/// When it is not an absolute http or https URL, or carries a user name or password: these
/// would travel as a second credential.
pub fn parse_url(text: &str) -> Result<Url, Error> {
    let example = "give one such as http://127.0.0.1:8101/mcp";
    let url = Url::parse(text)
        .map_err(|error| Error::Usage(format!("'{text}' is not a URL ({error}): {example}.")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(Error::Usage(format!("'{text}' is not an http or https URL: {example}.")));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::Usage(format!("The URL must not hold a user name: {example}.")));
    }
    Ok(url)
}

/// A client for this URL: 5 s to connect, 30 s for a request, connections kept, no redirects
/// (a credential goes where the user sent it and nowhere else).
///
/// # Errors
/// When the certificates of this machine cannot be loaded.
pub fn http_client(url: &Url) -> Result<Client, Error> {
    http_client_trusting(url, None)
}

/// The same, for servers whose certificate comes from this CA as well.
pub(crate) fn http_client_trusting(url: &Url, ca: Option<&Path>) -> Result<Client, Error> {
    // Whoever was first has installed the same one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(concat!("mcp-auth-client/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(REQUEST_TIMEOUT)
        .tcp_nodelay(true)
        .redirect(Policy::none());
    // Read even where it is not needed: a file that cannot be used is a mistake.
    let trusted = ca.map(certificates).transpose()?.unwrap_or_default();
    builder = if url.scheme() == "http" {
        // No TLS, so nothing to load. A machine without certificates can still be tried on.
        builder.tls_certs_only([])
    } else {
        builder.tls_certs_merge(trusted)
    };
    if is_loopback(url) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| {
        Error::Unexpected(format!(
            "The certificates of this machine cannot be loaded: {}. Install them, or name a CA \
             with --ca.",
            cause(&error)
        ))
    })
}

fn certificates(file: &Path) -> Result<Vec<Certificate>, Error> {
    let shown = file.display();
    let pem = std::fs::read(file).map_err(|error| {
        Error::Usage(format!("Cannot read the CA {shown}: {error}; name another with --ca."))
    })?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(Error::Usage(format!(
            "{shown} holds no certificate in PEM; name the file of a CA with --ca."
        ))),
    }
}

/// Sends a request; tries three times to connect. A request that reached the server is never
/// repeated, whatever the answer, which has to be there within 30 s.
///
/// # Errors
/// [`Error::Unreachable`], [`Error::TimedOut`] or [`Error::Unexpected`]; a status is no error here.
pub async fn send(request: RequestBuilder) -> Result<Response, Error> {
    send_within(REQUEST_TIMEOUT, request).await
}

/// As [`send`], with another limit for an attempt's whole answer.
pub(crate) async fn send_within(
    limit: Duration,
    request: RequestBuilder,
) -> Result<Response, Error> {
    let request = request.timeout(limit);
    for pause in BACK_OFF {
        // A body that cannot be copied is sent as it is, once.
        let Some(attempt) = request.try_clone() else { break };
        match attempt.send().await {
            Ok(response) => return Ok(response),
            Err(error) if error.is_connect() && distrust(&error).is_none() => {
                tokio::time::sleep(pause).await
            }
            Err(error) => return Err(failure(&error, limit)),
        }
    }
    request.send().await.map_err(|error| failure(&error, limit))
}

/// Whether the URL stays on this machine, as far as its text says: names are not looked up, but
/// for those that always mean it (RFC 6761 §6.3).
pub fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let name = host.strip_suffix('.').unwrap_or(host);
    let address = host.parse::<IpAddr>().map(|address| address.to_canonical());
    name == "localhost"
        || name.ends_with(".localhost")
        // Whoever connects to the address of nobody comes out here.
        || address.is_ok_and(|address| address.is_loopback() || address.is_unspecified())
}

/// What failed, in the terms of [`Error`], of a request that had this long.
pub(crate) fn failure(error: &reqwest::Error, limit: Duration) -> Error {
    let url = error.url().map_or_else(|| "the server".to_owned(), ToString::to_string);
    if let Some(reason) = distrust(error) {
        Error::Untrusted { url, reason }
    } else if error.is_connect() {
        let reason = if error.is_timeout() {
            format!("no answer within {} seconds", CONNECT_TIMEOUT.as_secs())
        } else {
            cause(error)
        };
        Error::Unreachable { url, reason }
    } else if error.is_timeout() {
        Error::TimedOut { url, seconds: limit.as_secs() }
    } else {
        Error::Unexpected(format!("The exchange with {url} broke off: {}.", cause(error)))
    }
}

/// What is wrong with the server's certificate, if it was that.
fn distrust(error: &reqwest::Error) -> Option<String> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(rustls::Error::InvalidCertificate(reason)) = error.downcast_ref() {
            return Some(reason.to_string());
        }
        // An I/O error does not name the one that it wraps as its source.
        cause = match error.downcast_ref::<std::io::Error>().and_then(|error| error.get_ref()) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

/// Whether a status is one that a 2025-11-25 server may give to `server/discover`.
pub(crate) fn may_be_older(status: StatusCode) -> bool {
    status.is_client_error()
        && !matches!(
            status,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS
        )
}

/// The innermost cause: the only part that says something new.
fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let text = innermost.to_string();
    // "Connection refused (os error 111)": the number helps nobody.
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_urls_are_taken() {
        assert!(parse_url("http://127.0.0.1:8101/mcp").is_ok());
        for text in ["127.0.0.1:8101/mcp", "ftp://h/mcp", "http://bob:pw@h/mcp", ""] {
            let error = parse_url(text).unwrap_err().to_string();
            assert!(error.contains("http://127.0.0.1:8101/mcp"), "{error}");
        }
    }

    #[test]
    fn loopback_is_known_in_all_its_spellings() {
        for text in ["http://127.0.0.1/", "http://[::1]:1/", "http://localhost:1/"] {
            assert!(is_loopback(&Url::parse(text).unwrap()), "{text}");
        }
        assert!(!is_loopback(&Url::parse("http://127.0.0.1.example.org/").unwrap()));
    }

    #[tokio::test]
    async fn nobody_there_is_told_as_such_after_three_attempts() {
        let port = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap().port()
        };
        let url = parse_url(&format!("http://127.0.0.1:{port}/mcp")).unwrap();
        let started = std::time::Instant::now();
        let error = send(http_client(&url).unwrap().get(url)).await.unwrap_err();
        assert!(started.elapsed() >= BACK_OFF.iter().sum());
        assert!(error.to_string().contains("Connection refused"), "{error}");
    }
}
