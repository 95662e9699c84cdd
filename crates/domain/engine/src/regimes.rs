//! How long each regime lasts, as the engine's records tell it.

use alavanca_kernel::{Bar, Regime, SymbolId, Timestamp, TradingDay};
use alavanca_regime::RegimeView;
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::event::Effect;
use crate::record::Record;

/// The regime or its transition flag changed, or the books were closed.
///
/// A symbol's records follow each other without a gap: each says what was since the one before, and what is from then
/// on. Time in a regime, its dwell and what it turns into are sums over them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegimeRecord {
    /// The instrument.
    pub symbol: SymbolId,
    /// The end of the bar that showed it.
    pub at: Timestamp,
    /// The trading day of that instant.
    pub day: TradingDay,
    /// The regime until then.
    pub from: Regime,
    /// Whether that was in transition.
    pub was_transition: bool,
    /// The regime from then on; the same where the transition ended, or the books were closed.
    pub to: Regime,
    /// Whether that is in transition.
    pub transition: bool,
    /// Bars since the record before, the one that showed the change not included.
    pub bars: u32,
    /// Their length, in seconds: trading time, without nights and gaps.
    pub seconds: u64,
}

impl RegimeRecord {
    /// Whether the regime changed, and not the flag alone.
    pub fn is_change(&self) -> bool {
        self.from != self.to
    }
}

/// What has been the same since an instrument's last record. A part of the checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegimeStretch {
    /// The regime.
    pub regime: Regime,
    /// Whether it is in transition.
    pub transition: bool,
    /// Bars so far.
    pub bars: u32,
    /// Their length, in seconds.
    pub seconds: u64,
    /// The end of the last bar that was counted.
    pub until: Timestamp,
}

impl Default for RegimeStretch {
    fn default() -> Self {
        Self { regime: Regime::Unknown, transition: false, bars: 0, seconds: 0, until: Timestamp::MIN }
    }
}

impl RegimeStretch {
    fn count(&mut self, bar: &Bar) {
        self.bars = self.bars.saturating_add(1);
        self.seconds += u64::from(bar.seconds);
        self.until = bar.end();
    }

    /// A bar of the past, shown after a restart: it counts where the bar came after what was stored. What it shows is
    /// recorded with the next bar that is traded on.
    #[inline]
    pub(crate) fn warm(&mut self, bar: &Bar) {
        if self.until > Timestamp::MIN && bar.end() > self.until {
            self.count(bar);
        }
    }

    /// What was until this bar, where it shows something else. Nothing was before an engine's first bar.
    #[inline]
    fn take(&mut self, bar: &Bar, view: RegimeView) -> Option<Self> {
        let changed = view.regime != self.regime || view.transition != self.transition;
        let was = Some(*self).filter(|was| changed && was.until > Timestamp::MIN);
        if changed {
            let RegimeView { regime, transition, .. } = view;
            *self = Self { regime, transition, bars: 0, seconds: 0, until: self.until };
        }
        self.count(bar);
        was
    }
}

impl Engine {
    /// Records where the regime or its transition flag changed.
    #[inline]
    pub(crate) fn note_regime(&mut self, symbol: SymbolId, bar: &Bar, view: RegimeView, effects: &mut Vec<Effect>) {
        if let Some(was) = self.desks[symbol.index()].stretch.take(bar, view) {
            self.record_stretch(symbol, was, view.regime, view.transition, effects);
        }
    }

    /// Records how long the regimes of the moment have lasted, so that no time is missing where records end.
    pub(crate) fn close_regimes(&mut self, effects: &mut Vec<Effect>) {
        for index in 0..self.desks.len() {
            let stretch = &mut self.desks[index].stretch;
            let was = *stretch;
            (stretch.bars, stretch.seconds) = (0, 0);
            if was.bars > 0 {
                self.record_stretch(SymbolId::new(index as u16), was, was.regime, was.transition, effects);
            }
        }
    }

    fn record_stretch(
        &mut self,
        symbol: SymbolId,
        was: RegimeStretch,
        to: Regime,
        transition: bool,
        effects: &mut Vec<Effect>,
    ) {
        let record = RegimeRecord {
            symbol,
            at: self.now,
            day: self.moment.map_or_else(TradingDay::default, |moment| moment.day),
            from: was.regime,
            was_transition: was.transition,
            to,
            transition,
            bars: was.bars,
            seconds: was.seconds,
        };
        self.record(Record::Regime(record), effects);
    }
}
