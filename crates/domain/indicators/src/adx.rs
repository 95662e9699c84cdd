use alavanca_kernel::Bar;

use crate::atr::true_range;

/// Wilder's average directional index with +DI and −DI, each 0 to 100.
#[derive(Clone, Debug)]
pub struct Adx {
    period: usize,
    keep: f64,
    part: f64,
    previous: [i64; 3],
    seen: usize,
    range: f64,
    plus: f64,
    minus: f64,
    index: f64,
}

impl Adx {
    /// Over `period` bars: the DIs come with bar `period + 1`, the index with bar `2 × period`.
    pub fn new(period: usize) -> Self {
        let period = crate::checked(period);
        let part = 1.0 / period as f64;
        Self {
            period,
            keep: 1.0 - part,
            part,
            previous: [0; 3],
            seen: 0,
            range: 0.0,
            plus: 0.0,
            minus: 0.0,
            index: 0.0,
        }
    }

    /// Takes the next bar; the index once it is there.
    #[inline]
    pub fn push(&mut self, bar: &Bar) -> Option<f64> {
        let [high, low, close] = self.previous;
        self.previous = [bar.high.raw(), bar.low.raw(), bar.close.raw()];
        if self.seen == 0 {
            self.seen = 1;
            return None;
        }
        let (up, down) = (self.previous[0] - high, low - self.previous[1]);
        let plus = if up > 0 && up > down { up as f64 } else { 0.0 };
        let minus = if down > 0 && down > up { down as f64 } else { 0.0 };
        let range = true_range(bar, close) as f64;
        // The first period − 1 movements are summed as they are; from then on the sums fade.
        let keep = if self.seen < self.period { 1.0 } else { self.keep };
        self.range = self.range * keep + range;
        self.plus = self.plus * keep + plus;
        self.minus = self.minus * keep + minus;
        let last_of_start = 2 * self.period;
        if self.seen >= last_of_start {
            if let Some(directional) = self.directional() {
                self.index += (directional - self.index) * self.part;
            }
            return Some(self.index);
        }
        self.seen += 1;
        if self.seen > self.period {
            self.index += self.directional().unwrap_or(0.0) * self.part;
        }
        self.value()
    }

    /// |+DI − −DI| against their sum, in percent; nothing to say where neither side moved.
    #[inline]
    fn directional(&self) -> Option<f64> {
        let both = self.plus + self.minus;
        (both > 0.0).then(|| 100.0 * (self.plus - self.minus).abs() / both)
    }

    /// The index, as of the last bar.
    #[inline]
    pub fn value(&self) -> Option<f64> {
        (self.seen >= 2 * self.period).then_some(self.index)
    }

    /// +DI.
    #[inline]
    pub fn plus_di(&self) -> Option<f64> {
        self.di(self.plus)
    }

    /// −DI.
    #[inline]
    pub fn minus_di(&self) -> Option<f64> {
        self.di(self.minus)
    }

    fn di(&self, moved: f64) -> Option<f64> {
        (self.seen > self.period).then(|| if self.range > 0.0 { 100.0 * moved / self.range } else { 0.0 })
    }

    /// +1 where the upward side is the stronger, −1 where the downward side is, else 0; 0 before the DIs are there.
    #[inline]
    pub fn direction(&self) -> i8 {
        if self.seen <= self.period {
            return 0;
        }
        i8::from(self.plus > self.minus) - i8::from(self.minus > self.plus)
    }

    /// As new.
    pub fn reset(&mut self) {
        *self = Self::new(self.period);
    }
}
