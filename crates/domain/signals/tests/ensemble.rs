//! The boss's vote and the MetaBrain's records.

use Side::{Buy, Sell};
use alavanca_kernel::{Bar, ExitAt, Hour, Price, Regime, Side, Signal, Tick, Unit};
use alavanca_signals::{
    BossBrain, BossConfig, BossDecision, BossSettings, Brain, CalibrationMethod, Lesson, MAX_BRAINS, MetaBrain,
    MetaCheckpoint, MetaConfig, MetaSettings, Opinion, Realised, Trigger, WeightBy, Weights,
};

/// Says what it was told to, on every bar.
#[derive(Debug)]
struct Parrot {
    name: String,
    opinion: Opinion,
    on_tick: Option<Opinion>,
    warmup: usize,
}

impl Brain for Parrot {
    fn name(&self) -> &str {
        &self.name
    }
    fn warmup_bars(&self) -> usize {
        self.warmup
    }
    fn on_bar(&mut self, _bar: &Bar) -> Opinion {
        self.opinion
    }
    fn on_tick(&mut self, _tick: &Tick) -> Option<Opinion> {
        self.on_tick
    }
    fn wants_ticks(&self) -> bool {
        self.on_tick.is_some()
    }
    fn reset(&mut self) {}
}

fn unit(value: f64) -> Unit {
    Unit::saturating(value)
}

/// A brain's place decides its stop, so that one sees whose stop a signal has.
fn wants(side: Side, strength: f64, place: i64) -> Opinion {
    let stop = ExitAt::Distance(Price::from_raw(place + 1));
    Opinion { bias: Some(side), trigger: Some(Trigger { side, strength: unit(strength), stop, target: None }) }
}

fn leans(side: Side) -> Opinion {
    Opinion::leaning(Some(side))
}

fn boss(opinions: &[Opinion]) -> BossBrain {
    let parrot = |(i, &opinion): (usize, &Opinion)| -> Box<dyn Brain> {
        Box::new(Parrot { name: format!("parrot {i}"), opinion, on_tick: None, warmup: 0 })
    };
    BossBrain::new(opinions.iter().enumerate().map(parrot).collect()).expect("different names")
}

fn decide(opinions: &[Opinion], weights: &[f64]) -> BossDecision {
    let mut all = [1.0; MAX_BRAINS];
    all[..weights.len()].copy_from_slice(weights);
    boss(opinions).on_bar(&Bar::default(), || Weights::new(all))
}

#[test]
fn the_louder_side_wins() {
    let check = |opinions: &[Opinion], weights: &[f64], expected: Option<(Side, f64, i64)>| {
        let signal = decide(opinions, weights).signal;
        let stop = |signal: Signal| match signal.stop {
            ExitAt::Distance(distance) => distance.raw() - 1,
            ExitAt::Price(_) => -1,
        };
        let got = signal.map(|signal| (signal.side, (signal.score.get() * 1e9).round() / 1e9, stop(signal)));
        assert_eq!(got, expected, "{opinions:?} {weights:?}");
    };
    let silent = Opinion::NONE;
    // One brain is the boss, whatever its weight.
    check(&[wants(Buy, 0.3, 0)], &[0.0], Some((Buy, 0.3, 0)));
    check(&[leans(Buy)], &[], None);
    // Several: weight × strength; the score is the mean of those on the side; the stop is the lead's.
    check(&[silent, leans(Sell)], &[], None);
    check(&[silent, wants(Sell, 0.8, 1)], &[], Some((Sell, 0.8, 1)));
    check(&[wants(Buy, 0.5, 0), wants(Sell, 0.8, 1)], &[], Some((Sell, 0.8, 1)));
    check(&[wants(Buy, 0.5, 0), wants(Sell, 0.8, 1)], &[2.0, 1.0], Some((Buy, 0.5, 0)));
    check(&[wants(Buy, 0.5, 0), wants(Sell, 0.5, 1)], &[], None);
    check(&[wants(Buy, 0.4, 0), wants(Buy, 0.8, 1), wants(Sell, 1.0, 2)], &[], Some((Buy, 0.6, 1)));
    check(&[wants(Buy, 0.4, 0), wants(Buy, 0.8, 1)], &[3.0, 1.0], Some((Buy, 0.5, 0)));
    check(&[wants(Buy, 0.5, 0), wants(Buy, 0.5, 1)], &[], Some((Buy, 0.5, 0)));
    check(&[wants(Buy, 0.5, 0), wants(Sell, 0.9, 1)], &[1.0, f64::NAN], Some((Buy, 0.5, 0)));
    check(&[wants(Buy, 0.0, 0), leans(Buy)], &[], None);
}

