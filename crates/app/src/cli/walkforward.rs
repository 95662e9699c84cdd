use std::num::NonZeroUsize;
use std::path::PathBuf;

use alavanca::backtest::AppError;
use alavanca::backtest_types::Progress;
use alavanca::settings::Loaded;
use alavanca::show;
use alavanca::walkforward::{
    Learn, MOST_VARIANTS, Objective, Plan, TradingDays, Variant, WalkError, WalkRequest, run_walkforward,
};
use alavanca_adapters_files::FileError;
use clap::{Args, ValueEnum};

use super::backtest::stop_on_interrupt;
use super::progress::Bar;
use super::{FileArgs, INTERRUPTED, SettingsArgs, Usage, colour, key_value, print, print_json};

pub(super) const EXAMPLES: &str = "\
Examples:
  alavanca walkforward                                       the embedded synthetic market
  alavanca walkforward --data WIN_M5.csv.gz --train 60d --test 20d
  alavanca walkforward --data WIN_M5.csv.gz --train 12w --test 4w --anchored
  alavanca walkforward --data WIN_M5.csv.gz --null 99        is it more than shuffled days give?
  alavanca walkforward --data EURUSD.zip --symbol EURUSD --vary BRAINS=EMA_TREND,SMA_CROSS
  alavanca walkforward --data EURUSD.zip --learn frozen --json > walk.json

Days are trading days that have data; 12w is 60 of them. Results are those of test windows alone.
Exit codes: 0 done (whatever the verdict), 1 failed, 2 usage or settings, 3 market data refused, 130 interrupted.";

/// `alavanca walkforward`.
#[derive(Debug, Args)]
pub(super) struct Walkforward {
    /// Market data file, of bars; without it, the embedded synthetic WIN market.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// The instrument, where neither the file nor its name says it.
    #[arg(long, value_name = "S")]
    symbol: Option<String>,
    #[command(flatten)]
    file: FileArgs,
    /// Trading days to learn from.
    #[arg(long, value_name = "DAYS", default_value = "60d")]
    train: TradingDays,
    /// Trading days to trade after them, and to count.
    #[arg(long, value_name = "DAYS", default_value = "20d")]
    test: TradingDays,
    /// Days from one test window to the next; without it, those of a test window.
    #[arg(long, value_name = "DAYS")]
    step: Option<TradingDays>,
    /// Begin every train window with the first day.
    #[arg(long)]
    anchored: bool,
    /// Last days of the train window on which nothing is traded or learned. A trade over its end never is.
    #[arg(long, value_name = "DAYS", default_value = "0d")]
    purge: TradingDays,
    /// Days between train and test window: seen by the levels, not traded.
    #[arg(long, value_name = "DAYS", default_value = "1d")]
    embargo: TradingDays,
    /// Whether the policy goes on learning on test windows, from each trade once it is closed.
    #[arg(long, value_name = "HOW", default_value = "online")]
    learn: Learning,
    /// Do the same on so many markets of shuffled returns, in which there is nothing to be found.
    #[arg(long, value_name = "N", default_value_t = 0)]
    null: usize,
    /// Choose this setting on each train window, out of these values; several make a grid.
    #[arg(long, value_name = "KEY=A,B,C", value_parser = key_value)]
    vary: Vec<(String, String)>,
    /// What chooses: the net result, or the t-statistic of the daily results.
    #[arg(long, value_name = "WHAT", default_value = "net")]
    objective: By,
    /// The same seed makes the same choices and shuffles (RL_SEED).
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The most threads to use; without it, as many as there are processors.
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    #[command(flatten)]
    settings: SettingsArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Learning {
    /// As it would live.
    Online,
    /// The policy stays as the train window left it.
    Frozen,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    /// Net result.
    Net,
    /// t-statistic of the daily net results.
    T,
}

impl Walkforward {
    pub(super) fn run(self, json: bool) -> anyhow::Result<u8> {
        let loaded = self.variants()?;
        let stop = stop_on_interrupt();
        let processors = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let request = WalkRequest {
            data: self.data,
            symbol: self.symbol,
            data_tz: self.file.data_tz,
            accept_faults_percent: self.file.accept_faults,
            plan: Plan {
                train: self.train,
                test: self.test,
                step: self.step.unwrap_or(self.test),
                anchored: self.anchored,
                purge: self.purge,
                embargo: self.embargo,
            },
            learn: match self.learn {
                Learning::Online => Learn::Online,
                Learning::Frozen => Learn::Frozen,
            },
            objective: match self.objective {
                By::Net => Objective::Net,
                By::T => Objective::TStatistic,
            },
            null: self.null,
            threads: self.threads.unwrap_or_else(processors).get(),
            stop,
        };
        let variants: Vec<Variant> = loaded
            .iter()
            .map(|(name, loaded)| Variant { name: name.clone(), settings: loaded.settings.clone() })
            .collect();
        let mut bar = Bar::default();
        let report = run_walkforward(&request, &variants, &mut |progress| match progress {
            Progress::Reading { done, total } => bar.show("reading", done, total),
            Progress::Running { done, total } => bar.show("running", done, total),
            Progress::Closing => bar.show("closing", 1, 1),
        });
        bar.close();
        let report = report.map_err(|error| match error {
            // Only here is known where the setting came from.
            WalkError::App(AppError::Setting(error) | AppError::File(FileError::Setting(error))) => {
                anyhow::Error::from(loaded[0].1.refusal(error))
            }
            // Told, and coded, as of a backtest.
            WalkError::App(error) => error.into(),
            other => other.into(),
        })?;
        if json {
            print_json(&report)?;
        } else {
            print(&show::walkforward(&report, colour()))?;
        }
        Ok(if report.interrupted { INTERRUPTED } else { 0 })
    }

    /// Every point of the grid, with its settings. What is wrong with any is said before the first has run.
    fn variants(&self) -> anyhow::Result<Vec<(String, Loaded)>> {
        let mut grid: Vec<Vec<(String, String)>> = vec![Vec::new()];
        for (place, (key, values)) in self.vary.iter().enumerate() {
            if self.vary[..place].iter().any(|(known, _)| known == key) {
                return Err(Usage(format!("--vary {key} is said twice: name all its values once")).into());
            }
            let values: Vec<&str> = values.split(',').map(str::trim).filter(|value| !value.is_empty()).collect();
            if values.is_empty() {
                return Err(Usage(format!("--vary {key} has no values: write --vary {key}=A,B,C")).into());
            }
            let with = |point: &Vec<(String, String)>, value: &str| {
                let mut point = point.clone();
                point.push((key.clone(), value.to_owned()));
                point
            };
            grid = grid.iter().flat_map(|point| values.iter().map(|value| with(point, value))).collect();
            if grid.len() > MOST_VARIANTS {
                return Err(WalkError::Variants(grid.len()).into());
            }
        }
        let seed = self.seed.map(|seed| ("RL_SEED".to_owned(), seed.to_string()));
        grid.into_iter()
            .map(|point| {
                let name = point.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ");
                let loaded = self.settings.load(point.into_iter().chain(seed.clone()))?;
                Ok((name, loaded))
            })
            .collect()
    }
}
