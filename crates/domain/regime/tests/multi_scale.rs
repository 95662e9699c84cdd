//! The detector on several scales: what it measures, and what it is not taken in by.
#![allow(clippy::unwrap_used, reason = "tests and their helpers")]

mod known;

use alavanca_calendar::{TradingZone, ZoneSettings};
use alavanca_kernel::{Bar, Price, Regime, Timestamp};
use alavanca_regime::{MultiScaleConfig, MultiScaleDetector, MultiScaleSettings, Phase, RegimeDetector, RegimeView};
use proptest::prelude::*;

use known::{BARS_OF_DAY, Draws, market};

fn detector(settings: MultiScaleSettings) -> MultiScaleDetector {
    let zone = TradingZone::new(&ZoneSettings::default()).unwrap();
    MultiScaleDetector::new(MultiScaleConfig::new(settings).unwrap(), zone)
}

fn usual() -> MultiScaleDetector {
    detector(MultiScaleSettings::default())
}

fn run(detector: &mut dyn RegimeDetector, bars: &[Bar]) -> Vec<RegimeView> {
    bars.iter().map(|bar| detector.on_bar(bar)).collect()
}

/// Days of bars without memory; the deviation of each is what is asked for, and nights jump by so much.
fn walk(days: i64, seed: u64, night: f64, deviation: impl Fn(i64, usize) -> f64) -> Vec<Bar> {
    let (mut draws, mut price, mut bars) = (Draws(seed), 130_000.0_f64, Vec::new());
    for day in 0..days {
        price += night * draws.bell();
        for n in 0..BARS_OF_DAY {
            let unit = deviation(day, n);
            let (open, mut high, mut low) = (price, price, price);
            for _ in 0..6 {
                price += unit * draws.bell() / 6.0_f64.sqrt();
                (high, low) = (high.max(price), low.min(price));
            }
            let raw = |price: f64| Price::from_raw((price * Price::SCALE as f64) as i64);
            bars.push(Bar {
                // 2021-03-01 09:00 in Brasília.
                time: Timestamp::from_secs(1_614_600_000 + day * 86_400 + n as i64 * 60),
                open: raw(open),
                high: raw(high),
                low: raw(low),
                close: raw(price),
                seconds: 60,
                ..Bar::default()
            });
        }
    }
    bars
}

/// Of the bars of a day's part, the share in these regimes; the first days are for learning.
fn share(views: &[RegimeView], learn: usize, part: std::ops::Range<usize>, of: &[Regime]) -> f64 {
    let bars = views.iter().enumerate().skip(learn * BARS_OF_DAY).filter(|(n, _)| part.contains(&(n % BARS_OF_DAY)));
    let (all, those) =
        bars.fold((0, 0), |(all, those), (_, view)| (all + 1, those + u32::from(of.contains(&view.regime))));
    f64::from(those) / f64::from(all)
}

const VOLATILE: [Regime; 2] = [Regime::HighVol, Regime::Chaotic];

#[test]
fn a_volatile_open_is_usual_and_a_volatile_noon_is_not() {
    let open = 0..45;
    let shape = |_: i64, n: usize| if open.contains(&n) { 135.0 } else { 45.0 };
    let bars = walk(30, 5, 0.0, shape);
    let knows = share(&run(&mut usual(), &bars), 8, open.clone(), &VOLATILE);
    let flat = MultiScaleSettings { day_shape_days: 0, ..MultiScaleSettings::default() };
    let ignores = share(&run(&mut detector(flat), &bars), 8, open.clone(), &VOLATILE);
    assert!(knows < 0.1 && ignores > 0.7, "{knows} {ignores}");

    // The same restlessness at noon of the last day is what it is.
    let noon = 200..245;
    let bars = walk(30, 5, 0.0, |day, n| if day == 29 && noon.contains(&n) { 135.0 } else { shape(day, n) });
    let views = run(&mut usual(), &bars);
    assert!(share(&views, 29, 208..245, &VOLATILE) > 0.8);
    assert!(share(&views, 29, 100..200, &VOLATILE) < 0.1);
}

