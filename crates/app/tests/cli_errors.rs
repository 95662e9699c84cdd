//! What the binary says when something is wrong: each message tells what happened, where, and what to do. One
//! snapshot holds a kind of situation, with the exit code of each.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use insta::assert_snapshot;
use rusqlite::Connection;

/// What a situation prints: the command, its exit code, and standard error.
struct Said(String);

impl Said {
    fn of(&mut self, folder: &Path, arguments: &[&str]) {
        let output = Command::new(env!("CARGO_BIN_EXE_alavanca"))
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .output()
            .unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        let command = arguments.join(" ");
        assert_ne!(output.status.code(), Some(0), "alavanca {command}: nothing is wrong");
        assert!(!err.contains("panicked") && !err.contains(&*folder.to_string_lossy()), "{command}: {err}");
        writeln!(self.0, "$ alavanca {command}\nexit code {}\n{err}", output.status.code().unwrap()).unwrap();
    }
}

/// Minute bars as MetaTrader exports them, one row a line, these rows in between.
fn bars(extra: &[&str]) -> String {
    let mut text = String::from("<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n");
    for minute in 0..60 {
        let open = 118_000 + 5 * (minute % 7);
        let row = format!("{open}\t{}\t{}\t{}\t100\t500\t5", open + 20, open - 15, open + 5);
        writeln!(text, "2021.03.08\t10:{minute:02}:00\t{row}").unwrap();
        if minute == 30 {
            for row in extra {
                writeln!(text, "{row}").unwrap();
            }
        }
    }
    text
}

#[test]
fn calendars_and_filters() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("own.txt", "[B3]\nclosed 2026-06-24 a match\nholiday 2026-06-25\n");
    write("hours.txt", "[B3_SOY]\nzone America/Sao_Paulo\nhours 2000-01-01 mon-fri 17:00-09:00\n");
    write("news.csv", "time,currency,impact,title\n2026-03-06 10:30,USD,high,Payrolls\n2026-03-06 11h,USD,high,x\n");
    write("forexfactory.csv", "Title,Country,Date,Time,Impact\nPayrolls,USD,03-06-2026,1:30pm,High\n");
    let mut said = Said(String::new());
    let mut set = |pairs: &[&str]| {
        let flags = pairs.iter().flat_map(|pair| ["--set", pair]);
        said.of(folder.path(), &["config", "check"].into_iter().chain(flags).collect::<Vec<_>>());
    };
    set(&["SESSION_CALENDAR=missing.txt"]);
    set(&["SESSION_CALENDAR=own.txt"]);
    set(&["SESSION_CALENDAR=hours.txt"]);
    set(&["instrument.WIN.session=B3_SOY"]);
    set(&["NEWS_CALENDAR=news.csv"]);
    set(&["NEWS_CALENDAR=forexfactory.csv"]);
    set(&["NEWS_CURRENCIES=REAL"]);
    set(&["NEWS_MEDIUM_SIZE=0"]);
    set(&["SESSION_FLAT_AT=close-0"]);
    set(&["TRADE_WINDOWS=9-11"]);
    set(&["TRADE_WEEKDAYS=segunda"]);
    set(&["ROLL_DAYS_BEFORE_EXPIRY=21"]);
    set(&["RISK_BAD_DAY_TRADES=5"]);
    set(&["RISK_BAD_DAY_WIN_RATE=0.4"]);
    said.of(folder.path(), &["calendar", "--symbol", "WIN", "--day", "18/02/2026"]);
    said.of(folder.path(), &["calendar", "--symbol", "PETR4"]);
    assert_snapshot!("calendars_and_filters", said.0);
}

