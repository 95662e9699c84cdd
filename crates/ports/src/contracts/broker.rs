//! What every [`Broker`] has to keep.

use alavanca_kernel::{
    Contracts, ExitAt, FillReport, LegId, LegRole, OrderId, OrderIntent, OrderReport, OrderRequest, Price, Protection,
    RejectReason, Side, SymbolId, Timestamp, TradeId,
};
use async_trait::async_trait;

use crate::{Broker, BrokerError, BrokerLeg};

/// A broker under test, with a hand on its market.
#[async_trait]
pub trait Bench: Send {
    /// What is tested.
    type Broker: Broker;

    /// The broker.
    fn broker(&mut self) -> &mut Self::Broker;

    /// The symbol to trade. It can be traded, and nothing of it is open.
    fn symbol(&self) -> SymbolId;

    /// The market shows this price, later than anything it showed before, long enough for all orders to fill.
    async fn trade_at(&mut self, price: Price);

    /// The time on the market now, for the next order.
    fn now(&self) -> Timestamp;

    /// The price that the suite trades around, a thousandth of it on the tick grid. The market may show any price up to
    /// one percent away.
    fn price(&self) -> Price;

    /// Whether a market order is filled by `submit` itself. Otherwise it waits for the next price that is shown.
    fn fills_at_once(&self) -> bool {
        false
    }

    /// How far a fill may be from the price that the market shows.
    fn tolerance(&self) -> Price;
}

/// Trades against fresh benches, and panics with what was broken. `make` gives a bench on a fresh account with money
/// for 10 contracts.
pub async fn suite<B: Bench>(mut make: impl FnMut() -> B) {
    reports_each_fill_once(make()).await;
    executes_an_id_once(make()).await;
    never_crosses_flat(make()).await;
    keeps_legs_apart(make()).await;
    lets_exits_rest(make()).await;
    moves_exits(make()).await;
    takes_orders_back(make()).await;
    counts_the_money(make()).await;
}

async fn reports_each_fill_once<B: Bench>(bench: B) {
    let mut desk = Desk::new(bench);
    desk.open(1, LegRole::Base, Side::Buy, 3, Protection::default()).await;
    let fills = desk.fills().await;
    desk.check_fills(&fills, 1, OrderIntent::Open, Side::Buy, 3);
    assert_eq!(
        fills.last().map(|fill| fill.remaining),
        Some(Contracts::ZERO),
        "an order that filled wants nothing more"
    );
    assert_eq!(desk.all_reports().await, [], "a report is handed out once");
}

async fn executes_an_id_once<B: Bench>(bench: B) {
    let mut desk = Desk::new(bench);
    let order = desk.order(7, LegRole::Base, OrderIntent::Open, Side::Buy, 2, Protection::default());
    for _ in 0..3 {
        desk.bench.broker().submit(order).await.expect("submitting again is no error");
    }
    desk.tick().await;
    desk.bench.broker().submit(order).await.expect("submitting again after the fill is no error");
    desk.tick().await;
    let fills = desk.fills().await;
    desk.check_fills(&fills, 7, OrderIntent::Open, Side::Buy, 2);
    assert_eq!(desk.open_contracts().await, 2, "the same id executed more than once");
}

async fn never_crosses_flat<B: Bench>(bench: B) {
    let mut desk = Desk::new(bench);
    desk.open(1, LegRole::Base, Side::Buy, 2, Protection::default()).await;
    desk.fills().await;
    desk.submit(2, LegRole::Base, OrderIntent::Close, Side::Sell, 5, Protection::default()).await;
    let fills = desk.fills().await;
    desk.check_fills(&fills, 2, OrderIntent::Close, Side::Sell, 2);
    assert_eq!(desk.legs().await, [], "a close of more than the leg crossed flat");
    desk.submit(3, LegRole::Base, OrderIntent::Close, Side::Sell, 2, Protection::default()).await;
    let reports = desk.all_reports().await;
    assert!(
        matches!(reports[..], [OrderReport::Rejected { reason: RejectReason::NothingToClose, .. }]),
        "closing what is closed has to be refused with nothing_to_close: {reports:?}"
    );
    assert_eq!(desk.legs().await, [], "a refused close opened something");
}

