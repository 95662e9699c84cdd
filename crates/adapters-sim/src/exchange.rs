use alavanca_calendar::{TradingZone, ZoneSettings};
use alavanca_kernel::{
    AccountMode, Bar, Contracts, CostSchedule, CostTimeline, Costs, ExitAt, ExitKind, ExitLevels, FillReport,
    Instrument, LegId, Money, OrderId, OrderIntent, OrderReport, OrderRequest, Price, RejectReason, SettingError, Side,
    SymbolId, Tick, Timestamp, Touch, touch_bar, touch_tick,
};
use alavanca_ports::{Account, BrokerLeg};

use crate::random::SplitMix;
use crate::settings::check_costs;
use crate::worth::Worth;
use crate::{FillAt, SimSettings};

/// A simulated exchange with one account. See `docs/decisions/0003-fills.md` for every rule of its fills.
///
/// A symbol is driven either by bars or by ticks. For bars a turn is: [`on_bar`](Self::on_bar), the engine's step with
/// its [`submit`](Self::submit)s, [`after_bar`](Self::after_bar); for ticks: [`on_tick`](Self::on_tick), the step. The
/// exchange is told first, so that an order never meets the bar or tick it was decided on.
///
/// Bars and ticks that are unsound, repeated or late change nothing here, as they change nothing in the engine.
#[derive(Debug)]
pub struct SimExchange {
    markets: Vec<Market>,
    balance: Money,
    books: Books,
    rules: Rules,
    /// Every id that was ever submitted, in order.
    used: Vec<OrderId>,
}

/// The exchange's own statement of what it did. Always `gross = net + commission + spread_and_slippage`, and
/// `net` is what the balance has moved since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Books {
    /// What closed contracts made between the reference prices, before all costs.
    pub gross: Money,
    /// Commission of all fills.
    pub commission: Money,
    /// What closed contracts lost to spread and slippage.
    pub spread_and_slippage: Money,
    /// What the balance has moved: commission at every fill, results at closing fills.
    pub net: Money,
    /// Fills, whole and in part, of orders and of resting exits.
    pub fills: u64,
    /// Orders that were refused.
    pub rejects: u64,
    /// Orders that ended with something unfilled.
    pub cancels: u64,
}

#[derive(Debug)]
struct Rules {
    mode: AccountMode,
    fill: FillAt,
    latency_micros: i64,
    fill_max: Contracts,
    /// An order is refused where its draw of 64 bits lies below.
    reject_below: u128,
    seed: u64,
}

#[derive(Debug)]
struct Market {
    legs: Vec<Leg>,
    pending: Vec<Pending>,
    /// What a long could leave at now, and what a short could.
    leave: [Price; 2],
    /// The last bar's begin or the last tick's time.
    last: Timestamp,
    /// What trading costs now ...
    costs: Costs,
    /// ... and on any day.
    tariff: CostTimeline,
    worth: Worth,
    tick: Price,
    margin: Money,
}

#[derive(Debug)]
struct Leg {
    levels: ExitLevels,
    /// What the bar of the moment touches.
    touched: Option<Touch>,
    keep_at_limit: bool,
    id: LegId,
    open: Contracts,
    /// Entry price times contracts over what is open.
    entry_sum: i128,
    /// What is open, oldest first: closed in that order.
    lots: Vec<Lot>,
}

#[derive(Clone, Copy, Debug)]
struct Lot {
    price: Price,
    reference: Price,
    quantity: Contracts,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    order: OrderRequest,
    remaining: Contracts,
    ended: bool,
}

/// The price of a fill, and the price it was made from.
#[derive(Clone, Copy)]
struct Quote {
    price: Price,
    reference: Price,
}

impl SimExchange {
    /// An exchange for these instruments: the first is symbol 0, and so on. Costs change with the trading days of the
    /// usual zone.
    pub fn new(settings: SimSettings, instruments: Vec<Instrument>) -> Result<Self, SettingError> {
        Self::in_zone(settings, instruments, TradingZone::new(&ZoneSettings::default())?)
    }

