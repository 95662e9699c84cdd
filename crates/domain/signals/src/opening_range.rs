use alavanca_calendar::{MarketClock, TradingClock, TradingZone, ZoneSettings};
use alavanca_kernel::{Bar, Price, SettingError, Side, Timestamp, Unit};
use serde::{Deserialize, Serialize};

use crate::day::{DayClock, InDay};
use crate::setting::{number, tick};
use crate::{Brain, Opinion, Trigger, exits};

/// Settings of [`OpeningRange`].
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OpeningRangeSettings {
    /// `OPENING_RANGE_MINUTES`: how long after the opening the range is taken.
    pub minutes: u32,
    /// `OPENING_RANGE_ENTRY_MINUTES`: how long after the opening a breakout still counts.
    pub entry_minutes: u32,
    /// `OPENING_RANGE_AT`: the opening as a local time and a zone, `08:00 Europe/London`; none for the session's own,
    /// which for a market without pause is London's.
    pub at: Option<String>,
    /// `OPENING_RANGE_STOP`: how far behind the broken edge the stop lies, in heights of the range; 1 is the other edge.
    pub stop: f64,
    /// `OPENING_RANGE_TARGET`: distance of the target in heights of the range.
    pub target: f64,
}

impl Default for OpeningRangeSettings {
    fn default() -> Self {
        Self { minutes: 15, entry_minutes: 180, at: None, stop: 1.0, target: 2.0 }
    }
}

/// Checked settings of [`OpeningRange`].
#[derive(Clone, PartialEq, Debug)]
pub struct OpeningRangeConfig {
    settings: OpeningRangeSettings,
    // Its days are cut at the opening.
    at: Option<TradingZone>,
    tick: Price,
}

/// The opening of markets that never close.
const LONDON: &str = "08:00 Europe/London";

impl OpeningRangeConfig {
    /// Checks the settings; stops and targets are rounded to `tick` (zero for none).
    pub fn new(settings: OpeningRangeSettings, tick_size: Price) -> Result<Self, SettingError> {
        let minutes = |key, value: u32, least: u32, most: u32| {
            let allowed = || SettingError::new(key, value, format!("a whole number of minutes from {least} to {most}"));
            if (least..=most).contains(&value) { Ok(()) } else { Err(allowed()) }
        };
        minutes("OPENING_RANGE_ENTRY_MINUTES", settings.entry_minutes, 2, 1_440)?;
        minutes("OPENING_RANGE_MINUTES", settings.minutes, 1, settings.entry_minutes - 1)?;
        number("OPENING_RANGE_STOP", settings.stop, 0.1, 10.0)?;
        number("OPENING_RANGE_TARGET", settings.target, 0.1, 100.0)?;
        let at = settings.at.as_deref().map(opening).transpose()?;
        Ok(Self { settings, at, tick: tick(tick_size)? })
    }
}

/// `08:00 Europe/London` as a zone whose days begin then.
fn opening(text: &str) -> Result<TradingZone, SettingError> {
    let refuse = |allowed: &str| SettingError::new("OPENING_RANGE_AT", text, allowed.to_owned());
    let expected = "a local time and a zone, such as 08:00 Europe/London, or default";
    let (time, zone) = text.trim().split_once(char::is_whitespace).ok_or_else(|| refuse(expected))?;
    let settings = ZoneSettings { timezone: zone.trim().to_owned(), day_cut: time.to_owned() };
    TradingZone::new(&settings).map_err(|error| refuse(&format!("{expected}; {}", error.allowed)))
}

/// Goes with what leaves the range of a session's first minutes.
///
/// A day opens with its first bar that begins at or after the session's opening, at most `minutes` late: auctions are
/// prolonged, and holidays have openings of their own. The range is the highest and the lowest price of the bars that
/// begin within `minutes` from there. It counts only where those bars cover four fifths of that time and it has a
/// height. So a day that is seen too late, or has a hole there, has no range; nor has the first day that is seen at
/// all, unless its first bar is the session's opening.
///
/// After it, a close above the range buys and one below it sells, once per side and day, in bars that end within
/// `entry_minutes` of the opening. With h the range's height and d the close's distance beyond it: strength
/// ½ + ½ · min(1, d / h), the stop `stop` · h behind the broken edge, the target `target` · h from the close. It leans
/// to the side on which the close lies outside, until the day ends.
#[derive(Clone, Debug)]
pub struct OpeningRange {
    name: String,
    config: OpeningRangeConfig,
    clock: Opening,
    day: Option<i32>,
    whole: bool,
    // Seconds from the session's opening to the day's first bar.
    late: Option<i64>,
    high: i64,
    low: i64,
    covered: i64,
    // Upwards, downwards.
    taken: [bool; 2],
}

