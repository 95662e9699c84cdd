//! Walk-forward: what is learned comes from before, what is counted from after, and where there is nothing to find
//! nothing is found.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use alavanca::backtest_types::{SourceFacts, Stop};
use alavanca::extensions::Extensions;
use alavanca::settings::{LoadRequest, Settings, load};
use alavanca::walkforward::{
    Learn, Objective, Plan, TradingDays, Variant, Verdict, WalkReport, WalkRequest, run_walkforward, shuffled, walk,
};
use alavanca_adapters_sim::{SyntheticMarket, SyntheticSettings};
use alavanca_calendar::TradingZone;
use alavanca_kernel::{Bar, ExitAt, Instrument, Price, Side, Timestamp, Unit};
use alavanca_signals::{Brain, Opinion, Trigger};

fn settings(flags: &[(&str, &str)], extensions: Extensions) -> Settings {
    let flags: BTreeMap<_, _> = flags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    load(&LoadRequest { flags, extensions, ..LoadRequest::default() }).unwrap().settings
}

fn win() -> Instrument {
    Instrument::preset("WIN").unwrap()
}

/// Days of five minutes.
fn market(seed: u64, days: u32) -> Vec<Bar> {
    let settings = SyntheticSettings { seed, days, bar_seconds: 300, ..SyntheticSettings::default() };
    SyntheticMarket::new(settings, &win()).unwrap().collect()
}

fn source() -> SourceFacts {
    SourceFacts {
        name: "made up".to_owned(),
        synthetic: true,
        kind: "bars".to_owned(),
        first: None,
        last: None,
        clock: None,
        rows: 0,
        faulty: 0,
        faults: Vec::new(),
        gaps: 0,
        sha256: String::new(),
    }
}

fn request(train: usize, test: usize) -> WalkRequest {
    let plan = Plan { train: TradingDays(train), test: TradingDays(test), step: TradingDays(test), ..Plan::default() };
    WalkRequest { plan, threads: 2, accept_faults_percent: 1.0, ..WalkRequest::default() }
}

fn run(bars: &[Bar], request: &WalkRequest, settings: &[Settings]) -> WalkReport {
    let variants: Vec<_> = settings
        .iter()
        .enumerate()
        .map(|(n, settings)| Variant { name: format!("variant {n}"), settings: settings.clone() })
        .collect();
    walk(bars, "WIN", source(), request, &variants, &mut |_| {}).unwrap()
}

/// Of every signal alike, at base size, without limits that end a day: as much as can be seen of a brain.
const BARE: [(&str, &str); 7] = [
    ("RL_POLICY_ENABLED", "false"),
    ("REALAVANCAGEM_ENABLED", "false"),
    ("RISK_DAILY_LOSS_LIMIT_BRL", "none"),
    ("RISK_MAX_CONSECUTIVE_LOSSES", "0"),
    ("OPERATOR_CAPITAL_BRL", "1000000"),
    ("MARGIN_PER_CONTRACT_BRL", "900000"),
    ("SIGNAL_BAR_SECONDS", "300"),
];

fn trigger(side: Side, points: i64) -> Trigger {
    let distance = ExitAt::Distance(Price::from_raw(points * Price::SCALE));
    Trigger { side, strength: Unit::ONE, stop: distance, target: Some(distance) }
}

/// With the close beyond all of the last bars; stop and target as far as each other.
#[derive(Debug, Default)]
struct Breakout {
    highs: Vec<Price>,
    lows: Vec<Price>,
}

const BARS: usize = 12;

impl Brain for Breakout {
    fn name(&self) -> &'static str {
        "breakout"
    }
    fn warmup_bars(&self) -> usize {
        BARS
    }
    fn on_bar(&mut self, bar: &Bar) -> Opinion {
        let highest = self.highs.iter().max().copied();
        let lowest = self.lows.iter().min().copied();
        let full = self.highs.len() == BARS;
        self.highs.push(bar.high);
        self.lows.push(bar.low);
        if full {
            self.highs.remove(0);
            self.lows.remove(0);
        }
        let side = match (highest, lowest) {
            (Some(highest), _) if full && bar.close > highest => Some(Side::Buy),
            (_, Some(lowest)) if full && bar.close < lowest => Some(Side::Sell),
            _ => None,
        };
        Opinion { bias: side, trigger: side.map(|side| trigger(side, 400)) }
    }
    fn reset(&mut self) {
        *self = Self::default();
    }
}

fn breakout(flags: &[(&str, &str)]) -> Settings {
    let flags: Vec<_> = BARE.iter().chain(&[("BRAINS", "OWN_BREAKOUT")]).chain(flags).copied().collect();
    settings(&flags, Extensions::new().brain("OWN_BREAKOUT", |_| Ok(Box::<Breakout>::default())))
}

/// Knows what the next bars will do.
type Future = Arc<Mutex<BTreeMap<Timestamp, Side>>>;

#[derive(Debug)]
struct Peek(Future);

