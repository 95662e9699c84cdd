//! What a page is drawn from, gathered while a run goes on.

use alavanca_calendar::{TradingClock, TradingZone};
use alavanca_engine::Record;
use alavanca_kernel::{Bar, Tick};
use alavanca_report::{CandleBuilder, Candles, Chronicle, Prior};

use crate::statistics::confidence::BrainStanding;

/// So many candles are drawn at most.
pub(crate) const CANDLES: usize = 10_000;

/// The records' chronicle and, where wanted, the market's candles on the trading zone's clock.
#[derive(Debug)]
pub struct Material {
    chronicle: Chronicle,
    clock: TradingClock,
    candles: Option<CandleBuilder>,
    brains: Vec<BrainStanding>,
}

impl Material {
    /// Gathers a chronicle alone.
    pub fn of_records(prior: Prior, zone: TradingZone) -> Self {
        Self { chronicle: Chronicle::new(prior), clock: TradingClock::new(zone), candles: None, brains: Vec::new() }
    }

    /// Gathers a chronicle and candles.
    pub fn with_candles(prior: Prior, zone: TradingZone) -> Self {
        Self { candles: Some(CandleBuilder::default()), ..Self::of_records(prior, zone) }
    }

    /// Gathers a chronicle and candles of at least so many seconds.
    pub(super) fn with_candles_of(seconds: u32, prior: Prior, zone: TradingZone) -> Self {
        Self { candles: Some(CandleBuilder::of_at_least(seconds)), ..Self::of_records(prior, zone) }
    }

    /// A record was made.
    pub fn record(&mut self, record: &Record) {
        self.chronicle.observe(record);
    }

    /// A bar closed.
    #[inline]
    pub fn bar(&mut self, bar: &Bar) {
        if let Some(candles) = &mut self.candles
            && bar.is_sound()
        {
            candles.bar(self.clock.wall_seconds(bar.time), bar);
        }
    }

    /// A tick came.
    #[inline]
    pub fn tick(&mut self, tick: &Tick) {
        if let Some(candles) = &mut self.candles {
            candles.tick(self.clock.wall_seconds(tick.time), tick);
        }
    }

    /// How the brains stand at the end.
    pub fn ended(&mut self, brains: Vec<BrainStanding>) {
        self.brains = brains;
    }

    /// How the brains stand at the end, where that was said.
    pub(crate) fn brains(&self) -> &[BrainStanding] {
        &self.brains
    }

    /// What was gathered; the candles joined until an eye can take them.
    pub fn gathered(self) -> (Chronicle, Option<Candles>) {
        (self.chronicle, self.candles.map(|candles| candles.build(CANDLES)))
    }
}
