//! The `masklink` binary: hands the command line to the library's `cli` module.

use std::process::ExitCode;

fn main() -> ExitCode {
    masklink::cli::run()
}
