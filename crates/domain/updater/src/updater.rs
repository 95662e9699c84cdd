//! The updater itself.

use std::collections::BTreeMap;

use alavanca_kernel::{Money, Regime, RegimeSet, Timestamp, TradeId, TradeOutcome, TradingDay};
use serde::{Deserialize, Serialize};

use crate::seen::SeenTrades;
use crate::snapshot::{PolicySnapshot, SnapshotMetrics};
use crate::trend::Trend;
use crate::{UpdaterConfig, UpdaterSettings};

/// Collects trades into batches, keeps the snapshots, and judges: freeze, roll back, thaw. It only says what is to be
/// done; the policy is changed elsewhere.
///
/// A batch goes: [`Updater::batch`]; a [`Updater::snapshot`] of each of its regimes; the policy learns the trades that
/// are [`Updater::learnable`]; [`Updater::finish_batch`]. All of it is one transaction (semantics 27).
#[derive(Clone, PartialEq, Debug)]
pub struct Updater {
    config: UpdaterConfig,
    /// In the order of their closes, the oldest first.
    pending: Vec<TradeOutcome>,
    seen: SeenTrades,
    total_trades: u64,
    batches: u64,
    last_snapshot_number: u64,
    regimes: [RegimeRecord; Regime::COUNT],
    /// Ascending by number, within each regime.
    snapshots: [Vec<PolicySnapshot>; Regime::COUNT],
}

/// What is remembered of one regime.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RegimeRecord {
    trend: Trend,
    frozen_since: Option<TradingDay>,
    trades_since_milestone: u64,
    /// The snapshot that the batch in hand would be rolled back to: the first that was taken for it.
    rollback_target: Option<String>,
}

/// Milestones of a regime that stay in memory; older ones stay in the store alone.
const MILESTONES_HELD: usize = 16;

/// A trade that was taken in before.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("trade {0} was taken in before")]
pub struct DuplicateTrade(pub TradeId);

/// A full batch.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Batch {
    /// Counts from 1.
    pub number: u64,
    /// The regimes that will learn from it, each to be snapshot before.
    pub regimes: RegimeSet,
    /// In the order of their arrival.
    pub trades: Vec<TradeOutcome>,
}

/// What came of a batch.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BatchOutcome {
    /// The batch's number; that of the batch before where there was nothing to judge.
    pub number: u64,
    /// When it was judged.
    pub at: Timestamp,
    /// Its trades.
    pub trades: u32,
    /// Those of them that were learned from.
    pub learned: u32,
    /// The net result of its trades.
    pub net: Money,
    /// The average reward of its trades, in millionths, downwards; 0 without trades.
    pub average_reward_micros: i64,
    /// Where the batch was bad: each of its regimes with the id of the snapshot to restore, all or none.
    pub rollback: Option<Vec<(Regime, String)>>,
    /// The regimes to freeze; the updater already counts them as frozen.
    pub freeze: Vec<FreezeDirective>,
}

/// A regime that has fallen too far below its baseline.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FreezeDirective {
    /// The regime.
    pub regime: Regime,
    /// Average reward of its last trades, in millionths, downwards.
    pub window_average_micros: i64,
    /// Average reward of its first trades, in millionths, downwards.
    pub baseline_average_micros: i64,
}

/// The updater's figures (level5.md's `export_state`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UpdaterStats {
    /// Trades taken in.
    pub total_trades: u64,
    /// Those that wait for their batch.
    pub pending_trades_count: u32,
    /// Batches finished.
    pub batches: u64,
    /// Snapshots at hand.
    pub snapshot_count: u32,
    /// Trades in a batch.
    pub batch_size: u32,
    /// Regimes that are frozen.
    pub frozen: RegimeSet,
}

/// Everything but the snapshots' content that is needed to go on after a restart.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdaterCheckpoint {
    pending: Vec<TradeOutcome>,
    seen: SeenTrades,
    total_trades: u64,
    batches: u64,
    last_snapshot_number: u64,
    regimes: BTreeMap<Regime, RegimeRecord>,
    /// The ids of the snapshots at hand.
    snapshots: Vec<String>,
}

/// Why a checkpoint cannot be gone on from.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RestoreError {
    /// The checkpoint names a snapshot that was not handed over.
    #[error("snapshot {0} is missing")]
    SnapshotMissing(String),
}

impl Updater {
    /// An updater that has seen nothing.
    pub fn new(config: UpdaterConfig) -> Self {
        Self {
            config,
            pending: Vec::with_capacity(config.settings().batch_size as usize),
            seen: SeenTrades::default(),
            total_trades: 0,
            batches: 0,
            last_snapshot_number: 0,
            regimes: Default::default(),
            snapshots: Default::default(),
        }
    }

