//! How the updater behaves, seen from outside.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::collections::BTreeSet;

use alavanca_kernel::{
    Action, Hour, Level, Money, Regime, RegimeSet, Reward, StateKey, SymbolId, Timestamp, TradeId, TradeOutcome,
    TradingDay,
};
use alavanca_updater::{DuplicateTrade, RestoreError, Updater, UpdaterConfig, UpdaterSettings};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::from_secs(1_615_494_900);
const TODAY: TradingDay = TradingDay::from_days(18_697);

fn updater(settings: UpdaterSettings) -> Updater {
    Updater::new(UpdaterConfig::new(settings).unwrap())
}

fn trade(id: u64, regime: Regime, micros: u32) -> TradeOutcome {
    TradeOutcome {
        trade: TradeId::new(id),
        symbol: SymbolId::new(0),
        state: StateKey { regime, hour: Hour::new(14).unwrap(), confidence: Level::High, disagreement: Level::Low },
        action: Action::Enter,
        net: Money::from_cents(i64::from(micros) - 500_000),
        reward: Reward::from_micros(micros).unwrap(),
        opened_at: NOW,
        closed_at: NOW,
        in_transition: false,
    }
}

/// Adds trades of one regime with these rewards and judges each batch as it fills; returns what was said.
fn run(updater: &mut Updater, first: u64, regime: Regime, rewards: &[u32]) -> Vec<alavanca_updater::BatchOutcome> {
    let mut outcomes = Vec::new();
    for (n, &micros) in rewards.iter().enumerate() {
        updater.add_trade(trade(first + n as u64, regime, micros)).unwrap();
        if let Some(batch) = updater.batch() {
            for regime in batch.regimes.iter() {
                updater.snapshot(regime, NOW, vec![batch.number as u8], "before the batch");
            }
            outcomes.push(updater.finish_batch(NOW, TODAY));
        }
    }
    outcomes
}

#[test]
fn each_trade_is_taken_in_once() {
    let mut updater = updater(UpdaterSettings { batch_size: 2, ..UpdaterSettings::default() });
    for (id, expected) in [(5, true), (3, true), (5, false), (4, true), (3, false)] {
        let added = updater.add_trade(trade(id, Regime::Range, 800_000));
        assert_eq!(added, if expected { Ok(()) } else { Err(DuplicateTrade(TradeId::new(id))) }, "{id}");
    }
    updater.snapshot(Regime::Range, NOW, vec![], "");
    updater.finish_batch(NOW, TODAY);
    assert!(updater.add_trade(trade(5, Regime::Range, 800_000)).is_err(), "not after its batch either");
    updater.skip_trade(TradeId::new(9));
    assert!(updater.add_trade(trade(9, Regime::Range, 800_000)).is_err());
    updater.clear_pending();
    assert!(updater.add_trade(trade(4, Regime::Range, 800_000)).is_err(), "forgotten is not unseen");
    assert_eq!(updater.export_state().total_trades, 3);
}

#[test]
fn a_batch_is_the_oldest_trades_and_full() {
    let mut updater = updater(UpdaterSettings { batch_size: 3, ..UpdaterSettings::default() });
    let regimes = [Regime::TrendUp, Regime::Range, Regime::TrendUp, Regime::Chaotic];
    for (n, regime) in regimes.into_iter().enumerate() {
        assert_eq!(updater.should_update(), n >= 3, "after {n}");
        assert_eq!(updater.batch().is_some(), n >= 3);
        updater.add_trade(trade(n as u64, regime, 800_000)).unwrap();
    }
    let batch = updater.batch().unwrap();
    assert_eq!((batch.number, batch.regimes), (1, RegimeSet::of(&[Regime::TrendUp, Regime::Range])));
    assert_eq!(batch.trades.iter().map(|trade| trade.trade.get()).collect::<Vec<_>>(), [0, 1, 2]);
    let ids = |regime, limit| updater.pending(regime, limit).map(|trade| trade.trade.get()).collect::<Vec<_>>();
    assert_eq!(ids(None, None), [0, 1, 2, 3]);
    assert_eq!(ids(Some(Regime::TrendUp), None), [0, 2]);
    assert_eq!(ids(Some(Regime::TrendUp), Some(1)), [0]);
    for regime in batch.regimes.iter() {
        updater.snapshot(regime, NOW, vec![], "");
    }
    let outcome = updater.finish_batch(NOW, TODAY);
    assert_eq!((outcome.number, outcome.trades, outcome.learned), (1, 3, 3));
    assert_eq!(outcome.net, Money::from_cents(900_000));
    assert_eq!(updater.pending(None, None).map(|trade| trade.trade.get()).collect::<Vec<_>>(), [3]);
    assert_eq!((updater.clear_pending(), updater.clear_pending()), (1, 0));
}