    /// The same where trading days are those of another zone.
    pub fn in_zone(
        settings: SimSettings,
        instruments: Vec<Instrument>,
        zone: TradingZone,
    ) -> Result<Self, SettingError> {
        settings.check()?;
        if instruments.is_empty() || instruments.len() > usize::from(u16::MAX) {
            return Err(SettingError::new("SYMBOLS", instruments.len(), "1 to 65535 instruments"));
        }
        let markets = instruments.iter().map(|i| Market::new(i, settings.costs, zone)).collect::<Result<_, _>>()?;
        let share = settings.reject_probability.get();
        Ok(Self {
            markets,
            balance: settings.balance,
            books: Books::default(),
            rules: Rules {
                mode: settings.mode,
                fill: settings.fill,
                latency_micros: i64::from(settings.latency_ms) * 1_000,
                fill_max: settings.partial_fill_max.unwrap_or(Contracts::new(u32::MAX)),
                reject_below: (share * 2_f64.powi(64)) as u128,
                seed: settings.seed,
            },
            used: Vec::new(),
        })
    }

    /// A bar closed. Told before the engine sees it: fills what is pending at its open, then touches the exits that
    /// rest, and appends what happened in order of time.
    #[inline]
    pub fn on_bar(&mut self, symbol: SymbolId, bar: &Bar, reports: &mut Vec<OrderReport>) {
        let Some(market) = self.markets.get_mut(symbol.index()) else { return };
        if bar.time <= market.last || !bar.is_sound() {
            return;
        }
        market.begin(bar.time);
        market.leave = [bar.close; 2];
        if !market.pending.is_empty() || market.legs.iter().any(|leg| touch_bar(&leg.levels, bar).is_some()) {
            self.on_busy_bar(symbol, bar, reports);
        }
    }

    /// With `FILL=CLOSE`: fills at the bar's close what was submitted during its step. Else does nothing.
    #[inline]
    pub fn after_bar(&mut self, symbol: SymbolId, bar: &Bar, reports: &mut Vec<OrderReport>) {
        let Some(market) = self.markets.get(symbol.index()) else { return };
        if self.rules.fill != FillAt::Close || market.pending.is_empty() || bar.time != market.last {
            return;
        }
        let adverse = market.adverse();
        let quote = |side: Side| Quote { price: side.ahead(bar.close, adverse), reference: bar.close };
        self.fill(symbol, bar.end(), bar.end(), quote, reports);
    }

    /// A tick came in. Told before the engine sees it: fills what is pending and has arrived, then touches the exits
    /// that rest. A tick that is not tradable does neither.
    #[inline]
    pub fn on_tick(&mut self, symbol: SymbolId, tick: &Tick, reports: &mut Vec<OrderReport>) {
        let Some(market) = self.markets.get_mut(symbol.index()) else { return };
        if tick.time < market.last || !tick.is_tradable() {
            return;
        }
        market.begin(tick.time);
        market.leave = [tick.bid, tick.ask];
        if market.pending.is_empty() && market.legs.is_empty() {
            return;
        }
        self.on_busy_tick(symbol, tick, reports);
    }

    /// Takes an order. What is wrong at once is refused here; else it is pending until the market's next bar or tick.
    pub fn submit(&mut self, order: &OrderRequest, reports: &mut Vec<OrderReport>) {
        match self.admit(order) {
            Ok(()) => self.markets[order.symbol.index()].pending.push(Pending {
                order: *order,
                remaining: order.quantity,
                ended: false,
            }),
            Err(reason) => {
                self.books.rejects += 1;
                reports.push(rejected(order, reason, order.at));
            }
        }
    }

    /// Moves a leg's stop, onto the tick grid. False where there is no such leg or the stop would be on the wrong side
    /// of the market: then nothing has moved.
    pub fn move_stop(&mut self, symbol: SymbolId, leg: LegId, stop: Price) -> bool {
        self.leg_mut(symbol, leg).is_some_and(|(leg, rules)| leg.move_exits(rules, stop, leg.levels.take_profit()))
    }

    /// Moves a leg's stop and target, onto the tick grid; no target takes it away. False as for
    /// [`move_stop`](Self::move_stop), or where the target would be on the wrong side of the market.
    pub fn move_exits(&mut self, symbol: SymbolId, leg: LegId, stop: Price, target: Option<Price>) -> bool {
        self.leg_mut(symbol, leg).is_some_and(|(leg, rules)| leg.move_exits(rules, stop, target))
    }

