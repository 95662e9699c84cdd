//! A bridge with its terminal and its market in memory, as small as it can be and behaving as one has to: the
//! reference that a desk is tested against. What goes wrong is [`Faults`].

use std::collections::{BTreeMap, VecDeque};

use alavanca_kernel::{AccountMode, Price};

use super::demo_hello;
use crate::desk::INSTANCE_END;
use crate::link::{Established, LinkEvent, Say};
use crate::wire::{
    Accepted, AccountState, BRIDGE_MAGIC, Calculated, Deal, Decimal, Envelope, Filling, FromBridge, FromEngine, Id,
    Intent, JournalState, NOT_SENT, Order, OrderSide, OrderSubmit, Outcome, Position, PositionSltp, Reconcile,
    ReconcileReq, SessionCalendar, Snapshot, SymbolSpec, Tick, Ticks, TradeResult, UnknownOutcome, VERSION, Welcome,
};

const UNIT: i64 = Price::SCALE;
const DONE: u32 = 10_009;
const PLACED: u32 = 10_008;

/// One account at one broker, and the bridge before it.
#[derive(Debug, Clone)]
pub struct Exchange {
    mode: AccountMode,
    /// Server milliseconds.
    pub now: i64,
    markets: Vec<Market>,
    balance: i64,
    /// For one lot and side, in 10⁻⁸ of the currency.
    pub commission: i64,
    /// For one lot.
    pub margin: i64,
    journal: BTreeMap<u64, Entry>,
    /// How often `OrderSend` was called for a magic.
    pub sends: BTreeMap<u64, u32>,
    /// Every deal that was made.
    pub deals: Vec<Deal>,
    orders: Vec<Order>,
    positions: Vec<Position>,
    ticket: u64,
    epoch: u64,
    is_up: bool,
    said: VecDeque<LinkEvent>,
    /// What goes wrong.
    pub faults: Faults,
}

/// What goes wrong, once for each that is armed.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// The terminal answers the next orders so, and executes nothing.
    pub refuse: VecDeque<u32>,
    /// The terminal does not answer the next order: executed, or not.
    pub no_answer: VecDeque<bool>,
    /// The next orders whose rest may stay rest; [`Exchange::fill_resting`] fills them.
    pub place: u32,
    /// The next orders fill this many lots at most, in deals of that size.
    pub part: Option<i64>,
    /// The next fills lose the position's stop and target.
    pub lose_stops: u32,
    /// The next changes of stops are answered so, and nothing is changed.
    pub refuse_stops: VecDeque<u32>,
    /// Messages of these kinds are lost: `deal`, `position`, `order`, `result`, `accepted`.
    pub silent: Vec<&'static str>,
    /// The bridge does not hold a close against the live position.
    pub blind: bool,
    /// The next reconciliations fail.
    pub fail_readings: u32,
    /// What the symbols are is not said before [`Exchange::say_specs`].
    pub late_specs: bool,
}

#[derive(Debug, Clone)]
struct Market {
    spec: SymbolSpec,
    bid: i64,
    ask: i64,
    /// What one lot makes when the price moves by 1, in 10⁻⁸ of the currency.
    worth: i64,
}

#[derive(Debug, Clone)]
struct Entry {
    state: JournalState,
    result: Option<TradeResult>,
    order: OrderSubmit,
}

/// What a deal is made of. Volumes and prices in 10⁻⁸.
struct Made {
    side: OrderSide,
    lots: i64,
    price: i64,
    magic: Id,
    order: Id,
    reason: u32,
    closes: Option<Id>,
    stops: (i64, i64),
}

