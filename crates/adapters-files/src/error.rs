use std::io;
use std::path::PathBuf;

use alavanca_kernel::SettingError;

use crate::FileReport;

/// Why a file is not read. Says which file, what was found, and what is expected or can be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file system said no.
    #[error("{}: cannot be read: {source}. {}", path.display(), remedy(source))]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The compressed file ends early, or its checksum does not fit.
    #[error("{}: damaged or cut off after line {line}: {what}. Copy or download it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The last line that was read before.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
    /// An archive from which no single file can be chosen.
    #[error("{}: {what}. Expected one .csv or .txt file in the archive", path.display())]
    Archive {
        /// The file.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// The content is none of the known layouts.
    #[error(
        "{}: not a market data file I know: {}{why}. Known are MetaTrader 5 bar and tick \
         exports, Profit exports, HistData ASCII bars and ticks, and tables with a header that names date and time, \
         open, high, low, close (or bid and ask)",
        path.display(),
        place(*line, found)
    )]
    Unknown {
        /// The file.
        path: PathBuf,
        /// The line that was looked at.
        line: u64,
        /// Its beginning.
        found: String,
        /// What about it is not understood.
        why: String,
    },
    /// No row of it can be used, or its bars' length cannot be told.
    #[error("{}: {what}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is missing and what to do.
        what: String,
    },
    /// Too many rows are faulty (semantics 36).
    #[error("{}: refused: {}", report.path.display(), report.refusal())]
    Refused {
        /// All counts and lines.
        report: Box<FileReport>,
    },
    /// It changed between the first and the second reading.
    #[error("{}: changed while it was being read: {what}. Run again once nobody writes to it", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// How it differs.
        what: String,
    },
    /// A setting that cannot be.
    #[error(transparent)]
    Setting(#[from] SettingError),
}

/// Where it was looked at; an empty file has no such place.
fn place(line: u64, found: &str) -> String {
    if found.is_empty() { String::new() } else { format!("line {line} is `{found}`: ") }
}

/// What can be done about it.
fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "Check the name and the folder",
        io::ErrorKind::PermissionDenied => "Make it readable for you",
        io::ErrorKind::IsADirectory => "Name one file in it",
        _ => "Try again, or copy the file to another disk",
    }
}
