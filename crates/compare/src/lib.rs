//! Three schemes, one table: all three servers in one process, and what happens at their doors.
//!
//! Reading order:
//!
//! - [`situations`]: what can happen at the door, and what has to come of it. Plain data, read
//!   by the program and by the hostile tests.
//! - [`World`]: the three servers on free ports, with keys and stores in a temporary folder,
//!   and every credential that a situation needs.
//! - [`observe`](observe()): lets each situation happen over real HTTP, and judges it.
//! - [`measure`]: what a scheme costs.
//! - [`Bounds`]: how soon a revocation counts.
//! - [`Loads`]: what it costs a server that is busy, in a process of its own.
//! - [`Peer`]: the same situations at a server that other people wrote.
//! - [`Report`]: all of it, as a table for people, for a README, or as JSON.

mod abilities;
mod bad;
mod bounds;
mod cli;
mod costs;
pub mod installed;
mod kind;
mod load;
mod machine;
mod observe;
mod open;
mod peers;
mod percentile;
mod program;
mod report;
mod revocation;
mod rights;
mod side;
pub mod situations;
mod tables;
mod tokens;
pub mod wire;
mod world;

pub use abilities::{ABILITIES, Ability};
pub use bounds::{Bounds, PROMISED, PROMISED_ON_A_SERVER, Spread};
pub use costs::{Call, Cost, measure};
pub use kind::Kind;
pub use load::{LoadRow, Loads, Sizing, Start};
pub use machine::Machine;
pub use observe::{Cell, Row, observe};
pub use open::Open;
pub use peers::Peer;
pub use program::main;
pub use report::{Peers, Report};
pub use side::Side;
pub use tables::Style;
pub use tokens::{TokenAnswer, ask_for_token};
pub use world::World;
