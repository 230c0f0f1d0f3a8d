//! See the library; nothing is decided here.

use std::process::ExitCode;

/// Of what an event costs, a sixth was memory taken and given back by the system's allocator; this one does it for less.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    provodka::main()
}
