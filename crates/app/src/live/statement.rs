//! What a day came to, and whether books and broker say the same of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use alavanca_adapters_sqlite::{Booked, BookedLeg, LiveBook};
use alavanca_kernel::{Money, Price, Timestamp};
use alavanca_ports::StoreError;
use serde::{Deserialize, Serialize};

use super::as_text;
use super::latency::LatencyFigures;
use super::mailbox::{MailboxError, write_whole};
use super::status::Mode;

/// Where a day's money is counted from: taken where books and broker agreed and no order was under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// The trading day, in days since 1970.
    pub day: i32,
    /// Market time.
    #[serde(with = "as_text::time")]
    pub at: Timestamp,
    /// The account's money without open results.
    #[serde(with = "as_text::plain")]
    pub balance: Money,
    /// What the books came to.
    #[serde(with = "as_text::plain")]
    pub net: Money,
    /// The part of it that base legs had.
    #[serde(with = "as_text::plain")]
    pub base: Money,
    /// How many fills they had.
    pub fills: u64,
    /// What those cost in commission.
    #[serde(with = "as_text::plain")]
    pub commission: Money,
    /// How many trades had ended.
    pub trades: u64,
}

impl Baseline {
    /// What was kept before; `None` where nothing was, or it cannot be read.
    pub fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }

    /// Keeps it. Without it a statement after a restart counts from the restart.
    pub fn keep(&self, path: &Path) {
        let part = path.with_extension("part");
        if let Ok(text) = serde_json::to_vec_pretty(self)
            && fs::write(&part, text).is_ok()
        {
            let _ = fs::rename(&part, path);
        }
    }
}

/// A day's statement. What is open when a day ends is in the statements of both days, and the money in it that a day
/// moved is in that day's alone: each begins with the money that the one before it ended with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// The trading day, as `2026-11-23`; none where none began.
    pub day: Option<String>,
    /// The instrument.
    pub symbol: String,
    /// What was done with orders.
    pub mode: Mode,
    /// The account's number; none where no bridge ever came.
    pub account: Option<String>,
    /// The trading zone's IANA name, for whoever shows the times, which are of UTC.
    #[serde(default)]
    pub zone: String,
    /// From this market time on.
    #[serde(with = "as_text::time_option")]
    pub from: Option<Timestamp>,
    /// Up to this market time.
    #[serde(with = "as_text::time_option")]
    pub to: Option<Timestamp>,
    /// Why it ended.
    pub ended: String,
    /// Trades that ended.
    pub trades: u64,
    /// Fills.
    pub fills: u64,
    /// Ticks of the day, in all runs that ended in order.
    pub ticks: u64,
    /// Each leg that was opened or closed in the day or stays open, with its whole result so far.
    pub legs: Vec<LegLine>,
    /// What base legs moved.
    #[serde(with = "as_text::plain")]
    pub base_net: Money,
    /// What extras moved.
    #[serde(with = "as_text::plain")]
    pub extra_net: Money,
    /// Commission in it, positive.
    #[serde(with = "as_text::plain")]
    pub commission: Money,
    /// What the books have moved.
    #[serde(with = "as_text::plain")]
    pub net: Money,
    /// Money at the broker before, without open results; none where it was not read.
    #[serde(with = "as_text::plain_option")]
    pub balance_before: Option<Money>,
    /// Money at the broker after.
    #[serde(with = "as_text::plain_option")]
    pub balance_after: Option<Money>,
    /// What the money moved beside the books; zero where it is reconciled to the centavo.
    #[serde(with = "as_text::plain_option")]
    pub unexplained: Option<Money>,
    /// Whether the money moved as the books say, legs agree and no order is in doubt.
    pub reconciled: bool,
    /// In which books and broker do not agree.
    pub differences: Vec<String>,
    /// Orders of which it is not known whether they exist.
    pub in_doubt: Vec<u64>,
    /// Whether nothing is open by the books.
    pub flat: bool,
    /// Orders of the day that the pre-trade controls refused, by control.
    pub refused: BTreeMap<String, u64>,
    /// Tick to order sent.
    pub latency: LatencyFigures,
}

impl Statement {
    /// Keeps it in this file. What an earlier run saw of the day is added to what this one saw; the money counts from
    /// the day's beginning in both.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn keep(&mut self, path: &Path) -> Result<(), MailboxError> {
        let before = fs::read(path).ok().and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        if let Some(before) = before {
            self.ticks += before.ticks;
            for (control, count) in before.refused {
                *self.refused.entry(control).or_default() += count;
            }
            if self.latency.count == 0 {
                self.latency = before.latency;
            }
        }
        write_whole(path, self)
    }
}

/// One leg of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegLine {
    /// Its trade.
    pub trade: u64,
    /// `BASE` or `EXTRA`.
    pub role: String,
    /// `BUY` or `SELL`.
    pub side: String,
    /// How many contracts were entered.
    pub entered: u32,
    /// How many are open.
    pub open: u32,
    /// Average entry.
    #[serde(with = "as_text::plain")]
    pub entry: Price,
    /// Its result after costs, so far.
    #[serde(with = "as_text::plain")]
    pub net: Money,
    /// When it was first filled.
    #[serde(with = "as_text::time")]
    pub opened_at: Timestamp,
    /// When it was closed.
    #[serde(with = "as_text::time_option")]
    pub closed_at: Option<Timestamp>,
    /// How it ended.
    pub cause: Option<String>,
}

/// The books' part of a statement.
#[derive(Debug)]
pub(super) struct BooksOfDay {
    pub(super) booked: Booked,
    pub(super) legs: Vec<LegLine>,
}

impl BooksOfDay {
    /// What the books have since the baseline.
    pub(super) async fn read(book: &LiveBook, baseline: Option<&Baseline>) -> Result<Self, StoreError> {
        let from = baseline.map_or(Timestamp::MAX, |baseline| baseline.at);
        let legs = book.legs_since(from).await?;
        let all = book.booked().await?;
        let booked = baseline.map_or_else(Booked::default, |before| Booked {
            net: all.net - before.net,
            base: all.base - before.base,
            fills: all.fills.saturating_sub(before.fills),
            commission: all.commission - before.commission,
            trades: all.trades.saturating_sub(before.trades),
        });
        Ok(Self { booked, legs: legs.into_iter().map(LegLine::from).collect() })
    }
}

impl From<BookedLeg> for LegLine {
    fn from(leg: BookedLeg) -> Self {
        let BookedLeg { trade, role, side, open, entered, entry, net, opened_at, closed_at, cause } = leg;
        Self { trade, role, side, entered, open, entry, net, opened_at, closed_at, cause }
    }
}
