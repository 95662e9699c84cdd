//! What a restarted engine goes on from.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use alavanca_execution::OpenTrade;
use alavanca_kernel::{Money, Regime, RegimeSet, Signal, SymbolId, Timestamp, TradeOutcome};
use alavanca_risk::RiskSnapshot;
use alavanca_rl::{Policy, PolicyCheckpoint, PolicyTable};
use alavanca_scalp::ScalpSetup;
use alavanca_signals::{Lesson, MetaCheckpoint};
use alavanca_updater::{PolicySnapshot, Updater, UpdaterCheckpoint};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::record::{PolicyEventKind, Record};
use crate::regimes::RegimeStretch;

/// Everything a restarted engine needs beside the policy's rows and snapshots. Market history is not in it: levels
/// 1 to 4 are warmed up from recent bars.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The last decision's id.
    pub decisions: u64,
    /// The last trade's id.
    pub trades: u64,
    /// The last order's id.
    pub orders: u64,
    /// The latest event's time.
    pub now: Timestamp,
    /// Risk state, latched causes and the day's figures.
    pub risk: RiskSnapshot,
    /// Regimes that do not learn.
    pub frozen: RegimeSet,
    /// The served policy's version.
    pub policy_version: u64,
    /// Pending batch, baselines, windows, what was applied.
    pub updater: UpdaterCheckpoint,
    /// One per instrument, in the engine's order.
    pub desks: Vec<DeskCheckpoint>,
}

/// One instrument's part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeskCheckpoint {
    /// The instrument's name, to tell that the order did not change.
    pub symbol: String,
    /// The trade that is open or on its way.
    pub trade: Option<OpenTrade>,
    /// What the brains will learn from it.
    pub lesson: Option<Lesson>,
    /// The scalp that is open.
    pub scalp: Option<ScalpSetup>,
    /// Until when it rests after a won scalp.
    pub cooldown_until: Option<Timestamp>,
    /// A reversal that waits for the old trade's end.
    pub reversal: Option<Signal>,
    /// Brains' track record.
    pub meta: MetaCheckpoint,
    /// The day's realised result of this instrument.
    pub day_net: Money,
    /// For how long the regime has been what it is. Databases of earlier releases do not say it.
    #[serde(default)]
    pub regime: RegimeStretch,
}

/// What a store gives back after a restart.
#[derive(Debug, Clone, PartialEq)]
pub struct Restored {
    /// The last checkpoint.
    pub checkpoint: Checkpoint,
    /// The served policy, one table per regime (and per symbol, where the scope says so).
    pub policy: Vec<PolicyTable>,
    /// All snapshots that are kept, oldest first.
    pub snapshots: Vec<PolicySnapshot>,
}

impl Restored {
    /// What a store has to give back that holds these records, in order; `None` without a checkpoint among them. It is a
    /// fold over all of them, for stores that keep nothing else. `policy` knows nothing yet and is made as the engine's.
    ///
    /// # Errors
    /// A table among the records that the policy cannot take in.
    pub fn from_records<R: Borrow<Record>>(
        records: impl IntoIterator<Item = R>,
        policy: &mut dyn Policy,
    ) -> Result<Option<Self>, RestoreError> {
        let (mut last, mut snapshots) = (None, BTreeMap::new());
        for record in records {
            match record.borrow() {
                Record::Checkpoint(checkpoint) => last = Some((**checkpoint).clone()),
                Record::Learned(learned) if learned.applied => {
                    let TradeOutcome { symbol, state, action, reward, .. } = learned.outcome;
                    policy.learn(symbol, state, action, reward);
                }
                Record::PolicyTable(table) => policy.import_table(table)?,
                Record::Policy(event) => match event.kind {
                    PolicyEventKind::Frozen { .. } => policy.freeze(event.regime),
                    PolicyEventKind::Thawed => policy.unfreeze(event.regime),
                    // The table that is served from then on is a record of its own.
                    PolicyEventKind::RolledBack { .. } | PolicyEventKind::Imported { .. } => {}
                },
                Record::Snapshot(snapshot) => {
                    snapshots.insert(snapshot.number, (**snapshot).clone());
                }
                Record::SnapshotPruned(id) => snapshots.retain(|_, snapshot| snapshot.id != *id),
                _ => {}
            }
        }
        let Some(checkpoint) = last else { return Ok(None) };
        let mut tables = policy.checkpoint().tables;
        for table in &mut tables {
            table.version = checkpoint.policy_version;
        }
        Ok(Some(Self { checkpoint, policy: tables, snapshots: snapshots.into_values().collect() }))
    }
}

