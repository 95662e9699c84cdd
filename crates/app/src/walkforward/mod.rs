//! Is there an edge? Walk-forward: learn on a window of days, trade the days after it, move on, and count the latter
//! alone.
//!
//! Of each fold a fresh engine trades the train window, with an account of its own: levels warm up, and the MetaBrain and
//! the policy learn. Then, with a fresh account, it trades the test window with what it learned. A trade that is open at
//! the train window's end is purged: it is neither traded nor learned. Purged and embargoed days are shown to levels 1 to
//! 4 (they only see what was before them) and to nothing that trades or learns. What is open at a test window's end is
//! closed at its last price.
//!
//! [`shuffled`] makes the market of the null test.

mod figures;
mod fold;
mod plan;
mod random;
mod shuffle;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use alavanca_adapters_files::Rows;
use alavanca_calendar::TradingZone;
use alavanca_kernel::{Bar, SettingError, TradingDay};
use alavanca_report::CostParts;
use serde::Serialize;

pub use figures::{Figures, Intervals, Verdict};
pub use plan::{Plan, PlanError, TradingDays};
pub use shuffle::shuffled;

use self::figures::{Row, daily};
use self::fold::{Candidate, Day, FoldRun, Ground, days_of, parts_of};
use self::plan::Windows;
use crate::backtest::{AppError, open_market};
use crate::backtest_types::{BacktestRequest, Progress, SourceFacts, Stop};
use crate::builder::Gating;
use crate::settings::Settings;

/// The most candidates that are tried on each train window.
pub const MOST_VARIANTS: usize = 64;
/// How often it is said how far the run has come.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// Whether the policy goes on learning on the test window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Learn {
    /// As it would live: from each trade, once it is closed.
    #[default]
    Online,
    /// No more: choices are made with what the train window taught. Weights of the MetaBrain, which are level 2's, go on.
    Frozen,
}

/// What the train window chooses settings by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// Net result.
    #[default]
    Net,
    /// The t-statistic of the daily net results.
    TStatistic,
}

/// Settings to choose from.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// What sets it apart, such as `ADX_PERIOD=14`.
    pub name: String,
    /// All its settings.
    pub settings: Settings,
}

/// What is to be evaluated.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WalkRequest {
    /// The market data file, of bars; none takes the embedded synthetic market.
    pub data: Option<PathBuf>,
    /// The symbol, where neither the file nor its name says it.
    pub symbol: Option<String>,
    /// The clock of the file's stamps.
    pub data_tz: Option<String>,
    /// Percent of the file's rows that may be faulty.
    pub accept_faults_percent: f64,
    /// The windows.
    pub plan: Plan,
    /// Whether the policy goes on learning on test windows.
    pub learn: Learn,
    /// What chooses among variants.
    pub objective: Objective,
    /// On how many shuffled copies the same is done.
    pub null: usize,
    /// The most threads to use, at least 1.
    pub threads: usize,
    /// Where somebody asks the run to end early.
    pub stop: Stop,
}

/// What an evaluation came to. Results are those of test windows alone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WalkReport {
    /// What it ran on.
    pub source: SourceFacts,
    /// The symbol.
    pub symbol: String,
    /// Currency of all amounts.
    pub currency: String,
    /// The seed of its choices and of the shuffles.
    pub seed: u64,
    /// Fingerprint of the first variant's settings.
    pub settings: String,
    /// The windows.
    pub plan: Plan,
    /// Whether the policy went on learning.
    pub learn: Learn,
    /// Trading days of the data.
    pub days: usize,
    /// Days after the last test window, which fill no other.
    pub days_left: usize,
    /// What was chosen from, and by what; absent where nothing was.
    pub selection: Option<Selection>,
    /// The folds, in order of time.
    pub folds: Vec<Fold>,
    /// The gate over all test windows.
    pub gate: Figures,
    /// Level 4 over the same days.
    pub level4: Figures,
    /// What the gate's costs are made of.
    pub cost_parts: Option<CostParts>,
    /// How sure that is; absent of fewer than ten days.
    pub intervals: Option<Intervals>,
    /// The same on shuffled markets.
    pub null: Option<Null>,
    /// What can be said.
    pub verdict: Verdict,
    /// Whether the run was ended before its last fold; figures are of the folds that are there.
    pub interrupted: bool,
}

