//! What a stranger sent, as the log shows it.

use http::Method;

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

/// Fewest bytes of what may be a credential. A key that somebody chose has no fewer.
const SHORTEST_CREDENTIAL: usize = 32;

/// The same of a name, without quotation marks around it.
pub(crate) fn name(name: &str) -> String {
    name.escape_debug().take(MOST_SHOWN).collect()
}

/// Whether the name of a method or a tool may be a credential that somebody put into the wrong
/// place: it is as long as one, and no word.
pub(crate) fn may_be_credential(name: &str) -> bool {
    let in_a_word = |byte: u8| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-' | b'/');
    name.len() >= SHORTEST_CREDENTIAL && !name.bytes().all(in_a_word)
}

/// The first part of a path. People paste credentials into paths, although no server here reads
/// them.
pub fn first_segment(path: &str) -> String {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    if path.len() < SHORTEST_CREDENTIAL { format!("/{first}") } else { "/…".to_owned() }
}

/// A method of HTTP. Any word is one, a credential too.
pub fn http_method(method: &Method) -> &str {
    let known = [
        Method::GET,
        Method::POST,
        Method::DELETE,
        Method::OPTIONS,
        Method::HEAD,
        Method::PUT,
        Method::PATCH,
        Method::TRACE,
        Method::CONNECT,
    ];
    if known.contains(method) { method.as_str() } else { "…" }
}
