//! The wheel: an engine between a broker and a store, turned event by event, for paper and live.
//!
//! One turn is one step and one transaction: **step, commit all records, and only then send**. Reports come back as
//! events. What it promises, whatever broker and store are:
//!
//! - An entry is durable before it is sent. What could not be stored is not sent: the engine hears that it never left,
//!   and only exits are allowed until the books are reconciled. Exits are sent even then: they reduce only.
//! - What is recorded while the store is down goes with the first commit that it takes again.
//! - An order whose outcome is unknown is never sent again. The broker is asked for its legs until it is proven.
//! - Moving exits and taking orders back do no harm twice: what the broker did not do, it is asked for again.
//! - On start it stands still until the state is restored and held against what the broker has ([`Standing`]).
//!
//! It adopts no legs that the books do not know and mends no difference: it names them, and stops entries.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use alavanca_engine::{AccountView, Command, Effect, Engine, Event, Notice, Record, RestoreError, Restored};
use alavanca_kernel::{
    Bar, Contracts, LegId, OrderId, OrderIntent, OrderReport, OrderRequest, Price, RejectReason, Side, SymbolId, Tick,
    Timestamp,
};
use alavanca_ports::{Broker, BrokerError, Store, StoreError};

use crate::recording::{Recorder, RecordingError};

/// So many order numbers are left out after a restart: exits may have been sent that a failing store never took.
const LEFT_OUT: u64 = 1_000;
/// A broker is asked again about what is open between us at most this often.
const ASK_AGAIN_SECONDS: i64 = 1;

/// An engine that trades: joined to a broker and a store, and turned event by event.
#[derive(Debug)]
pub struct Wheel<B, S> {
    engine: Engine,
    broker: B,
    store: S,
    /// Events that the engine has consumed.
    cursor: u64,
    effects: Vec<Effect>,
    /// Records that are not stored yet; empty between turns, unless the store fails.
    unstored: Vec<Record>,
    store_fails: bool,
    broker_silent: bool,
    /// Orders of which it is not known whether they exist.
    doubts: Vec<OrderRequest>,
    /// What the broker was asked for and did not do.
    owed: Vec<Change>,
    asked_at: Timestamp,
    /// What it was restored from, until a recorder has it.
    origin: Option<Box<Restored>>,
    recorder: Option<Recorder>,
}

/// A wheel that does not turn yet: restored, and not held against the broker.
#[derive(Debug)]
pub struct Standing<B, S>(Wheel<B, S>);

/// Something that may be asked for twice.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Change {
    Cancel { symbol: SymbolId, order: OrderId },
    Exits { symbol: SymbolId, leg: LegId, stop: Price, target: Option<Price> },
}

/// What the operator should hear of.
#[derive(Debug)]
pub enum Told {
    /// The engine's own word.
    Engine(Notice),
    /// The store takes nothing: no entries until reconciled. Said once, until it takes something again.
    NotStored(StoreError),
    /// The store takes commits again, and has what it missed.
    StoredAgain,
    /// The broker refused an order, or could surely not be reached with it.
    NotSent(OrderId, BrokerError),
    /// It is not known whether the broker has the order. It is asked, and never sent again.
    Unknown(OrderId, BrokerError),
    /// The order that was in doubt is proven.
    Proven(OrderId),
    /// The leg's exits are still where they were; the broker is asked again.
    NotMoved(LegId, BrokerError),
    /// The order was not taken back; the broker is asked again.
    NotTakenBack(OrderId, BrokerError),
    /// The broker does not answer. Said once, until it answers again.
    NoAnswer(BrokerError),
    /// What the engine sees is not written down any more: the day cannot be run again. Said once.
    NotRecorded(RecordingError),
}

/// Why a wheel does not begin to turn.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is stored does not fit the engine.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// The broker could not be asked what is open. That is not "nothing".
    #[error("nothing is traded before the broker has said what is open: {0}")]
    Broker(#[from] BrokerError),
}

/// A leg as one side knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// Bought or sold.
    pub side: Side,
    /// How many are open.
    pub quantity: Contracts,
}

/// A leg of which books and broker do not say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// The instrument.
    pub symbol: SymbolId,
    /// The leg.
    pub leg: LegId,
    /// What the engine's books have; `None` for nothing.
    pub books: Option<Holding>,
    /// What the broker has; `None` for nothing.
    pub broker: Option<Holding>,
    /// The order that the books still wait for.
    pub pending: Option<OrderId>,
}

