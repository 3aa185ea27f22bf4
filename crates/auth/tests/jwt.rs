//! What a token has to be to pass: one row per thing that can be wrong with it.
//!
//! It is long because every claim and every header is tried against one verifier, made once.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey};
use mcp_auth::Live;
use mcp_auth::authn::jwt::{
    Claims, JwtVerifier, KeyError, KeySet, Rules, Signer, VerifyingKey, mint,
};
use serde_json::{Value, json};

const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "https://mcp.example/mcp";

struct Forge {
    secret: zeroize::Zeroizing<String>,
    verifier: JwtVerifier<KeySet>,
}

impl Forge {
    fn new() -> Self {
        let secret = mint::new_hs256_secret();
        let keys = KeySet::from(VerifyingKey::hs256(&secret).unwrap());
        Self { verifier: JwtVerifier::new(keys, Rules::new(ISSUER, AUDIENCE)), secret }
    }

    /// A token with this header and these claims as they stand, signed with the right secret.
    fn sign(&self, header: &Value, claims: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let message = format!("{}.{}", part(&header.to_string()), part(claims));
        let bytes = URL_SAFE_NO_PAD.decode(&*self.secret).unwrap();
        let key = EncodingKey::from_secret(&bytes);
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
        format!("{message}.{signature}")
    }

    fn with_claims(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = good_claims();
        change(&mut claims);
        self.sign(&json!({"alg": "HS256", "typ": "at+jwt"}), &claims.to_string())
    }

    fn refusal(&self, token: &str) -> String {
        let rejection = self.verifier.verify(token).expect_err("the token must not pass");
        assert_eq!(rejection.status(), 401);
        rejection.reason().to_owned()
    }
}

fn now() -> i64 {
    Timestamp::now().as_second()
}

fn good_claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "bob", "aud": AUDIENCE, "client_id": "c", "jti": "j",
        "iat": now(), "exp": now() + 600, "scope": "a b", "job_role": "Officer", "id": 7,
    })
}

#[test]
fn a_good_token_says_who_calls() {
    let forge = Forge::new();
    let identity = forge.verifier.verify(&forge.with_claims(|_| ())).unwrap();
    assert_eq!(identity.owner(), (ISSUER, "bob"));
    assert_eq!(identity.scopes, ["a", "b"]);
    assert_eq!(identity.roles, ["Officer"]);
    assert_eq!(identity.user_number.as_deref(), Some("7"));
    let several = forge.with_claims(|claims| claims["aud"] = json!(["x", AUDIENCE]));
    assert!(forge.verifier.verify(&several).is_ok());
}

#[test]
fn the_type_of_token_is_the_one_that_is_configured() {
    let forge = Forge::new();
    let verifier = |typ: Option<&str>| {
        let keys = KeySet::from(VerifyingKey::hs256(&forge.secret).unwrap());
        let typ = typ.map(str::to_owned);
        JwtVerifier::new(keys, Rules { typ, ..Rules::new(ISSUER, AUDIENCE) })
    };
    let header = |typ: Value| json!({ "alg": "HS256", "typ": typ });
    let claims = good_claims().to_string();
    let absent = forge.sign(&json!({ "alg": "HS256" }), &claims);
    for (configured, good, bad) in [
        ("at+jwt", &["at+jwt", "AT+JWT", "application/at+jwt"][..], &["JWT", "jwt", "", "at"][..]),
        ("JWT", &["JWT", "jwt", "application/jwt"], &["at+jwt", "logout+jwt", "dpop+jwt"]),
    ] {
        for typ in good {
            let token = forge.sign(&header(json!(typ)), &claims);
            assert!(verifier(Some(configured)).verify(&token).is_ok(), "{configured} {typ}");
            assert!(verifier(None).verify(&token).is_err(), "absent, {typ}");
        }
        for typ in bad.iter().map(|typ| json!(typ)).chain([json!(1), json!(["at+jwt"])]) {
            let token = forge.sign(&header(typ.clone()), &claims);
            assert!(verifier(Some(configured)).verify(&token).is_err(), "{configured} {typ}");
        }
        assert!(verifier(Some(configured)).verify(&absent).is_err());
    }
    assert!(verifier(None).verify(&absent).is_ok());
}

