//! The map of all zones: days drawn by hand, plain recomputation, and what holds in every market.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeMap;

use alavanca_calendar::{MarketClock, Session, SessionRule, SessionSettings, TradingZone, ZoneSettings};
use alavanca_indicators::Atr;
use alavanca_kernel::{Bar, Price, Timestamp, Unit};
use alavanca_liquidity::{
    BINS, LiquidityMap, SwingVolumeConfig, SwingVolumeSettings, VolumeProfile, Zone, ZoneKind, ZoneMap, ZoneMapConfig,
    ZoneMapSettings,
};
use proptest::prelude::*;

/// 2021-03-08, a Monday, 00:00 in São Paulo.
const MONDAY: i64 = 1_615_172_400;
const DAY: i64 = 86_400;
const NINE: i64 = 9 * 3_600;

fn price(whole: i64) -> Price {
    Price::from_raw(whole * Price::SCALE)
}

fn clock(session: &str) -> MarketClock {
    let rule = SessionRule::new(Session::by_name(session).unwrap(), &SessionSettings::default()).unwrap();
    MarketClock::new(TradingZone::new(&ZoneSettings::default()).unwrap(), rule)
}

fn shared() -> SwingVolumeSettings {
    SwingVolumeSettings { atr_period: 1, swing_bars: 2, ..SwingVolumeSettings::default() }
}

fn map_of(session: &str, shared: SwingVolumeSettings, own: ZoneMapSettings, tick: Price) -> ZoneMap {
    ZoneMap::new(ZoneMapConfig::new(SwingVolumeConfig::new(shared).unwrap(), own).unwrap(), clock(session), tick)
}

fn map() -> ZoneMap {
    map_of("B3", shared(), ZoneMapSettings::default(), price(1))
}

fn bar(at: i64, [open, high, low, close]: [i64; 4], volume: u64, seconds: u32) -> Bar {
    let [open, high, low, close] = [open, high, low, close].map(price);
    Bar { time: Timestamp::from_secs(at), open, high, low, close, volume, seconds, ..Bar::default() }
}

/// Bars of five minutes from 09:00 on, so many days after Monday.
fn morning(day: i64, bars: &[([i64; 4], u64)]) -> Vec<Bar> {
    (0..).zip(bars).map(|(i, &(ohlc, volume))| bar(MONDAY + day * DAY + NINE + i * 300, ohlc, volume, 300)).collect()
}

fn feed(map: &mut ZoneMap, bars: &[Bar]) {
    for bar in bars {
        map.on_bar(bar);
    }
}

fn of(map: &ZoneMap, kind: ZoneKind) -> Vec<String> {
    let mut prices: Vec<Price> = map.levels().filter(|zone| zone.kind == kind).map(|zone| zone.price).collect();
    prices.sort_unstable();
    prices.iter().map(Price::to_string).collect()
}

/// A day from 101 to 125 that closes at 110.
fn first_day(day: i64) -> Vec<Bar> {
    morning(day, &[([110, 125, 108, 120], 10), ([120, 121, 101, 102], 10), ([102, 111, 102, 110], 10)])
}

#[test]
fn yesterday_makes_its_levels_and_pivots() {
    let mut map = map();
    feed(&mut map, &first_day(0));
    assert_eq!(of(&map, ZoneKind::PreviousHigh), [""; 0], "of the day itself nothing is said");
    feed(&mut map, &morning(1, &[([111, 112, 110, 111], 10)]));
    // P = (125 + 101 + 110) / 3 = 112.
    for (kind, expected) in [
        (ZoneKind::PreviousHigh, "125"),
        (ZoneKind::PreviousLow, "101"),
        (ZoneKind::PreviousClose, "110"),
        (ZoneKind::Pivot, "112"),
        (ZoneKind::R1, "123"),
        (ZoneKind::S1, "99"),
        (ZoneKind::R2, "136"),
        (ZoneKind::S2, "88"),
        (ZoneKind::R3, "147"),
        (ZoneKind::S3, "75"),
    ] {
        assert_eq!(of(&map, kind), [expected], "{kind}");
    }
    feed(&mut map, &morning(2, &[([111, 112, 110, 111], 10)]));
    assert_eq!(of(&map, ZoneKind::PreviousHigh), ["112"], "the next day has its own");
}

