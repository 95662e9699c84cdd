//! From a path to decoded lines: decompression, transcoding, line ends. Memory is bounded by one line.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use flate2::Crc;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::FileError;

/// How a file is packed; told by its first bytes, not by its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, one member or many.
    Gzip,
    /// One file of a zip archive.
    Zip,
}

/// How a file's text is encoded; told by its byte order mark or by where its zero bytes lie.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// UTF-8, or any other that writes digits as ASCII.
    Utf8,
    /// UTF-8 with a byte order mark.
    Utf8Bom,
    /// UTF-16, low byte first.
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
}

/// The longest line that a text file may have.
const LONGEST_LINE: usize = 1 << 16;
const CHUNK: usize = 1 << 17;

/// One reading of a file, line by line.
pub(crate) struct Lines {
    text: Box<dyn Read + Send>,
    path: PathBuf,
    bytes_done: Arc<AtomicU64>,
    hasher: Option<SharedHasher>,
    pub(crate) compression: Compression,
    pub(crate) encoding: Encoding,
    pub(crate) bytes_total: u64,
    /// LF, or CR in files that know no LF.
    line_end: u8,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    ended: bool,
    /// The number of the line that was handed out last, from 1.
    pub(crate) line: u64,
}

impl Lines {
    /// Opens the file for one reading; with `hash`, of all its bytes.
    pub(crate) fn open(path: &Path, hash: bool) -> Result<Self, FileError> {
        let io_error = |source| FileError::Io { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(io_error)?;
        let metadata = file.metadata().map_err(io_error)?;
        if metadata.is_dir() {
            return Err(io_error(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory")));
        }
        let mut magic = [0; 4];
        let read = read_full(&mut file, &mut magic).map_err(io_error)?;
        file.seek(SeekFrom::Start(0)).map_err(io_error)?;
        let compression = match &magic[..read] {
            [0x1F, 0x8B, ..] => Compression::Gzip,
            [b'P', b'K', 3, 4] | [b'P', b'K', 5, 6] => Compression::Zip,
            _ => Compression::None,
        };

        let bytes_done = Arc::new(AtomicU64::new(0));
        let hasher: Option<SharedHasher> = hash.then(SharedHasher::default);
        let unpacked: Box<dyn Read + Send> = match compression {
            Compression::None => Box::new(Counted { file, bytes: Arc::clone(&bytes_done), hasher: hasher.clone() }),
            Compression::Gzip => {
                let counted = Counted { file, bytes: Arc::clone(&bytes_done), hasher: hasher.clone() };
                Box::new(MultiGzDecoder::new(BufReader::with_capacity(CHUNK, counted)))
            }
            Compression::Zip => {
                // An archive is not read in order, so it is hashed beforehand.
                if let Some(hasher) = &hasher {
                    io::copy(&mut file, &mut *hasher.lock().unwrap_or_else(PoisonError::into_inner))
                        .map_err(io_error)?;
                }
                let member = Member::find(path, &mut file)?;
                file.seek(SeekFrom::Start(member.start)).map_err(io_error)?;
                member.unpack(Counted { file, bytes: Arc::clone(&bytes_done), hasher: None })
            }
        };

        let mut lines = Self {
            text: unpacked,
            path: path.to_owned(),
            bytes_done,
            hasher,
            compression,
            encoding: Encoding::Utf8,
            bytes_total: metadata.len(),
            line_end: b'\n',
            buffer: vec![0; CHUNK],
            start: 0,
            end: 0,
            ended: false,
            line: 0,
        };
        lines.look_at_head()?;
        Ok(lines)
    }

    /// Tells encoding and line ends by the first bytes, and puts the decoder in front.
    fn look_at_head(&mut self) -> Result<(), FileError> {
        let mut head = vec![0; 4096];
        let read = read_full(&mut self.text, &mut head).map_err(|error| self.failed(error))?;
        head.truncate(read);
        let (encoding, mark) = Encoding::of(&head);
        self.encoding = encoding;
        head.drain(..mark);
        if !head.contains(&b'\n') && head.contains(&b'\r') {
            self.line_end = b'\r';
        }
        let rest = std::mem::replace(&mut self.text, Box::new(io::empty()));
        let bytes = io::Cursor::new(head).chain(rest);
        self.text = match encoding {
            Encoding::Utf8 | Encoding::Utf8Bom => Box::new(bytes),
            Encoding::Utf16Le => Box::new(Transcoded::new(bytes, u16::from_le_bytes)),
            Encoding::Utf16Be => Box::new(Transcoded::new(bytes, u16::from_be_bytes)),
        };
        Ok(())
    }

    /// The next line without its end; `None` after the last. Every line counts, empty ones too.
    #[inline]
    pub(crate) fn next_line(&mut self) -> Result<Option<&[u8]>, FileError> {
        if let Some(length) = memchr::memchr(self.line_end, &self.buffer[self.start..self.end]) {
            let start = self.start;
            self.start += length + 1;
            self.line += 1;
            return Ok(Some(without_returns(&self.buffer[start..start + length])));
        }
        self.next_line_beyond()
    }

    #[cold]
    fn next_line_beyond(&mut self) -> Result<Option<&[u8]>, FileError> {
        loop {
            // Everything up to `end` was searched before.
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            if self.end > LONGEST_LINE {
                return Err(FileError::Unknown {
                    path: self.path.clone(),
                    line: self.line + 1,
                    found: shown(&self.buffer[..60]),
                    why: format!("a line of more than {LONGEST_LINE} bytes: this is no text of rows"),
                });
            }
            let searched = self.end;
            if !self.ended {
                let read = loop {
                    match self.text.read(&mut self.buffer[self.end..]) {
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        read => break read,
                    }
                };
                let read = read.map_err(|error| self.failed(error))?;
                self.ended = read == 0;
                self.end += read;
            }
            if let Some(found) = memchr::memchr(self.line_end, &self.buffer[searched..self.end]) {
                self.start = searched + found + 1;
                self.line += 1;
                return Ok(Some(without_returns(&self.buffer[..searched + found])));
            }
            if self.ended {
                if self.end == 0 {
                    return Ok(None);
                }
                let length = self.end;
                (self.start, self.end) = (0, 0);
                self.line += 1;
                return Ok(Some(without_returns(&self.buffer[..length])));
            }
        }
    }

    /// How many bytes of the file have been read.
    pub(crate) fn bytes_done(&self) -> u64 {
        self.bytes_done.load(Ordering::Relaxed).min(self.bytes_total)
    }

    /// The hash of all bytes read so far, in hex; empty where none was asked for.
    pub(crate) fn sha256(&self) -> String {
        let Some(hasher) = &self.hasher else { return String::new() };
        let digest = hasher.lock().unwrap_or_else(PoisonError::into_inner).clone().finalize();
        digest.iter().fold(String::with_capacity(64), |hex, byte| hex + &format!("{byte:02x}"))
    }

    fn failed(&self, source: io::Error) -> FileError {
        let path = self.path.clone();
        if self.compression == Compression::None {
            return FileError::Io { path, source };
        }
        let what = match source.kind() {
            io::ErrorKind::UnexpectedEof => "the compressed stream ends early".to_owned(),
            _ => source.to_string(),
        };
        FileError::Damaged { path, line: self.line, what }
    }
}

type SharedHasher = Arc<Mutex<Sha256>>;

/// A file that counts what is read of it, and hashes it where asked.
struct Counted {
    file: File,
    bytes: Arc<AtomicU64>,
    hasher: Option<SharedHasher>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        if let Some(hasher) = &self.hasher {
            hasher.lock().unwrap_or_else(PoisonError::into_inner).update(&into[..read]);
        }
        Ok(read)
    }
}

/// The one member of a zip archive that holds the rows.
struct Member {
    start: u64,
    packed: u64,
    crc: u32,
    deflated: bool,
}

impl Member {
    fn find(path: &Path, file: &mut File) -> Result<Self, FileError> {
        let failed = |what: String| FileError::Archive { path: path.to_owned(), what };
        let broken = |error: zip::result::ZipError| FileError::Damaged {
            path: path.to_owned(),
            line: 0,
            what: error.to_string(),
        };
        let mut archive = zip::ZipArchive::new(file).map_err(broken)?;
        let mut texts: Vec<(usize, String)> = Vec::new();
        for index in 0..archive.len() {
            let member = archive.by_index_raw(index).map_err(broken)?;
            let name = member.name().to_owned();
            let is_hidden = name.split('/').any(|part| part.starts_with('.') || part == "__MACOSX");
            if member.is_file() && !is_hidden {
                texts.push((index, name));
            }
        }
        let ends_with = |name: &str, end: &str| name.to_ascii_lowercase().ends_with(end);
        // HistData puts a report in .txt beside the rows in .csv.
        let has_csv = texts.iter().any(|(_, name)| ends_with(name, ".csv"));
        texts.retain(|(_, name)| !has_csv || ends_with(name, ".csv"));
        let [(index, _)] = texts.as_slice() else {
            let names = texts.iter().map(|(_, name)| name.as_str()).take(5).collect::<Vec<_>>().join(", ");
            return Err(failed(match texts.len() {
                0 => "the archive holds no file".to_owned(),
                count => format!("the archive holds {count} files that could be meant ({names})"),
            }));
        };
        let member = archive.by_index_raw(*index).map_err(broken)?;
        let deflated = match member.compression() {
            zip::CompressionMethod::Stored => false,
            zip::CompressionMethod::Deflated => true,
            other => return Err(failed(format!("`{}` is packed by {other}, not by deflate", member.name()))),
        };
        if member.encrypted() {
            return Err(failed(format!("`{}` is encrypted", member.name())));
        }
        let start =
            member.data_start().ok_or_else(|| failed("the archive does not say where its file begins".into()))?;
        Ok(Self { start, packed: member.compressed_size(), crc: member.crc32(), deflated })
    }

    fn unpack(&self, file: Counted) -> Box<dyn Read + Send> {
        let packed = BufReader::with_capacity(CHUNK, file.take(self.packed));
        let inner: Box<dyn Read + Send> =
            if self.deflated { Box::new(DeflateDecoder::new(packed)) } else { Box::new(packed) };
        Box::new(Checked { inner, crc: Crc::new(), expected: self.crc })
    }
}

/// Holds a zip member against its checksum, which a member that is cut off fails, too.
struct Checked {
    inner: Box<dyn Read + Send>,
    crc: Crc,
    expected: u32,
}

impl Read for Checked {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.crc.update(&into[..read]);
        if read == 0 && !into.is_empty() && self.crc.sum() != self.expected {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the archived file's checksum does not fit"));
        }
        Ok(read)
    }
}

impl Encoding {
    /// The encoding, and the length of its byte order mark.
    fn of(head: &[u8]) -> (Self, usize) {
        match head {
            [0xEF, 0xBB, 0xBF, ..] => (Self::Utf8Bom, 3),
            [0xFF, 0xFE, ..] => (Self::Utf16Le, 2),
            [0xFE, 0xFF, ..] => (Self::Utf16Be, 2),
            [a, 0, b, 0, ..] if *a != 0 && *b != 0 => (Self::Utf16Le, 0),
            [0, a, 0, b, ..] if *a != 0 && *b != 0 => (Self::Utf16Be, 0),
            _ => (Self::Utf8, 0),
        }
    }
}

/// UTF-16 as UTF-8, in chunks. What is no character becomes U+FFFD.
struct Transcoded<R> {
    inner: R,
    unit_of: fn([u8; 2]) -> u16,
    raw: Vec<u8>,
    raw_start: usize,
    raw_end: usize,
    high: Option<u16>,
    ended: bool,
}

impl<R: Read> Transcoded<R> {
    fn new(inner: R, unit_of: fn([u8; 2]) -> u16) -> Self {
        Self { inner, unit_of, raw: vec![0; CHUNK], raw_start: 0, raw_end: 0, high: None, ended: false }
    }
}

impl<R: Read> Read for Transcoded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut written = 0;
        // A unit becomes three bytes at most, and a lost half before it three more.
        while written + 6 <= into.len() {
            let room = into.len() - written;
            let units = self.raw[self.raw_start..self.raw_end].chunks_exact(2).take(room / 6);
            let mut taken = 0;
            for unit in units {
                let unit = (self.unit_of)([unit[0], unit[1]]);
                taken += 2;
                if unit < 0x80 && self.high.is_none() {
                    into[written] = unit as u8;
                    written += 1;
                    continue;
                }
                let held = self.high.take();
                if held.is_none() && (0xD800..0xDC00).contains(&unit) {
                    self.high = Some(unit);
                    continue;
                }
                for character in char::decode_utf16(held.into_iter().chain([unit])) {
                    let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
                    written += character.encode_utf8(&mut into[written..]).len();
                }
            }
            self.raw_start += taken;
            if taken > 0 {
                continue;
            }
            if written > 0 || self.ended {
                break;
            }
            self.raw.copy_within(self.raw_start..self.raw_end, 0);
            self.raw_end -= self.raw_start;
            self.raw_start = 0;
            let read = self.inner.read(&mut self.raw[self.raw_end..])?;
            self.raw_end += read;
            self.ended = read == 0;
        }
        Ok(written)
    }
}

fn read_full(reader: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < into.len() {
        match reader.read(&mut into[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[inline]
fn without_returns(mut line: &[u8]) -> &[u8] {
    while let [rest @ .., b'\r'] = line {
        line = rest;
    }
    line
}

/// The beginning of a text from outside, fit to be shown.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let mut text: String = String::from_utf8_lossy(&bytes[..bytes.len().min(120)])
        .chars()
        .map(|c| if c == '\t' || !c.is_control() { c } else { '\u{FFFD}' })
        .collect();
    if bytes.len() > 120 {
        text.push('…');
    }
    text
}
