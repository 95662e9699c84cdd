use std::path::PathBuf;

use alavanca::python_import::{PythonImportProgress, PythonImportRequest, import_python};
use alavanca::show;
use clap::Args;

use super::progress::Bar;
use super::{FAILED, SettingsArgs, Usage, colour, print, print_json};

/// `alavanca db import-python`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ImportPython {
    /// The Python version's database. It is only read.
    file: PathBuf,
    /// The database to make.
    #[arg(long, value_name = "FILE")]
    db: PathBuf,
    /// Do it. Without this everything is read and checked, and nothing is written.
    #[arg(long)]
    yes: bool,
    /// An instrument of the new database; can be repeated. Without it, those of the history.
    #[arg(long, value_name = "S")]
    symbol: Vec<String>,
    /// CSV file of lines `hash,state` for state hashes that no known formula makes.
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    #[command(flatten)]
    settings: SettingsArgs,
}

const EXAMPLES: &str = "\
Examples:
  alavanca db import-python trading.db --db new.sqlite              what would be taken over
  alavanca db import-python trading.db --db new.sqlite --yes
  alavanca db import-python trading.db --db new.sqlite --map states.csv --set RL_PRIOR_ALPHA=2
  alavanca policy export --db new.sqlite --out policy.json          then try the policy:
  alavanca backtest --data WINZ26_M1.csv --policy policy.json

The policy becomes the served policy of the new database, all of it or nothing. Rows of the other
five tables are taken one by one and kept as they were, in tables imported_... that nothing
computes with.

Exit codes: 0 done, or all is well and --yes would do it; 1 refused, and nothing was written.";

impl ImportPython {
    pub(super) fn run(self, json: bool) -> anyhow::Result<u8> {
        let loaded = self.settings.load(None)?;
        let request =
            PythonImportRequest { file: self.file, db: self.db, symbols: self.symbol, map: self.map, yes: self.yes };
        let mut bar = Bar::default();
        let report = import_python(&request, &loaded.settings, &mut |progress| match progress {
            PythonImportProgress::Checking { done, total } => bar.show("checking", done, total),
            PythonImportProgress::Keeping { done, total } => bar.show("copying", done, total),
        });
        bar.close();
        let report = report.map_err(|error| match error {
            usage if usage.is_usage() => Usage(usage.to_string()).into(),
            other => anyhow::Error::from(other),
        })?;
        if json {
            print_json(&report)?;
        } else {
            print(&show::python_import(&report, colour()))?;
        }
        Ok(if report.staged.policy_is_sound() { 0 } else { FAILED })
    }
}
