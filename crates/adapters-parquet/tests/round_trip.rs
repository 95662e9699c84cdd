//! What is written is what the `parquet` crate's own reader finds.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::fs::File;

use alavanca_adapters_parquet::{ParquetTable, ROW_GROUP};
use alavanca_ports::{Cell, Column, Kind, TableSink};
use parquet::basic::{Compression, LogicalType, Type};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, RowAccessor};

const KINDS: [(&str, Kind); 9] = [
    ("flag", Kind::Flag),
    ("count", Kind::Count),
    ("money", Kind::Money),
    ("price", Kind::Decimal(8)),
    ("real", Kind::Real),
    ("at", Kind::Instant),
    ("shown", Kind::WallTime),
    ("day", Kind::Day),
    ("text", Kind::Text),
];

fn columns() -> Vec<Column> {
    KINDS.map(|(name, kind)| Column { name: name.into(), kind, unit: "", about: name.into() }).to_vec()
}

fn row(n: i64) -> [Cell<'static>; 9] {
    let all = [
        Cell::Flag(n % 2 == 0),
        Cell::Number(n),
        Cell::Number(-n * 101),
        Cell::Number(n * 12_345_678),
        Cell::Real(n as f64 / 3.0),
        Cell::Number(1_615_494_900_292_001 + n),
        Cell::Number(1_615_484_100_292_001 + n),
        Cell::Number(-n),
        Cell::Text(format!("=text {}", n % 7_000).into()),
    ];
    // Every cell is absent in some row, each in its own.
    let mut place = -1;
    all.map(|cell| {
        place += 1;
        if (n + place) % 5 == 0 { Cell::Absent } else { cell }
    })
}

#[test]
fn every_cell_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    // More than two row groups, so that what is carried from one to the next would show.
    let rows = 2 * ROW_GROUP as i64 + 3;
    let mut table = Box::new(ParquetTable::new(File::create(&path).unwrap(), "things", &columns()).unwrap());
    for n in 0..rows {
        table.row(&row(n)).unwrap();
    }
    table.finish().unwrap();

    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    assert_eq!((reader.num_row_groups(), reader.metadata().file_metadata().num_rows()), (3, rows));
    let mut read = 0;
    for (n, found) in (0..rows).zip(reader.get_row_iter(None).unwrap()) {
        let found = found.unwrap();
        for (place, (cell, (_, field))) in row(n).iter().zip(found.get_column_iter()).enumerate() {
            let same = match (cell, field) {
                (Cell::Absent, Field::Null) => true,
                (Cell::Flag(a), Field::Bool(b)) => a == b,
                (Cell::Real(a), Field::Double(b)) => a.to_bits() == b.to_bits(),
                (Cell::Text(a), Field::Str(b)) => a == b,
                (Cell::Number(a), Field::Long(b)) => a == b,
                (Cell::Number(a), Field::Date(b)) => *a == i64::from(*b),
                (Cell::Number(a), Field::TimestampMicros(b)) => a == b,
                (Cell::Number(a), Field::Decimal(b)) => {
                    let bytes: [u8; 8] = b.data().try_into().unwrap();
                    let places = if place == 2 { 2 } else { 8 };
                    (*a, places, 18) == (i64::from_be_bytes(bytes), b.scale(), b.precision())
                }
                _ => false,
            };
            assert!(same, "row {n}, {}: {cell:?} became {field:?}", KINDS[place].0);
        }
        assert!(n % 5 == 0 || found.get_bool(0).is_ok());
        read += 1;
    }
    assert_eq!(read, rows);
}

#[test]
fn the_types_say_what_the_kinds_are() {
    let mut file = Vec::new();
    let table = Box::new(ParquetTable::new(&mut file, "things", &columns()).unwrap());
    table.finish().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty.parquet");
    std::fs::write(&path, file).unwrap();
    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let time = |in_utc| Some(LogicalType::timestamp(in_utc, parquet::basic::TimeUnit::MICROS));
    let expected = [
        ("flag", Type::BOOLEAN, None),
        ("count", Type::INT64, None),
        ("money", Type::INT64, Some(LogicalType::decimal(2, 18))),
        ("price", Type::INT64, Some(LogicalType::decimal(8, 18))),
        ("real", Type::DOUBLE, None),
        ("at", Type::INT64, time(true)),
        ("shown", Type::INT64, time(false)),
        ("day", Type::INT32, Some(LogicalType::Date)),
        ("text", Type::BYTE_ARRAY, Some(LogicalType::String)),
    ];
    assert_eq!(schema.num_columns(), expected.len());
    for (place, (name, physical, logical)) in expected.into_iter().enumerate() {
        let column = schema.column(place);
        assert_eq!((column.name(), column.physical_type()), (name, physical));
        assert_eq!(column.logical_type_ref().cloned(), logical, "{name}");
    }
}

#[test]
fn it_is_compressed_and_says_what_its_columns_mean() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    let meaning = [Column { name: "net".into(), kind: Kind::Money, unit: "BRL", about: "After costs".into() }];
    let mut table = Box::new(ParquetTable::new(File::create(&path).unwrap(), "t", &meaning).unwrap());
    table.row(&[Cell::Number(1)]).unwrap();
    table.finish().unwrap();
    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    assert_eq!(reader.metadata().row_group(0).column(0).compression(), Compression::SNAPPY);
    let notes = reader.metadata().file_metadata().key_value_metadata().unwrap();
    assert!(notes.iter().any(|note| note.key == "net" && note.value.as_deref() == Some("After costs (BRL)")));
}

#[test]
fn a_row_that_does_not_fit_is_refused_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    let mut table = Box::new(ParquetTable::new(File::create(&path).unwrap(), "things", &columns()).unwrap());
    let with = |place: usize, cell| {
        let mut cells = row(1);
        cells[place] = cell;
        cells
    };
    for (cells, said) in [
        (&row(1)[..8], "8 cells for 9 columns"),
        (&with(8, Cell::Number(1)), "the column text"),
        (&with(0, Cell::Real(0.0)), "the column flag"),
        (&with(7, Cell::Number(i64::from(i32::MAX) + 1)), "the column day"),
        (&with(2, Cell::Number(10_i64.pow(18))), "the column money"),
    ] {
        let error = table.row(cells).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    table.row(&with(2, Cell::Number(10_i64.pow(18) - 1))).unwrap();
    table.finish().unwrap();
    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    assert_eq!(reader.metadata().file_metadata().num_rows(), 1);
    let twice = [columns(), columns()].concat();
    assert!(ParquetTable::new(Vec::new(), "t", &twice).unwrap_err().to_string().contains("called flag"));
}
