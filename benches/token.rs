//! What it costs to give out a token: its signature alone, and the whole request for one.

#[path = "request/answer.rs"]
mod answer;
#[path = "request/issuer.rs"]
mod issuer;
mod settings;

use std::hint::black_box;

use benches::{Question, say_where_the_report_is};
use http::StatusCode;
use jiff::{Timestamp, ToSpan};
use mcp_auth::authn::jwt::mint::new_hs256_secret;
use mcp_auth::authn::jwt::{Claims, Signer};
use tokio::runtime::Builder;

fn main() {
    serve::install_crypto();
    let mut criterion = settings::criterion();
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("the system has room for one more poll");
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let (router, client) = runtime.block_on(async { issuer::start(folder.path()) });

    let claims = claims();
    let pair = keygen::rsa::generate(2048).expect("the system has randomness");
    let hs256 = Signer::hs256(&new_hs256_secret()).expect("32 bytes are long enough");
    let rs256 = Signer::rs256(&pair.private_pem).expect("2048 bits are enough");

    let mut group = criterion.benchmark_group(Question::TOKEN_ISSUED.group);
    for (name, signer) in [("signed with HS256", hs256), ("signed with RS256", rs256)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let token = signer.mint(black_box(&claims));
                assert_eq!(token.split('.').count(), 3);
                token
            });
        });
    }
    group.bench_function("POST /token", |bencher| {
        bencher.to_async(&runtime).iter(async || {
            let answer = answer::read(&router, issuer::token_request(&client)).await;
            assert_eq!(answer.status, StatusCode::OK);
            assert!(answer.holds(b"access_token"));
            answer
        });
    });
    group.finish();
    criterion.final_summary();
    say_where_the_report_is();
}

/// As much as the token endpoint says of a client.
fn claims() -> Claims {
    let now = Timestamp::now();
    Claims {
        iss: "https://issuer.example".to_owned(),
        sub: "bob".to_owned(),
        aud: "http://127.0.0.1:8101/mcp".into(),
        exp: (now + 1.hours()).as_second(),
        iat: Some(now.as_second()),
        jti: Some("0192f0c1-2b3c-7d4e-8f50-61728394a5b6".to_owned()),
        client_id: Some("bob-laptop".to_owned()),
        scope: Some("weather:read payments:read".to_owned()),
        ..Claims::default()
    }
}
