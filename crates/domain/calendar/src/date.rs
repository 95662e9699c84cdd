//! Dates by rule: Easter and what hangs on it, weekdays, the year's last weekday.

use alavanca_kernel::TradingDay;
use chrono::NaiveDate;

/// The date of a year, month and day; `None` where there is no such date.
pub(crate) fn date(year: i32, month: u32, day: u32) -> Option<TradingDay> {
    NaiveDate::from_ymd_opt(year, month, day).map(of)
}

pub(crate) fn of(date: NaiveDate) -> TradingDay {
    TradingDay::from_days(date.to_epoch_days())
}

/// `2021-03-11`.
pub(crate) fn parse(text: &str) -> Option<TradingDay> {
    let plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    text.parse().ok().filter(|_| plain).map(of)
}

pub(crate) const fn plus(day: TradingDay, days: i32) -> TradingDay {
    TradingDay::from_days(day.days().saturating_add(days))
}

/// 0 is Monday. The epoch was a Thursday.
#[inline]
pub(crate) fn weekday(day: TradingDay) -> usize {
    (i64::from(day.days()) + 3).rem_euclid(7) as usize
}

pub(crate) const SATURDAY: usize = 5;

/// Easter Sunday of the Gregorian calendar: the golden number finds the moon, the weekday the Sunday after it.
pub(crate) fn easter(year: i32) -> Option<TradingDay> {
    let golden = year.rem_euclid(19);
    let century = year.div_euclid(100);
    let leap_correction = century.div_euclid(4);
    let moon_correction = (8 * century + 13).div_euclid(25);
    let epact = (19 * golden + century - leap_correction - moon_correction + 15).rem_euclid(30);
    // Two epacts would put the full moon a day too late.
    let full_moon = epact - i32::from(epact == 29 || (epact == 28 && golden > 10));
    let twenty_first_of_march = date(year, 3, 21)?;
    let moon = plus(twenty_first_of_march, full_moon);
    Some(plus(moon, 7 - ((weekday(moon) + 1) % 7) as i32))
}

/// The last Monday to Friday of a year.
pub(crate) fn last_weekday(year: i32) -> Option<TradingDay> {
    let last = date(year, 12, 31)?;
    Some(plus(last, -(weekday(last).saturating_sub(SATURDAY - 1) as i32)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Datelike;

    fn year(day: TradingDay) -> i32 {
        day.to_date().unwrap().year()
    }

    #[test]
    fn easter_falls_where_it_did() {
        for text in [
            "1954-04-18",
            "1981-04-19",
            "2000-04-23",
            "2008-03-23",
            "2011-04-24",
            "2014-04-20",
            "2015-04-05",
            "2016-03-27",
            "2017-04-16",
            "2018-04-01",
            "2019-04-21",
            "2020-04-12",
            "2021-04-04",
            "2022-04-17",
            "2023-04-09",
            "2024-03-31",
            "2025-04-20",
            "2026-04-05",
            "2027-03-28",
            "2038-04-25",
            "2049-04-18",
        ] {
            let expected = parse(text).unwrap();
            assert_eq!(easter(year(expected)), Some(expected), "{text}");
        }
    }

    #[test]
    fn the_last_weekday_of_a_year() {
        for text in ["2014-12-31", "2016-12-30", "2017-12-29", "2022-12-30", "2023-12-29", "2024-12-31", "2027-12-31"] {
            let expected = parse(text).unwrap();
            assert_eq!(last_weekday(year(expected)), Some(expected), "{text}");
        }
    }

    #[test]
    fn dates_are_written_in_one_way() {
        for text in ["2021-3-11", "21-03-11", "2021-02-29", "2021/03/11", "+2021-03-1", ""] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
