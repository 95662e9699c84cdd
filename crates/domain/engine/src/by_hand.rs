//! The operator's hand on a policy whose engine stands still.

use alavanca_calendar::{TradingClock, TradingZone};
use alavanca_kernel::{Regime, RegimeSet};
use alavanca_rl::{ImportError, Policy, PolicyCheckpoint, PolicyTable};
use alavanca_updater::{PolicySnapshot, Updater, UpdaterConfig};

use crate::checkpoint::{Checkpoint, RestoreError, Restored};
use crate::policy_change::PolicyChange;
use crate::record::{ChangedBy, Record};

/// A policy taken up from a store to be changed by the operator, while no engine runs on it.
///
/// The changes are those that the engine itself makes, with the same records; what a restarted engine goes on from is
/// changed with them. Nothing is stored by it: [`PolicyByHand::finish`] gives the records of one commit. Times are those
/// of the checkpoint, for no event came since.
#[derive(Debug)]
pub struct PolicyByHand {
    checkpoint: Checkpoint,
    policy: Box<dyn Policy>,
    updater: Updater,
    snapshots: Vec<PolicySnapshot>,
    zone: TradingZone,
    records: Vec<Record>,
}

/// Why the operator's change cannot be made. Nothing has changed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ByHandError {
    /// No snapshot has this id.
    #[error("there is no snapshot {0}")]
    NoSnapshot(String),
    /// A table or a snapshot cannot be taken in.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// What came out is not what was to be restored.
    #[error("snapshot {0} cannot be restored bit for bit: it was changed, or written by another release")]
    NotBitForBit(String),
}

impl PolicyByHand {
    /// Takes up what a store gave back. `policy` knows nothing yet and is of the settings of the store's engine.
    ///
    /// # Errors
    /// Where the store's content does not fit these settings.
    pub fn take_up(
        restored: Restored,
        mut policy: Box<dyn Policy>,
        updater: UpdaterConfig,
        zone: TradingZone,
    ) -> Result<Self, RestoreError> {
        let Restored { checkpoint, policy: tables, snapshots } = restored;
        policy.resume(&PolicyCheckpoint { version: checkpoint.policy_version, frozen: checkpoint.frozen, tables })?;
        let updater = Updater::restore(updater, checkpoint.updater.clone(), snapshots.clone())?;
        Ok(Self { checkpoint, policy, updater, snapshots, zone, records: Vec::new() })
    }

    /// The policy as it is now.
    pub fn policy(&self) -> &dyn Policy {
        &*self.policy
    }

    /// The updater as it is now: which snapshots an engine holds, since when a regime is frozen.
    pub fn updater(&self) -> &Updater {
        &self.updater
    }

    /// All snapshots that the store keeps, oldest first.
    pub fn snapshots(&self) -> &[PolicySnapshot] {
        &self.snapshots
    }

    /// Stops the regime's learning; says whether that changed anything.
    pub fn freeze(&mut self, regime: Regime, reason: &str) -> bool {
        if self.policy.is_frozen(regime) {
            return false;
        }
        let day = TradingClock::new(self.zone).locate(self.checkpoint.now).day;
        self.change(reason, |change| change.freeze(regime, day, None, None));
        true
    }

    /// Lets the regime learn again, from a new baseline; says whether that changed anything.
    pub fn unfreeze(&mut self, regime: Regime, reason: &str) -> bool {
        if !self.policy.is_frozen(regime) {
            return false;
        }
        self.change(reason, |change| change.thaw(regime));
        true
    }

    /// Goes back to a snapshot, bit for bit, after a snapshot of what is served; says whether that changed anything.
    ///
    /// # Errors
    /// Where there is no such snapshot, or it cannot be read; nothing has changed then.
    pub fn roll_back(&mut self, id: &str, reason: &str) -> Result<bool, ByHandError> {
        let found = self.snapshots.iter().find(|snapshot| snapshot.id == id);
        let target = found.cloned().ok_or_else(|| ByHandError::NoSnapshot(id.to_owned()))?;
        let regime = target.regime;
        let served = self.policy.snapshot(regime);
        if served == target.policy {
            return Ok(false);
        }
        // Tried first, so that a failure leaves everything as it was.
        let before = self.policy.checkpoint();
        let tried = self.policy.restore(regime, &target.policy);
        let came_out = self.policy.snapshot(regime);
        self.policy.resume(&before)?;
        tried?;
        if came_out != target.policy {
            return Err(ByHandError::NotBitForBit(id.to_owned()));
        }
        self.keep(regime, format!("before the operator's rollback to {id}"));
        self.change(reason, |change| change.roll_back(regime, id.to_owned(), &target.policy, None))?;
        Ok(true)
    }

    /// Puts these tables in the place of what is served in their regimes, after a snapshot of each regime that they
    /// change. Gives the regimes that were changed.
    ///
    /// # Errors
    /// Where a table cannot be taken in (semantics 30); nothing has changed then.
    pub fn import(
        &mut self,
        tables: &[PolicyTable],
        digest: &str,
        run_id: Option<&str>,
        reason: &str,
    ) -> Result<RegimeSet, ByHandError> {
        let before = self.policy.checkpoint();
        let (mut named, mut changed) = (RegimeSet::EMPTY, RegimeSet::EMPTY);
        let tried = tables.iter().try_for_each(|table| {
            let regime = table.regime;
            if named.contains(regime) {
                return Err(ImportError::RegimeTwice(regime));
            }
            named = named.with(regime);
            let served = self.policy.snapshot(regime);
            self.policy.import_table(table)?;
            if self.policy.snapshot(regime) != served {
                changed = changed.with(regime);
            }
            Ok(())
        });
        self.policy.resume(&before)?;
        tried?;
        for regime in changed.iter() {
            self.keep(regime, "before the operator's import".to_owned());
        }
        for table in tables.iter().filter(|table| changed.contains(table.regime)) {
            let (digest, run_id) = (digest.to_owned(), run_id.map(str::to_owned));
            self.change(reason, |change| change.import(table, digest, run_id))?;
        }
        Ok(changed)
    }

    /// The records of everything that was changed, with the checkpoint that an engine goes on from: one commit. Empty
    /// where nothing was changed.
    pub fn finish(self) -> Vec<Record> {
        let Self { mut checkpoint, policy, updater, mut records, .. } = self;
        if !records.is_empty() {
            checkpoint.frozen = policy.checkpoint().frozen;
            checkpoint.policy_version = policy.version();
            checkpoint.updater = updater.checkpoint();
            records.push(Record::Checkpoint(Box::new(checkpoint)));
        }
        records
    }

    fn keep(&mut self, regime: Regime, note: String) {
        let snapshot = self.updater.keep(regime, self.checkpoint.now, self.policy.snapshot(regime), note);
        self.snapshots.push(snapshot.clone());
        self.records.push(Record::Snapshot(Box::new(snapshot)));
    }

    fn change<T>(&mut self, reason: &str, make: impl FnOnce(PolicyChange<'_>) -> T) -> T {
        let Self { policy, updater, records, checkpoint, .. } = self;
        make(PolicyChange {
            policy: &mut **policy,
            updater,
            by: ChangedBy::Operator { reason: reason.to_owned() },
            at: checkpoint.now,
            records: &mut |record| records.push(record),
        })
    }
}
