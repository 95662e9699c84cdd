//! `alavanca data resample` and `alavanca backtest --timeframe`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use alavanca::resample::{BarLayout, ResampleError, ResampleRequest, resample};
use alavanca::timeframe::Timeframe;
use alavanca_adapters_files::{MarketFile, ReadSettings, Rows};
use alavanca_indicators::BarAggregator;
use alavanca_kernel::{Bar, Timestamp};
use serde_json::Value;

fn read(path: &Path) -> Vec<Bar> {
    let mut file = MarketFile::open(path, &ReadSettings::default(), &mut |_| {}).unwrap();
    let (mut batch, mut bars) = (Rows::new(), Vec::new());
    while file.next_batch(&mut batch).unwrap() {
        let Rows::Bars(rows) = &batch else { panic!("the file holds bars") };
        bars.extend_from_slice(rows);
    }
    bars
}

/// Some days of minutes as MetaTrader exports them, with holes.
fn minutes(folder: &Path, name: &str, decimals: usize) -> PathBuf {
    let mut text = String::from("<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n");
    let (mut seed, mut close) = (7_u64, 118_000_i64);
    for day in 8..13 {
        for minute in (0..540).filter(|minute| minute % 97 > 4) {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let open = close;
            close += 5 * ((seed >> 33) as i64 % 21 - 10);
            let (high, low) = (open.max(close) + 10, open.min(close) - 5 * ((seed >> 50) as i64 % 3));
            let shown = |points: i64| match decimals {
                0 => points.to_string(),
                _ => format!("{:.decimals$}", points as f64 / 10_f64.powi(decimals as i32)),
            };
            let prices = [open, high, low, close].map(shown).join("\t");
            let (hour, minute) = (9 + minute / 60, minute % 60);
            let (ticks, volume, spread) = (seed % 90 + 1, seed % 700, seed % 4 * 5);
            let _ = writeln!(text, "2021.03.{day:02}\t{hour:02}:{minute:02}:00\t{prices}\t{ticks}\t{volume}\t{spread}");
        }
    }
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn request(data: &Path, to: &str, out: &Path, layout: BarLayout) -> ResampleRequest {
    let read = ReadSettings::default();
    ResampleRequest { data: data.to_owned(), read, to: to.parse().unwrap(), out: out.to_owned(), layout }
}

#[test]
fn what_is_written_reads_back_to_the_same_bars() {
    let folder = tempfile::tempdir().unwrap();
    for (name, decimals, ahead) in [("WINZ26_M1.csv", 0, -10_800), ("EURUSD_M1.csv", 5, 7_200)] {
        let data = minutes(folder.path(), name, decimals);
        let bars = read(&data);
        for to in ["M5", "M15", "M30", "H1", "H4", "D1"] {
            for layout in [BarLayout::Mt5, BarLayout::Csv] {
                let out = folder.path().join(name.replace("M1", &format!("{to}_{layout:?}")));
                let written = resample(&request(&data, to, &out, layout), &mut |_| {}).unwrap();
                let mut aggregator = BarAggregator::new(to.parse::<Timeframe>().unwrap().seconds());
                let mut expected: Vec<Bar> =
                    bars.iter().filter_map(|bar| aggregator.push(bar, bar.time.secs() + ahead)).collect();
                expected.extend(aggregator.finish());
                assert_eq!(read(&out), expected, "{name} {to} {layout:?}");
                assert_eq!((written.bars, written.clock_is_told), (expected.len() as u64, true));
            }
        }
    }
}

#[test]
fn the_larger_real_file_is_what_the_smaller_one_makes() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/mt5");
    let data = shared.join("winn_m1_2021-03_commas.csv.gz");
    if !data.exists() {
        eprintln!("SKIPPED: {} is not there", data.display());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("winn_m15.csv");
    let written = resample(&request(&data, "M15", &out, BarLayout::Csv), &mut |_| {}).unwrap();
    let larger: BTreeMap<Timestamp, Bar> =
        read(&shared.join("winn_m15_2020_2021_commas.csv.gz")).into_iter().map(|bar| (bar.time, bar)).collect();
    let made = read(&out);
    assert_eq!((written.rows, made.len()), (12_581, 848));
    for bar in &made {
        assert_eq!(larger.get(&bar.time), Some(bar));
    }
}

#[test]
fn nothing_is_made_finer_and_nothing_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let data = minutes(folder.path(), "WINZ26_M1.csv", 0);
    let (five, out) = (folder.path().join("WINZ26_M5.csv"), folder.path().join("out.csv"));
    resample(&request(&data, "M5", &five, BarLayout::Mt5), &mut |_| {}).unwrap();
    let too_fine = resample(&request(&five, "M4", &out, BarLayout::Mt5), &mut |_| {}).unwrap_err();
    assert!(matches!(too_fine, ResampleError::TooFine { seconds: 300, .. }), "{too_fine}");
    assert!(too_fine.to_string().contains("M10, M15, M20"), "{too_fine}");
    assert!(!out.exists());
    let before = std::fs::read(&five).unwrap();
    let exists = resample(&request(&data, "M5", &five, BarLayout::Mt5), &mut |_| {}).unwrap_err();
    assert!(matches!(exists, ResampleError::Exists(_)), "{exists}");
    assert_eq!(std::fs::read(&five).unwrap(), before);
}

