//! Time in each regime, and what each turns into.

use std::collections::BTreeMap;

use alavanca_engine::{RegimeRecord, TradeRecord};
use alavanca_kernel::{Money, Regime, SymbolId};
use serde::Serialize;

use crate::summary::units;

/// Where the market was, over all instruments.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RegimesSummary {
    /// Bars that were seen.
    pub bars: u64,
    /// Their length, in seconds: trading time.
    pub seconds: u64,
    /// Bars in transition.
    pub transition_bars: u64,
    /// Share of the bars in transition.
    pub transition_share: Option<f64>,
    /// Trades that were entered in transition, and are not learned from (semantics 26).
    pub transition_trades: u64,
    /// Changes from one regime into another.
    pub changes: u64,
    /// Of each regime that was seen, or traded in.
    pub by_regime: BTreeMap<&'static str, RegimeTime>,
    /// What each regime turned into: how often, and its share of that regime's ends.
    pub matrix: BTreeMap<&'static str, BTreeMap<&'static str, RegimeChange>>,
}

/// One regime's part.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RegimeTime {
    /// Bars in it.
    pub bars: u64,
    /// Their length, in seconds.
    pub seconds: u64,
    /// Share of all bars.
    pub share: Option<f64>,
    /// Share of all trading time.
    pub time_share: Option<f64>,
    /// Bars in it that were in transition.
    pub transition_bars: u64,
    /// How often it ended in another. A stay that the records' end cut off is not among them.
    pub stays: u64,
    /// Bars of a stay, on average.
    pub mean_dwell_bars: Option<f64>,
    /// Half of the stays were at most so long.
    pub median_dwell_bars: Option<f64>,
    /// Trades that were entered in it.
    pub trades: u64,
    /// Those with a net result above zero.
    pub wins: u64,
    /// Their net result.
    #[serde(serialize_with = "units")]
    pub net: Money,
}

/// One way out of a regime.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RegimeChange {
    /// How often.
    pub count: u64,
    /// Of the regime's ends, the share that went this way.
    pub probability: f64,
}

/// Counts what was recorded of regimes. Its memory grows with the different lengths of stays alone.
#[derive(Debug, Clone, Default)]
pub(crate) struct RegimeTally {
    by_regime: [Counted; Regime::COUNT],
    changes: [[u64; Regime::COUNT]; Regime::COUNT],
    transition_trades: u64,
    /// Bars of the stay that has not ended yet, by instrument.
    open: BTreeMap<SymbolId, u64>,
}

#[derive(Debug, Clone, Default)]
struct Counted {
    bars: u64,
    seconds: u64,
    transition_bars: u64,
    /// How many stays were so long.
    stays: BTreeMap<u64, u64>,
    trades: u64,
    wins: u64,
    net: Money,
}

impl RegimeTally {
    pub(crate) fn change(&mut self, record: &RegimeRecord) {
        let bars = u64::from(record.bars);
        let counted = &mut self.by_regime[record.from.index()];
        counted.bars += bars;
        counted.seconds += record.seconds;
        counted.transition_bars += if record.was_transition { bars } else { 0 };
        let open = self.open.entry(record.symbol).or_default();
        *open += bars;
        if record.is_change() {
            *counted.stays.entry(std::mem::take(open)).or_default() += 1;
            self.changes[record.from.index()][record.to.index()] += 1;
        }
    }

    pub(crate) fn trade(&mut self, trade: &TradeRecord) {
        let net = trade.outcome.net;
        let counted = &mut self.by_regime[trade.outcome.state.regime.index()];
        counted.trades += 1;
        counted.wins += u64::from(net.is_positive());
        counted.net += net;
        self.transition_trades += u64::from(trade.outcome.in_transition);
    }

    pub(crate) fn summary(&self) -> RegimesSummary {
        let sum = |of: fn(&Counted) -> u64| self.by_regime.iter().map(of).sum::<u64>();
        let (bars, seconds, transition_bars) = (sum(|c| c.bars), sum(|c| c.seconds), sum(|c| c.transition_bars));
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        let regime = |regime: Regime| {
            let counted = &self.by_regime[regime.index()];
            let stays = counted.stays.values().sum();
            let length = counted.stays.iter().map(|(bars, count)| bars * count).sum();
            let time = RegimeTime {
                bars: counted.bars,
                seconds: counted.seconds,
                share: share(counted.bars, bars),
                time_share: share(counted.seconds, seconds),
                transition_bars: counted.transition_bars,
                stays,
                mean_dwell_bars: share(length, stays),
                median_dwell_bars: median(&counted.stays, stays),
                trades: counted.trades,
                wins: counted.wins,
                net: counted.net,
            };
            (regime.as_str(), time)
        };
        let out_of = |regime: Regime| {
            let counts = &self.changes[regime.index()];
            let ends: u64 = counts.iter().sum();
            let way = |to: Regime| {
                let count = counts[to.index()];
                (to.as_str(), RegimeChange { count, probability: count as f64 / ends as f64 })
            };
            let ways = Regime::ALL.into_iter().filter(|to| counts[to.index()] > 0).map(way);
            (regime.as_str(), ways.collect())
        };
        let was = |regime: &Regime| {
            let counted = &self.by_regime[regime.index()];
            counted.bars > 0 || counted.trades > 0
        };
        RegimesSummary {
            bars,
            seconds,
            transition_bars,
            transition_share: share(transition_bars, bars),
            transition_trades: self.transition_trades,
            changes: self.changes.iter().flatten().sum(),
            by_regime: Regime::ALL.into_iter().filter(was).map(regime).collect(),
            matrix: Regime::ALL
                .into_iter()
                .filter(|regime| self.changes[regime.index()].iter().any(|&count| count > 0))
                .map(out_of)
                .collect(),
        }
    }
}

