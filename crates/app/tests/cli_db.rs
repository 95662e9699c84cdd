//! `alavanca db`, as a user runs it: on runs that the binary itself stored.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::path::Path;
use std::process::Command;

use rusqlite::Connection;

struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn alavanca(folder: &Path, arguments: &[&str]) -> Ran {
    let binary = Command::new(env!("CARGO_BIN_EXE_alavanca"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("TMPDIR", folder)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: binary.status.code().unwrap(), out: text(binary.stdout), err: text(binary.stderr) }
}

/// A run in which extras are taken, batches learned, and policies rolled back.
fn stored(folder: &Path, name: &str) -> serde_json::Value {
    let mut arguments = vec!["backtest", "--seed", "7", "--db", name, "--json", "--without-level4"];
    for setting in [
        "SYNTHETIC_DAYS=15",
        "REALAVANCAGEM_MIN_GLOBAL_CONF=0",
        "REALAVANCAGEM_REQUIRE_PROFIT_TODAY=false",
        "REALAVANCAGEM_MIN_LIQUIDITY=0",
        "REALAVANCAGEM_MAX_DISAGREEMENT=1",
        "REALAVANCAGEM_ALLOWED_REGIMES=TREND_UP,TREND_DOWN,RANGE,HIGH_VOL,EXHAUSTION",
        "REALAVANCAGEM_FORBIDDEN_MODES=CHAOTIC",
        "RL_UPDATE_BATCH_SIZE=3",
        "RL_UPDATE=FRACTIONAL",
        "RECORD_EVERY_BAR=true",
    ] {
        arguments.extend(["--set", setting]);
    }
    let ran = alavanca(folder, &arguments);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    serde_json::from_str(&ran.out).unwrap()
}

fn sql(path: &Path, text: &str) {
    Connection::open(path).unwrap().execute_batch(text).unwrap();
}

#[test]
fn a_run_is_checked_and_its_head_is_the_one_that_the_run_said() {
    let folder = tempfile::tempdir().unwrap();
    let report = stored(folder.path(), "run.db");
    let head = report["head"].as_str().unwrap();
    let ran = alavanca(folder.path(), &["db", "check", "run.db", "--head", head]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    insta::assert_snapshot!("a_sound_database", ran.out.replace(head, "HEAD"));
    assert!(ran.out.contains(head));

    let before = std::fs::read(folder.path().join("run.db")).unwrap();
    let ran = alavanca(folder.path(), &["db", "check", "run.db", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&json["sound"], json["head"].as_str().unwrap(), &json["db"]), (&true.into(), head, &"run.db".into()));
    assert!(json["parts"].as_array().unwrap().len() > 10);
    assert!(std::fs::read(folder.path().join("run.db")).unwrap() == before, "a check changed the database");
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with("run.db"))
        .collect();
    assert_eq!(left, [""; 0], "a check left something");

    // One reward less than what was earned, and the arm with it.
    sql(
        &folder.path().join("run.db"),
        "UPDATE evidence SET reward = reward - 1 WHERE seq = (SELECT min(seq) FROM evidence);
         DELETE FROM decisions WHERE id = 5;
         UPDATE rl_policy SET alpha = alpha + 1 WHERE id = (SELECT min(id) FROM rl_policy)",
    );
    let ran = alavanca(folder.path(), &["db", "check", "run.db", "--head", head]);
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    insta::assert_snapshot!("a_database_that_is_not_sound", ran.out.replace(head, "HEAD"));
}

#[test]
fn a_copy_made_beside_an_engine_is_sound_and_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let report = stored(folder.path(), "run.db");
    let ran = alavanca(folder.path(), &["db", "backup", "run.db", "copy.db"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out.starts_with("copy.db: ") && ran.out.contains(report["head"].as_str().unwrap()), "{}", ran.out);
    let again = alavanca(folder.path(), &["db", "backup", "run.db", "copy.db"]);
    assert_eq!((again.code, again.out.as_str()), (1, ""));
    assert_eq!(again.err, "error: copy.db is there already: a backup overwrites nothing: name another file\n");

    // What is wrong in the original is not kept as a copy.
    sql(&folder.path().join("run.db"), "UPDATE decisions SET price = price + 1 WHERE id = 2");
    let ran = alavanca(folder.path(), &["db", "backup", "run.db", "wrong.db"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(
        ran.err.contains("was not kept: decision 2") && ran.err.contains("`alavanca db check run.db`"),
        "{}",
        ran.err
    );
    assert!(!folder.path().join("wrong.db").exists() && !folder.path().join("wrong.db.part").exists());
}

#[test]
fn an_older_database_says_how_to_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let report = stored(folder.path(), "run.db");
    let path = folder.path().join("run.db");
    sql(&path, include_str!("../../adapters-sqlite/tests/life/to_first_schema.sql"));
    for arguments in
        [["db", "check", "run.db"].as_slice(), &["db", "vacuum", "run.db"], &["decisions", "--db", "run.db"]]
    {
        let ran = alavanca(folder.path(), arguments);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{arguments:?}");
        assert!(ran.err.contains("run `alavanca db migrate run.db`"), "{arguments:?}: {}", ran.err);
    }
    let ran = alavanca(folder.path(), &["db", "migrate", "run.db"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out.starts_with("run.db: from m0001_begin to m0005_live."), "{}", ran.out);
    assert!(ran.out.contains("\n  run.db.before-m0005_live\n") && ran.out.contains("Sound."), "{}", ran.out);
    // Votes and zones are gone with their columns: the chain is that of a run that did not record them.
    assert!(!ran.out.contains(report["head"].as_str().unwrap()), "{}", ran.out);
    let ran = alavanca(folder.path(), &["explain", "--last", "--db", "run.db"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(!ran.out.contains("Who wanted it"), "{}", ran.out);
    assert!(folder.path().join("run.db.before-m0005_live").exists());
    let again = alavanca(folder.path(), &["db", "migrate", "run.db"]);
    assert_eq!(again.out, "run.db is up to date (m0005_live): nothing was done.\n");
}

#[test]
fn room_is_given_back() {
    let folder = tempfile::tempdir().unwrap();
    stored(folder.path(), "run.db");
    let path = folder.path().join("run.db");
    sql(&path, "CREATE TABLE bulk (content BLOB); INSERT INTO bulk VALUES (zeroblob(900000)); DROP TABLE bulk");
    let ran = alavanca(folder.path(), &["db", "vacuum", "run.db", "--json"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert!(json["before"].as_u64().unwrap() >= json["after"].as_u64().unwrap() + 900_000, "{json}");
    assert_eq!(json["after"].as_u64(), Some(std::fs::metadata(&path).unwrap().len()));
    let ran = alavanca(folder.path(), &["db", "vacuum", "run.db"]);
    assert!(ran.out.starts_with("run.db: ") && ran.out.ends_with(" after.\n"), "{}", ran.out);
    assert_eq!(alavanca(folder.path(), &["db", "check", "run.db"]).code, 0);
}

#[test]
fn what_is_no_database_of_ours_is_refused_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("prices.csv"), "time,open,high,low,close\n").unwrap();
    std::fs::write(folder.path().join("empty.db"), "").unwrap();
    sql(&folder.path().join("other.db"), "CREATE TABLE trades (id INTEGER)");
    for command in ["check", "migrate", "vacuum"] {
        for (file, said) in [
            ("none.db", "there is no database at none.db"),
            ("empty.db", "empty.db is empty: no run was ever stored in it"),
            ("prices.csv", "prices.csv is not a database"),
            ("other.db", "other.db is a database of another program"),
        ] {
            let ran = alavanca(folder.path(), &["db", command, file]);
            assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{command} {file}");
            assert!(ran.err.starts_with("error: ") && ran.err.contains(said), "{command} {file}: {}", ran.err);
        }
    }
    for head in ["", "412", "1-2-3-4", "x-y-z"] {
        let ran = alavanca(folder.path(), &["db", "check", "none.db", "--head", head]);
        assert_eq!(ran.code, 2, "{head}");
        assert!(ran.err.contains("expected a head as `db check` and `backtest` print it"), "{}", ran.err);
    }
}
