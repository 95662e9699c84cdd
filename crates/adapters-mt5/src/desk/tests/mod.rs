//! A desk against a bridge in memory: what it does when things go wrong.

mod random;
mod start;

use std::sync::Arc;

use alavanca_kernel::{
    AccountMode, Contracts, ExitAt, ExitKind, FillReport, Instrument, LegId, LegRole, OrderId, OrderIntent,
    OrderReport, OrderRequest, Price, Protection, RejectReason, Side, SymbolId, TradeId,
};
use alavanca_ports::BrokerError;

use super::{Adopted, Care, Desk, DeskConfig, DeskSymbol, FixedOffset, Move, Now, Proof, ServerZone, Told};
use crate::link::{LinkEvent, Say};
use crate::testing::exchange::Exchange;
use crate::wire::{BRIDGE_MAGIC, Decimal, GUARDED_ORDER_END, Guard, Id, OrderSide, opening_of};

const SYMBOL: SymbolId = SymbolId::new(0);
const NAME: &str = "WINZ26";
const ZONE: FixedOffset = FixedOffset(-3 * 3_600);
const INSTANCE: u64 = 7;
const LOT: i64 = Price::SCALE;

fn points(points: i64) -> Price {
    Price::from_raw(points * Price::SCALE)
}

fn leg(trade: u64, role: LegRole) -> LegId {
    LegId { trade: TradeId::new(trade), role }
}

/// Desk and exchange at one table, with nothing between them but what a test takes away.
#[derive(Debug)]
struct Table {
    desk: Desk,
    exchange: Exchange,
    ms: u64,
    reports: Vec<OrderReport>,
    told: Vec<Told>,
    /// What the desk says is lost.
    deaf: bool,
    /// What the bridge says is late: it comes when this ends.
    late: bool,
    /// What the bridge says comes twice.
    twice: bool,
    /// All that the desk said.
    said: Vec<Say>,
}

fn desk(mode: AccountMode) -> Desk {
    let guard = Guard { stop: points(40).into(), target: points(80).into(), hold_seconds: 180 };
    Desk::new(DeskConfig {
        instance: INSTANCE as u32,
        mode,
        symbols: vec![DeskSymbol {
            name: NAME.into(),
            instrument: Instrument::preset(NAME).unwrap(),
            deviation: 10,
            guard: Some(guard),
        }],
        zone: Arc::new(ZONE),
        care: Care { entry_seconds: 600, ..Care::default() },
    })
}

impl Table {
    fn new(mode: AccountMode) -> Self {
        let mut table = Self::without_session(mode);
        table.exchange.connect();
        table.quote(125_000);
        table
    }

    fn without_session(mode: AccountMode) -> Self {
        let exchange = Exchange::new(mode, 10_000, &[(NAME, 20)]);
        let (reports, told, said) = (Vec::new(), Vec::new(), Vec::new());
        Self { desk: desk(mode), exchange, ms: 0, reports, told, deaf: false, late: false, twice: false, said }
    }

    fn now(&self) -> Now {
        Now { ms: self.ms, market: ZONE.utc(self.exchange.now) }
    }

    fn quote(&mut self, price: i64) {
        self.exchange.quote(NAME, points(price) - points(5), points(price) + points(5));
        self.pump();
    }

    /// Carries everything over until nobody has anything to say.
    fn pump(&mut self) {
        loop {
            let said = self.desk.take_messages();
            let silent = said.is_empty();
            for say in said {
                self.said.push(say.clone());
                if !self.deaf {
                    self.exchange.hear(say);
                }
            }
            let mut heard = false;
            while let Some(event) = (!self.late).then(|| self.exchange.take()).flatten() {
                heard = true;
                let now = self.now();
                if self.twice && matches!(event, LinkEvent::Message(_)) {
                    self.desk.on_link(event.clone(), now);
                }
                self.desk.on_link(event, now);
            }
            self.reports.extend(self.desk.take_reports());
            self.told.extend(self.desk.take_told());
            if silent && !heard {
                return;
            }
        }
    }

    /// Real time passes; the market stands still.
    fn pass(&mut self, ms: u64) {
        for _ in 0..ms.div_ceil(100) {
            self.ms += 100;
            let now = self.now();
            self.desk.on_time(now);
            self.pump();
        }
    }