impl Brain for Peek {
    fn name(&self) -> &'static str {
        "peek"
    }
    fn warmup_bars(&self) -> usize {
        1
    }
    fn on_bar(&mut self, bar: &Bar) -> Opinion {
        let side = self.0.lock().unwrap().get(&bar.time).copied();
        Opinion { bias: side, trigger: side.map(|side| trigger(side, 300)) }
    }
    fn reset(&mut self) {}
}

fn peek(bars: &[Bar]) -> Settings {
    let sides = bars.windows(7).map(|bars| {
        let rises = bars[6].close > bars[0].close;
        (bars[0].time, if rises { Side::Buy } else { Side::Sell })
    });
    let future: Future = Arc::new(Mutex::new(sides.collect()));
    let flags: Vec<_> = BARE.iter().chain(&[("BRAINS", "PEEK")]).copied().collect();
    settings(&flags, Extensions::new().brain("PEEK", move |_| Ok(Box::new(Peek(Arc::clone(&future))))))
}

/// Buys, and never sells.
#[derive(Debug)]
struct Hoarder;

impl Brain for Hoarder {
    fn name(&self) -> &'static str {
        "hoarder"
    }
    fn warmup_bars(&self) -> usize {
        1
    }
    fn on_bar(&mut self, _bar: &Bar) -> Opinion {
        let stop = ExitAt::Distance(Price::from_raw(60_000 * Price::SCALE));
        let trigger = Trigger { side: Side::Buy, strength: Unit::ONE, stop, target: None };
        Opinion { bias: Some(Side::Buy), trigger: Some(trigger) }
    }
    fn reset(&mut self) {}
}

fn zone(settings: &Settings) -> TradingZone {
    TradingZone::new(&settings.zone).unwrap()
}

/// Mean over its standard error.
fn t_of(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    mean / (variance / n).sqrt()
}

/// The null test's market has nothing to be found: before costs a breakout makes nothing on it, over many seeds. On the
/// market it was made from it does.
#[test]
fn shuffled_markets_show_no_edge() {
    let settings = breakout(&[]);
    let request = request(10, 10);
    let (mut real, mut null, mut trades) = (Vec::new(), Vec::new(), 0);
    for seed in 1..=24 {
        let bars = market(seed, 61);
        let none = shuffled(&bars, win().tick, zone(&settings), seed);
        real.push(run(&bars, &request, std::slice::from_ref(&settings)).gate.mean_daily_gross);
        let report = run(&none, &request, std::slice::from_ref(&settings));
        null.push(report.gate.mean_daily_gross);
        trades += report.gate.trades;
    }
    assert!(trades > 1_500, "{trades} trades");
    // Of a fair game a t beyond 4 comes about once in 2,000 sets of seeds.
    assert!(t_of(&null).abs() < 4.0, "shuffled: t = {:.2}", t_of(&null));
    assert!(t_of(&real) > 4.0, "the market itself has trends: t = {:.2}", t_of(&real));
}

/// Whoever sees the future wins even where there is nothing to be seen: the evaluation notices an edge that is there.
#[test]
fn a_look_ahead_is_seen_as_an_edge() {
    let bars = market(3, 61);
    let plain = settings(&[], Extensions::new());
    let none = shuffled(&bars, win().tick, zone(&plain), 3);
    let report = run(&none, &WalkRequest { null: 19, ..request(20, 10) }, &[peek(&none)]);
    assert_eq!(report.verdict, Verdict::Edge, "{:?}", report.intervals);
    let null = report.null.unwrap();
    // On the copies it looks at what is not theirs.
    assert!((null.p_value - 0.05).abs() < 1e-12 && null.mean_daily_net.len() == 19, "{null:?}");

    let honest = run(&none, &WalkRequest { null: 19, ..request(20, 10) }, &[breakout(&[])]);
    assert_ne!(honest.verdict, Verdict::Edge);
    assert!(honest.null.unwrap().p_value > 0.05);
}

/// Whatever the bars after a window's end are, everything before it is what it was.
#[test]
fn the_train_window_never_sees_what_comes_after() {
    let bars = market(5, 61);
    let variants = [
        settings(&[("SIGNAL_BAR_SECONDS", "300")], Extensions::new()),
        settings(&[("SIGNAL_BAR_SECONDS", "300"), ("BRAINS", "SMA_CROSS")], Extensions::new()),
    ];
    let request = WalkRequest { objective: Objective::TStatistic, ..request(20, 10) };
    let whole = run(&bars, &request, &variants);
    assert_eq!(whole.folds.len(), 4);
    let traded: usize = whole.folds.iter().map(|fold| fold.trained_on.trades).sum();
    assert!(traded > 40, "{traded} trades to learn from");
    let other = market(77, 61);
    let per_day = bars.len() / 61;
    for (number, fold) in whole.folds.iter().enumerate() {
        // From the train window's end, its embargo with it.
        let end = (number * 10 + 20) * per_day;
        let changed: Vec<Bar> = bars[..end].iter().chain(&other[end..]).copied().collect();
        let again = &run(&changed, &request, &variants).folds[number];
        assert_eq!(again.trained, fold.trained, "fold {number}");
        assert_eq!(again.trained_on, fold.trained_on, "fold {number}");
        assert_eq!((&again.chosen, &again.objectives), (&fold.chosen, &fold.objectives), "fold {number}");
        assert_ne!(again.gate, fold.gate, "other days have other trades");
        // From the test window's end.
        let end = (number * 10 + 31) * per_day;
        let changed: Vec<Bar> = bars[..end].iter().chain(&other[end..]).copied().collect();
        assert_eq!(&run(&changed, &request, &variants).folds[number], fold);
    }
}

