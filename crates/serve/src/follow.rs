//! Files that are read again when they change, while a server runs.

use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;
use std::{fmt, fs, io};

use anyhow::anyhow;

/// How often files are looked at.
const PERIOD: Duration = Duration::from_millis(500);
/// How long the end of a program waits for a file that is being read. On a file system that does
/// not answer that could be for ever.
const PATIENCE: Duration = Duration::from_secs(1);

/// Files as they are now. It is taken before they are read, so that what changes meanwhile is
/// seen as a change.
#[derive(Clone, Debug)]
pub struct Seen {
    files: Arc<[PathBuf]>,
    stamps: Stamps,
}

/// What is done when files change.
#[derive(Clone)]
pub struct Follow {
    what: &'static str,
    seen: Seen,
    replace: Arc<dyn Fn() -> anyhow::Result<()> + Send + Sync>,
    /// Of the files when they were looked at last.
    last: Stamps,
    /// The failure that was told last.
    told: Option<(Stamps, String)>,
}

/// Follows files until it is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    /// Dropped first, which ends the thread.
    alive: Option<Sender<()>>,
    /// Says nothing, and is over when the thread is.
    thread: Option<Receiver<()>>,
}

/// What changes when a file does. `None`: it is not there.
type Stamps = Vec<Option<Stamp>>;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Stamp {
    inode: (u64, u64),
    size: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    /// Also changes with the mode, which may be what was wrong.
    changed: (i64, i64),
}

impl Seen {
    /// Looks at these files.
    pub fn now<P: Into<PathBuf>>(files: impl IntoIterator<Item = P>) -> Self {
        let files: Arc<[PathBuf]> = files.into_iter().map(Into::into).collect();
        let stamps = stamps(&files);
        Self { files, stamps }
    }

    /// Lets `replace` read the files again and put what they hold now in the place of what is in
    /// use, whenever they have changed and are at rest.
    ///
    /// An error of `replace` is told with `what`, such as "policy", and tried again; it has to
    /// leave in use what was.
    pub fn follow(
        self,
        what: &'static str,
        replace: impl Fn() -> anyhow::Result<()> + Send + Sync + 'static,
    ) -> Follow {
        let last = self.stamps.clone();
        Follow { what, seen: self, replace: Arc::new(replace), last, told: None }
    }
}

impl Follow {
    fn look(&mut self) {
        let now = stamps(&self.seen.files);
        // Files that belong together are replaced one after the other: all have to be at rest.
        if now == self.seen.stamps {
            self.told = None;
        } else if now == self.last {
            let what = self.what;
            // A panic was logged, and must not end the looking.
            let replaced = catch_unwind(AssertUnwindSafe(|| (self.replace)()));
            match replaced.unwrap_or_else(|_| Err(anyhow!("it cannot be read"))) {
                Ok(()) => {
                    let file = self.seen.files.first().map(|file| file.display().to_string());
                    tracing::info!(file, "the {what} was replaced");
                    self.seen.stamps.clone_from(&now);
                    self.told = None;
                }
                // Tried again, for it may pass, and told once for as long as it is so.
                Err(error) => {
                    let failure = Some((now.clone(), format!("{error:#}")));
                    if failure != self.told {
                        tracing::error!(
                            error = format!("{error:#}"),
                            "the {what} was not replaced, and the one before stays in use"
                        );
                        self.told = failure;
                    }
                }
            }
        }
        self.last = now;
    }
}

impl Watch {
    /// Follows all of these on one thread.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(crate) fn start(mut follows: Vec<Follow>) -> io::Result<Self> {
        let (alive, ended) = mpsc::channel();
        if follows.is_empty() {
            return Ok(Self { alive: None, thread: None });
        }
        let (running, thread) = mpsc::channel();
        thread::Builder::new().name("files".to_owned()).spawn(move || {
            let _running: Sender<()> = running;
            while ended.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
                follows.iter_mut().for_each(Follow::look);
            }
        })?;
        Ok(Self { alive: Some(alive), thread: Some(thread) })
    }
}

fn stamps(files: &[PathBuf]) -> Stamps {
    files.iter().map(|file| Stamp::of(file).ok()).collect()
}

impl Stamp {
    fn of(file: &Path) -> io::Result<Self> {
        let found = fs::metadata(file)?;
        Ok(Self {
            inode: (found.dev(), found.ino()),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }
}

impl fmt::Debug for Follow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follow").field("files", &self.seen.files).finish_non_exhaustive()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.alive.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there was logged; there is nothing left to do for it.
            let _ = thread.recv_timeout(PATIENCE);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use anyhow::bail;

    use super::*;

    /// A file, what is in use of it, and how often it was read.
    struct Place {
        folder: tempfile::TempDir,
        follow: Follow,
        used: Arc<AtomicUsize>,
    }

    impl Place {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("file");
            fs::write(&file, "1").unwrap();
            let used = Arc::new(AtomicUsize::new(1));
            let uses = used.clone();
            let follow = Seen::now([&file]).follow("number", move || {
                match fs::read_to_string(&file)?.trim().parse() {
                    Ok(number) => uses.store(number, Ordering::SeqCst),
                    Err(_) => bail!("it is no number"),
                }
                Ok(())
            });
            Self { folder, follow, used }
        }

        fn write(&self, text: &str) {
            fs::write(self.folder.path().join("file"), text).unwrap();
        }

        fn look(&mut self) -> usize {
            self.follow.look();
            self.used.load(Ordering::SeqCst)
        }
    }

    #[test]
    fn what_changed_is_used_once_it_is_at_rest() {
        let mut place = Place::new();
        assert_eq!(place.look(), 1);
        place.write("22");
        assert_eq!(place.look(), 1, "it may still be written");
        place.write("333");
        assert_eq!(place.look(), 1, "it was still written");
        assert_eq!(place.look(), 333);
    }

    #[test]
    fn what_is_bad_is_told_once_and_the_one_before_stays() {
        let mut place = Place::new();
        place.write("none");
        place.look();
        assert!(place.follow.told.is_none());
        assert_eq!(place.look(), 1);
        let told = place.follow.told.clone();
        assert!(told.as_ref().is_some_and(|(_, error)| error == "it is no number"));
        assert_eq!(place.look(), 1);
        assert!(place.follow.told == told);
        fs::remove_file(place.folder.path().join("file")).unwrap();
        place.look();
        assert_eq!(place.look(), 1);
        assert!(place.follow.told != told, "another failure was not told");
        place.write("4444");
        place.look();
        assert_eq!(place.look(), 4444);
        assert!(place.follow.told.is_none());
    }

    #[test]
    fn a_file_that_cannot_be_read_to_its_end_does_not_hold_up_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        let seen = Seen::now([&file]);
        fs::write(&file, "1").unwrap();
        let (reading, read) = mpsc::channel();
        let follow = seen.follow("file", move || {
            reading.send(())?;
            loop {
                thread::park();
            }
        });
        let watch = Watch::start(vec![follow]).unwrap();
        read.recv().unwrap();
        drop(watch);
    }

    #[test]
    fn what_changed_between_looking_and_following_is_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        let seen = Seen::now([&file]);
        fs::write(&file, "1").unwrap();
        let mut follow = seen.follow("file", || Ok(()));
        follow.look();
        follow.look();
        assert_eq!(follow.seen.stamps, stamps(&[file]));
    }
}