/// What was chosen from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Selection {
    /// By what.
    pub objective: Objective,
    /// The variants' names.
    pub variants: Vec<String>,
    /// What the best of so many t-statistics comes to where none has an edge: √(2 ln n).
    pub best_of_chance: f64,
}

/// One train window, and the test window after it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fold {
    /// Counted from 1.
    pub number: usize,
    /// First and last day that were learned from.
    pub train: [String; 2],
    /// First and last day that count.
    pub test: [String; 2],
    /// Whether a trade over the train window's end was dropped.
    pub purged: bool,
    /// What was chosen on the train window; absent where there was no choice.
    pub chosen: Option<String>,
    /// Each variant's objective on the train window; empty where there was no choice.
    pub objectives: Vec<f64>,
    /// The gate on the train window: what was learned from, and no result.
    pub trained_on: Figures,
    /// Digest of the engine at the train window's end: the same data up to there and the same settings have the same.
    pub trained: String,
    /// The gate on the test window.
    pub gate: Figures,
    /// Level 4 on the test window.
    pub level4: Figures,
}

/// Shuffled markets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Null {
    /// Of each whole copy, the net result per day over the same test windows.
    pub mean_daily_net: Vec<f64>,
    /// The same before costs.
    pub mean_daily_gross: Vec<f64>,
    /// (1 + copies that did as well after costs) / (1 + copies).
    pub p_value: f64,
    /// The same before costs.
    pub p_value_gross: f64,
}

impl Null {
    fn of(copies: &[Figures], real: &Figures) -> Option<Self> {
        let p = |of: fn(&Figures) -> f64| {
            let as_well = copies.iter().filter(|copy| of(copy) >= of(real)).count();
            (1 + as_well) as f64 / (1 + copies.len()) as f64
        };
        (!copies.is_empty()).then(|| Self {
            mean_daily_net: copies.iter().map(|copy| copy.mean_daily_net).collect(),
            mean_daily_gross: copies.iter().map(|copy| copy.mean_daily_gross).collect(),
            p_value: p(|figures| figures.mean_daily_net),
            p_value_gross: p(|figures| figures.mean_daily_gross),
        })
    }
}

/// Why there is no evaluation.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// The market or the settings.
    #[error(transparent)]
    App(#[from] AppError),
    /// The windows.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Too many variants, or none.
    #[error("{0} variants are to be tried: at least 1, at most {MOST_VARIANTS}; each is run on every train window")]
    Variants(usize),
    /// The file holds ticks.
    #[error(
        "{0} holds ticks: a walk-forward runs on bars; export the instrument's bars, such as M1, from your terminal"
    )]
    Ticks(String),
}

impl WalkError {
    /// Whether what was asked for is at fault.
    pub const fn is_usage(&self) -> bool {
        matches!(self, Self::Plan(_) | Self::Variants(_))
    }
}

impl From<SettingError> for WalkError {
    fn from(error: SettingError) -> Self {
        Self::App(error.into())
    }
}

/// Evaluates the first variant, or on each train window chooses among them. Folds and copies run on as many threads as
/// are given; the report is the same on any number. Own brains and levels come with the settings, which carry them.
///
/// # Errors
/// [`WalkError`].
pub fn run_walkforward(
    request: &WalkRequest,
    variants: &[Variant],
    progress: &mut dyn FnMut(Progress),
) -> Result<WalkReport, WalkError> {
    let Some(first) = variants.first().filter(|_| variants.len() <= MOST_VARIANTS) else {
        return Err(WalkError::Variants(variants.len()));
    };
    let asked = BacktestRequest {
        data: request.data.clone(),
        symbol: request.symbol.clone(),
        data_tz: request.data_tz.clone(),
        accept_faults_percent: request.accept_faults_percent,
        ..BacktestRequest::default()
    };
    let mut market = open_market(&asked, &first.settings, progress)?;
    let (mut rows, mut bars) = (Rows::new(), Vec::new());
    while market.source.next_batch(&mut rows).map_err(AppError::from)? {
        match &rows {
            Rows::Bars(batch) => bars.extend_from_slice(batch),
            Rows::Ticks(_) => return Err(WalkError::Ticks(market.facts.name)),
        }
    }
    let source = SourceFacts {
        first: bars.first().map(|bar| bar.time.to_string()),
        last: bars.last().map(|bar| bar.time.to_string()),
        ..market.facts
    };
    walk(&bars, &market.instrument.name, source, request, variants, progress)
}

