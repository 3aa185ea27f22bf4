//! What client and log are told.

use super::*;
use crate::Live;
use crate::authz::{Catalogue, Policy};

fn challenge_of(rejection: &Rejection, challenge: &Challenge) -> Option<String> {
    let response = rejection.answer(challenge, &mut Extensions::new());
    let value = response.headers().get(WWW_AUTHENTICATE)?;
    Some(value.to_str().unwrap().to_owned())
}

fn policy(text: &str) -> Live<Policy> {
    Policy::parse(text, Catalogue::default()).unwrap().into()
}

#[test]
fn nothing_presented_names_no_error() {
    let challenge = Challenge {
        resource_metadata: Some("https://a.example/.well-known/x".into()),
        scopes: Some(policy("[scopes.b]\n[scopes.a]\n")),
        ..Challenge::default()
    };
    assert_eq!(
        challenge_of(&Rejection::no_credential("none"), &challenge).unwrap(),
        "Bearer realm=\"mcp\", resource_metadata=\"https://a.example/.well-known/x\", scope=\"a b\""
    );
}

#[test]
fn a_scope_stands_before_the_description() {
    let scopes = Some(policy("[scopes.a]\n[scopes.b]\n"));
    let challenge = Challenge { scopes, ..Challenge::default() };
    assert_eq!(
        challenge_of(&Rejection::invalid_credential("x"), &challenge).unwrap(),
        "Bearer realm=\"mcp\", error=\"invalid_token\", scope=\"a b\", \
         error_description=\"the credential is not valid\""
    );
}

#[test]
fn the_scopes_of_a_challenge_are_those_of_the_policy_that_counts() {
    let live = policy("[scopes.a]\n");
    let challenge = Challenge { scopes: Some(live.clone()), ..Challenge::default() };
    let told = || challenge_of(&Rejection::no_credential("none"), &challenge).unwrap();
    assert_eq!(told(), "Bearer realm=\"mcp\", scope=\"a\"");
    live.replace(Policy::parse("[scopes.c]\n", Catalogue::default()).unwrap());
    assert_eq!(told(), "Bearer realm=\"mcp\", scope=\"c\"");
    live.replace(Policy::grants_only(Catalogue::default()));
    assert_eq!(told(), "Bearer realm=\"mcp\"");
}

#[tokio::test]
async fn whatever_is_wrong_with_a_credential_is_told_in_the_same_words() {
    use http_body_util::BodyExt;
    let told = async |rejection: Rejection| {
        let mut answer = rejection.answer(&Challenge::default(), &mut Extensions::new());
        let trace = answer.headers_mut().remove(TraceId::HEADER).unwrap();
        let body = answer.body_mut().collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        let body = body.replace(trace.to_str().unwrap(), "");
        (answer.status(), format!("{:?}", answer.headers()), body)
    };
    let one = told(Rejection::invalid_credential("signature")).await;
    assert_eq!(one, told(Rejection::invalid_credential("aud: another server")).await);
    assert_eq!(one, told(Rejection::revoked_credential("revoked today")).await);
    let expired = told(Rejection::expired_credential("it ended")).await;
    assert_eq!((one.0, expired.0.as_u16()), (expired.0, 401));
    assert!(expired.1.contains("has expired") && expired.2.contains("has expired"));
}

#[test]
fn a_scope_that_would_help_is_named_and_a_grant_is_not() {
    let scope = Rejection::insufficient_scope("get_weather", vec!["weather:read".into()], "no");
    assert_eq!(
        challenge_of(&scope, &Challenge::default()).unwrap(),
        "Bearer realm=\"mcp\", error=\"insufficient_scope\", scope=\"weather:read\""
    );
    assert_eq!(challenge_of(&Rejection::not_granted("x", "no"), &Challenge::default()), None);
}

#[tokio::test]
async fn the_client_does_not_hear_what_the_log_hears() {
    use http_body_util::BodyExt;
    let rejection = Rejection::invalid_credential("the checksum is wrong");
    let response = rejection.answer(&Challenge::default(), &mut Extensions::new());
    let id = response.headers()[TraceId::HEADER].to_str().unwrap().to_owned();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8(body.to_vec()).unwrap();
    assert!(!text.contains("checksum"), "{text}");
    assert!(text.contains(&id) && text.contains("\"jsonrpc\":\"2.0\""), "{text}");
}
