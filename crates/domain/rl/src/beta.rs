//! Draws from Beta(alpha, beta) as the ratio of two gammas (Marsaglia and Tsang, "A simple method for generating gamma
//! variables", 2000) over a ziggurat's normals (Marsaglia and Tsang, 2000). One Philox block serves a whole draw in
//! nineteen cases of twenty.
//!
//! Draws are handed out as X / Y instead of X / (X + Y): the same order, but one that does not run into 1 where a
//! million draws in a row would otherwise tie.

use crate::philox;
use crate::portable::{exp, ln, sqrt};

/// Where one draw's random bits come from. The draw's number within the stream is the counter's last word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream {
    key: [u32; 2],
    counter: [u32; 4],
}

impl Stream {
    /// The stream of these words; its first block is `philox(key, [words, 0])`.
    pub(crate) const fn new(key: [u32; 2], [a, b, c]: [u32; 3]) -> Self {
        Self { key, counter: [a, b, c, 0] }
    }

    /// The stream after its first block, which was computed elsewhere.
    pub(crate) const fn after_first(key: [u32; 2], [a, b, c]: [u32; 3]) -> Self {
        Self { key, counter: [a, b, c, 1] }
    }

    pub(crate) fn block(&mut self) -> [u64; 2] {
        let [a, b, c, d] = philox::block(self.key, self.counter);
        self.counter[3] += 1;
        [join(a, b), join(c, d)]
    }

    /// A number between 0 and 1, both excluded.
    fn unit(&mut self) -> f64 {
        ((self.block()[0] >> 12) as f64 + 0.5) * (1.0 / (1_u64 << 52) as f64)
    }
}

/// Two words of a block as one.
#[inline]
pub(crate) const fn join(low: u32, high: u32) -> u64 {
    (high as u64) << 32 | low as u64
}

/// What a draw from Gamma(shape), shape ≥ 1, needs: d = shape − 1/3 and c = 1 / √(9 d). Gamma(1) is the exponential
/// distribution, which has a ziggurat of its own; c = 0 marks it.
#[derive(Clone, Copy, Debug)]
struct Gamma {
    d: f64,
    c: f64,
}

/// Accepting a gamma costs no logarithm where u ≤ 1 − SQUEEZE · d · t⁴ and t ≥ −1/2. The exact bound is
/// exp(d · h(t)) with h(t) = 3 ln(1 + t) − 3 t + 3/2 t² − t³ ≥ −1.2711 t⁴ there, and exp(y) ≥ 1 + y.
const SQUEEZE: f64 = 1.272;
/// Bits of the first, coarse reading of u. Where it does not decide, further bits refine it.
const COARSE_BITS: u32 = 12;
const COARSE: f64 = 1.0 / (1_u64 << COARSE_BITS) as f64;

impl Gamma {
    #[inline]
    fn new(shape: f64) -> Self {
        let d = shape - 1.0 / 3.0;
        Self { d, c: if shape > 1.0 { 1.0 / (9.0 * d).sqrt() } else { 0.0 } }
    }

    #[inline(always)]
    fn draw(self, bits: u64, stream: &mut Stream) -> f64 {
        let quick = if self.c > 0.0 { self.quick(bits) } else { EXPONENTIAL.quick(exponential_place(bits)) };
        match quick {
            Some(value) => value,
            None => self.careful(bits, stream),
        }
    }

    /// The draw that these bits decide by themselves.
    #[inline(always)]
    fn quick(self, bits: u64) -> Option<f64> {
        let t = self.c * NORMAL.quick(normal_place(bits))?;
        let root = 1.0 + t;
        self.is_plainly_accepted(t, bits).then_some(self.d * (root * root * root))
    }

    #[inline(always)]
    fn is_plainly_accepted(self, t: f64, bits: u64) -> bool {
        let square = t * t;
        t >= -0.5 && (coarse(bits) + 1) as f64 * COARSE <= 1.0 - SQUEEZE * self.d * (square * square)
    }

