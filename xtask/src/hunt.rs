//! The hunt for planted bugs: the simulator, built with the product's guards leavable, must find each that is left out.
//!
//! It runs as a program of its own, so that no other build of the product holds anything of it.

use anyhow::Context as _;

use crate::workspace::Workspace;

/// So long CI looks for each bug; the seed that found it last goes first.
pub(crate) const SECONDS_IN_CI: &str = "20";

/// Runs it with `arguments`; answers whether every bug was found.
pub(crate) fn run(workspace: &Workspace, arguments: &[&str]) -> anyhow::Result<bool> {
    let status = workspace
        .cargo()
        .args(["run", "--quiet", "-p", "simulator", "--features", "hunt"])
        .args(["--example", "hunt", "--"])
        .args(arguments)
        .status()
        .context("cannot start cargo")?;
    Ok(status.success())
}
