//! What is sent, and when.

use alavanca_kernel::{
    AccountMode, Contracts, ExitAt, ExitKind, ExitLevels, LegId, LegRole, OrderId, OrderIntent, OrderRequest, Price,
    Protection, RejectReason, Side, SymbolId, Tick, touch_tick,
};
use alavanca_ports::BrokerError;

use super::ledger::{Leg, Market, Quote};
use super::lots::{lots_of, volume_fault, wire_side};
use super::order::{Order, Purpose, Stage};
use super::told::Told;
use super::{Desk, Now, OWN_ORDERS};
use crate::link::Say;
use crate::wire::{COMMENT_MAX, Decimal, Filling, FromEngine, Guard, Id, Intent, OrderCancel, OrderSubmit, SymbolSpec};

/// `SYMBOL_TRADE_EXECUTION_MARKET`.
const EXECUTION_MARKET: u32 = 2;
/// In a symbol's `filling_mode`.
const MAY_FOK: u32 = 1;
const MAY_IOC: u32 = 2;

/// Whether an order that waits may leave.
enum Ready {
    /// With so many lots.
    Send(i64),
    Wait,
    Refuse(RejectReason),
}

impl Desk {
    /// Takes an order whose intent is stored. What becomes of it comes as reports. The same id again does nothing.
    ///
    /// # Errors
    /// [`BrokerError::NotSent`]: it never left and never will.
    pub fn submit(&mut self, request: OrderRequest, now: Now) -> Result<(), BrokerError> {
        self.at(now);
        if self.orders.contains_key(request.id) {
            return Ok(());
        }
        if request.id.get() >= OWN_ORDERS {
            return Err(BrokerError::NotSent(format!("order numbers end before {OWN_ORDERS}")));
        }
        let taken = match request.intent {
            _ if request.symbol.index() >= self.markets.len() => Ok(Err(RejectReason::UnknownSymbol)),
            OrderIntent::Open => self.take_open(&request),
            OrderIntent::Close => self.take_close(&request),
        };
        let order = match taken {
            Err(why) => return Err(BrokerError::NotSent(why)),
            Ok(Err(reason)) => {
                let mut refused =
                    Order::new(request.id, request.symbol, Purpose::of(&request), request.side, 0, self.now.ms);
                refused.stage = Stage::Ended;
                self.reports.push(request.rejected(reason, self.now.market.max(request.at)));
                refused
            }
            Ok(Ok(order)) => order,
        };
        self.orders.insert(request.id, order);
        self.settle();
        Ok(())
    }

    /// Takes back what an order still wants. One that has ended, or was never heard of, is left as it is.
    pub fn cancel(&mut self, order: OrderId, now: Now) {
        self.at(now);
        match self.orders.get_mut(order) {
            Some(known) if known.stage == Stage::Queued => self.end(order, None, None),
            Some(known) if !known.has_ended() => known.take_back = true,
            _ => {}
        }
        self.settle();
    }

