//! A recorded day, run again: the engine is rebuilt from the day's file, sees what it saw, and has to decide what it
//! decided. What it records is held against the database, record by record; the fills that came are held against those
//! that the simulated exchange would have given for the same orders on the same prices.

mod parity;
mod rerun;
mod shadow;

use std::path::{Path, PathBuf};

use alavanca_adapters_sqlite::RunReader;
use alavanca_kernel::{SettingError, TradingDay};
use alavanca_ports::StoreError;
use serde::Serialize;

pub use parity::{Difference, Kind, Parity};
pub use shadow::{Shadow, ShadowRow};

use crate::extensions::Extensions;
use crate::recording::{Line, RecordingError, day_path, first_line, read_day};
use crate::settings::SettingsError;
use crate::waiting::on_this_thread;
use rerun::Rerun;

/// What is to be run again.
#[derive(Debug, Clone)]
pub struct ReplayRequest {
    /// The day's file.
    pub file: PathBuf,
    /// The database of the run.
    pub db: PathBuf,
    /// What the binary brings along.
    pub extensions: Extensions,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Replayed {
    /// Whether everything that is stored was decided again, and nothing else.
    pub identical: bool,
    /// The day's file.
    pub file: String,
    /// Files of the days before that the engine goes on from.
    pub goes_on_from: Vec<String>,
    /// The instruments.
    pub symbols: Vec<String>,
    /// Fingerprint of the settings.
    pub fingerprint: String,
    /// The release that recorded it.
    pub recorded_by: String,
    /// This release.
    pub replayed_by: String,
    /// Events of the day.
    pub events: u64,
    /// How often an engine began on the day.
    pub starts: u32,
    /// Events after the last commit before a kill: they came to nothing, and the next start knew nothing of them.
    pub came_to_nothing: u64,
    /// Events at the end whose step is not in the database.
    pub not_stored: u64,
    /// Bytes at the file's end that a kill left half written.
    pub torn_bytes: u64,
    /// Each kind of record.
    pub parity: Vec<Parity>,
    /// The first record that is not the same, in full.
    pub first_difference: Option<Difference>,
    /// The fills beside those of the simulated exchange.
    pub shadow: Shadow,
}

/// Why a day cannot be run again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file cannot be read, or is not what was written.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// The engine goes on from a day whose file is not there.
    #[error("{file} goes on from the day before, and {missing} is not there: put it beside it")]
    NoDayBefore {
        /// The file.
        file: String,
        /// What is missing.
        missing: String,
    },
    /// It does not begin with an engine.
    #[error("{0} does not say how its engine began: it is no recorded day, or its beginning was cut off")]
    NoBeginning(String),
    /// It was written by a newer release.
    #[error("{file} has the layout {got}, this release reads up to {known}: use the release {version} that wrote it")]
    Newer {
        /// The file.
        file: String,
        /// Its layout.
        got: u32,
        /// What is known.
        known: u32,
        /// Who wrote it.
        version: String,
    },
    /// The settings of the day cannot be had again.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// An engine cannot be built from them.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// They are read, and are not the same.
    #[error(
        "the settings of {file} are read with the fingerprint {got}, recorded was {recorded}: a file that they name \
         (SESSION_CALENDAR, NEWS_CALENDAR) has changed, or this release knows other settings than {version}"
    )]
    OtherSettings {
        /// The file.
        file: String,
        /// As they are read.
        got: String,
        /// As they were recorded.
        recorded: String,
        /// Who wrote it.
        version: String,
    },
    /// What was stored does not fit the engine.
    #[error(transparent)]
    Restore(#[from] alavanca_engine::RestoreError),
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database is another run's.
    #[error("{db} is of the instruments {stored}, {file} of {recorded}: name the database of that run")]
    OtherRun {
        /// The database.
        db: String,
        /// Its instruments.
        stored: String,
        /// The day's file.
        file: String,
        /// Its instruments.
        recorded: String,
    },
    /// No runtime for the database.
    #[error("no runtime for the database: {0}")]
    Runtime(std::io::Error),
}