#[test]
fn an_issuer_that_does_not_keep_the_profile_has_to_be_configured() {
    let forge = Forge::new();
    let keys = KeySet::from(VerifyingKey::hs256(&forge.secret).unwrap());
    let rules = Rules { full_profile: false, ..Rules::new(ISSUER, AUDIENCE) };
    let lenient = JwtVerifier::new(keys, rules);
    let without = |names: &[&str]| {
        forge.with_claims(|claims| {
            claims.as_object_mut().unwrap().retain(|name, _| !names.contains(&name.as_str()));
        })
    };
    let identity = lenient.verify(&without(&["jti", "client_id", "iat"])).unwrap();
    assert_eq!(identity.client, "bob");
    let azp = forge.with_claims(|claims| {
        claims.as_object_mut().unwrap().remove("client_id");
        claims["azp"] = json!("program");
    });
    assert_eq!(lenient.verify(&azp).unwrap().client, "program");
    // A token without a name is still found in the log, and cannot be had from there.
    assert!(identity.credential.starts_with("sha256:"), "{}", identity.credential);
    assert_eq!(identity.credential.len(), "sha256:".len() + 16);
    for name in ["iss", "sub", "aud", "exp"] {
        assert!(lenient.verify(&without(&[name])).is_err(), "{name}");
    }
    // What is there is judged.
    for (name, value) in [("iat", json!(now() + 60)), ("iat", json!("1")), ("jti", json!(1))] {
        assert!(lenient.verify(&forge.with_claims(|claims| claims[name] = value)).is_err());
    }
    let long = |claims: &mut Value| {
        claims.as_object_mut().unwrap().remove("iat");
        claims["exp"] = json!(now() + 25 * 3600);
    };
    assert!(lenient.verify(&forge.with_claims(long)).is_err(), "lives longer than may be");
}

#[test]
fn no_member_stands_twice_not_even_one_that_nobody_reads() {
    let forge = Forge::new();
    let header = json!({ "alg": "HS256", "typ": "at+jwt" });
    let claims = good_claims().to_string();
    for more in [r#""sub":"bob""#, r#""\u0073ub":"bob""#, r#""x":1,"x":1"#, r#""x":1,"\u0078":1"#] {
        let doubled = format!("{},{more}}}", claims.strip_suffix('}').unwrap());
        let reason = forge.refusal(&forge.sign(&header, &doubled));
        assert!(reason.contains("twice"), "{more}: {reason}");
    }
    let once = format!("{},\"x\":{{\"y\":1}}}}", claims.strip_suffix('}').unwrap());
    assert!(forge.verifier.verify(&forge.sign(&header, &once)).is_ok());
    // The same in the header, which is read before the signature.
    let good = forge.sign(&header, &claims);
    let rest = good.split_once('.').unwrap().1;
    let doubled = r#"{"alg":"HS256","typ":"at+jwt","x":1,"x":1}"#;
    let reason = forge.refusal(&format!("{}.{rest}", URL_SAFE_NO_PAD.encode(doubled)));
    assert!(reason.contains("twice"), "{reason}");
    // A list of values in the order of the fields is no object.
    let list = json!(["HS256", "at+jwt", null, null, null]).to_string();
    forge.refusal(&format!("{}.{rest}", URL_SAFE_NO_PAD.encode(list)));
}

