//! A trial of a bridge and a broker with real orders of the smallest volume, on a demo account: does everything that the
//! engine relies on happen there, too?

use std::time::{Duration, Instant};

use alavanca_adapters_mt5::desk::retcode::{self, Meaning};
use alavanca_adapters_mt5::desk::{INSTANCE_END, filling};
use alavanca_adapters_mt5::session::nonce;
use alavanca_adapters_mt5::wire::{
    Caps, Decimal, FromBridge, FromEngine, Id, Intent, NOT_SENT, OrderCancel, OrderSide, OrderSubmit, Position,
    PositionSltp, Reconcile, ReconcileReq, Subscribe, SymbolSpec, TradeResult,
};
use alavanca_kernel::AccountMode;
use serde::Serialize;

use super::admission::{mode_of, wall};
use super::visit::{Visit, VisitError, odd};

/// What a trial came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trial {
    /// The symbol.
    pub symbol: String,
    /// What was tried, in order; those after the first that failed were not.
    pub steps: Vec<TrialStep>,
    /// The account is as it was before: nothing of the trial is open.
    pub flat: bool,
}

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrialStep {
    /// What has to hold.
    pub what: &'static str,
    /// Whether it did.
    pub passed: bool,
    /// What happened.
    pub found: String,
}

impl Trial {
    /// Whether everything held.
    pub fn passed(&self) -> bool {
        self.flat && self.steps.iter().all(|step| step.passed)
    }
}

/// What a bridge may do at most on a trial of a symbol whose smallest volume is this.
pub fn trial_caps(symbol: &str, smallest: Decimal) -> Caps {
    let double = Decimal::from_raw(smallest.raw() * 2);
    Caps { symbols: vec![symbol.to_owned()], order_lots: smallest, position_lots: double, orders_per_minute: 10 }
}

/// Tries everything; afterwards whatever it opened is closed again.
///
/// # Errors
/// [`VisitError`], where the bridge does not answer: what it opened may be open then, with its stop.
pub async fn try_out(visit: &mut Visit, symbol: &str) -> Result<Trial, VisitError> {
    let mut course = Course::begin(visit, symbol).await?;
    let mut steps = Vec::new();
    for (what, action) in ACTIONS {
        let tried = course.act(*action).await;
        let (passed, found) = match tried {
            Ok(found) => (true, found),
            Err(Failure::Visit(error @ (VisitError::Ended(_) | VisitError::NoAnswer { .. }))) => return Err(error),
            Err(Failure::Visit(error)) => (false, error.to_string()),
            Err(Failure::Wrong(found)) => (false, found),
        };
        steps.push(TrialStep { what, passed, found });
        if !passed {
            break;
        }
    }
    let flat = course.tidy_up().await?;
    Ok(Trial { symbol: symbol.to_owned(), steps, flat })
}

#[derive(Debug, Clone, Copy)]
enum Action {
    Flat,
    Enter,
    Again,
    Expired,
    Move,
    Add,
    Reduce,
    Cancel,
    Close,
    CloseFlat,
    Deals,
}

const ACTIONS: &[(&str, Action)] = &[
    ("the symbol is flat, and the terminal says how it stands", Action::Flat),
    ("an entry is filled, with its stop and target read back", Action::Enter),
    ("the same magic again sends nothing", Action::Again),
    ("an order that waited too long is not sent", Action::Expired),
    ("stop and target are moved, and read back", Action::Move),
    ("an addition keeps the base's stop", Action::Add),
    ("a part is closed, and the rest keeps its stop", Action::Reduce),
    ("taking back an order that rests no more changes nothing", Action::Cancel),
    ("the rest is closed", Action::Close),
    ("a close with nothing open is not sent", Action::CloseFlat),
    ("every order's deals are found by its magic", Action::Deals),
];

enum Failure {
    Visit(VisitError),
    Wrong(String),
}

impl From<VisitError> for Failure {
    fn from(error: VisitError) -> Self {
        Self::Visit(error)
    }
}

fn wrong<T>(found: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Wrong(found.into()))
}

