//! What the maps say of markets drawn by hand, and what holds in every market.

use alavanca_indicators::Atr;
use alavanca_kernel::{Bar, Price, Unit};
use alavanca_liquidity::{
    LiquidityMap, MAX_ZONES, NoLiquidity, RelativeVolume, SwingVolumeConfig, SwingVolumeLevels, SwingVolumeSettings,
    Zone, ZoneKind,
};
use proptest::prelude::*;

fn price(whole: i64) -> Price {
    Price::from_raw(whole * Price::SCALE)
}

/// A bar around a middle, 2 high.
fn bar(middle: i64, volume: u64) -> Bar {
    let (low, high) = (price(middle - 1), price(middle + 1));
    Bar { open: price(middle), high, low, close: price(middle), volume, ..Bar::default() }
}

/// Short periods, no fading, so that a drawing stays small.
fn settings() -> SwingVolumeSettings {
    SwingVolumeSettings {
        swing_bars: 2,
        volume_bars: 4,
        atr_period: 1,
        half_life_bars: 1e9,
        ..SwingVolumeSettings::default()
    }
}

fn map(settings: SwingVolumeSettings) -> SwingVolumeLevels {
    SwingVolumeLevels::new(SwingVolumeConfig::new(settings).expect("settings that can be"))
}

fn feed(map: &mut dyn LiquidityMap, middles: &[i64], volume: u64) {
    for &middle in middles {
        map.on_bar(&bar(middle, volume));
    }
}

fn zones(map: &SwingVolumeLevels) -> Vec<(ZoneKind, String, u32)> {
    map.zones().map(|zone| (zone.kind, zone.price.to_string(), zone.touches)).collect()
}

fn strength(map: &dyn LiquidityMap, at: Price) -> f64 {
    map.strength_at(at).expect("a map that knows").get()
}

fn close(got: f64, expected: f64) {
    assert!((got - expected).abs() < 1e-6, "{got} is not {expected}");
}

#[test]
fn a_swing_is_a_zone_once_it_is_confirmed() {
    let mut map = map(settings());
    assert_eq!(map.strength_at(price(100)), None);
    feed(&mut map, &[100, 110, 120, 110], 10);
    assert_eq!(zones(&map), [], "the second bar to the right is still to come");
    feed(&mut map, &[100], 10);
    assert_eq!(zones(&map), [(ZoneKind::SwingHigh, "121".to_owned(), 0)]);
    feed(&mut map, &[90, 100, 110], 10);
    assert_eq!(zones(&map)[1..], [(ZoneKind::SwingLow, "89".to_owned(), 0)]);
}

#[test]
fn strength_falls_with_distance_and_is_the_strongest_zones() {
    let mut map = map(settings());
    feed(&mut map, &[100, 110, 120, 110, 100, 90, 100, 110], 10);
    // Swing at 121: volume 10, mean of the last four 10, factor 2: ½ + ½ · ½. The last true range is 11: reach 11.
    let born = 0.75;
    close(strength(&map, price(121)), born);
    close(strength(&map, price(121 + 11)), 0.0);
    close(strength(&map, Price::from_raw(price(121).raw() - price(11).raw() / 2)), born / 2.0);
    close(strength(&map, price(500)), 0.0);
    close(strength(&map, price(89)), born);
}

#[test]
fn volume_makes_zones_and_strength() {
    let mut map = map(settings());
    feed(&mut map, &[100, 101, 102, 103], 10);
    // Mean of 10, 10, 10, 30 is 15: exactly twice. One less in 30 and it is no zone.
    map.on_bar(&bar(104, 30));
    assert_eq!(zones(&map), [(ZoneKind::Volume, "104".to_owned(), 0)]);
    close(strength(&map, price(104)), 1.0);
    let mut less = self::map(settings());
    feed(&mut less, &[100, 101, 102, 103], 10);
    less.on_bar(&bar(104, 29));
    assert_eq!(zones(&less), []);
}

#[test]
fn without_volume_swings_count_three_quarters() {
    let mut map = map(settings());
    feed(&mut map, &[100, 110, 120, 110, 100], 0);
    close(strength(&map, price(121)), 0.75);
}

