use std::path::PathBuf;

use alavanca::backtest_types::Progress;
use alavanca::lookahead::{CheckRequest, LookaheadError, Options, check_lookahead};
use alavanca::show;
use clap::Args;

use super::progress::Bar;
use super::{FAILED, FileArgs, SettingsArgs, colour, print, print_json};

/// `alavanca check-lookahead`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  alavanca check-lookahead                              what the settings choose, on the synthetic market
  alavanca check-lookahead --all --data WINZ26_M1.csv   every built-in brain, on a file
  alavanca check-lookahead --set BRAINS=EMA_TREND,SMA_CROSS --thorough --rows 2000

Six checks of each brain, of the regime detector and of the liquidity map:
  prefix   a fresh one that is shown a part of the market says what it says of the whole
  future   other bars behind a cut change nothing before it
  repeat   two say the same, one after the other and in turns: they share nothing
  reset    after a reset it is as new
  warm-up  begun late by its declared warm-up, it agrees with the whole run
  sound    stops lie behind the price, targets before it, zones on their sides
The time is that of about 20 runs over the rows; with --thorough it grows with their square.
What a brain of one's own reads from elsewhere (a file, a server) is not seen: it is not on trial here.

Exit codes: 0 nothing was found, 1 something was.")]
pub(super) struct CheckLookahead {
    /// The market data file; without it the synthetic market.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// The instrument, where the file does not say.
    #[arg(long, value_name = "S")]
    symbol: Option<String>,
    /// So many rows are read, the first.
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(10..))]
    rows: u64,
    /// Every built-in brain, not only those of BRAINS.
    #[arg(long)]
    all: bool,
    /// Every prefix, not only a few.
    #[arg(long)]
    thorough: bool,
    #[command(flatten)]
    file: FileArgs,
    #[command(flatten)]
    settings: SettingsArgs,
}

impl CheckLookahead {
    pub(super) fn run(self, json: bool) -> anyhow::Result<u8> {
        let loaded = self.settings.load([])?;
        let request = CheckRequest {
            data: self.data,
            symbol: self.symbol,
            data_tz: self.file.data_tz,
            accept_faults_percent: self.file.accept_faults,
            rows: usize::try_from(self.rows).unwrap_or(usize::MAX),
            all: self.all,
            options: Options { thorough: self.thorough, ..Options::default() },
        };
        let mut bar = Bar::default();
        let checked = check_lookahead(&request, &loaded.settings, &mut |progress| match progress {
            Progress::Reading { done, total } => bar.show("reading", done, total),
            Progress::Running { done, total } => bar.show("checking", done, total),
            Progress::Closing => {}
        });
        bar.close();
        let checked = checked.map_err(|error| match error {
            LookaheadError::App(error) => anyhow::Error::from(error),
            error @ LookaheadError::TooShort { .. } => error.into(),
        })?;
        if json {
            print_json(&checked)?;
        } else {
            print(&show::lookahead(&checked, colour()))?;
        }
        Ok(if checked.is_clean() { 0 } else { FAILED })
    }
}
