//! Whether a brain, a regime detector or a liquidity map looks ahead, repaints or keeps what it should not.
//!
//! What an output after bar n may use is the bars up to n alone, and nothing that another instance saw. So a fresh
//! instance that is shown a part of the market must say what the whole run said there, whatever comes behind it. For
//! tests of one's own:
//!
//! ```
//! use alavanca::lookahead::{Market, Options, check_brain};
//! use alavanca_adapters_sim::{SyntheticMarket, SyntheticSettings};
//! use alavanca_kernel::Instrument;
//! use alavanca_signals::{SmaCross, SmaCrossConfig, SmaCrossSettings};
//!
//! let win = Instrument::preset("WIN").unwrap();
//! let settings = SmaCrossSettings::default();
//! let bars = SyntheticMarket::new(SyntheticSettings { days: 3, ..SyntheticSettings::default() }, &win)?;
//! let findings = check_brain(
//!     "SMA_CROSS",
//!     |_| Box::new(SmaCross::new(SmaCrossConfig::new(settings, win.tick).unwrap())),
//!     &Market::of_bars(bars.collect()),
//!     &Options::default(),
//! );
//! assert!(findings.is_clean(), "{findings}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod checks;
mod market;
mod of_settings;
mod subject;

use std::fmt;

use alavanca_liquidity::LiquidityMap;
use alavanca_regime::RegimeDetector;
use alavanca_signals::Brain;
use serde::Serialize;

pub use market::Market;
pub use of_settings::{CheckRequest, Checked, LookaheadError, check_lookahead};

use subject::{OfBrain, OfMap, OfRegime};

/// How thorough a check is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// So many prefixes of the market are shown to fresh instances, spread evenly; a few short ones come on top.
    pub prefixes: usize,
    /// Every prefix is shown: the time grows with the square of the bars.
    pub thorough: bool,
    /// The share of outputs that may differ after the declared warm-up, for one that began late.
    pub warmup_tolerance: f64,
}

impl Default for Options {
    /// Eight prefixes, and 2 % of the outputs after a warm-up.
    fn default() -> Self {
        Self { prefixes: 8, thorough: false, warmup_tolerance: 0.02 }
    }
}

/// What was found of one brain, detector or map.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Findings {
    /// Its name.
    pub name: String,
    /// `brain`, `regime` or `liquidity`.
    pub kind: &'static str,
    /// Bars and ticks that it was shown.
    pub events: usize,
    /// Outputs that said anything: with none, little was checked.
    pub spoke: usize,
    /// The checks, in order.
    pub checks: Vec<Check>,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// Which.
    pub check: CheckKind,
    /// Whether it held.
    pub passed: bool,
    /// What was done, or what is to be done about it.
    pub note: String,
    /// Where it first did not hold.
    pub first: Option<Difference>,
}

/// What is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// Shown a part of the market alone, it says what it said of the whole.
    Prefix,
    /// Other bars behind a cut change nothing before it.
    Future,
    /// Two instances say the same, one after the other and in turns.
    Repeat,
    /// After `reset` it is as new.
    Reset,
    /// Begun late by its declared warm-up, it agrees with the whole run.
    Warmup,
    /// What it says can be.
    Sound,
}

impl CheckKind {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prefix => "prefix",
            Self::Future => "future",
            Self::Repeat => "repeat",
            Self::Reset => "reset",
            Self::Warmup => "warm-up",
            Self::Sound => "sound",
        }
    }
}

/// Two outputs that should be one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The bar's place, from 1.
    pub bar: usize,
    /// When it began, in UTC.
    pub at: String,
    /// What the whole run said there; of an unsound one, what was wrong.
    pub expected: String,
    /// What was said instead.
    pub got: String,
}

impl Findings {
    /// Whether every check held.
    pub fn is_clean(&self) -> bool {
        self.checks.iter().all(|check| check.passed)
    }

    /// A check's outcome.
    pub fn check(&self, kind: CheckKind) -> Option<&Check> {
        self.checks.iter().find(|check| check.check == kind)
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}:", self.kind, self.name)?;
        for check in &self.checks {
            let verdict = if check.passed { "held" } else { "FAILED" };
            write!(f, "\n  {} {verdict}: {}", check.check.as_str(), check.note)?;
            if let Some(Difference { bar, at, expected, got }) = &check.first {
                write!(f, "\n    bar {bar} ({at}): {got}, expected {expected}")?;
            }
        }
        Ok(())
    }
}

/// Checks a brain. `make` gives a fresh one; who makes a brain from data makes it from the market that is handed over,
/// which is another for each try.
pub fn check_brain(
    name: &str,
    make: impl Fn(&Market) -> Box<dyn Brain>,
    market: &Market,
    options: &Options,
) -> Findings {
    checks::run(name, "brain", &|market: &Market| OfBrain::new(make(market)), market, options)
}

/// Checks a regime detector, as [`check_brain`] does a brain.
pub fn check_regime(
    name: &str,
    make: impl Fn(&Market) -> Box<dyn RegimeDetector>,
    market: &Market,
    options: &Options,
) -> Findings {
    checks::run(name, "regime", &|market: &Market| OfRegime(make(market)), market, options)
}

/// Checks a liquidity map by its strength and its nearest zones at every close, as [`check_brain`] does a brain.
pub fn check_liquidity(
    name: &str,
    make: impl Fn(&Market) -> Box<dyn LiquidityMap>,
    market: &Market,
    options: &Options,
) -> Findings {
    checks::run(name, "liquidity", &|market: &Market| OfMap(make(market)), market, options)
}