    /// Ends a pending order; what it filled before stands. False where no such order is pending.
    pub fn cancel(&mut self, order: OrderId, at: Timestamp, reports: &mut Vec<OrderReport>) -> bool {
        for market in &mut self.markets {
            if let Some(place) = market.pending.iter().position(|pending| pending.order.id == order) {
                let pending = market.pending.remove(place);
                self.books.cancels += 1;
                reports.push(canceled(&pending, at));
                return true;
            }
        }
        false
    }

    /// There will be no more market: fills what is pending at the last price that was seen, as a market order then. For
    /// the end of a run; what never had a price stays pending.
    pub fn fill_at_last(&mut self, at: Timestamp, reports: &mut Vec<OrderReport>) {
        for index in 0..self.markets.len() {
            let market = &self.markets[index];
            let [bid, ask] = market.leave;
            if market.pending.is_empty() || !bid.is_positive() {
                continue;
            }
            // A book shows its own spread; a bar's close does not.
            let adverse = if bid == ask { market.adverse() } else { market.costs.slippage };
            let reference = bid + (ask - bid).half();
            let quote = |side: Side| {
                let tradable = if side == Side::Buy { ask } else { bid };
                Quote { price: side.ahead(tradable, adverse), reference }
            };
            self.fill(SymbolId::new(index as u16), at, at, quote, reports);
        }
    }

    /// The account at the last prices. Free margin is equity less the broker's margin of what is open.
    pub fn account(&self, at: Timestamp) -> Account {
        let equity = self.equity();
        Account { mode: self.rules.mode, balance: self.balance, equity, free_margin: equity - self.margin_in_use(), at }
    }

    /// Balance and open result.
    #[inline]
    pub fn equity(&self) -> Money {
        self.balance + self.open_result()
    }

    /// What all legs would make if they ended at the last price (a bar's close; on ticks the bid for a long and the ask
    /// for a short), less the commission of ending them. Spread and slippage of bars come with the exit itself.
    #[inline]
    pub fn open_result(&self) -> Money {
        let mut result = Money::ZERO;
        for market in &self.markets {
            for leg in &market.legs {
                result += market.open_result(leg);
            }
        }
        result
    }

    /// The margin that so many contracts of a symbol take; `None` for a symbol that is not traded here.
    pub fn margin_of(&self, symbol: SymbolId, quantity: Contracts) -> Option<Money> {
        self.markets.get(symbol.index()).map(|market| market.margin_of(quantity))
    }

