//! The binary as it is: the same command gives the same bytes, a killed run goes on where it was, and what stands in
//! the tables agrees with itself and with the summary.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use alavanca::builder::tally;
use alavanca::settings::Settings;
use alavanca_adapters_sqlite::{RunReader, Selection};
use alavanca_kernel::Instrument;
use rusqlite::Connection;
use serde_json::Value;

/// Loose layers and small batches, so that extras, rollbacks and freezes happen within a few days.
const SETTINGS: [&str; 12] = [
    "REALAVANCAGEM_MIN_GLOBAL_CONF=0",
    "REALAVANCAGEM_REQUIRE_PROFIT_TODAY=false",
    "REALAVANCAGEM_MIN_LIQUIDITY=0",
    "REALAVANCAGEM_MAX_DISAGREEMENT=1",
    "REALAVANCAGEM_ALLOWED_REGIMES=TREND_UP,TREND_DOWN,RANGE,HIGH_VOL,EXHAUSTION",
    "REALAVANCAGEM_FORBIDDEN_MODES=CHAOTIC",
    "REALAVANCAGEM_MAX_EXTRA_CONTRACTS=3",
    "RL_UPDATE_BATCH_SIZE=3",
    "RL_BASELINE_TRADES=6",
    "RL_FREEZE_WINDOW=6",
    "RISK_DAILY_LOSS_LIMIT_BRL=2000",
    "RECORD_EVERY_BAR=true",
];

/// The binary in a folder of its own, with nothing of this machine's settings.
fn alavanca(folder: &Path, days: u32, extra: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_alavanca"));
    command.current_dir(folder).env_clear().args(["backtest", "--seed", "7"]);
    let days = format!("SYNTHETIC_DAYS={days}");
    for setting in SETTINGS.iter().copied().chain([days.as_str()]) {
        command.args(["--set", setting]);
    }
    command.args(extra);
    command
}

fn run(folder: &Path, days: u32, extra: &[&str]) -> Output {
    let output = alavanca(folder, days, extra).output().unwrap();
    assert!(output.status.success(), "{extra:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Every row of every table, in order.
fn dump(database: &Path) -> BTreeMap<String, Vec<String>> {
    let db = Connection::open(database).unwrap();
    let names = strings(&db, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name");
    let rows = |name: &String| {
        let mut statement = db.prepare(&format!("SELECT * FROM {name}")).unwrap();
        let columns = statement.column_count();
        let text = |row: &rusqlite::Row<'_>| {
            Ok((0..columns).map(|n| format!("{:?}", row.get_ref(n).unwrap())).collect::<Vec<_>>().join("|"))
        };
        // When the schema was made is of the machine, not of the run.
        let applied_at = name == "seaql_migrations";
        let rows: Vec<String> = statement.query_map([], text).unwrap().map(Result::unwrap).collect();
        if applied_at { vec![rows.len().to_string()] } else { rows }
    };
    names.iter().map(|name| (name.clone(), rows(name))).collect()
}

fn strings(db: &Connection, sql: &str) -> Vec<String> {
    let mut statement = db.prepare(sql).unwrap();
    statement.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap).collect()
}

fn count(db: &Connection, sql: &str) -> i64 {
    db.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[track_caller]
fn check_same(what: &str, got: &BTreeMap<String, Vec<String>>, wanted: &BTreeMap<String, Vec<String>>) {
    assert_eq!(got.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "{what}");
    for (name, wanted) in wanted {
        let got = &got[name];
        let differs = got.iter().zip(wanted).position(|(got, wanted)| got != wanted);
        assert_eq!(differs.map(|n| (&got[n], &wanted[n])), None, "{what}: {name}");
        assert_eq!(got.len(), wanted.len(), "{what}: rows of {name}");
    }
}

#[test]
fn the_same_command_gives_the_same_bytes() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [first, second] = folders.each_ref().map(|folder| run(folder.path(), 20, &["--db", "run.db", "--json"]));
    assert!(!first.stdout.is_empty());
    assert_eq!(first.stdout, second.stdout);
    let [first, second] = folders.each_ref().map(|folder| dump(&folder.path().join("run.db")));
    check_same("again", &second, &first);
    let full =
        ["decisions", "trades", "scalps", "evidence", "policy_events", "rl_policy", "capital_state", "snapshots"];
    for table in full {
        assert!(!first[table].is_empty(), "{table} is empty, and shows nothing");
    }

    // Other settings are another run: the comparison sees it.
    let other = tempfile::tempdir().unwrap();
    run(other.path(), 20, &["--db", "run.db", "--set", "EMA_TREND_STOP_ATR=3.5"]);
    assert_ne!(dump(&other.path().join("run.db"))["trades"], first["trades"]);
}

/// What the run said is what its database says, record by record.
#[test]
fn a_tally_of_the_database_is_the_tally_of_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let report = run(folder.path(), 40, &["--db", "run.db", "--json", "--without-level4"]);
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    for part in ["decisions", "blocked", "exits", "extras", "scalps", "learning", "risk", "orders"] {
        assert!(
            report["gate"][part] != Value::Null && report["gate"][part] != serde_json::json!({}),
            "{part} is empty"
        );
    }
    let learning = &report["gate"]["learning"];
    assert!(learning["rollbacks"].as_u64() > Some(0) && learning["snapshots"].as_u64() > Some(0), "{learning}");

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let summary = runtime.block_on(async {
        let reader = RunReader::open(&folder.path().join("run.db")).await.unwrap();
        let win = Instrument::preset("WIN").unwrap();
        let mut tally = tally(&Settings::default(), &win).unwrap();
        reader.each_record(&Selection::default(), &mut |record| tally.observe(&record)).await.unwrap();
        tally.summary()
    });
    // Through text, as the binary's: a float is read back as it was written.
    let summary: Value = serde_json::from_str(&serde_json::to_string(&summary).unwrap()).unwrap();
    assert_eq!(summary, report["gate"]);
}

