//! What a single cell says: a date, a time, a number. Everything here takes bytes and never panics.

use alavanca_kernel::Price;

use crate::zone::{MICROS, days_of};

/// A date and the time within it, as the file's clock showed it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stamp {
    /// Days since 1970-01-01.
    pub(crate) day: i64,
    /// Microseconds of that day.
    pub(crate) micros: i64,
    /// Seconds ahead of UTC, where the stamp itself says so.
    pub(crate) offset: Option<i64>,
}

/// What stands where a date or time is looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum StampShape {
    /// `2021.03.11`.
    Date,
    /// `20:35` or `20:35:00.292`.
    Time,
    /// `2021-03-11 20:35:00`.
    DateTime,
    /// Units since 1970, so many of them in a second.
    Epoch(i64),
}

impl StampShape {
    pub(crate) fn of(cell: &[u8]) -> Option<Self> {
        let digits = cell.iter().take_while(|b| b.is_ascii_digit()).count();
        if digits >= 9 && (digits == cell.len() || cell[digits] == b'.') {
            return match digits {
                9..=10 => Some(Self::Epoch(1)),
                12..=13 => Some(Self::Epoch(1_000)),
                15..=16 => Some(Self::Epoch(1_000_000)),
                18..=19 => Some(Self::Epoch(1_000_000_000)),
                _ => None,
            };
        }
        if let Some((_, rest)) = date(cell, false).or_else(|| date(cell, true)) {
            return Some(if rest.is_empty() { Self::Date } else { Self::DateTime });
        }
        time(cell).filter(|(_, rest)| rest.is_empty()).map(|_| Self::Time)
    }
}

/// Days since 1970-01-01 and what follows: `YYYY.MM.DD`, `DD/MM/YYYY` (or `MM/DD/YYYY`) with `.`, `-` or `/`, or
/// `YYYYMMDD`.
pub(crate) fn date(cell: &[u8], month_first: bool) -> Option<(i64, &[u8])> {
    let (first, rest) = number(cell, 8)?;
    if cell.len() - rest.len() == 8 {
        return days_of(first / 10_000, first / 100 % 100, first % 100).map(|days| (days, rest));
    }
    let (&separator, rest) = rest.split_first().filter(|(b, _)| matches!(b, b'.' | b'-' | b'/'))?;
    let (second, rest) = number(rest, 2)?;
    let rest = rest.strip_prefix(&[separator])?;
    let (third, rest) = number(rest, 4)?;
    let days = if first > 31 {
        days_of(first, second, third)
    } else if month_first {
        days_of(third, first, second)
    } else {
        days_of(third, second, first)
    };
    days.map(|days| (days, rest))
}

/// Microseconds of the day and what follows: `HH:MM`, `HH:MM:SS`, `HH:MM:SS.ffffff`, `HHMMSS`, `HHMMSSmmm`.
pub(crate) fn time(cell: &[u8]) -> Option<(i64, &[u8])> {
    let (first, rest) = number(cell, 9)?;
    let (hour, minute, second, micros, rest) = match cell.len() - rest.len() {
        9 => (first / 10_000_000, first / 100_000 % 100, first / 1_000 % 100, first % 1_000 * 1_000, rest),
        6 => (first / 10_000, first / 100 % 100, first % 100, 0, rest),
        1 | 2 => {
            let (minute, rest) = number(rest.strip_prefix(b":")?, 2)?;
            let (second, rest) = match rest.strip_prefix(b":") {
                Some(rest) => number(rest, 2)?,
                None => (0, rest),
            };
            let (micros, rest) = match rest {
                [b'.' | b',', rest @ ..] => {
                    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
                    if digits == 0 || digits > 9 {
                        return None;
                    }
                    (millionths(&rest[..digits]), &rest[digits..])
                }
                rest => (0, rest),
            };
            (first, minute, second, micros, rest)
        }
        _ => return None,
    };
    let sound = hour < 24 && minute < 60 && second < 60;
    sound.then_some((((hour * 60 + minute) * 60 + second) * MICROS + micros, rest))
}

/// A whole stamp in one cell; a missing time is midnight. May end in `Z`, ` UTC`, `+00:00`.
pub(crate) fn date_time(cell: &[u8], month_first: bool) -> Option<Stamp> {
    let (day, rest) = date(cell, month_first)?;
    if rest.is_empty() {
        return Some(Stamp { day, micros: 0, offset: None });
    }
    let rest = rest.strip_prefix(b" ").or_else(|| rest.strip_prefix(b"T"))?;
    let (micros, rest) = time(rest)?;
    let offset = match rest {
        b"" => None,
        b"Z" | b" UTC" | b" GMT" => Some(0),
        [sign @ (b'+' | b'-'), rest @ ..] => {
            let (hours, rest) = number(rest, 2)?;
            let (minutes, rest) =
                if rest.is_empty() { (0, rest) } else { number(rest.strip_prefix(b":").unwrap_or(rest), 2)? };
            if !rest.is_empty() || hours > 14 || minutes > 59 {
                return None;
            }
            let seconds = hours * 3600 + minutes * 60;
            Some(if *sign == b'+' { seconds } else { -seconds })
        }
        _ => return None,
    };
    Some(Stamp { day, micros, offset })
}

