//! The store on SQLite.
//!
//! Being built.

mod cells;
pub mod entity;
mod fold;
mod ids;
mod migration;
mod open;
mod packed;
mod rebuild;
pub mod repo;
mod report;
mod rows;
mod store;
mod text;

pub use open::{Durability, open_read_only};
pub use store::{CapitalFacts, PolicyFacts, SqliteStore, StoreConfig};
