use std::fmt;

use alavanca_kernel::{Contracts, LegId, Money, OrderId, Side, SymbolId};

use super::retcode;
use crate::wire::{Acted, Decimal};

/// What a person should hear of.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// The account is not of the kind that the settings say: nothing is traded.
    WrongAccount {
        /// `ACCOUNT_MARGIN_MODE`.
        margin_mode: u32,
    },
    /// It is not known what became of an order. Its symbol takes no entries until it is proven.
    Unknown {
        /// The order.
        order: OrderId,
        /// Why.
        why: String,
    },
    /// What became of an order that was in doubt is proven.
    Proven {
        /// The order.
        order: OrderId,
        /// By what.
        by: Proof,
    },
    /// The terminal refused an order.
    Refused {
        /// The order.
        order: OrderId,
        /// The return code.
        code: u32,
        /// The broker's words.
        comment: String,
    },
    /// No entries until a person allows them.
    EntriesHalted {
        /// The return code.
        code: u32,
    },
    /// Books and account do not say the same of a symbol: it takes no entries.
    Difference {
        /// The instrument.
        symbol: SymbolId,
        /// Lots of the legs, sold ones negative.
        legs: Decimal,
        /// Lots of the account's position.
        position: Decimal,
    },
    /// They do again.
    Agreed {
        /// The instrument.
        symbol: SymbolId,
    },
    /// A deal that no order of ours made changed a leg: by hand, by another program, or by the broker.
    ByOthers {
        /// The instrument.
        symbol: SymbolId,
        /// The deal's ticket.
        deal: u64,
        /// `DEAL_REASON`.
        reason: u32,
    },
    /// Something rests on a symbol of ours that is not ours.
    ForeignOrder {
        /// The instrument.
        symbol: SymbolId,
        /// Its ticket.
        ticket: u64,
    },
    /// A position has no stop, or not the one it should have; it is set again.
    StopMissing {
        /// The instrument.
        symbol: SymbolId,
        /// What it has; zero for none.
        has: Decimal,
        /// What it should have.
        wants: Decimal,
    },
    /// The terminal refused a change of stops.
    StopRefused {
        /// The instrument.
        symbol: SymbolId,
        /// The return code.
        code: u32,
    },
    /// Everything of a symbol is being closed.
    Flattening {
        /// The instrument.
        symbol: SymbolId,
        /// Why.
        why: FlattenReason,
    },
    /// It waits for this order, of which it is not known what became.
    FlattenWaits {
        /// The instrument.
        symbol: SymbolId,
        /// The order.
        order: OrderId,
    },
    /// Nothing of the symbol is open, as read after the last close.
    Flat {
        /// The instrument.
        symbol: SymbolId,
    },
    /// A close was larger than what was open when it arrived: the account stands on the other side.
    CrossedFlat {
        /// The instrument.
        symbol: SymbolId,
        /// The leg.
        leg: LegId,
    },
    /// A fill that is no whole number of contracts.
    OddVolume {
        /// The instrument.
        symbol: SymbolId,
        /// The deal's ticket.
        deal: u64,
        /// Its volume, in lots.
        volume: Decimal,
    },
    /// Money was taken for a deal after its leg had ended: the books do not have it.
    LateCharge {
        /// The deal of money.
        deal: u64,
        /// The amount; negative for what was paid.
        amount: Money,
    },
    /// A leg that the books have was not found on the account by its deals.
    NotFound {
        /// The leg.
        leg: LegId,
    },
    /// The terminal could not say how the account stands. That is not "flat".
    NotRead(String),
    /// The bridge acted by itself.
    Acted(Acted),
    /// A closing order was given back: the position did not cover it.
    NotCovered {
        /// The order.
        order: OrderId,
        /// The leg.
        leg: LegId,
        /// What it wanted.
        quantity: Contracts,
        /// The leg's side.
        side: Side,
    },
}

/// What proves what became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The terminal answered after all.
    Answer,
    /// Its deals.
    Deals,
    /// Its order, resting or in the history.
    Order,
    /// The bridge's journal: it was never sent.
    Journal,
    /// It is nowhere, and was not for long enough.
    Nowhere,
    /// A person.
    Operator,
}

/// Why everything of a symbol is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlattenReason {
    /// A person wants it.
    Operator,
    /// Its stop could not be set.
    Naked,
    /// A close went across flat.
    CrossedFlat,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongAccount { margin_mode } => {
                write!(f, "the account's margin mode is {margin_mode}, the settings say otherwise; nothing is traded")
            }
            Self::Unknown { order, why } => {
                write!(f, "order {order}: what became of it is not known ({why}); no entries until it is proven")
            }
            Self::Proven { order, by } => write!(f, "order {order} is proven {by}"),
            Self::Refused { order, code, comment } => {
                write!(f, "order {order} was refused: {} ({code}) {comment}", retcode::name(*code))
            }
            Self::EntriesHalted { code } => {
                write!(f, "{} ({code}); no entries until they are allowed again", retcode::name(*code))
            }
            Self::Difference { symbol, legs, position } => {
                write!(f, "symbol {symbol}: the legs have {legs} lots, the account {position}; no entries")
            }
            Self::Agreed { symbol } => write!(f, "symbol {symbol}: legs and account agree again"),
            Self::ByOthers { symbol, deal, reason } => {
                write!(f, "symbol {symbol}: deal {deal} (reason {reason}) by no order of ours changed a leg")
            }
            Self::ForeignOrder { symbol, ticket } => write!(f, "symbol {symbol}: order {ticket} rests there, not ours"),
            Self::StopMissing { symbol, has, wants } => {
                write!(f, "symbol {symbol}: the position's stop is {has} and should be {wants}; set again")
            }
            Self::StopRefused { symbol, code } => {
                write!(f, "symbol {symbol}: stops not changed: {} ({code})", retcode::name(*code))
            }
            Self::Flattening { symbol, why } => write!(f, "symbol {symbol}: everything is closed: {why}"),
            Self::FlattenWaits { symbol, order } => {
                write!(f, "symbol {symbol}: closing waits for order {order}, of which it is not known what became")
            }
            Self::Flat { symbol } => write!(f, "symbol {symbol}: nothing is open"),
            Self::CrossedFlat { symbol, leg } => {
                write!(f, "symbol {symbol}: a close of leg {leg} went across flat; what stands there is closed")
            }
            Self::OddVolume { symbol, deal, volume } => {
                write!(f, "symbol {symbol}: deal {deal} of {volume} lots is no whole number of contracts")
            }
            Self::LateCharge { deal, amount } => {
                write!(f, "deal {deal} moved {amount} for a leg that had ended; the books do not have it")
            }
            Self::NotFound { leg } => write!(f, "leg {leg}: none of its deals is on the account"),
            Self::NotRead(error) => write!(f, "the terminal could not say how the account stands: {error}"),
            Self::Acted(acted) => write!(f, "the bridge acted by itself: {}", acted.text),
            Self::NotCovered { order, leg, quantity, side } => {
                write!(f, "order {order}: the position does not cover a close of {quantity} of the {side} leg {leg}")
            }
        }
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answer => "by the terminal's answer",
            Self::Deals => "by its deals",
            Self::Order => "by its order on the account",
            Self::Journal => "by the bridge's journal: it was never sent",
            Self::Nowhere => "by its absence: it was never sent",
            Self::Operator => "by the operator: it was never sent",
        })
    }
}

impl fmt::Display for FlattenReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Operator => "the operator wants it",
            Self::Naked => "its stop could not be set",
            Self::CrossedFlat => "a close went across flat",
        })
    }
}