    fn request(&self, id: u64, leg: LegId, intent: OrderIntent, side: Side, quantity: u32) -> OrderRequest {
        let stop = Some(ExitAt::Distance(points(200)));
        let base = Protection { stop, target: Some(ExitAt::Distance(points(400))), ..Protection::default() };
        let opens_base = intent == OrderIntent::Open && leg.role == LegRole::Base;
        OrderRequest {
            id: OrderId::new(id),
            symbol: SYMBOL,
            leg,
            intent,
            side,
            quantity: Contracts::new(quantity),
            protection: if opens_base { base } else { Protection::default() },
            at: self.now().market,
        }
    }

    fn submit(&mut self, request: OrderRequest) -> Result<(), BrokerError> {
        let now = self.now();
        let taken = self.desk.submit(request, now);
        self.pump();
        taken
    }

    fn open(&mut self, id: u64, role: LegRole, quantity: u32) {
        let request = self.request(id, leg(1, role), OrderIntent::Open, Side::Buy, quantity);
        self.submit(request).unwrap();
    }

    fn close(&mut self, id: u64, role: LegRole, quantity: u32) {
        let request = self.request(id, leg(1, role), OrderIntent::Close, Side::Sell, quantity);
        self.submit(request).unwrap();
    }

    fn fills(&self) -> Vec<(LegRole, OrderIntent, u32, Option<ExitKind>)> {
        let fill = |report: &OrderReport| match report {
            OrderReport::Filled(fill) => Some((fill.leg.role, fill.intent, fill.quantity.count(), fill.exit)),
            _ => None,
        };
        self.reports.iter().filter_map(fill).collect()
    }

    fn filled(&self) -> Vec<FillReport> {
        let fill = |report: &OrderReport| match report {
            OrderReport::Filled(fill) => Some(*fill),
            _ => None,
        };
        self.reports.iter().filter_map(fill).collect()
    }

    fn rejected(&self) -> Vec<(u64, RejectReason)> {
        let rejected = |report: &OrderReport| match report {
            OrderReport::Rejected { order, reason, .. } => Some((order.get(), *reason)),
            _ => None,
        };
        self.reports.iter().filter_map(rejected).collect()
    }

    fn standing(&self) -> i64 {
        self.exchange.standing(NAME) / LOT
    }

    fn stop(&self) -> Option<i64> {
        self.exchange.positions().first().map(|position| position.sl.raw() / LOT)
    }

    fn heard(&self, told: impl Fn(&Told) -> bool) -> bool {
        self.told.iter().any(told)
    }

    fn never_doubled(&self) {
        for (magic, sends) in &self.exchange.sends {
            assert_eq!(*sends, 1, "magic {magic} was sent {sends} times");
        }
    }
}

const OPEN: OrderIntent = OrderIntent::Open;
const CLOSE: OrderIntent = OrderIntent::Close;
const BASE: LegRole = LegRole::Base;
const EXTRA: LegRole = LegRole::Extra;

#[test]
fn an_extra_follows_its_base_and_carries_its_stop() {
    let mut table = Table::new(AccountMode::Netting);
    table.exchange.faults.place = 1;
    table.open(1, BASE, 2);
    table.open(2, EXTRA, 3);
    assert_eq!((table.standing(), table.exchange.sends.len()), (0, 1), "the base is accepted, not filled");
    table.exchange.fill_resting();
    table.pump();
    assert_eq!(table.standing(), 5);
    // 125,005 paid, less 200.
    assert_eq!(table.stop(), Some(124_805), "the addition has not taken the base's stop away");
    assert_eq!(table.fills(), [(BASE, OPEN, 2, None), (EXTRA, OPEN, 3, None)]);
    let submitted = table.said.iter().filter_map(|say| match &say.message {
        crate::wire::FromEngine::OrderSubmit(order) => Some((order.guard.is_some(), order.sl.raw() / LOT)),
        _ => None,
    });
    assert_eq!(submitted.collect::<Vec<_>>(), [(false, 124_805), (true, 124_805)], "the bridge guards the extra alone");
}

