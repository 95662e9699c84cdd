//! Reads an exported policy and tells everything that is wrong with it, at once (semantics 30).

use alavanca_kernel::{Action, Regime, StateHash};
use alavanca_rl::{ImportError, PolicyScope, PolicyTable};
use serde::Serialize;
use serde_json::{Map, Value};

use super::file::{FileArm, PolicyFile, Prior, RegimeArms};

/// One thing that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where: `line 7, column 3` where it is no JSON, else the path of the value, as `regimes[2].arms[14].alpha`.
    pub at: String,
    /// What.
    pub what: String,
}

/// So many problems are told; a file of another kind would have thousands.
const PROBLEMS_MAX: usize = 50;

/// Reads an export.
///
/// # Errors
/// Everything that is wrong with it, in the order of the file.
pub fn read_policy(text: &str) -> Result<PolicyFile, Vec<Problem>> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        let at = format!("line {}, column {}", error.line(), error.column());
        let what = error.to_string();
        let what = what.split(" at line ").next().unwrap_or_default();
        vec![Problem { at, what: format!("not JSON: {what}") }]
    })?;
    let mut check = Check::default();
    let read = check.policy(&value);
    match read {
        Some(file) if check.problems.is_empty() => Ok(file),
        _ => {
            let beyond = check.problems.len().saturating_sub(PROBLEMS_MAX);
            check.problems.truncate(PROBLEMS_MAX);
            if beyond > 0 {
                check.refuse("", format!("and {beyond} more"));
            }
            Err(check.problems)
        }
    }
}

#[derive(Default)]
struct Check {
    problems: Vec<Problem>,
}

impl Check {
    fn refuse(&mut self, at: impl AsRef<str>, what: impl AsRef<str>) {
        self.problems.push(Problem { at: told(at.as_ref()), what: told(what.as_ref()) });
    }

    fn policy(&mut self, value: &Value) -> Option<PolicyFile> {
        const KNOWN: [&str; 9] =
            ["kind", "schema", "scope", "prior", "version", "run_id", "settings", "regimes", "digest"];
        let fields = self.object("", value, &KNOWN)?;
        let kind = self.text(fields, "", "kind")?;
        if kind != PolicyFile::KIND {
            self.refuse("kind", format!("\"{kind}\" is no policy: expected \"{}\"", PolicyFile::KIND));
            return None;
        }
        let schema = self.whole(fields, "", "schema", u64::from(u32::MAX))?;
        if schema != u64::from(PolicyFile::SCHEMA) {
            let known = PolicyFile::SCHEMA;
            self.refuse("schema", format!("{schema} is of another release; this one reads {known}"));
            return None;
        }
        let scope: Option<PolicyScope> = self.named(fields, "", "scope");
        let prior = self.prior(fields);
        let version = self.whole(fields, "", "version", u64::MAX);
        let run_id = self.optional(fields, "run_id");
        let settings = self.optional(fields, "settings");
        let digest = fields.contains_key("digest").then(|| self.text(fields, "", "digest")).flatten();
        let regimes = self.regimes(fields, scope?, prior?)?;
        let file = PolicyFile {
            kind: PolicyFile::KIND,
            schema: PolicyFile::SCHEMA,
            scope: scope?,
            prior: prior?,
            version: version?,
            run_id,
            settings,
            regimes,
        };
        // Of a file with other faults the digest says nothing new.
        if let Some(digest) = digest.filter(|_| self.problems.is_empty()) {
            let content = file.digest();
            if digest != content {
                self.refuse("digest", format!("{digest} is not that of the content, {content}: the file was changed"));
            }
        }
        Some(file)
    }

    fn prior(&mut self, fields: &Map<String, Value>) -> Option<Prior> {
        let value = self.field(fields, "", "prior")?;
        let fields = self.object("prior", value, &["alpha", "beta"])?;
        let (alpha, beta) = (self.number(fields, "prior", "alpha"), self.number(fields, "prior", "beta"));
        let prior = Prior { alpha: alpha?, beta: beta? };
        if prior.alpha > 0.0 && prior.beta > 0.0 {
            return Some(prior);
        }
        self.refuse("prior", format!("Beta({}, {}) is not above zero", prior.alpha, prior.beta));
        None
    }

