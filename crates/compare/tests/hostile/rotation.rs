//! T14: a key is replaced. While both count, each does; the former does no more once it is
//! removed.

use compare::{Kind, Side};
use mcp_auth::authn::apikey::KeyId;
use secrecy::ExposeSecret;
use serde_json::json;
use tools::Weather;

use super::attack::{Attack, Expected, INVALID, Outcome, script};
use super::callers::until;
use super::forge::Forge;
use super::library;
use super::raw::Raw;

pub(crate) fn attacks(kind: Kind) -> Vec<Attack> {
    if kind == Kind::ApiKey {
        return api_keys();
    }
    let row = |name: &'static str, expected, both: bool, token: fn(&Forge) -> String| {
        script("T14", name, expected, async move |side, forge| {
            let mut texts = vec![forge.next.verifying.as_str()];
            texts.extend(both.then_some(forge.verifying.as_str()));
            let keys = library::keys(side, &texts);
            let server = library::serve(side, forge, keys, Weather::sample());
            let call = Raw::call(side).bearer(&token(forge));
            let answer = call.send_to(&server.addr.to_string()).await;
            server.stop().await;
            Ok(answer)
        })
    };
    vec![
        row("the former key, while both count", Expected::Passed, true, |forge| {
            forge.token.clone()
        }),
        row("the next key, while both count", Expected::Passed, true, |forge| {
            forge.next.token.clone()
        }),
        row("the former key, once it is removed", INVALID, false, |forge| forge.token.clone()),
        row("the next key, once it is alone", Expected::Passed, false, |forge| {
            forge.next.token.clone()
        }),
        row("the former key in the next one's name", INVALID, true, |forge| {
            let header = forge.next.token.split('.').next().unwrap_or_default();
            let rest = forge.token.split_once('.').map_or("", |(_, rest)| rest);
            format!("{header}.{rest}")
        }),
        row("the former key under no name", INVALID, true, |forge| {
            let header = forge.header_with(json!({ "kid": null }));
            forge.own.sign(&header, &forge.claims.to_string())
        }),
    ]
}

/// At the server itself, which follows its store.
fn api_keys() -> Vec<Attack> {
    vec![
        script("T14", "the former key, while both count", Expected::Passed, async |side, forge| {
            forge.renewed(side).await?;
            Ok(Raw::call(side).present(&side.bob).send(side).await)
        }),
        script("T14", "the former key, once it is removed", INVALID, removed),
    ]
}

async fn removed(side: &Side, forge: &Forge) -> Outcome {
    let [former, next] = [forge.renewed(side).await?, forge.renewed(side).await?];
    let id = KeyId::in_key(former.secret().expose_secret()).ok_or("a key has an id")?;
    forge.store.revoke_key(id).map_err(|error| error.to_string())?;
    until(side, &former, |status| status == 401).await?;
    let answer = Raw::call(side).present(&next).send(side).await;
    if answer.status != 200 {
        return Err(format!("the next key is refused too: {}", answer.whole()));
    }
    Ok(Raw::call(side).present(&former).send(side).await)
}
