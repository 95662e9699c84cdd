//! A run's figures, the gate beside Level 4.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use alavanca_kernel::{Action, Layer, Money, Regime};
use alavanca_report::{CostParts, Summary};
use comfy_table::Cell;

use super::regimes::time;
use super::{absent, bullet, count, decimals, figures, money, percent, short, signed, spoken, titled};
use crate::backtest_types::{BacktestReport, SourceFacts};

/// The report as a trader reads it; with `colour`, results are green or red.
pub fn backtest(report: &BacktestReport, colour: bool) -> String {
    let mut text = head(report);
    text.push_str(&results(report, colour));
    text.push_str(&decisions(&report.gate, colour));
    text.push_str(&extras(&report.gate, colour));
    text.push_str(&scalps(report, colour));
    text.push_str(&learning(&report.gate, colour));
    text.push_str(&time(&report.gate.regimes, &report.currency, colour));
    text.push_str(&by_name("Signals stopped before the gate", report, |summary| &summary.blocked, colour));
    text.push_str(&by_name("Ends of trades", report, |summary| &summary.exits, colour));
    text.push_str(&by_name("Risk limits reached", report, |summary| &summary.risk, colour));
    if !report.notes.is_empty() {
        text.push_str("\nNotes\n");
        for note in &report.notes {
            text.push_str(&bullet(note));
        }
    }
    text
}

fn head(report: &BacktestReport) -> String {
    let SourceFacts { name, synthetic, kind, first, last, clock, rows, faulty, gaps, sha256, .. } = &report.source;
    let made_up = if *synthetic { " (synthetic: no real market)" } else { "" };
    let mut text = format!("{} on {name}{made_up}\n", report.symbol);
    let unknown = || "unknown".to_owned();
    let span = (first.clone().unwrap_or_else(unknown), last.clone().unwrap_or_else(unknown));
    let _ = writeln!(text, "  rows      {} ({kind}), {} faulty, {} gaps", count(*rows), count(*faulty), count(*gaps));
    let _ = writeln!(text, "  span      {} to {}", span.0, span.1);
    if let Some(clock) = clock {
        let _ = writeln!(text, "  clock     {clock}");
    }
    let _ = writeln!(text, "  sha256    {}", short(sha256));
    let _ = writeln!(
        text,
        "  run       {} (settings {}, seed {})",
        short(&report.run_id),
        short(&report.settings),
        report.seed
    );
    if let Some(head) = &report.head {
        let _ = writeln!(text, "  head      {head}");
    }
    if report.counts.resumed_after > 0 {
        let _ = writeln!(text, "  resumed   after {} rows", count(report.counts.resumed_after));
    }
    text
}

fn results(report: &BacktestReport, colour: bool) -> String {
    let both: Vec<&Summary> = std::iter::once(&report.gate).chain(&report.level4).collect();
    let mut table = figures(&["", "gate", "Level 4"][..=both.len()]);
    let currency = &report.currency;
    let mut row = |label: String, cell: &dyn Fn(&Summary) -> Cell| {
        let mut cells = vec![Cell::new(label)];
        cells.extend(both.iter().map(|summary| cell(summary)));
        table.add_row(cells);
    };
    row(format!("Net result ({currency})"), &|s| signed(money(s.net), s.net.cents()));
    row(format!("Gross result ({currency})"), &|s| Cell::new(money(s.gross)));
    row(format!("Costs ({currency})"), &|s| Cell::new(money(s.costs)));
    type Part = fn(&CostParts) -> Money;
    let parts: [(&str, Part); 4] = [
        ("- exchange fees", |parts| parts.exchange_fees),
        ("- brokerage", |parts| parts.brokerage),
        ("- spread", |parts| parts.spread),
        ("- slippage", |parts| parts.slippage),
    ];
    for (label, part) in parts {
        let of = |summary: &Summary| summary.cost_parts.as_ref().map(part);
        if both.iter().any(|summary| of(summary).is_some_and(|amount| amount != Money::ZERO)) {
            row(label.to_owned(), &|s| Cell::new(of(s).map_or_else(absent, money)));
        }
    }
    row("Trades".into(), &|s| Cell::new(count(s.trades)));
    row("Won".into(), &|s| Cell::new(count(s.wins)));
    row("Win rate".into(), &|s| Cell::new(percent(s.win_rate)));
    row("Profit factor".into(), &|s| Cell::new(decimals(s.profit_factor, 2)));
    row(format!("Max drawdown ({currency})"), &|s| Cell::new(money(s.max_drawdown)));
    row("Sharpe per day".into(), &|s| Cell::new(decimals(s.sharpe_per_day, 3)));
    row("Trading days".into(), &|s| Cell::new(count(s.days)));
    row("Orders sent".into(), &|s| Cell::new(count(s.orders.sent)));
    row("Fills".into(), &|s| Cell::new(count(s.orders.fills)));
    row("Orders refused".into(), &|s| Cell::new(count(s.orders.rejected)));
    titled("Result", &mut table, colour)
}

