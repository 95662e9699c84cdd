//! From a line to a row.

use alavanca_kernel::{Bar, Price, Tick, Timestamp};

use crate::cell::{self, Stamp};
use crate::layout::{Cells, Column, Layout, Why};
use crate::zone::{DAY_SECS, DataZone, MICROS, WallClock};

/// A bar as the file has it; its length is not known yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawBar {
    pub(crate) bar: Bar,
    /// The day that the file's clock showed.
    pub(crate) day: i32,
    /// The second of that day.
    pub(crate) secs: i32,
}

/// A tick as the file has it: cells that are empty say nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct RawTick {
    pub(crate) time: i64,
    pub(crate) day: i32,
    /// The second of that day.
    pub(crate) secs: i32,
    pub(crate) bid: Option<i64>,
    pub(crate) ask: Option<i64>,
    pub(crate) last: Option<i64>,
    pub(crate) volume: Option<u64>,
    /// MetaTrader's change flags: 2 bid, 4 ask, 8 last, 16 volume; others are not to be relied on.
    pub(crate) flags: u32,
}

/// Reads rows of one layout.
pub(crate) struct RowReader {
    pub(crate) layout: Layout,
    pub(crate) clock: WallClock,
    /// What a whole number in the spread column stands for.
    point: i64,
    fast: bool,
    /// The date that was read last, and its midnight in microseconds UTC.
    date: [u8; 10],
    day: i64,
    midnight: i64,
}

const FLAG_LAST: u32 = 8;
const FLAG_VOLUME: u32 = 16;

impl RowReader {
    pub(crate) fn new(layout: Layout, zone: DataZone) -> Self {
        const EXPORT: [Column; 9] = [
            Column::Stamp,
            Column::Time,
            Column::Open,
            Column::High,
            Column::Low,
            Column::Close,
            Column::TickVolume,
            Column::Volume,
            Column::Spread,
        ];
        let fast = layout.columns == EXPORT && layout.cells_max == 9 && !layout.comma && !layout.quoted;
        let clock = WallClock::new(zone, layout.newest_first);
        let point = 10_i64.pow(8 - layout.digits.min(8));
        Self { layout, clock, point, fast, date: [0; 10], day: 0, midnight: 0 }
    }

    #[inline]
    pub(crate) fn bar(&mut self, line: &[u8]) -> Result<RawBar, Why> {
        if self.fast
            && let Some(bar) = self.exported_bar(line)
        {
            return Ok(bar);
        }
        self.any_bar(line)
    }

    /// The layout of MetaTrader's own export, `YYYY.MM.DD HH:MM:SS` and plain numbers. `None` where anything is
    /// unusual: then the general way decides, and finds the words for what is wrong.
    #[inline]
    fn exported_bar(&mut self, line: &[u8]) -> Option<RawBar> {
        let (date, rest) = line.split_first_chunk::<10>()?;
        let (time, numbers) = rest.split_first_chunk::<10>()?;
        let delimiter = self.layout.delimiter;
        if *date != self.date {
            self.turn_to(date)?;
        }
        let [d0, h1, h2, c1, m1, m2, c2, s1, s2, d1] = *time;
        if d0 != delimiter || d1 != delimiter || c1 != b':' || c2 != b':' {
            return None;
        }
        let two = |tens: u8, ones: u8| {
            let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
            (tens < 10 && ones < 10).then(|| i64::from(tens) * 10 + i64::from(ones))
        };
        let (hour, minute, second) = (two(h1, h2)?, two(m1, m2)?, two(s1, s2)?);
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let secs = (hour * 60 + minute) * 60 + second;

        let mut numbers = Numbers { rest: numbers, delimiter };
        let (open, high, low, close) = (numbers.price()?, numbers.price()?, numbers.price()?, numbers.price()?);
        let (tick_volume, volume, spread) = (numbers.count()?, numbers.count()?, numbers.last_count()?);
        let bar = Bar {
            time: Timestamp::from_micros(self.midnight + secs * MICROS),
            open: Price::from_raw(open),
            high: Price::from_raw(high),
            low: Price::from_raw(low),
            close: Price::from_raw(close),
            volume,
            spread: Price::from_raw(spread_of(spread, self.point)?),
            tick_volume: u32::try_from(tick_volume).unwrap_or(u32::MAX),
            seconds: 0,
        };
        Some(RawBar { bar, day: self.day as i32, secs: secs as i32 })
    }

    #[cold]
    fn turn_to(&mut self, date: &[u8; 10]) -> Option<()> {
        self.date = [0; 10];
        if date[4] != b'.' || date[7] != b'.' {
            return None;
        }
        let (day, rest) = cell::date(date, false)?;
        // A day on which the clock changes goes the general way.
        let offset = self.clock.day_offset(day)?;
        if !rest.is_empty() {
            return None;
        }
        (self.date, self.day) = (*date, day);
        self.midnight = (day * DAY_SECS - offset) * MICROS;
        Some(())
    }

