//! T15 to T20, T43: good credentials, presented as nobody should.

use compare::{Kind, Side};
use secrecy::ExposeSecret;

use super::attack::{Attack, Expected, INVALID, MALFORMED, NOTHING, attack};
use super::raw::Raw;

const BAD: &str = "bad-credential";

pub(crate) fn attacks(_: Kind) -> Vec<Attack> {
    let mut rows = spelling();
    rows.extend(more_than_one());
    rows.extend(malformed());
    rows.extend(elsewhere());
    rows.extend(nearly());
    rows
}

/// T15: the word `Bearer` in any case and one space or more are right; all else is not.
fn spelling() -> Vec<Attack> {
    let value = |name: &'static str, expected, value: fn(&str) -> String| {
        attack("T15", name, expected, move |side, _| {
            Raw::call(side).with("authorization", value(good(side)))
        })
    };
    vec![
        value("bearer", Expected::Passed, |good| format!("bearer {good}")),
        value("BEARER", Expected::Passed, |good| format!("BEARER {good}")),
        value("two spaces", Expected::Passed, |good| format!("Bearer  {good}")),
        value("white space at the end", Expected::Passed, |good| format!("Bearer {good} \t")),
        value("a tab between", MALFORMED, |good| format!("Bearer\t{good}")),
        value("junk behind", MALFORMED, |good| format!("Bearer {good} junk")),
        value("a parameter behind", MALFORMED, |good| format!("Bearer {good}, realm=\"x\"")),
        value("no space", NOTHING, |good| format!("Bearer{good}")),
        value("no word", NOTHING, |good| good.to_owned()),
        value("another scheme", NOTHING, |good| format!("Digest {good}")),
        value("one character less", INVALID, |good| format!("Bearer {}", &good[..good.len() - 1])),
        value("one character more", INVALID, |good| format!("Bearer {good}A")),
        value("twice in a row", INVALID, |good| format!("Bearer {good}{good}")),
    ]
}

/// T16, T17: never is one of two credentials chosen.
fn more_than_one() -> Vec<Attack> {
    let two = |name: &'static str, first: fn(&str) -> String, second: fn(&str) -> String| {
        attack("T16", name, MALFORMED, move |side, _| {
            let good = good(side);
            Raw::call(side).with("authorization", first(good)).with("Authorization", second(good))
        })
    };
    let both = |name: &'static str, build: fn(Raw, &str) -> Raw| {
        attack("T17", name, MALFORMED, move |side, _| build(Raw::call(side), good(side)))
    };
    let good_bearer: fn(&str) -> String = |good| format!("Bearer {good}");
    let bad_bearer: fn(&str) -> String = |_| format!("Bearer {BAD}");
    vec![
        two("a good and a bad Authorization", good_bearer, bad_bearer),
        two("a bad and a good Authorization", bad_bearer, good_bearer),
        two("a good Authorization twice", good_bearer, good_bearer),
        two("Basic before a good Authorization", |_| "Basic YTpi".into(), good_bearer),
        two("an empty Authorization before a good one", |_| String::new(), good_bearer),
        both("Authorization and X-API-Key, both good", |raw, good| {
            raw.bearer(good).with("x-api-key", good)
        }),
        both("a good Authorization and a bad X-API-Key", |raw, good| {
            raw.bearer(good).with("x-api-key", BAD)
        }),
        both("a good Authorization and an empty X-API-Key", |raw, good| {
            raw.bearer(good).with("x-api-key", "")
        }),
        both("X-API-Key twice", |raw, good| raw.with("x-api-key", good).with("X-API-Key", good)),
        both("Authorization and access_token", |raw, good| {
            raw.bearer(good).query(&format!("access_token={good}"))
        }),
        both("Authorization and another's access_token", |raw, good| {
            raw.bearer(good).query(&format!("a=b&access_token={BAD}"))
        }),
        both("X-API-Key and api_key", |raw, good| {
            raw.with("x-api-key", good).query(&format!("api_key={good}"))
        }),
    ]
}

