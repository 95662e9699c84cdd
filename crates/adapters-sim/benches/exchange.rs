//! What a bar costs the exchange: with nothing to do, with legs to watch, and with orders to fill.
#![allow(missing_docs, clippy::unwrap_used, reason = "criterion makes undocumented items; a bench may stop")]

use std::hint::black_box;

use alavanca_adapters_sim::{SimExchange, SimSettings, SyntheticMarket, SyntheticSettings};
use alavanca_kernel::{
    Bar, Contracts, ExitAt, Instrument, LegId, LegRole, Money, OrderId, OrderIntent, OrderRequest, Price, Protection,
    Side, SymbolId, Tick, TradeId,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const WIN: SymbolId = SymbolId::new(0);

fn points(points: i64) -> Price {
    Price::from_raw(points * Price::SCALE)
}

fn exchange() -> SimExchange {
    let settings = SimSettings { balance: Money::from_units(1_000_000), ..SimSettings::default() };
    SimExchange::new(settings, vec![Instrument::preset("WIN").unwrap()]).unwrap()
}

fn order(id: u64, leg: LegId, intent: OrderIntent, side: Side, stop: i64, target: i64, bar: &Bar) -> OrderRequest {
    let protection = Protection {
        stop: Some(ExitAt::Distance(points(stop))),
        target: Some(ExitAt::Distance(points(target))),
        ..Protection::default()
    };
    OrderRequest {
        id: OrderId::new(id),
        symbol: WIN,
        leg,
        intent,
        side,
        quantity: Contracts::new(1),
        protection,
        at: bar.time,
    }
}

/// As many minutes as stay in the cache. A bar repeated would be ignored, so each round has its own exchange.
fn bars() -> Vec<Bar> {
    let win = Instrument::preset("WIN").unwrap();
    SyntheticMarket::new(SyntheticSettings::default(), &win).unwrap().take(4_096).collect()
}

fn on_bar(c: &mut Criterion) {
    let bars = bars();
    let mut group = c.benchmark_group("exchange");
    group.throughput(Throughput::Elements(bars.len() as u64));
    for (name, legs) in [("bar_idle", 0), ("bar_one_leg", 1), ("bar_two_legs", 2)] {
        group.bench_function(name, |b| {
            b.iter_batched(
                || {
                    let (mut exchange, mut reports) = (exchange(), Vec::new());
                    for leg in 1..=legs {
                        let id = LegId { trade: TradeId::new(leg), role: LegRole::Base };
                        exchange.submit(
                            &order(leg, id, OrderIntent::Open, Side::Buy, 100_000, 500_000, &bars[0]),
                            &mut reports,
                        );
                    }
                    exchange.on_bar(WIN, &bars[0], &mut reports);
                    assert_eq!(reports.len() as u64, legs, "the legs are open, and stay so");
                    (exchange, Vec::new())
                },
                |(mut exchange, mut reports)| {
                    for bar in &bars[1..] {
                        exchange.on_bar(WIN, black_box(bar), &mut reports);
                    }
                    assert!(reports.is_empty());
                    exchange
                },
                criterion::BatchSize::LargeInput,
            );
        });
    }
    group.bench_function("bar_one_leg_and_equity", |b| {
        b.iter_batched(
            || {
                let (mut exchange, mut reports) = (exchange(), Vec::new());
                let id = LegId { trade: TradeId::new(1), role: LegRole::Base };
                exchange.submit(&order(1, id, OrderIntent::Open, Side::Buy, 100_000, 500_000, &bars[0]), &mut reports);
                (exchange, reports)
            },
            |(mut exchange, mut reports)| {
                for bar in &bars {
                    exchange.on_bar(WIN, black_box(bar), &mut reports);
                    black_box(exchange.equity());
                }
                exchange
            },
            criterion::BatchSize::LargeInput,
        );
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("round_trip", |b| {
        b.iter_custom(|rounds| {
            let (mut exchange, mut reports) = (exchange(), Vec::new());
            let mut bar = bars[0];
            let started = std::time::Instant::now();
            for round in 1..=rounds {
                let leg = LegId { trade: TradeId::new(round), role: LegRole::Base };
                exchange.submit(&order(2 * round, leg, OrderIntent::Open, Side::Buy, 500, 500, &bar), &mut reports);
                exchange.on_bar(WIN, &bar, &mut reports);
                bar.time = bar.end();
                exchange
                    .submit(&order(2 * round + 1, leg, OrderIntent::Close, Side::Sell, 500, 500, &bar), &mut reports);
                exchange.on_bar(WIN, &bar, &mut reports);
                bar.time = bar.end();
                assert_eq!(black_box(&mut reports).drain(..).count(), 2);
            }
            started.elapsed()
        });
    });
    group.finish();
}

fn on_tick(c: &mut Criterion) {
    let win = Instrument::preset("WIN").unwrap();
    let settings = SyntheticSettings { days: 1, ..SyntheticSettings::default() };
    let ticks: Vec<Tick> = SyntheticMarket::new(settings, &win).unwrap().ticks().take(4_096).collect();
    let bar = bars()[0];
    let mut group = c.benchmark_group("exchange");
    group.throughput(Throughput::Elements(ticks.len() as u64));
    for (name, legs) in [("tick_idle", 0), ("tick_one_leg", 1)] {
        group.bench_function(name, |b| {
            b.iter_batched(
                || {
                    let (mut exchange, mut reports) = (exchange(), Vec::new());
                    for leg in 1..=legs {
                        let id = LegId { trade: TradeId::new(leg), role: LegRole::Base };
                        exchange.submit(
                            &order(leg, id, OrderIntent::Open, Side::Buy, 100_000, 500_000, &bar),
                            &mut reports,
                        );
                    }
                    (exchange, reports)
                },
                |(mut exchange, mut reports)| {
                    for tick in &ticks {
                        exchange.on_tick(WIN, black_box(tick), &mut reports);
                    }
                    exchange
                },
                criterion::BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

fn synthetic(c: &mut Criterion) {
    let win = Instrument::preset("WIN").unwrap();
    let bars = || SyntheticMarket::new(SyntheticSettings::default(), &win).unwrap();
    let mut group = c.benchmark_group("synthetic");
    group.throughput(Throughput::Elements(bars().len() as u64));
    group.bench_function("bars", |b| b.iter(|| bars().map(|bar| bar.close.raw()).fold(0, i64::wrapping_add)));
    let days =
        || SyntheticMarket::new(SyntheticSettings { days: 10, ..SyntheticSettings::default() }, &win).unwrap().ticks();
    group.throughput(Throughput::Elements(days().len() as u64));
    group.bench_function("ticks", |b| b.iter(|| days().map(|tick| tick.bid.raw()).fold(0, i64::wrapping_add)));
    group.finish();
}

criterion_group!(benches, on_bar, on_tick, synthetic);
criterion_main!(benches);
