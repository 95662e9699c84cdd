//! Level 3: what kind of market it is, and whether that just changed.
//!
//! A [`RegimeDetector`] takes closed bars and says the regime, for how long it has lasted and whether it is in
//! transition. What is done about it (no re-leverage, no learning) is decided elsewhere.
//!
//! ```
//! use alavanca_kernel::{Bar, Price, Regime};
//! use alavanca_regime::{AdxAtrConfig, AdxAtrDetector, RegimeDetector};
//! let mut detector = AdxAtrDetector::new(AdxAtrConfig::default());
//! assert_eq!(detector.view().regime, Regime::Unknown);
//! for i in 0..300_i64 {
//!     let price = |offset: i64| Price::from_raw((130_000 + 10 * i + offset) * Price::SCALE);
//!     detector.on_bar(&Bar { open: price(0), high: price(15), low: price(-5), close: price(10), ..Bar::default() });
//! }
//! assert_eq!(detector.view().regime, Regime::TrendUp);
//! assert!(!detector.view().transition);
//! ```

mod adx_atr;
mod detector;
mod multi_scale;
mod phase;

pub use adx_atr::{AdxAtrConfig, AdxAtrDetector, AdxAtrSettings};
pub use detector::{FixedRegime, RegimeDetector, RegimeView};
pub use multi_scale::{MAX_SCALES, MultiScaleConfig, MultiScaleDetector, MultiScaleSettings, Reading};
pub use phase::{Doubt, Phase, TransitionRules, Transitions};
