//! `alavanca data inspect` as people run it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::path::Path;
use std::process::{Command, Output};

use insta::assert_snapshot;

fn inspect(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_alavanca"))
        .args(["data", "inspect"])
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// Minute bars as MetaTrader exports them, with a row for each of these faults in between.
fn bars(faulty: &[&str]) -> String {
    let mut text = String::from("<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n");
    for minute in 0..60 {
        let open = 118_000 + 5 * (minute % 7);
        let (high, low, close) = (open + 20, open - 15, open + 5);
        let prices = format!("{open}\t{high}\t{low}\t{close}");
        text.extend(["2021.03.08\t", &format!("10:{minute:02}:00\t"), &prices, "\t100\t500\t5\n"]);
        if minute == 30 {
            for row in faulty {
                text.push_str(row);
                text.push('\n');
            }
        }
    }
    text
}

#[test]
fn a_clean_file_is_fit() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("WINJ21_M1.csv"), bars(&[])).unwrap();
    let (code, out, err) = inspect(folder.path(), &["WINJ21_M1.csv"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_snapshot!(out);
}

#[test]
fn faults_are_told_by_kind_and_line_and_refused_with_3() {
    let folder = tempfile::tempdir().unwrap();
    let faulty = [
        "2021.03.08\t10:30:10\tNaN\t118020\t117985\t118005\t100\t500\t5",
        "2021.03.08\t10:30:20\t118000\t117000\t118985\t118005\t100\t500\t5",
        "2021.03.08\t10:30:30\t-1\t118020\t117985\t118005\t100\t500\t5",
        "2021.03.08\t10:30:00\t118000\t118020\t117985\t118005\t100\t500\t5",
    ];
    std::fs::write(folder.path().join("WINJ21_M1.csv"), bars(&faulty)).unwrap();
    let (code, out, _) = inspect(folder.path(), &["WINJ21_M1.csv"]);
    assert_eq!(code, 3, "{out}");
    assert_snapshot!(out);

    let (code, json, _) = inspect(folder.path(), &["WINJ21_M1.csv", "--json"]);
    assert_eq!(code, 3);
    let said: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((said["rows"].as_u64(), said["faulty"].as_u64()), (Some(64), Some(4)));
    let lines: Vec<u64> =
        said["faults"].as_array().unwrap().iter().map(|f| f["lines"][0]["line"].as_u64().unwrap()).collect();
    assert!(lines.iter().all(|line| (33..=36).contains(line)), "{lines:?}");

    let (code, out, _) = inspect(folder.path(), &["WINJ21_M1.csv", "--accept-faults", "10"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("Fit to be used: 4 rows are faulty (limit 10 %)"), "{out}");
}

#[test]
fn the_clock_can_be_said() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("WINJ21_M1.csv"), bars(&[])).unwrap();
    let first = |arguments: &[&str]| {
        let (code, json, err) = inspect(folder.path(), arguments);
        assert_eq!(code, 0, "{err}");
        serde_json::from_str::<serde_json::Value>(&json).unwrap()["first"].clone()
    };
    let brasilia = first(&["WINJ21_M1.csv", "--json"]);
    let utc = first(&["WINJ21_M1.csv", "--json", "--data-tz", "UTC"]);
    assert_eq!(brasilia.as_i64().unwrap() - utc.as_i64().unwrap(), 3 * 3_600 * 1_000_000);
}

#[test]
fn what_is_no_market_data_is_refused_with_what_is_known() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("poem.txt"), "Of arms and the man\nI sing\n").unwrap();
    let (code, out, err) = inspect(folder.path(), &["poem.txt"]);
    assert_eq!((code, out.as_str()), (3, ""));
    assert!(err.starts_with("error: poem.txt: not a market data file I know: line 1"), "{err}");
    assert_eq!(err.matches("poem.txt").count(), 1, "said once: {err}");

    let (code, _, err) = inspect(folder.path(), &["missing.csv"]);
    assert_eq!(code, 3);
    assert!(err.starts_with("error: missing.csv: cannot be read"), "{err}");
}

/// No bar, no colour, no control characters where nobody looks at a terminal, and none of the file's own either.
#[test]
fn nothing_but_text_leaves_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let faulty = ["2021.03.08\t10:30:10\t\u{1b}[31mred\t118020\t117985\t118005\t100\t500\t5"];
    std::fs::write(folder.path().join("WINJ21_M1.csv"), bars(&faulty)).unwrap();
    let (_, out, err) = inspect(folder.path(), &["WINJ21_M1.csv"]);
    assert!(out.contains("[31mred"), "{out}");
    assert!((out + &err).chars().all(|c| !c.is_control() || c == '\n'));
}
