//! Tokens for trying `rbac-server`. In production an issuer signs them.

use std::io;
use std::time::Duration;

use jiff::Timestamp;
use mcp_auth::authn::jwt::{Claims, RevokedToken, Signers};
use mcp_auth::secret::{self, SecretFileError};
use mcp_auth::shell;
use serde_json::json;
use store::{Ledger, Revocation};
use uuid::Uuid;

use crate::cli::{Place, Token, TokenCommand};
use crate::rsa::PRIVATE_FILE;
use crate::{Error, Report};

/// Servers take no token that lives longer.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest that `rbac-server` can be told to take.
const YEAR: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// By how much clocks may differ, and more.
const LEEWAY: Duration = Duration::from_secs(60);

pub(crate) fn run(place: &Place, options: Token) -> Result<Report, Error> {
    match options.command {
        Some(TokenCommand::Revoke { jti, client, elsewhere: true }) => {
            return revoke(place, jti, client, YEAR);
        }
        Some(TokenCommand::Revoke { jti, client, elsewhere: false }) => {
            return revoke(place, own(place, jti, &client)?, client, LONGEST);
        }
        None => {}
    }
    let (role, sub) = (options.role.unwrap_or_default(), options.sub.unwrap_or_default());
    for (flag, value) in [("--role", &role), ("--sub", &sub)] {
        if value.trim().is_empty() {
            return Err(Error::Invalid(format!("{flag} must not be empty")));
        }
    }
    if options.ttl > LONGEST {
        return Err(Error::Invalid("a token lives 24 hours at most; use --ttl 24h".to_owned()));
    }
    let signers = signers(place)?;
    let now = Timestamp::now();
    let signer = signers.at(now).ok_or_else(|| {
        Error::bad_key(
            place.keys.join(PRIVATE_FILE),
            &"every key in it signs later, or is over",
            &place.keys,
        )
    })?;
    let expires =
        now.checked_add(options.ttl).map_err(|error| Error::Invalid(error.to_string()))?;
    let claims = Claims {
        iss: options.issuer,
        sub,
        aud: options.audience.as_str().into(),
        exp: expires.as_second(),
        iat: Some(now.as_second()),
        jti: Some(Uuid::now_v7().to_string()),
        client_id: Some("keygen".to_owned()),
        scope: options.scope,
        job_role: Some(role),
        id: options.id,
        name: options.name,
        ..Claims::default()
    };
    let token = signer.mint(&claims);
    let mut json =
        json!({ "claims": claims, "kid": signer.kid(), "expires": format!("{expires:.0}") });
    let Some(path) = options.out else {
        // The token alone, so that it can be put into a command.
        json["token"] = token.as_str().into();
        return Ok(Report::new(token, json));
    };
    secret::write(&path, &format!("{token}\n"), options.force)?;
    json["file"] = path.to_string_lossy().into();
    let text = format!(
        "made a token that ends at {expires:.0} in {path} (only you can read it)\n\
         use it: cargo run -p rbac-client -- --token-file {quoted}\n",
        path = path.display(),
        quoted = shell::word(&path.to_string_lossy()),
    );
    Ok(Report::new(text, json))
}

/// The id of a token of `jwt-server`. It need not have been issued: who revokes does not have it, and
/// nobody keeps a list.
fn own(place: &Place, jti: String, client: &str) -> Result<String, Error> {
    // Anything else would be kept, and match no token.
    let Ok(jti) = Uuid::parse_str(&jti).map(|jti| jti.to_string()) else {
        return Err(Error::Invalid(format!(
            "{jti:?} is not the id of a token of jwt-server, which is a UUID; it is in the log of \
             the server, and in what whoami says; with --elsewhere it may be anything"
        )));
    };
    let store = Ledger::open(&place.store_file())?;
    if !store.has_client(client)? {
        return Err(Error::unknown("client", client, place));
    }
    Ok(jti)
}

/// It is remembered until no server would take it anyway.
fn revoke(place: &Place, jti: String, client: String, longest: Duration) -> Result<Report, Error> {
    let ends = Timestamp::now()
        .checked_add(longest + LEEWAY)
        .map_err(|error| Error::Invalid(error.to_string()))?;
    let store = Ledger::open(&place.store_file())?;
    let token = RevokedToken { jti, client, ends };
    let (said, since) = match store.revoke_token(&token)? {
        Revocation::Now(since) => {
            let said = "is refused from now on by all servers, and what is open for it ends";
            (said.to_owned(), since)
        }
        Revocation::Already(since) => (format!("was revoked already, at {since:.0}"), since),
    };
    let RevokedToken { jti, client, .. } = token;
    let text = format!("the token {jti} of {client} {said}");
    let json = json!({ "jti": jti, "client_id": client, "revoked": since.to_string() });
    Ok(Report::new(text, json))
}

fn signers(place: &Place) -> Result<Signers, Error> {
    let path = place.keys.join(PRIVATE_FILE);
    let pem = secret::read(&path).map_err(|error| match error {
        SecretFileError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            Error::NoPrivateKey { path: path.clone(), flag: place.flag() }
        }
        error => error.into(),
    })?;
    Signers::rs256(&pem).map_err(|error| Error::bad_key(path, &error, &place.keys))
}
