//! The command line and the variables that stand for its flags.

use std::error::Error;

use anyhow::anyhow;
use clap::error::{ContextKind, ContextValue};
use clap::{ArgAction, Command, Parser};

/// Reads both. A mistake on the command line ends the process as clap does, with code 2.
///
/// # Errors
/// A variable has a value that its flag cannot take.
pub(crate) fn parse<P: Parser>() -> anyhow::Result<P> {
    P::try_parse().map_err(|error| match wrong_variable(&mut P::command(), &error) {
        Some(sentence) => anyhow!(sentence),
        None => error.exit(),
    })
}

/// clap names the flag alone, which nobody gave.
fn wrong_variable(command: &mut Command, error: &clap::Error) -> Option<String> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text),
        _ => None,
    };
    let (flag, value) = (text(ContextKind::InvalidArg)?, text(ContextKind::InvalidValue)?);
    command.build();
    let arg = command.get_arguments().find(|arg| arg.to_string() == *flag)?;
    let name = arg.get_env()?;
    let set = std::env::var(name).ok()?;
    if set != *value && !set.split(',').any(|part| part == value) {
        return None;
    }
    let fix = if matches!(arg.get_action(), ArgAction::SetTrue) {
        "say true or false".to_owned()
    } else if let Some(ContextValue::Strings(values)) = error.get(ContextKind::ValidValue) {
        format!("say one of: {}", values.join(", "))
    } else {
        error.source()?.to_string()
    };
    Some(format!(
        "the environment variable {} has a value that cannot be used, {value:?}; {fix}; or unset it",
        name.to_string_lossy()
    ))
}
