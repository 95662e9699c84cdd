//! An order on its way.

use std::collections::BTreeMap;

use alavanca_kernel::{
    Contracts, LegId, OrderId, OrderIntent, OrderReport, OrderRequest, Price, RejectReason, Side, SymbolId, Timestamp,
};

use crate::wire::{Id, OrderSubmit};

/// All orders there ever were; those that are on their way apart, since they are looked at with each tick.
#[derive(Debug, Clone, Default)]
pub(super) struct Orders {
    live: BTreeMap<OrderId, Order>,
    ended: BTreeMap<OrderId, Order>,
}

impl Orders {
    /// Those that have not ended, by number.
    pub(super) fn values(&self) -> impl Iterator<Item = &Order> {
        self.live.values()
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut Order> {
        self.live.values_mut()
    }

    /// Those that have ended, too.
    pub(super) fn all(&self) -> impl Iterator<Item = &Order> {
        self.live.values().chain(self.ended.values())
    }

    pub(super) fn get(&self, id: OrderId) -> Option<&Order> {
        self.live.get(&id).or_else(|| self.ended.get(&id))
    }

    pub(super) fn get_mut(&mut self, id: OrderId) -> Option<&mut Order> {
        self.live.get_mut(&id).or_else(|| self.ended.get_mut(&id))
    }

    pub(super) fn contains_key(&self, id: OrderId) -> bool {
        self.get(id).is_some()
    }

    pub(super) fn insert(&mut self, id: OrderId, order: Order) {
        let place = if order.has_ended() { &mut self.ended } else { &mut self.live };
        place.insert(id, order);
    }

    /// An order has ended.
    pub(super) fn retire(&mut self, id: OrderId) {
        if let Some(order) = self.live.remove(&id) {
            self.ended.insert(id, order);
        }
    }
}

/// One order, the engine's or the desk's own.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) id: OrderId,
    pub(super) symbol: SymbolId,
    pub(super) purpose: Purpose,
    pub(super) side: Side,
    /// What it wants, in 10⁻⁸ lots: for a close clipped to its leg.
    pub(super) lots: i64,
    /// What its deals filled.
    pub(super) filled: i64,
    /// What it wants in contracts, and what the engine was told of them.
    pub(super) wanted: Contracts,
    pub(super) told: Contracts,
    pub(super) stage: Stage,
    /// The engine's request; `None` for the desk's own.
    pub(super) request: Option<OrderRequest>,
    /// What was sent.
    pub(super) sent: Option<Box<OrderSubmit>>,
    /// Its ticket at the broker, where it is known.
    pub(super) ticket: Id,
    /// The terminal's word on how much was filled, where it ended the order.
    pub(super) final_lots: Option<i64>,
    /// The middle of the book when it was sent.
    pub(super) reference: Option<Price>,
    /// Its rest is to be taken back.
    pub(super) take_back: bool,
    /// When that was last asked for.
    pub(super) take_back_asked: Option<u64>,
    /// When it was submitted to the desk.
    pub(super) since: u64,
}

/// What an order is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The engine opens a leg.
    Open(LegId),
    /// The engine closes a leg.
    Close(LegId),
    /// The desk closes a leg where an exit was touched that does not rest at the broker.
    Exit(LegId, alavanca_kernel::ExitKind),
    /// The desk closes the position, on hedging accounts the one of that identifier.
    Flatten(Id),
}

/// How far it is. Times are of the real clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It has not left: what has to come before it has not happened.
    Queued,
    /// It was handed over.
    Sent { at: u64 },
    /// It is in the bridge's journal.
    Accepted { at: u64 },
    /// It rests with the broker, with what is not filled.
    Working { at: u64 },
    /// The terminal said how much was filled; its deals are not all here.
    Answered { at: u64 },
    /// It is not known what became of it.
    Unknown { absent_since: Option<u64>, readings: u32, answered: bool },
    /// Nothing more will come of it.
    Ended,
}

impl Purpose {
    pub(super) fn of(request: &OrderRequest) -> Self {
        match request.intent {
            OrderIntent::Open => Self::Open(request.leg),
            OrderIntent::Close => Self::Close(request.leg),
        }
    }

    pub(super) fn leg(self) -> Option<LegId> {
        match self {
            Self::Open(leg) | Self::Close(leg) | Self::Exit(leg, _) => Some(leg),
            Self::Flatten(_) => None,
        }
    }

    pub(super) fn opens(self) -> bool {
        matches!(self, Self::Open(_))
    }
}

impl Order {
    pub(super) fn new(id: OrderId, symbol: SymbolId, purpose: Purpose, side: Side, lots: i64, since: u64) -> Self {
        Self {
            id,
            symbol,
            purpose,
            side,
            lots,
            filled: 0,
            wanted: Contracts::ZERO,
            told: Contracts::ZERO,
            stage: Stage::Queued,
            request: None,
            sent: None,
            ticket: Id::NONE,
            final_lots: None,
            reference: None,
            take_back: false,
            take_back_asked: None,
            since,
        }
    }

    /// Whether it may be with the broker, or come there.
    pub(super) fn is_out(&self) -> bool {
        !matches!(self.stage, Stage::Queued | Stage::Ended)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.stage == Stage::Ended
    }

    pub(super) fn is_unknown(&self) -> bool {
        matches!(self.stage, Stage::Unknown { .. })
    }

    /// Lots that it may still fill.
    pub(super) fn rest(&self) -> i64 {
        (self.lots - self.filled).max(0)
    }

    /// How the engine hears that it ended: refused, or, where something was filled, with a rest.
    pub(super) fn end_report(&self, reason: Option<RejectReason>, at: Timestamp) -> Option<OrderReport> {
        let request = self.request.as_ref()?;
        let unfilled = self.wanted.saturating_sub(self.told);
        match reason {
            Some(reason) if self.told.is_zero() => Some(request.rejected(reason, at)),
            _ if unfilled.is_zero() => None,
            _ => {
                let OrderRequest { id, symbol, leg, intent, .. } = *request;
                Some(OrderReport::Canceled { order: id, symbol, leg, intent, unfilled, at })
            }
        }
    }
}
