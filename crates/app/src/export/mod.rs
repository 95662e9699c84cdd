//! Tables of a stored run for spreadsheets and notebooks, as CSV or Parquet.
//!
//! What a column is called, what its cells are, in which unit and what they mean stands in one place for each table
//! ([`columns`]): the header, both formats and the documentation come from there. Rows are streamed: memory does not
//! grow with them.

mod csv;
mod decisions;
mod docs;
mod field;
mod policy;
mod regimes;
mod scalps;
mod to;
mod trades;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use alavanca_adapters_sqlite::{RunReader, Selection};
use alavanca_calendar::{Zone, ZoneSettings};
use alavanca_kernel::{SettingError, SymbolId, TradingDay};
use alavanca_ports::{Cell, Column, StoreError, TableSink};
use alavanca_rl::PolicyScope;
use serde::Serialize;

pub use csv::Dialect;
pub use docs::markdown;
pub use to::Destination;

use field::{Field, Frame};

use crate::brain_names::{BRAINS, BrainNames};
use crate::waiting::on_this_thread;

/// So many rows pass between two reports of progress.
const PROGRESS_ROWS: u64 = 4_096;

/// What can be exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// The gate's answers, with layers and arms as columns.
    Decisions,
    /// Trades that ended.
    Trades,
    /// What happened to the extra contracts.
    Scalps,
    /// Changes of the regime.
    Regimes,
    /// The policy as it is served at the end.
    Policy,
}

impl Table {
    /// All.
    pub const ALL: [Self; 5] = [Self::Decisions, Self::Trades, Self::Scalps, Self::Regimes, Self::Policy];

    /// Its name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Decisions => "decisions",
            Self::Trades => "trades",
            Self::Scalps => "scalps",
            Self::Regimes => "regimes",
            Self::Policy => "policy",
        }
    }

    /// What its rows are.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Decisions => "A row for each answer of the gate, by id.",
            Self::Trades => "A row for each trade that ended with all its legs, in the order in which they ended.",
            Self::Scalps => "A row for each thing that happened to extra contracts, in order.",
            Self::Regimes => "A row for each change of the regime or of its transition flag, in order.",
            Self::Policy => "A row for each arm that was touched, as it is served at the end of what is stored.",
        }
    }
}

/// In which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text, for spreadsheets.
    Csv(Dialect),
    /// Typed and compressed, for notebooks. Needs the feature `parquet`.
    Parquet,
}

/// What to export, and where to.
#[derive(Debug, Clone)]
pub struct ExportRequest {
    /// Which table.
    pub table: Table,
    /// The run's database.
    pub db: PathBuf,
    /// Where to.
    pub to: Destination,
    /// In which form.
    pub format: Format,
    /// From this trading day on.
    pub from: Option<TradingDay>,
    /// Up to this trading day, which is in it.
    pub until: Option<TradingDay>,
    /// Of this instrument alone.
    pub symbol: Option<String>,
}

/// What was exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// The table.
    pub table: Table,
    /// Rows without the header.
    pub rows: u64,
    /// Columns.
    pub columns: usize,
    /// The zone of the local times.
    pub zone: String,
    /// The file; `None` for standard output.
    pub file: Option<PathBuf>,
}

/// Why nothing was exported. A file that was there before is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The trading zone that the run was made with is not known.
    #[error(transparent)]
    Zone(#[from] SettingError),
    /// Rows cannot be written.
    #[error("cannot write {to}")]
    Write {
        /// Where to.
        to: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is a database.
    #[error("{path} is a database and would be lost: name another file with --out")]
    OverDatabase {
        /// The file.
        path: PathBuf,
    },
    /// Built without the feature.
    #[error(
        "this binary writes no Parquet: build it with `cargo build --release -p alavanca --features parquet`, or export \
         CSV"
    )]
    NoParquet,
    /// The instrument is not one of the run's.
    #[error("{db} has no trades of {symbol}: it is of {known}")]
    NoSymbol {
        /// The database.
        db: PathBuf,
        /// What was asked for.
        symbol: String,
        /// What there is.
        known: String,
    },
    /// The policy has no days, and maybe no instruments.
    #[error("{0}")]
    NotOfPolicy(&'static str),
    /// The threads of the reader.
    #[error("no runtime to read the database with")]
    Runtime(#[source] std::io::Error),
}

impl ExportError {
    /// Whether what was asked for cannot be asked for, whatever the database holds.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::OverDatabase { .. } | Self::NoParquet | Self::NoSymbol { .. } | Self::NotOfPolicy(_) | Self::Zone(_)
        )
    }
}