#[test]
fn nights_and_weekends_are_no_chaos() {
    let calm = walk(20, 7, 0.0, |_, _| 45.0);
    let jumpy = walk(20, 7, 4_000.0, |_, _| 45.0);
    assert!(jumpy[BARS_OF_DAY].open.raw() - jumpy[BARS_OF_DAY - 1].close.raw() != 0);
    // What nights do is left out to the last bit.
    assert_eq!(run(&mut usual(), &jumpy), run(&mut usual(), &calm));
    // Within a session a jump counts.
    let mut gap = calm.clone();
    for bar in &mut gap[10 * BARS_OF_DAY + 200..] {
        let by = 4_000 * Price::SCALE;
        for price in [&mut bar.open, &mut bar.high, &mut bar.low, &mut bar.close] {
            *price = Price::from_raw(price.raw() + by);
        }
    }
    let at = 10 * BARS_OF_DAY + 200;
    let views = run(&mut usual(), &gap);
    assert!(VOLATILE.contains(&views[at + 1].regime), "{:?}", views[at + 1]);
    // And a bar alone does not change what is usual: soon all is calm again.
    assert!(views[at + 60..at + 300].iter().all(|view| !VOLATILE.contains(&view.regime)));
}

#[test]
fn a_market_without_memory_is_a_range_most_of_the_time() {
    let bars = walk(40, 11, 500.0, |_, _| 45.0);
    let views = run(&mut usual(), &bars);
    let range = share(&views, 5, 0..BARS_OF_DAY, &[Regime::Range]);
    let volatile = share(&views, 5, 0..BARS_OF_DAY, &VOLATILE);
    assert!(range > 0.6 && volatile < 0.01, "{range} {volatile}");
}

#[test]
fn a_still_market_is_a_range() {
    let mut bars = walk(1, 1, 0.0, |_, _| 0.0);
    bars.truncate(400);
    let last = run(&mut usual(), &bars)[399];
    assert_eq!((last.regime, last.phase), (Regime::Range, Phase::Settled));
}

#[test]
fn a_straight_way_up_is_a_trend_and_a_turn_is_seen() {
    let mut bars = walk(2, 3, 0.0, |_, _| 20.0);
    for (n, bar) in bars.iter_mut().enumerate() {
        let by = if n < 500 { n as i64 } else { 1_000 - n as i64 } * 20 * Price::SCALE;
        for price in [&mut bar.open, &mut bar.high, &mut bar.low, &mut bar.close] {
            *price = Price::from_raw(price.raw() + by);
        }
    }
    let views = run(&mut usual(), &bars);
    assert!(views[200..490].iter().all(|view| view.regime == Regime::TrendUp && !view.transition));
    let turned = views[500..].iter().position(|view| view.regime == Regime::TrendDown).unwrap();
    assert!(turned < 200, "{turned} bars after the turn");
    let seen = |regime: Regime| views[500..500 + turned].iter().any(|view| view.regime == regime);
    assert!(seen(Regime::Exhaustion), "a trend that ends runs out first");
}

/// Prices twice as high, or in another currency, are the same market.
#[test]
fn the_unit_of_price_does_not_matter() {
    let bars = market(9, 8).bars;
    let twice = bars.iter().map(|bar| {
        let double = |price: Price| Price::from_raw(2 * price.raw());
        let [open, high, low, close] = [bar.open, bar.high, bar.low, bar.close].map(double);
        Bar { open, high, low, close, ..*bar }
    });
    assert_eq!(run(&mut usual(), &bars), run(&mut usual(), &twice.collect::<Vec<_>>()));
}

#[test]
fn unknown_until_warmed_up_and_no_transition_out_of_it() {
    for scales in [vec![1], vec![2, 6, 18], vec![1, 5, 15, 60]] {
        let mut detector = detector(MultiScaleSettings { scales, ..MultiScaleSettings::default() });
        let views = run(&mut detector, &market(2, 2).bars);
        let known = views.iter().position(|view| view.regime != Regime::Unknown).unwrap();
        assert_eq!(known + 1, detector.warmup_bars());
        assert_eq!((views[known].transition, views[known].bars_in_regime), (false, 1));
        assert!(views[..known].iter().all(|view| view.phase == Phase::WarmingUp && !view.transition));
    }
}

