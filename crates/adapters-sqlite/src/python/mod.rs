//! An existing `trading.db` of the Python version, taken over: its policy as an import, its history as history.
//!
//! Nothing of it is written to. What was learned becomes the served policy of a new database, one import per regime in
//! its ordered log (semantics 29, 30), so that the fold of the log, the projections and the rows agree as in any other.
//! What happened before (allocations, scalps, choices, snapshots, reports) cannot be the fold of anything here: it is
//! kept as it was, cell by cell, in tables of its own (`imported_...`), which nothing here computes with.

mod policy;
mod state_hash;
mod tables;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use alavanca_kernel::{Regime, StateKey};
use alavanca_ports::StoreError;
use alavanca_rl::PolicyTable;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sea_orm::sqlx::{self, AssertSqlSafe, ConnectOptions as _, Connection, Executor, Row as _};
use serde::Serialize;

use crate::open;
use crate::store::SqliteStore;

pub use state_hash::Formula;
pub use tables::PythonTime;

use tables::{HISTORY, POLICY, Table};
use value::Value;

/// How many rows are in memory at a time.
const PAGE: i64 = 1024;
/// So many refused rows are told one by one.
const TOLD: usize = 50;

/// A Python version's database, open for reading alone and of one moment.
#[derive(Debug)]
pub struct PythonDb {
    connection: SqliteConnection,
    path: PathBuf,
}

/// What a database holds, and what of it can be taken.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Staged {
    /// The six tables, the policy's first.
    pub tables: Vec<StagedTable>,
    /// The first rows that are refused.
    pub refused: Vec<RefusedRow>,
    /// How state hashes were made; `None` where there were none, or a map says them all.
    pub state_hashes: Option<String>,
    /// Hashes that are no known state's.
    pub unresolved: Vec<String>,
    /// What would be served, by regime.
    pub policy: Vec<StagedRegime>,
    /// Instruments of the history.
    pub symbols: Vec<String>,
    /// Regimes that were frozen at their last event. A freeze is not taken over.
    pub frozen: Vec<Regime>,
    /// Tables that stay behind: they are of other levels.
    pub other_tables: Vec<String>,
    /// The latest time in it.
    #[serde(skip)]
    pub last: Option<PythonTime>,
    /// The policy, ready to be imported.
    #[serde(skip)]
    pub policy_tables: Vec<PolicyTable>,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StagedTable {
    /// Its name.
    pub name: &'static str,
    /// Whether it is there.
    pub found: bool,
    /// Rows in it.
    pub rows: u64,
    /// Rows that can be taken.
    pub taken: u64,
    /// Rows that cannot.
    pub refused: u64,
}

/// One row that is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedRow {
    /// Its table.
    pub table: &'static str,
    /// Its rowid, which is its `id`.
    pub rowid: i64,
    /// Why.
    pub why: String,
}

/// A regime's policy in short.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StagedRegime {
    /// The regime.
    pub regime: Regime,
    /// Arms that were touched.
    pub arms: usize,
    /// Rewards learned.
    pub rewards: u64,
    /// Their mean.
    pub mean_reward: f64,
}

impl Staged {
    /// Whether the policy can be taken: a bad row in it changes nothing at all.
    pub fn policy_is_sound(&self) -> bool {
        self.tables.iter().all(|table| table.name != POLICY.name || table.refused == 0)
    }

    fn refuse(&mut self, table: &'static str, rowid: i64, why: String) {
        if self.refused.len() < TOLD {
            self.refused.push(RefusedRow { table, rowid, why });
        }
    }
}

/// States by the names that the operator says they have.
pub type StateMap = BTreeMap<String, StateKey>;

/// The state of that text, such as `TREND_UP|14:00|HIGH|LOW`.
pub fn state_of(text: &str) -> Option<StateKey> {
    state_hash::all_states().find(|state| state.to_string() == text)
}

