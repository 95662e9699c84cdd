//! What trades came to, and how sure that is.

use std::collections::BTreeMap;

use alavanca_engine::TradeRecord;
use alavanca_kernel::{Money, TradingDay};
use alavanca_report::CostParts;
use alavanca_stats::{StationaryBootstrap, percentile_interval, sharpe_per_day};
use serde::{Serialize, Serializer};

use super::random::split_mix;
use crate::compare::Interval;

/// How many times days are drawn.
const RESAMPLES: usize = 10_000;
/// The share of resampled figures that an interval holds.
const LEVEL: f64 = 0.95;
/// Of the draws: fixed, so that the same run gives the same intervals.
const SEED: u64 = 20_261_123;
/// Of fewer days no interval is given.
pub(super) const DAYS_MIN: usize = 10;

/// A trade as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) day: TradingDay,
    pub(super) gross: Money,
    pub(super) costs: Money,
    pub(super) net: Money,
}

impl Row {
    pub(super) fn of(trade: &TradeRecord) -> Self {
        Self { day: trade.day, gross: trade.gross, costs: trade.costs, net: trade.outcome.net }
    }
}

/// Figures over some days. Amounts are in units of the account's currency.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figures {
    /// Trading days.
    pub days: usize,
    /// Closed trades.
    pub trades: usize,
    /// Trades with a net result above zero.
    pub wins: usize,
    /// Their share; absent without trades.
    pub win_rate: Option<f64>,
    /// Result before costs.
    #[serde(serialize_with = "units")]
    pub gross: Money,
    /// Costs.
    #[serde(serialize_with = "units")]
    pub costs: Money,
    /// Result after costs.
    #[serde(serialize_with = "units")]
    pub net: Money,
    /// Largest fall of the realised result from a peak.
    #[serde(serialize_with = "units")]
    pub max_drawdown: Money,
    /// Net result per trading day, days without trades among them.
    pub mean_daily_net: f64,
    /// The same before costs.
    pub mean_daily_gross: f64,
    /// Mean over standard deviation of the daily net results; absent below two days, or where all are the same.
    pub sharpe_per_day: Option<f64>,
}

impl Figures {
    pub(super) fn of(rows: &[Row], days: &[TradingDay]) -> Self {
        let sum = |part: fn(&Row) -> Money| rows.iter().map(part).sum::<Money>();
        let (gross, costs, net) = (sum(|row| row.gross), sum(|row| row.costs), sum(|row| row.net));
        let (mut so_far, mut peak, mut max_drawdown) = (Money::ZERO, Money::ZERO, Money::ZERO);
        for row in rows {
            so_far += row.net;
            peak = peak.max(so_far);
            max_drawdown = max_drawdown.max(peak - so_far);
        }
        let wins = rows.iter().filter(|row| row.net.is_positive()).count();
        let per_day = |amount: Money| if days.is_empty() { 0.0 } else { amount.to_f64() / days.len() as f64 };
        Self {
            days: days.len(),
            trades: rows.len(),
            wins,
            win_rate: (!rows.is_empty()).then(|| wins as f64 / rows.len() as f64),
            gross,
            costs,
            net,
            max_drawdown,
            mean_daily_net: per_day(net),
            mean_daily_gross: per_day(gross),
            sharpe_per_day: sharpe_per_day(&daily(rows, days)),
        }
    }
}

/// Net result of each day; a trade counts on the day on which it closed.
pub(super) fn daily(rows: &[Row], days: &[TradingDay]) -> Vec<f64> {
    let mut by_day: BTreeMap<TradingDay, Money> = BTreeMap::new();
    for row in rows {
        *by_day.entry(row.day).or_default() += row.net;
    }
    days.iter().map(|day| by_day.get(day).map_or(0.0, |net| net.to_f64())).collect()
}

/// Where figures lie, by drawing days anew in blocks of neighbours (stationary bootstrap), 95 of 100 resamples within.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Intervals {
    /// Mean length of the blocks, in days.
    pub mean_block: f64,
    /// How many times days were drawn.
    pub resamples: usize,
    /// The share of resampled figures that an interval holds.
    pub level: f64,
    /// Net result per day.
    pub mean_daily_net: Interval,
    /// Mean over standard deviation of the daily net results, where it can be said.
    pub sharpe_per_day: Option<Interval>,
    /// Level 4's net result per day.
    pub level4_mean_daily_net: Interval,
    /// The gate's net result per day less Level 4's, on the same days.
    pub difference: Interval,
}

