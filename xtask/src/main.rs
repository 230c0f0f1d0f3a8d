//! The program of `cargo xtask`; everything stands in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    xtask::main()
}
