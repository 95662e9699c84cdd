//! The store as a runner uses it: commits, restarts, kills, and what is in the tables afterwards.
#![allow(clippy::unwrap_used, reason = "tests and their helpers")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use alavanca_adapters_sqlite::{CapitalFacts, Durability, SqliteStore};
use alavanca_engine::Record;
use alavanca_kernel::Money;
use alavanca_ports::Store;
use alavanca_rl::PolicyScope;

use life::{assert_same, commit_all, config, dump, open, policy, steps};

mod life;

const STEPS: usize = 700;

async fn dumped(path: &Path, steps: &[life::Step], group: usize) -> Vec<(String, Vec<String>)> {
    let mut store = open(path).await;
    commit_all(&mut store, steps, group).await;
    store.close().await.unwrap();
    dump(path)
}

fn count(path: &Path, sql: &str) -> i64 {
    rusqlite::Connection::open(path).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn it_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let steps = steps(60, PolicyScope::Shared);
    // A day can be told again; an order cannot.
    let order =
        steps.iter().flat_map(|(records, _)| records).find(|record| matches!(record, Record::Order(_))).unwrap();
    let day =
        alavanca_engine::DayRecord { day: alavanca_kernel::TradingDay::from_days(1), net: Money::ZERO, equity: None };
    let refused = [Record::Day(day), order.clone()];
    for durability in [Durability::Live, Durability::Backtest] {
        let path = path.with_extension(format!("{durability:?}"));
        let open = async || SqliteStore::open(&path, config(durability)).await.unwrap();
        alavanca_ports::contracts::store::suite(open, &steps, &refused).await;
    }
}

#[tokio::test]
async fn groups_of_any_size_and_equal_runs_give_the_same_tables() {
    let folder = tempfile::tempdir().unwrap();
    let steps = steps(STEPS, PolicyScope::Shared);
    let expected = dumped(&folder.path().join("1.db"), &steps, 1).await;
    for table in ["capital_state", "scalp_events", "rl_policy", "rl_events", "policy_snapshots", "rl_report_log"] {
        let rows = &expected.iter().find(|(name, _)| name == table).unwrap().1;
        assert!(!rows.is_empty(), "the life leaves {table} empty and shows nothing of it");
    }
    for group in [7, 100, STEPS] {
        assert_same(&dumped(&folder.path().join(format!("{group}.db")), &steps, group).await, &expected);
    }
    let again = folder.path().join("again.db");
    // Into another second of the wall clock: none of it may be in the file.
    std::thread::sleep(Duration::from_millis(1_100));
    dumped(&again, &steps, 100).await;
    let bytes = |path: &Path| std::fs::read(path).unwrap();
    assert!(bytes(&again) == bytes(&folder.path().join("100.db")), "the same commits made another file");
}

#[tokio::test]
async fn what_is_restored_is_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let steps = steps(STEPS, PolicyScope::Shared);
    let mut store = open(&path).await;
    for (number, (records, restored)) in steps.iter().enumerate() {
        store.commit(records, number as u64 + 1).await.unwrap();
        if number % 97 == 0 {
            drop(store);
            store = open(&path).await;
            assert_eq!(store.restore().await.unwrap().as_ref(), Some(restored), "after step {number}");
        }
    }
}

/// Run by the test below in a process of its own, which is then killed.
#[tokio::test]
#[ignore = "the part of another test that is killed"]
async fn victim() {
    let Ok(path) = std::env::var("ALAVANCA_VICTIM") else { return };
    let group: usize = std::env::var("ALAVANCA_GROUP").unwrap().parse().unwrap();
    let steps = steps(STEPS, PolicyScope::Shared);
    let mut store = open(Path::new(&path)).await;
    let begin = store.cursor().await.unwrap() as usize;
    for (number, group) in steps[begin..].chunks(group).enumerate() {
        let records: Vec<Record> = group.iter().flat_map(|(records, _)| records.clone()).collect();
        let cursor = store.cursor().await.unwrap() + group.len() as u64;
        store.commit(&records, cursor).await.unwrap();
        println!("committed {number}");
    }
}

#[tokio::test]
async fn a_run_that_was_killed_ends_as_one_that_was_not() {
    let folder = tempfile::tempdir().unwrap();
    let steps = steps(STEPS, PolicyScope::Shared);
    let expected = dumped(&folder.path().join("whole.db"), &steps, 5).await;
    let path = folder.path().join("killed.db");
    let mut kills = 0;
    for round in 0..6_u64 {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "victim", "--ignored", "--nocapture"])
            .env("ALAVANCA_VICTIM", &path)
            .env("ALAVANCA_GROUP", (1 + 6 * (round % 2)).to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
        let seen = lines.map_while(Result::ok).filter(|line| line.starts_with("committed")).take(10).count();
        // In the midst of a commit, wherever it is by now.
        std::thread::sleep(Duration::from_micros(137 * round));
        victim.kill().unwrap();
        victim.wait().unwrap();
        kills += u64::from(seen == 10);
    }
    let mut store = open(&path).await;
    let cursor = store.cursor().await.unwrap() as usize;
    assert!(kills >= 3 && cursor > 0 && cursor < STEPS, "{kills} kills left it at step {cursor} of {STEPS}");
    assert_eq!(store.restore().await.unwrap().as_ref(), Some(&steps[cursor - 1].1));
    commit_all(&mut store, &steps, 5).await;
    store.close().await.unwrap();
    assert_same(&dump(&path), &expected);
}

