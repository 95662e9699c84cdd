//! `alavanca export`: what stands in the files is what stands in the tables.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use rusqlite::Connection;

/// Loose layers and small batches, so that extras and lessons happen within a few days.
const SETTINGS: [&str; 9] = [
    "REALAVANCAGEM_MIN_GLOBAL_CONF=0",
    "REALAVANCAGEM_REQUIRE_PROFIT_TODAY=false",
    "REALAVANCAGEM_MIN_LIQUIDITY=0.5",
    "REALAVANCAGEM_MAX_DISAGREEMENT=1",
    "REALAVANCAGEM_ALLOWED_REGIMES=TREND_UP,TREND_DOWN,RANGE,HIGH_VOL,EXHAUSTION",
    "REALAVANCAGEM_FORBIDDEN_MODES=CHAOTIC",
    "RL_UPDATE_BATCH_SIZE=3",
    "RISK_DAILY_LOSS_LIMIT_BRL=2000",
    "SYNTHETIC_DAYS=12",
];

/// One run for all tests of this process; they only read it.
static RUN: LazyLock<(tempfile::TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let mut command = alavanca(folder.path());
    command.args(["backtest", "--seed", "7", "--db", "run.sqlite", "--without-level4"]);
    for setting in SETTINGS {
        command.args(["--set", setting]);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let db = folder.path().join("run.sqlite");
    (folder, db)
});

fn alavanca(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_alavanca"));
    command.current_dir(folder).env_clear();
    command
}

fn export(arguments: &[&str]) -> Output {
    let (folder, db) = &*RUN;
    alavanca(folder.path()).arg("export").args(arguments).arg("--db").arg(db).output().unwrap()
}

/// A table's rows by column, as CSV says them.
fn table(arguments: &[&str]) -> Vec<BTreeMap<String, String>> {
    let output = export(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    rows(&output.stdout, b',')
}

fn rows(bytes: &[u8], delimiter: u8) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(bytes);
    reader.deserialize().map(Result::unwrap).collect()
}

fn database() -> Connection {
    Connection::open(&RUN.1).unwrap()
}

fn numbers(sql: &str) -> Vec<i64> {
    let db = database();
    let mut statement = db.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Centavos as text.
fn money(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100)
}

#[test]
fn trades_are_those_of_the_database() {
    let db = database();
    let rows = table(&["trades"]);
    let mut statement = db
        .prepare(
            "SELECT t.id, t.decision, t.side, t.action, t.base, t.extra, t.entry, t.cause, t.gross, t.costs, t.net, \
             t.extra_net, t.reward, t.closed_at, t.in_transition, t.state, s.name, \
             strftime('%Y-%m-%dT%H:%M:%SZ', t.closed_at / 1000000, 'unixepoch'), date(t.day * 86400, 'unixepoch') \
             FROM trades t JOIN symbols s ON s.id = t.symbol ORDER BY t.closed_at, t.id",
        )
        .unwrap();
    let mut stored = statement.query([]).unwrap();
    let mut seen = 0;
    for row in &rows {
        let stored = stored.next().unwrap().unwrap();
        let number = |place: usize| stored.get::<_, i64>(place).unwrap();
        let text = |place: usize| stored.get::<_, String>(place).unwrap();
        let expected = [
            ("trade", number(0).to_string()),
            ("decision", number(1).to_string()),
            ("side", text(2)),
            ("action", text(3)),
            ("base_contracts", number(4).to_string()),
            ("extra_contracts", number(5).to_string()),
            ("entry_price", (number(6) as f64 / 1e8).to_string()),
            ("cause", text(7)),
            ("gross", money(number(8))),
            ("costs", money(number(9))),
            ("net", money(number(10))),
            ("extra_net", money(number(11))),
            ("base_net", money(number(10) - number(11))),
            ("reward", format!("0.{}", number(12) / 100_000)),
            ("in_transition", (number(14) == 1).to_string()),
            ("state_hash", text(15)),
            ("symbol", text(16)),
            ("closed_utc", text(17)),
            ("day", text(18)),
        ];
        for (column, value) in expected {
            assert_eq!(row[column], value, "{column} of trade {}", row["trade"]);
        }
        // São Paulo has been three hours behind all year since 2019.
        let utc = chrono::DateTime::parse_from_rfc3339(&row["closed_utc"]).unwrap();
        let local = (utc.naive_utc() - chrono::TimeDelta::hours(3)).format("%Y-%m-%d %H:%M:%S").to_string();
        assert_eq!(row["closed_local"], local);
        seen += 1;
    }
    assert!(stored.next().unwrap().is_none() && seen > 20, "{seen} trades");
    assert!(rows.iter().any(|row| row["extra_contracts"] == "1") && rows.iter().any(|row| row["net"].starts_with('-')));
}

