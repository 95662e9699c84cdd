//! The examples are what people copy: they are short, and the broker among them keeps the contract of all brokers.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops")]

use std::path::Path;

use alavanca_kernel::{Bar, Money, Price, SymbolId, Timestamp};
use alavanca_ports::contracts::broker;
use custom_broker::Paper;

#[path = "../examples/custom_broker.rs"]
#[allow(dead_code, reason = "its main is cargo's to run")]
mod custom_broker;

#[path = "../examples/my_breakout.rs"]
#[allow(dead_code, reason = "its main is cargo's to run")]
mod my_breakout;

struct Bench(Paper);

#[async_trait::async_trait]
impl broker::Bench for Bench {
    type Broker = Paper;

    fn broker(&mut self) -> &mut Paper {
        &mut self.0
    }

    fn symbol(&self) -> SymbolId {
        SymbolId::new(0)
    }

    async fn trade_at(&mut self, price: Price) {
        self.0.show(&bar(self.0.shown.end(), price));
    }

    fn now(&self) -> Timestamp {
        self.0.shown.end()
    }

    fn price(&self) -> Price {
        Price::from_raw(125_000 * Price::SCALE)
    }

    fn fills_at_once(&self) -> bool {
        true
    }

    fn tolerance(&self) -> Price {
        Price::ZERO
    }
}

fn bar(time: Timestamp, price: Price) -> Bar {
    Bar { time, open: price, high: price, low: price, close: price, seconds: 60, ..Bar::default() }
}

#[tokio::test]
async fn the_paper_broker_keeps_the_contract() {
    broker::suite(|| {
        let mut bench = Bench(Paper::default());
        bench.0.balance = Money::from_units(10_000);
        let price = broker::Bench::price(&bench);
        bench.0.show(&bar(Timestamp::from_secs(1_700_000_000), price));
        bench
    })
    .await;
}

/// Under a hundred lines of code, comments and blank lines not counted.
#[test]
fn examples_stay_short() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let is_code = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with("//");
        let lines = text.lines().filter(is_code).count();
        assert!(lines < 100, "{} has {lines} lines of code", path.display());
        seen += 1;
    }
    assert!(seen >= 4, "{seen} examples");
}