#[test]
fn usage() {
    let folder = tempfile::tempdir().unwrap();
    let mut said = Said(String::new());
    said.of(folder.path(), &["backtset"]);
    said.of(folder.path(), &["backtest", "--sybmol", "WIN"]);
    said.of(folder.path(), &["backtest", "--seed", "seven"]);
    said.of(folder.path(), &["backtest", "--resume"]);
    said.of(folder.path(), &["backtest", "--accept-faults", "101"]);
    said.of(folder.path(), &["backtest", "--data-tz", "Brasilia"]);
    said.of(folder.path(), &["config", "show", "NO_SUCH_SETTING"]);
    said.of(folder.path(), &["check-lookahead", "--rows", "9"]);
    said.of(folder.path(), &["check-lookahead", "--set", "BRAINS=MY_BREAKOUT"]);
    said.of(folder.path(), &["completions", "cmd"]);
    assert_snapshot!(said.0);
}

#[test]
fn settings() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("broken.toml"), "MIN_CONTRACTS = 1\nMAX_CONTRACTS_CAP = = 3\n").unwrap();
    fs::write(folder.path().join("typo.toml"), "[capital]\nOPERATOR_CAPITAL_BRL = 10000\nMIN_CONTRACT = 2\n").unwrap();
    let mut said = Said(String::new());
    said.of(folder.path(), &["backtest", "--set", "SCALP_TP_POINT=80"]);
    said.of(folder.path(), &["backtest", "--set", "OPERATOR_CAPITAL_BRL=NaN", "--set", "MIN_CONTRACTS=11"]);
    said.of(folder.path(), &["backtest", "--set", "RL_POLICY_MODE=SARSA"]);
    said.of(folder.path(), &["backtest", "--set", "MIN_CONTRACTS"]);
    said.of(folder.path(), &["backtest", "--profile", "balancd"]);
    said.of(folder.path(), &["backtest", "--config", "absent.toml"]);
    said.of(folder.path(), &["backtest", "--config", "broken.toml"]);
    said.of(folder.path(), &["backtest", "--config", "typo.toml"]);
    said.of(folder.path(), &["backtest", "--symbol", "PETR4"]);
    assert_snapshot!(said.0);
}

#[test]
fn market_data() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| fs::write(folder.path().join(name), content).unwrap();
    file("WIN_notes.csv", b"WIN looked strong today\n");
    file("empty.csv", b"");
    file("prices.csv", bars(&[]).as_bytes());
    file("WIN_M1.csv", bars(&["2021.03.08\t10:30:10\tNaN\t118020\t117985\t118005\t100\t500\t5"]).as_bytes());
    file("WIN.csv.gz", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2]);
    file("WIN.zip", b"PK\x03\x04 cut off");
    fs::create_dir(folder.path().join("folder")).unwrap();
    let mut said = Said(String::new());
    for data in
        ["absent.csv", "folder", "empty.csv", "WIN_notes.csv", "prices.csv", "WIN_M1.csv", "WIN.csv.gz", "WIN.zip"]
    {
        said.of(folder.path(), &["backtest", "--data", data]);
    }
    said.of(folder.path(), &["data", "inspect", "WIN_notes.csv"]);
    assert_snapshot!(said.0);
}

#[test]
fn databases() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let run = |name: &str, extra: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_alavanca"))
            .args(["backtest", "--set", "SYNTHETIC_DAYS=2", "--db", name])
            .args(extra)
            .current_dir(folder.path())
            .env_clear()
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    run("run.db", &[]);
    run("changed.db", &[]);
    run("newer.db", &[]);
    run("damaged.db", &[]);
    let change = |name: &str, sql: &str| Connection::open(path(name)).unwrap().execute_batch(sql).unwrap();
    change("changed.db", "UPDATE engine_state SET checkpoint = replace(checkpoint, '\"orders\":', '\"orders\":1')");
    change("newer.db", "INSERT INTO seaql_migrations VALUES ('m9999_of_the_future', 0)");
    change("other.db", "CREATE TABLE recipes (name TEXT)");
    fs::write(path("text.db"), "this is a letter, and no database at all, however long one looks at it").unwrap();
    let damaged = fs::read(path("damaged.db")).unwrap();
    let damaged: Vec<u8> =
        damaged.iter().enumerate().map(|(n, &byte)| if n > 4_096 { byte ^ 0x55 } else { byte }).collect();
    fs::write(path("damaged.db"), damaged).unwrap();
    fs::create_dir(path("folder.db")).unwrap();

    let mut said = Said(String::new());
    let mut of = |extra: &[&str]| {
        said.of(folder.path(), &[&["backtest", "--set", "SYNTHETIC_DAYS=2"], extra].concat());
    };
    of(&["--db", "run.db"]);
    of(&["--db", "run.db", "--resume", "--seed", "8"]);
    of(&["--db", "changed.db", "--resume"]);
    of(&["--db", "newer.db", "--resume"]);
    of(&["--db", "other.db"]);
    of(&["--db", "text.db"]);
    of(&["--db", "damaged.db", "--resume"]);
    of(&["--db", "folder.db"]);
    of(&["--db", "no/such/folder/run.db"]);
    assert_snapshot!(said.0);
}

