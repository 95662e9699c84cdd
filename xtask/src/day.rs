//! Days with everything real but the exchange, and the order protocol's larger model: what `tests` has the programs for.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::sidecar;
use crate::workspace::{Metadata, cargo};

/// `live-day` and `torture`.
pub(crate) fn run(task: &str, arguments: &[&str]) -> Result<()> {
    if arguments == ["--model"] {
        return model();
    }
    let metadata = Metadata::read()?;
    prepare(&metadata)?;
    let mut command = Command::new(program(&metadata));
    command.arg(task).args(arguments).current_dir(&metadata.workspace_root);
    succeed(command.arg("--workshop").arg(metadata.target_directory.join("debug")))
}

/// A short day over each bridge, on each kind of account, and a hundred kills: the step of ci.
pub(crate) fn quick() -> Result<()> {
    let hours = ["--until", "10:30"];
    for (bridge, account) in [("sidecar", "netting"), ("sidecar", "hedging"), ("ea", "exchange"), ("ea", "hedging")] {
        run("live-day", &[&["--bridge", bridge, "--account", account], &hours[..]].concat())?;
    }
    for (bridge, account) in [("sidecar", "netting"), ("ea", "hedging")] {
        let kills = ["--kills", "50", "--kills-a-day", "25"];
        run("torture", &[&["--bridge", bridge, "--account", account], &kills[..]].concat())?;
    }
    Ok(())
}

/// Everything that takes part is built.
fn prepare(metadata: &Metadata) -> Result<()> {
    sidecar::prepare(metadata)?;
    let mut advisor = Command::new("python3");
    succeed(advisor.arg(metadata.workspace_root.join("bridge/mql5/build.py")).stdin(Stdio::null()))?;
    let packages = ["--package", "alavanca", "--package", "alavanca-adapters-sim", "--package", "alavanca-tests"];
    succeed(cargo().args(["build", "--locked", "--bins", "--all-features"]).args(packages))
}

fn program(metadata: &Metadata) -> PathBuf {
    metadata.target_directory.join("debug").join("market-day")
}

/// More orders and letters than a test's time has room for.
fn model() -> Result<()> {
    let test = ["test", "--locked", "--package", "alavanca-tests", "--test", "order_model"];
    succeed(cargo().args(test).args(["--", "--ignored", "--nocapture"]))
}

fn succeed(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("starting {command:?}"))?;
    if !status.success() {
        bail!("{command:?} failed: {status}");
    }
    Ok(())
}
