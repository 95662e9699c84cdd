//! A regime's rewards since its start or thaw: the baseline and the recent window.

use std::collections::VecDeque;

use alavanca_kernel::Reward;
use serde::{Deserialize, Serialize};

use crate::UpdaterConfig;

/// The first rewards as a sum, the last ones one by one.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trend {
    baseline_count: u32,
    baseline_micros: u64,
    window: VecDeque<Reward>,
}

impl Trend {
    pub(crate) fn observe(&mut self, config: &UpdaterConfig, reward: Reward) {
        if self.baseline_count < config.settings().baseline_trades {
            self.baseline_count += 1;
            self.baseline_micros += u64::from(reward.micros());
        }
        self.window.push_back(reward);
        // After a restart with a smaller window more than one has to go.
        while self.window.len() > config.settings().freeze_window as usize {
            self.window.pop_front();
        }
    }

    /// (window average, baseline average) in millionths, where the window's is more than the threshold below the
    /// baseline's (semantics 26). `None` with too few rewards.
    pub(crate) fn degraded(&self, config: &UpdaterConfig) -> Option<(i64, i64)> {
        let (trades, in_window) = (u64::from(self.baseline_count), self.window.len() as u64);
        let settings = config.settings();
        if trades < u64::from(settings.baseline_trades) || in_window < u64::from(settings.freeze_window) {
            return None;
        }
        let window_micros: u64 = self.window.iter().map(|reward| u64::from(reward.micros())).sum();
        let kept = Reward::ONE_MICROS - config.freeze_threshold_micros;
        // window / n < baseline / m · (1 − threshold), without division.
        let left = u128::from(window_micros) * u128::from(trades) * u128::from(Reward::ONE_MICROS);
        let right = u128::from(self.baseline_micros) * u128::from(in_window) * u128::from(kept);
        (left < right).then(|| ((window_micros / in_window) as i64, (self.baseline_micros / trades) as i64))
    }

    /// Rewards observed, as far as the baseline counts them.
    pub(crate) fn baseline_count(&self) -> u32 {
        self.baseline_count
    }
}
