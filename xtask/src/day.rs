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

/// A short day over each bridge, on each kind of account, and a hundred kills, two days at a time: the step of ci.
pub(crate) fn quick() -> Result<()> {
    let metadata = Metadata::read()?;
    prepare(&metadata)?;
    let day = ["live-day", "--until", "10:30"];
    let kills = ["torture", "--until", "12:00", "--kills", "50", "--kills-a-day", "25"];
    let rounds = [
        [(day.as_slice(), "sidecar", "netting"), (day.as_slice(), "ea", "exchange")],
        [(day.as_slice(), "sidecar", "hedging"), (day.as_slice(), "ea", "hedging")],
        [(kills.as_slice(), "sidecar", "netting"), (kills.as_slice(), "ea", "hedging")],
    ];
    for round in rounds {
        let mut running = Vec::new();
        for (words, bridge, account) in round {
            let mut command = Command::new(program(&metadata));
            command.args(words).args(["--bridge", bridge, "--account", account]).current_dir(&metadata.workspace_root);
            command.arg("--workshop").arg(metadata.target_directory.join("debug"));
            let child = command.spawn().with_context(|| format!("starting {command:?}"))?;
            running.push((command, child));
        }
        let mut failed = None;
        for (command, mut child) in running {
            let status = child.wait()?;
            failed = failed.or((!status.success()).then(|| format!("{command:?} failed: {status}")));
        }
        if let Some(failed) = failed {
            bail!("{failed}");
        }
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
