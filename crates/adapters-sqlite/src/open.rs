//! Opening a database: what it must be, and what to do where it is not.

use std::fs::{File, TryLockError};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use alavanca_ports::StoreError;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sea_orm::sqlx::{self, ConnectOptions as _};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, SqlxSqliteConnector, Statement, TransactionTrait,
};
use sea_orm_migration::MigratorTrait;

use crate::migration::{self, Migrations};

/// How much a commit outlives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The machine losing power: each commit waits for the disk. For live and paper.
    Live,
    /// The program being killed; a machine that loses power loses the last commits, whole, and nothing else. For
    /// backtests, which can be run again.
    Backtest,
}

/// Older ones can corrupt a database in WAL mode (the WAL-reset bug).
const SQLITE_MIN: [u32; 3] = [3, 51, 3];
/// "Alav", in the file's header: tells our databases from others.
pub(crate) const APPLICATION_ID: i64 = 0x416c_6176;
/// How long to wait for another connection's write.
const BUSY: Duration = Duration::from_secs(5);
/// In KiB, negative as SQLite wants it: a commit of a backtest fits, else its pages are written and read back twice.
const CACHE: &str = "-16384";
/// What every SQLite file begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Opens or makes a database of this release, checked, and held against a second engine by the lock.
pub(crate) async fn open(path: &Path, durability: Durability) -> Result<(DatabaseConnection, File), StoreError> {
    let lock = lock(path)?;
    let existed = is_sqlite(path)?;
    let checked = connect(options(path).create_if_missing(true), 1).await.map_err(|e| unreadable(path, &e))?;
    let result = check_or_make(&checked, path, existed && durability == Durability::Live).await;
    checked.close().await.map_err(|e| unreadable(path, &e))?;
    result?;
    let synchronous = match durability {
        Durability::Live => SqliteSynchronous::Full,
        Durability::Backtest => SqliteSynchronous::Normal,
    };
    let options = options(path).journal_mode(SqliteJournalMode::Wal).synchronous(synchronous);
    // One connection for the store, one for questions to it.
    let db = connect(options, 2).await.map_err(|e| unreadable(path, &e))?;
    Ok((db, lock))
}

/// Opens a database for questions alone, also while an engine writes it. Nothing can be changed through it.
///
/// # Errors
/// [`StoreError::Open`], saying what to do, where there is none, where it is another program's, of an older schema, of a
/// newer one, or damaged.
pub async fn open_read_only(path: &Path) -> Result<DatabaseConnection, StoreError> {
    existing(path)?;
    // A connection that may write nothing at all would leave SQLite's side files behind when it closes.
    let asks = options(path).pragma("query_only", "ON");
    let db = match connect(asks, 1).await {
        Ok(db) => db,
        Err(_) => connect(options(path).read_only(true), 1).await.map_err(|e| unreadable(path, &e))?,
    };
    check(&db, path, false).await?;
    of_this_release(path, &applied(&db).await.map_err(|e| unreadable(path, &e))?)?;
    Ok(db)
}

/// One more connection to a database of this release, beside the store that holds its lock. What it writes waits for
/// the disk.
pub(crate) async fn open_beside(path: &Path) -> Result<DatabaseConnection, StoreError> {
    existing(path)?;
    let options = options(path).journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
    let db = connect(options, 1).await.map_err(|e| unreadable(path, &e))?;
    of_this_release(path, &applied(&db).await.map_err(|e| unreadable(path, &e))?)?;
    Ok(db)
}

/// Opens an existing database to be changed as a whole, and keeps engines away meanwhile. Of any schema up to this
/// release's.
pub(crate) async fn open_alone(path: &Path) -> Result<(DatabaseConnection, File), StoreError> {
    existing(path)?;
    let lock = lock(path)?;
    let db = connect(options(path), 1).await.map_err(|e| unreadable(path, &e))?;
    check(&db, path, true).await?;
    Ok((db, lock))
}

