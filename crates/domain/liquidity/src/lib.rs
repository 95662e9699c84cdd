//! Level 4: how much liquidity there is at a price, 0 to 1, and where the nearest zones are.
//!
//! It says how strong; what strength is enough is decided elsewhere (the seventh layer asks for 0.50).
//!
//! ```
//! use alavanca_kernel::{Bar, Price};
//! use alavanca_liquidity::{LiquidityMap, RelativeVolume};
//! let mut map = RelativeVolume::new(100);
//! assert_eq!(map.strength_at(Price::ZERO), None); // nothing seen yet
//! for volume in [100, 100, 40] {
//!     map.on_bar(&Bar { volume, ..Bar::default() });
//! }
//! assert_eq!(map.strength_at(Price::ZERO).unwrap().get(), 0.5); // 40 against a mean of 80
//! ```

mod exits;
mod kind;
mod map;
mod relative_volume;
mod swing_volume;
mod zones;

pub use exits::{ZoneExitConfig, ZoneExitMode, ZoneExitSettings};
pub use kind::ZoneKind;
pub use map::{LiquidityMap, NoLiquidity, Zone};
pub use relative_volume::RelativeVolume;
pub use swing_volume::{MAX_ZONES, SwingVolumeConfig, SwingVolumeLevels, SwingVolumeSettings};
pub use zones::{BINS, Cluster, ValueArea, VolumeProfile, ZoneMap, ZoneMapConfig, ZoneMapSettings};
