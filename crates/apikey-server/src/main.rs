//! `cargo run -p apikey-server`

use std::process::ExitCode;

fn main() -> ExitCode {
    serve::main::<apikey_server::Prepared>()
}
