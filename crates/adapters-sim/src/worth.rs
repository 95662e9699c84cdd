use alavanca_kernel::{Instrument, Money, SettingError};

/// What a price distance is worth, as a reduced fraction of centavos per 10⁻⁸. Gives what
/// [`Instrument::gross`] gives, without its wide division.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Worth {
    numerator: i64,
    denominator: i64,
}

impl Worth {
    pub(crate) fn of(instrument: &Instrument) -> Result<Self, SettingError> {
        let (value, point) = (instrument.point_value_micros, instrument.point.raw());
        if value <= 0 {
            return Err(SettingError::new("CONTRACT_POINT_VALUE", value, "a value above zero, in 10⁻⁶"));
        }
        // 10⁻⁶ of the currency per point; 10⁴ of those make a centavo.
        let denominator = point.checked_mul(10_000).filter(|&d| d > 0);
        let Some(denominator) = denominator else {
            return Err(SettingError::new("POINT_SIZE", instrument.point, "a price distance above zero"));
        };
        let common = greatest_common_divisor(value, denominator);
        Ok(Self { numerator: value / common, denominator: denominator / common })
    }

    /// The worth of a distance times contracts, in 10⁻⁸, rounded once, halves away from zero.
    #[inline]
    pub(crate) fn money(self, distance: i128) -> Money {
        match i64::try_from(distance) {
            Ok(small) => self.money_of(small),
            Err(_) => self.money_of_large(distance),
        }
    }

    /// The same in 64 bits, which nearly every distance fits.
    #[inline]
    pub(crate) fn money_of(self, distance: i64) -> Money {
        let half = if distance >= 0 { self.denominator / 2 } else { -(self.denominator / 2) };
        match distance.checked_mul(self.numerator).and_then(|value| value.checked_add(half)) {
            Some(value) => Money::from_cents(value / self.denominator),
            None => self.money_of_large(i128::from(distance)),
        }
    }

    #[cold]
    fn money_of_large(self, distance: i128) -> Money {
        let Some(numerator) = distance.checked_mul(i128::from(self.numerator)) else {
            return Money::from_cents(if distance > 0 { i64::MAX } else { i64::MIN });
        };
        let half = self.denominator / 2;
        let half = i128::from(if numerator >= 0 { half } else { -half });
        let cents = (numerator + half) / i128::from(self.denominator);
        Money::from_cents(i64::try_from(cents).unwrap_or(if cents > 0 { i64::MAX } else { i64::MIN }))
    }
}

const fn greatest_common_divisor(mut a: i64, mut b: i64) -> i64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use alavanca_kernel::{Contracts, PRESETS, Price, Side};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn is_worth_what_the_instrument_says(
            preset in 0..PRESETS.len(),
            value in prop_oneof![Just(None), (1_i64..1_000_000_000).prop_map(Some)],
            // From the last decimal to distances that leave 64 bits behind.
            distance in prop_oneof![-1_000..1_000_i64, -1_000_000_000_000..1_000_000_000_000_i64, -Price::LIMIT.raw()..Price::LIMIT.raw()],
            count in prop_oneof![1..50_u32, any::<u32>()],
        ) {
            let mut instrument = Instrument::preset(PRESETS[preset]).unwrap();
            instrument.point_value_micros = value.unwrap_or(instrument.point_value_micros);
            let worth = Worth::of(&instrument).unwrap();
            for side in [Side::Buy, Side::Sell] {
                let expected = instrument.gross(side, Price::ZERO, Price::from_raw(distance), Contracts::new(count));
                prop_assert_eq!(worth.money(i128::from(distance * side.sign()) * i128::from(count)), expected);
            }
        }
    }
}
