//! What holds for every brain, and what the trend and the reversion trade.

use alavanca_calendar::{MarketClock, Session, SessionRule, SessionSettings, TradingZone, ZoneSettings};
use alavanca_indicators::{Adx, Ema};
use alavanca_kernel::{Bar, ExitAt, Price, Side, Timestamp};
use alavanca_signals::{
    Brain, Breakout, BreakoutConfig, BreakoutSettings, EmaTrend, EmaTrendConfig, EmaTrendSettings, MeanReversion,
    MeanReversionConfig, MeanReversionSettings, Momentum, MomentumConfig, MomentumSettings, OpeningRange,
    OpeningRangeConfig, OpeningRangeSettings, Opinion, SmaCross, SmaCrossConfig, SmaCrossSettings, Squeeze,
    SqueezeConfig, SqueezeSettings, VwapPullback, VwapPullbackConfig, VwapPullbackSettings,
};
use proptest::prelude::*;

/// Bars of a trading day here: 09:00 to 18:00 in São Paulo.
const PER_DAY: usize = 540;

/// When the i-th minute begins, on days that follow each other without weekends, in a market that never rests.
fn time(i: usize) -> Timestamp {
    let (day, minute) = (18_694 + i / PER_DAY, i % PER_DAY);
    Timestamp::from_secs((day * 86_400 + 12 * 3_600 + minute * 60) as i64)
}

fn clock() -> MarketClock {
    let rule =
        SessionRule::new(Session::by_name("B3").expect("B3"), &SessionSettings::default()).expect("the defaults");
    MarketClock::new(TradingZone::new(&ZoneSettings::default()).expect("the defaults"), rule)
}

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
        let volume = 50 + draw(20, 100).unsigned_abs();
        let prices =
            Bar { open: price(open), high: price(high), low: price(low), close: price(close), ..Bar::default() };
        Bar { time: time(i), seconds: 60, volume, ..prices }
    };
    (0..count).map(bar).collect()
}

