use async_trait::async_trait;

/// Why a store failed. After any of these nothing of the step was stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store could not be opened or is not what was expected; says what to do.
    #[error("{0}")]
    Open(String),
    /// A read or write failed.
    #[error("store: {0}")]
    Io(String),
    /// What is stored contradicts itself.
    #[error("store is inconsistent: {0}")]
    Inconsistent(String),
}

/// Keeps what the engine records. Generic in what that is, so that ports never name it.
///
/// One [`commit`](Store::commit) is one transaction: all of it or nothing. A runner commits an engine step before
/// it acts on the step's effects; a backtest may group steps.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Store<Record: Send + Sync + 'static, Restored: Send + 'static>: Send {
    /// Stores the records, in order, in one transaction. `cursor` is the number of events the engine has consumed
    /// when the last of these records was made; it never goes back.
    async fn commit(&mut self, records: &[Record], cursor: u64) -> Result<(), StoreError>;

    /// What a restarted engine needs to go on; `None` where nothing was ever stored.
    async fn restore(&mut self) -> Result<Option<Restored>, StoreError>;

    /// The cursor of the last commit; 0 where nothing was ever stored.
    async fn cursor(&mut self) -> Result<u64, StoreError>;
}
