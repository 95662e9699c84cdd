/// Mean of the last `period` values.
///
/// Adding and removing leaves a rounding error behind each time. A second sum takes in only what is new and replaces
/// the first whenever the window has been written anew, so that an error lives for at most two windows. That costs one
/// addition a value and never a pause.
#[derive(Clone, Debug)]
pub struct RollingMean {
    window: Box<[f64]>,
    part: f64,
    next: usize,
    filled: bool,
    sum: f64,
    fresh: f64,
}

impl RollingMean {
    /// Over the last `period` values.
    pub fn new(period: usize) -> Self {
        let window = vec![0.0; crate::checked(period)].into();
        Self { window, part: 1.0 / period as f64, next: 0, filled: false, sum: 0.0, fresh: 0.0 }
    }

    /// Takes the next value; the mean once `period` values were seen.
    #[inline]
    pub fn push(&mut self, value: f64) -> Option<f64> {
        self.sum += value - self.window[self.next];
        self.fresh += value;
        self.window[self.next] = value;
        self.next += 1;
        if self.next == self.window.len() {
            (self.next, self.filled) = (0, true);
            (self.sum, self.fresh) = (self.fresh, 0.0);
        }
        self.value()
    }

    /// The mean, as of the last value.
    #[inline]
    pub fn value(&self) -> Option<f64> {
        self.filled.then_some(self.sum * self.part)
    }

    /// As new.
    pub fn reset(&mut self) {
        *self = Self::new(self.window.len());
    }
}

/// The highest of the last `period` values, in amortised constant time.
#[derive(Clone, Debug)]
pub struct RollingMax {
    // Candidates from the highest and oldest to the lowest and newest, as (number, value) in a ring.
    ring: Box<[(u64, i64)]>,
    head: usize,
    len: usize,
    seen: u64,
}

impl RollingMax {
    /// Over the last `period` values.
    pub fn new(period: usize) -> Self {
        Self { ring: vec![(0, 0); crate::checked(period)].into(), head: 0, len: 0, seen: 0 }
    }

    /// Takes the next value; the highest of the last `period`, or of all seen while there are fewer.
    #[inline]
    pub fn push(&mut self, value: i64) -> i64 {
        let period = self.ring.len();
        while self.len > 0 && self.ring[self.slot(self.len - 1)].1 <= value {
            self.len -= 1;
        }
        if self.len > 0 && self.ring[self.head].0 + period as u64 <= self.seen {
            self.head = self.slot(1);
            self.len -= 1;
        }
        let slot = self.slot(self.len);
        self.ring[slot] = (self.seen, value);
        self.len += 1;
        self.seen += 1;
        self.ring[self.head].1
    }

    /// The highest, as of the last value; `None` before the first.
    #[inline]
    pub fn value(&self) -> Option<i64> {
        (self.len > 0).then(|| self.ring[self.head].1)
    }

    /// Whether `period` values were seen.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.seen >= self.ring.len() as u64
    }

    #[inline]
    fn slot(&self, at: usize) -> usize {
        let slot = self.head + at;
        if slot >= self.ring.len() { slot - self.ring.len() } else { slot }
    }

    /// As new.
    pub fn reset(&mut self) {
        (self.head, self.len, self.seen) = (0, 0, 0);
    }
}

/// The lowest of the last `period` values, in amortised constant time.
#[derive(Clone, Debug)]
pub struct RollingMin(RollingMax);

impl RollingMin {
    /// Over the last `period` values.
    pub fn new(period: usize) -> Self {
        Self(RollingMax::new(period))
    }

    /// Takes the next value; the lowest of the last `period`, or of all seen while there are fewer.
    #[inline]
    pub fn push(&mut self, value: i64) -> i64 {
        // The complement turns the order around without an overflow at the smallest integer.
        !self.0.push(!value)
    }

    /// The lowest, as of the last value; `None` before the first.
    #[inline]
    pub fn value(&self) -> Option<i64> {
        self.0.value().map(|value| !value)
    }

    /// Whether `period` values were seen.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.0.is_full()
    }

    /// As new.
    pub fn reset(&mut self) {
        self.0.reset();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_rounding_error_does_not_outlive_two_windows() {
        let mut mean = RollingMean::new(10);
        // 1e17 swallows everything below 16: without the fresh sum the ones after it would be wrong for ever.
        for value in std::iter::once(1e17).chain(std::iter::repeat_n(1.0, 20)) {
            mean.push(value);
        }
        assert_eq!(mean.value().map(f64::to_bits), Some(1.0_f64.to_bits()));
    }

    proptest! {
        #[test]
        fn mean_equals_the_plain_mean(values in prop::collection::vec(-1e6_f64..1e6, 1..200), period in 1_usize..30) {
            let mut mean = RollingMean::new(period);
            for (i, &value) in values.iter().enumerate() {
                let got = mean.push(value);
                prop_assert_eq!(got.is_some(), i + 1 >= period);
                if let Some(got) = got {
                    let plain = values[i + 1 - period..=i].iter().sum::<f64>() / period as f64;
                    prop_assert!((got - plain).abs() < 1e-8, "{} {}", got, plain);
                }
            }
        }

        #[test]
        fn extremes_equal_the_plain_ones(
            values in prop::collection::vec(prop_oneof![-4_i64..4, any::<i64>()], 1..200),
            period in 1_usize..30,
        ) {
            let (mut max, mut min) = (RollingMax::new(period), RollingMin::new(period));
            for i in 0..values.len() {
                let window = &values[(i + 1).saturating_sub(period)..=i];
                prop_assert_eq!(Some(max.push(values[i])), window.iter().copied().max());
                prop_assert_eq!(Some(min.push(values[i])), window.iter().copied().min());
                prop_assert_eq!(max.is_full(), i + 1 >= period);
            }
        }
    }
}
