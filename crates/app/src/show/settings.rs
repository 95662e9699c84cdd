//! Each setting, its value, and where it came from.

use comfy_table::{Cell, Color, ColumnConstraint};

use super::{table, titled};
use crate::settings::Origin;

/// The settings by section; those that are no defaults stand out.
pub fn origins<'a>(origins: impl IntoIterator<Item = &'a Origin>, colour: bool) -> String {
    let mut text = String::new();
    let mut rows = origins.into_iter().peekable();
    while let Some(first) = rows.peek() {
        let section = first.section;
        let mut table = table(&[section, "value", "from"]);
        for (index, column) in table.column_iter_mut().enumerate() {
            if index == 1 {
                // Lists wrap between their names.
                column.set_delimiter(',');
            } else {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        while let Some(row) = rows.next_if(|row| row.section == section) {
            let from = Cell::new(&row.origin);
            let from = if row.origin == "default" { from } else { from.fg(Color::Yellow) };
            table.add_row([Cell::new(&row.key), Cell::new(&row.value), from]);
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&titled("", &mut table, colour));
    }
    text
}
