//! How values stand in a row, and what may not.

use jiff::Timestamp;
use mcp_auth::authn::apikey::mint::KeyDigest;

use crate::StoreError;
use crate::session::{Row, Session};

/// Longest name, owner or rule in characters.
const MAX_LENGTH: usize = 200;

/// A row with the digest in it, or why it cannot be read.
pub(crate) type Read<T> = Result<(T, KeyDigest), StoreError>;

/// RFC 3339 in UTC, to the microsecond.
pub(crate) fn time(time: Timestamp) -> String {
    format!("{time:.6}")
}

/// A JSON array.
pub(crate) fn list(items: &[String]) -> String {
    serde_json::Value::from(items).to_string()
}

/// A text that people will read in tables and logs.
pub(crate) fn check(field: &'static str, text: &str) -> Result<(), StoreError> {
    let why = if text.trim().is_empty() {
        "must not be empty"
    } else if text.chars().count() > MAX_LENGTH {
        "must not have more than 200 characters"
    } else if text.chars().any(char::is_control) {
        "must not have control characters"
    } else {
        return Ok(());
    };
    Err(StoreError::Unfit { field, why })
}

/// The same for a name without white space, such as a rule or a scope (RFC 6749 §3.3).
pub(crate) fn check_word(field: &'static str, text: &str) -> Result<(), StoreError> {
    check(field, text)?;
    if text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\')) {
        return Ok(());
    }
    let why = "must be printable ASCII without spaces, quotes and backslashes";
    Err(StoreError::Unfit { field, why })
}

/// A moment that stands there, if one does.
pub(crate) fn read_time(
    row: &Row<'_>,
    column: &'static str,
) -> Result<Option<Timestamp>, StoreError> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| text.parse().map_err(|_| row.damaged(column))).transpose()
}

/// Since when it is refused. What is no time counts as one: somebody meant to revoke it.
pub(crate) fn read_revoked(row: &Row<'_>) -> Option<Timestamp> {
    match row.get::<Option<String>>("revoked") {
        Ok(text) => text.map(|text| text.parse().unwrap_or(Timestamp::UNIX_EPOCH)),
        Err(_) => Some(Timestamp::UNIX_EPOCH),
    }
}

/// What `sql` finds under this id: `None` if there is no such row, `Some(None)` if what stands in
/// `revoked` is no time.
pub(crate) fn revoked_before(
    session: &Session<'_>,
    table: &'static str,
    sql: &str,
    id: &str,
) -> Result<Option<Option<Timestamp>>, StoreError> {
    let mut before = None;
    session.each(table, sql, &[id.into()], |row| {
        before = Some(read_time(row, "revoked").unwrap_or_default());
        Ok(())
    })?;
    Ok(before)
}

/// What [`list`] wrote.
pub(crate) fn read_list(row: &Row<'_>, column: &'static str) -> Result<Vec<String>, StoreError> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|_| row.damaged(column))
}