impl<B: Broker, S: Store<Record, Restored>> Wheel<B, S> {
    /// Takes the engine up where the store says it was. What comes out does not turn yet.
    ///
    /// # Errors
    /// A store that cannot be read, or that is another engine's.
    pub async fn restore(mut engine: Engine, broker: B, mut store: S) -> Result<Standing<B, S>, StartError> {
        let cursor = store.cursor().await?;
        let origin = store.restore().await?.map(Box::new);
        if let Some(restored) = &origin {
            engine.restore((**restored).clone())?;
            engine.skip_orders(LEFT_OUT);
        }
        Ok(Standing(Self {
            engine,
            broker,
            store,
            cursor,
            effects: Vec::with_capacity(64),
            unstored: Vec::new(),
            store_fails: false,
            broker_silent: false,
            doubts: Vec::new(),
            owed: Vec::new(),
            asked_at: Timestamp::MIN,
            origin,
            recorder: None,
        }))
    }

    /// One event, and all that follows from it: the broker's reports before it, its step, its commit, its orders, and
    /// the reports that these bring about at once.
    pub async fn turn(&mut self, event: Event) -> Vec<Told> {
        let mut told = Vec::new();
        self.hear(&mut told).await;
        self.step(event, &mut told).await;
        self.hear(&mut told).await;
        self.ask(&mut told).await;
        told
    }

    /// Reads the account at the broker, which sizing needs before every entry.
    pub async fn read_account(&mut self) -> Vec<Told> {
        let mut told = Vec::new();
        let answer = self.broker.account().await;
        if let Some(account) = self.answered(answer, &mut told) {
            let view = AccountView { equity: account.equity, free_margin: account.free_margin, at: account.at };
            self.step(Event::Account(view), &mut told).await;
        }
        told
    }

    /// Holds the books against the broker's legs: at start, after a broken connection, and every so often. Where they
    /// agree, nothing is pending and the store takes commits, entries are allowed again; where not, only exits are, and
    /// the differences are named.
    ///
    /// # Errors
    /// The broker does not answer. What was allowed before still is.
    pub async fn reconcile(&mut self, at: Timestamp, told: &mut Vec<Told>) -> Result<Vec<Difference>, BrokerError> {
        self.hear(told).await;
        let differences = self.differences().await?;
        // An order in doubt is a pending one. A store that fails will refuse this step's records, too.
        let command = if differences.is_empty() { Command::Reconciled } else { Command::Unreconciled };
        self.step(Event::Command(command, at), told).await;
        Ok(differences)
    }

    /// It is proven that this order never reached the broker: by its history, or by the operator. Whoever says so of an
    /// order that did will see it executed twice. Does nothing where the books wait for no such order.
    pub async fn never_left(&mut self, order: OrderId) -> Vec<Told> {
        let mut told = Vec::new();
        self.doubts.retain(|doubt| doubt.id != order);
        let waiting = self.engine.open_trades().flat_map(alavanca_execution::OpenTrade::legs).find_map(|leg| {
            let intent = match (leg.opening_order(), leg.closing_order()) {
                (Some(opening), _) if opening == order => OrderIntent::Open,
                (_, Some((closing, _))) if closing == order => OrderIntent::Close,
                _ => return None,
            };
            Some((leg.symbol(), leg.id(), intent))
        });
        if let Some((symbol, leg, intent)) = waiting {
            let (reason, at) = (RejectReason::Other, self.engine.now());
            let report = OrderReport::Rejected { order, symbol, leg, intent, reason, at };
            self.step(Event::Order(report), &mut told).await;
            self.hear(&mut told).await;
        }
        told
    }

    /// Closes the last day's books, and gives everything back. What is open stays open.
    pub async fn finish(mut self) -> (Vec<Told>, Engine, B, S) {
        let mut told = Vec::new();
        self.hear(&mut told).await;
        if let Some(recorder) = &mut self.recorder {
            recorder.finish();
        }
        self.engine.finish(&mut self.effects);
        let mut queue = VecDeque::new();
        self.carry_out(&mut queue, &mut told).await;
        while let Some(event) = queue.pop_front() {
            self.step(event, &mut told).await;
        }
        self.write_down(&mut told);
        (told, self.engine, self.broker, self.store)
    }

