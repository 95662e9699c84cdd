//! What each calibration makes of sources whose true chances are known: `cargo run --release -p alavanca-signals
//! --example calibration`. Every claim is scored before its outcome is shown; figures are means over 40 seeds.

#[path = "../tests/streams/mod.rs"]
mod streams;

use alavanca_signals::{Calibration, CalibrationMethod};
use streams::{Score, Stream};

#[expect(clippy::disallowed_macros, reason = "an example that prints its table")]
fn main() {
    println!("source | trades | method | Brier | log loss | calibration error");
    println!("-|-|-|-|-|-");
    let sources = [
        ("calibrated", Stream::CALIBRATED),
        ("over-confident", Stream::OVERCONFIDENT),
        ("drifting", Stream::DRIFTING),
        ("narrow, too high", Stream::NARROW),
    ];
    const SEEDS: u64 = 40;
    for (name, stream) in sources {
        for trades in [60, 400, 3_000] {
            for method in [
                CalibrationMethod::None,
                CalibrationMethod::Bins,
                CalibrationMethod::Platt,
                CalibrationMethod::Isotonic,
            ] {
                let scores: Vec<Score> = (0..SEEDS)
                    .map(|seed| streams::run(Calibration::new(method, 50.0, 500), stream, trades, seed))
                    .collect();
                let mean = |of: fn(&Score) -> f64| scores.iter().map(of).sum::<f64>() / SEEDS as f64;
                println!(
                    "{name} | {trades} | {method} | {:.4} | {:.4} | {:.3}",
                    mean(Score::brier),
                    mean(Score::log_loss),
                    mean(Score::calibration_error)
                );
            }
        }
    }
}
