//! Runs beside each other: what they are, what differs in what was asked of them, and how sure the difference of
//! their results is.
//!
//! Where the data are the same the runs are paired by trading day: a day that was good for both says nothing about
//! their difference. Days are drawn in blocks of neighbours (stationary bootstrap); the seed is fixed, so that the
//! same databases give the same intervals.

mod days;
mod figure;
mod read;
mod resample;

use std::collections::{BTreeMap, BTreeSet};

use alavanca_report::Summary;
use serde::Serialize;

pub use days::{DayBook, DayResult};
pub use figure::{Figure, Unit};
pub use resample::{Interval, Method, NoInterval};

/// So many runs can be held beside each other: as a terminal has columns for.
pub const MOST_RUNS: usize = 4;

/// A run as it is compared.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedRun {
    /// What it is called here: its file, or its profile.
    pub label: String,
    /// Its identity, where it was noted.
    pub run_id: Option<String>,
    /// Its instruments.
    pub symbols: Vec<String>,
    /// Currency of its amounts.
    pub currency: String,
    /// What it ran on, where it was noted.
    pub data: Option<ComparedData>,
    /// Its settings in their canonical spelling, where they were noted.
    pub settings: Option<BTreeMap<String, String>>,
    /// Its figures.
    pub summary: Summary,
    /// Its days.
    pub days: DayBook,
}

/// What a run ran on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComparedData {
    /// The file, or the name of the synthetic market.
    pub name: String,
    /// SHA-256 of the file, or of the settings of the synthetic market.
    pub sha256: String,
    /// The clock that the stamps were read by.
    pub clock: Option<String>,
    /// Rows in all.
    pub rows: Option<u64>,
}

/// Whether runs ran on the same data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SameData {
    /// The same rows of the same instruments, by the same clock.
    Same,
    /// Not the same: a difference of results is one of data as well.
    Different,
    /// At least one run did not note what it ran on. Taken as different.
    Unknown,
}

/// Runs beside each other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// In the order asked for; the others are held against the first.
    pub runs: Vec<RunSide>,
    /// Whether all ran on the same data.
    pub data: SameData,
    /// Whether the settings of all are known.
    pub settings_known: bool,
    /// Settings that are not the same in all, in the order of their names.
    pub settings: Vec<SettingRow>,
    /// The figures of each.
    pub figures: Vec<FigureRow>,
    /// Each run but the first, held against the first.
    pub against_first: Vec<Against>,
}

/// Which run it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunSide {
    /// What it is called here.
    pub label: String,
    /// Its identity.
    pub run_id: Option<String>,
    /// Its instruments.
    pub symbols: Vec<String>,
    /// Currency of its amounts.
    pub currency: String,
    /// What it ran on.
    pub data: Option<ComparedData>,
    /// Trading days with results.
    pub days: usize,
}

/// A setting that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SettingRow {
    /// Its key.
    pub key: String,
    /// Its value in each run; absent where the run has none.
    pub values: Vec<Option<String>>,
}

/// One figure of every run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FigureRow {
    /// Which.
    pub figure: Figure,
    /// What it counts.
    pub unit: Unit,
    /// Its value in each run; absent where it cannot be said.
    pub values: Vec<Option<f64>>,
}

/// One run less the first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Against {
    /// The run.
    pub run: String,
    /// The first.
    pub first: String,
    /// How the intervals were made; absent where there are none.
    pub method: Option<Method>,
    /// The differences.
    pub differences: Vec<Difference>,
}

/// One figure's difference.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Which.
    pub figure: Figure,
    /// What it counts.
    pub unit: Unit,
    /// The run's less the first's; absent where one of them cannot be said.
    pub difference: Option<f64>,
    /// Where the difference lies, by resampling days.
    pub interval: Option<Interval>,
    /// Why there is no interval.
    pub no_interval: Option<NoInterval>,
}

impl Difference {
    /// Whether the interval leaves zero out: the data tell the two apart.
    pub fn is_told_apart(&self) -> bool {
        self.interval.is_some_and(|interval| interval.low > 0.0 || interval.high < 0.0)
    }
}

/// Holds runs against the first of them.
pub fn compare(runs: &[ComparedRun]) -> Comparison {
    let data = same_data(runs);
    let first = runs.first();
    let others = runs.iter().skip(1);
    let against = |first: &ComparedRun, run: &ComparedRun| {
        let resampled = resample::resample(&first.days, &run.days, same_data([first, run]));
        let differences = Figure::ALL.into_iter().map(|figure| {
            let difference = figure.difference(&first.summary, &run.summary);
            let interval = match difference {
                Some(_) => resampled.interval(figure),
                None => Err(NoInterval::Undefined),
            };
            Difference { figure, unit: figure.unit(), difference, interval: interval.ok(), no_interval: interval.err() }
        });
        Against {
            run: run.label.clone(),
            first: first.label.clone(),
            method: resampled.method(),
            differences: differences.collect(),
        }
    };
    Comparison {
        data,
        settings_known: runs.iter().all(|run| run.settings.is_some()),
        settings: differing_settings(runs),
        figures: Figure::ALL
            .into_iter()
            .map(|figure| FigureRow {
                figure,
                unit: figure.unit(),
                values: runs.iter().map(|run| figure.of(&run.summary)).collect(),
            })
            .collect(),
        against_first: first.map_or_else(Vec::new, |first| others.map(|run| against(first, run)).collect()),
        runs: runs.iter().map(side).collect(),
    }
}

fn side(run: &ComparedRun) -> RunSide {
    RunSide {
        label: run.label.clone(),
        run_id: run.run_id.clone(),
        symbols: run.symbols.clone(),
        currency: run.currency.clone(),
        data: run.data.clone(),
        days: run.days.len(),
    }
}

/// The same file read by another clock has other days; the same rows of another instrument have other values.
fn same_data<'a>(runs: impl IntoIterator<Item = &'a ComparedRun>) -> SameData {
    let identity = |run: &ComparedRun| {
        let data = run.data.as_ref()?;
        Some((data.sha256.clone(), data.clock.clone(), run.symbols.clone()))
    };
    let mut identities = runs.into_iter().map(identity);
    let Some(first) = identities.next().flatten() else { return SameData::Unknown };
    let mut same = SameData::Same;
    for other in identities {
        match other {
            None => return SameData::Unknown,
            Some(other) if other != first => same = SameData::Different,
            Some(_) => {}
        }
    }
    same
}

fn differing_settings(runs: &[ComparedRun]) -> Vec<SettingRow> {
    let known: Vec<_> = runs.iter().filter_map(|run| run.settings.as_ref()).collect();
    if known.len() < runs.len() {
        return Vec::new();
    }
    let keys: BTreeSet<&String> = known.iter().flat_map(|settings| settings.keys()).collect();
    keys.into_iter()
        .map(|key| SettingRow {
            key: key.clone(),
            values: known.iter().map(|settings| settings.get(key).cloned()).collect(),
        })
        .filter(|row| row.values.iter().any(|value| *value != row.values[0]))
        .collect()
}

#[cfg(test)]
mod tests;
