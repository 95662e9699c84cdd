//! Which records are asked for.

use alavanca_kernel::{DecisionId, SymbolId, Timestamp, TradeId, TradingDay};

use super::source::{DayOf, Source};

/// Which records are asked for; what is `None` leaves nothing out, and what is said has to hold together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Selection {
    /// Of this instrument. Policy events, snapshots, risk changes and days are of none and stay.
    pub symbol: Option<SymbolId>,
    /// From this trading day on. Decisions, stopped signals, allocations and changes of the
    /// regime have a day of their own; orders, fills,
    /// legs and scalps have their decision's; a trade counts on the day it closed; what the policy heard and did, on
    /// the day it was logged; a risk change, on the day of the decision, stopped signal or trade that came next.
    pub from: Option<TradingDay>,
    /// Up to this trading day, which is in it.
    pub to: Option<TradingDay>,
    /// From this instant on. Days have none and stay; a leg has that of its last change.
    pub since: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
    /// This trade: its decision and what came of it.
    pub trade: Option<TradeId>,
    /// This decision and what came of it.
    pub decision: Option<DecisionId>,
    /// Of each kind so many, the newest; still in the order of old to new.
    pub newest: Option<u64>,
}

impl Selection {
    /// The conditions on a source's rows, each with an AND before it. Nothing but numbers of ours is in it.
    pub(super) fn conditions(&self, source: &Source) -> String {
        let mut sql = String::new();
        let mut and = |condition: String| {
            sql.push_str(" AND ");
            sql.push_str(&condition);
        };
        if !source.only.is_empty() {
            and(source.only.to_owned());
        }
        if let (Some(symbol), Some(column)) = (self.symbol, source.symbol) {
            and(format!("{column} = {symbol}"));
        }
        if let Some(trade) = self.trade {
            and(source.trade.map_or_else(|| "0".to_owned(), |column| format!("{column} = {trade}")));
        }
        if let Some(decision) = self.decision {
            and(match (source.decision, source.trade) {
                (Some(column), _) => format!("{column} = {decision}"),
                (None, Some(column)) => format!("{column} = (SELECT trade FROM decisions WHERE id = {decision})"),
                (None, None) => "0".to_owned(),
            });
        }
        if let Some(at) = source.at {
            if let Some(since) = self.since {
                and(format!("{at} >= {}", since.micros()));
            }
            if let Some(until) = self.until {
                and(format!("{at} < {}", until.micros()));
            }
        }
        if self.from.is_some() || self.to.is_some() {
            let (from, to) = self.days();
            and(match source.day {
                DayOf::Column(column) => format!("{column} BETWEEN {from} AND {to}"),
                DayOf::Decision(trade) => {
                    format!("{trade} IN (SELECT trade FROM decisions WHERE day BETWEEN {from} AND {to})")
                }
                DayOf::Log(seq) => format!(
                    "{seq} > coalesce((SELECT max(last_seq) FROM days WHERE day < {from}), 0) AND {seq} <= \
                     CASE WHEN EXISTS (SELECT 1 FROM days WHERE day >= {to}) \
                     THEN coalesce((SELECT max(last_seq) FROM days WHERE day <= {to}), 0) ELSE {END} END"
                ),
                DayOf::Around(at) => format!(
                    "{at} > {} AND {at} <= {}",
                    last_instant(&format!("day < {from}"), i64::MIN + 1),
                    last_instant(&format!("day <= {to}"), i64::MIN + 1)
                ),
            });
        }
        sql
    }

    /// The first and the last day that are asked for.
    pub(super) fn days(&self) -> (i32, i32) {
        (self.from.map_or(i32::MIN, TradingDay::days), self.to.map_or(i32::MAX, TradingDay::days))
    }
}

/// Larger than any place in a log.
const END: i64 = i64::MAX;

/// When anything last happened on such days.
fn last_instant(days: &str, none: i64) -> String {
    format!(
        "max(coalesce((SELECT max(at) FROM decisions WHERE {days}), {none}), \
         coalesce((SELECT max(at) FROM blocked WHERE {days}), {none}), \
         coalesce((SELECT max(closed_at) FROM trades WHERE {days}), {none}))"
    )
}
