//! Keeps everything that a simulation records.

use alavanca_engine::{
    BlockedRecord, DecisionRecord, LearnedRecord, LegRecord, Notice, OrderEnd, PolicyEvent, Record, RegimeRecord,
    TradeRecord,
};
use alavanca_kernel::{FillReport, OrderRequest};
use alavanca_risk::RiskChange;
use alavanca_scalp::{ScalpEvent, ScalpEventKind};

use alavanca::simulation::Sink;

/// All records and notices, in order.
#[derive(Debug, Default, Clone)]
pub struct Recorder {
    /// Records.
    pub records: Vec<Record>,
    /// Notices.
    pub notices: Vec<Notice>,
}

impl Sink for Recorder {
    fn record(&mut self, record: Record) {
        self.records.push(record);
    }

    fn notice(&mut self, notice: Notice) {
        self.notices.push(notice);
    }
}

macro_rules! picks {
    ($($(#[$doc:meta])* $name:ident: $pattern:pat => $value:expr, $type:ty);+ $(;)?) => {
        impl Recorder {
            $($(#[$doc])*
            pub fn $name(&self) -> Vec<$type> {
                self.records.iter().filter_map(|record| match record { $pattern => Some($value), _ => None }).collect()
            })+
        }
    };
}

picks! {
    /// Every decision.
    decisions: Record::Decision(decision) => **decision, DecisionRecord;
    /// Every signal that was stopped before the gate.
    blocked: Record::Blocked(blocked) => **blocked, BlockedRecord;
    /// Every order.
    orders: Record::Order(order) => *order, OrderRequest;
    /// Every order that ended with something unfilled.
    order_ends: Record::OrderEnded(end) => *end, OrderEnd;
    /// Every fill.
    fills: Record::Fill(fill) => *fill, FillReport;
    /// Every state of every leg.
    legs: Record::Leg(leg) => *leg, LegRecord;
    /// Everything that happened to scalps.
    scalps: Record::Scalp(event) => *event, ScalpEvent;
    /// Every closed trade.
    trades: Record::Trade(trade) => **trade, TradeRecord;
    /// Everything the policy heard of.
    learned: Record::Learned(learned) => **learned, LearnedRecord;
    /// Everything that was done to the policy otherwise.
    policy: Record::Policy(event) => event.clone(), PolicyEvent;
    /// Every change of the risk state.
    risk: Record::Risk(change) => *change, RiskChange;
    /// Every change of the regime or of its transition flag.
    regimes: Record::Regime(change) => *change, RegimeRecord;
}

impl Recorder {
    /// The causes of blocked signals, in order.
    pub fn block_causes(&self) -> Vec<&'static str> {
        self.blocked().iter().map(|blocked| blocked.cause.as_str()).collect()
    }

    /// What happened to scalps, in order.
    pub fn scalp_kinds(&self) -> Vec<ScalpEventKind> {
        self.scalps().iter().map(|event| event.kind).collect()
    }
}
