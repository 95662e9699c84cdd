//! The wheel between real parts: the simulated exchange as its broker, SQLite as its store. It comes to what the
//! backtest's simulation comes to, and stopped between any two bars it goes on from its store.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::path::Path;
use std::sync::{Arc, Mutex};

use alavanca::wheel::{Told, Wheel};
use alavanca_adapters_sim::{SimBroker, SyntheticMarket, SyntheticSettings};
use alavanca_adapters_sqlite::{CapitalFacts, Durability, PolicyFacts, SqliteStore, StoreConfig};
use alavanca_engine::{Event, OnOpposite, Record, Restored};
use alavanca_kernel::{Bar, Money, RiskState, Side, TradeId};
use alavanca_ports::{Broker, Store, StoreError};
use alavanca_rl::{RlConfig, ThompsonSampling};
use alavanca_tests::script::mix;
use alavanca_tests::{Bench, Chart, Coin, Rig, points};

/// A store on SQLite, and what was put into it.
struct Seen {
    store: SqliteStore,
    records: Arc<Mutex<Vec<Record>>>,
}

#[async_trait::async_trait]
impl Store<Record, Restored> for Seen {
    async fn commit(&mut self, records: &[Record], cursor: u64) -> Result<(), StoreError> {
        self.store.commit(records, cursor).await?;
        self.records.lock().unwrap().extend(records.iter().cloned());
        Ok(())
    }

    async fn restore(&mut self) -> Result<Option<Restored>, StoreError> {
        self.store.restore().await
    }

    async fn cursor(&mut self) -> Result<u64, StoreError> {
        <SqliteStore as Store<Record, Restored>>::cursor(&mut self.store).await
    }
}

fn rig() -> Rig {
    Rig { actions: Vec::new(), ..Rig::with_brain(Coin::new(7, 25, points(120))).costs(50, 5, 0) }
}

fn market(rig: &Rig) -> Vec<Bar> {
    let settings = SyntheticSettings { days: 2, ..SyntheticSettings::default() };
    SyntheticMarket::new(settings, &rig.instruments[0]).unwrap().collect()
}

async fn open(path: &Path, rig: &Rig, records: &Arc<Mutex<Vec<Record>>>) -> Seen {
    let config = StoreConfig {
        durability: Durability::Backtest,
        symbols: rig.instruments.iter().map(|instrument| instrument.name.clone()).collect(),
        capital: CapitalFacts {
            operator_capital: rig.capital.operator_capital,
            margin_per_contract: rig.capital.margin_per_contract,
            max_contracts_cap: rig.capital.max_contracts_cap,
        },
        policy: PolicyFacts { scope: rig.rl.scope, prior_alpha: rig.rl.prior_alpha, prior_beta: rig.rl.prior_beta },
    };
    Seen { store: SqliteStore::open(path, config).await.unwrap(), records: records.clone() }
}

/// Shows the bars as the backtest's simulation does, and reconciles within the first where it is said so.
async fn show(wheel: &mut Wheel<SimBroker, Seen>, bars: &[Bar], mut reconcile: bool) {
    let broker = wheel.broker_mut().clone();
    for bar in bars {
        broker.on_bar(Bench::SYMBOL, bar);
        if std::mem::take(&mut reconcile) {
            let differences = wheel.reconcile(bar.time, &mut Vec::new()).await.unwrap();
            assert_eq!((differences, wheel.engine().risk().state()), (Vec::new(), RiskState::Active));
        }
        let mut told = wheel.read_account().await;
        told.extend(wheel.turn(Event::Bar(Bench::SYMBOL, *bar)).await);
        broker.after_bar(Bench::SYMBOL, bar);
        told.retain(|told| !matches!(told, Told::Engine(_)));
        assert!(told.is_empty(), "{told:?}");
    }
}

/// What became of each trade; order numbers are left out.
fn trades(records: &[Record]) -> Vec<(TradeId, Money, String)> {
    let of = |record: &Record| match record {
        Record::Trade(trade) => Some((trade.outcome.trade, trade.outcome.net, format!("{:?}", trade.outcome))),
        _ => None,
    };
    records.iter().filter_map(of).collect()
}

#[tokio::test]
async fn it_comes_to_what_the_simulation_comes_to() {
    let (rig, folder, records) = (rig(), tempfile::tempdir().unwrap(), Arc::default());
    let bars = market(&rig);
    let mut bench = rig.bench();
    bench.bars(&bars);
    assert!(trades(&bench.recorder.records).len() > 10);

    let broker = SimBroker::new(rig.exchange());
    let store = open(&folder.path().join("run.db"), &rig, &records).await;
    let standing = Wheel::restore(rig.engine().0, broker, store).await.unwrap();
    let (mut wheel, differences, _) = standing.reconcile(bars[0].time).await.unwrap();
    assert_eq!(differences, []);
    show(&mut wheel, &bars, false).await;
    let records_of_the_bars = records.lock().unwrap().len();
    let (_, _, _, mut store) = wheel.finish().await;
    let restored = store.restore().await.unwrap();
    let records = std::mem::take(&mut *records.lock().unwrap());
    let is_plain = |record: &&Record| !matches!(record, Record::Checkpoint(_));
    let plain: Vec<_> = records[..records_of_the_bars].iter().filter(is_plain).collect();
    for (place, (wanted, got)) in bench.recorder.records.iter().zip(&plain).enumerate() {
        assert_eq!(*got, wanted, "record {place}");
    }
    assert_eq!(plain.len(), bench.recorder.records.len());

    // What SQLite gives back after a restart is the fold of all records, also of those that went through JSON.
    let policy = || ThompsonSampling::new(RlConfig::new(rig.rl).unwrap());
    assert_eq!(Restored::from_records(&records, &mut policy()).unwrap(), restored);
    let lines = records.iter().map(|record| serde_json::to_string(record).unwrap());
    let read = lines.map(|line| serde_json::from_str::<Record>(&line).unwrap());
    assert_eq!(Restored::from_records(read, &mut policy()).unwrap(), restored);
}

