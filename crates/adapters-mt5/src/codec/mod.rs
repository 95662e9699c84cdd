//! Bytes in, frames out: what [`crate::wire`] means on a line of JSON.
//!
//! Pure, and without trust in whoever sent it: a frame that is none gives a [`FrameError`] that names the byte or the
//! field and what was expected there. Nothing of a refused frame is used.

mod bounds;
mod error;
mod lines;
mod message;

pub use bounds::{DEPTH_MAX, ITEMS_MAX};
pub use error::FrameError;
pub use lines::Lines;
pub use message::Message;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::wire::{Envelope, FRAME_MAX, VERSION};

/// The longest `cid`, in bytes.
pub const CID_MAX: usize = 64;

/// One message as the line that goes over the wire, its newline included.
///
/// # Errors
/// [`FrameError::TooLongToSend`]: the caller has to say it in several frames.
pub fn encode<M: Serialize>(envelope: &Envelope<M>) -> Result<Vec<u8>, FrameError> {
    let mut line = serde_json::to_vec(envelope).map_err(|error| FrameError::Unsayable(error.to_string()))?;
    line.push(b'\n');
    if line.len() > FRAME_MAX {
        return Err(FrameError::TooLongToSend { bytes: line.len() });
    }
    Ok(line)
}

/// What a line says; with or without its newline.
///
/// # Errors
/// Why it is no frame of this protocol.
pub fn decode<M: Message>(line: &[u8]) -> Result<Envelope<M>, FrameError> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    if line.len() >= FRAME_MAX {
        return Err(FrameError::TooLong);
    }
    let text = std::str::from_utf8(line).map_err(|error| FrameError::NotUtf8 { byte: error.valid_up_to() })?;
    bounds::check(line)?;
    if !is_object(text) {
        return Err(FrameError::Syntax { byte: 0, text: "expected an object".to_owned() });
    }
    let head: Head<'_> = error::with_path(text, "", 0).map_err(|error| version_first(text, error))?;
    if head.v != VERSION {
        return Err(FrameError::Version { got: head.v });
    }
    let wrong = |field: &str, text: &str| FrameError::Field { field: field.into(), byte: 0, text: text.into() };
    if !(head.session.is_empty() || is_hex(&head.session, 32)) {
        return Err(wrong("session", "expected nothing or 32 lower-case hexadecimal digits"));
    }
    if head.cid.as_ref().is_some_and(|cid| cid.len() > CID_MAX) {
        return Err(wrong("cid", "expected at most 64 bytes"));
    }
    let offset = (head.body.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    if !is_object(head.body.get()) {
        return Err(FrameError::Field { field: "body".into(), byte: offset, text: "expected an object".into() });
    }
    let message = M::read(&head.kind, head.body.get(), offset)?;
    let Head { v, session, seq, ack, cid, ts_utc, ts_server, .. } = head;
    Ok(Envelope { v, session: session.into(), seq, ack, cid, ts_utc, ts_server, message })
}

/// Where fields have names, an array in their order will not do.
fn is_object(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

/// So many lower-case hexadecimal digits?
pub(crate) fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The envelope, before it is known what is in it.
#[derive(Deserialize)]
struct Head<'a> {
    v: u32,
    #[serde(default, borrow)]
    session: std::borrow::Cow<'a, str>,
    seq: u64,
    ack: u64,
    #[serde(default)]
    cid: Option<String>,
    ts_utc: i64,
    #[serde(default)]
    ts_server: Option<i64>,
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    body: &'a RawValue,
}

/// Of another version a frame may look like anything: then that is what is said of it.
fn version_first(text: &str, error: FrameError) -> FrameError {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    match serde_json::from_str::<Version>(text) {
        Ok(Version { v }) if v != VERSION => FrameError::Version { got: v },
        _ => error,
    }
}

#[cfg(test)]
mod tests;
