//! The engine: the one place where the bricks meet. **An event goes in, effects come out.**
//!
//! It knows no clock, no chance, no file and no socket. Whoever runs it turns the wheel: step, commit the records in
//! one transaction, only then submit the orders; replies come back as events. The same engine runs a backtest, paper
//! and live, and a journal replayed gives the same choices bit for bit.
//!
//! `step` branches; the bricks compute. Reading order: [`Event`] and [`Effect`], then [`Engine`], then what it
//! [`Record`]s.

mod by_hand;
mod checkpoint;
mod config;
mod desk;
mod engine;
mod entry;
mod event;
mod exits;
mod learning;
mod policy_change;
mod record;
mod ticks;

pub use by_hand::{ByHandError, PolicyByHand};
pub use checkpoint::{Checkpoint, DeskCheckpoint, RestoreError, Restored};
pub use config::{DeskConfig, EngineConfig, Levels, OnOpposite, ScalpCustody};
pub use engine::{Counts, Engine};
pub use event::{AccountView, Command, Effect, Event, InputFault, Notice};
pub use record::{
    AllocationRecord, BlockCause, BlockedRecord, ChangedBy, Chooser, DayRecord, DecisionRecord, LearnSkip,
    LearnedRecord, LegRecord, OrderEnd, PolicyEvent, PolicyEventKind, Record, TradeRecord,
};
