//! Bars joined to larger bars.

use std::collections::BTreeMap;

use alavanca_indicators::BarAggregator;
use alavanca_kernel::{Bar, Price, Timestamp};
use proptest::prelude::*;

fn bar(at: i64, [open, high, low, close]: [i64; 4], seconds: u32) -> Bar {
    let [open, high, low, close] = [open, high, low, close].map(|units| Price::from_raw(units * Price::SCALE));
    let time = Timestamp::from_secs(at);
    Bar { time, open, high, low, close, volume: 7, tick_volume: 3, spread: Price::from_raw(5), seconds }
}

fn joined(aggregator: &mut BarAggregator, bars: &[Bar], ahead: i64) -> Vec<Bar> {
    let mut out: Vec<Bar> = bars.iter().filter_map(|bar| aggregator.push(bar, bar.time.secs() + ahead)).collect();
    out.extend(aggregator.finish());
    out
}

#[test]
fn five_minutes_come_with_their_last_minute() {
    let mut five = BarAggregator::new(300);
    assert_eq!(five.push(&bar(600, [10, 12, 9, 11], 60), 600), None);
    assert_eq!(five.push(&bar(660, [11, 15, 10, 14], 60), 660), None);
    assert_eq!(five.push(&bar(720, [14, 14, 8, 9], 60), 720), None);
    assert_eq!(five.push(&bar(780, [9, 9, 9, 9], 60), 780), None);
    assert_eq!(five.peek().map(|bar| bar.close.raw() / Price::SCALE), Some(9), "what is begun can be seen");
    let out = five.push(&bar(840, [9, 10, 9, 10], 60), 840).unwrap();
    let expected = Bar { volume: 35, tick_volume: 15, ..bar(600, [10, 15, 8, 10], 300) };
    assert_eq!(out, expected);
    assert_eq!((five.peek(), five.finish()), (None, None), "handed out once");
}

#[test]
fn after_a_hole_the_next_bar_hands_it_out() {
    let mut five = BarAggregator::new(300);
    assert_eq!(five.push(&bar(660, [11, 15, 10, 14], 60), 660), None);
    // The last minute of a later one: complete in itself, yet only one bar comes out of each.
    let out = five.push(&bar(1_740, [20, 21, 19, 20], 60), 1_740).unwrap();
    assert_eq!((out.time.secs(), out.seconds, out.volume), (600, 300, 7));
    let out = five.push(&bar(1_800, [20, 21, 19, 20], 60), 1_800).unwrap();
    assert_eq!(out.time.secs(), 1_500);
    assert_eq!(five.finish().map(|bar| bar.time.secs()), Some(1_800));
}

#[test]
fn the_clock_on_the_wall_says_where_it_begins() {
    let check = |seconds: u32, wall: i64, begins: i64| {
        let mut aggregator = BarAggregator::new(seconds);
        let at = 1_615_494_900;
        aggregator.push(&bar(at, [1, 1, 1, 1], 60), wall);
        let time = aggregator.peek().unwrap().time.secs();
        assert_eq!((time, aggregator.begin_of(wall)), (at - (wall - begins), begins), "{seconds} s at {wall}");
    };
    // 2021-03-11 17:35 on the wall, a Thursday.
    let (wall, day) = (1_615_484_100, 1_615_420_800);
    check(3_600, wall, day + 17 * 3_600);
    check(14_400, wall, day + 16 * 3_600);
    check(86_400, wall, day);
    check(7 * 86_400, wall, day - 3 * 86_400);
    check(900, -61, -900);
}

#[test]
fn the_smallest_known_spread_counts() {
    let check = |spreads: &[i64], expected: i64| {
        let bars: Vec<Bar> = (0..)
            .zip(spreads)
            .map(|(at, &spread)| Bar { spread: Price::from_raw(spread), ..bar(at * 60, [1, 1, 1, 1], 60) })
            .collect();
        let out = joined(&mut BarAggregator::new(3_600), &bars, 0);
        assert_eq!(out.iter().map(|bar| bar.spread.raw()).collect::<Vec<_>>(), [expected], "{spreads:?}");
    };
    check(&[5, 3, 4], 3);
    check(&[0, 3, 4], 3);
    check(&[4, 0, 6], 4);
    check(&[0, 0], 0);
}

#[test]
fn what_is_long_enough_passes() {
    for seconds in [300, 900] {
        let long = bar(1_200, [10, 12, 9, 11], seconds);
        assert_eq!(BarAggregator::new(300).push(&long, 1_200), Some(long));
    }
}

#[test]
fn a_clock_put_back_never_stops_it() {
    // 23:55 to midnight, and then 23:00 once more.
    let mut hours = BarAggregator::new(3_600);
    let day = 86_400;
    assert!(hours.push(&bar(0, [5, 5, 5, 5], 300), day - 300).is_some());
    assert_eq!(hours.push(&bar(300, [6, 6, 6, 6], 300), day - 3_600), None);
    assert_eq!(hours.finish().map(|bar| bar.time.secs()), Some(300));
}

#[test]
fn volumes_stay_at_their_largest() {
    let most = Bar { volume: u64::MAX, tick_volume: u32::MAX, ..bar(0, [1, 1, 1, 1], 60) };
    let out = joined(&mut BarAggregator::new(300), &[most, Bar { time: Timestamp::from_secs(60), ..most }], 0);
    assert_eq!((out[0].volume, out[0].tick_volume), (u64::MAX, u32::MAX));
}

