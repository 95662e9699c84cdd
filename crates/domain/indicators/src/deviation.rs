use alavanca_kernel::Price;

/// Mean and standard deviation of the last `period` prices: the middle and the width of Bollinger's bands.
///
/// Sums are exact integers of the distance from the first price seen, so nothing drifts and nothing cancels. Prices
/// further than 45 million from the first count as that far.
#[derive(Clone, Debug)]
pub struct RollingBand {
    window: Box<[i64]>,
    next: usize,
    seen: usize,
    anchor: i64,
    sum: i64,
    squares: i128,
}

/// A mean and a standard deviation (of the population), in units of 10⁻⁸.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Band {
    /// The mean.
    pub middle: f64,
    /// The standard deviation; 0 where all prices were equal.
    pub deviation: f64,
}

impl Band {
    /// The edge so many deviations above the middle.
    #[inline]
    pub fn upper(self, deviations: f64) -> f64 {
        self.middle + deviations * self.deviation
    }

    /// The edge so many deviations below the middle.
    #[inline]
    pub fn lower(self, deviations: f64) -> f64 {
        self.middle - deviations * self.deviation
    }
}

/// Keeps `n² × furthest²` below 2¹²⁷, and `n × furthest` below 2⁶³, for every period that is let in here.
const FURTHEST: i64 = 1 << 52;
const LONGEST: usize = 1_000;
const TWO_TO_64: f64 = 18_446_744_073_709_551_616.0;

fn square(value: i64) -> i128 {
    i128::from(value) * i128::from(value)
}

impl RollingBand {
    /// Over the last `period` prices, at most 1000.
    pub fn new(period: usize) -> Self {
        assert!(period <= LONGEST, "a band's period is at most {LONGEST}; settings are checked before");
        let window = vec![0; crate::checked(period)].into();
        Self { window, next: 0, seen: 0, anchor: 0, sum: 0, squares: 0 }
    }

    /// Takes the next price; the band once `period` prices were seen.
    #[inline]
    pub fn push(&mut self, price: Price) -> Option<Band> {
        if self.seen == 0 {
            self.anchor = price.raw();
        }
        let new = (price.raw() - self.anchor).clamp(-FURTHEST, FURTHEST);
        let old = std::mem::replace(&mut self.window[self.next], new);
        self.sum += new - old;
        self.squares += square(new) - square(old);
        self.next += 1;
        if self.next == self.window.len() {
            self.next = 0;
        }
        if self.seen < self.window.len() {
            self.seen += 1;
        }
        self.value()
    }

    /// The band, as of the last price.
    #[inline]
    pub fn value(&self) -> Option<Band> {
        let n = self.window.len();
        if self.seen < n {
            return None;
        }
        // Exact until the cast: n Σx² − (Σx)².
        let spread = n as i128 * self.squares - square(self.sum);
        // By halves: several times faster than the cast of the whole, and never negative.
        let spread = (spread >> 64) as u64 as f64 * TWO_TO_64 + spread as u64 as f64;
        let per = 1.0 / n as f64;
        Some(Band { middle: self.anchor as f64 + self.sum as f64 * per, deviation: spread.sqrt() * per })
    }

    /// As new.
    pub fn reset(&mut self) {
        *self = Self::new(self.window.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_the_largest_prices_and_the_longest_window() {
        let mut band = RollingBand::new(LONGEST);
        for i in 0..3 * LONGEST {
            band.push(if i % 2 == 0 { Price::LIMIT } else { Price::ZERO });
        }
        assert!(band.value().unwrap().deviation > 0.0);
    }

    #[test]
    fn equal_prices_have_no_deviation() {
        let mut band = RollingBand::new(3);
        let price = Price::from_raw(110_000_001);
        assert_eq!([band.push(price), band.push(price)], [None, None]);
        let expected = Band { middle: 110_000_001.0, deviation: 0.0 };
        assert_eq!(band.push(price), Some(expected));
    }
}
