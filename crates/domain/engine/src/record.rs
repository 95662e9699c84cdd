//! What the engine records: everything that is stored, and everything a report is made of.

use alavanca_calendar::NoEntry;
use alavanca_execution::CloseCause;
use alavanca_kernel::{
    Action, ActionSet, Allocation, Contracts, DecisionId, FillReport, LayerOutcome, LegId, LegRole, MarketContext,
    Money, OrderId, OrderIntent, OrderRequest, Price, Regime, RejectReason, Reward, Side, Signal, StateKey, SymbolId,
    Timestamp, TradeId, TradeOutcome, TradingDay,
};
use alavanca_liquidity::Zone;
use alavanca_risk::{EntryRefusal, RiskChange};
use alavanca_rl::{Arm, PolicyTable};
use alavanca_scalp::ScalpEvent;
use alavanca_signals::{Votes, Weights};
use alavanca_updater::PolicySnapshot;
use serde::{Deserialize, Serialize};

use crate::checkpoint::Checkpoint;
use crate::regimes::RegimeRecord;

/// One thing to store. The order of records is the order of events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// An allocation that no decision followed: one a bar, where every bar is recorded.
    Allocation(AllocationRecord),
    /// A signal that was stopped before the gate (semantics 12).
    Blocked(Box<BlockedRecord>),
    /// The gate's answer to a signal.
    Decision(Box<DecisionRecord>),
    /// The intent to send an order; durable before it is sent.
    Order(OrderRequest),
    /// An order's end without (all of) its fill.
    OrderEnded(OrderEnd),
    /// A fill.
    Fill(FillReport),
    /// A leg as it now is.
    Leg(LegRecord),
    /// What happened to a scalp.
    Scalp(ScalpEvent),
    /// A trade ended with all its legs.
    Trade(Box<TradeRecord>),
    /// The policy heard of a trade.
    Learned(Box<LearnedRecord>),
    /// A snapshot of a regime's policy was taken.
    Snapshot(Box<PolicySnapshot>),
    /// A snapshot is no longer kept.
    SnapshotPruned(String),
    /// A regime was frozen, thawed, rolled back or imported.
    Policy(PolicyEvent),
    /// A regime's served policy, whole, after a rollback or an import: replaces every row of the regime.
    PolicyTable(Box<PolicyTable>),
    /// The risk state changed.
    Risk(RiskChange),
    /// The regime or its transition flag changed.
    Regime(RegimeRecord),
    /// A trading day ended.
    Day(DayRecord),
    /// Everything a restarted engine needs that no other record holds. Replaces the one before.
    Checkpoint(Box<Checkpoint>),
}

/// An allocation without a decision.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AllocationRecord {
    /// What was known.
    pub context: MarketContext,
    /// What it gave.
    pub allocation: Allocation,
}

/// Why a signal never reached the gate. Nothing was sampled.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum BlockCause {
    /// Brains, regime or history are not warmed up.
    WarmingUp,
    /// The session does not take entries now.
    Session,
    /// The calendar or one of the operator's filters of time says no, with its numbers.
    Filter {
        /// Why.
        filter: NoEntry,
    },
    /// After a won scalp the symbol rests.
    Cooldown {
        /// Until then.
        until: Timestamp,
    },
    /// Risk says no, with its numbers.
    Risk {
        /// Why.
        refusal: EntryRefusal,
    },
    /// There is no money for a contract; the allocation says why.
    Capital,
    /// The market is not tradable: a crossed or one-sided book.
    NotTradable,
}

impl BlockCause {
    /// What a market's calendar refuses: its hours are the session, all else has a reason of its own.
    pub(crate) const fn of_calendar(filter: NoEntry) -> Self {
        match filter {
            NoEntry::Closed | NoEntry::Hours => Self::Session,
            _ => Self::Filter { filter },
        }
    }

    /// The stored reason.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::WarmingUp => "warming_up",
            Self::Session => "session",
            Self::Filter { filter } => filter.as_str(),
            Self::Cooldown { .. } => "cooldown",
            Self::Risk { refusal } => refusal.as_str(),
            Self::Capital => "capital",
            Self::NotTradable => "not_tradable",
        }
    }
}

