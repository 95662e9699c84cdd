//! Whatever happens on the way, in whatever order: what a desk promises holds.

use std::collections::{BTreeMap, BTreeSet};

use alavanca_kernel::{AccountMode, LegRole, OrderIntent, OrderReport, Side};
use proptest::prelude::*;

use super::{BASE, CLOSE, EXTRA, LOT, NAME, OPEN, SYMBOL, Table, leg};
use crate::wire::{FromEngine, Intent};

#[derive(Debug, Clone)]
enum Move {
    Quote(i64),
    Pass(u64),
    Enter(u32, u32),
    LeaveExtra,
    LeaveBase,
    Cancel,
    CutOff,
    Return,
    LoseFrames,
    Deaf(bool),
    Late(bool),
    Twice(bool),
    Silent(usize),
    NoAnswer(bool),
    Refuse(u32),
    Place,
    FillResting,
    Part(bool),
    LoseStops,
    RefuseStops(u32),
    FailReading,
    ResetStops,
    Flatten,
}

fn moves() -> impl Strategy<Value = Move> {
    prop_oneof![
        6 => (124_600_i64..125_400).prop_map(|price| Move::Quote(price / 5 * 5)),
        6 => (100_u64..4_000).prop_map(Move::Pass),
        6 => (1_u32..4, 0_u32..4).prop_map(|(base, extra)| Move::Enter(base, extra)),
        3 => Just(Move::LeaveExtra),
        3 => Just(Move::LeaveBase),
        1 => Just(Move::Cancel),
        1 => Just(Move::CutOff),
        3 => Just(Move::Return),
        1 => Just(Move::LoseFrames),
        1 => any::<bool>().prop_map(Move::Deaf),
        2 => any::<bool>().prop_map(Move::Late),
        1 => any::<bool>().prop_map(Move::Twice),
        2 => (0_usize..6).prop_map(Move::Silent),
        1 => any::<bool>().prop_map(Move::NoAnswer),
        1 => prop_oneof![Just(10_004), Just(10_006), Just(10_024), Just(10_036), Just(10_012)].prop_map(Move::Refuse),
        1 => Just(Move::Place),
        2 => Just(Move::FillResting),
        1 => any::<bool>().prop_map(Move::Part),
        1 => Just(Move::LoseStops),
        1 => prop_oneof![Just(10_006), Just(10_016), Just(10_031)].prop_map(Move::RefuseStops),
        1 => Just(Move::FailReading),
        1 => Just(Move::ResetStops),
        1 => Just(Move::Flatten),
    ]
}

/// What an engine has of the trade: it enters when flat, and leaves a leg by one order at a time.
#[derive(Debug, Default)]
struct Books {
    order: u64,
    trade: u64,
    /// Open contracts by role; orders on their way by role and intent.
    open: BTreeMap<LegRole, u32>,
    opening: BTreeMap<LegRole, u64>,
    closing: BTreeMap<LegRole, u64>,
    heard: usize,
    deals: BTreeSet<(LegRole, u64, u64)>,
}

impl Books {
    fn hear(&mut self, table: &Table) -> Result<(), TestCaseError> {
        for report in &table.reports[self.heard..] {
            match report {
                OrderReport::Filled(fill) => {
                    let role = fill.leg.role;
                    prop_assert_eq!(fill.leg.trade.get(), self.trade, "a fill of a trade that ended: {:?}", fill);
                    prop_assert!(self.deals.insert((role, self.trade, fill.deal)), "told twice: {:?}", fill);
                    let open = self.open.entry(role).or_default();
                    if fill.intent == OPEN {
                        *open += fill.quantity.count();
                    } else {
                        prop_assert!(*open >= fill.quantity.count(), "more closed than open: {:?}", fill);
                        *open -= fill.quantity.count();
                    }
                    if fill.remaining.is_zero() && fill.order.is_some() {
                        self.end(role, fill.intent);
                    }
                    if fill.intent == CLOSE && self.open[&role] == 0 {
                        self.closing.remove(&role);
                    }
                }
                OrderReport::Rejected { leg, intent, order, .. } | OrderReport::Canceled { leg, intent, order, .. } => {
                    let waiting = if *intent == OPEN { &self.opening } else { &self.closing };
                    if waiting.get(&leg.role) == Some(&order.get()) {
                        self.end(leg.role, *intent);
                    }
                }
            }
        }
        self.heard = table.reports.len();
        Ok(())
    }

    fn end(&mut self, role: LegRole, intent: OrderIntent) {
        if intent == OPEN {
            self.opening.remove(&role)
        } else {
            self.closing.remove(&role)
        };
    }

    fn is_flat(&self) -> bool {
        self.open.values().all(|&open| open == 0) && self.opening.is_empty() && self.closing.is_empty()
    }

    fn enter(&mut self, table: &mut Table, base: u32, extra: u32) {
        if !self.is_flat() {
            return;
        }
        self.trade += 1;
        for (role, quantity) in [(BASE, base), (EXTRA, extra)] {
            if quantity == 0 {
                continue;
            }
            self.order += 1;
            let request = table.request(self.order, leg(self.trade, role), OPEN, Side::Buy, quantity);
            let now = table.now();
            if table.desk.submit(request, now).is_ok() {
                self.opening.insert(role, self.order);
            }
        }
    }

    fn leave(&mut self, table: &mut Table, role: LegRole) {
        let open = self.open.get(&role).copied().unwrap_or(0);
        if open == 0 || self.closing.contains_key(&role) {
            return;
        }
        self.order += 1;
        let request = table.request(self.order, leg(self.trade, role), CLOSE, Side::Sell, open);
        let now = table.now();
        if table.desk.submit(request, now).is_ok() {
            self.closing.insert(role, self.order);
        }
    }
}

