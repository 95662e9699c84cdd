//! Texts of rows: instants, names and JSON, without an allocation for what was said before.

use std::sync::Arc;

use alavanca_kernel::{Money, StateHash, StateIndex, StateKey, Timestamp};
use serde::Serialize;

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// Writes instants as [`Timestamp`] shows itself. The date is worked out once a day.
#[derive(Debug)]
pub(crate) struct TimeText {
    day: i64,
    date: String,
    last: Option<(Timestamp, Arc<str>)>,
}

impl Default for TimeText {
    fn default() -> Self {
        Self { day: i64::MIN, date: String::new(), last: None }
    }
}

impl TimeText {
    /// RFC 3339 in UTC.
    pub(crate) fn of(&mut self, at: Timestamp) -> Arc<str> {
        if let Some((last, text)) = &self.last
            && *last == at
        {
            return text.clone();
        }
        let text = self.write(at);
        self.last = Some((at, text.clone()));
        text
    }

    fn write(&mut self, at: Timestamp) -> Arc<str> {
        let (day, within) = (at.micros().div_euclid(MICROS_PER_DAY), at.micros().rem_euclid(MICROS_PER_DAY));
        if day != self.day {
            let shown = Timestamp::from_micros(day.saturating_mul(MICROS_PER_DAY)).to_string();
            let Some(date) = shown.strip_suffix("00:00:00Z") else { return at.to_string().into() };
            self.date.clear();
            self.date.push_str(date);
            self.day = day;
        }
        let (seconds, micros) = ((within / MICROS_PER_SECOND) as u32, (within % MICROS_PER_SECOND) as u32);
        let mut clock = *b"00:00:00.000000Z";
        digits(&mut clock[0..2], seconds / 3600);
        digits(&mut clock[3..5], seconds / 60 % 60);
        digits(&mut clock[6..8], seconds % 60);
        digits(&mut clock[9..15], micros);
        let shown = match micros {
            0 => 8,
            _ if micros.is_multiple_of(1000) => 12,
            _ => 15,
        };
        clock[shown] = b'Z';
        let mut text = String::with_capacity(self.date.len() + shown + 1);
        text.push_str(&self.date);
        text.extend(clock[..=shown].iter().map(|&byte| char::from(byte)));
        text.into()
    }
}

