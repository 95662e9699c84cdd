use alavanca_kernel::{
    AccountMode, Contracts, ExitLevels, LegId, Money, OrderId, OrderReport, OrderRequest, Price, Side, SymbolId,
    Timestamp,
};
use async_trait::async_trait;

/// Why a broker did not do what it was asked. Only [`NotSent`](Self::NotSent) proves that nothing happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    /// It surely never left, or was refused: nothing changed.
    #[error("not sent: {0}")]
    NotSent(String),
    /// It is not known whether it happened. An order is never sent again: ask for the legs until it is proven.
    #[error("outcome unknown: {0}")]
    Unknown(String),
    /// A question was not answered. "Query failed" is not "flat".
    #[error("broker did not answer: {0}")]
    Unavailable(String),
}

/// The account, as the broker sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// Netting or hedging.
    pub mode: AccountMode,
    /// Money without open results.
    pub balance: Money,
    /// Money with open results.
    pub equity: Money,
    /// Money free for margin.
    pub free_margin: Money,
    /// When this was true.
    pub at: Timestamp,
}

/// One open leg, as the broker knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokerLeg {
    /// The instrument.
    pub symbol: SymbolId,
    /// The leg, by its order's id.
    pub leg: LegId,
    /// Its side.
    pub side: Side,
    /// How many are open.
    pub quantity: Contracts,
    /// Average entry price.
    pub entry: Price,
    /// The stop that rests at the broker, where there is one.
    pub stop_loss: Option<Price>,
    /// The target that rests at the broker, where there is one.
    pub take_profit: Option<Price>,
}

impl BrokerLeg {
    /// What is open of an order that opened, at this entry and with these exits.
    pub fn of(order: &OrderRequest, entry: Price, exits: &ExitLevels) -> Self {
        let OrderRequest { symbol, leg, side, quantity, .. } = *order;
        let (stop_loss, take_profit) = (exits.stop_loss(), exits.take_profit());
        Self { symbol, leg, side, quantity, entry, stop_loss, take_profit }
    }
}

/// Executes orders.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Broker: Send {
    /// Submits an order whose intent is already stored. The same id submitted again never executes twice.
    /// What becomes of it arrives through [`reports`](Broker::reports).
    async fn submit(&mut self, order: OrderRequest) -> Result<(), BrokerError>;

    /// Takes back what an order still wants. What became of it arrives through [`reports`](Broker::reports): canceled,
    /// or the fill that was faster. An order that waits for nothing, or was never heard of, is left as it is without an
    /// error, so that asking twice does no harm.
    async fn cancel(&mut self, symbol: SymbolId, order: OrderId) -> Result<(), BrokerError>;

    /// Lets these exits rest with an open leg from now on, on the instrument's tick grid: this stop, and this target;
    /// no target takes away the one that was there. A time limit stays as it was. Both move or neither: what would be
    /// on the wrong side of the market is [`NotSent`](BrokerError::NotSent), and so is a leg that is not open. Asking
    /// twice does no harm.
    async fn move_exits(
        &mut self,
        symbol: SymbolId,
        leg: LegId,
        stop_loss: Price,
        take_profit: Option<Price>,
    ) -> Result<(), BrokerError>;

    /// What happened since the last call, in order. Each report is handed out once.
    async fn reports(&mut self) -> Result<Vec<OrderReport>, BrokerError>;

    /// The account now.
    async fn account(&mut self) -> Result<Account, BrokerError>;

    /// The margin that a market order of that size would take now, in the account's currency.
    ///
    /// A broker that does not say is taken to refuse: nothing is opened whose margin is not known.
    async fn margin(&mut self, symbol: SymbolId, side: Side, quantity: Contracts) -> Result<Money, BrokerError> {
        let _ = (side, quantity);
        Err(BrokerError::Unavailable(format!("it does not tell the margin of symbol {symbol}")))
    }

    /// All open legs now.
    async fn legs(&mut self) -> Result<Vec<BrokerLeg>, BrokerError>;
}
