//! `alavanca db import-python`: what the Python version learned and did comes over, whole or not at all.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use alavanca_adapters_sqlite::SqliteStore;
use alavanca_kernel::{Hour, Level, Regime, StateKey};
use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};

/// The six tables as the specification has them.
const SCHEMA: &str = "
CREATE TABLE capital_state (
    id INTEGER PRIMARY KEY, time TEXT, symbol TEXT, operator_capital_brl REAL, margin_per_contract_brl REAL,
    max_contracts_cap INTEGER, base_contracts INTEGER, extra_contracts INTEGER, final_contracts INTEGER, reason TEXT,
    detail_json TEXT
);
CREATE TABLE scalp_events (
    id INTEGER PRIMARY KEY, time TEXT, symbol TEXT, event_type TEXT, side TEXT, entry_price REAL, exit_price REAL,
    extra_contracts INTEGER, pnl REAL, hold_time_seconds INTEGER, reason TEXT, detail_json TEXT
);
CREATE TABLE rl_policy (
    id INTEGER PRIMARY KEY, regime TEXT, state_hash TEXT, action TEXT, alpha REAL, beta REAL, count INTEGER,
    total_reward REAL, mean_value REAL, updated_at TEXT, UNIQUE(regime, state_hash, action)
);
CREATE TABLE rl_events (
    id INTEGER PRIMARY KEY, time TEXT, symbol TEXT, regime TEXT, state_hash TEXT, action TEXT, reward REAL,
    reason TEXT, frozen INTEGER, detail_json TEXT
);
CREATE TABLE policy_snapshots (
    id INTEGER PRIMARY KEY, snapshot_id TEXT UNIQUE, regime TEXT, time TEXT, policy_data TEXT, metrics_json TEXT,
    note TEXT
);
CREATE TABLE rl_report_log (
    id INTEGER PRIMARY KEY, report_date TEXT, symbol TEXT, total_rl_events INTEGER, actions_enter_count INTEGER,
    actions_hold_count INTEGER, actions_conservative_count INTEGER, actions_realavancagem_count INTEGER,
    blocked_by_rl_count INTEGER, avg_reward REAL, regimes_frozen_count INTEGER, total_realavancagem_triggered INTEGER,
    realavancagem_success_rate REAL, total_scalps INTEGER, scalp_winrate REAL, scalp_total_pnl REAL,
    performance_trend REAL, detail_json TEXT
);
";
const SIX: [&str; 6] = ["rl_policy", "capital_state", "scalp_events", "rl_events", "policy_snapshots", "rl_report_log"];
const ACTIONS: [&str; 3] = ["ENTER", "ENTER_CONSERVATIVE", "ENTER_WITH_REALAVANCAGEM"];

/// The state's name by one of the many ways in which a Python author may have made it.
fn name(state: StateKey) -> String {
    let digest = Sha256::digest(state.to_string().replace('|', ":").as_bytes());
    digest.iter().take(6).fold(String::new(), |name, byte| format!("{name}{byte:02x}"))
}

fn states() -> impl Iterator<Item = StateKey> {
    let hours = [9, 14, 16].map(|hour| Hour::new(hour).unwrap());
    [Regime::TrendUp, Regime::Range].into_iter().flat_map(move |regime| {
        hours.map(|hour| StateKey { regime, hour, confidence: Level::High, disagreement: Level::Low })
    })
}

