//! One leg: its lots, its levels, its orders, its result.

use std::fmt;

use alavanca_kernel::{
    Contracts, ExitKind, ExitLevels, FillReport, Instrument, LegId, Money, OrderId, Price, Protection, Side, SymbolId,
    Timestamp,
};
use serde::{Deserialize, Serialize};

/// How a leg came to its end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CloseCause {
    /// At its target.
    TakeProfit,
    /// At its stop.
    StopLoss,
    /// At its time limit.
    Timeout,
    /// The session ended.
    Session,
    /// A risk limit closed everything.
    Risk,
    /// The operator closed it.
    Operator,
    /// A signal for the other side.
    OppositeSignal,
    /// A scalp won and its profit is protected (semantics 22).
    Protected,
    /// The base ended, so the extra ended with it (semantics 11).
    BaseEnded,
    /// There was no more market.
    EndOfMarket,
    /// It was never filled.
    NeverFilled,
}

impl CloseCause {
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TakeProfit => "TAKE_PROFIT",
            Self::StopLoss => "STOP_LOSS",
            Self::Timeout => "TIMEOUT",
            Self::Session => "SESSION",
            Self::Risk => "RISK",
            Self::Operator => "OPERATOR",
            Self::OppositeSignal => "OPPOSITE_SIGNAL",
            Self::Protected => "PROTECTED",
            Self::BaseEnded => "BASE_ENDED",
            Self::EndOfMarket => "END_OF_MARKET",
            Self::NeverFilled => "NEVER_FILLED",
        }
    }
}

impl fmt::Display for CloseCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<ExitKind> for CloseCause {
    fn from(kind: ExitKind) -> Self {
        match kind {
            ExitKind::TakeProfit => Self::TakeProfit,
            ExitKind::StopLoss => Self::StopLoss,
            ExitKind::Timeout => Self::Timeout,
            ExitKind::Forced => Self::Operator,
        }
    }
}

/// Contracts entered at one price.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Lot {
    /// How many are left.
    pub quantity: Contracts,
    /// The price paid or received.
    pub price: Price,
    /// The price before spread and slippage.
    pub reference: Price,
}

/// What one closing fill realised.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ClosedPart {
    /// Result at reference prices.
    pub gross: Money,
    /// Result at the prices paid, less this fill's commission.
    pub net: Money,
}

/// A report that does not fit what is known of the leg.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ExecutionError {
    /// More was closed than was open: the leg would cross flat.
    #[error("leg {leg}: {closed} contracts closed, but only {open} are open")]
    CrossesFlat {
        /// The leg.
        leg: LegId,
        /// What the report closed.
        closed: Contracts,
        /// What was open.
        open: Contracts,
    },
    /// The report speaks of a leg that has ended.
    #[error("leg {leg} has ended; a fill of {quantity} came after")]
    Ended {
        /// The leg.
        leg: LegId,
        /// The fill's quantity.
        quantity: Contracts,
    },
    /// The deal was booked before.
    #[error("leg {leg}: deal {deal} was booked before")]
    Repeated {
        /// The leg.
        leg: LegId,
        /// The broker's number of the deal.
        deal: u64,
    },
    /// The fill's side is not what the leg's order had.
    #[error("leg {leg}: the fill is on the wrong side")]
    WrongSide {
        /// The leg.
        leg: LegId,
    },
}

/// One leg of a trade.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Leg {
    id: LegId,
    symbol: SymbolId,
    side: Side,
    wanted: Contracts,
    protection: Protection,
    opening: Option<OrderId>,
    closing: Option<(OrderId, CloseCause)>,
    /// Why it is on its way out, from its first closing order or exit on.
    leaving: Option<CloseCause>,
    lots: Vec<Lot>,
    entered: Contracts,
    entry_value: i128,
    exit_value: i128,
    levels: Option<ExitLevels>,
    opened_at: Timestamp,
    ended: Option<(Timestamp, CloseCause)>,
    gross: Money,
    net: Money,
    unresolved: bool,
    /// The broker's numbers of the deals that were booked.
    #[serde(default)]
    deals: Vec<u64>,
}

