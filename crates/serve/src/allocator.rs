//! What the memory of a server is taken from.
//!
//! A call is made of many small pieces of memory, and with mimalloc a server answers more of them;
//! `compare -- load` shows by how much, with rmcp alone and both allocators. It stands here because
//! every server comes through this crate; the library `mcp-auth` leaves it to whoever uses it.

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;
