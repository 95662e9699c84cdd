//! What every policy can do.

use alavanca_kernel::{Action, ActionSet, Regime, RegimeSet, Reward, StateKey, SymbolId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{ImportError, PolicyRow, PolicyTable};

/// Chooses among the actions at hand and learns from what became of them. Knows nothing of batches, snapshots or
/// when to freeze; all of that is told to it.
pub trait Policy: std::fmt::Debug + Send {
    /// The action to take (level5.md's `select_action`). The same policy, symbol, state, mask and signal time give the
    /// same action, whatever was asked before (semantics 31). With nothing available it is HOLD.
    fn choose(&mut self, symbol: SymbolId, state: StateKey, available: ActionSet, signal_time: Timestamp) -> Action;

    /// Learns one arm's reward. In a frozen regime nothing moves (semantics 26).
    fn learn(&mut self, symbol: SymbolId, state: StateKey, action: Action, reward: Reward) -> ArmUpdate;

    /// What is known of one arm (level5.md's `get_action_stats`).
    fn arm(&self, symbol: SymbolId, state: StateKey, action: Action) -> Arm;

    /// Whether the regime has stopped learning.
    fn is_frozen(&self, regime: Regime) -> bool;

    /// Stops the regime's learning.
    fn freeze(&mut self, regime: Regime);

    /// Lets the regime learn again.
    fn unfreeze(&mut self, regime: Regime);

    /// Grows with each change of what is served: parameters and freezes.
    fn version(&self) -> u64;

    /// Everything learned in a regime (level5.md's `export_policy_table`). Only arms that were touched, in order.
    fn export_table(&self, regime: Regime) -> PolicyTable;

    /// Replaces everything learned in the table's regime. Freezes stay as they are.
    ///
    /// # Errors
    /// Where anything in the table is wrong (semantics 30); then nothing has changed.
    fn import_table(&mut self, table: &PolicyTable) -> Result<(), ImportError>;

    /// Everything learned in a regime, as bytes (JSON text). The same content gives the same bytes.
    fn snapshot(&self, regime: Regime) -> Vec<u8>;

    /// Replaces everything learned in a regime by a snapshot of it, bit for bit.
    ///
    /// # Errors
    /// As [`Policy::import_table`], and where the bytes are no snapshot of this regime.
    fn restore(&mut self, regime: Regime, bytes: &[u8]) -> Result<(), ImportError>;

    /// The regime's figures (level5.md's `export_stats`).
    fn stats(&self, regime: Regime) -> RegimeStats;

    /// Every arm that was touched, in order: by regime, then as in the regime's table.
    fn rows(&self) -> Vec<PolicyRow>;

    /// Everything needed to go on after a restart with the same choices and the same version.
    fn checkpoint(&self) -> PolicyCheckpoint;

    /// Goes on from a checkpoint.
    ///
    /// # Errors
    /// As [`Policy::import_table`]; then nothing has changed.
    fn resume(&mut self, checkpoint: &PolicyCheckpoint) -> Result<(), ImportError>;
}

/// What is known of one arm: a Beta posterior and what it was made from.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Arm {
    /// Prior plus evidence for.
    pub alpha: f64,
    /// Prior plus evidence against.
    pub beta: f64,
    /// Rewards learned.
    pub count: u32,
    /// Their sum, in millionths.
    pub reward_micros: i64,
}

impl Arm {
    /// The posterior's mean, alpha / (alpha + beta) (level5.md's `mean_value`).
    pub fn mean_value(&self) -> f64 {
        self.alpha / (self.alpha + self.beta)
    }
}

/// What learning one reward did.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct ArmUpdate {
    /// Whether the reward was taken in; not in a frozen regime.
    pub applied: bool,
    /// The arm afterwards.
    pub arm: Arm,
    /// The policy's version afterwards.
    pub version: u64,
}

/// A regime's figures.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RegimeStats {
    /// The regime.
    pub regime: Regime,
    /// Rewards in the served policy: those rolled back are not counted.
    pub total_updates: u64,
    /// Their sum, in millionths.
    pub reward_micros: i64,
    /// Arms that were touched.
    pub arms_touched: u32,
    /// Whether the regime has stopped learning.
    pub frozen: bool,
}

/// A whole policy at one moment.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyCheckpoint {
    /// Its version.
    pub version: u64,
    /// The frozen regimes.
    pub frozen: RegimeSet,
    /// The tables of the regimes in which anything was learned.
    pub tables: Vec<PolicyTable>,
}
