use std::fmt;
use std::str::FromStr;

use alavanca_kernel::TradingDay;
use chrono::Datelike;
use serde::{Deserialize, Serialize};

use crate::SessionCalendar;
use crate::date::{self, weekday};

/// The roots of B3's index and dollar futures.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Root {
    /// The mini Ibovespa future.
    Win,
    /// The Ibovespa future.
    Ind,
    /// The mini dollar future.
    Wdo,
    /// The dollar future.
    Dol,
}

impl Root {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Win, Self::Ind, Self::Wdo, Self::Dol];

    /// As in a contract's code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Win => "WIN",
            Self::Ind => "IND",
            Self::Wdo => "WDO",
            Self::Dol => "DOL",
        }
    }

    /// The root that a symbol begins with: `WIN`, `WINZ20`, `WIN$N`, `WDOFUT`.
    pub fn of_symbol(symbol: &str) -> Option<Self> {
        let upper = symbol.to_ascii_uppercase();
        Self::ALL.into_iter().find(|root| {
            upper.strip_prefix(root.as_str()).is_some_and(|rest| {
                matches!(rest, "" | "$" | "$N" | "$D" | "@" | "@N" | "@D" | "FUT" | "N")
                    || Contract::suffix(rest).is_some()
            })
        })
    }

    /// Whether it expires in the middle of even months, as the index does; the dollar does at every month's beginning.
    const fn is_index(self) -> bool {
        matches!(self, Self::Win | Self::Ind)
    }

    /// How many business days before its expiry a contract is left for the next, where nobody says otherwise: the index
    /// on its expiry day, the dollar on its last trading day, which is the business day before its expiry.
    pub const fn usual_roll_days(self) -> u32 {
        if self.is_index() { 0 } else { 1 }
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Month letters of dated codes, January first.
const MONTHS: &[u8; 12] = b"FGHJKMNQUVXZ";

/// A dated contract, such as `WINZ20`.
///
/// ```
/// use alavanca_calendar::{Contract, Root, SessionCalendars};
/// let b3 = SessionCalendars::built_in().get("B3").unwrap();
/// let contract: Contract = "WINZ20".parse().unwrap();
/// assert_eq!(contract.expiry(&b3).to_string(), "2020-12-16");
/// let day = contract.expiry(&b3);
/// assert_eq!(Contract::current(Root::Win, day, &b3, 0).to_string(), "WING21");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Contract {
    root: Root,
    year: i32,
    month: u32,
}

impl Contract {
    /// What it is a contract of.
    pub const fn root(self) -> Root {
        self.root
    }

    /// The date it expires on. The index: the Wednesday nearest to the 15th, or the next day with trading. The dollar:
    /// the month's first day with trading.
    pub fn expiry(self, calendar: &SessionCalendar) -> TradingDay {
        let first = date::date(self.year, self.month, 1).unwrap_or_default();
        if !self.root.is_index() {
            return calendar.trading_day_from(first).unwrap_or(first);
        }
        let fifteenth = date::plus(first, 14);
        // Wednesday is 2: at most three days away on either side.
        let ahead = (2 - weekday(fifteenth) as i32 + 3).rem_euclid(7) - 3;
        let wednesday = date::plus(fifteenth, ahead);
        calendar.trading_day_from(wednesday).unwrap_or(wednesday)
    }

    /// The last date it trades on: the index on its expiry, the dollar on the business day before it.
    pub fn last_trading_day(self, calendar: &SessionCalendar) -> TradingDay {
        let expiry = self.expiry(calendar);
        if self.root.is_index() { expiry } else { business_days_before(expiry, 1, calendar) }
    }

    /// The first date on which the next contract is the current one, so many business days before this one's expiry.
    pub fn roll_day(self, calendar: &SessionCalendar, days_before: u32) -> TradingDay {
        business_days_before(self.expiry(calendar), days_before, calendar)
    }

