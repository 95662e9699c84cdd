//! MetaTrader 5: the wire protocol between engine and bridge, the session, and the broker behind it.
//!
//! The engine listens, a bridge dials in: the sidecar (`bridge/python`) or the Expert Advisor (`bridge/mql5`). Both
//! speak what [`wire`] defines; `docs/mt5-protocol.md` tells it for people.

mod broker;
pub mod codec;
pub mod desk;
pub mod link;
pub mod session;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod wire;

pub use broker::{Happening, Mt5Broker};
