//! TLS as a client sees it, and certificates that change.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use keygen::cert::{Certificates, generate};
use mcp_auth::guard::front::Front;
use mcp_auth::secret;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serve::{Drain, Outer, PublicUrl, Running, Transport, bind, install_crypto, start};
use tempfile::TempDir;

type Tls = StreamOwned<ClientConnection, TcpStream>;

/// A folder with a certificate and its key.
struct Files(TempDir);

impl Files {
    fn new(first: &Certificates) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.put(&first.cert_pem, &first.key_pem);
        files
    }

    fn cert(&self) -> PathBuf {
        self.0.path().join("cert.pem")
    }

    fn key(&self) -> PathBuf {
        self.0.path().join("key.pem")
    }

    fn put(&self, cert: &str, key: &str) {
        secret::write_public(&self.cert(), cert, true).unwrap();
        secret::write(&self.key(), key, true).unwrap();
    }

    fn transport(&self) -> Transport {
        let (tls_cert, tls_key) = (Some(self.cert()), Some(self.key()));
        Transport { tls_cert, tls_key, ..Transport::default() }
    }

    /// Why a server does not start with them.
    fn refusal(&self) -> String {
        format!("{:#}", self.transport().open().expect_err("it would start"))
    }

    /// A server that shows the certificate.
    fn serve(&self) -> Running {
        let listener = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let url = PublicUrl::with_tls(listener.local_addr().unwrap());
        let outer = Outer::new(Front::new(url.uri(), true));
        let mut app = outer.around(Router::new(), &Drain::new());
        app.sockets = self.transport().open().unwrap();
        start(listener, app).unwrap()
    }
}

fn certificates() -> Certificates {
    install_crypto();
    generate(&[], 1).unwrap()
}

/// Connects as a client that trusts this CA and nothing else.
fn connect(to: SocketAddr, trusted: &Certificates, change: impl FnOnce(&mut ClientConfig)) -> Tls {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.ca_pem.as_bytes()).unwrap()).unwrap();
    let versions = &[&TLS13, &TLS12];
    let mut config = ClientConfig::builder_with_protocol_versions(versions)
        .with_root_certificates(roots)
        .with_no_client_auth();
    change(&mut config);
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let socket = TcpStream::connect(to).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    StreamOwned::new(connection, socket)
}

fn health(tls: &mut Tls) -> io::Result<String> {
    tls.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")?;
    let mut text = String::new();
    while !text.ends_with("ok\n") {
        let mut part = [0; 1024];
        let count = tls.read(&mut part)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        text.push_str(std::str::from_utf8(&part[..count]).unwrap());
    }
    Ok(text)
}

/// Whether a new connection is shown this CA's certificate.
fn shows(to: SocketAddr, trusted: &Certificates) -> bool {
    health(&mut connect(to, trusted, |_| ())).is_ok()
}

