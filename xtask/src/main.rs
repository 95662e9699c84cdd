//! The workspace's own tasks, run as `cargo xtask TASK`.
//!
//! It is built before anything else, so it stays small: no command-line library, no table library.

mod advisor;
mod bench;
mod book;
mod ci;
mod day;
mod graph;
mod links;
mod names;
mod peers;
mod setup;
mod sidecar;
mod table;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

const HELP: &str = "\
The workspace's own tasks.

cargo xtask ci [--list] [STEP ...]   every check that a change has to pass, or only the steps named
cargo xtask graph [--write]          the packages' edges against xtask/graph.toml; --write redraws ARCHITECTURE.md
cargo xtask book                     builds the book into target/book
cargo xtask references               writes the book's references anew, from the settings and the store's schema
cargo xtask links                    the links between the Markdown pages
cargo xtask names                    the names in docs/glossary.md against the code
cargo xtask setup                    installs what the checks need and is not there
cargo xtask bench [--no-run] [-p PACKAGE ...] [FILTER]
                                     runs the benches and prints time per element; --no-run prints the last figures
cargo xtask live-day [OPTIONS]       a simulated terminal, a bridge and `alavanca live --arm` through a day; --help
cargo xtask torture [OPTIONS]        the same, killed at every step and started again; --help
cargo xtask torture --schedules      what its model found to break other protocols, done to the real programs
cargo xtask torture --model          the order protocol's model with more orders and letters than in its test
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<()> {
    match arguments {
        ["ci", rest @ ..] => ci::run(rest),
        ["graph"] => graph::run(false),
        ["graph", "--write"] => graph::run(true),
        ["book"] => book::run(),
        ["references"] => book::write_references(),
        ["links"] => links::run(),
        ["names"] => names::run(),
        ["setup"] => setup::run(),
        ["bench", rest @ ..] => bench::run(rest),
        [task @ ("live-day" | "torture"), rest @ ..] => day::run(task, rest),
        [] | ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        unknown => bail!("unknown task `{}`\n\n{HELP}", unknown.join(" ")),
    }
}
