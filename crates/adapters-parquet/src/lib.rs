//! Tables as Parquet files, for notebooks and databases: typed columns, row groups, Snappy.
//!
//! It is a [`TableSink`] and knows nothing of trading: whoever writes says what the columns
//! are. It is no reader (the tests read with the `parquet` crate's own), and keeps at most one row group in memory.
//!
//! | kind | Parquet |
//! |---|---|
//! | flag | BOOLEAN |
//! | integer | INT64 |
//! | money | INT64, DECIMAL(18, 2) |
//! | decimal | INT64, DECIMAL(18, its places) |
//! | real | DOUBLE |
//! | instant | INT64, TIMESTAMP(MICROS, UTC) |
//! | local time | INT64, TIMESTAMP(MICROS, local) |
//! | day | INT32, DATE |
//! | text | BYTE_ARRAY, STRING |
//!
//! Every column may have absent cells. What a column means stands in the file's metadata, under its name.
//!
//! ```
//! use alavanca_adapters_parquet::ParquetTable;
//! use alavanca_ports::{Cell, Column, Kind, TableSink};
//!
//! let columns = [Column { name: "net".into(), kind: Kind::Money, unit: "BRL", about: "Result after costs".into() }];
//! let mut file = Vec::new();
//! let mut table = Box::new(ParquetTable::new(&mut file, "trades", &columns).unwrap());
//! table.row(&[Cell::Number(-1_250)]).unwrap();
//! table.row(&[Cell::Absent]).unwrap();
//! table.finish().unwrap();
//! assert!(file.starts_with(b"PAR1") && file.ends_with(b"PAR1"));
//! ```

mod buffer;
mod schema;

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use alavanca_ports::{Cell, Column, TableSink};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;

use crate::buffer::Buffer;

/// What it writes with, for whoever reads with the same release.
pub use parquet;

/// Rows to a row group, and the most that are in memory.
pub const ROW_GROUP: usize = 16_384;

/// A table that is being written.
pub struct ParquetTable<W: Write + Send> {
    file: SerializedFileWriter<W>,
    columns: Vec<Column>,
    buffers: Vec<Buffer>,
    rows: usize,
}

impl<W: Write + Send> fmt::Debug for ParquetTable<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParquetTable").field("columns", &self.columns.len()).field("rows", &self.rows).finish()
    }
}

impl<W: Write + Send> ParquetTable<W> {
    /// Begins a file: `name` is the table's, kept in the schema.
    ///
    /// # Errors
    /// Where the columns cannot be (two of one name), or the file's begin cannot be written.
    pub fn new(to: W, name: &str, columns: &[Column]) -> io::Result<Self> {
        if let Some(twice) = columns.iter().enumerate().find(|(at, c)| columns[..*at].iter().any(|d| d.name == c.name))
        {
            return Err(io::Error::other(format!("two columns of {name} are called {}", twice.1.name)));
        }
        let schema = schema::of(name, columns).map_err(failed)?;
        let about = |column: &Column| {
            let unit = if column.unit.is_empty() { String::new() } else { format!(" ({})", column.unit) };
            KeyValue::new(column.name.to_string(), format!("{}{unit}", column.about))
        };
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_key_value_metadata(Some(columns.iter().map(about).collect()))
            .build();
        let file = SerializedFileWriter::new(to, schema, Arc::new(properties)).map_err(failed)?;
        let buffers = columns.iter().map(|column| Buffer::of(column.kind)).collect();
        Ok(Self { file, columns: columns.to_vec(), buffers, rows: 0 })
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let mut group = self.file.next_row_group()?;
        for buffer in &mut self.buffers {
            if let Some(mut column) = group.next_column()? {
                buffer.write(&mut column)?;
                column.close()?;
            }
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }
}

impl<W: Write + Send> TableSink for ParquetTable<W> {
    fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        if cells.len() != self.columns.len() {
            return Err(unfit(format!("{} cells for {} columns", cells.len(), self.columns.len())));
        }
        // Checked before anything is taken in: columns of different lengths would shift all that follows.
        for ((cell, column), buffer) in cells.iter().zip(&self.columns).zip(&self.buffers) {
            if !buffer.takes(cell, column.kind) {
                return Err(unfit(format!("{cell:?} in the column {}, which is {:?}", column.name, column.kind)));
            }
        }
        for (buffer, cell) in self.buffers.iter_mut().zip(cells) {
            buffer.push(cell);
        }
        self.rows += 1;
        if self.rows == ROW_GROUP { self.write_group().map_err(failed) } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        if self.rows > 0 {
            self.write_group().map_err(failed)?;
        }
        let mut to = self.file.into_inner().map_err(failed)?;
        to.flush()
    }
}

fn unfit(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

/// A pipe that ended stays one, so that it can be told from a full disk.
fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}
