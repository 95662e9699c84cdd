//! What the operator may set, checked once.

use alavanca_kernel::{SettingError, Unit};
use serde::{Deserialize, Serialize};

/// The gate's settings, as written down. [`GateConfig::new`] checks them.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GateSettings {
    /// `RL_POLICY_ENABLED`: whether a policy chooses the action.
    pub policy_enabled: bool,
    /// `RL_CONSERVATIVE_FRACTION`: the conservative part of the base, above 0 and at most 1, to six decimals.
    pub conservative_fraction: f64,
    /// `RL_CONFIDENCE_MEDIUM`: from here on confidence is MEDIUM.
    pub confidence_medium: f64,
    /// `RL_CONFIDENCE_HIGH`: from here on confidence is HIGH.
    pub confidence_high: f64,
    /// `RL_DISAGREEMENT_MEDIUM`: from here on disagreement is MEDIUM.
    pub disagreement_medium: f64,
    /// `RL_DISAGREEMENT_HIGH`: from here on disagreement is HIGH.
    pub disagreement_high: f64,
}

impl Default for GateSettings {
    fn default() -> Self {
        Self {
            policy_enabled: true,
            conservative_fraction: 0.75,
            confidence_medium: 0.55,
            confidence_high: 0.70,
            disagreement_medium: 0.15,
            disagreement_high: 0.35,
        }
    }
}

/// Settings that were checked.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct GateConfig {
    settings: GateSettings,
    /// As an integer, so that 0.29 of 100 is 29.
    pub(crate) fraction_micros: u32,
}

impl GateConfig {
    /// Checks the settings; the error names the key and what is allowed.
    pub fn new(settings: GateSettings) -> Result<Self, SettingError> {
        let s = &settings;
        let fraction = s.conservative_fraction;
        let fraction_micros = if fraction > 0.0 && fraction <= 1.0 { (fraction * 1e6).round() as u32 } else { 0 };
        if fraction_micros == 0 {
            return Err(SettingError::new("RL_CONSERVATIVE_FRACTION", fraction, "a number from 0.000001 to 1"));
        }
        let bounds = |medium_key, medium: f64, high_key, high: f64| {
            if Unit::new(medium).is_none() {
                Err(SettingError::new(medium_key, medium, "a number from 0 to 1"))
            } else if Unit::new(high).is_none() || high < medium {
                Err(SettingError::new(high_key, high, format!("a number from {medium_key} ({medium}) to 1")))
            } else {
                Ok(())
            }
        };
        bounds("RL_CONFIDENCE_MEDIUM", s.confidence_medium, "RL_CONFIDENCE_HIGH", s.confidence_high)?;
        bounds("RL_DISAGREEMENT_MEDIUM", s.disagreement_medium, "RL_DISAGREEMENT_HIGH", s.disagreement_high)?;
        Ok(Self { settings, fraction_micros })
    }

    /// What was set.
    pub const fn settings(&self) -> &GateSettings {
        &self.settings
    }
}
