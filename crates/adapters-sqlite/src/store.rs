//! The store itself: commits, restores, and keeps a second engine away.

use std::fs::File;
use std::path::Path;
use std::task::Poll;

use alavanca_engine::{Record, Restored};
use alavanca_kernel::{Money, Timestamp};
use alavanca_ports::{Store, StoreError};
use alavanca_rl::{PolicyScope, PolicyTable};
use async_trait::async_trait;
use sea_orm::sqlx::sqlite::SqliteConnection;
use sea_orm::sqlx::{self, AssertSqlSafe, Connection, Executor};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, QueryResult, Statement, TransactionTrait, TryGetable, Value,
};

use crate::cells::{Call, SqlTexts};
use crate::chain::{self, Head, HeadPart, Over};
use crate::ids::IdSet;
use crate::open::{self, Durability};
use crate::rows::{Counters, Rows};
use crate::stored;

/// What a database is opened with.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreConfig {
    /// How much a commit outlives.
    pub durability: Durability,
    /// The instruments' names, in the engine's order.
    pub symbols: Vec<String>,
    /// What `capital_state` repeats in each row.
    pub capital: CapitalFacts,
    /// How the policy's rows are to be read.
    pub policy: PolicyFacts,
}

/// Settings of capital that `capital_state` repeats in each row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapitalFacts {
    /// `OPERATOR_CAPITAL_BRL`.
    pub operator_capital: Money,
    /// `MARGIN_PER_CONTRACT_BRL`.
    pub margin_per_contract: Money,
    /// `MAX_CONTRACTS_CAP`.
    pub max_contracts_cap: u32,
}

/// Settings of the policy that its rows do not hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PolicyFacts {
    /// `RL_POLICY_SCOPE`.
    pub scope: PolicyScope,
    /// `RL_PRIOR_ALPHA`.
    pub prior_alpha: f64,
    /// `RL_PRIOR_BETA`.
    pub prior_beta: f64,
}

/// A database of one account, one mode and one policy (semantics 16), written by one engine.
///
/// A commit is one transaction: the integer tables and the six projections change together or not at all.
#[derive(Debug)]
pub struct SqliteStore {
    pub(crate) db: DatabaseConnection,
    pub(crate) writer: SqliteConnection,
    pub(crate) rows: Rows,
    pub(crate) sql: SqlTexts,
    counters: Counters,
    /// A write was begun and its end not seen: what is stored has to be asked before the next.
    unsure: bool,
    _lock: File,
}

impl SqliteStore {
    /// Opens the database, or makes it.
    ///
    /// # Errors
    /// [`StoreError::Open`], saying what to do, where another engine has it open, where it is of a newer release, of
    /// another program, damaged, or of other instruments.
    pub async fn open(path: &Path, config: StoreConfig) -> Result<Self, StoreError> {
        let (db, lock) = open::open(path, config.durability).await?;
        let writer = db.get_sqlite_connection_pool().acquire().await.map_err(|e| failed(&e))?.detach();
        claim_symbols(&db, &config.symbols).await?;
        let rows = Rows::new(&config.symbols, config.capital, config.policy);
        let mut store = Self {
            db,
            writer,
            rows,
            sql: SqlTexts::default(),
            counters: Counters::default(),
            unsure: false,
            _lock: lock,
        };
        store.counters = store.count().await?;
        store.note_capital_facts(config.capital).await?;
        let scope = config.policy.scope.to_string();
        let prior = format!("{},{}", config.policy.prior_alpha, config.policy.prior_beta);
        store.set_meta(&[("rl_policy_scope", &scope), ("rl_prior", &prior)]).await?;
        Ok(store)
    }

    /// The connection for questions: what was committed is seen at once. Nothing may be written through it.
    pub fn db(&self) -> &DatabaseConnection {
        &self.db
    }

    /// What is noted of the run under this key: account, mode, settings, data, seed.
    pub async fn meta(&self, key: &str) -> Result<Option<String>, StoreError> {
        let row = one(&self.db, "SELECT value FROM run_meta WHERE key = ?", [key.into()]).await?;
        row.map(|row| column(&row, 0)).transpose()
    }

