//! What was decided again beside what is stored.

use std::fmt;

use alavanca_adapters_sqlite::{RunReader, Selection};
use alavanca_engine::Record;
use alavanca_kernel::Timestamp;
use alavanca_ports::StoreError;
use serde::Serialize;
use serde_json::Value;

use super::rerun::Run;

/// So much later than it happened may a report be told.
const LATE_SECONDS: i64 = 3_600;

/// A kind of record that has to be the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The gate's answers.
    Decisions,
    /// Signals that were stopped before the gate.
    Blocked,
    /// Orders as they were wanted.
    Orders,
    /// Orders that ended without all of their fill.
    OrderEnds,
    /// Fills as they were booked.
    Fills,
    /// What happened to scalps.
    Scalps,
    /// Trades that ended.
    Trades,
    /// What the policy heard.
    Learned,
    /// Changes of the risk state.
    RiskChanges,
    /// Changes of the regime.
    Regimes,
}

/// One kind of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Parity {
    /// Which.
    pub kind: Kind,
    /// How many the engine recorded again.
    pub replayed: usize,
    /// How many the database has.
    pub stored: usize,
    /// How many are the same, in the same place.
    pub same: usize,
}

/// The first record that is not the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Its kind.
    pub kind: Kind,
    /// Its place among those of the day, from 1.
    pub place: usize,
    /// When it happened.
    pub at: Option<Timestamp>,
    /// The record as it was decided again; nothing where it was not.
    pub replayed: Option<Value>,
    /// The record as it is stored; nothing where it is not.
    pub stored: Option<Value>,
    /// Where they differ: the field, what was decided again, what is stored.
    pub fields: Vec<(String, Value, Value)>,
}

impl Kind {
    const ALL: [Self; 10] = [
        Self::Decisions,
        Self::Blocked,
        Self::Orders,
        Self::OrderEnds,
        Self::Fills,
        Self::Scalps,
        Self::Trades,
        Self::Learned,
        Self::RiskChanges,
        Self::Regimes,
    ];

    fn of(record: &Record) -> Option<Self> {
        Some(match record {
            Record::Decision(_) => Self::Decisions,
            Record::Blocked(_) => Self::Blocked,
            Record::Order(_) => Self::Orders,
            Record::OrderEnded(_) => Self::OrderEnds,
            Record::Fill(_) => Self::Fills,
            Record::Scalp(_) => Self::Scalps,
            Record::Trade(_) => Self::Trades,
            Record::Learned(_) => Self::Learned,
            Record::Risk(_) => Self::RiskChanges,
            Record::Regime(_) => Self::Regimes,
            _ => return None,
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Decisions => "decisions",
            Self::Blocked => "stopped signals",
            Self::Orders => "orders",
            Self::OrderEnds => "orders that ended unfilled",
            Self::Fills => "fills",
            Self::Scalps => "scalps' events",
            Self::Trades => "trades",
            Self::Learned => "what the policy heard",
            Self::RiskChanges => "changes of the risk state",
            Self::Regimes => "changes of the regime",
        })
    }
}

/// Each kind, and the earliest difference of all.
pub(super) async fn compare(reader: &RunReader, run: &Run) -> Result<(Vec<Parity>, Option<Difference>), StoreError> {
    let (mut all, mut first) = (Vec::new(), None::<Difference>);
    for kind in Kind::ALL {
        let replayed: Vec<&Record> = run.records.iter().filter(|record| Kind::of(record) == Some(kind)).collect();
        let stored = stored(reader, run, kind, &replayed).await?;
        let pairs = || replayed.iter().copied().zip(&stored);
        let same = pairs().filter(|(again, stored)| again == stored).count();
        all.push(Parity { kind, replayed: replayed.len(), stored: stored.len(), same });
        let place = match pairs().position(|(again, stored)| again != stored) {
            None if replayed.len() == stored.len() => continue,
            place => place.unwrap_or(replayed.len().min(stored.len())),
        };
        let (again, stored) = (replayed.get(place).copied(), stored.get(place));
        let at = again.or(stored).and_then(at);
        if first.as_ref().is_none_or(|first| at < first.at) {
            first = Some(difference(kind, place + 1, at, again, stored));
        }
    }
    Ok((all, first))
}

