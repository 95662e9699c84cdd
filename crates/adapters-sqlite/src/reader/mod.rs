//! What the store holds, read back as the engine's own records.

use std::collections::BTreeMap;
use std::path::Path;

use alavanca_engine::{
    AllocationRecord, BlockedRecord, DayRecord, DecisionRecord, LearnedRecord, LegRecord, OrderEnd, PolicyEvent,
    Record, RegimeRecord, Restored, TradeRecord,
};
use alavanca_kernel::{FillReport, OrderRequest};
use alavanca_ports::StoreError;
use alavanca_risk::RiskChange;
use alavanca_scalp::ScalpEvent;
use alavanca_updater::PolicySnapshot;
use sea_orm::{DatabaseConnection, DbErr, TransactionTrait};

use crate::open::open_read_only;
use crate::store::{PolicyFacts, all, column, io};
use crate::stored;
use crate::text::States;

mod each;
mod merge;
mod selection;
mod source;

pub use selection::Selection;

use source::Source;

/// A database that is only read, also beside an engine that writes it. What it gives are the engine's own records.
///
/// Three things are not held as they came: of a leg only its last state, of a snapshot that was pruned everything but
/// the policy's bytes (they come back empty), and of checkpoints only the last ([`RunReader::restored`]).
///
/// ```
/// # use alavanca_adapters_sqlite::{CapitalFacts, Durability, PolicyFacts, SqliteStore, StoreConfig};
/// # use alavanca_kernel::Money;
/// # use alavanca_rl::PolicyScope;
/// use alavanca_adapters_sqlite::{RunReader, Selection};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("run.db");
/// # let capital = CapitalFacts {
/// #     operator_capital: Money::ZERO, margin_per_contract: Money::ZERO, max_contracts_cap: 1,
/// # };
/// # let policy = PolicyFacts { scope: PolicyScope::Shared, prior_alpha: 1.0, prior_beta: 1.0 };
/// # let symbols = vec!["EURUSD".to_owned()];
/// # SqliteStore::open(&path, StoreConfig { durability: Durability::Live, symbols, capital, policy }).await.unwrap();
/// let reader = RunReader::open(&path).await.unwrap();
/// assert_eq!(reader.symbols(), ["EURUSD"]);
/// let newest = Selection { newest: Some(20), ..Selection::default() };
/// assert!(reader.decisions(&newest).await.unwrap().is_empty());
/// let mut seen = 0;
/// reader.each_record(&Selection::default(), &mut |_record| seen += 1).await.unwrap();
/// assert_eq!(seen, 0);
/// # });
/// ```
#[derive(Debug)]
pub struct RunReader {
    db: DatabaseConnection,
    states: States,
    symbols: Vec<String>,
    meta: BTreeMap<String, String>,
}