/// Runs a recorded day again and holds it against its database.
///
/// # Errors
/// A file or a database that cannot be read, or that do not belong together. A difference is no error.
pub fn replay(request: &ReplayRequest) -> Result<Replayed, ReplayError> {
    let name = request.file.display().to_string();
    let runtime = on_this_thread().map_err(ReplayError::Runtime)?;
    let reader = runtime.block_on(RunReader::open(&request.db))?;
    let stored = runtime.block_on(reader.cursor())?;

    let before = files_before(&request.file)?;
    let mut rerun = Rerun::new(&name, &request.extensions);
    for (index, file) in before.iter().enumerate() {
        // Of the first of them only the engine that goes on.
        rerun.skip_to_beginning(if index == 0 { beginnings(file)? } else { 0 });
        feed(&mut rerun, file)?;
    }
    rerun.count();
    let reading = feed(&mut rerun, &request.file)?;
    let run = rerun.done(stored)?;

    if reader.symbols() != run.symbols {
        return Err(ReplayError::OtherRun {
            db: request.db.display().to_string(),
            stored: reader.symbols().join(", "),
            file: name,
            recorded: run.symbols.join(", "),
        });
    }
    let (parity, first_difference) = runtime.block_on(parity::compare(&reader, &run))?;
    // What was read was read; a connection that does not end in order is no failure of it.
    let _ = runtime.block_on(reader.close());
    Ok(Replayed {
        identical: first_difference.is_none(),
        file: name,
        goes_on_from: before.iter().map(|path| path.display().to_string()).collect(),
        symbols: run.symbols,
        fingerprint: run.fingerprint,
        recorded_by: run.version,
        replayed_by: env!("CARGO_PKG_VERSION").to_owned(),
        events: run.events,
        starts: run.starts,
        came_to_nothing: run.came_to_nothing,
        not_stored: run.not_stored,
        torn_bytes: reading,
        parity,
        first_difference,
        shadow: run.shadow,
    })
}

/// The files of the days that the engine of this one goes on from, oldest first.
fn files_before(file: &Path) -> Result<Vec<PathBuf>, ReplayError> {
    let mut before: Vec<PathBuf> = Vec::new();
    let mut at = file.to_owned();
    while let Some(Line::GoesOn { before: day, .. }) = first_line(&at)? {
        let earlier = day_path(at.parent().unwrap_or(Path::new("")), day);
        if !earlier.exists() {
            let (file, missing) = (at.display().to_string(), earlier.display().to_string());
            return Err(ReplayError::NoDayBefore { file, missing });
        }
        let begins = beginnings(&earlier)? > 0;
        before.insert(0, earlier.clone());
        if begins {
            return Ok(before);
        }
        at = earlier;
    }
    Ok(before)
}

/// How often an engine begins in a file.
fn beginnings(file: &Path) -> Result<u32, ReplayError> {
    let mut found = 0;
    read_day(file, &mut |line| {
        found += u32::from(matches!(line, Line::Begins(_)));
        Ok(())
    })?;
    Ok(found)
}

/// Shows the file to the engine; the bytes that a kill left half written.
fn feed(rerun: &mut Rerun<'_>, file: &Path) -> Result<u64, ReplayError> {
    let mut failed = None;
    let reading = read_day(file, &mut |line| {
        if failed.is_none() {
            failed = rerun.take(line).err();
        }
        Ok(())
    })?;
    failed.map_or(Ok(reading.torn_bytes), Err)
}

/// The day's file that is meant by a date or by a file's name.
pub fn day_file(file_or_day: &str, db: &Path) -> PathBuf {
    match chrono::NaiveDate::parse_from_str(file_or_day, "%Y-%m-%d") {
        Ok(date) => {
            let day = TradingDay::from_days(date.to_epoch_days());
            day_path(&crate::recording::folder_of(db), day)
        }
        Err(_) => PathBuf::from(file_or_day),
    }
}
