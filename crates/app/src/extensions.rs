//! Brains, regime detectors and liquidity maps of one's own, by name: a crate of one's own that registers them has every
//! command of `alavanca` with them.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use alavanca::extensions::Extensions;
//! use alavanca_signals::{SmaCross, SmaCrossConfig, SmaCrossSettings};
//!
//! fn main() -> ExitCode {
//!     alavanca::cli::main_with(Extensions::new().brain("MY_CROSS", |ctx| {
//!         let settings = SmaCrossSettings { fast: ctx.setting("fast", 5)?, ..SmaCrossSettings::default() };
//!         Ok(Box::new(SmaCross::new(SmaCrossConfig::new(settings, ctx.instrument.tick)?)))
//!     }))
//! }
//! ```
//!
//! `BRAINS=EMA_TREND,MY_CROSS` then names it beside the others, and a section of the configuration holds its settings:
//!
//! ```toml
//! [brain.MY_CROSS]
//! fast = 7
//! ```

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use alavanca_calendar::{MarketClock, SessionRule, TradingZone};
use alavanca_kernel::{Instrument, SettingError};
use alavanca_liquidity::LiquidityMap;
use alavanca_regime::RegimeDetector;
use alavanca_signals::Brain;

/// What a binary of one's own brings along.
///
/// A name is of capitals, digits and underscores, and none of a built-in's; what is wrong with one is said when the
/// settings are loaded.
#[derive(Clone, Default)]
pub struct Extensions {
    brains: BTreeMap<String, Make<Box<dyn Brain>>>,
    regimes: BTreeMap<String, Make<Box<dyn RegimeDetector>>>,
    liquidity: BTreeMap<String, Make<Box<dyn LiquidityMap>>>,
    twice: Vec<String>,
}

type Make<T> = Arc<dyn Fn(&Context<'_>) -> Result<T, SettingError> + Send + Sync>;

impl Extensions {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// A brain that `BRAINS` can name. `make` is called for every engine that is built, and once to check the settings.
    #[must_use]
    pub fn brain(
        mut self,
        name: &str,
        make: impl Fn(&Context<'_>) -> Result<Box<dyn Brain>, SettingError> + Send + Sync + 'static,
    ) -> Self {
        self.note(name, Kind::Brain);
        self.brains.insert(name.to_owned(), Arc::new(make));
        self
    }

    /// A regime detector that `REGIME_DETECTOR` can name.
    #[must_use]
    pub fn regime(
        mut self,
        name: &str,
        make: impl Fn(&Context<'_>) -> Result<Box<dyn RegimeDetector>, SettingError> + Send + Sync + 'static,
    ) -> Self {
        self.note(name, Kind::Regime);
        self.regimes.insert(name.to_owned(), Arc::new(make));
        self
    }

    /// A liquidity map that `LIQUIDITY_MAP` can name.
    #[must_use]
    pub fn liquidity(
        mut self,
        name: &str,
        make: impl Fn(&Context<'_>) -> Result<Box<dyn LiquidityMap>, SettingError> + Send + Sync + 'static,
    ) -> Self {
        self.note(name, Kind::Liquidity);
        self.liquidity.insert(name.to_owned(), Arc::new(make));
        self
    }

    fn note(&mut self, name: &str, kind: Kind) {
        if self.names(kind).any(|known| known == name) {
            self.twice.push(format!("{kind} {name} is registered twice"));
        }
    }

    /// The names of a kind, in the order of the alphabet.
    pub fn names(&self, kind: Kind) -> Box<dyn Iterator<Item = &str> + '_> {
        match kind {
            Kind::Brain => Box::new(self.brains.keys().map(String::as_str)),
            Kind::Regime => Box::new(self.regimes.keys().map(String::as_str)),
            Kind::Liquidity => Box::new(self.liquidity.keys().map(String::as_str)),
        }
    }

    /// What is wrong with the names. `is_built_in` tells those that are taken.
    pub(crate) fn faults(&self, is_built_in: impl Fn(Kind, &str) -> bool) -> Vec<String> {
        let mut faults = self.twice.clone();
        for kind in Kind::ALL {
            for name in self.names(kind) {
                let letters = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
                if is_built_in(kind, name) {
                    faults.push(format!("{kind} {name} is registered, and there is a built-in of that name"));
                } else if !name.bytes().all(letters) || !name.starts_with(|c: char| c.is_ascii_uppercase()) {
                    faults.push(format!(
                        "{kind} `{name}` is registered: a name is of capitals, digits and underscores, such as MY_BREAKOUT"
                    ));
                }
            }
        }
        faults
    }
}

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |kind| self.names(kind).collect::<Vec<_>>();
        f.debug_struct("Extensions")
            .field("brains", &names(Kind::Brain))
            .field("regimes", &names(Kind::Regime))
            .field("liquidity", &names(Kind::Liquidity))
            .finish()
    }
}

/// By their names: what they make cannot be compared.
impl PartialEq for Extensions {
    fn eq(&self, other: &Self) -> bool {
        Kind::ALL.into_iter().all(|kind| self.names(kind).eq(other.names(kind)))
    }
}

impl Eq for Extensions {}

/// What can be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Level 1.
    Brain,
    /// Level 3.
    Regime,
    /// Level 4.
    Liquidity,
}