/// After a restart the history that is shown decides: with enough of it, the views are those of a run that never stopped.
#[test]
fn what_is_long_past_is_forgotten() {
    let bars = market(4, 70).bars;
    let whole = run(&mut usual(), &bars);
    let (from, to) = (bars.len() - 42 * BARS_OF_DAY, bars.len() - 5 * BARS_OF_DAY);
    let part = run(&mut usual(), &bars[from..]);
    let same = whole[to..].iter().zip(&part[to - from..]).filter(|(whole, part)| whole.regime == part.regime).count();
    assert!(same as f64 > 0.995 * (bars.len() - to) as f64, "{same} of {}", bars.len() - to);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn nobody_sees_the_future(seed in any::<u64>(), cut in 1_usize..2_000) {
        let bars = market(seed, 4).bars;
        let cut = cut.min(bars.len());
        let whole = run(&mut usual(), &bars);
        let mut again = usual();
        run(&mut again, &bars);
        again.reset();
        prop_assert_eq!(&run(&mut again, &bars[..cut])[..], &whole[..cut]);
    }
}

type Change = fn(&mut MultiScaleSettings);

#[test]
fn refuses_settings_that_cannot_be() {
    let good = MultiScaleSettings::default();
    let with = |change: Change| {
        let mut settings = good.clone();
        change(&mut settings);
        MultiScaleConfig::new(settings).map_err(|error| error.key)
    };
    let cases: [(&str, Change, Change); 22] = [
        ("REGIME_SCALES", |s| s.scales = vec![], |s| s.scales = vec![1]),
        ("REGIME_SCALES", |s| s.scales = vec![2, 2], |s| s.scales = vec![2, 3]),
        ("REGIME_SCALES", |s| s.scales = vec![0, 2], |s| s.scales = vec![1, 2]),
        ("REGIME_SCALES", |s| s.scales = vec![1_001], |s| s.scales = vec![1_000]),
        ("REGIME_SCALES", |s| s.scales = vec![1, 2, 3, 4, 5, 6], |s| s.scales = vec![1, 2, 3, 4, 5]),
        ("REGIME_SCALES_PERIOD", |s| s.period = 1, |s| s.period = 2),
        ("REGIME_SCALES_TREND_ENTER", |s| s.trend_enter = 1.01, |s| s.trend_enter = 1.0),
        ("REGIME_SCALES_TREND_ENTER", |s| s.trend_enter = f64::NAN, |s| s.trend_enter = 0.2),
        ("REGIME_SCALES_TREND_EXIT", |s| s.trend_exit = 0.56, |s| s.trend_exit = 0.55),
        ("REGIME_SCALES_VOL_SLOW", |s| s.vol_slow = 1, |s| s.vol_slow = 13),
        ("REGIME_SCALES_VOL_FAST", |s| s.vol_fast = 1_000, |s| s.vol_fast = 999),
        ("REGIME_SCALES_DAY_SHAPE_DAYS", |s| s.day_shape_days = 1_001, |s| s.day_shape_days = 1_000),
        ("REGIME_SCALES_CHAOTIC_ENTER", |s| s.chaotic_enter = f64::INFINITY, |s| s.chaotic_enter = 100.0),
        ("REGIME_SCALES_HIGH_ENTER", |s| s.high_enter = 3.26, |s| s.high_enter = 3.25),
        ("REGIME_SCALES_HIGH_EXIT", |s| s.high_exit = 1.61, |s| s.high_exit = 1.6),
        ("REGIME_SCALES_CHAOTIC_EXIT", |s| s.chaotic_exit = 3.26, |s| s.chaotic_exit = 3.25),
        ("REGIME_SCALES_CHAOTIC_EXIT", |s| s.chaotic_exit = 1.19, |s| s.chaotic_exit = 1.2),
        ("REGIME_SCALES_SPENT_PEAK", |s| s.spent_peak = -0.1, |s| s.spent_peak = 0.0),
        ("REGIME_SCALES_SPENT_DROP", |s| s.spent_drop = 0.0, |s| s.spent_drop = 0.01),
        ("REGIME_SCALES_PERSIST_BARS", |s| s.persist_bars = 0, |s| s.persist_bars = 1),
        ("REGIME_SCALES_MIN_DWELL_BARS", |s| s.min_dwell_bars = 0, |s| s.min_dwell_bars = 1),
        ("REGIME_SCALES_COOL_OFF_BARS", |s| s.cool_off_bars = 10_001, |s| s.cool_off_bars = 0),
    ];
    for (key, refused, passes) in cases {
        assert_eq!(with(refused).unwrap_err(), key);
        assert!(with(passes).is_ok(), "{key}: {:?}", with(passes));
    }
}