impl Intervals {
    /// Of the same days with the gate and without; absent of fewer than ten.
    pub(super) fn of(gate: &[f64], level4: &[f64]) -> Option<Self> {
        let bootstrap = StationaryBootstrap::with_usual_blocks(gate.len()).filter(|_| gate.len() >= DAYS_MIN)?;
        let mut random = split_mix(SEED);
        let (mut places, mut drawn) = (Vec::new(), Vec::new());
        let [mut means, mut sharpes, mut others, mut differences] = [const { Vec::new() }; 4];
        for _ in 0..RESAMPLES {
            bootstrap.draw(&mut places, &mut random);
            drawn.clear();
            drawn.extend(places.iter().map(|&place| gate[place]));
            let days = places.len() as f64;
            let mean = drawn.iter().sum::<f64>() / days;
            let other = places.iter().map(|&place| level4[place]).sum::<f64>() / days;
            means.push(mean);
            others.push(other);
            differences.push(mean - other);
            sharpes.extend(sharpe_per_day(&drawn));
        }
        let interval =
            |values: &mut Vec<f64>| percentile_interval(values, LEVEL).map(|(low, high)| Interval { low, high });
        let said = sharpes.len() * 100 >= RESAMPLES * 99;
        Some(Self {
            mean_block: bootstrap.mean_block(),
            resamples: RESAMPLES,
            level: LEVEL,
            mean_daily_net: interval(&mut means)?,
            sharpe_per_day: interval(&mut sharpes).filter(|_| said),
            level4_mean_daily_net: interval(&mut others)?,
            difference: interval(&mut differences)?,
        })
    }
}

/// What can be said of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Too few days or trades to say anything.
    TooLittle,
    /// The interval of the daily net result includes zero.
    NoEvidence,
    /// It lies below zero.
    Loses,
    /// It lies above zero, but shuffled markets gave as much too often.
    NotAgainstChance,
    /// It lies above zero, and shuffled markets, where they were asked, gave as much seldom.
    Edge,
}

/// A result that so large a part of shuffled markets reaches is no evidence.
const CHANCE_MAX: f64 = 0.05;

impl Verdict {
    pub(super) fn of(figures: &Figures, intervals: Option<&Intervals>, p_value: Option<f64>) -> Self {
        match intervals {
            None => Self::TooLittle,
            Some(_) if figures.trades == 0 => Self::TooLittle,
            Some(intervals) if intervals.mean_daily_net.high < 0.0 => Self::Loses,
            Some(intervals) if intervals.mean_daily_net.low <= 0.0 => Self::NoEvidence,
            Some(_) if p_value.is_some_and(|p| p > CHANCE_MAX) => Self::NotAgainstChance,
            Some(_) => Self::Edge,
        }
    }
}

/// The parts of costs of both.
pub(super) fn added(one: CostParts, other: CostParts) -> CostParts {
    CostParts {
        exchange_fees: one.exchange_fees + other.exchange_fees,
        brokerage: one.brokerage + other.brokerage,
        spread: one.spread + other.spread,
        slippage: one.slippage + other.slippage,
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape serde asks for")]
fn units<S: Serializer>(amount: &Money, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(amount.to_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(day: i32, net: i64) -> Row {
        let net = Money::from_cents(net);
        let costs = Money::from_cents(50);
        Row { day: TradingDay::from_days(day), gross: net + costs, costs, net }
    }

    #[test]
    fn days_without_trades_count() {
        let days: Vec<_> = (0..4).map(TradingDay::from_days).collect();
        let rows = [row(0, 100), row(0, -300), row(2, 400)];
        let figures = Figures::of(&rows, &days);
        assert_eq!(daily(&rows, &days), [-2.0, 0.0, 4.0, 0.0]);
        assert_eq!((figures.net.cents(), figures.gross.cents(), figures.costs.cents()), (200, 350, 150));
        assert_eq!((figures.trades, figures.wins, figures.max_drawdown.cents()), (3, 2, 300));
        assert!((figures.mean_daily_net - 0.5).abs() < 1e-12);
    }

    #[test]
    fn a_verdict_goes_by_the_interval_and_by_chance() {
        let days: Vec<_> = (0..40).map(TradingDay::from_days).collect();
        let verdict = |net: fn(i32) -> i64, p| {
            let rows: Vec<_> = (0..40).map(|day| row(day, net(day))).collect();
            let nets = daily(&rows, &days);
            Verdict::of(&Figures::of(&rows, &days), Intervals::of(&nets, &[0.0; 40]).as_ref(), p)
        };
        let wins = |day| 100 + 10 * i64::from(day % 3);
        assert_eq!(verdict(wins, None), Verdict::Edge);
        assert_eq!(verdict(wins, Some(0.05)), Verdict::Edge);
        assert_eq!(verdict(wins, Some(0.051)), Verdict::NotAgainstChance);
        assert_eq!(verdict(|day| -100 - i64::from(day % 3), Some(0.01)), Verdict::Loses);
        assert_eq!(verdict(|day| if day % 2 == 0 { 100 } else { -100 }, None), Verdict::NoEvidence);
        let few = Figures::of(&[row(0, 100)], &days[..9]);
        assert_eq!(Verdict::of(&few, Intervals::of(&[1.0; 9], &[0.0; 9]).as_ref(), None), Verdict::TooLittle);
    }
}
