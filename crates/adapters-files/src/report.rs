//! What is known of a file after its first reading.

use std::fmt;
use std::path::PathBuf;

use alavanca_kernel::{Price, Timestamp};
use serde::Serialize;

use crate::{Compression, DataZone, Encoding, FaultKind, FileFormat};

/// What a file is, what it holds and what is wrong with it.
#[derive(Clone, Debug, Serialize)]
pub struct FileReport {
    /// Where it lies.
    pub path: PathBuf,
    /// SHA-256 of its bytes as they lie there, in hex.
    pub sha256: String,
    /// How many bytes these are.
    pub bytes: u64,
    /// The layout.
    pub format: FileFormat,
    /// How it is packed.
    pub compression: Compression,
    /// How its text is encoded.
    pub encoding: Encoding,
    /// What parts its cells.
    pub delimiter: char,
    /// Whether it has a header.
    pub header: bool,
    /// The header's names; empty where there is none.
    pub columns: Vec<String>,
    /// Whether the last row is the oldest. Such files are held in memory.
    pub newest_first: bool,
    /// Decimals of its prices.
    pub digits: u32,
    /// Bars or ticks.
    pub kind: RowKind,
    /// The symbol, where the file or its name says it.
    pub symbol: Option<Symbol>,
    /// Rows that are neither header nor empty.
    pub rows: u64,
    /// Rows that are let in.
    pub accepted: u64,
    /// When the first accepted row was (a bar's beginning).
    pub first: Option<Timestamp>,
    /// When the last accepted row was (a bar's beginning).
    pub last: Option<Timestamp>,
    /// The clock its stamps are read by.
    pub zone: DataZone,
    /// Why that one.
    pub zone_from: ZoneSource,
    /// Holes longer than usual.
    pub gaps: Gaps,
    /// The kinds of fault that occur, each with its lines.
    pub faults: Vec<FaultCount>,
    /// Rows with a fault that rejects them.
    pub faulty: u64,
    /// Percent of the rows that may be faulty.
    pub accept_faults_percent: f64,
    /// What else one should know.
    pub notes: Vec<Note>,
}

impl FileReport {
    /// Percent of the rows that are rejected.
    pub fn faulty_percent(&self) -> f64 {
        percent(self.faulty, self.rows)
    }

    /// Whether more rows are faulty than may be (semantics 36).
    pub fn is_over_limit(&self) -> bool {
        self.faulty as f64 * 100.0 > self.accept_faults_percent * self.rows as f64
    }

    /// How many rows have this fault.
    pub fn count_of(&self, kind: FaultKind) -> u64 {
        self.faults.iter().find(|fault| fault.kind == kind).map_or(0, |fault| fault.count)
    }

    /// One sentence on how many rows are faulty, by kind, with their first lines, and what can be done.
    pub fn refusal(&self) -> String {
        let kinds: Vec<String> = self
            .faults
            .iter()
            .filter(|fault| fault.kind.rejects())
            .map(|fault| {
                let lines: Vec<String> = fault.lines.iter().take(5).map(|line| line.line.to_string()).collect();
                let more = if fault.count > 5 { ", …" } else { "" };
                format!("{} {} (lines {}{more})", fault.kind, grouped(fault.count), lines.join(", "))
            })
            .collect();
        let enough = (self.faulty_percent() + 1e-9).ceil().min(100.0);
        format!(
            "{} of {} rows ({:.1} %) are faulty (limit {} %): {}. Use --accept-faults {enough} to run without those rows",
            grouped(self.faulty),
            grouped(self.rows),
            self.faulty_percent(),
            self.accept_faults_percent,
            kinds.join("; "),
        )
    }
}

/// What the rows are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RowKind {
    /// Bars.
    Bars {
        /// Their length; 0 where a single row does not tell.
        seconds: u32,
    },
    /// Ticks.
    Ticks,
}

/// The symbol that a file speaks of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Symbol {
    /// Its name, as spelled there.
    pub name: String,
    /// Where the name stands: `column` or `file name`.
    pub from: &'static str,
}

/// Why a file's stamps are read by the clock they are read by (semantics 34).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ZoneSource {
    /// `--data-tz` says so.
    Given,
    /// Each stamp carries its distance from UTC.
    Stamps,
    /// HistData writes New York's local time.
    HistData,
    /// B3's stamps are Brasília's wall time.
    B3,
    /// MetaTrader writes the broker server's clock; this is the usual one, not necessarily this broker's.
    BrokerAssumed,
    /// Nothing tells it, so UTC is assumed.
    UtcAssumed,
}

