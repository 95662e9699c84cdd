//! The form in which a policy leaves a database and comes into another.

use std::fmt::Write as _;

use alavanca_kernel::{Action, Regime, StateHash, SymbolId};
use alavanca_rl::{PolicyRow, PolicyScope, PolicyTable};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// An exported policy. The same policy has the same text ([`PolicyFile::to_text`]) and the same digest.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PolicyFile {
    /// What the file is: [`PolicyFile::KIND`].
    pub kind: &'static str,
    /// How to read the rest: [`PolicyFile::SCHEMA`].
    pub schema: u32,
    /// Whether symbols share what is learned (`RL_POLICY_SCOPE`).
    pub scope: PolicyScope,
    /// What an arm without evidence has.
    pub prior: Prior,
    /// The served policy's version.
    pub version: u64,
    /// The run it was learned in, where that is known.
    pub run_id: Option<String>,
    /// Fingerprint of that run's settings, where it is known.
    pub settings: Option<String>,
    /// The exported regimes, in their usual order. One without arms has learned nothing.
    pub regimes: Vec<RegimeArms>,
}

/// The parameters of an arm without evidence (`RL_PRIOR_ALPHA`, `RL_PRIOR_BETA`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Prior {
    /// Alpha.
    pub alpha: f64,
    /// Beta.
    pub beta: f64,
}

/// A regime's part of an export.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RegimeArms {
    /// The regime.
    pub regime: Regime,
    /// Its arms that were touched, in order of symbol, state and action.
    pub arms: Vec<FileArm>,
}

/// One arm of an export.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileArm {
    /// The symbol, where symbols do not share the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// The state in words, as `TREND_UP|14:00|HIGH|LOW`.
    pub state: String,
    /// The state's stored name.
    pub state_hash: StateHash,
    /// The action.
    pub action: Action,
    /// Prior plus evidence for.
    pub alpha: f64,
    /// Prior plus evidence against.
    pub beta: f64,
    /// Rewards learned.
    pub count: u32,
    /// Their sum, in millionths.
    pub total_reward_micros: i64,
}

impl PolicyFile {
    /// Tells a policy from other JSON.
    pub const KIND: &'static str = "alavanca policy";
    /// The schema that this release writes and reads.
    pub const SCHEMA: u32 = 1;

    /// Makes an export of tables: of all regimes, or of one. Symbols get their names.
    pub fn of(facts: FileFacts, tables: &[PolicyTable], regime: Option<Regime>, symbols: &[String]) -> Self {
        let wanted = |of: &Regime| regime.is_none_or(|regime| regime == *of);
        let regimes = Regime::ALL.into_iter().filter(wanted).map(|regime| {
            let rows = tables.iter().filter(|table| table.regime == regime).flat_map(|table| &table.rows);
            RegimeArms { regime, arms: rows.map(|row| FileArm::of(row, symbols)).collect() }
        });
        Self {
            kind: Self::KIND,
            schema: Self::SCHEMA,
            scope: facts.scope,
            prior: facts.prior,
            version: facts.version,
            run_id: facts.run_id,
            settings: facts.settings,
            regimes: regimes.collect(),
        }
    }

    /// The tables that a policy takes in; symbols are places in `symbols`. A symbol that is not among them is left out:
    /// who takes tables has asked [`PolicyFile::strangers`] before.
    pub fn tables(&self, symbols: &[String]) -> Vec<PolicyTable> {
        let tables = self.regimes.iter().map(|of| PolicyTable {
            schema: PolicyTable::SCHEMA,
            regime: of.regime,
            scope: self.scope,
            version: self.version,
            prior_alpha: self.prior.alpha,
            prior_beta: self.prior.beta,
            rows: of.arms.iter().filter_map(|arm| arm.row(of.regime, symbols)).collect(),
        });
        tables.collect()
    }

    /// The symbols that the file names and `symbols` does not, each once.
    pub fn strangers(&self, symbols: &[String]) -> Vec<String> {
        let named = self.regimes.iter().flat_map(|of| &of.arms).filter_map(|arm| arm.symbol.clone());
        let mut strangers: Vec<String> = named.filter(|name| !symbols.contains(name)).collect();
        strangers.sort();
        strangers.dedup();
        strangers
    }

    /// SHA-256 of the content, in hex. Layout and the digest itself are not in it.
    pub fn digest(&self) -> String {
        // Written without failure: the numbers were found finite, and a hash takes everything.
        let content = serde_json::to_vec(self).unwrap_or_default();
        crate::source::hex(&Sha256::digest(content))
    }

    /// How many arms.
    pub fn arms(&self) -> usize {
        self.regimes.iter().map(|of| of.arms.len()).sum()
    }

    /// The file: one line for each arm, the digest last.
    pub fn to_text(&self) -> String {
        let mut text = String::from("{\n");
        let mut field = |name: &str, value: String| {
            let _ = writeln!(text, "  \"{name}\": {value},");
        };
        field("kind", json(&self.kind));
        field("schema", json(&self.schema));
        field("scope", json(&self.scope));
        field("prior", json(&self.prior));
        field("version", json(&self.version));
        field("run_id", json(&self.run_id));
        field("settings", json(&self.settings));
        text.push_str("  \"regimes\": [\n");
        for (n, of) in self.regimes.iter().enumerate() {
            let _ = write!(text, "    {{\"regime\": {}, \"arms\": [", json(&of.regime));
            for (n, arm) in of.arms.iter().enumerate() {
                let _ = write!(text, "{}\n      {}", if n == 0 { "" } else { "," }, json(arm));
            }
            let end = if of.arms.is_empty() { "]}" } else { "\n    ]}" };
            let _ = writeln!(text, "{end}{}", if n + 1 == self.regimes.len() { "" } else { "," });
        }
        let _ = write!(text, "  ],\n  \"digest\": {}\n}}\n", json(&self.digest()));
        text
    }
}

/// What an export says beside its arms.
#[derive(Debug, Clone, PartialEq)]
pub struct FileFacts {
    /// Whether symbols share.
    pub scope: PolicyScope,
    /// The prior.
    pub prior: Prior,
    /// The served policy's version.
    pub version: u64,
    /// The run.
    pub run_id: Option<String>,
    /// Fingerprint of its settings.
    pub settings: Option<String>,
}

impl FileArm {
    fn of(row: &PolicyRow, symbols: &[String]) -> Self {
        Self {
            symbol: row.symbol.and_then(|symbol| symbols.get(symbol.index()).cloned()),
            state: row.state.clone(),
            state_hash: row.state_hash,
            action: row.action,
            alpha: row.alpha,
            beta: row.beta,
            count: row.count,
            total_reward_micros: row.total_reward_micros,
        }
    }

    fn row(&self, regime: Regime, symbols: &[String]) -> Option<PolicyRow> {
        let symbol = match &self.symbol {
            None => None,
            Some(name) => Some(SymbolId::new(symbols.iter().position(|known| known == name)? as u16)),
        };
        Some(PolicyRow {
            symbol,
            regime,
            state_hash: self.state_hash,
            state: self.state.clone(),
            action: self.action,
            alpha: self.alpha,
            beta: self.beta,
            count: self.count,
            total_reward_micros: self.total_reward_micros,
        })
    }
}

/// Compact JSON; only of what can be written.
fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
