//! Every rule of `docs/decisions/0003-fills.md`, to the centavo.
#![allow(clippy::unwrap_used, reason = "helpers of tests may stop them")]

use OrderIntent::{Close, Open};
use Side::{Buy, Sell};
use alavanca_adapters_sim::{Books, FillAt, SimExchange, SimSettings};
use alavanca_calendar::{TradingZone, ZoneSettings};
use alavanca_kernel::{
    AccountMode, Bar, Contracts, CostSchedule, Costs, DatedCosts, ExitAt, ExitKind, FillReport, Instrument, LegId,
    LegRole, Money, OrderId, OrderIntent, OrderReport, OrderRequest, Price, Protection, RejectReason, Side, SymbolId,
    Tick, Timestamp, TradeId, TradingDay, Unit,
};

const WIN: SymbolId = SymbolId::new(0);
const EURUSD: SymbolId = SymbolId::new(1);
/// A Monday, 09:00 in Brasília.
const START: Timestamp = Timestamp::from_secs(1_700_481_600);

fn p(text: &str) -> Price {
    text.parse().unwrap()
}

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn minute(n: i64) -> Timestamp {
    START.plus_secs(60 * n)
}

fn base(trade: u64) -> LegId {
    LegId { trade: TradeId::new(trade), role: LegRole::Base }
}

fn extra(trade: u64) -> LegId {
    LegId { trade: TradeId::new(trade), role: LegRole::Extra }
}

fn distances(stop: Option<&str>, target: Option<&str>) -> Protection {
    let distance = |text: &str| ExitAt::Distance(p(text));
    Protection { stop: stop.map(distance), target: target.map(distance), ..Protection::default() }
}

fn prices(stop: Option<&str>, target: Option<&str>) -> Protection {
    let price = |text: &str| ExitAt::Price(p(text));
    Protection { stop: stop.map(price), target: target.map(price), ..Protection::default() }
}

/// An exchange with WIN and EURUSD, told in few words.
struct Floor {
    exchange: SimExchange,
    reports: Vec<OrderReport>,
    next: u64,
}

impl Floor {
    fn new(settings: SimSettings) -> Self {
        let instruments = ["WIN", "EURUSD"].map(|name| Instrument::preset(name).unwrap());
        Self { exchange: SimExchange::new(settings, instruments.to_vec()).unwrap(), reports: Vec::new(), next: 1 }
    }

    #[allow(clippy::too_many_arguments, reason = "an order has these facts")]
    fn submit(
        &mut self,
        at: Timestamp,
        symbol: SymbolId,
        leg: LegId,
        intent: OrderIntent,
        side: Side,
        quantity: u32,
        protection: Protection,
    ) -> u64 {
        let id = self.next;
        self.next += 1;
        let quantity = Contracts::new(quantity);
        let order = OrderRequest { id: OrderId::new(id), symbol, leg, intent, side, quantity, protection, at };
        self.exchange.submit(&order, &mut self.reports);
        id
    }

    /// A bar of a minute, and the turn after it.
    fn bar(&mut self, symbol: SymbolId, n: i64, [open, high, low, close]: [&str; 4]) -> Vec<OrderReport> {
        let bar = Bar {
            time: minute(n),
            open: p(open),
            high: p(high),
            low: p(low),
            close: p(close),
            seconds: 60,
            ..Bar::default()
        };
        self.exchange.on_bar(symbol, &bar, &mut self.reports);
        self.exchange.after_bar(symbol, &bar, &mut self.reports);
        std::mem::take(&mut self.reports)
    }

    fn flat(&mut self, n: i64, price: &str) -> Vec<OrderReport> {
        self.bar(WIN, n, [price; 4])
    }

    fn tick(&mut self, symbol: SymbolId, time: Timestamp, bid: &str, ask: &str) -> Vec<OrderReport> {
        let tick = Tick { time, bid: p(bid), ask: p(ask), ..Tick::default() };
        self.exchange.on_tick(symbol, &tick, &mut self.reports);
        std::mem::take(&mut self.reports)
    }

    fn said(&mut self) -> Vec<OrderReport> {
        std::mem::take(&mut self.reports)
    }

    fn balance(&self) -> Money {
        self.exchange.account(START).balance
    }
}

fn fills(reports: &[OrderReport]) -> Vec<FillReport> {
    reports
        .iter()
        .map(|report| match report {
            OrderReport::Filled(fill) => *fill,
            other => panic!("expected fills alone, got {other:?}"),
        })
        .collect()
}

fn reasons(reports: &[OrderReport]) -> Vec<(u64, RejectReason)> {
    reports
        .iter()
        .map(|report| match report {
            OrderReport::Rejected { order, reason, .. } => (order.get(), *reason),
            other => panic!("expected refusals alone, got {other:?}"),
        })
        .collect()
}

fn settings() -> SimSettings {
    SimSettings::default()
}

fn hedging() -> SimSettings {
    SimSettings { mode: AccountMode::Hedging, ..settings() }
}

#[test]
fn market_orders_fill_at_the_reference_and_what_they_cost() {
    // fill, symbol, side, contracts, the deciding bar's close, the next open: when, reference, price, commission
    for (fill, symbol, side, quantity, close, open, when, reference, price, commission) in [
        (FillAt::NextOpen, WIN, Buy, 2, "125000", "125010", 1, "125010", "125012.5", "0.50"),
        (FillAt::NextOpen, WIN, Sell, 2, "125000", "125010", 1, "125010", "125007.5", "0.50"),
        (FillAt::NextOpen, EURUSD, Buy, 3, "1.08500", "1.08490", 1, "1.0849", "1.084907", "1.05"),
        (FillAt::NextOpen, EURUSD, Sell, 3, "1.08500", "1.08490", 1, "1.0849", "1.084893", "1.05"),
        (FillAt::Close, WIN, Buy, 2, "125000", "125010", 1, "125000", "125002.5", "0.50"),
        (FillAt::Close, WIN, Sell, 2, "125000", "125010", 1, "125000", "124997.5", "0.50"),
        (FillAt::Close, EURUSD, Sell, 1, "1.08500", "1.08490", 1, "1.085", "1.084993", "0.35"),
    ] {
        let mut floor = Floor::new(SimSettings { fill, ..settings() });
        let first = Bar {
            time: minute(0),
            open: p(close),
            high: p(close),
            low: p(close),
            close: p(close),
            seconds: 60,
            ..Bar::default()
        };
        let mut reports = Vec::new();
        floor.exchange.on_bar(symbol, &first, &mut reports);
        floor.submit(minute(1), symbol, base(1), Open, side, quantity, Protection::default());
        assert_eq!(floor.said(), [], "nothing fills before its time");
        floor.exchange.after_bar(symbol, &first, &mut reports);
        if fill == FillAt::NextOpen {
            assert_eq!(reports, []);
            reports = floor.bar(symbol, 1, [open; 4]);
        }
        let [filled] = fills(&reports)[..] else { panic!("{fill} {side}: {reports:?}") };
        assert_eq!(
            (
                filled.at,
                filled.reference,
                filled.price,
                filled.commission,
                filled.quantity.count(),
                filled.remaining.count()
            ),
            (minute(when), p(reference), p(price), money(commission), quantity, 0),
            "{fill} {side}"
        );
        assert_eq!((filled.order, filled.intent, filled.side, filled.exit), (Some(OrderId::new(1)), Open, side, None));
    }
}

