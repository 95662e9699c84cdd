//! The layers of settings, each a source of the `config` crate whose values are the text as written and whose origins
//! say where it stands. Text, not numbers: money never passes through a float.

use std::collections::BTreeMap;

use config::{ConfigError, Map, Source, Value, ValueKind};
use toml::de::{DeTable, DeValue};

use super::costs::{COSTS, dated_field};
use super::instrument::{FIELDS, Field};
use super::key::{KEYS, Key, PREFIXES};
use super::problem::{Problem, nearest};
use crate::extensions::{Kind, parts};

/// The table of instruments.
pub(super) const INSTRUMENT: &str = "instrument";

/// What one place says.
#[derive(Clone, Debug, Default)]
pub(super) struct Layer {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    address: Address,
    text: String,
    origin: String,
}

/// What a key speaks of.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Address {
    Own {
        kind: Kind,
        name: String,
        line: String,
    },
    Setting(&'static str),
    /// A line of an instrument's section, or `costs.DAY.line`.
    Field {
        instrument: String,
        field: String,
    },
}

impl Layer {
    /// The defaults of all settings.
    pub(super) fn defaults() -> Self {
        let entry = |key: &Key| Entry {
            address: Address::Setting(key.name),
            text: key.default.to_owned(),
            origin: "default".to_owned(),
        };
        Self { entries: KEYS.iter().map(entry).collect() }
    }

    /// A TOML file: settings at the top, and `[instrument.NAME]` tables.
    pub(super) fn toml(file: &str, text: &str, problems: &mut Vec<Problem>) -> Self {
        let mut layer = Self::default();
        let text = without_mark(text);
        let at = |byte: usize| {
            let line = text.bytes().take(byte).filter(|&b| b == b'\n').count() + 1;
            format!("{file} line {line}")
        };
        let table = match DeTable::parse(text) {
            Ok(table) => table.into_inner(),
            Err(error) => {
                let origin = error.span().map_or_else(|| file.to_owned(), |span| at(span.start));
                problems.push(Problem::File { origin, why: error.message().to_owned() });
                return layer;
            }
        };
        for (key, value) in &table {
            let origin = at(key.span().start);
            let key = key.get_ref();
            match value.get_ref() {
                DeValue::Table(instruments) if key == INSTRUMENT => {
                    for (name, fields) in instruments {
                        let DeValue::Table(fields) = fields.get_ref() else {
                            let why = format!("{INSTRUMENT}.{} is a table: [{INSTRUMENT}.NAME]", name.get_ref());
                            problems.push(Problem::File { origin: at(name.span().start), why });
                            continue;
                        };
                        for (field, value) in fields {
                            if field.get_ref() == COSTS {
                                layer.put_dated(name.get_ref(), value.get_ref(), at(field.span().start), &at, problems);
                                continue;
                            }
                            let key = format!("{INSTRUMENT}.{}.{}", name.get_ref(), field.get_ref());
                            layer.put_toml(&key, value.get_ref(), at(field.span().start), problems);
                        }
                    }
                }
                DeValue::Table(sections) if Kind::of_table(key).is_some() => {
                    for (name, lines) in sections {
                        let DeValue::Table(lines) = lines.get_ref() else {
                            let why = format!("{key}.{} is a table: [{key}.NAME]", name.get_ref());
                            problems.push(Problem::File { origin: at(name.span().start), why });
                            continue;
                        };
                        for (line, value) in lines {
                            let key = format!("{key}.{}.{}", name.get_ref(), line.get_ref());
                            layer.put_toml(&key, value.get_ref(), at(line.span().start), problems);
                        }
                    }
                }
                // Anything else would read as a setting of that name.
                value if value.is_table() || key == INSTRUMENT => problems.push(Problem::File {
                    origin,
                    why: format!(
                        "settings stand at the top of the file, and only [{INSTRUMENT}.NAME] and, of one's own, \
                         [brain.NAME], [regime.NAME] and [liquidity.NAME] are tables"
                    ),
                }),
                value => layer.put_toml(key, value, origin, problems),
            }
        }
        layer
    }

