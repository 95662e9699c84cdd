//! What is done to a regime's policy other than learning, and what is recorded of it (semantics 26 to 30). The engine
//! does it by its rules, the operator by hand; the records are the same but for who did it.

use alavanca_kernel::{Regime, Reward, Timestamp, TradingDay};
use alavanca_rl::{ImportError, Policy, PolicyTable};
use alavanca_updater::Updater;

use crate::record::{ChangedBy, PolicyEvent, PolicyEventKind, Record};

/// A policy and its updater, at the moment of a change.
pub(crate) struct PolicyChange<'a> {
    pub(crate) policy: &'a mut dyn Policy,
    pub(crate) updater: &'a mut Updater,
    pub(crate) by: ChangedBy,
    pub(crate) at: Timestamp,
    pub(crate) records: &'a mut dyn FnMut(Record),
}

impl PolicyChange<'_> {
    /// Stops the regime's learning.
    pub(crate) fn freeze(self, regime: Regime, day: TradingDay, window: Option<Reward>, baseline: Option<Reward>) {
        self.policy.freeze(regime);
        self.updater.note_frozen(regime, day);
        self.event(regime, PolicyEventKind::Frozen { window, baseline });
    }

    /// Lets the regime learn again, from a new baseline.
    pub(crate) fn thaw(self, regime: Regime) {
        self.policy.unfreeze(regime);
        self.updater.thawed(regime);
        self.event(regime, PolicyEventKind::Thawed);
    }

    /// Goes back to a snapshot's bytes.
    pub(crate) fn roll_back(
        self,
        regime: Regime,
        snapshot: String,
        bytes: &[u8],
        average: Option<Reward>,
    ) -> Result<(), ImportError> {
        self.policy.restore(regime, bytes)?;
        self.event(regime, PolicyEventKind::RolledBack { snapshot, average });
        Ok(())
    }

    /// Puts an exported table in the place of what is served. Freezes stay as they are.
    pub(crate) fn import(self, table: &PolicyTable, digest: String, run_id: Option<String>) -> Result<(), ImportError> {
        self.policy.import_table(table)?;
        self.updater.replaced(table.regime);
        self.event(table.regime, PolicyEventKind::Imported { digest, run_id });
        Ok(())
    }

    fn event(self, regime: Regime, kind: PolicyEventKind) {
        let is_content = matches!(kind, PolicyEventKind::RolledBack { .. } | PolicyEventKind::Imported { .. });
        let policy_version = self.policy.version();
        (self.records)(Record::Policy(PolicyEvent { regime, kind, by: self.by, policy_version, at: self.at }));
        if is_content {
            // The store replaces the regime's rows by these; the fold of the log does, too.
            (self.records)(Record::PolicyTable(Box::new(self.policy.export_table(regime))));
        }
    }
}