    /// The draw that these bits begin; takes further bits from the stream as needed.
    #[cold]
    #[inline(never)]
    fn careful(self, mut bits: u64, stream: &mut Stream) -> f64 {
        if self.c <= 0.0 {
            return careful_exponential(bits, stream);
        }
        loop {
            let t = self.c * careful_normal(bits, stream);
            let root = 1.0 + t;
            if self.is_plainly_accepted(t, bits) {
                return self.d * (root * root * root);
            }
            if root > 0.0 {
                let bound = self.d * (3.0 * ln(root) - t * (3.0 - t * (1.5 - t)));
                let coarse = coarse(bits);
                let step = coarse as usize >> (COARSE_BITS - 8);
                let accepted = if LN_OF_256THS[step + 1] <= bound {
                    true
                } else if LN_OF_256THS[step] >= bound {
                    false
                } else {
                    ln((coarse as f64 + stream.unit()) * COARSE) < bound
                };
                if accepted {
                    return self.d * (root * root * root);
                }
            }
            bits = stream.block()[0];
        }
    }
}

/// Layout of 64 bits: 8 for the layer, 12 for the coarse u, 44 for where in the layer, with its sign.
#[inline(always)]
const fn coarse(bits: u64) -> u64 {
    bits >> 8 & ((1 << COARSE_BITS) - 1)
}

/// ln(n / 256), to tell most of u's coarse readings from the bound.
static LN_OF_256THS: [f64; 257] = {
    let (mut table, mut n) = ([f64::NEG_INFINITY; 257], 1);
    while n <= 256 {
        table[n] = ln(n as f64 / 256.0);
        n += 1;
    }
    table
};

/// Draws from one Beta with both shapes ≥ 1, prepared for speed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BetaSampler {
    for_alpha: Gamma,
    for_beta: Gamma,
}

impl BetaSampler {
    /// For shapes ≥ 1.
    #[inline]
    pub(crate) fn new(alpha: f64, beta: f64) -> Self {
        Self { for_alpha: Gamma::new(alpha), for_beta: Gamma::new(beta) }
    }

    /// X / Y of a Beta X / (X + Y), from a block and, where that does not suffice, from the stream behind it.
    #[inline(always)]
    pub(crate) fn odds(&self, [first, second]: [u64; 2], stream: &mut Stream) -> f64 {
        self.for_alpha.draw(first, stream) / self.for_beta.draw(second, stream)
    }
}

/// ln(X / Y) of a Beta X / (X + Y) of any shapes > 0. For tiny shapes X and Y themselves would both be 0; their
/// logarithms are not.
pub(crate) fn log_odds(alpha: f64, beta: f64, stream: &mut Stream) -> f64 {
    let [first, second] = stream.block();
    log_gamma_draw(alpha, first, stream) - log_gamma_draw(beta, second, stream)
}

/// ln of a draw from Gamma(shape). Below 1: a draw for shape + 1, times U^(1 / shape).
fn log_gamma_draw(shape: f64, bits: u64, stream: &mut Stream) -> f64 {
    if shape < 1.0 {
        let above = Gamma::new(shape + 1.0).draw(bits, stream);
        ln(above) + ln(stream.unit()) / shape
    } else {
        ln(Gamma::new(shape).draw(bits, stream))
    }
}

const LAYERS: usize = 256;

/// Layers of equal area under a falling density with f(0) = 1.
struct Ziggurat {
    /// Right ends of the layers, the widest first; `[0]` is the base layer's area as a width, `[256]` is 0.
    ends: [f64; LAYERS + 1],
    /// The density at the ends; `[0]` is not used.
    heights: [f64; LAYERS + 1],
}

/// Under exp(−x² / 2).
static NORMAL: Ziggurat = Ziggurat::new(NORMAL_TAIL, 0.004_928_673_233_974_658, true);
/// Under exp(−x).
static EXPONENTIAL: Ziggurat = Ziggurat::new(EXPONENTIAL_TAIL, 0.003_949_659_822_581_572, false);
const NORMAL_TAIL: f64 = 3.654_152_885_361_009;
const EXPONENTIAL_TAIL: f64 = 7.697_117_470_131_487;

