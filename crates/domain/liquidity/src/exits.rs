use std::str::FromStr;

use alavanca_kernel::{ExitAt, Price, SettingError, Side, Signal, UnknownName};
use serde::{Deserialize, Serialize};

use crate::LiquidityMap;

/// Which exits zones may move (`EXITS_BY_ZONES`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ZoneExitMode {
    /// None: the brains' own stand.
    #[default]
    Off,
    /// The stop.
    Stop,
    /// The target.
    Target,
    /// Both.
    Both,
}

impl ZoneExitMode {
    const ALL: [Self; 4] = [Self::Off, Self::Stop, Self::Target, Self::Both];

    /// The spelling in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "OFF",
            Self::Stop => "STOP",
            Self::Target => "TARGET",
            Self::Both => "BOTH",
        }
    }
}

impl FromStr for ZoneExitMode {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text).ok_or_else(|| UnknownName {
            what: "choice of exits",
            got: text.to_owned(),
            known: Self::ALL.map(Self::as_str).join(", "),
        })
    }
}

/// Settings of [`ZoneExitConfig`].
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ZoneExitSettings {
    /// `EXITS_BY_ZONES`: which exits zones may move.
    pub mode: ZoneExitMode,
    /// `EXITS_MIN_STRENGTH`: the least strength of a zone, 0 to 1.
    pub min_strength: f64,
    /// `EXITS_MARGIN`: how far behind a zone the stop and how far before it the target is, as a share of the distance of
    /// the brains' own stop; at least a tick.
    pub margin: f64,
    /// `EXITS_NEAREST`: no exit is nearer than so many times the brains' own distance.
    pub nearest: f64,
    /// `EXITS_FURTHEST`: none is further than so many times.
    pub furthest: f64,
    /// `EXITS_MIN_REWARD_RISK`: the least distance of the target as a multiple of the stop's, for exits that are moved.
    pub min_reward_risk: f64,
}

impl Default for ZoneExitSettings {
    fn default() -> Self {
        Self {
            mode: ZoneExitMode::Off,
            min_strength: 0.5,
            margin: 0.1,
            nearest: 0.5,
            furthest: 1.5,
            min_reward_risk: 1.0,
        }
    }
}

/// Checked settings: how stops and targets are placed by zones.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct ZoneExitConfig {
    settings: ZoneExitSettings,
}

/// So many zones are looked at on a side.
const ZONES_MAX: usize = 16;

impl ZoneExitConfig {
    /// Checks the settings.
    pub fn new(settings: ZoneExitSettings) -> Result<Self, SettingError> {
        let s = &settings;
        let number = |key, value: f64, least: f64, most: f64| {
            let fits = (least..=most).contains(&value);
            fits.then_some(()).ok_or_else(|| SettingError::new(key, value, format!("a number from {least} to {most}")))
        };
        number("EXITS_MIN_STRENGTH", s.min_strength, 0.0, 1.0)?;
        number("EXITS_MARGIN", s.margin, 0.0, 1.0)?;
        number("EXITS_NEAREST", s.nearest, 0.1, 1.0)?;
        number("EXITS_FURTHEST", s.furthest, 1.0, 10.0)?;
        number("EXITS_MIN_REWARD_RISK", s.min_reward_risk, 0.0, 100.0)?;
        Ok(Self { settings })
    }