    /// All open legs, by symbol and then in the order in which they were opened.
    pub fn legs(&self) -> impl Iterator<Item = BrokerLeg> + '_ {
        self.markets.iter().enumerate().flat_map(|(index, market)| {
            market.legs.iter().map(move |leg| BrokerLeg {
                symbol: SymbolId::new(index as u16),
                leg: leg.id,
                side: leg.levels.side(),
                quantity: leg.open,
                entry: leg.average_entry(),
                stop_loss: leg.levels.stop_loss(),
                take_profit: leg.levels.take_profit(),
            })
        })
    }

    /// Goes on with a leg that an exchange before this one had open; for paper trading after a restart. A leg of a
    /// symbol that is not traded here, or that is there already, is left out.
    pub fn take_up(&mut self, leg: &BrokerLeg, levels: ExitLevels, keep_at_limit: bool) {
        let Some(market) = self.markets.get_mut(leg.symbol.index()) else { return };
        if leg.quantity.is_zero() || market.legs.iter().any(|open| open.id == leg.leg) {
            return;
        }
        let lot = Lot { price: leg.entry, reference: leg.entry, quantity: leg.quantity };
        market.legs.push(Leg {
            levels,
            touched: None,
            keep_at_limit,
            id: leg.leg,
            open: leg.quantity,
            entry_sum: i128::from(leg.entry.raw()) * i128::from(leg.quantity.count()),
            lots: vec![lot],
        });
    }

    /// Open contracts of a symbol: bought ones less sold ones.
    pub fn position(&self, symbol: SymbolId) -> i64 {
        let legs = self.markets.get(symbol.index()).map_or(&[][..], |market| &market.legs);
        legs.iter().map(|leg| leg.levels.side().sign() * i64::from(leg.open.count())).sum()
    }

    /// Whether nothing is pending and nothing open.
    #[inline]
    pub fn is_idle(&self, symbol: SymbolId) -> bool {
        self.markets.get(symbol.index()).is_none_or(|market| market.pending.is_empty() && market.legs.is_empty())
    }

    /// The statement so far.
    pub fn books(&self) -> Books {
        self.books
    }

    /// A leg, with the tick size and what can be left at.
    fn leg_mut(&mut self, symbol: SymbolId, leg: LegId) -> Option<(&mut Leg, (Price, [Price; 2]))> {
        let market = self.markets.get_mut(symbol.index())?;
        let rules = (market.tick, market.leave);
        market.legs.iter_mut().find(|open| open.id == leg).map(|leg| (leg, rules))
    }

    /// Whether an id was submitted before, whatever became of it.
    pub(crate) fn knows(&self, order: OrderId) -> bool {
        self.used.binary_search(&order).is_ok()
    }

    #[cold]
    fn on_busy_bar(&mut self, symbol: SymbolId, bar: &Bar, reports: &mut Vec<OrderReport>) {
        if self.rules.fill == FillAt::NextOpen {
            let market = &mut self.markets[symbol.index()];
            // Margin is asked for at the price of the fill, not at the close before a gap.
            market.leave = [bar.open; 2];
            let adverse = market.adverse();
            let quote = |side: Side| Quote { price: side.ahead(bar.open, adverse), reference: bar.open };
            self.fill(symbol, bar.time, bar.time, quote, reports);
        }
        self.exit_on_bar(symbol, bar, reports);
        self.markets[symbol.index()].leave = [bar.close; 2];
    }

    fn exit_on_bar(&mut self, symbol: SymbolId, bar: &Bar, reports: &mut Vec<OrderReport>) {
        let market = &mut self.markets[symbol.index()];
        let adverse = market.adverse();
        for leg in &mut market.legs {
            leg.touched = leg.touched_by(|levels| touch_bar(levels, bar));
        }
        // What happened at the open comes first.
        for at_open in [true, false] {
            let mut place = 0;
            while let Some(leg) = self.markets[symbol.index()].legs.get(place) {
                match leg.touched {
                    Some(touch) if (touch.at == bar.time) == at_open => {
                        let worse = if touch.kind == ExitKind::TakeProfit { Price::ZERO } else { adverse };
                        let price = leg.levels.side().opposite().ahead(touch.price, worse);
                        self.exit(symbol, place, touch, Quote { price, reference: touch.price }, reports);
                    }
                    _ => place += 1,
                }
            }
        }
    }

    fn on_busy_tick(&mut self, symbol: SymbolId, tick: &Tick, reports: &mut Vec<OrderReport>) {
        let slippage = self.markets[symbol.index()].costs.slippage;
        let middle = tick.bid + (tick.ask - tick.bid).half();
        if !self.markets[symbol.index()].pending.is_empty() {
            let sent_by = tick.time.plus_micros(-self.rules.latency_micros);
            let quote = |side: Side| {
                let tradable = match side {
                    Side::Buy => tick.ask,
                    Side::Sell => tick.bid,
                };
                Quote { price: side.ahead(tradable, slippage), reference: middle }
            };
            self.fill(symbol, sent_by, tick.time, quote, reports);
        }
        let mut place = 0;
        while let Some(leg) = self.markets[symbol.index()].legs.get_mut(place) {
            let Some(touch) = leg.touched_by(|levels| touch_tick(levels, tick)) else {
                place += 1;
                continue;
            };
            let quote = match touch.kind {
                ExitKind::TakeProfit => Quote { price: touch.price, reference: touch.price },
                _ => Quote { price: leg.levels.side().opposite().ahead(touch.price, slippage), reference: middle },
            };
            self.exit(symbol, place, touch, quote, reports);
        }
    }

    /// Whether an order can be taken at all.
    fn admit(&mut self, order: &OrderRequest) -> Result<(), RejectReason> {
        match self.used.last() {
            Some(&last) if last >= order.id => match self.used.binary_search(&order.id) {
                Ok(_) => return Err(RejectReason::DuplicateId),
                Err(place) => self.used.insert(place, order.id),
            },
            _ => self.used.push(order.id),
        }
        let market = self.markets.get(order.symbol.index()).ok_or(RejectReason::UnknownSymbol)?;
        if order.quantity.is_zero() {
            return Err(RejectReason::InvalidVolume);
        }
        let draw = SplitMix::stream(self.rules.seed, order.id.get()).next();
        if u128::from(draw) < self.rules.reject_below {
            return Err(RejectReason::Other);
        }
        let leg = market.legs.iter().find(|leg| leg.id == order.leg);
        match order.intent {
            OrderIntent::Close => {
                let leg = leg.ok_or(RejectReason::NothingToClose)?;
                if leg.levels.side() == order.side {
                    return Err(RejectReason::Other);
                }
            }
            OrderIntent::Open => {
                if leg.is_some_and(|leg| leg.levels.side() != order.side)
                    || self.rules.mode == AccountMode::Netting && market.will_stand_against(order.side)
                {
                    return Err(RejectReason::Other);
                }
                if !market.protection_is_sound(order) {
                    return Err(RejectReason::InvalidStops);
                }
                if market.margin_of(order.quantity) > self.free_margin() - self.margin_on_the_way() {
                    return Err(RejectReason::NoMoney);
                }
            }
        }
        Ok(())
    }

    /// Fills the pending orders that were decided by `decided_by`, in the order in which they were submitted.
    fn fill(
        &mut self,
        symbol: SymbolId,
        decided_by: Timestamp,
        at: Timestamp,
        quote: impl Fn(Side) -> Quote,
        reports: &mut Vec<OrderReport>,
    ) {
        let mut place = 0;
        while let Some(&pending) = self.markets[symbol.index()].pending.get(place) {
            if !pending.ended && pending.order.at <= decided_by {
                let quote = quote(pending.order.side);
                match pending.order.intent {
                    OrderIntent::Open => self.fill_open(symbol, place, quote, at, reports),
                    OrderIntent::Close => self.fill_close(symbol, place, quote, at, reports),
                }
            }
            place += 1;
        }
        self.markets[symbol.index()].pending.retain(|pending| !pending.ended);
    }

    fn fill_open(
        &mut self,
        symbol: SymbolId,
        place: usize,
        quote: Quote,
        at: Timestamp,
        reports: &mut Vec<OrderReport>,
    ) {
        let free = self.free_margin();
        let market = &mut self.markets[symbol.index()];
        let pending = &mut market.pending[place];
        let order = pending.order;
        let quantity = pending.remaining.min(self.rules.fill_max);
        let levels = order.protection.resolve(order.side, quote.price, market.tick, at);
        let existing = market.legs.iter().position(|leg| leg.id == order.leg);
        let against = |leg: &Leg| leg.levels.side() != order.side;
        let refusal = if market.legs.iter().any(|leg| against(leg) && self.rules.mode == AccountMode::Netting)
            || existing.is_some_and(|leg| against(&market.legs[leg]))
        {
            Some(RejectReason::Other)
        } else if existing.is_none() && !levels_are_sound(&levels, quote.price, leave_of(market.leave, order.side)) {
            Some(RejectReason::InvalidStops)
        } else if market.margin.times(i64::from(quantity.count())) > free {
            Some(RejectReason::NoMoney)
        } else {
            None
        };
        if let Some(reason) = refusal {
            pending.ended = true;
            reports.push(self.books.refuse(pending, reason, at));
            return;
        }
        pending.remaining = pending.remaining.saturating_sub(quantity);
        pending.ended = pending.remaining.is_zero();
        let remaining = pending.remaining;
        let leg = existing.unwrap_or_else(|| {
            market.legs.push(Leg {
                levels,
                touched: None,
                keep_at_limit: order.protection.keep_at_limit,
                id: order.leg,
                open: Contracts::ZERO,
                entry_sum: 0,
                lots: Vec::new(),
            });
            market.legs.len() - 1
        });
        market.legs[leg].add(Lot { price: quote.price, reference: quote.reference, quantity });
        let commission = market.commission(quantity);
        self.balance -= commission;
        self.books.pay(commission);
        reports.push(OrderReport::Filled(FillReport {
            order: Some(order.id),
            symbol,
            leg: order.leg,
            intent: OrderIntent::Open,
            side: order.side,
            quantity,
            remaining,
            price: quote.price,
            reference: quote.reference,
            commission,
            exit: None,
            unresolved: false,
            deal: 0,
            at,
        }));
    }

    fn fill_close(
        &mut self,
        symbol: SymbolId,
        place: usize,
        quote: Quote,
        at: Timestamp,
        reports: &mut Vec<OrderReport>,
    ) {
        let market = &mut self.markets[symbol.index()];
        let pending = &mut market.pending[place];
        let order = pending.order;
        // What its leg's end leaves behind is ended with it, so the leg of an order that still lives is there.
        let Some(leg) = market.legs.iter().position(|leg| leg.id == order.leg) else {
            pending.ended = true;
            reports.push(self.books.refuse(pending, RejectReason::NothingToClose, at));
            return;
        };
        let open = market.legs[leg].open;
        let quantity = pending.remaining.min(self.rules.fill_max).min(open);
        let left = open.saturating_sub(quantity);
        pending.remaining = pending.remaining.saturating_sub(quantity).min(left);
        pending.ended = pending.remaining.is_zero();
        let remaining = pending.remaining;
        let commission = self.close(symbol, leg, quantity, quote);
        reports.push(OrderReport::Filled(FillReport {
            order: Some(order.id),
            symbol,
            leg: order.leg,
            intent: OrderIntent::Close,
            side: order.side,
            quantity,
            remaining,
            price: quote.price,
            reference: quote.reference,
            commission,
            exit: None,
            unresolved: false,
            deal: 0,
            at,
        }));
        if left.is_zero() {
            self.end_orders_of(symbol, order.leg, at, reports);
        }
    }

    /// A resting exit fills: always the whole leg.
    fn exit(&mut self, symbol: SymbolId, place: usize, touch: Touch, quote: Quote, reports: &mut Vec<OrderReport>) {
        let leg = &self.markets[symbol.index()].legs[place];
        let (id, side, quantity) = (leg.id, leg.levels.side().opposite(), leg.open);
        let commission = self.close(symbol, place, quantity, quote);
        reports.push(OrderReport::Filled(FillReport {
            order: None,
            symbol,
            leg: id,
            intent: OrderIntent::Close,
            side,
            quantity,
            remaining: Contracts::ZERO,
            price: quote.price,
            reference: quote.reference,
            commission,
            exit: Some(touch.kind),
            unresolved: touch.unresolved,
            deal: 0,
            at: touch.at,
        }));
        self.end_orders_of(symbol, id, touch.at, reports);
        self.markets[symbol.index()].pending.retain(|pending| !pending.ended);
    }

    /// Takes contracts off a leg and books their result; gives the commission.
    fn close(&mut self, symbol: SymbolId, place: usize, quantity: Contracts, quote: Quote) -> Money {
        let market = &mut self.markets[symbol.index()];
        let leg = &mut market.legs[place];
        let sign = i128::from(leg.levels.side().sign());
        let (at_fills, at_references) = leg.take(quantity, quote);
        let result = market.worth.money(sign * at_fills);
        let gross = market.worth.money(sign * at_references);
        if leg.open.is_zero() {
            market.legs.remove(place);
        }
        let commission = market.commission(quantity);
        self.balance += result - commission;
        self.books.pay(commission);
        self.books.gross += gross;
        self.books.spread_and_slippage += gross - result;
        self.books.net += result;
        commission
    }

    /// A leg that ended takes its orders with it: a close finds nothing, and what was still to be opened stays closed.
    fn end_orders_of(&mut self, symbol: SymbolId, leg: LegId, at: Timestamp, reports: &mut Vec<OrderReport>) {
        for pending in &mut self.markets[symbol.index()].pending {
            if !pending.ended && pending.order.leg == leg {
                pending.ended = true;
                reports.push(match pending.order.intent {
                    OrderIntent::Close => self.books.refuse(pending, RejectReason::NothingToClose, at),
                    OrderIntent::Open => {
                        self.books.cancels += 1;
                        canceled(pending, at)
                    }
                });
            }
        }
    }

    fn free_margin(&self) -> Money {
        self.equity() - self.margin_in_use()
    }

    fn margin_in_use(&self) -> Money {
        self.markets.iter().map(|market| market.legs.iter().map(|leg| market.margin_of(leg.open)).sum()).sum()
    }

    /// What pending orders will take, less what they will give back.
    fn margin_on_the_way(&self) -> Money {
        let of = |market: &Market| {
            let opened = market.pending.iter().filter(|pending| pending.order.intent == OrderIntent::Open);
            let taken: Money = opened.map(|pending| market.margin_of(pending.remaining)).sum();
            let given: Money = market.legs.iter().map(|leg| market.margin_of(market.closing(leg))).sum();
            taken - given
        };
        self.markets.iter().map(of).sum()
    }
}

