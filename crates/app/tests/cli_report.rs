//! `alavanca backtest --report` and `alavanca report` as people run them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn alavanca(folder: &Path, arguments: &[&str]) -> Ran {
    let output =
        Command::new(env!("CARGO_BIN_EXE_alavanca")).args(arguments).current_dir(folder).env_clear().output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// Settings under which extra contracts are taken.
const LIVELY: [&str; 12] = [
    "--set",
    "REALAVANCAGEM_ALLOWED_REGIMES=TREND_UP,TREND_DOWN,RANGE,HIGH_VOL",
    "--set",
    "REALAVANCAGEM_MIN_GLOBAL_CONF=0.30",
    "--set",
    "REALAVANCAGEM_REQUIRE_PROFIT_TODAY=false",
    "--set",
    "REALAVANCAGEM_MIN_LIQUIDITY=0",
    "--set",
    "REALAVANCAGEM_FORBIDDEN_MODES=CHAOTIC",
    "--set",
    "SYNTHETIC_DAYS=15",
];

fn run(folder: &Path, more: &[&str]) -> Value {
    let ran = alavanca(folder, &[&["backtest", "--json"], &LIVELY[..], more].concat());
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{more:?}");
    serde_json::from_str(&ran.out).unwrap()
}

/// The figures that a page was made of.
fn figures(page: &Path) -> Value {
    let text = std::fs::read_to_string(page).unwrap();
    let (_, after) = text.split_once(r#"<script type="application/json" id="figures">"#).unwrap();
    let (figures, _) = after.split_once("</script>").unwrap();
    serde_json::from_str(figures).unwrap()
}

fn cents(units: &Value) -> i64 {
    (units.as_f64().unwrap() * 100.0).round() as i64
}

#[test]
fn the_page_has_the_figures_of_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let said = run(folder.path(), &["--report", "r.html"]);
    let page = figures(&folder.path().join("r.html"));
    for (engine, of) in [("gate", &said["gate"]), ("level4", &said["level4"])] {
        for name in ["net", "gross", "costs", "max_drawdown"] {
            assert_eq!(page[engine][name], cents(&of[name]), "{engine} {name}");
        }
        for name in ["trades", "win_rate", "profit_factor", "sharpe_per_day", "decisions_by_regime", "blocked", "risk"]
        {
            assert_eq!(page[engine][name], of[name], "{engine} {name}");
        }
    }
    let gate = &said["gate"];
    let rows = page["trades"]["rows"].as_array().unwrap();
    assert!(rows.len() > 20 && said["report"]["trades"] == rows.len(), "{} trades", rows.len());
    assert_eq!(gate["trades"], rows.len());
    let sum = |place: usize| rows.iter().map(|row| row[place].as_i64().unwrap()).sum::<i64>();
    assert_eq!((sum(12), sum(13)), (cents(&gate["gross"]), cents(&gate["costs"])), "trades add up to the summary");
    let curve = page["gate_curve"]["net"].as_array().unwrap();
    assert_eq!(curve.last().unwrap(), cents(&gate["net"]), "the curve ends at the result");
    let days: i64 = page["days"].as_array().unwrap().iter().map(|day| day[1].as_i64().unwrap()).sum();
    assert_eq!(days, cents(&gate["net"]), "days add up to the result");
    let costs = |name: &str| page["costs"][name].as_i64().unwrap();
    assert_eq!(costs("commission_base") + costs("commission_extra") + costs("execution"), cents(&gate["costs"]));
    assert!(costs("commission_extra") > 0 && costs("execution") > 0);
    let scalps = page["scalps"]["rows"].as_array().unwrap();
    assert_eq!(gate["scalps"]["opened"], scalps.len());
    assert!(scalps.len() > 3, "{} scalps", scalps.len());
    let held: u64 = page["holds"].as_array().unwrap().iter().map(|hold| hold[2].as_u64().unwrap()).sum();
    assert_eq!(held, scalps.len() as u64);
    let results = page["results"].as_array().unwrap();
    assert_eq!(results.iter().map(|cell| cell[4].as_i64().unwrap()).sum::<i64>(), cents(&gate["net"]));
    let learned = page["posteriors"]["states"].as_array().unwrap();
    assert_eq!(learned.iter().any(|arm| arm[10].as_u64() > Some(0)), gate["learning"]["learned"].as_u64() > Some(0));
    assert_eq!(page["market"]["rows"], said["counts"]["bars"]);
}

#[test]
fn the_same_run_makes_the_same_bytes_on_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &["--report", "a.html", "--threads", "1"]);
    run(folder.path(), &["--report", "b.html", "--threads", "2", "--db", "run.sqlite"]);
    let page = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert!(page("a.html") == page("b.html"), "the pages differ");
    run(folder.path(), &["--report", "c.html", "--seed", "9"]);
    assert!(page("a.html") != page("c.html"), "another seed is another run");
}

