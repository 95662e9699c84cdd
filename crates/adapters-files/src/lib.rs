//! Market data files as people have them.

mod cell;
mod error;
mod feed;
mod file;
mod layout;
mod report;
mod row;
mod screen;
mod source;
mod survey;
mod zone;

pub use error::FileError;
pub use feed::FileFeed;
pub use file::{MarketClass, MarketFile, Progress, ReadSettings, Rows};
pub use layout::FileFormat;
pub use report::{FaultCount, FaultLine, FileReport, Gap, Gaps, Note, RowKind, Symbol, ZoneSource};
pub use screen::FaultKind;
pub use source::{Compression, Encoding};
pub use zone::DataZone;
