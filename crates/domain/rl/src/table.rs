//! A regime's learned arms as people and stores see them.

use std::collections::BTreeMap;

use alavanca_kernel::{Action, Regime, Reward, StateHash, StateIndex, StateKey, SymbolId};
use serde::{Deserialize, Serialize};

use crate::{Arm, PolicyScope};

/// Everything learned in one regime. Arms that are not listed are at their prior.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyTable {
    /// How to read the rest: [`PolicyTable::SCHEMA`].
    pub schema: u32,
    /// The regime.
    pub regime: Regime,
    /// Whether the rows name symbols.
    pub scope: PolicyScope,
    /// The policy's version when it was exported; 0 in snapshots, which hold content alone.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub version: u64,
    /// Alpha of arms without evidence.
    pub prior_alpha: f64,
    /// Beta of arms without evidence.
    pub prior_beta: f64,
    /// In order of symbol, state and action.
    pub rows: Vec<PolicyRow>,
}

/// One touched arm: a row of the specification's `rl_policy`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyRow {
    /// The symbol, where symbols do not share the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbol: Option<SymbolId>,
    /// The regime.
    pub regime: Regime,
    /// The state's stored name.
    pub state_hash: StateHash,
    /// The state as text, for people; may be empty in an import.
    #[serde(default)]
    pub state: String,
    /// The arm.
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

impl PolicyRow {
    /// The posterior's mean, as in the specification's column.
    pub fn mean_value(&self) -> f64 {
        self.alpha / (self.alpha + self.beta)
    }
}

/// Why a table was not taken in. Nothing has changed.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum ImportError {
    /// Not JSON, or not of this shape.
    #[error("not a policy table: {0}")]
    Unreadable(String),
    /// Written by another release.
    #[error("policy table of schema {got}; known is {known}", known = PolicyTable::SCHEMA)]
    Schema {
        /// The schema that was found.
        got: u32,
    },
    /// A table or a row of another regime.
    #[error("{got} where {expected} was expected")]
    OtherRegime {
        /// What was found.
        got: Regime,
        /// What was asked for.
        expected: Regime,
    },
    /// One of several tables that must each have their own regime.
    #[error("two tables for {0}")]
    RegimeTwice(Regime),
    /// Learned for each symbol where symbols share, or the other way round.
    #[error("the table's scope is {got}, the policy's {expected}")]
    OtherScope {
        /// The table's.
        got: PolicyScope,
        /// The policy's.
        expected: PolicyScope,
    },
    /// A prior that no policy can have.
    #[error("prior Beta({alpha}, {beta}) is not finite and above zero")]
    Prior {
        /// The prior's alpha.
        alpha: f64,
        /// The prior's beta.
        beta: f64,
    },
    /// A row that cannot be; rows count from 0.
    #[error("row {row}: {fault}")]
    Row {
        /// Which row.
        row: usize,
        /// What is wrong with it.
        fault: RowFault,
    },
}

/// What is wrong with a row.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum RowFault {
    /// No state of the regime has this name.
    #[error("no state of {regime} has the hash {hash}")]
    UnknownState {
        /// The hash that was found.
        hash: StateHash,
        /// The table's regime.
        regime: Regime,
    },
    /// Hash and text name different states.
    #[error("the text says {text}, the hash {state}")]
    StateMismatch {
        /// The text that was found.
        text: String,
        /// The state that the hash names.
        state: String,
    },
    /// A symbol where symbols share, or none where they do not.
    #[error("symbol {got:?} does not fit the scope {scope}")]
    Symbol {
        /// The symbol that was found.
        got: Option<SymbolId>,
        /// The table's scope.
        scope: PolicyScope,
    },
    /// Not a number, or infinite, or beyond counting.
    #[error("Beta({alpha}, {beta}) is not finite or above {most}", most = EVIDENCE_MAX)]
    NotFinite {
        /// The row's alpha.
        alpha: f64,
        /// The row's beta.
        beta: f64,
    },
    /// Less than nothing was learned.
    #[error("Beta({alpha}, {beta}) is below the prior Beta({prior_alpha}, {prior_beta})")]
    BelowPrior {
        /// The row's alpha.
        alpha: f64,
        /// The row's beta.
        beta: f64,
        /// The table's prior alpha.
        prior_alpha: f64,
        /// The table's prior beta.
        prior_beta: f64,
    },
    /// Evidence, count and reward cannot have come from the same rewards.
    #[error(
        "{count} rewards with a sum of {reward_micros} millionths cannot have added {alpha_micros} to alpha and \
         {beta_micros} to beta"
    )]
    Inconsistent {
        /// The row's count.
        count: u32,
        /// The row's sum of rewards, in millionths.
        reward_micros: i64,
        /// Alpha above the prior, in millionths.
        alpha_micros: u64,
        /// Beta above the prior, in millionths.
        beta_micros: u64,
    },
    /// The same arm as in a row before.
    #[error("the arm is listed twice")]
    Twice,
}

/// What was added to an arm's prior, in integers, so that any order of arrival gives the same bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Evidence {
    pub(crate) alpha_micros: u64,
    pub(crate) beta_micros: u64,
    pub(crate) reward_micros: u64,
    pub(crate) count: u32,
}

/// An arm's place in a policy: symbol (0 where symbols share), state, action.
pub(crate) type Place = (usize, StateIndex, Action);

