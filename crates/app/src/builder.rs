//! From checked settings to an engine on a simulated exchange.

use alavanca_adapters_sim::{FillAt, SimExchange, SimSettings};
use alavanca_adapters_sqlite::{CapitalFacts, Durability, PolicyFacts, StoreConfig};
use alavanca_calendar::{MarketClock, TradingZone};
use alavanca_capital::{CapitalConfig, CapitalSettings};
use alavanca_engine::{DeskConfig, Engine, EngineConfig, Levels, ScalpCustody};
use alavanca_gate::{GateConfig, GateSettings};
use alavanca_kernel::{AccountMode, Contracts, CostSchedule, CostTimeline, Costs, Instrument, SettingError};
use alavanca_liquidity::{
    LiquidityMap, NoLiquidity, RelativeVolume, SwingVolumeConfig, SwingVolumeLevels, ZoneExitConfig, ZoneMap,
    ZoneMapConfig,
};
use alavanca_regime::{AdxAtrConfig, AdxAtrDetector, MultiScaleConfig, MultiScaleDetector, RegimeDetector};
use alavanca_report::Tally;
use alavanca_risk::RiskConfig;
use alavanca_rl::{Policy, RlConfig, ThompsonSampling};
use alavanca_scalp::ScalpConfig;
use alavanca_signals::{
    BossBrain, BossConfig, Brain, Breakout, BreakoutConfig, EmaTrend, EmaTrendConfig, MeanReversion,
    MeanReversionConfig, MetaBrain, MetaConfig, Momentum, MomentumConfig, OpeningRange, OpeningRangeConfig, SmaCross,
    SmaCrossConfig, Squeeze, SqueezeConfig, VwapPullback, VwapPullbackConfig,
};
use alavanca_updater::UpdaterConfig;

use crate::extensions::Grounds;
use crate::settings::{BRAINS, LiquidityKind, RegimeKind, Settings};

/// Whether the gate stands between signal and order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gating {
    /// As the settings say.
    AsConfigured,
    /// Off, and no re-leverage: exactly Level 4 (semantics 17).
    Off,
}

/// An engine and the exchange it will trade on.
#[derive(Debug)]
pub struct Built {
    /// The engine.
    pub engine: Engine,
    /// The exchange.
    pub exchange: SimExchange,
    /// When orders fill.
    pub fill: FillAt,
}

/// Puts an engine together for one instrument: the settings say everything, but for what is given.
///
/// ```
/// use alavanca::builder::Builder;
/// use alavanca::settings::{LoadRequest, load};
/// use alavanca_kernel::Instrument;
/// use alavanca_rl::{Policy, RlConfig, ThompsonSampling};
///
/// let settings = load(&LoadRequest::default())?.settings;
/// let win = Instrument::preset("WIN").ok_or("WIN is a preset")?;
/// let policy = ThompsonSampling::new(RlConfig::new(settings.rl)?);
/// let engine = Builder::new(&settings, &win).policy(Box::new(policy)).engine()?;
/// assert_eq!(engine.open_trades().count(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Builder<'a> {
    settings: &'a Settings,
    instrument: &'a Instrument,
    gating: Gating,
    custody: ScalpCustody,
    brains: Option<Vec<Box<dyn Brain>>>,
    levels: Option<Levels>,
    policy: Option<Box<dyn Policy>>,
}

impl<'a> Builder<'a> {
    /// As the settings say.
    pub fn new(settings: &'a Settings, instrument: &'a Instrument) -> Self {
        let (gating, custody) = (Gating::AsConfigured, ScalpCustody::Broker);
        Self { settings, instrument, gating, custody, brains: None, levels: None, policy: None }
    }

    /// Whether the gate stands between signal and order.
    pub fn gating(self, gating: Gating) -> Self {
        Self { gating, ..self }
    }

    /// Who watches the extra's exits: the broker, unless the account is a netting one.
    pub fn custody(self, custody: ScalpCustody) -> Self {
        Self { custody, ..self }
    }

    /// These brains instead of those that the settings name. Levels of one's own have their own brains.
    pub fn brains(self, brains: Vec<Box<dyn Brain>>) -> Self {
        Self { brains: Some(brains), ..self }
    }

    /// These levels 1 to 4.
    pub fn levels(self, levels: Levels) -> Self {
        Self { levels: Some(levels), ..self }
    }

    /// This policy instead of Thompson sampling.
    pub fn policy(self, policy: Box<dyn Policy>) -> Self {
        Self { policy: Some(policy), ..self }
    }

