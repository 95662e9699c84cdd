//! A database in an operator's hands: what a check finds, what a migration keeps, what a copy is.
#![allow(clippy::unwrap_used, reason = "tests and their helpers")]

use std::path::{Path, PathBuf};

use alavanca_adapters_sqlite::{
    Checked, CheckedPart, Durability, Head, PolicyFacts, RunReader, Selection, SqliteStore, backup, check, migrate,
    open_read_only, vacuum,
};
use alavanca_engine::Record;
use alavanca_ports::{Store, StoreError};
use alavanca_rl::{Policy, PolicyScope, RlConfig, RlSettings, ThompsonSampling};

use life::{Step, assert_same, commit_all, config, dump, open, steps, without_levels};

mod life;

const STEPS: usize = 400;

async fn filled(path: &Path, count: usize) -> Head {
    filled_with(path, &steps(count, PolicyScope::Shared)).await
}

/// As a release fills it that knows nothing of votes and zones.
async fn filled_without_levels(path: &Path, count: usize) -> Head {
    filled_with(path, &without_levels(steps(count, PolicyScope::Shared))).await
}

async fn filled_with(path: &Path, steps: &[Step]) -> Head {
    let mut store = open(path).await;
    commit_all(&mut store, steps, 50).await;
    let head = store.head();
    store.close().await.unwrap();
    head
}

fn policies(reader: &RunReader) -> Vec<Box<dyn Policy>> {
    let PolicyFacts { scope, prior_alpha, prior_beta } = reader.policy_facts().unwrap();
    let settings = RlSettings { scope, prior_alpha, prior_beta, ..RlSettings::default() };
    vec![Box::new(ThompsonSampling::new(RlConfig::new(settings).unwrap()))]
}

async fn checked(path: &Path, asked: Option<&Head>) -> Checked {
    check(path, asked, policies, &mut |_| {}).await.unwrap()
}

fn faults(parts: &[CheckedPart]) -> Vec<String> {
    parts.iter().filter_map(|part| part.fault.as_ref().map(|fault| format!("{}: {fault}", part.name))).collect()
}

async fn chain_faults(path: &Path, asked: Option<&Head>) -> Vec<String> {
    let reader = RunReader::open(path).await.unwrap();
    let parts = reader.check_chains(asked).await.unwrap();
    reader.close().await.unwrap();
    faults(&parts)
}

fn sql(path: &Path, text: &str) {
    rusqlite::Connection::open(path).unwrap().execute_batch(text).unwrap_or_else(|e| panic!("{text}: {e}"));
}

fn copied(path: &Path, name: &str) -> PathBuf {
    let copy = path.with_file_name(name);
    std::fs::copy(path, &copy).unwrap();
    copy
}

#[tokio::test]
async fn a_sound_database_is_found_sound() {
    let folder = tempfile::tempdir().unwrap();
    for (name, scope) in [("shared.db", PolicyScope::Shared), ("symbol.db", PolicyScope::Symbol)] {
        let path = folder.path().join(name);
        let mut of = config(Durability::Backtest);
        of.policy.scope = scope;
        let mut store = SqliteStore::open(&path, of).await.unwrap();
        let nothing = checked(&path, Some(&store.head())).await;
        assert_eq!(faults(&nothing.parts), [""; 0], "an empty one");
        let steps = steps(STEPS, scope);
        commit_all(&mut store, &steps[..100], 7).await;
        let early = store.head();
        commit_all(&mut store, &steps, 50).await;
        let before = dump(&path);

        // Also beside the engine that writes it, with a head of now and with one of before.
        for asked in [None, Some(early), Some(store.head())] {
            let checked = checked(&path, asked.as_ref()).await;
            assert_eq!(faults(&checked.parts), [""; 0]);
            assert!(checked.is_sound());
            assert_eq!((checked.head, checked.events), (store.head(), STEPS as u64));
            for part in &checked.parts {
                assert!(part.right > 0, "nothing of {} was looked at", part.name);
            }
        }
        assert_same(&dump(&path), &before);
        store.close().await.unwrap();
        assert_eq!(RunReader::open(&path).await.unwrap().head().await.unwrap().to_string(), {
            let rows = |sql: &str| -> (i64, String) {
                let db = rusqlite::Connection::open(&path).unwrap();
                db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
            };
            let (decisions, first) = rows("SELECT id, hex(link) FROM decisions ORDER BY id DESC LIMIT 1");
            let (log, second) = rows(
                "SELECT seq, hex(link) FROM (SELECT seq, link FROM evidence UNION ALL SELECT seq, link FROM policy_events) \
                 ORDER BY seq DESC LIMIT 1",
            );
            format!("{decisions}-{}-{log}-{}", &first[..32], &second[..32]).to_lowercase()
        });
    }
}