    /// Its settings.
    pub const fn settings(&self) -> &UpdaterSettings {
        self.config.settings()
    }

    /// Takes in one closed trade.
    ///
    /// # Errors
    /// Where it was taken in before (semantics 24: exactly once); nothing has changed then.
    pub fn add_trade(&mut self, trade: TradeOutcome) -> Result<(), DuplicateTrade> {
        if !self.seen.insert(trade.trade) {
            return Err(DuplicateTrade(trade.trade));
        }
        self.total_trades += 1;
        self.pending.push(trade);
        Ok(())
    }

    /// A trade that was never filled and will have no outcome (semantics 12). Saying so is not required; it keeps
    /// the memory of trades already seen in one piece.
    pub fn skip_trade(&mut self, trade: TradeId) {
        self.seen.insert(trade);
    }

    /// Whether a batch is full.
    pub fn should_update(&self) -> bool {
        self.pending.len() >= self.settings().batch_size as usize
    }

    /// The full batch, if there is one: the oldest trades that wait.
    pub fn batch(&self) -> Option<Batch> {
        self.should_update().then(|| Batch {
            number: self.batches + 1,
            regimes: self.regimes_of_batch(),
            trades: self.batch_trades().to_vec(),
        })
    }

    /// Whether the policy learns from this trade: not where it was entered during a transition, nor where its regime
    /// is frozen (semantics 26).
    pub fn learnable(&self, trade: &TradeOutcome) -> bool {
        !trade.in_transition && self.frozen_since(trade.state.regime).is_none()
    }

    /// The trades that wait, the oldest first; those of one regime, and at most so many, if asked.
    pub fn pending(&self, regime: Option<Regime>, limit: Option<usize>) -> impl Iterator<Item = &TradeOutcome> {
        self.pending
            .iter()
            .filter(move |trade| regime.is_none_or(|regime| trade.state.regime == regime))
            .take(limit.unwrap_or(usize::MAX))
    }

    /// Forgets the trades that wait, and says how many they were. They will not be learned from: the ids stay known.
    pub fn clear_pending(&mut self) -> usize {
        self.regimes.iter_mut().for_each(|record| record.rollback_target = None);
        self.pending.drain(..).count()
    }

    /// Keeps a regime's policy (level5.md's `create_snapshot`). Returns the snapshot, and the ids of those no longer
    /// kept, which the store forgets too.
    pub fn snapshot(
        &mut self,
        regime: Regime,
        at: Timestamp,
        policy: Vec<u8>,
        note: impl Into<String>,
    ) -> (PolicySnapshot, Vec<String>) {
        let record = &mut self.regimes[regime.index()];
        let milestone = record.trades_since_milestone >= u64::from(self.config.settings().snapshot_interval);
        if milestone {
            record.trades_since_milestone = 0;
        }
        let snapshot = self.take(regime, at, policy, note.into(), milestone);
        let record = &mut self.regimes[regime.index()];
        record.rollback_target.get_or_insert_with(|| snapshot.id.clone());
        (snapshot, self.prune(regime))
    }

    /// Keeps a regime's policy before the operator changes it: a milestone, so that no snapshot of the engine's is
    /// pruned for it and it is not pruned itself. The batch that comes next is not rolled back to it, for that would
    /// undo what the operator did.
    pub fn keep(&mut self, regime: Regime, at: Timestamp, policy: Vec<u8>, note: impl Into<String>) -> PolicySnapshot {
        let snapshot = self.take(regime, at, policy, note.into(), true);
        self.hold(regime, true, MILESTONES_HELD);
        snapshot
    }

    fn take(
        &mut self,
        regime: Regime,
        at: Timestamp,
        policy: Vec<u8>,
        note: String,
        milestone: bool,
    ) -> PolicySnapshot {
        self.last_snapshot_number += 1;
        let number = self.last_snapshot_number;
        let id = format!("{regime}-{number:06}");
        let metrics = self.metrics(regime);
        let snapshot = PolicySnapshot { id, number, regime, at, policy, metrics, note, milestone };
        self.snapshots[regime.index()].push(snapshot.clone());
        snapshot
    }

