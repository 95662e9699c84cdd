//! Special functions, accurate to about 1e-14 relative where not said otherwise.

use std::f64::consts::{PI, TAU};

/// ln Γ(x) for x > 0.
pub fn ln_gamma(x: f64) -> f64 {
    // Γ(x) = Γ(x + n) / (x (x + 1) ... (x + n − 1)): Stirling's series serves from 15 on.
    let (mut shifted, mut product) = (x, 1.0);
    while shifted < 15.0 {
        product *= shifted;
        shifted += 1.0;
    }
    (shifted - 0.5) * shifted.ln() - shifted + 0.5 * TAU.ln() + stirling_series(shifted) - product.ln()
}

/// What Stirling's formula lacks: ln Γ(x) − ((x − ½) ln x − x + ½ ln 2π), for x > 0. Absolute error about 1e-15 from
/// 15 on, 1e-14 below.
pub fn stirling_error(x: f64) -> f64 {
    if x >= 15.0 { stirling_series(x) } else { ln_gamma(x) - ((x - 0.5) * x.ln() - x + 0.5 * TAU.ln()) }
}

/// The series 1/(12 x) − 1/(360 x³) + ..., for x ≥ 15.
fn stirling_series(x: f64) -> f64 {
    let y = 1.0 / (x * x);
    (1.0 / 12.0
        - y * (1.0 / 360.0 - y * (1.0 / 1260.0 - y * (1.0 / 1680.0 - y * (1.0 / 1188.0 - y * (691.0 / 360_360.0))))))
        / x
}

/// I_x(a, b), the chance that a Beta(a, b) is at most x: 0 below x = 0 and 1 above x = 1.
pub fn regularized_incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        0.0
    } else if x >= 1.0 {
        1.0
    } else {
        Beta::new(a, b).density_and_cdf_at_logit(x.ln() - (-x).ln_1p()).1
    }
}

/// A Beta distribution, looked at in logit space: z = ln(x / (1 − x)). There its density is smooth and its tails fall
/// exponentially, whatever the shapes.
#[derive(Clone, Copy, Debug)]
pub struct Beta {
    a: f64,
    b: f64,
    /// The logit of a / (a + b), where the density has its top.
    top: f64,
    /// The density at its top.
    height: f64,
}

impl Beta {
    /// Beta(a, b), for finite shapes > 0.
    pub fn new(a: f64, b: f64) -> Self {
        let sum = a + b;
        // Relative to the top the large terms of ln B cancel by themselves, so that shapes of millions keep their digits.
        let height =
            (a / sum * b / (2.0 * PI)).sqrt() * (stirling_error(sum) - stirling_error(a) - stirling_error(b)).exp();
        Self { a, b, top: a.ln() - b.ln(), height }
    }

    /// The logit of the mean, which is the mode in logit space.
    pub const fn top(&self) -> f64 {
        self.top
    }

    /// The width of a normal distribution with the same curvature at the top, in logit space.
    pub fn width(&self) -> f64 {
        (1.0 / self.a + 1.0 / self.b).sqrt()
    }

    /// An interval in logit space outside which less than 1e-13 lies on either side.
    pub fn support(&self) -> (f64, f64) {
        let normal = 9.0 * self.width();
        (self.top - normal - 32.0 / self.a, self.top + normal + 32.0 / self.b)
    }

    /// The value that is not exceeded with this probability, from 0 to 1; accurate to about 1e-12 where the probability
    /// lies between 1e-12 and 1 − 1e-12.
    pub fn quantile(&self, probability: f64) -> f64 {
        if probability <= 0.0 {
            return 0.0;
        }
        if probability >= 1.0 {
            return 1.0;
        }
        let (mut low, mut high) = self.support();
        let mut z = self.top.clamp(low, high);
        // Newton's steps, and halving where one would leave the interval: 200 halvings exhaust any.
        for _ in 0..200 {
            let (density, cdf) = self.density_and_cdf_at_logit(z);
            if cdf < probability {
                low = z;
            } else {
                high = z;
            }
            let step = z - (cdf - probability) / density;
            let next = if step > low && step < high { step } else { 0.5 * (low + high) };
            if (next - z).abs() <= 1e-15 * (1.0 + z.abs()) {
                z = next;
                break;
            }
            z = next;
        }
        1.0 / (1.0 + (-z).exp())
    }

    /// Density in z, and the chance of at most z.
    pub fn density_and_cdf_at_logit(&self, z: f64) -> (f64, f64) {
        let (a, b, sum) = (self.a, self.b, self.a + self.b);
        let w = z - self.top;
        // ln of (density / height): a w − sum ln(q + p eʷ), in the form that does not overflow.
        let relative = if w > 0.0 {
            -b * w - sum * (b / sum * (-w).exp_m1()).ln_1p()
        } else {
            a * w - sum * (a / sum * w.exp_m1()).ln_1p()
        };
        let density = self.height * relative.exp();
        // x and 1 − x, each with all its digits.
        let (x, rest) = if z > 0.0 {
            let e = (-z).exp();
            (1.0 / (1.0 + e), e / (1.0 + e))
        } else {
            let e = z.exp();
            (e / (1.0 + e), 1.0 / (1.0 + e))
        };
        let cdf = if x * (sum + 2.0) < a + 1.0 {
            density * continued_fraction(a, b, x) / a
        } else {
            1.0 - density * continued_fraction(b, a, rest) / b
        };
        (density, cdf.clamp(0.0, 1.0))
    }
}

