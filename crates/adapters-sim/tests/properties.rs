//! Random orders on random markets: whatever happens, the books hold.
#![allow(clippy::unwrap_used, reason = "helpers of tests may stop them")]

use std::collections::BTreeMap;

use alavanca_adapters_sim::{FillAt, SimExchange, SimSettings};
use alavanca_kernel::{
    AccountMode, Bar, Contracts, ExitAt, FillReport, Instrument, LegId, LegRole, Money, OrderId, OrderIntent,
    OrderReport, OrderRequest, Price, Protection, Side, SymbolId, Tick, Timestamp, TradeId, Unit,
};
use proptest::prelude::*;

/// One turn of the market and what is asked for after it. Numbers, so that a failure shrinks.
#[derive(Clone, Debug)]
struct Turn {
    symbol: u16,
    /// Open against the last close, high above the greater, low below the lesser, close within; in ticks.
    gap: i64,
    up: i64,
    down: i64,
    close: i64,
    wishes: Vec<Wish>,
}

#[derive(Clone, Debug)]
enum Wish {
    Open {
        side: Side,
        quantity: u32,
        stop: Option<i64>,
        target: Option<i64>,
        hold: Option<u32>,
        keep: bool,
    },
    /// A leg by its place among all that were ever asked for.
    Close {
        leg: prop::sample::Index,
        quantity: u32,
    },
    More {
        leg: prop::sample::Index,
        quantity: u32,
    },
    Cancel {
        order: prop::sample::Index,
    },
    MoveStop {
        leg: prop::sample::Index,
        distance: i64,
    },
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn wish() -> impl Strategy<Value = Wish> {
    let level = || prop::option::of(-2..20_i64);
    prop_oneof![
        4 => (side(), 0..30_u32, level(), level(), prop::option::of(0..400_u32), any::<bool>())
            .prop_map(|(side, quantity, stop, target, hold, keep)| Wish::Open { side, quantity, stop, target, hold, keep }),
        3 => (any::<prop::sample::Index>(), 0..30_u32).prop_map(|(leg, quantity)| Wish::Close { leg, quantity }),
        1 => (any::<prop::sample::Index>(), 0..30_u32).prop_map(|(leg, quantity)| Wish::More { leg, quantity }),
        1 => any::<prop::sample::Index>().prop_map(|order| Wish::Cancel { order }),
        1 => (any::<prop::sample::Index>(), -10..30_i64).prop_map(|(leg, distance)| Wish::MoveStop { leg, distance }),
    ]
}

fn turn() -> impl Strategy<Value = Turn> {
    let wishes = prop::collection::vec(wish(), 0..4);
    (0..2_u16, prop_oneof![Just(0_i64), -15..15_i64], 0..12_i64, 0..12_i64, 0..100_i64, wishes)
        .prop_map(|(symbol, gap, up, down, close, wishes)| Turn { symbol, gap, up, down, close, wishes })
}

/// What a leg's fills say, without asking the exchange.
#[derive(Default, Debug)]
struct Statement {
    side: Option<Side>,
    /// Price and reference of each open contract.
    lots: Vec<(Price, Price)>,
    filled: u64,
    ends: u32,
}

struct Auditor {
    exchange: SimExchange,
    instruments: Vec<Instrument>,
    start: Money,
    legs: BTreeMap<(u16, LegId), Statement>,
    balance: Money,
    gross: Money,
    commission: Money,
    /// How many contracts each order asked for, has filled, and whether it has ended.
    orders: BTreeMap<u64, (OrderRequest, u32, bool)>,
    seen: [u64; 3],
}

impl Auditor {
    fn audit(&mut self, reports: &[OrderReport]) {
        for report in reports {
            match report {
                OrderReport::Filled(fill) => self.on_fill(fill),
                OrderReport::Rejected { order, .. } => {
                    self.seen[1] += 1;
                    let (_, filled, ended) = self.orders.get_mut(&order.get()).unwrap();
                    assert_eq!((*filled, *ended), (0, false), "refused after a fill or an end: {report:?}");
                    *ended = true;
                }
                OrderReport::Canceled { order, unfilled, intent, .. } => {
                    self.seen[2] += 1;
                    let (asked, filled, ended) = self.orders.get_mut(&order.get()).unwrap();
                    assert!(!*ended, "ended twice: {report:?}");
                    if *intent == OrderIntent::Open {
                        assert_eq!(unfilled.count() + *filled, asked.quantity.count(), "{report:?}");
                    }
                    *ended = true;
                }
            }
        }
        self.reconcile();
    }

