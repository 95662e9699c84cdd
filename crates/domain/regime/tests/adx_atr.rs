//! The detector on markets whose regime is known, and the rules that hold in every market.

use alavanca_indicators::{Adx, Atr};
use alavanca_kernel::{Bar, Price, Regime};
use alavanca_regime::{AdxAtrConfig, AdxAtrDetector, AdxAtrSettings, FixedRegime, Phase, RegimeDetector, RegimeView};
use proptest::prelude::*;

fn detector() -> AdxAtrDetector {
    AdxAtrDetector::new(AdxAtrConfig::default())
}

/// Draws bars with a drift and a noise per bar, each from where the last one ended.
struct Market {
    seed: u64,
    close: i64,
    bars: Vec<Bar>,
}

impl Market {
    fn new(seed: u64) -> Self {
        Self { seed, close: 130_000, bars: Vec::new() }
    }

    /// Swings around where it is.
    fn hold(self, count: usize, noise: i64) -> Self {
        let level = self.close;
        (0..count).fold(self, |market, _| {
            let back = (level - market.close) / 4;
            market.go(1, back, noise)
        })
    }

    fn go(mut self, count: usize, drift: i64, noise: i64) -> Self {
        for _ in 0..count {
            self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let draw = |shift: u32, spread: i64| ((self.seed >> shift) % (2 * spread as u64 + 1)) as i64 - spread;
            let open = self.close;
            self.close = (open + drift + draw(33, noise)).max(10_000);
            let price = |whole: i64| Price::from_raw(whole * Price::SCALE);
            let (high, low) = (open.max(self.close), open.min(self.close));
            self.bars.push(Bar {
                open: price(open),
                high: price(high + draw(40, noise).abs() / 2),
                low: price(low - draw(48, noise).abs() / 2),
                close: price(self.close),
                ..Bar::default()
            });
        }
        self
    }
}

fn run(detector: &mut dyn RegimeDetector, bars: &[Bar]) -> Vec<RegimeView> {
    bars.iter().map(|bar| detector.on_bar(bar)).collect()
}

#[test]
fn known_markets_are_told_apart() {
    // Each market twenty times: what share of its last bars is called what it is.
    let check = |name: &str, go_on: fn(Market) -> Market, last: usize, share: f64, expected: Regime| {
        let mut right = 0;
        for seed in 0..20 {
            let views = run(&mut detector(), &go_on(Market::new(seed).hold(300, 20)).bars);
            right += views[views.len() - last..].iter().filter(|view| view.regime == expected).count();
        }
        let got = right as f64 / (20 * last) as f64;
        assert!(got >= share, "{name}: {got} of the bars are {expected}");
    };
    check("up", |calm| calm.go(60, 12, 8), 30, 0.95, Regime::TrendUp);
    check("down", |calm| calm.go(60, -12, 8), 30, 0.95, Regime::TrendDown);
    check("range", |calm| calm.hold(400, 20), 400, 0.85, Regime::Range);
    check("wild without direction", |calm| calm.hold(25, 40), 10, 0.6, Regime::HighVol);
    check("in uproar without direction", |calm| calm.hold(15, 200), 5, 0.5, Regime::Chaotic);
    check("in uproar with direction", |calm| calm.go(20, 120, 20), 5, 0.95, Regime::HighVol);
    check("a spent trend", |calm| calm.go(60, 8, 12).hold(20, 12), 5, 0.6, Regime::Exhaustion);
}

#[test]
fn chaos_does_not_wait_for_the_dwell() {
    let settings = AdxAtrSettings { min_dwell_bars: 10_000, ..AdxAtrSettings::default() };
    let last = |go_on: fn(Market) -> Market| -> Vec<Regime> {
        let config = AdxAtrConfig::new(settings).unwrap();
        let calm = |seed| Market::new(seed).hold(300, 20);
        (0..20)
            .map(|seed| run(&mut AdxAtrDetector::new(config), &go_on(calm(seed)).bars).pop().unwrap().regime)
            .collect()
    };
    let trends = last(|calm| calm.go(60, 12, 8));
    assert!(trends.iter().all(|&regime| regime == Regime::Range), "the dwell holds back the rest: {trends:?}");
    let uproars = last(|calm| calm.hold(15, 200));
    assert!(uproars.iter().filter(|&&regime| regime == Regime::Chaotic).count() >= 10, "{uproars:?}");
}