/// Every column of every row that is linked: one value changed, in the middle and at the end.
#[tokio::test]
async fn a_changed_value_is_found_in_every_column() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    filled(&path, 150).await;
    let mut tried = 0;
    for (table, place, columns) in [("decisions", "id", 27), ("evidence", "seq", 18), ("policy_events", "seq", 7)] {
        let db = rusqlite::Connection::open(&path).unwrap();
        let names = life::rows(&db, &format!("SELECT name FROM pragma_table_info('{table}')"));
        assert_eq!(names.len(), columns);
        let (middle, last): (i64, i64) = db
            .query_row(
                &format!(
                    "SELECT (SELECT {place} FROM {table} ORDER BY {place} LIMIT 1 OFFSET (SELECT count(*) / 2 FROM {table})), \
                     max({place}) FROM {table}"
                ),
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        assert!(middle > 1 && middle < last);
        drop(db);
        for name in names {
            let name = name.trim_start_matches("Text([").trim_end_matches("])").to_owned();
            let name: String =
                String::from_utf8(name.split(", ").map(|byte| byte.parse::<u8>().unwrap()).collect()).unwrap();
            if name == place {
                continue;
            }
            for at in [middle, last] {
                let copy = copied(&path, "changed.db");
                sql(
                    &copy,
                    &format!(
                        "UPDATE {table} SET {name} = CASE typeof({name}) WHEN 'integer' THEN {name} + 1000000 \
                         WHEN 'real' THEN {name} * 1.0000000000000002 + 1e-300 WHEN 'text' THEN substr({name}, 2) || 'x' \
                         WHEN 'blob' THEN zeroblob(length({name})) \
                         ELSE (SELECT CASE type WHEN 'INTEGER' THEN 1 ELSE 'x' END FROM pragma_table_info('{table}') \
                         WHERE name = '{name}') END WHERE {place} = {at}"
                    ),
                );
                let found = chain_faults(&copy, None).await;
                assert_eq!(found.len(), 1, "{table}.{name} of row {at}: {found:?}");
                assert!(
                    found[0].contains(&format!(" {at} ({table}) does not fit its link")),
                    "{table}.{name} of row {at}: {found:?}"
                );
                tried += 1;
            }
        }
    }
    assert_eq!(tried, 2 * (26 + 17 + 6));
}

