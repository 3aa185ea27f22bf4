//! `cargo run -p inspect`

use std::process::ExitCode;

fn main() -> ExitCode {
    inspect::main()
}
