//! Licences, bans and sources of everything that is linked, by cargo-deny and `deny.toml`; known
//! vulnerabilities too, wherever their database can be reached.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::Context as _;

use crate::workspace::Workspace;

/// The database is a git repository of some megabytes.
const ADVISORIES_WITHIN: Duration = Duration::from_secs(120);

/// What became of the look at known vulnerabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Advisories {
    None,
    Found,
    NotChecked,
}

/// Runs all checks; answers whether they passed.
pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<bool> {
    let program = program(workspace)?;
    let judged = workspace
        .command(&program)
        .args([
            "check",
            "--hide-inclusion-graph",
            "licenses",
            "bans",
            "sources",
        ])
        .status()
        .context("cannot start cargo-deny")?;
    let mut advisories = workspace.command(&program);
    advisories.args(["check", "--hide-inclusion-graph", "advisories"]);
    let vulnerable = match advisories_of(&mut advisories)? {
        Advisories::None => false,
        Advisories::Found => true,
        Advisories::NotChecked => {
            eprintln!("advisories: not checked, the database cannot be reached from here");
            false
        }
    };
    Ok(judged.success() && !vulnerable)
}

/// The machine's cargo-deny, or one beside the build, installed at its first use.
fn program(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let installed = workspace.tools().join("bin/cargo-deny");
    for candidate in [PathBuf::from("cargo-deny"), installed.clone()] {
        let answers = Command::new(&candidate)
            .arg("--version")
            .stdin(Stdio::null())
            .output();
        if answers.is_ok_and(|answer| answer.status.success()) {
            return Ok(candidate);
        }
    }
    eprintln!("cargo-deny is not installed: installing it (some minutes, once)");
    // A debug build takes a third of the time and is fast enough for this; nobody looks into it with a debugger.
    let status = workspace
        .cargo()
        .env("CARGO_PROFILE_DEV_DEBUG", "false")
        .args(["install", "cargo-deny", "--locked", "--debug", "--root"])
        .arg(workspace.tools())
        .status()?;
    anyhow::ensure!(status.success(), "cargo-deny cannot be installed");
    Ok(installed)
}

fn advisories_of(command: &mut Command) -> anyhow::Result<Advisories> {
    let mut child = command
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start cargo-deny")?;
    let (tell, told) = mpsc::channel();
    let mut stderr = child.stderr.take().context("cargo-deny has no output")?;
    let reader = std::thread::spawn(move || {
        let mut said = Vec::new();
        let read = stderr.read_to_end(&mut said);
        // Nobody listens any more after the time limit.
        drop(tell.send(read.map(|_| String::from_utf8_lossy(&said).into_owned())));
    });
    let Ok(said) = told.recv_timeout(ADVISORIES_WITHIN) else {
        child.kill()?;
        child.wait()?;
        return Ok(Advisories::NotChecked);
    };
    let passed = child.wait()?.success();
    drop(reader.join());
    let said = said?;
    let outcome = judge(passed, &said);
    if outcome != Advisories::NotChecked {
        eprint!("{said}");
    }
    Ok(outcome)
}

fn judge(passed: bool, said: &str) -> Advisories {
    if passed {
        Advisories::None
    } else if said.contains("failed to fetch advisory database") {
        Advisories::NotChecked
    } else {
        Advisories::Found
    }
}

#[cfg(test)]
mod tests {
    use super::{Advisories, judge};

    #[test]
    fn only_a_failed_fetch_excuses_a_failure() {
        let unreachable =
            "[ERROR] failed to fetch advisory database https://x with cli: failed to clone";
        assert_eq!(judge(false, unreachable), Advisories::NotChecked);
        assert_eq!(judge(false, "error[vulnerability]: …"), Advisories::Found);
        assert_eq!(judge(false, ""), Advisories::Found);
        assert_eq!(judge(true, "advisories ok"), Advisories::None);
    }
}