#[test]
fn a_page_is_told_and_written_over_nothing_but_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let quick = |name: &str| alavanca(folder.path(), &["backtest", "--set", "SYNTHETIC_DAYS=2", "--report", name]);
    for _ in 0..2 {
        let ran = quick("r.html");
        let told = ran.out.lines().last().unwrap().to_owned();
        assert!(ran.code == 0 && told.starts_with("Report r.html (") && told.contains(" candles of 1 min, "), "{told}");
    }
    std::fs::write(folder.path().join("data.csv"), "mine").unwrap();
    let ran = quick("data.csv");
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert_eq!(ran.err, "error: data.csv exists and is no report: name another file, or remove that one first\n");
    assert_eq!(std::fs::read_to_string(folder.path().join("data.csv")).unwrap(), "mine");
    let ran = quick("no/folder/r.html");
    assert!(ran.code == 1 && ran.err.contains("cannot write the report no/folder/r.html"), "{}", ran.err);
}

#[test]
fn hostile_names_stay_names() {
    let folder = tempfile::tempdir().unwrap();
    let name = "WIN <img src=x onerror=alert(1)><!--<script>&amp;\u{2028}.csv";
    let mut rows = String::from("<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n");
    for minute in 0..240 {
        let price = 130_000 + (minute * 7 % 40) * 5;
        let (hour, minute) = (10 + minute / 60, minute % 60);
        writeln!(
            rows,
            "2024.03.11\t{hour:02}:{minute:02}:00\t{price}\t{}\t{}\t{price}\t50\t900\t5",
            price + 20,
            price - 20
        )
        .unwrap();
    }
    std::fs::write(folder.path().join(name), rows).unwrap();
    let page = folder.path().join("r.html");
    let ran = alavanca(folder.path(), &["backtest", "--data", name, "--symbol", "WIN", "--report", "r.html"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(!text.contains("onerror=alert(1)>"), "the name is in the page as it is");
    assert_eq!(figures(&page)["source"]["name"], name, "and is told as it is");
    let run = alavanca(folder.path(), &["backtest", "--set", "SYNTHETIC_DAYS=2", "--report", "plain.html"]);
    assert_eq!(run.code, 0);
    let scripts = |text: &str| (text.matches("<script").count(), text.matches("</script").count());
    assert_eq!(scripts(&text), scripts(&std::fs::read_to_string(folder.path().join("plain.html")).unwrap()));
}

/// Bars of a few days of a market that goes up and down.
fn bars(days: u32) -> String {
    let mut rows = String::from("<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n");
    let mut last = 130_000_i64;
    for day in 0..days {
        for minute in 0..480_u32 {
            let step = i64::from((minute * 7 + day * 13) % 23) - 11 + i64::from((minute / 60 + day) % 3 * 10) - 10;
            let close = last + step * 5;
            let (high, low) = (last.max(close) + 10, last.min(close) - 10);
            writeln!(
                rows,
                "2024.03.{:02}\t{:02}:{:02}:00\t{last}\t{high}\t{low}\t{close}\t50\t900\t5",
                4 + day,
                9 + minute / 60,
                minute % 60
            )
            .unwrap();
            last = close;
        }
    }
    rows
}

fn report(folder: &Path, arguments: &[&str]) -> Value {
    let ran = alavanca(folder, &[&["report", "--json"], arguments].concat());
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{arguments:?}");
    serde_json::from_str(&ran.out).unwrap()
}

#[test]
fn the_database_makes_the_page_that_the_run_made() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("WINZ24.csv"), bars(5)).unwrap();
    for (name, data) in [("synthetic", &[][..]), ("file", &["--data", "WINZ24.csv"][..])] {
        let (db, first) = (format!("{name}.sqlite"), format!("{name}-run.html"));
        run(folder.path(), &[data, &["--db", &db, "--report", &first]].concat());
        let told = report(folder.path(), &["--db", &db]);
        assert!(told["no_candles"].is_null() && told["page"]["candles"].as_u64() > Some(0), "{told}");
        let page = |name: String| std::fs::read_to_string(folder.path().join(name)).unwrap();
        let (run, stored) = (page(first), page(format!("{name}.html")));
        let at = run.bytes().zip(stored.bytes()).position(|(a, b)| a != b);
        let around = |text: &str, at: usize| text.chars().skip(at.saturating_sub(80)).take(160).collect::<String>();
        assert!(run == stored, "{name}: {} | {}", around(&run, at.unwrap_or(0)), around(&stored, at.unwrap_or(0)));
    }
}

