//! The cost of one decision, and of one decision with its learning.

use std::hint::black_box;

use alavanca_kernel::{Action, ActionSet, Hour, Level, Regime, Reward, StateKey, SymbolId, Timestamp};
use alavanca_rl::{Policy, RlConfig, RlSettings, ThompsonSampling, UpdateRule, propensity};
use criterion::{Criterion, criterion_group, criterion_main};

fn state(n: u64) -> StateKey {
    let levels = [Level::Low, Level::Medium, Level::High];
    StateKey {
        regime: Regime::ALL[n as usize % 2],
        hour: Hour::new(9 + (n % 9) as u8).unwrap_or_default(),
        confidence: levels[n as usize % 3],
        disagreement: levels[n as usize / 3 % 3],
    }
}

/// A policy with about `trades` rewards behind it.
fn learned(settings: RlSettings, trades: u64) -> ThompsonSampling {
    let mut policy = ThompsonSampling::new(RlConfig::new(settings).expect("possible settings"));
    for n in 0..trades {
        let action = Action::ALL[n as usize % 4];
        let reward = if n * n % 7 < 3 { 800_000 } else { 200_000 };
        policy.learn(SymbolId::new(0), state(n), action, Reward::from_micros(reward).unwrap_or_default());
    }
    policy
}

fn decisions(criterion: &mut Criterion) {
    let symbol = SymbolId::new(0);
    let fractional = RlSettings { update: UpdateRule::Fractional, ..RlSettings::default() };
    let small_prior = RlSettings { prior_alpha: 0.5, prior_beta: 0.5, ..RlSettings::default() };
    for (name, settings, trades) in [
        ("fresh", RlSettings::default(), 0),
        ("10k trades", RlSettings::default(), 10_000),
        ("10k trades, fractional", fractional, 10_000),
        ("10k trades, prior below 1", small_prior, 10_000),
    ] {
        let mut policy = learned(settings, trades);
        let mut n = 0_u64;
        criterion.bench_function(&format!("choose/{name}"), |bench| {
            bench.iter(|| {
                n += 1;
                policy.choose(
                    symbol,
                    black_box(state(n)),
                    ActionSet::ALL,
                    Timestamp::from_micros(n as i64 * 60_000_000),
                )
            });
        });
        criterion.bench_function(&format!("choose + learn/{name}"), |bench| {
            bench.iter(|| {
                n += 1;
                let at = Timestamp::from_micros(n as i64 * 60_000_000);
                let state = black_box(state(n));
                let action = policy.choose(symbol, state, ActionSet::ALL, at);
                let reward =
                    Reward::from_micros(if n.is_multiple_of(2) { 800_000 } else { 200_000 }).unwrap_or_default();
                policy.learn(symbol, state, action, reward)
            });
        });
    }
    criterion.bench_function("propensity/4 arms", |bench| {
        bench.iter(|| propensity(black_box(&[(12.0, 9.0), (4.0, 1.0), (1.0, 1.0), (30.0, 41.0)])));
    });
}

criterion_group!(benches, decisions);
criterion_main!(benches);
