//! How many contracts, and why not more.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Contracts, Money, Regime, Timestamp, Unit};

/// The eight layers of validation of re-leverage, in the specification's order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// 1. The feature is enabled.
    Enabled,
    /// 2. The regime is not on the forbidden list.
    RegimeNotForbidden,
    /// 3. The regime is on the allowed list.
    RegimeAllowed,
    /// 4. No transition is active.
    NoTransition,
    /// 5. Confidence is at least its minimum.
    Confidence,
    /// 6. The day's profit is at least its minimum, where required.
    DailyProfit,
    /// 7. Liquidity strength is at least its minimum.
    Liquidity,
    /// 8. Disagreement is at most its maximum.
    Disagreement,
}

impl Layer {
    /// How many there are.
    pub const COUNT: usize = 8;
    /// All, in the specification's order.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Enabled,
        Self::RegimeNotForbidden,
        Self::RegimeAllowed,
        Self::NoTransition,
        Self::Confidence,
        Self::DailyProfit,
        Self::Liquidity,
        Self::Disagreement,
    ];

    /// Its place in [`Layer::ALL`], from 0.
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::RegimeNotForbidden => "regime_not_forbidden",
            Self::RegimeAllowed => "regime_allowed",
            Self::NoTransition => "no_transition",
            Self::Confidence => "confidence",
            Self::DailyProfit => "daily_profit",
            Self::Liquidity => "liquidity",
            Self::Disagreement => "disagreement",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Which of the eight layers passed: bit i is layer i of [`Layer::ALL`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LayerMask(u8);

impl LayerMask {
    /// All eight.
    pub const ALL: Self = Self(0xFF);

    /// From its bits.
    #[inline]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// Its bits.
    #[inline]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether a layer passed.
    #[inline]
    pub const fn passed(self, layer: Layer) -> bool {
        self.0 >> layer as u8 & 1 == 1
    }

    /// The first that failed, in the specification's order.
    #[inline]
    pub fn first_failed(self) -> Option<Layer> {
        Layer::ALL.get((!self.0).trailing_zeros() as usize).copied()
    }
}

/// A layer's input or threshold.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerValue {
    /// Not known: fails the layer.
    Missing,
    /// Nothing is demanded.
    NotRequired,
    /// Yes or no.
    Flag(bool),
    /// A regime.
    Regime(Regime),
    /// A list of regimes.
    Regimes(crate::RegimeSet),
    /// A number from 0 to 1.
    Unit(Unit),
    /// An amount.
    Money(Money),
}

impl fmt::Display for LayerValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.pad("unknown"),
            Self::NotRequired => f.pad("not required"),
            Self::Flag(flag) => f.pad(if *flag { "true" } else { "false" }),
            Self::Regime(regime) => regime.fmt(f),
            Self::Regimes(regimes) => regimes.fmt(f),
            Self::Unit(unit) => f.pad(&format!("{:.4}", unit.get())),
            Self::Money(money) => money.fmt(f),
        }
    }
}

/// One layer of one decision, as stored: what came in, what was demanded, whether it passed.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct LayerOutcome {
    /// Which layer.
    pub layer: Layer,
    /// What came in.
    pub input: LayerValue,
    /// What was demanded.
    pub threshold: LayerValue,
    /// Whether it passed.
    pub passed: bool,
}

/// Why there are fewer contracts than there could be. Carries its numbers.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Refusal {
    /// The money does not cover the minimum (semantics 6): no contracts at all.
    CapitalShortfall {
        /// What there is.
        capital: Money,
        /// What the minimum needs.
        needed: Money,
    },
    /// Equity or free margin is unknown or too old: no contracts at all (semantics 7).
    EquityUnknown,
    /// Layer 1.
    Disabled,
    /// Layer 2.
    RegimeForbidden {
        /// The regime.
        regime: Regime,
    },
    /// Layer 3.
    RegimeNotAllowed {
        /// The regime.
        regime: Regime,
    },
    /// Layer 4.
    TransitionActive {
        /// False where the flag itself was unknown.
        known: bool,
    },
    /// Layer 5.
    ConfidenceBelow {
        /// What there was.
        got: Option<Unit>,
        /// What is demanded.
        min: Unit,
    },
    /// Layer 6.
    DailyProfitBelow {
        /// What there was.
        got: Option<Money>,
        /// What is demanded.
        min: Money,
    },
    /// Layer 7.
    LiquidityBelow {
        /// What there was.
        got: Option<Unit>,
        /// What is demanded.
        min: Unit,
    },
    /// Layer 8.
    DisagreementAbove {
        /// What there was.
        got: Option<Unit>,
        /// What is demanded.
        max: Unit,
    },
    /// An announcement of medium impact is near: a smaller base, and no extra (`NEWS_MEDIUM_SIZE`). Goes before what a
    /// layer says; the layers stand beside it.
    News {
        /// When the announcement is due.
        at: Timestamp,
        /// The base as it would have been.
        usual: Contracts,
    },
    /// All layers passed, but the settings allow no extra contract.
    NoExtraConfigured,
    /// The broker's margin does not cover the base or, where all layers passed, one extra (semantics 4 and 9).
    BrokerMargin {
        /// What is free.
        free: Money,
        /// What was refused needs: the whole base, or base and one extra.
        needed: Money,
    },
}

