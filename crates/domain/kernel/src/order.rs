//! Orders as the engine asks for them, and what a broker says back.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{
    Contracts, ExitAt, ExitKind, ExitLevels, LegId, Money, OrderId, Price, Side, SymbolId, Timestamp, Touch,
    UnknownName,
};

/// How the account keeps positions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AccountMode {
    /// One position per symbol (B3).
    Netting,
    /// Every entry is a position of its own (forex).
    Hedging,
}

impl AccountMode {
    /// The spelling in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Netting => "NETTING",
            Self::Hedging => "HEDGING",
        }
    }
}

impl fmt::Display for AccountMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for AccountMode {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        match text {
            "NETTING" => Ok(Self::Netting),
            "HEDGING" => Ok(Self::Hedging),
            _ => Err(UnknownName { what: "account mode", got: text.to_owned(), known: "NETTING, HEDGING".to_owned() }),
        }
    }
}

/// What an order is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderIntent {
    /// Opens a leg.
    Open,
    /// Closes what is left of a leg: reduce-only, never across flat.
    Close,
}

/// The exits that travel with an opening order and rest at the broker from its fill on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Protection {
    /// Where the leg is wrong.
    pub stop: Option<ExitAt>,
    /// Where the leg is done.
    pub target: Option<ExitAt>,
    /// How long the leg may live, in seconds from its fill.
    pub hold_seconds: Option<u32>,
    /// At the time limit the leg stays open, since the engine decides about it (HYBRID, semantics 10). The target of
    /// the bar in which the limit falls still does not count.
    pub keep_at_limit: bool,
}

impl Protection {
    /// The levels for a leg of `side` filled at `entry`, on the instrument's tick grid.
    pub fn resolve(&self, side: Side, entry: Price, tick: Price, filled_at: Timestamp) -> ExitLevels {
        ExitLevels::new(
            side,
            self.target.map(|target| target.target_price(side, entry).to_tick(tick)),
            self.stop.map(|stop| stop.stop_price(side, entry).to_tick(tick)),
            self.hold_seconds.map(|seconds| filled_at.plus_secs(i64::from(seconds))),
        )
    }
}

/// One market order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OrderRequest {
    /// Unique for ever: MetaTrader's magic number.
    pub id: OrderId,
    /// The instrument.
    pub symbol: SymbolId,
    /// The leg it opens or closes.
    pub leg: LegId,
    /// Opens or closes.
    pub intent: OrderIntent,
    /// The order's side: for a close, the opposite of the leg's.
    pub side: Side,
    /// How many.
    pub quantity: Contracts,
    /// Exits that rest at the broker; empty for a close.
    pub protection: Protection,
    /// When it was decided.
    pub at: Timestamp,
}

impl OrderRequest {
    /// Its whole fill at one price, without spread, slippage or commission.
    pub fn filled(&self, price: Price, at: Timestamp) -> FillReport {
        FillReport {
            order: Some(self.id),
            symbol: self.symbol,
            leg: self.leg,
            intent: self.intent,
            side: self.side,
            quantity: self.quantity,
            remaining: Contracts::ZERO,
            price,
            reference: price,
            commission: Money::ZERO,
            exit: None,
            unresolved: false,
            deal: 0,
            at,
        }
    }

    /// The fill of an exit that rests with what it opened: all of it, at the price that was touched, without costs.
    pub fn touched(&self, touch: &Touch) -> FillReport {
        FillReport {
            order: None,
            intent: OrderIntent::Close,
            side: self.side.opposite(),
            exit: Some(touch.kind),
            unresolved: touch.unresolved,
            ..self.filled(touch.price, touch.at)
        }
    }

    /// Its refusal.
    pub fn rejected(&self, reason: RejectReason, at: Timestamp) -> OrderReport {
        let Self { id, symbol, leg, intent, .. } = *self;
        OrderReport::Rejected { order: id, symbol, leg, intent, reason, at }
    }
}

/// A fill, whole or in part.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FillReport {
    /// The order; `None` where a resting exit at the broker filled.
    pub order: Option<OrderId>,
    /// The instrument.
    pub symbol: SymbolId,
    /// The leg that changed.
    pub leg: LegId,
    /// Opened or closed.
    pub intent: OrderIntent,
    /// The fill's side.
    pub side: Side,
    /// How many.
    pub quantity: Contracts,
    /// What the order still wants after this fill.
    pub remaining: Contracts,
    /// The price paid or received.
    pub price: Price,
    /// The price before spread and slippage.
    pub reference: Price,
    /// Commission of this fill, positive.
    pub commission: Money,
    /// Which resting exit filled; `None` for orders.
    pub exit: Option<ExitKind>,
    /// The bar could not say which of two things happened first; the rule of semantics 21 decided.
    pub unresolved: bool,
    /// The broker's number of the deal, by which it is booked once; 0 where deals have none.
    #[serde(default)]
    pub deal: u64,
    /// When.
    pub at: Timestamp,
}

/// Why a broker refused an order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    /// Not enough free margin.
    NoMoney,
    /// The market is closed.
    MarketClosed,
    /// The quantity is not tradable.
    InvalidVolume,
    /// The stop is on the wrong side of the market or too close.
    InvalidStops,
    /// Nothing there to close.
    NothingToClose,
    /// The id was used before.
    DuplicateId,
    /// The symbol is not known or not allowed.
    UnknownSymbol,
    /// Anything else the broker said.
    Other,
}

impl RejectReason {
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoMoney => "no_money",
            Self::MarketClosed => "market_closed",
            Self::InvalidVolume => "invalid_volume",
            Self::InvalidStops => "invalid_stops",
            Self::NothingToClose => "nothing_to_close",
            Self::DuplicateId => "duplicate_id",
            Self::UnknownSymbol => "unknown_symbol",
            Self::Other => "other",
        }
    }
}

/// What a broker says of an order or a leg.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderReport {
    /// Filled, whole or in part.
    Filled(FillReport),
    /// Refused: nothing happened.
    Rejected {
        /// The order.
        order: OrderId,
        /// The instrument.
        symbol: SymbolId,
        /// The leg it was for.
        leg: LegId,
        /// Opens or closes.
        intent: OrderIntent,
        /// Why.
        reason: RejectReason,
        /// When.
        at: Timestamp,
    },
    /// Ended with nothing more to fill; what was filled before stands.
    Canceled {
        /// The order.
        order: OrderId,
        /// The instrument.
        symbol: SymbolId,
        /// The leg it was for.
        leg: LegId,
        /// Opens or closes.
        intent: OrderIntent,
        /// How many stayed unfilled.
        unfilled: Contracts,
        /// When.
        at: Timestamp,
    },
}
