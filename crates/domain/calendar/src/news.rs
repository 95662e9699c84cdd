use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use alavanca_kernel::{Instrument, SettingError, Timestamp, Unit};
use chrono::{DateTime, NaiveDateTime};
use serde::{Deserialize, Serialize};

use crate::{Zone, local_to_utc};

/// A currency's three letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl FromStr for Currency {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let letters: [u8; 3] = text.trim().to_ascii_uppercase().into_bytes().try_into().unwrap_or_default();
        let is_code = letters.iter().all(u8::is_ascii_uppercase);
        if is_code { Ok(Self(letters)) } else { Err(format!("{text:?} is no currency such as BRL")) }
    }
}

impl TryFrom<String> for Currency {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.to_string()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(std::str::from_utf8(&self.0).unwrap_or("???"))
    }
}

/// How much an announcement may move the market.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Impact {
    /// Told, and nothing is done about it.
    Low,
    /// Trades are smaller around it.
    Medium,
    /// No trade begins around it.
    High,
}

/// An announcement.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct NewsEvent {
    /// When it is due.
    pub at: Timestamp,
    /// Whose economy it speaks of.
    pub currency: Currency,
    /// How much it may move.
    pub impact: Impact,
    /// What it is.
    pub title: String,
}

/// Announcements in the order of their times.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NewsCalendar {
    events: Vec<NewsEvent>,
}

/// A news file that cannot be read: which line, and what is wrong with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewsError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub what: String,
}

impl fmt::Display for NewsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for NewsError {}

const HEADER: &str = "time,currency,impact,title";

impl NewsCalendar {
    /// Reads `time,currency,impact,title`, a line each, the header first. Times are `2026-02-18 13:30` (seconds may
    /// follow) on the clock of the last `# clock: ZONE` line before them, UTC where there is none, or carry their own
    /// offset as `2026-02-18T13:30:00-03:00`. The title is the rest of the line, commas and all, quotes around it aside.
    /// Lines may come in any order; empty ones and other comments are left out.
    ///
    /// ```
    /// use alavanca_calendar::NewsCalendar;
    /// let text = "# clock: America/New_York\ntime,currency,impact,title\n2026-03-06 08:30,USD,high,Non-farm payrolls\n";
    /// let news = NewsCalendar::parse(text)?;
    /// assert_eq!(news.events()[0].at.to_string(), "2026-03-06T13:30:00Z");
    /// # Ok::<(), alavanca_calendar::NewsError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, NewsError> {
        let mut zone = Zone::UTC;
        let mut events = Vec::new();
        let mut header = false;
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            let fault = |what: String| NewsError { line: index + 1, what };
            if let Some(comment) = line.strip_prefix('#') {
                if let Some(name) = comment.trim().strip_prefix("clock:") {
                    zone = Zone::by_name("clock", name).map_err(|error| fault(error.to_string()))?;
                }
                continue;
            }
            if line.is_empty() {
                continue;
            }
            if !header {
                let is_header = line.split(',').map(|cell| cell.trim().trim_matches('"')).eq(HEADER.split(','));
                if !is_header {
                    return Err(fault(format!("expected the header {HEADER}, found {line:?}")));
                }
                header = true;
                continue;
            }
            let mut cells = line.splitn(4, ',').map(|cell| cell.trim().trim_matches('"').trim());
            let (Some(time), Some(currency), Some(impact)) = (cells.next(), cells.next(), cells.next()) else {
                return Err(fault(format!("expected {HEADER}, found {line:?}")));
            };
            events.push(NewsEvent {
                at: read_time(time, zone).ok_or_else(|| {
                    fault(format!("{time:?} is no time: expected 2026-02-18 13:30 or 2026-02-18T13:30:00-03:00"))
                })?,
                currency: currency.parse().map_err(fault)?,
                impact: read_impact(impact)
                    .ok_or_else(|| fault(format!("{impact:?} is no impact: expected high, medium or low")))?,
                title: cells.next().unwrap_or_default().to_owned(),
            });
        }
        if !header {
            return Err(NewsError { line: 1, what: format!("the file is empty: expected the header {HEADER}") });
        }
        events.sort_by_key(|event| event.at);
        Ok(Self { events })
    }

    /// The announcements, in order.
    pub fn events(&self) -> &[NewsEvent] {
        &self.events
    }
}

fn read_time(text: &str, zone: Zone) -> Option<Timestamp> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(Timestamp::from_micros(time.timestamp_micros()));
    }
    let local = ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"]
        .into_iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())?;
    Some(local_to_utc(zone, local).at)
}

fn read_impact(text: &str) -> Option<Impact> {
    match text.to_ascii_lowercase().as_str() {
        "high" => Some(Impact::High),
        "medium" => Some(Impact::Medium),
        "low" => Some(Impact::Low),
        _ => None,
    }
}

