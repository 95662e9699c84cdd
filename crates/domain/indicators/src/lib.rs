//! Incremental indicators: one bar or value in, one value out, in constant time and without allocation.
//!
//! Conventions are TA-Lib's: an exponential average starts from the simple average of its first values, and ATR, ADX
//! and RSI are smoothed as Wilder did. Values are held against TA-Lib's own to 10⁻⁹ of their scale; the one difference
//! is that an RSI of prices that never moved is 50, not 0. Nothing is put out before enough was seen. Distances between prices are `f64`
//! in the raw unit of [`Price`](alavanca_kernel::Price) (10⁻⁸), which spares a division per bar; sums of prices are
//! exact integers.
//!
//! What it is not: it holds no signal, no threshold and no opinion.
//!
//! ```
//! use alavanca_indicators::{Ema, Sma};
//! use alavanca_kernel::Price;
//! let price = |whole: i64| Price::from_raw(whole * Price::SCALE);
//! let mut average = Sma::new(3);
//! let mut seen = Vec::new();
//! for whole in [10, 11, 12, 16] {
//!     seen.push(average.push(price(whole)));
//! }
//! assert_eq!(seen, [None, None, Some(price(11)), Some(price(13))]);
//!
//! let mut ema = Ema::new(3);
//! assert_eq!([2.0, 4.0, 6.0, 8.0].map(|x| ema.push(x)), [None, None, Some(4.0), Some(6.0)]);
//! ```

mod adx;
mod aggregator;
mod atr;
mod deviation;
mod ema;
mod keltner;
mod macd;
mod pivots;
mod roc;
mod rolling;
mod rsi;
mod sma;
mod vwap;

pub use adx::Adx;
pub use aggregator::BarAggregator;
pub use atr::Atr;
pub use deviation::{Band, RollingBand};
pub use ema::Ema;
pub use keltner::{Channel, Keltner};
pub use macd::{Macd, MacdValue};
pub use pivots::{Pivot, Pivots, Swing};
pub use roc::Roc;
pub use rolling::{RollingMax, RollingMean, RollingMin};
pub use rsi::Rsi;
pub use sma::Sma;
pub use vwap::Vwap;

/// Periods above this are refused: far beyond any use, and sums of that many bounded prices cannot overflow.
pub const LONGEST_PERIOD: usize = 10_000;

fn checked(period: usize) -> usize {
    assert!((1..=LONGEST_PERIOD).contains(&period), "a period is 1 to {LONGEST_PERIOD}; settings are checked before");
    period
}
