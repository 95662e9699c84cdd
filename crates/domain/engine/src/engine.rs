//! The one place where the bricks meet.

use alavanca_calendar::{Moment, TradingClock};
use alavanca_capital::Capital;
use alavanca_execution::CloseCause;
use alavanca_gate::Gate;
use alavanca_kernel::{Bar, Instrument, Money, SettingError, SymbolId, Tick, Timestamp};
use alavanca_risk::{Risk, RiskChange};
use alavanca_rl::Policy;
use alavanca_scalp::ScalpBook;
use alavanca_updater::Updater;
use serde::{Deserialize, Serialize};

use crate::config::{DeskConfig, EngineConfig};
use crate::desk::{Desk, Quote};
use crate::event::{AccountView, Command, Effect, Event, InputFault, Notice};
use crate::record::{ChangedBy, DayRecord, Record};

/// The trading engine: an event goes in, effects come out. The same engine runs a backtest, paper and live.
#[derive(Debug)]
pub struct Engine {
    pub(crate) config: EngineConfig,
    pub(crate) clock: TradingClock,
    pub(crate) capital: Capital,
    pub(crate) scalps: ScalpBook,
    pub(crate) risk: Risk,
    pub(crate) gate: Gate,
    pub(crate) policy: Box<dyn Policy>,
    pub(crate) updater: Updater,
    pub(crate) desks: Vec<Desk>,
    pub(crate) account: Option<AccountView>,
    pub(crate) decisions: u64,
    pub(crate) trades: u64,
    pub(crate) orders: u64,
    pub(crate) now: Timestamp,
    pub(crate) moment: Option<Moment>,
    pub(crate) open_trades: u32,
    pub(crate) dirty: bool,
    pub(crate) counts: Counts,
}

/// What the engine has seen, beside its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Bars taken in, those gathered from ticks included.
    pub bars: u64,
    /// Ticks taken in.
    pub ticks: u64,
    /// Signals of the boss.
    pub signals: u64,
    /// Signals that came while a trade was open (semantics 11).
    pub signals_while_open: u64,
    /// Bars and ticks that were not taken in.
    pub bad_inputs: u64,
    /// Reports of the broker that fitted no leg.
    pub unexpected_reports: u64,
}

impl Engine {
    /// An engine over these instruments; [`SymbolId`] n is the n-th of them.
    ///
    /// # Errors
    /// Settings that no brick could refuse alone.
    pub fn new(config: EngineConfig, desks: Vec<DeskConfig>, policy: Box<dyn Policy>) -> Result<Self, SettingError> {
        config.check(&desks)?;
        let (zone, seconds) = (config.zone, config.signal_bar_seconds);
        Ok(Self {
            clock: TradingClock::new(zone),
            capital: Capital::new(config.capital),
            scalps: ScalpBook::new(config.scalp, desks.len()),
            risk: Risk::new(config.risk),
            gate: Gate::new(config.gate),
            policy,
            updater: Updater::new(config.updater),
            desks: desks.into_iter().map(|desk| Desk::new(desk, zone, seconds)).collect(),
            account: None,
            decisions: 0,
            trades: 0,
            orders: 0,
            now: Timestamp::MIN,
            moment: None,
            open_trades: 0,
            dirty: false,
            counts: Counts::default(),
            config,
        })
    }

    /// Applies one event. What has to happen in the world is appended to `effects`, in order.
    #[inline]
    pub fn step(&mut self, event: &Event, effects: &mut Vec<Effect>) {
        match event {
            Event::Bar(symbol, bar) => self.on_bar(*symbol, bar, effects),
            Event::Tick(symbol, tick) => self.on_tick(*symbol, tick, effects),
            Event::Order(report) => self.on_report(report, effects),
            Event::Account(view) => self.read_account(*view),
            Event::Time(at) => self.on_time(*at, effects),
            Event::Command(command, at) => self.on_command(*command, *at, effects),
            Event::End(at) => self.on_end(*at, effects),
        }
    }

