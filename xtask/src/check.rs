//! The steps of `check`: each announced, timed and run to its end, so that one run tells all that is wrong.

use std::time::{Duration, Instant};

use crate::suite::Counted;
use crate::workspace::{Workspace, passes};
use crate::{deny, fuzz, hunt, suite, survive, tidy};

/// One step, in the order of running: the cheap ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Format,
    Tidy,
    Lints,
    Tests,
    Survive,
    Hunt,
    Fuzz,
    Docs,
    Deny,
}

impl Step {
    pub(crate) const ALL: [Self; 9] = [
        Self::Format,
        Self::Tidy,
        Self::Lints,
        Self::Tests,
        Self::Survive,
        Self::Hunt,
        Self::Fuzz,
        Self::Docs,
        Self::Deny,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Tidy => "tidy",
            Self::Lints => "lints",
            Self::Tests => "tests",
            Self::Survive => "survive",
            Self::Hunt => "hunt",
            Self::Fuzz => "fuzz",
            Self::Docs => "docs",
            Self::Deny => "deny",
        }
    }
}

/// Steps from a list such as `tidy,tests`, in their own order.
pub(crate) fn steps(list: &str) -> anyhow::Result<Vec<Step>> {
    let wanted: Vec<&str> = list.split(',').map(str::trim).collect();
    let names = Step::ALL.map(Step::name);
    for name in &wanted {
        anyhow::ensure!(
            names.contains(name),
            "no step `{name}`; there are {}",
            names.join(", ")
        );
    }
    Ok(Step::ALL
        .into_iter()
        .filter(|step| wanted.contains(&step.name()))
        .collect())
}

/// Runs the steps; answers whether all of them passed. The last line is the count of tests.
pub(crate) fn run(workspace: &Workspace, steps: &[Step]) -> anyhow::Result<bool> {
    let mut counted = None;
    let mut outcomes = Vec::new();
    for &step in steps {
        eprintln!("\n== {} ==", step.name());
        let began = now();
        let passed = one(workspace, step, &mut counted).unwrap_or_else(|error| {
            eprintln!("error: {error:#}");
            false
        });
        let spent = now().duration_since(began);
        eprintln!("== {} {} in {} ==", step.name(), word(passed), shown(spent));
        outcomes.push((step, passed, spent));
    }
    eprintln!("\nchecked:");
    for (step, passed, spent) in &outcomes {
        eprintln!("  {:8}{:8}{:>8}", step.name(), word(*passed), shown(*spent));
    }
    if let Some(counted) = counted {
        eprintln!("{counted}");
    }
    Ok(outcomes.iter().all(|(_, passed, _)| *passed))
}

fn one(workspace: &Workspace, step: Step, counted: &mut Option<Counted>) -> anyhow::Result<bool> {
    match step {
        Step::Format => passes(workspace.cargo().args(["fmt", "--all", "--check"])),
        Step::Tidy => tidy::run(workspace),
        Step::Lints => passes(workspace.cargo().args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ])),
        Step::Tests => {
            let result = suite::run(workspace, &[])?;
            let passed = result.all_passed();
            *counted = Some(result);
            Ok(passed)
        }
        Step::Survive => survive::run(workspace, &["--cycles", survive::CYCLES_IN_CI]),
        Step::Hunt => hunt::run(workspace, &["--kept", "--seconds", hunt::SECONDS_IN_CI]),
        Step::Fuzz => fuzz::run(workspace, &[]),
        Step::Docs => passes(
            workspace
                .cargo()
                .args(["doc", "--workspace", "--no-deps"])
                .env("RUSTDOCFLAGS", "-D warnings"),
        ),
        Step::Deny => deny::run(workspace),
    }
}

fn word(passed: bool) -> &'static str {
    if passed { "passed" } else { "FAILED" }
}

fn shown(spent: Duration) -> String {
    let seconds = spent.as_secs();
    if seconds < 60 {
        format!("{seconds} s")
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a developer's tool tells how long its steps took"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Step, shown, steps};

    #[test]
    fn steps_are_chosen_by_name_and_keep_their_order() {
        assert_eq!(steps("tests, tidy").unwrap(), [Step::Tidy, Step::Tests]);
        let error = steps("tidy,test").unwrap_err().to_string();
        assert!(error.contains("no step `test`"), "{error}");
    }

    #[test]
    fn time_is_shown_as_people_read_it() {
        assert_eq!(shown(Duration::from_secs(59)), "59 s");
        assert_eq!(shown(Duration::from_secs(125)), "2 min 05 s");
    }
}
