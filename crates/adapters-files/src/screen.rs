//! Which rows are let in. The rules and why are in the crate's documentation.

use std::fmt;

use alavanca_kernel::Price;
use serde::Serialize;

use crate::layout::Why;
use crate::row::{RawBar, RawTick, RowReader};

/// What can be wrong with a row (semantics 36).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Cells are missing, or one is no date, no time or no number (NaN and infinity are none).
    Unreadable,
    /// A price of zero or below.
    NotPositive,
    /// The high is not the highest or the low is not the lowest.
    OhlcBroken,
    /// Far from the rows before it and from those after it.
    Misprint,
    /// Earlier than a row before it.
    TimeBackwards,
    /// A bar of the same time as the one before it.
    DuplicateBar,
    /// Bid above ask. The tick is kept, since trades happen in auctions, but must not be traded on; it does not
    /// count towards refusal.
    CrossedBook,
}

impl FaultKind {
    /// How many there are.
    pub const COUNT: usize = 7;
    /// All, in the order in which a row is checked.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Unreadable,
        Self::NotPositive,
        Self::OhlcBroken,
        Self::Misprint,
        Self::TimeBackwards,
        Self::DuplicateBar,
        Self::CrossedBook,
    ];

    /// The name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::NotPositive => "not_positive",
            Self::OhlcBroken => "ohlc_broken",
            Self::Misprint => "misprint",
            Self::TimeBackwards => "time_backwards",
            Self::DuplicateBar => "duplicate_bar",
            Self::CrossedBook => "crossed_book",
        }
    }

    /// Whether rows with it are left out and count towards refusal.
    pub const fn rejects(self) -> bool {
        !matches!(self, Self::CrossedBook)
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where rows go after the screen.
pub(crate) trait Sink<R> {
    fn accept(&mut self, row: &R, line: u64);
    fn reject(&mut self, line: u64, kind: FaultKind, what: fmt::Arguments<'_>);
}

/// What the screen must know of a row.
pub(crate) trait Row: Copy {
    /// Whether rows of the same time are all right.
    const REPEATS: bool;
    /// In microseconds UTC.
    fn micros(&self) -> i64;
    /// The price by which it is placed.
    fn mark(&self) -> i64;
    /// Its lowest and highest price.
    fn extremes(&self) -> (i64, i64);
    /// What is wrong with it in itself.
    fn flaw(&self) -> Option<FaultKind>;
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
    fn read(reader: &mut RowReader, line: &[u8]) -> Result<Self, Why>;
}

impl Row for RawBar {
    const REPEATS: bool = false;

    #[inline]
    fn read(reader: &mut RowReader, line: &[u8]) -> Result<Self, Why> {
        reader.bar(line)
    }

    #[inline]
    fn micros(&self) -> i64 {
        self.bar.time.micros()
    }

    #[inline]
    fn mark(&self) -> i64 {
        self.bar.close.raw()
    }

    #[inline]
    fn extremes(&self) -> (i64, i64) {
        (self.bar.low.raw(), self.bar.high.raw())
    }

    #[inline]
    fn flaw(&self) -> Option<FaultKind> {
        if self.bar.is_sound() {
            return None;
        }
        let prices = [self.bar.open, self.bar.high, self.bar.low, self.bar.close];
        Some(if prices.iter().all(|price| price.is_positive()) {
            FaultKind::OhlcBroken
        } else {
            FaultKind::NotPositive
        })
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bar = &self.bar;
        write!(f, "open {} high {} low {} close {}", bar.open, bar.high, bar.low, bar.close)
    }
}

impl RawTick {
    fn prices(&self) -> impl Iterator<Item = i64> {
        [self.bid, self.ask, self.last].into_iter().flatten()
    }
}

impl Row for RawTick {
    const REPEATS: bool = true;

    #[inline]
    fn read(reader: &mut RowReader, line: &[u8]) -> Result<Self, Why> {
        reader.tick(line)
    }

    fn micros(&self) -> i64 {
        self.time
    }

    fn mark(&self) -> i64 {
        [self.last, self.bid, self.ask].into_iter().flatten().find(|&price| price > 0).unwrap_or(0)
    }

    fn extremes(&self) -> (i64, i64) {
        let positive = || self.prices().filter(|&price| price > 0);
        (positive().min().unwrap_or(0), positive().max().unwrap_or(0))
    }

    fn flaw(&self) -> Option<FaultKind> {
        if self.prices().any(|price| price < 0) || self.prices().next().is_some() && self.mark() == 0 {
            return Some(FaultKind::NotPositive);
        }
        // A row with a volume or flags alone belongs to the last price; one that says nothing at all is no tick.
        (self.mark() == 0 && self.volume.is_none() && self.flags == 0).then_some(FaultKind::Unreadable)
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, price) in [("bid", self.bid), ("ask", self.ask), ("last", self.last)] {
            if let Some(price) = price {
                write!(f, "{name} {} ", Price::from_raw(price))?;
            }
        }
        match self.volume {
            Some(volume) => write!(f, "volume {volume}"),
            None => f.write_str("no trade"),
        }
    }
}

struct Described<'a, R>(&'a R);

