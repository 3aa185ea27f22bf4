//! The form of an API key, against the drawing in `authn/apikey/mod.rs` read by hand.

use mcp_auth::authn::apikey::{KeyId, PlainKey};
use proptest::prelude::*;
use proptest::sample::Index;

use super::cases;

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn any_text_is_a_key_only_in_the_form_of_one(text in ".{0,100}") {
        prop_assert_eq!(read(&text), grammar(&text));
    }

    #[test]
    fn what_has_the_form_is_taken(id in "[0-9a-f]{16}", secret in "[0-9A-Za-z]{43}") {
        let key = with_checksum(&format!("mcpk_{id}_{secret}"));
        prop_assert_eq!(read(&key), Some(id));
    }

    #[test]
    fn what_has_nearly_the_form_is_not(
        prefix in prop_oneof![6 => "mcpk", 1 => "MCPK|mcp|mcpkk|"],
        id in prop_oneof![6 => "[0-9a-f]{16}", 1 => "[0-9A-F]{16}", 1 => "[0-9a-f+ ]{15,17}"],
        secret in prop_oneof![6 => "[0-9A-Za-z]{43}", 1 => "[0-9A-Za-z_é-]{42,44}"],
        tail in prop_oneof![6 => "", 1 => "[ \n\0a]"],
    ) {
        let key = with_checksum(&format!("{prefix}_{id}_{secret}")) + &tail;
        prop_assert_eq!(read(&key), grammar(&key));
    }

    #[test]
    fn a_changed_key_is_none(at in any::<Index>(), letter in any::<char>()) {
        let key = PlainKey::mint().reveal().to_owned();
        let mut letters: Vec<char> = key.chars().collect();
        *at.get_mut(&mut letters) = letter;
        let changed: String = letters.into_iter().collect();
        prop_assert_eq!(read(&changed).is_some(), changed == key);
        prop_assert_eq!(read(&changed), grammar(&changed));
    }

    #[test]
    fn an_id_has_one_spelling(text in "[0-9a-fA-F+ _]{0,20}") {
        let right = text.len() == 16 && text.chars().all(lower_hex);
        prop_assert_eq!(KeyId::parse(&text).map(|id| id.to_string()), right.then_some(text));
    }
}

fn read(key: &str) -> Option<String> {
    KeyId::in_key(key).map(|id| id.to_string())
}

/// `"mcpk_" 16lower-hex "_" 43( ALPHA / DIGIT ) "_" 8lower-hex`, the last of them CRC-32 of all
/// before it.
fn grammar(key: &str) -> Option<String> {
    let parts: Vec<&str> = key.split('_').collect();
    let [prefix, id, secret, _] = parts[..] else { return None };
    let right = prefix == "mcpk"
        && id.len() == 16
        && id.chars().all(lower_hex)
        && secret.len() == 43
        && secret.chars().all(|letter| letter.is_ascii_alphanumeric())
        && key == with_checksum(&format!("mcpk_{id}_{secret}"));
    right.then(|| id.to_owned())
}

fn lower_hex(letter: char) -> bool {
    letter.is_ascii_digit() || ('a'..='f').contains(&letter)
}

fn with_checksum(text: &str) -> String {
    format!("{text}_{:08x}", crc32(text.as_bytes()))
}

/// ISO 3309, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}
