//! The committed schema is that of the types; and what the schema allows is what the codec reads, for every message.

use std::fmt::Write as _;
use std::path::Path;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::schema;
use crate::codec::{Lines, Message, decode, encode};
use crate::wire::{Decimal, FromBridge, FromEngine};

#[test]
fn the_committed_schema_is_that_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/mt5-protocol.schema.json");
    let text = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var_os("ALAVANCA_WRITE_SCHEMA").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == text,
        "{} is not that of the types: run this test with ALAVANCA_WRITE_SCHEMA=1",
        path.display()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever is written is read again as it was; for every message of both sides, every field of the types.
    #[test]
    fn what_is_written_is_read_again(seed: u64) {
        let whole = schema();
        for (side, kinds) in [(0, FromEngine::KINDS), (1, FromBridge::KINDS)] {
            let root = &whole["anyOf"][side];
            for kind in kinds {
                let frame = Making { whole: &whole, chance: seed, kind }.value(root);
                prop_assert_eq!(&frame["type"], kind);
                if side == 0 { there_and_back::<FromEngine>(&frame)? } else { there_and_back::<FromBridge>(&frame)? }
            }
        }
    }

    /// Valid frames, broken in every way: never a panic, and whatever is still taken is read again as it was.
    #[test]
    fn broken_frames_do_no_harm(seed: u64, cuts in prop::collection::vec(1..200_usize, 1..20)) {
        let whole = schema();
        let mut chance = seed;
        let mut stream = Vec::new();
        for round in 0..8 {
            let side = (next(&mut chance) % 2) as usize;
            let kinds = [FromEngine::KINDS, FromBridge::KINDS][side];
            let kind = kinds[next(&mut chance) as usize % kinds.len()];
            let frame = Making { whole: &whole, chance: seed ^ round, kind }.value(&whole["anyOf"][side]);
            let mut line = frame.to_string().into_bytes();
            for _ in 0..=next(&mut chance) % 4 {
                break_it(&mut line, &mut chance);
            }
            taken_or_refused::<FromEngine>(&line)?;
            taken_or_refused::<FromBridge>(&line)?;
            stream.extend_from_slice(&line);
            stream.push(b'\n');
        }
        let (mut lines, mut rest, mut got) = (Lines::default(), stream.as_slice(), Vec::new());
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at(rest.len().min(*cut));
            rest = after;
            lines.push(piece);
            while let Some(line) = lines.next_line().unwrap() {
                got.extend_from_slice(line);
                got.push(b'\n');
            }
        }
        prop_assert_eq!(got, stream);
    }
}

fn there_and_back<M: Message + PartialEq + std::fmt::Debug>(frame: &Value) -> Result<(), TestCaseError> {
    let read =
        decode::<M>(frame.to_string().as_bytes()).map_err(|error| TestCaseError::fail(format!("{frame}: {error}")))?;
    let written = encode(&read).map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(&serde_json::from_slice::<Value>(&written).unwrap(), frame);
    prop_assert_eq!(decode::<M>(&written).unwrap(), read);
    Ok(())
}

fn taken_or_refused<M: Message + PartialEq + std::fmt::Debug>(line: &[u8]) -> Result<(), TestCaseError> {
    match decode::<M>(line) {
        Ok(frame) => {
            let written = encode(&frame).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(decode::<M>(&written).unwrap(), frame);
        }
        Err(error) => prop_assert!(!error.to_string().is_empty()),
    }
    Ok(())
}

fn next(chance: &mut u64) -> u64 {
    *chance = chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*chance ^ (*chance >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn break_it(line: &mut Vec<u8>, chance: &mut u64) {
    const LIKELY: &[u8] = b"{}[]\",:0123456789-.eE\\u\n \xff\x00ntf";
    let mut at = |length: usize| next(chance) as usize % length.max(1);
    let (from, to) = (at(line.len()), at(line.len()));
    let (from, to) = (from.min(to), from.max(to));
    let byte = LIKELY[at(LIKELY.len())];
    match at(7) {
        0 if !line.is_empty() => line[from] = byte,
        1 if !line.is_empty() => line[from] ^= 1 << at(8),
        2 => line.insert(from, byte),
        3 => drop(line.drain(from..to)),
        4 => line.truncate(from),
        5 => {
            let piece = line[from..to].to_vec();
            let place = at(line.len());
            line.splice(place..place, piece);
        }
        _ => line.extend(std::iter::repeat_n(byte, at(100))),
    }
    // Newlines would make two lines of it.
    line.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b' ');
}

/// Makes values that a schema allows.
struct Making<'a> {
    whole: &'a Value,
    chance: u64,
    /// The `type` of the frame to be made.
    kind: &'a str,
}