    /// Judges the batch after the policy has learned it (semantics 26 and 29), and forgets its trades. A batch that
    /// is not full is judged as it is: for the end of a run.
    ///
    /// # Panics
    /// Where a regime of the batch has no snapshot from before it: a rollback would then be impossible (semantics 27).
    pub fn finish_batch(&mut self, at: Timestamp, day: TradingDay) -> BatchOutcome {
        let regimes = self.regimes_of_batch();
        let trades: Vec<TradeOutcome> = self.batch_trades().to_vec();
        let count = trades.len() as u64;
        let sum: u64 = trades.iter().map(|trade| u64::from(trade.reward.micros())).sum();

        let targets: Vec<(Regime, String)> = regimes
            .iter()
            .map(|regime| {
                let target = self.regimes[regime.index()].rollback_target.clone();
                (regime, target.expect("each regime of a batch is snapshot before it is learned (semantics 27)"))
            })
            .collect();
        let is_bad = sum < u64::from(self.config.rollback_reward_micros) * count;
        let rollback = (is_bad && !targets.is_empty()).then_some(targets);

        let mut learned = 0;
        for trade in &trades {
            if !self.learnable(trade) {
                continue;
            }
            learned += 1;
            let record = &mut self.regimes[trade.state.regime.index()];
            record.trades_since_milestone += 1;
            record.trend.observe(&self.config, trade.reward);
        }

        let mut freeze = Vec::new();
        for regime in regimes.iter() {
            if let Some((window, baseline)) = self.regimes[regime.index()].trend.degraded(&self.config) {
                freeze.push(FreezeDirective {
                    regime,
                    window_average_micros: window,
                    baseline_average_micros: baseline,
                });
                self.note_frozen(regime, day);
            }
        }

        self.pending.drain(..trades.len());
        self.regimes.iter_mut().for_each(|record| record.rollback_target = None);
        self.batches += u64::from(count > 0);
        BatchOutcome {
            number: self.batches,
            at,
            trades: count as u32,
            learned,
            net: trades.iter().map(|trade| trade.net).sum(),
            average_reward_micros: sum.checked_div(count).unwrap_or_default() as i64,
            rollback,
            freeze,
        }
    }

    /// The snapshot of this id, if it is at hand (level5.md's `rollback_to_snapshot`): what the policy is restored from.
    pub fn rollback_to(&self, id: &str) -> Option<&PolicySnapshot> {
        self.snapshots.iter().flatten().find(|snapshot| snapshot.id == id)
    }

    /// A regime's newest snapshot.
    pub fn last_snapshot(&self, regime: Regime) -> Option<&PolicySnapshot> {
        self.snapshots[regime.index()].last()
    }

    /// A regime's snapshots, the newest first; at most so many, if asked.
    pub fn snapshots(&self, regime: Regime, limit: Option<usize>) -> impl Iterator<Item = &PolicySnapshot> {
        self.snapshots[regime.index()].iter().rev().take(limit.unwrap_or(usize::MAX))
    }

    /// The regimes to thaw on this day: frozen for `RL_FREEZE_DAYS` or longer. They stay frozen until
    /// [`Updater::thawed`].
    pub fn on_day(&self, day: TradingDay) -> Vec<Regime> {
        let Some(days) = self.settings().freeze_days else { return Vec::new() };
        let is_over = |since: TradingDay| i64::from(day.days()) - i64::from(since.days()) >= i64::from(days);
        Regime::ALL.into_iter().filter(|&regime| self.frozen_since(regime).is_some_and(is_over)).collect()
    }

    /// Since which day a regime is frozen.
    pub fn frozen_since(&self, regime: Regime) -> Option<TradingDay> {
        self.regimes[regime.index()].frozen_since
    }

    /// A regime was frozen, by the operator too. Where it was frozen already the day stays.
    pub fn note_frozen(&mut self, regime: Regime, day: TradingDay) {
        self.regimes[regime.index()].frozen_since.get_or_insert(day);
    }

    /// A regime has thawed: its baseline starts anew (semantics 26).
    pub fn thawed(&mut self, regime: Regime) {
        let record = &mut self.regimes[regime.index()];
        record.frozen_since = None;
        record.trend = Trend::default();
    }

    /// A regime's policy was replaced by another one: what was seen of the old one says nothing of it, and its baseline
    /// starts anew. A freeze stays.
    pub fn replaced(&mut self, regime: Regime) {
        self.regimes[regime.index()].trend = Trend::default();
    }

    /// How many trades a regime's baseline is made of so far.
    pub fn baseline_trades(&self, regime: Regime) -> u32 {
        self.regimes[regime.index()].trend.baseline_count()
    }

