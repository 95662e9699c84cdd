//! Two policies, arm by arm.

use std::collections::{BTreeMap, BTreeSet};

use alavanca_kernel::{Action, Regime, StateHash, StateIndex};
use serde::Serialize;

use super::file::{FileArm, PolicyFile, Prior};

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// What it is called: a snapshot's id, a file, `served`.
    pub name: String,
    /// Its content. A regime that is not listed is not compared.
    pub policy: PolicyFile,
}

/// What differs between two policies.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PolicyDiff {
    /// The left side's name.
    pub a: String,
    /// The right side's name.
    pub b: String,
    /// The regimes that both sides have.
    pub compared: Vec<Regime>,
    /// Regimes that one side alone has: they were left out.
    pub left_out: Vec<Regime>,
    /// What makes the two incomparable in part, in sentences: another scope or prior.
    pub notes: Vec<String>,
    /// Arms that are the same on both sides.
    pub equal: usize,
    /// Arms that differ.
    pub arms: Vec<ArmDiff>,
}

/// An arm that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArmDiff {
    /// The regime.
    pub regime: Regime,
    /// The symbol, where symbols do not share the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// The state in words.
    pub state: String,
    /// The state's stored name.
    pub state_hash: StateHash,
    /// The action.
    pub action: Action,
    /// On the left side; at the prior where nothing was learned.
    pub a: ArmFigures,
    /// On the right side.
    pub b: ArmFigures,
    /// The right mean less the left.
    pub mean_change: f64,
}

/// An arm's figures on one side.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ArmFigures {
    /// Prior plus evidence for.
    pub alpha: f64,
    /// Prior plus evidence against.
    pub beta: f64,
    /// Rewards learned.
    pub count: u32,
    /// Their sum, in millionths.
    pub total_reward_micros: i64,
    /// alpha / (alpha + beta).
    pub mean: f64,
}

impl PolicyDiff {
    /// Compares two policies in the regimes that both have.
    pub fn between(a: &Side, b: &Side) -> Self {
        let regimes = |side: &Side| side.policy.regimes.iter().map(|of| of.regime).collect::<BTreeSet<_>>();
        let (of_a, of_b) = (regimes(a), regimes(b));
        let compared: Vec<Regime> = of_a.intersection(&of_b).copied().collect();
        let (left, right) = (arms(&a.policy), arms(&b.policy));
        let places: BTreeSet<&Place> = left.keys().chain(right.keys()).collect();
        let (mut equal, mut differing) = (0, Vec::new());
        for place in places.into_iter().filter(|place| compared.contains(&place.0)) {
            let figures = |of: &BTreeMap<Place, &FileArm>, prior: Prior| {
                of.get(place).map_or(at_prior(prior), |arm| figures(arm))
            };
            let (a, b) = (figures(&left, a.policy.prior), figures(&right, b.policy.prior));
            if a == b {
                equal += 1;
                continue;
            }
            let (regime, symbol, state, action) = place.clone();
            let mean_change = b.mean - a.mean;
            let key = state.key();
            let (state, state_hash) = (key.to_string(), key.to_hash());
            differing.push(ArmDiff { regime, symbol, state, state_hash, action, a, b, mean_change });
        }
        Self {
            a: a.name.clone(),
            b: b.name.clone(),
            compared,
            left_out: of_a.symmetric_difference(&of_b).copied().collect(),
            notes: notes(a, b),
            equal,
            arms: differing,
        }
    }

    /// Whether nothing differs in what was compared.
    pub fn is_empty(&self) -> bool {
        self.arms.is_empty()
    }

    /// The regimes in which arms differ.
    pub fn regimes(&self) -> Vec<Regime> {
        let regimes: BTreeSet<Regime> = self.arms.iter().map(|arm| arm.regime).collect();
        regimes.into_iter().collect()
    }
}

type Place = (Regime, Option<String>, StateIndex, Action);

fn arms(policy: &PolicyFile) -> BTreeMap<Place, &FileArm> {
    let mut arms = BTreeMap::new();
    for of in &policy.regimes {
        for arm in &of.arms {
            // A state that does not exist was refused when the policy was read.
            if let Some(state) = arm.state_hash.find() {
                arms.insert((of.regime, arm.symbol.clone(), state.index(), arm.action), arm);
            }
        }
    }
    arms
}

fn figures(arm: &FileArm) -> ArmFigures {
    let FileArm { alpha, beta, count, total_reward_micros, .. } = *arm;
    ArmFigures { alpha, beta, count, total_reward_micros, mean: alpha / (alpha + beta) }
}

fn at_prior(Prior { alpha, beta }: Prior) -> ArmFigures {
    ArmFigures { alpha, beta, count: 0, total_reward_micros: 0, mean: alpha / (alpha + beta) }
}

fn notes(a: &Side, b: &Side) -> Vec<String> {
    let mut notes = Vec::new();
    let (scopes, priors) = ((a.policy.scope, b.policy.scope), (a.policy.prior, b.policy.prior));
    if scopes.0 != scopes.1 {
        notes.push(format!(
            "{} has the scope {} and {} the scope {} (RL_POLICY_SCOPE): no arm of one is an arm of the other",
            a.name, scopes.0, b.name, scopes.1
        ));
    }
    if priors.0 != priors.1 {
        notes.push(format!(
            "{} has the prior Beta({}, {}) and {} the prior Beta({}, {}) (RL_PRIOR_ALPHA, RL_PRIOR_BETA)",
            a.name, priors.0.alpha, priors.0.beta, b.name, priors.1.alpha, priors.1.beta
        ));
    }
    notes
}