impl Exchange {
    /// An account with so much money (whole units) and these symbols: name, and what one lot makes when the price moves
    /// by 1, in hundredths.
    pub fn new(mode: AccountMode, balance: i64, symbols: &[(&str, i64)]) -> Self {
        let market =
            |&(name, cents): &(&str, i64)| Market { spec: spec(name), bid: 0, ask: 0, worth: cents * UNIT / 100 };
        Self {
            mode,
            now: 1_800_000_000_000,
            markets: symbols.iter().map(market).collect(),
            balance: balance * UNIT,
            commission: UNIT / 4,
            margin: 100 * UNIT,
            journal: BTreeMap::new(),
            sends: BTreeMap::new(),
            deals: Vec::new(),
            orders: Vec::new(),
            positions: Vec::new(),
            ticket: 1_000,
            epoch: 0,
            is_up: false,
            said: VecDeque::new(),
            faults: Faults::default(),
        }
    }

    /// All symbols have this `filling_mode` from the next session on.
    pub fn set_filling_mode(&mut self, mask: u32) {
        for market in &mut self.markets {
            market.spec.filling_mode = mask;
        }
    }

    /// Says what the symbols are.
    pub fn say_specs(&mut self) {
        let specs: Vec<_> = self.markets.iter().map(|market| market.spec.clone()).collect();
        for spec in specs {
            self.say(None, FromBridge::SymbolSpec(spec));
        }
    }

    /// A session begins.
    pub fn connect(&mut self) {
        self.epoch += 1;
        self.is_up = true;
        let mut hello = demo_hello();
        hello.account.margin_mode = if self.mode == AccountMode::Hedging { 2 } else { 0 };
        let welcome = Welcome { epoch: self.epoch, open_in_journal: 0 };
        let session = format!("{:032x}", self.epoch);
        let established = Established { session, epoch: self.epoch, armed: true, hello, welcome };
        self.said.push_back(LinkEvent::Up(Box::new(established)));
    }

    /// The session ends. What was said and not heard is lost.
    pub fn disconnect(&mut self) {
        self.is_up = false;
        self.said.clear();
        self.said.push_back(LinkEvent::Down("the connection was cut".into()));
    }

    /// Frames are lost: what was said and not heard.
    pub fn lose_frames(&mut self) {
        self.said.retain(|event| !matches!(event, LinkEvent::Message(_)));
        self.said.push_back(LinkEvent::Gap);
    }

    /// What the engine hears next.
    pub fn take(&mut self) -> Option<LinkEvent> {
        self.said.pop_front()
    }

    /// The engine says something.
    pub fn hear(&mut self, say: Say) {
        if !self.is_up {
            return;
        }
        let cid = say.cid;
        match say.message {
            FromEngine::Subscribe(wanted) => {
                for symbol in wanted.symbols {
                    if let Some(market) = self.markets.iter().find(|market| market.spec.symbol == symbol).cloned() {
                        if !self.faults.late_specs {
                            self.say(None, FromBridge::SymbolSpec(market.spec));
                        }
                        let calendar = SessionCalendar { symbol: symbol.clone(), known: false, sessions: Vec::new() };
                        self.say(None, FromBridge::SessionCalendar(calendar));
                        self.tick(&symbol);
                    }
                }
            }
            FromEngine::OrderSubmit(order) => self.submit(cid, order),
            FromEngine::PositionSltp(change) => self.change_stops(cid, &change),
            FromEngine::OrderCancel(cancel) => {
                let mut code = 10_013;
                for place in 0..self.orders.len() {
                    let order = &mut self.orders[place];
                    if order.ticket == cancel.order && order.state == 1 {
                        order.state = 2;
                        code = DONE;
                        let order = order.clone();
                        self.say(None, FromBridge::OrderUpdate(order));
                    }
                }
                let result = result(cancel.magic, code, None, 0, "");
                self.say(cid, FromBridge::Result(TradeResult { magic: Id(0), ..result }));
            }
            FromEngine::CalcMargin(question) => {
                let amount = Some(Decimal::from_raw(times(self.margin, question.volume.raw())));
                self.say(cid, FromBridge::Calculated(Calculated { amount, error: None }));
            }
            FromEngine::ReconcileReq(question) => self.reconcile(cid, &question),
            _ => {}
        }
    }