#[test]
fn a_day_that_was_not_seen_from_its_beginning_says_nothing() {
    let mut map = map();
    let late: Vec<Bar> = first_day(0).into_iter().map(|b| Bar { time: b.time.plus_secs(3_600), ..b }).collect();
    feed(&mut map, &late);
    assert_eq!(of(&map, ZoneKind::DayVwap), [""; 0]);
    assert_eq!(of(&map, ZoneKind::PointOfControl), [""; 0]);
    feed(&mut map, &morning(1, &[([111, 112, 110, 111], 10)]));
    assert_eq!(of(&map, ZoneKind::PreviousHigh), [""; 0], "half of yesterday is not yesterday");
    assert_eq!(of(&map, ZoneKind::DayVwap), ["111"], "but today was seen from its beginning");
    assert_eq!(of(&map, ZoneKind::WeekVwap), [""; 0], "this week was not");
    feed(&mut map, &morning(2, &[([111, 112, 110, 111], 10)]));
    assert_eq!(of(&map, ZoneKind::PreviousHigh), ["112"]);
    feed(&mut map, &morning(7, &[([111, 112, 110, 111], 10)]));
    assert_eq!(of(&map, ZoneKind::WeekVwap), ["111"], "the next week is");
}

#[test]
fn a_week_seen_from_its_monday_is_known() {
    let mut map = map();
    feed(&mut map, &first_day(0));
    feed(&mut map, &morning(1, &[([131, 131, 131, 131], 30)]));
    // Typical prices (125+108+120)/3, (121+101+102)/3, (111+102+110)/3 with 10 each, and 131 with 30.
    let week: f64 = (10.0 * (353.0 + 324.0 + 323.0) / 3.0 + 30.0 * 131.0) / 60.0;
    assert_eq!(of(&map, ZoneKind::WeekVwap), [format!("{}", week.round())]);
    assert_eq!(of(&map, ZoneKind::DayVwap), ["131"]);
    assert_eq!(of(&map, ZoneKind::DayVwapBand), [""; 0], "one price has no deviation");
}

#[test]
fn vwap_and_its_bands_are_those_of_exact_sums() {
    let mut map = map_of("B3", shared(), ZoneMapSettings::default(), Price::from_raw(1));
    let day = morning(
        0,
        &[([110, 125, 108, 120], 31), ([120, 121, 101, 102], 7), ([102, 111, 102, 110], 0), ([110, 119, 110, 113], 12)],
    );
    feed(&mut map, &day);
    // Three times the typical price, in units: sums of integers.
    let rows: Vec<(i128, i128)> =
        day.iter().map(|b| (i128::from(b.volume), i128::from(b.high.raw() + b.low.raw() + b.close.raw()))).collect();
    let (weight, sum): (i128, i128) = rows.iter().fold((0, 0), |(w, s), &(v, p)| (w + v, s + v * p));
    let squares: i128 = rows.iter().map(|&(v, p)| v * (weight * p - sum) * (weight * p - sum)).sum();
    let mean = sum as f64 / (3.0 * weight as f64);
    let deviation = (squares as f64).sqrt() / (3.0 * (weight as f64).powf(1.5));
    let expect = |by: f64| mean + by * deviation;
    let near = |got: &str, expected: f64| {
        let got = got.parse::<Price>().unwrap().raw() as f64;
        assert!((got - expected).abs() < 10.0, "{got} is not {expected}");
    };
    near(&of(&map, ZoneKind::DayVwap)[0], mean);
    let bands = of(&map, ZoneKind::DayVwapBand);
    for (got, by) in bands.iter().zip([-2.0, -1.0, 1.0, 2.0]) {
        near(got, expect(by));
    }
    assert_eq!(bands.len(), 4);
}

#[test]
fn without_contracts_price_changes_weigh_and_without_both_nothing_does() {
    let bars = |volume, tick_volume| -> Vec<Bar> {
        first_day(0).into_iter().map(|b| Bar { volume, tick_volume, ..b }).collect()
    };
    let (mut ticks, mut none) = (map(), map());
    feed(&mut ticks, &bars(0, 5));
    feed(&mut none, &bars(0, 0));
    assert_eq!(of(&ticks, ZoneKind::DayVwap), ["111"]);
    for kind in [ZoneKind::DayVwap, ZoneKind::WeekVwap, ZoneKind::PointOfControl, ZoneKind::ValueAreaHigh] {
        assert_eq!(of(&none, kind), [""; 0], "{kind}");
    }
}

