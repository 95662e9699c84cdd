//! The runner's promise, with store and broker mocked: an intent is durable before it is sent, what could not be stored
//! is not sent, and what has an unknown outcome is not sent again.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::sync::{Arc, Mutex};

use alavanca_engine::{AccountView, Command, Effect, Engine, Event, Record, Restored};
use alavanca_kernel::{
    Bar, Contracts, FillReport, LegRole, Money, OrderId, OrderReport, OrderRequest, RejectReason, RiskState, Side,
};
use alavanca_ports::{Broker, BrokerError, MockBroker, MockStore, Store, StoreError};
use alavanca_tests::{Bench, Chart, Rig, at_minute};

/// What happened, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Done {
    Stored(Vec<OrderId>),
    Refused,
    Sent(OrderId),
}

type Log = Arc<Mutex<Vec<Done>>>;

/// Turns the wheel: step, commit, and only then send.
struct Runner {
    engine: Engine,
    store: MockStore<Record, Restored>,
    broker: MockBroker,
    cursor: u64,
    /// Orders of which it is not known whether they exist.
    in_doubt: Vec<OrderRequest>,
}

impl Runner {
    async fn turn(&mut self, event: Event) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            let mut effects = Vec::new();
            self.engine.step(&event, &mut effects);
            self.cursor += 1;
            let mut records = Vec::new();
            let mut orders = Vec::new();
            for effect in effects {
                match effect {
                    Effect::Record(record) => records.push(record),
                    Effect::Submit(order) => orders.push(order),
                    Effect::Cancel(..) | Effect::Modify { .. } | Effect::Notify(_) => {}
                }
            }
            if !records.is_empty() {
                let checkpoint = self.engine.take_checkpoint().expect("what was recorded changed the engine");
                records.push(Record::Checkpoint(Box::new(checkpoint)));
                if self.store.commit(&records, self.cursor).await.is_err() {
                    // Nothing of this step is in the world: its orders never left.
                    events.extend(orders.iter().map(not_sent));
                    if self.engine.risk().state() != RiskState::ReduceOnly {
                        events.push(Event::Command(Command::StoreFailed, at_minute(0)));
                    }
                    continue;
                }
            }
            for order in orders {
                match self.broker.submit(order).await {
                    Ok(()) => {}
                    Err(BrokerError::Unknown(_)) => self.in_doubt.push(order),
                    Err(BrokerError::NotSent(_) | BrokerError::Unavailable(_)) => events.push(not_sent(&order)),
                }
            }
            if !self.in_doubt.is_empty() {
                // A question, never a retry: legs that are there prove their orders.
                if let Ok(legs) = self.broker.legs().await {
                    self.in_doubt.retain(|order| legs.iter().all(|leg| leg.leg != order.leg));
                }
            }
        }
    }

    async fn bars(&mut self, bars: &[Bar]) {
        for bar in bars {
            let amount = Money::from_units(10_000);
            self.turn(Event::Account(AccountView { equity: amount, free_margin: amount, at: bar.end() })).await;
            self.turn(Event::Bar(Bench::SYMBOL, *bar)).await;
        }
    }
}

fn not_sent(order: &OrderRequest) -> Event {
    let OrderRequest { id, symbol, leg, intent, at, .. } = *order;
    Event::Order(OrderReport::Rejected { order: id, symbol, leg, intent, reason: RejectReason::Other, at })
}

fn ids(records: &[Record]) -> Vec<OrderId> {
    records.iter().filter_map(|record| if let Record::Order(order) = record { Some(order.id) } else { None }).collect()
}

