//! The broker behind a bridge: a [`Desk`] over a [`Link`].

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use alavanca_kernel::{
    Bar, Contracts, LegId, Money, OrderId, OrderReport, OrderRequest, Price, Side, SymbolId, Tick, Timestamp,
};
use alavanca_ports::{Account, Broker, BrokerError, BrokerLeg};
use async_trait::async_trait;
use tokio::time::{Instant, timeout_at};

use crate::desk::{Adopted, Answer, Desk, DeskConfig, Move, Now, Told};
use crate::link::{Established, Link, LinkEvent, Say};
use crate::wire::{Bars, BarsReq, CalcMargin, Decimal, FromEngine, OrderSide, WireBar};

/// Bars asked for at once: a terminal refuses more than its chart may hold.
const PAGE_BARS: i64 = 5_000;
/// A move of exits is waited for no longer: whoever wants it asks again, and the market goes on.
const MOVE_PATIENCE: Duration = Duration::from_secs(3);
/// The desk is told of the time this often where nothing else happens.
const BEAT: Duration = Duration::from_millis(50);

/// A MetaTrader 5 account as a [`Broker`], and its market.
#[derive(Debug)]
pub struct Mt5Broker {
    desk: Desk,
    link: Link,
    began: Instant,
    /// What did not fit into the link yet.
    unsaid: VecDeque<Say>,
    happened: VecDeque<Happening>,
    answers: BTreeMap<String, Vec<Answer>>,
    ready_told: bool,
    reports_told: bool,
    patience: Duration,
}

/// What [`Mt5Broker::next`] waits for.
#[derive(Debug, Clone, PartialEq)]
pub enum Happening {
    /// A tick, in UTC.
    Tick(SymbolId, Tick),
    /// [`Broker::reports`] has something.
    Reports,
    /// A session began. Nothing is sent before [`Ready`](Self::Ready).
    Up(Box<Established>),
    /// The account was held against the desk's books: orders may be sent.
    Ready,
    /// The session ended.
    Down(String),
    /// A person should hear of this.
    Told(Told),
    /// The time has come.
    Until,
}

impl Mt5Broker {
    /// A broker over this link, with nothing open.
    pub fn new(config: DeskConfig, link: Link) -> Self {
        Self {
            desk: Desk::new(config),
            link,
            began: Instant::now(),
            unsaid: VecDeque::new(),
            happened: VecDeque::new(),
            answers: BTreeMap::new(),
            ready_told: false,
            reports_told: false,
            patience: Duration::from_secs(15),
        }
    }

    /// How long a question waits for its answer. Fifteen seconds without.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Takes over a leg of the engine's books; see [`Desk::adopt`].
    pub fn adopt(&mut self, leg: Adopted) {
        self.desk.adopt(leg);
    }

    /// See [`Desk::know`].
    pub fn know(&mut self, deals: impl IntoIterator<Item = (u64, Contracts)>) {
        self.desk.know(deals);
    }

    /// The next thing that happens, at most until then.
    pub async fn next(&mut self, until: Instant) -> Happening {
        loop {
            self.exchange();
            if let Some(happened) = self.happened.pop_front() {
                return happened;
            }
            if self.desk.has_reports() && !std::mem::replace(&mut self.reports_told, true) {
                return Happening::Reports;
            }
            if Instant::now() >= until {
                return Happening::Until;
            }
            self.listen(until.min(Instant::now() + BEAT)).await;
        }
    }

    /// Waits until the account was held against the books in the session that stands or comes.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`] after `patience`.
    pub async fn ready(&mut self, patience: Duration) -> Result<(), BrokerError> {
        if self.wait(patience, Desk::is_ready).await {
            return Ok(());
        }
        let why = if self.desk.is_up() { "the account was not read" } else { "no bridge is connected" };
        Err(BrokerError::Unavailable(format!("{why} within {} s", patience.as_secs())))
    }

    /// Closes everything on these symbols, whoever opened it, and says when a reading has shown that nothing is left.
    ///
    /// # Errors
    /// [`BrokerError::Unknown`] after `patience`: it goes on.
    pub async fn flatten(&mut self, symbols: &[SymbolId], patience: Duration) -> Result<(), BrokerError> {
        let now = self.now();
        self.desk.flatten(symbols, now);
        let flat = |desk: &Desk| !symbols.iter().any(|&symbol| desk.is_flattening(symbol));
        if self.wait(patience, flat).await {
            return Ok(());
        }
        Err(BrokerError::Unknown(format!("not flat within {} s; it is tried on", patience.as_secs())))
    }

