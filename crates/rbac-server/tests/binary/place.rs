//! A folder with a key pair in it, for the real binary.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use keygen::rsa::RsaPair;
use mcp_auth::authn::jwt::{Claims, Signer};
use rbac_server::{DEFAULT_AUDIENCE, DEFAULT_ISSUER};

pub(crate) const EXE: &str = env!("CARGO_BIN_EXE_rbac-server");
pub(crate) const ANY_PORT: &[&str] = &["--listen", "127.0.0.1:0", "--failure-limit", "off"];

pub(crate) struct Place {
    folder: tempfile::TempDir,
    pub(crate) pair: RsaPair,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pair = keygen::rsa::generate(2048).unwrap();
        pair.write(&folder.path().join("keys"), false).unwrap();
        Self { folder, pair }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What the server has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    /// A header with a token of this role, under the place's own key.
    pub(crate) fn bearer(&self, role: &str) -> String {
        bearer(&Signer::rs256(&self.pair.private_pem).unwrap(), role)
    }
}

pub(crate) fn bearer(signer: &Signer, role: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let claims = Claims {
        iss: DEFAULT_ISSUER.into(),
        sub: "bob".into(),
        aud: DEFAULT_AUDIENCE.into(),
        exp: now + 600,
        iat: Some(now),
        jti: Some("one".into()),
        client_id: Some("test".into()),
        job_role: Some(role.to_owned()),
        ..Claims::default()
    };
    format!("authorization: Bearer {}", signer.mint(&claims))
}

/// Asks again and again until it is so.
pub(crate) fn in_time(what: &str, mut so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !so() {
        assert!(Instant::now() < end, "after thirty seconds: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
