//! The page's figures as one JSON document. Amounts are centavos, prices integers at the document's decimals, instants
//! seconds on the trading zone's clock: the page formats them and computes no money.

use std::collections::BTreeMap;

use alavanca_calendar::{TradingClock, TradingZone};
use alavanca_engine::{PolicyEvent, PolicyEventKind, TradeRecord};
use alavanca_kernel::{Action, Layer, LegRole, Price, Regime, Side, Timestamp};
use alavanca_report::{Candles, Chronicle, Summary};
use alavanca_risk::RiskCause;
use alavanca_scalp::{ScalpEvent, ScalpEventKind};
use serde::Serialize;
use serde_json::Value;

use super::noted::{Level4Notes, RunFacts, SettingLine};
use crate::backtest_types::SourceFacts;
use crate::statistics::confidence::BrainStanding;

/// The newest so many trades are listed and drawn.
const TRADES: usize = 10_000;
/// The newest so many scalps, risk changes, policy events and batches are listed, each.
const LISTED: usize = 2_000;

/// What a document is made of.
#[derive(Debug)]
pub struct Parts<'a> {
    /// What the run is.
    pub facts: &'a RunFacts,
    /// What it ran on; none where nothing was noted of it.
    pub source: Option<&'a SourceFacts>,
    /// Its settings.
    pub settings: &'a [SettingLine],
    /// What else one should know, in sentences.
    pub notes: &'a [String],
    /// The figures.
    pub summary: &'a Summary,
    /// The records.
    pub chronicle: &'a Chronicle,
    /// How the brains stand at the run's end; none on the page of one day.
    pub brains: &'a [BrainStanding],
    /// The second engine.
    pub level4: Option<&'a Level4Notes>,
    /// The market.
    pub market: &'a Market,
    /// The one trading day that the page is of, where it is of one.
    pub day: Option<i32>,
}

/// The market behind a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Market {
    /// It is at hand.
    Drawn(Candles),
    /// Nothing is noted of where it is.
    Unknown,
    /// Its file is not where it was.
    Missing,
    /// The file is there and is not the one that was run on.
    Changed,
    /// The file cannot be read any more.
    Unreadable,
}

/// The document.
#[derive(Debug, Clone, Serialize)]
pub struct Document {
    format: u32,
    version: &'static str,
    run: RunPart,
    source: Option<SourceFacts>,
    notes: Vec<String>,
    /// The figures, as the run's JSON has them, amounts in centavos.
    gate: Value,
    level4: Option<Value>,
    gate_curve: CurvePart,
    level4_curve: Option<CurvePart>,
    /// Net result by trading day: days since 1970-01-01, gate, Level 4.
    days: Vec<(i32, Option<i64>, Option<i64>)>,
    market: MarketPart,
    words: Words,
    trades: Listed<[i64; 14]>,
    scalps: Listed<[i64; 11]>,
    /// Of each hold time in seconds: how many ended by which of the scalps' words.
    holds: Vec<(u32, usize, u64)>,
    /// Regime, action, trades, wins, net result.
    results: Vec<(usize, usize, u64, u64, i64)>,
    /// Hour of entry, trades, wins, net result.
    hours: Vec<(usize, u64, u64, i64)>,
    costs: CostsPart,
    posteriors: PosteriorsPart,
    confidence: ConfidencePart,
    batches: Listed<(i64, u32, u32, u64)>,
    policy_events: Listed<PolicyPart>,
    risk: Listed<RiskPart>,
    settings: Vec<SettingLine>,
}

#[derive(Debug, Clone, Serialize)]
struct RunPart {
    id: String,
    symbol: String,
    currency: String,
    digits: u8,
    zone: String,
    capital: i64,
    seed: u64,
    fingerprint: String,
    first: Option<i64>,
    last: Option<i64>,
    day: Option<i32>,
}

/// The newest of a list, and how many there were.
#[derive(Debug, Clone, Serialize)]
struct Listed<T> {
    total: usize,
    rows: Vec<T>,
}

impl<T> Listed<T> {
    fn newest<'a, S>(all: &'a [S], most: usize, row: impl FnMut(&'a S) -> T) -> Self {
        Self { total: all.len(), rows: all[all.len().saturating_sub(most)..].iter().map(row).collect() }
    }
}

#[derive(Debug, Clone, Default, Serialize)]
struct CurvePart {
    /// The first instant, then how many seconds later.
    t: Vec<i64>,
    net: Vec<i64>,
    drawdown: Vec<i64>,
}

