//! What each brain trades, on bars made by hand.

use Side::{Buy, Sell};
use alavanca_calendar::{MarketClock, Session, SessionRule, SessionSettings, TradingZone, ZoneSettings};
use alavanca_indicators::{Atr, Macd, Roc};
use alavanca_kernel::{Bar, ExitAt, Price, Side, Timestamp};
use alavanca_signals::{
    Brain, Breakout, BreakoutConfig, BreakoutSettings, Momentum, MomentumConfig, MomentumSettings, OpeningRange,
    OpeningRangeConfig, OpeningRangeSettings, Squeeze, SqueezeConfig, SqueezeSettings, Trigger, VwapPullback,
    VwapPullbackConfig, VwapPullbackSettings,
};
use proptest::prelude::*;

fn price(whole: f64) -> Price {
    Price::from_f64(whole).expect("a price")
}

fn bar(low: f64, high: f64, close: f64, volume: u64) -> Bar {
    let (low, high, close) = (price(low), price(high), price(close));
    Bar { open: close, high, low, close, volume, seconds: 60, ..Bar::default() }
}

/// Side, strength, stop and target of a trigger, in whole points.
fn told(trigger: Option<Trigger>) -> Option<(Side, f64, f64, f64)> {
    let points = |exit| match exit {
        ExitAt::Distance(distance) => distance.to_f64(),
        ExitAt::Price(price) => panic!("{price} is no distance"),
    };
    let round = |value: f64| (value * 1e6).round() / 1e6;
    trigger.map(|it| (it.side, round(it.strength.get()), points(it.stop), it.target.map_or(0.0, points)))
}

fn breakout(settings: BreakoutSettings) -> Breakout {
    Breakout::new(BreakoutConfig::new(settings, Price::ZERO).expect("settings that can be"))
}

/// Forty bars from 990 to 1010 that close at 1000 on a volume of 100: ATR 20.
fn quiet(brain: &mut dyn Brain) {
    for _ in 0..40 {
        assert_eq!(brain.on_bar(&bar(990.0, 1010.0, 1000.0, 100)).trigger, None);
    }
}

#[test]
fn breakout_wants_a_close_beyond_the_channel_on_volume() {
    let check = |next: Bar, volume_min, expected| {
        let mut brain = breakout(BreakoutSettings { volume_min, ..BreakoutSettings::default() });
        quiet(&mut brain);
        let opinion = brain.on_bar(&next);
        assert_eq!(told(opinion.trigger), expected, "{next:?} {volume_min}");
        assert_eq!(opinion.bias, expected.map(|(side, ..)| side));
    };
    // True ranges stay at 20, so the ATR does; a close 10 beyond is half an ATR: ½ + ½ · ½.
    check(bar(1000.0, 1020.0, 1010.0, 150), 1.5, None);
    check(bar(1000.0, 1020.0, 1020.0, 150), 1.5, Some((Buy, 0.75, 40.0, 80.0)));
    check(bar(1000.0, 1020.0, 1020.0, 149), 1.5, None);
    check(bar(1000.0, 1020.0, 1020.0, 1), 0.0, Some((Buy, 0.75, 40.0, 80.0)));
    check(bar(980.0, 1000.0, 990.0, 150), 1.5, None);
    check(bar(980.0, 1000.0, 980.0, 150), 1.5, Some((Sell, 0.75, 40.0, 80.0)));
    // The high alone is no breakout.
    check(bar(1000.0, 1020.0, 1005.0, 500), 1.5, None);
}

#[test]
fn breakout_speaks_once_per_move() {
    let mut brain = breakout(BreakoutSettings { volume_min: 0.0, ..BreakoutSettings::default() });
    quiet(&mut brain);
    let mut step = |close: f64| {
        let opinion = brain.on_bar(&bar(close - 10.0, close + 10.0, close, 100));
        (opinion.bias, opinion.trigger.is_some())
    };
    assert_eq!(step(1011.0), (Some(Buy), true));
    assert_eq!(step(1022.0), (Some(Buy), false), "the move was told");
    // It leans to it for twenty bars, then has no view.
    for i in 0..20 {
        assert_eq!(step(1015.0), (Some(Buy), false), "{i}");
    }
    assert_eq!(step(1015.0), (None, false));
    // A breakout more than twenty bars after the last is another move; the other side has its own count.
    assert_eq!(step(1026.0), (Some(Buy), true));
    assert_eq!(step(1004.0), (Some(Sell), true));
}

