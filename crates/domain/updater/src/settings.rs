//! What an operator can set about updating.

use alavanca_kernel::{Reward, SettingError};
use serde::{Deserialize, Serialize};

/// The updater's settings as written; [`UpdaterConfig::new`] checks them.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UpdaterSettings {
    /// `RL_UPDATE_BATCH_SIZE`: trades in a batch.
    pub batch_size: u32,
    /// `RL_SNAPSHOT_INTERVAL`: a regime's trades from one milestone to the next.
    pub snapshot_interval: u32,
    /// `RL_KEEP_SNAPSHOTS`: a regime's snapshots that are kept, milestones not counted.
    pub keep_snapshots: u32,
    /// `RL_FREEZE_THRESHOLD`: how far below its baseline a regime may fall, as a part of the baseline.
    pub freeze_threshold: f64,
    /// `RL_FREEZE_WINDOW`: trades whose average is held against the baseline.
    pub freeze_window: u32,
    /// `RL_BASELINE_TRADES`: a regime's first trades after start or thaw, whose average is the baseline.
    pub baseline_trades: u32,
    /// `RL_ROLLBACK_REWARD`: a batch whose average reward is below is rolled back.
    pub rollback_reward: f64,
    /// `RL_FREEZE_DAYS`: days after which a frozen regime thaws; none leaves it to the operator.
    pub freeze_days: Option<u32>,
}

impl Default for UpdaterSettings {
    fn default() -> Self {
        Self {
            batch_size: 10,
            snapshot_interval: 20,
            keep_snapshots: 5,
            freeze_threshold: 0.15,
            freeze_window: 20,
            baseline_trades: 30,
            rollback_reward: 0.4,
            freeze_days: None,
        }
    }
}

/// Settings that were found possible.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct UpdaterConfig {
    settings: UpdaterSettings,
    pub(crate) freeze_threshold_micros: u32,
    pub(crate) rollback_reward_micros: u32,
}

/// Above it a window or a batch would be a career, and would be held in memory.
const TRADES_MAX: u32 = 100_000;

impl UpdaterConfig {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the environment key of the first setting that is not possible.
    pub fn new(settings: UpdaterSettings) -> Result<Self, SettingError> {
        for (key, trades) in [
            ("RL_UPDATE_BATCH_SIZE", settings.batch_size),
            ("RL_SNAPSHOT_INTERVAL", settings.snapshot_interval),
            ("RL_KEEP_SNAPSHOTS", settings.keep_snapshots),
            ("RL_FREEZE_WINDOW", settings.freeze_window),
            ("RL_BASELINE_TRADES", settings.baseline_trades),
        ] {
            if !(1..=TRADES_MAX).contains(&trades) {
                return Err(SettingError::new(key, trades, "1 to 100000"));
            }
        }
        if settings.freeze_days == Some(0) {
            return Err(SettingError::new("RL_FREEZE_DAYS", 0, "1 or more, or not set"));
        }
        let micros = |key, value| {
            let reward = Reward::from_f64(value);
            reward.map(Reward::micros).ok_or_else(|| SettingError::new(key, value, "0 to 1"))
        };
        Ok(Self {
            settings,
            freeze_threshold_micros: micros("RL_FREEZE_THRESHOLD", settings.freeze_threshold)?,
            rollback_reward_micros: micros("RL_ROLLBACK_REWARD", settings.rollback_reward)?,
        })
    }

    /// The settings that were checked.
    pub const fn settings(&self) -> &UpdaterSettings {
        &self.settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_possible_settings_pass() {
        #[track_caller]
        fn check(change: impl FnOnce(&mut UpdaterSettings), refused_key: Option<&str>) {
            let mut settings = UpdaterSettings::default();
            change(&mut settings);
            assert_eq!(UpdaterConfig::new(settings).err().map(|error| error.key), refused_key, "{settings:?}");
        }
        check(|_| {}, None);
        check(|s| s.batch_size = 0, Some("RL_UPDATE_BATCH_SIZE"));
        check(|s| s.batch_size = 1, None);
        check(|s| s.batch_size = TRADES_MAX + 1, Some("RL_UPDATE_BATCH_SIZE"));
        check(|s| s.snapshot_interval = 0, Some("RL_SNAPSHOT_INTERVAL"));
        check(|s| s.keep_snapshots = 0, Some("RL_KEEP_SNAPSHOTS"));
        check(|s| s.freeze_window = 0, Some("RL_FREEZE_WINDOW"));
        check(|s| s.baseline_trades = 0, Some("RL_BASELINE_TRADES"));
        check(|s| s.freeze_days = Some(0), Some("RL_FREEZE_DAYS"));
        check(|s| s.freeze_days = Some(1), None);
        for (value, possible) in [(0.0, true), (1.0, true), (-1e-9, false), (1.0 + 1e-9, false), (f64::NAN, false)] {
            check(|s| s.freeze_threshold = value, (!possible).then_some("RL_FREEZE_THRESHOLD"));
            check(|s| s.rollback_reward = value, (!possible).then_some("RL_ROLLBACK_REWARD"));
        }
    }
}
