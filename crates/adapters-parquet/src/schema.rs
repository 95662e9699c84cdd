//! Which Parquet type a kind of column is.

use alavanca_ports::{Column, Kind};
use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::errors::ParquetError;
use parquet::schema::types::{Type, TypePtr};

/// Digits of a decimal that fit into 64 bits.
pub(crate) const DIGITS: i32 = 18;

pub(crate) fn of(name: &str, columns: &[Column]) -> Result<TypePtr, ParquetError> {
    let fields = columns.iter().map(field).collect::<Result<Vec<_>, _>>()?;
    Ok(Type::group_type_builder(name).with_fields(fields).build()?.into())
}

fn field(column: &Column) -> Result<TypePtr, ParquetError> {
    let decimal = |places: u8| {
        let scale = i32::from(places);
        let logical = LogicalType::decimal(scale, DIGITS);
        Type::primitive_type_builder(&column.name, Physical::INT64)
            .with_logical_type(Some(logical))
            .with_precision(DIGITS)
            .with_scale(scale)
    };
    let plain = |physical| Type::primitive_type_builder(&column.name, physical);
    let typed = |physical, logical| plain(physical).with_logical_type(Some(logical));
    let time = |in_utc| typed(Physical::INT64, LogicalType::timestamp(in_utc, TimeUnit::MICROS));
    let builder = match column.kind {
        Kind::Flag => plain(Physical::BOOLEAN),
        Kind::Count => plain(Physical::INT64),
        Kind::Money => decimal(2),
        Kind::Decimal(places) => decimal(places),
        Kind::Real => plain(Physical::DOUBLE),
        Kind::Instant => time(true),
        Kind::WallTime => time(false),
        Kind::Day => typed(Physical::INT32, LogicalType::Date),
        Kind::Text => typed(Physical::BYTE_ARRAY, LogicalType::String),
    };
    Ok(builder.with_repetition(Repetition::OPTIONAL).build()?.into())
}
