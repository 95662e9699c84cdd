//! Where a table is written to.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};

use alavanca_ports::{Column, TableSink};

use super::csv::CsvTable;
use super::{ExportError, Format};

/// Where a table goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Into this file, in the place of what it held, once the table is complete.
    File(PathBuf),
    /// To standard output.
    Stdout,
}

impl Destination {
    /// The file; `None` for standard output.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Stdout => None,
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Stdout => f.write_str("standard output"),
        }
    }
}

/// A file under another name until it is complete.
pub(super) struct Unfinished(Option<(PathBuf, PathBuf)>);

impl Unfinished {
    /// The table is complete: the file gets its name.
    pub(super) fn keep(mut self) -> io::Result<()> {
        self.0.take().map_or(Ok(()), |(part, path)| fs::rename(part, path))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some((part, _)) = &self.0 {
            // What cannot be removed either is told by the error that led here.
            let _ = fs::remove_file(part);
        }
    }
}

pub(super) fn open(
    to: &Destination,
    format: Format,
    name: &str,
    columns: &[Column],
) -> Result<(Box<dyn TableSink>, Unfinished), ExportError> {
    let failed = |source| ExportError::Write { to: to.to_string(), source };
    match to {
        Destination::Stdout => {
            let out = BufWriter::new(io::stdout());
            Ok((sink(out, format, name, columns).map_err(failed)?, Unfinished(None)))
        }
        Destination::File(path) => {
            if is_database(path) {
                return Err(ExportError::OverDatabase { path: path.clone() });
            }
            if path.is_dir() {
                return Err(failed(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder: name a file in it")));
            }
            let mut part = path.clone().into_os_string();
            part.push(".part");
            let part = PathBuf::from(part);
            let file = BufWriter::new(File::create(&part).map_err(failed)?);
            let unfinished = Unfinished(Some((part, path.clone())));
            Ok((sink(file, format, name, columns).map_err(failed)?, unfinished))
        }
    }
}

fn sink(
    to: impl Write + Send + 'static,
    format: Format,
    #[cfg_attr(not(feature = "parquet"), expect(unused_variables, reason = "CSV holds no name"))] name: &str,
    columns: &[Column],
) -> io::Result<Box<dyn TableSink>> {
    match format {
        Format::Csv(dialect) => Ok(Box::new(CsvTable::new(to, columns, dialect)?)),
        #[cfg(feature = "parquet")]
        Format::Parquet => Ok(Box::new(alavanca_adapters_parquet::ParquetTable::new(to, name, columns)?)),
        #[cfg(not(feature = "parquet"))]
        Format::Parquet => Err(io::Error::new(io::ErrorKind::Unsupported, "built without Parquet")),
    }
}

/// Whether it begins as an SQLite file does.
fn is_database(path: &Path) -> bool {
    let mut begin = [0; 15];
    File::open(path).is_ok_and(|mut file| file.read_exact(&mut begin).is_ok() && &begin == b"SQLite format 3")
}
