//! Which state a name of the Python version's means. The specification asks for a deterministic hash and fixes no
//! algorithm: what its authors may have written is tried over all states.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use alavanca_kernel::{Regime, StateIndex, StateKey};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// How a state became a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Formula {
    form: Form,
    hashed: Hashed,
    /// Hex digits that were kept.
    digits: usize,
}

/// A state's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Its four parts, with this between them.
    Joined(&'static str),
    /// `json.dumps` of a dict, its keys sorted or not, with blanks after commas and colons or without.
    JsonDict { sorted: bool, blanks: bool },
    /// `json.dumps` of a list.
    JsonList { blanks: bool },
    /// `str` of a dict, its keys sorted or not.
    Dict { sorted: bool },
    /// `str` of a tuple.
    Tuple,
    /// `repr` of the dataclass.
    Dataclass,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hashed {
    Plain,
    Md5,
    Sha1,
    Sha256,
}

const FORMS: [Form; 18] = [
    Form::Joined("|"),
    Form::Joined("_"),
    Form::Joined(":"),
    Form::Joined("-"),
    Form::Joined(","),
    Form::Joined("/"),
    Form::Joined(";"),
    Form::Joined(" "),
    Form::Joined(""),
    Form::JsonDict { sorted: false, blanks: true },
    Form::JsonDict { sorted: true, blanks: true },
    Form::JsonDict { sorted: false, blanks: false },
    Form::JsonDict { sorted: true, blanks: false },
    Form::JsonList { blanks: true },
    Form::Dict { sorted: false },
    Form::Dict { sorted: true },
    Form::Tuple,
    Form::Dataclass,
];
const HASHED: [Hashed; 3] = [Hashed::Md5, Hashed::Sha1, Hashed::Sha256];
/// With fewer digits states are not told apart.
const DIGITS_MIN: usize = 8;

/// What names mean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Resolved {
    /// The formula that resolves the most of what no map says; `None` where it is not needed, or none resolves any.
    pub formula: Option<Formula>,
    pub states: BTreeMap<String, StateKey>,
    /// Not empty: the names cannot be taken over.
    pub unresolved: BTreeSet<String>,
}

/// Finds the one formula under which the most names are states', all of them if it is the right one. What the map says
/// is not asked of it.
pub(super) fn resolve(names: &BTreeSet<String>, map: &BTreeMap<String, StateKey>) -> Resolved {
    let mut resolved = Resolved::default();
    for name in names {
        match map.get(name) {
            Some(state) => _ = resolved.states.insert(name.clone(), *state),
            None => _ = resolved.unresolved.insert(name.clone()),
        }
    }
    let mut best = BTreeMap::new();
    for formula in formulas(&resolved.unresolved) {
        if best.len() == resolved.unresolved.len() {
            break;
        }
        let named = formula.names();
        let state = |name: &String| Some((name.clone(), *named.get(name)?));
        let found: BTreeMap<_, _> = resolved.unresolved.iter().filter_map(state).collect();
        if found.len() > best.len() {
            (best, resolved.formula) = (found, Some(formula));
        }
    }
    resolved.unresolved.retain(|name| !best.contains_key(name));
    resolved.states.append(&mut best);
    resolved
}

/// Those that can have made names of these lengths.
fn formulas(names: &BTreeSet<String>) -> Vec<Formula> {
    let lengths: BTreeSet<usize> = names.iter().map(String::len).collect();
    let mut formulas: Vec<_> =
        FORMS.map(|form| Formula { form, hashed: Hashed::Plain, digits: 0 }).into_iter().collect();
    for hashed in HASHED {
        let fits = |digits: &usize| (DIGITS_MIN..=hashed.most_digits()).contains(digits);
        for digits in lengths.iter().copied().filter(fits) {
            formulas.extend(FORMS.map(|form| Formula { form, hashed, digits }));
        }
    }
    formulas
}

impl Formula {
    /// Every state by its name; states that share one are left out.
    fn names(self) -> BTreeMap<String, StateKey> {
        let mut names: BTreeMap<String, Option<StateKey>> = BTreeMap::new();
        for state in all_states() {
            names.entry(self.name(state)).and_modify(|twice| *twice = None).or_insert(Some(state));
        }
        names.into_iter().filter_map(|(name, state)| Some((name, state?))).collect()
    }

