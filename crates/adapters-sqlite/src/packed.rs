//! Allocations without a decision, one a bar where every bar is recorded: eight to a row, in few bytes each.
//!
//! A row of integers for each would cost as much again as its projection. The bytes are a version, then for each
//! allocation: numbers as zigzag variable-length integers, fractions as the eight bytes of their f64, what is not known
//! as a cleared bit, the refusal as its number and its numbers.

use alavanca_kernel::{
    Allocation, Contracts, Hour, LayerMask, MarketContext, Money, Refusal, Regime, RiskState, SymbolId, Timestamp,
    TradingDay, Unit,
};

/// Allocations to a row: seven such rows fill a page of 4 KiB.
pub(crate) const CHUNK: usize = 8;
/// The format of [`pack`], a chunk's first byte.
pub(crate) const VERSION: u8 = 1;

const RISK: [RiskState; 4] = [RiskState::Active, RiskState::Paused, RiskState::ReduceOnly, RiskState::Halted];

/// Appends one allocation.
pub(crate) fn pack(out: &mut Vec<u8>, context: &MarketContext, allocation: &Allocation) {
    let known = [
        context.transition.is_some(),
        context.transition == Some(true),
        context.confidence.is_some(),
        context.disagreement.is_some(),
        context.liquidity.is_some(),
        context.daily_profit.is_some(),
        context.equity.is_some(),
        context.free_margin.is_some(),
        context.cooldown_until.is_some(),
    ];
    let bits = known.iter().enumerate().fold(0_i64, |bits, (i, &known)| bits | i64::from(known) << i);
    put(out, bits);
    put(out, context.symbol.get().into());
    put(out, context.at.micros());
    put(out, context.day.days().into());
    out.extend([context.hour.get(), context.regime.index() as u8, context.risk as u8, allocation.layers.bits()]);
    for unit in [context.confidence, context.disagreement, context.liquidity].into_iter().flatten() {
        out.extend(unit.get().to_le_bytes());
    }
    for money in [context.daily_profit, context.equity, context.free_margin].into_iter().flatten() {
        put(out, money.cents());
    }
    if let Some(until) = context.cooldown_until {
        put(out, until.micros());
    }
    put(out, context.margin_elsewhere.cents());
    put(out, allocation.capital.cents());
    put(out, allocation.base.count().into());
    put(out, allocation.extra.count().into());
    pack_refusal(out, allocation.refusal.as_ref());
}

/// The numbers are part of the format: they are never given to another refusal.
fn pack_refusal(out: &mut Vec<u8>, refusal: Option<&Refusal>) {
    let Some(refusal) = refusal else { return out.push(0) };
    let two = |out: &mut Vec<u8>, number: u8, one: Money, other: Money| {
        out.push(number);
        put(out, one.cents());
        put(out, other.cents());
    };
    let units = |out: &mut Vec<u8>, number: u8, got: Option<Unit>, bound: Unit| {
        out.extend([number, u8::from(got.is_some())]);
        for unit in got.into_iter().chain([bound]) {
            out.extend(unit.get().to_le_bytes());
        }
    };
    match *refusal {
        Refusal::CapitalShortfall { capital, needed } => two(out, 1, capital, needed),
        Refusal::EquityUnknown => out.push(2),
        Refusal::Disabled => out.push(3),
        Refusal::RegimeForbidden { regime } => out.extend([4, regime.index() as u8]),
        Refusal::RegimeNotAllowed { regime } => out.extend([5, regime.index() as u8]),
        Refusal::TransitionActive { known } => out.extend([6, u8::from(known)]),
        Refusal::ConfidenceBelow { got, min } => units(out, 7, got, min),
        Refusal::DailyProfitBelow { got, min } => {
            out.extend([8, u8::from(got.is_some())]);
            got.into_iter().chain([min]).for_each(|money| put(out, money.cents()));
        }
        Refusal::LiquidityBelow { got, min } => units(out, 9, got, min),
        Refusal::DisagreementAbove { got, max } => units(out, 10, got, max),
        Refusal::NoExtraConfigured => out.push(11),
        Refusal::BrokerMargin { free, needed } => two(out, 12, free, needed),
        Refusal::News { at, usual } => {
            out.push(13);
            put(out, at.micros());
            put(out, i64::from(usual.count()));
        }
    }
}