#[tokio::test]
async fn stopped_anywhere_it_goes_on_from_its_store() {
    let (rig, folder) = (rig(), tempfile::tempdir().unwrap());
    let bars = market(&rig);
    let (mut in_trade, mut in_order, mut whole) = (0, 0, None);
    let cuts = (0..20).map(|n| (mix(3, n) % (bars.len() as u64 - 1)) as usize + 1);
    // The first run is stopped where nothing has happened yet.
    for (n, cut) in std::iter::once(1).chain(cuts).enumerate() {
        let (path, records) = (folder.path().join(format!("{n}.db")), Arc::default());
        let store = open(&path, &rig, &records).await;
        let standing = Wheel::restore(rig.engine().0, SimBroker::new(rig.exchange()), store).await.unwrap();
        let (mut wheel, ..) = standing.reconcile(bars[0].time).await.unwrap();
        show(&mut wheel, &bars[..cut], false).await;
        let mut broker = wheel.broker_mut().clone();
        in_trade += usize::from(!broker.legs().await.unwrap().is_empty());
        drop(wheel);

        let store = open(&path, &rig, &records).await;
        let mut standing = Wheel::restore(rig.engine().0, broker, store).await.unwrap();
        for bar in &bars[..cut] {
            standing.warm(Bench::SYMBOL, bar);
        }
        let (mut wheel, differences, _) = standing.reconcile(bars[cut - 1].end()).await.unwrap();
        // An order that waits for the next open is no difference in what is held, and still not even.
        let waits = differences.iter().all(|of| of.pending.is_some() && of.books == of.broker);
        assert!(waits, "cut after {cut} bars: {differences:?}");
        let is_even = differences.is_empty();
        in_order += usize::from(!is_even);
        let expected = if is_even { RiskState::Active } else { RiskState::ReduceOnly };
        assert_eq!(wheel.engine().risk().state(), expected, "cut after {cut} bars: {differences:?}");
        show(&mut wheel, &bars[cut..], !is_even).await;

        let (_, _, broker, _) = wheel.finish().await;
        let records = std::mem::take(&mut *records.lock().unwrap());
        let [.., Record::Day(_), Record::Checkpoint(_)] = records[..] else { panic!("the last day's books are open") };
        let got = (trades(&records), learned(&records), broker.books());
        assert!(got.0.len() > 10 && got.1.len() > 10, "{got:?}");
        let wanted = whole.get_or_insert_with(|| got.clone());
        assert_eq!(got, *wanted, "cut after {cut} bars");
    }
    assert!(in_trade > 2 && in_order > 0, "cuts: {in_trade} into a trade, {in_order} into an order");
}

/// A reversal waited for the old trade's end when the engine stopped, and that end comes before the reconciliation.
#[tokio::test]
async fn what_is_reported_before_the_reconciliation_makes_no_entry() {
    let mut rig = Rig::with_signals(&[(2, Side::Buy), (5, Side::Sell)]);
    rig.on_opposite = OnOpposite::Reverse;
    let chart = Chart::default().flat(8);
    let (folder, records) = (tempfile::tempdir().unwrap(), Arc::default());
    let path = folder.path().join("run.db");
    let store = open(&path, &rig, &records).await;
    let standing = Wheel::restore(rig.engine().0, SimBroker::new(rig.exchange()), store).await.unwrap();
    let (mut wheel, ..) = standing.reconcile(chart.bars[0].time).await.unwrap();
    show(&mut wheel, &chart.bars[..6], false).await;
    let broker = wheel.broker_mut().clone();
    drop(wheel);

    // The closing orders fill while nobody is there.
    broker.on_bar(Bench::SYMBOL, &chart.bars[6]);
    let store = open(&path, &rig, &records).await;
    let standing = Wheel::restore(rig.engine().0, broker, store).await.unwrap();
    let (wheel, differences, _) = standing.reconcile(chart.bars[6].end()).await.unwrap();
    assert_eq!((differences, wheel.engine().risk().state()), (Vec::new(), RiskState::Active));
    let records = records.lock().unwrap();
    assert_eq!(trades(&records).len(), 1, "the old trade has ended");
    assert_eq!(wheel.engine().open_trades().count(), 0, "and nothing was entered on old grounds");
}

/// The trades that the policy learned from, in order: each once.
fn learned(records: &[Record]) -> Vec<TradeId> {
    let of = |record: &Record| if let Record::Learned(learned) = record { Some(learned.outcome.trade) } else { None };
    let learned: Vec<_> = records.iter().filter_map(of).collect();
    let mut once = learned.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(learned.len(), once.len(), "learned twice: {learned:?}");
    learned
}
