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
    percentile_interval(&mut results, level)
}

/// The interval between the (1 − level) / 2 and (1 + level) / 2 quantiles of a statistic's values over resamples, which
/// are sorted by it; `None` without values, or where one of them is no number.
pub fn percentile_interval(results: &mut [f64], level: f64) -> Option<(f64, f64)> {
    if results.iter().any(|value| value.is_nan()) {
        return None;
    }
    results.sort_by(f64::total_cmp);
    let outside = (1.0 - level) / 2.0;
    Some((quantile(results, outside)?, quantile(results, 1.0 - outside)?))
}

/// Resamples of a series that keep neighbours together (the stationary bootstrap of Politis and Romano 1994): blocks
/// that begin anywhere, go on past the end at the begin, and whose lengths are geometric. Days of trading depend on the
/// days before them; drawn one by one, their sums would look surer than they are.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct StationaryBootstrap {
    length: usize,
    new_block: f64,
}

impl StationaryBootstrap {
    /// Of a series of `length` values in blocks of `mean_block` on average; 1 draws values one by one. `None` of no
    /// values, or of blocks shorter than 1.
    pub fn new(length: usize, mean_block: f64) -> Option<Self> {
        (length > 0 && mean_block >= 1.0).then(|| Self { length, new_block: 1.0 / mean_block })
    }

    /// Blocks as long as the cube root of the series: what the rate of the variance's error asks for where nothing is
    /// known of the dependence.
    pub fn with_usual_blocks(length: usize) -> Option<Self> {
        Self::new(length, (length as f64).cbrt().round().max(1.0))
    }

    /// How long blocks are on average.
    pub fn mean_block(&self) -> f64 {
        1.0 / self.new_block
    }

    /// Replaces `places` by those of one resample, as many as the series has. `random` gives 64 random bits a call.
    pub fn draw(&self, places: &mut Vec<usize>, random: &mut impl FnMut() -> u64) {
        places.clear();
        let mut place = below(self.length as u64, random) as usize;
        for _ in 0..self.length {
            places.push(place);
            place = if share(random()) < self.new_block {
                below(self.length as u64, random) as usize
            } else {
                (place + 1) % self.length
            };
        }
    }
}

/// 64 random bits as a number from 0 to below 1.
fn share(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
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

    /// How often the interval of the mean of a series with this dependence (each value takes so much over from the one
    /// before) holds the true mean, zero, in percent.
    fn coverage(carried: f64, mean_block: f64) -> u32 {
        const SERIES: u32 = 300;
        let mut random = random(11);
        let mut held = 0;
        for _ in 0..SERIES {
            let mut last = 0.0;
            let values: Vec<f64> = (0..150)
                .map(|_| {
                    // Twelve uniforms less six: a bell of deviation 1.
                    let noise = (0..12).map(|_| share(random())).sum::<f64>() - 6.0;
                    last = carried * last + noise;
                    last
                })
                .collect();
            let bootstrap = StationaryBootstrap::new(values.len(), mean_block).unwrap();
            let mut places = Vec::new();
            let mut means: Vec<f64> = (0..300)
                .map(|_| {
                    bootstrap.draw(&mut places, &mut random);
                    places.iter().map(|&place| values[place]).sum::<f64>() / values.len() as f64
                })
                .collect();
            let (low, high) = percentile_interval(&mut means, 0.95).unwrap();
            held += u32::from(low <= 0.0 && 0.0 <= high);
        }
        held * 100 / SERIES
    }

    #[test]
    fn an_interval_holds_the_truth_as_often_as_it_says() {
        // Standard error of a share of 300 at 95 %: 1.3 %. Short series make intervals a little narrow.
        let independent = coverage(0.0, 1.0);
        assert!((92..=98).contains(&independent), "{independent} %");
        let usual = coverage(0.0, 5.0);
        assert!((90..=98).contains(&usual), "{usual} %");
        // Days that depend on each other: blocks keep the interval honest, single days do not.
        let (blocks, single) = (coverage(0.5, 12.0), coverage(0.5, 1.0));
        assert!((86..=98).contains(&blocks), "{blocks} %");
        assert!(single < 80, "{single} %");
    }

    #[test]
    fn blocks_are_neighbours_and_as_long_as_asked() {
        let bootstrap = StationaryBootstrap::new(50, 5.0).unwrap();
        let (mut places, mut random) = (Vec::new(), random(5));
        let (mut begun, mut drawn, mut seen) = (0_u32, 0_u32, [0_u32; 50]);
        for _ in 0..2_000 {
            bootstrap.draw(&mut places, &mut random);
            assert_eq!(places.len(), 50);
            for &place in &places {
                seen[place] += 1;
            }
            let steps = places.windows(2).filter(|pair| pair[1] != (pair[0] + 1) % 50).count() as u32;
            (begun, drawn) = (begun + steps, drawn + 49);
        }
        // A new block begins with 1/5, and one in 50 of them begins where the old one would have gone on.
        let length = f64::from(drawn) / f64::from(begun);
        assert!((length - 5.0 * 50.0 / 49.0).abs() < 0.15, "{length}");
        // Every value as often as any other: 2000 each, within 5 deviations of what blocks scatter.
        assert!(seen.iter().all(|&count| count.abs_diff(2_000) < 500), "{seen:?}");
        assert_eq!(StationaryBootstrap::new(0, 1.0), None);
        assert_eq!(StationaryBootstrap::new(5, 0.5), None);
        assert_eq!(StationaryBootstrap::new(5, f64::NAN), None);
        assert!((StationaryBootstrap::with_usual_blocks(250).unwrap().mean_block() - 6.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_no_number_has_no_interval() {
        assert_eq!(percentile_interval(&mut [1.0, f64::NAN], 0.95), None);
        assert_eq!(percentile_interval(&mut [], 0.95), None);
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
