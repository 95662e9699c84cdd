//! Ids that cannot be mixed up.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name($inner);

        impl $name {
            /// From its number.
            #[inline]
            pub const fn new(number: $inner) -> Self {
                Self(number)
            }

            /// Its number.
            #[inline]
            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// An instrument's place in the engine's dense tables.
    SymbolId(u16)
);
id!(
    /// One answer of the gate, HOLD included. Counts from 1 within a database.
    DecisionId(u64)
);
id!(
    /// One entry decision with all its legs (semantics 24). Counts from 1 within a database.
    TradeId(u64)
);
id!(
    /// One order. At most 2⁵³, so that it can be MetaTrader's magic number.
    OrderId(u64)
);

impl SymbolId {
    /// The index itself.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Which part of a trade a leg is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LegRole {
    /// The base contracts, with the signal's stop and target.
    Base,
    /// The leveraged extra contracts, managed as a scalp.
    Extra,
}

/// One leg of one trade.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct LegId {
    /// The trade.
    pub trade: TradeId,
    /// Which part of it.
    pub role: LegRole,
}

impl fmt::Display for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = match self.role {
            LegRole::Base => "base",
            LegRole::Extra => "extra",
        };
        write!(f, "{}/{role}", self.trade)
    }
}
