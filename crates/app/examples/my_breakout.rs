//! A crate of one's own: a brain by name, and every command of `alavanca` with it.
//!
//! ```sh
//! cargo run --release --example my_breakout -- backtest --set BRAINS=MY_BREAKOUT
//! ```

// ANCHOR: brain
use alavanca::extensions::Context;
use alavanca::indicators::{RollingMax, RollingMin};
use alavanca::kernel::{Bar, ExitAt, Price, SettingError, Side, Unit};
use alavanca::signals::{Brain, Opinion, Trigger};

/// Buys where a bar closes above the highs of the bars before it, and sells where one closes below their lows.
#[derive(Debug)]
struct MyBreakout {
    lookback: usize,
    stop: Price,
    high: RollingMax,
    low: RollingMin,
}

impl MyBreakout {
    fn new(lookback: usize, stop: Price) -> Self {
        Self { lookback, stop, high: RollingMax::new(lookback), low: RollingMin::new(lookback) }
    }
}

impl Brain for MyBreakout {
    fn name(&self) -> &'static str {
        "my_breakout"
    }

    fn warmup_bars(&self) -> usize {
        self.lookback + 1
    }

    fn on_bar(&mut self, bar: &Bar) -> Opinion {
        let before = (self.high.value(), self.low.value(), self.high.is_full());
        self.high.push(bar.high.raw());
        self.low.push(bar.low.raw());
        let side = match before {
            (Some(high), _, true) if bar.close.raw() > high => Side::Buy,
            (_, Some(low), true) if bar.close.raw() < low => Side::Sell,
            _ => return Opinion::NONE,
        };
        let exit = ExitAt::Distance(self.stop);
        let trigger = Trigger { side, strength: Unit::ONE, stop: exit, target: Some(exit) };
        Opinion { bias: Some(side), trigger: Some(trigger) }
    }

    fn reset(&mut self) {
        *self = Self::new(self.lookback, self.stop);
    }
}
// ANCHOR_END: brain

// ANCHOR: make
fn my_breakout(ctx: &Context<'_>) -> Result<Box<dyn Brain>, SettingError> {
    let lookback = ctx.setting("lookback", 30)?;
    if !(2..=1_000).contains(&lookback) {
        return Err(SettingError::new("lookback", lookback, "2 to 1000 bars"));
    }
    let stop = ctx.instrument.points(ctx.setting("stop_points", 150)?);
    Ok(Box::new(MyBreakout::new(lookback, stop)))
}

fn main() -> std::process::ExitCode {
    alavanca::cli::main_with(alavanca::extensions::Extensions::new().brain("MY_BREAKOUT", my_breakout))
}
// ANCHOR_END: make

// ANCHOR: test
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_trades_the_first_close_beyond_the_bars_before() {
        let mut brain = MyBreakout::new(2, Price::from_raw(150));
        let bar = |close: i64| {
            let close = Price::from_raw(close);
            Bar { open: close, high: close, low: close, close, ..Bar::default() }
        };
        let sides = [5, 7, 7, 8, 6].map(|close| brain.on_bar(&bar(close)).trigger.map(|trigger| trigger.side));
        assert_eq!(sides, [None, None, None, Some(Side::Buy), Some(Side::Sell)]);
    }
}
// ANCHOR_END: test
