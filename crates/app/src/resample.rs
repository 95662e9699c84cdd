//! A market data file written anew, in larger bars.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use alavanca_adapters_files::{FileClock, FileError, MarketFile, Progress, ReadSettings, RowKind, Rows};
use alavanca_kernel::{Bar, Price, Timestamp, UnknownName};
use chrono::DateTime;
use serde::Serialize;

use crate::joined::Joiner;
use crate::timeframe::Timeframe;

/// How the larger bars are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BarLayout {
    /// As MetaTrader exports them: tabs between the cells, names in angle brackets.
    #[default]
    Mt5,
    /// The same columns with commas and plain names.
    Csv,
}

impl std::str::FromStr for BarLayout {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        match text.to_ascii_lowercase().as_str() {
            "mt5" => Ok(Self::Mt5),
            "csv" => Ok(Self::Csv),
            _ => Err(UnknownName { what: "layout", got: text.to_owned(), known: "mt5, csv".to_owned() }),
        }
    }
}

/// What is to be written.
#[derive(Debug, Clone)]
pub struct ResampleRequest {
    /// The file to read.
    pub data: PathBuf,
    /// How it is to be read.
    pub read: ReadSettings,
    /// How long the bars are to be.
    pub to: Timeframe,
    /// The file to write; it must not be there.
    pub out: PathBuf,
    /// How it is to be written.
    pub layout: BarLayout,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Resampled {
    /// The file that was read.
    pub data: PathBuf,
    /// Length of its bars in seconds; 0 for ticks.
    pub from_seconds: u32,
    /// Its rows that were let in.
    pub rows: u64,
    /// Rows left out for their faults.
    pub faulty: u64,
    /// The file that was written.
    pub out: PathBuf,
    /// The time frame's name.
    pub to: String,
    /// Its bars.
    pub bars: u64,
    /// When the first began.
    pub first: Option<Timestamp>,
    /// When the last began. It holds what there was of it.
    pub last: Option<Timestamp>,
    /// The clock of the stamps, of both files.
    pub clock: String,
    /// Whether the file that was written is read by that clock without being told; else `--data-tz` says it.
    pub clock_is_told: bool,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ResampleError {
    /// The data cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The rows are longer, or do not make up whole bars.
    #[error(
        "{file} holds bars of {seconds} s, which do not make up bars of {to}: name a longer --to, such as {longer}"
    )]
    TooFine {
        /// The file.
        file: String,
        /// Its bars' length.
        seconds: u32,
        /// What was asked for.
        to: Timeframe,
        /// What could be.
        longer: String,
    },
    /// There is a file already.
    #[error("{0} is there already, and is not overwritten: name another file with --out")]
    Exists(String),
    /// It could not be written.
    #[error("{path} cannot be written: {source}")]
    Write {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

/// Time frames that bars of so many seconds make up, other than their own.
pub(crate) fn longer_than(seconds: u32) -> String {
    let longer = Timeframe::ALL.into_iter().filter(|known| known.seconds() > seconds && known.is_made_of(seconds));
    let names: Vec<&str> = longer.map(Timeframe::as_str).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// Reads a file, joins its rows and writes the bars. The file that is written reads back to the same bars.
///
/// # Errors
/// [`ResampleError`]; nothing is left behind then.
pub fn resample(request: &ResampleRequest, progress: &mut dyn FnMut(Progress)) -> Result<Resampled, ResampleError> {
    if request.out.exists() {
        return Err(ResampleError::Exists(request.out.display().to_string()));
    }
    let mut file = MarketFile::open(&request.data, &request.read, progress)?;
    let report = file.report().clone();
    let from_seconds = match report.kind {
        RowKind::Bars { seconds } => seconds,
        RowKind::Ticks => 0,
    };
    if from_seconds > 0 && !request.to.is_made_of(from_seconds) {
        return Err(ResampleError::TooFine {
            file: request.data.display().to_string(),
            seconds: from_seconds,
            to: request.to,
            longer: longer_than(from_seconds),
        });
    }
    let mut joiner = Joiner::new(request.to, FileClock::new(report.zone));
    let (mut rows, mut bars) = (Rows::new(), Vec::new());
    while file.next_batch(&mut rows)? {
        joiner.push(&rows, &mut bars);
        progress(file.progress());
    }
    bars.extend(joiner.finish());

    let written = text(&bars, report.digits, request.layout, &mut joiner);
    write(&request.out, &written)?;
    let again = MarketFile::inspect(&request.out, &ReadSettings::default(), &mut |_| {});
    Ok(Resampled {
        data: request.data.clone(),
        from_seconds,
        rows: report.accepted,
        faulty: report.faulty,
        out: request.out.clone(),
        to: request.to.to_string(),
        bars: bars.len() as u64,
        first: bars.first().map(|bar| bar.time),
        last: bars.last().map(|bar| bar.time),
        clock: report.zone.to_string(),
        clock_is_told: again.is_ok_and(|again| again.zone == report.zone),
    })
}

/// All bars, with as many decimals as the file had, and more where a price needs them.
fn text(bars: &[Bar], digits: u32, layout: BarLayout, joiner: &mut Joiner) -> String {
    let needed = |price: Price| (0..8).find(|&n| price.raw() % 10_i64.pow(8 - n) == 0).unwrap_or(8);
    let of_bar = |bar: &Bar| [bar.open, bar.high, bar.low, bar.close].map(needed).into_iter().max().unwrap_or(0);
    let digits = bars.iter().map(of_bar).max().unwrap_or(0).max(digits.min(8));
    let point = 10_i64.pow(8 - digits);
    let (cell, names) = match layout {
        BarLayout::Mt5 => ('\t', "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>"),
        BarLayout::Csv => (',', "Date,Time,Open,High,Low,Close,Ticks,Volume,Spread"),
    };
    let price = |price: Price| Decimal(price, digits).to_string();
    let mut text = format!("{names}\n");
    for bar in bars {
        let stamp = DateTime::from_timestamp(joiner.begin_of(bar), 0).unwrap_or_default();
        let stamp = stamp.format(if cell == ',' { "%Y.%m.%d,%H:%M:%S" } else { "%Y.%m.%d\t%H:%M:%S" });
        let prices = [bar.open, bar.high, bar.low, bar.close].map(price).join(&cell.to_string());
        // Whole numbers are points; a distance between two of them is said as it is.
        let spread = bar.spread.raw();
        let spread = if spread % point == 0 { (spread / point).to_string() } else { bar.spread.to_string() };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{stamp}{cell}{prices}{cell}{}{cell}{}{cell}{spread}", bar.tick_volume, bar.volume);
    }
    text
}

/// A price with a fixed number of decimals.
struct Decimal(Price, u32);

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(price, digits) = *self;
        let (whole, rest) = (price.raw() / Price::SCALE, (price.raw() % Price::SCALE).abs());
        write!(f, "{whole}")?;
        if digits > 0 {
            write!(f, ".{:0width$}", rest / 10_i64.pow(8 - digits), width = digits as usize)?;
        }
        Ok(())
    }
}

/// The file gets its name once it is whole.
fn write(path: &Path, text: &str) -> Result<(), ResampleError> {
    let failed = |source| ResampleError::Write { path: path.display().to_string(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".part");
    let part = folder.join(name);
    let written = std::fs::File::create(&part)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&part, path));
    written.map_err(|source| {
        // What is left of it is of no use to anybody.
        let _ = std::fs::remove_file(&part);
        failed(source)
    })
}