    /// A signal's exits, placed by zones where the settings say so and a zone fits; else they stay as they are. `entry`
    /// is the price at the decision.
    ///
    /// **The stop** goes behind the nearest strong zone on its side that lets it be within `nearest` and `furthest`
    /// times the own distance: zone − margin for a long, on the tick below.
    ///
    /// **The target** goes before the nearest strong zone on its side within the same bounds of its own distance whose
    /// distance is at least `min_reward_risk` times the stop's: zone − margin for a long, on the tick below. A signal
    /// without a target gets none.
    ///
    /// A stop that was moved away may not spoil the trade: where the target comes to less than `min_reward_risk` times
    /// it, and to less than the brains' own ratio, the own stop stays.
    pub fn place(&self, map: &dyn LiquidityMap, signal: &Signal, entry: Price, tick: Price) -> Signal {
        let (stops, targets) = match self.settings.mode {
            ZoneExitMode::Off => return *signal,
            ZoneExitMode::Stop => (true, false),
            ZoneExitMode::Target => (false, true),
            ZoneExitMode::Both => (true, true),
        };
        let side = signal.side;
        let ahead = |price: Price| (price.raw() - entry.raw()) * side.sign();
        let own_stop = -ahead(signal.stop.stop_price(side, entry));
        let own_target = signal.target.map(|target| ahead(target.target_price(side, entry)));
        if own_stop <= 0 || own_target.is_some_and(|target| target <= 0) {
            return *signal;
        }
        let margin = ((own_stop as f64 * self.settings.margin) as i64).max(tick.raw()).max(1);
        let walk = Walk { map, entry, tick, least: self.settings.min_strength };
        let within = |own: i64| {
            let (least, most) = (own as f64 * self.settings.nearest, own as f64 * self.settings.furthest);
            (least.ceil() as i64, most as i64)
        };
        let target_beyond = |stop: i64| {
            let own = own_target.filter(|_| targets)?;
            let (least, most) = within(own);
            let least = least.max((stop as f64 * self.settings.min_reward_risk).ceil() as i64);
            walk.first(side, side, -margin, least, most)
        };
        let (least, most) = within(own_stop);
        let moved = stops.then(|| walk.first(side, side.opposite(), margin, least, most)).flatten();
        for stop in [moved, None] {
            let stop_distance = stop.map_or(own_stop, |price| -ahead(price));
            let target = target_beyond(stop_distance);
            let target_distance = target.map(ahead).or(own_target);
            let is_worth_it = |reward: i64| {
                let ratio = reward as f64 / stop_distance as f64;
                let own = own_target.map_or(f64::INFINITY, |target| target as f64 / own_stop as f64);
                ratio >= self.settings.min_reward_risk || ratio >= own
            };
            if stop.is_none() || target_distance.is_none_or(is_worth_it) {
                return Signal {
                    stop: stop.map_or(signal.stop, ExitAt::Price),
                    target: target.map(ExitAt::Price).or(signal.target),
                    ..*signal
                };
            }
        }
        *signal
    }
}

/// Zones on one side of a price, one after the other.
struct Walk<'a> {
    map: &'a dyn LiquidityMap,
    entry: Price,
    tick: Price,
    least: f64,
}

impl Walk<'_> {
    /// The first exit of a position of `side`, moved from a strong zone by `shift` away from the entry, whose distance is
    /// within these.
    fn first(&self, side: Side, towards: Side, shift: i64, least: i64, most: i64) -> Option<Price> {
        let step = self.tick.raw().max(1);
        let mut at = self.entry.raw();
        for _ in 0..ZONES_MAX {
            let (below, above) = self.map.nearest(Price::from_raw(at));
            let zone = match towards {
                Side::Buy => above,
                Side::Sell => below,
            }?;
            let raw = zone.price.raw();
            // Prices of zones are rounded to the tick: no standing still on that account.
            at = match towards {
                Side::Buy => raw.max(at + step),
                Side::Sell => (raw - 1).min(at - step),
            };
            let exit = self.on_tick(side, raw + shift * towards.sign());
            let distance = (exit - self.entry.raw()) * towards.sign();
            // The zones that follow lie further on.
            if distance > most.saturating_add(shift.abs()).saturating_add(step) {
                return None;
            }
            if zone.strength.get() >= self.least && (least..=most).contains(&distance) && exit > 0 {
                return Some(Price::from_raw(exit));
            }
        }
        None
    }

    /// A long's exits are rounded down, a short's up: its stop away from the price, its target towards it.
    fn on_tick(&self, side: Side, raw: i64) -> i64 {
        let tick = self.tick.raw().max(1);
        let down = raw.div_euclid(tick) * tick;
        match side {
            Side::Buy => down,
            Side::Sell => down + if down < raw { tick } else { 0 },
        }
    }
}
