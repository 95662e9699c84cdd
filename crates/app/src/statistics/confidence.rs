//! Whether confidence keeps what it promises, and how each brain stands.

use alavanca_adapters_sqlite::Selection;
use alavanca_engine::DeskCheckpoint;
use alavanca_kernel::{Regime, SymbolId};
use alavanca_report::{Reliability, ReliabilityTable};
use alavanca_signals::{CalibrationMethod, MetaBrain, MetaCheckpointError, MetaConfig, MetaSettings, WeightBy};
use serde::Serialize;

use crate::stored_run::{AskError, StoredRun};

/// Figures of confidence.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConfidenceStats {
    /// `META_CALIBRATION`; absent where the settings are unknown.
    pub calibration: Option<CalibrationMethod>,
    /// `META_WEIGHTS`; absent where the settings are unknown.
    pub weights: Option<WeightBy>,
    /// `REALAVANCAGEM_MIN_GLOBAL_CONF`: what layer 5 asks for; absent where the settings are unknown.
    pub asked: Option<f64>,
    /// What was claimed and what came.
    #[serde(flatten)]
    pub reliability: ReliabilityTable,
    /// How each brain stands at the run's end: over all regimes first, then in each in which it has trades.
    pub brains: Vec<BrainStanding>,
}

/// How a brain stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BrainStanding {
    /// The instrument.
    pub symbol: String,
    /// The brain.
    pub brain: String,
    /// In this regime; absent for all.
    pub regime: Option<Regime>,
    /// Trades it stood with, as far as they still count.
    pub trades: f64,
    /// Share of them won; absent without any.
    pub won: Option<f64>,
    /// What they won over what they lost, in units of the planned risk; absent where nothing was lost.
    pub profit_factor: Option<f64>,
    /// Its win rate, shrunk towards its wider record.
    pub win_rate: f64,
    /// Its weight in votes and disagreement, at an hour of which nothing of its own is known.
    pub weight: f64,
}

/// Reads the figures.
///
/// # Errors
/// [`AskError`].
pub fn confidence(run: &StoredRun, symbol: Option<&str>) -> Result<ConfidenceStats, AskError> {
    let symbol = run.symbol(symbol)?;
    let mut reliability = Reliability::default();
    let selection = Selection { symbol, ..Selection::default() };
    run.each_record(&selection, &mut |record| reliability.observe(record))?;
    let notes = run.notes();
    let meta = notes.settings.as_ref().map(|settings| settings.meta);
    let restored = run.ask(|reader| async move { reader.restored().await })?;
    let desks = restored.map_or_else(Vec::new, |restored| restored.checkpoint.desks);
    let asked = symbol.map(SymbolId::index);
    let desks: Vec<_> =
        desks.into_iter().enumerate().filter(|(place, _)| asked.is_none_or(|asked| asked == *place)).collect();
    let brains = standings(meta.unwrap_or_default(), desks.iter().map(|(_, desk)| desk))
        .map_err(|error| AskError::Usage(format!("{}: {error}", notes.path)))?;
    Ok(ConfidenceStats {
        calibration: meta.map(|meta| meta.calibration),
        weights: meta.map(|meta| meta.weights),
        asked: notes.settings.as_ref().map(|settings| settings.capital.min_confidence),
        reliability: reliability.table(),
        brains,
    })
}

/// How the brains of these desks stand.
///
/// # Errors
/// Experience that cannot be read.
pub fn standings<'a>(
    settings: MetaSettings,
    desks: impl IntoIterator<Item = &'a DeskCheckpoint>,
) -> Result<Vec<BrainStanding>, MetaCheckpointError> {
    // Stored settings were checked when the run began; of others the defaults tell the same records.
    let config = MetaConfig::new(settings).unwrap_or_default();
    let mut standings = Vec::new();
    for desk in desks {
        let meta = MetaBrain::stored(config, &desk.meta)?;
        for (place, brain) in meta.names().iter().enumerate() {
            let regimes = std::iter::once(None).chain(Regime::ALL.map(Some));
            standings.extend(regimes.filter_map(|regime| {
                let of = meta.standing(place, regime)?;
                let trades = of.record.trades();
                (regime.is_none() || trades > 0.0).then(|| BrainStanding {
                    symbol: desk.symbol.clone(),
                    brain: brain.clone(),
                    regime,
                    trades,
                    won: of.record.win_rate().map(f64::from),
                    profit_factor: of.record.profit_factor(),
                    win_rate: of.win_rate,
                    weight: of.weight,
                })
            }));
        }
    }
    Ok(standings)
}