#[tokio::test]
async fn a_lost_row_and_a_lost_end_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let early = filled(&path, 60).await;
    let old = copied(&path, "old.db");
    let head = filled(&path, 150).await;
    let count =
        |sql: &str| -> i64 { rusqlite::Connection::open(&path).unwrap().query_row(sql, [], |row| row.get(0)).unwrap() };
    let decisions = count("SELECT count(*) FROM decisions");
    let log = count("SELECT (SELECT count(*) FROM evidence) + (SELECT count(*) FROM policy_events)");
    let lesson = count("SELECT max(seq) FROM evidence WHERE seq < (SELECT max(seq) FROM evidence)");
    for (damage, said) in [
        ("DELETE FROM decisions WHERE id = 9".to_owned(), "chain of decisions: row 9 is missing before decision 10".to_owned()),
        ("DELETE FROM decisions WHERE id BETWEEN 3 AND 5".to_owned(), "rows 3 to 5 are missing before decision 6".to_owned()),
        ("DELETE FROM decisions WHERE id = 1".to_owned(), "row 1 is missing before decision 2".to_owned()),
        (format!("DELETE FROM evidence WHERE seq = {lesson}"), format!("log: row {lesson} is missing before")),
        ("DELETE FROM policy_events WHERE seq = 1".to_owned(), "log: row 1 is missing before".to_owned()),
        // Two rows with their links, one in the other's place.
        (
            "UPDATE decisions SET id = -id WHERE id IN (9, 10); UPDATE decisions SET id = 19 + id WHERE id < 0".to_owned(),
            "decision 9 (decisions) does not fit its link".to_owned(),
        ),
        // The end, with its links.
        (
            format!("DELETE FROM decisions WHERE id > {}", decisions - 4),
            format!("chain of decisions: the last 4 rows are missing: {decisions} were written"),
        ),
        (
            format!("DELETE FROM evidence WHERE seq > {0}; DELETE FROM policy_events WHERE seq > {0}", log - 5),
            format!("chain of the policy's log: the last 5 rows are missing: {log} were written"),
        ),
        (
            "INSERT INTO policy_events SELECT seq + 1000, at, regime, kind, policy_version, detail, link FROM policy_events \
             WHERE seq = 1"
                .to_owned(),
            "are missing before policy event 1001".to_owned(),
        ),
        (
            "INSERT INTO policy_events SELECT -7, at, regime, kind, policy_version, detail, link FROM policy_events \
             WHERE seq = 1"
                .to_owned(),
            "policy event -7 (policy_events) does not fit".to_owned(),
        ),
        ("UPDATE engine_state SET decisions_head = zeroblob(32)".to_owned(), "the last row's link is not the one".to_owned()),
    ] {
        let copy = copied(&path, "damaged.db");
        sql(&copy, &damage);
        let found = chain_faults(&copy, None).await;
        assert!(found.iter().any(|fault| fault.contains(&said)), "{damage}: {found:?}");
    }

    // The whole file put back to an earlier state: sound in itself; a head that was kept tells.
    assert_eq!(chain_faults(&old, None).await, [""; 0]);
    assert_eq!(chain_faults(&old, Some(&early)).await, [""; 0]);
    let found = chain_faults(&old, Some(&head)).await;
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with(&format!("head: the chain of decisions had {decisions} rows when")), "{found:?}");
    assert!(found[0].contains("put back to an earlier state"), "{found:?}");
    // And going on is no fault.
    assert_eq!(chain_faults(&path, Some(&early)).await, [""; 0]);
    // All links computed anew after a change: sound in itself; again a head tells.
    let forged = path.with_file_name("forged.db");
    let head = filled_without_levels(&forged, 150).await;
    sql(&forged, "UPDATE decisions SET frozen = 1 - frozen WHERE id = 9");
    sql(&forged, include_str!("life/to_first_schema.sql"));
    migrate(&forged).await.unwrap();
    assert_eq!(chain_faults(&forged, None).await, [""; 0]);
    let found = chain_faults(&forged, Some(&head)).await;
    assert!(found[0].contains(&format!("row {decisions} of the chain of decisions is not the one")), "{found:?}");
}

#[tokio::test]
async fn what_contradicts_itself_is_found_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    filled(&path, STEPS).await;
    for (damage, said) in [
        (
            "DELETE FROM scalps WHERE id = (SELECT min(id) FROM scalps WHERE kind IN ('TP_HIT', 'SL_HIT'))",
            "scalps end once: trade ",
        ),
        ("DELETE FROM scalps WHERE id = 1", "has 0 openings"),
        (
            "UPDATE capital_state SET final_contracts = 3 WHERE id = 7",
            "final is base and extra: row 7 of capital_state: 10 and",
        ),
        ("UPDATE trades SET net = net + 1 WHERE id = 5", "trade 5: net"),
        ("UPDATE positions SET gross = gross + 100 WHERE trade = 5", "gross"),
        ("UPDATE trades SET decision = decision + 9999 WHERE id = 5", "trade 5 ended and decision"),
        (
            "DELETE FROM orders WHERE id = (SELECT order_id FROM fills WHERE id = 4)",
            "orders and fills: fill 4 is of order",
        ),
        ("UPDATE orders SET trade = 9999 WHERE id = 1", "order 1 is of trade 9999, which no decision began"),
        (
            "UPDATE trades SET reward = 300000 WHERE id = (SELECT trade FROM evidence ORDER BY seq LIMIT 1)",
            "evidence is of trades: evidence",
        ),
        (
            "DELETE FROM snapshots WHERE seq = (SELECT max(seq) FROM snapshots)",
            "was taken and not pruned, and is not kept",
        ),
        (
            "UPDATE rl_policy SET alpha = alpha + 1 WHERE id = (SELECT max(id) FROM rl_policy)",
            "the log gives rl_policy:",
        ),
        (
            "UPDATE rl_policy SET mean_value = 0.5 WHERE id = (SELECT max(id) FROM rl_policy)",
            "mean_value is 0.5, and has to be",
        ),
        (
            "UPDATE capital_state SET detail_json = '{}' WHERE id = 3",
            "row 3 of capital_state: detail_json is `{}`, and has to be",
        ),
        ("DELETE FROM rl_events WHERE id = 11", "row 11 of rl_events is missing"),
        ("DELETE FROM scalp_events WHERE id = (SELECT max(id) FROM scalp_events)", "of scalp_events is missing"),
        ("INSERT INTO scalp_events (id) VALUES (99999)", "row 99999 of scalp_events follows from nothing"),
        ("UPDATE policy_snapshots SET note = 'x' WHERE id = (SELECT max(id) FROM policy_snapshots)", "note is `x`"),
        ("UPDATE rl_report_log SET total_scalps = 77", "total_scalps is 77"),
        ("DELETE FROM rl_report_log WHERE id = 1", "for WINZ26: report_date is nothing"),
        ("UPDATE scalps SET kind = 'WON' WHERE kind = 'TP_HIT'", "no event of a scalp has the name WON"),
    ] {
        let copy = copied(&path, "damaged.db");
        sql(&copy, damage);
        let found = faults(&checked(&copy, None).await.parts);
        assert!(found.iter().any(|fault| fault.contains(said)), "{damage}: {found:?}");
    }
    // A report that was asked for before its day ended stands in no way.
    let copy = copied(&path, "reported.db");
    sql(&copy, "INSERT INTO rl_report_log (report_date, symbol) VALUES ('2031-01-01', 'WINZ26')");
    assert_eq!(faults(&checked(&copy, None).await.parts), [""; 0]);
}

