//! How many rows a second reach the disk: grouped as in a backtest, and one durable step at a time as live. Beside
//! each: plain rusqlite on the same SQLite, with the same row of `capital_state` alone, and sea-orm's own inserts.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark's own macros and set-up")]

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use alavanca_adapters_sqlite::entity::capital_state;
use alavanca_adapters_sqlite::{CapitalFacts, Durability, PolicyFacts, SqliteStore, StoreConfig};
use alavanca_engine::{AllocationRecord, Record};
use alavanca_kernel::{
    Allocation, Contracts, Hour, LayerMask, MarketContext, Money, Refusal, Regime, RiskState, SymbolId, Timestamp,
    TradingDay, Unit,
};
use alavanca_ports::Store;
use alavanca_rl::PolicyScope;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sea_orm::{ActiveValue, ConnectionTrait, EntityTrait, Set, TransactionTrait};

#[path = "../tests/life/mod.rs"]
mod life;

const GROUP: u64 = 1_000;

fn config(durability: Durability) -> StoreConfig {
    StoreConfig {
        durability,
        symbols: vec!["EURUSD".to_owned()],
        capital: CapitalFacts {
            operator_capital: Money::from_units(10_000),
            margin_per_contract: Money::from_units(1_000),
            max_contracts_cap: 10,
        },
        policy: PolicyFacts { scope: PolicyScope::Shared, prior_alpha: 1.0, prior_beta: 1.0 },
    }
}

/// One bar's allocation, refused by the sixth layer.
fn record(bar: u64) -> Record {
    let at = Timestamp::from_secs(1_641_168_000 + 60 * bar as i64);
    let profit = Money::from_cents((bar % 4_000) as i64);
    Record::Allocation(AllocationRecord {
        context: MarketContext {
            symbol: SymbolId::new(0),
            at,
            day: TradingDay::from_days((at.secs() / 86_400) as i32),
            hour: Hour::new((at.secs() / 3_600 % 24) as u8).unwrap(),
            regime: Regime::ALL[(bar % 5) as usize],
            transition: Some(false),
            confidence: Unit::new(0.72),
            disagreement: Unit::new(0.2),
            liquidity: Unit::new(0.8123),
            daily_profit: Some(profit),
            equity: Some(Money::from_units(10_000)),
            margin_elsewhere: Money::ZERO,
            free_margin: Some(Money::from_units(10_000)),
            cooldown_until: None,
            risk: RiskState::Active,
        },
        allocation: Allocation {
            base: Contracts::new(10),
            extra: Contracts::ZERO,
            capital: Money::from_units(10_000),
            layers: LayerMask::from_bits(0b1101_1111),
            refusal: Some(Refusal::DailyProfitBelow { got: Some(profit), min: Money::from_units(50) }),
        },
    })
}

fn records(first: u64, count: u64) -> Vec<Record> {
    (first..first + count).map(record).collect()
}

/// The texts of the same row, as plainly as they can be made.
fn texts(bar: u64, time: &mut String, detail: &mut String) {
    time.clear();
    detail.clear();
    let (days, minute) = (bar / 1_440, bar % 1_440);
    write!(time, "2022-01-{:02}T{:02}:{:02}:00Z", 3 + days % 28, minute / 60, minute % 60).unwrap();
    write!(
        detail,
        "{{\"regime\":\"TREND_UP\",\"transition\":false,\"confidence\":{},\"disagreement\":{},\"liquidity\":{},\
         \"daily_profit\":{},\"capital\":10000.00,\"layers\":223,\"refusal\":{{\"reason\":\
         \"daily_profit_below_minimum\",\"got\":{},\"min\":5000}}}}",
        0.72,
        0.2,
        0.8123,
        (bar % 4_000) as f64 / 100.0,
        bar % 4_000,
    )
    .unwrap();
}

const REASON: &str = "daily_profit_below_minimum";
const PLAIN: &str = "INSERT INTO capital_state VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";

fn plain(path: &Path, synchronous: &str) -> rusqlite::Connection {
    let db = rusqlite::Connection::open(path).unwrap();
    db.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous};
         CREATE TABLE capital_state (id INTEGER PRIMARY KEY, time TEXT, symbol TEXT, operator_capital_brl REAL,
         margin_per_contract_brl REAL, max_contracts_cap INTEGER, base_contracts INTEGER, extra_contracts INTEGER,
         final_contracts INTEGER, reason TEXT, detail_json TEXT)"
    ))
    .unwrap();
    db
}

fn plain_rows(db: &rusqlite::Connection, insert: &mut rusqlite::Statement<'_>, first: u64, count: u64) {
    let (mut time, mut detail) = (String::new(), String::new());
    db.execute_batch("BEGIN IMMEDIATE").unwrap();
    for bar in first..first + count {
        texts(bar, &mut time, &mut detail);
        let id = bar as i64 + 1;
        insert
            .execute(rusqlite::params![id, time, "EURUSD", 10_000.0, 1_000.0, 10, 10, 0, 10, REASON, detail])
            .unwrap();
    }
    db.execute_batch("COMMIT").unwrap();
}

fn model(bar: u64) -> capital_state::ActiveModel {
    let (mut time, mut detail) = (String::new(), String::new());
    texts(bar, &mut time, &mut detail);
    capital_state::ActiveModel {
        id: ActiveValue::NotSet,
        time: Set(Some(time)),
        symbol: Set(Some("EURUSD".to_owned())),
        operator_capital_brl: Set(Some(10_000.0)),
        margin_per_contract_brl: Set(Some(1_000.0)),
        max_contracts_cap: Set(Some(10)),
        base_contracts: Set(Some(10)),
        extra_contracts: Set(Some(0)),
        final_contracts: Set(Some(10)),
        reason: Set(Some(REASON.to_owned())),
        detail_json: Set(Some(detail)),
    }
}

