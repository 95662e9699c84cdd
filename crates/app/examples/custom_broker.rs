//! A broker of one's own: a paper account that fills at once at the last price, turned by the wheel (commit first, then
//! send). `tests/examples.rs` holds it against the broker's contract. `cargo run --release --example custom_broker`

use alavanca::{builder, settings, wheel::Wheel};
use alavanca_adapters_sim::{SyntheticMarket, SyntheticSettings};
use alavanca_adapters_sqlite::{Durability, SqliteStore};
#[allow(clippy::wildcard_imports, reason = "half of the kernel's nouns")]
use alavanca_kernel::*;
use alavanca_ports::{Account, Broker, BrokerError, BrokerLeg};

#[derive(Debug, Default)]
pub(crate) struct Paper {
    pub(crate) balance: Money,
    pub(crate) shown: Bar,
    /// What is left of each opening order, its entry and its exits.
    legs: Vec<(OrderRequest, Price, ExitLevels)>,
    seen: std::collections::BTreeSet<OrderId>,
    reports: Vec<OrderReport>,
}

pub(crate) fn win() -> Instrument {
    Instrument::preset("WIN").expect("WIN is a preset")
}

impl Paper {
    /// Shows a bar: whatever rests and is touched by it fills there, by the kernel's one rule.
    pub(crate) fn show(&mut self, bar: &Bar) {
        self.shown = *bar;
        for (of, _, exits) in self.legs.clone() {
            if let Some(touch) = touch_bar(&exits, bar) {
                self.close(of.leg, of.quantity, touch.price);
                self.reports.push(OrderReport::Filled(of.touched(&touch)));
            }
        }
    }

    /// Takes contracts off a leg, never across flat; how many it took.
    fn close(&mut self, leg: LegId, wanted: Contracts, price: Price) -> Option<Contracts> {
        let (of, entry, _) = self.legs.iter_mut().find(|(of, ..)| of.leg == leg)?;
        let taken = wanted.min(of.quantity);
        of.quantity = of.quantity.saturating_sub(taken);
        self.balance += win().gross(of.side, *entry, price, taken);
        self.legs.retain(|(of, ..)| !of.quantity.is_zero());
        Some(taken)
    }
}

#[async_trait::async_trait]
impl Broker for Paper {
    async fn submit(&mut self, order: OrderRequest) -> Result<(), BrokerError> {
        if !self.seen.insert(order.id) {
            return Ok(()); // The same number never executes twice.
        }
        let filled = if order.intent == OrderIntent::Open {
            let exits = order.protection.resolve(order.side, self.shown.close, win().tick, self.shown.end());
            self.legs.push((order, self.shown.close, exits));
            Some(order.quantity)
        } else {
            self.close(order.leg, order.quantity, self.shown.close)
        };
        self.reports.push(match filled {
            Some(quantity) => {
                OrderReport::Filled(OrderRequest { quantity, ..order }.filled(self.shown.close, self.shown.end()))
            }
            None => order.rejected(RejectReason::NothingToClose, self.shown.end()),
        });
        Ok(())
    }

    async fn cancel(&mut self, _: SymbolId, _: OrderId) -> Result<(), BrokerError> {
        Ok(()) // Nothing ever waits here.
    }

    async fn move_exits(&mut self, _: SymbolId, leg: LegId, sl: Price, tp: Option<Price>) -> Result<(), BrokerError> {
        let leg = self.legs.iter_mut().find(|(of, ..)| of.leg == leg);
        let moved = leg.map(|(of, _, exits)| (ExitLevels::new(of.side, tp, Some(sl), exits.deadline()), exits));
        let refused = BrokerError::NotSent("no such leg, or the wrong side of the market".to_owned());
        let (moved, exits) = moved.filter(|(moved, _)| moved.surround(self.shown.close)).ok_or(refused)?;
        *exits = moved;
        Ok(())
    }

    async fn reports(&mut self) -> Result<Vec<OrderReport>, BrokerError> {
        Ok(std::mem::take(&mut self.reports))
    }

    async fn account(&mut self) -> Result<Account, BrokerError> {
        let open = self.legs.iter().map(|(of, entry, _)| win().gross(of.side, *entry, self.shown.close, of.quantity));
        let margin = self.legs.iter().map(|(of, ..)| win().broker_margin.times(of.quantity.count().into()));
        let (mode, balance, equity) = (AccountMode::Hedging, self.balance, self.balance + open.sum());
        Ok(Account { mode, balance, equity, free_margin: equity - margin.sum(), at: self.shown.end() })
    }

    async fn legs(&mut self) -> Result<Vec<BrokerLeg>, BrokerError> {
        Ok(self.legs.iter().map(|(of, entry, exits)| BrokerLeg::of(of, *entry, exits)).collect())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let settings = settings::load(&settings::LoadRequest::default())?.settings;
    let (engine, folder) = (builder::Builder::new(&settings, &win()).engine()?, tempfile::tempdir()?);
    let store = builder::store_config(&settings, &win(), Durability::Live);
    let store = SqliteStore::open(&folder.path().join("paper.db"), store).await?;
    let broker = Paper { balance: settings.capital.operator_capital, ..Paper::default() };
    let (mut wheel, ..) = Wheel::restore(engine, broker, store).await?.reconcile(Timestamp::MIN).await?;
    for bar in SyntheticMarket::new(SyntheticSettings { days: 5, ..SyntheticSettings::default() }, &win())? {
        wheel.broker_mut().show(&bar);
        wheel.read_account().await;
        wheel.turn(alavanca_engine::Event::Bar(SymbolId::new(0), bar)).await;
    }
    let differences = wheel.reconcile(wheel.engine().now(), &mut Vec::new()).await?;
    println!("{} trades, {} BRL", wheel.engine().checkpoint().trades, wheel.broker_mut().balance);
    assert!(differences.is_empty() && wheel.engine().checkpoint().trades > 10, "{differences:?}");
    Ok(())
}
