//! `OrderSend` at the trade server: what it does.

use alavanca_kernel::Price;

use super::account::{Account, Bend, Order, sign_of};
use super::clock::ServerClock;
#[allow(clippy::wildcard_imports, reason = "a table of constants")]
use super::number::*;
use super::request::{Request, TradeAnswer};

impl Account {
    /// Does it.
    pub(crate) fn send(&mut self, request: &Request, reason: i64, bend: Bend, clock: &ServerClock) -> TradeAnswer {
        if let Err(retcode) = self.check(request, clock) {
            return TradeAnswer::refused(retcode);
        }
        match request.action {
            ACTION_DEAL => self.deal(request, reason, bend),
            ACTION_PENDING => {
                let order = self.order_of(request, reason, bend, true);
                let answer = TradeAnswer { retcode: DONE, order: order.ticket, ..TradeAnswer::default() };
                self.orders.insert(order.ticket, order);
                answer
            }
            ACTION_SLTP => {
                let Ok(ticket) = self.check_sltp(request, clock) else { return TradeAnswer::refused(POSITION_CLOSED) };
                let now = self.now_ms;
                if let Some(position) = self.positions.get_mut(&ticket) {
                    (position.sl, position.tp, position.update_ms) = (request.sl, request.tp, now);
                    let position = position.clone();
                    self.tell_position(&position);
                }
                self.watch_stops();
                TradeAnswer::refused(DONE)
            }
            ACTION_MODIFY => {
                if let Some(mut order) = self.orders.remove(&request.order) {
                    (order.price, order.stoplimit) = (request.price, request.stoplimit);
                    (order.sl, order.tp) = (request.sl, request.tp);
                    (order.time_type, order.expiration) = (request.time_type, request.expiration);
                    self.tell_order(TRANSACTION_ORDER_UPDATE, &order);
                    self.orders.insert(order.ticket, order);
                }
                TradeAnswer { retcode: DONE, order: request.order, ..TradeAnswer::default() }
            }
            ACTION_REMOVE => {
                if let Some(order) = self.orders.remove(&request.order) {
                    self.end(order, STATE_CANCELED);
                }
                TradeAnswer { retcode: DONE, order: request.order, ..TradeAnswer::default() }
            }
            _ => {
                let Some(held) = self.positions.get(&request.position) else {
                    return TradeAnswer::refused(POSITION_CLOSED);
                };
                let (symbol, volume) = (held.symbol, held.volume);
                let name = self.symbols[symbol].name.clone();
                let by = self.positions.get(&request.position_by).map_or(0, |by| by.volume);
                let asked = Request { symbol: name, kind: ORDER_CLOSE_BY, volume: volume.min(by), ..request.clone() };
                let mut order = self.order_of(&asked, reason, bend, false);
                let deal = self.close_by(&mut order, request.position, request.position_by);
                let answer =
                    TradeAnswer { retcode: DONE, deal, order: order.ticket, volume: order.initial, price: order.price };
                self.end(order, STATE_FILLED);
                answer
            }
        }
    }

    /// A market order: at once as far as the tick goes, else what its filling says.
    fn deal(&mut self, request: &Request, reason: i64, bend: Bend) -> TradeAnswer {
        let mut order = self.order_of(request, reason, bend, false);
        let ticket = order.ticket;
        if let Some(later) = order.bend.placed_ms.or(self.settings.fill_delay_ms) {
            order.due_ms = self.now_ms + later;
            order.dies = order.bend.placed_dies;
            let volume = order.initial;
            self.orders.insert(ticket, order);
            return TradeAnswer { retcode: PLACED, order: ticket, volume, ..TradeAnswer::default() };
        }
        if order.filling == FILLING_FOK && self.at_hand(&order) < order.current {
            self.end(order, STATE_CANCELED);
            return TradeAnswer { retcode: REJECT, order: ticket, ..TradeAnswer::default() };
        }
        let (deal, volume, price) = self.work(&mut order);
        let whole = order.current == 0;
        self.settle_order(order);
        let retcode = match volume {
            0 if self.orders.contains_key(&ticket) => PLACED,
            0 => REJECT,
            _ if whole => DONE,
            _ => DONE_PARTIAL,
        };
        TradeAnswer { retcode, deal, order: ticket, volume, price }
    }

