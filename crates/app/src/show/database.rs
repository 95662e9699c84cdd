//! What was done to a database, and what a check of it found.

use std::fmt::Write as _;

use super::{count, wrapped};
use crate::database::{BackupReport, CheckReport, MigrateReport, VacuumReport};

/// What was checked, line by line, and what is wrong below its line.
pub fn db_checked(report: &CheckReport, colour: bool) -> String {
    let CheckReport { db, sound, checked } = report;
    let mut text = format!("Database {}\n", db.display());
    let _ = writeln!(text, "  events  {}", count(checked.events));
    let _ = writeln!(text, "  head    {}\n", checked.head);
    for part in &checked.parts {
        let verdict = match (&part.fault, colour) {
            (None, _) => "ok   ",
            (Some(_), false) => "WRONG",
            (Some(_), true) => "\u{1b}[1;31mWRONG\u{1b}[0m",
        };
        let _ = writeln!(text, "  {verdict}  {:<28}{:>12}", part.name, count(part.right));
        if let Some(fault) = &part.fault {
            text.push_str(&wrapped("         ", fault));
        }
    }
    let verdict = if *sound {
        "Sound. Keep the head elsewhere: with --head, a later check tells whether the whole file was put back.\n"
    } else {
        "Not sound: stop the engine on it, and restore a copy or begin anew.\n"
    };
    text.push('\n');
    text.push_str(&wrapped("", verdict));
    text
}

/// What a migration did.
pub fn db_migrated(report: &MigrateReport, colour: bool) -> String {
    let MigrateReport { db, migrated, check } = report;
    let db = db.display();
    let Some(copy) = &migrated.copy else {
        return format!("{db} is up to date ({}): nothing was done.\n", migrated.to);
    };
    let mut text = format!("{db}: from {} to {}. As it was, it is kept as\n", migrated.from, migrated.to);
    let _ = writeln!(text, "  {}\n", copy.display());
    text.push_str(&check.as_ref().map(|check| db_checked(check, colour)).unwrap_or_default());
    text
}

/// What a backup came to.
pub fn db_backed_up(report: &BackupReport) -> String {
    let BackupReport { copy, bytes, check } = report;
    format!(
        "{}: {} bytes, of {} events, sound.\n  head  {}\n",
        copy.display(),
        count(*bytes),
        count(check.checked.events),
        check.checked.head
    )
}

/// What making it smaller came to.
pub fn db_vacuumed(report: &VacuumReport) -> String {
    let VacuumReport { db, bytes } = report;
    format!("{}: {} bytes before, {} after.\n", db.display(), count(bytes.before), count(bytes.after))
}
