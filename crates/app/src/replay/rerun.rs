//! The engine of a recorded day, rebuilt and stepped again.

use std::collections::BTreeMap;

use alavanca_engine::{Effect, Engine, Event, Record};
use alavanca_kernel::Timestamp;

use super::ReplayError;
use super::shadow::{Shadow, ShadowExchange};
use crate::builder::Builder;
use crate::extensions::Extensions;
use crate::recording::{Beginning, Line};
use crate::settings::{LoadRequest, load};

/// What was run again.
#[derive(Debug)]
pub(super) struct Run {
    /// What the engine recorded on the day, in order; only of steps that are stored.
    pub(super) records: Vec<Record>,
    /// What was stored before the day.
    pub(super) base: Base,
    /// The time of the last step that counts.
    pub(super) until: Timestamp,
    /// Whether the database goes on after it.
    pub(super) goes_on: bool,
    pub(super) symbols: Vec<String>,
    pub(super) fingerprint: String,
    pub(super) version: String,
    pub(super) events: u64,
    pub(super) starts: u32,
    pub(super) came_to_nothing: u64,
    pub(super) not_stored: u64,
    pub(super) shadow: Shadow,
}

/// Where the day begins in the database: what is up to here is of before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Base {
    pub(super) decisions: u64,
    pub(super) orders: u64,
    /// `None` where nothing was stored before.
    pub(super) now: Option<Timestamp>,
}

#[derive(Debug)]
pub(super) struct Rerun<'a> {
    file: &'a str,
    extensions: &'a Extensions,
    /// So many beginnings are passed over.
    skip: u32,
    counting: bool,
    engine: Option<Engine>,
    shadow: Option<ShadowExchange>,
    cursor: u64,
    effects: Vec<Effect>,
    /// By the step that brought them about, with its time.
    kept: Vec<(u64, Timestamp, Vec<Record>)>,
    base: Option<Base>,
    symbols: Vec<String>,
    fingerprint: String,
    version: String,
    events: u64,
    starts: u32,
    came_to_nothing: u64,
}

impl<'a> Rerun<'a> {
    pub(super) fn new(file: &'a str, extensions: &'a Extensions) -> Self {
        Self {
            file,
            extensions,
            skip: 0,
            counting: false,
            engine: None,
            shadow: None,
            cursor: 0,
            effects: Vec::new(),
            kept: Vec::new(),
            base: None,
            symbols: Vec::new(),
            fingerprint: String::new(),
            version: String::new(),
            events: 0,
            starts: 0,
            came_to_nothing: 0,
        }
    }

    /// Of so many beginnings in the next file all but the last are passed over.
    pub(super) fn skip_to_beginning(&mut self, beginnings: u32) {
        self.skip = beginnings.saturating_sub(1);
    }

    /// What comes from here on is the day.
    pub(super) fn count(&mut self) {
        self.skip = 0;
        self.counting = true;
    }

    pub(super) fn take(&mut self, line: Line) -> Result<(), ReplayError> {
        match line {
            Line::Begins(_) if self.skip > 0 => {
                self.skip -= 1;
                self.engine = None;
                return Ok(());
            }
            Line::Begins(beginning) => return self.begin(&beginning),
            Line::Sum(..) => return Ok(()),
            _ if self.skip > 0 || (self.engine.is_none() && !self.counting) => return Ok(()),
            _ => {}
        }
        let Some(engine) = self.engine.as_mut() else {
            return Err(ReplayError::NoBeginning(self.file.to_owned()));
        };
        if self.counting && self.base.is_none() {
            let checkpoint = engine.checkpoint();
            let (decisions, orders, now) = (checkpoint.decisions, checkpoint.orders, Some(checkpoint.now));
            self.base = Some(Base { decisions, orders, now });
        }
        if let Some((symbol, bar)) = line.warmed_bar() {
            engine.warm(symbol, &bar);
        } else if let Some((symbol, tick)) = line.warmed_tick() {
            engine.warm_tick(symbol, &tick);
        } else if let Some(event) = line.event() {
            self.step(&event);
        } else if line == Line::Finishes {
            engine.finish(&mut self.effects);
            self.carry_out(None);
        }
        Ok(())
    }

