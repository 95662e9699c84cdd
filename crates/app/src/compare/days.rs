//! A run's results by trading day.

use std::collections::BTreeMap;

use alavanca_engine::Record;
use alavanca_kernel::{Money, TradingDay};

/// What one day came to. Trades count on the day on which they closed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DayResult {
    /// Net result as the day's books have it, costs of trades still open included.
    pub booked: Money,
    /// Net result of the trades that closed.
    pub net: Money,
    /// Their result before costs.
    pub gross: Money,
    /// Their costs.
    pub costs: Money,
    /// How many closed.
    pub trades: u32,
    /// Those with a net result above zero.
    pub wins: u32,
    /// What the winners made.
    pub won: Money,
    /// What the losers lost, positive.
    pub lost: Money,
}

/// The days of a run, from its records. Memory grows with days alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DayBook(BTreeMap<TradingDay, DayResult>);

impl DayBook {
    /// Takes in what a record says of a day.
    pub fn observe(&mut self, record: &Record) {
        match record {
            Record::Trade(trade) => {
                let (day, net) = (self.0.entry(trade.day).or_default(), trade.outcome.net);
                day.net += net;
                day.gross += trade.gross;
                day.costs += trade.costs;
                day.trades += 1;
                if net.is_positive() {
                    day.wins += 1;
                    day.won += net;
                } else {
                    day.lost -= net;
                }
            }
            Record::Day(day) => self.0.entry(day.day).or_default().booked = day.net,
            _ => {}
        }
    }

    /// How many days there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The days in order.
    pub fn iter(&self) -> impl Iterator<Item = (TradingDay, &DayResult)> {
        self.0.iter().map(|(day, result)| (*day, result))
    }

    /// What a day came to; nothing where it is not there.
    pub fn on(&self, day: TradingDay) -> DayResult {
        self.0.get(&day).copied().unwrap_or_default()
    }
}

impl FromIterator<(TradingDay, DayResult)> for DayBook {
    fn from_iter<I: IntoIterator<Item = (TradingDay, DayResult)>>(days: I) -> Self {
        Self(days.into_iter().collect())
    }
}
