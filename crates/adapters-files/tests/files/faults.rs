//! Each fault is counted with its line, and too many refuse the file.

use alavanca_adapters_files::{FaultKind, FileError, FileReport, ReadSettings};
use alavanca_kernel::{Bar, Price, Timestamp};

use crate::samples::{bars, mt5, price};
use crate::{Folder, inspect, open, read};

const ALL: ReadSettings = ReadSettings { zone: None, accept_faults_percent: 100.0, bar_seconds: None, class: None };

/// Kind, line and number of each fault of these lines.
fn found(lines: &[String]) -> (Vec<(FaultKind, Vec<u64>)>, FileReport) {
    let folder = Folder::new();
    let path = folder.write("wdo.csv", lines.join("\n").as_bytes());
    let (_, _, report) = read(&path, &ALL);
    let listed = |lines: &[alavanca_adapters_files::FaultLine]| lines.iter().map(|line| line.line).collect();
    (report.faults.iter().map(|fault| (fault.kind, listed(&fault.lines))).collect(), report)
}

fn lines(count: usize) -> Vec<String> {
    mt5(&bars(count)).lines().map(str::to_owned).collect()
}

/// Replaces cell `at` of a line (both from 0) and returns the lines.
fn with_cell(mut lines: Vec<String>, line: usize, at: usize, cell: &str) -> Vec<String> {
    let mut cells: Vec<&str> = lines[line].split('\t').collect();
    cells[at] = cell;
    lines[line] = cells.join("\t");
    lines
}

#[test]
fn each_fault_has_its_line() {
    use FaultKind::{DuplicateBar, Misprint, NotPositive, OhlcBroken, TimeBackwards, Unreadable};
    // Line 101 is the bar of 11:39.
    for (at, cell, kind) in [
        (0, "2021.02.30", Unreadable),
        (0, "", Unreadable),
        (1, "25:00:00", Unreadable),
        (1, "11:39:60", Unreadable),
        (1, "noon", Unreadable),
        (2, "NaN", Unreadable),
        (3, "inf", Unreadable),
        (3, "-inf", Unreadable),
        (4, "", Unreadable),
        (5, "5x3", Unreadable),
        (5, "99999999999", Unreadable),
        (6, "-3", Unreadable),
        (8, "5\t6", Unreadable),
        (2, "0", NotPositive),
        (4, "0.0", NotPositive),
        (4, "-5553.5", NotPositive),
        (5, "-0", NotPositive),
        (3, "5000.0", OhlcBroken),
        (4, "6000.0", OhlcBroken),
        (2, "6000.0", OhlcBroken),
        (5, "5000.0", OhlcBroken),
        (3, "55530.0", Misprint),
        (4, "555.3", Misprint),
        (1, "11:37:00", TimeBackwards),
        (0, "2021.03.10", TimeBackwards),
        (1, "11:38:00", DuplicateBar),
    ] {
        let (faults, report) = found(&with_cell(lines(300), 100, at, cell));
        assert_eq!(faults, [(kind, vec![101])], "cell {at} `{cell}`");
        assert_eq!((report.rows, report.accepted), (300, 299), "cell {at} `{cell}`");
    }
    let mut short = lines(300);
    short[100].truncate(20);
    assert_eq!(found(&short).0, [(Unreadable, vec![101])]);
}

#[test]
fn faults_of_a_file_turned_round_have_its_own_lines() {
    let mut broken = with_cell(with_cell(lines(300), 100, 3, "5000.0"), 120, 4, "555.3");
    broken = with_cell(broken, 140, 2, "x");
    broken[1..].reverse();
    // Line n of 301 becomes line 303 − n, the header stays.
    assert_eq!(
        found(&broken).0,
        [
            (FaultKind::Unreadable, vec![302 - 140]),
            (FaultKind::OhlcBroken, vec![302 - 100]),
            (FaultKind::Misprint, vec![302 - 120]),
        ]
    );
}

#[test]
fn empty_lines_count_as_lines_but_not_as_rows() {
    let mut broken = with_cell(lines(300), 100, 3, "5000.0");
    broken.insert(50, String::new());
    broken.insert(60, "\r".to_owned());
    let (faults, report) = found(&broken);
    assert_eq!(faults, [(FaultKind::OhlcBroken, vec![103])]);
    assert_eq!(report.rows, 300);
}