impl Market {
    fn new(instrument: &Instrument, instead: Option<Costs>, zone: TradingZone) -> Result<Self, SettingError> {
        let instead = instead.map(CostSchedule::from);
        let schedule = instead.as_ref().unwrap_or(&instrument.costs);
        check_costs("COSTS", schedule)?;
        let mut tariff = CostTimeline::new(schedule, |day| zone.first_instant(day));
        if instrument.broker_margin < Money::ZERO {
            return Err(SettingError::new("BROKER_MARGIN", instrument.broker_margin, "zero or more"));
        }
        Ok(Self {
            legs: Vec::new(),
            pending: Vec::new(),
            leave: [Price::ZERO; 2],
            last: Timestamp::MIN,
            costs: tariff.at(Timestamp::MIN),
            tariff,
            worth: Worth::of(instrument)?,
            tick: instrument.tick,
            margin: instrument.broker_margin,
        })
    }

    /// A bar begins, or a tick came in: its day's costs hold.
    #[inline]
    fn begin(&mut self, at: Timestamp) {
        self.last = at;
        self.costs = self.tariff.at(at);
    }

    /// What a market fill on bars is worse than its reference.
    fn adverse(&self) -> Price {
        self.costs.adverse()
    }

    fn commission(&self, quantity: Contracts) -> Money {
        self.costs.commission_of(quantity)
    }

