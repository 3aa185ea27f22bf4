//! What a check has found.

use std::path::PathBuf;

use serde::Serialize;

/// What was found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// All files, the oldest first.
    pub files: Vec<PathBuf>,
    /// How many lines fit, up to the first that does not.
    pub lines: u64,
    /// The number of the first line.
    pub first: Option<u64>,
    /// The number of the last line that fits.
    pub last: Option<u64>,
    /// Whether the last server that wrote has ended as it should. If not, it writes still, or was
    /// killed, and what it had not written yet is lost.
    pub ended: bool,
    /// From when the first line is.
    pub since: Option<String>,
    /// From when the last line is that fits.
    pub until: Option<String>,
    /// What is no damage, and worth knowing.
    pub notes: Vec<Note>,
    /// The first damage, if there is any.
    pub damage: Option<Damage>,
}

/// Where something is worth knowing.
#[derive(Clone, Debug, Serialize)]
pub struct Note {
    /// The file.
    pub file: PathBuf,
    /// The number of the line in it.
    pub line: u64,
    /// What it is.
    pub text: String,
}

/// The first place where the lines are not as they were written.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Damage {
    /// What was done, as far as one can tell.
    pub what: What,
    /// The file.
    pub file: PathBuf,
    /// The number of the line in it; one behind the last if that is missing.
    pub line: u64,
    /// The number that a whole line would have there.
    pub expected: u64,
    /// What was expected and what was found, in words.
    pub text: String,
}

/// What was done to lines.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A line is not as it was written, or was never written.
    Altered,
    /// The end is missing.
    CutOff,
    /// Lines are missing.
    Missing,
    /// Lines stand in another order, or twice.
    Reordered,
    /// It cannot be told whether lines are missing.
    Unproven,
}
