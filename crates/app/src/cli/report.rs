use std::path::{Path, PathBuf};

use alavanca::backtest_types::Progress;
use alavanca::report::{ReportError, ReportRequest, report};
use alavanca::show;
use alavanca::stored_run::parse_day;
use alavanca_kernel::TradingDay;
use clap::Args;

use super::progress::Bar;
use super::{Usage, print, print_json};

/// `alavanca report`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Report {
    /// The database of the run.
    #[arg(long, value_name = "FILE")]
    db: PathBuf,
    /// Of this trading day alone.
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    date: Option<TradingDay>,
    /// Where the page goes; without it, beside the database, with its name.
    #[arg(long, value_name = "FILE.html")]
    out: Option<PathBuf>,
    /// Where the market data lies now, where it is not where the run found it.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  alavanca report --db run.sqlite                       the whole run, into run.html
  alavanca report --db run.sqlite --date 2026-03-11     one day, into run-2026-03-11.html
  alavanca report --db run.sqlite --data /new/place/WINZ26_M1.csv --out report.html

Of a live or paper run the market is drawn from its recorded days, beside the database.
The page is one file that needs no network. The figures of the days are written into the database's rl_report_log,
too; where an engine has the database, it is only read.";

impl Report {
    pub(super) fn run(self, json: bool) -> anyhow::Result<u8> {
        let out = self.out.unwrap_or_else(|| beside(&self.db, self.date));
        let request = ReportRequest { db: self.db, out, day: self.date, data: self.data };
        let mut bar = Bar::default();
        let reported = report(&request, &mut |progress| match progress {
            Progress::Reading { done, total } => bar.show("reading", done, total),
            Progress::Running { done, total } => bar.show("drawing", done, total),
            Progress::Closing => bar.show("closing", 1, 1),
        });
        bar.close();
        let reported = reported.map_err(|error| match error {
            // What is wrong with a market data file has its own exit code.
            ReportError::File(error) => anyhow::Error::from(error),
            usage if usage.is_usage() => Usage(usage.to_string()).into(),
            other => anyhow::Error::from(other),
        })?;
        if json {
            print_json(&reported)?;
        } else {
            print(&show::reported(&reported))?;
        }
        Ok(0)
    }
}

fn beside(db: &Path, day: Option<TradingDay>) -> PathBuf {
    let stem = db.file_stem().unwrap_or_default().to_string_lossy();
    let name = day.map_or_else(|| format!("{stem}.html"), |day| format!("{stem}-{day}.html"));
    db.with_file_name(name)
}
