//! The gate around a broker: nothing reaches the broker that did not pass, whatever the engine does.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use alavanca::builder::{Builder, store_config};
use alavanca::guarded::Guarded;
use alavanca::settings::{LoadRequest, Settings, load};
use alavanca::wheel::{Told, Wheel};
use alavanca_adapters_sim::{SimBroker, SyntheticMarket, SyntheticSettings};
use alavanca_adapters_sqlite::{Durability, SqliteStore};
use alavanca_calendar::{TradingClock, TradingZone};
use alavanca_engine::Event;
use alavanca_kernel::*;
use alavanca_ports::{Account, Broker, BrokerError, BrokerLeg, MockBroker};
use alavanca_pretrade::{KillCause, SessionState};
use mockall::predicate::eq;

const WIN: SymbolId = SymbolId::new(0);

/// 2026-03-10 14:00 in São Paulo: B3 trades.
fn start() -> Timestamp {
    Timestamp::from_secs(1_773_162_000)
}

fn points(points: i64) -> Price {
    Price::from_raw(points * Price::SCALE)
}

fn settings(flags: &[(&str, &str)]) -> Settings {
    let flags = flags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    load(&LoadRequest { flags, ..LoadRequest::default() }).unwrap().settings
}

fn instrument() -> Instrument {
    Instrument::preset("WINJ26").unwrap()
}

fn account(at: Timestamp) -> Account {
    let money = Money::from_units(50_000);
    Account { mode: AccountMode::Netting, balance: money, equity: money, free_margin: money, at }
}

fn order(id: u64, contracts: u32) -> OrderRequest {
    OrderRequest {
        id: OrderId::new(id),
        symbol: WIN,
        leg: LegId { trade: TradeId::new(id), role: LegRole::Base },
        intent: OrderIntent::Open,
        side: Side::Buy,
        quantity: Contracts::new(contracts),
        protection: Protection { stop: Some(ExitAt::Distance(points(300))), ..Protection::default() },
        at: start(),
    }
}

fn tick(at: Timestamp) -> Tick {
    Tick { time: at, bid: points(130_000), ask: points(130_005), last: points(130_000), volume: 1 }
}

/// A broker that answers all that is asked, and must not get an order that the test does not expect.
fn quiet() -> MockBroker {
    let mut broker = MockBroker::new();
    broker.expect_reports().returning(|| Ok(Vec::new()));
    broker.expect_legs().returning(|| Ok(Vec::new()));
    broker.expect_account().returning(|| Ok(account(start())));
    broker
}

fn with_margin(mut broker: MockBroker) -> MockBroker {
    broker.expect_margin().returning(|_, _, quantity| Ok(Money::from_units(i64::from(quantity.count()) * 100)));
    broker
}

/// A gate that knows the market, the account and what is open.
async fn ready(broker: MockBroker, flags: &[(&str, &str)]) -> Guarded<MockBroker> {
    let mut guarded = Guarded::of(broker, &settings(flags), &[instrument()]).unwrap();
    guarded.observe_tick(WIN, &tick(start()));
    guarded.account().await.unwrap();
    guarded.legs().await.unwrap();
    guarded
}

fn text(refused: Result<(), BrokerError>) -> String {
    refused.unwrap_err().to_string()
}

#[tokio::test]
async fn what_is_refused_never_reaches_the_broker() {
    type Spoil = fn(&mut Guarded<MockBroker>) -> OrderRequest;
    let cases: [(&[(&str, &str)], Spoil, &str); 9] = [
        (&[], |_| order(1, 21), "PRETRADE_MAX_ORDER_CONTRACTS: the order is for 21 contracts, at most 20 are allowed"),
        (&[], |_| order(1, 0), "PRETRADE_QUANTITY"),
        (&[("PRETRADE_MAX_NOTIONAL", "26000")], |_| order(1, 1), "PRETRADE_MAX_NOTIONAL: all positions would be"),
        (&[("RL_POLICY_ENABLED", "false")], |_| order(1, 21), "PRETRADE_MAX_ORDER_CONTRACTS"),
        (&[], |_| OrderRequest { protection: Protection::default(), ..order(1, 1) }, "PRETRADE_REQUIRE_STOP"),
        (&[], |_| OrderRequest { symbol: SymbolId::new(3), ..order(1, 1) }, "PRETRADE_SYMBOLS"),
        (
            &[],
            |gate| {
                gate.kill(KillCause::Operator);
                order(1, 1)
            },
            "PRETRADE_KILL_SWITCH: the kill switch is on since",
        ),
        (
            &[],
            |gate| {
                gate.observe_session(WIN, SessionState::Closed);
                order(1, 1)
            },
            "PRETRADE_SESSION: the market is closed",
        ),
        (
            &[],
            |gate| {
                gate.observe_time(start().plus_secs(11));
                order(1, 1)
            },
            "PRETRADE_MAX_QUOTE_AGE_MS: the quote is 11000 ms old",
        ),
    ];
    for (flags, spoil, expected) in cases {
        let mut broker = with_margin(quiet());
        broker.expect_submit().never();
        let mut gate = ready(broker, flags).await;
        let order = spoil(&mut gate);
        let refused = gate.submit(order).await;
        assert!(matches!(refused, Err(BrokerError::NotSent(_))), "{refused:?}");
        assert!(text(refused).contains(expected), "{expected}: {:?}", gate.refusals());
        assert_eq!((gate.refusals().len(), gate.refusals()[0].order), (1, Some(order)));
    }
}

