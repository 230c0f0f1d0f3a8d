//! See the library; nothing is decided here.

use std::process::ExitCode;

fn main() -> ExitCode {
    provodka::main()
}