impl<R: Row> fmt::Display for Described<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe(f)
    }
}

/// A price may be so far from the one before it: `over` to `under`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach {
    over: i64,
    under: i64,
}

impl Reach {
    /// A fifth within a day: exchanges halt trading before that, and the wildest bar known to us moved 10 %.
    pub(crate) const WITHIN_DAY: Self = Self { over: 6, under: 5 };
    /// Twice, where a row is a day or more.
    pub(crate) const DAYS: Self = Self { over: 2, under: 1 };

    /// Whether `low` and `high` lie within reach of prices from `floor` to `ceiling`. Prices are bounded by
    /// [`Price::LIMIT`], so that the products fit.
    #[inline]
    fn holds(self, (floor, ceiling): (i64, i64), (low, high): (i64, i64)) -> bool {
        high * self.under <= ceiling * self.over && low * self.over >= floor * self.under
    }
}

/// How many rows must agree on a new level before it is believed.
pub(crate) const CONFIRMING_ROWS: usize = 5;
/// How many rows give the first level, by their median.
pub(crate) const OPENING_ROWS: usize = 9;

/// Lets sound rows through, in order, and rejects the others. The same rows always give the same answer.
pub(crate) struct Screen<R> {
    reach: Reach,
    /// Time and mark of the last row let in.
    last: Option<i64>,
    level: i64,
    /// The first rows, until there is a level.
    opening: Vec<(R, u64)>,
    opened: bool,
    /// Rows at a new level that is not confirmed yet.
    pending: Vec<(R, u64)>,
}

impl<R: Row> Screen<R> {
    pub(crate) fn new(reach: Reach) -> Self {
        Self {
            reach,
            last: None,
            level: 0,
            opening: Vec::with_capacity(OPENING_ROWS),
            opened: false,
            pending: Vec::with_capacity(CONFIRMING_ROWS),
        }
    }

    /// Judges the next row. It, or rows before it, go to the sink now or later, in the order in which they came.
    #[inline]
    pub(crate) fn push(&mut self, row: R, line: u64, sink: &mut impl Sink<R>) {
        if let Some(kind) = row.flaw() {
            sink.reject(line, kind, format_args!("{}", Described(&row)));
            return;
        }
        let (level, extremes) = (self.level, row.extremes());
        let follows = self.last.is_some_and(|last| row.micros() > last || R::REPEATS && row.micros() == last);
        if self.opened && follows && self.pending.is_empty() && self.reach.holds((level, level), extremes) {
            self.let_in(&row, line, sink);
            return;
        }
        self.push_unusual(row, line, sink);
    }

