//! `alavanca backtest` as people run it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::path::Path;
use std::process::Command;

struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn backtest(folder: &Path, arguments: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_alavanca"))
        .arg("backtest")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

fn json(folder: &Path, arguments: &[&str]) -> serde_json::Value {
    let ran = backtest(folder, &[&["--json", "--set", "SYNTHETIC_DAYS=5"], arguments].concat());
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{arguments:?}");
    serde_json::from_str(&ran.out).unwrap()
}

#[test]
fn without_data_the_synthetic_market_runs_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let ran = backtest(folder.path(), &["--set", "SYNTHETIC_DAYS=5"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out.starts_with("WIN on ") && ran.out.contains("(synthetic: no real market)"), "{}", ran.out);
    for part in ["Net result (BRL)", "Level 4", "Decisions of the gate", "Extra contracts", "Scalps", "Learning"] {
        assert!(ran.out.contains(part), "{part} in {}", ran.out);
    }
    assert!(ran.out.chars().all(|c| !c.is_control() || c == '\n'), "no colour in a pipe");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn the_same_seed_gives_the_same_figures_on_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let one = json(folder.path(), &["--seed", "7", "--threads", "1"]);
    assert_eq!(one, json(folder.path(), &["--seed", "7", "--threads", "2"]));
    assert_eq!(one["seed"], 7);
    assert_eq!(one["source"]["synthetic"], true);
    let other = json(folder.path(), &["--seed", "8"]);
    assert_ne!((&one["run_id"], &one["settings"]), (&other["run_id"], &other["settings"]));
    assert_eq!(json(folder.path(), &["--seed", "7"]), json(folder.path(), &["--set", "RL_SEED=7"]));
}

#[test]
fn the_second_engine_can_be_left_out_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (with, without) = (json(folder.path(), &[]), json(folder.path(), &["--without-level4"]));
    assert!(with["level4"].is_object() && without["level4"].is_null());
    assert_eq!(with["gate"], without["gate"]);
}

#[test]
fn exit_codes_tell_settings_and_data_from_a_failed_run() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("WIN.csv"), "no market data\n").unwrap();
    let check = |arguments: &[&str], code: i32, said: &str| {
        let ran = backtest(folder.path(), arguments);
        assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{arguments:?}: {}", ran.err);
        assert!(ran.err.starts_with("error: ") && ran.err.contains(said), "{arguments:?}: {}", ran.err);
    };
    check(&["--set", "MIN_CONTRACTS=11"], 2, "MIN_CONTRACTS = 11 (--set) is not possible");
    check(&["--data", "WIN.csv", "--symbol", "PETR4"], 2, "[instrument.PETR4]");
    check(&["--data", "WIN.csv"], 3, "WIN.csv: not a market data file I know");
    check(&["--data", "missing.csv", "--symbol", "WIN"], 3, "missing.csv: cannot be read");
    check(&["--set", "SYNTHETIC_DAYS=5", "--db", "no/such/folder/run.sqlite"], 1, "");
}
