//! What kind of file it is, told by its first lines.

use alavanca_kernel::Instrument;
use serde::Serialize;

use crate::cell::{self, Stamp, StampShape, bare};
use crate::source::shown;
use crate::zone::MICROS;

/// The layouts that are told apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum FileFormat {
    /// Bars exported by MetaTrader 5.
    #[serde(rename = "MT5 bars")]
    Mt5Bars,
    /// Ticks exported by MetaTrader 5.
    #[serde(rename = "MT5 ticks")]
    Mt5Ticks,
    /// A MetaTrader chart saved as a file: no header.
    #[serde(rename = "MT5 chart export")]
    Mt5Chart,
    /// An export of Nelogica Profit.
    #[serde(rename = "Profit export")]
    Profit,
    /// HistData's ASCII bars.
    #[serde(rename = "HistData bars")]
    HistDataBars,
    /// HistData's ASCII ticks.
    #[serde(rename = "HistData ticks")]
    HistDataTicks,
    /// A frame of MetaTrader's Python package, saved.
    #[serde(rename = "MetaTrader5 Python frame")]
    PythonFrame,
    /// Any other table whose header names what is needed.
    #[serde(rename = "table with header")]
    Table,
}

impl FileFormat {
    /// The name shown to people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mt5Bars => "MT5 bars",
            Self::Mt5Ticks => "MT5 ticks",
            Self::Mt5Chart => "MT5 chart export",
            Self::Profit => "Profit export",
            Self::HistDataBars => "HistData bars",
            Self::HistDataTicks => "HistData ticks",
            Self::PythonFrame => "MetaTrader5 Python frame",
            Self::Table => "table with header",
        }
    }
}

/// What a column holds. Its number is its place among the cells of a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Column {
    /// The date, or the whole stamp.
    Stamp,
    Time,
    Open,
    High,
    Low,
    Close,
    TickVolume,
    Volume,
    Spread,
    Symbol,
    Bid,
    Ask,
    Last,
    Flags,
    Unused,
}

impl Column {
    /// Columns that are read.
    pub(crate) const READ: usize = Self::Unused as usize;
}

/// How a row says when it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum StampLayout {
    /// A date and a time, each in a cell of its own.
    Split,
    /// Both in one cell, or a date alone.
    Joined,
    /// Units since 1970, so many in a second.
    Epoch(i64),
}

/// Where each thing stands in a row, and how it is spelled.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) format: FileFormat,
    pub(crate) ticks: bool,
    pub(crate) delimiter: u8,
    /// The first line with a row.
    pub(crate) first_row: u64,
    pub(crate) header: bool,
    pub(crate) names: Vec<String>,
    pub(crate) columns: Vec<Column>,
    /// Cells that a row needs, and those it may have.
    pub(crate) cells_min: usize,
    pub(crate) cells_max: usize,
    pub(crate) stamp: StampLayout,
    pub(crate) month_first: bool,
    pub(crate) comma: bool,
    pub(crate) quoted: bool,
    /// Decimals of its prices.
    pub(crate) digits: u32,
    pub(crate) newest_first: bool,
    /// The commonest distance of the first rows, in seconds.
    pub(crate) step: Option<i64>,
    /// What the symbol column of the first row says.
    pub(crate) symbol: Option<String>,
    /// Whether stamps carry their own distance from UTC.
    pub(crate) own_offset: bool,
}

/// The cells of one row, by column.
pub(crate) type Cells<'a> = [&'a [u8]; Column::READ];

/// Why a row or a file is not understood.
pub(crate) type Why = &'static str;