    fn on_fill(&mut self, fill: &FillReport) {
        self.seen[0] += 1;
        assert!(!fill.quantity.is_zero(), "{fill:?}");
        let instrument = &self.instruments[fill.symbol.index()];
        assert_eq!(fill.commission, instrument.costs.latest().commission_of(fill.quantity));
        // Never better than the reference, unless at a target.
        assert!((fill.price.raw() - fill.reference.raw()) * fill.side.sign() >= 0, "{fill:?}");
        if let Some(order) = fill.order {
            let (asked, filled, ended) = self.orders.get_mut(&order.get()).unwrap();
            assert!(!*ended, "filled after its end: {fill:?}");
            assert!(fill.at >= asked.at, "filled before it was decided: {fill:?}");
            assert_eq!((asked.leg, asked.side, asked.intent), (fill.leg, fill.side, fill.intent));
            *filled += fill.quantity.count();
            assert!(*filled + fill.remaining.count() <= asked.quantity.count(), "{fill:?}");
            *ended = fill.remaining.is_zero();
        }
        let count = fill.quantity.count() as usize;
        let leg = self.legs.entry((fill.symbol.get(), fill.leg)).or_default();
        self.balance -= fill.commission;
        self.commission += fill.commission;
        match fill.intent {
            OrderIntent::Open => {
                assert!(leg.side.is_none_or(|side| side == fill.side) && leg.ends == 0, "{leg:?} {fill:?}");
                leg.side = Some(fill.side);
                leg.lots.extend(std::iter::repeat_n((fill.price, fill.reference), count));
                leg.filled += u64::from(fill.quantity.count());
            }
            OrderIntent::Close => {
                let side = leg.side.unwrap();
                assert_eq!(side, fill.side.opposite());
                assert!(count <= leg.lots.len(), "across flat: {leg:?} {fill:?}");
                // The sum over the contracts that came first, rounded once.
                let moved = |price: Price, from: fn(&(Price, Price)) -> Price, lots: &[(Price, Price)]| {
                    let sum = lots.iter().fold(Price::ZERO, |sum, lot| sum + (price - from(lot)));
                    instrument.gross(side, Price::ZERO, sum, Contracts::new(1))
                };
                let out: Vec<_> = leg.lots.drain(..count).collect();
                self.balance += moved(fill.price, |lot| lot.0, &out);
                self.gross += moved(fill.reference, |lot| lot.1, &out);
                if leg.lots.is_empty() {
                    leg.ends += 1;
                    assert_eq!(leg.ends, 1, "a leg ends once");
                }
            }
        }
    }

