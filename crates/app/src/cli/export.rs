use std::io::{self, IsTerminal};
use std::path::PathBuf;

use alavanca::export::{Destination, Dialect, ExportRequest, Format, Table, columns, export};
use alavanca::show;
use alavanca_kernel::TradingDay;
use chrono::NaiveDate;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::progress::Bar;
use super::{Usage, colour, print, print_json};

/// `alavanca export`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Export {
    /// Which table.
    table: Name,
    /// The run's database.
    #[arg(long, value_name = "FILE", required_unless_present = "columns")]
    db: Option<PathBuf>,
    /// Into this file; without it, to standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// csv or parquet; without it, by the ending of --out.
    #[arg(long)]
    format: Option<Form>,
    /// CSV for Excel where decimals have commas, as in Brazil: semicolons, commas in numbers, UTF-8 with a mark.
    #[arg(long)]
    decimal_comma: bool,
    /// This trading day alone.
    #[arg(long, value_name = "DATE", value_parser = day, conflicts_with_all = ["from", "to"])]
    day: Option<TradingDay>,
    /// From this trading day on.
    #[arg(long, value_name = "DATE", value_parser = day)]
    from: Option<TradingDay>,
    /// Up to this trading day, which is in it.
    #[arg(long, value_name = "DATE", value_parser = day)]
    to: Option<TradingDay>,
    /// Of this instrument alone.
    #[arg(long, value_name = "S")]
    symbol: Option<String>,
    /// Say what the table's columns are, and export nothing.
    #[arg(long)]
    columns: bool,
}

const EXAMPLES: &str = "\
Examples:
  alavanca export trades --db run.sqlite --out trades.csv
  alavanca export decisions --db run.sqlite --day 2026-03-11 --decimal-comma --out decisions.csv
  alavanca export scalps --db run.sqlite | head
  alavanca export policy --db run.sqlite --out policy.parquet
  alavanca export decisions --columns              what each column is, its unit and meaning

Money has two places, prices are exact. A text that a spreadsheet would take for a formula is
written with an apostrophe before it. A file of that name is replaced once the table is complete.";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Name {
    /// The gate's answers, with layers and arms as columns.
    Decisions,
    /// Trades that ended.
    Trades,
    /// What happened to the extra contracts.
    Scalps,
    /// Changes of the regime.
    Regimes,
    /// The policy as it is served at the end.
    Policy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Text, for spreadsheets.
    Csv,
    /// Typed and compressed, for notebooks.
    Parquet,
}

/// A column, as `--columns --json` says it.
#[derive(Serialize)]
struct Described<'a> {
    name: &'a str,
    r#type: &'a str,
    unit: &'a str,
    meaning: &'a str,
}

impl Export {
    pub(super) fn run(self, json: bool) -> anyhow::Result<u8> {
        let table = match self.table {
            Name::Decisions => Table::Decisions,
            Name::Trades => Table::Trades,
            Name::Scalps => Table::Scalps,
            Name::Regimes => Table::Regimes,
            Name::Policy => Table::Policy,
        };
        if self.columns {
            return describe(table, json);
        }
        let format = self.format()?;
        if self.from.zip(self.to).is_some_and(|(from, to)| from > to) {
            return Err(Usage("--from is after --to: there is no day between them".to_owned()).into());
        }
        let to = match self.out {
            Some(path) => Destination::File(path),
            None if json => {
                let why = "without --out the table itself goes to standard output: name a file, or leave --json out";
                return Err(Usage(why.to_owned()).into());
            }
            None if format == Format::Parquet && io::stdout().is_terminal() => {
                return Err(Usage("Parquet is nothing for a terminal: name a file with --out".to_owned()).into());
            }
            None => Destination::Stdout,
        };
        let request = ExportRequest {
            table,
            db: self.db.unwrap_or_default(),
            to,
            format,
            from: self.day.or(self.from),
            until: self.day.or(self.to),
            symbol: self.symbol,
        };
        let mut bar = Bar::default();
        let exported = export(&request, &mut |done, total| bar.show("exporting", done, total));
        bar.close();
        let exported = exported.map_err(|error| match error {
            usage if usage.is_usage() => Usage(usage.to_string()).into(),
            other => anyhow::Error::from(other),
        })?;
        if json {
            print_json(&exported)?;
        } else if let Some(file) = &exported.file {
            let (rows, columns) = (exported.rows, exported.columns);
            let rows = if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") };
            print(&format!("{rows} of {columns} columns in {}\n", file.display()))?;
        }
        Ok(0)
    }

    fn format(&self) -> anyhow::Result<Format> {
        let ending = self.out.as_ref().and_then(|path| path.extension());
        let by_ending = if ending.is_some_and(|ending| ending == "parquet") { Form::Parquet } else { Form::Csv };
        let dialect = if self.decimal_comma { Dialect::DecimalComma } else { Dialect::Plain };
        match self.format.unwrap_or(by_ending) {
            Form::Csv => Ok(Format::Csv(dialect)),
            Form::Parquet if self.decimal_comma => {
                Err(Usage("--decimal-comma is for CSV: a Parquet file has typed numbers".to_owned()).into())
            }
            Form::Parquet => Ok(Format::Parquet),
        }
    }
}

fn describe(table: Table, json: bool) -> anyhow::Result<u8> {
    let columns = columns(table);
    if json {
        let described = columns.iter().map(|column| Described {
            name: &column.name,
            r#type: column.kind.as_str(),
            unit: column.unit,
            meaning: &column.about,
        });
        print_json(&described.collect::<Vec<_>>())?;
    } else {
        print(&show::columns(table.about(), &columns, colour()))?;
    }
    Ok(0)
}

fn day(text: &str) -> Result<TradingDay, String> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10);
    let days = date.map(|date| date.to_epoch_days());
    days.map(TradingDay::from_days).ok_or_else(|| "expected a date such as 2026-03-11".to_owned())
}
