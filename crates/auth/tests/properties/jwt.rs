//! Header and claims of a token, against RFC 7515 §4.1, RFC 7519 §4.1 and RFC 9068 §2.2.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey};
use mcp_auth::authn::jwt::{JwtVerifier, KeySet, Rules, VerifyingKey, mint};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use super::cases;
use super::json::Json;
use super::spelling::{Node, space, tampered};

const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "https://mcp.example/mcp";
const LEEWAY: i64 = 5;
const DAY: i64 = 24 * 60 * 60;

pub(crate) const GOOD_HEADER: &str = r#"{"alg":"HS256","typ":"at+jwt"}"#;

/// How serde_json marks what it wrote itself.
const RAW_MANAGER: &str = r#"{"$serde_json::private::RawValue":"\"Manager\""}"#;

/// Whoever holds the secret can sign anything.
pub(crate) struct Forge {
    secret: Vec<u8>,
    pub(crate) verifier: JwtVerifier<KeySet>,
    kid: String,
}

impl Forge {
    pub(crate) fn shared() -> &'static Self {
        static FORGE: LazyLock<Forge> = LazyLock::new(|| {
            let secret = mint::new_hs256_secret();
            let key = VerifyingKey::hs256(&secret).unwrap();
            let kid = key.kid().to_owned();
            let verifier = JwtVerifier::new(KeySet::from(key), Rules::new(ISSUER, AUDIENCE));
            Forge { secret: URL_SAFE_NO_PAD.decode(&*secret).unwrap(), verifier, kid }
        });
        &FORGE
    }

    pub(crate) fn sign(&self, header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
        let message =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let key = EncodingKey::from_secret(&self.secret);
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
        format!("{message}.{signature}")
    }
}

pub(crate) fn good_claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "bob", "aud": AUDIENCE, "client_id": "c", "jti": "j",
        "iat": now(), "exp": now() + 600,
    })
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn a_token_passes_when_all_that_it_says_is_right(
        header in header(),
        claims in claims(),
        space in space(),
    ) {
        let forge = Forge::shared();
        let (header, claims) = (header.write(space), claims.write(space));
        let verified = forge.verifier.verify(&forge.sign(&header, &claims));
        let right = header_is_right(&header, &forge.kid)
            && Json::read(claims.as_bytes()).is_some_and(|claims| claims_are_right(&claims));
        let why = verified.as_ref().err().map(|rejection| rejection.reason().to_owned());
        prop_assert_eq!(verified.is_ok(), right, "{} {} {:?}", header, claims, why);
        if let Ok(identity) = verified {
            let claims = Json::read(claims.as_bytes()).unwrap();
            let role = claims.members("job_role").first().and_then(|role| role.text());
            let roles: Vec<&str> = role.into_iter().filter(|role| !role.is_empty()).collect();
            prop_assert_eq!(&identity.roles, &roles);
            prop_assert_eq!(Some(identity.user.as_str()), claims.members("sub")[0].text());
        }
    }

    #[test]
    fn any_bytes_under_the_right_signature_are_judged_without_a_panic(
        header in prop_oneof![Just(GOOD_HEADER.as_bytes().to_vec()), any::<Vec<u8>>()],
        claims in any::<Vec<u8>>(),
    ) {
        let forge = Forge::shared();
        prop_assert!(forge.verifier.verify(&forge.sign(&header, &claims)).is_err());
    }

    #[test]
    fn any_text_is_no_token(text in prop_oneof![".{0,200}", "[A-Za-z0-9._=-]{0,200}", "\\.{0,6}"]) {
        prop_assert!(Forge::shared().verifier.verify(&text).is_err());
    }

    #[test]
    fn a_changed_token_is_none(
        at in any::<Index>(),
        letter in prop_oneof![any::<char>(), any::<Index>().prop_map(letter_of_tokens)],
        insert in any::<bool>(),
    ) {
        let forge = Forge::shared();
        let token = forge.sign(GOOD_HEADER, good_claims().to_string());
        let mut letters: Vec<char> = token.chars().collect();
        match insert {
            true => letters.insert(at.index(letters.len() + 1), letter),
            false => *at.get_mut(&mut letters) = letter,
        }
        let changed: String = letters.into_iter().collect();
        prop_assert_eq!(forge.verifier.verify(&changed).is_ok(), changed == token);
    }
}

/// One of those that a token is made of, or that base64 has elsewhere.
fn letter_of_tokens(at: Index) -> char {
    let letters: Vec<char> = ('a'..='z').chain('A'..='Z').chain('0'..='9').collect();
    *at.get(&[&letters[..], &['-', '_', '.', '=', '+', '/']].concat())
}

fn now() -> i64 {
    Timestamp::now().as_second()
}

fn header_is_right(text: &str, kid: &str) -> bool {
    let Some(header) = Json::read(text.as_bytes()) else { return false };
    let one = |name: &str| match header.members(name)[..] {
        [value] => value.text(),
        _ => None,
    };
    let typ = one("typ").unwrap_or_default().to_ascii_lowercase();
    header.is_an_object_of_different_names()
        && one("alg") == Some("HS256")
        && matches!(typ.as_str(), "at+jwt" | "application/at+jwt")
        && (header.members("kid").is_empty() || one("kid") == Some(kid))
        && header.members("crit").is_empty()
        && header.members("b64").is_empty()
}

