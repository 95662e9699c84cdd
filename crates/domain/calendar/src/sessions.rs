use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use alavanca_kernel::TradingDay;

use crate::date::{self, weekday};
use crate::hours::{ParsedHours, Window};
use crate::zone::second_of_day;
use crate::{DayHours, Zone};

/// A market's dated hours: which dates it trades on, from when until when, and what its closed dates are called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionCalendar {
    name: String,
    zone: Zone,
    // One cell a date from `FIRST` on: an index into `hours`, whose first entry is a date without trading.
    dates: Vec<u16>,
    hours: Vec<Option<DayHours>>,
    // The weekly hours before the first date and after the last.
    before: [u16; 7],
    after: [u16; 7],
    specials: BTreeMap<TradingDay, String>,
    pub(crate) entries: Window,
    pub(crate) flat_at: Option<u32>,
    pub(crate) last_entry_minutes: u32,
}

/// 2000-01-01.
const FIRST: i32 = 10_957;
/// The years that special days are computed for.
const YEARS: std::ops::RangeInclusive<i32> = 2000..=2049;
/// 2050-01-01.
const END: i32 = 29_220;

impl SessionCalendar {
    /// The session's name, in capitals.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The clock that its hours are read on.
    pub const fn zone(&self) -> Zone {
        self.zone
    }

    /// The hours of a date; `None` where there is no trading.
    #[inline]
    pub fn hours_on(&self, day: TradingDay) -> Option<DayHours> {
        let cell = match self.dates.get(day.days().wrapping_sub(FIRST) as usize) {
            Some(&cell) => cell,
            None if day.days() < FIRST => self.before[weekday(day)],
            None => self.after[weekday(day)],
        };
        self.hours[usize::from(cell)]
    }

    /// What is special about a date: the holiday's name, or why its hours are others.
    pub fn special(&self, day: TradingDay) -> Option<&str> {
        self.specials.get(&day).map(String::as_str)
    }

    /// The special dates from one on, in order.
    pub fn specials_from(&self, day: TradingDay) -> impl Iterator<Item = (TradingDay, &str)> {
        self.specials.range(day..).map(|(day, name)| (*day, name.as_str()))
    }

    /// The first date from one on (itself included) with trading, looked for within two months.
    pub fn trading_day_from(&self, day: TradingDay) -> Option<TradingDay> {
        (0..62).map(|ahead| date::plus(day, ahead)).find(|day| self.hours_on(*day).is_some())
    }

    /// The same calendar with the hours of its weekdays alone: no date is special.
    pub(crate) fn without_specials(&self, plan: &Plan) -> Self {
        plan.build(&self.name, false).unwrap_or_else(|_| self.clone())
    }
}

/// A calendar file that cannot be read: which line, and what is wrong with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CalendarError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub what: String,
}

impl fmt::Display for CalendarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for CalendarError {}

/// The calendars of all sessions: those that come along, and those of a file of one's own.
///
/// ```
/// use alavanca_calendar::SessionCalendars;
/// let own = "[B3]\nshort 2026-06-24 09:00-13:00 a match\n\n[B3_STOCKS]\nlike B3\nhours 2000-01-01 mon-fri 10:00-16:55";
/// let calendars = SessionCalendars::built_in().with(own).unwrap();
/// assert_eq!(calendars.names().collect::<Vec<_>>(), ["ALWAYS", "B3", "B3_DOLLAR", "B3_STOCKS", "FOREX"]);
/// let error = SessionCalendars::built_in().with("[B3]\nclosed 2026-02-30 no such day").unwrap_err();
/// assert_eq!(error.line, 2);
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct SessionCalendars {
    plans: BTreeMap<String, Plan>,
    built: BTreeMap<String, Arc<SessionCalendar>>,
}

