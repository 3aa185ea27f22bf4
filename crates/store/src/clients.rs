//! Rows of OAuth clients.

use jiff::Timestamp;
use mcp_auth::authn::apikey::mint::KeyDigest;
use mcp_auth::authn::client::{ClientRecord, PlainClient};

use crate::StoreError;
use crate::records::{Record, Records};
use crate::row::{self, Read};
use crate::session::{self, Moments, Row, Session};
use crate::snapshot::Snapshot;

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

    /// Whether it was kept: not if there is one of its id.
    pub(crate) fn insert(&self, session: &Session<'_>) -> Result<bool, StoreError> {
        let kept = session.execute(
            "INSERT INTO clients
                (id, digest, owner, user_number, name, scopes, created, demo)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (id) DO NOTHING",
            &[
                (&self.id).into(),
                (&self.digest).into(),
                (&self.owner).into(),
                self.user_number.as_ref().into(),
                (&self.name).into(),
                row::list(&self.scopes).into(),
                row::time(self.created).into(),
                self.demo.into(),
            ],
        )?;
        Ok(kept > 0)
    }
}

/// Every client with its digest, in the order in which they were made. A row that cannot be
/// read is an error of its own, and takes none of the others with it.
pub(crate) fn all(from: &mut impl Moments) -> Result<Vec<Read<StoredClient>>, StoreError> {
    let mut clients = Vec::new();
    session::all(from, TABLE, "clients.*", "", |row| {
        clients.push(read(row));
        Ok(())
    })?;
    Ok(clients)
}

impl Record for ClientRecord {
    type Id = String;

    const TABLE: &'static str = TABLE;

    fn of(snapshot: &Snapshot) -> &Records<String, Self> {
        &snapshot.clients
    }

    fn of_mut(snapshot: &mut Snapshot) -> &mut Records<String, Self> {
        &mut snapshot.clients
    }

    fn id(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn read(row: &Row<'_>) -> Result<(String, Self), StoreError> {
        read(row).map(|(client, digest)| (client.id.clone(), record(client, digest)))
    }

    fn end(&self) -> Option<Timestamp> {
        self.revoked.then_some(Timestamp::UNIX_EPOCH)
    }
}

fn record(client: StoredClient, digest: KeyDigest) -> ClientRecord {
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

fn read(row: &Row<'_>) -> Read<StoredClient> {
    let client = StoredClient {
        id: row.get("id")?,
        owner: row.get("owner")?,
        user_number: row.get("user_number")?,
        name: row.get("name")?,
        scopes: row::read_list(row, "scopes")?,
        created: row::read_time(row, "created")?.ok_or_else(|| row.damaged("created"))?,
        revoked: row::read_revoked(row),
        demo: row.get("demo")?,
    };
    Ok((client, row.get("digest")?))
}
