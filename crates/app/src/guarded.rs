//! The gate around a broker: paper and live send through it, and there is no other way.
//!
//! [`Guarded`] is a [`Broker`] over any broker. It hears what the engine hears (reports, the account, the legs) because
//! all of it passes through; the runner tells it the market, the time and what the terminal says of the session. What
//! the controls of [`alavanca_pretrade`] refuse never reaches the broker, and comes back as
//! [`BrokerError::NotSent`] with the control, its numbers and what to do.
//!
//! One refusal is no proof: a number that was sent before may be alive at the broker. It comes back as
//! [`BrokerError::Unknown`].

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use alavanca_calendar::{MarketClock, NoEntry, TradingClock, TradingZone};
use alavanca_kernel::{
    Contracts, Instrument, LegId, Money, OrderId, OrderIntent, OrderReport, OrderRequest, Price, SettingError, Side,
    SymbolId, Tick, Timestamp,
};
use alavanca_ports::{Account, Broker, BrokerError, BrokerLeg};
use alavanca_pretrade::{
    AccountReading, Controls, ControlsSnapshot, KillCause, OpenLeg, PretradeConfig, Refusal, SessionState, View,
};
use async_trait::async_trait;

use crate::settings::Settings;

/// So many refusals are kept for whoever asks.
const REFUSALS: usize = 256;
/// So often the legs are asked for again where a report came in between.
const RACES: usize = 3;

/// A broker behind the gate.
#[derive(Debug)]
pub struct Guarded<B> {
    broker: B,
    controls: Controls,
    clock: TradingClock,
    markets: Vec<MarketClock>,
    /// What the terminal says of each symbol's session, where it says something.
    told: Vec<Option<SessionState>>,
    /// Market time.
    now: Timestamp,
    /// Reports that were heard while the legs were asked for.
    heard: Vec<OrderReport>,
    refusals: Vec<Refused>,
    counts: BTreeMap<&'static str, u64>,
    memory: Option<PathBuf>,
}

/// What was not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Refused {
    /// The order; `None` for moved exits and cancellations.
    pub order: Option<OrderRequest>,
    /// Why.
    pub refusal: Refusal,
    /// When, in market time.
    pub at: Timestamp,
}

/// Why what the gate remembers could not be taken up.
#[derive(Debug, thiserror::Error)]
#[error(
    "{path}: {why}. It holds the day's counts, losses and the kill switch of the pre-trade controls: mend it, or take it \
     away to begin them anew after a look at the account"
)]
pub struct MemoryError {
    path: String,
    why: String,
}

impl<B> Guarded<B> {
    /// A gate as the settings say, for these instruments in the engine's order.
    ///
    /// # Errors
    /// The first setting that cannot be.
    pub fn of(broker: B, settings: &Settings, instruments: &[Instrument]) -> Result<Self, SettingError> {
        let zone = TradingZone::new(&settings.zone)?;
        let market = |instrument| settings.session_rule(instrument).map(|rule| MarketClock::new(zone, rule));
        let markets = instruments.iter().map(market).collect::<Result<_, _>>()?;
        let controls = Controls::new(PretradeConfig::new(settings.pretrade.clone())?, instruments.to_vec())?;
        Ok(Self::new(broker, controls, zone, markets))
    }

    /// A gate of these controls, with the hours of each symbol's market. A symbol without hours is never entered.
    pub fn new(broker: B, controls: Controls, zone: TradingZone, markets: Vec<MarketClock>) -> Self {
        Self {
            broker,
            controls,
            clock: TradingClock::new(zone),
            told: vec![None; markets.len()],
            markets,
            now: Timestamp::MIN,
            heard: Vec::new(),
            refusals: Vec::new(),
            counts: BTreeMap::new(),
            memory: None,
        }
    }