static BUILT_IN: LazyLock<SessionCalendars> = LazyLock::new(|| {
    let empty = SessionCalendars { plans: BTreeMap::new(), built: BTreeMap::new() };
    let read = [include_str!("../sessions/b3.txt"), include_str!("../sessions/forex.txt")]
        .into_iter()
        .try_fold(empty, |calendars, text| calendars.with(text));
    match read {
        Ok(calendars) => calendars,
        Err(error) => unreachable!("the calendars that come along are read by every test: {error}"),
    }
});

impl SessionCalendars {
    /// Those that come along: `B3` (index futures), `B3_DOLLAR`, `FOREX`, `ALWAYS`.
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// With what a file says. A section of a known name adds to it; one that begins with `replace` takes its place.
    ///
    /// # Errors
    /// The first line that cannot be read.
    pub fn with(&self, text: &str) -> Result<Self, CalendarError> {
        let mut calendars = self.clone();
        let mut section: Option<(String, usize)> = None;
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            let fault = |what: String| CalendarError { line: number, what };
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            if let Some(name) = line.strip_prefix('[') {
                let name = name.strip_suffix(']').map(str::trim).filter(|name| is_name(name)).ok_or_else(|| {
                    fault(format!("{line} is no section: expected a name of letters, digits and _ such as [B3]"))
                })?;
                calendars.finish(section.take())?;
                let name = name.to_ascii_uppercase();
                calendars.plans.entry(name.clone()).or_default();
                section = Some((name, number));
                continue;
            }
            let Some((name, _)) = &section else {
                return Err(fault(format!("{line:?} stands before the first section, such as [B3]")));
            };
            let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            let rest = rest.trim();
            if word == "like" {
                let known = || calendars.plans.keys().cloned().collect::<Vec<_>>().join(", ");
                let model = calendars.plans.get(&rest.to_ascii_uppercase()).cloned();
                let model =
                    model.ok_or_else(|| fault(format!("there is no {rest:?} to be like; known are {}", known())))?;
                calendars.plans.insert(name.clone(), model);
            } else if word == "replace" {
                calendars.plans.insert(name.clone(), Plan::default());
            } else if let Some(plan) = calendars.plans.get_mut(name) {
                plan.read(word, rest).map_err(fault)?;
            }
        }
        calendars.finish(section)?;
        Ok(calendars)
    }

    /// The calendar of that session, however it is spelled.
    pub fn get(&self, name: &str) -> Option<Arc<SessionCalendar>> {
        self.built.get(&name.to_ascii_uppercase()).cloned()
    }

    /// The same with the ordinary hours alone, no holiday and no half day: for a market that knows none.
    pub fn without_specials(&self, name: &str) -> Option<Arc<SessionCalendar>> {
        let name = name.to_ascii_uppercase();
        Some(Arc::new(self.built.get(&name)?.without_specials(self.plans.get(&name)?)))
    }

    /// The sessions' names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.built.keys().map(String::as_str)
    }

    fn finish(&mut self, section: Option<(String, usize)>) -> Result<(), CalendarError> {
        let Some((name, line)) = section else { return Ok(()) };
        let Some(plan) = self.plans.get(&name) else { return Ok(()) };
        let calendar = plan.build(&name, true).map_err(|what| CalendarError { line, what })?;
        self.built.insert(name, Arc::new(calendar));
        Ok(())
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// What the lines of a section say.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Plan {
    zone: Option<Zone>,
    entries: Option<Window>,
    flat_at: Option<u32>,
    last_entry_minutes: u32,
    // From which date on a weekday has these hours; later lines of the same date go before earlier ones.
    weekly: Vec<(TradingDay, [bool; 7], ParsedHours)>,
    specials: Vec<Special>,
}

