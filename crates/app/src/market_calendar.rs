//! What the calendar says of an instrument's days: hours, auctions, entries, holidays, contracts, announcements.

use alavanca_calendar::{
    Contract, Impact, MarketClock, NewsEvent, Root, SessionCalendar, TradingZone, Zone, local_to_utc, utc_to_local,
};
use alavanca_kernel::{Instrument, SettingError, Timestamp, TradingDay};
use chrono::{Datelike, Days, NaiveDate, NaiveTime};
use serde::Serialize;

use crate::settings::Settings;

/// An instrument's calendar from a day on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct MarketCalendar {
    /// The instrument.
    pub symbol: String,
    /// Its session.
    pub session: String,
    /// The clock of the session's hours.
    pub market_zone: String,
    /// The clock of entries and of the time to be flat.
    pub trading_zone: String,
    /// The days asked for.
    pub days: Vec<CalendarDay>,
    /// The contract of the first of them, where the symbol is one of B3's index or dollar futures.
    pub contract: Option<CalendarContract>,
    /// Special dates after the last of them.
    pub ahead: Vec<SpecialDate>,
    /// Announcements of the days asked for, of all currencies.
    pub news: Vec<Announcement>,
}

/// One day. Times are `HH:MM`; those of the evening before read `eve HH:MM`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CalendarDay {
    /// The date.
    pub day: NaiveDate,
    /// `Mon` to `Sun`.
    pub weekday: String,
    /// The holiday's name, or why the hours are others.
    pub special: Option<String>,
    /// The market's hours; none where it does not trade.
    pub hours: Option<CalendarHours>,
    /// When trades may begin.
    pub entries: Option<(String, String)>,
    /// When all must be closed; none where positions stay.
    pub flat_at: Option<String>,
    /// The dated contract that is traded.
    pub contract: Option<String>,
}

/// The hours of a day, on the market's own clock.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CalendarHours {
    /// When the opening auction begins, where there is one.
    pub auction: Option<String>,
    /// When continuous trading begins.
    pub opens: String,
    /// When it ends.
    pub closes: String,
    /// When the closing auction ends, where there is one.
    pub ends: Option<String>,
}

/// The dated contract of a day.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CalendarContract {
    /// Its code.
    pub code: String,
    /// When it expires.
    pub expiry: String,
    /// The last day on which it is traded.
    pub last_trading_day: String,
    /// The first day on which the next is the current one.
    pub roll_day: String,
    /// The next.
    pub next: String,
    /// How many business days before the expiry the roll is.
    pub days_before_expiry: u32,
}

/// A holiday or half day.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SpecialDate {
    /// The date.
    pub day: NaiveDate,
    /// `Mon` to `Sun`.
    pub weekday: String,
    /// What it is.
    pub name: String,
    /// `closed`, or its hours.
    pub hours: String,
}

/// An announcement, in the trading zone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Announcement {
    /// When, `YYYY-MM-DD HH:MM`.
    pub at: String,
    /// Whose.
    pub currency: String,
    /// How much it may move.
    pub impact: Impact,
    /// What.
    pub title: String,
}

/// How many special dates are told ahead.
const AHEAD: usize = 6;

