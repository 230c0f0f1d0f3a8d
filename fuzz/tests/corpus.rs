//! Every committed input comes back, and so do inputs of a mebibyte made to be as costly as they can: within a second
//! of the processor's time and 80 MiB.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests may"
)]

use std::process::Command;
use std::time::Duration;

use fuzz::{TARGETS, Target};

const MEBIBYTE: usize = 1 << 20;
const MOST_TIME: Duration = Duration::from_secs(1);
/// A mebibyte of one-digit numbers is half a million values of 72 bytes, in a list that doubles as it grows.
const MOST_MEMORY_KB: u64 = 80 << 10;
/// Names the target in the child of a test below.
const CHILD: &str = "PROVODKA_TEST_COSTLY";

#[test]
fn committed_inputs_come_back() {
    for target in TARGETS {
        let folder = format!("{}/corpus/{}", env!("CARGO_MANIFEST_DIR"), target.name);
        let mut count = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            (target.run)(&std::fs::read(file.unwrap().path()).unwrap());
            count += 1;
        }
        assert!(count > 0, "{} has no input", target.name);
    }
}

#[test]
fn costly_events_come_back_in_time_and_memory() {
    in_child("event-body");
}

#[test]
fn costly_batch_answers_come_back_in_time_and_memory() {
    in_child("batch-answer");
}

#[test]
fn costly_token_answers_come_back_in_time_and_memory() {
    in_child("token-answer");
}

#[test]
fn costly_answers_of_the_accounting_side_come_back_in_time_and_memory() {
    in_child("accounting-answer");
}

#[test]
fn costly_configurations_come_back_in_time_and_memory() {
    in_child("configuration");
}

#[test]
fn costly_statements_come_back_in_time_and_memory() {
    in_child("statement");
}

