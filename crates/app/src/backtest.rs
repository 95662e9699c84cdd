//! A backtest: a market, two engines (the gate, and Level 4 beside it), a store, and the figures.

use std::path::Path;

use alavanca_adapters_files::{DataZone, FileError, MarketClass, ReadSettings, Rows};
use alavanca_adapters_sim::SyntheticSettings;
use alavanca_adapters_sqlite::{Durability, SqliteStore};
use alavanca_calendar::Contract;
use alavanca_engine::{Checkpoint, Notice, Record, Restored};
use alavanca_kernel::{Bar, DecisionId, Instrument, PRESETS, Price, SettingError, SymbolId, Tick, Timestamp};
use alavanca_ports::{Store, StoreError};
use alavanca_report::{Summary, Tally};
use sha2::{Digest, Sha256};

use crate::backtest_types::{BacktestReport, BacktestRequest, Progress, RunCounts, SourceFacts, Stop};
use crate::brain_names::{BRAINS, BrainNames};
use crate::builder::{Built, Gating, build, store_config, tally};
use crate::compare::DayBook;
use crate::policy::{self, Beginning, PolicyError};
use crate::report::{self, Level4Notes, Material, Noted, PageError};
use crate::settings::{Loaded, Settings};
use crate::simulation::{Simulation, Sink};
use crate::source::{Source, file_facts, hex, synthetic_facts};
use crate::statistics::confidence::standings;
use crate::waiting::on_this_thread;

/// The one symbol of a backtest on one file.
const SYMBOL: SymbolId = SymbolId::new(0);
/// So many records make a commit: the store's batches are at their best from here on.
const COMMIT_RECORDS: usize = 4_096;
/// So many rows pass between two reports of progress.
const PROGRESS_ROWS: u64 = 65_536;

/// Why an application run failed. Each says what happened and what to do.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// A setting cannot be.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The market data cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No symbol was said, and neither the file nor its name tells it.
    #[error(
        "neither `{file}` nor its rows say which instrument it is: add --symbol, such as --symbol WIN (known are \
         {known}, dated codes such as WINZ26, and [instrument.NAME] sections of the configuration)",
        known = PRESETS.join(", ")
    )]
    NoSymbol {
        /// The file.
        file: String,
    },
    /// The database holds a run already.
    #[error("{path} already holds a run: add --resume to go on with it, or name another file with --db")]
    AlreadyRun {
        /// The database.
        path: String,
    },
    /// The database holds another run.
    #[error(
        "{path} holds another run ({stored}) than the one asked for ({asked}): data, settings, seed and \
         --policy must be the same to resume"
    )]
    OtherRun {
        /// The database.
        path: String,
        /// Its run.
        stored: String,
        /// The run asked for.
        asked: String,
    },
    /// The database's run had something of one's own that this binary does not have.
    #[error(
        "{path} holds a run that had {what}, which this binary does not have: go on with it by the binary that made it, \
         or begin another run with a new --db"
    )]
    UnknownHere {
        /// The database.
        path: String,
        /// What it had.
        what: String,
    },
    /// The operator changed the stored policy after the run.
    #[error(
        "the policy in {path} was changed by hand after its run ({what}): a resume replays the run from its beginning, \
         and would not make that change. To try the changed policy, export it (`alavanca policy export --db {path} \
         --out FILE`) and begin another run with `--policy FILE` and a new --db"
    )]
    ChangedByHand {
        /// The database.
        path: String,
        /// The last change.
        what: String,
    },
    /// The policy to begin with, or the stored one.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// `--resume` without a database.
    #[error("--resume goes on with a stored run: name its database with --db")]
    NothingToResume,
    /// What is stored and what a replay of the same events gives are not the same.
    #[error(
        "{path} does not agree with a replay of its own run after {events} events: it was changed, or written by \
         another release. It was left as it is; run again with a new --db"
    )]
    Diverged {
        /// The database.
        path: String,
        /// After how many events.
        events: u64,
    },
    /// The report's page cannot be.
    #[error(transparent)]
    Page(#[from] PageError),
    /// A thread of the run stopped.
    #[error("the run stopped: {0}")]
    Stopped(String),
}

