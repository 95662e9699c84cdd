//! Where each kind of record stands.

use alavanca_engine::Record;
use alavanca_ports::StoreError;

use crate::columns::Columns;
use crate::records;

/// The rows of one kind of record.
#[derive(Debug)]
pub(super) struct Source {
    /// The tables that are joined; the first names the rows in errors.
    pub(super) from: &'static str,
    pub(super) columns: &'static str,
    /// What the rows are ordered by; unique.
    pub(super) place: &'static str,
    /// What stands before `place` in the order, where it is not the place alone.
    pub(super) before_place: Option<&'static str>,
    pub(super) only: &'static str,
    pub(super) at: Option<&'static str>,
    pub(super) day: DayOf,
    pub(super) symbol: Option<&'static str>,
    pub(super) trade: Option<&'static str>,
    pub(super) decision: Option<&'static str>,
    pub(super) read: fn(&mut Columns<'_>) -> Result<Record, StoreError>,
}

/// How a row's trading day is known.
#[derive(Debug)]
pub(super) enum DayOf {
    /// It says it.
    Column(&'static str),
    /// Its trade's decision says it.
    Decision(&'static str),
    /// From where each day ends in the policy's log.
    Log(&'static str),
    /// From what happened around it.
    Around(&'static str),
}

const NONE: Source = Source {
    from: "",
    columns: "",
    place: "id",
    before_place: None,
    only: "",
    at: Some("at"),
    day: DayOf::Decision("trade"),
    symbol: Some("symbol"),
    trade: Some("trade"),
    decision: None,
    read: |_| Err(StoreError::Inconsistent(String::new())),
};

pub(super) static DECISIONS: Source = Source {
    from: "decisions",
    columns: records::DECISION,
    day: DayOf::Column("day"),
    decision: Some("id"),
    read: |of| records::decision(of).map(|record| Record::Decision(Box::new(record))),
    ..NONE
};

pub(super) static BLOCKED: Source = Source {
    from: "blocked",
    columns: records::BLOCKED,
    day: DayOf::Column("day"),
    trade: None,
    read: |of| records::blocked(of).map(|record| Record::Blocked(Box::new(record))),
    ..NONE
};

pub(super) static ORDERS: Source =
    Source { from: "orders", columns: records::ORDER, read: |of| records::order(of).map(Record::Order), ..NONE };

pub(super) static ORDER_ENDS: Source = Source {
    from: "order_ends",
    columns: records::ORDER_END,
    read: |of| records::order_end(of).map(Record::OrderEnded),
    ..NONE
};

pub(super) static FILLS: Source =
    Source { from: "fills", columns: records::FILL, read: |of| records::fill(of).map(Record::Fill), ..NONE };

pub(super) static LEGS: Source = Source {
    from: "positions",
    columns: records::LEG,
    place: "(role = 'EXTRA')",
    before_place: Some("trade"),
    at: Some("coalesce(closed_at, opened_at)"),
    read: |of| records::leg(of).map(Record::Leg),
    ..NONE
};

pub(super) static SCALPS: Source =
    Source { from: "scalps", columns: records::SCALP, read: |of| records::scalp(of).map(Record::Scalp), ..NONE };

pub(super) static TRADES: Source = Source {
    from: "trades",
    columns: records::TRADE,
    before_place: Some("closed_at"),
    at: Some("closed_at"),
    day: DayOf::Column("day"),
    trade: Some("id"),
    decision: Some("decision"),
    read: |of| records::trade(of).map(|record| Record::Trade(Box::new(record))),
    ..NONE
};

pub(super) static LEARNED: Source = Source {
    from: "evidence e LEFT JOIN trades t ON t.id = e.trade",
    columns: records::LEARNED,
    place: "e.seq",
    at: Some("e.at"),
    day: DayOf::Log("e.seq"),
    symbol: Some("e.symbol"),
    trade: Some("e.trade"),
    decision: Some("t.decision"),
    read: |of| records::learned(of).map(|record| Record::Learned(Box::new(record))),
    ..NONE
};

/// The policy's log without the lessons.
const WHOLE_LOG: Source = Source {
    from: "policy_events p LEFT JOIN snapshots s ON s.seq = p.seq",
    columns: records::LOGGED,
    place: "p.seq",
    at: Some("p.at"),
    day: DayOf::Log("p.seq"),
    symbol: None,
    trade: None,
    read: records::logged,
    ..NONE
};

pub(super) static LOG: Source = WHOLE_LOG;

pub(super) static POLICY_EVENTS: Source =
    Source { only: "p.kind IN ('FROZEN', 'THAWED', 'ROLLED_BACK', 'IMPORTED')", ..WHOLE_LOG };

pub(super) static SNAPSHOTS: Source = Source { only: "s.seq IS NOT NULL", ..WHOLE_LOG };

pub(super) static RISK_CHANGES: Source = Source {
    from: "risk_changes",
    columns: records::RISK,
    day: DayOf::Around("at"),
    symbol: None,
    trade: None,
    read: |of| records::risk(of).map(Record::Risk),
    ..NONE
};

pub(super) static REGIMES: Source = Source {
    from: "regimes",
    columns: records::REGIME,
    day: DayOf::Column("day"),
    trade: None,
    read: |of| records::regime(of).map(Record::Regime),
    ..NONE
};

pub(super) static DAYS: Source = Source {
    from: "days",
    columns: records::DAY,
    place: "day",
    at: None,
    day: DayOf::Column("day"),
    symbol: None,
    trade: None,
    read: |of| records::day(of).map(Record::Day),
    ..NONE
};
