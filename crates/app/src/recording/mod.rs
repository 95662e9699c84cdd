//! Recorded days: what an engine saw, one file a day, so that the day can be run again.
//!
//! The file `YYYY-MM-DD.day.gz` holds, in order, every event that the engine was stepped with, and all that it began
//! with: settings, instruments, what the store gave back, the bars and ticks it was warmed up with. Nothing else is
//! needed to rebuild it.
//!
//! - It is a row of gzip members, each whole by itself: `zcat` reads it. Each ends in a line that counts the lines and
//!   sums up everything before it, so that a changed or a missing line is found.
//! - **Before a step is committed to the store its events are in the file** (handed to the operating system: they
//!   outlive the process, and a power cut may take the last seconds).
//! - Between commits a member is written every few seconds of market time or every 256 KiB. What a kill leaves half
//!   written at the end is cut off at the next start.
//! - A restart appends: the engine's beginning is written again, with the store's own state. What was seen after the
//!   last commit before the kill stays in the file and is known by the cursor to have come to nothing.

mod day_file;
mod line;

use std::io;
use std::path::{Path, PathBuf};

use alavanca_calendar::{TradingClock, TradingZone};
use alavanca_engine::{Event, Restored, ScalpCustody};
use alavanca_kernel::{Bar, Instrument, SettingError, SymbolId, Tick, Timestamp, TradingDay};

pub use day_file::{Broken, Reading, first_line, read_day};
pub use line::{Beginning, Line};

use crate::settings::Settings;
use day_file::DayFile;

/// A member is written when so many bytes of lines wait.
const BYTES: usize = 256 * 1024;
/// And when so much market time went by, in seconds.
const SECONDS: i64 = 5;

/// Why a day is not recorded or cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The world failed.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: String,
        /// How.
        error: io::Error,
    },
    /// The file is not what was written.
    #[error("{path}: {broken}")]
    Broken {
        /// The file.
        path: String,
        /// What is wrong.
        broken: Broken,
    },
    /// The trading zone cannot be.
    #[error(transparent)]
    Setting(#[from] SettingError),
}

/// What the engine is made of, beside what the store gives back.
#[derive(Debug, Clone)]
pub struct Made {
    /// Every setting as written, by its key.
    pub settings: Vec<(String, String)>,
    /// Their fingerprint.
    pub fingerprint: String,
    /// The instruments, in the engine's order.
    pub instruments: Vec<Instrument>,
    /// Who watches the extra's exits.
    pub custody: ScalpCustody,
}

impl Made {
    /// As the settings say.
    pub fn of(settings: &Settings, instruments: &[Instrument], custody: ScalpCustody) -> Self {
        Self {
            settings: settings.entries().collect(),
            fingerprint: settings.fingerprint(),
            instruments: instruments.to_vec(),
            custody,
        }
    }
}

/// Writes down what an engine sees. After a failure it writes nothing more: what is in the file is whole.
#[derive(Debug)]
pub struct Recorder {
    folder: PathBuf,
    made: Made,
    clock: TradingClock,
    file: Option<DayFile>,
    day: Option<TradingDay>,
    /// Market time, and when a member was written last.
    now: Timestamp,
    written: Timestamp,
    /// Events that the engine has consumed.
    cursor: u64,
    /// After a failure nothing is written any more.
    failed: bool,
    /// The failure, until it was told.
    failure: Option<RecordingError>,
}

/// Where the days of a run are recorded: `days` in the folder beside its database.
pub fn folder_of(db: &Path) -> PathBuf {
    let mut name = db.as_os_str().to_owned();
    name.push(".live");
    PathBuf::from(name).join("days")
}

/// The file of a day in this folder.
pub fn day_path(folder: &Path, day: TradingDay) -> PathBuf {
    folder.join(format!("{day}.day.gz"))
}

impl Recorder {
    /// Records into this folder, which is made where it is not there.
    ///
    /// # Errors
    /// A folder that cannot be made.
    pub fn new(folder: &Path, made: Made, zone: TradingZone) -> Result<Self, RecordingError> {
        std::fs::create_dir_all(folder)
            .map_err(|error| RecordingError::Io { path: folder.display().to_string(), error })?;
        Ok(Self {
            folder: folder.to_owned(),
            made,
            clock: TradingClock::new(zone),
            file: None,
            day: None,
            now: Timestamp::MIN,
            written: Timestamp::MIN,
            cursor: 0,
            failed: false,
            failure: None,
        })
    }