/// A store whose commits with these numbers, counted from 1, fail.
fn store(log: &Log, failing: std::ops::RangeInclusive<usize>) -> MockStore<Record, Restored> {
    let (log, mut commits) = (log.clone(), 0);
    let mut store = MockStore::new();
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

/// Commits are counted from 1.
const NEVER: std::ops::RangeInclusive<usize> = 0..=0;

fn broker(log: &Log) -> MockBroker {
    let log = log.clone();
    let mut broker = MockBroker::new();
    broker.expect_submit().returning(move |order| {
        log.lock().unwrap().push(Done::Sent(order.id));
        Ok(())
    });
    broker
}

fn runner(rig: &Rig, store: MockStore<Record, Restored>, broker: MockBroker) -> Runner {
    Runner { engine: rig.engine().0, store, broker, cursor: 0, in_doubt: Vec::new() }
}

fn filled(order: &OrderRequest, quantity: u32) -> OrderReport {
    OrderReport::Filled(FillReport {
        order: Some(order.id),
        symbol: order.symbol,
        leg: order.leg,
        intent: order.intent,
        side: order.side,
        quantity: Contracts::new(quantity),
        remaining: order.quantity.saturating_sub(Contracts::new(quantity)),
        price: alavanca_tests::points(130_000),
        reference: alavanca_tests::points(130_000),
        commission: Money::ZERO,
        exit: None,
        unresolved: false,
        at: order.at,
    })
}

#[tokio::test]
async fn an_intent_is_durable_before_it_is_sent() {
    let log = Log::default();
    let rig = Rig::with_signals(&[(2, Side::Buy)]);
    let mut runner = runner(&rig, store(&log, NEVER), broker(&log));
    runner.bars(&Chart::default().flat(5).bars).await;
    runner.turn(Event::Command(Command::Flatten, at_minute(5))).await;
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
    let mut store = MockStore::new();
    let kinds = |records: &[Record]| {
        let has = |is: fn(&Record) -> bool| records.iter().any(is);
        (has(|r| matches!(r, Record::Decision(_))), has(|r| matches!(r, Record::Checkpoint(_))), ids(records).len())
    };
    store
        .expect_commit()
        .withf(move |records, cursor| kinds(records) == (true, true, 2) && *cursor == 6)
        .times(1)
        .returning(|_, _| Ok(()));
    let mut broker = MockBroker::new();
    broker.expect_submit().times(2).returning(|_| Ok(()));
    runner(&rig, store, broker).bars(&Chart::default().flat(3).bars).await;
}

#[tokio::test]
async fn what_could_not_be_stored_is_not_sent() {
    let log = Log::default();
    let rig = Rig::with_signals(&[(2, Side::Buy), (4, Side::Buy), (7, Side::Buy)]);
    let chart = Chart::default().flat(10);
    let mut broker = MockBroker::new();
    broker.expect_submit().never();
    let mut runner = runner(&rig, store(&log, 1..=4), broker);
    runner.bars(&chart.bars[..3]).await;
    assert_eq!(runner.engine.risk().state(), RiskState::ReduceOnly);
    assert_eq!(runner.engine.open_trades().count(), 0, "what never left is not waited for");
    assert!(log.lock().unwrap().contains(&Done::Refused));
    runner.bars(&chart.bars[3..6]).await;
    assert_eq!(runner.engine.open_trades().count(), 0, "no entry until reconciled");

    // Store and broker agree again: entries go on.
    runner.broker = self::broker(&log);
    runner.turn(Event::Command(Command::Reconciled, at_minute(6))).await;
    runner.bars(&chart.bars[6..]).await;
    assert_eq!(runner.engine.risk().state(), RiskState::Active);
    let sent: Vec<OrderId> = log
        .lock()
        .unwrap()
        .iter()
        .filter_map(|done| if let Done::Sent(id) = done { Some(*id) } else { None })
        .collect();
    assert_eq!(sent, [OrderId::new(3), OrderId::new(4)], "numbers that may be in the world are not used again");
}

#[tokio::test]
async fn an_order_of_unknown_outcome_is_not_sent_again() {
    let log = Log::default();
    let rig =
        Rig { actions: vec![alavanca_kernel::Action::Enter], ..Rig::with_signals(&[(2, Side::Buy), (9, Side::Buy)]) };
    let mut broker = MockBroker::new();
    broker.expect_submit().times(1).returning(|_| Err(BrokerError::Unknown("the line went dead".to_owned())));
    broker.expect_legs().times(1..).returning(|| Err(BrokerError::Unavailable("still dead".to_owned())));
    let mut runner = runner(&rig, store(&log, NEVER), broker);
    runner.bars(&Chart::default().flat(20).bars).await;
    // Twenty bars and another signal later: it may be there, so the symbol is taken.
    assert_eq!(runner.engine.open_trades().count(), 1);
    assert_eq!(runner.engine.counts().signals_while_open, 1);
    assert_eq!(runner.in_doubt.len(), 1);

    // It was there all the time.
    let order = runner.in_doubt[0];
    assert_eq!(order.leg.role, LegRole::Base);
    runner.turn(Event::Order(filled(&order, 10))).await;
    let trade = runner.engine.open_trades().next().unwrap();
    assert_eq!((trade.base.open(), runner.engine.counts().unexpected_reports), (Contracts::new(10), 0));
}

/// A fill that fits nothing that is known stops entries: something is out of step.
#[tokio::test]
async fn a_report_that_fits_nothing_stops_entries_until_reconciled() {
    let log = Log::default();
    let rig = Rig::with_signals(&[(2, Side::Buy)]);
    let mut runner = runner(&rig, store(&log, NEVER), MockBroker::new());
    let stray = OrderRequest {
        id: OrderId::new(99),
        symbol: Bench::SYMBOL,
        leg: alavanca_kernel::LegId { trade: alavanca_kernel::TradeId::new(77), role: LegRole::Base },
        intent: alavanca_kernel::OrderIntent::Open,
        side: Side::Buy,
        quantity: Contracts::new(1),
        protection: alavanca_kernel::Protection::default(),
        at: at_minute(0),
    };
    runner.turn(Event::Order(filled(&stray, 1))).await;
    assert_eq!((runner.engine.counts().unexpected_reports, runner.engine.risk().state()), (1, RiskState::ReduceOnly));
    runner.bars(&Chart::default().flat(4).bars).await;
    assert_eq!(runner.engine.open_trades().count(), 0);
}
