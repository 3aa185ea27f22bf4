//! Where criterion writes.

use std::env;
use std::io::{self, Write};
use std::path::PathBuf;

/// The folder with what criterion measured, if it measured anything yet.
///
/// It lies beside the folder of the running program, or where `CRITERION_HOME` says.
pub fn criterion_folder() -> Option<PathBuf> {
    if let Some(folder) = env::var_os("CRITERION_HOME") {
        return Some(folder.into());
    }
    let program = env::current_exe().ok()?;
    program.ancestors().map(|folder| folder.join("criterion")).find(|folder| folder.is_dir())
}

/// Ends a bench program: prints which file to open.
pub fn say_where_the_report_is() {
    let report = criterion_folder().map(|folder| folder.join("report").join("index.html"));
    if let Some(report) = report.filter(|report| report.is_file()) {
        // A reader that has gone away is no reason to fail.
        let _ = writeln!(io::stdout(), "Open in a browser: {}", report.display());
    }
}