    /// Notes what the database is of. What is noted already has to be the same: all of it is noted or nothing.
    ///
    /// # Errors
    /// [`StoreError::Open`] that names every contradiction.
    pub async fn set_meta(&mut self, entries: &[(&str, &str)]) -> Result<(), StoreError> {
        let mut contradictions = Vec::new();
        for (key, value) in entries {
            match self.meta(key).await? {
                Some(noted) if noted != *value => contradictions.push(format!("{key} was {noted}, now it is {value}")),
                _ => {}
            }
        }
        if !contradictions.is_empty() {
            return Err(StoreError::Open(format!(
                "the database is of another run: {}. Use the same settings, or name another database",
                contradictions.join("; ")
            )));
        }
        let step = self.db.begin().await.map_err(io)?;
        for (key, value) in entries {
            let sql = "INSERT INTO run_meta VALUES (?, ?) ON CONFLICT DO NOTHING";
            step.execute_raw(statement(sql, [(*key).into(), (*value).into()])).await.map_err(io)?;
        }
        step.commit().await.map_err(io)
    }

    /// Where the hash chains stand: what `db check` is told to find that the whole file was put back.
    pub fn head(&self) -> Head {
        let Counters { decisions, log, .. } = &self.counters;
        Head { decisions: HeadPart::of(decisions), log: HeadPart::of(log) }
    }

    /// Notes what may change while a run goes on or is gone on with, such as where its data lies: replaces what was noted.
    pub async fn replace_meta(&mut self, entries: &[(&str, &str)]) -> Result<(), StoreError> {
        let step = self.db.begin().await.map_err(io)?;
        for (key, value) in entries {
            let sql = "INSERT INTO run_meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value";
            step.execute_raw(statement(sql, [(*key).into(), (*value).into()])).await.map_err(io)?;
        }
        step.commit().await.map_err(io)
    }

    /// Writes everything into the database's one file and closes it.
    pub async fn close(self) -> Result<(), StoreError> {
        self.writer.close().await.map_err(|e| failed(&e))?;
        // The last connection to close takes the log over into the file.
        self.db.close().await.map_err(io)
    }

    /// From the next allocation on, these settings stand in `capital_state`.
    async fn note_capital_facts(&mut self, facts: CapitalFacts) -> Result<(), StoreError> {
        let sql = "INSERT INTO capital_facts SELECT ?1, ?2, ?3, ?4 WHERE (?2, ?3, ?4) IS NOT \
                   (SELECT operator_capital, margin_per_contract, max_contracts_cap FROM capital_facts \
                    WHERE from_id <= ?1 ORDER BY from_id DESC LIMIT 1) \
                   ON CONFLICT DO UPDATE SET operator_capital = ?2, margin_per_contract = ?3, max_contracts_cap = ?4";
        let values = [
            (self.counters.capital + 1).into(),
            facts.operator_capital.cents().into(),
            facts.margin_per_contract.cents().into(),
            i64::from(facts.max_contracts_cap).into(),
        ];
        self.db.execute_raw(statement(sql, values)).await.map_err(io)?;
        Ok(())
    }

    /// Writes records in one transaction. Of many records, a part is made into rows while the part before is on its
    /// way, so that memory is bounded by the part.
    async fn transact(&mut self, records: &[Record], cursor: u64) -> Result<(), StoreError> {
        let Self { writer, rows, sql, counters, .. } = self;
        let mut parts = records.chunks(PART);
        rows.write(parts.next().unwrap_or_default(), counters)?;
        let one_part = records.len() <= PART;
        if one_part {
            rows.finish(cursor, counters)?;
            if let Some(whole) = rows.script.small_transaction(sql) {
                return send(writer, vec![whole]).await;
            }
        }
        let mut ready = vec![Call::plain("BEGIN IMMEDIATE")];
        ready.extend(rows.script.part(sql));
        for part in parts {
            let mut sending = std::pin::pin!(send(writer, ready));
            // Asked once before rows are made: the other thread has work then.
            let begun = std::future::poll_fn(|context| Poll::Ready(sending.as_mut().poll(context))).await;
            rows.write(part, counters)?;
            let next = rows.script.part(sql);
            match begun {
                Poll::Ready(sent) => sent?,
                Poll::Pending => sending.await?,
            }
            ready = next;
        }
        if !one_part {
            rows.finish(cursor, counters)?;
            ready.extend(rows.script.part(sql));
        }
        ready.push(Call::plain("COMMIT"));
        send(writer, ready).await
    }

    /// Makes the calls of a script within a transaction that is open.
    pub(crate) async fn run_part(&mut self) -> Result<(), StoreError> {
        self.rows.settle()?;
        let calls = self.rows.script.part(&mut self.sql);
        send(&mut self.writer, calls).await
    }

