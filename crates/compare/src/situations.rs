//! What can happen at the door, and what has to come of it: the first page of the hostile
//! table. Data alone; [`observe`](crate::observe()) lets it happen.

/// One thing that can happen, to every scheme alike.
#[derive(Clone, Copy, Debug)]
pub struct Situation {
    /// Its name in JSON.
    pub id: &'static str,
    /// Its name in the table.
    pub title: &'static str,
    /// What is done, and what is right.
    pub check: Check,
}

/// What is done, and what is right.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// Raw requests, each of which has to be answered so.
    Door {
        /// What is presented.
        sent: Sent,
        /// The only right status.
        status: u16,
        /// `error` in the challenge (RFC 6750 §3.1); `None`: the challenge names no error.
        error: Option<&'static str>,
    },
    /// A credential is good, then revoked by what the scheme has for that.
    Revoked,
    /// A tool that the caller may call, in both generations of the protocol.
    Allowed,
    /// A tool that the caller may not call.
    NotAllowed,
    /// `tools/list` against a call of every tool there is.
    Listing,
    /// The same tool, called by bob and by alice.
    OwnData,
}

/// What is presented in place of a good credential.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sent {
    /// Nothing at all.
    Nothing,
    /// Something that has not the form of a credential.
    Garbage,
    /// A credential of the right form that this server never knew.
    Wrong,
    /// A good one, changed after it was made.
    Tampered,
    /// One that was good until an hour ago.
    Expired,
    /// A good one, in two headers.
    Twice,
    /// A good one, in the query string.
    InQuery,
    /// Good ones of the other servers.
    Foreign,
}

/// All situations, in the order of the rows.
pub const SITUATIONS: [Situation; 13] = [
    door("no_credential", "no credential", Sent::Nothing, 401, None),
    door("garbage", "garbage", Sent::Garbage, 401, INVALID),
    door("wrong", "wrong credential", Sent::Wrong, 401, INVALID),
    door("tampered", "tampered credential", Sent::Tampered, 401, INVALID),
    door("expired", "expired credential", Sent::Expired, 401, INVALID),
    Situation { id: "revoked", title: "revoked credential", check: Check::Revoked },
    door("two_at_once", "two credentials at once", Sent::Twice, 400, Some("invalid_request")),
    door("in_query", "credential in the query string", Sent::InQuery, 401, None),
    Situation { id: "allowed", title: "valid, tool allowed", check: Check::Allowed },
    Situation { id: "not_allowed", title: "valid, tool not allowed", check: Check::NotAllowed },
    Situation {
        id: "listing",
        title: "tools/list shows exactly what may be called",
        check: Check::Listing,
    },
    Situation {
        id: "own_data",
        title: "same tool, two users: each gets their own data",
        check: Check::OwnData,
    },
    door("foreign", "a token of one server shown to another", Sent::Foreign, 401, INVALID),
];

const INVALID: Option<&str> = Some("invalid_token");

const fn door(
    id: &'static str,
    title: &'static str,
    sent: Sent,
    status: u16,
    error: Option<&'static str>,
) -> Situation {
    Situation { id, title, check: Check::Door { sent, status, error } }
}
