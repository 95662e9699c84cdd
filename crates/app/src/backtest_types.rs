//! What a backtest is asked, and what it answers.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use alavanca_adapters_sqlite::Head;
use alavanca_report::Summary;
use serde::{Deserialize, Serialize};

use crate::compare::DayBook;
use crate::report::PageFacts;

/// What is to be run.
#[derive(Debug, Clone, PartialEq)]
pub struct BacktestRequest {
    /// The market data file; none runs the embedded synthetic market.
    pub data: Option<PathBuf>,
    /// The symbol, where neither the file nor its name says it, or says it wrongly.
    pub symbol: Option<String>,
    /// The seed, where it is not the settings' own.
    pub seed: Option<u64>,
    /// Where the run is stored; none leaves nothing behind.
    pub db: Option<PathBuf>,
    /// Whether to go on with the run that the store holds.
    pub resume: bool,
    /// Percent of the file's rows that may be faulty (semantics 36).
    pub accept_faults_percent: f64,
    /// The clock of the file's stamps (semantics 34).
    pub data_tz: Option<String>,
    /// The most threads to use, at least 1.
    pub threads: usize,
    /// Leave out the second engine.
    pub without_level4: bool,
    /// An exported policy that the run begins with.
    pub policy: Option<PathBuf>,
    /// Where the report's page is to be written; none writes none.
    pub report: Option<PathBuf>,
    /// Where somebody asks the run to end early.
    pub stop: Stop,
}

impl Default for BacktestRequest {
    fn default() -> Self {
        Self {
            data: None,
            symbol: None,
            seed: None,
            db: None,
            resume: false,
            accept_faults_percent: 1.0,
            data_tz: None,
            threads: 1,
            without_level4: false,
            policy: None,
            report: None,
            stop: Stop::default(),
        }
    }
}

/// A wish, from another thread or a signal, that a run ends early: what was done so far is stored and reported.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks for the end. It comes with the next few thousand rows.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the end was asked for.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Two requests are the same where they are stopped by the same wish.
impl PartialEq for Stop {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BacktestReport {
    /// What it ran on.
    pub source: SourceFacts,
    /// The symbol.
    pub symbol: String,
    /// Currency of all amounts.
    pub currency: String,
    /// The seed of its choices.
    pub seed: u64,
    /// The run's identity: the same data, settings and seed have the same.
    pub run_id: String,
    /// Fingerprint of its settings.
    pub settings: String,
    /// The figures with the gate.
    pub gate: Summary,
    /// The figures of the second engine on the same data with the gate off.
    pub level4: Option<Summary>,
    /// What was handed to the engine.
    pub counts: RunCounts,
    /// What else one should know, in sentences.
    pub notes: Vec<String>,
    /// The database's head, where the run was stored: kept elsewhere, `db check --head` tells by it whether the whole
    /// file was put back.
    pub head: Option<Head>,
    /// The page that was written, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<PageFacts>,
    /// The gate's results by trading day, by which runs are compared.
    #[serde(skip)]
    pub days: DayBook,
}

/// What was handed to the engine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RunCounts {
    /// Bars.
    pub bars: u64,
    /// Ticks.
    pub ticks: u64,
    /// Of these, how many an earlier run had already seen.
    pub resumed_after: u64,
    /// Rows that the engine refused.
    pub rejected: u64,
    /// Whether the run was ended before its last row.
    pub interrupted: bool,
}

/// What a run ran on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceFacts {
    /// The file, or the name of the synthetic market.
    pub name: String,
    /// Whether the market was made up.
    pub synthetic: bool,
    /// The layout and what its rows are, as in `MT5 bars, 60 s`.
    pub kind: String,
    /// The first row's time in UTC.
    pub first: Option<String>,
    /// The last row's time in UTC.
    pub last: Option<String>,
    /// The clock that the stamps were read by, and why.
    pub clock: Option<String>,
    /// Rows in all.
    pub rows: u64,
    /// Rows that are left out for their faults.
    pub faulty: u64,
    /// Fault counts by kind.
    pub faults: Vec<(String, u64)>,
    /// Holes longer than usual.
    pub gaps: u64,
    /// SHA-256 of the file, or of the synthetic rows.
    pub sha256: String,
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The data is being read and checked.
    Reading {
        /// So many bytes ...
        done: u64,
        /// ... of so many.
        total: u64,
    },
    /// The engine runs.
    Running {
        /// So many rows ...
        done: u64,
        /// ... of so many.
        total: u64,
    },
    /// The figures are being written.
    Closing,
}
