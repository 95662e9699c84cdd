//! One train window and the test window after it.

use std::fmt::{self, Write as _};
use std::ops::Range;

use alavanca_calendar::{TradingClock, TradingZone};
use alavanca_engine::{Command, Engine, Notice, Record};
use alavanca_kernel::{Bar, Instrument, Regime, SettingError, SymbolId, TradingDay};
use alavanca_report::{CostParts, Tally};
use sha2::{Digest, Sha256};

use super::figures::{Row, added, daily};
use super::plan::Windows;
use super::{Learn, Objective};
use crate::builder::{Builder, Gating, tally};
use crate::settings::Settings;
use crate::simulation::{Simulation, Sink};
use crate::source::hex;

const SYMBOL: SymbolId = SymbolId::new(0);
/// So many bars pass between two looks at whether the run is to end.
const LOOK: usize = 2_048;

/// A trading day and its bars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Day {
    pub(super) day: TradingDay,
    pub(super) bars: Range<usize>,
}

/// The trading days that have bars, in order.
pub(super) fn days_of(bars: &[Bar], zone: TradingZone) -> Vec<Day> {
    let mut clock = TradingClock::new(zone);
    let mut days: Vec<Day> = Vec::new();
    for (place, bar) in bars.iter().enumerate() {
        let day = clock.locate(bar.time).day;
        match days.last_mut() {
            Some(last) if last.day == day => last.bars.end = place + 1,
            _ => days.push(Day { day, bars: place..place + 1 }),
        }
    }
    days
}

/// Settings that may be traded with, and the instrument as they have it.
#[derive(Debug, Clone)]
pub(super) struct Candidate<'a> {
    pub(super) settings: &'a Settings,
    pub(super) instrument: Instrument,
}

/// What all folds share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) bars: &'a [Bar],
    pub(super) days: &'a [Day],
    pub(super) candidates: &'a [Candidate<'a>],
    pub(super) learn: Learn,
    pub(super) objective: Objective,
}

/// What a fold came to.
#[derive(Debug, Clone)]
pub(super) struct FoldRun {
    /// The place of the candidate that was traded.
    pub(super) chosen: usize,
    /// Each candidate's objective on the train window.
    pub(super) objectives: Vec<f64>,
    /// The chosen one's trades on the train window.
    pub(super) train: Vec<Row>,
    /// Whether a trade over the train window's end was dropped.
    pub(super) purged: bool,
    /// Fingerprint of the engine at the train window's end.
    pub(super) trained: Option<String>,
    /// Trades of the test window.
    pub(super) test: Vec<Row>,
    /// What their costs are made of.
    pub(super) parts: Option<CostParts>,
}

/// Counts bars that were run, and says whether to go on.
pub(super) type Pace<'a> = &'a dyn Fn(u64) -> bool;