impl Leg {
    /// A leg whose opening order of `wanted` contracts is on its way.
    pub fn opening(
        id: LegId,
        symbol: SymbolId,
        side: Side,
        order: OrderId,
        wanted: Contracts,
        protection: Protection,
    ) -> Self {
        Self {
            id,
            symbol,
            side,
            wanted,
            protection,
            opening: Some(order),
            closing: None,
            leaving: None,
            lots: Vec::with_capacity(1),
            entered: Contracts::ZERO,
            entry_value: 0,
            exit_value: 0,
            levels: None,
            opened_at: Timestamp::default(),
            ended: None,
            gross: Money::ZERO,
            net: Money::ZERO,
            unresolved: false,
            deals: Vec::new(),
        }
    }

    /// Books a fill of the opening order. The first one fixes the levels of the protection from its price.
    pub fn book_open(&mut self, fill: &FillReport, instrument: &Instrument) -> Result<(), ExecutionError> {
        if self.ended.is_some() {
            return Err(ExecutionError::Ended { leg: self.id, quantity: fill.quantity });
        }
        if fill.side != self.side {
            return Err(ExecutionError::WrongSide { leg: self.id });
        }
        self.note_deal(fill)?;
        if self.entered.is_zero() {
            self.opened_at = fill.at;
            self.levels = Some(self.protection.resolve(self.side, fill.price, instrument.tick, fill.at));
        }
        self.lots.push(Lot { quantity: fill.quantity, price: fill.price, reference: fill.reference });
        self.entered = self.entered + fill.quantity;
        self.entry_value += i128::from(fill.price.raw()) * i128::from(fill.quantity.count());
        self.net -= fill.commission;
        if fill.remaining.is_zero() {
            self.opening = None;
        }
        Ok(())
    }

    /// Books a closing fill, oldest lots first, and says what it realised. `cause` ends the leg if nothing is left
    /// open and no opening order works any more.
    pub fn book_close(
        &mut self,
        fill: &FillReport,
        instrument: &Instrument,
        cause: CloseCause,
    ) -> Result<ClosedPart, ExecutionError> {
        let open = self.open();
        if self.ended.is_some() {
            return Err(ExecutionError::Ended { leg: self.id, quantity: fill.quantity });
        }
        if fill.side != self.side.opposite() {
            return Err(ExecutionError::WrongSide { leg: self.id });
        }
        if fill.quantity > open {
            return Err(ExecutionError::CrossesFlat { leg: self.id, closed: fill.quantity, open });
        }
        self.note_deal(fill)?;
        let mut left = fill.quantity;
        let (mut at_references, mut at_prices) = (0_i128, 0_i128);
        for lot in &mut self.lots {
            let taken = left.min(lot.quantity);
            let count = i128::from(taken.count());
            at_references += i128::from((fill.reference - lot.reference).raw()) * count;
            at_prices += i128::from((fill.price - lot.price).raw()) * count;
            lot.quantity = lot.quantity.saturating_sub(taken);
            left = left.saturating_sub(taken);
        }
        let part = ClosedPart {
            gross: worth(instrument, self.side, at_references),
            net: worth(instrument, self.side, at_prices) - fill.commission,
        };
        self.lots.retain(|lot| !lot.quantity.is_zero());
        self.exit_value += i128::from(fill.price.raw()) * i128::from(fill.quantity.count());
        self.gross += part.gross;
        self.net += part.net;
        self.unresolved |= fill.unresolved;
        if self.lots.is_empty() {
            self.closing = None;
            self.leaving = Some(cause);
            if self.opening.is_none() {
                self.ended = Some((fill.at, cause));
            }
        }
        Ok(part)
    }

    /// A deal that has a number is booked once.
    fn note_deal(&mut self, fill: &FillReport) -> Result<(), ExecutionError> {
        if fill.deal == 0 {
            return Ok(());
        }
        if self.deals.contains(&fill.deal) {
            return Err(ExecutionError::Repeated { leg: self.id, deal: fill.deal });
        }
        self.deals.push(fill.deal);
        Ok(())
    }

