//! A database with what was noted of its run: what questions are asked of.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;

use alavanca_adapters_sqlite::{RunReader, Selection};
use alavanca_calendar::{TradingZone, local_to_utc, utc_to_local};
use alavanca_engine::Record;
use alavanca_kernel::{Instrument, SymbolId, Timestamp, TradingDay};
use alavanca_ports::StoreError;
use alavanca_report::Tally;
use chrono::{DateTime, NaiveDate, NaiveDateTime};

use crate::brain_names::{BRAINS, BrainNames};
use crate::builder::tally;
use crate::report::{SettingLine, settings_of};
use crate::settings::Settings;
use crate::waiting::on_this_thread;

/// Why a question cannot be answered. Each says what there is and what to do.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such decision.
    #[error("{path} has no decision {id}: it has {known}; `alavanca decisions --db {path}` lists them")]
    NoDecision {
        /// The database.
        path: String,
        /// What was asked for.
        id: u64,
        /// What there is.
        known: String,
    },
    /// There is no decision and no stopped signal at all, or none of this instrument.
    #[error("{path} holds no decision and no stopped signal{of}: the run saw none, or has only begun")]
    Nothing {
        /// The database.
        path: String,
        /// Of which instrument, where one was asked for.
        of: String,
    },
    /// Nothing was decided up to that time.
    #[error("{path} holds nothing at or before {asked}: its first signal is of {first}")]
    NothingBefore {
        /// The database.
        path: String,
        /// What was asked for.
        asked: String,
        /// The first signal's time.
        first: String,
    },
    /// The database is not of this instrument.
    #[error("{path} is not of the instrument {symbol}: it is of {known}")]
    UnknownSymbol {
        /// The database.
        path: String,
        /// What was asked for.
        symbol: String,
        /// What there is.
        known: String,
    },
    /// A time that cannot be read.
    #[error(
        "`{text}` is no time: write `2026-03-02 14:32` or `2026-03-02 14:32:05` for the trading zone ({zone}), and a Z or \
         an offset behind it for another, such as 2026-03-02T17:32:00Z"
    )]
    Time {
        /// What was written.
        text: String,
        /// The trading zone.
        zone: String,
    },
    /// Something else that cannot be asked for.
    #[error("{0}")]
    Usage(String),
    /// No runtime for the database.
    #[error("no runtime for the database: {0}")]
    Runtime(std::io::Error),
}

impl AskError {
    /// Whether the question is at fault, not the database.
    pub const fn is_usage(&self) -> bool {
        !matches!(self, Self::Store(_) | Self::Runtime(_) | Self::Nothing { .. })
    }
}

/// A database that is read, beside a running engine too.
#[derive(Debug)]
pub struct StoredRun {
    reader: RunReader,
    runtime: tokio::runtime::Runtime,
    notes: RunNotes,
}

/// What was noted of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunNotes {
    /// The database as it was named.
    pub path: String,
    /// The run's identity.
    pub run_id: Option<String>,
    /// Its instruments.
    pub symbols: Vec<String>,
    /// Its settings; absent where they were not noted, or by another release.
    pub settings: Option<Settings>,
    /// The zone by whose days and hours it went; without settings the default's.
    pub zone: TradingZone,
    /// The names of its brains.
    pub brains: BrainNames,
}

impl Drop for StoredRun {
    fn drop(&mut self) {
        // What was asked was answered; a connection that does not end in order is no failure of it.
        let _ = self.runtime.block_on(self.reader.close());
    }
}

impl StoredRun {
    /// Opens it for reading alone.
    ///
    /// # Errors
    /// [`AskError::Store`], saying what to do.
    pub fn open(path: &Path) -> Result<Self, AskError> {
        let runtime = on_this_thread().map_err(AskError::Runtime)?;
        let reader = runtime.block_on(RunReader::open(path))?;
        let settings = reader.meta().get("settings").and_then(|text| noted_settings(text));
        let zone = settings.as_ref().map_or_else(Default::default, |settings| settings.zone.clone());
        let zone = TradingZone::new(&zone).map_err(|error| AskError::Usage(error.to_string()))?;
        let notes = RunNotes {
            path: path.display().to_string(),
            run_id: reader.meta().get("run_id").cloned(),
            symbols: reader.symbols().to_vec(),
            settings,
            zone,
            brains: BrainNames::noted(reader.meta().get(BRAINS).map(String::as_str)),
        };
        Ok(Self { reader, runtime, notes })
    }

    /// What was noted of it.
    pub const fn notes(&self) -> &RunNotes {
        &self.notes
    }

    /// Everything that was noted, by key.
    pub fn meta(&self) -> &BTreeMap<String, String> {
        self.reader.meta()
    }