    fn name(self, state: StateKey) -> String {
        let text = self.form.text(state);
        let mut name = match self.hashed {
            Hashed::Plain => return text,
            Hashed::Md5 => hex(&Md5::digest(&text)),
            Hashed::Sha1 => hex(&Sha1::digest(&text)),
            Hashed::Sha256 => hex(&Sha256::digest(&text)),
        };
        name.truncate(self.digits);
        name
    }
}

impl fmt::Display for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = match self.hashed {
            Hashed::Plain => String::new(),
            Hashed::Md5 => "MD5 of ".to_owned(),
            Hashed::Sha1 => "SHA-1 of ".to_owned(),
            Hashed::Sha256 => "SHA-256 of ".to_owned(),
        };
        if self.digits < self.hashed.most_digits() {
            write!(f, "the first {} hex digits of ", self.digits)?;
        }
        write!(f, "{of}{}", self.form.text(example()))
    }
}

impl Hashed {
    const fn most_digits(self) -> usize {
        match self {
            Self::Plain => 0,
            Self::Md5 => 32,
            Self::Sha1 => 40,
            Self::Sha256 => 64,
        }
    }
}

impl Form {
    fn text(self, state: StateKey) -> String {
        let hour = state.hour.to_string();
        let (regime, confidence, disagreement) =
            (state.regime.as_str(), state.confidence.as_str(), state.disagreement.as_str());
        let parts = [regime, &hour, confidence, disagreement];
        let mut named = [
            ("regime", parts[0]),
            ("time_bucket", parts[1]),
            ("confidence_level", parts[2]),
            ("disagreement_level", parts[3]),
        ];
        let each = |mark: char, between: &str, parts: &[&str]| {
            parts.iter().map(|part| format!("{mark}{part}{mark}")).collect::<Vec<_>>().join(between)
        };
        match self {
            Self::Joined(mark) => parts.join(mark),
            Self::JsonDict { sorted, blanks } => {
                if sorted {
                    named.sort_unstable();
                }
                let (colon, comma) = if blanks { (": ", ", ") } else { (":", ",") };
                let entry = |(key, value): &(&str, &str)| format!("\"{key}\"{colon}\"{value}\"");
                format!("{{{}}}", named.iter().map(entry).collect::<Vec<_>>().join(comma))
            }
            Self::JsonList { blanks } => format!("[{}]", each('"', if blanks { ", " } else { "," }, &parts)),
            Self::Dict { sorted } => {
                if sorted {
                    named.sort_unstable();
                }
                let entry = |(key, value): &(&str, &str)| format!("'{key}': '{value}'");
                format!("{{{}}}", named.iter().map(entry).collect::<Vec<_>>().join(", "))
            }
            Self::Tuple => format!("({})", each('\'', ", ", &parts)),
            Self::Dataclass => {
                let entry = |(key, value): &(&str, &str)| format!("{key}='{value}'");
                format!("RLState({})", named.iter().map(entry).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// Every state there is.
pub(super) fn all_states() -> impl Iterator<Item = StateKey> {
    Regime::ALL.into_iter().flat_map(StateIndex::of_regime).map(StateIndex::key)
}

/// A state to show a formula with.
fn example() -> StateKey {
    let hour = alavanca_kernel::Hour::new(14).unwrap_or_default();
    let (confidence, disagreement) = (alavanca_kernel::Level::High, alavanca_kernel::Level::Low);
    StateKey { regime: Regime::TrendUp, hour, confidence, disagreement }
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// What Python gives by its own `hashlib` and `json` for `p = ("TREND_UP", "14:00", "HIGH", "LOW")` and the
    /// dataclass `s = RLState(*p)`.
    #[test]
    fn what_a_python_author_would_have_written_is_found() {
        for (name, shown) in [
            // hashlib.md5("_".join(p).encode()).hexdigest()[:8]
            ("57ee1b74", "the first 8 hex digits of MD5 of TREND_UP_14:00_HIGH_LOW"),
            // hashlib.md5("|".join(p).encode()).hexdigest()
            ("4ff7cfcacc50a2ca6e51b99ae7e11ddf", "MD5 of TREND_UP|14:00|HIGH|LOW"),
            // hashlib.sha1(":".join(p).encode()).hexdigest()[:12]
            ("bcf9e94a9d34", "the first 12 hex digits of SHA-1 of TREND_UP:14:00:HIGH:LOW"),
            // hashlib.sha256("|".join(p).encode()).hexdigest()[:16]
            ("0da821e514cffa21", "the first 16 hex digits of SHA-256 of TREND_UP|14:00|HIGH|LOW"),
            // "|".join(p)
            ("TREND_UP|14:00|HIGH|LOW", "TREND_UP|14:00|HIGH|LOW"),
            // hashlib.md5(json.dumps(asdict(s)).encode()).hexdigest()[:16]
            (
                "4c2f08b1cd1075f4",
                "the first 16 hex digits of MD5 of {\"regime\": \"TREND_UP\", \"time_bucket\": \"14:00\", \"confidence_level\": \"HIGH\", \"disagreement_level\": \"LOW\"}",
            ),
            // hashlib.sha256(json.dumps(asdict(s), sort_keys=True).encode()).hexdigest()[:16]
            (
                "5c767e552dbe8439",
                "the first 16 hex digits of SHA-256 of {\"confidence_level\": \"HIGH\", \"disagreement_level\": \"LOW\", \"regime\": \"TREND_UP\", \"time_bucket\": \"14:00\"}",
            ),
            // hashlib.sha256(json.dumps(asdict(s), sort_keys=True, separators=(",", ":")).encode()).hexdigest()
            (
                "3bf9be7cc1363afa692b3ff48cd2485606823d12fa32c9507e2851bdac2639b7",
                "SHA-256 of {\"confidence_level\":\"HIGH\",\"disagreement_level\":\"LOW\",\"regime\":\"TREND_UP\",\"time_bucket\":\"14:00\"}",
            ),
            // hashlib.md5(json.dumps(list(p)).encode()).hexdigest()[:8]
            ("3fde1c52", "the first 8 hex digits of MD5 of [\"TREND_UP\", \"14:00\", \"HIGH\", \"LOW\"]"),
            // hashlib.sha1(str(asdict(s)).encode()).hexdigest()[:8]
            (
                "9506408b",
                "the first 8 hex digits of SHA-1 of {'regime': 'TREND_UP', 'time_bucket': '14:00', 'confidence_level': 'HIGH', 'disagreement_level': 'LOW'}",
            ),
            // hashlib.md5(str(p).encode()).hexdigest()[:12]
            ("773ed2ca4d50", "the first 12 hex digits of MD5 of ('TREND_UP', '14:00', 'HIGH', 'LOW')"),
            // hashlib.sha256(repr(s).encode()).hexdigest()[:8]
            (
                "1791c71d",
                "the first 8 hex digits of SHA-256 of RLState(regime='TREND_UP', time_bucket='14:00', confidence_level='HIGH', disagreement_level='LOW')",
            ),
        ] {
            let found = resolve(&names(&[name]), &BTreeMap::new());
            assert_eq!(found.states.get(name), Some(&example()), "{name}");
            assert_eq!(found.formula.unwrap().to_string(), shown);
        }
    }

    #[test]
    fn one_formula_has_to_resolve_all() {
        let (ours, other) = (example().to_hash().to_string(), "ffffffffffffffff");
        let ask = |asked: &[&str], map: &[&str]| {
            let map = map.iter().map(|name| ((*name).to_owned(), example())).collect();
            let found = resolve(&names(asked), &map);
            (found.formula.is_some(), found.states.len(), found.unresolved)
        };
        assert_eq!(ask(&[&ours], &[]), (true, 1, names(&[])));
        assert_eq!(ask(&[&ours, other], &[]), (true, 1, names(&[other])), "what it does not make is named");
        assert_eq!(ask(&[&ours, other], &[other]), (true, 2, names(&[])), "the map says one, a formula the other");
        assert_eq!(ask(&[&ours, other], &[other, &ours]), (false, 2, names(&[])), "the map says all");
        assert_eq!(ask(&[other], &[]), (false, 0, names(&[other])));
        // Digits are cut at one place: of two lengths only one can be right.
        let short = &ours[..12];
        assert_eq!(ask(&[&ours, short], &[]).1, 1);
        assert_eq!(ask(&[], &[]), (false, 0, names(&[])));
    }
}
