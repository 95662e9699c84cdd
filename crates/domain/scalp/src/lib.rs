//! The extra contracts as a leg of their own: where they take profit, where they are stopped, when their time is up,
//! what is recorded of them, and how long a symbol rests after a won one (semantics 19 to 23).
//!
//! It sends no orders and watches no clock. Which exit a bar or a tick touches is the kernel's one rule; here it is
//! only asked. The base contracts are not its matter, but for the rule that says what a win means for them.
//!
//! ```
//! use alavanca_kernel::{Bar, Contracts, ExitKind, Instrument, Money, Side, SymbolId, Timestamp, TradeId};
//! use alavanca_scalp::{ScalpBook, ScalpConfig, ScalpEventKind, ScalpSettings};
//!
//! let eurusd = Instrument::preset("EURUSD").unwrap();
//! let (symbol, now) = (SymbolId::new(0), Timestamp::from_secs(1_615_494_900));
//! let mut book = ScalpBook::new(ScalpConfig::new(ScalpSettings::default())?, 1);
//! let entry = "1.0850".parse().unwrap();
//! book.open(&eurusd, symbol, TradeId::new(1), Side::Buy, entry, Contracts::new(1), now, Money::ZERO);
//!
//! let (open, high) = (entry, "1.0930".parse().unwrap());
//! let bar = Bar { time: now, open, high, low: open, close: high, seconds: 60, ..Bar::default() };
//! let touch = book.watch_bar(symbol, &bar).unwrap();
//! assert_eq!((touch.kind, touch.price), (ExitKind::TakeProfit, high));
//!
//! let gross = eurusd.gross(Side::Buy, entry, touch.price, Contracts::new(1));
//! let end = book.close(symbol, touch.kind.into(), touch.price, gross, Money::ZERO, touch.at, false).unwrap();
//! assert_eq!((end.kind, end.net.to_string().as_str()), (ScalpEventKind::TpHit, "80.00"));
//! assert_eq!(book.cooldown_remaining_seconds(symbol, touch.at), 300);
//! # Ok::<(), alavanca_kernel::SettingError>(())
//! ```

mod book;
mod break_even;
mod cooldown;
mod event;
mod settings;
#[cfg(test)]
mod tests;

pub use book::{LimitChoice, ScalpBook, ScalpSetup};
pub use break_even::break_even_stop;
pub use event::{ScalpEvent, ScalpEventKind, ScalpStats};
pub use settings::{ProtectMode, ScalpConfig, ScalpSettings};
