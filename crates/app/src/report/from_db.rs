//! The page of a run that a database holds.

use std::path::{Path, PathBuf};

use alavanca_adapters_files::{FileError, Rows};
use alavanca_adapters_sqlite::{RunReader, Selection, SqliteStore, repo};
use alavanca_calendar::TradingClock;
use alavanca_engine::Record;
use alavanca_kernel::{SettingError, Timestamp, TradingDay};
use alavanca_ports::StoreError;
use serde::Serialize;

use super::noted::{self, Level4Notes, RunFacts, SettingLine, settings_of};
use super::page::{self, PageError, PageFacts};
use super::recorded;
use super::{Document, Market, Material, Parts};
use crate::backtest::{AppError, open_market};
use crate::backtest_types::{BacktestRequest, Progress, SourceFacts};
use crate::statistics::confidence::standings;
use crate::stored_run::{AskError, StoredRun};
use crate::waiting::on_this_thread;

/// Candles of a live market are at least so long, in seconds.
const LIVE_CANDLES: u32 = 60;

/// What is to be reported.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReportRequest {
    /// The run's database.
    pub db: PathBuf,
    /// Where the page goes.
    pub out: PathBuf,
    /// One trading day alone.
    pub day: Option<TradingDay>,
    /// Where the market data lies now, where it is not where it was.
    pub data: Option<PathBuf>,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reported {
    /// The page.
    pub page: PageFacts,
    /// Why there are no candles, where there are none.
    pub no_candles: Option<&'static str>,
    /// What became of `rl_report_log`.
    pub rl_report_log: ReportLog,
}

/// What became of the specification's `rl_report_log` (semantics 33).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportLog {
    /// The figures of so many trading days stand in it.
    Written {
        /// Trading days.
        days: usize,
    },
    /// The database could be read alone.
    NotWritten {
        /// Why.
        why: String,
    },
}

/// Why there is no report. Each says what there is and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The database cannot be read.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The page cannot be written.
    #[error(transparent)]
    Page(#[from] PageError),
    /// A stored setting that this release refuses.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The file that --data names cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Nothing is noted of a run.
    #[error(
        "{path} says nothing of its run that a page could be made of (run_meta has no readable {key}): make it anew with \
         `alavanca backtest --db FILE`; a live or paper run of an earlier release notes it when it is started again"
    )]
    NotNoted {
        /// The database.
        path: String,
        /// What is missing.
        key: &'static str,
    },
    /// The day is none of the run's.
    #[error("{path} has no trading day {day}: it has {known}")]
    NoDay {
        /// The database.
        path: String,
        /// What was asked for.
        day: TradingDay,
        /// What there is.
        known: String,
    },
    /// `--data` names another file than the run's.
    #[error(
        "{file} is not the file of this run: its SHA-256 is {found}, the run's {expected}. Name the one that was run on, \
         or leave --data out for a page without candles"
    )]
    OtherData {
        /// The file.
        file: String,
        /// Its hash.
        found: String,
        /// The run's.
        expected: String,
    },
    /// `--data` for a market that was made up.
    #[error("this run was on {market}: leave --data out")]
    NoFile {
        /// What it was on instead.
        market: &'static str,
    },
}

impl ReportError {
    /// Whether what was asked for is at fault.
    pub const fn is_usage(&self) -> bool {
        match self {
            Self::Ask(error) => error.is_usage(),
            Self::NoDay { .. } | Self::NoFile { .. } => true,
            _ => false,
        }
    }
}

