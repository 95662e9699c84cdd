//! What was committed is read back, as the records that they were.
#![allow(clippy::unwrap_used, reason = "tests and their helpers")]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;

use alavanca_adapters_sqlite::{Durability, RunReader, Selection, SqliteStore};
use alavanca_engine::{DecisionRecord, LegRecord, Record};
use alavanca_kernel::{DecisionId, LegId, SymbolId, Timestamp, TradeId, TradingDay};
use alavanca_ports::Store;
use alavanca_rl::PolicyScope;

use life::{Step, commit_all, config, open, steps};

mod life;

const STEPS: usize = 700;

async fn stored(path: &Path, steps: &[Step]) -> RunReader {
    let mut store = open(path).await;
    commit_all(&mut store, steps, 50).await;
    store.close().await.unwrap();
    RunReader::open(path).await.unwrap()
}

/// The records of a kind, as they were committed.
fn committed<T>(steps: &[Step], of: impl Fn(&Record) -> Option<T>) -> Vec<T> {
    steps.iter().flat_map(|(records, _)| records).filter_map(of).collect()
}

fn decision(record: &Record) -> Option<DecisionRecord> {
    if let Record::Decision(decision) = record { Some(**decision) } else { None }
}

#[track_caller]
fn check<T: PartialEq + Debug>(what: &str, got: &[T], committed: &[T]) {
    assert!(!committed.is_empty(), "the life has no {what} and shows nothing of them");
    let differs = got.iter().zip(committed).position(|(got, committed)| got != committed);
    assert_eq!(differs.map(|n| (&got[n], &committed[n])), None, "{what}");
    assert_eq!(got.len(), committed.len(), "{what}");
}

macro_rules! check {
    ($reader:ident, $steps:ident, $name:ident, $variant:ident) => {
        let committed = committed(&$steps, |record| match record {
            Record::$variant(record) => Some(record.clone().into()),
            _ => None,
        });
        let got: Vec<_> = $reader.$name(&Selection::default()).await.unwrap();
        check(stringify!($name), &got.into_iter().map(Box::new).collect::<Vec<_>>(), &committed);
    };
}

#[tokio::test]
async fn what_was_committed_is_read_back() {
    for scope in [PolicyScope::Shared, PolicyScope::Symbol] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let steps = steps(STEPS, scope);
        let mut of = config(Durability::Backtest);
        of.policy.scope = scope;
        let mut store = SqliteStore::open(&path, of).await.unwrap();
        store.set_meta(&[("seed", "7")]).await.unwrap();
        commit_all(&mut store, &steps, 50).await;
        let reader = RunReader::open(&path).await.unwrap();

        assert_eq!(reader.symbols(), life::SYMBOLS);
        assert_eq!(reader.meta()["seed"], "7");
        check!(reader, steps, decisions, Decision);
        check!(reader, steps, blocked, Blocked);
        check!(reader, steps, allocations, Allocation);
        check!(reader, steps, orders, Order);
        check!(reader, steps, order_ends, OrderEnded);
        check!(reader, steps, fills, Fill);
        check!(reader, steps, scalps, Scalp);
        check!(reader, steps, trades, Trade);
        check!(reader, steps, learned, Learned);
        check!(reader, steps, policy_events, Policy);
        check!(reader, steps, risk_changes, Risk);
        check!(reader, steps, regimes, Regime);
        check!(reader, steps, days, Day);
        // Of a leg, what it was last.
        let legs: BTreeMap<LegId, LegRecord> = committed(&steps, |record| match record {
            Record::Leg(leg) => Some((leg.leg, *leg)),
            _ => None,
        })
        .into_iter()
        .collect();
        check("legs", &reader.legs(&Selection::default()).await.unwrap(), &legs.into_values().collect::<Vec<_>>());
        let last = &steps.last().unwrap().1;
        assert_eq!(reader.restored().await.unwrap().as_ref(), Some(last));
        check("snapshots", &reader.snapshots(&Selection::default()).await.unwrap(), &last.snapshots);
    }
}

/// What stays of a record in the store: a leg only once, a snapshot without its bytes, no checkpoint.
fn kept(record: &Record, of: &mut BTreeMap<&'static str, Vec<Record>>) {
    let mut record = record.clone();
    let kind = match &mut record {
        Record::Allocation(_) => "allocation",
        Record::Blocked(_) => "blocked",
        Record::Decision(_) => "decision",
        Record::Order(_) => "order",
        Record::OrderEnded(_) => "order end",
        Record::Fill(_) => "fill",
        Record::Scalp(_) => "scalp",
        Record::Trade(_) => "trade",
        Record::Risk(_) => "risk",
        Record::Regime(_) => "regime",
        Record::Day(_) => "day",
        Record::Learned(_) | Record::SnapshotPruned(_) | Record::Policy(_) | Record::PolicyTable(_) => "log",
        Record::Snapshot(snapshot) => {
            snapshot.policy.clear();
            "log"
        }
        Record::Leg(_) | Record::Checkpoint(_) => return,
    };
    of.entry(kind).or_default().push(record);
}

