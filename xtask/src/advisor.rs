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
    // Both programs before any test: whoever comes first would build what the others build, too.
    let mut sanitized = python(&metadata);
    let mut building = sanitized.args(["bridge/mql5/build.py", "--sanitize"]).spawn().context("starting python3")?;
    let plain = succeed(python(&metadata).arg("bridge/mql5/build.py"));
    if !building.wait().context("waiting for the sanitized program")?.success() {
        bail!("{sanitized:?} failed");
    }
    plain?;
    let mut tests = python(&metadata);
    tests.args(["bridge/run_tests.py", "bridge/mql5/tests", "--again-with", "ALAVANCA_EA_SANITIZED=1"]);
    succeed(tests.args(["test_session", "test_orders", "test_market"]))
}

fn python(metadata: &Metadata) -> Command {
    let mut command = Command::new("python3");
    command
        .current_dir(&metadata.workspace_root)
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