    /// [`Event::Account`] without the event, for a backtest that reads the account at every bar.
    #[inline]
    pub fn read_account(&mut self, view: AccountView) {
        self.account = Some(view);
    }

    #[inline]
    fn on_bar(&mut self, symbol: SymbolId, bar: &Bar, effects: &mut Vec<Effect>) {
        let Some(desk) = self.desks.get_mut(symbol.index()) else {
            return self.refuse(symbol, bar.time, InputFault::UnknownSymbol, effects);
        };
        if !bar.is_sound() {
            return self.refuse(symbol, bar.time, InputFault::Unsound, effects);
        }
        if bar.time <= desk.last_bar {
            return self.refuse(symbol, bar.time, InputFault::Backwards, effects);
        }
        let end = bar.end();
        desk.last_bar = bar.time;
        desk.quote = Quote::of_bar(bar);
        self.advance(end, effects);
        if self.open_trades > 0 {
            self.watch(symbol, effects);
        }
        self.look(symbol, bar, effects);
    }

    fn on_tick(&mut self, symbol: SymbolId, tick: &Tick, effects: &mut Vec<Effect>) {
        let Some(desk) = self.desks.get_mut(symbol.index()) else {
            return self.refuse(symbol, tick.time, InputFault::UnknownSymbol, effects);
        };
        if let Some(fault) = desk.fault_of(tick) {
            return self.refuse(symbol, tick.time, fault, effects);
        }
        self.counts.ticks += 1;
        let closed = desk.take_tick(tick);
        self.advance(tick.time, effects);
        if self.open_trades > 0 {
            self.watch_tick(symbol, tick, effects);
            self.watch(symbol, effects);
        }
        if let Some(bar) = closed {
            self.look(symbol, &bar, effects);
        }
        if self.desks[symbol.index()].levels.boss.wants_ticks() {
            self.look_at_tick(symbol, tick, effects);
        }
    }

    /// Lets time pass: days roll, pauses and freezes end.
    #[inline]
    pub(crate) fn advance(&mut self, at: Timestamp, effects: &mut Vec<Effect>) {
        if at < self.now {
            return;
        }
        self.now = at;
        let moment = self.clock.locate(at);
        if self.moment.is_none_or(|before| before.day != moment.day) {
            self.roll_day(moment, effects);
        }
        self.moment = Some(moment);
        if let Some(change) = self.risk.on_time(at, moment.day) {
            self.apply_risk(change, effects);
        }
    }

    fn roll_day(&mut self, moment: Moment, effects: &mut Vec<Effect>) {
        if let Some(before) = self.moment {
            let equity = self.account.map(|account| account.equity);
            let net = self.risk.daily_profit();
            self.record(Record::Day(DayRecord { day: before.day, net, equity }), effects);
        }
        for desk in &mut self.desks {
            desk.day_net = Money::ZERO;
        }
        for regime in self.updater.on_day(moment.day) {
            self.thaw(regime, ChangedBy::Engine, effects);
        }
    }

    pub(crate) fn apply_risk(&mut self, change: RiskChange, effects: &mut Vec<Effect>) {
        let flatten = change.flatten;
        self.record(Record::Risk(change), effects);
        if flatten {
            self.flatten(CloseCause::Risk, effects);
        }
    }

    /// Closes everything that is open and takes back what is on its way.
    pub(crate) fn flatten(&mut self, cause: CloseCause, effects: &mut Vec<Effect>) {
        for index in 0..self.desks.len() {
            self.desks[index].reversal = None;
            self.close_trade(SymbolId::new(index as u16), cause, effects);
        }
    }

