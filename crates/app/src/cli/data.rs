use std::path::PathBuf;

use alavanca::show;
use alavanca_adapters_files::{MarketFile, ReadSettings};
use clap::Subcommand;

use super::progress::Bar;
use super::{FileArgs, REFUSED, Usage, colour, print, print_json};

/// `alavanca data`.
#[derive(Debug, Subcommand)]
pub(super) enum Data {
    /// Say what a market data file is, its span, its gaps, and each kind of fault with its lines.
    Inspect {
        /// The file; gzip and zip are read, too.
        file: PathBuf,
        #[command(flatten)]
        how: FileArgs,
    },
}

impl Data {
    /// A file that a backtest would refuse is shown in full and has the exit code of a refusal.
    pub(super) fn run(self, json: bool) -> anyhow::Result<u8> {
        let Self::Inspect { file, how } = self;
        let zone = how.data_tz.map(|zone| zone.parse()).transpose();
        let zone = zone.map_err(|error: alavanca_kernel::SettingError| Usage(error.to_string()))?;
        let settings = ReadSettings { zone, accept_faults_percent: how.accept_faults, ..ReadSettings::default() };
        let mut bar = Bar::default();
        let report = MarketFile::inspect(&file, &settings, &mut |p| bar.show("reading", p.bytes_done, p.bytes_total));
        bar.close();
        let report = report?;
        if json {
            print_json(&report)?;
        } else {
            print(&show::inspection(&report, colour()))?;
        }
        Ok(if report.is_over_limit() { REFUSED } else { 0 })
    }
}
