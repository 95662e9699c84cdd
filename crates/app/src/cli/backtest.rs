use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use alavanca::backtest::{AppError, run_backtest};
use alavanca::backtest_types::{BacktestReport, BacktestRequest, Progress, Stop};
use alavanca::compare::{ComparedRun, MOST_RUNS};
use alavanca::settings::Loaded;
use alavanca::show;
use alavanca::timeframe::Timeframe;
use alavanca_adapters_files::FileError;
use clap::Args;

use super::compare::tell;
use super::progress::Bar;
use super::{FileArgs, INTERRUPTED, SettingsArgs, Usage, colour, print, print_json};

/// `alavanca backtest`. With several `--profile`s each runs on the same data, and they are compared.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  alavanca backtest
  alavanca backtest --data WINZ26_M1.csv --db run.sqlite --report run.html
  alavanca backtest --data EURUSD_M1.csv --symbol EURUSD --profile balanced --seed 7
  alavanca backtest --data WINZ26_M1.csv --profile conservative --profile aggressive   side by side
  alavanca backtest --data WINZ26_M1.csv --db run.sqlite --resume                       go on with it")]
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
    /// Run on bars of this length, joined from the finer rows of the data: M1 to M30, H1 to H12, D1, W1 (BAR_TIMEFRAME).
    #[arg(long, value_name = "TIMEFRAME", value_parser = super::data::timeframe)]
    timeframe: Option<Timeframe>,
    /// SQLite file that keeps the run; without it nothing is left behind. With several profiles each has its own:
    /// run.sqlite becomes run.balanced.sqlite.
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
    /// Write the run's report to this file: one HTML page that needs no network. Several profiles have theirs as with
    /// --db.
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    #[command(flatten)]
    settings: SettingsArgs,
}

impl Backtest {
    pub(super) fn run(self, json: bool) -> anyhow::Result<u8> {
        let stop = stop_on_interrupt();
        if self.settings.profile.len() > 1 {
            return self.run_profiles(json, &stop);
        }
        let loaded = self.settings.load(self.said())?;
        let report = run_one(&self.request(None, &stop), &loaded)?;
        show_one(&report, json)?;
        Ok(if report.counts.interrupted { INTERRUPTED } else { 0 })
    }

    /// Settings that have an option of their own.
    fn said(&self) -> Vec<(String, String)> {
        let seed = self.seed.map(|seed| ("RL_SEED".to_owned(), seed.to_string()));
        let timeframe = self.timeframe.map(|timeframe| ("BAR_TIMEFRAME".to_owned(), timeframe.to_string()));
        seed.into_iter().chain(timeframe).collect()
    }

    /// Each profile on the same data, and the comparison.
    fn run_profiles(self, json: bool, stop: &Stop) -> anyhow::Result<u8> {
        let profiles = &self.settings.profile;
        if profiles.len() > MOST_RUNS {
            return Err(
                Usage(format!("at most {MOST_RUNS} profiles can be compared, {} are named", profiles.len())).into()
            );
        }
        if let Some(twice) = profiles.iter().enumerate().find(|(at, name)| profiles[..*at].contains(name)) {
            return Err(Usage(format!("--profile {} is named twice: keep one", twice.1)).into());
        }
        // What is wrong with any of them is said before the first has run.
        let mut loaded = Vec::new();
        for profile in profiles {
            let alone = SettingsArgs { profile: vec![profile.clone()], ..self.settings.clone() };
            loaded.push((profile, alone.load(self.said())?));
        }
        let mut runs = Vec::new();
        for (profile, loaded) in &loaded {
            let report = run_one(&self.request(Some(profile), stop), loaded)?;
            if report.counts.interrupted {
                // Of half the runs there is no comparison: what is shown is the run that was broken off.
                show_one(&report, json)?;
                return Ok(INTERRUPTED);
            }
            runs.push(ComparedRun::made(profile, &report, &loaded.settings));
        }
        tell(&runs, json)?;
        Ok(0)
    }

    /// What is to be run; for one of several profiles, under its own name.
    fn request(&self, profile: Option<&str>, stop: &Stop) -> BacktestRequest {
        let processors = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let own = |path: &Option<PathBuf>| match (path, profile) {
            (Some(path), Some(profile)) => Some(named_for(path, profile)),
            (path, _) => path.clone(),
        };
        BacktestRequest {
            data: self.data.clone(),
            symbol: self.symbol.clone(),
            seed: self.seed,
            db: own(&self.db),
            resume: self.resume,
            accept_faults_percent: self.file.accept_faults,
            data_tz: self.file.data_tz.clone(),
            threads: self.threads.unwrap_or_else(processors).get(),
            // Nobody would see it beside other profiles.
            without_level4: self.without_level4 || profile.is_some() && self.db.is_none() && self.report.is_none(),
            policy: self.policy.clone(),
            report: own(&self.report),
            stop: stop.clone(),
        }
    }
}

fn show_one(report: &BacktestReport, json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(report);
    }
    print(&show::backtest(report, colour()))?;
    match &report.report {
        Some(page) => print(&format!("\n{}", show::page(page))),
        None => Ok(()),
    }
}

fn run_one(request: &BacktestRequest, loaded: &Loaded) -> anyhow::Result<BacktestReport> {
    let mut bar = Bar::default();
    let report = run_backtest(request, loaded, &mut |progress| match progress {
        Progress::Reading { done, total } => bar.show("reading", done, total),
        Progress::Running { done, total } => bar.show("running", done, total),
        Progress::Closing => bar.show("closing", 1, 1),
    });
    bar.close();
    report.map_err(|error| match error {
        // Only here is known where the setting came from.
        AppError::Setting(error) | AppError::File(FileError::Setting(error)) => loaded.refusal(error).into(),
        other => anyhow::Error::from(other),
    })
}

/// `run.sqlite` for the profile `balanced` is `run.balanced.sqlite`.
fn named_for(path: &Path, profile: &str) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let end = path.extension().map_or_else(String::new, |end| format!(".{}", end.to_string_lossy()));
    path.with_file_name(format!("{stem}.{profile}{end}"))
}

/// Ctrl-C, or a request to terminate, ends the run with what was done so far stored and shown; a second one ends it at
/// once.
pub(super) fn stop_on_interrupt() -> Stop {
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