#[tokio::test]
async fn damaged_pages_are_found() {
    use std::io::{Seek, SeekFrom, Write};

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    filled(&path, STEPS).await;
    let size = std::fs::metadata(&path).unwrap().len();
    let copy = copied(&path, "damaged.db");
    let mut file = std::fs::File::options().write(true).open(&copy).unwrap();
    file.seek(SeekFrom::Start(4096 * (size / 4096 / 2))).unwrap();
    file.write_all(&[0xA5; 8192]).unwrap();
    drop(file);
    let found = checked(&copy, None).await;
    assert!(!found.is_sound());
    assert!(found.parts[0].name == "pages" && found.parts[0].fault.is_some(), "{found:?}");
}

#[tokio::test]
async fn an_older_database_is_brought_up_to_date_by_the_operator_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let head = filled_without_levels(&path, STEPS).await;
    // What the first schema had no place for is not known afterwards.
    sql(&path, "DELETE FROM regimes; UPDATE fills SET deal = 0");
    let expected = dump(&path);
    let reader = RunReader::open(&path).await.unwrap();
    let decisions = reader.decisions(&Selection::default()).await.unwrap();
    reader.close().await.unwrap();
    sql(&path, include_str!("life/to_first_schema.sql"));
    let first = dump(&path);
    let bytes = std::fs::read(&path).unwrap();

    for refused in [
        SqliteStore::open(&path, config(Durability::Backtest)).await.unwrap_err(),
        SqliteStore::open(&path, config(Durability::Live)).await.unwrap_err(),
        RunReader::open(&path).await.unwrap_err(),
        open_read_only(&path).await.unwrap_err(),
        vacuum(&path).await.unwrap_err(),
        check(&path, None, policies, &mut |_| {}).await.unwrap_err(),
    ] {
        let text = refused.to_string();
        assert!(text.contains(&format!("`alavanca db migrate {}`", path.display())), "{text}");
        assert!(text.contains("m0001_begin") && text.contains("m0005_live"), "{text}");
    }
    assert!(std::fs::read(&path).unwrap() == bytes, "a refused database was changed");

    let migrated = migrate(&path).await.unwrap();
    let copy = folder.path().join("a.db.before-m0005_live");
    assert_eq!(migrated.copy.as_deref(), Some(copy.as_path()));
    assert_eq!((migrated.from.as_str(), migrated.to.as_str()), ("m0001_begin", "m0005_live"));
    assert_same(&dump(&copy), &first);
    // As if it had always been of this schema: the links as well.
    assert_same(&dump(&path), &expected);
    assert_eq!(faults(&checked(&path, Some(&head)).await.parts), [""; 0]);
    let reader = RunReader::open(&path).await.unwrap();
    assert_eq!(reader.decisions(&Selection::default()).await.unwrap(), decisions);
    reader.close().await.unwrap();

    // Again: nothing to do, and nothing kept.
    assert_eq!(migrate(&path).await.unwrap().copy, None);
    // A copy that is there already is not written over.
    sql(&path, include_str!("life/to_first_schema.sql"));
    let text = migrate(&path).await.unwrap_err().to_string();
    assert!(text.contains("a.db.before-m0005_live is there already"), "{text}");
    assert_same(&dump(&path), &first);
    std::fs::remove_file(&copy).unwrap();
    // Nor is one in use brought up to date.
    let lock = std::fs::File::options()
        .create(true)
        .write(true)
        .truncate(false)
        .open(folder.path().join("a.db.lock"))
        .unwrap();
    lock.lock().unwrap();
    let text = migrate(&path).await.unwrap_err().to_string();
    assert!(text.contains("in use by another engine"), "{text}");
    assert!(!copy.exists());
}

