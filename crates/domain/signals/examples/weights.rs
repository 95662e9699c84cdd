//! Which weight finds the better of two brains: `cargo run --release -p alavanca-signals --example weights`.
//!
//! Two brains trigger at random, alone or against each other; the boss goes by their weights, and only the trade that is
//! taken is learned from. The figure is the mean result in R of the trades in which they stood against each other, over
//! 40 seeds, with its standard error.

#[path = "../tests/streams/mod.rs"]
#[allow(dead_code, reason = "the generator alone is used here")]
mod streams;

use alavanca_kernel::{Bar, ExitAt, Hour, Price, Regime, Side, Unit};
use alavanca_signals::{BossBrain, Brain, MetaBrain, MetaConfig, MetaSettings, Opinion, Realised, Trigger, WeightBy};
use streams::Chance;

/// Triggers where its bit is set in the bar's volume.
#[derive(Debug)]
struct Told {
    name: &'static str,
    bit: u64,
    side: Side,
}

impl Brain for Told {
    fn name(&self) -> &str {
        self.name
    }
    fn warmup_bars(&self) -> usize {
        0
    }
    fn on_bar(&mut self, bar: &Bar) -> Opinion {
        if bar.volume & self.bit == 0 {
            return Opinion::NONE;
        }
        let stop = ExitAt::Distance(Price::from_raw(1));
        let trigger = Trigger { side: self.side, strength: Unit::ONE, stop, target: None };
        Opinion { bias: Some(self.side), trigger: Some(trigger) }
    }
    fn reset(&mut self) {}
}

/// How often a brain wins, and how many R it wins then; it loses one.
#[derive(Clone, Copy)]
struct Edge {
    wins: f64,
    gain: f64,
}

/// Mean result in R of the trades in which the two stood against each other.
fn conflicts(weights: WeightBy, edges: [Edge; 2], trades: usize, seed: u64) -> Option<f64> {
    let told = |name, bit, side| -> Box<dyn Brain> { Box::new(Told { name, bit, side }) };
    let mut boss = BossBrain::new(vec![told("first", 1, Side::Buy), told("second", 2, Side::Sell)]).ok()?;
    let settings = MetaSettings { weights, ..MetaSettings::default() };
    let mut meta = MetaBrain::new(MetaConfig::new(settings).ok()?, boss.names());
    let (regime, hour) = (Regime::TrendUp, Hour::new(10)?);
    let mut chance = Chance::new(seed);
    let (mut sum, mut count) = (0.0, 0.0);
    for _ in 0..trades {
        let volume = 1 + (chance.draw() * 3.0) as u64;
        let decision = boss.on_bar(&Bar { volume, ..Bar::default() }, || meta.weights(regime, hour));
        // Of equal weights neither side wins: the first brain is taken.
        let Some(signal) = decision.signal else { continue };
        let edge = edges[usize::from(signal.side == Side::Sell)];
        let won = chance.draw() < edge.wins;
        let result = if won { edge.gain } else { -1.0 };
        if volume == 3 {
            sum += result;
            count += 1.0;
        }
        let view = meta.evaluate(&signal, &decision.votes, regime, hour);
        meta.learn(&view.lesson, Realised { won, multiple: Some(result) });
    }
    (count > 0.0).then(|| sum / count)
}

#[expect(clippy::disallowed_macros, reason = "an example that prints its table")]
fn main() {
    const SEEDS: u64 = 40;
    let often = Edge { wins: 0.60, gain: 0.5 };
    let much = Edge { wins: 0.40, gain: 2.0 };
    let cases = [
        ("60 % at 0.5 R against 40 % at 2 R", [often, much]),
        ("55 % at 1 R against 45 % at 1 R", [Edge { wins: 0.55, gain: 1.0 }, Edge { wins: 0.45, gain: 1.0 }]),
        ("50 % at 1 R against 34 % at 2 R", [Edge { wins: 0.50, gain: 1.0 }, Edge { wins: 0.34, gain: 2.0 }]),
        ("70 % at 0.6 R against 30 % at 2 R", [Edge { wins: 0.70, gain: 0.6 }, Edge { wins: 0.30, gain: 2.0 }]),
    ];
    println!("brains | trades | WIN_RATE | PROFIT_FACTOR");
    println!("-|-|-|-");
    for (name, edges) in cases {
        for trades in [100, 1_000] {
            let shown = WeightBy::ALL.map(|weights| {
                let all: Vec<f64> = (0..SEEDS).filter_map(|seed| conflicts(weights, edges, trades, seed)).collect();
                let mean = all.iter().sum::<f64>() / all.len() as f64;
                let variance = all.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / (all.len() - 1) as f64;
                format!("{mean:+.3} ± {:.3}", (variance / all.len() as f64).sqrt())
            });
            println!("{name} | {trades} | {}", shown.join(" | "));
        }
    }
}
