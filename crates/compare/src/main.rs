//! `cargo run --release -p compare`

use std::process::ExitCode;

fn main() -> ExitCode {
    compare::main()
}