/// Votes and zones came with the third schema. Links and heads from before stay what they are; what is written from
/// then on is linked with them.
#[tokio::test]
async fn a_chain_goes_on_over_columns_that_were_added() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let steps = steps(STEPS, PolicyScope::Shared);
    let older = without_levels(steps[..150].to_vec());
    let kept = filled_with(&path, &older).await;
    sql(&path, include_str!("life/to_second_schema.sql"));
    let migrated = migrate(&path).await.unwrap();
    assert_eq!((migrated.from.as_str(), migrated.to.as_str()), ("m0002_chain", "m0005_live"));
    assert_eq!(chain_faults(&path, Some(&kept)).await, [""; 0], "a head of before the migration");

    let head = filled_with(&path, &[older.clone(), steps[150..].to_vec()].concat()).await;
    for asked in [&kept, &head] {
        assert_eq!(faults(&checked(&path, Some(asked)).await.parts), [""; 0]);
    }
    let reader = RunReader::open(&path).await.unwrap();
    let read = reader.decisions(&Selection::default()).await.unwrap();
    reader.close().await.unwrap();
    let given = older.iter().chain(&steps[150..]).flat_map(|(records, _)| records);
    let given: Vec<_> = given
        .filter_map(|record| if let Record::Decision(decision) = record { Some(**decision) } else { None })
        .collect();
    assert_eq!(read, given, "what was not recorded reads as that");
    let last_older = read.iter().rposition(|decision| decision.votes.is_empty()).unwrap();
    assert!(last_older > 10 && last_older + 10 < read.len());

    // Neither can votes be taken from a newer row nor be written into an older.
    let (old, new) = (read[last_older].id, read[last_older + 3].id);
    for damage in [
        format!("UPDATE decisions SET votes = NULL, weights = NULL, zones = NULL WHERE id = {new}"),
        format!("UPDATE decisions SET zones = NULL WHERE id = {new}"),
        format!("UPDATE decisions SET weights = '[9.0]' WHERE id = {new}"),
        format!("UPDATE decisions SET zones = '[null,null]' WHERE id = {old}"),
        format!("UPDATE decisions SET votes = (SELECT votes FROM decisions WHERE id = {new}) WHERE id = {old}"),
    ] {
        let copy = copied(&path, "damaged.db");
        sql(&copy, &damage);
        let found = chain_faults(&copy, None).await;
        let row = if damage.ends_with(&format!(" {old}")) { old } else { new };
        assert!(found[0].contains(&format!("decision {row} (decisions) does not fit its link")), "{damage}: {found:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_cared_for_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let other = folder.path().join("other.db");
    sql(&other, "CREATE TABLE trades (id INTEGER)");
    let newer = folder.path().join("newer.db");
    filled(&newer, 20).await;
    sql(&newer, "INSERT INTO seaql_migrations VALUES ('m9999_of_the_future', 0)");
    let nothing = folder.path().join("nothing.db");
    sql(&nothing, "PRAGMA user_version = 1");
    for (path, said) in [
        (folder.path().join("none.db"), "there is no database at"),
        (file("empty.db", b""), "is empty: no run was ever stored in it"),
        (nothing, "is empty: no run was ever stored in it"),
        (file("text.db", b"time,open,high,low,close\n"), "is not a database"),
        (other, "a database of another program"),
        (newer, "written by a newer release"),
    ] {
        let to = folder.path().join("to.db");
        for error in [
            check(&path, None, policies, &mut |_| {}).await.unwrap_err(),
            migrate(&path).await.unwrap_err(),
            vacuum(&path).await.unwrap_err(),
            backup(&path, &to, async |_| Ok(())).await.unwrap_err(),
            RunReader::open(&path).await.unwrap_err(),
        ] {
            assert!(matches!(error, StoreError::Open(_)) && error.to_string().contains(said), "{path:?}: {error}");
        }
        assert!(!to.exists());
    }
}

/// Copies while an engine writes: each is one moment of it, and sound.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_of_one_moment_also_beside_an_engine() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let steps = steps(STEPS, PolicyScope::Shared);
    let mut store = open(&path).await;
    commit_all(&mut store, &steps[..50], 10).await;
    let writer = tokio::spawn({
        let steps = steps.clone();
        async move {
            for (step, (records, _)) in steps.iter().enumerate().skip(50) {
                store.commit(records, step as u64 + 1).await.unwrap();
            }
            store
        }
    });
    let mut moments = Vec::new();
    while moments.len() < 3 || (moments.len() < 20 && !writer.is_finished()) {
        let to = folder.path().join(format!("copy-{}.db", moments.len()));
        let bytes = backup(&path, &to, async |_| Ok(())).await.unwrap();
        assert_eq!(bytes, std::fs::metadata(&to).unwrap().len());
        moments.push(to);
    }
    let store = writer.await.unwrap();
    store.close().await.unwrap();
    let mut between = 0;
    for to in &moments {
        let reader = RunReader::open(to).await.unwrap();
        let restored = reader.restored().await.unwrap().unwrap();
        let step = steps.iter().position(|(_, expected)| *expected == restored).unwrap();
        between += usize::from(step + 1 < STEPS);
        assert_eq!(faults(&reader.check_chains(None).await.unwrap()), [""; 0]);
    }
    assert!(between > 0, "every copy was made after the engine had ended");
    assert_eq!(faults(&checked(&moments[0], None).await.parts), [""; 0]);

    // A copy is a database: an engine goes on from it.
    let mut store = open(&moments[0]).await;
    commit_all(&mut store, &steps, 50).await;
    store.close().await.unwrap();
    assert_same(&dump(&moments[0]), &dump(&path));
}

