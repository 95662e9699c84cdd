//! Alavanca, joined: settings, the builder that makes an engine of them, and the runners.
//!
//! Who composes a binary of their own starts from [`builder`] and [`simulation`]; `examples/custom_brain.rs` shows it.
//! The binary `alavanca` is a thin layer over this library.

pub mod backtest;
pub mod backtest_types;
pub mod builder;
pub mod compare;
pub mod database;
pub mod explain;
pub mod export;
pub mod policy;
pub mod python_import;
pub mod questions;
pub mod report;
pub mod settings;
pub mod show;
pub mod simulation;
mod source;
pub mod statistics;
pub mod stored_run;
pub mod wheel;
