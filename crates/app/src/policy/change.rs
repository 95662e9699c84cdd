//! What an operator does to a stored policy: staged, shown, and done in one commit.

use std::path::{Path, PathBuf};

use alavanca_adapters_sqlite::SqliteStore;
use alavanca_engine::{ByHandError, PolicyByHand, Record, Restored};
use alavanca_kernel::Regime;
use alavanca_ports::Store;
use serde::Serialize;

use super::diff::{PolicyDiff, Side};
use super::read::{PolicyDb, runtime};
use super::{PolicyError, PolicyFile, read_file_for};

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Put an exported policy in the place of what is served, in the regimes that it has.
    Import(PathBuf),
    /// Go back to a snapshot.
    RollBack(String),
    /// Stop a regime's learning.
    Freeze(Regime),
    /// Let a regime learn again, from a new baseline.
    Unfreeze(Regime),
}

/// What was done, or would be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChangeReport {
    /// The database.
    pub db: String,
    /// What, in a sentence.
    pub what: String,
    /// Whether it was done. Where not, nothing was changed.
    pub done: bool,
    /// Whether there was nothing to do: it is so already.
    pub is_so_already: bool,
    /// The regimes that are changed.
    pub regimes: Vec<Regime>,
    /// What differs between what was served and what is served then; `None` of a freeze.
    pub diff: Option<PolicyDiff>,
    /// The snapshots that were taken before, to go back to.
    pub snapshots: Vec<String>,
    /// The served policy's version before and after.
    pub version: (u64, u64),
    /// What else one should know, in sentences.
    pub notes: Vec<String>,
}

/// Stages a change, and makes it where `yes` says so: one transaction, or nothing.
///
/// # Errors
/// Where it cannot be made, or an engine has the database; nothing was changed then.
pub fn change(db: &Path, change: &Change, reason: &str, yes: bool) -> Result<ChangeReport, PolicyError> {
    let seen = PolicyDb::open(db)?;
    // All of a file is checked before the database is opened for writing.
    let file = match change {
        Change::Import(path) => Some(read_file_for(path, &seen.settings.rl, &seen.symbols, &seen.name)?),
        _ => None,
    };
    if !yes {
        let restored = seen.restored.clone();
        return Ok(stage(&seen, restored, change, file.as_ref(), reason)?.0);
    }
    runtime()?.block_on(async {
        let mut store = SqliteStore::open_existing(db).await?;
        let done = commit(&mut store, &seen, change, file.as_ref(), reason).await;
        store.close().await?;
        done
    })
}

async fn commit(
    store: &mut SqliteStore,
    seen: &PolicyDb,
    change: &Change,
    file: Option<&PolicyFile>,
    reason: &str,
) -> Result<ChangeReport, PolicyError> {
    // Read anew under the lock: an engine may have gone on since.
    let cursor = store.cursor().await?;
    let restored = store.restore().await?.ok_or_else(|| PolicyError::Empty { db: seen.name.clone() })?;
    let (mut report, records) = stage(seen, restored, change, file, reason)?;
    if !records.is_empty() {
        store.commit(&records, cursor).await?;
        report.done = true;
    }
    Ok(report)
}

/// What would be done, and the records of it.
fn stage(
    seen: &PolicyDb,
    restored: Restored,
    change: &Change,
    file: Option<&PolicyFile>,
    reason: &str,
) -> Result<(ChangeReport, Vec<Record>), PolicyError> {
    let failed = |error: ByHandError| PolicyError::ByHand { db: seen.name.clone(), error };
    let before = restored.checkpoint.policy_version;
    let served = seen.file_of(&restored.policy, None);
    let mut by_hand = seen.by_hand(restored)?;
    let regimes = match (change, file) {
        (Change::Import(_), Some(file)) => {
            let tables = file.tables(&seen.symbols);
            let changed = by_hand.import(&tables, &file.digest(), file.run_id.as_deref(), reason).map_err(failed)?;
            changed.iter().collect()
        }
        // Its file was read by who called.
        (Change::Import(_), None) => Vec::new(),
        (Change::RollBack(id), _) => {
            let changed = by_hand.roll_back(id, reason).map_err(failed)?;
            let regime = by_hand.snapshots().iter().find(|snapshot| snapshot.id == *id).map(|of| of.regime);
            regime.filter(|_| changed).into_iter().collect()
        }
        (Change::Freeze(regime), _) => vec![*regime].into_iter().filter(|_| by_hand.freeze(*regime, reason)).collect(),
        (Change::Unfreeze(regime), _) => {
            vec![*regime].into_iter().filter(|_| by_hand.unfreeze(*regime, reason)).collect()
        }
    };
    let diff = matches!(change, Change::Import(_) | Change::RollBack(_)).then(|| {
        let after = seen.file_of(&by_hand.policy().checkpoint().tables, None);
        let name = match change {
            Change::Import(path) => path.display().to_string(),
            Change::RollBack(id) => id.clone(),
            Change::Freeze(_) | Change::Unfreeze(_) => String::new(),
        };
        let served = Side { name: "served".to_owned(), policy: served };
        PolicyDiff::between(&served, &Side { name, policy: after })
    });
    let notes = notes(seen, change, file, &by_hand, &regimes);
    let after = by_hand.policy().version();
    let records = by_hand.finish();
    let snapshots = records.iter().filter_map(|record| match record {
        Record::Snapshot(snapshot) => Some(snapshot.id.clone()),
        _ => None,
    });
    let report = ChangeReport {
        db: seen.name.clone(),
        what: what(change),
        done: false,
        is_so_already: records.is_empty(),
        regimes,
        diff,
        snapshots: snapshots.collect(),
        version: (before, after),
        notes,
    };
    Ok((report, records))
}

fn what(change: &Change) -> String {
    match change {
        Change::Import(path) => format!("import {}", path.display()),
        Change::RollBack(id) => format!("roll back to {id}"),
        Change::Freeze(regime) => format!("freeze {regime}"),
        Change::Unfreeze(regime) => format!("unfreeze {regime}"),
    }
}

fn notes(
    seen: &PolicyDb,
    change: &Change,
    file: Option<&PolicyFile>,
    by_hand: &PolicyByHand,
    regimes: &[Regime],
) -> Vec<String> {
    let mut notes = Vec::new();
    let run = seen.meta.get("run_id");
    if let Some(from) = file.and_then(|file| file.run_id.as_ref()).filter(|from| Some(*from) != run) {
        notes.push(format!("the file was exported from another run ({from})"));
    }
    let is_content = matches!(change, Change::Import(_) | Change::RollBack(_));
    for regime in regimes.iter().filter(|regime| is_content && by_hand.policy().is_frozen(**regime)) {
        notes.push(format!("{regime} is frozen and stays so: it does not learn until it is unfrozen"));
    }
    notes
}
