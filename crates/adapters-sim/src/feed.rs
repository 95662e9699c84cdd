use alavanca_kernel::SymbolId;
use alavanca_ports::{Feed, FeedError, MarketEvent};
use async_trait::async_trait;

use crate::{SyntheticMarket, SyntheticTicks};

/// A synthetic market as a feed of bars or of ticks: what trades where no data was brought along.
#[derive(Clone, Debug)]
pub struct SyntheticFeed {
    symbol: SymbolId,
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    Bars(SyntheticMarket),
    Ticks(Box<SyntheticTicks>),
}

impl SyntheticFeed {
    /// Events in one batch.
    const BATCH: usize = 4_096;

    /// The market's bars.
    pub const fn bars(symbol: SymbolId, market: SyntheticMarket) -> Self {
        Self { symbol, source: Source::Bars(market) }
    }

    /// The market's ticks.
    pub fn ticks(symbol: SymbolId, market: SyntheticMarket) -> Self {
        Self { symbol, source: Source::Ticks(Box::new(market.ticks())) }
    }
}

#[async_trait]
impl Feed for SyntheticFeed {
    async fn next_batch(&mut self, batch: &mut Vec<MarketEvent>) -> Result<bool, FeedError> {
        let (before, symbol) = (batch.len(), self.symbol);
        match &mut self.source {
            Source::Bars(bars) => batch.extend(bars.take(Self::BATCH).map(|bar| MarketEvent::Bar(symbol, bar))),
            Source::Ticks(ticks) => batch.extend(ticks.take(Self::BATCH).map(|tick| MarketEvent::Tick(symbol, tick))),
        }
        Ok(batch.len() > before)
    }
}
