//! What levels 1 and 2 cost per bar and per signal.

use std::hint::black_box;

use alavanca_calendar::{MarketClock, Session, SessionRule, SessionSettings, TradingZone, ZoneSettings};
use alavanca_kernel::{Bar, Hour, Price, Regime, Side, Signal, Timestamp, Unit};
use alavanca_signals::{
    BossBrain, Brain, Breakout, BreakoutConfig, BreakoutSettings, EmaTrend, EmaTrendConfig, EmaTrendSettings,
    MeanReversion, MeanReversionConfig, MeanReversionSettings, MetaBrain, MetaConfig, Momentum, MomentumConfig,
    MomentumSettings, OpeningRange, OpeningRangeConfig, OpeningRangeSettings, SmaCross, SmaCrossConfig,
    SmaCrossSettings, Squeeze, SqueezeConfig, SqueezeSettings, VwapPullback, VwapPullbackConfig, VwapPullbackSettings,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Minutes from 09:00 to 18:00 in São Paulo, day after day.
fn bars() -> Vec<Bar> {
    let (mut seed, mut close) = (2_021_u64, 110_000_000_i64);
    let bar = |i: i64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let draw = |shift: u32, below: u64| ((seed >> shift) % below) as i64 * 1_000;
        let open = close;
        close += draw(33, 61) - 30_000;
        Bar {
            time: Timestamp::from_secs((18_694 + i / 540) * 86_400 + 12 * 3_600 + i % 540 * 60),
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

fn sma_cross() -> Box<dyn Brain> {
    Box::new(SmaCross::new(SmaCrossConfig::new(SmaCrossSettings::default(), Price::ZERO).expect("the defaults")))
}

fn ema_trend() -> Box<dyn Brain> {
    Box::new(EmaTrend::new(EmaTrendConfig::new(EmaTrendSettings::default(), Price::ZERO).expect("the defaults")))
}

fn mean_reversion() -> Box<dyn Brain> {
    let config = MeanReversionConfig::new(MeanReversionSettings::default(), Price::ZERO).expect("the defaults");
    Box::new(MeanReversion::new(config))
}

fn momentum() -> Box<dyn Brain> {
    Box::new(Momentum::new(MomentumConfig::new(MomentumSettings::default(), Price::ZERO).expect("the defaults")))
}

fn breakout() -> Box<dyn Brain> {
    Box::new(Breakout::new(BreakoutConfig::new(BreakoutSettings::default(), Price::ZERO).expect("the defaults")))
}

fn squeeze() -> Box<dyn Brain> {
    Box::new(Squeeze::new(SqueezeConfig::new(SqueezeSettings::default(), Price::ZERO).expect("the defaults")))
}

fn clock() -> MarketClock {
    let rule =
        SessionRule::new(Session::by_name("B3").expect("B3"), &SessionSettings::default()).expect("the defaults");
    MarketClock::new(TradingZone::new(&ZoneSettings::default()).expect("the defaults"), rule)
}

fn opening_range() -> Box<dyn Brain> {
    let config = OpeningRangeConfig::new(OpeningRangeSettings::default(), Price::ZERO).expect("the defaults");
    Box::new(OpeningRange::new(config, clock()))
}

fn vwap_pullback() -> Box<dyn Brain> {
    let config = VwapPullbackConfig::new(VwapPullbackSettings::default(), Price::ZERO).expect("the defaults");
    Box::new(VwapPullback::new(config, clock()))
}

/// All but the crossing of averages.
fn seven() -> Vec<Box<dyn Brain>> {
    vec![ema_trend(), momentum(), mean_reversion(), breakout(), opening_range(), vwap_pullback(), squeeze()]
}

fn levels(c: &mut Criterion) {
    let bars = bars();
    let mut group = c.benchmark_group("signals");
    group.throughput(Throughput::Elements(bars.len() as u64));
    for mut brain in std::iter::once(sma_cross()).chain(seven()) {
        let name = brain.name().trim_end_matches(|it: char| it == '_' || it.is_ascii_digit()).to_owned();
        group.bench_function(&name, |b| {
            b.iter(|| {
                for bar in &bars {
                    black_box(brain.on_bar(bar));
                }
            });
        });
    }
    let (regime, hour) = (Regime::TrendUp, Hour::new(10).expect("an hour"));
    for (name, brains) in [
        ("boss_sma_cross_alone", vec![sma_cross()]),
        ("boss_two_brains", vec![ema_trend(), mean_reversion()]),
        ("boss_three_brains", vec![sma_cross(), ema_trend(), mean_reversion()]),
        ("boss_seven_brains", seven()),
    ] {
        let mut boss = BossBrain::new(brains).expect("distinct names");
        let meta = MetaBrain::new(MetaConfig::default(), boss.names());
        group.bench_function(name, |b| {
            b.iter(|| {
                for bar in &bars {
                    black_box(boss.on_bar(bar, || meta.weights(regime, hour)).signal.is_some());
                }
            });
        });
    }
    group.finish();

    let mut boss = BossBrain::new(vec![sma_cross(), ema_trend(), mean_reversion()]).expect("distinct names");
    let mut meta = MetaBrain::new(MetaConfig::default(), boss.names());
    let decision = bars
        .iter()
        .map(|bar| boss.on_bar(bar, || meta.weights(regime, hour)))
        .find(|decision| decision.signal.is_some())
        .expect("a signal within ten thousand bars");
    let signal = Signal { side: Side::Buy, score: Unit::ONE, ..decision.signal.expect("just found") };
    c.bench_function("meta_evaluate_three_brains", |b| {
        b.iter(|| meta.evaluate(black_box(&signal), black_box(&decision.votes), regime, hour));
    });
    let lesson = meta.evaluate(&decision.signal.expect("just found"), &decision.votes, regime, hour).lesson;
    c.bench_function("meta_learn", |b| b.iter(|| meta.learn(black_box(&lesson), true)));
}

criterion_group!(benches, levels);
criterion_main!(benches);
