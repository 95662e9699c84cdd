//! A run that begins with an exported policy.

use std::path::Path;

use alavanca_rl::PolicyTable;

use super::{PolicyError, Problem, read_file_for};
use crate::settings::Settings;

/// The policy that a run begins with: read, and found to fit the run's settings.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Beginning {
    pub(crate) tables: Vec<PolicyTable>,
    pub(crate) digest: String,
    pub(crate) run_id: Option<String>,
    /// What the report says of it.
    pub(crate) note: String,
}

impl Beginning {
    pub(crate) fn read(path: &Path, settings: &Settings, symbols: &[String]) -> Result<Self, PolicyError> {
        let file = read_file_for(path, &settings.rl, symbols, "these settings")?;
        if !settings.gate.policy_enabled {
            let what = "is false: the policy would not be asked".to_owned();
            let problems = vec![Problem { at: "RL_POLICY_ENABLED".to_owned(), what }];
            return Err(PolicyError::Contradicts { path: path.to_owned(), of: "these settings".to_owned(), problems });
        }
        let digest = file.digest();
        let note =
            format!("began with the policy of {} ({} arms, digest {})", path.display(), file.arms(), &digest[..16]);
        Ok(Self { tables: file.tables(symbols), run_id: file.run_id, digest, note })
    }
}
