//! Deals, and whose they are. What the engine hears of fills comes from here alone.

use alavanca_kernel::{
    AccountMode, Contracts, ExitKind, FillReport, LegId, Money, OrderId, OrderIntent, OrderReport, Price, Side,
    SymbolId,
};
use alavanca_ports::BrokerLeg;

use super::lots::money;
use super::order::{Purpose, Stage};
use super::told::{FlattenReason, Told};
use super::{Desk, Proof};
use crate::wire::{Deal, Decimal, Id, opening_of};

/// What became of a deal that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Booked,
    NotOurs,
    /// What has to be booked before is not here yet.
    Waits,
}

/// What a deal did to one leg.
struct Part {
    leg: LegId,
    side: Side,
    intent: OrderIntent,
    quantity: Contracts,
    commission: Money,
}

const BUY: u32 = 0;
const SELL: u32 = 1;
const REASON_STOP_LOSS: u32 = 4;
const REASON_TAKE_PROFIT: u32 = 5;
const REASON_STOP_OUT: u32 = 6;
/// `DEAL_TYPE_BALANCE` and `DEAL_TYPE_CREDIT`: nobody's order is charged by them.
const BALANCES: [u32; 2] = [2, 3];

impl Desk {
    /// Takes a deal in, however often it comes.
    pub(super) fn take_in(&mut self, mut deal: Deal) {
        let ticket = deal.ticket.0;
        if self.seen.contains(&ticket) {
            return;
        }
        let trades = deal.kind == BUY || deal.kind == SELL;
        if trades && self.symbol_of(&deal.symbol).is_none() || BALANCES.contains(&deal.kind) {
            self.seen.insert(ticket);
            return;
        }
        let booked = self.booked.get(&ticket).filter(|_| trades && !self.adopted.contains_key(&ticket));
        if let (Some(&contracts), Some(symbol)) = (booked, self.symbol_of(&deal.symbol)) {
            // A deal that closed two legs may have been booked on one of them when the engine ended.
            let lots = super::lots::lots_of(contracts, self.markets[symbol.index()].lots_per_contract());
            let rest = deal.volume.raw() - lots;
            if rest <= 0 {
                self.seen.insert(ticket);
                return;
            }
            deal.volume = Decimal::from_raw(rest);
        }
        self.waiting.insert(ticket, deal);
    }

    /// Books what can be booked, by ticket. Nothing before the account was held against the books: what is missing may
    /// come before what is here.
    pub(super) fn book_waiting(&mut self) {
        if !self.is_ready() {
            return;
        }
        let tickets: Vec<u64> = self.waiting.keys().copied().collect();
        for ticket in tickets {
            let Some(deal) = self.waiting.get(&ticket).cloned() else { continue };
            if self.book(&deal) != Fate::Waits {
                self.waiting.remove(&ticket);
                self.seen.insert(ticket);
            }
        }
    }

    fn book(&mut self, deal: &Deal) -> Fate {
        if deal.kind != BUY && deal.kind != SELL {
            return self.charge(deal);
        }
        let Some(symbol) = self.symbol_of(&deal.symbol) else { return Fate::NotOurs };
        if let Some(&(symbol, leg)) = self.adopted.get(&deal.ticket.0) {
            self.recognize(symbol, leg, deal);
            return Fate::Booked;
        }
        let exit = match deal.reason {
            REASON_STOP_LOSS => Some(ExitKind::StopLoss),
            REASON_TAKE_PROFIT => Some(ExitKind::TakeProfit),
            REASON_STOP_OUT => Some(ExitKind::Forced),
            _ => None,
        };
        if let Some(exit) = exit {
            if deal.reason == REASON_STOP_OUT {
                self.told.push(Told::ByOthers { symbol, deal: deal.ticket.0, reason: deal.reason });
            }
            return self.book_by_others(symbol, deal, exit);
        }
        if let Some(order) = self.order_of_magic(deal.magic).filter(|order| self.orders.contains_key(*order)) {
            return self.book_order(symbol, order, deal);
        }
        if let Some(opening) = opening_of(deal.magic).and_then(|magic| self.order_of_magic(magic)) {
            return self.book_bridge(symbol, opening, deal);
        }
        let fate = self.book_by_others(symbol, deal, ExitKind::Forced);
        if fate == Fate::Booked {
            self.told.push(Told::ByOthers { symbol, deal: deal.ticket.0, reason: deal.reason });
        }
        fate
    }

