//! What can go wrong between this machine and a tool's answer.

use crate::Refusal;

/// Why a connection, a call or a credential could not be had. Holds no secret.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server answered and said no.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The tool or the protocol layer answered with a JSON-RPC error.
    #[error("The server answered with error {code}: {message}")]
    Rpc {
        /// The JSON-RPC error code.
        code: i32,
        /// The server's own words.
        message: String,
    },
    /// Connected or not, no whole answer came in time.
    #[error("{url} did not answer within {seconds} seconds.")]
    TimedOut {
        /// What was asked.
        url: String,
        /// How long was waited.
        seconds: u64,
    },
    /// A server is there, but nothing that answers under this URL.
    #[error("There is no MCP endpoint at {url}; check --url.")]
    NoEndpoint {
        /// What was asked.
        url: String,
    },
    /// The answer was not what the protocol allows.
    #[error("{0}")]
    Unexpected(String),
    /// No connection came about, after three attempts.
    #[error("No connection to {url}: {reason}.")]
    Unreachable {
        /// Where to.
        url: String,
        /// The operating system's words.
        reason: String,
    },
    /// The server's certificate is not one that this machine trusts.
    #[error(
        "The certificate of {url} is not trusted ({reason}). If you know the CA that signed it, \
         name its file with --ca, such as --ca keys/tls_ca.pem."
    )]
    Untrusted {
        /// Where to.
        url: String,
        /// What is wrong with the certificate.
        reason: String,
    },
    /// What was asked for cannot be done as asked; the sentence says what to do instead.
    #[error("{0}")]
    Usage(String),
}

impl Error {
    /// Whether the server understood and said no (a 4xx), as opposed to failing.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(refusal) if (400..500).contains(&refusal.status))
    }

    /// The refusal, if this is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}
