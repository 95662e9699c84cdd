//! Work A: the crossing of SMA(10) and SMA(30), one position, target and stop. A loop of our own, on integers, against
//! the whole engine with costs off.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use alavanca_adapters_sim::{SyntheticMarket, SyntheticSettings};
use alavanca_kernel::{Action, Bar, CostSchedule, Instrument, Money, Price, TradingDay};
use alavanca_signals::{SmaCross, SmaCrossConfig, SmaCrossSettings};
use alavanca_tests::script::mix;
use alavanca_tests::{Rig, at_minute};

/// What a run came to: trades, those won, and the sum of price moves in 10⁻⁸.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
struct Figures {
    trades: u64,
    wins: u64,
    moved: i64,
}

/// Decided at a close, filled at the next open. Sums over plain slices, exits by comparing four integers.
fn oracle(bars: &[Bar], take_profit: i64, stop_loss: i64) -> Figures {
    let close = |n: usize| bars[n].close.raw();
    let difference = |n: usize| {
        let sum = |length: usize| (n + 1 - length..=n).map(close).sum::<i64>();
        3 * sum(10) - sum(30)
    };
    let mut figures = Figures { trades: 0, wins: 0, moved: 0 };
    // Side and entry; and the side that enters at the next open.
    let (mut position, mut pending): (Option<(i64, i64)>, Option<i64>) = (None, None);
    for (n, bar) in bars.iter().enumerate() {
        if let Some(side) = pending.take() {
            position = Some((side, bar.open.raw()));
        }
        if let Some((side, entry)) = position {
            // Mirrored for a short, so that up is always good.
            let (open, best, worst) = if side > 0 {
                (bar.open.raw(), bar.high.raw(), bar.low.raw())
            } else {
                (-bar.open.raw(), -bar.low.raw(), -bar.high.raw())
            };
            let (target, stop) = (side * entry + take_profit, side * entry - stop_loss);
            let exit = if open >= target || open <= stop {
                Some(open)
            } else if worst <= stop {
                Some(stop)
            } else if best >= target {
                Some(target)
            } else {
                None
            };
            if let Some(exit) = exit {
                let moved = exit - side * entry;
                figures.trades += 1;
                figures.wins += u64::from(moved > 0);
                figures.moved += moved;
                position = None;
            }
        }
        if n >= 30 && position.is_none() {
            let (before, now) = (difference(n - 1), difference(n));
            if before <= 0 && now > 0 {
                pending = Some(1);
            } else if before >= 0 && now < 0 {
                pending = Some(-1);
            }
        }
    }
    figures
}

fn engine(bars: &[Bar], instrument: &Instrument, take_profit: Price, stop_loss: Price) -> Figures {
    let settings = SmaCrossSettings { fast: 10, slow: 30, stop_loss, take_profit: Some(take_profit) };
    let brain = SmaCross::new(SmaCrossConfig::new(settings, instrument.tick).unwrap());
    let mut rig = Rig { actions: vec![Action::Enter], ..Rig::with_brain(brain) };
    rig.instruments = vec![Instrument { costs: CostSchedule::NONE, ..instrument.clone() }];
    rig.capital.operator_capital = Money::from_units(1_000_000_000);
    rig.capital.max_contracts_cap = 1;
    rig.sim.balance = Money::from_units(1_000_000_000);
    let mut bench = rig.bench();
    bench.bars(bars);
    let trades = bench.recorder.trades();
    let moved = |trade: &alavanca_engine::TradeRecord| (trade.exit - trade.entry).raw() * trade.side.sign();
    let figures = Figures {
        trades: trades.len() as u64,
        wins: trades.iter().filter(|trade| moved(trade) > 0).count() as u64,
        moved: trades.iter().map(moved).sum(),
    };
    // The money says the same as the prices.
    let net: Money = trades.iter().map(|trade| trade.outcome.net).sum();
    let of_prices = i128::from(figures.moved) * i128::from(instrument.point_value_micros)
        / i128::from(instrument.point.raw())
        / 10_000;
    assert_eq!(i128::from(net.cents()), of_prices);
    assert_eq!(net, bench.simulation.books().net);
    figures
}

#[track_caller]
fn check(what: &str, bars: &[Bar], instrument: &Instrument, distances: &[(i64, i64)]) {
    for &(take_profit, stop_loss) in distances {
        let distance = |ticks: i64| instrument.tick.times(ticks);
        let (take_profit, stop_loss) = (distance(take_profit), distance(stop_loss));
        let wanted = oracle(bars, take_profit.raw(), stop_loss.raw());
        assert!(wanted.trades > 50, "{what}: only {} trades", wanted.trades);
        assert_eq!(engine(bars, instrument, take_profit, stop_loss), wanted, "{what} {take_profit}/{stop_loss}");
    }
}

#[test]
fn on_the_synthetic_market() {
    for (symbol, seed) in [("WIN", 1), ("WIN", 2), ("WDO", 3)] {
        let instrument = Instrument::preset(symbol).unwrap();
        let mut settings = SyntheticSettings { seed, days: 25, ..SyntheticSettings::default() };
        settings.start = TradingDay::from_days(20_094);
        if symbol == "WDO" {
            settings.price = Price::from_raw(5_500 * Price::SCALE);
            settings.volatility = Price::from_raw(2 * Price::SCALE);
        }
        let bars: Vec<Bar> = SyntheticMarket::new(settings, &instrument).unwrap().collect();
        check(symbol, &bars, &instrument, &[(80, 40), (16, 8), (8, 8), (30, 60)]);
    }
}

/// With many bars that open beyond an exit, and many that span both.
#[test]
fn on_a_random_walk() {
    let instrument = Instrument::preset("EURUSD").unwrap();
    for seed in 1..=6_u64 {
        let (mut draws, mut price) = (0_u64, 108_500_000_i64);
        let mut draw = |below: i64| {
            draws += 1;
            (mix(seed, draws) % below as u64) as i64
        };
        let tick = instrument.tick.raw();
        let bars: Vec<Bar> = (0..40_000)
            .map(|n| {
                let gap = if draw(50) == 0 { draw(161) - 80 } else { 0 };
                let open = price + gap * tick;
                // Drawn back to where it began, so that it never runs away.
                let pull = (108_500_000 - price) / tick / 1_000;
                let close = open + (draw(41) - 20 + pull) * tick;
                price = close;
                let (high, low) = (open.max(close) + draw(25) * tick, open.min(close) - draw(25) * tick);
                Bar {
                    time: at_minute(n),
                    open: Price::from_raw(open),
                    high: Price::from_raw(high),
                    low: Price::from_raw(low),
                    close: Price::from_raw(close),
                    volume: 0,
                    tick_volume: 1,
                    spread: Price::ZERO,
                    seconds: 60,
                }
            })
            .collect();
        check(&format!("walk {seed}"), &bars, &instrument, &[(80, 40), (300, 150), (20, 20), (25, 100)]);
    }
}
