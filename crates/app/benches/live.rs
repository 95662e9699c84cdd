//! What a tick costs on its whole way: its frame decoded, desk, engine with brain, policy and gate, the records in the
//! store, the pre-trade controls, and the frame of the order encoded. The bridge is in memory, and asked for margins as
//! a real one is; the socket is left out. Told as median, 99th percentile and worst of the ticks that bring about an
//! order, and as ticks a second of those that do not.
//!
//! Side by side: the store of live, whose commits wait for the disk; that of a backtest, whose commits do not; and none.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark's own set-up and table")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use alavanca::builder::{Builder, store_config};
use alavanca::guarded::Guarded;
use alavanca::live::latency::Latency;
use alavanca::settings::{LoadRequest, Settings, load};
use alavanca::wheel::Wheel;
use alavanca_adapters_mt5::codec::{decode, encode};
use alavanca_adapters_mt5::desk::{Care, DeskConfig, DeskSymbol, FixedOffset};
use alavanca_adapters_mt5::link::{Link, LinkEvent, Say};
use alavanca_adapters_mt5::testing::exchange::Exchange;
use alavanca_adapters_mt5::wire::{Envelope, FromBridge, FromEngine, VERSION};
use alavanca_adapters_mt5::{Happening, Mt5Broker};
use alavanca_adapters_sqlite::{Durability, SqliteStore};
use alavanca_engine::{Event, Record, Restored, ScalpCustody};
use alavanca_kernel::{
    AccountMode, Contracts, Instrument, LegId, Money, OrderId, OrderReport, OrderRequest, Price, Side, SymbolId,
};
use alavanca_ports::{Account, Broker, BrokerError, BrokerLeg, Store, StoreError};
use async_trait::async_trait;
use tokio::sync::mpsc;

const NAME: &str = "WINZ26";
/// 2026-11-23 10:00 in São Paulo by the server's clock, in milliseconds, and from there to 16:00.
const MORNING: i64 = 1_795_428_000_000;
const HOURS: i64 = 6 * 3_600_000;
const DAY: i64 = 86_400_000;
/// A tick for every ten seconds of the market.
const TICK: i64 = 10_000;

fn settings() -> Settings {
    let flags = [
        ("BRAINS", "SMA_CROSS"),
        ("SMA_CROSS_FAST", "2"),
        ("SMA_CROSS_SLOW", "4"),
        ("SMA_CROSS_STOP_LOSS", "100"),
        ("SMA_CROSS_TAKE_PROFIT", "100"),
        // A policy that has learned to hold would leave nothing to measure.
        ("RL_PRIOR_ALPHA", "1000"),
        ("RISK_DAILY_LOSS_LIMIT_BRL", "none"),
        ("RISK_MAX_CONSECUTIVE_LOSSES", "0"),
        ("PRETRADE_MAX_LOSING_STREAK", "0"),
        ("PRETRADE_DAILY_LOSS_LIMIT", "none"),
        ("PRETRADE_DRAWDOWN_LIMIT", "none"),
    ];
    let flags = flags.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    load(&LoadRequest { flags, ..LoadRequest::default() }).unwrap().settings
}

/// A bridge in memory, and when it was last handed an order's frame.
struct Bridge {
    exchange: Mutex<Exchange>,
    sent: Mutex<Option<Instant>>,
    happens: mpsc::Sender<LinkEvent>,
}

impl Bridge {
    /// Everything it says, as frames that are decoded.
    fn say_all(&self) {
        loop {
            let Some(event) = self.exchange.lock().unwrap().take() else { return };
            self.happens.try_send(event).unwrap();
        }
    }

    async fn hear_all(&self, mut out: mpsc::Receiver<Say>) {
        let mut seq = 0;
        while let Some(say) = out.recv().await {
            seq += 1;
            if let FromEngine::OrderSubmit(_) = &say.message {
                let (cid, message) = (say.cid.clone(), say.message.clone());
                let session = "0123456789abcdef0123456789abcdef".to_owned();
                let frame =
                    Envelope { v: VERSION, session, seq, ack: 0, cid, ts_utc: MORNING, ts_server: None, message };
                assert!(!encode(&frame).unwrap().is_empty());
                *self.sent.lock().unwrap() = Some(Instant::now());
            }
            self.exchange.lock().unwrap().hear(say);
            self.say_all();
        }
    }
}

