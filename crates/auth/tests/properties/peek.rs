//! What `Peek` reads of a body, against a reader of its own.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use mcp_auth::authz::peek::{Peek, Peeked};
use proptest::prelude::*;
use tower::{ServiceBuilder, ServiceExt};

use super::bodies::{Body, MODERN, body};
use super::json::Json;
use super::{cases, wait};

/// What came through the layer: what it read, and the body.
type Through = Result<(Peeked, Bytes), u16>;

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn a_body_goes_on_as_it_came_and_says_what_it_says(body in body(MODERN)) {
        let through = peek(&body);
        match (Json::read(&body.0), &through) {
            (_, Ok((_, bytes))) if *bytes != body.0 => prop_assert!(false, "another body"),
            (Some(json @ Json::Object(_)), _) => prop_assert_eq!(said(&through), expected(&json)),
            // The MCP service takes nothing but an object, so what is read of this is of no
            // consequence; but a session is not opened on the strength of it.
            (Some(_), Ok((peeked, _))) => prop_assert!(!peeked.is_initialize()),
            (_, Ok(_)) => {}
            (_, Err(status)) => prop_assert_eq!(*status, 400),
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok((_, through)) = peek(&Body(bytes.clone())) {
            prop_assert_eq!(through, bytes);
        }
    }
}

proptest! {
    #![proptest_config(cases(16))]

    #[test]
    fn no_depth_is_too_deep(levels in 1..40_000_usize, open in prop_oneof!["\\[", "\\{\"a\":"]) {
        let tool = |through: Through| through.unwrap().0.called_tool().map(str::to_owned);
        prop_assert_eq!(tool(peek(&Body(open.repeat(levels).into_bytes()))), None);
    }
}

fn peek(body: &Body) -> Through {
    let tell = |request: Request<Full<Bytes>>| async move {
        let (head, body) = request.into_parts();
        let mut response = Response::new(body);
        response.extensions_mut().extend(head.extensions);
        Ok::<_, Infallible>(response)
    };
    let layers = ServiceBuilder::new().layer(Peek).service_fn(tell);
    let request = Request::post("/mcp").body(Full::new(Bytes::from(body.0.clone()))).unwrap();
    wait(async {
        let response = layers.oneshot(request).await.unwrap();
        match response.extensions().get::<Peeked>().cloned() {
            Some(peeked) => Ok((peeked, response.into_body().collect().await.unwrap().to_bytes())),
            None => Err(response.status().as_u16()),
        }
    })
}

/// Tool, and whether a session is opened.
type Said = Result<(Option<String>, bool), u16>;

fn said(through: &Through) -> Said {
    match through {
        Ok((peeked, _)) => Ok((peeked.called_tool().map(str::to_owned), peeked.is_initialize())),
        Err(status) => Err(*status),
    }
}

/// MCP's `tools/call` names its tool in `params.name`; JSON-RPC 2.0 §4 has each of these once.
fn expected(request: &Json) -> Said {
    let params = request.members("params");
    // A request with other `params`, or an id that no number holds, is for nobody.
    let unread = params.iter().any(|params| !matches!(params, Json::Object(_)))
        || request.members("id").iter().any(|id| is_beyond_numbers(id));
    if unread {
        return Ok((None, false));
    }
    let twice = ["id", "method", "params"].iter().any(|name| request.members(name).len() > 1);
    if twice || params.iter().any(|params| params.members("name").len() > 1) {
        return Err(400);
    }
    let method = request.members("method").first().and_then(|method| method.text());
    let names = params.first().map(|params| params.members("name")).unwrap_or_default();
    let tool = names.first().and_then(|name| name.text()).map(str::to_owned);
    Ok((tool.filter(|_| method == Some("tools/call")), method == Some("initialize")))
}

fn is_beyond_numbers(id: &Json) -> bool {
    matches!(id, Json::Number(digits) if digits.parse::<f64>().is_ok_and(f64::is_infinite))
}
