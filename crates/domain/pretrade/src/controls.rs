//! The gate.

use std::collections::BTreeSet;

use alavanca_kernel::{
    Instrument, LegId, LegRole, Money, OrderId, OrderIntent, OrderReport, OrderRequest, SettingError, Side, SymbolId,
    Tick, Timestamp, TradingDay,
};
use serde::{Deserialize, Serialize};

use crate::ledger::{Ledger, OpenLeg, money};
use crate::losses::Losses;
use crate::quotes::Quotes;
use crate::rate::{Ceiling, Rate};
use crate::refusal::{KillCause, Refusal};
use crate::settings::{PretradeConfig, PretradeSettings};

/// So many order numbers are remembered one by one; all below are taken for used.
const NUMBERS: usize = 2_000;

/// What an order is checked with beside what the gate was told before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct View {
    /// Market time.
    pub now: Timestamp,
    /// The trading day of that.
    pub day: TradingDay,
    /// Whether the order's market is open.
    pub session: SessionState,
    /// What the broker says that the order needs as margin; `None` where it did not say.
    pub margin: Option<Money>,
}

/// Whether a market is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// Continuous trading.
    Open,
    /// Closed, or in an auction.
    Closed,
    /// Nobody knows.
    Unknown,
}

/// The account as it was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AccountReading {
    /// Money with open results.
    pub equity: Money,
    /// Money free for margin.
    pub free_margin: Money,
    /// When it was true, in market time.
    pub at: Timestamp,
}

/// Every limit between an order and the broker, with the books that they go by.
#[derive(Clone, Debug)]
pub struct Controls {
    config: PretradeConfig,
    instruments: Vec<Instrument>,
    allowed: Vec<bool>,
    quotes: Vec<Quotes>,
    account: Option<AccountReading>,
    /// Whether the broker has said what is open.
    positions_known: bool,
    kept: ControlsSnapshot,
}

/// All there is to store between two runs. Quotes, the account and what is open are told anew.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ControlsSnapshot {
    day: Option<TradingDay>,
    now: Timestamp,
    ledger: Ledger,
    losses: Losses,
    orders: Rate,
    closes: Rate,
    changes: Rate,
    recent: Vec<Sent>,
    numbers: BTreeSet<OrderId>,
    /// This number and all below count as used.
    used_up_to: u64,
    killed: Option<(KillCause, Timestamp)>,
    /// The broker's numbers of the latest deals: each is booked once.
    deals: BTreeSet<u64>,
}

/// What was sent a moment ago.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Sent {
    id: OrderId,
    symbol: SymbolId,
    leg: LegId,
    intent: OrderIntent,
    side: Side,
    at: Timestamp,
}

impl ControlsSnapshot {
    /// Opening orders that were let through on the day.
    pub fn orders_today(&self) -> u32 {
        self.orders.today()
    }

    /// Whether its losses are those of another one.
    pub fn has_losses_of(&self, other: &Self) -> bool {
        self.losses == other.losses
    }
}

impl Controls {
    /// A gate for these instruments; [`SymbolId`] n is the n-th of them. It knows nothing yet, so nothing passes.
    ///
    /// # Errors
    /// An allow-list that names none of the instruments.
    pub fn new(config: PretradeConfig, instruments: Vec<Instrument>) -> Result<Self, SettingError> {
        let listed = |instrument: &Instrument| match &config.settings().symbols {
            Some(names) => names.iter().any(|name| name.eq_ignore_ascii_case(&instrument.name)),
            None => true,
        };
        let allowed: Vec<bool> = instruments.iter().map(listed).collect();
        if !allowed.contains(&true) {
            let traded: Vec<_> = instruments.iter().map(|instrument| instrument.name.as_str()).collect();
            let got = config.settings().symbols.as_ref().map(|names| names.join(",")).unwrap_or_default();
            let allowed = format!("a list with a symbol of this run ({}), or default", traded.join(", "));
            return Err(SettingError::new("PRETRADE_SYMBOLS", got, allowed));
        }
        Ok(Self {
            quotes: vec![Quotes::default(); instruments.len()],
            config,
            instruments,
            allowed,
            account: None,
            positions_known: false,
            kept: ControlsSnapshot { now: Timestamp::MIN, ..ControlsSnapshot::default() },
        })
    }

