//! Whether confidence keeps what it promises, and how each brain stands.

use alavanca_report::ReliabilityTable;
use alavanca_signals::WeightBy;

use super::explain::{bar, line};
use super::{absent, bullet, count, decimals, figures, percent, titled};
use crate::statistics::confidence::{BrainStanding, ConfidenceStats};

/// Below so many trades a table says little.
const FEW: u64 = 100;

/// Confidence: its figures, the reliability table, and the brains.
pub fn confidence_stats(stats: &ConfidenceStats, colour: bool) -> String {
    let of = &stats.reliability;
    let mut text = "Confidence\n".to_owned();
    let calibration = stats.calibration.map_or("not known: the settings were not noted", |method| method.as_str());
    line(&mut text, "Calibration", calibration);
    line(&mut text, "Trades", &count(of.trades));
    if of.unclaimed > 0 {
        line(&mut text, "Without a claim", &format!("{}, in no figure below", count(of.unclaimed)));
    }
    line(&mut text, "Claimed", &format!("{} on average", percent(of.claimed)));
    line(&mut text, "Won", &percent(of.won));
    let share = of.brier_of_share.map_or_else(absent, |brier| format!("{brier:.4}"));
    line(&mut text, "Brier score", &format!("{}; {share} for always saying the share won", decimals(of.brier, 4)));
    line(&mut text, "Log loss", &decimals(of.log_loss, 4));
    let error = of.calibration_error.map(|error| error * 100.0);
    line(&mut text, "Calibration error", &format!("{} points", decimals(error, 1)));
    text.push_str("\nDoes it keep what it promises?\n");
    if of.trades == 0 {
        text.push_str(&bullet("No trade has ended yet that said how sure it was."));
    } else {
        text.push_str(&bins(of, colour));
        for sentence in judged(stats) {
            text.push_str(&bullet(&sentence));
        }
    }
    if !stats.brains.is_empty() {
        text.push('\n');
        text.push_str(&brains(&stats.brains, colour));
        let weight = match stats.weights {
            Some(WeightBy::ProfitFactor) => "profit factor in R",
            _ => "odds of winning",
        };
        text.push_str(&bullet(&format!(
            "Trades fade with time (META_MEMORY_TRADES). The weight is the {weight}, shrunk towards the wider record.",
        )));
    }
    text
}

fn bins(of: &ReliabilityTable, colour: bool) -> String {
    let mut rows = figures(&["Claimed", "trades", "mean\nclaimed", "won", "", "true share (%)\nwith 95 %", " "]);
    for bin in &of.bins {
        rows.add_row([
            format!("{:.2}-{:.2}", bin.from, bin.to),
            count(bin.trades),
            percent(Some(bin.claimed)),
            percent(Some(bin.won)),
            bar(bin.won),
            format!("{:.1}-{:.1}", bin.low * 100.0, bin.high * 100.0),
            if bin.holds() {
                ""
            } else if bin.claimed > bin.high {
                "too sure"
            } else {
                "too modest"
            }
            .to_owned(),
        ]);
    }
    titled("", &mut rows, colour)
}

fn judged(stats: &ConfidenceStats) -> Vec<String> {
    let of = &stats.reliability;
    let mut said = Vec::new();
    let held = of.bins.iter().filter(|bin| bin.holds()).count();
    said.push(format!(
        "In {held} of {} rows what was claimed lies where the true share may lie; chance alone breaks about one in 20.",
        of.bins.len()
    ));
    if of.trades < FEW {
        said.push(format!("{} trades say little: the intervals are as wide as they look.", count(of.trades)));
    }
    if let (Some(brier), Some(share)) = (of.brier, of.brier_of_share) {
        said.push(if brier < share {
            "It tells trades apart: its Brier score is below that of always saying the share won.".to_owned()
        } else {
            "It does not tell won trades from lost ones: always saying the share won has the smaller Brier score."
                .to_owned()
        });
    }
    if let (Some(asked), Some(last)) = (stats.asked, of.bins.last()) {
        let reached: u64 = of.bins.iter().filter(|bin| bin.from >= asked).map(|bin| bin.trades).sum();
        if last.claimed < asked {
            said.push(format!(
                "Layer 5 asks for {asked:.2} (REALAVANCAGEM_MIN_GLOBAL_CONF): no trade was claimed so high."
            ));
        } else if reached > 0 {
            said.push(format!("{} trades were claimed at {asked:.2} or more, as layer 5 asks for.", count(reached)));
        }
    }
    said
}

fn brains(of: &[BrainStanding], colour: bool) -> String {
    let mut rows = figures(&["Brain, regime", "trades", "won", "profit\nfactor (R)", "win rate,\nshrunk", "weight"]);
    let several = of.iter().any(|other| other.symbol != of[0].symbol);
    for standing in of {
        let name = match standing.regime {
            None if several => format!("{} {}", standing.symbol, standing.brain),
            None => standing.brain.clone(),
            Some(regime) => format!("  {regime}"),
        };
        rows.add_row([
            name,
            format!("{:.1}", standing.trades),
            percent(standing.won),
            decimals(standing.profit_factor, 2),
            percent(Some(standing.win_rate)),
            format!("{:.2}", standing.weight),
        ]);
    }
    titled("", &mut rows, colour)
}
