//! What the risk state costs on every tick on which nothing happens.

use std::hint::black_box;

use alavanca_kernel::{Money, Timestamp, TradingDay};
use alavanca_risk::{Risk, RiskConfig, RiskSettings};
use criterion::{Criterion, criterion_group, criterion_main};

fn bench(c: &mut Criterion) {
    let Ok(config) = RiskConfig::new(RiskSettings::default()) else { return };
    let (at, day) = (Timestamp::from_secs(1_615_494_900), TradingDay::from_days(18_697));
    let mut risk = Risk::new(config);
    risk.on_time(at, day);
    c.bench_function("risk/on_time", |b| b.iter(|| risk.on_time(black_box(at), black_box(day)).is_some()));
    let open = Money::from_units(-50);
    c.bench_function("risk/on_open_result", |b| {
        b.iter(|| risk.on_open_result(black_box(open), black_box(at)).is_some());
    });
    c.bench_function("risk/check_entry", |b| b.iter(|| risk.check_entry(black_box(at), None).is_ok()));
}

criterion_group!(benches, bench);
criterion_main!(benches);