    fn regimes(&mut self, fields: &Map<String, Value>, scope: PolicyScope, prior: Prior) -> Option<Vec<RegimeArms>> {
        let list = self.list(fields, "", "regimes")?;
        let mut regimes: Vec<RegimeArms> = Vec::new();
        for (n, value) in list.iter().enumerate() {
            let at = format!("regimes[{n}]");
            let Some(fields) = self.object(&at, value, &["regime", "arms"]) else { continue };
            let regime: Option<Regime> = self.named(fields, &at, "regime");
            let arms = self.list(fields, &at, "arms");
            let (Some(regime), Some(arms)) = (regime, arms) else { continue };
            if regimes.iter().any(|of| of.regime == regime) {
                self.refuse(format!("{at}.regime"), format!("{regime} was listed before"));
                continue;
            }
            let arms = self.arms(&at, arms, regime, scope, prior);
            regimes.push(RegimeArms { regime, arms });
        }
        Some(regimes)
    }

    fn arms(&mut self, at: &str, list: &[Value], regime: Regime, scope: PolicyScope, prior: Prior) -> Vec<FileArm> {
        let mut arms = Vec::with_capacity(list.len());
        // Arms that cannot even be read are left out of what the policy judges: its rows need their places.
        let mut places = Vec::with_capacity(list.len());
        for (n, value) in list.iter().enumerate() {
            let at = format!("{at}.arms[{n}]");
            if let Some(arm) = self.arm(&at, value, scope) {
                arms.push(arm);
                places.push(at);
            }
        }
        let mut symbols: Vec<String> = arms.iter().filter_map(|arm| arm.symbol.clone()).collect();
        symbols.sort();
        symbols.dedup();
        let of = RegimeArms { regime, arms };
        let file = PolicyFile {
            kind: PolicyFile::KIND,
            schema: PolicyFile::SCHEMA,
            scope,
            prior,
            version: 0,
            run_id: None,
            settings: None,
            regimes: vec![of],
        };
        for table in file.tables(&symbols) {
            self.judge(&table, scope, &places);
        }
        file.regimes.into_iter().flat_map(|of| of.arms).collect()
    }

    /// What only a policy can say of arms: states, evidence, twins.
    fn judge(&mut self, table: &PolicyTable, scope: PolicyScope, places: &[String]) {
        for fault in table.faults(scope) {
            match fault {
                ImportError::Row { row, fault } => self.refuse(places[row].clone(), fault.to_string()),
                other => self.refuse("", other.to_string()),
            }
        }
        for (row, at) in table.rows.iter().zip(places) {
            for (name, value, prior) in [("alpha", row.alpha, table.prior_alpha), ("beta", row.beta, table.prior_beta)]
            {
                let micros = (value - prior) * 1e6;
                // Evidence is counted in millionths; what lies between would be lost in silence.
                if micros.is_finite() && (micros - micros.round()).abs() > 1e-3 + micros.abs() * 1e-9 {
                    let what = format!("{value} is not the prior {prior} and whole millionths of evidence");
                    self.refuse(format!("{at}.{name}"), what);
                }
            }
        }
    }

    fn arm(&mut self, at: &str, value: &Value, scope: PolicyScope) -> Option<FileArm> {
        const KNOWN: [&str; 8] =
            ["symbol", "state", "state_hash", "action", "alpha", "beta", "count", "total_reward_micros"];
        let fields = self.object(at, value, &KNOWN)?;
        let symbol = if fields.contains_key("symbol") { self.text(fields, at, "symbol") } else { None };
        if symbol.is_none() && scope == PolicyScope::Symbol && !fields.contains_key("symbol") {
            self.refuse(at, "no symbol, and the scope is SYMBOL");
        }
        if symbol.is_some() && scope == PolicyScope::Shared {
            self.refuse(format!("{at}.symbol"), "a symbol where symbols share (the scope is SHARED)");
        }
        let state = self.text(fields, at, "state");
        let state_hash: Option<StateHash> = self.named(fields, at, "state_hash");
        let action: Option<Action> = self.named(fields, at, "action");
        let (alpha, beta) = (self.number(fields, at, "alpha"), self.number(fields, at, "beta"));
        let count = self.whole(fields, at, "count", u64::from(u32::MAX));
        let total = self.whole(fields, at, "total_reward_micros", i64::MAX as u64);
        if (symbol.is_none()) != (scope == PolicyScope::Shared) {
            return None;
        }
        Some(FileArm {
            symbol,
            state: state?,
            state_hash: state_hash?,
            action: action?,
            alpha: alpha?,
            beta: beta?,
            count: u32::try_from(count?).ok()?,
            total_reward_micros: i64::try_from(total?).ok()?,
        })
    }

