//! Scalps: how they ended, how far they came, how long they took.

use std::collections::BTreeMap;

use alavanca_adapters_sqlite::Selection;
use alavanca_engine::Record;
use alavanca_kernel::{ExitAt, LegRole, Money, OrderIntent, Price, Protection, TradeId};
use alavanca_scalp::{ScalpEvent, ScalpEventKind};
use alavanca_stats::Moments;
use serde::Serialize;

use super::share;
use crate::stored_run::{AskError, RunNotes, StoredRun};

/// Figures of scalps. A scalp counts when it has ended; won is one that was closed with a net result above zero.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScalpStats {
    /// Currency of all amounts.
    pub currency: String,
    /// Scalps that have ended.
    pub total_scalps: u64,
    /// Scalps that are open now.
    pub open: u64,
    /// Of those that were closed (not handed over): won.
    pub wins: u64,
    /// Share of those that were closed that were won, from 0 to 1.
    pub winrate: Option<f64>,
    /// Net result of those that were closed.
    pub total_pnl: f64,
    /// Mean time from the first fill to the end.
    pub avg_hold_time_seconds: Option<f64>,
    /// Scalps that a bar could not resolve: the rule of semantics 21 decided.
    pub unresolved: u64,
    /// Bases that were closed for a won scalp.
    pub protected: u64,
    /// Distances and time limit as the orders had them, the last scalp's.
    pub asked: Option<Asked>,
    /// Ends by kind.
    pub ends: Vec<End>,
    /// Those that ended at the time limit, by how far they had come of the way to the target.
    pub timeouts_by_reach: Vec<Reach>,
}

/// What a scalp was opened with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Asked {
    /// Target, in points.
    pub target_points: Option<f64>,
    /// Stop, in points.
    pub stop_points: Option<f64>,
    /// Time limit.
    pub hold_seconds_max: Option<u32>,
}

/// Scalps that ended in this way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct End {
    /// How.
    pub kind: ScalpEventKind,
    /// How many.
    pub count: u64,
    /// Their share of all.
    pub share: f64,
    /// How far the exit lies from the entry, in points; against the scalp below zero.
    pub mean_reached_points: Option<f64>,
    /// The same as a part of the way to the target.
    pub mean_reached_of_target: Option<f64>,
    /// Mean time held.
    pub mean_hold_seconds: f64,
    /// The same as a part of the time limit.
    pub mean_time_used: Option<f64>,
    /// Net result in all.
    pub net: f64,
}

/// Time-outs that had come so far.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reach {
    /// From this part of the way to the target ...
    pub from: Option<f64>,
    /// ... to below this.
    pub to: Option<f64>,
    /// How many.
    pub count: u64,
}

/// Reads the figures.
///
/// # Errors
/// [`AskError`].
pub fn scalp(run: &StoredRun, symbol: Option<&str>) -> Result<ScalpStats, AskError> {
    let selection = Selection { symbol: run.symbol(symbol)?, ..Selection::default() };
    let mut tally = Scalps::default();
    run.each_record(&selection, &mut |record| tally.observe(run.notes(), record))?;
    Ok(tally.stats(run.notes()))
}

#[derive(Debug, Default)]
struct Scalps {
    /// Exits of the extras that are on their way or open.
    asked: BTreeMap<TradeId, Protection>,
    last_asked: Option<Asked>,
    opened: u64,
    ended: u64,
    closed: u64,
    wins: u64,
    net: Money,
    seconds: u64,
    unresolved: u64,
    protected: u64,
    ends: BTreeMap<ScalpEventKind, Kind>,
    reaches: [u64; BOUNDS.len() + 1],
}

#[derive(Debug, Default)]
struct Kind {
    count: u64,
    points: Moments,
    of_target: Moments,
    seconds: Moments,
    of_limit: Moments,
    net: Money,
}

/// Parts of the way to the target by which time-outs are told apart.
const BOUNDS: [f64; 3] = [0.0, 0.5, 1.0];