impl Layout {
    /// Tells the layout by the first lines that are not empty, each with its number.
    pub(crate) fn of(lines: &[(u64, Vec<u8>)]) -> Result<Self, (u64, String, String)> {
        let lines = match lines {
            // A line that tells spreadsheets the delimiter.
            [(_, first), rest @ ..] if first.to_ascii_lowercase().starts_with(b"sep=") => rest,
            lines => lines,
        };
        let Some((number, first)) = lines.first() else {
            return Err((1, String::new(), "it is empty".to_owned()));
        };
        let unknown = |why: &str| (*number, shown(first), why.to_owned());
        let quoted = lines.iter().take(3).any(|(_, line)| line.contains(&b'"'));
        let whole = whole_line(first, quoted);
        let delimiter = *b"\t;,|"
            .iter()
            .find(|&&d| memchr::memchr_iter(d, whole).count() >= 2)
            .ok_or_else(|| unknown("no three cells parted by tab, semicolon or comma"))?;

        let mut layout = Self {
            format: FileFormat::Table,
            ticks: false,
            delimiter,
            first_row: *number,
            header: false,
            names: Vec::new(),
            columns: Vec::new(),
            cells_min: 0,
            cells_max: 0,
            stamp: StampLayout::Joined,
            month_first: false,
            comma: false,
            quoted,
            digits: 0,
            newest_first: false,
            step: None,
            symbol: None,
            own_offset: false,
        };
        let first_cells = layout.split(first);
        let is_date = |cell: &&[u8]| matches!(StampShape::of(cell), Some(StampShape::Date | StampShape::DateTime));
        layout.header = !first_cells.iter().take(2).any(is_date);
        let rows: Vec<&[u8]> = lines[usize::from(layout.header)..].iter().map(|(_, line)| line.as_slice()).collect();
        if layout.header {
            layout.first_row = number + 1;
            layout.names = first_cells.iter().map(|cell| shown(cell)).collect();
        }
        let Some(sample) = layout.first_sound_row(&rows) else {
            return Err(unknown(if layout.header { "no row below it has a date" } else { "no row has a date" }));
        };
        let sample = layout.split(sample);
        if layout.header {
            layout.read_header(&sample).map_err(|why| unknown(&why))?;
        } else {
            layout.guess_columns(&sample, &rows).map_err(|why| unknown(&why))?;
        }
        layout.cells_max = layout.columns.len().max(sample.len());
        let last_read = layout.columns.iter().rposition(|&column| column != Column::Unused);
        layout.cells_min = last_read.map_or(0, |at| at + 1);
        layout.look_at_rows(&rows);
        Ok(layout)
    }

