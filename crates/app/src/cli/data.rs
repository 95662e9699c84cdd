use std::path::{Path, PathBuf};

use alavanca::resample::{BarLayout, ResampleError, ResampleRequest, resample};
use alavanca::show;
use alavanca::timeframe::Timeframe;
use alavanca_adapters_files::{MarketFile, ReadSettings};
use alavanca_kernel::UnknownName;
use clap::Subcommand;

use super::progress::Bar;
use super::{FileArgs, REFUSED, Usage, colour, print, print_json};

/// `alavanca data`.
#[derive(Debug, Subcommand)]
pub(super) enum Data {
    /// Say what a market data file is, its span, its gaps, and each kind of fault with its lines.
    #[command(after_help = "\
Examples:
  alavanca data inspect WINZ26_M1.csv
  alavanca data inspect EURUSD_ticks.csv.gz --json")]
    Inspect {
        /// The file; gzip and zip are read, too.
        file: PathBuf,
        #[command(flatten)]
        how: FileArgs,
    },
    /// Join a file's bars or ticks to larger bars and write them to a file that reads back to the same bars.
    #[command(after_help = "\
Bars begin where the file's own clock shows whole multiples of their length: H4 at 00:00, 04:00, ..., D1 at midnight.
Volume and ticks are summed, the spread is the smallest. The last bar holds what there is of it.

Examples:
  alavanca data resample --data WINZ26_M1.csv --to M15 --out WINZ26_M15.csv
  alavanca data resample --data EURUSD_ticks.csv.gz --to M1 --out EURUSD_M1.csv --layout csv")]
    Resample {
        /// The file to read; gzip and zip are read, too.
        #[arg(long, value_name = "FILE")]
        data: PathBuf,
        /// How long the bars are to be: M1 to M30, H1 to H12, D1, W1. Never shorter than those of the file.
        #[arg(long, value_name = "TIMEFRAME", value_parser = timeframe)]
        to: Timeframe,
        /// The file to write. One that is there already is left alone, and the command fails.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// How it is written: mt5 (tabs, as MetaTrader exports) or csv (commas).
        #[arg(long, value_name = "LAYOUT", default_value = "mt5", value_parser = layout)]
        layout: BarLayout,
        #[command(flatten)]
        how: FileArgs,
    },
}

pub(super) fn timeframe(text: &str) -> Result<Timeframe, String> {
    text.parse().map_err(|error: UnknownName| format!("known are {}", error.known))
}

fn layout(text: &str) -> Result<BarLayout, String> {
    text.parse().map_err(|error: UnknownName| format!("known are {}", error.known))
}

impl Data {
    /// A file that a backtest would refuse is shown in full and has the exit code of a refusal.
    pub(super) fn run(self, json: bool) -> anyhow::Result<u8> {
        match self {
            Self::Inspect { file, how } => inspect(&file, how, json),
            Self::Resample { data, to, out, layout, how } => {
                let request = ResampleRequest { data, read: read_settings(how)?, to, out, layout };
                let mut bar = Bar::default();
                let written = resample(&request, &mut |p| bar.show("reading", p.bytes_done, p.bytes_total));
                bar.close();
                let written = written.map_err(|error| match error {
                    ResampleError::File(error) => anyhow::Error::from(error),
                    ResampleError::TooFine { .. } => Usage(error.to_string()).into(),
                    other => other.into(),
                })?;
                if json {
                    print_json(&written)?;
                } else {
                    print(&show::resampled(&written))?;
                }
                Ok(0)
            }
        }
    }
}

fn read_settings(how: FileArgs) -> anyhow::Result<ReadSettings> {
    let zone = how.data_tz.map(|zone| zone.parse()).transpose();
    let zone = zone.map_err(|error: alavanca_kernel::SettingError| Usage(error.to_string()))?;
    Ok(ReadSettings { zone, accept_faults_percent: how.accept_faults, ..ReadSettings::default() })
}

fn inspect(file: &Path, how: FileArgs, json: bool) -> anyhow::Result<u8> {
    let settings = read_settings(how)?;
    let mut bar = Bar::default();
    let report = MarketFile::inspect(file, &settings, &mut |p| bar.show("reading", p.bytes_done, p.bytes_total));
    bar.close();
    let report = report?;
    if json {
        print_json(&report)?;
    } else {
        print(&show::inspection(&report, colour()))?;
    }
    Ok(if report.is_over_limit() { REFUSED } else { 0 })
}
