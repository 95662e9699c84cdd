//! How the account stands, and what was done on it.

use serde::{Deserialize, Serialize};

use super::{Decimal, Id, OrderSide};

/// Asks for everything that is open, for the deals since a time, and for what became of orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct ReconcileReq {
    /// Deals from then on, server milliseconds.
    pub deals_since_server: i64,
    /// What became of these orders?
    pub orders: Vec<Id>,
}

/// The answer to `reconcile_req`, taken at one moment: nothing was sent between its parts. Several frames with the same
/// `cid`, since a frame is short; each repeats the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct Reconcile {
    /// The account, or why it is not known: "query failed" is not "flat".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// More frames follow.
    pub more: bool,
    /// What stands.
    pub snapshot: Snapshot,
    /// What became of the orders asked for.
    pub outcomes: Vec<Outcome>,
    /// Extras in the bridge's journal that it guards or has closed by itself.
    pub guards: Vec<Guarded>,
}

/// The account, its positions and its orders; and deals, oldest first. Sent by itself every few seconds, then without
/// deals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct Snapshot {
    /// The money.
    pub account: AccountState,
    /// Everything open on the account, by whomever.
    pub positions: Vec<Position>,
    /// Everything resting.
    pub orders: Vec<Order>,
    /// Deals since what was asked for.
    pub deals: Vec<Deal>,
}

/// The account's money, in its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct AccountState {
    /// Without open results.
    pub balance: Decimal,
    /// With open results.
    pub equity: Decimal,
    /// In use.
    pub margin: Decimal,
    /// Free for margin.
    pub margin_free: Decimal,
    /// When, server milliseconds.
    pub server: i64,
}

/// A position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct Position {
    /// `POSITION_TICKET`: changes when a netting position is turned round.
    pub ticket: Id,
    /// `POSITION_IDENTIFIER`: never changes.
    pub identifier: Id,
    /// As the broker spells it.
    pub symbol: String,
    /// Bought or sold.
    pub side: OrderSide,
    /// In lots; 0 in a `position_update` for one that ended.
    pub volume: Decimal,
    /// Average entry.
    pub price_open: Decimal,
    /// 0 for none.
    pub sl: Decimal,
    /// 0 for none.
    pub tp: Decimal,
    /// Of the order that opened it.
    pub magic: Id,
    /// Open result.
    pub profit: Decimal,
    /// Of nights.
    pub swap: Decimal,
    /// A hint.
    pub comment: String,
    /// When it was opened, server milliseconds.
    pub opened_server: i64,
}

/// An order, resting or ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct Order {
    /// Its ticket.
    pub ticket: Id,
    /// As the broker spells it.
    pub symbol: String,
    /// `ORDER_TYPE`.
    pub kind: u32,
    /// `ORDER_STATE`: 1 placed, 2 canceled, 3 partial, 4 filled, 5 rejected, 6 expired.
    pub state: u32,
    /// What it began with, in lots.
    pub volume_initial: Decimal,
    /// What it still wants.
    pub volume_current: Decimal,
    /// Its price; 0 for a market order.
    pub price: Decimal,
    /// 0 for none.
    pub sl: Decimal,
    /// 0 for none.
    pub tp: Decimal,
    /// Its name.
    pub magic: Id,
    /// The position it belongs to, by identifier.
    pub position: Id,
    /// A hint.
    pub comment: String,
    /// When it was set up, server milliseconds.
    pub set_up_server: i64,
}

/// A deal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct Deal {
    /// Its ticket.
    pub ticket: Id,
    /// The order's ticket.
    pub order: Id,
    /// The position's identifier.
    pub position: Id,
    /// As the broker spells it; empty for a deal of money alone.
    pub symbol: String,
    /// `DEAL_TYPE`: 0 buy, 1 sell; others move money alone (balance, commission, ...).
    pub kind: u32,
    /// `DEAL_ENTRY`: 0 in, 1 out, 2 in and out, 3 out by.
    pub entry: u32,
    /// `DEAL_REASON`: 0 client, 1 mobile, 2 web, 3 expert, 4 stop loss, 5 take profit, 6 stop out, ...
    pub reason: u32,
    /// Of its order.
    pub magic: Id,
    /// In lots.
    pub volume: Decimal,
    /// At what price.
    pub price: Decimal,
    /// Negative for what was paid.
    pub commission: Decimal,
    /// Negative for what was paid.
    pub fee: Decimal,
    /// Of nights.
    pub swap: Decimal,
    /// What it made, without the three above.
    pub profit: Decimal,
    /// A hint.
    pub comment: String,
    /// When, server milliseconds.
    pub server: i64,
}

/// What a bridge knows of an order, from its journal and from orders, deals and history by magic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct Outcome {
    /// The order.
    pub magic: Id,
    /// How far it came in the journal.
    pub journal: JournalState,
    /// The terminal's answer, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<super::TradeResult>,
    /// Orders of that magic, resting or in the history.
    pub orders: Vec<Order>,
    /// Deals of those orders.
    pub deals: Vec<Deal>,
}

/// How far an order came in a bridge's journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum JournalState {
    /// Never heard of: under the epoch of this session it never will be sent.
    Absent,
    /// Written, and `OrderSend` surely not called; it never will be.
    NotSent,
    /// `OrderSend` may have been called; there is no answer.
    Sent,
    /// Answered.
    Answered,
}

/// An extra that the bridge looks after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct Guarded {
    /// The order that opened it.
    pub magic: Id,
    /// As the broker spells it.
    pub symbol: String,
    /// Its side.
    pub side: OrderSide,
    /// Still open by the journal, in lots.
    pub volume: Decimal,
    /// Its stop.
    pub stop: Decimal,
    /// Its target.
    pub target: Decimal,
    /// Its time limit, server milliseconds.
    pub until_server: i64,
    /// The bridge's own closing order was sent.
    pub closed_by_bridge: bool,
}

/// Why a bridge acted by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ActedBecause {
    /// The engine was lost, and an extra's stop, target or time limit came.
    Deadman,
    /// An order exceeded its caps; it was not sent.
    Caps,
    /// A person pressed the kill button.
    KillButton,
}

/// The bridge acted by itself; told at once, or with the next session's first frames.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct Acted {
    /// Why.
    pub because: ActedBecause,
    /// The order it is about.
    pub magic: Id,
    /// In words.
    pub text: String,
    /// When, server milliseconds.
    pub server: i64,
}
