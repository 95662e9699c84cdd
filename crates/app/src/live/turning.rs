//! The turning wheel: the broker's happenings, the market's seconds, the operator's words, until the end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use alavanca_adapters_mt5::Happening;
use alavanca_adapters_sqlite::SqliteStore;
use alavanca_engine::{Command, Event};
use alavanca_execution::OpenTrade;
use alavanca_kernel::{OrderIntent, Side, SymbolId, Tick, Timestamp};
use alavanca_ports::{Account, Broker, BrokerError, Severity};

use super::admission::wall;
use super::crash::Crashing;
pub(super) use super::ground::Ground;
use super::notices::OperatorLog;
use super::operator::Operator;
use super::run::{BRIDGE_ENDED, LiveError, known, tell_refusal};
use super::statement::Statement;
use super::status::{AccountStatus, LegStatus, Mode, Phase};
use super::stop::Stop;
use super::venue::Venue;
use crate::guarded::Guarded;
use crate::settings::LiveClock;
use crate::wheel::{Told, Wheel};

/// The wheel of live and paper: nothing reaches the broker but through the gate.
pub(super) type LiveWheel = Wheel<Guarded<Crashing<Venue>>, Crashing<SqliteStore>>;

/// The most that is waited for at a time, so that the operator is heard.
const BEAT: Duration = Duration::from_millis(50);
/// The mailbox is looked into this often.
const MAILBOX: Duration = Duration::from_millis(200);
/// Whatever the market's pace, account and books are not read more often.
const ACCOUNT_LEAST: Duration = Duration::from_millis(10);
const RECONCILE_LEAST: Duration = Duration::from_millis(500);
/// An order's outcome is awaited so long before books and broker are held against each other all the same.
const UNDER_WAY: Duration = Duration::from_secs(5);
/// Closing everything has so long before it is told that it did not work.
pub(super) const FLAT_WITHIN: Duration = Duration::from_secs(30);

/// A run that trades.
#[derive(Debug)]
pub(super) struct Turning {
    pub(super) wheel: Option<LiveWheel>,
    pub(super) ground: Ground,
    pub(super) stop: Arc<Stop>,
    pub(super) operator: Operator,
    ended: Option<String>,
    mailbox_at: Instant,
    account_at: (Instant, Timestamp),
    reconciled_at: (Instant, Timestamp),
    reconcile_due: Option<Instant>,
    /// The server's clock and the machine's are too far apart.
    clock_is_off: bool,
    pub(super) last_account: Option<Account>,
    /// When the next trading day may be begun, where that could not be done.
    pub(super) day_at: Instant,
}

impl Turning {
    pub(super) fn new(wheel: LiveWheel, ground: Ground, stop: Arc<Stop>) -> Self {
        let now = Instant::now();
        Self {
            wheel: Some(wheel),
            ground,
            stop,
            operator: Operator::default(),
            ended: None,
            mailbox_at: now.checked_sub(MAILBOX).unwrap_or(now),
            account_at: (now, Timestamp::MIN),
            reconciled_at: (now, Timestamp::MIN),
            reconcile_due: None,
            clock_is_off: false,
            last_account: None,
            day_at: now,
        }
    }

    pub(super) fn wheel(&mut self) -> &mut LiveWheel {
        self.wheel.as_mut().unwrap_or_else(|| unreachable!("the wheel is taken at the end alone"))
    }

    pub(super) fn venue(&mut self) -> &mut Venue {
        self.wheel().broker_mut().market_side().inner_mut()
    }

    /// The market's time, never before what the engine has seen.
    pub(super) fn market_now(&mut self) -> Timestamp {
        let engine = self.wheel().engine().now();
        self.venue().mt5().desk().market_time().max(engine)
    }

    /// Turns until the end, and says what came of it.
    pub(super) async fn turn(&mut self, log: &mut OperatorLog) -> Result<Statement, LiveError> {
        self.read_account(log).await;
        self.turn_day(log).await;
        self.write_status(Phase::Running);
        while self.ended.is_none() {
            let happening = self.venue().next(Instant::now() + BEAT).await;
            self.happened(happening, log).await;
            self.timers(log).await;
        }
        self.finish(log).await
    }

    async fn happened(&mut self, happening: Happening, log: &mut OperatorLog) {
        match happening {
            Happening::Tick(symbol, tick) => self.tick(symbol, tick, log).await,
            Happening::Reports => {
                let now = self.market_now();
                self.step(Event::Time(now), log).await;
            }
            Happening::Up(established) => self.ground.session_up(&established, log),
            Happening::Ready => self.reconcile(log).await,
            Happening::Down(why) => {
                self.ground.session_down(&why, log);
                let now = self.market_now();
                self.step(Event::Command(Command::Unreconciled, now), log).await;
                if self.ground.request.until_end && why.starts_with(BRIDGE_ENDED) {
                    self.ended = Some(why);
                }
            }
            Happening::Told(told) => Ground::tell_desk(&told, log),
            Happening::Until => {}
        }
    }

