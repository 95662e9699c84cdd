//! Alavanca, joined: settings, the builder that makes an engine of them, and the runners.
//!
//! Who composes a binary of their own starts from [`builder`], and turns the engine with [`simulation`] (a backtest) or
//! [`wheel`] (any broker, any store); `examples/` has a brain, a broker, a store and a policy of one's own. The binary
//! `alavanca` is a thin layer over this library. No rule of trading is in it: those are the engine's and its bricks'.
//!
//! ```
//! use alavanca::builder::Builder;
//! use alavanca::settings::{LoadRequest, load};
//! use alavanca::simulation::{Simulation, Sink};
//! use alavanca_adapters_sim::{SyntheticMarket, SyntheticSettings};
//! use alavanca_engine::{Notice, Record};
//! use alavanca_kernel::{Instrument, SymbolId};
//!
//! struct Trades(u32);
//! impl Sink for Trades {
//!     fn record(&mut self, record: Record) {
//!         self.0 += u32::from(matches!(record, Record::Trade(_)));
//!     }
//!     fn notice(&mut self, notice: Notice) {
//!         println!("{notice:?}");
//!     }
//! }
//!
//! let settings = load(&LoadRequest::default())?.settings;
//! let win = Instrument::preset("WIN").ok_or("WIN is a preset")?;
//! let built = Builder::new(&settings, &win).build()?;
//! let (mut simulation, mut trades) = (Simulation::new(built.engine, built.exchange, built.fill), Trades(0));
//! for bar in SyntheticMarket::new(SyntheticSettings { days: 5, ..SyntheticSettings::default() }, &win)? {
//!     simulation.on_bar(SymbolId::new(0), &bar, &mut trades);
//! }
//! assert!(trades.0 > 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// The command line names the library as a crate of one's own does.
extern crate self as alavanca;

pub mod backtest;
pub mod backtest_types;
pub mod brain_names;
pub mod builder;
pub mod cli;
pub mod compare;
pub mod database;
pub mod explain;
pub mod export;
pub mod extensions;
pub mod guarded;
mod joined;
pub mod live;
pub mod lookahead;
pub mod market_calendar;
pub mod policy;
pub mod python_import;
pub mod questions;
pub mod recording;
pub mod replay;
pub mod report;
pub mod resample;
pub mod settings;
pub mod show;
pub mod simulation;
mod source;
pub mod statistics;
pub mod stored_run;
pub mod timeframe;
mod waiting;
pub mod walkforward;
pub mod wheel;

// What a crate of one's own speaks of: one dependency is enough.
pub use alavanca_calendar as calendar;
pub use alavanca_indicators as indicators;
pub use alavanca_kernel as kernel;
pub use alavanca_liquidity as liquidity;
pub use alavanca_regime as regime;
pub use alavanca_signals as signals;
