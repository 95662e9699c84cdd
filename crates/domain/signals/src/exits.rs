use alavanca_indicators::Atr;
use alavanca_kernel::{ExitAt, Price, Side, Unit};

use crate::Trigger;

/// A distance as an order can have it: whole ticks and at least one, or one unit where `tick` is zero.
pub(crate) fn distance(raw: f64, tick: Price) -> ExitAt {
    // Bounded before the cast, so that nothing leaves the range of prices.
    let bounded = raw.round().clamp(0.0, Price::LIMIT.raw() as f64);
    ExitAt::Distance(Price::from_raw(bounded as i64).to_tick(tick).max(tick.max(Price::from_raw(1))))
}

/// A trigger whose stop and target are so many ATRs away; none before there is an ATR.
pub(crate) fn in_atrs(side: Side, strength: f64, atr: &Atr, tick: Price, [stop, target]: [f64; 2]) -> Option<Trigger> {
    let away = |multiple| atr.distance(multiple, tick).map(ExitAt::Distance);
    Some(Trigger { side, strength: Unit::saturating(strength), stop: away(stop)?, target: away(target) })
}

/// ½ where a thing begins to count, 1 from `full` on: ½ + ½ · min(1, value / full).
pub(crate) fn from_half(value: f64, full: f64) -> f64 {
    // A market that does not move has no measure; what moves in it is as far as can be.
    if full > 0.0 { 0.5 + 0.5 * (value / full).min(1.0) } else { 1.0 }
}