#[test]
fn each_claim_is_required_and_of_its_type() {
    let forge = Forge::new();
    for claim in ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"] {
        let missing = forge.with_claims(|claims| {
            claims.as_object_mut().unwrap().remove(claim);
        });
        assert!(forge.refusal(&missing).contains(claim), "{claim} missing");
        for wrong in [json!(null), json!({}), json!(true), json!([])] {
            forge.refusal(&forge.with_claims(|claims| claims[claim] = wrong));
        }
    }
    for (claim, wrong) in [
        ("iss", json!(1)),
        ("iss", json!([ISSUER])),
        ("iss", json!(format!("{ISSUER}/"))),
        ("aud", json!(1)),
        ("aud", json!("")),
        ("aud", json!(format!("{AUDIENCE}/"))),
        ("aud", json!(AUDIENCE.to_uppercase())),
        ("aud", json!(&AUDIENCE[..10])),
        ("aud", json!(["other"])),
        ("sub", json!("")),
        ("jti", json!("")),
        ("client_id", json!("")),
        ("exp", json!("9999999999")),
        ("exp", json!(-1)),
        ("exp", json!(1e300)),
        ("exp", json!(now() + 10_000_000)),
        ("exp", json!(now() - 6)),
        ("nbf", json!(now() + 60)),
        ("nbf", json!(null)),
        ("iat", json!(now() + 60)),
    ] {
        let what = format!("{claim} = {wrong}");
        let token = forge.with_claims(|claims| claims[claim] = wrong);
        assert!(forge.verifier.verify(&token).is_err(), "{what}");
    }
    let within_leeway = forge.with_claims(|claims| claims["exp"] = json!(now() - 3));
    assert!(forge.verifier.verify(&within_leeway).is_ok());
}

#[test]
fn a_role_that_is_no_text_is_no_role() {
    let forge = Forge::new();
    for role in [json!(null), json!(""), json!(1), json!(["Manager"]), json!({})] {
        let token = forge.with_claims(|claims| claims["job_role"] = role);
        assert!(forge.verifier.verify(&token).unwrap().roles.is_empty());
    }
}

#[test]
fn the_header_is_held_to_its_profile() {
    let forge = Forge::new();
    let claims = good_claims().to_string();
    let verify = |header: Value| forge.verifier.verify(&forge.sign(&header, &claims));
    for header in [
        json!({"alg": "HS256", "typ": "AT+JWT"}),
        json!({"alg": "HS256", "typ": "application/at+jwt"}),
        json!({"alg": "HS256", "typ": "at+jwt", "jku": "http://127.0.0.1:1/", "jwk": {}}),
    ] {
        assert!(verify(header.clone()).is_ok(), "{header}");
    }
    for header in [
        json!({"alg": "HS256"}),
        json!({"alg": "HS256", "typ": "JWT"}),
        json!({"alg": "HS256", "typ": "dpop+jwt"}),
        json!({"alg": "HS256", "typ": "at+jwt", "crit": ["b64"], "b64": false}),
        json!({"alg": "HS256", "typ": "at+jwt", "b64": false}),
        json!({"alg": "HS256", "typ": "at+jwt", "crit": []}),
        json!({"alg": "HS256", "typ": "at+jwt", "crit": null}),
        json!({"alg": "HS256", "typ": "at+jwt", "kid": "../../etc/passwd"}),
        json!({"alg": "HS256", "typ": "at+jwt", "kid": ""}),
        json!({"alg": "HS256", "typ": "at+jwt", "kid": 1}),
        json!({"alg": "none", "typ": "at+jwt"}),
        json!({"alg": "hs256", "typ": "at+jwt"}),
        json!({"alg": "RS256", "typ": "at+jwt"}),
        json!({"typ": "at+jwt"}),
        json!([]),
    ] {
        assert!(verify(header.clone()).is_err(), "{header}");
    }
}