struct Course<'a> {
    visit: &'a mut Visit,
    symbol: String,
    spec: SymbolSpec,
    hedging: bool,
    /// The upper part of its magic numbers.
    instance: u64,
    /// Its orders so far.
    orders: u64,
    /// Those that were sent: their magic, and whether they opened.
    sent: Vec<u64>,
    sl: Decimal,
    tp: Decimal,
    began_server: i64,
    /// What was there before, and is left alone.
    may_touch: bool,
}

/// A fill is waited for so long.
const FILL_WAIT: Duration = Duration::from_secs(20);

impl<'a> Course<'a> {
    async fn begin(visit: &'a mut Visit, symbol: &str) -> Result<Self, VisitError> {
        let subscribe = Subscribe { symbols: vec![symbol.to_owned()], ticks: true };
        visit.say(&FromEngine::Subscribe(subscribe), None).await?;
        let ready = visit.hear_until(Duration::from_secs(30), |seen| {
            seen.spec.is_some() && seen.clock.is_some() && super::doctor::quote(seen.tick.as_ref()).is_some()
        });
        if !ready.await? {
            return Err(VisitError::NoAnswer { what: "subscribe (is the market open?)".to_owned() });
        }
        let Some(spec) = visit.seen.spec.clone() else { return Err(VisitError::NoAnswer { what: "subscribe".into() }) };
        let chance = nonce::<4>()?;
        let instance = 1 + u64::from_str_radix(&chance, 16).unwrap_or_default() % u64::from(INSTANCE_END - 1);
        let began_server = visit.seen.clock.map_or(0, |(server, _)| server) - 60_000;
        let hedging = mode_of(visit.established.hello.account.margin_mode) == Some(AccountMode::Hedging);
        Ok(Self {
            visit,
            symbol: symbol.to_owned(),
            spec,
            hedging,
            instance,
            orders: 0,
            sent: Vec::new(),
            sl: Decimal::ZERO,
            tp: Decimal::ZERO,
            began_server,
            may_touch: false,
        })
    }

    async fn act(&mut self, action: Action) -> Result<String, Failure> {
        match action {
            Action::Flat => self.flat().await,
            Action::Enter => self.enter().await,
            Action::Again => self.again().await,
            Action::Expired => self.expired().await,
            Action::Move => self.move_exits().await,
            Action::Add => self.add().await,
            Action::Reduce => self.reduce().await,
            Action::Cancel => self.cancel().await,
            Action::Close => self.close().await,
            Action::CloseFlat => self.close_flat().await,
            Action::Deals => self.deals().await,
        }
    }

    async fn flat(&mut self) -> Result<String, Failure> {
        let open = self.positions().await?;
        if !open.is_empty() {
            return wrong(format!("{} is open in {}: close it, or use another symbol", volumes(&open), self.symbol));
        }
        self.may_touch = true;
        Ok(format!("flat; the smallest volume is {}", self.spec.volume_min))
    }

    async fn enter(&mut self) -> Result<String, Failure> {
        let (ask, bid) = self.quote()?;
        (self.sl, self.tp) = self.exits(bid, 1);
        let result = self.submit(OrderSide::Buy, Intent::Open, ask, None).await?;
        let open = self.until_open(1).await?;
        self.with_exits(&open)?;
        Ok(format!("{}; stop {} and target {} rest with it", said(&result), self.sl, self.tp))
    }

    async fn again(&mut self) -> Result<String, Failure> {
        let (ask, _) = self.quote()?;
        let magic = self.sent.last().copied().unwrap_or_default();
        self.visit.seen.accepted.clear();
        let order = self.order(magic, OrderSide::Buy, Intent::Open, ask, None, 30_000);
        let answer = self.visit.order(magic, FromEngine::OrderSubmit(order)).await?;
        let FromBridge::Result(result) = answer else { return Err(odd("order_submit", &answer).into()) };
        let open = self.positions().await?;
        if lots(&open) != self.spec.volume_min.raw() {
            return wrong(format!("{} is open", volumes(&open)));
        }
        if self.visit.seen.accepted != [(magic, true)] {
            return wrong("the bridge took it for a new order");
        }
        Ok(format!("answered again: {}", said(&result)))
    }

