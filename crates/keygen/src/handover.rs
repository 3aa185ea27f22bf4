//! Where a new secret goes: to a file of its own, or once to whoever asked to see it.

use std::path::PathBuf;

use mcp_auth::secret::Staged;

use crate::Error;
use crate::cli::{Holder, Place};

/// A place for one new secret.
pub(crate) enum Handover {
    /// A file that only its owner can read.
    File { path: PathBuf, force: bool },
    /// The report.
    Shown,
}

impl Handover {
    /// Where the command line says, or `clients/<owner><suffix>` in the keys folder; if that is
    /// taken, the same with the credential's id in it.
    pub(crate) fn choose(place: &Place, holder: &Holder, id: &str, suffix: &str) -> Self {
        if holder.show {
            return Self::Shown;
        }
        let folder = place.keys.join("clients");
        let owner = file_name(&holder.owner);
        let path = holder.out.clone().unwrap_or_else(|| {
            let usual = folder.join(format!("{owner}{suffix}"));
            if holder.force || !usual.exists() {
                usual
            } else {
                folder.join(format!("{owner}-{id}{suffix}"))
            }
        });
        Self::File { path, force: holder.force }
    }

    /// Writes the secret, unless it is to be shown. What is there is replaced when it is kept, and
    /// what is not kept is taken away again: until the store has the credential, the one before
    /// may be the only one.
    pub(crate) fn write(&self, text: &str) -> Result<Option<Staged>, Error> {
        match self {
            Self::File { path, force } => Ok(Some(Staged::write(path, text, *force)?)),
            Self::Shown => Ok(None),
        }
    }

    pub(crate) fn path(&self) -> Option<&PathBuf> {
        match self {
            Self::File { path, .. } => Some(path),
            Self::Shown => None,
        }
    }
}

/// The owner in a form that can only be a file's name.
fn file_name(owner: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '@');
    let name: String =
        owner.chars().take(64).map(|c| if safe(c) || c == '.' { c } else { '_' }).collect();
    // No hidden file, no `..`.
    name.replacen('.', "_", usize::from(name.starts_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_no_path() {
        assert_eq!(file_name("bob"), "bob");
        assert_eq!(file_name("bob@example.com"), "bob@example.com");
        assert_eq!(file_name("../../etc/passwd"), "_._.._etc_passwd");
        assert_eq!(file_name(".."), "_.");
        assert_eq!(file_name("a/b c"), "a_b_c");
    }
}
