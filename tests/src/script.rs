//! Brains, regimes and policies that do what a test tells them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use alavanca_kernel::{
    Action, ActionSet, Bar, ExitAt, Price, Regime, Reward, Side, StateKey, SymbolId, Timestamp, Unit,
};
use alavanca_regime::{Phase, RegimeDetector, RegimeView};
use alavanca_rl::{
    Arm, ArmUpdate, ImportError, Policy, PolicyCheckpoint, PolicyRow, PolicyTable, RegimeStats, RlConfig,
    ThompsonSampling,
};
use alavanca_signals::{Brain, Opinion, Trigger};

use crate::chart::points;

/// Which bars trigger, and how.
pub type Signals = Vec<(usize, Trigger)>;

/// A wish to enter with stop and target so many points away.
pub fn trigger(side: Side, stop: i64, target: i64) -> Trigger {
    Trigger {
        side,
        strength: Unit::ONE,
        stop: ExitAt::Distance(points(stop)),
        target: Some(ExitAt::Distance(points(target))),
    }
}

/// A brain that triggers at the bars it is told.
#[derive(Debug, Clone)]
pub struct Scripted {
    signals: Signals,
    bar: usize,
    warmup: usize,
}

impl Scripted {
    /// By this script; heard after so many bars.
    pub fn new(signals: Signals, warmup: usize) -> Self {
        Self { signals, bar: 0, warmup }
    }
}

impl Brain for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn warmup_bars(&self) -> usize {
        self.warmup
    }

    fn on_bar(&mut self, _bar: &Bar) -> Opinion {
        let trigger = self.signals.iter().find(|(bar, _)| *bar == self.bar).map(|(_, trigger)| *trigger);
        self.bar += 1;
        Opinion { bias: trigger.map(|trigger| trigger.side), trigger }
    }

    fn reset(&mut self) {
        self.bar = 0;
    }
}

/// A brain that throws a coin at each bar: what comes up depends on the seed and the bar's begin alone.
#[derive(Debug, Clone)]
pub struct Coin {
    seed: u64,
    /// One bar in so many triggers.
    one_in: u64,
    /// Distance of the stop; the target is twice as far.
    stop: Price,
}

impl Coin {
    /// With this seed, one bar in so many, with a stop so far away.
    pub fn new(seed: u64, one_in: u64, stop: Price) -> Self {
        Self { seed, one_in, stop }
    }
}

/// A well-mixed number from two others.
pub fn mix(a: u64, b: u64) -> u64 {
    let mut z = a.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ b.wrapping_mul(0xD1B5_4A32_D192_ED03);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Brain for Coin {
    fn name(&self) -> &'static str {
        "coin"
    }

    fn warmup_bars(&self) -> usize {
        3
    }

    fn on_bar(&mut self, bar: &Bar) -> Opinion {
        let draw = mix(self.seed, bar.time.micros() as u64);
        let side = if draw & 1 == 0 { Side::Buy } else { Side::Sell };
        if !(draw >> 1).is_multiple_of(self.one_in) {
            return Opinion::leaning(Some(side));
        }
        let target = Some(ExitAt::Distance(self.stop.times(2)));
        let trigger = Trigger { side, strength: Unit::ONE, stop: ExitAt::Distance(self.stop), target };
        Opinion { bias: Some(side), trigger: Some(trigger) }
    }

    fn reset(&mut self) {}
}

/// The brains of a desk, made anew for each engine.
pub type Brains = Arc<dyn Fn() -> Vec<Box<dyn Brain>> + Send + Sync>;

/// A regime that changes at the bars it is told.
#[derive(Debug, Clone)]
pub struct ScriptedRegime {
    views: Vec<(usize, Regime, bool)>,
    bar: usize,
    warmup: usize,
}

impl ScriptedRegime {
    /// From each bar on: the regime, and whether it is in transition. Warm after so many bars.
    pub fn new(views: Vec<(usize, Regime, bool)>, warmup: usize) -> Self {
        Self { views, bar: 0, warmup }
    }
}

impl RegimeDetector for ScriptedRegime {
    fn on_bar(&mut self, _bar: &Bar) -> RegimeView {
        self.bar += 1;
        self.view()
    }

    fn view(&self) -> RegimeView {
        let seen = self.bar.saturating_sub(1);
        self.views.iter().rev().find(|(from, ..)| *from <= seen).map_or(
            RegimeView::UNKNOWN,
            |(from, regime, transition)| RegimeView {
                regime: *regime,
                transition: *transition,
                bars_in_regime: (seen - from + 1) as u32,
                phase: Phase::Settled,
            },
        )
    }

    fn warmup_bars(&self) -> usize {
        self.warmup
    }

    fn reset(&mut self) {
        self.bar = 0;
    }
}

/// Thompson sampling that learns as ever, and chooses as it is told where it is told something that can be taken.
/// Counts how often it is asked.
#[derive(Debug)]
pub struct ScriptedPolicy {
    inner: ThompsonSampling,
    actions: Vec<Action>,
    asked: Arc<AtomicU64>,
}

impl ScriptedPolicy {
    /// The n-th choice is the n-th of these; the last one stays. Without any, it samples.
    pub fn new(config: RlConfig, actions: Vec<Action>, asked: Arc<AtomicU64>) -> Self {
        Self { inner: ThompsonSampling::new(config), actions, asked }
    }
}

impl Policy for ScriptedPolicy {
    fn choose(&mut self, symbol: SymbolId, state: StateKey, available: ActionSet, at: Timestamp) -> Action {
        let nth = self.asked.fetch_add(1, Ordering::Relaxed) as usize;
        match self.actions.get(nth).or(self.actions.last()) {
            Some(&action) if available.contains(action) => action,
            Some(_) if available.contains(Action::Enter) => Action::Enter,
            _ => self.inner.choose(symbol, state, available, at),
        }
    }

    fn learn(&mut self, symbol: SymbolId, state: StateKey, action: Action, reward: Reward) -> ArmUpdate {
        self.inner.learn(symbol, state, action, reward)
    }

    fn arm(&self, symbol: SymbolId, state: StateKey, action: Action) -> Arm {
        self.inner.arm(symbol, state, action)
    }

    fn is_frozen(&self, regime: Regime) -> bool {
        self.inner.is_frozen(regime)
    }

    fn freeze(&mut self, regime: Regime) {
        self.inner.freeze(regime);
    }

    fn unfreeze(&mut self, regime: Regime) {
        self.inner.unfreeze(regime);
    }

    fn version(&self) -> u64 {
        self.inner.version()
    }

    fn export_table(&self, regime: Regime) -> PolicyTable {
        self.inner.export_table(regime)
    }

    fn import_table(&mut self, table: &PolicyTable) -> Result<(), ImportError> {
        self.inner.import_table(table)
    }

    fn snapshot(&self, regime: Regime) -> Vec<u8> {
        self.inner.snapshot(regime)
    }

    fn restore(&mut self, regime: Regime, bytes: &[u8]) -> Result<(), ImportError> {
        self.inner.restore(regime, bytes)
    }

    fn stats(&self, regime: Regime) -> RegimeStats {
        self.inner.stats(regime)
    }

    fn rows(&self) -> Vec<PolicyRow> {
        self.inner.rows()
    }

    fn checkpoint(&self) -> PolicyCheckpoint {
        self.inner.checkpoint()
    }

    fn resume(&mut self, checkpoint: &PolicyCheckpoint) -> Result<(), ImportError> {
        self.inner.resume(checkpoint)
    }
}