    async fn expired(&mut self) -> Result<String, Failure> {
        let (ask, _) = self.quote()?;
        let magic = self.next_magic();
        let order = self.order(magic, OrderSide::Buy, Intent::Open, ask, None, -60_000);
        let answer = self.visit.order(magic, FromEngine::OrderSubmit(order)).await?;
        self.not_sent(answer, 1).await
    }

    async fn move_exits(&mut self) -> Result<String, Failure> {
        let (_, bid) = self.quote()?;
        let open = self.positions().await?;
        let Some(position) = open.first() else { return wrong("nothing is open") };
        (self.sl, self.tp) = self.exits(bid, 2);
        let ticket = position.ticket;
        self.set_exits(ticket).await?;
        let open = self.positions().await?;
        self.with_exits(&open)?;
        Ok(format!("stop {} and target {}", self.sl, self.tp))
    }

    async fn add(&mut self) -> Result<String, Failure> {
        let (ask, _) = self.quote()?;
        let result = self.submit(OrderSide::Buy, Intent::Open, ask, None).await?;
        let open = self.until_open(2).await?;
        self.with_exits(&open)?;
        Ok(format!("{}; all of {} has its stop at {}", said(&result), volumes(&open), self.sl))
    }

    async fn reduce(&mut self) -> Result<String, Failure> {
        let (_, bid) = self.quote()?;
        let open = self.positions().await?;
        let ticket = open.last().map(|position| position.ticket);
        let result = self.submit(OrderSide::Sell, Intent::Close, bid, ticket).await?;
        let open = self.until_open(1).await?;
        let mut how = "with its stop";
        if self.with_exits(&open).is_err() {
            // Some brokers take the exits away with the part; the engine sets them again, and so does this.
            how = "its stop was taken away, and set again";
            let Some(left) = open.first() else { return wrong("nothing is left") };
            self.set_exits(left.ticket).await?;
            let open = self.positions().await?;
            self.with_exits(&open)?;
        }
        Ok(format!("{}; {} is left, {how}", said(&result), volumes(&open)))
    }

    async fn cancel(&mut self) -> Result<String, Failure> {
        let magic = self.sent.last().copied().unwrap_or_default();
        let standing = self.standing(vec![Id(magic)]).await?;
        let ticket = standing.outcomes.iter().flat_map(|outcome| &outcome.orders).map(|order| order.ticket).next();
        let Some(order) = ticket else { return wrong("its ticket is not in the history") };
        let answer = self.visit.ask(FromEngine::OrderCancel(OrderCancel { order, magic: Id(magic) })).await?;
        let FromBridge::Result(result) = answer else { return Err(odd("order_cancel", &answer).into()) };
        let open = self.positions().await?;
        if lots(&open) != self.spec.volume_min.raw() {
            return wrong(format!("{} is open", volumes(&open)));
        }
        Ok(said(&result))
    }

    async fn close(&mut self) -> Result<String, Failure> {
        let (_, bid) = self.quote()?;
        let open = self.positions().await?;
        let ticket = open.first().map(|position| position.ticket);
        let result = self.submit(OrderSide::Sell, Intent::Close, bid, ticket).await?;
        self.until_open(0).await?;
        Ok(said(&result))
    }

    async fn close_flat(&mut self) -> Result<String, Failure> {
        let (_, bid) = self.quote()?;
        let magic = self.next_magic();
        let order = self.order(magic, OrderSide::Sell, Intent::Close, bid, None, 30_000);
        let answer = self.visit.order(magic, FromEngine::OrderSubmit(order)).await?;
        self.not_sent(answer, 0).await
    }

