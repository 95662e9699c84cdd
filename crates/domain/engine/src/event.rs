//! What goes into the engine and what comes out of it.

use alavanca_kernel::{
    Bar, LegId, Money, OrderId, OrderReport, OrderRequest, Price, Regime, SymbolId, Tick, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::record::Record;

/// One thing that happened. Events carry their time; the engine asks no clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event {
    /// A bar closed.
    Bar(SymbolId, Bar),
    /// A tick came in.
    Tick(SymbolId, Tick),
    /// The broker said something of an order or a leg.
    Order(OrderReport),
    /// The account was read.
    Account(AccountView),
    /// Time passed: what is due by the clock alone is done, such as a scalp's time limit or the session's end.
    Time(Timestamp),
    /// The operator said something.
    Command(Command, Timestamp),
    /// There will be no more market: what is open is closed.
    End(Timestamp),
}

/// The account as it was last read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountView {
    /// Money with open results.
    pub equity: Money,
    /// Money free for margin.
    pub free_margin: Money,
    /// When it was true.
    pub at: Timestamp,
}

/// What an operator, or the runner on an operator's behalf, can order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// No entries until `Resume`.
    Halt,
    /// Exits only until `Resume`.
    ReduceOnly,
    /// Entries again, after `Halt` or `ReduceOnly`.
    Resume,
    /// Close everything that is open.
    Flatten,
    /// Stop learning in a regime.
    Freeze(Regime),
    /// Learn again in a regime, from a new baseline.
    Unfreeze(Regime),
    /// The store failed: only exits until reconciled.
    StoreFailed,
    /// Whether books and broker agree is not known, or they do not: only exits until reconciled.
    Unreconciled,
    /// Books and broker agree again.
    Reconciled,
}

/// Something that has to happen in the world, in order. Records are committed before anything is sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Store this.
    Record(Record),
    /// Send this order.
    Submit(OrderRequest),
    /// Take this order back, if it still waits.
    Cancel(SymbolId, OrderId),
    /// Move a leg's resting exits. A time limit stays as it was.
    Modify {
        /// The instrument.
        symbol: SymbolId,
        /// The leg.
        leg: LegId,
        /// Its new stop.
        stop: Price,
        /// Its new target; `None` leaves it without one.
        target: Option<Price>,
    },
    /// Tell the operator.
    Notify(Notice),
}

/// Something the operator should hear of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Notice {
    /// A scalp's target lies beyond what recent volatility reaches within the time limit. Said once per symbol.
    ScalpOutOfReach {
        /// The instrument.
        symbol: SymbolId,
        /// The target's distance.
        target: Price,
        /// The expected move within the time limit.
        expected_move: Price,
    },
    /// A bar or tick that cannot be; nothing was changed by it.
    BadInput {
        /// The instrument.
        symbol: SymbolId,
        /// When it says it happened.
        at: Timestamp,
        /// What is wrong.
        fault: InputFault,
    },
    /// A broker's report that fits no leg: something is out of step.
    UnexpectedReport {
        /// The instrument.
        symbol: SymbolId,
        /// The leg it names.
        leg: LegId,
        /// When.
        at: Timestamp,
    },
}

/// Why a bar or tick was not taken in (semantics 36).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputFault {
    /// Prices are zero or negative, or high and low do not hold open and close.
    Unsound,
    /// It is older than what was seen before, or a bar comes twice.
    Backwards,
    /// The symbol is not one of the engine's.
    UnknownSymbol,
}
