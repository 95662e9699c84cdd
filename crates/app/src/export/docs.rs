//! The columns as documentation.

use std::fmt::Write as _;

use super::{Table, columns};

/// All tables' columns as Markdown, as `docs/export.md` shows them.
pub fn markdown() -> String {
    let mut text = String::new();
    for table in Table::ALL {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n## {}\n\n{}\n\n", table.as_str(), table.about());
        text.push_str("| column | type | unit | meaning |\n|---|---|---|---|\n");
        for column in columns(table) {
            let kind = column.kind.as_str();
            let _ = writeln!(text, "| `{}` | {kind} | {} | {} |", column.name, column.unit, column.about);
        }
    }
    text
}
