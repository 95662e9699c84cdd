//! The wheel's promise, with store and broker mocked: an entry is durable before it is sent, what could not be stored is
//! not sent, and what has an unknown outcome is not sent again.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};

use alavanca::wheel::{Difference, Holding, StartError, Told, Wheel};
use alavanca_engine::{AccountView, Command, Event, Record, Restored};
use alavanca_kernel::{
    Action, Bar, Contracts, ExitKind, FillReport, LegId, LegRole, Money, OrderId, OrderIntent, OrderReport,
    OrderRequest, Price, RiskState, Side,
};
use alavanca_ports::{BrokerError, BrokerLeg, MockBroker, MockStore, StoreError};
use alavanca_scalp::ProtectMode;
use alavanca_tests::{Bench, Chart, Rig, at_minute, points};

/// What happened, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Done {
    Stored(Vec<OrderId>),
    Refused,
    Sent(OrderId),
    Moved(LegId, Price, Option<Price>),
}

type Log = Arc<Mutex<Vec<Done>>>;
/// What a broker will report next.
type Reports = Arc<Mutex<VecDeque<OrderReport>>>;
type TestWheel = Wheel<MockBroker, MockStore<Record, Restored>>;

/// A wheel that turns: nothing was stored, nothing is open.
async fn wheel(rig: &Rig, store: MockStore<Record, Restored>, broker: MockBroker) -> TestWheel {
    let standing = Wheel::restore(rig.engine().0, broker, store).await.unwrap();
    let (wheel, differences, told) = standing.reconcile(at_minute(-1)).await.unwrap();
    assert!(differences.is_empty() && told.is_empty(), "{differences:?} {told:?}");
    wheel
}

async fn bars(wheel: &mut TestWheel, bars: &[Bar]) -> Vec<Told> {
    let mut told = Vec::new();
    for bar in bars {
        let amount = Money::from_units(10_000);
        let account = AccountView { equity: amount, free_margin: amount, at: bar.end() };
        told.extend(wheel.turn(Event::Account(account)).await);
        told.extend(wheel.turn(Event::Bar(Bench::SYMBOL, *bar)).await);
    }
    told
}

fn ids(records: &[Record]) -> Vec<OrderId> {
    records.iter().filter_map(|record| if let Record::Order(order) = record { Some(order.id) } else { None }).collect()
}

fn open_trades(wheel: &TestWheel) -> usize {
    wheel.engine().open_trades().count()
}

fn sent(log: &Log) -> Vec<u64> {
    let log = log.lock().unwrap();
    log.iter().filter_map(|done| if let Done::Sent(id) = done { Some(id.get()) } else { None }).collect()
}

/// Commits are counted from 1.
const NEVER: RangeInclusive<usize> = 0..=0;

/// A store without a past, whose commits with these numbers fail.
fn store(log: &Log, failing: RangeInclusive<usize>) -> MockStore<Record, Restored> {
    let (log, mut commits) = (log.clone(), 0);
    let mut store = empty_store();
    store.expect_commit().returning(move |records, _| {
        commits += 1;
        if failing.contains(&commits) {
            log.lock().unwrap().push(Done::Refused);
            return Err(StoreError::Io("disk full".to_owned()));
        }
        log.lock().unwrap().push(Done::Stored(ids(records)));
        Ok(())
    });
    store
}

fn empty_store() -> MockStore<Record, Restored> {
    let mut store = MockStore::new();
    store.expect_cursor().returning(|| Ok(0));
    store.expect_restore().returning(|| Ok(None));
    store
}

/// A broker that has nothing open, takes all orders, and reports what it is told to.
fn broker(log: &Log, reports: &Reports) -> MockBroker {
    let log = log.clone();
    let mut broker = quiet_broker(reports);
    broker.expect_submit().returning(move |order| {
        log.lock().unwrap().push(Done::Sent(order.id));
        Ok(())
    });
    broker.expect_legs().returning(|| Ok(Vec::new()));
    // What never left may be taken back: that does no harm.
    broker.expect_cancel().returning(|_, _| Ok(()));
    broker
}

fn quiet_broker(reports: &Reports) -> MockBroker {
    let reports = reports.clone();
    let mut broker = MockBroker::new();
    broker.expect_reports().returning(move || Ok(reports.lock().unwrap().drain(..).collect()));
    broker
}

fn fill(order: &OrderRequest, quantity: u32) -> FillReport {
    let quantity = Contracts::new(quantity);
    let remaining = order.quantity.saturating_sub(quantity);
    FillReport { quantity, remaining, ..order.filled(points(130_000), order.at) }
}

