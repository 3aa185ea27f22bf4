//! For which server a token is to be (RFC 8707 §2): for this one, or there is none.

use http::Uri;

use crate::IssuerConfig;
use crate::refusal::Refusal;

/// # Errors
/// A resource is not this server, or two different ones are named.
pub(crate) fn check(config: &IssuerConfig, asked: &[String]) -> Result<(), Refusal> {
    let ours = |asked: &String| {
        same_resource(asked, &config.resource) || same_resource(asked, &config.audience)
    };
    let one = |pair: &[String]| same_resource(&pair[0], &pair[1]);
    if asked.iter().all(ours) && asked.windows(2).all(one) {
        return Ok(());
    }
    Err(Refusal::invalid_target(&config.resource))
}

/// Absolute, without a fragment, and equal but for the case of scheme and host.
fn same_resource(asked: &str, ours: &str) -> bool {
    let parse = |text: &str| {
        // `Uri` would drop a fragment without a word.
        let uri: Uri = text.parse().ok().filter(|_| !text.contains('#'))?;
        let origin = format!("{}://{}", uri.scheme_str()?, uri.authority()?.as_str());
        Some((origin.to_ascii_lowercase(), uri.path_and_query()?.as_str().to_owned()))
    };
    parse(asked).is_some_and(|asked| parse(ours) == Some(asked))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_ours_or_it_is_not() {
        let ours = "http://127.0.0.1:8102/mcp";
        for same in ["http://127.0.0.1:8102/mcp", "HTTP://127.0.0.1:8102/mcp"] {
            assert!(same_resource(same, ours), "{same}");
        }
        assert!(same_resource("https://EXAMPLE.com/mcp", "https://example.com/mcp"));
        for other in [
            "http://127.0.0.1:8102/mcp/",
            "http://127.0.0.1:8102/MCP",
            "http://127.0.0.1:8102/mcp#a",
            "http://127.0.0.1:8102/mcp#",
            "http://127.0.0.1:8102/mcp?a",
            "http://127.0.0.1:8102/mcp\r\n",
            "http://127.0.0.1:8103/mcp",
            "https://127.0.0.1:8102/mcp",
            "http://bob@127.0.0.1:8102/mcp",
            "//127.0.0.1:8102/mcp",
            "/mcp",
            "my-mcp-server",
            "",
        ] {
            assert!(!same_resource(other, ours), "{other}");
        }
        assert!(!same_resource("my-mcp-server", "my-mcp-server"));
    }

    #[test]
    fn of_two_names_for_this_server_one_may_be_used() {
        let config = IssuerConfig {
            issuer: "https://a.example".into(),
            audience: "https://a.example/audience".into(),
            resource: "https://a.example/mcp".into(),
            public_url: "https://a.example".into(),
            token_ttl: std::time::Duration::from_secs(60),
            scopes_supported: vec![],
        };
        let check = |asked: &[&str]| {
            let asked: Vec<String> = asked.iter().map(|one| (*one).to_owned()).collect();
            check(&config, &asked).is_ok()
        };
        let (resource, audience) = (&*config.resource, &*config.audience);
        assert!(check(&[]) && check(&[resource]) && check(&[audience]));
        assert!(check(&[resource, "HTTPS://A.example/mcp", resource]));
        for two in [[resource, audience], [audience, resource], [resource, "https://b.example"]] {
            assert!(!check(&two), "{two:?}");
        }
    }
}
