//! Reads, once, what of a request's body decides who may send it.
//!
//! Only 2026-07-28 clients name the tool in a header, and only theirs is checked against
//! the body; so the body is read. The very same bytes go on, and what is read here only
//! decides the HTTP status: the handler asks the Permit again about what was parsed there.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::{Method, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Either, Full};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use tower::{Layer, Service};

use super::Continued;
use super::bodies::{SMALL, place as place_of};
use crate::audit::Pending;
use crate::metrics::Timer;
use crate::rejection::RequestId;
use crate::scalar::Scalar;
use crate::{Challenge, Identity, Rejection, RejectionBody};

/// Longest body in bytes. The MCP service behind has to be given the same limit.
pub const MAX_BODY: usize = 4 * 1024 * 1024;

/// Longest JSON-RPC id in bytes that a refusal repeats.
const MAX_ID: usize = 256;

/// What a body says, as far as anyone before the handler needs to know.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Peeked {
    method: Option<String>,
    name: Option<String>,
}

/// Reads the bodies of POST requests and puts a [`Peeked`] into their extensions.
///
/// Bodies of other methods are not read and go no further.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peek;

/// The service that [`Peek`] makes.
#[derive(Clone, Debug)]
pub struct Peeking<S>(S);

impl Peeked {
    /// The method of MCP that the body names.
    pub fn method(&self) -> Option<&str> {
        self.method.as_deref()
    }

    /// The tool that a `tools/call` names.
    pub fn called_tool(&self) -> Option<&str> {
        self.name.as_deref().filter(|_| self.method.as_deref() == Some("tools/call"))
    }

    /// Whether this opens a session, as clients before 2026-07-28 do.
    pub fn is_initialize(&self) -> bool {
        self.method.as_deref() == Some("initialize")
    }

    /// Of a body that names this method and nothing else.
    #[cfg(test)]
    pub(super) fn of_method(name: &str) -> Self {
        Self { method: Some(name.to_owned()), name: None }
    }

    /// Reads a body. What is not one JSON object says nothing here, and is refused by the
    /// MCP service.
    fn read(body: &[u8]) -> Result<(Self, Option<Value>), Rejection> {
        let Ok(envelope) = serde_json::from_slice::<Envelope>(body) else {
            return Ok(Default::default());
        };
        if envelope.doubled {
            return Err(Rejection::ambiguous_body("a member of the request is there twice"));
        }
        let id = match envelope.id {
            Some(Scalar::Text(text)) if text.len() <= MAX_ID => Some(Value::String(text)),
            Some(Scalar::Number(number)) => Some(Value::Number(number)),
            _ => None,
        };
        let text = |value: Option<Scalar>| match value {
            Some(Scalar::Text(text)) => Some(text),
            _ => None,
        };
        Ok((Self { method: text(envelope.method), name: text(envelope.name) }, id))
    }
}

impl<S> Layer<S> for Peek {
    type Service = Peeking<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Peeking(inner)
    }
}

impl<S, B, R> Service<Request<B>> for Peeking<S>
where
    S: Service<Request<Full<Bytes>>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
{
    type Response = Response<Either<R, RejectionBody>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The clone that is kept has not been polled ready; the one that was, is used.
        let fresh = self.0.clone();
        let mut inner = std::mem::replace(&mut self.0, fresh);
        Box::pin(async move {
            let timer = Timer::start();
            let peeked = peek(request).await;
            timer.layer("peek");
            match peeked {
                Ok(request) => Ok(inner.call(request).await?.map(Either::Left)),
                Err(answer) => Ok(answer.map(Either::Right)),
            }
        })
    }
}

async fn peek<B>(request: Request<B>) -> Result<Request<Full<Bytes>>, Response<RejectionBody>>
where
    B: Body<Data = Bytes>,
{
    let (mut head, body) = request.into_parts();
    if head.method != Method::POST {
        return Ok(Request::from_parts(head, Full::default()));
    }
    let caller = Identity::of(&head.extensions).cloned();
    let read = match collect(body, caller.as_ref()).await {
        Ok(bytes) => Peeked::read(&bytes).map(|(peeked, id)| (bytes, peeked, id)),
        Err(rejection) => Err(rejection),
    };
    match read {
        Ok((bytes, peeked, id)) => {
            if let Some(pending) = Pending::of(&head.extensions) {
                pending.asks(&peeked);
            }
            head.extensions.insert(peeked);
            Continued::read(&head, &bytes);
            if let Some(id) = id {
                head.extensions.insert(RequestId(id));
            }
            Ok(Request::from_parts(head, Full::new(bytes)))
        }
        Err(rejection) => Err(rejection.answer(&Challenge::default(), &mut head.extensions)),
    }
}

