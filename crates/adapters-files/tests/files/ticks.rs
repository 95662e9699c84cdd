//! Ticks, in every spelling.

use alavanca_adapters_files::{DataZone, FaultKind, FileFormat, Note, ReadSettings, RowKind};
use alavanca_kernel::{Price, Tick, Timestamp};

use crate::samples::{price, utf16};
use crate::{Folder, inspect, read};

fn tick(millis: i64, bid: &str, ask: &str, last: &str, volume: u64) -> Tick {
    let time = Timestamp::from_micros((1_585_818_000_000 + millis) * 1000);
    Tick { time, bid: price(bid), ask: price(ask), last: price(last), volume }
}

const SETTINGS: ReadSettings =
    ReadSettings { zone: Some(DataZone::UTC), accept_faults_percent: 1.0, bar_seconds: None, class: None };

fn check(name: &str, format: FileFormat, text: &str, expected: &[Tick]) {
    let folder = Folder::new();
    for bytes in [text.as_bytes().to_vec(), utf16(text, true, u16::to_le_bytes), text.replace('\n', "\r\r\n").into()] {
        let (_, ticks, report) = read(&folder.write("dolk20.csv", &bytes), &SETTINGS);
        assert_eq!((report.format, report.kind), (format, RowKind::Ticks), "{name}");
        assert_eq!(ticks, expected, "{name}");
    }
}

#[test]
fn empty_cells_carry_forward() {
    // 2020-04-02 09:00, quotes apart from trades.
    let rows = "2020.04.02\t09:00:00.322\t5250.0\t5251.0\t\t\n\
                2020.04.02\t09:00:00.400\t\t5250.5\t\t\n\
                2020.04.02\t09:00:00.400\t\t\t5250.5\t20.00000000\n\
                2020.04.02\t09:00:00.400\t\t\t5250.5\t20.00000000\n\
                2020.04.02\t09:00:01\t5250.5\t\t\t\n\
                2020.04.02\t09:00:02.5\t\t\t\t5.00000000\n\
                2020.04.02\t09:00:03.000\t\t\t5251.0\t\n";
    let expected = [
        tick(322, "5250", "5251", "0", 0),
        tick(400, "5250", "5250.5", "0", 0),
        tick(400, "5250", "5250.5", "5250.5", 20),
        tick(400, "5250", "5250.5", "5250.5", 20),
        tick(1000, "5250.5", "5250.5", "5250.5", 0),
        tick(2500, "5250.5", "5250.5", "5250.5", 5),
        tick(3000, "5250.5", "5250.5", "5251", 5),
    ];
    let header = "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\n";
    check("with header", FileFormat::Mt5Ticks, &format!("{header}{rows}"), &expected);
    check("no header", FileFormat::Mt5Ticks, rows, &expected);
    check("commas", FileFormat::Mt5Ticks, &format!("{header}{rows}").replace('\t', ","), &expected);
    let bare = header.replace(['<', '>'], "").to_lowercase();
    check("bare header", FileFormat::Mt5Ticks, &format!("{bare}{rows}"), &expected);
}

#[test]
fn newest_first_carries_in_the_order_of_time() {
    let text = "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\n\
                2020.04.02\t09:00:02.000\t\t\t5250.5\t20\n\
                2020.04.02\t09:00:01.000\t\t5250.5\t\t\n\
                2020.04.02\t09:00:00.000\t5250.0\t5251.0\t\t\n";
    let expected = [
        tick(0, "5250", "5251", "0", 0),
        tick(1000, "5250", "5250.5", "0", 0),
        tick(2000, "5250", "5250.5", "5250.5", 20),
    ];
    check("newest first", FileFormat::Mt5Ticks, text, &expected);
}

#[test]
fn flags_tell_trades_from_quotes() {
    // Rows that repeat the last trade in full: only the flags say whether it happened again. 1080 is 1024+32+16+8.
    let text = "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>\n\
                2020.04.02\t09:00:00.000\t5250.0\t5251.0\t5250.5\t7\t6\n\
                2020.04.02\t09:00:01.000\t5250.0\t5251.0\t5250.5\t7\t1080\n\
                2020.04.02\t09:00:02.000\t\t\t\t\t24\n\
                2020.04.02\t09:00:03.000\t5250.0\t5251.0\t5250.5\t7\t4\n";
    let folder = Folder::new();
    let (_, ticks, report) =
        read(&folder.write("dolk20.csv", text.as_bytes()), &ReadSettings { accept_faults_percent: 50.0, ..SETTINGS });
    let volumes: Vec<u64> = ticks.iter().map(|tick| tick.volume).collect();
    assert_eq!(volumes, [0, 7, 7, 0]);
    assert_eq!(report.faulty, 0);
}

