//! From the body of a request to its parameters: what it may be, and how long.

use axum::body::{Body, Bytes, to_bytes};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};

use crate::parameters::Parameters;
use crate::refusal::Refusal;
use crate::{MAX_BODY, form, json};

enum Format {
    Form,
    Json,
}

/// Reads the parameters; JSON too where that was asked for.
pub(crate) async fn read(
    headers: &HeaderMap,
    body: Body,
    accept_json: bool,
) -> Result<Parameters, Refusal> {
    let format = format(headers, accept_json)?;
    let body = bounded(headers, body).await?;
    match format {
        Format::Form => form::parse(&body),
        Format::Json => json::parse(&body),
    }
}

/// JSON in particular is not OAuth, though it looks as if it could work.
fn format(headers: &HeaderMap, accept_json: bool) -> Result<Format, Refusal> {
    match media_type(headers) {
        Some(given) if given.eq_ignore_ascii_case("application/x-www-form-urlencoded") => {
            Ok(Format::Form)
        }
        Some(given) if accept_json && given.eq_ignore_ascii_case("application/json") => {
            Ok(Format::Json)
        }
        _ => Err(Refusal::invalid_request(
            "send the parameters as application/x-www-form-urlencoded, in UTF-8",
        )),
    }
}

/// Without its parameters; `None` if it is not given once, or names another charset.
fn media_type(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(CONTENT_TYPE).iter();
    let only = given.next().filter(|_| given.next().is_none())?;
    let mut parts = only.to_str().ok()?.split(';').map(str::trim);
    let essence = parts.next()?;
    let is_utf8 = |parameter: &str| match parameter.split_once('=') {
        Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
            value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    };
    parts.all(is_utf8).then_some(essence)
}

/// A body that is announced as too long is not read at all.
async fn bounded(headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
    let too_large = || {
        Refusal::invalid_request("the body could not be read or is larger than 16 KiB")
            .with_status(StatusCode::PAYLOAD_TOO_LARGE)
    };
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let announced = announced.and_then(|length| length.parse::<usize>().ok());
    if announced.is_some_and(|length| length > MAX_BODY) {
        return Err(too_large());
    }
    to_bytes(body, MAX_BODY).await.map_err(|_| too_large())
}