    /// After a failure, or a commit that was given up half-way: undoes what is open and asks what is stored.
    pub(crate) async fn make_sure(&mut self) -> Result<(), StoreError> {
        if self.unsure {
            // Fails where no transaction is open, which is as well.
            let _ = self.writer.execute("ROLLBACK").await;
            self.rows.forget();
            self.counters = self.count().await?;
            self.unsure = false;
        }
        Ok(())
    }

    /// Marks that a write begins; until [`SqliteStore::written`] nothing is sure.
    pub(crate) fn writing(&mut self) {
        self.unsure = true;
    }

    pub(crate) fn written(&mut self) {
        self.unsure = false;
    }

    /// Where every count stands in the tables.
    async fn count(&self) -> Result<Counters, StoreError> {
        const COUNTS: &str = "SELECT \
            (SELECT coalesce(max(cursor), 0) FROM engine_state), \
            (SELECT count(*) FROM decisions) + (SELECT count(capital_id) FROM blocked) \
                + (SELECT coalesce(sum(rows), 0) FROM allocations), \
            (SELECT coalesce(max(id), 0) FROM blocked), \
            (SELECT coalesce(max(id), 0) FROM order_ends), \
            (SELECT coalesce(max(id), 0) FROM fills), \
            (SELECT coalesce(max(id), 0) FROM scalps), \
            max((SELECT coalesce(max(rl_event_id), 0) FROM decisions), (SELECT coalesce(max(rl_event_id), 0) FROM evidence)), \
            (SELECT coalesce(max(id), 0) FROM risk_changes), \
            max((SELECT coalesce(max(seq), 0) FROM evidence), (SELECT coalesce(max(seq), 0) FROM policy_events)), \
            (SELECT coalesce(max(id), 0) FROM regimes)";
        let db = &self.db;
        let row = one(db, COUNTS, []).await?.ok_or_else(|| StoreError::Io("the counts are not answered".to_owned()))?;
        let mut counters = Counters {
            cursor: column::<i64>(&row, 0)? as u64,
            capital: column(&row, 1)?,
            blocked: column(&row, 2)?,
            order_ends: column(&row, 3)?,
            fills: column(&row, 4)?,
            scalps: column(&row, 5)?,
            rl_events: column(&row, 6)?,
            risk_changes: column(&row, 7)?,
            seq: column(&row, 8)?,
            regimes: column(&row, 9)?,
            ..Counters::default()
        };
        if let Some(row) =
            one(db, "SELECT chunk, rows, packed FROM allocations ORDER BY chunk DESC LIMIT 1", []).await?
        {
            let (chunk, rows): (i64, i64) = (column(&row, 0)?, column(&row, 1)?);
            if rows as usize == crate::packed::CHUNK {
                counters.chunk = chunk + 1;
            } else {
                (counters.chunk, counters.tail_rows, counters.tail) = (chunk, rows as usize, column(&row, 2)?);
            }
        }
        const LAST: &str = "SELECT at FROM (SELECT seq, at FROM evidence UNION ALL SELECT seq, at FROM policy_events) \
                            WHERE seq = ?";
        if let Some(row) = one(db, LAST, [counters.seq.into()]).await? {
            counters.policy_at = column::<Option<i64>>(&row, 0)?.map(Timestamp::from_micros);
        }
        counters.decisions = chain::noted(db, Over::Decisions).await?;
        counters.log = chain::noted(db, Over::Log).await?;
        counters.closed = self.ids("SELECT id FROM trades WHERE id > ? ORDER BY id LIMIT 4096").await?;
        counters.learned = self.ids("SELECT trade FROM evidence WHERE trade > ? ORDER BY trade LIMIT 4096").await?;
        Ok(counters)
    }

    async fn ids(&self, page: &'static str) -> Result<IdSet, StoreError> {
        let (mut ids, mut last) = (IdSet::default(), 0_i64);
        loop {
            let rows = all(&self.db, page, [last.into()]).await?;
            if rows.is_empty() {
                return Ok(ids);
            }
            for row in rows {
                last = column(&row, 0)?;
                ids.insert(last as u64);
            }
        }
    }

    /// The served policy's tables as they are stored, of regimes in which anything was learned.
    pub(crate) async fn policy_tables(&self, version: u64) -> Result<Vec<PolicyTable>, StoreError> {
        let Rows { policy, symbols, states, .. } = &self.rows;
        stored::policy_tables(&self.db, *policy, symbols, states, version).await
    }
}

