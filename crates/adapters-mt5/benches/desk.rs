//! What a frame of ticks costs from bytes to what the engine sees: the codec alone, and with the desk behind it. The way
//! from a tick to the order on the wire, through wheel and store and over a socket, is measured by `cargo xtask live-day`.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark's own macros and set-up")]

use std::hint::black_box;
use std::sync::Arc;

use alavanca_adapters_mt5::codec::{decode, encode};
use alavanca_adapters_mt5::desk::{Care, Desk, DeskConfig, DeskSymbol, FixedOffset, Now};
use alavanca_adapters_mt5::link::{Established, LinkEvent};
use alavanca_adapters_mt5::testing::demo_hello;
use alavanca_adapters_mt5::wire::{Decimal, Envelope, FromBridge, Tick, Ticks, VERSION, Welcome};
use alavanca_kernel::{AccountMode, Instrument, Price, Timestamp};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const BEGAN: i64 = 1_800_000_000_000;

/// The frame of one tick, as a bridge sends it.
fn frame(seq: u64) -> Envelope<FromBridge> {
    let price = |points: i64| Decimal::from_raw((130_000 + points) * Price::SCALE);
    let server = BEGAN + seq as i64;
    let drift = (seq % 40) as i64 * 5;
    let volume = Decimal::from_raw(Price::SCALE);
    let tick = Tick { server, bid: price(drift), ask: price(drift + 5), last: price(drift), volume, flags: 1080 };
    let message = FromBridge::Tick(Ticks { symbol: "WINJ26".to_owned(), ticks: vec![tick] });
    let session = "0123456789abcdef0123456789abcdef".to_owned();
    Envelope { v: VERSION, session, seq, ack: 0, cid: None, ts_utc: server, ts_server: Some(server), message }
}

fn desk() -> Desk {
    let symbol = DeskSymbol {
        name: "WINJ26".to_owned(),
        instrument: Instrument::preset("WIN").unwrap(),
        deviation: 20,
        guard: None,
    };
    let mut desk = Desk::new(DeskConfig {
        instance: 1,
        mode: AccountMode::Netting,
        symbols: vec![symbol],
        zone: Arc::new(FixedOffset(0)),
        care: Care::default(),
    });
    let welcome = Welcome { epoch: 1, open_in_journal: 0 };
    let session = "0123456789abcdef0123456789abcdef".to_owned();
    let up = Established { session, epoch: 1, armed: true, hello: demo_hello(), welcome };
    desk.on_link(LinkEvent::Up(Box::new(up)), Now { ms: 0, market: Timestamp::from_micros(BEGAN * 1_000) });
    desk
}

fn ticks(c: &mut Criterion) {
    let mut group = c.benchmark_group("tick");
    group.throughput(Throughput::Elements(1));
    let line = encode(&frame(1)).unwrap();
    group.bench_function("decoded", |b| b.iter(|| decode::<FromBridge>(black_box(&line)).unwrap()));
    group.bench_function("encoded", |b| {
        let frame = frame(1);
        b.iter(|| encode(black_box(&frame)).unwrap());
    });
    group.bench_function("decoded and through the desk", |b| {
        let lines: Vec<Vec<u8>> = (1..4_001).map(|seq| encode(&frame(seq)).unwrap()).collect();
        let (mut desk, mut number) = (desk(), 0_usize);
        b.iter(|| {
            let envelope = decode::<FromBridge>(&lines[number % lines.len()]).unwrap();
            number += 1;
            let now = Now { ms: number as u64 / 50, market: Timestamp::MIN };
            desk.on_link(LinkEvent::Message(Box::new(envelope)), now);
            desk.on_time(now);
            desk.take_messages();
            desk.take_told();
            black_box(desk.take_market())
        });
    });
    group.finish();
}

criterion_group!(benches, ticks);
criterion_main!(benches);
