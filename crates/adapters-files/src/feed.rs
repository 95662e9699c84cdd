use alavanca_kernel::SymbolId;
use alavanca_ports::{Feed, FeedError, MarketEvent};
use async_trait::async_trait;

use crate::{MarketFile, Rows};

/// A file as the feed of one instrument.
#[derive(Debug)]
pub struct FileFeed {
    file: MarketFile,
    symbol: SymbolId,
    rows: Rows,
}

impl FileFeed {
    /// Hands over what is left of the file as events of `symbol`.
    pub const fn new(file: MarketFile, symbol: SymbolId) -> Self {
        Self { file, symbol, rows: Rows::new() }
    }

    /// The file.
    pub const fn file(&self) -> &MarketFile {
        &self.file
    }
}

#[async_trait]
impl Feed for FileFeed {
    async fn next_batch(&mut self, batch: &mut Vec<MarketEvent>) -> Result<bool, FeedError> {
        let more = self.file.next_batch(&mut self.rows).map_err(|error| FeedError::Source(error.to_string()))?;
        let symbol = self.symbol;
        match &self.rows {
            Rows::Bars(bars) => batch.extend(bars.iter().map(|&bar| MarketEvent::Bar(symbol, bar))),
            Rows::Ticks(ticks) => batch.extend(ticks.iter().map(|&tick| MarketEvent::Tick(symbol, tick))),
        }
        Ok(more)
    }
}