    fn margin_of(&self, quantity: Contracts) -> Money {
        self.margin.times(i64::from(quantity.count()))
    }

    #[inline]
    fn open_result(&self, leg: &Leg) -> Money {
        let side = leg.levels.side();
        let leave = leave_of(self.leave, side).raw();
        let small = i64::try_from(leg.entry_sum).ok().and_then(|entry| {
            let value = leave.checked_mul(i64::from(leg.open.count()))?;
            value.checked_sub(entry)?.checked_mul(side.sign())
        });
        let worth = if let Some(distance) = small {
            self.worth.money_of(distance)
        } else {
            let value = i128::from(leave) * i128::from(leg.open.count());
            self.worth.money(i128::from(side.sign()) * (value - leg.entry_sum))
        };
        worth - self.commission(leg.open)
    }

    /// How much of a leg pending orders are closing.
    fn closing(&self, leg: &Leg) -> Contracts {
        let closes = self.pending.iter().filter(|p| p.order.leg == leg.id && p.order.intent == OrderIntent::Close);
        let wanted: u64 = closes.map(|pending| u64::from(pending.remaining.count())).sum();
        Contracts::new(wanted.min(u64::from(leg.open.count())) as u32)
    }

    /// Whether contracts of the other side will be there once everything that is pending has filled.
    fn will_stand_against(&self, side: Side) -> bool {
        let opens = |p: &Pending| p.order.intent == OrderIntent::Open && p.order.side != side;
        let stays = |leg: &Leg| leg.levels.side() != side && self.closing(leg) < leg.open;
        self.pending.iter().any(opens) || self.legs.iter().any(stays)
    }

