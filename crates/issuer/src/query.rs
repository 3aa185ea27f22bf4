//! Nothing that is secret, or says who asks, belongs into a URL: it would be in every log on
//! the way (RFC 6749 §2.3.1, RFC 6750 §2.3).

use percent_encoding::percent_decode_str;

use crate::refusal::Refusal;

/// Parameters of a body, in lower case without `-` and `_`.
const OF_THE_BODY: [&str; 12] = [
    "accesstoken",
    "apikey",
    "bearer",
    "clientassertion",
    "clientid",
    "clientsecret",
    "code",
    "key",
    "password",
    "refreshtoken",
    "token",
    "xapikey",
];

/// # Errors
/// 400 if there is a credential in the query. Other parameters are unknown, and so ignored.
pub(crate) fn check(query: Option<&str>) -> Result<(), Refusal> {
    let names = query.into_iter().flat_map(|query| query.split(['&', ';']));
    let mut names = names.map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name));
    if names.any(|name| OF_THE_BODY.contains(&plain(name).as_str())) {
        return Err(Refusal::invalid_request(
            "there is a credential in the URL, where logs keep it; send it in a header or in the \
             body, and replace it",
        ));
    }
    Ok(())
}

/// A parameter's name as people mean it: decoded, in lower case, without `-` and `_`.
fn plain(name: &str) -> String {
    percent_decode_str(name)
        .map(|byte| char::from(byte).to_ascii_lowercase())
        .filter(|letter| !matches!(letter, '-' | '_'))
        .collect()
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
