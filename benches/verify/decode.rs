//! A whole token, read by us and by jsonwebtoken.

use std::hint::black_box;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use benches::Question;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use mcp_auth::authn::jwt::{Claims, JwtVerifier, KeySet, Rules, VerifyingKey};
use rsa::RsaPublicKey;
use rsa::pkcs8::{DecodePublicKey, EncodePublicKey};

use crate::caller::{AUDIENCE, Caller, ISSUER, USER};

/// Ours also asks for `typ`, `crit`, `iat`, `jti`, `client_id` and the life of the token, and
/// makes an identity of it. What is remembered was verified once before, as it is from the second
/// call with a token on. jsonwebtoken reads header and claims twice.
pub(crate) fn ours_and_theirs(criterion: &mut Criterion, caller: &Caller) {
    let secret = URL_SAFE_NO_PAD.decode(&caller.hs256_secret).expect("it was made here");
    let public = RsaPublicKey::from_public_key_pem(&caller.rs256_public_pem).expect("it is a key");
    let der = public.to_public_key_der().expect("it was read from such a form");
    let hs256 = (Algorithm::HS256, DecodingKey::from_secret(&secret));
    let rs256 = (Algorithm::RS256, DecodingKey::from_rsa_der(der.as_bytes()));

    let mut group = criterion.benchmark_group(Question::HS256_DECODE.group);
    theirs(&mut group, &hs256, &caller.hs256_token);
    ours(&mut group, "ours", &caller.hs256, &caller.hs256_token);
    let key = VerifyingKey::hs256(&caller.hs256_secret).expect("it was made here");
    ours(&mut group, "ours, remembered", &remembering(key), &caller.hs256_token);
    group.finish();

    let mut group = criterion.benchmark_group(Question::RS256_DECODE.group);
    theirs(&mut group, &rs256, &caller.rs256_token);
    ours(&mut group, "ours", &caller.rs256, &caller.rs256_token);
    let key = VerifyingKey::rs256(&caller.rs256_public_pem).expect("it was made here");
    ours(&mut group, "ours, remembered", &remembering(key), &caller.rs256_token);
    group.finish();
}

fn remembering(key: VerifyingKey) -> JwtVerifier<KeySet> {
    JwtVerifier::new(key.into(), Rules::new(ISSUER, AUDIENCE)).remembering(1)
}

fn ours(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    verifier: &JwtVerifier<KeySet>,
    token: &str,
) {
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let identity = verifier.verify(black_box(token)).expect("the token is good");
            assert_eq!(identity.user, USER);
            identity
        });
    });
}

fn theirs(
    group: &mut BenchmarkGroup<'_, WallTime>,
    (algorithm, key): &(Algorithm, DecodingKey),
    token: &str,
) {
    let mut validation = Validation::new(*algorithm);
    validation.leeway = 5;
    validation.validate_nbf = true;
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    group.bench_function("jsonwebtoken", |bencher| {
        bencher.iter(|| {
            let data = decode::<Claims>(black_box(token), key, &validation);
            let claims = data.expect("the token is good").claims;
            assert_eq!(claims.sub, USER);
            claims
        });
    });
}
