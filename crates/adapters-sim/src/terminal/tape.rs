//! The market that passes: ticks of the simulated days, and bars of the days before.

use alavanca_kernel::{Price, SettingError, Tick, Timestamp, TradingDay};

use crate::random::SplitMix;
use crate::{SyntheticMarket, SyntheticSettings};

use super::clock::{ServerClock, Sessions, parse_day};
use super::settings::TerminalSettings;
use super::symbol::Feed;

/// One tick on the server's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Print {
    pub(crate) server_ms: i64,
    pub(crate) bid: Price,
    pub(crate) ask: Price,
    pub(crate) last: Price,
    pub(crate) volume: u64,
}

impl Print {
    pub(crate) const fn is_tradable(&self) -> bool {
        self.bid.is_positive() && self.ask.raw() >= self.bid.raw()
    }

    const fn mark(&self) -> Price {
        if self.last.is_positive() { self.last } else { self.bid }
    }
}

/// A bar on the server's clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Row {
    /// Server seconds.
    pub(crate) time: i64,
    pub(crate) open: Price,
    pub(crate) high: Price,
    pub(crate) low: Price,
    pub(crate) close: Price,
    pub(crate) ticks: u64,
    pub(crate) volume: u64,
    pub(crate) spread: Price,
}

/// What one feed shows.
#[derive(Clone, Debug)]
struct Reel {
    ticks: Vec<Print>,
    /// Of these the market has seen so many.
    seen: usize,
    /// Minutes before the first tick, then those that the ticks made; the last one may grow.
    minutes: Vec<Row>,
}

/// All feeds, in the order of time.
#[derive(Clone, Debug)]
pub(crate) struct Tape {
    reels: Vec<Reel>,
    /// Places of ticks by time: feed and number.
    order: Vec<(u32, u32)>,
    next: usize,
}

impl Tape {
    pub(crate) fn new(
        settings: &TerminalSettings,
        feeds: &[Feed],
        ticking: &[bool],
        clock: &mut ServerClock,
    ) -> Result<Self, SettingError> {
        let mut reels = Vec::new();
        for (number, feed) in feeds.iter().enumerate() {
            let mut reel = synthetic(settings, number, feed, ticking[number], clock)?;
            if let Some(text) = settings.ticks.as_deref().filter(|_| number == 0) {
                reel.ticks = from_rows(text)?;
            }
            reels.push(reel);
        }
        let mut order: Vec<(u32, u32)> = reels
            .iter()
            .enumerate()
            .flat_map(|(feed, reel)| (0..reel.ticks.len()).map(move |number| (feed as u32, number as u32)))
            .collect();
        order.sort_by_key(|&(feed, number)| (reels[feed as usize].ticks[number as usize].server_ms, feed));
        Ok(Self { reels, order, next: 0 })
    }

    /// When the next tick comes.
    pub(crate) fn next_ms(&self) -> Option<i64> {
        let &(feed, number) = self.order.get(self.next)?;
        Some(self.reels[feed as usize].ticks[number as usize].server_ms)
    }

    /// When the last tick comes.
    pub(crate) fn last_ms(&self) -> Option<i64> {
        let &(feed, number) = self.order.last()?;
        Some(self.reels[feed as usize].ticks[number as usize].server_ms)
    }

    /// The next tick and whose it is.
    pub(crate) fn pull(&mut self) -> Option<(usize, Print)> {
        let &(feed, number) = self.order.get(self.next)?;
        self.next += 1;
        let reel = &mut self.reels[feed as usize];
        let print = reel.ticks[number as usize];
        reel.seen = number as usize + 1;
        let (time, mark) = (print.server_ms.div_euclid(60_000) * 60, print.mark());
        let spread = if print.is_tradable() { print.ask - print.bid } else { Price::ZERO };
        match reel.minutes.last_mut() {
            Some(row) if row.time == time => {
                row.high = row.high.max(mark);
                row.low = row.low.min(mark);
                row.close = mark;
                row.ticks += 1;
                row.volume += print.volume;
                row.spread = row.spread.min(spread);
            }
            _ => reel.minutes.push(Row {
                time,
                open: mark,
                high: mark,
                low: mark,
                close: mark,
                ticks: 1,
                volume: print.volume,
                spread,
            }),
        }
        Some((feed as usize, print))
    }

    /// The ticks of a feed up to now, but none after `until_ms`.
    pub(crate) fn ticks(&self, feed: usize, until_ms: i64) -> &[Print] {
        let reel = &self.reels[feed];
        let seen = &reel.ticks[..reel.seen];
        &seen[..seen.partition_point(|print| print.server_ms <= until_ms)]
    }

