//! Pages of rows, and all kinds of them in one order.

use std::collections::VecDeque;

use alavanca_engine::{AllocationRecord, DayRecord, Record};
use alavanca_kernel::{Timestamp, TradingDay};
use alavanca_ports::StoreError;
use sea_orm::ConnectionTrait;

use super::source::{self, Source};
use super::{RunReader, Selection};
use crate::columns::Columns;
use crate::packed;
use crate::store::{all, column, one};
use crate::text::States;

/// How many rows are in memory at a time, of each kind.
const PAGE: usize = 2048;

/// Where a row stands in its source's order.
type Place = (i64, i64);

/// A row's place, its instant where it has one, and the record.
type Placed = (Place, Option<Timestamp>, Record);

/// The rows of one source, page by page.
#[derive(Debug)]
pub(super) struct Rows {
    source: &'static Source,
    sql: String,
    after: Place,
    ended: bool,
}

impl Rows {
    pub(super) async fn new(
        db: &impl ConnectionTrait,
        source: &'static Source,
        selection: &Selection,
    ) -> Result<Self, StoreError> {
        let Source { from, columns, place, before_place, at, .. } = source;
        let conditions = selection.conditions(source);
        let at = at.unwrap_or("NULL");
        let first = before_place.unwrap_or("0");
        let order = |way: &str| match before_place {
            Some(before) => format!("{before} {way}, {place} {way}"),
            None => format!("{place} {way}"),
        };
        let after = match before_place {
            Some(before) => format!("{before} >= ?1 AND ({before} > ?1 OR {place} > ?2)"),
            None => format!("?1 = 0 AND {place} > ?2"),
        };
        let sql = format!(
            "SELECT {first}, {place}, {at}, {columns} FROM {from} WHERE {after}{conditions} ORDER BY {} LIMIT {PAGE}",
            order("ASC")
        );
        let mut rows = Self { source, sql, after: (before_place.map_or(0, |_| i64::MIN), i64::MIN), ended: false };
        if let Some(newest) = selection.newest {
            // The place of the first of them; where there are fewer, all are.
            let sql = format!(
                "SELECT {first}, {place} FROM {from} WHERE true{conditions} ORDER BY {} LIMIT 1 OFFSET {}",
                order("DESC"),
                newest.saturating_sub(1)
            );
            rows.ended = newest == 0;
            if let Some(row) = one(db, &sql, []).await? {
                rows.after = (column(&row, 0)?, column::<i64>(&row, 1)?.saturating_sub(1));
            }
        }
        Ok(rows)
    }

    /// The next page; `None` after the last.
    pub(super) async fn page(
        &mut self,
        db: &impl ConnectionTrait,
        states: &States,
    ) -> Result<Option<Vec<Placed>>, StoreError> {
        if self.ended {
            return Ok(None);
        }
        let rows = all(db, &self.sql, [self.after.0.into(), self.after.1.into()]).await?;
        self.ended = rows.len() < PAGE;
        let mut page = Vec::with_capacity(rows.len());
        for row in &rows {
            let place = (column(row, 0)?, column(row, 1)?);
            let at = column::<Option<i64>>(row, 2)?.map(Timestamp::from_micros);
            let record = (self.source.read)(&mut Columns::from(row, 3, states)).map_err(|e| self.named(place, e))?;
            page.push((place, at, record));
            self.after = place;
        }
        Ok(Some(page).filter(|page| !page.is_empty()))
    }

    /// The error with the row it is of.
    fn named(&self, place: Place, error: StoreError) -> StoreError {
        let table = self.source.from.split(' ').next().unwrap_or_default();
        let what = match error {
            StoreError::Inconsistent(what) => what,
            other => other.to_string(),
        };
        StoreError::Inconsistent(match place {
            (0, row) => format!("row {row} of {table}: {what}"),
            (before, row) => format!("row {before}, {row} of {table}: {what}"),
        })
    }
}

/// The allocations without a decision, page by page; all of the selection but the count of the newest.
#[derive(Debug)]
pub(super) struct Allocations {
    selection: Selection,
    next_chunk: i64,
    ended: bool,
}

