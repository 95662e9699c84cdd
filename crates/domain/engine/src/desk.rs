//! One instrument's place in the engine.

use alavanca_calendar::{MarketClock, Moment, TradingZone};
use alavanca_execution::OpenTrade;
use alavanca_indicators::BarAggregator;
use alavanca_kernel::{Bar, Instrument, Money, Price, Signal, Tick, Timestamp};
use alavanca_signals::Lesson;

use crate::config::{DeskConfig, Levels};
use crate::event::InputFault;
use crate::regimes::RegimeStretch;

/// Everything that belongs to one instrument.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) instrument: Instrument,
    /// Its market's days and hours, and the filters of entries.
    pub(crate) market: MarketClock,
    pub(crate) levels: Levels,
    pub(crate) warmup: u64,
    pub(crate) bars: u64,
    pub(crate) trade: Option<OpenTrade>,
    /// When the open trade was first filled, in the trading zone.
    pub(crate) opened: Option<Moment>,
    pub(crate) lesson: Option<Lesson>,
    pub(crate) reversal: Option<Signal>,
    pub(crate) quote: Quote,
    pub(crate) last_bar: Timestamp,
    pub(crate) last_tick: Timestamp,
    /// Gathers ticks into bars for levels 1 to 4, aligned to the epoch.
    pub(crate) gatherer: BarAggregator,
    pub(crate) day_net: Money,
    /// How far bars range of late; for the reach of scalps.
    pub(crate) range: RecentRange,
    /// For how long the regime has been what it is.
    pub(crate) stretch: RegimeStretch,
}

/// The market's last word.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quote {
    /// What positions are valued at: the last price.
    pub(crate) mark: Price,
    /// Best bid; the mark on bars.
    pub(crate) bid: Price,
    /// Best ask; the mark on bars.
    pub(crate) ask: Price,
    /// Whether one may trade on it.
    pub(crate) tradable: bool,
    /// Whether the book is known (ticks), not only a bar's close.
    pub(crate) book: bool,
    /// When it was seen.
    pub(crate) at: Timestamp,
}

impl Quote {
    /// A bar's close.
    #[inline]
    pub(crate) fn of_bar(bar: &Bar) -> Self {
        Self { mark: bar.close, bid: bar.close, ask: bar.close, tradable: true, book: false, at: bar.end() }
    }
}

impl Desk {
    pub(crate) fn new(config: DeskConfig, zone: TradingZone, signal_bar_seconds: u32) -> Self {
        let levels = &config.levels;
        let warmup = levels.boss.warmup_bars().max(levels.regime.warmup_bars()) as u64;
        Self {
            instrument: config.instrument,
            market: MarketClock::new(zone, config.session),
            warmup,
            levels: config.levels,
            bars: 0,
            trade: None,
            opened: None,
            lesson: None,
            reversal: None,
            quote: Quote {
                mark: Price::ZERO,
                bid: Price::ZERO,
                ask: Price::ZERO,
                tradable: false,
                book: false,
                at: Timestamp::MIN,
            },
            last_bar: Timestamp::MIN,
            last_tick: Timestamp::MIN,
            gatherer: BarAggregator::new(signal_bar_seconds),
            day_net: Money::ZERO,
            range: RecentRange::default(),
            stretch: RegimeStretch::default(),
        }
    }

    /// What is wrong with a tick, if anything (semantics 36).
    pub(crate) fn fault_of(&self, tick: &Tick) -> Option<InputFault> {
        let negative = tick.bid < Price::ZERO || tick.ask < Price::ZERO || tick.last < Price::ZERO;
        if negative || !tick.mark().is_positive() {
            Some(InputFault::Unsound)
        } else if tick.time < self.last_tick {
            Some(InputFault::Backwards)
        } else {
            None
        }
    }

    /// Takes a sound tick in; the bar that it closed.
    pub(crate) fn take_tick(&mut self, tick: &Tick) -> Option<Bar> {
        let (price, tradable) = (tick.mark(), tick.is_tradable());
        self.last_tick = tick.time;
        self.quote = Quote { mark: price, bid: tick.bid, ask: tick.ask, tradable, book: true, at: tick.time };
        let spread = if tradable { tick.ask - tick.bid } else { Price::ZERO };
        self.gatherer.push_tick(tick.time, price, tick.volume, spread, tick.time.secs())
    }

    pub(crate) fn is_warm(&self) -> bool {
        self.bars >= self.warmup
    }
}

/// A moving mean of bar ranges, to judge whether a scalp's distances are within reach (semantics 19).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RecentRange {
    mean: f64,
    seconds: u32,
}

impl RecentRange {
    const WEIGHT: f64 = 1.0 / 64.0;

    #[inline]
    pub(crate) fn push(&mut self, bar: &Bar) {
        let range = (bar.high - bar.low).raw() as f64;
        if self.seconds == 0 {
            self.mean = range;
        } else {
            self.mean += (range - self.mean) * Self::WEIGHT;
        }
        self.seconds = bar.seconds;
    }

    /// The usual move within so many seconds, by the square-root rule; zero where nothing was seen.
    pub(crate) fn within(&self, seconds: u32) -> Price {
        if self.seconds == 0 {
            return Price::ZERO;
        }
        let scaled = self.mean * (f64::from(seconds) / f64::from(self.seconds)).sqrt();
        Price::from_f64(scaled / Price::SCALE as f64).unwrap_or_default()
    }
}