    async fn tick(&mut self, symbol: SymbolId, tick: Tick, log: &mut OperatorLog) {
        let heard = Instant::now();
        self.ground.status.ticks += 1;
        self.wheel().broker_mut().observe_tick(symbol, &tick);
        self.step(Event::Tick(symbol, tick), log).await;
        if let Some(sent) = self.venue().take_sent() {
            self.ground.latency.push(sent.saturating_duration_since(heard));
        }
    }

    /// One event, and whatever the operator should hear of it.
    pub(super) async fn step(&mut self, event: Event, log: &mut OperatorLog) {
        let told = self.wheel().turn(event).await;
        self.tell(&told, log);
    }

    pub(super) fn tell(&mut self, told: &[Told], log: &mut OperatorLog) {
        for notice in told {
            self.ground.tell_wheel(notice, log);
        }
        for order in self.venue().take_withheld() {
            let what = match order.intent {
                OrderIntent::Open => "open",
                OrderIntent::Close => "close",
            };
            let text = format!(
                "dry run: would {what} leg {}: {} {} {} (order {}); not sent, recorded as refused",
                order.leg, order.side, order.quantity, self.ground.instrument.name, order.id
            );
            log.tell(Severity::Info, &text, wall());
        }
    }

    async fn timers(&mut self, log: &mut OperatorLog) {
        let now = self.market_now();
        // Market seconds without a price.
        if now.secs_since(self.wheel().engine().now()) >= 1 {
            self.wheel().broker_mut().observe_time(now);
            self.step(Event::Time(now), log).await;
        }
        self.watch_clock(now, log).await;
        let live = &self.ground.settings.live;
        let (account, reconcile) = (i64::from(live.account_seconds), i64::from(live.reconcile_seconds));
        if is_due(self.account_at, now, account, ACCOUNT_LEAST) {
            self.read_account(log).await;
        }
        if is_due(self.reconciled_at, now, reconcile, RECONCILE_LEAST) {
            // What is on its way is in the books and not yet at the broker, and no difference.
            let since = *self.reconcile_due.get_or_insert_with(Instant::now);
            if !self.awaits_outcome() || since.elapsed() >= UNDER_WAY {
                self.reconcile(log).await;
            }
        }
        if self.mailbox_at.elapsed() >= MAILBOX {
            self.mailbox_at = Instant::now();
            self.hear_operator(log).await;
            if let Some(refuse) = self.ground.new_refusal() {
                tell_refusal(&refuse, log);
            }
        }
        self.turn_day(log).await;
        if self.ground.is_due() {
            self.write_status(Phase::Running);
        }
        if self.stop.is_asked() {
            self.ended = Some("the operator ended it".to_owned());
        }
        if let Some(until) = self.ground.request.until
            && known(now).is_some()
            && self.ground.second_of_day(now) >= i64::from(until)
        {
            self.ended = Some("the time that --until says has come".to_owned());
        }
    }

    /// Reads the account, which sizing needs before every entry.
    pub(super) async fn read_account(&mut self, log: &mut OperatorLog) {
        if self.ground.request.mode != Mode::Paper && !self.venue().mt5().desk().is_ready() {
            self.account_at.0 = Instant::now();
            return;
        }
        let told = self.wheel().read_account().await;
        self.tell(&told, log);
        if let Ok(account) = self.account().await {
            let Account { balance, equity, free_margin, at, .. } = account;
            self.ground.status.account = Some(AccountStatus { balance, equity, free_margin, at });
            self.last_account = Some(account);
        }
        self.account_at = (Instant::now(), self.market_now());
    }

    /// What the desk knows of the account, without asking again.
    async fn account(&mut self) -> Result<Account, BrokerError> {
        match self.ground.request.mode {
            Mode::Paper => self.venue().account().await,
            Mode::Armed | Mode::DryRun => self.venue().mt5().desk().account(),
        }
    }