#[test]
fn where_the_market_is_not_at_hand_the_page_says_so_and_has_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("WINZ24.csv"), bars(3)).unwrap();
    run(folder.path(), &["--data", "WINZ24.csv", "--db", "run.sqlite", "--report", "run.html"]);
    let whole = figures(&at("run.html"));
    let check = |state: &str| {
        let told = report(folder.path(), &["--db", "run.sqlite", "--out", "page.html"]);
        let page = figures(&at("page.html"));
        assert!(told["no_candles"].is_string() && page["market"]["state"] == state, "{state}: {told}");
        for part in ["gate", "level4", "trades", "scalps", "posteriors", "source", "settings", "level4_curve"] {
            assert_eq!(page[part], whole[part], "{state}: {part}");
        }
    };
    std::fs::rename(at("WINZ24.csv"), at("elsewhere.csv")).unwrap();
    check("missing");
    let told = report(folder.path(), &["--db", "run.sqlite", "--out", "page.html", "--data", "elsewhere.csv"]);
    assert!(told["no_candles"].is_null(), "{told}");
    assert_eq!(figures(&at("page.html")), whole);
    std::fs::write(at("WINZ24.csv"), bars(2)).unwrap();
    check("changed");
    std::fs::write(at("WINZ24.csv"), "no market\n").unwrap();
    check("unreadable");

    let refused = |arguments: &[&str], code: i32, said: &str| {
        let ran =
            alavanca(folder.path(), &[&["report", "--db", "run.sqlite", "--out", "new.html"], arguments].concat());
        assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{}", ran.err);
        assert!(ran.err.starts_with("error: ") && ran.err.contains(said), "{}", ran.err);
        assert!(!at("new.html").exists());
    };
    std::fs::write(at("WINZ24.csv"), bars(2)).unwrap();
    refused(&["--data", "WINZ24.csv"], 1, "is not the file of this run: its SHA-256 is ");
    refused(&["--data", "gone.csv"], 3, "gone.csv: cannot be read");
    refused(&["--date", "2023-01-02"], 2, "has no trading day 2023-01-02: it has those from 2024-03-04 to 2024-03-06");
    refused(&["--date", "yesterday"], 2, "yesterday");
}

#[test]
fn one_day_is_that_day_alone() {
    let folder = tempfile::tempdir().unwrap();
    let said = run(folder.path(), &["--db", "run.sqlite", "--report", "run.html"]);
    let whole = figures(&folder.path().join("run.html"));
    let mut net = 0;
    let days = whole["days"].as_array().unwrap();
    for day in days {
        let number = i32::try_from(day[0].as_i64().unwrap()).unwrap();
        let date = chrono::NaiveDate::from_epoch_days(number).unwrap().to_string();
        report(folder.path(), &["--db", "run.sqlite", "--date", &date]);
        let page = figures(&folder.path().join(format!("run-{date}.html")));
        assert_eq!((&page["gate"]["net"], &page["run"]["day"]), (&day[1], &day[0]), "{date}");
        assert!(page["level4"].is_null(), "there are no figures of one day of Level 4");
        net += page["gate"]["net"].as_i64().unwrap();
        let rows = page["market"]["rows"].as_u64().unwrap();
        assert!(rows > 0 && rows < whole["market"]["rows"].as_u64().unwrap() / 5, "{date}: {rows} bars");
        let last = days.last().is_some_and(|last| last == day);
        assert!(!last || page["posteriors"] == whole["posteriors"], "the policy has its past");
    }
    assert_eq!(net, cents(&said["gate"]["net"]), "the days add up to the run");
}

#[test]
fn the_days_stand_in_rl_report_log_once_and_the_same_again() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &["--db", "run.sqlite"]);
    let path = folder.path().join("run.sqlite");
    let rows = || {
        let db = rusqlite::Connection::open(&path).unwrap();
        let mut asked = db.prepare("SELECT * FROM rl_report_log ORDER BY id").unwrap();
        let columns = asked.column_count();
        let row = |row: &rusqlite::Row<'_>| (0..columns).map(|at| row.get(at)).collect::<Result<Vec<_>, _>>();
        asked.query_map([], row).unwrap().collect::<Result<Vec<Vec<rusqlite::types::Value>>, _>>().unwrap()
    };
    let stored = rows();
    assert!(stored.len() >= 15, "{} days", stored.len());
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch("DELETE FROM rl_report_log WHERE id > 3; UPDATE rl_report_log SET actions_enter_count = 999")
        .unwrap();
    let told = report(folder.path(), &["--db", "run.sqlite"]);
    assert_eq!(told["rl_report_log"]["written"]["days"], stored.len());
    assert_eq!(rows(), stored, "made anew, what it was");
    report(folder.path(), &["--db", "run.sqlite"]);
    assert_eq!(rows(), stored, "and again");
}

#[test]
fn beside_an_engine_the_database_is_only_read() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &["--db", "run.sqlite"]);
    let held = std::fs::File::options().write(true).open(folder.path().join("run.sqlite.lock")).unwrap();
    held.try_lock().unwrap();
    let told = report(folder.path(), &["--db", "run.sqlite"]);
    let why = told["rl_report_log"]["not_written"]["why"].as_str().unwrap().to_owned();
    assert!(why.contains("in use by another engine"), "{why}");
    assert!(folder.path().join("run.html").exists());
    drop(held);
    assert!(report(folder.path(), &["--db", "run.sqlite"])["rl_report_log"]["written"].is_object());
    let ran = alavanca(folder.path(), &["report", "--db", "none.sqlite"]);
    assert!(ran.code == 1 && ran.err.starts_with("error: there is no database at none.sqlite"), "{}", ran.err);
    assert!(!folder.path().join("none.sqlite").exists());
}
