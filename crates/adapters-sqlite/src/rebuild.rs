//! The six tables of the specification, made anew from the integer tables.

use std::collections::{BTreeMap, VecDeque};

use alavanca_kernel::{Allocation, MarketContext, Money, Timestamp, TradingDay};
use alavanca_ports::StoreError;
use alavanca_rl::PolicyTable;
use alavanca_updater::PolicySnapshot;
use sea_orm::QueryResult;
use sea_orm::sqlx::Executor;

use crate::columns::Columns;
use crate::packed;
use crate::records::{LESSON, SCALP, lesson, scalp};
use crate::rows::{AllocatedFor, Choice};
use crate::store::{CapitalFacts, SqliteStore, all, column, io, one, parse};

/// How many rows are in memory at a time.
const PAGE: i64 = 2048;

impl SqliteStore {
    /// Makes the six tables of the specification anew, in one transaction. They come out as they were, byte for byte;
    /// figures of a day that has not ended are left out until it does.
    pub async fn rebuild_projections(&mut self) -> Result<(), StoreError> {
        self.make_sure().await?;
        self.writing();
        let facts = self.rows.facts;
        let done = self.rebuild().await;
        self.rows.facts = facts;
        if done.is_ok() {
            self.written();
        } else {
            self.make_sure().await?;
        }
        done
    }

    async fn rebuild(&mut self) -> Result<(), StoreError> {
        const CLEAR: [&str; 7] = [
            "BEGIN IMMEDIATE",
            "DELETE FROM capital_state",
            "DELETE FROM scalp_events",
            "DELETE FROM rl_policy",
            "DELETE FROM rl_events",
            "DELETE FROM policy_snapshots",
            "DELETE FROM rl_report_log",
        ];
        for statement in CLEAR {
            self.execute(statement).await?;
        }
        self.rebuild_capital().await?;
        self.rebuild_scalps().await?;
        self.rebuild_rl_events().await?;
        self.rebuild_policy().await?;
        self.rebuild_snapshots().await?;
        self.rebuild_reports().await?;
        self.execute("COMMIT").await
    }

    async fn execute(&mut self, sql: &'static str) -> Result<(), StoreError> {
        let done = self.writer.execute(sql).await;
        done.map(|_| ()).map_err(|e| io(sea_orm::DbErr::Exec(sea_orm::RuntimeErr::SqlxError(e.into()))))
    }

    /// Decisions and stopped signals know their rows; the rows between are the bars' allocations, in order.
    async fn rebuild_capital(&mut self) -> Result<(), StoreError> {
        const TOTAL: &str = "SELECT (SELECT count(*) FROM decisions) + (SELECT count(capital_id) FROM blocked) \
                             + (SELECT coalesce(sum(rows), 0) FROM allocations)";
        const DECIDED: &str = "SELECT capital_id, context, allocation, id, layers FROM decisions \
                               WHERE capital_id >= ? AND capital_id < ?";
        const BLOCKED: &str = "SELECT capital_id, context, allocation, cause FROM blocked \
                               WHERE capital_id >= ? AND capital_id < ?";
        const CHUNKS: &str = "SELECT chunk, packed FROM allocations WHERE chunk >= ? ORDER BY chunk LIMIT 64";
        let total: i64 = one(self.db(), TOTAL, []).await?.map_or(Ok(0), |row| column(&row, 0))?;
        let facts = self.capital_facts().await?;
        let (mut bars, mut next_chunk) = (VecDeque::new(), 0_i64);
        let mut first = 1;
        while first <= total {
            let range = || [first.into(), (first + PAGE).into()];
            let mut known = BTreeMap::new();
            for row in all(self.db(), DECIDED, range()).await? {
                known.insert(column::<i64>(&row, 0)?, (row, true));
            }
            for row in all(self.db(), BLOCKED, range()).await? {
                known.insert(column::<i64>(&row, 0)?, (row, false));
            }
            for id in first..(first + PAGE).min(total + 1) {
                if let Some((_, of)) = facts.range(..=id).next_back() {
                    self.rows.facts = *of;
                }
                if let Some((row, decided)) = known.remove(&id) {
                    let context: MarketContext = parse(&column::<String>(&row, 1)?, "context of allocation", id)?;
                    let allocation: Allocation = parse(&column::<String>(&row, 2)?, "allocation", id)?;
                    let last: String;
                    let of = if decided {
                        last = column(&row, 4)?;
                        AllocatedFor::Decision(column(&row, 3)?, &last)
                    } else {
                        last = column(&row, 3)?;
                        AllocatedFor::Blocked(&last)
                    };
                    self.rows.rebuilt_capital_row(id, &context, &allocation, of);
                    continue;
                }
                if bars.is_empty() {
                    for row in all(self.db(), CHUNKS, [next_chunk.into()]).await? {
                        let chunk: i64 = column(&row, 0)?;
                        let unpacked = packed::unpack(&column::<Vec<u8>>(&row, 1)?);
                        bars.extend(unpacked.ok_or_else(|| {
                            StoreError::Inconsistent(format!("chunk {chunk} of allocations cannot be read"))
                        })?);
                        next_chunk = chunk + 1;
                    }
                }
                let (context, allocation) = bars
                    .pop_front()
                    .ok_or_else(|| StoreError::Inconsistent(format!("allocation {id} of {total} is missing")))?;
                self.rows.rebuilt_capital_row(id, &context, &allocation, AllocatedFor::Bar);
            }
            self.run_part().await?;
            first += PAGE;
        }
        Ok(())
    }

