//! What is open and what is on its way, by the broker's word alone.

use alavanca_kernel::{
    Contracts, FillReport, Instrument, LegId, Money, OrderId, OrderIntent, OrderReport, OrderRequest, Price, Side,
    SymbolId, Timestamp, TradeId,
};
use serde::{Deserialize, Serialize};

/// One open leg, as the broker knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OpenLeg {
    /// The instrument.
    pub symbol: SymbolId,
    /// The leg.
    pub leg: LegId,
    /// Its side.
    pub side: Side,
    /// How many are open.
    pub quantity: Contracts,
    /// Average entry price.
    pub entry: Price,
}

/// An order that was let through and whose end is not known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Working {
    pub(crate) id: OrderId,
    pub(crate) symbol: SymbolId,
    pub(crate) leg: LegId,
    pub(crate) intent: OrderIntent,
    /// Contracts that it still wants.
    pub(crate) left: u32,
}

/// Margin of an order that the account does not show yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Promise {
    id: OrderId,
    margin: Money,
    /// When the order ended; a reading of the account after that shows it.
    ended: Option<Timestamp>,
}

/// A trade of which something was filled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Trade {
    symbol: SymbolId,
    id: TradeId,
    net: Money,
}

/// The gate's own books.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Ledger {
    legs: Vec<OpenLeg>,
    working: Vec<Working>,
    promises: Vec<Promise>,
    trades: Vec<Trade>,
}

/// What a report came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Booked {
    /// Net result of the fill: a close's result, less any commission.
    pub(crate) net: Money,
    /// Net result of the trade that ended with it.
    pub(crate) ended: Option<Money>,
}

impl Ledger {
    /// An order was let through.
    pub(crate) fn begin(&mut self, order: &OrderRequest, margin: Money) {
        let OrderRequest { id, symbol, leg, intent, .. } = *order;
        self.working.push(Working { id, symbol, leg, intent, left: order.quantity.count() });
        if intent == OrderIntent::Open {
            self.promises.push(Promise { id, margin, ended: None });
        }
    }

    /// An order surely never reached the broker.
    pub(crate) fn withdraw(&mut self, id: OrderId) -> Option<Money> {
        let order = self.working.iter().position(|order| order.id == id).map(|index| self.working.remove(index))?;
        self.promises.retain(|promise| promise.id != id);
        self.end_trade(order.symbol, order.leg.trade)
    }

    pub(crate) fn take(&mut self, report: &OrderReport, instruments: &[Instrument]) -> Booked {
        match *report {
            OrderReport::Filled(fill) => {
                let net = self.fill(&fill, instruments);
                if let Some(order) = fill.order {
                    for working in self.working.iter_mut().filter(|working| working.id == order) {
                        working.left = working.left.saturating_sub(fill.quantity.count()).min(fill.remaining.count());
                    }
                    if fill.remaining.is_zero() {
                        self.end_order(order, fill.at);
                    }
                }
                Booked { net, ended: self.end_trade(fill.symbol, fill.leg.trade) }
            }
            OrderReport::Rejected { order, .. } => Booked { net: Money::ZERO, ended: self.withdraw(order) },
            OrderReport::Canceled { order, symbol, leg, at, .. } => {
                self.end_order(order, at);
                Booked { net: Money::ZERO, ended: self.end_trade(symbol, leg.trade) }
            }
        }
    }

    fn end_order(&mut self, id: OrderId, at: Timestamp) {
        self.working.retain(|order| order.id != id);
        for promise in self.promises.iter_mut().filter(|promise| promise.id == id) {
            promise.ended = Some(at);
        }
    }