#[test]
fn a_batch_below_the_bound_is_rolled_back() {
    // Ten trades against 0.4: exactly 4,000,000 stays.
    for (last, is_rolled_back) in [(400_000, false), (400_001, false), (399_999, true)] {
        let mut updater = updater(UpdaterSettings::default());
        let mut rewards = vec![400_000; 9];
        rewards.push(last);
        let outcome = run(&mut updater, 1, Regime::Range, &rewards).pop().unwrap();
        assert_eq!(outcome.rollback.is_some(), is_rolled_back, "{last}");
        assert_eq!(outcome.average_reward_micros, (i64::from(last) - 400_000).div_euclid(10) + 400_000);
    }
}

#[test]
fn a_mixed_batch_is_rolled_back_in_all_its_regimes_or_none() {
    let mut updater = updater(UpdaterSettings { batch_size: 4, ..UpdaterSettings::default() });
    // The range was good, the trend bad enough to pull all below 0.4.
    for (n, (regime, micros)) in
        [(Regime::Range, 800_000), (Regime::TrendUp, 200_000), (Regime::TrendUp, 200_000), (Regime::TrendUp, 200_000)]
            .into_iter()
            .enumerate()
    {
        updater.add_trade(trade(n as u64, regime, micros)).unwrap();
    }
    updater.add_trade(TradeOutcome { in_transition: true, ..trade(9, Regime::Chaotic, 800_000) }).unwrap();
    let ids: Vec<_> = [Regime::TrendUp, Regime::Range]
        .map(|regime| (regime, updater.snapshot(regime, NOW, regime.as_str().into(), "").0.id))
        .into();
    // A snapshot that is taken later, before an import say, is not what the batch goes back to.
    updater.snapshot(Regime::Range, NOW, b"later".to_vec(), "before an import");
    assert_eq!(updater.finish_batch(NOW, TODAY).rollback, Some(ids.clone()));
    assert_eq!(updater.rollback_to(&ids[1].1).unwrap().policy, b"RANGE");
    assert_eq!(updater.rollback_to("RANGE-999999"), None);
}

#[test]
#[should_panic(expected = "snapshot before it is learned")]
fn a_batch_without_its_snapshot_cannot_be_judged() {
    let mut updater = updater(UpdaterSettings { batch_size: 1, ..UpdaterSettings::default() });
    updater.add_trade(trade(1, Regime::Range, 800_000)).unwrap();
    updater.snapshot(Regime::TrendUp, NOW, vec![], "another regime's");
    updater.finish_batch(NOW, TODAY);
}

#[test]
fn nothing_to_judge_is_nothing() {
    let mut updater = updater(UpdaterSettings::default());
    let before = updater.clone();
    let outcome = updater.finish_batch(NOW, TODAY);
    assert_eq!((outcome.number, outcome.trades, outcome.rollback, outcome.freeze), (0, 0, None, vec![]));
    assert_eq!(updater, before);
    // A batch that is not full is judged as it is.
    updater.add_trade(trade(1, Regime::Range, 399_999)).unwrap();
    updater.snapshot(Regime::Range, NOW, vec![], "");
    assert!(updater.finish_batch(NOW, TODAY).rollback.is_some());
    assert_eq!(updater.export_state().batches, 1);
}

