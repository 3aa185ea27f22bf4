//! A scheme that has a server is compared, and tried with everything hostile.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::collections::BTreeSet;
use std::fs;

use clap::Parser;
use compare::Kind;

#[test]
fn every_server_of_the_workspace_is_compared_and_has_a_client() {
    let packages: BTreeSet<String> = fs::read_dir("..")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let servers = packages.iter().filter_map(|name| name.strip_suffix("-server"));
    let servers: BTreeSet<&str> = servers.collect();
    let compared: BTreeSet<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(servers, compared, "a scheme was left out of compare::Kind::ALL");
    for name in servers {
        assert!(packages.contains(&format!("{name}-client")), "{name} has no client");
    }
}

#[test]
fn nobody_else_reaches_a_server_that_was_told_nothing() {
    for kind in Kind::ALL {
        let options = match kind {
            Kind::ApiKey => apikey_server::Options::parse_from(["server"]).common,
            Kind::Jwt => jwt_server::Options::parse_from(["server"]).common,
            Kind::Rbac => rbac_server::Options::parse_from(["server"]).common,
        };
        assert!(options.listen.ip().is_loopback(), "{kind}: {}", options.listen);
    }
}
