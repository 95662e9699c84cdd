//! Runs to compare, from where they are.

use alavanca_adapters_sqlite::Selection;
use serde::Deserialize;

use super::{ComparedData, ComparedRun, DayBook};
use crate::backtest_types::{BacktestReport, SourceFacts};
use crate::settings::Settings;
use crate::stored_run::{AskError, StoredRun};

impl ComparedRun {
    /// A run that is stored.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn stored(run: &StoredRun) -> Result<Self, AskError> {
        let (mut tally, mut days) = (run.notes().tally(), DayBook::default());
        run.each_record(&Selection::default(), &mut |record| {
            tally.observe(record);
            days.observe(record);
        })?;
        let notes = run.notes();
        Ok(Self {
            label: notes.path.clone(),
            run_id: notes.run_id.clone(),
            symbols: notes.symbols.clone(),
            currency: notes.currency(),
            data: run.meta().get("data_facts").and_then(|text| noted_data(text)),
            settings: notes.settings.as_ref().map(|settings| settings.entries().collect()),
            summary: tally.summary(),
            days,
        })
    }
}

impl ComparedRun {
    /// A run that was just made, under this name.
    pub fn made(label: &str, report: &BacktestReport, settings: &Settings) -> Self {
        Self {
            label: label.to_owned(),
            run_id: Some(report.run_id.clone()),
            symbols: vec![report.symbol.clone()],
            currency: report.currency.clone(),
            data: Some(ComparedData::from(&report.source)),
            settings: Some(settings.entries().collect()),
            summary: report.gate.clone(),
            days: report.days.clone(),
        }
    }
}

impl From<&SourceFacts> for ComparedData {
    fn from(facts: &SourceFacts) -> Self {
        Self {
            name: facts.name.clone(),
            sha256: facts.sha256.clone(),
            clock: facts.clock.clone(),
            rows: Some(facts.rows),
        }
    }
}

/// What was noted of the data, as far as it is compared.
fn noted_data(text: &str) -> Option<ComparedData> {
    #[derive(Deserialize)]
    struct Noted {
        name: String,
        sha256: String,
        clock: Option<String>,
        rows: Option<u64>,
    }
    let Noted { name, sha256, clock, rows } = serde_json::from_str(text).ok()?;
    Some(ComparedData { name, sha256, clock, rows })
}