    /// The contract that is traded on a day: the first whose roll day lies after it.
    pub fn current(root: Root, day: TradingDay, calendar: &SessionCalendar, days_before: u32) -> Self {
        let date = day.to_date().unwrap_or_default();
        let mut contract = Self { root, year: date.year(), month: date.month() };
        if root.is_index() && contract.month % 2 == 1 {
            contract = contract.plus_months(1);
        }
        while contract.roll_day(calendar, days_before) <= day {
            contract = contract.next();
        }
        contract
    }

    /// The one that follows.
    #[must_use]
    pub fn next(self) -> Self {
        self.plus_months(if self.root.is_index() { 2 } else { 1 })
    }

    fn plus_months(self, months: u32) -> Self {
        let month = self.month - 1 + months;
        Self { year: self.year + (month / 12) as i32, month: month % 12 + 1, ..self }
    }

    /// Month and year of a code's ending, such as `Z20`.
    fn suffix(text: &str) -> Option<(u32, i32)> {
        let [letter, tens, units] = text.as_bytes() else { return None };
        let month = MONTHS.iter().position(|month| month == letter)? as u32 + 1;
        let digit = |b: &u8| b.is_ascii_digit().then(|| i32::from(b - b'0'));
        Some((month, 2000 + digit(tens)? * 10 + digit(units)?))
    }
}

/// The date so many business days before another; weekends and holidays do not count.
fn business_days_before(day: TradingDay, days: u32, calendar: &SessionCalendar) -> TradingDay {
    let mut back = (1..400).map(|back| date::plus(day, -back)).filter(|day| calendar.hours_on(*day).is_some());
    days.checked_sub(1).and_then(|skip| back.nth(skip as usize)).unwrap_or(day)
}

impl fmt::Display for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = char::from(MONTHS[self.month as usize - 1]);
        f.pad(&format!("{}{letter}{:02}", self.root, self.year.rem_euclid(100)))
    }
}

/// A symbol that is no dated contract.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoContract(String);

impl fmt::Display for NoContract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is no dated contract such as WINZ26 or WDOF27", self.0)
    }
}

impl std::error::Error for NoContract {}

