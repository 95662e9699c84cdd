use alavanca_kernel::{Price, Unit};

use crate::{Zone, ZoneKind};

/// How many levels there are: a fixed place for each kind.
pub(super) const LEVELS: usize = 48;
/// Where no market comes.
const NOWHERE: f64 = -1e300;
/// Weaker levels are no zone that anybody should be told of.
const FAINT: f64 = 0.05;

/// All levels, by columns, so that a bar passes over them in a few wide instructions.
///
/// A place that is not used has strength 0 and lies nowhere.
#[derive(Clone, Debug)]
pub(super) struct LevelTable {
    prices: [f64; LEVELS],
    strengths: [f64; LEVELS],
    touches: [u32; LEVELS],
    kinds: [ZoneKind; LEVELS],
    // Bit i: the last bar was at level i.
    inside: u64,
    spent_touches: u32,
    // The last bar with what counts as at a level beside it.
    low: f64,
    high: f64,
}

impl LevelTable {
    pub(super) fn new(spent_touches: u32) -> Self {
        Self {
            prices: [NOWHERE; LEVELS],
            strengths: [0.0; LEVELS],
            touches: [0; LEVELS],
            kinds: [ZoneKind::SwingHigh; LEVELS],
            inside: 0,
            spent_touches,
            low: 0.0,
            high: 0.0,
        }
    }

    /// A bar from `low` to `high`, with what counts as near beside it: whom it reaches after a bar that did not, it
    /// touches.
    #[inline]
    pub(super) fn meet(&mut self, low: f64, high: f64) {
        (self.low, self.high) = (low, high);
        let mut inside = 0_u64;
        for (i, &price) in self.prices.iter().enumerate() {
            inside |= (u64::from(low <= price) & u64::from(price <= high)) << i;
        }
        let mut entered = inside & !self.inside;
        self.inside = inside;
        while entered != 0 {
            self.touch(entered.trailing_zeros() as usize);
            entered &= entered - 1;
        }
    }

    /// The first touches strengthen a level, each later one halves it.
    fn touch(&mut self, i: usize) {
        self.touches[i] = self.touches[i].saturating_add(1);
        let (strength, spent) = (self.strengths[i], self.touches[i] > self.spent_touches);
        self.strengths[i] = if spent { strength * 0.5 } else { 1.0 - 0.9 * (1.0 - strength) };
    }

    /// What is left of these levels after a bar.
    #[inline]
    pub(super) fn fade(&mut self, places: std::ops::Range<usize>, by: f64) {
        for strength in &mut self.strengths[places] {
            *strength *= by;
        }
    }

    /// A new level in a place. Where the market is there now, it has to leave before it can come back.
    pub(super) fn put(&mut self, i: usize, price: f64, kind: ZoneKind, strength: f64) {
        self.prices[i] = price;
        self.strengths[i] = strength;
        self.touches[i] = 0;
        self.kinds[i] = kind;
        let bit = 1 << i;
        let there = self.low <= price && price <= self.high;
        self.inside = if there { self.inside | bit } else { self.inside & !bit };
    }

    /// A level that goes along with the market keeps what it has been through.
    #[inline]
    pub(super) fn slide(&mut self, i: usize, price: f64, kind: ZoneKind) {
        if self.is_used(i) {
            self.prices[i] = price;
        } else {
            self.put(i, price, kind, kind.weight());
        }
    }

    /// As [`slide`](Self::slide), but one that jumps further than `near` is a new level.
    pub(super) fn move_to(&mut self, i: usize, price: f64, kind: ZoneKind, strength: f64, near: f64) {
        if self.is_used(i) && (self.prices[i] - price).abs() <= near {
            self.prices[i] = price;
        } else {
            self.put(i, price, kind, strength);
        }
    }

    /// Another level stands at the same price.
    pub(super) fn strengthen(&mut self, i: usize, by: f64) {
        self.strengths[i] = 1.0 - (1.0 - self.strengths[i]) * (1.0 - by);
    }

    pub(super) fn clear(&mut self, places: std::ops::Range<usize>) {
        for i in places {
            self.prices[i] = NOWHERE;
            self.strengths[i] = 0.0;
            self.inside &= !(1 << i);
        }
    }

    #[inline]
    pub(super) fn is_used(&self, i: usize) -> bool {
        self.prices[i] > NOWHERE
    }

    #[inline]
    pub(super) fn price(&self, i: usize) -> f64 {
        self.prices[i]
    }

    /// Whether it lies exactly there; both are whole units.
    pub(super) fn is_at(&self, i: usize, raw: i64) -> bool {
        (self.prices[i] - raw as f64).abs() < 0.5
    }

    #[inline]
    pub(super) fn strength(&self, i: usize) -> f64 {
        self.strengths[i]
    }

    /// 1 − Π (1 − s · max(0, 1 − distance / reach)) over all levels.
    #[inline]
    pub(super) fn felt(&self, at: f64, per_reach: f64) -> f64 {
        // Four products side by side; one would wait for itself.
        let mut calm = [1.0_f64; 4];
        for (prices, strengths) in self.prices.chunks_exact(4).zip(self.strengths.chunks_exact(4)) {
            for lane in 0..4 {
                let near = 1.0 - (at - prices[lane]).abs() * per_reach;
                calm[lane] *= 1.0 - strengths[lane] * near.max(0.0);
            }
        }
        1.0 - (calm[0] * calm[1]) * (calm[2] * calm[3])
    }

    /// The nearest zones at or below a price, and above it: each is the nearest level that is not faint, and those that
    /// stand within `near` behind it.
    pub(super) fn nearest(&self, price: Price, near: f64, tick: Price) -> (Option<Zone>, Option<Zone>) {
        let at = price.raw() as f64;
        let (mut below, mut above) = (f64::NEG_INFINITY, f64::INFINITY);
        for (&level, &strength) in self.prices.iter().zip(&self.strengths) {
            if strength < FAINT {
                continue;
            }
            if level <= at {
                below = below.max(level);
            } else {
                above = above.min(level);
            }
        }
        // On the grid a level may come to lie on the price itself, or beyond it.
        let next = Price::from_raw(price.raw().saturating_add(tick.raw().max(1)));
        let under = self.joined(below - near, below, tick).map(|zone| Zone { price: zone.price.min(price), ..zone });
        let over = self.joined(above, above + near, tick);
        (under, over.map(|zone| Zone { price: zone.price.max(next), ..zone }))
    }

    /// All levels from one price to another as one zone: strength 1 − Π (1 − s), the rest the strongest one's.
    fn joined(&self, from: f64, to: f64, tick: Price) -> Option<Zone> {
        let (mut calm, mut strongest) = (1.0, None::<usize>);
        for i in 0..LEVELS {
            if self.strengths[i] < FAINT || !(from <= self.prices[i] && self.prices[i] <= to) {
                continue;
            }
            calm *= 1.0 - self.strengths[i];
            if strongest.is_none_or(|held| self.strengths[held] < self.strengths[i]) {
                strongest = Some(i);
            }
        }
        let i = strongest?;
        Some(Zone { strength: Unit::saturating(1.0 - calm), ..self.zone(i, tick) })
    }

    pub(super) fn zone(&self, i: usize, tick: Price) -> Zone {
        Zone {
            price: Price::from_raw(self.prices[i].round() as i64).to_tick(tick),
            strength: Unit::saturating(self.strengths[i]),
            touches: self.touches[i],
            kind: self.kinds[i],
        }
    }
}
