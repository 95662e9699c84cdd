//! What is claimed, held against what came: streams whose true probability is known.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use alavanca_kernel::{Hour, Price, Regime, Side, Signal, Unit};
use alavanca_signals::{
    BossBrain, Brain, Calibration, CalibrationMethod, MetaBrain, MetaCheckpoint, MetaConfig, MetaSettings, Opinion,
    Trigger,
};
use proptest::prelude::*;

use CalibrationMethod::{Bins, Isotonic, None, Platt};

mod streams;
use streams::{Chance, Score, Stream, sigmoid};

const METHODS: [CalibrationMethod; 4] = CalibrationMethod::ALL;

fn fresh(method: CalibrationMethod) -> Calibration {
    Calibration::new(method, 50.0, 500)
}

fn taught(method: CalibrationMethod, trades: &[(f64, bool)]) -> Calibration {
    let mut calibration = fresh(method);
    for &(log_odds, won) in trades {
        calibration.learn(log_odds, won);
    }
    calibration
}

fn run(method: CalibrationMethod, stream: Stream, trades: usize) -> Score {
    streams::run(fresh(method), stream, trades, 7)
}

#[test]
fn without_experience_a_claim_stands() {
    for method in METHODS {
        let calibration = fresh(method);
        for x in [-2.0, -0.4, 0.0, 0.2, 1.0, 2.5] {
            let got = calibration.probability(x).get();
            assert!((got - sigmoid(x)).abs() < 1e-12, "{method} {x}: {got}");
        }
    }
    assert_eq!(fresh(Platt).line(), Some((1.0, 0.0)));
}

#[test]
fn of_signals_given_seven_tenths_seven_in_ten_win() {
    // Claims are far too sure: log-odds three times what they should be.
    for method in [Platt, Isotonic] {
        let score = run(method, Stream::OVERCONFIDENT, 6_000);
        for cell in score.cells().filter(|cell| cell.trades >= 100.0) {
            let deviation = (cell.claimed * (1.0 - cell.claimed) / cell.trades).sqrt();
            let off = (cell.won - cell.claimed).abs();
            // Three deviations of chance, and what is still being learned.
            assert!(off <= 3.0 * deviation + 0.04, "{method}: {cell:?}");
        }
    }
    // The same stream unmended is off by far more: the bound above can fail.
    let worst = run(None, Stream::OVERCONFIDENT, 6_000)
        .cells()
        .filter(|cell| cell.trades >= 100.0)
        .map(|cell| (cell.won - cell.claimed).abs())
        .fold(0.0, f64::max);
    assert!(worst > 0.15, "{worst}");
}

#[test]
fn a_line_mends_what_is_too_sure_and_leaves_what_is_right() {
    let [raw, line] = [None, Platt].map(|method| run(method, Stream::OVERCONFIDENT, 2_000));
    assert!(line.brier() < raw.brier() - 0.01, "{} {}", line.brier(), raw.brier());
    assert!(line.log_loss() < raw.log_loss() - 0.03, "{} {}", line.log_loss(), raw.log_loss());
    assert!(line.calibration_error() < raw.calibration_error() / 3.0);
    let [raw, line] = [None, Platt].map(|method| run(method, Stream::NARROW, 400));
    assert!(line.brier() < raw.brier() - 0.02 && line.calibration_error() < raw.calibration_error() / 2.0);
    let [raw, line] = [None, Platt].map(|method| run(method, Stream::CALIBRATED, 2_000));
    assert!(line.brier() < raw.brier() + 0.001, "{} {}", line.brier(), raw.brier());
}

#[test]
fn a_line_follows_a_source_that_turns() {
    let [raw, line] = [None, Platt].map(|method| run(method, Stream::DRIFTING, 3_000));
    assert!(line.brier() < raw.brier() - 0.005, "{} {}", line.brier(), raw.brier());
}

#[test]
fn what_is_not_claimed_any_more_is_forgotten() {
    for method in [Platt, Isotonic] {
        let mut calibration = Calibration::new(method, 20.0, 50);
        calibration.learn(-0.05, true);
        for i in 0..3_000 {
            calibration.learn(2.0, i % 2 == 0);
        }
        let trades: Vec<f64> = calibration.bins().map(|(_, claims)| claims.trades()).filter(|n| *n > 0.0).collect();
        assert!(trades.len() == 2 && trades[0] < 1e-4 && trades[1] > 40.0, "{method}: {trades:?}");
        // What rounding has left of it makes no step.
        let at = |i: i32| calibration.probability(f64::from(i) / 1_000.0).get();
        let widest = (-2_000..2_000).map(|i| at(i + 1) - at(i)).fold(0.0, f64::max);
        assert!(widest < 1e-3, "{method}: a step of {widest}");
    }
    let mut bins = Calibration::new(Bins, 20.0, 50);
    bins.learn(-0.05, true);
    (0..3_000).for_each(|_| bins.learn(2.0, true));
    assert!(bins.bins().any(|(_, claims)| (claims.trades() - 1.0).abs() < 1e-9), "a bin of its own remembers");
}