#[test]
fn what_a_stranger_sent_fills_no_log() {
    let forge = Forge::new();
    let long = "\u{10ffff}".repeat(1000);
    let claims = good_claims().to_string();
    let header = |name: &str, value: Value| {
        let mut header = json!({"alg": "HS256", "typ": "at+jwt"});
        header[name] = value;
        header
    };
    for (name, value) in
        [("kid", json!(long)), ("typ", json!(long)), ("alg", json!(long)), ("kid", json!([long]))]
    {
        let reason = forge.refusal(&forge.sign(&header(name, value), &claims));
        assert!(reason.chars().count() < 200, "{reason}");
    }
    let reason = forge.refusal(&forge.sign(&header("kid", json!({"a": "hunter2"})), &claims));
    assert!(!reason.contains("hunter2"), "{reason}");
}

#[test]
fn the_form_is_exact() {
    let forge = Forge::new();
    let good = forge.with_claims(|_| ());
    let (message, signature) = good.rsplit_once('.').unwrap();
    let other = forge.with_claims(|claims| claims["sub"] = json!("alice"));
    let (_, foreign) = other.rsplit_once('.').unwrap();
    for token in [
        String::new(),
        ".".into(),
        "..".into(),
        message.into(),
        format!("{message}."),
        format!("{good}."),
        format!("{good}.x"),
        format!("{good}="),
        format!("{message}.{foreign}"),
        format!("{message}.{}", &signature[1..]),
        format!("{}A.{signature}", message),
    ] {
        assert!(forge.verifier.verify(&token).is_err(), "{token}");
    }
}

#[test]
fn the_key_decides_the_algorithm() {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let pem = |label: &str, der: &[u8]| {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
    };
    let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let private = pem("PRIVATE KEY", private.as_ref());
    let public = pem("PUBLIC KEY", public.as_ref());

    let signer = Signer::rs256(&private).unwrap();
    let key = VerifyingKey::rs256(&public).unwrap();
    assert_eq!(signer.kid(), key.kid());
    let verifier = JwtVerifier::new(KeySet::from(key), Rules::new(ISSUER, AUDIENCE));
    let claims: Claims = serde_json::from_value(good_claims()).unwrap();
    assert!(verifier.verify(&signer.mint(&claims)).is_ok());

    // HMAC under the text of the public key: the classic confusion.
    let hs256 = Signer::hs256(&URL_SAFE_NO_PAD.encode(&public)).unwrap();
    assert!(verifier.verify(&hs256.mint(&claims)).is_err());
    for alg in ["HS256", "none", "RS256"] {
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = part(json!({"alg": alg, "typ": "at+jwt"}));
        let message = format!("{header}.{}", part(good_claims()));
        let key = EncodingKey::from_secret(public.as_bytes());
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
        assert!(verifier.verify(&format!("{message}.{signature}")).is_err(), "{alg}");
        assert!(verifier.verify(&format!("{message}.")).is_err(), "{alg}");
    }

    for both in [&private, &format!("{private}{public}"), &format!("{public}{private}")] {
        assert!(matches!(VerifyingKey::rs256(both), Err(KeyError::PrivateKeyToo)));
    }
    assert!(matches!(VerifyingKey::rs256("public"), Err(KeyError::NoPublicKey)));
    assert!(matches!(Signer::rs256(&public), Err(KeyError::NoPrivateKey)));
}

#[test]
fn a_key_verifies_until_its_moment_and_what_replaces_a_set_counts_at_once() {
    let [old, new] = [mint::new_hs256_secret(), mint::new_hs256_secret()];
    let claims: Claims = serde_json::from_value(good_claims()).unwrap();
    let tokens = [&old, &new].map(|secret| Signer::hs256(secret).unwrap().mint(&claims));
    let set = |until: Timestamp| {
        KeySet::hs256(&format!("Verify-Until: {until}\n{}\n\n{}\n", *old, *new)).unwrap()
    };
    let now = Timestamp::now();
    let keys = Live::from(set(now + SignedDuration::from_hours(1)));
    let verifier = JwtVerifier::new(keys.clone(), Rules::new(ISSUER, AUDIENCE));
    let good = || tokens.each_ref().map(|token| verifier.verify(token).is_ok());
    assert_eq!(good(), [true, true]);
    keys.replace(set(now));
    assert_eq!(good(), [false, true]);
    let rejection = verifier.verify(&tokens[0]).unwrap_err();
    assert!(rejection.status() == 401 && rejection.reason().contains("verifies nothing since"));
    keys.replace(KeySet::hs256(&old).unwrap());
    assert_eq!(good(), [true, false]);
    let twice = KeySet::hs256(&format!("{}\n\n{}\n", *old, *old)).unwrap_err().to_string();
    assert!(twice.starts_with("line 3: it is there twice"), "{twice}");
}

