use std::path::PathBuf;

use alavanca::show;
use alavanca::statistics::{capital, confidence, policy, regime, scalp, updater};
use alavanca::stored_run::StoredRun;
use alavanca_kernel::Regime;
use clap::{Args, Subcommand};

use super::{colour, print, print_json};

/// `alavanca stats`.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
The four questions, a command for each:
  always HOLD?         alavanca stats policy --why-hold --db run.sqlite
  sizing wrong?        alavanca stats capital --db run.sqlite
  scalps too early?    alavanca stats scalp --db run.sqlite
  not learning?        alavanca stats updater --db run.sqlite

And whether confidence keeps what it promises:
                       alavanca stats confidence --db run.sqlite
And which regimes there were:
                       alavanca stats regime --db run.sqlite")]
pub(super) enum Stats {
    /// Sizing: its figures, the formula with its numbers, and whether every answer is what the formula gives.
    #[command(after_help = "\
Examples:
  alavanca stats capital --db run.sqlite")]
    Capital(Of),
    /// Scalps: how they ended, how far they came of their target, how much of their time they used.
    #[command(after_help = "\
Examples:
  alavanca stats scalp --db run.sqlite --symbol WINZ26")]
    Scalp(Of),
    /// The policy by regime and action; with --why-hold, why signals end in HOLD.
    #[command(after_help = "\
Examples:
  alavanca stats policy --db run.sqlite
  alavanca stats policy --why-hold --regime TREND --db run.sqlite")]
    Policy {
        #[command(flatten)]
        of: Of,
        /// Only this regime.
        #[arg(long, value_name = "R")]
        regime: Option<Regime>,
        /// Hold the HOLDs against the exact chances that the posteriors gave them.
        #[arg(long)]
        why_hold: bool,
    },
    /// Confidence: what was claimed beside what came, and how each brain stands.
    #[command(after_help = "\
Examples:
  alavanca stats confidence --db run.sqlite --json")]
    Confidence(Of),
    /// Regimes: time in each, how long each lasts, what it turns into, and what was traded in it.
    #[command(after_help = "\
Examples:
  alavanca stats regime --db run.sqlite")]
    Regime(Of),
    /// Learning: batches, rewards, freezes, rollbacks, and what stands in its way.
    #[command(after_help = "\
Examples:
  alavanca stats updater --db run.sqlite")]
    Updater {
        /// The database of the run.
        #[arg(long, value_name = "FILE")]
        db: PathBuf,
    },
}

/// What the figures are of.
#[derive(Debug, Args)]
pub(super) struct Of {
    /// The database of the run.
    #[arg(long, value_name = "FILE")]
    db: PathBuf,
    /// Only of this instrument.
    #[arg(long, value_name = "S")]
    symbol: Option<String>,
}

impl Stats {
    pub(super) fn run(self, json: bool) -> anyhow::Result<u8> {
        match self {
            Self::Capital(Of { db, symbol }) => {
                let stats = capital::capital(&StoredRun::open(&db)?, symbol.as_deref())?;
                if json { print_json(&stats)? } else { print(&show::capital_stats(&stats, colour()))? }
            }
            Self::Scalp(Of { db, symbol }) => {
                let stats = scalp::scalp(&StoredRun::open(&db)?, symbol.as_deref())?;
                if json { print_json(&stats)? } else { print(&show::scalp_stats(&stats, colour()))? }
            }
            Self::Policy { of: Of { db, symbol }, regime, why_hold } => {
                let stats = policy::policy(&StoredRun::open(&db)?, symbol.as_deref(), regime, why_hold)?;
                if json { print_json(&stats)? } else { print(&show::policy_stats(&stats, colour()))? }
            }
            Self::Confidence(Of { db, symbol }) => {
                let stats = confidence::confidence(&StoredRun::open(&db)?, symbol.as_deref())?;
                if json { print_json(&stats)? } else { print(&show::confidence_stats(&stats, colour()))? }
            }
            Self::Regime(Of { db, symbol }) => {
                let stats = regime::regime(&StoredRun::open(&db)?, symbol.as_deref())?;
                if json { print_json(&stats)? } else { print(&show::regime_stats(&stats, colour()))? }
            }
            Self::Updater { db } => {
                let stats = updater::updater(&StoredRun::open(&db)?)?;
                if json { print_json(&stats)? } else { print(&show::updater_stats(&stats, colour()))? }
            }
        }
        Ok(0)
    }
}
