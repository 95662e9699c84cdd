//! Bars joined to larger ones are what the larger file has, where both are at hand.

use std::collections::BTreeMap;

use alavanca_adapters_files::ReadSettings;
use alavanca_indicators::BarAggregator;
use alavanca_kernel::{Bar, Price, Tick};

use crate::read;
use crate::real::folder;

/// All bars of `seconds` that these make, on the clock of UTC.
fn joined(bars: &[Bar], seconds: u32) -> Vec<Bar> {
    let mut aggregator = BarAggregator::new(seconds);
    let mut out: Vec<Bar> = bars.iter().filter_map(|bar| aggregator.push(bar, bar.time.secs())).collect();
    out.extend(aggregator.finish());
    out
}

#[test]
fn a_month_of_minutes_is_the_same_month_of_quarter_hours() {
    let Some(folder) = folder() else { return };
    let (minutes, ..) = read(&folder.join("mt5/winn_m1_2021-03_commas.csv.gz"), &ReadSettings::default());
    let (quarters, ..) = read(&folder.join("mt5/winn_m15_2020_2021_commas.csv.gz"), &ReadSettings::default());
    let made = joined(&minutes, 900);
    let known: BTreeMap<_, _> = quarters.iter().map(|bar| (bar.time, bar)).collect();
    for bar in &made {
        assert_eq!(known.get(&bar.time), Some(&bar), "{}", bar.time);
    }
    let (first, last) = (made[0].time, made[made.len() - 1].time);
    let there = known.range(first..=last).count();
    println!("{} minutes, {} quarter hours from {first} to {last}, all columns equal", minutes.len(), made.len());
    assert_eq!((made.len(), there), (848, 848), "none of the larger file's is missing");
    // By way of five minutes and on to half hours, hours, four hours and days.
    for (between, seconds) in [(300, 900), (900, 1_800), (1_800, 3_600), (3_600, 14_400), (300, 86_400)] {
        assert_eq!(joined(&joined(&minutes, between), seconds), joined(&minutes, seconds), "{between} to {seconds}");
    }
}

#[test]
fn ticks_to_minutes_to_quarter_hours_is_ticks_to_quarter_hours() {
    let Some(folder) = folder() else { return };
    for (name, quarters) in
        [("mt5/eurusd_ticks_2014-05_oanda.csv.gz", 1_056), ("mt5/dolk20_ticks_2020-04-02.csv.gz", 38)]
    {
        let (_, ticks, _) = read(&folder.join(name), &ReadSettings::default());
        let straight = gathered(&ticks, 900);
        let minutes = gathered(&ticks, 60);
        assert_eq!(joined(&minutes, 900), straight, "{name}");
        println!("{name}: {} ticks, {} minutes, {} quarter hours", ticks.len(), minutes.len(), straight.len());
        assert_eq!(straight.len(), quarters, "{name}");
    }
}

fn gathered(ticks: &[Tick], seconds: u32) -> Vec<Bar> {
    let mut aggregator = BarAggregator::new(seconds);
    let mut push = |tick: &Tick| {
        let spread = if tick.is_tradable() { tick.ask - tick.bid } else { Price::ZERO };
        aggregator.push_tick(tick.time, tick.mark(), tick.volume, spread, tick.time.secs())
    };
    let mut out: Vec<Bar> = ticks.iter().filter(|tick| tick.mark().is_positive()).filter_map(&mut push).collect();
    out.extend(aggregator.finish());
    out
}