async fn collect<B: Body<Data = Bytes>>(
    body: B,
    caller: Option<&Arc<Identity>>,
) -> Result<Bytes, Rejection> {
    let announced = body.size_hint().lower();
    if announced > MAX_BODY as u64 {
        return Err(Rejection::body_too_large(MAX_BODY));
    }
    // Before the first byte, if it is known by then how many there will be.
    let mut place = match caller {
        Some(caller) if announced > SMALL as u64 => Some(place_of(caller)?),
        _ => None,
    };
    let mut body = std::pin::pin!(body);
    let mut first = Bytes::new();
    let mut more = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Rejection::ambiguous_body("the body broke off"))?;
        let Ok(data) = frame.into_data() else { continue };
        let held = first.len().max(more.len());
        if data.len() > MAX_BODY - held {
            return Err(Rejection::body_too_large(MAX_BODY));
        }
        if let (None, Some(caller)) = (&place, caller)
            && held + data.len() > SMALL
        {
            place = Some(place_of(caller)?);
        }
        // Nearly every body is one frame, which then is not copied.
        if first.is_empty() && more.is_empty() {
            first = data;
        } else {
            if more.is_empty() {
                more.extend_from_slice(&first);
            }
            more.extend_from_slice(&data);
        }
    }
    Ok(if more.is_empty() { first } else { more.freeze() })
}

/// The outer object of a request: the members that are read, and whether one is doubled.
#[derive(Default)]
struct Envelope {
    doubled: bool,
    id: Option<Scalar>,
    method: Option<Scalar>,
    name: Option<Scalar>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Member {
    Id,
    Method,
    Params,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Parameter {
    Name,
    #[serde(other)]
    Other,
}

/// `params`, of which only the name is read. Anything but an object has none.
#[derive(Default)]
struct Parameters {
    doubled: bool,
    name: Option<Scalar>,
}

impl<'de> Deserialize<'de> for Envelope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Envelope;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Envelope, A::Error> {
                let mut envelope = Envelope::default();
                let mut params = None;
                while let Some(member) = map.next_key()? {
                    envelope.doubled |= match member {
                        Member::Id => envelope.id.replace(map.next_value()?).is_some(),
                        Member::Method => envelope.method.replace(map.next_value()?).is_some(),
                        Member::Params => params.replace(map.next_value::<Parameters>()?).is_some(),
                        Member::Other => {
                            map.next_value::<IgnoredAny>()?;
                            false
                        }
                    };
                }
                if let Some(params) = params {
                    envelope.doubled |= params.doubled;
                    envelope.name = params.name;
                }
                Ok(envelope)
            }
        }
        deserializer.deserialize_map(Members)
    }
}

impl<'de> Deserialize<'de> for Parameters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Parameters;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parameters, A::Error> {
                let mut parameters = Parameters::default();
                while let Some(parameter) = map.next_key()? {
                    match parameter {
                        Parameter::Name => {
                            parameters.doubled |= parameters.name.is_some();
                            parameters.name = Some(map.next_value()?);
                        }
                        Parameter::Other => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(parameters)
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(body: &str) -> Option<String> {
        Peeked::read(body.as_bytes()).unwrap().0.called_tool().map(str::to_owned)
    }

    #[test]
    fn the_tool_of_a_call_is_read_whatever_the_order_and_spelling() {
        for body in [
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"name":"b"}}}"#,
            r#"{"params":{"arguments":{"method":1},"name":"a"},"method":"tools/call","id":1}"#,
            r#"{"method":"tools\/call","params":{"n\u0061me":"\u0061"}}"#,
        ] {
            assert_eq!(tool(body).as_deref(), Some("a"), "{body}");
        }
    }

    #[test]
    fn what_names_no_tool_names_none() {
        for body in [
            "",
            "[]",
            "1",
            "{",
            "null",
            r#"{"method":"tools/call"}"#,
            r#"{"method":"tools/list","params":{"name":"a"}}"#,
            r#"{"method":"tools/call","params":[{"name":"a"}]}"#,
            r#"[{"method":"tools/call","params":{"name":"a"}}]"#,
        ] {
            assert_eq!(tool(body), None, "{body}");
        }
    }

    #[test]
    fn a_doubled_member_is_refused() {
        for body in [
            r#"{"method":"tools/list","method":"tools/call"}"#,
            r#"{"method":"tools/call","params":{"name":"a","name":"b"}}"#,
            r#"{"method":"tools/call","params":{"name":"a","n\u0061me":"b"}}"#,
            r#"{"method":"tools/call","params":{"name":"a"},"params":{}}"#,
            r#"{"id":1,"id":2}"#,
        ] {
            assert_eq!(Peeked::read(body.as_bytes()).unwrap_err().status(), 400, "{body}");
        }
    }

    #[tokio::test]
    async fn many_frames_are_one_body_and_too_much_is_413() {
        let bob = Arc::new(Identity::new("apikey", "keys", "bob"));
        let frames = |n: usize, size: usize| Frames(n, Bytes::from(vec![b' '; size]));
        assert_eq!(collect(frames(3, 5), None).await.unwrap().len(), 15);
        assert_eq!(collect(frames(4, MAX_BODY / 4), Some(&bob)).await.unwrap().len(), MAX_BODY);
        assert_eq!(collect(frames(5, MAX_BODY / 4), Some(&bob)).await.unwrap_err().status(), 413);
        assert_eq!(
            collect(Full::from(vec![0; MAX_BODY + 1]), None).await.unwrap_err().status(),
            413
        );
    }

    /// A body that arrives as so many frames of the same bytes.
    struct Frames(usize, Bytes);

    impl Body for Frames {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
            let left = self.0.checked_sub(1);
            self.0 = left.unwrap_or_default();
            Poll::Ready(left.map(|_| Ok(http_body::Frame::data(self.1.clone()))))
        }
    }
}