impl PythonDb {
    /// Opens it for reading alone.
    ///
    /// # Errors
    /// [`StoreError::Open`] where it is no database, one of ours, or has none of the six tables.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let refused = |what: &str| StoreError::Open(format!("{} {what}", path.display()));
        if !open::is_sqlite(path)? {
            return Err(refused("is not there, or is empty: name the Python version's trading.db"));
        }
        let failed = |error: sqlx::Error| refused(&format!("cannot be read: {error}"));
        let options = SqliteConnectOptions::new().filename(path).read_only(true).disable_statement_logging();
        let mut connection = options.connect().await.map_err(failed)?;
        let ours: i64 = scalar(&mut connection, "PRAGMA application_id").await.map_err(failed)?;
        if ours == open::APPLICATION_ID {
            return Err(refused("is a database of Alavanca, not of the Python version: there is nothing to import"));
        }
        connection.execute("BEGIN").await.map_err(failed)?;
        let verdict: String = scalar(&mut connection, "PRAGMA quick_check(1)").await.map_err(failed)?;
        if verdict != "ok" {
            return Err(refused(&format!("is damaged ({verdict}): restore it from a copy first")));
        }
        let mut python = Self { connection, path: path.to_path_buf() };
        let found = python.tables().await?;
        if !six().any(|table| found.contains(table.name)) {
            let names: Vec<_> = six().map(|table| table.name).collect();
            return Err(refused(&format!("has none of the tables {}: is it the trading.db?", names.join(", "))));
        }
        for table in six().filter(|table| found.contains(table.name)) {
            let columns = python.columns(table).await?;
            let missing: Vec<_> =
                table.columns.iter().map(|column| column.name).filter(|name| !columns.contains(*name)).collect();
            if !missing.is_empty() {
                let what = format!("has a table {} without the columns {}", table.name, missing.join(", "));
                return Err(refused(&format!("{what}: bring it up to date with the Python version first")));
            }
        }
        Ok(python)
    }

    /// How many rows the six tables have.
    ///
    /// # Errors
    /// [`StoreError::Io`] where it cannot be read.
    pub async fn rows_in_all(&mut self) -> Result<u64, StoreError> {
        let found = self.tables().await?;
        let mut rows = 0;
        for table in six().filter(|table| found.contains(table.name)) {
            let counted = self.rows(format!("SELECT count(*) FROM {}", table.name), 0).await?;
            let counted = counted.first().map(|row| row.try_get::<i64, _>(0)).transpose();
            rows += counted.map_err(|error| self.failed(&error))?.unwrap_or_default() as u64;
        }
        Ok(rows)
    }

    /// Reads and checks every row; nothing is written anywhere. `prior` is what the Python version began its arms with.
    /// `progress` hears how many rows are done.
    ///
    /// # Errors
    /// [`StoreError::Io`] where it cannot be read to its end.
    pub async fn stage(
        &mut self,
        prior: (f64, f64),
        map: &StateMap,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Staged, StoreError> {
        let found = self.tables().await?;
        let mut staged = Staged {
            tables: Vec::new(),
            refused: Vec::new(),
            state_hashes: None,
            unresolved: Vec::new(),
            policy: Vec::new(),
            symbols: Vec::new(),
            frozen: Vec::new(),
            other_tables: Vec::new(),
            last: None,
            policy_tables: Vec::new(),
        };
        let known: BTreeSet<&str> = six().map(|table| table.name).collect();
        staged.other_tables = found.iter().filter(|name| !known.contains(name.as_str())).cloned().collect();
        self.stage_policy(&mut staged, found.contains(POLICY.name), prior, map).await?;
        let mut read = staged.tables.iter().map(|table| table.rows).sum();
        let (mut symbols, mut frozen) = (BTreeSet::new(), BTreeMap::new());
        for table in &HISTORY {
            let mut counts =
                StagedTable { name: table.name, found: found.contains(table.name), rows: 0, taken: 0, refused: 0 };
            let symbol = table.place("symbol");
            let mut pages = Pages::new(table);
            while counts.found
                && let Some(page) = pages.next(self).await?
            {
                progress(read);
                for (rowid, cells) in page {
                    read += 1;
                    counts.rows += 1;
                    if let Err(why) = table.judge(&cells) {
                        counts.refused += 1;
                        staged.refuse(table.name, rowid, why);
                        continue;
                    }
                    counts.taken += 1;
                    symbols.extend(symbol.and_then(|place| cells[place].text()).map(str::to_owned));
                    staged.last = staged.last.max(latest(table, &cells));
                    if table.name == "rl_events"
                        && let (Some(regime), Some(flag)) = (cells[2].text(), cells[7].integer())
                    {
                        frozen.insert(regime.to_owned(), flag == 1);
                    }
                }
            }
            staged.tables.push(counts);
        }
        staged.symbols = symbols.into_iter().collect();
        let is_frozen = |regime: &Regime| frozen.get(regime.as_str()).is_some_and(|frozen| *frozen);
        staged.frozen = Regime::ALL.into_iter().filter(is_frozen).collect();
        Ok(staged)
    }

    async fn stage_policy(
        &mut self,
        staged: &mut Staged,
        found: bool,
        prior: (f64, f64),
        map: &StateMap,
    ) -> Result<(), StoreError> {
        let (mut rows, mut count) = (Vec::new(), 0);
        let mut faults = BTreeMap::new();
        let mut pages = Pages::new(&POLICY);
        while found && let Some(page) = pages.next(self).await? {
            for (rowid, cells) in page {
                count += 1;
                match POLICY.judge(&cells) {
                    Ok(()) => rows.extend(policy::Row::of(rowid, &cells)),
                    Err(why) => _ = faults.insert(rowid, why),
                }
                staged.last = staged.last.max(latest(&POLICY, &cells));
            }
        }
        let judged = policy::judge(&rows, map, prior);
        faults.extend(judged.faults);
        let refused = faults.len() as u64;
        staged.tables.push(StagedTable { name: POLICY.name, found, rows: count, taken: count - refused, refused });
        for (rowid, why) in faults {
            staged.refuse(POLICY.name, rowid, why);
        }
        staged.state_hashes = judged.resolved.formula.map(|formula| formula.to_string());
        staged.unresolved = judged.resolved.unresolved.into_iter().collect();
        for table in &judged.tables {
            let rewards: u64 = table.rows.iter().map(|row| u64::from(row.count)).sum();
            let sum: i64 = table.rows.iter().map(|row| row.total_reward_micros).sum();
            staged.policy.push(StagedRegime {
                regime: table.regime,
                arms: table.rows.len(),
                rewards,
                mean_reward: sum as f64 / 1e6 / rewards.max(1) as f64,
            });
        }
        staged.policy_tables = judged.tables;
        Ok(())
    }

    /// Copies the rows that can be taken into tables of their own, in one transaction: every cell as it was, each row
    /// under its `id`.
    ///
    /// # Errors
    /// [`StoreError::Io`]; then nothing of it is in the store.
    pub async fn keep(&mut self, store: &mut SqliteStore, progress: &mut dyn FnMut(u64)) -> Result<(), StoreError> {
        let found = self.tables().await?;
        store.make_sure().await?;
        store.writing();
        let done = self.copy(store, &found, progress).await;
        if done.is_ok() {
            store.written();
        } else {
            store.make_sure().await?;
        }
        done
    }

    async fn copy(
        &mut self,
        store: &mut SqliteStore,
        found: &BTreeSet<String>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), StoreError> {
        let mut read = 0;
        let failed = |error: sqlx::Error| StoreError::Io(format!("the history cannot be kept: {error}"));
        store.writer.execute("BEGIN IMMEDIATE").await.map_err(failed)?;
        for table in six() {
            let declared: Vec<_> =
                table.columns.iter().map(|column| format!("{} {}", column.name, column.declared)).collect();
            let name = table.name;
            let create = format!("CREATE TABLE imported_{name} (id INTEGER PRIMARY KEY, {})", declared.join(", "));
            store.writer.execute(AssertSqlSafe(create)).await.map_err(failed)?;
            let places = vec!["?"; table.columns.len() + 1].join(", ");
            let insert = format!("INSERT INTO imported_{name} VALUES ({places})");
            let mut pages = Pages::new(table);
            while found.contains(name)
                && let Some(page) = pages.next(self).await?
            {
                progress(read);
                for (rowid, cells) in page {
                    read += 1;
                    if table.judge(&cells).is_err() {
                        continue;
                    }
                    let mut query = sqlx::query(AssertSqlSafe(insert.clone())).bind(rowid);
                    for cell in cells {
                        query = match cell {
                            Value::Null => query.bind(None::<i64>),
                            Value::Integer(number) => query.bind(number),
                            Value::Real(number) => query.bind(number),
                            Value::Text(text) => query.bind(text),
                            Value::Blob(bytes) => query.bind(bytes),
                        };
                    }
                    query.execute(&mut store.writer).await.map_err(failed)?;
                }
            }
        }
        store.writer.execute("COMMIT").await.map_err(failed)?;
        Ok(())
    }

    /// Ends reading.
    ///
    /// # Errors
    /// [`StoreError::Io`] where the file cannot be closed.
    pub async fn close(self) -> Result<(), StoreError> {
        let path = self.path;
        let failed = |error| StoreError::Io(format!("{} cannot be closed: {error}", path.display()));
        self.connection.close().await.map_err(failed)
    }

    async fn tables(&mut self) -> Result<BTreeSet<String>, StoreError> {
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
        self.names(sql.to_owned()).await
    }

    async fn columns(&mut self, table: &Table) -> Result<BTreeSet<String>, StoreError> {
        self.names(format!("SELECT name FROM pragma_table_info('{}')", table.name)).await
    }

    async fn names(&mut self, sql: String) -> Result<BTreeSet<String>, StoreError> {
        let rows = self.rows(sql, 0).await?;
        rows.iter().map(|row| row.try_get(0).map_err(|error| self.failed(&error))).collect()
    }

    async fn rows(&mut self, sql: String, after: i64) -> Result<Vec<SqliteRow>, StoreError> {
        let query = sqlx::query(AssertSqlSafe(sql)).bind(after);
        let rows = query.fetch_all(&mut self.connection).await;
        rows.map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &sqlx::Error) -> StoreError {
        StoreError::Io(format!("{} cannot be read: {error}", self.path.display()))
    }
}

