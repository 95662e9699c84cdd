//! The traits through which Alavanca meets the world. Adapters implement them; the application joins them to the
//! engine; tests mock them (feature `mocks`) or hold an implementation against its contract (feature `contracts`).
//!
//! [`Clock`] and [`Entropy`] are synchronous. [`Store`], [`Broker`], [`Feed`] and [`Notifier`] wait on the world and
//! stand behind the feature `async`, [`TableSink`] behind `tables`; no domain crate turns them on.

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