    /// Books a fill; its net result.
    fn fill(&mut self, fill: &FillReport, instruments: &[Instrument]) -> Money {
        let FillReport { symbol, leg: id, quantity, price, commission, .. } = *fill;
        let leg = self.legs.iter_mut().find(|leg| (leg.symbol, leg.leg) == (symbol, id));
        let net = match (fill.intent, leg) {
            (OrderIntent::Open, Some(leg)) => {
                leg.entry = mean(leg.entry, leg.quantity, price, quantity);
                leg.quantity = leg.quantity + quantity;
                -commission
            }
            (OrderIntent::Open, None) => {
                self.legs.push(OpenLeg { symbol, leg: id, side: fill.side, quantity, entry: price });
                -commission
            }
            (OrderIntent::Close, Some(leg)) => {
                let closed = Contracts::new(quantity.count().min(leg.quantity.count()));
                let gross = instruments
                    .get(symbol.index())
                    .map_or(Money::ZERO, |instrument| instrument.gross(leg.side, leg.entry, price, closed));
                leg.quantity = leg.quantity.saturating_sub(quantity);
                gross - commission
            }
            // Nothing is known of what it closed.
            (OrderIntent::Close, None) => -commission,
        };
        self.legs.retain(|leg| !leg.quantity.is_zero());
        match self.trades.iter_mut().find(|trade| (trade.symbol, trade.id) == (symbol, id.trade)) {
            Some(trade) => trade.net += net,
            None => self.trades.push(Trade { symbol, id: id.trade, net }),
        }
        net
    }

    /// The result of a trade of which nothing is open or on its way in any more.
    fn end_trade(&mut self, symbol: SymbolId, trade: TradeId) -> Option<Money> {
        let lives = self.legs.iter().any(|leg| (leg.symbol, leg.leg.trade) == (symbol, trade))
            || self.opening().any(|order| (order.symbol, order.leg.trade) == (symbol, trade));
        if lives {
            return None;
        }
        let index = self.trades.iter().position(|known| (known.symbol, known.id) == (symbol, trade))?;
        Some(self.trades.remove(index).net)
    }

    /// The broker's own list takes the place of what was gathered.
    pub(crate) fn set_legs(&mut self, legs: &[OpenLeg]) {
        self.legs = legs.to_vec();
        self.legs.retain(|leg| !leg.quantity.is_zero());
        let Self { legs, trades, working, .. } = self;
        let lives = |trade: &Trade| {
            let is_of = |symbol, id| (symbol, id) == (trade.symbol, trade.id);
            legs.iter().any(|leg| is_of(leg.symbol, leg.leg.trade))
                || working.iter().any(|order| is_of(order.symbol, order.leg.trade))
        };
        trades.retain(lives);
    }

    /// The account was read: what ended before is in it.
    pub(crate) fn on_account(&mut self, at: Timestamp) {
        self.promises.retain(|promise| promise.ended.is_none_or(|ended| ended >= at));
    }

    pub(crate) fn opening(&self) -> impl Iterator<Item = &Working> {
        self.working.iter().filter(|order| order.intent == OrderIntent::Open)
    }

    /// Contracts of a symbol, open and on their way in, both sides added.
    pub(crate) fn contracts(&self, symbol: SymbolId) -> u32 {
        let open = self.legs.iter().filter(|leg| leg.symbol == symbol).map(|leg| leg.quantity.count());
        let coming = self.opening().filter(|order| order.symbol == symbol).map(|order| order.left);
        open.chain(coming).fold(0, u32::saturating_add)
    }

    pub(crate) fn leg(&self, symbol: SymbolId, leg: LegId) -> Option<&OpenLeg> {
        self.legs.iter().find(|open| (open.symbol, open.leg) == (symbol, leg))
    }

    pub(crate) fn legs(&self) -> &[OpenLeg] {
        &self.legs
    }

    /// Contracts of a leg whose close is on its way.
    pub(crate) fn closing(&self, symbol: SymbolId, leg: LegId) -> u32 {
        let closes = self.working.iter().filter(|order| order.intent == OrderIntent::Close);
        closes.filter(|order| (order.symbol, order.leg) == (symbol, leg)).fold(0, |sum, order| sum + order.left)
    }

    pub(crate) fn promised(&self) -> Money {
        let sum: i128 = self.promises.iter().map(|promise| i128::from(promise.margin.cents())).sum();
        money(sum)
    }

    pub(crate) fn working(&self) -> &[Working] {
        &self.working
    }
}

/// Cents as money, at the most that fits.
pub(crate) fn money(cents: i128) -> Money {
    Money::from_cents(i64::try_from(cents).unwrap_or(if cents > 0 { i64::MAX } else { i64::MIN }))
}

fn mean(entry: Price, open: Contracts, price: Price, added: Contracts) -> Price {
    let (open, added) = (i128::from(open.count()), i128::from(added.count()));
    let all = i128::from(entry.raw()) * open + i128::from(price.raw()) * added;
    match open + added {
        0 => entry,
        count => Price::from_raw((all / count) as i64),
    }
}
