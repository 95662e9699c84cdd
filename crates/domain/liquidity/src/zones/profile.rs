use alavanca_kernel::{Bar, Price};

/// How many bins a profile has; also the most that one bar of the market can be spread over.
pub const BINS: usize = 128;
/// A day's bins are made so wide that the previous day's range would take at most so many.
const BINS_A_DAY: i64 = 64;
/// A bar's weight counts up to this: sums of millions of them still fit.
const WEIGHT_MAX: u64 = 1 << 40;

/// Volume by price, over one or several days: [`BINS`] bins whose width is the tick times a power of two, aligned to
/// zero, so that the same bars always fall into the same bins.
///
/// A bar's weight ([`Bar::weight`]) is spread evenly over the bins from its low to its high; what does not divide goes
/// to the bin of its close. Volume is never lost, not when bins are joined or split either. The bin with most volume,
/// the point of control, is known after every bar; of equal ones the first to get there, and the lowest where bins were
/// joined, split or left by a day.
#[derive(Clone, Debug)]
pub struct VolumeProfile {
    tick: i64,
    width: i64,
    // The price at which bin 0 begins, and that at which the last ends.
    from: i64,
    until: i64,
    bins: [u64; BINS],
    // Each day's own share of the bins, where there are several days.
    days: Box<[[u64; BINS]]>,
    today: usize,
    total: u64,
    top: usize,
    // The bins that may hold volume.
    lowest: usize,
    highest: usize,
}

/// Where the value lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ValueArea {
    /// The middle of its lowest bin.
    pub low: Price,
    /// The middle of the bin with most volume.
    pub point_of_control: Price,
    /// The middle of its highest bin.
    pub high: Price,
}

/// A price around which more volume traded than beside it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Cluster {
    /// The middle of its highest bin.
    pub price: Price,
    /// Its volume as a share of the point of control's.
    pub share: f64,
}

impl VolumeProfile {
    /// Over so many days, in bins of whole ticks (at least one unit).
    pub fn new(tick: Price, days: usize) -> Self {
        assert!(days > 0, "a profile is of some day; settings are checked before");
        // A bin's ends stay far from overflow.
        let tick = tick.raw().clamp(1, Price::LIMIT.raw() / 1_024);
        let days = if days > 1 { vec![[0; BINS]; days].into() } else { Box::default() };
        Self {
            tick,
            width: tick,
            from: 0,
            until: 0,
            bins: [0; BINS],
            days,
            today: 0,
            total: 0,
            top: 0,
            lowest: 0,
            highest: 0,
        }
    }

    /// A new day begins. `range` is the previous day's, 0 where that is not known: it says how wide bins are.
    pub fn begin_day(&mut self, range: Price) {
        if self.days.is_empty() {
            self.clear();
        } else {
            self.today = (self.today + 1) % self.days.len();
            let leaving = std::mem::replace(&mut self.days[self.today], [0; BINS]);
            for (bin, leaving) in self.bins.iter_mut().zip(leaving) {
                *bin -= leaving;
            }
            self.look_again();
        }
        if range.is_positive() {
            let mut width = self.tick;
            while range.raw() / width > BINS_A_DAY {
                width *= 2;
            }
            if self.total == 0 {
                self.width = width;
            }
            while self.width < width {
                self.widen();
            }
            while self.width > width && self.narrow() {}
        }
        if self.total == 0 {
            (self.from, self.until) = (0, 0);
        }
    }