    fn reconcile(&self) {
        let (books, account) = (self.exchange.books(), self.exchange.account(Timestamp::MIN));
        assert_eq!(account.balance, self.balance);
        assert_eq!(books.net, self.balance - self.start);
        assert_eq!((books.gross, books.commission), (self.gross, self.commission));
        assert_eq!(books.gross, books.net + books.commission + books.spread_and_slippage);
        assert_eq!([books.fills, books.rejects, books.cancels], self.seen);
        let mut stated: BTreeMap<_, _> = self.exchange.legs().map(|leg| ((leg.symbol.get(), leg.leg), leg)).collect();
        let mut in_use = Money::ZERO;
        for (key, leg) in &self.legs {
            match stated.remove(key) {
                None => assert!(leg.lots.is_empty(), "{key:?} is gone from the exchange"),
                Some(told) => {
                    assert_eq!((Some(told.side), told.quantity.count() as usize), (leg.side, leg.lots.len()));
                    in_use +=
                        self.instruments[told.symbol.index()].broker_margin.times(i64::from(told.quantity.count()));
                }
            }
        }
        assert!(stated.is_empty(), "legs that no fill opened: {stated:?}");
        assert_eq!(account.free_margin, account.equity - in_use);
        if account.mode == AccountMode::Netting {
            for symbol in 0..2 {
                let mut sides = self.exchange.legs().filter(|leg| leg.symbol.get() == symbol).map(|leg| leg.side);
                let first = sides.next();
                assert!(sides.all(|side| Some(side) == first), "both sides on a netting account");
            }
        }
    }
}

fn run(settings: SimSettings, on_ticks: bool, turns: &[Turn]) -> Vec<OrderReport> {
    let instruments: Vec<_> = ["WIN", "EURUSD"].map(|name| Instrument::preset(name).unwrap()).into();
    let exchange = SimExchange::new(settings, instruments.clone()).unwrap();
    let mut auditor = Auditor {
        exchange,
        instruments,
        start: settings.balance,
        legs: BTreeMap::new(),
        balance: settings.balance,
        gross: Money::ZERO,
        commission: Money::ZERO,
        orders: BTreeMap::new(),
        seen: [0; 3],
    };
    let mut last = ["125000", "1.08500"].map(|text| text.parse::<Price>().unwrap());
    let (mut next_id, mut legs, mut all) = (1_u64, Vec::new(), Vec::new());
    for (turn, n) in turns.iter().zip(1_i64..) {
        let symbol = SymbolId::new(turn.symbol);
        let tick = auditor.instruments[symbol.index()].tick;
        let open = last[symbol.index()] + tick.times(turn.gap);
        let (low, high) = (open - tick.times(turn.down), open + tick.times(turn.up));
        let close = low + tick.times((turn.up + turn.down) * turn.close / 100);
        last[symbol.index()] = close;
        let time = Timestamp::from_secs(1_700_000_000 + 60 * n);
        let mut reports = Vec::new();
        let free = auditor.exchange.account(time).free_margin;
        let bar = Bar { time, open, high, low, close, seconds: 60, ..Bar::default() };
        if on_ticks {
            for (second, price) in [(0, open), (20, high), (40, low), (59, close)] {
                let tick = Tick { time: time.plus_secs(second), bid: price, ask: price + tick, ..Tick::default() };
                auditor.exchange.on_tick(symbol, &tick, &mut reports);
            }
        } else {
            auditor.exchange.on_bar(symbol, &bar, &mut reports);
        }
        // The first that happens at an unmoved price opens with what was free before.
        if let (Some(OrderReport::Filled(fill)), 0, false) = (reports.first(), turn.gap, on_ticks)
            && fill.intent == OrderIntent::Open
        {
            let asked = auditor.instruments[symbol.index()].broker_margin.times(i64::from(fill.quantity.count()));
            assert!(asked <= free, "{asked} was not free: {free}");
        }
        auditor.audit(&reports);
        all.append(&mut reports);
        let at = bar.end();
        for wish in &turn.wishes {
            let mut ask = |leg, intent, side, quantity, protection, auditor: &mut Auditor| {
                let id = OrderId::new(next_id);
                next_id += 1;
                let quantity = Contracts::new(quantity);
                let order = OrderRequest { id, symbol, leg, intent, side, quantity, protection, at };
                auditor.orders.insert(id.get(), (order, 0, false));
                auditor.exchange.submit(&order, &mut reports);
            };
            match *wish {
                Wish::Open { side, quantity, stop, target, hold, keep } => {
                    let leg = LegId { trade: TradeId::new(legs.len() as u64 + 1), role: LegRole::Base };
                    legs.push((leg, side));
                    let distance = |ticks: i64| ExitAt::Distance(tick.times(ticks));
                    let protection = Protection {
                        stop: stop.map(distance),
                        target: target.map(distance),
                        hold_seconds: hold,
                        keep_at_limit: keep,
                    };
                    ask(leg, OrderIntent::Open, side, quantity, protection, &mut auditor);
                }
                Wish::Close { leg, quantity } if !legs.is_empty() => {
                    let (leg, side) = *leg.get(&legs);
                    ask(leg, OrderIntent::Close, side.opposite(), quantity, Protection::default(), &mut auditor);
                }
                // More of what is open; a leg that has ended is not opened again.
                Wish::More { leg, quantity } if !legs.is_empty() => {
                    let (leg, side) = *leg.get(&legs);
                    let open = auditor.exchange.legs().any(|open| open.leg == leg && open.symbol == symbol);
                    if open {
                        ask(leg, OrderIntent::Open, side, quantity, Protection::default(), &mut auditor);
                    }
                }
                Wish::Cancel { order } if next_id > 1 => {
                    let order = OrderId::new(order.index(next_id as usize - 1) as u64 + 1);
                    let ended = auditor.orders[&order.get()].2;
                    let canceled = auditor.exchange.cancel(order, at, &mut reports);
                    assert!(!(canceled && ended), "an order that had ended was canceled");
                }
                Wish::MoveStop { leg, distance } if !legs.is_empty() => {
                    let (leg, side) = *leg.get(&legs);
                    auditor.exchange.move_stop(symbol, leg, side.ahead(close, -tick.times(distance)));
                }
                _ => {}
            }
        }
        if !on_ticks {
            auditor.exchange.after_bar(symbol, &bar, &mut reports);
        }
        auditor.audit(&reports);
        all.append(&mut reports);
    }
    all
}

fn any_settings() -> impl Strategy<Value = SimSettings> {
    (any::<bool>(), any::<bool>(), 100..20_000_i64, prop::option::of(1..10_u32), 0..2_u8, any::<u64>(), 0..30_000_u32)
        .prop_map(|(netting, at_close, balance, part, refuse, seed, latency_ms)| SimSettings {
            mode: if netting { AccountMode::Netting } else { AccountMode::Hedging },
            balance: Money::from_units(balance),
            fill: if at_close { FillAt::Close } else { FillAt::NextOpen },
            latency_ms,
            partial_fill_max: part.map(Contracts::new),
            reject_probability: Unit::saturating(f64::from(refuse) * 0.1),
            costs: None,
            seed,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_books_hold_on_bars(settings in any_settings(), turns in prop::collection::vec(turn(), 1..60)) {
        run(settings, false, &turns);
    }

    #[test]
    fn the_books_hold_on_ticks(settings in any_settings(), turns in prop::collection::vec(turn(), 1..60)) {
        run(settings, true, &turns);
    }

    #[test]
    fn the_same_orders_on_the_same_market_fill_the_same(settings in any_settings(), turns in prop::collection::vec(turn(), 1..30)) {
        prop_assert_eq!(run(settings, false, &turns), run(settings, false, &turns));
    }
}