#[tokio::test]
async fn every_record_streams_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let steps = steps(STEPS, PolicyScope::Shared);
    let reader = stored(&folder.path().join("a.db"), &steps).await;
    let (mut expected, mut got) = (BTreeMap::new(), BTreeMap::new());
    steps.iter().flat_map(|(records, _)| records).for_each(|record| kept(record, &mut expected));
    let mut all = Vec::new();
    reader.each_record(&Selection::default(), &mut |record| all.push(record)).await.unwrap();
    for record in &all {
        kept(record, &mut got);
    }
    assert_eq!(expected.len(), 12);
    assert_eq!(got.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (kind, expected) in &expected {
        check(kind, &got[kind], expected);
    }

    let (mut sent, mut decided, mut day, mut now) = (0, 0, TradingDay::from_days(0), Timestamp::MIN);
    for record in &all {
        let at = match record {
            Record::Decision(decision) => {
                decided = decision.trade.map_or(decided, TradeId::get);
                assert!(decision.context.day > day, "decision {} after the end of its day", decision.id);
                let mut ended = expected["day"].iter().filter_map(|record| match record {
                    Record::Day(ended) if ended.day < decision.context.day => Some(ended.day),
                    _ => None,
                });
                assert_eq!(
                    ended.next_back().unwrap_or(day),
                    day,
                    "decision {} before the end of an earlier day",
                    decision.id
                );
                decision.context.at
            }
            Record::Order(order) => {
                assert!(order.leg.trade.get() <= decided, "order {} before its decision", order.id);
                sent = order.id.get();
                order.at
            }
            Record::Fill(fill) => {
                assert!(fill.order.unwrap().get() <= sent, "a fill before its order {sent}");
                fill.at
            }
            Record::Day(ended) => {
                day = ended.day;
                now
            }
            Record::Trade(trade) => trade.outcome.closed_at,
            Record::Learned(learned) => learned.at,
            _ => now,
        };
        assert!(at >= now, "{record:?} comes after {now}");
        now = at;
    }
}

