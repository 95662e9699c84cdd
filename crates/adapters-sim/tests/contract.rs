//! The simulated broker keeps the broker's contract, on netting and hedging accounts, on bars and on ticks.
#![allow(clippy::unwrap_used, reason = "helpers of tests may stop them")]

use alavanca_adapters_sim::{FillAt, SimBroker, SimExchange, SimSettings};
use alavanca_kernel::{AccountMode, Bar, Contracts, Instrument, Money, Price, SymbolId, Tick, Timestamp};
use alavanca_ports::contracts::broker;
use async_trait::async_trait;

struct Bench {
    broker: SimBroker,
    on_ticks: bool,
    now: Timestamp,
}

const SYMBOL: SymbolId = SymbolId::new(0);
const SHOWN: i64 = 10;

fn points(points: i64) -> Price {
    Price::from_raw(points * Price::SCALE)
}

#[async_trait]
impl broker::Bench for Bench {
    type Broker = SimBroker;

    fn broker(&mut self) -> &mut SimBroker {
        &mut self.broker
    }

    fn symbol(&self) -> SymbolId {
        SYMBOL
    }

    async fn trade_at(&mut self, price: Price) {
        for _ in 0..SHOWN {
            if self.on_ticks {
                self.now = self.now.plus_secs(1);
                let (bid, ask) = (price - points(5), price + points(5));
                self.broker.on_tick(SYMBOL, &Tick { time: self.now, bid, ask, ..Tick::default() });
            } else {
                let (open, high, low, close) = (price, price, price, price);
                let bar = Bar { time: self.now, open, high, low, close, seconds: 60, ..Bar::default() };
                self.broker.on_bar(SYMBOL, &bar);
                self.broker.after_bar(SYMBOL, &bar);
                self.now = bar.end();
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.now
    }

    fn price(&self) -> Price {
        points(125_000)
    }

    fn tolerance(&self) -> Price {
        points(10)
    }
}

#[tokio::test]
async fn the_simulated_broker_keeps_the_contract() {
    for mode in [AccountMode::Netting, AccountMode::Hedging] {
        for partial_fill_max in [None, Some(Contracts::new(1))] {
            for (on_ticks, fill) in [(false, FillAt::NextOpen), (false, FillAt::Close), (true, FillAt::NextOpen)] {
                let balance = Money::from_units(2_000);
                let settings = SimSettings { mode, balance, fill, partial_fill_max, ..SimSettings::default() };
                let win = Instrument::preset("WIN").unwrap();
                broker::suite(|| Bench {
                    broker: SimBroker::new(SimExchange::new(settings, vec![win.clone()]).unwrap()),
                    on_ticks,
                    now: Timestamp::from_secs(1_700_000_000),
                })
                .await;
            }
        }
    }
}
