use serde::{Deserialize, Serialize};

use crate::zone::{DAY, second_of_day};

/// The hours of one trading date, in seconds from its midnight on the market's own clock. Negative where the session
/// begins on the evening before.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DayHours {
    /// When the opening auction begins; `opens` where there is none.
    pub auction: i32,
    /// When continuous trading begins.
    pub opens: i32,
    /// When it ends.
    pub closes: i32,
    /// When the closing auction ends; `closes` where there is none.
    pub ends: i32,
}

impl DayHours {
    /// `[eve] [AUCTION/]OPEN-CLOSE[/END]`. With `*` for the close the usual close is kept.
    pub(crate) fn parse(text: &str) -> Option<ParsedHours> {
        let (shift, text) = match text.trim().strip_prefix("eve ") {
            Some(rest) => (DAY as i32, rest),
            None => (0, text),
        };
        let second = |text: &str| second_of_day(text).map(|second| second as i32);
        let (morning, evening) = text.trim().split_once('-')?;
        let (auction, opens) = match morning.split_once('/') {
            Some((auction, opens)) => (second(auction)?, second(opens)?),
            None => (second(morning)?, second(morning)?),
        };
        let begin = (auction - shift, opens - shift);
        if evening.trim() == "*" {
            return (begin.0 <= begin.1).then_some(ParsedHours { begin, end: None });
        }
        let end = match evening.split_once('/') {
            Some((closes, ends)) => (second(closes)?, second(ends)?),
            None => (second(evening)?, second(evening)?),
        };
        let in_order = begin.0 <= begin.1 && begin.1 < end.0 && end.0 <= end.1;
        (in_order && end.1 - begin.0 <= DAY as i32).then_some(ParsedHours { begin, end: Some(end) })
    }
}

/// Hours as written: the end may be left to the day's usual hours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ParsedHours {
    begin: (i32, i32),
    end: Option<(i32, i32)>,
}

impl ParsedHours {
    /// Complete where the end is said.
    pub(crate) fn complete(self) -> Option<DayHours> {
        let (closes, ends) = self.end?;
        Some(DayHours { auction: self.begin.0, opens: self.begin.1, closes, ends })
    }

    /// With what is left out as it usually is; `None` where nothing remains.
    pub(crate) fn over(self, usual: Option<DayHours>) -> Option<DayHours> {
        let end = self.end.or(usual.map(|usual| (usual.closes, usual.ends)))?;
        Self { end: Some(end), ..self }.complete().filter(|hours| hours.opens < hours.closes)
    }
}

/// From a second of the day until another, the end excluded; past midnight where the end is the smaller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Window {
    pub(crate) from: u32,
    pub(crate) until: u32,
}

impl Window {
    pub(crate) const ALL_DAY: Self = Self { from: 0, until: DAY as u32 };

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (from, until) = text.split_once('-')?;
        let window = Self { from: second_of_day(from)?, until: second_of_day(until)? };
        (window.from != window.until && window.from < DAY as u32).then_some(window)
    }

    #[inline]
    pub(crate) const fn contains(self, second: u32) -> bool {
        if self.from < self.until {
            self.from <= second && second < self.until
        } else {
            self.from <= second || second < self.until
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_hours() {
        let hours = |auction, opens, closes, ends| Some(DayHours { auction, opens, closes, ends });
        let minutes = |h: i32, m: i32| (h * 60 + m) * 60;
        for (text, expected) in [
            ("09:00-17:55", hours(minutes(9, 0), minutes(9, 0), minutes(17, 55), minutes(17, 55))),
            ("08:55/09:00-17:55/18:05", hours(minutes(8, 55), minutes(9, 0), minutes(17, 55), minutes(18, 5))),
            ("eve 17:05-17:00", hours(-minutes(6, 55), -minutes(6, 55), minutes(17, 0), minutes(17, 0))),
            ("00:00-24:00", hours(0, 0, 86_400, 86_400)),
            ("09:00/08:55-17:55", None),
            ("09:00-09:00", None),
            ("09:00-17:55/17:50", None),
            ("09:00", None),
            ("9h-17h", None),
            ("eve 16:00-17:00", None),
        ] {
            assert_eq!(DayHours::parse(text).and_then(ParsedHours::complete), expected, "{text}");
        }
        let usual = hours(1, 2, minutes(18, 15), minutes(18, 25));
        let ash = DayHours::parse("12:55/13:00-*").unwrap();
        assert_eq!(ash.over(usual), hours(minutes(12, 55), minutes(13, 0), minutes(18, 15), minutes(18, 25)));
        assert_eq!(ash.over(None), None);
        assert_eq!(ash.over(hours(1, 2, minutes(12, 0), minutes(12, 0))), None);
    }
}