#[test]
fn votes_say_who_stands_where() {
    let contrary = Opinion { bias: Some(Sell), ..wants(Buy, 0.5, 3) };
    let votes = decide(&[wants(Buy, 0.9, 0), leans(Sell), Opinion::NONE, contrary], &[]).votes;
    let bits = |side| (votes.voters(side).with.bits(), votes.voters(side).against.bits());
    assert_eq!(bits(Buy), (0b1001, 0b0010), "a trigger outweighs the leaning");
    assert_eq!(bits(Sell), (0b0010, 0b1001));
    assert_eq!(
        (votes.bias(3), votes.trigger(3), votes.bias(2), votes.trigger(0)),
        (Some(Sell), Some(Buy), None, Some(Buy))
    );
    assert_eq!((votes.len(), votes.lead(), votes.bias(MAX_BRAINS)), (4, 0, None));
    assert_eq!(votes.voters(Buy).with.places().collect::<Vec<_>>(), [0, 3]);
    let full = decide(&[leans(Sell); MAX_BRAINS], &[]).votes.voters(Sell).with;
    assert_eq!(full.places().collect::<Vec<_>>(), (0..MAX_BRAINS).collect::<Vec<_>>());
}

#[test]
fn a_signal_must_reach_score_and_agreement() {
    let signal = |settings: BossSettings, opinions: &[Opinion], weights: &[f64]| {
        let mut all = [1.0; MAX_BRAINS];
        all[..weights.len()].copy_from_slice(weights);
        let mut boss = boss(opinions).with(BossConfig::new(settings).expect("in range"));
        let decision = boss.on_bar(&Bar::default(), || Weights::new(all));
        assert_eq!(decision.votes.trigger(0), Some(Buy), "the votes tell what was wanted all the same");
        decision.signal.is_some()
    };
    let any = BossSettings::default();
    let outvoted = [wants(Buy, 1.0, 0), leans(Sell), leans(Sell), leans(Sell)];
    for (min_agreement, weights, passes) in [
        // (1 − 3) / (1 + 3)
        (-1.0, &[1.0][..], true),
        (-0.5, &[1.0], true),
        (-0.499_999, &[1.0], false),
        (0.0, &[1.0], false),
        // A brain that the MetaBrain trusts three times as much is as many as they are.
        (0.0, &[3.0], true),
        (0.0, &[2.999], false),
        // Who weighs nothing has no say.
        (1.0, &[1.0, 0.0, 0.0, 0.0], true),
    ] {
        let settings = BossSettings { min_agreement, ..any };
        assert_eq!(signal(settings, &outvoted, weights), passes, "{min_agreement} {weights:?}");
    }
    // Those without a view do not count, those that lean with it do.
    let silent = [wants(Buy, 1.0, 0), Opinion::NONE, Opinion::NONE];
    assert!(signal(BossSettings { min_agreement: 1.0, ..any }, &silent, &[]));
    let divided = [wants(Buy, 1.0, 0), leans(Buy), leans(Sell)];
    assert!(signal(BossSettings { min_agreement: 0.333, ..any }, &divided, &[]));
    assert!(!signal(BossSettings { min_agreement: 0.334, ..any }, &divided, &[]));
    // The score is the mean strength of those that trigger, of one as of many.
    for (opinions, score) in [(&[wants(Buy, 0.6, 0)][..], 0.6), (&[wants(Buy, 0.4, 0), wants(Buy, 0.8, 1)], 0.6)] {
        for (min_score, passes) in [(0.0, true), (score - 1e-9, true), (score + 1e-9, false)] {
            assert_eq!(signal(BossSettings { min_score, ..any }, opinions, &[]), passes, "{min_score} {opinions:?}");
        }
    }
    for (settings, key) in [
        (BossSettings { min_score: 1.1, ..any }, "BOSS_MIN_SCORE"),
        (BossSettings { min_score: f64::NAN, ..any }, "BOSS_MIN_SCORE"),
        (BossSettings { min_agreement: -1.1, ..any }, "BOSS_MIN_AGREEMENT"),
    ] {
        assert_eq!(BossConfig::new(settings).unwrap_err().key, key);
    }
}

