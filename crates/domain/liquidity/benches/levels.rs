//! What level 4 costs per bar and per question.

use std::hint::black_box;

use alavanca_kernel::{Bar, Price};
use alavanca_liquidity::{LiquidityMap, RelativeVolume, SwingVolumeConfig, SwingVolumeLevels};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn bars() -> Vec<Bar> {
    let (mut seed, mut close) = (2_021_u64, 110_000_000_i64);
    let bar = |_| {
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
            ..Bar::default()
        }
    };
    (0..10_000).map(bar).collect()
}

fn levels(c: &mut Criterion) {
    let bars = bars();
    let mut group = c.benchmark_group("liquidity");
    group.throughput(Throughput::Elements(bars.len() as u64));
    let maps: [(&str, Box<dyn LiquidityMap>); 2] = [
        ("swing_volume", Box::new(SwingVolumeLevels::new(SwingVolumeConfig::default()))),
        ("relative_volume", Box::new(RelativeVolume::new(100))),
    ];
    for (name, mut map) in maps {
        group.bench_function(format!("{name}_on_bar"), |b| {
            b.iter(|| {
                for bar in &bars {
                    map.on_bar(black_box(bar));
                }
            });
        });
        group.bench_function(format!("{name}_strength_at"), |b| {
            b.iter(|| {
                for bar in &bars {
                    black_box(map.strength_at(bar.close));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, levels);
criterion_main!(benches);
