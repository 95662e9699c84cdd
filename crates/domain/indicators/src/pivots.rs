use alavanca_kernel::{Bar, Price};

/// Which end of a swing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Swing {
    /// A high: above the bars before it, not below those after it.
    High,
    /// A low: below the bars before it, not above those after it.
    Low,
}

/// A swing point, known `reach` bars after it happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pivot {
    /// High or low.
    pub swing: Swing,
    /// Where.
    pub price: Price,
    /// The weight of its bar ([`Bar::weight`]).
    pub weight: u64,
}

/// Swing highs and lows: the extreme of `reach` bars on both sides. Of equal extremes the first counts.
///
/// A pivot is told when its last bar to the right has closed, never before.
#[derive(Clone, Debug)]
pub struct Pivots {
    highs: Edge,
    lows: Edge,
    reach: usize,
    next: usize,
    seen: usize,
}

/// One end. Lows are held negated, so that both look for a maximum.
#[derive(Clone, Debug)]
struct Edge {
    before: Box<[i64]>,
    // The highest of those, and its slot.
    highest: i64,
    highest_slot: usize,
    candidate: i64,
    weight: u64,
    // Bars since the candidate; more than `reach` where there is none.
    age: usize,
}

impl Pivots {
    /// Extremes of `reach` bars to the left and to the right.
    pub fn new(reach: usize) -> Self {
        let reach = crate::checked(reach);
        let before = vec![i64::MIN; reach].into();
        let edge = Edge { before, highest: i64::MIN, highest_slot: 0, candidate: 0, weight: 0, age: usize::MAX };
        Self { highs: edge.clone(), lows: edge, reach, next: 0, seen: 0 }
    }

    /// Takes the next bar; the high and the low that it confirms.
    #[inline]
    pub fn push(&mut self, bar: &Bar) -> [Option<Pivot>; 2] {
        let full = self.seen >= self.reach;
        self.seen += usize::from(!full);
        let (slot, reach, weight) = (self.next, self.reach, bar.weight());
        self.next = if slot + 1 == reach { 0 } else { slot + 1 };
        let high = self.highs.push(bar.high.raw(), weight, slot, reach, full);
        let low = self.lows.push(-bar.low.raw(), weight, slot, reach, full);
        [
            high.map(|(raw, weight)| Pivot { swing: Swing::High, price: Price::from_raw(raw), weight }),
            low.map(|(raw, weight)| Pivot { swing: Swing::Low, price: Price::from_raw(-raw), weight }),
        ]
    }

    /// As new.
    pub fn reset(&mut self) {
        *self = Self::new(self.reach);
    }
}

impl Edge {
    #[inline]
    fn push(&mut self, value: i64, weight: u64, slot: usize, reach: usize, full: bool) -> Option<(i64, u64)> {
        let highest_before = self.highest;
        self.before[slot] = value;
        if value >= self.highest {
            (self.highest, self.highest_slot) = (value, slot);
        } else if slot == self.highest_slot {
            self.look_for_highest();
        }
        if full && value > highest_before {
            // Higher than all within reach, so also than a candidate that still waits.
            (self.candidate, self.weight, self.age) = (value, weight, 0);
            return None;
        }
        if self.age > reach {
            return None;
        }
        if value > self.candidate {
            self.age = usize::MAX;
            return None;
        }
        self.age += 1;
        if self.age < reach {
            return None;
        }
        self.age = usize::MAX;
        Some((self.candidate, self.weight))
    }

    /// The highest has left; seldom, since a higher value or `reach` bars must come first.
    #[cold]
    fn look_for_highest(&mut self) {
        self.highest = i64::MIN;
        for (slot, &value) in self.before.iter().enumerate() {
            if value >= self.highest {
                (self.highest, self.highest_slot) = (value, slot);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bar(low: i64, high: i64) -> Bar {
        let (low, high) = (Price::from_raw(low), Price::from_raw(high));
        Bar { open: low, high, low, close: high, ..Bar::default() }
    }

    proptest! {
        #[test]
        fn finds_exactly_the_extremes_of_both_sides(
            lows in prop::collection::vec(1_i64..12, 1..120),
            reach in 1_usize..5,
        ) {
            let highs: Vec<i64> = lows.iter().map(|low| low * 7 % 11 + 20).collect();
            let mut pivots = Pivots::new(reach);
            for i in 0..lows.len() {
                let [high, low] = pivots.push(&bar(lows[i], highs[i]));
                let expected = |beats: &dyn Fn(usize, usize) -> bool, ties: &dyn Fn(usize, usize) -> bool| {
                    let middle = i.checked_sub(reach)?;
                    let first = middle.checked_sub(reach)?;
                    let left = (first..middle).all(|k| beats(middle, k));
                    let right = (middle + 1..=i).all(|k| beats(middle, k) || ties(middle, k));
                    (left && right).then_some(middle)
                };
                let at_high = expected(&|a, b| highs[a] > highs[b], &|a, b| highs[a] == highs[b]);
                let at_low = expected(&|a, b| lows[a] < lows[b], &|a, b| lows[a] == lows[b]);
                prop_assert_eq!(high.map(|p| p.price.raw()), at_high.map(|k| highs[k]), "high at {}", i);
                prop_assert_eq!(low.map(|p| p.price.raw()), at_low.map(|k| lows[k]), "low at {}", i);
            }
        }
    }
}
