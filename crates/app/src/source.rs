//! Where a backtest's market comes from: a file, or the synthetic market that is built in.

use std::path::Path;

use alavanca_adapters_files::{FileClock, FileError, FileReport, MarketFile, ReadSettings, RowKind, Rows};
use alavanca_adapters_sim::{SyntheticMarket, SyntheticSettings};
use alavanca_kernel::{Instrument, SettingError, Timestamp};
use sha2::{Digest, Sha256};

use crate::backtest_types::{Progress, SourceFacts};
use crate::joined::{Joined, Joiner};
use crate::resample::longer_than;
use crate::timeframe::Timeframe;

/// How many synthetic bars are handed over at once.
const BATCH: usize = 4_096;

/// A market to run on, oldest row first, in batches.
pub(crate) enum Source {
    /// Made up, from a seed.
    Synthetic { market: Box<SyntheticMarket>, bar_seconds: u32, handed: u64, total: u64 },
    /// Read from a file.
    File(Box<MarketFile>),
    /// Any of them, joined to larger bars.
    Joined(Box<Joined<Source>>),
}

impl Source {
    /// The synthetic market of these settings.
    pub(crate) fn synthetic(settings: SyntheticSettings, instrument: &Instrument) -> Result<Self, SettingError> {
        let market = SyntheticMarket::new(settings, instrument)?;
        let total = market.len() as u64;
        Ok(Self::Synthetic { market: Box::new(market), bar_seconds: settings.bar_seconds, handed: 0, total })
    }

    /// A file, read once and checked.
    pub(crate) fn file(
        path: &Path,
        settings: &ReadSettings,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, FileError> {
        let mut reading = |read: alavanca_adapters_files::Progress| {
            progress(Progress::Reading { done: read.bytes_done, total: read.bytes_total });
        };
        Ok(Self::File(Box::new(MarketFile::open(path, settings, &mut reading)?)))
    }

    /// Joined to bars of the time frame; as it is where none is asked for, or its bars are as long already.
    pub(crate) fn joined(self, timeframe: Option<Timeframe>, facts: &mut SourceFacts) -> Result<Self, SettingError> {
        let (seconds, zone) = match &self {
            Self::Synthetic { bar_seconds, .. } => (*bar_seconds, "America/Sao_Paulo".parse()?),
            Self::File(file) => match file.report().kind {
                RowKind::Bars { seconds } => (seconds, file.report().zone),
                RowKind::Ticks => (0, file.report().zone),
            },
            Self::Joined(_) => return Ok(self),
        };
        let Some(timeframe) = timeframe.filter(|timeframe| timeframe.seconds() != seconds) else { return Ok(self) };
        if seconds > 0 && !timeframe.is_made_of(seconds) {
            let allowed = format!(
                "{} holds bars of {seconds} s, which make up {}; or none for its own",
                facts.name,
                longer_than(seconds)
            );
            return Err(SettingError::new("BAR_TIMEFRAME", timeframe, allowed));
        }
        facts.kind.push_str(", joined to ");
        facts.kind.push_str(timeframe.as_str());
        Ok(Self::Joined(Box::new(Joined::new(self, Joiner::new(timeframe, FileClock::new(zone))))))
    }

    /// Replaces `batch` by the next rows. False where there are no more.
    pub(crate) fn next_batch(&mut self, batch: &mut Rows) -> Result<bool, FileError> {
        match self {
            Self::File(file) => file.next_batch(batch),
            Self::Joined(joined) => joined.next_batch(batch, Self::next_batch),
            Self::Synthetic { market, handed, .. } => {
                if !matches!(batch, Rows::Bars(_)) {
                    *batch = Rows::new();
                }
                if let Rows::Bars(bars) = batch {
                    bars.clear();
                    bars.extend(market.by_ref().take(BATCH));
                    *handed += bars.len() as u64;
                }
                Ok(!batch.is_empty())
            }
        }
    }

    /// Rows handed over, and rows in all.
    pub(crate) fn progress(&self) -> (u64, u64) {
        match self {
            Self::Synthetic { handed, total, .. } => (*handed, *total),
            Self::File(file) => (file.progress().rows, file.report().accepted),
            Self::Joined(joined) => joined.source().progress(),
        }
    }
}

/// What a synthetic run ran on. The hash is of the settings that make the market: the same settings make the same bars.
pub(crate) fn synthetic_facts(settings: &SyntheticSettings, instrument: &Instrument, rows: u64) -> SourceFacts {
    let identity = format!("{settings:?} {}", instrument.name);
    SourceFacts {
        name: format!("synthetic {} market, seed {}", instrument.name, settings.seed),
        synthetic: true,
        kind: format!("bars of {} s", settings.bar_seconds),
        first: None,
        last: None,
        clock: Some("America/Sao_Paulo, by construction".to_owned()),
        rows,
        faulty: 0,
        faults: Vec::new(),
        gaps: 0,
        sha256: hex(&Sha256::digest(identity.as_bytes())),
    }
}

/// What a file run ran on.
pub(crate) fn file_facts(report: &FileReport) -> SourceFacts {
    let name = report.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    SourceFacts {
        name,
        synthetic: false,
        kind: match report.kind {
            RowKind::Bars { seconds } => format!("{}, bars of {seconds} s", report.format.as_str()),
            RowKind::Ticks => format!("{}, ticks", report.format.as_str()),
        },
        first: report.first.map(|at: Timestamp| at.to_string()),
        last: report.last.map(|at: Timestamp| at.to_string()),
        clock: Some(format!("{} ({})", report.zone, report.zone_from)),
        rows: report.rows,
        faulty: report.faulty,
        faults: report.faults.iter().map(|fault| (fault.kind.to_string(), fault.count)).collect(),
        gaps: report.gaps.count,
        sha256: report.sha256.clone(),
    }
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
