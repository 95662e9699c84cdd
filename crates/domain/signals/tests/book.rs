//! The worked example of the book's page on confidence: its figures are what the MetaBrain says.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use alavanca_kernel::{Bar, ExitAt, Hour, Price, Regime, Side, Unit};
use alavanca_signals::{
    BossBrain, Brain, Calibration, CalibrationMethod, MetaBrain, MetaConfig, MetaSettings, Opinion, Realised, Trigger,
    WeightBy,
};

/// Says what it was told to.
#[derive(Debug)]
struct Told(&'static str, Opinion);

impl Brain for Told {
    fn name(&self) -> &str {
        self.0
    }
    fn warmup_bars(&self) -> usize {
        0
    }
    fn on_bar(&mut self, _bar: &Bar) -> Opinion {
        self.1
    }
    fn reset(&mut self) {}
}

const NAMES: [&str; 3] = ["trend", "reversion", "breakout"];

fn wants(side: Side, strength: f64) -> Opinion {
    let (strength, stop) = (Unit::saturating(strength), ExitAt::Distance(Price::from_raw(1)));
    Opinion { bias: Some(side), trigger: Some(Trigger { side, strength, stop, target: None }) }
}

fn boss(opinions: [Opinion; 3]) -> BossBrain {
    let told = |(name, opinion): (&&'static str, Opinion)| Box::new(Told(name, opinion)) as Box<dyn Brain>;
    BossBrain::new(NAMES.iter().zip(opinions).map(told).collect()).unwrap()
}

/// `won` of `trades` in which that brain stood alone, each winning `gain` R or losing one.
fn teach(meta: &mut MetaBrain, brain: usize, at: (Regime, Hour), won: usize, trades: usize, gain: f64) {
    let mut opinions = [Opinion::NONE; 3];
    opinions[brain] = wants(Side::Buy, 1.0);
    let decision = boss(opinions).on_bar(&Bar::default(), || meta.weights(at.0, at.1));
    let lesson = meta.evaluate(&decision.signal.unwrap(), &decision.votes, at.0, at.1).lesson;
    for trade in 0..trades {
        let won = trade < won;
        meta.learn(&lesson, Realised { won, multiple: Some(if won { gain } else { -1.0 }) });
    }
}

/// Everything that the page says, in its order.
fn figures(weights: WeightBy) -> Vec<(&'static str, String)> {
    let settings = MetaSettings {
        weights,
        calibration: CalibrationMethod::None,
        memory_trades: 1_000_000,
        ..MetaSettings::default()
    };
    let mut meta = MetaBrain::new(MetaConfig::new(settings).unwrap(), NAMES);
    let (here, other) = ((Regime::TrendUp, Hour::new(10).unwrap()), (Regime::Range, Hour::new(11).unwrap()));
    teach(&mut meta, 0, here, 22, 40, 1.5);
    teach(&mut meta, 1, other, 30, 50, 0.5);
    let opinions = [wants(Side::Buy, 0.8), Opinion::leaning(Some(Side::Sell)), Opinion::leaning(Some(Side::Buy))];
    let decision = boss(opinions).on_bar(&Bar::default(), || meta.weights(here.0, here.1));
    let view = meta.evaluate(&decision.signal.unwrap(), &decision.votes, here.0, here.1);
    let raw = view.confidence.unwrap().get();
    let x = (raw / (1.0 - raw)).ln();

    // 200 trades that were claimed so, of which 80 won.
    let calibrated = |method| {
        let mut calibration = Calibration::new(method, 50.0, 1_000_000);
        (0..200).for_each(|trade| calibration.learn(x, trade % 5 < 2));
        calibration
    };
    let platt = calibrated(CalibrationMethod::Platt);
    let (slope, shift) = platt.line().unwrap();
    let of = |method| calibrated(method).probability(x).get();
    let four = |value: f64| format!("{value:.4}");
    let mut said = Vec::new();
    for (place, name) in NAMES.into_iter().enumerate() {
        said.push((name, four(meta.win_rate(place, here.0, here.1))));
        said.push((name, four(meta.weight(place, here.0, here.1))));
    }
    said.push(("disagreement", four(view.disagreement.unwrap().get())));
    said.push(("x", four(x)));
    said.push(("raw", four(raw)));
    if weights == WeightBy::ProfitFactor {
        said.push(("slope", four(slope)));
        said.push(("shift", four(shift)));
        said.push(("PLATT", four(platt.probability(x).get())));
        said.push(("ISOTONIC", four(of(CalibrationMethod::Isotonic))));
        said.push(("BINS", four(of(CalibrationMethod::Bins))));
    }
    said
}

#[test]
fn the_pages_example_is_what_comes_out() {
    let page = include_str!("../../../../docs/book/src/concepts/confidence.md");
    for weights in WeightBy::ALL {
        let figures = figures(weights);
        let missing: Vec<_> = figures.iter().filter(|(_, figure)| !page.contains(figure.as_str())).collect();
        assert!(missing.is_empty(), "{}: the page lacks {missing:?} of {figures:?}", weights.as_str());
    }
}
