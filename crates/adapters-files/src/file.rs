use std::fmt;
use std::path::Path;
use std::vec;

use alavanca_kernel::{Bar, Instrument, Price, SettingError, Tick, Timestamp};

use crate::layout::{Column, FileFormat, Layout};
use crate::report::{Note, RowKind, Symbol, ZoneSource};
use crate::row::{Carry, RawBar, RawTick, RowReader};
use crate::screen::{FaultKind, Reach, Row, Screen, Sink};
use crate::source::{Lines, shown};
use crate::survey::{Survey, Weekend};
use crate::{DataZone, FileError, FileReport};

/// A market data file, read and checked once, ready to hand over its rows oldest first.
///
/// Opening reads all of it: rows are judged, the bars' length is found, and a file with too many faulty rows is
/// refused. Handing over reads it a second time, in chunks, so that memory does not grow with its length; only files
/// that are newest first are held in memory.
pub struct MarketFile {
    report: FileReport,
    rows: Pass,
    handed: u64,
}

/// How a file is to be read.
#[derive(Clone, Debug)]
pub struct ReadSettings {
    /// The clock of its stamps (`--data-tz`); `None` takes the format's own (semantics 34).
    pub zone: Option<DataZone>,
    /// Percent of the rows that may be faulty (`--accept-faults`), 0 to 100 (semantics 36).
    pub accept_faults_percent: f64,
    /// Length of its bars in seconds; `None` takes the commonest distance.
    pub bar_seconds: Option<u32>,
    /// What market it is, where neither the file nor its name says it.
    pub class: Option<MarketClass>,
}

impl Default for ReadSettings {
    fn default() -> Self {
        Self { zone: None, accept_faults_percent: 1.0, bar_seconds: None, class: None }
    }
}

/// The kind of market, which decides the clock that is assumed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MarketClass {
    /// Brazil's exchange.
    B3,
    /// Currencies.
    Forex,
}

/// How far a reading has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// Bytes of the file (packed, where it is packed) that have been read.
    pub bytes_done: u64,
    /// Bytes that it has.
    pub bytes_total: u64,
    /// Rows that have been read.
    pub rows: u64,
}

/// A batch of rows of one file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Rows {
    /// Bars, oldest first.
    Bars(Vec<Bar>),
    /// Ticks, oldest first.
    Ticks(Vec<Tick>),
}

