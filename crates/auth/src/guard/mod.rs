//! Around authentication and authorization: what is judged of every request, whoever calls.
//!
//! - [`peer`] says from which address a request comes.
//! - [`front`] is outermost: sizes, headers sent twice, `Host` and `Origin`.
//! - [`limit`] is how often: each caller, and each address whose credentials fail.
//! - [`session`] binds the sessions of older clients to the caller that opened them.
//! - [`streams`] ends a stream with its credential.
//! - [`gate`] turns any of these checks into a tower layer.

pub mod front;
pub mod gate;
pub mod limit;
pub mod peer;
pub mod session;
pub mod streams;