#[test]
fn an_extra_without_its_base_is_not_sent() {
    let mut table = Table::new(AccountMode::Netting);
    table.exchange.faults.refuse.push_back(10_006);
    table.open(1, BASE, 2);
    assert_eq!(table.rejected(), [(1, RejectReason::Other)]);
    let request = table.request(2, leg(1, EXTRA), OPEN, Side::Buy, 3);
    assert!(matches!(table.submit(request), Err(BrokerError::NotSent(_))));
    table.exchange.faults.place = 1;
    let request = table.request(3, leg(2, BASE), OPEN, Side::Buy, 2);
    table.submit(request).unwrap();
    let request = table.request(4, leg(2, EXTRA), OPEN, Side::Buy, 2);
    table.submit(request).unwrap();
    let now = table.now();
    table.desk.cancel(OrderId::new(3), now);
    table.pass(5_000);
    assert_eq!(table.standing(), 0);
    assert!(table.reports.iter().any(|report| matches!(report, OrderReport::Canceled { order, unfilled, .. }
        if order.get() == 3 && unfilled.count() == 2)));
    assert_eq!(table.rejected().last(), Some(&(4, RejectReason::Other)), "its base came to nothing");
}

#[test]
fn a_stop_that_the_fill_lost_is_set_again() {
    let mut table = Table::new(AccountMode::Netting);
    table.exchange.faults.lose_stops = 1;
    table.open(1, BASE, 2);
    table.pass(500);
    assert_eq!((table.standing(), table.stop()), (2, Some(124_805)));
    assert!(table.heard(|told| matches!(told, Told::StopMissing { .. })));
    assert!(!table.heard(|told| matches!(told, Told::Flattening { .. })));
}

#[test]
fn a_stop_that_cannot_be_set_closes_the_position() {
    let mut table = Table::new(AccountMode::Netting);
    table.exchange.faults.lose_stops = 1;
    table.exchange.faults.refuse_stops = [10_006; 20].into();
    table.open(1, BASE, 2);
    table.pass(1_900);
    assert_eq!(table.standing(), 2, "it has two seconds");
    table.pass(1_000);
    assert_eq!(table.standing(), 0, "naked for too long");
    table.pass(1_000);
    assert!(table.heard(|told| matches!(told, Told::Flat { .. })));
    assert_eq!(table.fills(), [(BASE, OPEN, 2, None), (BASE, CLOSE, 2, Some(ExitKind::Forced))]);
}

#[test]
fn stops_that_an_exchange_resets_overnight_are_set_again() {
    let mut table = Table::new(AccountMode::Netting);
    table.open(1, BASE, 2);
    table.exchange.reset_stops();
    table.pass(61_000);
    assert_eq!((table.standing(), table.stop()), (2, Some(124_805)), "found at the next reading");
}

#[test]
fn an_unknown_order_that_was_executed_is_proven_by_its_deals() {
    let mut table = Table::new(AccountMode::Netting);
    table.exchange.faults.no_answer.push_back(true);
    table.exchange.faults.silent = vec!["deal", "position", "order"];
    table.open(1, BASE, 2);
    table.pass(3_000);
    assert!(table.heard(|told| matches!(told, Told::Unknown { .. })));
    assert!(table.heard(|told| matches!(told, Told::Proven { by: Proof::Deals, .. })));
    assert_eq!(table.fills(), [(BASE, OPEN, 2, None)]);
    table.never_doubled();
}

#[test]
fn an_unknown_order_that_was_not_executed_blocks_until_its_absence_is_proven() {
    let mut table = Table::new(AccountMode::Netting);
    table.exchange.faults.no_answer.push_back(false);
    table.open(1, BASE, 2);
    table.pass(50_000);
    assert_eq!(table.reports, [], "absence for a while is no proof");
    let request = table.request(2, leg(2, BASE), OPEN, Side::Buy, 1);
    assert!(matches!(table.submit(request), Err(BrokerError::NotSent(_))), "the symbol takes no entries");
    table.pass(20_000);
    assert_eq!(table.rejected(), [(1, RejectReason::Other)]);
    assert!(table.heard(|told| matches!(told, Told::Proven { by: Proof::Nowhere, .. })));
    let request = table.request(3, leg(3, BASE), OPEN, Side::Buy, 1);
    table.submit(request).unwrap();
    assert_eq!(table.standing(), 1);
}

