//! Real files held against the session calendars: no data on closed days, none missing on open ones, and bars within
//! the hours. What differs is listed here with its reason, so that a new difference shows.

use std::collections::{BTreeMap, BTreeSet};

use alavanca_adapters_files::ReadSettings;
use alavanca_calendar::{SessionCalendars, Zone, utc_to_local};
use alavanca_kernel::TradingDay;
use chrono::{Datelike, NaiveDate, Timelike, Weekday};

use crate::read;
use crate::real::folder;

/// A day of a file: second of day of the first and the last bar's begin, and how long bars are.
struct Day {
    first: i32,
    last: i32,
    seconds: i32,
}

fn days_of(path: &std::path::Path) -> BTreeMap<NaiveDate, Day> {
    let zone = Zone::by_name("--data-tz", "America/Sao_Paulo").expect("a zone");
    let mut days = BTreeMap::new();
    for bar in read(path, &ReadSettings::default()).0 {
        let local = utc_to_local(zone, bar.time);
        let second = local.num_seconds_from_midnight() as i32;
        let day = days.entry(local.date()).or_insert(Day { first: second, last: second, seconds: bar.seconds as i32 });
        (day.first, day.last) = (day.first.min(second), day.last.max(second));
    }
    days
}

/// `2018-12-03`, and `2018-12-03..2018-12-12` for the weekdays from one to the other.
fn dates(texts: &[&str]) -> BTreeSet<NaiveDate> {
    let date = |text: &str| text.parse::<NaiveDate>().expect("a date");
    let span = |text: &&str| match text.split_once("..") {
        None => vec![date(text)],
        Some((from, until)) => date(from)
            .iter_days()
            .take_while(|day| *day <= date(until))
            .filter(|day| !matches!(day.weekday(), Weekday::Sat | Weekday::Sun))
            .collect(),
    };
    texts.iter().flat_map(span).collect()
}

/// What a file is known to have against its calendar.
#[derive(Default)]
struct Known<'a> {
    /// Weekends on which the exchange tested its systems.
    rehearsals: &'a [&'a str],
    /// Days that the file lacks.
    holes: &'a [&'a str],
    /// Days that the file has in part: it begins late or ends early.
    parts: &'a [&'a str],
    /// Days with bars before the opening auction or after the closing one.
    outside: &'a [&'a str],
}

fn check(name: &str, session: &str, known: &Known<'_>) {
    let Some(folder) = folder() else { return };
    let calendar = SessionCalendars::built_in().get(session).expect("a session");
    let hours_on = |day: NaiveDate| calendar.hours_on(TradingDay::from_days(day.to_epoch_days()));
    let days = days_of(&folder.join(name));
    let (first, last) = (*days.keys().next().expect("a day"), *days.keys().next_back().expect("a day"));
    let (mut closed, mut holes, mut parts, mut outside) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for date in first.iter_days().take_while(|date| *date <= last) {
        match (hours_on(date), days.get(&date)) {
            (None, Some(_)) => drop(closed.insert(date)),
            (Some(_), None) => drop(holes.insert(date)),
            (Some(hours), Some(day)) => {
                // An hour less than the calendar says would be another calendar; a few quiet minutes are none.
                let begins_late = day.first > hours.opens + day.seconds.max(600);
                let ends_early = day.last + day.seconds < hours.closes - day.seconds.max(600);
                if begins_late || ends_early {
                    parts.insert(date);
                }
                // The first bar may begin with the auction, the last with its end.
                if day.first < hours.auction || day.last > hours.ends {
                    outside.insert(date);
                }
            }
            (None, None) => {}
        }
    }
    assert_eq!(closed, dates(known.rehearsals), "{name}: data on days that the calendar has closed");
    assert_eq!(holes, dates(known.holes), "{name}: no data on days that the calendar has open");
    assert_eq!(parts, dates(known.parts), "{name}: days in part");
    assert_eq!(outside, dates(known.outside), "{name}: bars outside the hours");
}

#[test]
fn the_index_trades_when_the_calendar_says() {
    check("mt5/winn_m30_2015_2020_utf16le_chart_export.csv.gz", "B3", &Known::default());
    check("mt5/winn_m15_2020_2021_commas.csv.gz", "B3", &Known::default());
    check("mt5/winn_m1_2021-03_commas.csv.gz", "B3", &Known::default());
    check("profit/win_m5_2021-08_2022-01.csv.gz", "B3", &Known { parts: &["2021-08-17"], ..Known::default() });
    check("profit/win_m5_bom_newest_first.csv.gz", "B3", &Known { parts: &["2021-08-23"], ..Known::default() });
    // The files above have the days that this one lacks.
    let known = Known {
        rehearsals: &["2018-11-10", "2019-03-10", "2019-08-10", "2019-09-07"],
        holes: &[
            "2018-12-03..2018-12-12",
            "2019-06-13..2019-06-19",
            "2019-06-21..2019-06-27",
            "2019-08-15..2019-08-22",
            "2019-10-15",
        ],
        // At the edges of holes; and three expiry days, on which the expiring contract ended at 17:00.
        parts: &[
            "2018-11-30",
            "2018-12-13",
            "2019-06-12",
            "2019-06-28",
            "2019-08-14",
            "2019-08-23",
            "2019-12-10",
            "2019-12-19",
            "2020-08-12",
        ],
        // The broker's clock was an hour ahead in the afternoon; the M30 file's was not.
        outside: &["2017-10-13", "2018-11-01"],
    };
    check("mt5/win_m15_2014_2020.csv.gz", "B3", &known);
}

#[test]
fn the_dollar_trades_when_the_calendar_says() {
    check("mt5/wdok20_m1_2020-04.csv.gz", "B3_DOLLAR", &Known::default());
    check("profit/wdo_m1_2021-11_2022-01.csv.gz", "B3_DOLLAR", &Known { parts: &["2021-11-05"], ..Known::default() });
    let known = Known {
        rehearsals: &["2018-11-10", "2019-09-07"],
        holes: &[
            "2018-12-03..2018-12-12",
            "2018-12-14..2018-12-21",
            "2018-12-26..2018-12-28",
            "2019-01-02",
            "2019-10-15",
            "2019-12-02..2019-12-03",
        ],
        parts: &["2018-10-03", "2018-11-30", "2018-12-13", "2019-10-14", "2019-12-04"],
        outside: &["2018-11-01"],
    };
    check("mt5/wdo_m5_2018_2019.csv.gz", "B3_DOLLAR", &known);
}