/// The same on bars that are at hand.
///
/// # Errors
/// [`WalkError`].
pub fn walk(
    bars: &[Bar],
    symbol: &str,
    source: SourceFacts,
    request: &WalkRequest,
    variants: &[Variant],
    progress: &mut dyn FnMut(Progress),
) -> Result<WalkReport, WalkError> {
    let Some(first) = variants.first() else { return Err(WalkError::Variants(0)) };
    let settings = &first.settings;
    let zone = TradingZone::new(&settings.zone)?;
    let days = days_of(bars, zone);
    let windows = request.plan.folds(days.len())?;
    let candidates = variants
        .iter()
        .map(|variant| {
            let instrument = variant.settings.instrument(symbol)?;
            Ok(Candidate { settings: &variant.settings, instrument })
        })
        .collect::<Result<Vec<_>, SettingError>>()?;
    let real =
        Ground { bars, days: &days, candidates: &candidates, learn: request.learn, objective: request.objective };
    let all = candidates.len();
    let per_run: u64 = windows.iter().map(|windows| real.bars_in(windows, all)).sum();
    let level4_bars: u64 = windows.iter().map(|windows| real.bars_in(windows, 1)).sum();
    let total = per_run * (1 + request.null as u64) + level4_bars;
    let done = AtomicU64::new(0);
    let pace = |bars: u64| {
        done.fetch_add(bars, Ordering::Relaxed);
        !request.stop.is_asked()
    };
    let tick = candidates[0].instrument.tick;
    let test_days: Vec<TradingDay> = windows.iter().flat_map(|fold| test_days(&days, fold)).collect();

    let seed = settings.rl.seed;
    let work = |task: usize| -> Result<Done, SettingError> {
        if let Some(windows) = windows.get(task) {
            let Some(gate) = real.run(windows, Gating::AsConfigured, 0..all, true, &pace)? else {
                return Ok(Done::Broken);
            };
            let chosen = gate.chosen;
            let level4 = real.run(windows, Gating::Off, chosen..chosen + 1, false, &pace)?;
            return Ok(level4.map_or(Done::Broken, |level4| Done::Fold(Box::new((gate, level4)))));
        }
        // Each copy has a seed of its own, whatever thread makes it.
        let copy = (task - windows.len()) as u64 + 1;
        let bars = shuffled(bars, tick, zone, seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(copy));
        let made = Ground { bars: &bars, ..real };
        let mut rows = Vec::new();
        for windows in &windows {
            match made.run(windows, Gating::AsConfigured, 0..all, false, &pace)? {
                Some(fold) => rows.extend(fold.test),
                None => return Ok(Done::Broken),
            }
        }
        Ok(Done::Copy(Figures::of(&rows, &test_days)))
    };
    let finished = in_parallel(request.threads, windows.len() + request.null, &work, &mut || {
        progress(Progress::Running { done: done.load(Ordering::Relaxed).min(total), total });
    })?;

    let mut runs: Vec<(usize, FoldRun, FoldRun)> = Vec::new();
    let (mut copies, mut interrupted) = (Vec::new(), false);
    for (task, done) in finished.into_iter().enumerate() {
        match done {
            Done::Fold(both) => runs.push((task, both.0, both.1)),
            Done::Copy(figures) => copies.push(figures),
            Done::Broken => interrupted = true,
        }
    }
    let whole: Vec<TradingDay> = runs.iter().flat_map(|(place, ..)| test_days_of(&days, &windows[*place])).collect();
    let rows = |of: fn(&(usize, FoldRun, FoldRun)) -> &FoldRun| -> Vec<Row> {
        runs.iter().flat_map(|run| of(run).test.iter().copied()).collect()
    };
    let (gate_rows, level4_rows) = (rows(|run| &run.1), rows(|run| &run.2));
    let (gate, level4) = (Figures::of(&gate_rows, &whole), Figures::of(&level4_rows, &whole));
    let intervals = Intervals::of(&daily(&gate_rows, &whole), &daily(&level4_rows, &whole));
    // Copies have all folds: they are held against a run that has them, too.
    let null = if interrupted { None } else { Null::of(&copies, &gate) };
    let gates: Vec<FoldRun> = runs.iter().map(|run| run.1.clone()).collect();
    let selects = variants.len() > 1;
    Ok(WalkReport {
        symbol: candidates[0].instrument.name.clone(),
        currency: candidates[0].instrument.currency.clone(),
        seed,
        settings: settings.fingerprint(),
        plan: request.plan,
        learn: request.learn,
        days: days.len(),
        days_left: windows.last().map_or(0, |last| days.len() - last.test.end),
        selection: selects.then(|| Selection {
            objective: request.objective,
            variants: variants.iter().map(|variant| variant.name.clone()).collect(),
            best_of_chance: (2.0 * (variants.len() as f64).ln()).sqrt(),
        }),
        folds: runs
            .iter()
            .map(|(place, gate, level4)| {
                let chosen = selects.then(|| variants[gate.chosen].name.clone());
                fold(*place, &days, &windows[*place], chosen, gate, level4)
            })
            .collect(),
        verdict: Verdict::of(&gate, intervals.as_ref(), null.as_ref().map(|null| null.p_value)),
        gate,
        level4,
        cost_parts: parts_of(&gates),
        intervals,
        null,
        interrupted,
        source,
    })
}

