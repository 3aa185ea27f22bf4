//! `whoami`: who the server thinks you are.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::tool::{Call, Effect, Failure, Nothing, Tool};

pub(crate) fn tools() -> Vec<Tool> {
    vec![Tool::new(
        "whoami",
        "Who am I?",
        Effect::Reads,
        "Says who the server thinks you are, by which scheme you were recognised, until when \
         that holds, and which tools you may and may not call. Call it first, or when another \
         call was refused.",
        whoami,
    )]
}

async fn whoami(call: Call, _: Nothing) -> Result<Caller, Failure> {
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    let identity = call.identity();
    Ok(Caller {
        scheme: identity.scheme.to_owned(),
        issuer: identity.issuer.clone(),
        user: identity.user.clone(),
        user_number: identity.user_number.clone(),
        name: identity.name.clone(),
        client: identity.client.clone(),
        credential: identity.credential.clone(),
        roles: identity.roles.clone(),
        scopes: identity.scopes.clone(),
        grants: identity.grants.clone(),
        read_only: identity.read_only,
        rate: identity.rate.map(|rate| rate.to_string()),
        expires: identity.expires,
        tools: owned(call.permit.allowed()),
        refused: owned(call.permit.refused()),
    })
}

#[derive(Serialize, JsonSchema)]
struct Caller {
    /// The scheme that recognised the caller.
    scheme: String,
    /// Who vouches for the user.
    issuer: String,
    /// The user, whose records the tools show.
    user: String,
    /// The number of the user in other systems.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_number: Option<String>,
    /// The name to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The program that calls.
    client: String,
    /// The id of the credential; not the credential.
    credential: String,
    roles: Vec<String>,
    scopes: Vec<String>,
    grants: Vec<String>,
    /// Whether only tools may be called that change nothing, whatever is granted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    read_only: bool,
    /// How often this credential may be used, where it has a limit of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<String>,
    /// When the credential ends (RFC 3339); absent if it has no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<jiff::Timestamp>,
    /// The tools that the caller may call.
    tools: Vec<String>,
    /// The tools that exist and that the caller may not call.
    refused: Vec<String>,
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "You are {}", self.user)?;
        if let Some(name) = &self.name {
            write!(f, " ({name})")?;
        }
        if let Some(number) = &self.user_number {
            write!(f, ", number {number}")?;
        }
        write!(f, ", by {}", self.scheme)?;
        if !self.issuer.is_empty() {
            write!(f, " from {}", self.issuer)?;
        }
        match self.expires {
            Some(end) => writeln!(f, ", until {end}.")?,
            None => writeln!(f, ", without an end.")?,
        }
        writeln!(f, "Client: {}. Credential: {}.", self.client, self.credential)?;
        for (what, names) in
            [("Roles", &self.roles), ("Scopes", &self.scopes), ("Grants", &self.grants)]
        {
            if !names.is_empty() {
                writeln!(f, "{what}: {}.", names.join(", "))?;
            }
        }
        if self.read_only {
            writeln!(f, "Tools that change nothing alone.")?;
        }
        if let Some(rate) = &self.rate {
            writeln!(f, "At most {rate} with this credential.")?;
        }
        writeln!(f, "You may call: {}.", list(&self.tools))?;
        write!(f, "You may not call: {}.", list(&self.refused))
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