    /// A deal that the books had at the start: it says which position the leg is.
    fn recognize(&mut self, symbol: SymbolId, leg: LegId, deal: &Deal) {
        let opening = self.order_of_magic(deal.magic);
        let Some(leg) = self.markets[symbol.index()].leg_mut(leg) else { return };
        leg.lost = false;
        if side_of(deal) == leg.side {
            leg.position = deal.position;
            leg.opening = leg.opening.or(opening);
        }
    }

    /// A deal of an order of this desk.
    fn book_order(&mut self, symbol: SymbolId, id: OrderId, deal: &Deal) -> Fate {
        let lots = deal.volume.raw();
        let Some(purpose) = self.orders.get(id).map(|order| order.purpose) else { return Fate::NotOurs };
        let excess = match purpose {
            Purpose::Open(leg) => {
                if !self.open(symbol, leg, id, deal) {
                    return Fate::NotOurs;
                }
                0
            }
            Purpose::Close(leg) | Purpose::Exit(leg, _) => {
                let exit = match purpose {
                    Purpose::Exit(_, kind) => Some(kind),
                    _ => None,
                };
                let open = self.markets[symbol.index()].leg(leg).map_or(0, |leg| leg.open);
                if open < lots && self.is_opening(symbol) {
                    return Fate::Waits;
                }
                let order = exit.is_none().then_some(id);
                self.close(symbol, &[(leg, open.min(lots))], deal, order, exit);
                let excess = lots - open.min(lots);
                if excess > 0 && self.config.mode == AccountMode::Netting {
                    self.told.push(Told::CrossedFlat { symbol, leg });
                    self.start_flatten(symbol, Id::NONE, FlattenReason::CrossedFlat);
                }
                excess
            }
            Purpose::Flatten(_) => {
                let parts = self.parts(symbol, deal);
                let booked: i64 = parts.iter().map(|part| part.1).sum();
                if booked < lots && self.is_opening(symbol) {
                    return Fate::Waits;
                }
                self.close(symbol, &parts, deal, None, Some(ExitKind::Forced));
                0
            }
        };
        if excess == 0
            && let Some(order) = self.orders.get_mut(id)
        {
            order.ticket = deal.order;
        }
        if let Some(order) = self.orders.get_mut(id) {
            order.filled += lots;
        }
        self.change(symbol);
        self.end_if_filled(id);
        self.drop_ended(symbol);
        Fate::Booked
    }

    /// A closing deal that the bridge made by itself for an extra.
    fn book_bridge(&mut self, symbol: SymbolId, opening: OrderId, deal: &Deal) -> Fate {
        let market = &self.markets[symbol.index()];
        let Some(leg) = market.legs.iter().find(|leg| leg.opening == Some(opening)) else { return Fate::NotOurs };
        let (id, lots) = (leg.id, leg.open.min(deal.volume.raw()));
        if lots < deal.volume.raw() && self.is_opening(symbol) {
            return Fate::Waits;
        }
        let kind = self.bridge_exit(symbol, id, deal);
        self.close(symbol, &[(id, lots)], deal, None, Some(kind));
        self.change(symbol);
        self.drop_ended(symbol);
        Fate::Booked
    }

    /// Why the bridge closed: by where it did.
    fn bridge_exit(&self, symbol: SymbolId, leg: LegId, deal: &Deal) -> ExitKind {
        let market = &self.markets[symbol.index()];
        let Some(leg) = market.leg(leg) else { return ExitKind::Forced };
        let guard = super::send::guard_of(market, leg);
        let moved = (deal.price.raw() - leg.entry().raw()) * leg.side.sign();
        match guard {
            Some(guard) if guard.target.raw() > 0 && moved >= guard.target.raw() => ExitKind::TakeProfit,
            Some(guard) if guard.stop.raw() > 0 && moved <= -guard.stop.raw() => ExitKind::StopLoss,
            Some(guard) if self.config.zone.utc(deal.server) >= leg.since(guard.hold_seconds) => ExitKind::Timeout,
            _ => ExitKind::Forced,
        }
    }