impl FromStr for Contract {
    type Err = NoContract;
    /// `WINZ20`; the index has even months alone.
    fn from_str(text: &str) -> Result<Self, NoContract> {
        let upper = text.trim().to_ascii_uppercase();
        let read = Root::ALL.into_iter().find_map(|root| {
            let (month, year) = Self::suffix(upper.strip_prefix(root.as_str())?)?;
            (!root.is_index() || month % 2 == 0).then_some(Self { root, year, month })
        });
        read.ok_or_else(|| NoContract(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SessionCalendars;
    use proptest::prelude::*;

    fn b3() -> std::sync::Arc<SessionCalendar> {
        SessionCalendars::built_in().get("B3").unwrap()
    }

    fn day(text: &str) -> TradingDay {
        date::parse(text).unwrap()
    }

    #[test]
    fn known_expiries() {
        for (code, expiry, last) in [
            ("WINZ20", "2020-12-16", "2020-12-16"),
            ("WINV20", "2020-10-14", "2020-10-14"),
            ("WINQ20", "2020-08-12", "2020-08-12"),
            ("WINM19", "2019-06-12", "2019-06-12"),
            ("WINQ19", "2019-08-14", "2019-08-14"),
            ("WING21", "2021-02-17", "2021-02-17"),
            ("WINJ21", "2021-04-14", "2021-04-14"),
            ("WING26", "2026-02-18", "2026-02-18"),
            ("INDZ20", "2020-12-16", "2020-12-16"),
            ("WDOK20", "2020-05-04", "2020-04-30"),
            ("DOLK20", "2020-05-04", "2020-04-30"),
            ("WDOF22", "2022-01-03", "2021-12-30"),
            ("WDOF21", "2021-01-04", "2020-12-30"),
            ("WDOG21", "2021-02-01", "2021-01-29"),
            ("WDOH22", "2022-03-02", "2022-02-25"),
        ] {
            let contract: Contract = code.parse().unwrap();
            assert_eq!(contract.to_string(), code);
            assert_eq!(contract.expiry(&b3()), day(expiry), "{code}");
            assert_eq!(contract.last_trading_day(&b3()), day(last), "{code}");
        }
    }

    #[test]
    fn an_expiry_on_a_holiday_moves_on() {
        // 2010-06-16 was a Wednesday; closed by decree of this test.
        let calendars = SessionCalendars::built_in().with("[B3]\nclosed 2010-06-16 x\nclosed 2010-06-17 y").unwrap();
        let contract: Contract = "WINM10".parse().unwrap();
        assert_eq!(contract.expiry(&calendars.get("B3").unwrap()), day("2010-06-18"));
    }

    #[test]
    fn the_current_contract_of_a_day() {
        let check = |root, text: &str, days_before, expected: &str| {
            let contract = Contract::current(root, day(text), &b3(), days_before);
            assert_eq!(contract.to_string(), expected, "{root} {text} {days_before}");
        };
        check(Root::Win, "2020-12-15", 0, "WINZ20");
        check(Root::Win, "2020-12-16", 0, "WING21");
        check(Root::Win, "2020-12-14", 1, "WINZ20");
        check(Root::Win, "2020-12-15", 1, "WING21");
        check(Root::Win, "2021-03-11", 0, "WINJ21");
        check(Root::Win, "2020-11-30", 0, "WINZ20");
        check(Root::Wdo, "2020-04-29", 1, "WDOK20");
        check(Root::Wdo, "2020-04-30", 1, "WDOM20");
        check(Root::Wdo, "2020-04-30", 0, "WDOK20");
        check(Root::Wdo, "2020-05-03", 0, "WDOK20");
        check(Root::Wdo, "2020-05-04", 0, "WDOM20");
        check(Root::Wdo, "2021-12-29", 1, "WDOF22");
        check(Root::Wdo, "2021-12-30", 1, "WDOG22");
        // Carnival lies between: Friday, then Wednesday.
        check(Root::Wdo, "2022-02-24", 1, "WDOH22");
        check(Root::Wdo, "2022-02-25", 1, "WDOJ22");
        check(Root::Dol, "2020-04-02", 1, "DOLK20");
    }

    #[test]
    fn symbols_and_codes() {
        for (symbol, root) in [
            ("WIN", Some(Root::Win)),
            ("win$n", Some(Root::Win)),
            ("WDOFUT", Some(Root::Wdo)),
            ("DOLK20", Some(Root::Dol)),
            ("WINDOW", None),
            ("EURUSD", None),
        ] {
            assert_eq!(Root::of_symbol(symbol), root, "{symbol}");
        }
        for text in ["WIN", "WINF20", "WINA20", "WINZ2", "WINZ2O", "EURUSD", ""] {
            assert!(text.parse::<Contract>().is_err(), "{text}");
        }
        assert!("WDOF20".parse::<Contract>().is_ok());
    }

    proptest! {
        #[test]
        fn a_contract_is_current_until_its_roll(root in prop::sample::select(Root::ALL.to_vec()), days in 11_000_i32..29_000, before in 0_u32..10) {
            let (calendar, today) = (b3(), TradingDay::from_days(days));
            let contract = Contract::current(root, today, &calendar, before);
            prop_assert!(today < contract.roll_day(&calendar, before));
            prop_assert!(contract.roll_day(&calendar, before) <= contract.expiry(&calendar));
            // The next is never current before this one was left.
            let tomorrow = Contract::current(root, date::plus(today, 1), &calendar, before);
            prop_assert!(tomorrow == contract || tomorrow == contract.next());
            prop_assert_eq!(contract.to_string().parse::<Contract>().unwrap(), contract);
        }
    }
}