    /// The engine alone, for a broker of one's own (see [`Wheel`](crate::wheel::Wheel)).
    ///
    /// # Errors
    /// The first setting that cannot be.
    pub fn engine(self) -> Result<Engine, SettingError> {
        let Self { settings, instrument, gating, .. } = self;
        let levels = match (self.levels, self.brains) {
            (Some(levels), _) => levels,
            (None, Some(brains)) => with_own(settings, instrument, levels(settings, instrument, brains)?)?,
            (None, None) => levels_of(settings, instrument)?,
        };
        let session = settings.session_rule(instrument)?;
        let desk = DeskConfig { instrument: instrument.clone(), session, levels };
        let policy = match self.policy {
            Some(policy) => policy,
            None => Box::new(ThompsonSampling::new(RlConfig::new(settings.rl)?)),
        };
        Engine::new(engine_config(settings, gating, self.custody)?, vec![desk], policy)
    }

    /// The engine, and a simulated exchange for it.
    ///
    /// # Errors
    /// The first setting that cannot be.
    pub fn build(self) -> Result<Built, SettingError> {
        let simulation = simulation(self.settings, self.instrument);
        let zone = TradingZone::new(&self.settings.zone)?;
        let exchange = SimExchange::in_zone(simulation, vec![self.instrument.clone()], zone)?;
        Ok(Built { engine: self.engine()?, exchange, fill: simulation.fill })
    }
}

/// Builds an engine for one instrument on a simulated exchange.
///
/// # Errors
/// The first setting that cannot be.
pub fn build(settings: &Settings, instrument: &Instrument, gating: Gating) -> Result<Built, SettingError> {
    Builder::new(settings, instrument).gating(gating).build()
}

/// Counts the figures of a run with these settings on one instrument, its costs told apart by the day's tariff.
///
/// # Errors
/// A trading zone that cannot be.
pub fn tally(settings: &Settings, instrument: &Instrument) -> Result<Tally, SettingError> {
    let zone = TradingZone::new(&settings.zone)?;
    let schedule = if settings.costs { &instrument.costs } else { &CostSchedule::NONE };
    Ok(Tally::of(instrument.clone(), CostTimeline::new(schedule, |day| zone.first_instant(day))))
}

/// What a store of this run has to know.
pub fn store_config(settings: &Settings, instrument: &Instrument, durability: Durability) -> StoreConfig {
    StoreConfig {
        durability,
        symbols: vec![instrument.name.clone()],
        capital: CapitalFacts {
            operator_capital: settings.capital.operator_capital,
            margin_per_contract: settings.capital.margin_per_contract,
            max_contracts_cap: settings.capital.max_contracts_cap,
        },
        policy: PolicyFacts {
            scope: settings.rl.scope,
            prior_alpha: settings.rl.prior_alpha,
            prior_beta: settings.rl.prior_beta,
        },
    }
}

/// What the simulated exchange is to be. Without `ACCOUNT_MODE` B3's instruments are netted and all others hedged.
pub(crate) fn simulation(settings: &Settings, instrument: &Instrument) -> SimSettings {
    let usual = if instrument.is_b3() { AccountMode::Netting } else { AccountMode::Hedging };
    SimSettings {
        mode: settings.account_mode.unwrap_or(usual),
        balance: settings.capital.operator_capital,
        fill: settings.fill,
        latency_ms: settings.latency_ms,
        partial_fill_max: settings.partial_fill_max.map(Contracts::new),
        reject_probability: settings.reject_probability,
        costs: (!settings.costs).then_some(Costs::NONE),
        seed: settings.sim_seed,
    }
}

fn engine_config(settings: &Settings, gating: Gating, custody: ScalpCustody) -> Result<EngineConfig, SettingError> {
    let (capital, gate) = match gating {
        Gating::AsConfigured => (settings.capital, settings.gate),
        Gating::Off => (
            CapitalSettings { releverage_enabled: false, ..settings.capital },
            GateSettings { policy_enabled: false, ..settings.gate },
        ),
    };
    Ok(EngineConfig {
        capital: CapitalConfig::new(capital)?,
        scalp: ScalpConfig::new(settings.scalp)?,
        risk: RiskConfig::new(settings.risk)?,
        gate: GateConfig::new(gate)?,
        rl: RlConfig::new(settings.rl)?,
        updater: UpdaterConfig::new(settings.updater)?,
        zone: TradingZone::new(&settings.zone)?,
        zone_exits: ZoneExitConfig::new(settings.zone_exits)?,
        on_opposite: settings.on_opposite,
        custody,
        signal_bar_seconds: settings.signal_bar_seconds,
        equity_max_age_seconds: settings.equity_max_age_seconds,
        record_every_bar: settings.record_every_bar,
    })
}

/// Levels 1 to 4 of an instrument as the settings say, what is of one's own among them.
///
/// # Errors
/// The first setting that cannot be.
pub fn levels_of(settings: &Settings, instrument: &Instrument) -> Result<Levels, SettingError> {
    with_own(settings, instrument, levels(settings, instrument, brains(settings, instrument)?)?)
}

