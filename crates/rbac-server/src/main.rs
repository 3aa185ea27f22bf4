//! `cargo run -p rbac-server`

use std::process::ExitCode;

fn main() -> ExitCode {
    serve::main::<rbac_server::Prepared>()
}