/// A count of units since 1970, `per_second` of them in a second.
pub(crate) fn epoch(cell: &[u8], per_second: i64) -> Option<Stamp> {
    let (count, rest) = number(cell, 19)?;
    // A frame saved with gaps makes whole numbers floats.
    let fraction = match rest {
        b"" => 0,
        [b'.', digits @ ..] if digits.iter().all(u8::is_ascii_digit) => millionths(digits),
        _ => return None,
    };
    let micros = if per_second > MICROS {
        count / (per_second / MICROS)
    } else {
        count.checked_mul(MICROS / per_second)? + if per_second == 1 { fraction } else { 0 }
    };
    const DAY: i64 = 86_400 * MICROS;
    // Until the year 3000, as dates are.
    (micros < 376_200 * DAY).then_some(Stamp { day: micros / DAY, micros: micros % DAY, offset: None })
}

/// The digits after a point, as millionths; what is finer is cut.
fn millionths(digits: &[u8]) -> i64 {
    digits.iter().chain(b"000000").take(6).fold(0, |n, b| n * 10 + i64::from(b - b'0'))
}

/// A whole number of at most so many digits, and what follows.
fn number(cell: &[u8], at_most: usize) -> Option<(i64, &[u8])> {
    let digits = cell.iter().take(at_most + 1).take_while(|b| b.is_ascii_digit()).count();
    if digits == 0 || digits > at_most {
        return None;
    }
    let value = cell[..digits].iter().try_fold(0_i64, |n, b| n.checked_mul(10)?.checked_add(i64::from(b - b'0')))?;
    Some((value, &cell[digits..]))
}

/// A price in units of 10⁻⁸; beyond eight decimals it rounds. With `comma`, decimals follow a comma and dots part
/// groups of three.
pub(crate) fn price(cell: &[u8], comma: bool) -> Result<i64, &'static str> {
    let (mut raw, mut decimals, mut digits) = (0_i64, None::<u32>, 0_u32);
    let (negative, body) = match cell {
        [] => return Err("empty"),
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let mut group = Group::default();
    let mut round_up = false;
    for &byte in body {
        match byte {
            b'0'..=b'9' => {
                digits += 1;
                match decimals {
                    Some(8) => {
                        round_up = byte >= b'5';
                        decimals = Some(9);
                    }
                    Some(9) => {}
                    places => {
                        raw =
                            raw.checked_mul(10).and_then(|r| r.checked_add(i64::from(byte - b'0'))).ok_or(TOO_LARGE)?;
                        decimals = places.map(|n| n + 1);
                        group.digit();
                    }
                }
            }
            b'.' if comma && decimals.is_none() => group.part()?,
            b',' if comma && decimals.is_none() => {
                group.end()?;
                decimals = Some(0);
            }
            b'.' if !comma && decimals.is_none() => decimals = Some(0),
            b'e' | b'E' if digits > 0 && !comma => return scientific(cell),
            b'n' | b'N' | b'i' | b'I' => return Err("not a finite number"),
            _ => return Err("not a number"),
        }
    }
    if digits == 0 {
        return Err("not a number");
    }
    if decimals.is_none() {
        group.end()?;
    }
    let missing = 8 - decimals.unwrap_or(0).min(8);
    let raw = raw
        .checked_mul(10_i64.pow(missing))
        .and_then(|r| r.checked_add(i64::from(round_up)))
        .filter(|&r| r <= Price::LIMIT.raw())
        .ok_or(TOO_LARGE)?;
    Ok(if negative { -raw } else { raw })
}

const TOO_LARGE: &str = "larger than ten billion";

/// Groups of three digits between dots.
#[derive(Default)]
struct Group {
    digits: u32,
    parted: bool,
}

impl Group {
    fn digit(&mut self) {
        self.digits += 1;
    }

    fn part(&mut self) -> Result<(), &'static str> {
        let sound = if self.parted { self.digits == 3 } else { (1..=3).contains(&self.digits) };
        (self.digits, self.parted) = (0, true);
        if sound { Ok(()) } else { Err("dots that do not part thousands") }
    }

    fn end(&self) -> Result<(), &'static str> {
        if self.parted && self.digits != 3 { Err("dots that do not part thousands") } else { Ok(()) }
    }
}

fn scientific(cell: &[u8]) -> Result<i64, &'static str> {
    let value: f64 = std::str::from_utf8(cell).ok().and_then(|text| text.parse().ok()).ok_or("not a number")?;
    Price::from_f64(value).map(Price::raw).ok_or(TOO_LARGE)
}

/// A count such as a volume; decimals are cut, an empty cell is 0.
pub(crate) fn count(cell: &[u8], comma: bool) -> Result<u64, &'static str> {
    if cell.is_empty() {
        return Ok(0);
    }
    let digits = cell.iter().take_while(|b| b.is_ascii_digit()).count();
    if digits == cell.len() && digits <= 18 {
        return Ok(cell.iter().fold(0, |n, b| n * 10 + u64::from(b - b'0')));
    }
    let raw = price(cell, comma)?;
    u64::try_from(raw / Price::SCALE).map_err(|_| "negative")
}