/// Why a restarted engine cannot go on from what was stored.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RestoreError {
    /// The instruments are not those of the store.
    #[error("the database is of the instruments {stored}; this engine has {asked}")]
    OtherInstruments {
        /// Those of the store.
        stored: String,
        /// Those of the engine.
        asked: String,
    },
    /// The policy's rows cannot be taken in.
    #[error("stored policy: {0}")]
    Policy(#[from] alavanca_rl::ImportError),
    /// Batches or snapshots do not fit together.
    #[error("stored learning state: {0}")]
    Updater(#[from] alavanca_updater::RestoreError),
    /// The brains' track record cannot be taken in.
    #[error("stored track record: {0}")]
    Meta(#[from] alavanca_signals::MetaCheckpointError),
}

impl Engine {
    /// Everything a restarted engine needs beside the policy's rows and snapshots.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            decisions: self.decisions,
            trades: self.trades,
            orders: self.orders,
            now: self.now,
            risk: self.risk.snapshot(),
            frozen: Regime::ALL
                .into_iter()
                .filter(|regime| self.policy.is_frozen(*regime))
                .fold(RegimeSet::EMPTY, RegimeSet::with),
            policy_version: self.policy.version(),
            updater: self.updater.checkpoint(),
            desks: self
                .desks
                .iter()
                .enumerate()
                .map(|(index, desk)| {
                    let symbol = SymbolId::new(index as u16);
                    DeskCheckpoint {
                        symbol: desk.instrument.name.clone(),
                        trade: desk.trade.clone(),
                        lesson: desk.lesson,
                        scalp: self.scalps.active(symbol).copied(),
                        cooldown_until: self.scalps.cooldown_until(symbol),
                        reversal: desk.reversal,
                        meta: desk.levels.meta.checkpoint(),
                        day_net: desk.day_net,
                        regime: desk.stretch,
                    }
                })
                .collect(),
        }
    }

    /// A checkpoint, if anything was recorded since the last one was taken. To be appended to each commit.
    pub fn take_checkpoint(&mut self) -> Option<Checkpoint> {
        std::mem::take(&mut self.dirty).then(|| self.checkpoint())
    }

    /// Goes on from what was stored. Levels 1 to 4 are warmed up with [`Engine::warm`]; open legs still have to be
    /// reconciled with the broker before anything is traded.
    ///
    /// # Errors
    /// Where the store's content does not fit this engine. The engine is then not to be used.
    pub fn restore(&mut self, restored: Restored) -> Result<(), RestoreError> {
        let Restored { checkpoint, policy, snapshots } = restored;
        let names = |names: Vec<&str>| names.join(", ");
        let stored: Vec<&str> = checkpoint.desks.iter().map(|desk| desk.symbol.as_str()).collect();
        let asked: Vec<&str> = self.desks.iter().map(|desk| desk.instrument.name.as_str()).collect();
        if stored != asked {
            return Err(RestoreError::OtherInstruments { stored: names(stored), asked: names(asked) });
        }
        self.policy.resume(&PolicyCheckpoint {
            version: checkpoint.policy_version,
            frozen: checkpoint.frozen,
            tables: policy,
        })?;
        self.updater = Updater::restore(self.config.updater, checkpoint.updater, snapshots)?;
        self.risk.restore(checkpoint.risk);
        self.decisions = checkpoint.decisions;
        self.trades = checkpoint.trades;
        self.orders = checkpoint.orders;
        if checkpoint.now > Timestamp::MIN {
            self.now = checkpoint.now;
            self.moment = Some(self.clock.locate(checkpoint.now));
        }
        self.open_trades = 0;
        for (index, stored) in checkpoint.desks.into_iter().enumerate() {
            let desk = &mut self.desks[index];
            desk.levels.meta.restore(&stored.meta)?;
            self.open_trades += u32::from(stored.trade.is_some());
            desk.opened = stored.trade.as_ref().and_then(OpenTrade::opened_at).map(|at| self.clock.locate(at));
            desk.trade = stored.trade;
            desk.lesson = stored.lesson;
            desk.reversal = stored.reversal;
            desk.day_net = stored.day_net;
            desk.stretch = stored.regime;
            self.scalps.restore(SymbolId::new(index as u16), stored.scalp, stored.cooldown_until);
        }
        Ok(())
    }
}
