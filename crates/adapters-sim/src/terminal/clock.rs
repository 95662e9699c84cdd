//! The trade server's wall clock and a symbol's sessions on it.

use std::fmt;
use std::sync::Arc;

use alavanca_calendar::{LocalConverter, SessionCalendar, Zone};
use alavanca_kernel::{Timestamp, TradingDay};

const DAY: i64 = 86_400;

/// A server's clock: what its wall shows, written as milliseconds since 1970.
#[derive(Clone, Debug)]
pub(crate) struct ServerClock {
    zone: Zone,
    back: LocalConverter,
    /// By how much it goes wrong.
    skew_ms: i64,
}

impl ServerClock {
    pub(crate) const fn new(zone: Zone, skew_ms: i64) -> Self {
        Self { zone, back: LocalConverter::new(zone), skew_ms }
    }

    pub(crate) fn server_ms(&self, at: Timestamp) -> i64 {
        self.zone.wall_clock_micros(at).div_euclid(1_000) + self.skew_ms
    }

    pub(crate) fn utc_ms(&mut self, server_ms: i64) -> i64 {
        let right = server_ms - self.skew_ms;
        let at = self.back.to_utc(right.div_euclid(1_000));
        at.micros() / 1_000 + right.rem_euclid(1_000)
    }

    /// The instant of a second of a server date.
    pub(crate) fn instant(&mut self, day: TradingDay, second: u32) -> Timestamp {
        self.back.to_utc(i64::from(day.days()) * DAY + i64::from(second))
    }
}

/// When a symbol trades.
#[derive(Clone, Debug)]
pub(crate) struct Sessions {
    /// With holidays: whether the market is open.
    dated: Arc<SessionCalendar>,
    /// Without: what the terminal's weekly table says.
    weekly: Arc<SessionCalendar>,
    /// The last server date that was asked for, with its sessions.
    kept: Option<(i64, Vec<(u32, u32)>)>,
}

impl Sessions {
    pub(crate) fn new(dated: Arc<SessionCalendar>, weekly: Arc<SessionCalendar>) -> Self {
        Self { dated, weekly, kept: None }
    }

    pub(crate) fn calendar(&self) -> &SessionCalendar {
        &self.dated
    }

    /// Whether it trades at a server time.
    pub(crate) fn open_at(&mut self, server_ms: i64, clock: &ServerClock) -> bool {
        let (date, second) = (server_ms.div_euclid(DAY * 1_000), server_ms.rem_euclid(DAY * 1_000) / 1_000);
        if self.kept.as_ref().is_none_or(|(kept, _)| *kept != date) {
            self.kept = Some((date, on_date(&self.dated, date, clock)));
        }
        let sessions = self.kept.as_ref().map_or(&[][..], |(_, sessions)| sessions);
        sessions.iter().any(|&(from, to)| (i64::from(from)..i64::from(to)).contains(&second))
    }

    /// The sessions of a weekday (0 is Sunday) in the week of a server date.
    pub(crate) fn of_weekday(&self, around: TradingDay, weekday: u32, clock: &ServerClock) -> Vec<(u32, u32)> {
        // 1970-01-01 was a Thursday.
        let today = (i64::from(around.days()) + 4).rem_euclid(7);
        on_date(&self.weekly, i64::from(around.days()) - today + i64::from(weekday % 7), clock)
    }
}

/// The parts of a server date on which a calendar trades, in seconds of that date.
fn on_date(calendar: &SessionCalendar, date: i64, clock: &ServerClock) -> Vec<(u32, u32)> {
    let mut local = LocalConverter::new(calendar.zone());
    let midnight = date * DAY;
    let mut sessions: Vec<(u32, u32)> = (date - 1..=date + 1)
        .filter_map(|day| {
            let hours = calendar.hours_on(TradingDay::from_days(day as i32))?;
            let mut server = |second: i32| {
                let at = local.to_utc(day * DAY + i64::from(second));
                clock.zone.wall_clock_micros(at).div_euclid(1_000_000) - midnight
            };
            let (from, to) = (server(hours.opens).clamp(0, DAY), server(hours.closes).clamp(0, DAY));
            (from < to).then_some((from as u32, to as u32))
        })
        .collect();
    sessions.sort_unstable();
    sessions
}