    /// No more rows will come.
    pub(crate) fn finish(&mut self, sink: &mut impl Sink<R>) {
        if !self.opened {
            self.open(sink);
        }
        let level = self.level;
        for (row, line) in std::mem::take(&mut self.pending) {
            Self::reject_misprint(&row, line, level, sink);
        }
    }

    #[inline]
    fn let_in(&mut self, row: &R, line: u64, sink: &mut impl Sink<R>) {
        self.last = Some(row.micros());
        if row.mark() > 0 {
            self.level = row.mark();
        }
        sink.accept(row, line);
    }

    fn push_unusual(&mut self, row: R, line: u64, sink: &mut impl Sink<R>) {
        if !self.opened {
            self.opening.push((row, line));
            if self.opening.len() == OPENING_ROWS {
                self.open(sink);
            }
            return;
        }
        let mark = row.mark();
        // A row without a price belongs to whatever is the price now.
        let is_near = self.reach.holds((self.level, self.level), (mark, mark)) || mark == 0 && self.pending.is_empty();
        if is_near {
            // Back where it was: what lay between was none of the market's.
            let level = self.level;
            for (row, line) in std::mem::take(&mut self.pending) {
                Self::reject_misprint(&row, line, level, sink);
            }
            if Self::is_late(&row, self.last, line, sink) {
                return;
            }
            self.let_in_or_reject(&row, line, sink);
            return;
        }
        let before = self.pending.last().map(|(row, _)| row.micros());
        if Self::is_late(&row, before.or(self.last), line, sink) {
            return;
        }
        let new_level = self.pending.iter().rev().map(|(row, _)| row.mark()).find(|&mark| mark > 0);
        if mark > 0 && new_level.is_some_and(|level| !self.reach.holds((level, level), (mark, mark))) {
            let level = self.level;
            for (row, line) in std::mem::take(&mut self.pending) {
                Self::reject_misprint(&row, line, level, sink);
            }
        }
        self.pending.push((row, line));
        if self.pending.len() == CONFIRMING_ROWS {
            for (row, line) in std::mem::take(&mut self.pending) {
                self.let_in_or_reject(&row, line, sink);
            }
        }
    }

    /// The first level is the median of the first rows: any of them may be the misprint.
    fn open(&mut self, sink: &mut impl Sink<R>) {
        self.opened = true;
        let rows = std::mem::take(&mut self.opening);
        let mut marks: Vec<i64> = rows.iter().map(|(row, _)| row.mark()).filter(|&mark| mark > 0).collect();
        marks.sort_unstable();
        self.level = marks.get(marks.len() / 2).copied().unwrap_or(0);
        for (row, line) in rows {
            self.push_unusual(row, line, sink);
        }
    }

    /// A wick may reach a little beyond what lies between the level before it and its own close.
    fn let_in_or_reject(&mut self, row: &R, line: u64, sink: &mut impl Sink<R>) {
        let (level, mark) = (self.level, row.mark());
        let between = if mark > 0 { (level.min(mark), level.max(mark)) } else { (level, level) };
        if mark == 0 || self.reach.holds(between, row.extremes()) {
            self.let_in(row, line, sink);
        } else {
            Self::reject_misprint(row, line, level, sink);
        }
    }

    fn is_late(row: &R, last: Option<i64>, line: u64, sink: &mut impl Sink<R>) -> bool {
        let Some(last) = last else { return false };
        let kind = match row.micros().cmp(&last) {
            std::cmp::Ordering::Less => FaultKind::TimeBackwards,
            std::cmp::Ordering::Equal if !R::REPEATS => FaultKind::DuplicateBar,
            _ => return false,
        };
        let time = alavanca_kernel::Timestamp::from_micros;
        sink.reject(line, kind, format_args!("{} after {}", time(row.micros()), time(last)));
        true
    }

    fn reject_misprint(row: &R, line: u64, level: i64, sink: &mut impl Sink<R>) {
        sink.reject(
            line,
            FaultKind::Misprint,
            format_args!("{} while trading at {}", Described(row), Price::from_raw(level)),
        );
    }
}