#[test]
fn an_operator_may_end_the_doubt() {
    let mut table = Table::new(AccountMode::Netting);
    table.exchange.faults.no_answer.push_back(false);
    table.open(1, BASE, 2);
    table.desk.never_sent(OrderId::new(1));
    table.pump();
    assert_eq!(table.rejected(), [(1, RejectReason::Other)]);
    assert_eq!(table.desk.may_enter(SYMBOL), Ok(()));
}

#[test]
fn a_word_that_is_lost_is_asked_for() {
    for silent in [vec!["deal"], vec!["result"], vec!["accepted", "result"], vec!["deal", "position", "order"]] {
        let mut table = Table::new(AccountMode::Netting);
        table.exchange.faults.silent = silent.clone();
        table.open(1, BASE, 2);
        table.pass(20_000);
        assert_eq!(table.fills(), [(BASE, OPEN, 2, None)], "{silent:?}");
        assert_eq!(table.desk.may_enter(SYMBOL), Ok(()), "{silent:?}");
        table.never_doubled();
    }
}

#[test]
fn an_order_that_never_arrived_is_proven_by_the_journal() {
    let mut table = Table::new(AccountMode::Netting);
    table.deaf = true;
    table.open(1, BASE, 2);
    table.exchange.disconnect();
    table.pump();
    table.deaf = false;
    table.exchange.connect();
    table.quote(125_000);
    assert_eq!(table.rejected(), [(1, RejectReason::Other)]);
    assert!(table.heard(|told| matches!(told, Told::Proven { by: Proof::Journal, .. })));
}

#[test]
fn a_broken_connection_loses_no_fill_and_doubles_none() {
    let mut table = Table::new(AccountMode::Netting);
    let request = table.request(1, leg(1, BASE), OPEN, Side::Buy, 2);
    let now = table.now();
    table.desk.submit(request, now).unwrap();
    for say in table.desk.take_messages() {
        table.exchange.hear(say);
    }
    // Everything that the bridge said of it is lost.
    table.exchange.disconnect();
    table.pump();
    assert_eq!(table.fills(), []);
    table.exchange.connect();
    table.quote(125_000);
    assert_eq!(table.fills(), [(BASE, OPEN, 2, None)]);
    for _ in 0..3 {
        table.exchange.disconnect();
        table.exchange.connect();
        table.quote(125_000);
        table.submit(request).unwrap();
    }
    assert_eq!((table.fills().len(), table.standing()), (1, 2));
    table.never_doubled();
}

#[test]
fn a_servers_stop_ends_both_legs_with_one_deal() {
    let mut table = Table::new(AccountMode::Netting);
    table.open(1, BASE, 2);
    table.open(2, EXTRA, 3);
    table.quote(124_700);
    let fills = table.filled();
    let exits: Vec<_> = fills.iter().skip(2).map(|fill| (fill.leg.role, fill.quantity.count(), fill.exit)).collect();
    assert_eq!(exits, [(EXTRA, 3, Some(ExitKind::StopLoss)), (BASE, 2, Some(ExitKind::StopLoss))]);
    assert_eq!(fills[2].deal, fills[3].deal);
    let commission: i64 = fills.iter().map(|fill| fill.commission.cents()).sum();
    assert_eq!(commission, 10 * 25, "what the deals cost is told to the centavo");
    assert_eq!((table.standing(), table.desk.may_enter(SYMBOL)), (0, Ok(())));
}

#[test]
fn a_close_that_the_servers_stop_overtakes_does_not_cross_flat() {
    let mut table = Table::new(AccountMode::Netting);
    table.open(1, BASE, 2);
    // The stop fills, and nobody says so.
    table.exchange.faults.silent = vec!["deal", "position", "order"];
    table.quote(124_700);
    table.exchange.faults.silent.clear();
    assert_eq!(table.standing(), 0);
    table.close(2, BASE, 2);
    table.pass(3_000);
    assert_eq!(table.standing(), 0, "the bridge found no position, and sent nothing");
    assert_eq!(table.fills().last(), Some(&(BASE, CLOSE, 2, Some(ExitKind::StopLoss))));
    assert_eq!(table.rejected(), [(2, RejectReason::Other)]);
}