/// A server time as people read it: `2026-03-10 09:30:00.250`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown(pub(crate) i64);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (secs, ms) = (self.0.div_euclid(1_000), self.0.rem_euclid(1_000));
        let (day, second) = (secs.div_euclid(DAY), secs.rem_euclid(DAY));
        let (hours, minutes, seconds) = (second / 3_600, second / 60 % 60, second % 60);
        write!(f, "{} {hours:02}:{minutes:02}:{seconds:02}.{ms:03}", TradingDay::from_days(day as i32))
    }
}

/// A date as `2026-03-10`.
pub(crate) fn parse_day(text: &str) -> Option<TradingDay> {
    let mut parts = text.split(['-', '.']);
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let (year, month, day) = (year.parse::<i32>().ok()?, month.parse::<i32>().ok()?, day.parse::<i32>().ok()?);
    if parts.next().is_some() || !(1970..2100).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day)
    {
        return None;
    }
    // Years that begin in March put the leap day last.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719_468;
    let parsed = TradingDay::from_days(days);
    (parsed.to_string() == format!("{year:04}-{month:02}-{day:02}")).then_some(parsed)
}

/// `HH:MM` or `HH:MM:SS`, as seconds since midnight, up to 24:00.
pub(crate) fn parse_second(text: &str) -> Option<u32> {
    let mut parts = text.split(':').map(|part| part.parse::<u32>().ok());
    let (hours, minutes) = (parts.next()??, parts.next()??);
    let seconds = parts.next().unwrap_or(Some(0))?;
    let second = hours * 3_600 + minutes * 60 + seconds;
    (parts.next().is_none() && minutes < 60 && seconds < 60 && second <= DAY as u32).then_some(second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alavanca_calendar::SessionCalendars;

    #[test]
    fn reads_days_and_times() {
        for (text, days) in [("2026-03-10", Some(20_522)), ("2024-02-29", Some(19_782)), ("1970-01-01", Some(0))] {
            assert_eq!(parse_day(text).map(TradingDay::days), days, "{text}");
        }
        for text in ["2026-02-30", "2026-13-01", "2026-03", "x", "2026-03-10-1"] {
            assert_eq!(parse_day(text), None, "{text}");
        }
        assert_eq!(parse_second("09:30"), Some(34_200));
        assert_eq!(parse_second("09:30:05"), Some(34_205));
        assert_eq!(parse_second("09:60"), None);
        assert_eq!(Shown(1_773_135_000_250).to_string(), "2026-03-10 09:30:00.250");
    }

    #[test]
    fn sessions_are_on_the_servers_clock() {
        let built_in = SessionCalendars::built_in();
        let sessions =
            |name: &str| Sessions::new(built_in.get(name).unwrap(), built_in.without_specials(name).unwrap());
        let clock = |zone: &str| ServerClock::new(Zone::by_name("zone", zone).unwrap(), 0);
        let (b3, forex) = (clock("America/Sao_Paulo"), clock("EET"));
        let day = parse_day("2026-03-10").unwrap();
        assert_eq!(sessions("B3").of_weekday(day, 2, &b3), [(32_400, 64_500)]);
        assert_eq!(sessions("B3").of_weekday(day, 0, &b3), []);
        // New York keeps summer time from March 8 on, Europe from March 29 on: for three weeks the day is an hour off.
        let january = parse_day("2026-01-14").unwrap();
        assert_eq!(sessions("FOREX").of_weekday(january, 1, &forex), [(0, 86_400)]);
        assert_eq!(sessions("FOREX").of_weekday(january, 3, &forex), [(300, 86_400)]);
        let holiday = i64::from(parse_day("2026-04-21").unwrap().days()) * DAY * 1_000 + 12 * 3_600_000;
        assert!(!sessions("B3").open_at(holiday, &b3), "Tiradentes");
        assert!(sessions("B3").open_at(holiday + 86_400_000, &b3));
        assert!(!sessions("B3").open_at(holiday + 86_400_000 + 5 * 3_600_000 + 55 * 60_000, &b3), "17:55");
    }

    #[test]
    fn the_clock_goes_both_ways() {
        let mut clock = ServerClock::new(Zone::by_name("zone", "America/Sao_Paulo").unwrap(), 0);
        let utc = 1_773_145_800_250;
        let server = clock.server_ms(Timestamp::from_micros(utc * 1_000));
        assert_eq!((server, clock.utc_ms(server)), (utc - 3 * 3_600_000, utc));
    }
}