    /// The market shows these prices: resting stops and targets are touched, and the tick is told.
    pub fn quote(&mut self, symbol: &str, bid: Price, ask: Price) {
        let Some(place) = self.markets.iter().position(|market| market.spec.symbol == symbol) else { return };
        self.now += 1_000;
        (self.markets[place].bid, self.markets[place].ask) = (bid.raw(), ask.raw());
        self.touch(place);
        self.tick(symbol);
    }

    /// Fills what rests.
    pub fn fill_resting(&mut self) {
        for place in 0..self.orders.len() {
            let order = self.orders[place].clone();
            if order.state == 1 {
                // On hedging accounts a close ends with its position.
                let Some(entry) = self.journal.get(&order.magic.0) else { continue };
                let submitted = entry.order.clone();
                let held = |ticket| self.positions.iter().any(|position| position.ticket == ticket);
                if submitted.position.is_some_and(|ticket| !held(ticket)) {
                    self.orders[place].state = 2;
                    let canceled = self.orders[place].clone();
                    self.say_unless("order", None, FromBridge::OrderUpdate(canceled));
                    continue;
                }
                self.execute(&submitted, order.volume_current.raw(), place);
            }
        }
    }

    /// A person trades by hand, of so many lots in 10⁻⁸.
    pub fn by_hand(&mut self, symbol: &str, side: OrderSide, lots: i64) {
        self.by_other(symbol, side, lots, Id(0), 0);
    }

    /// The bridge closes by itself, with a magic of its own.
    pub fn by_bridge(&mut self, symbol: &str, side: OrderSide, lots: i64, magic: Id) {
        self.by_other(symbol, side, lots, magic, 3);
    }

    fn by_other(&mut self, symbol: &str, side: OrderSide, lots: i64, magic: Id, reason: u32) {
        let Some(price) = self.price(symbol, side) else { return };
        self.ticket += 1;
        let order = Id(self.ticket);
        let position = match self.mode {
            AccountMode::Hedging => self.positions.iter().find(|it| it.symbol == symbol && it.side != side),
            AccountMode::Netting => None,
        };
        let position = position.map(|position| position.ticket);
        self.deal(symbol, Made { side, lots, price, magic, order, reason, closes: position, stops: (0, 0) });
    }

    /// The exchange resets stops and targets, as one does overnight.
    pub fn reset_stops(&mut self) {
        for position in &mut self.positions {
            (position.sl, position.tp) = (Decimal::ZERO, Decimal::ZERO);
        }
    }

    /// What stands: signed lots of a symbol, in 10⁻⁸.
    pub fn standing(&self, symbol: &str) -> i64 {
        self.positions.iter().filter(|position| position.symbol == symbol).map(signed).sum()
    }

    /// Everything that is open.
    pub fn positions(&self) -> &[Position] {
        &self.positions
    }

    /// The money without open results, in 10⁻⁸.
    pub fn balance(&self) -> i64 {
        self.balance
    }

