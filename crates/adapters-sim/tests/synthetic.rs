//! The synthetic market: the same everywhere, sound, in session, and as its labels say.
#![allow(clippy::unwrap_used, reason = "helpers of tests may stop them")]

use std::fmt::Write;

use alavanca_adapters_sim::{SyntheticFeed, SyntheticMarket, SyntheticSettings};
use alavanca_kernel::{Bar, Instrument, Price, Regime, SymbolId, TradingDay};
use alavanca_ports::contracts;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

fn win() -> Instrument {
    Instrument::preset("WIN").unwrap()
}

fn market(settings: SyntheticSettings) -> SyntheticMarket {
    SyntheticMarket::new(settings, &win()).unwrap()
}

fn seeded(seed: u64) -> SyntheticSettings {
    SyntheticSettings { seed, ..SyntheticSettings::default() }
}

fn hash(bars: impl Iterator<Item = Bar>) -> String {
    let mut hash = Sha256::new();
    for bar in bars {
        for number in
            [bar.time.micros(), bar.open.raw(), bar.high.raw(), bar.low.raw(), bar.close.raw(), bar.spread.raw()]
        {
            hash.update(number.to_le_bytes());
        }
        hash.update(bar.volume.to_le_bytes());
        hash.update(bar.tick_volume.to_le_bytes());
        hash.update(bar.seconds.to_le_bytes());
    }
    hash.finalize().iter().take(8).fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

#[test]
fn a_seed_is_the_same_history_everywhere() {
    // Recorded once. Another value here means that everybody's synthetic backtests change: say so in the changelog.
    assert_eq!(hash(market(seeded(1))), "290987a8d2ef007c");
    assert_eq!(hash(market(seeded(2)).take(1_000)), "892f420636624d3c");
    assert_eq!(hash(market(SyntheticSettings { bar_seconds: 300, ..seeded(1) })), "293f20c593f4befc");
    let ticks = market(seeded(1)).ticks().take(10_000).map(|tick| Bar {
        time: tick.time,
        open: tick.bid,
        high: tick.ask,
        low: tick.last,
        volume: tick.volume,
        ..Bar::default()
    });
    assert_eq!(hash(ticks), "61459a1c64fc7633");
}

#[test]
fn bars_keep_the_session() {
    let settings = SyntheticSettings { start: TradingDay::from_days(20_098), days: 6, ..SyntheticSettings::default() };
    assert_eq!(settings.start.to_string(), "2025-01-10", "a Friday");
    let bars: Vec<_> = market(settings).collect();
    assert_eq!(bars.len(), 6 * 565, "09:00 to 18:25");
    let days: Vec<String> = bars.chunks(565).map(|day| day[0].time.to_string()).collect();
    assert_eq!(
        days,
        ["10", "13", "14", "15", "16", "17"].map(|day| format!("2025-01-{day}T12:00:00Z")),
        "weekends are left out"
    );
    for day in bars.chunks(565) {
        assert!(day.windows(2).all(|pair| pair[0].end() == pair[1].time));
        assert!(day[564].end().to_string().ends_with("T21:25:00Z"));
    }
    // A start on a weekend is the Monday after, a session's rest that fills no bar is left out.
    for (day, first) in [(20_099, "2025-01-13"), (20_100, "2025-01-13"), (20_101, "2025-01-13")] {
        let settings = SyntheticSettings { start: TradingDay::from_days(day), days: 1, bar_seconds: 1_800, ..settings };
        let bars: Vec<_> = market(settings).collect();
        assert_eq!((bars.len(), bars[0].time.to_string()), (18, format!("{first}T12:00:00Z")), "{day}");
    }
}

#[test]
fn how_many_bars_are_left_is_known() {
    let mut bars = market(SyntheticSettings { days: 3, ..SyntheticSettings::default() });
    for left in (0..3 * 565).rev() {
        bars.next().unwrap();
        assert_eq!(bars.len(), left);
    }
    assert_eq!((bars.next(), bars.next(), bars.len()), (None, None, 0));
}

fn points(price: Price) -> i64 {
    price.raw() / Price::SCALE
}

#[test]
fn magnitudes_are_those_of_the_real_thing() {
    for seed in 1..=8 {
        let bars: Vec<_> = market(seeded(seed)).collect();
        let mut ranges: Vec<_> = bars.iter().map(|bar| points(bar.high - bar.low)).collect();
        ranges.sort_unstable();
        let median = ranges[ranges.len() / 2];
        assert!((60..=120).contains(&median), "seed {seed}: a minute spans {median} points");
        let (low, high) = (bars.iter().map(|b| b.low).min().unwrap(), bars.iter().map(|b| b.high).max().unwrap());
        assert!(points(low) > 105_000 && points(high) < 145_000, "seed {seed}: {low} to {high}");
        // Gaps: the night moves the price further than a minute does, and no night leaves it where it was.
        let gaps: Vec<_> = bars
            .windows(2)
            .filter(|w| w[0].end() != w[1].time)
            .map(|w| points(w[1].open.distance(w[0].close)))
            .collect();
        let mean = gaps.iter().sum::<i64>() / gaps.len() as i64;
        assert!((150..600).contains(&mean) && gaps.len() == 119, "seed {seed}: nights move {mean} points");
        // The shape of the day.
        let third = |from: usize, of: fn(&Bar) -> u64| -> u64 {
            bars.chunks(565).flat_map(|day| &day[from..from + 60]).map(of).sum()
        };
        let range = |bar: &Bar| points(bar.high - bar.low) as u64;
        for edge in [0, 505] {
            assert!(third(edge, range) * 10 > third(250, range) * 14, "seed {seed}: the day's edges move more");
            assert!(third(edge, |bar| bar.volume) > third(250, |bar| bar.volume) * 3, "seed {seed}: and trade more");
        }
    }
}

/// What a regime did, over several seeds.
struct Seen {
    bars: f64,
    moved: f64,
    moved_squared: f64,
    ranged: f64,
    /// Products of the moves of bars that follow each other.
    followed: f64,
    /// Products of the moves over 20 bars and over the next 20.
    trended: f64,
    trended_squared: f64,
}

fn seen(regime: Regime) -> Seen {
    let mut seen = Seen {
        bars: 0.0,
        moved: 0.0,
        moved_squared: 0.0,
        ranged: 0.0,
        followed: 0.0,
        trended: 0.0,
        trended_squared: 0.0,
    };
    for seed in 11..15 {
        let bars: Vec<_> = market(seeded(seed)).labelled().collect();
        let moved = |bar: &Bar| (bar.close - bar.open).to_f64();
        for (i, (bar, label)) in bars.iter().enumerate().filter(|(_, (_, label))| *label == regime) {
            seen.bars += 1.0;
            seen.moved += moved(bar);
            seen.moved_squared += moved(bar) * moved(bar);
            seen.ranged += (bar.high - bar.low).to_f64();
            if i + 1 < bars.len() && bars[i + 1].1 == *label {
                seen.followed += moved(bar) * moved(&bars[i + 1].0);
            }
            if i + 40 < bars.len() && bars[i..=i + 40].iter().all(|(_, later)| later == label) {
                let over = |from: usize| (bars[from + 20].0.close - bars[from].0.close).to_f64();
                seen.trended += over(i) * over(i + 20);
                seen.trended_squared += over(i) * over(i);
            }
        }
    }
    seen
}

#[test]
fn regimes_do_what_their_names_say() {
    let [up, down, range, high_vol, chaotic, exhaustion] =
        [Regime::TrendUp, Regime::TrendDown, Regime::Range, Regime::HighVol, Regime::Chaotic, Regime::Exhaustion]
            .map(seen);
    // The mean move, in its own standard errors.
    let drift = |seen: &Seen| seen.moved / seen.moved_squared.sqrt();
    assert!(drift(&up) > 10.0 && drift(&down) < -10.0, "trends drift: {} {}", drift(&up), drift(&down));
    for (name, seen) in [("range", &range), ("high vol", &high_vol), ("chaotic", &chaotic)] {
        assert!(drift(seen).abs() < 4.0, "{name} has no direction: {}", drift(seen));
    }
    let trended = |seen: &Seen| seen.trended / seen.trended_squared;
    assert!(trended(&up) > 0.1 && trended(&down) > 0.1, "a trend goes on: {} {}", trended(&up), trended(&down));
    assert!(trended(&range) < -0.15, "a range comes back: {}", trended(&range));
    let followed = |seen: &Seen| seen.followed / seen.moved_squared;
    assert!(followed(&chaotic) < -0.1, "chaos turns at once: {}", followed(&chaotic));
    let ranged = |seen: &Seen| seen.ranged / seen.bars;
    assert!(ranged(&high_vol) > 1.7 * ranged(&up) && ranged(&chaotic) > 2.2 * ranged(&up));
    assert!(ranged(&range) < ranged(&up) && ranged(&exhaustion) < ranged(&range));
    // All regimes are met often enough to be measured.
    let all: f64 = [&up, &down, &range, &high_vol, &chaotic, &exhaustion].map(|seen| seen.bars).iter().sum();
    assert!((all - 4.0 * 67_800.0).abs() < 0.5, "every bar has its regime");
    for (seen, share) in
        [(up, 0.15), (down, 0.15), (range, 0.25), (high_vol, 0.03), (chaotic, 0.005), (exhaustion, 0.02)]
    {
        assert!(seen.bars / all > share, "{} of {all}", seen.bars);
    }
}

#[test]
fn ticks_gather_into_the_same_bars() {
    let settings = SyntheticSettings { days: 3, ..SyntheticSettings::default() };
    let (bars, ticks): (Vec<_>, Vec<_>) = (market(settings).collect(), market(settings).ticks().collect());
    assert_eq!(market(settings).ticks().len(), ticks.len());
    assert!(ticks.windows(2).all(|pair| pair[0].time < pair[1].time));
    let mut rest = &ticks[..];
    for bar in bars {
        let (of_bar, after) = rest.split_at(rest.iter().position(|tick| tick.time >= bar.end()).unwrap_or(rest.len()));
        rest = after;
        let prices = || of_bar.iter().map(|tick| tick.last);
        let gathered = Bar {
            open: prices().next().unwrap(),
            high: prices().max().unwrap(),
            low: prices().min().unwrap(),
            close: prices().next_back().unwrap(),
            volume: of_bar.iter().map(|tick| tick.volume).sum(),
            ..bar
        };
        assert_eq!(gathered, bar);
        for tick in of_bar {
            assert!(tick.time >= bar.time && tick.is_tradable(), "{tick:?}");
            assert_eq!(tick.ask - tick.bid, bar.spread);
            assert!(tick.last == tick.bid || tick.last == tick.ask, "{tick:?}");
            assert_eq!([tick.bid, tick.ask].map(|price| price.to_tick(win().tick)), [tick.bid, tick.ask]);
        }
    }
    assert!(rest.is_empty());
}

#[test]
fn the_wildest_market_stays_above_zero() {
    for seed in 0..4 {
        let volatility = Price::from_raw(625 * Price::SCALE);
        let settings =
            SyntheticSettings { seed, days: 20_000, bar_seconds: 33_900, volatility, ..SyntheticSettings::default() };
        let mut lowest = Price::NEVER_ABOVE;
        for bar in market(settings) {
            assert!(bar.is_sound(), "seed {seed}: {bar:?}");
            lowest = lowest.min(bar.low);
        }
        assert_eq!(lowest, points_up(31_250), "seed {seed}: a quarter of home is met, or this proves nothing");
    }
}

fn points_up(points: i64) -> Price {
    Price::from_raw(points * Price::SCALE)
}

#[tokio::test]
async fn the_feed_keeps_the_contract() {
    let settings = SyntheticSettings { days: 20, ..SyntheticSettings::default() };
    let mut bars = SyntheticFeed::bars(SymbolId::new(3), market(settings));
    assert_eq!(contracts::feed::suite(&mut bars).await, 20 * 565);
    let mut ticks = SyntheticFeed::ticks(SymbolId::new(3), market(SyntheticSettings { days: 2, ..settings }));
    assert_eq!(contracts::feed::suite(&mut ticks).await, 2 * 565 * 24);
}

#[test]
fn it_says_that_it_is_synthetic() {
    assert_eq!(
        SyntheticSettings::default().to_string(),
        "SYNTHETIC data, no market ever traded so: seed 1, 120 trading days from 2025-01-06, bars of 60 s"
    );
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let ok = SyntheticSettings::default();
    let raw = Price::from_raw;
    for (settings, key) in [
        (SyntheticSettings { days: 0, ..ok }, "SYNTHETIC_DAYS"),
        (SyntheticSettings { bar_seconds: 0, ..ok }, "SYNTHETIC_BAR_SECONDS"),
        (SyntheticSettings { bar_seconds: 33_901, ..ok }, "SYNTHETIC_BAR_SECONDS"),
        (SyntheticSettings { start: TradingDay::from_days(-1), ..ok }, "SYNTHETIC_START"),
        (SyntheticSettings { start: TradingDay::from_days(47_483), ..ok }, "SYNTHETIC_START"),
        (SyntheticSettings { price: raw(5_000 * Price::SCALE - 1), ..ok }, "SYNTHETIC_PRICE"),
        (SyntheticSettings { volatility: raw(0), ..ok }, "SYNTHETIC_VOLATILITY"),
        (SyntheticSettings { volatility: raw(625 * Price::SCALE + 1), ..ok }, "SYNTHETIC_VOLATILITY"),
    ] {
        assert_eq!(SyntheticMarket::new(settings, &win()).unwrap_err().key, key, "{settings:?}");
    }
    let gridless = Instrument { tick: Price::ZERO, ..win() };
    assert_eq!(SyntheticMarket::new(ok, &gridless).unwrap_err().key, "TICK_SIZE");
    assert!(
        SyntheticMarket::new(
            SyntheticSettings { bar_seconds: 33_900, volatility: raw(625 * Price::SCALE), ..ok },
            &win()
        )
        .is_ok()
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_bar_is_sound_and_on_the_grid(
        seed in any::<u64>(),
        bar_seconds in prop_oneof![1..120_u32, 60..=33_900_u32],
        start in 0..=47_482_i32,
        // Restless enough to reach what bounds the price.
        volatility in 1..=625_i64,
    ) {
        let volatility = Price::from_raw(volatility * Price::SCALE);
        let settings = SyntheticSettings { seed, days: 5, bar_seconds, start: TradingDay::from_days(start), price: SyntheticSettings::default().price, volatility };
        let (tick, mut last) = (win().tick, None);
        for bar in market(settings).take(3_000) {
            prop_assert!(bar.is_sound(), "{:?}", bar);
            for price in [bar.open, bar.high, bar.low, bar.close, bar.spread] {
                prop_assert_eq!(price, price.to_tick(tick));
            }
            prop_assert!(bar.spread.is_positive() && bar.volume > 0);
            prop_assert!(last.is_none_or(|end| end <= bar.time));
            let of_day = bar.time.secs().rem_euclid(86_400);
            prop_assert!((43_200..77_100).contains(&of_day) && bar.end().secs().rem_euclid(86_400) <= 77_100);
            last = Some(bar.end());
        }
    }
}
