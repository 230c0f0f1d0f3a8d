//! Where the workspace is, which files belong to it, and how a command is run in it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;

/// The checkout.
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The checkout that this program was built from.
    pub fn find() -> anyhow::Result<Self> {
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = own.parent().context("xtask has no folder above it")?;
        Ok(Self {
            root: root.to_owned(),
        })
    }

    /// A workspace elsewhere, for tests.
    #[cfg(test)]
    pub(crate) fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// Its folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where tools are installed that the machine lacks: beside the build, so that `cargo clean` takes them.
    pub(crate) fn tools(&self) -> PathBuf {
        let beside_build = std::env::current_exe()
            .ok()
            .and_then(|own| Some(own.parent()?.parent()?.join("tools")));
        beside_build.unwrap_or_else(|| self.root.join("target/tools"))
    }

    /// The cargo that runs us, as if a person had called it. It told us about our own package in the environment; build
    /// scripts that watch these names (ring's) would run anew, and everything that rests on them would be built twice.
    pub(crate) fn cargo(&self) -> Command {
        #[expect(clippy::disallowed_methods, reason = "cargo tells its own path so")]
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = self.command(cargo);
        let of_ours = std::env::vars_os().map(|(name, _)| name).filter(|name| {
            let name = name.to_string_lossy();
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        });
        for name in of_ours {
            command.env_remove(name);
        }
        command
    }

    /// A command in the root, without a terminal to ask questions on.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).stdin(Stdio::null());
        command
    }

    /// All files of the project, from the root: those that git tracks or would track; without git all
    /// but hidden and built ones.
    pub(crate) fn files(&self) -> anyhow::Result<Vec<PathBuf>> {
        let listed = self
            .command("git")
            .args([
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
            ])
            .stderr(Stdio::null())
            .output();
        let mut files = match listed {
            Ok(listed) if listed.status.success() && !listed.stdout.is_empty() => listed
                .stdout
                .split(|&byte| byte == 0)
                .filter(|name| !name.is_empty())
                .map(|name| PathBuf::from(String::from_utf8_lossy(name).into_owned()))
                .filter(|file| self.root.join(file).is_file())
                .collect(),
            _ => {
                let mut found = Vec::new();
                walk(&self.root, Path::new(""), &mut found)?;
                found
            }
        };
        files.sort();
        files.dedup();
        Ok(files)
    }
}

fn walk(root: &Path, below: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(root.join(below))? {
        let entry = entry?;
        let name = entry.file_name();
        let text = name.to_string_lossy();
        if (text.starts_with('.') && text != ".ci" && text != ".cargo") || text == "target" {
            continue;
        }
        let path = below.join(&name);
        if entry.file_type()?.is_dir() {
            walk(root, &path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}
/// Runs a command to its end; answers whether it succeeded.
pub(crate) fn passes(command: &mut Command) -> anyhow::Result<bool> {
    let status = command
        .status()
        .with_context(|| format!("cannot start `{}`", command.get_program().display()))?;
    Ok(status.success())
}
