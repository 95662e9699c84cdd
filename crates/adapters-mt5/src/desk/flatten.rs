//! Closing everything of a symbol, by position as read, until a reading shows that nothing is there.

use alavanca_kernel::{OrderId, RejectReason, SymbolId};

use super::order::{Order, Purpose, Stage};
use super::told::{FlattenReason, Told};
use super::{Desk, Now, OWN_ORDERS};
use crate::link::Say;
use crate::wire::{FromEngine, Id, OrderCancel, Position};

/// The market is closed: nothing can be done before it opens.
pub(super) const MARKET_CLOSED: u32 = 10_018;
/// Own orders that a session may make.
const OWN_IN_SESSION: u64 = 1 << 12;
const EPOCHS: u64 = 1 << 19;

/// A symbol on its way to flat.
#[derive(Debug, Clone)]
pub(super) struct Flatten {
    /// The one position that is meant, by identifier; all of the symbol without.
    only: Id,
    why: FlattenReason,
    /// When to try again.
    next: u64,
    waits_for: Option<OrderId>,
}

impl Desk {
    /// Closes everything on these symbols, whoever opened it, and takes back what rests there. [`Told::Flat`] says when
    /// a reading has shown that nothing is left. Until then they take no entries.
    pub fn flatten(&mut self, symbols: &[SymbolId], now: Now) {
        self.at(now);
        for &symbol in symbols {
            if symbol.index() < self.markets.len() {
                self.start_flatten(symbol, Id::NONE, FlattenReason::Operator);
            }
        }
        self.settle();
    }

    /// Whether a symbol is being closed.
    pub fn is_flattening(&self, symbol: SymbolId) -> bool {
        self.markets.get(symbol.index()).is_some_and(|market| market.flatten.is_some())
    }

    pub(super) fn start_flatten(&mut self, symbol: SymbolId, only: Id, why: FlattenReason) {
        let next = self.now.ms;
        let market = &mut self.markets[symbol.index()];
        match &mut market.flatten {
            Some(flatten) if flatten.only == only && flatten.why == why => return,
            Some(flatten) => {
                // Two positions, or all: all.
                if flatten.only != only {
                    flatten.only = Id::NONE;
                }
                flatten.why = why;
            }
            None => market.flatten = Some(Flatten { only, why, next, waits_for: None }),
        }
        // Only what is read from now on counts.
        self.change(symbol);
        self.told.push(Told::Flattening { symbol, why });
        self.want_reading(0);
    }

    pub(super) fn watch_flatten(&mut self) {
        if !self.session.as_ref().is_some_and(|session| session.ready && session.armed) {
            return;
        }
        for index in 0..self.markets.len() {
            if self.markets[index].flatten.is_some() {
                self.go_flat(SymbolId::new(index as u16));
            }
        }
    }

    fn go_flat(&mut self, symbol: SymbolId) {
        let (now, again_ms) = (self.now.ms, self.config.care.again_ms);
        let queued: Vec<OrderId> = self
            .orders
            .values()
            .filter(|order| order.symbol == symbol && order.stage == Stage::Queued && order.purpose.opens())
            .map(|order| order.id)
            .collect();
        for id in queued {
            self.end(id, Some(RejectReason::Other), None);
        }
        let mut out = None;
        for order in self.orders.values_mut().filter(|order| order.symbol == symbol && order.is_out()) {
            order.take_back |= order.purpose.opens() || matches!(order.stage, Stage::Working { .. });
            // One in doubt is the one to tell of.
            if out.is_none() || order.is_unknown() {
                out = Some((order.id, order.is_unknown()));
            }
        }
        let market = &mut self.markets[symbol.index()];
        let Some(flatten) = &mut market.flatten else { return };
        if let Some((order, unknown)) = out {
            if unknown && flatten.waits_for.replace(order) != Some(order) {
                self.told.push(Told::FlattenWaits { symbol, order });
            }
            return;
        }
        if market.read < market.changed {
            return self.want_reading(0);
        }
        let only = flatten.only;
        let meant = |position: &Position| only == Id::NONE || position.identifier == only;
        let positions: Vec<Position> = market.positions.iter().filter(|it| meant(it)).cloned().collect();
        let resting = if only == Id::NONE { market.resting.clone() } else { Vec::new() };
        if positions.is_empty() && resting.is_empty() {
            market.flatten = None;
            self.told.push(Told::Flat { symbol });
            return;
        }
        let due = now >= flatten.next;
        if !due || self.waits_for_spec(symbol) {
            return;
        }
        if let Some(flatten) = &mut self.markets[symbol.index()].flatten {
            flatten.next = now + again_ms;
        }
        for order in resting {
            let cid = self.next_cid("c");
            let cancel = OrderCancel { order: order.ticket, magic: order.magic };
            self.said.push(Say { cid: Some(cid), message: FromEngine::OrderCancel(cancel) });
        }
        for position in positions {
            self.close_position(symbol, &position);
        }
        self.want_reading(again_ms);
    }

    fn close_position(&mut self, symbol: SymbolId, position: &Position) {
        let side = super::lots::kernel_side(position.side).opposite();
        let most = self.markets[symbol.index()].spec.as_ref().map_or(0, |spec| spec.volume_max.raw());
        let lots = if most > 0 { position.volume.raw().min(most) } else { position.volume.raw() };
        let Some(id) = self.own_order() else { return };
        let order = Order::new(id, symbol, Purpose::Flatten(position.identifier), side, lots, self.now.ms);
        self.orders.insert(id, order);
        self.send(id, lots, Some(position.ticket));
    }

    /// A number for an order of the desk's own: never one that was used, since an epoch never comes again.
    pub(super) fn own_order(&mut self) -> Option<OrderId> {
        let session = self.session.as_mut()?;
        if session.own + 1 >= OWN_IN_SESSION {
            return None;
        }
        session.own += 1;
        Some(OrderId::new(OWN_ORDERS | (session.epoch % EPOCHS) << 12 | session.own))
    }
}
