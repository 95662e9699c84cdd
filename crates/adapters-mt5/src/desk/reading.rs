//! Holding the account against the books, and proving what became of orders.

use std::collections::BTreeSet;

use alavanca_kernel::{AccountMode, OrderId, RejectReason, SymbolId, Timestamp};

use super::order::Stage;
use super::told::{FlattenReason, Proof, Told};
use super::{Desk, money};
use crate::link::Say;
use crate::wire::{
    FromEngine, Id, JournalState, Order as BrokerOrder, Outcome, Position, Reconcile, ReconcileReq, Snapshot,
};

/// Where the reading of the account stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Reading {
    /// When the next one is due.
    due: Option<u64>,
    asked: Option<Asked>,
    /// When the last one was complete.
    last: Option<u64>,
    /// After one that failed: not again before.
    not_before: u64,
    /// The desk's stamp then: nothing has changed since where it still is that.
    pub(super) stamp: u64,
    /// Foreign orders that were told.
    foreign: BTreeSet<u64>,
    complete: u64,
}

#[derive(Debug, Clone)]
struct Asked {
    cid: String,
    at: u64,
    market: Timestamp,
    orders: Vec<OrderId>,
    parts: Vec<Reconcile>,
}

/// A server stamp after everything (the year 2100): for "no deals" where no leg is open and the time is not known.
const NO_DEALS: i64 = 4_102_444_800_000;
const STATE_STARTED: u32 = 0;
const STATE_PLACED: u32 = 1;
const STATE_PARTIAL: u32 = 3;
const STATES_OF_CHANGE: std::ops::RangeInclusive<u32> = 7..=9;

impl Reading {
    /// Whether one is asked for, or will be by then.
    pub(super) fn is_due(&self, by: u64) -> bool {
        self.asked.is_some() || self.due.is_some_and(|due| due <= by)
    }
}

impl Desk {
    /// Asks for a reading now. See [`readings`](Self::readings) for when it is there.
    pub fn read(&mut self) {
        self.want_reading(0);
        self.watch_reading();
    }

    /// How many readings of the account were complete.
    pub fn readings(&self) -> u64 {
        self.reading.complete
    }

    /// A reading is due after so many milliseconds.
    pub(super) fn want_reading(&mut self, after: u64) {
        let at = self.now.ms + after;
        self.reading.due = Some(self.reading.due.map_or(at, |due| due.min(at)));
    }

    /// What was asked for in a session that ended is not answered any more.
    pub(super) fn forget_reading(&mut self) {
        self.reading.asked = None;
        self.reading.due = None;
    }

    pub(super) fn watch_reading(&mut self) {
        if self.session.is_none() {
            return;
        }
        if let Some(asked) = &self.reading.asked {
            if self.now.ms < asked.at + self.config.care.reading_ms {
                return;
            }
            self.told.push(Told::NotRead("no answer".into()));
            self.reading.asked = None;
            self.want_reading(0);
        }
        if let Some(last) = self.reading.last {
            let doubt = self.orders.values().any(super::order::Order::is_unknown);
            let care = &self.config.care;
            let every = if doubt { care.doubt_every_ms } else { care.reconcile_ms };
            let next = (last + every).saturating_sub(self.now.ms);
            self.want_reading(next);
        }
        if self.reading.due.is_some_and(|due| due.max(self.reading.not_before) <= self.now.ms) {
            self.ask_reading();
        }
    }

    fn ask_reading(&mut self) {
        self.reading.due = None;
        let orders: Vec<OrderId> = self.orders.values().filter(|order| order.is_out()).map(|order| order.id).collect();
        let from = self.deals_from.or(Some(self.now.market).filter(|&now| now != Timestamp::MIN));
        let since = from.map_or(NO_DEALS, |from| {
            self.config.zone.server(from.plus_secs(-i64::from(self.config.care.history_seconds)))
        });
        let cid = self.next_cid("r");
        let magics = orders.iter().map(|&order| Id(self.magic(order))).collect();
        self.reading.asked =
            Some(Asked { cid: cid.clone(), at: self.now.ms, market: self.now.market, orders, parts: Vec::new() });
        let message = FromEngine::ReconcileReq(ReconcileReq { deals_since_server: since, orders: magics });
        self.said.push(Say { cid: Some(cid), message });
    }

    /// A part of a reading.
    pub(super) fn on_reconcile(&mut self, cid: Option<&str>, part: Reconcile) {
        let Some(asked) = self.reading.asked.as_mut().filter(|asked| Some(asked.cid.as_str()) == cid) else { return };
        let more = part.more && part.error.is_none();
        asked.parts.push(part);
        if more {
            return;
        }
        if let Some(asked) = self.reading.asked.take() {
            self.complete_reading(asked);
        }
    }

