//! `cargo run -p jwt-server`

use std::process::ExitCode;

fn main() -> ExitCode {
    serve::main::<jwt_server::Prepared>()
}
