//! Where a run trades: the market behind the bridge, and whoever fills the orders.

use std::time::Instant;

use alavanca_adapters_mt5::{Happening, Mt5Broker};
use alavanca_adapters_sim::SimBroker;
use alavanca_kernel::{Contracts, LegId, Money, OrderId, OrderReport, OrderRequest, Price, Side, SymbolId};
use alavanca_ports::{Account, Broker, BrokerError, BrokerLeg};
use async_trait::async_trait;

use super::status::Mode;

/// The broker of a live or paper run.
#[derive(Debug)]
pub struct Venue {
    mt5: Mt5Broker,
    fills: Fills,
    /// When the last order was handed over.
    sent_at: Option<Instant>,
    /// Orders of a dry run that nobody was shown yet.
    withheld: Vec<OrderRequest>,
}

#[derive(Debug)]
enum Fills {
    /// The account behind the bridge.
    Account,
    /// Nobody.
    Nobody,
    /// The simulated exchange.
    Simulated(SimBroker),
}

impl Venue {
    /// Orders go to the account.
    pub fn armed(mt5: Mt5Broker) -> Self {
        Self::new(mt5, Fills::Account)
    }

    /// Orders are withheld.
    pub fn dry(mt5: Mt5Broker) -> Self {
        Self::new(mt5, Fills::Nobody)
    }

    /// The simulated exchange fills them on the live ticks.
    pub fn paper(mt5: Mt5Broker, exchange: SimBroker) -> Self {
        Self::new(mt5, Fills::Simulated(exchange))
    }

    fn new(mt5: Mt5Broker, fills: Fills) -> Self {
        Self { mt5, fills, sent_at: None, withheld: Vec::new() }
    }

    /// What it does with orders.
    pub fn mode(&self) -> Mode {
        match self.fills {
            Fills::Account => Mode::Armed,
            Fills::Nobody => Mode::DryRun,
            Fills::Simulated(_) => Mode::Paper,
        }
    }

    /// The next thing that happens, at most until then. A tick has been to the simulated exchange before it comes out.
    pub async fn next(&mut self, until: Instant) -> Happening {
        let happening = self.mt5.next(until.into()).await;
        if let (Fills::Simulated(exchange), Happening::Tick(symbol, tick)) = (&self.fills, &happening) {
            exchange.on_tick(*symbol, tick);
        }
        happening
    }

    /// When an order was handed over since this was last asked.
    pub fn take_sent(&mut self) -> Option<Instant> {
        self.sent_at.take()
    }

    /// What a dry run would have sent since this was last asked.
    pub fn take_withheld(&mut self) -> Vec<OrderRequest> {
        std::mem::take(&mut self.withheld)
    }

    /// The bridge's side.
    pub fn mt5(&self) -> &Mt5Broker {
        &self.mt5
    }

    /// The bridge's side.
    pub fn mt5_mut(&mut self) -> &mut Mt5Broker {
        &mut self.mt5
    }

    fn simulated(&mut self) -> Option<&mut SimBroker> {
        match &mut self.fills {
            Fills::Simulated(exchange) => Some(exchange),
            Fills::Account | Fills::Nobody => None,
        }
    }
}

#[async_trait]
impl Broker for Venue {
    async fn submit(&mut self, order: OrderRequest) -> Result<(), BrokerError> {
        let done = match &mut self.fills {
            Fills::Account => self.mt5.submit(order).await,
            Fills::Simulated(exchange) => exchange.submit(order).await,
            Fills::Nobody => {
                self.withheld.push(order);
                Err(BrokerError::NotSent("a dry run sends nothing".to_owned()))
            }
        };
        self.sent_at = Some(Instant::now());
        done
    }

    async fn cancel(&mut self, symbol: SymbolId, order: OrderId) -> Result<(), BrokerError> {
        match self.simulated() {
            Some(exchange) => exchange.cancel(symbol, order).await,
            None => self.mt5.cancel(symbol, order).await,
        }
    }

    async fn move_exits(
        &mut self,
        symbol: SymbolId,
        leg: LegId,
        stop_loss: Price,
        take_profit: Option<Price>,
    ) -> Result<(), BrokerError> {
        match self.simulated() {
            Some(exchange) => exchange.move_exits(symbol, leg, stop_loss, take_profit).await,
            None => self.mt5.move_exits(symbol, leg, stop_loss, take_profit).await,
        }
    }

    async fn reports(&mut self) -> Result<Vec<OrderReport>, BrokerError> {
        match self.simulated() {
            Some(exchange) => exchange.reports().await,
            None => self.mt5.reports().await,
        }
    }

    /// Paper money is as fresh as the market's time.
    async fn account(&mut self) -> Result<Account, BrokerError> {
        let now = self.mt5.desk().market_time();
        match self.simulated() {
            Some(exchange) => exchange.account().await.map(|account| Account { at: account.at.max(now), ..account }),
            None => self.mt5.account().await,
        }
    }

    async fn legs(&mut self) -> Result<Vec<BrokerLeg>, BrokerError> {
        match self.simulated() {
            Some(exchange) => exchange.legs().await,
            None => self.mt5.legs().await,
        }
    }

    async fn margin(&mut self, symbol: SymbolId, side: Side, quantity: Contracts) -> Result<Money, BrokerError> {
        match self.simulated() {
            Some(exchange) => exchange.margin(symbol, side, quantity).await,
            None => self.mt5.margin(symbol, side, quantity).await,
        }
    }
}