#[test]
fn an_order_waits_for_a_bar_that_begins_after_it_was_decided() {
    let mut floor = Floor::new(settings());
    floor.submit(minute(5).plus_micros(1), WIN, base(1), Open, Buy, 1, Protection::default());
    assert_eq!(floor.flat(5, "125000"), []);
    assert_eq!(fills(&floor.flat(6, "125000")).len(), 1);
}

#[test]
fn round_trips_are_booked_to_the_centavo() {
    use ExitKind::{StopLoss, TakeProfit, Timeout};
    // symbol, side, contracts, the bar after the entry bar: how it ends, reference, price, then
    // gross, commission, spread and slippage, net. Entries at 125000 and 1.08500; stop 40, target 80 points;
    // time limit of two minutes.
    let cases: [(SymbolId, Side, u32, [&str; 4], ExitKind, [&str; 2], [&str; 4]); 13] = [
        // Bought at 125002.5: target 125085, stop 124965 on the grid of 5.
        (
            WIN,
            Buy,
            2,
            ["125000", "125085", "124990", "125000"],
            TakeProfit,
            ["125085", "125085"],
            ["34.00", "1.00", "1.00", "32.00"],
        ),
        (
            WIN,
            Buy,
            2,
            ["125000", "125080", "124965", "125000"],
            StopLoss,
            ["124965", "124962.5"],
            ["-14.00", "1.00", "2.00", "-17.00"],
        ),
        (
            WIN,
            Buy,
            2,
            ["125000", "125085", "124965", "125000"],
            StopLoss,
            ["124965", "124962.5"],
            ["-14.00", "1.00", "2.00", "-17.00"],
        ),
        (
            WIN,
            Buy,
            2,
            ["124900", "125000", "124890", "125000"],
            StopLoss,
            ["124900", "124897.5"],
            ["-40.00", "1.00", "2.00", "-43.00"],
        ),
        (
            WIN,
            Buy,
            2,
            ["125200", "125210", "125190", "125195"],
            TakeProfit,
            ["125200", "125200"],
            ["80.00", "1.00", "1.00", "78.00"],
        ),
        (
            WIN,
            Buy,
            2,
            ["125000", "125080", "124970", "125030"],
            Timeout,
            ["125030", "125027.5"],
            ["12.00", "1.00", "2.00", "9.00"],
        ),
        // Sold at 124997.5: target 124920, stop 125040.
        (
            WIN,
            Sell,
            2,
            ["125000", "125035", "124920", "125000"],
            TakeProfit,
            ["124920", "124920"],
            ["32.00", "1.00", "1.00", "30.00"],
        ),
        (
            WIN,
            Sell,
            2,
            ["125000", "125040", "124925", "125000"],
            StopLoss,
            ["125040", "125042.5"],
            ["-16.00", "1.00", "2.00", "-19.00"],
        ),
        (
            WIN,
            Sell,
            1,
            ["125100", "125110", "125090", "125100"],
            StopLoss,
            ["125100", "125102.5"],
            ["-20.00", "0.50", "1.00", "-21.50"],
        ),
        (
            WIN,
            Sell,
            1,
            ["125000", "125035", "124925", "124990"],
            Timeout,
            ["124990", "124992.5"],
            ["2.00", "0.50", "1.00", "0.50"],
        ),
        // Bought at 1.085007: target 1.09301, stop 1.08101.
        (
            EURUSD,
            Buy,
            3,
            ["1.08500", "1.09301", "1.08490", "1.08500"],
            TakeProfit,
            ["1.09301", "1.09301"],
            ["240.30", "2.10", "0.21", "237.99"],
        ),
        (
            EURUSD,
            Buy,
            3,
            ["1.08500", "1.08510", "1.08101", "1.08500"],
            StopLoss,
            ["1.08101", "1.081003"],
            ["-119.70", "2.10", "0.42", "-122.22"],
        ),
        // Sold at 1.084993: target 1.07699, stop 1.08899.
        (
            EURUSD,
            Sell,
            3,
            ["1.08500", "1.08899", "1.08490", "1.08500"],
            StopLoss,
            ["1.08899", "1.088997"],
            ["-119.70", "2.10", "0.42", "-122.22"],
        ),
    ];
    for (symbol, side, quantity, after, kind, [reference, price], [gross, commission, spread, net]) in cases {
        let name = format!("{symbol} {side} {kind} {after:?}");
        let mut floor = Floor::new(hedging());
        let (open, stop, target) = if symbol == WIN { ("125000", "40", "80") } else { ("1.08500", "0.0040", "0.0080") };
        let protection = Protection { hold_seconds: Some(120), ..distances(Some(stop), Some(target)) };
        floor.submit(minute(0), symbol, base(1), Open, side, quantity, protection);
        assert_eq!(fills(&floor.bar(symbol, 0, [open; 4])).len(), 1, "{name}");
        let reports = floor.bar(symbol, 1, after);
        let [exit] = fills(&reports)[..] else { panic!("{name}: {reports:?}") };
        let gap = after[0] != open;
        assert_eq!(
            (exit.exit, exit.reference, exit.price, exit.order, exit.side, exit.intent, exit.remaining),
            (Some(kind), p(reference), p(price), None, side.opposite(), Close, Contracts::ZERO),
            "{name}"
        );
        assert_eq!(exit.at, if gap { minute(1) } else { minute(2) }, "{name}: at the open where it gapped");
        assert_eq!(exit.unresolved, after[1] == "125085" && after[2] == "124965", "{name}");
        assert_eq!(
            floor.exchange.books(),
            Books {
                gross: money(gross),
                commission: money(commission),
                spread_and_slippage: money(spread),
                net: money(net),
                fills: 2,
                rejects: 0,
                cancels: 0
            },
            "{name}"
        );
        assert_eq!(floor.balance(), money("10000.00") + money(net), "{name}");
        assert!(floor.exchange.is_idle(symbol), "{name}");
    }
}

