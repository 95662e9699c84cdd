//! The contract suites: what every implementation of a port has to keep. An implementation calls the suite of its
//! port from its own tests; a suite panics with what was broken.

pub mod broker;
pub mod clock;
pub mod entropy;
pub mod feed;
pub mod notifier;
pub mod store;
