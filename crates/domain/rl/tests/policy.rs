//! How the policy behaves, seen from outside.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use alavanca_kernel::{
    Action, ActionSet, Hour, Level, Money, Regime, RegimeSet, Reward, StateIndex, StateKey, SymbolId, Timestamp,
};
use alavanca_rl::{
    FreezeFallback, ImportError, Policy, PolicyScope, PolicyTable, RewardRule, RlConfig, RlSettings, RowFault,
    ThompsonSampling, UpdateRule, propensity, reward,
};
use proptest::prelude::*;

const EURUSD: SymbolId = SymbolId::new(0);
const WIN: SymbolId = SymbolId::new(3);

fn policy(settings: RlSettings) -> ThompsonSampling {
    ThompsonSampling::new(RlConfig::new(settings).unwrap())
}

fn state(regime: Regime) -> StateKey {
    StateKey { regime, hour: Hour::new(14).unwrap(), confidence: Level::High, disagreement: Level::Low }
}

fn micros(micros: u32) -> Reward {
    Reward::from_micros(micros).unwrap()
}

fn at(minute: i64) -> Timestamp {
    Timestamp::from_secs(1_615_494_900 + minute * 60)
}

#[test]
fn rewards_move_arms_as_the_rule_says() {
    #[track_caller]
    fn check(update: UpdateRule, rewards: &[u32], (alpha, beta): (f64, f64)) {
        let mut policy = policy(RlSettings { update, ..RlSettings::default() });
        for &reward in rewards {
            assert!(policy.learn(EURUSD, state(Regime::TrendUp), Action::Enter, micros(reward)).applied);
        }
        let arm = policy.arm(EURUSD, state(Regime::TrendUp), Action::Enter);
        assert!((arm.alpha - alpha).abs() < 1e-12 && (arm.beta - beta).abs() < 1e-12, "{update} {rewards:?}: {arm:?}");
        assert_eq!(
            (arm.count as usize, arm.reward_micros),
            (rewards.len(), rewards.iter().map(|&r| i64::from(r)).sum())
        );
        let untouched = policy.arm(EURUSD, state(Regime::TrendUp), Action::Hold);
        assert_eq!((untouched.alpha, untouched.beta, untouched.count), (1.0, 1.0, 0));
    }
    check(UpdateRule::Binary, &[800_000; 3], (4.0, 1.0));
    check(UpdateRule::Binary, &[200_000; 3], (1.0, 4.0));
    check(UpdateRule::Binary, &[500_000], (1.0, 1.0));
    check(UpdateRule::Binary, &[500_001], (2.0, 1.0));
    check(UpdateRule::Binary, &[499_999], (1.0, 2.0));
    check(UpdateRule::Fractional, &[800_000; 3], (3.4, 1.6));
    check(UpdateRule::Fractional, &[500_000, 0, 1_000_000], (2.5, 2.5));
}

#[test]
fn three_wins_from_the_prior_give_beta_four_one() {
    let mut policy = policy(RlSettings::default());
    let won = reward(RewardRule::Sign, Money::from_cents(1));
    let updates = [(); 3].map(|()| policy.learn(EURUSD, state(Regime::TrendUp), Action::Enter, won));
    assert_eq!((updates[2].arm.alpha, updates[2].arm.beta), (4.0, 1.0));
    assert!((updates[2].arm.mean_value() - 0.8).abs() < 1e-15);
}

#[test]
fn choices_are_as_frequent_as_the_exact_chances_say() {
    for (prior, trades) in [(1.0, 0), (1.0, 40), (0.5, 12), (0.05, 3), (3.0, 200)] {
        let mut policy = policy(RlSettings { prior_alpha: prior, prior_beta: prior, ..RlSettings::default() });
        for n in 0..trades {
            let reward = micros(if n % 5 < 2 || n % 4 == 1 { 800_000 } else { 200_000 });
            policy.learn(EURUSD, state(Regime::Range), Action::ALL[n % 3 + 1], reward);
        }
        for mask in [ActionSet::ALL, ActionSet::ALL.without(Action::EnterWithReleverage)] {
            let arms: Vec<_> = mask
                .iter()
                .map(|action| policy.arm(EURUSD, state(Regime::Range), action))
                .map(|arm| (arm.alpha, arm.beta))
                .collect();
            let runs = 20_000;
            let mut counts = [0_u32; Action::COUNT];
            for n in 0..runs {
                counts[policy.choose(EURUSD, state(Regime::Range), mask, at(n)).index()] += 1;
            }
            for (action, chance) in mask.iter().zip(propensity(&arms)) {
                let share = f64::from(counts[action.index()]) / runs as f64;
                let error = (chance * (1.0 - chance) / runs as f64).sqrt();
                assert!((share - chance).abs() < 4.0 * error, "{arms:?} {action}: {share} instead of {chance}");
            }
            assert_eq!(counts.iter().sum::<u32>(), runs as u32);
        }
    }
}

