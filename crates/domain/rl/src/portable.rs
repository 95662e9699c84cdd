//! Logarithm and exponential from plain arithmetic, so that a choice has the same bits on every platform: those of the
//! system's mathematics library differ in the last place. Errors are a few units in the last place.

const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
const MANTISSA: u64 = (1 << 52) - 1;
const ONE_BITS: u64 = 1023 << 52;

/// The natural logarithm of a finite x > 0.
pub(crate) const fn ln(x: f64) -> f64 {
    let (x, lifted) = if x < f64::MIN_POSITIVE { (x * 18_014_398_509_481_984.0, 54) } else { (x, 0) };
    let mut exponent = (x.to_bits() >> 52) as i64 - 1023 - lifted;
    let mut mantissa = f64::from_bits(x.to_bits() & MANTISSA | ONE_BITS);
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa *= 0.5;
        exponent += 1;
    }
    // ln m = 2 artanh((m − 1) / (m + 1)), with |s| below 0.172.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let (mut sum, mut k) = (0.0, 23);
    while k > 1 {
        sum = (sum + 1.0 / k as f64) * square;
        k -= 2;
    }
    let exponent = exponent as f64;
    exponent * LN_2_HIGH + (2.0 * s + (2.0 * s * sum + exponent * LN_2_LOW))
}

/// e to the power of x.
pub(crate) const fn exp(x: f64) -> f64 {
    if x < -746.0 {
        return 0.0;
    }
    if x > 709.782_712_893_384 {
        return f64::INFINITY;
    }
    let half = if x < 0.0 { -0.5 } else { 0.5 };
    let doublings = (x * std::f64::consts::LOG2_E + half) as i64;
    let rest = (x - doublings as f64 * LN_2_HIGH) - doublings as f64 * LN_2_LOW;
    let (mut sum, mut k) = (OVER_FACTORIAL[14], 14);
    while k > 0 {
        k -= 1;
        sum = OVER_FACTORIAL[k] + sum * rest;
    }
    // Two factors, so that neither leaves the exponents of normal numbers.
    let first = doublings / 2;
    sum * power_of_two(first) * power_of_two(doublings - first)
}

/// 1 / k!
const OVER_FACTORIAL: [f64; 15] = {
    let (mut table, mut factorial, mut k) = ([1.0; 15], 1.0, 1);
    while k < 15 {
        factorial *= k as f64;
        table[k] = 1.0 / factorial;
        k += 1;
    }
    table
};

const fn power_of_two(exponent: i64) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

/// The square root of x > 0, for constants; at run time the processor's is exact.
pub(crate) const fn sqrt(x: f64) -> f64 {
    let mut root = exp(0.5 * ln(x));
    let mut step = 0;
    while step < 3 {
        root = 0.5 * (root + x / root);
        step += 1;
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agree_with_the_systems_to_the_last_places() {
        let mut x = 1e-300;
        while x < 1e300 {
            assert!((ln(x) - x.ln()).abs() <= 4e-16 * x.ln().abs().max(1e-3), "ln {x}");
            assert!((sqrt(x) / x.sqrt() - 1.0).abs() <= 4e-16, "sqrt {x}");
            x *= 1.37;
        }
        let mut x = -700.0_f64;
        while x < 700.0 {
            assert!((exp(x) / x.exp() - 1.0).abs() <= 1e-15, "exp {x}: {} {}", exp(x), x.exp());
            x += 0.173;
        }
        assert!((ln(5e-324) - 5e-324_f64.ln()).abs() < 1e-12);
        assert!(exp(-800.0).to_bits() == 0 && exp(800.0).is_infinite());
        for near_one in [1.0 - 1e-9, 1.0 + 1e-9] {
            assert!((ln(near_one) / near_one.ln() - 1.0).abs() < 1e-15);
        }
    }
}