/// T18: never a 500, never a pass.
fn malformed() -> Vec<Attack> {
    let value = |name: &'static str, expected, value: fn(&str) -> Vec<u8>| {
        attack("T18", name, expected, move |side, _| {
            Raw::call(side).with("authorization", value(good(side)))
        })
    };
    let key = |name: &'static str, value: fn(&str) -> Vec<u8>| {
        attack("T18", name, MALFORMED, move |side, _| {
            Raw::call(side).with("x-api-key", value(good(side)))
        })
    };
    vec![
        value("two joined by a comma", MALFORMED, |good| {
            format!("Bearer {good}, Bearer {good}").into()
        }),
        value("Bearer alone", MALFORMED, |_| "Bearer".into()),
        value("Bearer and a space", MALFORMED, |_| "Bearer ".into()),
        value("in quotes", MALFORMED, |good| format!("Bearer \"{good}\"").into()),
        value("a percent sign", MALFORMED, |good| format!("Bearer %20{good}").into()),
        value("the byte 0xFF", MALFORMED, |good| [b"Bearer ", good.as_bytes(), b"\xff"].concat()),
        value("UTF-8", MALFORMED, |good| format!("Bearer {good}\u{200b}").into()),
        value("a NUL", Expected::Bare(400), |good| format!("Bearer {good}\0").into()),
        value("folded over two lines", Expected::Bare(400), |good| {
            format!("Bearer\r\n {good}").into()
        }),
        key("an empty X-API-Key", |_| Vec::new()),
        key("X-API-Key in quotes", |good| format!("\"{good}\"").into()),
        key("two X-API-Keys joined by a comma", |good| format!("{good},{good}").into()),
        key("X-API-Key with the byte 0xFF", |good| [good.as_bytes(), b"\xff"].concat()),
    ]
}

/// T20: in a query or a body a credential counts as none.
fn elsewhere() -> Vec<Attack> {
    let query = |name: &'static str, parameter: &'static str| {
        attack("T20", name, NOTHING, move |side, _| {
            Raw::call(side).query(&format!("{parameter}={}", good(side)))
        })
    };
    vec![
        query("access_token in the query", "access_token"),
        query("api_key in the query", "api_key"),
        query("ACCESS_TOKEN in the query", "ACCESS_TOKEN"),
        query("key in the query", "key"),
        attack("T20", "access_token in a form", NOTHING, |side, _| {
            let form = "application/x-www-form-urlencoded";
            Raw::call(side).set("content-type", form).body(format!("access_token={}", good(side)))
        }),
        attack("T20", "a cookie", NOTHING, |side, _| {
            Raw::call(side).with("cookie", format!("access_token={}", good(side)))
        }),
        attack("T20", "Proxy-Authorization", NOTHING, |side, _| {
            Raw::call(side).with("proxy-authorization", format!("Bearer {}", good(side)))
        }),
    ]
}

/// T43: a credential is compared byte by byte.
fn nearly() -> Vec<Attack> {
    let value = |name: &'static str, expected, value: fn(&str) -> Vec<u8>| {
        attack("T43", name, expected, move |side, _| {
            Raw::call(side).with("authorization", [b"Bearer ", &*value(good(side))].concat())
        })
    };
    vec![
        value("one letter in the other case", INVALID, |good| other_case(good).into()),
        value("all letters in the other case", INVALID, |good| good.to_uppercase().into()),
        value("an equals sign behind", INVALID, |good| format!("{good}=").into()),
        value("a zero-width space in it", MALFORMED, |good| {
            format!("{}\u{200b}{}", &good[..9], &good[9..]).into()
        }),
        value("a byte order mark before it", MALFORMED, |good| format!("\u{feff}{good}").into()),
        value("a soft hyphen in Latin-1 behind", MALFORMED, |good| {
            [good.as_bytes(), b"\xad"].concat()
        }),
        value("a letter of full width", MALFORMED, |good| format!("\u{ff4d}{}", &good[1..]).into()),
        value("a letter with an accent of its own", MALFORMED, |good| {
            format!("{good}e\u{301}").into()
        }),
        value("%0A behind", MALFORMED, |good| format!("{good}%0A").into()),
        value("a vertical tab behind", Expected::Bare(400), |good| {
            [good.as_bytes(), b"\x0b"].concat()
        }),
    ]
}

/// The last letter in the other case.
fn other_case(good: &str) -> String {
    let at = good.rfind(|c: char| c.is_ascii_alphabetic()).unwrap();
    let letter = good.as_bytes()[at] as char;
    let other = if letter.is_ascii_lowercase() {
        letter.to_ascii_uppercase()
    } else {
        letter.to_ascii_lowercase()
    };
    format!("{}{other}{}", &good[..at], &good[at + 1..])
}

fn good(side: &Side) -> &str {
    side.bob.secret().expose_secret()
}
