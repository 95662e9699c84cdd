use alavanca_kernel::Unit;
use serde::{Deserialize, Serialize};

use super::MEMORY_MOST;

/// Closed trades, fading: how many, how many of them won, and how far they went in units of their planned risk (R).
/// Integers: the same on every platform, and stored without loss.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Record {
    // In millionths of a trade.
    won: u64,
    trades: u64,
    // In millionths of R. A record of an older release has none.
    #[serde(default, skip_serializing_if = "is_zero")]
    gained: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    moved: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape serde asks for")]
const fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// A trade, or one R.
pub(super) const ONE: u64 = 1_000_000;
/// No trade counts as more than this many R: one gap through a stop is not a hundred trades.
pub(super) const MULTIPLE_MOST: f64 = 5.0;

impl Record {
    /// Trades that still count.
    pub fn trades(self) -> f64 {
        self.trades as f64 / ONE as f64
    }

    /// The share that won; `None` before the first.
    pub fn win_rate(self) -> Option<Unit> {
        (self.trades > 0).then(|| Unit::saturating(self.won as f64 / self.trades as f64))
    }

    /// What was won over what was lost, in R; `None` where nothing was lost, or no risk was known.
    pub fn profit_factor(self) -> Option<f64> {
        let lost = self.moved - self.gained;
        (lost > 0).then(|| self.gained as f64 / lost as f64)
    }

    /// Won trades of all.
    pub(super) const fn wins(self) -> Share {
        Share { part: self.won, whole: self.trades }
    }

    /// R won of R moved either way.
    pub(super) const fn gains(self) -> Share {
        Share { part: self.gained, whole: self.moved }
    }

    #[inline]
    pub(super) fn fade(&mut self, memory: u64) {
        // Most of the narrow records are empty, and a division costs more than the look.
        if self.trades == 0 {
            return;
        }
        // Rounded alike and won ≤ trades, gained ≤ moved, so it stays so.
        self.won -= self.won / memory;
        self.trades -= self.trades / memory;
        self.gained -= self.gained / memory;
        self.moved -= self.moved / memory;
    }

    pub(super) fn add(&mut self, won: bool, multiple: Option<f64>) {
        self.won += if won { ONE } else { 0 };
        self.trades += ONE;
        if let Some(multiple) = multiple.filter(|multiple| multiple.is_finite()) {
            let moved = (multiple.abs().min(MULTIPLE_MOST) * ONE as f64).round() as u64;
            self.gained += if multiple > 0.0 { moved } else { 0 };
            self.moved += moved;
        }
    }

    pub(super) const fn is_sound(self) -> bool {
        let most = (MEMORY_MOST + 1) * ONE;
        self.won <= self.trades
            && self.trades <= most
            && self.gained <= self.moved
            && self.moved <= most * MULTIPLE_MOST as u64
    }

    pub(super) const fn is_empty(self) -> bool {
        self.trades == 0
    }
}

/// A part of a whole, in millionths.
#[derive(Clone, Copy)]
pub(super) struct Share {
    pub(super) part: u64,
    pub(super) whole: u64,
}

impl Share {
    /// (part + prior · rate) / (whole + prior).
    #[inline]
    pub(super) fn shrunk(self, prior: f64, rate: f64) -> f64 {
        let one = ONE as f64;
        (self.part as f64 / one + prior * rate) / (self.whole as f64 / one + prior)
    }

    /// What of a wider share is not in this narrower one.
    pub(super) fn without(self, narrower: Self) -> Self {
        // Both fade at the same time; rounding can leave millionths.
        let whole = self.whole.saturating_sub(narrower.whole);
        Self { part: self.part.saturating_sub(narrower.part).min(whole), whole }
    }
}
