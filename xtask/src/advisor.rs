//! The Expert Advisor's tests: `bridge/mql5` is MQL5 that a C++ compiler reads, too, so nothing else here runs them.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::workspace::{Metadata, cargo};

/// Compiles the advisor's source and runs its tests over the simulated terminal; those where memory is handled most
/// once more under the sanitizers.
pub(crate) fn run() -> Result<()> {
    let metadata = Metadata::read()?;
    let build = ["build", "--locked", "--package", "alavanca-adapters-sim", "--all-features", "--bin", "simterm"];
    succeed(cargo().args(build))?;
    succeed(&mut tests(&metadata, &["discover", "--start-directory", "."]))?;
    succeed(tests(&metadata, &["test_session", "test_orders", "test_market"]).env("ALAVANCA_EA_SANITIZED", "1"))
}

fn tests(metadata: &Metadata, which: &[&str]) -> Command {
    let mut command = Command::new("python3");
    command
        .args(["-W", "ignore::ResourceWarning", "-m", "unittest"])
        .args(which)
        .current_dir(metadata.workspace_root.join("bridge/mql5/tests"))
        .env("CARGO_TARGET_DIR", &metadata.target_directory)
        .env("ALAVANCA_SIMTERM_BINARY", metadata.target_directory.join("debug").join("simterm"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

fn succeed(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("starting {command:?}"))?;
    if !status.success() {
        bail!("{command:?} failed: {status}");
    }
    Ok(())
}