    /// Whether the order may leave. If so it counts from here on as sent, and its end has to be told by
    /// [`on_report`](Self::on_report), or by [`withdraw`](Self::withdraw) where it surely never left.
    ///
    /// # Errors
    /// The first control that does not let it pass.
    pub fn check(&mut self, order: &OrderRequest, view: &View) -> Result<(), Refusal> {
        self.advance(view.now, view.day);
        let refused = self.examine(order, view);
        if let Err(Refusal::CloseRate { .. }) = refused {
            self.kill(KillCause::RunawayCloses);
        }
        refused?;
        let now = self.kept.now;
        let kept = &mut self.kept;
        kept.numbers.insert(order.id);
        while kept.numbers.len() > NUMBERS {
            kept.used_up_to = kept.numbers.pop_first().map_or(kept.used_up_to, |id| kept.used_up_to.max(id.get()));
        }
        let window = i64::from(self.config.settings().duplicate_window_ms) * 1_000;
        kept.recent.retain(|sent| sent.at > now.plus_micros(-window));
        let OrderRequest { id, symbol, leg, intent, side, .. } = *order;
        kept.recent.push(Sent { id, symbol, leg, intent, side, at: now });
        match intent {
            OrderIntent::Open => kept.orders.count(now),
            OrderIntent::Close => kept.closes.count(now),
        }
        let margin = self.required_margin(order, view).unwrap_or(Money::ZERO);
        self.kept.ledger.begin(order, margin);
        Ok(())
    }

    /// What [`check`](Self::check) would say, without counting it. What is not known of the margin is said last, so that
    /// the broker is asked for it only where nothing else is in the way.
    pub fn examine(&self, order: &OrderRequest, view: &View) -> Result<(), Refusal> {
        if order.id.get() <= self.kept.used_up_to || self.kept.numbers.contains(&order.id) {
            return Err(Refusal::IdUsed { id: order.id });
        }
        if order.quantity.is_zero() {
            return Err(Refusal::NoQuantity);
        }
        match order.intent {
            OrderIntent::Open => self.examine_open(order, view),
            OrderIntent::Close => self.examine_close(order, view),
        }
    }

    fn examine_open(&self, order: &OrderRequest, view: &View) -> Result<(), Refusal> {
        let s = self.config.settings();
        let now = self.kept.now.max(view.now);
        if let Some((cause, since)) = self.kept.killed {
            return Err(Refusal::Killed { cause, since });
        }
        let index = order.symbol.index();
        let instrument = match self.instruments.get(index) {
            Some(instrument) if self.allowed[index] => instrument,
            _ => return Err(Refusal::SymbolNotAllowed),
        };
        if order.quantity.count() > s.max_order_contracts {
            return Err(Refusal::OrderSize { contracts: order.quantity, max: s.max_order_contracts });
        }
        match view.session {
            SessionState::Open => {}
            SessionState::Closed => return Err(Refusal::SessionClosed),
            SessionState::Unknown => return Err(Refusal::SessionUnknown),
        }
        if s.require_stop && order.leg.role == LegRole::Base && order.protection.stop.is_none() {
            return Err(Refusal::NoStop);
        }
        self.kept.losses.check(s)?;
        let account = self.account.ok_or(Refusal::AccountUnknown)?;
        let (age_micros, max_seconds) = (now.micros().saturating_sub(account.at.micros()), s.max_account_age_seconds);
        if age_micros > i64::from(max_seconds) * 1_000_000 {
            return Err(Refusal::AccountStale { age_seconds: age_micros / 1_000_000, max_seconds });
        }
        if !self.positions_known {
            return Err(Refusal::PositionsUnknown);
        }
        self.quotes[index].check(order.side, instrument.point, now, &self.config)?;
        self.check_duplicate(order, now)?;
        let open = self.kept.ledger.opening().count() as u32;
        if open >= s.max_open_orders {
            return Err(Refusal::OpenOrders { open, max: s.max_open_orders });
        }
        let contracts = self.kept.ledger.contracts(order.symbol).saturating_add(order.quantity.count());
        if contracts > s.max_position_contracts {
            return Err(Refusal::Position { contracts, max: s.max_position_contracts });
        }
        let notional = self.notional_with(order)?;
        if notional > s.max_notional {
            return Err(Refusal::Notional { notional, max: s.max_notional });
        }
        let ceiling = Ceiling { second: s.orders_per_second, minute: s.orders_per_minute, day: s.orders_per_day };
        if let Some((within, sent, max)) = self.kept.orders.full(now, ceiling) {
            return Err(Refusal::OrderRate { within, sent, max });
        }
        let required = self.required_margin(order, view).ok_or(Refusal::MarginUnknown)?;
        let (promised, free) = (self.kept.ledger.promised(), account.free_margin);
        if i128::from(required.cents()) + i128::from(promised.cents()) > i128::from(free.cents()) {
            return Err(Refusal::FreeMargin { required, promised, free });
        }
        Ok(())
    }