fn unpack_refusal(number: u8, rest: &mut &[u8]) -> Option<Refusal> {
    let flag = |rest: &mut &[u8]| match *take::<1>(rest)? {
        [0] => Some(false),
        [1] => Some(true),
        _ => None,
    };
    let money = |rest: &mut &[u8]| get(rest).map(Money::from_cents);
    let regime = |rest: &mut &[u8]| Regime::ALL.get(usize::from(take::<1>(rest)?[0])).copied();
    let units = |rest: &mut &[u8]| {
        let got = if flag(rest)? { Some(unit(rest)?) } else { None };
        Some((got, unit(rest)?))
    };
    Some(match number {
        1 => Refusal::CapitalShortfall { capital: money(rest)?, needed: money(rest)? },
        2 => Refusal::EquityUnknown,
        3 => Refusal::Disabled,
        4 => Refusal::RegimeForbidden { regime: regime(rest)? },
        5 => Refusal::RegimeNotAllowed { regime: regime(rest)? },
        6 => Refusal::TransitionActive { known: flag(rest)? },
        7 => units(rest).map(|(got, min)| Refusal::ConfidenceBelow { got, min })?,
        8 => {
            let got = if flag(rest)? { Some(money(rest)?) } else { None };
            Refusal::DailyProfitBelow { got, min: money(rest)? }
        }
        9 => units(rest).map(|(got, min)| Refusal::LiquidityBelow { got, min })?,
        10 => units(rest).map(|(got, max)| Refusal::DisagreementAbove { got, max })?,
        11 => Refusal::NoExtraConfigured,
        12 => Refusal::BrokerMargin { free: money(rest)?, needed: money(rest)? },
        13 => Refusal::News {
            at: Timestamp::from_micros(get(rest)?),
            usual: Contracts::new(u32::try_from(get(rest)?).ok()?),
        },
        _ => return None,
    })
}

/// All allocations of a chunk; `None` where the bytes are none of ours.
pub(crate) fn unpack(bytes: &[u8]) -> Option<Vec<(MarketContext, Allocation)>> {
    let (&VERSION, mut rest) = bytes.split_first()? else { return None };
    let mut all = Vec::new();
    while !rest.is_empty() {
        all.push(unpack_one(&mut rest)?);
    }
    Some(all)
}

fn unpack_one(rest: &mut &[u8]) -> Option<(MarketContext, Allocation)> {
    let bits = get(rest)?;
    let known = |bit: u32| bits >> bit & 1 == 1;
    let symbol = SymbolId::new(u16::try_from(get(rest)?).ok()?);
    let at = Timestamp::from_micros(get(rest)?);
    let day = TradingDay::from_days(i32::try_from(get(rest)?).ok()?);
    let [hour, regime, risk, layers] = *take::<4>(rest)?;
    let confidence = if known(2) { Some(unit(rest)?) } else { None };
    let disagreement = if known(3) { Some(unit(rest)?) } else { None };
    let liquidity = if known(4) { Some(unit(rest)?) } else { None };
    let daily_profit = if known(5) { Some(Money::from_cents(get(rest)?)) } else { None };
    let equity = if known(6) { Some(Money::from_cents(get(rest)?)) } else { None };
    let free_margin = if known(7) { Some(Money::from_cents(get(rest)?)) } else { None };
    let cooldown_until = if known(8) { Some(Timestamp::from_micros(get(rest)?)) } else { None };
    let margin_elsewhere = Money::from_cents(get(rest)?);
    let capital = Money::from_cents(get(rest)?);
    let base = Contracts::new(u32::try_from(get(rest)?).ok()?);
    let extra = Contracts::new(u32::try_from(get(rest)?).ok()?);
    let refusal = match *take::<1>(rest)? {
        [0] => None,
        [number] => Some(unpack_refusal(number, rest)?),
    };
    let context = MarketContext {
        symbol,
        at,
        day,
        hour: Hour::new(hour)?,
        regime: *Regime::ALL.get(usize::from(regime))?,
        transition: known(0).then_some(known(1)),
        confidence,
        disagreement,
        liquidity,
        daily_profit,
        equity,
        margin_elsewhere,
        free_margin,
        cooldown_until,
        risk: *RISK.get(usize::from(risk))?,
    };
    Some((context, Allocation { base, extra, capital, layers: LayerMask::from_bits(layers), refusal }))
}

