//! What may be opened, and what an operator is told where it may not.
#![allow(clippy::unwrap_used, reason = "tests and their helpers")]

use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use alavanca_adapters_sqlite::entity::capital_state;
use alavanca_adapters_sqlite::{Durability, SqliteStore, open_read_only};
use alavanca_ports::Store;
use alavanca_rl::PolicyScope;
use sea_orm::{ConnectionTrait, EntityTrait, PaginatorTrait};

use life::{commit_all, config, dump, open, steps};

mod life;

async fn refused(path: &Path, durability: Durability) -> String {
    SqliteStore::open(path, config(durability)).await.expect_err("it must be refused").to_string()
}

async fn filled(path: &Path) {
    let mut store = open(path).await;
    commit_all(&mut store, &steps(400, PolicyScope::Shared), 50).await;
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_second_engine_is_refused_until_the_first_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let first = open(&path).await;
    let text = refused(&path, Durability::Live).await;
    assert!(text.contains("in use by another engine: stop that one first"), "{text}");
    first.close().await.unwrap();
    // Neither a clean end nor a dropped store leaves it locked.
    drop(open(&path).await);
    open(&path).await.close().await.unwrap();
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    filled(&path).await;
    let before = dump(&path);
    let newer = "INSERT INTO seaql_migrations VALUES ('m9999_of_the_future', 0)";
    rusqlite::Connection::open(&path).unwrap().execute_batch(newer).unwrap();
    let text = refused(&path, Durability::Backtest).await;
    assert!(text.contains("newer release") && text.contains("m9999_of_the_future"), "{text}");
    let text = open_read_only(&path).await.unwrap_err().to_string();
    assert!(text.contains("newer release"), "{text}");
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch("DELETE FROM seaql_migrations WHERE version LIKE 'm9%'")
        .unwrap();
    life::assert_same(&dump(&path), &before);
    open(&path).await;
}

#[tokio::test]
async fn what_is_not_ours_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [("short.db", b"abc".as_slice()), ("text.db", b"time,open,high\n2020-01-01,1,2\n1,2,3\n")] {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        let text = refused(&path, Durability::Backtest).await;
        assert!(text.contains("is not a database"), "{text}");
        assert_eq!(std::fs::read(&path).unwrap(), content);
    }
    let path = folder.path().join("other.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE trades (id INTEGER)").unwrap();
    let before = std::fs::read(&path).unwrap();
    let text = refused(&path, Durability::Backtest).await;
    assert!(text.contains("a database of another program"), "{text}");
    assert!(std::fs::read(&path).unwrap() == before, "another program's database was touched");

    let text = refused(&folder.path().join("no/such/folder/a.db"), Durability::Backtest).await;
    assert!(text.contains("name a folder that exists"), "{text}");
}

#[tokio::test]
async fn a_damaged_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    filled(&path).await;
    let sound = std::fs::read(&path).unwrap();
    let check = async |damage: &dyn Fn(&mut std::fs::File), durability| {
        std::fs::write(&path, &sound).unwrap();
        damage(&mut std::fs::File::options().write(true).open(&path).unwrap());
        let text = refused(&path, durability).await;
        assert!(text.contains("damaged") && text.contains("restore it from a copy"), "{text}");
    };
    // The schema's page, behind the header: seen whatever the mode.
    let schema = |file: &mut std::fs::File| {
        file.seek(SeekFrom::Start(100)).unwrap();
        file.write_all(&[0xFF; 400]).unwrap();
    };
    check(&schema, Durability::Backtest).await;
    check(&schema, Durability::Live).await;
    // Pages in the middle, and the end cut off: seen before money is at stake.
    let middle = |file: &mut std::fs::File| {
        file.seek(SeekFrom::Start(4096 * (sound.len() as u64 / 4096 / 2))).unwrap();
        file.write_all(&[0xA5; 8192]).unwrap();
    };
    check(&middle, Durability::Live).await;
    check(&|file| file.set_len(sound.len() as u64 / 2).unwrap(), Durability::Live).await;
    std::fs::write(&path, &sound).unwrap();
    SqliteStore::open(&path, config(Durability::Live)).await.unwrap();
}

