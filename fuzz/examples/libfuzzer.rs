//! The program that libFuzzer drives: one target, named by a variable, because its command line is the fuzzer's own.
//!
//! Built and started by `cargo xtask fuzz`, which also sees to the coverage.
#![no_main]

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
        fuzz::target(&name).unwrap_or(fuzz::TARGETS[0])
    })
}

fuzz_target!(|data: &[u8]| (chosen().run)(data));
