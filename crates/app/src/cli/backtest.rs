use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use alavanca::backtest::{AppError, run_backtest};
use alavanca::backtest_types::{BacktestRequest, Progress, Stop};
use alavanca::show;
use alavanca_adapters_files::FileError;
use clap::Args;

use super::progress::Bar;
use super::{FileArgs, INTERRUPTED, SettingsArgs, colour, print, print_json};

/// `alavanca backtest`.
#[derive(Debug, Args)]
pub(super) struct Backtest {
    /// Market data file; without it, the embedded synthetic WIN market.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// The instrument, where neither the file nor its name says it.
    #[arg(long, value_name = "S")]
    symbol: Option<String>,
    #[command(flatten)]
    file: FileArgs,
    /// The same seed makes the same choices (RL_SEED).
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// SQLite file that keeps the run; without it nothing is left behind.
    #[arg(long, value_name = "FILE")]
    db: Option<PathBuf>,
    /// Go on with the run that --db holds.
    #[arg(long, requires = "db")]
    resume: bool,
    /// Begin with a policy that `alavanca policy export` wrote.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The most threads to use; without it, as many as there are processors.
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Leave out the second engine, with the gate off, on the same data.
    #[arg(long)]
    without_level4: bool,
    /// Write the run's report to this file: one HTML page that needs no network.
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    #[command(flatten)]
    settings: SettingsArgs,
}

impl Backtest {
    pub(super) fn run(self, json: bool) -> anyhow::Result<u8> {
        let seed = self.seed.map(|seed| ("RL_SEED".to_owned(), seed.to_string()));
        let loaded = self.settings.load(seed)?;
        let processors = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let request = BacktestRequest {
            data: self.data,
            symbol: self.symbol,
            seed: self.seed,
            db: self.db,
            resume: self.resume,
            accept_faults_percent: self.file.accept_faults,
            data_tz: self.file.data_tz,
            threads: self.threads.unwrap_or_else(processors).get(),
            without_level4: self.without_level4,
            policy: self.policy,
            report: self.report,
            stop: stop_on_interrupt(),
        };
        let mut bar = Bar::default();
        let report = run_backtest(&request, &loaded, &mut |progress| match progress {
            Progress::Reading { done, total } => bar.show("reading", done, total),
            Progress::Running { done, total } => bar.show("running", done, total),
            Progress::Closing => bar.show("closing", 1, 1),
        });
        bar.close();
        let report = report.map_err(|error| match error {
            // Only here is known where the setting came from.
            AppError::Setting(error) | AppError::File(FileError::Setting(error)) => loaded.refusal(error).into(),
            other => anyhow::Error::from(other),
        })?;
        if json {
            print_json(&report)?;
        } else {
            print(&show::backtest(&report, colour()))?;
            if let Some(page) = &report.report {
                print(&format!("\n{}", show::page(page)))?;
            }
        }
        Ok(if report.counts.interrupted { INTERRUPTED } else { 0 })
    }
}

/// Ctrl-C, or a request to terminate, ends the run with what was done so far stored and shown; a second one ends it at
/// once.
fn stop_on_interrupt() -> Stop {
    let stop = Stop::default();
    let asked = stop.clone();
    // Without a handler the signal ends the program, as it always did.
    let _ = ctrlc::set_handler(move || {
        if asked.is_asked() {
            std::process::exit(i32::from(INTERRUPTED));
        }
        asked.ask();
        let _ = writeln!(io::stderr(), "interrupted: finishing with what was done so far (again to end at once)");
    });
    stop
}