    async fn deals(&mut self) -> Result<String, Failure> {
        let magics: Vec<Id> = self.sent.iter().copied().map(Id).collect();
        let standing = self.standing(magics.clone()).await?;
        let (mut count, mut made) = (0, 0);
        for magic in magics {
            let outcome = standing.outcomes.iter().find(|outcome| outcome.magic == magic);
            let deals = outcome.map(|outcome| outcome.deals.as_slice()).unwrap_or_default();
            let lots: i64 = deals.iter().filter(|deal| deal.kind <= 1).map(|deal| deal.volume.raw()).sum();
            if lots != self.spec.volume_min.raw() {
                return wrong(format!("order {magic} has deals of {} lots", Decimal::from_raw(lots)));
            }
            count += deals.len();
            made += deals
                .iter()
                .map(|deal| deal.profit.raw() + deal.commission.raw() + deal.fee.raw() + deal.swap.raw())
                .sum::<i64>();
        }
        Ok(format!("{count} deals, in all {} {}", Decimal::from_raw(made), self.spec.currency_profit))
    }

    /// Closes what is left of the trial; whether it is flat.
    async fn tidy_up(&mut self) -> Result<bool, VisitError> {
        if !self.may_touch {
            return Ok(true);
        }
        for _ in 0..4 {
            let open = match self.positions().await {
                Ok(open) => open,
                Err(Failure::Visit(error)) => return Err(error),
                Err(Failure::Wrong(_)) => return Ok(false),
            };
            let Some(position) = open.first() else { return Ok(true) };
            let ticket = position.ticket;
            let Ok((_, bid)) = self.quote() else { return Ok(false) };
            match self.submit(OrderSide::Sell, Intent::Close, bid, Some(ticket)).await {
                Ok(_) | Err(Failure::Wrong(_)) => {}
                Err(Failure::Visit(error)) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Ask and bid, where there is a tick; a market without quotes has its last price as both.
    fn quote(&self) -> Result<(Decimal, Decimal), Failure> {
        let Some(tick) = self.visit.seen.tick else { return wrong("there is no price") };
        let or_last = |price: Decimal| if price.raw() > 0 { price } else { tick.last };
        Ok((or_last(tick.ask), or_last(tick.bid)))
    }

    /// A stop below and a target above, far enough, on the tick grid; `farther` the more.
    fn exits(&self, price: Decimal, farther: i64) -> (Decimal, Decimal) {
        let tick = self.spec.tick_size.raw().max(1);
        let level = i64::from(self.spec.stops_level) * self.spec.point.raw();
        let away = (level * 2).max(tick * 100) + farther * 10 * tick;
        let on_grid = |raw: i64| Decimal::from_raw(raw.div_euclid(tick) * tick);
        (on_grid(price.raw() - away), on_grid(price.raw() + away))
    }

    fn next_magic(&mut self) -> u64 {
        self.orders += 1;
        (self.instance << 32) | self.orders
    }

    fn order(
        &self,
        magic: u64,
        side: OrderSide,
        intent: Intent,
        price: Decimal,
        position: Option<Id>,
        for_ms: i64,
    ) -> OrderSubmit {
        let opens = intent == Intent::Open;
        let server = self.visit.seen.clock.map_or(0, |(server, at)| server + (wall().micros() - at.micros()) / 1_000);
        OrderSubmit {
            magic: Id(magic),
            epoch: self.visit.established.epoch,
            symbol: self.symbol.clone(),
            side,
            volume: self.spec.volume_min,
            intent,
            price,
            deviation: 100,
            sl: if opens { self.sl } else { Decimal::ZERO },
            tp: if opens { self.tp } else { Decimal::ZERO },
            filling: filling(&self.spec, opens),
            comment: "alavanca trial".to_owned(),
            position: position.filter(|_| self.hedging),
            closes: None,
            guard: None,
            not_after_server: server + for_ms,
        }
    }

    /// Sends an order of the smallest volume that has to be taken.
    async fn submit(
        &mut self,
        side: OrderSide,
        intent: Intent,
        price: Decimal,
        position: Option<Id>,
    ) -> Result<TradeResult, Failure> {
        let magic = self.next_magic();
        let order = self.order(magic, side, intent, price, position, 30_000);
        match self.visit.order(magic, FromEngine::OrderSubmit(order)).await? {
            FromBridge::Result(result) => match retcode::meaning(result.retcode) {
                Meaning::Done | Meaning::Partial | Meaning::Placed => {
                    self.sent.push(magic);
                    Ok(result)
                }
                _ => wrong(said(&result)),
            },
            FromBridge::Unknown(unknown) => wrong(format!("its outcome is not known: {}", unknown.why)),
            other => Err(odd("order_submit", &other).into()),
        }
    }

    async fn set_exits(&mut self, position: Id) -> Result<(), Failure> {
        let change = PositionSltp { symbol: self.symbol.clone(), position, sl: self.sl, tp: self.tp };
        match self.visit.ask(FromEngine::PositionSltp(change)).await? {
            FromBridge::Result(result)
                if matches!(retcode::meaning(result.retcode), Meaning::Done | Meaning::Placed | Meaning::NoChange) =>
            {
                Ok(())
            }
            FromBridge::Result(result) => wrong(said(&result)),
            other => Err(odd("position_sltp", &other).into()),
        }
    }

    async fn standing(&mut self, orders: Vec<Id>) -> Result<Reconcile, Failure> {
        Ok(self.visit.reconcile(ReconcileReq { deals_since_server: self.began_server, orders }).await?)
    }

    /// What is open in the symbol, the oldest first.
    async fn positions(&mut self) -> Result<Vec<Position>, Failure> {
        let mut open = self.standing(Vec::new()).await?.snapshot.positions;
        open.retain(|position| position.symbol == self.symbol);
        open.sort_by_key(|position| position.identifier);
        Ok(open)
    }

    /// Waits until so many of the smallest volume are open.
    async fn until_open(&mut self, times: i64) -> Result<Vec<Position>, Failure> {
        let until = Instant::now() + FILL_WAIT;
        loop {
            let open = self.positions().await?;
            if lots(&open) == times * self.spec.volume_min.raw() {
                return Ok(open);
            }
            if Instant::now() > until {
                let expected = Decimal::from_raw(times * self.spec.volume_min.raw());
                return wrong(format!("{} is open; expected {expected}", volumes(&open)));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn with_exits(&self, open: &[Position]) -> Result<(), Failure> {
        match open.iter().find(|position| (position.sl, position.tp) != (self.sl, self.tp)) {
            None => Ok(()),
            Some(Position { sl, tp, .. }) => {
                wrong(format!("stop {sl} and target {tp} are there; asked for were {} and {}", self.sl, self.tp))
            }
        }
    }

    /// It has to be answered as not sent, with this many of the smallest volume open as before.
    async fn not_sent(&mut self, answer: FromBridge, times: i64) -> Result<String, Failure> {
        let FromBridge::Result(result) = answer else { return Err(odd("order_submit", &answer).into()) };
        let open = self.positions().await?;
        if result.retcode != NOT_SENT || lots(&open) != times * self.spec.volume_min.raw() {
            return wrong(format!("{}; {} is open", said(&result), volumes(&open)));
        }
        Ok(format!("not sent: {}", result.comment))
    }
}

fn said(result: &TradeResult) -> String {
    let TradeResult { retcode, volume, price, comment, .. } = result;
    let name = retcode::name(*retcode);
    let filled = if volume.raw() > 0 { format!(", {volume} at {price}") } else { String::new() };
    let comment = if comment.is_empty() { String::new() } else { format!(" ({comment})") };
    format!("{retcode} {name}{filled}{comment}")
}

fn lots(open: &[Position]) -> i64 {
    open.iter()
        .map(|position| match position.side {
            OrderSide::Buy => position.volume.raw(),
            OrderSide::Sell => -position.volume.raw(),
        })
        .sum()
}

fn volumes(open: &[Position]) -> String {
    let all: Vec<String> = open
        .iter()
        .map(|position| {
            let side = if position.side == OrderSide::Buy { "bought" } else { "sold" };
            format!("{} {side}", position.volume)
        })
        .collect();
    if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
}
