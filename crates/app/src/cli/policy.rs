use std::path::{Path, PathBuf};

use alavanca::policy::{Change, Filter, PolicyDb, StateFilter, change, compare, verify, write_file};
use alavanca::show;
use alavanca_kernel::Regime;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{FAILED, colour, print, print_json};

pub(super) const EXAMPLES: &str = "\
Examples:
  alavanca policy show --db run.sqlite --min-count 5
  alavanca policy export --db run.sqlite --out policy.json
  alavanca backtest --data other.csv --policy policy.json
  alavanca policy import policy.json --db other.sqlite         what would change; --yes does it

What changes a policy is shown first, and done with --yes alone. Exit codes: 0 done or shown, 1 refused or not sound,
2 usage or settings that contradict each other.";

/// `alavanca policy`.
#[derive(Debug, Subcommand)]
pub(super) enum Policy {
    /// The policy as it is served: regimes, arms, what is believed of each.
    #[command(after_help = "\
Examples:
  alavanca policy show --db run.sqlite
  alavanca policy show --db run.sqlite --regime TREND_UP --min-count 5
  alavanca policy show --db run.sqlite --state \"14:00 HIGH LOW\"
  alavanca policy show --db run.sqlite --state 0da821e514cffa21 --json")]
    Show {
        #[command(flatten)]
        of: Database,
        /// This regime alone, such as TREND_UP.
        #[arg(long, value_name = "R", value_parser = regime)]
        regime: Option<Regime>,
        /// These states alone: the 16 digits of a hash, or words such as "14:00 HIGH LOW" (hour, confidence,
        /// disagreement; the regime may stand before them).
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// Arms with at least so many rewards.
        #[arg(long, value_name = "N", default_value_t = 0)]
        min_count: u32,
    },
    /// Write the policy as JSON. The same policy gives the same bytes.
    #[command(after_help = "\
Examples:
  alavanca policy export --db run.sqlite --out policy.json
  alavanca policy export --db run.sqlite --regime RANGE > range.json
  alavanca backtest --data other.csv --policy policy.json     try it elsewhere")]
    Export {
        #[command(flatten)]
        of: Database,
        /// This regime alone.
        #[arg(long, value_name = "R", value_parser = regime)]
        regime: Option<Regime>,
        /// The file; without it, standard output. An export that is there is replaced, any other file is not.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Put an exported policy in the place of what is served, in the regimes that it has. All of it is checked first.
    #[command(after_help = "\
Examples:
  alavanca policy import policy.json --db run.sqlite           what would change
  alavanca policy import policy.json --db run.sqlite --yes --reason \"tried on 2024, better\"")]
    Import {
        /// The exported policy.
        file: PathBuf,
        #[command(flatten)]
        how: Doing,
    },
    /// The snapshots that are kept, to go back to.
    #[command(after_help = "\
Examples:
  alavanca policy snapshots --db run.sqlite --regime RANGE
  alavanca policy diff RANGE-000012 served --db run.sqlite     what has changed since
  alavanca policy rollback RANGE-000012 --db run.sqlite --yes")]
    Snapshots {
        #[command(flatten)]
        of: Database,
        /// This regime alone.
        #[arg(long, value_name = "R", value_parser = regime)]
        regime: Option<Regime>,
    },
    /// Arms that differ between two policies, side by side.
    #[command(after_help = "\
A and B are each a snapshot's id, `served` (what --db serves), an exported file, or another database.

Examples:
  alavanca policy diff TREND_UP-000003 served --db run.sqlite
  alavanca policy diff policy.json served --db run.sqlite
  alavanca policy diff monday.sqlite friday.sqlite")]
    Diff {
        /// The one.
        a: String,
        /// The other.
        b: String,
        /// The database that `served` and snapshots are looked for in.
        #[arg(long, value_name = "FILE")]
        db: Option<PathBuf>,
    },
    /// Go back to a snapshot, bit for bit, after a snapshot of what is served.
    #[command(after_help = "\
Examples:
  alavanca policy rollback RANGE-000012 --db run.sqlite        what would change
  alavanca policy rollback RANGE-000012 --db run.sqlite --yes --reason \"the week of the strike\"")]
    Rollback {
        /// The snapshot's id.
        snapshot: String,
        #[command(flatten)]
        how: Doing,
    },
    /// Stop learning in a regime; choices go on as RL_FREEZE_FALLBACK says.
    #[command(after_help = "\
