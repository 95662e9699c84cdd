use alavanca_calendar::Place;
use alavanca_kernel::{Bar, TradingDay};

/// What a day was, once it is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct DayRange {
    pub(super) high: i64,
    pub(super) low: i64,
    pub(super) close: i64,
}

/// What a bar did to the calendar.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    /// The day goes on.
    Same,
    /// A day begins. Of the day before it is said what is known in full, and whether a week begins, too.
    Day { previous: Option<DayRange>, week: bool },
    /// There is no trading on this day: bars of it count for nothing that belongs to a day.
    Closed,
}

/// Which trading day and week it is, how far the day has ranged, and what is known from its beginning.
///
/// A day or a week whose beginning was not seen, since history begins in the middle of it, is not known. A Sunday
/// evening that opens the week belongs to its Monday.
#[derive(Clone, Debug, Default)]
pub(super) struct Days {
    day: Option<TradingDay>,
    week: i32,
    day_known: bool,
    week_known: bool,
    range: Option<DayRange>,
    opening_known: bool,
}

const SUNDAY: i32 = 6;

fn weekday(day: TradingDay) -> i32 {
    (day.days() + 3).rem_euclid(7)
}

impl Days {
    #[inline]
    pub(super) fn push(&mut self, bar: &Bar, place: &Place) -> Turn {
        let Some(opens) = place.opens else { return Turn::Closed };
        let turn = if self.day == Some(place.moment.day) { Turn::Same } else { self.turn(bar, place, opens) };
        let (high, low, close) = (bar.high.raw(), bar.low.raw(), bar.close.raw());
        match &mut self.range {
            Some(range) => {
                range.high = range.high.max(high);
                range.low = range.low.min(low);
                range.close = close;
            }
            None => self.range = Some(DayRange { high, low, close }),
        }
        turn
    }

    #[cold]
    fn turn(&mut self, bar: &Bar, place: &Place, opens: u32) -> Turn {
        let (before, day) = (self.day.replace(place.moment.day), place.moment.day);
        let from_the_open = place.moment.second_of_day <= opens.saturating_add(bar.seconds);
        self.opening_known = from_the_open;
        let goes_on = |before: TradingDay| {
            weekday(before) == SUNDAY && day.days() == before.days() + 1 && place.week == self.week
        };
        if before.is_some_and(goes_on) {
            return Turn::Same;
        }
        let begins_week = matches!(weekday(day), 0 | SUNDAY);
        let week = before.is_none() || place.week != self.week;
        if week {
            self.week_known = before.is_some() || begins_week && from_the_open;
        }
        self.week = place.week;
        let previous = self.range.take().filter(|_| self.day_known);
        self.day_known = before.is_some() || from_the_open;
        Turn::Day { previous, week }
    }

    /// Whether today was seen from its beginning.
    #[inline]
    pub(super) const fn day_known(&self) -> bool {
        self.day_known
    }

    /// Whether this week was.
    #[inline]
    pub(super) const fn week_known(&self) -> bool {
        self.week_known
    }

    /// Whether today was seen from the opening of its session.
    #[inline]
    pub(super) const fn opening_known(&self) -> bool {
        self.opening_known
    }
}
