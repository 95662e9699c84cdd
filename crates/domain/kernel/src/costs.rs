//! What trading costs, by the day (semantics 3).

use serde::{Deserialize, Serialize};

use crate::{Contracts, Money, Price, Timestamp, TradingDay};

/// What a trade costs beside its result, on one day.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Costs {
    /// What the exchange takes per contract and side: emoluments and registration.
    pub exchange_fee: Money,
    /// What the broker takes per contract and side.
    pub brokerage: Money,
    /// The usual spread, as a price distance. Half of it is paid at each market fill.
    pub spread: Price,
    /// Slippage of a market fill, as a price distance.
    pub slippage: Price,
}

impl Costs {
    /// No costs: for comparisons only.
    pub const NONE: Self =
        Self { exchange_fee: Money::ZERO, brokerage: Money::ZERO, spread: Price::ZERO, slippage: Price::ZERO };

    /// What is paid beside the price, per contract and side.
    #[inline]
    pub fn commission(&self) -> Money {
        self.exchange_fee + self.brokerage
    }

    /// The same for so many contracts.
    #[inline]
    pub fn commission_of(&self, quantity: Contracts) -> Money {
        self.commission().times(i64::from(quantity.count()))
    }

    /// What a market fill is worse than the price it is made from where no book is seen: half the spread and slippage.
    #[inline]
    pub fn adverse(&self) -> Price {
        self.spread.half() + self.slippage
    }

    /// Whether nothing is below zero.
    pub fn are_sound(&self) -> bool {
        self.exchange_fee >= Money::ZERO
            && self.brokerage >= Money::ZERO
            && self.spread >= Price::ZERO
            && self.slippage >= Price::ZERO
    }
}

/// Costs from a trading day on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DatedCosts {
    /// The first trading day.
    pub from: TradingDay,
    /// The costs.
    pub costs: Costs,
}

/// Costs by trading day: a tariff and its changes.
///
/// ```
/// use alavanca_kernel::{CostSchedule, Costs, DatedCosts, Money, TradingDay};
/// let fee = |cents| Costs { exchange_fee: Money::from_cents(cents), ..Costs::NONE };
/// let dearer = DatedCosts { from: TradingDay::from_days(18_000), costs: fee(30) };
/// let schedule = CostSchedule::new(fee(25), vec![dearer]);
/// assert_eq!(schedule.on(TradingDay::from_days(17_999)), fee(25));
/// assert_eq!(schedule.on(TradingDay::from_days(18_000)), fee(30));
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CostSchedule {
    first: Costs,
    changes: Vec<DatedCosts>,
}

impl CostSchedule {
    /// No costs: for comparisons only.
    pub const NONE: Self = Self { first: Costs::NONE, changes: Vec::new() };

    /// These costs, and their changes in any order. Of two changes on one day the later in the list holds.
    pub fn new(first: Costs, mut changes: Vec<DatedCosts>) -> Self {
        changes.sort_by_key(|change| change.from);
        Self { first, changes }
    }

    /// The costs on a day.
    pub fn on(&self, day: TradingDay) -> Costs {
        let known = self.changes.partition_point(|change| change.from <= day);
        known.checked_sub(1).map_or(self.first, |place| self.changes[place].costs)
    }

    /// The costs before the first change.
    pub const fn first(&self) -> Costs {
        self.first
    }

    /// The changes, oldest first.
    pub fn changes(&self) -> &[DatedCosts] {
        &self.changes
    }

    /// What holds after the last change.
    pub fn latest(&self) -> Costs {
        self.changes.last().map_or(self.first, |change| change.costs)
    }

    /// Whether no entry is below zero anywhere.
    pub fn is_sound(&self) -> bool {
        self.first.are_sound() && self.changes.iter().all(|change| change.costs.are_sound())
    }
}

impl From<Costs> for CostSchedule {
    /// The same on all days.
    fn from(first: Costs) -> Self {
        Self { first, changes: Vec::new() }
    }
}

/// A schedule laid on the clock: what holds at an instant. Instants that follow each other cost a comparison.
#[derive(Clone, Debug)]
pub struct CostTimeline {
    steps: Vec<(Timestamp, Costs)>,
    place: usize,
    /// Where the step ends that `place` stands on.
    until: Timestamp,
}

impl CostTimeline {
    /// A schedule with the instants at which its days begin.
    pub fn new(schedule: &CostSchedule, begin_of: impl Fn(TradingDay) -> Timestamp) -> Self {
        let changes = schedule.changes.iter().map(|change| (begin_of(change.from), change.costs));
        let steps: Vec<_> = std::iter::once((Timestamp::MIN, schedule.first)).chain(changes).collect();
        let until = steps.get(1).map_or(Timestamp::MAX, |&(from, _)| from);
        Self { steps, place: 0, until }
    }

    /// The costs at an instant.
    #[inline]
    pub fn at(&mut self, at: Timestamp) -> Costs {
        if at >= self.until || at < self.steps[self.place].0 {
            self.go_to(at);
        }
        self.steps[self.place].1
    }

    #[cold]
    fn go_to(&mut self, at: Timestamp) {
        self.place = self.steps.partition_point(|&(from, _)| from <= at).max(1) - 1;
        self.until = self.steps.get(self.place + 1).map_or(Timestamp::MAX, |&(from, _)| from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fee(cents: i64) -> Costs {
        Costs { exchange_fee: Money::from_cents(cents), ..Costs::NONE }
    }

    fn day(days: i32) -> TradingDay {
        TradingDay::from_days(days)
    }

    fn three() -> CostSchedule {
        let change = |days, cents| DatedCosts { from: day(days), costs: fee(cents) };
        CostSchedule::new(fee(1), vec![change(20, 3), change(10, 2)])
    }

    #[test]
    fn a_change_holds_from_its_day_on() {
        for (on, cents) in [(i32::MIN, 1), (9, 1), (10, 2), (19, 2), (20, 3), (i32::MAX, 3)] {
            assert_eq!(three().on(day(on)), fee(cents), "day {on}");
        }
    }

    #[test]
    fn the_timeline_says_what_the_schedule_does_in_any_order_of_asking() {
        let begin = |day: TradingDay| Timestamp::from_secs(i64::from(day.days()) * 100 + 7);
        let mut timeline = CostTimeline::new(&three(), begin);
        for secs in [0, 1_006, 1_007, 1_500, 2_006, 2_007, 9_999, 1_007, 5, 2_007, 1_006, 0] {
            let expected = three().on(day(((secs - 7_i64).div_euclid(100)) as i32));
            assert_eq!(timeline.at(Timestamp::from_secs(secs)), expected, "{secs}");
        }
    }
}