/// An opening order of the first trade.
fn opening(id: u64, role: LegRole, quantity: u32) -> OrderRequest {
    OrderRequest {
        id: OrderId::new(id),
        symbol: Bench::SYMBOL,
        leg: LegId { trade: alavanca_kernel::TradeId::new(1), role },
        intent: OrderIntent::Open,
        side: Side::Buy,
        quantity: Contracts::new(quantity),
        protection: alavanca_kernel::Protection::default(),
        at: at_minute(3),
    }
}

/// The broker's view of a leg of the first trade.
fn leg(role: LegRole, quantity: u32) -> BrokerLeg {
    let OrderRequest { symbol, leg, side, .. } = opening(1, role, quantity);
    BrokerLeg {
        symbol,
        leg,
        side,
        quantity: Contracts::new(quantity),
        entry: points(130_000),
        stop_loss: None,
        take_profit: None,
    }
}

/// A bridge may die between the account's first reading and the start: the wheel stands on, and nothing is lost of it.
#[tokio::test]
async fn a_broker_that_is_silent_at_the_start_is_asked_again() {
    let (log, reports) = (Log::default(), Reports::default());
    let rig = Rig { actions: vec![Action::Enter], ..Rig::with_signals(&[(2, Side::Buy)]) };
    let mut broker = quiet_broker(&reports);
    let mut asked = 0;
    broker.expect_legs().returning(move || {
        asked += 1;
        if asked > 2 { Ok(Vec::new()) } else { Err(BrokerError::Unavailable("no bridge is connected".to_owned())) }
    });
    let sends = log.clone();
    broker.expect_submit().times(1).returning(move |order| {
        sends.lock().unwrap().push(Done::Sent(order.id));
        Ok(())
    });
    let mut standing = Wheel::restore(rig.engine().0, broker, store(&log, NEVER)).await.unwrap();
    let mut told = Vec::new();
    for _ in 0..2 {
        let (still, error) = *standing.try_reconcile(at_minute(-1), &mut told).await.unwrap_err();
        assert!(matches!(error, BrokerError::Unavailable(_)));
        standing = still;
    }
    let (mut wheel, differences) = standing.try_reconcile(at_minute(-1), &mut told).await.unwrap();
    assert!(differences.is_empty() && told.is_empty(), "{differences:?} {told:?}");
    bars(&mut wheel, &Chart::default().flat(4).bars).await;
    assert_eq!(sent(&log), [1]);
}

#[tokio::test]
async fn an_entry_is_durable_before_it_is_sent() {
    let (log, reports) = (Log::default(), Reports::default());
    let rig = Rig::with_signals(&[(2, Side::Buy)]);
    let mut wheel = wheel(&rig, store(&log, NEVER), broker(&log, &reports)).await;
    bars(&mut wheel, &Chart::default().flat(5).bars).await;
    let log = log.lock().unwrap();
    let sent: Vec<usize> = (0..log.len()).filter(|&n| matches!(log[n], Done::Sent(_))).collect();
    assert_eq!(sent.len(), 2, "base and extra: {log:?}");
    for place in sent {
        let Done::Sent(order) = log[place] else { unreachable!() };
        let stored = log[..place].iter().any(|done| matches!(done, Done::Stored(ids) if ids.contains(&order)));
        assert!(stored, "{order} was sent before it was stored: {log:?}");
    }
}

/// Every record of one step is in one commit, and each order's with the decision that wanted it.
#[tokio::test]
async fn a_step_is_one_transaction() {
    let rig = Rig::with_signals(&[(2, Side::Buy)]);
    let mut store = empty_store();
    let kinds = |records: &[Record]| {
        let has = |is: fn(&Record) -> bool| records.iter().any(is);
        (has(|r| matches!(r, Record::Decision(_))), has(|r| matches!(r, Record::Checkpoint(_))), ids(records).len())
    };
    store
        .expect_commit()
        // The reconciliation at start, then account and bar, three times.
        .withf(move |records, cursor| kinds(records) == (true, true, 2) && *cursor == 7)
        .times(1)
        .returning(|_, _| Ok(()));
    let mut wheel = wheel(&rig, store, broker(&Log::default(), &Reports::default())).await;
    bars(&mut wheel, &Chart::default().flat(3).bars).await;
}