#[test]
fn costs_can_be_switched_off_and_replaced() {
    let dear = Costs { exchange_fee: money("0.70"), brokerage: money("0.30"), spread: p("20"), slippage: p("3") };
    for (costs, bought, sold, net) in [(Costs::NONE, "125000", "125050", "20.00"), (dear, "125013", "125037", "5.60")] {
        let mut floor = Floor::new(SimSettings { costs: Some(costs), ..settings() });
        floor.submit(minute(0), WIN, base(1), Open, Buy, 2, Protection::default());
        assert_eq!(fills(&floor.flat(0, "125000"))[0].price, p(bought));
        floor.submit(minute(1), WIN, base(1), Close, Sell, 2, Protection::default());
        assert_eq!(fills(&floor.flat(1, "125050"))[0].price, p(sold));
        assert_eq!(floor.exchange.books().net, money(net));
    }
}

#[test]
fn ticks_fill_at_the_tradable_side_after_the_latency() {
    // latency in ms, symbol, side, the tick's bid and ask: reference and price
    for (latency_ms, symbol, side, bid, ask, reference, price) in [
        (0, WIN, Buy, "124995", "125005", "125000", "125005"),
        (0, WIN, Sell, "124995", "125000", "124997.5", "124995"),
        (250, EURUSD, Buy, "1.08500", "1.08503", "1.085015", "1.085032"),
        (250, EURUSD, Sell, "1.08500", "1.08503", "1.085015", "1.084998"),
    ] {
        let mut floor = Floor::new(SimSettings { latency_ms, ..settings() });
        floor.tick(symbol, START, bid, ask);
        floor.submit(START, symbol, base(1), Open, side, 1, Protection::default());
        let arrival = START.plus_micros(i64::from(latency_ms) * 1_000);
        if latency_ms > 0 {
            assert_eq!(floor.tick(symbol, arrival.plus_micros(-1), bid, ask), [], "still on its way");
        }
        assert_eq!(floor.tick(symbol, arrival, ask, bid), [], "a crossed book is not traded on");
        assert_eq!(floor.tick(symbol, arrival, "0", ask), [], "nor is one with one side");
        let reports = floor.tick(symbol, arrival, bid, ask);
        let [fill] = fills(&reports)[..] else { panic!("{reports:?}") };
        assert_eq!((fill.reference, fill.price, fill.at), (p(reference), p(price), arrival), "{symbol} {side}");
    }
}

#[test]
fn exits_on_ticks_are_judged_and_filled_at_the_tradable_side() {
    use ExitKind::{StopLoss, TakeProfit, Timeout};
    // side, seconds later, bid and ask: how, reference, price; then gross, spread and slippage, net. EURUSD, entered
    // on 1.08500/1.08502 (long at 1.085022, short at 1.084998), one contract; stop 40, target 80, time limit 60 s.
    for (side, later, bid, ask, expected, [gross, spread, net]) in [
        (Buy, 1, "1.09301", "1.09303", None, ["0", "0", "-0.35"]),
        (Buy, 1, "1.09304", "1.09306", Some((TakeProfit, "1.09304", "1.09304")), ["80.30", "0.12", "79.48"]),
        (Buy, 1, "1.08103", "1.08105", None, ["0", "0", "-0.35"]),
        (Buy, 1, "1.08090", "1.08094", Some((StopLoss, "1.08092", "1.080898")), ["-40.90", "0.34", "-41.94"]),
        (Sell, 1, "1.08896", "1.08899", None, ["0", "0", "-0.35"]),
        (Sell, 1, "1.08898", "1.08900", Some((StopLoss, "1.08899", "1.089002")), ["-39.80", "0.24", "-40.74"]),
        (Sell, 1, "1.07697", "1.07700", Some((TakeProfit, "1.077", "1.077")), ["80.10", "0.12", "79.28"]),
        (Buy, 60, "1.08500", "1.08502", Some((Timeout, "1.08501", "1.084998")), ["0.00", "0.24", "-0.94"]),
        (Buy, 59, "1.08500", "1.08502", None, ["0", "0", "-0.35"]),
    ] {
        let mut floor = Floor::new(hedging());
        let protection = Protection { hold_seconds: Some(60), ..distances(Some("0.0040"), Some("0.0080")) };
        floor.submit(START.plus_secs(-1), EURUSD, base(1), Open, side, 1, protection);
        floor.tick(EURUSD, START, "1.08500", "1.08502");
        let got = fills(&floor.tick(EURUSD, START.plus_secs(later), bid, ask));
        let expected: Vec<_> =
            expected.into_iter().map(|(kind, reference, price)| (Some(kind), p(reference), p(price))).collect();
        assert_eq!(
            got.iter().map(|fill| (fill.exit, fill.reference, fill.price)).collect::<Vec<_>>(),
            expected,
            "{side} {bid}/{ask} after {later} s"
        );
        let books = floor.exchange.books();
        assert_eq!(
            (books.gross, books.spread_and_slippage, books.net),
            (money(gross), money(spread), money(net)),
            "{side} {bid}/{ask} after {later} s"
        );
    }
}

#[test]
fn exits_may_be_touched_within_the_bar_of_the_entry() {
    // The bar of the entry at its open, 125002.5: target 125085, stop 124965.
    for (bar, expected) in [
        (["125000", "125080", "124970", "125000"], None),
        (["125000", "125085", "124970", "125000"], Some((ExitKind::TakeProfit, "125085", false))),
        (["125000", "125080", "124965", "125000"], Some((ExitKind::StopLoss, "124962.5", false))),
        (["125000", "125085", "124965", "125000"], Some((ExitKind::StopLoss, "124962.5", true))),
    ] {
        let mut floor = Floor::new(settings());
        floor.submit(minute(0), WIN, base(1), Open, Buy, 1, distances(Some("40"), Some("80")));
        let got = fills(&floor.bar(WIN, 0, bar));
        assert_eq!((got[0].exit, got[0].at), (None, minute(0)), "first the entry, at the open");
        let exit = got.get(1).map(|fill| (fill.exit.unwrap(), fill.price, fill.unresolved));
        assert_eq!(exit, expected.map(|(kind, price, unresolved)| (kind, p(price), unresolved)), "{bar:?}");
    }
    // Filled at the close, the bar that led to it is over.
    let mut floor = Floor::new(SimSettings { fill: FillAt::Close, ..settings() });
    floor.submit(minute(1), WIN, base(1), Open, Buy, 1, distances(Some("40"), Some("80")));
    assert_eq!(fills(&floor.bar(WIN, 0, ["125000", "125085", "124965", "125000"])).len(), 1);
}

