//! A real Prometheus that scrapes one server and goes by the rules of `docs/alerts.yml`, with
//! their times made short.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Set where the tests have to run: a Prometheus that is missing is a failure there.
const REQUIRED: &str = "MCP_AUTH_REQUIRE_PROMETHEUS";

/// Of every rule: the window that it looks at, and how long it waits.
const WINDOW: &str = "5s";
const FOR: &str = "1s";

pub(crate) struct Prometheus {
    child: Child,
    address: String,
    log: std::path::PathBuf,
}

impl Prometheus {
    /// Starts one in this folder. `None`: there is none on this machine, and that may be so.
    pub(crate) fn start(folder: &Path, metrics: &str) -> Option<Self> {
        let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/alerts.yml");
        let rules = shortened(&fs::read_to_string(rules).unwrap());
        fs::write(folder.join("alerts.yml"), rules).unwrap();
        let config = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\n\
             rule_files: [alerts.yml]\n\
             scrape_configs:\n  - job_name: mcp\n    static_configs: [{{targets: ['{metrics}']}}]\n"
        );
        fs::write(folder.join("prometheus.yml"), config).unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let log = folder.join("prometheus.log");
        let child = Command::new("prometheus")
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"])
            .arg(format!("--web.listen-address={free}"))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).unwrap())
            .spawn();
        match child {
            Ok(child) => Some(Self { child, address: free.to_string(), log }),
            Err(error) if std::env::var_os(REQUIRED).is_none() => {
                // Past the test's own output, which nobody sees of a test that passes.
                let mut stderr = std::io::stderr();
                let _ = writeln!(stderr, "SKIPPED: prometheus cannot be started ({error})");
                None
            }
            Err(error) => panic!("{REQUIRED} is set, and prometheus cannot be started: {error}"),
        }
    }

    /// Waits until every rule was evaluated on what was scraped, over a whole window and longer.
    /// No alert may have come of it.
    pub(crate) fn is_quiet(&self) {
        self.wait("the server is scraped", || self.up().then_some(()));
        let long_enough = Instant::now() + Duration::from_secs(7);
        while Instant::now() < long_enough {
            assert_eq!(self.alerts(), Vec::<(String, String)>::new(), "it is quiet");
            std::thread::sleep(Duration::from_millis(500));
        }
        let rules = self.ask("/api/v1/rules");
        let rules = rules["data"]["groups"][0]["rules"].as_array().unwrap();
        assert_eq!(rules.len(), 5);
        for rule in rules {
            assert_eq!((&rule["health"], &rule["state"]), (&"ok".into(), &"inactive".into()));
        }
    }

    /// Waits until this alert fires, and no other has.
    pub(crate) fn fires(&self, name: &str) {
        self.fires_while(name, || {});
    }

    /// The same, doing something meanwhile.
    pub(crate) fn fires_while(&self, name: &str, mut doing: impl FnMut()) {
        let firing = self.wait(name, || {
            doing();
            let alerts = self.alerts();
            let firing: Vec<_> =
                alerts.into_iter().filter(|(_, state)| state == "firing").collect();
            (!firing.is_empty()).then_some(firing)
        });
        assert!(firing.iter().all(|(alert, _)| alert == name), "{firing:?}");
    }

    fn alerts(&self) -> Vec<(String, String)> {
        let answer = self.ask("/api/v1/alerts");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let alerts = answer["data"]["alerts"].as_array().unwrap().iter();
        alerts.map(|one| (text(&one["labels"]["alertname"]), text(&one["state"]))).collect()
    }

    fn up(&self) -> bool {
        let Some(answer) = self.try_to_ask("/api/v1/query?query=up") else { return false };
        answer["data"]["result"][0]["value"][1] == "1"
    }

    fn ask(&self, path: &str) -> Value {
        self.try_to_ask(path).unwrap_or_else(|| panic!("no answer: {}", self.log()))
    }

    /// HTTP/1.0, so that the answer comes in one piece.
    fn try_to_ask(&self, path: &str) -> Option<Value> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        serde_json::from_str(text.split_once("\r\n\r\n")?.1).ok()
    }

    fn wait<T>(&self, what: &str, mut is_so: impl FnMut() -> Option<T>) -> T {
        let end = Instant::now() + Duration::from_secs(90);
        loop {
            if let Some(found) = is_so() {
                return found;
            }
            assert!(Instant::now() < end, "{what}: waited in vain\n{}", self.log());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Both fail if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The same rules with a window of seconds, and nearly no patience.
fn shortened(rules: &str) -> String {
    let mut short = String::new();
    for line in rules.lines() {
        let mut line = line.to_owned();
        while let Some((before, rest)) = line.split_once("[5m]") {
            line = format!("{before}[{WINDOW}]{rest}");
        }
        if let Some((indent, _)) = line.split_once("for: ") {
            line = format!("{indent}for: {FOR}");
        }
        short.push_str(&line);
        short.push('\n');
    }
    assert!(!short.contains("m]"), "a window is left as it was: {short}");
    short
}
