//! What the operator may set, checked once.

use std::fmt;
use std::str::FromStr;

use alavanca_kernel::{Money, Regime, RegimeSet, SettingError, Unit, UnknownName};
use serde::{Deserialize, Serialize};

/// The operator's capital and the demands on an extra, as written down. [`CapitalConfig::new`] checks them.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CapitalSettings {
    /// `OPERATOR_CAPITAL_BRL`: what the operator puts at stake.
    pub operator_capital: Money,
    /// `MARGIN_PER_CONTRACT_BRL`: the operator's own, prudential margin, for sizing alone (semantics 4).
    pub margin_per_contract: Money,
    /// `MAX_CONTRACTS_CAP`: the most base contracts; it does not bound the extra (semantics 5).
    pub max_contracts_cap: u32,
    /// `MIN_CONTRACTS`: the fewest contracts worth a trade.
    pub min_contracts: u32,
    /// `CAPITAL_SHORTFALL`: what happens where the money does not cover the minimum (semantics 6).
    pub capital_shortfall: CapitalShortfall,
    /// `REALAVANCAGEM_ENABLED`: layer 1.
    pub releverage_enabled: bool,
    /// `REALAVANCAGEM_MAX_EXTRA_CONTRACTS`: the most contracts on top of the base.
    pub max_extra_contracts: u32,
    /// `REALAVANCAGEM_MODE`: what becomes of an extra at its time limit (semantics 10).
    pub releverage_mode: ReleverageMode,
    /// `REALAVANCAGEM_REQUIRE_PROFIT_TODAY`: whether layer 6 demands anything.
    pub require_profit_today: bool,
    /// `REALAVANCAGEM_MIN_PROFIT_TODAY_BRL`: layer 6.
    pub min_profit_today: Money,
    /// `REALAVANCAGEM_MIN_GLOBAL_CONF`: layer 5, 0 to 1.
    pub min_confidence: f64,
    /// `REALAVANCAGEM_ALLOWED_REGIMES`: layer 3.
    pub allowed_regimes: RegimeSet,
    /// `REALAVANCAGEM_FORBIDDEN_MODES` without `TRANSITION`: layer 2. Stronger than the allowed list.
    pub forbidden_regimes: RegimeSet,
    /// Whether `TRANSITION` stands in `REALAVANCAGEM_FORBIDDEN_MODES`: layer 4.
    pub forbid_transition: bool,
    /// `REALAVANCAGEM_MIN_LIQUIDITY`: layer 7, 0 to 1.
    pub min_liquidity: f64,
    /// `REALAVANCAGEM_MAX_DISAGREEMENT`: layer 8, 0 to 1.
    pub max_disagreement: f64,
}

impl Default for CapitalSettings {
    fn default() -> Self {
        Self {
            operator_capital: Money::from_units(10_000),
            margin_per_contract: Money::from_units(1_000),
            max_contracts_cap: 10,
            min_contracts: 1,
            capital_shortfall: CapitalShortfall::Refuse,
            releverage_enabled: true,
            max_extra_contracts: 1,
            releverage_mode: ReleverageMode::ScalpOnly,
            require_profit_today: true,
            min_profit_today: Money::from_units(50),
            min_confidence: 0.70,
            allowed_regimes: RegimeSet::of(&[Regime::TrendUp, Regime::TrendDown]),
            forbidden_regimes: RegimeSet::of(&[Regime::Chaotic]),
            forbid_transition: true,
            min_liquidity: 0.50,
            max_disagreement: 0.40,
        }
    }
}

/// Settings that were checked.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct CapitalConfig {
    settings: CapitalSettings,
    pub(crate) min_confidence: Unit,
    pub(crate) min_liquidity: Unit,
    pub(crate) max_disagreement: Unit,
}

/// Far above any account, far below where a sum of a few could overflow.
const MONEY_LIMIT: Money = Money::from_units(1_000_000_000_000);
const CONTRACTS_LIMIT: u32 = 1_000_000;

