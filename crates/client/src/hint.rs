//! Commands for people to run next, in a form that a shell takes as it stands.

use std::path::Path;

use crate::{Cli, Program};

/// For whom the servers make a credential of their own accord, with a new store alone.
const DEMO_ACCOUNTS: [&str; 2] = ["bob", "alice"];

/// How to come by a credential whose file is not there. `create` is keygen's command with the
/// rights to give: without any, a credential reaches `whoami` alone. `file` is where the user
/// wants it, if not in the usual place.
pub fn how_to_get_one(
    program: &Program,
    cli: &Cli,
    account: &str,
    file: Option<&Path>,
    create: &str,
) -> String {
    let flag = cli.keys_flag();
    let owner = quoted(account);
    let out =
        file.map(|file| format!(" --out {}", quoted(&file.to_string_lossy()))).unwrap_or_default();
    let make = format!("cargo run -p keygen -- {create} --owner {owner} --name {owner}{out}{flag}");
    // A server makes credentials only where it finds no store.
    let has_store = cli.keys.join("credentials.db").exists();
    if file.is_some() || has_store || !DEMO_ACCOUNTS.contains(&account) {
        return format!("Make one: {make}");
    }
    let server = cargo_run(program.server, &flag);
    format!(
        "Start the server once, which makes one for bob and one for alice: {server}. \
         Or make one: {make}"
    )
}

/// `cargo run -p PACKAGE`, with ` --` before the flags if there are any.
pub(crate) fn cargo_run(package: &str, flags: &str) -> String {
    let dashes = if flags.is_empty() { "" } else { " --" };
    format!("cargo run -p {package}{dashes}{flags}")
}

/// `text` as a shell takes it for one word.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// `1 tool`, `2 tools`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Example {
        #[command(flatten)]
        common: Cli,
    }

    const PROGRAM: Program = Program {
        client: "apikey-client",
        server: "apikey-server",
        default_url: "http://127.0.0.1:8101/mcp",
        keeps_token: false,
    };

    fn hint(keys: &Path, account: &str, file: Option<&Path>) -> String {
        let keys = keys.to_str().unwrap();
        let cli = Example::parse_from(["client", "--keys", keys]).common;
        how_to_get_one(&PROGRAM, &cli, account, file, "apikey create --grant '*'")
    }

    #[test]
    fn starting_the_server_is_told_only_where_it_helps() {
        let folder = tempfile::tempdir().unwrap();
        assert!(
            hint(folder.path(), "alice", None).contains("cargo run -p apikey-server -- --keys")
        );
        assert!(!hint(folder.path(), "charlie", None).contains("apikey-server"));
        std::fs::write(folder.path().join("credentials.db"), "").unwrap();
        assert!(!hint(folder.path(), "alice", None).contains("apikey-server"));
    }

    #[test]
    fn the_command_makes_one_with_rights_where_the_client_looks() {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("my keys");
        let hint = hint(&keys, "bob", Some(Path::new("my key")));
        let make = "cargo run -p keygen -- apikey create --grant '*' --owner bob --name bob \
                    --out 'my key' --keys '";
        assert!(hint.contains(make) && hint.ends_with("/my keys'"), "{hint}");
    }

    #[test]
    fn one_word_for_a_shell() {
        assert_eq!(quoted("a/b-1"), "a/b-1");
        assert_eq!(quoted("bob's keys"), r"'bob'\''s keys'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!([counted(1, "tool"), counted(2, "tool")], ["1 tool", "2 tools"]);
    }
}
