//! One row of the hostile table.

use compare::Side;

use super::forge::Forge;
use super::raw::Raw;

/// Makes the request against one server.
type Build = Box<dyn Fn(&Side, &Forge) -> Raw>;

/// One hostile request, in the form that it takes against each scheme.
pub(crate) struct Attack {
    /// The trap it belongs to.
    pub(crate) trap: &'static str,
    pub(crate) name: String,
    pub(crate) build: Build,
    pub(crate) expected: Expected,
}

/// What has to come back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Expected {
    /// A whole refusal, whose challenge names this error, or none.
    Refusal(u16, Option<&'static str>),
    /// A refusal by the HTTP parser, which knows no challenges.
    Parser(u16),
    /// The answer of the tool: strange to look at, and right.
    Passed,
}

/// 401: what was presented is not valid.
pub(crate) const INVALID: Expected = Expected::Refusal(401, Some("invalid_token"));
/// 401: nothing was presented.
pub(crate) const NOTHING: Expected = Expected::Refusal(401, None);
/// 400: not exactly one well-formed credential.
pub(crate) const MALFORMED: Expected = Expected::Refusal(400, Some("invalid_request"));

/// A row.
pub(crate) fn attack(
    trap: &'static str,
    name: impl Into<String>,
    expected: Expected,
    build: impl Fn(&Side, &Forge) -> Raw + 'static,
) -> Attack {
    Attack { trap, name: name.into(), build: Box::new(build), expected }
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
