use alavanca_kernel::Price;

/// Which numbers are round near a price.
///
/// Without a step of one's own, major ones are apart by what is nearest to 1 % of the price among 1, 2 and 5 times a
/// power of ten; minor ones by half of that, or a fifth where it begins with a 5: 1000 and 500 at 110,000, 50 and 10 at
/// 5,500, 0.0100 and 0.0050 at 1.19.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct RoundSteps {
    pub(super) major: i64,
    pub(super) minor: i64,
}

impl RoundSteps {
    /// Of a market at that price; a step of one's own, above zero, is the minor one, and twice as much the major one.
    pub(super) fn at(price: Price, own: Price, tick: Price) -> Self {
        let tick = tick.raw().max(1);
        if own.is_positive() {
            return Self { major: own.raw().saturating_mul(2), minor: own.raw() };
        }
        let hundredth = (price.raw() / 100).max(1) as f64;
        let (mut best, mut fifth) = ((1_i64, f64::INFINITY), false);
        let mut power = 1_i64;
        while power <= Price::LIMIT.raw() / 10 {
            for digit in [1, 2, 5] {
                let step = power * digit;
                let ratio = hundredth / step as f64;
                let away = ratio.max(1.0 / ratio);
                if away < best.1 {
                    (best, fifth) = ((step, away), digit == 5);
                }
            }
            power *= 10;
        }
        // Never finer than the market's own grid.
        let major = best.0.max(tick);
        Self { major, minor: (major / if fifth { 5 } else { 2 }).max(tick) }
    }

    /// The minor step at or below, and the one above.
    pub(super) fn around(self, raw: i64) -> (i64, i64) {
        let below = raw.div_euclid(self.minor) * self.minor;
        (below, below + self.minor)
    }

    pub(super) const fn is_major(self, raw: i64) -> bool {
        raw % self.major == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_those_people_think_in() {
        let check = |price: &str, own: &str, tick: &str, [major, minor]: [&str; 2]| {
            let [price, own, tick, major, minor] = [price, own, tick, major, minor].map(|text| text.parse().unwrap());
            let expected = RoundSteps { major: Price::raw(major), minor: Price::raw(minor) };
            assert_eq!(RoundSteps::at(price, own, tick), expected, "{price} {own}");
        };
        check("110000", "0", "5", ["1000", "500"]);
        check("94000", "0", "5", ["1000", "500"]);
        check("65000", "0", "5", ["500", "100"]);
        check("180000", "0", "5", ["2000", "1000"]);
        check("5500", "0", "0.5", ["50", "10"]);
        check("3300", "0", "0.5", ["50", "10"]);
        check("1.19", "0", "0.00001", ["0.01", "0.005"]);
        check("1.19", "0.0025", "0.00001", ["0.005", "0.0025"]);
        check("0.5", "0", "0.5", ["0.5", "0.5"]);
        assert_eq!(RoundSteps { major: 1_000, minor: 500 }.around(110_500), (110_500, 111_000));
        assert_eq!(RoundSteps { major: 1_000, minor: 500 }.around(110_499), (110_000, 110_500));
    }
}
