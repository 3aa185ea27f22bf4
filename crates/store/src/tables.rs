//! The tables of a file.

/// What each version brought. What is in here stays as it is: files of that version exist.
///
/// Times are RFC 3339 in UTC; `grants` and `scopes` are JSON arrays of strings.
pub(crate) const TABLES: [&str; 8] = [
    KEYS_AND_CLIENTS,
    REVOKED_TOKENS,
    REVOKED_UNTIL,
    NARROWED_AND_REVOKED,
    CHANGES_AND_USES,
    AUDIT_HEADS,
    SIGNING_KEYS,
    CHANGE_LOG,
];

const KEYS_AND_CLIENTS: &str = "
CREATE TABLE api_keys (
    id          TEXT PRIMARY KEY,
    digest      BLOB NOT NULL CHECK (length(digest) = 32),
    chain       TEXT NOT NULL,
    owner       TEXT NOT NULL,
    user_number TEXT,
    name        TEXT NOT NULL,
    role        TEXT,
    grants      TEXT NOT NULL,
    created     TEXT NOT NULL,
    expires     TEXT,
    revoked     TEXT,
    demo        INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE clients (
    id          TEXT PRIMARY KEY,
    digest      BLOB NOT NULL CHECK (length(digest) = 32),
    owner       TEXT NOT NULL,
    user_number TEXT,
    name        TEXT NOT NULL,
    scopes      TEXT NOT NULL,
    created     TEXT NOT NULL,
    revoked     TEXT,
    demo        INTEGER NOT NULL DEFAULT 0
) STRICT;
";

/// `id` is a token's `jti`. Rows are deleted by comparing `ends` as text, which needs its form.
const REVOKED_TOKENS: &str = "
CREATE TABLE revoked_tokens (
    id          TEXT PRIMARY KEY,
    client      TEXT NOT NULL,
    ends        TEXT NOT NULL CHECK (ends GLOB '????-??-??T??:??:??.??????Z'),
    revoked     TEXT NOT NULL
) STRICT;
CREATE INDEX revoked_tokens_of ON revoked_tokens (client);
";

/// `id` is a client, whose tokens are refused if they were issued until then.
const REVOKED_UNTIL: &str = "
CREATE TABLE revoked_until (
    id          TEXT PRIMARY KEY,
    until       TEXT NOT NULL
) STRICT;
";

/// What a key may do less than its grants say, in the form of `--rate-limit` where it is a rate. In
/// `revoked_users`, `id` is a user, whose tokens are refused if they were issued until then; in
/// `revoked_signing_keys` it is a `kid`.
const NARROWED_AND_REVOKED: &str = "
ALTER TABLE api_keys ADD COLUMN read_only INTEGER NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN rate TEXT;
CREATE TABLE revoked_users (
    id          TEXT PRIMARY KEY,
    until       TEXT NOT NULL
) STRICT;
CREATE TABLE revoked_signing_keys (
    id          TEXT PRIMARY KEY,
    revoked     TEXT NOT NULL
) STRICT;
";

/// Lets a change to this table give the file another token.
macro_rules! trigger {
    ($table:literal $change:literal) => {
        concat!(
            "CREATE TRIGGER ",
            $table,
            "_",
            $change,
            " AFTER ",
            $change,
            " ON ",
            $table,
            " BEGIN UPDATE changes SET token = randomblob(16); END;\n",
        )
    };
}

/// Lets each change to these tables do so.
macro_rules! triggers {
    ($($table:literal)*) => {
        concat!($(trigger!($table "INSERT"), trigger!($table "UPDATE"), trigger!($table "DELETE")),*)
    };
}

/// The one row of `changes` is another after every change by which somebody could be judged
/// otherwise. How often keys are used is written every few seconds, and is none.
const CHANGES_AND_USES: &str = concat!(
    "
CREATE TABLE changes (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    token       BLOB NOT NULL
) STRICT;
INSERT INTO changes VALUES (1, randomblob(16));
CREATE TABLE key_uses (
    id          TEXT PRIMARY KEY,
    last_used   TEXT NOT NULL,
    uses        INTEGER NOT NULL
) STRICT;
",
    triggers!("api_keys" "clients" "revoked_tokens" "revoked_until" "revoked_users"
               "revoked_signing_keys")
);

/// How far audit files go: `id` is a name that only whoever has the audit's key can make.
const AUDIT_HEADS: &str = "
CREATE TABLE audit_heads (
    id          TEXT PRIMARY KEY,
    head        TEXT NOT NULL,
    kept        TEXT NOT NULL
) STRICT;
";

/// Keys that servers verify tokens by, or did: `id` is a `kid`.
const SIGNING_KEYS: &str = "
CREATE TABLE signing_keys (
    id          TEXT PRIMARY KEY,
    algorithm   TEXT NOT NULL,
    first_seen  TEXT NOT NULL,
    last_seen   TEXT NOT NULL,
    until       TEXT
) STRICT;
";

/// Lets a change to this table stand in the log, under the token that the file has from then on.
macro_rules! logged {
    ($table:literal $change:literal $($log:literal)*) => {
        concat!(
            "DROP TRIGGER IF EXISTS ", $table, "_", $change, ";\n",
            "CREATE TRIGGER ", $table, "_", $change, " AFTER ", $change, " ON ", $table,
            " BEGIN UPDATE changes SET token = randomblob(16);",
            $(
                " INSERT INTO change_log (token, kind, item) SELECT token, '", $table, "', ", $log,
                " FROM changes;",
            )*
            " END;\n",
        )
    };
}

/// Lets each change to these tables do so.
macro_rules! all_logged {
    ($($table:literal)*) => {
        concat!($(
            logged!($table "INSERT" "NEW.id"),
            logged!($table "UPDATE" "OLD.id" "NEW.id"),
            logged!($table "DELETE" "OLD.id"),
        )*)
    };
}

/// What was changed last, so that nobody has to read all for it: `kind` is a table, and `item` its `id`.
const CHANGE_LOG: &str = concat!(
    "
CREATE TABLE change_log (
    n           INTEGER PRIMARY KEY,
    token       BLOB NOT NULL,
    kind        TEXT NOT NULL,
    item        TEXT
) STRICT;
CREATE INDEX change_log_tokens ON change_log (token);
CREATE TRIGGER change_log_ends AFTER INSERT ON change_log
    BEGIN DELETE FROM change_log WHERE n <= NEW.n - 10000; END;
INSERT INTO change_log (token, kind) SELECT token, 'start' FROM changes;
",
    all_logged!("api_keys" "clients" "revoked_tokens" "revoked_until" "revoked_users"
                "revoked_signing_keys")
);
