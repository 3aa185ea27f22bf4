//! What each scheme can and cannot do, whoever measures it.

use serde::Serialize;

/// One question and the three answers.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Ability {
    /// The question.
    pub question: &'static str,
    /// The answer for API keys.
    pub apikey: &'static str,
    /// The answer for tokens of the server's own endpoint.
    pub jwt: &'static str,
    /// The answer for tokens of another's.
    pub rbac: &'static str,
}

/// All questions, in the order of the rows.
pub const ABILITIES: [Ability; 10] = [
    Ability {
        question: "can one credential be revoked at once?",
        apikey: "yes: keygen apikey revoke",
        jwt: "yes: POST /revoke; keygen, by token, client, user or key",
        rbac: "yes: keygen, by token, user or key",
    },
    Ability {
        question: "does it expire by itself?",
        apikey: "only if it was given an end",
        jwt: "yes, after 60 minutes by default",
        rbac: "yes, when its issuer says; 24 hours by default",
    },
    Ability {
        question: "who issues it?",
        apikey: "keygen, by hand",
        jwt: "the server's own /token",
        rbac: "an issuer elsewhere",
    },
    Ability {
        question: "can the server mint one?",
        apikey: "no: it holds digests",
        jwt: "yes: who verifies can sign",
        rbac: "no: it holds the public key alone",
    },
    Ability {
        question: "what can be stolen from the server?",
        apikey: "digests: of no use to a thief",
        jwt: "the secret: whoever has it is everybody",
        rbac: "nothing: a public key is public",
    },
    Ability {
        question: "rights per tool come from",
        apikey: "grants of the key, in the store",
        jwt: "scopes in the token",
        rbac: "job_role in the token and policy.toml",
    },
    Ability {
        question: "when do changed rights count?",
        apikey: "at once",
        jwt: "with the next token",
        rbac: "role: next token; policy: its file",
    },
    Ability {
        question: "can it be verified without asking anybody?",
        apikey: "no: it needs the store",
        jwt: "yes; if it was revoked, the store says",
        rbac: "yes; if it was revoked, the store says",
    },
    Ability {
        question: "several servers at once?",
        apikey: "if they share the store",
        jwt: "if they share secret, store, issuer, audience",
        rbac: "if they share the store of revocations",
    },
    Ability {
        question: "what does the client need?",
        apikey: "one header",
        jwt: "a request to /token now and then",
        rbac: "an issuer to log in to",
    },
];
