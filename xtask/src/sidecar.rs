//! The sidecar's tests: `bridge/python` is not Rust, so nothing else here runs them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace::{Metadata, cargo};

/// What the sidecar's tests run on: made once, in the target folder. Without a network it is made as far as it can be.
pub(crate) fn prepare(metadata: &Metadata) -> Result<()> {
    let mut command = Command::new("python3");
    command.arg(project(metadata).join("tools/prepare.py")).arg(folder(metadata));
    succeed(command.stdin(Stdio::null()))
}

/// Runs them, over the simulated terminal.
pub(crate) fn run() -> Result<()> {
    let metadata = Metadata::read()?;
    prepare(&metadata)?;
    if metadata.packages.iter().any(|package| package.targets_of("bin").any(|name| name == "simterm")) {
        let build = ["build", "--locked", "--package", "alavanca-adapters-sim", "--all-features", "--bin", "simterm"];
        succeed(cargo().args(build))?;
    }
    let mut command = Command::new(folder(&metadata).join("venv/bin/python"));
    command
        .args(["../run_tests.py", "tests", "--top", "."])
        .current_dir(project(&metadata))
        .env("ALAVANCA_SIMTERM_BINARY", metadata.target_directory.join("debug").join("simterm"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    succeed(&mut command)
}

fn project(metadata: &Metadata) -> PathBuf {
    metadata.workspace_root.join("bridge/python")
}

fn folder(metadata: &Metadata) -> PathBuf {
    Path::new(&metadata.target_directory).join("bridge-python")
}

fn succeed(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("starting {command:?}"))?;
    if !status.success() {
        bail!("{command:?} failed: {status}");
    }
    Ok(())
}
