//! Changes of the regime.

use alavanca_engine::RegimeRecord;
use alavanca_ports::{Cell, Kind};

use super::field::{Field, Fields, count, day, symbol, text};

pub(super) fn fields() -> Vec<Field<RegimeRecord>> {
    let mut fields: Fields<RegimeRecord> = Fields(Vec::new());
    fields.add("symbol", Kind::Text, "", "The instrument", |r, frame| symbol(r.symbol, frame));
    fields.add("day", Kind::Day, "", "The trading day", |r, _| day(r.day));
    fields.add_instant("time", "The end of the bar that showed it", |r| Some(r.at));
    fields.add("from", Kind::Text, "", "The regime until then", |r, _| text(r.from.as_str()));
    let about = "Whether that was in transition";
    fields.add("from_transition", Kind::Flag, "", about, |r, _| Cell::Flag(r.was_transition));
    let about = "The regime from then on; the same where the transition ended, or the books were closed";
    fields.add("to", Kind::Text, "", about, |r, _| text(r.to.as_str()));
    fields.add("to_transition", Kind::Flag, "", "Whether that is in transition", |r, _| Cell::Flag(r.transition));
    let about = "Bars since the row before, the one that showed the change not included";
    fields.add("bars", Kind::Count, "bars", about, |r, _| count(u64::from(r.bars)));
    fields.add("seconds", Kind::Count, "seconds", "Their length: trading time, without nights and gaps", |r, _| {
        count(r.seconds)
    });
    fields.0
}