    /// `Err` in words: it never leaves, for now. `Ok(Err)`: refused.
    fn take_open(&mut self, request: &OrderRequest) -> Result<Result<Order, RejectReason>, String> {
        self.may_enter(request.symbol)?;
        let netting = self.config.mode == AccountMode::Netting;
        let market = &self.markets[request.symbol.index()];
        let Some(spec) = &market.spec else { return Err("the symbol's specification is not known yet".into()) };
        let lots = lots_of(request.quantity, market.lots_per_contract());
        if volume_fault(lots, spec).is_some() {
            return Ok(Err(RejectReason::InvalidVolume));
        }
        let forbidden = match (spec.trade_mode, request.side) {
            (0, _) => Some("trading the symbol is disabled"),
            (1, Side::Sell) => Some("the symbol may only be bought"),
            (2, Side::Buy) => Some("the symbol may only be sold"),
            (3, _) => Some("positions of the symbol may only be closed"),
            _ => None,
        };
        if let Some(why) = forbidden {
            return Err(why.into());
        }
        if market.legs.iter().any(|leg| leg.id == request.leg) {
            return Ok(Err(RejectReason::DuplicateId));
        }
        let other = |leg: &Leg| leg.id.trade != request.leg.trade || leg.side != request.side;
        if netting && market.legs.iter().any(other) {
            return Err("another trade is open in the symbol's one position".into());
        }
        if request.leg.role == LegRole::Extra {
            let base = LegId { role: LegRole::Base, ..request.leg };
            if market.leg(base).is_none() {
                return Err("an extra without its base".into());
            }
        } else if self.config.care.stop_required && request.protection.stop.is_none() {
            return Err("an opening order without a stop".into());
        }
        let distances = [request.protection.stop, request.protection.target];
        if distances.iter().flatten().any(|level| !is_positive(*level)) {
            return Ok(Err(RejectReason::InvalidStops));
        }
        let purpose = Purpose::Open(request.leg);
        let mut order = Order::new(request.id, request.symbol, purpose, request.side, lots, self.now.ms);
        (order.request, order.wanted) = (Some(*request), request.quantity);
        let leg = Leg::new(request.leg, request.side, Some(request.id), request.protection);
        self.markets[request.symbol.index()].legs.push(leg);
        Ok(Ok(order))
    }

    fn take_close(&mut self, request: &OrderRequest) -> Result<Result<Order, RejectReason>, String> {
        match &self.session {
            None => return Err("no bridge is connected".into()),
            Some(session) if !session.armed => return Err("the session is not armed".into()),
            Some(session) if !session.fits => {
                return Err("the account is not of the kind that the settings say".into());
            }
            Some(_) => {}
        }
        let market = &self.markets[request.symbol.index()];
        let Some(leg) = market.leg(request.leg).filter(|leg| leg.open > 0) else {
            return Ok(Err(RejectReason::NothingToClose));
        };
        if leg.side == request.side || request.quantity.is_zero() {
            return Ok(Err(RejectReason::Other));
        }
        // All of the leg takes with it what a fill left of a contract.
        let all = request.quantity.count() >= leg.told;
        let lots = if all { leg.open } else { lots_of(request.quantity, market.lots_per_contract()) };
        let purpose = Purpose::Close(request.leg);
        let mut order = Order::new(request.id, request.symbol, purpose, request.side, lots, self.now.ms);
        (order.request, order.wanted) = (Some(*request), request.quantity.min(Contracts::new(leg.told)));
        Ok(Ok(order))
    }

    /// Hands over what may leave.
    pub(super) fn send_queued(&mut self) {
        let queued: Vec<OrderId> =
            self.orders.values().filter(|order| order.stage == Stage::Queued).map(|order| order.id).collect();
        for id in queued {
            let Some(order) = self.orders.get(id) else { continue };
            match self.ready(order) {
                Ready::Send(lots) => {
                    let position = order.purpose.leg().and_then(|leg| self.position_ticket(order.symbol, leg));
                    self.send(id, lots, position);
                }
                Ready::Wait => self.wait(id),
                Ready::Refuse(reason) => self.end(id, Some(reason), None),
            }
        }
    }

    fn ready(&self, order: &Order) -> Ready {
        if !self.is_ready() {
            return Ready::Wait;
        }
        match order.purpose {
            Purpose::Open(leg) => self.ready_to_open(order, leg),
            Purpose::Close(leg) | Purpose::Exit(leg, _) => self.ready_to_close(order, leg),
            Purpose::Flatten(_) => Ready::Wait,
        }
    }

