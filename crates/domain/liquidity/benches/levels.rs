//! What level 4 costs per bar and per question.

use std::hint::black_box;

use alavanca_calendar::{MarketClock, Session, SessionRule, SessionSettings, TradingZone, ZoneSettings};
use alavanca_kernel::{Bar, Price, Timestamp};
use alavanca_liquidity::{LiquidityMap, RelativeVolume, SwingVolumeConfig, SwingVolumeLevels, ZoneMap, ZoneMapConfig};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn bars() -> Vec<Bar> {
    let (mut seed, mut close) = (2_021_u64, 110_000_000_i64);
    // Minutes of B3's sessions, from 2021-03-08 09:00 on.
    let minute = |i: i64| 1_615_172_400 + (i / 540 % 5 + i / 2_700 * 7) * 86_400 + (540 + i % 540) * 60;
    let bar = |i: i64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let draw = |shift: u32, below: u64| ((seed >> shift) % below) as i64 * 1_000;
        let open = close;
        close += draw(33, 61) - 30_000;
        Bar {
            time: Timestamp::from_secs(minute(i)),
            seconds: 60,
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
    let zone = TradingZone::new(&ZoneSettings::default()).expect("the default zone");
    let session = Session::by_name("B3").expect("a known session");
    let rule = SessionRule::new(session, &SessionSettings::default()).expect("its own rule");
    let clock = MarketClock::new(zone, rule);
    let maps: [(&str, Box<dyn LiquidityMap>); 3] = [
        ("zones", Box::new(ZoneMap::new(ZoneMapConfig::default(), clock, Price::from_raw(5_000)))),
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
        group.bench_function(format!("{name}_nearest"), |b| {
            b.iter(|| {
                for bar in &bars {
                    black_box(map.nearest(bar.close));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, levels);
criterion_main!(benches);
