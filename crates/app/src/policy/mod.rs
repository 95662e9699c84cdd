//! The policy at hand: looking at what is served, taking it out of a database and into another, going back, freezing
//! (semantics 24 to 30).
//!
//! Reading goes on beside a running engine; whatever changes a database takes the store's lock, is staged first, and is
//! one commit of the engine's own records ([`PolicyByHand`](alavanca_engine::PolicyByHand)), so that an engine goes on
//! from it as from any other.

mod begin;
mod change;
mod check;
mod diff;
mod file;
mod read;
mod snapshots;
mod verify;
mod view;

use std::path::{Path, PathBuf};

use alavanca_engine::{ByHandError, RestoreError};
use alavanca_kernel::SettingError;
use alavanca_ports::StoreError;
use alavanca_rl::RlSettings;

pub use change::{Change, ChangeReport, change};
pub use check::{Problem, read_policy};
pub use diff::{ArmDiff, ArmFigures, PolicyDiff, Side};
pub use file::{FileArm, FileFacts, PolicyFile, Prior, RegimeArms};
pub use read::{PolicyDb, compare};
pub use snapshots::SnapshotView;
pub use verify::{Check, VerifyReport, verify};
pub use view::{ArmView, Filter, FrozenView, PolicyView, RegimeView, StateFilter};

pub(crate) use begin::Beginning;
pub(crate) use read::{PolicySettings, blank, changed_by_hand};

/// Why something about a policy could not be done. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// A file cannot be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// A file is in the way.
    #[error("{} is there and is no exported policy: name another file with --out", path.display())]
    InTheWay {
        /// The file.
        path: PathBuf,
    },
    /// A file is no policy that can be taken in.
    #[error("{} is refused, nothing was changed:{}", path.display(), listed(problems))]
    Refused {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong with it.
        problems: Vec<Problem>,
    },
    /// A policy was learned under other settings than those it is to be used with.
    #[error("{} does not fit {of}, nothing was changed:{}", path.display(), listed(problems))]
    Contradicts {
        /// The file.
        path: PathBuf,
        /// What it does not fit: the settings, or a database.
        of: String,
        /// Each contradiction, by the settings' keys.
        problems: Vec<Problem>,
    },
    /// No state is named so.
    #[error(
        "no state is named `{asked}`: name one by the 16 digits of its hash, or by words of it in their order, such as \
         14:00, or \"14:00 HIGH LOW\", or \"TREND_UP 14:00 HIGH LOW\""
    )]
    NoState {
        /// What was asked for.
        asked: String,
    },
    /// A side of a comparison that is nothing.
    #[error(
        "`{asked}` is neither `served`, nor a snapshot{}, nor a file: `alavanca policy snapshots --db FILE` lists the \
         snapshots",
        of.as_ref().map(|db| format!(" of {db}")).unwrap_or_default()
    )]
    NoSide {
        /// What was asked for.
        asked: String,
        /// The database that was looked in.
        of: Option<String>,
    },
    /// A comparison that needs a database, and none was named.
    #[error("`{asked}` is looked for in a database: name it with --db")]
    NoDatabase {
        /// What was asked for.
        asked: String,
    },
    /// Nothing was ever stored.
    #[error("{db} holds no run yet: there is no policy in it")]
    Empty {
        /// The database.
        db: String,
    },
    /// A setting cannot be.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is stored does not hold together.
    #[error("{db} does not hold together: {error}; `alavanca policy verify --db {db}` says more")]
    Restore {
        /// The database.
        db: String,
        /// What is wrong.
        error: RestoreError,
    },
    /// The change cannot be made.
    #[error("{error}; `alavanca policy snapshots --db {db}` lists what can be gone back to")]
    ByHand {
        /// The database.
        db: String,
        /// Why.
        error: ByHandError,
    },
}

impl PolicyError {
    /// Whether it is about what was asked for or set, and not about a run or a file.
    pub const fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::InTheWay { .. }
                | Self::Contradicts { .. }
                | Self::NoState { .. }
                | Self::NoSide { .. }
                | Self::NoDatabase { .. }
                | Self::Setting(_)
        )
    }
}

fn listed(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(|Problem { at, what }| if at.is_empty() { format!("\n  {what}") } else { format!("\n  {at}: {what}") })
        .collect()
}

/// Longer files are no policies: every state of a hundred symbols fits.
const FILE_BYTES_MAX: u64 = 128 << 20;

/// Reads an exported policy and checks all of it (semantics 30).
///
/// # Errors
/// [`PolicyError::Refused`] with everything that is wrong with it.
pub fn read_file(path: &Path) -> Result<PolicyFile, PolicyError> {
    let unread = |error| PolicyError::File { path: path.to_owned(), error };
    let refused = |problems| PolicyError::Refused { path: path.to_owned(), problems };
    let plain = |at: &str, what: String| vec![Problem { at: at.to_owned(), what }];
    let length = std::fs::metadata(path).map_err(unread)?.len();
    if length > FILE_BYTES_MAX {
        return Err(refused(plain("", format!("{length} bytes are no policy"))));
    }
    let bytes = std::fs::read(path).map_err(unread)?;
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let line = bytes.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count() + 1;
        refused(plain(&format!("line {line}"), "not UTF-8: this is no text".to_owned()))
    })?;
    read_policy(text).map_err(refused)
}

/// Reads an exported policy and holds it against the settings and instruments that it is to be used with.
///
/// # Errors
/// [`PolicyError::Refused`] and [`PolicyError::Contradicts`].
pub fn read_file_for(
    path: &Path,
    settings: &RlSettings,
    symbols: &[String],
    of: &str,
) -> Result<PolicyFile, PolicyError> {
    let file = read_file(path)?;
    let mut problems = Vec::new();
    let mut contradiction = |key: &str, got: String, set: String| {
        if got != set {
            problems.push(Problem { at: key.to_owned(), what: format!("the policy has {got}, here it is {set}") });
        }
    };
    contradiction("RL_POLICY_SCOPE", file.scope.to_string(), settings.scope.to_string());
    contradiction("RL_PRIOR_ALPHA", file.prior.alpha.to_string(), settings.prior_alpha.to_string());
    contradiction("RL_PRIOR_BETA", file.prior.beta.to_string(), settings.prior_beta.to_string());
    let strangers = file.strangers(symbols);
    if !strangers.is_empty() {
        let what = format!("the policy has arms of {}, here is {}", strangers.join(", "), symbols.join(", "));
        problems.push(Problem { at: "symbol".to_owned(), what });
    }
    if problems.is_empty() {
        return Ok(file);
    }
    Err(PolicyError::Contradicts { path: path.to_owned(), of: of.to_owned(), problems })
}

/// Writes an export. A file that is there is replaced where it is an export, too, and whole.
///
/// # Errors
/// [`PolicyError::InTheWay`] where it is anything else; [`PolicyError::File`].
pub fn write_file(path: &Path, policy: &PolicyFile) -> Result<(), PolicyError> {
    let failed = |error| PolicyError::File { path: path.to_owned(), error };
    if path.exists() && read_file(path).is_err() {
        return Err(PolicyError::InTheWay { path: path.to_owned() });
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    std::fs::write(&beside, policy.to_text()).map_err(failed)?;
    std::fs::rename(&beside, path).map_err(failed)
}