#[test]
fn quotes_of_other_sources() {
    let histdata = "20200402 090000322,1.09561,1.09571,0\n20200402 090000400,1.09562,1.09571,0\n20200402 090000400,1.09562,1.09571,0\n";
    let folder = Folder::new();
    let (_, ticks, report) = read(&folder.write("DAT_ASCII_EURUSD_T.csv", histdata.as_bytes()), &SETTINGS);
    assert_eq!(report.format, FileFormat::HistDataTicks);
    assert_eq!(ticks[0], tick(322, "1.09561", "1.09571", "0", 0));
    assert_eq!(report.notes, [Note::RepeatedTicks { count: 1 }]);

    let python = ",time,bid,ask,last,volume,time_msc,flags,volume_real\n\
                  0,1585818000,1.09561,1.09571,0.0,0,1585818000322,6,0.0\n\
                  1,1585818000,1.09562,1.09571,0.0,0,1585818000400,2,0.0\n";
    let (_, ticks, report) = read(&folder.write("eurusd.csv", python.as_bytes()), &SETTINGS);
    assert_eq!(report.format, FileFormat::PythonFrame);
    assert_eq!(ticks, [tick(322, "1.09561", "1.09571", "0", 0), tick(400, "1.09562", "1.09571", "0", 0)]);
}

/// A quiet book, and one row of it replaced.
fn with_row(at: usize, row: &str) -> String {
    let mut lines: Vec<String> = (0..200)
        .map(|i| format!("2020.04.02\t09:{:02}:{:02}.000\t5250.0\t5251.0\t5250.5\t{}", i / 60, i % 60, i + 1))
        .collect();
    lines.insert(0, "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>".to_owned());
    row.clone_into(&mut lines[at - 1]);
    lines.join("\n")
}

#[test]
fn faults_of_ticks_have_their_line() {
    let folder = Folder::new();
    for (row, kind) in [
        ("2020.04.02\t09:01:38.000\t0.0\t0.0\t0.0\t0.00000000", FaultKind::NotPositive),
        ("2020.04.02\t09:01:38.000\t-1\t5251.0\t\t", FaultKind::NotPositive),
        ("2020.04.02\t09:01:38.000\t\t\t\t", FaultKind::Unreadable),
        ("2020.04.02\t09:01:38.000\tNaN\t5251.0\t\t", FaultKind::Unreadable),
        ("2020.04.02\t09:01:36.999\t5250.0\t5251.0\t\t", FaultKind::TimeBackwards),
        ("2020.04.02\t09:01:38.000\t5250.0\t52510\t\t", FaultKind::Misprint),
        ("2020.04.02\t09:01:38.000\t525.0\t5251.0\t\t", FaultKind::Misprint),
        ("2020.04.02\t09:01:38.000\t\t\t52505\t1", FaultKind::Misprint),
        ("2020.04.02\t09:01:38.000\t5252\t5251\t\t", FaultKind::CrossedBook),
    ] {
        let report = inspect(&folder.write("dolk20.csv", with_row(100, row).as_bytes()), &SETTINGS).unwrap();
        let found: Vec<(FaultKind, u64, u64)> =
            report.faults.iter().map(|fault| (fault.kind, fault.count, fault.lines[0].line)).collect();
        assert_eq!(found, [(kind, 1, 100)], "{row}");
        assert_eq!(report.accepted, 200 - u64::from(kind.rejects()), "{row}");
    }
}

#[test]
fn what_is_rejected_changes_no_state() {
    let folder = Folder::new();
    let text = with_row(100, "2020.04.02\t09:01:38.000\t0.0\t0.0\t0.0\t0.0")
        .replace("2020.04.02\t09:01:39.000\t5250.0\t5251.0\t5250.5\t100", "2020.04.02\t09:01:39.000\t\t5251.5\t\t");
    let (_, ticks, _) = read(&folder.write("dolk20.csv", text.as_bytes()), &SETTINGS);
    let after = ticks.iter().find(|tick| tick.ask == price("5251.5")).unwrap();
    assert_eq!((after.bid, after.last, after.volume), (price("5250"), price("5250.5"), 0));
}

#[test]
fn a_crossed_book_is_kept_counted_and_refuses_nothing() {
    let folder = Folder::new();
    let text =
        with_row(1, "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>").replace("5250.0\t5251.0", "5260.0\t5251.0");
    let (_, ticks, report) = read(&folder.write("dolk20.csv", text.as_bytes()), &SETTINGS);
    assert_eq!((report.count_of(FaultKind::CrossedBook), report.faulty, ticks.len()), (200, 0, 200));
    assert!(ticks.iter().all(|tick| !tick.is_tradable() && tick.mark() == Price::from_raw(525_050_000_000)));
    assert_eq!(report.faults[0].lines.len(), 20);
}
