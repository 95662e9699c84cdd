use std::fmt::Debug;

use alavanca_kernel::{Bar, Regime};
use serde::{Deserialize, Serialize};

use crate::Phase;

/// Says what kind of market it is.
///
/// The rules for every detector: the same bars give the same views; a view after bar n uses bars up to n alone; a bar
/// costs constant time and no allocation. Bars come in order, closed and sound.
pub trait RegimeDetector: Debug + Send {
    /// Takes the next closed bar.
    fn on_bar(&mut self, bar: &Bar) -> RegimeView;

    /// The view, as of the last bar.
    fn view(&self) -> RegimeView;

    /// How many bars of history it must see before it can say anything but `UNKNOWN`.
    fn warmup_bars(&self) -> usize;

    /// How many days of history besides it must see, from whatever second on, to say what it would say had it seen all
    /// of the past; 0 where bars are all it goes by. With fewer it speaks, and differs.
    fn warmup_days(&self) -> usize {
        0
    }

    /// Forgets everything, as new.
    fn reset(&mut self);
}

/// A regime, and how settled it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RegimeView {
    /// The regime.
    pub regime: Regime,
    /// It changed so recently that nothing should rely on it.
    pub transition: bool,
    /// Bars since it began, that one included; 0 before the first bar.
    pub bars_in_regime: u32,
    /// How sure that is.
    pub phase: Phase,
}

impl RegimeView {
    /// Nothing is known.
    pub const UNKNOWN: Self =
        Self { regime: Regime::Unknown, transition: false, bars_in_regime: 0, phase: Phase::WarmingUp };
}

/// Always the same regime: for tests, benchmarks, and for running without level 3.
#[derive(Clone, Debug)]
pub struct FixedRegime(RegimeView);

impl FixedRegime {
    /// Always this one, never in transition.
    pub const fn new(regime: Regime) -> Self {
        Self(RegimeView { regime, transition: false, bars_in_regime: 0, phase: Phase::Settled })
    }
}

impl RegimeDetector for FixedRegime {
    #[inline]
    fn on_bar(&mut self, _bar: &Bar) -> RegimeView {
        self.0.bars_in_regime = self.0.bars_in_regime.saturating_add(1);
        self.0
    }

    fn view(&self) -> RegimeView {
        self.0
    }

    fn warmup_bars(&self) -> usize {
        0
    }

    fn reset(&mut self) {
        self.0.bars_in_regime = 0;
    }
}