#[test]
fn the_first_twenty_lines_are_listed() {
    let mut broken = lines(300);
    for line in (50..100).rev() {
        broken = with_cell(broken, line, 3, "5000.0");
    }
    let (faults, report) = found(&broken);
    assert_eq!(faults, [(FaultKind::OhlcBroken, (51..=70).collect())]);
    assert_eq!(report.count_of(FaultKind::OhlcBroken), 50);
    broken[1..].reverse();
    assert_eq!(found(&broken).0, [(FaultKind::OhlcBroken, (203..=222).collect())]);
}

/// Bars at these prices, flat, a minute apart; the faulty ones by place.
fn misprints(prices: &[&str]) -> Vec<usize> {
    let start = bars(1)[0];
    let rows: Vec<Bar> = prices
        .iter()
        .enumerate()
        .map(|(at, text)| {
            let (p, time) = (price(text), Timestamp::from_secs(start.time.secs() + 60 * at as i64));
            Bar { time, open: p, high: p, low: p, close: p, ..start }
        })
        .collect();
    let (faults, _) = found(&mt5(&rows).lines().map(str::to_owned).collect::<Vec<_>>());
    assert!(faults.iter().all(|(kind, _)| *kind == FaultKind::Misprint), "{faults:?}");
    faults.into_iter().flat_map(|(_, lines)| lines).map(|line| line as usize - 2).collect()
}

#[test]
fn a_new_level_is_believed_when_five_bars_agree() {
    const NONE: [usize; 0] = [];
    let calm = ["100"; 12];
    let with = |middle: &[&'static str], end: &[&'static str]| [&calm[..], middle, end].concat();
    for (name, middle, faulty) in [
        ("one", &["10"][..], vec![12]),
        ("two", &["10", "10"], vec![12, 13]),
        ("two unlike", &["10", "1000"], vec![12, 13]),
        ("four", &["50"; 4], vec![12, 13, 14, 15]),
        ("a gap of a tenth", &["110"], vec![]),
        ("just within a fifth up", &["120"], vec![]),
        ("just beyond", &["120.1"], vec![12]),
        ("just within a fifth down", &["83.4"], vec![]),
        ("just beyond down", &["83.3"], vec![12]),
    ] {
        assert_eq!(misprints(&with(middle, &calm)), faulty, "{name}");
    }
    // A split: it stays, whether or not it comes back later.
    assert_eq!(misprints(&with(&["50"; 5], &[])), NONE);
    assert_eq!(misprints(&with(&["50"; 5], &["50"; 20])), NONE);
    assert_eq!(misprints(&with(&["50"; 5], &calm)), NONE);
    // The new level has a misprint of its own.
    assert_eq!(misprints(&with(&["50", "51", "5", "50", "51", "50", "51", "50"], &["50"; 9])), [12, 13, 14]);
    // Not confirmed before the end.
    assert_eq!(misprints(&with(&["50"; 4], &[])), [12, 13, 14, 15]);
    // A slow way is no jump, however far it leads.
    let slow: Vec<String> = (0..40).map(|at| format!("{:.1}", 100.0 * 1.19_f64.powi(at))).collect();
    let slow: Vec<&str> = calm.into_iter().chain(slow.iter().map(String::as_str)).collect();
    assert_eq!(misprints(&slow), NONE);
}

#[test]
fn the_first_bar_may_be_the_misprint() {
    let calm = ["100"; 12];
    assert_eq!(misprints(&[&["10"][..], &calm].concat()), [0]);
    assert_eq!(misprints(&[&["10", "10", "1000"][..], &calm].concat()), [0, 1, 2]);
    assert_eq!(misprints(&[&calm[..1], &["10"], &calm].concat()), [1]);
    assert_eq!(misprints(&["100", "10", "100"]), [1]);
}

#[test]
fn a_wick_may_reach_a_fifth_beyond_its_body() {
    let base = lines(300);
    let close = base[100].split('\t').nth(5).unwrap().parse::<f64>().unwrap();
    let before = base[99].split('\t').nth(5).unwrap().parse::<f64>().unwrap();
    let (low, high) = (close.min(before), close.max(before));
    for (cell, text, faulty) in [
        (3, (high * 1.2 * 10.0).floor() / 10.0, false),
        (3, (high * 1.2 * 10.0).floor() / 10.0 + 0.1, true),
        (4, (low / 1.2 * 10.0).ceil() / 10.0, false),
        (4, (low / 1.2 * 10.0).ceil() / 10.0 - 0.1, true),
    ] {
        let (faults, _) = found(&with_cell(base.clone(), 100, cell, &format!("{text:.1}")));
        assert_eq!(!faults.is_empty(), faulty, "cell {cell} = {text}");
    }
}

