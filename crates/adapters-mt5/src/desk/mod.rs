//! The desk: what stands between an engine that thinks in legs and an account that knows orders, deals and positions.
//!
//! [`Desk`] is a state machine without clock, socket or randomness: what happens goes in ([`on_link`](Desk::on_link),
//! [`on_time`](Desk::on_time)), messages for the bridge and reports for the engine come out
//! ([`take_messages`](Desk::take_messages), [`take_reports`](Desk::take_reports)). What it keeps to is told in
//! `docs/decisions/0021-order-safety.md`:
//!
//! - An order has one magic number for ever and is handed over once. What became of it is told by deals alone; an
//!   order whose outcome is not known is in doubt until it is proven, and its symbol takes no entries.
//! - Nothing is sent before the account was held against the books, at start and after each broken connection.
//! - A close is clipped to its leg and sent only where the position, as read, covers it.
//! - A position has the stop that it should have, read back; where it cannot be set, the position is closed.
//! - Where legs and account differ, the symbol takes no entries. Nothing is guessed.

mod config;
mod deals;
mod flatten;
mod hear;
mod ledger;
mod lots;
mod order;
mod reading;
pub mod retcode;
mod send;
mod shield;
mod told;

use std::collections::{BTreeMap, BTreeSet};

use alavanca_kernel::{
    AccountMode, Contracts, LegId, LegRole, OrderId, OrderReport, OrderRequest, Price, Protection, Side, SymbolId,
    Tick, Timestamp,
};
use alavanca_ports::{Account, BrokerError, BrokerLeg};

pub use self::config::{Care, DeskConfig, DeskSymbol, FixedOffset, INSTANCE_END, Now, ServerZone};
use self::ledger::{Leg, Market};
use self::lots::money;
pub use self::lots::money_up;
use self::order::{Order, Orders, Stage};
use self::reading::Reading;
pub use self::send::filling;
pub use self::shield::Move;
pub use self::told::{FlattenReason, Proof, Told};
use crate::link::Say;
use crate::wire::{AccountState, BridgeHeartbeat, Deal, FromEngine, Id, SessionCalendar, SymbolSpec};

/// The engine's order numbers lie below, the desk's own above.
pub const OWN_ORDERS: u64 = 1 << 31;

/// A leg that the engine's books have, given to a fresh desk before its first session.
#[derive(Debug, Clone, PartialEq)]
pub struct Adopted {
    /// The instrument.
    pub symbol: SymbolId,
    /// The leg.
    pub leg: LegId,
    /// Its side.
    pub side: Side,
    /// What is open by the books.
    pub open: Contracts,
    /// Average entry; zero before any fill.
    pub entry: Price,
    /// Its opening order as it was asked for, while it works.
    pub opening: Option<OrderRequest>,
    /// Its closing order as it was asked for, while it works.
    pub closing: Option<OrderRequest>,
    /// What the opening and the closing order have filled by the books.
    pub filled: [Contracts; 2],
    /// The exits it was to have.
    pub protection: Protection,
    /// Its exits, once filled.
    pub levels: Option<alavanca_kernel::ExitLevels>,
    /// When it was opened; the market's time now where it was not.
    pub opened_at: Timestamp,
    /// Deals that the books have.
    pub deals: Vec<u64>,
}

/// An answer to a question that somebody waits for.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// To a question about money.
    Calculated(crate::wire::Calculated),
    /// To a question for bars; more may follow.
    Bars(crate::wire::Bars),
    /// To an `order_check`.
    Checked(crate::wire::TradeResult),
}

/// See the [module](self).
#[derive(Debug, Clone)]
pub struct Desk {
    config: DeskConfig,
    now: Now,
    session: Option<Session>,
    markets: Vec<Market>,
    orders: Orders,
    /// Deals that were booked or have nothing to do with us.
    seen: BTreeSet<u64>,
    /// Deals that cannot be booked yet.
    waiting: BTreeMap<u64, Deal>,
    /// Deals that the engine's books had at the start, and whose they are.
    adopted: BTreeMap<u64, (SymbolId, LegId)>,
    /// How many contracts of a deal the engine's books had at the start, on legs that have ended, too.
    booked: BTreeMap<u64, Contracts>,
    /// From when on deals are of interest.
    deals_from: Option<Timestamp>,
    reading: Reading,
    account: Option<(AccountState, u64, u64)>,
    /// No entries until a person allows them.
    halted: Option<u32>,
    back_off_until: u64,
    asked: u64,
    /// Counts changes of what is open or on its way.
    stamp: u64,
    said: Vec<Say>,
    reports: Vec<OrderReport>,
    ticks: Vec<(SymbolId, Tick)>,
    told: Vec<Told>,
    answers: Vec<(String, Answer)>,
}

