//! Rows of API keys.

use std::sync::Arc;

use jiff::Timestamp;
use mcp_auth::Identity;
use mcp_auth::authn::apikey::mint::KeyDigest;
use mcp_auth::authn::apikey::{KeyId, KeyRecord, PlainKey, Uses, verify};
use mcp_auth::guard::limit::Rate;

use crate::records::{Record, Records};
use crate::row::{self, Read};
use crate::session::{self, Moments, Row, Session};
use crate::snapshot::Snapshot;
use crate::{KEY_ISSUER, StoreError};

const TABLE: &str = "api_keys";

/// A key, and those of its chain that were made after it, in that order.
pub(crate) const AND_LATER: &str = "FROM api_keys later JOIN api_keys key
        ON later.chain = key.chain AND later.rowid >= key.rowid
     WHERE key.id = ?1 ORDER BY later.rowid";

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

    /// Whether it was kept: not if there is one of its id.
    pub(crate) fn insert(&self, session: &Session<'_>) -> Result<bool, StoreError> {
        let kept = session.execute(
            "INSERT INTO api_keys
                (id, digest, chain, owner, user_number, name, role, grants, read_only, rate, created,
                 expires, demo)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
             ON CONFLICT (id) DO NOTHING",
            &[
                self.id.to_string().into(),
                (&self.digest).into(),
                self.chain.unwrap_or(self.id).to_string().into(),
                (&self.owner).into(),
                self.user_number.as_ref().into(),
                (&self.name).into(),
                self.role.as_ref().into(),
                row::list(&self.grants).into(),
                self.read_only.into(),
                self.rate.map(|rate| rate.to_string()).into(),
                row::time(self.created).into(),
                self.expires.map(row::time).into(),
                self.demo.into(),
            ],
        )?;
        Ok(kept > 0)
    }
}

/// Every key with its digest, in the order in which they were made, and how often it was used. A row
/// that cannot be read is an error of its own, and takes none of the others with it.
pub(crate) fn all(from: &mut impl Moments) -> Result<Vec<Read<StoredKey>>, StoreError> {
    let (mut keys, uses) = (Vec::new(), "LEFT JOIN key_uses ON key_uses.id = api_keys.id");
    session::all(from, TABLE, "api_keys.*, last_used, uses", uses, |row| {
        keys.push(read(row));
        Ok(())
    })?;
    Ok(keys)
}

/// What stands in the rows of a key and of those that were made after it in its chain.
pub(crate) fn and_later(
    session: &Session<'_>,
    id: KeyId,
) -> Result<Vec<Result<StoredKey, StoreError>>, StoreError> {
    let (mut keys, sql) = (Vec::new(), format!("SELECT later.* {AND_LATER}"));
    session.each(TABLE, &sql, &[id.to_string().into()], |row| {
        keys.push(read(row).map(|(key, _)| key));
        Ok(())
    })?;
    Ok(keys)
}

impl Record for KeyRecord {
    type Id = KeyId;

    const TABLE: &'static str = TABLE;

    fn of(snapshot: &Snapshot) -> &Records<KeyId, Self> {
        &snapshot.keys
    }

    fn of_mut(snapshot: &mut Snapshot) -> &mut Records<KeyId, Self> {
        &mut snapshot.keys
    }

    fn id(text: &str) -> Option<KeyId> {
        KeyId::parse(text)
    }

    fn read(row: &Row<'_>) -> Result<(KeyId, Self), StoreError> {
        read(row).map(|(key, digest)| (key.id, record(key, digest)))
    }

    fn end(&self) -> Option<Timestamp> {
        self.revoked.into_iter().chain(self.identity.expires).min()
    }
}

fn record(key: StoredKey, digest: KeyDigest) -> KeyRecord {
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
    let uses = Arc::new(Uses::default());
    KeyRecord { digest, identity: Arc::new(identity), revoked: key.revoked, uses }
}

fn read(row: &Row<'_>) -> Read<StoredKey> {
    let id = |column| KeyId::parse(&row.get::<String>(column)?).ok_or_else(|| row.damaged(column));
    let rate: Option<String> = row.get("rate")?;
    let uses: Option<i64> = row.get("uses").unwrap_or_default();
    let key = StoredKey {
        id: id("id")?,
        chain: id("chain")?,
        owner: row.get("owner")?,
        user_number: row.get("user_number")?,
        name: row.get("name")?,
        role: row.get("role")?,
        grants: row::read_list(row, "grants")?,
        read_only: row.get("read_only")?,
        rate: rate.map(|rate| rate.parse().map_err(|_| row.damaged("rate"))).transpose()?,
        created: row::read_time(row, "created")?.ok_or_else(|| row.damaged("created"))?,
        expires: row::read_time(row, "expires")?,
        revoked: row::read_revoked(row),
        demo: row.get("demo")?,
        // What cannot be read of these keeps nobody out.
        last_used: row::read_time(row, "last_used").ok().flatten(),
        uses: uses.and_then(|uses| uses.try_into().ok()).unwrap_or_default(),
    };
    Ok((key, row.get("digest")?))
}
