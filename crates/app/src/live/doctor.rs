//! What a doctor finds of bridge, account and symbol before anything is traded. Reads only: the session is not armed, and
//! the bridge refuses every order and change.

use std::time::{Duration, Instant};

use alavanca_adapters_mt5::desk::filling;
use alavanca_adapters_mt5::wire::{
    BridgeHeartbeat, BridgeKind, CalcMargin, CalcProfit, Decimal, FromBridge, FromEngine, Hello, Intent, OrderSide,
    OrderSubmit, Reconcile, ReconcileReq, SessionCalendar, Subscribe, SymbolSpec, Tick, TradeResult,
};
use alavanca_kernel::{Instrument, Timestamp};
use serde::Serialize;

use super::admission::wall;
use super::examine::examine;
use super::visit::{Visit, VisitError, odd};
use crate::settings::Settings;

/// What was found, worst last read first: [`verdict`](Self::verdict).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diagnosis {
    /// The symbol.
    pub symbol: String,
    /// Which bridge.
    pub bridge: String,
    /// Line by line.
    pub findings: Vec<Finding>,
    /// From question to answer.
    pub round_trip: RoundTrip,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Live starts, and one should know.
    Warn,
    /// Live does not start, or would trade something else than meant.
    Fail,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub what: &'static str,
    /// How bad it is.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do about it.
    pub advice: Option<String>,
}

/// Times from a question to its answer through the terminal, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RoundTrip {
    /// So many questions.
    pub asked: usize,
    /// Half took less.
    pub median_us: u64,
    /// The slowest.
    pub worst_us: u64,
}

impl Diagnosis {
    /// The worst of its lines.
    pub fn verdict(&self) -> Verdict {
        self.findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Ok)
    }
}

/// Everything that was asked, as it was answered.
#[derive(Debug, Clone)]
pub(super) struct Observed {
    pub(super) hello: Hello,
    pub(super) heartbeat: Option<BridgeHeartbeat>,
    pub(super) spec: SymbolSpec,
    pub(super) calendar: Option<SessionCalendar>,
    /// The trade server's clock in server milliseconds, and this machine's at that moment.
    pub(super) clock: Option<(i64, Timestamp)>,
    /// How everything stands, or why it is not known.
    pub(super) standing: Result<Reconcile, String>,
    /// The margin of one contract bought and sold, or why it is not known.
    pub(super) margins: [Result<Decimal, String>; 2],
    /// What one contract makes of one point, or why it is not known.
    pub(super) point: Result<Decimal, String>,
    /// What the terminal says of an order of one contract, which is not sent.
    pub(super) check: Result<TradeResult, String>,
    pub(super) round_trip: RoundTrip,
    /// This machine's clock.
    pub(super) now: Timestamp,
}

/// Looks at everything.
///
/// # Errors
/// [`VisitError`], where the bridge does not answer.
pub async fn diagnose(
    visit: &mut Visit,
    settings: &Settings,
    instrument: &Instrument,
) -> Result<Diagnosis, VisitError> {
    let observed = observe(visit, instrument).await?;
    let kind = match observed.hello.bridge {
        BridgeKind::Sidecar => "sidecar",
        BridgeKind::ExpertAdvisor => "Expert Advisor",
    };
    Ok(Diagnosis {
        symbol: instrument.name.clone(),
        bridge: format!("{kind} {}", observed.hello.release),
        findings: examine(settings, instrument, &observed),
        round_trip: observed.round_trip,
    })
}

/// So many questions measure the way.
const ROUND_TRIPS: usize = 40;
/// A quote and a sign of life are waited for so long.
const QUOTE_WAIT: Duration = Duration::from_secs(5);

