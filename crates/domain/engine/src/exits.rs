//! Exits, which come before everything else in a step (semantics 20), and what the broker reports.

use alavanca_execution::{CloseCause, Leg, OpenTrade};
use alavanca_kernel::{
    Contracts, Costs, ExitKind, FillReport, Instrument, LegId, LegRole, Money, OrderId, OrderIntent, OrderReport,
    OrderRequest, Price, Protection, Side, SymbolId, Tick, Timestamp, TradingDay, touch_tick,
};
use alavanca_scalp::{LimitChoice, ProtectMode, ScalpEvent, ScalpEventKind, break_even_stop};

use crate::config::ScalpCustody;
use crate::engine::Engine;
use crate::event::{Effect, Notice};
use crate::record::{LegRecord, OrderEnd, Record};

impl Engine {
    /// Looks after everything that is open, at the end of a bar or at a tick: risk, the session's end, what should be
    /// closed and is not, a stop that has to move, a scalp's time limit where the engine decides about it.
    pub(crate) fn watch(&mut self, symbol: SymbolId, effects: &mut Vec<Effect>) {
        let mut open = Money::ZERO;
        for desk in &self.desks {
            // After a restart a symbol has no price before its first bar: its trade is not worth nothing for that.
            let (Some(trade), quote) = (&desk.trade, &desk.quote) else { continue };
            if !quote.mark.is_positive() {
                continue;
            }
            let mark = match trade.side {
                Side::Buy if quote.book && quote.tradable => quote.bid,
                Side::Sell if quote.book && quote.tradable => quote.ask,
                _ => quote.mark,
            };
            open += trade.open_result(&desk.instrument, mark);
        }
        let watches_peak = self.config.risk.settings().drawdown_limit.is_some();
        let peak = watches_peak.then(|| self.risk.snapshot().peak);
        if let Some(change) = self.risk.on_open_result(open, self.now) {
            self.apply_risk(change, effects);
        }
        // A drawdown is measured from it, after a restart, too.
        self.dirty |= peak.is_some_and(|peak| self.risk.snapshot().peak != peak);
        let now = self.now;
        let desk = &mut self.desks[symbol.index()];
        let Some(trade) = &desk.trade else { return };
        let break_even_due = trade.break_even_due;
        if let Some(opened) = &desk.opened
            && desk.market.must_close(opened, now)
        {
            self.close_trade(symbol, CloseCause::Session, effects);
        }
        self.close_left_over(symbol, effects);
        if break_even_due {
            self.stop_to_break_even(symbol, effects);
        }
        if self.config.scalp.settings().hybrid {
            self.watch_limit(symbol, effects);
        }
    }

    /// Closes what was to be closed and is still open: a broker may refuse a close, or fill it in part.
    fn close_left_over(&mut self, symbol: SymbolId, effects: &mut Vec<Effect>) {
        let Some(trade) = &self.desks[symbol.index()].trade else { return };
        let extra = trade.extra.as_ref().and_then(Leg::left_over);
        let base = trade.base.left_over();
        for (role, cause) in [(LegRole::Extra, extra), (LegRole::Base, base)] {
            if let Some(cause) = cause {
                self.close_leg(symbol, role, cause, effects);
            }
        }
    }

    /// In HYBRID the engine decides at the time limit: hand over, or close.
    fn watch_limit(&mut self, symbol: SymbolId, effects: &mut Vec<Effect>) {
        let Some(setup) = self.scalps.active(symbol).copied() else { return };
        if setup.levels.deadline().is_none_or(|deadline| self.now < deadline) {
            return;
        }
        let desk = &self.desks[symbol.index()];
        let quote = desk.quote;
        let price = match setup.side {
            Side::Buy => quote.bid,
            Side::Sell => quote.ask,
        };
        let Some(trade) = &desk.trade else { return };
        if trade.extra.as_ref().is_none_or(|extra| !extra.can_close()) {
            return;
        }
        let costs = desk.instrument.costs.on(self.today());
        let exit_cost = exit_cost(&desk.instrument, costs, setup.contracts, quote.book);
        match self.scalps.time_limit(&desk.instrument, symbol, price, exit_cost) {
            LimitChoice::Close => self.close_leg(symbol, LegRole::Extra, CloseCause::Timeout, effects),
            LimitChoice::HandOver { stop } => {
                let target = trade.base.levels().and_then(alavanca_kernel::ExitLevels::take_profit);
                let leg = LegId { trade: trade.id, role: LegRole::Extra };
                let gross = desk.instrument.gross(setup.side, setup.entry, price, setup.contracts);
                if let Some(extra) = self.desks[symbol.index()].trade.as_mut().and_then(|trade| trade.extra.as_mut()) {
                    extra.set_levels(stop, target);
                }
                // A netting account has no exits of this leg: the engine goes on watching them.
                if self.config.custody != ScalpCustody::Engine {
                    effects.push(Effect::Modify { symbol, leg, stop, target });
                }
                let event =
                    self.scalps.close(symbol, ScalpEventKind::HandedOver, price, gross, exit_cost, self.now, false);
                if let Some(event) = event {
                    self.record(Record::Scalp(event), effects);
                }
                self.record_leg(symbol, LegRole::Extra, effects);
            }
        }
    }

