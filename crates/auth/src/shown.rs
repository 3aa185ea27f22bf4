//! What a stranger sent, as the log shows it.

/// Most characters of a stranger's value that reach the log.
const MOST_SHOWN: usize = 80;

/// What a stranger sent, fit for the log: escaped, and cut before it fills it.
pub(crate) fn shown(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    match text.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