    /// A deal by the server's stops, a person or another program. It closes a leg, or it is not ours.
    fn book_by_others(&mut self, symbol: SymbolId, deal: &Deal, exit: ExitKind) -> Fate {
        let market = &self.markets[symbol.index()];
        let parts = self.parts(symbol, deal);
        let booked: i64 = parts.iter().map(|part| part.1).sum();
        let first = market.legs.iter().map(|leg| leg.first_deal).min().unwrap_or(u64::MAX);
        let closes = match self.config.mode {
            AccountMode::Netting => market.legs.first().is_some_and(|leg| leg.side != side_of(deal)),
            AccountMode::Hedging => deal.entry != 0,
        };
        if !closes {
            return Fate::NotOurs;
        }
        // What opens is on its way, and this may be the end of it.
        if booked < deal.volume.raw() && self.is_opening(symbol) && deal.ticket.0 > self.first_possible(symbol) {
            return Fate::Waits;
        }
        if booked == 0 || deal.ticket.0 < first {
            return Fate::NotOurs;
        }
        self.close(symbol, &parts, deal, None, Some(exit));
        self.change(symbol);
        self.drop_ended(symbol);
        Fate::Booked
    }

    /// The first deal that a leg on its way could have been closed by; all where none of its own is known.
    fn first_possible(&self, symbol: SymbolId) -> u64 {
        let legs = self.markets[symbol.index()].legs.iter();
        legs.map(|leg| leg.first_deal).filter(|&deal| deal != u64::MAX).min().unwrap_or(0)
    }

    /// Which legs a deal that closes by position closes: on hedging accounts the one it names, else the extra first.
    fn parts(&self, symbol: SymbolId, deal: &Deal) -> Vec<(LegId, i64)> {
        let market = &self.markets[symbol.index()];
        let mut left = deal.volume.raw();
        let mut parts = Vec::new();
        for place in market.extra_first() {
            let leg = &market.legs[place];
            let named = self.config.mode == AccountMode::Netting || leg.position == deal.position;
            let taken = leg.open.min(left);
            if named && taken > 0 && leg.side != side_of(deal) {
                parts.push((leg.id, taken));
                left -= taken;
            }
        }
        parts
    }

    fn open(&mut self, symbol: SymbolId, id: LegId, order: OrderId, deal: &Deal) -> bool {
        let at = self.config.zone.utc(deal.server);
        let market = &mut self.markets[symbol.index()];
        let (lots_per_contract, tick) = (market.lots_per_contract(), market.instrument.tick);
        let Some(leg) = market.leg_mut(id) else { return false };
        let lots = deal.volume.raw();
        if leg.entered == 0 {
            leg.levels = Some(leg.protection.resolve(leg.side, deal.price.price(), tick, at));
            leg.opened_at = at;
        }
        leg.lost = false;
        leg.position = deal.position;
        leg.first_deal = leg.first_deal.min(deal.ticket.0);
        leg.open += lots;
        leg.entered += lots;
        leg.entry_value += i128::from(deal.price.raw()) * i128::from(lots);
        leg.charged -= charge_of(deal);
        let told = u32::try_from(leg.open / lots_per_contract).unwrap_or(u32::MAX).max(leg.told);
        let quantity = Contracts::new(told - leg.told);
        leg.told = told;
        let (side, commission) = (leg.side, Decimal::from_raw(leg.charged));
        if !quantity.is_zero() {
            leg.charged = 0;
        }
        super::shield::opened(market, id, self.config.mode);
        self.odd(symbol, deal, lots_per_contract);
        if !quantity.is_zero() {
            let part = Part { leg: id, side, intent: OrderIntent::Open, quantity, commission: money(commission) };
            self.report(symbol, part, deal, Some(order), None);
        }
        true
    }