#[derive(Clone, PartialEq, Debug)]
struct Special {
    when: When,
    // `None` is closed.
    hours: Option<ParsedHours>,
    // Takes what is special off the date.
    open: bool,
    name: String,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum When {
    On(TradingDay),
    Yearly(Rule, i32, i32),
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Rule {
    Date(u32, u32),
    Easter(i32),
    LastWeekday,
}

impl Rule {
    fn read(text: &str) -> Option<Self> {
        if text == "last-weekday" {
            return Some(Self::LastWeekday);
        }
        if let Some(days) = text.strip_prefix("easter") {
            let days = if days.is_empty() { Some(0) } else { days.parse().ok() };
            return days.filter(|days: &i32| days.abs() <= 180).map(Self::Easter);
        }
        let (month, day) = text.split_once('-')?;
        let (month, day) = (month.parse().ok()?, day.parse().ok()?);
        // A leap year has every date.
        date::date(2000, month, day).map(|_| Self::Date(month, day))
    }

    fn in_year(self, year: i32) -> Option<TradingDay> {
        match self {
            Self::Date(month, day) => date::date(year, month, day),
            Self::Easter(days) => date::easter(year).map(|easter| date::plus(easter, days)),
            Self::LastWeekday => date::last_weekday(year),
        }
    }
}

const HOURS: &str = "expected hours such as 09:00-17:55, 08:55/09:00-17:55/18:05 with auctions, or eve 17:05-17:00";

impl Plan {
    fn read(&mut self, word: &str, rest: &str) -> Result<(), String> {
        match word {
            "zone" => self.zone = Some(Zone::by_name("zone", rest).map_err(|error| error.to_string())?),
            "entries" => {
                let window = Window::parse(rest);
                self.entries =
                    Some(window.ok_or_else(|| format!("entries {rest}: expected a window such as 09:00-17:30"))?);
            }
            "flat" => {
                self.flat_at =
                    Some(second_of_day(rest).ok_or_else(|| format!("flat {rest}: expected a time such as 17:50"))?);
            }
            "last-entry" => {
                let minutes = rest.parse().ok().filter(|minutes| *minutes <= 1_440);
                self.last_entry_minutes =
                    minutes.ok_or_else(|| format!("last-entry {rest}: expected minutes, 0 to 1440"))?;
            }
            "hours" => {
                let said = rest.split_once(char::is_whitespace).and_then(|(from, rest)| {
                    let (weekdays, hours) = rest.trim().split_once(char::is_whitespace)?;
                    Some((date::parse(from)?, parse_weekdays(weekdays)?, hours))
                });
                let (from, weekdays, hours) = said.ok_or_else(|| {
                    format!("hours {rest}: expected a date, weekdays and hours, such as 2022-03-14 mon-fri 09:00-17:55")
                })?;
                let hours = ParsedHours::of(hours).filter(|hours| hours.complete().is_some());
                self.weekly.push((from, weekdays, hours.ok_or_else(|| format!("hours {rest}: {HOURS}"))?));
            }
            "closed" | "short" | "open" => {
                let (when, rest) = When::read(rest)?;
                let (hours, name) = match word {
                    "short" => {
                        let (hours, name) = ParsedHours::split(rest).ok_or_else(|| format!("short {rest}: {HOURS}"))?;
                        (Some(hours), name)
                    }
                    _ => (None, rest),
                };
                if word == "open" && !matches!(when, When::On(_)) {
                    return Err("open takes one date, such as 2020-07-09".to_owned());
                }
                self.specials.push(Special { when, hours, open: word == "open", name: name.trim().to_owned() });
            }
            _ => {
                let known = "zone, like, replace, entries, flat, last-entry, hours, closed, short, open";
                return Err(format!("{word} is not known; a line begins with one of {known}"));
            }
        }
        Ok(())
    }

    fn build(&self, name: &str, with_specials: bool) -> Result<SessionCalendar, String> {
        let zone = self.zone.ok_or_else(|| format!("[{name}] has no zone line, such as zone America/Sao_Paulo"))?;
        if self.weekly.is_empty() {
            return Err(format!("[{name}] has no hours line, such as hours 2022-03-14 mon-fri 09:00-17:55"));
        }
        let mut calendar = SessionCalendar {
            name: name.to_owned(),
            zone,
            dates: Vec::with_capacity((END - FIRST) as usize),
            hours: vec![None],
            before: [0; 7],
            after: [0; 7],
            specials: BTreeMap::new(),
            entries: self.entries.unwrap_or(Window::ALL_DAY),
            flat_at: self.flat_at,
            last_entry_minutes: self.last_entry_minutes,
        };
        let mut weekly = self.weekly.clone();
        weekly.sort_by_key(|(from, ..)| *from);
        let weekly = weekly.as_slice();
        let mut week = [0_u16; 7];
        let mut next = 0;
        // What the first lines say holds before them, too.
        let first = weekly[0].0;
        for day in FIRST..END {
            while let Some((from, weekdays, hours)) = weekly.get(next)
                && (from.days() <= day || *from == first)
            {
                let cell = calendar.cell(hours.complete());
                for (place, _) in week.iter_mut().zip(weekdays).filter(|(_, applies)| **applies) {
                    *place = cell;
                }
                next += 1;
            }
            if day == FIRST {
                calendar.before = week;
            }
            calendar.dates.push(week[weekday(TradingDay::from_days(day))]);
        }
        calendar.after = week;
        if with_specials {
            self.mark_specials(&mut calendar);
        }
        Ok(calendar)
    }

    /// Rules first, then what is said of single dates.
    fn mark_specials(&self, calendar: &mut SessionCalendar) {
        let ordinary = calendar.clone();
        for special in &self.specials {
            if let When::Yearly(rule, from, until) = special.when {
                let years = (from.max(*YEARS.start()))..=(until.min(*YEARS.end()));
                years.filter_map(|year| rule.in_year(year)).for_each(|day| calendar.mark(day, special, &ordinary));
            }
        }
        for special in &self.specials {
            if let When::On(day) = special.when {
                calendar.mark(day, special, &ordinary);
            }
        }
    }
}

impl SessionCalendar {
    fn cell(&mut self, hours: Option<DayHours>) -> u16 {
        let known = self.hours.iter().position(|other| *other == hours);
        known.unwrap_or_else(|| {
            self.hours.push(hours);
            self.hours.len() - 1
        }) as u16
    }

    fn mark(&mut self, day: TradingDay, special: &Special, ordinary: &Self) {
        let Some(place) = usize::try_from(day.days() - FIRST).ok().filter(|place| *place < self.dates.len()) else {
            return;
        };
        let usual = ordinary.hours_on(day);
        let cell = match (special.open, special.hours) {
            (true, _) => self.cell(usual),
            // A closed weekend is none to be spoken of, and a rule makes no Sunday a trading day.
            _ if usual.is_none() && matches!(special.when, When::Yearly(..)) => return,
            (false, None) => 0,
            (false, Some(hours)) => {
                let hours = hours.over(usual);
                self.cell(hours)
            }
        };
        self.dates[place] = cell;
        if special.open {
            self.specials.remove(&day);
        } else {
            self.specials.insert(day, special.name.clone());
        }
    }
}

impl When {
    fn read(text: &str) -> Result<(Self, &str), String> {
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        if let Some(day) = date::parse(word) {
            let known = FIRST..END;
            return known
                .contains(&day.days())
                .then_some((Self::On(day), rest.trim()))
                .ok_or_else(|| format!("{word} is too far away: expected a date from 2000-01-01 to 2049-12-31"));
        }
        let rule = Rule::read(word)
            .ok_or_else(|| format!("{word:?} is no date: expected 2026-02-18, 12-24, easter-46 or last-weekday"))?;
        let (years, after) = rest.trim().split_once(char::is_whitespace).unwrap_or((rest.trim(), ""));
        let bound = |text: &str, open: i32| if text.is_empty() { Some(open) } else { text.parse().ok() };
        let span = years
            .split_once("..")
            .and_then(|(from, until)| Some((bound(from, *YEARS.start())?, bound(until, *YEARS.end())?)));
        match span {
            Some((from, until)) => Ok((Self::Yearly(rule, from, until), after.trim())),
            None => Ok((Self::Yearly(rule, *YEARS.start(), *YEARS.end()), rest.trim())),
        }
    }
}

pub(crate) const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// `mon-fri`, `mon,wed,fri`, `sun`.
pub(crate) fn parse_weekdays(text: &str) -> Option<[bool; 7]> {
    let index = |word: &str| WEEKDAYS.iter().position(|name| word.trim().eq_ignore_ascii_case(name));
    let mut days = [false; 7];
    for part in text.split(',') {
        let (from, until) = match part.split_once('-') {
            Some((from, until)) => (index(from)?, index(until)?),
            None => (index(part)?, index(part)?),
        };
        days.get_mut(from..=until)?.fill(true);
    }
    Some(days)
}

impl ParsedHours {
    fn of(text: &str) -> Option<Self> {
        DayHours::parse(text)
    }

    /// The hours at the beginning of a text, and the rest.
    fn split(text: &str) -> Option<(Self, &str)> {
        let text = text.trim();
        let skip = text.strip_prefix("eve ").map_or(0, |rest| text.len() - rest.trim_start().len());
        let end = text[skip..].find(char::is_whitespace).map_or(text.len(), |end| skip + end);
        Some((Self::of(&text[..end])?, &text[end..]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> TradingDay {
        date::parse(text).unwrap()
    }

    fn shown(session: &str, text: &str) -> String {
        let calendar = SessionCalendars::built_in().get(session).unwrap();
        let clock = |second: i32| format!("{:02}:{:02}", second.div_euclid(3_600), second.rem_euclid(3_600) / 60);
        let hours = calendar.hours_on(day(text));
        let hours = hours.map_or("closed".to_owned(), |h| format!("{}-{}", clock(h.opens), clock(h.closes)));
        calendar.special(day(text)).map_or(hours.clone(), |name| format!("{hours} {name}"))
    }

    #[test]
    fn b3_by_date() {
        for (date, expected) in [
            ("2014-11-20", "closed Black Awareness Day"),
            ("2015-12-18", "09:00-17:55"),
            ("2016-10-14", "09:00-17:55"),
            ("2016-10-17", "09:00-18:15"),
            ("2016-12-30", "closed Year's last weekday"),
            ("2017-12-29", "closed Year's last weekday"),
            ("2018-11-30", "09:00-18:25 MSCI rebalancing"),
            ("2019-07-09", "closed Constitutionalist Revolution"),
            ("2020-07-09", "09:00-17:55"),
            ("2020-10-30", "09:00-17:55"),
            ("2020-11-03", "09:00-18:25"),
            ("2020-11-20", "09:00-18:25"),
            ("2021-01-25", "closed City of São Paulo"),
            ("2021-02-15", "closed Carnival Monday"),
            ("2021-02-16", "closed Carnival Tuesday"),
            ("2021-02-17", "13:00-18:25 Ash Wednesday"),
            ("2021-03-12", "09:00-18:25"),
            ("2021-03-15", "09:00-17:55"),
            ("2021-04-02", "closed Good Friday"),
            ("2021-06-03", "closed Corpus Christi"),
            ("2021-06-05", "closed"),
            ("2021-12-24", "closed Christmas Eve"),
            ("2022-01-25", "09:00-18:25"),
            ("2023-11-20", "09:00-18:25"),
            ("2024-11-20", "closed Black Awareness Day"),
            ("2025-07-09", "09:00-18:25"),
            ("2026-02-18", "13:00-18:25 Ash Wednesday"),
            ("2027-02-09", "closed Carnival Tuesday"),
            ("1999-12-31", "09:00-17:55"),
            ("2060-06-01", "09:00-17:55"),
            ("2060-05-30", "closed"),
        ] {
            assert_eq!(shown("B3", date), expected, "{date}");
        }
        for (date, expected) in [
            ("2019-07-10", "09:00-18:00"),
            ("2019-11-26", "09:00-18:30 MSCI rebalancing"),
            ("2019-11-27", "09:00-18:15"),
            ("2022-01-14", "09:00-18:30"),
            ("2022-03-02", "13:00-18:30 Ash Wednesday"),
            ("2022-04-21", "closed Tiradentes"),
        ] {
            assert_eq!(shown("b3_dollar", date), expected, "{date}");
        }
    }

    #[test]
    fn forex_by_date() {
        for (date, expected) in [
            // Hours of the evening before are negative: 17:05 is 6 hours and 55 minutes before midnight.
            ("2021-03-08", "-7:00-17:00"),
            ("2021-03-09", "-7:05-17:00"),
            ("2021-03-13", "closed"),
            ("2021-03-14", "closed"),
            ("2020-12-25", "closed Christmas"),
            ("2020-12-24", "-7:05-13:00 Christmas Eve"),
            ("2021-01-01", "closed New Year"),
            ("2022-12-25", "closed"),
        ] {
            assert_eq!(shown("FOREX", date), expected, "{date}");
        }
    }

    #[test]
    fn own_lines_add_and_replace() {
        let built_in = SessionCalendars::built_in();
        let own = built_in.with("[b3]\nopen 2021-02-15 we trade\nclosed 2021-03-11 strike # of the system\n").unwrap();
        let b3 = own.get("B3").unwrap();
        assert!(b3.hours_on(day("2021-02-15")).is_some());
        assert_eq!(b3.special(day("2021-02-15")), None);
        assert_eq!((b3.hours_on(day("2021-03-11")), b3.special(day("2021-03-11"))), (None, Some("strike")));
        assert_eq!(b3.hours_on(day("2021-02-16")), None);
        let replaced = built_in.with("[B3]\nreplace\nzone UTC\nhours 2000-01-01 sun 10:00-11:00").unwrap();
        let b3 = replaced.get("B3").unwrap();
        assert!(b3.hours_on(day("2021-02-14")).is_some() && b3.hours_on(day("2021-02-15")).is_none());
        // What is like another before it was changed stays as that was.
        assert_eq!(own.get("B3_DOLLAR").unwrap().special(day("2021-03-11")), None);
        let ordinary = built_in.without_specials("B3").unwrap();
        assert!(ordinary.hours_on(day("2021-02-16")).is_some() && ordinary.special(day("2021-02-16")).is_none());
    }

    #[test]
    fn errors_name_their_line() {
        let check = |text: &str, line, part: &str| {
            let error = SessionCalendars::built_in().with(text).unwrap_err();
            assert_eq!(error.line, line, "{text:?}: {error}");
            assert!(error.what.contains(part), "{text:?}: {error}");
        };
        check("closed 2021-01-01 x", 1, "before the first section");
        check("[B3\n", 1, "no section");
        check("[B3]\n\nholiday 2021-01-01", 3, "holiday is not known");
        check("[B3]\nclosed 2021-02-29 x", 2, "no date");
        check("[B3]\nclosed 13-01 x", 2, "no date");
        check("[B3]\nclosed 2090-01-01 x", 2, "too far");
        check("[B3]\nshort 2021-03-11 18:00-09:00 x", 2, "expected hours");
        check("[B3]\nhours 2021-03-11 mon-fry 09:00-10:00", 2, "expected a date, weekdays");
        check("[B3]\nhours 2021-03-11 mon-fri 09:00-*", 2, "expected hours");
        check("[B3]\nzone Mars/Olympus", 2, "Mars/Olympus");
        check("[B3]\nopen 12-24 x", 2, "one date");
        check("[NEW]\nzone UTC", 1, "no hours line");
        check("[NEW]\nhours 2021-03-11 mon-fri 09:00-10:00", 1, "no zone line");
        check("[NEW]\nlike OLD", 2, "known are ALWAYS");
        check("[B3]\nlast-entry -1", 2, "minutes");
    }

    #[test]
    fn weekdays_are_ranges_and_lists() {
        assert_eq!(parse_weekdays("mon-fri"), Some([true, true, true, true, true, false, false]));
        assert_eq!(parse_weekdays("TUE,thu, sun"), Some([false, true, false, true, false, false, true]));
        for text in ["", "fri-mon", "mon-", "monday", "mon fri"] {
            assert_eq!(parse_weekdays(text), None, "{text}");
        }
    }
}