impl Allocations {
    pub(super) fn new(selection: &Selection) -> Self {
        let none = selection.trade.is_some() || selection.decision.is_some() || selection.newest == Some(0);
        Self { selection: *selection, next_chunk: 0, ended: none }
    }

    pub(super) async fn page(
        &mut self,
        db: &impl ConnectionTrait,
    ) -> Result<Option<Vec<AllocationRecord>>, StoreError> {
        const CHUNKS: &str = "SELECT chunk, packed FROM allocations WHERE chunk >= ? ORDER BY chunk LIMIT ?";
        let limit = (PAGE / packed::CHUNK) as i64;
        let mut page = Vec::new();
        while page.is_empty() && !self.ended {
            let rows = all(db, CHUNKS, [self.next_chunk.into(), limit.into()]).await?;
            self.ended = (rows.len() as i64) < limit;
            for row in rows {
                let chunk: i64 = column(&row, 0)?;
                let unpacked = packed::unpack(&column::<Vec<u8>>(&row, 1)?)
                    .ok_or_else(|| StoreError::Inconsistent(format!("chunk {chunk} of allocations cannot be read")))?;
                let records =
                    unpacked.into_iter().map(|(context, allocation)| AllocationRecord { context, allocation });
                page.extend(records.filter(|record| self.is_asked(record)));
                self.next_chunk = chunk + 1;
            }
        }
        Ok(Some(page).filter(|page| !page.is_empty()))
    }

    fn is_asked(&self, record: &AllocationRecord) -> bool {
        let Selection { symbol, since, until, .. } = self.selection;
        let (from, to) = self.selection.days();
        symbol.is_none_or(|symbol| record.context.symbol == symbol)
            && (from..=to).contains(&record.context.day.days())
            && since.is_none_or(|since| record.context.at >= since)
            && until.is_none_or(|until| record.context.at < until)
    }
}

/// Kinds in the order in which they come of one instant, where nothing else tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Fill,
    OrderEnd,
    Scalp,
    Leg,
    Trade,
    Risk,
    /// Lessons and the policy's other events: one log.
    Log,
    Regime,
    Blocked,
    Allocation,
    Decision,
    Order,
}

/// One kind's next records.
#[derive(Debug)]
struct Stream {
    kind: Kind,
    of: Of,
    waiting: VecDeque<Placed>,
    last: Timestamp,
}

#[derive(Debug)]
enum Of {
    Rows(Rows),
    /// Allocations, of which so many are passed over.
    Allocations(Allocations, usize),
}

impl Stream {
    async fn fill(&mut self, db: &impl ConnectionTrait, states: &States) -> Result<(), StoreError> {
        if !self.waiting.is_empty() {
            return Ok(());
        }
        match &mut self.of {
            Of::Rows(rows) => self.waiting.extend(rows.page(db, states).await?.into_iter().flatten()),
            Of::Allocations(allocations, passed_over) => {
                while self.waiting.is_empty()
                    && let Some(page) = allocations.page(db).await?
                {
                    let skipped = page.len().min(*passed_over);
                    *passed_over -= skipped;
                    let placed =
                        |record: AllocationRecord| ((0, 0), Some(record.context.at), Record::Allocation(record));
                    self.waiting.extend(page.into_iter().skip(skipped).map(placed));
                }
            }
        }
        Ok(())
    }

    /// When the next record is, what kind it is of and its place; `None` where there is none.
    fn next(&self) -> Option<(Timestamp, Kind, Place)> {
        // What has no instant stands where the one before it stood.
        self.waiting.front().map(|(place, at, _)| (at.unwrap_or(self.last), self.kind, *place))
    }
}

