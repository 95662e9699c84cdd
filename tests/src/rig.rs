//! An engine on a simulated exchange, from settings that a test changes as it likes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use alavanca_adapters_sim::{SimExchange, SimSettings};
use alavanca_calendar::{Session, SessionCalendars, SessionRule, SessionSettings, TradingZone};
use alavanca_capital::{CapitalConfig, CapitalSettings};
use alavanca_engine::{Command, Counts, DeskConfig, Engine, EngineConfig, Levels, OnOpposite, ScalpCustody};
use alavanca_gate::{GateConfig, GateSettings};
use alavanca_kernel::{
    AccountMode, Action, Bar, CostSchedule, Costs, Instrument, Money, Price, Regime, Side, SymbolId, Tick, Timestamp,
    Unit,
};
use alavanca_liquidity::{LiquidityMap, RelativeVolume};
use alavanca_regime::{AdxAtrConfig, AdxAtrDetector, RegimeDetector};
use alavanca_risk::{RiskConfig, RiskSettings};
use alavanca_rl::{RlConfig, RlSettings};
use alavanca_scalp::{ScalpConfig, ScalpSettings};
use alavanca_signals::{BossBrain, Brain, MetaBrain, MetaConfig};
use alavanca_updater::{UpdaterConfig, UpdaterSettings};

use crate::chart::{Chart, points};
use crate::recorder::Recorder;
use crate::script::{Brains, Scripted, ScriptedPolicy, ScriptedRegime, Signals, trigger};
use alavanca::simulation::Simulation;

/// Liquidity of the same strength everywhere.
#[derive(Debug, Clone, Copy)]
struct Everywhere(Unit);

impl LiquidityMap for Everywhere {
    fn on_bar(&mut self, _bar: &Bar) {}

    fn strength_at(&self, _price: Price) -> Option<Unit> {
        Some(self.0)
    }

    fn warmup_bars(&self) -> usize {
        0
    }

    fn reset(&mut self) {}
}

/// Settings of a simulation. As it is: WIN without costs, 10,000 BRL, margin 1,000, so 10 contracts and 1 extra; all
/// eight layers pass; no limits; a policy that enters with the extra; a market that trends, always open.
#[derive(Clone)]
pub struct Rig {
    /// One desk each.
    pub instruments: Vec<Instrument>,
    /// What the scripted brain of each desk signals.
    pub signals: Vec<Signals>,
    /// Brains instead of the scripted one, for every desk.
    pub brains: Option<Brains>,
    /// Bars until the scripted brain is heard.
    pub warmup: usize,
    /// Bars until the scripted regime detector is warm.
    pub regime_warmup: usize,
    /// From bar n on: regime, and whether in transition.
    pub regimes: Vec<(usize, Regime, bool)>,
    /// The real detector and a real map instead.
    pub real_levels: bool,
    /// The policy's choices; without any it samples.
    pub actions: Vec<Action>,
    /// Sizing.
    pub capital: CapitalSettings,
    /// The extra.
    pub scalp: ScalpSettings,
    /// Limits.
    pub risk: RiskSettings,
    /// The gate.
    pub gate: GateSettings,
    /// The policy.
    pub rl: RlSettings,
    /// Batches.
    pub updater: UpdaterSettings,
    /// The exchange.
    pub sim: SimSettings,
    /// `ALWAYS`, `B3` or `FOREX`.
    pub session: &'static str,
    /// Opposite signals.
    pub on_opposite: OnOpposite,
    /// Who watches the extra.
    pub custody: ScalpCustody,
    /// Seconds after which equity is too old.
    pub equity_max_age_seconds: u32,
}

impl std::fmt::Debug for Rig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rig")
            .field("capital", &self.capital)
            .field("scalp", &self.scalp)
            .field("risk", &self.risk)
            .field("gate", &self.gate)
            .field("rl", &self.rl)
            .field("sim", &self.sim)
            .field("on_opposite", &self.on_opposite)
            .field("custody", &self.custody)
            .finish_non_exhaustive()
    }
}

impl Default for Rig {
    fn default() -> Self {
        let win = Instrument { costs: CostSchedule::NONE, ..Instrument::preset("WIN").unwrap() };
        Self {
            instruments: vec![win],
            signals: vec![Vec::new()],
            brains: None,
            warmup: 0,
            regime_warmup: 0,
            regimes: vec![(0, Regime::TrendUp, false)],
            real_levels: false,
            actions: vec![Action::EnterWithReleverage],
            capital: CapitalSettings {
                min_confidence: 0.0,
                require_profit_today: false,
                min_liquidity: 0.5,
                ..CapitalSettings::default()
            },
            scalp: ScalpSettings::default(),
            risk: RiskSettings { daily_loss_limit: None, consecutive_losses_max: 0, ..RiskSettings::default() },
            gate: GateSettings::default(),
            rl: RlSettings::default(),
            updater: UpdaterSettings::default(),
            sim: SimSettings { mode: AccountMode::Hedging, ..SimSettings::default() },
            session: "ALWAYS",
            on_opposite: OnOpposite::Ignore,
            custody: ScalpCustody::Broker,
            equity_max_age_seconds: 3_600,
        }
    }
}

impl Rig {
    /// The usual rig with these signals: bar, side; the stop is 100 points away, the target 200.
    pub fn with_signals(signals: &[(usize, Side)]) -> Self {
        let signals = signals.iter().map(|&(bar, side)| (bar, trigger(side, 100, 200))).collect();
        Self { signals: vec![signals], ..Self::default() }
    }

