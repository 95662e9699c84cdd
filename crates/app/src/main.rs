//! The command line. It parses, calls the library, prints; what it means is the library's business.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