/// SQLite's side files go with the last who asks.
#[test]
fn questions_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), 3, &["--db", "run.db"]);
    let names = || {
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let before = names();
    let questions =
        [&["stats", "policy"][..], &["explain", "--last"], &["decisions"], &["policy", "show"], &["export", "trades"]];
    // Which of two threads is done first is chance: so more than once.
    for question in questions.iter().cycle().take(40) {
        let mut asked = Command::new(env!("CARGO_BIN_EXE_alavanca"));
        let output = asked.current_dir(folder.path()).args(*question).args(["--db", "run.db"]).output().unwrap();
        assert!(output.status.success(), "{question:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(names(), before, "{question:?}");
    }
}

#[test]
fn threads_change_nothing() {
    let runs = ["1", "2"].map(|threads| {
        let folder = tempfile::tempdir().unwrap();
        let output = run(folder.path(), 20, &["--db", "run.db", "--json", "--threads", threads]);
        (output.stdout, dump(&folder.path().join("run.db")))
    });
    assert_eq!(runs[0].0, runs[1].0);
    check_same("two threads", &runs[1].1, &runs[0].1);
}

/// Killed over and over at moments spread over the run, then left to end: the tables are those of a run that was left
/// alone.
#[test]
fn a_killed_run_goes_on_where_it_was() {
    const DAYS: u32 = 80;
    let alone = tempfile::tempdir().unwrap();
    let report = run(alone.path(), DAYS, &["--db", "run.db", "--json", "--without-level4"]);
    let wanted = dump(&alone.path().join("run.db"));
    let events = count(&Connection::open(alone.path().join("run.db")).unwrap(), "SELECT cursor FROM engine_state");

    for round in 0..3_i64 {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("run.db");
        let (mut killed, mut stored) = (0, 0);
        for nth in 0..5_i64 {
            let args: &[&str] = if database.exists() {
                &["--db", "run.db", "--json", "--without-level4", "--resume"]
            } else {
                &["--db", "run.db", "--json", "--without-level4"]
            };
            let mut child =
                alavanca(folder.path(), DAYS, args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            // Each goes further than the one before; how fast it gets there is the machine's affair.
            let far_enough = events * (10 + 17 * nth + 5 * round) / 100;
            while child.try_wait().unwrap().is_none() && cursor(&database) < far_enough {
                std::thread::sleep(Duration::from_millis(3));
            }
            killed += u32::from(kill(&mut child));
            let now = cursor(&database);
            assert!(now >= stored, "what was stored stays");
            stored = now;
        }
        assert!(killed >= 2, "only {killed} runs were killed");
        let last = run(folder.path(), DAYS, &["--db", "run.db", "--json", "--without-level4", "--resume"]);
        check_same(&format!("round {round}"), &dump(&database), &wanted);
        let figures = |output: &Output| serde_json::from_slice::<Value>(&output.stdout).unwrap()["gate"].clone();
        assert_eq!(figures(&last), figures(&report));
    }
}

/// Ctrl-C ends a run with what was done stored and shown, and it can be gone on with as if nothing had been.
#[cfg(unix)]
#[test]
fn an_interrupted_run_is_stored_shown_and_gone_on_with() {
    const DAYS: u32 = 100;
    let (alone, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let stored = ["--db", "run.db", "--json"];
    run(alone.path(), DAYS, &stored);
    let database = folder.path().join("run.db");
    let report = interrupt(alavanca(folder.path(), DAYS, &stored), &database);
    let bars = report["counts"]["bars"].as_i64().unwrap();
    assert_eq!(report["counts"]["interrupted"], true);
    assert_eq!(report["level4"], Value::Null, "another span is no comparison");
    assert!(report["notes"].to_string().contains("go on with --db run.db --resume"), "{}", report["notes"]);
    let db = Connection::open(&database).unwrap();
    assert_eq!(count(&db, "SELECT cursor FROM engine_state"), bars, "all that was run is stored");
    assert_eq!(count(&db, "SELECT count(*) FROM trades"), report["gate"]["trades"].as_i64().unwrap());
    drop(db);

    run(folder.path(), DAYS, &["--db", "run.db", "--json", "--resume"]);
    check_same("interrupted", &dump(&database), &dump(&alone.path().join("run.db")));
}

/// Of several profiles, the run that was broken off is what is shown, as JSON where that was asked for.
#[cfg(unix)]
#[test]
fn of_several_profiles_the_interrupted_one_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let asked = ["--profile", "balanced", "--profile", "aggressive", "--db", "run.db", "--json"];
    let report = interrupt(alavanca(folder.path(), 100, &asked), &folder.path().join("run.balanced.db"));
    assert_eq!(report["counts"]["interrupted"], true);
    assert!(report["notes"].to_string().contains("--db run.balanced.db --resume"), "{}", report["notes"]);
    assert!(!folder.path().join("run.aggressive.db").exists(), "the others did not begin");
}

/// Sends Ctrl-C once something is stored; the JSON that is then shown.
#[cfg(unix)]
fn interrupt(mut command: Command, database: &Path) -> Value {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    while cursor_if_readable(database).is_none_or(|cursor| cursor == 0) {
        assert!(Instant::now() < deadline, "nothing was stored");
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let (shown, said) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.starts_with("interrupted: "), "{said}");
    serde_json::from_str(&shown).unwrap()
}

#[cfg(unix)]
fn cursor_if_readable(database: &Path) -> Option<i64> {
    let db = database.exists().then(|| Connection::open(database).ok())??;
    db.query_row("SELECT cursor FROM engine_state", [], |row| row.get(0)).ok()
}

/// Events that are stored; 0 before the first commit, when there are no tables yet.
fn cursor(database: &Path) -> i64 {
    if !database.exists() {
        return 0;
    }
    let Ok(db) = Connection::open(database) else { return 0 };
    db.busy_timeout(Duration::from_secs(5)).unwrap();
    db.query_row("SELECT cursor FROM engine_state", [], |row| row.get(0)).unwrap_or(0)
}

/// SIGKILL. Whether it still ran.
fn kill(child: &mut Child) -> bool {
    let ran = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    ran
}

#[test]
fn a_stored_run_is_not_overwritten_and_not_mixed() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), 3, &["--db", "run.db"]);
    let before = dump(&folder.path().join("run.db"));
    for (days, extra) in [(3, &["--db", "run.db"][..]), (4, &["--db", "run.db", "--resume"][..])] {
        let refused = alavanca(folder.path(), days, extra).output().unwrap();
        assert_eq!(refused.status.code(), Some(1), "{extra:?}");
    }
    run(folder.path(), 3, &["--db", "run.db", "--resume"]);
    check_same("refused and resumed", &dump(&folder.path().join("run.db")), &before);
}

