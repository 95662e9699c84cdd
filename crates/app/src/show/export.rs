//! A table's columns.

use alavanca_ports::Column;

use super::{table, titled};

/// What each column is.
pub fn columns(title: &str, columns: &[Column], colour: bool) -> String {
    let mut shown = table(&["Column", "Type", "Unit", "Meaning"]);
    for column in columns {
        shown.add_row([&*column.name, column.kind.as_str(), column.unit, &*column.about]);
    }
    titled(title, &mut shown, colour)
}
