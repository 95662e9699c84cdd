/// How one-sided moves over `scale` bars have been of late: EMA of the moves over EMA of their size, from −1 (all down)
/// to 1 (all up). Of a market without memory it is spread evenly around 0 and does not depend on the scale.
#[derive(Clone, Debug)]
pub(super) struct Drift {
    pub(super) scale: usize,
    weight: f64,
    moves: f64,
    sizes: f64,
}

impl Drift {
    /// Over about `period` moves of `scale` bars each. Moves overlap: one ends with each bar.
    pub(super) fn new(scale: usize, period: usize) -> Self {
        Self { scale, weight: 2.0 / ((scale * period) as f64 + 1.0), moves: 0.0, sizes: 0.0 }
    }

    /// Takes the move that ends with this bar. Both averages begin at 0, and what that takes from the one it takes from
    /// the other.
    #[inline]
    pub(super) fn push(&mut self, moved: f64) -> f64 {
        self.moves += (moved - self.moves) * self.weight;
        self.sizes += (moved.abs() - self.sizes) * self.weight;
        if self.sizes > 0.0 { self.moves / self.sizes } else { 0.0 }
    }
}
