//! The flags of the audit file, and the file that they describe.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{anyhow, bail};
use audit::{AuditError, AuditFile, Config, KEY_FILE, Mode};
use clap::builder::BoolishValueParser;
use mcp_auth::audit::Heads;

/// The least size of a file that is full: some hundred lines.
const SMALLEST: u64 = 64 * 1024;

/// The flags of the audit file.
#[derive(Clone, Debug, clap::Args)]
#[group(id = "auditing")]
pub struct Audit {
    /// File to which every decision is written, a line each; full ones are kept beside it. Each
    /// server needs one of its own
    #[arg(long, env = "MCP_AUDIT_FILE", value_name = "FILE")]
    pub audit_file: Option<PathBuf>,

    /// What to do while that file cannot be written.
    #[arg(
        long,
        env = "MCP_AUDIT",
        value_name = "WHEN",
        value_enum,
        default_value_t,
        requires = "audit_file",
        help = "What to do while that file cannot be written, as when the disk is full"
    )]
    pub audit: When,

    /// Size from which on an audit file is full, such as 64MiB
    #[arg(long, env = "MCP_AUDIT_SIZE", value_name = "SIZE", default_value = "64MiB",
          value_parser = size, requires = "audit_file")]
    pub audit_size: u64,

    /// How many full audit files are kept; the oldest is deleted
    #[arg(long, env = "MCP_AUDIT_KEEP", value_name = "N", default_value_t = Config::KEEP,
          requires = "audit_file")]
    pub audit_keep: usize,

    /// Write the arguments of calls too, whatever is in them: the first 2048 characters, without
    /// those whose names say that they are secret
    #[arg(long, env = "MCP_AUDIT_ARGUMENTS", value_parser = BoolishValueParser::new(),
          requires_if("true", "audit_file"))]
    pub audit_arguments: bool,
}

/// What to do while the audit file cannot be written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub enum When {
    /// Answer 503, and do nothing for anybody
    #[default]
    Required,
    /// Go on; what is lost is counted
    BestEffort,
}

impl Default for Audit {
    fn default() -> Self {
        Self {
            audit_file: None,
            audit: When::Required,
            audit_size: Config::SIZE,
            audit_keep: Config::KEEP,
            audit_arguments: false,
        }
    }
}

impl Audit {
    /// Opens the file, if one was named, with the key that lies in this folder.
    pub(crate) fn open(
        &self,
        keys: &Path,
        heads: Option<Arc<dyn Heads>>,
    ) -> anyhow::Result<Option<AuditFile>> {
        let Some(file) = &self.audit_file else { return Ok(None) };
        let config = Config {
            mode: match self.audit {
                When::Required => Mode::Required,
                When::BestEffort => Mode::BestEffort,
            },
            size: self.audit_size,
            keep: self.audit_keep,
            arguments: self.audit_arguments,
            heads,
            ..Config::new(file, keys.join(KEY_FILE))
        };
        let opened = AuditFile::open(&config).map_err(|error| {
            let instead = match error {
                AuditError::Io { .. } => "name another with --audit-file, or ",
                _ if error.is_of_the_system() => "",
                _ => return error.into(),
            };
            anyhow!("{error}; {instead}start without it with --audit best-effort")
        });
        opened.map(Some)
    }
}

/// Reads `64MiB`, `512KiB`, `1GiB`, or a number of bytes.
fn size(text: &str) -> anyhow::Result<u64> {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30)];
    let (number, shift) = units
        .into_iter()
        .find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, shift)))
        .unwrap_or((text, 0));
    let bytes = number.trim_end().parse::<u64>().ok().and_then(|size| size.checked_mul(1 << shift));
    match bytes {
        Some(bytes) if bytes >= SMALLEST => Ok(bytes),
        _ => bail!("give a size of at least 64KiB, such as 64MiB, 512KiB or 1GiB"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_a_unit_or_is_in_bytes_and_is_not_too_small() {
        for (text, bytes) in [("64MiB", 64 << 20), ("1 GiB", 1 << 30), ("65536", 65536)] {
            assert_eq!(size(text).unwrap(), bytes, "{text}");
        }
        for text in ["", "64", "1KiB", "-1MiB", "64MB", "MiB", "99999999999GiB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
