//! How many contracts the operator's capital carries, and whether a leveraged extra may come on top.
//!
//! It answers; it opens nothing, knows no signal and no policy, and never looks at a clock. The base is sized by the
//! operator's prudential margin (semantics 4 to 7); the extra stands behind eight layers that are all evaluated every
//! time (semantics 8); and nothing is reported that the broker's margin would not let through (semantics 9).
//!
//! ```
//! use alavanca_capital::{Capital, CapitalConfig, CapitalSettings};
//! use alavanca_kernel::{Hour, MarketContext, Money, Regime, RiskState, SymbolId, Timestamp, TradingDay, Unit};
//!
//! let mut capital = Capital::new(CapitalConfig::new(CapitalSettings::default())?);
//! let context = MarketContext {
//!     symbol: SymbolId::new(0),
//!     at: Timestamp::from_secs(1_615_494_900),
//!     day: TradingDay::from_days(18_697),
//!     hour: Hour::new(17).unwrap(),
//!     regime: Regime::TrendUp,
//!     transition: Some(false),
//!     confidence: Unit::new(0.80),
//!     disagreement: Unit::new(0.10),
//!     liquidity: Unit::new(0.60),
//!     daily_profit: Some(Money::from_units(100)),
//!     equity: Some(Money::from_units(10_000)),
//!     margin_elsewhere: Money::ZERO,
//!     free_margin: Some(Money::from_units(10_000)),
//!     cooldown_until: None,
//!     risk: RiskState::Active,
//! };
//! let allocation = capital.allocate(&context, Money::from_units(150));
//! assert_eq!((allocation.base.count(), allocation.extra.count(), allocation.reason()), (10, 1, "approved"));
//!
//! let unsure = MarketContext { confidence: Unit::new(0.69), ..context };
//! let allocation = capital.allocate(&unsure, Money::from_units(150));
//! assert_eq!((allocation.total().count(), allocation.reason()), (10, "confidence_below_minimum"));
//! # Ok::<(), alavanca_kernel::SettingError>(())
//! ```

mod allocate;
mod layers;
mod settings;
#[cfg(test)]
mod tests;

pub use allocate::{AllocationEntry, Capital, CapitalStats};
pub use settings::{CapitalConfig, CapitalSettings, CapitalShortfall, ForbiddenModes, ReleverageMode};
