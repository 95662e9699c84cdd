//! A regime detector and a liquidity map of one's own, by name.
//!
//! ```sh
//! cargo run --release --example my_levels -- check-lookahead
//! ```

use std::collections::VecDeque;

use alavanca::extensions::Extensions;
use alavanca::kernel::{Bar, Price, Regime, Unit};
use alavanca::liquidity::LiquidityMap;
use alavanca::regime::{RegimeDetector, RegimeView};

// ANCHOR: regime
/// A trend where the close is above (or below) that of so many bars ago.
#[derive(Debug)]
struct MyTrend {
    bars: usize,
    closes: VecDeque<Price>,
    view: RegimeView,
}

impl RegimeDetector for MyTrend {
    fn on_bar(&mut self, bar: &Bar) -> RegimeView {
        self.closes.push_back(bar.close);
        if self.closes.len() > self.bars {
            let past = self.closes.pop_front().unwrap_or(bar.close);
            let regime = if bar.close > past { Regime::TrendUp } else { Regime::TrendDown };
            let so_far = if regime == self.view.regime { self.view.bars_in_regime } else { 0 };
            self.view =
                RegimeView { regime, bars_in_regime: so_far + 1, transition: so_far < 5, ..RegimeView::UNKNOWN };
        }
        self.view
    }

    fn view(&self) -> RegimeView {
        self.view
    }

    fn warmup_bars(&self) -> usize {
        // The trend is known then, and how long it has lasted a little later.
        2 * self.bars
    }

    fn reset(&mut self) {
        self.closes.clear();
        self.view = RegimeView::UNKNOWN;
    }
}
// ANCHOR_END: regime

// ANCHOR: map
/// Liquidity is at whole thousands.
#[derive(Debug)]
struct Thousands;

impl LiquidityMap for Thousands {
    fn on_bar(&mut self, _bar: &Bar) {}

    fn strength_at(&self, price: Price) -> Option<Unit> {
        let away = (price.to_f64() / 1_000.0).fract().abs();
        Some(Unit::saturating(1.0 - 2.0 * away.min(1.0 - away)))
    }

    fn warmup_bars(&self) -> usize {
        0
    }

    fn reset(&mut self) {}
}
// ANCHOR_END: map

// ANCHOR: main
fn main() -> std::process::ExitCode {
    let my_levels = Extensions::new()
        .regime("MY_TREND", |ctx| {
            let bars = ctx.setting("bars", 60)?;
            Ok(Box::new(MyTrend { bars, closes: VecDeque::with_capacity(bars + 1), view: RegimeView::UNKNOWN }))
        })
        .liquidity("THOUSANDS", |_| Ok(Box::new(Thousands)));
    alavanca::cli::main_with(my_levels)
}
// ANCHOR_END: main
