//! The broker's contract, over a bridge in memory.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use alavanca_kernel::{AccountMode, Instrument, LegRole, Price, SymbolId, Timestamp};
use alavanca_ports::contracts::broker as contract;
use alavanca_ports::{Broker, BrokerError};
use async_trait::async_trait;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::{Happening, Mt5Broker};
use crate::desk::{Care, DeskConfig, DeskSymbol, FixedOffset, ServerZone};
use crate::link::Link;
use crate::testing::exchange::Exchange;

const SYMBOL: SymbolId = SymbolId::new(0);
const NAME: &str = "WINZ26";
const ZONE: FixedOffset = FixedOffset(-3 * 3_600);
const PATIENCE: Duration = Duration::from_secs(30);

struct Bench {
    broker: Mt5Broker,
    exchange: Arc<Mutex<Exchange>>,
    wake: Arc<Notify>,
}

fn points(points: i64) -> Price {
    Price::from_raw(points * Price::SCALE)
}

fn config(mode: AccountMode) -> DeskConfig {
    let instrument = Instrument::preset(NAME).unwrap();
    DeskConfig {
        instance: 7,
        mode,
        symbols: vec![DeskSymbol { name: NAME.into(), instrument, deviation: 10, guard: None }],
        zone: Arc::new(ZONE),
        care: Care { stop_required: false, follow_ms: 5, ..Care::default() },
    }
}

/// A broker whose bridge is a task of its own.
fn bench(mode: AccountMode, part: Option<i64>) -> Bench {
    let mut exchange = Exchange::new(mode, 2_000, &[(NAME, 20)]);
    exchange.faults.part = part;
    exchange.connect();
    exchange.quote(NAME, points(124_995), points(125_005));
    bench_on(exchange, mode)
}

fn bench_on(mut exchange: Exchange, mode: AccountMode) -> Bench {
    let (out, mut said) = mpsc::channel(256);
    let (happen, happens) = mpsc::channel(256);
    // The session stands before the first order.
    while let Some(event) = exchange.take() {
        happen.try_send(event).unwrap();
    }
    let (exchange, wake) = (Arc::new(Mutex::new(exchange)), Arc::new(Notify::new()));
    let (behind, woken) = (exchange.clone(), wake.clone());
    tokio::spawn(async move {
        loop {
            let events: Vec<_> = {
                let mut exchange = behind.lock().unwrap();
                std::iter::from_fn(|| exchange.take()).collect()
            };
            for event in events {
                if happen.send(event).await.is_err() {
                    return;
                }
            }
            tokio::select! {
                say = said.recv() => match say {
                    Some(say) => behind.lock().unwrap().hear(say),
                    None => return,
                },
                () = woken.notified() => {}
            }
        }
    });
    Bench { broker: Mt5Broker::new(config(mode), Link { out, happens }), exchange, wake }
}

impl Bench {
    async fn quote(&mut self, price: Price) {
        let until = {
            let mut exchange = self.exchange.lock().unwrap();
            exchange.quote(NAME, price - points(5), price + points(5));
            ZONE.utc(exchange.now)
        };
        self.wake.notify_one();
        let end = Instant::now() + PATIENCE;
        while self.broker.desk().market_time() < until || !self.broker.desk().is_idle() {
            assert!(Instant::now() < end, "it does not come to rest: {:#?}", self.broker.desk());
            self.broker.next(Instant::now() + Duration::from_millis(5)).await;
        }
    }
}

#[async_trait]
impl contract::Bench for Bench {
    type Broker = Mt5Broker;

    fn broker(&mut self) -> &mut Mt5Broker {
        &mut self.broker
    }

    fn symbol(&self) -> SymbolId {
        SYMBOL
    }

    async fn trade_at(&mut self, price: Price) {
        self.quote(price).await;
    }

    fn now(&self) -> Timestamp {
        ZONE.utc(self.exchange.lock().unwrap().now)
    }

    fn price(&self) -> Price {
        points(125_000)
    }

    fn fills_at_once(&self) -> bool {
        true
    }

    fn tolerance(&self) -> Price {
        points(10)
    }
}

#[tokio::test]
async fn the_broker_behind_a_bridge_keeps_the_contract() {
    for mode in [AccountMode::Netting, AccountMode::Hedging] {
        for part in [None, Some(Price::SCALE)] {
            contract::suite(|| bench(mode, part)).await;
        }
    }
}

