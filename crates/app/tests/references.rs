//! The storage reference, made from the schema that a new database has and from the comments of the entities: a page and
//! a picture. With `ALAVANCA_WRITE=1` they are written (`cargo xtask references`), else held against what is there.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use alavanca::builder::store_config;
use alavanca::settings::{LoadRequest, load};
use alavanca_adapters_sqlite::{Durability, SqliteStore};
use alavanca_kernel::Instrument;

/// The tables of the specification: projections of the others.
const PROJECTIONS: [&str; 6] =
    ["capital_state", "scalp_events", "rl_policy", "rl_events", "policy_snapshots", "rl_report_log"];
/// Columns that name a row of another table.
const REFERENCES: [(&str, &str); 7] = [
    ("symbol", "symbols"),
    ("decision", "decisions"),
    ("decision_id", "decisions"),
    ("order_id", "orders"),
    ("trade", "trades"),
    ("capital_id", "capital_state"),
    ("rl_event_id", "rl_events"),
];

/// What the tables without an entity are for.
const TABLES: [(&str, &str); 20] = [
    ("allocations", "Allocations that no decision followed, packed."),
    ("blocked", "Signals that were stopped before the gate, with the cause."),
    ("capital_facts", "Settings of capital that `capital_state` repeats, from an allocation on."),
    ("days", "One row a trading day: its net result, and the equity at its end."),
    (
        "engine_state",
        "One row: how many events were consumed, the checkpoint of a restart, the heads of the hash chains.",
    ),
    ("evidence", "What the policy heard of each trade, and the arm afterwards: with `policy_events` one ordered log."),
    ("fills", "Every fill, in order."),
    ("live_epochs", "Each session with a bridge: its fencing epoch, drawn before the session begins, and the account."),
    ("live_identity", "One row: the database's own number in orders' magics, and the account it is of."),
    ("operator_log", "Each word of the operator, when it was said and taken, and what was answered."),
    ("order_ends", "Orders that were refused, or ended with a rest."),
    ("orders", "The intent to send an order, stored before it is sent."),
    (
        "policy_events",
        "Freezes, thaws, rollbacks, imports, snapshots and whole tables: with `evidence` one ordered log.",
    ),
    ("positions", "Each leg as it is after its last change."),
    (
        "regimes",
        "Each change of the regime or of its transition flag: what was since the row before, what is from then on.",
    ),
    ("risk_changes", "Each change of the risk state, with its cause."),
    ("risk_state", "One row: the risk state now."),
    ("run_meta", "What the run was made of: run id, data, settings."),
    ("snapshots", "The policy's snapshots that are kept, as they were taken."),
    ("symbols", "The instruments' names, in the engine's order."),
];

struct Table {
    name: String,
    columns: Vec<Column>,
}

struct Column {
    name: String,
    kind: String,
    is_key: bool,
    needed: bool,
}

#[tokio::test]
async fn the_storage_reference_is_that_of_the_schema() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.db");
    let settings = load(&LoadRequest::default()).unwrap().settings;
    let config = store_config(&settings, &Instrument::preset("WIN").unwrap(), Durability::Backtest);
    SqliteStore::open(&path, config).await.unwrap().close().await.unwrap();
    let tables = tables(&path);
    assert!(tables.len() > 20, "{} tables", tables.len());
    check("docs/book/src/reference/storage.md", &page(&tables));
    check("docs/book/src/reference/storage.svg", &picture(&tables));
}

