//! Learning: batches, rewards, freezes, rollbacks, and whether anything stands in its way.

use std::collections::{BTreeMap, BTreeSet};

use alavanca_adapters_sqlite::Selection;
use alavanca_engine::{ChangedBy, LearnSkip, LearnedRecord, PolicyEvent, PolicyEventKind, Record};
use alavanca_kernel::{Regime, Reward, StateKey, TradeId};
use alavanca_updater::{Updater, UpdaterConfig, UpdaterSettings};
use serde::Serialize;

use crate::explain::Moment;
use crate::stored_run::{AskError, RunNotes, StoredRun};

/// Figures of learning, of all instruments: they share batches.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UpdaterStats {
    /// Whether a policy chooses and learns (`RL_POLICY_ENABLED`); absent where the settings are unknown.
    pub enabled: Option<bool>,
    /// Trades that reached the updater.
    pub total_trades: u64,
    /// Those that wait for their batch to be full.
    pub pending_trades_count: u32,
    /// Trades in a batch (`RL_UPDATE_BATCH_SIZE`).
    pub batch_size: u32,
    /// Whether a batch is full and waits to be learned: only between two events.
    pub batch_ready: bool,
    /// Batches that were learned.
    pub batches: u64,
    /// Snapshots at hand, milestones included.
    pub snapshot_count: u32,
    /// Trades that moved the policy.
    pub learned: u64,
    /// Of them, those that count in the served policy: not rolled back, not replaced.
    pub served: u64,
    /// Trades logged and not learned from, the regime being frozen.
    pub skipped_frozen: u64,
    /// Trades logged and not learned from, having been entered during a transition.
    pub skipped_transition: u64,
    /// The rewards that the policy was told.
    pub rewards: Option<Rewards>,
    /// Whether each state's stored name is the one that the decision had.
    pub states: States,
    /// The regimes with trades, or frozen.
    pub regimes: Vec<RegimeLearning>,
    /// Freezes, thaws, rollbacks and imports, old to new.
    pub events: Vec<Event>,
}

/// Rewards from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rewards {
    /// How many.
    pub count: u64,
    /// The least.
    pub least: f64,
    /// The most.
    pub most: f64,
    /// Their mean.
    pub mean: f64,
}

/// States of trades held against those of their decisions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct States {
    /// Different states that the policy was told of.
    pub seen: u64,
    /// Trades whose state was the decision's.
    pub same: u64,
    /// Trades whose state was another: a fault.
    pub other: u64,
}

/// Learning in one regime.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RegimeLearning {
    /// The regime.
    pub regime: Regime,
    /// Trades that the policy was told of.
    pub told: u64,
    /// Those that moved it.
    pub learned: u64,
    /// Rewards in the served policy.
    pub served: u64,
    /// Trades of the baseline so far, since the start, the last thaw or an import.
    pub baseline_trades: u32,
    /// How many make it whole (`RL_BASELINE_TRADES`): with fewer nothing freezes.
    pub baseline_of: u32,
    /// Since which trading day it is frozen.
    pub frozen_since: Option<String>,
    /// Why.
    pub frozen_why: Option<String>,
    /// How often it was rolled back.
    pub rollbacks: u64,
}

/// Something that happened to a regime's policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// When.
    pub at: Moment,
    /// The regime.
    pub regime: Regime,
    /// What, in a sentence.
    pub what: String,
}

/// Reads the figures.
///
/// # Errors
/// [`AskError`].
pub fn updater(run: &StoredRun) -> Result<UpdaterStats, AskError> {
    let mut told = Told::default();
    run.each_record(&Selection::default(), &mut |record| told.observe(record))?;
    let notes = run.notes();
    let settings = notes.settings.as_ref().map_or_else(UpdaterSettings::default, |settings| settings.updater);
    let restored = run.ask(|reader| async move { reader.restored().await })?;
    let mut served = BTreeMap::<Regime, u64>::new();
    let mut updater = None;
    if let Some(restored) = restored {
        for table in &restored.policy {
            let count: u64 = table.rows.iter().map(|row| u64::from(row.count)).sum();
            *served.entry(table.regime).or_default() += count;
        }
        let config = UpdaterConfig::new(settings).map_err(|error| AskError::Usage(error.to_string()))?;
        let whole = Updater::restore(config, restored.checkpoint.updater, restored.snapshots)
            .map_err(|error| AskError::Usage(format!("{}: the stored state of learning: {error}", notes.path)))?;
        updater = Some(whole);
    }
    Ok(told.stats(notes, &settings, updater.as_ref(), &served))
}

/// What the policy was told.
#[derive(Debug, Default)]
struct Told {
    /// The states of decisions whose trades are not told of yet.
    decided: BTreeMap<TradeId, StateKey>,
    states: States,
    seen: BTreeSet<StateKey>,
    by_regime: BTreeMap<Regime, [u64; 2]>,
    frozen: u64,
    transition: u64,
    rewards: u64,
    micros: u64,
    bounds: Option<(Reward, Reward)>,
    events: Vec<PolicyEvent>,
}