/// Runs it. With more than one thread the second engine runs beside the first; the figures are the same. A run that is
/// asked to stop has stored what it did so far, and has no figures of Level 4: they would be of another span.
///
/// # Errors
/// [`AppError`]; a refused file or setting leaves nothing behind.
pub fn run_backtest(
    request: &BacktestRequest,
    loaded: &Loaded,
    progress: &mut dyn FnMut(Progress),
) -> Result<BacktestReport, AppError> {
    if request.resume && request.db.is_none() {
        return Err(AppError::NothingToResume);
    }
    if let Some(path) = &request.report {
        report::check_target(path)?;
    }
    let mut settings = loaded.settings.clone();
    if let Some(seed) = request.seed {
        settings.rl.seed = seed;
    }
    // A synthetic market is open on every weekday.
    settings.holidays = request.data.is_some();
    let market = open_market(request, &settings, progress)?;
    let instrument = market.instrument.clone();
    let symbols = [instrument.name.clone()];
    let beginning = request.policy.as_deref().map(|path| Beginning::read(path, &settings, &symbols)).transpose()?;
    let run_id = run_id(&settings, &market, beginning.as_ref());
    let noted = Noted::new(request, loaded, &settings, &market, &run_id);
    let with_gate = build(&settings, &instrument, Gating::AsConfigured)?;
    let without_gate = (!request.without_level4).then(|| build(&settings, &instrument, Gating::Off)).transpose()?;

    let beside = request.threads > 1;
    let gathers = request.report.is_some() || request.db.is_some();
    let second = |source: Source, built: Built| -> Result<Option<Level4>, AppError> {
        let material = gathers.then(|| noted.material(false)).transpose()?;
        let tally = tally(&settings, &instrument)?;
        let mut sink = RunSink { tally, material, ..RunSink::default() };
        let run = run(source, built, &mut sink, None, &request.stop, &mut |_| {})?;
        if run.interrupted {
            return Ok(None);
        }
        let summary = sink.tally.summary();
        let chronicle = sink.material.map(|material| material.gathered().0);
        let notes = chronicle.map(|chronicle| Level4Notes::new(&summary, &chronicle)).transpose();
        Ok(Some(Level4 { summary, notes: notes.map_err(PageError::from)? }))
    };
    let again = |progress: &mut dyn FnMut(Progress)| open_market(request, &settings, progress).map(|m| m.source);
    let (gate, level4) = std::thread::scope(|scope| -> Result<(Outcome, Option<Level4>), AppError> {
        let running = match without_gate {
            Some(built) if beside => {
                let again = &again;
                Some(Ok(scope.spawn(move || second(again(&mut |_| {})?, built))))
            }
            Some(built) => Some(Err(built)),
            None => None,
        };
        let gate =
            run_stored(request, &settings, market.source, with_gate, &instrument, (&noted, beginning), progress)?;
        let level4 = match running {
            Some(Ok(thread)) => {
                thread.join().map_err(|_| AppError::Stopped("the Level 4 engine panicked".to_owned()))??
            }
            Some(Err(_)) if gate.counts.interrupted => None,
            Some(Err(built)) => second(again(&mut |_| {})?, built)?,
            None => None,
        };
        Ok((gate, level4))
    })?;
    let mut gate = gate;
    gate.notes.extend(expired(&instrument, &settings, gate.last.as_deref()).filter(|_| request.data.is_some()));
    progress(Progress::Closing);
    let level4 = level4.filter(|_| !gate.counts.interrupted);
    let source = SourceFacts { first: gate.first, last: gate.last, ..market.facts };
    let level4_notes = level4.as_ref().and_then(|level4| level4.notes.as_ref());
    let mut head = None;
    if let Some(mut keeper) = gate.keeper {
        if !gate.counts.interrupted {
            keeper.note(&Noted::at_end(&source, &gate.notes, level4_notes)?)?;
        }
        head = Some(keeper.store.head());
        keeper.close()?;
    }
    let page = match (&request.report, gate.material) {
        (Some(path), Some(material)) => {
            Some(noted.page(path, &source, &gate.notes, &gate.summary, material, level4_notes)?)
        }
        _ => None,
    };
    let mut notes = gate.notes;
    notes.extend(gate.run_notes);

    Ok(BacktestReport {
        days: gate.days,
        source,
        symbol: instrument.name.clone(),
        currency: instrument.currency,
        seed: settings.rl.seed,
        run_id,
        settings: settings.fingerprint(),
        gate: gate.summary,
        level4: level4.map(|level4| level4.summary),
        counts: gate.counts,
        notes,
        head,
        report: page,
    })
}

