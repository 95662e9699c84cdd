//! The policy's one ordered log, and the fold of it (semantics 29).

use std::collections::BTreeMap;

use alavanca_engine::{ChangedBy, PolicyEvent, PolicyEventKind};
use alavanca_kernel::{Action, Regime, Reward, StateKey, SymbolId};
use alavanca_ports::StoreError;
use alavanca_rl::{Policy, PolicyRow, PolicyTable};
use sea_orm::QueryResult;
use serde::{Deserialize, Serialize};

use crate::store::{SqliteStore, all, column, parse};

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
        const LOG: &str = "SELECT seq, kind, symbol, state, action, reward, applied, regime, detail FROM ( \
            SELECT seq, 'LEARNED' AS kind, symbol, state, action, reward, applied, NULL AS regime, NULL AS detail \
            FROM evidence WHERE seq > ?1 AND seq <= ?1 + ?2 \
            UNION ALL \
            SELECT seq, kind, NULL, NULL, NULL, NULL, NULL, regime, detail \
            FROM policy_events WHERE seq > ?1 AND seq <= ?1 + ?2) ORDER BY seq";
        let mut last = 0;
        loop {
            let entries = all(self.db(), LOG, [last.into(), PAGE.into()]).await?;
            if entries.is_empty() {
                return Ok(());
            }
            for entry in &entries {
                self.fold_entry(entry, policy)?;
            }
            last += PAGE;
        }
    }

    fn fold_entry(&self, entry: &QueryResult, policy: &mut dyn Policy) -> Result<(), StoreError> {
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
                let state: StateKey = self.rows.states.find(&state).ok_or_else(|| wrong("the state is not known"))?;
                let action: Action =
                    column::<String>(entry, 4)?.parse().map_err(|_| wrong("the action is not known"))?;
                let reward = u32::try_from(column::<i64>(entry, 5)?).ok().and_then(Reward::from_micros);
                let reward = reward.ok_or_else(|| wrong("the reward is not from 0 to 1"))?;
                if !policy.learn(symbol, state, action, reward).applied {
                    return Err(wrong("it was learned in a regime that is frozen"));
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

    /// Folds the log into a policy that knows nothing, and holds the rows of `rl_policy` against it.
    ///
    /// # Errors
    /// [`StoreError::Inconsistent`] naming the first arm that differs.
    pub async fn verify_policy(&self, policy: &mut dyn Policy) -> Result<(), StoreError> {
        self.fold_policy(policy).await?;
        let place = |row: &PolicyRow| (row.symbol, row.regime, row.state_hash, row.action);
        let mut folded: BTreeMap<_, _> = policy.rows().into_iter().map(|row| (place(&row), row)).collect();
        for table in self.policy_tables(policy.version()).await? {
            for served in table.rows {
                let what = || format!("{} {} {}", served.regime, served.state, served.action);
                match folded.remove(&place(&served)) {
                    Some(row) if row == served => {}
                    Some(row) => {
                        return Err(StoreError::Inconsistent(format!(
                            "{}: Beta({}, {}) of {} rewards is served, the log gives Beta({}, {}) of {}",
                            what(),
                            served.alpha,
                            served.beta,
                            served.count,
                            row.alpha,
                            row.beta,
                            row.count
                        )));
                    }
                    None => return Err(StoreError::Inconsistent(format!("{}: served, and not in the log", what()))),
                }
            }
        }
        match folded.into_values().next() {
            None => Ok(()),
            Some(row) => Err(StoreError::Inconsistent(format!(
                "{} {} {}: learned in the log, and not served",
                row.regime, row.state, row.action
            ))),
        }
    }
}
