//! What every server's `main` does.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use audit::AuditFile;
use mcp_auth::audit::{Auditor, Auditors, Heads};
use mcp_auth::metrics::Decisions;
use mcp_auth::sentence;

use crate::banner::StartUp;
use crate::metrics::MetricsListener;
#[cfg(feature = "otel")]
use crate::traces::Traces;
use crate::{App, Banner, Options, PublicUrl, Running, Sockets};
use crate::{bind, descriptors, environment, flags, log, panics, run, start};

/// How long the runtime waits for what it cannot cancel.
const LEFT_OVERS: Duration = Duration::from_millis(500);

const NO_ADDRESS: &str = "the listener has no address";

/// A server between its flags and its port.
pub trait Server: Sized {
    /// Its flags.
    type Options: clap::Parser;

    /// The flags that all servers have.
    fn common(options: &Self::Options) -> &Options;

    /// Takes secrets from the environment, where alone they may stand.
    ///
    /// # Errors
    /// One of them is not text.
    fn take_secrets(_options: &mut Self::Options) -> anyhow::Result<()> {
        Ok(())
    }

    /// Opens keys, stores and policies, and makes what a first run makes.
    ///
    /// # Errors
    /// One sentence that names what is wrong and what mends it.
    fn prepare(options: &Self::Options) -> anyhow::Result<Self>;

    /// The whole stack, for clients that reach it under this URL.
    ///
    /// # Errors
    /// As for [`Server::prepare`], for what could not be known before the port was.
    fn app(&self, url: &PublicUrl) -> anyhow::Result<App>;

    /// Where the head of the audit file is kept, apart from that file.
    fn heads(&self) -> Option<Arc<dyn Heads>> {
        None
    }

    /// What is printed at start-up.
    fn banner(&self, url: &PublicUrl) -> Banner;
}

/// Runs a server from start to end. The exit code is 0 after Ctrl-C, and 1 if it could not
/// run, with one sentence on standard error.
pub fn main<S: Server>() -> ExitCode {
    match run_from_flags::<S>() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {}", sentence(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn run_from_flags<S: Server>() -> anyhow::Result<()> {
    // Before anything else: it changes the environment, which only one thread may.
    mcp_auth::dotenv::read()?;
    environment::check_worker_threads()?;
    let mut options = flags::parse::<S::Options>()?;
    S::take_secrets(&mut options)?;
    let common = S::common(&options);
    log::init(common)?;
    panics::log();
    descriptors::make_room(common.transport.max_connections);

    let sockets = sockets(common)?;
    let prepared = S::prepare(&options)?;
    let listener = bind(common.listen)?;
    let url = public_url(common, &listener)?;
    let bound = listener.local_addr().context(NO_ADDRESS)?;
    let banner = prepared.banner(&url);
    #[cfg(feature = "otel")]
    let traces = Traces::from_environment(banner.server)?;
    let app = stack(&prepared, common, &url, |app| {
        #[cfg(feature = "otel")]
        let app = app.traced(traces.as_ref());
        app
    })?;
    let audit = app.audit.clone();
    let metrics = app.metrics.as_ref().map(MetricsListener::address).transpose()?;
    let start_up = StartUp { banner, bound, metrics, options: common };

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime; allow this user more threads")?;
    let ended = runtime.block_on(async {
        let app = App { sockets, ..app };
        let ready = || {
            let mut stdout = std::io::stdout();
            // A reader that has gone away is no reason to end.
            let _ = write!(stdout, "{start_up}").and_then(|()| stdout.flush());
        };
        run(listener, app, ready).await.context("cannot serve")
    });
    runtime.shutdown_timeout(LEFT_OVERS);
    #[cfg(feature = "otel")]
    if let Some(traces) = traces {
        traces.close();
    }
    // Last, so that nothing is decided any more.
    if let Some(audit) = audit {
        audit.close();
    }
    ended
}

/// Runs a server inside this process, for tests and comparisons.
///
/// # Errors
/// As for [`Server::prepare`] and [`bind`].
pub async fn launch_in_process<S: Server>(options: &S::Options) -> anyhow::Result<Running> {
    let common = S::common(options);
    let sockets = sockets(common)?;
    let prepared = S::prepare(options)?;
    let listener = bind(common.listen)?;
    let url = public_url(common, &listener)?;
    let app = App { sockets, ..app_of(&prepared, common, &url)? };
    start(listener, app).context("cannot serve")
}

/// The whole stack of a server with its auditors, for clients that reach it under this URL.
///
/// # Errors
/// As for [`Server::app`], and if there can be no such audit file.
pub fn app_of<S: Server>(prepared: &S, common: &Options, url: &PublicUrl) -> anyhow::Result<App> {
    stack(prepared, common, url, |app| app)
}

/// The same, with something between server and auditors.
fn stack<S: Server>(
    prepared: &S,
    common: &Options,
    url: &PublicUrl,
    within: impl FnOnce(App) -> App,
) -> anyhow::Result<App> {
    // First, so that layers can say which numbers there will be.
    let metrics = MetricsListener::open(common)?;
    let app = within(prepared.app(url)?);
    let audit = common.audit.open(&common.keys, prepared.heads())?;
    let app = app.audited(auditors(common, audit.as_ref()));
    Ok(App { audit, metrics, ..app })
}

/// Who is told of every decision, beside the log.
fn auditors(options: &Options, file: Option<&AuditFile>) -> Auditors {
    let file = file.map(|file| Arc::new(file.clone()) as Arc<dyn Auditor>);
    let counted = options.metrics.map(|_| Arc::new(Decisions::new()) as Arc<dyn Auditor>);
    file.into_iter().chain(counted).collect()
}

fn sockets(common: &Options) -> anyhow::Result<Sockets> {
    // Which URL it is has to be known before it can be said whether it is safe.
    let url = common.known_public_url()?;
    common.transport.check(common.listen, url.as_ref())?;
    common.transport.open()
}

fn public_url(common: &Options, listener: &std::net::TcpListener) -> anyhow::Result<PublicUrl> {
    Ok(match common.known_public_url()? {
        Some(url) => url,
        None => common.transport.url_of(listener.local_addr().context(NO_ADDRESS)?),
    })
}