#[test]
fn seed_symbol_and_time_decide_and_nothing_else() {
    let choices = |seed, symbol, from| -> Vec<Action> {
        let mut policy = policy(RlSettings { seed, ..RlSettings::default() });
        (from..from + 64).map(|n| policy.choose(symbol, state(Regime::Range), ActionSet::ALL, at(n))).collect()
    };
    let expected = choices(1, EURUSD, 0);
    assert_eq!(choices(1, EURUSD, 0), expected);
    for other in [choices(2, EURUSD, 0), choices(1, WIN, 0), choices(1, EURUSD, 64)] {
        assert_ne!(other, expected);
    }
    // Backwards, and with other symbols' choices in between.
    let mut policy = policy(RlSettings { seed: 1, ..RlSettings::default() });
    let mut backwards: Vec<_> = (0..64)
        .rev()
        .map(|n| {
            policy.choose(WIN, state(Regime::Range), ActionSet::ALL, at(n));
            policy.choose(EURUSD, state(Regime::Range), ActionSet::ALL, at(n))
        })
        .collect();
    backwards.reverse();
    assert_eq!(backwards, expected);
}

#[test]
fn choices_are_pinned() {
    let mut policy = policy(RlSettings { seed: 42, ..RlSettings::default() });
    for n in 0..30 {
        let reward = micros(if n % 3 == 0 { 800_000 } else { 200_000 });
        policy.learn(EURUSD, state(Regime::TrendUp), Action::ALL[n % 4], reward);
    }
    let choices: String = (0..48)
        .map(|n| policy.choose(EURUSD, state(Regime::TrendUp), ActionSet::ALL, at(n)))
        .map(|action| ["h", "E", "c", "R"][action.index()])
        .collect();
    assert_eq!(choices, "EhcRhEchhREhhRhRcRRhhhcERccRRRhEhchRRhRhchchhEhE");
}

#[test]
fn nothing_available_is_hold() {
    let mut policy = policy(RlSettings::default());
    assert_eq!(policy.choose(EURUSD, state(Regime::Range), ActionSet::of(&[]), at(0)), Action::Hold);
}

#[test]
fn a_frozen_regime_does_not_learn_and_chooses_as_told() {
    let learned = |fallback| {
        let mut policy = policy(RlSettings { freeze_fallback: fallback, ..RlSettings::default() });
        for _ in 0..5 {
            policy.learn(EURUSD, state(Regime::TrendUp), Action::EnterConservative, micros(800_000));
        }
        policy
    };
    let run = |policy: &mut ThompsonSampling, mask| -> Vec<Action> {
        (0..50).map(|n| policy.choose(EURUSD, state(Regime::TrendUp), mask, at(n))).collect()
    };
    let before = run(&mut learned(FreezeFallback::Keep), ActionSet::ALL);
    assert!(before.iter().any(|action| *action != before[0]));
    let without_enter = ActionSet::ALL.without(Action::Enter);
    for (fallback, mask, expected) in [
        (FreezeFallback::Keep, ActionSet::ALL, before),
        (FreezeFallback::Level4, ActionSet::ALL, vec![Action::Enter; 50]),
        (FreezeFallback::Level4, without_enter, vec![Action::Hold; 50]),
        (FreezeFallback::Hold, ActionSet::ALL, vec![Action::Hold; 50]),
    ] {
        let mut policy = learned(fallback);
        let (version, arm) = (policy.version(), policy.arm(EURUSD, state(Regime::TrendUp), Action::EnterConservative));
        policy.freeze(Regime::TrendUp);
        assert!(policy.is_frozen(Regime::TrendUp) && !policy.is_frozen(Regime::Range));
        assert_eq!(policy.version(), version + 1, "what is served has changed");
        let update = policy.learn(EURUSD, state(Regime::TrendUp), Action::EnterConservative, micros(200_000));
        assert_eq!((update.applied, update.arm, update.version), (false, arm, version + 1));
        assert!(policy.learn(EURUSD, state(Regime::Range), Action::Enter, micros(200_000)).applied);
        assert_eq!(run(&mut policy, mask), expected, "{fallback}");
        policy.unfreeze(Regime::TrendUp);
        assert!(policy.learn(EURUSD, state(Regime::TrendUp), Action::EnterConservative, micros(200_000)).applied);
    }
}