/// A broker that the bench can hear beside the gate that has it.
#[derive(Debug, Clone)]
struct Heard(Arc<tokio::sync::Mutex<Mt5Broker>>);

#[async_trait]
impl Broker for Heard {
    async fn submit(&mut self, order: OrderRequest) -> Result<(), BrokerError> {
        self.0.lock().await.submit(order).await
    }

    async fn cancel(&mut self, symbol: SymbolId, order: OrderId) -> Result<(), BrokerError> {
        self.0.lock().await.cancel(symbol, order).await
    }

    async fn move_exits(
        &mut self,
        symbol: SymbolId,
        leg: LegId,
        stop: Price,
        target: Option<Price>,
    ) -> Result<(), BrokerError> {
        self.0.lock().await.move_exits(symbol, leg, stop, target).await
    }

    async fn reports(&mut self) -> Result<Vec<OrderReport>, BrokerError> {
        self.0.lock().await.reports().await
    }

    async fn account(&mut self) -> Result<Account, BrokerError> {
        self.0.lock().await.account().await
    }

    async fn legs(&mut self) -> Result<Vec<BrokerLeg>, BrokerError> {
        self.0.lock().await.legs().await
    }

    async fn margin(&mut self, symbol: SymbolId, side: Side, quantity: Contracts) -> Result<Money, BrokerError> {
        self.0.lock().await.margin(symbol, side, quantity).await
    }
}

/// Keeps nothing.
struct Nowhere;

#[async_trait]
impl Store<Record, Restored> for Nowhere {
    async fn commit(&mut self, _: &[Record], _: u64) -> Result<(), StoreError> {
        Ok(())
    }

    async fn restore(&mut self) -> Result<Option<Restored>, StoreError> {
        Ok(None)
    }

    async fn cursor(&mut self) -> Result<u64, StoreError> {
        Ok(0)
    }
}

struct Measured {
    latency: Latency,
    idle_ticks: u64,
    idle: Duration,
}