/// What a Python engine leaves behind: sums of floats, booleans as 0 and 1, times with and without a zone, NULLs.
fn python_database(path: &Path) -> Connection {
    let db = Connection::open(path).unwrap();
    db.execute_batch(SCHEMA).unwrap();
    db.execute_batch("CREATE TABLE brain_scores (id INTEGER PRIMARY KEY)").unwrap();
    for (place, state) in states().enumerate() {
        for (number, action) in ACTIONS.into_iter().enumerate() {
            let (wins, losses) = (place + number, 2 * number);
            let total = (0..wins).map(|_| 0.8).chain((0..losses).map(|_| 0.2)).sum::<f64>();
            let (alpha, beta, count) = (1.0 + wins as f64, 1.0 + losses as f64, wins + losses);
            let row = "INSERT INTO rl_policy (regime, state_hash, action, alpha, beta, count, total_reward, mean_value, \
                       updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, '2026-03-06T17:40:00.120000')";
            let regime = state.regime.as_str();
            let mean = alpha / (alpha + beta);
            db.execute(row, params![regime, name(state), action, alpha, beta, count as i64, total, mean]).unwrap();
        }
    }
    db.execute_batch(&format!(
        "INSERT INTO capital_state VALUES
            (1, '2026-03-02T09:05:00', 'WIN', 10000.0, 1000.0, 10, 10, 0, 10, 'confidence 0.61 < 0.70', '{{\"x\": NaN}}'),
            (2, '2026-03-02T12:05:00+00:00', 'WIN', 10000, 1000, 10, 10, 1, 11, 'approved', NULL),
            (9, '2026-03-06 17:41:00.000250', 'MINI', 9950.35, 1000.0, 10, 9, 0, 9, NULL, NULL);
         INSERT INTO scalp_events VALUES
            (1, '2026-03-02T12:05:01', 'WIN', 'OPENED', 'BUY', 131005.0, NULL, 1, 0.0, 0, 'opened', NULL),
            (2, '2026-03-02T12:06:11', 'WIN', 'TP_HIT', 'BUY', 131005.0, 131085.0, 1, 80.0, 70, 'tp', '{{}}');
         INSERT INTO rl_events VALUES
            (1, '2026-03-02T12:05:00', 'WIN', 'TREND_UP', '{0}', 'HOLD', NULL, 'select', 0, NULL),
            (2, '2026-03-02T12:20:00', 'WIN', 'TREND_UP', '{0}', 'ENTER', 0.8, 'trade', 0, '{{\"pnl\": 80.0}}'),
            (3, '2026-03-06T17:40:00', NULL, 'RANGE', 'unknown to us', 'ENTER', 0.2, NULL, 1, NULL);
         INSERT INTO policy_snapshots VALUES
            (1, 'TREND_UP_20260302', 'TREND_UP', '2026-03-02T12:21:00', '{{\"ENTER\": [4.0, 1.0]}}', NULL, NULL);
         INSERT INTO rl_report_log (report_date, symbol, total_rl_events, avg_reward)
            VALUES ('2026-03-02', 'WIN', 2, 0.8);",
        name(states().next().unwrap())
    ))
    .unwrap();
    db
}

fn alavanca(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_alavanca")).current_dir(folder).env_clear().args(arguments).output().unwrap()
}

fn import(folder: &Path, more: &[&str]) -> Output {
    alavanca(folder, &[&["db", "import-python", "trading.db", "--db", "new.sqlite"], more].concat())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[track_caller]
fn succeeded(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// A table's cells with their types, by rowid.
fn cells(db: &Connection, table: &str) -> Vec<String> {
    let mut statement = db.prepare(&format!("SELECT * FROM {table} ORDER BY id")).unwrap();
    let columns = statement.column_count();
    let row = |row: &rusqlite::Row<'_>| {
        Ok((0..columns).map(|n| format!("{:?}", row.get_ref(n).unwrap())).collect::<Vec<_>>().join("|"))
    };
    statement.query_map([], row).unwrap().map(Result::unwrap).collect()
}

/// A folder's files and the hash of each.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        let hash = Sha256::digest(std::fs::read(&path).unwrap());
        (path.file_name().unwrap().to_string_lossy().into_owned(), format!("{hash:x}"))
    };
    std::fs::read_dir(folder).unwrap().map(read).collect()
}

/// What `docs/migration.md` takes over: made by `UPDATE_DOCS=1`, as a file of a few pages.
#[test]
fn the_pages_sample_is_such_a_database() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/samples/migration/trading.db");
    let folder = tempfile::tempdir().unwrap();
    let made = python_database(&folder.path().join("trading.db"));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        made.execute_batch("PRAGMA page_size = 512; VACUUM").unwrap();
        std::fs::copy(folder.path().join("trading.db"), &sample).unwrap();
    }
    let sample = Connection::open(sample).unwrap();
    for table in SIX {
        assert_eq!(cells(&sample, table), cells(&made, table), "{table}");
    }
}