impl Ziggurat {
    /// From where the tail begins and the area of each layer. Evaluated by the compiler, so that every platform has
    /// the same bits.
    const fn new(tail: f64, area: f64, is_normal: bool) -> Self {
        let (mut ends, mut heights) = ([0.0; LAYERS + 1], [0.0; LAYERS + 1]);
        ends[1] = tail;
        heights[1] = exp(if is_normal { -0.5 * tail * tail } else { -tail });
        ends[0] = area / heights[1];
        heights[LAYERS] = 1.0;
        let mut i = 2;
        while i < LAYERS {
            heights[i] = heights[i - 1] + area / ends[i - 1];
            ends[i] = if is_normal { sqrt(-2.0 * ln(heights[i])) } else { -ln(heights[i]) };
            i += 1;
        }
        Self { ends, heights }
    }

    /// The draw where a layer and a place in it, −1 to 1, decide by themselves.
    #[inline(always)]
    fn quick(&self, (layer, place): (usize, f64)) -> Option<f64> {
        let x = place * self.ends[layer];
        (x.abs() < self.ends[layer + 1]).then_some(x)
    }

    /// A height within a layer.
    fn height(&self, layer: usize, share: f64) -> f64 {
        self.heights[layer] + (self.heights[layer + 1] - self.heights[layer]) * share
    }
}

/// A layer, and a place in it from −1 to 1.
#[inline(always)]
fn normal_place(bits: u64) -> (usize, f64) {
    (usize::from(bits as u8), ((bits as i64 >> 20) as f64 + 0.5) * (1.0 / (1_u64 << 43) as f64))
}

/// A layer, and a place in it from 0 to 1.
#[inline(always)]
fn exponential_place(bits: u64) -> (usize, f64) {
    (usize::from(bits as u8), ((bits >> 12) as f64 + 0.5) * (1.0 / (1_u64 << 52) as f64))
}

/// The standard normal draw that these bits begin.
fn careful_normal(mut bits: u64, stream: &mut Stream) -> f64 {
    loop {
        let (layer, place) = normal_place(bits);
        if let Some(x) = NORMAL.quick((layer, place)) {
            return x;
        }
        if layer == 0 {
            // The tail, by two exponentials (Marsaglia 1964).
            loop {
                let beyond = -ln(stream.unit()) / NORMAL_TAIL;
                if -2.0 * ln(stream.unit()) >= beyond * beyond {
                    return (NORMAL_TAIL + beyond).copysign(place);
                }
            }
        }
        let x = place * NORMAL.ends[layer];
        if NORMAL.height(layer, stream.unit()) < exp(-0.5 * x * x) {
            return x;
        }
        bits = stream.block()[0];
    }
}

/// The exponential draw that these bits begin.
fn careful_exponential(mut bits: u64, stream: &mut Stream) -> f64 {
    loop {
        let (layer, place) = exponential_place(bits);
        if let Some(x) = EXPONENTIAL.quick((layer, place)) {
            return x;
        }
        if layer == 0 {
            // The tail of an exponential is an exponential.
            return EXPONENTIAL_TAIL - ln(stream.unit());
        }
        let x = place * EXPONENTIAL.ends[layer];
        if EXPONENTIAL.height(layer, stream.unit()) < exp(-x) {
            return x;
        }
        bits = stream.block()[0];
    }
}

#[cfg(test)]
mod tests {
    use alavanca_stats::{Beta, Moments, integrate};

    use super::*;

    fn stream(n: u32) -> Stream {
        Stream::new([3, 1], [n, 4, 1])
    }

    /// The largest distance between the draws' distribution and the true one (Kolmogorov and Smirnov), times √n. Above
    /// 1.95 in one of a thousand samples from the true one.
    fn distance(alpha: f64, beta: f64, n: u32, log_odds: impl Fn(&mut Stream) -> f64) -> f64 {
        let mut draws: Vec<f64> = (0..n).map(|n| log_odds(&mut stream(n))).collect();
        draws.sort_by(f64::total_cmp);
        let distribution = Beta::new(alpha, beta);
        let n = f64::from(n);
        let worst = draws.iter().enumerate().fold(0.0_f64, |worst, (i, &z)| {
            let cdf = distribution.density_and_cdf_at_logit(z).1;
            worst.max(cdf - i as f64 / n).max((i + 1) as f64 / n - cdf)
        });
        worst * n.sqrt()
    }