#[test]
fn touches_strengthen_until_the_zone_is_spent() {
    let mut map = map(SwingVolumeSettings { swing_bars: 2, merge_atr: 0.0, ..settings() });
    feed(&mut map, &[100, 110, 120, 110, 100], 10);
    let mut expected = 0.75;
    for touch in 1..=5_u32 {
        // Straight up and down through 121 makes swings elsewhere; the first zone is the one at 121.
        feed(&mut map, &[121], 10);
        expected = if touch <= 3 { 1.0 - 0.8 * (1.0 - expected) } else { expected / 2.0 };
        let zone = map.zones().next().unwrap();
        assert_eq!((zone.price, zone.touches), (price(121), touch));
        close(zone.strength.get(), expected);
        feed(&mut map, &[121], 10);
        assert_eq!(map.zones().next().unwrap().touches, touch, "staying is no new touch");
        feed(&mut map, &[60], 10);
    }
}

#[test]
fn zones_fade_by_their_half_life() {
    let mut map = map(SwingVolumeSettings { half_life_bars: 10.0, ..settings() });
    feed(&mut map, &[100, 110, 120, 110, 100], 10);
    let before = map.zones().next().unwrap().strength.get();
    feed(&mut map, &[50; 10], 10);
    close(map.zones().next().unwrap().strength.get(), before / 2.0);
}

#[test]
fn near_zones_are_one() {
    let mut map = map(SwingVolumeSettings { merge_atr: 0.5, ..settings() });
    feed(&mut map, &[100, 110, 120, 110, 100], 10);
    // A second top at 124 (its high; the ATR is 11, so half of it 5.5), reached by a touch.
    feed(&mut map, &[110, 123, 110, 100], 10);
    let highs: Vec<_> = map.zones().filter(|zone| zone.kind == ZoneKind::SwingHigh).collect();
    assert_eq!((highs.len(), highs[0].price, highs[0].touches), (1, price(121), 1));
    let touched: f64 = 1.0 - 0.8 * 0.25;
    close(highs[0].strength.get(), 1.0 - (1.0 - touched) * 0.25);
}

#[test]
fn the_weakest_zone_makes_room() {
    let mut map = map(SwingVolumeSettings { merge_atr: 0.0, half_life_bars: 100.0, ..settings() });
    for step in 0..40 {
        let base = 1_000 + 100 * step;
        feed(&mut map, &[base, base + 20, base + 60, base + 40, base + 30, base + 80], 10);
    }
    let kept: Vec<_> = map.zones().map(|zone| zone.price).collect();
    assert_eq!(kept.len(), MAX_ZONES);
    assert!(kept.iter().all(|&kept| kept > price(3_500)), "the old ones faded: {kept:?}");
}

