//! `OrderSend` at the trade server: what it refuses, and what it does.

use alavanca_kernel::{Money, Price};

use super::account::{Account, Bend, Order, sign_of};
use super::clock::ServerClock;
#[allow(clippy::wildcard_imports, reason = "a table of constants")]
use super::number::*;
use super::request::{Request, TradeAnswer};

impl Account {
    /// What the server would say to a request before it does anything: `Err` with the return code.
    pub(crate) fn check(&mut self, request: &Request, clock: &ServerClock) -> Result<(), u32> {
        match request.action {
            ACTION_DEAL => self.check_deal(request, clock),
            ACTION_PENDING => self.check_pending(request, clock),
            ACTION_SLTP => self.check_sltp(request, clock).map(|_| ()),
            ACTION_MODIFY => self.check_modify(request, clock),
            ACTION_REMOVE => match self.orders.get(&request.order) {
                None => Err(INVALID_ORDER),
                Some(order) if order.rests && self.is_frozen(order.symbol, order.price) => Err(FROZEN),
                Some(_) => Ok(()),
            },
            ACTION_CLOSE_BY => self.check_close_by(request),
            _ => Err(INVALID),
        }
    }

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
    fn settle_order(&mut self, mut order: Order) {
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
    fn work(&mut self, order: &mut Order) -> (u64, i64, Price) {
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
    fn order_of(&mut self, request: &Request, reason: i64, bend: Bend, rests: bool) -> Order {
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

    /// What every order is asked first.
    fn check_market(&mut self, request: &Request, clock: &ServerClock) -> Result<usize, u32> {
        let number = self.find(&request.symbol).ok_or(INVALID)?;
        let now = self.now_ms;
        let symbol = &mut self.symbols[number];
        if symbol.trade_mode == TRADE_DISABLED || (symbol.expires > 0 && now >= symbol.expires * 1_000) {
            return Err(TRADE_IS_DISABLED);
        }
        if !symbol.sessions.open_at(now, clock) {
            return Err(MARKET_CLOSED);
        }
        Ok(number)
    }

    fn check_volume(&self, number: usize, request: &Request) -> Result<(), u32> {
        let symbol = &self.symbols[number];
        let volume = request.volume;
        if volume < symbol.volume_min || volume > symbol.volume_max || volume % symbol.volume_step != 0 {
            return Err(INVALID_VOLUME);
        }
        let limit = self.settings.volume_limit;
        if limit > 0 {
            let sign = sign_of(request.kind);
            let same = self.orders.values().filter(|order| order.symbol == number && order.sign() == sign);
            let waiting: i64 = same.map(|order| order.current).sum();
            if (self.net_volume(number) * sign).max(0) + waiting + volume > limit && !self.closes(number, request) {
                return Err(LIMIT_VOLUME);
            }
        }
        Ok(())
    }

    /// Whether an order only takes away from what is held.
    fn closes(&self, number: usize, request: &Request) -> bool {
        if self.mode.hedges() {
            return request.position != 0;
        }
        let sign = sign_of(request.kind);
        self.net_of(number).is_some_and(|held| held.sign != sign && request.volume <= held.volume)
    }

    fn check_direction(&self, number: usize, request: &Request) -> Result<(), u32> {
        let closes = self.closes(number, request);
        match (self.symbols[number].trade_mode, sign_of(request.kind)) {
            (TRADE_CLOSEONLY, _) if !closes => Err(CLOSE_ONLY),
            (TRADE_LONGONLY, -1) if !closes => Err(LONG_ONLY),
            (TRADE_SHORTONLY, 1) if !closes => Err(SHORT_ONLY),
            _ => Ok(()),
        }
    }

    fn check_filling(&self, number: usize, request: &Request) -> Result<(), u32> {
        let symbol = &self.symbols[number];
        let allowed = match request.filling {
            FILLING_FOK => symbol.filling_mode & 1 != 0,
            FILLING_IOC => symbol.filling_mode & 2 != 0,
            FILLING_RETURN => request.action == ACTION_PENDING || symbol.execution != EXECUTION_MARKET,
            _ => false,
        };
        let pending = request.action == ACTION_PENDING && request.filling != FILLING_RETURN;
        if allowed && !pending { Ok(()) } else { Err(INVALID_FILL) }
    }

    /// Levels on their side of a price, on the grid, and not too near.
    fn check_levels(&self, number: usize, sign: i64, from: Price, sl: Price, tp: Price) -> Result<(), u32> {
        let symbol = &self.symbols[number];
        let least = symbol.point.times(i64::from(self.settings.stops_level)).raw();
        let far = |distance: Price| distance.raw() * sign > 0 && distance.raw() * sign >= least;
        let sound = |level: Price, distance: Price| {
            level == Price::ZERO || (level.is_positive() && symbol.is_on_tick(level) && far(distance))
        };
        if sound(sl, from - sl) && sound(tp, tp - from) { Ok(()) } else { Err(INVALID_STOPS) }
    }

    /// Whether a price is within the freeze level of the market.
    fn is_frozen(&self, number: usize, price: Price) -> bool {
        let freeze = self.symbols[number].point.times(i64::from(self.settings.freeze_level));
        let quote = self.quote(number);
        freeze.is_positive()
            && price.is_positive()
            && quote.is_some_and(|quote| quote.bid.distance(price).min(quote.ask.distance(price)) <= freeze)
    }

    fn check_deal(&mut self, request: &Request, clock: &ServerClock) -> Result<(), u32> {
        if !matches!(request.kind, ORDER_BUY | ORDER_SELL) {
            return Err(INVALID);
        }
        let number = self.check_market(request, clock)?;
        self.check_volume(number, request)?;
        self.check_filling(number, request)?;
        let sign = sign_of(request.kind);
        let touch = self.touch(number, sign).ok_or(PRICE_OFF)?;
        let symbol = &self.symbols[number];
        if symbol.execution == EXECUTION_INSTANT {
            if !request.price.is_positive() || !symbol.is_on_tick(request.price) {
                return Err(INVALID_PRICE);
            }
            if touch.distance(request.price) > symbol.point.times(request.deviation as i64) {
                return Err(REQUOTE);
            }
        }
        // What was bought is sold at the bid: levels are measured from there.
        let end = self.touch(number, -sign).ok_or(PRICE_OFF)?;
        self.check_levels(number, sign, end, request.sl, request.tp)?;
        self.check_position(number, request)?;
        self.check_direction(number, request)?;
        let limit = self.settings.limit_positions as usize;
        if limit > 0 && !self.closes(number, request) {
            let opens = self.mode.hedges() || self.net_of(number).is_none();
            if opens && self.positions.len() >= limit {
                return Err(LIMIT_POSITIONS);
            }
        }
        self.check_money(number, sign * request.volume, touch, request)
    }

    fn check_position(&self, number: usize, request: &Request) -> Result<(), u32> {
        let sign = sign_of(request.kind);
        if request.position == 0 {
            let against = self.positions.values().any(|held| held.symbol == number && held.sign != sign);
            let hedged = self.mode.hedges() && self.settings.hedge_prohibited && against;
            return if hedged { Err(HEDGE_PROHIBITED) } else { Ok(()) };
        }
        let held = self.positions.get(&request.position).filter(|held| held.symbol == number);
        let Some(held) = held else { return Err(POSITION_CLOSED) };
        if !self.mode.hedges() {
            return Ok(());
        }
        if held.sign == sign {
            return Err(INVALID);
        }
        if request.volume > held.volume {
            return Err(INVALID_CLOSE_VOLUME);
        }
        if self.orders.values().any(|order| order.position == held.ticket && !order.rests) {
            return Err(CLOSE_ORDER_EXIST);
        }
        let older = |other: &&super::account::Position| {
            other.symbol == number && other.sign == held.sign && other.ticket < held.ticket
        };
        if self.settings.fifo && self.positions.values().any(|other| older(&other)) {
            return Err(FIFO_CLOSE);
        }
        Ok(())
    }

    fn check_money(&self, number: usize, volume: i64, price: Price, request: &Request) -> Result<(), u32> {
        if self.closes(number, request) {
            return Ok(());
        }
        let (before, after) = (self.margin(None), self.margin(Some((number, volume, price))));
        if after > before && after > self.equity() { Err(NO_MONEY) } else { Ok(()) }
    }

    fn check_pending(&mut self, request: &Request, clock: &ServerClock) -> Result<(), u32> {
        let kind = request.kind;
        if !(ORDER_BUY_LIMIT..=ORDER_SELL_STOP_LIMIT).contains(&kind) {
            return Err(INVALID);
        }
        let number = self.check_market(request, clock)?;
        self.check_volume(number, request)?;
        self.check_filling(number, request)?;
        self.check_direction(number, request)?;
        self.check_expiration(request)?;
        self.check_resting(number, request)?;
        let limit = self.settings.limit_orders as usize;
        if limit > 0 && self.orders.len() >= limit { Err(LIMIT_ORDERS) } else { Ok(()) }
    }

    /// Price and levels of an order that rests.
    fn check_resting(&self, number: usize, request: &Request) -> Result<(), u32> {
        let symbol = &self.symbols[number];
        let sign = sign_of(request.kind);
        let touch = self.touch(number, sign).ok_or(PRICE_OFF)?;
        let least = symbol.point.times(i64::from(self.settings.stops_level)).raw();
        if !request.price.is_positive() || !symbol.is_on_tick(request.price) {
            return Err(INVALID_PRICE);
        }
        // A limit waits on the better side of the market, a stop on the worse.
        let way = if matches!(request.kind, ORDER_BUY_LIMIT | ORDER_SELL_LIMIT) { -sign } else { sign };
        let distance = (request.price - touch).raw() * way;
        if distance <= 0 || distance < least {
            return Err(INVALID_PRICE);
        }
        let mut from = request.price;
        if matches!(request.kind, ORDER_BUY_STOP_LIMIT | ORDER_SELL_STOP_LIMIT) {
            let behind = (request.price - request.stoplimit).raw() * sign;
            if !request.stoplimit.is_positive() || !symbol.is_on_tick(request.stoplimit) || behind < 0 {
                return Err(INVALID_PRICE);
            }
            from = request.stoplimit;
        }
        self.check_levels(number, sign, from, request.sl, request.tp)
    }

    fn check_expiration(&self, request: &Request) -> Result<(), u32> {
        let dated = matches!(request.time_type, TIME_SPECIFIED | TIME_SPECIFIED_DAY);
        let known = (TIME_GTC..=TIME_SPECIFIED_DAY).contains(&request.time_type);
        let passed = dated && request.expiration * 1_000 <= self.now_ms;
        if known && !passed { Ok(()) } else { Err(INVALID_EXPIRATION) }
    }

    /// The position that levels are asked for.
    fn check_sltp(&mut self, request: &Request, clock: &ServerClock) -> Result<u64, u32> {
        let held = if request.position != 0 {
            self.positions.get(&request.position)
        } else if self.mode.hedges() {
            return Err(INVALID);
        } else {
            self.find(&request.symbol).and_then(|number| self.net_of(number))
        };
        let held = held.cloned().ok_or(POSITION_CLOSED)?;
        if !request.symbol.is_empty() && self.find(&request.symbol) != Some(held.symbol) {
            return Err(INVALID);
        }
        let symbol = &mut self.symbols[held.symbol];
        if !symbol.sessions.open_at(self.now_ms, clock) {
            return Err(MARKET_CLOSED);
        }
        if (held.sl, held.tp) == (request.sl, request.tp) {
            return Err(NO_CHANGES);
        }
        if self.is_frozen(held.symbol, held.sl) || self.is_frozen(held.symbol, held.tp) {
            return Err(FROZEN);
        }
        let end = self.touch(held.symbol, -held.sign).ok_or(PRICE_OFF)?;
        self.check_levels(held.symbol, held.sign, end, request.sl, request.tp)?;
        Ok(held.ticket)
    }

    fn check_modify(&mut self, request: &Request, clock: &ServerClock) -> Result<(), u32> {
        let Some(order) = self.orders.get(&request.order).filter(|order| order.rests).cloned() else {
            return Err(INVALID_ORDER);
        };
        let symbol = &mut self.symbols[order.symbol];
        if !symbol.sessions.open_at(self.now_ms, clock) {
            return Err(MARKET_CLOSED);
        }
        if self.is_frozen(order.symbol, order.price) {
            return Err(FROZEN);
        }
        let same = (order.price, order.stoplimit, order.sl, order.tp, order.time_type, order.expiration)
            == (request.price, request.stoplimit, request.sl, request.tp, request.time_type, request.expiration);
        if same {
            return Err(NO_CHANGES);
        }
        self.check_expiration(request)?;
        self.check_resting(order.symbol, &Request { kind: order.kind, ..request.clone() })
    }

    fn check_close_by(&self, request: &Request) -> Result<(), u32> {
        if !self.mode.hedges() {
            return Err(INVALID);
        }
        let (held, by) = (self.positions.get(&request.position), self.positions.get(&request.position_by));
        match (held, by) {
            (Some(held), Some(by)) if held.symbol == by.symbol && held.sign != by.sign => Ok(()),
            (Some(_), Some(_)) => Err(INVALID),
            _ => Err(POSITION_CLOSED),
        }
    }

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
            let Some(quote) = self.quote(position.symbol).filter(super::tape::Print::is_tradable) else { continue };
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