#[tokio::test]
async fn ticks_come_in_utc_and_a_margin_is_asked_for() {
    let mut bench = bench(AccountMode::Netting, None);
    bench.broker.ready(PATIENCE).await.unwrap();
    let at = ZONE.utc(bench.exchange.lock().unwrap().now);
    let tick = loop {
        match bench.broker.next(Instant::now() + PATIENCE).await {
            Happening::Tick(SYMBOL, tick) => break tick,
            Happening::Until => panic!("no tick"),
            _ => {}
        }
    };
    assert_eq!(tick.time, at);
    assert_eq!((tick.ask - tick.bid, tick.volume), (points(10), 1), "of flags 1080 the known ones count");
    let margin = bench.broker.margin(SYMBOL, alavanca_kernel::Side::Buy, alavanca_kernel::Contracts::new(3)).await;
    assert_eq!(margin.unwrap().to_string(), "300.00");
}

/// A broker that knows of a deal books no leg by it; one that does not would close the leg that is left.
#[tokio::test]
async fn after_a_restart_a_known_deal_closes_nothing() {
    use alavanca_kernel::{
        Contracts, LegId, OrderId, OrderIntent, OrderReport, OrderRequest, Protection, Side, TradeId,
    };

    let mut first = bench(AccountMode::Netting, None);
    first.broker.ready(PATIENCE).await.unwrap();
    let mut fills = Vec::new();
    for (id, role, intent, side) in [
        (1, LegRole::Base, OrderIntent::Open, Side::Buy),
        (2, LegRole::Extra, OrderIntent::Open, Side::Buy),
        (3, LegRole::Extra, OrderIntent::Close, Side::Sell),
    ] {
        first.quote(points(125_000)).await;
        let leg = LegId { trade: TradeId::new(1), role };
        let at = ZONE.utc(first.exchange.lock().unwrap().now);
        let (id, quantity, protection) = (OrderId::new(id), Contracts::new(2), Protection::default());
        let order = OrderRequest { id, symbol: SYMBOL, leg, intent, side, quantity, protection, at };
        first.broker.submit(order).await.unwrap();
        first.quote(points(125_000)).await;
        fills.extend(first.broker.reports().await.unwrap().into_iter().filter_map(|report| match report {
            OrderReport::Filled(fill) => Some(fill),
            _ => None,
        }));
    }
    let mut exchange = first.exchange.lock().unwrap().clone();
    exchange.disconnect();
    exchange.connect();
    let mut second = bench_on(exchange, AccountMode::Netting);
    let base = fills[0];
    second.broker.adopt(crate::desk::Adopted {
        symbol: SYMBOL,
        leg: base.leg,
        side: base.side,
        open: base.quantity,
        entry: base.price,
        opening: None,
        closing: None,
        filled: [Contracts::ZERO; 2],
        protection: Protection::default(),
        levels: None,
        opened_at: base.at,
        deals: vec![base.deal],
    });
    second.broker.know(fills.iter().map(|fill| (fill.deal, fill.quantity)));
    second.broker.ready(PATIENCE).await.unwrap();
    second.quote(points(125_000)).await;
    assert_eq!(second.broker.reports().await.unwrap(), []);
    let legs = second.broker.legs().await.unwrap();
    assert_eq!(legs.iter().map(|leg| (leg.leg, leg.quantity)).collect::<Vec<_>>(), [(base.leg, base.quantity)]);
}

#[tokio::test]
async fn without_a_bridge_nothing_is_sent_and_nothing_is_flat() {
    let (out, _said) = mpsc::channel(1);
    let (_happen, happens) = mpsc::channel(1);
    let mut broker = Mt5Broker::new(config(AccountMode::Netting), Link { out, happens });
    assert!(matches!(broker.legs().await, Err(BrokerError::Unavailable(_))));
    assert!(matches!(broker.account().await, Err(BrokerError::Unavailable(_))));
    let leg = alavanca_kernel::LegId { trade: alavanca_kernel::TradeId::new(1), role: LegRole::Base };
    let order = alavanca_kernel::OrderRequest {
        id: alavanca_kernel::OrderId::new(1),
        symbol: SYMBOL,
        leg,
        intent: alavanca_kernel::OrderIntent::Open,
        side: alavanca_kernel::Side::Buy,
        quantity: alavanca_kernel::Contracts::new(1),
        protection: alavanca_kernel::Protection::default(),
        at: Timestamp::from_secs(0),
    };
    assert!(matches!(broker.submit(order).await, Err(BrokerError::NotSent(_))));
}