#[test]
fn the_nearest_zones_enclose_the_price() {
    let mut map = map(settings());
    feed(&mut map, &[100, 110, 120, 110, 100, 90, 100, 110], 10);
    let sides = |at: i64| {
        let (below, above) = map.nearest(price(at));
        [below, above].map(|zone: Option<Zone>| zone.map(|zone| zone.price.to_string()))
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(sides(100), [text("89"), text("121")]);
    assert_eq!(sides(121), [text("121"), None], "a zone at the price is below it");
    assert_eq!(sides(89), [text("89"), text("121")]);
    assert_eq!(sides(50), [None, text("89")]);
}

#[test]
fn relative_volume_is_the_last_bars_share_of_the_mean() {
    let mut map = RelativeVolume::new(3);
    let mut asked = Vec::new();
    for volume in [20, 5, 5, 30, 10, 0, 0, 0] {
        map.on_bar(&bar(100, volume));
        asked.push(map.strength_at(Price::ZERO).map(Unit::get));
    }
    // Means: 20, 25/2, 10, 40/3, 15, 40/3, 10/3, 0.
    assert_eq!(asked, [Some(1.0), Some(0.4), Some(0.5), Some(1.0), Some(10.0 / 15.0), Some(0.0), Some(0.0), None]);
    assert_eq!(map.nearest(price(100)), (None, None));
}

#[test]
fn price_changes_stand_in_for_missing_volume() {
    let mut map = RelativeVolume::new(2);
    for tick_volume in [30, 10] {
        map.on_bar(&Bar { tick_volume, ..bar(100, 0) });
    }
    close(strength(&map, Price::ZERO), 0.5);
}

#[test]
fn no_liquidity_knows_nothing() {
    let mut none = NoLiquidity;
    none.on_bar(&bar(100, 10));
    assert_eq!((none.strength_at(price(100)), none.nearest(price(100))), (None, (None, None)));
}

fn markets() -> impl Strategy<Value = Vec<Bar>> {
    let step = (-20_i64..=20, 0_i64..10, 0_i64..10, 0_u64..200);
    prop::collection::vec(step, 1..400).prop_map(|steps| {
        let mut close = 10_000;
        let bar = |(step, above, below, volume)| {
            let open = close;
            close += step;
            let (high, low) = (open.max(close) + above, open.min(close) - below);
            Bar { open: price(open), high: price(high), low: price(low), close: price(close), volume, ..Bar::default() }
        };
        steps.into_iter().map(bar).collect()
    })
}

fn answers(map: &mut dyn LiquidityMap, bars: &[Bar]) -> Vec<String> {
    let answer = |bar: &Bar| {
        map.on_bar(bar);
        format!("{:?} {:?}", map.strength_at(bar.close), map.nearest(bar.close))
    };
    bars.iter().map(answer).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_formula_holds_in_every_market(bars in markets()) {
        let mut map = SwingVolumeLevels::new(SwingVolumeConfig::default());
        let mut atr = Atr::new(14);
        for bar in &bars {
            map.on_bar(bar);
            let reach = atr.push(bar);
            let Some(strength) = map.strength_at(bar.close) else {
                prop_assert!(reach.is_none_or(|reach| reach <= 0.0));
                continue;
            };
            let reach = reach.unwrap_or(f64::NAN);
            let felt = |zone: Zone| zone.strength.get() * (1.0 - zone.price.distance(bar.close).raw() as f64 / reach);
            let expected = map.zones().map(felt).fold(0.0, f64::max);
            prop_assert!((strength.get() - expected).abs() < 1e-9, "{} {}", strength.get(), expected);
            prop_assert!(map.zones().count() <= MAX_ZONES);
            let (below, above) = map.nearest(bar.close);
            let between = |zone: &Zone| {
                below.is_some_and(|b| b.price < zone.price && zone.price <= bar.close)
                    || above.is_some_and(|a| bar.close < zone.price && zone.price < a.price)
            };
            prop_assert_eq!(map.zones().find(between), None);
        }
    }

    #[test]
    fn nobody_sees_the_future(bars in markets(), share in 0.0_f64..1.0) {
        let cut = (bars.len() as f64 * share) as usize;
        let mut other = bars.clone();
        other[cut..].reverse();
        let maps: [fn() -> Box<dyn LiquidityMap>; 2] =
            [|| Box::new(SwingVolumeLevels::new(SwingVolumeConfig::default())), || Box::new(RelativeVolume::new(50))];
        for new in maps {
            let full = answers(&mut *new(), &bars);
            let mut twin = new();
            prop_assert_eq!(&full[..cut], &answers(&mut *twin, &other)[..cut]);
            twin.reset();
            prop_assert_eq!(&full, &answers(&mut *twin, &bars), "after a reset");
        }
    }
}

#[test]
fn refuses_settings_that_cannot_be() {
    let good = SwingVolumeSettings::default();
    for (settings, key) in [
        (SwingVolumeSettings { swing_bars: 0, ..good }, "LIQUIDITY_SWING_BARS"),
        (SwingVolumeSettings { volume_bars: 0, ..good }, "LIQUIDITY_VOLUME_BARS"),
        (SwingVolumeSettings { volume_factor: 0.9, ..good }, "LIQUIDITY_VOLUME_FACTOR"),
        (SwingVolumeSettings { atr_period: 0, ..good }, "LIQUIDITY_ATR_PERIOD"),
        (SwingVolumeSettings { merge_atr: -0.1, ..good }, "LIQUIDITY_MERGE_ATR"),
        (SwingVolumeSettings { reach_atr: 0.0, ..good }, "LIQUIDITY_REACH_ATR"),
        (SwingVolumeSettings { reach_atr: f64::NAN, ..good }, "LIQUIDITY_REACH_ATR"),
        (SwingVolumeSettings { half_life_bars: 0.5, ..good }, "LIQUIDITY_HALF_LIFE_BARS"),
        (SwingVolumeSettings { spent_touches: 1_001, ..good }, "LIQUIDITY_SPENT_TOUCHES"),
    ] {
        assert_eq!(SwingVolumeConfig::new(settings).unwrap_err().key, key, "{settings:?}");
    }
}
