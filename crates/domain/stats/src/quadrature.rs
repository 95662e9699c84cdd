//! Integrals of several functions at once, over panels that are halved where they are not yet good enough.

/// Abscissae of the 15-point Kronrod rule on −1..=1; every second one is of the 7-point Gauss rule.
const NODES: [f64; 8] = [
    0.991_455_371_120_812_6,
    0.949_107_912_342_758_5,
    0.864_864_423_359_769_1,
    0.741_531_185_599_394_4,
    0.586_087_235_467_691_1,
    0.405_845_151_377_397_2,
    0.207_784_955_007_898_47,
    0.0,
];
const KRONROD: [f64; 8] = [
    0.022_935_322_010_529_224,
    0.063_092_092_629_978_55,
    0.104_790_010_322_250_18,
    0.140_653_259_715_525_92,
    0.169_004_726_639_267_9,
    0.190_350_578_064_785_4,
    0.204_432_940_075_298_9,
    0.209_482_141_084_727_82,
];
const GAUSS: [f64; 4] =
    [0.129_484_966_168_869_7, 0.279_705_391_489_276_64, 0.381_830_050_505_118_9, 0.417_959_183_673_469_4];

/// Panels are halved at most so often: enough to narrow the widest support to the narrowest posterior.
const HALVINGS_MAX: u32 = 40;

/// The integrals of `f`, which writes one value per integral at a point, over the panels between `breaks` (ascending;
/// where the functions change their pace). A panel is halved until its two rules agree within `tolerance`, which
/// makes the error of smooth functions far smaller than that.
pub fn integrate(mut f: impl FnMut(f64, &mut [f64]), breaks: &[f64], integrals: usize, tolerance: f64) -> Vec<f64> {
    let mut totals = vec![0.0; integrals];
    let (mut values, mut kronrod, mut gauss) = (vec![0.0; integrals], vec![0.0; integrals], vec![0.0; integrals]);
    let mut panels: Vec<(f64, f64, u32)> =
        breaks.windows(2).rev().filter(|ends| ends[0] < ends[1]).map(|ends| (ends[0], ends[1], 0)).collect();
    while let Some((from, to, halvings)) = panels.pop() {
        let (middle, half) = (0.5 * (from + to), 0.5 * (to - from));
        kronrod.fill(0.0);
        gauss.fill(0.0);
        for (i, node) in NODES.into_iter().enumerate() {
            for sign in if i == 7 { &[1.0][..] } else { &[-1.0, 1.0][..] } {
                f(middle + sign * node * half, &mut values);
                for n in 0..integrals {
                    kronrod[n] += KRONROD[i] * half * values[n];
                    gauss[n] += if i % 2 == 1 { GAUSS[i / 2] * half * values[n] } else { 0.0 };
                }
            }
        }
        let error = kronrod.iter().zip(&gauss).map(|(fine, coarse)| (fine - coarse).abs()).fold(0.0, f64::max);
        if error <= tolerance || halvings == HALVINGS_MAX {
            totals.iter_mut().zip(&kronrod).for_each(|(total, part)| *total += part);
        } else {
            panels.push((middle, to, halvings + 1));
            panels.push((from, middle, halvings + 1));
        }
    }
    totals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_panel_is_exact_for_polynomials() {
        // The 15-point rule is exact up to degree 22; a wrong digit in any node or weight shows here.
        for degree in 0..=22 {
            let expected = if degree % 2 == 0 { 2.0 / f64::from(degree + 1) } else { 0.0 };
            let got = integrate(|x, values| values[0] = x.powi(degree), &[-1.0, 1.0], 1, f64::INFINITY)[0];
            assert!((got - expected).abs() < 1e-15, "degree {degree}: {got} instead of {expected}");
        }
    }

    #[test]
    fn gauss_weights_are_those_of_the_seven_points() {
        // Exact up to degree 13, so that its disagreement is zero there: no panel may be halved.
        let mut calls = 0;
        integrate(
            |x, values| {
                calls += 1;
                values[0] = x.powi(12) - 3.0 * x.powi(5);
            },
            &[-1.0, 1.0],
            1,
            1e-15,
        );
        assert_eq!(calls, 15);
    }

    #[test]
    fn narrow_peaks_are_found_and_halved() {
        let peak = |centre: f64, width: f64, x: f64| {
            (-0.5 * ((x - centre) / width).powi(2)).exp() / (width * std::f64::consts::TAU.sqrt())
        };
        let got = integrate(
            |x, values| {
                values[0] = peak(0.3, 1e-3, x);
                values[1] = peak(-2.0, 1.0, x) * x;
            },
            &[-50.0, -2.0, 0.3, 50.0],
            2,
            1e-12,
        );
        assert!((got[0] - 1.0).abs() < 1e-11 && (got[1] + 2.0).abs() < 1e-11, "{got:?}");
    }
}