/// Writes the page of a stored run, and the figures of its days into `rl_report_log`.
///
/// # Errors
/// [`ReportError`]; where the database is in use, or may not be written to, the page is made all the same.
pub fn report(request: &ReportRequest, progress: &mut dyn FnMut(Progress)) -> Result<Reported, ReportError> {
    page::check_target(&request.out)?;
    let run = StoredRun::open(&request.db)?;
    let mut noted = Noted::read(&run)?;
    let all = Selection::default();
    let days = run.ask(|reader| reader.days(&all))?;
    let (market, first_last, no_candles) = match noted.kind {
        Kind::Backtest => {
            let (market, first_last) = market(&noted, request, progress)?;
            let no_candles = why(&market);
            (market, first_last, no_candles)
        }
        Kind::Live | Kind::Paper => {
            if request.data.is_some() {
                return Err(ReportError::NoFile {
                    market: "the live market, whose days are recorded beside the database",
                });
            }
            progress(Progress::Running { done: 0, total: 1 });
            let material = Material::with_candles_of(LIVE_CANDLES, noted.facts.prior(), noted.facts.trading_zone()?);
            let recorded = recorded::market(&request.db, request.day, "the trade server's", material);
            noted.source = recorded.source;
            (recorded.market, (None, None), recorded.no_candles)
        }
    };
    let zone = noted.facts.trading_zone()?;

    let mut tally = run.notes().tally();
    let mut material = Material::of_records(noted.facts.prior(), zone);
    let mut past = Material::of_records(noted.facts.prior(), zone);
    let selection = Selection { from: request.day, to: request.day, ..Selection::default() };
    let mut seen = false;
    run.each_record(&selection, &mut |record: &Record| {
        seen |= matches!(record, Record::Decision(_) | Record::Blocked(_) | Record::Trade(_) | Record::Day(_));
        tally.observe(record);
        material.record(record);
    })?;
    if let Some(day) = request.day {
        if !seen {
            let known = match (days.first(), days.last()) {
                (Some(first), Some(last)) => format!("those from {} to {}", first.day, last.day),
                _ => "none that has ended".to_owned(),
            };
            return Err(ReportError::NoDay { path: request.db.display().to_string(), day, known });
        }
        let until = Selection { to: Some(day), ..Selection::default() };
        run.each_record(&until, &mut |record: &Record| past.record(record))?;
    }
    let (mut chronicle, _) = material.gathered();
    if request.day.is_some() {
        chronicle = chronicle.believing(&past.gathered().0);
    }

    let restored = run.ask(|reader| async move { reader.restored().await })?;
    let desks = restored.filter(|_| request.day.is_none()).map_or_else(Vec::new, |restored| restored.checkpoint.desks);
    let meta = settings_of(&noted.settings).map(|settings| settings.meta).unwrap_or_default();
    let brains =
        standings(meta, &desks).map_err(|error| AskError::Usage(format!("{}: {error}", request.db.display())))?;
    let summary = tally.summary();
    // Of one day alone there are no figures of the second engine.
    let level4 = noted.level4.as_ref().filter(|_| request.day.is_none());
    let source = noted.source.map(|source| match first_last {
        (Some(first), Some(last)) if source.first.is_none() => {
            SourceFacts { first: Some(first.to_string()), last: Some(last.to_string()), ..source }
        }
        _ => source,
    });
    let parts = Parts {
        facts: &noted.facts,
        source: source.as_ref(),
        settings: &noted.settings,
        notes: &noted.notes,
        summary: &summary,
        chronicle: &chronicle,
        brains: &brains,
        level4,
        market: &market,
        day: request.day.map(TradingDay::days),
    };
    let document = Document::new(&parts, zone).map_err(PageError::from)?;
    let page = page::write(&request.out, &document)?;
    drop(run);
    let asked = request.day.map_or_else(|| days.iter().map(|day| day.day).collect(), |day| vec![day]);
    Ok(Reported { page, no_candles, rl_report_log: log(&request.db, &asked) })
}

/// What the run was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Backtest,
    Live,
    Paper,
}

/// What was noted of the run.
struct Noted {
    kind: Kind,
    facts: RunFacts,
    settings: Vec<SettingLine>,
    source: Option<SourceFacts>,
    notes: Vec<String>,
    level4: Option<Level4Notes>,
    data_path: Option<PathBuf>,
}

impl Noted {
    fn read(run: &StoredRun) -> Result<Self, ReportError> {
        let meta = |key: &str| run.meta().get(key);
        let missing = |key| ReportError::NotNoted { path: run.notes().path.clone(), key };
        let facts = meta(noted::RUN_FACTS).and_then(|text| serde_json::from_str(text).ok());
        let settings = meta(noted::SETTINGS).map(|text| serde_json::from_str(text));
        let source = meta(noted::DATA_FACTS).map(|text| serde_json::from_str(text));
        let level4 = meta(noted::LEVEL4).map(|text| serde_json::from_str(text));
        let kind = match meta("mode").map(String::as_str) {
            Some("live") => Kind::Live,
            Some("paper") => Kind::Paper,
            _ => Kind::Backtest,
        };
        let notes = match (meta(noted::RUN_NOTES), kind) {
            (Some(text), _) => serde_json::from_str(text).map_err(|_| missing(noted::RUN_NOTES))?,
            (None, Kind::Live) => vec![
                "live over MetaTrader 5: results are the account's; orders that a dry run did not send count as refused"
                    .to_owned(),
            ],
            (None, Kind::Paper) => vec!["paper: the live market, simulated fills; nothing was sent".to_owned()],
            (None, Kind::Backtest) => vec![
                "the run was not ended: this page is of what is stored so far; `alavanca backtest --resume` goes on \
                 with it"
                    .to_owned(),
            ],
        };
        Ok(Self {
            kind,
            facts: facts.ok_or_else(|| missing(noted::RUN_FACTS))?,
            settings: settings.transpose().map_err(|_| missing(noted::SETTINGS))?.unwrap_or_default(),
            source: source.transpose().map_err(|_| missing(noted::DATA_FACTS))?,
            level4: level4.transpose().map_err(|_| missing(noted::LEVEL4))?,
            notes,
            data_path: meta(noted::DATA_PATH).map(PathBuf::from),
        })
    }
}

