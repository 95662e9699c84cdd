//! The report: one self-contained page of a run, for people.
//!
//! Everything on it comes from the engine's records, from what is noted of the run, and from the market itself. It asks
//! the network for nothing, and the same run makes the same bytes.

mod document;
mod from_db;
mod material;
mod noted;
mod page;
mod recorded;

pub use document::{Document, Market, Parts};
pub use from_db::{ReportError, ReportLog, ReportRequest, Reported, report};
pub use material::Material;
pub use noted::{Level4Notes, ReadFacts, RunFacts, SettingLine, setting_lines, settings_of};
pub(crate) use noted::{Noted, note_live, unknown_here};
pub use page::{PageError, PageFacts, check_target, html, write};