    /// Where the engine keeps the extra's exits: looks at each tick.
    pub(crate) fn watch_tick(&mut self, symbol: SymbolId, tick: &Tick, effects: &mut Vec<Effect>) {
        match self.config.custody {
            ScalpCustody::Broker => return,
            ScalpCustody::BrokerLevels => return self.watch_time(symbol, effects),
            ScalpCustody::Engine => {}
        }
        let touch = if self.scalps.active(symbol).is_some() {
            self.scalps.watch_tick(symbol, tick)
        } else {
            // Handed over at its time limit: it is no scalp any more, and its exits still rest nowhere else.
            let extra = self.desks[symbol.index()].trade.as_ref().and_then(|trade| trade.extra.as_ref());
            extra.and_then(Leg::levels).and_then(|levels| touch_tick(levels, tick))
        };
        let Some(touch) = touch else { return };
        if touch.kind == ExitKind::Timeout && self.config.scalp.settings().hybrid {
            return;
        }
        self.close_leg(symbol, LegRole::Extra, touch.kind.into(), effects);
    }

    /// Where the engine keeps the extra's time limit. In HYBRID [`watch_limit`](Self::watch_limit) decides about it.
    pub(crate) fn watch_time(&mut self, symbol: SymbolId, effects: &mut Vec<Effect>) {
        if self.config.custody == ScalpCustody::Broker || self.config.scalp.settings().hybrid {
            return;
        }
        let deadline = self.scalps.active(symbol).and_then(|setup| setup.levels.deadline());
        if deadline.is_some_and(|deadline| self.now >= deadline) {
            self.close_leg(symbol, LegRole::Extra, CloseCause::Timeout, effects);
        }
    }

    /// Closes what is open of a trade, the extra first, and takes back what is on its way.
    pub(crate) fn close_trade(&mut self, symbol: SymbolId, cause: CloseCause, effects: &mut Vec<Effect>) {
        self.close_leg(symbol, LegRole::Extra, cause, effects);
        self.close_leg(symbol, LegRole::Base, cause, effects);
    }

    /// Closes one leg: what is open by a reduce-only order, what is on its way by taking it back.
    pub(crate) fn close_leg(&mut self, symbol: SymbolId, role: LegRole, cause: CloseCause, effects: &mut Vec<Effect>) {
        let id = OrderId::new(self.orders + 1);
        let at = self.now;
        let Some(trade) = self.desks[symbol.index()].trade.as_mut() else { return };
        let Some(leg) = trade.leg_mut(LegId { trade: trade.id, role }) else { return };
        if let Some(order) = leg.opening_order() {
            effects.push(Effect::Cancel(symbol, order));
        }
        if !leg.can_close() {
            return;
        }
        leg.close_with(id, cause);
        let order = OrderRequest {
            id,
            symbol,
            leg: leg.id(),
            intent: OrderIntent::Close,
            side: leg.side().opposite(),
            quantity: leg.open(),
            protection: Protection::default(),
            at,
        };
        self.orders += 1;
        self.record(Record::Order(order), effects);
        effects.push(Effect::Submit(order));
    }