    /// The row's cells by column, bare.
    #[inline]
    pub(crate) fn cells<'a>(&self, line: &'a [u8], cells: &mut Cells<'a>) -> Result<(), Why> {
        let line = whole_line(line, self.quoted);
        let mut count = 0;
        if self.quoted && line.contains(&b'"') {
            for cell in QuotedCells::new(line, self.delimiter) {
                self.place(cell, &mut count, cells)?;
            }
        } else {
            let mut start = 0;
            for end in memchr::memchr_iter(self.delimiter, line).chain([line.len()]) {
                self.place(&line[start..end], &mut count, cells)?;
                start = end + 1;
            }
        }
        if count < self.cells_min { Err("too few cells") } else { Ok(()) }
    }

    #[inline]
    fn place<'a>(&self, cell: &'a [u8], count: &mut usize, cells: &mut Cells<'a>) -> Result<(), Why> {
        match self.columns.get(*count) {
            Some(Column::Unused) => {}
            Some(&column) => cells[column as usize] = bare(cell),
            None if *count >= self.cells_max && !bare(cell).is_empty() => return Err("too many cells"),
            None => {}
        }
        *count += 1;
        Ok(())
    }

    /// The row's stamp as the file's clock showed it.
    #[inline]
    pub(crate) fn stamp(&self, cells: &Cells<'_>) -> Result<Stamp, Why> {
        let stamp = cells[Column::Stamp as usize];
        match self.stamp {
            StampLayout::Split => {
                let (day, rest) = cell::date(stamp, self.month_first).ok_or("no date")?;
                let (micros, after) = cell::time(cells[Column::Time as usize]).ok_or("no time")?;
                if rest.is_empty() && after.is_empty() {
                    Ok(Stamp { day, micros, offset: None })
                } else {
                    Err("no date and time")
                }
            }
            StampLayout::Joined => cell::date_time(stamp, self.month_first).ok_or("no date and time"),
            StampLayout::Epoch(per_second) => cell::epoch(stamp, per_second).ok_or("no time since 1970"),
        }
    }

    pub(crate) fn has(&self, column: Column) -> bool {
        self.columns.contains(&column)
    }

    fn split<'a>(&self, line: &'a [u8]) -> Vec<&'a [u8]> {
        let line = whole_line(line, self.quoted);
        if self.quoted {
            QuotedCells::new(line, self.delimiter).map(bare).collect()
        } else {
            line.split(|&b| b == self.delimiter).map(bare).collect()
        }
    }

    /// The first row in which some cell is a date or a count of seconds: what a misprinted first row says is no guide.
    fn first_sound_row<'a>(&self, rows: &[&'a [u8]]) -> Option<&'a [u8]> {
        let dated = |line: &&&[u8]| {
            self.split(line).iter().any(|cell| {
                matches!(StampShape::of(cell), Some(StampShape::Date | StampShape::DateTime | StampShape::Epoch(_)))
            })
        };
        rows.iter().take(50).find(dated).copied()
    }

    fn read_header(&mut self, sample: &[&[u8]]) -> Result<(), String> {
        let plain: Vec<String> = self.names.iter().map(|name| plain_name(name)).collect();
        let mut columns = vec![Column::Unused; plain.len()];
        let mut take = |column: Column, names: &[&str]| {
            // The first name that fits, not the first column: `real_volume` before `volume`.
            let at = names.iter().find_map(|name| plain.iter().position(|plain| plain == name));
            if let Some(at) = at.filter(|&at| columns[at] == Column::Unused) {
                columns[at] = column;
            }
            at.is_some()
        };
        let bars = take(Column::Open, &["open", "abertura", "abe", "o"])
            & take(Column::High, &["high", "maximo", "mximo", "maxima", "mxima", "max", "h"])
            & take(Column::Low, &["low", "minimo", "mnimo", "minima", "mnima", "min", "l"])
            & take(Column::Close, &["close", "fechamento", "fech", "ultimo", "ltimo", "last", "c"]);
        self.ticks = !bars;
        if !bars {
            columns.fill(Column::Unused);
        }
        let mut take = |column: Column, names: &[&str]| {
            let at = names.iter().find_map(|name| plain.iter().position(|plain| plain == name));
            if let Some(at) = at.filter(|&at| columns[at] == Column::Unused) {
                columns[at] = column;
            }
            at.is_some()
        };
        take(Column::Symbol, &["ativo", "symbol", "ticker", "simbolo", "smbolo", "papel"]);
        if self.ticks {
            let bid = take(Column::Bid, &["bid", "bidprice"]);
            let ask = take(Column::Ask, &["ask", "askprice"]);
            let last = take(Column::Last, &["last", "lastprice", "price", "preco", "preo"]);
            take(Column::Volume, &["volumereal", "volume", "vol", "quantidade", "qty"]);
            take(Column::Flags, &["flags"]);
            if !(bid && ask || last) {
                return Err("the header names neither open, high, low and close nor bid and ask nor last".to_owned());
            }
        } else {
            take(Column::TickVolume, &["tickvol", "tickvolume", "ticks", "tick", "negocios", "negcios", "trades"]);
            // Where there is a count of contracts, `Volume` is money.
            take(Column::Volume, &["quantidade", "qtd", "qty", "contratos", "realvolume", "vol", "volume", "v"]);
            take(Column::Spread, &["spread"]);
        }

        const STAMPS: [&str; 22] = [
            "timemsc",
            "datetime",
            "timestamp",
            "datahora",
            "date",
            "data",
            "dia",
            "day",
            "time",
            "hora",
            "horario",
            "horrio",
            "hour",
            "gmttime",
            "localtime",
            "opentime",
            "datetimeutc",
            "dateutc",
            "timeutc",
            "index",
            "unnamed0",
            "",
        ];
        // The same place in STAMPS orders the candidates: by name, then by column.
        let mut stamps: Vec<(usize, usize, StampShape)> = plain
            .iter()
            .enumerate()
            .filter(|&(at, _)| columns[at] == Column::Unused)
            .filter_map(|(at, name)| Some((STAMPS.iter().position(|stamp| stamp == name)?, at)))
            .filter_map(|(rank, at)| Some((rank, at, StampShape::of(sample.get(at)?)?)))
            .collect();
        stamps.sort_by_key(|&(rank, at, _)| (rank, at));
        let find = |wanted: &dyn Fn(StampShape) -> bool| stamps.iter().find(|(_, _, shape)| wanted(*shape)).copied();
        let date = find(&|shape| shape == StampShape::Date);
        let time = find(&|shape| shape == StampShape::Time);
        let epoch = find(&|shape| matches!(shape, StampShape::Epoch(_)));
        let both = find(&|shape| shape == StampShape::DateTime);
        self.stamp = match (date, time, epoch, both) {
            (Some((_, date, _)), Some((_, time, _)), _, _) => {
                columns[date] = Column::Stamp;
                columns[time] = Column::Time;
                StampLayout::Split
            }
            (_, _, Some((_, at, StampShape::Epoch(per_second))), _) => {
                columns[at] = Column::Stamp;
                StampLayout::Epoch(per_second)
            }
            (_, _, _, Some((_, at, _))) | (Some((_, at, _)), _, _, _) => {
                columns[at] = Column::Stamp;
                StampLayout::Joined
            }
            _ => return Err("no column of that header holds a date".to_owned()),
        };

        let stamp = sample[columns.iter().position(|&column| column == Column::Stamp).unwrap_or(0)];
        let of_metatrader = ["tickvolume", "realvolume", "timemsc", "volumereal"]
            .iter()
            .any(|name| plain.iter().any(|plain| plain == name));
        let dotted = stamp.len() >= 10 && stamp[4] == b'.' && stamp[7] == b'.';
        let angled = self.names.iter().any(|name| name.starts_with('<'));
        let day_first = stamp.get(2).is_some_and(|b| matches!(b, b'/' | b'.' | b'-'));
        self.format = if angled || dotted {
            if self.ticks { FileFormat::Mt5Ticks } else { FileFormat::Mt5Bars }
        } else if of_metatrader {
            FileFormat::PythonFrame
        } else if plain.iter().any(|name| name == "ativo") || day_first && self.delimiter == b';' {
            FileFormat::Profit
        } else {
            FileFormat::Table
        };
        self.columns = columns;
        Ok(())
    }

    fn guess_columns(&mut self, sample: &[&[u8]], rows: &[&[u8]]) -> Result<(), String> {
        use Column::{
            Ask, Bid, Close, Flags, High, Last, Low, Open, Spread, Stamp, Symbol, TickVolume, Time, Unused, Volume,
        };
        let mut columns = Vec::new();
        if StampShape::of(sample[0]).is_none() {
            columns.push(Symbol);
        }
        let at = columns.len();
        columns.push(Stamp);
        self.stamp = StampLayout::Joined;
        let shape = sample.get(at).and_then(|cell| StampShape::of(cell));
        if shape == Some(StampShape::Date)
            && sample.get(at + 1).and_then(|c| StampShape::of(c)) == Some(StampShape::Time)
        {
            columns.push(Time);
            self.stamp = StampLayout::Split;
        }
        let stamp = sample.get(at).copied().unwrap_or_default();
        let before = columns.len();
        let few = &rows[..rows.len().min(50)];
        // A delimiter at the end of each row makes an empty cell.
        let trailing = usize::from(few.iter().all(|line| self.split(line).last().is_some_and(|cell| cell.is_empty())));
        let rest = sample.len().saturating_sub(before + trailing);
        let compact = stamp.len() >= 8 && stamp[..8].iter().all(u8::is_ascii_digit);
        let has_millis = |line: &&[u8]| {
            self.split(line).iter().take(before).any(|cell| {
                cell.contains(&b'.')
                    && cell.contains(&b':')
                    && cell.iter().rposition(|&b| b == b'.') > cell.iter().rposition(|&b| b == b':')
            })
        };
        let has_gaps = |line: &&[u8]| self.split(line).iter().skip(before).take(3).any(|cell| cell.is_empty());
        self.ticks = rest < 4 || rest < 6 && (few.iter().any(has_millis) || few.iter().any(has_gaps));
        let symbol_first = columns[0] == Symbol;
        columns.extend_from_slice(match (self.ticks, rest) {
            (true, 2) => &[Bid, Ask][..],
            (true, 3) => &[Bid, Ask, Volume],
            (true, 4) => &[Bid, Ask, Last, Volume],
            (true, 5) => &[Bid, Ask, Last, Volume, Flags],
            (false, 4) => &[Open, High, Low, Close],
            (false, 5) => &[Open, High, Low, Close, Volume],
            // Profit: money, then contracts.
            (false, 6) if symbol_first => &[Open, High, Low, Close, Unused, Volume],
            (false, 6) => &[Open, High, Low, Close, TickVolume, Volume],
            (false, 7) if !symbol_first => &[Open, High, Low, Close, TickVolume, Volume, Spread],
            _ => return Err(format!("no header, and {rest} cells after the date fit no known layout")),
        });
        self.format = match (compact, symbol_first, self.ticks) {
            (true, _, true) => FileFormat::HistDataTicks,
            (true, _, false) => FileFormat::HistDataBars,
            (_, true, _) => FileFormat::Profit,
            (_, _, true) => FileFormat::Mt5Ticks,
            (_, _, false) => FileFormat::Mt5Chart,
        };
        self.columns = columns;
        Ok(())
    }

    /// What the first rows tell together: number style, decimals, order of time, distance.
    fn look_at_rows(&mut self, rows: &[&[u8]]) {
        let first_mapped = |layout: &Self, column: Column| layout.columns.iter().position(|&c| c == column);
        self.month_first = first_mapped(self, Column::Stamp).is_some_and(|at| {
            rows.iter().any(|line| {
                self.split(line)
                    .get(at)
                    .is_some_and(|cell| cell::date(cell, false).is_none() && cell::date(cell, true).is_some())
            })
        });
        // Any number may give the comma away: a WIN price of 108.840 alone does not.
        self.comma = self.delimiter != b','
            && rows.iter().any(|line| {
                self.split(line).iter().any(|cell| {
                    cell.contains(&b',') && cell.iter().all(|b| matches!(b, b'0'..=b'9' | b'.' | b',' | b'-' | b'+'))
                })
            });
        if self.delimiter == b',' && self.quoted {
            self.comma = rows.iter().any(|line| {
                let row = self.split(line);
                let prices = [Column::Open, Column::Bid, Column::Last].into_iter();
                prices
                    .filter_map(|column| first_mapped(self, column))
                    .any(|at| row.get(at).is_some_and(|c| c.contains(&b',')))
            });
        }

        let prices = [Column::Open, Column::High, Column::Low, Column::Close, Column::Bid, Column::Ask, Column::Last];
        let (mut shown, mut needed) = (Vec::new(), 0);
        let mut stamps: Vec<i64> = Vec::new();
        for line in rows {
            let mut cells: Cells<'_> = Default::default();
            if self.cells(line, &mut cells).is_err() {
                continue;
            }
            for column in prices {
                let cell = cells[column as usize];
                if let Ok(raw) = cell::price(cell, self.comma) {
                    shown.push(cell::decimals_shown(cell, self.comma));
                    needed = needed.max(cell::decimals_needed(raw));
                }
            }
            if let Ok(stamp) = self.stamp(&cells) {
                self.own_offset |= stamp.offset.is_some();
                stamps.push(stamp.day * 86_400 + stamp.micros / MICROS);
            }
            if self.symbol.is_none() && self.has(Column::Symbol) {
                // Names that are no text cannot be compared with; no export has them.
                self.symbol = std::str::from_utf8(cells[Column::Symbol as usize]).ok().map(str::to_owned);
            }
        }
        // Exports pad to the symbol's decimals; frames show as many as a float takes.
        let padded = shown.windows(2).all(|pair| pair[0] == pair[1]) && shown.first().is_some_and(|&n| n <= 8);
        self.digits = if padded { shown.first().map_or(0, |&n| n as u32) } else { needed };

        let (mut ups, mut downs) = (0_usize, 0_usize);
        let mut steps: Vec<i64> = Vec::new();
        for pair in stamps.windows(2) {
            ups += usize::from(pair[1] > pair[0]);
            downs += usize::from(pair[1] < pair[0]);
            if pair[0] != pair[1] {
                steps.push((pair[1] - pair[0]).abs());
            }
        }
        self.newest_first = downs > ups;
        self.step = commonest(steps);
    }

    /// The instrument that the symbol column or the file's name speaks of.
    pub(crate) fn instrument(&self, file_name: &str) -> Option<(String, &'static str)> {
        if let Some(symbol) = self.symbol.as_ref().filter(|symbol| !symbol.is_empty()) {
            return Some((symbol.clone(), "column"));
        }
        Instrument::from_file_name(file_name).map(|instrument| (instrument.name, "file name"))
    }
}

