//! What live keeps beside the records: it stays over restarts, and epochs only rise.

use alavanca_adapters_sqlite::{
    CapitalFacts, Durability, LiveBook, OperatorEntry, PolicyFacts, SqliteStore, StoreConfig,
};
use alavanca_kernel::{Money, Timestamp};
use alavanca_rl::PolicyScope;

fn config() -> StoreConfig {
    StoreConfig {
        durability: Durability::Live,
        symbols: vec!["WINZ26".to_owned()],
        capital: CapitalFacts {
            operator_capital: Money::from_units(10_000),
            margin_per_contract: Money::from_units(1_000),
            max_contracts_cap: 10,
        },
        policy: PolicyFacts { scope: PolicyScope::Shared, prior_alpha: 1.0, prior_beta: 1.0 },
    }
}

const NOON: Timestamp = Timestamp::from_secs(1_790_000_000);

#[tokio::test]
async fn an_instance_is_drawn_once_and_epochs_only_rise() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.db");
    let store = SqliteStore::open(&path, config()).await.unwrap();
    let book = LiveBook::open(&path).await.unwrap();
    assert!(book.next_epoch(0, "demo", true, NOON).await.is_err(), "no instance, no epoch");
    let instance = book.instance(|| u64::MAX).await.unwrap();
    assert!((1..1 << 20).contains(&instance));
    assert_eq!(book.instance(|| 7).await.unwrap(), instance, "drawn once for ever");

    assert_eq!(book.account().await.unwrap(), None);
    book.pin_account("demo").await.unwrap();
    assert_eq!(book.next_epoch(0, "demo", false, NOON).await.unwrap(), 1);
    assert_eq!(book.next_epoch(41, "demo", true, NOON).await.unwrap(), 42, "the bridge saw 41");
    book.close().await.unwrap();
    store.close().await.unwrap();

    let store = SqliteStore::open(&path, config()).await.unwrap();
    let book = LiveBook::open(&path).await.unwrap();
    assert_eq!(book.next_epoch(5, "demo", true, NOON).await.unwrap(), 43);
    assert_eq!(book.instance(|| 7).await.unwrap(), instance);
    book.pin_account("demo").await.unwrap();
    let other = book.pin_account("real").await.unwrap_err().to_string();
    assert!(other.contains("demo") && other.contains("real"), "{other}");
    let epochs: Vec<(u64, bool)> = book.epochs().await.unwrap().iter().map(|of| (of.epoch, of.armed)).collect();
    assert_eq!(epochs, [(1, false), (42, true), (43, true)]);
    book.close().await.unwrap();
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_word_of_the_operator_is_noted_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.db");
    let store = SqliteStore::open(&path, config()).await.unwrap();
    let book = LiveBook::open(&path).await.unwrap();
    let word = |id: &str, answer: &str| OperatorEntry {
        id: id.to_owned(),
        command: "halt".to_owned(),
        reason: "news".to_owned(),
        given_at: NOON,
        taken_at: NOON.plus_secs(1),
        accepted: true,
        answer: answer.to_owned(),
    };
    assert!(book.note(&word("a", "halted")).await.unwrap());
    assert!(!book.note(&word("a", "halted again")).await.unwrap());
    assert!(book.note(&word("b", "halted")).await.unwrap());
    assert_eq!(book.answer_to("a").await.unwrap(), Some(word("a", "halted")));
    assert_eq!(book.answer_to("c").await.unwrap(), None);
    assert_eq!(book.operator_log(1).await.unwrap(), [word("b", "halted")]);
    book.close().await.unwrap();
    store.close().await.unwrap();
}
