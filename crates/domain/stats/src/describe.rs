//! The plain figures of results: moments, quantiles, Sharpe, drawdown, profit factor.

use alavanca_kernel::Money;

/// Count, mean and variance of numbers as they come (Welford).
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Moments {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Moments {
    /// Takes in one number.
    #[inline]
    pub fn push(&mut self, value: f64) {
        self.count += 1;
        let before = value - self.mean;
        self.mean += before / self.count as f64;
        self.squares += before * (value - self.mean);
    }

    /// How many.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Their mean; `None` of none.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// Their sample variance (n − 1); `None` of fewer than two.
    pub fn variance(&self) -> Option<f64> {
        (self.count > 1).then(|| self.squares / (self.count - 1) as f64)
    }

    /// Their sample standard deviation; `None` of fewer than two.
    pub fn std_dev(&self) -> Option<f64> {
        self.variance().map(f64::sqrt)
    }

    /// The mean's standard error; `None` of fewer than two.
    pub fn std_error(&self) -> Option<f64> {
        self.std_dev().map(|deviation| deviation / (self.count as f64).sqrt())
    }
}

impl FromIterator<f64> for Moments {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut moments = Self::default();
        values.into_iter().for_each(|value| moments.push(value));
        moments
    }
}

/// The quantile at `share` (0 to 1) of ascending numbers, between neighbours by proportion; `None` of none.
pub fn quantile(ascending: &[f64], share: f64) -> Option<f64> {
    let place = share.clamp(0.0, 1.0) * ascending.len().checked_sub(1)? as f64;
    let (low, high) = (ascending[place.floor() as usize], ascending[place.ceil() as usize]);
    Some(low + (high - low) * place.fract())
}

/// Mean over standard deviation of daily results, not annualised; `None` of fewer than two days or where all are the
/// same.
pub fn sharpe_per_day(days: &[f64]) -> Option<f64> {
    let moments: Moments = days.iter().copied().collect();
    let deviation = moments.std_dev().filter(|&deviation| deviation > 0.0)?;
    Some(moments.mean()? / deviation)
}

/// The largest fall of an equity curve from its highest point so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Drawdown {
    /// How far it fell; zero where it never did.
    pub amount: Money,
    /// Which value was the high.
    pub from: usize,
    /// Which value was the low.
    pub to: usize,
}

/// The largest fall, the first of equals; `None` of no values.
pub fn max_drawdown(equity: impl IntoIterator<Item = Money>) -> Option<Drawdown> {
    let mut peak: Option<(Money, usize)> = None;
    let mut worst: Option<Drawdown> = None;
    for (at, value) in equity.into_iter().enumerate() {
        let (high, from) = *peak.get_or_insert((value, at));
        if value > high {
            peak = Some((value, at));
        } else if worst.is_none_or(|worst| high - value > worst.amount) {
            worst = Some(Drawdown { amount: high - value, from, to: at });
        }
    }
    worst
}

/// What the winners made over what the losers lost; `None` where nothing was lost.
pub fn profit_factor(nets: impl IntoIterator<Item = Money>) -> Option<f64> {
    let (mut won, mut lost) = (Money::ZERO, Money::ZERO);
    for net in nets {
        if net.is_positive() {
            won += net;
        } else {
            lost -= net;
        }
    }
    lost.is_positive().then(|| won.to_f64() / lost.to_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(cents: &[i64]) -> Vec<Money> {
        cents.iter().map(|&cents| Money::from_cents(cents)).collect()
    }

    #[track_caller]
    fn check(got: Option<f64>, expected: Option<f64>) {
        match (got, expected) {
            (Some(got), Some(expected)) => assert!((got - expected).abs() < 1e-12, "{got} instead of {expected}"),
            (got, expected) => assert_eq!(got, expected),
        }
    }

    #[test]
    fn moments_of_a_hand_worked_case() {
        let moments: Moments = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0].into_iter().collect();
        check(moments.mean(), Some(5.0));
        check(moments.variance(), Some(32.0 / 7.0));
        check(moments.std_error(), Some((32.0_f64 / 7.0 / 8.0).sqrt()));
        let one: Moments = [3.0].into_iter().collect();
        check(one.variance(), None);
        check(Moments::default().mean(), None);
        // Far from zero the two-pass formula's digits survive.
        let far: Moments = [1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0].into_iter().collect();
        check(far.variance(), Some(30.0));
    }

    #[test]
    fn quantiles_between_neighbours() {
        for (share, expected) in [(0.0, 1.0), (0.5, 2.5), (0.25, 1.75), (1.0, 4.0), (7.0, 4.0)] {
            check(quantile(&[1.0, 2.0, 3.0, 4.0], share), Some(expected));
        }
        check(quantile(&[], 0.5), None);
        check(quantile(&[8.0], 0.9), Some(8.0));
    }

    #[test]
    fn sharpe_is_mean_over_deviation() {
        check(sharpe_per_day(&[1.0, 2.0, 3.0]), Some(2.0));
        check(sharpe_per_day(&[-1.0, -2.0, -3.0]), Some(-2.0));
        check(sharpe_per_day(&[5.0, 5.0]), None);
        check(sharpe_per_day(&[5.0]), None);
    }

    #[test]
    fn drawdown_is_from_a_high_to_a_later_low() {
        for (cents, amount, from, to) in [
            (&[0_i64, 10, 4, 12, 5, 7][..], 7, 3, 4),
            (&[10, 8, 10, 8], 2, 0, 1),
            (&[1, 2, 3], 0, 0, 0),
            (&[-5, -9], 4, 0, 1),
            (&[100, 0, 300, 150], 150, 2, 3),
        ] {
            let drawdown = max_drawdown(money(cents)).unwrap();
            assert_eq!(drawdown.amount, Money::from_cents(amount), "{cents:?}");
            if amount > 0 {
                assert_eq!((drawdown.from, drawdown.to), (from, to), "{cents:?}");
            }
        }
        assert_eq!(max_drawdown([]), None);
    }

    #[test]
    fn profit_factor_is_won_over_lost() {
        check(profit_factor(money(&[300, -100, 0, 200, -150])), Some(2.0));
        check(profit_factor(money(&[-100])), Some(0.0));
        check(profit_factor(money(&[100])), None);
    }
}
