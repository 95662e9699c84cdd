//! One day's file: gzip members that are whole by themselves.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use super::RecordingError;
use super::line::Line;

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// A member cannot be unpacked: bytes were changed.
    Member {
        /// Where it begins.
        byte: u64,
    },
    /// Its lines do not come to their sum: a line was changed, added or taken away.
    Sum {
        /// The line that says the sum.
        line: u64,
    },
    /// A line is none of ours.
    Line {
        /// Which.
        line: u64,
        /// Why.
        why: String,
    },
}

/// A file as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reading {
    /// Lines that are whole.
    pub lines: u64,
    /// Bytes of members that are whole.
    pub whole_bytes: u64,
    /// Bytes of the last member that a kill left half written.
    pub torn_bytes: u64,
}

/// A file that is appended to.
#[derive(Debug)]
pub(super) struct DayFile {
    path: PathBuf,
    file: File,
    waiting: Vec<u8>,
    lines: u64,
    sum: Sha256,
}

impl DayFile {
    /// Opens it to append. What a kill left half written is cut off; a file that was changed is put aside.
    pub(super) fn open(path: &Path) -> Result<Self, RecordingError> {
        let io = |error| RecordingError::Io { path: path.display().to_string(), error };
        let mut sum = Sha256::new();
        let mut whole = Reading::default();
        if path.exists() {
            match scan(path, &mut sum, &mut |_| Ok(())) {
                Ok(reading) => whole = reading,
                Err(RecordingError::Broken { .. }) => {
                    std::fs::rename(path, path.with_extension("gz.broken")).map_err(io)?;
                    (sum, whole) = (Sha256::new(), Reading::default());
                }
                Err(error) => return Err(error),
            }
        }
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(io)?;
        file.set_len(whole.whole_bytes).map_err(io)?;
        Ok(Self { path: path.to_owned(), file, waiting: Vec::new(), lines: whole.lines, sum })
    }

    pub(super) fn put(&mut self, line: &Line) {
        let begin = self.waiting.len();
        serde_json::to_writer(&mut self.waiting, line).expect("a line is plain numbers and texts");
        self.waiting.push(b'\n');
        self.sum.update(&self.waiting[begin..]);
        self.lines += 1;
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what waits as one member.
    pub(super) fn flush(&mut self) -> Result<(), RecordingError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let sum = Line::Sum(self.lines, hex(&self.sum));
        self.put(&sum);
        let packed = || -> io::Result<Vec<u8>> {
            let mut packer = GzEncoder::new(Vec::with_capacity(self.waiting.len() / 4), Compression::fast());
            packer.write_all(&self.waiting)?;
            packer.finish()
        };
        let done = packed().and_then(|member| (&self.file).write_all(&member));
        self.waiting.clear();
        done.map_err(|error| RecordingError::Io { path: self.path.display().to_string(), error })
    }
}

/// Reads a file, line by line. The last member may be half written; it is left out.
///
/// # Errors
/// [`RecordingError::Broken`] where the file is not what was written, and what `each` says.
pub fn read_day(
    path: &Path,
    each: &mut dyn FnMut(Line) -> Result<(), RecordingError>,
) -> Result<Reading, RecordingError> {
    scan(path, &mut Sha256::new(), each)
}

/// The first line of a file; none where nothing of it is whole.
///
/// # Errors
/// [`RecordingError::Broken`] where the file is not what was written.
pub fn first_line(path: &Path) -> Result<Option<Line>, RecordingError> {
    let name = || path.display().to_string();
    let file = File::open(path).map_err(|error| RecordingError::Io { path: name(), error })?;
    let mut text = String::new();
    match BufReader::new(GzDecoder::new(BufReader::new(file))).read_line(&mut text) {
        Ok(0) => return Ok(None),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        Err(_) => return Err(RecordingError::Broken { path: name(), broken: Broken::Member { byte: 0 } }),
    }
    serde_json::from_str(&text).map(Some).map_err(|error| RecordingError::Broken {
        path: name(),
        broken: Broken::Line { line: 1, why: error.to_string() },
    })
}

fn scan(
    path: &Path,
    sum: &mut Sha256,
    each: &mut dyn FnMut(Line) -> Result<(), RecordingError>,
) -> Result<Reading, RecordingError> {
    let name = || path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| RecordingError::Io { path: name(), error })?;
    let broken = |broken| RecordingError::Broken { path: name(), broken };
    let mut reading = Reading::default();
    let mut rest: &[u8] = &bytes;
    while !rest.is_empty() {
        let mut unpacked = Vec::new();
        let mut unpacker = GzDecoder::new(rest);
        match unpacker.read_to_end(&mut unpacked) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
            Err(_) => return Err(broken(Broken::Member { byte: reading.whole_bytes })),
        }
        let mut summed = false;
        for text in unpacked.split_inclusive(|byte| *byte == b'\n') {
            let number = reading.lines + 1;
            let line: Line = serde_json::from_slice(text)
                .map_err(|error| broken(Broken::Line { line: number, why: error.to_string() }))?;
            if let Line::Sum(lines, expected) = &line {
                if *lines != reading.lines || *expected != hex(sum) {
                    return Err(broken(Broken::Sum { line: number }));
                }
                summed = true;
            } else {
                summed = false;
            }
            sum.update(text);
            reading.lines = number;
            each(line)?;
        }
        if !summed {
            return Err(broken(Broken::Sum { line: reading.lines }));
        }
        rest = unpacker.into_inner();
        reading.whole_bytes = (bytes.len() - rest.len()) as u64;
    }
    reading.torn_bytes = bytes.len() as u64 - reading.whole_bytes;
    Ok(reading)
}

fn hex(sum: &Sha256) -> String {
    format!("{:x}", sum.clone().finalize())
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member { byte } => {
                write!(f, "the part that begins at byte {byte} cannot be unpacked: the file was changed or damaged")
            }
            Self::Sum { line } => {
                write!(f, "the lines up to line {line} do not come to their sum: one was changed, added or taken away")
            }
            Self::Line { line, why } => write!(f, "line {line} is none of a recorded day: {why}"),
        }
    }
}