async fn keeps_legs_apart<B: Bench>(bench: B) {
    let mut desk = Desk::new(bench);
    desk.open(1, LegRole::Base, Side::Sell, 3, Protection::default()).await;
    desk.open(2, LegRole::Extra, Side::Sell, 1, Protection::default()).await;
    desk.fills().await;
    let of = |legs: &[BrokerLeg]| -> Vec<_> {
        legs.iter().map(|leg| (leg.leg.role, leg.side, leg.quantity.count())).collect()
    };
    let mut legs = of(&desk.legs().await);
    legs.sort_unstable();
    assert_eq!(legs, [(LegRole::Base, Side::Sell, 3), (LegRole::Extra, Side::Sell, 1)], "one leg for each entry");
    desk.submit(3, LegRole::Extra, OrderIntent::Close, Side::Buy, 1, Protection::default()).await;
    desk.fills().await;
    assert_eq!(of(&desk.legs().await), [(LegRole::Base, Side::Sell, 3)], "closing one leg touched the other");
    desk.submit(4, LegRole::Base, OrderIntent::Close, Side::Buy, 1, Protection::default()).await;
    desk.fills().await;
    assert_eq!(of(&desk.legs().await), [(LegRole::Base, Side::Sell, 2)], "a close of a part left something else");
}

async fn lets_exits_rest<B: Bench>(bench: B) {
    let mut desk = Desk::new(bench);
    let (price, step) = (desk.bench.price(), desk.step());
    let levels = |stop: Price, target: Price| Protection {
        stop: Some(ExitAt::Price(stop)),
        target: Some(ExitAt::Price(target)),
        ..Protection::default()
    };
    for (trade, side) in [(1, Side::Buy), (2, Side::Sell)] {
        desk.trade = trade;
        let (stop, target) = (side.ahead(price, -step), side.ahead(price, step));
        desk.open(10 * trade, LegRole::Base, side, 1, levels(stop, target)).await;
        desk.fills().await;
        let legs = desk.legs().await;
        assert_eq!(
            legs.iter().map(|leg| (leg.stop_loss, leg.take_profit)).collect::<Vec<_>>(),
            [(Some(stop), Some(target))],
            "the exits of the {side} rest with the broker"
        );
        desk.bench.trade_at(side.ahead(price, step + step)).await;
        let fills = desk.fills().await;
        assert!(
            matches!(fills[..], [FillReport { order: None, intent: OrderIntent::Close, exit: Some(_), .. }]),
            "the target of the {side} fills once, by no order: {fills:?}"
        );
        assert_eq!(desk.legs().await, [], "the leg that reached its target is gone");
        desk.bench.trade_at(price).await;
    }
}