    /// Asks the reader.
    pub(crate) fn ask<'a, T, F: Future<Output = Result<T, StoreError>> + 'a>(
        &'a self,
        question: impl FnOnce(&'a RunReader) -> F,
    ) -> Result<T, AskError> {
        Ok(self.runtime.block_on(question(&self.reader))?)
    }

    /// Shows every record to `each`, in order.
    ///
    /// # Errors
    /// [`AskError::Store`] where a row cannot be read.
    pub fn each_record(&self, selection: &Selection, each: &mut dyn FnMut(&Record)) -> Result<(), AskError> {
        self.ask(|reader| async move { reader.each_record(selection, &mut |record| each(&record)).await })
    }

    /// The instrument of that name; `None` asks for all.
    ///
    /// # Errors
    /// [`AskError::UnknownSymbol`].
    pub fn symbol(&self, name: Option<&str>) -> Result<Option<SymbolId>, AskError> {
        let Some(name) = name else { return Ok(None) };
        let place = self.notes.symbols.iter().position(|known| known.eq_ignore_ascii_case(name));
        let place = place.ok_or_else(|| AskError::UnknownSymbol {
            path: self.notes.path.clone(),
            symbol: name.to_owned(),
            known: self.notes.symbols.join(", "),
        })?;
        Ok(Some(SymbolId::new(place as u16)))
    }
}

impl RunNotes {
    /// An instrument's name.
    pub fn symbol_name(&self, symbol: SymbolId) -> &str {
        self.symbols.get(symbol.index()).map_or("?", String::as_str)
    }

    /// An instrument, as the settings have it.
    pub fn instrument(&self, symbol: SymbolId) -> Option<Instrument> {
        let name = self.symbols.get(symbol.index())?;
        match &self.settings {
            Some(settings) => settings.instrument(name).ok(),
            None => Instrument::preset(name),
        }
    }

    /// Counts the run's figures. Costs are told apart where it is of one instrument whose settings are known.
    pub fn tally(&self) -> Tally {
        let one = self.instrument(SymbolId::new(0)).filter(|_| self.symbols.len() == 1);
        let known = self.settings.as_ref().zip(one);
        known.and_then(|(settings, instrument)| tally(settings, &instrument).ok()).unwrap_or_default()
    }

    /// The currency of the first instrument, as it stands for all amounts.
    pub fn currency(&self) -> String {
        self.instrument(SymbolId::new(0)).map_or_else(String::new, |instrument| instrument.currency)
    }

    /// The trading zone's IANA name.
    pub fn zone_name(&self) -> &'static str {
        self.zone.zone().name()
    }

    /// An instant on the trading zone's wall clock.
    pub fn local(&self, at: Timestamp) -> NaiveDateTime {
        utc_to_local(self.zone.zone(), at)
    }

    /// An instant as `2026-03-02 14:32:05` on the trading zone's wall clock.
    pub fn local_text(&self, at: Timestamp) -> String {
        self.local(at).format("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// A time as people write it: of the trading zone, or of the zone that is written behind it.
    ///
    /// # Errors
    /// [`AskError::Time`].
    pub fn parse_time(&self, text: &str) -> Result<Timestamp, AskError> {
        let plain = text.trim();
        let utc = plain.strip_suffix("UTC").map(|rest| format!("{}Z", rest.trim_end()));
        let with_zone = utc.as_deref().unwrap_or(plain).replacen(' ', "T", 1);
        if let Ok(at) = DateTime::parse_from_rfc3339(&with_zone) {
            return Ok(Timestamp::from_micros(at.timestamp_micros()));
        }
        // RFC 3339 wants seconds; people leave them out.
        if let Some(at) = with_zone.strip_suffix('Z').and_then(wall_clock) {
            return Ok(Timestamp::from_micros(at.and_utc().timestamp_micros()));
        }
        let at = wall_clock(&with_zone)
            .ok_or_else(|| AskError::Time { text: text.to_owned(), zone: self.zone_name().to_owned() })?;
        Ok(local_to_utc(self.zone.zone(), at).at)
    }
}

fn wall_clock(text: &str) -> Option<NaiveDateTime> {
    ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"].into_iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
}

/// A trading day as `2026-03-02`.
///
/// # Errors
/// What is written is no date.
pub fn parse_day(text: &str) -> Result<TradingDay, String> {
    let date = NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d");
    let date = date.map_err(|_| format!("`{text}` is no day: write it as 2026-03-02"))?;
    let days = date.signed_duration_since(NaiveDate::default()).num_days();
    Ok(TradingDay::from_days(i32::try_from(days).map_err(|_| format!("`{text}` is out of range"))?))
}

/// The settings as they were noted, each with its key and value.
fn noted_settings(text: &str) -> Option<Settings> {
    settings_of(&serde_json::from_str::<Vec<SettingLine>>(text).ok()?)
}
