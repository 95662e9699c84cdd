//! Who looks ahead, repaints, warms up too briefly or forgets too little is found; who does not is not accused.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::sync::{Arc, Mutex};

use alavanca::lookahead::{
    CheckKind, CheckRequest, Findings, Market, Options, check_brain, check_liquidity, check_lookahead, check_regime,
};
use alavanca::settings::{LoadRequest, Settings, load};
use alavanca_adapters_sim::{SyntheticMarket, SyntheticSettings};
use alavanca_kernel::{Bar, ExitAt, Instrument, Price, Regime, Side, Tick, Timestamp, Unit};
use alavanca_liquidity::{LiquidityMap, Zone, ZoneKind};
use alavanca_regime::{RegimeDetector, RegimeView};
use alavanca_signals::{Brain, Opinion, Trigger};

fn market() -> Market {
    let win = Instrument::preset("WIN").unwrap();
    Market::of_bars(
        SyntheticMarket::new(SyntheticSettings { days: 4, ..SyntheticSettings::default() }, &win).unwrap().collect(),
    )
}

/// What a brain does at a bar; `state` is what it remembers, `n` its own count of bars.
struct Planted {
    say: Box<dyn FnMut(&mut [f64; 4], usize, &Bar) -> Opinion + Send>,
    state: [f64; 4],
    bars: usize,
    warmup: usize,
    resets: bool,
}

impl std::fmt::Debug for Planted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Planted")
    }
}

impl Planted {
    fn new(warmup: usize, say: impl FnMut(&mut [f64; 4], usize, &Bar) -> Opinion + Send + 'static) -> Self {
        Self { say: Box::new(say), state: [0.0; 4], bars: 0, warmup, resets: true }
    }
}

impl Brain for Planted {
    fn name(&self) -> &'static str {
        "planted"
    }
    fn warmup_bars(&self) -> usize {
        self.warmup
    }
    fn on_bar(&mut self, bar: &Bar) -> Opinion {
        self.bars += 1;
        (self.say)(&mut self.state, self.bars, bar)
    }
    fn reset(&mut self) {
        self.bars = 0;
        if self.resets {
            self.state = [0.0; 4];
        }
    }
}

fn towards(other: Price, price: Price) -> Opinion {
    Opinion::leaning(if other > price { Some(Side::Buy) } else { Some(Side::Sell) })
}

/// An average of 200 bars' memory.
fn average(state: &mut [f64; 4], n: usize, bar: &Bar) -> Opinion {
    let close = bar.close.to_f64();
    state[0] = if n == 1 { close } else { state[0] + (close - state[0]) / 200.0 };
    Opinion::leaning(Some(if close > state[0] { Side::Buy } else { Side::Sell }))
}

/// All that failed.
#[track_caller]
fn check(findings: &Findings, failed: &[CheckKind]) {
    let found: Vec<CheckKind> = findings.checks.iter().filter(|check| !check.passed).map(|check| check.check).collect();
    assert_eq!(found, failed, "{findings}");
    for check in findings.checks.iter().filter(|check| !check.passed) {
        let first = check.first.as_ref().unwrap();
        assert!(first.bar > 0 && !first.at.is_empty() && first.got != first.expected, "{findings}");
    }
}

fn brain(make: impl Fn(&Market) -> Planted) -> Findings {
    check_brain("PLANTED", |market| Box::new(make(market)), &market(), &Options::default())
}

#[test]
fn one_that_reads_the_next_bar_is_found() {
    let findings = brain(|market| {
        let bars = market.bars.clone();
        Planted::new(1, move |_, n, bar| bars.get(n).map_or(Opinion::NONE, |next| towards(next.close, bar.close)))
    });
    assert!(!findings.check(CheckKind::Prefix).unwrap().passed, "{findings}");
    assert!(!findings.check(CheckKind::Future).unwrap().passed, "{findings}");
    let first = findings.check(CheckKind::Future).unwrap().first.clone().unwrap();
    assert_eq!(first.bar, 1, "the bar before the first cut is the last that can be known: {findings}");
}

/// The first instance writes a cache that all later ones read ahead in.
#[test]
fn one_that_repaints_from_what_all_share_is_found() {
    let cache: Arc<Mutex<Vec<Price>>> = Arc::default();
    let findings = brain(|_| {
        let cache = cache.clone();
        Planted::new(1, move |_, n, bar| {
            let mut seen = cache.lock().unwrap();
            if seen.len() < n {
                seen.push(bar.close);
            }
            seen.get(n).map_or(Opinion::NONE, |next| towards(*next, bar.close))
        })
    });
    // It never sees the other future: of that it has its own.
    check(&findings, &[CheckKind::Prefix, CheckKind::Future, CheckKind::Repeat, CheckKind::Reset, CheckKind::Warmup]);
}