#[tokio::test]
async fn the_calendar_and_the_terminal_both_have_to_say_open() {
    // 18:30 in São Paulo: closed, whatever the terminal says. On a day off, too.
    for (at, told, expected) in [
        (start(), None, None),
        (start(), Some(SessionState::Open), None),
        (start(), Some(SessionState::Unknown), Some("whether the market is open is not known")),
        (start().plus_secs(4 * 3_600 + 1_800), Some(SessionState::Open), Some("the market is closed")),
        (start().plus_secs(5 * 86_400), Some(SessionState::Open), Some("the market is closed")),
    ] {
        let mut broker = with_margin(quiet());
        broker.expect_submit().times(usize::from(expected.is_none())).returning(|_| Ok(()));
        let mut gate = ready(broker, &[]).await;
        gate.observe_tick(WIN, &tick(at));
        gate.observe_account(&account(at));
        if let Some(told) = told {
            gate.observe_session(WIN, told);
        }
        let sent = gate.submit(OrderRequest { at, ..order(1, 1) }).await;
        match expected {
            None => assert_eq!(sent, Ok(())),
            Some(expected) => assert!(text(sent).contains(expected), "{at} {told:?}"),
        }
    }
}

#[tokio::test]
async fn a_margin_that_the_broker_does_not_say_refuses() {
    for error in [BrokerError::Unavailable("no answer".into()), BrokerError::Unknown("late".into())] {
        let mut broker = quiet();
        broker.expect_margin().times(1).returning(move |_, _, _| Err(error.clone()));
        broker.expect_submit().never();
        let mut gate = ready(broker, &[]).await;
        assert!(text(gate.submit(order(1, 1)).await).contains("the broker did not say what margin the order needs"));
    }
    // The broker's figure counts where it is the larger one: 500.01 a hundred times is more than there is.
    let mut broker = quiet();
    broker
        .expect_margin()
        .with(eq(WIN), eq(Side::Buy), eq(Contracts::new(2)))
        .returning(|_, _, _| Ok(Money::from_cents(5_000_001)));
    broker.expect_submit().never();
    let mut gate = ready(broker, &[]).await;
    assert!(text(gate.submit(order(1, 2)).await).contains("the order needs 50000.01 of margin, 50000.00 is free"));
}

#[tokio::test]
async fn the_margin_is_only_asked_for_where_nothing_else_is_in_the_way() {
    let mut broker = quiet();
    broker.expect_margin().never();
    broker.expect_submit().never();
    let mut gate = ready(broker, &[]).await;
    assert!(gate.submit(order(1, 21)).await.is_err());
}

#[tokio::test]
async fn a_number_that_was_used_is_no_proof_that_nothing_happened() {
    let mut broker = with_margin(quiet());
    broker.expect_submit().times(1).returning(|_| Ok(()));
    let mut gate = ready(broker, &[]).await;
    gate.submit(order(1, 1)).await.unwrap();
    let again = gate.submit(order(1, 1)).await;
    assert!(matches!(again, Err(BrokerError::Unknown(_))), "the first may be alive: {again:?}");
}