#[test]
fn what_cannot_be_is_refused_at_once() {
    use RejectReason::{DuplicateId, InvalidStops, InvalidVolume, NoMoney, NothingToClose, Other, UnknownSymbol};
    let none = Protection::default();
    // A long of 2 stands, the price is 125000. Mode, then symbol, leg, intent, side, quantity, levels: refused?
    let (netting, hedging) = (AccountMode::Netting, AccountMode::Hedging);
    for (mode, symbol, leg, intent, side, quantity, protection, expected) in [
        (netting, SymbolId::new(2), base(2), Open, Buy, 1, none, Some(UnknownSymbol)),
        (netting, WIN, base(2), Open, Buy, 0, none, Some(InvalidVolume)),
        (netting, WIN, base(2), Close, Sell, 1, none, Some(NothingToClose)),
        (netting, WIN, base(1), Close, Sell, 0, none, Some(InvalidVolume)),
        (netting, WIN, base(1), Close, Buy, 1, none, Some(Other)),
        (netting, WIN, base(1), Close, Sell, 1, none, None),
        (netting, EURUSD, base(1), Close, Sell, 1, none, Some(NothingToClose)),
        // Against what stands.
        (netting, WIN, base(2), Open, Sell, 1, none, Some(Other)),
        (hedging, WIN, base(2), Open, Sell, 1, none, None),
        (hedging, WIN, base(1), Open, Sell, 1, none, Some(Other)),
        (netting, WIN, base(2), Open, Buy, 1, none, None),
        // Stops and targets on either side of the price, and on it.
        (netting, WIN, base(2), Open, Buy, 1, prices(Some("124995"), Some("125005")), None),
        (netting, WIN, base(2), Open, Buy, 1, prices(Some("125000"), None), Some(InvalidStops)),
        (netting, WIN, base(2), Open, Buy, 1, prices(Some("125005"), None), Some(InvalidStops)),
        (netting, WIN, base(2), Open, Buy, 1, prices(None, Some("125000")), Some(InvalidStops)),
        (hedging, WIN, base(2), Open, Sell, 1, prices(Some("125005"), Some("124995")), None),
        (hedging, WIN, base(2), Open, Sell, 1, prices(Some("125000"), None), Some(InvalidStops)),
        (hedging, WIN, base(2), Open, Sell, 1, prices(None, Some("125000")), Some(InvalidStops)),
        (netting, WIN, base(2), Open, Buy, 1, distances(Some("0"), None), Some(InvalidStops)),
        (netting, WIN, base(2), Open, Buy, 1, distances(None, Some("-5")), Some(InvalidStops)),
        // 10,000 less 0.50 paid, 0.50 to pay and 2 × 2.5 points of spread; 200 in use: 97 more at 100 each.
        (netting, WIN, base(2), Open, Buy, 97, none, None),
        (netting, WIN, base(2), Open, Buy, 98, none, Some(NoMoney)),
    ] {
        let mut floor = Floor::new(SimSettings { mode, ..settings() });
        floor.submit(minute(0), WIN, base(1), Open, Buy, 2, none);
        floor.flat(0, "125000");
        floor.submit(minute(1), symbol, leg, intent, side, quantity, protection);
        let expected: Vec<_> = expected.into_iter().map(|reason| (2, reason)).collect();
        let case = format!("{mode} {symbol} {leg} {intent:?} {side} {quantity} {protection:?}");
        assert_eq!(reasons(&floor.said()), expected, "{case}");
        assert_eq!(floor.exchange.books().rejects, expected.len() as u64, "{case}");
        // What was refused fills never.
        assert_eq!(fills(&floor.flat(1, "125000")).len(), 1 - expected.len(), "{case}");
        // An id is used up, whatever became of it.
        floor.next = 2;
        floor.submit(minute(2), WIN, base(3), Open, Buy, 1, none);
        assert_eq!(reasons(&floor.said()), [(2, DuplicateId)], "{case}");
    }
}

#[test]
fn ids_may_come_in_any_order_but_once() {
    let mut floor = Floor::new(settings());
    for (id, refused) in [(5, false), (3, false), (9, false), (3, true), (5, true), (9, true), (4, false), (4, true)] {
        floor.next = id;
        floor.submit(minute(0), WIN, base(id), Open, Buy, 1, Protection::default());
        assert_eq!(!floor.said().is_empty(), refused, "{id}");
    }
}

#[test]
fn margin_is_asked_for_pending_orders_too_and_again_at_the_fill() {
    // The broker wants 100 for each; equity is what is left of the balance.
    for (balance, quantity, taken) in [("1100.00", 11, true), ("1099.99", 11, false), ("1199.99", 12, false)] {
        let mut floor = Floor::new(SimSettings { balance: money(balance), ..settings() });
        floor.submit(minute(0), WIN, base(1), Open, Buy, 10, Protection::default());
        floor.submit(minute(0), WIN, extra(1), Open, Buy, quantity - 10, Protection::default());
        assert_eq!(floor.said().is_empty(), taken, "{balance} {quantity}");
    }
    // Ten long at 125000; then a gap of 400 points takes 800 of the 2,000 before the next order fills.
    let mut floor = Floor::new(SimSettings { balance: money("2000.00"), ..settings() });
    floor.submit(minute(0), WIN, base(1), Open, Buy, 10, Protection::default());
    floor.flat(0, "125000");
    let order = floor.submit(minute(1), WIN, extra(1), Open, Buy, 5, Protection::default());
    assert_eq!(floor.said(), []);
    // Where the bar closes does not matter to what filled at its open.
    let reports = floor.bar(WIN, 1, ["124600", "125000", "124600", "125000"]);
    assert_eq!(reasons(&reports), [(order, RejectReason::NoMoney)]);
    assert!(floor.exchange.account(minute(1)).free_margin > Money::ZERO);
}