#[test]
fn a_still_market_is_a_range() {
    let still = Market::new(1).go(300, 0, 0);
    assert_eq!(run(&mut detector(), &still.bars)[299].regime, Regime::Range);
}

#[test]
fn unknown_until_warmed_up_and_no_transition_out_of_it() {
    let warmup = detector().warmup_bars();
    let views = run(&mut detector(), &Market::new(5).go(200, 0, 20).bars);
    assert!(views[..warmup - 1].iter().all(|view| view.regime == Regime::Unknown && !view.transition));
    let first = views[warmup - 1];
    assert_ne!(first.regime, Regime::Unknown);
    assert_eq!((first.transition, first.bars_in_regime), (false, 1));
}

fn settings() -> impl Strategy<Value = AdxAtrSettings> {
    (1_u32..8, 0_u32..8).prop_map(|(min_dwell_bars, transition_bars)| AdxAtrSettings {
        min_dwell_bars,
        transition_bars,
        ..AdxAtrSettings::default()
    })
}

fn markets() -> impl Strategy<Value = Vec<Bar>> {
    let stretch = (20_usize..120, -15_i64..=15, prop::sample::select(vec![3_i64, 10, 20, 60, 200]));
    (any::<u64>(), prop::collection::vec(stretch, 3..9)).prop_map(|(seed, stretches)| {
        let market = Market::new(seed).go(120, 0, 20);
        stretches.into_iter().fold(market, |market, (count, drift, noise)| market.go(count, drift, noise)).bars
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_rules_hold_in_every_market(settings in settings(), bars in markets()) {
        let mut detector = AdxAtrDetector::new(AdxAtrConfig::new(settings).unwrap());
        let (mut adx, mut fast, mut slow) =
            (Adx::new(settings.adx_period), Atr::new(settings.atr_fast), Atr::new(settings.atr_slow));
        let mut before = detector.view();
        let mut since_change = None;
        for bar in &bars {
            let (adx_now, fast, slow) = (adx.push(bar), fast.push(bar), slow.push(bar));
            let view = detector.on_bar(bar);
            prop_assert_eq!(detector.view(), view);
            let changed = view.regime != before.regime;
            prop_assert_eq!(view.bars_in_regime, if changed { 1 } else { before.bars_in_regime + 1 });
            if changed && before.regime != Regime::Unknown {
                since_change = Some(0);
                prop_assert!(
                    before.bars_in_regime >= settings.min_dwell_bars || view.regime == Regime::Chaotic,
                    "{:?} left for {:?}", before, view
                );
            }
            let fresh = since_change.is_some_and(|bars| bars < settings.transition_bars);
            prop_assert_eq!(view.transition, fresh, "{:?}", view);
            since_change = since_change.map(|bars| bars + 1);
            if let (true, Some(adx_now), Some(fast), Some(slow)) = (changed, adx_now, fast, slow) {
                let ratio = fast / slow;
                match view.regime {
                    Regime::TrendUp => prop_assert!(adx_now >= settings.adx_exit && adx.plus_di() > adx.minus_di()),
                    Regime::TrendDown => prop_assert!(adx_now >= settings.adx_exit && adx.minus_di() > adx.plus_di()),
                    Regime::Range => prop_assert!(adx_now < settings.adx_enter && ratio < settings.high_vol_enter),
                    Regime::HighVol => prop_assert!(ratio >= settings.high_vol_exit),
                    Regime::Chaotic => prop_assert!(adx_now < settings.adx_enter && ratio >= settings.chaotic_exit),
                    Regime::Exhaustion => {
                        let most = 100.0 * (1.0 - settings.exhaustion_drop);
                        prop_assert!((settings.adx_exit..=most).contains(&adx_now));
                    }
                    Regime::Unknown => prop_assert!(false, "nothing becomes unknown again"),
                }
            }
            before = view;
        }
    }

    #[test]
    fn nobody_sees_the_future(bars in markets(), share in 0.0_f64..1.0) {
        let cut = (bars.len() as f64 * share) as usize;
        let mut other = bars.clone();
        other[cut..].reverse();
        let full = run(&mut detector(), &bars);
        let mut twin = detector();
        prop_assert_eq!(&full[..cut], &run(&mut twin, &other)[..cut]);
        twin.reset();
        prop_assert_eq!(full, run(&mut twin, &bars), "after a reset");
    }
}

/// A regime between its two bounds stays what it was: the ADX crosses `enter` upwards before a trend begins, and
/// `exit` downwards before it ends.
#[test]
fn trends_begin_at_the_upper_bound_and_end_below_the_lower() {
    let settings = AdxAtrSettings { min_dwell_bars: 1, exhaustion_peak: 100.0, ..AdxAtrSettings::default() };
    let (mut begun_between, mut kept_between) = (0, 0);
    for seed in 0..40 {
        let market = Market::new(seed).go(200, 0, 20).go(40, 4, 20).go(100, 0, 20).go(40, -4, 20).go(200, 0, 20);
        let mut detector = AdxAtrDetector::new(AdxAtrConfig::new(settings).unwrap());
        let mut adx = Adx::new(settings.adx_period);
        let trend = |view: RegimeView| matches!(view.regime, Regime::TrendUp | Regime::TrendDown);
        let calm = |view: RegimeView| matches!(view.regime, Regime::Range);
        for bar in &market.bars {
            let before = detector.view();
            let (Some(adx), view) = (adx.push(bar), detector.on_bar(bar)) else { continue };
            let between = (settings.adx_exit..settings.adx_enter).contains(&adx);
            begun_between += u32::from(between && calm(before) && trend(view));
            kept_between += u32::from(between && trend(before) && trend(view));
            assert!(!(trend(view) && adx < settings.adx_exit), "{view:?} at {adx}");
            assert!(!(calm(view) && adx >= settings.adx_enter), "{view:?} at {adx}");
        }
    }
    assert_eq!(begun_between, 0);
    assert!(kept_between > 50, "{kept_between}");
}

#[test]
fn a_fixed_regime_is_fixed() {
    let mut fixed = FixedRegime::new(Regime::TrendDown);
    let bars = Market::new(1).go(10, 0, 50).bars;
    let last = run(&mut fixed, &bars)[9];
    assert_eq!((last.regime, last.transition, last.bars_in_regime), (Regime::TrendDown, false, 10));
    assert_eq!(last.phase, Phase::Settled);
}

#[test]
fn refuses_settings_that_cannot_be() {
    let good = AdxAtrSettings::default();
    for (settings, key) in [
        (AdxAtrSettings { adx_period: 1, ..good }, "REGIME_ADX_PERIOD"),
        (AdxAtrSettings { adx_enter: f64::NAN, ..good }, "REGIME_ADX_ENTER"),
        (AdxAtrSettings { adx_exit: 25.1, ..good }, "REGIME_ADX_EXIT"),
        (AdxAtrSettings { atr_fast: 100, ..good }, "REGIME_ATR_FAST"),
        (AdxAtrSettings { atr_slow: 1, ..good }, "REGIME_ATR_SLOW"),
        (AdxAtrSettings { high_vol_enter: 0.9, ..good }, "REGIME_HIGH_VOL_ENTER"),
        (AdxAtrSettings { high_vol_enter: 2.6, ..good }, "REGIME_HIGH_VOL_ENTER"),
        (AdxAtrSettings { high_vol_exit: 1.6, ..good }, "REGIME_HIGH_VOL_EXIT"),
        (AdxAtrSettings { chaotic_enter: f64::INFINITY, ..good }, "REGIME_CHAOTIC_ENTER"),
        (AdxAtrSettings { chaotic_exit: 2.6, ..good }, "REGIME_CHAOTIC_EXIT"),
        (AdxAtrSettings { exhaustion_peak: 24.9, ..good }, "REGIME_EXHAUSTION_PEAK"),
        (AdxAtrSettings { exhaustion_drop: 0.0, ..good }, "REGIME_EXHAUSTION_DROP"),
        (AdxAtrSettings { min_dwell_bars: 0, ..good }, "REGIME_MIN_DWELL_BARS"),
        (AdxAtrSettings { transition_bars: 10_001, ..good }, "REGIME_TRANSITION_BARS"),
    ] {
        assert_eq!(AdxAtrConfig::new(settings).unwrap_err().key, key, "{settings:?}");
    }
    assert!(AdxAtrConfig::new(good).is_ok());
}
