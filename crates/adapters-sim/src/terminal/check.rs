//! What the trade server refuses, and with which return code.

use alavanca_kernel::Price;

use super::account::{Account, Position, sign_of};
use super::clock::ServerClock;
#[allow(clippy::wildcard_imports, reason = "a table of constants")]
use super::number::*;
use super::request::Request;

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
        let older = |other: &&Position| other.symbol == number && other.sign == held.sign && other.ticket < held.ticket;
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
    pub(super) fn check_sltp(&mut self, request: &Request, clock: &ServerClock) -> Result<u64, u32> {
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
}