/// A table's rows, page by page: rowid and cells.
struct Pages {
    table: &'static Table,
    sql: String,
    after: Option<i64>,
}

impl Pages {
    fn new(table: &'static Table) -> Self {
        let cells: Vec<_> =
            table.columns.iter().map(|column| format!("typeof(\"{0}\"), \"{0}\"", column.name)).collect();
        let (cells, name) = (cells.join(", "), table.name);
        let sql = format!("SELECT rowid, {cells} FROM {name} WHERE rowid >= ? ORDER BY rowid LIMIT {PAGE}");
        Self { table, sql, after: Some(i64::MIN) }
    }

    async fn next(&mut self, from: &mut PythonDb) -> Result<Option<Vec<(i64, Vec<Value>)>>, StoreError> {
        let Some(first) = self.after else { return Ok(None) };
        let rows = from.rows(self.sql.clone(), first).await?;
        let mut page = Vec::with_capacity(rows.len());
        for row in &rows {
            let cells = || -> Result<(i64, Vec<Value>), sqlx::Error> {
                let cells = (0..self.table.columns.len()).map(|place| Value::read(row, 2 + 2 * place));
                Ok((row.try_get(0)?, cells.collect::<Result<_, _>>()?))
            };
            page.push(cells().map_err(|error| from.failed(&error))?);
        }
        self.after = page.last().and_then(|(rowid, _)| rowid.checked_add(1)).filter(|_| page.len() as i64 == PAGE);
        Ok(Some(page).filter(|page| !page.is_empty()))
    }
}

fn six() -> impl Iterator<Item = &'static Table> {
    std::iter::once(&POLICY).chain(&HISTORY)
}

fn latest(table: &Table, cells: &[Value]) -> Option<PythonTime> {
    let place = table.place("time").or_else(|| table.place("updated_at"))?;
    tables::moment(cells[place].text()?)
}

async fn scalar<T>(connection: &mut SqliteConnection, sql: &'static str) -> Result<T, sqlx::Error>
where
    T: for<'r> sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    connection.fetch_one(sql).await?.try_get_unchecked(0)
}
