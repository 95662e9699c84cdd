//! CSV for spreadsheets (RFC 4180).

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

use alavanca_kernel::{Money, Timestamp, TradingDay};
use alavanca_ports::{Cell, Column, Kind, TableSink};

/// How a spreadsheet expects it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// Commas between cells, dots in numbers, UTF-8 without a mark.
    #[default]
    Plain,
    /// As Excel reads it where decimals have commas, as in Brazil: semicolons between cells, commas in numbers, and the
    /// mark by which Excel knows UTF-8.
    DecimalComma,
}

/// By this Excel knows UTF-8.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// A CSV file that is being written.
pub(super) struct CsvTable<W: Write> {
    to: ::csv::Writer<W>,
    kinds: Vec<Kind>,
    dialect: Dialect,
    text: String,
}

impl<W: Write> CsvTable<W> {
    pub(super) fn new(mut to: W, columns: &[Column], dialect: Dialect) -> io::Result<Self> {
        let mut builder = ::csv::WriterBuilder::new();
        builder.terminator(::csv::Terminator::CRLF);
        if dialect == Dialect::DecimalComma {
            builder.delimiter(b';');
            to.write_all(MARK)?;
        }
        let mut to = builder.from_writer(to);
        to.write_record(columns.iter().map(|column| column.name.as_bytes())).map_err(failed)?;
        let kinds = columns.iter().map(|column| column.kind).collect();
        Ok(Self { to, kinds, dialect, text: String::new() })
    }
}

impl<W: Write> TableSink for CsvTable<W> {
    fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        assert_eq!(cells.len(), self.kinds.len(), "a row has a cell for each column");
        for (cell, kind) in cells.iter().zip(&self.kinds) {
            if let Cell::Text(text) = cell {
                self.to.write_field(defused(text).as_bytes()).map_err(failed)?;
                continue;
            }
            self.text.clear();
            write_cell(&mut self.text, cell, *kind);
            if self.dialect == Dialect::DecimalComma && *kind != Kind::Instant {
                // In no kind of cell but an instant is a dot anything but the decimal one; names are written above.
                if let Some(dot) = self.text.find('.') {
                    self.text.replace_range(dot..=dot, ",");
                }
            }
            self.to.write_field(self.text.as_bytes()).map_err(failed)?;
        }
        self.to.write_record(None::<&[u8]>).map_err(failed)
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.to.flush()
    }
}

/// A text that a spreadsheet would take for a formula, with the apostrophe by which it takes it for a text.
fn defused(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { format!("'{text}").into() } else { text.into() }
}

/// Writing to a String cannot fail.
fn write_cell(to: &mut String, cell: &Cell<'_>, kind: Kind) {
    let _ = match (cell, kind) {
        (Cell::Absent, _) => Ok(()),
        (Cell::Flag(flag), _) => to.write_str(if *flag { "true" } else { "false" }),
        (Cell::Real(real), _) => write!(to, "{real}"),
        (Cell::Text(text), _) => to.write_str(text),
        (Cell::Number(cents), Kind::Money) => write!(to, "{}", Money::from_cents(*cents)),
        (Cell::Number(number), Kind::Decimal(places)) => write_decimal(to, *number, places),
        (Cell::Number(micros), Kind::Instant) => write!(to, "{}", Timestamp::from_micros(*micros)),
        (Cell::Number(micros), Kind::WallTime) => write_wall_time(to, *micros),
        (Cell::Number(days), Kind::Day) => match i32::try_from(*days) {
            Ok(days) => write!(to, "{}", TradingDay::from_days(days)),
            Err(_) => write!(to, "{days}"),
        },
        (Cell::Number(number), _) => write!(to, "{number}"),
    };
}

/// Exact, without trailing zeros.
fn write_decimal(to: &mut String, number: i64, places: u8) -> std::fmt::Result {
    let one = 10_u64.pow(places.into());
    let (sign, size) = (if number < 0 { "-" } else { "" }, number.unsigned_abs());
    let (whole, rest) = (size / one, size % one);
    if rest == 0 {
        return write!(to, "{sign}{whole}");
    }
    let digits = format!("{rest:0width$}", width = usize::from(places));
    write!(to, "{sign}{whole}.{}", digits.trim_end_matches('0'))
}

/// `2021-03-11 17:35:00`, which spreadsheets read as a date and a time of day, unlike ISO 8601's form with a T.
fn write_wall_time(to: &mut String, micros: i64) -> std::fmt::Result {
    // An instant's text ends in Z, which would be wrong here.
    let text = Timestamp::from_micros(micros).to_string();
    to.write_str(&text.trim_end_matches('Z').replacen('T', " ", 1))
}