    /// Bars of the past, complete ones, oldest first: those that begin at `from` or later and before `to`.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`] with the terminal's words, or without an answer.
    pub async fn history(
        &mut self,
        symbol: SymbolId,
        seconds: u32,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Bar>, BrokerError> {
        let Some(name) = self.desk.config().symbols.get(symbol.index()).map(|symbol| symbol.name.clone()) else {
            return Err(BrokerError::Unavailable(format!("symbol {symbol} is not traded here")));
        };
        let zone = self.desk.config().zone.clone();
        let point = self.desk.spec(symbol).map_or(Price::ZERO, |spec| spec.point.price());
        let mut bars = Vec::new();
        let mut begin = from;
        while begin < to {
            let end = begin.plus_secs(i64::from(seconds) * PAGE_BARS).min(to);
            let request = BarsReq {
                symbol: name.clone(),
                seconds,
                from_server: Some(zone.server(begin)),
                to_server: Some(zone.server(end) - 1),
                count: None,
            };
            for page in self.bars(request).await? {
                let rows = page.bars.iter().map(|row| bar(row, seconds, point, zone.utc(row.server)));
                bars.extend(rows.filter(|bar| bar.time >= begin && bar.time < end));
            }
            begin = end;
        }
        bars.sort_by_key(|bar| bar.time);
        bars.dedup_by_key(|bar| bar.time);
        Ok(bars)
    }

    /// The desk, to be asked how things stand.
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// A person allows entries again.
    pub fn allow_entries(&mut self) {
        self.desk.allow_entries();
    }

    /// A person knows that an order never reached the market; see [`Desk::never_sent`].
    pub fn never_sent(&mut self, order: OrderId) {
        self.desk.never_sent(order);
    }

    async fn bars(&mut self, request: BarsReq) -> Result<Vec<Bars>, BrokerError> {
        let mut pages = Vec::new();
        let cid = self.put(FromEngine::BarsReq(request))?;
        loop {
            for answer in self.answer(&cid).await? {
                let Answer::Bars(page) = answer else { continue };
                if let Some(error) = page.error {
                    return Err(BrokerError::Unavailable(error));
                }
                let more = page.more;
                pages.push(page);
                if !more {
                    return Ok(pages);
                }
            }
        }
    }

    /// Puts a question; its answers come under the name that is given back.
    fn put(&mut self, question: FromEngine) -> Result<String, BrokerError> {
        self.drain();
        let cid = self.desk.ask(question);
        self.exchange();
        cid.ok_or_else(|| BrokerError::Unavailable("no bridge is connected".into()))
    }

    async fn answer(&mut self, cid: &str) -> Result<Vec<Answer>, BrokerError> {
        let end = Instant::now() + self.patience;
        loop {
            self.exchange();
            if let Some(answers) = self.answers.remove(cid) {
                return Ok(answers);
            }
            if Instant::now() >= end || !self.desk.is_up() {
                return Err(BrokerError::Unavailable("the bridge did not answer".into()));
            }
            self.listen(end.min(Instant::now() + BEAT)).await;
        }
    }

    /// Reads the account now, and until `told` is content.
    async fn read<T>(&mut self, told: impl Fn(&Desk) -> Result<T, BrokerError>) -> Result<T, BrokerError> {
        let end = Instant::now() + self.patience;
        loop {
            let before = self.desk.readings();
            self.desk.read();
            let left = end.saturating_duration_since(Instant::now());
            let read = self.wait(left, |desk| desk.readings() > before || !desk.is_up()).await;
            let answer = told(&self.desk);
            if answer.is_ok() || !read || !self.desk.is_up() {
                return answer;
            }
        }
    }

    async fn wait(&mut self, patience: Duration, content: impl Fn(&Desk) -> bool) -> bool {
        let end = Instant::now() + patience;
        loop {
            self.exchange();
            if content(&self.desk) {
                return true;
            }
            if Instant::now() >= end {
                return false;
            }
            self.listen(end.min(Instant::now() + BEAT)).await;
        }
    }

    /// Hears the next event, or lets time pass until then.
    async fn listen(&mut self, until: Instant) {
        match timeout_at(until, self.link.happens.recv()).await {
            Ok(Some(event)) => self.hear(event),
            // Whoever keeps the session is gone: only time passes.
            Ok(None) => {
                tokio::time::sleep_until(until).await;
                self.pass_time();
            }
            Err(_) => self.pass_time(),
        }
    }

    fn drain(&mut self) {
        while let Ok(event) = self.link.happens.try_recv() {
            self.hear(event);
        }
        self.pass_time();
        self.exchange();
    }

    fn pass_time(&mut self) {
        let now = self.now();
        self.desk.on_time(now);
    }

    fn hear(&mut self, event: LinkEvent) {
        match &event {
            LinkEvent::Up(established) => {
                self.unsaid.clear();
                self.ready_told = false;
                self.happened.push_back(Happening::Up(established.clone()));
            }
            LinkEvent::Down(why) => {
                self.unsaid.clear();
                self.ready_told = false;
                self.happened.push_back(Happening::Down(why.clone()));
            }
            LinkEvent::Message(_) | LinkEvent::Gap => {}
        }
        let now = self.now();
        self.desk.on_link(event, now);
        self.exchange();
    }

    /// Carries over what desk and link have for each other and for whoever asks.
    fn exchange(&mut self) {
        self.unsaid.extend(self.desk.take_messages());
        while let Some(say) = self.unsaid.pop_front() {
            if let Err(error) = self.link.out.try_send(say) {
                use tokio::sync::mpsc::error::TrySendError::{Closed, Full};
                let (Full(say) | Closed(say)) = error;
                self.unsaid.push_front(say);
                break;
            }
        }
        for (cid, answer) in self.desk.take_answers() {
            self.answers.entry(cid).or_default().push(answer);
        }
        self.happened.extend(self.desk.take_told().into_iter().map(Happening::Told));
        if self.desk.is_ready() && !std::mem::replace(&mut self.ready_told, true) {
            self.happened.push_back(Happening::Ready);
        }
        let ticks = self.desk.take_market().into_iter();
        self.happened.extend(ticks.map(|(symbol, tick)| Happening::Tick(symbol, tick)));
    }

    fn now(&self) -> Now {
        let ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Now { ms, market: self.desk.market_time() }
    }
}

#[async_trait]
impl Broker for Mt5Broker {
    async fn submit(&mut self, order: OrderRequest) -> Result<(), BrokerError> {
        self.drain();
        if self.desk.is_up() && !self.desk.is_ready() {
            let patience = self.patience;
            self.wait(patience, |desk| desk.is_ready() || !desk.is_up()).await;
        }
        let now = self.now();
        let taken = self.desk.submit(order, now);
        self.exchange();
        taken
    }

