//! How a running engine stands, as it says so every second.

use alavanca_kernel::{Money, Price, RiskState, Side, Timestamp};
use serde::{Deserialize, Serialize};

use super::as_text;
use super::latency::LatencyFigures;

/// What a run does with its orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// They are sent.
    Armed,
    /// They are shown and recorded as refused.
    DryRun,
    /// They are filled by the simulated exchange on the live market.
    Paper,
}

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Waiting for the first session with a bridge.
    Waiting,
    /// Showing the levels the past.
    Warming,
    /// Holding the books against the broker for the first time.
    Reconciling,
    /// Turning.
    Running,
    /// Ending in order.
    Ending,
    /// Ended in order.
    Ended,
    /// Ended with an error.
    Failed,
}

/// How the engine stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Its process.
    pub pid: u32,
    /// What it does with orders.
    pub mode: Mode,
    /// The instrument.
    pub symbol: String,
    /// Where it is.
    pub phase: Phase,
    /// What keeps it from more, in words; empty where nothing does.
    pub detail: String,
    /// When it was started, by the machine's clock.
    #[serde(with = "as_text::time")]
    pub started_at: Timestamp,
    /// When this was written, by the machine's clock.
    #[serde(with = "as_text::time")]
    pub at: Timestamp,
    /// The market's time; none before the first word of the bridge.
    #[serde(with = "as_text::time_option")]
    pub market_at: Option<Timestamp>,
    /// Where it waits for bridges.
    pub listening: String,
    /// The session with the bridge; none where there is none.
    pub session: Option<SessionStatus>,
    /// The account's money when it was last read.
    pub account: Option<AccountStatus>,
    /// Entries allowed, paused, reduce-only, halted.
    pub risk: RiskState,
    /// All that keeps it from entries, in words.
    pub stopped_by: Vec<String>,
    /// Whether books and broker agreed when they were last held against each other, and when that was.
    pub reconciled: Option<ReconcileStatus>,
    /// Orders of which it is not known whether they exist.
    pub in_doubt: Vec<u64>,
    /// What is open by the books.
    pub legs: Vec<LegStatus>,
    /// The trading day's net result.
    #[serde(with = "as_text::plain")]
    pub day_net: Money,
    /// The trading zone's IANA name, for whoever shows the times, which are of UTC.
    #[serde(default)]
    pub zone: String,
    /// Trades of the day that have ended.
    pub trades: u64,
    /// Ticks of this run.
    pub ticks: u64,
    /// Events that the engine has consumed.
    pub events: u64,
    /// Tick to order sent.
    pub latency: LatencyFigures,
}

/// The session with the bridge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionStatus {
    /// Which bridge, with its release.
    pub bridge: String,
    /// Its epoch.
    pub epoch: u64,
    /// Whether orders may be sent in it.
    pub armed: bool,
    /// The account's number.
    pub login: String,
    /// The trade server.
    pub server: String,
    /// Demo, contest or real.
    pub trade_mode: String,
    /// Since when, by the machine's clock.
    #[serde(with = "as_text::time")]
    pub since: Timestamp,
}

/// The account's money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountStatus {
    /// Without open results.
    #[serde(with = "as_text::plain")]
    pub balance: Money,
    /// With them.
    #[serde(with = "as_text::plain")]
    pub equity: Money,
    /// Free for margin.
    #[serde(with = "as_text::plain")]
    pub free_margin: Money,
    /// When it was true, market time.
    #[serde(with = "as_text::time")]
    pub at: Timestamp,
}

/// The last reconciliation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconcileStatus {
    /// Market time.
    #[serde(with = "as_text::time")]
    pub at: Timestamp,
    /// Each difference in words; none where they agreed.
    pub differences: Vec<String>,
}

/// An open leg by the books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegStatus {
    /// Which, such as `trade 7 base`.
    pub leg: String,
    /// Bought or sold.
    pub side: Side,
    /// How many contracts.
    pub open: u32,
    /// Average entry.
    #[serde(with = "as_text::plain")]
    pub entry: Price,
    /// Its stop.
    #[serde(with = "as_text::plain_option")]
    pub stop: Option<Price>,
    /// Its target.
    #[serde(with = "as_text::plain_option")]
    pub target: Option<Price>,
}

impl Mode {
    /// How people are told.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Armed => "armed",
            Self::DryRun => "dry run",
            Self::Paper => "paper",
        }
    }
}

impl Phase {
    /// How people are told.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting for a bridge",
            Self::Warming => "warming up",
            Self::Reconciling => "reconciling",
            Self::Running => "running",
            Self::Ending => "ending",
            Self::Ended => "ended in order",
            Self::Failed => "ended with an error",
        }
    }

    /// Whether an engine says so that is still there.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Ended | Self::Failed)
    }
}
