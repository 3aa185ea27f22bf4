//! The tables, which are those of the SQLite file.

use super::connection::Connection;
use crate::StoreError;
use crate::session::Session;

/// `mcpa`: the lock that whoever writes or makes the tables holds.
pub(super) const LOCK: i64 = 0x6d63_7061;

/// What each version brought. What is in here stays as it is: databases of that version exist.
///
/// `rowid` is the order in which rows were made; texts are compared byte by byte, as times need.
const TABLES: [&str; 1] = [FIRST];
const VERSION: i64 = TABLES.len() as i64;

const FIRST: &str = r#"
CREATE TABLE api_keys (
    rowid       BIGINT GENERATED ALWAYS AS IDENTITY,
    id          TEXT COLLATE "C" PRIMARY KEY,
    digest      BYTEA NOT NULL CHECK (length(digest) = 32),
    chain       TEXT NOT NULL,
    owner       TEXT NOT NULL,
    user_number TEXT,
    name        TEXT NOT NULL,
    role        TEXT,
    grants      TEXT NOT NULL,
    created     TEXT NOT NULL,
    expires     TEXT,
    revoked     TEXT,
    demo        BIGINT NOT NULL DEFAULT 0,
    read_only   BIGINT NOT NULL DEFAULT 0,
    rate        TEXT
);
CREATE TABLE clients (
    rowid       BIGINT GENERATED ALWAYS AS IDENTITY,
    id          TEXT COLLATE "C" PRIMARY KEY,
    digest      BYTEA NOT NULL CHECK (length(digest) = 32),
    owner       TEXT NOT NULL,
    user_number TEXT,
    name        TEXT NOT NULL,
    scopes      TEXT NOT NULL,
    created     TEXT NOT NULL,
    revoked     TEXT,
    demo        BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE revoked_tokens (
    id          TEXT COLLATE "C" PRIMARY KEY,
    client      TEXT NOT NULL,
    ends        TEXT COLLATE "C" NOT NULL CHECK (ends LIKE '____-__-__T__:__:__.______Z'),
    revoked     TEXT NOT NULL
);
CREATE INDEX revoked_tokens_of ON revoked_tokens (client);
CREATE TABLE revoked_until (
    id          TEXT COLLATE "C" PRIMARY KEY,
    until       TEXT NOT NULL
);
CREATE TABLE revoked_users (
    id          TEXT COLLATE "C" PRIMARY KEY,
    until       TEXT NOT NULL
);
CREATE TABLE revoked_signing_keys (
    id          TEXT COLLATE "C" PRIMARY KEY,
    revoked     TEXT NOT NULL
);
CREATE TABLE key_uses (
    id          TEXT COLLATE "C" PRIMARY KEY,
    last_used   TEXT COLLATE "C" NOT NULL,
    uses        BIGINT NOT NULL
);
CREATE TABLE changes (
    id          BIGINT PRIMARY KEY CHECK (id = 1),
    token       BYTEA NOT NULL
);
INSERT INTO changes VALUES (1, uuid_send(gen_random_uuid()));
CREATE FUNCTION changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE mcp_auth.changes SET token = uuid_send(gen_random_uuid());
    RETURN NULL;
END
$$;
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON api_keys
    FOR EACH ROW EXECUTE FUNCTION changed();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON clients
    FOR EACH ROW EXECUTE FUNCTION changed();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON revoked_tokens
    FOR EACH ROW EXECUTE FUNCTION changed();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON revoked_until
    FOR EACH ROW EXECUTE FUNCTION changed();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON revoked_users
    FOR EACH ROW EXECUTE FUNCTION changed();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON revoked_signing_keys
    FOR EACH ROW EXECUTE FUNCTION changed();
"#;

/// Makes what is missing. Of several that start at once one does it, and the others wait.
pub(super) fn make(connection: &Connection) -> Result<(), StoreError> {
    let create = "create the tables in";
    connection.batch(create, &format!("BEGIN; SELECT pg_advisory_xact_lock({LOCK})"))?;
    let version = version(connection)?.unwrap_or(0);
    let known = usize::try_from(version).ok().and_then(|version| TABLES.get(version..));
    let Some(missing) = known else { return Err(newer(connection, version)) };
    if version == 0 {
        connection.batch(
            create,
            "CREATE SCHEMA mcp_auth; CREATE TABLE mcp_auth.version (version BIGINT NOT NULL);
             INSERT INTO mcp_auth.version VALUES (0)",
        )?;
    }
    if !missing.is_empty() {
        connection.batch(
            create,
            &format!("{} UPDATE mcp_auth.version SET version = {VERSION}", missing.concat()),
        )?;
    }
    connection.batch(create, "COMMIT")
}

/// # Errors
/// The tables are not there, or not those that this program knows.
pub(super) fn check(connection: &Connection) -> Result<(), StoreError> {
    match version(connection)? {
        None => Err(StoreError::NotADatabase(connection.name().to_owned())),
        Some(VERSION) => Ok(()),
        Some(version) => Err(newer(connection, version)),
    }
}

/// `None` where there is no schema of ours.
fn version(connection: &Connection) -> Result<Option<i64>, StoreError> {
    let session = Session::new(connection, connection.name());
    let sql = "SELECT count(to_regclass('mcp_auth.version')) AS found";
    let found: Option<i64> = session.first("version", "found", sql, &[])?;
    if found != Some(1) {
        return Ok(None);
    }
    session.first("version", "version", "SELECT version FROM mcp_auth.version", &[])
}

fn newer(connection: &Connection, found: i64) -> StoreError {
    StoreError::Newer { path: connection.name().to_owned(), found, known: VERSION }
}
