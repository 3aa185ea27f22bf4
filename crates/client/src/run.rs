//! From the command line to the exit code.

use std::process::ExitCode;
use std::sync::Arc;

use secrecy::ExposeSecret as _;
use serde_json::json;
use tracing_subscriber::EnvFilter;

use crate::arguments::{arguments, parse_object};
use crate::hint::cargo_run;
use crate::http::{REQUEST_TIMEOUT, is_loopback, parse_url};
use crate::logout::logout;
use crate::output::Output;
use crate::render::result_lines;
use crate::sessions::sessions;
use crate::tour::{tool_lines, tour};
use crate::{CallToolResult, Cli, Command, Connection, Credentials, Error, JsonObject, note};

/// The exit code that says: refused by the server.
const REFUSED: u8 = 2;

/// Which client this is, for the commands that its texts name.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// The client's package, such as `apikey-client`.
    pub client: &'static str,
    /// The package of the server it belongs to.
    pub server: &'static str,
    /// Where that server listens unless told otherwise.
    pub default_url: &'static str,
    /// Whether it keeps a token between two commands, which `logout` then gives back and drops.
    pub keeps_token: bool,
}

/// Does what the command line says and prints the outcome.
///
/// `credentials` may be an error: it is told like every other. The exit code is 0 if done, 2 if
/// the server refused (a 4xx), 1 for all else.
pub fn run(
    program: &Program,
    cli: &Cli,
    credentials: Result<Arc<dyn Credentials>, Error>,
) -> ExitCode {
    let output = Output::new(cli.json);
    // Quiet unless asked: a refusal is told by its own text.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("off"));
    // A second subscriber in one process is a test's affair.
    let _ =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = match (credentials, runtime) {
        (Ok(credentials), Ok(runtime)) => {
            runtime.block_on(execute(program, cli, credentials, output))
        }
        (Err(error), _) => Err(error),
        (_, Err(error)) => Err(Error::Unexpected(format!("Cannot start: {error}."))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output.failure(&error, hint(program, cli, &error).as_deref());
            if error.is_refusal() { ExitCode::from(REFUSED) } else { ExitCode::FAILURE }
        }
    }
}

async fn execute(
    program: &Program,
    cli: &Cli,
    credentials: Arc<dyn Credentials>,
    output: Output,
) -> Result<(), Error> {
    match &cli.command {
        Some(Command::Credential { header }) => {
            return credential(&*credentials, *header, output).await;
        }
        Some(Command::Logout) => return logout(cli, &*credentials, output).await,
        Some(Command::Sessions { end, end_all }) => {
            return sessions(cli, credentials, end, *end_all, output).await;
        }
        // A mistake in the arguments is told before anything is sent.
        Some(Command::Call { pairs, args, .. }) => drop(call_arguments(pairs, args.as_deref())?),
        _ => {}
    }
    let connection = open(cli, credentials).await?;
    let done = converse(program, cli, &connection, output).await;
    if let Some(expiring) = connection.expiring() {
        note(&expiring);
    }
    // A session is not left behind. If ending it fails, what was asked for has still been done.
    let closed = connection.close().await;
    done?;
    if let Err(error) = closed {
        note(&format!("The session could not be ended: {error}"));
    }
    Ok(())
}

pub(crate) async fn open(
    cli: &Cli,
    credentials: Arc<dyn Credentials>,
) -> Result<Connection, Error> {
    let http = cli.http_client(&parse_url(&cli.url)?)?;
    Connection::open_over(http, REQUEST_TIMEOUT, &cli.url, credentials, cli.protocol).await
}

async fn converse(
    program: &Program,
    cli: &Cli,
    connection: &Connection,
    output: Output,
) -> Result<(), Error> {
    match &cli.command {
        Some(Command::Whoami) => {
            let whoami = succeeded(connection.call("whoami", JsonObject::new()).await?)?;
            if output.json {
                output.document(&whoami.structured_content);
            }
            show(&whoami, output);
        }
        Some(Command::Tools) => {
            let tools = connection.list_tools().await?;
            if output.json {
                output.document(&json!({ "tools": tools }));
            }
            tool_lines(&tools).iter().for_each(|line| output.line(line));
        }
        Some(Command::Call { name, pairs, args }) => {
            let arguments = call_arguments(pairs, args.as_deref())?;
            let result = succeeded(connection.call(name, arguments).await?)?;
            if output.json {
                output.document(&result);
            }
            show(&result, output);
        }
        _ => tour(connection, &cli.url, program, output).await?,
    }
    Ok(())
}

fn call_arguments(pairs: &[String], args: Option<&str>) -> Result<JsonObject, Error> {
    args.map_or_else(|| arguments(pairs), parse_object)
}

/// A tool that failed makes the command fail.
pub(crate) fn succeeded(result: CallToolResult) -> Result<CallToolResult, Error> {
    if result.is_error == Some(true) {
        let text = result_lines(&result).join("\n");
        return Err(Error::Unexpected(format!("The tool reports: {text}")));
    }
    Ok(result)
}

fn show(result: &CallToolResult, output: Output) {
    result_lines(result).iter().for_each(|line| output.line(line));
}

async fn credential(
    credentials: &dyn Credentials,
    header: bool,
    output: Output,
) -> Result<(), Error> {
    let Some(credential) = credentials.current().await? else {
        return Err(Error::Usage("There is no credential.".into()));
    };
    let text = if header { credential.header_line() } else { credential.secret().clone() };
    if output.json {
        let key = if header { "header" } else { "credential" };
        output.document(&json!({ key: text.expose_secret() }));
    } else {
        output.secret(text.expose_secret());
    }
    Ok(())
}

/// The exact command that helps when nobody answers.
fn hint(program: &Program, cli: &Cli, error: &Error) -> Option<String> {
    if !matches!(error, Error::Unreachable { .. }) {
        return None;
    }
    let url = parse_url(&cli.url).ok().filter(is_loopback)?;
    let mut flags = cli.keys_flag();
    if cli.url != program.default_url {
        let host = url.host_str()?.replace("localhost", "127.0.0.1");
        flags.push_str(&format!(" --listen {host}:{}", url.port_or_known_default()?));
    }
    Some(format!("Is the server running? Start it with: {}", cargo_run(program.server, &flags)))
}