    #[test]
    fn draws_are_from_the_beta_they_claim() {
        for (alpha, beta) in [
            (1.0, 1.0),
            (1.0, 1.5),
            (1.2, 1.0),
            (2.0, 1.0),
            (4.0, 1.0),
            (1.0, 30.0),
            (2.5, 3.5),
            (60.0, 40.0),
            (1e4, 1e4),
            (1e6, 2.0),
        ] {
            let sampler = BetaSampler::new(alpha, beta);
            let quick = distance(alpha, beta, 40_000, |stream| {
                let block = stream.block();
                sampler.odds(block, stream).ln()
            });
            assert!(quick < 1.95, "Beta({alpha}, {beta}): {quick}");
        }
    }

    #[test]
    fn draws_of_any_shape_are_from_the_beta_they_claim() {
        for (alpha, beta) in
            [(1e-6, 1e-6), (0.001, 0.002), (0.01, 3.0), (0.2, 0.2), (0.5, 0.5), (0.999, 1.0), (1.0, 1.0), (7.0, 0.3)]
        {
            let any = distance(alpha, beta, 20_000, |stream| log_odds(alpha, beta, stream));
            assert!(any < 1.95, "Beta({alpha}, {beta}): {any}");
        }
    }

    /// The draws that one 64-bit word does not decide are few; here they are looked at alone.
    #[test]
    fn careful_normals_fill_what_quick_ones_leave() {
        let density = |x: f64| (-0.5 * x * x).exp();
        let area = |from: f64, to: f64| integrate(|x, value| value[0] = density(x), &[from, to], 1, 1e-12)[0];
        // Beyond the tail's beginning: mean and mean square of a normal cut off there.
        let mass = area(NORMAL_TAIL, 12.0);
        let (mut tail, mut squares) = (Moments::default(), Moments::default());
        for n in 0..40_000 {
            let bits = 0x7FFF_FFFF_FFF0_0000 | u64::from(n) << 20 & 0xFF0_0000;
            let x = careful_normal(bits, &mut stream(n));
            assert!(x > NORMAL_TAIL);
            tail.push(x);
            squares.push(x * x);
        }
        let mean = density(NORMAL_TAIL) / mass;
        let square = 1.0 + NORMAL_TAIL * mean;
        for (moments, expected) in [(tail, mean), (squares, square)] {
            let (got, error) = (moments.mean().unwrap(), moments.std_error().unwrap());
            assert!((got - expected).abs() < 4.0 * error, "{got} instead of {expected} ± {error}");
        }
        // In the wedge of a layer: the share that stays is the share of the wedge under the curve.
        for layer in [1_usize, 2, 50, 128, 254, 255] {
            let (right, left) = (NORMAL.ends[layer], NORMAL.ends[layer + 1]);
            let wedge = (right - left) * (NORMAL.heights[layer + 1] - NORMAL.heights[layer]);
            let under = (area(left, right) - (right - left) * NORMAL.heights[layer]) / wedge;
            let runs = 20_000_u32;
            let stays = (0..runs)
                .filter(|&n| {
                    let place = left / right + (1.0 - left / right) * (f64::from(n) + 0.5) / f64::from(runs);
                    let bits = ((place * (1_u64 << 43) as f64) as u64) << 20 | layer as u64;
                    let x = NORMAL.ends[layer] * normal_place(bits).1;
                    careful_normal(bits, &mut stream(n)).to_bits() == x.to_bits()
                })
                .count();
            let share = stays as f64 / f64::from(runs);
            assert!((share - under).abs() < 2.0 / f64::from(runs).sqrt(), "layer {layer}: {share} instead of {under}");
        }
    }