    fn submit(&mut self, cid: Option<String>, order: OrderSubmit) {
        let magic = order.magic.0;
        if let Some(entry) = self.journal.get(&magic).cloned() {
            self.say_unless(
                "accepted",
                cid.clone(),
                FromBridge::Accepted(Accepted { magic: order.magic, again: true }),
            );
            match entry.result {
                Some(result) => self.say_unless("result", cid, FromBridge::Result(result)),
                None if entry.state == JournalState::Sent => {
                    let why = "there was no answer".to_owned();
                    self.say(cid, FromBridge::Unknown(UnknownOutcome { magic: order.magic, why }));
                }
                None => {}
            }
            return;
        }
        if order.epoch < self.epoch {
            let result = result(order.magic, NOT_SENT, None, 0, "an older epoch");
            return self.say_unless("result", cid, FromBridge::Result(result));
        }
        let state = JournalState::NotSent;
        self.journal.insert(magic, Entry { state, result: None, order: order.clone() });
        self.say_unless("accepted", cid.clone(), FromBridge::Accepted(Accepted { magic: order.magic, again: false }));
        let why_not = if self.now > order.not_after_server {
            Some("too late")
        } else if order.intent == Intent::Close && !self.faults.blind && !self.covers(&order) {
            Some("no such position")
        } else {
            None
        };
        if let Some(why) = why_not {
            let result = result(order.magic, NOT_SENT, None, 0, why);
            return self.answer(cid, result);
        }
        *self.sends.entry(magic).or_default() += 1;
        if let Some(entry) = self.journal.get_mut(&magic) {
            entry.state = JournalState::Sent;
        }
        if let Some(code) = self.faults.refuse.pop_front() {
            let result = result(order.magic, code, None, 0, "refused");
            return self.answer(cid, result);
        }
        self.ticket += 1;
        let ticket = Id(self.ticket);
        let silent = self.faults.no_answer.pop_front();
        if silent == Some(false) {
            let why = "the terminal did not answer".to_owned();
            return self.say(cid, FromBridge::Unknown(UnknownOutcome { magic: order.magic, why }));
        }
        let rests = self.faults.place > 0 && order.filling == Filling::Return;
        self.faults.place -= u32::from(rests);
        self.orders.push(Order {
            ticket,
            symbol: order.symbol.clone(),
            kind: u32::from(order.side == OrderSide::Sell),
            state: 1,
            volume_initial: order.volume,
            volume_current: order.volume,
            price: Decimal::ZERO,
            sl: order.sl,
            tp: order.tp,
            magic: order.magic,
            position: Id(0),
            comment: order.comment.clone(),
            set_up_server: self.now,
        });
        let place = self.orders.len() - 1;
        if rests {
            let result = result(order.magic, PLACED, Some(ticket), 0, "");
            self.answer(cid, result);
            let placed = self.orders[place].clone();
            return self.say_unless("order", None, FromBridge::OrderUpdate(placed));
        }
        let filled = self.execute(&order, order.volume.raw(), place);
        if silent.is_some() {
            let why = "the terminal did not answer".to_owned();
            return self.say(cid, FromBridge::Unknown(UnknownOutcome { magic: order.magic, why }));
        }
        let result = result(order.magic, DONE, Some(ticket), filled, "");
        self.answer(cid, result);
    }

    /// Whether the live position covers a close.
    fn covers(&self, order: &OrderSubmit) -> bool {
        self.positions.iter().any(|position| {
            position.symbol == order.symbol
                && position.side != order.side
                && position.volume >= order.volume
                && order.position.is_none_or(|ticket| ticket == position.ticket)
        })
    }

    /// Fills an order, in one deal or several, and gives the lots.
    fn execute(&mut self, order: &OrderSubmit, lots: i64, place: usize) -> i64 {
        let Some(price) = self.price(&order.symbol, order.side) else { return 0 };
        let mut left = lots;
        while left > 0 {
            let part = self.faults.part.unwrap_or(left).clamp(1, left);
            left -= part;
            let stops = (order.sl.raw(), order.tp.raw());
            let (side, magic, order_ticket) = (order.side, order.magic, self.orders[place].ticket);
            let closes = order.position;
            let made = Made { side, lots: part, price, magic, order: order_ticket, reason: 3, closes, stops };
            self.deal(&order.symbol, made);
        }
        let filled = &mut self.orders[place];
        (filled.state, filled.volume_current) = (4, Decimal::ZERO);
        let filled = filled.clone();
        self.say_unless("order", None, FromBridge::OrderUpdate(filled));
        lots
    }

