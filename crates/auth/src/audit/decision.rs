//! What was decided, and what decided it.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::authz::peek::Peeked;
use crate::{Identity, Rejection, TraceId, shown};

/// One decision about one request.
///
/// Texts are as a stranger sent them: whoever shows them has to escape them and to bound them.
/// None is a credential.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Decision<'a> {
    /// When it was made.
    pub time: Timestamp,
    /// The request, as its answer names it in `x-request-id`.
    pub trace: Option<TraceId>,
    /// The address that it came from.
    pub peer: Option<IpAddr>,
    /// The first part of its path, such as `/mcp` or `/token`.
    pub endpoint: Option<&'a str>,
    /// The scheme that judged the credential, also where it was refused.
    pub scheme: Option<&'a str>,
    /// Who vouches for the user. This and what follows is there only if it is known who calls.
    pub issuer: Option<&'a str>,
    /// The user.
    pub user: Option<&'a str>,
    /// The program that calls.
    pub client: Option<&'a str>,
    /// The id of the credential: of the one that was sent or, if one was issued or revoked, of
    /// that one.
    pub credential: Option<&'a str>,
    /// The method of MCP; that of HTTP where the request has no body.
    pub method: Option<&'a str>,
    /// The tool that a `tools/call` names.
    pub tool: Option<&'a str>,
    /// The arguments of a call that may run. Whoever keeps them was told to.
    pub arguments: Option<&'a Map<String, Value>>,
    /// What was decided.
    pub outcome: Outcome,
    /// The status of a refusal.
    pub status: Option<u16>,
    /// What decided it.
    pub basis: Basis<'a>,
    /// A sentence for the operator, not for the client.
    pub reason: Option<Cow<'a, str>>,
}

/// What was decided.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The request goes on.
    Allowed,
    /// A token was issued.
    Issued,
    /// The request goes no further.
    Refused,
    /// A token was taken back.
    Revoked,
}

/// What decided: the rule of the policy that reached the tool, or the check that failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Basis<'a> {
    /// The tool is for everybody who is known.
    Always,
    /// This check failed. One of some thirty words, such as `expired_credential`.
    Check(&'static str),
    /// A grant of the key, as it was given: a tool, a prefix with `*`, or `read_only`.
    Grant(&'a str),
    /// It is enough to be known.
    Known,
    /// A role of the caller.
    Role(&'a str),
    /// A scope of the token; of a token that was issued, all of them.
    Scope(&'a str),
}

/// What is said of a request in one place, of which the rest is known already.
#[derive(Clone, Debug)]
pub struct Ruling<'a> {
    /// What was decided.
    pub outcome: Outcome,
    /// What decided it.
    pub basis: Basis<'a>,
    /// The status of a refusal.
    pub status: Option<StatusCode>,
    /// A sentence for the operator. It must not hold a secret.
    pub reason: Option<Cow<'a, str>>,
    /// The program that calls, if that is not known from elsewhere.
    pub client: Option<&'a str>,
    /// The user, if that is not known from elsewhere.
    pub user: Option<&'a str>,
    /// The credential that this is about, if it is not the one that was sent.
    pub credential: Option<&'a str>,
    /// The tool as it was parsed, if it was.
    pub tool: Option<&'a str>,
    /// Its arguments.
    pub arguments: Option<&'a Map<String, Value>>,
}

impl Outcome {
    /// In one word, such as `allowed`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Issued => "issued",
            Self::Refused => "refused",
            Self::Revoked => "revoked",
        }
    }
}

impl Basis<'_> {
    /// What kind of thing decided, without its name: one of a few dozen words, fit for a label.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Check(check) => check,
            Self::Grant(_) => "grant",
            Self::Known => "known",
            Self::Role(_) => "role",
            Self::Scope(_) => "scope",
        }
    }
}

impl fmt::Display for Basis<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        match self {
            Self::Grant(name) | Self::Role(name) | Self::Scope(name) => write!(f, " {name}"),
            Self::Always | Self::Check(_) | Self::Known => Ok(()),
        }
    }
}

impl<'a> Decision<'a> {
    /// Made now, with nothing known about the request.
    pub fn new(outcome: Outcome) -> Self {
        Self {
            time: Timestamp::now(),
            trace: None,
            peer: None,
            endpoint: None,
            scheme: None,
            issuer: None,
            user: None,
            client: None,
            credential: None,
            method: None,
            tool: None,
            arguments: None,
            outcome,
            status: None,
            basis: Basis::Known,
            reason: None,
        }
    }

    /// A name that may be a credential is not shown. A tool that is there is named by whoever
    /// looked for it.
    pub(super) fn asks(&mut self, peeked: &'a Peeked) {
        let shown = |name: &'a str| if shown::may_be_credential(name) { "…" } else { name };
        self.method = peeked.method().map(shown).or(self.method);
        self.tool = peeked.called_tool().map(shown);
    }

    pub(super) fn about(&mut self, identity: &'a Identity) {
        self.scheme = Some(identity.scheme);
        self.issuer = Some(&identity.issuer);
        self.user = Some(&identity.user);
        self.client = Some(&identity.client);
        self.credential = Some(&identity.credential);
    }

    pub(super) fn follow(&mut self, ruling: Ruling<'a>) {
        self.outcome = ruling.outcome;
        self.basis = ruling.basis;
        self.status = ruling.status.map(|status| status.as_u16());
        self.reason = ruling.reason;
        self.client = ruling.client.or(self.client);
        self.user = ruling.user.or(self.user);
        self.credential = ruling.credential.or(self.credential);
        self.tool = ruling.tool.or(self.tool);
        self.arguments = ruling.arguments;
    }
}

impl<'a> Ruling<'a> {
    /// Nothing but what was decided, and by what.
    pub fn new(outcome: Outcome, basis: Basis<'a>) -> Self {
        Self {
            outcome,
            basis,
            status: None,
            reason: None,
            client: None,
            user: None,
            credential: None,
            tool: None,
            arguments: None,
        }
    }

    /// The request goes on.
    pub fn allowed(basis: Basis<'a>) -> Self {
        Self::new(Outcome::Allowed, basis)
    }

    /// The request goes no further, because this check failed.
    pub fn refused(check: &'static str, reason: impl Into<Cow<'a, str>>) -> Self {
        Self { reason: Some(reason.into()), ..Self::new(Outcome::Refused, Basis::Check(check)) }
    }
}

impl<'a> From<&'a Rejection> for Ruling<'a> {
    fn from(rejection: &'a Rejection) -> Self {
        Self {
            status: Some(rejection.status()),
            tool: rejection.tool(),
            ..Self::refused(rejection.check(), rejection.reason())
        }
    }
}
