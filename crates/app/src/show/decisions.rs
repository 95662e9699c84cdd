//! Lists of decisions and of stopped signals.

use std::fmt::Write as _;

use alavanca_kernel::{Action, Money};

use super::{absent, count, money, spoken, wrapped};
use crate::questions::{BlockedSignals, DecisionLine, Decisions};

/// Decisions, a line each, under their trading day.
pub fn decisions(list: &Decisions) -> String {
    let mut text = String::new();
    let several = list.symbols.len() > 1;
    if !list.decisions.is_empty() {
        let _ = writeln!(
            text,
            "{:>6}  {:<8}  {:<4} {:<10} {:<13} {:>5} {:<15} {:>10}",
            "id", "time", "side", "regime", "action", "size", "no extra for", "net"
        );
    }
    let mut day = "";
    for of in &list.decisions {
        if of.day != day {
            day = &of.day;
            let _ = writeln!(text, "{day}");
        }
        let time = of.local.get(11..).unwrap_or(&of.local);
        let size = match (of.base, of.extra) {
            (0, 0) => absent(),
            (base, 0) => base.to_string(),
            (base, extra) => format!("{base}+{extra}"),
        };
        let _ = write!(
            text,
            "{:>6}  {time:<8}  {:<4} {:<10} {:<13} {size:>5} {:<15} {:>10}",
            of.decision,
            of.side.as_str(),
            of.regime.as_str(),
            short_action(of.action),
            reason(of),
            of.net.map_or_else(absent, |net| money(Money::from_cents((net * 100.0).round() as i64))),
        );
        if several {
            let _ = write!(text, "  {}", of.symbol);
        }
        text.push('\n');
    }
    let shown = list.decisions.len();
    let sentence = match (list.found, list.of) {
        (0, 0) => "No decision in these days.".to_owned(),
        (0, of) => format!("None of {} decisions fits the question.", count(of as u64)),
        (found, of) if found == of && found == shown => format!("{} decisions", count(of as u64)),
        (found, of) if found == of => format!("the last {} of {} decisions", count(shown as u64), count(of as u64)),
        (found, of) if found == shown => {
            format!("{} of {} decisions fit the question", count(found as u64), count(of as u64))
        }
        (found, of) => format!(
            "the last {} of {} that fit the question, out of {} decisions",
            count(shown as u64),
            count(found as u64),
            count(of as u64)
        ),
    };
    text.push_str(&wrapped("", &format!("{sentence}; times of {}.", list.zone).replace(".;", ";")));
    text
}

/// Stopped signals, a line each, under their trading day.
pub fn blocked(list: &BlockedSignals) -> String {
    let mut text = String::new();
    let mut day = "";
    for of in &list.signals {
        if of.day != day {
            day = &of.day;
            let _ = writeln!(text, "{day}");
        }
        let time = of.local.get(11..).unwrap_or(&of.local);
        let symbol = if list.symbols.len() > 1 { format!("{} ", of.symbol) } else { String::new() };
        let lead = format!("  {time:<8}  {symbol}{:<4} {:<10} ", of.side.as_str(), of.regime.as_str());
        text.push_str(&wrapped(&lead, &of.why));
    }
    let causes: Vec<String> =
        list.by_cause.iter().map(|(cause, n)| format!("{} {}", spoken(cause), count(*n))).collect();
    let shown = list.signals.len();
    let sentence = match list.found {
        0 => "No signal was stopped before the gate.".to_owned(),
        found if found == shown => {
            format!("{} signals stopped before the gate: {}.", count(found as u64), causes.join(", "))
        }
        found => format!(
            "the last {} of {} signals stopped before the gate: {}.",
            count(shown as u64),
            count(found as u64),
            causes.join(", ")
        ),
    };
    text.push_str(&wrapped("", &format!("{sentence} Times of {}.", list.zone)));
    text
}

/// An action's name, short enough for a column and still the only one of that name.
pub(super) fn short_action(action: Action) -> &'static str {
    match action {
        Action::EnterConservative => "CONSERVATIVE",
        Action::EnterWithReleverage => "REALAVANCAGEM",
        other => other.as_str(),
    }
}

/// What stood in the extra's way, as short as the layers' names.
fn reason(of: &DecisionLine) -> String {
    match of.failed.first() {
        _ if of.granted => "granted".to_owned(),
        Some(layer) => {
            format!("{} {}", layer.index() + 1, layer.as_str().trim_start_matches("regime_").replace('_', " "))
        }
        None => spoken(&of.reason).chars().take(15).collect(),
    }
}
