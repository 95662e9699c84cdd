//! With every level on, an engine that is shown a part of the market records what one that is shown the whole records up
//! to there: on bars and on ticks. And with a brain of one's own it goes on after a restart as if nothing had happened.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;

use alavanca::builder::Builder;
use alavanca::extensions::Extensions;
use alavanca::settings::{BRAINS, LoadRequest, Settings, load};
use alavanca::simulation::Simulation;
use alavanca_adapters_sim::{SyntheticMarket, SyntheticSettings};
use alavanca_engine::{Record, Restored};
use alavanca_kernel::{Bar, ExitAt, Instrument, Price, Side, SymbolId, Tick, Unit};
use alavanca_signals::{Brain, Opinion, Trigger};
use alavanca_tests::Recorder;

const SYMBOL: SymbolId = SymbolId::new(0);

fn settings(flags: &[(&str, &str)], extensions: Extensions) -> Option<Settings> {
    let flags: BTreeMap<String, String> =
        flags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    load(&LoadRequest { flags, extensions, ..LoadRequest::default() }).ok().map(|loaded| loaded.settings)
}

/// Everything on, and an allocation at every bar: what the levels say is recorded also where nobody trades.
fn all_levels() -> Settings {
    let brains = BRAINS.join(",");
    let flags = [
        ("BRAINS", brains.as_str()),
        ("LIQUIDITY_MAP", "ZONES"),
        ("RECORD_EVERY_BAR", "true"),
        ("UPDATE_BATCH_SIZE", "5"),
        ("REALAVANCAGEM_REQUIRE_PROFIT_TODAY", "false"),
    ];
    let known: Vec<_> = flags.into_iter().filter(|flag| settings(&[*flag], Extensions::new()).is_some()).collect();
    assert!(known.len() >= 4, "{known:?}");
    let with_regime = [known.as_slice(), &[("REGIME_DETECTOR", "MULTI_SCALE")]].concat();
    settings(&with_regime, Extensions::new()).or_else(|| settings(&known, Extensions::new())).unwrap()
}

fn win() -> Instrument {
    Instrument::preset("WIN").unwrap()
}

fn bars(days: u32) -> Vec<Bar> {
    SyntheticMarket::new(SyntheticSettings { days, ..SyntheticSettings::default() }, &win()).unwrap().collect()
}

/// Four ticks a bar, within it.
fn ticks(bars: &[Bar]) -> Vec<Tick> {
    let tick = win().tick;
    let of = |bar: &Bar| {
        let (close, volume) = (bar.close, bar.volume / 4);
        [bar.open, bar.low, bar.high, close].map(|last| (last, volume))
    };
    let within = |bar: &Bar, place: usize| bar.time.plus_secs(i64::from(bar.seconds) * place as i64 / 4);
    bars.iter()
        .flat_map(|bar| of(bar).into_iter().enumerate().map(|(place, of)| (within(bar, place), of)).collect::<Vec<_>>())
        .map(|(time, (last, volume))| Tick { time, bid: last, ask: last + tick, last, volume })
        .collect()
}

struct Run {
    simulation: Simulation,
    recorder: Recorder,
}

impl Run {
    fn new(settings: &Settings) -> Self {
        let built = Builder::new(settings, &win()).build().unwrap();
        let simulation = Simulation::new(built.engine, built.exchange, built.fill);
        Self { simulation, recorder: Recorder::default() }
    }

    fn bar(&mut self, bar: &Bar) {
        self.simulation.on_bar(SYMBOL, bar, &mut self.recorder);
    }

    fn tick(&mut self, tick: &Tick) {
        self.simulation.on_tick(SYMBOL, tick, &mut self.recorder);
    }
}

/// Shows the whole, and parts of it to engines of their own.
#[track_caller]
fn check<T>(settings: &Settings, market: &[T], parts: usize, show: fn(&mut Run, &T)) -> Vec<Record> {
    let mut whole = Run::new(settings);
    let mut until = Vec::with_capacity(market.len());
    for seen in market {
        show(&mut whole, seen);
        until.push(whole.recorder.records.len());
    }
    let even = (1..parts).map(|part| market.len() * part / parts);
    for cut in [1, 2, 59, 211].into_iter().chain(even) {
        let mut part = Run::new(settings);
        for seen in &market[..cut] {
            show(&mut part, seen);
        }
        let (got, expected) = (&part.recorder.records, &whole.recorder.records[..until[cut - 1]]);
        for (place, (got, expected)) in got.iter().zip(expected).enumerate() {
            assert_eq!(got, expected, "record {place}, shown the first {cut} of {}", market.len());
        }
        assert_eq!(got.len(), expected.len(), "shown the first {cut} of {}", market.len());
    }
    whole.recorder.records
}