    async fn capital_facts(&self) -> Result<BTreeMap<i64, CapitalFacts>, StoreError> {
        let rows = all(self.db(), "SELECT * FROM capital_facts", []).await?;
        let read = |row: &QueryResult| {
            let facts = CapitalFacts {
                operator_capital: Money::from_cents(column(row, 1)?),
                margin_per_contract: Money::from_cents(column(row, 2)?),
                max_contracts_cap: column::<i64>(row, 3)? as u32,
            };
            Ok((column(row, 0)?, facts))
        };
        rows.iter().map(read).collect()
    }

    async fn rebuild_scalps(&mut self) -> Result<(), StoreError> {
        let sql = format!("SELECT id, {SCALP} FROM scalps WHERE id > ? ORDER BY id LIMIT ?");
        let mut last = 0_i64;
        loop {
            let rows = all(self.db(), &sql, [last.into(), PAGE.into()]).await?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in rows {
                last = column(&row, 0)?;
                let event = scalp(&mut Columns::from(&row, 1, &self.rows.states))?;
                self.rows.scalp_event(last, &event);
            }
            self.run_part().await?;
        }
    }

    async fn rebuild_rl_events(&mut self) -> Result<(), StoreError> {
        const CHOICES: &str = "SELECT rl_event_id, id, at, symbol, state, action, chooser, frozen, trade, base, extra, \
                               available, policy_version, arms FROM decisions WHERE rl_event_id > ? AND rl_event_id <= ?";
        let lessons_sql =
            format!("SELECT rl_event_id, {LESSON} FROM evidence e WHERE rl_event_id > ? AND rl_event_id <= ?");
        let mut last = 0_i64;
        loop {
            let range = || [last.into(), (last + PAGE).into()];
            let (mut choices, mut lessons) = (BTreeMap::new(), BTreeMap::new());
            for row in all(self.db(), CHOICES, range()).await? {
                choices.insert(column::<i64>(&row, 0)?, row);
            }
            for row in all(self.db(), &lessons_sql, range()).await? {
                lessons.insert(column::<i64>(&row, 0)?, row);
            }
            if choices.is_empty() && lessons.is_empty() {
                return Ok(());
            }
            for id in last + 1..=last + PAGE {
                if let Some(row) = choices.remove(&id) {
                    let mut of = Columns::from(&row, 1, &self.rows.states);
                    let choice = Choice {
                        decision: of.take()?,
                        at: of.instant()?,
                        symbol: of.symbol()?,
                        state: of.state()?,
                        action: of.parsed()?,
                        chooser: of.take::<String>()?.into(),
                        frozen: of.take()?,
                        trade: of.take()?,
                        base: of.number()?,
                        extra: of.number()?,
                        available: of.take()?,
                        policy_version: of.take()?,
                        arms: of.take::<String>()?.into(),
                    };
                    self.rows.choice_row(id, choice);
                } else if let Some(row) = lessons.remove(&id) {
                    let lesson = lesson(&mut Columns::from(&row, 1, &self.rows.states))?;
                    self.rows.lesson_row(id, &lesson);
                }
            }
            self.run_part().await?;
            last += PAGE;
        }
    }

    async fn rebuild_policy(&mut self) -> Result<(), StoreError> {
        const TABLES: &str = "SELECT seq, at, detail FROM policy_events WHERE kind = 'TABLE' AND seq > ? AND seq <= ?";
        let lessons_sql = format!("SELECT seq, {LESSON} FROM evidence e WHERE applied AND seq > ? AND seq <= ?");
        let last_seq = "SELECT max((SELECT coalesce(max(seq), 0) FROM evidence), \
                        (SELECT coalesce(max(seq), 0) FROM policy_events))";
        let end: i64 = one(self.db(), last_seq, []).await?.map_or(Ok(0), |row| column(&row, 0))?;
        let mut last = 0_i64;
        while last < end {
            let range = || [last.into(), (last + PAGE).into()];
            let (mut tables, mut lessons) = (BTreeMap::new(), BTreeMap::new());
            for row in all(self.db(), TABLES, range()).await? {
                tables.insert(column::<i64>(&row, 0)?, row);
            }
            for row in all(self.db(), &lessons_sql, range()).await? {
                lessons.insert(column::<i64>(&row, 0)?, row);
            }
            for seq in last + 1..=last + PAGE {
                if let Some(row) = lessons.remove(&seq) {
                    let lesson = lesson(&mut Columns::from(&row, 1, &self.rows.states))?;
                    self.rows.policy_row(&lesson);
                } else if let Some(row) = tables.remove(&seq) {
                    let table: PolicyTable = parse(&column::<String>(&row, 2)?, "policy table", seq)?;
                    let at = column::<Option<i64>>(&row, 1)?.map(Timestamp::from_micros);
                    self.rows.policy_table(&table, at);
                }
            }
            self.run_part().await?;
            last += PAGE;
        }
        Ok(())
    }

    async fn rebuild_snapshots(&mut self) -> Result<(), StoreError> {
        let mut last = 0_i64;
        // One at a time: a snapshot may be large.
        while let Some(row) =
            one(self.db(), "SELECT seq, content FROM snapshots WHERE seq > ? ORDER BY seq LIMIT 1", [last.into()])
                .await?
        {
            last = column(&row, 0)?;
            let snapshot: PolicySnapshot = parse(&column::<String>(&row, 1)?, "snapshot", last)?;
            self.rows.snapshot_row(last, &snapshot);
            self.run_part().await?;
        }
        Ok(())
    }

    async fn rebuild_reports(&mut self) -> Result<(), StoreError> {
        for row in all(self.db(), "SELECT day, symbols FROM days ORDER BY day", []).await? {
            let day = TradingDay::from_days(column::<i64>(&row, 0)? as i32);
            self.rows.reports(day, column(&row, 1)?);
            self.run_part().await?;
        }
        Ok(())
    }
}