/// All of them, with their defaults. The crossing of averages, whose exits do not go by volatility, is the first.
fn brains(tick: Price) -> [Box<dyn Brain>; 8] {
    let (trend, reversion) = (EmaTrendSettings::default(), MeanReversionSettings::default());
    let (vwap, opening) = (VwapPullbackSettings::default(), OpeningRangeSettings::default());
    [
        Box::new(SmaCross::new(SmaCrossConfig::new(SmaCrossSettings::default(), tick).expect("the defaults"))),
        Box::new(EmaTrend::new(EmaTrendConfig::new(trend, tick).expect("the defaults"))),
        Box::new(MeanReversion::new(MeanReversionConfig::new(reversion, tick).expect("the defaults"))),
        Box::new(Momentum::new(MomentumConfig::new(MomentumSettings::default(), tick).expect("the defaults"))),
        Box::new(Breakout::new(BreakoutConfig::new(BreakoutSettings::default(), tick).expect("the defaults"))),
        Box::new(Squeeze::new(SqueezeConfig::new(SqueezeSettings::default(), tick).expect("the defaults"))),
        Box::new(OpeningRange::new(OpeningRangeConfig::new(opening, tick).expect("the defaults"), clock())),
        Box::new(VwapPullback::new(VwapPullbackConfig::new(vwap, tick).expect("the defaults"), clock())),
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

/// Prices from the smallest unit to the limit, still bars and bars without volume among them.
fn extreme() -> impl Strategy<Value = Vec<Bar>> {
    let limit = Price::LIMIT.raw();
    let price = prop_oneof![1_i64..100, Just(limit), 1_i64..=limit, Just(13_000_000_000_000)];
    let volume = prop_oneof![Just(0_u64), 1_u64..1_000, Just(u64::MAX)];
    let row = (price.clone(), price, 0_i64..1_000, volume);
    prop::collection::vec(row, 1..700).prop_map(|rows| {
        let bar = |(i, (open, close, reach, volume)): (usize, (i64, i64, i64, u64))| Bar {
            time: time(i),
            seconds: 60,
            open: Price::from_raw(open),
            high: Price::from_raw(open.max(close).saturating_add(reach).min(Price::LIMIT.raw())),
            low: Price::from_raw((open.min(close) - reach).max(1)),
            close: Price::from_raw(close),
            volume,
            ..Bar::default()
        };
        rows.into_iter().enumerate().map(bar).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn no_price_breaks_a_brain(bars in extreme(), tick in prop_oneof![Just(0_i64), Just(1), Just(500_000_000)]) {
        for brain in &mut brains(Price::from_raw(tick))[1..] {
            for trigger in run(&mut **brain, &bars).into_iter().filter_map(|opinion| opinion.trigger) {
                prop_assert!(trigger.strength.get() > 0.0, "{} {trigger:?}", brain.name());
                for exit in [Some(trigger.stop), trigger.target].into_iter().flatten() {
                    let ExitAt::Distance(distance) = exit else { panic!("{exit:?} is no distance") };
                    let most = Price::LIMIT + Price::from_raw(tick);
                    prop_assert!(distance.is_positive() && distance <= most, "{} {exit:?}", brain.name());
                }
            }
        }
    }

    #[test]
    fn after_its_warm_up_a_late_start_is_forgotten(seed in any::<u64>(), start in 1_usize..PER_DAY) {
        let bars = market(130_000, Price::SCALE, seed, 4 * PER_DAY);
        for (brain, late) in brains(Price::ZERO).iter_mut().zip(brains(Price::ZERO).iter_mut()) {
            let full = run(&mut **brain, &bars);
            let late_run = run(&mut **late, &bars[start..]);
            // From the first whole day on, for those that need one.
            let day = if late.warmup_days() > 0 { PER_DAY * late.warmup_days() } else { 0 };
            let from = (start + late.warmup_bars()).max(day);
            let pairs = || full[from..].iter().zip(&late_run[from - start..]);
            // Averages never quite forget, so that a bar at a bound may fall on its other side.
            let other_bias = pairs().filter(|(a, b)| a.bias != b.bias).count();
            prop_assert!(other_bias * 100 <= pairs().count(), "{}: {other_bias} leanings differ", late.name());
            // EMA_TREND and MOMENTUM wait for a confirmation as long as a side lasts: one that began before the start
            // is not known to the late one.
            let sides = |it: &Opinion| it.trigger.map(|trigger| trigger.side);
            let other = pairs().filter(|(a, b)| sides(a) != sides(b)).count();
            let bound = match late.name() {
                "sma_cross_10_30" | "opening_range_15" => 0,
                _ => 2,
            };
            prop_assert!(other <= bound, "{}: {other} triggers differ", late.name());
            for (a, b) in pairs() {
                if let (Some(a), Some(b)) = (a.trigger, b.trigger) {
                    let apart = (a.strength.get() - b.strength.get()).abs();
                    prop_assert!(apart < 0.02, "{}: strengths are {apart} apart", late.name());
                }
            }
        }
    }
}

#[test]
fn a_market_without_movement_or_volume_gives_no_signal() {
    let price = Price::from_raw(13_000_000_000_000);
    for (volume, moves) in [(0, false), (100, false), (0, true)] {
        let still = |i: usize| {
            let price = if moves { price + Price::from_raw((i as i64 % 2) * 500_000_000) } else { price };
            let prices = Bar { open: price, high: price, low: price, close: price, ..Bar::default() };
            Bar { time: time(i), seconds: 60, volume, ..prices }
        };
        let bars: Vec<_> = (0..3 * PER_DAY).map(still).collect();
        for brain in &mut brains(Price::ZERO)[1..] {
            let triggers = run(&mut **brain, &bars).iter().filter(|opinion| opinion.trigger.is_some()).count();
            assert_eq!(triggers, 0, "{} volume {volume} moves {moves}", brain.name());
        }
    }
}

#[test]
fn names_tell_brains_apart_and_carry_their_parameters() {
    let names = brains(Price::ZERO).map(|brain| brain.name().to_owned());
    let expected = [
        "sma_cross_10_30",
        "ema_trend_9_21",
        "mean_reversion_20_14",
        "momentum_12_26_9_10",
        "breakout_20",
        "squeeze_20",
        "opening_range_15",
        "vwap_pullback_20_50",
    ];
    assert_eq!(names, expected);
    let at = Some("09:30 America/New_York".to_owned());
    let settings = OpeningRangeSettings { at, ..OpeningRangeSettings::default() };
    let own = OpeningRange::new(OpeningRangeConfig::new(settings, Price::ZERO).unwrap(), clock());
    assert_eq!(own.name(), "opening_range_15_0930_america_new_york");
}

#[test]
fn every_brain_trades_the_markets_it_is_made_for() {
    let bars = market(130_000, Price::SCALE, 7, 20_000);
    for brain in &mut brains(Price::ZERO) {
        let opinions = run(&mut **brain, &bars);
        for side in [Side::Buy, Side::Sell] {
            let triggers = opinions.iter().filter(|o| o.trigger.is_some_and(|t| t.side == side)).count();
            assert!((5..2_000).contains(&triggers), "{} {side}: {triggers}", brain.name());
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