    /// The usual rig, where a coin says when.
    pub fn with_brain<B: Brain + Clone + Sync + 'static>(brain: B) -> Self {
        Self { brains: Some(Arc::new(move || vec![Box::new(brain.clone())])), ..Self::default() }
    }

    /// Costs for every instrument.
    pub fn costs(mut self, commission_cents: i64, spread: i64, slippage: i64) -> Self {
        for instrument in &mut self.instruments {
            let fee = Money::from_cents(commission_cents);
            let (spread, slippage) = (points(spread), points(slippage));
            instrument.costs = Costs { exchange_fee: fee, brokerage: Money::ZERO, spread, slippage }.into();
        }
        self
    }

    /// Only the engine, with how often its policy is asked.
    pub fn engine(&self) -> (Engine, Arc<AtomicU64>) {
        let asked = Arc::new(AtomicU64::new(0));
        let rl = RlConfig::new(self.rl).unwrap();
        let desks =
            self.instruments.iter().enumerate().map(|(index, instrument)| self.desk(index, instrument)).collect();
        let mut capital = self.capital;
        if self.scalp.hybrid {
            capital.releverage_mode = alavanca_capital::ReleverageMode::Hybrid;
        }
        let config = EngineConfig {
            capital: CapitalConfig::new(capital).unwrap(),
            scalp: ScalpConfig::new(self.scalp).unwrap(),
            risk: RiskConfig::new(self.risk).unwrap(),
            gate: GateConfig::new(self.gate).unwrap(),
            rl,
            updater: UpdaterConfig::new(self.updater).unwrap(),
            zone: TradingZone::new(&alavanca_calendar::ZoneSettings::default()).unwrap(),
            zone_exits: alavanca_liquidity::ZoneExitConfig::default(),
            on_opposite: self.on_opposite,
            custody: self.custody,
            signal_bar_seconds: 60,
            equity_max_age_seconds: self.equity_max_age_seconds,
            record_every_bar: false,
        };
        let policy = ScriptedPolicy::new(rl, self.actions.clone(), asked.clone());
        (Engine::new(config, desks, Box::new(policy)).unwrap(), asked)
    }

    fn desk(&self, index: usize, instrument: &Instrument) -> DeskConfig {
        let brains = match &self.brains {
            Some(brains) => brains(),
            None => vec![Box::new(Scripted::new(self.signals[index].clone(), self.warmup)) as Box<dyn Brain>],
        };
        let boss = BossBrain::new(brains).unwrap();
        let meta = MetaBrain::new(MetaConfig::default(), boss.names());
        let regime: Box<dyn RegimeDetector> = if self.real_levels {
            Box::new(AdxAtrDetector::new(AdxAtrConfig::new(alavanca_regime::AdxAtrSettings::default()).unwrap()))
        } else {
            Box::new(ScriptedRegime::new(self.regimes.clone(), self.regime_warmup))
        };
        let liquidity: Box<dyn LiquidityMap> =
            if self.real_levels { Box::new(RelativeVolume::new(100)) } else { Box::new(Everywhere(Unit::ONE)) };
        let session = Session::without_holidays(SessionCalendars::built_in(), self.session).unwrap();
        DeskConfig {
            instrument: instrument.clone(),
            session: SessionRule::new(session, &SessionSettings::default()).unwrap(),
            levels: Levels { boss, meta, regime, liquidity },
        }
    }

    /// The exchange.
    pub fn exchange(&self) -> SimExchange {
        SimExchange::new(self.sim, self.instruments.clone()).unwrap()
    }

    /// Engine and exchange, joined.
    pub fn bench(&self) -> Bench {
        let (engine, asked) = self.engine();
        let simulation = Simulation::new(engine, self.exchange(), self.sim.fill);
        Bench { simulation, recorder: Recorder::default(), asked }
    }

    /// Runs it over a chart, without an end of the market.
    pub fn run(&self, chart: &Chart) -> Bench {
        let mut bench = self.bench();
        bench.bars(&chart.bars);
        bench
    }
}

/// A simulation with its recorder.
#[derive(Debug)]
pub struct Bench {
    /// Engine and exchange.
    pub simulation: Simulation,
    /// What was recorded.
    pub recorder: Recorder,
    asked: Arc<AtomicU64>,
}

impl Bench {
    /// The first symbol.
    pub const SYMBOL: SymbolId = SymbolId::new(0);

    /// Shows bars of the first symbol.
    pub fn bars(&mut self, bars: &[Bar]) {
        for bar in bars {
            self.bar(Self::SYMBOL, bar);
        }
    }

    /// Shows a bar.
    pub fn bar(&mut self, symbol: SymbolId, bar: &Bar) {
        self.simulation.on_bar(symbol, bar, &mut self.recorder);
    }

    /// Shows a tick of the first symbol.
    pub fn tick(&mut self, tick: Tick) {
        self.simulation.on_tick(Self::SYMBOL, &tick, &mut self.recorder);
    }

    /// Ends the market.
    pub fn end(&mut self, at: Timestamp) {
        self.simulation.end(at, &mut self.recorder);
    }

    /// Time passes, and no price comes.
    pub fn time(&mut self, at: Timestamp) {
        self.simulation.time(at, &mut self.recorder);
    }

    /// The operator says something.
    pub fn command(&mut self, command: Command, at: Timestamp) {
        self.simulation.command(command, at, &mut self.recorder);
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        self.simulation.engine()
    }

    /// What the engine has seen.
    pub fn counts(&self) -> Counts {
        self.engine().counts()
    }

    /// How often the policy was asked.
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    /// Open contracts of the first symbol at the exchange, bought less sold.
    pub fn position(&self) -> i64 {
        self.simulation.exchange().position(Self::SYMBOL)
    }
}
