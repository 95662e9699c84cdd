//! What one market event costs with everything on: the default brains, regime, liquidity, gate, risk and scalps, on the
//! simulated exchange, without a store.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark's own macros and set-up")]

use std::hint::black_box;

use alavanca::builder::{Gating, build};
use alavanca::settings::Settings;
use alavanca::simulation::{Simulation, Sink};
use alavanca_adapters_sim::{SyntheticMarket, SyntheticSettings};
use alavanca_engine::{Notice, Record};
use alavanca_kernel::{Bar, Instrument, SymbolId, Tick};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

const SYMBOL: SymbolId = SymbolId::new(0);

struct Nothing;

impl Sink for Nothing {
    fn record(&mut self, record: Record) {
        black_box(&record);
    }

    fn notice(&mut self, notice: Notice) {
        black_box(&notice);
    }
}

fn simulation(win: &Instrument) -> Simulation {
    let built = build(&Settings::default(), win, Gating::AsConfigured).unwrap();
    Simulation::new(built.engine, built.exchange, built.fill)
}

fn step(c: &mut Criterion) {
    let win = Instrument::preset("WIN").unwrap();
    let market = |days| SyntheticMarket::new(SyntheticSettings { days, ..SyntheticSettings::default() }, &win).unwrap();
    let bars: Vec<Bar> = market(20).collect();
    let ticks: Vec<Tick> = market(2).ticks().collect();

    let mut group = c.benchmark_group("engine/step");
    group.throughput(Throughput::Elements(bars.len() as u64));
    group.bench_function("bar", |bencher| {
        bencher.iter_batched(
            || simulation(&win),
            |mut simulation| {
                for bar in &bars {
                    simulation.on_bar(SYMBOL, bar, &mut Nothing);
                }
            },
            BatchSize::LargeInput,
        );
    });
    group.throughput(Throughput::Elements(ticks.len() as u64));
    group.bench_function("tick", |bencher| {
        bencher.iter_batched(
            || simulation(&win),
            |mut simulation| {
                for tick in &ticks {
                    simulation.on_tick(SYMBOL, tick, &mut Nothing);
                }
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, step);
criterion_main!(benches);