/// Sound alone, but two in turns disturb each other.
#[test]
fn one_whose_instances_share_a_state_is_found_by_turns() {
    let last: Arc<Mutex<Price>> = Arc::default();
    let findings = brain(|_| {
        let last = last.clone();
        Planted::new(2, move |_, n, bar| {
            let before = std::mem::replace(&mut *last.lock().unwrap(), bar.close);
            if n == 1 { Opinion::NONE } else { towards(bar.close, before) }
        })
    });
    check(&findings, &[CheckKind::Repeat]);
}

#[test]
fn one_with_too_short_a_warmup_is_found_and_told_how_long() {
    check(&brain(|_| Planted::new(1_000, average)), &[]);
    let findings = brain(|_| Planted::new(20, average));
    check(&findings, &[CheckKind::Warmup]);
    let note = &findings.check(CheckKind::Warmup).unwrap().note;
    assert!(note.contains("the declared 20 bars") && note.contains("declare a longer warm-up"), "{note}");
}

#[test]
fn one_that_a_reset_does_not_clear_is_found() {
    let findings = brain(|_| {
        let forgetful = |state: &mut [f64; 4], _: usize, bar: &Bar| {
            state[0] += (bar.close.to_f64() - state[0]) / 50.0;
            Opinion::leaning(Some(if bar.close.to_f64() > state[0] { Side::Buy } else { Side::Sell }))
        };
        Planted { resets: false, ..Planted::new(900, forgetful) }
    });
    check(&findings, &[CheckKind::Reset]);
}

#[test]
fn what_cannot_be_is_found() {
    let trigger = |side, strength: f64, stop, target| {
        let trigger = Trigger { side, strength: Unit::new(strength).unwrap(), stop, target };
        brain(move |_| Planted::new(1, move |_, _, _| Opinion { bias: None, trigger: Some(trigger) }))
    };
    let (zero, ten, high) = (Price::ZERO, Price::from_raw(10), Price::from_raw(900_000 * Price::SCALE));
    check(&trigger(Side::Buy, 0.5, ExitAt::Distance(ten), Some(ExitAt::Price(high))), &[]);
    check(&trigger(Side::Sell, 0.5, ExitAt::Price(high), None), &[]);
    let unsound = [CheckKind::Sound];
    check(&trigger(Side::Buy, 0.5, ExitAt::Distance(zero), None), &unsound);
    check(&trigger(Side::Buy, 0.0, ExitAt::Distance(ten), None), &unsound);
    check(&trigger(Side::Buy, 0.5, ExitAt::Price(high), None), &unsound);
    check(&trigger(Side::Sell, 0.5, ExitAt::Price(high), Some(ExitAt::Price(high))), &unsound);
    check(&trigger(Side::Buy, 0.5, ExitAt::Distance(ten), Some(ExitAt::Distance(zero))), &unsound);
}

/// A detector that looks at how many bars there will be.
#[derive(Debug)]
struct Ahead {
    total: usize,
    view: RegimeView,
}

impl RegimeDetector for Ahead {
    fn on_bar(&mut self, _bar: &Bar) -> RegimeView {
        let seen = self.view.bars_in_regime + 1;
        let regime = if seen as usize * 2 > self.total { Regime::TrendUp } else { Regime::Range };
        self.view = RegimeView { regime, bars_in_regime: seen, ..RegimeView::UNKNOWN };
        self.view
    }
    fn view(&self) -> RegimeView {
        RegimeView { transition: true, ..self.view }
    }
    fn warmup_bars(&self) -> usize {
        1
    }
    fn reset(&mut self) {
        self.view = RegimeView::UNKNOWN;
    }
}

/// A map whose zones lie on the wrong side.
#[derive(Debug)]
struct Astray(Price);

impl LiquidityMap for Astray {
    fn on_bar(&mut self, bar: &Bar) {
        self.0 = bar.close;
    }
    fn strength_at(&self, _price: Price) -> Option<Unit> {
        Some(Unit::ONE)
    }
    fn nearest(&self, _price: Price) -> (Option<Zone>, Option<Zone>) {
        (None, Some(Zone { price: self.0, strength: Unit::ONE, touches: 0, kind: ZoneKind::Volume }))
    }
    fn warmup_bars(&self) -> usize {
        1
    }
    fn reset(&mut self) {}
}

#[test]
fn a_detector_and_a_map_are_found_too() {
    let make = |market: &Market| -> Box<dyn RegimeDetector> {
        Box::new(Ahead { total: market.bars.len(), view: RegimeView::UNKNOWN })
    };
    let findings = check_regime("AHEAD", make, &market(), &Options::default());
    assert!(!findings.check(CheckKind::Prefix).unwrap().passed, "{findings}");
    assert!(!findings.check(CheckKind::Sound).unwrap().passed, "{findings}");
    let findings = check_liquidity("ASTRAY", |_| Box::new(Astray(Price::ZERO)), &market(), &Options::default());
    check(&findings, &[CheckKind::Sound]);
}