#[tokio::test]
async fn entries_that_could_not_be_stored_are_not_sent() {
    let (log, reports) = (Log::default(), Reports::default());
    let rig = Rig::with_signals(&[(2, Side::Buy), (4, Side::Buy), (7, Side::Buy)]);
    let chart = Chart::default().flat(10);
    let mut wheel = wheel(&rig, store(&log, 1..=6), broker(&log, &reports)).await;
    let told = bars(&mut wheel, &chart.bars[..3]).await;
    assert!(matches!(told[..], [Told::NotStored(_)]), "said once: {told:?}");
    assert_eq!(wheel.engine().risk().state(), RiskState::ReduceOnly);
    assert_eq!(open_trades(&wheel), 0, "what never left is not waited for");
    let told = bars(&mut wheel, &chart.bars[3..6]).await;
    assert!(matches!(told[..], [Told::StoredAgain]), "{told:?}");
    assert_eq!(open_trades(&wheel), 0, "no entry until reconciled");
    assert_eq!(sent(&log), [0; 0]);

    // Books and broker agree again: entries go on.
    let differences = wheel.reconcile(at_minute(6), &mut Vec::new()).await.unwrap();
    assert_eq!((differences, wheel.engine().risk().state()), (Vec::new(), RiskState::Active));
    bars(&mut wheel, &chart.bars[6..]).await;
    assert_eq!(sent(&log), [3, 4], "numbers that may be in the world are not used again");
}

/// What the store missed is not lost: it goes with the first commit that is taken again, in order, once.
#[tokio::test]
async fn what_the_store_missed_goes_with_the_next_commit() {
    let missed = Arc::new(Mutex::new((Vec::new(), Vec::new())));
    let rig = Rig::with_signals(&[(2, Side::Buy)]);
    let (seen, mut commits) = (missed.clone(), 0);
    let mut store = empty_store();
    store.expect_commit().returning(move |records, _| {
        let mut seen = seen.lock().unwrap();
        commits += 1;
        let plain: Vec<Record> = records.iter().filter(|r| !matches!(r, Record::Checkpoint(_))).cloned().collect();
        let checkpoints = records.len() - plain.len();
        assert!(checkpoints == 1 && matches!(records.last(), Some(Record::Checkpoint(_))), "{records:?}");
        if commits <= 4 {
            seen.0 = plain;
            return Err(StoreError::Io("disk full".to_owned()));
        }
        seen.1.extend(plain);
        Ok(())
    });
    let mut wheel = wheel(&rig, store, broker(&Log::default(), &Reports::default())).await;
    bars(&mut wheel, &Chart::default().flat(8).bars).await;
    let (missed, stored) = &*missed.lock().unwrap();
    assert!(missed.iter().any(|record| matches!(record, Record::Decision(_))), "the decision was missed: {missed:?}");
    assert_eq!(stored[..missed.len()], missed[..]);
    let decisions = stored.iter().filter(|record| matches!(record, Record::Decision(_))).count();
    assert_eq!(decisions, 1, "stored once");
}

/// A limit or a failure stops entries, never exits (semantics 35).
#[tokio::test]
async fn exits_are_sent_though_the_store_fails() {
    let (log, reports) = (Log::default(), Reports::default());
    let rig = Rig { actions: vec![Action::Enter], ..Rig::with_signals(&[(2, Side::Buy)]) };
    let mut wheel = wheel(&rig, store(&log, 3..=99), broker(&log, &reports)).await;
    let chart = Chart::default().flat(6);
    bars(&mut wheel, &chart.bars[..3]).await;
    wheel.turn(Event::Order(OrderReport::Filled(fill(&opening(1, LegRole::Base, 10), 10)))).await;
    assert_eq!(sent(&log), [1]);
    let told = wheel.turn(Event::Command(Command::Flatten, at_minute(4))).await;
    assert!(matches!(told[..], [Told::NotStored(_)]), "{told:?}");
    assert_eq!(sent(&log), [1, 2], "the exit leaves, stored or not");
    assert_eq!(wheel.engine().risk().state(), RiskState::ReduceOnly);
}

/// An exit left while the store was down, and the engine stopped before it was stored: a broker executes a number once,
/// so no other order may have it.
#[tokio::test]
async fn numbers_of_a_life_that_was_not_stored_are_not_used_again() {
    let log = Log::default();
    let rig = Rig { actions: vec![Action::Enter], ..Rig::with_signals(&[(2, Side::Buy)]) };
    let checkpoint = rig.engine().0.checkpoint();
    assert_eq!(checkpoint.orders, 0);
    let mut past = MockStore::new();
    past.expect_cursor().returning(|| Ok(7));
    past.expect_restore().returning(move || {
        Ok(Some(Restored { checkpoint: checkpoint.clone(), policy: Vec::new(), snapshots: Vec::new() }))
    });
    past.expect_commit().withf(|_, cursor| *cursor > 7).returning(|_, _| Ok(()));
    let standing = Wheel::restore(rig.engine().0, broker(&log, &Reports::default()), past).await.unwrap();
    let (mut wheel, ..) = standing.reconcile(at_minute(-1)).await.unwrap();
    bars(&mut wheel, &Chart::default().flat(4).bars).await;
    assert_eq!(sent(&log), [1_001]);
}