/// Reads one kind of record.
macro_rules! reads {
    ($($(#[$doc:meta])* $name:ident: $source:ident, $variant:ident -> $type:ty, $take:expr;)+) => { $(
        $(#[$doc])*
        ///
        /// # Errors
        /// [`StoreError::Inconsistent`] naming the row that cannot be read.
        pub async fn $name(&self, selection: &Selection) -> Result<Vec<$type>, StoreError> {
            let mut taken = Vec::new();
            self.each_of(&source::$source, selection, &mut |record| {
                if let Record::$variant(record) = record {
                    let take: fn(_) -> $type = $take;
                    taken.push(take(record));
                }
            })
            .await?;
            Ok(taken)
        }
    )+ };
}

impl RunReader {
    /// Opens a database for reading alone.
    ///
    /// # Errors
    /// [`StoreError::Open`], saying what to do, where there is none, where it is another program's, of an older
    /// schema, of a newer one, or damaged.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let db = open_read_only(path).await?;
        let mut symbols = Vec::new();
        for row in all(&db, "SELECT name FROM symbols ORDER BY id", []).await? {
            symbols.push(column(&row, 0)?);
        }
        let mut meta = BTreeMap::new();
        for row in all(&db, "SELECT key, value FROM run_meta", []).await? {
            meta.insert(column(&row, 0)?, column(&row, 1)?);
        }
        Ok(Self { db, states: States::default(), symbols, meta })
    }

    /// The instruments' names; a [`SymbolId`](alavanca_kernel::SymbolId) is a place in it.
    pub fn symbols(&self) -> &[String] {
        &self.symbols
    }

    /// What was noted of the run when it was opened: account, mode, settings, data, seed.
    pub fn meta(&self) -> &BTreeMap<String, String> {
        &self.meta
    }

    /// The connection, for questions to the tables of [`entity`](crate::entity).
    pub fn db(&self) -> &DatabaseConnection {
        &self.db
    }

    /// Checkpoint, served policy and kept snapshots, as a restarted engine gets them; `None` where nothing was ever
    /// committed.
    ///
    /// # Errors
    /// [`StoreError::Inconsistent`] where the tables hold no whole state.
    pub async fn restored(&self) -> Result<Option<Restored>, StoreError> {
        let step = self.db.begin().await.map_err(io)?;
        let Some(checkpoint) = stored::checkpoint(&step).await? else { return Ok(None) };
        let facts = self.policy_facts()?;
        let policy =
            stored::policy_tables(&step, facts, &self.symbols, &self.states, checkpoint.policy_version).await?;
        Ok(Some(Restored { checkpoint, policy, snapshots: stored::snapshots(&step).await? }))
    }

    /// How many events the engine had consumed at the last commit.
    ///
    /// # Errors
    /// [`StoreError`] where it cannot be read.
    pub async fn cursor(&self) -> Result<u64, StoreError> {
        let rows = all(&self.db, "SELECT coalesce(max(cursor), 0) FROM engine_state", []).await?;
        rows.first().map_or(Ok(0), |row| column::<i64>(row, 0).map(|cursor| cursor as u64))
    }

    /// How the policy's rows are to be read: scope and prior, as they were noted.
    ///
    /// # Errors
    /// [`StoreError::Inconsistent`] where they were not noted as the store does.
    pub fn policy_facts(&self) -> Result<PolicyFacts, StoreError> {
        let read = || {
            let (alpha, beta) = self.meta.get("rl_prior")?.split_once(',')?;
            Some(PolicyFacts {
                scope: self.meta.get("rl_policy_scope")?.parse().ok()?,
                prior_alpha: alpha.parse().ok()?,
                prior_beta: beta.parse().ok()?,
            })
        };
        let wrong = "run_meta does not say the policy's scope and prior (rl_policy_scope, rl_prior)";
        read().ok_or_else(|| StoreError::Inconsistent(wrong.to_owned()))
    }

    reads! {
        /// The gate's answers, by id.
        decisions: DECISIONS, Decision -> DecisionRecord, |record: Box<_>| *record;
        /// Signals that were stopped before the gate, in order.
        blocked: BLOCKED, Blocked -> BlockedRecord, |record: Box<_>| *record;
        /// Orders as they were sent, by id.
        orders: ORDERS, Order -> OrderRequest, |record| record;
        /// Orders that ended without all of their fill, in order.
        order_ends: ORDER_ENDS, OrderEnded -> OrderEnd, |record| record;
        /// Fills, in order.
        fills: FILLS, Fill -> FillReport, |record| record;
        /// Legs as they are now, by trade, the base first.
        legs: LEGS, Leg -> LegRecord, |record| record;
        /// What happened to scalps, in order.
        scalps: SCALPS, Scalp -> ScalpEvent, |record| record;
        /// Trades that ended, in the order in which they did.
        trades: TRADES, Trade -> TradeRecord, |record: Box<_>| *record;
        /// What the policy heard, in order.
        learned: LEARNED, Learned -> LearnedRecord, |record: Box<_>| *record;
        /// Freezes, thaws, rollbacks and imports, in order.
        policy_events: POLICY_EVENTS, Policy -> PolicyEvent, |record| record;
        /// Snapshots that are kept, oldest first.
        snapshots: SNAPSHOTS, Snapshot -> PolicySnapshot, |record: Box<_>| *record;
        /// Changes of the risk state, in order.
        risk_changes: RISK_CHANGES, Risk -> RiskChange, |record| record;
        /// Changes of the regime, in order.
        regimes: REGIMES, Regime -> RegimeRecord, |record| record;
        /// Trading days that ended, in order.
        days: DAYS, Day -> DayRecord, |record| record;
    }

    /// Allocations that no decision followed (one a bar, with `RECORD_EVERY_BAR`), in order.
    ///
    /// # Errors
    /// [`StoreError::Inconsistent`] naming the chunk that cannot be read.
    pub async fn allocations(&self, selection: &Selection) -> Result<Vec<AllocationRecord>, StoreError> {
        let mut taken = Vec::new();
        let mut stream = merge::Allocations::new(selection);
        while let Some(page) = stream.page(&self.db).await? {
            taken.extend(page);
        }
        if let Some(newest) = selection.newest {
            taken.drain(..taken.len().saturating_sub(newest as usize));
        }
        Ok(taken)
    }

    /// Every record of the selection, of one moment of the database, page by page, in the order of their instants and
    /// each kind in its own order. So a reader of records gets from a database what it gets from a run.
    ///
    /// Of one instant, an order stands before its fills, and these before the end of their trade; a day stands before
    /// the first decision, stopped signal, allocation, change of regime or trade of a later day. A leg stands at its last change.
    ///
    /// # Errors
    /// [`StoreError::Inconsistent`] naming the row that cannot be read.
    pub async fn each_record(&self, selection: &Selection, each: &mut dyn FnMut(Record)) -> Result<(), StoreError> {
        let moment = self.db.begin().await.map_err(io)?;
        merge::each_record(self, &moment, selection, each).await?;
        moment.rollback().await.map_err(io)
    }

    async fn each_of(
        &self,
        source: &'static Source,
        selection: &Selection,
        each: &mut dyn FnMut(Record),
    ) -> Result<(), StoreError> {
        let mut stream = merge::Rows::new(&self.db, source, selection).await?;
        while let Some(page) = stream.page(&self.db, &self.states).await? {
            for (_, _, record) in page {
                each(record);
            }
        }
        Ok(())
    }

    /// Ends reading: nothing can be asked any more. Dropping it does so, too, but later, and a program that ends before
    /// leaves SQLite's side files behind.
    ///
    /// # Errors
    /// [`StoreError::Io`] where the file cannot be closed.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.db.close_by_ref().await.map_err(|e: DbErr| io(e))
    }
}