    /// Remembers counts, losses and the kill switch in this file, and goes on from what it holds. It is written anew
    /// before each order leaves; an opening order that it could not take does not.
    ///
    /// # Errors
    /// A file that cannot be read, or holds something else.
    pub fn remembered_in(mut self, path: &Path) -> Result<Self, MemoryError> {
        let failed = |why: String| MemoryError { path: path.display().to_string(), why };
        match std::fs::read(path) {
            Ok(bytes) => {
                let stored: ControlsSnapshot =
                    serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string()))?;
                self.controls.restore(stored);
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error.to_string())),
        }
        self.memory = Some(path.to_owned());
        Ok(self)
    }

    /// A tick came in; to be told before the engine sees it.
    pub fn observe_tick(&mut self, symbol: SymbolId, tick: &Tick) {
        self.observe_time(tick.time);
        self.controls.on_tick(symbol, tick);
    }

    /// It is so late, in market time.
    pub fn observe_time(&mut self, at: Timestamp) {
        if at > self.now {
            self.now = at;
            self.controls.advance(at, self.clock.locate(at).day);
        }
    }

    /// The account was read. Whoever reads it by [`Broker::account`] has told it already.
    pub fn observe_account(&mut self, account: &Account) {
        let Account { equity, free_margin, at, .. } = *account;
        self.observe_time(at);
        let before = self.controls.snapshot().clone();
        self.controls.on_account(AccountReading { equity, free_margin, at });
        if !before.has_losses_of(self.controls.snapshot()) {
            self.remember();
        }
    }

    /// What the terminal says of the symbol's session. The stricter of it and the calendar counts.
    pub fn observe_session(&mut self, symbol: SymbolId, state: SessionState) {
        if let Some(told) = self.told.get_mut(symbol.index()) {
            *told = Some(state);
        }
    }

    /// Books and broker agree and no order is on its way: none that was let through still is.
    pub fn settled(&mut self) {
        let open: Vec<OrderId> = self.controls.on_their_way().collect();
        for order in open {
            self.controls.withdraw(order);
        }
        self.remember();
    }

    /// It is proven that this order never reached the broker.
    pub fn never_left(&mut self, order: OrderId) {
        self.controls.withdraw(order);
        self.remember();
    }

    /// Stops entries until [`release`](Self::release), over restarts.
    pub fn kill(&mut self, cause: KillCause) {
        self.controls.kill(cause);
        self.remember();
    }

    /// The operator lets entries pass again.
    pub fn release(&mut self) {
        self.controls.release();
        self.remember();
    }

    /// The gate: what it knows, whether it is killed.
    pub const fn controls(&self) -> &Controls {
        &self.controls
    }

    /// The latest refusals, oldest first.
    pub fn refusals(&self) -> &[Refused] {
        &self.refusals
    }

    /// How often each control refused.
    pub const fn refused(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    /// The broker behind the gate, to look at.
    pub const fn broker(&self) -> &B {
        &self.broker
    }

    /// The broker behind the gate, to drive its market side: ticks, links, time. An order that is submitted here passes
    /// no control, so nobody does.
    #[allow(dead_code, reason = "for the live and paper runners")]
    pub(crate) const fn market_side(&mut self) -> &mut B {
        &mut self.broker
    }

    /// Market time and whether this symbol's market is open then.
    fn view(&mut self, symbol: SymbolId, at: Timestamp) -> View {
        self.observe_time(at);
        let now = self.now;
        let by_calendar = match self.markets.get_mut(symbol.index()).map(|market| market.entry(now)) {
            None => SessionState::Unknown,
            Some(Err(NoEntry::Closed | NoEntry::Holiday | NoEntry::Auction)) => SessionState::Closed,
            // The operator's own hours are the engine's to keep.
            Some(_) => SessionState::Open,
        };
        let session = match (by_calendar, self.told.get(symbol.index()).copied().flatten()) {
            (SessionState::Closed, _) | (_, Some(SessionState::Closed)) => SessionState::Closed,
            (SessionState::Unknown, _) | (_, Some(SessionState::Unknown)) => SessionState::Unknown,
            (SessionState::Open, _) => SessionState::Open,
        };
        View { now, day: self.clock.locate(now).day, session, margin: None }
    }

    fn refuse(&mut self, order: Option<OrderRequest>, refusal: Refusal) -> BrokerError {
        *self.counts.entry(refusal.name()).or_default() += 1;
        if self.refusals.len() == REFUSALS {
            self.refusals.remove(0);
        }
        self.refusals.push(Refused { order, refusal, at: self.now });
        match refusal {
            // It may be alive: that it is not sent again proves nothing of the first time.
            Refusal::IdUsed { .. } => BrokerError::Unknown(refusal.to_string()),
            _ => BrokerError::NotSent(refusal.to_string()),
        }
    }

    fn hear(&mut self, reports: &[OrderReport]) {
        for report in reports {
            self.controls.on_report(report);
        }
        if !reports.is_empty() {
            self.remember();
        }
    }

    /// Writes down what has to survive a restart. Without a file there is nothing to do.
    fn remember(&self) -> bool {
        let Some(path) = &self.memory else { return true };
        let Ok(bytes) = serde_json::to_vec(self.controls.snapshot()) else { return false };
        let beside = path.with_extension("new");
        std::fs::write(&beside, bytes).and_then(|()| std::fs::rename(&beside, path)).is_ok()
    }

    fn change(&mut self) -> Result<(), BrokerError> {
        let (now, day) = (self.now, self.clock.locate(self.now).day);
        let checked = self.controls.check_change(now, day);
        checked.map_err(|refusal| self.refuse(None, refusal))
    }
}