    pub(crate) fn on_report(&mut self, report: &OrderReport, effects: &mut Vec<Effect>) {
        match *report {
            OrderReport::Filled(fill) => {
                self.advance(fill.at, effects);
                match fill.intent {
                    OrderIntent::Open => self.on_opened(&fill, effects),
                    OrderIntent::Close => self.on_closed(&fill, effects),
                }
            }
            OrderReport::Rejected { order, symbol, leg, intent, reason, at } => {
                self.advance(at, effects);
                let end = OrderEnd { order, symbol, leg, intent, rejected: Some(reason), unfilled: None, at };
                self.on_order_ended(end, effects);
            }
            OrderReport::Canceled { order, symbol, leg, intent, unfilled, at } => {
                self.advance(at, effects);
                let end = OrderEnd { order, symbol, leg, intent, rejected: None, unfilled: Some(unfilled), at };
                self.on_order_ended(end, effects);
            }
        }
    }

    fn on_opened(&mut self, fill: &FillReport, effects: &mut Vec<Effect>) {
        let symbol = fill.symbol;
        let Some(desk) = self.desks.get_mut(symbol.index()) else {
            return self.unexpected(symbol, fill.leg, fill.at, effects);
        };
        let booked = desk
            .trade
            .as_mut()
            .and_then(|trade| trade.leg_mut(fill.leg))
            .map(|leg| (leg.entered().is_zero(), leg.book_open(fill, &desk.instrument)));
        let Some((first, Ok(()))) = booked else {
            return self.unexpected(symbol, fill.leg, fill.at, effects);
        };
        desk.day_net -= fill.commission;
        desk.opened = desk.opened.or(self.moment);
        self.record(Record::Fill(*fill), effects);
        let change = self.risk.add_realized(-fill.commission, fill.at);
        let entry = (first && fill.leg.role == LegRole::Base).then(|| self.risk.on_entry(fill.at)).flatten();
        if fill.leg.role == LegRole::Extra {
            self.scalp_filled(fill, first, effects);
        }
        self.record_leg(symbol, fill.leg.role, effects);
        for change in [change, entry].into_iter().flatten() {
            self.apply_risk(change, effects);
        }
        self.end_orphan(symbol, effects);
    }

    /// The broker filled (a part of) the extra: only now it is a scalp (semantics 19).
    fn scalp_filled(&mut self, fill: &FillReport, first: bool, effects: &mut Vec<Effect>) {
        let instrument = &self.desks[fill.symbol.index()].instrument;
        if first {
            let event = self.scalps.open(
                instrument,
                fill.symbol,
                fill.leg.trade,
                fill.side,
                fill.price,
                fill.quantity,
                fill.at,
                fill.commission,
            );
            self.record(Record::Scalp(event), effects);
        } else if self.scalps.grow(instrument, fill.symbol, fill.price, fill.quantity, fill.commission).is_none() {
            // The scalp ended before its order did: what comes late is not left unwatched.
            self.close_leg(fill.symbol, LegRole::Extra, CloseCause::BaseEnded, effects);
        }
    }

    fn on_closed(&mut self, fill: &FillReport, effects: &mut Vec<Effect>) {
        let symbol = fill.symbol;
        let Some(desk) = self.desks.get_mut(symbol.index()) else {
            return self.unexpected(symbol, fill.leg, fill.at, effects);
        };
        let booked = desk.trade.as_mut().and_then(|trade| trade.leg_mut(fill.leg)).map(|leg| {
            let cause = match (fill.exit, leg.closing_order()) {
                (Some(exit), _) => exit.into(),
                (None, Some((_, cause))) => cause,
                (None, None) => CloseCause::Operator,
            };
            leg.book_close(fill, &desk.instrument, cause)
                .map(|part| (part, cause, leg.open().is_zero(), leg.opening_order().is_some()))
        });
        let Some(Ok((part, cause, flat, still_opening))) = booked else {
            return self.unexpected(symbol, fill.leg, fill.at, effects);
        };
        desk.day_net += part.net;
        self.record(Record::Fill(*fill), effects);
        self.record_leg(symbol, fill.leg.role, effects);
        let change = self.risk.add_realized(part.net, fill.at);
        if flat {
            match fill.leg.role {
                LegRole::Extra => self.extra_ended(fill, cause, effects),
                LegRole::Base => self.base_ended(fill, cause, effects),
            }
            if still_opening {
                self.close_leg(symbol, fill.leg.role, cause, effects);
            }
        }
        if let Some(change) = change {
            self.apply_risk(change, effects);
        }
        self.end_orphan(symbol, effects);
        self.conclude(symbol, effects);
    }

