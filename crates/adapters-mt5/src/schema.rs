//! JSON Schema of the wire protocol, made of its types: `docs/mt5-protocol.schema.json`.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::wire::{Envelope, FromBridge, FromEngine};

/// What a frame may look like: draft 2020-12.
pub fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let engine = generator.subschema_for::<Envelope<FromEngine>>();
    let bridge = generator.subschema_for::<Envelope<FromBridge>>();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Alavanca's protocol between engine and bridge, version 1",
        "description": "One frame is one line of JSON, at most 65536 bytes with its newline.",
        "anyOf": [engine, bridge],
        "$defs": generator.take_definitions(true),
    })
}

#[cfg(test)]
mod tests;