/// How many decimals a cell shows.
pub(crate) fn decimals_shown(cell: &[u8], comma: bool) -> usize {
    let point = if comma { b',' } else { b'.' };
    cell.iter().position(|&b| b == point).map_or(0, |at| cell.len() - at - 1)
}

/// How many decimals a price needs, 0 to 8.
pub(crate) fn decimals_needed(raw: i64) -> u32 {
    (0..8).find(|&places| raw % 10_i64.pow(8 - places) == 0).unwrap_or(8)
}

/// Without blanks and without the quotes around it.
pub(crate) fn bare(cell: &[u8]) -> &[u8] {
    let cell = cell.trim_ascii();
    match cell {
        [b'"', inner @ .., b'"'] => inner.trim_ascii(),
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stamps_in_every_spelling() {
        let day = days_of(2021, 3, 4).unwrap();
        let micros = ((20 * 60 + 35) * 60) * MICROS;
        for (text, micros, offset) in [
            ("2021.03.04 20:35", micros, None),
            ("2021-03-04 20:35:00", micros, None),
            ("2021/03/04T20:35:00.292", micros + 292_000, None),
            ("04/03/2021 20:35", micros, None),
            ("04.03.2021 20:35:00.5", micros + 500_000, None),
            ("20210304 203500", micros, None),
            ("20210304 203500292", micros + 292_000, None),
            ("2021-03-04 20:35:00.123456789", micros + 123_456, None),
            ("2021-03-04T20:35:00Z", micros, Some(0)),
            ("2021-03-04 20:35:00+00:00", micros, Some(0)),
            ("2021-03-04 20:35:00-03:00", micros, Some(-10_800)),
            ("2021.03.04", 0, None),
        ] {
            assert_eq!(date_time(text.as_bytes(), false), Some(Stamp { day, micros, offset }), "{text}");
        }
        assert_eq!(date_time(b"03/04/2021 20:35", true), Some(Stamp { day, micros, offset: None }));
        for text in ["2021.03.04 24:00", "2021.02.30", "2021.03-04", "20:35", "", "2021.03.04 20:35 ", "2021.03.04x"] {
            assert_eq!(date_time(text.as_bytes(), false), None, "{text}");
        }
    }

    #[test]
    fn epochs_in_every_unit() {
        let expected = date_time(b"2021-11-15 01:39:00", false);
        for (text, unit) in [
            ("1636940340", 1),
            ("1636940340.0", 1),
            ("1636940340000", 1_000),
            ("1636940340000000", 1_000_000),
            ("1636940340000000000", 1_000_000_000),
        ] {
            assert_eq!(StampShape::of(text.as_bytes()), Some(StampShape::Epoch(unit)), "{text}");
            assert_eq!(epoch(text.as_bytes(), unit), expected, "{text}");
        }
    }

    #[test]
    fn prices_in_both_spellings() {
        for (text, comma, raw) in [
            ("1.19802", false, Ok(119_802_000)),
            ("5.553,500", true, Ok(555_350_000_000)),
            ("64.209.120,00", true, Ok(6_420_912_000_000_000)),
            ("108.840", true, Ok(10_884_000_000_000)),
            ("5553,5", true, Ok(555_350_000_000)),
            ("1.1445400000000001", false, Ok(114_454_000)),
            ("1e-05", false, Ok(1_000)),
            ("-0.5", false, Ok(-50_000_000)),
            ("5553.5", true, Err("dots that do not part thousands")),
            ("5.55,5", true, Err("dots that do not part thousands")),
            ("1,5", false, Err("not a number")),
            ("1.2.3", false, Err("not a number")),
            ("NaN", false, Err("not a finite number")),
            ("inf", false, Err("not a finite number")),
            ("", false, Err("empty")),
            ("-", false, Err("not a number")),
            ("10000000001", false, Err(TOO_LARGE)),
            ("99999999999999999999", false, Err(TOO_LARGE)),
        ] {
            assert_eq!(price(text.as_bytes(), comma), raw, "{text}");
        }
        for (text, comma, value) in [
            ("", false, Ok(0)),
            ("0.00000000", false, Ok(0)),
            ("1.156", true, Ok(1156)),
            ("-1", false, Err("negative")),
        ] {
            assert_eq!(count(text.as_bytes(), comma), value, "{text}");
        }
    }

    proptest! {
        #[test]
        fn reads_what_prices_show(raw in 0..=Price::LIMIT.raw()) {
            let price_of = |text: String| price(text.as_bytes(), false);
            prop_assert_eq!(price_of(Price::from_raw(raw).to_string()), Ok(raw));
            let brazilian = Price::from_raw(raw).to_string().replace('.', ",");
            prop_assert_eq!(price(brazilian.as_bytes(), true), Ok(raw));
        }

        #[test]
        fn agrees_with_the_kernel(text in "[-+]?[0-9]{0,12}(\\.[0-9]{0,20})?") {
            prop_assert_eq!(price(text.as_bytes(), false).ok(), text.parse::<Price>().ok().map(Price::raw));
        }
    }
}