    /// The last tick of a feed; before the first one, the close of the day before.
    pub(crate) fn last(&self, feed: usize, until_ms: i64, tick: Price) -> Option<Print> {
        if let Some(print) = self.ticks(feed, until_ms).last() {
            return Some(*print);
        }
        let row = self.reels[feed].minutes.last()?;
        let spread = row.spread.max(tick);
        Some(Print {
            server_ms: (row.time + 59) * 1_000,
            bid: row.close,
            ask: row.close + spread,
            last: row.close,
            volume: 0,
        })
    }

    /// Bars of a timeframe, oldest first, of which the last may still grow.
    pub(crate) fn bars(&self, feed: usize, frame: Timeframe, until_ms: i64) -> Vec<Row> {
        let minutes = &self.reels[feed].minutes;
        let minutes = &minutes[..minutes.partition_point(|row| row.time * 1_000 <= until_ms)];
        if frame == Timeframe::Minutes(1) {
            return minutes.to_vec();
        }
        let mut bars: Vec<Row> = Vec::new();
        for row in minutes {
            let time = frame.begin(row.time);
            match bars.last_mut() {
                Some(bar) if bar.time == time => {
                    bar.high = bar.high.max(row.high);
                    bar.low = bar.low.min(row.low);
                    bar.close = row.close;
                    bar.ticks += row.ticks;
                    bar.volume += row.volume;
                    bar.spread = bar.spread.min(row.spread);
                }
                _ => bars.push(Row { time, ..*row }),
            }
        }
        bars
    }
}

/// `ENUM_TIMEFRAMES`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Timeframe {
    Minutes(i64),
    Week,
    Month,
}

impl Timeframe {
    pub(crate) fn from_number(number: i64) -> Option<Self> {
        match number {
            1..=6 | 10 | 12 | 15 | 20 | 30 => Some(Self::Minutes(number)),
            16_385..=16_388 | 16_390 | 16_392 | 16_396 | 16_408 => Some(Self::Minutes((number - 16_384) * 60)),
            32_769 => Some(Self::Week),
            49_153 => Some(Self::Month),
            _ => None,
        }
    }

    /// The begin of the bar that a server second belongs to.
    fn begin(self, time: i64) -> i64 {
        let day = time.div_euclid(86_400);
        match self {
            Self::Minutes(minutes) => time.div_euclid(minutes * 60) * minutes * 60,
            Self::Week => (day - (day + 4).rem_euclid(7)) * 86_400,
            Self::Month => {
                let text = TradingDay::from_days(day as i32).to_string();
                let first = text.get(..7).and_then(|month| parse_day(&format!("{month}-01")));
                first.map_or(day, |first| i64::from(first.days())) * 86_400
            }
        }
    }
}