/// A table's columns, from left to right.
pub fn columns(table: Table) -> Vec<Column> {
    fn of<R>(fields: Vec<Field<R>>) -> Vec<Column> {
        fields.into_iter().map(|field| field.column).collect()
    }
    match table {
        Table::Decisions => of(decisions::fields()),
        Table::Trades => of(trades::fields()),
        Table::Scalps => of(scalps::fields()),
        Table::Regimes => of(regimes::fields()),
        Table::Policy => of(policy::fields()),
    }
}

/// Exports a table. `progress` hears how many of how many rows are done.
///
/// # Errors
/// [`ExportError`]; then a file that was there before is as it was, and no other is left.
pub fn export(request: &ExportRequest, progress: &mut dyn FnMut(u64, u64)) -> Result<Exported, ExportError> {
    if request.format == Format::Parquet && !cfg!(feature = "parquet") {
        return Err(ExportError::NoParquet);
    }
    let runtime = on_this_thread().map_err(ExportError::Runtime)?;
    let columns = columns(request.table);
    let failed = |source| ExportError::Write { to: request.to.to_string(), source };
    runtime.block_on(async {
        let reader = RunReader::open(&request.db).await?;
        let selection = selection(request, &reader)?;
        let brains = BrainNames::noted(reader.meta().get(BRAINS).map(String::as_str));
        let frame = Frame { symbols: reader.symbols().to_vec(), zone: zone(&reader)?, brains };
        let name = request.table.as_str();
        let (sink, file) = to::open(&request.to, request.format, name, &columns)?;
        let mut rows = RowsTo { sink, frame, cells: 0, rows: 0, failed: None };
        let read = rows.fill(&reader, request.table, &selection, progress).await;
        let RowsTo { sink, frame, rows, failed: unwritten, .. } = rows;
        read?;
        reader.close().await?;
        if let Some(error) = unwritten {
            return Err(failed(error));
        }
        sink.finish().and_then(|()| file.keep()).map_err(failed)?;
        let (table, columns) = (request.table, columns.len());
        let path = request.to.path().map(Path::to_path_buf);
        Ok(Exported { table, rows, columns, zone: frame.zone.name().to_owned(), file: path })
    })
}

/// Rows on their way into a sink. The first failure ends it.
struct RowsTo {
    sink: Box<dyn TableSink>,
    frame: Frame,
    cells: usize,
    rows: u64,
    failed: Option<std::io::Error>,
}