    /// One deal: what it does to positions and money, and the word of it.
    fn deal(&mut self, symbol: &str, made: Made) {
        let Made { side, lots, price, magic, order, reason, closes, stops: (sl, tp) } = made;
        self.ticket += 1;
        let ticket = Id(self.ticket);
        let worth = self.markets.iter().find(|market| market.spec.symbol == symbol).map_or(0, |market| market.worth);
        let netting = self.mode == AccountMode::Netting;
        let held = self.positions.iter().position(|position| match closes {
            Some(closed) if !netting => position.ticket == closed,
            _ => netting && position.symbol == symbol,
        });
        let commission = times(self.commission, lots);
        let lost = self.faults.lose_stops > 0;
        self.faults.lose_stops = self.faults.lose_stops.saturating_sub(1);
        let (sl, tp) = if lost { (0, 0) } else { (sl, tp) };
        let stops = (Decimal::from_raw(sl), Decimal::from_raw(tp));
        let (mut profit, mut entry) = (0, 0);
        let position = match held {
            Some(place) if self.positions[place].side == side => {
                let position = &mut self.positions[place];
                let (before, after) = (position.volume.raw(), position.volume.raw() + lots);
                let value =
                    i128::from(position.price_open.raw()) * i128::from(before) + i128::from(price) * i128::from(lots);
                position.price_open = Decimal::from_raw((value / i128::from(after)) as i64);
                position.volume = Decimal::from_raw(after);
                (position.sl, position.tp) = stops;
                position.clone()
            }
            Some(place) => {
                entry = 1;
                let position = &mut self.positions[place];
                let taken = lots.min(position.volume.raw());
                let moved = if position.side == OrderSide::Buy {
                    price - position.price_open.raw()
                } else {
                    position.price_open.raw() - price
                };
                profit = times(times(worth, moved), taken);
                position.volume = Decimal::from_raw(position.volume.raw() - taken);
                let mut shown = position.clone();
                if position.volume.raw() == 0 {
                    self.positions.remove(place);
                }
                if lots > taken {
                    // Across flat: a netting account stands on the other side.
                    entry = 2;
                    (shown.side, shown.magic) = (side, magic);
                    shown.volume = Decimal::from_raw(lots - taken);
                    shown.price_open = Decimal::from_raw(price);
                    (shown.sl, shown.tp, shown.ticket) = (Decimal::ZERO, Decimal::ZERO, ticket);
                    self.positions.push(shown.clone());
                }
                shown
            }
            None => {
                let position = Position {
                    ticket: order,
                    identifier: order,
                    symbol: symbol.to_owned(),
                    side,
                    volume: Decimal::from_raw(lots),
                    price_open: Decimal::from_raw(price),
                    sl: stops.0,
                    tp: stops.1,
                    magic,
                    profit: Decimal::ZERO,
                    swap: Decimal::ZERO,
                    comment: String::new(),
                    opened_server: self.now,
                };
                // On hedging accounts the parts of one order are one position.
                if let Some(same) = self.positions.iter_mut().find(|it| it.identifier == order) {
                    same.volume = Decimal::from_raw(same.volume.raw() + lots);
                    same.clone()
                } else {
                    self.positions.push(position.clone());
                    position
                }
            }
        };
        self.balance += profit - commission;
        let deal = Deal {
            ticket,
            order,
            position: position.identifier,
            symbol: symbol.to_owned(),
            kind: u32::from(side == OrderSide::Sell),
            entry,
            reason,
            magic,
            volume: Decimal::from_raw(lots),
            price: Decimal::from_raw(price),
            commission: Decimal::from_raw(-commission),
            fee: Decimal::ZERO,
            swap: Decimal::ZERO,
            profit: Decimal::from_raw(profit),
            comment: String::new(),
            server: self.now,
        };
        self.deals.push(deal.clone());
        self.say_unless("deal", None, FromBridge::Deal(deal));
        self.say_unless("position", None, FromBridge::PositionUpdate(position));
    }

