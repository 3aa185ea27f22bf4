//! Client for `apikey-server`: where the API key is come by; the rest is in `client`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use clap::builder::BoolishValueParser;
use client::{
    Cli, Credential, Credentials, Error, Program, credential_path, how_to_get_one, note,
    read_secret_file,
};
use secrecy::SecretString;

const PROGRAM: Program = Program {
    client: "apikey-client",
    server: "apikey-server",
    default_url: "http://127.0.0.1:8101/mcp",
    keeps_token: false,
};

/// Talk to an MCP server that asks for an API key.
///
/// The key comes from the environment variable MCP_API_KEY, else from --key-file, else from
/// the file that apikey-server or keygen left for --as in the keys folder.
#[derive(Parser)]
#[command(version)]
struct Args {
    #[command(flatten)]
    common: Cli,
    /// Whose key to use: clients/NAME.apikey in the keys folder
    #[arg(long = "as", env = "MCP_AS", global = true, value_name = "NAME", default_value = "bob")]
    account: String,
    /// A file that holds the key, readable by you alone
    #[arg(long, env = "MCP_API_KEY_FILE", global = true, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// The key itself. Others on this machine can see it: prefer MCP_API_KEY or --key-file
    #[arg(long, global = true, value_name = "KEY")]
    api_key: Option<String>,
    /// Send the key as `Authorization: Bearer` instead of `X-API-Key`
    #[arg(long, env = "MCP_BEARER", global = true, value_parser = BoolishValueParser::new())]
    bearer: bool,
}

fn main() -> ExitCode {
    match client::parse::<Args>(&PROGRAM) {
        Ok(args) => client::run(&PROGRAM, &args.common, credentials(&args)),
        Err(code) => code,
    }
}

fn credentials(args: &Args) -> Result<Arc<dyn Credentials>, Error> {
    let key = key(args)?;
    let credential = if args.bearer { Credential::bearer(key) } else { Credential::api_key(key) };
    Ok(Arc::new(credential?))
}

fn key(args: &Args) -> Result<SecretString, Error> {
    if let Some(key) = &args.api_key {
        note(
            "Warning: everyone on this machine can see the arguments of a command. \
             Put the key into MCP_API_KEY or a file for --key-file.",
        );
        return Ok(key.trim().into());
    }
    if let Some(key) = std::env::var("MCP_API_KEY").ok().filter(|key| !key.trim().is_empty()) {
        return Ok(key.trim().into());
    }
    let path = match &args.key_file {
        Some(path) => path.clone(),
        None => credential_path(&args.common.keys, &args.account, "apikey", "--key-file")?,
    };
    read_secret_file(&path)?.ok_or_else(|| {
        let create = "apikey create --grant '*'";
        let file = args.key_file.as_deref();
        let help = how_to_get_one(&PROGRAM, &args.common, &args.account, file, create);
        Error::Usage(format!("There is no API key in {}. {help}", path.display()))
    })
}
