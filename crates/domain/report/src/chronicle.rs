//! What charts and lists are drawn from.

use std::collections::BTreeMap;

use alavanca_engine::{DayRecord, LearnedRecord, PolicyEvent, Record, RegimeRecord, TradeRecord};
use alavanca_kernel::{Action, LegRole, Money, Regime, Timestamp};
use alavanca_risk::RiskChange;
use alavanca_scalp::{ScalpEvent, ScalpEventKind};

use crate::curve::Curve;
use crate::posterior::{Posteriors, Prior};
use crate::reliability::Reliability;

/// Keeps what a report shows of the records, in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct Chronicle {
    curve: Curve,
    days: Vec<DayRecord>,
    trades: Vec<TradeRecord>,
    scalps: Vec<ScalpEvent>,
    holds: ScalpHolds,
    commissions: [Money; 2],
    results: [[ResultCell; Action::COUNT]; Regime::COUNT],
    hours: [ResultCell; 24],
    posteriors: Posteriors,
    batches: Vec<Batch>,
    policy_events: Vec<PolicyEvent>,
    risk: Vec<RiskChange>,
    regimes: Vec<RegimeRecord>,
    reliability: Reliability,
}

/// Trades that have something in common.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ResultCell {
    /// How many.
    pub trades: u64,
    /// Those with a net result above zero.
    pub wins: u64,
    /// Their net result.
    pub net: Money,
}

impl ResultCell {
    fn take(&mut self, net: Money) {
        self.trades += 1;
        self.wins += u64::from(net.is_positive());
        self.net += net;
    }
}

/// How long scalps were held: of each length in whole seconds, how many ended in each way.
pub type ScalpHolds = BTreeMap<u32, BTreeMap<ScalpEventKind, u64>>;

/// Trades that the policy heard of at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// Its number.
    pub batch: u64,
    /// When.
    pub at: Timestamp,
    /// How many trades.
    pub trades: u32,
    /// How many of them moved the policy.
    pub applied: u32,
    /// Sum of their rewards, in millionths.
    pub reward_micros: u64,
}

impl Chronicle {
    /// Nothing happened yet, and the policy is at this prior.
    pub fn new(prior: Prior) -> Self {
        Self {
            curve: Curve::default(),
            days: Vec::new(),
            trades: Vec::new(),
            scalps: Vec::new(),
            holds: ScalpHolds::new(),
            commissions: [Money::ZERO; 2],
            results: [[ResultCell::default(); Action::COUNT]; Regime::COUNT],
            hours: [ResultCell::default(); 24],
            posteriors: Posteriors::new(prior),
            batches: Vec::new(),
            policy_events: Vec::new(),
            risk: Vec::new(),
            regimes: Vec::new(),
            reliability: Reliability::default(),
        }
    }

    /// Takes one record.
    pub fn observe(&mut self, record: &Record) {
        self.reliability.observe(record);
        match record {
            Record::Trade(trade) => self.trade(trade),
            Record::Scalp(event) => self.scalp(event),
            Record::Fill(fill) => self.commissions[place(fill.leg.role)] += fill.commission,
            Record::Learned(learned) => self.learned(learned),
            Record::PolicyTable(table) => self.posteriors.table(table),
            Record::Policy(event) => self.policy_events.push(event.clone()),
            Record::Risk(change) => self.risk.push(*change),
            Record::Day(day) => self.days.push(*day),
            Record::Regime(change) => self.regimes.push(*change),
            Record::Allocation(_)
            | Record::Blocked(_)
            | Record::Decision(_)
            | Record::Order(_)
            | Record::OrderEnded(_)
            | Record::Leg(_)
            | Record::Snapshot(_)
            | Record::SnapshotPruned(_)
            | Record::Checkpoint(_) => {}
        }
    }

    fn trade(&mut self, trade: &TradeRecord) {
        let outcome = &trade.outcome;
        self.curve.push(outcome.closed_at, outcome.net);
        self.results[outcome.state.regime.index()][outcome.action.index()].take(outcome.net);
        self.hours[usize::from(outcome.state.hour.get())].take(outcome.net);
        self.trades.push(*trade);
    }

    fn scalp(&mut self, event: &ScalpEvent) {
        if event.kind.is_end() {
            *self.holds.entry(event.hold_seconds).or_default().entry(event.kind).or_default() += 1;
            self.scalps.push(*event);
        }
    }

    fn learned(&mut self, learned: &LearnedRecord) {
        self.posteriors.learned(learned);
        if self.batches.last().is_none_or(|last| last.batch != learned.batch) {
            let batch = Batch { batch: learned.batch, at: learned.at, trades: 0, applied: 0, reward_micros: 0 };
            self.batches.push(batch);
        }
        if let Some(batch) = self.batches.last_mut() {
            batch.trades += 1;
            batch.applied += u32::from(learned.applied);
            batch.reward_micros += u64::from(learned.outcome.reward.micros());
        }
    }

    /// The realised result over time.
    pub fn curve(&self) -> &Curve {
        &self.curve
    }

    /// Trading days that ended.
    pub fn days(&self) -> &[DayRecord] {
        &self.days
    }

    /// Changes of the regime and of its transition flag.
    pub fn regimes(&self) -> &[RegimeRecord] {
        &self.regimes
    }

    /// Trades that ended.
    pub fn trades(&self) -> &[TradeRecord] {
        &self.trades
    }

    /// Scalps' ends.
    pub fn scalps(&self) -> &[ScalpEvent] {
        &self.scalps
    }

    /// How long scalps were held.
    pub fn holds(&self) -> &ScalpHolds {
        &self.holds
    }

    /// Commission of all fills of one kind of leg.
    pub fn commission(&self, role: LegRole) -> Money {
        self.commissions[place(role)]
    }

    /// Results of trades by regime and action at entry, those that there were.
    pub fn results(&self) -> impl Iterator<Item = (Regime, Action, ResultCell)> + '_ {
        let each = |regime: Regime| Action::ALL.map(|action| (regime, action, self.result(regime, action)));
        Regime::ALL.into_iter().flat_map(each).filter(|(_, _, cell)| cell.trades > 0)
    }

    fn result(&self, regime: Regime, action: Action) -> ResultCell {
        self.results[regime.index()][action.index()]
    }

    /// Results of trades by the hour of entry in the trading zone.
    pub fn hours(&self) -> &[ResultCell; 24] {
        &self.hours
    }

    /// What the policy believes now.
    pub fn posteriors(&self) -> &Posteriors {
        &self.posteriors
    }

    /// The same, with another chronicle's belief: that of the policy's whole past, beside a part of the records.
    pub fn believing(self, other: &Self) -> Self {
        Self { posteriors: other.posteriors.clone(), ..self }
    }

    /// What the policy heard, batch by batch.
    pub fn batches(&self) -> &[Batch] {
        &self.batches
    }

    /// Freezes, thaws, rollbacks.
    pub fn policy_events(&self) -> &[PolicyEvent] {
        &self.policy_events
    }

    /// What confidence claimed and what came.
    pub const fn reliability(&self) -> &Reliability {
        &self.reliability
    }

    /// Changes of the risk state.
    pub fn risk(&self) -> &[RiskChange] {
        &self.risk
    }
}

const fn place(role: LegRole) -> usize {
    match role {
        LegRole::Base => 0,
        LegRole::Extra => 1,
    }
}
