//! What a tick sets off at the trade server: waiting orders, stops, targets, the stop-out.

use alavanca_kernel::{Money, Price};

use super::account::{Account, Bend, Order};
#[allow(clippy::wildcard_imports, reason = "a table of constants")]
use super::number::*;
use super::request::Request;
use super::tape::Print;

impl Account {
    /// What a new tick of a feed brings: fills of what waits, orders whose price has come, stops, targets.
    pub(crate) fn on_tick(&mut self, feed: usize) {
        self.taken[feed] = 0;
        self.settle(false);
        self.expire();
        let of_feed = |account: &Self, order: &Order| account.symbols[order.symbol].feed == feed;
        let tickets: Vec<u64> = self.orders.values().filter(|order| of_feed(self, order)).map(|o| o.ticket).collect();
        for ticket in tickets {
            let Some(mut order) = self.orders.remove(&ticket) else { continue };
            if order.rests && self.has_come(&mut order) && !self.can_pay(&order) {
                self.end(order, STATE_REJECTED);
            } else if order.rests || order.due_ms > self.now_ms {
                self.orders.insert(ticket, order);
            } else if order.dies {
                self.end(order, STATE_CANCELED);
            } else {
                let before = order.current;
                self.work(&mut order);
                if order.current == before && order.filling != FILLING_IOC {
                    self.orders.insert(ticket, order);
                } else {
                    self.settle_order(order);
                }
            }
        }
        self.stops(feed);
        self.stop_out();
    }

    /// Whether a resting order's price is there; it does not rest any more then.
    fn has_come(&self, order: &mut Order) -> bool {
        let Some(touch) = self.touch(order.symbol, order.sign()) else { return false };
        let reached = |price: Price, way: i64| (touch - price).raw() * way >= 0;
        let sign = order.sign();
        match order.kind {
            ORDER_BUY_LIMIT | ORDER_SELL_LIMIT => order.rests = !reached(order.price, -sign),
            ORDER_BUY_STOP | ORDER_SELL_STOP => order.rests = !reached(order.price, sign),
            _ if reached(order.price, sign) => {
                order.kind = if sign > 0 { ORDER_BUY_LIMIT } else { ORDER_SELL_LIMIT };
                order.price = order.stoplimit;
                order.rests = !reached(order.price, -sign);
            }
            _ => {}
        }
        !order.rests
    }

    fn can_pay(&self, order: &Order) -> bool {
        let (before, more) = (self.margin(None), Some((order.symbol, order.sign() * order.current, order.price)));
        let after = self.margin(more);
        after <= before || after <= self.equity()
    }

    fn expire(&mut self) {
        let day = |ms: i64| ms.div_euclid(86_400_000);
        let now = self.now_ms;
        let over = |order: &&Order| match order.time_type {
            TIME_DAY => day(order.setup_ms) < day(now),
            TIME_SPECIFIED => order.expiration * 1_000 <= now,
            TIME_SPECIFIED_DAY => day(order.expiration * 1_000) < day(now),
            _ => false,
        };
        let tickets: Vec<u64> = self.orders.values().filter(|o| o.rests).filter(over).map(|o| o.ticket).collect();
        for ticket in tickets {
            if let Some(order) = self.orders.remove(&ticket) {
                self.end(order, STATE_EXPIRED);
            }
        }
    }

    /// Stops and targets that the market has touched, filled at the touch.
    fn stops(&mut self, feed: usize) {
        let held: Vec<_> = self.positions.values().filter(|p| self.symbols[p.symbol].feed == feed).cloned().collect();
        for position in held {
            let Some(quote) = self.quote(position.symbol).filter(Print::is_tradable) else { continue };
            let seen = if self.symbols[position.symbol].stops_by_last() && quote.last.is_positive() {
                quote.last
            } else if position.sign > 0 {
                quote.bid
            } else {
                quote.ask
            };
            let beyond = |level: Price, way: i64| level.is_positive() && (seen - level).raw() * way >= 0;
            let (reason, level) = if beyond(position.sl, -position.sign) {
                (REASON_SL, position.sl)
            } else if beyond(position.tp, position.sign) {
                (REASON_TP, position.tp)
            } else {
                continue;
            };
            let word = if reason == REASON_SL { "sl" } else { "tp" };
            let digits = self.symbols[position.symbol].digits as usize;
            self.force(position.ticket, reason, format!("[{word} {:.digits$}]", level.to_f64()));
        }
    }

    /// The margin level is too low: the position that loses most goes first.
    fn stop_out(&mut self) {
        for _ in 0..self.positions.len() {
            let margin = self.margin(None);
            if margin == Money::ZERO || self.equity().cents() * 2 > margin.cents() {
                return;
            }
            let worst = self.positions.values().min_by_key(|position| self.open_profit(position));
            let Some(ticket) = worst.map(|position| position.ticket) else { return };
            if !self.force(ticket, REASON_SO, "[so]".to_owned()) {
                return;
            }
        }
    }

    /// The server closes a position by itself. `false` where it is at it already.
    fn force(&mut self, ticket: u64, reason: i64, comment: String) -> bool {
        let Some(position) = self.positions.get(&ticket).cloned() else { return false };
        let at_it = |order: &Order| order.position == position.identifier && order.reason >= REASON_SL;
        if self.orders.values().any(at_it) {
            return false;
        }
        let request = Request {
            symbol: self.symbols[position.symbol].name.clone(),
            magic: if self.settings.stops_lose_magic { 0 } else { position.magic },
            volume: position.volume,
            kind: if position.sign > 0 { ORDER_SELL } else { ORDER_BUY },
            filling: FILLING_RETURN,
            comment,
            position: position.ticket,
            ..Request::default()
        };
        let bend = Bend { comment: Some(request.comment.clone()), ..Bend::default() };
        let mut order = self.order_of(&request, reason, bend, false);
        order.position = position.identifier;
        self.work(&mut order);
        self.settle_order(order);
        true
    }

    /// Levels that vanish or are set without a request: the broker's doing, or the user's.
    pub(crate) fn set_levels(&mut self, symbol: usize, sl: Price, tp: Price) {
        let now = self.now_ms;
        let mut changed = Vec::new();
        for position in self.positions.values_mut().filter(|position| position.symbol == symbol) {
            (position.sl, position.tp, position.update_ms) = (sl, tp, now);
            changed.push(position.clone());
        }
        for position in changed {
            self.tell_position(&position);
        }
        self.watch_stops();
    }
}