fn squeeze() -> Squeeze {
    Squeeze::new(SqueezeConfig::new(SqueezeSettings::default(), Price::ZERO).expect("the defaults"))
}

#[test]
fn squeeze_waits_six_bars_and_goes_with_momentum() {
    // Equal closes: the band has no width and lies in a channel of 1.5 ATRs. Both are there from bar 21 on.
    let check = |bars: usize, next: Bar, expected| {
        let mut brain = squeeze();
        for i in 0..bars {
            assert_eq!(brain.on_bar(&bar(995.0, 1005.0, 1000.0, 0)).bias, None, "{i}");
        }
        let opinion = brain.on_bar(&next);
        assert_eq!(opinion.trigger.map(|it| (it.side, it.strength.get())), expected, "{bars} {next:?}");
    };
    // A jump of 100: two deviations are 43.6, one and a half ATRs 22.1: released.
    check(26, bar(1095.0, 1105.0, 1100.0, 0), Some((Buy, 1.0)));
    check(26, bar(895.0, 905.0, 900.0, 0), Some((Sell, 1.0)));
    check(25, bar(1095.0, 1105.0, 1100.0, 0), None);
    check(60, bar(1095.0, 1105.0, 1100.0, 0), Some((Buy, 1.0)));
    // A jump of 30: two deviations are 13.1, one and a half ATRs 16.9: still squeezed.
    check(60, bar(1025.0, 1035.0, 1030.0, 0), None);
}

