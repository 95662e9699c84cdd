//! What became of a trade: its orders, fills, scalp, legs, result, and what the policy learned of it.

use alavanca_adapters_sqlite::Selection;
use alavanca_engine::{
    ChangedBy, LearnSkip, LearnedRecord, LegRecord, OrderEnd, PolicyEvent, PolicyEventKind, TradeRecord,
};
use alavanca_kernel::{
    ExitAt, FillReport, LegId, LegRole, OrderIntent, OrderRequest, Protection, Regime, Reward, Timestamp, TradeId,
};
use alavanca_rl::UpdateRule;
use alavanca_scalp::{ScalpEvent, ScalpEventKind};
use alavanca_updater::PolicySnapshot;

use super::view::{Leg, Lesson, Moment, Step, Trade, TradeState, Undone};
use crate::stored_run::{AskError, RunNotes, StoredRun};

/// The records of one trade.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Records {
    /// Its orders.
    pub orders: Vec<OrderRequest>,
    /// Orders that ended without all of their fill.
    pub ends: Vec<OrderEnd>,
    /// Its fills.
    pub fills: Vec<FillReport>,
    /// Its legs.
    pub legs: Vec<LegRecord>,
    /// Its scalp.
    pub scalps: Vec<ScalpEvent>,
    /// The trade, once it has ended.
    pub trade: Option<TradeRecord>,
    /// What the policy learned of it.
    pub learned: Option<LearnedRecord>,
    /// What happened to its regime's policy from then on.
    pub events: Vec<PolicyEvent>,
    /// The regime's snapshots that are kept.
    pub snapshots: Vec<PolicySnapshot>,
}

impl Records {
    /// Reads them.
    pub(super) fn read(run: &StoredRun, trade: TradeId, regime: Regime) -> Result<Self, AskError> {
        let of = Selection { trade: Some(trade), ..Selection::default() };
        let learned = run.ask(|reader| async move { reader.learned(&of).await })?.pop();
        let (mut events, mut snapshots) = (Vec::new(), Vec::new());
        if let Some(learned) = &learned {
            let later = Selection { since: Some(learned.at), ..Selection::default() };
            events = run.ask(|reader| async move { reader.policy_events(&later).await })?;
            events.retain(|event| event.regime == regime && event.policy_version > learned.policy_version);
            snapshots = run.ask(|reader| async move { reader.snapshots(&Selection::default()).await })?;
            snapshots.retain(|snapshot| snapshot.regime == regime);
        }
        Ok(Self {
            orders: run.ask(|reader| async move { reader.orders(&of).await })?,
            ends: run.ask(|reader| async move { reader.order_ends(&of).await })?,
            fills: run.ask(|reader| async move { reader.fills(&of).await })?,
            legs: run.ask(|reader| async move { reader.legs(&of).await })?,
            scalps: run.ask(|reader| async move { reader.scalps(&of).await })?,
            trade: run.ask(|reader| async move { reader.trades(&of).await })?.pop(),
            learned,
            events,
            snapshots,
        })
    }

