//! How a failure is told to the one who typed the command: its chain, a hint, a page, an exit status.

use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::config::{CONFIG_REFUSED, ConfigFaults};

/// The exit status for our failure.
const FAILED: u8 = 1;
/// The exit status for the user's mistake.
const MISTAKEN: u8 = 2;

/// A failure with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    message: String,
    hint: Option<String>,
    mistake: bool,
}

impl Told {
    /// The user's mistake.
    pub fn mistake(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            mistake: true,
        }
    }

    /// Our failure, or a remote's.
    pub fn failure(message: impl Into<String>) -> Self {
        Self {
            mistake: false,
            ..Self::mistake(message)
        }
    }

    /// What may be done about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Told {}

/// The output is what a command found wrong, not what went wrong: exit 1 without a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unwell;

impl fmt::Display for Unwell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("something was found wrong")
    }
}

impl std::error::Error for Unwell {}

/// Prints a failure to stderr and gives the exit status.
pub fn exit(error: &anyhow::Error) -> ExitCode {
    if error.is::<Unwell>() {
        return ExitCode::from(FAILED);
    }
    let closed = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe);
    if closed {
        // Whoever read our output has seen enough.
        return ExitCode::SUCCESS;
    }
    let (text, status) = told(error);
    // Nothing can be done where stderr is closed as well.
    drop(io::stderr().write_all(text.as_bytes()));
    ExitCode::from(status)
}

/// What is printed, and the exit status.
pub(crate) fn told(error: &anyhow::Error) -> (String, u8) {
    let mut text = format!("error: {error:#}\n");
    if error.is::<ConfigFaults>() {
        text.push_str(&format!(
            "hint: `provodka explain {CONFIG_REFUSED}` tells more\n"
        ));
        return (text, MISTAKEN);
    }
    match error.downcast_ref::<Told>() {
        None => (text, FAILED),
        Some(known) => {
            if let Some(hint) = &known.hint {
                text.push_str(&format!("hint: {hint}\n"));
            }
            (text, if known.mistake { MISTAKEN } else { FAILED })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Told, told};
    use anyhow::Context as _;

    #[test]
    fn a_chain_is_told_with_its_hint_and_whose_fault_it_is() {
        let mistake = Told::mistake("there is no code `X`").hint("`explain` lists them");
        assert_eq!(
            told(&mistake.into()),
            (
                "error: there is no code `X`\nhint: `explain` lists them\n".to_owned(),
                2
            )
        );
        let failure = std::io::Error::other("disk on fire");
        let chain = Err::<(), _>(failure).context("cannot save").unwrap_err();
        assert_eq!(
            told(&chain),
            ("error: cannot save: disk on fire\n".to_owned(), 1)
        );
        let context = Err::<(), _>(std::io::Error::other("no such file"))
            .context(Told::mistake("cannot read it").hint("name another"))
            .unwrap_err();
        assert_eq!(
            told(&context),
            (
                "error: cannot read it: no such file\nhint: name another\n".to_owned(),
                2
            )
        );
    }
}
