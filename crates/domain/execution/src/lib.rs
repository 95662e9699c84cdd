//! The state machines of execution: a [`Leg`] from its opening order to its last contract, and an [`OpenTrade`],
//! which is one entry decision with all its legs (semantics 24).
//!
//! It decides nothing and sends nothing: it books what a broker reports, exactly, and knows what may still be done.
//! On a netting account the legs are virtual: the account has one position, the legs say whose it is.
//!
//! ```
//! use alavanca_execution::Leg;
//! use alavanca_kernel::{
//!     Contracts, FillReport, Instrument, LegId, LegRole, Money, OrderId, OrderIntent, Price, Protection, Side, SymbolId,
//!     Timestamp, TradeId,
//! };
//! let win = Instrument::preset("WIN").unwrap();
//! let id = LegId { trade: TradeId::new(1), role: LegRole::Base };
//! let mut leg = Leg::opening(id, SymbolId::new(0), Side::Buy, OrderId::new(1), Contracts::new(2), Protection::default());
//! let price: Price = "130000".parse().unwrap();
//! let fill = FillReport {
//!     order: Some(OrderId::new(1)),
//!     symbol: SymbolId::new(0),
//!     leg: id,
//!     intent: OrderIntent::Open,
//!     side: Side::Buy,
//!     quantity: Contracts::new(2),
//!     remaining: Contracts::ZERO,
//!     price,
//!     reference: price,
//!     commission: Money::from_cents(50),
//!     exit: None,
//!     unresolved: false,
//!     deal: 0,
//!     at: Timestamp::from_secs(0),
//! };
//! leg.book_open(&fill, &win).unwrap();
//! assert_eq!(leg.open(), Contracts::new(2));
//! ```

mod leg;
mod trade;

pub use leg::{CloseCause, ClosedPart, ExecutionError, Leg, Lot};
pub use trade::OpenTrade;
