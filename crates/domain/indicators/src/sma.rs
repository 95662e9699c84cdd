use alavanca_kernel::Price;

/// Simple moving average of prices. The sum is an exact integer: it never drifts, however long it runs.
#[derive(Clone, Debug)]
pub struct Sma {
    window: Box<[i64]>,
    next: usize,
    filled: bool,
    sum: i128,
}

impl Sma {
    /// Over the last `period` prices.
    pub fn new(period: usize) -> Self {
        Self { window: vec![0; crate::checked(period)].into(), next: 0, filled: false, sum: 0 }
    }

    /// Takes the next price; the average (rounded towards zero to 10⁻⁸) once `period` prices were seen.
    #[inline]
    pub fn push(&mut self, price: Price) -> Option<Price> {
        self.sum += i128::from(price.raw()) - i128::from(self.window[self.next]);
        self.window[self.next] = price.raw();
        self.next += 1;
        if self.next == self.window.len() {
            self.next = 0;
            self.filled = true;
        }
        self.value()
    }

    /// The average, as of the last price.
    #[inline]
    pub fn value(&self) -> Option<Price> {
        self.filled.then(|| {
            let period = self.window.len() as i64;
            // The sum nearly always fits, and the wide division costs ten times as much.
            let mean =
                i64::try_from(self.sum).map_or_else(|_| (self.sum / i128::from(period)) as i64, |sum| sum / period);
            Price::from_raw(mean)
        })
    }

    /// The exact sum of the window in units of 10⁻⁸; `None` while it fills.
    #[inline]
    pub fn sum(&self) -> Option<i128> {
        self.filled.then_some(self.sum)
    }

    /// How many prices it covers.
    pub fn period(&self) -> usize {
        self.window.len()
    }

    /// As new.
    pub fn reset(&mut self) {
        self.window.fill(0);
        (self.next, self.filled, self.sum) = (0, false, 0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prices_at_the_limit_do_not_overflow() {
        let mut average = Sma::new(200);
        for _ in 0..500 {
            average.push(Price::LIMIT);
        }
        assert_eq!(average.value(), Some(Price::LIMIT));
    }

    proptest! {
        #[test]
        fn equals_the_plain_sum_of_the_window(
            prices in prop::collection::vec(1_i64..20_000_000_000_000, 1..300),
            period in 1_usize..40,
        ) {
            let mut average = Sma::new(period);
            for (i, &raw) in prices.iter().enumerate() {
                average.push(Price::from_raw(raw));
                let expected = (i + 1 >= period)
                    .then(|| prices[i + 1 - period..=i].iter().map(|&p| i128::from(p)).sum::<i128>());
                prop_assert_eq!(average.sum(), expected);
            }
            average.reset();
            prop_assert_eq!(average.push(Price::from_raw(7)).is_some(), period == 1);
        }
    }
}