    /// Stops and targets that rest.
    fn touch(&mut self, place: usize) {
        let Market { spec, bid, ask, .. } = self.markets[place].clone();
        for position in self.positions.clone() {
            if position.symbol != spec.symbol {
                continue;
            }
            let buys = position.side == OrderSide::Buy;
            let leave = if buys { bid } else { ask };
            let beyond = |level: Decimal, ahead: bool| {
                level.raw() != 0 && if buys == ahead { leave >= level.raw() } else { leave <= level.raw() }
            };
            let reason = if beyond(position.sl, false) {
                4
            } else if beyond(position.tp, true) {
                5
            } else {
                continue;
            };
            let price = if reason == 5 { position.tp.raw() } else { leave };
            let side = if buys { OrderSide::Sell } else { OrderSide::Buy };
            self.ticket += 1;
            let (lots, magic, order) = (position.volume.raw(), position.magic, Id(self.ticket));
            let closes = Some(position.ticket);
            self.deal(&spec.symbol, Made { side, lots, price, magic, order, reason, closes, stops: (0, 0) });
        }
    }

    fn change_stops(&mut self, cid: Option<String>, change: &PositionSltp) {
        let market = self.markets.iter().find(|market| market.spec.symbol == change.symbol).cloned();
        let place = self.positions.iter().position(|position| position.ticket == change.position);
        let code = match (self.faults.refuse_stops.pop_front(), market, place) {
            (Some(code), ..) => code,
            (None, Some(market), Some(place)) => {
                let position = &mut self.positions[place];
                let buys = position.side == OrderSide::Buy;
                let leave = if buys { market.bid } else { market.ask };
                let behind = |level: i64| level == 0 || if buys { level < leave } else { level > leave };
                let ahead = |level: i64| level == 0 || if buys { level > leave } else { level < leave };
                if !behind(change.sl.raw()) || !ahead(change.tp.raw()) {
                    10_016
                } else if (position.sl, position.tp) == (change.sl, change.tp) {
                    10_025
                } else {
                    (position.sl, position.tp) = (change.sl, change.tp);
                    let position = position.clone();
                    self.say_unless("position", None, FromBridge::PositionUpdate(position));
                    DONE
                }
            }
            _ => 10_036,
        };
        let result = result(Id(0), code, None, 0, "");
        self.say_unless("result", cid, FromBridge::Result(result));
    }

    fn reconcile(&mut self, cid: Option<String>, question: &ReconcileReq) {
        let failed = self.faults.fail_readings > 0;
        self.faults.fail_readings = self.faults.fail_readings.saturating_sub(1);
        let since = question.deals_since_server;
        let deals = self.deals.iter().filter(|deal| deal.server >= since).cloned().collect();
        let orders = self.orders.iter().filter(|order| order.state == 1).cloned().collect();
        let snapshot = Snapshot { account: self.account(), positions: self.positions.clone(), orders, deals };
        let outcome = |magic: &Id| {
            let entry = self.journal.get(&magic.0);
            Outcome {
                magic: *magic,
                journal: entry.map_or(JournalState::Absent, |entry| entry.state),
                result: entry.and_then(|entry| entry.result.clone()),
                orders: self.orders.iter().filter(|order| order.magic == *magic).cloned().collect(),
                deals: self.deals.iter().filter(|deal| deal.magic == *magic && deal.reason == 3).cloned().collect(),
            }
        };
        let outcomes = question.orders.iter().map(outcome).collect();
        let error = failed.then(|| "the terminal did not answer".to_owned());
        let answer = Reconcile { error, more: false, snapshot, outcomes, guards: Vec::new() };
        self.say(cid, FromBridge::Reconcile(answer));
    }

    fn account(&self) -> AccountState {
        let open = |position: &Position| {
            let Some(market) = self.markets.iter().find(|market| market.spec.symbol == position.symbol) else {
                return (0, 0);
            };
            let buys = position.side == OrderSide::Buy;
            let moved =
                if buys { market.bid - position.price_open.raw() } else { position.price_open.raw() - market.ask };
            (times(times(market.worth, moved), position.volume.raw()), times(self.margin, position.volume.raw()))
        };
        let (mut profit, mut margin) = (0, 0);
        for (result, taken) in self.positions.iter().map(open) {
            (profit, margin) = (profit + result, margin + taken);
        }
        let equity = self.balance + profit;
        let decimal = Decimal::from_raw;
        AccountState {
            balance: decimal(self.balance),
            equity: decimal(equity),
            margin: decimal(margin),
            margin_free: decimal(equity - margin),
            server: self.now,
        }
    }

