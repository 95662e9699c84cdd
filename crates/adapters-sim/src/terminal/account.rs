//! The trade server's side of an account: orders, positions, deals, money.

use std::collections::BTreeMap;

use alavanca_kernel::{Money, Price, TradingDay};
use serde_json::{Value, json};

#[allow(clippy::wildcard_imports, reason = "a table of constants")]
use super::number::*;
pub(crate) use super::record::{Bend, Deal, Naked, Order, Position, Sends, sign_of};
use super::request::lots;
use super::settings::{MarginMode, TerminalSettings};
use super::symbol::{Margin, Symbol};
use super::tape::Print;

/// Commission that is booked later.
#[derive(Clone, Debug)]
pub(crate) struct Owed {
    due_ms: i64,
    symbol: usize,
    order: u64,
    position: u64,
    magic: u64,
    amount: Money,
}

/// The trade server.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) mode: MarginMode,
    pub(crate) symbols: Vec<Symbol>,
    /// The market of each feed, as the server sees it.
    pub(crate) quotes: Vec<Option<Print>>,
    /// What was taken of each feed's tick.
    pub(crate) taken: Vec<i64>,
    pub(crate) depth: Option<i64>,
    pub(crate) now_ms: i64,
    pub(crate) orders: BTreeMap<u64, Order>,
    pub(crate) past: Vec<Order>,
    pub(crate) deals: Vec<Deal>,
    pub(crate) positions: BTreeMap<u64, Position>,
    pub(crate) balance: Money,
    pub(crate) sends: BTreeMap<u64, Sends>,
    pub(crate) naked: Vec<Naked>,
    pub(crate) transactions: Vec<Value>,
    owed: Vec<Owed>,
    pub(crate) settings: TerminalSettings,
    next_order: u64,
    next_deal: u64,
}

impl Account {
    pub(crate) fn new(settings: TerminalSettings, symbols: Vec<Symbol>, feeds: usize, now_ms: i64) -> Self {
        let mut account = Self {
            mode: settings.account,
            symbols,
            quotes: vec![None; feeds],
            taken: vec![0; feeds],
            depth: settings.depth,
            now_ms,
            orders: BTreeMap::new(),
            past: Vec::new(),
            deals: Vec::new(),
            positions: BTreeMap::new(),
            balance: Money::ZERO,
            sends: BTreeMap::new(),
            naked: Vec::new(),
            transactions: Vec::new(),
            owed: Vec::new(),
            next_order: 2_000_000_001,
            next_deal: 5_000_000_001,
            settings,
        };
        let (balance, ticket) = (account.settings.balance, account.new_deal());
        account.book(Deal { kind: DEAL_BALANCE, profit: balance, ..account.plain(ticket, DEAL_BALANCE) });
        account.transactions.clear();
        account
    }

    pub(crate) fn new_order(&mut self) -> u64 {
        self.next_order += 1;
        self.next_order - 1
    }

    fn new_deal(&mut self) -> u64 {
        self.next_deal += 1;
        self.next_deal - 1
    }

    /// A deal with nothing in it.
    fn plain(&self, ticket: u64, kind: i64) -> Deal {
        Deal {
            ticket,
            order: 0,
            time_ms: self.now_ms,
            kind,
            entry: ENTRY_IN,
            magic: 0,
            position: 0,
            reason: REASON_CLIENT,
            volume: 0,
            price: Price::ZERO,
            commission: Money::ZERO,
            swap: Money::ZERO,
            profit: Money::ZERO,
            fee: Money::ZERO,
            symbol: None,
            comment: String::new(),
            hidden_looks: 0,
        }
    }

    fn book(&mut self, deal: Deal) {
        self.balance += deal.net();
        self.tell(json!({
            "type": TRANSACTION_DEAL_ADD, "deal": deal.ticket, "order": deal.order, "deal_type": deal.kind,
            "symbol": self.name_of(deal.symbol), "price": deal.price.to_f64(), "volume": lots(deal.volume),
            "position": deal.position,
        }));
        self.deals.push(deal);
    }

    pub(crate) fn name_of(&self, symbol: Option<usize>) -> &str {
        symbol.map_or("", |symbol| self.symbols[symbol].name.as_str())
    }

    /// One `MqlTradeTransaction`; what is left out is 0.
    pub(crate) fn tell(&mut self, part: Value) {
        let mut whole = json!({
            "deal": 0, "order": 0, "symbol": "", "type": 0, "order_type": 0, "order_state": 0, "deal_type": 0,
            "time_type": 0, "time_expiration": 0, "price": 0.0, "price_trigger": 0.0, "price_sl": 0.0,
            "price_tp": 0.0, "volume": 0.0, "position": 0, "position_by": 0,
        });
        if let (Some(whole), Value::Object(part)) = (whole.as_object_mut(), part) {
            whole.extend(part);
        }
        self.transactions.push(whole);
    }

