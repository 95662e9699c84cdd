//! What the system tests share: a rig that joins an engine and a simulated exchange, brains, regimes and policies that
//! follow a script, a market drawn bar by bar, and a recorder.
//!
//! The tests themselves are in `tests/`, one file a subject.

// Whoever reads a test wants its failure at once.
#![allow(clippy::unwrap_used, clippy::expect_used)]

pub mod chart;
pub mod recorder;
pub mod rig;
pub mod script;

pub use alavanca::simulation::{Simulation, Sink};
pub use chart::{Chart, MINUTE, at_minute, points};
pub use recorder::Recorder;
pub use rig::{Bench, Rig};
pub use script::{Brains, Coin, ScriptedPolicy, ScriptedRegime, Signals, trigger};