/// What is done about announcements.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewsSettings {
    /// `NEWS_BLOCK_BEFORE_MINUTES`: so long before an announcement it has its effect.
    pub before_minutes: u32,
    /// `NEWS_BLOCK_AFTER_MINUTES`: and so long after it.
    pub after_minutes: u32,
    /// `NEWS_MEDIUM_SIZE`: the part of the base that is traded around one of medium impact, rounded down, at least one
    /// contract; 1 leaves the size alone.
    pub medium_size: Unit,
    /// `NEWS_CURRENCIES`: whose announcements concern the instrument, as `BRL,USD`; empty for what it trades.
    pub currencies: String,
}

impl Default for NewsSettings {
    fn default() -> Self {
        Self {
            before_minutes: 15,
            after_minutes: 15,
            medium_size: Unit::new(0.5).unwrap_or(Unit::ONE),
            currencies: String::new(),
        }
    }
}

/// A smaller size, and the announcement that it is for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct NewsSize {
    /// When the announcement is due.
    pub at: Timestamp,
    /// The part of the base that is traded.
    pub size: Unit,
}

/// The announcements that concern one instrument, and what is done about them. A look-up is a binary search.
#[derive(Clone, PartialEq, Debug)]
pub struct NewsFilter {
    high: Arc<[(Timestamp, Currency)]>,
    medium: Arc<[Timestamp]>,
    before: i64,
    after: i64,
    size: Unit,
}

impl NewsFilter {
    /// Of a calendar, for an instrument: of `BRL` and `USD` for what trades at B3, of both halves of a currency pair,
    /// else of the instrument's currency.
    pub fn new(calendar: &NewsCalendar, settings: &NewsSettings, of: &Instrument) -> Result<Self, SettingError> {
        for (key, minutes) in [
            ("NEWS_BLOCK_BEFORE_MINUTES", settings.before_minutes),
            ("NEWS_BLOCK_AFTER_MINUTES", settings.after_minutes),
        ] {
            if minutes > 1_440 {
                return Err(SettingError::new(key, minutes, "minutes, 0 to 1440"));
            }
        }
        if settings.medium_size.get() <= 0.0 {
            let allowed = "above 0, at most 1; NEWS_MEDIUM_SIZE=1 leaves the size alone";
            return Err(SettingError::new("NEWS_MEDIUM_SIZE", settings.medium_size.get(), allowed));
        }
        let concerns = currencies(&settings.currencies, of)?;
        let of_impact = |impact| {
            let concerns = &concerns;
            calendar.events.iter().filter(move |event| event.impact == impact && concerns.contains(&event.currency))
        };
        Ok(Self {
            high: of_impact(Impact::High).map(|event| (event.at, event.currency)).collect(),
            medium: of_impact(Impact::Medium).map(|event| event.at).collect(),
            before: i64::from(settings.before_minutes) * 60,
            after: i64::from(settings.after_minutes) * 60,
            size: settings.medium_size,
        })
    }

    /// The announcement of high impact that stops entries at an instant: from so many minutes before it (included)
    /// until so many after it (excluded). With 0 and 0 none does.
    pub fn high(&self, at: Timestamp) -> Option<(Timestamp, Currency)> {
        let first = self.high.partition_point(|(event, _)| event.plus_secs(self.after) <= at);
        self.high.get(first).filter(|(event, _)| event.plus_secs(-self.before) <= at).copied()
    }

    /// The size around an announcement of medium impact.
    pub fn medium(&self, at: Timestamp) -> Option<NewsSize> {
        let first = self.medium.partition_point(|event| event.plus_secs(self.after) <= at);
        let event = self.medium.get(first).filter(|event| event.plus_secs(-self.before) <= at)?;
        (self.size < Unit::ONE).then_some(NewsSize { at: *event, size: self.size })
    }
}