    /// An engine begins, or begins again: with what the store gave back, after so many events, the next order numbers
    /// left out. `at` is the market's time and tells the day. To be written before the engine is shown anything.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn begin(
        &mut self,
        restored: Option<&Restored>,
        cursor: u64,
        orders_left_out: u64,
        at: Timestamp,
    ) -> Result<(), RecordingError> {
        let known = restored.map_or(at, |restored| restored.checkpoint.now.max(at));
        self.cursor = cursor;
        self.turn_to(known)?;
        let Made { settings, fingerprint, instruments, custody } = &self.made;
        let beginning = Beginning {
            schema: Beginning::SCHEMA,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            settings: settings.clone(),
            fingerprint: fingerprint.clone(),
            instruments: instruments.clone(),
            custody: *custody,
            cursor,
            orders_left_out,
            at: known,
            checkpoint: restored.map(|restored| restored.checkpoint.clone()),
            policy: restored.map(|restored| restored.policy.clone()).unwrap_or_default(),
            snapshots: restored.map(|restored| restored.snapshots.clone()).unwrap_or_default(),
        };
        self.put(&Line::Begins(Box::new(beginning)));
        self.flush()
    }

    /// Levels 1 to 4 are shown a bar of the past.
    pub fn warm(&mut self, symbol: SymbolId, bar: &Bar) {
        self.put(&Line::warm_bar(symbol, bar));
    }

    /// Levels 1 to 4 are shown a tick of the past.
    pub fn warm_tick(&mut self, symbol: SymbolId, tick: &Tick) {
        self.put(&Line::warm_tick(symbol, tick));
    }

    /// The engine is about to be stepped with this.
    pub fn record(&mut self, event: &Event) {
        let at = line::time_of(event);
        if at > self.now {
            let turned = self.turn_to(at);
            self.hold(turned);
        }
        self.cursor += 1;
        self.put(&Line::of(event));
        let waits = self.file.as_ref().map_or(0, DayFile::waiting);
        if waits > BYTES || self.now >= self.written.plus_secs(SECONDS) {
            self.write();
        }
    }

    /// The engine closes its books: [`Engine::finish`](alavanca_engine::Engine::finish).
    pub fn finish(&mut self) {
        self.put(&Line::Finishes);
    }

    /// Everything up to here is in the file. To be called before a step's records are committed.
    ///
    /// # Errors
    /// A file that cannot be written; nothing is recorded from here on.
    pub fn flush(&mut self) -> Result<(), RecordingError> {
        self.write();
        self.failure.take().map_or(Ok(()), Err)
    }

    fn write(&mut self) {
        self.written = self.now;
        if let Some(file) = self.file.as_mut().filter(|_| !self.failed) {
            let done = file.flush();
            self.hold(done);
        }
    }

    /// A failure is told at the next flush.
    fn hold(&mut self, done: Result<(), RecordingError>) {
        if let Err(error) = done {
            self.failed = true;
            self.failure.get_or_insert(error);
        }
    }

    /// Whether something could not be written: the day cannot be run again from its file.
    pub const fn has_failed(&self) -> bool {
        self.failed
    }

    /// The file that is written now.
    pub fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(DayFile::path)
    }

    fn put(&mut self, line: &Line) {
        if let Some(file) = self.file.as_mut().filter(|_| !self.failed) {
            file.put(line);
        }
    }

    /// The time moves on; a new day is a new file, which says where it goes on from.
    fn turn_to(&mut self, at: Timestamp) -> Result<(), RecordingError> {
        self.now = self.now.max(at);
        let day = self.clock.locate(self.now).day;
        if self.day == Some(day) {
            return Ok(());
        }
        self.write();
        let before = self.day.replace(day);
        self.file = Some(DayFile::open(&day_path(&self.folder, day))?);
        if let Some(before) = before {
            self.put(&Line::GoesOn { before, cursor: self.cursor });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