#[test]
fn what_stands_across_flat_is_closed() {
    let mut table = Table::new(AccountMode::Netting);
    table.open(1, BASE, 2);
    table.exchange.faults.blind = true;
    table.exchange.faults.silent = vec!["deal", "position", "order"];
    table.quote(124_700);
    table.exchange.faults.silent.clear();
    table.close(2, BASE, 2);
    assert_eq!(table.standing(), -2, "a bridge that does not look crosses flat");
    table.pass(5_000);
    assert_eq!((table.standing(), table.desk.is_flattening(SYMBOL)), (0, false));
    assert!(table.heard(|told| matches!(told, Told::Flattening { .. })));
    let closed: Vec<_> = table.fills().into_iter().filter(|fill| fill.1 == CLOSE).collect();
    assert_eq!(closed.iter().map(|fill| fill.2).sum::<u32>(), 2, "the engine hears of its own two alone");
}

#[test]
fn a_close_that_rests_is_taken_back_when_its_leg_is_gone() {
    let mut table = Table::without_session(AccountMode::Netting);
    table.exchange.set_filling_mode(0);
    table.exchange.connect();
    table.quote(125_000);
    table.open(1, BASE, 2);
    table.exchange.faults.place = 1;
    table.close(2, BASE, 2);
    table.quote(124_700);
    table.pass(1_000);
    table.exchange.fill_resting();
    table.pass(1_000);
    assert_eq!((table.standing(), table.exchange.deals.len()), (0, 2), "it did not open the other side");
    assert_eq!(table.desk.may_enter(SYMBOL), Ok(()));
}

#[test]
fn an_answer_that_does_not_come_is_no_refusal() {
    let mut table = Table::new(AccountMode::Netting);
    table.exchange.faults.silent = vec!["accepted", "result", "deal", "position", "order"];
    table.exchange.faults.fail_readings = 1_000;
    table.open(1, BASE, 2);
    table.pass(120_000);
    assert_eq!((&table.reports[..], table.standing()), (&[][..], 2));
    assert!(table.heard(|told| matches!(told, Told::Unknown { .. })));
    assert!(table.desk.may_enter(SYMBOL).is_err());
    table.exchange.faults = crate::testing::exchange::Faults::default();
    table.pass(5_000);
    assert_eq!(table.fills(), [(BASE, OPEN, 2, None)]);
}

#[test]
fn a_person_who_closes_by_hand_is_heard_of() {
    let mut table = Table::new(AccountMode::Netting);
    table.open(1, BASE, 2);
    table.open(2, EXTRA, 3);
    table.exchange.by_hand(NAME, OrderSide::Sell, 4 * LOT);
    table.pump();
    let closed = &table.fills()[2..];
    assert_eq!(closed, [(EXTRA, CLOSE, 3, Some(ExitKind::Forced)), (BASE, CLOSE, 1, Some(ExitKind::Forced))]);
    assert!(table.heard(|told| matches!(told, Told::ByOthers { .. })));
}

#[test]
fn each_attempt_of_a_bridge_to_close_an_extra_is_booked_on_it() {
    let mut table = Table::new(AccountMode::Netting);
    table.open(1, BASE, 2);
    table.open(2, EXTRA, 3);
    // The bridge stands in at the extra's stop; its first order fills in part, its second the rest.
    let first = INSTANCE << 32 | 2 | BRIDGE_MAGIC;
    table.exchange.quote(NAME, points(124_940), points(124_950));
    table.exchange.by_bridge(NAME, OrderSide::Sell, LOT, Id(first));
    table.exchange.by_bridge(NAME, OrderSide::Sell, 2 * LOT, Id(first + GUARDED_ORDER_END));
    table.pump();
    let stopped = Some(ExitKind::StopLoss);
    assert_eq!(&table.fills()[2..], [(EXTRA, CLOSE, 1, stopped), (EXTRA, CLOSE, 2, stopped)]);
    assert!(!table.heard(|told| matches!(told, Told::ByOthers { .. })));
    assert_eq!(opening_of(Id(INSTANCE << 32 | 2)), None, "an order of the engine's own");
    assert_eq!(opening_of(Id(2 * BRIDGE_MAGIC)), None, "nobody's");
}

