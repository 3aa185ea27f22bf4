//! T12: what a server does not start with. There is no socket then, and nobody to answer.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use compare::Kind;

use super::own;

/// 1024 bits, made for this test; its private half was not kept.
const SHORT_RSA: &str = "-----BEGIN PUBLIC KEY-----\n\
    MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDWFmqIr1p5C3/56YL9I6olX+hy\n\
    xQAjC3JAx++bJSQJ62LfO5HcggayE63JT4q4jHIJnYx7nmsaVEOkAV8EEVjV2les\n\
    V/LOHV/wlukhr6p/oz+jh0AHaZkxSDQ0GOOd7dMY03IWDsf1c0I1PbHve2wRUXYD\n\
    vUqngiAZBeeZbFYYWQIDAQAB\n\
    -----END PUBLIC KEY-----\n";

/// A name, what is done to the keys folder or said by flags, and a word of the error.
type Row = (&'static str, Box<dyn Fn(&Path)>, &'static [&'static str], &'static str);

/// Others can reach it, and all but the keys is as it has to be.
const FOR_OTHERS: &[&str] = &["--public-url=https://mcp.example"];

/// # Panics
/// A server starts that must not, does not say why, or does not start once all is well again.
pub(crate) async fn refused(kind: Kind) {
    for (name, spoil, flags, word) in rows(kind) {
        let folder = tempfile::tempdir().unwrap();
        keygen::init(folder.path()).unwrap();
        own::try_launch(kind, folder.path(), &[]).await.unwrap().stop().await;
        spoil(folder.path());
        match own::try_launch(kind, folder.path(), flags).await {
            Ok(_) => panic!("{kind} starts with {name}"),
            Err(error) => {
                let error = format!("{error:#}");
                assert!(error.contains(word), "{kind}, {name}: {error}");
                assert!(!error.contains("c2hvcnQ"), "{kind}, {name} is told: {error}");
            }
        }
    }
}

fn rows(kind: Kind) -> Vec<Row> {
    let file = |name, file: &'static str, text: &'static str, word| -> Row {
        (name, Box::new(move |keys| fs::write(keys.join(file), text).unwrap()), &[], word)
    };
    let mode = |name, file: &'static str, mode, word| -> Row {
        let loosen = move |keys: &Path| {
            fs::set_permissions(keys.join(file), Permissions::from_mode(mode)).unwrap();
        };
        (name, Box::new(loosen), &[], word)
    };
    let others = |name, flags: &'static [&'static str], word| -> Row {
        (name, Box::new(|_| ()), flags, word)
    };
    match kind {
        Kind::ApiKey => vec![
            mode("a store that others can read", store::FILE_NAME, 0o644, "chmod 600"),
            file("a store that is none", store::FILE_NAME, "c2hvcnQ", "credentials.db"),
            others(
                "demo keys where others can reach it",
                &["--protect=mcp", "--public-url=https://mcp.example"],
                "demo keys",
            ),
        ],
        Kind::Jwt => vec![
            file("no secret in its file", "jwt.secret", "", "keygen -- secret"),
            file("a secret of 5 bytes", "jwt.secret", "c2hvcnQ", "at least 32"),
            file(
                "a secret of 31 bytes",
                "jwt.secret",
                "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ",
                "at least 32",
            ),
            file("a secret that is no base64url", "jwt.secret", "c2hvcnQ!", "base64url"),
            mode("a secret that others can read", "jwt.secret", 0o640, "chmod 600"),
            mode("a store that others can read", store::FILE_NAME, 0o604, "chmod 600"),
            others("demo clients where others can reach it", FOR_OTHERS, "demo clients"),
        ],
        Kind::Rbac => vec![
            file("an RSA key of 1024 bits", "rsa_public.pem", SHORT_RSA, "at least 2048"),
            file("no RSA key in its file", "rsa_public.pem", "c2hvcnQ", "no RSA public key"),
            (
                "a private key in place of the public one",
                Box::new(|keys| {
                    fs::copy(keys.join("rsa_private.pem"), keys.join("rsa_public.pem")).unwrap();
                }),
                &[],
                "private",
            ),
            mode("a key that others can change", "rsa_public.pem", 0o666, "chmod go-w"),
            others("the demo issuer where others can reach it", FOR_OTHERS, "--issuer"),
        ],
    }
}