    /// Takes the next bar. One without weight says nothing.
    #[inline]
    pub fn push(&mut self, bar: &Bar) {
        let weight = bar.weight().min(WEIGHT_MAX);
        if weight == 0 {
            return;
        }
        let (low, high) = (bar.low.raw(), bar.high.raw());
        if low < self.from || high >= self.until {
            self.make_room(low, high);
        }
        let (first, last) = (self.bin(low), self.bin(high));
        let count = (last - first + 1) as u64;
        let share = if count == 1 { weight } else { weight / count };
        let at_close = weight - share * count;
        let close = self.bin(bar.close.raw().clamp(low, high));
        if self.total == 0 {
            (self.top, self.lowest, self.highest) = (close, first, last);
        }
        self.lowest = self.lowest.min(first);
        self.highest = self.highest.max(last);
        let mut most = self.bins[self.top];
        for bin in first..=last {
            let volume = self.bins[bin] + share + if bin == close { at_close } else { 0 };
            self.bins[bin] = volume;
            if volume > most {
                (most, self.top) = (volume, bin);
            }
        }
        if let Some(today) = self.days.get_mut(self.today) {
            today[first..=last].iter_mut().for_each(|bin| *bin += share);
            today[close] += at_close;
        }
        self.total += weight;
    }

    /// All volume, in the source's unit.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// How wide a bin is.
    pub const fn width(&self) -> Price {
        Price::from_raw(self.width)
    }

    /// The middle of the bin with most volume; `None` before the first volume.
    #[inline]
    pub fn point_of_control(&self) -> Option<Price> {
        (self.total > 0).then(|| self.middle(self.top))
    }

    /// The value area: from the point of control outwards, each time to the neighbour with more volume (the upper one
    /// where both have the same), until at least `share` of all volume lies within. Looks at each used bin at most once.
    pub fn value_area(&self, share: f64) -> Option<ValueArea> {
        let point_of_control = self.point_of_control()?;
        let wanted = share * self.total as f64;
        let (mut low, mut high, mut inside) = (self.top, self.top, self.bins[self.top]);
        while (inside as f64) < wanted {
            let below = (low > self.lowest).then(|| self.bins[low - 1]);
            let above = (high < self.highest).then(|| self.bins[high + 1]);
            match (below, above) {
                (Some(below), Some(above)) if below > above => {
                    low -= 1;
                    inside += below;
                }
                (_, Some(above)) => {
                    high += 1;
                    inside += above;
                }
                (Some(below), None) => {
                    low -= 1;
                    inside += below;
                }
                (None, None) => break,
            }
        }
        Some(ValueArea { low: self.middle(low), point_of_control, high: self.middle(high) })
    }

    /// The clusters beside the point of control, the largest first: bins with at least 1.5 times the mean volume of the
    /// used bins and more than any other within three bins (of equal ones the lower).
    pub fn clusters<const N: usize>(&self) -> [Option<Cluster>; N] {
        const REACH: usize = 3;
        let mut found: [Option<Cluster>; N] = [None; N];
        if self.total == 0 {
            return found;
        }
        let used = self.highest - self.lowest + 1;
        let least = (self.total + self.total / 2) / used as u64;
        let per_top = 1.0 / self.bins[self.top] as f64;
        for bin in self.lowest..=self.highest {
            let volume = self.bins[bin];
            if volume < least || volume == 0 || bin.abs_diff(self.top) <= REACH {
                continue;
            }
            let before = &self.bins[bin.saturating_sub(REACH)..bin];
            let after = &self.bins[bin + 1..(bin + 1 + REACH).min(BINS)];
            if before.iter().any(|&other| other >= volume) || after.iter().any(|&other| other > volume) {
                continue;
            }
            let mut next = Some(Cluster { price: self.middle(bin), share: volume as f64 * per_top });
            for place in &mut found {
                // Sorted by volume; the smallest falls out at the end.
                if place.is_none_or(|held| next.is_some_and(|next| next.share > held.share)) {
                    std::mem::swap(place, &mut next);
                }
            }
        }
        found
    }

    /// As new.
    pub fn reset(&mut self) {
        *self = Self::new(Price::from_raw(self.tick), self.days.len().max(1));
    }

    /// The bin of a price within the room. The quotient is below 128, and what rounding
    /// loses of it far below the share of a bin that the smallest step of a price is.
    #[inline]
    fn bin(&self, raw: i64) -> usize {
        ((raw - self.from) as f64 / self.width as f64) as usize
    }

