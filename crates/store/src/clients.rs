//! Rows of OAuth clients.

use std::path::Path;

use jiff::Timestamp;
use mcp_auth::authn::apikey::mint::KeyDigest;
use mcp_auth::authn::client::{ClientRecord, PlainClient};
use rusqlite::{Connection, Row, named_params};

use crate::StoreError;
use crate::row::{self, Read, Reader};

const TABLE: &str = "clients";

/// A client to be kept. Its secret is not part of it.
#[derive(Clone, Debug)]
pub struct NewClient {
    /// The `client_id` (RFC 6749 §2.2).
    pub id: String,
    /// SHA-256 of the secret.
    pub digest: KeyDigest,
    /// The user on whose behalf it acts: `sub` of its tokens.
    pub owner: String,
    /// The number by which other systems know that user.
    pub user_number: Option<String>,
    /// A name to show people.
    pub name: String,
    /// The scopes it may ask for. None: no tool but what all may call.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created: Timestamp,
    /// Made at a first run, for trying out.
    pub demo: bool,
}

/// A client as it is kept, without its digest.
#[derive(Clone, Debug)]
pub struct StoredClient {
    /// The `client_id` (RFC 6749 §2.2).
    pub id: String,
    /// The user on whose behalf it acts: `sub` of its tokens.
    pub owner: String,
    /// The number by which other systems know that user.
    pub user_number: Option<String>,
    /// A name to show people.
    pub name: String,
    /// The scopes it may ask for.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created: Timestamp,
    /// Since when it is refused, if it was revoked.
    pub revoked: Option<Timestamp>,
    /// Made at a first run, for trying out.
    pub demo: bool,
}

impl NewClient {
    /// A client of this owner, without any scope, made now.
    pub fn of(client: &PlainClient, owner: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            id: client.id().to_owned(),
            digest: client.digest(),
            owner: owner.into(),
            user_number: None,
            name: name.into(),
            scopes: Vec::new(),
            created: Timestamp::now(),
            demo: false,
        }
    }

    /// # Errors
    /// A field cannot be kept.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        row::check_word("client id", &self.id)?;
        row::check("owner", &self.owner)?;
        row::check("name", &self.name)?;
        self.user_number.as_deref().map_or(Ok(()), |text| row::check("user number", text))?;
        self.scopes.iter().try_for_each(|scope| row::check_word("scope", scope))
    }

    pub(crate) fn insert(&self, connection: &Connection) -> rusqlite::Result<usize> {
        connection.execute(
            "INSERT INTO clients
                (id, digest, owner, user_number, name, scopes, created, demo)
             VALUES (:id, :digest, :owner, :user_number, :name, :scopes, :created, :demo)",
            named_params! {
                ":id": self.id,
                ":digest": self.digest,
                ":owner": self.owner,
                ":user_number": self.user_number,
                ":name": self.name,
                ":scopes": row::list(&self.scopes),
                ":created": row::time(self.created),
                ":demo": self.demo,
            },
        )
    }
}

/// Every client with its digest, in the order in which they were made. A row that cannot be
/// read is an error of its own, and takes none of the others with it.
pub(crate) fn all(
    connection: &Connection,
    path: &Path,
) -> Result<Vec<Read<StoredClient>>, StoreError> {
    let failed = || crate::file::failed("read", path);
    let mut statement =
        connection.prepare("SELECT * FROM clients ORDER BY rowid").map_err(failed())?;
    let mut rows = statement.query([]).map_err(failed())?;
    let mut clients = Vec::new();
    while let Some(row) = rows.next().map_err(failed())? {
        clients.push(read(row, path));
    }
    Ok(clients)
}

/// What the token endpoint is told of a client.
pub(crate) fn record(client: StoredClient, digest: KeyDigest) -> ClientRecord {
    ClientRecord {
        id: client.id,
        digest,
        user: client.owner,
        user_number: client.user_number,
        name: Some(client.name),
        scopes: client.scopes,
        revoked: client.revoked.is_some(),
    }
}

fn read(row: &Row<'_>, path: &Path) -> Read<StoredClient> {
    let reader = Reader { path, table: TABLE, row };
    let client = StoredClient {
        id: reader.get("id")?,
        owner: reader.get("owner")?,
        user_number: reader.get("user_number")?,
        name: reader.get("name")?,
        scopes: reader.list("scopes")?,
        created: reader.time("created")?.ok_or_else(|| reader.damaged("created"))?,
        revoked: reader.revoked(),
        demo: reader.get("demo")?,
    };
    Ok((client, reader.get("digest")?))
}
