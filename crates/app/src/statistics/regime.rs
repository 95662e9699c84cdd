//! Regimes: time in each, what each turns into, and what was traded in them.

use alavanca_adapters_sqlite::Selection;
use alavanca_kernel::Regime;
use alavanca_report::{RegimesSummary, Tally};
use serde::Serialize;

use crate::stored_run::{AskError, StoredRun};

/// Figures of regimes, from their changes as they were recorded.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RegimeStats {
    /// Currency of all amounts.
    pub currency: String,
    /// What told them apart; absent where the settings were not noted.
    pub detector: Option<String>,
    /// The regime at the end of what is stored, of each instrument.
    pub last: Vec<LastRegime>,
    /// Time, dwell, ways out, trades.
    #[serde(flatten)]
    pub summary: RegimesSummary,
}

/// One instrument's regime at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastRegime {
    /// The instrument.
    pub symbol: String,
    /// Its regime.
    pub regime: Regime,
    /// Whether it is in transition.
    pub transition: bool,
    /// Since when.
    pub since: String,
}

/// Reads the figures.
///
/// # Errors
/// [`AskError`].
pub fn regime(run: &StoredRun, symbol: Option<&str>) -> Result<RegimeStats, AskError> {
    let selection = Selection { symbol: run.symbol(symbol)?, ..Selection::default() };
    let mut tally = Tally::default();
    let mut last: Vec<Option<LastRegime>> = vec![None; run.notes().symbols.len()];
    run.each_record(&selection, &mut |record| {
        tally.observe(record);
        if let alavanca_engine::Record::Regime(change) = record
            && let Some(place) = last.get_mut(change.symbol.index())
        {
            let begins = place.as_ref().filter(|_| !change.is_change()).map(|last| last.since.clone());
            *place = Some(LastRegime {
                symbol: run.notes().symbol_name(change.symbol).to_owned(),
                regime: change.to,
                transition: change.transition,
                since: begins.unwrap_or_else(|| run.notes().local_text(change.at)),
            });
        }
    })?;
    Ok(RegimeStats {
        currency: run.notes().currency(),
        detector: run.notes().settings.as_ref().and_then(|settings| settings.shown("REGIME_DETECTOR")),
        last: last.into_iter().flatten().collect(),
        summary: tally.summary().regimes,
    })
}