/// What a task came to.
enum Done {
    Fold(Box<(FoldRun, FoldRun)>),
    Copy(Figures),
    /// It was to end early.
    Broken,
}

fn test_days<'a>(days: &'a [Day], windows: &Windows) -> impl Iterator<Item = TradingDay> + use<'a> {
    days[windows.test.clone()].iter().map(|day| day.day)
}

fn test_days_of(days: &[Day], windows: &Windows) -> Vec<TradingDay> {
    test_days(days, windows).collect()
}

fn fold(
    place: usize,
    days: &[Day],
    windows: &Windows,
    chosen: Option<String>,
    gate: &FoldRun,
    level4: &FoldRun,
) -> Fold {
    let ends = |range: &std::ops::Range<usize>| [range.start, range.end - 1].map(|day| days[day].day.to_string());
    let train: Vec<TradingDay> = days[windows.train.clone()].iter().map(|day| day.day).collect();
    let test = test_days_of(days, windows);
    Fold {
        number: place + 1,
        train: ends(&windows.train),
        test: ends(&windows.test),
        purged: gate.purged,
        objectives: if chosen.is_some() { gate.objectives.clone() } else { Vec::new() },
        chosen,
        trained_on: Figures::of(&gate.train, &train),
        trained: gate.trained.clone().unwrap_or_default(),
        gate: Figures::of(&gate.test, &test),
        level4: Figures::of(&level4.test, &test),
    }
}

/// Does all tasks on at most so many threads; what they came to is in the order of the tasks.
fn in_parallel<T: Send, E: Send>(
    threads: usize,
    tasks: usize,
    work: &(impl Fn(usize) -> Result<T, E> + Sync),
    tell: &mut dyn FnMut(),
) -> Result<Vec<T>, E> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, Result<T, E>)>> = Mutex::new(Vec::new());
    let held = || results.lock().unwrap_or_else(PoisonError::into_inner);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.clamp(1, tasks.max(1)))
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let task = next.fetch_add(1, Ordering::Relaxed);
                        if task >= tasks {
                            break;
                        }
                        let result = work(task);
                        held().push((task, result));
                    }
                })
            })
            .collect();
        while !workers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            tell();
            std::thread::park_timeout(TELL_EVERY);
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(task, _)| *task);
    results.into_iter().map(|(_, result)| result).collect()
}
