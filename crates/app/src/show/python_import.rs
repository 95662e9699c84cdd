//! What of a Python version's database is taken over.

use std::fmt::Write as _;

use comfy_table::Cell;

use super::{count, decimals, figures, table, titled};
use crate::python_import::PythonImportReport;

/// The tables, what is refused and why, and what the policy would be.
pub fn python_import(report: &PythonImportReport, colour: bool) -> String {
    let staged = &report.staged;
    let mut text = String::new();
    let mut tables = figures(&["Table", "Rows", "Taken", "Refused"]);
    for found in &staged.tables {
        let rows = if found.found { count(found.rows) } else { "not there".to_owned() };
        tables.add_row([found.name.to_owned(), rows, count(found.taken), count(found.refused)]);
    }
    text.push_str(&titled(&format!("{} → {}", report.file.display(), report.db.display()), &mut tables, colour));
    if !staged.refused.is_empty() {
        let mut refused = table(&["Table", "Row", "Why it is refused"]);
        for row in &staged.refused {
            refused.add_row([Cell::new(row.table), Cell::new(row.rowid), Cell::new(&row.why)]);
        }
        let all: u64 = staged.tables.iter().map(|table| table.refused).sum();
        let shown = staged.refused.len() as u64;
        let title = if shown < all { format!("Refused, the first {shown} of {all}") } else { "Refused".to_owned() };
        text.push_str(&titled(&title, &mut refused, colour));
    }
    if !staged.policy.is_empty() {
        let mut policy = figures(&["Regime", "Arms", "Rewards", "Mean reward"]);
        for regime in &staged.policy {
            let mean = decimals(Some(regime.mean_reward), 3);
            policy.add_row([regime.regime.to_string(), regime.arms.to_string(), count(regime.rewards), mean]);
        }
        text.push_str(&titled("Policy", &mut policy, colour));
    }
    text.push('\n');
    // Writing to a String cannot fail.
    let mut line = |what: &str, said: String| _ = writeln!(text, "{what:<13} {said}");
    if let Some(formula) = &staged.state_hashes {
        line("state hashes", formula.clone());
    }
    if !staged.unresolved.is_empty() {
        let unresolved = &staged.unresolved;
        let shown = unresolved.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
        let more = if unresolved.len() > 5 { format!(" and {} more", unresolved.len() - 5) } else { String::new() };
        let how = "say them with --map FILE.csv (lines of hash,state)";
        line("not resolved", format!("no known formula makes {shown}{more}: {how}"));
    }
    line("instruments", report.symbols.join(", "));
    if !report.unknown_symbols.is_empty() {
        let unknown = report.unknown_symbols.join(", ");
        line("not known", format!("{unknown}: kept in the history; they need a section [instrument.NAME]"));
    }
    if !staged.frozen.is_empty() {
        let frozen: Vec<_> = staged.frozen.iter().map(ToString::to_string).collect();
        line("frozen there", format!("{}: a freeze is not taken over", frozen.join(", ")));
    }
    if !staged.other_tables.is_empty() {
        line("left behind", staged.other_tables.join(", "));
    }
    line("sha256", report.sha256.clone());
    text.push_str(match (report.done, staged.policy_is_sound()) {
        (true, _) => "\nDone.\n",
        (false, true) => "\nNothing was written. Add --yes to do it.\n",
        (false, false) => "\nNothing was written: a policy with a bad row is not taken over.\n",
    });
    text
}