    fn examine_close(&self, order: &OrderRequest, view: &View) -> Result<(), Refusal> {
        let s = self.config.settings();
        if !self.positions_known {
            return Err(Refusal::PositionsUnknown);
        }
        let now = self.kept.now.max(view.now);
        let ceiling = Ceiling { second: s.closes_per_second, minute: s.closes_per_minute, day: s.closes_per_day };
        if let Some((within, sent, max)) = self.kept.closes.full(now, ceiling) {
            return Err(Refusal::CloseRate { within, sent, max });
        }
        let on_their_way = self.kept.ledger.closing(order.symbol, order.leg);
        let Some(leg) = self.kept.ledger.leg(order.symbol, order.leg) else {
            return Err(Refusal::NothingToClose { open: 0, on_their_way });
        };
        if order.side != leg.side.opposite() {
            return Err(Refusal::WouldAdd);
        }
        let open = leg.quantity.count();
        if on_their_way >= open {
            return Err(Refusal::NothingToClose { open, on_their_way });
        }
        if order.quantity.count() > open - on_their_way {
            return Err(Refusal::WouldCrossFlat { contracts: order.quantity, open, on_their_way });
        }
        self.check_duplicate(order, now)
    }

    fn check_duplicate(&self, order: &OrderRequest, now: Timestamp) -> Result<(), Refusal> {
        let window_ms = self.config.settings().duplicate_window_ms;
        let from = now.plus_micros(-i64::from(window_ms) * 1_000);
        let same = |sent: &&Sent| {
            sent.at > from
                && (sent.symbol, sent.leg, sent.intent, sent.side)
                    == (order.symbol, order.leg, order.intent, order.side)
        };
        match self.kept.recent.iter().rev().find(same) {
            Some(&Sent { id: earlier, at, .. }) => {
                let age_ms = now.micros().saturating_sub(at.micros()) / 1_000;
                Err(Refusal::Duplicate { earlier, age_ms, window_ms })
            }
            None => Ok(()),
        }
    }

    /// The larger of what the broker and what the instrument says; `None` where the broker does not.
    fn required_margin(&self, order: &OrderRequest, view: &View) -> Option<Money> {
        let instrument = self.instruments.get(order.symbol.index())?;
        let preset = money(i128::from(instrument.broker_margin.cents()) * i128::from(order.quantity.count()));
        view.margin.map(|margin| margin.max(preset))
    }

    /// What all positions would be worth with this order.
    fn notional_with(&self, order: &OrderRequest) -> Result<Money, Refusal> {
        let mut cents = 0_i128;
        for (index, instrument) in self.instruments.iter().enumerate() {
            let symbol = SymbolId::new(index as u16);
            let ordered = if symbol == order.symbol { order.quantity.count() } else { 0 };
            let contracts = self.kept.ledger.contracts(symbol).saturating_add(ordered);
            if contracts == 0 {
                continue;
            }
            let entries = self.kept.ledger.legs().iter().filter(|leg| leg.symbol == symbol).map(|leg| leg.entry);
            let price = self.quotes[index].dearest().or(entries.max()).ok_or(Refusal::QuoteUnknown)?;
            // The value of a point, in 10⁻⁶ of the currency; 10⁴ of those make a centavo.
            let value = i128::from(price.raw()) * i128::from(instrument.point_value_micros) * i128::from(contracts);
            cents += value / (i128::from(instrument.point.raw().max(1)) * 10_000);
        }
        Ok(money(cents))
    }

    /// Whether exits may be moved, or an order taken back. It counts from here on.
    ///
    /// # Errors
    /// Too many of them: the kill switch is on then.
    pub fn check_change(&mut self, now: Timestamp, day: TradingDay) -> Result<(), Refusal> {
        self.advance(now, day);
        let s = self.config.settings();
        let ceiling = Ceiling { second: s.changes_per_second, minute: s.changes_per_minute, day: u32::MAX };
        let now = self.kept.now;
        if let Some((within, sent, max)) = self.kept.changes.full(now, ceiling) {
            self.kill(KillCause::RunawayChanges);
            return Err(Refusal::ChangeRate { within, sent, max });
        }
        self.kept.changes.count(now);
        Ok(())
    }

