//! What the algorithms cost by themselves, so that a scheme can be told from the arithmetic in it.

mod settings;

use std::hint::black_box;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256,
    RsaKeyPair, VerificationAlgorithm,
};
use benches::{Question, say_where_the_report_is};
use criterion::BenchmarkGroup;
use criterion::measurement::WallTime;

/// As long as what is signed of a token.
const MESSAGE: [u8; 360] = [b'a'; 360];

/// As long as an API key.
const KEY: [u8; 87] = [b'k'; 87];

fn main() {
    let mut criterion = settings::criterion();
    let mut group = criterion.benchmark_group(Question::BACKENDS.group);
    digested(&mut group);
    hs256(&mut group);
    let random = SystemRandom::new();

    let key = RsaKeyPair::generate(KeySize::Rsa2048).expect("the system has randomness");
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &random, &MESSAGE, &mut signature).expect("it has this length");
    verified(&mut group, "RS256", &RSA_PKCS1_2048_8192_SHA256, key.public_key(), &signature);

    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
    let key = key.expect("the system has randomness");
    let signature = key.sign(&random, &MESSAGE).expect("the system has randomness");
    verified(&mut group, "ES256", &ECDSA_P256_SHA256_FIXED, key.public_key(), signature.as_ref());

    let key = Ed25519KeyPair::generate().expect("the system has randomness");
    let signature = key.sign(&MESSAGE);
    verified(&mut group, "EdDSA", &ED25519, key.public_key(), signature.as_ref());

    group.finish();
    criterion.final_summary();
    say_where_the_report_is();
}

/// The digest of an API key: all that there is to compute.
fn digested(group: &mut BenchmarkGroup<'_, WallTime>) {
    let known = digest(&SHA256, &KEY);
    group.bench_function("SHA-256 of a key", |bencher| {
        bencher.iter(|| assert_eq!(digest(&SHA256, black_box(&KEY)).as_ref(), known.as_ref()));
    });
}

fn hs256(group: &mut BenchmarkGroup<'_, WallTime>) {
    let key = hmac::Key::new(HMAC_SHA256, &[7; 32]);
    let tag = hmac::sign(&key, &MESSAGE);
    group.bench_function("HS256", |bencher| {
        bencher.iter(|| assert!(hmac::verify(&key, black_box(&MESSAGE), tag.as_ref()).is_ok()));
    });
}

/// With a key that was parsed once, as the servers keep it.
fn verified(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    algorithm: &'static dyn VerificationAlgorithm,
    key: impl AsRef<[u8]>,
    signature: &[u8],
) {
    let key = ParsedPublicKey::new(algorithm, key.as_ref()).expect("it was made here");
    group.bench_function(name, |bencher| {
        bencher.iter(|| assert!(key.verify_sig(black_box(&MESSAGE), signature).is_ok()));
    });
    let other = [b'b'; MESSAGE.len()];
    assert!(key.verify_sig(&other, signature).is_err(), "{name} accepts what it should refuse");
}
