//! The snapshots that a database keeps.

use alavanca_engine::PolicyByHand;
use alavanca_kernel::{Regime, Timestamp};
use alavanca_rl::{ImportError, PolicyTable};
use alavanca_updater::PolicySnapshot;
use serde::Serialize;

use super::view::mean;
use super::{PolicyDb, PolicyError};

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SnapshotView {
    /// Its id, to go back to.
    pub id: String,
    /// The regime.
    pub regime: Regime,
    /// When it was taken, in UTC.
    pub at: Timestamp,
    /// Rewards that were learned in it.
    pub trades: u64,
    /// Their average; `None` of none.
    pub mean_reward: Option<f64>,
    /// Kept outside the count of snapshots (semantics 28).
    pub milestone: bool,
    /// An engine that goes on from the database holds it, and does not start without it.
    pub needed: bool,
    /// What is served is the same, to the bit.
    pub served: bool,
    /// Why it was taken.
    pub note: String,
}

impl PolicyDb {
    /// All snapshots, the oldest first; of one regime, if asked.
    ///
    /// # Errors
    /// Where what is stored does not hold together.
    pub fn snapshots(&self, regime: Option<Regime>) -> Result<Vec<SnapshotView>, PolicyError> {
        let by_hand = self.by_hand(self.restored.clone())?;
        let asked = |snapshot: &&PolicySnapshot| regime.is_none_or(|regime| regime == snapshot.regime);
        let snapshots = self.restored.snapshots.iter().filter(asked);
        snapshots
            .map(|snapshot| {
                let table = table(snapshot)
                    .map_err(|error| PolicyError::ByHand { db: self.name.clone(), error: error.into() })?;
                Ok(SnapshotView::of(snapshot, &table, &by_hand))
            })
            .collect()
    }
}

impl SnapshotView {
    fn of(snapshot: &PolicySnapshot, table: &PolicyTable, by_hand: &PolicyByHand) -> Self {
        let trades: u64 = table.rows.iter().map(|row| u64::from(row.count)).sum();
        let total: i64 = table.rows.iter().map(|row| row.total_reward_micros).sum();
        Self {
            id: snapshot.id.clone(),
            regime: snapshot.regime,
            at: snapshot.at,
            trades,
            mean_reward: mean(total, trades),
            milestone: snapshot.milestone,
            needed: by_hand.updater().rollback_to(&snapshot.id).is_some(),
            served: by_hand.policy().snapshot(snapshot.regime) == snapshot.policy,
            note: snapshot.note.clone(),
        }
    }
}

/// A snapshot's content as a table.
pub(super) fn table(snapshot: &PolicySnapshot) -> Result<PolicyTable, ImportError> {
    let unreadable = |error: serde_json::Error| ImportError::Unreadable(format!("snapshot {}: {error}", snapshot.id));
    let table: PolicyTable = serde_json::from_slice(&snapshot.policy).map_err(unreadable)?;
    if table.regime == snapshot.regime {
        Ok(table)
    } else {
        Err(ImportError::OtherRegime { got: table.regime, expected: snapshot.regime })
    }
}
