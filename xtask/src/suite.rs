//! Runs `cargo test` on both databases and counts what it says.

use std::fmt;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use anyhow::Context as _;

use crate::debian;
use crate::postgres::Postgres;
use crate::workspace::Workspace;

/// The variable that tells the store's tests where PostgreSQL is.
const ADDRESS: &str = "PROVODKA_TEST_POSTGRES";

/// Scenarios mostly wait: so many of them at least run at one time, however few processors there are.
const SCENARIOS_AT_ONCE: usize = 6;

/// What the closing lines of all test programs add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    passed: u64,
    failed: u64,
    /// `cargo test` itself ended well: everything was built and no program died.
    ended_well: bool,
}

impl Counted {
    /// Nothing failed, and something ran.
    pub(crate) fn all_passed(&self) -> bool {
        self.ended_well && self.failed == 0 && self.passed > 0
    }

    fn add(&mut self, line: &str) {
        let Some(counts) = line.trim_start().strip_prefix("test result: ") else {
            return;
        };
        for part in counts.split([';', '.']) {
            let mut words = part.split_whitespace();
            let number = words.next().and_then(|word| word.parse::<u64>().ok());
            match (number, words.next()) {
                (Some(number), Some("passed")) => self.passed = self.passed.saturating_add(number),
                (Some(number), Some("failed")) => self.failed = self.failed.saturating_add(number),
                _ => {}
            }
        }
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A program that did not build or died has told no count: it is one failure at least.
        let failed = match (self.ended_well, self.failed) {
            (false, 0) => 1,
            (_, failed) => failed,
        };
        write!(f, "{} passed, {failed} failed", self.passed)
    }
}

/// Runs all tests, or those that `arguments` choose, with a PostgreSQL of their own unless one is named already.
pub(crate) fn run(workspace: &Workspace, arguments: &[&str]) -> anyhow::Result<Counted> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a database may be lent from outside"
    )]
    let lent = std::env::var(ADDRESS).ok().filter(|url| !url.is_empty());
    let own = match &lent {
        Some(_) => None,
        None => Some(Postgres::start(workspace)?),
    };
    debian::ensure_browser(workspace);
    let address = lent.or_else(|| own.as_ref().map(|own| own.url().to_owned()));
    let chosen: &[&str] = if arguments.is_empty() {
        &["--workspace", "--no-fail-fast"]
    } else {
        arguments
    };
    let mut child = workspace
        .cargo()
        .args(["--config", &run_by()])
        .arg("test")
        .args(chosen)
        .env(ADDRESS, address.unwrap_or_default())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let mut counted = Counted::default();
    if let Some(output) = child.stdout.take() {
        let mut shown = std::io::stdout().lock();
        for line in BufReader::new(output).split(b'\n') {
            let line = line?;
            counted.add(&String::from_utf8_lossy(&line));
            shown.write_all(&line)?;
            shown.write_all(b"\n")?;
        }
    }
    counted.ended_well = child.wait()?.success();
    Ok(counted)
}

/// Tells cargo by what it starts test programs.
fn run_by() -> String {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let script = script(processors.max(SCENARIOS_AT_ONCE));
    format!("target.'cfg(unix)'.runner = ['sh', '-c', '{script}']")
}

/// Starts the program that it is given, scenarios with so many threads.
fn script(threads: usize) -> String {
    format!(
        r#"case "$0" in */scenarios-*) export RUST_TEST_THREADS={threads};; esac; exec "$0" "$@""#
    )
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{Counted, script};

    #[test]
    fn scenarios_have_threads_of_their_own_and_nobody_else_has() {
        let told = script(7).replace("exec", "echo $RUST_TEST_THREADS");
        for (program, shown) in [
            ("/deps/scenarios-5f", "7 /deps/scenarios-5f --quiet\n"),
            ("/deps/store-5f", "/deps/store-5f --quiet\n"),
        ] {
            let run = Command::new("sh")
                .args(["-c", &told, program, "--quiet"])
                .env_remove("RUST_TEST_THREADS")
                .output()
                .unwrap();
            assert_eq!(String::from_utf8_lossy(&run.stdout), shown);
        }
    }

    #[test]
    fn closing_lines_add_up() {
        let mut counted = Counted {
            ended_well: true,
            ..Counted::default()
        };
        for line in [
            "running 3 tests",
            "test result: ok. 30 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "7 passed by",
        ] {
            counted.add(line);
        }
        assert_eq!(counted.to_string(), "32 passed, 1 failed");
        assert!(!counted.all_passed());
    }

    #[test]
    fn what_did_not_build_is_a_failure_and_nothing_is_no_success() {
        let broken = Counted {
            passed: 5,
            ..Counted::default()
        };
        assert_eq!(broken.to_string(), "5 passed, 1 failed");
        assert!(!broken.all_passed());
        let nothing = Counted {
            ended_well: true,
            ..Counted::default()
        };
        assert!(!nothing.all_passed());
    }
}