impl Rows {
    /// An empty batch; it becomes what the file holds.
    pub const fn new() -> Self {
        Self::Bars(Vec::new())
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Bars(bars) => bars.len(),
            Self::Ticks(ticks) => ticks.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn bars(&mut self) -> &mut Vec<Bar> {
        if !matches!(self, Self::Bars(_)) {
            *self = Self::Bars(Vec::new());
        }
        match self {
            Self::Bars(bars) => bars,
            Self::Ticks(_) => unreachable!("made bars above"),
        }
    }

    fn ticks(&mut self) -> &mut Vec<Tick> {
        if !matches!(self, Self::Ticks(_)) {
            *self = Self::Ticks(Vec::new());
        }
        match self {
            Self::Ticks(ticks) => ticks,
            Self::Bars(_) => unreachable!("made ticks above"),
        }
    }
}

impl Default for Rows {
    fn default() -> Self {
        Self::new()
    }
}

/// Rows of a batch, about.
const BATCH: usize = 4096;
/// Rows between two calls for progress.
const STRIDE: usize = 1 << 16;
/// Lines by which a layout is told, and bytes of them.
const SAMPLE_LINES: usize = 300;
const SAMPLE_BYTES: usize = 1 << 16;

enum Pass {
    Bars(Stream<RawBar>, u32),
    Ticks(Stream<RawTick>, Carry),
    HeldBars(vec::IntoIter<Bar>),
    HeldTicks(vec::IntoIter<Tick>),
}

impl MarketFile {
    /// Reads the file once and says what it is and what is wrong with it, also where it would be refused.
    pub fn inspect(
        path: impl AsRef<Path>,
        settings: &ReadSettings,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<FileReport, FileError> {
        Self::survey(path.as_ref(), settings, progress, false).map(|(report, ..)| report)
    }

    /// Reads the file once and refuses it where too many rows are faulty; then its rows can be had.
    pub fn open(
        path: impl AsRef<Path>,
        settings: &ReadSettings,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, FileError> {
        let path = path.as_ref();
        let (report, layout, held) = Self::survey(path, settings, progress, true)?;
        if report.is_over_limit() {
            return Err(FileError::Refused { report: Box::new(report) });
        }
        if report.accepted == 0 {
            return Err(FileError::Unusable { path: path.to_owned(), what: "it has no row that can be used".into() });
        }
        let zone = report.zone;
        let rows = match (held, report.kind) {
            (_, RowKind::Bars { seconds: 0 }) => {
                let what = "one row does not tell how long a bar is: say it (bar_seconds)".to_owned();
                return Err(FileError::Unusable { path: path.to_owned(), what });
            }
            (Some(Held::Bars(mut bars)), RowKind::Bars { seconds }) => {
                for bar in &mut bars {
                    bar.seconds = seconds;
                }
                Pass::HeldBars(bars.into_iter())
            }
            (Some(Held::Ticks(ticks)), _) => Pass::HeldTicks(ticks.into_iter()),
            (_, RowKind::Bars { seconds }) => Pass::Bars(Stream::open(path, layout, zone, false)?, seconds),
            (_, RowKind::Ticks) => Pass::Ticks(Stream::open(path, layout, zone, false)?, Carry::default()),
        };
        Ok(Self { report, rows, handed: 0 })
    }

    /// What the first reading found.
    pub fn report(&self) -> &FileReport {
        &self.report
    }

    /// How far handing over has come.
    pub fn progress(&self) -> Progress {
        let total = self.report.bytes;
        let bytes_done = match &self.rows {
            Pass::Bars(stream, _) => stream.lines.bytes_done(),
            Pass::Ticks(stream, _) => stream.lines.bytes_done(),
            Pass::HeldBars(_) | Pass::HeldTicks(_) => {
                (u128::from(total) * u128::from(self.handed) / u128::from(self.report.accepted.max(1))) as u64
            }
        };
        Progress { bytes_done, bytes_total: total, rows: self.handed }
    }

    /// Replaces `batch` by the next rows that are let in. False where there are no more, and the batch is empty.
    pub fn next_batch(&mut self, batch: &mut Rows) -> Result<bool, FileError> {
        match &mut self.rows {
            Pass::Bars(stream, seconds) => {
                let bars = batch.bars();
                bars.clear();
                let mut sink = BarBatch { bars, seconds: *seconds };
                while sink.bars.is_empty() && stream.fill(&mut sink, BATCH)? {}
            }
            Pass::Ticks(stream, carry) => {
                let ticks = batch.ticks();
                ticks.clear();
                let mut sink = TickBatch { ticks, carry };
                while sink.ticks.is_empty() && stream.fill(&mut sink, BATCH)? {}
            }
            Pass::HeldBars(held) => {
                let bars = batch.bars();
                bars.clear();
                bars.extend(held.take(BATCH));
            }
            Pass::HeldTicks(held) => {
                let ticks = batch.ticks();
                ticks.clear();
                ticks.extend(held.take(BATCH));
            }
        }
        self.handed += batch.len() as u64;
        if batch.is_empty() && self.handed != self.report.accepted || self.handed > self.report.accepted {
            let what = format!("it had {} rows that were let in, now {}", self.report.accepted, self.handed);
            return Err(FileError::Changed { path: self.report.path.clone(), what });
        }
        Ok(!batch.is_empty())
    }

    fn survey(
        path: &Path,
        settings: &ReadSettings,
        progress: &mut dyn FnMut(Progress),
        keep: bool,
    ) -> Result<(FileReport, Layout, Option<Held>), FileError> {
        settings.check()?;
        let layout = tell_layout(path)?;
        let file_name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let symbol = layout.instrument(&file_name).map(|(name, from)| Symbol { name, from });
        let preset = symbol.as_ref().and_then(|symbol| Instrument::preset(&symbol.name));
        let class = settings.class.or_else(|| class_of(preset.as_ref(), symbol.as_ref(), &file_name));
        let (zone, zone_from) = zone_of(settings, &layout, class);
        let weekend = if class == Some(MarketClass::Forex) { Weekend::Forex } else { Weekend::Local };
        let mut survey = Survey::new(weekend, layout.step, preset.map(|preset| preset.tick));

        let keep = keep && layout.newest_first;
        let (stream_end, held) = if layout.ticks {
            let (mut ticks, mut carry) = (Vec::new(), Carry::default());
            let mut keep_tick = |row: &RawTick| ticks.push(carry.fill(row));
            let kept: Option<&mut dyn FnMut(&RawTick)> = if keep { Some(&mut keep_tick) } else { None };
            (read_once(path, &layout, zone, &mut survey, kept, progress)?, Held::Ticks(ticks))
        } else {
            let mut bars = Vec::new();
            let mut keep_bar = |row: &RawBar| bars.push(row.bar);
            let kept: Option<&mut dyn FnMut(&RawBar)> = if keep { Some(&mut keep_bar) } else { None };
            (read_once(path, &layout, zone, &mut survey, kept, progress)?, Held::Bars(bars))
        };

        let point = Price::from_raw(10_i64.pow(8 - layout.digits.min(8)));
        let mut notes = Vec::new();
        if layout.newest_first {
            notes.push(Note::NewestFirst);
        }
        notes.extend(survey.notes(point, zone_from));
        if stream_end.skipped > 0 {
            notes.push(Note::SkippedHour { count: stream_end.skipped });
        }
        let kind = if layout.ticks {
            RowKind::Ticks
        } else {
            let step = survey.commonest_step();
            let seconds = settings.bar_seconds.or(step).unwrap_or(0);
            if let Some(step) = step.filter(|&step| step < seconds) {
                let what = format!("bars of {seconds} s would overlap: most begin {step} s apart");
                return Err(FileError::Unusable { path: path.to_owned(), what });
            }
            notes.extend(step.filter(|&step| step > seconds).map(|seconds| Note::LongerStep { seconds }));
            RowKind::Bars { seconds }
        };
        let unused = layout.names.iter().zip(&layout.columns).filter(|(_, column)| **column == Column::Unused);
        let names: Vec<String> = unused.map(|(name, _)| name.clone()).filter(|name| !name.is_empty()).collect();
        if !names.is_empty() {
            notes.push(Note::UnusedColumns { names });
        }
        let report = FileReport {
            path: path.to_owned(),
            sha256: stream_end.sha256,
            bytes: stream_end.bytes,
            format: layout.format,
            compression: stream_end.compression,
            encoding: stream_end.encoding,
            delimiter: char::from(layout.delimiter),
            header: layout.header,
            columns: layout.names.clone(),
            newest_first: layout.newest_first,
            digits: layout.digits,
            kind,
            symbol,
            rows: survey.rows,
            accepted: survey.accepted,
            first: survey.first.map(Timestamp::from_micros),
            last: survey.first.map(|_| Timestamp::from_micros(survey.last)),
            zone,
            zone_from,
            gaps: survey.gaps(),
            faulty: survey.faulty(),
            faults: survey.faults(),
            accept_faults_percent: settings.accept_faults_percent,
            notes,
        };
        Ok((report, layout, keep.then_some(held)))
    }
}

impl fmt::Debug for MarketFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MarketFile").field("path", &self.report.path).field("handed", &self.handed).finish()
    }
}

impl ReadSettings {
    fn check(&self) -> Result<(), SettingError> {
        let percent = self.accept_faults_percent;
        if !(0.0..=100.0).contains(&percent) {
            return Err(SettingError::new("--accept-faults", percent, "a percentage from 0 to 100"));
        }
        if self.bar_seconds.is_some_and(|seconds| seconds == 0) {
            return Err(SettingError::new("bar_seconds", 0, "at least one second"));
        }
        Ok(())
    }
}

/// Rows of a newest-first file, turned round.
enum Held {
    Bars(Vec<Bar>),
    Ticks(Vec<Tick>),
}

/// What is known when a reading has come to its end.
struct StreamEnd {
    sha256: String,
    bytes: u64,
    compression: crate::Compression,
    encoding: crate::Encoding,
    skipped: u64,
}

fn tell_layout(path: &Path) -> Result<Layout, FileError> {
    let mut lines = Lines::open(path, false)?;
    let (mut sample, mut bytes) = (Vec::new(), 0);
    while sample.len() < SAMPLE_LINES && bytes < SAMPLE_BYTES {
        let number = lines.line + 1;
        let Some(line) = lines.next_line()? else { break };
        bytes += line.len();
        if !is_blank(line) {
            sample.push((number, line.to_vec()));
        }
    }
    Layout::of(&sample).map_err(|(line, found, why)| FileError::Unknown { path: path.to_owned(), line, found, why })
}

fn read_once<R: Row>(
    path: &Path,
    layout: &Layout,
    zone: DataZone,
    survey: &mut Survey,
    kept: Option<&mut dyn FnMut(&R)>,
    progress: &mut dyn FnMut(Progress),
) -> Result<StreamEnd, FileError>
where
    Survey: Sink<R>,
{
    let mut stream = Stream::<R>::open(path, layout.clone(), zone, true)?;
    if layout.newest_first {
        let mut rows: Vec<(R, u64)> = Vec::new();
        while stream.hold(&mut rows, survey, STRIDE)? {
            progress(stream.progress());
        }
        let mut sink = Tee { survey, kept };
        for (row, line) in rows.into_iter().rev() {
            stream.screen.push(row, line, &mut sink);
        }
        stream.screen.finish(&mut sink);
    } else {
        while stream.fill(survey, STRIDE)? {
            progress(stream.progress());
        }
    }
    survey.rows = stream.rows;
    let bytes = stream.lines.bytes_total;
    progress(Progress { bytes_done: bytes, bytes_total: bytes, rows: stream.rows });
    Ok(StreamEnd {
        sha256: stream.lines.sha256(),
        bytes,
        compression: stream.lines.compression,
        encoding: stream.lines.encoding,
        skipped: stream.reader.clock.skipped,
    })
}

/// One reading: lines become rows, rows pass the screen.
struct Stream<R> {
    lines: Lines,
    reader: RowReader,
    screen: Screen<R>,
    first_row: u64,
    rows: u64,
    ended: bool,
}

impl<R: Row> Stream<R> {
    fn open(path: &Path, layout: Layout, zone: DataZone, hash: bool) -> Result<Self, FileError> {
        let is_days = layout.step.is_some_and(|step| step >= 86_400);
        let reach = if is_days { Reach::DAYS } else { Reach::WITHIN_DAY };
        Ok(Self {
            lines: Lines::open(path, hash)?,
            first_row: layout.first_row,
            reader: RowReader::new(layout, zone),
            screen: Screen::new(reach),
            rows: 0,
            ended: false,
        })
    }

