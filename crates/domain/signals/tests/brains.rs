//! What holds for every brain, and what each of the two ATR brains trades.

use alavanca_indicators::{Adx, Ema};
use alavanca_kernel::{Bar, ExitAt, Price, Side};
use alavanca_signals::{
    Brain, EmaTrend, EmaTrendConfig, EmaTrendSettings, MeanReversion, MeanReversionConfig, MeanReversionSettings,
    Opinion, SmaCross, SmaCrossConfig, SmaCrossSettings,
};
use proptest::prelude::*;

/// Bars with trends, ranges and jumps; prices are whole multiples of `unit`.
fn market(start: i64, unit: i64, seed: u64, count: usize) -> Vec<Bar> {
    let (mut seed, mut close) = (seed, start);
    let bar = |i: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let draw = |shift: u32, below: u64| ((seed >> shift) % below) as i64;
        let drift = [5, 0, -5, 0][i / 80 % 4];
        let open = close;
        close = (open + draw(33, 41) - 20 + drift).max(1_000);
        let price = |whole: i64| Price::from_raw(whole * unit);
        let (high, low) = (open.max(close) + draw(40, 15), open.min(close) - draw(48, 15));
        Bar { open: price(open), high: price(high), low: price(low), close: price(close), ..Bar::default() }
    };
    (0..count).map(bar).collect()
}

fn brains(tick: Price) -> [Box<dyn Brain>; 3] {
    [
        Box::new(SmaCross::new(SmaCrossConfig::new(SmaCrossSettings::default(), tick).expect("the defaults"))),
        Box::new(EmaTrend::new(EmaTrendConfig::new(EmaTrendSettings::default(), tick).expect("the defaults"))),
        Box::new(MeanReversion::new(
            MeanReversionConfig::new(MeanReversionSettings::default(), tick).expect("the defaults"),
        )),
    ]
}

