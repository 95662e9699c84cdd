use alavanca_kernel::{Bar, SymbolId, Tick};
use async_trait::async_trait;

/// One thing that happened on a market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarketEvent {
    /// A bar closed.
    Bar(SymbolId, Bar),
    /// A tick came in.
    Tick(SymbolId, Tick),
}

/// Why a feed stopped.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The source is not what was expected; says where and what to do.
    #[error("{0}")]
    Source(String),
    /// The connection was lost.
    #[error("feed lost: {0}")]
    Lost(String),
}

/// Hands over market events in time order, in batches: one boxed future per batch, not per tick.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Feed: Send {
    /// Appends the next events to `batch`. False where the feed has ended and nothing was appended.
    async fn next_batch(&mut self, batch: &mut Vec<MarketEvent>) -> Result<bool, FeedError>;
}