/// Baseline 4 trades, window 2, threshold 15 %, judged after every trade.
fn quick_to_freeze() -> UpdaterSettings {
    UpdaterSettings {
        batch_size: 1,
        freeze_window: 2,
        baseline_trades: 4,
        rollback_reward: 0.0,
        ..UpdaterSettings::default()
    }
}

#[test]
fn a_regime_freezes_where_its_window_falls_below_its_baseline() {
    #[track_caller]
    fn check(settings: UpdaterSettings, rewards: &[u32], frozen_at: Option<usize>) {
        let mut updater = updater(settings);
        let outcomes = run(&mut updater, 1, Regime::TrendUp, rewards);
        let got = outcomes.iter().position(|outcome| !outcome.freeze.is_empty());
        assert_eq!(got, frozen_at, "{rewards:?}");
        assert_eq!(updater.frozen_since(Regime::TrendUp), frozen_at.map(|_| TODAY));
        assert_eq!(
            outcomes.iter().filter(|outcome| !outcome.freeze.is_empty()).count(),
            usize::from(frozen_at.is_some())
        );
    }
    let base = [800_000; 4];
    let with = |more: &[u32]| [&base[..], more].concat();
    // 0.85 × 0.8 = 0.68: the window's sum must be below 1.36.
    check(quick_to_freeze(), &with(&[680_000, 680_000]), None);
    check(quick_to_freeze(), &with(&[680_000, 679_999]), Some(5));
    check(quick_to_freeze(), &with(&[680_000, 680_001]), None);
    // The baseline is the first trades', whatever follows: getting better does not raise it, nor getting worse lower it.
    check(quick_to_freeze(), &with(&[1_000_000, 1_000_000, 690_000, 690_000]), None);
    // Three trades are too few for the baseline, four are enough.
    check(quick_to_freeze(), &[1_000_000, 1_000_000, 0], None);
    check(quick_to_freeze(), &[1_000_000, 1_000_000, 0, 0], Some(3));
    // A window that is not full is too few as well.
    let long = UpdaterSettings { freeze_window: 6, ..quick_to_freeze() };
    check(long, &[1_000_000, 1_000_000, 1_000_000, 1_000_000, 0], None);
    check(long, &[1_000_000, 1_000_000, 1_000_000, 1_000_000, 0, 0], Some(5));
    // Only the last trades count: two bad ones with a good one after each do not.
    check(quick_to_freeze(), &with(&[600_000, 800_000, 600_000, 800_000]), None);
    check(UpdaterSettings { freeze_threshold: 1.0, ..quick_to_freeze() }, &with(&[0, 0, 0]), None);
}

#[test]
fn the_specifications_numbers_freeze() {
    let mut updater = updater(UpdaterSettings { rollback_reward: 0.0, ..UpdaterSettings::default() });
    let good: Vec<u32> = (0..30).map(|n| if n % 2 == 0 { 800_000 } else { 200_000 }).collect();
    assert!(run(&mut updater, 1, Regime::Range, &good).iter().all(|outcome| outcome.freeze.is_empty()));
    assert_eq!(updater.baseline_trades(Regime::Range), 30);
    // Baseline 0.5. After ten losses the last twenty average 0.35 < 0.425.
    let outcomes = run(&mut updater, 31, Regime::Range, &[200_000; 10]);
    let freeze = outcomes[0].freeze[0];
    assert_eq!(
        (freeze.regime, freeze.window_average_micros, freeze.baseline_average_micros),
        (Regime::Range, 350_000, 500_000)
    );
    assert_eq!(updater.export_state().frozen, RegimeSet::of(&[Regime::Range]));
}

