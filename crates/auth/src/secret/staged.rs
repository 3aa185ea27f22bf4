//! A file that is written whole before it takes its place.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use super::SecretFileError;

/// A secret file that is written, and taken away again when this is dropped, unless it was kept.
///
/// One that replaces another lies beside its place until then, and what is there is not touched.
#[derive(Debug)]
pub struct Staged {
    /// Where it belongs.
    path: PathBuf,
    /// Where it is, if not there yet.
    beside: Option<PathBuf>,
    /// What is removed when this is dropped.
    unkept: Option<PathBuf>,
}

impl Staged {
    /// Writes a file that its owner alone can read (0600), in folders of 0700.
    ///
    /// # Errors
    /// As for [`write()`](super::write()).
    pub fn write(path: &Path, secret: &str, force: bool) -> Result<Self, SecretFileError> {
        Self::with_mode(path, secret, force, 0o600)
    }

    pub(super) fn with_mode(
        path: &Path,
        text: &str,
        force: bool,
        mode: u32,
    ) -> Result<Self, SecretFileError> {
        let failed = |source| SecretFileError::Io { doing: "write", path: path.to_owned(), source };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        }
        // A link goes on to lead to the file that it leads to.
        let path = if force { place(path)? } else { path.to_owned() };
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.new", uuid::Uuid::now_v7().simple()));
        let beside = path.with_file_name(name);
        let mut staged = Self { unkept: Some(beside.clone()), beside: Some(beside.clone()), path };
        let written = (|| {
            let mut file =
                OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
            if force {
                own_like(&file, &staged.path)?;
            }
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            if !force {
                // A link, unlike a rename, fails when the name is taken.
                fs::hard_link(&beside, &staged.path)?;
                let _ = fs::remove_file(&beside);
                (staged.beside, staged.unkept) = (None, Some(staged.path.clone()));
            }
            io::Result::Ok(())
        })();
        match written {
            Ok(()) => Ok(staged),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(SecretFileError::Exists(staged.path.clone()))
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Lets it take its place and stay.
    ///
    /// # Errors
    /// It cannot be moved there. Then it stays beside, as the error says.
    pub fn keep(mut self) -> Result<(), SecretFileError> {
        self.unkept = None;
        self.move_there(|beside| format!("; it is in {}", beside.display()))
    }

    /// The same for what nobody needs if it cannot take its place.
    pub(super) fn keep_or_drop(mut self) -> Result<(), SecretFileError> {
        self.move_there(|_| String::new())?;
        self.unkept = None;
        Ok(())
    }

    fn move_there(&self, where_it_is: impl Fn(&Path) -> String) -> Result<(), SecretFileError> {
        let Some(beside) = &self.beside else { return Ok(()) };
        fs::rename(beside, &self.path).map_err(|error| SecretFileError::Io {
            doing: "write",
            path: self.path.clone(),
            source: io::Error::new(error.kind(), format!("{error}{}", where_it_is(beside))),
        })
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some(file) = &self.unkept {
            // The error at hand is told; an orphan file opens nothing.
            let _ = fs::remove_file(file);
        }
    }
}

/// Where a file is: a link in its place leads there.
///
/// # Errors
/// The link leads nowhere.
pub fn place(path: &Path) -> Result<PathBuf, SecretFileError> {
    if !path.is_symlink() {
        return Ok(path.to_owned());
    }
    let failed = |source| SecretFileError::Io { doing: "read", path: path.to_owned(), source };
    fs::canonicalize(path).map_err(failed)
}

/// A server that reads a file under a user of its own goes on to.
fn own_like(file: &File, former: &Path) -> io::Result<()> {
    let Ok(former) = fs::metadata(former) else { return Ok(()) };
    let own = file.metadata()?;
    if (own.uid(), own.gid()) == (former.uid(), former.gid()) {
        return Ok(());
    }
    fchown(file, Some(former.uid()), Some(former.gid())).map_err(|error| {
        let (user, group) = (former.uid(), former.gid());
        let said = format!(
            "the one before belongs to user {user} and group {group}, and so would not this one \
             ({error}); run this as that user"
        );
        io::Error::new(error.kind(), said)
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::read;
    use super::*;

    #[test]
    fn what_is_not_kept_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let there = || fs::read_dir(folder.path()).unwrap().count();
        drop(Staged::write(&path, "first", false).unwrap());
        assert_eq!(there(), 0);
        Staged::write(&path, "first", false).unwrap().keep().unwrap();
        let staged = Staged::write(&path, "second", true).unwrap();
        assert_eq!(*read(&path).unwrap(), "first");
        drop(staged);
        assert_eq!((read(&path).unwrap().as_str(), there()), ("first", 1));
        Staged::write(&path, "second", true).unwrap().keep().unwrap();
        assert_eq!((read(&path).unwrap().as_str(), there()), ("second", 1));
        assert!(Staged::write(&path, "third", false).is_err());
        assert_eq!((read(&path).unwrap().as_str(), there()), ("second", 1));
    }

    #[test]
    fn a_link_leads_to_the_new_one_too() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("there/key"), folder.path().join("key"));
        super::super::write(&path, "first", false).unwrap();
        symlink("there/key", &link).unwrap();
        super::super::write(&link, "second", true).unwrap();
        assert!(link.is_symlink());
        assert_eq!(*read(&path).unwrap(), "second");
    }

    #[test]
    fn the_owner_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        super::super::write(&path, "first", false).unwrap();
        // Only root can give a file away; for everybody else there is nothing to see here.
        if std::os::unix::fs::chown(&path, Some(12345), Some(12346)).is_err() {
            return;
        }
        super::super::write(&path, "second", true).unwrap();
        let found = fs::metadata(&path).unwrap();
        assert_eq!((found.uid(), found.gid(), found.mode() & 0o777), (12345, 12346, 0o600));
    }
}