    fn on_command(&mut self, command: Command, at: Timestamp, effects: &mut Vec<Effect>) {
        let operator = || ChangedBy::Operator { reason: String::new() };
        self.advance(at, effects);
        let change = match command {
            Command::Halt => self.risk.halt(at),
            Command::ReduceOnly => self.risk.reduce_only(at),
            Command::Resume => self.risk.resume(at),
            Command::StoreFailed => self.risk.store_failed(at),
            Command::Unreconciled => self.risk.reconciliation_failed(at),
            Command::Reconciled => self.risk.reconciled(at),
            Command::Flatten => return self.flatten(CloseCause::Operator, effects),
            Command::Freeze(regime) => {
                if !self.policy.is_frozen(regime) {
                    self.freeze(regime, operator(), (None, None), effects);
                }
                return;
            }
            Command::Unfreeze(regime) => {
                if self.policy.is_frozen(regime) {
                    self.thaw(regime, operator(), effects);
                }
                return;
            }
        };
        if let Some(change) = change {
            self.apply_risk(change, effects);
        }
    }

    /// No price came, and time passes all the same. What is older than what was seen changes nothing.
    fn on_time(&mut self, at: Timestamp, effects: &mut Vec<Effect>) {
        self.advance(at, effects);
        if self.open_trades > 0 {
            for index in 0..self.desks.len() {
                let symbol = SymbolId::new(index as u16);
                self.watch_time(symbol, effects);
                self.watch(symbol, effects);
            }
        }
    }

    fn on_end(&mut self, at: Timestamp, effects: &mut Vec<Effect>) {
        self.advance(at, effects);
        self.flatten(CloseCause::EndOfMarket, effects);
    }

    /// Closes the books of the last day. To be called once, after the fills that [`Event::End`] brought about.
    pub fn finish(&mut self, effects: &mut Vec<Effect>) {
        self.close_regimes(effects);
        if let Some(moment) = self.moment.take() {
            let equity = self.account.map(|account| account.equity);
            let net = self.risk.daily_profit();
            self.record(Record::Day(DayRecord { day: moment.day, net, equity }), effects);
        }
    }

    #[inline]
    pub(crate) fn record(&mut self, record: Record, effects: &mut Vec<Effect>) {
        self.dirty = true;
        effects.push(Effect::Record(record));
    }

    #[cold]
    fn refuse(&mut self, symbol: SymbolId, at: Timestamp, fault: InputFault, effects: &mut Vec<Effect>) {
        self.counts.bad_inputs += 1;
        effects.push(Effect::Notify(Notice::BadInput { symbol, at, fault }));
    }

    /// The latest event's time.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Leaves out the next order numbers: after a restart some may be in the world that the store never heard of, and a
    /// broker executes a number once.
    pub fn skip_orders(&mut self, count: u64) {
        self.orders += count;
    }

    /// What the engine has seen, beside its records.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Sizing, its history and statistics.
    pub fn capital(&self) -> &Capital {
        &self.capital
    }

    /// Scalps, cooldowns, their events and statistics.
    pub fn scalps(&self) -> &ScalpBook {
        &self.scalps
    }

    /// Limits and the day's result.
    pub fn risk(&self) -> &Risk {
        &self.risk
    }

    /// The served policy.
    pub fn policy(&self) -> &dyn Policy {
        &*self.policy
    }

    /// Batches and snapshots.
    pub fn updater(&self) -> &Updater {
        &self.updater
    }

    /// The instrument of that id.
    pub fn instrument(&self, symbol: SymbolId) -> Option<&Instrument> {
        self.desks.get(symbol.index()).map(|desk| &desk.instrument)
    }

    /// The names of an instrument's brains; [`Votes`](alavanca_signals::Votes) go by their places.
    pub fn brains(&self, symbol: SymbolId) -> impl Iterator<Item = &str> {
        self.desks.get(symbol.index()).into_iter().flat_map(|desk| desk.levels.boss.names())
    }

    /// Trades that are open or on their way.
    pub fn open_trades(&self) -> impl Iterator<Item = &alavanca_execution::OpenTrade> {
        self.desks.iter().filter_map(|desk| desk.trade.as_ref())
    }
}
