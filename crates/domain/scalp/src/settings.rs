//! What the operator may set, checked once.

use std::fmt;
use std::str::FromStr;

use alavanca_kernel::{Instrument, ScalpDistances, SettingError, UnknownName};
use serde::{Deserialize, Serialize};

/// The scalp's settings, as written down. [`ScalpConfig::new`] checks them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScalpSettings {
    /// `SCALP_TP_POINTS`: take-profit distance in points (not pips), where the instrument has none of its own.
    pub take_profit_points: u32,
    /// `SCALP_SL_POINTS`: stop-loss distance in points, where the instrument has none of its own.
    pub stop_loss_points: u32,
    /// `SCALP_MAX_HOLD_SECONDS`: the time limit, from the first fill.
    pub hold_seconds_max: u32,
    /// `PROTECT_PROFIT_AFTER_SCALP`: whether a won scalp also protects what remains of the base (semantics 22).
    pub protect_profit: bool,
    /// `PROTECT_PROFIT_MODE`: how.
    pub protect_mode: ProtectMode,
    /// `PROTECT_PROFIT_COOLDOWN_SECONDS`: how long the symbol rests after a won scalp; 0 for not at all.
    pub cooldown_seconds: u32,
    /// `CONTRACT_POINT_VALUE`, in 10⁻⁶ of the account's currency: the value of a point for one contract of symbols
    /// without a preset (semantics 2). Instruments are built with it; the book reads the instrument's own.
    pub contract_point_value_micros: i64,
    /// Whether `REALAVANCAGEM_MODE` is `HYBRID` (semantics 10).
    pub hybrid: bool,
}

impl Default for ScalpSettings {
    fn default() -> Self {
        Self {
            take_profit_points: 80,
            stop_loss_points: 40,
            hold_seconds_max: 180,
            protect_profit: true,
            protect_mode: ProtectMode::Close,
            cooldown_seconds: 300,
            contract_point_value_micros: 1_000_000,
            hybrid: false,
        }
    }
}

/// What a won scalp means for the rest of the base (semantics 22).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum ProtectMode {
    /// The base is closed.
    #[default]
    #[serde(rename = "CLOSE")]
    Close,
    /// The base's stop moves to break-even after costs.
    #[serde(rename = "BREAKEVEN")]
    BreakEven,
    /// The base stays as it is; only the symbol's rest protects.
    #[serde(rename = "COOLDOWN")]
    Cooldown,
}

impl ProtectMode {
    const ALL: [Self; 3] = [Self::Close, Self::BreakEven, Self::Cooldown];

    /// The spelling in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Close => "CLOSE",
            Self::BreakEven => "BREAKEVEN",
            Self::Cooldown => "COOLDOWN",
        }
    }
}

impl fmt::Display for ProtectMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ProtectMode {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text).ok_or_else(|| UnknownName {
            what: "profit protection",
            got: text.to_owned(),
            known: Self::ALL.map(Self::as_str).join(", "),
        })
    }
}

/// Settings that were checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScalpConfig {
    settings: ScalpSettings,
}

/// More points than any market moves in a day; keeps every level within what a price can be.
const POINTS_LIMIT: u32 = 1_000_000;
/// A week. Beyond it a scalp is none.
const SECONDS_LIMIT: u32 = 7 * 86_400;

impl ScalpConfig {
    /// Checks the settings; the error names the key and what is allowed.
    pub fn new(settings: ScalpSettings) -> Result<Self, SettingError> {
        let s = &settings;
        between("SCALP_TP_POINTS", s.take_profit_points, 1, POINTS_LIMIT)?;
        between("SCALP_SL_POINTS", s.stop_loss_points, 1, POINTS_LIMIT)?;
        between("SCALP_MAX_HOLD_SECONDS", s.hold_seconds_max, 1, SECONDS_LIMIT)?;
        between("PROTECT_PROFIT_COOLDOWN_SECONDS", s.cooldown_seconds, 0, SECONDS_LIMIT)?;
        if s.contract_point_value_micros <= 0 {
            let got = s.contract_point_value_micros as f64 / 1e6;
            return Err(SettingError::new("CONTRACT_POINT_VALUE", got, "an amount above zero, to six decimals"));
        }
        Ok(Self { settings })
    }

    /// What was set.
    pub const fn settings(&self) -> &ScalpSettings {
        &self.settings
    }

    /// The instrument's own distances, or the defaults (semantics 19).
    pub fn distances(&self, instrument: &Instrument) -> ScalpDistances {
        instrument.scalp.unwrap_or(ScalpDistances {
            take_profit_points: self.settings.take_profit_points,
            stop_loss_points: self.settings.stop_loss_points,
        })
    }

    /// Whether scalps can be made in this instrument: distances within bounds, and at least one tick wide, so that
    /// rounding to the tick leaves no exit at the entry.
    pub fn check_instrument(&self, instrument: &Instrument) -> Result<(), SettingError> {
        let distances = self.distances(instrument);
        for (key, points) in
            [("SCALP_TP_POINTS", distances.take_profit_points), ("SCALP_SL_POINTS", distances.stop_loss_points)]
        {
            between(key, points, 1, POINTS_LIMIT)?;
            let (distance, tick) = (instrument.points(points), instrument.tick);
            if distance < tick {
                let allowed = format!("at least one tick of {} ({tick})", instrument.name);
                return Err(SettingError::new(key, points, allowed));
            }
        }
        Ok(())
    }
}

fn between(key: &'static str, value: u32, least: u32, most: u32) -> Result<(), SettingError> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(SettingError::new(key, value, format!("a whole number from {least} to {most}")))
    }
}
