//! What one market event costs on the simulated exchange, without a store: brains, regime, liquidity, gate, risk and
//! scalps, as the defaults have them and with all levels on; and what the levels cost by themselves.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark's own macros and set-up")]

use std::hint::black_box;

use alavanca::builder::{Gating, brains, build, levels};
use alavanca::settings::{BRAINS, LoadRequest, Settings, load};
use alavanca::simulation::{Simulation, Sink};
use alavanca_adapters_sim::{SyntheticMarket, SyntheticSettings};
use alavanca_engine::{Event, Notice, Record};
use alavanca_kernel::{Bar, Hour, Instrument, Regime, SymbolId, Tick};
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

/// One brain of each kind: what the step's cost is bounded for (500 ns a bar at the median, the exchange not counted).
const SIX: &str = "EMA_TREND,MOMENTUM,MEAN_REVERSION,BREAKOUT,VWAP_PULLBACK,SQUEEZE";

/// Levels 1 to 4 with everything on, and these brains.
fn all_levels(brains: String) -> Settings {
    let flags = [
        ("BRAINS", brains),
        ("META_CALIBRATION", "PLATT".to_owned()),
        ("META_WEIGHTS", "PROFIT_FACTOR".to_owned()),
        ("LIQUIDITY_MAP", "ZONES".to_owned()),
        ("REGIME_DETECTOR", "MULTI_SCALE".to_owned()),
    ];
    let flags = flags.map(|(key, value)| (key.to_owned(), value)).into();
    load(&LoadRequest { flags, ..LoadRequest::default() }).unwrap().settings
}

fn simulation(settings: &Settings, win: &Instrument) -> Simulation {
    let built = build(settings, win, Gating::AsConfigured).unwrap();
    Simulation::new(built.engine, built.exchange, built.fill)
}

fn step(c: &mut Criterion) {
    let win = Instrument::preset("WIN").unwrap();
    let market = |days| SyntheticMarket::new(SyntheticSettings { days, ..SyntheticSettings::default() }, &win).unwrap();
    let bars: Vec<Bar> = market(20).collect();
    let ticks: Vec<Tick> = market(2).ticks().collect();

    let mut group = c.benchmark_group("engine/step");
    group.throughput(Throughput::Elements(bars.len() as u64));
    let (defaults, all, six) = (Settings::default(), all_levels(BRAINS.join(",")), all_levels(SIX.to_owned()));
    for (name, settings) in [("bar", &defaults), ("bar_six_brains", &six), ("bar_all_levels", &all)] {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || simulation(settings, &win),
                |mut simulation| {
                    for bar in &bars {
                        simulation.on_bar(SYMBOL, bar, &mut Nothing);
                    }
                },
                BatchSize::LargeInput,
            );
        });
    }
    // The engine alone, without an exchange that answers: a trade stays on its way.
    group.bench_function("bar_six_brains_engine_alone", |bencher| {
        bencher.iter_batched(
            || (build(&six, &win, Gating::AsConfigured).unwrap().engine, Vec::with_capacity(64)),
            |(mut engine, mut effects)| {
                for bar in &bars {
                    engine.step(&Event::Bar(SYMBOL, *bar), &mut effects);
                    black_box(&effects);
                    effects.clear();
                }
                engine
            },
            BatchSize::LargeInput,
        );
    });
    // The levels alone, each over all bars, as the engine shows them.
    for name in ["boss_and_meta", "regime", "liquidity"] {
        group.bench_function(format!("all_levels/{name}"), |bencher| {
            bencher.iter_batched(
                || levels(&all, &win, brains(&all, &win).unwrap()).unwrap(),
                |mut levels| {
                    let (regime, hour) = (Regime::TrendUp, Hour::new(10).unwrap());
                    for bar in &bars {
                        match name {
                            "regime" => {
                                black_box(levels.regime.on_bar(bar));
                            }
                            "liquidity" => levels.liquidity.on_bar(bar),
                            _ => {
                                let meta = &levels.meta;
                                black_box(levels.boss.on_bar(bar, || meta.weights(regime, hour)));
                            }
                        }
                    }
                    levels
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.throughput(Throughput::Elements(ticks.len() as u64));
    group.bench_function("tick", |bencher| {
        bencher.iter_batched(
            || simulation(&defaults, &win),
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