#[test]
fn what_a_person_opens_stops_entries_and_is_shown() {
    let mut table = Table::new(AccountMode::Netting);
    table.open(1, BASE, 2);
    table.exchange.by_hand(NAME, OrderSide::Buy, 4 * LOT);
    table.pass(2_000);
    assert!(table.heard(|told| matches!(told, Told::Difference { .. })));
    assert!(table.desk.may_enter(SYMBOL).is_err());
    let legs = table.desk.legs().unwrap();
    let shown: Vec<_> = legs.iter().map(|leg| (leg.leg.trade.get(), leg.side, leg.quantity.count())).collect();
    assert_eq!(shown, [(1, Side::Buy, 2), (0, Side::Buy, 4)], "what no leg explains is trade 0's");
    // The leg's own close is clipped to it.
    table.close(3, BASE, 9);
    table.pass(500);
    assert_eq!((table.fills().last(), table.standing()), (Some(&(BASE, CLOSE, 2, None)), 4));
    table.exchange.by_hand(NAME, OrderSide::Sell, 4 * LOT);
    table.pass(61_000);
    assert!(table.heard(|told| matches!(told, Told::Agreed { .. })));
    assert_eq!(table.desk.may_enter(SYMBOL), Ok(()));
}

#[test]
fn an_operator_gets_everything_closed_and_verified() {
    for mode in [AccountMode::Netting, AccountMode::Hedging] {
        let mut table = Table::new(mode);
        table.open(1, BASE, 2);
        table.open(2, EXTRA, 3);
        table.exchange.by_hand(NAME, OrderSide::Buy, 4 * LOT);
        let now = table.now();
        table.desk.flatten(&[SYMBOL], now);
        table.pass(5_000);
        assert_eq!(table.standing(), 0, "{mode}");
        assert!(!table.desk.is_flattening(SYMBOL));
        assert!(table.heard(|told| matches!(told, Told::Flat { .. })));
        let closed: u32 = table.fills().iter().filter(|fill| fill.1 == CLOSE).map(|fill| fill.2).sum();
        assert_eq!(closed, 5, "{mode}: the legs' own");
    }
}

#[test]
fn flattening_waits_for_what_is_unknown() {
    let mut table = Table::new(AccountMode::Netting);
    table.open(1, BASE, 2);
    table.exchange.faults.no_answer.push_back(false);
    table.close(2, BASE, 2);
    let now = table.now();
    table.desk.flatten(&[SYMBOL], now);
    table.pass(30_000);
    assert_eq!(table.standing(), 2, "a close in doubt may still come: another could cross flat");
    assert!(table.heard(|told| matches!(told, Told::FlattenWaits { .. })));
    table.pass(60_000);
    assert_eq!((table.standing(), table.desk.is_flattening(SYMBOL)), (0, false));
}

#[test]
fn a_leg_has_one_close_on_its_way() {
    let mut table = Table::new(AccountMode::Netting);
    table.open(1, BASE, 2);
    table.exchange.faults.no_answer.push_back(true);
    table.exchange.faults.silent = vec!["deal", "position", "order"];
    table.close(2, BASE, 2);
    table.exchange.faults.silent.clear();
    table.close(3, BASE, 2);
    table.pass(5_000);
    assert_eq!(table.standing(), 0);
    assert_eq!(table.rejected(), [(3, RejectReason::NothingToClose)]);
    assert!(!table.exchange.sends.contains_key(&((INSTANCE << 32) + 3)));
}

#[test]
fn a_refused_close_is_tried_once_a_second() {
    let mut table = Table::new(AccountMode::Netting);
    table.open(1, BASE, 2);
    table.exchange.faults.refuse = [10_018; 50].into();
    for id in 0..30 {
        table.close(10 + id, BASE, 2);
        table.pass(100);
    }
    assert!(table.exchange.sends.len() <= 5, "sent {} times in three seconds", table.exchange.sends.len());
    table.exchange.faults.refuse.clear();
    table.close(100, BASE, 2);
    table.pass(3_000);
    assert_eq!(table.standing(), 0);
}

