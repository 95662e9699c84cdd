//! Why an order does not leave, with its numbers.

use std::fmt;

use alavanca_kernel::{Contracts, Money, OrderId, Price, Timestamp};
use serde::{Deserialize, Serialize};

/// Why an order was not let through. Nothing of it has left.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "control", rename_all = "snake_case")]
pub enum Refusal {
    /// The kill switch is on: no entries.
    Killed {
        /// What turned it on.
        cause: KillCause,
        /// When.
        since: Timestamp,
    },
    /// The symbol may not be entered.
    SymbolNotAllowed,
    /// The order's number was used before. What became of it then is the broker's to say.
    IdUsed {
        /// The number.
        id: OrderId,
    },
    /// An order for nothing.
    NoQuantity,
    /// The order is too large.
    OrderSize {
        /// Its contracts.
        contracts: Contracts,
        /// The limit.
        max: u32,
    },
    /// The market is closed.
    SessionClosed,
    /// Whether the market is open is not known.
    SessionUnknown,
    /// A base without a stop.
    NoStop,
    /// The day's loss reached its limit, open losses included.
    DailyLoss {
        /// The loss, positive.
        loss: Money,
        /// The limit.
        limit: Money,
    },
    /// The day's result fell too far from its best.
    Drawdown {
        /// The fall, positive.
        fall: Money,
        /// The limit.
        limit: Money,
    },
    /// Too many losing trades in a row.
    LosingStreak {
        /// How many.
        losses: u32,
        /// The limit.
        max: u32,
    },
    /// Equity and free margin were never read.
    AccountUnknown,
    /// They are too old.
    AccountStale {
        /// How old, in seconds.
        age_seconds: i64,
        /// How old they may be, in seconds.
        max_seconds: u32,
    },
    /// What is open was never read from the broker.
    PositionsUnknown,
    /// The symbol has no quote.
    QuoteUnknown,
    /// Its quote is crossed, or no price.
    QuoteUnsound {
        /// The bid.
        bid: Price,
        /// The ask.
        ask: Price,
    },
    /// Its quote is too old.
    QuoteStale {
        /// How old, in milliseconds of market time.
        age_ms: i64,
        /// How old it may be.
        max_ms: u32,
    },
    /// Its spread is too wide.
    SpreadTooWide {
        /// Ask less bid.
        spread: Price,
        /// What it may be.
        max: Price,
    },
    /// There is neither a last trade nor an earlier quote to hold the price against.
    NoReference,
    /// The price is too far from what it is held against.
    OutsideCollar {
        /// What the order would pay or get.
        price: Price,
        /// What it is held against.
        reference: Price,
        /// Which that is.
        by: Reference,
        /// How far it may be.
        max: Price,
    },
    /// The same was sent a moment ago.
    Duplicate {
        /// The order that was.
        earlier: OrderId,
        /// How long ago, in milliseconds.
        age_ms: i64,
        /// How long it is not sent again.
        window_ms: u32,
    },
    /// Too many opening orders have no known end.
    OpenOrders {
        /// How many.
        open: u32,
        /// The limit.
        max: u32,
    },
    /// The position would be too large.
    Position {
        /// Contracts open and on their way, with this order.
        contracts: u32,
        /// The limit.
        max: u32,
    },
    /// All positions would be worth too much.
    Notional {
        /// What they would be worth.
        notional: Money,
        /// The limit.
        max: Money,
    },
    /// Too many opening orders.
    OrderRate {
        /// Within which time.
        within: Span,
        /// How many there were.
        sent: u32,
        /// The limit.
        max: u32,
    },
    /// Too many closing orders: something sends them in a loop. The kill switch is on from here on.
    CloseRate {
        /// Within which time.
        within: Span,
        /// How many there were.
        sent: u32,
        /// The limit.
        max: u32,
    },
    /// Too many moved exits and cancellations: something sends them in a loop. The kill switch is on from here on.
    ChangeRate {
        /// Within which time.
        within: Span,
        /// How many there were.
        sent: u32,
        /// The limit.
        max: u32,
    },
    /// What the order needs as margin is not known.
    MarginUnknown,
    /// The free margin does not cover it.
    FreeMargin {
        /// What the order needs: the broker's figure or the instrument's, the larger.
        required: Money,
        /// What is promised to orders that the account does not show yet.
        promised: Money,
        /// What is free by the account.
        free: Money,
    },
    /// A close of a leg that is not open, or whose close is on its way.
    NothingToClose {
        /// Contracts open.
        open: u32,
        /// Contracts of closes on their way.
        on_their_way: u32,
    },
    /// A close larger than what is left of its leg: it would cross flat.
    WouldCrossFlat {
        /// The order's contracts.
        contracts: Contracts,
        /// Contracts open.
        open: u32,
        /// Contracts of closes on their way.
        on_their_way: u32,
    },
    /// A close on the side of its leg: it would add.
    WouldAdd,
}