    /// Reads so many lines; false at the end of the file.
    fn fill(&mut self, sink: &mut impl Sink<R>, lines: usize) -> Result<bool, FileError> {
        if self.ended {
            return Ok(false);
        }
        for _ in 0..lines {
            let number = self.lines.line + 1;
            let Some(line) = self.lines.next_line()? else {
                self.screen.finish(sink);
                self.ended = true;
                return Ok(false);
            };
            if number < self.first_row || is_blank(line) {
                continue;
            }
            self.rows += 1;
            match R::read(&mut self.reader, line) {
                Ok(row) => self.screen.push(row, number, sink),
                Err(why) => sink.reject(number, FaultKind::Unreadable, format_args!("{why}: `{}`", shown(line))),
            }
        }
        Ok(true)
    }

    /// As [`fill`](Self::fill), but keeps the rows for later.
    fn hold(&mut self, rows: &mut Vec<(R, u64)>, sink: &mut impl Sink<R>, lines: usize) -> Result<bool, FileError> {
        for _ in 0..lines {
            let number = self.lines.line + 1;
            let Some(line) = self.lines.next_line()? else { return Ok(false) };
            if number < self.first_row || is_blank(line) {
                continue;
            }
            self.rows += 1;
            match R::read(&mut self.reader, line) {
                Ok(row) => rows.push((row, number)),
                Err(why) => sink.reject(number, FaultKind::Unreadable, format_args!("{why}: `{}`", shown(line))),
            }
        }
        Ok(true)
    }