    /// Lets time pass. A new day begins its counts and its losses anew; time that lies before what was seen changes
    /// nothing.
    pub fn advance(&mut self, now: Timestamp, day: TradingDay) {
        self.kept.now = self.kept.now.max(now);
        if self.kept.day >= Some(day) {
            return;
        }
        self.kept.day = Some(day);
        self.kept.losses.begin_day();
        self.kept.orders.begin_day();
        self.kept.closes.begin_day();
        self.kept.changes.begin_day();
    }

    /// A tick came in.
    pub fn on_tick(&mut self, symbol: SymbolId, tick: &Tick) {
        let Some(quotes) = self.quotes.get_mut(symbol.index()) else { return };
        quotes.take(tick);
        if !self.kept.ledger.legs().is_empty() {
            self.mark();
        }
    }

    /// The account was read.
    pub fn on_account(&mut self, reading: AccountReading) {
        self.account = Some(reading);
        self.kept.ledger.on_account(reading.at);
        self.kept.losses.on_equity(reading.equity, self.config.settings());
    }

    /// The broker said something of an order or a leg.
    pub fn on_report(&mut self, report: &OrderReport) {
        if let OrderReport::Filled(fill) = report
            && fill.deal != 0
        {
            if !self.kept.deals.insert(fill.deal) {
                return;
            }
            if self.kept.deals.len() > NUMBERS {
                self.kept.deals.pop_first();
            }
        }
        let booked = self.kept.ledger.take(report, &self.instruments);
        self.kept.losses.book(booked.net);
        if let Some(net) = booked.ended {
            self.kept.losses.on_trade_ended(net);
        }
        self.mark();
        // What was refused, or taken back, may be asked for again.
        if let OrderReport::Rejected { order, .. } | OrderReport::Canceled { order, .. } = report {
            self.kept.recent.retain(|sent| sent.id != *order);
        }
    }

    /// The broker said what is open, all of it. To be told when no report of before is still on its way.
    pub fn on_legs(&mut self, legs: &[OpenLeg]) {
        self.kept.ledger.set_legs(legs);
        self.positions_known = true;
        self.mark();
    }

    /// An order that was let through surely never left. Its number stays used.
    pub fn withdraw(&mut self, order: OrderId) {
        if let Some(net) = self.kept.ledger.withdraw(order) {
            self.kept.losses.on_trade_ended(net);
        }
        self.kept.recent.retain(|sent| sent.id != order);
    }

    /// Stops entries until [`release`](Self::release), over restarts and days. The first cause stays.
    pub fn kill(&mut self, cause: KillCause) {
        self.kept.killed.get_or_insert((cause, self.kept.now));
    }

    /// The operator lets entries pass again.
    pub fn release(&mut self) {
        self.kept.killed = None;
    }

    /// Why entries are stopped, and since when.
    pub const fn killed(&self) -> Option<(KillCause, Timestamp)> {
        self.kept.killed
    }

    /// All there is to store.
    pub const fn snapshot(&self) -> &ControlsSnapshot {
        &self.kept
    }

    /// Goes on from what was stored. What is open has to be told before anything passes.
    pub fn restore(&mut self, stored: ControlsSnapshot) {
        self.kept = stored;
        self.positions_known = false;
    }

    /// What was set.
    pub fn settings(&self) -> &PretradeSettings {
        self.config.settings()
    }

    /// Legs that are open by the gate's own books.
    pub fn legs(&self) -> &[OpenLeg] {
        self.kept.ledger.legs()
    }

    /// Orders that were let through and whose end is not known.
    pub fn on_their_way(&self) -> impl Iterator<Item = OrderId> + '_ {
        self.kept.ledger.working().iter().map(|order| order.id)
    }

    /// Holds the day's losses against what is open.
    fn mark(&mut self) {
        let mut cents = 0_i128;
        for leg in self.kept.ledger.legs() {
            let index = leg.symbol.index();
            let Some((instrument, quotes)) = self.instruments.get(index).zip(self.quotes.get(index)) else { continue };
            if let Some(price) = quotes.closes_at(leg.side) {
                cents += i128::from(instrument.gross(leg.side, leg.entry, price, leg.quantity).cents());
            }
        }
        self.kept.losses.on_open_result(money(cents), self.config.settings());
    }
}
