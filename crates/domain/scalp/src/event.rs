//! What is recorded of scalps (semantics 23).

use std::collections::VecDeque;
use std::fmt;

use alavanca_kernel::{Contracts, ExitKind, Money, Price, Side, SymbolId, Timestamp, TradeId};
use serde::{Deserialize, Serialize};

/// What happened to a scalp: OPENED, then exactly one end. PROTECTED is about its base.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ScalpEventKind {
    /// The broker filled it.
    Opened,
    /// Ended at its target.
    TpHit,
    /// Ended at its stop.
    SlHit,
    /// Ended at its time limit.
    Timeout,
    /// Ended by the operator, risk, the session, or the end of the base.
    Forced,
    /// Ended as a scalp: from now on the base's exits rule it (`HYBRID`).
    HandedOver,
    /// The base was closed to protect the scalp's profit.
    Protected,
}

impl ScalpEventKind {
    /// The specification's spelling, as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "OPENED",
            Self::TpHit => "TP_HIT",
            Self::SlHit => "SL_HIT",
            Self::Timeout => "TIMEOUT",
            Self::Forced => "FORCED",
            Self::HandedOver => "HANDED_OVER",
            Self::Protected => "PROTECTED",
        }
    }

    /// Whether it ends a scalp.
    pub const fn is_end(self) -> bool {
        !matches!(self, Self::Opened | Self::Protected)
    }

    /// Whether it ends a scalp with its contracts closed.
    pub const fn is_close(self) -> bool {
        self.is_end() && !matches!(self, Self::HandedOver)
    }
}

impl From<ExitKind> for ScalpEventKind {
    fn from(kind: ExitKind) -> Self {
        match kind {
            ExitKind::TakeProfit => Self::TpHit,
            ExitKind::StopLoss => Self::SlHit,
            ExitKind::Timeout => Self::Timeout,
            ExitKind::Forced => Self::Forced,
        }
    }
}

impl fmt::Display for ScalpEventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One thing that happened to a scalp.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ScalpEvent {
    /// When.
    pub at: Timestamp,
    /// The instrument.
    pub symbol: SymbolId,
    /// The trade that the extra belongs to.
    pub trade: TradeId,
    /// What.
    pub kind: ScalpEventKind,
    /// The scalp's side.
    pub side: Side,
    /// The price it was filled at.
    pub entry: Price,
    /// The price it ended at; the entry for OPENED.
    pub exit: Price,
    /// How many contracts.
    pub contracts: Contracts,
    /// Result before costs; zero for OPENED, marked to market for HANDED_OVER.
    pub gross: Money,
    /// Result after the costs of both sides; zero for OPENED, whose costs stand in the end.
    pub net: Money,
    /// Whole seconds since the first fill.
    pub hold_seconds: u32,
    /// A bar could not say what happened first (semantics 21).
    pub unresolved: bool,
}

/// Figures over all scalps since the start.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct ScalpStats {
    /// Scalps that ended, handed over or closed.
    pub total_scalps: u64,
    /// Closed with a net result above zero.
    pub wins: u64,
    /// Closed with a net result of zero or below.
    pub losses: u64,
    /// Ended at the target.
    pub take_profits: u64,
    /// Ended at the stop.
    pub stop_losses: u64,
    /// Ended at the time limit.
    pub timeouts: u64,
    /// Ended by force.
    pub forced: u64,
    /// Handed over to the base's exits; neither won nor lost.
    pub handed_over: u64,
    /// Bases closed to protect a profit.
    pub protected: u64,
    /// Ends that a bar could not resolve (semantics 21).
    pub unresolved: u64,
    /// Wins of all that closed, 0 to 1; 0 before the first.
    pub winrate: f64,
    /// Seconds held on average by all that ended; 0 before the first.
    pub avg_hold_seconds: f64,
    /// Net result of all that closed.
    pub total_pnl: Money,
}

/// The latest events and the figures over all of them.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    latest: VecDeque<ScalpEvent>,
    counts: ScalpStats,
    held_seconds: u64,
}

impl Log {
    pub(crate) const KEPT: usize = 1024;

    pub(crate) fn new() -> Self {
        Self { latest: VecDeque::with_capacity(Self::KEPT), counts: ScalpStats::default(), held_seconds: 0 }
    }

    pub(crate) fn push(&mut self, event: ScalpEvent) -> ScalpEvent {
        if self.latest.len() == Self::KEPT {
            self.latest.pop_front();
        }
        self.latest.push_back(event);
        let counts = &mut self.counts;
        match event.kind {
            ScalpEventKind::Opened => {}
            ScalpEventKind::TpHit => counts.take_profits += 1,
            ScalpEventKind::SlHit => counts.stop_losses += 1,
            ScalpEventKind::Timeout => counts.timeouts += 1,
            ScalpEventKind::Forced => counts.forced += 1,
            ScalpEventKind::HandedOver => counts.handed_over += 1,
            ScalpEventKind::Protected => counts.protected += 1,
        }
        if event.kind.is_end() {
            counts.total_scalps += 1;
            counts.unresolved += u64::from(event.unresolved);
            self.held_seconds += u64::from(event.hold_seconds);
        }
        if event.kind.is_close() {
            counts.wins += u64::from(event.net.is_positive());
            counts.losses += u64::from(!event.net.is_positive());
            counts.total_pnl += event.net;
        }
        event
    }

    pub(crate) fn latest(
        &self,
        symbol: Option<SymbolId>,
        kind: Option<ScalpEventKind>,
        limit: usize,
    ) -> impl Iterator<Item = &ScalpEvent> {
        let wanted = move |event: &&ScalpEvent| {
            symbol.is_none_or(|symbol| event.symbol == symbol) && kind.is_none_or(|kind| event.kind == kind)
        };
        let found = self.latest.iter().filter(wanted).count();
        self.latest.iter().filter(wanted).skip(found.saturating_sub(limit))
    }

    pub(crate) fn stats(&self) -> ScalpStats {
        let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        let counts = self.counts;
        ScalpStats {
            winrate: share(counts.wins, counts.wins + counts.losses),
            avg_hold_seconds: share(self.held_seconds, counts.total_scalps),
            ..counts
        }
    }
}
