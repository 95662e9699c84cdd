use alavanca_calendar::{TradingClock, TradingZone};
use alavanca_kernel::Timestamp;

const DAY: i64 = 86_400;
/// The day has so many parts, each half an hour long.
const PARTS: usize = 48;
/// So many times the usual, a single range counts as no more.
const CAP: f64 = 4.0;
/// From so many visits on, a single visit moves a part's factor by no more than if it were twice or half the usual.
const KNOWN: u32 = 3;

/// Volatility now against what is usual at this time of the day.
#[derive(Clone, Debug)]
pub(super) struct Usual {
    shape: DayShape,
    fast_weight: f64,
    slow_weight: f64,
    fast: f64,
    slow: f64,
    seen: f64,
}

impl Usual {
    pub(super) fn new(zone: TradingZone, fast: usize, slow: usize, days: u32) -> Self {
        let weight = |period: usize| 2.0 / (period as f64 + 1.0);
        Self {
            shape: DayShape::new(zone, days),
            fast_weight: weight(fast),
            slow_weight: weight(slow),
            fast: 0.0,
            slow: 0.0,
            seen: 0.0,
        }
    }

    /// Takes the range of the bar that began then: its fast average over its slow one, both without the day's shape.
    /// 0 in a market that never moved.
    #[inline]
    pub(super) fn push(&mut self, begin: Timestamp, range: f64) -> f64 {
        let factor = self.shape.factor(begin);
        let plain = range / factor;
        // A plain mean while there are fewer than the average is long.
        self.seen += 1.0;
        let weight = |of: f64| of.max(1.0 / self.seen);
        let bounded = if self.slow > 0.0 { plain.min(CAP * self.slow) } else { plain };
        self.fast += (plain - self.fast) * weight(self.fast_weight);
        self.slow += (bounded - self.slow) * weight(self.slow_weight);
        if self.slow <= 0.0 {
            return 0.0;
        }
        self.shape.learn(bounded * factor / self.slow);
        self.fast / self.slow
    }
}

/// How volatile each half hour of the day is, against the day's average.
#[derive(Clone, Debug)]
struct DayShape {
    clock: TradingClock,
    days: u32,
    parts: [Part; PARTS],
    /// The part that is being visited, and what was seen on this visit.
    at: usize,
    sum: f64,
    count: f64,
}

#[derive(Clone, Copy, Debug)]
struct Part {
    factor: f64,
    visits: u32,
}

impl DayShape {
    fn new(zone: TradingZone, days: u32) -> Self {
        let parts = [Part { factor: 1.0, visits: 0 }; PARTS];
        Self { clock: TradingClock::new(zone), days, parts, at: 0, sum: 0.0, count: 0.0 }
    }

    /// The factor of the part in which a bar began. A visit counts when it is over: a bar is never held against itself.
    #[inline]
    fn factor(&mut self, begin: Timestamp) -> f64 {
        let second = self.clock.wall_seconds(begin).rem_euclid(DAY);
        let at = second as usize * PARTS / DAY as usize;
        if at != self.at {
            self.leave();
            self.at = at;
        }
        self.parts[at].factor
    }

    #[inline]
    fn learn(&mut self, relative: f64) {
        self.sum += relative;
        self.count += 1.0;
    }

    fn leave(&mut self) {
        if self.count > 0.0 && self.days > 0 {
            let part = &mut self.parts[self.at];
            let mut seen = self.sum / self.count;
            if part.visits >= KNOWN {
                seen = seen.clamp(0.5 * part.factor, 2.0 * part.factor);
            }
            part.visits = (part.visits + 1).min(self.days);
            // Before the first visit the day is taken to be flat, and that counts as one visit.
            part.factor += (seen - part.factor) / f64::from(part.visits + 1);
            part.factor = part.factor.clamp(0.05, 20.0);
        }
        (self.sum, self.count) = (0.0, 0.0);
    }
}