/// Measures in a process of its own, whose allocator gives back at once what was freed.
fn in_child(name: &str) {
    if std::env::var(CHILD).is_ok() {
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(CHILD, name)
        .env("MALLOC_ARENA_MAX", "1")
        .env("MALLOC_TRIM_THRESHOLD_", "0")
        .env("MALLOC_MMAP_THRESHOLD_", "65536")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Only does anything as the child of the tests above.
#[test]
fn child() {
    let Ok(name) = std::env::var(CHILD) else {
        return;
    };
    let target = fuzz::target(&name).unwrap();
    let mut faults = Vec::new();
    for (what, input) in costly(&name) {
        let (time, memory_kb) = cost(target, &input);
        if time > MOST_TIME || memory_kb > MOST_MEMORY_KB {
            faults.push(format!("{what}: {time:?}, {} MiB", memory_kb >> 10));
        }
    }
    assert!(
        faults.is_empty(),
        "{name} costs too much:\n{}",
        faults.join("\n")
    );
}

/// The processor's time and the highest memory above what was there before.
fn cost(target: Target, input: &[u8]) -> (Duration, u64) {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let (before, began) = (memory_kb("VmRSS:"), on_processor());
    (target.run)(input);
    let time = on_processor().saturating_sub(began);
    (time, memory_kb("VmHWM:").saturating_sub(before))
}

fn on_processor() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(told.split(' ').next().unwrap().parse().unwrap())
}

fn memory_kb(name: &str) -> u64 {
    let told = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = told.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .parse()
        .unwrap()
}

/// A mebibyte of lines after a beginning that makes them count.
fn statements() -> Vec<(String, Vec<u8>)> {
    let first = "1CClientBankExchange\nРасчСчет=1\n";
    let document =
        "СекцияДокумент=П\nДата=01.01.2026\nСумма=1\nПлательщикСчет=2\nПолучательСчет=1\n";
    let pieces = [
        "СекцияДокумент=\n".to_owned(),
        "КонецДокумента\n".to_owned(),
        "\n".to_owned(),
        "x\n".to_owned(),
        "СекцияРасчСчет\nРасчСчет=7\nКонецРасчСчет\n".to_owned(),
        format!("{document}КонецДокумента\n"),
        "КонецФайла\nx\n".to_owned(),
        "7".to_owned(),
        "ё".to_owned(),
    ];
    let mut all: Vec<(String, Vec<u8>)> = pieces
        .iter()
        .map(|piece| {
            let count = MEBIBYTE / piece.len();
            (
                piece.clone(),
                format!("{first}{}", piece.repeat(count)).into_bytes(),
            )
        })
        .collect();
    for in_purpose in ["счет №1,", "НДС 1%", "за ООО \"", "1 000 ", "и\n"] {
        let line = in_purpose.repeat(60_000 / in_purpose.len());
        let one = format!("{document}НазначениеПлатежа={line}\nКонецДокумента\n");
        let count = MEBIBYTE / one.len();
        all.push((
            in_purpose.to_owned(),
            format!("{first}{}", one.repeat(count)).into_bytes(),
        ));
    }
    let accounts: String = (0..MEBIBYTE / 60)
        .map(|number| format!("СекцияРасчСчет\nРасчСчет={number}\nКонецРасчСчет\n"))
        .collect();
    all.push((
        "accounts".to_owned(),
        format!("{first}{accounts}").into_bytes(),
    ));
    all
}

fn costly(target: &str) -> Vec<(String, Vec<u8>)> {
    match target {
        "event-body" => forms(),
        "configuration" => settings(),
        "statement" => statements(),
        "batch-answer" => answers(
            &[
                "glance",
                "read",
                "presence",
                "changed",
                "owners",
                "write",
                "look-up",
                "funnels",
                "own-companies",
                "probe",
                "ensure-fields",
            ],
            &[
                "",
                "{\"result\":",
                "{\"result\":{\"result\":{\"c0\":",
                "{\"result\":{\"items\":",
            ],
        ),
        "token-answer" => answers(
            &["install", "renew", "reserve"],
            &["", "{\"access_token\":", "{\"result\":{\"events\":"],
        ),
        _ => answers(
            &[
                "find",
                "create",
                "issue",
                "find-by-key",
                "read",
                "print",
                "changes",
                "probe",
                "organisations",
                "find-ours",
                "with-number",
                "payments",
                "payments-go-on",
            ],
            &[
                "",
                "{\"bills\":",
                "{\"items\":",
                "{\"payments\":",
                "{\"error\":{\"details\":",
            ],
        ),
    }
}

/// JSON that is small to send and large to hold or deep to read.
fn shapes() -> Vec<(&'static str, String)> {
    let keys: String = (0..MEBIBYTE / 12)
        .map(|key| format!("\"{key:x}\":0,"))
        .collect();
    vec![
        ("numbers", format!("[{}0]", "0,".repeat(MEBIBYTE / 2))),
        ("empty lists", format!("[{}[]]", "[],".repeat(MEBIBYTE / 3))),
        (
            "empty maps",
            format!("[{}{{}}]", "{},".repeat(MEBIBYTE / 3)),
        ),
        ("keys", format!("{{{keys}\"z\":0}}")),
        (
            "maps of one",
            format!("[{}0]", "{\"a\":0},".repeat(MEBIBYTE / 8)),
        ),
        ("deep lists", "[".repeat(MEBIBYTE)),
        ("deep maps", "{\"a\":".repeat(MEBIBYTE / 5)),
        ("a text", format!("\"{}\"", "a".repeat(MEBIBYTE))),
        ("escapes", format!("\"{}\"", "\\u0001".repeat(MEBIBYTE / 6))),
        ("a number", "9".repeat(MEBIBYTE)),
    ]
}

fn answers(operations: &[&str], before: &[&str]) -> Vec<(String, Vec<u8>)> {
    let shapes = shapes();
    let mut inputs = Vec::new();
    for operation in operations {
        for (place, (name, shape)) in shapes.iter().enumerate() {
            // Each operation meets each shape once as the whole, and once within one of the places it looks at.
            let within = before[1 + place % (before.len() - 1)];
            for before in ["", within] {
                let after = "}".repeat(before.matches('{').count());
                let input = format!("{operation} 200\n{before}{shape}{after}");
                let what = format!("{operation}, {name} after `{before}`");
                inputs.push((what, input.into_bytes()));
            }
        }
    }
    inputs
}

fn forms() -> Vec<(String, Vec<u8>)> {
    let known = "event=ONCRMDEALUPDATE&auth[member_id]=a&auth[application_token]=t&";
    [
        ("fields", "a=&".repeat(MEBIBYTE / 3)),
        ("separators", "&".repeat(MEBIBYTE)),
        ("brackets", format!("a{}=1", "[a]".repeat(MEBIBYTE / 3))),
        ("open brackets", format!("a{}=1", "[".repeat(MEBIBYTE))),
        ("escapes", format!("a={}", "%41".repeat(MEBIBYTE / 3))),
        ("a value", format!("a={}", "я".repeat(MEBIBYTE / 2))),
        (
            "an id",
            format!("data[FIELDS][ID]={}", "9".repeat(MEBIBYTE)),
        ),
    ]
    .into_iter()
    .map(|(name, form)| (name.to_owned(), format!("{known}{form}").into_bytes()))
    .collect()
}

fn settings() -> Vec<(String, Vec<u8>)> {
    let keys: String = (0..MEBIBYTE / 10)
        .map(|key| format!("k{key:x}=1\n"))
        .collect();
    let sections: String = (0..MEBIBYTE / 10)
        .map(|key| format!("[s{key:x}]\n"))
        .collect();
    [
        ("keys", keys),
        ("sections", sections),
        ("a dotted key", format!("a{}=1", ".a".repeat(MEBIBYTE / 2))),
        (
            "a dotted section",
            format!("[a{}]", ".a".repeat(MEBIBYTE / 2)),
        ),
        ("deep lists", format!("a={}", "[".repeat(MEBIBYTE))),
        ("deep maps", format!("a={}", "{a=".repeat(MEBIBYTE / 3))),
        ("numbers", format!("a=[{}]", "1,".repeat(MEBIBYTE / 2))),
        (
            "a text",
            format!("[log]\nlevel=\"{}\"", "a".repeat(MEBIBYTE)),
        ),
        (
            "directives",
            format!("[log]\nlevel=\"{}\"", "a=info,".repeat(MEBIBYTE / 7)),
        ),
        (
            "networks",
            format!(
                "[bitrix24]\nsources=[{}]",
                "\"10.0.0.0/8\",".repeat(MEBIBYTE / 13)
            ),
        ),
        ("a key", format!("{}=1", "a".repeat(MEBIBYTE))),
        ("lists of sections", "[[a]]\n".repeat(MEBIBYTE / 6)),
    ]
    .into_iter()
    .map(|(name, text)| (name.to_owned(), text.into_bytes()))
    .collect()
}