impl Making<'_> {
    fn below(&mut self, limit: u64) -> u64 {
        next(&mut self.chance) % limit
    }

    fn value(&mut self, schema: &Value) -> Value {
        if let Some(way) = schema["$ref"].as_str() {
            let whole = self.whole;
            return self.value(whole.pointer(way.trim_start_matches('#')).unwrap_or_else(|| panic!("{way}")));
        }
        if let Some(constant) = schema.get("const") {
            return constant.clone();
        }
        if let Some(values) = schema["enum"].as_array() {
            return values[self.below(values.len() as u64) as usize].clone();
        }
        if let Some(parts) = schema["allOf"].as_array() {
            let mut object = Map::new();
            for part in parts {
                object.extend(self.value(part).as_object().unwrap().clone());
            }
            return object.into();
        }
        let one_of = schema["oneOf"].as_array().or(schema["anyOf"].as_array());
        let mut object = match one_of.map(|choices| self.choice(choices)) {
            Some(Value::Object(object)) => object,
            Some(other) => return other,
            None => Map::new(),
        };
        match Self::kind_of(&schema["type"]).as_str() {
            "object" => self.fields(schema, &mut object),
            "array" => return self.array(schema),
            "string" => return json!(self.text(schema["format"].as_str())),
            "integer" => return self.integer(schema),
            "boolean" => return json!(self.below(2) == 0),
            "" if !object.is_empty() => {}
            other => panic!("`{other}` in {schema}"),
        }
        object.into()
    }

    /// Absent stands for null.
    fn kind_of(kind: &Value) -> String {
        let kinds = kind.as_array().map_or(vec![kind.clone()], Clone::clone);
        kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or_default().to_owned()
    }

    fn choice(&mut self, choices: &[Value]) -> Value {
        let of_kind = choices.iter().find(|choice| choice["properties"]["type"]["const"] == self.kind);
        let some: Vec<_> = choices.iter().filter(|choice| choice["type"] != "null").collect();
        let any = some[self.below(some.len() as u64) as usize];
        self.value(of_kind.unwrap_or(any))
    }

    fn fields(&mut self, schema: &Value, object: &mut Map<String, Value>) {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let always = required.contains(&name.as_str()) || matches!(name.as_str(), "session");
            if !always && self.below(2) == 0 {
                continue;
            }
            let value = match name.as_str() {
                "v" => json!(1),
                "session" => json!(if self.below(2) == 0 { "" } else { "0123456789abcdef0123456789abcdef" }),
                _ => self.value(field),
            };
            object.insert(name.clone(), value);
        }
    }

    fn array(&mut self, schema: &Value) -> Value {
        if let Some(items) = schema["prefixItems"].as_array() {
            return items.iter().map(|item| self.value(item)).collect();
        }
        (0..self.below(4)).map(|_| self.value(&schema["items"])).collect()
    }

    fn text(&mut self, format: Option<&str>) -> String {
        match format {
            Some("decimal") => Decimal::from_raw(self.below(u64::MAX) as i64 >> self.below(63)).to_string(),
            Some("id") => (self.below(u64::MAX) >> self.below(64)).to_string(),
            None => {
                let mut text = String::new();
                for _ in 0..self.below(12) {
                    let letters =
                        ['a', 'Z', '0', ' ', '"', '\\', '\n', '\u{0}', 'é', '{', ']', ',', '\u{1f680}', '\u{2028}'];
                    let _ = write!(text, "{}", letters[self.below(letters.len() as u64) as usize]);
                }
                text
            }
            Some(other) => panic!("format `{other}`"),
        }
    }

    fn integer(&mut self, schema: &Value) -> Value {
        let any = self.below(u64::MAX) >> self.below(64);
        match schema["format"].as_str() {
            Some("uint8") => json!(any as u8),
            Some("uint32") => json!(any as u32),
            Some("uint64") => json!(any),
            Some("int64") => json!(any as i64),
            other => panic!("{other:?} in {schema}"),
        }
    }
}
