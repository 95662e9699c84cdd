//! What a desk has to know before it trades.

use std::fmt;
use std::sync::Arc;

use alavanca_kernel::{AccountMode, Instrument, Timestamp};

use crate::wire::Guard;

/// Instances count below this, so that a magic number stays below 2⁵².
pub const INSTANCE_END: u32 = 1 << 20;

/// What a desk trades, and how.
#[derive(Debug, Clone)]
pub struct DeskConfig {
    /// The upper part of every magic number: 1 to 2²⁰ − 1, drawn once for a database.
    pub instance: u32,
    /// What the account is taken for. One of another kind is not traded.
    pub mode: AccountMode,
    /// The symbols; the first is symbol 0, and so on.
    pub symbols: Vec<DeskSymbol>,
    /// The trade server's clock.
    pub zone: Arc<dyn ServerZone>,
    /// Patience and care.
    pub care: Care,
}

/// One symbol.
#[derive(Debug, Clone)]
pub struct DeskSymbol {
    /// As the broker spells it: the dated contract at B3.
    pub name: String,
    /// What it is.
    pub instrument: Instrument,
    /// How much worse than the quote a fill may be where the execution asks for it, in `SYMBOL_POINT`s.
    pub deviation: u32,
    /// What the bridge guards of an extra whose order says nothing of its exits, since the engine watches them.
    pub guard: Option<Guard>,
}

/// How long a desk waits, and what it insists on. Milliseconds are of the real clock, seconds of the market's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Care {
    /// An opening order has no stop: refused.
    pub stop_required: bool,
    /// An opening order that was decided longer ago is not sent any more.
    pub entry_seconds: u32,
    /// A closing order that was sent is not executed after so long.
    pub close_seconds: u32,
    /// A closing order that the position does not cover by then is given back to the engine.
    pub close_wait_ms: u64,
    /// Entries need a quote that is not older.
    pub quote_seconds: u32,
    /// An order without an answer is in doubt after so long.
    pub answer_ms: u64,
    /// A deal that the terminal announced, or a change that it took, is asked for after so long.
    pub follow_ms: u64,
    /// A position without its stop is closed after so long.
    pub naked_ms: u64,
    /// A change of stops, or a closing order of the desk's own, that did not work is tried again after so long.
    pub again_ms: u64,
    /// A close waits for so long, from the session's begin, to hear what the symbol is.
    pub spec_ms: u64,
    /// The account is held against the books at least this often.
    pub reconcile_ms: u64,
    /// A reconciliation without an answer is asked for again after so long.
    pub reading_ms: u64,
    /// While an order is in doubt it is asked for this often ...
    pub doubt_every_ms: u64,
    /// ... and taken for never sent when neither orders, deals nor history knew it for so long ...
    pub doubt_ms: u64,
    /// ... in so many readings, with the terminal connected at each.
    pub doubt_readings: u32,
    /// After the terminal asked for patience nothing is opened for so long.
    pub back_off_ms: u64,
    /// Deals are read from so long before what they are needed for, in seconds.
    pub history_seconds: u32,
}

impl Default for Care {
    fn default() -> Self {
        Self {
            stop_required: true,
            entry_seconds: 10,
            close_seconds: 60,
            close_wait_ms: 30_000,
            quote_seconds: 30,
            answer_ms: 15_000,
            follow_ms: 250,
            naked_ms: 2_000,
            again_ms: 1_000,
            spec_ms: 5_000,
            reconcile_ms: 60_000,
            reading_ms: 10_000,
            doubt_every_ms: 2_000,
            doubt_ms: 60_000,
            doubt_readings: 5,
            back_off_ms: 5_000,
            history_seconds: 3_600,
        }
    }
}

/// The trade server's clock: MetaTrader stamps everything with its wall clock.
pub trait ServerZone: fmt::Debug + Send + Sync {
    /// The instant of a server stamp in milliseconds.
    fn utc(&self, server_ms: i64) -> Timestamp;
    /// The server's stamp of an instant, in milliseconds.
    fn server(&self, at: Timestamp) -> i64;
}

/// A server clock that is always so many seconds ahead of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedOffset(pub i32);

impl ServerZone for FixedOffset {
    fn utc(&self, server_ms: i64) -> Timestamp {
        Timestamp::from_micros(server_ms.saturating_sub(i64::from(self.0) * 1_000).saturating_mul(1_000))
    }

    fn server(&self, at: Timestamp) -> i64 {
        (at.micros().div_euclid(1_000)).saturating_add(i64::from(self.0) * 1_000)
    }
}

/// The time, as whoever turns the desk knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// Of a clock that never goes back, in milliseconds: for waiting.
    pub ms: u64,
    /// On the market; the desk takes what the bridge stamps where that is later.
    pub market: Timestamp,
}