#[test]
fn what_is_not_learned_from_does_not_count() {
    let mut updater = updater(UpdaterSettings { batch_size: 2, ..quick_to_freeze() });
    for id in 0..20 {
        updater.add_trade(TradeOutcome { in_transition: true, ..trade(id, Regime::TrendUp, 0) }).unwrap();
        if let Some(batch) = updater.batch() {
            assert!(batch.regimes.is_empty() && !updater.learnable(&batch.trades[0]));
            let outcome = updater.finish_batch(NOW, TODAY);
            assert_eq!((outcome.trades, outcome.learned, outcome.rollback), (2, 0, None));
        }
    }
    assert_eq!(updater.baseline_trades(Regime::TrendUp), 0);
    // In a frozen regime neither, and its trades need no snapshot.
    updater.note_frozen(Regime::Range, TODAY);
    assert!(!updater.learnable(&trade(0, Regime::Range, 0)) && updater.learnable(&trade(0, Regime::TrendUp, 0)));
    for id in 20..22 {
        updater.add_trade(trade(id, Regime::Range, 800_000)).unwrap();
    }
    assert_eq!(updater.finish_batch(NOW, TODAY).learned, 0);
    assert_eq!(updater.baseline_trades(Regime::Range), 0);
}

#[test]
fn a_thawed_regime_starts_its_baseline_anew() {
    let mut updater = updater(quick_to_freeze());
    run(&mut updater, 1, Regime::TrendUp, &[800_000, 800_000, 800_000, 800_000, 200_000, 200_000]);
    assert_eq!(updater.frozen_since(Regime::TrendUp), Some(TODAY));
    updater.note_frozen(Regime::TrendUp, TradingDay::from_days(TODAY.days() + 5));
    assert_eq!(updater.frozen_since(Regime::TrendUp), Some(TODAY), "the first day stays");
    updater.thawed(Regime::TrendUp);
    assert_eq!((updater.frozen_since(Regime::TrendUp), updater.baseline_trades(Regime::TrendUp)), (None, 0));
    // 0.2 throughout would freeze against the old baseline.
    let outcomes = run(&mut updater, 10, Regime::TrendUp, &[200_000; 8]);
    assert!(outcomes.iter().all(|outcome| outcome.freeze.is_empty()));
}

#[test]
fn days_thaw_where_they_are_set() {
    for (freeze_days, after, thaws) in
        [(None, 1000, false), (Some(5), 4, false), (Some(5), 5, true), (Some(5), 6, true), (Some(1), 0, false)]
    {
        let mut updater = updater(UpdaterSettings { freeze_days, ..UpdaterSettings::default() });
        updater.note_frozen(Regime::Range, TODAY);
        let due = updater.on_day(TradingDay::from_days(TODAY.days() + after));
        assert_eq!(due == [Regime::Range], thaws, "{freeze_days:?} after {after}");
        assert!(thaws || due.is_empty());
        assert!(updater.frozen_since(Regime::Range).is_some(), "a directive changes nothing by itself");
    }
}

#[test]
fn the_newest_snapshots_are_kept() {
    let mut updater = updater(UpdaterSettings { keep_snapshots: 2, ..UpdaterSettings::default() });
    let mut take = |n: u8| updater.snapshot(Regime::TrendUp, NOW, vec![n], "by hand");
    // The first is what the batch in hand goes back to, so that it outlives its turn.
    for (n, pruned) in [(1, &[][..]), (2, &[]), (3, &["TREND_UP-000002"]), (4, &["TREND_UP-000003"])] {
        assert_eq!(take(n).1, pruned, "{n}");
    }
    let (other, _) = updater.snapshot(Regime::Range, NOW, vec![], "");
    assert_eq!(other.id, "RANGE-000005", "numbers are never used twice, whatever the regime");
    updater.finish_batch(NOW, TODAY);
    assert_eq!(updater.snapshot(Regime::TrendUp, NOW, vec![6], "").1, ["TREND_UP-000001"]);
    let held: Vec<_> = updater.snapshots(Regime::TrendUp, None).map(|snapshot| snapshot.number).collect();
    assert_eq!(held, [6, 4]);
    assert_eq!(updater.snapshots(Regime::TrendUp, Some(1)).count(), 1);
    assert_eq!(updater.last_snapshot(Regime::TrendUp).unwrap().policy, [6]);
    assert_eq!(updater.last_snapshot(Regime::Chaotic), None);
}

