//! Programs that the tests want and a machine may lack: installed from Debian where we may.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::workspace::Workspace;

/// What the pages' tests look for, in this order.
const CHROMIUM: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Installs a package; `hint` tells a person what to do where this cannot be done.
pub(crate) fn install(
    workspace: &Workspace,
    name: &str,
    package: &str,
    hint: &str,
) -> anyhow::Result<()> {
    anyhow::ensure!(may_install()?, "{name} is not installed; hint: {hint}");
    eprintln!("{name} is not installed: installing Debian's");
    let install = [
        "install",
        "--quiet",
        "--yes",
        "--no-install-recommends",
        package,
    ];
    for arguments in [["update", "--quiet"].as_slice(), &install] {
        let status = workspace
            .command("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .status()?;
        anyhow::ensure!(status.success(), "`apt-get {}` failed", arguments.join(" "));
    }
    Ok(())
}

/// A browser for the pages' tests. Without one they skip themselves, so that its lack is told and fails nothing.
pub(crate) fn ensure_browser(workspace: &Workspace) {
    if CHROMIUM.iter().any(|program| is_on_path(program)) {
        return;
    }
    let hint = "install it (Debian: `apt-get install chromium`)";
    if let Err(error) = install(workspace, "Chromium", "chromium", hint) {
        eprintln!("warning: the pages are not tried in a browser: {error:#}");
    }
}

/// The number of a user; none: who we are.
pub(crate) fn id_of(user: Option<&str>) -> anyhow::Result<Option<u32>> {
    let output = Command::new("id")
        .arg("-u")
        .args(user)
        .stderr(Stdio::null())
        .output()
        .context("cannot run `id`")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse().ok())
}

fn may_install() -> anyhow::Result<bool> {
    Ok(Path::new("/usr/bin/apt-get").is_file() && id_of(None)? == Some(0))
}

fn is_on_path(program: &str) -> bool {
    #[expect(clippy::disallowed_methods, reason = "this is how programs are found")]
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