    fn ready_to_open(&self, order: &Order, leg: LegId) -> Ready {
        let market = &self.markets[order.symbol.index()];
        if leg.role == LegRole::Extra {
            let base = LegId { role: LegRole::Base, ..leg };
            let Some(base) = market.leg(base) else { return Ready::Refuse(RejectReason::Other) };
            let of_base = |other: &&Order| other.purpose.leg() == Some(base.id) && !other.has_ended();
            let mut working = self.orders.values().filter(|other| other.symbol == order.symbol).filter(of_base);
            if working.any(|other| !other.purpose.opens()) {
                return Ready::Refuse(RejectReason::Other);
            }
            // Proven filled: its opening order has ended, all its deals are here.
            let opening = base.opening.and_then(|opening| self.orders.get(opening));
            if opening.is_some_and(|opening| !opening.has_ended()) {
                return Ready::Wait;
            }
            if base.open == 0 {
                return Ready::Refuse(RejectReason::Other);
            }
            if market.shield.is_naked() {
                return Ready::Wait;
            }
        }
        if self.may_enter(order.symbol).is_err() {
            return Ready::Wait;
        }
        let Some(quote) = market.quote else { return Ready::Wait };
        if self.levels_at_sending(market, order, quote).is_none() {
            return Ready::Refuse(RejectReason::InvalidStops);
        }
        Ready::Send(order.lots)
    }

    fn ready_to_close(&self, order: &Order, leg: LegId) -> Ready {
        let market = &self.markets[order.symbol.index()];
        let Some(leg) = market.leg(leg).filter(|leg| leg.open > 0) else {
            return Ready::Refuse(RejectReason::NothingToClose);
        };
        let mut out = self.orders.values().filter(|other| other.symbol == order.symbol && other.is_out());
        let in_the_way = |other: &Order| match other.purpose {
            Purpose::Flatten(_) => true,
            purpose => purpose.leg() == Some(leg.id) && !purpose.opens(),
        };
        if market.flatten.is_some() || out.any(in_the_way) || self.waits_for_spec(order.symbol) {
            return Ready::Wait;
        }
        if self.now.ms < leg.patient_until {
            return Ready::Wait;
        }
        let lots = order.lots.min(leg.open);
        if self.config.mode == AccountMode::Hedging {
            let held = market.position_of(leg).map_or(0, |position| position.volume.raw());
            return if held >= lots { Ready::Send(lots) } else { Ready::Wait };
        }
        // What other closes on their way will take is not there any more.
        let closing: i64 = self
            .orders
            .values()
            .filter(|other| other.symbol == order.symbol && other.is_out() && !other.purpose.opens())
            .map(Order::rest)
            .sum();
        let agreed = market.position_signed() == market.legs_signed() || market.shown >= market.changed;
        let covered = market.position_signed() * leg.side.sign() - closing;
        if agreed && covered >= lots { Ready::Send(lots) } else { Ready::Wait }
    }

    /// Whether the bridge is still to say what the symbol is: which filling it takes, how large an order may be. After a
    /// while a close goes without.
    pub(super) fn waits_for_spec(&self, symbol: SymbolId) -> bool {
        let since = self.session.as_ref().map_or(self.now.ms, |session| session.since);
        self.markets[symbol.index()].spec.is_none() && self.now.ms < since + self.config.care.spec_ms
    }

    /// An order that waits for too long is given back.
    fn wait(&mut self, id: OrderId) {
        let care = &self.config.care;
        let (follow_ms, close_wait_ms, entry_seconds) = (care.follow_ms, care.close_wait_ms, care.entry_seconds);
        let Some(order) = self.orders.get(id) else { return };
        let waited = self.now.ms.saturating_sub(order.since) >= close_wait_ms;
        match (order.purpose, order.request) {
            (Purpose::Open(_), Some(request)) => {
                if waited || self.now.market > request.at.plus_secs(i64::from(entry_seconds)) {
                    self.end(id, Some(RejectReason::Other), None);
                }
            }
            (Purpose::Close(leg), Some(request)) if waited => {
                let side = request.side.opposite();
                self.told.push(Told::NotCovered { order: id, leg, quantity: request.quantity, side });
                self.end(id, Some(RejectReason::Other), None);
            }
            _ if waited => self.end(id, None, None),
            _ => self.want_reading(follow_ms),
        }
    }