#[test]
fn local_times_are_those_of_the_zone_that_the_run_had() {
    let folder = tempfile::tempdir().unwrap();
    let zone = ["--set", "TRADING_TIMEZONE=UTC", "--set", "SYNTHETIC_DAYS=5"];
    let run = alavanca(folder.path()).args(["backtest", "--db", "run.sqlite"]).args(zone).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let output = alavanca(folder.path()).args(["export", "decisions", "--db", "run.sqlite"]).output().unwrap();
    let rows = rows(&output.stdout, b',');
    assert!(!rows.is_empty());
    for row in rows {
        assert_eq!(row["time_local"], row["time_utc"].replacen('T', " ", 1).trim_end_matches('Z'));
    }
}

#[test]
fn decisions_have_their_layers_and_arms_in_columns() {
    let db = database();
    let rows = table(&["decisions"]);
    let mut statement =
        db.prepare("SELECT id, layers, arms, available, action, extra, context FROM decisions ORDER BY id").unwrap();
    let mut stored = statement.query([]).unwrap();
    let arms = ["hold", "enter", "enter_conservative", "enter_with_realavancagem"];
    let float = |text: &str| text.parse::<f64>().ok();
    for row in &rows {
        let stored = stored.next().unwrap().unwrap();
        assert_eq!(row["decision"], stored.get::<_, i64>(0).unwrap().to_string());
        let json = |place: usize| -> serde_json::Value {
            serde_json::from_str(&stored.get::<_, String>(place).unwrap()).unwrap()
        };
        let (layers, stored_arms, context) = (json(1), json(2), json(6));
        for number in 1..=8 {
            let layer = &layers[number - 1];
            assert_eq!(row[&format!("layer_{number}_passed")], layer["passed"].to_string(), "layer {number}");
            let threshold = &row[&format!("layer_{number}_threshold")];
            match number {
                1 => assert_eq!(*threshold, layer["threshold"]["flag"].to_string()),
                3 => assert_eq!(threshold, "TREND_UP,TREND_DOWN,RANGE,HIGH_VOL,EXHAUSTION"),
                // The day's profit is not demanded.
                6 => assert_eq!(threshold, ""),
                5 | 7 | 8 => assert_eq!(float(threshold), layer["threshold"]["unit"].as_f64(), "layer {number}"),
                _ => {}
            }
        }
        assert_eq!(float(&row["layer_5_value"]), layers[4]["input"]["unit"].as_f64());
        assert_eq!(float(&row["confidence"]), context["confidence"].as_f64());
        assert_eq!(row["layer_6_value"], money(layers[5]["input"]["money"].as_i64().unwrap()));
        assert_eq!(row["layer_2_value"], layers[1]["input"]["regime"].as_str().unwrap());
        let available: i64 = stored.get(3).unwrap();
        for (place, name) in arms.into_iter().enumerate() {
            let arm = &stored_arms[place];
            assert_eq!(float(&row[&format!("{name}_alpha")]), arm["alpha"].as_f64(), "{name}");
            assert_eq!(float(&row[&format!("{name}_beta")]), arm["beta"].as_f64(), "{name}");
            assert_eq!(row[&format!("{name}_count")], arm["count"].to_string(), "{name}");
            assert_eq!(row[&format!("{name}_available")], (available >> place & 1 == 1).to_string(), "{name}");
        }
        assert_eq!(row["action"], stored.get::<_, String>(4).unwrap());
        assert_eq!(row["extra_contracts"], stored.get::<_, i64>(5).unwrap().to_string());
        assert_eq!(row["trade"].is_empty(), row["action"] == "HOLD");
    }
    assert!(stored.next().unwrap().is_none() && rows.len() > 50, "{} decisions", rows.len());
    for passed in ["true", "false"] {
        assert!(rows.iter().any(|row| row["layer_7_passed"] == passed), "liquidity is never {passed}");
    }
    assert!(rows.iter().any(|row| row["enter_count"] != "0"), "nothing was learned");
}