/// A dated contract in data that go on after its last trading day: they are of another one.
fn expired(instrument: &Instrument, settings: &Settings, last: Option<&str>) -> Option<String> {
    let contract: Contract = instrument.name.parse().ok()?;
    let calendar = settings.calendars().get(&instrument.session)?;
    let last_trading_day = contract.last_trading_day(&calendar).to_string();
    let ends = last?.get(..10)?;
    (ends > last_trading_day.as_str()).then(|| {
        format!(
            "{contract} traded for the last time on {last_trading_day}, and the data end on {ends}: what comes after \
             is another contract's, or the symbol is not this one"
        )
    })
}

/// What the second engine came to.
struct Level4 {
    summary: Summary,
    notes: Option<Level4Notes>,
}

/// A market with what is known of it.
pub(crate) struct Market {
    pub(crate) source: Source,
    pub(crate) instrument: Instrument,
    pub(crate) facts: SourceFacts,
}

pub(crate) fn open_market(
    request: &BacktestRequest,
    settings: &Settings,
    progress: &mut dyn FnMut(Progress),
) -> Result<Market, AppError> {
    let find = |symbol: &str| settings.instrument(symbol);
    let Some(path) = &request.data else {
        let instrument = find(request.symbol.as_deref().unwrap_or("WIN"))?;
        let synthetic =
            SyntheticSettings { seed: settings.rl.seed, days: settings.synthetic_days, ..SyntheticSettings::default() };
        let source = Source::synthetic(synthetic, &instrument)?;
        let (_, rows) = source.progress();
        let mut facts = synthetic_facts(&synthetic, &instrument, rows);
        let source = source.joined(settings.timeframe, &mut facts)?;
        return Ok(Market { source, instrument, facts });
    };
    let asked = request.symbol.as_deref().map(find).transpose()?;
    let read = ReadSettings {
        zone: request.data_tz.as_deref().map(str::parse::<DataZone>).transpose()?,
        accept_faults_percent: request.accept_faults_percent,
        bar_seconds: None,
        class: asked.as_ref().map(|instrument| if instrument.is_b3() { MarketClass::B3 } else { MarketClass::Forex }),
    };
    let source = Source::file(path, &read, progress)?;
    let Source::File(file) = &source else { unreachable!("a file was opened") };
    let mut facts = file_facts(file.report());
    let instrument = match (asked, &file.report().symbol) {
        (Some(instrument), _) => instrument,
        (None, Some(symbol)) => find(&symbol.name)?,
        (None, None) => return Err(AppError::NoSymbol { file: path.display().to_string() }),
    };
    let source = source.joined(settings.timeframe, &mut facts)?;
    Ok(Market { source, instrument, facts })
}

/// The same data, settings, symbol, seed and policy to begin with have the same.
fn run_id(settings: &Settings, market: &Market, beginning: Option<&Beginning>) -> String {
    let mut identity = format!(
        "{}\n{}\n{}\n{:?}",
        settings.fingerprint(),
        market.facts.sha256,
        market.facts.clock.as_deref().unwrap_or_default(),
        market.instrument
    );
    if let Some(beginning) = beginning {
        identity.push_str("\npolicy ");
        identity.push_str(&beginning.digest);
    }
    hex(&Sha256::digest(identity.as_bytes()))[..16].to_owned()
}

/// What a run came to.
struct Outcome {
    summary: Summary,
    days: DayBook,
    counts: RunCounts,
    /// What the data and the settings gave reason to say.
    notes: Vec<String>,
    /// What there is to say of this running of it alone.
    run_notes: Vec<String>,
    material: Option<Material>,
    keeper: Option<Keeper>,
    first: Option<String>,
    last: Option<String>,
}