    /// Orders, fills and scalp events in the order of time; of one instant, an order stands before its fill.
    pub(super) fn steps(&self, notes: &RunNotes) -> Vec<Step> {
        let mut steps: Vec<(Timestamp, u8, &'static str, String)> = Vec::new();
        steps.extend(self.orders.iter().map(|order| (order.at, 0, leg(order.leg), told_order(order))));
        steps.extend(self.fills.iter().map(|fill| (fill.at, 1, leg(fill.leg), told_fill(fill))));
        steps.extend(self.ends.iter().map(|end| (end.at, 1, leg(end.leg), told_end(end))));
        steps.extend(self.scalps.iter().map(|event| (event.at, 2, "extra", told_scalp(event))));
        steps.sort_by_key(|step| (step.0, step.1));
        let step =
            |(at, _, leg, what): (Timestamp, u8, &'static str, String)| Step { at: Moment::of(notes, at), leg, what };
        steps.into_iter().map(step).collect()
    }

    pub(super) fn legs(&self) -> Vec<Leg> {
        let view = |record: &LegRecord| Leg {
            leg: leg(record.leg),
            side: record.side,
            entered: record.entered.count(),
            open: record.open.count(),
            entry: record.entry.to_string(),
            stop: record.stop_loss.map(|price| price.to_string()),
            target: record.take_profit.map(|price| price.to_string()),
            cause: record.cause.map(|cause| cause.to_string()),
            held_seconds: record.closed_at.map(|closed| closed.secs_since(record.opened_at)),
            gross: record.gross.to_f64(),
            costs: record.costs.to_f64(),
            net: record.net().to_f64(),
        };
        self.legs.iter().map(view).collect()
    }

    pub(super) fn trade(&self, id: TradeId) -> Trade {
        let state = match &self.trade {
            Some(trade) => TradeState::Ended {
                base: trade.base.count(),
                extra: trade.extra.count(),
                entry: trade.entry.to_string(),
                exit: trade.exit.to_string(),
                cause: trade.cause.to_string(),
                gross: trade.gross.to_f64(),
                costs: trade.costs.to_f64(),
                net: trade.outcome.net.to_f64(),
                extra_net: trade.extra_net.to_f64(),
                held_seconds: trade.outcome.closed_at.secs_since(trade.outcome.opened_at),
                day: trade.day.to_string(),
            },
            // An order rejected or never filled leaves no outcome (semantics 12).
            None if self.fills.is_empty() && self.orders.iter().all(|order| self.is_over(order)) => {
                TradeState::NeverFilled
            }
            None => TradeState::Open,
        };
        Trade { trade: id.get(), state }
    }

    fn is_over(&self, order: &OrderRequest) -> bool {
        self.ends.iter().any(|end| end.order == order.id)
    }

    pub(super) fn lesson(&self, notes: &RunNotes) -> Option<Lesson> {
        let learned = self.learned.as_ref()?;
        let reward = learned.outcome.reward;
        let after = [learned.arm.alpha, learned.arm.beta];
        let rule = notes.settings.as_ref().map_or(UpdateRule::Binary, |settings| settings.rl.update);
        let moved = if learned.applied { moves(rule, reward) } else { [0.0, 0.0] };
        Some(Lesson {
            batch: learned.batch,
            at: Moment::of(notes, learned.at),
            action: learned.outcome.action,
            reward: reward.to_f64(),
            applied: learned.applied,
            skipped: learned.skipped.map(|skip| match skip {
                LearnSkip::Frozen => "the regime was frozen".to_owned(),
                LearnSkip::Transition => "it was entered during a transition".to_owned(),
            }),
            before: [after[0] - moved[0], after[1] - moved[1]],
            after,
            policy_version: learned.policy_version,
            undone: if learned.applied { self.undone(learned, notes) } else { None },
        })
    }

    /// The first event that took the lesson out of the served policy.
    fn undone(&self, learned: &LearnedRecord, notes: &RunNotes) -> Option<Undone> {
        let took_back = |event: &&PolicyEvent| match &event.kind {
            PolicyEventKind::RolledBack { snapshot, .. } => {
                let target = self.snapshots.iter().find(|kept| kept.id == *snapshot);
                // A batch is judged at the instant at which it was learned: its snapshot may be gone by now.
                let same_batch = event.at == learned.at && !event.by.is_operator();
                target.map_or(same_batch, |target| target.metrics.batches < learned.batch)
            }
            PolicyEventKind::Imported { .. } => true,
            PolicyEventKind::Frozen { .. } | PolicyEventKind::Thawed => false,
        };
        let event = self.events.iter().find(took_back)?;
        let by = match &event.by {
            ChangedBy::Engine => "",
            ChangedBy::Start => " at the run's start",
            ChangedBy::Operator { .. } => " by the operator",
        };
        let how = match &event.kind {
            PolicyEventKind::RolledBack { snapshot, average: Some(average) } => {
                format!("rolled back{by} to {snapshot}: the batch's average reward was {average}")
            }
            PolicyEventKind::RolledBack { snapshot, average: None } => format!("rolled back{by} to {snapshot}"),
            _ => format!("replaced{by} by an imported policy"),
        };
        Some(Undone { at: Moment::of(notes, event.at), how })
    }
}

/// What a reward adds to alpha and beta (semantics 25).
fn moves(rule: UpdateRule, reward: Reward) -> [f64; 2] {
    match rule {
        UpdateRule::Binary if reward > Reward::HALF => [1.0, 0.0],
        UpdateRule::Binary if reward < Reward::HALF => [0.0, 1.0],
        UpdateRule::Binary => [0.0, 0.0],
        UpdateRule::Fractional => [reward.to_f64(), 1.0 - reward.to_f64()],
    }
}

fn leg(leg: LegId) -> &'static str {
    match leg.role {
        LegRole::Base => "base",
        LegRole::Extra => "extra",
    }
}

fn told_order(order: &OrderRequest) -> String {
    let verb = match order.intent {
        OrderIntent::Open => "to open",
        OrderIntent::Close => "to close",
    };
    let at = |exit: ExitAt| match exit {
        ExitAt::Price(price) => format!("at {price}"),
        ExitAt::Distance(distance) => format!("{distance} away"),
    };
    let Protection { stop, target, hold_seconds, .. } = order.protection;
    let parts = [
        Some(format!("order {} {verb}: {} {}", order.id, order.side, order.quantity)),
        stop.map(|stop| format!("stop {}", at(stop))),
        target.map(|target| format!("target {}", at(target))),
        hold_seconds.map(|seconds| format!("at most {seconds} s")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn told_fill(fill: &FillReport) -> String {
    let of = match (fill.order, fill.exit) {
        (_, Some(exit)) => format!("{exit}, filled"),
        (Some(order), None) => format!("order {order} filled"),
        (None, None) => "filled".to_owned(),
    };
    let moved = fill.reference != fill.price;
    let before = if moved { format!(" ({} before spread and slippage)", fill.reference) } else { String::new() };
    let rest = if fill.remaining.is_zero() { String::new() } else { format!(", {} still to come", fill.remaining) };
    let unsure = if fill.unresolved { "; the bar could not say what came first" } else { "" };
    format!(
        "{of}: {} {} at {}{before}, commission {}{rest}{unsure}",
        fill.side, fill.quantity, fill.price, fill.commission
    )
}

fn told_end(end: &OrderEnd) -> String {
    match (end.rejected, end.unfilled) {
        (Some(reason), _) => format!("order {} rejected: {}", end.order, reason.as_str().replace('_', " ")),
        (None, Some(unfilled)) => format!("order {} ended with {unfilled} unfilled", end.order),
        (None, None) => format!("order {} ended unfilled", end.order),
    }
}

fn told_scalp(event: &ScalpEvent) -> String {
    match event.kind {
        ScalpEventKind::Opened => format!("scalp OPENED: {} {} at {}", event.side, event.contracts, event.entry),
        ScalpEventKind::Protected => "PROTECTED: the base was closed for the scalp's profit".to_owned(),
        kind => format!("scalp {kind} at {} after {} s, net {}", event.exit, event.hold_seconds, event.net),
    }
}
