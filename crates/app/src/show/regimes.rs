//! Time in each regime, and what each turns into.

use alavanca_kernel::Regime;
use alavanca_report::RegimesSummary;
use comfy_table::Cell;

use super::explain::line;
use super::{absent, bullet, count, decimals, figures, money, percent, signed, titled};
use crate::statistics::regime::RegimeStats;

/// Regimes: their figures, and the ways from one into another.
pub fn regime_stats(stats: &RegimeStats, colour: bool) -> String {
    let regimes = &stats.summary;
    let mut text = "Regimes\n".to_owned();
    line(&mut text, "Told apart by", stats.detector.as_deref().unwrap_or("unknown: the settings were not noted"));
    line(&mut text, "Bars", &count(regimes.bars));
    line(&mut text, "Trading time", &hours(regimes.seconds));
    line(&mut text, "Changes", &count(regimes.changes));
    line(&mut text, "In transition", &format!("{} of the bars", percent(regimes.transition_share)));
    for last in &stats.last {
        let transition = if last.transition { ", in transition" } else { "" };
        line(
            &mut text,
            &format!("{} at the end", last.symbol),
            &format!("{}{transition}, since {}", last.regime, last.since),
        );
    }
    if regimes.bars == 0 {
        text.push_str(&bullet("No regime was recorded: the run saw no bars, or is of an earlier release."));
    }
    if regimes.transition_trades > 0 {
        let trades: u64 = regimes.by_regime.values().map(|regime| regime.trades).sum();
        text.push_str(&bullet(&format!(
            "{} of {} trades were entered in transition: the policy does not learn from them.",
            count(regimes.transition_trades),
            count(trades)
        )));
    }
    text.push_str(&time(regimes, &stats.currency, colour));
    text.push_str(&matrix(regimes, colour));
    text
}

/// Time, dwell and trades; nothing where no regime was recorded.
pub(super) fn time(regimes: &RegimesSummary, currency: &str, colour: bool) -> String {
    if regimes.by_regime.is_empty() {
        return String::new();
    }
    let net = format!("net\n({currency})");
    let mut table = figures(&["", "bars", "share", "lasts,\nmean", "lasts,\nmedian", "trades", "won", &net]);
    for regime in Regime::ALL {
        let Some(of) = regimes.by_regime.get(regime.as_str()) else { continue };
        let won = (of.trades > 0).then(|| of.wins as f64 / of.trades as f64);
        table.add_row([
            Cell::new(regime.as_str()),
            Cell::new(count(of.bars)),
            Cell::new(percent(of.share)),
            Cell::new(decimals(of.mean_dwell_bars, 1)),
            Cell::new(decimals(of.median_dwell_bars, 1)),
            Cell::new(count(of.trades)),
            Cell::new(percent(won)),
            signed(money(of.net), of.net.cents()),
        ]);
    }
    titled("Time in each regime", &mut table, colour)
}

fn matrix(regimes: &RegimesSummary, colour: bool) -> String {
    if regimes.matrix.is_empty() {
        return String::new();
    }
    let to = |regime: &Regime| regimes.matrix.values().any(|ways| ways.contains_key(regime.as_str()));
    let into: Vec<Regime> = Regime::ALL.into_iter().filter(to).collect();
    let mut header = vec!["from, into".to_owned()];
    header.extend(into.iter().map(|regime| regime.as_str().replace('_', "_\n").replace("USTION", "US-\nTION")));
    header.push("ends".to_owned());
    let mut table = figures(&header.iter().map(String::as_str).collect::<Vec<_>>());
    for regime in Regime::ALL {
        let Some(ways) = regimes.matrix.get(regime.as_str()) else { continue };
        let mut row = vec![regime.as_str().to_owned()];
        row.extend(into.iter().map(|to| {
            let way = ways.get(to.as_str());
            way.map_or_else(absent, |way| format!("{}\n{}", count(way.count), percent(Some(way.probability))))
        }));
        row.push(count(ways.values().map(|way| way.count).sum()));
        table.add_row(row);
    }
    titled("What a regime turns into: how often, and its share of that regime's ends", &mut table, colour)
}

fn hours(seconds: u64) -> String {
    format!("{} h {:02} min", count(seconds / 3_600), seconds / 60 % 60)
}
