//! What level 3 costs per bar.

use std::hint::black_box;

use alavanca_calendar::{TradingZone, ZoneSettings};
use alavanca_kernel::{Bar, Price, Timestamp};
use alavanca_regime::{AdxAtrConfig, AdxAtrDetector, MultiScaleConfig, MultiScaleDetector, RegimeDetector};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn bars() -> Vec<Bar> {
    let (mut seed, mut close) = (2_021_u64, 110_000_000_i64);
    let bar = |n: i64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let draw = |shift: u32, below: u64| ((seed >> shift) % below) as i64 * 1_000;
        let open = close;
        close += draw(33, 61) - 30_000;
        Bar {
            open: Price::from_raw(open),
            high: Price::from_raw(open.max(close) + draw(40, 20)),
            low: Price::from_raw(open.min(close) - draw(48, 20)),
            close: Price::from_raw(close),
            volume: 1 + (seed >> 50) % 100,
            time: Timestamp::from_secs(1_615_464_000 + 60 * n),
            seconds: 60,
            ..Bar::default()
        }
    };
    (0..10_000).map(bar).collect()
}

fn levels(c: &mut Criterion) {
    let bars = bars();
    let mut group = c.benchmark_group("regime");
    group.throughput(Throughput::Elements(bars.len() as u64));
    let mut detector: Box<dyn RegimeDetector> = Box::new(AdxAtrDetector::new(AdxAtrConfig::default()));
    group.bench_function("adx_atr", |b| {
        b.iter(|| {
            for bar in &bars {
                black_box(detector.on_bar(bar));
            }
        });
    });
    let zone = TradingZone::new(&ZoneSettings::default()).expect("the default zone is one");
    let mut detector: Box<dyn RegimeDetector> = Box::new(MultiScaleDetector::new(MultiScaleConfig::default(), zone));
    group.bench_function("multi_scale", |b| {
        b.iter(|| {
            for bar in &bars {
                black_box(detector.on_bar(bar));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, levels);
criterion_main!(benches);
