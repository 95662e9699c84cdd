//! How well a detector finds what is known.

use alavanca_kernel::Regime;
use alavanca_regime::RegimeDetector;

use super::Market;

/// What is told apart.
pub(crate) const CLASSES: [Regime; 6] =
    [Regime::TrendUp, Regime::TrendDown, Regime::Range, Regime::HighVol, Regime::Chaotic, Regime::Exhaustion];

/// Sums over markets.
#[derive(Debug, Default)]
pub(crate) struct Score {
    /// Bars, by the true regime and the one that was said.
    pub(crate) bars: [[u64; Regime::COUNT]; Regime::COUNT],
    /// By the true regime: after how many bars it was first said.
    pub(crate) delays: [Vec<u64>; Regime::COUNT],
    /// By the true regime: stretches of it.
    pub(crate) stretches: [u64; Regime::COUNT],
    /// Changes that the detector saw, and those there were.
    pub(crate) changes: [u64; 2],
    /// Bars that were said to be in transition.
    pub(crate) transition_bars: u64,
}

impl Score {
    /// Runs a detector over a market; the first days are for learning what is usual.
    pub(crate) fn add(&mut self, detector: &mut dyn RegimeDetector, market: &Market, learn: usize) {
        let (mut stretch, mut found, mut last) = (None, false, Regime::Unknown);
        for (n, (bar, truth)) in market.bars.iter().zip(&market.truth).enumerate() {
            let view = detector.on_bar(bar);
            if n < learn {
                last = view.regime;
                continue;
            }
            self.bars[truth.index()][view.regime.index()] += 1;
            self.transition_bars += u64::from(view.transition);
            self.changes[0] += u64::from(view.regime != last);
            last = view.regime;
            if market.truth[n - 1] != *truth {
                (stretch, found) = (Some(n), false);
                self.stretches[truth.index()] += 1;
                self.changes[1] += 1;
            }
            if let Some(begin) = stretch
                && !found
                && view.regime == *truth
            {
                found = true;
                self.delays[truth.index()].push((n - begin) as u64);
            }
        }
    }

    /// Of the bars of a regime, the share that was said to be it.
    pub(crate) fn recall(&self, regime: Regime) -> f64 {
        let row = &self.bars[regime.index()];
        row[regime.index()] as f64 / row.iter().sum::<u64>().max(1) as f64
    }

    /// Of the bars that were said to be a regime, the share that was.
    pub(crate) fn precision(&self, regime: Regime) -> f64 {
        let said: u64 = self.bars.iter().map(|row| row[regime.index()]).sum();
        self.bars[regime.index()][regime.index()] as f64 / said.max(1) as f64
    }

    /// Bars said rightly.
    pub(crate) fn accuracy(&self) -> f64 {
        let right: u64 = CLASSES.iter().map(|regime| self.bars[regime.index()][regime.index()]).sum();
        right as f64 / self.bars.iter().flatten().sum::<u64>().max(1) as f64
    }

    /// Of the stretches of a regime, the share that was found before it ended.
    pub(crate) fn found(&self, regime: Regime) -> f64 {
        self.delays[regime.index()].len() as f64 / self.stretches[regime.index()].max(1) as f64
    }

    /// After so many bars that share of the stretches that were found had been.
    pub(crate) fn delay(&self, regime: Regime, share: f64) -> u64 {
        let mut delays = self.delays[regime.index()].clone();
        delays.sort_unstable();
        let place = (share * delays.len() as f64).ceil() as usize;
        delays.get(place.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// As a table for the book: of each true regime's bars, the percentage that was said to be each.
    pub(crate) fn table(&self) -> String {
        let mut header = vec!["true".to_owned()];
        header.extend(CLASSES.map(|regime| regime.to_string()));
        header.extend(["precision", "found", "after bars, median", "90 %"].map(str::to_owned));
        let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
        let mut lines = vec![line(header), format!("|---|{}", "---:|".repeat(CLASSES.len() + 4))];
        for truth in CLASSES {
            let row = &self.bars[truth.index()];
            let whole = row.iter().sum::<u64>() as f64;
            let percent = |share: f64| format!("{:.1}", 100.0 * share);
            let mut cells = vec![truth.to_string()];
            cells.extend(CLASSES.map(|said| {
                let share = percent(row[said.index()] as f64 / whole);
                if said == truth { format!("**{share}**") } else { share }
            }));
            cells.extend([self.precision(truth), self.found(truth)].map(percent));
            cells.extend([0.5, 0.9].map(|share| self.delay(truth, share).to_string()));
            lines.push(line(cells));
        }
        lines.join("\n")
    }

    /// What stands below the table.
    pub(crate) fn words(&self) -> String {
        let bars = self.bars.iter().flatten().sum::<u64>();
        format!(
            "{:.1} % of {bars} bars said rightly; {} changes where there were {}; {:.1} % of the bars in transition.",
            100.0 * self.accuracy(),
            self.changes[0],
            self.changes[1],
            100.0 * self.transition_bars as f64 / bars as f64,
        )
    }
}