    /// Takes lots off legs. `order` is the engine's order, where one did it; else `exit` says how they ended.
    fn close(
        &mut self,
        symbol: SymbolId,
        parts: &[(LegId, i64)],
        deal: &Deal,
        order: Option<OrderId>,
        exit: Option<ExitKind>,
    ) {
        let total = -charge_of(deal);
        let (mut left_charge, mut left_lots) = (total, parts.iter().map(|part| part.1).sum::<i64>());
        let lots_per_contract = self.markets[symbol.index()].lots_per_contract();
        self.odd(symbol, deal, lots_per_contract);
        for &(id, lots) in parts {
            let Some(leg) = self.markets[symbol.index()].leg_mut(id) else { continue };
            if lots == 0 {
                continue;
            }
            // The last part takes what rounding left.
            let share = if left_lots == lots {
                left_charge
            } else {
                i64::try_from(i128::from(left_charge) * i128::from(lots) / i128::from(left_lots)).unwrap_or(0)
            };
            (left_charge, left_lots) = (left_charge - share, left_lots - lots);
            leg.open -= lots;
            leg.charged += share;
            let told = leg.contracts(lots_per_contract).min(leg.told);
            let quantity = Contracts::new(leg.told - told);
            leg.told = told;
            let (side, commission) = (leg.side.opposite(), Decimal::from_raw(leg.charged));
            if !quantity.is_zero() {
                leg.charged = 0;
                let part = Part { leg: id, side, intent: OrderIntent::Close, quantity, commission: money(commission) };
                self.report(symbol, part, deal, order, exit);
            }
        }
    }

    fn report(&mut self, symbol: SymbolId, part: Part, deal: &Deal, order: Option<OrderId>, exit: Option<ExitKind>) {
        let Part { leg, side, intent, quantity, commission } = part;
        let (mut remaining, mut reference) = (Contracts::ZERO, None);
        if let Some(order) = order.and_then(|order| self.orders.get_mut(order)) {
            order.told = order.told + quantity;
            remaining = order.wanted.saturating_sub(order.told);
            reference = order.reference;
        } else if let Some(kind) = exit {
            let levels = self.markets[symbol.index()].leg(leg).and_then(|leg| leg.levels);
            reference = match kind {
                ExitKind::StopLoss => levels.and_then(|levels| levels.stop_loss()),
                ExitKind::TakeProfit => levels.and_then(|levels| levels.take_profit()),
                ExitKind::Timeout | ExitKind::Forced => None,
            };
        }
        let price = deal.price.price();
        self.reports.push(OrderReport::Filled(FillReport {
            order,
            symbol,
            leg,
            intent,
            side,
            quantity,
            remaining,
            price,
            reference: reference.unwrap_or(price),
            commission,
            exit,
            unresolved: false,
            at: self.config.zone.utc(deal.server),
            deal: deal.ticket.0,
        }));
    }

    fn odd(&mut self, symbol: SymbolId, deal: &Deal, lots_per_contract: i64) {
        if deal.volume.raw() % lots_per_contract != 0 {
            self.told.push(Told::OddVolume { symbol, deal: deal.ticket.0, volume: deal.volume });
        }
    }

    /// A deal of money alone: kept for the next fill of its leg.
    fn charge(&mut self, deal: &Deal) -> Fate {
        let amount = deal.profit.raw() + charge_of(deal);
        let of_order = self.orders.all().find(|order| deal.order != Id::NONE && order.ticket == deal.order);
        let by_order = of_order.and_then(|order| Some((order.symbol, order.purpose.leg()?)));
        let by_position = || {
            let named = |leg: &&super::Leg| deal.position != Id::NONE && leg.position == deal.position;
            let mut markets = self.markets.iter().enumerate();
            markets
                .find_map(|(at, market)| market.legs.iter().find(named).map(|leg| (SymbolId::new(at as u16), leg.id)))
        };
        let Some((symbol, leg)) = by_order.or_else(by_position) else { return Fate::NotOurs };
        match self.markets[symbol.index()].leg_mut(leg) {
            Some(leg) => leg.charged -= amount,
            None => self.told.push(Told::LateCharge { deal: deal.ticket.0, amount: money(Decimal::from_raw(amount)) }),
        }
        Fate::Booked
    }