fn claims_are_right(claims: &Json) -> bool {
    let one = |name: &str| match claims.members(name)[..] {
        [value] => Some(value),
        _ => None,
    };
    let absent = |name: &str| claims.members(name).is_empty();
    let text = |name: &str| one(name).and_then(Json::text).filter(|text| !text.is_empty());
    let integer = |name: &str| one(name).and_then(Json::integer);
    let aud = match one("aud") {
        Some(Json::Text(one)) => one == AUDIENCE,
        Some(Json::List(many)) => {
            many.iter().all(|one| one.text().is_some())
                && many.iter().any(|one| one.text() == Some(AUDIENCE))
        }
        _ => false,
    };
    let (Some(exp), Some(iat)) = (integer("exp"), integer("iat")) else { return false };
    let texts = ["scope", "name"]
        .iter()
        .all(|name| absent(name) || one(name).is_some_and(|value| value.text().is_some()));
    claims.is_an_object_of_different_names()
        && text("iss") == Some(ISSUER)
        && aud
        && ["sub", "jti", "client_id"].iter().all(|name| text(name).is_some())
        && exp.saturating_add(LEEWAY) > now()
        && iat <= now() + LEEWAY
        && exp.saturating_sub(iat) <= DAY + LEEWAY
        && (absent("nbf") || integer("nbf").is_some_and(|nbf| nbf <= now() + LEEWAY))
        && texts
}

fn header() -> impl Strategy<Value = Node> {
    let kid = &Forge::shared().kid;
    let good_kid = json!(kid).to_string();
    let bad_kid = json!(kid.to_lowercase() + "x").to_string();
    let types = [r#""at+jwt""#, r#""AT+JWT""#, r#""application/at+jwt""#];
    let odd_kids = [&bad_kid, "\"\"", "1", "[]", "null", r#""../../dev/null""#];
    let members = tampered(vec![
        ("alg", mostly(&[r#""HS256""#], &[r#""none""#, r#""hs256""#, r#""RS256""#, "null", "1"])),
        ("typ", mostly(&types, &[r#""JWT""#, "null", "\"\"", r#""at+jwt ""#, "7"])),
        ("kid", mostly(&[&good_kid], &odd_kids)),
        ("jku", mostly(&[r#""http://127.0.0.1:1/""#, "{}", "null"], &["[]"])),
    ]);
    let extension = select(EXTENSIONS.to_vec()).prop_map(Some);
    (members, prop_oneof![12 => Just(None), 1 => extension])
        .prop_map(|(mut header, extension)| {
            if let (Node::Object(members), Some((name, value))) = (&mut header, extension) {
                members.push((name.to_owned(), Node::Raw(value.to_owned())));
            }
            header
        })
        .prop_flat_map(perhaps_a_list)
}

/// What a verifier would have to understand (RFC 7515 §4.1.11, RFC 7797).
const EXTENSIONS: [(&str, &str); 4] = [
    (r#""crit""#, r#"["exp"]"#),
    (r#""crit""#, "null"),
    (r#""cr\u0069t""#, "[]"),
    (r#""b64""#, "false"),
];

/// Now and then the values without their names, which some readers take for the same.
fn perhaps_a_list(node: Node) -> impl Strategy<Value = Node> {
    prop::bool::weighted(0.03).prop_map(move |as_list| match &node {
        Node::Object(members) if as_list => {
            let values: Vec<String> = members.iter().map(|(_, value)| value.write("")).collect();
            Node::Raw(format!("[{}]", values.join(",")))
        }
        node => node.clone(),
    })
}

fn claims() -> impl Strategy<Value = Node> {
    let text = |text: &str| json!(text).to_string();
    let (iss, aud) = (text(ISSUER), text(AUDIENCE));
    let (iss_list, aud_list) = (format!("[{iss}]"), format!("[\"x\",{aud}]"));
    let mixed = format!("[7,{aud}]");
    let time = |offset: i64| (now() + offset).to_string();
    let fraction = format!("{}.5", now() + 600);
    let ends = [time(-60), time(2 * DAY), fraction];
    let ends = ends.iter().map(String::as_str).chain(NO_ENDS).collect::<Vec<_>>();
    let roles = [r#""Manager""#, "null", "7", r#"["Manager"]"#, "\"\"", RAW_MANAGER];
    tampered(vec![
        ("iss", mostly(&[&iss], &[&iss_list, "null", "\"\"", r#""https://issuer.example/""#])),
        ("sub", mostly(&[r#""bob""#], &["\"\"", "7", "null", "{}"])),
        (
            "aud",
            mostly(&[&aud, &aud_list], &[&mixed, "[]", "null", "{}", r#""https://mcp.example""#]),
        ),
        ("client_id", mostly(&[r#""c""#], &["\"\"", "7", "null"])),
        ("jti", mostly(&[r#""j""#], &["\"\"", "7", "null"])),
        ("iat", mostly(&[&time(0), &time(-60)], &[&time(60), "null", "\"1\"", "1e9", "-1"])),
        ("exp", mostly(&[&time(600), &time(-1)], &ends)),
        ("nbf", mostly(&[&time(-1), "-1", "0"], &[&time(60), "null", "\"1\"", "0.5"])),
        ("job_role", mostly(&roles, &["false"])),
        ("name", mostly(&[r#""Bob""#, "\"\""], &["null", "7", "[]"])),
    ])
    .prop_flat_map(perhaps_a_list)
}

const NO_ENDS: [&str; 5] = ["1e300", "-1", "null", "99999999999999999999", "9223372036854775807"];

/// `wrong` once in thirty: there are ten of them, and most tokens are to be right.
fn mostly(right: &[&str], wrong: &[&str]) -> BoxedStrategy<Node> {
    let own = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    prop_oneof![29 => select(own(right)), 1 => select(own(wrong))].prop_map(Node::Raw).boxed()
}