    fn object<'v>(&mut self, at: &str, value: &'v Value, known: &[&str]) -> Option<&'v Map<String, Value>> {
        let Some(fields) = value.as_object() else {
            self.refuse(at, format!("expected an object, found {}", shape(value)));
            return None;
        };
        for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
            self.refuse(path(at, name), format!("not known here; known are {}", known.join(", ")));
        }
        Some(fields)
    }

    fn field<'v>(&mut self, fields: &'v Map<String, Value>, at: &str, name: &str) -> Option<&'v Value> {
        let value = fields.get(name);
        if value.is_none() {
            self.refuse(path(at, name), "is missing");
        }
        value
    }

    fn list<'v>(&mut self, fields: &'v Map<String, Value>, at: &str, name: &str) -> Option<&'v [Value]> {
        let value = self.field(fields, at, name)?;
        if value.as_array().is_none() {
            self.refuse(path(at, name), format!("expected a list, found {}", shape(value)));
        }
        value.as_array().map(Vec::as_slice)
    }

    fn text(&mut self, fields: &Map<String, Value>, at: &str, name: &str) -> Option<String> {
        let value = self.field(fields, at, name)?;
        if !value.is_string() {
            self.refuse(path(at, name), format!("expected a text, found {}", shape(value)));
        }
        value.as_str().map(str::to_owned)
    }

    /// A run or settings' fingerprint, or null where it is not known.
    fn optional(&mut self, fields: &Map<String, Value>, name: &str) -> Option<String> {
        if fields.get(name).is_some_and(Value::is_null) {
            return None;
        }
        let text = self.text(fields, "", name)?;
        let is_plain = text.len() <= 128 && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        if !is_plain {
            self.refuse(name, format!("\"{text}\" is no name of ours: up to 128 letters, digits, - _ . are"));
        }
        is_plain.then_some(text)
    }

    /// A text that names one of what is known.
    fn named<T: std::str::FromStr<Err: std::fmt::Display>>(
        &mut self,
        fields: &Map<String, Value>,
        at: &str,
        name: &str,
    ) -> Option<T> {
        let text = self.text(fields, at, name)?;
        text.parse().map_err(|error: T::Err| self.refuse(path(at, name), error.to_string())).ok()
    }

    fn number(&mut self, fields: &Map<String, Value>, at: &str, name: &str) -> Option<f64> {
        let value = self.field(fields, at, name)?;
        let number = value.as_f64().filter(|number| number.is_finite());
        if number.is_none() {
            self.refuse(path(at, name), format!("expected a finite number, found {}", shape(value)));
        }
        number
    }

    fn whole(&mut self, fields: &Map<String, Value>, at: &str, name: &str, most: u64) -> Option<u64> {
        let value = self.field(fields, at, name)?;
        let number = value.as_u64().filter(|&number| number <= most);
        if number.is_none() {
            self.refuse(path(at, name), format!("expected a whole number from 0 to {most}, found {}", shape(value)));
        }
        number
    }
}

/// What a file says comes to a terminal without its control characters, and not at any length.
fn told(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c });
    let mut told: String = plain.clone().take(TOLD_MAX).collect();
    if plain.count() > TOLD_MAX {
        told.push_str(" ...");
    }
    told
}

const TOLD_MAX: usize = 300;

fn path(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

fn shape(value: &Value) -> String {
    match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        plain => plain.to_string(),
    }
}
