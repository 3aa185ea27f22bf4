//! JSON as RFC 8259 writes it, read by hand. A member that is there twice stays there twice,
//! which is what the parsers under test are to notice.

/// Deeper than this nothing here is generated, where it has to be read.
const DEEPEST: usize = 100;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Bool(bool),
    List(Vec<Json>),
    Null,
    /// As it is written: what a number is worth is for the test to say.
    Number(String),
    Object(Vec<(String, Json)>),
    Text(String),
}

impl Json {
    /// `ws value ws`, and nothing after it.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader { left: std::str::from_utf8(bytes).ok()? };
        let value = reader.value(0)?;
        reader.space();
        reader.left.is_empty().then_some(value)
    }

    /// All members of that name, in their order.
    pub(crate) fn members(&self, name: &str) -> Vec<&Json> {
        let Self::Object(members) = self else { return Vec::new() };
        members.iter().filter(|(found, _)| found == name).map(|(_, value)| value).collect()
    }

    /// RFC 7515 §4, RFC 7519 §4: names in a header and in claims are there once.
    pub(crate) fn is_an_object_of_different_names(&self) -> bool {
        let Self::Object(members) = self else { return false };
        members.iter().all(|(name, _)| self.members(name).len() == 1)
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A number without fraction and exponent.
    pub(crate) fn integer(&self) -> Option<i64> {
        match self {
            Self::Number(digits) if digits != "-0" => digits.parse().ok(),
            _ => None,
        }
    }
}

struct Reader<'a> {
    left: &'a str,
}

impl Reader<'_> {
    fn space(&mut self) {
        self.left = self.left.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn take(&mut self, word: &str) -> Option<()> {
        self.left = self.left.strip_prefix(word)?;
        Some(())
    }

    fn letter(&mut self) -> Option<char> {
        let letter = self.left.chars().next()?;
        self.left = &self.left[letter.len_utf8()..];
        Some(letter)
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        self.space();
        match self.left.chars().next().filter(|_| depth < DEEPEST)? {
            '{' => self.object(depth),
            '[' => self.list(depth),
            '"' => self.text().map(Json::Text),
            'n' => self.take("null").map(|()| Json::Null),
            't' => self.take("true").map(|()| Json::Bool(true)),
            'f' => self.take("false").map(|()| Json::Bool(false)),
            _ => self.number(),
        }
    }

    fn object(&mut self, depth: usize) -> Option<Json> {
        self.take("{")?;
        let mut members = Vec::new();
        self.space();
        if self.take("}").is_some() {
            return Some(Json::Object(members));
        }
        loop {
            self.space();
            let name = self.text()?;
            self.space();
            self.take(":")?;
            members.push((name, self.value(depth + 1)?));
            self.space();
            match self.letter()? {
                ',' => {}
                '}' => return Some(Json::Object(members)),
                _ => return None,
            }
        }
    }

    fn list(&mut self, depth: usize) -> Option<Json> {
        self.take("[")?;
        let mut values = Vec::new();
        self.space();
        if self.take("]").is_some() {
            return Some(Json::List(values));
        }
        loop {
            values.push(self.value(depth + 1)?);
            self.space();
            match self.letter()? {
                ',' => {}
                ']' => return Some(Json::List(values)),
                _ => return None,
            }
        }
    }

    fn text(&mut self) -> Option<String> {
        self.take("\"")?;
        let mut text = String::new();
        loop {
            match self.letter()? {
                '"' => return Some(text),
                '\\' => text.push(self.escaped()?),
                '\0'..='\u{1f}' => return None,
                letter => text.push(letter),
            }
        }
    }

    fn escaped(&mut self) -> Option<char> {
        Some(match self.letter()? {
            letter @ ('"' | '\\' | '/') => letter,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let unit = self.unit()?;
                if !(0xd800..0xe000).contains(&unit) {
                    return char::from_u32(unit);
                }
                self.take("\\u")?;
                let pair = [u16::try_from(unit).ok()?, u16::try_from(self.unit()?).ok()?];
                char::decode_utf16(pair).next()?.ok()?
            }
            _ => return None,
        })
    }

    fn unit(&mut self) -> Option<u32> {
        let digits =
            self.left.get(..4).filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
        self.left = &self.left[4..];
        u32::from_str_radix(digits, 16).ok()
    }

    /// `[ "-" ] int [ frac ] [ exp ]`
    fn number(&mut self) -> Option<Json> {
        let start = self.left;
        let _ = self.take("-");
        if self.take("0").is_none() {
            self.digits()?;
        }
        if self.take(".").is_some() {
            self.digits()?;
        }
        if self.take("e").or_else(|| self.take("E")).is_some() {
            let _ = self.take("+").or_else(|| self.take("-"));
            self.digits()?;
        }
        Some(Json::Number(start[..start.len() - self.left.len()].to_owned()))
    }

    fn digits(&mut self) -> Option<()> {
        let rest = self.left.trim_start_matches(|letter: char| letter.is_ascii_digit());
        (rest.len() < self.left.len()).then(|| self.left = rest)
    }
}

#[test]
fn the_reader_is_as_strict_as_the_grammar() {
    for text in ["0", "-1.5e+3", r#" {"a":[{},[],null,true],"a":"\u00e9\ud83d\ude00\/"} "#, "\"\""]
    {
        assert!(Json::read(text.as_bytes()).is_some(), "{text}");
    }
    for text in [
        "",
        "01",
        "1.",
        ".5",
        "+1",
        "1e",
        "nul",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "\"\u{1}\"",
        "1 2",
        r#""\ud83d""#,
        r#""\ud83dx""#,
        r#""\x""#,
        "\u{feff}1",
        "'a'",
        "NaN",
    ] {
        assert_eq!(Json::read(text.as_bytes()), None, "{text}");
    }
}
