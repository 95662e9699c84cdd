//! Claimed confidence, held against what came.

use std::collections::BTreeMap;

use alavanca_engine::Record;
use alavanca_kernel::TradeId;
use alavanca_stats::Beta;
use serde::Serialize;

/// Keeps of each trade the confidence of its decision until it ends, and then whether it won. Sums are integers: the
/// order of trades does not matter.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reliability {
    /// Of trades that have not ended, and of those that never were filled.
    open: BTreeMap<TradeId, f64>,
    unclaimed: u64,
    bins: [Claimed; BINS],
    // In billionths.
    squares: i64,
    surprise: i64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Claimed {
    trades: u64,
    won: u64,
    // In billionths.
    sum: i64,
}

const BINS: usize = 20;
const BILLION: f64 = 1e9;

fn billionths(value: f64) -> i64 {
    (value * BILLION).round() as i64
}

/// How far claimed confidence kept what it promised. Trades count whose decision said a confidence; won is a net result
/// above zero, as confidence claims it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ReliabilityTable {
    /// Trades.
    pub trades: u64,
    /// Trades whose decision said none, or is not among the records; in no figure beside.
    pub unclaimed: u64,
    /// Mean claimed confidence.
    pub claimed: Option<f64>,
    /// Share won.
    pub won: Option<f64>,
    /// Brier score: the mean of (claimed − came)², where came is 1 for a won trade and 0 for another. Less is better.
    pub brier: Option<f64>,
    /// The Brier score of who had claimed the share won of every trade: won · (1 − won). A confidence that tells trades
    /// apart is below it.
    pub brier_of_share: Option<f64>,
    /// Mean of −ln of what was claimed of that which came.
    pub log_loss: Option<f64>,
    /// Expected calibration error: over the bins, the mean distance of the mean claimed from the share won, weighted by
    /// trades.
    pub calibration_error: Option<f64>,
    /// The bins with trades.
    pub bins: Vec<ReliabilityBin>,
}

/// Trades of like confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ReliabilityBin {
    /// From this confidence ...
    pub from: f64,
    /// ... to below this; the last includes 1.
    pub to: f64,
    /// Trades.
    pub trades: u64,
    /// Their mean claimed confidence.
    pub claimed: f64,
    /// Share won.
    pub won: f64,
    /// Where the true share lies with 95 % or more (Clopper and Pearson).
    pub low: f64,
    /// See `low`.
    pub high: f64,
}

impl ReliabilityBin {
    /// Whether what was claimed lies where the true share may lie.
    pub fn holds(&self) -> bool {
        (self.low..=self.high).contains(&self.claimed)
    }
}

impl Reliability {
    /// Takes one record.
    pub fn observe(&mut self, record: &Record) {
        match record {
            Record::Decision(decision) => {
                let said = decision.trade.zip(decision.context.confidence);
                self.open.extend(said.map(|(trade, confidence)| (trade, confidence.get())));
            }
            Record::Trade(trade) => {
                let outcome = &trade.outcome;
                match self.open.remove(&outcome.trade) {
                    Some(claimed) => self.add(claimed, outcome.net.is_positive()),
                    None => self.unclaimed += 1,
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, claimed: f64, won: bool) {
        let came = if won { 1.0 } else { 0.0 };
        let bin = &mut self.bins[((claimed * BINS as f64) as usize).min(BINS - 1)];
        bin.trades += 1;
        bin.won += u64::from(won);
        bin.sum += billionths(claimed);
        self.squares += billionths((claimed - came) * (claimed - came));
        // Who claims certainty and is wrong would be infinitely surprised.
        self.surprise -= billionths(if won { claimed } else { 1.0 - claimed }.max(1e-12).ln());
    }

    /// The table so far.
    pub fn table(&self) -> ReliabilityTable {
        let trades: u64 = self.bins.iter().map(|bin| bin.trades).sum();
        let mean = |sum: f64| (trades > 0).then(|| sum / trades as f64);
        let of_billionths = |sum: i64| mean(sum as f64 / BILLION);
        let won = mean(self.bins.iter().map(|bin| bin.won as f64).sum());
        let seen = self.bins.iter().enumerate().filter(|(_, bin)| bin.trades > 0);
        let bins: Vec<ReliabilityBin> = seen.map(|(place, bin)| bin.shown(place)).collect();
        ReliabilityTable {
            trades,
            unclaimed: self.unclaimed,
            claimed: of_billionths(self.bins.iter().map(|bin| bin.sum).sum()),
            won,
            brier: of_billionths(self.squares),
            brier_of_share: won.map(|won| won * (1.0 - won)),
            log_loss: of_billionths(self.surprise),
            calibration_error: mean(bins.iter().map(|bin| bin.trades as f64 * (bin.claimed - bin.won).abs()).sum()),
            bins,
        }
    }
}

impl Claimed {
    fn shown(&self, place: usize) -> ReliabilityBin {
        let (trades, won) = (self.trades as f64, self.won as f64);
        let low = if self.won == 0 { 0.0 } else { Beta::new(won, trades - won + 1.0).quantile(0.025) };
        let high = if self.won == self.trades { 1.0 } else { Beta::new(won + 1.0, trades - won).quantile(0.975) };
        ReliabilityBin {
            from: place as f64 / BINS as f64,
            to: (place + 1) as f64 / BINS as f64,
            trades: self.trades,
            claimed: self.sum as f64 / BILLION / trades,
            won: won / trades,
            low,
            high,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_was_claimed_and_what_came() {
        let mut reliability = Reliability::default();
        // 0.72 ten times, seven won; 0.30 five times, none; certainty once, and it lost.
        for i in 0..10 {
            reliability.add(0.72, i < 7);
        }
        for _ in 0..5 {
            reliability.add(0.30, false);
        }
        reliability.add(1.0, false);
        let table = reliability.table();
        let close = |got: f64, expected: f64| assert!((got - expected).abs() < 2e-9, "{got} is not {expected}");
        assert_eq!((table.trades, table.bins.len()), (16, 3));
        close(table.won.unwrap(), 7.0 / 16.0);
        close(table.claimed.unwrap(), (7.2 + 1.5 + 1.0) / 16.0);
        let squares = 7.0 * 0.28_f64.powi(2) + 3.0 * 0.72_f64.powi(2) + 5.0 * 0.09 + 1.0;
        close(table.brier.unwrap(), squares / 16.0);
        close(table.calibration_error.unwrap(), (10.0 * 0.02 + 5.0 * 0.30 + 1.0) / 16.0);
        let surprise = -(7.0 * 0.72_f64.ln() + 3.0 * 0.28_f64.ln() + 5.0 * 0.7_f64.ln() + 1e-12_f64.ln());
        close(table.log_loss.unwrap(), surprise / 16.0);
        // Clopper and Pearson for 7 of 10 and 0 of 5, as tables of them have it.
        let [none, seven, one] = table.bins[..] else { panic!("{table:?}") };
        assert!((seven.low - 0.347_5).abs() < 1e-4 && (seven.high - 0.933_3).abs() < 1e-4, "{seven:?}");
        assert!(none.low.abs() < 1e-12 && (none.high - 0.521_8).abs() < 1e-4, "{none:?}");
        assert!(seven.holds() && none.holds() && !one.holds());
        assert!((seven.from - 0.70).abs() < 1e-12 && (one.to - 1.0).abs() < 1e-12);
    }

    #[test]
    fn without_trades_nothing_is_said() {
        assert_eq!(Reliability::default().table(), ReliabilityTable::default());
    }
}