#[test]
fn everything_comes_over_and_agrees_with_itself() {
    let folder = tempfile::tempdir().unwrap();
    let source = python_database(&folder.path().join("trading.db"));
    let before = files(folder.path());

    let said = succeeded(&import(folder.path(), &[]));
    assert!(said.contains("Nothing was written. Add --yes to do it."), "{said}");
    assert!(said.contains("the first 12 hex digits of SHA-256 of TREND_UP:14:00:HIGH:LOW"), "{said}");
    assert!(said.contains("RANGE: a freeze is not taken over") && said.contains("brain_scores"), "{said}");
    assert!(said.contains("MINI: kept in the history"), "{said}");
    assert_eq!(files(folder.path()), before, "looking changes nothing");

    let said = succeeded(&import(folder.path(), &["--yes"]));
    assert!(said.ends_with("Done.\n"), "{said}");
    let mut after = files(folder.path());
    assert!(after.remove("new.sqlite").is_some());
    assert_eq!(after, before, "the source is as it was, and nothing else is left");

    succeeded(&alavanca(folder.path(), &["db", "check", "new.sqlite"]));
    let new = folder.path().join("new.sqlite");
    let db = Connection::open(&new).unwrap();
    for table in SIX {
        assert_eq!(cells(&db, &format!("imported_{table}")), cells(&source, table), "{table}");
    }
    // What was learned is served, under our names of the states.
    let mut served = db.prepare("SELECT state_hash, action, alpha, beta, count FROM rl_policy ORDER BY id").unwrap();
    let mut rows = served
        .query_map([], |row| {
            let key: (String, String) = (row.get(0)?, row.get(1)?);
            Ok((key, (row.get(2)?, row.get(3)?, row.get(4)?)))
        })
        .unwrap()
        .map(Result::unwrap)
        .collect::<BTreeMap<(String, String), (f64, f64, i64)>>();
    for (place, state) in states().enumerate() {
        for (number, action) in ACTIONS.into_iter().enumerate() {
            let (wins, losses) = ((place + number) as f64, (2 * number) as f64);
            let row = rows.remove(&(state.to_hash().to_string(), action.to_owned()));
            let learned = place + 3 * number > 0;
            assert_eq!(
                row,
                learned.then_some((1.0 + wins, 1.0 + losses, (place + 3 * number) as i64)),
                "{state} {action}"
            );
        }
    }
    assert!(rows.is_empty(), "{rows:?}");

    let said = succeeded(&alavanca(folder.path(), &["policy", "verify", "--db", "new.sqlite"]));
    assert!(said.contains("the served table is the fold of the log"), "{said}");
    let kinds: Vec<String> = db
        .prepare("SELECT kind || ' ' || regime FROM policy_events WHERE kind = 'IMPORTED' ORDER BY seq")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(kinds, ["IMPORTED TREND_UP", "IMPORTED RANGE"], "one event for each regime");

    // The history is no projection: making those anew neither loses nor contradicts it.
    drop(served);
    drop(db);
    let dump = |path: &Path| {
        let db = Connection::open(path).unwrap();
        let tables = SIX.iter().map(|table| (*table).to_owned());
        let kept = SIX.iter().map(|table| format!("imported_{table}"));
        tables.chain(kept).map(|table| (table.clone(), cells(&db, &table))).collect::<BTreeMap<_, _>>()
    };
    let before = dump(&new);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut store = SqliteStore::open_existing(&new).await.unwrap();
        store.rebuild_projections().await.unwrap();
        store.close().await.unwrap();
    });
    assert_eq!(dump(&new), before);
}

#[test]
fn the_policy_begins_a_run() {
    let folder = tempfile::tempdir().unwrap();
    python_database(&folder.path().join("trading.db"));
    succeeded(&import(folder.path(), &["--yes"]));
    succeeded(&alavanca(folder.path(), &["policy", "export", "--db", "new.sqlite", "--out", "policy.json"]));
    let run = ["backtest", "--policy", "policy.json", "--set", "SYNTHETIC_DAYS=3", "--db", "run.sqlite"];
    succeeded(&alavanca(folder.path(), &run));
    let output = alavanca(folder.path(), &["backtest", "--db", "new.sqlite", "--set", "SYNTHETIC_DAYS=3"]);
    assert_eq!(output.status.code(), Some(1), "an imported database is no backtest's");
}

