//! From checked settings to an engine on a simulated exchange.

use alavanca_adapters_sim::{FillAt, SimExchange, SimSettings};
use alavanca_calendar::{Session, SessionRule, TradingZone};
use alavanca_capital::{CapitalConfig, CapitalSettings};
use alavanca_engine::{DeskConfig, Engine, EngineConfig, Levels, ScalpCustody};
use alavanca_gate::{GateConfig, GateSettings};
use alavanca_kernel::{AccountMode, Contracts, Costs, Instrument, SettingError};
use alavanca_liquidity::{LiquidityMap, NoLiquidity, RelativeVolume, SwingVolumeConfig, SwingVolumeLevels};
use alavanca_regime::{AdxAtrConfig, AdxAtrDetector};
use alavanca_risk::RiskConfig;
use alavanca_rl::{RlConfig, ThompsonSampling};
use alavanca_scalp::ScalpConfig;
use alavanca_signals::{
    BossBrain, Brain, EmaTrend, EmaTrendConfig, MeanReversion, MeanReversionConfig, MetaBrain, MetaConfig, SmaCross,
    SmaCrossConfig,
};
use alavanca_updater::UpdaterConfig;

use crate::settings::{BRAINS, LiquidityKind, Settings};

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

/// Builds an engine for one instrument on a simulated exchange.
///
/// # Errors
/// The first setting that cannot be.
pub fn build(settings: &Settings, instrument: &Instrument, gating: Gating) -> Result<Built, SettingError> {
    build_with(settings, instrument, gating, brains(settings, instrument)?)
}

/// Builds it with brains of one's own.
///
/// # Errors
/// The first setting that cannot be.
pub fn build_with(
    settings: &Settings,
    instrument: &Instrument,
    gating: Gating,
    brains: Vec<Box<dyn Brain>>,
) -> Result<Built, SettingError> {
    build_on(settings, instrument, gating, levels(settings, brains)?)
}

/// Builds it on levels 1 to 4 of one's own.
///
/// # Errors
/// The first setting that cannot be.
pub fn build_on(
    settings: &Settings,
    instrument: &Instrument,
    gating: Gating,
    levels: Levels,
) -> Result<Built, SettingError> {
    let desk = DeskConfig {
        instrument: instrument.clone(),
        session: SessionRule::new(Session::by_name(&instrument.session)?, &settings.session)?,
        levels,
    };
    let rl = RlConfig::new(settings.rl)?;
    let engine = Engine::new(engine_config(settings, gating)?, vec![desk], Box::new(ThompsonSampling::new(rl)))?;
    let simulation = simulation(settings, instrument);
    let exchange = SimExchange::new(simulation, vec![instrument.clone()])?;
    Ok(Built { engine, exchange, fill: simulation.fill })
}

/// What the simulated exchange is to be. Without `ACCOUNT_MODE` B3's instruments are netted and all others hedged.
fn simulation(settings: &Settings, instrument: &Instrument) -> SimSettings {
    let usual = if instrument.session == "B3" { AccountMode::Netting } else { AccountMode::Hedging };
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

fn engine_config(settings: &Settings, gating: Gating) -> Result<EngineConfig, SettingError> {
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
        on_opposite: settings.on_opposite,
        custody: ScalpCustody::Broker,
        signal_bar_seconds: settings.signal_bar_seconds,
        equity_max_age_seconds: settings.equity_max_age_seconds,
        record_every_bar: settings.record_every_bar,
    })
}

/// Levels 1 to 4 as the settings say, with these brains.
///
/// # Errors
/// The first setting that cannot be.
pub fn levels(settings: &Settings, brains: Vec<Box<dyn Brain>>) -> Result<Levels, SettingError> {
    let boss = BossBrain::new(brains)?;
    let meta = MetaBrain::new(MetaConfig::new(settings.meta)?, boss.names());
    let liquidity: Box<dyn LiquidityMap> = match settings.liquidity_kind {
        LiquidityKind::SwingVolume => Box::new(SwingVolumeLevels::new(SwingVolumeConfig::new(settings.liquidity)?)),
        LiquidityKind::RelativeVolume => Box::new(RelativeVolume::new(settings.liquidity.volume_bars)),
        LiquidityKind::None => Box::new(NoLiquidity),
    };
    let regime = Box::new(AdxAtrDetector::new(AdxAtrConfig::new(settings.regime)?));
    Ok(Levels { boss, meta, regime, liquidity })
}

/// The brains that the settings name, for an instrument.
///
/// # Errors
/// A brain's setting that cannot be.
pub fn brains(settings: &Settings, instrument: &Instrument) -> Result<Vec<Box<dyn Brain>>, SettingError> {
    settings
        .brains
        .iter()
        .map(|name| -> Result<Box<dyn Brain>, SettingError> {
            let tick = instrument.tick;
            Ok(match name.as_str() {
                "EMA_TREND" => Box::new(EmaTrend::new(EmaTrendConfig::new(settings.ema_trend, tick)?)),
                "MEAN_REVERSION" => {
                    Box::new(MeanReversion::new(MeanReversionConfig::new(settings.mean_reversion, tick)?))
                }
                "SMA_CROSS" => Box::new(SmaCross::new(SmaCrossConfig::new(settings.sma_cross, tick)?)),
                _ => return Err(SettingError::new("BRAINS", name, format!("known are {}", BRAINS.join(", ")))),
            })
        })
        .collect()
}
