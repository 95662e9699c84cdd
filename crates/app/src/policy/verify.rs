//! Whether a stored policy is what its log says.

use std::path::Path;

use alavanca_adapters_sqlite::RunReader;
use alavanca_kernel::{Regime, RegimeSet};
use alavanca_ports::StoreError;
use alavanca_rl::{Policy, RlConfig, ThompsonSampling};
use serde::Serialize;

use super::read::{PolicyDb, runtime};
use super::{PolicyError, snapshots};

/// What was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// The database.
    pub db: String,
    /// Each check, in order.
    pub checks: Vec<Check>,
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What.
    pub name: &'static str,
    /// What is wrong, naming the row; empty where it is as it should be.
    pub faults: Vec<String>,
}

impl VerifyReport {
    /// Whether everything is as it should be.
    pub fn is_sound(&self) -> bool {
        self.checks.iter().all(|check| check.faults.is_empty())
    }
}

/// Follows the hash chains of the log and of the decisions, holds the served table against the fold of the log
/// (semantics 29), the checkpoint against both, and every snapshot against itself.
///
/// # Errors
/// Where the database cannot be read at all; what is wrong in it is in the report.
pub fn verify(path: &Path) -> Result<VerifyReport, PolicyError> {
    let db = PolicyDb::open(path)?;
    let mut folded = ThompsonSampling::new(RlConfig::new(db.settings.rl)?);
    let (fold, chains) = runtime()?.block_on(async {
        let reader = RunReader::open(path).await?;
        let (fold, chains) = (reader.verify_policy(&mut folded).await, reader.check_chains(None).await);
        reader.close().await?;
        Ok::<_, PolicyError>((fold, chains))
    })?;
    let fold = match fold {
        Ok(()) => Vec::new(),
        Err(StoreError::Inconsistent(what)) => vec![what],
        Err(other) => return Err(other.into()),
    };
    let checkpoint = if fold.is_empty() { checkpoint_faults(&db, &folded) } else { Vec::new() };
    let links = chains?.into_iter().filter_map(|part| Some(format!("{}: {}", part.name, part.fault?))).collect();
    let checks = vec![
        Check { name: "the log and the decisions are as they were written", faults: links },
        Check { name: "the served table is the fold of the log", faults: fold },
        Check { name: "the checkpoint agrees with the log", faults: checkpoint },
        Check { name: "each snapshot is whole", faults: snapshot_faults(&db) },
        Check { name: "an engine can go on from it", faults: restore_faults(&db) },
    ];
    Ok(VerifyReport { db: db.name, checks })
}

fn checkpoint_faults(db: &PolicyDb, folded: &ThompsonSampling) -> Vec<String> {
    let checkpoint = &db.restored.checkpoint;
    let mut faults = Vec::new();
    if checkpoint.policy_version != folded.version() {
        let (stored, log) = (checkpoint.policy_version, folded.version());
        faults.push(format!("engine_state: the policy's version is {stored}, the log gives {log}"));
    }
    let frozen = Regime::ALL.into_iter().filter(|regime| folded.is_frozen(*regime));
    let frozen = frozen.fold(RegimeSet::EMPTY, RegimeSet::with);
    if frozen != checkpoint.frozen {
        let named = |set: RegimeSet| if set.is_empty() { "none".to_owned() } else { set.to_string() };
        let (stored, log) = (named(checkpoint.frozen), named(frozen));
        faults.push(format!("engine_state: frozen are {stored}, the log gives {log}"));
    }
    faults
}

fn snapshot_faults(db: &PolicyDb) -> Vec<String> {
    let mut faults = Vec::new();
    for snapshot in &db.restored.snapshots {
        let id = format!("{}-{:06}", snapshot.regime, snapshot.number);
        if id != snapshot.id {
            faults.push(format!("snapshot {}: by its regime and number it would be {id}", snapshot.id));
        }
        match snapshots::table(snapshot) {
            Ok(table) => {
                let wrong = table.faults(db.settings.rl.scope);
                faults.extend(wrong.into_iter().map(|fault| format!("snapshot {}: {fault}", snapshot.id)));
            }
            Err(error) => faults.push(error.to_string()),
        }
    }
    faults
}

fn restore_faults(db: &PolicyDb) -> Vec<String> {
    db.by_hand(db.restored.clone()).err().map(|error| error.to_string()).into_iter().collect()
}
