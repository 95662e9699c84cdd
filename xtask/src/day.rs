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
    let (task, arguments) = match arguments {
        ["--schedules", rest @ ..] => ("schedules", rest),
        _ => (task, arguments),
    };
    command.arg(task).args(arguments).current_dir(&metadata.workspace_root);
    succeed(command.arg("--workshop").arg(metadata.target_directory.join("debug")))
}

/// A short day over each bridge on each kind of account, the model's ways to the damage, and a hundred kills: the step of
/// ci. Three lanes at a time, since who was killed is mostly waited for.
pub(crate) fn quick() -> Result<()> {
    let metadata = Metadata::read()?;
    prepare(&metadata)?;
    let day = ["live-day", "--until", "10:30"];
    let kills = ["torture", "--until", "17:30", "--kills", "50", "--kills-a-day", "50"];
    let (odd, even) = (["schedules", "--part", "1/2"], ["schedules", "--part", "2/2"]);
    let lanes: [&[(&[&str], &str, &str)]; 3] = [
        &[(&kills, "sidecar", "netting")],
        &[(&kills, "ea", "hedging")],
        &[
            (&day, "ea", "exchange"),
            (&day, "sidecar", "netting"),
            (&day, "ea", "hedging"),
            (&day, "sidecar", "hedging"),
            (&odd, "ea", "netting"),
            (&even, "sidecar", "netting"),
        ],
    ];
    std::thread::scope(|scope| {
        let lane = |runs: &[(&[&str], &str, &str)]| -> Result<()> {
            for (words, bridge, account) in runs {
                let mut command = Command::new(program(&metadata));
                command.args(*words).args(["--bridge", bridge, "--account", account]);
                command.arg("--workshop").arg(metadata.target_directory.join("debug"));
                succeed(command.current_dir(&metadata.workspace_root))?;
            }
            Ok(())
        };
        let running: Vec<_> = lanes.into_iter().map(|runs| scope.spawn(move || lane(runs))).collect();
        let ended = running.into_iter().map(|lane| lane.join().unwrap_or_else(|_| bail!("a lane of days broke down")));
        ended.collect::<Vec<_>>().into_iter().collect()
    })
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