fn currencies(said: &str, of: &Instrument) -> Result<Vec<Currency>, SettingError> {
    let read = |codes: &[&str]| codes.iter().filter_map(|code| code.parse().ok()).collect();
    if !said.trim().is_empty() {
        let list: Result<Vec<Currency>, String> = said.split(',').map(str::parse).collect();
        return list.map_err(|_| {
            SettingError::new("NEWS_CURRENCIES", said, "expected currencies such as BRL,USD, or default")
        });
    }
    if of.is_b3() {
        return Ok(read(&["BRL", "USD"]));
    }
    let name = of.name.to_ascii_uppercase();
    let pair: Vec<&str> = name.get(..3).into_iter().chain(name.get(3..6)).collect();
    let pair: Vec<Currency> = read(&pair);
    Ok(if pair.len() == 2 { pair } else { read(&[&of.currency]) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# from a site
# clock: America/Sao_Paulo
time,currency,impact,title

2021-03-17 18:30,BRL,high,Selic rate
2021-03-17 15:00:00,usd,High,\"FOMC, statement\"
2021-03-16T09:30:00-03:00,USD,medium,Retail sales
# clock: UTC
2021-03-18 12:00,EUR,high,ECB
2021-03-18 10:00,BRL,low,Fiscal revenue
";

    fn at(utc: &str) -> Timestamp {
        Timestamp::from_secs(DateTime::parse_from_rfc3339(utc).unwrap().timestamp())
    }

    fn filter(symbol: &str, settings: &NewsSettings) -> NewsFilter {
        let calendar = NewsCalendar::parse(TEXT).unwrap();
        NewsFilter::new(&calendar, settings, &Instrument::preset(symbol).unwrap()).unwrap()
    }

    #[test]
    fn reads_the_file() {
        let calendar = NewsCalendar::parse(TEXT).unwrap();
        let lines: Vec<String> =
            calendar.events().iter().map(|e| format!("{} {} {:?} {}", e.at, e.currency, e.impact, e.title)).collect();
        assert_eq!(
            lines,
            [
                "2021-03-16T12:30:00Z USD Medium Retail sales",
                "2021-03-17T18:00:00Z USD High FOMC, statement",
                "2021-03-17T21:30:00Z BRL High Selic rate",
                "2021-03-18T10:00:00Z BRL Low Fiscal revenue",
                "2021-03-18T12:00:00Z EUR High ECB",
            ]
        );
    }

    #[test]
    fn errors_name_their_line() {
        let check = |text: &str, line, part: &str| {
            let error = NewsCalendar::parse(text).unwrap_err();
            assert_eq!(error.line, line, "{text:?}: {error}");
            assert!(error.what.contains(part), "{text:?}: {error}");
        };
        let with = |line: &str| format!("{HEADER}\n2021-03-17 18:30,BRL,high,x\n{line}\n");
        check("", 1, "empty");
        check("# only a comment\n", 1, "empty");
        check("date,currency,impact,title\n", 1, "expected the header");
        check(&with("2021-03-17 18h30,BRL,high,x"), 3, "no time");
        check(&with("2021-02-29 18:30,BRL,high,x"), 3, "no time");
        check(&with("2021-03-17 18:30,REAL,high,x"), 3, "no currency");
        check(&with("2021-03-17 18:30,BRL,3 stars,x"), 3, "no impact");
        check(&with("2021-03-17 18:30"), 3, "expected time,currency");
        check(&with("# clock: Mars/Olympus"), 3, "Mars/Olympus");
    }

    #[test]
    fn high_impact_stops_entries_around_it() {
        let settings = NewsSettings { before_minutes: 10, after_minutes: 5, ..NewsSettings::default() };
        let win = filter("WIN", &settings);
        for (utc, stops) in [
            ("2021-03-17T17:49:59Z", false),
            ("2021-03-17T17:50:00Z", true),
            ("2021-03-17T18:00:00Z", true),
            ("2021-03-17T18:04:59Z", true),
            ("2021-03-17T18:05:00Z", false),
            ("2021-03-17T21:20:00Z", true),
            // Of low impact, and of a currency that is none of WIN's.
            ("2021-03-18T10:00:00Z", false),
            ("2021-03-18T12:00:00Z", false),
        ] {
            assert_eq!(win.high(at(utc)).is_some(), stops, "{utc}");
        }
        assert_eq!(win.high(at("2021-03-17T18:04:59Z")).unwrap().1.to_string(), "USD");
        let eurusd = filter("EURUSD", &settings);
        assert!(eurusd.high(at("2021-03-18T12:00:00Z")).is_some());
        assert!(eurusd.high(at("2021-03-17T21:30:00Z")).is_none());
        let own = NewsSettings { currencies: "EUR".to_owned(), ..settings };
        assert!(filter("WIN", &own).high(at("2021-03-18T12:00:00Z")).is_some());
        assert!(filter("WIN", &own).high(at("2021-03-17T18:00:00Z")).is_none());
        let never = NewsSettings { before_minutes: 0, after_minutes: 0, ..NewsSettings::default() };
        assert!(filter("WIN", &never).high(at("2021-03-17T18:00:00Z")).is_none());
    }

    #[test]
    fn medium_impact_makes_trades_smaller() {
        let win = filter("WIN", &NewsSettings::default());
        for (utc, smaller) in [
            ("2021-03-16T12:14:59Z", false),
            ("2021-03-16T12:15:00Z", true),
            ("2021-03-16T12:44:59Z", true),
            ("2021-03-16T12:45:00Z", false),
            ("2021-03-17T18:00:00Z", false),
        ] {
            assert_eq!(win.medium(at(utc)).map(|size| size.size.get()), smaller.then_some(0.5), "{utc}");
        }
        let whole = NewsSettings { medium_size: Unit::ONE, ..NewsSettings::default() };
        assert_eq!(filter("WIN", &whole).medium(at("2021-03-16T12:30:00Z")), None);
    }

    #[test]
    fn refuses_what_cannot_be() {
        let win = Instrument::preset("WIN").unwrap();
        let default = NewsSettings::default;
        for (settings, key) in [
            (NewsSettings { before_minutes: 1_441, ..default() }, "NEWS_BLOCK_BEFORE_MINUTES"),
            (NewsSettings { after_minutes: 1_441, ..default() }, "NEWS_BLOCK_AFTER_MINUTES"),
            (NewsSettings { medium_size: Unit::ZERO, ..default() }, "NEWS_MEDIUM_SIZE"),
            (NewsSettings { currencies: "BRL;USD".to_owned(), ..default() }, "NEWS_CURRENCIES"),
        ] {
            assert_eq!(NewsFilter::new(&NewsCalendar::default(), &settings, &win).unwrap_err().key, key);
        }
    }
}
