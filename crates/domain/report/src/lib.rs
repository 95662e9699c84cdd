//! The run's figures, from the engine's records alone: what is reported is what was recorded, so that a report from
//! the database and one from the run cannot differ.
//!
//! A [`Tally`] has the figures; its memory grows with trading days, not with bars or trades. A [`Chronicle`] has what
//! charts and lists are drawn from: the curve of the result, trades, scalps, posteriors, what was learned and what risk
//! said; its memory grows with trades. [`CandleBuilder`] makes any length of market small enough for the eye.
//!
//! ```
//! use alavanca_report::Tally;
//! let summary = Tally::default().summary();
//! assert_eq!(summary.trades, 0);
//! assert_eq!(summary.win_rate, None);
//! ```

mod candles;
mod chronicle;
mod cost_split;
mod curve;
mod posterior;
mod regimes;
mod reliability;
mod summary;
mod tally;

pub use candles::{Candle, CandleBuilder, Candles};
pub use chronicle::{Batch, Chronicle, ResultCell, ScalpHolds};
pub use curve::{Curve, CurvePoint};
pub use posterior::{Posteriors, Prior, RegimePosterior, StatePosterior};
pub use regimes::{RegimeChange, RegimeTime, RegimesSummary};
pub use reliability::{Reliability, ReliabilityBin, ReliabilityTable};
pub use summary::{CostParts, ExtrasSummary, LearningSummary, OrdersSummary, ScalpSummary, Summary};
pub use tally::Tally;
