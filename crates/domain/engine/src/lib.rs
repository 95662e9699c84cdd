//! The engine: the one place where the bricks meet. **An event goes in, effects come out.**
//!
//! It knows no clock, no chance, no file and no socket. Whoever runs it turns the wheel: step, commit the records in
//! one transaction, only then submit the orders; replies come back as events. The same engine runs a backtest, paper
//! and live, and a journal replayed gives the same choices bit for bit.
//!
//! It sends nothing, stores nothing, and is not to be asked for the market: what it needs to know comes as events.
//!
//! `step` branches; the bricks compute. Reading order: [`Event`] and [`Effect`], then [`Engine`], then what it
//! [`Record`]s.
//!
//! ```
//! use alavanca_calendar::{Session, SessionRule, SessionSettings, TradingZone, ZoneSettings};
//! use alavanca_capital::{CapitalConfig, CapitalSettings};
//! use alavanca_engine::{Command, DeskConfig, Effect, Engine, EngineConfig, Event, Levels, OnOpposite, Record, ScalpCustody};
//! use alavanca_gate::{GateConfig, GateSettings};
//! use alavanca_kernel::{Instrument, Price, RiskState, Timestamp};
//! use alavanca_liquidity::{NoLiquidity, ZoneExitConfig};
//! use alavanca_regime::{AdxAtrConfig, AdxAtrDetector};
//! use alavanca_risk::{RiskConfig, RiskSettings};
//! use alavanca_rl::{RlConfig, RlSettings, ThompsonSampling};
//! use alavanca_scalp::{ScalpConfig, ScalpSettings};
//! use alavanca_signals::{BossBrain, MetaBrain, MetaConfig, SmaCross, SmaCrossConfig, SmaCrossSettings};
//! use alavanca_updater::{UpdaterConfig, UpdaterSettings};
//!
//! let rl = RlConfig::new(RlSettings::default())?;
//! let config = EngineConfig {
//!     capital: CapitalConfig::new(CapitalSettings::default())?,
//!     scalp: ScalpConfig::new(ScalpSettings::default())?,
//!     risk: RiskConfig::new(RiskSettings::default())?,
//!     gate: GateConfig::new(GateSettings::default())?,
//!     rl,
//!     updater: UpdaterConfig::new(UpdaterSettings::default())?,
//!     zone: TradingZone::new(&ZoneSettings::default())?,
//!     zone_exits: ZoneExitConfig::default(),
//!     on_opposite: OnOpposite::Ignore,
//!     custody: ScalpCustody::Broker,
//!     signal_bar_seconds: 60,
//!     equity_max_age_seconds: 60,
//!     record_every_bar: false,
//! };
//! let brain = SmaCross::new(SmaCrossConfig::new(SmaCrossSettings::default(), Price::ZERO)?);
//! let boss = BossBrain::new(vec![Box::new(brain)])?;
//! let desk = DeskConfig {
//!     instrument: Instrument::preset("WIN").unwrap(),
//!     session: SessionRule::new(Session::by_name("B3")?, &SessionSettings::default())?,
//!     levels: Levels {
//!         meta: MetaBrain::new(MetaConfig::default(), boss.names()),
//!         boss,
//!         regime: Box::new(AdxAtrDetector::new(AdxAtrConfig::default())),
//!         liquidity: Box::new(NoLiquidity),
//!     },
//! };
//! let mut engine = Engine::new(config, vec![desk], Box::new(ThompsonSampling::new(rl)))?;
//!
//! let mut effects = Vec::new();
//! engine.step(&Event::Command(Command::Halt, Timestamp::from_secs(1_615_494_900)), &mut effects);
//! assert!(matches!(effects[..], [Effect::Record(Record::Risk(change))] if change.to == RiskState::Halted));
//! # Ok::<(), alavanca_kernel::SettingError>(())
//! ```

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
mod regimes;

pub use by_hand::{ByHandError, PolicyByHand};
pub use checkpoint::{Checkpoint, DeskCheckpoint, RestoreError, Restored};
pub use config::{DeskConfig, EngineConfig, Levels, OnOpposite, ScalpCustody};
pub use engine::{Counts, Engine};
pub use event::{AccountView, Command, Effect, Event, InputFault, Notice};
pub use record::{
    AllocationRecord, BlockCause, BlockedRecord, ChangedBy, Chooser, DayRecord, DecisionRecord, LearnSkip,
    LearnedRecord, LegRecord, OrderEnd, PolicyEvent, PolicyEventKind, Record, TradeRecord,
};
pub use regimes::{RegimeRecord, RegimeStretch};