/// The continued fraction of I_x(a, b) (DLMF 8.17.22) by Lentz's method, x below its mean.
fn continued_fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away_from_zero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    // About the root of the larger shape many steps suffice; the bound only guards the loop.
    let most = 1000 + 20 * (a.max(b)).sqrt() as u64;
    for step in 1..most {
        let m = step as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away_from_zero(1.0 + even * d);
        c = away_from_zero(1.0 + even / c);
        fraction *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away_from_zero(1.0 + odd * d);
        c = away_from_zero(1.0 + odd / c);
        let factor = d * c;
        fraction *= factor;
        if (factor - 1.0).abs() < 1e-16 * 4.0 {
            break;
        }
    }
    fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(got: f64, expected: f64, relative: f64) {
        assert!((got - expected).abs() <= relative * expected.abs().max(1e-300), "{got} instead of {expected}");
    }

    #[test]
    fn ln_gamma_knows_factorials_and_halves() {
        let mut ln_factorial = 0.0_f64;
        for n in 1..200_u32 {
            // Γ(n + 1) = n!
            ln_factorial += f64::from(n).ln();
            if n > 1 {
                check(ln_gamma(f64::from(n) + 1.0), ln_factorial, 2e-14);
            }
        }
        check(ln_gamma(0.5), PI.sqrt().ln(), 1e-14);
        check(ln_gamma(1e-10), 23.025_850_929_882_74, 1e-13);
        // Γ(x) Γ(1 − x) = π / sin πx
        for x in [0.01, 0.3, 0.77] {
            check(ln_gamma(x) + ln_gamma(1.0 - x), (PI / (PI * x).sin()).ln(), 1e-13);
        }
    }

    #[test]
    fn stirling_error_is_the_same_on_both_sides_of_its_switch() {
        check(stirling_error(15.0 - 1e-9), stirling_error(15.0), 1e-9);
        check(stirling_error(1.0), 1.0 - 0.5 * TAU.ln(), 1e-13);
    }

    #[test]
    fn incomplete_beta_is_the_polynomial_it_is_for_whole_shapes() {
        // I_x(a, b) is the chance of at least a heads in a + b − 1 throws.
        for (a, b) in [(1, 1), (2, 1), (1, 4), (3, 2), (7, 5), (20, 31), (60, 3)] {
            for x in [1e-6, 0.03, 0.2, 0.5, 0.71, 0.999] {
                let throws = a + b - 1;
                let mut binomial = 1.0;
                let mut chance = 0.0;
                for heads in 0..=throws {
                    if heads >= a {
                        chance += binomial * f64::powi(x, heads) * f64::powi(1.0 - x, throws - heads);
                    }
                    binomial *= f64::from(throws - heads) / f64::from(heads + 1);
                }
                check(regularized_incomplete_beta(f64::from(a), f64::from(b), x), chance, 1e-12);
            }
        }
    }

    #[test]
    fn incomplete_beta_at_the_ends_and_for_odd_shapes() {
        for (a, b, x, expected, relative) in [
            // The arcsine law: 2/π arcsin √x.
            (0.5, 0.5, 0.3, 2.0 / PI * 0.3_f64.sqrt().asin(), 1e-13),
            (0.5, 0.5, 1e-12, 2.0 / PI * 1e-6, 1e-12),
            // x^a for b = 1, whatever a.
            (0.01, 1.0, 1e-8, 1e-8_f64.powf(0.01), 1e-13),
            (1e4, 1.0, 0.999_9, 0.999_9_f64.powf(1e4), 1e-11),
            // Half at the middle of the symmetric ones.
            (1e6, 1e6, 0.5, 0.5, 1e-12),
            (0.001, 0.001, 0.5, 0.5, 1e-12),
            (3.0, 4.0, -0.1, 0.0, 0.0),
            (3.0, 4.0, 1.1, 1.0, 0.0),
        ] {
            check(regularized_incomplete_beta(a, b, x), expected, relative);
        }
    }

    #[test]
    fn little_lies_outside_the_support() {
        for (alpha, beta) in [(0.01, 0.01), (0.3, 40.0), (1.0, 1.0), (4.0, 1.0), (1e3, 2e3), (1e6, 3.0)] {
            let beta = Beta::new(alpha, beta);
            let (low, high) = beta.support();
            assert!(beta.density_and_cdf_at_logit(low).1 < 1e-13, "{beta:?}");
            assert!(1.0 - beta.density_and_cdf_at_logit(high).1 < 1e-13, "{beta:?}");
        }
    }

    #[test]
    fn quantiles_are_those_known_in_closed_form() {
        for p in [1e-9, 0.01, 0.05, 0.3, 0.5, 0.95, 0.999] {
            for n in [0.2, 1.0, 2.0, 4.0, 50.0, 1e5] {
                let check = |got: f64, expected: f64| {
                    assert!((got - expected).abs() <= 1e-11 * expected, "{n} at {p}: {got} instead of {expected}");
                };
                check(Beta::new(n, 1.0).quantile(p), p.powf(1.0 / n));
                check(Beta::new(1.0, n).quantile(p), -((-p).ln_1p() / n).exp_m1());
            }
            for (a, b) in [(2.5, 7.0), (300.0, 200.0), (0.3, 0.4), (1e6, 2e6)] {
                let x = Beta::new(a, b).quantile(p);
                let back = regularized_incomplete_beta(a, b, x);
                assert!((back - p).abs() < 1e-9 * p.max(1e-3), "Beta({a}, {b}) at {p}: {back}");
            }
        }
        assert_eq!((Beta::new(2.0, 3.0).quantile(0.0), Beta::new(2.0, 3.0).quantile(1.0)), (0.0, 1.0));
    }
}
