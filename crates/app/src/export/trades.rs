//! Trades that ended with all their legs.

use alavanca_engine::TradeRecord;
use alavanca_ports::{Cell, Kind};

use super::field::{Field, Fields, MONEY, PRICE, contracts, count, day, money, price, reward, symbol, text};

pub(super) fn fields() -> Vec<Field<TradeRecord>> {
    let mut fields: Fields<TradeRecord> = Fields(Vec::new());
    fields.add("trade", Kind::Count, "", "The trade's id, from 1", |t, _| count(t.outcome.trade.get()));
    fields.add("decision", Kind::Count, "", "The decision it began with", |t, _| count(t.decision.get()));
    fields.add("symbol", Kind::Text, "", "The instrument", |t, frame| symbol(t.outcome.symbol, frame));
    fields.add("side", Kind::Text, "", "BUY or SELL", |t, _| text(t.side.as_str()));
    fields.add("day", Kind::Day, "", "The trading day it closed on", |t, _| day(t.day));
    fields.add_instant("opened", "When its first leg was filled", |t| Some(t.outcome.opened_at));
    fields.add_instant("closed", "When its last leg was closed", |t| Some(t.outcome.closed_at));
    fields.add("held_seconds", Kind::Count, "seconds", "Whole seconds between the two", |t, _| {
        Cell::Number(t.outcome.closed_at.secs_since(t.outcome.opened_at))
    });
    fields.add("action", Kind::Text, "", "What the gate chose", |t, _| text(t.outcome.action.as_str()));
    fields.add("base_contracts", Kind::Count, "contracts", "Base contracts entered", |t, _| contracts(t.base));
    fields.add("extra_contracts", Kind::Count, "contracts", "Extra contracts entered", |t, _| contracts(t.extra));
    fields.add("entry_price", Kind::Decimal(8), PRICE, "Average entry price of the base", |t, _| price(t.entry));
    fields.add("exit_price", Kind::Decimal(8), PRICE, "Average exit price of the base", |t, _| price(t.exit));
    fields.add("cause", Kind::Text, "", "How the base ended", |t, _| text(t.cause.as_str()));
    fields.add("gross", Kind::Money, MONEY, "Result before costs, over all legs", |t, _| money(t.gross));
    fields.add("costs", Kind::Money, MONEY, "Commission, spread and slippage, over all legs", |t, _| money(t.costs));
    fields.add("net", Kind::Money, MONEY, "Result after costs, over all legs", |t, _| money(t.outcome.net));
    fields.add("base_net", Kind::Money, MONEY, "Result after costs of the base alone", |t, _| {
        money(t.outcome.net - t.extra_net)
    });
    fields.add("extra_net", Kind::Money, MONEY, "Result after costs of the extra alone", |t, _| money(t.extra_net));
    fields.add("reward", Kind::Decimal(6), "0 to 1", "What the policy is told of it", |t, _| reward(t.outcome.reward));
    let about = "The regime at entry";
    fields.add("regime", Kind::Text, "", about, |t, _| text(t.outcome.state.regime.as_str()));
    fields.add_state(|t| t.outcome.state);
    let about = "Entered during a transition: logged, not learned from";
    fields.add("in_transition", Kind::Flag, "", about, |t, _| Cell::Flag(t.outcome.in_transition));
    fields.0
}
