//! What a client is asked to do.

use std::collections::BTreeMap;

use client::Credential;
use compare::{Kind, Side};
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::Value;

/// One connection, and one thing that is done with it.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Step {
    pub(crate) step: String,
    pub(crate) url: String,
    /// How the client is to choose the protocol, in its own words.
    pub(crate) mode: &'static str,
    /// The credential in its header; none at all where `oauth` is to bring one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) headers: Option<BTreeMap<&'static str, String>>,
    /// Id, secret and issuer; the client finds out the rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) oauth: Option<Oauth>,
    /// The tool to call; without one, the tools are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) call: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) arguments: Option<Value>,
    /// The step whose session is gone on with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resume: Option<&'static str>,
    /// The user for whom answers are kept, in a store that users share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shared_cache: Option<&'static str>,
}

/// What a client needs to fetch a token for itself.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Oauth {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) issuer: String,
}

/// The situations that end in a refusal, and what people call them.
pub(crate) const REFUSALS: [(&str, &str); 4] = [
    ("none", "no credential"),
    ("wrong", "wrong credential"),
    ("expired", "expired credential"),
    ("refused", "a tool that one may not call"),
];

/// The situations at one server, in one generation of the protocol.
pub(crate) fn situations(side: &Side, mode: &'static str) -> Vec<Step> {
    let step = |step: &str, credential: Option<&Credential>, call| Step {
        step: step.to_owned(),
        headers: credential.map(|credential| headers(side.kind, credential)),
        call,
        ..Step::at(&side.url, mode)
    };
    vec![
        step("list", Some(&side.bob), None),
        step("call", Some(&side.bob), Some("whoami")),
        step("none", None, None),
        step("wrong", Some(&side.wrong), None),
        step("expired", Some(&side.expired), None),
        step("refused", Some(&side.bob), Some(side.refused_tool)),
    ]
}

impl Step {
    pub(crate) fn at(url: &str, mode: &'static str) -> Self {
        Self { url: url.to_owned(), mode, ..Self::default() }
    }
}

/// The header that this scheme's clients are told to send.
pub(crate) fn headers(kind: Kind, credential: &Credential) -> BTreeMap<&'static str, String> {
    let secret = credential.secret().expose_secret();
    match kind {
        Kind::ApiKey => [("X-API-Key", secret.to_owned())].into(),
        Kind::Jwt | Kind::Rbac => [("Authorization", format!("Bearer {secret}"))].into(),
    }
}