async fn observe(visit: &mut Visit, instrument: &Instrument) -> Result<Observed, VisitError> {
    let subscribe = Subscribe { symbols: vec![instrument.name.clone()], ticks: true };
    visit.say(&FromEngine::Subscribe(subscribe), None).await?;
    if !visit.hear_until(Duration::from_secs(30), |seen| seen.spec.is_some()).await? {
        return Err(VisitError::NoAnswer { what: "subscribe".to_owned() });
    }
    visit.hear_until(QUOTE_WAIT, |seen| seen.heartbeat.is_some() && seen.clock.is_some()).await?;
    visit.hear_until(QUOTE_WAIT, |seen| seen.tick.is_some() && seen.calendar.is_some()).await?;
    let Some(spec) = visit.seen.spec.clone() else { return Err(VisitError::NoAnswer { what: "subscribe".to_owned() }) };
    let (price, volume) = (quote(visit.seen.tick.as_ref()), Decimal::from(instrument.lots_per_contract));
    let symbol = || instrument.name.clone();
    let since = visit.seen.clock.map_or(0, |(server, _)| server - 3_600_000);
    let standing = match visit.reconcile(ReconcileReq { deals_since_server: since, orders: Vec::new() }).await {
        Ok(standing) => Ok(standing),
        Err(VisitError::Odd { answer, .. }) => Err(answer),
        Err(error) => return Err(error),
    };
    let mut margins = [Err("there is no price".to_owned()), Err("there is no price".to_owned())];
    let mut point = Err("there is no price".to_owned());
    let mut check = Err("there is no price".to_owned());
    if let Some(price) = price.filter(|_| spec.exists) {
        for (margin, side) in margins.iter_mut().zip([OrderSide::Buy, OrderSide::Sell]) {
            let question = CalcMargin { symbol: symbol(), side, volume, price };
            *margin = amount(visit.ask(FromEngine::CalcMargin(question)).await?);
        }
        let close = Decimal::from_raw(price.raw() + instrument.point.raw());
        let question = CalcProfit { symbol: symbol(), side: OrderSide::Buy, volume, open: price, close };
        point = amount(visit.ask(FromEngine::CalcProfit(question)).await?);
        check = match visit.ask(FromEngine::OrderCheck(sample(instrument, &spec, price, volume))).await? {
            FromBridge::Result(result) => Ok(result),
            FromBridge::Unknown(unknown) => Err(unknown.why),
            other => return Err(odd("order_check", &other)),
        };
    }
    let round_trip = round_trips(visit, &symbol(), price.unwrap_or(spec.tick_size), volume).await?;
    Ok(Observed {
        hello: visit.established.hello.clone(),
        heartbeat: visit.seen.heartbeat,
        spec,
        calendar: visit.seen.calendar.clone(),
        clock: visit.seen.clock,
        standing,
        margins,
        point,
        check,
        round_trip,
        now: wall(),
    })
}

/// An order as the engine would send one; asked about, never sent.
fn sample(instrument: &Instrument, spec: &SymbolSpec, price: Decimal, volume: Decimal) -> OrderSubmit {
    OrderSubmit {
        magic: alavanca_adapters_mt5::wire::Id(1),
        epoch: 0,
        symbol: instrument.name.clone(),
        side: OrderSide::Buy,
        volume,
        intent: Intent::Open,
        price,
        deviation: 100,
        sl: Decimal::ZERO,
        tp: Decimal::ZERO,
        filling: filling(spec, true),
        comment: "alavanca doctor".to_owned(),
        position: None,
        closes: None,
        guard: None,
        not_after_server: 0,
    }
}

async fn round_trips(
    visit: &mut Visit,
    symbol: &str,
    price: Decimal,
    volume: Decimal,
) -> Result<RoundTrip, VisitError> {
    let mut times = Vec::with_capacity(ROUND_TRIPS);
    for _ in 0..ROUND_TRIPS {
        let question = CalcMargin { symbol: symbol.to_owned(), side: OrderSide::Buy, volume, price };
        let asked = Instant::now();
        visit.ask(FromEngine::CalcMargin(question)).await?;
        times.push(asked.elapsed().as_micros() as u64);
    }
    times.sort_unstable();
    let worst = times.last().copied().unwrap_or_default();
    Ok(RoundTrip { asked: times.len(), median_us: times[times.len() / 2], worst_us: worst })
}

/// The price to calculate with.
pub(super) fn quote(tick: Option<&Tick>) -> Option<Decimal> {
    let tick = tick?;
    [tick.ask, tick.bid, tick.last].into_iter().find(|price| price.raw() > 0)
}

fn amount(answer: FromBridge) -> Result<Decimal, String> {
    match answer {
        FromBridge::Calculated(calculated) => {
            calculated.amount.ok_or_else(|| calculated.error.unwrap_or_else(|| "the terminal gave none".to_owned()))
        }
        other => Err(odd("calc_margin", &other).to_string()),
    }
}
