use serde::Deserialize;

use crate::wire::{FRAME_MAX, VERSION};

/// Why a line is no frame. Bytes count from 0 at the line's begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// No newline within the longest frame. The stream is of no use any more: nobody knows where a frame begins.
    #[error("a frame of more than {FRAME_MAX} bytes; expected a newline before")]
    TooLong,
    /// Not UTF-8.
    #[error("byte {byte} is not UTF-8")]
    NotUtf8 {
        /// The first byte that is wrong.
        byte: usize,
    },
    /// Nested deeper than any message is.
    #[error("byte {byte} begins something nested more than {} deep", super::DEPTH_MAX)]
    TooDeep {
        /// Where.
        byte: usize,
    },
    /// An array or object with more items than any message needs.
    #[error("the array or object at byte {byte} has more than {} items", super::ITEMS_MAX)]
    TooMany {
        /// Where it passes the limit.
        byte: usize,
    },
    /// No JSON.
    #[error("byte {byte}: {text}")]
    Syntax {
        /// Where.
        byte: usize,
        /// What was expected.
        text: String,
    },
    /// Another version of the protocol.
    #[error("`v` is {got}; expected {VERSION}")]
    Version {
        /// The frame's version.
        got: u32,
    },
    /// A type that this side does not know.
    #[error("`type` is `{got}`; expected one of {}", expected.join(", "))]
    UnknownType {
        /// What it says, cut at 40 characters.
        got: String,
        /// What it could say.
        expected: &'static [&'static str],
    },
    /// A field that is missing or is not what it has to be.
    #[error("`{field}` (by byte {byte}): {text}")]
    Field {
        /// The way to it, such as `body.ticks[3][1]`.
        field: String,
        /// By where it was seen; 0 where that says nothing.
        byte: usize,
        /// What was expected.
        text: String,
    },
    /// A message of one's own that needs more than one frame.
    #[error("a frame of {bytes} bytes, more than {FRAME_MAX}; expected several frames")]
    TooLongToSend {
        /// Its length.
        bytes: usize,
    },
    /// A message of one's own that is no JSON.
    #[error("cannot be said: {0}")]
    Unsayable(String),
}

/// Reads a value, and says where it went wrong. `at` is the way to it, `offset` the byte where its text begins.
pub(super) fn with_path<'de, T: Deserialize<'de>>(text: &'de str, at: &str, offset: usize) -> Result<T, FrameError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let field = match (at, path.as_str()) {
            ("", ".") => "frame".to_owned(),
            ("", path) => path.to_owned(),
            (at, ".") => at.to_owned(),
            (at, path) if path.starts_with('[') => format!("{at}{path}"),
            (at, path) => format!("{at}.{path}"),
        };
        of_json(field, offset, error.inner(), !at.is_empty())
    })?;
    json.end().map_err(|error| of_json(at.to_owned(), offset, &error, !at.is_empty()))?;
    Ok(value)
}

fn of_json(field: String, offset: usize, error: &serde_json::Error, of_body: bool) -> FrameError {
    // A line has no newline in it: the column is the byte, counted from 1.
    let byte = offset + error.column().saturating_sub(1);
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text).chars().take(200).collect();
    // Of a body it is known that it is JSON: whatever is wrong there is wrong with a field.
    let is_json = error.is_data() || of_body;
    if is_json { FrameError::Field { field, byte, text } } else { FrameError::Syntax { byte, text } }
}