fn existing(path: &Path) -> Result<(), StoreError> {
    match is_sqlite(path)? {
        true => Ok(()),
        false if path.exists() => Err(empty(path)),
        false => Err(StoreError::Open(format!("there is no database at {}", path.display()))),
    }
}

fn empty(path: &Path) -> StoreError {
    StoreError::Open(format!("{} is empty: no run was ever stored in it", path.display()))
}

/// Refuses an older schema: it is brought up to date by the operator's word alone, for that cannot be undone.
pub(crate) fn of_this_release(path: &Path, applied: &[String]) -> Result<(), StoreError> {
    let known = migration::known();
    match applied.last() {
        None => Err(empty(path)),
        Some(_) if *applied == known => Ok(()),
        Some(last) => Err(StoreError::Open(format!(
            "{path} was written by an older release (its schema is {last}, this release's is {}): run `alavanca db \
             migrate {path}`, which brings it up to date and keeps a copy",
            known.last().map_or("", String::as_str),
            path = path.display()
        ))),
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY)
        .pragma("cache_size", CACHE)
        .statement_cache_capacity(STATEMENTS_CACHED)
        .disable_statement_logging()
}

/// Every table's insert in eight sizes, and the combinations that single steps write.
const STATEMENTS_CACHED: usize = 512;

async fn connect(options: SqliteConnectOptions, connections: u32) -> Result<DatabaseConnection, DbErr> {
    let pool = SqlitePoolOptions::new()
        .max_connections(connections)
        .connect_with(options)
        .await
        .map_err(|e| DbErr::Conn(sea_orm::RuntimeErr::SqlxError(e.into())))?;
    Ok(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool))
}

/// A lock of a file of its own: SQLite's locks would be lost if the database's file were opened beside it.
fn lock(path: &Path) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let file = File::options().create(true).truncate(false).write(true).open(&name).map_err(|e| {
        StoreError::Open(format!(
            "cannot write beside the database {}: {e}; name a folder that exists and may be written to",
            path.display()
        ))
    })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Open(format!(
            "the database {} is in use by another engine: stop that one first, or name another database",
            path.display()
        ))),
        Err(TryLockError::Error(e)) => Err(StoreError::Open(format!("cannot lock {}: {e}", name.display()))),
    }
}

/// Whether there is a database; refuses a file that is something else.
pub(crate) fn is_sqlite(path: &Path) -> Result<bool, StoreError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(StoreError::Open(format!("cannot read {}: {e}", path.display()))),
    };
    let mut begin = Vec::new();
    let read = (&mut file).take(MAGIC.len() as u64).read_to_end(&mut begin);
    match read {
        Ok(0) => Ok(false),
        Ok(_) if begin == MAGIC => Ok(true),
        Ok(_) => Err(StoreError::Open(format!(
            "{} is not a database (it does not begin as one): name another file, or restore it from a copy",
            path.display()
        ))),
        Err(e) => Err(StoreError::Open(format!("cannot read {}: {e}", path.display()))),
    }
}

async fn check_or_make(db: &DatabaseConnection, path: &Path, thorough: bool) -> Result<(), StoreError> {
    check(db, path, thorough).await?;
    let applied = applied(db).await.map_err(|e| unreadable(path, &e))?;
    if applied.is_empty() {
        return migrate(db).await.map_err(|e| unreadable(path, &e));
    }
    of_this_release(path, &applied)
}

/// Refuses what is not ours, what a newer release wrote, and what is damaged.
async fn check(db: &DatabaseConnection, path: &Path, thorough: bool) -> Result<(), StoreError> {
    let failed = |e: DbErr| unreadable(path, &e);
    let version = text(db, "SELECT sqlite_version()").await.map_err(failed)?;
    check_version(&version)?;
    let application = number(db, "PRAGMA application_id").await.map_err(failed)?;
    let tables = number(db, "SELECT count(*) FROM sqlite_schema").await.map_err(failed)?;
    if application != APPLICATION_ID && tables > 0 {
        return Err(StoreError::Open(format!(
            "{} is a database of another program: name another file",
            path.display()
        )));
    }
    let known = migration::known();
    if let Some(newer) = applied(db).await.map_err(failed)?.into_iter().find(|name| !known.contains(name)) {
        return Err(StoreError::Open(format!(
            "{} was written by a newer release of Alavanca (its schema has {newer}): use that release, or name another \
             database",
            path.display()
        )));
    }
    if thorough {
        let verdict = text(db, "PRAGMA quick_check(1)").await.map_err(failed)?;
        if verdict != "ok" {
            return Err(damaged(path, &verdict));
        }
    }
    Ok(())
}