#[test]
fn regimes_follow_each_other_without_a_gap() {
    let regimes = table(&["regimes"]);
    assert!(regimes.len() > 20, "{} rows", regimes.len());
    for pair in regimes.windows(2) {
        assert_eq!((&pair[0]["to"], &pair[0]["to_transition"]), (&pair[1]["from"], &pair[1]["from_transition"]));
    }
    let sum = |column: &str| regimes.iter().map(|row| row[column].parse::<i64>().unwrap()).sum::<i64>();
    assert_eq!(sum("bars"), numbers("SELECT sum(bars) FROM regimes")[0]);
    assert_eq!(sum("seconds"), sum("bars") * 60, "bars of a minute");
    assert!(regimes.iter().any(|row| row["to"] == "RANGE") && regimes.iter().any(|row| row["to_transition"] == "true"));
}

#[test]
fn scalps_and_the_policy_are_those_of_the_database() {
    let scalps = table(&["scalps"]);
    assert_eq!(
        scalps.iter().map(|row| row["trade"].parse().unwrap()).collect::<Vec<i64>>(),
        numbers("SELECT trade FROM scalps ORDER BY id")
    );
    let net = numbers("SELECT net FROM scalps ORDER BY id");
    for (row, net) in scalps.iter().zip(net) {
        assert_eq!(row["net"], money(net));
        assert_eq!(row["exit_price"].is_empty(), row["event_type"] == "OPENED");
    }
    assert!(scalps.iter().any(|row| row["event_type"] == "SL_HIT" || row["event_type"] == "TP_HIT"));

    let db = database();
    let mut stored = db
        .prepare("SELECT count, alpha, beta FROM rl_policy WHERE regime = ? AND state_hash = ? AND action = ?")
        .unwrap();
    let policy = table(&["policy"]);
    for row in &policy {
        let key = [&row["regime"], &row["state_hash"], &row["action"]];
        let arm: (i64, f64, f64) = stored.query_row(key, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        assert_eq!(
            (row["count"].parse(), row["alpha"].parse(), row["beta"].parse()),
            (Ok(arm.0), Ok(arm.1), Ok(arm.2))
        );
        assert_eq!(row["symbol"], "");
    }
    assert_eq!(vec![policy.len() as i64], numbers("SELECT count(*) FROM rl_policy"));
    assert!(policy.len() > 5);
}

#[test]
fn days_and_symbols_select() {
    let days = numbers("SELECT DISTINCT day FROM decisions ORDER BY day");
    let date = |place: usize| {
        let date = chrono::NaiveDate::from_epoch_days(days[place] as i32).unwrap();
        date.to_string()
    };
    let of = |sql: &str| numbers(&format!("SELECT id FROM decisions WHERE {sql} ORDER BY id"));
    let ids = |arguments: &[&str]| -> Vec<i64> {
        let rows = table(&[&["decisions"], arguments].concat());
        rows.iter().map(|row| row["decision"].parse().unwrap()).collect()
    };
    assert!(days.len() > 4);
    assert_eq!(ids(&["--day", &date(1)]), of(&format!("day = {}", days[1])));
    assert_eq!(ids(&["--from", &date(2)]), of(&format!("day >= {}", days[2])));
    assert_eq!(ids(&["--from", &date(1), "--to", &date(3)]), of(&format!("day BETWEEN {} AND {}", days[1], days[3])));
    assert_eq!(ids(&["--symbol", "win"]), of("true"), "names of instruments have no case");
    assert_eq!(ids(&["--day", "1999-01-01"]), Vec::<i64>::new());
}

#[test]
fn excel_with_commas_gets_the_same_table() {
    for name in ["decisions", "trades", "scalps", "regimes", "policy"] {
        let (plain, comma) = (export(&[name]), export(&[name, "--decimal-comma"]));
        let text = comma.stdout.strip_prefix(b"\xEF\xBB\xBF").expect("the mark of UTF-8");
        let (plain, comma) = (rows(&plain.stdout, b','), rows(text, b';'));
        assert_eq!(plain.len(), comma.len());
        for (plain, comma) in plain.iter().zip(&comma) {
            for (column, value) in plain {
                // Times with fractions of a second, too; here they are whole.
                let same = if column.ends_with("_utc") { value.clone() } else { value.replace('.', ",") };
                assert_eq!(comma[column], same, "{name} {column}");
            }
        }
    }
}

#[test]
fn lines_end_as_the_standard_says() {
    let output = export(&["trades"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let (lines, ends) = (text.matches('\n').count(), text.matches("\r\n").count());
    assert!(lines > 1 && lines == ends && text.ends_with("\r\n"));
}

#[test]
fn a_file_is_replaced_once_the_table_is_complete() {
    let (folder, _) = &*RUN;
    let out = folder.path().join("trades.csv");
    std::fs::write(&out, "mine").unwrap();
    let output = export(&["trades", "--out", "trades.csv", "--symbol", "WDO"]);
    assert_eq!((output.status.code(), std::fs::read_to_string(&out).unwrap().as_str()), (Some(2), "mine"));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("has no trades of WDO: it is of WIN"), "{said}");

    let output = export(&["trades", "--out", "trades.csv"]);
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(std::fs::read(&out).unwrap(), export(&["trades"]).stdout);
    assert!(said.contains("columns in trades.csv"), "{said}");
    assert!(!folder.path().join("trades.csv.part").exists());

    let json = export(&["trades", "--out", "trades.csv", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["rows"], table(&["trades"]).len());
}

#[test]
fn a_table_that_cannot_be_read_to_its_end_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("run.sqlite");
    std::fs::copy(&RUN.1, &db).unwrap();
    Connection::open(&db).unwrap().execute("UPDATE decisions SET layers = 'no JSON' WHERE id = 5", []).unwrap();
    std::fs::write(folder.path().join("mine.csv"), "mine").unwrap();
    let arguments = ["export", "decisions", "--db", "run.sqlite", "--out", "mine.csv"];
    let output = alavanca(folder.path()).args(arguments).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("row 5 of decisions"), "{said}");
    assert_eq!(std::fs::read_to_string(folder.path().join("mine.csv")).unwrap(), "mine");
    assert!(!folder.path().join("mine.csv.part").exists());
}

#[test]
fn what_cannot_be_asked_for_says_why() {
    let (folder, _) = &*RUN;
    std::fs::write(folder.path().join("text.sqlite"), "no database").unwrap();
    let check = |arguments: &[&str], code: i32, said: &str| {
        let output = alavanca(folder.path()).arg("export").args(arguments).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0), "{arguments:?}: {err}");
        assert!(err.contains(said), "{arguments:?}: {err}");
    };
    check(&["trades"], 2, "--db <FILE>");
    check(&["fills", "--db", "run.sqlite"], 2, "decisions, trades, scalps, regimes, policy");
    check(&["trades", "--db", "run.sqlite", "--day", "11.03.2026"], 2, "expected a date such as 2026-03-11");
    check(&["trades", "--db", "run.sqlite", "--from", "2026-03-12", "--to", "2026-03-11"], 2, "--from is after --to");
    check(&["trades", "--db", "run.sqlite", "--json"], 2, "without --out");
    check(&["trades", "--db", "run.sqlite", "--out", "run.sqlite"], 2, "is a database and would be lost");
    check(&["trades", "--db", "run.sqlite", "--out", "no/such/folder/x.csv"], 1, "cannot write no/such/folder/x.csv");
    check(&["trades", "--db", "run.sqlite", "--out", "."], 1, "it is a folder");
    check(&["policy", "--db", "run.sqlite", "--day", "2026-03-11"], 2, "has no days");
    check(&["policy", "--db", "run.sqlite", "--symbol", "WIN"], 2, "share one policy");
    check(&["trades", "--db", "none.sqlite"], 1, "there is no database at none.sqlite");
    check(&["trades", "--db", "text.sqlite"], 1, "is not a database");
    let comma = ["trades", "--db", "run.sqlite", "--out", "x.parquet", "--decimal-comma"];
    check(&comma, 2, "--decimal-comma is for CSV");
    #[cfg(not(feature = "parquet"))]
    check(&["trades", "--db", "run.sqlite", "--out", "x.parquet"], 2, "--features parquet");
}

