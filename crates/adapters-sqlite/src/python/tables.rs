//! The six tables of the specification as the Python version keeps them, and what a row of each has to be.

use alavanca_kernel::{Action, Regime};
use chrono::{DateTime, NaiveDate, NaiveDateTime};

use super::value::Value;

/// What a cell has to be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rule {
    /// An instant as Python's `isoformat` writes it, with a zone or without.
    Time,
    /// A date.
    Day,
    /// A text that is not empty.
    Name,
    /// BUY or SELL.
    Side,
    /// An event of a scalp.
    ScalpEvent,
    Regime,
    Action,
    /// A whole number, not below zero.
    Count,
    /// 0 or 1.
    Flag,
    /// A number that is not infinite.
    Finite,
    /// A number above zero.
    Positive,
    /// A number from 0 to 1.
    Share,
    /// JSON.
    Json,
    /// Any text.
    Text,
}

use Rule::{
    Action as AnAction, Count, Day, Finite, Flag, Json, Name, Positive, Regime as ARegime, ScalpEvent, Share, Side,
    Text, Time,
};

/// A column: its name, its type as the specification declares it, its rule, and whether it may be empty.
#[derive(Debug)]
pub(super) struct Column {
    pub name: &'static str,
    pub declared: &'static str,
    pub rule: Rule,
    pub may_be_null: bool,
}

/// A table.
#[derive(Debug)]
pub(super) struct Table {
    pub name: &'static str,
    pub columns: &'static [Column],
    /// What its cells have to be together.
    pub together: fn(&[Value]) -> Result<(), String>,
}

const fn must(name: &'static str, declared: &'static str, rule: Rule) -> Column {
    Column { name, declared, rule, may_be_null: false }
}

const fn may(name: &'static str, declared: &'static str, rule: Rule) -> Column {
    Column { name, declared, rule, may_be_null: true }
}

/// The policy, whose rows are all taken or none.
pub(super) static POLICY: Table = Table {
    name: "rl_policy",
    columns: &[
        must("regime", "TEXT", ARegime),
        must("state_hash", "TEXT", Name),
        must("action", "TEXT", AnAction),
        must("alpha", "REAL", Positive),
        must("beta", "REAL", Positive),
        must("count", "INTEGER", Count),
        must("total_reward", "REAL", Finite),
        may("mean_value", "REAL", Share),
        may("updated_at", "TEXT", Time),
    ],
    together: |_| Ok(()),
};

