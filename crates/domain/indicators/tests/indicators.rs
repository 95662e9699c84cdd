//! What holds for every indicator, whatever its values.

use alavanca_indicators::{Adx, Atr, Ema, Keltner, Macd, Roc, RollingBand, RollingMean, Rsi, Vwap};
use alavanca_kernel::{Bar, Price};
use proptest::prelude::*;

fn bar((open, up, down, close, volume): (i64, i64, i64, i64, u64)) -> Bar {
    let (open, close) = (open.max(1), close.max(1));
    let price = |raw: i64| Price::from_raw(raw.clamp(1, Price::LIMIT.raw()));
    let (high, low) = (open.max(close) + up, open.min(close) - down);
    Bar { open: price(open), high: price(high), low: price(low), close: price(close), volume, ..Bar::default() }
}

/// All of them; what they say as one line.
struct All {
    adx: Adx,
    atr: Atr,
    rsi: Rsi,
    ema: Ema,
    mean: RollingMean,
    band: RollingBand,
    macd: Macd,
    roc: Roc,
    keltner: Keltner,
    vwap: Vwap,
}

impl All {
    fn new() -> Self {
        Self {
            adx: Adx::new(5),
            atr: Atr::new(5),
            rsi: Rsi::new(5),
            ema: Ema::new(5),
            mean: RollingMean::new(5),
            band: RollingBand::new(5),
            macd: Macd::new(3, 6, 4),
            roc: Roc::new(4),
            keltner: Keltner::new(5, 3, 1.5),
            vwap: Vwap::new(),
        }
    }

    fn push(&mut self, bar: &Bar) -> String {
        let close = bar.close.raw() as f64;
        let direction = (self.adx.push(bar), self.adx.direction(), self.adx.plus_di(), self.adx.minus_di());
        let averages = (self.ema.push(close), self.mean.push(close), self.band.push(bar.close), self.macd.push(close));
        let rest = (self.atr.push(bar), self.rsi.push(bar.close), self.roc.push(bar.close), self.keltner.push(bar));
        self.vwap.push(bar);
        format!("{direction:?} {averages:?} {rest:?} {:?}", self.vwap.value())
    }

    fn reset(&mut self) {
        self.adx.reset();
        self.atr.reset();
        self.rsi.reset();
        self.ema.reset();
        self.mean.reset();
        self.band.reset();
        self.macd.reset();
        self.roc.reset();
        self.keltner.reset();
        self.vwap.reset();
    }
}

/// Prices from the smallest unit to the limit, still bars and bars without volume among them.
fn extreme() -> impl Strategy<Value = Vec<Bar>> {
    let limit = Price::LIMIT.raw();
    let price = prop_oneof![1_i64..100, Just(limit), 1_i64..=limit, Just(13_000_000_000_000)];
    let volume = prop_oneof![Just(0_u64), 1_u64..1_000, Just(u64::MAX)];
    prop::collection::vec((price.clone(), 0_i64..1_000, 0_i64..1_000, price, volume).prop_map(bar), 1..120)
}

proptest! {
    #[test]
    fn a_reset_is_as_good_as_new_and_nothing_is_ever_nan(bars in extreme()) {
        let mut all = All::new();
        let first: Vec<_> = bars.iter().map(|bar| all.push(bar)).collect();
        all.reset();
        let second: Vec<_> = bars.iter().map(|bar| all.push(bar)).collect();
        prop_assert_eq!(&first, &second);
        prop_assert!(first.iter().all(|line| !line.contains("NaN") && !line.contains("inf")));
    }

    #[test]
    fn vwap_equals_the_plain_one(
        bars in prop::collection::vec((10_000_i64..20_000, 0_i64..50, 0_i64..50, 10_000_i64..20_000, 0_u64..900), 1..200),
    ) {
        let mut vwap = Vwap::new();
        let (mut money, mut volume) = (0_i128, 0_i128);
        let mut seen: Vec<(f64, f64)> = Vec::new();
        for bar in bars.into_iter().map(bar) {
            // Three times the typical price, exactly.
            let threefold = i128::from(bar.high.raw()) + i128::from(bar.low.raw()) + i128::from(bar.close.raw());
            money += threefold * i128::from(bar.volume);
            volume += i128::from(bar.volume);
            seen.push((threefold as f64 / 3.0, bar.volume as f64));
            vwap.push(&bar);
            prop_assert_eq!(vwap.value().is_some(), volume > 0);
            let Some(got) = vwap.value() else { continue };
            let plain = money as f64 / 3.0 / volume as f64;
            prop_assert!((got.middle - plain).abs() <= 1e-9 * plain, "{} {}", got.middle, plain);
            let spread = seen.iter().map(|(price, weight)| weight * (price - plain) * (price - plain)).sum::<f64>();
            let deviation = (spread / volume as f64).sqrt();
            prop_assert!((got.deviation - deviation).abs() <= 1e-9 * plain, "{} {}", got.deviation, deviation);
        }
    }
}

#[test]
fn a_still_market_has_no_direction() {
    let price = Price::from_raw(100);
    let still = Bar { open: price, high: price, low: price, close: price, ..Bar::default() };
    let (mut adx, mut rsi) = (Adx::new(3), Rsi::new(3));
    for _ in 0..10 {
        adx.push(&still);
        rsi.push(still.close);
    }
    assert_eq!((adx.value(), adx.direction(), rsi.value()), (Some(0.0), 0, Some(50.0)));
    assert_eq!((adx.plus_di(), adx.minus_di()), (Some(0.0), Some(0.0)));
}

#[test]
fn a_bar_without_volume_weighs_by_its_price_changes() {
    let mut vwap = Vwap::new();
    vwap.push(&Bar { tick_volume: 3, ..bar((100, 0, 0, 100, 0)) });
    vwap.push(&Bar { tick_volume: 1, ..bar((200, 0, 0, 200, 0)) });
    assert_eq!(vwap.value().map(|band| band.middle.to_bits()), Some(125.0_f64.to_bits()));
}
