//! Rows on their way into tables: gathered by table, then sent in few statements of many rows.

use std::fmt::Write;
use std::sync::Arc;

use sea_orm::sqlx::Arguments;
use sea_orm::sqlx::sqlite::SqliteArguments;

use crate::chain::{Chain, columns_before_link};

/// One value of one row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Real(f64),
    Text(Arc<str>),
    Blob(Vec<u8>),
}

impl From<i64> for Cell {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}
impl From<u64> for Cell {
    fn from(value: u64) -> Self {
        Self::Int(value as i64)
    }
}
impl From<u32> for Cell {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}
impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}
impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}
impl From<Arc<str>> for Cell {
    fn from(value: Arc<str>) -> Self {
        Self::Text(value)
    }
}
impl From<&str> for Cell {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}
impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Every table that is written by inserts, with its columns and what happens where the row is there already.
macro_rules! tables {
    ($($name:ident = $table:literal, $columns:literal, $conflict:literal;)+) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Table { $($name),+ }

        const SPECS: &[(&str, usize, &str)] = &[$(($table, $columns, $conflict)),+];
        const TABLES: &[Table] = &[$(Table::$name),+];
    };
}

tables! {
    Allocations = "allocations", 3, " ON CONFLICT DO UPDATE SET rows = excluded.rows, packed = excluded.packed";
    Blocked = "blocked", 11, "";
    Decisions = "decisions", 27, "";
    Orders = "orders", 9, "";
    OrderEnds = "order_ends", 9, "";
    Fills = "fills", 16, "";
    Positions = "positions", 14, " ON CONFLICT DO UPDATE SET open = excluded.open, entered = excluded.entered, \
        entry = excluded.entry, stop_loss = excluded.stop_loss, take_profit = excluded.take_profit, \
        opened_at = excluded.opened_at, closed_at = excluded.closed_at, cause = excluded.cause, \
        gross = excluded.gross, costs = excluded.costs";
    Scalps = "scalps", 13, "";
    Trades = "trades", 20, "";
    Evidence = "evidence", 18, "";
    PolicyEvents = "policy_events", 7, "";
    Snapshots = "snapshots", 3, "";
    Regimes = "regimes", 10, "";
    RiskChanges = "risk_changes", 7, "";
    RiskState = "risk_state", 4, " ON CONFLICT DO UPDATE SET at = excluded.at, state = excluded.state, \
        cause = excluded.cause";
    Days = "days", 5, " ON CONFLICT DO UPDATE SET net = excluded.net, equity = excluded.equity, \
        last_seq = excluded.last_seq, symbols = excluded.symbols";
    CapitalState = "capital_state", 11, "";
    ScalpEvents = "scalp_events", 12, "";
    RlPolicy = "rl_policy", 10, " ON CONFLICT DO UPDATE SET alpha = excluded.alpha, beta = excluded.beta, \
        count = excluded.count, total_reward = excluded.total_reward, mean_value = excluded.mean_value, \
        updated_at = excluded.updated_at";
    RlEvents = "rl_events", 10, "";
    PolicySnapshots = "policy_snapshots", 7, "";
    EngineState = "engine_state", 7, " ON CONFLICT DO UPDATE SET cursor = excluded.cursor, \
        checkpoint = coalesce(excluded.checkpoint, checkpoint), decisions_count = excluded.decisions_count, \
        decisions_head = excluded.decisions_head, log_count = excluded.log_count, log_head = excluded.log_head";
}

impl Table {
    pub(crate) const COUNT: usize = SPECS.len();

    fn name(self) -> &'static str {
        SPECS[self as usize].0
    }

    fn columns(self) -> usize {
        SPECS[self as usize].1
    }

    /// The insert of so many rows at once.
    fn insert(self, rows: usize) -> String {
        let (table, columns, conflict) = SPECS[self as usize];
        let row = format!("({})", vec!["?"; columns].join(","));
        let rows = vec![row; rows].join(",");
        // "WHERE true" is not needed: VALUES cannot be mistaken for a join.
        format!("INSERT INTO {table} VALUES {rows}{conflict}")
    }
}

/// What one transaction does, in an order that keeps each table's own.
#[derive(Debug)]
pub(crate) struct Script {
    open: Vec<Vec<Cell>>,
    closed: Vec<Op>,
    rows: usize,
}