    /// The extra is flat: the scalp's one end, and the protection of its profit (semantics 22).
    fn extra_ended(&mut self, fill: &FillReport, cause: CloseCause, effects: &mut Vec<Effect>) {
        let symbol = fill.symbol;
        let Some(trade) = self.desks[symbol.index()].trade.as_ref() else { return };
        let Some(extra) = &trade.extra else { return };
        let Some(setup) = self.scalps.active(symbol) else { return };
        let kind = match cause {
            CloseCause::TakeProfit => ScalpEventKind::TpHit,
            CloseCause::StopLoss => ScalpEventKind::SlHit,
            CloseCause::Timeout => ScalpEventKind::Timeout,
            _ => ScalpEventKind::Forced,
        };
        let exit_costs = extra.costs() - setup.cost_in;
        let (exit, gross, unresolved) = (extra.exit(), extra.gross(), extra.is_unresolved());
        let Some(event) = self.scalps.close(symbol, kind, exit, gross, exit_costs, fill.at, unresolved) else { return };
        self.record(Record::Scalp(event), effects);
        match self.scalps.protects(&event) {
            Some(ProtectMode::Close) => self.close_leg(symbol, LegRole::Base, CloseCause::Protected, effects),
            // At this moment the engine may not have seen the bar that the exit was in: the stop moves with its close.
            Some(ProtectMode::BreakEven) => {
                if let Some(trade) = self.desks[symbol.index()].trade.as_mut() {
                    trade.break_even_due = true;
                }
            }
            Some(ProtectMode::Cooldown) | None => {}
        }
    }

    fn stop_to_break_even(&mut self, symbol: SymbolId, effects: &mut Vec<Effect>) {
        let today = self.today();
        let desk = &mut self.desks[symbol.index()];
        let Some(trade) = desk.trade.as_mut() else { return };
        let base = &mut trade.base;
        if !base.can_close() {
            return;
        }
        let (side, open) = (base.side(), base.open());
        // The spread and slippage of the way in are in the entry's price.
        let costs = desk.instrument.costs.on(today);
        let costs = costs.commission_of(open) + exit_cost(&desk.instrument, costs, open, desk.quote.book);
        let Some(stop) = break_even_stop(&desk.instrument, side, base.entry(), open, costs) else { return };
        let standing = base.levels().and_then(alavanca_kernel::ExitLevels::stop_loss);
        let tightens = standing.is_none_or(|standing| (stop - standing).raw() * side.sign() > 0);
        let leave_at = if side == Side::Buy { desk.quote.bid } else { desk.quote.ask };
        let behind_market = (leave_at - stop).raw() * side.sign() > 0;
        trade.break_even_due = tightens && !behind_market;
        if !tightens || !behind_market {
            return;
        }
        let target = base.levels().and_then(alavanca_kernel::ExitLevels::take_profit);
        base.set_levels(stop, target);
        let leg = base.id();
        effects.push(Effect::Modify { symbol, leg, stop, target });
        self.record_leg(symbol, LegRole::Base, effects);
    }

    fn base_ended(&mut self, fill: &FillReport, cause: CloseCause, effects: &mut Vec<Effect>) {
        if cause != CloseCause::Protected {
            return;
        }
        let Some(trade) = self.desks[fill.symbol.index()].trade.as_ref() else { return };
        let base = &trade.base;
        let event = ScalpEvent {
            at: fill.at,
            symbol: fill.symbol,
            trade: trade.id,
            kind: ScalpEventKind::Protected,
            side: base.side(),
            entry: base.entry(),
            exit: base.exit(),
            contracts: base.entered(),
            gross: base.gross(),
            net: base.net(),
            hold_seconds: u32::try_from(fill.at.secs_since(base.opened_at())).unwrap_or(u32::MAX),
            unresolved: base.is_unresolved(),
        };
        let event = self.scalps.protected(event);
        self.record(Record::Scalp(event), effects);
    }