#[test]
fn few_trades_move_little() {
    for method in METHODS {
        let lucky: Vec<_> = (0..5).map(|_| (0.2, true)).collect();
        let (before, after) = (fresh(method).probability(0.2).get(), taught(method, &lucky).probability(0.2).get());
        // Isotonic has the C trades spread over all bins, and one bin's luck is its own.
        let most = if method == Isotonic { 0.2 } else { 0.06 };
        assert!(after >= before && after - before < most, "{method}: {before} {after}");
    }
}

#[test]
fn a_source_that_is_wrong_way_round_gets_no_falling_line() {
    // The surer, the worse: the likeliest line falls. Refused: then every claim is the share of all.
    let trades: Vec<_> =
        (0..1_000).map(|i| if i % 2 == 0 { (1.0, i % 10 == 0) } else { (-1.0, i % 10 != 1) }).collect();
    for method in [Platt, Isotonic] {
        let calibration = taught(method, &trades);
        let [low, high] = [-1.0, 1.0].map(|x| calibration.probability(x).get());
        assert!(low <= high && (0.4..0.6).contains(&low) && (0.4..0.6).contains(&high), "{method}: {low} {high}");
    }
    assert_eq!(taught(Platt, &trades).line().map(|(slope, _)| slope), Some(0.0));
    let bins = taught(Bins, &trades);
    assert!(bins.probability(-1.0) > bins.probability(1.0), "the bins by themselves are not monotone");
}

#[test]
fn one_outcome_alone_stays_within_bounds() {
    for method in METHODS {
        for won in [true, false] {
            let calibration = taught(method, &vec![(0.3, won); 5_000]);
            let got = calibration.probability(0.3).get();
            assert!(got > 0.0 && got < 1.0, "{method}: {got}");
            if method != None {
                assert!(if won { got > 0.85 } else { got < 0.15 }, "{method} {won}: {got}");
            }
        }
    }
}