fn unit(rest: &mut &[u8]) -> Option<Unit> {
    Unit::new(f64::from_le_bytes(*take(rest)?))
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(taken)
}

fn put(out: &mut Vec<u8>, value: i64) {
    let mut zigzag = ((value << 1) ^ (value >> 63)) as u64;
    while zigzag >= 0x80 {
        out.push(zigzag as u8 | 0x80);
        zigzag >>= 7;
    }
    out.push(zigzag as u8);
}

fn get(rest: &mut &[u8]) -> Option<i64> {
    let mut zigzag = 0_u64;
    for shift in (0..64).step_by(7) {
        let [byte] = *take::<1>(rest)?;
        zigzag |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unit() -> impl Strategy<Value = Option<Unit>> {
        proptest::option::of((0.0..=1.0_f64).prop_map(|value| Unit::new(value).unwrap()))
    }

    fn money() -> impl Strategy<Value = Money> {
        any::<i64>().prop_map(Money::from_cents)
    }

    prop_compose! {
        fn contexts()(
            place in (any::<u16>(), any::<i64>(), any::<i32>(), 0..24_u8, 0..Regime::COUNT, 0..RISK.len()),
            units in (unit(), unit(), unit()),
            amounts in (proptest::option::of(money()), proptest::option::of(money()), proptest::option::of(money()), money()),
            transition in any::<Option<bool>>(),
            cooldown in any::<Option<i64>>(),
        ) -> MarketContext {
            MarketContext {
                symbol: SymbolId::new(place.0),
                at: Timestamp::from_micros(place.1),
                day: TradingDay::from_days(place.2),
                hour: Hour::new(place.3).unwrap(),
                regime: Regime::ALL[place.4],
                transition,
                confidence: units.0,
                disagreement: units.1,
                liquidity: units.2,
                daily_profit: amounts.0,
                equity: amounts.1,
                margin_elsewhere: amounts.3,
                free_margin: amounts.2,
                cooldown_until: cooldown.map(Timestamp::from_micros),
                risk: RISK[place.5],
            }
        }
    }

    fn refusals() -> impl Strategy<Value = Option<Refusal>> {
        let regime = || (0..Regime::COUNT).prop_map(|place| Regime::ALL[place]);
        let units = || (unit(), (0.0..=1.0_f64).prop_map(|value| Unit::new(value).unwrap()));
        proptest::option::of(prop_oneof![
            (money(), money()).prop_map(|(capital, needed)| Refusal::CapitalShortfall { capital, needed }),
            Just(Refusal::EquityUnknown),
            Just(Refusal::Disabled),
            regime().prop_map(|regime| Refusal::RegimeForbidden { regime }),
            regime().prop_map(|regime| Refusal::RegimeNotAllowed { regime }),
            any::<bool>().prop_map(|known| Refusal::TransitionActive { known }),
            units().prop_map(|(got, min)| Refusal::ConfidenceBelow { got, min }),
            (proptest::option::of(money()), money()).prop_map(|(got, min)| Refusal::DailyProfitBelow { got, min }),
            units().prop_map(|(got, min)| Refusal::LiquidityBelow { got, min }),
            units().prop_map(|(got, max)| Refusal::DisagreementAbove { got, max }),
            Just(Refusal::NoExtraConfigured),
            (money(), money()).prop_map(|(free, needed)| Refusal::BrokerMargin { free, needed }),
            (any::<i64>(), any::<u32>())
                .prop_map(|(at, usual)| Refusal::News { at: Timestamp::from_micros(at), usual: Contracts::new(usual) }),
        ])
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back(
            all in proptest::collection::vec((contexts(), refusals(), any::<(u32, u32, u8, i64)>()), 0..5),
        ) {
            let all: Vec<_> = all.into_iter().map(|(context, refusal, (base, extra, layers, capital))| {
                (context, Allocation {
                    base: Contracts::new(base),
                    extra: Contracts::new(extra),
                    capital: Money::from_cents(capital),
                    layers: LayerMask::from_bits(layers),
                    refusal,
                })
            }).collect();
            let mut bytes = vec![VERSION];
            for (context, allocation) in &all {
                pack(&mut bytes, context, allocation);
            }
            prop_assert_eq!(unpack(&bytes), Some(all));
            // Cut short, it is refused, not misread.
            prop_assert_eq!(unpack(&bytes[..bytes.len() - 1]), None);
        }
    }
}