#[test]
fn any_part_of_the_bars_gives_the_records_of_the_whole() {
    let records = check(&all_levels(), &bars(8), 5, Run::bar);
    let of = |what: fn(&Record) -> bool| records.iter().filter(|record| what(record)).count();
    assert!(of(|record| matches!(record, Record::Decision(_))) > 20, "decisions are made");
    assert!(of(|record| matches!(record, Record::Learned(_))) > 5, "and learned from");
    assert!(of(|record| matches!(record, Record::Allocation(_))) > 1_000, "and every bar says what the levels know");
    let voters = records.iter().filter_map(|record| match record {
        Record::Decision(decision) => Some(decision.votes.len()),
        _ => None,
    });
    assert!(voters.into_iter().all(|voters| voters == BRAINS.len()), "every brain has a vote");
    assert!(records.iter().any(|record| matches!(record, Record::Decision(d) if d.zones.iter().all(Option::is_some))));
}

#[test]
fn any_part_of_the_ticks_gives_the_records_of_the_whole() {
    let records = check(&all_levels(), &ticks(&bars(4)), 4, Run::tick);
    assert!(records.iter().filter(|record| matches!(record, Record::Decision(_))).count() > 5);
}

/// Closes above or below those of the last hour.
#[derive(Debug, Default)]
struct HourBreakout {
    closes: Vec<Price>,
}

impl Brain for HourBreakout {
    fn name(&self) -> &'static str {
        "hour_breakout"
    }
    fn warmup_bars(&self) -> usize {
        61
    }
    fn on_bar(&mut self, bar: &Bar) -> Opinion {
        let side = match (self.closes.iter().max(), self.closes.iter().min()) {
            (Some(high), _) if bar.close > *high => Some(Side::Buy),
            (_, Some(low)) if bar.close < *low => Some(Side::Sell),
            _ => None,
        };
        if self.closes.len() == 60 {
            self.closes.remove(0);
        }
        self.closes.push(bar.close);
        let stop = ExitAt::Distance(Price::from_raw(150 * Price::SCALE));
        Opinion {
            bias: side,
            trigger: side.map(|side| Trigger { side, strength: Unit::ONE, stop, target: Some(stop) }),
        }
    }
    fn reset(&mut self) {
        self.closes.clear();
    }
}

/// What is of one's own is not stored: shown as many bars of history as it declares, it is where it was.
#[test]
fn a_brain_of_ones_own_is_warmed_up_from_history_after_a_restart() {
    let own = Extensions::new().brain("HOUR_BREAKOUT", |_| Ok(Box::new(HourBreakout::default())));
    // Of the built-in detectors, the one that learns no shape of the day: six hundred bars are all it needs.
    let levels = [("BRAINS", "HOUR_BREAKOUT"), ("REGIME_DETECTOR", "ADX_ATR"), ("LIQUIDITY_MAP", "NONE")];
    let settings = settings(&levels, own).unwrap();
    let market = bars(12);
    let mut whole = Run::new(&settings);
    for bar in &market {
        whole.bar(bar);
    }
    assert!(whole.recorder.decisions().len() > 20);

    for cut in [900, 2_222, 5_000] {
        let mut run = Run::new(&settings);
        let mut stored = None;
        for bar in &market[..cut] {
            run.bar(bar);
            stored = run.simulation.engine_mut().take_checkpoint().or(stored);
        }
        let policy = run.simulation.engine().policy().checkpoint().tables;
        let mut engine = Builder::new(&settings, &win()).engine().unwrap();
        let snapshots = run.recorder.records.iter().filter_map(|record| match record {
            Record::Snapshot(snapshot) => Some((**snapshot).clone()),
            _ => None,
        });
        let restored = Restored { checkpoint: stored.unwrap(), policy, snapshots: snapshots.collect() };
        engine.restore(restored).unwrap();
        // The detector's own averages settle within some hundred bars.
        for bar in &market[cut - 600..cut] {
            engine.warm(SYMBOL, bar);
        }
        run.simulation.replace_engine(engine);
        for bar in &market[cut..] {
            run.bar(bar);
        }
        let (got, expected) = (run.recorder.decisions(), whole.recorder.decisions());
        let told = |d: &alavanca_engine::DecisionRecord| (d.id, d.context.at, d.signal, d.votes, d.context.regime);
        assert_eq!(
            got.iter().map(told).collect::<Vec<_>>(),
            expected.iter().map(told).collect::<Vec<_>>(),
            "cut after {cut} bars"
        );
    }
}
