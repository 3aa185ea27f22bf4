//! An error in one sentence.

use std::error::Error;

/// An error with its causes. Some errors have their cause in their own words already.
pub fn sentence(error: &(dyn Error + 'static)) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !said.contains(&text) {
            said.push_str(": ");
            said.push_str(&text);
        }
        cause = error.source();
    }
    said
}

#[cfg(test)]
mod tests {
    use std::fmt::{self, Display};

    use super::*;

    #[derive(Debug)]
    struct Said(&'static str, Option<Box<Said>>);

    impl Display for Said {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Said {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|cause| cause as _)
        }
    }

    #[test]
    fn a_cause_is_said_once() {
        let because = |text| Said(text, Some(Box::new(Said("no such file", None))));
        let error = because("cannot read x: no such file; try y");
        assert_eq!(sentence(&error), "cannot read x: no such file; try y");
        assert_eq!(sentence(&because("cannot read x")), "cannot read x: no such file");
    }
}