    /// The opening order ended with a rest or without any fill. A leg that never got a contract ends here.
    pub fn opening_ended(&mut self, at: Timestamp) {
        self.opening = None;
        if self.entered.is_zero() {
            self.ended = Some((at, CloseCause::NeverFilled));
        } else if self.lots.is_empty() && self.ended.is_none() {
            self.ended = Some((at, self.leaving.unwrap_or(CloseCause::Operator)));
        }
    }

    /// A closing order is on its way.
    pub fn close_with(&mut self, order: OrderId, cause: CloseCause) {
        self.closing = Some((order, cause));
        self.leaving = Some(cause);
    }

    /// The closing order ended with contracts still open: another may be sent.
    pub fn closing_ended(&mut self) {
        self.closing = None;
    }

    /// The stop was moved; `target` replaces the target, `None` removes it, and the time limit is gone.
    pub fn set_levels(&mut self, stop: Price, target: Option<Price>) {
        self.levels = Some(ExitLevels::new(self.side, target, Some(stop), None));
    }

    /// The leg's id.
    pub fn id(&self) -> LegId {
        self.id
    }

    /// The instrument.
    pub fn symbol(&self) -> SymbolId {
        self.symbol
    }

    /// Its side.
    pub fn side(&self) -> Side {
        self.side
    }

    /// Contracts its opening order asks for.
    pub fn wanted(&self) -> Contracts {
        self.wanted
    }

    /// Contracts open now.
    pub fn open(&self) -> Contracts {
        self.lots.iter().fold(Contracts::ZERO, |sum, lot| sum + lot.quantity)
    }

    /// Contracts entered in all.
    pub fn entered(&self) -> Contracts {
        self.entered
    }

    /// The opening order, while it works.
    pub fn opening_order(&self) -> Option<OrderId> {
        self.opening
    }

    /// The closing order and its cause, while it works.
    pub fn closing_order(&self) -> Option<(OrderId, CloseCause)> {
        self.closing
    }

    /// Whether contracts are open and no closing order works: only then may one be sent.
    pub fn can_close(&self) -> bool {
        self.closing.is_none() && !self.lots.is_empty()
    }

    /// Why it is to be closed again: it was on its way out, contracts are open, and no closing order works. A close was
    /// refused or ended with a rest, or the opening order filled after all.
    pub fn left_over(&self) -> Option<CloseCause> {
        self.leaving.filter(|_| self.can_close())
    }

    /// Whether nothing more can happen to it.
    pub fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// When and how it ended.
    pub fn ended(&self) -> Option<(Timestamp, CloseCause)> {
        self.ended
    }

    /// When it was first filled.
    pub fn opened_at(&self) -> Timestamp {
        self.opened_at
    }

    /// Its exits, once filled.
    pub fn levels(&self) -> Option<&ExitLevels> {
        self.levels.as_ref()
    }

    /// The broker's numbers of the deals that were booked, in that order; none where deals have no numbers.
    pub fn deals(&self) -> &[u64] {
        &self.deals
    }

    /// Average price paid at entry; zero before any fill. Rounded to 10⁻⁸, for display: results use the lots.
    pub fn entry(&self) -> Price {
        average(self.entry_value, self.entered)
    }

    /// Average price of what was closed so far; zero before any.
    pub fn exit(&self) -> Price {
        average(self.exit_value, self.entered.saturating_sub(self.open()))
    }

    /// Result so far at reference prices.
    pub fn gross(&self) -> Money {
        self.gross
    }

    /// Result so far after commission, spread and slippage.
    pub fn net(&self) -> Money {
        self.net
    }

    /// Commission, spread and slippage so far.
    pub fn costs(&self) -> Money {
        self.gross - self.net
    }

    /// Whether a bar could not say how one of its exits happened.
    pub fn is_unresolved(&self) -> bool {
        self.unresolved
    }