    /// Steps the event, and the events that sending its orders brings about.
    async fn step(&mut self, event: Event, told: &mut Vec<Told>) {
        let mut queue = VecDeque::from([event]);
        while let Some(event) = queue.pop_front() {
            if let Event::Order(report) = &event {
                let about = order_of(report);
                self.doubts.retain(|doubt| Some(doubt.id) != about);
            }
            if let Some(recorder) = &mut self.recorder {
                recorder.record(&event);
            }
            self.engine.step(&event, &mut self.effects);
            self.cursor += 1;
            self.carry_out(&mut queue, told).await;
        }
    }

    /// Commits what a step recorded, and only then sends what it wants.
    async fn carry_out(&mut self, queue: &mut VecDeque<Event>, told: &mut Vec<Told>) {
        let mut wanted = Vec::new();
        for effect in self.effects.drain(..) {
            match effect {
                Effect::Record(record) => self.unstored.push(record),
                Effect::Notify(notice) => told.push(Told::Engine(notice)),
                Effect::Submit(_) | Effect::Cancel(..) | Effect::Modify { .. } => wanted.push(effect),
            }
        }
        let stored = self.commit(queue, told).await;
        for effect in wanted {
            match effect {
                Effect::Submit(order) if !stored && order.intent == OrderIntent::Open => {
                    queue.push_back(not_sent(&order));
                }
                Effect::Submit(order) => self.submit(order, queue, told).await,
                Effect::Cancel(symbol, order) => self.change(Change::Cancel { symbol, order }, told).await,
                Effect::Modify { symbol, leg, stop, target } => {
                    self.change(Change::Exits { symbol, leg, stop, target }, told).await;
                }
                Effect::Record(_) | Effect::Notify(_) => {}
            }
        }
    }

    /// One transaction for what is not stored yet. False where the store did not take it.
    async fn commit(&mut self, queue: &mut VecDeque<Event>, told: &mut Vec<Told>) -> bool {
        let changed = self.engine.take_checkpoint();
        if self.unstored.is_empty() && changed.is_none() && !self.store_fails {
            return true;
        }
        let checkpoint = changed.unwrap_or_else(|| self.engine.checkpoint());
        self.unstored.push(Record::Checkpoint(Box::new(checkpoint)));
        // What is stored can be run again: its events are in the file first.
        self.write_down(told);
        match self.store.commit(&self.unstored, self.cursor).await {
            Ok(()) => {
                self.unstored.clear();
                if std::mem::take(&mut self.store_fails) {
                    told.push(Told::StoredAgain);
                }
                true
            }
            Err(error) => {
                // Of the engine's states only the latest is worth storing.
                self.unstored.pop();
                if !std::mem::replace(&mut self.store_fails, true) {
                    told.push(Told::NotStored(error));
                }
                // Before anything that could make the engine want to enter.
                if !self.engine.risk().snapshot().store_failed {
                    queue.push_front(Event::Command(Command::StoreFailed, self.engine.now()));
                }
                false
            }
        }
    }

    /// Everything that was seen is in the day's file. Trading goes on without it.
    fn write_down(&mut self, told: &mut Vec<Told>) {
        if let Some(Err(error)) = self.recorder.as_mut().map(Recorder::flush) {
            told.push(Told::NotRecorded(error));
            self.recorder = None;
        }
    }

    async fn submit(&mut self, order: OrderRequest, queue: &mut VecDeque<Event>, told: &mut Vec<Told>) {
        match self.broker.submit(order).await {
            Ok(()) => {}
            Err(error @ BrokerError::NotSent(_)) => {
                told.push(Told::NotSent(order.id, error));
                queue.push_back(not_sent(&order));
            }
            // No answer is no proof.
            Err(error @ (BrokerError::Unknown(_) | BrokerError::Unavailable(_))) => {
                told.push(Told::Unknown(order.id, error));
                self.doubts.push(order);
            }
        }
    }

    async fn change(&mut self, change: Change, told: &mut Vec<Told>) {
        // Of two wishes for one leg the later one holds.
        self.owed.retain(|owed| !owed.is_about_the_same(&change));
        if let Err(error) = self.try_change(change).await {
            told.push(match change {
                Change::Cancel { order, .. } => Told::NotTakenBack(order, error),
                Change::Exits { leg, .. } => Told::NotMoved(leg, error),
            });
            self.owed.push(change);
        }
    }

