//! The traits through which Alavanca meets the world. Adapters implement them; the application joins them to the
//! engine; tests mock them (feature `mocks`) or hold an implementation against its contract (feature `contracts`).
//!
//! [`Clock`] and [`Entropy`] are synchronous. [`Store`], [`Broker`], [`Feed`] and [`Notifier`] wait on the world and
//! stand behind the feature `async`, [`TableSink`] behind `tables`; no domain crate turns them on.
//!
//! It implements none of them, and never names what the engine records: a [`Store`] is generic in that.
//!
//! ```
//! use alavanca_kernel::Timestamp;
//! use alavanca_ports::Clock;
//!
//! /// A clock that a test sets.
//! struct Stopped(Timestamp);
//!
//! impl Clock for Stopped {
//!     fn now(&self) -> Timestamp {
//!         self.0
//!     }
//! }
//!
//! let clock: &dyn Clock = &Stopped(Timestamp::from_secs(1_615_494_900));
//! assert_eq!(clock.now().to_string(), "2021-03-11T20:35:00Z");
//! ```

#[cfg(feature = "async")]
mod broker;
mod clock;
#[cfg(feature = "contracts")]
pub mod contracts;
mod entropy;
#[cfg(feature = "async")]
mod feed;
#[cfg(feature = "async")]
mod notifier;
#[cfg(feature = "async")]
mod store;
#[cfg(feature = "tables")]
mod table;

#[cfg(feature = "mocks")]
pub use broker::MockBroker;
#[cfg(feature = "async")]
pub use broker::{Account, Broker, BrokerError, BrokerLeg};
pub use clock::Clock;
#[cfg(feature = "mocks")]
pub use clock::MockClock;
pub use entropy::Entropy;
#[cfg(feature = "mocks")]
pub use entropy::MockEntropy;
#[cfg(feature = "mocks")]
pub use feed::MockFeed;
#[cfg(feature = "async")]
pub use feed::{Feed, FeedError, MarketEvent};
#[cfg(feature = "mocks")]
pub use notifier::MockNotifier;
#[cfg(feature = "async")]
pub use notifier::{Notice, Notifier, Severity};
#[cfg(feature = "mocks")]
pub use store::MockStore;
#[cfg(feature = "async")]
pub use store::{Store, StoreError};
#[cfg(feature = "tables")]
pub use table::{Cell, Column, Kind, TableSink};