impl RowsTo {
    async fn fill(
        &mut self,
        reader: &RunReader,
        table: Table,
        selection: &Selection,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), StoreError> {
        match table {
            Table::Decisions => {
                let fields = decisions::fields();
                let last = reader.decisions(&Selection { newest: Some(1), ..*selection }).await?;
                let last = last.last().map_or(0, |decision| decision.id.get());
                let each = &mut |decision: alavanca_engine::DecisionRecord| {
                    self.told(decision.id.get(), last, progress);
                    self.put(&fields, &decision)
                };
                reader.each_decision(selection, each).await
            }
            Table::Trades => {
                let fields = trades::fields();
                let last = reader.trades(&Selection { newest: Some(1), ..*selection }).await?;
                let last = last.last().map_or(0, |trade| trade.outcome.trade.get());
                let each = &mut |trade: alavanca_engine::TradeRecord| {
                    self.told(trade.outcome.trade.get(), last, progress);
                    self.put(&fields, &trade)
                };
                reader.each_trade(selection, each).await
            }
            Table::Scalps => {
                let fields = scalps::fields();
                let last = reader.scalps(&Selection { newest: Some(1), ..*selection }).await?;
                let last = last.last().map_or(0, |event| event.trade.get());
                let each = &mut |event: alavanca_scalp::ScalpEvent| {
                    self.told(event.trade.get(), last, progress);
                    self.put(&fields, &event)
                };
                reader.each_scalp(selection, each).await
            }
            Table::Regimes => {
                let fields = regimes::fields();
                for change in reader.regimes(selection).await? {
                    if self.put(&fields, &change).is_break() {
                        break;
                    }
                }
                Ok(())
            }
            Table::Policy => {
                let fields = policy::fields();
                for served in policy::served(reader, selection.symbol).await? {
                    if self.put(&fields, &served).is_break() {
                        break;
                    }
                }
                Ok(())
            }
        }
    }

    /// Ids grow about as rows do: near enough for a bar.
    fn told(&self, done: u64, last: u64, progress: &mut dyn FnMut(u64, u64)) {
        if self.rows.is_multiple_of(PROGRESS_ROWS) {
            progress(done.min(last), last);
        }
    }

    fn put<R>(&mut self, fields: &[Field<R>], record: &R) -> ControlFlow<()> {
        let mut cells: Vec<Cell<'_>> = Vec::with_capacity(self.cells);
        cells.extend(fields.iter().map(|field| (field.read)(record, &self.frame)));
        self.cells = cells.len();
        match self.sink.row(&cells) {
            Ok(()) => {
                self.rows += 1;
                ControlFlow::Continue(())
            }
            Err(error) => {
                self.failed = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}

fn selection(request: &ExportRequest, reader: &RunReader) -> Result<Selection, ExportError> {
    let find = |name: &String| {
        let known = reader.symbols().iter().position(|known| known.eq_ignore_ascii_case(name));
        let place = known.and_then(|place| u16::try_from(place).ok());
        place.map(SymbolId::new).ok_or_else(|| ExportError::NoSymbol {
            db: request.db.clone(),
            symbol: name.clone(),
            known: reader.symbols().join(", "),
        })
    };
    let symbol = request.symbol.as_ref().map(find).transpose()?;
    if request.table == Table::Policy {
        if request.from.is_some() || request.until.is_some() {
            return Err(ExportError::NotOfPolicy(
                "the policy is what is served at the end and has no days: leave --day, --from and --to out",
            ));
        }
        if symbol.is_some() && reader.policy_facts()?.scope == PolicyScope::Shared {
            return Err(ExportError::NotOfPolicy(
                "the symbols of this database share one policy (RL_POLICY_SCOPE=SHARED): leave --symbol out",
            ));
        }
    }
    Ok(Selection { symbol, from: request.from, to: request.until, ..Selection::default() })
}

/// The zone that the run was made with, by the settings that are noted beside it.
fn zone(reader: &RunReader) -> Result<Zone, SettingError> {
    const KEY: &str = "TRADING_TIMEZONE";
    let noted = reader.meta().get("settings").and_then(|text| serde_json::from_str(text).ok());
    let noted: Option<String> = noted.and_then(|settings: serde_json::Value| noted_setting(&settings, KEY));
    Zone::by_name(KEY, &noted.unwrap_or_else(|| ZoneSettings::default().timezone))
}

/// A setting's value, as an entry `KEY: value` or as one of a list of `{key, value}`.
fn noted_setting(settings: &serde_json::Value, key: &str) -> Option<String> {
    let entry = settings.get(key).or_else(|| {
        let rows = settings.as_array()?;
        rows.iter().find(|row| row.get("key").is_some_and(|name| name == key))
    })?;
    entry.as_str().or_else(|| entry.get("value")?.as_str()).map(str::to_owned)
}