const MICROS: f64 = Reward::ONE_MICROS as f64;
/// Up to here a sum of prior and millionths tells the millionths apart.
const EVIDENCE_MAX: f64 = 1e9;

impl Evidence {
    /// The arm that this makes of a prior.
    #[inline]
    pub(crate) fn arm(&self, prior: (f64, f64)) -> Arm {
        Arm {
            alpha: prior.0 + self.alpha_micros as f64 / MICROS,
            beta: prior.1 + self.beta_micros as f64 / MICROS,
            count: self.count,
            reward_micros: self.reward_micros as i64,
        }
    }
}

impl PolicyTable {
    /// The schema that this release writes and reads.
    pub const SCHEMA: u32 = 1;

    /// Everything that is wrong with the table for a policy of this scope, in the order of its rows (semantics 30). A
    /// table without faults is taken in by [`crate::Policy::import_table`].
    pub fn faults(&self, scope: PolicyScope) -> Vec<ImportError> {
        let mut faults = Vec::new();
        self.read(scope, &mut |fault| faults.push(fault));
        faults
    }

    /// The evidence in the rows, each at its place.
    pub(crate) fn evidence(&self, scope: PolicyScope) -> Result<BTreeMap<Place, Evidence>, ImportError> {
        let mut first = None;
        let places = self.read(scope, &mut |fault| {
            first.get_or_insert(fault);
        });
        first.map_or(Ok(places), Err)
    }

    /// Reads what can be read and tells every fault.
    fn read(&self, scope: PolicyScope, refuse: &mut dyn FnMut(ImportError)) -> BTreeMap<Place, Evidence> {
        if self.schema != Self::SCHEMA {
            refuse(ImportError::Schema { got: self.schema });
        }
        if self.scope != scope {
            refuse(ImportError::OtherScope { got: self.scope, expected: scope });
        }
        let prior = (self.prior_alpha, self.prior_beta);
        if !(prior.0.is_finite() && prior.1.is_finite() && prior.0 > 0.0 && prior.1 > 0.0) {
            refuse(ImportError::Prior { alpha: prior.0, beta: prior.1 });
        }
        let states: BTreeMap<StateHash, StateKey> =
            StateIndex::of_regime(self.regime).map(|index| (index.key().to_hash(), index.key())).collect();
        let mut places = BTreeMap::new();
        for (row, content) in self.rows.iter().enumerate() {
            if content.regime != self.regime {
                refuse(ImportError::OtherRegime { got: content.regime, expected: self.regime });
                continue;
            }
            let mut fault = |fault| refuse(ImportError::Row { row, fault });
            let state = states.get(&content.state_hash);
            match state {
                None => fault(RowFault::UnknownState { hash: content.state_hash, regime: self.regime }),
                Some(state) if !content.state.is_empty() && content.state != state.to_string() => {
                    fault(RowFault::StateMismatch { text: content.state.clone(), state: state.to_string() });
                }
                Some(_) => {}
            }
            let symbol = match (self.scope, content.symbol) {
                (PolicyScope::Shared, None) => Some(0),
                (PolicyScope::Symbol, Some(symbol)) => Some(symbol.index()),
                (scope, got) => {
                    fault(RowFault::Symbol { got, scope });
                    None
                }
            };
            let place = state.zip(symbol).map(|(state, symbol)| (symbol, state.index(), content.action));
            match content.evidence(prior) {
                Err(wrong) => fault(wrong),
                Ok(evidence) => {
                    let is_twice = place.is_some_and(|place| places.insert(place, evidence).is_some());
                    if is_twice {
                        fault(RowFault::Twice);
                    }
                }
            }
        }
        places
    }
}

impl PolicyRow {
    fn evidence(&self, prior: (f64, f64)) -> Result<Evidence, RowFault> {
        let Self { alpha, beta, count, total_reward_micros, .. } = *self;
        // NaN is in no range.
        if !(f64::MIN..=EVIDENCE_MAX).contains(&alpha) || !(f64::MIN..=EVIDENCE_MAX).contains(&beta) {
            return Err(RowFault::NotFinite { alpha, beta });
        }
        if alpha < prior.0 || beta < prior.1 {
            return Err(RowFault::BelowPrior { alpha, beta, prior_alpha: prior.0, prior_beta: prior.1 });
        }
        let alpha_micros = ((alpha - prior.0) * MICROS).round() as u64;
        let beta_micros = ((beta - prior.1) * MICROS).round() as u64;
        let most = u64::from(count) * u64::from(Reward::ONE_MICROS);
        let reward_micros = u64::try_from(total_reward_micros).ok().filter(|&sum| sum <= most);
        // Whatever the rule, a reward adds at most one in all, and at most twice itself to alpha and at most twice
        // what it lacks of one to beta.
        match reward_micros {
            Some(reward_micros)
                if alpha_micros + beta_micros <= most
                    && alpha_micros <= 2 * reward_micros
                    && beta_micros <= 2 * (most - reward_micros) =>
            {
                Ok(Evidence { alpha_micros, beta_micros, reward_micros, count })
            }
            _ => Err(RowFault::Inconsistent { count, reward_micros: total_reward_micros, alpha_micros, beta_micros }),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(version: &u64) -> bool {
    *version == 0
}
