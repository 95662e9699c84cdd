//! What the system tests share: a rig that joins an engine and a simulated exchange, brains, regimes and policies that
//! follow a script, a market drawn bar by bar, and a recorder.
//!
//! The tests themselves are in `tests/`, one file a subject. Nothing here belongs to a binary.
//!
//! ```
//! use alavanca_kernel::Side;
//! use alavanca_tests::{Chart, Rig};
//!
//! // Bought at the third bar's close; from there straight to the target, 200 points away.
//! let bench = Rig::with_signals(&[(2, Side::Buy)]).run(&Chart::default().flat(4).to(130_200).flat(2));
//! let trades = bench.recorder.trades();
//! assert_eq!((trades.len(), trades[0].gross.to_string()), (1, "416.00".to_owned()));
//! ```

// Whoever reads a test wants its failure at once.
#![allow(clippy::unwrap_used, clippy::expect_used)]

pub mod chart;
pub mod market_day;
pub mod order_model;
pub mod recorder;
pub mod rig;
pub mod script;

pub use alavanca::simulation::{Simulation, Sink};
pub use chart::{Chart, MINUTE, at_minute, points};
pub use recorder::Recorder;
pub use rig::{Bench, Rig};
pub use script::{Brains, Coin, ScriptedPolicy, ScriptedRegime, Signals, trigger};
