//! The policy: which action to take in which state, learned from what became of earlier ones.
//!
//! It holds the evidence, the posteriors, the sampler and the freeze flags. It does not batch, snapshot by itself,
//! judge its own performance or decide what is available: the updater and the engine do.
//!
//! ```
//! use alavanca_kernel::{Action, ActionSet, Hour, Level, Money, Regime, StateKey, SymbolId, Timestamp};
//! use alavanca_rl::{Policy, RewardRule, RlConfig, RlSettings, ThompsonSampling, reward};
//!
//! let mut policy = ThompsonSampling::new(RlConfig::new(RlSettings::default()).unwrap());
//! let (symbol, now) = (SymbolId::new(0), Timestamp::from_secs(1_615_494_900));
//! let state = StateKey {
//!     regime: Regime::TrendUp,
//!     hour: Hour::new(14).unwrap(),
//!     confidence: Level::High,
//!     disagreement: Level::Low,
//! };
//! let action = policy.choose(symbol, state, ActionSet::ALL, now);
//! assert_eq!(action, policy.choose(symbol, state, ActionSet::ALL, now), "nothing else was drawn upon");
//!
//! // Three wins from Beta(1, 1).
//! for _ in 0..3 {
//!     policy.learn(symbol, state, Action::Enter, reward(RewardRule::Sign, Money::from_units(80)));
//! }
//! let arm = policy.arm(symbol, state, Action::Enter);
//! assert_eq!((arm.alpha, arm.beta, arm.count), (4.0, 1.0, 3));
//! ```

mod beta;
mod philox;
mod policy;
mod portable;
mod propensity;
mod reward;
mod settings;
mod table;
mod thompson;

pub use policy::{Arm, ArmUpdate, Policy, PolicyCheckpoint, RegimeStats};
pub use propensity::propensity;
pub use reward::reward;
pub use settings::{FreezeFallback, Learning, PolicyMode, PolicyScope, RewardRule, RlConfig, RlSettings, UpdateRule};
pub use table::{ImportError, PolicyRow, PolicyTable, RowFault};
pub use thompson::ThompsonSampling;