/// One fault is planted at a time; none may change anything.
#[test]
fn a_bad_row_in_the_policy_changes_nothing() {
    for (fault, why) in [
        ("UPDATE rl_policy SET alpha = alpha + 0.5 WHERE id = 2", "no number of rewards"),
        ("UPDATE rl_policy SET alpha = 0.0 WHERE id = 2", "alpha is 0, expected is a finite number above 0"),
        ("UPDATE rl_policy SET beta = 9e999 WHERE id = 2", "beta is inf"),
        ("UPDATE rl_policy SET beta = NULL WHERE id = 2", "beta is nothing"),
        ("UPDATE rl_policy SET count = 1 WHERE id = 2", "alpha and beta hold"),
        ("UPDATE rl_policy SET count = 'many' WHERE id = 2", "count is `many`"),
        ("UPDATE rl_policy SET total_reward = total_reward + 5 WHERE id = 2", "total_reward is"),
        ("UPDATE rl_policy SET mean_value = 0.1 WHERE id = 2", "mean_value is 0.1"),
        ("UPDATE rl_policy SET action = 'BUY' WHERE id = 2", "action is `BUY`, expected is one of HOLD"),
        ("UPDATE rl_policy SET regime = 'SIDEWAYS' WHERE id = 2", "regime is `SIDEWAYS`"),
        ("UPDATE rl_policy SET regime = 'RANGE' WHERE id = 2", "the row is of RANGE"),
        (
            "UPDATE rl_policy SET state_hash = 'c0ffee000000' WHERE id = 2",
            "no state is known by the name `c0ffee000000`",
        ),
        ("UPDATE rl_policy SET updated_at = 'yesterday' WHERE id = 2", "updated_at is `yesterday`"),
        ("UPDATE rl_policy SET state_hash = X'FF00' WHERE id = 2", "bytes that are no text"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let db = python_database(&folder.path().join("trading.db"));
        db.execute_batch(fault).unwrap();
        drop(db);
        let before = files(folder.path());
        let output = import(folder.path(), &["--yes", "--json"]);
        assert_eq!(output.status.code(), Some(1), "{fault}");
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let refused = report["staged"]["refused"].as_array().unwrap();
        assert_eq!(refused.len(), 1, "{fault}: {refused:?}");
        assert_eq!((&refused[0]["table"], &refused[0]["rowid"]), (&"rl_policy".into(), &2.into()), "{fault}");
        let said = refused[0]["why"].as_str().unwrap();
        assert!(said.contains(why), "{fault}: {said}");
        assert_eq!(report["done"], false);
        assert_eq!(files(folder.path()), before, "{fault}");
    }
}

#[test]
fn bad_rows_of_the_history_are_left_out_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let db = python_database(&folder.path().join("trading.db"));
    db.execute_batch(
        "UPDATE capital_state SET final_contracts = 12 WHERE id = 2;
         UPDATE scalp_events SET exit_price = NULL WHERE id = 2;
         UPDATE rl_events SET reward = 1.5 WHERE id = 2;
         UPDATE policy_snapshots SET policy_data = '{' WHERE id = 1;
         UPDATE rl_report_log SET report_date = '02/03/2026' WHERE id = 1;",
    )
    .unwrap();
    let said = succeeded(&import(folder.path(), &["--yes"]));
    for why in ["10 base and 1 extra are not", "has an exit_price", "reward is 1.5", "expected is JSON", "`02/03/2026`"]
    {
        // The table breaks lines.
        let flat = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(why), "{why}: {said}");
    }
    let new = Connection::open(folder.path().join("new.sqlite")).unwrap();
    for (table, kept) in [("capital_state", 2), ("scalp_events", 1), ("rl_events", 2), ("policy_snapshots", 0)] {
        let rows = cells(&new, &format!("imported_{table}"));
        assert_eq!(rows.len(), kept, "{table}");
        let good: Vec<_> = cells(&db, table).into_iter().filter(|row| rows.contains(row)).collect();
        assert_eq!(rows, good, "{table}");
    }
}

