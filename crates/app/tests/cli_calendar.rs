//! `alavanca calendar`, and backtests with filters of time: what is shown, and what is stored of what was stopped.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use insta::assert_snapshot;
use serde_json::Value;

fn alavanca(folder: &Path, arguments: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_alavanca")).args(arguments).current_dir(folder).env_clear().output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "alavanca {}: {err}", arguments.join(" "));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_people_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("news.csv"),
        "# clock: America/New_York\ntime,currency,impact,title\n2026-02-18 08:30,USD,medium,Housing starts\n\
         2026-02-18 14:00,USD,high,\"FOMC, minutes\"\n2026-02-19 08:30,USD,high,Claims\n",
    )
    .unwrap();
    fs::write(folder.path().join("own.txt"), "[B3]\nshort 2026-06-24 09:00-13:00 A match\n").unwrap();
    let ask = |arguments: &[&str]| {
        let command = format!("$ alavanca calendar {}\n", arguments.join(" "));
        command + &alavanca(folder.path(), &[&["calendar"], arguments].concat()) + "\n"
    };
    let text = [
        ask(&["--symbol", "WIN", "--day", "2026-02-18", "--set", "NEWS_CALENDAR=news.csv"]),
        ask(&["--symbol", "WIN", "--day", "2026-06-24", "--set", "SESSION_CALENDAR=own.txt"]),
        ask(&["--symbol", "WINZ20", "--day", "2020-12-16"]),
        ask(&["--symbol", "WDO", "--day", "2021-12-29", "--days", "6"]),
        ask(&["--symbol", "EURUSD", "--day", "2026-12-23", "--days", "4"]),
    ]
    .concat();
    assert_snapshot!("calendar", text);
    let json: Value =
        serde_json::from_str(&alavanca(folder.path(), &["calendar", "--day", "2026-02-16", "--json"])).unwrap();
    assert_eq!(json["days"][0]["special"], "Carnival Monday");
    assert_eq!((&json["days"][0]["hours"], &json["contract"]["code"]), (&Value::Null, &Value::from("WING26")));
}

/// Each filter stops what it is to stop, and the database says so by its name.
#[test]
fn filters_are_stored_with_their_reasons() {
    let folder = tempfile::tempdir().unwrap();
    // The synthetic market begins on 2025-01-06, a Monday.
    let mut news = String::from("# clock: America/Sao_Paulo\ntime,currency,impact,title\n");
    for day in 6..=10 {
        for hour in [10, 13, 16] {
            let _ = writeln!(news, "2025-01-{day:02} {hour}:00,USD,high,x\n2025-01-{day:02} {hour}:45,BRL,medium,y");
        }
    }
    fs::write(folder.path().join("news.csv"), news).unwrap();
    let run = |name: &str, settings: &[&str]| {
        let db = format!("{name}.db");
        let flags = settings.iter().flat_map(|setting| ["--set", setting]);
        let head = ["backtest", "--db", &db, "--set", "SYNTHETIC_DAYS=10"];
        alavanca(folder.path(), &head.into_iter().chain(flags).collect::<Vec<_>>());
        rusqlite::Connection::open(folder.path().join(db)).unwrap()
    };
    let count = |db: &rusqlite::Connection, sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let blocked = |db: &rusqlite::Connection, cause: &str| {
        count(db, &format!("SELECT count(*) FROM blocked WHERE cause = '{cause}'"))
    };
    let plain = run("plain", &[]);
    for cause in
        ["trade_window", "block_window", "weekday", "news", "first_minutes", "last_minutes", "bad_day", "holiday"]
    {
        assert_eq!(blocked(&plain, cause), 0, "{cause}");
    }
    let windows = run(
        "windows",
        &["TRADE_WINDOWS=09:05-11:30,14:00-17:00", "BLOCK_WINDOWS=10:00-10:15", "TRADE_WEEKDAYS=tue-fri"],
    );
    for cause in ["trade_window", "block_window", "weekday"] {
        assert!(blocked(&windows, cause) > 0, "{cause}");
    }
    let minutes = run("minutes", &["SESSION_FIRST_ENTRY_MINUTES=60", "SESSION_LAST_ENTRY_MINUTES=120"]);
    assert!(blocked(&minutes, "first_minutes") > 0 && blocked(&minutes, "last_minutes") > 0);
    let bad = run("bad", &["RISK_BAD_DAY_TRADES=1", "RISK_BAD_DAY_WIN_RATE=0.9", "RISK_MAX_CONSECUTIVE_LOSSES=0"]);
    assert!(blocked(&bad, "bad_day") > 0);

    let filtered = run("news", &["NEWS_CALENDAR=news.csv"]);
    assert!(blocked(&filtered, "news") > 0);
    let smaller = "SELECT count(*) FROM capital_state WHERE reason = 'news'";
    assert!(count(&filtered, smaller) > 0, "a smaller size is stored with its reason");
    assert_eq!(count(&plain, smaller), 0);
    let text = alavanca(folder.path(), &["decisions", "--blocked", "--db", "news.db"]);
    assert!(text.contains("news"), "{text}");
}
