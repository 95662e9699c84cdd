//! `trading.db` of the Python version becomes a database of this one: its policy as an import, its history as history.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use alavanca_adapters_sqlite::python::{PythonDb, Staged, StateMap, state_of};
use alavanca_adapters_sqlite::{CapitalFacts, Durability, PolicyFacts, SqliteStore, StoreConfig};
use alavanca_calendar::{LocalConverter, TradingZone};
use alavanca_engine::{ByHandError, Checkpoint, PolicyByHand, Record, RestoreError, Restored};
use alavanca_kernel::{Instrument, PRESETS, SettingError, Timestamp};
use alavanca_ports::{Store, StoreError};
use alavanca_rl::{PolicyScope, RlConfig, ThompsonSampling};
use alavanca_updater::UpdaterConfig;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::builder::{Gating, build};
use crate::policy::PolicySettings;
use crate::settings::Settings;
use crate::source::hex;
use crate::waiting::on_this_thread;

/// What to take over.
#[derive(Debug, Clone, Default)]
pub struct PythonImportRequest {
    /// The Python version's database.
    pub file: PathBuf,
    /// The database to make.
    pub db: PathBuf,
    /// The instruments of the new database; without any, those of the history that the settings know.
    pub symbols: Vec<String>,
    /// A CSV file that says states by their names: `hash,state`.
    pub map: Option<PathBuf>,
    /// Whether it is to be done. Without it everything is read and checked, and nothing is written.
    pub yes: bool,
}

/// What was or would be taken over.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PythonImportReport {
    /// The Python version's database.
    pub file: PathBuf,
    /// SHA-256 of that file.
    pub sha256: String,
    /// The database that was or would be made.
    pub db: PathBuf,
    /// What is in it, and what of it is taken.
    pub staged: Staged,
    /// The new database's instruments.
    pub symbols: Vec<String>,
    /// Instruments of the history that the settings do not know.
    pub unknown_symbols: Vec<String>,
    /// Whether it was done.
    pub done: bool,
}

/// How far it has come, in rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PythonImportProgress {
    /// Rows are read and checked.
    Checking {
        /// So many ...
        done: u64,
        /// ... of so many.
        total: u64,
    },
    /// Rows are copied.
    Keeping {
        /// So many ...
        done: u64,
        /// ... of so many.
        total: u64,
    },
}

