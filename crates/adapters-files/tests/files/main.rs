//! Files of every kind, sound and broken, read through the crate's front door.

mod aggregate;
mod damage;
mod faults;
mod hours;
mod real;
mod samples;
mod ticks;
mod variants;

use std::path::{Path, PathBuf};

use alavanca_adapters_files::{FileError, FileReport, MarketFile, ReadSettings, Rows};
use alavanca_kernel::{Bar, Tick};

/// A folder for the files of one test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).expect("a temporary file");
        path
    }
}

fn inspect(path: &Path, settings: &ReadSettings) -> Result<FileReport, FileError> {
    MarketFile::inspect(path, settings, &mut |_| {})
}

fn open(path: &Path, settings: &ReadSettings) -> Result<MarketFile, FileError> {
    MarketFile::open(path, settings, &mut |_| {})
}

/// All rows of a file that is let in, and what was found in it.
fn read(path: &Path, settings: &ReadSettings) -> (Vec<Bar>, Vec<Tick>, FileReport) {
    let mut file = open(path, settings).unwrap_or_else(|error| panic!("{error}"));
    let (mut bars, mut ticks, mut batch) = (Vec::new(), Vec::new(), Rows::new());
    while file.next_batch(&mut batch).unwrap_or_else(|error| panic!("{error}")) {
        assert!(!batch.is_empty());
        match &batch {
            Rows::Bars(rows) => bars.extend_from_slice(rows),
            Rows::Ticks(rows) => ticks.extend_from_slice(rows),
        }
    }
    assert!(!file.next_batch(&mut batch).expect("asking after the end is no error") && batch.is_empty());
    let report = file.report().clone();
    assert_eq!((bars.len() + ticks.len()) as u64, report.accepted);
    assert_eq!(report.accepted + report.faulty, report.rows);
    (bars, ticks, report)
}