impl Ground<'_> {
    /// Trains every candidate, and trades the best of them on the test window. `None` where it was to end early.
    pub(super) fn run(
        &self,
        windows: &Windows,
        gating: Gating,
        among: Range<usize>,
        fingerprint: bool,
        pace: Pace<'_>,
    ) -> Result<Option<FoldRun>, SettingError> {
        let mut best: Option<(usize, Trained)> = None;
        let mut objectives = Vec::new();
        for place in among {
            let Some(trained) = self.train(&self.candidates[place], windows, gating, pace)? else { return Ok(None) };
            let objective = self.objective(windows, &trained.rows);
            // Of equals the first.
            if objectives.iter().all(|known| objective > *known) {
                best = Some((place, trained));
            }
            objectives.push(objective);
        }
        let Some((chosen, trained)) = best else { return Ok(None) };
        let Trained { mut engine, rows: train, purged } = trained;
        let fingerprint = fingerprint.then(|| state_of(&engine));
        for bar in &self.bars[self.bars_of(&windows.shown)] {
            engine.warm(SYMBOL, bar);
        }
        let Some(book) = self.test(&self.candidates[chosen], engine, windows, gating, pace)? else { return Ok(None) };
        let parts = book.tally.summary().cost_parts;
        Ok(Some(FoldRun { chosen, objectives, train, purged, trained: fingerprint, test: book.rows, parts }))
    }

    /// So many bars pass in a fold with so many candidates.
    pub(super) fn bars_in(&self, windows: &Windows, candidates: usize) -> u64 {
        (self.bars_of(&windows.train).len() * candidates + self.bars_of(&windows.test).len()) as u64
    }

    /// The train window from a fresh engine and account. A trade that is open at its end is purged: the window is run
    /// again up to the bar before its decision, and the levels alone see what is left of it.
    fn train(
        &self,
        candidate: &Candidate<'_>,
        windows: &Windows,
        gating: Gating,
        pace: Pace<'_>,
    ) -> Result<Option<Trained>, SettingError> {
        let bars = &self.bars[self.bars_of(&windows.train)];
        let mut traded = bars.len();
        loop {
            let built = Builder::new(candidate.settings, &candidate.instrument).gating(gating).build()?;
            let mut simulation = Simulation::new(built.engine, built.exchange, built.fill);
            let mut book = Book::new(candidate)?;
            let mut flat = 0;
            for (place, bar) in bars[..traded].iter().enumerate() {
                simulation.on_bar(SYMBOL, bar, &mut book);
                if simulation.exchange().is_idle(SYMBOL) && simulation.engine().open_trades().next().is_none() {
                    flat = place + 1;
                }
                if (place + 1).is_multiple_of(LOOK) && !pace(LOOK as u64) {
                    return Ok(None);
                }
            }
            if flat < traded {
                traded = flat;
                continue;
            }
            if !pace((traded % LOOK) as u64) {
                return Ok(None);
            }
            let mut engine = simulation.into_engine();
            for bar in &bars[traded..] {
                engine.warm(SYMBOL, bar);
            }
            return Ok(Some(Trained { engine, rows: book.rows, purged: traded < bars.len() }));
        }
    }

    /// The test window, with what was learned and a fresh account.
    fn test(
        &self,
        candidate: &Candidate<'_>,
        engine: Engine,
        windows: &Windows,
        gating: Gating,
        pace: Pace<'_>,
    ) -> Result<Option<Book>, SettingError> {
        let fresh = Builder::new(candidate.settings, &candidate.instrument).gating(gating).build()?;
        let mut simulation = Simulation::new(engine, fresh.exchange, fresh.fill);
        let bars = &self.bars[self.bars_of(&windows.test)];
        let mut before = Book::new(candidate)?;
        if self.learn == Learn::Frozen
            && let Some(first) = bars.first()
        {
            for regime in Regime::ALL {
                simulation.command(Command::Freeze(regime), first.time, &mut before);
            }
        }
        let mut book = Book::new(candidate)?;
        for (place, bar) in bars.iter().enumerate() {
            simulation.on_bar(SYMBOL, bar, &mut book);
            if (place + 1).is_multiple_of(LOOK) && !pace(LOOK as u64) {
                return Ok(None);
            }
        }
        if let Some(last) = bars.last() {
            simulation.end(last.end(), &mut book);
        }
        Ok(pace((bars.len() % LOOK) as u64).then_some(book))
    }

    fn objective(&self, windows: &Windows, rows: &[Row]) -> f64 {
        match self.objective {
            Objective::Net => rows.iter().map(|row| row.net.to_f64()).sum(),
            Objective::TStatistic => {
                let days: Vec<_> = self.days[windows.train.clone()].iter().map(|day| day.day).collect();
                let sharpe = alavanca_stats::sharpe_per_day(&daily(rows, &days));
                sharpe.map_or(0.0, |sharpe| sharpe * (days.len() as f64).sqrt())
            }
        }
    }

    pub(super) fn bars_of(&self, days: &Range<usize>) -> Range<usize> {
        let place = |day: usize| self.days.get(day).map_or(self.bars.len(), |day| day.bars.start);
        place(days.start)..place(days.end)
    }
}

struct Trained {
    engine: Engine,
    rows: Vec<Row>,
    purged: bool,
}

/// Trades as they close, and what their costs are made of.
struct Book {
    rows: Vec<Row>,
    tally: Tally,
}

impl Book {
    fn new(candidate: &Candidate<'_>) -> Result<Self, SettingError> {
        Ok(Self { rows: Vec::new(), tally: tally(candidate.settings, &candidate.instrument)? })
    }
}

impl Sink for Book {
    fn record(&mut self, record: Record) {
        if let Record::Trade(trade) = &record {
            self.rows.push(Row::of(trade));
        }
        self.tally.observe(&record);
    }

    fn notice(&mut self, _: Notice) {}
}

/// Parts of costs over folds.
pub(super) fn parts_of(folds: &[FoldRun]) -> Option<CostParts> {
    folds.iter().try_fold(CostParts::default(), |sum, fold| Some(added(sum, fold.parts?)))
}

/// A digest of everything that the engine knows.
fn state_of(engine: &Engine) -> String {
    struct Hasher(Sha256);
    impl fmt::Write for Hasher {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.update(text.as_bytes());
            Ok(())
        }
    }
    let mut hasher = Hasher(Sha256::new());
    // Writing into a hash cannot fail.
    let _ = write!(hasher, "{engine:?}");
    hex(&hasher.0.finalize())[..16].to_owned()
}
