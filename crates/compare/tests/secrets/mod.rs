//! Whatever can be done to all three servers, and every secret that was in it.

use std::fs;
use std::path::Path;

use compare::situations::SITUATIONS;
use compare::{Kind, Side, World};
use secrecy::ExposeSecret;

use crate::table;
use crate::table::forge::Forge;
use crate::table::raw::Raw;

/// The beginnings of every API key and of every token, also of those that a situation makes
/// and forgets: `{"` in base64url is `eyJ`.
pub(crate) const FORMS: [&str; 2] = ["mcpk_", "eyJ"];

/// What somebody could have chosen for the one key of a server. It looks like a name of a host
/// and a path on it.
const CHOSEN: &str = "correct.horse/battery.staple/and.even.more";

/// All situations, and the whole hostile table.
pub(crate) async fn drive(world: &World) -> Vec<String> {
    for situation in &SITUATIONS {
        let row = compare::observe(world, situation).await;
        assert!(row.is_right(), "{row:?}");
    }
    // Whether each of these is refused as it should be is for another test.
    let stranger = keygen::rsa::generate(2048).unwrap();
    let mut secrets = in_files(&world.keys);
    assert!(secrets.len() >= 7, "two keys, two clients, two secrets, a private key");
    for kind in Kind::ALL {
        let side = world.side(kind);
        let forge = Forge::for_side(world, side, &stranger, "http://[::1]");
        let run = table::run(side, &forge).await;
        secrets.extend(forge.secrets());
        assert!(run.rows.len() >= 150, "{kind} was tried with {} rows", run.rows.len());
    }
    for kind in Kind::ALL {
        let side = world.side(kind);
        let one = [&side.bob, &side.alice, &side.wrong, &side.tampered, &side.expired];
        secrets.extend(
            one.into_iter()
                .chain(&side.foreign)
                .map(|credential| credential.secret().expose_secret().to_owned()),
        );
    }
    for kind in Kind::ALL {
        let side = world.side(kind);
        misplaced(side, side.bob.secret().expose_secret()).await;
        misplaced(side, CHOSEN).await;
    }
    secrets.push(CHOSEN.to_owned());
    secrets
}

/// Whoever pastes a credential into a path has lost it to proxies already, and to nothing here.
async fn misplaced(side: &Side, secret: &str) {
    for path in ["", "/", "/mcp/", "/mcp/sessions/", "/mcp;", "/token/", "/nothing/", "/%2f/"] {
        Raw::to(side, "GET", &format!("{path}{secret}")).send(side).await;
    }
    for origin in [secret, &format!("https://{secret}"), &format!("https://{secret}:1")] {
        Raw::to(side, "GET", "/mcp").with("origin", origin).send(side).await;
        Raw::to(side, "GET", "/mcp").set("host", origin).send(side).await;
    }
    Raw::to(side, "GET", secret).send(side).await;
    Raw::to(side, secret, "/mcp").send(side).await;
}

/// What is secret in the files of the keys folder: each line of a key, each secret of a client.
fn in_files(keys: &Path) -> Vec<String> {
    let mut secrets = Vec::new();
    for name in
        ["audit.key", "jwt.secret", "rsa_private.pem", "clients/bob.apikey", "clients/alice.apikey"]
    {
        let text = fs::read_to_string(keys.join(name)).unwrap();
        let lines = text.lines().filter(|line| line.len() > 20 && !line.starts_with('-'));
        secrets.extend(lines.map(str::to_owned));
    }
    for user in ["bob", "alice"] {
        let text = fs::read_to_string(keys.join(format!("clients/{user}.client.json"))).unwrap();
        let file: serde_json::Value = serde_json::from_str(&text).unwrap();
        secrets.push(file["client_secret"].as_str().unwrap().to_owned());
    }
    secrets
}