fn check(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    if std::env::var_os("ALAVANCA_WRITE").is_some() {
        fs::write(path, text).unwrap();
        return;
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    let first = there.lines().zip(text.lines()).find(|(there, made)| there != made);
    assert!(
        there == text,
        "{name} is not what is generated: run `cargo xtask references`. First difference: {first:?}"
    );
}

fn tables(path: &Path) -> Vec<Table> {
    let db = rusqlite::Connection::open(path).unwrap();
    let mut names = db
        .prepare(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
             AND name NOT LIKE 'seaql_%' ORDER BY name",
        )
        .unwrap();
    let names: Vec<String> = names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let columns = |table: &str| -> Vec<Column> {
        let mut columns = db.prepare("SELECT name, type, pk, \"notnull\" FROM pragma_table_info(?1)").unwrap();
        let column = |row: &rusqlite::Row<'_>| {
            let key: i64 = row.get(2)?;
            Ok(Column { name: row.get(0)?, kind: row.get(1)?, is_key: key > 0, needed: row.get::<_, i64>(3)? > 0 })
        };
        columns.query_map([table], column).unwrap().map(Result::unwrap).collect()
    };
    names.into_iter().map(|name| Table { columns: columns(&name), name }).collect()
}

impl Table {
    fn is_projection(&self) -> bool {
        PROJECTIONS.contains(&self.name.as_str())
    }

    /// The column's table, where it names a row of one.
    fn leads_to(&self, column: &Column) -> Option<&'static str> {
        let (_, to) = REFERENCES.iter().find(|(name, _)| *name == column.name)?;
        // A projection repeats the symbol's name; a decision comes before the trade that it begins.
        let own = self.is_projection() || (self.name == "decisions" && *to == "trades");
        (!own && *to != self.name).then_some(*to)
    }
}

fn page(tables: &[Table]) -> String {
    let comments = comments();
    let mut text = String::from(
        "# Tables\n\n\
         Made from the schema of a new database by `cargo xtask references`; a test holds it against the program.\n\n\
         Instants are microseconds since 1970 in UTC, days are days since 1970, money is centavos, prices are 10⁻⁸,\n\
         rewards are millionths.\n\n![The tables and what they refer to](storage.svg)\n",
    );
    for (title, projections) in [("The truth", false), ("The specification's tables, made from the others", true)] {
        let _ = write!(text, "\n## {title}\n");
        for table in tables.iter().filter(|table| table.is_projection() == projections) {
            let _ = write!(text, "\n### {}\n\n", table.name);
            let plain = TABLES.iter().find(|(name, _)| *name == table.name).map(|(_, about)| *about);
            let about = comments.get(&(table.name.clone(), String::new())).map(String::as_str).or(plain);
            let about = about.unwrap_or_else(|| panic!("say in TABLES or by an entity what {} is for", table.name));
            let _ = write!(text, "{about}\n\n");
            text.push_str("| column | type | what it is |\n|---|---|---|\n");
            for column in &table.columns {
                let mut about: Vec<String> = Vec::new();
                about.extend(comments.get(&(table.name.clone(), column.name.clone())).cloned());
                about.extend(column.is_key.then(|| "Key.".to_owned()));
                about.extend(table.leads_to(column).map(|to| format!("Row of `{to}`.")));
                about.extend((!column.needed && !column.is_key).then(|| "May be absent.".to_owned()));
                let _ = writeln!(text, "| `{}` | {} | {} |", column.name, column.kind, about.join(" "));
            }
        }
    }
    text
}

/// The comments of the entities' modules (under no column) and fields.
fn comments() -> BTreeMap<(String, String), String> {
    let source = include_str!("../../adapters-sqlite/src/entity.rs");
    let (mut found, mut comment, mut table) = (BTreeMap::new(), String::new(), String::new());
    for line in source.lines().map(str::trim) {
        if let Some(more) = line.strip_prefix("///") {
            let gap = if comment.is_empty() { "" } else { " " };
            let _ = write!(comment, "{gap}{}", more.trim());
        } else if let Some(name) = line.strip_prefix("pub mod ") {
            table = String::from(name.trim_end_matches(" {"));
            found.insert((table.clone(), String::new()), std::mem::take(&mut comment));
        } else if let Some((name, _)) = line.strip_prefix("pub ").and_then(|field| field.split_once(':')) {
            found.insert((table.clone(), name.to_owned()), std::mem::take(&mut comment));
        } else if !line.starts_with("#[") {
            comment.clear();
        }
    }
    found
}

