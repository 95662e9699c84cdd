//! What a desk knows at its start, and what it does not know yet.

use super::*;
use crate::wire::{Filling, FromEngine};

impl Table {
    /// The engine was killed: a desk that knows the base as it was opened, the deals that the books have, and nothing else.
    fn start_again(&mut self, mode: AccountMode, known: &[(u64, u32)]) {
        let first = self.filled()[0];
        self.exchange.disconnect();
        self.desk = desk(mode);
        let levels = Protection::default().resolve(Side::Buy, first.price, points(5), first.at);
        self.desk.adopt(Adopted {
            symbol: SYMBOL,
            leg: leg(1, BASE),
            side: Side::Buy,
            open: Contracts::new(2),
            entry: first.price,
            opening: None,
            closing: None,
            filled: [Contracts::ZERO; 2],
            protection: Protection::default(),
            levels: Some(levels),
            opened_at: first.at,
            deals: vec![first.deal],
        });
        self.desk.know(known.iter().map(|&(deal, contracts)| (deal, Contracts::new(contracts))));
        self.reports.clear();
        self.exchange.connect();
        self.quote(125_000);
        self.pass(3_000);
    }

    /// What closes were sent with.
    fn fillings(&self) -> Vec<Filling> {
        let filling = |say: &Say| match &say.message {
            FromEngine::OrderSubmit(order) if order.intent == crate::wire::Intent::Close => Some(order.filling),
            _ => None,
        };
        self.said.iter().filter_map(filling).collect()
    }
}

#[test]
fn a_deal_that_the_books_have_is_not_booked_on_another_leg_after_a_restart() {
    for mode in [AccountMode::Netting, AccountMode::Hedging] {
        let mut table = Table::new(mode);
        table.open(1, BASE, 2);
        table.open(2, EXTRA, 3);
        table.close(3, EXTRA, 3);
        let booked: Vec<_> = table.filled().iter().map(|fill| (fill.deal, fill.quantity.count())).collect();
        assert_eq!(booked.iter().map(|deal| deal.1).collect::<Vec<_>>(), [2, 3, 3]);
        // The extra's leg has ended: its closing deal sells, and the only leg left was bought.
        table.start_again(mode, &booked);
        assert_eq!((table.fills(), table.standing()), (vec![], 2), "{mode}");
        let legs = table.desk.legs().unwrap();
        assert_eq!(legs.iter().map(|leg| (leg.leg, leg.quantity.count())).collect::<Vec<_>>(), [(leg(1, BASE), 2)]);
        assert_eq!(table.desk.may_enter(SYMBOL), Ok(()), "{mode}");
    }
}

#[test]
fn a_deal_of_two_legs_that_is_half_in_the_books_is_booked_on_the_other_alone() {
    let mut table = Table::new(AccountMode::Netting);
    table.open(1, BASE, 2);
    table.open(2, EXTRA, 3);
    // One deal closes both. The engine was killed with the extra's part stored.
    table.exchange.by_hand(NAME, OrderSide::Sell, 5 * LOT);
    table.pump();
    let fills = table.filled();
    let [opened, added, extra, base] = fills[..] else { panic!("{fills:?}") };
    assert_eq!((extra.leg.role, base.leg.role, extra.deal), (EXTRA, BASE, base.deal));
    let booked = [(opened.deal, 2), (added.deal, 3), (extra.deal, 3)];
    table.start_again(AccountMode::Netting, &booked);
    assert_eq!(table.fills(), [(BASE, CLOSE, 2, Some(ExitKind::Forced))]);
    assert_eq!(table.filled()[0].deal, base.deal);
    assert_eq!(table.desk.may_enter(SYMBOL), Ok(()));
}

#[test]
fn a_close_waits_to_hear_what_the_symbol_is() {
    for mode in [AccountMode::Netting, AccountMode::Hedging] {
        let mut table = Table::without_session(mode);
        table.exchange.faults.late_specs = true;
        table.exchange.connect();
        table.quote(125_000);
        table.exchange.by_hand(NAME, OrderSide::Buy, 2 * LOT);
        let now = table.now();
        table.desk.flatten(&[SYMBOL], now);
        table.pass(2_000);
        assert_eq!((table.fillings(), table.standing()), (vec![], 2), "{mode}: by a guess it may be refused");
        table.exchange.say_specs();
        table.pass(200);
        assert_eq!((table.fillings(), table.standing()), (vec![Filling::Ioc], 0), "{mode}");
    }
}

#[test]
fn a_close_does_not_wait_for_ever_to_hear_what_the_symbol_is() {
    let mut table = Table::new(AccountMode::Netting);
    table.open(1, BASE, 2);
    let booked = [(table.filled()[0].deal, 2)];
    table.exchange.faults.late_specs = true;
    table.start_again(AccountMode::Netting, &booked);
    table.close(2, BASE, 2);
    assert_eq!((table.fillings(), table.standing()), (vec![], 2));
    table.pass(6_000);
    assert_eq!((table.fillings(), table.standing()), (vec![Filling::Return], 0));
}
