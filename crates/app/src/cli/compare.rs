use std::path::PathBuf;

use alavanca::compare::{ComparedRun, MOST_RUNS, compare};
use alavanca::show;
use alavanca::stored_run::StoredRun;
use clap::Args;

use super::{colour, print, print_json};

/// `alavanca compare`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  alavanca compare conservative.sqlite balanced.sqlite
  alavanca compare before.sqlite after.sqlite --json
  alavanca backtest --data WINZ26_M1.csv --profile conservative --profile balanced    the same in one go

Where the data are the same, runs are paired by trading day. Intervals come of 10,000 resamples of the days with a
fixed seed: the same databases give the same intervals.")]
pub(super) struct Compare {
    /// The databases; the others are held against the first.
    #[arg(value_name = "DB", num_args = 2..=MOST_RUNS, required = true)]
    databases: Vec<PathBuf>,
}

impl Compare {
    pub(super) fn run(self, json: bool) -> anyhow::Result<u8> {
        let mut runs = Vec::new();
        for path in &self.databases {
            runs.push(ComparedRun::stored(&StoredRun::open(path)?)?);
        }
        tell(&runs, json)?;
        Ok(0)
    }
}

/// Says how runs differ.
pub(super) fn tell(runs: &[ComparedRun], json: bool) -> anyhow::Result<()> {
    let comparison = compare(runs);
    if json { print_json(&comparison) } else { print(&show::comparison(&comparison, colour())) }
}
