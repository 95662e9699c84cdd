//! Every brain on real files: it finds something to trade, and not everything. Skipped where the files are not there.

use std::path::Path;

use alavanca::builder;
use alavanca::settings::{BRAINS, Settings};
use alavanca_adapters_files::{MarketFile, ReadSettings, Rows};
use alavanca_kernel::{Bar, Instrument, Side};
use alavanca_signals::{BossBrain, Weights};

const FILES: [(&str, &str); 8] = [
    ("WIN", "mt5/winn_m1_2021-03_commas.csv.gz"),
    ("WIN", "profit/win_m5_2021-08_2022-01.csv.gz"),
    ("WIN", "mt5/winn_m15_2020_2021_commas.csv.gz"),
    ("WDO", "profit/wdo_m1_2021-11_2022-01.csv.gz"),
    ("WDO", "mt5/wdo_m5_2018_2019.csv.gz"),
    ("EURUSD", "mt5/eurusd_m1_2021-03.csv.gz"),
    ("EURUSD", "mt5/eurusd_m1_2018-06_lowercase_header.csv.gz"),
    ("EURUSD", "histdata/eurusd_m1_2018.zip"),
];

fn bars(path: &Path) -> Vec<Bar> {
    let mut file = MarketFile::open(path, &ReadSettings::default(), &mut |_| {}).expect("a readable file");
    let (mut all, mut batch) = (Vec::new(), Rows::new());
    while file.next_batch(&mut batch).expect("rows") {
        let Rows::Bars(bars) = &batch else { panic!("{} has no bars", path.display()) };
        all.extend(bars);
    }
    all
}

#[test]
fn every_brain_finds_something_and_not_everything() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let mut boss_heard = 0;
    for (symbol, name) in FILES {
        let path = folder.join(name);
        if !path.exists() {
            eprintln!("SKIPPED: {} is not there", path.display());
            continue;
        }
        let bars = bars(&path);
        let instrument = Instrument::preset(symbol).expect("a preset");
        let every = BRAINS.map(str::to_owned).to_vec();
        let settings = Settings { brains: every, ..Settings::default() };
        let mut brains = builder::brains(&settings, &instrument).expect("the defaults");
        let mut clock = builder::market_clock(&settings, &instrument).expect("the defaults");
        let mut days: Vec<_> = bars.iter().map(|bar| clock.place(bar.time).moment.day).collect();
        days.dedup();
        let has_volume = bars.iter().any(|bar| bar.weight() > 0);
        println!("{name}: {} bars, {} days, volume {has_volume}", bars.len(), days.len());
        for brain in &mut brains {
            let (mut triggers, mut leaning) = ([0_usize; 2], 0_usize);
            for (i, bar) in bars.iter().enumerate() {
                let opinion = brain.on_bar(bar);
                if i + 1 < brain.warmup_bars() {
                    continue;
                }
                leaning += usize::from(opinion.bias.is_some());
                if let Some(trigger) = opinion.trigger {
                    triggers[usize::from(trigger.side == Side::Sell)] += 1;
                }
            }
            let per_day = (triggers[0] + triggers[1]) as f64 / days.len() as f64;
            println!(
                "  {:<24} {:>6} buys {:>6} sells {per_day:>6.2} a day, leans {:>3} %",
                brain.name(),
                triggers[0],
                triggers[1],
                100 * leaning / bars.len()
            );
            if !has_volume && brain.name().starts_with("vwap") {
                assert_eq!(triggers, [0, 0], "no VWAP without volume");
                continue;
            }
            assert!(triggers[0] > 0 && triggers[1] > 0, "{} never trades one side of {name}", brain.name());
            assert!(per_day < 60.0, "{} wants to trade {per_day} times a day on {name}", brain.name());
        }
        let brains = builder::brains(&settings, &instrument).expect("the defaults");
        let mut boss = BossBrain::new(brains).expect("eight brains");
        let signals = bars.iter().filter(|bar| boss.on_bar(bar, || Weights::EQUAL).signal.is_some()).count();
        boss_heard += signals;
        println!("  {:<24} {signals:>6} signals {:>18.2} a day", "all together", signals as f64 / days.len() as f64);
        assert!(boss_heard > 0);
    }
}
