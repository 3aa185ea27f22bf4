//! How values stand in a row, and what may not.

use std::path::Path;

use jiff::Timestamp;
use mcp_auth::authn::apikey::mint::KeyDigest;

use crate::StoreError;

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

/// One row on its way out of the file.
pub(crate) struct Reader<'a> {
    pub(crate) path: &'a Path,
    pub(crate) table: &'static str,
    pub(crate) row: &'a rusqlite::Row<'a>,
}

impl Reader<'_> {
    pub(crate) fn get<T: rusqlite::types::FromSql>(
        &self,
        column: &'static str,
    ) -> Result<T, StoreError> {
        self.row.get(column).map_err(|_| self.damaged(column))
    }

    pub(crate) fn time(&self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        let text: Option<String> = self.get(column)?;
        text.map(|text| text.parse().map_err(|_| self.damaged(column))).transpose()
    }

    /// Since when it is refused. What is no time counts as one: somebody meant to revoke it.
    pub(crate) fn revoked(&self) -> Option<Timestamp> {
        let text: Option<String> = match self.get("revoked") {
            Ok(text) => text,
            Err(_) => return Some(Timestamp::UNIX_EPOCH),
        };
        text.map(|text| text.parse().unwrap_or(Timestamp::UNIX_EPOCH))
    }

    pub(crate) fn list(&self, column: &'static str) -> Result<Vec<String>, StoreError> {
        let text: String = self.get(column)?;
        serde_json::from_str(&text).map_err(|_| self.damaged(column))
    }

    pub(crate) fn damaged(&self, column: &'static str) -> StoreError {
        let id: String = self.row.get("id").unwrap_or_default();
        let what = format!("{} of {} {id:?} is not readable", column, self.table);
        StoreError::Damaged { path: self.path.to_owned(), what }
    }
}