fn check_version(version: &str) -> Result<(), StoreError> {
    let parts: Vec<u32> = version.split('.').filter_map(|part| part.parse().ok()).collect();
    if parts.as_slice() >= SQLITE_MIN.as_slice() {
        return Ok(());
    }
    Err(StoreError::Open(format!(
        "this program was built with SQLite {version}, which can corrupt databases: build it with 3.51.3 or later"
    )))
}

/// All of it or nothing: a database that was half made would be refused for ever.
pub(crate) async fn migrate(db: &DatabaseConnection) -> Result<(), DbErr> {
    // Equal commands make equal databases: no figure of the wall clock may stay, nor its bytes where it was deleted.
    db.execute_unprepared("PRAGMA secure_delete = ON").await?;
    let step = db.begin().await?;
    Migrations::up(&step, None).await?;
    step.execute_unprepared("UPDATE seaql_migrations SET applied_at = 0").await?;
    step.execute_unprepared(&format!("PRAGMA application_id = {APPLICATION_ID}")).await?;
    step.commit().await
}

pub(crate) async fn applied(db: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    if number(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'seaql_migrations'").await? == 0 {
        return Ok(Vec::new());
    }
    let asked = Statement::from_string(DbBackend::Sqlite, "SELECT version FROM seaql_migrations ORDER BY version");
    db.query_all_raw(asked).await?.iter().map(|row| row.try_get_by_index(0)).collect()
}

async fn text(db: &DatabaseConnection, sql: &str) -> Result<String, DbErr> {
    let row = db.query_one_raw(Statement::from_string(DbBackend::Sqlite, sql)).await?;
    row.ok_or_else(|| DbErr::RecordNotFound(sql.to_owned()))?.try_get_by_index(0)
}

async fn number(db: &DatabaseConnection, sql: &str) -> Result<i64, DbErr> {
    let row = db.query_one_raw(Statement::from_string(DbBackend::Sqlite, sql)).await?;
    row.ok_or_else(|| DbErr::RecordNotFound(sql.to_owned()))?.try_get_by_index(0)
}

fn damaged(path: &Path, what: &str) -> StoreError {
    StoreError::Open(format!(
        "the database {} is damaged ({what}): restore it from a copy, or name another file and begin anew",
        path.display()
    ))
}

/// SQLite's "malformed" and "not a database".
const DAMAGED: [&str; 2] = ["11", "26"];

pub(crate) fn unreadable(path: &Path, error: &DbErr) -> StoreError {
    match sqlite_code(error) {
        Some(code) if DAMAGED.contains(&code.as_str()) => damaged(path, &error.to_string()),
        _ => StoreError::Open(format!("cannot open the database {}: {error}", path.display())),
    }
}

/// SQLite's extended code, where the error is SQLite's.
pub(crate) fn sqlite_code(error: &DbErr) -> Option<String> {
    let (DbErr::Conn(runtime) | DbErr::Exec(runtime) | DbErr::Query(runtime)) = error else { return None };
    match runtime {
        sea_orm::RuntimeErr::SqlxError(inner) => code_of(inner),
        sea_orm::RuntimeErr::Internal(_) => None,
    }
}

pub(crate) fn code_of(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::check_version;

    #[test]
    fn an_sqlite_that_corrupts_is_refused() {
        for (version, sound) in
            [("3.51.2", false), ("3.51.3", true), ("3.52.0", true), ("4.0.0", true), ("3.9.99", false), ("", false)]
        {
            assert_eq!(check_version(version).is_ok(), sound, "{version}");
        }
    }
}
