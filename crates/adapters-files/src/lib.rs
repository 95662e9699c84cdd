//! Market data files as people have them: exports of MetaTrader and Profit, HistData, frames saved from Python.
//! They become bars and ticks, in order of time, with everything odd about them counted and told by its line.
//!
//! It is no general reader of tables, mends no row, and guesses no price: a faulty row is left out.
//!
//! ```
//! use alavanca_adapters_files::{FaultKind, MarketFile, ReadSettings, Rows};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("winz20_m5.csv");
//! let mut text = String::from("<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n");
//! for minute in 0..300 {
//!     let time = format!("2020.07.20\t{:02}:{:02}:00", 9 + minute / 60, minute % 60);
//!     text += &format!("{time}\t103500\t103550\t{}\t103505\t7\t31\t5\n", if minute == 7 { 1035 } else { 103_490 });
//! }
//! std::fs::write(&path, text)?;
//!
//! let mut file = MarketFile::open(&path, &ReadSettings::default(), &mut |_progress| {})?;
//! assert_eq!(file.report().zone.to_string(), "America/Sao_Paulo");
//! assert_eq!(file.report().count_of(FaultKind::Misprint), 1);
//! assert_eq!(file.report().faults[0].lines[0].line, 9);
//! let (mut batch, mut rows) = (Rows::new(), 0);
//! while file.next_batch(&mut batch)? {
//!     rows += batch.len();
//! }
//! assert_eq!(rows, 299);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is read
//! Told apart by content, never by the name: plain, gzip (of one member or many) and zip (of one `.csv` or `.txt`);
//! UTF-8 with and without mark, UTF-16 of both orders, Latin 1 in headers; lines that end in LF, CR LF, CR CR LF or CR;
//! tab, semicolon, comma; whole lines or single cells in quotes; with a header (any order of columns, English or
//! Portuguese names) or without; oldest or newest first. Dates are `2021.03.11`, `2021-03-11`, `11/03/2021`
//! (`03/11/2021` where some date has no other reading), `20210311` or seconds since 1970 and their fractions; times
//! `20:35`, `20:35:00.292`, `203500292` or none. Numbers have a decimal point, or Brazil's comma with dots between
//! thousands, or an exponent; beyond eight decimals they are rounded, so that a frame's `1.1445400000000001` is 1.14454.
//!
//! A spread that is a whole number is taken for points of the file's own decimals, another one for a distance.
//! Where a column counts contracts (`Quantidade`, `real_volume`), one called `Volume` is money or ticks and is not read.
//! In ticks an empty cell means "as before". Its volume is a trade's where flags say so (8 last, 16 volume; other bits
//! are not to be relied on), else where a cell of the trade is filled.
//!
//! # Clocks (semantics 34)
//! Unless `--data-tz` names it: HistData is New York's local time; Profit and whatever is named after a contract of B3
//! is Brasília's (`America/Sao_Paulo`); MetaTrader's stamps are the broker server's, taken for the usual one, seven
//! hours ahead of New York ([`DataZone::Broker`]); other tables are UTC. Stamps that carry their offset need none. An
//! hour that a clock showed twice is read by the order of the rows; one that it skipped is noted.
//!
//! # Faults (semantics 36)
//! The first that fits is counted; the row is left out and changes nothing that later rows are judged by.
//!
//! | kind | rule |
//! |---|---|
//! | [`Unreadable`](FaultKind::Unreadable) | too few or too many cells, no date, no number (NaN, infinity), another symbol, a tick that says nothing |
//! | [`NotPositive`](FaultKind::NotPositive) | a bar's price of zero or below; a tick's below zero, or all of its prices zero |
//! | [`OhlcBroken`](FaultKind::OhlcBroken) | open or close outside low to high |
//! | [`Misprint`](FaultKind::Misprint) | see below |
//! | [`TimeBackwards`](FaultKind::TimeBackwards) | earlier than the last row that was let in |
//! | [`DuplicateBar`](FaultKind::DuplicateBar) | a bar of the same time. Ticks may repeat: they are trades |
//! | [`CrossedBook`](FaultKind::CrossedBook) | bid above ask. Books cross in auctions, where trades happen: the tick is kept, `Tick::is_tradable` is false, and it does not count towards refusal |
//!
//! **Misprints.** A price is placed against the last close (or trade, or bid) that was let in, and may be a fifth above
//! or below it (6/5); twice, where rows are days. In the files known to us the wildest true bar moved 10 %, and misprints
//! are a digit or a decimal point lost, tenfold at least, so any bound between would tell them apart; a fifth is where
//! exchanges halt. The check looks both ways, so that contract changes, splits and gaps pass:
//! - a bar whose close stays near, but whose open, high or low lies a fifth outside of what is between the last close
//!   and its own, is a misprint;
//! - a row whose close itself is far waits. Back near the old level within four rows: those were misprints. Five rows
//!   near each other: that is the new level, and all five are let in. The end of the file before that: misprints;
//! - the first level is the median of the first nine rows, since any of them may be the misprint.
//!
//! Where more than [`accept_faults_percent`](ReadSettings::accept_faults_percent) of the rows are faulty (1 unless said
//! otherwise; exactly as many pass), [`MarketFile::open`] refuses the file with the counts and lines;
//! [`MarketFile::inspect`] reports them.
//!
//! Weekend bars, prices off the tick's grid, repeated ticks, an unreliable spread column and the like are [`Note`]s.
//!
//! # Memory and time
//! A file is read twice, in chunks: once to judge it, once to hand it over. Both readings are the same code over the
//! same state, so they agree; a file that changed in between is an error. Files that are newest first are held, at 80
//! bytes a bar while judged and 64 from then on, and turned round.

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
pub use zone::{DataZone, FileClock};
