//! The served policy by regime and action, and why so many signals end in HOLD.

use std::collections::BTreeMap;

use alavanca_adapters_sqlite::Selection;
use alavanca_engine::{Chooser, DecisionRecord, Record};
use alavanca_kernel::{Action, Layer, Regime};
use alavanca_rl::{PolicyScope, propensity};
use serde::Serialize;

use crate::stored_run::{AskError, StoredRun};

/// Figures of the policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PolicyStats {
    /// Whether a policy chooses (`RL_POLICY_ENABLED`); absent where the settings are unknown.
    pub enabled: Option<bool>,
    /// The served policy's version.
    pub version: u64,
    /// Whether symbols share what is learned.
    pub scope: PolicyScope,
    /// Alpha and beta of an arm that nothing is known of.
    pub prior: [f64; 2],
    /// The regimes in which anything was decided or learned.
    pub regimes: Vec<RegimeFigures>,
    /// Why signals end in HOLD, where that was asked.
    pub why_hold: Option<WhyHold>,
}

/// One regime.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RegimeFigures {
    /// The regime.
    pub regime: Regime,
    /// Rewards in the served policy; those rolled back are not counted.
    pub total_updates: u64,
    /// Whether it has stopped learning.
    pub frozen: bool,
    /// Decisions made in it.
    pub decisions: u64,
    /// Its four actions.
    pub actions: Vec<ActionFigures>,
}

/// One action in one regime, over all its states.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActionFigures {
    /// The action.
    pub action: Action,
    /// Decisions that chose it.
    pub chosen: u64,
    /// Rewards in the served policy.
    pub count: u64,
    /// States in which it learned anything.
    pub states: u64,
    /// Alphas over alphas and betas of these states, the prior of each included; the prior's mean where it learned
    /// nothing.
    pub mean_value: f64,
    /// Mean reward; absent where it learned nothing.
    pub mean_reward: Option<f64>,
}

/// Why signals end in HOLD.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WhyHold {
    /// Signals: decisions and those that were stopped.
    pub signals: u64,
    /// Signals that never reached the gate, by cause. They are no HOLD, but look like one.
    pub blocked: BTreeMap<String, u64>,
    /// Decisions.
    pub decisions: u64,
    /// Those that ended in HOLD.
    pub hold: u64,
    /// How many HOLDs the posteriors of the moment made likely: the sum of the exact chances.
    pub expected: f64,
    /// HOLDs that the fallback of a frozen regime chose (`RL_FREEZE_FALLBACK=HOLD`).
    pub by_freeze: u64,
    /// Decisions in which no open arm had learned anything: all were as likely.
    pub untrained: u64,
    /// Decisions whose confidence was below `REALAVANCAGEM_MIN_GLOBAL_CONF`. That refuses the extra (layer 5), and
    /// makes no HOLD by itself.
    pub below_confidence: u64,
    /// By regime.
    pub regimes: Vec<RegimeHolds>,
}

/// HOLD in one regime.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RegimeHolds {
    /// The regime.
    pub regime: Regime,
    /// Decisions.
    pub decisions: u64,
    /// Those that ended in HOLD.
    pub hold: u64,
    /// How many the posteriors made likely.
    pub expected: f64,
    /// Decisions in which no open arm had learned anything.
    pub untrained: u64,
    /// Mean of the arms' means at these decisions: HOLD, and the best other open arm.
    pub mean_hold: f64,
    /// See `mean_hold`.
    pub mean_best_other: f64,
}

/// Reads the figures; the chances of HOLD only where they are asked for.
///
/// # Errors
/// [`AskError`].
pub fn policy(
    run: &StoredRun,
    symbol: Option<&str>,
    regime: Option<Regime>,
    why_hold: bool,
) -> Result<PolicyStats, AskError> {
    let selection = Selection { symbol: run.symbol(symbol)?, ..Selection::default() };
    let mut choices = Choices { why_hold, ..Choices::default() };
    run.each_record(&selection, &mut |record| choices.observe(record, regime))?;
    let restored = run.ask(|reader| async move { reader.restored().await })?;
    let facts = run.ask(|reader| async move { reader.policy_facts() })?;
    let (alpha, beta) = (facts.prior_alpha, facts.prior_beta);
    let tables = restored.as_ref().map_or(&[][..], |restored| &restored.policy);
    let frozen = restored.as_ref().map(|restored| restored.checkpoint.frozen);
    let figures = |of: Regime| {
        let rows = || tables.iter().filter(|table| table.regime == of).flat_map(|table| &table.rows);
        let rows = || {
            rows().filter(|row| selection.symbol.is_none() || row.symbol.is_none() || row.symbol == selection.symbol)
        };
        let counts = &choices.by_regime[of.index()];
        let actions = Action::ALL.map(|action| {
            let of_arm = || rows().filter(|row| row.action == action && row.count > 0);
            let count: u64 = of_arm().map(|row| u64::from(row.count)).sum();
            let micros: i64 = of_arm().map(|row| row.total_reward_micros).sum();
            let (alphas, betas) = of_arm().fold((0.0, 0.0), |sum, row| (sum.0 + row.alpha, sum.1 + row.beta));
            let (alphas, betas) = if count == 0 { (alpha, beta) } else { (alphas, betas) };
            ActionFigures {
                action,
                chosen: counts[action.index()],
                count,
                states: of_arm().count() as u64,
                mean_value: alphas / (alphas + betas),
                mean_reward: (count > 0).then(|| micros as f64 / 1e6 / count as f64),
            }
        });
        RegimeFigures {
            regime: of,
            total_updates: actions.iter().map(|action| action.count).sum(),
            frozen: frozen.is_some_and(|frozen| frozen.contains(of)),
            decisions: counts.iter().sum(),
            actions: actions.to_vec(),
        }
    };
    let regimes = Regime::ALL.into_iter().filter(|of| regime.is_none_or(|asked| asked == *of)).map(figures);
    Ok(PolicyStats {
        enabled: run.notes().settings.as_ref().map(|settings| settings.gate.policy_enabled),
        version: restored.as_ref().map_or(0, |restored| restored.checkpoint.policy_version),
        scope: facts.scope,
        prior: [alpha, beta],
        regimes: regimes.filter(|of| of.decisions > 0 || of.total_updates > 0 || of.frozen).collect(),
        why_hold: why_hold.then(|| choices.why_hold()),
    })
}

