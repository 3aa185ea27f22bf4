//! Around authentication and authorization: what is judged of every request, whoever calls.
//!
//! - [`front`] is outermost: sizes, headers sent twice, `Host` and `Origin`.
//! - [`peer`] says from which address a request comes.
//! - [`session`] binds the sessions of older clients to the identity that opened them.
//! - [`gate`] turns any of these checks into a tower layer.

pub mod front;
pub mod gate;
pub mod peer;
pub mod session;