/// By which clock a day opens.
#[derive(Clone, Debug)]
enum Opening {
    Session(Box<DayClock>),
    At(TradingClock, i64),
}

impl Opening {
    fn at(zone: TradingZone) -> Self {
        Self::At(TradingClock::new(zone), i64::from(zone.day_cut()))
    }

    #[inline]
    fn locate(&mut self, at: Timestamp) -> Option<InDay> {
        match self {
            Self::Session(clock) => clock.locate(at),
            Self::At(clock, opens) => {
                let moment = clock.locate(at);
                let since = i64::from(moment.second_of_day) - *opens;
                Some(InDay { day: moment.day.days(), since_open: if since < 0 { since + 86_400 } else { since } })
            }
        }
    }
}

impl OpeningRange {
    /// From checked settings, by the clock of its market.
    pub fn new(config: OpeningRangeConfig, clock: MarketClock) -> Self {
        let minutes = config.settings.minutes;
        let (name, clock) = match config.at {
            Some(zone) => (format!("opening_range_{minutes}_{}", label(&config)), Opening::at(zone)),
            None => (format!("opening_range_{minutes}"), usual(clock)),
        };
        Self {
            name,
            config,
            clock,
            day: None,
            whole: false,
            late: None,
            high: i64::MIN,
            low: i64::MAX,
            covered: 0,
            taken: [false; 2],
        }
    }

    fn begin(&mut self, day: Option<i32>) {
        (self.day, self.high, self.low, self.covered) = (day, i64::MIN, i64::MAX, 0);
        (self.late, self.taken) = (None, [false; 2]);
    }
}

/// The session's own opening, or London's where the session has none.
fn usual(clock: MarketClock) -> Opening {
    let pauses = !matches!(clock.session().session().name(), "FOREX" | "ALWAYS");
    match opening(LONDON) {
        Ok(london) if !pauses => Opening::at(london),
        _ => Opening::Session(Box::new(DayClock::new(clock))),
    }
}

/// `0800_europe_london`.
fn label(config: &OpeningRangeConfig) -> String {
    let text = config.settings.at.as_deref().unwrap_or_default();
    let plain = text.chars().filter(|&it| it != ':');
    plain.map(|it| if it.is_ascii_alphanumeric() { it.to_ascii_lowercase() } else { '_' }).collect()
}

impl Brain for OpeningRange {
    fn name(&self) -> &str {
        &self.name
    }

    /// None: it has no opinion on a day whose opening it did not see.
    fn warmup_bars(&self) -> usize {
        0
    }

    fn warmup_days(&self) -> usize {
        1
    }

    fn on_bar(&mut self, bar: &Bar) -> Opinion {
        let Some(InDay { day, since_open }) = self.clock.locate(bar.time) else { return Opinion::NONE };
        if self.day != Some(day) {
            // Without a day before it, only a bar at the opening proves that none is missing.
            let whole = self.day.is_some() || since_open <= i64::from(bar.seconds);
            self.begin(Some(day));
            self.whole = whole;
        }
        if since_open < 0 {
            return Opinion::NONE;
        }
        let settings = &self.config.settings;
        let (range, seconds) = (60 * i64::from(settings.minutes), i64::from(bar.seconds));
        let late = *self.late.get_or_insert(since_open);
        if !self.whole || late > range {
            return Opinion::NONE;
        }
        let since_open = since_open - late;
        if since_open < range {
            self.high = self.high.max(bar.high.raw());
            self.low = self.low.min(bar.low.raw());
            self.covered += seconds.min(range - since_open);
            return Opinion::NONE;
        }
        let height = self.high.saturating_sub(self.low);
        if 5 * self.covered < 4 * range || height <= 0 {
            return Opinion::NONE;
        }
        let close = bar.close.raw();
        let (side, beyond) = if close > self.high {
            (Side::Buy, close - self.high)
        } else if close < self.low {
            (Side::Sell, self.low - close)
        } else {
            return Opinion::NONE;
        };
        let in_time = since_open + seconds <= 60 * i64::from(settings.entry_minutes);
        let taken = &mut self.taken[usize::from(side == Side::Sell)];
        let trigger = (in_time && !std::mem::replace(taken, true)).then(|| {
            let (height, beyond, tick) = (height as f64, beyond as f64, self.config.tick);
            Trigger {
                side,
                strength: Unit::saturating(exits::from_half(beyond, height)),
                stop: exits::distance(beyond + settings.stop * height, tick),
                target: Some(exits::distance(settings.target * height, tick)),
            }
        });
        Opinion { bias: Some(side), trigger }
    }

    fn reset(&mut self) {
        self.begin(None);
    }
}
