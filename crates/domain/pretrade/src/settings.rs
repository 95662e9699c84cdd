//! What the operator may set, checked once.

use alavanca_kernel::{Money, Price, SettingError};
use serde::{Deserialize, Serialize};

/// The limits, as written down. [`PretradeConfig::new`] checks them. They are wider than the engine's own: where one of
/// them is reached, something in front of the gate is wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PretradeSettings {
    /// `PRETRADE_SYMBOLS`: names that may be entered; none allows those that the run was started for.
    pub symbols: Option<Vec<String>>,
    /// `PRETRADE_MAX_ORDER_CONTRACTS`: contracts of one order.
    pub max_order_contracts: u32,
    /// `PRETRADE_MAX_POSITION_CONTRACTS`: contracts of a symbol, open and on their way, both sides added.
    pub max_position_contracts: u32,
    /// `PRETRADE_MAX_NOTIONAL`: what all of them are worth, in the account's currency.
    pub max_notional: Money,
    /// `PRETRADE_MAX_OPEN_ORDERS`: opening orders whose end is not known.
    pub max_open_orders: u32,
    /// `PRETRADE_MAX_ORDERS_PER_SECOND`: opening orders within any second.
    pub orders_per_second: u32,
    /// `PRETRADE_MAX_ORDERS_PER_MINUTE`: within any minute.
    pub orders_per_minute: u32,
    /// `PRETRADE_MAX_ORDERS_PER_DAY`: on a trading day.
    pub orders_per_day: u32,
    /// `PRETRADE_MAX_CLOSES_PER_SECOND`: closing orders within any second.
    pub closes_per_second: u32,
    /// `PRETRADE_MAX_CLOSES_PER_MINUTE`: within any minute.
    pub closes_per_minute: u32,
    /// `PRETRADE_MAX_CLOSES_PER_DAY`: on a trading day.
    pub closes_per_day: u32,
    /// `PRETRADE_MAX_CHANGES_PER_SECOND`: moved exits and orders taken back, within any second.
    pub changes_per_second: u32,
    /// `PRETRADE_MAX_CHANGES_PER_MINUTE`: within any minute.
    pub changes_per_minute: u32,
    /// `PRETRADE_COLLAR_POINTS`: how far the price may be from the last trade and from the quote before, in points.
    pub collar_points: Option<u32>,
    /// `PRETRADE_COLLAR_PERCENT`, in 10⁻⁶ of a percent: the same as a part of the reference. Where both are set, the
    /// narrower holds.
    pub collar_percent_micros: Option<u32>,
    /// `PRETRADE_MAX_SPREAD_POINTS`: the widest spread, in points.
    pub max_spread_points: Option<u32>,
    /// `PRETRADE_MAX_SPREAD_PERCENT`, in 10⁻⁶ of a percent of the bid. Where both are set, the narrower holds.
    pub max_spread_percent_micros: Option<u32>,
    /// `PRETRADE_MAX_QUOTE_AGE_MS`: how old a quote may be, in milliseconds of market time.
    pub max_quote_age_ms: u32,
    /// `PRETRADE_DUPLICATE_WINDOW_MS`: so long the same symbol, leg, intent and side are not sent again.
    pub duplicate_window_ms: u32,
    /// `PRETRADE_DAILY_LOSS_LIMIT`: the day's loss, open losses included; none for no limit here.
    pub daily_loss_limit: Option<Money>,
    /// `PRETRADE_DRAWDOWN_LIMIT`: the fall from the day's best; none for no limit here.
    pub drawdown_limit: Option<Money>,
    /// `PRETRADE_MAX_LOSING_STREAK`: losing trades in a row; 0 for no limit here.
    pub max_losing_streak: u32,
    /// `PRETRADE_MAX_ACCOUNT_AGE_SECONDS`: how old equity and free margin may be.
    pub max_account_age_seconds: u32,
    /// `PRETRADE_REQUIRE_STOP`: whether a base may only be opened with its stop.
    pub require_stop: bool,
}

impl Default for PretradeSettings {
    fn default() -> Self {
        Self {
            symbols: None,
            max_order_contracts: 20,
            max_position_contracts: 20,
            max_notional: Money::from_units(1_500_000),
            max_open_orders: 4,
            orders_per_second: 4,
            orders_per_minute: 20,
            orders_per_day: 200,
            closes_per_second: 10,
            closes_per_minute: 60,
            closes_per_day: 1_000,
            changes_per_second: 20,
            changes_per_minute: 200,
            collar_points: None,
            collar_percent_micros: Some(500_000),
            max_spread_points: None,
            max_spread_percent_micros: Some(50_000),
            max_quote_age_ms: 10_000,
            duplicate_window_ms: 1_000,
            daily_loss_limit: Some(Money::from_units(400)),
            drawdown_limit: Some(Money::from_units(600)),
            max_losing_streak: 6,
            max_account_age_seconds: 60,
            require_stop: true,
        }
    }
}

/// Settings that were checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PretradeConfig {
    settings: PretradeSettings,
}

/// A hundred percent, in 10⁻⁶ of a percent.
const WHOLE: u32 = 100_000_000;

