//! Intervals from resampling.

use crate::quantile;

/// The percentile interval of a statistic: between its (1 − level) / 2 and (1 + level) / 2 quantiles over samples drawn
/// from `values` with replacement. `random` gives 64 random bits a call, so that the caller's seed decides; `None`
/// without values or resamples.
pub fn bootstrap_interval(
    values: &[f64],
    statistic: impl Fn(&[f64]) -> f64,
    resamples: usize,
    level: f64,
    random: &mut impl FnMut() -> u64,
) -> Option<(f64, f64)> {
    if values.is_empty() {
        return None;
    }
    let mut sample = vec![0.0; values.len()];
    let mut results: Vec<f64> = (0..resamples)
        .map(|_| {
            sample.fill_with(|| values[below(values.len() as u64, random) as usize]);
            statistic(&sample)
        })
        .collect();
    results.sort_by(f64::total_cmp);
    let outside = (1.0 - level) / 2.0;
    Some((quantile(&results, outside)?, quantile(&results, 1.0 - outside)?))
}

/// A whole number below `bound`, all equally likely (Lemire 2019).
fn below(bound: u64, random: &mut impl FnMut() -> u64) -> u64 {
    loop {
        let wide = u128::from(random()) * u128::from(bound);
        // The few low products that would make some numbers likelier are thrown away.
        if wide as u64 >= bound.wrapping_neg() % bound {
            return (wide >> 64) as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(seed: u64) -> impl FnMut() -> u64 {
        let mut state = seed;
        move || {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let x = (state ^ state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
            x ^ x >> 31
        }
    }

    fn mean(sample: &[f64]) -> f64 {
        sample.iter().sum::<f64>() / sample.len() as f64
    }

    #[test]
    fn the_interval_of_a_mean_is_as_wide_as_theory_says() {
        // 0, 1, ..., 99: standard deviation 28.866, so the mean's 95 % half-width is 1.96 * 2.8866 = 5.658.
        let values: Vec<f64> = (0..100).map(f64::from).collect();
        let (low, high) = bootstrap_interval(&values, mean, 20_000, 0.95, &mut random(1)).unwrap();
        assert!((low - (49.5 - 5.658)).abs() < 0.25 && (high - (49.5 + 5.658)).abs() < 0.25, "{low} {high}");
    }

    #[test]
    fn the_seed_decides() {
        let values = [3.0, -1.0, 4.0, 1.0, -5.0];
        let run = |seed| bootstrap_interval(&values, mean, 50, 0.9, &mut random(seed)).unwrap();
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
        assert_eq!(bootstrap_interval(&[], mean, 50, 0.9, &mut random(1)), None);
        assert_eq!(bootstrap_interval(&[2.0; 3], mean, 50, 0.9, &mut random(1)), Some((2.0, 2.0)));
    }

    #[test]
    fn small_numbers_are_equally_likely() {
        let (mut counts, mut random) = ([0_u32; 6], random(3));
        for _ in 0..60_000 {
            counts[below(6, &mut random) as usize] += 1;
        }
        // Standard deviation of each count is 91.
        assert!(counts.iter().all(|&count| count.abs_diff(10_000) < 400), "{counts:?}");
        // The one draw whose low product would give 0 an extra chance is drawn again: 0 * 6 = 0 < 2^64 mod 6.
        let mut draws = [0, u64::MAX].into_iter();
        assert_eq!(below(6, &mut || draws.next().unwrap()), 5);
    }
}
