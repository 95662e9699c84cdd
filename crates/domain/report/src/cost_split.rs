//! What a trade's costs are made of.

use std::collections::BTreeMap;

use alavanca_engine::TradeRecord;
use alavanca_kernel::{CostTimeline, FillReport, Instrument, Money, Price, Side, TradeId};

use crate::summary::CostParts;

/// Tells a fill's costs apart by the tariff of its day.
///
/// Fees and brokerage are the tariff's, within the commission that was paid. A fill away from its reference paid
/// slippage first, as much as the tariff says, and spread with the rest: so the exchange makes its prices. A target that
/// rested pays neither.
#[derive(Debug, Clone)]
pub(crate) struct CostSplit {
    instrument: Instrument,
    tariff: CostTimeline,
    /// Of trades that are still open: commission paid, and its parts with slippage.
    open: BTreeMap<TradeId, (Money, CostParts)>,
    closed: CostParts,
}

impl CostSplit {
    pub(crate) fn new(instrument: Instrument, tariff: CostTimeline) -> Self {
        Self { instrument, tariff, open: BTreeMap::new(), closed: CostParts::default() }
    }

    pub(crate) fn fill(&mut self, fill: &FillReport) {
        let costs = self.tariff.at(fill.at);
        let contracts = i64::from(fill.quantity.count());
        let brokerage = costs.brokerage.times(contracts).min(fill.commission);
        let worse = Price::from_raw((fill.price - fill.reference).raw().abs());
        let slippage = worse.min(costs.slippage);
        let (paid, parts) = self.open.entry(fill.leg.trade).or_default();
        *paid += fill.commission;
        parts.brokerage += brokerage;
        parts.exchange_fees += fill.commission - brokerage;
        parts.slippage += self.instrument.gross(Side::Buy, Price::ZERO, slippage, fill.quantity);
    }

    pub(crate) fn trade(&mut self, trade: &TradeRecord) {
        let (paid, parts) = self.open.remove(&trade.outcome.trade).unwrap_or_default();
        let execution = trade.costs - paid;
        let slippage = parts.slippage.min(execution.max(Money::ZERO));
        self.closed.exchange_fees += parts.exchange_fees;
        self.closed.brokerage += parts.brokerage;
        self.closed.slippage += slippage;
        self.closed.spread += execution - slippage;
    }

    pub(crate) fn parts(&self) -> CostParts {
        self.closed
    }
}
