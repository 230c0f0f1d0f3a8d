//! The rules that no compiler knows: between crates, in files, between code and pages.
//!
//! Each rule is a function from texts to faults, with a small test beside it. A remark that is made twice in
//! review becomes a rule here.

mod files;
mod layers;
mod pages;

use std::fmt;

use crate::workspace::Workspace;

/// A file of the project: its path from the root, with slashes, and its text.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// One breach of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Where: a path, with a line where one is meant.
    pub(crate) place: String,
    /// What is wrong and what to do.
    pub(crate) says: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.says)
    }
}

impl File {
    /// The fault of the whole file.
    pub(crate) fn fault(&self, says: impl Into<String>) -> Fault {
        Fault {
            place: self.path.clone(),
            says: says.into(),
        }
    }

    /// The fault of a line, counted from one.
    pub(crate) fn fault_at(&self, line: usize, says: impl Into<String>) -> Fault {
        Fault {
            place: format!("{}:{line}", self.path),
            says: says.into(),
        }
    }

    /// Its lines with their numbers, from one.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .zip(1..)
            .map(|(line, number)| (number, line))
    }

    /// Rust that ends up in the product: no test, example or bench, and of a file only what stands before its tests.
    pub(crate) fn shipped_lines(&self) -> Vec<(usize, &str)> {
        let only_for_tests = self.path.starts_with("tests/")
            || ["/tests/", "/examples/", "/benches/"]
                .iter()
                .any(|folder| self.path.contains(folder))
            || self.path.ends_with("/tests.rs");
        if only_for_tests || !self.is_rust() {
            return Vec::new();
        }
        let lines: Vec<(usize, &str)> = self.lines().collect();
        let tests = lines.windows(2).position(
            |pair| matches!(pair, [(_, "#[cfg(test)]"), (_, next)] if next.starts_with("mod ")),
        );
        lines
            .into_iter()
            .take(tests.unwrap_or(usize::MAX))
            .collect()
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }
}

/// Reads the project, judges it and prints the faults; answers whether there are none.
pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<bool> {
    let (files, names) = read(workspace)?;
    let mut faults = layers::judge(&files);
    faults.extend(files::judge(&files, &names));
    faults.extend(pages::judge(&files, &names));
    for fault in &faults {
        eprintln!("{fault}");
    }
    if faults.is_empty() {
        eprintln!("tidy: {} files, no faults", names.len());
    } else {
        eprintln!("tidy: {} faults", faults.len());
    }
    Ok(faults.is_empty())
}

/// The texts among the project's files, and the names of all.
fn read(workspace: &Workspace) -> anyhow::Result<(Vec<File>, Vec<String>)> {
    let mut files = Vec::new();
    let mut names = Vec::new();
    for path in workspace.files()? {
        let name = path.to_string_lossy().replace('\\', "/");
        names.push(name.clone());
        if let Ok(text) = String::from_utf8(std::fs::read(workspace.root().join(&path))?) {
            files.push(File { path: name, text });
        }
    }
    Ok((files, names))
}

#[cfg(test)]
pub(crate) fn file(path: &str, text: &str) -> File {
    File {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{file, read};
    use crate::workspace::Workspace;

    #[test]
    fn tests_are_not_shipped() {
        let shipped = |path: &str| {
            let text = "//! A.\nfn a() {}\n#[cfg(test)]\nmod tests {\n}\n";
            file(path, text).shipped_lines().len()
        };
        assert_eq!(shipped("crates/a/src/lib.rs"), 2);
        assert_eq!(shipped("crates/a/src/b/tests.rs"), 0);
        assert_eq!(shipped("crates/a/tests/b.rs"), 0);
        assert_eq!(shipped("tests/src/b.rs"), 0);
        assert_eq!(shipped("crates/a/README.md"), 0);
        let helper = "#[cfg(test)]\nfn only_here() {}\nfn shipped() {}\n";
        assert_eq!(file("crates/a/src/lib.rs", helper).shipped_lines().len(), 3);
    }

    #[test]
    fn without_git_the_folder_is_walked() {
        let folder = std::env::temp_dir().join(format!("provodka-tidy-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("target/debug")).unwrap();
        std::fs::create_dir_all(folder.join(".ci")).unwrap();
        for name in ["README.md", ".ci/run", "target/debug/x"] {
            std::fs::write(folder.join(name), "text").unwrap();
        }
        std::fs::write(folder.join("picture.png"), [0xff, 0xd8]).unwrap();
        let (files, names) = read(&Workspace::at(&folder)).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(names, [".ci/run", "README.md", "picture.png"]);
        assert_eq!(files.len(), 2);
    }
}
