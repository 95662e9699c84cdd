//! The store on SQLite: what the engine records, in one file, one transaction a commit.
//!
//! Integer tables are the truth (decisions, orders, fills, positions, scalps, trades, evidence, the policy's log, risk,
//! days, the checkpoint). The six tables of the specification are projections of them, written in the same transaction,
//! and can be made anew at any time ([`SqliteStore::rebuild_projections`]). The same commits make the same file, byte
//! for byte; no figure of the wall clock is in it.
//!
//! It decides nothing and asks no broker. [`RunReader`] gives the records back. Other questions are asked through
//! [`SqliteStore::db`] or [`open_read_only`] with the tables of [`entity`]; [`repo`] has the specification's functions
//! by their names. Rows go out as prepared statements of up to 128 rows over sea-orm's own connection: its row-by-row
//! models cost more than the disk.
//!
//! ```
//! use alavanca_adapters_sqlite::{CapitalFacts, Durability, PolicyFacts, SqliteStore, StoreConfig};
//! use alavanca_kernel::Money;
//! use alavanca_ports::Store;
//! use alavanca_rl::PolicyScope;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let folder = tempfile::tempdir().unwrap();
//! let path = folder.path().join("alavanca.db");
//! let config = StoreConfig {
//!     durability: Durability::Live,
//!     symbols: vec!["EURUSD".to_owned()],
//!     capital: CapitalFacts {
//!         operator_capital: Money::from_units(10_000),
//!         margin_per_contract: Money::from_units(1_000),
//!         max_contracts_cap: 10,
//!     },
//!     policy: PolicyFacts { scope: PolicyScope::Shared, prior_alpha: 1.0, prior_beta: 1.0 },
//! };
//! let mut store = SqliteStore::open(&path, config.clone()).await.unwrap();
//! store.set_meta(&[("mode", "paper"), ("seed", "7")]).await.unwrap();
//! assert_eq!(store.restore().await.unwrap(), None, "nothing was ever stored");
//!
//! // A second engine on the same database would learn and order twice.
//! let second = SqliteStore::open(&path, config).await.unwrap_err();
//! assert!(second.to_string().contains("in use by another engine"));
//! # });
//! ```

mod care;
mod cells;
mod chain;
mod check;
mod columns;
pub mod entity;
mod existing;
mod fold;
mod ids;
mod live;
mod migration;
mod names;
mod open;
mod packed;
mod pending;
pub mod python;
mod reader;
mod rebuild;
mod records;
pub mod repo;
mod report;
mod rows;
mod store;
mod stored;
mod text;

pub use care::{Migrated, Vacuumed, backup, migrate, vacuum};
pub use chain::{Head, NoHead};
pub use check::{Checked, CheckedPart, Step, check};
pub use live::{Booked, BookedLeg, Epoch, LiveBook, OperatorEntry};
pub use open::{Durability, open_read_only};
pub use reader::{RunReader, Selection};
pub use store::{CapitalFacts, PolicyFacts, SqliteStore, StoreConfig};
