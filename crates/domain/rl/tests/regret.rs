//! Thompson sampling against known regrets: exact ones, and those of another implementation.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::collections::BTreeMap;

use alavanca_kernel::{Action, ActionSet, Regime, Reward, StateIndex, StateKey, SymbolId, Timestamp};
use alavanca_rl::{Policy, RlConfig, RlSettings, ThompsonSampling, propensity};
use alavanca_stats::Moments;

/// Whether each throw wins, from its own generator.
struct Coins(u64);

impl Coins {
    fn wins(&mut self, chance: f64) -> bool {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let x = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((x ^ x >> 31) >> 11) as f64 / ((1_u64 << 53) as f64) < chance
    }
}

/// The policy's regret after each of the horizons, over many runs; it learns after every `batch` choices. Each run is a
/// state of its own: 1,512 of them fit one policy.
fn regrets(chances: &[f64], horizons: &[usize], batch: usize, runs: usize) -> Vec<Moments> {
    let best = chances.iter().copied().fold(0.0, f64::max);
    let arms = ActionSet::of(&Action::ALL[..chances.len()]);
    let steps = horizons.last().copied().unwrap_or(0);
    let (symbol, mut coins) = (SymbolId::new(0), Coins(20_261_122));
    let states: Vec<StateKey> = Regime::ALL.into_iter().flat_map(StateIndex::of_regime).map(StateIndex::key).collect();
    let mut policy = ThompsonSampling::new(RlConfig::new(RlSettings::default()).unwrap());
    let mut results = vec![Moments::default(); horizons.len()];
    for run in 0..runs {
        let state = states[run % states.len()];
        if run % states.len() == 0 {
            policy = ThompsonSampling::new(RlConfig::new(RlSettings::default()).unwrap());
        }
        let (mut regret, mut waiting) = (0.0, Vec::new());
        for step in 0..steps {
            let time = Timestamp::from_secs((run * steps + step) as i64 * 60);
            let action = policy.choose(symbol, state, arms, time);
            let chance = chances[action.index()];
            regret += best - chance;
            let reward = if coins.wins(chance) { 800_000 } else { 200_000 };
            waiting.push((action, Reward::from_micros(reward).unwrap()));
            if waiting.len() == batch {
                for (action, reward) in waiting.drain(..) {
                    policy.learn(symbol, state, action, reward);
                }
            }
            if let Some(at) = horizons.iter().position(|&horizon| horizon == step + 1) {
                results[at].push(regret);
            }
        }
    }
    results
}

#[track_caller]
fn check(chances: &[f64], batch: usize, runs: usize, expected: &[(usize, f64, f64)]) {
    let horizons: Vec<usize> = expected.iter().map(|&(horizon, ..)| horizon).collect();
    for (moments, &(horizon, regret, reference_error)) in regrets(chances, &horizons, batch, runs).iter().zip(expected)
    {
        let (got, error) = (moments.mean().unwrap(), moments.std_error().unwrap());
        let allowed = 4.0 * error.hypot(reference_error);
        assert!(
            (got - regret).abs() <= allowed,
            "{chances:?} batch {batch} R{horizon}: {got} instead of {regret} ± {error}"
        );
    }
}

#[test]
fn two_arms_as_computed_exactly() {
    check(&[0.6, 0.4], 1, 8_000, &[(10, 0.816_372_977_168, 0.0), (50, 2.748_641_269_666, 0.0)]);
}

#[test]
fn four_arms_as_computed_exactly() {
    check(&[0.55, 0.50, 0.45, 0.40], 1, 20_000, &[(10, 0.706_532_175_866, 0.0), (15, 1.036_657_757_041, 0.0)]);
}

#[test]
fn four_arms_as_in_mabwiser_learning_at_once() {
    check(&[0.55, 0.50, 0.45, 0.40], 1, 2_000, &[(50, 3.113, 0.022), (200, 9.992, 0.084)]);
}

#[test]
fn four_arms_as_in_mabwiser_learning_in_batches() {
    check(&[0.55, 0.50, 0.45, 0.40], 10, 2_000, &[(100, 5.834, 0.043)]);
}

/// No chance at all: every history of ten steps, weighted by the exact chances of choices and wins.
#[test]
fn exact_chances_give_the_exact_regret() {
    let chances = [0.6, 0.4];
    let mut histories = BTreeMap::from([([0_u8; 4], 1.0)]);
    let mut regret = 0.0;
    for _ in 0..10 {
        let mut next = BTreeMap::new();
        for (counts, weight) in histories {
            let [a, b, c, d] = counts.map(|count| f64::from(count) + 1.0);
            for (arm, chosen) in propensity(&[(a, b), (c, d)]).into_iter().enumerate() {
                regret += weight * chosen * (0.6 - chances[arm]);
                for (won, chance) in [(0, chances[arm]), (1, 1.0 - chances[arm])] {
                    let mut after = counts;
                    after[2 * arm + won] += 1;
                    *next.entry(after).or_insert(0.0) += weight * chosen * chance;
                }
            }
        }
        histories = next;
    }
    assert!((regret - 0.816_372_977_168).abs() < 1e-11, "{regret}");
}
