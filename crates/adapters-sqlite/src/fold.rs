//! The policy's one ordered log, and the fold of it (semantics 29).

use std::collections::BTreeMap;

use alavanca_engine::{ChangedBy, PolicyEvent, PolicyEventKind};
use alavanca_kernel::{Action, Regime, Reward, StateKey, SymbolId};
use alavanca_ports::StoreError;
use alavanca_rl::{Arm, Policy, PolicyRow, PolicyTable};
use sea_orm::{ConnectionTrait, QueryResult, TransactionTrait};
use serde::{Deserialize, Serialize};

use crate::reader::RunReader;
use crate::store::{SqliteStore, all, column, io, parse};
use crate::stored;
use crate::text::States;

/// How many entries of the log are in memory at a time.
const PAGE: i64 = 1024;

/// What the log keeps of an event of the policy in its column of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EventDetail {
    /// What happened, with its figures.
    #[serde(flatten)]
    pub(crate) kind: PolicyEventKind,
    /// Who brought it about; not written where it was the engine.
    #[serde(default, skip_serializing_if = "is_engine")]
    pub(crate) by: ChangedBy,
}

impl EventDetail {
    pub(crate) fn of(event: &PolicyEvent) -> Self {
        Self { kind: event.kind.clone(), by: event.by.clone() }
    }
}

fn is_engine(by: &ChangedBy) -> bool {
    *by == ChangedBy::Engine
}

impl SqliteStore {
    /// Tells a policy that knows nothing everything that is in the log, in order, through the same calls by which the
    /// engine told its own. What comes out has to be what is served: see [`SqliteStore::verify_policy`].
    ///
    /// # Errors
    /// [`StoreError::Inconsistent`] where the policy takes an entry in otherwise than the log says.
    pub async fn fold_policy(&self, policy: &mut dyn Policy) -> Result<(), StoreError> {
        fold(self.db(), &self.rows.states, policy).await
    }

    /// Folds the log into a policy that knows nothing, and holds the rows of `rl_policy` against it.
    ///
    /// # Errors
    /// [`StoreError::Inconsistent`] naming the first arm that differs.
    pub async fn verify_policy(&self, policy: &mut dyn Policy) -> Result<(), StoreError> {
        self.fold_policy(policy).await?;
        compare(self.policy_tables(policy.version()).await?, policy)
    }
}

impl RunReader {
    /// Folds the log into a policy that knows nothing, and holds the rows of `rl_policy` against it, both of one moment
    /// of the database (semantics 29).
    ///
    /// # Errors
    /// [`StoreError::Inconsistent`] naming the entry of the log or the arm that differs first.
    pub async fn verify_policy(&self, policy: &mut dyn Policy) -> Result<(), StoreError> {
        let moment = self.db().begin().await.map_err(io)?;
        let states = States::default();
        fold(&moment, &states, policy).await?;
        let facts = self.policy_facts()?;
        let served = stored::policy_tables(&moment, facts, self.symbols(), &states, policy.version()).await?;
        compare(served, policy)?;
        moment.rollback().await.map_err(io)
    }
}

async fn fold(db: &impl ConnectionTrait, states: &States, policy: &mut dyn Policy) -> Result<(), StoreError> {
    const LOG: &str = "SELECT seq, kind, symbol, state, action, reward, applied, regime, detail, alpha, beta, count, \
        total_reward FROM ( \
        SELECT seq, 'LEARNED' AS kind, symbol, state, action, reward, applied, NULL AS regime, NULL AS detail, \
        alpha, beta, count, total_reward FROM evidence WHERE seq > ?1 AND seq <= ?1 + ?2 \
        UNION ALL \
        SELECT seq, kind, NULL, NULL, NULL, NULL, NULL, regime, detail, NULL, NULL, NULL, NULL \
        FROM policy_events WHERE seq > ?1 AND seq <= ?1 + ?2) ORDER BY seq";
    let mut last = 0;
    loop {
        let entries = all(db, LOG, [last.into(), PAGE.into()]).await?;
        if entries.is_empty() {
            return Ok(());
        }
        for entry in &entries {
            fold_entry(entry, states, policy)?;
        }
        last += PAGE;
    }
}

