use alavanca_kernel::Timestamp;
use async_trait::async_trait;

/// How much the operator should care.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Needs a look.
    Warning,
    /// Needs a hand.
    Critical,
}

/// Something the operator should hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// How much it matters.
    pub severity: Severity,
    /// What happened and what to do.
    pub text: String,
    /// When.
    pub at: Timestamp,
}

/// Tells the operator.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Notifier: Send {
    /// Tells it; a notifier that fails must not stop trading, so it has no error.
    async fn notify(&mut self, notice: Notice);
}