    fn tick(&mut self, symbol: &str) {
        let Some(market) = self.markets.iter().find(|market| market.spec.symbol == symbol) else { return };
        if market.bid == 0 {
            return;
        }
        let tick = Tick {
            server: self.now,
            bid: Decimal::from_raw(market.bid),
            ask: Decimal::from_raw(market.ask),
            last: Decimal::from_raw(market.bid),
            volume: Decimal::from_raw(UNIT),
            flags: 1080,
        };
        self.say(None, FromBridge::Tick(Ticks { symbol: symbol.to_owned(), ticks: vec![tick] }));
    }

    fn price(&self, symbol: &str, side: OrderSide) -> Option<i64> {
        let market = self.markets.iter().find(|market| market.spec.symbol == symbol)?;
        Some(if side == OrderSide::Buy { market.ask } else { market.bid })
    }

    /// An order's answer goes into the journal first.
    fn answer(&mut self, cid: Option<String>, result: TradeResult) {
        if let Some(entry) = self.journal.get_mut(&result.magic.0) {
            entry.result = Some(result.clone());
            entry.state = JournalState::Answered;
        }
        self.say_unless("result", cid, FromBridge::Result(result));
    }

    fn say_unless(&mut self, kind: &str, cid: Option<String>, message: FromBridge) {
        if !self.faults.silent.contains(&kind) {
            self.say(cid, message);
        }
    }

    fn say(&mut self, cid: Option<String>, message: FromBridge) {
        if !self.is_up {
            return;
        }
        let envelope = Envelope {
            v: VERSION,
            session: format!("{:032x}", self.epoch),
            seq: 0,
            ack: 0,
            cid,
            ts_utc: self.now,
            ts_server: Some(self.now),
            message,
        };
        self.said.push_back(LinkEvent::Message(Box::new(envelope)));
    }
}

/// The order that a magic number names, without the instance.
pub fn order_of(magic: u64) -> u64 {
    debug_assert!(magic >> 32 < u64::from(INSTANCE_END) && magic < BRIDGE_MAGIC);
    magic & u64::from(u32::MAX)
}

fn result(magic: Id, retcode: u32, order: Option<Id>, lots: i64, comment: &str) -> TradeResult {
    let zero = Decimal::ZERO;
    TradeResult {
        magic,
        retcode,
        deal: Id(0),
        order: order.unwrap_or_default(),
        volume: Decimal::from_raw(lots),
        price: zero,
        bid: zero,
        ask: zero,
        comment: comment.to_owned(),
        retcode_external: 0,
        margin: None,
    }
}

fn signed(position: &Position) -> i64 {
    if position.side == OrderSide::Buy { position.volume.raw() } else { -position.volume.raw() }
}

/// A product of two numbers in 10⁻⁸, in 10⁻⁸.
fn times(one: i64, other: i64) -> i64 {
    (i128::from(one) * i128::from(other) / i128::from(UNIT)) as i64
}

/// A symbol as such an exchange has it.
pub fn spec(name: &str) -> SymbolSpec {
    let one = Decimal::from_raw(UNIT);
    SymbolSpec {
        symbol: name.to_owned(),
        exists: true,
        description: String::new(),
        digits: 0,
        point: one,
        tick_size: Decimal::from_raw(5 * UNIT),
        tick_value: one,
        contract_size: one,
        volume_min: one,
        volume_max: Decimal::from_raw(1_000 * UNIT),
        volume_step: one,
        stops_level: 0,
        freeze_level: 0,
        filling_mode: 3,
        execution: 3,
        trade_mode: 4,
        expires_server: None,
        currency_profit: "BRL".into(),
        currency_margin: "BRL".into(),
    }
}
