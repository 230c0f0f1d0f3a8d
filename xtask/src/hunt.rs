//! The hunt for planted bugs: the simulator, built with the product's guards leavable, must find each that is left out.
//!
//! It runs as a program of its own, so that no other build of the product holds anything of it.

use crate::workspace::{Workspace, passes};

/// So long CI looks for each bug; the seed that found it last goes first.
pub(crate) const SECONDS_IN_CI: &str = "20";

/// Runs it with `arguments`; answers whether every bug was found.
pub(crate) fn run(workspace: &Workspace, arguments: &[&str]) -> anyhow::Result<bool> {
    // Of the whole workspace, so that the features of others' crates are those of the tests' build.
    let mut build = workspace.cargo();
    build.args(["build", "--quiet", "--workspace", "--example", "hunt"]);
    build.arg("--features=simulator/hunt");
    if arguments.contains(&"--kept") {
        // Ours are built once more, and then a score of days is lived: optimising would take longer than they save.
        for setting in ["opt-level=0", "debug=false"] {
            build.args(["--config", &format!("profile.dev.{setting}")]);
        }
    }
    let built = passes(&mut build)?;
    let own = std::env::current_exe()?;
    let hunt = own.with_file_name("examples").join("hunt");
    Ok(built && passes(workspace.command(hunt).args(arguments))?)
}
