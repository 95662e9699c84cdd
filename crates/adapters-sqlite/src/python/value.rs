//! A cell as SQLite holds it, whatever its column was declared as.

use sea_orm::sqlx::sqlite::SqliteRow;
use sea_orm::sqlx::{self, Row};

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    /// Bytes, or a text that is not UTF-8.
    Blob(Vec<u8>),
}

impl Value {
    /// The cell at `place`, where the query has its `typeof` before it.
    pub(super) fn read(row: &SqliteRow, place: usize) -> Result<Self, sqlx::Error> {
        let kind: String = row.try_get(place - 1)?;
        Ok(match kind.as_str() {
            "null" => Self::Null,
            "integer" => Self::Integer(row.try_get_unchecked(place)?),
            "real" => Self::Real(row.try_get_unchecked(place)?),
            _ => {
                let bytes: Vec<u8> = row.try_get_unchecked(place)?;
                match String::from_utf8(bytes) {
                    Ok(text) if kind == "text" => Self::Text(text),
                    Ok(text) => Self::Blob(text.into_bytes()),
                    Err(error) => Self::Blob(error.into_bytes()),
                }
            }
        })
    }

    /// For people, short.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Null => "nothing".to_owned(),
            Self::Integer(number) => number.to_string(),
            Self::Real(number) => number.to_string(),
            Self::Text(text) if text.chars().count() > 40 => {
                format!("`{}...`", text.chars().take(37).collect::<String>().escape_debug())
            }
            Self::Text(text) => format!("`{}`", text.escape_debug()),
            Self::Blob(_) => "bytes that are no text".to_owned(),
        }
    }

    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Integer(number) => Some(*number as f64),
            Self::Real(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn integer(&self) -> Option<i64> {
        if let Self::Integer(number) = self { Some(*number) } else { None }
    }

    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}