impl<B: Broker> Guarded<B> {
    /// Asks for the margin where nothing else is in the way of the order.
    async fn margin_of(&mut self, order: &OrderRequest, view: &View) -> Option<Money> {
        match self.controls.examine(order, view) {
            Err(Refusal::MarginUnknown) => self.broker.margin(order.symbol, order.side, order.quantity).await.ok(),
            _ => None,
        }
    }
}

#[async_trait]
impl<B: Broker> Broker for Guarded<B> {
    async fn submit(&mut self, order: OrderRequest) -> Result<(), BrokerError> {
        let mut view = self.view(order.symbol, order.at);
        view.margin = self.margin_of(&order, &view).await;
        if let Err(refusal) = self.controls.check(&order, &view) {
            if refusal.is_critical() {
                self.remember();
            }
            return Err(self.refuse(Some(order), refusal));
        }
        if !self.remember() && order.intent == OrderIntent::Open {
            self.controls.withdraw(order.id);
            self.controls.kill(KillCause::NotStored);
            let killed = Refusal::Killed { cause: KillCause::NotStored, since: self.now };
            return Err(self.refuse(Some(order), killed));
        }
        let sent = self.broker.submit(order).await;
        if let Err(BrokerError::NotSent(_)) = &sent {
            self.never_left(order.id);
        }
        sent
    }

    async fn cancel(&mut self, symbol: SymbolId, order: OrderId) -> Result<(), BrokerError> {
        self.change()?;
        self.broker.cancel(symbol, order).await
    }

    async fn move_exits(
        &mut self,
        symbol: SymbolId,
        leg: LegId,
        stop_loss: Price,
        take_profit: Option<Price>,
    ) -> Result<(), BrokerError> {
        self.change()?;
        self.broker.move_exits(symbol, leg, stop_loss, take_profit).await
    }

    async fn reports(&mut self) -> Result<Vec<OrderReport>, BrokerError> {
        let reports = self.broker.reports().await;
        match reports {
            Ok(reports) => {
                self.hear(&reports);
                let mut all = std::mem::take(&mut self.heard);
                all.extend(reports);
                Ok(all)
            }
            Err(_) if !self.heard.is_empty() => Ok(std::mem::take(&mut self.heard)),
            Err(error) => Err(error),
        }
    }

    async fn account(&mut self) -> Result<Account, BrokerError> {
        let account = self.broker.account().await?;
        self.observe_account(&account);
        Ok(account)
    }

    /// Where a report comes in while the legs are asked for, it is not known whether they have it: asked again.
    async fn legs(&mut self) -> Result<Vec<BrokerLeg>, BrokerError> {
        let mut reports = self.broker.reports().await?;
        let mut legs = Vec::new();
        for _ in 0..RACES {
            self.hear(&reports);
            self.heard.append(&mut reports);
            legs = self.broker.legs().await?;
            reports = self.broker.reports().await?;
            if reports.is_empty() {
                let open = |leg: &BrokerLeg| OpenLeg {
                    symbol: leg.symbol,
                    leg: leg.leg,
                    side: leg.side,
                    quantity: leg.quantity,
                    entry: leg.entry,
                };
                self.controls.on_legs(&legs.iter().map(open).collect::<Vec<_>>());
                return Ok(legs);
            }
        }
        self.hear(&reports);
        self.heard.append(&mut reports);
        Ok(legs)
    }

    async fn margin(&mut self, symbol: SymbolId, side: Side, quantity: Contracts) -> Result<Money, BrokerError> {
        self.broker.margin(symbol, side, quantity).await
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.order {
            Some(order) => write!(f, "{} order {} of leg {}: {}", self.at, order.id, order.leg, self.refusal),
            None => write!(f, "{} {}", self.at, self.refusal),
        }
    }
}