#[tokio::test]
async fn a_commit_that_is_given_up_is_whole_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let steps = steps(200, PolicyScope::Shared);
    let expected = dumped(&folder.path().join("whole.db"), &steps, 50).await;
    let path = folder.path().join("given-up.db");
    let mut store = open(&path).await;
    let mut given_up = 0;
    loop {
        let begin = store.cursor().await.unwrap() as usize;
        if begin == steps.len() {
            break;
        }
        let records: Vec<Record> = steps[begin..begin + 50].iter().flat_map(|(records, _)| records.clone()).collect();
        let patience = Duration::from_micros(200 * given_up);
        let done = tokio::time::timeout(patience, store.commit(&records, begin as u64 + 50)).await;
        given_up += u64::from(done.is_err());
    }
    assert!(given_up > 0, "every commit was faster than nothing at all");
    store.close().await.unwrap();
    assert_same(&dump(&path), &expected);
}

#[tokio::test]
async fn a_trade_is_kept_and_learned_exactly_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let steps = steps(STEPS, PolicyScope::Shared);
    let expected = dumped(&path, &steps, 50).await;
    // Told again, in the same run and after a restart.
    let again: Vec<Record> = steps
        .iter()
        .flat_map(|(records, _)| records)
        .filter(|record| matches!(record, Record::Trade(_) | Record::Learned(_)))
        .cloned()
        .collect();
    assert!(again.len() > 50);
    let mut store = open(&path).await;
    store.commit(&again, STEPS as u64).await.unwrap();
    store.commit(&again, STEPS as u64).await.unwrap();
    store.close().await.unwrap();
    assert_same(&dump(&path), &expected);
}

#[tokio::test]
async fn the_policy_is_the_fold_of_its_log() {
    for scope in [PolicyScope::Shared, PolicyScope::Symbol] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let mut of = config(Durability::Backtest);
        of.policy.scope = scope;
        let mut steps = steps(STEPS, scope);
        // Ends with a batch that stood: after a rollback of everything the evidence before it would not matter.
        let stood = |(records, _): &life::Step| {
            records.iter().any(|record| matches!(record, Record::Learned(learned) if learned.applied))
                && !records.iter().any(|record| matches!(record, Record::PolicyTable(_)))
        };
        steps.truncate(steps.iter().rposition(stood).unwrap() + 1);
        let mut store = SqliteStore::open(&path, of).await.unwrap();
        commit_all(&mut store, &steps, 10).await;
        assert_eq!(store.restore().await.unwrap().as_ref(), steps.last().map(|(_, restored)| restored));
        assert!(count(&path, "SELECT count(*) FROM rl_policy") > 4, "nothing is served that could be wrong");
        for kind in ["ROLLED_BACK", "TABLE", "FROZEN", "THAWED", "SNAPSHOT", "PRUNED"] {
            let seen = count(&path, &format!("SELECT count(*) FROM policy_events WHERE kind = '{kind}'"));
            assert!(seen > 0, "the life has no {kind} and shows nothing of it");
        }
        let mut folded = policy(scope);
        store.verify_policy(&mut folded).await.unwrap();
        assert_eq!(count(&path, "SELECT count(*) FROM rl_policy"), alavanca_rl::Policy::rows(&folded).len() as i64);

        let other = rusqlite::Connection::open(&path).unwrap();
        for (damage, repair) in [
            ("UPDATE rl_policy SET alpha = alpha + 1 WHERE id = (SELECT min(id) FROM rl_policy)", "is served"),
            ("DELETE FROM rl_policy WHERE id = (SELECT max(id) FROM rl_policy)", "not served"),
            ("UPDATE evidence SET reward = 1000000 - reward WHERE applied", "and comes to"),
        ] {
            store.rebuild_projections().await.unwrap();
            other.execute_batch(damage).unwrap();
            let verdict = store.verify_policy(&mut policy(scope)).await.expect_err(damage).to_string();
            assert!(verdict.contains(repair), "{damage}: {verdict}");
        }
    }
}

