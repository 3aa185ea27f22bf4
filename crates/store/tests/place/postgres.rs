//! A PostgreSQL server of this test's own, on a socket in a folder of its own. It ends with the test.

use std::env;
use std::fs;
use std::io::Write;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio_postgres::{Client, NoTls};

/// `None`: its programs are not here.
static SERVER: LazyLock<Option<Server>> = LazyLock::new(Server::start);

pub(crate) struct Server {
    programs: PathBuf,
    arguments: Vec<String>,
    port: u16,
    folder: tempfile::TempDir,
    /// Held for its standard input: the server ends when that does.
    child: Child,
}

/// The address of an empty database on a server that all tests share.
pub(crate) fn database() -> Option<PathBuf> {
    SERVER.as_ref().map(Server::database)
}

pub(crate) fn execute(address: &Path, sql: &str) {
    run(address, async |client| client.batch_execute(sql).await.expect("it is SQL"));
}

pub(crate) fn number(address: &Path, sql: &str) -> i64 {
    run(address, async |client| client.query_one(sql, &[]).await.expect("it is SQL").get(0))
}

impl Server {
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(5432, "unused", |_| Vec::new())
    }

    /// Also at a port of 127.0.0.1, over TLS, for whoever has the password.
    pub(crate) fn start_over_tls(cert: &Path, key: &Path, password: &str) -> Option<Self> {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("there are ports");
        let port = free.local_addr().expect("it is bound").port();
        drop(free);
        Self::start_with(port, password, |folder| {
            for (from, to) in [(cert, "tls_cert.pem"), (key, "tls_key.pem")] {
                fs::copy(from, folder.join(to)).expect("it is there");
                if let Some((uid, gid)) = user() {
                    chown(folder.join(to), Some(uid), Some(gid)).expect("it is ours to give");
                }
            }
            let settings = [
                "listen_addresses=127.0.0.1",
                "ssl=on",
                "ssl_cert_file=../tls_cert.pem",
                "ssl_key_file=../tls_key.pem",
            ];
            settings.into_iter().flat_map(|it| ["-c".to_owned(), it.to_owned()]).collect()
        })
    }

    /// Whose address is `localhost`, and a port.
    pub(crate) fn address_over_tcp(&self, database: &Path) -> String {
        let name = database.file_name().expect("it has a name").to_string_lossy();
        format!("postgres://mcp@localhost:{}/{name}?sslmode=require", self.port)
    }

    fn start_with(
        port: u16,
        password: &str,
        arguments: impl FnOnce(&Path) -> Vec<String>,
    ) -> Option<Self> {
        let Some(programs) = programs() else {
            assert!(
                env::var_os("MCP_AUTH_REQUIRE_POSTGRES").is_none(),
                "the programs of a PostgreSQL server are not here; install: postgresql"
            );
            #[expect(clippy::print_stderr, reason = "whoever reads the test's output is told")]
            {
                eprintln!("skipped, for no PostgreSQL server is installed");
            }
            return None;
        };
        let folder = tempfile::tempdir().expect("there is room");
        if let Some((uid, gid)) = user() {
            chown(folder.path(), Some(uid), Some(gid)).expect("it is ours to give");
        }
        fs::write(folder.path().join("password"), password).expect("there is room");
        let made = command(&programs.join("initdb"), folder.path())
            .args(["--username=mcp", "--encoding=UTF8", "--locale=C", "--no-sync"])
            .args(["--auth-local=trust", "--auth-host=scram-sha-256", "--pwfile=password"])
            .args(["--pgdata", "data"])
            .status();
        assert!(made.expect("it is a program").success(), "initdb failed");
        let arguments = arguments(folder.path());
        let child = run_server(&programs, folder.path(), port, &arguments);
        let server = Self { programs, arguments, port, folder, child };
        server.wait();
        Some(server)
    }

    /// The address of an empty database.
    pub(crate) fn database(&self) -> PathBuf {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("place_{:04}", NUMBER.fetch_add(1, Ordering::Relaxed));
        execute(&self.address("postgres"), &format!("CREATE DATABASE {name}"));
        self.address(&name)
    }

    pub(crate) fn stop(&mut self) {
        let mut stdin = self.child.stdin.take().expect("it is a pipe");
        stdin.write_all(b"keep\n").expect("somebody reads it");
        self.child.wait().expect("it is our child");
    }

    pub(crate) fn start_again(&mut self) {
        self.child = run_server(&self.programs, self.folder.path(), self.port, &self.arguments);
        self.wait();
    }

    fn wait(&self) {
        let start = Instant::now();
        let connect = || {
            let address = self.address("postgres");
            thread::spawn(move || {
                block_on(async move {
                    tokio_postgres::connect(&address.to_string_lossy(), NoTls).await.is_ok()
                })
            })
        };
        while !connect().join().expect("it does not panic") {
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(start.elapsed() < Duration::from_secs(30), "it does not start: {}", log());
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn address(&self, database: &str) -> PathBuf {
        let folder = self.folder.path().to_string_lossy().replace('/', "%2F");
        PathBuf::from(format!("postgres://mcp@{folder}:{}/{database}", self.port))
    }
}

/// A shell that outlives neither this process nor its own standard input, and takes the server with it,
/// and its folder, unless that is to be kept.
fn run_server(programs: &Path, folder: &Path, port: u16, arguments: &[String]) -> Child {
    let script = "\"$@\" -D data -k \"$PWD\" 2> log < /dev/null & \
                  read -r word; kill -INT $!; wait; [ \"$word\" = keep ] || rm -rf \"$PWD\"";
    command(Path::new("/bin/sh"), folder)
        .args(["-c", script, "sh"])
        .arg(programs.join("postgres"))
        .args(["-p", &port.to_string(), "-c", "listen_addresses="])
        .args(arguments)
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::piped())
        .spawn()
        .expect("there is a shell")
}

fn command(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env_clear().stdout(Stdio::null());
    if let Some((uid, gid)) = user() {
        command.uid(uid).gid(gid);
    }
    command
}

/// The folder with `postgres` and `initdb` in it.
fn programs() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = env::split_paths(&path).collect();
    // Debian keeps those of each version apart, the newest last.
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<_> = debian.map(|version| version.path().join("bin")).collect();
    versions.sort();
    folders.extend(versions.into_iter().rev());
    let has_both = |folder: &PathBuf| {
        ["postgres", "initdb"].iter().all(|program| folder.join(program).is_file())
    };
    folders.into_iter().find(has_both)
}

/// Whom to run it as: it refuses to run as root.
fn user() -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    if fs::metadata("/proc/self").expect("there is /proc").uid() != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("there are users");
    let of = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut numbers = line.split(':').skip(2).map(|number| number.parse().ok());
        Some((numbers.next()??, numbers.next()??))
    };
    Some(of("postgres").or_else(|| of("nobody")).expect("there is somebody else than root"))
}

/// On a thread of its own: whoever asks may be on a runtime.
fn run<T: Send>(address: &Path, work: impl AsyncFnOnce(&Client) -> T + Send) -> T {
    thread::scope(|scope| {
        let done = scope.spawn(|| {
            block_on(async {
                let (client, connection) =
                    tokio_postgres::connect(&address.to_string_lossy(), NoTls)
                        .await
                        .expect("it is there");
                let connection = tokio::spawn(connection);
                let schema = "SET search_path = mcp_auth";
                client.batch_execute(schema).await.expect("it is a setting");
                let done = work(&client).await;
                drop(client);
                let _ = connection.await;
                done
            })
        });
        done.join().expect("it does not panic")
    })
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread().enable_all().build().expect("there is room");
    runtime.block_on(work)
}
