//! Sides, exits as asked for, and signals.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Price, Unit, UnknownName};

/// The side of an order or a position.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Side {
    /// Long.
    Buy,
    /// Short.
    Sell,
}

impl Side {
    /// +1 for a buy, −1 for a sell.
    #[inline]
    pub const fn sign(self) -> i64 {
        match self {
            Self::Buy => 1,
            Self::Sell => -1,
        }
    }

    /// The other one.
    #[inline]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// `BUY` or `SELL`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Buy => "BUY",
            Self::Sell => "SELL",
        }
    }

    /// A price moved by `distance` in this side's favour.
    #[inline]
    pub fn ahead(self, from: Price, distance: Price) -> Price {
        match self {
            Self::Buy => from + distance,
            Self::Sell => from - distance,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Side {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        match text {
            "BUY" => Ok(Self::Buy),
            "SELL" => Ok(Self::Sell),
            _ => Err(UnknownName { what: "side", got: text.to_owned(), known: "BUY, SELL".to_owned() }),
        }
    }
}

/// Where an exit is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitAt {
    /// At this price.
    Price(Price),
    /// So far from the filled entry price.
    Distance(Price),
}

impl ExitAt {
    /// The stop's price for a position of `side` filled at `entry`.
    #[inline]
    pub fn stop_price(self, side: Side, entry: Price) -> Price {
        match self {
            Self::Price(price) => price,
            Self::Distance(distance) => side.opposite().ahead(entry, distance),
        }
    }

    /// The target's price for a position of `side` filled at `entry`.
    #[inline]
    pub fn target_price(self, side: Side, entry: Price) -> Price {
        match self {
            Self::Price(price) => price,
            Self::Distance(distance) => side.ahead(entry, distance),
        }
    }
}

/// What the boss wants: a side with its stop and target. No signal means no wish.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Signal {
    /// Which way.
    pub side: Side,
    /// How strongly the brains that agree want it, 0 to 1.
    pub score: Unit,
    /// Where it is wrong. Every signal has a stop.
    pub stop: ExitAt,
    /// Where it is done; none lets the stop or the session end it.
    pub target: Option<ExitAt>,
}