    async fn try_change(&mut self, change: Change) -> Result<(), BrokerError> {
        match change {
            Change::Cancel { symbol, order } => self.broker.cancel(symbol, order).await,
            Change::Exits { symbol, leg, stop, target } => self.broker.move_exits(symbol, leg, stop, target).await,
        }
    }

    /// Tells the engine what the broker reported, until it reports nothing more.
    async fn hear(&mut self, told: &mut Vec<Told>) {
        loop {
            let answer = self.broker.reports().await;
            match self.answered(answer, told) {
                Some(reports) if !reports.is_empty() => {
                    for report in reports {
                        self.step(Event::Order(report), told).await;
                    }
                }
                _ => return,
            }
        }
    }

    /// Asks about orders in doubt, and again for what the broker did not do.
    async fn ask(&mut self, told: &mut Vec<Told>) {
        let now = self.engine.now();
        if self.doubts.is_empty() && self.owed.is_empty() || now < self.asked_at.plus_secs(ASK_AGAIN_SECONDS) {
            return;
        }
        self.asked_at = now;
        let answer = self.broker.legs().await;
        let Some(legs) = self.answered(answer, told) else { return };
        let is_open = |symbol, id| legs.iter().any(|leg| (leg.symbol, leg.leg) == (symbol, id));
        self.doubts.retain(|doubt| {
            // A leg that is there proves what opened it, one that is gone what closed it. Nothing else is a proof.
            let proven = is_open(doubt.symbol, doubt.leg) == (doubt.intent == OrderIntent::Open);
            if proven {
                told.push(Told::Proven(doubt.id));
            }
            !proven
        });
        for change in std::mem::take(&mut self.owed) {
            let pointless = matches!(change, Change::Exits { symbol, leg, .. } if !is_open(symbol, leg));
            if !pointless && self.try_change(change).await.is_err() {
                self.owed.push(change);
            }
        }
    }

    async fn differences(&mut self) -> Result<Vec<Difference>, BrokerError> {
        let mut found: BTreeMap<(SymbolId, LegId), Difference> = BTreeMap::new();
        let nothing = |symbol, leg| Difference { symbol, leg, books: None, broker: None, pending: None };
        for leg in self.engine.open_trades().flat_map(alavanca_execution::OpenTrade::legs) {
            let key = (leg.symbol(), leg.id());
            let of = found.entry(key).or_insert_with(|| nothing(key.0, key.1));
            of.books = (!leg.open().is_zero()).then(|| Holding { side: leg.side(), quantity: leg.open() });
            of.pending = leg.opening_order().or(leg.closing_order().map(|(order, _)| order));
        }
        for leg in self.broker.legs().await? {
            let of = found.entry((leg.symbol, leg.leg)).or_insert_with(|| nothing(leg.symbol, leg.leg));
            of.broker = Some(Holding { side: leg.side, quantity: leg.quantity });
        }
        Ok(found.into_values().filter(|leg| leg.books != leg.broker || leg.pending.is_some()).collect())
    }

    /// The answer, if there was one.
    fn answered<T>(&mut self, answer: Result<T, BrokerError>, told: &mut Vec<Told>) -> Option<T> {
        match answer {
            Ok(answer) => {
                self.broker_silent = false;
                Some(answer)
            }
            Err(error) => {
                if !std::mem::replace(&mut self.broker_silent, true) {
                    told.push(Told::NoAnswer(error));
                }
                None
            }
        }
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The broker, to be told of the market where it is a simulated one.
    pub fn broker_mut(&mut self) -> &mut B {
        &mut self.broker
    }

    /// Orders of which it is not known whether the broker has them.
    pub fn in_doubt(&self) -> &[OrderRequest] {
        &self.doubts
    }

    /// How many events the engine has consumed, those before a restart included where something was stored after them.
    pub fn cursor(&self) -> u64 {
        self.cursor
    }
}

impl<B: Broker, S: Store<Record, Restored>> Standing<B, S> {
    /// Writes down from here on what the engine sees. To be called before it is warmed up; `at` is the market's time.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn record_to(&mut self, mut recorder: Recorder, at: Timestamp) -> Result<(), RecordingError> {
        let restored = self.0.origin.take();
        let left_out = if restored.is_some() { LEFT_OUT } else { 0 };
        recorder.begin(restored.as_deref(), self.0.cursor, left_out, at)?;
        self.0.recorder = Some(recorder);
        Ok(())
    }