impl std::fmt::Display for BlockCause {
    /// A sentence for the operator, with the numbers; that of the capital stands in the allocation.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::WarmingUp => f.write_str("brains, regime or history were not warmed up yet"),
            Self::Session => f.write_str("the session takes no entries at this hour"),
            Self::Filter { filter } => filter.fmt(f),
            Self::Cooldown { until } => write!(f, "the symbol rests after a won scalp, until {until}"),
            Self::Risk { refusal } => refusal.fmt(f),
            Self::Capital => f.write_str("there was no money for a contract"),
            Self::NotTradable => f.write_str("the quote could not be traded on: one side was missing, or they crossed"),
        }
    }
}

/// A signal that was stopped before the gate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BlockedRecord {
    /// What was known.
    pub context: MarketContext,
    /// The signal.
    pub signal: Signal,
    /// Why it went no further.
    pub cause: BlockCause,
    /// The allocation, where it came so far.
    pub allocation: Option<Allocation>,
}

/// Who chose the action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chooser {
    /// The policy sampled it.
    Policy,
    /// The regime is frozen and the fallback chose.
    FreezeFallback,
    /// The policy is off: every signal is taken (semantics 17).
    PolicyOff,
}

/// The gate's answer to a signal, with all that is needed to explain it and to derive its probability.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// Its id.
    pub id: DecisionId,
    /// What was known.
    pub context: MarketContext,
    /// The price at which it was decided: the bar's close or the tick's mark.
    pub price: Price,
    /// What the boss wanted.
    pub signal: Signal,
    /// What capital allowed.
    pub allocation: Allocation,
    /// Each layer's input, threshold and outcome.
    pub layers: [LayerOutcome; 8],
    /// The policy's state.
    pub state: StateKey,
    /// Which actions could be taken.
    pub available: ActionSet,
    /// Each arm's posterior, in the order of [`Action::ALL`].
    pub arms: [Arm; Action::COUNT],
    /// The served policy's version.
    pub policy_version: u64,
    /// What was chosen, and is executed.
    pub action: Action,
    /// Who chose it.
    pub chooser: Chooser,
    /// Whether the regime was frozen.
    pub frozen: bool,
    /// Base contracts to enter with; 0 for HOLD.
    pub base: Contracts,
    /// Extra contracts to enter with.
    pub extra: Contracts,
    /// The trade it begins; `None` for HOLD.
    pub trade: Option<TradeId>,
    /// Where every brain stood at that bar or tick; of no brain where it was not recorded. A reversal's signal is of an
    /// earlier bar than its votes.
    #[serde(default)]
    pub votes: Votes,
    /// How much each of them counted.
    #[serde(default = "Weights::none")]
    pub weights: Weights,
    /// The nearest zones to the price: at or below it, and above it.
    #[serde(default)]
    pub zones: [Option<Zone>; 2],
}

/// An order that ended unfilled, or with a rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderEnd {
    /// The order.
    pub order: OrderId,
    /// The instrument.
    pub symbol: SymbolId,
    /// The leg it was for.
    pub leg: LegId,
    /// Opens or closes.
    pub intent: OrderIntent,
    /// The broker's reason; `None` where it was canceled.
    pub rejected: Option<RejectReason>,
    /// How many stayed unfilled; `None` where all of it.
    pub unfilled: Option<Contracts>,
    /// When.
    pub at: Timestamp,
}

/// A leg as it is after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegRecord {
    /// The leg.
    pub leg: LegId,
    /// The instrument.
    pub symbol: SymbolId,
    /// Its side.
    pub side: Side,
    /// How many are open.
    pub open: Contracts,
    /// How many were entered.
    pub entered: Contracts,
    /// Average entry price.
    pub entry: Price,
    /// Its stop, where there is one.
    pub stop_loss: Option<Price>,
    /// Its target, where there is one.
    pub take_profit: Option<Price>,
    /// When it was first filled.
    pub opened_at: Timestamp,
    /// When its last contract was closed.
    pub closed_at: Option<Timestamp>,
    /// How it ended.
    pub cause: Option<CloseCause>,
    /// Result before costs, so far.
    pub gross: Money,
    /// Commission, spread and slippage, so far.
    pub costs: Money,
}

