//! The program that libFuzzer drives: one target, named by a variable, because its command line is the fuzzer's own.
//!
//! Built and started by `cargo xtask fuzz`, which also sees to the coverage.
#![no_main]
#![allow(
    clippy::panic,
    reason = "a fuzzer has no other way to say that it cannot begin"
)]

use std::sync::OnceLock;

use fuzz::Target;
use libfuzzer_sys::fuzz_target;

/// Set by `cargo xtask fuzz`.
const NAME: &str = "PROVODKA_FUZZ_TARGET";

fn chosen() -> Target {
    static CHOSEN: OnceLock<Target> = OnceLock::new();
    *CHOSEN.get_or_init(|| {
        #[expect(clippy::disallowed_methods, reason = "libFuzzer owns the command line")]
        let name = std::env::var(NAME).unwrap_or_default();
        // Fuzzing something else than was meant would look like success.
        fuzz::target(&name).unwrap_or_else(|| panic!("{NAME} names no target: `{name}`"))
    })
}

fuzz_target!(init: { chosen(); }, |data: &[u8]| (chosen().run)(data));