#[test]
fn squeeze_leans_to_momentum_for_a_while_and_counts_anew() {
    let mut brain = squeeze();
    for _ in 0..30 {
        brain.on_bar(&bar(995.0, 1005.0, 1000.0, 0));
    }
    assert_eq!(brain.on_bar(&bar(1095.0, 1105.0, 1100.0, 0)).bias, Some(Buy));
    // It goes on rising: no new release without a new squeeze, and twenty bars later no view.
    for i in 1..=24 {
        let close = 1100.0 + 20.0 * f64::from(i);
        let opinion = brain.on_bar(&bar(close - 5.0, close + 5.0, close, 0));
        assert_eq!(opinion.trigger, None, "{i}");
        assert_eq!(opinion.bias, (i <= 20).then_some(Buy), "{i}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn momentum_speaks_at_the_first_fast_bar_of_a_turn(steps in prop::collection::vec(-30_i32..=30, 200..500), bend in 1_i32..40) {
        let settings = MomentumSettings { roc_min_atr: 2.0, ..MomentumSettings::default() };
        let mut brain = Momentum::new(MomentumConfig::new(settings, Price::ZERO).unwrap());
        let (mut macd, mut roc, mut atr) = (Macd::new(12, 26, 9), Roc::new(10), Atr::new(14));
        let mut close = 10_000.0;
        // Of every bar at which MACD is there: its side, and how fast the price goes that way against the bound.
        let mut seen: Vec<(Side, f64)> = Vec::new();
        for (i, step) in steps.into_iter().enumerate() {
            close += f64::from(step + if i as i32 / bend % 2 == 0 { 6 } else { -6 });
            let bar = bar(close - 7.0, close + 7.0, close, 0);
            let opinion = brain.on_bar(&bar);
            let (value, speed, range) = (macd.push(bar.close.raw() as f64), roc.push(bar.close), atr.push(&bar));
            let (Some(value), Some(speed), Some(range)) = (value, speed, range) else {
                prop_assert_eq!(opinion.trigger, None);
                continue;
            };
            let side = if value.histogram() > 0.0 { Buy } else { Sell };
            let bound = 2.0 * 100.0 * range / bar.close.raw() as f64;
            let reached = side.sign() as f64 * speed / bound;
            seen.push((side, reached));
            let turn = seen.iter().rposition(|(other, _)| *other != side);
            let first = turn.is_some_and(|turn| seen[turn + 1..].iter().filter(|(_, reached)| *reached >= 1.0).count() == 1);
            let expected = (first && reached >= 1.0).then_some(side);
            prop_assert_eq!(opinion.trigger.map(|it| it.side), expected);
            if let Some(trigger) = opinion.trigger {
                prop_assert!((trigger.strength.get() - (reached / 2.0).min(1.0)).abs() < 1e-9);
            }
            prop_assert_eq!(opinion.bias, (reached > 0.0).then_some(side));
        }
    }
}

fn clock(session: &str) -> MarketClock {
    let session = Session::by_name(session).expect("a session");
    let rule = SessionRule::new(session, &SessionSettings::default()).expect("the defaults");
    MarketClock::new(TradingZone::new(&ZoneSettings::default()).expect("São Paulo"), rule)
}

/// The minute that begins at `HH:MM` UTC of a day of March 2021.
fn minute(day: i64, time: &str, low: f64, high: f64, close: f64) -> Bar {
    let (hour, minute) = time.split_once(':').expect("HH:MM");
    let second = hour.parse::<i64>().expect("an hour") * 3_600 + minute.parse::<i64>().expect("a minute") * 60;
    // 2021-03-01
    let at = Timestamp::from_secs((18_687 + day - 1) * 86_400 + second);
    Bar { time: at, ..bar(low, high, close, 10) }
}

fn opening_range(session: &str) -> OpeningRange {
    let config = OpeningRangeConfig::new(OpeningRangeSettings::default(), Price::ZERO).expect("the defaults");
    OpeningRange::new(config, clock(session))
}

/// The minutes from `from` on, each from 990 to 1010.
fn minutes(day: i64, from: &str, count: i64) -> Vec<Bar> {
    let first = minute(day, from, 990.0, 1010.0, 1000.0);
    (0..count).map(|i| Bar { time: first.time.plus_secs(60 * i), ..first }).collect()
}

/// What a brain wants to do after bars of that day, at a bar that closes at 1020 at `HH:MM` UTC.
fn after(brain: &mut OpeningRange, bars: &[Bar], day: i64, time: &str) -> Option<(Side, f64, f64, f64)> {
    for bar in bars {
        assert_eq!(brain.on_bar(bar).trigger, None, "{}", bar.time);
    }
    told(brain.on_bar(&minute(day, time, 1000.0, 1020.0, 1020.0)).trigger)
}

#[test]
fn opening_range_is_taken_from_the_real_opening() {
    // 12:00 UTC is 09:00 in São Paulo. The range is 20 high; 10 beyond it is half of that; the stop is its other edge.
    let buys = Some((Buy, 0.75, 30.0, 40.0));
    let first = |from, count, time| after(&mut opening_range("B3"), &minutes(1, from, count), 1, time);
    assert_eq!(first("12:00", 15, "12:15"), buys);
    assert_eq!(first("12:00", 15, "12:14"), None, "the range is not complete");
    assert_eq!(first("12:01", 15, "12:16"), buys, "within a bar of the opening nothing can be missing");
    assert_eq!(first("12:02", 40, "13:00"), None, "the first day that is seen must begin with the opening");
    // On a later day the opening may be late: the auction was prolonged.
    let second = |from, count, time| {
        let mut brain = opening_range("B3");
        brain.on_bar(&minute(1, "20:00", 990.0, 1010.0, 1000.0));
        after(&mut brain, &minutes(2, from, count), 2, time)
    };
    assert_eq!(second("12:00", 15, "12:15"), buys);
    assert_eq!(second("12:06", 15, "12:21"), buys);
    assert_eq!(second("12:06", 15, "12:20"), None, "its range ends at 09:21");
    assert_eq!(second("12:15", 15, "12:30"), buys);
    assert_eq!(second("12:16", 15, "12:31"), None, "too late to be an opening");
    // Holes: twelve of fifteen minutes are enough.
    assert_eq!(second("12:00", 12, "12:15"), buys);
    assert_eq!(second("12:00", 11, "12:15"), None);
    // 2021-03-06 was a Saturday.
    assert_eq!(after(&mut opening_range("B3"), &minutes(6, "12:00", 15), 6, "12:15"), None);
    // Ash Wednesday, the 17th of February: trading began at 13:00.
    assert_eq!(after(&mut opening_range("B3"), &minutes(-11, "16:00", 15), -11, "16:15"), buys);
    // London's opening is 08:00 UTC in winter, 07:00 UTC in summer (from the 28th of March on).
    assert_eq!(after(&mut opening_range("FOREX"), &minutes(1, "08:00", 15), 1, "08:15"), buys);
    assert_eq!(after(&mut opening_range("FOREX"), &minutes(30, "07:00", 15), 30, "07:15"), buys);
}

#[test]
fn opening_range_trades_once_per_side_until_the_cut_off() {
    let mut brain = opening_range("B3");
    for bar in minutes(1, "12:00", 15) {
        brain.on_bar(&bar);
    }
    let mut step = |time, close: f64| {
        let opinion = brain.on_bar(&minute(1, time, close, close, close));
        (opinion.bias, opinion.trigger.map(|it| it.side))
    };
    assert_eq!(step("12:15", 1010.0), (None, None), "at the edge is not beyond it");
    assert_eq!(step("12:16", 1010.5), (Some(Buy), Some(Buy)));
    assert_eq!(step("12:17", 1015.0), (Some(Buy), None));
    assert_eq!(step("12:18", 1000.0), (None, None));
    assert_eq!(step("12:19", 1011.0), (Some(Buy), None), "once per side");
    assert_eq!(step("14:59", 989.5), (Some(Sell), Some(Sell)), "it ends at the cut-off, 12:00");
    assert_eq!(step("15:00", 989.0), (Some(Sell), None));
    let mut late = opening_range("B3");
    assert_eq!(after(&mut late, &minutes(1, "12:00", 15), 1, "15:00"), None, "after the cut-off");
    // The next day has a range of its own.
    assert_eq!(after(&mut late, &minutes(2, "12:00", 15), 2, "12:15").map(|it| it.0), Some(Buy));
    // A range without height is none.
    let flat: Vec<_> =
        minutes(1, "12:00", 15).into_iter().map(|it| Bar { high: it.close, low: it.close, ..it }).collect();
    assert_eq!(after(&mut opening_range("B3"), &flat, 1, "12:15"), None);
}

/// Averages of one and two bars: the trend goes where the last close went. One bar makes the ATR.
fn vwap_pullback() -> VwapPullback {
    let settings = VwapPullbackSettings {
        fast: 1,
        slow: 2,
        away_atr: 2.0,
        touch_atr: 0.5,
        minutes: 3,
        atr_period: 1,
        ..VwapPullbackSettings::default()
    };
    VwapPullback::new(VwapPullbackConfig::new(settings, Price::ZERO).expect("settings that can be"), clock("B3"))
}

/// A minute of the first day in points above 1000; its open is 1 below its close where `rises`, else 1 above.
fn vwap_bar(at: i64, low: f64, high: f64, close: f64, rises: bool, volume: u64) -> Bar {
    let first = minute(1, "12:00", 1000.0 + low, 1000.0 + high, 1000.0 + close);
    let open = first.close + Price::from_raw(if rises { -Price::SCALE } else { Price::SCALE });
    Bar { time: first.time.plus_secs(60 * at), open, volume, ..first }
}

#[test]
fn vwap_pullback_waits_for_away_touch_and_turn() {
    // A heavy opening holds the VWAP at about 1000; then ranges of 4, so an ATR of about 4.
    let opening: Vec<_> = (0..5).map(|i| vwap_bar(i, -2.0, 2.0, 0.0, true, 1_000_000)).collect();
    let rise: Vec<_> = (0..6)
        .map(|i| {
            let close = 2.0 + 2.0 * i as f64;
            vwap_bar(5 + i, close - 3.0, close + 1.0, close, true, 1)
        })
        .collect();
    let run = |path: &[Bar]| {
        let mut brain = vwap_pullback();
        let triggers = path.iter().filter_map(|bar| brain.on_bar(bar).trigger.map(|it| (bar.time, it.side)));
        triggers.map(|(at, side)| (at.secs() / 60 % 60, side)).collect::<Vec<_>>()
    };
    let path = |tail: &[Bar]| [&opening[..], &rise[..], tail].concat();
    // 12 above, far away; then one bar that dips to the VWAP and closes higher than the close before: touch and turn.
    let dip = vwap_bar(11, 1.0, 15.0, 13.0, true, 1);
    assert_eq!(run(&path(&[dip])), [(11, Buy)]);
    // Its low stays away, or its close is not beyond its open: nothing.
    assert_eq!(run(&path(&[vwap_bar(11, 9.0, 15.0, 13.0, true, 1)])), []);
    assert_eq!(run(&path(&[vwap_bar(11, 1.0, 15.0, 13.0, false, 1)])), []);
    // Once: the next dip needs a new distance first, which the turn's bar itself was not.
    let again = [dip, vwap_bar(12, 1.0, 15.0, 13.5, true, 1)];
    assert_eq!(run(&path(&again)), [(11, Buy)]);
    // Without volume there is no VWAP.
    let still: Vec<_> = path(&[dip]).into_iter().map(|bar| Bar { volume: 0, ..bar }).collect();
    assert_eq!(run(&still), []);
    // A first day whose opening was not seen has none; nor has a later one that begins four minutes late.
    assert_eq!(run(&path(&[dip])[2..]), []);
    let yesterday = Bar { time: opening[0].time.plus_secs(-3_600), ..opening[0] };
    let sunday = Bar { time: yesterday.time.plus_secs(-3 * 86_400), ..yesterday };
    let late = |skip: usize| [&[sunday][..], &path(&[dip])[skip..]].concat();
    assert_eq!(run(&late(3)), [(11, Buy)]);
    assert_eq!(run(&late(4)), []);
    // The mirror image sells.
    let mirror = |bar: &Bar| {
        let flip = |price: Price| Price::from_raw(2_000 * Price::SCALE) - price;
        Bar { open: flip(bar.open), high: flip(bar.low), low: flip(bar.high), close: flip(bar.close), ..*bar }
    };
    let mirrored: Vec<_> = path(&[dip]).iter().map(mirror).collect();
    assert_eq!(run(&mirrored), [(11, Sell)]);
}

#[test]
fn refuses_settings_that_cannot_be() {
    macro_rules! check {
        ($config:ident, $settings:ident, $({ $($field:ident: $value:expr),+ } => $key:literal),+ $(,)?) => {
            $(
                let settings = $settings { $($field: $value,)+ ..$settings::default() };
                assert_eq!($config::new(settings, Price::ZERO).unwrap_err().key, $key);
            )+
            assert!($config::new($settings::default(), Price::ZERO).is_ok());
            assert_eq!($config::new($settings::default(), Price::from_raw(-1)).unwrap_err().key, "TICK");
        };
    }
    check!(MomentumConfig, MomentumSettings,
        { fast: 26 } => "MOMENTUM_FAST", { slow: 1 } => "MOMENTUM_SLOW", { signal: 0 } => "MOMENTUM_SIGNAL",
        { roc_period: 0 } => "MOMENTUM_ROC_PERIOD", { roc_min_atr: 0.0 } => "MOMENTUM_ROC_MIN_ATR",
        { atr_period: 0 } => "MOMENTUM_ATR_PERIOD", { stop_atr: f64::NAN } => "MOMENTUM_STOP_ATR",
        { target_atr: 0.0 } => "MOMENTUM_TARGET_ATR");
    check!(BreakoutConfig, BreakoutSettings,
        { period: 1 } => "BREAKOUT_PERIOD", { volume_min: -1.0 } => "BREAKOUT_VOLUME_MIN",
        { atr_period: 0 } => "BREAKOUT_ATR_PERIOD", { stop_atr: 0.0 } => "BREAKOUT_STOP_ATR",
        { target_atr: f64::INFINITY } => "BREAKOUT_TARGET_ATR");
    check!(SqueezeConfig, SqueezeSettings,
        { period: 1_001 } => "SQUEEZE_PERIOD", { band_width: 0.0 } => "SQUEEZE_BAND_WIDTH",
        { keltner_width: f64::NAN } => "SQUEEZE_KELTNER_WIDTH", { min_bars: 0 } => "SQUEEZE_MIN_BARS",
        { stop_atr: 0.0 } => "SQUEEZE_STOP_ATR", { target_atr: 0.0 } => "SQUEEZE_TARGET_ATR");
    check!(OpeningRangeConfig, OpeningRangeSettings,
        { minutes: 0 } => "OPENING_RANGE_MINUTES", { minutes: 180 } => "OPENING_RANGE_MINUTES",
        { entry_minutes: 1_441 } => "OPENING_RANGE_ENTRY_MINUTES", { stop: 0.0 } => "OPENING_RANGE_STOP",
        { target: 0.0 } => "OPENING_RANGE_TARGET", { at: Some("08:00".to_owned()) } => "OPENING_RANGE_AT",
        { at: Some("25:00 Europe/London".to_owned()) } => "OPENING_RANGE_AT",
        { at: Some("08:00 Londres".to_owned()) } => "OPENING_RANGE_AT");
    check!(VwapPullbackConfig, VwapPullbackSettings,
        { fast: 50 } => "VWAP_PULLBACK_FAST", { slow: 1 } => "VWAP_PULLBACK_SLOW",
        { away_atr: 0.0 } => "VWAP_PULLBACK_AWAY_ATR", { touch_atr: 1.6 } => "VWAP_PULLBACK_TOUCH_ATR",
        { minutes: 1_441 } => "VWAP_PULLBACK_MINUTES", { atr_period: 0 } => "VWAP_PULLBACK_ATR_PERIOD",
        { stop_atr: 0.0 } => "VWAP_PULLBACK_STOP_ATR", { target_atr: 0.0 } => "VWAP_PULLBACK_TARGET_ATR");
}
