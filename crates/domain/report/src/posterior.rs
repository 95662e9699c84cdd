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

#[cfg(test)]
mod tests {
    use alavanca_kernel::{Hour, Level, Money, Reward, Timestamp, TradeId, TradeOutcome};
    use alavanca_rl::PolicyRow;

    use super::*;

    const PRIOR: Prior = Prior { alpha: 1.0, beta: 1.0, scope: PolicyScope::Shared };

    fn state(regime: Regime, hour: u8) -> StateKey {
        StateKey { regime, hour: Hour::new(hour).unwrap(), confidence: Level::High, disagreement: Level::Low }
    }

    fn lesson(state: StateKey, action: Action, (alpha, beta, count): (f64, f64, u32), applied: bool) -> LearnedRecord {
        let outcome = TradeOutcome {
            trade: TradeId::new(1),
            symbol: SymbolId::new(0),
            state,
            action,
            net: Money::ZERO,
            reward: Reward::HALF,
            opened_at: Timestamp::from_secs(0),
            closed_at: Timestamp::from_secs(60),
            in_transition: false,
        };
        let arm = Arm { alpha, beta, count, reward_micros: 0 };
        LearnedRecord {
            batch: 1,
            outcome,
            applied,
            skipped: None,
            arm,
            policy_version: 1,
            at: Timestamp::from_secs(60),
        }
    }

    #[test]
    fn a_regime_adds_up_its_states_on_one_prior() {
        let mut posteriors = Posteriors::new(PRIOR);
        posteriors.learned(&lesson(state(Regime::TrendUp, 10), Action::Enter, (3.0, 1.0, 2), true));
        posteriors.learned(&lesson(state(Regime::TrendUp, 10), Action::Enter, (4.0, 1.0, 3), true));
        posteriors.learned(&lesson(state(Regime::TrendUp, 11), Action::Enter, (1.0, 3.0, 2), true));
        posteriors.learned(&lesson(state(Regime::TrendUp, 12), Action::Enter, (9.0, 9.0, 9), false));
        posteriors.learned(&lesson(state(Regime::Range, 10), Action::Enter, (2.0, 1.0, 1), true));
        let by_regime = posteriors.by_regime();
        let found: Vec<_> =
            by_regime.iter().map(|p| (p.regime, p.alpha.to_string(), p.beta.to_string(), p.count, p.states)).collect();
        let two = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let row = |regime, (alpha, beta), count, states| (regime, alpha, beta, count, states);
        assert_eq!(found, [row(Regime::TrendUp, two("4", "3"), 5, 2), row(Regime::Range, two("2", "1"), 1, 1)]);
        assert!(by_regime.iter().all(|p| 0.0 < p.low && p.low < p.mean() && p.mean() < p.high && p.high < 1.0));
        // Beta(2, 1) has the distribution x².
        assert!(
            (by_regime[1].low - 0.05_f64.sqrt()).abs() < 1e-9 && (by_regime[1].high - 0.95_f64.sqrt()).abs() < 1e-9
        );
        assert_eq!(posteriors.by_state().len(), 3);
    }

    #[test]
    fn a_table_replaces_its_regime_and_no_other() {
        let mut posteriors = Posteriors::new(PRIOR);
        posteriors.learned(&lesson(state(Regime::TrendUp, 10), Action::Enter, (4.0, 1.0, 3), true));
        posteriors.learned(&lesson(state(Regime::Range, 10), Action::Enter, (2.0, 1.0, 1), true));
        let back = state(Regime::TrendUp, 14);
        let row = PolicyRow {
            symbol: None,
            regime: Regime::TrendUp,
            state_hash: back.to_hash(),
            state: back.to_string(),
            action: Action::EnterConservative,
            alpha: 1.0,
            beta: 2.0,
            count: 1,
            total_reward_micros: 200_000,
        };
        posteriors.table(&PolicyTable {
            schema: PolicyTable::SCHEMA,
            regime: Regime::TrendUp,
            scope: PolicyScope::Shared,
            version: 0,
            prior_alpha: 1.0,
            prior_beta: 1.0,
            rows: vec![row],
        });
        let states: Vec<_> = posteriors.by_state().iter().map(|p| (p.state, p.action)).collect();
        assert_eq!(states, [(back, Action::EnterConservative), (state(Regime::Range, 10), Action::Enter)]);
    }
}