/// The middle of so many lengths; between the two in the middle where their number is even.
fn median(stays: &BTreeMap<u64, u64>, count: u64) -> Option<f64> {
    let at = |place: u64| {
        let mut before = 0;
        stays.iter().find(|(_, count)| {
            before += **count;
            before > place
        })
    };
    let (low, high) = (at(count.checked_sub(1)? / 2)?.0, at(count / 2)?.0);
    Some((*low + *high) as f64 / 2.0)
}

#[cfg(test)]
mod tests {
    use alavanca_kernel::{Timestamp, TradingDay};

    use super::*;

    fn tally(records: &[(u16, Regime, bool, Regime, bool, u32)]) -> RegimesSummary {
        let mut tally = RegimeTally::default();
        for &(symbol, from, was_transition, to, transition, bars) in records {
            tally.change(&RegimeRecord {
                symbol: SymbolId::new(symbol),
                at: Timestamp::from_secs(0),
                day: TradingDay::from_days(0),
                from,
                was_transition,
                to,
                transition,
                bars,
                seconds: u64::from(bars) * if symbol == 0 { 60 } else { 300 },
            });
        }
        tally.summary()
    }

    #[test]
    fn time_dwell_and_ways_are_summed_over_changes_of_regime_alone() {
        use Regime::{Chaotic, Range, TrendUp, Unknown};
        let summary = tally(&[
            (0, Unknown, false, Range, false, 100),
            (0, Range, false, TrendUp, true, 40),
            // The flag falls: the stay goes on, of this symbol as of the other.
            (0, TrendUp, true, TrendUp, false, 5),
            (1, TrendUp, false, TrendUp, false, 0),
            (1, TrendUp, false, Range, true, 10),
            (0, TrendUp, false, Range, true, 15),
            (0, Range, true, Chaotic, true, 6),
            (0, Chaotic, true, Range, true, 3),
            // Books are closed, and the stay is cut off.
            (0, Range, true, Range, true, 21),
        ]);
        assert_eq!((summary.bars, summary.seconds), (200, 190 * 60 + 10 * 300));
        assert_eq!((summary.transition_bars, summary.transition_share), (35, Some(0.175)));
        assert_eq!(summary.changes, 6);
        let range = &summary.by_regime["RANGE"];
        assert_eq!((range.bars, range.share, range.stays), (67, Some(0.335), 2));
        assert_eq!((range.mean_dwell_bars, range.median_dwell_bars), (Some(23.0), Some(23.0)));
        let up = &summary.by_regime["TREND_UP"];
        assert_eq!((up.bars, up.transition_bars, up.stays), (30, 5, 2));
        assert_eq!((up.seconds, up.time_share), (20 * 60 + 3_000, Some(4_200.0 / 14_400.0)));
        assert_eq!((up.mean_dwell_bars, up.median_dwell_bars), (Some(15.0), Some(15.0)));
        let ways = |from: &str| -> Vec<_> {
            summary.matrix[from].iter().map(|(to, way)| (*to, way.count, way.probability)).collect()
        };
        assert_eq!(ways("RANGE"), [("CHAOTIC", 1, 0.5), ("TREND_UP", 1, 0.5)]);
        assert_eq!(ways("TREND_UP"), [("RANGE", 2, 1.0)]);
        // The second symbol was warm from the start: nothing became a trend there.
        assert_eq!(ways("UNKNOWN"), [("RANGE", 1, 1.0)]);
    }

    #[test]
    fn a_median_is_in_the_middle() {
        let stays = |lengths: &[(u64, u64)]| -> Option<f64> {
            let count = lengths.iter().map(|(_, count)| count).sum();
            median(&lengths.iter().copied().collect(), count)
        };
        assert_eq!(stays(&[]), None);
        assert_eq!(stays(&[(7, 1)]), Some(7.0));
        assert_eq!(stays(&[(3, 1), (8, 1)]), Some(5.5));
        assert_eq!(stays(&[(3, 2), (8, 1), (100, 1)]), Some(5.5));
        assert_eq!(stays(&[(3, 2), (8, 4), (100, 1)]), Some(8.0));
    }
}
