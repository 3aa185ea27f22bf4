//! Rows of API keys.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use mcp_auth::Identity;
use mcp_auth::authn::apikey::mint::KeyDigest;
use mcp_auth::authn::apikey::{KeyId, KeyRecord, PlainKey, Uses, verify};
use mcp_auth::guard::limit::Rate;
use rusqlite::{Connection, Row, named_params};

use crate::row::{self, Read, Reader};
use crate::{KEY_ISSUER, StoreError};

const TABLE: &str = "api_keys";

/// A key to be kept. The key itself is not part of it.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// The key's public part.
    pub id: KeyId,
    /// SHA-256 of the whole key.
    pub digest: KeyDigest,
    /// The first key of the chain that this one continues; `None` begins a chain.
    pub chain: Option<KeyId>,
    /// The user whose records the key reaches.
    pub owner: String,
    /// The number by which other systems know that user.
    pub user_number: Option<String>,
    /// A name to show people.
    pub name: String,
    /// The role of its holder, if it has one.
    pub role: Option<String>,
    /// Rules in the form of [`Rule`](mcp_auth::authz::Rule). None: no tool but what all may call.
    pub grants: Vec<String>,
    /// Whether it may call tools that change nothing alone, whatever its grants say.
    pub read_only: bool,
    /// How often it may ask, if that is less than the server lets everybody.
    pub rate: Option<Rate>,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends; `None`: when it is revoked.
    pub expires: Option<Timestamp>,
    /// Made at a first run, for trying out.
    pub demo: bool,
}

/// A key as it is kept, without its digest.
#[derive(Clone, Debug)]
pub struct StoredKey {
    /// The key's public part.
    pub id: KeyId,
    /// The first key of its chain.
    pub chain: KeyId,
    /// The user whose records the key reaches.
    pub owner: String,
    /// The number by which other systems know that user.
    pub user_number: Option<String>,
    /// A name to show people.
    pub name: String,
    /// The role of its holder, if it has one.
    pub role: Option<String>,
    /// Rules in the form of [`Rule`](mcp_auth::authz::Rule).
    pub grants: Vec<String>,
    /// Whether it may call tools that change nothing alone, whatever its grants say.
    pub read_only: bool,
    /// How often it may ask, if that is less than the server lets everybody.
    pub rate: Option<Rate>,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends, if it does.
    pub expires: Option<Timestamp>,
    /// Since when it is refused, if it was revoked.
    pub revoked: Option<Timestamp>,
    /// Made at a first run, for trying out.
    pub demo: bool,
    /// When it was used last, as far as that was written down: servers do it every few seconds.
    pub last_used: Option<Timestamp>,
    /// How often it was used, likewise.
    pub uses: u64,
}

impl NewKey {
    /// A key of this owner, without any right, made now, without an end.
    pub fn of(key: &PlainKey, owner: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            id: key.id(),
            digest: key.digest(),
            chain: None,
            owner: owner.into(),
            user_number: None,
            name: name.into(),
            role: None,
            grants: Vec::new(),
            read_only: false,
            rate: None,
            created: Timestamp::now(),
            expires: None,
            demo: false,
        }
    }

    /// # Errors
    /// A field cannot be kept.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        row::check("owner", &self.owner)?;
        row::check("name", &self.name)?;
        self.user_number.as_deref().map_or(Ok(()), |text| row::check("user number", text))?;
        self.role.as_deref().map_or(Ok(()), |text| row::check("role", text))?;
        self.grants.iter().try_for_each(|grant| row::check_word("grant", grant))
    }

    pub(crate) fn insert(&self, connection: &Connection) -> rusqlite::Result<usize> {
        connection.execute(
            "INSERT INTO api_keys
                (id, digest, chain, owner, user_number, name, role, grants, read_only, rate, created,
                 expires, demo)
             VALUES (:id, :digest, :chain, :owner, :user_number, :name, :role, :grants, :read_only,
                :rate, :created, :expires, :demo)",
            named_params! {
                ":id": self.id.to_string(),
                ":digest": self.digest,
                ":chain": self.chain.unwrap_or(self.id).to_string(),
                ":owner": self.owner,
                ":user_number": self.user_number,
                ":name": self.name,
                ":role": self.role,
                ":grants": row::list(&self.grants),
                ":read_only": self.read_only,
                ":rate": self.rate.map(|rate| rate.to_string()),
                ":created": row::time(self.created),
                ":expires": self.expires.map(row::time),
                ":demo": self.demo,
            },
        )
    }
}

/// Every key with its digest, in the order in which they were made. A row that cannot be
/// read is an error of its own, and takes none of the others with it.
pub(crate) fn all(
    connection: &Connection,
    path: &Path,
) -> Result<Vec<Read<StoredKey>>, StoreError> {
    let failed = || crate::file::failed("read", path);
    let mut statement = connection
        .prepare(
            "SELECT api_keys.*, last_used, uses FROM api_keys LEFT JOIN key_uses USING (id)
         ORDER BY api_keys.rowid",
        )
        .map_err(failed())?;
    let mut rows = statement.query([]).map_err(failed())?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next().map_err(failed())? {
        keys.push(read(row, path));
    }
    Ok(keys)
}

/// What the layers are told of a key, and where they count its uses.
pub(crate) fn record(key: StoredKey, digest: KeyDigest, uses: Arc<Uses>) -> KeyRecord {
    let identity = Identity {
        scheme: verify::NAME,
        issuer: KEY_ISSUER.to_owned(),
        user: key.owner,
        user_number: key.user_number,
        name: Some(key.name),
        client: key.chain.to_string(),
        credential: key.id.to_string(),
        roles: key.role.into_iter().collect(),
        scopes: Vec::new(),
        grants: key.grants,
        read_only: key.read_only,
        rate: key.rate,
        issued: Some(key.created),
        key: None,
        expires: key.expires,
    };
    KeyRecord { digest, identity: Arc::new(identity), revoked: key.revoked, uses }
}

fn read(row: &Row<'_>, path: &Path) -> Read<StoredKey> {
    let reader = Reader { path, table: TABLE, row };
    let id =
        |column| KeyId::parse(&reader.get::<String>(column)?).ok_or_else(|| reader.damaged(column));
    let rate: Option<String> = reader.get("rate")?;
    let uses: Option<i64> = reader.get("uses").unwrap_or_default();
    let key = StoredKey {
        id: id("id")?,
        chain: id("chain")?,
        owner: reader.get("owner")?,
        user_number: reader.get("user_number")?,
        name: reader.get("name")?,
        role: reader.get("role")?,
        grants: reader.list("grants")?,
        read_only: reader.get("read_only")?,
        rate: rate.map(|rate| rate.parse().map_err(|_| reader.damaged("rate"))).transpose()?,
        created: reader.time("created")?.ok_or_else(|| reader.damaged("created"))?,
        expires: reader.time("expires")?,
        revoked: reader.revoked(),
        demo: reader.get("demo")?,
        // What cannot be read of these keeps nobody out.
        last_used: reader.time("last_used").ok().flatten(),
        uses: uses.and_then(|uses| uses.try_into().ok()).unwrap_or_default(),
    };
    Ok((key, reader.get("digest")?))
}
