//! A policy as people look at it: regimes, arms, intervals.

use std::collections::BTreeMap;

use alavanca_engine::{ChangedBy, LearnedRecord, PolicyEvent, PolicyEventKind};
use alavanca_kernel::{Action, Regime, RegimeSet, StateHash, StateIndex, StateKey, Timestamp};
use alavanca_stats::Beta;
use serde::Serialize;

use super::PolicyError;
use super::file::{FileArm, PolicyFile, Prior};

/// What of a policy is to be shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// This regime alone.
    pub regime: Option<Regime>,
    /// These states alone.
    pub states: Option<StateFilter>,
    /// Arms with at least so many rewards.
    pub min_count: u32,
}

/// Some states, by their stored name or by words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateFilter(Vec<StateKey>);

impl StateFilter {
    /// States by the 16 digits of their stored name, or by words of it in their order: `14:00`, `14:00 HIGH LOW`,
    /// `TREND_UP|14:00|HIGH|LOW`.
    ///
    /// # Errors
    /// Where no state is named so.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let all = || Regime::ALL.into_iter().flat_map(StateIndex::of_regime).map(StateIndex::key);
        let words: Vec<String> = text
            .split(|c: char| c == '|' || c.is_whitespace())
            .filter(|word| !word.is_empty())
            .map(str::to_uppercase)
            .collect();
        let hash: Option<StateHash> = text.trim().to_lowercase().parse().ok();
        let fits = |key: &StateKey| {
            if hash.is_some_and(|hash| key.to_hash() == hash) {
                return true;
            }
            let name = key.to_string();
            let mut parts = name.split('|');
            !words.is_empty() && words.iter().all(|word| parts.any(|part| part == word))
        };
        let states: Vec<StateKey> = all().filter(fits).collect();
        if states.is_empty() {
            return Err(PolicyError::NoState { asked: text.to_owned() });
        }
        Ok(Self(states))
    }

    fn takes(&self, hash: StateHash) -> bool {
        self.0.iter().any(|key| key.to_hash() == hash)
    }
}

/// A policy as it is served.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PolicyView {
    /// The database.
    pub db: String,
    /// The run.
    pub run_id: Option<String>,
    /// Whether symbols share what is learned.
    pub scope: alavanca_rl::PolicyScope,
    /// What an arm without evidence has.
    pub prior: Prior,
    /// The served policy's version.
    pub version: u64,
    /// The last event's time, in UTC.
    pub at: Timestamp,
    /// The regimes that were asked for.
    pub regimes: Vec<RegimeView>,
}

/// A regime of a policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RegimeView {
    /// The regime.
    pub regime: Regime,
    /// Rewards in the served policy: those rolled back are not counted.
    pub updates: u64,
    /// Their average; `None` of none.
    pub mean_reward: Option<f64>,
    /// Since when it does not learn, and why.
    pub frozen: Option<FrozenView>,
    /// The policy's version when something last changed in the regime; `None` where nothing did.
    pub version: Option<u64>,
    /// When that was.
    pub changed_at: Option<Timestamp>,
    /// Its arms that were asked for.
    pub arms: Vec<ArmView>,
    /// Arms that were touched and not asked for.
    pub left_out: usize,
}

/// Why a regime does not learn.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FrozenView {
    /// Since when; `None` where the log does not say.
    pub since: Option<Timestamp>,
    /// Why, in a sentence.
    pub why: String,
}

/// An arm.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArmView {
    /// The symbol, where symbols do not share the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// The state in words.
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
    /// The posterior's mean.
    pub mean: f64,
    /// The value is below with a chance of 5 %.
    pub low: f64,
    /// The value is above with a chance of 5 %.
    pub high: f64,
    /// Average of the rewards learned; `None` of none.
    pub mean_reward: Option<f64>,
}

/// What the log says of regimes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Story {
    last: BTreeMap<Regime, (u64, Timestamp)>,
    frozen: BTreeMap<Regime, FrozenView>,
}