#[test]
fn milestones_come_every_so_many_trades_and_are_not_counted() {
    let settings =
        UpdaterSettings { batch_size: 5, keep_snapshots: 1, rollback_reward: 0.0, ..UpdaterSettings::default() };
    let mut updater = updater(UpdaterSettings { snapshot_interval: 10, ..settings });
    let (mut milestones, mut pruned) = (Vec::new(), BTreeSet::new());
    for batch in 0..60_u64 {
        for n in 0..5 {
            updater.add_trade(trade(batch * 5 + n, Regime::Range, 800_000)).unwrap();
        }
        let (snapshot, gone) = updater.snapshot(Regime::Range, NOW, vec![], "");
        if snapshot.milestone {
            milestones.push(batch);
        }
        pruned.extend(gone);
        updater.finish_batch(NOW, TODAY);
    }
    assert_eq!(milestones, (2..60).step_by(2).collect::<Vec<_>>(), "after every ten trades");
    assert!(milestones.iter().all(|batch| !pruned.contains(&format!("RANGE-{:06}", batch + 1))));
    assert_eq!(pruned.len(), 60 - milestones.len() - 1, "of the others all but the last");
    // The store keeps all milestones, the memory the last ones.
    assert_eq!(updater.export_state().snapshot_count, 16 + 1);
}

#[test]
fn what_the_operator_keeps_is_never_pruned_prunes_nothing_and_is_no_batchs_target() {
    let settings = UpdaterSettings { batch_size: 1, keep_snapshots: 2, ..UpdaterSettings::default() };
    let mut updater = updater(settings);
    run(&mut updater, 1, Regime::Range, &[800_000; 3]);
    let ids = |updater: &Updater| updater.snapshots(Regime::Range, None).map(|s| s.id.clone()).collect::<Vec<_>>();
    let before = ids(&updater);
    assert_eq!(before, ["RANGE-000003", "RANGE-000002"], "the newest first");
    let kept = updater.keep(Regime::Range, NOW, b"before".to_vec(), "before the operator's import");
    assert_eq!((kept.id.as_str(), kept.milestone), ("RANGE-000004", true));
    assert_eq!(ids(&updater)[1..], before[..], "nothing was pruned for it");

    // A trade is added, and the next batch is bad: it goes back to its own snapshot, not to before the operator.
    let outcome = run(&mut updater, 10, Regime::Range, &[0]).pop().unwrap();
    assert_eq!(outcome.rollback, Some(vec![(Regime::Range, "RANGE-000005".to_owned())]));
    run(&mut updater, 20, Regime::Range, &[800_000; 6]);
    assert!(
        updater.rollback_to(&kept.id).is_some_and(|kept| kept.policy == b"before"),
        "still there after six batches"
    );
    assert_eq!(ids(&updater).len(), 3, "two of the engine's, and the operator's");
}

#[test]
fn a_replaced_policy_starts_its_baseline_anew_and_stays_frozen() {
    let mut updater = updater(UpdaterSettings { batch_size: 1, ..UpdaterSettings::default() });
    run(&mut updater, 1, Regime::Range, &[800_000; 3]);
    updater.note_frozen(Regime::Range, TODAY);
    assert_eq!(updater.baseline_trades(Regime::Range), 3);
    updater.replaced(Regime::Range);
    assert_eq!((updater.baseline_trades(Regime::Range), updater.frozen_since(Regime::Range)), (0, Some(TODAY)));
}

