//! Every indicator against values of TA-Lib 0.8.1 on the same 300 bars.

use alavanca_indicators::{Adx, Atr, Ema, RollingBand, RollingMean, Rsi, Sma};
use alavanca_kernel::{Bar, Price};

/// Bars in whole points: a walk with gaps, trends and equal extremes, from a generator that is easy to write anywhere.
fn bars() -> Vec<Bar> {
    let (mut seed, mut close) = (12_345_u64, 130_000_i64);
    (0..300)
        .map(|i| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (a, b, c) = (((seed >> 33) % 41) as i64, ((seed >> 40) % 15) as i64, ((seed >> 48) % 15) as i64);
            let drift = if i / 60 % 2 == 0 { 6 } else { -6 };
            let open = close + if i % 50 == 49 { 12 } else { 0 };
            close = open + a - 20 + drift;
            let price = |whole: i64| Price::from_raw(whole * Price::SCALE);
            Bar {
                open: price(open),
                high: price(open.max(close) + b),
                low: price(open.min(close) - c),
                close: price(close),
                ..Bar::default()
            }
        })
        .collect()
}

/// The first output comes at the first expected bar, and all expected ones agree to 1e-9 of their size.
fn check(name: &str, expected: &[(usize, f64)], mut next: impl FnMut(&Bar) -> Option<f64>) {
    let outputs: Vec<_> = bars().iter().map(&mut next).collect();
    assert_eq!(outputs.iter().position(Option::is_some), Some(expected[0].0), "{name}: first output");
    for &(at, value) in expected {
        let got = outputs[at].expect("an output after the first");
        assert!((got - value).abs() <= 1e-9 * value.abs(), "{name} at {at}: {got} is not {value}");
    }
}

const UNIT: f64 = Price::SCALE as f64;

#[test]
fn the_bars_are_the_ones_that_were_computed_with() {
    let bars = bars();
    let shown = bars[..3].iter().map(|b| [b.open, b.high, b.low, b.close].map(|p| p.raw() / Price::SCALE));
    let expected =
        [[130000, 130029, 129989, 130021], [130021, 130027, 130005, 130012], [130012, 130027, 130007, 130017]];
    assert_eq!(shown.collect::<Vec<_>>(), expected);
    assert_eq!(bars[299].close.to_f64().to_bits(), 130_529.0_f64.to_bits());
}

#[test]
fn averages() {
    let mut sma = Sma::new(30);
    let expected = [(29, 130081.66666666667), (30, 130085.4), (150, 130118.56666666667), (299, 130407.53333333334)];
    check("SMA", &expected, |bar| sma.push(bar.close).map(Price::to_f64));
    let mut mean = RollingMean::new(30);
    check("SMA of f64", &expected, |bar| mean.push(bar.close.to_f64()));
    let mut ema = Ema::new(21);
    let expected =
        [(20, 130063.76190476191), (21, 130067.87445887446), (150, 130150.65426513531), (299, 130446.57647656316)];
    check("EMA", &expected, |bar| ema.push(bar.close.to_f64()));
}

#[test]
fn ranges_and_direction() {
    let mut atr = Atr::new(14);
    let expected =
        [(14, 25.142857142857142), (15, 25.20408163265306), (150, 24.73476326937897), (299, 26.963113114475085)];
    check("ATR", &expected, |bar| atr.push(bar).map(|raw| raw / UNIT));

    let mut adx = Adx::new(14);
    let expected =
        [(27, 43.27891094564099), (28, 42.840723173253586), (150, 45.99202346506671), (299, 63.22789095796687)];
    check("ADX", &expected, |bar| adx.push(bar));
    let mut adx = Adx::new(14);
    let expected =
        [(14, 30.3248310442555), (15, 27.93733681462141), (150, 31.305494487674107), (299, 38.9667179218056)];
    check("PLUS_DI", &expected, |bar| {
        adx.push(bar);
        adx.plus_di()
    });
    let mut adx = Adx::new(14);
    let expected =
        [(14, 7.237846086766949), (15, 13.027021181269022), (150, 4.406360047298215), (299, 11.206204702299823)];
    check("MINUS_DI", &expected, |bar| {
        adx.push(bar);
        adx.minus_di()
    });
}

#[test]
fn oscillators() {
    let mut rsi = Rsi::new(14);
    let expected = [(14, 73.93939393939394), (15, 68.1564245810056), (150, 75.10908059910456), (299, 78.6054020448792)];
    check("RSI", &expected, |bar| rsi.push(bar.close));

    let mut band = RollingBand::new(20);
    let expected = [(19, 130060.95), (20, 130065.9), (150, 130146.15), (299, 130456.4)];
    check("BBANDS middle", &expected, |bar| band.push(bar.close).map(|b| b.middle / UNIT));
    let mut band = RollingBand::new(20);
    let expected =
        [(19, 35.05492119517601), (20, 36.04011653699249), (150, 38.17233946197168), (299, 48.96978660357812)];
    check("STDDEV", &expected, |bar| band.push(bar.close).map(|b| b.deviation / UNIT));
}

#[test]
fn a_reset_is_as_good_as_new() {
    let bars = bars();
    let (mut atr, mut adx, mut rsi, mut ema) = (Atr::new(5), Adx::new(5), Rsi::new(5), Ema::new(5));
    let (mut mean, mut band) = (RollingMean::new(5), RollingBand::new(5));
    let mut run = || {
        let outputs: Vec<_> = bars[..40]
            .iter()
            .map(|bar| {
                let outputs = (
                    (atr.push(bar), adx.push(bar), adx.direction(), rsi.push(bar.close)),
                    (ema.push(bar.close.to_f64()), mean.push(bar.close.to_f64()), band.push(bar.close)),
                );
                format!("{outputs:?}")
            })
            .collect();
        atr.reset();
        adx.reset();
        rsi.reset();
        ema.reset();
        mean.reset();
        band.reset();
        outputs
    };
    assert_eq!(run(), run());
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