impl Story {
    pub(crate) fn of(learned: &[LearnedRecord], events: &[PolicyEvent]) -> Self {
        let mut story = Self::default();
        let lessons = learned.iter().filter(|lesson| lesson.applied);
        let lessons = lessons.map(|lesson| (lesson.outcome.state.regime, lesson.policy_version, lesson.at));
        let changes = events.iter().map(|event| (event.regime, event.policy_version, event.at));
        for (regime, version, at) in lessons.chain(changes) {
            let last = story.last.entry(regime).or_insert((version, at));
            *last = (*last).max((version, at));
        }
        for event in events {
            match &event.kind {
                PolicyEventKind::Frozen { .. } => {
                    story.frozen.insert(event.regime, FrozenView { since: Some(event.at), why: why_frozen(event) });
                }
                PolicyEventKind::Thawed => {
                    story.frozen.remove(&event.regime);
                }
                PolicyEventKind::RolledBack { .. } | PolicyEventKind::Imported { .. } => {}
            }
        }
        story
    }
}

fn why_frozen(event: &PolicyEvent) -> String {
    match (&event.kind, &event.by) {
        (PolicyEventKind::Frozen { window: Some(window), baseline: Some(baseline) }, _) => {
            format!("its recent rewards averaged {:.3}, its baseline {:.3}", window.to_f64(), baseline.to_f64())
        }
        (_, ChangedBy::Operator { reason }) if !reason.is_empty() => format!("by the operator: {reason}"),
        _ => "by the operator".to_owned(),
    }
}

impl PolicyView {
    pub(crate) fn of(
        db: String,
        policy: &PolicyFile,
        at: Timestamp,
        frozen: RegimeSet,
        story: &Story,
        filter: &Filter,
    ) -> Self {
        let wanted = |regime: Regime| filter.regime.is_none_or(|only| only == regime);
        let all = policy.regimes.iter().filter(|of| wanted(of.regime)).map(|of| {
            let total: i64 = of.arms.iter().map(|arm| arm.total_reward_micros).sum();
            let updates: u64 = of.arms.iter().map(|arm| u64::from(arm.count)).sum();
            let is_asked = |arm: &&FileArm| {
                arm.count >= filter.min_count
                    && filter.states.as_ref().is_none_or(|states| states.takes(arm.state_hash))
            };
            let arms: Vec<ArmView> = of.arms.iter().filter(is_asked).map(ArmView::of).collect();
            let unsaid = || FrozenView { since: None, why: "the log does not say why".to_owned() };
            RegimeView {
                regime: of.regime,
                updates,
                mean_reward: mean(total, updates),
                frozen: frozen
                    .contains(of.regime)
                    .then(|| story.frozen.get(&of.regime).cloned().unwrap_or_else(unsaid)),
                version: story.last.get(&of.regime).map(|last| last.0),
                changed_at: story.last.get(&of.regime).map(|last| last.1),
                left_out: of.arms.len() - arms.len(),
                arms,
            }
        });
        // Asked for states, one does not want the regimes that have none of them.
        let regimes = all.filter(|of| filter.states.is_none() || !of.arms.is_empty());
        Self {
            db,
            run_id: policy.run_id.clone(),
            scope: policy.scope,
            prior: policy.prior,
            version: policy.version,
            at,
            regimes: regimes.collect(),
        }
    }
}

impl ArmView {
    fn of(arm: &FileArm) -> Self {
        let beta = Beta::new(arm.alpha, arm.beta);
        Self {
            symbol: arm.symbol.clone(),
            state: arm.state.clone(),
            state_hash: arm.state_hash,
            action: arm.action,
            alpha: arm.alpha,
            beta: arm.beta,
            count: arm.count,
            mean: arm.alpha / (arm.alpha + arm.beta),
            low: beta.quantile(0.05),
            high: beta.quantile(0.95),
            mean_reward: mean(arm.total_reward_micros, arm.count.into()),
        }
    }
}

pub(crate) fn mean(total_micros: i64, count: u64) -> Option<f64> {
    (count > 0).then(|| total_micros as f64 / 1e6 / count as f64)
}