    #[test]
    fn careful_exponentials_fill_what_quick_ones_leave() {
        // The tail of an exponential has mean TAIL + 1 and variance 1.
        let tail: Moments = (0..20_000)
            .map(|n| careful_exponential(0xFFFF_FFFF_0000_0000 | u64::from(n) << 12, &mut stream(n)))
            .collect();
        let (mean, variance) = (tail.mean().unwrap(), tail.variance().unwrap());
        assert!((mean - EXPONENTIAL_TAIL - 1.0).abs() < 4.0 * tail.std_error().unwrap(), "{mean}");
        assert!((variance - 1.0).abs() < 4.0 * (8.0_f64 / 20_000.0).sqrt(), "{variance}");
        for layer in [1_usize, 2, 50, 128, 254, 255] {
            let (right, left) = (EXPONENTIAL.ends[layer], EXPONENTIAL.ends[layer + 1]);
            let (low, high) = (EXPONENTIAL.heights[layer], EXPONENTIAL.heights[layer + 1]);
            let under = (high - low - (right - left) * low) / ((right - left) * (high - low));
            let runs = 20_000_u32;
            let stays = (0..runs)
                .filter(|&n| {
                    let place = left / right + (1.0 - left / right) * (f64::from(n) + 0.5) / f64::from(runs);
                    let bits = ((place * (1_u64 << 52) as f64) as u64) << 12 | layer as u64;
                    let x = EXPONENTIAL.ends[layer] * exponential_place(bits).1;
                    careful_exponential(bits, &mut stream(n)).to_bits() == x.to_bits()
                })
                .count();
            let share = stays as f64 / f64::from(runs);
            assert!((share - under).abs() < 2.0 / f64::from(runs).sqrt(), "layer {layer}: {share} instead of {under}");
        }
    }

    #[test]
    fn layers_have_equal_areas_and_close_at_the_top() {
        for (ziggurat, density) in
            [(&NORMAL, (|x| (-0.5 * x * x).exp()) as fn(f64) -> f64), (&EXPONENTIAL, |x: f64| (-x).exp())]
        {
            let area = ziggurat.ends[0] * ziggurat.heights[1];
            let tail = integrate(|x, value| value[0] = density(x), &[ziggurat.ends[1], 12.0, 60.0], 1, 1e-14)[0];
            assert!((ziggurat.ends[1] * ziggurat.heights[1] + tail - area).abs() < 1e-14);
            for layer in 1..LAYERS {
                let height = ziggurat.heights[layer + 1] - ziggurat.heights[layer];
                assert!((ziggurat.ends[layer] * height - area).abs() < 1e-14, "layer {layer}");
                assert!((density(ziggurat.ends[layer]) - ziggurat.heights[layer]).abs() < 1e-14, "layer {layer}");
            }
        }
    }

    #[test]
    fn what_is_plainly_accepted_would_be_accepted() {
        for shape in [1.01, 1.5, 2.0, 10.0, 1e3, 1e6] {
            let gamma = Gamma::new(shape);
            for step in 0..=2_000 {
                let t = f64::from(step) * 0.001 - 0.5;
                let accepted = (gamma.d * (3.0 * t.ln_1p() - t * (3.0 - t * (1.5 - t)))).exp();
                let plainly = 1.0 - SQUEEZE * gamma.d * t.powi(4);
                assert!(plainly <= accepted + 1e-14, "shape {shape}, t {t}: {plainly} > {accepted}");
            }
            // The first coarse reading that reaches beyond the bound is not accepted any more.
            let t = 0.4 / gamma.d.powf(0.25);
            let bound = 1.0 - SQUEEZE * gamma.d * t.powi(4);
            let last = (bound / COARSE).floor() as u64;
            assert!(gamma.is_plainly_accepted(t, (last - 1) << 8) && !gamma.is_plainly_accepted(t, last << 8));
            assert!(!gamma.is_plainly_accepted(-0.500_001, 0));
        }
    }

    /// The same seed must make the same choices in every release and on every platform.
    #[test]
    fn draws_are_pinned() {
        let draw = |alpha: f64, beta: f64, n: u32| {
            let mut stream = stream(n);
            let block = stream.block();
            BetaSampler::new(alpha, beta).odds(block, &mut stream).to_bits()
        };
        let mut mixed = 0_u64;
        for n in 0..10_000 {
            for (alpha, beta) in [(1.0, 1.0), (4.0, 1.0), (2.5, 7.0), (300.0, 200.0)] {
                mixed = mixed.rotate_left(5) ^ draw(alpha, beta, n);
            }
            mixed = mixed.rotate_left(5) ^ log_odds(0.3, 0.7, &mut stream(n)).to_bits();
        }
        let pinned = [draw(1.0, 1.0, 0), draw(4.0, 1.0, 1), draw(300.0, 200.0, 2), mixed];
        assert_eq!(
            pinned.map(|bits| format!("{bits:016x}")),
            ["3fa2c6cd27853c0c", "401928c642ca6a15", "3ff702ae414d3891", "3e1133e3bed0807f"]
        );
    }
}