async fn moves_exits<B: Bench>(bench: B) {
    let mut desk = Desk::new(bench);
    let (price, step, symbol) = (desk.bench.price(), desk.step(), desk.bench.symbol());
    let far = price + step + step + step;
    let resting = Protection {
        stop: Some(ExitAt::Price(price - step - step)),
        target: Some(ExitAt::Price(far)),
        ..Protection::default()
    };
    desk.open(1, LegRole::Base, Side::Buy, 1, resting).await;
    desk.fills().await;
    let leg = desk.leg(LegRole::Base);
    let exits = |legs: &[BrokerLeg]| legs.iter().map(|leg| (leg.stop_loss, leg.take_profit)).collect::<Vec<_>>();
    for _ in 0..2 {
        let moved = desk.bench.broker().move_exits(symbol, leg, price - step, Some(far)).await;
        assert!(moved.is_ok(), "a stop may be moved to the right side of the market, and there again: {moved:?}");
        assert_eq!(exits(&desk.legs().await), [(Some(price - step), Some(far))], "the stop moved, the target stays");
    }
    for (stop, target) in [(price + step, Some(far)), (price - step - step, Some(price - step))] {
        let wrong = desk.bench.broker().move_exits(symbol, leg, stop, target).await;
        assert!(
            matches!(wrong, Err(BrokerError::NotSent(_))),
            "a long's stop above the market, or its target below, has to be refused: {wrong:?}"
        );
        assert_eq!(exits(&desk.legs().await), [(Some(price - step), Some(far))], "a refused move moved something");
    }
    let nobody = LegId { trade: TradeId::new(999), role: LegRole::Base };
    let moved = desk.bench.broker().move_exits(symbol, nobody, price - step, None).await;
    assert!(matches!(moved, Err(BrokerError::NotSent(_))), "there is no such leg: {moved:?}");
    let dropped = desk.bench.broker().move_exits(symbol, leg, price - step, None).await;
    assert!(dropped.is_ok(), "a target may be taken away: {dropped:?}");
    assert_eq!(exits(&desk.legs().await), [(Some(price - step), None)], "the target that was taken away");
    // Beyond where the target was.
    desk.bench.trade_at(far + step).await;
    assert_eq!(desk.fills().await, [], "a target that was taken away ended the leg");
    // Between the moved stop and the first one: only the moved one ends the leg.
    desk.bench.trade_at(price - step - step.half()).await;
    let fills = desk.fills().await;
    assert_eq!(fills.len(), 1, "the moved stop has to end the leg: {fills:?}");
    assert_eq!(desk.legs().await, []);
}

async fn takes_orders_back<B: Bench>(bench: B) {
    let mut desk = Desk::new(bench);
    let symbol = desk.bench.symbol();
    let order = desk.order(1, LegRole::Base, OrderIntent::Open, Side::Buy, 3, Protection::default());
    desk.bench.broker().submit(order).await.expect("the broker can be reached");
    for _ in 0..2 {
        let taken = desk.bench.broker().cancel(symbol, order.id).await;
        assert!(taken.is_ok(), "an order may be taken back, and again: {taken:?}");
    }
    desk.tick().await;
    let (mut filled, mut unfilled, mut ends) = (0, 0, 0);
    for report in desk.all_reports().await {
        match report {
            OrderReport::Filled(fill) => {
                filled += fill.quantity.count();
                ends += usize::from(fill.remaining.is_zero());
            }
            OrderReport::Canceled { order: id, unfilled: rest, .. } => {
                assert_eq!(id, order.id, "the order that was taken back");
                (unfilled, ends) = (unfilled + rest.count(), ends + 1);
            }
            OrderReport::Rejected { .. } => panic!("taking back is no reason to reject: {report:?}"),
        }
    }
    let expected = if desk.bench.fills_at_once() { (3, 0) } else { (0, 3) };
    assert_eq!((filled, unfilled), expected, "what waited is taken back, what was filled stands");
    assert_eq!(ends, 1, "an order ends once");
    assert_eq!(desk.open_contracts().await, filled, "what was taken back is not open");
    for ended in [order.id, OrderId::new(999)] {
        let taken = desk.bench.broker().cancel(symbol, ended).await;
        assert!(taken.is_ok(), "what does not wait is left as it is: {taken:?}");
    }
    desk.tick().await;
    assert_eq!(desk.all_reports().await, [], "what does not wait has nothing to report");
    assert_eq!(desk.open_contracts().await, filled, "what does not wait was left as it is");
}

async fn counts_the_money<B: Bench>(bench: B) {
    let mut desk = Desk::new(bench);
    let before = desk.bench.broker().account().await.expect("the account is known");
    assert_eq!((before.balance, before.equity), (before.free_margin, before.free_margin), "flat: all money is free");
    desk.open(1, LegRole::Base, Side::Buy, 4, Protection::default()).await;
    desk.fills().await;
    let open = desk.bench.broker().account().await.expect("the account is known");
    assert!(open.free_margin < open.equity, "an open position takes margin");
    assert!(open.at >= before.at, "the account's time went back");
    let up = desk.bench.price() + desk.step();
    desk.bench.trade_at(up).await;
    let gained = desk.bench.broker().account().await.expect("the account is known");
    assert!(gained.equity > open.equity && gained.balance == open.balance, "an open gain is equity, not balance");
    desk.submit_at(2, OrderIntent::Close, Side::Sell, 4, up).await;
    desk.fills().await;
    let after = desk.bench.broker().account().await.expect("the account is known");
    assert_eq!((after.balance, after.balance), (after.equity, after.free_margin), "flat again: all money is free");
    assert!(after.balance > before.balance, "a gain of a whole step is more than its costs");
}