/// Regime detector and liquidity map of one's own stand in the place of the built-in.
fn with_own(settings: &Settings, instrument: &Instrument, mut levels: Levels) -> Result<Levels, SettingError> {
    let grounds = grounds(settings, instrument)?;
    if let Some(regime) = settings.own.make_regime(&grounds)? {
        levels.regime = regime;
    }
    if let Some(liquidity) = settings.own.make_liquidity(&grounds)? {
        levels.liquidity = liquidity;
    }
    Ok(levels)
}

fn grounds<'a>(settings: &Settings, instrument: &'a Instrument) -> Result<Grounds<'a>, SettingError> {
    let session = settings.session_rule(instrument)?;
    Ok(Grounds { instrument, zone: TradingZone::new(&settings.zone)?, session })
}

/// The clock of an instrument's market, for levels that begin anew with the day or the week.
///
/// # Errors
/// A setting of the zone or the session that cannot be.
pub fn market_clock(settings: &Settings, instrument: &Instrument) -> Result<MarketClock, SettingError> {
    Ok(MarketClock::new(TradingZone::new(&settings.zone)?, settings.session_rule(instrument)?))
}

/// Levels 1 to 4 of an instrument as the settings say, with these brains.
///
/// # Errors
/// The first setting that cannot be.
pub fn levels(
    settings: &Settings,
    instrument: &Instrument,
    brains: Vec<Box<dyn Brain>>,
) -> Result<Levels, SettingError> {
    let boss = BossBrain::new(brains)?.with(BossConfig::new(settings.boss)?);
    let meta = MetaBrain::new(MetaConfig::new(settings.meta)?, boss.names());
    let liquidity: Box<dyn LiquidityMap> = match settings.liquidity_kind {
        LiquidityKind::SwingVolume => Box::new(SwingVolumeLevels::new(SwingVolumeConfig::new(settings.liquidity)?)),
        LiquidityKind::Zones => {
            let config = ZoneMapConfig::new(SwingVolumeConfig::new(settings.liquidity)?, settings.zones)?;
            Box::new(ZoneMap::new(config, market_clock(settings, instrument)?, instrument.tick))
        }
        LiquidityKind::RelativeVolume => Box::new(RelativeVolume::new(settings.liquidity.volume_bars)),
        LiquidityKind::None => Box::new(NoLiquidity),
    };
    let regime: Box<dyn RegimeDetector> = match settings.regime_kind {
        RegimeKind::AdxAtr => Box::new(AdxAtrDetector::new(AdxAtrConfig::new(settings.regime)?)),
        RegimeKind::MultiScale => {
            let config = MultiScaleConfig::new(settings.regime_scales.clone())?;
            Box::new(MultiScaleDetector::new(config, TradingZone::new(&settings.zone)?))
        }
    };
    Ok(Levels { boss, meta, regime, liquidity })
}

/// The brains that the settings name, for an instrument.
///
/// # Errors
/// A brain's setting that cannot be.
pub fn brains(settings: &Settings, instrument: &Instrument) -> Result<Vec<Box<dyn Brain>>, SettingError> {
    let (s, tick) = (settings, instrument.tick);
    let clock = market_clock(settings, instrument)?;
    let brain = |name: &String| -> Result<Box<dyn Brain>, SettingError> {
        Ok(match name.as_str() {
            "EMA_TREND" => Box::new(EmaTrend::new(EmaTrendConfig::new(s.ema_trend, tick)?)),
            "MOMENTUM" => Box::new(Momentum::new(MomentumConfig::new(s.momentum, tick)?)),
            "MEAN_REVERSION" => Box::new(MeanReversion::new(MeanReversionConfig::new(s.mean_reversion, tick)?)),
            "BREAKOUT" => Box::new(Breakout::new(BreakoutConfig::new(s.breakout, tick)?)),
            "OPENING_RANGE" => {
                let config = OpeningRangeConfig::new(s.opening_range.clone(), tick)?;
                Box::new(OpeningRange::new(config, clock.clone()))
            }
            "VWAP_PULLBACK" => {
                Box::new(VwapPullback::new(VwapPullbackConfig::new(s.vwap_pullback, tick)?, clock.clone()))
            }
            "SQUEEZE" => Box::new(Squeeze::new(SqueezeConfig::new(s.squeeze, tick)?)),
            "SMA_CROSS" => Box::new(SmaCross::new(SmaCrossConfig::new(s.sma_cross, tick)?)),
            _ => match settings.own.make_brain(name, &grounds(settings, instrument)?) {
                Some(own) => own?,
                None => return Err(SettingError::new("BRAINS", name, format!("known are {}", BRAINS.join(", ")))),
            },
        })
    };
    settings.brains.iter().map(brain).collect()
}
