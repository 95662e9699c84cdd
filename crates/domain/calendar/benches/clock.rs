//! What it costs to place an instant in the trading zone, and to read a wall clock.

use std::hint::black_box;

use alavanca_calendar::{
    LocalConverter, MarketClock, Session, SessionRule, SessionSettings, TradingClock, TradingZone, Zone, ZoneSettings,
};
use alavanca_kernel::Timestamp;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn clock(c: &mut Criterion) {
    let mut group = c.benchmark_group("calendar");
    group.throughput(Throughput::Elements(10_000));
    for (name, step) in [("locate_every_second", 1), ("locate_every_minute", 60), ("locate_every_hour", 3_600)] {
        let mut clock = TradingClock::new(TradingZone::new(&ZoneSettings::default()).expect("the defaults"));
        group.bench_function(name, |b| {
            b.iter(|| {
                for i in 0..10_000 {
                    black_box(clock.locate(Timestamp::from_secs(1_600_000_000 + i * step)));
                }
            });
        });
    }
    for (name, step) in [("place_every_minute", 60), ("place_every_hour", 3_600)] {
        let zone = TradingZone::new(&ZoneSettings::default()).expect("the defaults");
        let session = Session::by_name("B3").expect("a session");
        let rule = SessionRule::new(session, &SessionSettings::default()).expect("the defaults");
        let mut clock = MarketClock::new(zone, rule);
        group.bench_function(name, |b| {
            b.iter(|| {
                for i in 0..10_000 {
                    black_box(clock.place(Timestamp::from_secs(1_600_000_000 + i * step)));
                }
            });
        });
    }
    for (name, step) in [("to_utc_every_second", 1), ("to_utc_every_minute", 60)] {
        let mut converter = LocalConverter::new(Zone::by_name("--data-tz", "America/New_York").expect("a zone"));
        group.bench_function(name, |b| {
            b.iter(|| {
                for i in 0..10_000 {
                    black_box(converter.to_utc(black_box(1_520_000_000 + i * step)));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, clock);
criterion_main!(benches);
