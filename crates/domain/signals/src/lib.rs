//! Levels 1 and 2. A [`Brain`] looks at bars and has an opinion; the [`BossBrain`] makes one signal of many opinions;
//! the [`MetaBrain`] knows how well each brain did and says how much to trust the signal.
//!
//! What it is not: it knows no position, no size and no account. Signals while a trade is open are the engine's to
//! ignore.
//!
//! ```
//! use alavanca_kernel::{Bar, Hour, Price, Regime, Side};
//! use alavanca_signals::{BossBrain, MetaBrain, MetaConfig, SmaCross, SmaCrossConfig, SmaCrossSettings};
//! let settings = SmaCrossSettings { fast: 2, slow: 3, ..SmaCrossSettings::default() };
//! let brain = SmaCross::new(SmaCrossConfig::new(settings, Price::ZERO).unwrap());
//! let mut boss = BossBrain::new(vec![Box::new(brain)]).unwrap();
//! let mut meta = MetaBrain::new(MetaConfig::default(), boss.names());
//!
//! let (regime, hour) = (Regime::TrendUp, Hour::new(10).unwrap());
//! let mut signals = Vec::new();
//! for close in [13, 12, 11, 11, 14] {
//!     let price = Price::from_raw(close * Price::SCALE);
//!     let bar = Bar { open: price, high: price, low: price, close: price, ..Bar::default() };
//!     let decision = boss.on_bar(&bar, || meta.weights(regime, hour));
//!     if let Some(signal) = decision.signal {
//!         let view = meta.evaluate(&signal, &decision.votes, regime, hour);
//!         signals.push((close, signal.side, view));
//!     }
//! }
//! let [(14, Side::Buy, view)] = signals[..] else { panic!("{signals:?}") };
//! assert_eq!(view.disagreement.unwrap().get(), 0.0);
//! assert!(view.confidence.unwrap().get() < 0.6); // nothing is known yet
//! meta.learn(&view.lesson, true); // when the trade is closed
//! ```

mod boss;
mod brain;
mod breakout;
mod day;
mod ema_trend;
mod exits;
mod mean_reversion;
mod meta;
mod momentum;
mod opening_range;
mod setting;
mod sma_cross;
mod squeeze;
mod vwap_pullback;

pub use boss::{BossBrain, BossConfig, BossDecision, BossSettings, MAX_BRAINS, Places, Voters, Votes, Weights};
pub use brain::{Brain, Opinion, Trigger};
pub use breakout::{Breakout, BreakoutConfig, BreakoutSettings};
pub use ema_trend::{EmaTrend, EmaTrendConfig, EmaTrendSettings};
pub use mean_reversion::{MeanReversion, MeanReversionConfig, MeanReversionSettings};
pub use meta::{
    Calibration, CalibrationMethod, Claims, Lesson, MetaBrain, MetaCheckpoint, MetaCheckpointError, MetaConfig,
    MetaSettings, MetaView, Realised, Record, Standing, WeightBy,
};
pub use momentum::{Momentum, MomentumConfig, MomentumSettings};
pub use opening_range::{OpeningRange, OpeningRangeConfig, OpeningRangeSettings};
pub use sma_cross::{SmaCross, SmaCrossConfig, SmaCrossSettings};
pub use squeeze::{Squeeze, SqueezeConfig, SqueezeSettings};
pub use vwap_pullback::{VwapPullback, VwapPullbackConfig, VwapPullbackSettings};
