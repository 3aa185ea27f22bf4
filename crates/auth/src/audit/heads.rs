//! Where it is kept how far an audit goes, apart from its files.

/// Keeps the head of an audit where whoever changes its files cannot change it too. A head is a line
/// that only the audit's own key makes and reads, and no secret.
pub trait Heads: KeptHeads {
    /// Keeps a head in place of the one before. It must not wait, and may be done later: of several in
    /// the meantime the last one counts.
    fn keep(&self, name: &str, head: String);
}

/// What [`Heads`] keeps, for whoever only looks at it.
pub trait KeptHeads: Send + Sync + 'static {
    /// The head that was kept last under this name, if there is one.
    ///
    /// # Errors
    /// Why it cannot be read, in a sentence.
    fn head(&self, name: &str) -> Result<Option<String>, String>;
}