#[test]
fn return_codes_halt_entries_until_a_person_allows_them() {
    let mut table = Table::new(AccountMode::Netting);
    table.exchange.faults.refuse.push_back(10_019);
    table.open(1, BASE, 2);
    assert_eq!(table.rejected(), [(1, RejectReason::NoMoney)]);
    assert_eq!(table.desk.entries_halted(), Some(10_019));
    let request = table.request(2, leg(2, BASE), OPEN, Side::Buy, 1);
    assert!(table.submit(request).is_err());
    table.desk.allow_entries();
    let request = table.request(3, leg(3, BASE), OPEN, Side::Buy, 1);
    table.submit(request).unwrap();
    assert_eq!(table.standing(), 1);
}

#[test]
fn what_does_not_fit_the_symbol_is_refused_and_not_rounded() {
    let mut table = Table::new(AccountMode::Netting);
    let request = table.request(1, leg(1, BASE), OPEN, Side::Buy, 1_001);
    table.submit(request).unwrap();
    let naked =
        OrderRequest { protection: Protection::default(), ..table.request(2, leg(2, BASE), OPEN, Side::Buy, 1) };
    assert!(matches!(table.submit(naked), Err(BrokerError::NotSent(_))), "without a stop nothing is opened");
    let stop = Some(ExitAt::Price(points(125_100)));
    let wrong = Protection { stop, ..Protection::default() };
    let wrong = OrderRequest { protection: wrong, ..table.request(3, leg(3, BASE), OPEN, Side::Buy, 1) };
    table.submit(wrong).unwrap();
    assert_eq!(table.rejected(), [(1, RejectReason::InvalidVolume), (3, RejectReason::InvalidStops)]);
    assert!(table.exchange.sends.is_empty());
}

#[test]
fn a_failed_reading_is_not_flat() {
    let mut table = Table::without_session(AccountMode::Netting);
    table.exchange.faults.fail_readings = 3;
    table.exchange.connect();
    table.quote(125_000);
    assert!(!table.desk.is_ready());
    assert!(matches!(table.desk.legs(), Err(BrokerError::Unavailable(_))));
    let request = table.request(1, leg(1, BASE), OPEN, Side::Buy, 1);
    assert!(matches!(table.submit(request), Err(BrokerError::NotSent(_))));
    table.pass(5_000);
    assert_eq!(table.desk.legs(), Ok(vec![]));
    assert_eq!(table.desk.may_enter(SYMBOL), Ok(()));
}

#[test]
fn exits_move_when_the_position_was_read_with_them() {
    for mode in [AccountMode::Netting, AccountMode::Hedging] {
        let mut table = Table::new(mode);
        table.open(1, BASE, 2);
        let now = table.now();
        let (stop, target) = (points(124_900), Some(points(125_405)));
        table.desk.move_exits(SYMBOL, leg(1, BASE), stop, target, now).unwrap();
        assert_eq!(table.desk.moved(SYMBOL, leg(1, BASE)), Move::Pending);
        table.pass(500);
        assert_eq!((table.desk.moved(SYMBOL, leg(1, BASE)), table.stop()), (Move::Done, Some(124_900)));
        table.exchange.faults.refuse_stops.push_back(10_016);
        let now = table.now();
        table.desk.move_exits(SYMBOL, leg(1, BASE), points(124_950), target, now).unwrap();
        table.pass(5_000);
        assert!(matches!(table.desk.moved(SYMBOL, leg(1, BASE)), Move::Refused(_)));
        assert_eq!(table.stop(), Some(124_900), "{mode}: what was refused is not tried on");
    }
}

#[test]
fn time_limits_and_an_extras_exits_are_the_desks_where_no_server_keeps_them() {
    let extra = Protection {
        stop: Some(ExitAt::Distance(points(40))),
        target: Some(ExitAt::Distance(points(80))),
        hold_seconds: Some(10),
        keep_at_limit: false,
    };
    for (mode, price, expected) in [
        (AccountMode::Netting, 125_000, ExitKind::Timeout),
        (AccountMode::Hedging, 125_000, ExitKind::Timeout),
        (AccountMode::Netting, 125_100, ExitKind::TakeProfit),
        (AccountMode::Netting, 124_960, ExitKind::StopLoss),
        (AccountMode::Hedging, 124_960, ExitKind::StopLoss),
    ] {
        let mut table = Table::new(mode);
        table.open(1, BASE, 2);
        let request = OrderRequest { protection: extra, ..table.request(2, leg(1, EXTRA), OPEN, Side::Buy, 3) };
        table.submit(request).unwrap();
        table.pass(1_000);
        for _ in 0..12 {
            table.quote(price);
        }
        table.pass(1_000);
        assert_eq!(table.fills().last(), Some(&(EXTRA, CLOSE, 3, Some(expected))), "{mode} at {price}");
        assert_eq!(table.standing(), 2);
    }
}