#[async_trait]
impl Store<Record, Restored> for SqliteStore {
    async fn commit(&mut self, records: &[Record], cursor: u64) -> Result<(), StoreError> {
        self.make_sure().await?;
        if cursor < self.counters.cursor {
            return Err(StoreError::Inconsistent(format!(
                "{} events are stored, and records of event {cursor} came after: they were stored before, or the \
                 database is another run's",
                self.counters.cursor
            )));
        }
        self.writing();
        let done = self.transact(records, cursor).await;
        if done.is_ok() {
            self.written();
        } else {
            // Nothing of it may stay open: another program may wait for the lock.
            let _ = self.writer.execute("ROLLBACK").await;
        }
        done
    }

    async fn restore(&mut self) -> Result<Option<Restored>, StoreError> {
        self.make_sure().await?;
        let Some(checkpoint) = stored::checkpoint(&self.db).await? else { return Ok(None) };
        let policy = self.policy_tables(checkpoint.policy_version).await?;
        Ok(Some(Restored { checkpoint, policy, snapshots: stored::snapshots(&self.db).await? }))
    }

    async fn cursor(&mut self) -> Result<u64, StoreError> {
        self.make_sure().await?;
        Ok(self.counters.cursor)
    }
}

/// So many records are made into rows at a time.
const PART: usize = 4_096;

async fn send(writer: &mut SqliteConnection, calls: Vec<Call>) -> Result<(), StoreError> {
    for call in calls {
        let sent = sqlx::query_with(AssertSqlSafe(call.sql), call.arguments).execute(&mut *writer).await;
        sent.map_err(|e| failed(&e))?;
    }
    Ok(())
}

/// The instruments' places are what rows name: they may grow at the end, and never change.
async fn claim_symbols(db: &DatabaseConnection, symbols: &[String]) -> Result<(), StoreError> {
    let stored: Vec<String> = all(db, "SELECT name FROM symbols ORDER BY id", [])
        .await?
        .iter()
        .map(|row| column(row, 0))
        .collect::<Result<_, _>>()?;
    if !symbols.starts_with(&stored) {
        return Err(StoreError::Open(format!(
            "the database is of the instruments {}, and {} were asked for: name the same in the same order (new ones \
             after them), or name another database",
            stored.join(", "),
            symbols.join(", ")
        )));
    }
    let step = db.begin().await.map_err(io)?;
    for (place, name) in symbols.iter().enumerate().skip(stored.len()) {
        let values = [(place as i64).into(), name.as_str().into()];
        step.execute_raw(statement("INSERT INTO symbols VALUES (?, ?)", values)).await.map_err(|e| match io(e) {
            StoreError::Inconsistent(_) => StoreError::Open(format!("the instrument {name} is named twice")),
            other => other,
        })?;
    }
    step.commit().await.map_err(io)
}

pub(crate) fn statement<const N: usize>(sql: &str, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(DbBackend::Sqlite, sql, values)
}

pub(crate) async fn one<const N: usize>(
    db: &impl ConnectionTrait,
    sql: &str,
    values: [Value; N],
) -> Result<Option<QueryResult>, StoreError> {
    db.query_one_raw(statement(sql, values)).await.map_err(io)
}

pub(crate) async fn all<const N: usize>(
    db: &impl ConnectionTrait,
    sql: &str,
    values: [Value; N],
) -> Result<Vec<QueryResult>, StoreError> {
    db.query_all_raw(statement(sql, values)).await.map_err(io)
}

pub(crate) fn column<T: TryGetable>(row: &QueryResult, place: usize) -> Result<T, StoreError> {
    row.try_get_by_index(place).map_err(io)
}

pub(crate) fn parse<T: serde::de::DeserializeOwned>(text: &str, what: &str, id: i64) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|e| StoreError::Inconsistent(format!("{what} {id} cannot be read: {e}")))
}

pub(crate) fn io(error: DbErr) -> StoreError {
    explain(open::sqlite_code(&error).as_deref(), &error)
}

fn failed(error: &sqlx::Error) -> StoreError {
    explain(open::code_of(error).as_deref(), error)
}

fn explain(code: Option<&str>, error: &dyn std::fmt::Display) -> StoreError {
    let primary = code.and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff);
    match primary {
        Some(19) => {
            StoreError::Inconsistent(format!("something was stored before, or is not what it must be ({error})"))
        }
        Some(11 | 26) => StoreError::Inconsistent(format!("the database is damaged, restore it from a copy ({error})")),
        Some(5 | 6) => StoreError::Io(format!("another program holds the database's lock for too long ({error})")),
        Some(13) => StoreError::Io(format!("the disk is full: make room ({error})")),
        Some(8) => StoreError::Io(format!("the database may not be written to ({error})")),
        _ => StoreError::Io(error.to_string()),
    }
}
