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

/// The constants of Gamma(shape), shape ≥ 1: d = shape − 1/3 and c = 1 / √(9 d).
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
        Self { d, c: 1.0 / (9.0 * d).sqrt() }
    }

    /// The draw that these bits decide by themselves.
    #[inline(always)]
    fn quick(self, bits: u64) -> Option<f64> {
        let normal = quick_normal(bits)?;
        let t = self.c * normal;
        let square = t * t;
        let coarse_end = (coarse(bits) + 1.0) * COARSE;
        if t >= -0.5 && coarse_end <= 1.0 - SQUEEZE * self.d * (square * square) {
            let root = 1.0 + t;
            Some(self.d * (root * root * root))
        } else {
            None
        }
    }

    /// The draw that these bits begin; takes further bits from the stream as needed.
    #[cold]
    #[inline(never)]
    fn careful(self, mut bits: u64, stream: &mut Stream) -> f64 {
        loop {
            let normal = careful_normal(bits, stream);
            let root = 1.0 + self.c * normal;
            if root > 0.0 {
                let cube = root * root * root;
                let u = (coarse(bits) + stream.unit()) * COARSE;
                if ln(u) < 0.5 * normal * normal + self.d * (1.0 - cube + ln(cube)) {
                    return self.d * cube;
                }
            }
            bits = stream.block()[0];
        }
    }

    #[inline(always)]
    fn draw(self, bits: u64, stream: &mut Stream) -> f64 {
        match self.quick(bits) {
            Some(value) => value,
            None => self.careful(bits, stream),
        }
    }
}

/// Layout of 64 bits: 8 for the layer, 12 for the coarse u, 44 for where in the layer, with its sign.
#[inline]
const fn coarse(bits: u64) -> f64 {
    (bits >> 8 & ((1 << COARSE_BITS) - 1)) as f64
}

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
/// Where the tail begins, and the area of each layer, for 256 layers under exp(−x² / 2).
const TAIL: f64 = 3.654_152_885_361_009;
const AREA: f64 = 0.004_928_673_233_974_658;

struct Ziggurat {
    /// Right ends of the layers, the widest first; `[0]` is the base layer's area as a width, `[256]` is 0.
    ends: [f64; LAYERS + 1],
    /// exp(−x² / 2) at the ends; `[0]` is not used.
    heights: [f64; LAYERS + 1],
    /// The ends per unit of the 43 bits that say where in a layer.
    scales: [f64; LAYERS],
}

/// Made by the compiler, so that every platform has the same bits.
static ZIGGURAT: Ziggurat = ziggurat();

const fn ziggurat() -> Ziggurat {
    let mut ends = [0.0; LAYERS + 1];
    let mut heights = [0.0; LAYERS + 1];
    let mut scales = [0.0; LAYERS];
    ends[0] = AREA / exp(-0.5 * TAIL * TAIL);
    ends[1] = TAIL;
    heights[1] = exp(-0.5 * TAIL * TAIL);
    heights[LAYERS] = 1.0;
    let mut i = 2;
    while i < LAYERS {
        heights[i] = heights[i - 1] + AREA / ends[i - 1];
        ends[i] = sqrt(-2.0 * ln(heights[i]));
        i += 1;
    }
    i = 0;
    while i < LAYERS {
        scales[i] = ends[i] / (1_u64 << 43) as f64;
        i += 1;
    }
    Ziggurat { ends, heights, scales }
}

/// The standard normal draw that these bits decide by themselves.
#[inline(always)]
fn quick_normal(bits: u64) -> Option<f64> {
    let layer = (bits & 0xFF) as usize;
    let x = ((bits as i64 >> 20) as f64 + 0.5) * ZIGGURAT.scales[layer];
    (x.abs() < ZIGGURAT.ends[layer + 1]).then_some(x)
}

/// The standard normal draw that these bits begin.
fn careful_normal(mut bits: u64, stream: &mut Stream) -> f64 {
    loop {
        if let Some(x) = quick_normal(bits) {
            return x;
        }
        let layer = (bits & 0xFF) as usize;
        let x = ((bits as i64 >> 20) as f64 + 0.5) * ZIGGURAT.scales[layer];
        if layer == 0 {
            // The tail: Marsaglia's exponentials.
            loop {
                let beyond = -ln(stream.unit()) / TAIL;
                if -2.0 * ln(stream.unit()) >= beyond * beyond {
                    return if x < 0.0 { -(TAIL + beyond) } else { TAIL + beyond };
                }
            }
        }
        let (low, high) = (ZIGGURAT.heights[layer], ZIGGURAT.heights[layer + 1]);
        if low + (high - low) * stream.unit() < exp(-0.5 * x * x) {
            return x;
        }
        bits = stream.block()[0];
    }
}
