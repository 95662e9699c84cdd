//! A column's cells of one row group.

use std::collections::BTreeMap;

use alavanca_ports::{Cell, Kind};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedColumnWriter;

use crate::schema::DIGITS;

/// Different names that a column keeps at hand: regimes and actions are few, ids of states some hundreds.
const NAMES_KEPT: usize = 4_096;

/// The values that are there, and for each row whether it has one.
pub(crate) struct Buffer {
    values: Values,
    known: Vec<i16>,
}

enum Values {
    Flags(Vec<bool>),
    Days(Vec<i32>),
    Numbers(Vec<i64>),
    Reals(Vec<f64>),
    Texts { values: Vec<ByteArray>, names: BTreeMap<String, ByteArray> },
}

impl Buffer {
    pub(crate) fn of(kind: Kind) -> Self {
        let values = match kind {
            Kind::Flag => Values::Flags(Vec::new()),
            Kind::Day => Values::Days(Vec::new()),
            Kind::Real => Values::Reals(Vec::new()),
            Kind::Text => Values::Texts { values: Vec::new(), names: BTreeMap::new() },
            Kind::Count | Kind::Money | Kind::Decimal(_) | Kind::Instant | Kind::WallTime => {
                Values::Numbers(Vec::new())
            }
        };
        Self { values, known: Vec::new() }
    }

    /// Whether the cell is of the column's kind, and fits into its type.
    pub(crate) fn takes(&self, cell: &Cell<'_>, kind: Kind) -> bool {
        match (&self.values, cell) {
            (_, Cell::Absent)
            | (Values::Flags(_), Cell::Flag(_))
            | (Values::Reals(_), Cell::Real(_))
            | (Values::Texts { .. }, Cell::Text(_)) => true,
            (Values::Days(_), Cell::Number(day)) => i32::try_from(*day).is_ok(),
            (Values::Numbers(_), Cell::Number(number)) => {
                !matches!(kind, Kind::Money | Kind::Decimal(_)) || number.unsigned_abs() < 10_u64.pow(DIGITS as u32)
            }
            _ => false,
        }
    }

    /// Takes a cell in that fits.
    pub(crate) fn push(&mut self, cell: &Cell<'_>) {
        self.known.push(i16::from(!matches!(cell, Cell::Absent)));
        match (&mut self.values, cell) {
            (Values::Flags(values), Cell::Flag(flag)) => values.push(*flag),
            (Values::Days(values), Cell::Number(day)) => values.push(*day as i32),
            (Values::Numbers(values), Cell::Number(number)) => values.push(*number),
            (Values::Reals(values), Cell::Real(real)) => values.push(*real),
            (Values::Texts { values, names }, Cell::Text(text)) => {
                let shared = names.get(&**text).cloned().unwrap_or_else(|| {
                    let name = ByteArray::from(&**text);
                    if names.len() == NAMES_KEPT {
                        names.clear();
                    }
                    names.insert(text.clone().into_owned(), name.clone());
                    name
                });
                values.push(shared);
            }
            _ => {}
        }
    }

    /// Writes what is held and is empty again.
    pub(crate) fn write(&mut self, to: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        match &mut self.values {
            Values::Flags(values) => typed::<BoolType>(to, values, &self.known)?,
            Values::Days(values) => typed::<Int32Type>(to, values, &self.known)?,
            Values::Numbers(values) => typed::<Int64Type>(to, values, &self.known)?,
            Values::Reals(values) => typed::<DoubleType>(to, values, &self.known)?,
            Values::Texts { values, .. } => typed::<ByteArrayType>(to, values, &self.known)?,
        }
        self.known.clear();
        Ok(())
    }
}

fn typed<T: DataType>(
    to: &mut SerializedColumnWriter<'_>,
    values: &mut Vec<T::T>,
    known: &[i16],
) -> Result<(), ParquetError> {
    to.typed::<T>().write_batch(values, Some(known), None)?;
    values.clear();
    Ok(())
}
