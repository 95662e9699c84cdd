//! Symbols and their market.

use serde::{Deserialize, Serialize};

use super::Decimal;

/// Which symbols the engine wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct Subscribe {
    /// As the broker spells them. Each is answered by a `symbol_spec` and a `session_calendar`.
    pub symbols: Vec<String>,
    /// Whether ticks are wanted, too.
    pub ticks: bool,
}

/// What a symbol is, from the terminal. Numbers of enumerations are MetaTrader's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct SymbolSpec {
    /// As the broker spells it.
    pub symbol: String,
    /// Where there is none of that name the rest means nothing.
    pub exists: bool,
    /// `SYMBOL_DESCRIPTION`.
    pub description: String,
    /// Decimals of its prices.
    pub digits: u32,
    /// `SYMBOL_POINT`: what stops level, freeze level and deviation count in. May differ from the market's own point.
    pub point: Decimal,
    /// `SYMBOL_TRADE_TICK_SIZE`.
    pub tick_size: Decimal,
    /// `SYMBOL_TRADE_TICK_VALUE`, in the account's currency, for one lot.
    pub tick_value: Decimal,
    /// `SYMBOL_TRADE_CONTRACT_SIZE`.
    pub contract_size: Decimal,
    /// Smallest volume, in lots.
    pub volume_min: Decimal,
    /// Largest volume.
    pub volume_max: Decimal,
    /// Step of the volume.
    pub volume_step: Decimal,
    /// Least distance of stops from the market, in points.
    pub stops_level: u32,
    /// Within this distance nothing may be changed, in points.
    pub freeze_level: u32,
    /// `SYMBOL_FILLING_MODE`: 1 FOK, 2 IOC, 4 BOC.
    pub filling_mode: u32,
    /// `SYMBOL_TRADE_EXEMODE`: 0 request, 1 instant, 2 market, 3 exchange.
    pub execution: u32,
    /// `SYMBOL_TRADE_MODE`: 0 disabled, 1 long only, 2 short only, 3 close only, 4 full.
    pub trade_mode: u32,
    /// `SYMBOL_EXPIRATION_TIME`, server milliseconds; absent where it never expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_server: Option<i64>,
    /// `SYMBOL_CURRENCY_PROFIT`.
    pub currency_profit: String,
    /// `SYMBOL_CURRENCY_MARGIN`.
    pub currency_margin: String,
}

/// A symbol's sessions, by the terminal. A bridge that cannot know them (the sidecar: the package has no such call)
/// sends `known: false`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct SessionCalendar {
    /// The symbol.
    pub symbol: String,
    /// Whether the terminal said anything.
    pub known: bool,
    /// Trading sessions, by weekday.
    pub sessions: Vec<WeekSession>,
}

/// One session of a week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct WeekSession {
    /// 0 is Sunday.
    pub weekday: u8,
    /// Begin, in server seconds of the day.
    pub from: u32,
    /// End, in server seconds of the day.
    pub to: u32,
}

/// Ticks of one symbol, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct Ticks {
    /// The symbol.
    pub symbol: String,
    /// The ticks.
    pub ticks: Vec<Tick>,
}

/// One tick, as the array `[server, bid, ask, last, volume, flags]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(from = "TickRow", into = "TickRow")]
pub struct Tick {
    /// When, server milliseconds.
    pub server: i64,
    /// 0 where there is none.
    pub bid: Decimal,
    /// 0 where there is none.
    pub ask: Decimal,
    /// 0 where there is none.
    pub last: Decimal,
    /// Volume of the last trade.
    pub volume: Decimal,
    /// `TICK_FLAG_*`: 2 bid, 4 ask, 8 last, 16 volume, 32 buy, 64 sell. Other bits mean nothing.
    pub flags: u32,
}

type TickRow = (i64, Decimal, Decimal, Decimal, Decimal, u32);

impl From<TickRow> for Tick {
    fn from((server, bid, ask, last, volume, flags): TickRow) -> Self {
        Self { server, bid, ask, last, volume, flags }
    }
}

impl From<Tick> for TickRow {
    fn from(Tick { server, bid, ask, last, volume, flags }: Tick) -> Self {
        (server, bid, ask, last, volume, flags)
    }
}

/// Asks for bars. Either `from_server` and `to_server`, or `count` complete bars up to now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct BarsReq {
    /// The symbol.
    pub symbol: String,
    /// Length of a bar, in seconds: one of MetaTrader's timeframes.
    pub seconds: u32,
    /// From this bar's begin on, server milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_server: Option<i64>,
    /// Up to this bar's begin, server milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_server: Option<i64>,
    /// So many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

/// Bars that were asked for, oldest first, complete ones only. Several frames with the same `cid`, since a frame is short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub struct Bars {
    /// The symbol.
    pub symbol: String,
    /// Length of a bar, in seconds.
    pub seconds: u32,
    /// More frames follow.
    pub more: bool,
    /// Why there are none, where the terminal failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The bars.
    pub bars: Vec<WireBar>,
}

/// One bar, as the array `[begin_server, open, high, low, close, tick_volume, real_volume, spread]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(from = "BarRow", into = "BarRow")]
pub struct WireBar {
    /// Its begin, server milliseconds.
    pub server: i64,
    /// First price.
    pub open: Decimal,
    /// Highest price.
    pub high: Decimal,
    /// Lowest price.
    pub low: Decimal,
    /// Last price.
    pub close: Decimal,
    /// Ticks in it.
    pub tick_volume: u64,
    /// Contracts traded in it, where the exchange says so.
    pub real_volume: u64,
    /// Spread, in points.
    pub spread: u32,
}

type BarRow = (i64, Decimal, Decimal, Decimal, Decimal, u64, u64, u32);

impl From<BarRow> for WireBar {
    fn from((server, open, high, low, close, tick_volume, real_volume, spread): BarRow) -> Self {
        Self { server, open, high, low, close, tick_volume, real_volume, spread }
    }
}

impl From<WireBar> for BarRow {
    fn from(bar: WireBar) -> Self {
        let WireBar { server, open, high, low, close, tick_volume, real_volume, spread } = bar;
        (server, open, high, low, close, tick_volume, real_volume, spread)
    }
}