    /// Hands an order over. Called once for each.
    pub(super) fn send(&mut self, id: OrderId, lots: i64, position: Option<Id>) {
        let Some(epoch) = self.session.as_ref().map(|session| session.epoch) else { return };
        let magic = self.magic(id);
        let Some(order) = self.orders.get(id) else { return };
        let market = &self.markets[order.symbol.index()];
        let leg = order.purpose.leg().and_then(|leg| market.leg(leg));
        let opens = order.purpose.opens();
        let levels = match market.quote {
            Some(quote) if opens => self.levels_at_sending(market, order, quote).unwrap_or_default(),
            _ => (Decimal::ZERO, Decimal::ZERO),
        };
        let price = market.quote.map_or(Price::ZERO, |quote| enter_at(quote, order.side));
        let netting = self.config.mode == AccountMode::Netting;
        let closes = leg.filter(|_| !opens).and_then(|leg| leg.opening).map(|opening| Id(self.magic(opening)));
        let valid = match &order.request {
            Some(request) if opens => request.at.plus_secs(i64::from(self.config.care.entry_seconds)),
            _ => self.now.market.plus_secs(i64::from(self.config.care.close_seconds)),
        };
        let guard = leg.filter(|leg| opens && leg.id.role == LegRole::Extra);
        let message = OrderSubmit {
            magic: Id(magic),
            epoch,
            symbol: market.name.clone(),
            side: wire_side(order.side),
            volume: Decimal::from_raw(lots),
            intent: if opens { Intent::Open } else { Intent::Close },
            price: price.into(),
            deviation: market.deviation,
            sl: levels.0,
            tp: levels.1,
            filling: market.spec.as_ref().map_or(Filling::Return, |spec| filling(spec, opens)),
            comment: comment(id, order.purpose),
            position: position.filter(|_| !netting && !opens),
            closes,
            guard: guard.and_then(|leg| guard_of(market, leg)),
            not_after_server: self.config.zone.server(valid),
        };
        let reference = market.quote.map(|quote| quote.bid + (quote.ask - quote.bid).half());
        let now = self.now.ms;
        if let Some(order) = self.orders.get_mut(id) {
            order.lots = lots;
            order.reference = reference;
            order.stage = Stage::Sent { at: now };
            order.sent = Some(Box::new(message.clone()));
        }
        self.said.push(Say { cid: Some(magic.to_string()), message: FromEngine::OrderSubmit(message) });
    }

    /// Stop and target that an opening order carries, from the quote that it will meet; an addition to a netting
    /// position carries the base's. `None` where they would be on the wrong side of the market, or too close to it.
    fn levels_at_sending(&self, market: &Market, order: &Order, quote: Quote) -> Option<(Decimal, Decimal)> {
        let role = order.purpose.leg().map(|leg| leg.role);
        if self.config.mode == AccountMode::Netting && role == Some(LegRole::Extra) {
            return Some(market.shield.wanted());
        }
        let request = order.request.as_ref()?;
        let entry = enter_at(quote, order.side);
        let levels = request.protection.resolve(order.side, entry, market.instrument.tick, self.now.market);
        let least = market.spec.as_ref().map_or(0, |spec| i64::from(spec.stops_level).saturating_mul(spec.point.raw()));
        let leave = enter_at(quote, order.side.opposite());
        let far = |from: Price, to: Price| (to - from).raw() * order.side.sign();
        let stop_is_sound = levels.stop_loss().is_none_or(|stop| far(stop, leave) > 0 && far(stop, leave) >= least);
        let target_is_sound =
            levels.take_profit().is_none_or(|target| far(leave, target) > 0 && far(leave, target) >= least);
        (stop_is_sound && target_is_sound).then(|| super::shield::decimals(&levels))
    }