impl fmt::Display for ZoneSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Given => "given",
            Self::Stamps => "written in the stamps",
            Self::HistData => "HistData writes New York local time",
            Self::B3 => "B3 stamps are Brasília wall time",
            Self::BrokerAssumed => "assumed: the usual forex server clock; --data-tz if the broker's differs",
            Self::UtcAssumed => "assumed: nothing tells it; --data-tz if it differs",
        })
    }
}

/// Rows with one kind of fault.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct FaultCount {
    /// The kind.
    pub kind: FaultKind,
    /// How many rows.
    pub count: u64,
    /// Of all rows.
    pub percent: f64,
    /// The first of them, 20 at most.
    pub lines: Vec<FaultLine>,
}

/// One faulty row.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FaultLine {
    /// Its line in the file, from 1.
    pub line: u64,
    /// What it says.
    pub what: String,
}

/// Holes in the rows that are longer than usual: within a day, more than half an hour and ten bars; over days, more
/// than two skipped weekdays. Nights, weekends and single holidays are none.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Gaps {
    /// How many there are.
    pub count: u64,
    /// The longest, longest first, ten at most.
    pub largest: Vec<Gap>,
}

/// One hole.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Gap {
    /// The row before it.
    pub from: Timestamp,
    /// The row after it.
    pub to: Timestamp,
    /// Seconds from one to the other.
    pub seconds: i64,
}

/// Something odd that is no fault.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "note", rename_all = "snake_case")]
pub enum Note {
    /// The file was turned round.
    NewestFirst,
    /// Rows while the market rests at the weekend.
    WeekendRows {
        /// How many.
        count: u64,
        /// The first of them.
        first_line: u64,
    },
    /// Bars with a price that is no multiple of the tick: adjusted for contract changes, or odd.
    OffGrid {
        /// How many bars.
        count: u64,
        /// The instrument's tick.
        tick: Price,
    },
    /// Bars that do not begin at a multiple of their length.
    OffBarGrid {
        /// How many bars.
        count: u64,
    },
    /// Bars in which nothing was traded, as the file says.
    ZeroVolume {
        /// How many bars.
        count: u64,
    },
    /// Ticks that repeat another of the same time exactly. They are trades and stay.
    RepeatedTicks {
        /// How many ticks.
        count: u64,
    },
    /// Spreads that are no multiple of the tick: the column is not to be relied on.
    SpreadUnreliable {
        /// How many bars.
        count: u64,
        /// What one point of the column was taken for.
        point: Price,
    },
    /// Stamps in an hour that the clock skipped: perhaps it is another clock.
    SkippedHour {
        /// How many rows.
        count: u64,
    },
    /// On some Fridays trading ends before 23:00 on the assumed server clock: the server seems to follow Europe's
    /// daylight time, or none.
    FridayEndsEarly {
        /// How many Fridays.
        count: u64,
    },
    /// Bars mostly begin further apart than the length that was asked for.
    LongerStep {
        /// How far apart they begin, in seconds.
        seconds: u32,
    },
    /// Columns that are not read.
    UnusedColumns {
        /// Their names.
        names: Vec<String>,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NewestFirst => f.write_str("newest first: turned round in memory"),
            Self::WeekendRows { count, first_line } => {
                write!(
                    f,
                    "{} rows while the market rests at the weekend, the first in line {first_line}: a test of the \
                     exchange, or another clock",
                    grouped(*count)
                )
            }
            Self::OffGrid { count, tick } => {
                write!(f, "{} bars with a price off the grid of {tick} (adjusted prices?)", grouped(*count))
            }
            Self::OffBarGrid { count } => write!(f, "{} bars begin off the grid of their length", grouped(*count)),
            Self::ZeroVolume { count } => {
                write!(f, "{} bars without volume among others that have it", grouped(*count))
            }
            Self::RepeatedTicks { count } => {
                write!(f, "{} exact repeats of ticks kept: they are trades", grouped(*count))
            }
            Self::SpreadUnreliable { count, point } => write!(
                f,
                "spread column unreliable: {} bars are no multiple of the tick (read in points of {point})",
                grouped(*count)
            ),
            Self::SkippedHour { count } => {
                write!(f, "{} stamps in an hour that the clock skipped: is --data-tz right?", grouped(*count))
            }
            Self::FridayEndsEarly { count } => write!(
                f,
                "trading ends early on {count} Fridays: the server may follow Europe's daylight time \
                 (--data-tz Europe/Athens)"
            ),
            Self::LongerStep { seconds } => write!(f, "bars mostly begin {seconds} s apart, longer than asked for"),
            Self::UnusedColumns { names } => write!(f, "columns not read: {}", names.join(", ")),
        }
    }
}

pub(crate) fn percent(part: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { part as f64 * 100.0 / of as f64 }
}

/// `14,400`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
