//! The wire protocol, version 1: what engine and bridge say to each other.
//!
//! One frame is one line of JSON (UTF-8, ended by `\n`, at most [`FRAME_MAX`] bytes): an [`Envelope`] with a body. Prices,
//! volumes, money and 64-bit numbers travel as decimal strings, so that no reader makes a float of them. Times named
//! `ts_utc` are milliseconds since 1970 in UTC; those named `server` are the trade server's wall clock written as
//! milliseconds since 1970, as MetaTrader stamps everything.
//!
//! A field that a reader does not know is passed over, a type that it does not know is refused. What is optional and
//! absent is left out, never `null`.

mod data;
mod decimal;
mod session;
mod state;
mod trade;

pub use data::*;
pub use decimal::{Decimal, DecimalError, Id};
use serde::{Deserialize, Serialize};
pub use session::*;
pub use state::*;
pub use trade::*;

/// The version of the protocol: `v` of every envelope.
pub const VERSION: u32 = 1;

/// The longest frame, in bytes, its newline included.
pub const FRAME_MAX: usize = 64 * 1024;

/// What is around every message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct Envelope<Body> {
    /// [`VERSION`].
    pub v: u32,
    /// The session: 32 hexadecimal digits that the engine chose; empty in `challenge`, `hello` and a `refuse` before
    /// the session has begun.
    #[serde(default)]
    pub session: String,
    /// This side's frames in the session, counted from 1 (`challenge` and `hello` are each side's first). A gap makes the
    /// other side ask for a snapshot. A frame that is not of this session, or whose number is not greater than the last
    /// one's, is late or repeated: it is passed over, so that what was answered as absent cannot arrive afterwards.
    pub seq: u64,
    /// The other side's last `seq` that was taken in.
    pub ack: u64,
    /// Joins a question and its answers, or names a command that may be sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cid: Option<String>,
    /// When it was sent, by the sender's clock.
    pub ts_utc: i64,
    /// The trade server's clock then, from a bridge that knows it (`TimeTradeServer`, or the last tick's stamp carried on).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ts_server: Option<i64>,
    /// The message: `type` and `body`.
    #[serde(flatten)]
    pub message: Body,
}

/// What a bridge says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(tag = "type", content = "body", rename_all = "snake_case")]
pub enum FromBridge {
    /// Who it is; the answer to `challenge`.
    Hello(Hello),
    /// The engine has proven itself; the session has begun.
    Welcome(Welcome),
    /// It goes on with none of this.
    Refuse(Refuse),
    /// It is there.
    Heartbeat(BridgeHeartbeat),
    /// It goes.
    Bye(Bye),
    /// What a symbol is.
    SymbolSpec(SymbolSpec),
    /// A symbol's sessions.
    SessionCalendar(SessionCalendar),
    /// Ticks of a symbol, oldest first.
    Tick(Ticks),
    /// Bars that were asked for.
    Bars(Bars),
    /// The order is in the journal: from here on it may exist.
    Accepted(Accepted),
    /// What the terminal said of an order, a change or a question.
    Result(TradeResult),
    /// It is not known what became of it.
    Unknown(UnknownOutcome),
    /// What a question about money came to.
    Calculated(Calculated),
    /// The account as it is.
    Snapshot(Snapshot),
    /// The answer to `reconcile_req`.
    Reconcile(Reconcile),
    /// A deal was made.
    Deal(Deal),
    /// An order changed.
    OrderUpdate(Order),
    /// A position changed, or ended (volume 0).
    PositionUpdate(Position),
    /// The bridge did something by itself: its dead-man's switch, its caps, its kill button.
    Acted(Acted),
}

/// What the engine says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(tag = "type", content = "body", rename_all = "snake_case")]
pub enum FromEngine {
    /// The first word: prove who you are.
    Challenge(Challenge),
    /// The engine's own proof, its epoch and its orders to the bridge for the session.
    Auth(Auth),
    /// It goes on with none of this.
    Refuse(Refuse),
    /// It is there.
    Heartbeat(EngineHeartbeat),
    /// It goes.
    Bye(Bye),
    /// Send these symbols' specification, sessions and ticks.
    Subscribe(Subscribe),
    /// Send bars of the past.
    BarsReq(BarsReq),
    /// Send this order, once for ever.
    OrderSubmit(OrderSubmit),
    /// Move a resting order.
    OrderModify(OrderModify),
    /// Take a resting order back.
    OrderCancel(OrderCancel),
    /// Set a position's stop and target.
    PositionSltp(PositionSltp),
    /// Close a position with its opposite (hedging).
    CloseBy(CloseBy),
    /// Would this order be taken? Sends nothing.
    OrderCheck(OrderSubmit),
    /// What margin would it need?
    CalcMargin(CalcMargin),
    /// What would it make?
    CalcProfit(CalcProfit),
    /// Say how everything stands, and what became of these orders.
    ReconcileReq(ReconcileReq),
}