    fn any_bar(&mut self, line: &[u8]) -> Result<RawBar, Why> {
        let mut cells: Cells<'_> = Default::default();
        self.layout.cells(line, &mut cells)?;
        let (time, day, secs) = self.time(&cells)?;
        let comma = self.layout.comma;
        let price = |column: Column| cell::price(cells[column as usize], comma).map(Price::from_raw);
        let count = |column: Column| cell::count(cells[column as usize], comma);
        let bar = Bar {
            time,
            open: price(Column::Open)?,
            high: price(Column::High)?,
            low: price(Column::Low)?,
            close: price(Column::Close)?,
            volume: count(Column::Volume)?,
            spread: self.spread(cells[Column::Spread as usize])?,
            tick_volume: u32::try_from(count(Column::TickVolume)?).unwrap_or(u32::MAX),
            seconds: 0,
        };
        Ok(RawBar { bar, day, secs })
    }

    pub(crate) fn tick(&mut self, line: &[u8]) -> Result<RawTick, Why> {
        let mut cells: Cells<'_> = Default::default();
        self.layout.cells(line, &mut cells)?;
        let (time, day, secs) = self.time(&cells)?;
        let comma = self.layout.comma;
        let price = |column: Column| match cells[column as usize] {
            b"" => Ok(None),
            cell => cell::price(cell, comma).map(Some),
        };
        let volume = match cells[Column::Volume as usize] {
            b"" => None,
            cell => Some(cell::count(cell, comma)?),
        };
        Ok(RawTick {
            time: time.micros(),
            day,
            secs,
            bid: price(Column::Bid)?,
            ask: price(Column::Ask)?,
            last: price(Column::Last)?,
            volume,
            flags: cell::count(cells[Column::Flags as usize], comma)? as u32,
        })
    }

    fn time(&mut self, cells: &Cells<'_>) -> Result<(Timestamp, i32, i32), Why> {
        if let Some(symbol) = &self.layout.symbol
            && symbol.as_bytes() != cells[Column::Symbol as usize]
        {
            return Err("a row of another symbol");
        }
        let Stamp { day, micros, offset } = self.layout.stamp(cells)?;
        let time = match offset {
            Some(offset) => (day * DAY_SECS - offset) * MICROS + micros,
            None => self.clock.instant(day, micros),
        };
        Ok((Timestamp::from_micros(time), day as i32, (micros / MICROS) as i32))
    }

    /// Whole numbers are points of the file's own decimals; a fraction is a distance.
    fn spread(&self, cell: &[u8]) -> Result<Price, Why> {
        if cell.is_empty() {
            return Ok(Price::ZERO);
        }
        let raw = cell::price(cell, self.layout.comma)?;
        if raw < 0 {
            return Err("negative spread");
        }
        if raw % Price::SCALE != 0 {
            return Ok(Price::from_raw(raw));
        }
        spread_of((raw / Price::SCALE) as u64, self.point).map(Price::from_raw).ok_or("spread too large")
    }
}

fn spread_of(points: u64, point: i64) -> Option<i64> {
    i64::try_from(points).ok()?.checked_mul(point).filter(|&raw| raw <= Price::LIMIT.raw())
}

const POWERS: [i64; 9] = [100_000_000, 10_000_000, 1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];

/// The numbers of a line, one after the other, in the spelling of an export.
struct Numbers<'a> {
    rest: &'a [u8],
    delimiter: u8,
}

impl Numbers<'_> {
    #[inline(always)]
    fn price(&mut self) -> Option<i64> {
        if let Some(bytes) = self.rest.first_chunk::<8>() {
            // All eight bytes at once, where the cell and its delimiter lie in them.
            let word = u64::from_le_bytes(*bytes);
            let others = not_digits(word);
            let whole = others.trailing_zeros() as usize / 8;
            let beyond = others & others.wrapping_sub(1);
            let end = beyond.trailing_zeros() as usize / 8;
            if whole > 0 && whole < 8 && bytes[whole] == self.delimiter {
                self.rest = &self.rest[whole + 1..];
                return Some(eight_digits(word << (64 - 8 * whole)) as i64 * POWERS[0]);
            }
            if whole > 0 && end < 8 && bytes[whole] == b'.' && bytes[end] == self.delimiter && end > whole + 1 {
                self.rest = &self.rest[end + 1..];
                // The digits behind the point move up to those before it.
                let before = (1 << (8 * whole)) - 1;
                let digits = (word & before) | ((word >> 8) & !before);
                return Some(eight_digits(digits << (64 - 8 * (end - 1))) as i64 * POWERS[end - whole - 1]);
            }
        }
        self.long_price()
    }

    /// Up to ten digits before the point and eight after it: nothing here can overflow.
    fn long_price(&mut self) -> Option<i64> {
        let whole = self.rest.iter().position(|b| !b.is_ascii_digit())?;
        let after = &self.rest[whole..];
        let (decimals, at) = match after {
            [b'.', after @ ..] => {
                let decimals = after.iter().position(|b| !b.is_ascii_digit())?;
                (decimals, whole + 1 + decimals)
            }
            _ => (0, whole),
        };
        if whole == 0 || whole > 10 || decimals > 8 || at == whole + 1 || *self.rest.get(at)? != self.delimiter {
            return None;
        }
        let digits = self.rest[..at].iter().filter(|&&b| b != b'.');
        let value = digits.fold(0, |value, b| value * 10 + i64::from(b - b'0'));
        self.rest = &self.rest[at + 1..];
        value.checked_mul(POWERS[decimals]).filter(|&raw| raw <= Price::LIMIT.raw())
    }

    #[inline(always)]
    fn count(&mut self) -> Option<u64> {
        let (value, at) = self.digits()?;
        if *self.rest.get(at)? != self.delimiter {
            return None;
        }
        self.rest = &self.rest[at + 1..];
        Some(value)
    }

    #[inline(always)]
    fn last_count(&mut self) -> Option<u64> {
        let (value, at) = self.digits()?;
        (at == self.rest.len()).then_some(value)
    }

    #[inline(always)]
    fn digits(&self) -> Option<(u64, usize)> {
        if let Some(bytes) = self.rest.first_chunk::<8>() {
            let word = u64::from_le_bytes(*bytes);
            let length = not_digits(word).trailing_zeros() as usize / 8;
            if length > 0 && length < 8 {
                return Some((eight_digits(word << (64 - 8 * length)), length));
            }
        }
        let length = self.rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let value = self.rest.iter().take(length.min(18)).fold(0, |value, b| value * 10 + u64::from(b - b'0'));
        (length > 0 && length <= 18).then_some((value, length))
    }
}

