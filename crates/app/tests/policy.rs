//! The policy at hand, by the binary on real databases: what is shown, taken out, put in, gone back to; and that an
//! engine goes on from whatever was done.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use alavanca::builder::{Gating, build};
use alavanca::policy::{PolicyDb, PolicyFile, read_file};
use alavanca::settings::{LoadRequest, Loaded, load};
use alavanca::simulation::{Simulation, Sink};
use alavanca_adapters_sqlite::{PolicyFacts, RunReader, Selection, SqliteStore, check};
use alavanca_engine::{Notice, PolicyEvent, PolicyEventKind, Record, Restored};
use alavanca_kernel::{Regime, SymbolId, Timestamp};
use alavanca_ports::Store;
use alavanca_rl::{Policy, RlConfig, RlSettings, ThompsonSampling};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Small batches and a loose loss limit, and no freeze but the operator's, so that much is learned and rolled back within a few days.
const SETTINGS: [&str; 7] = [
    "RL_UPDATE_BATCH_SIZE=3",
    "RL_BASELINE_TRADES=6",
    "RL_FREEZE_WINDOW=6",
    "RL_FREEZE_THRESHOLD=0.7",
    "RL_ROLLBACK_REWARD=0.3",
    "RISK_DAILY_LOSS_LIMIT_BRL=100000",
    "SYNTHETIC_DAYS=40",
];

fn alavanca(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_alavanca"));
    command.current_dir(folder).env_clear().args(arguments).output().unwrap()
}

fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = alavanca(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What a command that fails says, with its exit code.
fn refused(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = alavanca(folder, arguments);
    assert!(!output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn backtest<'a>(db: &'a str, seed: &'a str, extra: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["backtest", "--without-level4", "--db", db, "--seed", seed];
    arguments.extend(SETTINGS.iter().flat_map(|setting| ["--set", *setting]));
    arguments.extend(extra);
    arguments
}

/// A folder with a run of each of these seeds, `1.db` and so on.
fn trained(seeds: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for seed in seeds {
        done(folder.path(), &backtest(&format!("{seed}.db"), seed, &[]));
    }
    folder
}

/// Every row of every table, in order.
fn dump(database: &Path) -> BTreeMap<String, Vec<String>> {
    let db = Connection::open_with_flags(database, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let names = strings(&db, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name");
    let rows = |name: &String| {
        let mut statement = db.prepare(&format!("SELECT * FROM {name}")).unwrap();
        let columns = statement.column_count();
        let text = |row: &rusqlite::Row<'_>| {
            Ok((0..columns).map(|n| format!("{:?}", row.get_ref(n).unwrap())).collect::<Vec<_>>().join("|"))
        };
        statement.query_map([], text).unwrap().map(Result::unwrap).collect()
    };
    names.iter().map(|name| (name.clone(), rows(name))).collect()
}

fn strings(db: &Connection, sql: &str) -> Vec<String> {
    let mut statement = db.prepare(sql).unwrap();
    statement.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap).collect()
}

fn policy_log(database: &Path) -> Vec<String> {
    let db = Connection::open(database).unwrap();
    strings(&db, "SELECT kind || ' ' || coalesce(regime, '') || ' ' || detail FROM policy_events ORDER BY seq")
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn settings(seed: &str) -> Loaded {
    let set = SETTINGS.iter().map(|setting| setting.split_once('=').unwrap());
    let mut flags: BTreeMap<String, String> = set.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    flags.insert("RL_SEED".to_owned(), seed.to_owned());
    load(&LoadRequest { flags, ..LoadRequest::default() }).unwrap()
}

/// What a restarted engine gets, and the engine that goes on from it.
fn restarted(database: &Path, seed: &str) -> (Restored, Simulation) {
    let restored = runtime().block_on(async {
        let mut store = SqliteStore::open_existing(database).await.unwrap();
        let restored = store.restore().await.unwrap().unwrap();
        store.close().await.unwrap();
        restored
    });
    let settings = settings(seed).settings;
    let mut built = build(&settings, &settings.instrument("WIN").unwrap(), Gating::AsConfigured).unwrap();
    built.engine.restore(restored.clone()).unwrap();
    (restored, Simulation::new(built.engine, built.exchange, built.fill))
}

#[derive(Default)]
struct Kept(Vec<Record>);

impl Sink for Kept {
    fn record(&mut self, record: Record) {
        self.0.push(record);
    }
    fn notice(&mut self, _: Notice) {}
}

fn policy_of(file: &PolicyFile) -> Vec<alavanca::policy::RegimeArms> {
    file.regimes.clone()
}

#[test]
fn the_same_policy_is_the_same_bytes_and_comes_back_as_it_was() {
    let folder = trained(&["1"]);
    let folder = folder.path();
    let text = done(folder, &["policy", "export", "--db", "1.db"]);
    assert_eq!(text, done(folder, &["policy", "export", "--db", "1.db"]));
    done(folder, &["policy", "export", "--db", "1.db", "--out", "p.json"]);
    assert_eq!(text, std::fs::read_to_string(folder.join("p.json")).unwrap());
    let file = read_file(&folder.join("p.json")).unwrap();
    assert!(file.arms() > 10, "too little was learned to show anything: {}", file.arms());
    assert_eq!(file, PolicyDb::open(&folder.join("1.db")).unwrap().export(None));
    assert_eq!(file.to_text(), text, "what was read is written as it was");

    let before = dump(&folder.join("1.db"));
    let said = done(folder, &["policy", "import", "p.json", "--db", "1.db", "--yes"]);
    assert!(said.contains("nothing to do"), "{said}");
    assert_eq!(dump(&folder.join("1.db")), before);

    // One regime alone; layout and order of a hand-edited file without a digest do not matter.
    let range = done(folder, &["policy", "export", "--db", "1.db", "--regime", "RANGE"]);
    let mut range: Value = serde_json::from_str(&range).unwrap();
    assert_eq!(range["regimes"].as_array().unwrap().len(), 1);
    range.as_object_mut().unwrap().remove("digest");
    range["regimes"][0]["arms"].as_array_mut().unwrap().reverse();
    std::fs::write(folder.join("range.json"), serde_json::to_string_pretty(&range).unwrap()).unwrap();
    let said = done(folder, &["policy", "import", "range.json", "--db", "1.db", "--yes"]);
    assert!(said.contains("nothing to do"), "{said}");

    // Another file is not written over.
    std::fs::write(folder.join("notes.txt"), "keep me").unwrap();
    let (code, said) = refused(folder, &["policy", "export", "--db", "1.db", "--out", "notes.txt"]);
    assert_eq!((code, std::fs::read_to_string(folder.join("notes.txt")).unwrap().as_str()), (2, "keep me"), "{said}");
}

#[test]
fn an_engine_goes_on_from_an_import_a_rollback_and_a_freeze() {
    let folder = trained(&["1", "2"]);
    let folder = folder.path();
    let two = folder.join("2.db");
    done(folder, &["policy", "export", "--db", "1.db", "--out", "p.json"]);
    let imported = read_file(&folder.join("p.json")).unwrap();
    let served = PolicyDb::open(&two).unwrap().export(None);
    let untouched = dump(&two);

    // Shown first, and nothing is done.
    let said = done(folder, &["policy", "import", "p.json", "--db", "2.db"]);
    assert!(said.contains("nothing was changed yet") && said.contains("arms differ"), "{said}");
    assert_eq!(dump(&two), untouched);

    let arguments = ["policy", "import", "p.json", "--db", "2.db", "--yes", "--reason", "better on 1", "--json"];
    let report: Value = serde_json::from_str(&done(folder, &arguments)).unwrap();
    assert_eq!(report["done"], json!(true));
    let touched: Vec<&str> = report["regimes"].as_array().unwrap().iter().map(|r| r.as_str().unwrap()).collect();
    assert!(touched.len() >= 2, "{touched:?}");
    assert_eq!(policy_of(&PolicyDb::open(&two).unwrap().export(None)), policy_of(&imported));
    // Each touched regime can be gone back to: its snapshot holds what was served.
    for (id, regime) in report["snapshots"].as_array().unwrap().iter().zip(&touched) {
        let regime: Regime = regime.parse().unwrap();
        let (_, simulation) = restarted(&two, "2");
        let kept = simulation.engine().updater().rollback_to(id.as_str().unwrap()).unwrap().clone();
        let table: alavanca_rl::PolicyTable = serde_json::from_slice(&kept.policy).unwrap();
        let arms = served.regimes.iter().find(|of| of.regime == regime).unwrap().arms.len();
        assert_eq!((kept.regime, kept.milestone, table.rows.len()), (regime, true, arms));
    }
    let log = policy_log(&two);
    let event = log.iter().rev().find(|entry| entry.starts_with("IMPORTED")).unwrap();
    assert!(event.contains("better on 1") && event.contains(&imported.digest()), "{event}");
    assert!(done(folder, &["policy", "verify", "--db", "2.db"]).matches("ok ").count() == 5);

    check_sound(&two);
    let (restored, simulation) = restarted(&two, "2");
    check_served(&simulation, &imported);
    let baseline = |regime: &str| simulation.engine().updater().baseline_trades(regime.parse().unwrap());
    assert!(touched.iter().all(|regime| baseline(regime) == 0), "another policy's baseline starts anew");
    assert!(restored.checkpoint.policy_version > served.version);

    // Back to before it, bit for bit, in each regime.
    for id in report["snapshots"].as_array().unwrap() {
        done(folder, &["policy", "rollback", id.as_str().unwrap(), "--db", "2.db", "--yes"]);
    }
    assert_eq!(policy_of(&PolicyDb::open(&two).unwrap().export(None)), policy_of(&served));
    let (_, simulation) = restarted(&two, "2");
    check_served(&simulation, &served);
    let said = done(folder, &["policy", "rollback", report["snapshots"][0].as_str().unwrap(), "--db", "2.db", "--yes"]);
    assert!(said.contains("nothing to do"), "{said}");

    // Frozen with its reason; learned on, it takes nothing in there.
    done(folder, &["policy", "freeze", "TREND_UP", "--db", "2.db", "--yes", "--reason", "strike"]);
    let shown = done(folder, &["policy", "show", "--db", "2.db", "--regime", "TREND_UP"]);
    assert!(shown.contains("frozen since") && shown.contains("by the operator: strike"), "{shown}");
    check_sound(&two);
    learn_on(&two, "2");
    check_sound(&two);
    let after = PolicyDb::open(&two).unwrap().export(None);
    let arms = |of: &PolicyFile, regime| of.regimes.iter().find(|r| r.regime == regime).unwrap().arms.clone();
    assert_eq!(arms(&after, Regime::TrendUp), arms(&served, Regime::TrendUp), "frozen");
    assert_ne!(policy_of(&after), policy_of(&served), "the others learned on");
    assert!(done(folder, &["policy", "verify", "--db", "2.db"]).matches("ok ").count() == 5);
    done(folder, &["policy", "unfreeze", "TREND_UP", "--db", "2.db", "--yes", "--reason", "over"]);
    let (restored, simulation) = restarted(&two, "2");
    assert!(
        !simulation.engine().policy().is_frozen(Regime::TrendUp)
            && !restored.checkpoint.frozen.contains(Regime::TrendUp)
    );
    assert_eq!(simulation.engine().updater().baseline_trades(Regime::TrendUp), 0, "the baseline starts anew");
    assert!(done(folder, &["policy", "verify", "--db", "2.db"]).matches("ok ").count() == 5);
}

/// Everything that a check of the database looks at holds: pages, chains, tables, projections.
#[track_caller]
fn check_sound(database: &Path) {
    let policies = |reader: &RunReader| -> Vec<Box<dyn Policy>> {
        let PolicyFacts { scope, prior_alpha, prior_beta } = reader.policy_facts().unwrap();
        let settings = RlSettings { scope, prior_alpha, prior_beta, ..RlSettings::default() };
        vec![Box::new(ThompsonSampling::new(RlConfig::new(settings).unwrap()))]
    };
    let checked = runtime().block_on(check(database, None, policies, &mut |_| {})).unwrap();
    assert!(checked.is_sound(), "{checked:#?}");
}

/// The engine serves exactly the file.
#[track_caller]
fn check_served(simulation: &Simulation, file: &PolicyFile) {
    for table in file.tables(&["WIN".to_owned()]) {
        let served = simulation.engine().policy().export_table(table.regime);
        assert_eq!(served.rows, table.rows, "{}", table.regime);
    }
}

/// The restarted engine runs on over other days, and its records are stored.
fn learn_on(database: &Path, seed: &str) {
    let (restored, mut simulation) = restarted(database, seed);
    let mut kept = Kept::default();
    let from = restored.checkpoint.now.plus_secs(3 * 86_400);
    for bar in alavanca_bars(from) {
        simulation.on_bar(SymbolId::new(0), &bar, &mut kept);
    }
    let learned = kept.0.iter().filter(|record| matches!(record, Record::Learned(of) if of.applied)).count();
    assert!(learned > 0, "nothing was learned on");
    let mut records = kept.0;
    records.push(Record::Checkpoint(Box::new(simulation.engine_mut().take_checkpoint().unwrap())));
    runtime().block_on(async {
        let mut store = SqliteStore::open_existing(database).await.unwrap();
        let cursor = store.cursor().await.unwrap();
        store.commit(&records, cursor + 1).await.unwrap();
        store.close().await.unwrap();
    });
}

/// Bars of another synthetic market, moved to begin then.
fn alavanca_bars(from: Timestamp) -> Vec<alavanca_kernel::Bar> {
    use alavanca_adapters_sim::{SyntheticMarket, SyntheticSettings};
    let of = SyntheticSettings { seed: 99, days: 40, ..SyntheticSettings::default() };
    let instrument = alavanca_kernel::Instrument::preset("WIN").unwrap();
    let bars: Vec<_> = SyntheticMarket::new(of, &instrument).unwrap().collect();
    let days = from.secs_since(bars[0].time).div_euclid(7 * 86_400) + 1;
    bars.into_iter().map(|bar| alavanca_kernel::Bar { time: bar.time.plus_secs(days * 7 * 86_400), ..bar }).collect()
}

#[test]
fn a_bad_file_changes_nothing() {
    let folder = trained(&["1", "2"]);
    let folder = folder.path();
    done(folder, &["policy", "export", "--db", "1.db", "--out", "p.json"]);
    let good: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("p.json")).unwrap()).unwrap();
    let first = good["regimes"].as_array().unwrap().iter().position(|of| !of["arms"].as_array().unwrap().is_empty());
    let n = first.unwrap();
    let arm = |name: &str| format!("regimes[{n}].arms[0].{name}");
    let check = |change: &dyn Fn(&mut Value), places: &[&str], code: i32| {
        let mut bad = good.clone();
        bad.as_object_mut().unwrap().remove("digest");
        change(&mut bad);
        std::fs::write(folder.join("bad.json"), bad.to_string()).unwrap();
        let (rows, bytes) = (dump(&folder.join("2.db")), std::fs::read(folder.join("2.db")).unwrap());
        for yes in [&[][..], &["--yes"]] {
            let arguments = [&["policy", "import", "bad.json", "--db", "2.db"], yes].concat();
            let (got, said) = refused(folder, &arguments);
            assert_eq!(got, code, "{said}");
            for place in places {
                assert!(said.contains(place), "{place} is not in: {said}");
            }
        }
        assert_eq!(dump(&folder.join("2.db")), rows, "{places:?}");
        assert!(std::fs::read(folder.join("2.db")).unwrap() == bytes, "{places:?}: the file's bytes");
    };
    check(&|v| v["kind"] = json!("a policy"), &["kind: "], 1);
    check(&|v| v["schema"] = json!(2), &["schema: 2"], 1);
    check(&|v| v["more"] = json!(0), &["more: not known here"], 1);
    check(
        &|v| v["regimes"][n]["arms"][0]["alpha"] = json!(0.5),
        &[&arm("")[..arm("").len() - 1], "below the prior"],
        1,
    );
    check(&|v| v["regimes"][n]["arms"][0]["alpha"] = json!("many"), &[&arm("alpha"), "finite number"], 1);
    check(&|v| v["regimes"][n]["arms"][0]["alpha"] = json!(1.000_000_4), &[&arm("alpha"), "whole millionths"], 1);
    check(&|v| v["regimes"][n]["arms"][0]["count"] = json!(0), &["cannot have added"], 1);
    check(&|v| v["regimes"][n]["arms"][0]["count"] = json!(-1), &[&arm("count")], 1);
    check(&|v| v["regimes"][n]["arms"][0]["action"] = json!("SELL"), &[&arm("action"), "ENTER_CONSERVATIVE"], 1);
    check(&|v| v["regimes"][n]["arms"][0]["state"] = json!("RANGE|03:00|LOW|LOW"), &["the text says"], 1);
    check(&|v| v["regimes"][n]["arms"][0]["state_hash"] = json!("0000000000000000"), &["no state of"], 1);
    check(&|v| v["regimes"][n]["regime"] = json!("TRANSITION"), &[&format!("regimes[{n}].regime")], 1);
    check(
        &|v| {
            let twin = v["regimes"][n]["arms"][0].clone();
            v["regimes"][n]["arms"].as_array_mut().unwrap().push(twin);
        },
        &["listed twice"],
        1,
    );
    check(&|v| v["prior"]["beta"] = json!(0), &["prior: "], 1);
    check(&|v| v["digest"] = json!("00"), &["digest: ", "was changed"], 1);
    check(&|v| v["regimes"][n]["arms"][0]["symbol"] = json!("WIN"), &[&arm("symbol")], 1);
    // All of it at once.
    check(
        &|v| {
            v["version"] = json!(-3);
            v["regimes"][n]["arms"][0]["alpha"] = json!(0.5);
            v["regimes"][n]["arms"][1]["action"] = json!("BUY");
        },
        &["version: ", "below the prior", &format!("regimes[{n}].arms[1].action")],
        1,
    );
    // What the database's settings contradict is named by their keys.
    check(
        &|v| {
            v["prior"] = json!({"alpha": 0.5, "beta": 0.25});
            let arms =
                v["regimes"].as_array_mut().unwrap().iter_mut().flat_map(|of| of["arms"].as_array_mut().unwrap());
            for arm in arms {
                let less = |of: &Value, by: f64| json!(of.as_f64().unwrap() - by);
                (arm["alpha"], arm["beta"]) = (less(&arm["alpha"], 0.5), less(&arm["beta"], 0.75));
            }
        },
        &["RL_PRIOR_ALPHA", "RL_PRIOR_BETA"],
        2,
    );
    for (text, place) in
        [("", "line 1"), ("{\n \"kind\": 1e999}", "line 2"), ("[]", "expected an object"), ("{\"a\":\n", "line 2")]
    {
        std::fs::write(folder.join("bad.json"), text).unwrap();
        let (code, said) = refused(folder, &["policy", "import", "bad.json", "--db", "2.db", "--yes"]);
        assert!(code == 1 && said.contains(place), "{text}: {said}");
    }
}

#[test]
fn a_database_in_use_is_looked_at_and_not_changed() {
    let folder = trained(&["1"]);
    let folder = folder.path();
    let held = runtime().block_on(SqliteStore::open_existing(&folder.join("1.db"))).unwrap();
    done(folder, &["policy", "show", "--db", "1.db"]);
    done(folder, &["policy", "freeze", "RANGE", "--db", "1.db"]);
    let (code, said) = refused(folder, &["policy", "freeze", "RANGE", "--db", "1.db", "--yes"]);
    assert!(code == 1 && said.contains("in use by another engine"), "{said}");
    drop(held);
    done(folder, &["policy", "freeze", "RANGE", "--db", "1.db", "--yes"]);
}

#[test]
fn verify_names_the_row_that_is_wrong() {
    let folder = trained(&["1"]);
    let folder = folder.path();
    done(folder, &["policy", "freeze", "RANGE", "--db", "1.db", "--yes"]);
    let whole = std::fs::read(folder.join("1.db")).unwrap();
    for (damage, said) in [
        (
            "UPDATE rl_policy SET alpha = alpha + 1 WHERE id = (SELECT min(id) FROM rl_policy)",
            "is served, the log gives",
        ),
        (
            "UPDATE evidence SET reward = 1000000 - reward WHERE seq = (SELECT min(seq) FROM evidence WHERE applied)",
            "of the policy's log",
        ),
        ("UPDATE policy_events SET kind = 'THAWED', detail = '{\"kind\":\"thawed\"}' WHERE kind = 'FROZEN'", "WRONG"),
        (
            "UPDATE engine_state SET checkpoint = json_set(checkpoint, '$.policy_version', 3)",
            "the policy's version is 3, the log gives",
        ),
        ("UPDATE engine_state SET checkpoint = json_set(checkpoint, '$.frozen', 127)", "frozen are TREND_UP,"),
        (
            "UPDATE snapshots SET content = replace(content, '\\\"alpha\\\":2.0', '\\\"alpha\\\":0.5')",
            "below the prior",
        ),
        ("DELETE FROM snapshots WHERE seq = (SELECT max(seq) FROM snapshots)", "is missing"),
    ] {
        std::fs::write(folder.join("1.db"), &whole).unwrap();
        for beside in ["1.db-wal", "1.db-shm"] {
            let _ = std::fs::remove_file(folder.join(beside));
        }
        let db = Connection::open(folder.join("1.db")).unwrap();
        // The guards of the tables are not what is tried here.
        for trigger in strings(&db, "SELECT name FROM sqlite_schema WHERE type = 'trigger'") {
            db.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
        }
        let changed = db.execute(damage, []).unwrap();
        assert!(changed > 0, "{damage}: nothing was damaged");
        drop(db);
        let output = alavanca(folder, &["policy", "verify", "--db", "1.db"]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{damage}: {text}");
        assert!(text.contains(said), "{damage}: {text}");
    }
}

#[test]
fn a_resume_after_a_change_by_hand_says_so() {
    let folder = trained(&["1"]);
    let folder = folder.path();
    done(folder, &backtest("1.db", "1", &["--resume"]));
    done(folder, &["policy", "freeze", "CHAOTIC", "--db", "1.db", "--yes", "--reason", "no lessons"]);
    let (code, said) = refused(folder, &backtest("1.db", "1", &["--resume"]));
    assert!(code == 1 && said.contains("changed by hand") && said.contains("no lessons"), "{said}");
    assert!(!said.contains("does not agree"), "{said}");
}

#[test]
fn a_run_begins_with_a_policy_that_was_learned_elsewhere() {
    let folder = trained(&["1", "2"]);
    let folder = folder.path();
    done(folder, &["policy", "export", "--db", "1.db", "--out", "p.json"]);
    let file = read_file(&folder.join("p.json")).unwrap();
    let report = done(folder, &backtest("with.db", "2", &["--policy", "p.json", "--json"]));
    let report: Value = serde_json::from_str(&report).unwrap();
    let plain = PolicyDb::open(&folder.join("2.db")).unwrap().export(None);
    assert_ne!(report["run_id"], json!(plain.run_id), "the policy is part of the run's identity");
    assert!(report["notes"].to_string().contains("began with the policy of p.json"), "{}", report["notes"]);

    // Each decision before the first batch has the export's posteriors.
    let db = Connection::open(folder.join("with.db")).unwrap();
    let events: Vec<PolicyEvent> = runtime().block_on(async {
        let reader = RunReader::open(&folder.join("with.db")).await.unwrap();
        reader.policy_events(&Selection::default()).await.unwrap()
    });
    let first = &events[0];
    assert!(
        matches!(&first.kind, PolicyEventKind::Imported { digest, run_id }
            if *digest == file.digest() && *run_id == file.run_id),
        "{first:?}"
    );
    assert_eq!(first.by, alavanca_engine::ChangedBy::Start);
    let begun = file.regimes.iter().filter(|of| !of.arms.is_empty()).count();
    let version: i64 = db.query_row("SELECT policy_version FROM decisions WHERE id = 1", [], |row| row.get(0)).unwrap();
    assert_eq!(version, begun as i64);
    let mut statement = db.prepare("SELECT state, arms FROM decisions WHERE policy_version = ?1 ORDER BY id").unwrap();
    let decisions: Vec<(String, String)> =
        statement.query_map([version], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
    let mut learned = 0;
    for (state, arms) in &decisions {
        let arms: Vec<Value> = serde_json::from_str(arms).unwrap();
        for (arm, action) in arms.iter().zip(alavanca_kernel::Action::ALL) {
            let exported = file.regimes.iter().flat_map(|of| &of.arms);
            let exported = exported.clone().find(|of| of.state_hash.as_str() == state && of.action == action);
            let (alpha, beta, count) = exported.map_or((1.0, 1.0, 0), |of| (of.alpha, of.beta, of.count));
            assert_eq!((&arm["alpha"], &arm["beta"], &arm["count"]), (&json!(alpha), &json!(beta), &json!(count)));
            learned += usize::from(count > 0);
        }
    }
    assert!(learned > 0, "no decision before the first batch has an arm that was learned: it shows nothing");
    check_sound(&folder.join("with.db"));
    assert!(done(folder, &["policy", "verify", "--db", "with.db"]).matches("ok ").count() == 5);

    // It resumes with the same policy, and not without.
    let before = dump(&folder.join("with.db"));
    done(folder, &backtest("with.db", "2", &["--policy", "p.json", "--resume"]));
    assert_eq!(dump(&folder.join("with.db")), before);
    let (_, said) = refused(folder, &backtest("with.db", "2", &["--resume"]));
    assert!(said.contains("holds another run"), "{said}");

    for (setting, key) in [
        ("RL_PRIOR_ALPHA=2", "RL_PRIOR_ALPHA"),
        ("RL_PRIOR_BETA=1.5", "RL_PRIOR_BETA"),
        ("RL_POLICY_SCOPE=SYMBOL", "RL_POLICY_SCOPE"),
        ("RL_POLICY_ENABLED=false", "RL_POLICY_ENABLED"),
    ] {
        let (code, said) = refused(folder, &backtest("no.db", "2", &["--policy", "p.json", "--set", setting]));
        assert!(code == 2 && said.contains(key), "{said}");
        assert!(!folder.join("no.db").exists(), "{key}: a refused run leaves nothing behind");
    }
}

#[test]
fn symbols_have_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let scope = ["--set", "RL_POLICY_SCOPE=SYMBOL"];
    done(folder, &backtest("win.db", "1", &scope));
    done(folder, &["policy", "export", "--db", "win.db", "--out", "win.json"]);
    let file = read_file(&folder.join("win.json")).unwrap();
    assert!(file.regimes.iter().flat_map(|of| &of.arms).all(|arm| arm.symbol.as_deref() == Some("WIN")));
    done(folder, &backtest("other.db", "2", &[&scope[..], &["--policy", "win.json"]].concat()));
    assert!(done(folder, &["policy", "verify", "--db", "other.db"]).matches("ok ").count() == 5);
    let (code, said) =
        refused(folder, &backtest("wdo.db", "2", &[&scope[..], &["--policy", "win.json", "--symbol", "WDO"]].concat()));
    assert!(code == 2 && said.contains("arms of WIN, here is WDO"), "{said}");
}

#[test]
fn what_people_read() {
    let folder = trained(&["1", "2"]);
    let folder = folder.path();
    done(folder, &["policy", "export", "--db", "2.db", "--regime", "TREND_UP", "--out", "up.json"]);
    let mut text = String::new();
    let commands: [&[&str]; 15] = [
        &["show", "--db", "1.db", "--min-count", "2"],
        &["show", "--db", "1.db", "--state", "10:00 LOW"],
        &["show", "--db", "1.db", "--state", "03:00 LOW"],
        &["show", "--db", "1.db", "--state", "noon"],
        &["snapshots", "--db", "1.db", "--regime", "TREND_UP"],
        &["import", "up.json", "--db", "1.db"],
        &["import", "up.json", "--db", "1.db", "--yes", "--reason", "better on 2"],
        &["diff", "up.json", "served", "--db", "1.db"],
        &["snapshots", "--db", "1.db", "--regime", "TREND_UP"],
        &["freeze", "CHAOTIC", "--db", "1.db", "--yes", "--reason", "no lessons from this"],
        &["show", "--db", "1.db", "--regime", "CHAOTIC"],
        &["verify", "--db", "1.db"],
        &["diff", "TREND_UP-000001", "served"],
        &["rollback", "TREND_UP-999999", "--db", "1.db", "--yes"],
        &["verify", "--db", "nothing.db"],
    ];
    for command in commands {
        let output = alavanca(folder, &[&["policy"], command].concat());
        writeln!(text, "$ alavanca policy {}", command.join(" ")).unwrap();
        text.push_str(&String::from_utf8(output.stdout).unwrap());
        text.push_str(&String::from_utf8(output.stderr).unwrap());
        writeln!(text, "exit code {}\n", output.status.code().unwrap()).unwrap();
    }
    for line in text.lines().filter(|line| !line.starts_with("$ ") && !line.starts_with("error: ")) {
        assert!(line.chars().count() <= 100, "{line}");
    }
    insta::assert_snapshot!(text);
}