    pub(crate) fn tell_order(&mut self, kind: i64, order: &Order) {
        self.tell(json!({
            "type": kind, "order": order.ticket, "symbol": self.symbols[order.symbol].name, "order_type": order.kind,
            "order_state": order.state, "time_type": order.time_type, "time_expiration": order.expiration,
            "price": order.price.to_f64(), "price_trigger": order.stoplimit.to_f64(), "price_sl": order.sl.to_f64(),
            "price_tp": order.tp.to_f64(), "volume": lots(order.current), "position": order.position,
            "position_by": order.position_by,
        }));
    }

    pub(crate) fn tell_position(&mut self, position: &Position) {
        self.tell(json!({
            "type": TRANSACTION_POSITION, "symbol": self.symbols[position.symbol].name,
            "deal_type": i64::from(position.sign < 0), "price": position.average().to_f64(),
            "price_sl": position.sl.to_f64(), "price_tp": position.tp.to_f64(), "volume": lots(position.volume),
            "position": position.ticket,
        }));
    }

    pub(crate) fn quote(&self, symbol: usize) -> Option<Print> {
        self.quotes[self.symbols[symbol].feed]
    }

    /// The price that buys (+1) or sells (−1) now.
    pub(crate) fn touch(&self, symbol: usize, sign: i64) -> Option<Price> {
        let quote = self.quote(symbol).filter(Print::is_tradable)?;
        Some(if sign > 0 { quote.ask } else { quote.bid })
    }

    /// The one position of a symbol, on netting accounts.
    pub(crate) fn net_of(&self, symbol: usize) -> Option<&Position> {
        self.positions.values().find(|position| position.symbol == symbol)
    }

    /// Lots held, sold ones negative.
    pub(crate) fn net_volume(&self, symbol: usize) -> i64 {
        let of = self.positions.values().filter(|position| position.symbol == symbol);
        of.map(|position| position.sign * position.volume).sum()
    }

    /// What a position would make if it were closed now.
    pub(crate) fn open_profit(&self, position: &Position) -> Money {
        let Some(price) =
            self.quote(position.symbol).map(|quote| if position.sign > 0 { quote.bid } else { quote.ask })
        else {
            return Money::ZERO;
        };
        let value = i128::from(price.raw()) * i128::from(position.volume);
        self.symbols[position.symbol].worth.money(i128::from(position.sign) * (value - position.cost)).0
    }

    /// Balance with what is open.
    pub(crate) fn equity(&self) -> Money {
        let open = self.positions.values().map(|position| self.open_profit(position) + position.swap);
        self.balance + open.sum()
    }

    /// What positions bind; with `more` lots (sold ones negative) of a symbol at a price as if they were held.
    pub(crate) fn margin(&self, more: Option<(usize, i64, Price)>) -> Money {
        (0..self.symbols.len())
            .map(|number| {
                let symbol = &self.symbols[number];
                let held = self.positions.values().filter(|position| position.symbol == number);
                let (mut bought, mut sold, mut price) = (0, 0, Price::ZERO);
                for position in held {
                    if position.sign > 0 {
                        bought += position.volume;
                    } else {
                        sold += position.volume;
                    }
                    price = position.average();
                }
                if let Some((_, volume, at)) = more.filter(|(of, ..)| *of == number) {
                    if volume > 0 {
                        bought += volume;
                    } else {
                        sold -= volume;
                    }
                    price = at;
                }
                if matches!(symbol.margin, Margin::Leverage(_)) && bought.max(sold) > 0 {
                    price = self.quote(number).map_or(price, |quote| quote.ask);
                }
                // Covered lots are charged once, on hedging accounts; on netting accounts there are none.
                let charged = if self.mode.hedges() { bought.max(sold) } else { (bought - sold).abs() };
                symbol.margin_of(charged, price)
            })
            .sum()
    }

