//! Where a stop covers all costs.

use alavanca_kernel::{Contracts, Instrument, Money, Price, Side};

/// The price nearest to the entry at which a leg gives back all its `costs`, on the tick away from the loss.
///
/// `None` where the instrument's point has no value or there are no contracts: then no price covers anything.
pub fn break_even_stop(
    instrument: &Instrument,
    side: Side,
    entry: Price,
    contracts: Contracts,
    costs: Money,
) -> Option<Price> {
    // costs = distance / point × value of a point × contracts; a centavo is 10⁴ of the value's units.
    let numerator = i128::from(costs.cents().max(0)) * 10_000 * i128::from(instrument.point.raw());
    let denominator = i128::from(instrument.point_value_micros) * i128::from(contracts.count());
    if denominator <= 0 || instrument.point.raw() <= 0 {
        return None;
    }
    let distance = numerator / denominator + i128::from(numerator % denominator > 0);
    let distance = Price::from_raw(i64::try_from(distance).ok().filter(|&raw| raw <= Price::LIMIT.raw())?);
    Some(to_tick_ahead(side, side.ahead(entry, distance), instrument.tick))
}

/// The nearest tick that is not worse for the side: upwards for a long, downwards for a short.
fn to_tick_ahead(side: Side, price: Price, tick: Price) -> Price {
    if !tick.is_positive() {
        return price;
    }
    let below = price.raw().div_euclid(tick.raw()) * tick.raw();
    Price::from_raw(match side {
        Side::Buy if below < price.raw() => below + tick.raw(),
        Side::Buy | Side::Sell => below,
    })
}
