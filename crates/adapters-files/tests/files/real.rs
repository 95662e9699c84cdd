//! Real files, where they are at hand: what they hold is known.

use std::path::PathBuf;

use alavanca_adapters_files::{FaultKind, FileError, FileFormat, FileReport, Note, ReadSettings, RowKind};
use alavanca_kernel::{Bar, Price};

use crate::samples::price;
use crate::{inspect, open, read};

/// The folder of real files beside the workspace; `None` (said aloud) where it is absent.
pub(crate) fn folder() -> Option<PathBuf> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"));
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED: no real files at {}", folder.display());
    None
}

#[test]
fn every_file_has_its_rows_and_few_faults() {
    use FileFormat::{HistDataBars, Mt5Bars, Mt5Chart, Mt5Ticks, Profit, PythonFrame};
    let Some(folder) = folder() else { return };
    for (name, rows, format, seconds, faults) in [
        ("mt5/eurusd_ticks_2014-05_oanda.csv.gz", 532_903, Mt5Ticks, 0, &[][..]),
        ("mt5/eurusd_m1_2021-03.csv.gz", 20_215, Mt5Bars, 60, &[]),
        ("mt5/eurusd_m1_2018-06_lowercase_header.csv.gz", 30_203, Mt5Bars, 60, &[]),
        ("mt5/wdo_m5_2018_2019.csv.gz", 51_015, Mt5Bars, 300, &[]),
        ("mt5/wdok20_m1_2020-04.csv.gz", 3_769, Mt5Bars, 60, &[]),
        (
            "mt5/dolk20_ticks_2020-04-02.csv.gz",
            63_632,
            Mt5Ticks,
            0,
            &[(FaultKind::NotPositive, 3), (FaultKind::CrossedBook, 135)],
        ),
        ("mt5/win_m15_2014_2020.csv.gz", 54_482, Mt5Bars, 900, &[(FaultKind::Misprint, 4)]),
        ("mt5/winn_m1_2021-03_commas.csv.gz", 12_581, Mt5Bars, 60, &[]),
        ("mt5/winn_m15_2020_2021_commas.csv.gz", 11_313, Mt5Bars, 900, &[]),
        ("mt5/winn_m30_2015_2020_utf16le_chart_export.csv.gz", 22_637, Mt5Chart, 1800, &[]),
        ("mt5/winz20_m5_chart_export.csv.gz", 3_007, Mt5Chart, 300, &[]),
        ("profit/wdo_m1_2021-11_2022-01.csv.gz", 27_096, Profit, 60, &[]),
        ("profit/win_m5_2021-08_2022-01.csv.gz", 11_582, Profit, 300, &[]),
        ("profit/win_m5_bom_newest_first.csv.gz", 20_001, Profit, 300, &[]),
        ("histdata/eurusd_m1_2018.zip", 372_607, HistDataBars, 60, &[]),
        ("other/eurusd_m1_python_frame.csv.gz", 500, PythonFrame, 60, &[]),
    ] {
        let file = open(&folder.join(name), &ReadSettings::default()).unwrap_or_else(|error| panic!("{error}"));
        let report = file.report();
        let kind = if seconds == 0 { RowKind::Ticks } else { RowKind::Bars { seconds } };
        assert_eq!((report.rows, report.format, report.kind), (rows, format, kind), "{name}");
        let found: Vec<(FaultKind, u64)> = report.faults.iter().map(|fault| (fault.kind, fault.count)).collect();
        assert_eq!(found, faults, "{name}");
    }
}

#[test]
fn the_bad_files_are_refused_with_their_counts() {
    let Some(folder) = folder() else { return };
    for (name, rows, broken, misprints) in
        [("eurusd_m1_lost_decimal_points", 9_999, 219, 102), ("eurusd_m1_not_real", 14_400, 2_208, 0)]
    {
        let path = folder.join(format!("bad/{name}.csv.gz"));
        let Err(FileError::Refused { report }) = open(&path, &ReadSettings::default()) else {
            panic!("{name} is not refused");
        };
        assert_eq!((report.rows, report.faulty), (rows, broken + misprints), "{name}");
        assert_eq!(report.count_of(FaultKind::OhlcBroken), broken, "{name}");
        assert_eq!(report.count_of(FaultKind::Misprint), misprints, "{name}");
    }
    // Whoever accepts that many runs without them.
    let settings = ReadSettings { accept_faults_percent: 5.0, ..ReadSettings::default() };
    let (bars, _, report) = read(&folder.join("bad/eurusd_m1_lost_decimal_points.csv.gz"), &settings);
    assert_eq!((bars.len(), report.faulty, report.faults[0].lines[0].line), (9_678, 321, 402));
    assert!(bars.iter().all(|bar| bar.low > price("1") && bar.high < price("1.1")));
}