    /// Shows levels 1 to 4 a bar of the past; nothing is decided.
    pub fn warm(&mut self, symbol: SymbolId, bar: &Bar) {
        if let Some(recorder) = &mut self.0.recorder {
            recorder.warm(symbol, bar);
        }
        self.0.engine.warm(symbol, bar);
    }

    /// Shows them a tick of the past.
    pub fn warm_tick(&mut self, symbol: SymbolId, tick: &Tick) {
        if let Some(recorder) = &mut self.0.recorder {
            recorder.warm_tick(symbol, tick);
        }
        self.0.engine.warm_tick(symbol, tick);
    }

    /// Holds the restored books against the broker, and lets the wheel turn. It turns with differences, too: then only
    /// exits are allowed, until [`Wheel::reconcile`] finds none.
    ///
    /// # Errors
    /// The broker does not say what is open.
    pub async fn reconcile(self, at: Timestamp) -> Result<(Wheel<B, S>, Vec<Difference>, Vec<Told>), StartError> {
        let mut told = Vec::new();
        match Box::pin(self.try_reconcile(at, &mut told)).await {
            Ok((wheel, differences)) => Ok((wheel, differences, told)),
            Err(still) => Err(StartError::Broker(still.1)),
        }
    }

    /// As [`reconcile`](Self::reconcile), for a broker that may answer later.
    ///
    /// # Errors
    /// The broker does not say what is open, with the wheel that stands on, to be asked for again.
    pub async fn try_reconcile(
        self,
        at: Timestamp,
        told: &mut Vec<Told>,
    ) -> Result<(Wheel<B, S>, Vec<Difference>), Box<(Self, BrokerError)>> {
        let Self(mut wheel) = self;
        // What the broker reports of the time in between makes no entry: of the money nothing is known yet.
        match wheel.reconcile(at, told).await {
            Ok(differences) => Ok((wheel, differences)),
            Err(error) => Err(Box::new((Self(wheel), error))),
        }
    }

    /// The engine as it was restored.
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// The broker, to be told what the engine has open before it is asked.
    pub fn broker_mut(&mut self) -> &mut B {
        &mut self.0.broker
    }
}

impl Change {
    fn is_about_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Cancel { order, .. }, Self::Cancel { order: same, .. }) => order == same,
            (Self::Exits { symbol, leg, .. }, Self::Exits { symbol: same, leg: also, .. }) => {
                (symbol, leg) == (same, also)
            }
            _ => false,
        }
    }
}

fn not_sent(order: &OrderRequest) -> Event {
    Event::Order(order.rejected(RejectReason::Other, order.at))
}

fn order_of(report: &OrderReport) -> Option<OrderId> {
    match report {
        OrderReport::Filled(fill) => fill.order,
        OrderReport::Rejected { order, .. } | OrderReport::Canceled { order, .. } => Some(*order),
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(notice) => write!(f, "{notice:?}"),
            Self::NotStored(error) => write!(f, "{error}; no entries until it is mended and the books are reconciled"),
            Self::StoredAgain => f.write_str("the store takes commits again and has what it missed"),
            Self::NotSent(order, error) => write!(f, "order {order}: {error}"),
            Self::Unknown(order, error) => {
                write!(f, "order {order}: {error}; it is not sent again, the broker is asked whether it is there")
            }
            Self::Proven(order) => write!(f, "order {order} is with the broker"),
            Self::NotMoved(leg, error) => write!(f, "leg {leg}: its exits are where they were: {error}; asking again"),
            Self::NotTakenBack(order, error) => write!(f, "order {order} is not taken back: {error}; asking again"),
            Self::NotRecorded(error) => {
                write!(f, "{error}; this day is not recorded any further and cannot be run again")
            }
            Self::NoAnswer(error) => write!(f, "{error}; what is open is not known until it does"),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has = |holding: Option<Holding>| {
            holding.map_or_else(|| "nothing".to_owned(), |Holding { side, quantity }| format!("{side} {quantity}"))
        };
        write!(f, "leg {}: the books have {}, the broker {}", self.leg, has(self.books), has(self.broker))?;
        match self.pending {
            Some(order) => write!(f, "; what became of order {order} is not known"),
            None => Ok(()),
        }
    }
}