/// The calendar of an instrument for so many days from one on.
///
/// # Errors
/// Settings that the instrument's session cannot have.
pub fn market_calendar(
    settings: &Settings,
    instrument: &Instrument,
    from: NaiveDate,
    days: u32,
) -> Result<MarketCalendar, SettingError> {
    let rule = settings.session_rule(instrument)?;
    let zone = TradingZone::new(&settings.zone)?;
    let session = rule.session().clone();
    let calendar = session.calendar();
    let root = Root::of_symbol(&instrument.name);
    let dated: Option<Contract> = instrument.name.parse().ok();
    let roll_days = |root: Root| settings.roll_days_before_expiry.unwrap_or_else(|| root.usual_roll_days());
    let contract_of = |day: TradingDay| root.map(|root| Contract::current(root, day, calendar, roll_days(root)));
    let mut clock = MarketClock::new(zone, rule.clone());
    let dates: Vec<NaiveDate> = from.iter_days().take(days.max(1) as usize).collect();
    let rows = dates
        .iter()
        .map(|&date| {
            let day = TradingDay::from_days(date.to_epoch_days());
            // Noon lies within the trading day wherever it is cut.
            let window = clock.entry_window(noon(zone.zone(), date)).filter(|_| calendar.hours_on(day).is_some());
            let local = |at: Timestamp| shown_at(zone.zone(), at, date);
            CalendarDay {
                day: date,
                weekday: date.format("%a").to_string(),
                special: calendar.special(day).map(str::to_owned),
                hours: hours_of(calendar, day),
                entries: window.filter(|w| w.from < w.until).map(|window| (local(window.from), local(window.until))),
                flat_at: window.and_then(|window| window.flat_at).map(local),
                contract: contract_of(day).map(|contract| contract.to_string()),
            }
        })
        .collect();
    let first = TradingDay::from_days(from.to_epoch_days());
    let contract = dated.or_else(|| contract_of(first)).map(|contract| {
        let before = roll_days(contract.root());
        CalendarContract {
            code: contract.to_string(),
            expiry: contract.expiry(calendar).to_string(),
            last_trading_day: contract.last_trading_day(calendar).to_string(),
            roll_day: contract.roll_day(calendar, before).to_string(),
            next: contract.next().to_string(),
            days_before_expiry: before,
        }
    });
    let last = dates.last().copied().unwrap_or(from);
    let after = TradingDay::from_days(last.to_epoch_days() + 1);
    let ahead = calendar
        .specials_from(after)
        .take(AHEAD)
        .filter_map(|(day, name)| {
            let date = day.to_date()?;
            let hours = hours_of(calendar, day);
            let hours = hours.map_or_else(|| "closed".to_owned(), |h| format!("{} to {}", h.opens, h.closes));
            Some(SpecialDate { day: date, weekday: date.format("%a").to_string(), name: name.to_owned(), hours })
        })
        .collect();
    let (begins, ends) =
        (midnight(zone.zone(), from), midnight(zone.zone(), last.checked_add_days(Days::new(1)).unwrap_or(last)));
    let events = settings.news_calendar.as_ref().map_or(&[][..], |file| file.content().events());
    let news = events.iter().filter(|event| begins <= event.at && event.at < ends);
    Ok(MarketCalendar {
        symbol: instrument.name.clone(),
        session: session.name().to_owned(),
        market_zone: calendar.zone().name().to_owned(),
        trading_zone: zone.zone().name().to_owned(),
        days: rows,
        contract,
        ahead,
        news: news.map(|event| announcement(zone.zone(), event)).collect(),
    })
}

/// The trading day of an instant in the settings' zone, as a date: what "today" is.
///
/// # Errors
/// A trading zone that cannot be.
pub fn day_of(settings: &Settings, at: Timestamp) -> Result<NaiveDate, SettingError> {
    let zone = TradingZone::new(&settings.zone)?;
    let day = alavanca_calendar::TradingClock::new(zone).locate(at).day;
    Ok(day.to_date().unwrap_or_default())
}

fn announcement(zone: Zone, event: &NewsEvent) -> Announcement {
    Announcement {
        at: utc_to_local(zone, event.at).format("%Y-%m-%d %H:%M").to_string(),
        currency: event.currency.to_string(),
        impact: event.impact,
        title: event.title.clone(),
    }
}

fn hours_of(calendar: &SessionCalendar, day: TradingDay) -> Option<CalendarHours> {
    let hours = calendar.hours_on(day)?;
    Some(CalendarHours {
        auction: (hours.auction < hours.opens).then(|| shown(hours.auction)),
        opens: shown(hours.opens),
        closes: shown(hours.closes),
        ends: (hours.ends > hours.closes).then(|| shown(hours.ends)),
    })
}

/// `HH:MM` of seconds since midnight.
fn shown(second: i32) -> String {
    let (day, second) = (second.div_euclid(86_400), second.rem_euclid(86_400));
    let clock = format!("{:02}:{:02}", second / 3_600, second % 3_600 / 60);
    match day {
        0 => clock,
        // Midnight at the day's end.
        1 if second == 0 => "24:00".to_owned(),
        ..=-1 => format!("eve {clock}"),
        _ => format!("next {clock}"),
    }
}

fn shown_at(zone: Zone, at: Timestamp, date: NaiveDate) -> String {
    let local = utc_to_local(zone, at);
    let days = local.date().num_days_from_ce() - date.num_days_from_ce();
    let second = chrono::Timelike::num_seconds_from_midnight(&local.time()) as i32;
    shown(days * 86_400 + second)
}

fn noon(zone: Zone, date: NaiveDate) -> Timestamp {
    midnight(zone, date).plus_secs(43_200)
}

fn midnight(zone: Zone, date: NaiveDate) -> Timestamp {
    local_to_utc(zone, date.and_time(NaiveTime::MIN)).at
}