#[test]
fn days_may_double() {
    let row = |at: i64, p: &str| {
        let date = Timestamp::from_secs(1_614_816_000 + 86_400 * at).to_utc().unwrap().format("%Y.%m.%d");
        format!("{date},{p},{p},{p},{p},1")
    };
    for (jump, faulty) in [("150", 0), ("200", 0), ("201", 1), ("50", 0), ("49", 1)] {
        let prices = [&["100"; 15][..], &[jump], &["100"; 15]].concat();
        let mut lines = vec!["date,open,high,low,close,volume".to_owned()];
        lines.extend(prices.iter().enumerate().map(|(at, p)| row(at as i64, p)));
        assert_eq!(found(&lines).1.faulty, faulty, "{jump}");
    }
}

#[test]
fn a_misprint_does_not_stand_in_the_way_of_the_right_bar() {
    let mut twice = lines(300);
    let right = twice[100].clone();
    let wrong: Vec<&str> = right.split('\t').collect();
    twice.insert(100, [wrong[0], wrong[1], "10", "10", "10", "10", "1", "1", "5"].join("\t"));
    let (faults, report) = found(&twice);
    assert_eq!(faults, [(FaultKind::Misprint, vec![101])]);
    assert_eq!(report.accepted, 300);
}

#[test]
fn rows_of_another_symbol_are_rejected() {
    let mut lines = vec!["Ativo;Data;time;open;high;low;close".to_owned()];
    lines.extend((0..50).map(|i| format!("WDOFUT;11/03/2021;10:{i:02}:00;100;100;100;100")));
    lines[20] = lines[20].replace("WDOFUT", "WINFUT");
    assert_eq!(found(&lines).0, [(FaultKind::Unreadable, vec![21])]);
}

#[test]
fn more_than_one_percent_refuses() {
    let folder = Folder::new();
    let broken = |rows: usize, faulty: usize| {
        let mut all = lines(rows);
        for line in 0..faulty {
            all = with_cell(all, 200 + 7 * line, 3, "5000.0");
        }
        folder.write("wdo.csv", all.join("\n").as_bytes())
    };
    let accepting = |percent| ReadSettings { accept_faults_percent: percent, ..ReadSettings::default() };
    for (rows, faulty, percent, refused) in [
        (1000, 10, 1.0, false),
        (1000, 11, 1.0, true),
        (1001, 10, 1.0, false),
        (999, 10, 1.0, true),
        (1000, 11, 1.1, false),
        (1000, 11, 2.0, false),
        (1000, 1, 0.0, true),
        (1000, 0, 0.0, false),
        (1000, 100, 100.0, false),
    ] {
        let path = broken(rows, faulty);
        let opened = open(&path, &accepting(percent));
        assert_eq!(opened.is_err(), refused, "{faulty} of {rows} at {percent} %");
        // Looking is never refused.
        let report = inspect(&path, &accepting(percent)).unwrap();
        assert_eq!((report.faulty, report.is_over_limit()), (faulty as u64, refused));
        match opened {
            Err(FileError::Refused { report }) => assert_eq!(report.faulty, faulty as u64),
            Err(error) => panic!("{error}"),
            Ok(_) => {}
        }
    }
    for percent in [-0.1, 100.1, f64::NAN, f64::INFINITY] {
        assert!(matches!(open(&broken(300, 0), &accepting(percent)), Err(FileError::Setting(_))), "{percent}");
    }
}

#[test]
fn a_refusal_says_what_and_where_and_what_to_do() {
    let folder = Folder::new();
    let mut all = lines(1000);
    for line in 0..15 {
        all = with_cell(all, 200 + 10 * line, 3, "5000.0");
    }
    all = with_cell(all, 500, 4, "0");
    let path = folder.write("wdo.csv", all.join("\n").as_bytes());
    let text = open(&path, &ReadSettings::default()).unwrap_err().to_string();
    assert_eq!(
        text,
        format!(
            "{}: refused: 16 of 1,000 rows (1.6 %) are faulty (limit 1 %): not_positive 1 (lines 501); ohlc_broken 15 \
             (lines 201, 211, 221, 231, 241, …). Use --accept-faults 2 to run without those rows",
            path.display()
        )
    );
}

#[test]
fn what_is_let_in_is_what_remains() {
    let folder = Folder::new();
    let all = with_cell(with_cell(lines(300), 100, 3, "5000.0"), 150, 5, "55.5");
    let (got, _, _) = read(&folder.write("wdo.csv", all.join("\n").as_bytes()), &ReadSettings::default());
    let mut expected = bars(300);
    expected.remove(149);
    expected.remove(99);
    assert_eq!(got, expected);
    assert!(got.iter().all(|bar| bar.spread == Price::from_raw(50_000_000)));
}