#[test]
fn symbols_share_or_do_not() {
    for (scope, shared) in [(PolicyScope::Shared, true), (PolicyScope::Symbol, false)] {
        let mut policy = policy(RlSettings { scope, ..RlSettings::default() });
        policy.learn(WIN, state(Regime::Range), Action::Enter, micros(800_000));
        let seen_by_other = policy.arm(EURUSD, state(Regime::Range), Action::Enter).count;
        assert_eq!(seen_by_other, u32::from(shared), "{scope}");
        let rows = policy.rows();
        assert_eq!((rows.len(), rows[0].symbol), (1, (!shared).then_some(WIN)));
        // A symbol never seen stands at the prior.
        assert_eq!(policy.arm(SymbolId::new(900), state(Regime::Chaotic), Action::Hold).count, 0);
    }
}

#[test]
fn stats_count_what_is_served() {
    let mut policy = policy(RlSettings::default());
    let before = policy.snapshot(Regime::TrendUp);
    for n in 0..7 {
        policy.learn(EURUSD, state(Regime::TrendUp), Action::ALL[n % 2], micros(800_000));
    }
    policy.learn(EURUSD, state(Regime::Range), Action::Enter, micros(200_000));
    let stats = policy.stats(Regime::TrendUp);
    assert_eq!((stats.total_updates, stats.reward_micros, stats.arms_touched, stats.frozen), (7, 5_600_000, 2, false));
    policy.restore(Regime::TrendUp, &before).unwrap();
    policy.freeze(Regime::TrendUp);
    let stats = policy.stats(Regime::TrendUp);
    assert_eq!((stats.total_updates, stats.reward_micros, stats.arms_touched, stats.frozen), (0, 0, 0, true));
    assert_eq!(policy.stats(Regime::Range).total_updates, 1, "another regime is not rolled back");
}

#[test]
fn imports_that_cannot_be_change_nothing() {
    #[track_caller]
    fn check(spoil: impl FnOnce(&mut PolicyTable), is_expected: impl FnOnce(&ImportError) -> bool) {
        let mut policy = policy(RlSettings::default());
        for n in 0..9 {
            policy.learn(EURUSD, state(Regime::TrendUp), Action::ALL[n % 3], micros(800_000));
        }
        let (mut table, before) = (policy.export_table(Regime::TrendUp), policy.checkpoint());
        spoil(&mut table);
        let error = policy.import_table(&table).unwrap_err();
        assert!(is_expected(&error), "{error:?}");
        assert!(!error.to_string().is_empty());
        assert_eq!(policy.checkpoint(), before, "{error}");
    }
    let inconsistent =
        |error: &ImportError| matches!(error, ImportError::Row { fault: RowFault::Inconsistent { .. }, .. });
    let not_finite = |error: &ImportError| matches!(error, ImportError::Row { fault: RowFault::NotFinite { .. }, .. });
    check(|table| table.schema = 2, |error| *error == ImportError::Schema { got: 2 });
    check(|table| table.scope = PolicyScope::Symbol, |error| matches!(error, ImportError::OtherScope { .. }));
    check(|table| table.prior_alpha = f64::NAN, |error| matches!(error, ImportError::Prior { .. }));
    check(|table| table.prior_beta = 0.0, |error| matches!(error, ImportError::Prior { .. }));
    check(|table| table.regime = Regime::Range, |error| matches!(error, ImportError::OtherRegime { .. }));
    check(|table| table.rows[1].regime = Regime::Range, |error| matches!(error, ImportError::OtherRegime { .. }));
    check(
        |table| table.rows[1].state_hash = state(Regime::Range).to_hash(),
        |error| matches!(error, ImportError::Row { row: 1, fault: RowFault::UnknownState { .. } }),
    );
    check(
        |table| table.rows[0].state = "TREND_UP|15:00|HIGH|LOW".to_owned(),
        |error| matches!(error, ImportError::Row { row: 0, fault: RowFault::StateMismatch { .. } }),
    );
    check(
        |table| table.rows[0].symbol = Some(WIN),
        |error| matches!(error, ImportError::Row { fault: RowFault::Symbol { .. }, .. }),
    );
    check(|table| table.rows[2].alpha = f64::INFINITY, not_finite);
    check(|table| table.rows[2].beta = f64::NAN, not_finite);
    check(|table| table.rows[2].alpha = 1.1e9, not_finite);
    check(
        |table| table.rows[2].beta = 0.999_999,
        |error| matches!(error, ImportError::Row { row: 2, fault: RowFault::BelowPrior { .. } }),
    );
    check(
        |table| table.rows[1].action = Action::Hold,
        |error| *error == ImportError::Row { row: 1, fault: RowFault::Twice },
    );
    // Each row is three wins: Beta(4, 1), count 3, sum 2.4.
    check(|table| table.rows[0].count = 2, inconsistent);
    check(|table| table.rows[0].alpha = 4.000_001, inconsistent);
    check(|table| table.rows[0].beta = 1.000_001, inconsistent);
    check(|table| table.rows[0].total_reward_micros = -1, inconsistent);
    check(|table| table.rows[0].total_reward_micros = 3_000_001, inconsistent);
    check(|table| table.rows[0].total_reward_micros = 1_499_999, inconsistent);
    check(
        |table| {
            (table.rows[0].alpha, table.rows[0].beta) = (1.0, 4.0);
            table.rows[0].total_reward_micros = 1_500_001;
        },
        inconsistent,
    );
}