/// Choices as they come.
#[derive(Debug, Default)]
struct Choices {
    why_hold: bool,
    by_regime: [[u64; Action::COUNT]; Regime::COUNT],
    blocked: BTreeMap<String, u64>,
    by_freeze: u64,
    below_confidence: u64,
    holds: [Holds; Regime::COUNT],
    /// Chances of HOLD that were worked out, by the bits of the open arms' shapes.
    known: BTreeMap<Vec<[u64; 2]>, f64>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Holds {
    expected: f64,
    untrained: u64,
    mean_hold: f64,
    mean_best_other: f64,
}

impl Choices {
    fn observe(&mut self, record: &Record, regime: Option<Regime>) {
        match record {
            Record::Decision(decision) if regime.is_none_or(|regime| regime == decision.state.regime) => {
                self.by_regime[decision.state.regime.index()][decision.action.index()] += 1;
                if self.why_hold {
                    self.weigh(decision);
                }
            }
            Record::Blocked(blocked) if regime.is_none_or(|regime| regime == blocked.context.regime) => {
                *self.blocked.entry(blocked.cause.as_str().to_owned()).or_default() += 1;
            }
            _ => {}
        }
    }

    fn weigh(&mut self, decision: &DecisionRecord) {
        self.by_freeze += u64::from(decision.chooser == Chooser::FreezeFallback && decision.action == Action::Hold);
        self.below_confidence += u64::from(!decision.allocation.layers.passed(Layer::Confidence));
        let arm = |action: Action| decision.arms[action.index()];
        let open: Vec<Action> = decision.available.iter().collect();
        let expected = match decision.chooser {
            Chooser::Policy => {
                let shapes: Vec<(f64, f64)> =
                    open.iter().map(|action| (arm(*action).alpha, arm(*action).beta)).collect();
                let key = shapes.iter().map(|(alpha, beta)| [alpha.to_bits(), beta.to_bits()]).collect();
                let hold = open.iter().position(|action| *action == Action::Hold);
                *self.known.entry(key).or_insert_with(|| hold.map_or(0.0, |place| propensity(&shapes)[place]))
            }
            Chooser::FreezeFallback | Chooser::PolicyOff => f64::from(u8::from(decision.action == Action::Hold)),
        };
        let holds = &mut self.holds[decision.state.regime.index()];
        let others = || open.iter().filter(|action| **action != Action::Hold);
        holds.expected += expected;
        holds.untrained += u64::from(others().all(|action| arm(*action).count == 0));
        holds.mean_hold += arm(Action::Hold).mean_value();
        holds.mean_best_other += others().map(|action| arm(*action).mean_value()).fold(0.0, f64::max);
    }

    fn why_hold(self) -> WhyHold {
        let count = |regime: Regime| self.by_regime[regime.index()].iter().sum::<u64>();
        let regimes: Vec<RegimeHolds> = Regime::ALL
            .into_iter()
            .filter(|regime| count(*regime) > 0)
            .map(|regime| {
                let (holds, decisions) = (self.holds[regime.index()], count(regime));
                RegimeHolds {
                    regime,
                    decisions,
                    hold: self.by_regime[regime.index()][Action::Hold.index()],
                    expected: holds.expected,
                    untrained: holds.untrained,
                    mean_hold: holds.mean_hold / decisions as f64,
                    mean_best_other: holds.mean_best_other / decisions as f64,
                }
            })
            .collect();
        let decisions = regimes.iter().map(|of| of.decisions).sum();
        WhyHold {
            signals: decisions + self.blocked.values().sum::<u64>(),
            decisions,
            hold: regimes.iter().map(|of| of.hold).sum(),
            expected: regimes.iter().map(|of| of.expected).sum(),
            by_freeze: self.by_freeze,
            untrained: regimes.iter().map(|of| of.untrained).sum(),
            below_confidence: self.below_confidence,
            blocked: self.blocked,
            regimes,
        }
    }
}