/// What happened; each row is taken for itself.
pub(super) static HISTORY: [Table; 5] = [
    Table {
        name: "capital_state",
        columns: &[
            must("time", "TEXT", Time),
            must("symbol", "TEXT", Name),
            must("operator_capital_brl", "REAL", Finite),
            must("margin_per_contract_brl", "REAL", Positive),
            must("max_contracts_cap", "INTEGER", Count),
            must("base_contracts", "INTEGER", Count),
            must("extra_contracts", "INTEGER", Count),
            must("final_contracts", "INTEGER", Count),
            may("reason", "TEXT", Text),
            may("detail_json", "TEXT", Text),
        ],
        together: |cells| {
            let number = |place: usize| cells[place].integer().unwrap_or_default();
            let (base, extra, all) = (number(5), number(6), number(7));
            if base.checked_add(extra) == Some(all) {
                return Ok(());
            }
            Err(format!("final_contracts is {all}, and {base} base and {extra} extra are not (semantics 9)"))
        },
    },
    Table {
        name: "scalp_events",
        columns: &[
            must("time", "TEXT", Time),
            must("symbol", "TEXT", Name),
            must("event_type", "TEXT", ScalpEvent),
            must("side", "TEXT", Side),
            must("entry_price", "REAL", Positive),
            may("exit_price", "REAL", Finite),
            must("extra_contracts", "INTEGER", Count),
            may("pnl", "REAL", Finite),
            may("hold_time_seconds", "INTEGER", Count),
            may("reason", "TEXT", Text),
            may("detail_json", "TEXT", Text),
        ],
        together: |cells| {
            let opened = cells[2].text() == Some("OPENED");
            if opened || (cells[5].number().is_some_and(|price| price > 0.0) && cells[7] != Value::Null) {
                return Ok(());
            }
            Err("a scalp that ended has an exit_price and a pnl".to_owned())
        },
    },
    Table {
        name: "rl_events",
        columns: &[
            must("time", "TEXT", Time),
            may("symbol", "TEXT", Name),
            must("regime", "TEXT", ARegime),
            must("state_hash", "TEXT", Name),
            must("action", "TEXT", AnAction),
            may("reward", "REAL", Share),
            may("reason", "TEXT", Text),
            may("frozen", "INTEGER", Flag),
            may("detail_json", "TEXT", Text),
        ],
        together: |_| Ok(()),
    },
    Table {
        name: "policy_snapshots",
        columns: &[
            must("snapshot_id", "TEXT", Name),
            must("regime", "TEXT", ARegime),
            must("time", "TEXT", Time),
            must("policy_data", "TEXT", Json),
            may("metrics_json", "TEXT", Text),
            may("note", "TEXT", Text),
        ],
        together: |_| Ok(()),
    },
    Table {
        name: "rl_report_log",
        columns: &[
            must("report_date", "TEXT", Day),
            may("symbol", "TEXT", Name),
            must("total_rl_events", "INTEGER", Count),
            may("actions_enter_count", "INTEGER", Count),
            may("actions_hold_count", "INTEGER", Count),
            may("actions_conservative_count", "INTEGER", Count),
            may("actions_realavancagem_count", "INTEGER", Count),
            may("blocked_by_rl_count", "INTEGER", Count),
            may("avg_reward", "REAL", Share),
            may("regimes_frozen_count", "INTEGER", Count),
            may("total_realavancagem_triggered", "INTEGER", Count),
            may("realavancagem_success_rate", "REAL", Share),
            may("total_scalps", "INTEGER", Count),
            may("scalp_winrate", "REAL", Share),
            may("scalp_total_pnl", "REAL", Finite),
            may("performance_trend", "REAL", Finite),
            may("detail_json", "TEXT", Text),
        ],
        together: |_| Ok(()),
    },
];

impl Table {
    /// What is wrong with a row, the first of it; its cells are in the order of the columns.
    pub(super) fn judge(&self, cells: &[Value]) -> Result<(), String> {
        for (column, cell) in self.columns.iter().zip(cells) {
            if *cell == Value::Null && column.may_be_null {
                continue;
            }
            column
                .rule
                .judge(cell)
                .map_err(|expected| format!("{} is {}, expected is {expected}", column.name, cell.shown()))?;
        }
        (self.together)(cells)
    }

    /// The place of a column.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

impl Rule {
    /// Whether the cell is so; if not, what was expected.
    fn judge(self, cell: &Value) -> Result<(), String> {
        let text = cell.text();
        let finite = cell.number().filter(|number| number.is_finite());
        let known = |known: &[&str]| text.is_some_and(|text| known.contains(&text));
        let (holds, expected) = match self {
            Time => (text.is_some_and(|text| moment(text).is_some()), "a time such as 2026-03-11T14:30:00".to_owned()),
            Day => (text.is_some_and(is_day), "a date such as 2026-03-11".to_owned()),
            Name => (text.is_some_and(|text| !text.trim().is_empty()), "a name".to_owned()),
            Side => (known(&SIDES), SIDES.join(" or ")),
            ScalpEvent => (known(&SCALP_EVENTS), format!("one of {}", SCALP_EVENTS.join(", "))),
            ARegime => (
                text.is_some_and(|text| text.parse::<Regime>().is_ok()),
                format!("one of {}", Regime::ALL.map(Regime::as_str).join(", ")),
            ),
            AnAction => (
                text.is_some_and(|text| text.parse::<Action>().is_ok()),
                format!("one of {}", Action::ALL.map(Action::as_str).join(", ")),
            ),
            Count => {
                let count = cell.integer().is_some_and(|number| u32::try_from(number).is_ok());
                (count, "a whole number from 0 on".to_owned())
            }
            Flag => (cell.integer().is_some_and(|flag| flag == 0 || flag == 1), "0 or 1".to_owned()),
            Finite => (finite.is_some(), "a finite number".to_owned()),
            Positive => (finite.is_some_and(|number| number > 0.0), "a finite number above 0".to_owned()),
            Share => (finite.is_some_and(|share| (0.0..=1.0).contains(&share)), "a number from 0 to 1".to_owned()),
            Json => {
                let read = |text| serde_json::from_str::<serde_json::Value>(text).is_ok();
                (text.is_some_and(read), "JSON".to_owned())
            }
            Text => (text.is_some(), "a text".to_owned()),
        };
        if holds { Ok(()) } else { Err(expected) }
    }
}

const SIDES: [&str; 2] = ["BUY", "SELL"];
const SCALP_EVENTS: [&str; 7] = ["OPENED", "TP_HIT", "SL_HIT", "TIMEOUT", "FORCED", "HANDED_OVER", "PROTECTED"];

/// When something was, as Python wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PythonTime {
    /// Microseconds since 1970: in UTC, or by the clock on the wall.
    pub micros: i64,
    /// Whether it was written with a zone, and so is an instant.
    pub is_instant: bool,
}