    fn begin(&mut self, beginning: &Beginning) -> Result<(), ReplayError> {
        if beginning.schema > Beginning::SCHEMA {
            return Err(ReplayError::Newer {
                file: self.file.to_owned(),
                got: beginning.schema,
                known: Beginning::SCHEMA,
                version: beginning.version.clone(),
            });
        }
        // What was stepped after the last commit before is known to nobody.
        self.kept.retain(|(cursor, ..)| *cursor <= beginning.cursor);
        if self.counting && self.engine.is_some() {
            self.came_to_nothing += self.cursor.saturating_sub(beginning.cursor);
        }
        let flags: BTreeMap<String, String> = beginning.settings.iter().cloned().collect();
        let request = LoadRequest { flags, extensions: self.extensions.clone(), ..LoadRequest::default() };
        let settings = load(&request)?.settings;
        if settings.fingerprint() != beginning.fingerprint {
            return Err(ReplayError::OtherSettings {
                file: self.file.to_owned(),
                got: settings.fingerprint(),
                recorded: beginning.fingerprint.clone(),
                version: beginning.version.clone(),
            });
        }
        let Some(instrument) = beginning.instruments.first() else {
            return Err(ReplayError::NoBeginning(self.file.to_owned()));
        };
        let built = Builder::new(&settings, instrument).custody(beginning.custody).build()?;
        let mut engine = built.engine;
        if let Some(restored) = beginning.restored() {
            engine.restore(restored)?;
        }
        engine.skip_orders(beginning.orders_left_out);
        if self.counting {
            self.starts += 1;
            self.base.get_or_insert_with(|| match &beginning.checkpoint {
                Some(stored) => Base { decisions: stored.decisions, orders: stored.orders, now: Some(stored.now) },
                None => Base::default(),
            });
        }
        // What is open at the broker outlives the engine.
        self.shadow.get_or_insert_with(|| ShadowExchange::new(built.exchange, instrument.clone()));
        self.cursor = beginning.cursor;
        self.symbols = beginning.instruments.iter().map(|instrument| instrument.name.clone()).collect();
        self.fingerprint.clone_from(&beginning.fingerprint);
        self.version.clone_from(&beginning.version);
        self.engine = Some(engine);
        Ok(())
    }

    fn step(&mut self, event: &Event) {
        let (Some(engine), Some(shadow)) = (self.engine.as_mut(), self.shadow.as_mut()) else { return };
        shadow.before(event, self.counting);
        engine.step(event, &mut self.effects);
        self.cursor += 1;
        self.events += u64::from(self.counting);
        self.carry_out(Some(event));
    }

    fn carry_out(&mut self, event: Option<&Event>) {
        let (Some(engine), Some(shadow)) = (self.engine.as_ref(), self.shadow.as_mut()) else { return };
        let now = engine.now();
        let mut records = Vec::new();
        for effect in self.effects.drain(..) {
            shadow.carry_out(&effect, now, self.counting);
            if let Effect::Record(record) = effect {
                records.push(record);
            }
        }
        if let Some(event) = event {
            shadow.after(event, self.counting);
        }
        if self.counting && !records.is_empty() {
            self.kept.push((self.cursor, now, records));
        }
    }

    /// All of it, as far as the store has it.
    pub(super) fn done(self, stored: u64) -> Result<Run, ReplayError> {
        let (Some(engine), Some(shadow)) = (self.engine, self.shadow) else {
            return Err(ReplayError::NoBeginning(self.file.to_owned()));
        };
        let not_stored = self.cursor.saturating_sub(stored);
        let last_stored = self.kept.iter().rev().find(|(cursor, ..)| *cursor <= stored).map(|(_, at, _)| *at);
        let until = if not_stored == 0 { engine.now() } else { last_stored.unwrap_or(Timestamp::MIN) };
        let stored_steps = self.kept.into_iter().filter(|(cursor, ..)| *cursor <= stored);
        // Closing the books is no event: it has the cursor of the last one.
        Ok(Run {
            records: stored_steps.flat_map(|(.., records)| records).collect(),
            base: self.base.unwrap_or_default(),
            until,
            goes_on: stored > self.cursor,
            symbols: self.symbols,
            fingerprint: self.fingerprint,
            version: self.version,
            events: self.events,
            starts: self.starts,
            came_to_nothing: self.came_to_nothing,
            not_stored,
            shadow: shadow.done(),
        })
    }
}