    /// What is open, valued at `mark`: before exit costs.
    #[inline]
    pub fn open_result(&self, instrument: &Instrument, mark: Price) -> Money {
        self.lots.iter().map(|lot| instrument.gross(self.side, lot.price, mark, lot.quantity)).sum()
    }
}

/// What a distance times contracts is worth, rounded once for the whole fill (semantics 1).
fn worth(instrument: &Instrument, side: Side, distance: i128) -> Money {
    let distance =
        i64::try_from(distance).expect("a fill's distance times its contracts is an amount that can be counted");
    instrument.gross(side, Price::ZERO, Price::from_raw(distance), Contracts::new(1))
}

fn average(value: i128, contracts: Contracts) -> Price {
    if contracts.is_zero() {
        return Price::ZERO;
    }
    let count = i128::from(contracts.count());
    Price::from_raw(i64::try_from((value + count / 2).div_euclid(count)).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use alavanca_kernel::{ExitAt, LegRole, OrderIntent, TradeId};
    use proptest::prelude::*;

    use super::*;

    const ID: LegId = LegId { trade: TradeId::new(1), role: LegRole::Base };

    fn win() -> Instrument {
        Instrument::preset("WIN").unwrap()
    }

    fn p(points: i64) -> Price {
        Price::from_raw(points * Price::SCALE)
    }

    fn fill(intent: OrderIntent, quantity: u32, remaining: u32, price: i64, reference: i64) -> FillReport {
        FillReport {
            order: Some(OrderId::new(1)),
            symbol: SymbolId::new(0),
            leg: ID,
            intent,
            side: if intent == OrderIntent::Open { Side::Buy } else { Side::Sell },
            quantity: Contracts::new(quantity),
            remaining: Contracts::new(remaining),
            price: p(price),
            reference: p(reference),
            commission: Money::from_cents(25 * i64::from(quantity)),
            exit: None,
            unresolved: false,
            deal: 0,
            at: Timestamp::from_secs(60),
        }
    }

    fn opened(quantity: u32) -> Leg {
        let protection = Protection {
            stop: Some(ExitAt::Distance(p(100))),
            target: Some(ExitAt::Distance(p(200))),
            ..Protection::default()
        };
        let mut leg =
            Leg::opening(ID, SymbolId::new(0), Side::Buy, OrderId::new(1), Contracts::new(quantity), protection);
        leg.book_open(&fill(OrderIntent::Open, quantity, 0, 130_005, 130_000), &win()).unwrap();
        leg
    }

    #[test]
    fn gross_net_and_costs_of_a_round_trip() {
        let mut leg = opened(10);
        assert_eq!(leg.levels().unwrap().stop_loss(), Some(p(129_905)));
        assert_eq!(leg.levels().unwrap().take_profit(), Some(p(130_205)));
        let part =
            leg.book_close(&fill(OrderIntent::Close, 10, 0, 130_095, 130_100), &win(), CloseCause::Timeout).unwrap();
        // 100 points gross, 90 paid; 10 contracts of 0.20; commission 0.25 a side.
        assert_eq!((part.gross.to_string(), part.net.to_string()), ("200.00".into(), "177.50".into()));
        assert_eq!((leg.net().to_string(), leg.costs().to_string()), ("175.00".into(), "25.00".into()));
        assert_eq!(leg.ended(), Some((Timestamp::from_secs(60), CloseCause::Timeout)));
        assert_eq!((leg.entry(), leg.exit()), (p(130_005), p(130_095)));
    }

    #[test]
    fn closes_in_parts_end_once() {
        let mut leg = opened(3);
        leg.close_with(OrderId::new(2), CloseCause::Session);
        assert!(!leg.can_close(), "one closing order at a time");
        leg.book_close(&fill(OrderIntent::Close, 2, 1, 130_005, 130_005), &win(), CloseCause::Session).unwrap();
        assert!(!leg.has_ended() && leg.closing_order().is_some());
        leg.book_close(&fill(OrderIntent::Close, 1, 0, 130_005, 130_005), &win(), CloseCause::Session).unwrap();
        assert!(leg.has_ended());
    }

    #[test]
    fn never_across_flat_never_after_the_end_never_on_the_wrong_side() {
        let close = |quantity| fill(OrderIntent::Close, quantity, 0, 130_000, 130_000);
        let mut leg = opened(2);
        let before = leg.clone();
        assert!(matches!(leg.book_close(&close(3), &win(), CloseCause::Risk), Err(ExecutionError::CrossesFlat { .. })));
        let wrong = FillReport { side: Side::Buy, ..close(1) };
        assert!(matches!(leg.book_close(&wrong, &win(), CloseCause::Risk), Err(ExecutionError::WrongSide { .. })));
        assert_eq!(leg, before, "a report that does not fit changes nothing");
        leg.book_close(&close(2), &win(), CloseCause::Risk).unwrap();
        assert!(matches!(leg.book_close(&close(1), &win(), CloseCause::Risk), Err(ExecutionError::Ended { .. })));
    }

    #[test]
    fn a_numbered_deal_is_booked_once() {
        let mut leg =
            Leg::opening(ID, SymbolId::new(0), Side::Buy, OrderId::new(1), Contracts::new(4), Protection::default());
        let numbered = |intent, deal| FillReport { deal, ..fill(intent, 1, 1, 130_000, 130_000) };
        leg.book_open(&numbered(OrderIntent::Open, 7), &win()).unwrap();
        leg.book_open(&numbered(OrderIntent::Open, 8), &win()).unwrap();
        leg.book_close(&numbered(OrderIntent::Close, 9), &win(), CloseCause::Session).unwrap();
        let before = leg.clone();
        assert!(matches!(
            leg.book_open(&numbered(OrderIntent::Open, 8), &win()),
            Err(ExecutionError::Repeated { deal: 8, .. })
        ));
        assert!(matches!(
            leg.book_close(&numbered(OrderIntent::Close, 9), &win(), CloseCause::Session),
            Err(ExecutionError::Repeated { deal: 9, .. })
        ));
        assert_eq!(leg, before);
        assert_eq!(leg.deals(), [7, 8, 9]);
    }

    #[test]
    fn a_leg_without_a_fill_ends_as_never_filled() {
        let mut leg =
            Leg::opening(ID, SymbolId::new(0), Side::Sell, OrderId::new(1), Contracts::new(2), Protection::default());
        leg.opening_ended(Timestamp::from_secs(5));
        assert_eq!(leg.ended(), Some((Timestamp::from_secs(5), CloseCause::NeverFilled)));
    }

    proptest! {
        /// However a leg is entered and left in parts, the parts add up to what the prices say.
        #[test]
        fn parts_add_up(entries in prop::collection::vec((1_u32..5, 129_000_i64..131_000), 1..6),
                        exits in prop::collection::vec((1_u32..4, 129_000_i64..131_000), 1..20)) {
            let instrument = win();
            let mut leg = Leg::opening(ID, SymbolId::new(0), Side::Buy, OrderId::new(1), Contracts::new(2), Protection::default());
            let mut paid = 0_i64;
            let total: u32 = entries.iter().map(|e| e.0).sum();
            let mut rest = total;
            for (quantity, price) in entries {
                rest -= quantity;
                leg.book_open(&fill(OrderIntent::Open, quantity, rest, price, price), &instrument).unwrap();
                paid += i64::from(quantity) * price;
            }
            let (mut open, mut received) = (total, 0_i64);
            for (quantity, price) in exits {
                let quantity = quantity.min(open);
                if quantity == 0 { break; }
                open -= quantity;
                received += i64::from(quantity) * price;
                leg.book_close(&fill(OrderIntent::Close, quantity, open, price, price), &instrument, CloseCause::Session).unwrap();
            }
            prop_assert_eq!(leg.open(), Contracts::new(open));
            prop_assert_eq!(leg.has_ended(), open == 0);
            if open == 0 {
                // 0.20 a point is 20 centavos exactly: no rounding is left over.
                prop_assert_eq!(leg.gross().cents(), (received - paid) * 20);
                prop_assert_eq!(leg.costs().cents(), i64::from(total) * 50);
            }
        }
    }
}