#[test]
fn a_snapshot_says_what_was_known() {
    let mut updater = updater(UpdaterSettings { batch_size: 3, ..UpdaterSettings::default() });
    for (id, regime, micros) in [(1, Regime::Range, 800_000), (2, Regime::Range, 200_001), (3, Regime::TrendUp, 0)] {
        updater.add_trade(trade(id, regime, micros)).unwrap();
    }
    let (snapshot, _) = updater.snapshot(Regime::Range, NOW, b"policy".to_vec(), "before batch 1");
    assert_eq!((snapshot.id.as_str(), snapshot.note.as_str(), snapshot.at), ("RANGE-000001", "before batch 1", NOW));
    assert_eq!((snapshot.metrics.batches, snapshot.metrics.trade_count), (0, 2));
    assert_eq!(snapshot.metrics.batch_pnl, Money::from_cents(300_000 - 299_999));
    assert_eq!(snapshot.metrics.average_reward_micros, Some(500_000));
    let (empty, _) = updater.snapshot(Regime::Chaotic, NOW, vec![], "");
    assert_eq!((empty.metrics.trade_count, empty.metrics.average_reward_micros), (0, None));
}

#[test]
fn a_missing_snapshot_is_told() {
    let config = UpdaterConfig::new(UpdaterSettings::default()).unwrap();
    let mut updater = Updater::new(config);
    updater.snapshot(Regime::Range, NOW, vec![], "");
    let restored = Updater::restore(config, updater.checkpoint(), vec![]);
    assert_eq!(restored, Err(RestoreError::SnapshotMissing("RANGE-000001".to_owned())));
}

#[test]
fn a_shorter_window_after_a_restart_takes_the_last_trades() {
    let mut updater = updater(UpdaterSettings { freeze_window: 4, ..quick_to_freeze() });
    run(&mut updater, 1, Regime::Range, &[800_000, 800_000, 800_000, 800_000, 800_000, 670_000]);
    let config = UpdaterConfig::new(quick_to_freeze()).unwrap();
    let snapshots = updater.snapshots(Regime::Range, None).cloned().collect();
    let mut updater = Updater::restore(config, updater.checkpoint(), snapshots).unwrap();
    // The last two are 0.67 and 0.68, below 0.68 on average.
    assert_eq!(run(&mut updater, 7, Regime::Range, &[680_000])[0].freeze.len(), 1);
}