/// Groups of 1,000 rows, without a wait for the disk.
fn grouped(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut group = c.benchmark_group("grouped");
    group.throughput(Throughput::Elements(GROUP)).sample_size(30);
    group.bench_function("ours", |b| {
        let folder = tempfile::tempdir().unwrap();
        let mut store =
            runtime.block_on(SqliteStore::open(&folder.path().join("a.db"), config(Durability::Backtest))).unwrap();
        let mut bar = 0;
        b.iter_custom(|times| {
            let mut spent = Duration::ZERO;
            for _ in 0..times {
                let records = records(bar, GROUP);
                bar += GROUP;
                let begin = Instant::now();
                runtime.block_on(store.commit(&records, bar)).unwrap();
                spent += begin.elapsed();
            }
            spent
        });
    });
    group.bench_function("rusqlite, capital_state alone", |b| {
        let folder = tempfile::tempdir().unwrap();
        let db = plain(&folder.path().join("a.db"), "NORMAL");
        let mut insert = db.prepare(PLAIN).unwrap();
        let mut bar = 0;
        b.iter(|| {
            plain_rows(&db, &mut insert, bar, GROUP);
            bar += GROUP;
        });
    });
    group.bench_function("sea-orm insert_many, capital_state alone", |b| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        drop(plain(&path, "NORMAL"));
        let db = runtime.block_on(sea_orm::Database::connect(format!("sqlite://{}", path.display()))).unwrap();
        runtime.block_on(db.execute_unprepared("PRAGMA synchronous = NORMAL")).unwrap();
        let mut bar = 0;
        b.iter(|| {
            runtime.block_on(async {
                let step = db.begin().await.unwrap();
                for first in (bar..bar + GROUP).step_by(500) {
                    let rows = (first..first + 500).map(model);
                    capital_state::Entity::insert_many(rows).exec_without_returning(&step).await.unwrap();
                }
                step.commit().await.unwrap();
            });
            bar += GROUP;
        });
    });
    group.finish();
}

/// One step, one row, one wait for the disk. Ours and plain by turns, since the disk's speed changes by the minute.
fn durable(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut store =
        runtime.block_on(SqliteStore::open(&folder.path().join("ours.db"), config(Durability::Live))).unwrap();
    let db = plain(&folder.path().join("plain.db"), "FULL");
    let mut insert = db.prepare(PLAIN).unwrap();
    let (mut bar, mut plain_bar) = (0, 0);
    let (mut ours, mut theirs) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..1_500 {
        let begin = Instant::now();
        plain_rows(&db, &mut insert, plain_bar, 1);
        theirs += begin.elapsed();
        plain_bar += 1;
        let records = records(bar, 1);
        bar += 1;
        let begin = Instant::now();
        runtime.block_on(store.commit(&records, bar)).unwrap();
        ours += begin.elapsed();
    }
    let rate = |spent: Duration| 1_500.0 / spent.as_secs_f64();
    eprintln!(
        "durable steps a second, by turns: ours {:.0}, plain rusqlite {:.0}, ratio {:.2}",
        rate(ours),
        rate(theirs),
        rate(ours) / rate(theirs)
    );
    let mut group = c.benchmark_group("durable step");
    group.throughput(Throughput::Elements(1)).sample_size(50);
    group.bench_function("ours", |b| {
        b.iter(|| {
            bar += 1;
            runtime.block_on(store.commit(&[record(bar)], bar)).unwrap();
        });
    });
    group.bench_function("rusqlite, capital_state alone", |b| {
        b.iter(|| {
            plain_rows(&db, &mut insert, plain_bar, 1);
            plain_bar += 1;
        });
    });
    group.finish();
}

/// A life of decisions, orders, lessons and rollbacks, grouped as in a backtest: what the hash chains and the policy's
/// rows cost. By the clock on the wall, the whole of it into a new database.
fn lived(c: &mut Criterion) {
    const STEPS: usize = 12_000;
    const RECORDS: usize = 4_096;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut commits = vec![(Vec::new(), 0)];
    for (step, (mut records, _)) in life::steps(STEPS, PolicyScope::Shared).into_iter().enumerate() {
        let (commit, cursor): &mut (Vec<Record>, u64) = commits.last_mut().unwrap();
        // One checkpoint a commit, as a runner takes it.
        commit.retain(|record| !matches!(record, Record::Checkpoint(_)));
        commit.append(&mut records);
        *cursor = step as u64 + 1;
        if commit.len() >= RECORDS {
            commits.push((Vec::new(), 0));
        }
    }
    commits.retain(|(records, _)| !records.is_empty());
    let count: usize = commits.iter().map(|(records, _)| records.len()).sum();
    let mut group = c.benchmark_group("a life");
    group.throughput(Throughput::Elements(count as u64)).sample_size(10);
    group.bench_function("ours", |b| {
        b.iter_custom(|times| {
            let mut spent = Duration::ZERO;
            for _ in 0..times {
                let folder = tempfile::tempdir().unwrap();
                let mut store = runtime.block_on(life::open(&folder.path().join("a.db")));
                let begin = Instant::now();
                for (records, cursor) in &commits {
                    runtime.block_on(store.commit(records, *cursor)).unwrap();
                }
                spent += begin.elapsed();
            }
            spent
        });
    });
    group.finish();
}

criterion_group!(benches, grouped, lived, durable);
criterion_main!(benches);