impl Kind {
    /// All.
    pub const ALL: [Self; 3] = [Self::Brain, Self::Regime, Self::Liquidity];

    /// The table of its sections: `[brain.NAME]`.
    pub const fn table(self) -> &'static str {
        match self {
            Self::Brain => "brain",
            Self::Regime => "regime",
            Self::Liquidity => "liquidity",
        }
    }

    /// The setting that names it.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Brain => "BRAINS",
            Self::Regime => "REGIME_DETECTOR",
            Self::Liquidity => "LIQUIDITY_MAP",
        }
    }

    /// The kind with sections in this table.
    pub fn of_table(table: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.table() == table)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Brain => "the brain",
            Self::Regime => "the regime detector",
            Self::Liquidity => "the liquidity map",
        })
    }
}

/// What something of one's own is made from.
#[derive(Debug)]
pub struct Context<'a> {
    /// What is traded: its tick, its point, its session.
    pub instrument: &'a Instrument,
    /// Where "today" is.
    pub zone: TradingZone,
    /// When the instrument trades.
    pub session: SessionRule,
    section: &'a BTreeMap<String, String>,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Context<'a> {
    /// For tests of one's own: with this section, as the configuration would have it.
    pub fn new(
        instrument: &'a Instrument,
        zone: TradingZone,
        session: SessionRule,
        section: &'a BTreeMap<String, String>,
    ) -> Self {
        Self { instrument, zone, session, section, asked: RefCell::default() }
    }

    /// A line of the section, or its default: a number, a truth value, a text, a price; whatever is read from text. What
    /// is not asked for is refused, so that a misspelled line is found.
    ///
    /// # Errors
    /// A value that is no such thing, NaN and infinity among them.
    pub fn setting<T: FromStr>(&self, key: &'static str, default: T) -> Result<T, SettingError> {
        self.asked.borrow_mut().push(key);
        let Some(text) = self.section.get(key) else { return Ok(default) };
        let is_finite = text.parse::<f64>().is_ok_and(f64::is_finite) || text.parse::<f64>().is_err();
        let value = text.parse().ok().filter(|_| is_finite);
        let kind = std::any::type_name::<T>().rsplit("::").next().unwrap_or_default();
        value.ok_or_else(|| {
            let allowed = match kind {
                "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number of zero or more".to_owned(),
                "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
                "f32" | "f64" => "a number with a decimal point, such as 0.7".to_owned(),
                "bool" => "true or false".to_owned(),
                kind => format!("a {kind}"),
            };
            SettingError::new(key, text, allowed)
        })
    }

    /// A clock that knows the trading day, its opening and its week.
    pub fn clock(&self) -> MarketClock {
        MarketClock::new(self.zone, self.session.clone())
    }
}

/// Why something of one's own cannot be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotMade {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    /// The line of its section that is at fault, where one is.
    pub(crate) line: Option<String>,
    pub(crate) got: String,
    pub(crate) allowed: String,
}

impl From<NotMade> for SettingError {
    fn from(error: NotMade) -> Self {
        let NotMade { kind, name, line, got, allowed } = error;
        match line {
            Some(line) => {
                Self::new(kind.key(), &name, format!("{line} = {got} in [{}.{name}] has to be {allowed}", kind.table()))
            }
            None => Self::new(kind.key(), &name, allowed),
        }
    }
}

/// What is of one's own in settings: what this binary knows, what the sections say, what is chosen.
#[derive(Debug, Clone, Default)]
pub struct Own {
    extensions: Extensions,
    /// Sections by kind and name.
    pub(crate) sections: BTreeMap<(Kind, String), BTreeMap<String, String>>,
    /// The regime detector, where it is none of the built-in.
    pub(crate) regime: Option<String>,
    /// The liquidity map, where it is none of the built-in.
    pub(crate) liquidity: Option<String>,
    takes_any: bool,
}

/// Of what is said; what this binary knows does not change a setting.
impl PartialEq for Own {
    fn eq(&self, other: &Self) -> bool {
        (&self.sections, &self.regime, &self.liquidity) == (&other.sections, &other.regime, &other.liquidity)
    }
}

impl Own {
    /// Of a binary with these.
    pub fn new(extensions: Extensions) -> Self {
        Self { extensions, ..Self::default() }
    }

    /// Takes any name for one of another binary's: to read what was noted of its run, not to run it.
    pub(crate) fn of_any_binary() -> Self {
        Self { takes_any: true, ..Self::default() }
    }

