use alavanca_kernel::Timestamp;

/// Says what time it is. The domain never asks: its events carry their time.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait Clock: Send + Sync {
    /// Now. May go backwards when the machine's clock is set; callers must bear that.
    fn now(&self) -> Timestamp;
}