#[derive(Debug)]
enum Op {
    Rows(Table, Vec<Cell>),
    /// A statement with plain `?`.
    Plain(&'static str, Vec<Cell>),
    /// A statement with numbered parameters: they count within their own call.
    Numbered(&'static str, Vec<Cell>),
}

impl Default for Script {
    fn default() -> Self {
        Self { open: vec![Vec::new(); Table::COUNT], closed: Vec::new(), rows: 0 }
    }
}

impl Script {
    /// Appends a row.
    #[inline]
    pub(crate) fn row<const N: usize>(&mut self, table: Table, cells: [Cell; N]) {
        debug_assert_eq!(N, table.columns(), "{table:?}");
        self.open[table as usize].extend(cells);
        self.rows += 1;
    }

    /// Appends a row with its link, and behind that the columns that were added to its table later.
    pub(crate) fn linked_row<const N: usize>(&mut self, table: Table, chain: &mut Chain, cells: [Cell; N]) {
        debug_assert_eq!(N + 1, table.columns(), "{table:?}");
        let before = columns_before_link(table.name()).unwrap_or(N);
        let has_later = cells[before..].iter().any(|cell| *cell != Cell::Null);
        let link = chain.add(table.name(), if has_later { &cells } else { &cells[..before] });
        let open = &mut self.open[table as usize];
        let mut cells = cells.into_iter();
        open.extend(cells.by_ref().take(before));
        open.push(Cell::Blob(link.to_vec()));
        open.extend(cells);
        self.rows += 1;
    }

    /// Appends a statement that has to see the table's rows so far, and that later rows have to see.
    pub(crate) fn statement(&mut self, table: Table, sql: &'static str, cells: Vec<Cell>) {
        self.close(table as usize);
        self.closed.push(Op::Plain(sql, cells));
        self.rows += 1;
    }

    /// Appends a statement that has to see all rows so far.
    pub(crate) fn after_all(&mut self, sql: &'static str, cells: Vec<Cell>) {
        (0..Table::COUNT).for_each(|table| self.close(table));
        self.closed.push(Op::Numbered(sql, cells));
        // Numbers count within a call: it has to be one of its own.
        self.rows += SMALL + 1;
    }

    fn close(&mut self, table: usize) {
        if !self.open[table].is_empty() {
            let rows = std::mem::take(&mut self.open[table]);
            self.closed.push(Op::Rows(TABLES[table], rows));
        }
    }

    /// A whole transaction as one call, where it is small: each call wakes another thread and is woken by it. A large
    /// one is left as it is.
    pub(crate) fn small_transaction(&mut self, sql: &mut SqlTexts) -> Option<Call> {
        if self.rows > SMALL {
            return None;
        }
        let mut text = String::from("BEGIN IMMEDIATE");
        let mut arguments = SqliteArguments::default();
        for call in self.calls(sql) {
            let _ = write!(text, ";{}", call.sql);
            call.cells.into_iter().for_each(|cell| bind(&mut arguments, cell));
        }
        text.push_str(";COMMIT");
        Some(Call { sql: text.into(), cells: Vec::new(), arguments })
    }

    /// The calls to make within a transaction that is open already, and an empty script.
    pub(crate) fn part(&mut self, sql: &mut SqlTexts) -> Vec<Call> {
        let mut calls = self.calls(sql);
        calls.iter_mut().for_each(Call::bind);
        calls
    }

    fn calls(&mut self, sql: &mut SqlTexts) -> Vec<Call> {
        (0..Table::COUNT).for_each(|table| self.close(table));
        let ops = std::mem::take(&mut self.closed);
        self.rows = 0;
        let mut calls = Vec::new();
        for op in ops {
            match op {
                Op::Rows(table, cells) => sql.calls(table, cells, &mut calls),
                Op::Plain(text, cells) | Op::Numbered(text, cells) => calls.push(Call::new(text.into(), cells)),
            }
        }
        calls
    }
}

/// Up to so many rows are sent in one call.
const SMALL: usize = 24;
/// The most rows of one statement; measured: more is not faster. 128 rows of 23 columns are far below SQLite's limit
/// of 32,766 parameters.
const ROWS_MAX: usize = 128;

/// One call to the database.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) sql: Arc<str>,
    cells: Vec<Cell>,
    pub(crate) arguments: SqliteArguments,
}

impl Call {
    fn new(sql: Arc<str>, cells: Vec<Cell>) -> Self {
        Self { sql, cells, arguments: SqliteArguments::default() }
    }

    /// A statement without arguments.
    pub(crate) fn plain(sql: &str) -> Self {
        Self::new(sql.into(), Vec::new())
    }

    fn bind(&mut self) {
        self.arguments.reserve(self.cells.len(), 0);
        for cell in std::mem::take(&mut self.cells) {
            bind(&mut self.arguments, cell);
        }
    }
}

fn bind(arguments: &mut SqliteArguments, cell: Cell) {
    let bound = match cell {
        Cell::Null => arguments.add(None::<i64>),
        Cell::Int(value) => arguments.add(value),
        Cell::Real(value) => arguments.add(value),
        Cell::Text(value) => arguments.add(value),
        Cell::Blob(value) => arguments.add(value),
    };
    assert!(bound.is_ok(), "numbers, texts and bytes are encoded without error");
}

/// The inserts' texts, each made once: the same text is what finds the prepared statement again.
#[derive(Debug)]
pub(crate) struct SqlTexts(Vec<[Option<Arc<str>>; ROWS_MAX.ilog2() as usize + 1]>);

impl Default for SqlTexts {
    fn default() -> Self {
        Self(vec![Default::default(); Table::COUNT])
    }
}

impl SqlTexts {
    /// Splits rows into statements of a power of two, so that there are few different ones.
    fn calls(&mut self, table: Table, mut cells: Vec<Cell>, calls: &mut Vec<Call>) {
        let columns = table.columns();
        let first = calls.len();
        // From the back, so that what is split off moves once; then put in order.
        let mut rows = cells.len() / columns;
        let mut size = 1;
        while rows > 0 {
            while size < ROWS_MAX && rows & size == 0 {
                size *= 2;
            }
            rows -= size;
            let part = if rows == 0 { std::mem::take(&mut cells) } else { cells.split_off(rows * columns) };
            calls.push(Call::new(self.text(table, size), part));
        }
        calls[first..].reverse();
    }

    fn text(&mut self, table: Table, rows: usize) -> Arc<str> {
        let slot = &mut self.0[table as usize][rows.ilog2() as usize];
        slot.get_or_insert_with(|| table.insert(rows).into()).clone()
    }
}
