//! Hands the targets of `fuzz/` to libFuzzer, on the stable compiler.
//!
//! Only those of our own crates that a target calls are built for coverage: this program stands before `rustc` as cargo's
//! wrapper of workspace members, so that nothing else is built again, and cargo keeps what it makes apart from the usual build. New inputs
//! that reach further are kept beside the build; what breaks a target is named.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;

use anyhow::Context as _;

use crate::workspace::Workspace;

/// What `fuzz::TARGETS` names, and the folders of `fuzz/corpus`.
const TARGETS: [&str; 6] = [
    "event-body",
    "batch-answer",
    "token-answer",
    "accounting-answer",
    "configuration",
    "statement",
];
/// So long each target runs in CI.
pub(crate) const SECONDS_IN_CI: u32 = 20;
/// So many run beside each other.
const AT_ONCE: usize = 2;
/// Longest input, in bytes; a larger one is the tests' matter, where time and memory are measured.
const MOST_BYTES: u32 = 64 << 10;

/// What libFuzzer needs to see where an input leads.
const COVERAGE: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];
/// The crates that the targets call: what else is of ours is only linked, and not worth covering or optimising.
const REACHED: [&str; 10] = [
    "capability",
    "connector_bank_statement",
    "connector_bitrix24",
    "connector_kontur_accounting",
    "domain",
    "fuzz",
    "libfuzzer",
    "planner",
    "provodka",
    "transport",
];
const IS_WRAPPER: &str = "PROVODKA_XTASK_COVERS";

/// Stands before `rustc` where cargo calls us so; none otherwise.
pub(crate) fn as_wrapper(arguments: &[String]) -> Option<ExitCode> {
    #[expect(clippy::disallowed_methods, reason = "cargo passes nothing else on")]
    let is_wrapper = std::env::var_os(IS_WRAPPER).is_some();
    let (rustc, rest) = arguments.split_first().filter(|_| is_wrapper)?;
    let mut command = Command::new(rustc);
    command.args(rest);
    match crate_name(rest) {
        Some(name) if REACHED.contains(&name) => {
            command.args(COVERAGE);
        }
        Some(_) => {
            command.arg("-Copt-level=0");
        }
        None => {}
    }
    match command.status() {
        Ok(status) if status.success() => Some(ExitCode::SUCCESS),
        Ok(_) => Some(ExitCode::FAILURE),
        Err(error) => {
            eprintln!("error: cannot start `{rustc}`: {error}");
            Some(ExitCode::from(2))
        }
    }
}

/// The crate that is compiled; none where it is a build script or a question about the compiler.
fn crate_name(arguments: &[String]) -> Option<&str> {
    let name = arguments
        .iter()
        .skip_while(|word| *word != "--crate-name")
        .nth(1);
    name.map(String::as_str)
        .filter(|name| *name != "___" && !name.starts_with("build_script"))
}

/// What may be said after `cargo xtask fuzz`.
struct Wish {
    seconds: u32,
    targets: Vec<&'static str>,
}

/// Runs the targets; answers whether none of them broke.
pub(crate) fn run(workspace: &Workspace, arguments: &[&str]) -> anyhow::Result<bool> {
    let wish = wish(arguments)?;
    let program = build(workspace)?;
    let left = Mutex::new(wish.targets);
    let told = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(target) = pop(&left) {
                    eprintln!("fuzzing {target} for {} s", wish.seconds);
                    let ran = one(workspace, &program, target, wish.seconds);
                    lock(&told).push((target, ran));
                }
            });
        }
    });
    let mut all_well = true;
    eprintln!(
        "{:<20}{:>12}{:>10}{:>10}{:>10}",
        "target", "executions", "a second", "peak MB", "slowest s"
    );
    for (target, ran) in lock(&told).drain(..) {
        let ran = ran.with_context(|| format!("`{target}`"))?;
        all_well &= ran.is_well;
        eprintln!(
            "{target:<20}{:>12}{:>10}{:>10}{:>10}{}",
            ran.stat("number_of_executed_units"),
            ran.stat("average_exec_per_sec"),
            ran.stat("peak_rss_mb"),
            ran.stat("slowest_unit_time_sec"),
            if ran.is_well { "" } else { "  BROKEN" }
        );
        if !ran.is_well {
            eprintln!("{}", ran.last_words());
        }
    }
    Ok(all_well)
}

fn wish(arguments: &[&str]) -> anyhow::Result<Wish> {
    let mut wish = Wish {
        seconds: SECONDS_IN_CI,
        targets: Vec::new(),
    };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let value = words.next().copied().unwrap_or_default();
        match *word {
            "--seconds" => wish.seconds = value.parse().context("`--seconds` wants a number")?,
            "--target" => {
                let known = TARGETS.into_iter().find(|target| *target == value);
                let known = known.with_context(|| {
                    format!("no target `{value}`; there are {}", TARGETS.join(", "))
                })?;
                wish.targets.push(known);
            }
            other => anyhow::bail!("`{other}` is neither `--seconds N` nor `--target NAME`"),
        }
    }
    if wish.targets.is_empty() {
        wish.targets = TARGETS.into_iter().rev().collect();
    }
    Ok(wish)
}

