//! A report's page, in a line.

use super::count;
use crate::report::PageFacts;

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

fn length(seconds: u32) -> String {
    let units = [("wk", 604_800), ("d", 86_400), ("h", 3_600), ("min", 60)];
    let unit = units.into_iter().find(|(_, length)| seconds > 0 && seconds.is_multiple_of(*length));
    unit.map_or_else(|| format!("{seconds} s"), |(name, length)| format!("{} {name}", seconds / length))
}