/// A stretch of time that orders are counted in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// Any second.
    Second,
    /// Any minute.
    Minute,
    /// The trading day.
    Day,
}

/// What a price is held against.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reference {
    /// The last trade.
    LastTrade,
    /// The quote before.
    QuoteBefore,
}

/// What turned the kill switch on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KillCause {
    /// The operator, by a command, a file or a signal.
    Operator,
    /// Closing orders in a loop.
    RunawayCloses,
    /// Moved exits or cancellations in a loop.
    RunawayChanges,
    /// What the gate has to remember could not be stored.
    NotStored,
}

impl Refusal {
    /// The control: the key of its limit where it has one.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Killed { .. } => "PRETRADE_KILL_SWITCH",
            Self::SymbolNotAllowed => "PRETRADE_SYMBOLS",
            Self::IdUsed { .. } => "PRETRADE_ORDER_ID",
            Self::NoQuantity => "PRETRADE_QUANTITY",
            Self::OrderSize { .. } => "PRETRADE_MAX_ORDER_CONTRACTS",
            Self::SessionClosed | Self::SessionUnknown => "PRETRADE_SESSION",
            Self::NoStop => "PRETRADE_REQUIRE_STOP",
            Self::DailyLoss { .. } => "PRETRADE_DAILY_LOSS_LIMIT",
            Self::Drawdown { .. } => "PRETRADE_DRAWDOWN_LIMIT",
            Self::LosingStreak { .. } => "PRETRADE_MAX_LOSING_STREAK",
            Self::AccountUnknown | Self::AccountStale { .. } => "PRETRADE_MAX_ACCOUNT_AGE_SECONDS",
            Self::PositionsUnknown => "PRETRADE_POSITIONS",
            Self::QuoteUnknown | Self::QuoteUnsound { .. } => "PRETRADE_QUOTE",
            Self::QuoteStale { .. } => "PRETRADE_MAX_QUOTE_AGE_MS",
            Self::SpreadTooWide { .. } => "PRETRADE_MAX_SPREAD_PERCENT",
            Self::NoReference | Self::OutsideCollar { .. } => "PRETRADE_COLLAR_PERCENT",
            Self::Duplicate { .. } => "PRETRADE_DUPLICATE_WINDOW_MS",
            Self::OpenOrders { .. } => "PRETRADE_MAX_OPEN_ORDERS",
            Self::Position { .. } => "PRETRADE_MAX_POSITION_CONTRACTS",
            Self::Notional { .. } => "PRETRADE_MAX_NOTIONAL",
            Self::OrderRate { within: Span::Second, .. } => "PRETRADE_MAX_ORDERS_PER_SECOND",
            Self::OrderRate { within: Span::Minute, .. } => "PRETRADE_MAX_ORDERS_PER_MINUTE",
            Self::OrderRate { within: Span::Day, .. } => "PRETRADE_MAX_ORDERS_PER_DAY",
            Self::CloseRate { within: Span::Second, .. } => "PRETRADE_MAX_CLOSES_PER_SECOND",
            Self::CloseRate { within: Span::Minute, .. } => "PRETRADE_MAX_CLOSES_PER_MINUTE",
            Self::CloseRate { within: Span::Day, .. } => "PRETRADE_MAX_CLOSES_PER_DAY",
            Self::ChangeRate { within: Span::Second, .. } => "PRETRADE_MAX_CHANGES_PER_SECOND",
            Self::ChangeRate { .. } => "PRETRADE_MAX_CHANGES_PER_MINUTE",
            Self::MarginUnknown | Self::FreeMargin { .. } => "PRETRADE_MARGIN",
            Self::NothingToClose { .. } | Self::WouldCrossFlat { .. } | Self::WouldAdd => "PRETRADE_REDUCE_ONLY",
        }
    }

    /// Whether somebody has to look at once: what is in front of the gate does not do what it should.
    pub const fn is_critical(&self) -> bool {
        matches!(
            self,
            Self::CloseRate { .. }
                | Self::ChangeRate { .. }
                | Self::IdUsed { .. }
                | Self::WouldCrossFlat { .. }
                | Self::WouldAdd
        )
    }
}