    fn progress(&self) -> Progress {
        Progress { bytes_done: self.lines.bytes_done(), bytes_total: self.lines.bytes_total, rows: self.rows }
    }
}

/// Empty, or the mark by which old systems end a text.
#[inline]
fn is_blank(line: &[u8]) -> bool {
    line.len() < 8 && line.iter().all(|b| b.is_ascii_whitespace() || matches!(b, 0 | 0x1A))
}

/// The survey, and whoever keeps the rows.
struct Tee<'a, 'b, R> {
    survey: &'a mut Survey,
    kept: Option<&'b mut dyn FnMut(&R)>,
}

impl<R> Sink<R> for Tee<'_, '_, R>
where
    Survey: Sink<R>,
{
    fn accept(&mut self, row: &R, line: u64) {
        self.survey.accept(row, line);
        if let Some(keep) = &mut self.kept {
            keep(row);
        }
    }

    fn reject(&mut self, line: u64, kind: FaultKind, what: fmt::Arguments<'_>) {
        Sink::<R>::reject(self.survey, line, kind, what);
    }
}

struct BarBatch<'a> {
    bars: &'a mut Vec<Bar>,
    seconds: u32,
}

impl Sink<RawBar> for BarBatch<'_> {
    #[inline]
    fn accept(&mut self, row: &RawBar, _: u64) {
        self.bars.push(Bar { seconds: self.seconds, ..row.bar });
    }

    fn reject(&mut self, _: u64, _: FaultKind, _: fmt::Arguments<'_>) {}
}

