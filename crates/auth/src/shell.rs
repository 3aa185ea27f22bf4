//! Commands that people are told to run.

/// `text` as a shell takes it for one word.
pub fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_it_for_one_word() {
        assert_eq!(word("keys/a.b"), "keys/a.b");
        assert_eq!(word("my keys"), "'my keys'");
        assert_eq!(word("bob's"), r"'bob'\''s'");
    }
}
