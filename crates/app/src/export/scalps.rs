//! What happened to the extra contracts: one row for each event.

use alavanca_ports::{Cell, Kind};
use alavanca_scalp::{ScalpEvent, ScalpEventKind};

use super::field::{Field, Fields, MONEY, PRICE, contracts, count, money, price, symbol, text};

pub(super) fn fields() -> Vec<Field<ScalpEvent>> {
    let mut fields: Fields<ScalpEvent> = Fields(Vec::new());
    fields.add("trade", Kind::Count, "", "The trade that the extra belongs to", |s, _| count(s.trade.get()));
    fields.add_instant("time", "When", |s: &ScalpEvent| Some(s.at));
    fields.add("symbol", Kind::Text, "", "The instrument", |s, frame| symbol(s.symbol, frame));
    let about = "OPENED, then one end: TP_HIT, SL_HIT, TIMEOUT, FORCED or HANDED_OVER; PROTECTED is about the base";
    fields.add("event_type", Kind::Text, "", about, |s, _| text(s.kind.as_str()));
    fields.add("side", Kind::Text, "", "BUY or SELL", |s, _| text(s.side.as_str()));
    fields.add("contracts", Kind::Count, "contracts", "How many", |s, _| contracts(s.contracts));
    fields.add("entry_price", Kind::Decimal(8), PRICE, "Price it was filled at", |s, _| price(s.entry));
    fields.add("exit_price", Kind::Decimal(8), PRICE, "Price it ended at; absent for OPENED", |s, _| {
        if s.kind == ScalpEventKind::Opened { Cell::Absent } else { price(s.exit) }
    });
    fields.add("gross", Kind::Money, MONEY, "Result before costs; 0 for OPENED", |s, _| money(s.gross));
    fields.add("costs", Kind::Money, MONEY, "Costs of both sides; 0 for OPENED", |s, _| money(s.gross - s.net));
    fields.add("net", Kind::Money, MONEY, "Result after costs; 0 for OPENED", |s, _| money(s.net));
    let about = "Whole seconds since the first fill";
    fields.add("hold_seconds", Kind::Count, "seconds", about, |s, _| count(s.hold_seconds));
    let about = "A bar could not say what happened first";
    fields.add("unresolved", Kind::Flag, "", about, |s, _| Cell::Flag(s.unresolved));
    fields.0
}
