//! The command line, with what is built in.

use std::process::ExitCode;

use alavanca::extensions::Extensions;

fn main() -> ExitCode {
    alavanca::cli::main_with(Extensions::new())
}