    fn complete_reading(&mut self, asked: Asked) {
        if let Some(error) = asked.parts.iter().find_map(|part| part.error.clone()) {
            self.told.push(Told::NotRead(error));
            self.reading.not_before = self.now.ms + self.config.care.again_ms;
            return self.want_reading(0);
        }
        let (mut positions, mut orders, mut deals, mut outcomes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut account = None;
        for part in asked.parts {
            positions.extend(part.snapshot.positions);
            orders.extend(part.snapshot.orders);
            deals.extend(part.snapshot.deals);
            account = Some(part.snapshot.account);
            outcomes.extend(part.outcomes);
        }
        deals.extend(outcomes.iter().flat_map(|outcome: &Outcome| outcome.deals.iter().cloned()));
        for deal in deals {
            self.take_in(deal);
        }
        if let Some(session) = self.session.as_mut() {
            session.ready = true;
        }
        self.book_waiting();
        self.show(positions, orders);
        for outcome in outcomes {
            let order = self.order_of_magic(outcome.magic).filter(|order| asked.orders.contains(order));
            if let Some(order) = order {
                self.prove(order, &outcome);
            }
        }
        for index in 0..self.markets.len() {
            self.compare(SymbolId::new(index as u16));
        }
        if let Some(account) = account {
            self.account = Some((account, self.stamp, self.now.ms));
        }
        self.reading.stamp = self.stamp;
        self.reading.last = Some(self.now.ms);
        self.reading.complete += 1;
        if asked.market != Timestamp::MIN {
            self.deals_from = Some(asked.market);
        }
        for market in &mut self.markets {
            (market.read, market.shown) = (self.stamp, self.stamp);
        }
        self.tell_lost();
    }

    /// The account as the bridge says by itself every few seconds, without deals.
    pub(super) fn on_snapshot(&mut self, snapshot: Snapshot) {
        self.account = Some((snapshot.account, self.stamp, self.now.ms));
        if !self.is_ready() {
            return;
        }
        self.show(snapshot.positions, snapshot.orders);
        for index in 0..self.markets.len() {
            let symbol = SymbolId::new(index as u16);
            self.markets[index].shown = self.stamp;
            if self.differs(symbol) {
                self.want_reading(self.config.care.follow_ms);
            }
        }
    }

    /// Everything that is open and rests, by symbol.
    fn show(&mut self, positions: Vec<Position>, orders: Vec<BrokerOrder>) {
        for market in &mut self.markets {
            let ours = |symbol: &String| *symbol == market.name;
            market.positions = positions.iter().filter(|it| ours(&it.symbol) && it.volume.raw() > 0).cloned().collect();
            market.resting = orders.iter().filter(|it| ours(&it.symbol)).cloned().collect();
        }
        for order in orders {
            let Some(symbol) = self.symbol_of(&order.symbol) else { continue };
            if self.order_of_magic(order.magic).is_none() && self.reading.foreign.insert(order.ticket.0) {
                self.told.push(Told::ForeignOrder { symbol, ticket: order.ticket.0 });
            }
        }
    }

    /// What a bridge knows of an order ends its being in doubt, or not.
    fn prove(&mut self, id: OrderId, outcome: &Outcome) {
        let Some(order) = self.orders.get(id).filter(|order| order.is_out()) else { return };
        let (stage, filled) = (order.stage, order.filled);
        let known = !outcome.orders.is_empty() || !outcome.deals.is_empty() || filled > 0;
        match outcome.journal {
            // The question left after the order, and frames that come late are passed over: it cannot come any more.
            JournalState::Absent | JournalState::NotSent if !known => {
                return self.end(id, Some(RejectReason::Other), Some(Proof::Journal));
            }
            JournalState::Answered => {
                if let Some(result) = &outcome.result {
                    self.on_order_result(id, result.clone());
                }
            }
            JournalState::Sent | JournalState::Absent | JournalState::NotSent => {
                if matches!(stage, Stage::Sent { .. } | Stage::Accepted { .. }) {
                    self.doubt(id, "the bridge has no answer");
                }
            }
        }
        self.prove_by_history(id, outcome);
    }

    fn prove_by_history(&mut self, id: OrderId, outcome: &Outcome) {
        let (now, care) = (self.now.ms, self.config.care.clone());
        let connected = self.heartbeat().is_none_or(|beat| beat.terminal_connected);
        let Some(order) = self.orders.get_mut(id).filter(|order| order.is_out()) else { return };
        if let Some(ticket) = outcome.orders.iter().map(|order| order.ticket).find(|&ticket| ticket != Id::NONE) {
            order.ticket = ticket;
        }
        if let Some(resting) = outcome.orders.iter().find(|order| rests(order)) {
            // It is there, and wants more.
            let was_unknown = order.is_unknown();
            order.ticket = resting.ticket;
            if !matches!(order.stage, Stage::Working { .. }) {
                order.stage = Stage::Working { at: now };
            }
            if was_unknown {
                self.told.push(Told::Proven { order: id, by: Proof::Order });
            }
            return;
        }
        if !outcome.orders.is_empty() {
            let done: i64 =
                outcome.orders.iter().map(|order| order.volume_initial.raw() - order.volume_current.raw()).sum();
            let dealt: i64 = outcome.deals.iter().map(|deal| deal.volume.raw()).sum();
            if order.filled >= done.max(dealt) {
                let reason = (order.filled == 0).then_some(RejectReason::Other);
                self.end(id, reason, Some(Proof::Order));
            }
            return;
        }
        if let Stage::Unknown { absent_since, readings, answered } = &mut order.stage {
            let nowhere = outcome.deals.is_empty() && order.filled == 0 && !*answered;
            if !nowhere || !connected {
                (*absent_since, *readings) = (None, 0);
                return;
            }
            let since = *absent_since.get_or_insert(now);
            *readings += 1;
            if *readings >= care.doubt_readings && now >= since + care.doubt_ms {
                self.end(id, Some(RejectReason::Other), Some(Proof::Nowhere));
            }
        }
    }

    /// From now on it is not known what became of an order.
    pub(super) fn doubt(&mut self, id: OrderId, why: &str) {
        let Some(order) = self.orders.get_mut(id).filter(|order| order.is_out() && !order.is_unknown()) else {
            return;
        };
        let answered = matches!(order.stage, Stage::Answered { .. } | Stage::Working { .. });
        order.stage = Stage::Unknown { absent_since: None, readings: 0, answered };
        self.told.push(Told::Unknown { order: id, why: why.to_owned() });
        self.want_reading(0);
    }

    /// A person knows that this order never reached the market. Whoever says so of one that did will see it twice.
    pub fn never_sent(&mut self, order: OrderId) {
        if self.orders.get(order).is_some_and(|order| order.is_unknown() && order.filled == 0) {
            self.end(order, Some(RejectReason::Other), Some(Proof::Operator));
        }
    }

    /// Whether legs and account differ, with nothing on its way that explains it.
    fn differs(&self, symbol: SymbolId) -> bool {
        if self.orders.values().any(|order| order.symbol == symbol && order.is_out()) {
            return false;
        }
        let market = &self.markets[symbol.index()];
        if market.legs_signed() != market.position_signed() {
            return true;
        }
        self.config.mode == AccountMode::Hedging && {
            let own = |position: &Position| {
                market
                    .legs
                    .iter()
                    .any(|leg| leg.position == position.identifier && leg.signed() == super::ledger::signed(position))
            };
            let open = market.legs.iter().filter(|leg| leg.open > 0);
            !market.positions.iter().all(own) || open.count() != market.positions.len()
        }
    }

    fn compare(&mut self, symbol: SymbolId) {
        let out = self.orders.values().any(|order| order.symbol == symbol && order.is_out());
        if out {
            return;
        }
        let differs = self.differs(symbol);
        let market = &mut self.markets[symbol.index()];
        if !differs {
            market.differences = 0;
            if market.told_difference.take().is_some() {
                self.told.push(Told::Agreed { symbol });
            }
            return;
        }
        market.differences += 1;
        let (legs, position) = (market.legs_signed(), market.position_signed());
        if market.differences == 1 {
            // A deal may be on its way.
            self.want_reading(self.config.care.follow_ms);
        } else if market.told_difference != Some((legs, position)) {
            market.told_difference = Some((legs, position));
            let decimal = crate::wire::Decimal::from_raw;
            self.told.push(Told::Difference { symbol, legs: decimal(legs), position: decimal(position) });
            self.close_stray(symbol);
        }
    }

    /// A position of our own orders that no leg explains and no stop protects is closed: a close that was overtaken by
    /// the server's stop has opened the other side. What others opened is theirs.
    fn close_stray(&mut self, symbol: SymbolId) {
        let market = &self.markets[symbol.index()];
        let stray = |position: &Position| {
            self.order_of_magic(position.magic).is_some() && position.sl == crate::wire::Decimal::ZERO
        };
        let no_leg = market.legs.iter().all(|leg| leg.open == 0);
        if self.config.mode == AccountMode::Netting && no_leg && market.positions.first().is_some_and(stray) {
            self.start_flatten(symbol, Id::NONE, FlattenReason::CrossedFlat);
        }
    }

    fn tell_lost(&mut self) {
        if self.reading.complete != 1 {
            return;
        }
        for market in &self.markets {
            for leg in market.legs.iter().filter(|leg| leg.lost) {
                self.told.push(Told::NotFound { leg: leg.id });
            }
        }
    }

    /// The account's equity as last read, whatever has changed since.
    pub fn equity_last_read(&self) -> Option<alavanca_kernel::Money> {
        self.account.as_ref().map(|(account, ..)| money(account.equity))
    }
}

/// Whether an order still wants something.
pub(super) fn rests(order: &BrokerOrder) -> bool {
    matches!(order.state, STATE_STARTED | STATE_PLACED | STATE_PARTIAL) || STATES_OF_CHANGE.contains(&order.state)
}