    fn position_ticket(&self, symbol: SymbolId, leg: LegId) -> Option<Id> {
        let market = &self.markets[symbol.index()];
        market.leg(leg).and_then(|leg| market.position_of(leg)).map(|position| position.ticket)
    }

    /// Orders without an answer, deals that do not come, rests that are to be taken back.
    pub(super) fn watch_patience(&mut self) {
        let care = &self.config.care;
        let (answer_ms, follow_ms, again_ms, poll_ms) =
            (care.answer_ms, care.follow_ms, care.again_ms, care.doubt_every_ms);
        let (now, ready) = (self.now.ms, self.is_ready());
        let out: Vec<OrderId> = self.orders.values().filter(|order| order.is_out()).map(|order| order.id).collect();
        for id in out {
            let Some(order) = self.orders.get_mut(id) else { continue };
            let take_back = order.take_back
                && ready
                && order.ticket != Id::NONE
                && matches!(order.stage, Stage::Working { .. })
                && order.take_back_asked.is_none_or(|asked| now >= asked + again_ms);
            if take_back {
                order.take_back_asked = Some(now);
                let cancel = OrderCancel { order: order.ticket, magic: Id(0) };
                let cid = self.next_cid("c");
                let cancel = OrderCancel { magic: Id(self.magic(id)), ..cancel };
                self.said.push(Say { cid: Some(cid), message: FromEngine::OrderCancel(cancel) });
                self.want_reading(again_ms);
                continue;
            }
            match order.stage {
                Stage::Sent { at } | Stage::Accepted { at } if now >= at + answer_ms => self.doubt(id, "no answer"),
                Stage::Answered { at } if now >= at + answer_ms => self.doubt(id, "its deals do not come"),
                Stage::Answered { .. } => self.want_reading(follow_ms),
                Stage::Working { .. } => self.want_reading(poll_ms),
                _ => {}
            }
        }
    }

    /// Exits that do not rest at the broker: an extra's in a netting position, and every time limit.
    pub(super) fn watch_exits(&mut self) {
        if !self.session.as_ref().is_some_and(|session| session.ready && session.armed && session.fits) {
            return;
        }
        let mut touched = Vec::new();
        for (index, market) in self.markets.iter().enumerate() {
            let symbol = SymbolId::new(index as u16);
            for leg in market.legs.iter().filter(|leg| leg.open > 0) {
                let ours = |order: &&Order| order.purpose.leg() == Some(leg.id) && !order.purpose.opens();
                let mut closing = self.orders.values().filter(|order| order.symbol == symbol && !order.has_ended());
                if closing.any(|order| ours(&order)) || market.flatten.is_some() {
                    continue;
                }
                let rests = self.config.mode == AccountMode::Hedging || leg.id.role == LegRole::Base;
                let tried = leg.exit_tried.is_some_and(|at| self.now.ms < at + self.config.care.again_ms);
                if let Some(kind) = self.touched(market, leg, rests).filter(|_| !tried) {
                    touched.push((symbol, leg.id, leg.side, leg.open, kind));
                }
            }
        }
        for (symbol, leg, side, lots, kind) in touched {
            let now = self.now.ms;
            let Some(id) = self.own_order() else { continue };
            if let Some(leg) = self.markets[symbol.index()].leg_mut(leg) {
                leg.exit_tried = Some(now);
            }
            self.orders.insert(id, Order::new(id, symbol, Purpose::Exit(leg, kind), side.opposite(), lots, now));
        }
    }

