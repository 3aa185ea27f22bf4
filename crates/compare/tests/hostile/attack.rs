//! One row of the hostile table.

use std::pin::Pin;

use compare::Side;

use super::forge::Forge;
use super::raw::{Answer, Raw};

/// One hostile request, in the form that it takes against each scheme.
pub(crate) struct Attack {
    /// The trap it belongs to.
    pub(crate) trap: &'static str,
    pub(crate) name: String,
    pub(crate) expected: Expected,
    act: Act,
}

/// Makes the request against one server.
type Build = Box<dyn Fn(&Side, &Forge) -> Raw>;

enum Act {
    Request(Build),
    Script(Box<dyn Script>),
}

/// The answer that is judged, or what went wrong on the way to it.
pub(crate) type Outcome = Result<Answer, String>;

/// Several requests, of which the last answer is judged by the table and the rest by the
/// script itself.
trait Script {
    fn run<'a>(
        &'a self,
        side: &'a Side,
        forge: &'a Forge,
    ) -> Pin<Box<dyn Future<Output = Outcome> + 'a>>;
}

/// What has to come back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Expected {
    /// The tool's own answer: strange to look at, and right.
    Passed,
    /// An answer with this status that does what it may and no more, which the script saw.
    Harmless(u16),
    /// A whole refusal, whose challenge names this error, or none.
    Challenged(u16, Option<&'static str>),
    /// A whole refusal that challenges nobody: no other credential would help.
    Refused(u16),
    /// 403 for a tool, in the words of the scheme: the scopes that are needed, or none.
    NotPermitted,
    /// A refusal by the MCP service behind the layers, with its JSON-RPC code if it has one.
    Mcp(u16, Option<i64>),
    /// Nothing is there: the same 404 as everywhere.
    Nowhere,
    /// A status without a body of ours: the HTTP parser refused, or the method was HEAD.
    Bare(u16),
    /// A refusal of the token endpoint (RFC 6749 §5.2).
    OAuth(u16, &'static str),
}

/// 401: what was presented is not valid.
pub(crate) const INVALID: Expected = Expected::Challenged(401, Some("invalid_token"));
/// 401: nothing was presented.
pub(crate) const NOTHING: Expected = Expected::Challenged(401, None);
/// 400: not exactly one well-formed credential.
pub(crate) const MALFORMED: Expected = Expected::Challenged(400, Some("invalid_request"));

impl Expected {
    /// Whether the request asks for what it must not get.
    pub(crate) fn is_hostile(self) -> bool {
        !matches!(self, Self::Passed | Self::Harmless(_))
    }
}

impl Attack {
    /// Does it to one server.
    pub(crate) async fn carry_out(&self, side: &Side, forge: &Forge) -> Outcome {
        match &self.act {
            Act::Request(build) => Ok(build(side, forge).send(side).await),
            Act::Script(script) => script.run(side, forge).await,
        }
    }
}

/// A row of one request.
pub(crate) fn attack(
    trap: &'static str,
    name: impl Into<String>,
    expected: Expected,
    build: impl Fn(&Side, &Forge) -> Raw + 'static,
) -> Attack {
    Attack { trap, name: name.into(), expected, act: Act::Request(Box::new(build)) }
}

/// A row of several requests.
pub(crate) fn script(
    trap: &'static str,
    name: impl Into<String>,
    expected: Expected,
    act: impl AsyncFn(&Side, &Forge) -> Outcome + 'static,
) -> Attack {
    Attack { trap, name: name.into(), expected, act: Act::Script(Box::new(act)) }
}

/// A row of a token in `Authorization: Bearer`.
pub(crate) fn token(
    trap: &'static str,
    name: impl Into<String>,
    expected: Expected,
    build: impl Fn(&Forge) -> String + 'static,
) -> Attack {
    attack(trap, name, expected, move |side, forge| Raw::call(side).bearer(&build(forge)))
}

impl<F: AsyncFn(&Side, &Forge) -> Outcome> Script for F {
    fn run<'a>(
        &'a self,
        side: &'a Side,
        forge: &'a Forge,
    ) -> Pin<Box<dyn Future<Output = Outcome> + 'a>> {
        Box::pin(self(side, forge))
    }
}
