//! What is open by the books is handed to desk or simulated exchange before the first session.

use alavanca_adapters_mt5::desk::Adopted;
use alavanca_adapters_sim::SimExchange;
use alavanca_adapters_sqlite::LiveBook;
use alavanca_engine::Engine;
use alavanca_execution::{Leg, OpenTrade};
use alavanca_kernel::{Contracts, ExitLevels, OrderId, OrderRequest, Protection};
use alavanca_ports::{BrokerLeg, StoreError};

/// The legs that the engine has open or on their way.
fn legs(engine: &Engine) -> impl Iterator<Item = &Leg> {
    engine.open_trades().flat_map(OpenTrade::legs).filter(|leg| !leg.has_ended())
}

/// The legs for the desk, with their orders as they were asked for.
pub(super) async fn adopted(engine: &Engine, book: &LiveBook) -> Result<Vec<Adopted>, StoreError> {
    let mut all = Vec::new();
    for leg in legs(engine) {
        let opening = stored(book, leg.opening_order()).await?;
        let closing = stored(book, leg.closing_order().map(|(order, _)| order)).await?;
        let protection = match &opening {
            Some((order, _)) => order.protection,
            None => protection_of(leg),
        };
        let filled = [&opening, &closing].map(|of| of.as_ref().map_or(Contracts::ZERO, |(_, filled)| *filled));
        all.push(Adopted {
            symbol: leg.symbol(),
            leg: leg.id(),
            side: leg.side(),
            open: leg.open(),
            entry: leg.entry(),
            opening: opening.map(|(order, _)| order),
            closing: closing.map(|(order, _)| order),
            filled,
            protection,
            levels: leg.levels().copied(),
            opened_at: leg.opened_at(),
            deals: leg.deals().to_vec(),
        });
    }
    Ok(all)
}

async fn stored(book: &LiveBook, order: Option<OrderId>) -> Result<Option<(OrderRequest, Contracts)>, StoreError> {
    match order {
        Some(order) => book.order(order).await,
        None => Ok(None),
    }
}

/// What it is protected by now.
fn protection_of(leg: &Leg) -> Protection {
    let at = |price| alavanca_kernel::ExitAt::Price(price);
    let levels = leg.levels();
    Protection {
        stop: levels.and_then(ExitLevels::stop_loss).map(at),
        target: levels.and_then(ExitLevels::take_profit).map(at),
        ..Protection::default()
    }
}

/// Legs go on at the simulated exchange; orders that were on their way there never arrived.
pub(super) fn take_up(engine: &Engine, exchange: &mut SimExchange) -> Vec<OrderId> {
    let mut lost = Vec::new();
    for leg in legs(engine) {
        let open = BrokerLeg {
            symbol: leg.symbol(),
            leg: leg.id(),
            side: leg.side(),
            quantity: leg.open(),
            entry: leg.entry(),
            stop_loss: None,
            take_profit: None,
        };
        let levels = leg.levels().copied().unwrap_or_else(|| ExitLevels::new(leg.side(), None, None, None));
        exchange.take_up(&open, levels, false);
        lost.extend(leg.opening_order());
        lost.extend(leg.closing_order().map(|(order, _)| order));
    }
    lost
}
