//! Contracts of the engine and lots of the broker, money and prices of either.

use alavanca_kernel::{Contracts, Money, Side};

use crate::wire::{Decimal, OrderSide, SymbolSpec};

/// So many contracts in lots.
pub(super) fn lots_of(contracts: Contracts, lots_per_contract: i64) -> i64 {
    i64::from(contracts.count()).saturating_mul(lots_per_contract)
}

/// Why a volume cannot be traded; never rounded to one that can.
pub(super) fn volume_fault(lots: i64, spec: &SymbolSpec) -> Option<String> {
    let (least, most, step) = (spec.volume_min, spec.volume_max, spec.volume_step);
    let lots_said = Decimal::from_raw(lots);
    if lots <= 0 || lots < least.raw() {
        Some(format!("{lots_said} lots are less than the least volume of {least}"))
    } else if most.raw() > 0 && lots > most.raw() {
        Some(format!("{lots_said} lots are more than the largest volume of {most}"))
    } else if step.raw() > 0 && lots % step.raw() != 0 {
        Some(format!("{lots_said} lots are no multiple of the step of {step}"))
    } else {
        None
    }
}

/// 10⁻⁸ of the currency in centavos, halves away from zero.
pub(super) fn money(amount: Decimal) -> Money {
    const CENT: i64 = 1_000_000;
    let half = if amount.raw() < 0 { -CENT / 2 } else { CENT / 2 };
    Money::from_cents(amount.raw().saturating_add(half) / CENT)
}

/// An amount that will be taken, in centavos, never less than it is.
pub fn money_up(amount: Decimal) -> Money {
    const CENT: i64 = 1_000_000;
    Money::from_cents(amount.raw().div_euclid(CENT) + i64::from(amount.raw().rem_euclid(CENT) != 0))
}

pub(super) fn wire_side(side: Side) -> OrderSide {
    match side {
        Side::Buy => OrderSide::Buy,
        Side::Sell => OrderSide::Sell,
    }
}

pub(super) fn kernel_side(side: OrderSide) -> Side {
    match side {
        OrderSide::Buy => Side::Buy,
        OrderSide::Sell => Side::Sell,
    }
}