/// Synthetic days: history as minutes, then the days' ticks within window and session.
fn synthetic(
    settings: &TerminalSettings,
    number: usize,
    feed: &Feed,
    ticks: bool,
    clock: &mut ServerClock,
) -> Result<Reel, SettingError> {
    let calendars = alavanca_calendar::SessionCalendars::built_in();
    let (Some(dated), Some(weekly)) = (calendars.get(feed.session), calendars.without_specials(feed.session)) else {
        return Err(SettingError::new("simterm", feed.session, "a calendar that there is"));
    };
    let mut sessions = Sessions::new(dated.clone(), weekly);
    let trades = |day: i32| dated.hours_on(TradingDay::from_days(day)).is_some();
    let first = settings.day.days();
    if !trades(first) {
        return Err(SettingError::new("--day", settings.day, "a day on which the market trades"));
    }
    if settings.days == 0 || settings.from >= settings.to {
        return Err(SettingError::new("simterm", "--days, --from, --to", "at least a day with some time in it"));
    }
    // The synthetic market knows weekends, but no holidays: its days are dealt out to those with trading.
    let mut dates: Vec<i32> = (1..)
        .map(|back| first - back)
        .take(3_000)
        .filter(|day| trades(*day))
        .take(settings.history_days as usize)
        .collect();
    dates.reverse();
    let history = dates.len();
    dates.extend((first..first + 3_000).filter(|day| trades(*day)).take(settings.days as usize));

    let market = SyntheticMarket::new(
        SyntheticSettings {
            seed: SplitMix::stream(settings.seed, number as u64).next(),
            days: dates.len() as u32,
            bar_seconds: 60,
            start: TradingDay::from_days(dates[0].max(4)),
            price: feed.price,
            volatility: feed.volatility,
        },
        &feed.instrument,
    )?;
    let shift = |place: usize, made: i64, clock: &mut ServerClock| {
        // Its days open at 12:00 in UTC.
        let opens = made.div_euclid(86_400) * 86_400 + 43_200;
        let begin = if feed.session == "FOREX" { settings.from } else { 9 * 3_600 };
        clock.instant(TradingDay::from_days(dates[place]), begin).secs() - opens
    };
    let mut minutes = Vec::new();
    let mut place = 0;
    let mut day = None;
    let mut moved = 0;
    let mut market = market;
    while place <= history {
        let before = market.clone();
        let Some(bar) = market.next() else { break };
        let made = bar.time.secs();
        if day.is_none_or(|day| day != made.div_euclid(86_400)) {
            place += usize::from(day.is_some());
            day = Some(made.div_euclid(86_400));
            if place >= history {
                market = before;
                break;
            }
            moved = shift(place, made, clock);
        }
        let server_ms = clock.server_ms(bar.time.plus_secs(moved));
        if sessions.open_at(server_ms, clock) {
            minutes.push(Row {
                time: server_ms / 1_000,
                open: bar.open,
                high: bar.high,
                low: bar.low,
                close: bar.close,
                ticks: u64::from(bar.tick_volume),
                volume: bar.volume,
                spread: bar.spread,
            });
        }
    }
    let mut reel = Reel { ticks: Vec::new(), seen: 0, minutes };
    if !ticks {
        return Ok(reel);
    }
    let (mut place, mut day) = (history, None);
    let (from, to) = (i64::from(settings.from), i64::from(settings.to));
    for Tick { time, bid, ask, last, volume } in market.ticks() {
        let made = time.secs();
        if day.is_none_or(|day| day != made.div_euclid(86_400)) {
            place += usize::from(day.is_some());
            day = Some(made.div_euclid(86_400));
            moved = shift(place, made, clock);
        }
        let server_ms = clock.server_ms(Timestamp::from_micros(time.micros()).plus_secs(moved));
        let second = server_ms.div_euclid(1_000).rem_euclid(86_400);
        if (from..to).contains(&second) && sessions.open_at(server_ms, clock) {
            let last = if feed.session == "FOREX" { Price::ZERO } else { last };
            let volume = if feed.session == "FOREX" { 0 } else { volume };
            reel.ticks.push(Print { server_ms, bid, ask, last, volume });
        }
    }
    Ok(reel)
}

/// Rows of a MetaTrader export: `DATE TIME BID ASK LAST VOLUME`, parted by tabs, commas or semicolons; an empty cell
/// carries the last value on.
fn from_rows(text: &str) -> Result<Vec<Print>, SettingError> {
    let mut ticks: Vec<Print> = Vec::new();
    let mut now = Print { server_ms: 0, bid: Price::ZERO, ask: Price::ZERO, last: Price::ZERO, volume: 0 };
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('<') || line.starts_with('#') {
            continue;
        }
        let refuse = || {
            let at = format!("line {} of the ticks: {line}", number + 1);
            SettingError::new("--ticks", at, "DATE TIME BID ASK LAST VOLUME, oldest first")
        };
        let cells: Vec<&str> = line.split(['\t', ',', ';']).map(str::trim).collect();
        let day = parse_day(cells.first().copied().unwrap_or_default()).ok_or_else(refuse)?;
        let (clock, fraction) = cells.get(1).map_or(("", ""), |time| time.split_once('.').unwrap_or((time, "")));
        let second = super::clock::parse_second(clock).ok_or_else(refuse)?;
        let ms = if fraction.is_empty() { 0 } else { format!("{fraction:0<3}")[..3].parse().map_err(|_| refuse())? };
        let server_ms = (i64::from(day.days()) * 86_400 + i64::from(second)) * 1_000 + ms;
        if server_ms < now.server_ms {
            return Err(refuse());
        }
        now.server_ms = server_ms;
        for (cell, slot) in cells.iter().skip(2).zip([&mut now.bid, &mut now.ask, &mut now.last]) {
            if !cell.is_empty() {
                *slot = cell.parse().map_err(|_| refuse())?;
            }
        }
        let volume = cells.get(5).filter(|cell| !cell.is_empty());
        now.volume = volume.map_or(Ok(0), |cell| cell.parse().map_err(|_| refuse()))?;
        ticks.push(now);
    }
    Ok(ticks)
}
