//! What the settings choose, and what the binary brings along, on a file or the synthetic market.

use std::path::PathBuf;

use alavanca_adapters_files::Rows;
use alavanca_kernel::{Instrument, SettingError};
use serde::Serialize;

use super::{Findings, Market, Options, check_brain, check_liquidity, check_regime};
use crate::backtest::{AppError, open_market};
use crate::backtest_types::{BacktestRequest, Progress, SourceFacts};
use crate::builder::{brains, levels_of};
use crate::extensions::Kind;
use crate::settings::{BRAINS, Settings};

/// What is to be checked, on what.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckRequest {
    /// The market data file; none is the synthetic market.
    pub data: Option<PathBuf>,
    /// Whose, where the file does not say.
    pub symbol: Option<String>,
    /// Clock of the file's stamps.
    pub data_tz: Option<String>,
    /// Percent of the rows that may be faulty.
    pub accept_faults_percent: f64,
    /// So many bars or ticks are read, the first.
    pub rows: usize,
    /// All built-in brains, not only those that the settings choose.
    pub all: bool,
    /// How thorough.
    pub options: Options,
}

/// What was checked, and what was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checked {
    /// What it was shown.
    pub source: SourceFacts,
    /// The instrument.
    pub symbol: String,
    /// Bars.
    pub bars: usize,
    /// Ticks.
    pub ticks: usize,
    /// Whether every prefix was shown.
    pub thorough: bool,
    /// By level, in the settings' order.
    pub findings: Vec<Findings>,
}

impl Checked {
    /// Whether every check of everything held.
    pub fn is_clean(&self) -> bool {
        self.findings.iter().all(Findings::is_clean)
    }
}

/// Why nothing could be checked.
#[derive(Debug, thiserror::Error)]
pub enum LookaheadError {
    /// The market cannot be read, or a setting cannot be.
    #[error(transparent)]
    App(#[from] AppError),
    /// The market has too little to say.
    #[error("{bars} bars are too few to check anything on: at least {LEAST} are needed")]
    TooShort {
        /// Bars that there are.
        bars: usize,
    },
}

impl From<SettingError> for LookaheadError {
    fn from(error: SettingError) -> Self {
        Self::App(error.into())
    }
}

/// Fewer bars tell nothing.
const LEAST: usize = 10;

/// Checks what these settings choose and what the binary brings along. `progress` hears what is begun.
///
/// # Errors
/// [`LookaheadError`].
pub fn check_lookahead(
    request: &CheckRequest,
    settings: &Settings,
    progress: &mut dyn FnMut(Progress),
) -> Result<Checked, LookaheadError> {
    let (market, instrument, source) = read(request, settings, progress)?;
    if market.bars.len() < LEAST {
        return Err(LookaheadError::TooShort { bars: market.bars.len() });
    }
    let subjects = subjects(request, settings);
    let total = subjects.len() as u64;
    let mut findings = Vec::new();
    for (done, subject) in subjects.into_iter().enumerate() {
        progress(Progress::Running { done: done as u64, total });
        findings.push(check(&subject, &instrument, &market, &request.options)?);
    }
    progress(Progress::Closing);
    Ok(Checked {
        source,
        symbol: instrument.name,
        bars: market.bars.len(),
        ticks: market.ticks.len(),
        thorough: request.options.thorough,
        findings,
    })
}

/// One thing to check: its kind, its name, and settings that choose it.
struct Chosen {
    kind: Kind,
    name: String,
    settings: Settings,
}

fn subjects(request: &CheckRequest, settings: &Settings) -> Vec<Chosen> {
    let mut all = Vec::new();
    let mut put = |kind, name: &str, settings: Settings| {
        if !all.iter().any(|known: &Chosen| known.kind == kind && known.name == name) {
            all.push(Chosen { kind, name: name.to_owned(), settings });
        }
    };
    let own = settings.own.extensions();
    let built_in = BRAINS.into_iter().filter(|_| request.all);
    for name in settings.brains.iter().map(String::as_str).chain(own.names(Kind::Brain)).chain(built_in) {
        put(Kind::Brain, name, Settings { brains: vec![name.to_owned()], ..settings.clone() });
    }
    let chosen = settings.shown("REGIME_DETECTOR").unwrap_or_else(|| "ADX_ATR".to_owned());
    put(Kind::Regime, &chosen, settings.clone());
    for name in own.names(Kind::Regime) {
        let mut with = settings.clone();
        with.own.regime = Some(name.to_owned());
        put(Kind::Regime, name, with);
    }
    put(Kind::Liquidity, &settings.shown("LIQUIDITY_MAP").unwrap_or_default(), settings.clone());
    for name in own.names(Kind::Liquidity) {
        let mut with = settings.clone();
        with.own.liquidity = Some(name.to_owned());
        put(Kind::Liquidity, name, with);
    }
    all
}

fn check(
    Chosen { kind, name, settings }: &Chosen,
    instrument: &Instrument,
    market: &Market,
    options: &Options,
) -> Result<Findings, SettingError> {
    // What can be made once can be made again: what cannot is said here.
    levels_of(settings, instrument)?;
    let never = "what was made a moment ago can be made again";
    Ok(match kind {
        Kind::Brain => {
            let make = || brains(settings, instrument).ok().and_then(|mut brains| brains.pop());
            check_brain(name, |_| make().expect(never), market, options)
        }
        Kind::Regime => {
            let make = |_: &Market| levels_of(settings, instrument).expect(never).regime;
            check_regime(name, make, market, options)
        }
        Kind::Liquidity => {
            let make = |_: &Market| levels_of(settings, instrument).expect(never).liquidity;
            check_liquidity(name, make, market, options)
        }
    })
}

fn read(
    request: &CheckRequest,
    settings: &Settings,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Market, Instrument, SourceFacts), AppError> {
    let asked = BacktestRequest {
        data: request.data.clone(),
        symbol: request.symbol.clone(),
        data_tz: request.data_tz.clone(),
        accept_faults_percent: request.accept_faults_percent,
        ..BacktestRequest::default()
    };
    let opened = open_market(&asked, settings, progress)?;
    let (mut source, mut rows) = (opened.source, Rows::new());
    let (mut bars, mut ticks) = (Vec::new(), Vec::new());
    while bars.len() + ticks.len() < request.rows && source.next_batch(&mut rows)? {
        match &rows {
            Rows::Bars(read) => bars.extend(read),
            Rows::Ticks(read) => ticks.extend(read),
        }
    }
    bars.truncate(request.rows);
    ticks.truncate(request.rows);
    let market =
        if ticks.is_empty() { Market::of_bars(bars) } else { Market::of_ticks(ticks, settings.signal_bar_seconds) };
    Ok((market, opened.instrument, opened.facts))
}