async fn measure(store: impl Store<Record, Restored>, wanted: u64) -> Measured {
    let (settings, folder) = (settings(), tempfile::tempdir().unwrap());
    let instrument = Instrument { name: NAME.to_owned(), ..Instrument::preset("WIN").unwrap() };
    let (out, words) = mpsc::channel(1_024);
    let (happens, heard) = mpsc::channel(65_536);
    let mut exchange = Exchange::new(AccountMode::Netting, 10_000_000, &[(NAME, 20)]);
    exchange.now = MORNING;
    let bridge = Arc::new(Bridge { exchange: Mutex::new(exchange), sent: Mutex::default(), happens });
    let listening = tokio::spawn({
        let bridge = Arc::clone(&bridge);
        async move { bridge.hear_all(words).await }
    });
    let symbol = DeskSymbol { name: NAME.to_owned(), instrument: instrument.clone(), deviation: 20, guard: None };
    let zone = Arc::new(FixedOffset(-3 * 3_600));
    let care = Care::default();
    let desk = DeskConfig { instance: 1, mode: AccountMode::Netting, symbols: vec![symbol], zone, care };
    let mut broker = Mt5Broker::new(desk, Link { out, happens: heard });
    bridge.exchange.lock().unwrap().connect();
    bridge.say_all();
    broker.ready(Duration::from_secs(30)).await.unwrap();

    let built = Builder::new(&settings, &instrument).custody(ScalpCustody::Engine).engine().unwrap();
    let broker = Heard(Arc::new(tokio::sync::Mutex::new(broker)));
    let gate = Guarded::of(broker.clone(), &settings, std::slice::from_ref(&instrument)).unwrap();
    let gate = gate.remembered_in(&folder.path().join("pretrade.json")).unwrap();
    let standing = Wheel::restore(built, gate, store).await.unwrap();
    let now = standing.engine().now();
    let (mut wheel, ..) = standing.reconcile(now).await.unwrap();

    let mut measured = Measured { latency: Latency::default(), idle_ticks: 0, idle: Duration::ZERO };
    let mut turn = 0_i64;
    while measured.latency.figures().count < wanted {
        turn += 1;
        let price = price(turn);
        // The bridge's own work is not counted: its frame lies there.
        let mut frames = Vec::new();
        {
            let mut exchange = bridge.exchange.lock().unwrap();
            exchange.now += TICK - 1_000;
            if (exchange.now - MORNING).rem_euclid(DAY) > HOURS {
                exchange.now = MORNING + ((exchange.now - MORNING).div_euclid(DAY) + 1) * DAY;
            }
            exchange.quote(NAME, price, price + Price::from_raw(5 * Price::SCALE));
            while let Some(event) = exchange.take() {
                let LinkEvent::Message(frame) = event else { continue };
                frames.push(encode(&*frame).unwrap());
            }
        }
        *bridge.sent.lock().unwrap() = None;
        let begun = Instant::now();
        for line in &frames {
            let frame: Envelope<FromBridge> = decode(line).unwrap();
            bridge.happens.try_send(LinkEvent::Message(Box::new(frame))).unwrap();
        }
        let mut until = begun + Duration::from_secs(30);
        loop {
            let happening = broker.0.lock().await.next(until.into()).await;
            match happening {
                Happening::Tick(symbol, tick) => {
                    wheel.broker_mut().observe_tick(symbol, &tick);
                    wheel.turn(Event::Tick(symbol, tick)).await;
                    tokio::task::yield_now().await;
                    // Whatever else lies there, and no longer.
                    until = Instant::now();
                }
                Happening::Reports => {
                    let now = wheel.engine().now();
                    wheel.turn(Event::Time(now)).await;
                }
                Happening::Until => break,
                _ => {}
            }
        }
        let took = begun.elapsed();
        if let Some(sent) = bridge.sent.lock().unwrap().take() {
            measured.latency.push(sent.saturating_duration_since(begun));
        } else {
            measured.idle_ticks += 1;
            measured.idle += took;
        }
        // As often as live reads them; not counted.
        if turn % 3 == 0 {
            wheel.read_account().await;
        }
    }
    listening.abort();
    measured
}

/// From 130000 up to 130400 and down again, in steps of 10.
fn price(turn: i64) -> Price {
    let place = turn.rem_euclid(80);
    let steps = if place < 40 { place } else { 80 - place };
    Price::from_raw((130_000 + steps * 10) * Price::SCALE)
}

async fn sqlite(durability: Durability, wanted: u64) -> Measured {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let instrument = Instrument { name: NAME.to_owned(), ..Instrument::preset("WIN").unwrap() };
    let config = store_config(&settings(), &instrument, durability);
    let store = SqliteStore::open(&folder.path().join("run.sqlite"), config).await.unwrap();
    Box::pin(measure(store, wanted)).await
}

fn main() {
    // `cargo bench` says so; `cargo test --benches` only wants to see it work.
    let wanted = if std::env::args().any(|argument| argument == "--bench") { 400 } else { 3 };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    println!("live: tick -> order's frame              orders  median us     p99 us   worst us   idle ticks/s");
    let show = |name: &str, of: &Measured| {
        let figures = of.latency.figures();
        let a_second = of.idle_ticks as f64 / of.idle.as_secs_f64();
        println!(
            "{name:<40}{:>7}{:>11}{:>11}{:>11}{a_second:>15.0}",
            figures.count, figures.median_us, figures.p99_us, figures.worst_us
        );
    };
    show("store of live, waits for the disk", &runtime.block_on(Box::pin(sqlite(Durability::Live, wanted))));
    show("store of a backtest, does not wait", &runtime.block_on(Box::pin(sqlite(Durability::Backtest, wanted))));
    show("no store", &runtime.block_on(Box::pin(measure(Nowhere, wanted))));
}
