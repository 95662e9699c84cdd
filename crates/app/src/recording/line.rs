//! The lines of a recorded day.

use alavanca_engine::{AccountView, Checkpoint, Command, Event, Restored, ScalpCustody};
use alavanca_kernel::{Bar, Instrument, OrderReport, Price, SymbolId, Tick, Timestamp, TradingDay};
use alavanca_rl::PolicyTable;
use alavanca_updater::PolicySnapshot;
use serde::{Deserialize, Serialize};

/// One line: a JSON object of one key. Prices are integers of 10⁻⁸, times microseconds of UTC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Line {
    /// An engine begins.
    #[serde(rename = "begins")]
    Begins(Box<Beginning>),
    /// The engine of the day before goes on.
    #[serde(rename = "goes_on")]
    GoesOn {
        /// The day of the file before.
        before: TradingDay,
        /// Events that it has consumed.
        cursor: u64,
    },
    /// A bar of the past.
    #[serde(rename = "wb")]
    WarmBar(BarRow),
    /// A tick of the past.
    #[serde(rename = "wt")]
    WarmTick(TickRow),
    /// [`Event::Bar`].
    #[serde(rename = "b")]
    Bar(BarRow),
    /// [`Event::Tick`].
    #[serde(rename = "t")]
    Tick(TickRow),
    /// [`Event::Order`].
    #[serde(rename = "o")]
    Order(OrderReport),
    /// [`Event::Account`].
    #[serde(rename = "a")]
    Account(AccountView),
    /// [`Event::Command`].
    #[serde(rename = "c")]
    Command(Command, Timestamp),
    /// [`Event::Time`].
    #[serde(rename = "m")]
    Time(Timestamp),
    /// [`Event::End`].
    #[serde(rename = "e")]
    End(Timestamp),
    /// The engine closes its books.
    #[serde(rename = "finishes")]
    Finishes,
    /// So many lines came before in this file; the SHA-256 of their bytes.
    #[serde(rename = "sum")]
    Sum(u64, String),
}

/// What an engine begins with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Beginning {
    /// The version of this layout.
    pub schema: u32,
    /// The release that wrote it.
    pub version: String,
    /// Every setting as written, by its key.
    pub settings: Vec<(String, String)>,
    /// Their fingerprint.
    pub fingerprint: String,
    /// The instruments, in the engine's order.
    pub instruments: Vec<Instrument>,
    /// Who watches the extra's exits.
    pub custody: ScalpCustody,
    /// Events that were stored before.
    pub cursor: u64,
    /// Order numbers that were left out.
    pub orders_left_out: u64,
    /// The market's time.
    pub at: Timestamp,
    /// What the store gave back; nothing for a new database.
    pub checkpoint: Option<Checkpoint>,
    /// The served policy of the store.
    pub policy: Vec<PolicyTable>,
    /// The snapshots of the store.
    pub snapshots: Vec<PolicySnapshot>,
}

impl Beginning {
    /// The layout that this release writes.
    pub const SCHEMA: u32 = 1;

    /// What the store gave back.
    pub fn restored(&self) -> Option<Restored> {
        let checkpoint = self.checkpoint.clone()?;
        Some(Restored { checkpoint, policy: self.policy.clone(), snapshots: self.snapshots.clone() })
    }
}

/// A bar: symbol, time, open, high, low, close, volume, spread, tick volume, seconds.
type BarRow = (u16, i64, i64, i64, i64, i64, u64, i64, u32, u32);

/// A tick: symbol, time, bid, ask, last, volume.
type TickRow = (u16, i64, i64, i64, i64, u64);

fn row_of_bar(symbol: SymbolId, bar: &Bar) -> BarRow {
    let Bar { time, open, high, low, close, volume, spread, tick_volume, seconds } = *bar;
    let (open, high, low, close) = (open.raw(), high.raw(), low.raw(), close.raw());
    (symbol.get(), time.micros(), open, high, low, close, volume, spread.raw(), tick_volume, seconds)
}

fn bar_of_row(row: BarRow) -> (SymbolId, Bar) {
    let (symbol, time, open, high, low, close, volume, spread, tick_volume, seconds) = row;
    let (open, high, low, close) =
        (Price::from_raw(open), Price::from_raw(high), Price::from_raw(low), Price::from_raw(close));
    let (time, spread) = (Timestamp::from_micros(time), Price::from_raw(spread));
    (SymbolId::new(symbol), Bar { time, open, high, low, close, volume, spread, tick_volume, seconds })
}

fn row_of_tick(symbol: SymbolId, tick: &Tick) -> TickRow {
    let Tick { time, bid, ask, last, volume } = *tick;
    (symbol.get(), time.micros(), bid.raw(), ask.raw(), last.raw(), volume)
}

fn tick_of_row(row: TickRow) -> (SymbolId, Tick) {
    let (symbol, time, bid, ask, last, volume) = row;
    let (bid, ask, last) = (Price::from_raw(bid), Price::from_raw(ask), Price::from_raw(last));
    (SymbolId::new(symbol), Tick { time: Timestamp::from_micros(time), bid, ask, last, volume })
}

impl Line {
    /// The line of an event.
    pub fn of(event: &Event) -> Self {
        match *event {
            Event::Bar(symbol, ref bar) => Self::Bar(row_of_bar(symbol, bar)),
            Event::Tick(symbol, ref tick) => Self::Tick(row_of_tick(symbol, tick)),
            Event::Order(report) => Self::Order(report),
            Event::Account(view) => Self::Account(view),
            Event::Command(command, at) => Self::Command(command, at),
            Event::Time(at) => Self::Time(at),
            Event::End(at) => Self::End(at),
        }
    }

    /// The event of a line, where it is one.
    pub fn event(&self) -> Option<Event> {
        Some(match *self {
            Self::Bar(row) => {
                let (symbol, bar) = bar_of_row(row);
                Event::Bar(symbol, bar)
            }
            Self::Tick(row) => {
                let (symbol, tick) = tick_of_row(row);
                Event::Tick(symbol, tick)
            }
            Self::Order(report) => Event::Order(report),
            Self::Account(view) => Event::Account(view),
            Self::Command(command, at) => Event::Command(command, at),
            Self::Time(at) => Event::Time(at),
            Self::End(at) => Event::End(at),
            _ => return None,
        })
    }

    pub(super) fn warm_bar(symbol: SymbolId, bar: &Bar) -> Self {
        Self::WarmBar(row_of_bar(symbol, bar))
    }

    pub(super) fn warm_tick(symbol: SymbolId, tick: &Tick) -> Self {
        Self::WarmTick(row_of_tick(symbol, tick))
    }

    /// The bar of the past, where it is one.
    pub fn warmed_bar(&self) -> Option<(SymbolId, Bar)> {
        if let Self::WarmBar(row) = self { Some(bar_of_row(*row)) } else { None }
    }

    /// The tick of the past, where it is one.
    pub fn warmed_tick(&self) -> Option<(SymbolId, Tick)> {
        if let Self::WarmTick(row) = self { Some(tick_of_row(*row)) } else { None }
    }
}

/// When it happened.
pub(super) fn time_of(event: &Event) -> Timestamp {
    match event {
        Event::Bar(_, bar) => bar.end(),
        Event::Tick(_, tick) => tick.time,
        Event::Order(OrderReport::Filled(fill)) => fill.at,
        Event::Order(OrderReport::Rejected { at, .. } | OrderReport::Canceled { at, .. }) => *at,
        Event::Account(view) => view.at,
        Event::Command(_, at) | Event::Time(at) | Event::End(at) => *at,
    }
}