fn run(brain: &mut dyn Brain, bars: &[Bar]) -> Vec<Opinion> {
    bars.iter().map(|bar| brain.on_bar(bar)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn nobody_sees_the_future(seed in any::<u64>(), cut in 1_usize..600) {
        let bars = market(130_000, Price::SCALE, seed, 600);
        // The same past with another future.
        let mut other = bars.clone();
        other[cut..].reverse();
        for (brain, twin) in brains(Price::ZERO).iter_mut().zip(brains(Price::ZERO).iter_mut()) {
            let full = run(&mut **brain, &bars);
            let prefix = run(&mut **twin, &bars[..cut]);
            prop_assert_eq!(&full[..cut], &prefix[..], "{}", brain.name());
            twin.reset();
            prop_assert_eq!(&full[..cut], &run(&mut **twin, &other)[..cut], "{} after a reset", brain.name());
        }
    }

    #[test]
    fn the_price_level_does_not_matter(seed in any::<u64>()) {
        // The same shape as an index at 130,000 and as a currency at 1.3.
        let (index, currency) = (market(130_000, Price::SCALE, seed, 800), market(130_000, 1_000, seed, 800));
        for (large, small) in brains(Price::ZERO).iter_mut().zip(brains(Price::ZERO).iter_mut()).skip(1) {
            for (a, b) in run(&mut **large, &index).into_iter().zip(run(&mut **small, &currency)) {
                prop_assert_eq!(a.bias, b.bias);
                prop_assert_eq!(a.trigger.map(|t| t.side), b.trigger.map(|t| t.side));
                if let (Some(a), Some(b)) = (a.trigger, b.trigger) {
                    let raw = |exit| match exit {
                        ExitAt::Distance(distance) => distance.raw() as f64,
                        ExitAt::Price(price) => panic!("{price} is no distance"),
                    };
                    let ratio = Price::SCALE as f64 / 1_000.0;
                    prop_assert!((raw(a.stop) / raw(b.stop) / ratio - 1.0).abs() < 1e-3);
                    prop_assert!((a.strength.get() - b.strength.get()).abs() < 1e-9);
                }
            }
        }
    }

    #[test]
    fn stops_and_targets_are_whole_ticks_above_zero(seed in any::<u64>()) {
        let tick = Price::from_raw(5 * Price::SCALE);
        let bars = market(130_000, Price::SCALE, seed, 800);
        for brain in &mut brains(tick)[1..] {
            for trigger in run(&mut **brain, &bars).into_iter().filter_map(|opinion| opinion.trigger) {
                for exit in [Some(trigger.stop), trigger.target].into_iter().flatten() {
                    let ExitAt::Distance(distance) = exit else { panic!("{exit:?} is no distance") };
                    prop_assert!(distance >= tick && distance.to_tick(tick) == distance, "{distance}");
                }
            }
        }
    }

    #[test]
    fn a_trigger_goes_the_way_the_brain_leans(seed in any::<u64>()) {
        let bars = market(130_000, Price::SCALE, seed, 800);
        for brain in &mut brains(Price::ZERO) {
            for opinion in run(&mut **brain, &bars) {
                if let Some(trigger) = opinion.trigger {
                    prop_assert_eq!(Some(trigger.side), opinion.bias);
                    prop_assert!(trigger.strength.get() > 0.0);
                }
            }
        }
    }

    #[test]
    fn ema_trend_triggers_once_per_crossing_and_only_in_a_trend(seed in any::<u64>()) {
        let bars = market(130_000, Price::SCALE, seed, 1_200);
        let mut brain = EmaTrend::new(EmaTrendConfig::new(EmaTrendSettings::default(), Price::ZERO).unwrap());
        let (mut fast, mut slow, mut adx) = (Ema::new(9), Ema::new(21), Adx::new(14));
        let (mut side, mut crossing, mut used) = (None, 0, 0);
        for bar in &bars {
            let close = bar.close.raw() as f64;
            let averages = (fast.push(close), slow.push(close));
            let adx = adx.push(bar);
            if let (Some(fast), Some(slow)) = averages {
                let now = if fast > slow { Side::Buy } else { Side::Sell };
                crossing += i32::from(side.is_some() && side != Some(now));
                side = Some(now);
            }
            let opinion = brain.on_bar(bar);
            prop_assert_eq!(opinion.bias.is_some(), adx.is_some_and(|adx| adx >= 25.0));
            let expected = opinion.bias.is_some() && crossing > used;
            prop_assert_eq!(opinion.trigger.map(|t| t.side), side.filter(|_| expected));
            if let (true, Some(trigger)) = (expected, opinion.trigger) {
                used = crossing;
                prop_assert_eq!(trigger.strength.get().to_bits(), (adx.unwrap_or(0.0) / 50.0).min(1.0).to_bits());
            }
        }
    }
}

#[test]
fn every_brain_trades_the_markets_it_is_made_for() {
    let bars = market(130_000, Price::SCALE, 7, 20_000);
    for brain in &mut brains(Price::ZERO) {
        let opinions = run(&mut **brain, &bars);
        for side in [Side::Buy, Side::Sell] {
            let triggers = opinions.iter().filter(|o| o.trigger.is_some_and(|t| t.side == side)).count();
            assert!((20..2_000).contains(&triggers), "{} {side}: {triggers}", brain.name());
        }
        let last_silent = brain.warmup_bars();
        assert!(opinions[last_silent..].iter().any(|o| o.bias.is_some()));
    }
}

#[test]
fn mean_reversion_buys_the_first_bar_of_a_fall_and_aims_for_the_middle() {
    let mut brain =
        MeanReversion::new(MeanReversionConfig::new(MeanReversionSettings::default(), Price::ZERO).unwrap());
    let bar = |close: i64| {
        let price = |whole: i64| Price::from_raw(whole * Price::SCALE);
        Bar { open: price(close), high: price(close + 1), low: price(close - 1), close: price(close), ..Bar::default() }
    };
    let quiet: Vec<_> = (0..100).map(|i| bar(1_000 + i % 2)).collect();
    assert!(run(&mut brain, &quiet).iter().all(|opinion| opinion.trigger.is_none()));
    let fall = brain.on_bar(&bar(980));
    let trigger = fall.trigger.expect("20 below a band a few wide");
    assert_eq!((fall.bias, trigger.side), (Some(Side::Buy), Side::Buy));
    // The last 20 closes: ten 1001, nine 1000, one 980; the middle is 999.5.
    assert_eq!(trigger.target, Some(ExitAt::Distance("19.5".parse().unwrap())));
    // Before the fall every true range is 2; the fall's is 22 (1002 − 979 less what the close before allows: 1001).
    let atr = (2.0 * 13.0 + 22.0) / 14.0;
    let ExitAt::Distance(stop) = trigger.stop else { panic!("{trigger:?}") };
    assert!((stop.to_f64() - 1.5 * atr).abs() < 1e-6, "{stop}");
    let second = brain.on_bar(&bar(975));
    assert_eq!((second.bias, second.trigger), (Some(Side::Buy), None), "the fall was told already");
}

#[test]
fn refuses_settings_that_cannot_be() {
    let trend = EmaTrendSettings::default();
    for (settings, key) in [
        (EmaTrendSettings { fast: 21, ..trend }, "EMA_TREND_FAST"),
        (EmaTrendSettings { slow: 0, ..trend }, "EMA_TREND_SLOW"),
        (EmaTrendSettings { adx_period: 1, ..trend }, "EMA_TREND_ADX_PERIOD"),
        (EmaTrendSettings { adx_min: f64::NAN, ..trend }, "EMA_TREND_ADX_MIN"),
        (EmaTrendSettings { adx_min: 100.1, ..trend }, "EMA_TREND_ADX_MIN"),
        (EmaTrendSettings { atr_period: 0, ..trend }, "EMA_TREND_ATR_PERIOD"),
        (EmaTrendSettings { stop_atr: 0.0, ..trend }, "EMA_TREND_STOP_ATR"),
        (EmaTrendSettings { target_atr: f64::INFINITY, ..trend }, "EMA_TREND_TARGET_ATR"),
    ] {
        assert_eq!(EmaTrendConfig::new(settings, Price::ZERO).unwrap_err().key, key, "{settings:?}");
    }
    let back = MeanReversionSettings::default();
    for (settings, key) in [
        (MeanReversionSettings { period: 1, ..back }, "MEAN_REVERSION_PERIOD"),
        (MeanReversionSettings { period: 1_001, ..back }, "MEAN_REVERSION_PERIOD"),
        (MeanReversionSettings { width: -2.0, ..back }, "MEAN_REVERSION_WIDTH"),
        (MeanReversionSettings { rsi_period: 1, ..back }, "MEAN_REVERSION_RSI_PERIOD"),
        (MeanReversionSettings { rsi_edge: 50.1, ..back }, "MEAN_REVERSION_RSI_EDGE"),
        (MeanReversionSettings { atr_period: 0, ..back }, "MEAN_REVERSION_ATR_PERIOD"),
        (MeanReversionSettings { stop_atr: f64::NAN, ..back }, "MEAN_REVERSION_STOP_ATR"),
    ] {
        assert_eq!(MeanReversionConfig::new(settings, Price::ZERO).unwrap_err().key, key, "{settings:?}");
    }
}