fn in_time(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !done() {
        assert!(Instant::now() < end, "after ten seconds: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What is logged in this process, by every thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
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

#[tokio::test(flavor = "multi_thread")]
async fn http_1_is_spoken_over_both_versions_of_tls() {
    let made = certificates();
    let files = Files::new(&made);
    let server = files.serve();
    assert_eq!(server.url(), format!("https://{}/mcp", server.addr));
    for (version, name) in [(&TLS13, "TLSv1_3"), (&TLS12, "TLSv1_2")] {
        let mut tls = connect(server.addr, &made, |config| {
            *config = ClientConfig::builder_with_protocol_versions(&[version])
                .with_root_certificates({
                    let mut roots = RootCertStore::empty();
                    let ca = CertificateDer::from_pem_slice(made.ca_pem.as_bytes()).unwrap();
                    roots.add(ca).unwrap();
                    roots
                })
                .with_no_client_auth();
            config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        });
        assert!(health(&mut tls).unwrap().starts_with("HTTP/1.1 200 "));
        assert_eq!(tls.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
        assert_eq!(format!("{:?}", tls.conn.protocol_version().unwrap()), name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_to_tls_get_nothing() {
    let made = certificates();
    let files = Files::new(&made);
    let server = files.serve();
    assert!(!shows(server.addr, &certificates()), "a client trusted another CA");

    let mut plain = TcpStream::connect(server.addr).unwrap();
    plain.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    plain.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut said = Vec::new();
    let _ = plain.read_to_end(&mut said);
    assert!(!String::from_utf8_lossy(&said).contains("HTTP/"), "{said:?}");

    // Who says nothing at all is not waited for.
    let started = Instant::now();
    let mut silent = TcpStream::connect(server.addr).unwrap();
    silent.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert_eq!(silent.read(&mut [0]).unwrap(), 0);
    let waited = started.elapsed().as_secs();
    assert!((9..15).contains(&waited), "closed after {waited} s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_changes_is_used_and_a_bad_one_is_told_and_not_used() {
    let log = Log::default();
    let writer = log.clone();
    let logging = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
    logging.init();

    let (first, second, third) = (certificates(), certificates(), certificates());
    let files = Files::new(&first);
    let server = files.serve();
    let to = server.addr;
    let mut open = connect(to, &first, |_| ());
    assert!(health(&mut open).is_ok());

    files.put(&second.cert_pem, &second.key_pem);
    in_time("the second certificate is not shown", || shows(to, &second));
    assert!(!shows(to, &first));
    assert!(health(&mut open).is_ok(), "an open connection was cut off");

    let (cert, key) = (files.cert(), files.key());
    let (cert_name, key_name) = (cert.display().to_string(), key.display().to_string());
    let said = |log: &Log, parts: &[&str]| {
        in_time(&format!("{parts:?} are not in the log: {}", log.text()), || {
            log.text().lines().any(|line| parts.iter().all(|part| line.contains(part)))
        });
        assert!(shows(to, &second), "the good certificate is no longer shown");
    };
    // A certificate without its key.
    files.put(&third.cert_pem, &second.key_pem);
    said(&log, &["ERROR", "not replaced", &key_name, "is not the private key of", &cert_name]);
    files.put("nonsense", &second.key_pem);
    said(&log, &["ERROR", &cert_name, "holds no certificate in PEM"]);
    files.put(&third.cert_pem, "nonsense");
    said(&log, &["ERROR", &key_name, "holds no private key in PEM"]);
    fs::remove_file(&cert).unwrap();
    said(&log, &["ERROR", "cannot read the certificate", &cert_name]);
    files.put(&third.cert_pem, &third.key_pem);
    in_time("the third certificate is not shown", || shows(to, &third));

    // Whoever can read the key can be this server.
    let loosen = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    loosen(&key, 0o644).unwrap();
    in_time("the loose key is not told", || log.text().contains(&format!("chmod 600 {key_name}")));
    assert!(shows(to, &third));
    assert!(!log.text().contains("PRIVATE KEY"), "{}", log.text());
}

#[test]
fn what_cannot_be_used_is_named() {
    let (one, other) = (certificates(), certificates());
    let files = Files::new(&one);
    let (cert, key) = (files.cert(), files.key());

    secret::write(&key, &other.key_pem, true).unwrap();
    let error = files.refusal();
    assert!(error.contains("is not the private key of the certificate"), "{error}");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let error = files.refusal();
    assert!(error.contains("chmod 600") && error.contains("key.pem"), "{error}");
    secret::write(&key, &one.key_pem, true).unwrap();
    fs::set_permissions(&cert, fs::Permissions::from_mode(0o666)).unwrap();
    let error = files.refusal();
    assert!(error.contains("chmod go-w") && error.contains("cert.pem"), "{error}");
    fs::remove_file(&cert).unwrap();
    let error = files.refusal();
    assert!(error.contains("cannot read the certificate"), "{error}");
}