    /// An order that has filled all it wanted, or all that the terminal says it will, has ended.
    pub(super) fn end_if_filled(&mut self, id: OrderId) {
        let Some(order) = self.orders.get(id) else { return };
        if order.has_ended() {
            return;
        }
        let all = order.rest() == 0;
        let as_answered = order.final_lots.is_some_and(|lots| order.filled >= lots);
        if all || as_answered {
            self.end(id, None, all.then_some(Proof::Deals));
        }
    }

    /// Ends an order: the engine hears of what it did not fill.
    pub(super) fn end(&mut self, id: OrderId, reason: Option<alavanca_kernel::RejectReason>, proof: Option<Proof>) {
        let now = self.now.market;
        let Some(order) = self.orders.get_mut(id) else { return };
        if order.has_ended() {
            return;
        }
        let (was_unknown, symbol) = (order.is_unknown(), order.symbol);
        order.stage = Stage::Ended;
        let report = order.end_report(reason, now);
        self.orders.retire(id);
        self.reports.extend(report);
        if was_unknown && let Some(by) = proof {
            self.told.push(Told::Proven { order: id, by });
        }
        self.change(symbol);
        self.drop_ended(symbol);
    }

    /// Legs that are closed, with nothing on its way that opens them again, are gone.
    pub(super) fn drop_ended(&mut self, symbol: SymbolId) {
        let orders = &self.orders;
        let opening =
            |leg: &super::Leg| leg.opening.and_then(|order| orders.get(order)).is_some_and(|order| !order.has_ended());
        let market = &mut self.markets[symbol.index()];
        let mut late = Vec::new();
        market.legs.retain(|leg| {
            let stays = leg.open > 0 || opening(leg);
            if !stays && leg.charged != 0 {
                late.push(leg.charged);
            }
            stays
        });
        // A close that rests would open the other side once its leg is gone.
        let gone = |leg: Option<LegId>| leg.is_some_and(|leg| market.leg(leg).is_none_or(|leg| leg.open == 0));
        for order in self.orders.values_mut().filter(|order| order.symbol == symbol && !order.purpose.opens()) {
            order.take_back |= order.is_out() && gone(order.purpose.leg());
        }
        for charged in late {
            self.told.push(Told::LateCharge { deal: 0, amount: money(Decimal::from_raw(-charged)) });
        }
        super::shield::left(&mut self.markets[symbol.index()]);
    }

    /// Whether an order that opens a leg of the symbol is with the broker or may come there.
    fn is_opening(&self, symbol: SymbolId) -> bool {
        self.orders.values().any(|order| order.symbol == symbol && order.purpose.opens() && order.is_out())
    }

    /// What the account has of a symbol that no leg explains, as legs of trade 0.
    pub(super) fn unexplained(&self, symbol: SymbolId) -> Vec<BrokerLeg> {
        let market = &self.markets[symbol.index()];
        if market.differences == 0 {
            return Vec::new();
        }
        let leg = |lots: i64, entry: Price| BrokerLeg {
            symbol,
            leg: LegId { trade: alavanca_kernel::TradeId::new(0), role: alavanca_kernel::LegRole::Base },
            side: if lots > 0 { Side::Buy } else { Side::Sell },
            quantity: market.contracts(lots.abs()).max(Contracts::new(1)),
            entry,
            stop_loss: None,
            take_profit: None,
        };
        let entry = market.positions.first().map_or(Price::ZERO, |position| position.price_open.price());
        let lots = market.position_signed() - market.legs_signed();
        if lots != 0 {
            return vec![leg(lots, entry)];
        }
        // The sums agree, the positions do not.
        market.positions.first().map(|position| leg(super::ledger::signed(position), entry)).into_iter().collect()
    }
}

/// Commission, fee and the cost of nights: negative for what was paid, in 10⁻⁸ of the currency.
fn charge_of(deal: &Deal) -> i64 {
    deal.commission.raw() + deal.fee.raw() + deal.swap.raw()
}

fn side_of(deal: &Deal) -> Side {
    if deal.kind == BUY { Side::Buy } else { Side::Sell }
}