#[test]
fn weights_are_asked_for_only_to_weigh() {
    let ask = || -> Weights { panic!("nothing to weigh") };
    assert_eq!(boss(&[leans(Buy), leans(Sell)]).on_bar(&Bar::default(), ask).signal, None);
    assert!(boss(&[wants(Buy, 1.0, 0)]).on_bar(&Bar::default(), ask).signal.is_some());
}

#[test]
fn nobody_is_heard_before_the_warm_up_is_over() {
    for brains in [1, 2] {
        let parrot = |i: usize| -> Box<dyn Brain> {
            Box::new(Parrot { name: i.to_string(), opinion: wants(Buy, 1.0, 0), on_tick: None, warmup: 3 + 2 * i })
        };
        let mut boss = BossBrain::new((0..brains).map(parrot).collect()).unwrap();
        let mut bar = || boss.on_bar(&Bar::default(), || Weights::EQUAL);
        let heard: Vec<_> =
            (1..=5).map(|_| bar()).map(|d| (d.signal.is_some(), d.votes.voters(Buy).with.bits())).collect();
        let last = if brains == 1 { 0b01 } else { 0b11 };
        assert_eq!(heard, [(false, 0), (false, 0), (true, 1), (true, 1), (true, last)]);
        boss.reset();
        assert_eq!(boss.on_bar(&Bar::default(), || Weights::EQUAL).signal, None);
    }
}

#[test]
fn ticks_change_only_those_that_watch_them() {
    let parrot = |name: &str, opinion, on_tick| -> Box<dyn Brain> {
        Box::new(Parrot { name: name.to_owned(), opinion, on_tick, warmup: 1 })
    };
    let mut boss = BossBrain::new(vec![
        parrot("bars", wants(Sell, 1.0, 0), None),
        parrot("ticks", Opinion::NONE, Some(wants(Buy, 0.1, 1))),
    ])
    .unwrap();
    let tick = Tick::default();
    assert_eq!(boss.on_tick(&tick, || Weights::EQUAL), None, "not warmed up");
    assert_eq!(boss.on_bar(&Bar::default(), || Weights::EQUAL).signal.map(|s| s.side), Some(Sell));
    let decision = boss.on_tick(&tick, || Weights::EQUAL).unwrap();
    assert_eq!(decision.signal.map(|s| s.side), Some(Buy), "the bar's trigger was for the bar");
    assert_eq!(decision.votes.voters(Buy).against.bits(), 0b01, "its leaning stands");
    let mut quiet = self::boss(&[wants(Buy, 1.0, 0)]);
    quiet.on_bar(&Bar::default(), || Weights::EQUAL);
    assert_eq!(quiet.on_tick(&tick, || Weights::EQUAL), None);
}

#[test]
fn a_boss_has_one_to_sixteen_brains_of_different_names() {
    let parrots = |names: &[&str]| {
        let parrot = |name: &&str| -> Box<dyn Brain> {
            Box::new(Parrot { name: (*name).to_owned(), opinion: Opinion::NONE, on_tick: None, warmup: 0 })
        };
        BossBrain::new(names.iter().map(parrot).collect()).map(|boss| boss.names().count()).map_err(|e| e.key)
    };
    let names: Vec<_> = (0..=MAX_BRAINS).map(|i| i.to_string()).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    assert_eq!(parrots(&[]), Err("BRAINS"));
    assert_eq!(parrots(&names[..MAX_BRAINS]), Ok(16));
    assert_eq!(parrots(&names), Err("BRAINS"));
    assert_eq!(parrots(&["a", "b", "a"]), Err("BRAINS"));
}

const REGIME: Regime = Regime::TrendUp;

fn hour(hour: u8) -> Hour {
    Hour::new(hour).expect("an hour of the day")
}