#[tokio::test]
async fn an_order_whose_end_is_not_known_keeps_its_place_and_one_that_never_left_does_not() {
    for (answer, second) in [
        (BrokerError::Unknown("time-out".into()), Some("PRETRADE_MAX_OPEN_ORDERS")),
        (BrokerError::Unavailable("cut".into()), Some("PRETRADE_MAX_OPEN_ORDERS")),
        (BrokerError::NotSent("no link".into()), None),
    ] {
        let mut broker = with_margin(quiet());
        let first = answer.clone();
        broker.expect_submit().with(eq(order(1, 1))).times(1).returning(move |_| Err(first.clone()));
        broker.expect_submit().with(eq(order(2, 1))).times(usize::from(second.is_none())).returning(|_| Ok(()));
        let mut gate = ready(broker, &[("PRETRADE_MAX_OPEN_ORDERS", "1")]).await;
        assert_eq!(gate.submit(order(1, 1)).await, Err(answer));
        let sent = gate.submit(order(2, 1)).await;
        match second {
            Some(expected) => assert!(text(sent).contains(expected)),
            None => assert_eq!(sent, Ok(())),
        }
        // Once it is proven there is room again.
        if second.is_some() {
            gate.never_left(OrderId::new(1));
            assert_eq!(gate.controls().on_their_way().count(), 0);
        }
    }
}

#[tokio::test]
async fn a_report_that_comes_while_the_legs_are_asked_for_is_booked_once() {
    let (mut reports, mut legs) = (Vec::new(), Vec::new());
    let opened = order(1, 2);
    let fill = OrderReport::Filled(opened.filled(points(130_005), start()));
    // Nothing; then the fill, after an answer that may or may not hold it; then nothing more.
    reports.extend([vec![], vec![fill], vec![], vec![]]);
    let leg = BrokerLeg::of(
        &opened,
        points(130_005),
        &opened.protection.resolve(Side::Buy, points(130_005), points(5), start()),
    );
    legs.extend([vec![leg], vec![leg]]);
    let mut broker = MockBroker::new();
    reports.reverse();
    broker.expect_reports().returning(move || Ok(reports.pop().unwrap_or_default()));
    broker.expect_legs().times(2).returning(move || Ok(legs.pop().unwrap_or_default()));
    let mut gate = Guarded::of(broker, &settings(&[]), &[instrument()]).unwrap();
    gate.observe_tick(WIN, &tick(start()));
    gate.legs().await.unwrap();
    assert_eq!(gate.controls().legs().iter().map(|leg| leg.quantity.count()).collect::<Vec<_>>(), [2]);
    assert_eq!(gate.reports().await.unwrap(), [fill], "it is handed out, once");
    assert_eq!(gate.reports().await.unwrap(), []);
}

#[tokio::test]
async fn what_it_has_to_remember_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("controls.json");
    let flags = [
        ("PRETRADE_MAX_ORDERS_PER_SECOND", "1"),
        ("PRETRADE_MAX_ORDERS_PER_MINUTE", "1"),
        ("PRETRADE_MAX_ORDERS_PER_DAY", "2"),
    ];
    let gate = |sends| {
        let mut broker = with_margin(quiet());
        broker.expect_submit().times(sends).returning(|_| Ok(()));
        let gate = Guarded::of(broker, &settings(&flags), &[instrument()]).unwrap();
        let mut gate = gate.remembered_in(&path).unwrap();
        async move {
            gate.legs().await.unwrap();
            gate
        }
    };
    for (id, seconds, expected) in [
        (1, 0, None),
        (2, 30, Some("PRETRADE_MAX_ORDERS_PER_MINUTE")),
        (1, 120, Some("PRETRADE_ORDER_ID")),
        (3, 120, None),
        (4, 3_600, Some("PRETRADE_MAX_ORDERS_PER_DAY")),
        (5, 90_000, None),
    ] {
        let at = start().plus_secs(seconds);
        // A new process each time.
        let mut gate = gate(usize::from(expected.is_none())).await;
        gate.observe_tick(WIN, &tick(at));
        gate.observe_account(&account(at));
        let sent = gate.submit(OrderRequest { at, ..order(id, 1) }).await;
        match expected {
            None => assert_eq!(sent, Ok(()), "{id}"),
            Some(expected) => assert!(text(sent).contains(expected), "{id}"),
        }
        gate.settled();
    }
    // The kill switch, too, and the day's loss.
    let mut killed = gate(0).await;
    killed.kill(KillCause::Operator);
    assert_eq!(gate(0).await.controls().killed().map(|(cause, _)| cause), Some(KillCause::Operator));

    std::fs::write(&path, "{ half a f").unwrap();
    let broken = Guarded::of(quiet(), &settings(&flags), &[instrument()]).unwrap().remembered_in(&path);
    assert!(broken.unwrap_err().to_string().contains("kill switch"));
}