impl PretradeConfig {
    /// Checks the settings; the error names the key and what is allowed.
    pub fn new(settings: PretradeSettings) -> Result<Self, SettingError> {
        let s = &settings;
        if s.symbols.as_ref().is_some_and(Vec::is_empty) {
            let allowed = "names separated by commas, or default for those that the run was started for";
            return Err(SettingError::new("PRETRADE_SYMBOLS", "", allowed));
        }
        for (key, number) in [
            ("PRETRADE_MAX_ORDER_CONTRACTS", s.max_order_contracts),
            ("PRETRADE_MAX_POSITION_CONTRACTS", s.max_position_contracts),
            ("PRETRADE_MAX_OPEN_ORDERS", s.max_open_orders),
            ("PRETRADE_MAX_ORDERS_PER_SECOND", s.orders_per_second),
            ("PRETRADE_MAX_CHANGES_PER_SECOND", s.changes_per_second),
            ("PRETRADE_MAX_QUOTE_AGE_MS", s.max_quote_age_ms),
            ("PRETRADE_DUPLICATE_WINDOW_MS", s.duplicate_window_ms),
            ("PRETRADE_MAX_ACCOUNT_AGE_SECONDS", s.max_account_age_seconds),
        ] {
            if number == 0 {
                return Err(SettingError::new(key, number, "a whole number above zero: this limit cannot be off"));
            }
        }
        // The window's stamps are kept for a minute.
        if s.duplicate_window_ms > 60_000 {
            let allowed = "milliseconds, 1 to 60000";
            return Err(SettingError::new("PRETRADE_DUPLICATE_WINDOW_MS", s.duplicate_window_ms, allowed));
        }
        let at_least = |key, number: u32, of: &str, least: u32| {
            let refused = || SettingError::new(key, number, format!("at least {of} ({least})"));
            if number < least { Err(refused()) } else { Ok(()) }
        };
        let (order, second, minute) = (s.max_order_contracts, s.orders_per_second, s.orders_per_minute);
        at_least("PRETRADE_MAX_POSITION_CONTRACTS", s.max_position_contracts, "PRETRADE_MAX_ORDER_CONTRACTS", order)?;
        at_least("PRETRADE_MAX_ORDERS_PER_MINUTE", minute, "PRETRADE_MAX_ORDERS_PER_SECOND", second)?;
        at_least("PRETRADE_MAX_ORDERS_PER_DAY", s.orders_per_day, "PRETRADE_MAX_ORDERS_PER_MINUTE", minute)?;
        // What was opened has to be closed, too.
        at_least("PRETRADE_MAX_CLOSES_PER_SECOND", s.closes_per_second, "PRETRADE_MAX_ORDERS_PER_SECOND", second)?;
        at_least("PRETRADE_MAX_CLOSES_PER_MINUTE", s.closes_per_minute, "PRETRADE_MAX_ORDERS_PER_MINUTE", minute)?;
        at_least("PRETRADE_MAX_CLOSES_PER_DAY", s.closes_per_day, "PRETRADE_MAX_ORDERS_PER_DAY", s.orders_per_day)?;
        let changes = s.changes_per_second;
        at_least("PRETRADE_MAX_CHANGES_PER_MINUTE", s.changes_per_minute, "PRETRADE_MAX_CHANGES_PER_SECOND", changes)?;
        for (key, other, points, percent) in [
            ("PRETRADE_COLLAR_PERCENT", "PRETRADE_COLLAR_POINTS", s.collar_points, s.collar_percent_micros),
            (
                "PRETRADE_MAX_SPREAD_PERCENT",
                "PRETRADE_MAX_SPREAD_POINTS",
                s.max_spread_points,
                s.max_spread_percent_micros,
            ),
        ] {
            match (points, percent) {
                (None, None) => {
                    let allowed = format!("above 0 and below 100, or none beside a {other}: one of the two is needed");
                    return Err(SettingError::new(key, "none", allowed));
                }
                (Some(0), _) => {
                    return Err(SettingError::new(other, 0, "a whole number of points above zero, or none"));
                }
                (_, Some(percent)) if percent == 0 || percent >= WHOLE => {
                    return Err(SettingError::new(key, f64::from(percent) / 1e6, "above 0 and below 100, or none"));
                }
                _ => {}
            }
        }
        for (key, amount) in [
            ("PRETRADE_MAX_NOTIONAL", Some(s.max_notional)),
            ("PRETRADE_DAILY_LOSS_LIMIT", s.daily_loss_limit),
            ("PRETRADE_DRAWDOWN_LIMIT", s.drawdown_limit),
        ] {
            if let Some(amount) = amount.filter(|amount| !amount.is_positive()) {
                return Err(SettingError::new(key, amount, "an amount above zero"));
            }
        }
        Ok(Self { settings })
    }

    /// What was set.
    pub const fn settings(&self) -> &PretradeSettings {
        &self.settings
    }

    /// How far a price may be from this reference.
    pub(crate) fn collar(&self, reference: Price, point: Price) -> Price {
        narrower(reference, point, self.settings.collar_points, self.settings.collar_percent_micros)
    }

    /// The widest spread at this bid.
    pub(crate) fn spread_max(&self, bid: Price, point: Price) -> Price {
        narrower(bid, point, self.settings.max_spread_points, self.settings.max_spread_percent_micros)
    }
}

fn narrower(of: Price, point: Price, points: Option<u32>, percent_micros: Option<u32>) -> Price {
    let by_points = points.map_or(i64::MAX, |points| point.raw().saturating_mul(i64::from(points)));
    let by_percent = percent_micros.map_or(i64::MAX, |micros| {
        let part = i128::from(of.raw().max(0)) * i128::from(micros) / i128::from(WHOLE);
        i64::try_from(part).unwrap_or(i64::MAX)
    });
    Price::from_raw(by_points.min(by_percent))
}
