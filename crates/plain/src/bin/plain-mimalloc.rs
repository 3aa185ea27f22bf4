//! rmcp or axum alone, with the allocator that our servers have.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    plain::main()
}