/// One thing that can happen to an updater.
#[derive(Clone, Copy, Debug)]
enum Step {
    Trade { id: u64, regime: usize, micros: u32, in_transition: bool },
    Snapshot { regime: usize },
    NextDay,
    Skip { id: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let trade =
        (0_u64..80, 0_usize..3, prop_oneof![Just(200_000_u32), Just(800_000), 0_u32..=1_000_000], 0_u8..8).prop_map(
            |(id, regime, micros, in_transition)| Step::Trade { id, regime, micros, in_transition: in_transition == 0 },
        );
    let step = prop_oneof![
        12 => trade,
        1 => (0_usize..3).prop_map(|regime| Step::Snapshot { regime }),
        1 => Just(Step::NextDay),
        1 => (0_u64..80).prop_map(|id| Step::Skip { id }),
    ];
    prop::collection::vec(step, 0..160)
}

fn any_settings() -> impl Strategy<Value = UpdaterSettings> {
    (1_u32..6, 1_u32..8, 1_u32..4, 1_u32..6, 1_u32..8, prop::option::of(1_u32..4)).prop_map(
        |(batch_size, snapshot_interval, keep_snapshots, freeze_window, baseline_trades, freeze_days)| {
            UpdaterSettings {
                batch_size,
                snapshot_interval,
                keep_snapshots,
                freeze_window,
                baseline_trades,
                freeze_days,
                ..UpdaterSettings::default()
            }
        },
    )
}

/// Does one step as the engine would, and holds the answers against what must always be true.
fn apply(updater: &mut Updater, step: Step, now: &mut i64, learned: &mut BTreeSet<u64>) -> Vec<String> {
    let day = |now: i64| TradingDay::from_days((now / 10) as i32);
    *now += 1;
    let at = Timestamp::from_secs(*now);
    let mut said = Vec::new();
    match step {
        Step::Trade { id, regime, micros, in_transition } => {
            let outcome = TradeOutcome { in_transition, ..trade(id, Regime::ALL[regime], micros) };
            said.push(format!("{:?}", updater.add_trade(outcome)));
        }
        Step::Snapshot { regime } => {
            said.push(format!("{:?}", updater.snapshot(Regime::ALL[regime], at, vec![regime as u8], "by hand")));
        }
        Step::NextDay => *now += 10,
        Step::Skip { id } => updater.skip_trade(TradeId::new(id)),
    }
    for regime in updater.on_day(day(*now)) {
        updater.thawed(regime);
    }
    if let Some(batch) = updater.batch() {
        assert_eq!(batch.trades.len(), updater.settings().batch_size as usize);
        for regime in batch.regimes.iter() {
            said.push(format!("{:?}", updater.snapshot(regime, at, vec![batch.number as u8], "before the batch")));
        }
        let mut learnable = 0;
        for trade in &batch.trades {
            if updater.learnable(trade) {
                learnable += 1;
                assert!(learned.insert(trade.trade.get()), "trade {} is learned twice", trade.trade);
                assert!(!trade.in_transition && batch.regimes.contains(trade.state.regime));
            }
        }
        let outcome = updater.finish_batch(at, day(*now));
        assert_eq!((outcome.number, outcome.learned), (batch.number, learnable));
        for (regime, id) in outcome.rollback.iter().flatten() {
            let snapshot = updater.rollback_to(id).expect("a snapshot that a rollback needs is never pruned");
            assert_eq!(snapshot.regime, *regime);
        }
        if let Some(rollback) = &outcome.rollback {
            let regimes = rollback.iter().fold(RegimeSet::EMPTY, |regimes, (regime, _)| regimes.with(*regime));
            assert_eq!(regimes, batch.regimes, "all or none");
        }
        for freeze in &outcome.freeze {
            assert!(updater.frozen_since(freeze.regime).is_some());
        }
        said.push(format!("{outcome:?}"));
    }
    let settings = *updater.settings();
    for regime in Regime::ALL {
        let (milestones, others): (Vec<_>, Vec<_>) =
            updater.snapshots(regime, None).partition(|snapshot| snapshot.milestone);
        assert!(milestones.len() <= 16 + 1 && others.len() <= settings.keep_snapshots as usize + 1);
    }
    assert!(updater.export_state().pending_trades_count < settings.batch_size);
    said
}

proptest! {
    #[test]
    fn any_history_keeps_its_promises_and_survives_a_restart(
        settings in any_settings(), steps in steps(), restart in 0_usize..160,
    ) {
        let mut updater = updater(settings);
        let (mut now, mut learned) = (0, BTreeSet::new());
        let mut other: Option<(Updater, i64, BTreeSet<u64>)> = None;
        for (n, &step) in steps.iter().enumerate() {
            if n == restart {
                let checkpoint = serde_json::to_string(&updater.checkpoint()).unwrap();
                let mut snapshots: Vec<_> =
                    Regime::ALL.iter().flat_map(|&regime| updater.snapshots(regime, None)).cloned().collect();
                snapshots.reverse();
                let config = UpdaterConfig::new(settings).unwrap();
                let restored = Updater::restore(config, serde_json::from_str(&checkpoint).unwrap(), snapshots).unwrap();
                prop_assert_eq!(&restored, &updater);
                other = Some((restored, now, learned.clone()));
            }
            let said = apply(&mut updater, step, &mut now, &mut learned);
            if let Some((restored, now, learned)) = &mut other {
                prop_assert_eq!(apply(restored, step, now, learned), said);
            }
        }
        if let Some((restored, ..)) = other {
            prop_assert_eq!(restored, updater);
        }
    }
}
