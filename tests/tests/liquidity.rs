//! Level 4 on recorded markets: what it says has to be worth asking.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};

use alavanca::builder::market_clock;
use alavanca::settings::Settings;
use alavanca_adapters_files::{MarketFile, ReadSettings, Rows};
use alavanca_kernel::{Bar, Instrument};
use alavanca_liquidity::{LiquidityMap, ZoneMap, ZoneMapConfig};

fn read(path: PathBuf) -> Vec<Bar> {
    let mut file = MarketFile::open(path, &ReadSettings::default(), &mut |_| {}).unwrap();
    let (mut batch, mut bars) = (Rows::new(), Vec::new());
    while file.next_batch(&mut batch).unwrap() {
        let Rows::Bars(rows) = &batch else { panic!("these files hold bars") };
        bars.extend_from_slice(rows);
    }
    bars
}

/// The seventh layer asks for 0.50: strength has to lie on both sides of it often, and zones on both sides of the price.
#[test]
fn strength_spreads_around_the_seventh_layers_threshold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    for (file, symbol) in [
        ("mt5/winn_m1_2021-03_commas.csv.gz", "WIN"),
        ("mt5/winn_m15_2020_2021_commas.csv.gz", "WIN"),
        ("mt5/eurusd_m1_2021-03.csv.gz", "EURUSD"),
        ("mt5/wdo_m5_2018_2019.csv.gz", "WDO"),
    ] {
        let path = folder.join(file);
        if !path.exists() {
            eprintln!("SKIPPED: {} is not there", path.display());
            continue;
        }
        let instrument = Instrument::preset(symbol).unwrap();
        let clock = market_clock(&Settings::default(), &instrument).unwrap();
        let mut map = ZoneMap::new(ZoneMapConfig::default(), clock, instrument.tick);
        let (mut strengths, mut levels, mut enclosed, mut nearest) = (Vec::new(), 0, 0, Vec::new());
        for bar in read(path) {
            map.on_bar(&bar);
            let Some(strength) = map.strength_at(bar.close) else { continue };
            strengths.push(strength.get());
            levels += map.levels().count();
            let (below, above) = map.nearest(bar.close);
            enclosed += usize::from(below.is_some() && above.is_some());
            nearest.extend([below, above].into_iter().flatten().map(|zone| zone.strength.get()));
        }
        let count = strengths.len();
        strengths.sort_by(f64::total_cmp);
        nearest.sort_by(f64::total_cmp);
        let tenths =
            |of: &[f64]| -> Vec<String> { (1..10).map(|tenth| format!("{:.2}", of[of.len() * tenth / 10])).collect() };
        let enough = strengths.iter().filter(|&&strength| strength >= 0.5).count() as f64 / count as f64;
        println!(
            "{file}: {count} bars, {:.1} levels, {:.0} % at 0.50 or more",
            levels as f64 / count as f64,
            100.0 * enough
        );
        println!("  strength at the close, tenths: {}", tenths(&strengths).join(" "));
        println!("  nearest zones, tenths:         {}", tenths(&nearest).join(" "));
        assert!((0.15..0.9).contains(&enough), "{file}: {enough}");
        assert!(strengths[count / 10] < 0.45 && strengths[count * 9 / 10] > 0.55, "{file}: all the same");
        assert!(enclosed as f64 > 0.95 * count as f64, "{file}: zones on both sides of {enclosed} of {count}");
    }
}