/// Why nothing was taken over. No database was made.
#[derive(Debug, thiserror::Error)]
pub enum PythonImportError {
    /// A database cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A setting cannot be.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The new database's file is there.
    #[error("{0} is there already: name a file that is not, with --db")]
    Exists(PathBuf),
    /// A file cannot be read or written.
    #[error("cannot use {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A line of the map is wrong.
    #[error("{path}:{line}: {what}; a line is a hash and its state, such as 3f2a90c1,TREND_UP|14:00|HIGH|LOW")]
    Map {
        /// The map.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
    /// No instrument is known.
    #[error(
        "{file} names no instrument that the settings know: say which the new database is for, such as --symbol WIN \
         (known are {known}, and [instrument.NAME] sections of the configuration)",
        known = PRESETS.join(", ")
    )]
    NoSymbol {
        /// The Python version's database.
        file: PathBuf,
    },
    /// The Python version has one policy for all symbols.
    #[error("the Python version has one policy for all symbols: set RL_POLICY_SCOPE=SHARED to import it")]
    Scope,
    /// The checked policy was not taken in.
    #[error("the policy cannot be taken in: {0}")]
    Policy(#[from] ByHandError),
    /// The policy's settings do not fit.
    #[error("the policy cannot be taken in: {0}")]
    Restore(#[from] RestoreError),
    /// No runtime for the store.
    #[error("no runtime for the store")]
    Runtime(#[source] io::Error),
}

impl PythonImportError {
    /// Whether what was asked for cannot be asked for.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Setting(_) | Self::Exists(_) | Self::Map { .. } | Self::NoSymbol { .. } | Self::Scope)
    }
}

/// Reads and checks everything; with `yes` and a policy without a bad row, makes the new database. It gets its name once
/// it is complete.
///
/// # Errors
/// [`PythonImportError`]; a bad row is none, it stands in the report.
pub fn import_python(
    request: &PythonImportRequest,
    settings: &Settings,
    progress: &mut dyn FnMut(PythonImportProgress),
) -> Result<PythonImportReport, PythonImportError> {
    if settings.rl.scope != PolicyScope::Shared {
        return Err(PythonImportError::Scope);
    }
    if request.db.exists() {
        return Err(PythonImportError::Exists(request.db.clone()));
    }
    let map = request.map.as_deref().map(read_map).transpose()?.unwrap_or_default();
    let runtime = on_this_thread().map_err(PythonImportError::Runtime)?;
    runtime.block_on(async {
        let mut python = PythonDb::open(&request.file).await?;
        let sha256 = sha256(&request.file)?;
        let prior = (settings.rl.prior_alpha, settings.rl.prior_beta);
        let total = python.rows_in_all().await?;
        let checking = &mut |done| progress(PythonImportProgress::Checking { done, total });
        let staged = python.stage(prior, &map, checking).await?;
        let (instruments, unknown_symbols) = instruments(request, &staged, settings)?;
        let symbols = instruments.iter().map(|instrument| instrument.name.clone()).collect();
        let (file, db) = (request.file.clone(), request.db.clone());
        let mut report = PythonImportReport { file, sha256, db, staged, symbols, unknown_symbols, done: false };
        if request.yes && report.staged.policy_is_sound() {
            let keeping = &mut |done| progress(PythonImportProgress::Keeping { done, total });
            make(&mut python, &report, &instruments, settings, keeping).await?;
            report.done = true;
        }
        python.close().await?;
        Ok(report)
    })
}

/// Makes the database beside its name, and gives it the name at the end.
async fn make(
    python: &mut PythonDb,
    report: &PythonImportReport,
    instruments: &[Instrument],
    settings: &Settings,
    progress: &mut dyn FnMut(u64),
) -> Result<(), PythonImportError> {
    let beside = |ending: &str| {
        let mut name = report.db.clone().into_os_string();
        name.push(ending);
        PathBuf::from(name)
    };
    let part = beside(".importing");
    let leftovers = ["", "-wal", "-shm", ".lock"].map(|ending| beside(&format!(".importing{ending}")));
    let clear = || leftovers.iter().for_each(|path| _ = fs::remove_file(path));
    // What an import that was broken off left.
    clear();
    let made = fill(python, &part, report, instruments, settings, progress).await;
    let made = made.and_then(|()| {
        fs::rename(&part, &report.db).map_err(|source| PythonImportError::File { path: report.db.clone(), source })
    });
    clear();
    made
}

async fn fill(
    python: &mut PythonDb,
    part: &Path,
    report: &PythonImportReport,
    instruments: &[Instrument],
    settings: &Settings,
    progress: &mut dyn FnMut(u64),
) -> Result<(), PythonImportError> {
    let zone = TradingZone::new(&settings.zone)?;
    let policy = || Ok::<_, SettingError>(Box::new(ThompsonSampling::new(RlConfig::new(settings.rl)?)));
    let checkpoint = checkpoint(&report.staged, instruments, settings, zone)?;
    let restored = Restored { checkpoint: checkpoint.clone(), policy: Vec::new(), snapshots: Vec::new() };
    let mut by_hand = PolicyByHand::take_up(restored, policy()?, UpdaterConfig::new(settings.updater)?, zone)?;
    let source = report.file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let run_id = format!("python-{}", &report.sha256[..16]);
    let reason = format!("taken over from {source} of the Python version");
    by_hand.import(&report.staged.policy_tables, &report.sha256, Some(&run_id), &reason)?;
    let mut records = by_hand.finish();
    if records.is_empty() {
        records.push(Record::Checkpoint(Box::new(checkpoint)));
    }

    let mut store = SqliteStore::open(part, config(instruments, settings)).await?;
    let formula = report.staged.state_hashes.clone().unwrap_or_else(|| "none".to_owned());
    let noted = PolicySettings::notes(settings);
    let mut notes: Vec<(&str, &str)> = noted.iter().map(|(key, text)| (*key, text.as_str())).collect();
    notes.extend([
        ("run_id", run_id.as_str()),
        ("imported_from", source.as_str()),
        ("imported_sha256", report.sha256.as_str()),
        ("imported_state_hashes", formula.as_str()),
    ]);
    store.set_meta(&notes).await?;
    store.commit(&records, 0).await?;
    python.keep(&mut store, progress).await?;
    // What is served has to be the fold of the log here, too.
    store.verify_policy(&mut *policy()?).await?;
    Ok(store.close().await?)
}

fn config(instruments: &[Instrument], settings: &Settings) -> StoreConfig {
    let (capital, rl) = (&settings.capital, &settings.rl);
    StoreConfig {
        durability: Durability::Live,
        symbols: instruments.iter().map(|instrument| instrument.name.clone()).collect(),
        capital: CapitalFacts {
            operator_capital: capital.operator_capital,
            margin_per_contract: capital.margin_per_contract,
            max_contracts_cap: capital.max_contracts_cap,
        },
        policy: PolicyFacts { scope: rl.scope, prior_alpha: rl.prior_alpha, prior_beta: rl.prior_beta },
    }
}

/// What an engine without a past goes on from, at the time of the last thing in the Python version's database.
fn checkpoint(
    staged: &Staged,
    instruments: &[Instrument],
    settings: &Settings,
    zone: TradingZone,
) -> Result<Checkpoint, SettingError> {
    let mut desks = Vec::new();
    let mut whole = None;
    for instrument in instruments {
        let mut of_one = build(settings, instrument, Gating::AsConfigured)?.engine.checkpoint();
        desks.append(&mut of_one.desks);
        whole.get_or_insert(of_one);
    }
    let now = staged.last.map_or(Timestamp::from_secs(0), |last| {
        if last.is_instant {
            return Timestamp::from_micros(last.micros);
        }
        let whole_seconds = last.micros.div_euclid(1_000_000);
        LocalConverter::new(zone.zone()).to_utc(whole_seconds).plus_micros(last.micros.rem_euclid(1_000_000))
    });
    let whole = whole.ok_or_else(|| SettingError::new("--symbol", "", "expected an instrument such as WIN"))?;
    Ok(Checkpoint { desks, now, ..whole })
}

/// The new database's instruments, and those of the history that are not known.
fn instruments(
    request: &PythonImportRequest,
    staged: &Staged,
    settings: &Settings,
) -> Result<(Vec<Instrument>, Vec<String>), PythonImportError> {
    let mut known: Vec<Instrument> = Vec::new();
    let mut add = |instrument: Instrument| {
        if known.iter().all(|other| other.name != instrument.name) {
            known.push(instrument);
        }
    };
    let mut unknown = Vec::new();
    for symbol in &staged.symbols {
        match settings.instrument(symbol) {
            Ok(instrument) if request.symbols.is_empty() => add(instrument),
            Ok(_) => {}
            Err(_) => unknown.push(symbol.clone()),
        }
    }
    for symbol in &request.symbols {
        add(settings.instrument(symbol)?);
    }
    if known.is_empty() {
        return Err(PythonImportError::NoSymbol { file: request.file.clone() });
    }
    Ok((known, unknown))
}

/// `hash,state`, with a header or without.
fn read_map(path: &Path) -> Result<StateMap, PythonImportError> {
    let unreadable = |source: io::Error| PythonImportError::File { path: path.to_path_buf(), source };
    let text = fs::read_to_string(path).map_err(unreadable)?;
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut map = StateMap::new();
    for record in reader.records() {
        let wrong = |line: u64, what: String| PythonImportError::Map { path: path.to_path_buf(), line, what };
        let record = record.map_err(|error| {
            let line = error.position().map_or(0, csv::Position::line);
            wrong(line, "it cannot be read".to_owned())
        })?;
        let line = record.position().map_or(0, csv::Position::line);
        let [hash, state] = [record.get(0), record.get(1)].map(|cell| cell.unwrap_or_default().trim());
        if line == 1 && (hash, state) == ("hash", "state") {
            continue;
        }
        if record.len() != 2 || hash.is_empty() {
            return Err(wrong(line, format!("it has {} cells", record.len())));
        }
        let Some(known) = state_of(state) else { return Err(wrong(line, format!("`{state}` is no state"))) };
        if map.insert(hash.to_owned(), known).is_some_and(|before| before != known) {
            return Err(wrong(line, format!("{hash} stood in a line before, as another state")));
        }
    }
    Ok(map)
}

fn sha256(path: &Path) -> Result<String, PythonImportError> {
    let failed = |source| PythonImportError::File { path: path.to_path_buf(), source };
    let mut file = File::open(path).map_err(failed)?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => return Ok(hex(&hash.finalize())),
            read => hash.update(&buffer[..read]),
        }
    }
}
