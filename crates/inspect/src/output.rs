//! Where results go.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use audit::{escaped, printable};
use serde_json::json;

/// What takes longer says what it does.
const SHORT: Duration = Duration::from_secs(1);

/// Whoever asked for JSON reads standard output, as with the other programs.
pub(crate) fn failed(sentence: &str, as_json: bool) -> ExitCode {
    // If that fails too, the exit code says it.
    let _ = if as_json {
        let document = format!("{:#}", json!({ "ok": false, "message": sentence }));
        writeln!(io::stdout(), "{}", escaped(&document))
    } else {
        writeln!(io::stderr(), "inspect: {}", printable(sentence))
    };
    ExitCode::FAILURE
}

/// Tells the user something beside the result.
pub(crate) fn note(sentence: &str) {
    let _ = writeln!(io::stderr(), "inspect: {}", printable(sentence));
}

/// Whoever reads has seen enough, as `head` has.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
    kind == Some(io::ErrorKind::BrokenPipe)
}

/// In red or green, where there are colours.
pub(crate) fn paint(good: bool, text: &str) -> String {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    let code = if good { "32" } else { "31" };
    if io::stdout().is_terminal() && !plain {
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

/// Says on standard error what is being done, once it has taken a while.
pub(crate) struct Progress(Option<(Sender<()>, JoinHandle<()>)>);

impl Progress {
    pub(crate) fn start(doing: String) -> Self {
        let (done, wait) = channel();
        let said = std::thread::spawn(move || {
            if wait.recv_timeout(SHORT) == Err(RecvTimeoutError::Timeout) {
                note(&doing);
            }
        });
        Self(Some((done, said)))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((done, said)) = self.0.take() {
            drop(done);
            let _ = said.join();
        }
    }
}
