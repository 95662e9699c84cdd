//! The run's figures, from the engine's records alone: what is reported is what was recorded, so that a report from
//! the database and one from the run cannot differ.
//!
//! Memory grows with trading days, not with bars or trades.
//!
//! ```
//! use alavanca_report::Tally;
//! let summary = Tally::default().summary();
//! assert_eq!(summary.trades, 0);
//! assert_eq!(summary.win_rate, None);
//! ```

mod summary;
mod tally;

pub use summary::{ExtrasSummary, LearningSummary, OrdersSummary, ScalpSummary, Summary};
pub use tally::Tally;
