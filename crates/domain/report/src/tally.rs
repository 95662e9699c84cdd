//! Records in, figures out.

use std::collections::BTreeMap;

use alavanca_engine::{DecisionRecord, LearnSkip, LearnedRecord, PolicyEventKind, Record, TradeRecord};
use alavanca_kernel::{Action, CostTimeline, Instrument, Layer, LayerMask, Money, Regime};
use alavanca_scalp::{ScalpEvent, ScalpEventKind};
use alavanca_stats::sharpe_per_day;

use crate::cost_split::CostSplit;
use crate::regimes::RegimeTally;
use crate::summary::{ExtrasSummary, LearningSummary, OrdersSummary, ScalpSummary, Summary};

/// Counts records as they come.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    net: Money,
    gross: Money,
    costs: Money,
    trades: u64,
    wins: u64,
    won: Money,
    lost: Money,
    peak: Money,
    max_drawdown: Money,
    days: Vec<f64>,
    decisions: [[u64; Action::COUNT]; Regime::COUNT],
    blocked: BTreeMap<&'static str, u64>,
    exits: BTreeMap<&'static str, u64>,
    risk: BTreeMap<&'static str, u64>,
    extras: ExtrasSummary,
    scalps: ScalpSummary,
    scalps_closed: u64,
    scalp_seconds: u64,
    learning: LearningSummary,
    rewards: u64,
    reward_micros: u64,
    last_batch: Option<u64>,
    orders: OrdersSummary,
    regimes: RegimeTally,
    split: Option<CostSplit>,
}

impl Tally {
    /// One that tells the costs of this one instrument apart, by its tariff.
    pub fn of(instrument: Instrument, tariff: CostTimeline) -> Self {
        Self { split: Some(CostSplit::new(instrument, tariff)), ..Self::default() }
    }

    /// Counts one record.
    pub fn observe(&mut self, record: &Record) {
        match record {
            Record::Decision(decision) => self.decision(decision),
            Record::Blocked(blocked) => *self.blocked.entry(blocked.cause.as_str()).or_default() += 1,
            Record::Order(_) => self.orders.sent += 1,
            Record::OrderEnded(end) if end.rejected.is_some() => self.orders.rejected += 1,
            Record::OrderEnded(_) => self.orders.canceled += 1,
            Record::Fill(fill) => {
                self.orders.fills += 1;
                if let Some(split) = &mut self.split {
                    split.fill(fill);
                }
            }
            Record::Scalp(event) => self.scalp(event),
            Record::Trade(trade) => {
                self.trade(trade);
                self.regimes.trade(trade);
            }
            Record::Regime(change) => self.regimes.change(change),
            Record::Learned(learned) => self.learned(learned),
            Record::Snapshot(_) => self.learning.snapshots += 1,
            Record::Policy(event) => match event.kind {
                PolicyEventKind::Frozen { .. } => self.learning.freezes += 1,
                PolicyEventKind::Thawed => self.learning.thaws += 1,
                PolicyEventKind::RolledBack { .. } => self.learning.rollbacks += 1,
                PolicyEventKind::Imported { .. } => {}
            },
            Record::Risk(change) => *self.risk.entry(change.cause.as_str()).or_default() += 1,
            Record::Day(day) => self.days.push(day.net.to_f64()),
            Record::Allocation(_)
            | Record::Leg(_)
            | Record::SnapshotPruned(_)
            | Record::PolicyTable(_)
            | Record::Checkpoint(_) => {}
        }
    }

    fn decision(&mut self, decision: &DecisionRecord) {
        self.decisions[decision.state.regime.index()][decision.action.index()] += 1;
        let extras = &mut self.extras;
        extras.taken += u64::from(!decision.extra.is_zero());
        if decision.allocation.extra.is_zero() {
            extras.refused += 1;
            *extras.refused_by_reason.entry(decision.allocation.reason()).or_default() += 1;
        } else {
            extras.granted += 1;
        }
        if decision.allocation.layers != LayerMask::ALL {
            for layer in Layer::ALL.into_iter().filter(|layer| !decision.allocation.layers.passed(*layer)) {
                *extras.failed_by_layer.entry(layer.as_str()).or_default() += 1;
            }
        }
    }