/// The embargo's days are seen by levels and by nothing that trades or learns.
#[test]
fn the_embargo_is_not_traded() {
    let bars = market(5, 42);
    let settings = [breakout(&[])];
    let with = |embargo| {
        let request = request(20, 10);
        run(&bars, &WalkRequest { plan: Plan { embargo: TradingDays(embargo), ..request.plan }, ..request }, &settings)
    };
    let (none, two) = (with(0), with(2));
    assert_eq!(none.folds[0].trained, two.folds[0].trained, "the embargo teaches nothing");
    assert_eq!(none.folds[0].trained_on, two.folds[0].trained_on);
    assert_ne!(none.folds[0].test, two.folds[0].test);
}

#[test]
fn a_trade_over_the_train_windows_end_is_purged() {
    let flags: Vec<_> =
        BARE.iter().chain(&[("BRAINS", "HOARDER"), ("instrument.WIN.session", "ALWAYS")]).copied().collect();
    let hoarder = settings(&flags, Extensions::new().brain("HOARDER", |_| Ok(Box::new(Hoarder))));
    let report = run(&market(2, 41), &request(20, 10), &[hoarder]);
    assert_eq!(report.folds.len(), 2);
    for fold in &report.folds {
        assert!(fold.purged);
        assert_eq!((fold.trained_on.trades, fold.gate.trades), (0, 1), "closed at the test window's end");
    }
    let report = run(&market(2, 41), &request(20, 10), &[breakout(&[])]);
    assert!(report.folds.iter().all(|fold| !fold.purged), "flat over night");
}

#[test]
fn the_report_is_the_same_on_any_number_of_threads() {
    let bars = market(8, 61);
    let variants = [breakout(&[]), breakout(&[("ON_OPPOSITE_SIGNAL", "CLOSE")])];
    let on = |threads| {
        let report = run(&bars, &WalkRequest { threads, null: 5, ..request(20, 10) }, &variants);
        serde_json::to_string(&report).unwrap()
    };
    let one = on(1);
    assert_eq!(one, on(2));
    assert_eq!(one, on(7));
}

/// Frozen: what the train window taught, and no more.
#[test]
fn a_frozen_policy_learns_nothing_on_test_days() {
    let bars = market(4, 61);
    let flags = [
        ("SIGNAL_BAR_SECONDS", "300"),
        ("BRAINS", "OWN_BREAKOUT"),
        ("RISK_DAILY_LOSS_LIMIT_BRL", "none"),
        ("RISK_MAX_CONSECUTIVE_LOSSES", "0"),
        ("RL_UPDATE_BATCH_SIZE", "1"),
    ];
    let settings = [settings(&flags, Extensions::new().brain("OWN_BREAKOUT", |_| Ok(Box::<Breakout>::default())))];
    let with = |learn| run(&bars, &WalkRequest { learn, ..request(10, 40) }, &settings);
    let (online, frozen) = (with(Learn::Online), with(Learn::Frozen));
    let trained = |report: &WalkReport| report.folds.iter().map(|fold| fold.trained.clone()).collect::<Vec<_>>();
    assert_eq!(trained(&online), trained(&frozen));
    assert_ne!(online.gate, frozen.gate, "lessons of test days change choices of test days");
    assert_eq!(online.level4, frozen.level4, "without a gate there is nothing to freeze");
}

#[test]
fn one_that_is_asked_to_end_says_so() {
    let stop = Stop::default();
    stop.ask();
    let report = run(&market(4, 61), &WalkRequest { stop, null: 2, ..request(20, 10) }, &[breakout(&[])]);
    assert!(report.interrupted && report.folds.is_empty() && report.null.is_none());
    assert_eq!(report.verdict, Verdict::TooLittle);
}

#[test]
fn what_cannot_be_is_refused() {
    let said = |request: &WalkRequest, days: &str, variants: usize| {
        let settings = settings(&[("SYNTHETIC_DAYS", days)], Extensions::new());
        let variants = vec![Variant { name: String::new(), settings }; variants];
        run_walkforward(request, &variants, &mut |_| {}).unwrap_err().to_string()
    };
    insta::assert_snapshot!(
        [
            said(&request(60, 20), "40", 1),
            said(&request(60, 20), "4", 1),
            said(&request(0, 20), "40", 1),
            said(&request(6, 2), "10", 65),
            said(&WalkRequest { symbol: Some("PETR4".to_owned()), ..request(6, 2) }, "10", 1),
        ]
        .join("\n")
    );
}