    /// Makes a deal of an order, at a price, and moves its position. 0 where its position is gone.
    pub(crate) fn fill(&mut self, order: &mut Order, volume: i64, price: Price) -> u64 {
        let (sign, symbol) = (order.sign(), order.symbol);
        let key = if !self.mode.hedges() {
            self.net_of(symbol).map(|position| position.ticket)
        } else if order.position != 0 && order.position != order.ticket {
            match self.positions.get(&order.position) {
                Some(position) if position.sign != sign => Some(position.ticket),
                _ => return 0,
            }
        } else {
            self.positions.contains_key(&order.ticket).then_some(order.ticket)
        };
        let held = key.and_then(|key| self.positions.remove(&key));
        let volume = match &held {
            Some(held) if self.mode.hedges() && held.sign != sign => volume.min(held.volume),
            _ => volume,
        };
        let ticket = self.new_deal();
        let mut deal = Deal {
            order: order.ticket,
            entry: ENTRY_IN,
            magic: order.magic,
            reason: order.reason,
            volume,
            price,
            symbol: Some(symbol),
            comment: order.comment.clone(),
            hidden_looks: order.bend.hidden_looks,
            ..self.plain(ticket, i64::from(sign < 0))
        };
        let value = |volume: i64| i128::from(price.raw()) * i128::from(volume);
        let position = match held {
            None => Some(self.opened(order, order.ticket, volume, value(volume))),
            Some(mut held) if held.sign == sign => {
                held.volume += volume;
                held.cost += value(volume);
                // The newest order's levels, whatever was there: zeros delete.
                (held.sl, held.tp) = (order.sl, order.tp);
                held.update_ms = self.now_ms;
                Some(held)
            }
            Some(mut held) => {
                let closed = volume.min(held.volume);
                let cost = held.cost * i128::from(closed) / i128::from(held.volume);
                let made = i128::from(held.sign) * (value(closed) - cost) + held.left_over;
                (deal.profit, held.left_over) = self.symbols[symbol].worth.money(made);
                deal.swap = share(held.swap, closed, held.volume);
                deal.entry = if volume > closed { ENTRY_INOUT } else { ENTRY_OUT };
                deal.position = held.identifier;
                held.swap -= deal.swap;
                held.cost -= cost;
                held.volume -= closed;
                held.update_ms = self.now_ms;
                if volume > closed {
                    // A reversal: another ticket, the same identifier.
                    let rest = volume - closed;
                    let left_over = held.left_over;
                    let opened = self.opened(order, held.identifier, rest, value(rest));
                    Some(Position { left_over, ..opened })
                } else {
                    (held.volume > 0).then_some(held)
                }
            }
        };
        if let Some(position) = &position {
            deal.position = position.identifier;
        }
        order.position = deal.position;
        self.charge(&mut deal, symbol, volume, order.bend.commission_later_ms);
        self.taken[self.symbols[symbol].feed] += volume;
        order.current -= volume;
        if let Some(position) = position {
            self.positions.insert(position.ticket, position);
        }
        self.book(deal);
        self.watch_stops();
        ticket
    }

    fn opened(&self, order: &Order, identifier: u64, volume: i64, cost: i128) -> Position {
        Position {
            ticket: order.ticket,
            identifier,
            symbol: order.symbol,
            sign: order.sign(),
            volume,
            cost,
            left_over: 0,
            sl: order.sl,
            tp: order.tp,
            magic: order.magic,
            reason: order.reason,
            comment: order.comment.clone(),
            time_ms: self.now_ms,
            update_ms: self.now_ms,
            swap: Money::ZERO,
        }
    }

    /// The exchange's fee and the broker's commission: with the deal, or owed.
    fn charge(&mut self, deal: &mut Deal, symbol: usize, volume: i64, later_ms: Option<i64>) {
        let of = &self.symbols[symbol];
        let costs = of.costs.on(TradingDay::from_days(self.now_ms.div_euclid(86_400_000) as i32));
        let per = |money: Money| -share(money, volume, of.lots_per_contract);
        let (fee, commission) = (per(costs.exchange_fee), per(costs.brokerage));
        let Some(later) = later_ms.or(self.settings.commission_later_ms) else {
            (deal.fee, deal.commission) = (fee, commission);
            return;
        };
        self.owed.push(Owed {
            due_ms: self.now_ms + later,
            symbol,
            order: deal.order,
            position: deal.position,
            magic: deal.magic,
            amount: fee + commission,
        });
    }

    /// Books what is owed by now; all of it at the end of a day.
    pub(crate) fn settle(&mut self, all: bool) {
        let now = self.now_ms;
        let (due, rest): (Vec<_>, _) = std::mem::take(&mut self.owed).into_iter().partition(|o| all || o.due_ms <= now);
        self.owed = rest;
        for owed in due {
            let ticket = self.new_deal();
            let comment = format!("Commission #{}", owed.order);
            let deal = self.plain(ticket, DEAL_COMMISSION);
            self.book(Deal {
                magic: owed.magic,
                position: owed.position,
                commission: owed.amount,
                symbol: Some(owed.symbol),
                comment,
                ..deal
            });
        }
    }

