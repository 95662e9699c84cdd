//! A recorded day beside what is stored of it.

use std::fmt::Write as _;

use comfy_table::{Cell, Color};
use serde_json::Value;

use super::{count, figures, money, short, signed, titled};
use crate::replay::{Difference, Replayed, Shadow};

/// The parity, the first difference in full, and the fills beside the simulated exchange's.
pub fn replayed(replayed: &Replayed, colour: bool) -> String {
    let mut text = head(replayed);
    text.push_str(&parity(replayed, colour));
    match &replayed.first_difference {
        None => text.push_str("\nIDENTICAL: everything that is stored was decided again, and nothing else.\n"),
        Some(first) => text.push_str(&difference(first)),
    }
    text.push_str(&shadow(&replayed.shadow, colour));
    text
}

fn head(replayed: &Replayed) -> String {
    let mut text = format!("{}  {}\n", replayed.file, replayed.symbols.join(", "));
    let _ = writeln!(
        text,
        "{} events, {} {}, settings {}, recorded by {}",
        count(replayed.events),
        replayed.starts,
        if replayed.starts == 1 { "start" } else { "starts" },
        short(&replayed.fingerprint),
        replayed.recorded_by,
    );
    if let Some(first) = replayed.goes_on_from.first() {
        let _ = writeln!(text, "goes on from {first}, which was run before it");
    }
    if replayed.recorded_by != replayed.replayed_by {
        let _ = writeln!(text, "run again by {}: another release may decide otherwise", replayed.replayed_by);
    }
    for (number, what) in [
        (replayed.came_to_nothing, "events after the last commit before a kill came to nothing"),
        (replayed.not_stored, "events at the end are not in the database (yet): their steps are left out"),
        (replayed.torn_bytes, "bytes at the end were left half written by a kill"),
    ] {
        if number > 0 {
            let _ = writeln!(text, "{} {what}", count(number));
        }
    }
    text
}

fn parity(replayed: &Replayed, colour: bool) -> String {
    let mut rows = figures(&["", "again", "stored", "the same", ""]);
    for row in &replayed.parity {
        let is_same = row.replayed == row.same && row.stored == row.same;
        let word = match (is_same, row.same) {
            (true, 0) => Cell::new("none"),
            (true, _) => Cell::new("identical").fg(Color::Green),
            (false, _) => Cell::new("DIFFERENT").fg(Color::Red),
        };
        rows.add_row(vec![
            Cell::new(row.kind.to_string()),
            Cell::new(count(row.replayed as u64)),
            Cell::new(count(row.stored as u64)),
            Cell::new(count(row.same as u64)),
            word,
        ]);
    }
    titled("What was decided", &mut rows, colour)
}

fn difference(first: &Difference) -> String {
    let mut text = format!("\nDIFFERENT: number {} of the {}", first.place, first.kind);
    if let Some(at) = first.at {
        let _ = write!(text, ", at {at}");
    }
    text.push('\n');
    for (field, again, stored) in &first.fields {
        let _ = writeln!(text, "  {field}: again {again}, stored {stored}");
    }
    for (name, record) in [("again", &first.replayed), ("stored", &first.stored)] {
        let _ = match record {
            Some(record) => writeln!(text, "{name}:\n{}", indented(record)),
            None => writeln!(text, "{name}: nothing"),
        };
    }
    text
}

fn indented(record: &Value) -> String {
    let text = serde_json::to_string_pretty(record).unwrap_or_else(|error| error.to_string());
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

fn shadow(shadow: &Shadow, colour: bool) -> String {
    let mut rows = figures(&["", "came", "shadow", "both", "mean worse", "worst", "cost"]);
    let points = |points: Option<f64>| points.map_or_else(|| "-".to_owned(), |points| format!("{points:+.2}"));
    for row in &shadow.rows {
        rows.add_row(vec![
            Cell::new(row.what),
            Cell::new(count(row.came as u64)),
            Cell::new(count(row.shadow as u64)),
            Cell::new(count(row.both as u64)),
            Cell::new(points(row.mean_points)),
            Cell::new(points(row.worst_points)),
            signed(money(row.cost), -row.cost.cents()),
        ]);
    }
    let mut text = titled("Fills beside the simulated exchange's, in points", &mut rows, colour);
    text.push_str(
        "Both: filled on both sides. Worse: paid more, or got less, than the simulation; below zero better.\n",
    );
    text
}
