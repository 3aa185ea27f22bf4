//! What is measured, where the figures lie, and how they are kept. The measuring itself is in
//! `verify.rs` and `request.rs`.

mod criterion_folder;
mod figures;
mod machine;
mod question;

pub use criterion_folder::{criterion_folder, say_where_the_report_is};
pub use figures::Figures;
pub use machine::Machine;
pub use question::Question;