    /// Ends an order that is filled or may not wait; else it stays.
    pub(super) fn settle_order(&mut self, mut order: Order) {
        if order.current == 0 {
            self.end(order, STATE_FILLED);
        } else if let Some(later) = order.bend.rest_ms.take() {
            order.state = STATE_PARTIAL;
            order.due_ms = self.now_ms + later;
            order.bend.partial = None;
            self.tell_order(TRANSACTION_ORDER_UPDATE, &order);
            self.orders.insert(order.ticket, order);
        } else if order.bend.partial.is_some() || matches!(order.filling, FILLING_IOC | FILLING_FOK) {
            self.end(order, STATE_CANCELED);
        } else {
            order.state = if order.current < order.initial { STATE_PARTIAL } else { STATE_PLACED };
            // What is left of a limit waits for its price again.
            order.rests = matches!(order.kind, ORDER_BUY_LIMIT | ORDER_SELL_LIMIT);
            self.tell_order(TRANSACTION_ORDER_UPDATE, &order);
            self.orders.insert(order.ticket, order);
        }
    }

    /// What the tick still gives to an order.
    fn at_hand(&self, order: &Order) -> i64 {
        let of_tick = self.depth.map_or(i64::MAX, |depth| depth - self.taken[self.symbols[order.symbol].feed]);
        of_tick.min(order.bend.partial.unwrap_or(i64::MAX)).max(0)
    }

    /// Fills what can be filled now: the deal, how much, and at what price.
    pub(super) fn work(&mut self, order: &mut Order) -> (u64, i64, Price) {
        let volume = self.at_hand(order).min(order.current);
        let Some(touch) = self.touch(order.symbol, order.sign()).filter(|_| volume > 0) else {
            return (0, 0, Price::ZERO);
        };
        let symbol = &self.symbols[order.symbol];
        let worse = Price::from_raw(symbol.point.raw() * order.bend.slip_points * order.sign());
        let price = touch + worse;
        let before = order.current;
        let deal = self.fill(order, volume, price);
        if deal == 0 {
            // The position that it was to close is gone.
            order.bend.rest_ms = None;
            order.filling = FILLING_IOC;
        }
        (deal, before - order.current, price)
    }

    /// A new order of a request.
    pub(super) fn order_of(&mut self, request: &Request, reason: i64, bend: Bend, rests: bool) -> Order {
        let ticket = self.new_order();
        let symbol = self.find(&request.symbol).unwrap_or_default();
        let comment = match &bend.comment {
            Some(comment) => comment.clone(),
            None if self.settings.rewrites_comments => format!("broker {}", ticket % 1_000),
            None => request.comment.clone(),
        };
        let keeps = |level: Price| if bend.drops_stops { Price::ZERO } else { level };
        let touch = self.touch(symbol, sign_of(request.kind)).unwrap_or_default();
        let order = Order {
            ticket,
            symbol,
            kind: request.kind,
            filling: request.filling,
            time_type: request.time_type,
            expiration: request.expiration,
            setup_ms: self.now_ms,
            done_ms: 0,
            state: STATE_PLACED,
            magic: request.magic,
            position: request.position,
            position_by: request.position_by,
            reason,
            initial: request.volume,
            current: request.volume,
            price: if rests { request.price } else { touch },
            stoplimit: request.stoplimit,
            sl: keeps(request.sl),
            tp: keeps(request.tp),
            comment,
            rests,
            due_ms: 0,
            dies: false,
            bend,
        };
        self.tell_order(TRANSACTION_ORDER_ADD, &order);
        order
    }

    /// The place of a symbol.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.symbols.iter().position(|symbol| symbol.name == name)
    }
}