    fn on_order_ended(&mut self, end: OrderEnd, effects: &mut Vec<Effect>) {
        let Some(desk) = self.desks.get_mut(end.symbol.index()) else {
            return self.unexpected(end.symbol, end.leg, end.at, effects);
        };
        let Some(leg) = desk.trade.as_mut().and_then(|trade| trade.leg_mut(end.leg)) else {
            // An order that was taken back after its trade had ended: recorded, and nothing is open.
            return self.record(Record::OrderEnded(end), effects);
        };
        match end.intent {
            OrderIntent::Open => leg.opening_ended(end.at),
            OrderIntent::Close => leg.closing_ended(),
        }
        self.record(Record::OrderEnded(end), effects);
        self.record_leg(end.symbol, end.leg.role, effects);
        // A close that was refused is tried again with the next price, not at once: it would be refused again.
        if end.intent == OrderIntent::Open {
            self.end_orphan(end.symbol, effects);
        }
        self.conclude(end.symbol, effects);
    }

    /// When the base has ended, an extra still open or on its way ends with it (semantics 11).
    fn end_orphan(&mut self, symbol: SymbolId, effects: &mut Vec<Effect>) {
        let orphaned = self.desks[symbol.index()].trade.as_ref().is_some_and(|trade| {
            trade.base.has_ended() && trade.extra.as_ref().is_some_and(|extra| !extra.has_ended())
        });
        if orphaned {
            self.close_leg(symbol, LegRole::Extra, CloseCause::BaseEnded, effects);
        }
    }

    /// The trade's end, once every leg has ended.
    fn conclude(&mut self, symbol: SymbolId, effects: &mut Vec<Effect>) {
        let ended = self.desks[symbol.index()].trade.take_if(|trade| trade.has_ended());
        let Some(trade) = ended else { return };
        self.desks[symbol.index()].opened = None;
        self.open_trades -= 1;
        if self.open_trades == 0
            && let Some(change) = self.risk.on_open_result(Money::ZERO, self.now)
        {
            self.apply_risk(change, effects);
        }
        if trade.was_filled() {
            self.trade_closed(&trade, effects);
        } else {
            self.updater.skip_trade(trade.id);
        }
        self.dirty = true;
    }

    pub(crate) fn record_leg(&mut self, symbol: SymbolId, role: LegRole, effects: &mut Vec<Effect>) {
        let leg = self.desks[symbol.index()].trade.as_ref().and_then(|trade| leg_record(trade, role));
        if let Some(leg) = leg {
            self.record(Record::Leg(leg), effects);
        }
    }

    #[cold]
    fn unexpected(&mut self, symbol: SymbolId, leg: LegId, at: Timestamp, effects: &mut Vec<Effect>) {
        self.counts.unexpected_reports += 1;
        effects.push(Effect::Notify(Notice::UnexpectedReport { symbol, leg, at }));
        if let Some(change) = self.risk.reconciliation_failed(at) {
            self.apply_risk(change, effects);
        }
    }
}

impl Engine {
    /// The trading day of the last event.
    fn today(&self) -> TradingDay {
        self.moment.map(|moment| moment.day).unwrap_or_default()
    }
}

/// What leaving at the market will cost: commission, and what a fill is worse than the price one sees.
fn exit_cost(instrument: &Instrument, costs: Costs, contracts: Contracts, book: bool) -> Money {
    let worse = if book { costs.slippage } else { costs.adverse() };
    costs.commission_of(contracts) + instrument.gross(Side::Buy, Price::ZERO, worse, contracts)
}

fn leg_record(trade: &OpenTrade, role: LegRole) -> Option<LegRecord> {
    let leg = match role {
        LegRole::Base => &trade.base,
        LegRole::Extra => trade.extra.as_ref()?,
    };
    Some(LegRecord {
        leg: leg.id(),
        symbol: leg.symbol(),
        side: leg.side(),
        open: leg.open(),
        entered: leg.entered(),
        entry: leg.entry(),
        stop_loss: leg.levels().and_then(alavanca_kernel::ExitLevels::stop_loss),
        take_profit: leg.levels().and_then(alavanca_kernel::ExitLevels::take_profit),
        opened_at: leg.opened_at(),
        closed_at: leg.ended().map(|(at, _)| at),
        cause: leg.ended().map(|(_, cause)| cause),
        gross: leg.gross(),
        costs: leg.costs(),
    })
}