    async fn cancel(&mut self, _symbol: SymbolId, order: OrderId) -> Result<(), BrokerError> {
        self.drain();
        let now = self.now();
        self.desk.cancel(order, now);
        self.exchange();
        Ok(())
    }

    async fn move_exits(
        &mut self,
        symbol: SymbolId,
        leg: LegId,
        stop_loss: Price,
        take_profit: Option<Price>,
    ) -> Result<(), BrokerError> {
        self.drain();
        let now = self.now();
        self.desk.move_exits(symbol, leg, stop_loss, take_profit, now)?;
        let patience = self.patience.min(MOVE_PATIENCE);
        self.wait(patience, |desk| desk.moved(symbol, leg) != Move::Pending || !desk.is_up()).await;
        match self.desk.moved(symbol, leg) {
            Move::Done => Ok(()),
            Move::Refused(why) => Err(BrokerError::NotSent(why)),
            Move::Pending => Err(BrokerError::Unknown("the position was not read with its new exits".into())),
        }
    }

    async fn reports(&mut self) -> Result<Vec<OrderReport>, BrokerError> {
        self.drain();
        self.reports_told = false;
        Ok(self.desk.take_reports())
    }

    async fn account(&mut self) -> Result<Account, BrokerError> {
        self.drain();
        self.read(Desk::account).await
    }

    async fn margin(&mut self, symbol: SymbolId, side: Side, quantity: Contracts) -> Result<Money, BrokerError> {
        let unavailable = |why: &str| BrokerError::Unavailable(why.to_owned());
        let known = self.desk.config().symbols.get(symbol.index());
        let symbol_said = known.ok_or_else(|| unavailable("the symbol is not traded here"))?;
        let lots = i64::from(quantity.count()).saturating_mul(symbol_said.instrument.lots_per_contract.raw());
        let name = symbol_said.name.clone();
        let price = self.desk.entry_price(symbol, side).ok_or_else(|| unavailable("there is no quote yet"))?;
        let side = match side {
            Side::Buy => OrderSide::Buy,
            Side::Sell => OrderSide::Sell,
        };
        let question = CalcMargin { symbol: name, side, volume: Decimal::from_raw(lots), price: price.into() };
        let cid = self.put(FromEngine::CalcMargin(question))?;
        let answer = self.answer(&cid).await?.into_iter().next();
        match answer {
            Some(Answer::Calculated(calculated)) => match calculated.amount {
                Some(amount) => Ok(crate::desk::money_up(amount)),
                None => Err(unavailable(calculated.error.as_deref().unwrap_or("the terminal did not say why"))),
            },
            _ => Err(unavailable("the bridge answered something else")),
        }
    }

    async fn legs(&mut self) -> Result<Vec<BrokerLeg>, BrokerError> {
        self.drain();
        match self.desk.legs() {
            Ok(legs) => Ok(legs),
            Err(_) if self.desk.is_up() => self.read(Desk::legs).await,
            Err(error) => Err(error),
        }
    }
}

fn bar(row: &WireBar, seconds: u32, point: Price, time: Timestamp) -> Bar {
    Bar {
        time,
        open: row.open.price(),
        high: row.high.price(),
        low: row.low.price(),
        close: row.close.price(),
        volume: row.real_volume,
        spread: point.times(i64::from(row.spread)),
        tick_volume: u32::try_from(row.tick_volume).unwrap_or(u32::MAX),
        seconds,
    }
}

#[cfg(test)]
mod tests;