/// Candles, or why there are none.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
enum MarketPart {
    Drawn(CandlesPart),
    Unknown,
    Missing,
    Changed,
    Unreadable,
}

/// Candles, packed: times as the first and then steps, opens against the close before, the rest against their own open
/// and close.
#[derive(Debug, Clone, Serialize)]
struct CandlesPart {
    seconds: u32,
    source_seconds: u32,
    rows: u64,
    /// Seconds of one step.
    step: i64,
    t: Vec<i64>,
    o: Vec<i64>,
    c: Vec<i64>,
    h: Vec<i64>,
    l: Vec<i64>,
    v: Vec<u64>,
}

/// Stored words, which rows name by their place.
#[derive(Debug, Clone, Serialize)]
struct Words {
    regimes: [&'static str; Regime::COUNT],
    actions: [&'static str; Action::COUNT],
    layers: [&'static str; Layer::COUNT],
    /// What the first of these layers to fail gives as the reason.
    reasons: [&'static str; Layer::COUNT],
    causes: Vec<&'static str>,
    scalps: Vec<&'static str>,
}

#[derive(Debug, Clone, Serialize)]
struct CostsPart {
    commission_base: i64,
    commission_extra: i64,
    /// What prices were worse than their reference: spread and slippage together.
    execution: i64,
}

#[derive(Debug, Clone, Serialize)]
struct PosteriorsPart {
    prior: (f64, f64),
    /// Regime, action, alpha, beta, mean, low, high, rewards, states.
    regimes: Vec<(usize, usize, f64, f64, f64, f64, f64, u64, u32)>,
    /// Regime, hour, confidence, disagreement, action, alpha, beta, mean, low, high, rewards.
    states: Vec<(usize, u8, &'static str, &'static str, usize, f64, f64, f64, f64, f64, u32)>,
}

/// Shares in ten-thousandths.
#[derive(Debug, Clone, Serialize)]
struct ConfidencePart {
    trades: u64,
    claimed: Option<i64>,
    won: Option<i64>,
    brier: Option<f64>,
    brier_of_share: Option<f64>,
    calibration_error: Option<i64>,
    /// Trades, mean claimed, share won, low, high, whether it holds.
    bins: Vec<(u64, i64, i64, i64, i64, bool)>,
    /// Brain, place of the regime or none for all, trades, share won, profit factor, shrunken win rate, weight.
    brains: Vec<(String, Option<usize>, f64, Option<i64>, Option<f64>, i64, f64)>,
}

#[derive(Debug, Clone, Serialize)]
struct PolicyPart {
    at: i64,
    regime: &'static str,
    #[serde(flatten)]
    kind: PolicyEventKind,
}

#[derive(Debug, Clone, Serialize)]
struct RiskPart {
    at: i64,
    from: &'static str,
    to: &'static str,
    flatten: bool,
    #[serde(flatten)]
    cause: RiskCause,
    #[serde(skip_serializing_if = "Option::is_none")]
    until_at: Option<i64>,
}

impl Document {
    /// Of a run's parts.
    ///
    /// # Errors
    /// Where the figures are no JSON, which they always are.
    pub fn new(parts: &Parts<'_>, zone: TradingZone) -> Result<Self, serde_json::Error> {
        let Parts { facts, chronicle, .. } = parts;
        let mut clock = TradingClock::new(zone);
        let digits = digits(facts.digits, parts.market);
        let candles = match parts.market {
            Market::Drawn(candles) => MarketPart::Drawn(packed(candles, digits)),
            Market::Unknown => MarketPart::Unknown,
            Market::Missing => MarketPart::Missing,
            Market::Changed => MarketPart::Changed,
            Market::Unreadable => MarketPart::Unreadable,
        };
        let causes = causes(chronicle.trades());
        let gate_points = chronicle.curve().sampled(Level4Notes::POINTS);
        let gate_points: Vec<_> =
            gate_points.iter().map(|p| (p.at.micros(), p.net.cents(), p.drawdown.cents())).collect();
        let (first, last) =
            parts.source.map_or((None, None), |source| (instant(source.first.as_ref()), instant(source.last.as_ref())));
        Ok(Self {
            format: 1,
            version: env!("CARGO_PKG_VERSION"),
            run: RunPart {
                id: facts.run_id.clone(),
                symbol: facts.symbol.clone(),
                currency: facts.currency.clone(),
                digits,
                zone: facts.zone.clone(),
                capital: facts.capital.cents(),
                seed: facts.seed,
                fingerprint: facts.fingerprint.clone(),
                first: first.map(|at| clock.wall_seconds(at)),
                last: last.map(|at| clock.wall_seconds(at)),
                day: parts.day,
            },
            source: parts.source.cloned(),
            notes: parts.notes.to_vec(),
            gate: in_centavos(serde_json::to_value(parts.summary)?),
            level4: parts.level4.map(|level4| in_centavos(level4.summary.clone())),
            gate_curve: curve(&gate_points, &mut clock),
            level4_curve: parts.level4.map(|level4| curve(&level4.curve, &mut clock)),
            days: days(chronicle, parts.level4),
            market: candles,
            words: Words {
                regimes: Regime::ALL.map(Regime::as_str),
                actions: Action::ALL.map(Action::as_str),
                layers: Layer::ALL.map(Layer::as_str),
                reasons: REASONS,
                scalps: SCALP_ENDS.map(ScalpEventKind::as_str).to_vec(),
                causes: causes.keys().copied().collect(),
            },
            trades: Listed::newest(chronicle.trades(), TRADES, |trade| trade_row(trade, &causes, digits, &mut clock)),
            scalps: Listed::newest(chronicle.scalps(), LISTED, |scalp| scalp_row(scalp, digits, &mut clock)),
            holds: chronicle
                .holds()
                .iter()
                .flat_map(|(&seconds, ends)| ends.iter().map(move |(&kind, &n)| (seconds, scalp_place(kind), n)))
                .collect(),
            results: chronicle
                .results()
                .map(|(regime, action, cell)| {
                    (regime.index(), action.index(), cell.trades, cell.wins, cell.net.cents())
                })
                .collect(),
            hours: (chronicle.hours().iter().enumerate())
                .filter(|(_, cell)| cell.trades > 0)
                .map(|(hour, cell)| (hour, cell.trades, cell.wins, cell.net.cents()))
                .collect(),
            costs: costs(parts),
            posteriors: posteriors(parts),
            confidence: confidence(parts),
            batches: Listed::newest(chronicle.batches(), LISTED, |batch| {
                (clock.wall_seconds(batch.at), batch.trades, batch.applied, batch.reward_micros)
            }),
            policy_events: Listed::newest(chronicle.policy_events(), LISTED, |event: &PolicyEvent| PolicyPart {
                at: clock.wall_seconds(event.at),
                regime: event.regime.as_str(),
                kind: event.kind.clone(),
            }),
            risk: Listed::newest(chronicle.risk(), LISTED, |change| RiskPart {
                at: clock.wall_seconds(change.at),
                from: change.from.as_str(),
                to: change.to.as_str(),
                flatten: change.flatten,
                cause: change.cause,
                until_at: match change.cause {
                    RiskCause::ConsecutiveLosses { until, .. } => Some(clock.wall_seconds(until)),
                    _ => None,
                },
            }),
            settings: parts.settings.to_vec(),
        })
    }

    /// How many trades it lists.
    pub fn trades(&self) -> usize {
        self.trades.rows.len()
    }

    /// How many candles it draws, and of how many seconds.
    pub fn candles(&self) -> Option<(usize, u32)> {
        match &self.market {
            MarketPart::Drawn(candles) => Some((candles.t.len(), candles.seconds)),
            _ => None,
        }
    }
}

/// The reason of each layer, in the order of [`Layer::ALL`].
const REASONS: [&str; Layer::COUNT] = [
    "disabled",
    "regime_forbidden",
    "regime_not_allowed",
    "transition_active",
    "confidence_below_minimum",
    "daily_profit_below_minimum",
    "liquidity_below_minimum",
    "disagreement_above_maximum",
];

const SCALP_ENDS: [ScalpEventKind; 5] = [
    ScalpEventKind::TpHit,
    ScalpEventKind::SlHit,
    ScalpEventKind::Timeout,
    ScalpEventKind::Forced,
    ScalpEventKind::HandedOver,
];

fn scalp_place(kind: ScalpEventKind) -> usize {
    SCALP_ENDS.iter().position(|&end| end == kind).unwrap_or(SCALP_ENDS.len())
}

/// Turns a summary's amounts, units of the currency with two decimals, into centavos.
fn in_centavos(mut summary: Value) -> Value {
    fn change(amount: Option<&mut Value>) {
        if let Some(amount) = amount
            && let Some(units) = amount.as_f64()
        {
            // Exact: the nearest integer to a hundredfold of what was a hundredth of an integer.
            *amount = Value::from((units * 100.0).round() as i64);
        }
    }
    for place in ["/net", "/gross", "/costs", "/max_drawdown", "/scalps/net"] {
        change(summary.pointer_mut(place));
    }
    let regimes = summary.pointer_mut("/regimes/by_regime").and_then(Value::as_object_mut);
    for regime in regimes.into_iter().flat_map(serde_json::Map::values_mut) {
        change(regime.get_mut("net"));
    }
    summary
}

fn instant(text: Option<&String>) -> Option<Timestamp> {
    let parsed = chrono::DateTime::parse_from_rfc3339(text?).ok()?;
    Some(Timestamp::from_micros(parsed.timestamp_micros()))
}

/// Decimals at which every candle's price is an integer, at least the instrument's.
fn digits(least: u8, market: &Market) -> u8 {
    let Market::Drawn(candles) = market else { return least };
    let prices = || candles.list.iter().flat_map(|c| [c.open, c.high, c.low, c.close]);
    let is_whole = |digits: u8| prices().all(|price| price.raw() % 10_i64.pow(8 - u32::from(digits)) == 0);
    (least.min(8)..8).find(|&digits| is_whole(digits)).unwrap_or(8)
}

/// A price as an integer at so many decimals, the nearest.
fn at_digits(price: Price, digits: u8) -> i64 {
    let unit = 10_i64.pow(8 - u32::from(digits));
    (price.raw() + unit / 2).div_euclid(unit)
}

fn packed(candles: &Candles, digits: u8) -> CandlesPart {
    let list = &candles.list;
    let steps = || list.windows(2).map(|pair| pair[1].at - pair[0].at);
    let step = steps().fold(0, gcd).max(1);
    let mut part = CandlesPart {
        seconds: candles.seconds,
        source_seconds: candles.source_seconds,
        rows: candles.rows,
        step,
        t: list.first().map(|candle| candle.at).into_iter().chain(steps().map(|seconds| seconds / step)).collect(),
        o: Vec::with_capacity(list.len()),
        c: Vec::with_capacity(list.len()),
        h: Vec::with_capacity(list.len()),
        l: Vec::with_capacity(list.len()),
        v: Vec::new(),
    };
    let mut before = 0;
    for candle in list {
        let [open, high, low, close] =
            [candle.open, candle.high, candle.low, candle.close].map(|price| at_digits(price, digits));
        part.o.push(open - before);
        part.c.push(close - open);
        part.h.push(high - open.max(close));
        part.l.push(open.min(close) - low);
        before = close;
    }
    if list.iter().any(|candle| candle.volume > 0) {
        part.v = list.iter().map(|candle| candle.volume).collect();
    }
    part
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn curve(points: &[(i64, i64, i64)], clock: &mut TradingClock) -> CurvePart {
    let mut part = CurvePart::default();
    let mut before = 0;
    for &(at, net, drawdown) in points {
        let at = clock.wall_seconds(Timestamp::from_micros(at));
        part.t.push(at - before);
        part.net.push(net);
        part.drawdown.push(drawdown);
        before = at;
    }
    part
}

fn days(chronicle: &Chronicle, level4: Option<&Level4Notes>) -> Vec<(i32, Option<i64>, Option<i64>)> {
    let mut days: BTreeMap<i32, (Option<i64>, Option<i64>)> = BTreeMap::new();
    for day in chronicle.days() {
        days.entry(day.day.days()).or_default().0 = Some(day.net.cents());
    }
    for (day, net) in level4.map_or(&[][..], |level4| &level4.days) {
        days.entry(*day).or_default().1 = Some(*net);
    }
    days.into_iter().map(|(day, (gate, level4))| (day, gate, level4)).collect()
}

/// How bases ended, each with its place.
fn causes(trades: &[TradeRecord]) -> BTreeMap<&'static str, usize> {
    let mut causes: BTreeMap<&'static str, usize> = trades.iter().map(|trade| (trade.cause.as_str(), 0)).collect();
    for (place, cause) in causes.values_mut().enumerate() {
        *cause = place;
    }
    causes
}

/// Trade, decision, opened, seconds open, side (1 for a sale), base, extra, entry, exit against entry, cause, action,
/// regime, gross and costs.
fn trade_row(
    trade: &TradeRecord,
    causes: &BTreeMap<&'static str, usize>,
    digits: u8,
    clock: &mut TradingClock,
) -> [i64; 14] {
    let outcome = &trade.outcome;
    let opened = clock.wall_seconds(outcome.opened_at);
    let entry = at_digits(trade.entry, digits);
    [
        outcome.trade.get() as i64,
        trade.decision.get() as i64,
        opened,
        clock.wall_seconds(outcome.closed_at) - opened,
        i64::from(trade.side == Side::Sell),
        i64::from(trade.base.count()),
        i64::from(trade.extra.count()),
        entry,
        at_digits(trade.exit, digits) - entry,
        causes[trade.cause.as_str()] as i64,
        outcome.action.index() as i64,
        outcome.state.regime.index() as i64,
        trade.gross.cents(),
        trade.costs.cents(),
    ]
}

/// Trade, ended, seconds held, end, side (1 for a sale), contracts, entry, exit against entry, gross, net, and whether a
/// bar could not say what came first.
fn scalp_row(scalp: &ScalpEvent, digits: u8, clock: &mut TradingClock) -> [i64; 11] {
    let entry = at_digits(scalp.entry, digits);
    [
        scalp.trade.get() as i64,
        clock.wall_seconds(scalp.at),
        i64::from(scalp.hold_seconds),
        scalp_place(scalp.kind) as i64,
        i64::from(scalp.side == Side::Sell),
        i64::from(scalp.contracts.count()),
        entry,
        at_digits(scalp.exit, digits) - entry,
        scalp.gross.cents(),
        scalp.net.cents(),
        i64::from(scalp.unresolved),
    ]
}

fn costs(parts: &Parts<'_>) -> CostsPart {
    let of = |role| parts.chronicle.commission(role).cents();
    let (commission_base, commission_extra) = (of(LegRole::Base), of(LegRole::Extra));
    let all = parts.summary.costs.cents();
    CostsPart { commission_base, commission_extra, execution: all - commission_base - commission_extra }
}

fn confidence(parts: &Parts<'_>) -> ConfidencePart {
    let table = parts.chronicle.reliability().table();
    let share = |value: f64| (value * 1e4).round() as i64;
    let short = |value: f64| (value * 1e4).round() / 1e4;
    ConfidencePart {
        trades: table.trades,
        claimed: table.claimed.map(share),
        won: table.won.map(share),
        brier: table.brier.map(short),
        brier_of_share: table.brier_of_share.map(short),
        calibration_error: table.calibration_error.map(share),
        bins: (table.bins.iter())
            .map(|bin| {
                let [claimed, won, low, high] = [bin.claimed, bin.won, bin.low, bin.high].map(share);
                (bin.trades, claimed, won, low, high, bin.holds())
            })
            .collect(),
        brains: (parts.brains.iter())
            .map(|of| {
                let (trades, weight) = (short(of.trades), short(of.weight));
                let regime = of.regime.map(Regime::index);
                let (won, factor) = (of.won.map(share), of.profit_factor.map(short));
                (of.brain.clone(), regime, trades, won, factor, share(of.win_rate), weight)
            })
            .collect(),
    }
}

fn posteriors(parts: &Parts<'_>) -> PosteriorsPart {
    let short = |value: f64| (value * 1e4).round() / 1e4;
    let posteriors = parts.chronicle.posteriors();
    PosteriorsPart {
        prior: (parts.facts.prior_alpha, parts.facts.prior_beta),
        regimes: posteriors
            .by_regime()
            .iter()
            .map(|p| {
                let [alpha, beta, mean, low, high] = [p.alpha, p.beta, p.mean(), p.low, p.high].map(short);
                (p.regime.index(), p.action.index(), alpha, beta, mean, low, high, p.count, p.states)
            })
            .collect(),
        states: posteriors
            .by_state()
            .iter()
            .map(|p| {
                let (state, arm) = (p.state, p.arm);
                let [alpha, beta, mean, low, high] = [arm.alpha, arm.beta, arm.mean_value(), p.low, p.high].map(short);
                let (confidence, disagreement) = (state.confidence.as_str(), state.disagreement.as_str());
                let (regime, hour) = (state.regime.index(), state.hour.get());
                (regime, hour, confidence, disagreement, p.action.index(), alpha, beta, mean, low, high, arm.count)
            })
            .collect(),
    }
}