    /// `[instrument.NAME.costs.DAY]`, by day.
    fn put_dated(
        &mut self,
        name: &str,
        days: &DeValue<'_>,
        origin: String,
        at: &impl Fn(usize) -> String,
        problems: &mut Vec<Problem>,
    ) {
        let why = || format!("costs are dated: [{INSTRUMENT}.{name}.{COSTS}.2024-01-02] holds from that day on");
        let DeValue::Table(days) = days else {
            problems.push(Problem::File { origin, why: why() });
            return;
        };
        for (day, fields) in days {
            let DeValue::Table(fields) = fields.get_ref() else {
                problems.push(Problem::File { origin: at(day.span().start), why: why() });
                continue;
            };
            for (field, value) in fields {
                let key = format!("{INSTRUMENT}.{name}.{COSTS}.{}.{}", day.get_ref(), field.get_ref());
                self.put_toml(&key, value.get_ref(), at(field.span().start), problems);
            }
        }
    }

    fn put_toml(&mut self, key: &str, value: &DeValue<'_>, origin: String, problems: &mut Vec<Problem>) {
        match written(value) {
            Some(text) => self.put(key, text, origin, problems),
            None => problems.push(Problem::Impossible {
                key: key.to_owned(),
                got: format!("a TOML {}", value.type_str()),
                origin,
                allowed: "a text in quotes, a number, true or false, or a list of texts".to_owned(),
                bound: None,
            }),
        }
    }

    /// `KEY=value` lines. `name` is the file's or the profile's.
    pub(super) fn dotenv(name: &str, text: &str, problems: &mut Vec<Problem>) -> Self {
        let mut layer = Self::default();
        let text = without_mark(text);
        let line_of = |key: &str, skip: usize| {
            let writes = |line: &str| {
                let line = line.trim_start();
                let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
                line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='))
            };
            text.lines().enumerate().filter(|(_, line)| writes(line)).nth(skip).map(|(index, _)| index + 1)
        };
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        for pair in dotenvy::from_read_iter(text.as_bytes()) {
            let (key, value) = match pair {
                Ok(pair) => pair,
                Err(error) => {
                    let (origin, why) = match error {
                        dotenvy::Error::LineParse(line, _) => {
                            let number = text.lines().position(|l| l.trim() == line.trim()).map(|index| index + 1);
                            let origin = number.map_or_else(|| name.to_owned(), |n| format!("{name} line {n}"));
                            (origin, format!("`{line}` is not KEY=value"))
                        }
                        other => (name.to_owned(), other.to_string()),
                    };
                    problems.push(Problem::File { origin, why });
                    continue;
                }
            };
            let origin = |skip| line_of(&key, skip).map_or_else(|| name.to_owned(), |n| format!("{name} line {n}"));
            if let Some(first) = seen.get(&key) {
                problems.push(Problem::Twice { first: first.clone(), second: origin(1), key });
                continue;
            }
            let origin = origin(0);
            seen.insert(key.clone(), origin.clone());
            layer.put(&key, value, origin, problems);
        }
        layer
    }

    /// A profile: `KEY=value` lines that come with the program.
    pub(super) fn profile(name: &str, text: &str, problems: &mut Vec<Problem>) -> Self {
        let mut layer = Self::dotenv("profile", text, problems);
        for entry in &mut layer.entries {
            entry.origin = format!("profile {name}");
        }
        layer
    }

    /// The process environment: our names, and none that looks like ours and is not.
    pub(super) fn environment(variables: &BTreeMap<String, String>, problems: &mut Vec<Problem>) -> Self {
        let mut layer = Self::default();
        for (name, text) in variables {
            if Key::named(name).is_some() || is_misspelled(name) {
                layer.put(name, text.clone(), "environment".to_owned(), problems);
            }
        }
        layer
    }

    /// `--set KEY=VALUE`.
    pub(super) fn flags(flags: &BTreeMap<String, String>, problems: &mut Vec<Problem>) -> Self {
        let mut layer = Self::default();
        for (key, text) in flags {
            layer.put(key, text.clone(), "--set".to_owned(), problems);
        }
        layer
    }