Examples:
  alavanca policy freeze CHAOTIC --db run.sqlite --yes --reason \"no lessons from this\"")]
    Freeze {
        /// The regime.
        #[arg(value_parser = regime)]
        regime: Regime,
        #[command(flatten)]
        how: Doing,
    },
    /// Let a regime learn again; its baseline starts anew.
    #[command(after_help = "\
Examples:
  alavanca policy unfreeze CHAOTIC --db run.sqlite --yes --reason \"markets are calm again\"")]
    Unfreeze {
        /// The regime.
        #[arg(value_parser = regime)]
        regime: Regime,
        #[command(flatten)]
        how: Doing,
    },
    /// Whether what is served is the fold of the log, snapshots are whole, and the checkpoint agrees. Exit code 1 where
    /// not.
    #[command(after_help = "\
Examples:
  alavanca policy verify --db run.sqlite && cp run.sqlite kept.sqlite")]
    Verify {
        #[command(flatten)]
        of: Database,
    },
}

/// Which database.
#[derive(Debug, Args)]
pub(super) struct Database {
    /// The database of a run.
    #[arg(long, value_name = "FILE")]
    db: PathBuf,
}

/// How a change is made.
#[derive(Debug, Args)]
pub(super) struct Doing {
    #[command(flatten)]
    of: Database,
    /// Do it. Without it, what would be done is shown and nothing is changed.
    #[arg(long)]
    yes: bool,
    /// Why; it is kept in the policy's log.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true, value_parser = reason)]
    reason: String,
}

/// What `policy export --out FILE --json` says.
#[derive(Serialize)]
struct Exported<'a> {
    file: String,
    digest: &'a str,
    arms: usize,
}

impl Policy {
    pub(super) fn run(self, json: bool) -> anyhow::Result<u8> {
        match self {
            Self::Show { of, regime, state, min_count } => {
                let states = state.as_deref().map(StateFilter::parse).transpose()?;
                let filter = Filter { regime, states, min_count };
                let view = PolicyDb::open(&of.db)?.show(&filter);
                tell(json, &view, || show::policy(&view, colour()))?;
            }
            Self::Export { of, regime, out } => {
                let policy = PolicyDb::open(&of.db)?.export(regime);
                let Some(out) = out else {
                    print(&policy.to_text())?;
                    return Ok(0);
                };
                write_file(&out, &policy)?;
                let (file, digest, arms) = (out.display().to_string(), &*policy.digest(), policy.arms());
                let line = format!("{file}: {arms} arms, digest {digest}\n");
                tell(json, &Exported { file, digest, arms }, || line)?;
            }
            Self::Import { file, how } => how.change(&Change::Import(file), json)?,
            Self::Rollback { snapshot, how } => how.change(&Change::RollBack(snapshot), json)?,
            Self::Freeze { regime, how } => how.change(&Change::Freeze(regime), json)?,
            Self::Unfreeze { regime, how } => how.change(&Change::Unfreeze(regime), json)?,
            Self::Snapshots { of, regime } => {
                let snapshots = PolicyDb::open(&of.db)?.snapshots(regime)?;
                tell(json, &snapshots, || show::policy_snapshots(&snapshots, colour()))?;
            }
            Self::Diff { a, b, db } => {
                let diff = compare(&a, &b, db.as_deref())?;
                tell(json, &diff, || show::policy_diff(&diff, colour()))?;
            }
            Self::Verify { of } => {
                let report = verify(Path::new(&of.db))?;
                tell(json, &report, || show::policy_verified(&report, colour()))?;
                return Ok(if report.is_sound() { 0 } else { FAILED });
            }
        }
        Ok(0)
    }
}

impl Doing {
    fn change(&self, what: &Change, json: bool) -> anyhow::Result<()> {
        let report = change(&self.of.db, what, &self.reason, self.yes)?;
        tell(json, &report, || show::policy_changed(&report, colour()))
    }
}

fn tell(json: bool, value: &impl Serialize, text: impl FnOnce() -> String) -> anyhow::Result<()> {
    if json { print_json(value) } else { print(&text()) }
}

fn reason(text: &str) -> Result<String, String> {
    match text.trim() {
        long if long.chars().count() > 500 => Err("at most 500 characters".to_owned()),
        odd if odd.chars().any(char::is_control) => Err("one line, without control characters".to_owned()),
        plain => Ok(plain.to_owned()),
    }
}

fn regime(text: &str) -> Result<Regime, String> {
    text.to_uppercase().parse().map_err(|error: alavanca_kernel::UnknownName| error.to_string())
}
