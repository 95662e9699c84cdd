//! Runs beside each other.

use std::fmt::Write as _;

use alavanca_kernel::Money;
use comfy_table::{Cell, Color, ColumnConstraint};

use super::{absent, bullet, count, decimals, figures, money, percent, short, signed, table, titled, wrapped};
use crate::compare::{Against, Comparison, Difference, Figure, MOST_RUNS, NoInterval, RunSide, SameData, Unit};

/// The comparison as a trader reads it; with `colour`, what the data tell apart stands out.
pub fn comparison(comparison: &Comparison, colour: bool) -> String {
    let mut text = String::new();
    for (run, letter) in comparison.runs.iter().zip(LETTERS) {
        head(&mut text, run, letter);
    }
    match comparison.data {
        SameData::Same => text.push_str("All ran on the same data.\n"),
        SameData::Different => text.push_str(&wrapped(
            "ATTENTION  ",
            "They did NOT run on the same data. What follows is a difference of data as well, and says nothing about \
             the settings alone.",
        )),
        SameData::Unknown => text.push_str(&wrapped(
            "ATTENTION  ",
            "It is not noted of every run what it ran on. What follows may be a difference of data.",
        )),
    }
    text.push_str(&settings(comparison, colour));
    text.push_str(&all_figures(comparison, colour));
    for (against, letter) in comparison.against_first.iter().zip(&LETTERS[1..]) {
        text.push_str(&differences(against, letter, colour));
    }
    text
}

/// What runs are called in the tables.
const LETTERS: [&str; MOST_RUNS] = ["A", "B", "C", "D"];

fn head(text: &mut String, run: &RunSide, letter: &str) {
    let id = run.run_id.as_deref().map_or("not noted", short);
    let _ = writeln!(text, "{letter}  {}", run.label);
    let _ = writeln!(text, "   run {id}, {} in {} trading days", run.symbols.join(", "), count(run.days as u64));
    let _ = match &run.data {
        Some(data) => {
            let rows = data.rows.map_or_else(String::new, |rows| format!(", {} rows", count(rows)));
            writeln!(text, "   on {}{rows}, sha256 {}", data.name, short(&data.sha256))
        }
        None => writeln!(text, "   on data that were not noted"),
    };
}