#[derive(Debug, Clone)]
struct Session {
    epoch: u64,
    armed: bool,
    /// The account is of the kind that the settings say.
    fits: bool,
    /// It was held against the books since the session began, or since frames were missing.
    ready: bool,
    heartbeat: Option<BridgeHeartbeat>,
    /// The desk's own orders of the session.
    own: u64,
    /// When it began.
    since: u64,
}

impl Desk {
    /// A desk with nothing open and no session.
    pub fn new(config: DeskConfig) -> Self {
        let market = |symbol: &DeskSymbol| Market {
            name: symbol.name.clone(),
            instrument: symbol.instrument.clone(),
            deviation: symbol.deviation,
            guard: symbol.guard,
            spec: None,
            calendar: None,
            quote: None,
            legs: Vec::new(),
            positions: Vec::new(),
            resting: Vec::new(),
            shield: shield::Shield::default(),
            flatten: None,
            differences: 0,
            told_difference: None,
            changed: 0,
            read: 0,
            shown: 0,
        };
        Self {
            markets: config.symbols.iter().map(market).collect(),
            config,
            now: Now { ms: 0, market: Timestamp::MIN },
            session: None,
            orders: Orders::default(),
            seen: BTreeSet::new(),
            waiting: BTreeMap::new(),
            adopted: BTreeMap::new(),
            booked: BTreeMap::new(),
            deals_from: None,
            reading: Reading::default(),
            account: None,
            halted: None,
            back_off_until: 0,
            asked: 0,
            stamp: 0,
            said: Vec::new(),
            reports: Vec::new(),
            ticks: Vec::new(),
            told: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// Takes over a leg of the engine's books, before the first session. Orders of it that have no end in the books are
    /// in doubt until the first reconciliation.
    pub fn adopt(&mut self, leg: Adopted) {
        let Some(market) = self.markets.get_mut(leg.symbol.index()) else { return };
        let lots_per_contract = market.lots_per_contract();
        let opening = leg.opening.map(|order| order.id);
        let mut adopted = Leg::new(leg.leg, leg.side, opening, leg.protection);
        adopted.open = lots::lots_of(leg.open, lots_per_contract);
        adopted.told = leg.open.count();
        adopted.entered = adopted.open;
        adopted.entry_value = i128::from(leg.entry.raw()) * i128::from(adopted.open);
        adopted.levels = leg.levels;
        adopted.opened_at = leg.opened_at;
        adopted.lost = !leg.open.is_zero() && self.config.mode == AccountMode::Hedging;
        // Until its own is found, every deal of another that was made after it may be about it.
        adopted.first_deal = leg.deals.iter().copied().min().unwrap_or(u64::MAX);
        market.legs.push(adopted);
        shield::adopt(market, leg.leg, self.config.mode);
        let entered = !leg.open.is_zero() || !leg.deals.is_empty();
        for deal in leg.deals {
            self.adopted.insert(deal, (leg.symbol, leg.leg));
        }
        for (order, filled) in [leg.opening, leg.closing].into_iter().zip(leg.filled) {
            let Some(order) = order else { continue };
            self.take_up(&order, filled, lots_per_contract);
        }
        // A leg that was never filled has no deals before its order.
        if entered {
            self.deals_from = Some(self.deals_from.map_or(leg.opened_at, |from| from.min(leg.opened_at)));
        }
    }

    /// Deals that the engine's books have, with how many contracts of each; before the first session. The legs that they
    /// closed may have ended: an adopted leg does not know of them, and they are not to be booked on it.
    pub fn know(&mut self, deals: impl IntoIterator<Item = (u64, Contracts)>) {
        self.booked.extend(deals);
    }

    /// An order from before the start: whether and how it was sent is not known.
    fn take_up(&mut self, request: &OrderRequest, filled: Contracts, lots_per_contract: i64) {
        let purpose = order::Purpose::of(request);
        let lots = lots::lots_of(request.quantity, lots_per_contract);
        let mut order = Order::new(request.id, request.symbol, purpose, request.side, lots, self.now.ms);
        order.request = Some(*request);
        order.wanted = request.quantity;
        order.told = filled;
        order.filled = lots::lots_of(filled, lots_per_contract);
        order.stage = Stage::Unknown { absent_since: None, readings: 0, answered: false };
        self.orders.insert(request.id, order);
        self.deals_from = Some(self.deals_from.map_or(request.at, |from| from.min(request.at)));
    }

    /// Time passes: what was waited for too long is looked after. To be called every 100 ms or so.
    pub fn on_time(&mut self, now: Now) {
        self.at(now);
        self.settle();
    }

    /// What is to be said to the bridge, in order.
    pub fn take_messages(&mut self) -> Vec<Say> {
        std::mem::take(&mut self.said)
    }

    /// What the engine has to hear, in order; each once.
    pub fn take_reports(&mut self) -> Vec<OrderReport> {
        std::mem::take(&mut self.reports)
    }

    /// Whether there are reports.
    pub fn has_reports(&self) -> bool {
        !self.reports.is_empty()
    }

    /// Ticks, in order.
    pub fn take_market(&mut self) -> Vec<(SymbolId, Tick)> {
        std::mem::take(&mut self.ticks)
    }

    /// What a person should hear of.
    pub fn take_told(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }

    /// Answers to questions, by their `cid`.
    pub fn take_answers(&mut self) -> Vec<(String, Answer)> {
        std::mem::take(&mut self.answers)
    }

    /// Asks the bridge something; the answer comes with this `cid`. `None` where no session stands.
    pub fn ask(&mut self, question: FromEngine) -> Option<String> {
        self.session.as_ref()?;
        let cid = self.next_cid("q");
        self.said.push(Say { cid: Some(cid.clone()), message: question });
        Some(cid)
    }

    /// Whether a session stands and the account was held against the books in it.
    pub fn is_ready(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.ready)
    }

    /// Whether a session stands.
    pub fn is_up(&self) -> bool {
        self.session.is_some()
    }

    /// Whether nothing is on its way: no order, no reading that is due soon, no stop that has to be set.
    pub fn is_idle(&self) -> bool {
        self.is_ready()
            && self.orders.values().next().is_none()
            && self.waiting.is_empty()
            && !self.reading.is_due(self.now.ms + self.config.care.again_ms)
            && self.markets.iter().all(|market| market.flatten.is_none())
    }

    /// Why the symbol takes no entries, or `Ok` where it does.
    pub fn may_enter(&self, symbol: SymbolId) -> Result<(), String> {
        let market = self.markets.get(symbol.index()).ok_or("the symbol is not traded here")?;
        let session = self.session.as_ref().ok_or("no bridge is connected")?;
        if !session.armed {
            return Err("the session is not armed".into());
        }
        if !session.fits {
            return Err("the account is not of the kind that the settings say".into());
        }
        if !session.ready {
            return Err("the account was not held against the books yet".into());
        }
        if let Some(code) = self.halted {
            return Err(format!("entries are halted: {} ({code})", retcode::name(code)));
        }
        if self.now.ms < self.back_off_until {
            return Err("the terminal asked for patience".into());
        }
        match &session.heartbeat {
            Some(beat) if !beat.terminal_connected => return Err("the terminal has lost its server".into()),
            Some(beat) if !beat.trade_allowed => return Err("the terminal or the account may not trade".into()),
            Some(beat) if beat.tradeapi_disabled => return Err("trading by programs is switched off".into()),
            Some(beat) if beat.killed => return Err("the bridge's kill button was pressed".into()),
            _ => {}
        }
        if let Some(order) = self.orders.values().find(|order| order.symbol == symbol && order.is_unknown()) {
            return Err(format!("what became of order {} is not known", order.id));
        }
        if market.flatten.is_some() {
            return Err("everything of the symbol is being closed".into());
        }
        if market.differences > 0 {
            return Err("legs and account differ".into());
        }
        if market.legs.iter().any(|leg| leg.lost) {
            return Err("a leg of the books was not found on the account".into());
        }
        let spec = market.spec.as_ref().ok_or("the symbol's specification is not known yet")?;
        if !spec.exists {
            return Err(format!("the broker has no symbol {}", market.name));
        }
        let quote = market.quote.as_ref().ok_or("there is no quote yet")?;
        if self.now.market > quote.at.plus_secs(i64::from(self.config.care.quote_seconds)) {
            return Err(format!("the last quote is of {}", quote.at));
        }
        Ok(())
    }

    /// A person allows entries again after [`Told::EntriesHalted`].
    pub fn allow_entries(&mut self) {
        self.halted = None;
    }

    /// Whether entries are halted until a person allows them, and by which return code.
    pub fn entries_halted(&self) -> Option<u32> {
        self.halted
    }

    /// All open legs, as of the last reading of the account. What the account has and no leg explains comes as a leg of
    /// trade 0, so that whoever compares finds it.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`] where something has changed since the account was read.
    pub fn legs(&self) -> Result<Vec<BrokerLeg>, BrokerError> {
        if !self.is_ready() {
            return Err(BrokerError::Unavailable("the account was not read since the session began".into()));
        }
        if self.reading.stamp != self.stamp {
            return Err(BrokerError::Unavailable("something has changed since the account was read".into()));
        }
        let mut legs = Vec::new();
        for (index, market) in self.markets.iter().enumerate() {
            let symbol = SymbolId::new(index as u16);
            let held = self.config.mode == AccountMode::Hedging;
            for leg in market.legs.iter().filter(|leg| leg.open > 0) {
                let position = if held {
                    market.position_of(leg)
                } else {
                    market.positions.first().filter(|_| leg.id.role == LegRole::Base)
                };
                let level = |price: crate::wire::Decimal| (price.raw() != 0).then(|| price.price());
                legs.push(BrokerLeg {
                    symbol,
                    leg: leg.id,
                    side: leg.side,
                    quantity: Contracts::new(leg.contracts(market.lots_per_contract())),
                    entry: leg.entry(),
                    stop_loss: position.and_then(|position| level(position.sl)),
                    take_profit: position.and_then(|position| level(position.tp)),
                });
            }
            legs.extend(self.unexplained(symbol));
        }
        Ok(legs)
    }

    /// The account as last read.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`] where something has changed since, or it was never read.
    pub fn account(&self) -> Result<Account, BrokerError> {
        match &self.account {
            Some((state, stamp, _)) if self.is_ready() && *stamp == self.stamp => Ok(Account {
                mode: self.config.mode,
                balance: money(state.balance),
                equity: money(state.equity),
                free_margin: money(state.margin_free),
                at: self.config.zone.utc(state.server).max(self.now.market),
            }),
            _ => Err(BrokerError::Unavailable("the account was not read since something changed".into())),
        }
    }

    /// How long ago the account was read, in milliseconds of the real clock.
    pub fn account_age_ms(&self) -> u64 {
        self.account.as_ref().map_or(u64::MAX, |(_, _, at)| self.now.ms.saturating_sub(*at))
    }

    /// Where a side would enter the symbol's market now, by the last quote of the session.
    pub fn entry_price(&self, symbol: SymbolId, side: Side) -> Option<Price> {
        let quote = self.markets.get(symbol.index())?.quote?;
        Some(if side == Side::Buy { quote.ask } else { quote.bid })
    }

    /// The symbol as the terminal describes it.
    pub fn spec(&self, symbol: SymbolId) -> Option<&SymbolSpec> {
        self.markets.get(symbol.index())?.spec.as_ref()
    }

    /// The symbol's sessions by the terminal.
    pub fn calendar(&self, symbol: SymbolId) -> Option<&SessionCalendar> {
        self.markets.get(symbol.index())?.calendar.as_ref()
    }

    /// The bridge's last heartbeat in this session.
    pub fn heartbeat(&self) -> Option<&BridgeHeartbeat> {
        self.session.as_ref()?.heartbeat.as_ref()
    }

    /// Orders of which it is not known what became.
    pub fn in_doubt(&self) -> impl Iterator<Item = OrderId> + '_ {
        self.orders.values().filter(|order| order.is_unknown()).map(|order| order.id)
    }