fn note(report: &FileReport, wanted: &Note) {
    assert!(report.notes.contains(wanted), "{wanted} is not in {:?}", report.notes);
}

#[test]
fn what_is_odd_about_them_is_told() {
    let Some(folder) = folder() else { return };
    let report = |name: &str| inspect(&folder.join(name), &ReadSettings::default()).unwrap();
    let half = Price::from_raw(50_000_000);

    let wdo = report("mt5/wdo_m5_2018_2019.csv.gz");
    note(&wdo, &Note::WeekendRows { count: 25, first_line: 23_129 });
    note(&wdo, &Note::OffGrid { count: 864, tick: half });
    note(&wdo, &Note::SpreadUnreliable { count: 570, point: price("0.001") });
    let longest: Vec<i64> = wdo.gaps.largest.iter().take(2).map(|gap| gap.seconds / 86_400).collect();
    assert_eq!(longest, [20, 13]);

    let win = report("mt5/win_m15_2014_2020.csv.gz");
    assert_eq!(win.faults[0].lines.iter().map(|line| line.line).collect::<Vec<_>>(), [44_671, 44_696, 44_700, 45_126]);
    note(&win, &Note::WeekendRows { count: 74, first_line: 37_248 });

    note(&report("mt5/dolk20_ticks_2020-04-02.csv.gz"), &Note::RepeatedTicks { count: 12_505 });
    note(&report("profit/wdo_m1_2021-11_2022-01.csv.gz"), &Note::NewestFirst);
    // This broker's server follows Europe's daylight time.
    note(&report("mt5/eurusd_m1_2021-03.csv.gz"), &Note::FridayEndsEarly { count: 2 });
    let athens = ReadSettings { zone: Some("Europe/Athens".parse().unwrap()), ..ReadSettings::default() };
    let report = inspect(&folder.join("mt5/eurusd_m1_2021-03.csv.gz"), &athens).unwrap();
    assert_eq!(report.notes, []);
}

#[test]
fn a_quote_is_carried_as_the_exchange_sent_it() {
    let Some(folder) = folder() else { return };
    let (_, ticks, _) = read(&folder.join("mt5/dolk20_ticks_2020-04-02.csv.gz"), &ReadSettings::default());
    assert_eq!((ticks[0].bid, ticks[0].ask, ticks[0].last), (price("5500"), price("5220"), Price::ZERO));
    assert!(!ticks[0].is_tradable());
    assert_eq!((ticks[1].bid, ticks[1].ask), (price("5500"), price("5193")));
    assert_eq!((ticks[2].last, ticks[2].volume, ticks[2].ask), (price("5257.5"), 20, price("5193")));
    assert_eq!(ticks.iter().filter(|tick| tick.volume > 0).count(), 33_118);
    assert_eq!(ticks.iter().filter(|tick| !tick.is_tradable()).count(), 135);
}

#[test]
fn one_minute_bars_make_the_quarter_hours() {
    let Some(folder) = folder() else { return };
    let bars = |name: &str| read(&folder.join(name), &ReadSettings::default()).0;
    let minutes = bars("mt5/winn_m1_2021-03_commas.csv.gz");
    let quarters = bars("mt5/winn_m15_2020_2021_commas.csv.gz");
    let mut made: Vec<Bar> = Vec::new();
    for bar in &minutes {
        let time = bar.time.plus_secs(-(bar.time.secs().rem_euclid(900)));
        match made.last_mut().filter(|made| made.time == time) {
            Some(made) => {
                made.high = made.high.max(bar.high);
                made.low = made.low.min(bar.low);
                made.close = bar.close;
                made.volume += bar.volume;
                made.tick_volume += bar.tick_volume;
            }
            None => made.push(Bar { time, seconds: 900, ..*bar }),
        }
    }
    let bare = |bar: &Bar| Bar { spread: Price::ZERO, ..*bar };
    // The first and the last quarter may be cut by the file's ends.
    let made: Vec<Bar> = made[1..made.len() - 1].iter().map(bare).collect();
    let (first, last) = (made[0].time, made[made.len() - 1].time);
    let there: Vec<Bar> = quarters.iter().filter(|bar| (first..=last).contains(&bar.time)).map(bare).collect();
    assert!(made.len() > 700, "{}", made.len());
    assert_eq!(made, there);
}
