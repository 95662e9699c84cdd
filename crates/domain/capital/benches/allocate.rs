//! What a sizing costs on the hot path.

use std::hint::black_box;

use alavanca_capital::{Capital, CapitalConfig, CapitalSettings};
use alavanca_kernel::{Hour, MarketContext, Money, Regime, RiskState, SymbolId, Timestamp, TradingDay, Unit};
use criterion::{Criterion, criterion_group, criterion_main};

fn context(equity_cents: i64) -> MarketContext {
    MarketContext {
        symbol: SymbolId::new(0),
        at: Timestamp::from_secs(1_615_494_900),
        day: TradingDay::from_days(18_697),
        hour: Hour::new(14).unwrap_or_default(),
        regime: Regime::TrendUp,
        transition: Some(false),
        confidence: Unit::new(0.80),
        disagreement: Unit::new(0.10),
        liquidity: Unit::new(0.60),
        daily_profit: Some(Money::from_units(100)),
        equity: Some(Money::from_cents(equity_cents)),
        margin_elsewhere: Money::ZERO,
        free_margin: Some(Money::from_cents(equity_cents)),
        cooldown_until: None,
        risk: RiskState::Active,
    }
}

fn bench(c: &mut Criterion) {
    let Ok(config) = CapitalConfig::new(CapitalSettings::default()) else { return };
    let margin = Money::from_units(150);
    let mut group = c.benchmark_group("capital");
    for (name, ctx) in [
        ("allocate", context(1_020_000)),
        ("allocate/below the cap", context(734_512)),
        ("allocate/refused", MarketContext { confidence: Unit::new(0.5), ..context(1_020_000) }),
    ] {
        let mut capital = Capital::new(config);
        group.bench_function(name, |b| b.iter(|| capital.allocate(black_box(&ctx), black_box(margin))));
    }
    let (capital, ctx) = (Capital::new(config), context(1_020_000));
    group.bench_function("layers", |b| b.iter(|| capital.layers(black_box(&ctx))));
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