fn digits(place: &mut [u8], mut value: u32) {
    for byte in place.iter_mut().rev() {
        *byte = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

/// Texts that many rows share, each allocated once.
#[derive(Debug, Default)]
pub(crate) struct Words(Vec<(&'static str, Arc<str>)>);

impl Words {
    /// The shared text. There are a few dozen: reasons, sides, regimes.
    #[inline]
    pub(crate) fn of(&mut self, word: &'static str) -> Arc<str> {
        // The same constant lies at the same place: no text is compared.
        let known =
            self.0.iter().find(|(known, _)| std::ptr::eq(known.as_ptr(), word.as_ptr()) && known.len() == word.len());
        if let Some((_, text)) = known {
            return text.clone();
        }
        let text: Arc<str> = word.into();
        self.0.push((word, text.clone()));
        text
    }
}

/// The policy's states by their place, their stored names, and back.
#[derive(Debug)]
pub(crate) struct States {
    names: Vec<Arc<str>>,
    by_name: Vec<(StateHash, StateKey)>,
}

impl Default for States {
    fn default() -> Self {
        let keys = alavanca_kernel::Regime::ALL.into_iter().flat_map(StateIndex::of_regime).map(StateIndex::key);
        let mut by_name: Vec<_> = keys.map(|key| (key.to_hash(), key)).collect();
        let names = by_name.iter().map(|(hash, _)| hash.as_str().into()).collect();
        by_name.sort_unstable_by_key(|(hash, _)| *hash);
        Self { names, by_name }
    }
}

impl States {
    pub(crate) fn name(&self, state: StateKey) -> Arc<str> {
        self.names[state.index().get()].clone()
    }

    pub(crate) fn find(&self, name: &str) -> Option<StateKey> {
        let hash: StateHash = name.parse().ok()?;
        let place = self.by_name.binary_search_by_key(&hash, |(hash, _)| *hash).ok()?;
        Some(self.by_name[place].1)
    }
}

/// A JSON object that is written field by field. Names are given as they are written: `"regime":`.
#[derive(Debug, Default)]
pub(crate) struct Object(Vec<u8>);

impl Object {
    /// Begins a new object in the old one's memory.
    #[inline]
    pub(crate) fn begin(&mut self) -> &mut Self {
        self.0.clear();
        self.0.push(b'{');
        self
    }

    #[inline]
    fn name(&mut self, name: &str) {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        self.0.push(b'"');
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    /// A field of any shape; what cannot be JSON (there is nothing of that kind in records) becomes null.
    #[inline]
    pub(crate) fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> &mut Self {
        self.name(name);
        let begin = self.0.len();
        if serde_json::to_writer(&mut self.0, value).is_err() {
            self.0.truncate(begin);
            self.0.extend_from_slice(b"null");
        }
        self
    }

    /// A field whose value is one of our own names, which need no escape.
    #[inline]
    pub(crate) fn word(&mut self, name: &str, value: &str) -> &mut Self {
        self.name(name);
        self.0.push(b'"');
        self.0.extend_from_slice(value.as_bytes());
        self.0.push(b'"');
        self
    }

    /// An amount with two decimals: exact, unlike a number that went through a float.
    #[inline]
    pub(crate) fn money(&mut self, name: &str, value: Option<Money>) -> &mut Self {
        let Some(value) = value else { return self.field(name, &()) };
        self.name(name);
        let magnitude = value.cents().unsigned_abs();
        if value.cents() < 0 {
            self.0.push(b'-');
        }
        // Never fails: the buffer grows.
        let _ = serde_json::to_writer(&mut self.0, &(magnitude / 100));
        let mut cents = *b".00";
        digits(&mut cents[1..], (magnitude % 100) as u32);
        self.0.extend_from_slice(&cents);
        self
    }

    /// A field whose value is JSON already.
    #[inline]
    pub(crate) fn raw(&mut self, name: &str, json: &[u8]) -> &mut Self {
        self.name(name);
        self.0.extend_from_slice(json);
        self
    }

    /// The text.
    #[inline]
    pub(crate) fn end(&mut self) -> Arc<str> {
        self.0.push(b'}');
        String::from_utf8_lossy(&self.0).into()
    }
}

/// A record's part as JSON.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Arc<str> {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned()).into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(micros: i64) {
        let at = Timestamp::from_micros(micros);
        let mut text = TimeText::default();
        // The second is asked of the cached date, too.
        assert_eq!(&*text.of(at), at.to_string());
        assert_eq!(&*text.write(at), at.to_string());
    }

    #[test]
    fn instants_read_as_they_show_themselves() {
        for micros in [0, -1, 1, 999, 1000, 1_615_494_900_292_000, -62_135_596_800_000_001, i64::MIN, i64::MAX] {
            check(micros);
        }
    }

    proptest! {
        #[test]
        fn any_instant_reads_as_it_shows_itself(secs in -70_000_000_000..300_000_000_000_i64, micros in 0..1_000_000_i64) {
            check(secs * 1_000_000 + micros);
            check(secs * 1_000_000 + micros / 1000 * 1000);
            check(secs * 1_000_000);
        }

        #[test]
        fn amounts_are_exact(cents in any::<i64>()) {
            let money = Money::from_cents(cents);
            let mut object = Object::default();
            let text = object.begin().money("m", Some(money)).end();
            prop_assert_eq!(&*text, format!("{{\"m\":{money}}}"));
        }
    }

    #[test]
    fn an_object_is_json() {
        let mut object = Object::default();
        object.begin().field("a", "say \"yes\"\n").field("b", &None::<u8>).word("c", "RANGE");
        let text = object.money("d", None).money("e", Some(Money::from_cents(-5))).raw("f", b"[1]").end();
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        let expected =
            serde_json::json!({"a": "say \"yes\"\n", "b": null, "c": "RANGE", "d": null, "e": -0.05, "f": [1]});
        assert_eq!(read, expected);
        assert_eq!(&*object.begin().end(), "{}");
    }

    #[test]
    fn every_state_is_found_by_its_name() {
        let states = States::default();
        for key in alavanca_kernel::Regime::ALL.into_iter().flat_map(StateIndex::of_regime).map(StateIndex::key) {
            assert_eq!(states.find(&states.name(key)), Some(key));
        }
        assert_eq!(states.find("0000000000000000"), None);
    }
}