fn commonest(mut steps: Vec<i64>) -> Option<i64> {
    steps.sort_unstable();
    // Of equally common ones the shortest.
    steps.chunk_by(|a, b| a == b).rev().max_by_key(|run| run.len()).map(|run| run[0])
}

/// Lower case ASCII letters and digits only: `<TICKVOL>`, `Tick Volume` and `tick_volume` become nearly one.
fn plain_name(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// A line without the quotes that some exports put around all of it.
#[inline]
fn whole_line(line: &[u8], quoted: bool) -> &[u8] {
    if !quoted {
        return line;
    }
    let trimmed = line.trim_ascii();
    match trimmed {
        [b'"', inner @ .., b'"'] if !inner.contains(&b'"') => inner,
        _ => line,
    }
}

/// The cells of a line in which a quoted cell may hold the delimiter.
struct QuotedCells<'a> {
    rest: Option<&'a [u8]>,
    delimiter: u8,
}

impl<'a> QuotedCells<'a> {
    fn new(line: &'a [u8], delimiter: u8) -> Self {
        Self { rest: Some(line), delimiter }
    }
}

impl<'a> Iterator for QuotedCells<'a> {
    type Item = &'a [u8];
    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        let mut inside = false;
        for (at, &byte) in rest.iter().enumerate() {
            if byte == b'"' {
                inside = !inside;
            } else if byte == self.delimiter && !inside {
                self.rest = Some(&rest[at + 1..]);
                return Some(&rest[..at]);
            }
        }
        self.rest = None;
        Some(rest)
    }
}