fn run_stored(
    request: &BacktestRequest,
    settings: &Settings,
    source: Source,
    built: Built,
    instrument: &Instrument,
    (noted, beginning): (&Noted, Option<Beginning>),
    progress: &mut dyn FnMut(Progress),
) -> Result<Outcome, AppError> {
    let begun = beginning.as_ref().map(|beginning| beginning.note.clone());
    let mut keeper = request
        .db
        .as_deref()
        .map(|path| Keeper::open(path, settings, instrument, noted.run_id(), request.resume))
        .transpose()?;
    let resumed_after = keeper.as_ref().map_or(0, |keeper| keeper.cursor);
    if let Some(keeper) = &mut keeper {
        keeper.note(&noted.at_start()?)?;
        let brains = BrainNames::default().with(SYMBOL, DecisionId::new(1), built.engine.brains(SYMBOL));
        keeper.note(&[(BRAINS, serde_json::to_string(&brains).map_err(PageError::from)?)])?;
    }
    let material = request.report.is_some().then(|| noted.material(true)).transpose()?;
    let mut sink = RunSink {
        tally: tally(settings, instrument)?,
        keeps: keeper.is_some(),
        skip_until: resumed_after,
        material,
        beginning,
        ..RunSink::default()
    };
    let run = run(source, built, &mut sink, keeper.as_mut(), &request.stop, progress)?;
    let mut notes = sink.notes(instrument);
    notes.extend(begun);
    let mut run_notes = Vec::new();
    if resumed_after > 0 {
        run_notes.push(format!("resumed: the first {resumed_after} events had been stored before"));
    }
    if run.interrupted {
        let until = run.last.map_or_else(|| "none".to_owned(), |at| at.to_string());
        let go_on = match &request.db {
            Some(path) => format!("go on with --db {} --resume", path.display()),
            None => "with --db a run can be gone on with".to_owned(),
        };
        run_notes
            .push(format!("interrupted: figures are of the rows up to {until}, without what is still open; {go_on}"));
    }
    let counts = run.simulation.engine().counts();
    if let Some(material) = &mut sink.material {
        let desks = run.simulation.engine().checkpoint().desks;
        let brains = standings(settings.meta, &desks);
        material.ended(brains.map_err(|error| AppError::Stopped(format!("the brains' own experience: {error}")))?);
    }
    Ok(Outcome {
        summary: sink.tally.summary(),
        days: sink.days,
        counts: RunCounts {
            bars: run.bars,
            ticks: run.ticks,
            resumed_after,
            rejected: counts.bad_inputs,
            interrupted: run.interrupted,
        },
        notes,
        run_notes,
        material: sink.material,
        keeper,
        first: run.first.map(|at| at.to_string()),
        last: run.last.map(|at| at.to_string()),
    })
}

/// A run at its end.
struct Run {
    simulation: Simulation,
    bars: u64,
    ticks: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    interrupted: bool,
}

