//! What people read: tables for a terminal of 80 columns, as text. Nothing here prints.

mod backtest;
mod calendar;
mod compare;
mod confidence;
mod database;
mod decisions;
mod doctor;
mod explain;
mod export;
mod file;
pub mod live;
mod lookahead;
mod page;
mod policy;
mod python_import;
mod regimes;
mod replay;
mod settings;
mod statistics;
mod walkforward;

use std::fmt::Write as _;

use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, LineStyle, Table, TableStyle};

pub use backtest::backtest;
pub use calendar::market_calendar;
pub use compare::comparison;
pub use confidence::confidence_stats;
pub use database::{db_backed_up, db_checked, db_migrated, db_vacuumed};
pub use decisions::{blocked, decisions};
pub use doctor::{diagnosis, trial};
pub use explain::explanation;
pub use export::columns;
pub use file::{inspection, resampled};
pub use lookahead::lookahead;
pub use page::{page, reported};
pub use policy::{policy, policy_changed, policy_diff, policy_snapshots, policy_verified};
pub use python_import::python_import;
pub use regimes::regime_stats;
pub use replay::replayed;
pub use settings::origins;
pub use statistics::{capital_stats, policy_stats, scalp_stats, updater_stats};
pub use walkforward::walkforward;

/// Columns of a terminal that everything fits into.
const WIDTH: u16 = 80;
/// A line below the header and nothing else.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// A table with these column headers; the first column is text, the others are figures.
fn figures(header: &[&str]) -> Table {
    let mut table = table(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
    table.set_header(header);
    table
}

/// The table's lines without the blanks at their ends, and a title above.
fn titled(title: &str, table: &mut Table, colour: bool) -> String {
    if colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    let mut text = if title.is_empty() { String::new() } else { format!("\n{title}\n") };
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A figure that is good above zero and bad below.
fn signed(text: String, sign: i64) -> Cell {
    let cell = Cell::new(text);
    match sign.signum() {
        1 => cell.fg(Color::Green),
        -1 => cell.fg(Color::Red),
        _ => cell,
    }
}

/// `1,234.50`.
fn money(amount: alavanca_kernel::Money) -> String {
    let text = amount.to_string();
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    let (whole, cents) = digits.split_once('.').unwrap_or((digits, "00"));
    format!("{sign}{}.{cents}", grouped(whole))
}

/// `14,400`.
fn count(number: u64) -> String {
    grouped(&number.to_string())
}

fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share as `45.6 %`.
fn percent(share: Option<f64>) -> String {
    share.map_or_else(absent, |share| format!("{:.1} %", share * 100.0))
}

fn decimals(value: Option<f64>, places: usize) -> String {
    value.map_or_else(absent, |value| format!("{value:.places$}"))
}

/// What cannot be said is no zero.
fn absent() -> String {
    "-".to_owned()
}

/// `daily_profit` → `daily profit`; the specification's names in capitals stay as they are.
fn spoken(name: &str) -> String {
    if name.bytes().any(|b| b.is_ascii_lowercase()) { name.replace('_', " ") } else { name.to_owned() }
}

/// The first digits of a hash: enough to tell two apart by eye.
fn short(hash: &str) -> &str {
    hash.get(..16).unwrap_or(hash)
}

/// A sentence within the width, as one of a list.
fn bullet(sentence: &str) -> String {
    wrapped("  - ", sentence)
}

/// A sentence within the width, further lines as far in as the first.
fn wrapped(lead: &str, sentence: &str) -> String {
    let mut text = String::new();
    let mut line = lead.to_owned();
    let inset = " ".repeat(lead.chars().count());
    let mut is_empty = true;
    for word in sentence.split_whitespace() {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > usize::from(WIDTH) {
            let _ = writeln!(text, "{line}");
            line.clone_from(&inset);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    let _ = writeln!(text, "{}", line.trim_end());
    text
}

#[cfg(test)]
mod tests;