impl CapitalConfig {
    /// Checks the settings; the error names the key and what is allowed (semantics 6).
    pub fn new(settings: CapitalSettings) -> Result<Self, SettingError> {
        let s = &settings;
        let amount = |key, amount: Money, least: Money| {
            if (least..=MONEY_LIMIT).contains(&amount) {
                Ok(())
            } else {
                Err(SettingError::new(key, amount, format!("an amount from {least} to {MONEY_LIMIT}")))
            }
        };
        let count = |key, count: u32, least: u32, most: u32| {
            if (least..=most).contains(&count) {
                Ok(())
            } else {
                Err(SettingError::new(key, count, format!("a number of contracts from {least} to {most}")))
            }
        };
        let unit =
            |key, value: f64| Unit::new(value).ok_or_else(|| SettingError::new(key, value, "a number from 0 to 1"));
        amount("OPERATOR_CAPITAL_BRL", s.operator_capital, Money::ZERO)?;
        amount("MARGIN_PER_CONTRACT_BRL", s.margin_per_contract, Money::from_cents(1))?;
        count("MAX_CONTRACTS_CAP", s.max_contracts_cap, 1, CONTRACTS_LIMIT)?;
        count("MIN_CONTRACTS", s.min_contracts, 1, s.max_contracts_cap)?;
        count("REALAVANCAGEM_MAX_EXTRA_CONTRACTS", s.max_extra_contracts, 0, CONTRACTS_LIMIT)?;
        amount("REALAVANCAGEM_MIN_PROFIT_TODAY_BRL", s.min_profit_today, Money::ZERO)?;
        // The product is used to compare without dividing.
        if s.margin_per_contract.cents().checked_mul(i64::from(s.max_contracts_cap)).is_none() {
            return Err(SettingError::new(
                "MAX_CONTRACTS_CAP",
                s.max_contracts_cap,
                "a cap whose margin in all is an amount that can be counted",
            ));
        }
        Ok(Self {
            settings,
            min_confidence: unit("REALAVANCAGEM_MIN_GLOBAL_CONF", s.min_confidence)?,
            min_liquidity: unit("REALAVANCAGEM_MIN_LIQUIDITY", s.min_liquidity)?,
            max_disagreement: unit("REALAVANCAGEM_MAX_DISAGREEMENT", s.max_disagreement)?,
        })
    }

    /// What was set.
    pub const fn settings(&self) -> &CapitalSettings {
        &self.settings
    }
}

/// What happens where the money does not cover the minimum (semantics 6).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CapitalShortfall {
    /// No contracts at all.
    #[default]
    Refuse,
    /// The minimum all the same, as far as the broker's margin goes.
    ForceMin,
}

/// What becomes of an extra at its time limit (semantics 10).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReleverageMode {
    /// It closes.
    #[default]
    ScalpOnly,
    /// In profit after costs it is handed over to the base's exits, else it closes.
    Hybrid,
}

macro_rules! spelled {
    ($name:ident, $what:literal, $($variant:ident = $text:literal),+) => {
        impl $name {
            /// The spelling in settings.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
        impl FromStr for $name {
            type Err = UnknownName;
            fn from_str(text: &str) -> Result<Self, UnknownName> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(UnknownName { what: $what, got: text.to_owned(), known: [$($text),+].join(", ") }),
                }
            }
        }
    };
}

spelled!(CapitalShortfall, "answer to a capital shortfall", Refuse = "REFUSE", ForceMin = "FORCE_MIN");
spelled!(ReleverageMode, "re-leverage mode", ScalpOnly = "SCALP_ONLY", Hybrid = "HYBRID");

/// `REALAVANCAGEM_FORBIDDEN_MODES` as written: regimes, and `TRANSITION`, which is a flag beside them (semantics 8).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ForbiddenModes {
    /// The regimes of the list.
    pub regimes: RegimeSet,
    /// Whether `TRANSITION` is in the list.
    pub transition: bool,
}

impl FromStr for ForbiddenModes {
    type Err = UnknownName;

    /// Names separated by commas; blanks around them do not matter, and an empty list forbids nothing.
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let mut modes = Self { regimes: RegimeSet::EMPTY, transition: false };
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if name == "TRANSITION" {
                modes.transition = true;
            } else {
                let regime = name.parse::<Regime>().map_err(|e| UnknownName {
                    what: "forbidden mode",
                    known: format!("TRANSITION, {}", e.known),
                    ..e
                })?;
                modes.regimes = modes.regimes.with(regime);
            }
        }
        Ok(modes)
    }
}
