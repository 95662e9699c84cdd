//! What the policy believes at the end, by regime and by state.

use std::collections::BTreeMap;

use alavanca_engine::LearnedRecord;
use alavanca_kernel::{Action, Regime, StateIndex, StateKey, SymbolId};
use alavanca_rl::{Arm, PolicyScope, PolicyTable};
use alavanca_stats::Beta;

/// What arms without evidence are, and whether symbols share them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prior {
    /// `RL_PRIOR_ALPHA`.
    pub alpha: f64,
    /// `RL_PRIOR_BETA`.
    pub beta: f64,
    /// `RL_POLICY_SCOPE`.
    pub scope: PolicyScope,
}

/// The served policy, as the records tell it.
#[derive(Debug, Clone, PartialEq)]
pub struct Posteriors {
    prior: Prior,
    arms: BTreeMap<(Option<SymbolId>, StateIndex, Action), Arm>,
}

/// An action in a regime, over all its states: the prior with their evidence added up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RegimePosterior {
    /// The regime.
    pub regime: Regime,
    /// The action.
    pub action: Action,
    /// Prior plus all evidence for.
    pub alpha: f64,
    /// Prior plus all evidence against.
    pub beta: f64,
    /// Rewards learned.
    pub count: u64,
    /// States with evidence.
    pub states: u32,
    /// From here to [`RegimePosterior::high`] the truth lies with 90 %.
    pub low: f64,
    /// See [`RegimePosterior::low`].
    pub high: f64,
}

impl RegimePosterior {
    /// alpha / (alpha + beta).
    pub fn mean(&self) -> f64 {
        self.alpha / (self.alpha + self.beta)
    }
}

/// An action in a state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StatePosterior {
    /// The symbol, where symbols do not share the policy.
    pub symbol: Option<SymbolId>,
    /// The state.
    pub state: StateKey,
    /// The action.
    pub action: Action,
    /// What is known of it.
    pub arm: Arm,
    /// From here to [`StatePosterior::high`] the truth lies with 90 %.
    pub low: f64,
    /// See [`StatePosterior::low`].
    pub high: f64,
}

/// What is left out on each side of an interval.
const TAIL: f64 = 0.05;

impl Posteriors {
    /// Nothing learned yet.
    pub fn new(prior: Prior) -> Self {
        Self { prior, arms: BTreeMap::new() }
    }

    /// The policy heard of a trade.
    pub fn learned(&mut self, learned: &LearnedRecord) {
        if learned.applied {
            let outcome = &learned.outcome;
            let symbol = (self.prior.scope == PolicyScope::Symbol).then_some(outcome.symbol);
            self.arms.insert((symbol, outcome.state.index(), outcome.action), learned.arm);
        }
    }

    /// A regime's policy was replaced, whole.
    pub fn table(&mut self, table: &PolicyTable) {
        self.arms.retain(|(_, state, _), _| state.key().regime != table.regime);
        for row in &table.rows {
            // A row that names no state was never the engine's.
            if let Some(state) = row.state_hash.find() {
                let arm =
                    Arm { alpha: row.alpha, beta: row.beta, count: row.count, reward_micros: row.total_reward_micros };
                self.arms.insert((row.symbol, state.index(), row.action), arm);
            }
        }
    }

    /// By regime and action, those with evidence.
    pub fn by_regime(&self) -> Vec<RegimePosterior> {
        let Prior { alpha, beta, .. } = self.prior;
        let mut sums: BTreeMap<(usize, Action), (f64, f64, u64, u32)> = BTreeMap::new();
        for ((_, state, action), arm) in &self.arms {
            let sum = sums.entry((state.key().regime.index(), *action)).or_insert((alpha, beta, 0, 0));
            sum.0 += arm.alpha - alpha;
            sum.1 += arm.beta - beta;
            sum.2 += u64::from(arm.count);
            sum.3 += 1;
        }
        let posterior = |((regime, action), (alpha, beta, count, states)): (_, (f64, f64, u64, u32))| {
            let (low, high) = interval(alpha, beta);
            let regime: usize = regime;
            RegimePosterior { regime: Regime::ALL[regime], action, alpha, beta, count, states, low, high }
        };
        sums.into_iter().map(posterior).collect()
    }

    /// By state and action, those with evidence.
    pub fn by_state(&self) -> Vec<StatePosterior> {
        let mut states: Vec<StatePosterior> = self
            .arms
            .iter()
            .map(|(&(symbol, state, action), &arm)| {
                let (low, high) = interval(arm.alpha, arm.beta);
                StatePosterior { symbol, state: state.key(), action, arm, low, high }
            })
            .collect();
        states.sort_by_key(|posterior| (posterior.state.index(), posterior.symbol, posterior.action));
        states
    }
}

fn interval(alpha: f64, beta: f64) -> (f64, f64) {
    let posterior = Beta::new(alpha, beta);
    (posterior.quantile(TAIL), posterior.quantile(1.0 - TAIL))
}