    /// Whether an order's levels lie where they can at what is known now. Before the first price all do; what fills
    /// is judged again at its fill.
    fn protection_is_sound(&self, order: &OrderRequest) -> bool {
        let now = leave_of(self.leave, order.side);
        let sound = |level: Option<ExitAt>, side: Side| match level {
            None => true,
            Some(ExitAt::Distance(distance)) => distance.is_positive(),
            Some(ExitAt::Price(price)) => price.is_positive() && (now == Price::ZERO || is_ahead(side, now, price)),
        };
        sound(order.protection.target, order.side) && sound(order.protection.stop, order.side.opposite())
    }
}

impl Leg {
    /// Which exit is touched. A leg that the engine decides about at its time limit outlives it: its target no longer
    /// counts where the limit was met, its stop always does.
    #[inline]
    fn touched_by(&mut self, touch: impl Fn(&ExitLevels) -> Option<Touch>) -> Option<Touch> {
        let touched = touch(&self.levels)?;
        if touched.kind != ExitKind::Timeout || !self.keep_at_limit {
            return Some(touched);
        }
        let (side, target, stop) = (self.levels.side(), self.levels.take_profit(), self.levels.stop_loss());
        self.levels = ExitLevels::new(side, target, stop, None);
        touch(&ExitLevels::new(side, None, stop, None))
    }