#[tokio::test]
async fn the_days_loss_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("controls.json");
    let lost = Account { equity: Money::from_units(49_600), ..account(start()) };
    for (restart, account) in [(0, account(start())), (1, lost), (2, account(start()))] {
        let mut broker = with_margin(quiet());
        broker.expect_submit().times(usize::from(restart == 0)).returning(|_| Ok(()));
        let gate = Guarded::of(broker, &settings(&[]), &[instrument()]).unwrap();
        let mut gate = gate.remembered_in(&path).unwrap();
        gate.observe_tick(WIN, &tick(start()));
        gate.observe_account(&account);
        gate.legs().await.unwrap();
        let sent = gate.submit(order(restart + 1, 1)).await;
        match restart {
            0 => assert_eq!(sent, Ok(())),
            _ => assert!(text(sent).contains("PRETRADE_DAILY_LOSS_LIMIT: the day's loss is 400.00")),
        }
    }
}

#[tokio::test]
async fn what_cannot_be_remembered_is_not_opened_but_closed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gone").join("controls.json");
    let mut broker = with_margin(MockBroker::new());
    broker.expect_reports().returning(|| Ok(Vec::new()));
    let opened = order(1, 1);
    let leg = BrokerLeg::of(
        &opened,
        points(130_005),
        &opened.protection.resolve(Side::Buy, points(130_005), points(5), start()),
    );
    broker.expect_legs().returning(move || Ok(vec![leg]));
    broker.expect_submit().times(1).withf(|order| order.intent == OrderIntent::Close).returning(|_| Ok(()));
    let mut gate = Guarded::of(broker, &settings(&[]), &[instrument()]).unwrap().remembered_in(&path).unwrap();
    gate.observe_tick(WIN, &tick(start()));
    gate.observe_account(&account(start()));
    gate.legs().await.unwrap();
    let refused = text(gate.submit(order(2, 1)).await);
    assert!(refused.contains("what the gate has to remember could not be stored"), "{refused}");
    let close = OrderRequest { id: OrderId::new(3), intent: OrderIntent::Close, side: Side::Sell, ..opened };
    assert_eq!(gate.submit(close).await, Ok(()));
}

#[tokio::test]
async fn a_loop_of_changes_is_stopped() {
    let mut broker = quiet();
    broker.expect_move_exits().times(20).returning(|_, _, _, _| Ok(()));
    let mut gate = ready(broker, &[]).await;
    let leg = order(1, 1).leg;
    for _ in 0..20 {
        gate.move_exits(WIN, leg, points(129_000), None).await.unwrap();
    }
    let refused = text(gate.move_exits(WIN, leg, points(129_000), None).await);
    assert!(refused.contains("CRITICAL: 20 moved exits"), "{refused}");
    assert!(gate.cancel(WIN, OrderId::new(1)).await.is_err());
    assert_eq!(gate.controls().killed().map(|(cause, _)| cause), Some(KillCause::RunawayChanges));
}

/// A broker that keeps what reached it.
struct Witness {
    broker: SimBroker,
    sent: Arc<Mutex<Vec<OrderRequest>>>,
}

#[async_trait::async_trait]
impl Broker for Witness {
    async fn submit(&mut self, order: OrderRequest) -> Result<(), BrokerError> {
        self.sent.lock().unwrap().push(order);
        self.broker.submit(order).await
    }
    async fn cancel(&mut self, symbol: SymbolId, order: OrderId) -> Result<(), BrokerError> {
        self.broker.cancel(symbol, order).await
    }
    async fn move_exits(&mut self, s: SymbolId, leg: LegId, stop: Price, t: Option<Price>) -> Result<(), BrokerError> {
        self.broker.move_exits(s, leg, stop, t).await
    }
    async fn reports(&mut self) -> Result<Vec<OrderReport>, BrokerError> {
        self.broker.reports().await
    }
    async fn account(&mut self) -> Result<Account, BrokerError> {
        self.broker.account().await
    }
    async fn legs(&mut self) -> Result<Vec<BrokerLeg>, BrokerError> {
        self.broker.legs().await
    }
    async fn margin(&mut self, symbol: SymbolId, side: Side, quantity: Contracts) -> Result<Money, BrokerError> {
        self.broker.margin(symbol, side, quantity).await
    }
}