struct TickBatch<'a> {
    ticks: &'a mut Vec<Tick>,
    carry: &'a mut Carry,
}

impl Sink<RawTick> for TickBatch<'_> {
    fn accept(&mut self, row: &RawTick, _: u64) {
        self.ticks.push(self.carry.fill(row));
    }

    fn reject(&mut self, _: u64, _: FaultKind, _: fmt::Arguments<'_>) {}
}

fn class_of(preset: Option<&Instrument>, symbol: Option<&Symbol>, file_name: &str) -> Option<MarketClass> {
    if let Some(preset) = preset {
        return Some(if preset.is_b3() { MarketClass::B3 } else { MarketClass::Forex });
    }
    const CURRENCIES: [&str; 12] = ["EUR", "USD", "GBP", "JPY", "CHF", "AUD", "NZD", "CAD", "SEK", "NOK", "MXN", "BRL"];
    let is_pair = |word: &str| {
        let word = word.to_ascii_uppercase();
        let known = |half: Option<&str>| half.is_some_and(|half| CURRENCIES.contains(&half));
        word.len() == 6 && known(word.get(..3)) && known(word.get(3..))
    };
    let words = symbol.map(|symbol| symbol.name.as_str()).into_iter().chain([file_name]);
    words.flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric())).any(is_pair).then_some(MarketClass::Forex)
}

fn zone_of(settings: &ReadSettings, layout: &Layout, class: Option<MarketClass>) -> (DataZone, ZoneSource) {
    use FileFormat::{HistDataBars, HistDataTicks, Mt5Bars, Mt5Chart, Mt5Ticks, Profit, PythonFrame, Table};
    if layout.own_offset {
        return (DataZone::UTC, ZoneSource::Stamps);
    }
    if let Some(zone) = settings.zone {
        return (zone, ZoneSource::Given);
    }
    match (layout.format, class) {
        (HistDataBars | HistDataTicks, _) => (DataZone::new_york(), ZoneSource::HistData),
        (Profit, _) | (_, Some(MarketClass::B3)) => (DataZone::sao_paulo(), ZoneSource::B3),
        // The Python package writes the server's clock as if it were UTC.
        (Mt5Bars | Mt5Ticks | Mt5Chart | PythonFrame, _) => (DataZone::Broker, ZoneSource::BrokerAssumed),
        (Table, _) => (DataZone::UTC, ZoneSource::UtcAssumed),
    }
}