    fn put(&mut self, key: &str, text: String, origin: String, problems: &mut Vec<Problem>) {
        match Address::of(key, &origin) {
            Ok(address) => self.entries.push(Entry { address, text: text.trim().to_owned(), origin }),
            Err(problem) => problems.push(problem),
        }
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        let mut settings = Map::new();
        let mut instruments: Map<String, Map<String, Value>> = Map::new();
        let mut own: BTreeMap<Kind, BTreeMap<String, Map<String, Value>>> = BTreeMap::new();
        for Entry { address, text, origin } in &self.entries {
            let value = Value::new(Some(origin), ValueKind::String(text.clone()));
            match address {
                Address::Setting(name) => {
                    settings.insert((*name).to_owned(), value);
                }
                Address::Own { kind, name, line } => {
                    own.entry(*kind).or_default().entry(name.clone()).or_default().insert(line.clone(), value);
                }
                Address::Field { instrument, field } => {
                    instruments.entry(instrument.clone()).or_default().insert(field.clone(), value);
                }
            }
        }
        for (kind, sections) in own {
            let tables: Map<String, Value> =
                sections.into_iter().map(|(name, lines)| (name, Value::from(lines))).collect();
            settings.insert(kind.table().to_owned(), Value::from(tables));
        }
        if !instruments.is_empty() {
            let tables: Map<String, Value> = instruments.into_iter().map(|(name, f)| (name, Value::from(f))).collect();
            settings.insert(INSTRUMENT.to_owned(), Value::from(tables));
        }
        Ok(settings)
    }
}

impl Address {
    /// What a key speaks of; instruments' names are the same in any case.
    fn of(key: &str, origin: &str) -> Result<Self, Problem> {
        let unknown = |near: Option<String>| Problem::Unknown { key: key.to_owned(), origin: origin.to_owned(), near };
        let dotted = key.strip_prefix(INSTRUMENT).and_then(|rest| rest.strip_prefix('.'));
        let dated = format!(".{COSTS}.");
        if let Some((instrument, dated)) = dotted.and_then(|rest| rest.split_once(&dated)) {
            let field = format!("{COSTS}.{dated}");
            return match dated_field(&field) {
                Some(Ok(_)) => Ok(Self::Field { instrument: instrument.to_ascii_uppercase(), field }),
                Some(Err(allowed)) => Err(Problem::Impossible {
                    key: key.to_owned(),
                    got: dated.to_owned(),
                    origin: origin.to_owned(),
                    allowed: format!(
                        "a day and one of the lines of dated costs, as in costs.2024-01-02.spread: {allowed}"
                    ),
                    bound: None,
                }),
                None => Err(unknown(Some(format!("{INSTRUMENT}.{instrument}.{COSTS}.2024-01-02.spread")))),
            };
        }
        if let Some((instrument, field)) = dotted.and_then(|rest| rest.rsplit_once('.')) {
            let names = || FIELDS.iter().map(|field: &Field| field.name);
            return match FIELDS.iter().find(|known| known.name == field) {
                Some(known) => {
                    Ok(Self::Field { instrument: instrument.to_ascii_uppercase(), field: known.name.to_owned() })
                }
                None => {
                    Err(unknown(nearest(field, names()).map(|(_, near)| format!("{INSTRUMENT}.{instrument}.{near}"))))
                }
            };
        }
        if let Some((kind, name, line)) = parts(key) {
            return Ok(Self::Own { kind, name: name.to_owned(), line: line.to_owned() });
        }
        match Key::named(key) {
            Some(known) => Ok(Self::Setting(known.name)),
            None => Err(unknown(nearest(key, KEYS.iter().map(|key| key.name)).map(|(_, near)| near.to_owned()))),
        }
    }
}

/// Whether a variable is meant for us and misses: it begins like one of ours, or is a letter or two off a long name.
fn is_misspelled(name: &str) -> bool {
    const LONG: usize = 12;
    let upper = name.to_ascii_uppercase();
    PREFIXES.iter().any(|prefix| upper.starts_with(prefix))
        || nearest(name, KEYS.iter().map(|key| key.name).filter(|name| name.len() >= LONG))
            .is_some_and(|(distance, _)| distance <= 2)
}

/// A TOML value as the file has it.
fn written(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        // The digits as written: a number never becomes a float on its way.
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().replace('_', "")),
        DeValue::Float(number) => Some(number.as_str().replace('_', "")),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        DeValue::Array(items) => {
            let texts: Option<Vec<_>> = items.iter().map(|item| item.get_ref().as_str()).collect();
            Some(texts?.join(","))
        }
        DeValue::Integer(_) | DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

/// Without the byte order mark that Windows' editors write.
fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}