/// What reached the broker, what was refused by which control, what the operator heard, on a week of a market.
async fn week(flags: &[(&str, &str)], db: &Path) -> (Vec<OrderRequest>, BTreeMap<&'static str, u64>, usize) {
    let settings = Settings { holidays: false, ..settings(flags) };
    let win = Instrument::preset("WIN").unwrap();
    let built = Builder::new(&settings, &win).build().unwrap();
    let store = SqliteStore::open(db, store_config(&settings, &win, Durability::Backtest)).await.unwrap();
    let (sim, sent) = (SimBroker::new(built.exchange), Arc::default());
    let witness = Witness { broker: sim.clone(), sent: Arc::clone(&sent) };
    let gate = Guarded::of(witness, &settings, std::slice::from_ref(&win)).unwrap();
    let market = SyntheticSettings { days: 7, ..SyntheticSettings::default() };
    let bars: Vec<Bar> = SyntheticMarket::new(market, &win).unwrap().collect();
    let (mut wheel, ..) =
        Wheel::restore(built.engine, gate, store).await.unwrap().reconcile(bars[0].time).await.unwrap();
    let mut refused = 0;
    for (index, bar) in bars.iter().enumerate() {
        sim.on_bar(WIN, bar);
        let quote = Tick { time: bar.end(), bid: bar.close, ask: bar.close + points(5), last: bar.close, volume: 1 };
        wheel.broker_mut().observe_tick(WIN, &quote);
        if index == 0 {
            assert_eq!(wheel.reconcile(bar.time, &mut Vec::new()).await.unwrap(), []);
        }
        let mut told = wheel.read_account().await;
        told.extend(wheel.turn(Event::Bar(WIN, *bar)).await);
        sim.after_bar(WIN, bar);
        refused += told.iter().filter(|told| matches!(told, Told::NotSent(..))).count();
    }
    let counts = wheel.broker_mut().refused().clone();
    wheel.finish().await;
    let sent = sent.lock().unwrap().clone();
    (sent, counts, refused)
}

#[tokio::test]
async fn a_whole_market_passes_the_gate_or_does_not_with_and_without_learning() {
    let folder = tempfile::tempdir().unwrap();
    for learning in ["true", "false"] {
        let limits = [
            ("RL_POLICY_ENABLED", learning),
            ("MARGIN_PER_CONTRACT_BRL", "1000"),
            ("RISK_MAX_CONSECUTIVE_LOSSES", "0"),
            ("RISK_DAILY_LOSS_LIMIT_BRL", "none"),
            ("PRETRADE_DAILY_LOSS_LIMIT", "none"),
            ("PRETRADE_DRAWDOWN_LIMIT", "none"),
            ("PRETRADE_MAX_LOSING_STREAK", "0"),
            ("PRETRADE_MAX_ORDERS_PER_SECOND", "2"),
            ("PRETRADE_MAX_ORDERS_PER_MINUTE", "2"),
            ("PRETRADE_MAX_ORDERS_PER_DAY", "3"),
        ];
        let (sent, counts, refused) = Box::pin(week(&limits, &folder.path().join(format!("{learning}.sqlite")))).await;
        let mut clock = TradingClock::new(TradingZone::new(&Settings::default().zone).unwrap());
        let mut days: BTreeMap<TradingDay, u32> = BTreeMap::new();
        for order in sent.iter().filter(|order| order.intent == OrderIntent::Open) {
            *days.entry(clock.locate(order.at).day).or_default() += 1;
        }
        assert!(days.values().all(|&orders| orders <= 3), "learning {learning}: {days:?}");
        assert!(days.values().any(|&orders| orders == 3), "the limit was never reached: {days:?}");
        assert_eq!(counts.keys().copied().collect::<Vec<_>>(), ["PRETRADE_MAX_ORDERS_PER_DAY"], "{counts:?}");
        assert_eq!(counts.values().sum::<u64>(), refused as u64, "each refusal is told");

        // More contracts than an order may have: the engine wants them, nothing leaves.
        let large = [("RL_POLICY_ENABLED", learning), ("PRETRADE_MAX_ORDER_CONTRACTS", "2"), ("MIN_CONTRACTS", "10")];
        let (sent, counts, _) = Box::pin(week(&large, &folder.path().join(format!("{learning}-large.sqlite")))).await;
        let most = sent.iter().map(|order| order.quantity.count()).max().unwrap_or(0);
        assert!(most <= 2 && counts.contains_key("PRETRADE_MAX_ORDER_CONTRACTS"), "{most} {counts:?}");
    }
}