#[test]
fn a_drawn_day_has_its_value() {
    // Bins of one. Volume by price: 100: 10, 101: 30, 102: 60, 103: 20, 104: 10, 110: 40.
    let at = |p: i64, volume| ([p, p, p, p], volume);
    let mut map = map();
    feed(&mut map, &morning(0, &[at(100, 10), at(101, 30), at(102, 60), at(103, 20), at(104, 10), at(110, 40)]));
    let area = map.profile().value_area(0.7).unwrap();
    // 170 in all, 119 wanted: 102 (60), 101 (90), 103 (110), 104 and 100 are equal: 104 (120).
    assert_eq!((area.low, area.point_of_control, area.high), (price(101), price(102), price(104)));
    assert_eq!(of(&map, ZoneKind::PointOfControl), ["102"]);
    assert_eq!(of(&map, ZoneKind::ValueAreaLow), ["101"]);
    assert_eq!(of(&map, ZoneKind::ValueAreaHigh), ["104"]);
    assert_eq!(of(&map, ZoneKind::VolumeCluster), ["110"], "apart from the rest, and above the mean");
    assert_eq!(map.profile().total(), 170);
}

#[test]
fn the_opening_range_stands_once_it_is_over() {
    let minutes = |from: i64| -> Vec<Bar> {
        (0..20).map(|i| bar(MONDAY + NINE + from + i * 60, [100, 110 + i, 100 - i, 100], 10, 60)).collect()
    };
    let mut seen = map();
    let bars = minutes(0);
    feed(&mut seen, &bars[..14]);
    assert_eq!(of(&seen, ZoneKind::OpeningRangeHigh), [""; 0]);
    // The fifteenth minute ends it; the sixteenth ranges further and changes nothing.
    feed(&mut seen, &bars[14..]);
    assert_eq!(of(&seen, ZoneKind::OpeningRangeHigh), ["124"]);
    assert_eq!(of(&seen, ZoneKind::OpeningRangeLow), ["86"]);
    feed(&mut seen, &morning(1, &[([111, 112, 110, 111], 10)]));
    assert_eq!(of(&seen, ZoneKind::OpeningRangeHigh), [""; 0], "a new day has no opening range yet");

    let mut late = map();
    feed(&mut late, &minutes(180));
    assert_eq!(of(&late, ZoneKind::OpeningRangeHigh), [""; 0], "the opening was not seen");
    let mut forex = map_of("FOREX", shared(), ZoneMapSettings::default(), price(1));
    let night: Vec<Bar> = minutes(-NINE);
    feed(&mut forex, &night);
    assert_eq!(of(&forex, ZoneKind::OpeningRangeHigh), [""; 0], "a market around the clock has none");
}

#[test]
fn a_sunday_evening_belongs_to_monday() {
    let at = |hours: i64, p: i64| bar(MONDAY + hours * 3_600, [p, p + 2, p - 2, p], 10, 3_600);
    let mut map = map_of("FOREX", shared(), ZoneMapSettings::default(), price(1));
    // Friday, Sunday 19:00, Monday, Tuesday.
    feed(&mut map, &[at(-72, 100), at(-49, 100), at(-5, 130), at(10, 110), at(24, 110)]);
    assert_eq!(of(&map, ZoneKind::PreviousHigh), ["132"]);
    // A bar on a day without trading belongs to none.
    let mut b3 = self::map();
    feed(&mut b3, &first_day(4));
    feed(&mut b3, &[bar(MONDAY + 5 * DAY + NINE, [500, 500, 500, 500], 10, 300)]);
    feed(&mut b3, &morning(7, &[([111, 112, 110, 111], 10)]));
    assert_eq!(of(&b3, ZoneKind::PreviousHigh), ["125"]);
}

