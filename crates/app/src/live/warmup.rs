//! The past for levels 1 to 4, asked of the terminal.

use alavanca_adapters_mt5::Mt5Broker;
use alavanca_kernel::{Bar, Instrument, Timestamp};
use alavanca_ports::BrokerError;

use super::run::{LiveError, SYMBOL};
use crate::builder::levels_of;
use crate::settings::Settings;

/// Asked for at most so many calendar days back.
const FURTHEST_DAYS: i64 = 120;
const DAY: i64 = 86_400;

/// What was asked for and what came.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Past {
    pub(super) wanted: usize,
    pub(super) wanted_days: usize,
    pub(super) seconds: u32,
    pub(super) bars: Vec<Bar>,
}

impl Past {
    pub(super) fn told(&self) -> String {
        let Self { wanted, wanted_days, seconds, bars } = self;
        let span = match (bars.first(), bars.last()) {
            (Some(first), Some(last)) => format!(", from {} to {}", first.time, last.end()),
            _ => String::new(),
        };
        format!(
            "warm-up: asked for {wanted} bars of {seconds} s over at least {wanted_days} days, got {}{span}",
            bars.len()
        )
    }
}

/// Bars up to now: as many as the levels want, over as many days as they want.
pub(super) async fn bars(
    broker: &mut Mt5Broker,
    settings: &Settings,
    instrument: &Instrument,
    now: Timestamp,
) -> Result<Past, LiveError> {
    let levels = levels_of(settings, instrument)?;
    let wanted = levels.boss.warmup_bars().max(levels.regime.warmup_bars()).max(levels.liquidity.warmup_bars());
    let wanted_days = levels.boss.warmup_days().max(levels.regime.warmup_days());
    let seconds = settings.signal_bar_seconds;
    let mut past = Past { wanted, wanted_days, seconds, bars: Vec::new() };
    // Weekends and holidays lie in between.
    let mut days = (wanted_days as i64 * 7 / 5 + 4).min(FURTHEST_DAYS);
    loop {
        let from = Timestamp::from_secs((now.secs() - days * DAY).div_euclid(DAY) * DAY);
        let known = past.bars.first().map_or(now, |bar| bar.time);
        let mut older = match broker.history(SYMBOL, seconds, from, known).await {
            Ok(older) => older,
            // A terminal that has nothing that old fails; what came before counts.
            Err(BrokerError::Unavailable(_)) if !past.bars.is_empty() => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let came = older.len();
        older.append(&mut past.bars);
        past.bars = older;
        if past.bars.len() >= wanted || days >= FURTHEST_DAYS || came == 0 {
            return Ok(past);
        }
        days = (days * 2).min(FURTHEST_DAYS);
    }
}
