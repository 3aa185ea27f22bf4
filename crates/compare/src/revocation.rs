//! What takes a credential back before it ends, in each scheme, and how fast.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use client::Credential;
use jiff::{SignedDuration, Timestamp};
use mcp_auth::authn::apikey::PlainKey;
use mcp_auth::authn::client::PlainClient;
use mcp_auth::authn::jwt::{Claims, RevokedToken, Signer};
use mcp_auth::secret;
use serde_json::json;
use store::{NewClient, NewKey};

use crate::observe::Cell;
use crate::tokens::{ask_for_token, revoke_token, role_claims};
use crate::{Kind, Side, World, wire};

/// A server sees what another process wrote to the store within a quarter of a second.
const LONGEST: Duration = Duration::from_secs(2);

pub(crate) async fn revoked(world: &World, side: &Side) -> anyhow::Result<Cell> {
    match side.kind {
        Kind::ApiKey => key(world, side).await,
        Kind::Jwt => client(world, side).await,
        Kind::Rbac => token(world, side).await,
    }
}

/// An API key is asked for at every request, so it is dead as soon as the store says so.
async fn key(world: &World, side: &Side) -> anyhow::Result<Cell> {
    let plain = PlainKey::mint();
    world.store.insert_key(NewKey {
        grants: vec!["get_time".to_owned()],
        ..NewKey::of(&plain, "bob", "Bob's lost key")
    })?;
    let credential = Side::present(side.kind, plain.reveal())?;
    until(async || Ok(status(world, &side.url, &credential).await? == 200))
        .await
        .context("a new key is not taken")?;
    world.store.revoke_key(plain.id())?;
    let took = until(async || Ok(status(world, &side.url, &credential).await? == 401))
        .await
        .context("a revoked key is still taken")?;
    Ok(Cell::new(401, format!("the key, {} ms later", took.as_millis()), true))
}

/// A client takes its token back at /revoke. Once the client itself is revoked it gets no
/// others, and those that it has are dead.
async fn client(world: &World, side: &Side) -> anyhow::Result<Cell> {
    let plain = PlainClient::mint();
    world.store.insert_client(NewClient {
        scopes: vec!["weather:read".to_owned()],
        ..NewClient::of(&plain, "bob", "Bob's lost client")
    })?;
    let (id, secret) = (plain.id(), plain.reveal_secret());
    let ask = || ask_for_token(&world.http, side.origin(), id, secret);
    until(async || Ok(ask().await?.status == 200)).await.context("a new client gets no token")?;
    let [lost, kept] = [ask().await?, ask().await?];
    let [lost, kept] = [lost.token()?, kept.token()?].map(|token| Side::present(side.kind, token));
    let (lost, kept) = (lost?, kept?);
    let before = status(world, &side.url, &lost).await?;
    let taken_back = revoke_token(&world.http, side.origin(), (id, secret), &lost).await?;
    let after = status(world, &side.url, &lost).await?;
    let alone = status(world, &side.url, &kept).await?;

    world.store.revoke_client(id)?;
    until(async || Ok(ask().await?.status == 401))
        .await
        .context("a revoked client still gets tokens")?;
    let refusal = ask().await?.body;
    let other = status(world, &side.url, &kept).await?;
    let right = (before, taken_back, after) == (200, 200, 401)
        && (alone, other) == (200, 401)
        && refusal["error"] == "invalid_client";
    let note = "the token, after POST /revoke; every token of a client that keygen revokes";
    Ok(Cell::new(after, note, right))
}

/// The issuer is elsewhere and knows nothing of it: the server's own store says that a token is
/// refused, by its name, or all that a user has or that a key signed.
async fn token(world: &World, side: &Side) -> anyhow::Result<Cell> {
    let signer = Signer::rs256(&secret::read(&world.keys.join("rsa_private.pem"))?)?;
    let [lost, kept] = [(); 2].map(|()| role_claims("bob", "1", "Officer"));
    let revoked = RevokedToken {
        jti: lost.jti.clone().unwrap_or_default(),
        client: lost.client_id.clone().unwrap_or_default(),
        ends: Timestamp::from_second(lost.exp)? + SignedDuration::from_mins(1),
    };
    let present = |claims: &Claims| Side::present(side.kind, &signer.mint(claims));
    let (lost, kept) = (present(&lost)?, present(&kept)?);
    let before = status(world, &side.url, &lost).await?;
    world.store.revoke_token(&revoked)?;
    let took = until(async || Ok(status(world, &side.url, &lost).await? == 401))
        .await
        .context("a revoked token is still taken")?;
    let other = status(world, &side.url, &kept).await?;
    let right = (before, other) == (200, 200);
    Ok(Cell::new(401, format!("the token, {} ms later", took.as_millis()), right))
}

async fn status(world: &World, url: &str, credential: &Credential) -> anyhow::Result<u16> {
    Ok(world.send(wire::call(url, Some(credential), "get_time", json!({}))).await?.status)
}

/// Asks again and again until it is so; returns how long that took.
async fn until(mut so: impl AsyncFnMut() -> anyhow::Result<bool>) -> anyhow::Result<Duration> {
    let started = Instant::now();
    while !so().await? {
        if started.elapsed() > LONGEST {
            bail!("after {} s", LONGEST.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(started.elapsed())
}