/// A brain of ticks that keeps their count for all.
#[derive(Debug, Default)]
struct OfTicks {
    shared: Option<Arc<Mutex<usize>>>,
    ticks: usize,
}

impl Brain for OfTicks {
    fn name(&self) -> &'static str {
        "of_ticks"
    }
    fn warmup_bars(&self) -> usize {
        1
    }
    fn on_bar(&mut self, _bar: &Bar) -> Opinion {
        Opinion::NONE
    }
    fn on_tick(&mut self, tick: &Tick) -> Option<Opinion> {
        self.ticks += 1;
        let count = match &self.shared {
            Some(shared) => {
                let mut count = shared.lock().unwrap();
                *count += 1;
                *count
            }
            // The same whenever it begins.
            None => tick.last.raw() as usize,
        };
        Some(Opinion::leaning(Some(if count.is_multiple_of(3) { Side::Buy } else { Side::Sell })))
    }
    fn wants_ticks(&self) -> bool {
        true
    }
    fn reset(&mut self) {
        self.ticks = 0;
    }
}

#[test]
fn ticks_are_shown_to_who_wants_them() {
    let tick = |n: i64| {
        let price = Price::from_raw((130_000 + n % 17) * Price::SCALE + n % 3);
        Tick { time: Timestamp::from_secs(1_615_494_900 + 7 * n), bid: price, ask: price, last: price, volume: 1 }
    };
    let market = Market::of_ticks((0..5_000).map(tick).collect(), 60);
    assert!(market.bars.len() > 500);
    let of = |shared: &Option<Arc<Mutex<usize>>>| {
        let make = |_: &Market| -> Box<dyn Brain> { Box::new(OfTicks { shared: shared.clone(), ticks: 0 }) };
        check_brain("OF_TICKS", make, &market, &Options::default())
    };
    let clean = of(&None);
    check(&clean, &[]);
    assert!(clean.spoke > 4_900 && clean.events > 5_400, "{clean:?}");
    assert!(!of(&Some(Arc::default())).is_clean());
}

#[test]
fn every_prefix_is_shown_where_that_is_asked_for() {
    // Differs on one prefix alone, that of 777 bars.
    let make = |market: &Market| -> Box<dyn Brain> {
        let odd = market.bars.len() == 777;
        Box::new(Planted::new(1, move |_, n, _| Opinion::leaning((odd && n == 5).then_some(Side::Buy))))
    };
    let bars = Market::of_bars(market().bars[..900].to_vec());
    check(&check_brain("ODD", make, &bars, &Options::default()), &[]);
    let thorough = Options { thorough: true, ..Options::default() };
    check(&check_brain("ODD", make, &bars, &thorough), &[CheckKind::Prefix]);
}

fn of_settings(data: Option<&Path>, settings: &Settings, rows: usize) {
    let request = CheckRequest {
        data: data.map(Path::to_path_buf),
        symbol: None,
        data_tz: None,
        accept_faults_percent: 1.0,
        rows,
        all: true,
        options: Options::default(),
    };
    let checked = check_lookahead(&request, settings, &mut |_| {}).unwrap();
    let text: Vec<String> = checked.findings.iter().filter(|of| !of.is_clean()).map(ToString::to_string).collect();
    assert!(checked.is_clean(), "{}", text.join("\n"));
}

fn each_level() -> Vec<Settings> {
    let regimes = ["ADX_ATR", "MULTI_SCALE"];
    let maps = ["SWING_VOLUME", "ZONES", "RELATIVE_VOLUME", "NONE"];
    let mut all = Vec::new();
    for (key, name) in
        regimes.map(|name| ("REGIME_DETECTOR", name)).into_iter().chain(maps.map(|name| ("LIQUIDITY_MAP", name)))
    {
        let flags = [(key.to_owned(), name.to_owned())].into();
        all.extend(load(&LoadRequest { flags, ..LoadRequest::default() }).ok().map(|loaded| loaded.settings));
    }
    assert!(all.len() >= 3, "what is built in can be chosen");
    all
}

#[test]
fn what_is_built_in_does_not_look_ahead() {
    for settings in each_level() {
        of_settings(None, &settings, 10_000);
    }
}

#[test]
fn what_is_built_in_does_not_look_ahead_on_recorded_markets() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let mut tried = 0;
    for file in ["mt5/winn_m1_2021-03_commas.csv.gz", "mt5/winn_m15_2020_2021_commas.csv.gz"] {
        let path = folder.join(file);
        if !path.exists() {
            eprintln!("SKIPPED: {} is not there", path.display());
            continue;
        }
        tried += 1;
        for settings in each_level() {
            of_settings(Some(&path), &settings, 6_000);
        }
    }
    eprintln!("{tried} files");
}