#[test]
fn a_reader_that_has_enough_is_no_failure() {
    let (folder, db) = &*RUN;
    let mut running = alavanca(folder.path())
        .args(["export", "decisions", "--db"])
        .arg(db)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(running.stdout.take());
    let output = running.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), output.stderr.len()),
        (Some(0), 0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn the_page_names_every_column() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/export.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let begin = text.find("<!-- columns: begin").unwrap();
    let begin = begin + text[begin..].find('\n').unwrap() + 1;
    let end = text.find("<!-- columns: end -->").unwrap();
    let now = format!("{}{}\n{}", &text[..begin], alavanca::export::markdown(), &text[end..]);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&page, &now).unwrap();
    }
    assert!(
        text == now,
        "docs/export.md is not of these columns: UPDATE_DOCS=1 cargo nextest run -p alavanca --test export"
    );
}

#[cfg(feature = "parquet")]
mod parquet {
    use alavanca_adapters_parquet::parquet::file::reader::{FileReader, SerializedFileReader};
    use alavanca_adapters_parquet::parquet::record::Field;

    use super::{RUN, export, table};

    /// A cell as CSV writes it.
    fn text(field: &Field) -> String {
        let time = |micros: i64| chrono::DateTime::from_timestamp_micros(micros).unwrap();
        match field {
            Field::Null => String::new(),
            Field::Bool(flag) => flag.to_string(),
            Field::Long(number) => number.to_string(),
            Field::Double(real) => real.to_string(),
            Field::Str(text) => text.clone(),
            Field::Date(days) => chrono::NaiveDate::from_epoch_days(*days).unwrap().to_string(),
            Field::TimestampMicros(micros) => time(*micros).format("%Y-%m-%dT%H:%M:%S").to_string(),
            Field::Decimal(decimal) => {
                let number = i64::from_be_bytes(decimal.data().try_into().unwrap());
                let one = 10_i64.pow(decimal.scale() as u32);
                let sign = if number < 0 { "-" } else { "" };
                let places = decimal.scale() as usize;
                let all = format!("{sign}{}.{:0places$}", number.abs() / one, number.abs() % one);
                if places == 2 { all } else { all.trim_end_matches('0').trim_end_matches('.').to_owned() }
            }
            other => panic!("no column is of this: {other:?}"),
        }
    }

    #[test]
    fn every_cell_is_that_of_the_csv() {
        for name in ["decisions", "trades", "scalps", "regimes", "policy"] {
            let file = format!("{name}.parquet");
            let output = export(&[name, "--out", &file]);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let reader = SerializedFileReader::new(std::fs::File::open(RUN.0.path().join(&file)).unwrap()).unwrap();
            let csv = table(&[name]);
            assert_eq!(reader.metadata().file_metadata().num_rows(), csv.len() as i64);
            for (row, csv) in reader.get_row_iter(None).unwrap().zip(&csv) {
                let row = row.unwrap();
                assert_eq!(row.len(), csv.len());
                for (column, field) in row.get_column_iter() {
                    let expected = match column {
                        utc if utc.ends_with("_utc") => csv[utc].trim_end_matches('Z').to_owned(),
                        local if local.ends_with("_local") => csv[local].replacen(' ', "T", 1),
                        other => csv[other].clone(),
                    };
                    assert_eq!(text(field), expected, "{name} {column}");
                }
            }
        }
    }
}
