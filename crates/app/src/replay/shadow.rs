//! The fills that came beside those of the simulated exchange, for the same orders on the same prices.

use std::collections::BTreeMap;

use alavanca_adapters_sim::SimExchange;
use alavanca_engine::{Effect, Event};
use alavanca_kernel::{
    FillReport, Instrument, LegId, Money, OrderId, OrderIntent, OrderReport, Price, Side, SymbolId, Timestamp,
};
use serde::Serialize;

/// Fills beside shadow fills.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub struct Shadow {
    /// By what was filled.
    pub rows: Vec<ShadowRow>,
}

/// One kind of fill. What both sides filled is compared at its average price.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShadowRow {
    /// `entries`, `closes`, or `resting exits`.
    pub what: &'static str,
    /// Orders, or legs' exits, that were filled.
    pub came: usize,
    /// Those that the simulated exchange filled.
    pub shadow: usize,
    /// Those that both did.
    pub both: usize,
    /// How much worse they came than the shadow, in points, on average; below zero is better.
    pub mean_points: Option<f64>,
    /// How much worse the worst one came, in points.
    pub worst_points: Option<f64>,
    /// What that cost in all, in the account's currency; below zero was gained.
    pub cost: Money,
}

/// What a fill is known by on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Order(OrderId),
    /// A resting exit has no order.
    Exit(LegId),
}

#[derive(Debug, Clone, Copy)]
struct Filled {
    symbol: SymbolId,
    side: Side,
    intent: OrderIntent,
    resting: bool,
    quantity: u32,
    /// Price times quantity.
    value: i128,
}

impl Filled {
    fn average(&self) -> Price {
        Price::from_raw((self.value / i128::from(self.quantity.max(1))) as i64)
    }
}

/// A simulated exchange that gets the engine's orders, and whose word nobody hears.
#[derive(Debug)]
pub(super) struct ShadowExchange {
    exchange: SimExchange,
    instrument: Instrument,
    reports: Vec<OrderReport>,
    came: BTreeMap<Key, Filled>,
    shadow: BTreeMap<Key, Filled>,
}

impl ShadowExchange {
    pub(super) fn new(exchange: SimExchange, instrument: Instrument) -> Self {
        Self { exchange, instrument, reports: Vec::new(), came: BTreeMap::new(), shadow: BTreeMap::new() }
    }

    /// Before the engine sees it.
    pub(super) fn before(&mut self, event: &Event, counting: bool) {
        match event {
            Event::Bar(symbol, bar) => self.exchange.on_bar(*symbol, bar, &mut self.reports),
            Event::Tick(symbol, tick) => self.exchange.on_tick(*symbol, tick, &mut self.reports),
            Event::Order(OrderReport::Filled(fill)) if counting => book(&mut self.came, fill),
            _ => {}
        }
        self.hear(counting);
    }

    /// After its step.
    pub(super) fn after(&mut self, event: &Event, counting: bool) {
        if let Event::Bar(symbol, bar) = event {
            self.exchange.after_bar(*symbol, bar, &mut self.reports);
        }
        self.hear(counting);
    }

    pub(super) fn carry_out(&mut self, effect: &Effect, now: Timestamp, counting: bool) {
        match effect {
            Effect::Submit(order) => self.exchange.submit(order, &mut self.reports),
            Effect::Cancel(_, order) => {
                self.exchange.cancel(*order, now, &mut self.reports);
            }
            Effect::Modify { symbol, leg, stop, target } => {
                self.exchange.move_exits(*symbol, *leg, *stop, *target);
            }
            Effect::Record(_) | Effect::Notify(_) => {}
        }
        self.hear(counting);
    }

    fn hear(&mut self, counting: bool) {
        for report in self.reports.drain(..) {
            if let OrderReport::Filled(fill) = report
                && counting
            {
                book(&mut self.shadow, &fill);
            }
        }
    }

    pub(super) fn done(self) -> Shadow {
        let kinds: [(&str, fn(&Filled) -> bool); 3] = [
            ("entries", |fill| fill.intent == OrderIntent::Open),
            ("closes", |fill| fill.intent == OrderIntent::Close && !fill.resting),
            ("resting exits", |fill| fill.resting),
        ];
        let row = |(what, is_one): (&'static str, fn(&Filled) -> bool)| {
            let of = |fills: &BTreeMap<Key, Filled>| fills.values().filter(|fill| is_one(fill)).count();
            let (mut worse, mut cents) = (Vec::new(), 0_i64);
            for (key, came) in self.came.iter().filter(|(_, fill)| is_one(fill)) {
                let Some(shadow) = self.shadow.get(key).filter(|fill| is_one(fill)) else { continue };
                let (came_at, shadow_at) = (came.average(), shadow.average());
                let moved = (came_at - shadow_at).raw() * came.side.sign();
                worse.push(moved as f64 / self.instrument.point.raw() as f64);
                let quantity = alavanca_kernel::Contracts::new(came.quantity.min(shadow.quantity));
                cents += self.instrument.gross(came.side, shadow_at, came_at, quantity).cents();
            }
            let mean = worse.iter().sum::<f64>() / worse.len() as f64;
            ShadowRow {
                what,
                came: of(&self.came),
                shadow: of(&self.shadow),
                both: worse.len(),
                mean_points: (!worse.is_empty()).then_some(mean),
                worst_points: worse.iter().copied().reduce(f64::max),
                cost: Money::from_cents(cents),
            }
        };
        Shadow { rows: kinds.into_iter().map(row).collect() }
    }
}

fn book(fills: &mut BTreeMap<Key, Filled>, fill: &FillReport) {
    let FillReport { order, symbol, leg, intent, side, quantity, price, .. } = *fill;
    let key = order.map_or(Key::Exit(leg), Key::Order);
    let resting = order.is_none();
    let booked = fills.entry(key).or_insert(Filled { symbol, side, intent, resting, quantity: 0, value: 0 });
    debug_assert_eq!(booked.symbol, symbol, "an order is of one symbol");
    booked.quantity += quantity.count();
    booked.value += i128::from(price.raw()) * i128::from(quantity.count());
}