fn fold_entry(entry: &QueryResult, states: &States, policy: &mut dyn Policy) -> Result<(), StoreError> {
    let seq: i64 = column(entry, 0)?;
    let wrong = |what: &str| StoreError::Inconsistent(format!("entry {seq} of the policy's log: {what}"));
    let regime = || -> Result<Regime, StoreError> {
        column::<String>(entry, 7)?.parse().map_err(|_| wrong("the regime is not known"))
    };
    let kind: String = column(entry, 1)?;
    match kind.as_str() {
        "LEARNED" if column(entry, 6)? => {
            let symbol = SymbolId::new(column::<i64>(entry, 2)? as u16);
            let state: String = column(entry, 3)?;
            let state: StateKey = states.find(&state).ok_or_else(|| wrong("the state is not known"))?;
            let action: Action = column::<String>(entry, 4)?.parse().map_err(|_| wrong("the action is not known"))?;
            let reward = u32::try_from(column::<i64>(entry, 5)?).ok().and_then(Reward::from_micros);
            let reward = reward.ok_or_else(|| wrong("the reward is not from 0 to 1"))?;
            let learned = policy.learn(symbol, state, action, reward);
            if !learned.applied {
                return Err(wrong("it was learned in a regime that is frozen"));
            }
            let noted = Arm {
                alpha: column(entry, 9)?,
                beta: column(entry, 10)?,
                count: column::<i64>(entry, 11)? as u32,
                reward_micros: column(entry, 12)?,
            };
            if learned.arm != noted {
                let (noted, comes) = (arm_text(&noted), arm_text(&learned.arm));
                return Err(wrong(&format!("{state} {action} was {noted} afterwards, and comes to {comes}")));
            }
        }
        "FROZEN" => policy.freeze(regime()?),
        "THAWED" => policy.unfreeze(regime()?),
        "TABLE" => {
            let table: PolicyTable = parse(&column::<String>(entry, 8)?, "policy table", seq)?;
            policy.import_table(&table).map_err(|e| wrong(&e.to_string()))?;
        }
        // Logged only; a rollback's content, and an import's, is the table after it.
        "LEARNED" | "ROLLED_BACK" | "IMPORTED" | "SNAPSHOT" | "PRUNED" => {}
        other => return Err(wrong(&format!("{other} is not known"))),
    }
    Ok(())
}

/// Holds what is served against what came out of the log.
fn compare(served: Vec<PolicyTable>, policy: &dyn Policy) -> Result<(), StoreError> {
    let place = |row: &PolicyRow| (row.symbol, row.regime, row.state_hash, row.action);
    let mut folded: BTreeMap<_, _> = policy.rows().into_iter().map(|row| (place(&row), row)).collect();
    for served in served.into_iter().flat_map(|table| table.rows) {
        let what = || format!("{} {}", served.state, served.action);
        let arm = |of: &PolicyRow| {
            let PolicyRow { alpha, beta, count, total_reward_micros, .. } = *of;
            arm_text(&Arm { alpha, beta, count, reward_micros: total_reward_micros })
        };
        match folded.remove(&place(&served)) {
            Some(row) if row == served => {}
            Some(row) => {
                let (served, log) = (arm(&served), arm(&row));
                return Err(StoreError::Inconsistent(format!("{}: {served} is served, the log gives {log}", what())));
            }
            None => return Err(StoreError::Inconsistent(format!("{}: served, and not in the log", what()))),
        }
    }
    match folded.into_values().next() {
        None => Ok(()),
        Some(row) => {
            Err(StoreError::Inconsistent(format!("{} {}: learned in the log, and not served", row.state, row.action)))
        }
    }
}

fn arm_text(arm: &Arm) -> String {
    let total = arm.reward_micros as f64 / 1e6;
    format!("Beta({}, {}) of {} rewards with a sum of {total}", arm.alpha, arm.beta, arm.count)
}