#[test]
fn unreadable_snapshots_change_nothing() {
    let mut policy = policy(RlSettings::default());
    policy.learn(EURUSD, state(Regime::TrendUp), Action::Enter, micros(800_000));
    let (before, other) = (policy.checkpoint(), policy.snapshot(Regime::Range));
    let good = String::from_utf8(policy.snapshot(Regime::TrendUp)).unwrap();
    for bytes in [
        b"".to_vec(),
        b"{}".to_vec(),
        vec![0xFF, 0xFE],
        other,
        good.replace("\"ENTER\"", "\"SELL_ALL\"").into_bytes(),
        good.replace("TREND_UP", "TRANSITION").into_bytes(),
        good.replace("\"count\"", "\"cuont\"").into_bytes(),
        good.as_bytes()[..good.len() - 1].to_vec(),
    ] {
        assert!(policy.restore(Regime::TrendUp, &bytes).is_err(), "{}", String::from_utf8_lossy(&bytes));
        assert_eq!(policy.checkpoint(), before);
    }
}

#[test]
fn a_table_without_the_states_text_is_taken_in() {
    let mut source = policy(RlSettings::default());
    source.learn(EURUSD, state(Regime::TrendUp), Action::Enter, micros(800_000));
    let mut table = source.export_table(Regime::TrendUp);
    table.rows[0].state.clear();
    let mut target = policy(RlSettings::default());
    target.import_table(&table).unwrap();
    assert_eq!(target.rows(), source.rows());
    assert_eq!(target.version(), 1);
}

#[test]
fn evidence_is_carried_over_to_another_prior() {
    let mut source = policy(RlSettings::default());
    for _ in 0..3 {
        source.learn(EURUSD, state(Regime::TrendUp), Action::Enter, micros(800_000));
    }
    let mut target = policy(RlSettings { prior_alpha: 2.5, prior_beta: 7.5, ..RlSettings::default() });
    target.import_table(&source.export_table(Regime::TrendUp)).unwrap();
    let arm = target.arm(EURUSD, state(Regime::TrendUp), Action::Enter);
    assert_eq!((arm.alpha, arm.beta, arm.count), (5.5, 7.5, 3));
}

#[test]
fn a_checkpoint_with_a_regime_twice_is_refused() {
    let mut policy = policy(RlSettings::default());
    policy.learn(EURUSD, state(Regime::TrendUp), Action::Enter, micros(800_000));
    let before = policy.checkpoint();
    let mut twice = before.clone();
    twice.tables.push(before.tables[0].clone());
    assert_eq!(policy.resume(&twice), Err(ImportError::RegimeTwice(Regime::TrendUp)));
    assert_eq!(policy.checkpoint(), before);
}

/// One thing that can happen to a policy.
#[derive(Clone, Copy, Debug)]
struct Lesson {
    symbol: SymbolId,
    state: StateKey,
    action: Action,
    reward: Reward,
}

fn lessons(most: usize) -> impl Strategy<Value = Vec<Lesson>> {
    let lesson = (0_u16..3, 0_usize..2, 0_usize..StateIndex::PER_REGIME, 0_usize..4, 0_u32..=1_000_000).prop_map(
        |(symbol, regime, within, action, reward)| Lesson {
            symbol: SymbolId::new(symbol),
            state: StateIndex::of_regime(Regime::ALL[regime]).nth(within % 5).unwrap().key(),
            action: Action::ALL[action],
            reward: micros(reward),
        },
    );
    prop::collection::vec(lesson, 0..most)
}