#[test]
fn protection_that_a_gap_overtook_is_refused_at_the_fill() {
    // Decided at 125000, with the stop at 124900 and the target at 125100; open of the next bar:
    for (side, open, taken) in [
        (Buy, "125000", true),
        (Buy, "124905", true),
        (Buy, "124900", false),
        (Buy, "124850", false),
        // The target has to lie ahead of the filled price: 125097.5 and 125102.5.
        (Buy, "125095", true),
        (Buy, "125098", false),
        (Buy, "125100", false),
        (Sell, "124902", false),
        (Sell, "125095", true),
        (Sell, "125100", false),
        (Sell, "124900", false),
        (Sell, "124905", true),
    ] {
        let mut floor = Floor::new(settings());
        floor.flat(0, "125000");
        let (stop, target) = if side == Buy { ("124900", "125100") } else { ("125100", "124900") };
        let order = floor.submit(minute(1), WIN, base(1), Open, side, 1, prices(Some(stop), Some(target)));
        assert_eq!(floor.said(), []);
        let reports = floor.flat(1, open);
        if taken {
            assert_eq!(fills(&reports).len(), 1, "{side} at {open}");
        } else {
            assert_eq!(reasons(&reports), [(order, RejectReason::InvalidStops)], "{side} at {open}");
            assert!(floor.exchange.is_idle(WIN));
        }
    }
    // On ticks a long's stop is held against the bid.
    let mut floor = Floor::new(SimSettings { latency_ms: 0, ..settings() });
    floor.submit(START, WIN, base(1), Open, Buy, 1, prices(Some("125000"), None));
    assert_eq!(reasons(&floor.tick(WIN, START, "125000", "125010")), [(1, RejectReason::InvalidStops)]);
}

#[test]
fn a_close_is_clipped_to_its_leg_and_a_close_too_many_is_refused() {
    let mut floor = Floor::new(settings());
    floor.submit(minute(0), WIN, base(1), Open, Sell, 3, Protection::default());
    floor.submit(minute(0), WIN, extra(1), Open, Sell, 1, Protection::default());
    floor.flat(0, "125000");
    assert_eq!(floor.exchange.position(WIN), -4);
    floor.submit(minute(1), WIN, base(1), Close, Buy, 2, Protection::default());
    floor.submit(minute(1), WIN, base(1), Close, Buy, 9, Protection::default());
    let late = floor.submit(minute(1), WIN, base(1), Close, Buy, 1, Protection::default());
    let reports = floor.flat(1, "125000");
    let got: Vec<_> = fills(&reports[..2]).iter().map(|f| (f.quantity.count(), f.remaining.count())).collect();
    assert_eq!(got, [(2, 0), (1, 0)]);
    assert_eq!(reasons(&reports[2..]), [(late, RejectReason::NothingToClose)]);
    assert_eq!(floor.exchange.position(WIN), -1, "the extra is not the base's to close");
    assert!(floor.exchange.legs().all(|leg| leg.leg == extra(1)));
}

#[test]
fn a_leg_ends_once_even_where_a_close_is_on_its_way() {
    // The close decided at minute 2 meets the stop's bar: at the open it is first; on a later tick the stop was.
    let mut floor = Floor::new(SimSettings { latency_ms: 500, ..settings() });
    floor.submit(START.plus_secs(-1), WIN, base(1), Open, Buy, 2, prices(Some("124900"), None));
    floor.tick(WIN, START, "125000", "125005");
    let close = floor.submit(START, WIN, base(1), Close, Sell, 2, Protection::default());
    let reports = floor.tick(WIN, START.plus_micros(400_000), "124900", "124905");
    assert_eq!(fills(&reports[..1])[0].exit, Some(ExitKind::StopLoss));
    assert_eq!(reasons(&reports[1..]), [(close, RejectReason::NothingToClose)]);
    assert!(floor.exchange.is_idle(WIN));
    assert_eq!(floor.tick(WIN, START.plus_secs(1), "125000", "125005"), []);
}

#[test]
fn orders_fill_in_parts() {
    let part = SimSettings { partial_fill_max: Some(Contracts::new(2)), ..settings() };
    let mut floor = Floor::new(part);
    floor.submit(minute(0), WIN, base(1), Open, Buy, 5, distances(Some("500"), None));
    let mut got = Vec::new();
    for (n, price) in [(0, "125000"), (1, "125100"), (2, "125200"), (3, "125300")] {
        got.extend(fills(&floor.flat(n, price)).iter().map(|f| (f.price, f.quantity.count(), f.remaining.count())));
    }
    assert_eq!(got, [(p("125002.5"), 2, 3), (p("125102.5"), 2, 1), (p("125202.5"), 1, 0)]);
    let leg = floor.exchange.legs().next().unwrap();
    assert_eq!((leg.quantity.count(), leg.entry), (5, p("125082.5")), "the average of its parts");
    assert_eq!(leg.stop_loss, Some(p("124505")), "levels are those of the first part: 124502.5 on the grid");
    // First in, first out: 2 at 125002.5 and then 1 at 125102.5, sold at 125397.5 each time.
    floor.submit(minute(4), WIN, base(1), Close, Sell, 3, Protection::default());
    let before = floor.balance();
    assert_eq!(fills(&floor.flat(4, "125400"))[0].remaining.count(), 1);
    assert_eq!(floor.balance() - before, money("157.50"), "2 × 395 × 0.20 − 0.50");
    floor.flat(5, "125400");
    assert_eq!(floor.balance() - before, money("216.25"), "and 295 × 0.20 − 0.25");
    assert_eq!(floor.exchange.legs().next().unwrap().entry, p("125152.5"));
}

#[test]
fn with_fill_at_the_close_every_part_fills_at_a_close() {
    let settings = SimSettings {
        fill: FillAt::Close,
        partial_fill_max: Some(Contracts::new(2)),
        costs: Some(Costs::NONE),
        ..settings()
    };
    let mut floor = Floor::new(settings);
    floor.submit(minute(1), WIN, base(1), Open, Buy, 3, Protection::default());
    let first = floor.bar(WIN, 0, ["125000", "125010", "125000", "125010"]);
    let second = floor.bar(WIN, 1, ["125020", "125030", "125020", "125030"]);
    let got: Vec<_> = fills(&[first, second].concat()).iter().map(|f| (f.price, f.at, f.quantity.count())).collect();
    assert_eq!(got, [(p("125010"), minute(1), 2), (p("125030"), minute(2), 1)]);
}