    fn move_exits(&mut self, (tick, leave): (Price, [Price; 2]), stop: Price, target: Option<Price>) -> bool {
        let side = self.levels.side();
        let (stop, target, now) =
            (stop.to_tick(tick), target.map(|target| target.to_tick(tick)), leave_of(leave, side));
        // A target that stays is not judged again: a bar that closed beyond it has filled it.
        let moved = target.filter(|_| target != self.levels.take_profit());
        let sound = is_ahead(side, stop, now) && moved.is_none_or(|target| is_ahead(side, now, target));
        if sound {
            self.levels = ExitLevels::new(side, target, Some(stop), self.levels.deadline());
        }
        sound
    }

    fn average_entry(&self) -> Price {
        let count = i128::from(self.open.count().max(1));
        Price::from_raw(((self.entry_sum + count / 2) / count) as i64)
    }

    fn add(&mut self, lot: Lot) {
        self.open = self.open + lot.quantity;
        self.entry_sum += times(lot.price, lot.quantity);
        self.lots.push(lot);
    }

    /// Takes contracts off, the oldest first. Gives how far a long's price moved over them: between the fills, and
    /// between the references.
    fn take(&mut self, quantity: Contracts, quote: Quote) -> (i128, i128) {
        let (mut wanted, mut at_fills, mut at_references, mut emptied) = (quantity, 0, 0, 0);
        for lot in &mut self.lots {
            let taken = lot.quantity.min(wanted);
            lot.quantity = lot.quantity.saturating_sub(taken);
            wanted = wanted.saturating_sub(taken);
            self.entry_sum -= times(lot.price, taken);
            at_fills += times(quote.price - lot.price, taken);
            at_references += times(quote.reference - lot.reference, taken);
            emptied += usize::from(lot.quantity.is_zero());
            if wanted.is_zero() {
                break;
            }
        }
        assert!(wanted.is_zero(), "a close is clipped to its leg, and a leg is the sum of its lots");
        self.lots.drain(..emptied);
        self.open = self.open.saturating_sub(quantity);
        (at_fills, at_references)
    }
}

impl Books {
    fn pay(&mut self, commission: Money) {
        self.fills += 1;
        self.commission += commission;
        self.net -= commission;
    }

    /// An order that filled nothing is refused; one that filled something only ends.
    fn refuse(&mut self, pending: &Pending, reason: RejectReason, at: Timestamp) -> OrderReport {
        if pending.remaining == pending.order.quantity {
            self.rejects += 1;
            rejected(&pending.order, reason, at)
        } else {
            self.cancels += 1;
            canceled(pending, at)
        }
    }
}

/// Stop behind what the leg could leave at now, target ahead of what it was filled at.
fn levels_are_sound(levels: &ExitLevels, filled: Price, leave: Price) -> bool {
    let side = levels.side();
    levels.stop_loss().is_none_or(|stop| is_ahead(side, stop, leave))
        && levels.take_profit().is_none_or(|target| is_ahead(side, filled, target))
}

/// Whether `to` lies ahead of `from` for a side.
fn is_ahead(side: Side, from: Price, to: Price) -> bool {
    match side {
        Side::Buy => to > from,
        Side::Sell => to < from,
    }
}

#[inline]
const fn leave_of(leave: [Price; 2], side: Side) -> Price {
    match side {
        Side::Buy => leave[0],
        Side::Sell => leave[1],
    }
}

fn times(price: Price, quantity: Contracts) -> i128 {
    i128::from(price.raw()) * i128::from(quantity.count())
}

fn rejected(order: &OrderRequest, reason: RejectReason, at: Timestamp) -> OrderReport {
    OrderReport::Rejected { order: order.id, symbol: order.symbol, leg: order.leg, intent: order.intent, reason, at }
}

fn canceled(pending: &Pending, at: Timestamp) -> OrderReport {
    let Pending { order, remaining, .. } = pending;
    OrderReport::Canceled {
        order: order.id,
        symbol: order.symbol,
        leg: order.leg,
        intent: order.intent,
        unfilled: *remaining,
        at,
    }
}