impl Refusal {
    /// The stored reason.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::CapitalShortfall { .. } => "capital_shortfall",
            Self::EquityUnknown => "equity_unknown",
            Self::Disabled => "disabled",
            Self::RegimeForbidden { .. } => "regime_forbidden",
            Self::RegimeNotAllowed { .. } => "regime_not_allowed",
            Self::TransitionActive { .. } => "transition_active",
            Self::ConfidenceBelow { .. } => "confidence_below_minimum",
            Self::DailyProfitBelow { .. } => "daily_profit_below_minimum",
            Self::LiquidityBelow { .. } => "liquidity_below_minimum",
            Self::DisagreementAbove { .. } => "disagreement_above_maximum",
            Self::News { .. } => "news",
            Self::NoExtraConfigured => "no_extra_configured",
            Self::BrokerMargin { .. } => "broker_margin",
        }
    }
}

impl fmt::Display for Refusal {
    /// A sentence for the operator, with the numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit =
            |value: Option<Unit>| value.map_or_else(|| "unknown".to_owned(), |value| format!("{:.4}", value.get()));
        match self {
            Self::CapitalShortfall { capital, needed } => {
                write!(f, "the capital of {capital} does not cover the minimum, which needs {needed}")
            }
            Self::EquityUnknown => f.write_str("the account's equity or free margin is unknown or too old"),
            Self::Disabled => f.write_str("re-leverage is switched off"),
            Self::RegimeForbidden { regime } => write!(f, "the regime {regime} is forbidden"),
            Self::RegimeNotAllowed { regime } => write!(f, "the regime {regime} is not allowed"),
            Self::TransitionActive { known: true } => f.write_str("the regime is in transition"),
            Self::TransitionActive { known: false } => f.write_str("whether the regime is in transition is unknown"),
            Self::ConfidenceBelow { got, min } => {
                write!(f, "the confidence is {}, at least {:.4} is asked for", unit(*got), min.get())
            }
            Self::DailyProfitBelow { got, min } => match got {
                Some(got) => write!(f, "the day's profit is {got}, at least {min} is asked for"),
                None => write!(f, "the day's profit is unknown, at least {min} is asked for"),
            },
            Self::LiquidityBelow { got, min } => {
                write!(f, "the liquidity is {}, at least {:.4} is asked for", unit(*got), min.get())
            }
            Self::DisagreementAbove { got, max } => {
                write!(f, "the disagreement is {}, at most {:.4} is allowed", unit(*got), max.get())
            }
            Self::News { at, usual } => {
                write!(f, "an announcement of medium impact at {at}: less than the usual base of {usual}, and no extra")
            }
            Self::NoExtraConfigured => f.write_str("all layers passed, but the settings allow no extra contract"),
            Self::BrokerMargin { free, needed } => {
                write!(f, "the broker leaves {free} free, and its margin asks for {needed}")
            }
        }
    }
}

/// How many contracts a signal may have, and how the eight layers judged the extra.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Allocation {
    /// Base contracts.
    pub base: Contracts,
    /// Extra contracts that may really be opened (semantics 9).
    pub extra: Contracts,
    /// Capital that sized it: the lesser of configured capital and fresh equity, less margin in use elsewhere.
    pub capital: Money,
    /// How each layer judged.
    pub layers: LayerMask,
    /// The first thing that stood in the way; `None` where base and extra are both granted.
    pub refusal: Option<Refusal>,
}

impl Allocation {
    /// Base and extra together, always.
    #[inline]
    pub fn total(&self) -> Contracts {
        self.base + self.extra
    }

    /// The stored reason: `approved`, or what stood in the way.
    pub fn reason(&self) -> &'static str {
        self.refusal.as_ref().map_or("approved", Refusal::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_its_numbers() {
        let unit = |value| Unit::new(value).unwrap();
        for (refusal, said) in [
            (
                Refusal::CapitalShortfall { capital: Money::from_units(500), needed: Money::from_units(1_000) },
                "the capital of 500.00 does not cover the minimum, which needs 1000.00",
            ),
            (
                Refusal::ConfidenceBelow { got: Some(unit(0.2719)), min: unit(0.7) },
                "the confidence is 0.2719, at least 0.7000 is asked for",
            ),
            (
                Refusal::LiquidityBelow { got: None, min: unit(0.5) },
                "the liquidity is unknown, at least 0.5000 is asked for",
            ),
            (
                Refusal::DailyProfitBelow { got: Some(Money::from_cents(-1_250)), min: Money::from_units(50) },
                "the day's profit is -12.50, at least 50.00 is asked for",
            ),
            (Refusal::TransitionActive { known: false }, "whether the regime is in transition is unknown"),
        ] {
            assert_eq!(refusal.to_string(), said);
        }
    }
}
