//! Nothing that is secret, or says who asks, belongs into a URL: it would be in every log on
//! the way (RFC 6749 §2.3.1, RFC 6750 §2.3).

use mcp_auth::authn::credential::is_in_query;

use crate::refusal::Refusal;

/// Parameters of a body that are no credentials, in lower case without `-` and `_`.
const OF_THE_BODY: [&str; 2] = ["clientid", "code"];

/// # Errors
/// 400 if there is a credential in the query. Other parameters are unknown, and so ignored.
pub(crate) fn check(query: Option<&str>) -> Result<(), Refusal> {
    if is_in_query(query, &OF_THE_BODY) {
        return Err(Refusal::invalid_request(
            "there is a credential in the URL, where logs keep it; send it in a header or in the \
             body, and replace it",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_seen_however_it_is_spelt() {
        for query in [
            "client_secret=x",
            "a=b&client%5Fsecret",
            "Client-Secret=",
            "a;token=x",
            "client_id=x",
            "access_token=x",
        ] {
            assert!(check(Some(query)).is_err(), "{query}");
        }
        for query in ["", "a=client_secret", "tokens=1", "grant_type=client_credentials"] {
            assert!(check(Some(query)).is_ok(), "{query}");
        }
        assert!(check(None).is_ok());
    }
}