fn alavanca(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_alavanca")).args(arguments).current_dir(folder).env_clear().output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

#[test]
fn a_backtest_on_joined_bars_is_one_on_the_larger_file() {
    let folder = tempfile::tempdir().unwrap();
    minutes(folder.path(), "WINZ26_M1.csv", 0);
    let run = |arguments: &[&str]| {
        let (code, out, error) = alavanca(folder.path(), arguments);
        assert_eq!(code, 0, "{arguments:?}: {error}");
        out
    };
    let told = run(&["data", "resample", "--data", "WINZ26_M1.csv", "--to", "M5", "--out", "WINZ26_M5.csv"]);
    assert!(told.starts_with("WINZ26_M5.csv: ") && told.contains("bars of M5 from"), "{told}");

    let joined = ["backtest", "--data", "WINZ26_M1.csv", "--timeframe", "M5", "--json"];
    let larger = ["backtest", "--data", "WINZ26_M5.csv", "--json"];
    let [joined, larger] = [&joined[..], &larger].map(|of| serde_json::from_str::<Value>(&run(of)).unwrap());
    assert_eq!(joined["gate"], larger["gate"]);
    assert_eq!(joined["level4"], larger["level4"]);
    assert_eq!(joined["counts"]["bars"], larger["counts"]["bars"]);
    assert!(joined["source"]["kind"].as_str().unwrap().ends_with("bars of 60 s, joined to M5"), "{joined}");

    // A stored run goes on, and its page is drawn again from the store.
    let stored = ["backtest", "--data", "WINZ26_M1.csv", "--timeframe", "M5", "--db", "run.sqlite"];
    run(&stored);
    run(&[&stored[..], &["--resume"]].concat());
    let page = run(&["report", "--db", "run.sqlite", "--out", "page.html"]);
    assert!(folder.path().join("page.html").exists(), "{page}");
    let (code, _, error) =
        alavanca(folder.path(), &["backtest", "--data", "WINZ26_M1.csv", "--db", "run.sqlite", "--resume"]);
    assert!(code == 1 && error.contains("another run"), "{code} {error}");
}

#[test]
fn what_cannot_be_is_said() {
    let folder = tempfile::tempdir().unwrap();
    minutes(folder.path(), "WINZ26_M1.csv", 0);
    let check = |arguments: &[&str], code: i32, said: &str| {
        let (got, out, error) = alavanca(folder.path(), arguments);
        assert_eq!(got, code, "{arguments:?}: {out}{error}");
        assert!(error.contains(said), "{arguments:?}: {error}");
    };
    let m5 = ["data", "resample", "--data", "WINZ26_M1.csv", "--to", "M5", "--out", "WINZ26_M5.csv"];
    check(&m5, 0, "");
    check(&m5, 1, "is not overwritten");
    check(&["data", "resample", "--data", "WINZ26_M1.csv", "--to", "M7", "--out", "a.csv"], 2, "known are M1, M2");
    check(&["data", "resample", "--data", "WINZ26_M5.csv", "--to", "M1", "--out", "a.csv"], 2, "such as M10");
    check(&["data", "resample", "--data", "none.csv", "--to", "M5", "--out", "a.csv"], 3, "none.csv");
    check(&["data", "resample", "--data", "WINZ26_M1.csv", "--to", "M5", "--out", "no/a.csv"], 1, "no/a.csv");
    check(&["backtest", "--data", "WINZ26_M5.csv", "--timeframe", "M1"], 2, "BAR_TIMEFRAME");
    check(&["backtest", "--timeframe", "M7"], 2, "known are");
    assert!(!folder.path().join("a.csv").exists());
}
