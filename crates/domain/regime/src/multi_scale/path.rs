use alavanca_kernel::{Bar, Timestamp};

/// From this pause on between two bars, the price may have jumped for reasons of the pause: a night, a weekend.
const PAUSE_SECONDS: i64 = 3_600;

/// What a bar moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Step {
    /// From the close before to the close, in 10⁻⁸.
    pub(super) moved: i64,
    /// The true range, in 10⁻⁸.
    pub(super) range: i64,
}

/// Puts sessions end to end: the jump over a night or a weekend is no move of any bar.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stitch {
    close: i64,
    end: Option<Timestamp>,
}

impl Stitch {
    /// The bar's own move, and the one from the bar before where no pause lies between.
    #[inline]
    pub(super) fn push(&mut self, bar: &Bar) -> Step {
        let follows = self.end.is_some_and(|end| bar.time.secs_since(end) < PAUSE_SECONDS);
        let (high, low, close) = (bar.high.raw(), bar.low.raw(), bar.close.raw());
        let before = if follows { self.close } else { bar.open.raw() };
        (self.close, self.end) = (close, Some(bar.end()));
        Step { moved: close - before, range: high.max(before) - low.min(before) }
    }
}
