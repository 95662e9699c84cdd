//! What an operator can set about the policy.

use std::fmt;
use std::str::FromStr;

use alavanca_kernel::{SettingError, UnknownName};
use serde::{Deserialize, Serialize};

/// The policy's settings as written; [`RlConfig::new`] checks them.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RlSettings {
    /// `RL_POLICY_MODE`: how an action is chosen.
    pub mode: PolicyMode,
    /// `RL_LEARNING`: what is learned from.
    pub learning: Learning,
    /// `RL_PRIOR_ALPHA`: alpha of an arm that nothing is known of.
    pub prior_alpha: f64,
    /// `RL_PRIOR_BETA`: beta of an arm that nothing is known of.
    pub prior_beta: f64,
    /// `RL_REWARD`: how a trade's result becomes a reward.
    pub reward: RewardRule,
    /// `RL_UPDATE`: how a reward moves an arm.
    pub update: UpdateRule,
    /// `RL_SEED`: the same seed makes the same choices.
    pub seed: u64,
    /// `RL_FREEZE_FALLBACK`: what is chosen in a frozen regime.
    pub freeze_fallback: FreezeFallback,
    /// `RL_POLICY_SCOPE`: whether symbols share what is learned.
    pub scope: PolicyScope,
}

impl Default for RlSettings {
    fn default() -> Self {
        Self {
            mode: PolicyMode::ThompsonSampling,
            learning: Learning::Classic,
            prior_alpha: 1.0,
            prior_beta: 1.0,
            reward: RewardRule::Sign,
            update: UpdateRule::Binary,
            seed: 0,
            freeze_fallback: FreezeFallback::Keep,
            scope: PolicyScope::Shared,
        }
    }
}

/// Settings that were found possible.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RlConfig {
    settings: RlSettings,
}

/// Priors from here ...
const PRIOR_MIN: f64 = 1e-6;
/// ... to here. Evidence is counted in millionths, so that a prior far above it would drown it in rounding.
const PRIOR_MAX: f64 = 1e6;

impl RlConfig {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the environment key of the first setting that is not possible.
    pub fn new(settings: RlSettings) -> Result<Self, SettingError> {
        if settings.mode == PolicyMode::QLearning {
            return Err(SettingError::new(
                "RL_POLICY_MODE",
                settings.mode,
                "THOMPSON_SAMPLING (QLEARNING is not yet built)",
            ));
        }
        if settings.learning == Learning::FullInformation {
            return Err(SettingError::new(
                "RL_LEARNING",
                settings.learning,
                "CLASSIC (FULL_INFORMATION is not yet built)",
            ));
        }
        for (key, prior) in [("RL_PRIOR_ALPHA", settings.prior_alpha), ("RL_PRIOR_BETA", settings.prior_beta)] {
            // NaN is in no range.
            if !(PRIOR_MIN..=PRIOR_MAX).contains(&prior) {
                return Err(SettingError::new(key, prior, "0.000001 to 1000000"));
            }
        }
        Ok(Self { settings })
    }

    /// The settings that were checked.
    pub const fn settings(&self) -> &RlSettings {
        &self.settings
    }
}

macro_rules! names {
    ($(#[$doc:meta])* $name:ident($key:literal) { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// The spelling in settings and in the store.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownName;
            fn from_str(text: &str) -> Result<Self, UnknownName> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(UnknownName { what: $key, got: text.to_owned(), known: [$($text),+].join(", ") }),
                }
            }
        }
    };
}

names! {
    /// How an action is chosen (semantics 32).
    PolicyMode("RL_POLICY_MODE") {
        /// Each arm's value is drawn from its posterior; the highest is taken.
        ThompsonSampling = "THOMPSON_SAMPLING",
        /// Tabular, epsilon-greedy, one-step. Known, not yet built.
        QLearning = "QLEARNING",
    }
}

names! {
    /// What is learned from.
    Learning("RL_LEARNING") {
        /// The arm that was taken, from the trade's result (semantics 24 and 25).
        Classic = "CLASSIC",
        /// Every available arm, from the same price path. Known, not yet built.
        FullInformation = "FULL_INFORMATION",
    }
}

names! {
    /// How a trade's result becomes a reward.
    RewardRule("RL_REWARD") {
        /// 0.8 for a profit, else 0.2 (semantics 25).
        Sign = "SIGN",
    }
}

names! {
    /// How a reward moves an arm (semantics 25).
    UpdateRule("RL_UPDATE") {
        /// Above 0.5 alpha + 1, below 0.5 beta + 1; at 0.5 only the count grows.
        Binary = "BINARY",
        /// alpha + r, beta + 1 − r.
        Fractional = "FRACTIONAL",
    }
}

names! {
    /// What is chosen in a frozen regime (semantics 26).
    FreezeFallback("RL_FREEZE_FALLBACK") {
        /// As before, from parameters that no longer move.
        Keep = "KEEP",
        /// ENTER, as without a gate.
        Level4 = "LEVEL4",
        /// HOLD.
        Hold = "HOLD",
    }
}

names! {
    /// Whether symbols share what is learned (semantics 16).
    PolicyScope("RL_POLICY_SCOPE") {
        /// One table for all symbols.
        Shared = "SHARED",
        /// One table for each symbol.
        Symbol = "SYMBOL",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_possible_settings_pass() {
        #[track_caller]
        fn check(change: impl FnOnce(&mut RlSettings), refused_key: Option<&str>) {
            let mut settings = RlSettings::default();
            change(&mut settings);
            assert_eq!(RlConfig::new(settings).err().map(|error| error.key), refused_key, "{settings:?}");
        }
        check(|_| {}, None);
        check(|s| s.prior_alpha = PRIOR_MIN, None);
        check(|s| s.prior_beta = PRIOR_MAX, None);
        for impossible in [0.0, PRIOR_MIN * 0.999, PRIOR_MAX * 1.001, -1.0, f64::NAN, f64::INFINITY] {
            check(|s| s.prior_alpha = impossible, Some("RL_PRIOR_ALPHA"));
            check(|s| s.prior_beta = impossible, Some("RL_PRIOR_BETA"));
        }
        check(|s| s.mode = PolicyMode::QLearning, Some("RL_POLICY_MODE"));
        check(|s| s.learning = Learning::FullInformation, Some("RL_LEARNING"));
    }

    #[test]
    fn refusals_say_what_is_known() {
        let unknown = "SARSA".parse::<PolicyMode>().unwrap_err().to_string();
        assert_eq!(unknown, "unknown RL_POLICY_MODE `SARSA`; known are THOMPSON_SAMPLING, QLEARNING");
        let unbuilt = RlConfig::new(RlSettings { mode: PolicyMode::QLearning, ..RlSettings::default() }).unwrap_err();
        assert!(unbuilt.to_string().contains("not yet built"), "{unbuilt}");
    }

    #[test]
    fn settings_read_and_write_the_specifications_spelling() {
        let text = serde_json::to_string(&RlSettings::default()).unwrap();
        for name in ["THOMPSON_SAMPLING", "CLASSIC", "SIGN", "BINARY", "KEEP", "SHARED"] {
            assert!(text.contains(&format!("\"{name}\"")), "{name} in {text}");
        }
        assert_eq!(serde_json::from_str::<RlSettings>(&text).unwrap(), RlSettings::default());
        assert!(serde_json::from_str::<RlSettings>(r#"{"sead": 1}"#).is_err(), "a misspelt key must not pass unseen");
    }
}