#[test]
fn a_map_says_the_states_that_no_formula_makes() {
    let folder = tempfile::tempdir().unwrap();
    let db = python_database(&folder.path().join("trading.db"));
    // As Python's own hash() would: of no use after the process has ended.
    let first = states().next().unwrap();
    db.execute("UPDATE rl_policy SET state_hash = '-6510421947093482719' WHERE state_hash = ?", [name(first)]).unwrap();
    let output = import(folder.path(), &["--yes"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("no known formula makes -6510421947093482719: say them with --map"), "{said}");

    let map = |content: &str| std::fs::write(folder.path().join("states.csv"), content).unwrap();
    for (content, why) in [
        (
            "hash,state\n-6510421947093482719,TREND_UP|25:00|HIGH|LOW\n",
            "states.csv:2: `TREND_UP|25:00|HIGH|LOW` is no state",
        ),
        ("-6510421947093482719\n", "states.csv:1: it has 1 cells"),
        ("x,TREND_UP|14:00|HIGH|LOW\nx,RANGE|14:00|HIGH|LOW\n", "states.csv:2: x stood in a line before"),
    ] {
        map(content);
        let output = import(folder.path(), &["--yes", "--map", "states.csv"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(why), "{}", text(&output.stderr));
    }
    map(&format!("hash,state\n-6510421947093482719,{first}\n"));
    succeeded(&import(folder.path(), &["--yes", "--map", "states.csv"]));
    let new = Connection::open(folder.path().join("new.sqlite")).unwrap();
    let served: i64 = new
        .query_row("SELECT count(*) FROM rl_policy WHERE state_hash = ?", [first.to_hash().to_string()], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(served, 2, "two of its three arms had learned");
}

#[test]
fn the_time_it_goes_on_from_is_that_of_the_last_row() {
    let folder = tempfile::tempdir().unwrap();
    python_database(&folder.path().join("trading.db"));
    for (zone, now) in [("America/Sao_Paulo", "2026-03-06T20:41:00.000250Z"), ("UTC", "2026-03-06T17:41:00.000250Z")] {
        let zone = format!("TRADING_TIMEZONE={zone}");
        succeeded(&import(folder.path(), &["--yes", "--set", &zone]));
        let said = succeeded(&alavanca(folder.path(), &["policy", "show", "--db", "new.sqlite"]));
        assert!(said.contains(now), "{said}");
        std::fs::remove_file(folder.path().join("new.sqlite")).unwrap();
    }
}

#[test]
fn what_is_no_python_database_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let check = |arguments: &[&str], code: i32, said: &str| {
        let output = alavanca(folder.path(), &[&["db", "import-python"], arguments].concat());
        let err = text(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0), "{arguments:?}: {err}");
        assert!(err.contains(said), "{arguments:?}: {err}");
        assert!(!folder.path().join("new.sqlite").exists());
    };
    python_database(&folder.path().join("trading.db"));
    std::fs::write(folder.path().join("text.db"), "no database").unwrap();
    Connection::open(folder.path().join("other.db")).unwrap().execute_batch("CREATE TABLE t (id)").unwrap();
    let old = Connection::open(folder.path().join("old.db")).unwrap();
    old.execute_batch("CREATE TABLE rl_policy (id INTEGER PRIMARY KEY, regime TEXT, state_hash TEXT)").unwrap();
    let no_symbol = Connection::open(folder.path().join("nosymbol.db")).unwrap();
    no_symbol.execute_batch(SCHEMA).unwrap();
    let to = ["--db", "new.sqlite", "--yes"];
    check(&[&["missing.db"], &to[..]].concat(), 1, "missing.db is not there, or is empty");
    check(&[&["text.db"], &to[..]].concat(), 1, "is not a database");
    check(&[&["other.db"], &to[..]].concat(), 1, "has none of the tables rl_policy, capital_state");
    check(&[&["old.db"], &to[..]].concat(), 1, "without the columns action, alpha, beta");
    check(&[&["nosymbol.db"], &to[..]].concat(), 2, "--symbol WIN");
    check(&["trading.db", "--db", "trading.db"], 2, "is there already");
    check(&["trading.db", "--db", "no/folder/new.sqlite", "--yes"], 1, "no/folder/new.sqlite");
    check(&[&["trading.db", "--set", "RL_POLICY_SCOPE=SYMBOL"], &to[..]].concat(), 2, "RL_POLICY_SCOPE=SHARED");
    check(&[&["trading.db", "--map", "none.csv"], &to[..]].concat(), 1, "none.csv");

    succeeded(&alavanca(
        folder.path(),
        &["db", "import-python", "nosymbol.db", "--db", "e.sqlite", "--symbol", "WIN", "--yes"],
    ));
    check(&[&["e.sqlite"], &to[..]].concat(), 1, "is a database of Alavanca");
}