    /// Closes a position with its opposite: two deals of one order.
    pub(crate) fn close_by(&mut self, order: &mut Order, ticket: u64, by: u64) -> u64 {
        let (Some(mut held), Some(mut other)) = (self.positions.remove(&ticket), self.positions.remove(&by)) else {
            return 0;
        };
        let volume = held.volume.min(other.volume);
        let price = other.average();
        let mut first = 0;
        let other_cost = other.cost * i128::from(volume) / i128::from(other.volume);
        let held_cost = held.cost * i128::from(volume) / i128::from(held.volume);
        let made = i128::from(held.sign) * (other_cost - held_cost) + held.left_over + other.left_over;
        let (profit, left_over) = self.symbols[held.symbol].worth.money(made);
        other.left_over = 0;
        held.left_over = left_over;
        for (position, profit, cost) in [(&mut held, profit, held_cost), (&mut other, Money::ZERO, other_cost)] {
            let swap = share(position.swap, volume, position.volume);
            let deal = self.new_deal();
            let plain = self.plain(deal, i64::from(position.sign > 0));
            position.swap -= swap;
            position.cost -= cost;
            position.volume -= volume;
            position.update_ms = self.now_ms;
            self.book(Deal {
                order: order.ticket,
                entry: ENTRY_OUT_BY,
                magic: order.magic,
                position: position.identifier,
                reason: order.reason,
                volume,
                price,
                profit,
                swap,
                symbol: Some(order.symbol),
                comment: order.comment.clone(),
                ..plain
            });
            if first == 0 {
                first = deal;
            }
        }
        // What rounding left over goes with whichever is still open.
        if held.volume == 0 {
            other.left_over += std::mem::take(&mut held.left_over);
        }
        for position in [held, other] {
            if position.volume > 0 {
                self.positions.insert(position.ticket, position);
            }
        }
        order.current = 0;
        self.watch_stops();
        first
    }

    /// Ends an order and hands it to the history.
    pub(crate) fn end(&mut self, mut order: Order, state: i64) {
        order.state = state;
        order.done_ms = self.now_ms;
        self.tell_order(TRANSACTION_ORDER_DELETE, &order);
        self.tell_order(TRANSACTION_HISTORY_ADD, &order);
        self.past.push(order);
    }

    /// Notes where stretches without a stop begin and end.
    pub(crate) fn watch_stops(&mut self) {
        let now = self.now_ms;
        let bare = |positions: &BTreeMap<u64, Position>, id: u64| {
            positions.values().any(|position| position.identifier == id && !position.sl.is_positive())
        };
        for naked in self.naked.iter_mut().filter(|naked| naked.to_ms.is_none()) {
            if !bare(&self.positions, naked.position) {
                naked.to_ms = Some(now);
            }
        }
        self.naked.retain(|naked| naked.to_ms != Some(naked.from_ms));
        for position in self.positions.values().filter(|position| !position.sl.is_positive()) {
            if !self.naked.iter().any(|naked| naked.position == position.identifier && naked.to_ms.is_none()) {
                let (symbol, position) = (position.symbol, position.identifier);
                self.naked.push(Naked { symbol, position, from_ms: now, to_ms: None });
            }
        }
    }

    /// The night between two server dates: day orders end, exchanges forget stops, swap is charged.
    pub(crate) fn night(&mut self, weekday: i64) {
        self.settle(true);
        if self.mode == MarginMode::Exchange {
            for position in self.positions.values_mut() {
                (position.sl, position.tp) = (Price::ZERO, Price::ZERO);
                position.update_ms = self.now_ms;
            }
            self.watch_stops();
        }
        // The night after Wednesday counts three times: the weekend's two are settled with it.
        let nights = if weekday == 3 { 3 } else { 1 };
        for position in self.positions.values_mut() {
            let symbol = &self.symbols[position.symbol];
            let points = if position.sign > 0 { symbol.swap.0 } else { symbol.swap.1 };
            let amount = i128::from(symbol.point.raw() * points * nights) * i128::from(position.volume);
            position.swap += symbol.worth.money(amount).0;
        }
    }
}

/// A part of an amount, rounded once, halves away from zero.
fn share(money: Money, part: i64, whole: i64) -> Money {
    let (amount, whole) = (i128::from(money.cents()) * i128::from(part), i128::from(whole.max(1)));
    let half = if amount >= 0 { whole / 2 } else { -(whole / 2) };
    Money::from_cents(((amount + half) / whole) as i64)
}