#[test]
fn after_a_restart_each_deal_is_told_once() {
    for mode in [AccountMode::Netting, AccountMode::Hedging] {
        let mut table = Table::new(mode);
        table.open(1, BASE, 2);
        table.open(2, EXTRA, 3);
        let first = table.filled();
        // The books have the base's deal; the extra's was never stored, and a close was on its way.
        let closing = table.request(3, leg(1, BASE), CLOSE, Side::Sell, 2);
        table.submit(closing).unwrap();
        table.exchange.disconnect();
        let mut fresh = desk(mode);
        let opening = table.request(2, leg(1, EXTRA), OPEN, Side::Buy, 3);
        let base = Adopted {
            symbol: SYMBOL,
            leg: leg(1, BASE),
            side: Side::Buy,
            open: Contracts::new(2),
            entry: first[0].price,
            opening: None,
            closing: Some(closing),
            filled: [Contracts::ZERO; 2],
            protection: Protection::default(),
            levels: None,
            opened_at: first[0].at,
            deals: vec![first[0].deal],
        };
        fresh.adopt(Adopted {
            leg: leg(1, EXTRA),
            open: Contracts::ZERO,
            opening: Some(opening),
            closing: None,
            deals: vec![],
            ..base.clone()
        });
        fresh.adopt(base);
        table.desk = fresh;
        table.reports.clear();
        table.exchange.connect();
        table.quote(125_000);
        table.pass(3_000);
        let mut fills = table.fills();
        fills.sort_by_key(|fill| fill.0);
        assert_eq!(fills, [(BASE, CLOSE, 2, None), (EXTRA, OPEN, 3, None)], "{mode}");
        assert_eq!(table.desk.legs().unwrap().len(), 1);
        assert_eq!(table.desk.may_enter(SYMBOL), Ok(()), "{mode}");
        table.never_doubled();
    }
}

#[test]
fn after_a_restart_what_was_never_sent_is_proven() {
    let mut table = Table::without_session(AccountMode::Netting);
    let opening = table.request(9, leg(4, BASE), OPEN, Side::Buy, 3);
    table.desk.adopt(Adopted {
        symbol: SYMBOL,
        leg: leg(4, BASE),
        side: Side::Buy,
        open: Contracts::ZERO,
        entry: Price::ZERO,
        opening: Some(opening),
        closing: None,
        filled: [Contracts::ZERO; 2],
        protection: opening.protection,
        levels: None,
        opened_at: opening.at,
        deals: vec![],
    });
    assert_eq!(table.desk.in_doubt().collect::<Vec<_>>(), [OrderId::new(9)]);
    table.exchange.connect();
    table.quote(125_000);
    assert_eq!(table.rejected(), [(9, RejectReason::Other)]);
    assert_eq!(table.desk.may_enter(SYMBOL), Ok(()));
}

#[test]
fn an_account_of_another_kind_is_not_traded() {
    let mut table = Table::without_session(AccountMode::Netting);
    table.desk = desk(AccountMode::Hedging);
    table.exchange.connect();
    table.quote(125_000);
    assert!(table.heard(|told| matches!(told, Told::WrongAccount { margin_mode: 0 })));
    let request = table.request(1, leg(1, BASE), OPEN, Side::Buy, 1);
    assert!(matches!(table.submit(request), Err(BrokerError::NotSent(_))));
}

#[test]
fn server_time_and_decimals_are_exact() {
    let zone = FixedOffset(2 * 3_600);
    for ms in [0, 1_800_000_000_123, -5] {
        assert_eq!(zone.server(zone.utc(ms)), ms);
    }
    assert_eq!(super::money(Decimal::from_raw(-1_500_000)).cents(), -2);
    assert_eq!(super::money_up(Decimal::from_raw(1_000_001)).cents(), 2);
}