#[tokio::test]
async fn an_order_of_unknown_outcome_is_not_sent_again() {
    for answer in [BrokerError::Unknown("cut off".to_owned()), BrokerError::Unavailable("no answer".to_owned())] {
        let (log, reports) = (Log::default(), Reports::default());
        let rig = Rig { actions: vec![Action::Enter], ..Rig::with_signals(&[(2, Side::Buy), (9, Side::Buy)]) };
        let mut broker = quiet_broker(&reports);
        let mut asked = 0;
        broker.expect_submit().times(1).returning(move |_| Err(answer.clone()));
        broker.expect_legs().times(2..).returning(move || {
            asked += 1;
            if asked == 1 { Ok(Vec::new()) } else { Err(BrokerError::Unavailable("still dead".to_owned())) }
        });
        let mut wheel = wheel(&rig, store(&log, NEVER), broker).await;
        let told = bars(&mut wheel, &Chart::default().flat(20).bars).await;
        assert!(matches!(told[..], [Told::Unknown(..), Told::NoAnswer(_), ..]), "{told:?}");
        // Twenty bars and another signal later: it may be there, so the symbol is taken.
        assert_eq!(open_trades(&wheel), 1);
        assert_eq!(wheel.engine().counts().signals_while_open, 1);
        assert_eq!(wheel.in_doubt().len(), 1);

        // It was there all the time.
        let order = wheel.in_doubt()[0];
        reports.lock().unwrap().push_back(OrderReport::Filled(fill(&order, 10)));
        wheel.turn(Event::Account(AccountView { equity: Money::ZERO, free_margin: Money::ZERO, at: order.at })).await;
        assert_eq!(wheel.in_doubt(), [], "its own report proves it");
        let trade = wheel.engine().open_trades().next().unwrap();
        assert_eq!((trade.base.open(), wheel.engine().counts().unexpected_reports), (Contracts::new(10), 0));
    }
}

/// Not there is no proof: it may be on its way. Only a proof frees the symbol, and then something new may be tried.
#[tokio::test]
async fn a_doubt_ends_by_proof_alone() {
    for there in [true, false] {
        let (log, reports) = (Log::default(), Reports::default());
        let rig = Rig { actions: vec![Action::Enter], ..Rig::with_signals(&[(2, Side::Buy), (9, Side::Buy)]) };
        let mut broker = quiet_broker(&reports);
        let (mut asked, mut submitted) = (0, 0);
        broker.expect_submit().returning(move |_| {
            submitted += 1;
            if submitted == 1 { Err(BrokerError::Unknown("cut off".to_owned())) } else { Ok(()) }
        });
        broker.expect_legs().returning(move || {
            asked += 1;
            Ok(if there && asked > 3 { vec![leg(LegRole::Base, 10)] } else { Vec::new() })
        });
        let mut wheel = wheel(&rig, store(&log, NEVER), broker).await;
        let chart = Chart::default().flat(12);
        let told = bars(&mut wheel, &chart.bars[..7]).await;
        let proven = told.iter().any(|told| matches!(told, Told::Proven(_)));
        assert_eq!((proven, wheel.in_doubt().len()), (there, usize::from(!there)), "{told:?}");
        assert_eq!(open_trades(&wheel), 1);
        if !there {
            let differences = wheel.reconcile(at_minute(7), &mut Vec::new()).await.unwrap();
            assert_eq!(differences.len(), 1, "{differences:?}");
            assert_eq!(wheel.engine().risk().state(), RiskState::ReduceOnly, "what is pending is not even");
            wheel.never_left(OrderId::new(1)).await;
            assert_eq!((open_trades(&wheel), wheel.in_doubt().len()), (0, 0));
            let differences = wheel.reconcile(at_minute(8), &mut Vec::new()).await.unwrap();
            assert_eq!((differences, wheel.engine().risk().state()), (Vec::new(), RiskState::Active));
            bars(&mut wheel, &chart.bars[7..]).await;
            assert_eq!(open_trades(&wheel), 1, "the next signal is taken");
        }
    }
}