impl Told {
    fn observe(&mut self, record: &Record) {
        match record {
            Record::Decision(decision) => {
                self.decided.extend(decision.trade.map(|trade| (trade, decision.state)));
            }
            Record::Learned(learned) => self.learned(learned),
            Record::Policy(event) => self.events.push(event.clone()),
            _ => {}
        }
    }

    fn learned(&mut self, learned: &LearnedRecord) {
        let (reward, state) = (learned.outcome.reward, learned.outcome.state);
        match learned.skipped {
            Some(LearnSkip::Frozen) => self.frozen += 1,
            Some(LearnSkip::Transition) => self.transition += 1,
            None => {}
        }
        let counts = self.by_regime.entry(state.regime).or_default();
        counts[0] += 1;
        counts[1] += u64::from(learned.applied);
        self.rewards += 1;
        self.micros += u64::from(reward.micros());
        let (least, most) = self.bounds.unwrap_or((reward, reward));
        self.bounds = Some((least.min(reward), most.max(reward)));
        self.seen.insert(state);
        match self.decided.remove(&learned.outcome.trade) {
            Some(decided) if decided == state => self.states.same += 1,
            _ => self.states.other += 1,
        }
    }

    fn stats(
        self,
        notes: &RunNotes,
        settings: &UpdaterSettings,
        updater: Option<&Updater>,
        served: &BTreeMap<Regime, u64>,
    ) -> UpdaterStats {
        let state = updater.map(Updater::export_state);
        let regime = |regime: Regime| {
            let [told, learned] = self.by_regime.get(&regime).copied().unwrap_or_default();
            let of_regime = || self.events.iter().filter(|event| event.regime == regime);
            let is = |event: &&PolicyEvent, kind: fn(&PolicyEventKind) -> bool| kind(&event.kind);
            let frozen_since = updater.and_then(|updater| updater.frozen_since(regime));
            let last_freeze =
                of_regime().rfind(|event| is(event, |kind| matches!(kind, PolicyEventKind::Frozen { .. })));
            RegimeLearning {
                regime,
                told,
                learned,
                served: served.get(&regime).copied().unwrap_or_default(),
                baseline_trades: updater.map_or(0, |updater| updater.baseline_trades(regime)),
                baseline_of: settings.baseline_trades,
                frozen_since: frozen_since.map(|day| day.to_string()),
                frozen_why: frozen_since.and(last_freeze).map(happened),
                rollbacks: of_regime()
                    .filter(|event| is(event, |kind| matches!(kind, PolicyEventKind::RolledBack { .. })))
                    .count() as u64,
            }
        };
        let regimes = Regime::ALL.into_iter().map(regime);
        let event = |event: &PolicyEvent| Event {
            at: Moment::of(notes, event.at),
            regime: event.regime,
            what: happened(event),
        };
        UpdaterStats {
            enabled: notes.settings.as_ref().map(|settings| settings.gate.policy_enabled),
            total_trades: state.map_or(self.rewards, |state| state.total_trades),
            pending_trades_count: state.map_or(0, |state| state.pending_trades_count),
            batch_size: settings.batch_size,
            batch_ready: state.is_some_and(|state| state.pending_trades_count >= state.batch_size),
            batches: state.map_or(0, |state| state.batches),
            snapshot_count: state.map_or(0, |state| state.snapshot_count),
            learned: self.by_regime.values().map(|counts| counts[1]).sum(),
            served: served.values().sum(),
            skipped_frozen: self.frozen,
            skipped_transition: self.transition,
            rewards: self.bounds.map(|(least, most)| Rewards {
                count: self.rewards,
                least: least.to_f64(),
                most: most.to_f64(),
                mean: self.micros as f64 / 1e6 / self.rewards as f64,
            }),
            states: States { seen: self.seen.len() as u64, ..self.states },
            regimes: regimes.filter(|of| of.told > 0 || of.served > 0 || of.frozen_since.is_some()).collect(),
            events: self.events.iter().map(event).collect(),
        }
    }
}

/// A policy event in a sentence, with its numbers.
fn happened(event: &PolicyEvent) -> String {
    let by = match &event.by {
        ChangedBy::Engine => String::new(),
        ChangedBy::Start => " at the run's start".to_owned(),
        ChangedBy::Operator { reason } if reason.is_empty() => " by the operator".to_owned(),
        ChangedBy::Operator { reason } => format!(" by the operator ({reason})"),
    };
    match &event.kind {
        PolicyEventKind::Frozen { window: Some(window), baseline: Some(baseline) } => format!(
            "frozen{by}: the average reward of the last trades was {:.3}, that of the baseline {:.3}",
            window.to_f64(),
            baseline.to_f64()
        ),
        PolicyEventKind::Frozen { .. } => format!("frozen{by}"),
        PolicyEventKind::Thawed => format!("thawed{by}"),
        PolicyEventKind::RolledBack { snapshot, average: Some(average) } => {
            format!("rolled back{by} to {snapshot}: the batch's average reward was {:.3}", average.to_f64())
        }
        PolicyEventKind::RolledBack { snapshot, average: None } => format!("rolled back{by} to {snapshot}"),
        PolicyEventKind::Imported { digest, .. } => {
            format!("replaced{by} by the policy {}", digest.get(..16).unwrap_or(digest))
        }
    }
}
