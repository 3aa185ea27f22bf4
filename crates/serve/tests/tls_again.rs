//! A certificate that could not be read for a while. Alone in its process, whose files run out.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use keygen::cert::generate;
use mcp_auth::guard::front::Front;
use mcp_auth::secret;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serve::{Drain, Outer, PublicUrl, Transport, bind, install_crypto, start};

const REPLACED: &str = "the certificate was replaced";

/// What is logged in this process.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// How many lines have `part` in them.
    fn count(&self, part: &str) -> usize {
        let bytes = self.0.lock().unwrap();
        str::from_utf8(&bytes).unwrap().lines().filter(|line| line.contains(part)).count()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn in_time(what: &str, done: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !done() {
        assert!(Instant::now() < end, "after ten seconds: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_could_not_be_read_is_tried_again_and_told_once() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).init();
    install_crypto();
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let put = || {
        let made = generate(&[], 1).unwrap();
        secret::write_public(&cert, &made.cert_pem, true).unwrap();
        secret::write(&key, &made.key_pem, true).unwrap();
    };
    put();
    let listener = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let url = PublicUrl::with_tls(listener.local_addr().unwrap());
    let outer = Outer::new(Front::new(url.uri(), true));
    let mut app = outer.around(Router::new(), &Drain::new());
    let (tls_cert, tls_key) = (Some(cert.clone()), Some(key.clone()));
    app.sockets = Transport { tls_cert, tls_key, ..Transport::default() }.open().unwrap();
    let _server = start(listener, app).unwrap();

    put();
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(0), ..limit }).unwrap();
    in_time("the failure is not told", || log.count("Too many open files") > 0);
    // Long enough for some more tries.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(log.count("not replaced"), 1, "it was told again and again");
    assert_eq!(log.count(REPLACED), 0, "the files could be read");

    setrlimit(Resource::Nofile, limit).unwrap();
    in_time("the new certificate is not used", || log.count(REPLACED) == 1);
}