#[test]
fn a_tick_closes_the_bar_before_its_own() {
    let mut minutes = BarAggregator::new(60);
    let p = |points: i64| Price::from_raw(points * Price::SCALE);
    let mut push = |millis: i64, points: i64, volume: u64| {
        let time = Timestamp::from_micros(millis * 1_000);
        minutes.push_tick(time, p(points), volume, Price::from_raw(points), time.secs())
    };
    assert_eq!(push(1_250, 100, 1), None);
    assert_eq!(push(30_000, 105, 2), None);
    assert_eq!(push(59_999, 98, 3), None);
    let out = push(185_750, 99, 4).unwrap();
    assert_eq!((out.open, out.high, out.low, out.close), (p(100), p(105), p(98), p(98)));
    assert_eq!((out.time, out.seconds, out.volume, out.tick_volume), (Timestamp::from_secs(0), 60, 6, 3));
    assert_eq!(out.spread.raw(), 98);
    let next = push(240_000, 97, 1).unwrap();
    assert_eq!((next.time, next.volume), (Timestamp::from_secs(180), 4), "minutes without ticks make no bars");
}

fn market() -> impl Strategy<Value = Vec<Bar>> {
    let step = (prop_oneof![8 => Just(1_i64), 2 => 2_i64..600], 1_i64..50, 0_i64..9, 0_i64..9, 0_u64..100, 0_i64..9);
    prop::collection::vec(step, 1..300).prop_map(|steps| {
        let mut minute = 26_900_000;
        let bars = steps.into_iter().map(|(gap, low, body, wick, volume, spread)| {
            minute += gap;
            let ohlc = [low + body.min(wick), low + body.max(wick), low, low + body];
            Bar { volume, spread: Price::from_raw(spread), ..bar(minute * 60, ohlc, 60) }
        });
        bars.collect()
    })
}

proptest! {
    #[test]
    fn nothing_is_lost_and_nothing_made_up(
        bars in market(),
        seconds in prop::sample::select(vec![120_u32, 300, 900, 3_600, 14_400, 86_400, 604_800]),
        ahead in prop::sample::select(vec![0_i64, -10_800, 19_800, 7_200]),
    ) {
        let out = joined(&mut BarAggregator::new(seconds), &bars, ahead);
        // The plain way: all bars of one stretch together.
        let mut plain: BTreeMap<i64, Vec<&Bar>> = BTreeMap::new();
        let length = i64::from(seconds);
        let origin = if seconds == 604_800 { 4 * 86_400 } else { 0 };
        for bar in &bars {
            plain.entry((bar.time.secs() + ahead - origin).div_euclid(length)).or_default().push(bar);
        }
        prop_assert_eq!(out.len(), plain.len());
        for (out, (slot, of)) in out.iter().zip(plain) {
            prop_assert_eq!(out.time.secs(), slot * length + origin - ahead);
            prop_assert_eq!((out.open, out.close), (of[0].open, of[of.len() - 1].close));
            prop_assert_eq!(Some(out.high), of.iter().map(|bar| bar.high).max());
            prop_assert_eq!(Some(out.low), of.iter().map(|bar| bar.low).min());
            prop_assert_eq!(out.volume, of.iter().map(|bar| bar.volume).sum::<u64>());
            prop_assert_eq!(out.tick_volume as usize, 3 * of.len());
            let spread = of.iter().map(|bar| bar.spread).filter(|spread| spread.is_positive()).min();
            prop_assert_eq!(out.spread, spread.unwrap_or_default());
            prop_assert!(out.is_sound() && out.seconds == seconds);
        }
    }

    #[test]
    fn by_way_of_a_length_between_it_is_the_same(
        bars in market(),
        (between, seconds) in prop::sample::select(vec![(300_u32, 900_u32), (900, 3_600), (3_600, 14_400), (120, 86_400)]),
        ahead in prop::sample::select(vec![0_i64, -10_800, 7_200]),
    ) {
        let straight = joined(&mut BarAggregator::new(seconds), &bars, ahead);
        let halfway = joined(&mut BarAggregator::new(between), &bars, ahead);
        prop_assert_eq!(joined(&mut BarAggregator::new(seconds), &halfway, ahead), straight);
    }

    #[test]
    fn nothing_is_handed_out_too_early(bars in market(), seconds in prop::sample::select(vec![300_u32, 3_600])) {
        let mut aggregator = BarAggregator::new(seconds);
        for bar in &bars {
            if let Some(out) = aggregator.push(bar, bar.time.secs()) {
                prop_assert!(out.end() <= bar.end(), "{:?} known at {:?}", out, bar);
            }
        }
    }

    #[test]
    fn any_times_and_any_lengths_are_taken(
        rows in prop::collection::vec((any::<i64>(), any::<i64>(), any::<u32>()), 1..50),
        seconds in 1_u32..,
    ) {
        let mut aggregator = BarAggregator::new(seconds);
        for (micros, wall, length) in rows {
            aggregator.push(&Bar { time: Timestamp::from_micros(micros), seconds: length, ..Bar::default() }, wall);
        }
    }
}