/// Builds the one program of all targets; gives its path.
fn build(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let status = workspace
        .cargo()
        // Of the whole workspace, so that the features of others' crates are those of the tests' build.
        .args(["build", "--quiet", "--workspace", "--example", "libfuzzer"])
        .args(["--features", "fuzz/libfuzzer"])
        // What breaks is said with its place, and the input is kept: nobody needs more of a build for this alone.
        .args(["--config", "profile.dev.debug=false"])
        .env("RUSTC_WORKSPACE_WRAPPER", &own)
        .env(IS_WRAPPER, "1")
        .status()?;
    anyhow::ensure!(status.success(), "the fuzzer does not build");
    let folder = own.parent().context("this program lies nowhere")?;
    Ok(folder.join("examples/libfuzzer"))
}

/// What a run of one target said.
struct Ran {
    is_well: bool,
    said: String,
}

impl Ran {
    fn stat(&self, name: &str) -> &str {
        let prefix = format!("stat::{name}:");
        let line = self
            .said
            .lines()
            .find_map(|line| line.strip_prefix(&prefix));
        line.map_or("?", str::trim)
    }

    fn last_words(&self) -> String {
        let lines: Vec<&str> = self.said.lines().collect();
        lines
            .iter()
            .skip(lines.len().saturating_sub(40))
            .map(|line| format!("    {line}\n"))
            .collect()
    }
}

fn one(workspace: &Workspace, program: &Path, target: &str, seconds: u32) -> anyhow::Result<Ran> {
    let beside = workspace.tools().with_file_name("fuzz");
    let (kept, found) = (beside.join("corpus").join(target), beside.join("found"));
    std::fs::create_dir_all(&kept)?;
    std::fs::create_dir_all(&found)?;
    let output = Command::new(program)
        .arg(&kept)
        .arg(workspace.root().join("fuzz/corpus").join(target))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={MOST_BYTES}"))
        .arg(format!("-artifact_prefix={}/{target}-", found.display()))
        // By the clock of the wall, on a machine that does much else: an input of this size takes milliseconds.
        .args(["-timeout=5", "-rss_limit_mb=1024", "-print_final_stats=1"])
        .env("PROVODKA_FUZZ_TARGET", target)
        .current_dir(workspace.root())
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{}`", program.display()))?;
    Ok(Ran {
        is_well: output.status.success(),
        said: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

fn pop(left: &Mutex<Vec<&'static str>>) -> Option<&'static str> {
    lock(left).pop()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{REACHED, TARGETS, crate_name, wish};
    use crate::workspace::Workspace;

    #[test]
    fn wishes_are_read_and_mistakes_named() {
        let wished = wish(&["--seconds", "3", "--target", "event-body"]).unwrap();
        assert_eq!((wished.seconds, wished.targets), (3, vec!["event-body"]));
        assert_eq!(wish(&[]).unwrap().targets.len(), TARGETS.len());
        for mistake in [&["--target", "body"][..], &["--seconds"], &["3"]] {
            assert!(wish(mistake).is_err(), "{mistake:?}");
        }
    }

    #[test]
    fn what_is_compiled_is_called_by_its_name() {
        let called = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            crate_name(&words).map(str::to_owned)
        };
        let web = called("--crate-name web --edition=2024 lib.rs");
        assert_eq!(web.as_deref(), Some("web"));
        for other in [
            "--crate-name build_script_build build.rs",
            "- --crate-name ___ --print=file-names",
            "-vV",
        ] {
            assert_eq!(called(other), None, "{other}");
        }
    }

    #[test]
    fn what_the_targets_name_is_covered() {
        let root = Workspace::find().unwrap().root().join("fuzz/src");
        for entry in std::fs::read_dir(root).unwrap() {
            let source = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            for used in [
                "capability",
                "domain",
                "planner",
                "provodka",
                "transport",
                "web",
                "store",
            ] {
                let names = source.contains(&format!("use {used}::"));
                assert!(!names || REACHED.contains(&used), "{used}");
            }
            for connector in source.split("use connector_").skip(1) {
                let name: String = connector.chars().take_while(|c| *c != ':').collect();
                assert!(
                    REACHED.contains(&format!("connector_{name}").as_str()),
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn each_target_has_inputs_to_begin_with() {
        let root = Workspace::find().unwrap().root().join("fuzz/corpus");
        let mut folders: Vec<String> = std::fs::read_dir(root)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        folders.sort();
        let mut targets = TARGETS.map(str::to_owned);
        targets.sort();
        assert_eq!(folders, targets);
    }
}
