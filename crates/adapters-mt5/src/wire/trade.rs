//! Orders and what becomes of them.
//!
//! A magic number is an order's name for ever: `instance × 2³² + order number`, below 2⁵². A bridge calls `OrderSend` at
//! most once for a magic, whatever it is told and however often it is restarted; a submission that comes again is
//! answered from the journal. Orders that a bridge sends by itself (its dead-man's switch) have the magic of the order
//! that opened the extra, plus 2⁵² ([`BRIDGE_MAGIC`]), plus 2²⁴ for each attempt before it: [`opening_of`] reads it back.

use serde::{Deserialize, Serialize};

use super::{Decimal, Id};

/// What a bridge adds to an extra's opening magic for its own closing order.
pub const BRIDGE_MAGIC: u64 = 1 << 52;
/// Order numbers of what opens with a guard stay below this: above it, in the order's 32 bits, a bridge counts its
/// attempts to close.
pub const GUARDED_ORDER_END: u64 = 1 << 24;
/// So many closing orders a bridge sends for one extra, at most.
pub const BRIDGE_ATTEMPTS: u64 = 1 << 8;

/// The magic of the order that opened the extra which a bridge's own order closes; `None` for an order of the engine's.
#[must_use]
pub const fn opening_of(magic: Id) -> Option<Id> {
    if magic.0 < BRIDGE_MAGIC || magic.0 >= 2 * BRIDGE_MAGIC {
        return None;
    }
    Some(Id((magic.0 - BRIDGE_MAGIC) & !((BRIDGE_ATTEMPTS - 1) * GUARDED_ORDER_END)))
}
/// The longest comment, in ASCII characters.
pub const COMMENT_MAX: usize = 26;

/// Bought or sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OrderSide {
    /// `ORDER_TYPE_BUY`.
    Buy,
    /// `ORDER_TYPE_SELL`.
    Sell,
}

/// How a market order fills; the engine chooses by the symbol's specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Filling {
    /// All or nothing (0).
    Fok,
    /// What can be had at once (1).
    Ioc,
    /// What is not filled stays (2).
    Return,
}

/// One market order. The bridge writes it into its journal, answers `accepted`, calls `OrderSend` once, and answers
/// `result` or `unknown`. The frame's `cid` is the magic in digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct OrderSubmit {
    /// The order's name.
    pub magic: Id,
    /// The epoch of the engine that decided it; a smaller one than the journal's is refused.
    pub epoch: u64,
    /// As the broker spells it.
    pub symbol: String,
    /// Buys or sells.
    pub side: OrderSide,
    /// In lots.
    pub volume: Decimal,
    /// Opens or closes. Caps count what opens; a lost heartbeat stops what opens.
    pub intent: Intent,
    /// The price that it was decided at: what `TRADE_ACTION_DEAL` wants where the execution is instant or by request.
    pub price: Decimal,
    /// How much worse it may be, in `SYMBOL_POINT`s.
    pub deviation: u32,
    /// The position's stop from then on; 0 for none. On a netting account an addition replaces what was there: the
    /// engine sends the base's again.
    pub sl: Decimal,
    /// The position's target; 0 for none.
    pub tp: Decimal,
    /// How it fills.
    pub filling: Filling,
    /// At most [`COMMENT_MAX`] ASCII characters; a hint for people.
    pub comment: String,
    /// The position that it closes, on hedging accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Id>,
    /// The magic of the order whose leg it closes. From then on the bridge does not guard that leg any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closes: Option<Id>,
    /// What the bridge guards while the engine is lost; only with an extra that opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<Guard>,
    /// Not sent after this time (server milliseconds): an order that waited too long is refused with [`NOT_SENT`].
    pub not_after_server: i64,
}

/// Opens or closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// Opens a leg.
    Open,
    /// Reduces a leg. Just before `OrderSend` the bridge reads the live position: where there is none on the other side, or
    /// a smaller one (on hedging: the position named), it answers [`NOT_SENT`]. A netting account has no reduce-only of
    /// its own, and the server's stop may have been faster than the frame.
    Close,
}

/// How an extra is to be looked after without the engine: distances from its average entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct Guard {
    /// Distance of the stop, as a price.
    pub stop: Decimal,
    /// Distance of the target, as a price.
    pub target: Decimal,
    /// From the first fill on.
    pub hold_seconds: u32,
}

/// It is in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct Accepted {
    /// The order.
    pub magic: Id,
    /// It was there before: this is a repetition, and nothing is sent again.
    pub again: bool,
}

/// `retcode` of a [`TradeResult`] where the bridge did not call the terminal at all: nothing happened, and nothing will.
pub const NOT_SENT: u32 = 0;

/// What the terminal said (`MqlTradeResult`), or the bridge for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct TradeResult {
    /// The order; 0 for changes.
    pub magic: Id,
    /// The terminal's return code, or [`NOT_SENT`].
    pub retcode: u32,
    /// The deal's ticket, where one was made.
    pub deal: Id,
    /// The order's ticket.
    pub order: Id,
    /// Filled, in lots.
    pub volume: Decimal,
    /// At what price.
    pub price: Decimal,
    /// Bid of the moment.
    pub bid: Decimal,
    /// Ask of the moment.
    pub ask: Decimal,
    /// The broker's comment, or why it was not sent.
    pub comment: String,
    /// The exchange's own code.
    pub retcode_external: i64,
    /// For `order_check`: the margin that it would take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<Decimal>,
}

/// It is not known what became of it: the terminal did not answer, or answered with 10011, 10012 or 10031, or the bridge
/// was restarted between journal and answer. Never sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct UnknownOutcome {
    /// The order; 0 for changes.
    pub magic: Id,
    /// What is known.
    pub why: String,
}

/// Moves a resting order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct OrderModify {
    /// The order's ticket.
    pub order: Id,
    /// Its price.
    pub price: Decimal,
    /// Its stop.
    pub sl: Decimal,
    /// Its target.
    pub tp: Decimal,
}

/// Takes back what an order still wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct OrderCancel {
    /// The order's ticket.
    pub order: Id,
    /// Its magic.
    pub magic: Id,
}

/// Sets a position's stop and target. Asking twice does no harm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct PositionSltp {
    /// As the broker spells it.
    pub symbol: String,
    /// The position's ticket.
    pub position: Id,
    /// Its stop; 0 takes it away.
    pub sl: Decimal,
    /// Its target; 0 takes it away.
    pub tp: Decimal,
}

/// Closes a position with an opposite one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct CloseBy {
    /// The order's name: it is journaled as one.
    pub magic: Id,
    /// The epoch.
    pub epoch: u64,
    /// The position.
    pub position: Id,
    /// Its opposite.
    pub position_by: Id,
}

/// What margin would it need?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct CalcMargin {
    /// The symbol.
    pub symbol: String,
    /// Buys or sells.
    pub side: OrderSide,
    /// In lots.
    pub volume: Decimal,
    /// At this price.
    pub price: Decimal,
}

/// What would it make?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct CalcProfit {
    /// The symbol.
    pub symbol: String,
    /// Bought or sold.
    pub side: OrderSide,
    /// In lots.
    pub volume: Decimal,
    /// Entry.
    pub open: Decimal,
    /// Exit.
    pub close: Decimal,
}

/// The answer to `calc_margin` and `calc_profit`, by `cid`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct Calculated {
    /// The amount, in the account's currency; absent where the terminal failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Decimal>,
    /// Why, then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
