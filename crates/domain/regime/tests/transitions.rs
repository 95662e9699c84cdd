//! The rules by which readings become regimes, held against any readings.

use alavanca_kernel::Regime;
use alavanca_regime::{Doubt, Phase, RegimeView, TransitionRules, Transitions};
use proptest::prelude::*;

use Regime::{Chaotic, HighVol, Range, TrendDown, TrendUp};

const RULES: TransitionRules = TransitionRules { persist_bars: 3, min_dwell_bars: 5, cool_off_bars: 4 };

fn views(rules: TransitionRules, readings: &[Option<Regime>]) -> Vec<RegimeView> {
    let mut transitions = Transitions::new(rules);
    readings.iter().map(|&reading| transitions.push(reading)).collect()
}

/// Regime and phase after each of so many readings.
fn check(readings: &[(Regime, usize)], expected: &[(usize, Regime, Phase)]) {
    let readings: Vec<_> = readings.iter().flat_map(|&(regime, times)| vec![Some(regime); times]).collect();
    let views = views(RULES, &readings);
    for &(bar, regime, phase) in expected {
        assert_eq!((views[bar - 1].regime, views[bar - 1].phase), (regime, phase), "bar {bar} of {readings:?}");
    }
}

const fn leaving(candidate: Regime, bars: u32) -> Phase {
    Phase::Leaving { doubt: Doubt { candidate, bars } }
}

const fn cooling(confirmed: u32) -> Phase {
    Phase::CoolingOff { confirmed, against: None }
}

#[test]
fn a_candidate_has_to_persist() {
    check(
        &[(Range, 10), (TrendUp, 2), (Range, 1), (TrendUp, 2), (TrendDown, 2), (TrendUp, 3)],
        &[
            (1, Range, Phase::Settled),
            (11, Range, leaving(TrendUp, 1)),
            (12, Range, leaving(TrendUp, 2)),
            (13, Range, Phase::Settled),
            (15, Range, leaving(TrendUp, 2)),
            (16, Range, leaving(TrendDown, 1)),
            (19, Range, leaving(TrendUp, 2)),
            (20, TrendUp, cooling(1)),
        ],
    );
}

#[test]
fn a_regime_lasts_its_dwell_and_a_candidate_waits_for_it() {
    check(
        &[(Range, 1), (TrendUp, 9)],
        &[(4, Range, leaving(TrendUp, 3)), (5, Range, leaving(TrendUp, 4)), (6, TrendUp, cooling(1))],
    );
}

#[test]
fn chaos_is_taken_at_once_and_ends_as_any_other() {
    check(
        &[(Range, 2), (Chaotic, 1), (Range, 5)],
        &[
            (2, Range, Phase::Settled),
            (3, Chaotic, cooling(1)),
            (7, Chaotic, Phase::CoolingOff { confirmed: 1, against: Some(Doubt { candidate: Range, bars: 4 }) }),
            (8, Range, cooling(1)),
        ],
    );
}

#[test]
fn a_new_regime_cools_off_until_bars_have_shown_it() {
    check(
        &[(Range, 10), (HighVol, 4), (Range, 2), (HighVol, 3)],
        &[
            (13, HighVol, cooling(1)),
            (14, HighVol, cooling(2)),
            (15, HighVol, Phase::CoolingOff { confirmed: 2, against: Some(Doubt { candidate: Range, bars: 1 }) }),
            (17, HighVol, cooling(3)),
            (18, HighVol, cooling(4)),
            (19, HighVol, Phase::Settled),
        ],
    );
}

#[test]
fn without_cooling_off_nothing_is_in_transition() {
    let rules = TransitionRules { persist_bars: 1, min_dwell_bars: 1, cool_off_bars: 0 };
    let readings: Vec<_> = [Range, TrendUp, Chaotic, Range].map(Some).to_vec();
    let views = views(rules, &readings);
    assert_eq!(views.iter().map(|view| Some(view.regime)).collect::<Vec<_>>(), readings);
    assert!(views.iter().all(|view| !view.transition && view.phase == Phase::Settled));
}

fn reading() -> impl Strategy<Value = Option<Regime>> {
    // Runs of the same make changes likely.
    prop::sample::select(vec![Range, TrendUp, TrendDown, HighVol, Chaotic, Regime::Exhaustion]).prop_map(Some)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_rules_hold_for_any_readings(
        warming in 0_usize..20,
        runs in prop::collection::vec((reading(), 1_usize..9), 1..60),
        persist_bars in 1_u32..5,
        min_dwell_bars in 1_u32..8,
        cool_off_bars in 0_u32..7,
    ) {
        let rules = TransitionRules { persist_bars, min_dwell_bars, cool_off_bars };
        let mut readings = vec![None; warming];
        readings.extend(runs.iter().flat_map(|(reading, times)| vec![*reading; *times]));
        let mut transitions = Transitions::new(rules);
        let mut before = transitions.view();
        // Bars since the last change that showed the regime, and the readings on end of the last bar's.
        let (mut shown, mut on_end, mut changes) = (u32::MAX, 0, 0);
        let mut last = None;
        for reading in readings {
            let view = transitions.push(reading);
            prop_assert_eq!(view, transitions.view());
            let Some(reading) = reading else {
                prop_assert_eq!((view.regime, view.phase), (Regime::Unknown, Phase::WarmingUp));
                before = view;
                continue;
            };
            on_end = if last == Some(reading) { on_end + 1 } else { 1 };
            last = Some(reading);
            let first = before.regime == Regime::Unknown;
            let changed = view.regime != before.regime;
            prop_assert_eq!(view.bars_in_regime, if changed { 1 } else { before.bars_in_regime + 1 });
            if changed && !first {
                changes += 1;
                // Only what is seen becomes the regime; it persisted, and the old one has dwelt.
                prop_assert_eq!(view.regime, reading);
                let chaos = reading == Chaotic;
                prop_assert!(chaos || on_end >= persist_bars, "{:?} after {} bars", view, on_end);
                prop_assert!(chaos || before.bars_in_regime >= min_dwell_bars, "{:?} after {:?}", view, before);
                shown = 0;
            } else if !first {
                // Nothing that is due is put off.
                let due = on_end >= persist_bars && before.bars_in_regime >= min_dwell_bars;
                prop_assert!(reading == view.regime || reading != Chaotic && !due, "{:?} at {}", view, reading);
            }
            if reading == view.regime {
                shown = shown.saturating_add(1);
            }
            // The flag stands for as many bars as are asked for, and for those that show something else between.
            let cooling = shown < cool_off_bars || shown == cool_off_bars && (reading == view.regime || before.transition);
            prop_assert_eq!(view.transition, cooling && cool_off_bars > 0, "{:?}, shown {}", view, shown);
            prop_assert_eq!(view.transition, matches!(view.phase, Phase::CoolingOff { .. }));
            match view.phase {
                Phase::Settled => prop_assert_eq!(reading, view.regime),
                Phase::Leaving { doubt } => {
                    prop_assert_eq!(doubt.candidate, reading);
                    prop_assert_eq!(doubt.bars, on_end.min(doubt.bars));
                    prop_assert!(reading != view.regime);
                }
                Phase::CoolingOff { confirmed, against } => {
                    prop_assert_eq!(confirmed, shown);
                    prop_assert_eq!(against.map(|doubt| doubt.candidate), (reading != view.regime).then_some(reading));
                }
                Phase::WarmingUp => prop_assert!(false, "warm and warming up"),
            }
            before = view;
        }
        let _ = changes;
    }
}
