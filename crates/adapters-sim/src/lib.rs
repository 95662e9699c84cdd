//! A simulated exchange and a synthetic market: what a backtest trades against, and what there is to trade where no
//! data was brought along.
//!
//! [`SimExchange`] fills orders on bars and ticks with spread, slippage, commission and margin, on netting and
//! hedging accounts, whole and in part, and refuses them when told to. It knows no queue and no depth: an order does not move
//! the market.
//!
//! ```
//! use alavanca_adapters_sim::{SimExchange, SimSettings};
//! use alavanca_kernel::*;
//! let win = Instrument::preset("WIN").unwrap();
//! let mut exchange = SimExchange::new(SimSettings::default(), vec![win]).unwrap();
//! let (symbol, mut reports) = (SymbolId::new(0), Vec::new());
//! let leg = LegId { trade: TradeId::new(1), role: LegRole::Base };
//! let at = Timestamp::from_secs(1_700_000_000);
//! exchange.submit(&OrderRequest {
//!     id: OrderId::new(1), symbol, leg, intent: OrderIntent::Open, side: Side::Buy, quantity: Contracts::new(2),
//!     protection: Protection::default(), at,
//! }, &mut reports);
//! let price: Price = "125000".parse().unwrap();
//! exchange.on_bar(symbol, &Bar { time: at, open: price, high: price, low: price, close: price, seconds: 60,
//!     ..Bar::default() }, &mut reports);
//! // Bought at the open and half the spread.
//! assert!(matches!(reports[..], [OrderReport::Filled(fill)] if fill.price.to_string() == "125002.5"));
//! assert_eq!(exchange.position(symbol), 2);
//! ```

#![recursion_limit = "256"]

mod broker;
mod exchange;
mod feed;
mod market;
mod random;
mod settings;
pub mod terminal;
mod ticks;
mod worth;

pub use broker::SimBroker;
pub use exchange::{Books, SimExchange};
pub use feed::SyntheticFeed;
pub use market::{SyntheticMarket, SyntheticSettings};
pub use settings::{FillAt, SimSettings};
pub use ticks::SyntheticTicks;