/// Keeps the details of orders out of the cases.
struct Desk<B> {
    bench: B,
    trade: u64,
}

impl<B: Bench> Desk<B> {
    fn new(bench: B) -> Self {
        Self { bench, trade: 1 }
    }

    /// A fifth of a percent: far beyond any spread.
    fn step(&self) -> Price {
        let step = Price::from_raw(self.bench.price().raw() / 500);
        assert!(step > self.bench.tolerance(), "the bench's tolerance is too wide for its price");
        step
    }

    fn leg(&self, role: LegRole) -> LegId {
        LegId { trade: TradeId::new(self.trade), role }
    }

    fn order(
        &self,
        id: u64,
        role: LegRole,
        intent: OrderIntent,
        side: Side,
        quantity: u32,
        protection: Protection,
    ) -> OrderRequest {
        OrderRequest {
            id: OrderId::new(id),
            symbol: self.bench.symbol(),
            leg: self.leg(role),
            intent,
            side,
            quantity: Contracts::new(quantity),
            protection,
            at: self.bench.now(),
        }
    }

    async fn open(&mut self, id: u64, role: LegRole, side: Side, quantity: u32, protection: Protection) {
        self.submit(id, role, OrderIntent::Open, side, quantity, protection).await;
    }

    async fn submit(
        &mut self,
        id: u64,
        role: LegRole,
        intent: OrderIntent,
        side: Side,
        quantity: u32,
        protection: Protection,
    ) {
        let order = self.order(id, role, intent, side, quantity, protection);
        self.bench.broker().submit(order).await.expect("the broker can be reached");
        self.tick().await;
    }

    async fn submit_at(&mut self, id: u64, intent: OrderIntent, side: Side, quantity: u32, price: Price) {
        let order = self.order(id, LegRole::Base, intent, side, quantity, Protection::default());
        self.bench.broker().submit(order).await.expect("the broker can be reached");
        self.bench.trade_at(price).await;
    }

    async fn tick(&mut self) {
        let price = self.bench.price();
        self.bench.trade_at(price).await;
    }

    async fn all_reports(&mut self) -> Vec<OrderReport> {
        self.bench.broker().reports().await.expect("the broker can be reached")
    }

    async fn fills(&mut self) -> Vec<FillReport> {
        let fill = |report| match report {
            OrderReport::Filled(fill) => fill,
            other => panic!("expected fills alone, got {other:?}"),
        };
        self.all_reports().await.into_iter().map(fill).collect()
    }

    async fn legs(&mut self) -> Vec<BrokerLeg> {
        self.bench.broker().legs().await.expect("the broker can be reached")
    }

    async fn open_contracts(&mut self) -> u32 {
        self.legs().await.iter().map(|leg| leg.quantity.count()).sum()
    }

    /// One or several fills of one order that add up, near the market.
    fn check_fills(&self, fills: &[FillReport], id: u64, intent: OrderIntent, side: Side, quantity: u32) {
        assert!(!fills.is_empty(), "order {id} never filled");
        for fill in fills {
            assert_eq!(
                (fill.order, fill.symbol, fill.leg, fill.intent, fill.side, fill.exit),
                (Some(OrderId::new(id)), self.bench.symbol(), self.leg(fill.leg.role), intent, side, None),
                "a fill of order {id}"
            );
            let off = fill.price.distance(self.bench.price());
            assert!(off <= self.bench.tolerance(), "filled at {}, {off} off the market", fill.price);
        }
        assert_eq!(fills.iter().map(|fill| fill.quantity.count()).sum::<u32>(), quantity, "order {id} filled");
    }
}