/// The market again, as the run saw it, and its first and last row. What `--data` names has to be there and the run's;
/// where nobody named it, its absence is a word on the page.
fn market(
    noted: &Noted,
    request: &ReportRequest,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Market, (Option<Timestamp>, Option<Timestamp>)), ReportError> {
    const NONE: (Option<Timestamp>, Option<Timestamp>) = (None, None);
    let settings = settings_of(&noted.settings).filter(|known| known.fingerprint() == noted.facts.fingerprint);
    let (Some(source), Some(settings)) = (&noted.source, settings) else { return Ok((Market::Unknown, NONE)) };
    if source.synthetic && request.data.is_some() {
        return Err(ReportError::NoFile { market: "a synthetic market, which is made again from its settings" });
    }
    let path = request.data.as_ref().or(noted.data_path.as_ref()).filter(|_| !source.synthetic);
    if path.is_none() && !source.synthetic {
        return Ok((Market::Unknown, NONE));
    }
    let read = &noted.facts.read;
    let again = BacktestRequest {
        data: path.cloned(),
        symbol: read.symbol.clone().or_else(|| Some(noted.facts.symbol.clone())),
        data_tz: read.data_tz.clone(),
        accept_faults_percent: read.accept_faults_percent,
        ..BacktestRequest::default()
    };
    let mut found = match open_market(&again, &settings, progress) {
        Ok(found) => found,
        Err(AppError::File(error)) if request.data.is_some() => return Err(error.into()),
        Err(AppError::File(FileError::Io { source, .. })) if source.kind() == std::io::ErrorKind::NotFound => {
            return Ok((Market::Missing, NONE));
        }
        Err(_) => return Ok((Market::Unreadable, NONE)),
    };
    if found.facts.sha256 != source.sha256 {
        return match &request.data {
            Some(path) => Err(ReportError::OtherData {
                file: path.display().to_string(),
                found: found.facts.sha256,
                expected: source.sha256.clone(),
            }),
            None => Ok((Market::Changed, NONE)),
        };
    }
    let zone = noted.facts.trading_zone()?;
    let mut clock = TradingClock::new(zone);
    let mut is_asked = |at: Timestamp| request.day.is_none_or(|day| clock.locate(at).day == day);
    let mut material = Material::with_candles(noted.facts.prior(), zone);
    let (mut rows, (mut first, mut last)) = (Rows::new(), NONE);
    loop {
        match found.source.next_batch(&mut rows) {
            Ok(true) => {}
            Ok(false) => break,
            Err(_) => return Ok((Market::Unreadable, NONE)),
        }
        match &rows {
            Rows::Bars(bars) => {
                first = first.or(bars.first().map(|bar| bar.time));
                last = bars.last().map(|bar| bar.time).or(last);
                for bar in bars.iter().filter(|bar| is_asked(bar.time)) {
                    material.bar(bar);
                }
            }
            Rows::Ticks(ticks) => {
                first = first.or(ticks.first().map(|tick| tick.time));
                last = ticks.last().map(|tick| tick.time).or(last);
                for tick in ticks.iter().filter(|tick| is_asked(tick.time)) {
                    material.tick(tick);
                }
            }
        }
        let (done, total) = found.source.progress();
        progress(Progress::Running { done, total });
    }
    Ok((material.gathered().1.map_or(Market::Unknown, Market::Drawn), (first, last)))
}

const fn why(market: &Market) -> Option<&'static str> {
    match market {
        Market::Drawn(_) => None,
        Market::Unknown => Some("nothing is noted of where the market data lies"),
        Market::Missing => Some("the market data is not where it was: --data names where it is now"),
        Market::Changed => Some("the file that is where the market data was is another one"),
        Market::Unreadable => Some("the market data cannot be read any more"),
    }
}

/// Writes the days' figures anew; the store wrote those of ended days when they ended, and gets the same again.
fn log(path: &Path, days: &[TradingDay]) -> ReportLog {
    let written = on_this_thread().map_err(|error| StoreError::Io(error.to_string())).and_then(|runtime| {
        runtime.block_on(async {
            let reader = RunReader::open(path).await?;
            let symbols = reader.symbols().to_vec();
            reader.close().await?;
            let store = SqliteStore::open_existing(path).await?;
            repo::insert_rl_reports(store.db(), days, &symbols)
                .await
                .map_err(|error| StoreError::Io(error.to_string()))?;
            store.close().await
        })
    });
    match written {
        Ok(()) => ReportLog::Written { days: days.len() },
        Err(error) => ReportLog::NotWritten { why: error.to_string() },
    }
}
