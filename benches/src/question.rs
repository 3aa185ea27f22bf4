//! The questions that the benches answer. The README lists the same ones.

/// One question: a group of benches that are read side by side.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// The name of the group: `cargo bench -- <group>` runs it alone.
    pub group: &'static str,
    /// The question in words.
    pub asks: &'static str,
    /// The bench that the others of the group are compared with.
    pub baseline: &'static str,
}

impl Question {
    /// Every question, in the order in which a reader asks them.
    pub const ALL: [Self; 10] = [
        Self::VERIFY_ACCEPTED,
        Self::VERIFY_REFUSED,
        Self::APIKEY_STORE_SIZE,
        Self::RS256_SIGNATURE,
        Self::HS256_DECODE,
        Self::RS256_DECODE,
        Self::CALL_ACCEPTED,
        Self::CALL_REFUSED,
        Self::TOKEN_ISSUED,
        Self::BACKENDS,
    ];

    /// The three schemes, each letting the same caller in.
    pub const VERIFY_ACCEPTED: Self = Self {
        group: "verify-accepted",
        asks: "What does it cost to find out who is calling?",
        baseline: "apikey",
    };

    /// The three schemes, each turning somebody away.
    pub const VERIFY_REFUSED: Self = Self {
        group: "verify-refused",
        asks: "What does a bad credential cost the server?",
        baseline: "apikey wrong secret",
    };

    /// One scheme, more and more keys.
    pub const APIKEY_STORE_SIZE: Self = Self {
        group: "apikey-store-size",
        asks: "Does an API key cost more when there are more of them?",
        baseline: "10",
    };

    /// The signature alone.
    pub const RS256_SIGNATURE: Self = Self {
        group: "rs256-signature",
        asks: "How much of RS256 is the signature, and which library verifies it fastest?",
        baseline: "aws-lc, key parsed each time",
    };

    /// A whole HS256 token, by two programs.
    pub const HS256_DECODE: Self = Self {
        group: "hs256-decode",
        asks: "What do our stricter checks of an HS256 token cost beside jsonwebtoken's own?",
        baseline: "jsonwebtoken",
    };

    /// A whole RS256 token, by two programs.
    pub const RS256_DECODE: Self = Self {
        group: "rs256-decode",
        asks: "What do our stricter checks of an RS256 token cost beside jsonwebtoken's own?",
        baseline: "jsonwebtoken",
    };

    /// A whole request that ends in a tool.
    pub const CALL_ACCEPTED: Self = Self {
        group: "call-accepted",
        asks: "What does a scheme add to one whole tool call?",
        baseline: "unprotected",
    };

    /// A whole request that ends at the door.
    pub const CALL_REFUSED: Self = Self {
        group: "call-refused",
        asks: "What does a whole request with a bad credential cost the server?",
        baseline: "apikey",
    };

    /// Tokens out.
    pub const TOKEN_ISSUED: Self = Self {
        group: "token-issued",
        asks: "What does it cost to give out a token?",
        baseline: "signed with HS256",
    };

    /// The algorithms alone.
    pub const BACKENDS: Self = Self {
        group: "backends",
        asks: "What does the arithmetic of an algorithm cost, without a scheme around it?",
        baseline: "SHA-256 of a key",
    };
}