/// Hands out every record of the selection in the order of their instants.
pub(super) async fn each_record(
    reader: &RunReader,
    db: &impl ConnectionTrait,
    selection: &Selection,
    each: &mut dyn FnMut(Record),
) -> Result<(), StoreError> {
    let mut streams = Vec::new();
    for (kind, source) in [
        (Kind::Fill, &source::FILLS),
        (Kind::OrderEnd, &source::ORDER_ENDS),
        (Kind::Scalp, &source::SCALPS),
        (Kind::Leg, &source::LEGS),
        (Kind::Trade, &source::TRADES),
        (Kind::Risk, &source::RISK_CHANGES),
        (Kind::Log, &source::LEARNED),
        (Kind::Log, &source::LOG),
        (Kind::Regime, &source::REGIMES),
        (Kind::Blocked, &source::BLOCKED),
        (Kind::Decision, &source::DECISIONS),
        (Kind::Order, &source::ORDERS),
    ] {
        let of = Of::Rows(Rows::new(db, source, selection).await?);
        streams.push(Stream { kind, of, waiting: VecDeque::new(), last: Timestamp::MIN });
    }
    let of = Of::Allocations(Allocations::new(selection), passed_over(db, selection).await?);
    streams.push(Stream { kind: Kind::Allocation, of, waiting: VecDeque::new(), last: Timestamp::MIN });
    let mut days = VecDeque::new();
    let mut rows = Rows::new(db, &source::DAYS, selection).await?;
    while let Some(page) = rows.page(db, &reader.states).await? {
        days.extend(
            page.into_iter().filter_map(|(_, _, record)| if let Record::Day(day) = record { Some(day) } else { None }),
        );
    }

    let mut sent = 0;
    loop {
        for stream in &mut streams {
            stream.fill(db, &reader.states).await?;
        }
        let Some(stream) = next(&mut streams, sent) else { break };
        let Some((at, ..)) = stream.next() else { break };
        stream.last = at;
        let Some((_, _, record)) = stream.waiting.pop_front() else { break };
        if let Record::Order(order) = &record {
            sent = sent.max(order.id.get());
        }
        if let Some(day) = day_of(&record) {
            end_days(&mut days, |ended| ended.day < day, each);
        }
        each(record);
    }
    end_days(&mut days, |_| true, each);
    Ok(())
}

/// The stream whose record comes next. `sent` is the last order that was handed out.
fn next(streams: &mut [Stream], sent: u64) -> Option<&mut Stream> {
    let first = streams.iter().filter_map(Stream::next).map(|(at, ..)| at).min()?;
    let of_now = |stream: &Stream| stream.next().filter(|(at, ..)| *at == first);
    // What is filled or ended waits for its order, and all that follows from it with it.
    let waits = streams.iter().any(|stream| {
        of_now(stream).is_some()
            && match stream.waiting.front() {
                Some((_, _, Record::Fill(fill))) => fill.order.is_some_and(|order| order.get() > sent),
                Some((_, _, Record::OrderEnded(end))) => end.order.get() > sent,
                _ => false,
            }
    });
    let rank = |kind: Kind| if waits && kind >= Kind::Blocked { (0, kind) } else { (1, kind) };
    streams.iter_mut().filter(|stream| of_now(stream).is_some()).min_by_key(|stream| {
        let (_, kind, place) = stream.next()?;
        Some((rank(kind), place))
    })
}

/// How many of the selection's allocations are older than the newest that are asked for.
async fn passed_over(db: &impl ConnectionTrait, selection: &Selection) -> Result<usize, StoreError> {
    let Some(newest) = selection.newest else { return Ok(0) };
    let (mut all, mut count) = (Allocations::new(selection), 0_usize);
    while let Some(page) = all.page(db).await? {
        count += page.len();
    }
    Ok(count.saturating_sub(newest as usize))
}

/// The day of records that say it.
fn day_of(record: &Record) -> Option<TradingDay> {
    match record {
        Record::Decision(decision) => Some(decision.context.day),
        Record::Blocked(blocked) => Some(blocked.context.day),
        Record::Allocation(allocation) => Some(allocation.context.day),
        Record::Trade(trade) => Some(trade.day),
        Record::Regime(change) => Some(change.day),
        _ => None,
    }
}

fn end_days(days: &mut VecDeque<DayRecord>, is_due: impl Fn(&DayRecord) -> bool, each: &mut dyn FnMut(Record)) {
    while let Some(day) = days.pop_front_if(|day| is_due(day)) {
        each(Record::Day(day));
    }
}