    fn scalp(&mut self, event: &ScalpEvent) {
        match event.kind {
            ScalpEventKind::Opened => self.scalps.opened += 1,
            ScalpEventKind::Protected => *self.scalps.ends.entry(event.kind.as_str()).or_default() += 1,
            kind => {
                *self.scalps.ends.entry(kind.as_str()).or_default() += 1;
                self.scalp_seconds += u64::from(event.hold_seconds);
                self.scalps.unresolved += u64::from(event.unresolved);
                if kind.is_close() {
                    self.scalps_closed += 1;
                    self.scalps.net += event.net;
                    self.scalps.wins += u64::from(event.net.is_positive());
                }
            }
        }
    }

    fn trade(&mut self, trade: &TradeRecord) {
        let net = trade.outcome.net;
        self.trades += 1;
        self.net += net;
        self.gross += trade.gross;
        self.costs += trade.costs;
        if let Some(split) = &mut self.split {
            split.trade(trade);
        }
        if net.is_positive() {
            self.wins += 1;
            self.won += net;
        } else {
            self.lost -= net;
        }
        self.peak = self.peak.max(self.net);
        self.max_drawdown = self.max_drawdown.max(self.peak - self.net);
        *self.exits.entry(trade.cause.as_str()).or_default() += 1;
    }

    fn learned(&mut self, learned: &LearnedRecord) {
        match learned.skipped {
            None => self.learning.learned += 1,
            Some(LearnSkip::Frozen) => self.learning.skipped_frozen += 1,
            Some(LearnSkip::Transition) => self.learning.skipped_transition += 1,
        }
        self.rewards += 1;
        self.reward_micros += u64::from(learned.outcome.reward.micros());
        if self.last_batch != Some(learned.batch) {
            self.last_batch = Some(learned.batch);
            self.learning.batches += 1;
        }
    }

    /// The figures so far.
    pub fn summary(&self) -> Summary {
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        let by_action =
            |counts: &[u64; Action::COUNT]| Action::ALL.map(|action| (action.as_str(), counts[action.index()]));
        let total = Action::ALL.map(|action| self.decisions.iter().map(|counts| counts[action.index()]).sum::<u64>());
        Summary {
            net: self.net,
            gross: self.gross,
            costs: self.costs,
            cost_parts: self.split.as_ref().map(CostSplit::parts),
            trades: self.trades,
            wins: self.wins,
            win_rate: share(self.wins, self.trades),
            profit_factor: self.lost.is_positive().then(|| self.won.to_f64() / self.lost.to_f64()),
            max_drawdown: self.max_drawdown,
            sharpe_per_day: sharpe_per_day(&self.days),
            days: self.days.len() as u64,
            decisions: total.iter().sum(),
            decisions_by_action: by_action(&total).into_iter().collect(),
            decisions_by_regime: Regime::ALL
                .into_iter()
                .map(|regime| (regime.as_str(), &self.decisions[regime.index()]))
                .filter(|(_, counts)| counts.iter().any(|&count| count > 0))
                .map(|(regime, counts)| (regime, by_action(counts).into_iter().collect()))
                .collect(),
            blocked: self.blocked.clone(),
            exits: self.exits.clone(),
            extras: self.extras.clone(),
            scalps: ScalpSummary {
                win_rate: share(self.scalps.wins, self.scalps_closed),
                mean_hold_seconds: share(self.scalp_seconds, self.scalp_ends()),
                ..self.scalps.clone()
            },
            learning: LearningSummary {
                mean_reward: share(self.reward_micros, self.rewards * 1_000_000),
                ..self.learning.clone()
            },
            risk: self.risk.clone(),
            orders: self.orders,
            regimes: self.regimes.summary(),
        }
    }

    fn scalp_ends(&self) -> u64 {
        let protected = self.scalps.ends.get(ScalpEventKind::Protected.as_str()).copied().unwrap_or(0);
        self.scalps.ends.values().sum::<u64>() - protected
    }
}