fn run(
    mut source: Source,
    built: Built,
    sink: &mut RunSink,
    mut keeper: Option<&mut Keeper>,
    stop: &Stop,
    progress: &mut dyn FnMut(Progress),
) -> Result<Run, AppError> {
    let simulation = Simulation::new(built.engine, built.exchange, built.fill);
    let mut run = Run { simulation, bars: 0, ticks: 0, first: None, last: None, interrupted: false };
    let (mut rows, mut events, mut reported) = (Rows::new(), 0_u64, 0_u64);
    let mut end = Timestamp::MIN;
    while source.next_batch(&mut rows)? {
        if stop.is_asked() {
            run.interrupted = true;
            break;
        }
        if let Some(beginning) = sink.beginning.take() {
            let first = match &rows {
                Rows::Bars(bars) => bars.first().map(|bar| bar.time),
                Rows::Ticks(ticks) => ticks.first().map(|tick| tick.time),
            };
            let at = first.unwrap_or(end);
            let Beginning { tables, digest, run_id, .. } = beginning;
            let begun = run.simulation.begin_with(&tables, &digest, run_id.as_deref(), at, sink);
            begun.map_err(|error| AppError::Stopped(format!("the policy to begin with was not taken in: {error}")))?;
        }
        match &rows {
            Rows::Bars(bars) => {
                run.first = run.first.or(bars.first().map(|bar| bar.time));
                run.last = bars.last().map(|bar| bar.time).or(run.last);
                end = bars.last().map_or(end, alavanca_kernel::Bar::end);
                run.bars += bars.len() as u64;
                for bar in bars {
                    sink.bar(bar);
                    run.simulation.on_bar(SYMBOL, bar, sink);
                    events += 1;
                    if sink.is_due(events) {
                        sink.commit(keeper.as_deref_mut(), &mut run.simulation, events)?;
                    }
                }
            }
            Rows::Ticks(ticks) => {
                run.first = run.first.or(ticks.first().map(|tick| tick.time));
                run.last = ticks.last().map(|tick| tick.time).or(run.last);
                end = ticks.last().map_or(end, |tick| tick.time);
                run.ticks += ticks.len() as u64;
                for tick in ticks {
                    sink.tick(tick);
                    run.simulation.on_tick(SYMBOL, tick, sink);
                    events += 1;
                    if sink.is_due(events) {
                        sink.commit(keeper.as_deref_mut(), &mut run.simulation, events)?;
                    }
                }
            }
        }
        if events - reported >= PROGRESS_ROWS {
            reported = events;
            let (done, total) = source.progress();
            progress(Progress::Running { done, total });
        }
    }
    if events > 0 {
        // An interrupted run may be gone on with: what is open stays open.
        if !run.interrupted {
            run.simulation.end(end, sink);
            events += 1;
        }
        sink.commit(keeper, &mut run.simulation, events)?;
    }
    Ok(run)
}

/// Counts records, and holds them for the store where there is one.
#[derive(Default)]
struct RunSink {
    tally: Tally,
    /// What a report is drawn from, where one is wanted.
    material: Option<Material>,
    days: DayBook,
    keeps: bool,
    records: Vec<Record>,
    /// Records of events up to here are stored already.
    skip_until: u64,
    /// The policy to begin with, until it was begun with.
    beginning: Option<Beginning>,
    warned: Vec<Notice>,
    bad_inputs: u64,
    unexpected: u64,
}

impl Sink for RunSink {
    #[inline]
    fn record(&mut self, record: Record) {
        self.tally.observe(&record);
        if let Some(material) = &mut self.material {
            material.record(&record);
        }
        self.days.observe(&record);
        if self.keeps {
            self.records.push(record);
        }
    }

    fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::BadInput { .. } => self.bad_inputs += 1,
            Notice::UnexpectedReport { .. } => self.unexpected += 1,
            Notice::ScalpOutOfReach { .. } => self.warned.push(notice),
        }
    }
}

impl RunSink {
    #[inline]
    fn bar(&mut self, bar: &Bar) {
        if let Some(material) = &mut self.material {
            material.bar(bar);
        }
    }

    #[inline]
    fn tick(&mut self, tick: &Tick) {
        if let Some(material) = &mut self.material {
            material.tick(tick);
        }
    }

    #[inline]
    fn is_due(&self, events: u64) -> bool {
        self.records.len() >= COMMIT_RECORDS || (events == self.skip_until && self.keeps)
    }

    /// Stores what was recorded since the last commit. What an earlier run stored is held against what it would be now.
    fn commit(
        &mut self,
        keeper: Option<&mut Keeper>,
        simulation: &mut Simulation,
        events: u64,
    ) -> Result<(), AppError> {
        let Some(keeper) = keeper else { return Ok(()) };
        let checkpoint = simulation.engine_mut().take_checkpoint();
        if events <= keeper.cursor {
            if events == keeper.cursor {
                keeper.verify(&simulation.engine().checkpoint())?;
            }
            self.records.clear();
            return Ok(());
        }
        self.records.extend(checkpoint.map(|checkpoint| Record::Checkpoint(Box::new(checkpoint))));
        keeper.commit(&self.records, events)?;
        self.records.clear();
        Ok(())
    }

