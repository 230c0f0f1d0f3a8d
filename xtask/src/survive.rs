//! Sets off `tests/examples/survive`: the real program in processes of its own, killed, frozen and cut off.

use crate::workspace::{Workspace, passes};

/// So many cycles CI lives: one deck.
pub(crate) const CYCLES_IN_CI: &str = "30";

/// Builds the program and the harness, and runs it; answers whether everything survived.
pub(crate) fn run(workspace: &Workspace, arguments: &[&str]) -> anyhow::Result<bool> {
    let plants = arguments.iter().any(|one| one.starts_with("--planted"));
    // Of the whole workspace, so that the features of others' crates are those of the tests' build.
    let mut build = workspace.cargo();
    build.args(["build", "--quiet", "--workspace"]);
    build.args(["--bin", "provodka", "--example", "survive"]);
    build.args(plants.then_some("--features=provodka/plant"));
    let built = passes(&mut build)?;
    let own = std::env::current_exe()?;
    let harness = own.with_file_name("examples").join("survive");
    Ok(built && passes(workspace.command(harness).args(arguments))?)
}