#[test]
fn what_cannot_be_claimed_changes_nothing_bad() {
    for method in METHODS {
        let mut calibration = fresh(method);
        for x in [f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300, f64::NAN, 0.0] {
            for won in [true, false] {
                calibration.learn(x, won);
            }
        }
        for x in [f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300, 0.0, 30.0] {
            let got = calibration.probability(x).get();
            assert!((0.0..=1.0).contains(&got), "{method} {x}: {got}");
        }
        let counted: f64 = calibration.bins().map(|(_, claims)| claims.trades()).sum();
        assert!((9.9..=10.0).contains(&counted), "{counted}: what is no number is not counted");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_stronger_claim_never_comes_out_lower(
        trades in prop::collection::vec((-4.0_f64..4.0, any::<bool>()), 0..400),
        claims in prop::collection::vec(-6.0_f64..6.0, 2..30),
        memory in 1_u64..600,
    ) {
        for method in [Platt, Isotonic, None] {
            let mut calibration = Calibration::new(method, 20.0, memory);
            for &(x, won) in &trades {
                calibration.learn(x, won);
            }
            let mut sorted = claims.clone();
            sorted.sort_by(f64::total_cmp);
            let came: Vec<f64> = sorted.iter().map(|&x| calibration.probability(x).get()).collect();
            prop_assert!(came.windows(2).all(|pair| pair[0] <= pair[1]), "{method}: {came:?}");
        }
    }

    #[test]
    fn what_comes_later_changes_no_earlier_confidence(
        xs in prop::collection::vec(-3.0_f64..3.0, 2..120),
        outcomes in prop::collection::vec(any::<bool>(), 120),
        cut in 0_usize..120,
    ) {
        for method in METHODS {
            let cut = cut.min(xs.len());
            let said = |later: &dyn Fn(usize) -> bool| {
                let mut calibration = fresh(method);
                let mut said = Vec::new();
                for (i, &x) in xs.iter().enumerate() {
                    said.push(calibration.probability(x).get().to_bits());
                    calibration.learn(x, if i < cut { outcomes[i] } else { later(i) });
                }
                said
            };
            let (one, other) = (said(&|i| outcomes[i]), said(&|i| !outcomes[i]));
            // The claim at the cut was made before its own outcome.
            let known = (cut + 1).min(xs.len());
            prop_assert_eq!(&one[..known], &other[..known]);
        }
    }
}

/// A brain of a fixed strength.
#[derive(Debug)]
struct Steady(&'static str);

impl Brain for Steady {
    fn name(&self) -> &str {
        self.0
    }
    fn warmup_bars(&self) -> usize {
        0
    }
    fn on_bar(&mut self, bar: &alavanca_kernel::Bar) -> Opinion {
        let stop = alavanca_kernel::ExitAt::Distance(Price::from_raw(1));
        let strength = Unit::saturating(bar.volume as f64 / 10.0);
        Opinion {
            bias: Some(Side::Buy),
            trigger: Some(Trigger { side: Side::Buy, strength, stop, target: Option::None }),
        }
    }
    fn reset(&mut self) {}
}

fn meta(calibration: CalibrationMethod) -> MetaBrain {
    let settings = MetaSettings { calibration, memory_trades: 60, ..MetaSettings::default() };
    MetaBrain::new(MetaConfig::new(settings).unwrap(), ["steady"])
}

/// Asks and teaches with trades `from..to` of a stream; what was said, to the bit.
fn day(meta: &mut MetaBrain, chance: &mut Chance, from: usize, to: usize) -> Vec<u64> {
    let mut boss = BossBrain::new(vec![Box::new(Steady("steady"))]).unwrap();
    let hour = |i: usize| Hour::new((9 + i % 8) as u8).unwrap();
    let mut said = Vec::new();
    for i in from..to {
        let bar = alavanca_kernel::Bar { volume: (i % 11) as u64, ..Default::default() };
        let regime = Regime::ALL[i % Regime::COUNT];
        let decision = boss.on_bar(&bar, || meta.weights(regime, hour(i)));
        let signal: Signal = decision.signal.unwrap();
        let view = meta.evaluate(&signal, &decision.votes, regime, hour(i));
        said.push(view.confidence.unwrap().get().to_bits());
        meta.learn(&view.lesson, chance.draw() < 0.3);
    }
    said
}

#[test]
fn a_restart_in_the_middle_goes_on_to_the_bit() {
    for method in METHODS {
        let (mut whole, mut first) = (meta(method), meta(method));
        let expected = day(&mut whole, &mut Chance::new(3), 0, 300);
        let mut chance = Chance::new(3);
        let mut said = day(&mut first, &mut chance, 0, 137);
        let text = serde_json::to_string(&first.checkpoint()).unwrap();
        let mut second = meta(method);
        second.restore(&serde_json::from_str::<MetaCheckpoint>(&text).unwrap()).unwrap();
        said.extend(day(&mut second, &mut chance, 137, 300));
        assert_eq!(said, expected, "{method}");
        assert_eq!(second.checkpoint(), whole.checkpoint(), "{method}");
    }
}

#[test]
fn experience_of_the_first_version_is_taken_over() {
    // As releases before 0.2 wrote it: no log-odds in the bins, no results in R.
    let text = r#"{"version":1,"brains":[["steady",[[0,{"won":30000000,"trades":100000000}]]]],
        "bins":[[11,{"won":30000000,"trades":100000000}]]}"#;
    let stored: MetaCheckpoint = serde_json::from_str(text).unwrap();
    for method in METHODS {
        let mut meta = meta(method);
        meta.restore(&stored).unwrap();
        let record = meta.record(0).unwrap();
        assert!((record.trades() - 100.0).abs() < 1e-9 && record.profit_factor().is_none(), "{record:?}");
        let claimed = (0.575_f64 / 0.425).ln();
        let got = meta.calibration().probability(claimed).get();
        let expected = if method == None { 0.55..0.60 } else { 0.30..0.45 };
        assert!(expected.contains(&got), "{method}: {got}");
        let now = serde_json::to_string(&meta.checkpoint()).unwrap();
        assert!(now.starts_with(r#"{"version":2,"#), "{now}");
        // Its next trade: the hundred before count as claimed in the middle of their bin.
        let mut calibration = meta.calibration().clone();
        calibration.learn(0.25, true);
        let (_, claims) = calibration.bins().find(|(_, claims)| claims.trades() > 0.0).unwrap();
        let mean = claims.mean_log_odds().unwrap();
        assert!((claimed - 0.01..claimed).contains(&mean), "{claims:?}");
    }
    let other: MetaCheckpoint = serde_json::from_str(r#"{"version":3,"brains":[],"bins":[]}"#).unwrap();
    let refused = meta(Platt).restore(&other).unwrap_err().to_string();
    assert_eq!(
        refused,
        "the MetaBrain's stored experience has version 3, this release reads 1 to 2: go on with the release that wrote \
         it, or begin a new database"
    );
}