    /// What this binary knows.
    pub const fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// Whether that name may be chosen.
    pub(crate) fn knows(&self, kind: Kind, name: &str) -> bool {
        self.takes_any || self.extensions.names(kind).any(|known| known == name)
    }

    /// Every line of every section, as `brain.NAME.line`.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (String, String)> {
        self.sections.iter().flat_map(|((kind, name), lines)| {
            lines.iter().map(move |(line, value)| (format!("{}.{name}.{line}", kind.table()), value.clone()))
        })
    }

    /// Takes in a line that [`Own::entries`] wrote; false where it is none.
    pub(crate) fn put(&mut self, key: &str, value: &str) -> bool {
        let Some((kind, name, line)) = parts(key) else { return false };
        self.sections.entry((kind, name.to_owned())).or_default().insert(line.to_owned(), value.to_owned());
        true
    }

    /// The brain of that name; `None` where this binary has none of it.
    pub(crate) fn make_brain(&self, name: &str, made_from: &Grounds<'_>) -> Option<Result<Box<dyn Brain>, NotMade>> {
        Some(self.make(Kind::Brain, name, made_from, self.extensions.brains.get(name)?))
    }

    /// The regime detector that is chosen, where it is one's own.
    pub(crate) fn make_regime(&self, made_from: &Grounds<'_>) -> Result<Option<Box<dyn RegimeDetector>>, NotMade> {
        let Some(name) = &self.regime else { return Ok(None) };
        let make = self.extensions.regimes.get(name).ok_or_else(|| Self::missing(Kind::Regime, name))?;
        self.make(Kind::Regime, name, made_from, make).map(Some)
    }

    /// The liquidity map that is chosen, where it is one's own.
    pub(crate) fn make_liquidity(&self, made_from: &Grounds<'_>) -> Result<Option<Box<dyn LiquidityMap>>, NotMade> {
        let Some(name) = &self.liquidity else { return Ok(None) };
        let make = self.extensions.liquidity.get(name).ok_or_else(|| Self::missing(Kind::Liquidity, name))?;
        self.make(Kind::Liquidity, name, made_from, make).map(Some)
    }

    /// Makes everything that is registered once, to see whether its section can be.
    pub(crate) fn check(&self, made_from: &Grounds<'_>) -> Vec<NotMade> {
        let Extensions { brains, regimes, liquidity, .. } = &self.extensions;
        let mut refused = Vec::new();
        for (name, make) in brains {
            refused.extend(self.make(Kind::Brain, name, made_from, make).err());
        }
        for (name, make) in regimes {
            refused.extend(self.make(Kind::Regime, name, made_from, make).err());
        }
        for (name, make) in liquidity {
            refused.extend(self.make(Kind::Liquidity, name, made_from, make).err());
        }
        refused
    }

    fn missing(kind: Kind, name: &str) -> NotMade {
        let allowed = format!("{kind} of another binary: this one has no {name}");
        NotMade { kind, name: name.to_owned(), line: None, got: name.to_owned(), allowed }
    }

    fn make<T>(&self, kind: Kind, name: &str, made_from: &Grounds<'_>, make: &Make<T>) -> Result<T, NotMade> {
        let none = BTreeMap::new();
        let section = self.sections.get(&(kind, name.to_owned())).unwrap_or(&none);
        let Grounds { instrument, zone, session } = made_from;
        let context = Context::new(instrument, *zone, session.clone(), section);
        let made = make(&context).map_err(|error| {
            let line = section.contains_key(error.key).then(|| error.key.to_owned());
            let allowed = if line.is_some() { error.allowed.clone() } else { error.to_string() };
            NotMade { kind, name: name.to_owned(), line, got: error.got, allowed }
        })?;
        let asked = context.asked.into_inner();
        match section.iter().find(|(line, _)| !asked.contains(&line.as_str())) {
            None => Ok(made),
            Some((line, value)) => Err(NotMade {
                kind,
                name: name.to_owned(),
                line: Some(line.clone()),
                got: value.clone(),
                allowed: match asked.as_slice() {
                    [] => format!("left out: {kind} asks for no settings"),
                    asked => format!("left out: {kind} does not ask for it, but for {}", asked.join(", ")),
                },
            }),
        }
    }
}

/// What a [`Context`] is made of beside the section.
pub(crate) struct Grounds<'a> {
    pub(crate) instrument: &'a Instrument,
    pub(crate) zone: TradingZone,
    pub(crate) session: SessionRule,
}

/// Kind, name and line of `brain.NAME.line`.
pub(crate) fn parts(key: &str) -> Option<(Kind, &str, &str)> {
    let (table, rest) = key.split_once('.')?;
    let (name, line) = rest.split_once('.')?;
    Some((Kind::of_table(table)?, name, line))
}
