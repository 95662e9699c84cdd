//! `alavanca config` as people run it: output, files found, exit codes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::path::Path;
use std::process::{Command, Output};

use insta::assert_snapshot;

/// Runs in an empty folder that holds these files, in an environment of nothing but these variables.
fn alavanca(arguments: &[&str], files: &[(&str, &str)], environment: &[(&str, &str)]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    Ran(run(folder.path(), arguments, environment))
}

fn run(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_alavanca"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

struct Ran(Output);

impl Ran {
    fn code(&self) -> i32 {
        self.0.status.code().unwrap()
    }

    fn out(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    fn err(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }
}

#[test]
fn help_shows_examples_and_exit_codes() {
    let help = alavanca(&["--help"], &[], &[]);
    assert_eq!(help.code(), 0);
    assert_snapshot!(help.out());
}

#[test]
fn every_layer_is_found_and_named() {
    let files = [
        ("alavanca.toml", "OPERATOR_CAPITAL_BRL = 1\nMAX_CONTRACTS_CAP = 1\nSCALP_TP_POINTS = 90\nRL_SEED = 1\n"),
        (".env", "RL_SEED=2\nSCALP_SL_POINTS=45\nSIM_LATENCY_MS=20\n"),
    ];
    let environment = [("SIM_LATENCY_MS", "30"), ("SYNTHETIC_DAYS", "5"), ("PATH", "/bin"), ("LANG", "pt_BR.UTF-8")];
    let arguments = [
        "config",
        "show",
        "--changed",
        "--profile",
        "conservative",
        "--set",
        "SYNTHETIC_DAYS=6",
        "--set",
        "FILL=CLOSE",
    ];
    let shown = alavanca(&arguments, &files, &environment);
    assert_eq!((shown.code(), shown.err().as_str()), (0, ""));
    assert_snapshot!(shown.out());
}

#[test]
fn json_says_the_same() {
    let shown = alavanca(&["config", "show", "--json", "SEED"], &[(".env", "\nRL_SEED=2\n")], &[]);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&shown.out()).unwrap();
    let of = |row: &serde_json::Value| ["key", "value", "origin"].map(|name| row[name].as_str().unwrap().to_owned());
    assert_eq!(
        rows.iter().map(of).collect::<Vec<_>>(),
        [["RL_SEED", "2", ".env line 2"], ["SIM_SEED", "1", "default"]].map(|row| row.map(str::to_owned))
    );
}

#[test]
fn another_settings_file_replaces_the_one_that_is_found() {
    let files = [("alavanca.toml", "RL_SEED = 1\n"), ("other.toml", "SIM_SEED = 9\n")];
    let shown = alavanca(&["config", "show", "--changed", "--config", "other.toml"], &files, &[]);
    assert!(shown.out().contains("SIM_SEED     9       other.toml line 1"), "{}", shown.out());
    assert!(!shown.out().contains("RL_SEED"), "{}", shown.out());
}

#[test]
fn check_says_all_that_is_wrong_and_exits_with_2() {
    let files = [
        ("alavanca.toml", "MARGIN_PER_CONTRACT_BRL = -1\nMAXIMUM = 3\n"),
        (".env", "REALAVANCAGEM_ALLOWED_REGIMES=TREND\n"),
    ];
    let checked = alavanca(&["config", "check", "--set", "RL_SEED=x"], &files, &[("RISK_LIMIT", "1")]);
    assert_eq!((checked.code(), checked.out().as_str()), (2, ""));
    assert_snapshot!(checked.err());

    let json = alavanca(&["config", "check", "--json"], &files, &[]);
    assert_eq!(json.code(), 2);
    let said: serde_json::Value = serde_json::from_str(&json.out()).unwrap();
    assert_eq!((said["ok"].as_bool(), said["problems"].as_array().unwrap().len()), (Some(false), 3));
}

#[test]
fn check_accepts_what_can_be_and_tells_settings_apart() {
    let check = |arguments: &[&str]| {
        let checked = alavanca(&[&["config", "check", "--json"], arguments].concat(), &[], &[]);
        assert_eq!((checked.code(), checked.err().as_str()), (0, ""));
        let said: serde_json::Value = serde_json::from_str(&checked.out()).unwrap();
        said["fingerprint"].as_str().unwrap().to_owned()
    };
    assert_eq!(check(&[]), check(&["--set", "OPERATOR_CAPITAL_BRL=10000"]));
    assert_ne!(check(&[]), check(&["--set", "OPERATOR_CAPITAL_BRL=10000.01"]));
}

#[test]
fn usage_errors_exit_with_2_and_say_what_is_expected() {
    let check = |arguments: &[&str], said: &str| {
        let ran = alavanca(arguments, &[], &[]);
        assert_eq!(ran.code(), 2, "{arguments:?}: {}", ran.err());
        assert!(ran.err().contains(said), "{arguments:?}: {}", ran.err());
    };
    check(&["config", "show", "--set", "RL_SEED"], "expected KEY=VALUE");
    check(&["config", "show", "--set", "RL_SEED=1", "--set", "RL_SEED=2"], "RL_SEED is set twice, to 1 and to 2");
    check(&["config", "show", "--profile", "bold"], "known are conservative, balanced, aggressive");
    check(&["config", "show", "NO_SUCH_NAME"], "no setting's name contains NO_SUCH_NAME");
    check(&["config", "show", "--config", "missing.toml"], "missing.toml: cannot be read");
    check(&["backtest", "--seed", "x"], "invalid digit");
    check(&["backtest", "--threads", "0"], "--threads");
    check(&["backtest", "--accept-faults", "nan"], "expected a number from 0 to 100");
    check(&["backtest", "--data-tz", "Brasilia"], "America/Sao_Paulo");
    check(&["backtest", "--resume"], "--db");
    check(&["backtest", "--seed", "1", "--set", "RL_SEED=2"], "RL_SEED is set twice");
    check(&["bactest"], "backtest");
}

#[test]
fn defaults_make_a_file_that_changes_nothing() {
    for (arguments, file) in
        [(&["config", "defaults"][..], "alavanca.toml"), (&["config", "defaults", "--dotenv"], ".env")]
    {
        let text = alavanca(arguments, &[], &[]).out();
        assert!(text.contains("OPERATOR_CAPITAL_BRL"), "{text}");
        let shown = alavanca(&["config", "show", "--changed"], &[(file, &text)], &[]);
        assert_eq!((shown.code(), shown.out().as_str()), (0, "All settings are defaults.\n"), "{}", shown.err());
    }
}