fn teach(policy: &mut ThompsonSampling, lessons: &[Lesson]) {
    for lesson in lessons {
        policy.learn(lesson.symbol, lesson.state, lesson.action, lesson.reward);
    }
}

fn any_settings() -> impl Strategy<Value = RlSettings> {
    (any::<bool>(), any::<bool>(), 0.3..3.0, 0.3..3.0, any::<u64>()).prop_map(|(binary, shared, alpha, beta, seed)| {
        RlSettings {
            update: if binary { UpdateRule::Binary } else { UpdateRule::Fractional },
            scope: if shared { PolicyScope::Shared } else { PolicyScope::Symbol },
            prior_alpha: alpha,
            prior_beta: beta,
            seed,
            ..RlSettings::default()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rolling_back_is_exact_to_the_bit(settings in any_settings(), before in lessons(60), after in lessons(60)) {
        let mut policy = policy(settings);
        teach(&mut policy, &before);
        let (snapshot, rows) = (policy.snapshot(Regime::TrendUp), policy.rows());
        teach(&mut policy, &after);
        let version = policy.version();
        let others: Vec<_> = policy.rows().into_iter().filter(|row| row.regime != Regime::TrendUp).collect();
        policy.restore(Regime::TrendUp, &snapshot).unwrap();
        prop_assert!(policy.version() > version);
        prop_assert_eq!(policy.snapshot(Regime::TrendUp), snapshot);
        let (back, kept): (Vec<_>, Vec<_>) = policy.rows().into_iter().partition(|row| row.regime == Regime::TrendUp);
        let expected: Vec<_> = rows.into_iter().filter(|row| row.regime == Regime::TrendUp).collect();
        for (row, expected) in back.iter().zip(&expected) {
            prop_assert_eq!((row.alpha.to_bits(), row.beta.to_bits()), (expected.alpha.to_bits(), expected.beta.to_bits()));
        }
        prop_assert_eq!(back, expected);
        prop_assert_eq!(kept, others);
    }

    #[test]
    fn the_order_of_evidence_does_not_matter(settings in any_settings(), lessons in lessons(60)) {
        let (mut forth, mut back) = (policy(settings), policy(settings));
        teach(&mut forth, &lessons);
        let reversed: Vec<_> = lessons.into_iter().rev().collect();
        teach(&mut back, &reversed);
        prop_assert_eq!(forth.checkpoint(), back.checkpoint());
    }

    #[test]
    fn a_resumed_policy_goes_on_the_same(
        settings in any_settings(), before in lessons(60), after in lessons(20), frozen in any::<bool>(),
    ) {
        let mut first = policy(settings);
        teach(&mut first, &before);
        if frozen {
            first.freeze(Regime::TrendDown);
        }
        let text = serde_json::to_string(&first.checkpoint()).unwrap();
        let mut second = policy(settings);
        second.learn(WIN, state(Regime::Chaotic), Action::Enter, micros(1));
        second.resume(&serde_json::from_str(&text).unwrap()).unwrap();
        prop_assert_eq!(first.checkpoint().frozen, RegimeSet::of(&[Regime::TrendDown][..usize::from(frozen)]));
        teach(&mut first, &after);
        teach(&mut second, &after);
        prop_assert_eq!(first.checkpoint(), second.checkpoint());
        for (n, lesson) in before.iter().enumerate() {
            let choose = |policy: &mut ThompsonSampling| {
                policy.choose(lesson.symbol, lesson.state, ActionSet::ALL, at(n as i64))
            };
            prop_assert_eq!(choose(&mut first), choose(&mut second));
        }
    }

    /// An arm's draw does not depend on the mask: taking away an arm that did not win changes nothing.
    #[test]
    fn masking_a_loser_changes_no_choice(settings in any_settings(), lessons in lessons(60), minute in 0_i64..100_000) {
        let mut policy = policy(settings);
        teach(&mut policy, &lessons);
        let state = StateIndex::of_regime(Regime::TrendUp).next().unwrap().key();
        let chosen = policy.choose(EURUSD, state, ActionSet::ALL, at(minute));
        for loser in Action::ALL.into_iter().filter(|&action| action != chosen) {
            prop_assert_eq!(policy.choose(EURUSD, state, ActionSet::ALL.without(loser), at(minute)), chosen);
        }
        let others = ActionSet::ALL.without(chosen);
        let next = policy.choose(EURUSD, state, others, at(minute));
        prop_assert!(others.contains(next));
    }
}
