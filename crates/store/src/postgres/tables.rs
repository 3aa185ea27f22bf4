//! The tables, which are those of the SQLite file.

use super::connection::Connection;
use crate::StoreError;
use crate::session::{Session, Speak};

/// How every change begins, that of the tables too. One at a time: what one has read counts until it
/// is committed, as in SQLite. Each statement sees what is committed, that is, what was there when the
/// lock was had and not when it was asked for, whatever the server's own setting says.
pub(super) const CHANGE: &str = "
BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE;
SELECT pg_advisory_xact_lock(x'6d637061'::bigint)";

/// What each version brought. What is in here stays as it is: databases of that version exist.
///
/// `rowid` is the order in which rows were made; texts are compared byte by byte, as times need.
const TABLES: [&str; 5] = [FIRST, CHANGES_ARE_SAID, AUDIT_HEADS, SIGNING_KEYS, CHANGE_LOG];
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
DO $$
DECLARE one TEXT;
BEGIN
    FOREACH one IN ARRAY ARRAY['api_keys', 'clients', 'revoked_tokens', 'revoked_until',
        'revoked_users', 'revoked_signing_keys']
    LOOP
        EXECUTE format('CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON %I
            FOR EACH STATEMENT EXECUTE FUNCTION changed()', one);
    END LOOP;
END
$$;
"#;

/// Whoever listens is told of a change when it is committed, once for each.
const CHANGES_ARE_SAID: &str = "
CREATE OR REPLACE FUNCTION changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE mcp_auth.changes SET token = uuid_send(gen_random_uuid());
    NOTIFY mcp_auth;
    RETURN NULL;
END
$$;
";

const AUDIT_HEADS: &str = r#"
CREATE TABLE audit_heads (
    id          TEXT COLLATE "C" PRIMARY KEY,
    head        TEXT NOT NULL,
    kept        TEXT NOT NULL
);
"#;

const SIGNING_KEYS: &str = r#"
CREATE TABLE signing_keys (
    id          TEXT COLLATE "C" PRIMARY KEY,
    algorithm   TEXT NOT NULL,
    first_seen  TEXT COLLATE "C" NOT NULL,
    last_seen   TEXT NOT NULL,
    until       TEXT
);
"#;

/// Who changes something else at the same time waits for the row of `changes`, so that rows of the log
/// have the order in which they are committed.
const CHANGE_LOG: &str = r#"
CREATE TABLE change_log (
    n           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token       BYTEA NOT NULL,
    kind        TEXT NOT NULL,
    item        TEXT
);
CREATE INDEX change_log_tokens ON change_log (token);
INSERT INTO change_log (token, kind) SELECT token, 'start' FROM changes;
CREATE OR REPLACE FUNCTION changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    next BYTEA := uuid_send(gen_random_uuid());
    nothing BOOLEAN := FALSE;
BEGIN
    CASE TG_OP
    WHEN 'INSERT' THEN
        nothing := NOT EXISTS (SELECT FROM new_rows);
    WHEN 'UPDATE', 'DELETE' THEN
        nothing := NOT EXISTS (SELECT FROM old_rows);
    ELSE
    END CASE;
    IF nothing THEN
        RETURN NULL;
    END IF;
    UPDATE mcp_auth.changes SET token = next;
    CASE TG_OP
    WHEN 'INSERT' THEN
        INSERT INTO mcp_auth.change_log (token, kind, item)
            SELECT next, TG_TABLE_NAME, id FROM new_rows;
    WHEN 'UPDATE' THEN
        INSERT INTO mcp_auth.change_log (token, kind, item)
            SELECT next, TG_TABLE_NAME, id FROM old_rows
            UNION SELECT next, TG_TABLE_NAME, id FROM new_rows;
    WHEN 'DELETE' THEN
        INSERT INTO mcp_auth.change_log (token, kind, item)
            SELECT next, TG_TABLE_NAME, id FROM old_rows;
    ELSE
        INSERT INTO mcp_auth.change_log (token, kind) VALUES (next, TG_TABLE_NAME);
    END CASE;
    DELETE FROM mcp_auth.change_log
        WHERE n <= (SELECT max(n) FROM mcp_auth.change_log) - 10000;
    NOTIFY mcp_auth;
    RETURN NULL;
END
$$;
DO $$
DECLARE one TEXT;
BEGIN
    FOREACH one IN ARRAY ARRAY['api_keys', 'clients', 'revoked_tokens', 'revoked_until',
        'revoked_users', 'revoked_signing_keys']
    LOOP
        EXECUTE format('DROP TRIGGER changed ON %1$I;
            CREATE TRIGGER inserted AFTER INSERT ON %1$I REFERENCING NEW TABLE AS new_rows
                FOR EACH STATEMENT EXECUTE FUNCTION changed();
            CREATE TRIGGER updated AFTER UPDATE ON %1$I
                REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
                FOR EACH STATEMENT EXECUTE FUNCTION changed();
            CREATE TRIGGER deleted AFTER DELETE ON %1$I REFERENCING OLD TABLE AS old_rows
                FOR EACH STATEMENT EXECUTE FUNCTION changed();
            CREATE TRIGGER truncated AFTER TRUNCATE ON %1$I
                FOR EACH STATEMENT EXECUTE FUNCTION changed()', one);
    END LOOP;
END
$$;
"#;

/// Makes what is missing. Of several that start at once one does it, and the others wait.
pub(super) fn make(connection: &Connection) -> Result<(), StoreError> {
    let create = "create the tables in";
    connection.batch(create, CHANGE)?;
    let version = version(connection)?.unwrap_or(0);
    let known = usize::try_from(version).ok().and_then(|version| TABLES.get(version..));
    let Some(missing) = known else { return Err(newer(connection, version)) };
    if version == 0 {
        if !has_schema(connection)? {
            connection.batch(create, "CREATE SCHEMA mcp_auth")?;
        }
        connection.batch(
            create,
            "CREATE TABLE mcp_auth.version (version BIGINT NOT NULL);
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

/// Whoever may make schemas in the database could have made ours, with tables that say what they like.
fn has_schema(connection: &Connection) -> Result<bool, StoreError> {
    let sql = "SELECT (pg_get_userbyid(nspowner) = current_user)::int::bigint AS ours
         FROM pg_namespace WHERE nspname = 'mcp_auth'";
    match Session::new(connection).first::<i64>("pg_namespace", "ours", sql, &[])? {
        None => Ok(false),
        Some(1) => Ok(true),
        Some(_) => Err(StoreError::Postgres {
            doing: "use",
            address: connection.name().to_owned(),
            why: "its schema mcp_auth belongs to another user; name that user in the address, or run: \
                  ALTER SCHEMA mcp_auth OWNER TO …"
                .to_owned(),
        }),
    }
}

/// `None` where there are no tables of ours.
fn version(connection: &Connection) -> Result<Option<i64>, StoreError> {
    let session = Session::new(connection);
    let sql = "SELECT count(to_regclass('mcp_auth.version')) AS found";
    if !has_schema(connection)? || session.first("version", "found", sql, &[])? != Some(1) {
        return Ok(None);
    }
    session.first("version", "version", "SELECT version FROM version", &[])
}

fn newer(connection: &Connection, found: i64) -> StoreError {
    StoreError::Newer { path: connection.name().to_owned(), found, known: VERSION }
}
