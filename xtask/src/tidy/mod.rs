//! The rules that no compiler knows: between crates, in files, between code and pages.
//!
//! Each rule is a function from texts to faults, with a small test beside it. A remark that is made twice in
//! review becomes a rule here.

mod files;
mod layers;
mod pages;

use std::fmt;

use crate::workspace::Workspace;

/// A file of the project.
#[derive(Clone, Debug)]
pub(crate) struct File {
    /// From the root, with slashes.
    pub(crate) path: String,
    pub(crate) text: String,
    /// A test, an example, or a module that exists in tests only.
    only_for_tests: bool,
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
    fn new(path: String, text: String) -> Self {
        let folders = ["/tests/", "/examples/", "/benches/"];
        let only_for_tests = path.starts_with("tests/")
            || path.ends_with("/tests.rs")
            || folders.iter().any(|folder| path.contains(folder));
        Self {
            path,
            text,
            only_for_tests,
        }
    }

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
        if self.only_for_tests || !self.is_rust() {
            return Vec::new();
        }
        let lines: Vec<(usize, &str)> = self.lines().collect();
        let tests = lines.windows(2).position(|pair| {
            matches!(pair, [(_, "#[cfg(test)]"), (_, next)] if next.starts_with("mod ") && next.ends_with('{'))
        });
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
            files.push(File::new(name, text));
        }
    }
    mark_test_modules(&mut files);
    Ok((files, names))
}

/// A file that its parent names as `#[cfg(test)] mod name;` is for tests only.
fn mark_test_modules(files: &mut [File]) {
    let mut modules = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let Some((folder, own)) = file.path.rsplit_once('/') else {
            continue;
        };
        let below = match own {
            "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
            own => format!("{folder}/{}", own.trim_end_matches(".rs")),
        };
        let mut lines = file.text.lines().map(str::trim).peekable();
        while let Some(line) = lines.next() {
            let next = lines.peek().copied().unwrap_or_default();
            let name = next
                .trim_start_matches("pub(crate) ")
                .strip_prefix("mod ")
                .and_then(|rest| rest.strip_suffix(';'));
            if let ("#[cfg(test)]", Some(name)) = (line, name) {
                modules.push(format!("{below}/{name}.rs"));
                modules.push(format!("{below}/{name}/"));
            }
        }
    }
    for file in files {
        let named = |module: &String| {
            file.path == *module || (module.ends_with('/') && file.path.starts_with(module))
        };
        file.only_for_tests |= modules.iter().any(named);
    }
}

#[cfg(test)]
pub(crate) fn file(path: &str, text: &str) -> File {
    File::new(path.to_owned(), text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{file, mark_test_modules, read};
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
    fn modules_for_tests_alone_are_not_shipped() {
        let parent = "//! A.\n#[cfg(test)]\nmod stage;\nmod work;\nfn a() {}\n";
        let mut files = [
            file("crates/a/src/lib.rs", parent),
            file("crates/a/src/stage.rs", "//! B."),
            file("crates/a/src/stage/deep.rs", "//! C."),
            file("crates/a/src/work.rs", parent),
            file("crates/a/src/work/stage.rs", "//! D."),
            file("crates/b/src/stage.rs", "//! E."),
        ];
        mark_test_modules(&mut files);
        let shipped = files.map(|file| file.shipped_lines().len());
        assert_eq!(shipped, [5, 0, 0, 5, 0, 1]);
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