#[test]
fn a_leg_that_ends_cancels_what_was_still_to_come() {
    let part = SimSettings { partial_fill_max: Some(Contracts::new(2)), ..settings() };
    let mut floor = Floor::new(part);
    let order = floor.submit(minute(0), WIN, base(1), Open, Buy, 5, prices(Some("124900"), None));
    let reports = floor.bar(WIN, 0, ["125000", "125000", "124900", "124950"]);
    assert_eq!(fills(&reports[..2]).iter().map(|f| f.exit).collect::<Vec<_>>(), [None, Some(ExitKind::StopLoss)]);
    assert!(
        matches!(reports[2], OrderReport::Canceled { order: id, unfilled, at, .. }
            if id.get() == order && unfilled.count() == 3 && at == minute(1)),
        "{reports:?}"
    );
    assert_eq!(floor.flat(1, "125000"), []);
    assert_eq!(floor.exchange.books().cancels, 1);
}

#[test]
fn results_are_rounded_once_per_fill() {
    // A point is worth a tenth of a centavo: six points on each of three lots are 1.8 centavos, not three times 1.
    let fine = Instrument { point_value_micros: 1_000, ..Instrument::preset("WIN").unwrap() };
    let part = SimSettings { partial_fill_max: Some(Contracts::new(1)), costs: Some(Costs::NONE), ..settings() };
    let exchange = SimExchange::new(part, vec![fine]).unwrap();
    let mut floor = Floor { exchange, reports: Vec::new(), next: 1 };
    floor.submit(START, WIN, base(1), Open, Buy, 3, prices(Some("99995"), None));
    for n in 0..3 {
        assert_eq!(fills(&floor.flat(n, "100000")).len(), 1);
    }
    assert_eq!(fills(&floor.flat(3, "99994"))[0].quantity.count(), 3, "the stop takes all three at once");
    assert_eq!(floor.exchange.books().net, Money::from_cents(-2));
}

#[test]
fn netting_stands_on_one_side_and_hedging_on_both() {
    for (settings, position, legs) in [(settings(), 2, 1), (hedging(), -1, 2)] {
        let mut floor = Floor::new(settings);
        floor.submit(minute(0), WIN, base(1), Open, Buy, 2, Protection::default());
        // Against an order that is only pending, too.
        floor.submit(minute(0), WIN, base(2), Open, Sell, 3, Protection::default());
        floor.flat(0, "125000");
        assert_eq!((floor.exchange.position(WIN), floor.exchange.legs().count()), (position, legs));
    }
    // A reversal: the close is on its way, so the other side may follow; it does only where the close came through.
    for (part, position) in [(None, -3), (Some(Contracts::new(1)), 1)] {
        let mut floor = Floor::new(SimSettings { partial_fill_max: part, ..settings() });
        floor.submit(minute(0), WIN, base(1), Open, Buy, 2, Protection::default());
        floor.flat(0, "125000");
        floor.flat(1, "125000");
        floor.submit(minute(2), WIN, base(1), Close, Sell, 2, Protection::default());
        let reverse = floor.submit(minute(2), WIN, base(2), Open, Sell, 3, Protection::default());
        assert_eq!(floor.said(), []);
        let reports = floor.flat(2, "125000");
        assert_eq!(floor.exchange.position(WIN), position, "{part:?}");
        if part.is_some() {
            assert_eq!(reasons(&reports[1..]), [(reverse, RejectReason::Other)], "never across flat");
        }
    }
}

#[test]
fn legs_keep_their_own_levels() {
    let mut floor = Floor::new(settings());
    floor.submit(minute(0), WIN, base(1), Open, Buy, 2, prices(Some("124000"), Some("126000")));
    floor.submit(minute(0), WIN, extra(1), Open, Buy, 1, prices(Some("124900"), Some("125100")));
    floor.flat(0, "125000");
    let reports = floor.bar(WIN, 1, ["125000", "125100", "125000", "125050"]);
    assert_eq!(
        fills(&reports).iter().map(|f| (f.leg, f.exit)).collect::<Vec<_>>(),
        [(extra(1), Some(ExitKind::TakeProfit))]
    );
    let leg = floor.exchange.legs().next().unwrap();
    assert_eq!((leg.leg, leg.stop_loss, leg.take_profit), (base(1), Some(p("124000")), Some(p("126000"))));
}

#[test]
fn what_the_open_did_is_reported_before_what_the_bar_did() {
    let mut floor = Floor::new(settings());
    floor.submit(minute(0), WIN, base(1), Open, Buy, 1, prices(Some("124800"), None));
    floor.submit(minute(0), WIN, extra(1), Open, Buy, 1, prices(Some("124900"), None));
    floor.flat(0, "125000");
    let reports = floor.bar(WIN, 1, ["124850", "124850", "124790", "124800"]);
    let got: Vec<_> = fills(&reports).iter().map(|f| (f.leg, f.at, f.reference)).collect();
    assert_eq!(got, [(extra(1), minute(1), p("124850")), (base(1), minute(2), p("124800"))]);
}