#[test]
fn the_tables_agree_with_each_other_and_with_the_summary() {
    let folder = tempfile::tempdir().unwrap();
    let report: Value = serde_json::from_slice(&run(folder.path(), 60, &["--db", "run.db", "--json"]).stdout).unwrap();
    let (gate, db) = (&report["gate"], Connection::open(folder.path().join("run.db")).unwrap());
    let figure = |name: &str| gate[name].as_i64().unwrap();

    let rows = [
        ("trades", "SELECT count(*) FROM trades"),
        ("decisions", "SELECT count(*) FROM decisions"),
        ("wins", "SELECT count(*) FROM trades WHERE net > 0"),
        ("days", "SELECT count(*) FROM days"),
    ];
    for (name, sql) in rows {
        assert_eq!(count(&db, sql), figure(name), "{name}");
    }
    for (name, sql) in [
        ("net", "SELECT sum(net) FROM trades"),
        ("gross", "SELECT sum(gross) FROM trades"),
        ("costs", "SELECT sum(costs) FROM trades"),
        ("net", "SELECT sum(net) FROM days"),
    ] {
        let cents = (gate[name].as_f64().unwrap() * 100.0).round() as i64;
        assert_eq!(count(&db, sql), cents, "{name}: {sql}");
    }
    assert_eq!(count(&db, "SELECT count(*) FROM fills"), gate["orders"]["fills"].as_i64().unwrap());
    assert_eq!(count(&db, "SELECT count(*) FROM orders"), gate["orders"]["sent"].as_i64().unwrap());
    assert_eq!(
        count(&db, "SELECT count(*) FROM evidence WHERE applied"),
        gate["learning"]["learned"].as_i64().unwrap()
    );

    // Each of these finds what must not be.
    for (rule, sql) in [
        (
            "an opened scalp has exactly one end",
            "SELECT count(*) FROM (SELECT 1 FROM scalps GROUP BY trade HAVING sum(kind = 'OPENED') <> 1
             OR sum(kind NOT IN ('OPENED', 'PROTECTED')) <> 1)",
        ),
        (
            "final = base + extra",
            "SELECT count(*) FROM capital_state WHERE final_contracts <> base_contracts + extra_contracts",
        ),
        ("a row of capital_state for every bar", "SELECT (SELECT count(*) FROM capital_state) < 60 * 500"),
        (
            "a trade comes from its decision",
            "SELECT count(*) FROM trades t LEFT JOIN decisions d ON d.trade = t.id WHERE d.id IS NOT t.decision",
        ),
        ("HOLD begins no trade", "SELECT count(*) FROM decisions WHERE (action = 'HOLD') <> (trade IS NULL)"),
        (
            "no more is entered than was decided",
            "SELECT count(*) FROM trades t JOIN decisions d ON d.trade = t.id WHERE t.base > d.base OR t.extra > d.extra",
        ),
        (
            "what was opened was closed",
            "SELECT count(*) FROM (SELECT 1 FROM fills GROUP BY trade, role
             HAVING sum(CASE intent WHEN 'OPEN' THEN quantity ELSE -quantity END) <> 0)",
        ),
        ("nothing stays open", "SELECT count(*) FROM positions WHERE open <> 0"),
        ("net is gross less costs", "SELECT count(*) FROM trades WHERE net <> gross - costs"),
        (
            "a trade is the sum of its legs",
            "SELECT count(*) FROM trades t WHERE t.net <> (SELECT sum(gross - costs) FROM positions p WHERE p.trade = t.id)",
        ),
        (
            "a trade is learned from once, and only a trade",
            "SELECT count(*) FROM evidence e LEFT JOIN trades t ON t.id = e.trade WHERE t.id IS NULL OR t.net <> e.net",
        ),
        (
            "only an extra that was filled is a scalp",
            "SELECT count(*) FROM trades t WHERE (t.extra > 0) <> EXISTS (SELECT 1 FROM scalps s WHERE s.trade = t.id)",
        ),
        (
            "a closed scalp's result is its leg's",
            "SELECT count(*) FROM scalps s JOIN trades t ON t.id = s.trade
             WHERE s.kind NOT IN ('OPENED', 'PROTECTED', 'HANDED_OVER') AND s.net <> t.extra_net",
        ),
        (
            "the specification's events are ours",
            "SELECT (SELECT count(*) FROM scalp_events) <> (SELECT count(*) FROM scalps)",
        ),
    ] {
        assert_eq!(count(&db, sql), 0, "{rule}");
    }
    assert!(count(&db, "SELECT count(*) FROM scalps") > 20, "enough scalps to speak of");
    check_policy(&db);
}