    /// Holds the books against the broker. Nothing is allowed by it while the clocks are apart.
    pub(super) async fn reconcile(&mut self, log: &mut OperatorLog) {
        let now = self.market_now();
        self.reconciled_at = (Instant::now(), now);
        self.reconcile_due = None;
        // Paper's fills are its own exchange's: its books can be closed without a bridge.
        let closes_paper = self.ground.request.mode == Mode::Paper && self.ended.is_some();
        if !self.venue().mt5().desk().is_ready() && !closes_paper {
            return;
        }
        let mut told = Vec::new();
        let answer = self.wheel().reconcile(now, &mut told).await;
        self.tell(&told, log);
        match answer {
            Ok(differences) => {
                if differences.is_empty() {
                    self.wheel().broker_mut().settled();
                }
                self.ground.note_reconciliation(now, &differences, log);
            }
            Err(error) => {
                let text = format!("books and broker could not be held against each other: {error}");
                log.tell(Severity::Warning, &text, wall());
            }
        }
        if self.clock_is_off {
            self.step(Event::Command(Command::Unreconciled, now), log).await;
        }
    }

    /// `LIVE_CLOCK=SYSTEM`: a server whose clock is not this machine's is read by the wrong zone, or replays a day.
    async fn watch_clock(&mut self, now: Timestamp, log: &mut OperatorLog) {
        let live = &self.ground.settings.live;
        if live.clock == LiveClock::Bridge || known(now).is_none() || !self.venue().mt5().desk().is_up() {
            return;
        }
        let apart = now.secs_since(wall());
        // What is late may be a market without ticks; what is early cannot be.
        let tolerance = i64::from(self.ground.settings.live.clock_tolerance_seconds);
        let is_off = apart.abs() > tolerance;
        if is_off == self.clock_is_off {
            return;
        }
        self.clock_is_off = is_off;
        if is_off {
            let text = format!(
                "the trade server's clock is {apart} s from this machine's: nothing is entered. Check MT5_SERVER_ZONE \
                 and the machine's clock; a simulated day needs LIVE_CLOCK=BRIDGE"
            );
            log.tell(Severity::Critical, &text, wall());
            self.step(Event::Command(Command::Unreconciled, now), log).await;
        } else {
            log.tell(Severity::Info, "the trade server's clock and this machine's agree", wall());
            self.reconcile(log).await;
        }
    }

    /// Whether nothing is open or on its way by the books.
    pub(super) fn is_flat(&mut self) -> bool {
        let wheel = self.wheel();
        wheel.engine().open_trades().count() == 0 && wheel.in_doubt().is_empty()
    }

    /// Whether an order waits for its outcome.
    pub(super) fn is_waiting(&mut self) -> bool {
        !self.wheel().in_doubt().is_empty() || self.awaits_outcome()
    }

    /// Whether an order was sent and nothing was heard of it, in doubt or not.
    fn awaits_outcome(&mut self) -> bool {
        let pending = |leg: &alavanca_execution::Leg| leg.opening_order().is_some() || leg.closing_order().is_some();
        self.wheel().engine().open_trades().flat_map(OpenTrade::legs).any(pending)
    }

    pub(super) fn write_status(&mut self, phase: Phase) {
        let now = self.market_now();
        let mode = self.ground.request.mode;
        let up = self.venue().mt5().desk().is_up();
        let may_enter = (mode == Mode::Armed).then(|| self.venue().mt5().desk().may_enter(super::run::SYMBOL));
        let desk_doubts: Vec<u64> = self.venue().mt5().desk().in_doubt().map(alavanca_kernel::OrderId::get).collect();
        let killed = self.ground.mailbox.is_killed();
        let clock_is_off = self.clock_is_off;
        let wheel = self.wheel();
        let risk = wheel.engine().risk().snapshot();
        let mut stopped_by: Vec<String> = Vec::new();
        let mut by = |is: bool, why: &str| {
            if is {
                stopped_by.push(why.to_owned());
            }
        };
        let desk_says = may_enter.and_then(Result::err).filter(|_| up);
        by(risk.halted, "halted by the operator");
        by(risk.reduce_only, "reduce-only by the operator");
        by(killed, "the kill file HALT is there");
        by(risk.store_failed, "the store failed");
        by(risk.unreconciled, "books and broker are not reconciled");
        by(risk.daily_loss, "the day's loss limit");
        by(risk.drawdown, "the day's drawdown limit");
        by(risk.trades_used_up, "the day's trades are used up");
        by(risk.bad_day, "a bad day");
        by(risk.paused_until.is_some_and(|until| until > now), "a pause after losses");
        by(clock_is_off, "the clocks are apart");
        by(!up, "no bridge is connected");
        if let Some(why) = desk_says {
            by(true, &why);
        }
        let mut in_doubt: Vec<u64> = wheel.in_doubt().iter().map(|order| order.id.get()).collect();
        in_doubt.extend(desk_doubts);
        in_doubt.sort_unstable();
        in_doubt.dedup();
        let engine = wheel.engine();
        let legs = engine.open_trades().flat_map(OpenTrade::legs).filter(|leg| !leg.open().is_zero());
        let legs: Vec<LegStatus> = legs
            .map(|leg| LegStatus {
                leg: leg.id().to_string(),
                side: leg.side(),
                open: leg.open().count(),
                entry: leg.entry(),
                stop: leg.levels().and_then(alavanca_kernel::ExitLevels::stop_loss),
                target: leg.levels().and_then(alavanca_kernel::ExitLevels::take_profit),
            })
            .collect();
        let (state, day_net) = (engine.risk().state(), engine.risk().daily_profit());
        let (trades, events) = (u64::from(engine.risk().snapshot().closed), wheel.cursor());
        let status = &mut self.ground.status;
        status.risk = state;
        status.stopped_by = stopped_by;
        status.in_doubt = in_doubt;
        status.legs = legs;
        status.day_net = day_net;
        status.trades = trades;
        status.events = events;
        status.market_at = known(now);
        status.phase = phase;
        status.detail.clear();
        self.ground.write();
    }