#[tokio::test]
async fn the_six_tables_can_be_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let steps = steps(STEPS, PolicyScope::Shared);
    let mut store = open(&path).await;
    commit_all(&mut store, &steps[..300], 10).await;
    store.close().await.unwrap();
    // From here on with other settings.
    let mut of = config(Durability::Backtest);
    of.capital = CapitalFacts { max_contracts_cap: 20, ..of.capital };
    let mut store = SqliteStore::open(&path, of.clone()).await.unwrap();
    commit_all(&mut store, &steps, 10).await;
    store.close().await.unwrap();
    let expected = dump(&path);

    let other = rusqlite::Connection::open(&path).unwrap();
    for table in ["capital_state", "scalp_events", "rl_policy", "rl_events", "policy_snapshots", "rl_report_log"] {
        other.execute_batch(&format!("DELETE FROM {table} WHERE id % 2 = 0; UPDATE {table} SET id = -id")).unwrap();
    }
    drop(other);
    let mut store = SqliteStore::open(&path, of).await.unwrap();
    store.rebuild_projections().await.unwrap();
    store.close().await.unwrap();
    assert_same(&dump(&path), &expected);
    assert_eq!(count(&path, "SELECT count(DISTINCT max_contracts_cap) FROM capital_state"), 2);
}

#[tokio::test]
async fn the_tables_agree_with_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let steps = steps(STEPS, PolicyScope::Shared);
    dumped(&path, &steps, 50).await;
    let all = || steps.iter().flat_map(|(records, _)| records);
    for (what, wrong) in [
        (
            "final is base and extra",
            "SELECT count(*) FROM capital_state WHERE final_contracts <> base_contracts + extra_contracts",
        ),
        (
            "a scalp has one end",
            "SELECT count(*) FROM (SELECT trade FROM scalps GROUP BY trade HAVING \
          sum(kind = 'OPENED') <> 1 OR sum(kind IN ('TP_HIT', 'SL_HIT', 'TIMEOUT', 'FORCED', 'HANDED_OVER')) > 1)",
        ),
        ("scalp_events are the scalps", "SELECT (SELECT count(*) FROM scalps) - (SELECT count(*) FROM scalp_events)"),
        ("a HOLD begins no trade", "SELECT count(*) FROM decisions WHERE (action = 'HOLD') <> (trade IS NULL)"),
        (
            "a trade has its decision",
            "SELECT count(*) FROM trades t LEFT JOIN decisions d ON d.id = t.decision AND d.trade = t.id WHERE d.id IS NULL",
        ),
        ("no figure of the clock stays", "SELECT count(*) FROM seaql_migrations WHERE applied_at <> 0"),
    ] {
        assert_eq!(count(&path, wrong), 0, "{what}");
    }
    let is = |of: fn(&Record) -> bool| all().filter(|record| of(record)).count() as i64;
    assert_eq!(count(&path, "SELECT count(*) FROM trades"), is(|record| matches!(record, Record::Trade(_))));
    assert_eq!(count(&path, "SELECT count(*) FROM evidence"), is(|record| matches!(record, Record::Learned(_))));
    assert_eq!(count(&path, "SELECT count(*) FROM decisions"), is(|record| matches!(record, Record::Decision(_))));
    let net: i64 =
        all().map(|record| if let Record::Trade(trade) = record { trade.outcome.net.cents() } else { 0 }).sum();
    assert_eq!(count(&path, "SELECT sum(net) FROM trades"), net);
}

#[tokio::test]
async fn a_second_end_of_a_scalp_is_refused_with_its_step() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let steps = steps(STEPS, PolicyScope::Shared);
    dumped(&path, &steps, 50).await;
    let mut store = open(&path).await;
    let end = |record: &&Record| matches!(record, Record::Scalp(event) if event.kind.is_end());
    let end = steps.iter().flat_map(|(records, _)| records).find(end).unwrap();
    let before = dump(&path);
    let day =
        alavanca_engine::DayRecord { day: alavanca_kernel::TradingDay::from_days(1), net: Money::ZERO, equity: None };
    let refused = store.commit(&[Record::Day(day), end.clone()], STEPS as u64 + 1).await.unwrap_err();
    assert!(refused.to_string().contains("stored before"), "{refused}");
    store.close().await.unwrap();
    assert_same(&dump(&path), &before);
}

#[tokio::test]
async fn a_lock_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let steps = steps(20, PolicyScope::Shared);
    let mut store = open(&path).await;
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let waited = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        other.execute_batch("COMMIT").unwrap();
        other
    });
    let begin = std::time::Instant::now();
    commit_all(&mut store, &steps, 1).await;
    assert!(begin.elapsed() >= Duration::from_millis(250), "it wrote beside another's lock");
    // And one that reads for long is in nobody's way.
    let other = waited.join().unwrap();
    other.execute_batch("BEGIN").unwrap();
    let seen: i64 = other.query_row("SELECT count(*) FROM rl_events", [], |row| row.get(0)).unwrap();
    let (records, _) = &life::steps(21, PolicyScope::Shared)[20];
    store.commit(records, 21).await.unwrap();
    let still: i64 = other.query_row("SELECT count(*) FROM rl_events", [], |row| row.get(0)).unwrap();
    assert_eq!(seen, still, "a reader sees one moment");
}