#[tokio::test]
async fn the_instruments_keep_their_places() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    open(&path).await;
    let with = |symbols: &[&str]| {
        let mut config = config(Durability::Backtest);
        config.symbols = symbols.iter().map(|&symbol| symbol.to_owned()).collect();
        config
    };
    for other in [["EURUSD", "WINZ26"].as_slice(), &["WINZ26"], &["WINZ26", "WDOZ26", "EURUSD"], &[]] {
        let text = SqliteStore::open(&path, with(other)).await.unwrap_err().to_string();
        assert!(text.contains("of the instruments WINZ26, EURUSD"), "{text}");
    }
    SqliteStore::open(&path, with(&["WINZ26", "EURUSD", "WDOZ26"])).await.unwrap();
    let text = refused(&path, Durability::Backtest).await;
    assert!(text.contains("of the instruments WINZ26, EURUSD, WDOZ26"), "{text}");
    let text = SqliteStore::open(&path, with(&["WINZ26", "EURUSD", "WDOZ26", "WDOZ26"])).await.unwrap_err().to_string();
    assert!(text.contains("WDOZ26 is named twice"), "{text}");
}

#[tokio::test]
async fn what_a_run_is_of_is_noted_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let mut store = open(&path).await;
    assert_eq!(store.meta("seed").await.unwrap(), None);
    store.set_meta(&[("seed", "7"), ("data", "abc")]).await.unwrap();
    store.set_meta(&[("seed", "7")]).await.unwrap();
    let text = store.set_meta(&[("mode", "live"), ("seed", "8"), ("data", "x")]).await.unwrap_err().to_string();
    assert!(text.contains("seed was 7, now it is 8; data was abc, now it is x"), "{text}");
    assert_eq!(store.meta("mode").await.unwrap(), None, "a refused note left something");
    drop(store);
    assert_eq!(open(&path).await.meta("seed").await.unwrap().as_deref(), Some("7"));

    let mut other = config(Durability::Backtest);
    other.policy.scope = PolicyScope::Symbol;
    let text = SqliteStore::open(&path, other).await.unwrap_err().to_string();
    assert!(text.contains("rl_policy_scope was SHARED, now it is SYMBOL"), "{text}");
}

#[tokio::test]
async fn each_mode_waits_for_the_disk_as_it_says() {
    let folder = tempfile::tempdir().unwrap();
    for (durability, synchronous) in [(Durability::Live, 2), (Durability::Backtest, 1)] {
        let store =
            SqliteStore::open(&folder.path().join(format!("{durability:?}")), config(durability)).await.unwrap();
        let pragma = async |name: &str| {
            let asked = sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, format!("PRAGMA {name}"));
            store.db().query_one_raw(asked).await.unwrap().unwrap()
        };
        assert_eq!(pragma("synchronous").await.try_get_by_index::<i64>(0).unwrap(), synchronous, "{durability:?}");
        assert_eq!(pragma("journal_mode").await.try_get_by_index::<String>(0).unwrap(), "wal", "{durability:?}");
    }
}

#[tokio::test]
async fn a_reader_reads_beside_an_engine_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let text = open_read_only(&path).await.unwrap_err().to_string();
    assert!(text.contains("there is no database"), "{text}");
    assert!(!path.exists());
    let mut store = open(&path).await;
    commit_all(&mut store, &steps(30, PolicyScope::Shared), 1).await;
    let reader = open_read_only(&path).await.unwrap();
    let seen = capital_state::Entity::find().count(&reader).await.unwrap();
    assert!(seen > 0);
    reader.execute_unprepared("DELETE FROM capital_state").await.expect_err("it may not write");
    commit_all(&mut store, &steps(40, PolicyScope::Shared), 1).await;
    assert!(capital_state::Entity::find().count(&reader).await.unwrap() > seen);
}

#[tokio::test]
async fn a_path_may_have_any_letters() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mês de março?mode=memory#1 %20.db");
    let mut store = open(&path).await;
    store.commit(&[], 3).await.unwrap();
    store.close().await.unwrap();
    assert!(path.exists());
    assert_eq!(open(&path).await.cursor().await.unwrap(), 3);
}