    /// Between its first and its last tick.
    fn middle(&self, bin: usize) -> Price {
        let first = self.from + bin as i64 * self.width;
        Price::from_raw(first + (self.width - self.tick) / 2).to_tick(Price::from_raw(self.tick))
    }

    fn clear(&mut self) {
        self.bins = [0; BINS];
        (self.total, self.top, self.lowest, self.highest) = (0, 0, 0, 0);
    }

    fn look_again(&mut self) {
        (self.total, self.top, self.lowest, self.highest) = (0, 0, BINS - 1, 0);
        for (bin, &volume) in self.bins.iter().enumerate() {
            self.total += volume;
            if volume > self.bins[self.top] {
                self.top = bin;
            }
            if volume > 0 {
                self.lowest = self.lowest.min(bin);
                self.highest = bin;
            }
        }
        if self.total == 0 {
            self.clear();
        }
    }

    /// Moves the room, and widens bins, until these prices lie in it.
    #[cold]
    fn make_room(&mut self, low: i64, high: i64) {
        let room = BINS as i64;
        loop {
            let (mut first, mut last) = (low.div_euclid(self.width), high.div_euclid(self.width));
            let base = self.from.div_euclid(self.width);
            if self.total > 0 {
                first = first.min(base + self.lowest as i64);
                last = last.max(base + self.highest as i64);
            }
            if last - first < room {
                let begin = first - (room - (last - first + 1)) / 2;
                if self.total > 0 {
                    self.shift(base - begin);
                }
                self.from = begin * self.width;
                self.until = (begin + room).saturating_mul(self.width);
                return;
            }
            self.widen();
        }
    }

    /// All bins so many places up. What is used stays within the room.
    fn shift(&mut self, by: i64) {
        let (lowest, highest) = (self.lowest, self.highest);
        let target = (lowest as i64 + by) as usize;
        let moved = |bins: &mut [u64; BINS]| {
            bins.copy_within(lowest..=highest, target);
            bins[..target].fill(0);
            bins[target + (highest - lowest) + 1..].fill(0);
        };
        moved(&mut self.bins);
        self.days.iter_mut().for_each(moved);
        self.top = (self.top as i64 + by) as usize;
        self.lowest = target;
        self.highest = target + (highest - lowest);
    }

    /// Splits bins into halves, where the room is large enough. Which half volume was in is forgotten: each gets half.
    fn narrow(&mut self) -> bool {
        let (lowest, used) = (self.lowest, self.highest - self.lowest + 1);
        if 2 * used > BINS {
            return false;
        }
        let begin = BINS / 2 - used;
        self.width /= 2;
        self.from += (2 * lowest as i64 - begin as i64) * self.width;
        self.until = self.from + BINS as i64 * self.width;
        self.bins = [0; BINS];
        for day in &mut self.days {
            let wide = std::mem::replace(day, [0; BINS]);
            for (bin, volume) in wide[lowest..lowest + used].iter().enumerate() {
                day[begin + 2 * bin] = volume - volume / 2;
                day[begin + 2 * bin + 1] = volume / 2;
            }
            for (bin, volume) in self.bins.iter_mut().zip(day) {
                *bin += *volume;
            }
        }
        self.look_again();
        true
    }

    /// Joins bins by twos.
    fn widen(&mut self) {
        let base = self.from.div_euclid(self.width);
        let odd = base.rem_euclid(2) as usize;
        let joined = |bins: &mut [u64; BINS]| {
            let mut wide = [0; BINS];
            for (bin, &volume) in bins.iter().enumerate() {
                wide[usize::midpoint(bin, odd)] += volume;
            }
            *bins = wide;
        };
        joined(&mut self.bins);
        self.days.iter_mut().for_each(joined);
        self.width *= 2;
        self.from = base.div_euclid(2) * self.width;
        self.until = self.from.saturating_add(self.width.saturating_mul(BINS as i64));
        let (lowest, highest) = (usize::midpoint(self.lowest, odd), usize::midpoint(self.highest, odd));
        if self.total > 0 {
            self.look_again();
            (self.lowest, self.highest) = (lowest, highest);
        }
    }
}