#[test]
fn a_leg_that_the_engine_decides_about_outlives_its_time_limit() {
    // Bought at 125000 without costs, target 125080, stop 124960, two minutes, which end with bar 1.
    let with_limit = Protection { hold_seconds: Some(120), ..distances(Some("40"), Some("80")) };
    let kept = Protection { keep_at_limit: true, ..with_limit };
    let (in_time, late) = (["125000", "125080", "125000", "125000"], ["125000", "125080", "125000", "125010"]);
    let quiet = ["125000", "125010", "124990", "125010"];
    let stopped = ["125000", "125080", "124960", "125000"];
    use ExitKind::{StopLoss, TakeProfit, Timeout};
    // Seconds of the limit, levels, then bars: which of them ends the leg, and how.
    for (hold, protection, bars, expected) in [
        (120, with_limit, [quiet, quiet, quiet], Some((1, Timeout, "125010"))),
        (120, kept, [quiet, quiet, quiet], None),
        // Ends with the bar: the target still counts. Within the bar: only the stop does.
        (120, kept, [quiet, in_time, quiet], Some((1, TakeProfit, "125080"))),
        (119, kept, [quiet, late, quiet], None),
        (119, kept, [quiet, stopped, quiet], Some((1, StopLoss, "124960"))),
        // After it, what still rests still counts.
        (119, kept, [quiet, late, in_time], Some((2, TakeProfit, "125080"))),
        (119, kept, [quiet, quiet, stopped], Some((2, StopLoss, "124960"))),
    ] {
        let mut floor = Floor::new(SimSettings { costs: Some(Costs::NONE), ..settings() });
        floor.submit(START, WIN, base(1), Open, Buy, 1, Protection { hold_seconds: Some(hold), ..protection });
        let mut got = None;
        for (n, bar) in (0..).zip(bars) {
            for fill in fills(&floor.bar(WIN, n, bar)) {
                got = fill.exit.map(|kind| (n, kind, fill.price));
            }
        }
        assert_eq!(got, expected.map(|(n, kind, price)| (n, kind, p(price))), "{hold} {protection:?} {bars:?}");
    }
    // On ticks, the limit over: the stop ends it, the target does not at that tick.
    for (bid, ask, exit) in
        [("125100", "125105", None), ("124955", "124960", Some(StopLoss)), ("125000", "125005", None)]
    {
        let mut floor = Floor::new(SimSettings { latency_ms: 0, ..settings() });
        floor.submit(START, WIN, base(1), Open, Buy, 1, kept);
        floor.tick(WIN, START, "125000", "125005");
        let got = fills(&floor.tick(WIN, START.plus_secs(120), bid, ask));
        assert_eq!(got.first().and_then(|fill| fill.exit), exit, "{bid}");
    }
}

#[test]
fn exits_move_together_or_not_at_all() {
    // A long at 125000 with 124500 and 125500.
    for (stop, target, moved) in [
        ("124900", Some("126000"), true),
        ("124900", None, true),
        ("124900", Some("125000"), false),
        ("125000", Some("126000"), false),
    ] {
        let mut floor = Floor::new(settings());
        floor.submit(minute(0), WIN, base(1), Open, Buy, 1, prices(Some("124500"), Some("125500")));
        floor.flat(0, "125000");
        assert_eq!(floor.exchange.move_exits(WIN, base(1), p(stop), target.map(p)), moved, "{stop} {target:?}");
        let leg = floor.exchange.legs().next().unwrap();
        let expected = if moved { (Some(p(stop)), target.map(p)) } else { (Some(p("124500")), Some(p("125500"))) };
        assert_eq!((leg.stop_loss, leg.take_profit), expected, "{stop} {target:?}");
    }
}

#[test]
fn stops_move_where_they_may() {
    // A long and a short of a hedging account, with the price at 125000.
    for (side, stop, moved, rests) in [
        (Buy, "124995", true, "124995"),
        (Buy, "124996", true, "124995"),
        (Buy, "125000", false, "124500"),
        (Buy, "124998", false, "124500"),
        (Buy, "125500", false, "124500"),
        (Sell, "125005", true, "125005"),
        (Sell, "125000", false, "125500"),
        (Sell, "124000", false, "125500"),
    ] {
        let mut floor = Floor::new(hedging());
        let start = if side == Buy { "124500" } else { "125500" };
        floor.submit(minute(0), WIN, base(1), Open, side, 1, prices(Some(start), None));
        floor.flat(0, "125000");
        assert_eq!(floor.exchange.move_stop(WIN, base(1), p(stop)), moved, "{side} {stop}");
        assert_eq!(floor.exchange.legs().next().unwrap().stop_loss, Some(p(rests)), "{side} {stop}");
        assert!(!floor.exchange.move_stop(WIN, extra(1), p(stop)), "no such leg");
        assert!(!floor.exchange.move_stop(SymbolId::new(7), base(1), p(stop)), "no such symbol");
    }
}

#[test]
fn pending_orders_can_be_canceled() {
    let mut floor = Floor::new(SimSettings { partial_fill_max: Some(Contracts::new(2)), ..settings() });
    let order = OrderId::new(floor.submit(minute(0), WIN, base(1), Open, Buy, 5, Protection::default()));
    floor.flat(0, "125000");
    let mut reports = Vec::new();
    assert!(floor.exchange.cancel(order, minute(1), &mut reports));
    assert!(
        matches!(reports[..], [OrderReport::Canceled { unfilled, at, .. }] if unfilled.count() == 3 && at == minute(1))
    );
    assert!(!floor.exchange.cancel(order, minute(1), &mut reports), "once");
    assert_eq!((reports.len(), floor.flat(1, "125000").len(), floor.exchange.position(WIN)), (1, 0, 2));
}

#[test]
fn the_account_is_marked_at_the_last_price() {
    let mut floor = Floor::new(settings());
    floor.submit(minute(0), WIN, base(1), Open, Buy, 10, Protection::default());
    floor.bar(WIN, 0, ["125000", "125050", "124990", "125040"]);
    let account = floor.exchange.account(minute(1));
    // Bought at 125002.5: 37.5 points × 0.20 × 10 = 75.00, less 2.50 for ending it. 2.50 was paid.
    assert_eq!((floor.exchange.open_result(), account.balance), (money("72.50"), money("9997.50")));
    assert_eq!((account.equity, floor.exchange.equity()), (money("10070.00"), money("10070.00")));
    assert_eq!((account.free_margin, account.mode, account.at), (money("9070.00"), AccountMode::Netting, minute(1)));
    // On ticks a long is worth the bid, a short the ask.
    for (side, result) in [(Buy, "-2.25"), (Sell, "-2.25")] {
        let mut floor = Floor::new(SimSettings { latency_ms: 0, ..settings() });
        floor.submit(START, WIN, base(1), Open, side, 1, Protection::default());
        floor.tick(WIN, START, "125000", "125010");
        assert_eq!(floor.exchange.open_result(), money(result), "{side}");
    }
}