    /// Symbols where legs and account differ, with the lots of either, sold ones negative.
    pub fn differences(&self) -> impl Iterator<Item = (SymbolId, crate::wire::Decimal, crate::wire::Decimal)> + '_ {
        let decimal = crate::wire::Decimal::from_raw;
        self.markets.iter().enumerate().filter(|(_, market)| market.differences > 0).map(move |(index, market)| {
            (SymbolId::new(index as u16), decimal(market.legs_signed()), decimal(market.position_signed()))
        })
    }

    /// The order's magic number.
    pub fn magic(&self, order: OrderId) -> u64 {
        (u64::from(self.config.instance) << 32) | order.get()
    }

    /// The market's time, as far as it is known.
    pub fn market_time(&self) -> Timestamp {
        self.now.market
    }

    /// What the desk was made with.
    pub fn config(&self) -> &DeskConfig {
        &self.config
    }

    fn at(&mut self, now: Now) {
        self.now.ms = self.now.ms.max(now.ms);
        self.now.market = self.now.market.max(now.market);
    }

    fn symbol_of(&self, name: &str) -> Option<SymbolId> {
        let place = self.markets.iter().position(|market| market.name == name)?;
        Some(SymbolId::new(place as u16))
    }

    fn next_cid(&mut self, kind: &str) -> String {
        self.asked += 1;
        format!("{kind}{}", self.asked)
    }

    fn change(&mut self, symbol: SymbolId) {
        self.stamp += 1;
        if let Some(market) = self.markets.get_mut(symbol.index()) {
            market.changed = self.stamp;
        }
    }

    fn order_of_magic(&self, magic: Id) -> Option<OrderId> {
        let ours = magic.0 < crate::wire::BRIDGE_MAGIC && magic.0 >> 32 == u64::from(self.config.instance);
        ours.then(|| OrderId::new(magic.0 & u64::from(u32::MAX)))
    }

    /// After anything that happened: books what can be booked, proves what can be proven, keeps the stops, sends what
    /// may be sent.
    fn settle(&mut self) {
        self.book_waiting();
        self.watch_patience();
        self.watch_shields();
        self.watch_exits();
        self.watch_flatten();
        self.send_queued();
        self.watch_reading();
    }
}

#[cfg(test)]
mod tests;
