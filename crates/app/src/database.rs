//! A run's database in the operator's hands: brought up to date, copied, checked, made smaller.
//!
//! Checks and copies are also made beside a running engine; what changes a database takes its lock.

use std::path::{Path, PathBuf};

use alavanca_adapters_sqlite::{self as store, Checked, Head, Migrated, Step, Vacuumed};
use alavanca_ports::StoreError;
use serde::Serialize;

use crate::backtest::{AppError, store_runtime};
use crate::policy;

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckReport {
    /// The database.
    pub db: PathBuf,
    /// Whether nothing is wrong.
    pub sound: bool,
    /// What was checked, with the first fault of each.
    #[serde(flatten)]
    pub checked: Checked,
}

/// Checks a database, and holds it against a head that was kept elsewhere where one is named.
///
/// # Errors
/// Where there is no database of this release that could be checked; what is wrong in one is in the report.
pub fn check(path: &Path, asked: Option<&Head>, progress: &mut dyn FnMut(Step)) -> Result<CheckReport, AppError> {
    store_runtime()?.block_on(check_at(path, path, asked, progress))
}

async fn check_at(
    path: &Path,
    db: &Path,
    asked: Option<&Head>,
    progress: &mut dyn FnMut(Step),
) -> Result<CheckReport, AppError> {
    let checked = store::check(path, asked, policy::blank, progress).await?;
    Ok(CheckReport { db: db.to_owned(), sound: checked.is_sound(), checked })
}

/// What a migration came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MigrateReport {
    /// The database.
    pub db: PathBuf,
    /// What was done.
    #[serde(flatten)]
    pub migrated: Migrated,
    /// The check after it; `None` where nothing was done.
    pub check: Option<CheckReport>,
}

/// Brings a database of an older release up to date, keeps it as it was beside it, and checks what came out.
///
/// # Errors
/// Where it is in use, damaged, not ours, of a newer release, or an earlier migration's copy is in the way; it is then
/// as it was.
pub fn migrate(path: &Path, progress: &mut dyn FnMut(Step)) -> Result<MigrateReport, AppError> {
    store_runtime()?.block_on(async {
        let migrated = store::migrate(path).await?;
        let check = match migrated.copy {
            Some(_) => Some(check_at(path, path, None, progress).await?),
            None => None,
        };
        Ok(MigrateReport { db: path.to_owned(), migrated, check })
    })
}

/// What a backup came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BackupReport {
    /// The copy.
    pub copy: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// The check of it.
    pub check: CheckReport,
}

/// Copies a database, also beside a running engine, and checks the copy. What is not sound is not kept.
///
/// # Errors
/// Where the database cannot be read, the copy is there already or cannot be written, or is not sound.
pub fn backup(path: &Path, to: &Path, progress: &mut dyn FnMut(Step)) -> Result<BackupReport, AppError> {
    store_runtime()?.block_on(async {
        let mut check = None;
        let verify = async |copy: &Path| {
            let report = check_at(copy, to, None, progress).await.map_err(|error| match error {
                AppError::Store(error) => error,
                other => StoreError::Io(other.to_string()),
            })?;
            let fault = report.checked.parts.iter().find_map(|part| part.fault.as_deref());
            if let Some(fault) = fault {
                return Err(StoreError::Open(format!(
                    "the copy of {path} would not be sound, and was not kept: {fault}; `alavanca db check {path}` says more",
                    path = path.display()
                )));
            }
            check = Some(report);
            Ok(())
        };
        let bytes = store::backup(path, to, verify).await?;
        let check = check.ok_or_else(|| AppError::Stopped("the copy was not checked".to_owned()))?;
        Ok(BackupReport { copy: to.to_owned(), bytes, check })
    })
}

/// What making a database smaller came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VacuumReport {
    /// The database.
    pub db: PathBuf,
    /// Bytes on the disk.
    #[serde(flatten)]
    pub bytes: Vacuumed,
}

/// Writes a database anew without the room that nothing stands in.
///
/// # Errors
/// Where it is in use, damaged, not ours or of another schema.
pub fn vacuum(path: &Path) -> Result<VacuumReport, AppError> {
    let bytes = store_runtime()?.block_on(store::vacuum(path))?;
    Ok(VacuumReport { db: path.to_owned(), bytes })
}
