//! Tables for other programs: spreadsheets, notebooks, databases.

use std::borrow::Cow;
use std::io;

/// What a column's cells are. The cell holds the value ([`Cell`]), the kind says how to read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Yes or no; a [`Cell::Flag`].
    Flag,
    /// A whole number: ids, counts, contracts, seconds; a [`Cell::Number`].
    Count,
    /// Money, in hundredths; a [`Cell::Number`]. Always shown with its two places.
    Money,
    /// An exact decimal with so many places, shown without trailing zeros; a [`Cell::Number`] in units of its last
    /// place. At most 18 digits in all.
    Decimal(u8),
    /// A statistic: confidence, posterior; a [`Cell::Real`].
    Real,
    /// An instant, in microseconds since 1970 in UTC; a [`Cell::Number`].
    Instant,
    /// What a wall clock showed, in microseconds since its own 1970; a [`Cell::Number`].
    WallTime,
    /// A calendar day, in days since 1970; a [`Cell::Number`].
    Day,
    /// A name; a [`Cell::Text`].
    Text,
}

impl Kind {
    /// Its name in documentation.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Count => "integer",
            Self::Money => "money",
            Self::Decimal(_) => "decimal",
            Self::Real => "real",
            Self::Instant => "instant",
            Self::WallTime => "local time",
            Self::Day => "day",
            Self::Text => "text",
        }
    }
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name: lower case, words joined by `_`.
    pub name: Cow<'static, str>,
    /// What its cells are.
    pub kind: Kind,
    /// What it is measured in; empty where it is not.
    pub unit: &'static str,
    /// What it means, in a line.
    pub about: Cow<'static, str>,
}

/// One cell. What is not known is absent in every kind of column.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'a> {
    /// Nothing is known, or there is nothing.
    Absent,
    /// Of [`Kind::Flag`].
    Flag(bool),
    /// Of every kind that is an integer.
    Number(i64),
    /// Of [`Kind::Real`].
    Real(f64),
    /// Of [`Kind::Text`].
    Text(Cow<'a, str>),
}

/// Takes a table in, row by row, and keeps no more of it than a bounded part in memory.
pub trait TableSink {
    /// The next row: one cell for each column, of the column's kind.
    ///
    /// # Errors
    /// Where it cannot be written, or a cell is not of its column's kind.
    fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()>;

    /// Writes what is left. Without it the table is not complete.
    ///
    /// # Errors
    /// Where it cannot be written.
    fn finish(self: Box<Self>) -> io::Result<()>;
}
