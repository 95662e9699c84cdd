//! The engine on the simulated exchange: the wheel of a backtest.
//!
//! Synchronous: no future per bar. One call per market event: the exchange sees it first (orders on their way fill,
//! resting exits are touched), then the engine hears of its fills, of the account, and of the event itself.

use alavanca_adapters_sim::{Books, FillAt, SimExchange};
use alavanca_engine::{AccountView, Command, Effect, Engine, Event, Notice, Record};
use alavanca_kernel::{Bar, OrderReport, SymbolId, Tick, Timestamp};
use alavanca_rl::{ImportError, PolicyTable};

/// Takes what a simulation records and notices.
pub trait Sink {
    /// One record, in order.
    fn record(&mut self, record: Record);
    /// Something the operator should hear of.
    fn notice(&mut self, notice: Notice);
}

/// An engine and the exchange it trades on.
#[derive(Debug)]
pub struct Simulation {
    engine: Engine,
    exchange: SimExchange,
    fills_at_close: bool,
    effects: Vec<Effect>,
    reports: Vec<OrderReport>,
    waiting: Vec<OrderReport>,
}

impl Simulation {
    /// Joins them. `fill` must be the exchange's own setting.
    pub fn new(engine: Engine, exchange: SimExchange, fill: FillAt) -> Self {
        Self {
            engine,
            exchange,
            fills_at_close: fill == FillAt::Close,
            effects: Vec::with_capacity(64),
            reports: Vec::with_capacity(16),
            waiting: Vec::with_capacity(16),
        }
    }

    /// A bar closed.
    #[inline]
    pub fn on_bar(&mut self, symbol: SymbolId, bar: &Bar, sink: &mut impl Sink) {
        self.exchange.on_bar(symbol, bar, &mut self.reports);
        if !self.reports.is_empty() {
            self.hear(sink);
        }
        self.read_account(bar.end());
        self.engine.step(&Event::Bar(symbol, *bar), &mut self.effects);
        if !self.effects.is_empty() {
            self.act(bar.end(), sink);
        }
        if self.fills_at_close {
            // Also where the engine wanted nothing: what was filled in part waits for every close.
            self.exchange.after_bar(symbol, bar, &mut self.reports);
        }
        if !self.reports.is_empty() {
            self.hear(sink);
        }
    }

    /// A tick came in.
    #[inline]
    pub fn on_tick(&mut self, symbol: SymbolId, tick: &Tick, sink: &mut impl Sink) {
        self.exchange.on_tick(symbol, tick, &mut self.reports);
        if !self.reports.is_empty() {
            self.hear(sink);
        }
        self.read_account(tick.time);
        self.engine.step(&Event::Tick(symbol, *tick), &mut self.effects);
        if !self.effects.is_empty() {
            self.act(tick.time, sink);
            self.hear(sink);
        }
    }

    /// The operator says something.
    pub fn command(&mut self, command: Command, at: Timestamp, sink: &mut impl Sink) {
        self.engine.step(&Event::Command(command, at), &mut self.effects);
        self.act(at, sink);
        self.hear(sink);
    }

    /// Time passes, and no price comes.
    pub fn time(&mut self, at: Timestamp, sink: &mut impl Sink) {
        self.engine.step(&Event::Time(at), &mut self.effects);
        self.act(at, sink);
        self.hear(sink);
    }

    /// Begins with an exported policy, before anything has happened; `at` is when the market begins.
    ///
    /// # Errors
    /// Where the policy cannot be taken in. The simulation is then not to be used.
    pub fn begin_with(
        &mut self,
        tables: &[PolicyTable],
        digest: &str,
        run_id: Option<&str>,
        at: Timestamp,
        sink: &mut impl Sink,
    ) -> Result<(), ImportError> {
        self.engine.begin_with(tables, digest, run_id, at, &mut self.effects)?;
        self.act(at, sink);
        Ok(())
    }

    /// The data has ended: what is open is closed at the last price, and the last day's books with it.
    pub fn end(&mut self, at: Timestamp, sink: &mut impl Sink) {
        self.engine.step(&Event::End(at), &mut self.effects);
        self.act(at, sink);
        self.hear(sink);
        self.exchange.fill_at_last(at, &mut self.reports);
        self.hear(sink);
        self.read_account(at);
        self.engine.finish(&mut self.effects);
        self.act(at, sink);
    }

    /// Tells the engine what the exchange reported, and the exchange what the engine wants, until both are quiet.
    fn hear(&mut self, sink: &mut impl Sink) {
        while !self.reports.is_empty() {
            std::mem::swap(&mut self.reports, &mut self.waiting);
            for i in 0..self.waiting.len() {
                let report = self.waiting[i];
                let at = match report {
                    OrderReport::Filled(fill) => fill.at,
                    OrderReport::Rejected { at, .. } | OrderReport::Canceled { at, .. } => at,
                };
                self.engine.step(&Event::Order(report), &mut self.effects);
                self.act(at, sink);
            }
            self.waiting.clear();
        }
    }

    /// Carries out the engine's effects, in order: what is recorded is handed on before what follows is sent.
    #[inline]
    fn act(&mut self, at: Timestamp, sink: &mut impl Sink) {
        for effect in self.effects.drain(..) {
            match effect {
                Effect::Record(record) => sink.record(record),
                Effect::Submit(order) => self.exchange.submit(&order, &mut self.reports),
                Effect::Cancel(_, order) => {
                    self.exchange.cancel(order, at, &mut self.reports);
                }
                Effect::Modify { symbol, leg, stop, target } => {
                    self.exchange.move_exits(symbol, leg, stop, target);
                }
                Effect::Notify(notice) => sink.notice(notice),
            }
        }
    }

    #[inline]
    fn read_account(&mut self, at: Timestamp) {
        let account = self.exchange.account(at);
        self.engine.read_account(AccountView { equity: account.equity, free_margin: account.free_margin, at });
    }

    /// Takes the engine away and puts another in its place, as a restart does: the exchange goes on.
    pub fn replace_engine(&mut self, engine: Engine) -> Engine {
        std::mem::replace(&mut self.engine, engine)
    }

    /// The engine with what it learned; the exchange and its account are gone.
    pub fn into_engine(self) -> Engine {
        self.engine
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The engine, to take its checkpoint or to order something.
    pub fn engine_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// The exchange's own statement.
    pub fn books(&self) -> Books {
        self.exchange.books()
    }

    /// The exchange.
    pub fn exchange(&self) -> &SimExchange {
        &self.exchange
    }
}
