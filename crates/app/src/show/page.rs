//! A report's page, in a line.

use std::fmt::Write as _;

use super::count;
use crate::report::{PageFacts, ReportLog, Reported};

/// Where the page is, how large, and what is in it.
pub fn page(page: &PageFacts) -> String {
    let market = match (page.candles, page.candle_seconds) {
        (Some(candles), Some(seconds)) => format!("{} candles of {}", count(candles as u64), length(seconds)),
        _ => "no candles".to_owned(),
    };
    format!(
        "Report {} ({} kB): {market}, {} trades\n",
        page.path.display(),
        count((page.bytes as u64).div_ceil(1_000)),
        count(page.trades as u64)
    )
}

/// The page of a stored run, and what became of `rl_report_log`.
pub fn reported(reported: &Reported) -> String {
    let mut text = page(&reported.page);
    if let Some(why) = reported.no_candles {
        let _ = writeln!(text, "  no candles: {why}");
    }
    // Writing to a String cannot fail.
    let _ = match &reported.rl_report_log {
        ReportLog::Written { days: 1 } => writeln!(text, "  rl_report_log: the figures of 1 day"),
        ReportLog::Written { days } => {
            writeln!(text, "  rl_report_log: the figures of {} days", count(*days as u64))
        }
        ReportLog::NotWritten { why } => writeln!(text, "  rl_report_log was not written: {why}"),
    };
    text
}

fn length(seconds: u32) -> String {
    let units = [("wk", 604_800), ("d", 86_400), ("h", 3_600), ("min", 60)];
    let unit = units.into_iter().find(|(_, length)| seconds > 0 && seconds.is_multiple_of(*length));
    unit.map_or_else(|| format!("{seconds} s"), |(name, length)| format!("{} {name}", seconds / length))
}