impl Scalps {
    fn observe(&mut self, notes: &RunNotes, record: &Record) {
        match record {
            Record::Order(order) if order.leg.role == LegRole::Extra && order.intent == OrderIntent::Open => {
                self.asked.insert(order.leg.trade, order.protection);
            }
            Record::Scalp(event) => match event.kind {
                ScalpEventKind::Opened => self.opened += 1,
                ScalpEventKind::Protected => self.protected += 1,
                _ => self.ended(notes, event),
            },
            _ => {}
        }
    }

    fn ended(&mut self, notes: &RunNotes, event: &ScalpEvent) {
        let protection = self.asked.remove(&event.trade).unwrap_or_default();
        let point = notes.instrument(event.symbol).map(|instrument| instrument.point.to_f64());
        let in_points = |distance: Price| point.map(|point| distance.to_f64() / point);
        let distance = |exit: Option<ExitAt>| match exit {
            Some(ExitAt::Distance(distance)) => Some(distance),
            Some(ExitAt::Price(price)) => Some(Price::from_raw((price - event.entry).raw().abs())),
            None => None,
        };
        let target = distance(protection.target);
        self.last_asked = Some(Asked {
            target_points: target.and_then(in_points),
            stop_points: distance(protection.stop).and_then(in_points),
            hold_seconds_max: protection.hold_seconds,
        });
        let reached = Price::from_raw((event.exit - event.entry).raw() * event.side.sign());
        let of_target = target.filter(|target| target.is_positive()).map(|target| reached.to_f64() / target.to_f64());
        self.ended += 1;
        self.seconds += u64::from(event.hold_seconds);
        self.unresolved += u64::from(event.unresolved);
        if event.kind.is_close() {
            self.closed += 1;
            self.net += event.net;
            self.wins += u64::from(event.net.is_positive());
        }
        if event.kind == ScalpEventKind::Timeout
            && let Some(part) = of_target
        {
            self.reaches[BOUNDS.iter().filter(|bound| part >= **bound).count()] += 1;
        }
        let kind = self.ends.entry(event.kind).or_default();
        kind.count += 1;
        kind.net += event.net;
        kind.seconds.push(f64::from(event.hold_seconds));
        if let Some(points) = in_points(reached) {
            kind.points.push(points);
        }
        if let Some(part) = of_target {
            kind.of_target.push(part);
        }
        if let Some(limit) = protection.hold_seconds.filter(|limit| *limit > 0) {
            kind.of_limit.push(f64::from(event.hold_seconds) / f64::from(limit));
        }
    }

    fn stats(self, notes: &RunNotes) -> ScalpStats {
        let ended = self.ended;
        let end = |(kind, of): (&ScalpEventKind, &Kind)| End {
            kind: *kind,
            count: of.count,
            share: of.count as f64 / ended as f64,
            mean_reached_points: of.points.mean(),
            mean_reached_of_target: of.of_target.mean(),
            mean_hold_seconds: of.seconds.mean().unwrap_or_default(),
            mean_time_used: of.of_limit.mean(),
            net: of.net.to_f64(),
        };
        let reach = |(place, count): (usize, &u64)| Reach {
            from: place.checked_sub(1).map(|below| BOUNDS[below]),
            to: BOUNDS.get(place).copied(),
            count: *count,
        };
        ScalpStats {
            currency: notes.currency(),
            total_scalps: ended,
            open: self.opened.saturating_sub(ended),
            wins: self.wins,
            winrate: share(self.wins, self.closed),
            total_pnl: self.net.to_f64(),
            avg_hold_time_seconds: share(self.seconds, ended),
            unresolved: self.unresolved,
            protected: self.protected,
            asked: self.last_asked,
            ends: self.ends.iter().map(end).collect(),
            timeouts_by_reach: self.reaches.iter().enumerate().map(reach).collect(),
        }
    }
}