    fn touched(&self, market: &Market, leg: &Leg, rests: bool) -> Option<ExitKind> {
        let (levels, quote) = (leg.levels.as_ref()?, market.quote?);
        let tick = Tick { time: self.now.market, bid: quote.bid, ask: quote.ask, ..Tick::default() };
        let of = |levels: &ExitLevels| touch_tick(levels, &tick).map(|touch| touch.kind);
        let keeps = leg.protection.keep_at_limit;
        if rests {
            let limit = ExitLevels::new(leg.side, None, None, levels.deadline());
            return of(&limit).filter(|_| !keeps);
        }
        match of(levels) {
            // The engine decides about its time limit; its target no longer counts, its stop always does.
            Some(ExitKind::Timeout) if keeps => of(&ExitLevels::new(leg.side, None, levels.stop_loss(), None)),
            kind => kind,
        }
    }
}

/// What the bridge guards of an extra.
pub(super) fn guard_of(market: &Market, leg: &Leg) -> Option<Guard> {
    let Protection { stop, target, hold_seconds, .. } = leg.protection;
    if leg.id.role != LegRole::Extra {
        return None;
    }
    let usual = market.guard;
    let entry =
        if leg.entered > 0 { leg.entry() } else { market.quote.map_or(Price::ZERO, |quote| enter_at(quote, leg.side)) };
    let distance = |level: ExitAt, price: Price| match level {
        ExitAt::Distance(distance) => Decimal::from(distance),
        ExitAt::Price(_) => Decimal::from(price.distance(entry)),
    };
    let stop = stop.map(|stop| distance(stop, stop.stop_price(leg.side, entry)));
    let target = target.map(|target| distance(target, target.target_price(leg.side, entry)));
    Some(Guard {
        stop: stop.or(usual.map(|usual| usual.stop))?,
        target: target.or(usual.map(|usual| usual.target))?,
        hold_seconds: hold_seconds.or(usual.map(|usual| usual.hold_seconds))?,
    })
}

/// Where a side enters the market: at the ask for one that buys.
fn enter_at(quote: Quote, side: Side) -> Price {
    match side {
        Side::Buy => quote.ask,
        Side::Sell => quote.bid,
    }
}

/// How a market order fills. One that opens lets the rest stay, but for market execution, which knows no resting order.
/// One that closes rests only where the symbol has nothing else: after the server's stop its rest would open the other
/// side.
pub fn filling(spec: &SymbolSpec, opens: bool) -> Filling {
    let rests = spec.execution != EXECUTION_MARKET;
    if rests && opens {
        Filling::Return
    } else if spec.filling_mode & MAY_IOC != 0 {
        Filling::Ioc
    } else if rests && spec.filling_mode & MAY_FOK == 0 {
        Filling::Return
    } else {
        Filling::Fok
    }
}

fn is_positive(level: ExitAt) -> bool {
    match level {
        ExitAt::Price(price) | ExitAt::Distance(price) => price.is_positive(),
    }
}

/// A hint for people; brokers rewrite it.
fn comment(id: OrderId, purpose: Purpose) -> String {
    let what = match purpose {
        Purpose::Open(leg) => format!("open {leg}"),
        Purpose::Close(leg) => format!("close {leg}"),
        Purpose::Exit(leg, _) => format!("exit {leg}"),
        Purpose::Flatten(_) => format!("flatten {id}"),
    };
    what.chars().take(COMMENT_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_rests_only_where_nothing_else_is_to_be_had() {
        for (execution, filling_mode, opening, closing) in [
            (3, 3, Filling::Return, Filling::Ioc),
            (3, 2, Filling::Return, Filling::Ioc),
            (3, 1, Filling::Return, Filling::Fok),
            (3, 0, Filling::Return, Filling::Return),
            (0, 3, Filling::Return, Filling::Ioc),
            (1, 0, Filling::Return, Filling::Return),
            (2, 3, Filling::Ioc, Filling::Ioc),
            (2, 1, Filling::Fok, Filling::Fok),
            (2, 0, Filling::Fok, Filling::Fok),
        ] {
            let spec = SymbolSpec { filling_mode, execution, ..crate::testing::exchange::spec("WINZ26") };
            assert_eq!((filling(&spec, true), filling(&spec, false)), (opening, closing), "{execution} {filling_mode}");
        }
    }
}
