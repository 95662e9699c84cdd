//! The crossing of averages against a plain loop in another language, trade for trade.

use alavanca_kernel::{Bar, ExitAt, Price, Side};
use alavanca_signals::{Brain, Opinion, SmaCross, SmaCrossConfig, SmaCrossSettings};

const UNIT: i64 = Price::SCALE / 100_000;

/// 20,000 bars in units of 0.00001, from a generator that is easy to write anywhere.
fn walk() -> Vec<Bar> {
    let (mut seed, mut close) = (2_021_u64, 110_000_i64);
    let bar = |_| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let draw = |shift: u32, below: u64| ((seed >> shift) % below) as i64;
        let open = close + draw(56, 7) - 3;
        close = open + draw(33, 61) - 30;
        let price = |units: i64| Price::from_raw(units * UNIT);
        let (high, low) = (open.max(close) + draw(40, 20), open.min(close) - draw(48, 20));
        Bar { open: price(open), high: price(high), low: price(low), close: price(close), ..Bar::default() }
    };
    (0..20_000).map(bar).collect()
}

fn brain(fast: usize, slow: usize, tp: i64, sl: i64) -> SmaCross {
    let distance = |units: i64| Price::from_raw(units * UNIT);
    let settings = SmaCrossSettings { fast, slow, stop_loss: distance(sl), take_profit: Some(distance(tp)) };
    SmaCross::new(SmaCrossConfig::new(settings, Price::ZERO).expect("settings that can be"))
}

/// Trades, wins and the result in units: one position, filled at the next open, the target before the stop at equal
/// reach as the plain loop has it.
fn trade(bars: &[Bar], tp: i64, sl: i64) -> (u32, u32, i64) {
    let mut brain = brain(10, 30, tp, sl);
    let (mut trades, mut wins, mut result) = (0, 0, 0);
    let mut wish: Option<(Side, Price, Price)> = None;
    let mut position: Option<(Side, Price, Price, Price)> = None;
    for bar in bars {
        if let Some((side, stop, target)) = wish.take() {
            let stop = ExitAt::Distance(stop).stop_price(side, bar.open);
            let target = ExitAt::Distance(target).target_price(side, bar.open);
            position = Some((side, bar.open, stop, target));
        }
        if let Some((side, entry, stop, target)) = position {
            let exit = match side {
                Side::Buy if bar.open >= target || bar.open <= stop => Some(bar.open),
                Side::Buy if bar.high >= target => Some(target),
                Side::Buy if bar.low <= stop => Some(stop),
                Side::Sell if bar.open <= target || bar.open >= stop => Some(bar.open),
                Side::Sell if bar.high >= stop => Some(stop),
                Side::Sell if bar.low <= target => Some(target),
                _ => None,
            };
            if let Some(exit) = exit {
                let gain = (exit - entry).raw() * side.sign() / UNIT;
                (trades, wins, result) = (trades + 1, wins + u32::from(gain > 0), result + gain);
                position = None;
            }
        }
        let opinion = brain.on_bar(bar);
        if let (None, Some(trigger)) = (position, opinion.trigger) {
            let (ExitAt::Distance(stop), Some(ExitAt::Distance(target))) = (trigger.stop, trigger.target) else {
                panic!("distances were asked for: {trigger:?}");
            };
            wish = Some((trigger.side, stop, target));
        }
    }
    (trades, wins, result)
}

#[test]
fn trades_as_the_plain_loop_does() {
    let bars = walk();
    let shown = |bar: &Bar| [bar.open, bar.high, bar.low, bar.close].map(|p| p.raw() / UNIT);
    assert_eq!(shown(&bars[0]), [110003, 110041, 109993, 110024]);
    assert_eq!(shown(&bars[19_999]), [110033, 110073, 110015, 110059]);
    // Computed once by a plain Python loop over the same bars.
    assert_eq!(trade(&bars, 800, 400), (20, 6, -800));
    assert_eq!(trade(&bars, 80, 40), (671, 221, -322));
}

fn opinions(fast: usize, slow: usize, closes: &[i64]) -> Vec<Opinion> {
    let mut brain = brain(fast, slow, 10, 5);
    let bar = |&close: &i64| Bar { close: Price::from_raw(close * Price::SCALE), ..Bar::default() };
    closes.iter().map(|close| brain.on_bar(&bar(close))).collect()
}

#[test]
fn crosses_exactly_when_the_difference_changes_sign() {
    use Side::{Buy, Sell};
    let check = |closes: &[i64], expected: &[Option<Side>]| {
        let got: Vec<_> = opinions(1, 2, closes).iter().map(|o| o.trigger.map(|t| t.side)).collect();
        assert_eq!(got, expected, "{closes:?}");
    };
    // With 1 and 2 bars the difference is the last change.
    check(&[5, 6], &[None, None]); // the first difference has none before it
    check(&[6, 5, 6], &[None, None, Some(Buy)]);
    check(&[5, 6, 5], &[None, None, Some(Sell)]);
    check(&[5, 5, 6, 7], &[None, None, Some(Buy), None]); // from 0 it is a crossing
    check(&[5, 5, 4], &[None, None, Some(Sell)]);
    check(&[5, 6, 6, 7], &[None, None, None, Some(Buy)]); // touching zero re-arms
    check(&[5, 6, 6, 5], &[None, None, None, Some(Sell)]);
}

#[test]
fn leans_to_the_sign_of_the_difference() {
    let biases: Vec<_> = opinions(1, 2, &[5, 6, 6, 5]).iter().map(|o| o.bias).collect();
    assert_eq!(biases, [None, Some(Side::Buy), None, Some(Side::Sell)]);
}

#[test]
fn a_difference_of_one_unit_in_a_large_price_is_seen() {
    // 10⁹ in units of 10⁻⁸, and one unit more: an average in floating point could not tell.
    let mut brain = brain(1, 3, 10, 5);
    let base = Price::from_raw(1_000_000_000 * Price::SCALE);
    let bars = [0, 0, 0, 1].map(|more| Bar { close: base + Price::from_raw(more), ..Bar::default() });
    let sides: Vec<_> = bars.iter().map(|bar| brain.on_bar(bar).trigger.map(|t| t.side)).collect();
    assert_eq!(sides, [None, None, None, Some(Side::Buy)]);
}

#[test]
fn refuses_settings_that_cannot_be() {
    let good = SmaCrossSettings::default();
    let zero = Price::ZERO;
    for (settings, key) in [
        (SmaCrossSettings { fast: 0, ..good }, "SMA_CROSS_FAST"),
        (SmaCrossSettings { fast: 30, slow: 30, ..good }, "SMA_CROSS_FAST"),
        (SmaCrossSettings { slow: 1, ..good }, "SMA_CROSS_SLOW"),
        (SmaCrossSettings { slow: 5_001, ..good }, "SMA_CROSS_SLOW"),
        (SmaCrossSettings { stop_loss: zero, ..good }, "SMA_CROSS_STOP_LOSS"),
        (SmaCrossSettings { take_profit: Some(-good.stop_loss), ..good }, "SMA_CROSS_TAKE_PROFIT"),
    ] {
        assert_eq!(SmaCrossConfig::new(settings, zero).unwrap_err().key, key, "{settings:?}");
    }
    assert!(SmaCrossConfig::new(SmaCrossSettings { take_profit: None, fast: 29, ..good }, zero).is_ok());
    assert_eq!(SmaCrossConfig::new(good, -good.stop_loss).unwrap_err().key, "TICK");
}
