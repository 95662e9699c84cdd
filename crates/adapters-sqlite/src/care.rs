//! What an operator does to a database as a whole: bring it up to date, copy it, make it smaller.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use alavanca_ports::StoreError;
use sea_orm::{ConnectionTrait, DatabaseConnection};
use serde::Serialize;

use crate::migration;
use crate::open::{applied, migrate as apply, of_this_release, open_alone, open_read_only, unreadable};
use crate::store::{io, statement};

/// What a migration did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Migrated {
    /// The schema before.
    pub from: String,
    /// The schema now.
    pub to: String,
    /// Where the database stands as it was before; `None` where it was up to date already and nothing was done.
    pub copy: Option<PathBuf>,
}

/// Brings a database of an older release up to date, in one transaction. As it was, it is kept beside it under its name
/// and `.before-` with the schema it is brought to; that copy is on the disk before anything changes.
///
/// # Errors
/// [`StoreError::Open`] where it is in use, damaged, not ours, of a newer release, or such a copy is there already;
/// nothing has changed then.
pub async fn migrate(path: &Path) -> Result<Migrated, StoreError> {
    let (db, _lock) = open_alone(path).await?;
    let before = applied(&db).await.map_err(|e| unreadable(path, &e))?;
    let last = |schemas: &[String]| schemas.last().cloned().unwrap_or_default();
    let known = migration::known();
    let (from, to) = (last(&before), last(&known));
    if before.is_empty() || before == known {
        of_this_release(path, &before)?;
        close(db).await?;
        return Ok(Migrated { from, to, copy: None });
    }
    let mut copy = path.as_os_str().to_owned();
    copy.push(format!(".before-{to}"));
    let copy = PathBuf::from(copy);
    free(&copy, "an earlier migration kept it: move it away first")?;
    copy_into(&db, &copy, async |_| Ok(())).await?;
    apply(&db).await.map_err(|e| unreadable(path, &e))?;
    close(db).await?;
    Ok(Migrated { from, to, copy: Some(copy) })
}

/// Copies a database, also while an engine writes it: the copy is of one moment, whole, and on the disk when this
/// returns. `verify` is handed the copy before it gets its name; what it refuses is not kept.
///
/// # Errors
/// [`StoreError::Open`] where `to` is there already, or either cannot be opened; what `verify` says.
pub async fn backup(
    path: &Path,
    to: &Path,
    verify: impl AsyncFnOnce(&Path) -> Result<(), StoreError>,
) -> Result<u64, StoreError> {
    let db = open_read_only(path).await?;
    free(to, "a backup overwrites nothing: name another file")?;
    copy_into(&db, to, verify).await?;
    close(db).await?;
    bytes(to)
}

/// What making a database smaller did, in bytes on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Vacuumed {
    /// Before.
    pub before: u64,
    /// After.
    pub after: u64,
}

/// Writes a database anew without the room that nothing stands in any more, and takes its log over into it.
///
/// # Errors
/// [`StoreError::Open`] where it is in use, damaged, not ours or of another schema.
pub async fn vacuum(path: &Path) -> Result<Vacuumed, StoreError> {
    let (db, _lock) = open_alone(path).await?;
    of_this_release(path, &applied(&db).await.map_err(|e| unreadable(path, &e))?)?;
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let log = PathBuf::from(log);
    let whole = || Ok::<_, StoreError>(bytes(path)? + if log.exists() { bytes(&log)? } else { 0 });
    let before = whole()?;
    for sql in ["VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"] {
        db.execute_unprepared(sql).await.map_err(io)?;
    }
    close(db).await?;
    Ok(Vacuumed { before, after: whole()? })
}

/// Writes a copy under another name, has it verified, waits until it is on the disk, and gives it its name.
async fn copy_into(
    db: &DatabaseConnection,
    to: &Path,
    verify: impl AsyncFnOnce(&Path) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut part = to.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    // Left by a copy that was killed: nothing else is called so.
    let _ = fs::remove_file(&part);
    let finished = async {
        vacuum_into(db, &part).await?;
        verify(&part).await?;
        let failed = |e: std::io::Error| StoreError::Io(format!("the copy {} cannot be kept: {e}", to.display()));
        File::open(&part).and_then(|file| file.sync_all()).map_err(failed)?;
        fs::rename(&part, to).map_err(failed)?;
        // The name has to be on the disk, too.
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
    }
    .await;
    if finished.is_err() {
        let _ = fs::remove_file(&part);
    }
    finished
}

/// Writes a copy of one moment, also beside an engine.
pub(crate) async fn vacuum_into(db: &DatabaseConnection, to: &Path) -> Result<(), StoreError> {
    // SQLite counts the copy as a change; the database itself is read alone.
    db.execute_unprepared("PRAGMA query_only = OFF").await.map_err(io)?;
    let failed = |what: String| StoreError::Open(format!("cannot write the copy {}: {what}", to.display()));
    // Absolute: a name that begins with `file:` would be read as an address.
    let absolute = std::path::absolute(to).map_err(|e| failed(e.to_string()))?;
    let name = absolute.to_str().ok_or_else(|| failed("its name is no UTF-8".to_owned()))?;
    db.execute_raw(statement("VACUUM INTO ?", [name.into()])).await.map_err(|e| failed(io(e).to_string()))?;
    Ok(())
}

fn free(path: &Path, advice: &str) -> Result<(), StoreError> {
    if path.exists() {
        return Err(StoreError::Open(format!("{} is there already: {advice}", path.display())));
    }
    Ok(())
}

fn bytes(path: &Path) -> Result<u64, StoreError> {
    let size = fs::metadata(path).map(|facts| facts.len());
    size.map_err(|e| StoreError::Io(format!("{} cannot be looked at: {e}", path.display())))
}

async fn close(db: DatabaseConnection) -> Result<(), StoreError> {
    db.close().await.map_err(io)
}