#[test]
fn touches_strengthen_and_ten_of_them_spend_a_level() {
    // Spent after three; near is nothing, so that a bar is at a level or not.
    let mut map =
        map_of("B3", SwingVolumeSettings { merge_atr: 0.0, ..shared() }, ZoneMapSettings::default(), price(1));
    feed(&mut map, &morning(0, &[([200, 205, 195, 200], 10), ([200, 300, 195, 200], 10)]));
    let mut day = vec![([200, 205, 195, 200], 10)];
    for _ in 0..10 {
        day.extend([([290, 301, 285, 290], 10), ([290, 300, 285, 290], 10), ([250, 255, 245, 250], 10)]);
    }
    let high = |map: &ZoneMap| map.levels().find(|zone| zone.kind == ZoneKind::PreviousHigh).unwrap();
    let mut expected = ZoneKind::PreviousHigh.weight();
    for (i, bar) in morning(1, &day).iter().enumerate() {
        map.on_bar(bar);
        if i % 3 == 1 {
            let touches = (i / 3 + 1) as u32;
            expected = if touches <= 3 { 1.0 - 0.9 * (1.0 - expected) } else { expected / 2.0 };
            assert_eq!(high(&map).touches, touches, "staying is no new touch");
            assert!((high(&map).strength.get() - expected).abs() < 1e-12, "{} {expected}", high(&map).strength.get());
        }
    }
    assert_eq!(high(&map).touches, 10);
    assert!(high(&map).strength.get() < 0.01, "tested ten times it is spent");
}

#[test]
fn swings_of_both_time_frames_fade_and_join() {
    let own = ZoneMapSettings { half_life_minutes: 100.0, ..ZoneMapSettings::default() };
    let mut map = map_of("B3", shared(), own, price(1));
    // A top at 150 on bars of five minutes, confirmed two bars later; away from it from then on.
    let top = [90, 91, 92, 93, 94, 95, 100, 120, 149, 120, 100].map(|p| ([p, p + 1, p - 1, p], 0));
    feed(&mut map, &morning(0, &top[..10]));
    assert_eq!(of(&map, ZoneKind::SwingHigh), [""; 0], "not confirmed yet");
    feed(&mut map, &morning(0, &top)[10..]);
    let swing = |map: &ZoneMap| map.levels().find(|zone| zone.kind == ZoneKind::SwingHigh).unwrap();
    assert_eq!((swing(&map).price, swing(&map).strength.get()), (price(150), ZoneKind::SwingHigh.weight()));
    let rest: Vec<Bar> = (11..31).map(|i| bar(MONDAY + NINE + i * 300, [90, 91, 89, 90], 0, 300)).collect();
    let before = swing(&map).strength.get();
    feed(&mut map, &rest);
    // The bars of 15 minutes confirmed the same top: 1 − (1 − s)(1 − w), at bar 9 or so; both fade by half in 20 bars.
    let after = swing(&map).strength.get();
    assert!(after > before / 2.0 + 0.05 && after < before, "{before} {after}");
    assert_eq!(of(&map, ZoneKind::SwingHigh), ["150"], "one zone of both");
    feed(&mut map, &rest.iter().map(|b| Bar { time: b.time.plus_secs(6_000), ..*b }).collect::<Vec<_>>());
    assert!((swing(&map).strength.get() - after / 2.0).abs() < 1e-9);
}

#[test]
fn round_numbers_enclose_the_price() {
    let mut map = map_of("B3", shared(), ZoneMapSettings::default(), price(5));
    let at = |p: i64| ([p, p + 50, p - 50, p], 10);
    feed(&mut map, &morning(0, &[at(110_200), at(110_210), at(110_220)]));
    assert_eq!(of(&map, ZoneKind::RoundNumber), ["110000", "110500"]);
    let strength = |p: i64| map.levels().find(|zone| zone.price == price(p)).unwrap().strength.get();
    assert!((strength(110_000) - 2.0 * strength(110_500)).abs() < 1e-12, "thousands are stronger");
    feed(&mut map, &morning(0, &[at(0), at(0), at(0), at(110_600), at(111_100)])[3..]);
    assert_eq!(of(&map, ZoneKind::RoundNumber), ["110000", "110500", "111000", "111500"]);
    let own = ZoneMapSettings { round_step: price(300), ..ZoneMapSettings::default() };
    let mut own = map_of("B3", shared(), own, price(5));
    feed(&mut own, &morning(0, &[at(110_200), at(110_210)]));
    assert_eq!(of(&own, ZoneKind::RoundNumber), ["110100", "110400"]);
}