#[test]
fn a_key_goes_out_of_use_when_it_is_taken_out_of_the_set() {
    let secrets = [mint::new_hs256_secret(), mint::new_hs256_secret()];
    let [old, new] = secrets.each_ref().map(|secret| Signer::hs256(secret).unwrap());
    let keys = |secrets: &[&str]| {
        let keys = secrets.iter().map(|secret| VerifyingKey::hs256(secret).unwrap());
        JwtVerifier::new(keys.collect::<KeySet>(), Rules::new(ISSUER, AUDIENCE))
    };
    let claims: Claims = serde_json::from_value(good_claims()).unwrap();
    let (old_token, new_token) = (old.mint(&claims), new.mint(&claims));
    let status = |verifier: &JwtVerifier<KeySet>, token: &str| match verifier.verify(token) {
        Ok(_) => 200,
        Err(rejection) => rejection.status().as_u16(),
    };
    let both = |verifier| (status(&verifier, &old_token), status(&verifier, &new_token));
    assert_eq!(both(keys(&[&secrets[0]])), (200, 401));
    assert_eq!(both(keys(&[&secrets[0], &secrets[1]])), (200, 200));
    assert_eq!(both(keys(&[&secrets[1]])), (401, 200));
    assert_eq!(both(keys(&[])), (401, 401));

    // With two keys a token has to name its own, and no other.
    let overlap = keys(&[&secrets[0], &secrets[1]]);
    let forge = Forge { secret: secrets[1].clone(), verifier: overlap };
    let under = |kid: Option<&str>| {
        let mut header = json!({"alg": "HS256", "typ": "at+jwt"});
        if let Some(kid) = kid {
            header["kid"] = kid.into();
        }
        status(&forge.verifier, &forge.sign(&header, &good_claims().to_string()))
    };
    assert_eq!(under(Some(new.kid())), 200);
    assert_eq!(under(Some(old.kid())), 401);
    assert_eq!(under(None), 401);
}

#[test]
fn weak_keys_are_not_taken() {
    for secret in ["", "c2hvcnQ", &URL_SAFE_NO_PAD.encode([1; 31])] {
        assert!(matches!(VerifyingKey::hs256(secret), Err(KeyError::ShortSecret { .. })));
        assert!(Signer::hs256(secret).is_err());
    }
    assert!(matches!(VerifyingKey::hs256("not base64url!"), Err(KeyError::NoSecret)));
    // 1024 bits, made for this test; its private half was not kept.
    let short = "-----BEGIN PUBLIC KEY-----\n\
        MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDWFmqIr1p5C3/56YL9I6olX+hy\n\
        xQAjC3JAx++bJSQJ62LfO5HcggayE63JT4q4jHIJnYx7nmsaVEOkAV8EEVjV2les\n\
        V/LOHV/wlukhr6p/oz+jh0AHaZkxSDQ0GOOd7dMY03IWDsf1c0I1PbHve2wRUXYD\n\
        vUqngiAZBeeZbFYYWQIDAQAB\n\
        -----END PUBLIC KEY-----\n";
    assert!(matches!(VerifyingKey::rs256(short), Err(KeyError::ShortRsaKey { bits: 1024 })));
}