fn meta(brains: usize) -> MetaBrain {
    let names: Vec<_> = (0..brains).map(|i| format!("parrot {i}")).collect();
    MetaBrain::new(by_win_rate(), names.iter().map(String::as_str))
}

/// Weights by the win rate and each bin for itself, whose figures are plain to compute by hand.
fn by_win_rate() -> MetaConfig {
    let (weights, calibration) = (WeightBy::WinRate, CalibrationMethod::Bins);
    MetaConfig::new(MetaSettings { weights, calibration, ..MetaSettings::default() }).expect("these are allowed")
}

/// Confidence, disagreement and what to learn of a vote under equal weights.
fn ask(meta: &MetaBrain, opinions: &[Opinion], regime: Regime, at: u8) -> (f64, f64, Lesson) {
    let decision = boss(opinions).on_bar(&Bar::default(), || meta.weights(regime, hour(at)));
    let view = meta.evaluate(&decision.signal.expect("a signal"), &decision.votes, regime, hour(at));
    let known = |value: Option<Unit>| value.expect("a view of known brains").get();
    (known(view.confidence), known(view.disagreement), view.lesson)
}

fn close(got: f64, expected: f64) {
    assert!((got - expected).abs() < 1e-9, "{got} is not {expected}");
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[test]
fn without_experience_agreement_and_strength_speak() {
    let check = |opinions: &[Opinion], log_odds: f64, disagreement: f64| {
        let (confidence, got, _) = ask(&meta(opinions.len()), opinions, REGIME, 10);
        close(confidence, sigmoid(log_odds));
        close(got, disagreement);
    };
    let (full, half) = (wants(Buy, 1.0, 0), wants(Buy, 0.5, 0));
    check(&[full], 0.2, 0.0);
    check(&[half], 0.1, 0.0);
    check(&[full, leans(Buy)], 0.5 + 0.2, 0.0);
    check(&[full, leans(Sell)], -0.5 + 0.2, 0.5);
    check(&[full, Opinion::NONE], 0.2, 0.0);
    check(&[full, leans(Buy), leans(Buy), leans(Sell)], 0.25 + 0.2, 0.25);
    check(&[half, leans(Buy), leans(Sell), Opinion::NONE], 0.1, 0.25);
    check(&[full, leans(Buy), leans(Buy), leans(Buy), leans(Buy)], 0.8 + 0.2, 0.0);
    // The figures that the documentation names.
    assert!((0.549..0.551).contains(&sigmoid(0.2)) && (0.731..0.732).contains(&sigmoid(1.0)));
}

/// `won` of `trades` closed trades, spread evenly, of the brains that the lesson names.
fn teach(meta: &mut MetaBrain, lesson: Lesson, won: usize, trades: usize) {
    for i in 0..trades {
        meta.learn(&lesson, (i + 1) * won / trades > i * won / trades);
    }
}

#[test]
fn a_good_record_earns_confidence_and_a_bad_one_loses_it() {
    let ask_one = |won, trades| {
        let mut meta = meta(1);
        let (fresh, _, lesson) = ask(&meta, &[wants(Buy, 1.0, 0)], REGIME, 10);
        teach(&mut meta, lesson, won, trades);
        (fresh, ask(&meta, &[wants(Buy, 1.0, 0)], REGIME, 10).0)
    };
    let (fresh, good) = ask_one(70, 100);
    assert!(fresh < 0.56 && (0.70..0.75).contains(&good), "{fresh} {good}");
    let (_, bad) = ask_one(30, 100);
    assert!(bad < 0.45, "{bad}");
    let (fresh, few) = ask_one(3, 3);
    assert!(few > fresh && few < 0.62, "three wins prove little: {few}");
}

#[test]
fn rates_shrink_to_the_wider_record() {
    let mut meta = meta(1);
    let (_, _, lesson) = ask(&meta, &[wants(Buy, 1.0, 0)], REGIME, 10);
    meta.learn(&lesson, true);
    // One won trade speaks once, whether it is seen from its own hour, its regime, or elsewhere.
    let once = (1.0 + 20.0 * 0.5) / 21.0;
    for (regime, at) in [(REGIME, 10), (REGIME, 11), (Regime::Range, 10), (Regime::Range, 3)] {
        close(meta.win_rate(0, regime, hour(at)), once);
        close(meta.weights(regime, hour(at)).get(0), once / (1.0 - once));
    }
    // A lost one at another hour of the regime: seen from its own hour, the won one is the prior, and the reverse.
    let (_, _, other) = ask(&meta, &[wants(Buy, 1.0, 0)], REGIME, 11);
    meta.learn(&other, false);
    let faded = 1.0 - 1.0 / 500.0;
    let (won, lost) = ((faded + 10.0) / (faded + 20.0), 10.0 / 21.0);
    close(meta.win_rate(0, REGIME, hour(11)), 20.0 * won / 21.0);
    close(meta.win_rate(0, REGIME, hour(10)), (faded + 20.0 * lost) / (faded + 20.0));
    close(meta.win_rate(0, REGIME, hour(12)), (faded + 10.0) / (faded + 1.0 + 20.0));
}

#[test]
fn only_those_that_stood_with_the_trade_learn() {
    let mut meta = meta(3);
    let (_, _, lesson) = ask(&meta, &[wants(Buy, 1.0, 0), leans(Sell), Opinion::NONE], REGIME, 10);
    meta.learn(&lesson, true);
    let trades: Vec<_> = (0..3).map(|brain| meta.record(brain).unwrap().trades() > 0.0).collect();
    assert_eq!(trades, [true, false, false]);
    assert_eq!(meta.record(3), None);
}

#[test]
fn heavier_brains_weigh_more_in_disagreement() {
    let mut meta = meta(2);
    let opinions = [wants(Buy, 1.0, 0), leans(Sell)];
    let (_, before, lesson) = ask(&meta, &opinions, REGIME, 10);
    teach(&mut meta, lesson, 50, 50);
    let weights = meta.weights(REGIME, hour(10));
    let (_, after, _) = ask(&meta, &opinions, REGIME, 10);
    close(before, 0.5);
    close(after, 1.0 / (1.0 + weights.get(0)));
    assert!(after < 0.4, "{after}");
}

#[test]
fn old_results_fade() {
    let settings = MetaSettings { memory_trades: 50, ..MetaSettings::default() };
    let mut meta = MetaBrain::new(MetaConfig::new(settings).unwrap(), ["one"]);
    let (_, _, lesson) = ask(&meta, &[wants(Buy, 1.0, 0)], REGIME, 10);
    teach(&mut meta, lesson, 500, 500);
    let record = meta.record(0).unwrap();
    assert!((49.0..=50.0).contains(&record.trades()), "{record:?}");
    teach(&mut meta, lesson, 0, 50);
    let left = meta.record(0).unwrap().win_rate().unwrap().get();
    assert!((left - (-1.0_f64).exp()).abs() < 0.01, "after M trades 1/e is left: {left}");
    teach(&mut meta, lesson, 0, 2_000);
    assert!(meta.record(0).unwrap().win_rate().unwrap().get() < 1e-6);
}

#[test]
fn promises_that_are_not_kept_are_taken_back() {
    // Five brains of one mind promise 0.73, and win half.
    let mut meta = meta(5);
    let opinions = [wants(Buy, 1.0, 0), leans(Buy), leans(Buy), leans(Buy), leans(Buy)];
    for i in 0..400 {
        let (_, _, lesson) = ask(&meta, &opinions, REGIME, 10);
        meta.learn(&lesson, i % 2 == 0);
    }
    let (confidence, _, _) = ask(&meta, &opinions, REGIME, 10);
    assert!((0.45..0.56).contains(&confidence), "{confidence}");
    let claimed = meta.calibration().bins().find(|(_, record)| record.trades() > 100.0).unwrap();
    assert!(
        (0.65..0.8).contains(&claimed.0) && (claimed.1.win_rate().unwrap().get() - 0.5).abs() < 0.01,
        "{claimed:?}"
    );
}

#[test]
fn who_is_unknown_gets_no_answer() {
    let decision = decide(&[wants(Buy, 1.0, 0), leans(Sell)], &[]);
    let signal = decision.signal.unwrap();
    let view = meta(1).evaluate(&signal, &decision.votes, REGIME, hour(10));
    assert_eq!((view.confidence, view.disagreement), (None, None), "votes of two, records of one");
    let mut meta = meta(2);
    let other = Signal { side: Sell, ..signal };
    let none = decide(&[wants(Buy, 1.0, 0), Opinion::NONE], &[]).votes;
    let view = meta.evaluate(&other, &none, REGIME, hour(10));
    assert_eq!((view.confidence, view.disagreement), (None, None), "nobody stands with it");
    meta.learn(&view.lesson, true);
    assert!(meta.calibration().bins().all(|(_, record)| record.trades() <= 0.0), "so nobody learns");
}

#[test]
fn experience_survives_a_restart_to_the_bit() {
    let opinions = [wants(Buy, 1.0, 0), leans(Sell), leans(Buy)];
    let mut meta = meta(3);
    for i in 0..300_u32 {
        let regime = Regime::ALL[i as usize % Regime::COUNT];
        let (_, _, lesson) = ask(&meta, &opinions, regime, (i % 24) as u8);
        meta.learn(&lesson, i % 3 > 0);
    }
    let text = serde_json::to_string(&meta.checkpoint()).unwrap();
    let stored: MetaCheckpoint = serde_json::from_str(&text).unwrap();
    let mut restored = self::meta(3);
    restored.restore(&stored).unwrap();
    assert_eq!(restored.checkpoint(), meta.checkpoint());
    for at in 0..24 {
        let (a, b) = (ask(&meta, &opinions, REGIME, at), ask(&restored, &opinions, REGIME, at));
        assert_eq!((a.0.to_bits(), a.1.to_bits(), a.2), (b.0.to_bits(), b.1.to_bits(), b.2));
    }

    // By name: another order, one gone, one new.
    let mut moved = MetaBrain::new(MetaConfig::default(), ["new", "parrot 2", "parrot 0"]);
    moved.restore(&stored).unwrap();
    assert_eq!(moved.record(0).unwrap().trades().to_bits(), 0.0_f64.to_bits());
    assert_eq!((moved.record(1), moved.record(2)), (meta.record(2), meta.record(0)));
}

/// Two brains of one regime and hour: one wins often and little, one seldom and much.
fn unlike(weights: WeightBy) -> MetaBrain {
    let settings = MetaSettings { weights, ..MetaSettings::default() };
    let mut meta = MetaBrain::new(MetaConfig::new(settings).expect("sound settings"), ["often", "much"]);
    let lesson = |opinions: &[Opinion]| ask(&meta, opinions, REGIME, 10).2;
    let often = lesson(&[wants(Buy, 1.0, 0), Opinion::NONE]);
    let much = lesson(&[Opinion::NONE, wants(Buy, 1.0, 1)]);
    for i in 0..100 {
        let (won, large) = (i % 10 < 6, i % 10 < 4);
        meta.learn(&often, Realised { won, multiple: Some(if won { 0.5 } else { -1.0 }) });
        meta.learn(&much, Realised { won: large, multiple: Some(if large { 2.0 } else { -1.0 }) });
    }
    meta
}

#[test]
fn who_wins_often_and_loses_more_weighs_less_by_profit_factor() {
    let [rate, factor] = [WeightBy::WinRate, WeightBy::ProfitFactor].map(|by| {
        let meta = unlike(by);
        let weights = meta.weights(REGIME, hour(10));
        assert_eq!(weights.get(0).to_bits(), meta.weight(0, REGIME, hour(10)).to_bits());
        (weights.get(0), weights.get(1))
    });
    // 60 of 100 beside 40 of 100, shrunk with 20 at one half each step.
    assert!(rate.0 > 1.2 && rate.1 < 0.8, "{rate:?}");
    // 30 R won and 40 lost beside 80 and 60.
    assert!(factor.0 < 0.9 && factor.1 > 1.1, "{factor:?}");
    // Confidence stays the chance to win.
    let meta = unlike(WeightBy::ProfitFactor);
    assert!(meta.win_rate(0, REGIME, hour(10)) > 0.55 && meta.win_rate(1, REGIME, hour(10)) < 0.45);
    let factors = [0, 1].map(|brain| meta.record(brain).unwrap().profit_factor().unwrap());
    assert!((0.70..0.80).contains(&factors[0]) && (1.25..1.45).contains(&factors[1]), "{factors:?}");
}

#[test]
fn where_all_results_are_one_r_both_weights_are_the_same() {
    let [by_rate, by_factor] = [WeightBy::WinRate, WeightBy::ProfitFactor].map(|weights| {
        let settings = MetaSettings { weights, ..MetaSettings::default() };
        let mut meta = MetaBrain::new(MetaConfig::new(settings).unwrap(), ["one"]);
        for i in 0..90_u32 {
            let regime = Regime::ALL[i as usize % Regime::COUNT];
            let (_, _, lesson) = ask(&meta, &[wants(Buy, 1.0, 0)], regime, (i % 24) as u8);
            let won = i % 7 < 3;
            meta.learn(&lesson, Realised { won, multiple: Some(if won { 1.0 } else { -1.0 }) });
        }
        meta
    });
    for at in 0..24 {
        close(by_rate.weight(0, REGIME, hour(at)), by_factor.weight(0, REGIME, hour(at)));
    }
}

#[test]
fn no_result_speaks_louder_than_five_r() {
    let meta = |multiple| {
        let mut meta = self::meta(1);
        let (_, _, lesson) = ask(&meta, &[wants(Buy, 1.0, 0)], REGIME, 10);
        meta.learn(&lesson, Realised { won: false, multiple: Some(-1.0) });
        meta.learn(&lesson, Realised { won: true, multiple });
        meta.record(0).unwrap()
    };
    assert_eq!(meta(Some(5.0)), meta(Some(5_000.0)));
    assert_eq!(meta(None), meta(Some(f64::NAN)), "no result, and none that is no number");
    assert!(meta(None).trades() > 1.9);
}

#[test]
fn experience_that_cannot_be_changes_nothing() {
    let mut meta = meta(1);
    let (_, _, lesson) = ask(&meta, &[wants(Buy, 1.0, 0)], REGIME, 10);
    teach(&mut meta, lesson, 3, 5);
    let before = meta.checkpoint();
    for text in [
        r#"{"version":3,"brains":[],"bins":[]}"#,
        r#"{"version":0,"brains":[],"bins":[]}"#,
        r#"{"version":2,"brains":[["parrot 0",[[0,{"won":1,"trades":4,"gained":3,"moved":2}]]]],"bins":[]}"#,
        r#"{"version":2,"brains":[],"bins":[[3,{"won":1,"trades":4,"log_odds":9000000000}]]}"#,
        r#"{"version":1,"brains":[["parrot 0",[[0,{"won":5,"trades":4}]]]],"bins":[]}"#,
        r#"{"version":1,"brains":[["parrot 0",[[176,{"won":1,"trades":4}]]]],"bins":[]}"#,
        r#"{"version":1,"brains":[["gone",[[0,{"won":5,"trades":4}]]]],"bins":[]}"#,
        r#"{"version":1,"brains":[["parrot 0",[[0,{"won":1,"trades":18446744073709551615}]]]],"bins":[]}"#,
        r#"{"version":1,"brains":[],"bins":[[20,{"won":1,"trades":4}]]}"#,
    ] {
        let stored: MetaCheckpoint = serde_json::from_str(text).unwrap();
        assert!(meta.restore(&stored).is_err(), "{text}");
        assert_eq!(meta.checkpoint(), before, "{text}");
    }
}

#[test]
fn refuses_settings_that_cannot_be() {
    let good = MetaSettings::default();
    for (settings, key) in [
        (MetaSettings { prior_trades: 0.0, ..good }, "META_PRIOR_TRADES"),
        (MetaSettings { prior_trades: f64::NAN, ..good }, "META_PRIOR_TRADES"),
        (MetaSettings { memory_trades: 9, ..good }, "META_MEMORY_TRADES"),
        (MetaSettings { agreement: -0.1, ..good }, "META_AGREEMENT"),
        (MetaSettings { strength: f64::INFINITY, ..good }, "META_STRENGTH"),
        (MetaSettings { calibration_trades: 0.9, ..good }, "META_CALIBRATION_TRADES"),
    ] {
        assert_eq!(MetaConfig::new(settings).unwrap_err().key, key, "{settings:?}");
    }
}
