//! What each indicator costs per bar.

use std::hint::black_box;

use alavanca_indicators::{
    Adx, Atr, Ema, Keltner, Macd, Pivots, Roc, RollingBand, RollingMax, RollingMean, Rsi, Sma, Vwap,
};
use alavanca_kernel::{Bar, Price};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn bars() -> Vec<Bar> {
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut close = 13_000_000_000_000_i64;
    (0..10_000)
        .map(|_| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (a, b, c) = ((seed >> 33) % 100, (seed >> 40) % 50, (seed >> 48) % 50);
            let open = close;
            close += (a as i64 - 50) * 500_000_000;
            Bar {
                open: Price::from_raw(open),
                high: Price::from_raw(open.max(close) + b as i64 * 500_000_000),
                low: Price::from_raw(open.min(close) - c as i64 * 500_000_000),
                close: Price::from_raw(close),
                volume: a + 1,
                ..Bar::default()
            }
        })
        .collect()
}

fn per_bar(c: &mut Criterion) {
    let bars = bars();
    let mut group = c.benchmark_group("indicators");
    group.throughput(Throughput::Elements(bars.len() as u64));
    macro_rules! bench {
        ($name:literal, $new:expr, |$it:ident, $bar:ident| $step:expr) => {
            group.bench_function($name, |b| {
                let mut $it = $new;
                b.iter(|| {
                    for $bar in &bars {
                        black_box($step);
                    }
                });
            });
        };
    }
    bench!("sma_30", Sma::new(30), |it, bar| it.push(bar.close));
    bench!("ema_21", Ema::new(21), |it, bar| it.push(bar.close.raw() as f64));
    bench!("rsi_14", Rsi::new(14), |it, bar| it.push(bar.close));
    bench!("atr_14", Atr::new(14), |it, bar| it.push(bar));
    bench!("adx_14", Adx::new(14), |it, bar| it.push(bar));
    bench!("band_20", RollingBand::new(20), |it, bar| it.push(bar.close));
    bench!("mean_100", RollingMean::new(100), |it, bar| it.push(bar.volume as f64));
    bench!("max_20", RollingMax::new(20), |it, bar| it.push(bar.high.raw()));
    bench!("macd_12_26_9", Macd::new(12, 26, 9), |it, bar| it.push(bar.close.raw() as f64));
    bench!("roc_10", Roc::new(10), |it, bar| it.push(bar.close));
    bench!("keltner_20", Keltner::new(20, 20, 1.5), |it, bar| it.push(bar));
    bench!("vwap", Vwap::new(), |it, bar| it.push(bar));
    bench!("pivots_5", Pivots::new(5), |it, bar| it.push(bar));
    group.finish();
}

criterion_group!(benches, per_bar);
criterion_main!(benches);
