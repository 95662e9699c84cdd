//! What a bar costs in allocations, every one counted: none without a record, and else no more than what is recorded.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use alavanca::builder::{Builder, brains, levels};
use alavanca::settings::{BRAINS, LoadRequest, Settings, load};
use alavanca::simulation::{Simulation, Sink};
use alavanca_adapters_sim::{SyntheticMarket, SyntheticSettings};
use alavanca_engine::{Notice, Record};
use alavanca_kernel::{Bar, Hour, Instrument, SymbolId};
use allocation_counter::measure;

const SYMBOL: SymbolId = SymbolId::new(0);
/// Bars after which everything is warm and every buffer has its size.
const WARM: usize = 4_000;

fn win() -> Instrument {
    Instrument::preset("WIN").unwrap()
}

fn market(days: u32) -> Vec<Bar> {
    SyntheticMarket::new(SyntheticSettings { days, ..SyntheticSettings::default() }, &win()).unwrap().collect()
}

fn settings(flags: &[(&str, &str)]) -> Settings {
    let flags = flags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    load(&LoadRequest { flags, ..LoadRequest::default() }).unwrap().settings
}

/// All levels on.
fn all_levels() -> Settings {
    settings(&[
        ("BRAINS", &BRAINS.join(",")),
        ("META_CALIBRATION", "PLATT"),
        ("META_WEIGHTS", "PROFIT_FACTOR"),
        ("LIQUIDITY_MAP", "ZONES"),
        ("REGIME_DETECTOR", "MULTI_SCALE"),
    ])
}

/// The settings to be held against the rule: the defaults, each brain alone, and all levels on.
fn each() -> Vec<(String, Settings)> {
    let one = |brain: &&str| ((*brain).to_owned(), settings(&[("BRAINS", brain)]));
    let mut each: Vec<_> = BRAINS.iter().map(one).collect();
    each.push(("defaults".to_owned(), Settings::default()));
    each.push(("all levels".to_owned(), all_levels()));
    each
}

#[test]
fn no_level_allocates_on_any_bar() {
    let (win, bars) = (win(), market(20));
    for (name, settings) in each() {
        let mut levels = levels(&settings, &win, brains(&settings, &win).unwrap()).unwrap();
        let mut signals = 0;
        for (n, bar) in bars.iter().enumerate() {
            let hour = Hour::new((9 + n % 8) as u8).unwrap();
            let liquidity = measure(|| {
                levels.liquidity.on_bar(bar);
                let _ = levels.liquidity.strength_at(bar.close);
            });
            let mut regime = None;
            let detector = measure(|| regime = Some(levels.regime.on_bar(bar)));
            let regime = regime.unwrap().regime;
            let meta = &levels.meta;
            let mut decision = None;
            let boss = measure(|| decision = Some(levels.boss.on_bar(bar, || meta.weights(regime, hour))));
            let evaluated = measure(|| {
                if let Some(signal) = decision.unwrap().signal {
                    signals += 1;
                    let view = levels.meta.evaluate(&signal, &levels.boss.votes(), regime, hour);
                    levels.meta.learn(&view.lesson, n % 3 == 0);
                }
            });
            if n >= WARM {
                let counts = [liquidity, detector, boss, evaluated].map(|each| each.count_total);
                assert_eq!(counts, [0; 4], "{name}, bar {n}: liquidity, regime, boss, meta");
            }
        }
        assert!(signals > 10, "{name}: {signals} signals");
    }
}

/// What a bar made, and how much of it lives in a box of its own.
#[derive(Default)]
struct Made {
    records: u64,
    boxes: u64,
    orders: u64,
    fills: u64,
    learned: u64,
    decisions: u64,
}

impl Sink for Made {
    fn record(&mut self, record: Record) {
        self.records += 1;
        self.boxes += u64::from(matches!(record, Record::Decision(_) | Record::Blocked(_) | Record::Trade(_)));
        self.orders += u64::from(matches!(record, Record::Order(_)));
        self.fills += u64::from(matches!(record, Record::Fill(_)));
        self.decisions += u64::from(matches!(record, Record::Decision(_)));
        // Learning writes rows and snapshots, and these hold as much as the policy knows.
        let learns = matches!(record, Record::Learned(_) | Record::Snapshot(_) | Record::SnapshotPruned(_));
        self.learned += u64::from(learns || matches!(record, Record::Policy(_) | Record::PolicyTable(_)));
    }

    fn notice(&mut self, _notice: Notice) {}
}

#[test]
fn a_bar_without_a_record_allocates_nothing_and_another_no_more_than_its_records() {
    let (win, bars) = (win(), market(30));
    for (name, settings) in each() {
        let built = Builder::new(&settings, &win).build().unwrap();
        let mut simulation = Simulation::new(built.engine, built.exchange, built.fill);
        let (mut silent, mut decided) = (0_u64, 0_u64);
        for (n, bar) in bars.iter().enumerate() {
            let mut made = Made::default();
            let counted = measure(|| simulation.on_bar(SYMBOL, bar, &mut made)).count_total;
            if n < WARM {
                continue;
            }
            if made.records == 0 {
                silent += 1;
                assert_eq!(counted, 0, "{name}, bar {n} without a record");
            } else if made.learned == 0 {
                decided += made.decisions;
                // A box for a decision, a stopped signal or an ended trade; the exchange's note of an order; the lots of
                // a fill; and now and then something that is kept of every trade grows.
                let most = made.boxes + made.orders + made.fills + 1;
                assert!(counted <= most, "{name}, bar {n}: {counted} allocations, at most {most}");
            }
        }
        assert!(silent > 5_000 && decided > 5, "{name}: {silent} bars without a record, {decided} decisions");
    }
}