#[tokio::test]
async fn a_selection_leaves_out_what_is_not_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let steps = steps(STEPS, PolicyScope::Shared);
    let reader = stored(&folder.path().join("a.db"), &steps).await;
    let all = Selection::default();
    let decisions = committed(&steps, decision);
    let middle = decisions[decisions.len() / 2];
    let day = middle.context.day;
    assert!(decisions[0].context.day < day && day < decisions.last().unwrap().context.day);

    let of_day = Selection { from: Some(day), to: Some(day), ..all };
    let expected: Vec<_> = decisions.iter().filter(|decision| decision.context.day == day).copied().collect();
    check("decisions of a day", &reader.decisions(&of_day).await.unwrap(), &expected);
    let trades: Vec<TradeId> = expected.iter().filter_map(|decision| decision.trade).collect();
    let orders = committed(&steps, |record| match record {
        Record::Order(order) if trades.contains(&order.leg.trade) => Some(*order),
        _ => None,
    });
    check("orders of a day's decisions", &reader.orders(&of_day).await.unwrap(), &orders);
    let learned = committed(&steps, |record| match record {
        Record::Learned(learned) if learned.at.secs().div_euclid(86_400) == i64::from(day.days()) => Some(**learned),
        _ => None,
    });
    check("lessons of a day", &reader.learned(&of_day).await.unwrap(), &learned);
    let risk = committed(&steps, |record| match record {
        Record::Risk(change) => Some(*change),
        _ => None,
    });
    let mut parts = Vec::new();
    for half in
        [Selection { to: Some(day), ..all }, Selection { from: Some(TradingDay::from_days(day.days() + 1)), ..all }]
    {
        let part = reader.risk_changes(&half).await.unwrap();
        assert!(!part.is_empty());
        parts.extend(part);
    }
    check("risk changes up to a day and from then on", &parts, &risk);
    let mut days = Vec::new();
    reader
        .each_record(&of_day, &mut |record| {
            days.extend(if let Record::Day(day) = record { Some(day.day) } else { None });
        })
        .await
        .unwrap();
    assert_eq!(days, [day]);

    for symbol in [SymbolId::new(0), SymbolId::new(1)] {
        let expected: Vec<_> = decisions.iter().filter(|decision| decision.context.symbol == symbol).copied().collect();
        let got = reader.decisions(&Selection { symbol: Some(symbol), ..all }).await.unwrap();
        check("decisions of a symbol", &got, &expected);
    }

    let instants = Selection { since: Some(decisions[10].context.at), until: Some(decisions[20].context.at), ..all };
    check("decisions between instants", &reader.decisions(&instants).await.unwrap(), &decisions[10..20]);
    let newest = Selection { newest: Some(5), ..all };
    check("newest decisions", &reader.decisions(&newest).await.unwrap(), &decisions[decisions.len() - 5..]);
    let legs = reader.legs(&all).await.unwrap();
    check("newest legs", &reader.legs(&newest).await.unwrap(), &legs[legs.len() - 5..]);
    let mut counts = BTreeMap::new();
    reader.each_record(&newest, &mut |record| kept(&record, &mut counts)).await.unwrap();
    assert_eq!(counts["allocation"].len(), 5);
    assert_eq!(counts["fill"].len(), 5);
    let both = Selection { newest: Some(3), until: Some(decisions[20].context.at), ..all };
    check("newest before an instant", &reader.decisions(&both).await.unwrap(), &decisions[17..20]);
    assert_eq!(reader.decisions(&Selection { newest: Some(0), ..all }).await.unwrap(), []);

    // One decision and what came of it; asked by its trade the same.
    let taken = decisions.iter().find(|decision| !decision.extra.is_zero()).unwrap();
    let trade = taken.trade.unwrap();
    let (mut by_id, mut by_trade) = (Vec::new(), Vec::new());
    let of_id = Selection { decision: Some(taken.id), ..all };
    reader.each_record(&of_id, &mut |record| by_id.push(record)).await.unwrap();
    let of_trade = Selection { trade: Some(trade), ..all };
    reader.each_record(&of_trade, &mut |record| by_trade.push(record)).await.unwrap();
    assert_eq!(by_id, by_trade);
    let expected = committed(&steps, |record| {
        let is_of = match record {
            Record::Decision(decision) => decision.trade == Some(trade),
            Record::Order(order) => order.leg.trade == trade,
            Record::OrderEnded(end) => end.leg.trade == trade,
            Record::Fill(fill) => fill.leg.trade == trade,
            Record::Scalp(event) => event.trade == trade,
            Record::Trade(record) => record.outcome.trade == trade,
            Record::Learned(record) => record.outcome.trade == trade,
            _ => false,
        };
        is_of.then(|| record.clone())
    });
    by_id.retain(|record| !matches!(record, Record::Leg(_)));
    assert!(expected.len() >= 6);
    assert!(expected.iter().all(|record| by_id.contains(record)) && by_id.len() == expected.len(), "{by_id:#?}");
    let none = Selection { decision: Some(DecisionId::new(999_999)), ..all };
    reader.each_record(&none, &mut |record| panic!("{record:?}")).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let steps = steps(STEPS, PolicyScope::Shared);
    stored(&path, &steps).await.close().await.unwrap();
    let damage = rusqlite::Connection::open(&path).unwrap();
    for (change, back, said) in [
        (
            "UPDATE fills SET role = 'MIDDLE' WHERE id = 3",
            "UPDATE fills SET role = 'BASE' WHERE id = 3",
            "row 3 of fills: no role has the name MIDDLE",
        ),
        (
            "UPDATE fills SET quantity = -1 WHERE id = 4",
            "UPDATE fills SET quantity = 10 WHERE id = 4",
            "row 4 of fills: -1 is too large or too small",
        ),
        ("UPDATE decisions SET state = 'x' WHERE id = 2", "", "row 2 of decisions: no state has the name x"),
    ] {
        damage.execute_batch(change).unwrap();
        let reader = RunReader::open(&path).await.unwrap();
        let mut seen = 0;
        let error = reader.each_record(&Selection::default(), &mut |_| seen += 1).await.unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
        damage.execute_batch(back).unwrap();
    }
}

#[tokio::test]
async fn it_reads_beside_an_engine_and_sees_one_moment() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let steps = steps(60, PolicyScope::Shared);
    let mut store = open(&path).await;
    assert_eq!(RunReader::open(&path).await.unwrap().restored().await.unwrap(), None);
    commit_all(&mut store, &steps[..30], 1).await;
    let reader = RunReader::open(&path).await.unwrap();
    assert_eq!(reader.decisions(&Selection::default()).await.unwrap(), committed(&steps[..30], decision));
    let (records, _) = &steps[30];
    store.commit(records, 31).await.unwrap();
    commit_all(&mut store, &steps, 1).await;
    assert_eq!(reader.decisions(&Selection::default()).await.unwrap(), committed(&steps, decision));
}