const WIDTH: usize = 240;
const GAP: usize = 70;
const ROW: usize = 15;
const HEAD: usize = 22;

/// Boxes in columns, each table to the right of what it refers to; what stands alone to the far right.
fn picture(tables: &[Table]) -> String {
    let links: Vec<(&str, usize, &str)> = tables
        .iter()
        .flat_map(|table| {
            let of = move |(row, column): (usize, &Column)| Some((table.name.as_str(), row, table.leads_to(column)?));
            table.columns.iter().enumerate().filter_map(of)
        })
        .filter(|(_, _, to)| *to != "symbols" && tables.iter().any(|table| table.name == *to))
        .collect();
    let level = |name: &str| {
        let mut levels: BTreeMap<&str, usize> = BTreeMap::new();
        for _ in 0..tables.len() {
            for (from, _, to) in &links {
                let beyond = levels.get(to).copied().unwrap_or(0) + 1;
                let level = levels.entry(from).or_insert(0);
                *level = (*level).max(beyond);
            }
        }
        let is_linked = links.iter().any(|(from, _, to)| *from == name || *to == name);
        let deepest = levels.values().copied().max().unwrap_or(0);
        levels.get(name).copied().unwrap_or(if is_linked { 0 } else { deepest + 1 })
    };
    let height = |table: &Table| HEAD + ROW * table.columns.len() + 8;
    let (mut places, mut filled): (BTreeMap<&str, (usize, usize)>, BTreeMap<usize, usize>) = Default::default();
    for table in tables {
        let mut column = level(&table.name);
        let is_linked = links.iter().any(|(from, _, to)| *from == table.name || *to == table.name);
        // What stands alone fills the columns beyond, the emptier of two.
        if !is_linked && filled.get(&(column + 1)).copied().unwrap_or(0) < filled.get(&column).copied().unwrap_or(0) {
            column += 1;
        }
        let top = filled.entry(column).or_insert(20);
        places.insert(&table.name, (20 + column * (WIDTH + GAP), *top));
        *top += height(table) + 18;
    }
    let right = places.values().map(|(x, _)| x + WIDTH + 20).max().unwrap_or(0);
    let bottom = filled.values().copied().max().unwrap_or(0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {right} {bottom}\" font-family=\"sans-serif\" \
         font-size=\"11\">\n<rect width=\"{right}\" height=\"{bottom}\" fill=\"#fff\"/>\n"
    );
    for (from, row, to) in &links {
        let (x, y) = places[from];
        let (to_x, to_y) = places[to];
        let (y, to_y, to_x) = (y + HEAD + row * ROW + 10, to_y + HEAD / 2, to_x + WIDTH);
        let bend = GAP / 2;
        let _ = writeln!(
            svg,
            "<path d=\"M{x} {y} C{} {y} {} {to_y} {to_x} {to_y}\" fill=\"none\" stroke=\"#777\"/>",
            x - bend,
            to_x + bend
        );
    }
    for table in tables {
        let (x, y) = places[table.name.as_str()];
        let head = if table.is_projection() { "#8a6d3b" } else { "#1f4e79" };
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{}\" fill=\"#fafafa\" stroke=\"{head}\"/>\
             <rect x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{HEAD}\" fill=\"{head}\"/>\
             <text x=\"{}\" y=\"{}\" fill=\"#fff\" font-weight=\"bold\">{}</text>",
            height(table),
            x + 8,
            y + 15,
            table.name
        );
        for (row, column) in table.columns.iter().enumerate() {
            let y = y + HEAD + row * ROW + 14;
            let weight = if column.is_key { " font-weight=\"bold\"" } else { "" };
            let name = &column.name;
            let kind = column.kind.to_lowercase();
            let _ = writeln!(
                svg,
                "<text x=\"{}\" y=\"{y}\"{weight}>{name}</text><text x=\"{}\" y=\"{y}\" fill=\"#777\" \
                 text-anchor=\"end\">{kind}</text>",
                x + 8,
                x + WIDTH - 8
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}
