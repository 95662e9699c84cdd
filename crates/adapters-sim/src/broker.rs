use std::sync::{Arc, Mutex, MutexGuard};

use alavanca_kernel::{
    Bar, Contracts, LegId, Money, OrderId, OrderReport, OrderRequest, Price, Side, SymbolId, Tick, Timestamp,
};
use alavanca_ports::{Account, Broker, BrokerError, BrokerLeg};
use async_trait::async_trait;

use crate::{Books, SimExchange};

/// The simulated exchange as a broker: for paper trading and for tests. Clones share one exchange, so that one hand
/// can drive the market while another trades.
#[derive(Clone, Debug)]
pub struct SimBroker {
    desk: Arc<Mutex<Desk>>,
}

#[derive(Debug)]
struct Desk {
    exchange: SimExchange,
    reports: Vec<OrderReport>,
    now: Timestamp,
}

impl SimBroker {
    /// A broker at this exchange.
    pub fn new(exchange: SimExchange) -> Self {
        Self { desk: Arc::new(Mutex::new(Desk { exchange, reports: Vec::new(), now: Timestamp::MIN })) }
    }

    /// A bar closed; before the engine sees it. See [`SimExchange::on_bar`].
    pub fn on_bar(&self, symbol: SymbolId, bar: &Bar) {
        let Desk { exchange, reports, now } = &mut *self.desk();
        exchange.on_bar(symbol, bar, reports);
        *now = bar.end().max(*now);
    }

    /// After the engine's step on that bar. See [`SimExchange::after_bar`].
    pub fn after_bar(&self, symbol: SymbolId, bar: &Bar) {
        let Desk { exchange, reports, .. } = &mut *self.desk();
        exchange.after_bar(symbol, bar, reports);
    }

    /// A tick came in; before the engine sees it. See [`SimExchange::on_tick`].
    pub fn on_tick(&self, symbol: SymbolId, tick: &Tick) {
        let Desk { exchange, reports, now } = &mut *self.desk();
        exchange.on_tick(symbol, tick, reports);
        *now = tick.time.max(*now);
    }

    /// Does something at the exchange itself.
    pub fn with<T>(&self, work: impl FnOnce(&mut SimExchange) -> T) -> T {
        work(&mut self.desk().exchange)
    }

    /// The exchange's own statement.
    pub fn books(&self) -> Books {
        self.desk().exchange.books()
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().expect("a panic within the exchange leaves no account to go on with")
    }
}

#[async_trait]
impl Broker for SimBroker {
    async fn submit(&mut self, order: OrderRequest) -> Result<(), BrokerError> {
        let Desk { exchange, reports, .. } = &mut *self.desk();
        // What was submitted before has its reports on the way, or had them.
        if !exchange.knows(order.id) {
            exchange.submit(&order, reports);
        }
        Ok(())
    }

    async fn cancel(&mut self, _symbol: SymbolId, order: OrderId) -> Result<(), BrokerError> {
        let Desk { exchange, reports, now } = &mut *self.desk();
        exchange.cancel(order, *now, reports);
        Ok(())
    }

    async fn move_exits(
        &mut self,
        symbol: SymbolId,
        leg: LegId,
        stop_loss: Price,
        take_profit: Option<Price>,
    ) -> Result<(), BrokerError> {
        if self.desk().exchange.move_exits(symbol, leg, stop_loss, take_profit) {
            Ok(())
        } else {
            let target = take_profit.map_or_else(String::new, |target| format!(", or {target}"));
            Err(BrokerError::NotSent(format!(
                "no leg {leg}, or {stop_loss}{target} is on the wrong side of the market"
            )))
        }
    }

    async fn reports(&mut self) -> Result<Vec<OrderReport>, BrokerError> {
        Ok(std::mem::take(&mut self.desk().reports))
    }

    async fn account(&mut self) -> Result<Account, BrokerError> {
        let desk = self.desk();
        Ok(desk.exchange.account(desk.now))
    }

    async fn margin(&mut self, symbol: SymbolId, _side: Side, quantity: Contracts) -> Result<Money, BrokerError> {
        let margin = self.desk().exchange.margin_of(symbol, quantity);
        margin.ok_or_else(|| BrokerError::Unavailable(format!("no symbol {symbol}")))
    }

    async fn legs(&mut self) -> Result<Vec<BrokerLeg>, BrokerError> {
        Ok(self.desk().exchange.legs().collect())
    }
}
