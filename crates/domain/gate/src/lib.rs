//! Between the boss's signal and the order: which actions can be taken, and what the chosen one means in contracts.
//!
//! It chooses nothing: choosing is the policy's. It keeps no state, and changes size alone: the boss's stop and
//! target pass through (semantics 15). What blocks a signal before the gate (semantics 12) is not its matter.
//!
//! ```
//! use alavanca_gate::{Gate, GateConfig, GateSettings};
//! use alavanca_kernel::{Action, Allocation, Contracts, ExitAt, LayerMask, Money, Price, Side, Signal, Unit};
//!
//! let gate = Gate::new(GateConfig::new(GateSettings::default())?);
//! let allocation = Allocation {
//!     base: Contracts::new(10),
//!     extra: Contracts::new(1),
//!     capital: Money::from_units(10_000),
//!     layers: LayerMask::ALL,
//!     refusal: None,
//! };
//! let stop = ExitAt::Distance(Price::from_raw(200 * Price::SCALE));
//! let signal = Signal { side: Side::Buy, score: Unit::ONE, stop, target: None };
//!
//! assert_eq!(gate.available(&allocation).iter().count(), 4);
//! let verdict = gate.verdict(&signal, &allocation, Action::EnterConservative);
//! assert_eq!((verdict.base.count(), verdict.extra.count(), verdict.stop), (7, 0, stop));
//! # Ok::<(), alavanca_kernel::SettingError>(())
//! ```

mod settings;
#[cfg(test)]
mod tests;

use alavanca_kernel::{
    Action, ActionSet, Allocation, Contracts, ExitAt, LayerMask, Level, MarketContext, Side, Signal, StateKey, Unit,
};
use serde::{Deserialize, Serialize};

pub use settings::{GateConfig, GateSettings};

/// Turns a signal, an allocation and an action into a verdict.
#[derive(Clone, Debug)]
pub struct Gate {
    config: GateConfig,
}

/// What the gate lets through of a signal.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Verdict {
    /// The action that was chosen, and is executed.
    pub action: Action,
    /// The signal's side.
    pub side: Side,
    /// Base contracts to open; none for HOLD.
    pub base: Contracts,
    /// Extra contracts to open.
    pub extra: Contracts,
    /// The boss's stop.
    pub stop: ExitAt,
    /// The boss's target.
    pub target: Option<ExitAt>,
}

impl Verdict {
    /// Base and extra together.
    #[inline]
    pub fn total(&self) -> Contracts {
        self.base + self.extra
    }

    /// Whether there is anything to open.
    #[inline]
    pub const fn enters(&self) -> bool {
        !self.base.is_zero()
    }
}

impl Gate {
    /// Gates by these settings.
    pub const fn new(config: GateConfig) -> Self {
        Self { config }
    }

    /// What it was set up with.
    pub const fn config(&self) -> &GateConfig {
        &self.config
    }

    /// Whether a policy chooses; else [`Gate::without_policy`] does (semantics 17).
    #[inline]
    pub const fn policy_enabled(&self) -> bool {
        self.config.settings().policy_enabled
    }

    /// The policy's state (semantics 16). What is unknown counts as its worst: confidence LOW, disagreement HIGH.
    #[inline]
    pub fn state(&self, ctx: &MarketContext) -> StateKey {
        let s = self.config.settings();
        let level = |value: Option<Unit>, unknown, medium, high| {
            value.map_or(unknown, |value| Level::of(value.get(), medium, high))
        };
        StateKey {
            regime: ctx.regime,
            hour: ctx.hour,
            confidence: level(ctx.confidence, Level::Low, s.confidence_medium, s.confidence_high),
            disagreement: level(ctx.disagreement, Level::High, s.disagreement_medium, s.disagreement_high),
        }
    }

    /// The actions that can be taken (semantics 14): no extra where a layer fails or none can be opened, no
    /// conservative entry where it would equal the full one, and nothing but HOLD without contracts.
    #[inline]
    pub fn available(&self, allocation: &Allocation) -> ActionSet {
        let mut actions = ActionSet::ALL;
        if granted_extra(allocation).is_zero() {
            actions = actions.without(Action::EnterWithReleverage);
        }
        if self.conservative(allocation.base) == allocation.base {
            actions = actions.without(Action::EnterConservative);
        }
        if allocation.base.is_zero() {
            actions = actions.without(Action::Enter);
        }
        actions
    }

    /// The conservative part of the base, downwards, at least 1 (semantics 15); none of none.
    #[inline]
    pub fn conservative(&self, base: Contracts) -> Contracts {
        let part = u64::from(base.count()) * u64::from(self.config.fraction_micros) / 1_000_000;
        Contracts::new((part as u32).max(1).min(base.count()))
    }

    /// What happens to a signal while no policy chooses: it is taken, with the extra where that is granted
    /// (semantics 17).
    #[inline]
    pub fn without_policy(&self, allocation: &Allocation) -> Action {
        if allocation.base.is_zero() {
            Action::Hold
        } else if granted_extra(allocation).is_zero() {
            Action::Enter
        } else {
            Action::EnterWithReleverage
        }
    }

    /// What an action means for this signal. It never gives more than the allocation: the extra's action without a
    /// granted extra is a plain entry in contracts.
    #[inline]
    pub fn verdict(&self, signal: &Signal, allocation: &Allocation, action: Action) -> Verdict {
        let (base, extra) = match action {
            Action::Hold => (Contracts::ZERO, Contracts::ZERO),
            Action::Enter => (allocation.base, Contracts::ZERO),
            Action::EnterConservative => (self.conservative(allocation.base), Contracts::ZERO),
            Action::EnterWithReleverage => (allocation.base, granted_extra(allocation)),
        };
        Verdict { action, side: signal.side, base, extra, stop: signal.stop, target: signal.target }
    }
}

/// The extra that may be opened: none without all eight layers, and none without a base under it.
#[inline]
fn granted_extra(allocation: &Allocation) -> Contracts {
    if allocation.layers == LayerMask::ALL && !allocation.base.is_zero() { allocation.extra } else { Contracts::ZERO }
}