#[test]
fn bad_and_repeated_input_changes_nothing() {
    let mut floor = Floor::new(settings());
    floor.submit(minute(0), WIN, base(1), Open, Buy, 1, prices(Some("124000"), Some("126000")));
    floor.flat(1, "125000");
    let before = (floor.exchange.account(START), floor.exchange.books());
    for (n, bar) in [
        (2, ["0", "125000", "0", "125000"]),
        (2, ["125000", "124000", "123000", "124000"]),
        (1, ["123000"; 4]),
        (0, ["123000"; 4]),
    ] {
        assert_eq!(floor.bar(WIN, n, bar), [], "{n} {bar:?}");
    }
    assert_eq!((floor.exchange.account(START), floor.exchange.books()), before);
    assert_eq!(floor.bar(SymbolId::new(9), 3, ["1"; 4]), [], "nobody's market");
    assert_eq!(floor.flat(2, "123000").len(), 1, "the next good one counts");
    let mut floor = Floor::new(SimSettings { latency_ms: 0, ..settings() });
    floor.submit(START, WIN, base(1), Open, Buy, 1, prices(Some("124000"), None));
    floor.tick(WIN, START.plus_secs(1), "125000", "125005");
    assert_eq!(floor.tick(WIN, START, "123000", "123005"), [], "late");
    assert_eq!(floor.tick(WIN, START.plus_secs(2), "123005", "123000"), [], "crossed");
    assert_eq!(floor.tick(WIN, START.plus_secs(1), "123000", "123005").len(), 1, "ticks of one time are all looked at");
}

#[test]
fn a_share_of_orders_is_refused_by_seed_and_id() {
    let refused = |share: f64, seed: u64, ids: &[u64]| -> Vec<u64> {
        let settings = SimSettings { reject_probability: Unit::new(share).unwrap(), seed, ..hedging() };
        let mut floor = Floor::new(SimSettings { balance: Money::from_units(1_000_000), ..settings });
        for &id in ids {
            floor.next = id;
            floor.submit(minute(0), WIN, base(id), Open, Buy, 1, Protection::default());
        }
        reasons(&floor.said())
            .into_iter()
            .map(|(id, reason)| {
                assert_eq!(reason, RejectReason::Other);
                id
            })
            .collect()
    };
    let all: Vec<_> = (1..=2_000).collect();
    assert_eq!((refused(0.0, 1, &all).len(), refused(1.0, 1, &all).len()), (0, 2_000));
    let quarter = refused(0.25, 1, &all);
    assert!((420..580).contains(&quarter.len()), "500 ± 4 deviations: {}", quarter.len());
    assert_ne!(quarter, refused(0.25, 2, &all));
    let odd: Vec<_> = all.iter().copied().filter(|id| id % 2 == 1).collect();
    let among_odd: Vec<_> = quarter.into_iter().filter(|id| id % 2 == 1).collect();
    assert_eq!(refused(0.25, 1, &odd), among_odd, "an order's fate is its own");
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let win = Instrument::preset("WIN").unwrap();
    let negative = Costs { brokerage: Money::from_cents(-1), ..Costs::NONE };
    for (settings, instruments, key) in [
        (SimSettings { balance: Money::ZERO, ..settings() }, vec![win.clone()], "OPERATOR_CAPITAL_BRL"),
        (
            SimSettings { partial_fill_max: Some(Contracts::ZERO), ..settings() },
            vec![win.clone()],
            "SIM_PARTIAL_FILL_MAX",
        ),
        (SimSettings { costs: Some(negative), ..settings() }, vec![win.clone()], "SIM_COSTS"),
        (settings(), vec![], "SYMBOLS"),
        (settings(), vec![Instrument { point: Price::ZERO, ..win.clone() }], "POINT_SIZE"),
        (settings(), vec![Instrument { point_value_micros: 0, ..win.clone() }], "CONTRACT_POINT_VALUE"),
        (settings(), vec![Instrument { costs: negative.into(), ..win.clone() }], "COSTS"),
        (settings(), vec![Instrument { broker_margin: Money::from_cents(-1), ..win.clone() }], "BROKER_MARGIN"),
    ] {
        assert_eq!(SimExchange::new(settings, instruments).unwrap_err().key, key);
    }
    assert!(SimExchange::new(settings(), vec![win]).is_ok());
}

/// A fill pays what its trading day's tariff says, in the zone that days go by.
#[test]
fn costs_change_with_the_trading_day() {
    let day = |days: i64| days * 86_400;
    let costs = |cents: i64, spread: &str| Costs {
        exchange_fee: Money::from_cents(cents),
        brokerage: Money::from_cents(2),
        spread: p(spread),
        slippage: p("0"),
    };
    let change = |days, costs| DatedCosts { from: TradingDay::from_days(days), costs };
    let schedule =
        CostSchedule::new(costs(25, "5"), vec![change(19_000, costs(30, "5")), change(19_001, costs(30, "10"))]);
    let win = Instrument { costs: schedule, ..Instrument::preset("WIN").unwrap() };
    let sao_paulo = TradingZone::new(&ZoneSettings::default()).unwrap();
    let utc = ZoneSettings { timezone: "UTC".to_owned(), ..ZoneSettings::default() };
    // Brasilia's midnight is three hours later than Greenwich's.
    for (zone, secs, paid, price) in [
        (sao_paulo, day(19_000), "0.27", "125002.5"),
        (sao_paulo, day(19_000) + 3 * 3_600 - 60, "0.27", "125002.5"),
        (sao_paulo, day(19_000) + 3 * 3_600, "0.32", "125002.5"),
        (sao_paulo, day(19_001) + 3 * 3_600 - 60, "0.32", "125002.5"),
        (sao_paulo, day(19_001) + 3 * 3_600, "0.32", "125005"),
        (TradingZone::new(&utc).unwrap(), day(19_000), "0.32", "125002.5"),
        (TradingZone::new(&utc).unwrap(), day(19_001), "0.32", "125005"),
    ] {
        let mut exchange = SimExchange::in_zone(settings(), vec![win.clone()], zone).unwrap();
        let [open, high, low, close] = [p("125000"); 4];
        let bar =
            |secs| Bar { time: Timestamp::from_secs(secs), open, high, low, close, seconds: 60, ..Bar::default() };
        let mut reports = Vec::new();
        exchange.on_bar(WIN, &bar(secs - 60), &mut reports);
        let (id, quantity, at) = (OrderId::new(1), Contracts::new(1), Timestamp::from_secs(secs));
        let protection = Protection::default();
        let order = OrderRequest { id, symbol: WIN, leg: base(1), intent: Open, side: Buy, quantity, protection, at };
        exchange.submit(&order, &mut reports);
        exchange.on_bar(WIN, &bar(secs), &mut reports);
        let [OrderReport::Filled(fill)] = reports[..] else { panic!("{reports:?}") };
        assert_eq!((fill.commission, fill.price), (money(paid), p(price)), "{secs}");
    }
}