#[tokio::test]
async fn a_backup_overwrites_nothing_and_keeps_nothing_that_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    filled(&path, 60).await;
    let to = folder.path().join("to.db");
    std::fs::write(&to, "something").unwrap();
    let text = backup(&path, &to, async |_| Ok(())).await.unwrap_err().to_string();
    assert!(text.contains("to.db is there already: a backup overwrites nothing"), "{text}");
    assert_eq!(std::fs::read(&to).unwrap(), b"something");
    std::fs::remove_file(&to).unwrap();
    let refuse = async |copy: &Path| {
        assert!(RunReader::open(copy).await.is_ok());
        Err(StoreError::Inconsistent("no".to_owned()))
    };
    assert_eq!(backup(&path, &to, refuse).await.unwrap_err().to_string(), "store is inconsistent: no");
    let text = backup(&path, &folder.path().join("no/such/to.db"), async |_| Ok(())).await.unwrap_err().to_string();
    assert!(text.contains("cannot write the copy"), "{text}");
    let names =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let left: Vec<_> = names.filter(|name| !name.starts_with("a.db")).collect();
    assert_eq!(left, [""; 0], "a copy that failed left something");
}

#[tokio::test]
async fn a_vacuum_makes_it_smaller_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    filled(&path, STEPS).await;
    let expected = dump(&path);
    sql(&path, "CREATE TABLE bulk (content BLOB); INSERT INTO bulk VALUES (zeroblob(400000)); DROP TABLE bulk");
    let sizes = vacuum(&path).await.unwrap();
    assert_eq!(sizes.after, std::fs::metadata(&path).unwrap().len());
    assert!(sizes.before >= sizes.after + 400_000, "{sizes:?}");
    assert_same(&dump(&path), &expected);
    assert_eq!(faults(&checked(&path, None).await.parts), [""; 0]);
    let engine = open(&path).await;
    let text = vacuum(&path).await.unwrap_err().to_string();
    assert!(text.contains("in use by another engine"), "{text}");
    drop(engine);
}