#[test]
fn hundreds_of_days_only_a_week_and_a_day_matter_to_days_and_weeks() {
    // Three weeks of half-hour bars; a second map sees the last eight days alone.
    let mut seed = 7_u64;
    let mut close = 1_000_i64;
    let mut bars = Vec::new();
    for day in (0..21).filter(|day| day % 7 < 5) {
        for i in 0..18 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let open = close;
            close += (seed >> 33) as i64 % 41 - 20;
            let (high, low) = (open.max(close) + (seed >> 50) as i64 % 5, open.min(close) - (seed >> 55) as i64 % 5);
            let volume = (seed >> 40) % 1_000;
            bars.push(bar(MONDAY + day * DAY + NINE + i * 1_800, [open, high, low, close], volume, 1_800));
        }
    }
    let (mut full, mut short) = (map(), map());
    feed(&mut full, &bars);
    let enough = bars.len() - 8 * 18;
    feed(&mut short, &bars[enough..]);
    let exact = |map: &ZoneMap| -> Vec<(Zone, bool)> {
        let fading = |kind| matches!(kind, ZoneKind::SwingHigh | ZoneKind::SwingLow | ZoneKind::RoundNumber);
        map.levels().filter(|zone| !fading(zone.kind)).map(|zone| (Zone { touches: 0, ..zone }, true)).collect()
    };
    assert_eq!(exact(&full), exact(&short));
    assert!(exact(&full).len() > 20);
}

#[test]
fn the_profile_forgets_the_oldest_day_and_keeps_the_rest() {
    let mut profile = VolumeProfile::new(price(1), 3);
    for day in 0..10 {
        profile.begin_day(price(if day == 5 { 4_000 } else { 40 }));
        for i in 0..10 {
            let p = 1_000 + day * 3 + i;
            profile.push(&bar(0, [p, p + 5, p, p + 2], 11, 60));
        }
        assert_eq!(profile.total(), 110 * (day.min(2) + 1) as u64, "day {day}");
        // As wide as the day asks for; finer again once that day has passed.
        assert_eq!(profile.width(), price(if day == 5 { 64 } else { 1 }), "day {day}");
    }
}

#[test]
fn refuses_settings_that_cannot_be() {
    let good = ZoneMapSettings::default();
    for (own, key) in [
        (ZoneMapSettings { fast_minutes: 0, ..good }, "LIQUIDITY_FAST_MINUTES"),
        (ZoneMapSettings { slow_minutes: 5, ..good }, "LIQUIDITY_SLOW_MINUTES"),
        (ZoneMapSettings { half_life_minutes: f64::NAN, ..good }, "LIQUIDITY_HALF_LIFE_MINUTES"),
        (ZoneMapSettings { profile_days: 0, ..good }, "LIQUIDITY_PROFILE_DAYS"),
        (ZoneMapSettings { profile_days: 21, ..good }, "LIQUIDITY_PROFILE_DAYS"),
        (ZoneMapSettings { value_area: 1.01, ..good }, "LIQUIDITY_VALUE_AREA"),
        (ZoneMapSettings { opening_minutes: 0, ..good }, "LIQUIDITY_OPENING_MINUTES"),
        (ZoneMapSettings { round_step: price(-1), ..good }, "LIQUIDITY_ROUND_STEP"),
    ] {
        assert_eq!(ZoneMapConfig::new(SwingVolumeConfig::default(), own).unwrap_err().key, key, "{own:?}");
    }
}

/// A market of several days with holes, weekends, and bars without volume.
fn markets() -> impl Strategy<Value = Vec<Bar>> {
    let step = (1_i64..12, -20_i64..=20, 0_i64..10, 0_i64..10, 0_u64..200);
    let seconds = prop::sample::select(vec![60_u32, 300, 900, 1_800]);
    (seconds, prop::collection::vec(step, 1..300), 0_i64..7).prop_map(|(seconds, steps, day)| {
        let (mut close, mut at) = (10_000, MONDAY + day * DAY + NINE - 1_800);
        let bar = |(gap, step, above, below, volume): (i64, i64, i64, i64, u64)| {
            at += i64::from(seconds) * if gap < 10 { 1 } else { gap * gap };
            let open = close;
            close += step;
            bar(at, [open, open.max(close) + above, open.min(close) - below, close], volume, seconds)
        };
        steps.into_iter().map(bar).collect()
    })
}

