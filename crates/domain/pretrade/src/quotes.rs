//! The last quote of each symbol, and what its price is held against.

use alavanca_kernel::{Price, Side, Tick, Timestamp};

use crate::PretradeConfig;
use crate::refusal::{Reference, Refusal};

/// What is known of a symbol's price.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Quotes {
    now: Option<Quote>,
    /// The last sound quote before it.
    before: Option<Quote>,
    last: Option<Price>,
}

#[derive(Clone, Copy, Debug)]
struct Quote {
    bid: Price,
    ask: Price,
    at: Timestamp,
}

impl Quote {
    fn is_sound(self) -> bool {
        self.bid.is_positive() && self.ask >= self.bid
    }

    /// What an order of this side pays or gets.
    fn price(self, side: Side) -> Price {
        match side {
            Side::Buy => self.ask,
            Side::Sell => self.bid,
        }
    }
}

impl Quotes {
    /// A tick that is older than the last one tells nothing.
    pub(crate) fn take(&mut self, tick: &Tick) {
        if self.now.is_some_and(|quote| tick.time < quote.at) {
            return;
        }
        if let Some(quote) = self.now.filter(|quote| quote.is_sound()) {
            self.before = Some(quote);
        }
        self.now = Some(Quote { bid: tick.bid, ask: tick.ask, at: tick.time });
        if tick.last.is_positive() {
            self.last = Some(tick.last);
        }
    }

    /// What a leg of this side could be closed at.
    pub(crate) fn closes_at(&self, side: Side) -> Option<Price> {
        self.now.filter(|quote| quote.is_sound()).map(|quote| quote.price(side.opposite()))
    }

    /// What a contract is worth at most.
    pub(crate) fn dearest(&self) -> Option<Price> {
        self.now.filter(|quote| quote.is_sound()).map(|quote| quote.ask)
    }

    /// Whether one may enter on the quote: known, sound, fresh, narrow, and near what it is held against.
    pub(crate) fn check(
        &self,
        side: Side,
        point: Price,
        now: Timestamp,
        config: &PretradeConfig,
    ) -> Result<(), Refusal> {
        let quote = self.now.ok_or(Refusal::QuoteUnknown)?;
        let Quote { bid, ask, at } = quote;
        if !quote.is_sound() {
            return Err(Refusal::QuoteUnsound { bid, ask });
        }
        let (age_micros, max_ms) = (now.micros().saturating_sub(at.micros()), config.settings().max_quote_age_ms);
        if age_micros > i64::from(max_ms) * 1_000 {
            return Err(Refusal::QuoteStale { age_ms: age_micros / 1_000, max_ms });
        }
        let (spread, max) = (ask - bid, config.spread_max(bid, point));
        if spread > max {
            return Err(Refusal::SpreadTooWide { spread, max });
        }
        let price = quote.price(side);
        let references = [
            self.last.map(|last| (Reference::LastTrade, last)),
            self.before.map(|before| (Reference::QuoteBefore, before.price(side))),
        ];
        if references.iter().all(Option::is_none) {
            return Err(Refusal::NoReference);
        }
        for (by, reference) in references.into_iter().flatten() {
            let max = config.collar(reference, point);
            if price.distance(reference) > max {
                return Err(Refusal::OutsideCollar { price, reference, by, max });
            }
        }
        Ok(())
    }
}