/// Alpha less the prior, beta less the prior, count: by state and action.
type Arms = BTreeMap<(String, String), (i64, i64, i64)>;

/// The served policy is the fold of the one ordered log: evidence moves an arm, a rollback brings its regime back to
/// what it was when the snapshot was taken.
fn check_policy(db: &Connection) {
    let mut statement = db
        .prepare(
            "SELECT e.seq, 'EVIDENCE', d.regime, e.state, e.action, e.reward, e.applied
             FROM evidence e JOIN trades t ON t.id = e.trade JOIN decisions d ON d.id = t.decision
             UNION ALL SELECT seq, kind, coalesce(regime, ''), detail, '', 0, 0 FROM policy_events ORDER BY 1",
        )
        .unwrap();
    type Row = (String, String, String, String, i64, bool);
    let read = |row: &rusqlite::Row<'_>| -> rusqlite::Result<Row> {
        Ok((row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?))
    };
    let log: Vec<Row> = statement.query_map([], read).unwrap().map(Result::unwrap).collect();
    let mut served: BTreeMap<String, Arms> = BTreeMap::new();
    let mut snapshots: BTreeMap<String, Arms> = BTreeMap::new();
    let mut rollbacks = 0;
    for (kind, regime, text, action, reward, applied) in log {
        let snapshot = || serde_json::from_str::<Value>(&text).unwrap()["snapshot"].as_str().unwrap().to_owned();
        let arms = served.entry(regime).or_default();
        match kind.as_str() {
            "EVIDENCE" if applied => {
                let (won, lost, learned) = arms.entry((text.clone(), action)).or_default();
                *won += i64::from(reward > 500_000);
                *lost += i64::from(reward < 500_000);
                *learned += 1;
            }
            "SNAPSHOT" => {
                snapshots.insert(snapshot(), arms.clone());
            }
            "ROLLED_BACK" => {
                rollbacks += 1;
                *arms = snapshots[&snapshot()].clone();
            }
            _ => {}
        }
    }
    assert!(rollbacks > 0, "no rollback to speak of");
    let folded: BTreeMap<(String, String, String), (i64, i64, i64)> = served
        .into_iter()
        .flat_map(|(regime, arms)| {
            arms.into_iter().map(move |((state, action), arm)| ((regime.clone(), state, action), arm))
        })
        .collect();
    let mut statement =
        db.prepare("SELECT regime, state_hash, action, alpha - 1.0, beta - 1.0, count FROM rl_policy").unwrap();
    let read = |row: &rusqlite::Row<'_>| -> rusqlite::Result<_> {
        let key: (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok((key, (row.get::<_, f64>(3)?.round() as i64, row.get::<_, f64>(4)?.round() as i64, row.get::<_, i64>(5)?)))
    };
    let stored: BTreeMap<_, _> = statement.query_map([], read).unwrap().map(Result::unwrap).collect();
    assert!(!stored.is_empty());
    assert_eq!(stored, folded);
}

#[test]
fn a_bad_file_is_refused_with_its_counts() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n".to_owned();
    for minute in 0..50 {
        let high = if minute % 10 == 3 { 90 } else { 110 };
        writeln!(text, "2021.03.01\t10:{minute:02}:00\t100\t{high}\t95\t105\t10\t10\t5").unwrap();
    }
    std::fs::write(folder.path().join("win.csv"), text).unwrap();
    let refused = alavanca(folder.path(), 1, &["--data", "win.csv", "--db", "run.db"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(3));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("5 of 50 rows (10.0 %)") && said.contains("ohlc_broken 5"), "{said}");
    assert!(!folder.path().join("run.db").exists(), "a refused file leaves nothing behind");

    let accepted = run(folder.path(), 1, &["--data", "win.csv", "--json", "--accept-faults", "10"]);
    let report: Value = serde_json::from_slice(&accepted.stdout).unwrap();
    assert_eq!((&report["counts"]["bars"], &report["source"]["faulty"]), (&Value::from(45), &Value::from(5)));
}
