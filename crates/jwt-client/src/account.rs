//! The client's own credentials, with which it asks for tokens.

use std::path::Path;

use client::{Cli, Error, credential_path, how_to_get_one, read_secret_file};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::PROGRAM;

/// How to make another, with what may be asked for on jwt-server.
const CREATE: &str = "client create --scope weather:read --scope payments:read \
                      --scope shopping:read --scope shopping:write";

/// A client id and the secret that goes with it.
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) secret: SecretString,
}

impl Account {
    /// From the environment, else from `file`, else from the keys folder.
    pub(crate) fn find(cli: &Cli, name: &str, file: Option<&Path>) -> Result<Self, Error> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        match (variable("MCP_CLIENT_ID"), variable("MCP_CLIENT_SECRET")) {
            (Some(id), Some(secret)) => return Ok(Self { id, secret: secret.into() }),
            (None, None) => {}
            _ => {
                let text = "MCP_CLIENT_ID and MCP_CLIENT_SECRET go together: set both or none.";
                return Err(Error::Usage(text.into()));
            }
        }
        let path = match file {
            Some(file) => file.to_owned(),
            None => credential_path(&cli.keys, name, "client.json", "--client-file")?,
        };
        let Some(text) = read_secret_file(&path)? else {
            let help = how_to_get_one(&PROGRAM, cli, name, file, CREATE);
            return Err(Error::Usage(format!(
                "There is no client credential in {}. {help}",
                path.display()
            )));
        };
        Self::parse(text.expose_secret()).ok_or_else(|| {
            Error::Usage(format!(
                "{} is not {{\"client_id\": \"…\", \"client_secret\": \"…\"}}: write it so, or \
                 make another with: cargo run -p keygen -- client create --help",
                path.display()
            ))
        })
    }

    fn parse(text: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct File {
            client_id: String,
            client_secret: SecretText,
        }
        // No field of this type is printed; the wrapper keeps it out of errors too.
        #[derive(Deserialize)]
        struct SecretText(String);
        let file: File = serde_json::from_str(text).ok()?;
        let filled = !file.client_id.is_empty() && !file.client_secret.0.is_empty();
        filled.then(|| Self { id: file.client_id, secret: file.client_secret.0.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_halves_are_needed() {
        let account = Account::parse(r#"{"client_id":"bob","client_secret":"s"}"#).unwrap();
        assert_eq!((account.id.as_str(), account.secret.expose_secret()), ("bob", "s"));
        for text in [r#"{"client_id":"bob"}"#, r#"{"client_id":"bob","client_secret":""}"#, ""] {
            assert!(Account::parse(text).is_none(), "{text}");
        }
    }
}