/// The highest bit of each byte that is no ASCII digit.
#[inline(always)]
const fn not_digits(word: u64) -> u64 {
    let digits = word ^ 0x3030_3030_3030_3030;
    // Bytes of ten and more reach the highest bit; seven bits are added to seven, so nothing is carried over.
    (((digits & 0x7F7F_7F7F_7F7F_7F7F) + 0x7676_7676_7676_7676) | digits) & 0x8080_8080_8080_8080
}

/// The number of eight ASCII digits, the first in the lowest byte; zero bytes before them count as zeros.
#[inline(always)]
const fn eight_digits(word: u64) -> u64 {
    let word = word & 0x0F0F_0F0F_0F0F_0F0F;
    let pairs = word.wrapping_mul(10).wrapping_add(word >> 8) & 0x00FF_00FF_00FF_00FF;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_FFFF_0000_FFFF;
    fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xFFFF_FFFF
}

/// Fills what empty cells leave open with what was last said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Carry {
    bid: i64,
    ask: i64,
    last: i64,
    volume: u64,
}

impl Carry {
    /// The whole tick. Its volume is 0 unless a trade happened: flags decide where there are any, else whether the
    /// cells of the trade are filled.
    pub(crate) fn fill(&mut self, raw: &RawTick) -> Tick {
        self.bid = raw.bid.unwrap_or(self.bid);
        self.ask = raw.ask.unwrap_or(self.ask);
        self.last = raw.last.unwrap_or(self.last);
        self.volume = raw.volume.unwrap_or(self.volume);
        let is_trade = if raw.flags == 0 {
            raw.last.is_some() || raw.volume.is_some()
        } else {
            raw.flags & (FLAG_LAST | FLAG_VOLUME) != 0
        };
        Tick {
            time: Timestamp::from_micros(raw.time),
            bid: Price::from_raw(self.bid),
            ask: Price::from_raw(self.ask),
            last: Price::from_raw(self.last),
            volume: if is_trade && self.last > 0 { self.volume } else { 0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_quick_way_reads_what_the_general_way_reads(
            text in "[0-9]{0,12}(\\.[0-9]{0,10})?", rest in "[0-9\t.]{0,10}",
        ) {
            let line = format!("{text}\t{rest}");
            let mut numbers = Numbers { rest: line.as_bytes(), delimiter: b'\t' };
            let general = cell::price(text.as_bytes(), false).ok();
            // It may pass, but what it reads is right, and what has the shape of an export it reads.
            if let Some(quick) = numbers.price() {
                prop_assert_eq!(Some(quick), general);
                prop_assert_eq!(numbers.rest, rest.as_bytes());
            } else {
                let (whole, decimals) = text.split_once('.').unwrap_or((&text, "0"));
                let plain = (1..=10).contains(&whole.len()) && (1..=8).contains(&decimals.len());
                prop_assert!(!plain || general.is_none(), "{} was passed over", text);
            }
        }

        #[test]
        fn the_quick_way_counts_as_the_general_way(text in "[0-9]{0,20}", rest in "[0-9\t]{0,10}") {
            let line = format!("{text}\t{rest}");
            let mut numbers = Numbers { rest: line.as_bytes(), delimiter: b'\t' };
            if let Some(quick) = numbers.count() {
                prop_assert_eq!(Ok(quick), cell::count(text.as_bytes(), false));
                prop_assert_eq!(numbers.rest, rest.as_bytes());
            } else {
                prop_assert!(text.is_empty() || text.len() > 18);
            }
            let mut last = Numbers { rest: text.as_bytes(), delimiter: b'\t' };
            prop_assert_eq!(last.last_count().is_some(), (1..=18).contains(&text.len()));
        }
    }
}