/// A trade that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradeRecord {
    /// What the policy will hear.
    pub outcome: TradeOutcome,
    /// The decision it began with.
    pub decision: DecisionId,
    /// Its side.
    pub side: Side,
    /// Base contracts entered.
    pub base: Contracts,
    /// Extra contracts entered.
    pub extra: Contracts,
    /// Average entry price of the base.
    pub entry: Price,
    /// Average exit price of the base.
    pub exit: Price,
    /// How the base ended.
    pub cause: CloseCause,
    /// Result before costs, over all legs.
    pub gross: Money,
    /// Costs, over all legs.
    pub costs: Money,
    /// Net result of the extra alone.
    pub extra_net: Money,
    /// The trading day it closed on.
    pub day: TradingDay,
}

/// What the policy made of a trade.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LearnedRecord {
    /// The batch it came in.
    pub batch: u64,
    /// The trade.
    pub outcome: TradeOutcome,
    /// Whether parameters moved.
    pub applied: bool,
    /// Why not, where they did not.
    pub skipped: Option<LearnSkip>,
    /// The arm afterwards.
    pub arm: Arm,
    /// The served policy's version afterwards.
    pub policy_version: u64,
    /// When the batch was applied.
    pub at: Timestamp,
}

/// Why a trade was logged and not learned from (semantics 26).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LearnSkip {
    /// The regime is frozen.
    Frozen,
    /// It was entered during a transition.
    Transition,
}

/// A change of the served policy other than learning, in the one ordered log (semantics 29).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyEvent {
    /// The regime.
    pub regime: Regime,
    /// What happened.
    pub kind: PolicyEventKind,
    /// Who brought it about.
    #[serde(default)]
    pub by: ChangedBy,
    /// The served policy's version afterwards.
    pub policy_version: u64,
    /// When.
    pub at: Timestamp,
}

/// What happened to a regime's policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PolicyEventKind {
    /// It stopped learning.
    Frozen {
        /// Average reward of the window; `None` where the operator froze it.
        window: Option<Reward>,
        /// Average reward of the baseline.
        baseline: Option<Reward>,
    },
    /// It learns again.
    Thawed,
    /// It went back to a snapshot. The table that it went back to is recorded next.
    RolledBack {
        /// The snapshot's id.
        snapshot: String,
        /// The batch's average reward; `None` where the operator rolled back.
        average: Option<Reward>,
    },
    /// It was replaced by an exported policy's. The table is recorded next, and a new epoch begins: the regime's
    /// baseline starts anew (semantics 29 and 30).
    Imported {
        /// Digest of the export's content.
        digest: String,
        /// The run that the export was made from, where it says so.
        run_id: Option<String>,
    },
}

/// Who changed the served policy.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangedBy {
    /// The engine, by its own rules.
    #[default]
    Engine,
    /// The run was begun with it.
    Start,
    /// The operator.
    Operator {
        /// Why, in the operator's words; may be empty.
        reason: String,
    },
}

impl ChangedBy {
    /// Whether it was the operator.
    pub const fn is_operator(&self) -> bool {
        matches!(self, Self::Operator { .. })
    }
}

/// A trading day's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayRecord {
    /// The day.
    pub day: TradingDay,
    /// Realised net result of the day.
    pub net: Money,
    /// Equity at the last event of the day; `None` where it was never read.
    pub equity: Option<Money>,
}

/// For readers of records: which leg role a leg record speaks of.
impl LegRecord {
    /// Base or extra.
    pub fn role(&self) -> LegRole {
        self.leg.role
    }

    /// Net result so far.
    pub fn net(&self) -> Money {
        self.gross - self.costs
    }
}
