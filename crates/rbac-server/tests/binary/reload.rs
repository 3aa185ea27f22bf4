//! What is replaced while the server runs.

use std::fs;

use super::binary::Server;
use super::place::{ANY_PORT, EXE, Place, in_time};

#[test]
fn a_policy_that_changes_counts_and_a_bad_one_is_told_and_does_not() {
    let place = Place::new();
    let policy = place.path("own.toml");
    let put = |text: &str| fs::write(&policy, text).unwrap();
    put("[roles.Officer]\ntools = [\"hr_*\"]\n");
    let flags = [ANY_PORT, &["--policy", "own.toml"]].concat();
    let server = Server::start(EXE, place.folder(), &flags, &[]);
    let bearer = place.bearer("Officer");
    let found = || {
        let status = |tool| server.call(&bearer, tool, "{}").status;
        (status("hr_summary"), status("crm_summary"), status("whoami"))
    };
    assert_eq!(found(), (200, 403, 200));

    put("[roles.Officer]\ntools = [\"crm_*\"]\n");
    in_time("the new policy does not count", || found() == (403, 200, 200));
    // The handler asks the same policy as the layer.
    let said = server.call(&bearer, "whoami", "{}").body;
    assert!(said.contains("crm_summary"), "{said}");

    put("[roles.Officer]\ntools = [\"hr_lst\"]\n");
    in_time("it is not told", || place.log().contains("hr_lst"));
    put("[roles.Officer]\ntool = [\"hr_*\"]\n");
    in_time("the line is not told", || place.log().contains("line 2: unknown field `tool`"));
    assert_eq!(found(), (403, 200, 200), "the good one did not stay");
    fs::remove_file(&policy).unwrap();
    in_time("its absence is not told", || place.log().contains("cannot read the policy"));
    assert_eq!(found(), (403, 200, 200), "the good one did not stay");

    put("[roles.Officer]\ntools = [\"*\"]\n");
    in_time("it is not used once it is good", || found() == (200, 200, 200));
    assert!(server.interrupt().success());
}

#[test]
fn what_strangers_are_told_of_scopes_is_that_of_the_policy_that_counts() {
    let place = Place::new();
    let policy = place.path("own.toml");
    let put = |text: &str| fs::write(&policy, text).unwrap();
    put("[scopes.\"hr:read\"]\ntools = [\"hr_summary\"]\n");
    let flags = [ANY_PORT, &["--policy", "own.toml"]].concat();
    let server = Server::start(EXE, place.folder(), &flags, &[]);
    let challenge = |headers: &[&str]| {
        let answer = server.send("POST", "/mcp", headers, "");
        assert_eq!(answer.status, 401);
        let found = answer.head.lines().find_map(|line| line.strip_prefix("www-authenticate: "));
        found
            .unwrap()
            .split_once("scope=\"")
            .map(|(_, rest)| rest.split('"').next().unwrap().to_owned())
    };
    let supported = |path: &str| {
        let body = server.send("GET", path, &[], "").body;
        let document: serde_json::Value = serde_json::from_str(&body).unwrap();
        document.get("scopes_supported").map(ToString::to_string)
    };
    let found = || {
        let root = "/.well-known/oauth-protected-resource";
        let both = [supported(root), supported(&format!("{root}/mcp"))];
        let told = [challenge(&[]), challenge(&["authorization: Bearer a.b.c"])];
        // They differ while a policy takes over: these are several requests.
        (told, both)
    };
    let some = |told: &str, both: &str| {
        ([(); 2].map(|()| Some(told.to_owned())), [(); 2].map(|()| Some(both.to_owned())))
    };
    assert_eq!(found(), some("hr:read", r#"["hr:read"]"#));

    put("[scopes.\"crm:read\"]\ntools = [\"crm_summary\"]\n\
         [scopes.\"hr:write\"]\ntools = [\"hr_*\"]\n");
    in_time("the new scopes are not told", || {
        found() == some("crm:read", r#"["crm:read","hr:write"]"#)
    });
    // A bad policy tells nothing.
    put("[scopes.\"none:read\"]\ntools = [\"hr_lst\"]\n");
    in_time("it is not told", || place.log().contains("hr_lst"));
    assert_eq!(found(), some("crm:read", r#"["crm:read","hr:write"]"#));
    put("[roles.Officer]\ntools = [\"hr_*\"]\n");
    in_time("scopes are told that no longer are", || found() == ([None, None], [None, None]));
}