fn letters(comparison: &Comparison, first: &'static str) -> Vec<&'static str> {
    std::iter::once(first).chain(LETTERS).take(comparison.runs.len() + 1).collect()
}

fn settings(comparison: &Comparison, colour: bool) -> String {
    if !comparison.settings_known {
        return "\nThe settings are not noted of every run.\n".to_owned();
    }
    if comparison.settings.is_empty() {
        return "\nAll settings are the same.\n".to_owned();
    }
    let mut rows = table(&letters(comparison, "Settings that differ"));
    for column in rows.column_iter_mut().skip(1) {
        column.set_delimiter(',');
    }
    if let Some(names) = rows.column_mut(0) {
        names.set_constraint(ColumnConstraint::ContentWidth);
    }
    for row in &comparison.settings {
        let values = row.values.iter().map(|value| value.clone().unwrap_or_else(absent));
        rows.add_row(std::iter::once(row.key.clone()).chain(values));
    }
    format!("\n{}", titled("", &mut rows, colour))
}

fn all_figures(comparison: &Comparison, colour: bool) -> String {
    let currency = currency(comparison);
    let mut rows = figures(&letters(comparison, "Figures"));
    for row in &comparison.figures {
        let cells = row.values.iter().map(|value| {
            let text = value.map_or_else(absent, |value| shown(row.unit, value));
            match (row.figure, value) {
                (Figure::Net, Some(value)) => signed(text, cents(*value)),
                _ => Cell::new(text),
            }
        });
        rows.add_row(std::iter::once(Cell::new(label(row.figure, row.unit, &currency))).chain(cells));
    }
    format!("\n{}", titled("", &mut rows, colour))
}

fn differences(against: &Against, letter: &str, colour: bool) -> String {
    let title = format!("{letter} less A");
    let mut rows = figures(&[&title, "difference", "from", "to", ""]);
    // Counts that are the same say nothing here.
    for row in against.differences.iter().filter(|row| row.interval.is_some() || row.difference != Some(0.0)) {
        let figure = |value: Option<f64>| match (value, row.unit) {
            (Some(value), Unit::Share) => format!("{:.1} pp", value * 100.0),
            (Some(value), unit) => shown(unit, value),
            (None, _) => absent(),
        };
        let told = if row.is_told_apart() { Cell::new("not 0").fg(Color::Yellow) } else { Cell::new("") };
        rows.add_row([
            Cell::new(label(row.figure, row.unit, "")),
            Cell::new(plus(figure(row.difference), row.difference)),
            Cell::new(figure(row.interval.map(|interval| interval.low))),
            Cell::new(figure(row.interval.map(|interval| interval.high))),
            told,
        ]);
    }
    let mut text = format!("\n{}", titled("", &mut rows, colour));
    text.push_str(&conclusion(against, letter));
    text
}

fn conclusion(against: &Against, letter: &str) -> String {
    let Some(method) = &against.method else {
        return bullet(
            "No interval can be given: there are too few trading days (at least 10 are needed) to see how days differ.",
        );
    };
    let of = |which: fn(&Difference) -> bool| against.differences.iter().any(which);
    let net = against.differences.iter().find(|difference| difference.figure == Figure::Net);
    let mut text = match net.and_then(|net| Some((net, net.interval?))) {
        Some((net, interval)) if interval.low == 0.0 && interval.high == 0.0 && net.difference == Some(0.0) => {
            bullet("The net results are the same on every day.")
        }
        Some((net, _)) if net.is_told_apart() => {
            let made = if net.difference.unwrap_or_default() > 0.0 { "more" } else { "less" };
            bullet(&format!("{letter} made {made} than A, and the interval of the difference leaves 0 out."))
        }
        Some(_) => bullet(&format!(
            "The interval of the net result's difference holds 0: these days do not tell {letter} and A apart."
        )),
        None => String::new(),
    };
    let days = if method.paired {
        format!("{} trading days, the same drawn of both", count(method.days[0] as u64))
    } else {
        format!(
            "{} and {} trading days, drawn of each on its own (unpaired, and so wider)",
            count(method.days[0] as u64),
            count(method.days[1] as u64)
        )
    };
    text.push_str(&bullet(&format!(
        "From ... to: where the difference lies with {:.0} %, by {} resamples of {days}, in blocks of {:.0} neighbouring \
         days on average, seed {}.",
        method.level * 100.0,
        count(method.resamples as u64),
        method.mean_block[0],
        method.seed
    )));
    if of(|difference| difference.no_interval == Some(NoInterval::Undefined) && difference.difference.is_some()) {
        text.push_str(&bullet(
            "Some figure has no interval: it cannot be said of every resample (a profit factor without a loss).",
        ));
    }
    text
}

/// The runs' currency; nothing where they differ.
fn currency(comparison: &Comparison) -> String {
    let mut all = comparison.runs.iter().map(|run| run.currency.as_str());
    let first = all.next().unwrap_or_default();
    if all.all(|other| other == first) { first.to_owned() } else { String::new() }
}

fn label(figure: Figure, unit: Unit, currency: &str) -> String {
    let name = match figure {
        Figure::Net => "Net result",
        Figure::Gross => "Gross result",
        Figure::Costs => "Costs",
        Figure::Trades => "Trades",
        Figure::WinRate => "Win rate",
        Figure::ProfitFactor => "Profit factor",
        Figure::SharpePerDay => "Sharpe per day",
        Figure::MaxDrawdown => "Max drawdown",
        Figure::Decisions => "Decisions",
        Figure::Hold => "HOLD",
        Figure::Blocked => "Stopped before the gate",
        Figure::ExtrasTaken => "Extras taken",
        Figure::ScalpNet => "Net of scalps",
        Figure::ScalpWinRate => "Win rate of scalps",
        Figure::Learned => "Trades learned from",
        Figure::Freezes => "Freezes",
        Figure::Rollbacks => "Rollbacks",
    };
    if unit == Unit::Money && !currency.is_empty() { format!("{name} ({currency})") } else { name.to_owned() }
}

fn shown(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Money => money(Money::from_cents(cents(value))),
        Unit::Count => {
            let rounded = value.round();
            format!("{}{}", if rounded < 0.0 { "-" } else { "" }, count(rounded.abs() as u64))
        }
        Unit::Share => percent(Some(value)),
        Unit::Number => decimals(Some(value), 3),
    }
}

fn plus(text: String, value: Option<f64>) -> String {
    if value.is_some_and(|value| value > 0.0) { format!("+{text}") } else { text }
}

fn cents(value: f64) -> i64 {
    (value * 100.0).round() as i64
}