    /// Ends in order: no entries, outcomes awaited, everything said and stored.
    async fn finish(&mut self, log: &mut OperatorLog) -> Result<Statement, LiveError> {
        let ended = self.ended.clone().unwrap_or_default();
        log.tell(Severity::Info, &format!("ending: {ended}"), wall());
        self.write_status(Phase::Ending);
        let flatten = self.ground.request.flatten_on_exit;
        if flatten {
            let now = self.market_now();
            self.step(Event::Command(Command::Flatten, now), log).await;
        }
        // Prices are not shown to the engine any more: nothing is entered.
        let patience =
            if flatten { FLAT_WITHIN } else { Duration::from_secs(self.ground.settings.live.shutdown_seconds.into()) };
        let begun = Instant::now();
        while (self.is_waiting() || flatten && !self.is_flat()) && begun.elapsed() < patience {
            match self.venue().next(Instant::now() + BEAT).await {
                Happening::Told(told) => Ground::tell_desk(&told, log),
                Happening::Reports => {
                    let now = self.market_now();
                    self.step(Event::Time(now), log).await;
                }
                Happening::Tick(symbol, tick) if self.ground.request.mode == Mode::Paper => {
                    // The simulated exchange fills by prices; its reports are heard with the time.
                    self.wheel().broker_mut().observe_tick(symbol, &tick);
                    self.step(Event::Time(tick.time), log).await;
                }
                _ => {}
            }
        }
        self.read_account(log).await;
        self.reconcile(log).await;
        self.write_status(Phase::Ending);
        let mut statement = self.statement(&ended).await?;
        if let Err(error) = self.keep(&mut statement, log) {
            log.tell(Severity::Critical, &format!("the day's statement is not kept: {error}"), wall());
        }
        for leg in &self.ground.status.legs {
            let stop = leg.stop.map_or_else(|| "NO STOP".to_owned(), |stop| format!("stop {stop}"));
            let text =
                format!("{} stays open: {} {} at {}, {stop} at the server", leg.leg, leg.side, leg.open, leg.entry);
            log.tell(Severity::Warning, &text, wall());
        }
        let Some(wheel) = self.wheel.take() else { unreachable!("the wheel is taken once") };
        let (told, _engine, broker, store) = wheel.finish().await;
        for notice in &told {
            self.ground.tell_wheel(notice, log);
        }
        drop(broker);
        // The last word to the bridge.
        tokio::time::sleep(Duration::from_millis(250)).await;
        store.into_inner().close().await?;
        let text = if statement.reconciled { "reconciled to the centavo" } else { "NOT reconciled: see the statement" };
        log.tell(Severity::Info, &format!("ended: {} trades, net {}, {text}", statement.trades, statement.net), wall());
        self.ground.show(Phase::Ended, &ended);
        Ok(statement)
    }

    /// What is left at the broker, in words; an error where it does not say.
    pub(super) async fn left_at_broker(&mut self) -> Result<Vec<String>, BrokerError> {
        let legs = self.wheel().broker_mut().legs().await?;
        let shown = |side: Side, quantity: alavanca_kernel::Contracts| format!("{side} {quantity}");
        Ok(legs.iter().map(|leg| format!("leg {} {}", leg.leg, shown(leg.side, leg.quantity))).collect())
    }
}

/// Whether so many seconds passed: on the market, at most every `least`; or in this world, where the market stands.
fn is_due((at, market_at): (Instant, Timestamp), now: Timestamp, seconds: i64, least: Duration) -> bool {
    let waited = at.elapsed();
    let on_market = now != Timestamp::MIN && (market_at == Timestamp::MIN || now.secs_since(market_at) >= seconds);
    waited >= Duration::from_secs(seconds as u64) || (on_market && waited >= least)
}
