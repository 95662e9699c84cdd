//! The market of a live or paper run, out of its recorded days.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use alavanca_engine::Event;
use alavanca_kernel::{Timestamp, TradingDay};
use sha2::{Digest, Sha256};

use super::{Market, Material};
use crate::backtest_types::SourceFacts;
use crate::recording::{RecordingError, folder_of, read_day};
use crate::source::hex;

/// What the recorded days show.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) market: Market,
    pub(super) source: Option<SourceFacts>,
    /// Why there are no candles, where there are none.
    pub(super) no_candles: Option<&'static str>,
}

impl Recorded {
    fn without(market: Market, no_candles: &'static str) -> Self {
        Self { market, source: None, no_candles: Some(no_candles) }
    }
}

/// Reads the recorded days beside a database; with `day` that one alone. `clock` tells how market time was read.
pub(super) fn market(db: &Path, day: Option<TradingDay>, clock: &str, mut material: Material) -> Recorded {
    let folder = folder_of(db);
    let files = match files(&folder, day) {
        Ok(files) if files.is_empty() => {
            return Recorded::without(Market::Unknown, "no recorded day lies beside the database");
        }
        Ok(files) => files,
        Err(_) => return Recorded::without(Market::Unreadable, "the folder of recorded days cannot be read"),
    };
    let (mut sum, mut rows) = (Sha256::new(), 0);
    let (mut first, mut last): (Option<Timestamp>, Option<Timestamp>) = (None, None);
    for path in &files {
        // Ticks are what live sees; bars count where a day has none.
        let mut bars = Vec::new();
        let mut ticks = 0_u64;
        let read = read_day(path, &mut |line| {
            match line.event() {
                Some(Event::Tick(_, tick)) => {
                    ticks += 1;
                    (first, last) = (first.or(Some(tick.time)), Some(tick.time));
                    material.tick(&tick);
                }
                Some(Event::Bar(_, bar)) => bars.push(bar),
                _ => {}
            }
            Ok(())
        });
        let bytes = read.and_then(|_| {
            fs::read(path).map_err(|error| RecordingError::Io { path: path.display().to_string(), error })
        });
        let Ok(bytes) = bytes else {
            return Recorded::without(
                Market::Unreadable,
                "a recorded day cannot be read: `alavanca replay` says what is wrong with it",
            );
        };
        sum.update(&bytes);
        rows += ticks;
        if ticks == 0 {
            for bar in &bars {
                (first, last) = (first.or(Some(bar.time)), Some(bar.time));
                material.bar(bar);
            }
            rows += bars.len() as u64;
        }
    }
    let name = match &files[..] {
        [one] => one.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
        many => format!("{} recorded days", many.len()),
    };
    let source = SourceFacts {
        name,
        synthetic: false,
        kind: "recorded as it came, ticks".to_owned(),
        first: first.map(|at| at.to_string()),
        last: last.map(|at| at.to_string()),
        clock: Some(clock.to_owned()),
        rows,
        faulty: 0,
        faults: Vec::new(),
        gaps: 0,
        sha256: hex(&sum.finalize()),
    };
    let market = material.gathered().1.map_or(Market::Unknown, Market::Drawn);
    Recorded { market, source: Some(source), no_candles: None }
}

/// The files of the days, oldest first.
fn files(folder: &Path, day: Option<TradingDay>) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_asked = day.is_none_or(|day| name == format!("{day}.day.gz"));
        if is_asked && name.ends_with(".day.gz") {
            found.push(path);
        }
    }
    // Named by their day.
    found.sort_unstable();
    Ok(found)
}