const KINDS: [&str; 5] = ["deal", "position", "order", "result", "accepted"];

fn carry_out(table: &mut Table, books: &mut Books, made: &Move, is_up: &mut bool) {
    let faults = &mut table.exchange.faults;
    match *made {
        Move::Quote(price) => return table.quote(price),
        Move::Pass(ms) => return table.pass(ms),
        Move::Enter(base, extra) => books.enter(table, base, extra),
        Move::LeaveExtra => books.leave(table, EXTRA),
        Move::LeaveBase => books.leave(table, BASE),
        Move::Cancel => {
            let now = table.now();
            for order in books.opening.values() {
                table.desk.cancel(alavanca_kernel::OrderId::new(*order), now);
            }
        }
        Move::CutOff => {
            table.exchange.disconnect();
            *is_up = false;
        }
        Move::Return if !*is_up => {
            table.exchange.connect();
            *is_up = true;
        }
        Move::Return => {}
        Move::LoseFrames if *is_up => table.exchange.lose_frames(),
        Move::LoseFrames => {}
        Move::Deaf(deaf) => table.deaf = deaf,
        Move::Late(late) => table.late = late,
        Move::Twice(twice) => table.twice = twice,
        Move::Silent(kind) => match KINDS.get(kind) {
            Some(kind) => faults.silent.push(kind),
            None => faults.silent.clear(),
        },
        Move::NoAnswer(executed) => faults.no_answer.push_back(executed),
        Move::Refuse(code) => faults.refuse.push_back(code),
        Move::Place => faults.place += 1,
        Move::FillResting => table.exchange.fill_resting(),
        Move::Part(parts) => faults.part = parts.then_some(LOT),
        Move::LoseStops => faults.lose_stops += 1,
        Move::RefuseStops(code) => faults.refuse_stops.push_back(code),
        Move::FailReading => faults.fail_readings += 1,
        Move::ResetStops => table.exchange.reset_stops(),
        Move::Flatten => {
            let now = table.now();
            table.desk.flatten(&[SYMBOL], now);
        }
    }
    table.pump();
}

/// No leg has two closing orders of which neither was proven.
fn one_close_at_a_time(table: &Table) -> Result<(), TestCaseError> {
    let mut magics = BTreeSet::new();
    for say in &table.said {
        if let FromEngine::OrderSubmit(order) = &say.message {
            prop_assert!(magics.insert(order.magic), "magic {} was handed over twice", order.magic);
            prop_assert!(order.intent == Intent::Open || order.sl.raw() == 0);
        }
    }
    let mut closing = BTreeMap::new();
    for order in table.desk.orders.values().filter(|order| order.is_out() && !order.purpose.opens()) {
        if let Some(leg) = order.purpose.leg() {
            let other = closing.insert(leg, order.id);
            prop_assert_eq!(other, None, "two closes of leg {} are on their way", leg);
        }
    }
    Ok(())
}

fn day(mode: AccountMode, made: &[Move]) -> Result<(), TestCaseError> {
    let mut table = Table::new(mode);
    let mut books = Books::default();
    let mut is_up = true;
    for step in made {
        carry_out(&mut table, &mut books, step, &mut is_up);
        books.hear(&table)?;
        table.never_doubled();
        one_close_at_a_time(&table)?;
        prop_assert!(table.standing() >= 0, "across flat: {}", table.standing());
    }
    // Everything works again, and time passes.
    (table.deaf, table.late, table.twice) = (false, false, false);
    table.exchange.faults = crate::testing::exchange::Faults::default();
    if !is_up {
        table.exchange.connect();
    }
    table.quote(125_000);
    table.exchange.fill_resting();
    for _ in 0..20 {
        table.pass(10_000);
        table.exchange.fill_resting();
        table.quote(125_000);
    }
    books.hear(&table)?;
    prop_assert_eq!(table.desk.in_doubt().count(), 0, "every doubt ends");
    prop_assert_eq!(table.desk.differences().count(), 0);
    let told: u32 = books.open.values().sum();
    prop_assert_eq!(i64::from(told), table.standing(), "what was told is what stands");
    prop_assert!(books.opening.is_empty() && books.closing.is_empty(), "an order has no end: {:?}", books);
    // Every deal was told, to the leg and to the centavo.
    let dealt: BTreeSet<u64> = table.exchange.deals.iter().map(|deal| deal.ticket.0).collect();
    let heard: BTreeSet<u64> = books.deals.iter().map(|deal| deal.2).collect();
    prop_assert_eq!(&heard, &dealt, "deals that were told, and deals that were made");
    let paid: i64 = table.filled().iter().map(|fill| fill.commission.cents()).sum();
    let charged: i64 = table.exchange.deals.iter().map(|deal| -deal.commission.raw() / 1_000_000).sum();
    prop_assert_eq!(paid, charged);
    for position in table.exchange.positions() {
        // On hedging accounts an extra without exits of its own has none at the server.
        let extra = |leg: &super::super::Leg| leg.id.role == EXTRA && leg.position == position.identifier;
        if mode == AccountMode::Hedging && table.desk.markets[0].legs.iter().any(extra) {
            continue;
        }
        prop_assert!(position.sl.raw() != 0, "a position without its stop, in {}: {:?}", NAME, position);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: std::env::var("DESK_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(200), max_shrink_iters: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn a_netting_day_ends_with_books_that_agree(made in prop::collection::vec(moves(), 1..60)) {
        day(AccountMode::Netting, &made)?;
    }

    #[test]
    fn a_hedging_day_ends_with_books_that_agree(made in prop::collection::vec(moves(), 1..60)) {
        day(AccountMode::Hedging, &made)?;
    }
}
