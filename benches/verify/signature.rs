//! The signature of an RS256 token alone, without header, claims and base64.

use std::hint::black_box;

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use benches::Question;
use criterion::Criterion;
use rsa::RsaPublicKey;
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::pkcs8::{DecodePublicKey, EncodePublicKey};
use rsa::sha2::Sha256;
use rsa::signature::Verifier;

use crate::caller::Caller;

/// Two libraries, the same key and the same token.
pub(crate) fn libraries(criterion: &mut Criterion, caller: &Caller) {
    let (message, signature) = caller.rs256_token.rsplit_once('.').expect("it has three parts");
    let message = message.as_bytes();
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("it was minted here");
    let key = RsaPublicKey::from_public_key_pem(&caller.rs256_public_pem).expect("it is a key");
    let der = key.to_public_key_der().expect("it was read from such a form");

    let mut group = criterion.benchmark_group(Question::RS256_SIGNATURE.group);
    group.bench_function("aws-lc, key parsed each time", |bencher| {
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der.as_bytes());
        bencher.iter(|| {
            assert!(key.verify(black_box(message), black_box(&signature)).is_ok());
        });
    });
    group.bench_function("aws-lc, key parsed once", |bencher| {
        let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der.as_bytes());
        let key = key.expect("it is a key");
        bencher.iter(|| {
            assert!(key.verify_sig(black_box(message), black_box(&signature)).is_ok());
        });
    });
    group.bench_function("rsa crate, key parsed once", |bencher| {
        let key = VerifyingKey::<Sha256>::new(key.clone());
        bencher.iter(|| {
            let signature = Signature::try_from(black_box(signature.as_slice()));
            let signature = signature.expect("it has the length of the key");
            assert!(key.verify(black_box(message), &signature).is_ok());
        });
    });
    group.finish();
}
