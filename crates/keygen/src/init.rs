//! All that the three servers need for trying them out.

use std::path::{Path, PathBuf};

use serde_json::json;
use store::{Ledger, demo};

use crate::cli::Place;
use crate::rsa::{self, PRIVATE_FILE, PUBLIC_FILE, after_dashes};
use crate::secret::FILE as SECRET_FILE;
use crate::{Error, Report};

/// One thing that a server needs.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The file.
    pub path: PathBuf,
    /// Whether it was made now; otherwise it was there and is as it was.
    pub made: bool,
    /// What it is for.
    pub purpose: &'static str,
}

/// Makes what is missing of a key pair, a secret, and a store with a key and a client for bob
/// and alice. What exists is kept, and is not judged: the server that opens it does that.
///
/// # Errors
/// Something cannot be written, or the store cannot be opened. What was made before stays.
pub fn init(keys_dir: &Path) -> Result<Vec<Outcome>, Error> {
    init_with_store(keys_dir, &keys_dir.join(store::FILE_NAME))
}

pub(crate) fn run(place: &Place) -> Result<Report, Error> {
    let outcomes = init_with_store(&place.keys, &place.store_file())?;
    let mut text = String::new();
    for Outcome { path, made, purpose } in &outcomes {
        let done = if *made { "made" } else { "kept" };
        text.push_str(&format!("{done}  {}  {purpose}\n", path.display()));
    }
    let (keys, all) = (after_dashes(&place.flag()), after_dashes(&place.flags()));
    let demo = demo_note(&Ledger::open(&place.store_file())?)?;
    text.push_str(&format!(
        "\n{demo}next, in two terminals:\n  \
         cargo run -p apikey-server{all}   and  cargo run -p apikey-client{keys}\n  \
         cargo run -p jwt-server{all}      and  cargo run -p jwt-client{keys}\n  \
         cargo run -p rbac-server{keys}     and  cargo run -p rbac-client{keys}\n"
    ));
    let json = outcomes
        .iter()
        .map(|outcome| {
            json!({
                "file": outcome.path.to_string_lossy(), "made": outcome.made,
                "purpose": outcome.purpose,
            })
        })
        .collect();
    Ok(Report::new(text, json))
}

/// A store with credentials of somebody else is given none of these.
fn demo_note(store: &Ledger) -> Result<String, Error> {
    let what = match (store.has_demo_keys()?, store.has_demo_clients()?) {
        (true, true) => "API keys and clients",
        (true, false) => "API keys",
        (false, true) => "clients",
        (false, false) => {
            return Ok("The store holds credentials of your own, so none was made for bob and \
                       alice.\n"
                .to_owned());
        }
    };
    Ok(format!(
        "The {what} of bob and alice are for trying out: a server that others can reach refuses \
         them.\nThe RSA pair and the secret serve there too.\n"
    ))
}

/// The same with the store there, a file or an address, and not in the keys folder.
///
/// # Errors
/// As for [`init`].
pub fn init_with_store(keys_dir: &Path, store_file: &Path) -> Result<Vec<Outcome>, Error> {
    let mut outcomes = key_pair(keys_dir)?;
    outcomes.push(Outcome {
        path: keys_dir.join(SECRET_FILE),
        made: demo::make_secret(keys_dir)?.is_some(),
        purpose: "the secret with which jwt-server signs",
    });
    let store_is_new = !Ledger::may_exist(store_file);
    let store = Ledger::open(store_file)?;
    outcomes.push(Outcome {
        path: store_file.to_owned(),
        made: store_is_new,
        purpose: "digests of API keys and clients, for apikey-server and jwt-server",
    });
    let keys = demo::make_keys(&store, keys_dir)?;
    let clients = demo::make_clients(&store, keys_dir)?;
    for (made, suffix, purpose) in [
        (keys, "apikey", "an API key, for apikey-client"),
        (clients, "client.json", "a client's id and secret, for jwt-client"),
    ] {
        let files = demo::OWNERS
            .map(|owner| keys_dir.join("clients").join(format!("{}.{suffix}", owner.user)));
        // A store with keys of somebody else is given none of these.
        outcomes.extend(files.into_iter().filter(|path| path.exists()).map(|path| Outcome {
            made: made.contains(&path),
            path,
            purpose,
        }));
    }
    Ok(outcomes)
}

/// A public key without the private one is kept too: then the tokens are signed elsewhere.
fn key_pair(keys_dir: &Path) -> Result<Vec<Outcome>, Error> {
    let (private, public) = (keys_dir.join(PRIVATE_FILE), keys_dir.join(PUBLIC_FILE));
    let (had_private, had_public) = (private.exists(), public.exists());
    if !had_private && !had_public {
        rsa::generate(rsa::SIZES[0])?.write(keys_dir, false)?;
    } else if !had_public {
        rsa::restore_public(keys_dir)?;
    }
    let private = (had_private || !had_public).then_some(Outcome {
        path: private,
        made: !had_private,
        purpose: "signs tokens for rbac-server, by rbac-client and keygen token",
    });
    let public =
        Outcome { path: public, made: !had_public, purpose: "verifies them, for rbac-server" };
    Ok(private.into_iter().chain([public]).collect())
}
