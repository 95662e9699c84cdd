//! Installs what the checks need beyond the Rust toolchain, and only where it is not there.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::sidecar;
use crate::workspace::{Metadata, cargo, installed};

/// Something the checks call.
struct Tool {
    name: &'static str,
    /// The command that answers where it is there.
    probe: &'static [&'static str],
    source: Source,
}

enum Source {
    /// `cargo install --locked` with these arguments.
    Crate(&'static [&'static str]),
    /// A package of Debian's.
    Debian(&'static str),
    /// A component of the toolchain.
    Component(&'static str),
}

/// Everything the checks call. What comes as source is built without optimisation: these tools read and wait, and
/// are there in a third of the time.
const TOOLS: &[Tool] = &[
    // SQLite comes as C source; the Expert Advisor's source is compiled as C++.
    Tool { name: "a C compiler", probe: &["cc", "--version"], source: Source::Debian("build-essential") },
    Tool { name: "a C++ compiler", probe: &["g++", "--version"], source: Source::Debian("build-essential") },
    Tool { name: "rustfmt", probe: &["cargo", "fmt", "--version"], source: Source::Component("rustfmt") },
    Tool { name: "clippy", probe: &["cargo", "clippy", "--version"], source: Source::Component("clippy") },
    Tool {
        name: "cargo-nextest",
        probe: &["cargo", "nextest", "--version"],
        source: Source::Crate(&["--debug", "cargo-nextest", "--version", "^0.9"]),
    },
    Tool {
        name: "cargo-deny",
        probe: &["cargo", "deny", "--version"],
        source: Source::Crate(&["--debug", "cargo-deny", "--version", "^0.20"]),
    },
    Tool {
        name: "mdbook",
        probe: &["mdbook", "--version"],
        source: Source::Crate(&[
            "--debug",
            "mdbook",
            "--version",
            "^0.5",
            "--no-default-features",
            "--features",
            "search",
        ]),
    },
    // Runs the bridges' tests.
    Tool { name: "python3", probe: &["python3", "--version"], source: Source::Debian("python3") },
    Tool {
        name: "python3's venv",
        probe: &["python3", "-c", "import ensurepip, venv"],
        source: Source::Debian("python3-venv"),
    },
    // Looks at the report's page.
    Tool { name: "chromium", probe: &["chromium", "--version"], source: Source::Debian("chromium") },
];

/// Installs what is missing.
pub(crate) fn run() -> Result<()> {
    for tool in TOOLS {
        if answers(tool.probe) {
            println!("setup: {} is there", tool.name);
            continue;
        }
        println!("setup: installing {}", tool.name);
        install(&tool.source).with_context(|| format!("installing {}", tool.name))?;
        if !answers(tool.probe) {
            bail!("{} is installed, but `{}` fails", tool.name, tool.probe.join(" "));
        }
    }
    println!("setup: what the sidecar's tests run on");
    sidecar::prepare(&Metadata::read()?)
}

fn install(source: &Source) -> Result<()> {
    match source {
        Source::Crate(arguments) => succeed(cargo().args(["install", "--locked"]).args(*arguments)),
        Source::Component(name) => succeed(Command::new("rustup").args(["component", "add", name])),
        Source::Debian(package) => {
            let mut update = Command::new("apt-get");
            succeed(update.args(["update", "--quiet"]))?;
            let mut install = Command::new("apt-get");
            install.env("DEBIAN_FRONTEND", "noninteractive");
            succeed(install.args(["install", "--quiet", "--yes", "--no-install-recommends", package]))
                .context("Debian's packages are installed by root")
        }
    }
}

fn succeed(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("starting {command:?}"))?;
    if !status.success() {
        bail!("{command:?} failed: {status}");
    }
    Ok(())
}

/// Whether a command is there and works.
fn answers(probe: &[&str]) -> bool {
    let mut command = if probe[0] == "cargo" { cargo() } else { installed(probe[0]) };
    let quiet = command.args(&probe[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_is_not_there_or_fails_does_not_answer() {
        assert!(answers(&["cargo", "--version"]));
        assert!(!answers(&["cargo", "no-such-subcommand-of-cargo", "--version"]));
        assert!(!answers(&["no-such-command-anywhere"]));
    }
}
