//! What looks ahead, and what does not.

use std::fmt::Write as _;

use comfy_table::{Cell, CellAlignment, Color};

use super::{bullet, count, table, titled, wrapped};
use crate::lookahead::{CheckKind, Checked, Findings};

/// A line for each brain, detector and map, and what was found in full.
pub fn lookahead(checked: &Checked, colour: bool) -> String {
    let ticks = if checked.ticks == 0 {
        String::new()
    } else {
        format!(" gathered from {} ticks", count(checked.ticks as u64))
    };
    let bars = count(checked.bars as u64);
    let mut text = wrapped("", &format!("{} on {}: {bars} bars{ticks}", checked.symbol, checked.source.name));
    let mut rows = table(&["", "prefix", "future", "repeat", "reset", "warm-up", "sound", "spoke"]);
    if let Some(column) = rows.column_mut(7) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for of in &checked.findings {
        let verdict = |passed| if passed { Cell::new("held") } else { Cell::new("FAILED").fg(Color::Red) };
        let mut row = vec![Cell::new(&of.name)];
        row.extend(of.checks.iter().map(|check| verdict(check.passed)));
        row.push(Cell::new(count(of.spoke as u64)));
        rows.add_row(row);
    }
    text.push_str(&titled("Look-ahead", &mut rows, colour));
    for of in &checked.findings {
        text.push_str(&found(of));
    }
    let silent: Vec<&str> = checked.findings.iter().filter(|of| of.spoke == 0).map(|of| of.name.as_str()).collect();
    text.push('\n');
    if !silent.is_empty() {
        let silent = format!("{} never said anything on this market: try another, or more bars.", silent.join(", "));
        text.push_str(&wrapped("", &silent));
    }
    let failed = |warmup: bool| {
        let mut checks = checked.findings.iter().flat_map(|of| &of.checks);
        checks.any(|check| !check.passed && (check.check == CheckKind::Warmup) == warmup)
    };
    text.push_str(match (failed(false), failed(true)) {
        (true, _) => "Not to be trusted in a backtest.\n",
        (false, true) => "Nothing looks ahead; a warm-up is too short, which matters after a restart.\n",
        (false, false) => "Nothing was found.\n",
    });
    text
}

fn found(of: &Findings) -> String {
    let mut text = String::new();
    for check in of.checks.iter().filter(|check| !check.passed) {
        let _ = writeln!(text, "\n{} {}, {}", of.kind, of.name, check.check.as_str());
        text.push_str(&wrapped("  ", &format!("{}.", check.note)));
        if let Some(first) = &check.first {
            text.push_str(&wrapped("  ", &format!("First at bar {} ({}):", count(first.bar as u64), first.at)));
            text.push_str(&bullet(&format!("said:     {}", first.got)));
            text.push_str(&bullet(&format!("expected: {}", first.expected)));
        }
    }
    text
}