/// Python's `isoformat`, with a T or a blank, fractions or none, a zone or none.
pub(super) fn moment(text: &str) -> Option<PythonTime> {
    let text = text.replacen(' ', "T", 1);
    if let Ok(at) = DateTime::parse_from_rfc3339(&text) {
        return Some(PythonTime { micros: at.timestamp_micros(), is_instant: true });
    }
    let naive = NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f").ok()?;
    Some(PythonTime { micros: naive.and_utc().timestamp_micros(), is_instant: false })
}

fn is_day(text: &str) -> bool {
    text.len() == 10 && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_that_python_writes() {
        let second = 1_615_469_400_000_000;
        let time = |micros, is_instant| Some(PythonTime { micros, is_instant });
        for (text, expected) in [
            ("2021-03-11T13:30:00", time(second, false)),
            ("2021-03-11 13:30:00", time(second, false)),
            ("2021-03-11T13:30:00.250000", time(second + 250_000, false)),
            ("2021-03-11T13:30:00+00:00", time(second, true)),
            ("2021-03-11T10:30:00.000250-03:00", time(second + 250, true)),
            ("2021-03-11T13:30:00Z", time(second, true)),
            ("2021-02-30T13:30:00", None),
            ("2021-03-11", None),
            ("11/03/2021 13:30", None),
            ("", None),
        ] {
            assert_eq!(moment(text), expected, "{text}");
        }
    }

    #[test]
    fn each_rule_lets_through_what_it_says() {
        let text = |text: &str| Value::Text(text.to_owned());
        let (int, real) = (Value::Integer, Value::Real);
        for (rule, good, bad) in [
            (Name, vec![text("WIN")], vec![text(""), text(" "), int(1), Value::Null]),
            (Count, vec![int(0), int(4_294_967_295)], vec![int(-1), real(1.0), text("1"), int(4_294_967_296)]),
            (Flag, vec![int(0), int(1)], vec![int(2), int(-1), text("True"), real(1.0)]),
            (Finite, vec![int(-3), real(-0.5)], vec![real(f64::INFINITY), real(f64::NAN), text("1"), Value::Null]),
            (Positive, vec![real(1e-9), int(1)], vec![real(0.0), int(-1)]),
            (Share, vec![real(0.0), real(1.0), int(1)], vec![real(-1e-9), real(1.0 + 1e-9), real(f64::NAN)]),
            (ARegime, vec![text("TREND_UP")], vec![text("trend_up"), text("TRANSITION"), Value::Null]),
            (AnAction, vec![text("ENTER_WITH_REALAVANCAGEM")], vec![text("BUY")]),
            (Side, vec![text("BUY"), text("SELL")], vec![text("buy"), int(1)]),
            (ScalpEvent, vec![text("TIMEOUT")], vec![text("CLOSED")]),
            (Json, vec![text("{}"), text("[1]")], vec![text("{"), text("NaN"), Value::Blob(vec![0xFF])]),
            (Day, vec![text("2026-03-11")], vec![text("2026-3-11"), text("2026-02-30")]),
            (Text, vec![text("")], vec![Value::Blob(vec![0xFF])]),
        ] {
            for cell in good {
                assert_eq!(rule.judge(&cell), Ok(()), "{rule:?} {cell:?}");
            }
            for cell in bad {
                assert!(rule.judge(&cell).is_err(), "{rule:?} {cell:?}");
            }
        }
    }
}
