use std::path::PathBuf;

use alavanca::explain::{Which, explain};
use alavanca::show;
use alavanca::stored_run::StoredRun;
use clap::{ArgGroup, Args};

use super::{colour, print, print_json};

/// `alavanca explain`.
#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("which").required(true).args(["decision", "last", "at"])),
    after_help = "\
Examples:
  alavanca explain 42 --db run.sqlite
  alavanca explain --last --db run.sqlite
  alavanca explain --at '2026-03-02 14:32' --db run.sqlite      in the trading zone
  alavanca explain --at 2026-03-02T17:32:00Z --db run.sqlite    in UTC
`alavanca decisions --db run.sqlite` lists the ids, with --blocked the signals that never reached the gate."
)]
pub(super) struct Explain {
    /// The decision's id.
    #[arg(value_name = "DECISION")]
    decision: Option<u64>,
    /// The database of the run.
    #[arg(long, value_name = "FILE")]
    db: PathBuf,
    /// The last decision.
    #[arg(long)]
    last: bool,
    /// The decision, or the stopped signal, nearest at or before this time.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Only of this instrument.
    #[arg(long, value_name = "S")]
    symbol: Option<String>,
}

impl Explain {
    pub(super) fn run(self, json: bool) -> anyhow::Result<u8> {
        let which = match (self.decision, self.at) {
            (Some(id), _) => Which::Decision(id),
            (None, Some(at)) => Which::At(at),
            (None, None) => Which::Last,
        };
        let explained = explain(&StoredRun::open(&self.db)?, &which, self.symbol.as_deref())?;
        if json {
            print_json(&explained)?;
        } else {
            print(&show::explanation(&explained, colour()))?;
        }
        Ok(0)
    }
}
