//! Pre-trade controls: one gate that every order passes on its way out, or does not.
//!
//! It stands behind the engine and trusts none of it: it keeps its own books from the broker's reports, its own losses
//! from the account's equity, its own clock from the market's time. A fault in sizing, in the limits of the engine or in
//! what learns meets the same ceilings. It fails closed: what is not known (a quote, the account, the margin, whether
//! the market is open, what is open) refuses an entry.
//!
//! A closing order is never refused for a limit that keeps risk from being taken. It has to reduce its leg, not be on
//! its way already, and not be one of a loop.
//!
//! It sends nothing and reads no clock; whoever sends asks it first.
//!
//! ```
//! use alavanca_kernel::*;
//! use alavanca_pretrade::*;
//!
//! let win = Instrument::preset("WINZ26").ok_or("a preset")?;
//! let mut controls = Controls::new(PretradeConfig::new(PretradeSettings::default())?, vec![win])?;
//! let (symbol, now, day) = (SymbolId::new(0), Timestamp::from_secs(1_790_000_000), TradingDay::from_days(20_717));
//! let points = |points| Price::from_raw(points * Price::SCALE);
//! let tick = Tick { time: now, bid: points(130_000), ask: points(130_005), last: points(130_000), volume: 1 };
//! let equity = Money::from_units(10_000);
//! controls.advance(now, day);
//! controls.on_tick(symbol, &tick);
//! controls.on_account(AccountReading { equity, free_margin: equity, at: now });
//! controls.on_legs(&[]);
//!
//! let order = OrderRequest {
//!     id: OrderId::new(1),
//!     symbol,
//!     leg: LegId { trade: TradeId::new(1), role: LegRole::Base },
//!     intent: OrderIntent::Open,
//!     side: Side::Buy,
//!     quantity: Contracts::new(21),
//!     protection: Protection { stop: Some(ExitAt::Distance(points(300))), ..Protection::default() },
//!     at: now,
//! };
//! let view = View { now, day, session: SessionState::Open, margin: Some(Money::from_units(2_100)) };
//! let refusal = controls.check(&order, &view).unwrap_err();
//! assert_eq!(refusal.name(), "PRETRADE_MAX_ORDER_CONTRACTS");
//!
//! let order = OrderRequest { quantity: Contracts::new(2), ..order };
//! assert_eq!(controls.check(&order, &view), Ok(()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod controls;
mod ledger;
mod losses;
mod quotes;
mod rate;
mod refusal;
mod settings;
#[cfg(test)]
mod tests;

pub use controls::{AccountReading, Controls, ControlsSnapshot, SessionState, View};
pub use ledger::OpenLeg;
pub use refusal::{KillCause, Reference, Refusal, Span};
pub use settings::{PretradeConfig, PretradeSettings};