impl fmt::Display for Refusal {
    /// What happened and what to do, with the numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name())?;
        match *self {
            Self::Killed { cause, since } => write!(
                f,
                "the kill switch is on since {since}: {cause}; only exits until the operator resumes (alavanca resume)"
            ),
            Self::SymbolNotAllowed => f.write_str(
                "the symbol is not one of those that may be entered; add it there, or look why it is traded",
            ),
            Self::IdUsed { id } => {
                write!(f, "order number {id} was used before; it is not sent again, ask the broker what became of it")
            }
            Self::NoQuantity => f.write_str("an order for no contracts; look for a fault in the sizing"),
            Self::OrderSize { contracts, max } => write!(
                f,
                "the order is for {contracts} contracts, at most {max} are allowed; lower MAX_CONTRACTS_CAP or raise it"
            ),
            Self::SessionClosed => f.write_str("the market is closed; wait for its opening, or mend the calendar"),
            Self::SessionUnknown => {
                f.write_str("whether the market is open is not known; mend the session calendar (alavanca calendar)")
            }
            Self::NoStop => f.write_str("a base without a stop; look for a fault in the brain or its exits"),
            Self::DailyLoss { loss, limit } => {
                write!(f, "the day's loss is {loss}, open losses included, the limit is {limit}; no entries today")
            }
            Self::Drawdown { fall, limit } => {
                write!(f, "the day's result fell by {fall} from its best, the limit is {limit}; no entries today")
            }
            Self::LosingStreak { losses, max } => {
                write!(f, "{losses} losing trades in a row, the limit is {max}; no entries today")
            }
            Self::AccountUnknown => {
                f.write_str("equity and free margin were never read; check the bridge (alavanca doctor)")
            }
            Self::AccountStale { age_seconds, max_seconds } => write!(
                f,
                "equity and free margin are {age_seconds} s old, at most {max_seconds} s are allowed; check the bridge"
            ),
            Self::PositionsUnknown => f.write_str("what is open was never read from the broker; reconcile first"),
            Self::QuoteUnknown => f.write_str("the symbol has no quote; check the subscription"),
            Self::QuoteUnsound { bid, ask } => {
                write!(f, "the quote {bid}/{ask} is crossed or no price; wait for a sound one")
            }
            Self::QuoteStale { age_ms, max_ms } => {
                write!(f, "the quote is {age_ms} ms old, at most {max_ms} ms are allowed; wait for a tick")
            }
            Self::SpreadTooWide { spread, max } => {
                write!(f, "the spread is {spread}, at most {max} is allowed; wait for a narrower one")
            }
            Self::NoReference => f.write_str(
                "there is neither a last trade nor an earlier quote to hold the price against; wait for a tick",
            ),
            Self::OutsideCollar { price, reference, by, max } => write!(
                f,
                "the price {price} is further than {max} from {by} {reference}; wait for the next quote, look at the feed"
            ),
            Self::Duplicate { earlier, age_ms, window_ms } => write!(
                f,
                "the same was sent {age_ms} ms ago as order {earlier}, not again within {window_ms} ms; look who repeats it"
            ),
            Self::OpenOrders { open, max } => write!(
                f,
                "{open} opening orders have no known end, at most {max} are allowed; wait for them, or reconcile"
            ),
            Self::Position { contracts, max } => write!(
                f,
                "the position would be {contracts} contracts with what is on its way, at most {max} are allowed"
            ),
            Self::Notional { notional, max } => {
                write!(f, "all positions would be worth {notional}, at most {max} is allowed")
            }
            Self::OrderRate { within, sent, max } => {
                write!(f, "{sent} opening orders within {within}, at most {max} are allowed; look who sends so many")
            }
            Self::CloseRate { within, sent, max } => write!(
                f,
                "CRITICAL: {sent} closing orders within {within}, at most {max} are allowed; something sends them in a \
                 loop, the kill switch is on: look at the positions in the terminal now"
            ),
            Self::ChangeRate { within, sent, max } => write!(
                f,
                "CRITICAL: {sent} moved exits and cancellations within {within}, at most {max} are allowed; something \
                 sends them in a loop, the kill switch is on: look at the stops in the terminal now"
            ),
            Self::MarginUnknown => {
                f.write_str("the broker did not say what margin the order needs; check the bridge (alavanca doctor)")
            }
            Self::FreeMargin { required, promised, free } => write!(
                f,
                "the order needs {required} of margin, {free} is free of which {promised} is promised; trade fewer \
                 contracts"
            ),
            Self::NothingToClose { open, on_their_way } => write!(
                f,
                "{open} contracts of the leg are open and {on_their_way} are being closed: nothing is left to close"
            ),
            Self::WouldCrossFlat { contracts, open, on_their_way } => write!(
                f,
                "closing {contracts} of {open} open contracts, of which {on_their_way} are being closed, would cross \
                 flat; reconcile"
            ),
            Self::WouldAdd => f.write_str("a close on the side of its leg would add to it; reconcile"),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Second => "a second",
            Self::Minute => "a minute",
            Self::Day => "the day",
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::LastTrade => "the last trade",
            Self::QuoteBefore => "the quote before,",
        })
    }
}

impl fmt::Display for KillCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Operator => "by the operator",
            Self::RunawayCloses => "closing orders in a loop",
            Self::RunawayChanges => "moved exits or cancellations in a loop",
            Self::NotStored => "what the gate has to remember could not be stored",
        })
    }
}
