//! A market's days: one in full, several as a table.

use std::fmt::Write as _;

use super::{table, titled};
use crate::market_calendar::{CalendarDay, MarketCalendar};

/// One day is told line by line, several are a table.
pub fn market_calendar(calendar: &MarketCalendar, colour: bool) -> String {
    let mut text = match calendar.days.as_slice() {
        [day] => one_day(calendar, day),
        days => {
            let title = format!("{}, session {}, hours of {}", calendar.symbol, calendar.session, calendar.market_zone);
            titled(title.as_str(), &mut days_table(days), colour)
        }
    };
    if let Some(contract) = &calendar.contract {
        let before = match contract.days_before_expiry {
            0 => "its expiry".to_owned(),
            1 => "1 business day before its expiry".to_owned(),
            days => format!("{days} business days before its expiry"),
        };
        let _ = writeln!(
            text,
            "\nContract {}: last traded {}, expires {}\nFrom {} on, {before}, {} is current",
            contract.code, contract.last_trading_day, contract.expiry, contract.roll_day, contract.next
        );
    }
    if !calendar.news.is_empty() {
        let mut news = table(&["announcement", "currency", "impact", "title"]);
        for event in &calendar.news {
            let impact = format!("{:?}", event.impact).to_lowercase();
            news.add_row([&event.at, &event.currency, &impact, &event.title]);
        }
        text.push_str(&titled(&format!("Announcements, {}", calendar.trading_zone), &mut news, colour));
    }
    if !calendar.ahead.is_empty() {
        let mut ahead = table(&["ahead", "", "hours", ""]);
        for date in &calendar.ahead {
            ahead.add_row([&date.day.to_string(), &date.weekday, &date.hours, &date.name]);
        }
        text.push_str(&titled("", &mut ahead, colour));
    }
    text
}

fn one_day(calendar: &MarketCalendar, day: &CalendarDay) -> String {
    let mut text = format!("{}, {} {}", calendar.symbol, day.weekday, day.day);
    if let Some(special) = &day.special {
        let _ = write!(text, ": {special}");
    }
    text.push('\n');
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<9} {value}");
    };
    line("session", format!("{}, on the clock of {}", calendar.session, calendar.market_zone));
    let Some(hours) = &day.hours else {
        line("hours", "closed".to_owned());
        return text;
    };
    if let Some(auction) = &hours.auction {
        line("auction", format!("{auction} to {}, no entries", hours.opens));
    }
    line("hours", format!("{} to {}", hours.opens, hours.closes));
    if let Some(ends) = &hours.ends {
        line("auction", format!("{} to {ends}, no entries", hours.closes));
    }
    let entries = day.entries.as_ref();
    let zone = &calendar.trading_zone;
    line("entries", entries.map_or_else(|| "none".to_owned(), |(from, until)| format!("{from} to {until}, {zone}")));
    line("flat at", day.flat_at.clone().unwrap_or_else(|| "no time: positions stay overnight".to_owned()));
    text
}

fn days_table(days: &[CalendarDay]) -> comfy_table::Table {
    let with_contract = days.iter().any(|day| day.contract.is_some());
    let mut header = vec!["day", "", "hours", "entries", "flat at"];
    header.extend(with_contract.then_some("contract"));
    header.push("");
    let mut table = table(&header);
    for day in days {
        let span = |from: &str, until: &str| format!("{from}-{until}");
        let hours = day.hours.as_ref().map_or_else(|| "closed".to_owned(), |h| span(&h.opens, &h.closes));
        let entries = day.entries.as_ref().map_or_else(String::new, |(from, until)| span(from, until));
        let mut row = vec![day.day.to_string(), day.weekday.clone(), hours, entries];
        row.push(day.flat_at.clone().unwrap_or_default());
        row.extend(with_contract.then(|| day.contract.clone().unwrap_or_default()));
        row.push(day.special.clone().unwrap_or_default());
        table.add_row(row);
    }
    table
}
