//! What a restarted engine goes on from, as it stands in the tables.

use alavanca_engine::Checkpoint;
use alavanca_kernel::{Regime, StateHash, SymbolId};
use alavanca_ports::StoreError;
use alavanca_rl::{PolicyRow, PolicyTable};
use alavanca_updater::PolicySnapshot;
use sea_orm::ConnectionTrait;

use crate::entity::rl_policy;
use crate::repo;
use crate::store::{PolicyFacts, all, column, io, one, parse};
use crate::text::States;

/// The last checkpoint; `None` where nothing was ever stored.
pub(crate) async fn checkpoint(db: &impl ConnectionTrait) -> Result<Option<Checkpoint>, StoreError> {
    let Some(row) = one(db, "SELECT checkpoint, cursor FROM engine_state", []).await? else {
        return Ok(None);
    };
    let Some(text) = column::<Option<String>>(&row, 0)? else {
        return Err(StoreError::Inconsistent(format!(
            "{} events are stored without a checkpoint: an engine cannot go on from them",
            column::<i64>(&row, 1)?
        )));
    };
    parse(&text, "checkpoint", 1).map(Some)
}

/// All snapshots that are kept, oldest first.
pub(crate) async fn snapshots(db: &impl ConnectionTrait) -> Result<Vec<PolicySnapshot>, StoreError> {
    let rows = all(db, "SELECT seq, content FROM snapshots ORDER BY seq", []).await?;
    rows.iter().map(|row| parse(&column::<String>(row, 1)?, "snapshot", column(row, 0)?)).collect()
}

/// The served policy's tables as they are stored, of regimes in which anything was learned.
pub(crate) async fn policy_tables(
    db: &impl ConnectionTrait,
    facts: PolicyFacts,
    symbols: &[impl AsRef<str>],
    states: &States,
    version: u64,
) -> Result<Vec<PolicyTable>, StoreError> {
    let PolicyFacts { scope, prior_alpha, prior_beta } = facts;
    let mut tables = Vec::new();
    for regime in Regime::ALL {
        let stored = repo::fetch_rl_policy_table(db, regime).await.map_err(io)?;
        if !stored.is_empty() {
            let read = |row| policy_row(regime, row, symbols, states);
            let rows = stored.into_iter().map(read).collect::<Result<_, _>>()?;
            let schema = PolicyTable::SCHEMA;
            tables.push(PolicyTable { schema, regime, scope, version, prior_alpha, prior_beta, rows });
        }
    }
    Ok(tables)
}

fn policy_row(
    regime: Regime,
    row: rl_policy::Model,
    symbols: &[impl AsRef<str>],
    states: &States,
) -> Result<PolicyRow, StoreError> {
    let id = row.id;
    let read = || {
        let name = row.state_hash?;
        let (hash, symbol) = match name.split_once('@') {
            None => (name.as_str(), None),
            Some((hash, symbol)) => {
                let place = symbols.iter().position(|known| known.as_ref() == symbol)?;
                (hash, Some(SymbolId::new(place as u16)))
            }
        };
        let state_hash: StateHash = hash.parse().ok()?;
        Some(PolicyRow {
            symbol,
            regime,
            state_hash,
            state: states.find(hash)?.to_string(),
            action: row.action?.parse().ok()?,
            alpha: row.alpha?,
            beta: row.beta?,
            count: row.count?.try_into().ok()?,
            total_reward_micros: (row.total_reward? * 1e6).round() as i64,
        })
    };
    read().ok_or_else(|| StoreError::Inconsistent(format!("row {id} of rl_policy is no arm of a known state")))
}