    fn notes(&self, instrument: &Instrument) -> Vec<String> {
        let mut notes: Vec<String> = self
            .warned
            .iter()
            .filter_map(|notice| match notice {
                Notice::ScalpOutOfReach { target, expected_move, .. } => Some(format!(
                    "{}: a scalp's distances (target {target}) lay beyond what the market had moved of late within its \
                     time limit ({}): few scalps reach their target in such hours",
                    instrument.name,
                    // Downwards: what is just short of the target is not to be shown as the target.
                    *expected_move - Price::from_raw(expected_move.raw() % instrument.tick.raw().max(1))
                )),
                Notice::BadInput { .. } | Notice::UnexpectedReport { .. } => None,
            })
            .collect();
        if self.bad_inputs > 0 {
            notes.push(format!("{} rows were refused by the engine and changed nothing", self.bad_inputs));
        }
        if self.unexpected > 0 {
            notes.push(format!("{} reports of the exchange fitted no leg", self.unexpected));
        }
        notes
    }
}

/// What waits for the store.
pub(crate) fn store_runtime() -> Result<tokio::runtime::Runtime, AppError> {
    on_this_thread().map_err(|error| AppError::Stopped(format!("no runtime for the store: {error}")))
}

/// The store of a run.
struct Keeper {
    store: SqliteStore,
    runtime: tokio::runtime::Runtime,
    path: String,
    /// Events that are stored.
    cursor: u64,
    stored: Option<Checkpoint>,
}

impl Keeper {
    fn open(
        path: &Path,
        settings: &Settings,
        instrument: &Instrument,
        run_id: &str,
        resume: bool,
    ) -> Result<Self, AppError> {
        let runtime = store_runtime()?;
        let shown = path.display().to_string();
        let config = store_config(settings, instrument, Durability::Backtest);
        let mut store = runtime.block_on(SqliteStore::open(path, config))?;
        match runtime.block_on(store.meta("run_id"))? {
            Some(stored) if stored != run_id => {
                let noted = runtime.block_on(store.meta("settings"))?;
                if let Some(what) = noted.and_then(|noted| report::unknown_here(&noted, &settings.own)) {
                    return Err(AppError::UnknownHere { path: shown, what });
                }
                return Err(AppError::OtherRun { path: shown, stored, asked: run_id.to_owned() });
            }
            Some(_) if !resume => return Err(AppError::AlreadyRun { path: shown }),
            Some(_) => {}
            None => runtime.block_on(store.set_meta(&[("run_id", run_id)]))?,
        }
        let noted = policy::PolicySettings::notes(settings);
        let noted = noted.each_ref().map(|(key, value)| (*key, value.as_str()));
        runtime.block_on(store.set_meta(&noted))?;
        if resume && let Some(what) = runtime.block_on(policy::changed_by_hand(path))? {
            return Err(AppError::ChangedByHand { path: shown, what });
        }
        let cursor = runtime.block_on(store.cursor())?;
        let restored: Option<Restored> = runtime.block_on(store.restore())?;
        Ok(Self { store, runtime, path: shown, cursor, stored: restored.map(|restored| restored.checkpoint) })
    }

    fn commit(&mut self, records: &[Record], events: u64) -> Result<(), AppError> {
        Ok(self.runtime.block_on(self.store.commit(records, events))?)
    }

    fn note(&mut self, entries: &[(&str, String)]) -> Result<(), AppError> {
        let entries: Vec<(&str, &str)> = entries.iter().map(|(key, value)| (*key, value.as_str())).collect();
        Ok(self.runtime.block_on(self.store.replace_meta(&entries))?)
    }

    fn close(self) -> Result<(), AppError> {
        Ok(self.runtime.block_on(self.store.close())?)
    }

    fn verify(&mut self, replayed: &Checkpoint) -> Result<(), AppError> {
        match self.stored.take() {
            Some(stored) if stored != *replayed => {
                Err(AppError::Diverged { path: self.path.clone(), events: self.cursor })
            }
            _ => Ok(()),
        }
    }
}
