//! rmcp or axum alone, with the allocator of the system.

fn main() -> std::process::ExitCode {
    plain::main()
}
