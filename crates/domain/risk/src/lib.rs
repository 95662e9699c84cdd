//! The limits that stop entries: daily loss, drawdown, trades a day, a bad day's first trades, losses in a row, spread and stale quotes; the
//! operator's halt; and the caution after a failure of the store or of a reconciliation (semantics 35).
//!
//! It never stops an exit: there is nothing here to ask for one. It knows no session and no position; it is told
//! results. Every cause is latched by itself, the strictest rules, and all of it is stored ([`RiskSnapshot`]).
//!
//! ```
//! use alavanca_kernel::{Money, RiskState, Timestamp, TradingDay};
//! use alavanca_risk::{Risk, RiskConfig, RiskSettings};
//!
//! let mut risk = Risk::new(RiskConfig::new(RiskSettings::default())?);
//! let (at, today) = (Timestamp::from_secs(1_615_494_900), TradingDay::from_days(18_697));
//! assert!(risk.on_time(at, today).is_none());
//!
//! risk.add_realized(Money::from_units(-150), at);
//! let change = risk.on_open_result(Money::from_units(-50), at).unwrap();
//! assert_eq!((change.to, change.flatten), (RiskState::ReduceOnly, true));
//! assert_eq!(risk.check_entry(at, None).unwrap_err().as_str(), "risk_reduce_only");
//!
//! let tomorrow = TradingDay::from_days(18_698);
//! assert_eq!(risk.on_time(at.plus_secs(86_400), tomorrow).unwrap().to, RiskState::Active);
//! # Ok::<(), alavanca_kernel::SettingError>(())
//! ```

mod change;
mod entry;
mod settings;
mod state;
#[cfg(test)]
mod tests;

pub use change::{RiskCause, RiskChange};
pub use entry::{EntryRefusal, QuoteFreshness};
pub use settings::{RiskConfig, RiskSettings};
pub use state::{Risk, RiskSnapshot};
