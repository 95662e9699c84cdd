use alavanca_kernel::{Bar, Price, Timestamp};

/// Joins bars, or ticks, to bars of a larger length, as MetaTrader does: first open, highest high, lowest low, last
/// close, volume and tick volume summed (held at their largest value), and the smallest spread that is known (0 where
/// none is).
///
/// **Where a bar begins** is said by the clock on the wall: at the whole multiples of its length since 1970-01-01 00:00
/// of that clock, whole weeks on Mondays. So a four-hour bar begins at 08:00 of the broker's day, whatever that is in
/// UTC, and a day at its midnight. Who wants days from 17:00 on adds seven hours to what is told here.
///
/// **When a bar is handed out:** with the smaller bar that ends where it ends; else, after a hole, when a bar of another
/// one arrives. In the second case the arrived bar is begun, and where it is complete in itself it waits for the next
/// arrival: at most one bar comes out of each going in. Stretches without trade make no bars. Nothing is handed out
/// before it is known in full.
///
/// A bar that is as long already, or longer, passes as it is. Where the wall clock is put back, what it shows twice
/// makes bars of their own once a bar was handed out.
///
/// ```
/// use alavanca_indicators::BarAggregator;
/// use alavanca_kernel::{Bar, Price, Timestamp};
/// let mut five_minutes = BarAggregator::new(300);
/// let bar = |minute: i64, close: i64| Bar {
///     time: Timestamp::from_secs(minute * 60),
///     close: Price::from_raw(close),
///     volume: 10,
///     seconds: 60,
///     ..Bar::default()
/// };
/// for minute in 0..4 {
///     assert_eq!(five_minutes.push(&bar(minute, minute), minute * 60), None);
/// }
/// let joined = five_minutes.push(&bar(4, 104), 240).unwrap(); // ends at minute 5
/// assert_eq!((joined.close.raw(), joined.volume, joined.seconds), (104, 50, 300));
/// ```
#[derive(Clone, Debug)]
pub struct BarAggregator {
    seconds: i64,
    // The stretch of wall-clock seconds that the held bar stands for; empty where none is held.
    begins: i64,
    ends: i64,
    held: Bar,
}

const WEEK: i64 = 7 * 86_400;
/// Seconds of the first Monday.
const MONDAY: i64 = 4 * 86_400;

impl BarAggregator {
    /// Bars of so many seconds.
    ///
    /// # Panics
    /// Where they are none.
    pub fn new(seconds: u32) -> Self {
        assert!(seconds > 0, "a bar has a length; settings are checked before");
        Self { seconds: seconds.into(), begins: 0, ends: 0, held: Bar::default() }
    }

    /// The length of the bars that come out, in seconds.
    pub const fn seconds(&self) -> u32 {
        self.seconds as u32
    }

    /// Takes the next bar, which began when the clock on the wall showed so many seconds since its 1970-01-01 00:00;
    /// the larger bar that is complete now.
    #[inline]
    pub fn push(&mut self, bar: &Bar, wall_seconds: i64) -> Option<Bar> {
        let complete = wall_seconds.saturating_add(bar.seconds.into()) >= self.ends;
        if self.begins <= wall_seconds && wall_seconds < self.ends {
            self.take(bar);
            return if complete { self.finish() } else { None };
        }
        let before = self.finish();
        self.begin(bar, wall_seconds);
        let complete = wall_seconds.saturating_add(bar.seconds.into()) >= self.ends;
        match before {
            None if complete => self.finish(),
            before => before,
        }
    }

    /// Takes a tick with a price; the bar that it closed. `spread` is 0 where it is not known.
    #[inline]
    pub fn push_tick(
        &mut self,
        time: Timestamp,
        price: Price,
        volume: u64,
        spread: Price,
        wall_seconds: i64,
    ) -> Option<Bar> {
        let (open, high, low, close) = (price, price, price, price);
        self.push(&Bar { time, open, high, low, close, volume, spread, tick_volume: 1, seconds: 0 }, wall_seconds)
    }

    /// The bar that is not handed out yet, as far as it has come.
    #[inline]
    pub fn peek(&self) -> Option<Bar> {
        (self.ends > self.begins).then_some(self.held)
    }

    /// Hands out what is held, complete or not, as at the end of a file.
    #[inline]
    pub fn finish(&mut self) -> Option<Bar> {
        let bar = self.peek();
        self.ends = self.begins;
        bar
    }

    /// When the bar that holds this second begins, in seconds of the same clock.
    #[inline]
    pub const fn begin_of(&self, wall_seconds: i64) -> i64 {
        let origin = if self.seconds % WEEK == 0 { MONDAY } else { 0 };
        let into = wall_seconds.saturating_sub(origin).rem_euclid(self.seconds);
        wall_seconds.saturating_sub(into)
    }

    /// As new.
    pub fn reset(&mut self) {
        *self = Self::new(self.seconds as u32);
    }

    #[inline]
    fn take(&mut self, bar: &Bar) {
        let held = &mut self.held;
        held.high = held.high.max(bar.high);
        held.low = held.low.min(bar.low);
        held.close = bar.close;
        held.volume = held.volume.saturating_add(bar.volume);
        held.tick_volume = held.tick_volume.saturating_add(bar.tick_volume);
        if bar.spread.is_positive() && (bar.spread < held.spread || !held.spread.is_positive()) {
            held.spread = bar.spread;
        }
    }

    fn begin(&mut self, bar: &Bar, wall_seconds: i64) {
        if i64::from(bar.seconds) >= self.seconds {
            (self.begins, self.held) = (wall_seconds, *bar);
            self.ends = wall_seconds.saturating_add(bar.seconds.into());
            return;
        }
        self.begins = self.begin_of(wall_seconds);
        self.ends = self.begins.saturating_add(self.seconds);
        let whole_second =
            Timestamp::from_micros(bar.time.micros().saturating_sub(bar.time.micros().rem_euclid(1_000_000)));
        let time = whole_second.plus_secs(self.begins.saturating_sub(wall_seconds));
        self.held = Bar { time, seconds: self.seconds as u32, ..*bar };
    }
}
