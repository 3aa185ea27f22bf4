//! What a store promises on any database. Each file that has this module runs it on one.

mod changes;
pub(crate) mod ended;
mod heads;
mod import;
mod keys;
mod records;
mod signing_keys;
mod tokens;
mod uses;