fn answers(map: &mut ZoneMap, bars: &[Bar]) -> Vec<String> {
    let answer = |bar: &Bar| {
        map.on_bar(bar);
        let levels: Vec<Zone> = map.levels().collect();
        format!("{:?} {:?} {levels:?}", map.strength_at(bar.close), map.nearest(bar.close))
    };
    bars.iter().map(answer).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 200, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn nobody_sees_the_future(bars in markets(), share in 0.0_f64..1.0, days in 1_usize..4) {
        let cut = (bars.len() as f64 * share) as usize;
        let new = || {
            let own = ZoneMapSettings { profile_days: days, ..ZoneMapSettings::default() };
            map_of("B3", SwingVolumeSettings::default(), own, price(1))
        };
        let full = answers(&mut new(), &bars);
        // The same times with other prices.
        let mut other = bars.clone();
        for (i, bar) in other[cut..].iter_mut().enumerate() {
            let by = price(50 + i as i64);
            (bar.open, bar.high, bar.low, bar.close) = (bar.open + by, bar.high + by, bar.low + by, bar.close + by);
        }
        let mut twin = new();
        prop_assert_eq!(&full[..cut], &answers(&mut twin, &other)[..cut]);
        twin.reset();
        prop_assert_eq!(&full, &answers(&mut twin, &bars), "after a reset");
    }

    #[test]
    fn strength_and_nearest_are_what_the_levels_say(bars in markets()) {
        let shared = SwingVolumeSettings::default();
        let mut map = map_of("ALWAYS", shared, ZoneMapSettings::default(), Price::ZERO);
        let mut atr = Atr::new(14);
        let mut fast = alavanca_indicators::BarAggregator::new(300);
        for bar in &bars {
            map.on_bar(bar);
            if let Some(fast) = fast.push(bar, bar.time.secs()) {
                atr.push(&fast);
            }
            let Some(strength) = map.strength_at(bar.close) else {
                prop_assert_eq!(atr.value(), None);
                continue;
            };
            let longer = f64::from(bars[0].seconds.max(300)) / 300.0;
            let atr = atr.value().unwrap() / longer.sqrt();
            let levels: Vec<Zone> = map.levels().collect();
            let felt = |zone: &Zone| {
                let away = zone.price.distance(bar.close).raw() as f64 / (atr * shared.reach_atr);
                1.0 - zone.strength.get() * (1.0 - away).max(0.0)
            };
            let expected = 1.0 - levels.iter().map(felt).product::<f64>();
            prop_assert!((strength.get() - expected).abs() < 1e-6, "{} {}", strength.get(), expected);

            let (below, above) = map.nearest(bar.close);
            let shown: Vec<&Zone> = levels.iter().filter(|zone| zone.strength.get() >= 0.05).collect();
            let near = price(1).raw() as f64 * 1e-8 + atr * shared.merge_atr;
            for (zone, is_below) in [(below, true), (above, false)] {
                let side: Vec<&&Zone> = shown.iter().filter(|level| (level.price <= bar.close) == is_below).collect();
                let nearest = side.iter().map(|level| level.price.distance(bar.close).raw()).min();
                prop_assert_eq!(zone.is_some(), nearest.is_some());
                let (Some(zone), Some(nearest)) = (zone, nearest) else { continue };
                let members: Vec<_> = side
                    .iter()
                    .filter(|level| (level.price.distance(bar.close).raw() - nearest) as f64 <= near)
                    .collect();
                let calm: f64 = members.iter().map(|level| 1.0 - level.strength.get()).product();
                prop_assert!((zone.strength.get() - (1.0 - calm)).abs() < 1e-9);
                let strongest = members.iter().map(|level| level.strength.get()).fold(0.0, f64::max);
                let mut told = members.iter().filter(|level| level.price == zone.price && level.kind == zone.kind);
                let told = told.next().map(|level| level.strength.get());
                prop_assert_eq!(told, Some(strongest), "the strongest one's price");
            }
        }
    }

    #[test]
    fn a_fixed_profile_is_the_plain_one(
        rows in prop::collection::vec((0_i64..60, 0_i64..12, 0_i64..12, 0_u64..500), 1..120),
        share in 0.3_f64..=1.0,
    ) {
        let mut profile = VolumeProfile::new(price(5), 1);
        profile.begin_day(price(300));
        let mut plain: BTreeMap<i64, u64> = BTreeMap::new();
        let mut top = None;
        for (low, body, rest, volume) in rows {
            let (low, close, high) = (1_000 + low * 5, 1_000 + (low + body) * 5 + 2, 1_000 + (low + body + rest) * 5 + 4);
            profile.push(&bar(0, [low, high, low, close], volume, 60));
            let (first, last) = (low / 5, high / 5);
            let count = (last - first + 1) as u64;
            for bin in first..=last {
                *plain.entry(bin).or_default() += volume / count + if bin == close / 5 { volume % count } else { 0 };
            }
            // The first to get there.
            let most = plain.values().copied().max().unwrap();
            if most > 0 && top.is_none_or(|top| plain[&top] < most) {
                top = plain.iter().find(|&(_, &volume)| volume == most).map(|(&bin, _)| bin);
            }
        }
        prop_assert_eq!(profile.width(), price(5));
        prop_assert_eq!(profile.total(), plain.values().sum::<u64>());
        let Some(top) = top else {
            prop_assert_eq!(profile.value_area(share), None);
            return Ok(());
        };
        let middle = |bin: i64| price(bin * 5);
        let area = profile.value_area(share).unwrap();
        let at = |bin: i64| plain.get(&bin).copied().unwrap_or(0);
        let poc = area.point_of_control.raw() / Price::SCALE / 5;
        prop_assert_eq!(at(poc), at(top), "the point of control holds the most");
        let (mut low, mut high, mut inside) = (poc, poc, at(poc));
        let (least, most) = (*plain.keys().next().unwrap(), *plain.keys().last().unwrap());
        while (inside as f64) < share * profile.total() as f64 {
            let up = if high < most { Some(at(high + 1)) } else { None };
            let down = if low > least { Some(at(low - 1)) } else { None };
            if up.is_some() && down.is_none_or(|down| up >= Some(down)) {
                high += 1;
                inside += at(high);
            } else {
                low -= 1;
                inside += at(low);
            }
        }
        prop_assert_eq!((area.low, area.high), (middle(low), middle(high)));
    }

    #[test]
    fn volume_is_never_lost(
        days in prop::collection::vec(
            (0_i64..5_000, prop::collection::vec((1_i64..100_000, 0_i64..3_000, 0_u64..10_000), 0..30)), 1..8,
        ),
        kept in 1_usize..4,
    ) {
        let mut profile = VolumeProfile::new(price(5), kept);
        let mut totals = Vec::new();
        for (range, rows) in days {
            profile.begin_day(price(range));
            totals.push(0);
            for (low, range, volume) in rows {
                profile.push(&bar(0, [low, low + range, low, low + range / 2], volume, 60));
                *totals.last_mut().unwrap() += volume;
                let held: u64 = totals.iter().rev().take(kept).sum();
                prop_assert_eq!(profile.total(), held);
            }
            if let Some(area) = profile.value_area(1.0) {
                prop_assert!(area.low <= area.point_of_control && area.point_of_control <= area.high);
                prop_assert!((area.high - area.low).raw() <= profile.width().raw() * BINS as i64);
            }
        }
    }

    #[test]
    fn nothing_stops_it(
        rows in prop::collection::vec(
            (0_i64..4_000_000_000, 1_i64..=Price::LIMIT.raw(), 1_i64..=Price::LIMIT.raw(), any::<u64>(), 0_u32..100_000),
            1..120,
        ),
        tick in prop::sample::select(vec![0_i64, 1, 500_000_000, Price::LIMIT.raw()]),
        session in prop::sample::select(vec!["B3", "FOREX", "ALWAYS"]),
        profile_days in 1_usize..3,
    ) {
        let own = ZoneMapSettings { profile_days, ..ZoneMapSettings::default() };
        let mut map = map_of(session, SwingVolumeSettings { atr_period: 1, ..shared() }, own, Price::from_raw(tick));
        let mut at: Vec<_> = rows.iter().map(|row| row.0).collect();
        at.sort_unstable();
        for (at, (_, a, b, volume, seconds)) in at.into_iter().zip(rows) {
            let (low, high) = (Price::from_raw(a.min(b)), Price::from_raw(a.max(b)));
            let time = Timestamp::from_secs(at);
            map.on_bar(&Bar { time, open: low, high, low, close: high, volume, seconds, ..Bar::default() });
            for at in [low, high, Price::ZERO, Price::LIMIT] {
                let strength = map.strength_at(at).map_or(0.0, Unit::get);
                prop_assert!((0.0..=1.0).contains(&strength));
                let (below, above) = map.nearest(at);
                prop_assert!(below.is_none_or(|zone| zone.strength.get() >= 0.05));
                prop_assert!(above.is_none_or(|zone| zone.strength.get() >= 0.05));
            }
        }
    }
}
