//! `alavanca backtest --report` and `alavanca report` as people run them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

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
    "BRAINS=EMA_TREND",
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
        rows += &format!(
            "2024.03.11\t{hour:02}:{minute:02}:00\t{price}\t{}\t{}\t{price}\t50\t900\t5\n",
            price + 20,
            price - 20
        );
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
