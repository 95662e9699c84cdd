//! The operator's side: asks an engine how it stands, tells it something, and waits for its answer.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::admission::wall;
use super::mailbox::{Command, Mailbox, MailboxError, Wish};
use super::status::{Phase, Status};

/// An engine that says nothing for so long is asked after by its lock.
const SILENT_SECONDS: i64 = 5;
/// Answers come within so long; closing everything takes longer.
const WITHIN: Duration = Duration::from_secs(15);
const FLAT_WITHIN: Duration = Duration::from_mins(1);

/// How the engine of a database stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Found {
    /// Its database.
    pub db: PathBuf,
    /// Whether one is running.
    pub running: bool,
    /// Seconds since it last said how it stands.
    pub silent_seconds: i64,
    /// What it said; none where no engine ever ran on it.
    pub status: Option<Status>,
    /// Commands that no engine has answered yet.
    pub waiting: Vec<String>,
    /// The files of the days' statements, oldest first.
    pub statements: Vec<PathBuf>,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// The command's name, as in the operator's log.
    pub id: String,
    /// Whether it was done, or is sure to be.
    pub done: bool,
    /// Whether an engine was running.
    pub running: bool,
    /// What was done, or why not and what to do.
    pub text: String,
}

/// Why nobody could be asked.
#[derive(Debug, thiserror::Error)]
pub enum OperateError {
    /// There is no such database.
    #[error("there is no database at {}: name the one that `alavanca live` or `alavanca paper` has", .0.display())]
    NoDatabase(PathBuf),
    /// The operator's folder.
    #[error(transparent)]
    Mailbox(#[from] MailboxError),
}

/// How the engine of a database stands, also where none runs.
///
/// # Errors
/// [`OperateError`].
pub fn status(db: &Path) -> Result<Found, OperateError> {
    let mailbox = there(db)?;
    let status = mailbox.status();
    let silent_seconds = status.as_ref().map_or(0, |status| wall().secs_since(status.at).max(0));
    let waiting = mailbox.waiting();
    let (running, statements) = (is_running(db, status.as_ref()), mailbox.statements());
    Ok(Found { db: db.to_owned(), running, silent_seconds, status, waiting, statements })
}

/// Tells the engine something and waits for its answer. Where none runs, what stops entries is kept for the next that
/// starts; all else is refused with what to do.
///
/// # Errors
/// [`OperateError`].
pub fn ask(db: &Path, wish: Wish, reason: &str) -> Result<Asked, OperateError> {
    let mailbox = there(db)?;
    let command = Command::new(wish, reason, wall());
    let id = command.id.clone();
    if !is_running(db, mailbox.status().as_ref()) {
        let (done, text) = match wish {
            Wish::Halt | Wish::ReduceOnly => {
                mailbox.drop_command(&command)?;
                (true, format!("no engine is running: `{}` is kept and holds from its next start on", wish.as_str()))
            }
            Wish::Flatten { .. } => (false, no_engine_to_flatten(&mailbox)),
            Wish::Resume => {
                let text = "no engine is running: start it, let it reconcile, then resume";
                (false, text.to_owned())
            }
        };
        return Ok(Asked { id, done, running: false, text });
    }
    mailbox.drop_command(&command)?;
    let within = if matches!(wish, Wish::Flatten { .. }) { FLAT_WITHIN } else { WITHIN };
    if let Some(answer) = mailbox.wait_for_answer(&id, within) {
        return Ok(Asked { id, done: answer.accepted, running: true, text: answer.text });
    }
    let phase = mailbox.status().map_or("it says nothing", |status| status.phase.as_str());
    let next = if wish.is_latched() {
        format!("`{}` waits in its mailbox and comes first", wish.as_str())
    } else {
        "look at `alavanca status`, and at the terminal".to_owned()
    };
    let text = format!("the engine has not answered within {} s ({phase}): {next}", within.as_secs());
    Ok(Asked { id, done: false, running: true, text })
}

fn no_engine_to_flatten(mailbox: &Mailbox) -> String {
    let legs = mailbox.status().map(|status| status.legs).unwrap_or_default();
    let open = if legs.is_empty() {
        "by its last word nothing was open".to_owned()
    } else {
        let shown: Vec<String> = legs.iter().map(|leg| format!("{} {} {}", leg.leg, leg.side, leg.open)).collect();
        format!("by its last word these were open: {}", shown.join("; "))
    };
    format!(
        "no engine is running, so nothing was closed; {open}. Close it by hand in the terminal now, or start `alavanca \
         live --arm` and flatten then"
    )
}

fn there(db: &Path) -> Result<Mailbox, OperateError> {
    if !db.exists() {
        return Err(OperateError::NoDatabase(db.to_owned()));
    }
    Ok(Mailbox::of(db))
}

/// Whether an engine has the database. One that said something a moment ago does; else its lock tells.
fn is_running(db: &Path, status: Option<&Status>) -> bool {
    let Some(status) = status else { return is_locked(db) };
    let is_over = matches!(status.phase, Phase::Ended | Phase::Failed);
    let fresh = wall().secs_since(status.at) < SILENT_SECONDS;
    if fresh && !is_over { true } else { is_locked(db) }
}

fn is_locked(db: &Path) -> bool {
    let mut name = db.as_os_str().to_owned();
    name.push(".lock");
    // A shared lock for a moment: an engine that starts in it is told to start again.
    match File::open(PathBuf::from(name)) {
        Ok(file) => matches!(file.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock)),
        Err(_) => false,
    }
}
