//! The curve of the realised result.

use alavanca_kernel::{Money, Timestamp};

/// The realised result after a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CurvePoint {
    /// When the trade was closed.
    pub at: Timestamp,
    /// Net result of all trades so far.
    pub net: Money,
    /// How far that is below its best, from 0 upwards.
    pub drawdown: Money,
}

/// The realised result over time, from zero.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Curve {
    points: Vec<CurvePoint>,
    net: Money,
    peak: Money,
}

impl Curve {
    /// A trade was closed with this net result.
    pub fn push(&mut self, at: Timestamp, net: Money) {
        self.net += net;
        self.peak = self.peak.max(self.net);
        self.points.push(CurvePoint { at, net: self.net, drawdown: self.peak - self.net });
    }

    /// Every point.
    pub fn points(&self) -> &[CurvePoint] {
        &self.points
    }

    /// At most `most` points (at least 4): of each stretch the lowest, the highest, the one furthest below its best, and
    /// the last.
    pub fn sampled(&self, most: usize) -> Vec<CurvePoint> {
        if self.points.len() <= most {
            return self.points.clone();
        }
        let stretch = self.points.len().div_ceil((most / 4).max(1));
        let mut sampled = Vec::with_capacity(most);
        for points in self.points.chunks(stretch) {
            let place = |of: Option<(usize, &CurvePoint)>| of.map_or(0, |(place, _)| place);
            let each = || points.iter().enumerate();
            let mut kept = [
                place(each().min_by_key(|(_, point)| point.net)),
                place(each().max_by_key(|(_, point)| point.net)),
                place(each().max_by_key(|(_, point)| point.drawdown)),
                points.len() - 1,
            ];
            kept.sort_unstable();
            let mut last = None;
            for place in kept {
                if last != Some(place) {
                    sampled.push(points[place]);
                }
                last = Some(place);
            }
        }
        sampled
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_curve_knows_its_falls() {
        let mut curve = Curve::default();
        for (at, net) in [(1, 500), (2, -700), (3, 100), (4, 900)] {
            curve.push(Timestamp::from_secs(at), Money::from_cents(net));
        }
        let of = |point: &CurvePoint| (point.at.secs(), point.net.cents(), point.drawdown.cents());
        let points: Vec<_> = curve.points().iter().map(of).collect();
        assert_eq!(points, [(1, 500, 0), (2, -200, 700), (3, -100, 600), (4, 800, 0)]);
    }

    proptest! {
        #[test]
        fn what_is_left_has_the_extremes_and_the_end(
            nets in prop::collection::vec(-10_000_i64..10_000, 1..600),
            most in 4_usize..80,
        ) {
            let mut curve = Curve::default();
            for (at, net) in nets.iter().enumerate() {
                curve.push(Timestamp::from_secs(at as i64), Money::from_cents(*net));
            }
            let (all, sampled) = (curve.points(), curve.sampled(most));
            prop_assert!(sampled.len() <= most);
            prop_assert!(sampled.windows(2).all(|pair| pair[0].at < pair[1].at));
            prop_assert!(sampled.iter().all(|point| all.contains(point)));
            prop_assert_eq!(sampled.iter().map(|p| p.net).max(), all.iter().map(|p| p.net).max());
            prop_assert_eq!(sampled.iter().map(|p| p.net).min(), all.iter().map(|p| p.net).min());
            prop_assert_eq!(sampled.iter().map(|p| p.drawdown).max(), all.iter().map(|p| p.drawdown).max());
            prop_assert_eq!(sampled.last(), all.last());
        }
    }
}