/// The engine believes its stop to be at break-even: the broker is asked until it is, or the leg is gone.
#[tokio::test]
async fn exits_that_did_not_move_are_asked_for_again() {
    let (log, reports) = (Log::default(), Reports::default());
    let mut rig = Rig::with_signals(&[(2, Side::Buy)]);
    rig.scalp.protect_mode = ProtectMode::BreakEven;
    let mut broker = quiet_broker(&reports);
    let (seen, mut moves, mut asked) = (log.clone(), 0, 0);
    broker.expect_submit().returning(|_| Ok(()));
    broker.expect_legs().returning(move || {
        asked += 1;
        Ok(if asked == 1 { Vec::new() } else { vec![leg(LegRole::Base, 10)] })
    });
    broker.expect_move_exits().returning(move |_, leg, stop, target| {
        moves += 1;
        seen.lock().unwrap().push(Done::Moved(leg, stop, target));
        if moves <= 2 { Err(BrokerError::Unavailable("no answer".to_owned())) } else { Ok(()) }
    });
    let mut wheel = wheel(&rig, store(&Log::default(), NEVER), broker).await;
    let chart = Chart::default().flat(3).to(130_090).flat(5);
    bars(&mut wheel, &chart.bars[..3]).await;
    let (base, extra) = (opening(1, LegRole::Base, 10), opening(2, LegRole::Extra, 1));
    let won = FillReport {
        order: None,
        intent: OrderIntent::Close,
        side: Side::Sell,
        price: points(130_080),
        reference: points(130_080),
        exit: Some(ExitKind::TakeProfit),
        ..fill(&extra, 1)
    };
    reports.lock().unwrap().extend([fill(&base, 10), fill(&extra, 1), won].map(OrderReport::Filled));
    let told = bars(&mut wheel, &chart.bars[3..]).await;
    assert!(matches!(told[..], [Told::NotMoved(..), ..]), "{told:?}");
    let moved = Done::Moved(base.leg, points(130_000), Some(points(130_200)));
    assert_eq!(*log.lock().unwrap(), [moved.clone(), moved.clone(), moved], "asked until it is done, and then no more");
}

/// A fill that fits nothing that is known stops entries: something is out of step.
#[tokio::test]
async fn a_report_that_fits_nothing_stops_entries_until_reconciled() {
    let (log, reports) = (Log::default(), Reports::default());
    let rig = Rig::with_signals(&[(2, Side::Buy)]);
    let mut wheel = wheel(&rig, store(&log, NEVER), broker(&log, &reports)).await;
    let stray = OrderRequest {
        leg: LegId { trade: alavanca_kernel::TradeId::new(77), role: LegRole::Base },
        ..opening(99, LegRole::Base, 1)
    };
    reports.lock().unwrap().push_back(OrderReport::Filled(fill(&stray, 1)));
    let told = bars(&mut wheel, &Chart::default().flat(4).bars).await;
    assert!(matches!(told[..], [Told::Engine(_)]), "{told:?}");
    let engine = wheel.engine();
    assert_eq!((engine.counts().unexpected_reports, engine.risk().state()), (1, RiskState::ReduceOnly));
    assert_eq!(open_trades(&wheel), 0);
}

/// "Query failed" is not "flat": nothing turns before the broker has said what is open.
#[tokio::test]
async fn it_stands_still_until_the_broker_has_answered() {
    let rig = Rig::default();
    let mut broker = quiet_broker(&Reports::default());
    broker.expect_legs().returning(|| Err(BrokerError::Unavailable("no line".to_owned())));
    let standing = Wheel::restore(rig.engine().0, broker, store(&Log::default(), NEVER)).await.unwrap();
    let started = standing.reconcile(at_minute(0)).await;
    assert!(matches!(started, Err(StartError::Broker(BrokerError::Unavailable(_)))), "{:?}", started.err());
}

#[tokio::test]
async fn a_leg_that_only_the_broker_knows_stops_entries() {
    let (log, rig) = (Log::default(), Rig::with_signals(&[(2, Side::Buy)]));
    let mut broker = quiet_broker(&Reports::default());
    broker.expect_legs().returning(|| Ok(vec![leg(LegRole::Extra, 3)]));
    broker.expect_submit().never();
    let standing = Wheel::restore(rig.engine().0, broker, store(&log, NEVER)).await.unwrap();
    let (mut wheel, differences, _) = standing.reconcile(at_minute(0)).await.unwrap();
    let BrokerLeg { symbol, leg, side, quantity, .. } = leg(LegRole::Extra, 3);
    let holding = Holding { side, quantity };
    assert_eq!(differences, [Difference { symbol, leg, books: None, broker: Some(holding), pending: None }]);
    bars(&mut wheel, &Chart::default().flat(4).bars).await;
    assert_eq!((open_trades(&wheel), wheel.engine().risk().state()), (0, RiskState::ReduceOnly));
}
