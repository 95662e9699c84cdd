//! MetaTrader 5: the wire protocol between engine and bridge, the session, and the broker behind it.
//!
//! The engine listens, a bridge dials in: the sidecar (`bridge/python`) or the Expert Advisor (`bridge/mql5`). Both
//! speak what [`wire`] defines; `docs/mt5-protocol.md` tells it for people.
//!
//! It is not a bridge, and decides nothing about trading: what it hands over was decided and stored before. [`codec`]
//! and [`desk`] are pure; [`session`] alone has a socket.
//!
//! ```
//! use alavanca_adapters_mt5::codec::{decode, encode};
//! use alavanca_adapters_mt5::wire::{Envelope, FromBridge};
//!
//! let line = br#"{"v":1,"session":"","seq":1,"ack":1,"ts_utc":0,"type":"bye","body":{"text":"closing"}}"#;
//! let frame: Envelope<FromBridge> = decode(line).expect("a frame");
//! assert!(matches!(frame.message, FromBridge::Bye(_)));
//! assert_eq!(encode(&frame).expect("short enough"), [line.as_slice(), b"\n"].concat());
//!
//! let wrong = decode::<FromBridge>(br#"{"v":1,"seq":1,"ack":1,"ts_utc":0,"type":"bye","body":{"text":7}}"#);
//! assert!(wrong.expect_err("no text").to_string().starts_with("`body.text`"));
//! ```

mod broker;
pub mod codec;
pub mod desk;
pub mod link;
#[cfg(any(test, feature = "schema"))]
pub mod schema;
pub mod session;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod wire;

pub use broker::{Happening, Mt5Broker};