fn decisions(gate: &Summary, colour: bool) -> String {
    let mut table = figures(&["", "HOLD", "ENTER", "ENTER_\nCONSERVATIVE", "ENTER_WITH_\nREALAVANCAGEM", "All"]);
    let mut row = |label: &str, by_action: &BTreeMap<&'static str, u64>| {
        let counts = Action::ALL.map(|action| by_action.get(action.as_str()).copied().unwrap_or(0));
        let mut cells = vec![label.to_owned()];
        cells.extend(counts.iter().map(|&n| if n == 0 { absent() } else { count(n) }));
        cells.push(count(counts.iter().sum()));
        table.add_row(cells);
    };
    for regime in Regime::ALL {
        if let Some(by_action) = gate.decisions_by_regime.get(regime.as_str()) {
            row(regime.as_str(), by_action);
        }
    }
    row("All", &gate.decisions_by_action);
    titled("Decisions of the gate, by regime", &mut table, colour)
}

/// The layers, and the reason that is given where one is the first to fail.
pub(super) const LAYERS: [(Layer, &str, &str); Layer::COUNT] = [
    (Layer::Enabled, "disabled", "1 enabled"),
    (Layer::RegimeNotForbidden, "regime_forbidden", "2 regime not forbidden"),
    (Layer::RegimeAllowed, "regime_not_allowed", "3 regime allowed"),
    (Layer::NoTransition, "transition_active", "4 no transition"),
    (Layer::Confidence, "confidence_below_minimum", "5 confidence"),
    (Layer::DailyProfit, "daily_profit_below_minimum", "6 profit of the day"),
    (Layer::Liquidity, "liquidity_below_minimum", "7 liquidity"),
    (Layer::Disagreement, "disagreement_above_maximum", "8 disagreement"),
];

fn extras(gate: &Summary, colour: bool) -> String {
    let extras = &gate.extras;
    let title = format!(
        "Extra contracts: granted {}, taken {}, refused {}",
        count(extras.granted),
        count(extras.taken),
        count(extras.refused)
    );
    let mut table = figures(&["Layer", "refused first", "failed"]);
    let of = |counts: &BTreeMap<&'static str, u64>, name: &str| counts.get(name).copied().unwrap_or(0);
    for (layer, reason, label) in LAYERS {
        let (first, failed) = (of(&extras.refused_by_reason, reason), of(&extras.failed_by_layer, layer.as_str()));
        table.add_row([label.to_owned(), count(first), count(failed)]);
    }
    for (reason, &n) in &extras.refused_by_reason {
        if LAYERS.iter().all(|(_, known, _)| known != reason) {
            table.add_row([format!("- {}", spoken(reason)), count(n), absent()]);
        }
    }
    titled(&title, &mut table, colour)
}

fn scalps(report: &BacktestReport, colour: bool) -> String {
    let scalps = &report.gate.scalps;
    let ended: u64 = scalps.ends.iter().filter(|(kind, _)| **kind != "PROTECTED").map(|(_, n)| n).sum();
    let mut table = figures(&["Scalps", ""]);
    let ends: Vec<String> = scalps.ends.iter().map(|(kind, n)| format!("{kind} {}", count(*n))).collect();
    table.add_row(["Opened".to_owned(), count(scalps.opened)]);
    table.add_row(["Ended".to_owned(), count(ended)]);
    table.add_row(["Win rate".to_owned(), percent(scalps.win_rate)]);
    table.add_row(["Mean time held (s)".to_owned(), decimals(scalps.mean_hold_seconds, 1)]);
    let net = signed(money(scalps.net), scalps.net.cents());
    table.add_row([Cell::new(format!("Net result ({})", report.currency)), net]);
    table.add_row(["Not to be resolved by a bar".to_owned(), count(scalps.unresolved)]);
    let mut text = titled("", &mut table, colour);
    text.insert(0, '\n');
    if !ends.is_empty() {
        let _ = writeln!(text, " {}", ends.join(", "));
    }
    text
}

fn learning(gate: &Summary, colour: bool) -> String {
    let learning = &gate.learning;
    let mut table = figures(&["Learning", ""]);
    for (label, n) in [
        ("Trades learned from", learning.learned),
        ("Not learned from: regime frozen", learning.skipped_frozen),
        ("Not learned from: in transition", learning.skipped_transition),
        ("Batches", learning.batches),
        ("Snapshots", learning.snapshots),
        ("Freezes", learning.freezes),
        ("Thaws", learning.thaws),
        ("Rollbacks", learning.rollbacks),
    ] {
        table.add_row([label.to_owned(), count(n)]);
    }
    table.add_row(["Mean reward".to_owned(), decimals(learning.mean_reward, 3)]);
    let text = titled("", &mut table, colour);
    format!("\n{text}")
}

/// Counts by name, both engines beside each other; nothing where there are none.
fn by_name(
    title: &str,
    report: &BacktestReport,
    counts: impl Fn(&Summary) -> &BTreeMap<&'static str, u64>,
    colour: bool,
) -> String {
    let both: Vec<_> = std::iter::once(&report.gate).chain(&report.level4).map(counts).collect();
    let names: BTreeSet<&str> = both.iter().flat_map(|counts| counts.keys().copied()).collect();
    if names.is_empty() {
        return String::new();
    }
    let mut table = figures(&[title, "gate", "Level 4"][..=both.len()]);
    for name in names {
        let mut cells = vec![spoken(name)];
        cells.extend(both.iter().map(|counts| counts.get(name).map_or_else(absent, |&n| count(n))));
        table.add_row(cells);
    }
    let text = titled("", &mut table, colour);
    format!("\n{text}")
}
