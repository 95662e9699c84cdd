//! Every indicator that TA-Lib has, against its values on six series of bars; `talib/golden.py` made the files.
//!
//! Equal means: as many values missing at the start, and then within 10⁻⁹ of the value's scale. The scale is what the
//! value is made from: for prices, bands and averages the price level, and so for what is a difference of such (MACD,
//! ranges, deviations), since TA-Lib's doubles carry no more; 100 for what is a percentage.

use alavanca_indicators::{
    Adx, Atr, Ema, Keltner, Macd, Roc, RollingBand, RollingMax, RollingMean, RollingMin, Rsi, Sma,
};
use alavanca_kernel::{Bar, Price};

const UNIT: f64 = Price::SCALE as f64;

/// One golden file.
struct Golden {
    name: &'static str,
    head: Vec<&'static str>,
    bars: Vec<Bar>,
    rows: Vec<Vec<Option<f64>>>,
}

fn golden() -> Vec<Golden> {
    let read = |name, text: &'static str| {
        let mut lines = text.lines();
        let head: Vec<_> = lines.next().expect("a head").split(',').collect();
        let (mut bars, mut rows) = (Vec::new(), Vec::new());
        for line in lines {
            let cells: Vec<_> = line.split(',').collect();
            assert_eq!(cells.len(), head.len(), "{name}: {line}");
            let price = |at: usize| cells[at].parse::<Price>().expect("a price");
            let volume = cells[4].parse().expect("a volume");
            bars.push(Bar { open: price(0), high: price(1), low: price(2), close: price(3), volume, ..Bar::default() });
            let value = |cell: &&str| (!cell.is_empty()).then(|| cell.parse().expect("a number"));
            rows.push(cells.iter().map(value).collect());
        }
        assert_eq!(bars.len(), 200, "{name}");
        Golden { name, head, bars, rows }
    };
    vec![
        read("win_trend", include_str!("talib/win_trend.csv")),
        read("win_jumpy", include_str!("talib/win_jumpy.csv")),
        read("win_stretches", include_str!("talib/win_stretches.csv")),
        read("eurusd_walk", include_str!("talib/eurusd_walk.csv")),
        read("eurusd_stretches", include_str!("talib/eurusd_stretches.csv")),
        read("flat", include_str!("talib/flat.csv")),
    ]
}

/// What a value is made from.
#[derive(Clone, Copy)]
enum Scale {
    Price,
    Percent,
}

/// Holds a column against what a fresh indicator says bar by bar.
fn check<T>(column: &str, scale: Scale, new: impl Fn() -> T, next: impl Fn(&mut T, &Bar) -> Option<f64>) {
    for Golden { name, head, bars, rows } in golden() {
        let place = head.iter().position(|title| *title == column).expect("a column of that name");
        let mut indicator = new();
        for (i, (bar, row)) in bars.iter().zip(&rows).enumerate() {
            let got = next(&mut indicator, bar);
            let scale = match scale {
                Scale::Price => bar.close.to_f64(),
                Scale::Percent => 100.0,
            };
            let equal = match (got, row[place]) {
                (Some(got), Some(expected)) => (got - expected).abs() <= 1e-9 * scale,
                (None, None) => true,
                _ => false,
            };
            assert!(equal, "{column} of {name} at bar {i}: {got:?}, TA-Lib has {:?}", row[place]);
        }
    }
}

#[test]
fn averages() {
    for (column, period) in [("sma_2", 2), ("sma_20", 20)] {
        check(column, Scale::Price, || Sma::new(period), |sma, bar| sma.push(bar.close).map(Price::to_f64));
        check(column, Scale::Price, || RollingMean::new(period), |mean, bar| mean.push(bar.close.to_f64()));
    }
    for (column, period) in [("ema_2", 2), ("ema_9", 9), ("ema_21", 21)] {
        check(column, Scale::Price, || Ema::new(period), |ema, bar| ema.push(bar.close.to_f64()));
    }
}

#[test]
fn ranges() {
    for (column, period) in [("atr_2", 2), ("atr_14", 14)] {
        check(column, Scale::Price, || Atr::new(period), |atr, bar| atr.push(bar).map(|raw| raw / UNIT));
    }
    let keltner = || Keltner::new(20, 20, 1.5);
    check("keltner_upper", Scale::Price, keltner, |it, bar| it.push(bar).map(|channel| channel.upper / UNIT));
    check("keltner_lower", Scale::Price, keltner, |it, bar| it.push(bar).map(|channel| channel.lower / UNIT));
}

#[test]
fn direction() {
    for (column, period) in [("adx_2", 2), ("adx_14", 14)] {
        check(column, Scale::Percent, || Adx::new(period), Adx::push);
    }
    let adx = || Adx::new(14);
    check("plus_di_14", Scale::Percent, adx, |adx, bar| {
        adx.push(bar);
        adx.plus_di()
    });
    check("minus_di_14", Scale::Percent, adx, |adx, bar| {
        adx.push(bar);
        adx.minus_di()
    });
}

/// Where nothing ever moved TA-Lib says 0, "oversold"; 50 is said here: neither side is stronger.
#[test]
fn relative_strength() {
    for (column, period) in [("rsi_2", 2), ("rsi_14", 14)] {
        let new = || (Rsi::new(period), None, false);
        check(column, Scale::Percent, new, |(rsi, previous, moved), bar| {
            *moved |= previous.is_some_and(|close| close != bar.close);
            *previous = Some(bar.close);
            let value = rsi.push(bar.close);
            if *moved {
                return value;
            }
            assert!(value.is_none_or(|value| value.to_bits() == 50.0_f64.to_bits()), "{value:?}");
            value.map(|_| 0.0)
        });
    }
}

#[test]
fn momentum() {
    let macd = || Macd::new(12, 26, 9);
    // As early as its line is there the signal has still to come; TA-Lib shows all three together.
    type Part = fn(alavanca_indicators::MacdValue) -> f64;
    let parts: [(&str, Part); 3] =
        [("macd", |it| it.line), ("macd_signal", |it| it.signal), ("macd_histogram", |it| it.histogram())];
    for (column, part) in parts {
        check(column, Scale::Price, macd, |it, bar| it.push(bar.close.to_f64()).map(part));
    }
    for (column, period) in [("roc_1", 1), ("roc_10", 10)] {
        check(column, Scale::Percent, || Roc::new(period), |roc, bar| roc.push(bar.close));
    }
}

#[test]
fn bands() {
    let band = || RollingBand::new(20);
    check("bb_upper", Scale::Price, band, |it, bar| it.push(bar.close).map(|b| b.upper(2.0) / UNIT));
    check("bb_middle", Scale::Price, band, |it, bar| it.push(bar.close).map(|b| b.middle / UNIT));
    check("bb_lower", Scale::Price, band, |it, bar| it.push(bar.close).map(|b| b.lower(2.0) / UNIT));
    for (column, period) in [("stddev_2", 2), ("stddev_20", 20)] {
        check(
            column,
            Scale::Price,
            || RollingBand::new(period),
            |it, bar| it.push(bar.close).map(|b| b.deviation / UNIT),
        );
    }
}

#[test]
fn extremes() {
    check(
        "max_20",
        Scale::Price,
        || RollingMax::new(20),
        |max, bar| {
            let highest = max.push(bar.high.raw());
            max.is_full().then_some(highest as f64 / UNIT)
        },
    );
    check(
        "min_20",
        Scale::Price,
        || RollingMin::new(20),
        |min, bar| {
            let lowest = min.push(bar.low.raw());
            min.is_full().then_some(lowest as f64 / UNIT)
        },
    );
}