/// Starts of lines that a clock wrote are no part of what is said.
fn without_stamps(said: &str) -> String {
    let line = |line: &str| match line.split_once("Z ") {
        Some((stamp, rest)) if stamp.starts_with("20") && stamp.contains('T') => format!("AT {rest}\n"),
        _ => format!("{line}\n"),
    };
    said.lines().map(line).collect()
}

#[test]
fn live_and_the_operator() {
    let folder = tempfile::tempdir().unwrap();
    let mut said = Said(String::new());
    let mut say = |line: &str| said.of(folder.path(), &line.split(' ').collect::<Vec<_>>());
    for command in ["status", "halt", "flatten", "replay 2026-03-10"] {
        say(&format!("{command} --db none.sqlite"));
    }
    say("resume --db none.sqlite");
    let live = "live --db a.sqlite --symbol WINZ26 --set MT5_LISTEN=127.0.0.1:0";
    say("live --db a.sqlite");
    say("live --db a.sqlite --symbol NADA26");
    say(&format!("{live} --arm"));
    say(&format!("{live} --arm --account 12345"));
    say(&format!("{live} --arm --account 12345 --confirm-account 12354"));
    say(&format!("{live} --arm --account 12345 --confirm-account 12345 --real --after-demo none.sqlite"));
    say(&format!("{live} --until 25:00"));
    say("live --db a.sqlite --symbol WINZ26 --listen 0.0.0.0:5757");
    say("paper --db a.sqlite --symbol WINZ26 --listen nowhere");
    fs::write(folder.path().join("short"), "abc\n").unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |mode| fs::set_permissions(folder.path().join("short"), fs::Permissions::from_mode(mode)).unwrap();
        mode(0o644);
        say(&format!("{live} --set MT5_SECRET_FILE=short"));
        mode(0o600);
    }
    say(&format!("{live} --set MT5_SECRET_FILE=short"));
    say("doctor --symbol WINZ26");
    say("conformance --symbol WINZ26 --db a.sqlite --account 1");
    say("flatten --db a.sqlite");
    say("resume --db a.sqlite --reason checked");
    say("replay 2026-03-10 --db a.sqlite");
    say("replay 2026-03-1x --db a.sqlite");
    fs::create_dir_all(folder.path().join("a.sqlite.live/days")).unwrap();
    fs::write(folder.path().join("a.sqlite.live/days/2026-03-10.day.gz"), "x\n").unwrap();
    say("replay 2026-03-10 --db a.sqlite");
    say("replay 2026-03-11 --db a.sqlite");
    assert_snapshot!(without_stamps(&said.0));
}

#[test]
fn the_doctor_comes_before_the_first_run_and_makes_the_secret() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_alavanca"))
        .args(["doctor", "--symbol", "WINZ26", "--db", "new.sqlite", "--wait", "1", "--set", "MT5_LISTEN=127.0.0.1:0"])
        .current_dir(folder.path())
        .env_clear()
        .output()
        .unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("made a secret in new.sqlite.live/secret") && err.contains("waiting for a bridge"), "{err}");
    assert!(err.contains("no bridge"), "{err}");
    assert!(folder.path().join("new.sqlite.live/secret").is_file());
}