/// The day's rows. A report may be told after the step whose time is later, and rows of the very instant at which the
/// day begins or ends may be of before or after it: there the first and the last record that came again decide.
async fn stored(reader: &RunReader, run: &Run, kind: Kind, replayed: &[&Record]) -> Result<Vec<Record>, StoreError> {
    let since = run.base.now.map(|now| now.plus_secs(-LATE_SECONDS));
    let selection = Selection { since, until: Some(run.until.plus_micros(1)), ..Selection::default() };
    let mut rows: Vec<Record> = match kind {
        Kind::Decisions => boxed(reader.decisions(&selection).await?, Record::Decision),
        Kind::Blocked => boxed(reader.blocked(&selection).await?, Record::Blocked),
        Kind::Orders => reader.orders(&selection).await?.into_iter().map(Record::Order).collect(),
        Kind::OrderEnds => reader.order_ends(&selection).await?.into_iter().map(Record::OrderEnded).collect(),
        Kind::Fills => reader.fills(&selection).await?.into_iter().map(Record::Fill).collect(),
        Kind::Scalps => reader.scalps(&selection).await?.into_iter().map(Record::Scalp).collect(),
        Kind::Trades => boxed(reader.trades(&selection).await?, Record::Trade),
        Kind::Learned => boxed(reader.learned(&selection).await?, Record::Learned),
        Kind::RiskChanges => reader.risk_changes(&selection).await?.into_iter().map(Record::Risk).collect(),
        Kind::Regimes => reader.regimes(&selection).await?.into_iter().map(Record::Regime).collect(),
    };
    if run.goes_on {
        let before_the_end = rows.iter().filter(|row| at(row) < Some(run.until)).count();
        let last = replayed.last().and_then(|last| rows.iter().rposition(|row| row == *last));
        rows.truncate(last.map_or(before_the_end, |last| before_the_end.max(last + 1)));
    }
    if let Some(now) = run.base.now {
        let of_before = match kind {
            Kind::Decisions | Kind::Orders => rows.iter().take_while(|row| is_before(row, run)).count(),
            _ => {
                let by_time = rows.iter().take_while(|row| at(row) <= Some(now)).count();
                let first = replayed.first().and_then(|first| rows.iter().position(|row| row == *first));
                first.map_or(by_time, |first| by_time.min(first))
            }
        };
        rows.drain(..of_before);
    }
    Ok(rows)
}

/// Decisions and orders are numbered.
fn is_before(record: &Record, run: &Run) -> bool {
    match record {
        Record::Decision(decision) => decision.id.get() <= run.base.decisions,
        Record::Order(order) => order.id.get() <= run.base.orders,
        _ => false,
    }
}

fn boxed<T>(rows: Vec<T>, record: fn(Box<T>) -> Record) -> Vec<Record> {
    rows.into_iter().map(|row| record(Box::new(row))).collect()
}

fn at(record: &Record) -> Option<Timestamp> {
    Some(match record {
        Record::Decision(decision) => decision.context.at,
        Record::Blocked(blocked) => blocked.context.at,
        Record::Order(order) => order.at,
        Record::OrderEnded(end) => end.at,
        Record::Fill(fill) => fill.at,
        Record::Scalp(scalp) => scalp.at,
        Record::Trade(trade) => trade.outcome.closed_at,
        Record::Learned(learned) => learned.at,
        Record::Risk(change) => change.at,
        Record::Regime(regime) => regime.at,
        _ => return None,
    })
}

fn difference(
    kind: Kind,
    place: usize,
    at: Option<Timestamp>,
    again: Option<&Record>,
    stored: Option<&Record>,
) -> Difference {
    let value = |record: &Record| match serde_json::to_value(record) {
        // The kind is said already.
        Ok(Value::Object(fields)) => fields.into_iter().next().map_or(Value::Null, |(_, value)| value),
        Ok(value) => value,
        Err(error) => Value::String(error.to_string()),
    };
    let (replayed, stored) = (again.map(value), stored.map(value));
    let mut fields = Vec::new();
    if let (Some(replayed), Some(stored)) = (&replayed, &stored) {
        differing("", replayed, stored, &mut fields);
    }
    Difference { kind, place, at, replayed, stored, fields }
}

/// The leaves that are not the same.
fn differing(path: &str, replayed: &Value, stored: &Value, fields: &mut Vec<(String, Value, Value)>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match (replayed, stored) {
        (Value::Object(one), Value::Object(other)) => {
            let names: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for name in names {
                let of = |fields: &serde_json::Map<String, Value>| fields.get(name).cloned().unwrap_or(Value::Null);
                differing(&below(name), &of(one), &of(other), fields);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                differing(&below(&index.to_string()), one, other, fields);
            }
        }
        _ if replayed != stored => fields.push((path.to_owned(), replayed.clone(), stored.clone())),
        _ => {}
    }
}
