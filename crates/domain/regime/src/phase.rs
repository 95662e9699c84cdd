use alavanca_kernel::Regime;
use serde::{Deserialize, Serialize};

use crate::RegimeView;

/// Where a regime stands between its beginning and its end.
///
/// ```text
///               first reading              another reading, again and again
///  WarmingUp ------------------> Settled ----------------------------------> Leaving
///                                 ^   ^                                       |   |
///                                 |   +---- the regime's own reading ---------+   |
///                 enough readings |                                               | it persisted,
///                   of its own    |            CHAOTIC: from any phase at once    | the dwell is over
///                                 +------------------ CoolingOff <----------------+
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Phase {
    /// Too little was seen to say anything.
    #[default]
    WarmingUp,
    /// The regime holds.
    Settled,
    /// The regime holds, and the market has begun to look like another.
    Leaving {
        /// Which, and for how long.
        doubt: Doubt,
    },
    /// The regime is new: the transition flag stands until enough bars have confirmed it.
    CoolingOff {
        /// Bars that showed it since it began, its first included.
        confirmed: u32,
        /// What the market looks like instead at the moment.
        against: Option<Doubt>,
    },
}

impl Phase {
    /// Its stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WarmingUp => "WARMING_UP",
            Self::Settled => "SETTLED",
            Self::Leaving { .. } => "LEAVING",
            Self::CoolingOff { .. } => "COOLING_OFF",
        }
    }
}

/// Another regime that the market looks like, and for how many bars on end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Doubt {
    /// What it looks like.
    pub candidate: Regime,
    /// For so many bars, the last included.
    pub bars: u32,
}

/// The rules by which readings, one a bar, become regimes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TransitionRules {
    /// Bars on end that another reading has to persist before it is accepted; at least 1.
    pub persist_bars: u32,
    /// Bars that a regime lasts at least; only `CHAOTIC` ends it sooner.
    pub min_dwell_bars: u32,
    /// Bars that have to show a new regime before it is settled, its first included; 0 for no cooling off.
    pub cool_off_bars: u32,
}

/// Turns readings into regimes, by its rules.
///
/// - The first reading after the warm-up is taken as it is: the market has not changed then, and nothing cools off.
/// - A reading other than the regime puts it in doubt. The doubt ends with the first reading of the regime itself, and
///   begins anew with another candidate.
/// - A candidate that persisted for `persist_bars` becomes the regime, once the old one has lasted `min_dwell_bars`.
/// - `CHAOTIC` becomes the regime at once, whatever the dwell. It ends as every other does.
/// - A new regime cools off: the transition flag stands until `cool_off_bars` bars have shown it. Bars that show
///   something else do not count, and may end it by the rules above.
#[derive(Clone, Debug)]
pub struct Transitions {
    rules: TransitionRules,
    view: RegimeView,
}

impl Transitions {
    /// By these rules; nothing is known yet.
    pub const fn new(rules: TransitionRules) -> Self {
        Self { rules, view: RegimeView::UNKNOWN }
    }

    /// The view, as of the last bar.
    #[inline]
    pub const fn view(&self) -> RegimeView {
        self.view
    }

    /// The next bar; `None` while the reading is warming up.
    #[inline]
    pub fn push(&mut self, reading: Option<Regime>) -> RegimeView {
        self.view.bars_in_regime = self.view.bars_in_regime.saturating_add(1);
        let Some(reading) = reading else { return self.view };
        self.view.phase = match self.view.phase {
            Phase::WarmingUp => {
                (self.view.regime, self.view.bars_in_regime) = (reading, 1);
                Phase::Settled
            }
            phase if reading == self.view.regime => self.confirm(phase),
            phase => self.doubt(phase, reading),
        };
        self.view.transition = matches!(self.view.phase, Phase::CoolingOff { .. });
        self.view
    }

    #[inline]
    fn confirm(&self, phase: Phase) -> Phase {
        match phase {
            Phase::CoolingOff { confirmed, .. } if confirmed < self.rules.cool_off_bars => {
                Phase::CoolingOff { confirmed: confirmed + 1, against: None }
            }
            _ => Phase::Settled,
        }
    }

    fn doubt(&mut self, phase: Phase, reading: Regime) -> Phase {
        let before = match phase {
            Phase::Leaving { doubt } => Some(doubt),
            Phase::CoolingOff { against, .. } => against,
            Phase::WarmingUp | Phase::Settled => None,
        };
        let bars = before.filter(|doubt| doubt.candidate == reading).map_or(0, |doubt| doubt.bars).saturating_add(1);
        let doubt = Doubt { candidate: reading, bars };
        // The count already holds this bar, which would be the new regime's first.
        let dwelt = self.view.bars_in_regime > self.rules.min_dwell_bars;
        if reading == Regime::Chaotic || dwelt && bars >= self.rules.persist_bars {
            (self.view.regime, self.view.bars_in_regime) = (reading, 1);
            return match self.rules.cool_off_bars {
                0 => Phase::Settled,
                _ => Phase::CoolingOff { confirmed: 1, against: None },
            };
        }
        match phase {
            Phase::CoolingOff { confirmed, .. } => Phase::CoolingOff { confirmed, against: Some(doubt) },
            _ => Phase::Leaving { doubt },
        }
    }
}
