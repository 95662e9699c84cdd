//! Safe, incremental learning: outcomes are collected into batches, snapshots are kept, degradation is detected.
//!
//! It knows nothing of what a policy is (its bytes are opaque), changes none, writes nothing down and asks no clock. It
//! says what is to be done; the engine does it.
//!
//! ```
//! use alavanca_kernel::{
//!     Action, Hour, Level, Money, Regime, Reward, StateKey, SymbolId, Timestamp, TradeId, TradeOutcome, TradingDay,
//! };
//! use alavanca_updater::{Updater, UpdaterConfig, UpdaterSettings};
//!
//! let settings = UpdaterSettings { batch_size: 2, ..UpdaterSettings::default() };
//! let mut updater = Updater::new(UpdaterConfig::new(settings).unwrap());
//! let now = Timestamp::from_secs(1_615_494_900);
//! let lost = |id| TradeOutcome {
//!     trade: TradeId::new(id),
//!     symbol: SymbolId::new(0),
//!     state: StateKey {
//!         regime: Regime::TrendUp,
//!         hour: Hour::new(14).unwrap(),
//!         confidence: Level::High,
//!         disagreement: Level::Low,
//!     },
//!     action: Action::Enter,
//!     net: Money::from_units(-40),
//!     reward: Reward::from_micros(200_000).unwrap(),
//!     opened_at: now,
//!     closed_at: now,
//!     in_transition: false,
//! };
//! updater.add_trade(lost(1)).unwrap();
//! assert!(updater.add_trade(lost(1)).is_err(), "exactly once");
//! updater.add_trade(lost(2)).unwrap();
//!
//! let batch = updater.batch().unwrap();
//! let (snapshot, _) = updater.snapshot(Regime::TrendUp, now, b"the policy".to_vec(), "before batch 1");
//! // ... here the policy learns the batch ...
//! let outcome = updater.finish_batch(now, TradingDay::from_days(18_697));
//! assert_eq!(outcome.rollback, Some(vec![(Regime::TrendUp, snapshot.id.clone())]));
//! assert_eq!(updater.rollback_to(&snapshot.id).unwrap().policy, b"the policy");
//! ```

mod seen;
mod settings;
mod snapshot;
mod trend;
mod updater;

pub use settings::{UpdaterConfig, UpdaterSettings};
pub use snapshot::{PolicySnapshot, SnapshotMetrics};
pub use updater::{
    Batch, BatchOutcome, DuplicateTrade, FreezeDirective, RestoreError, Updater, UpdaterCheckpoint, UpdaterStats,
};