/// A pipe that ended stays one.
fn failed(error: ::csv::Error) -> io::Error {
    match error.into_kind() {
        ::csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(dialect: Dialect, cells: &[(Kind, Cell<'static>)]) -> String {
        let column = |(at, (kind, _)): (usize, &(Kind, Cell<'static>))| Column {
            name: format!("c{at}").into(),
            kind: *kind,
            unit: "",
            about: "".into(),
        };
        let columns: Vec<Column> = cells.iter().enumerate().map(column).collect();
        let mut file = Vec::new();
        let mut table = Box::new(CsvTable::new(&mut file, &columns, dialect).unwrap());
        table.row(&cells.iter().map(|(_, cell)| cell.clone()).collect::<Vec<_>>()).unwrap();
        table.finish().unwrap();
        let text = String::from_utf8(file).unwrap();
        let (_, row) = text.split_once("\r\n").unwrap();
        row.strip_suffix("\r\n").unwrap().to_owned()
    }

    #[test]
    fn each_kind_is_written_as_a_spreadsheet_reads_it() {
        use Kind::{Count, Day, Decimal, Flag, Instant, Money, Real, Text, WallTime};
        let number = Cell::Number;
        for (kind, cell, plain, comma) in [
            (Flag, Cell::Flag(true), "true", "true"),
            (Count, number(-7), "-7", "-7"),
            (Money, number(-1_250), "-12.50", "-12,50"),
            (Money, number(5), "0.05", "0,05"),
            (Money, number(100_000), "1000.00", "1000,00"),
            (Decimal(8), number(108_500_000), "1.085", "1,085"),
            (Decimal(8), number(-13_025_000_000_000), "-130250", "-130250"),
            (Decimal(8), number(1), "0.00000001", "0,00000001"),
            (Decimal(6), number(800_000), "0.8", "0,8"),
            (Decimal(8), number(i64::MIN), "-92233720368.54775808", "-92233720368,54775808"),
            (Real, Cell::Real(0.1 + 0.2), "0.30000000000000004", "0,30000000000000004"),
            (Real, Cell::Real(1.0), "1", "1"),
            (Real, Cell::Real(1e-7), "0.0000001", "0,0000001"),
            (Instant, number(1_615_494_900_000_000), "2021-03-11T20:35:00Z", "2021-03-11T20:35:00Z"),
            (Instant, number(1_615_494_900_292_000), "2021-03-11T20:35:00.292Z", "2021-03-11T20:35:00.292Z"),
            (WallTime, number(1_615_484_100_000_000), "2021-03-11 17:35:00", "2021-03-11 17:35:00"),
            (WallTime, number(1_615_484_100_292_000), "2021-03-11 17:35:00.292", "2021-03-11 17:35:00,292"),
            (Day, number(18_697), "2021-03-11", "2021-03-11"),
            (Text, Cell::Text("WIN.x".into()), "WIN.x", "WIN.x"),
            (Money, Cell::Absent, "", ""),
        ] {
            // Beside another cell, so that an absent one is no empty line.
            let row = |dialect| written(dialect, &[(kind, cell.clone()), (Count, number(1))]);
            let expected = |text: &str, mark: char| {
                if text.contains(mark) { format!("\"{text}\"{mark}1") } else { format!("{text}{mark}1") }
            };
            assert_eq!(row(Dialect::Plain), expected(plain, ','), "{kind:?}");
            assert_eq!(row(Dialect::DecimalComma), expected(comma, ';'), "{kind:?}");
        }
    }

    #[test]
    fn a_text_that_looks_like_a_formula_is_defused_and_a_figure_is_not() {
        for bad in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=HYPERLINK(\"http://x\")"] {
            let row = written(Dialect::Plain, &[(Kind::Text, Cell::Text(bad.into()))]);
            let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(row.as_bytes());
            let read = reader.records().next().unwrap().unwrap();
            assert_eq!(&read[0], format!("'{bad}"), "{row}");
        }
        for good in ["WIN$N", "TREND_UP", "a=b", "'quoted'", "a,b;c \"d\"", "ação"] {
            let row = written(Dialect::DecimalComma, &[(Kind::Text, Cell::Text(good.into()))]);
            let mut reader = ::csv::ReaderBuilder::new().has_headers(false).delimiter(b';').from_reader(row.as_bytes());
            assert_eq!(&reader.records().next().unwrap().unwrap()[0], good, "{row}");
        }
        assert_eq!(written(Dialect::Plain, &[(Kind::Money, Cell::Number(-100))]), "-1.00");
    }

    #[test]
    fn the_mark_comes_first_and_once() {
        let column = Column { name: "preço".into(), kind: Kind::Count, unit: "", about: "".into() };
        let mut file = Vec::new();
        let columns = [column];
        let table = Box::new(CsvTable::new(&mut file, &columns, Dialect::DecimalComma).unwrap());
        table.finish().unwrap();
        assert_eq!(file, [MARK, "preço\r\n".as_bytes()].concat());
    }
}