    /// The figures (level5.md's `export_state`).
    pub fn export_state(&self) -> UpdaterStats {
        let frozen = Regime::ALL.into_iter().filter(|&regime| self.frozen_since(regime).is_some());
        UpdaterStats {
            total_trades: self.total_trades,
            pending_trades_count: self.pending.len() as u32,
            batches: self.batches,
            snapshot_count: self.snapshots.iter().map(Vec::len).sum::<usize>() as u32,
            batch_size: self.settings().batch_size,
            frozen: frozen.fold(RegimeSet::EMPTY, RegimeSet::with),
        }
    }

    /// Everything but the snapshots' content.
    pub fn checkpoint(&self) -> UpdaterCheckpoint {
        UpdaterCheckpoint {
            pending: self.pending.clone(),
            seen: self.seen.clone(),
            total_trades: self.total_trades,
            batches: self.batches,
            last_snapshot_number: self.last_snapshot_number,
            regimes: Regime::ALL.into_iter().map(|regime| (regime, self.regimes[regime.index()].clone())).collect(),
            snapshots: self.snapshots.iter().flatten().map(|snapshot| snapshot.id.clone()).collect(),
        }
    }

    /// Goes on from a checkpoint and the snapshots of the store, in any order. Those that the checkpoint does not
    /// name are left out.
    ///
    /// # Errors
    /// Where a snapshot that the checkpoint names is missing.
    pub fn restore(
        config: UpdaterConfig,
        checkpoint: UpdaterCheckpoint,
        snapshots: Vec<PolicySnapshot>,
    ) -> Result<Self, RestoreError> {
        let mut by_id: BTreeMap<String, PolicySnapshot> =
            snapshots.into_iter().map(|snapshot| (snapshot.id.clone(), snapshot)).collect();
        let mut updater = Self::new(config);
        for id in checkpoint.snapshots {
            let snapshot = by_id.remove(&id).ok_or(RestoreError::SnapshotMissing(id))?;
            updater.snapshots[snapshot.regime.index()].push(snapshot);
        }
        updater.snapshots.iter_mut().for_each(|held| held.sort_by_key(|snapshot| snapshot.number));
        for (regime, record) in checkpoint.regimes {
            updater.regimes[regime.index()] = record;
        }
        updater.pending = checkpoint.pending;
        updater.seen = checkpoint.seen;
        updater.total_trades = checkpoint.total_trades;
        updater.batches = checkpoint.batches;
        updater.last_snapshot_number = checkpoint.last_snapshot_number;
        Ok(updater)
    }

    fn batch_trades(&self) -> &[TradeOutcome] {
        &self.pending[..self.pending.len().min(self.settings().batch_size as usize)]
    }

    fn regimes_of_batch(&self) -> RegimeSet {
        let learned = self.batch_trades().iter().filter(|trade| self.learnable(trade));
        learned.fold(RegimeSet::EMPTY, |regimes, trade| regimes.with(trade.state.regime))
    }

    fn metrics(&self, regime: Regime) -> SnapshotMetrics {
        let trades = || self.batch_trades().iter().filter(|trade| trade.state.regime == regime);
        let count = trades().count() as u64;
        let sum: u64 = trades().map(|trade| u64::from(trade.reward.micros())).sum();
        SnapshotMetrics {
            batches: self.batches,
            trade_count: count as u32,
            batch_pnl: trades().map(|trade| trade.net).sum(),
            average_reward_micros: sum.checked_div(count).map(|average| average as i64),
        }
    }

    /// Drops what is beyond the count, the oldest first, but never what a rollback may still need (semantics 28).
    fn prune(&mut self, regime: Regime) -> Vec<String> {
        // Milestones leave the memory alone: the store keeps them.
        self.hold(regime, true, MILESTONES_HELD);
        self.hold(regime, false, self.config.settings().keep_snapshots as usize)
    }

    /// Holds at most so many of the regime's snapshots, or of its milestones; gives the ids of those let go.
    fn hold(&mut self, regime: Regime, milestone: bool, most: usize) -> Vec<String> {
        let needed = self.regimes[regime.index()].rollback_target.clone();
        let held = &mut self.snapshots[regime.index()];
        let count = held.iter().filter(|snapshot| snapshot.milestone == milestone).count();
        let mut excess = count.saturating_sub(most);
        let mut dropped = Vec::new();
        held.retain(|snapshot| {
            let drop = excess > 0 && snapshot.milestone == milestone && Some(&snapshot.id) != needed.as_ref();
            if drop {
                excess -= 1;
                dropped.push(snapshot.id.clone());
            }
            !drop
        });
        dropped
    }
}
