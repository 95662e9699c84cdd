//! Statistics without opinions: special functions, quadrature, the plain figures of trades and days, and intervals by
//! resampling.
//!
//! Pure functions. Nothing here rounds money, draws chance by itself or knows what a policy is.
//!
//! ```
//! use alavanca_kernel::Money;
//! use alavanca_stats::{max_drawdown, profit_factor, regularized_incomplete_beta};
//!
//! let nets = [80, -40, 80, -40, -40].map(Money::from_units);
//! assert_eq!(profit_factor(nets), Some(160.0 / 120.0));
//!
//! let equity = nets.iter().scan(Money::ZERO, |sum, &net| { *sum += net; Some(*sum) });
//! assert_eq!(max_drawdown(equity).unwrap().amount, Money::from_units(80));
//!
//! // Three wins, no loss: the chance that the true win rate is at most one half.
//! assert!((regularized_incomplete_beta(4.0, 1.0, 0.5) - 1.0 / 16.0).abs() < 1e-15);
//! ```

mod bootstrap;
mod describe;
mod quadrature;
mod special;

pub use bootstrap::{StationaryBootstrap, bootstrap_interval, percentile_interval};
pub use describe::{Drawdown, Moments, max_drawdown, profit_factor, quantile, sharpe_per_day};
pub use quadrature::integrate;
pub use special::{Beta, ln_gamma, regularized_incomplete_beta, stirling_error};
