//! What only the end of a commit decides: rows that later records of the same commit replace or take away again. A
//! rollback replaces a regime's rows of the policy, and most snapshots are pruned soon; what is gone by the commit's end
//! need not be written.

use std::collections::BTreeMap;

use alavanca_kernel::{Action, Regime, StateKey, SymbolId, Timestamp};
use alavanca_updater::PolicySnapshot;

/// A row of the policy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ArmRow {
    pub(crate) symbol: Option<SymbolId>,
    pub(crate) state: StateKey,
    pub(crate) action: Action,
    pub(crate) alpha: f64,
    pub(crate) beta: f64,
    pub(crate) count: i64,
    pub(crate) total_reward: i64,
    pub(crate) updated: Option<Timestamp>,
}

/// One regime's rows.
#[derive(Debug, Default)]
pub(crate) struct RegimeRows {
    /// Whether the rows that are stored go first.
    pub(crate) replaces: bool,
    /// By id.
    pub(crate) rows: BTreeMap<i64, ArmRow>,
}

/// What is to be written at a commit's end.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    pub(crate) regimes: [RegimeRows; Regime::COUNT],
    /// Taken in this commit, with their places in the log.
    pub(crate) snapshots: Vec<(i64, PolicySnapshot)>,
    /// Taken before it and kept no longer.
    pub(crate) pruned: Vec<String>,
}

impl Pending {
    /// The regime's rows are from here on those that follow.
    pub(crate) fn replace(&mut self, regime: Regime) {
        self.regimes[regime.index()] = RegimeRows { replaces: true, rows: BTreeMap::new() };
    }

    /// A row, in the place of the one before it with this id.
    pub(crate) fn arm(&mut self, id: i64, row: ArmRow) {
        self.regimes[row.state.regime.index()].rows.insert(id, row);
    }

    /// A snapshot is kept no longer.
    pub(crate) fn prune(&mut self, id: &str) {
        let known = self.snapshots.len();
        self.snapshots.retain(|(_, snapshot)| snapshot.id != id);
        if self.snapshots.len() == known {
            self.pruned.push(id.to_owned());
        }
    }
}
