//! How a row becomes a record: the way back of [`rows`](crate::rows). Each list of columns stands above the function
//! that reads them, in the same order.

use alavanca_engine::{
    BlockedRecord, DayRecord, DecisionRecord, LearnedRecord, LegRecord, OrderEnd, PolicyEvent, Record, RegimeRecord,
    TradeRecord,
};
use alavanca_kernel::{
    Contracts, DecisionId, FillReport, OrderId, OrderRequest, Price, Regime, Timestamp, TradeId, TradeOutcome,
};
use alavanca_ports::StoreError;
use alavanca_risk::RiskChange;
use alavanca_rl::Arm;
use alavanca_scalp::ScalpEvent;
use alavanca_signals::Weights;
use alavanca_updater::{PolicySnapshot, SnapshotMetrics};
use serde::Deserialize;

use crate::columns::Columns;
use crate::fold::EventDetail;
use crate::names;
use crate::rows::Lesson;

pub(crate) const DECISION: &str = "id, context, price, signal, allocation, layers, state, available, arms, \
                                   policy_version, action, chooser, frozen, base, extra, trade, votes, weights, zones";

pub(crate) fn decision(of: &mut Columns<'_>) -> Result<DecisionRecord, StoreError> {
    Ok(DecisionRecord {
        id: DecisionId::new(of.number()?),
        context: of.json("the context")?,
        price: of.price()?,
        signal: of.json("the signal")?,
        allocation: of.json("the allocation")?,
        layers: of.json("the layers")?,
        state: of.state()?,
        available: names::actions(of.take()?)
            .ok_or_else(|| StoreError::Inconsistent("the available actions are none of ours".to_owned()))?,
        arms: of.json("the arms")?,
        policy_version: of.number()?,
        action: of.parsed()?,
        chooser: of.named("chooser", names::find_chooser)?,
        frozen: of.take()?,
        base: of.contracts()?,
        extra: of.contracts()?,
        trade: of.option(|trade| TradeId::new(trade as u64))?,
        votes: of.json_option("the votes")?.unwrap_or_default(),
        weights: of.json_option("the weights")?.unwrap_or(Weights::none()),
        zones: of.json_option("the zones")?.unwrap_or_default(),
    })
}

pub(crate) const BLOCKED: &str = "context, signal, detail, allocation";

pub(crate) fn blocked(of: &mut Columns<'_>) -> Result<BlockedRecord, StoreError> {
    Ok(BlockedRecord {
        context: of.json("the context")?,
        signal: of.json("the signal")?,
        cause: of.json("the cause")?,
        allocation: of.json_option("the allocation")?,
    })
}

pub(crate) const ORDER: &str = "id, symbol, trade, role, intent, side, quantity, protection, at";

pub(crate) fn order(of: &mut Columns<'_>) -> Result<OrderRequest, StoreError> {
    Ok(OrderRequest {
        id: OrderId::new(of.number()?),
        symbol: of.symbol()?,
        leg: of.leg()?,
        intent: of.named("intent", names::find_intent)?,
        side: of.parsed()?,
        quantity: of.contracts()?,
        protection: of.json("the protection")?,
        at: of.instant()?,
    })
}

pub(crate) const ORDER_END: &str = "order_id, symbol, trade, role, intent, rejected, unfilled, at";

pub(crate) fn order_end(of: &mut Columns<'_>) -> Result<OrderEnd, StoreError> {
    Ok(OrderEnd {
        order: OrderId::new(of.number()?),
        symbol: of.symbol()?,
        leg: of.leg()?,
        intent: of.named("intent", names::find_intent)?,
        rejected: of.named_option("reason of a broker", names::find_reject)?,
        unfilled: of.option(|unfilled| Contracts::new(unfilled as u32))?,
        at: of.instant()?,
    })
}

pub(crate) const FILL: &str = "order_id, symbol, trade, role, intent, side, quantity, remaining, price, reference, \
                               commission, exit, unresolved, deal, at";

pub(crate) fn fill(of: &mut Columns<'_>) -> Result<FillReport, StoreError> {
    Ok(FillReport {
        order: of.option(|order| OrderId::new(order as u64))?,
        symbol: of.symbol()?,
        leg: of.leg()?,
        intent: of.named("intent", names::find_intent)?,
        side: of.parsed()?,
        quantity: of.contracts()?,
        remaining: of.contracts()?,
        price: of.price()?,
        reference: of.price()?,
        commission: of.money()?,
        exit: of.named_option("exit", names::find_exit)?,
        unresolved: of.take()?,
        deal: of.number()?,
        at: of.instant()?,
    })
}

pub(crate) const LEG: &str = "trade, role, symbol, side, open, entered, entry, stop_loss, take_profit, opened_at, \
                              closed_at, cause, gross, costs";

pub(crate) fn leg(of: &mut Columns<'_>) -> Result<LegRecord, StoreError> {
    Ok(LegRecord {
        leg: of.leg()?,
        symbol: of.symbol()?,
        side: of.parsed()?,
        open: of.contracts()?,
        entered: of.contracts()?,
        entry: of.price()?,
        stop_loss: of.option(Price::from_raw)?,
        take_profit: of.option(Price::from_raw)?,
        opened_at: of.instant()?,
        closed_at: of.option(Timestamp::from_micros)?,
        cause: of.named_option("end of a leg", names::find_close)?,
        gross: of.money()?,
        costs: of.money()?,
    })
}

pub(crate) const SCALP: &str = "at, symbol, trade, kind, side, entry, exit, contracts, gross, net, hold_seconds, \
                                unresolved";

pub(crate) fn scalp(of: &mut Columns<'_>) -> Result<ScalpEvent, StoreError> {
    Ok(ScalpEvent {
        at: of.instant()?,
        symbol: of.symbol()?,
        trade: TradeId::new(of.number()?),
        kind: of.named("event of a scalp", names::find_scalp)?,
        side: of.parsed()?,
        entry: of.price()?,
        exit: of.price()?,
        contracts: of.contracts()?,
        gross: of.money()?,
        net: of.money()?,
        hold_seconds: of.number()?,
        unresolved: of.take()?,
    })
}

pub(crate) const TRADE: &str = "id, symbol, state, action, net, reward, opened_at, closed_at, in_transition, decision, \
                                side, base, extra, entry, exit, cause, gross, costs, extra_net, day";

pub(crate) fn trade(of: &mut Columns<'_>) -> Result<TradeRecord, StoreError> {
    Ok(TradeRecord {
        outcome: TradeOutcome {
            trade: TradeId::new(of.number()?),
            symbol: of.symbol()?,
            state: of.state()?,
            action: of.parsed()?,
            net: of.money()?,
            reward: of.reward()?,
            opened_at: of.instant()?,
            closed_at: of.instant()?,
            in_transition: of.take()?,
        },
        decision: DecisionId::new(of.number()?),
        side: of.parsed()?,
        base: of.contracts()?,
        extra: of.contracts()?,
        entry: of.price()?,
        exit: of.price()?,
        cause: of.named("end of a leg", names::find_close)?,
        gross: of.money()?,
        costs: of.money()?,
        extra_net: of.money()?,
        day: of.day()?,
    })
}

/// The columns of a lesson, of `evidence` as `e`.
macro_rules! lesson {
    () => {
        "e.trade, e.batch, e.at, e.symbol, e.state, e.action, e.reward, e.net, e.skipped, e.alpha, e.beta, e.count, \
         e.total_reward, e.policy_version"
    };
}

pub(crate) const LESSON: &str = lesson!();

pub(crate) fn lesson(of: &mut Columns<'_>) -> Result<Lesson, StoreError> {
    Ok(Lesson {
        trade: of.take()?,
        batch: of.take()?,
        at: of.instant()?,
        symbol: of.symbol()?,
        state: of.state()?,
        action: of.parsed()?,
        reward: of.reward()?,
        net: of.money()?,
        skipped: of.named_option("reason not to learn", names::find_skip)?,
        alpha: of.take()?,
        beta: of.take()?,
        count: of.take()?,
        total_reward: of.take()?,
        policy_version: of.take()?,
    })
}

/// What a lesson does not hold stands with its trade, as `t`.
pub(crate) const LEARNED: &str = concat!(lesson!(), ", e.applied, t.opened_at, t.closed_at, t.in_transition");

pub(crate) fn learned(of: &mut Columns<'_>) -> Result<LearnedRecord, StoreError> {
    let lesson = lesson(of)?;
    let wide = |_| StoreError::Inconsistent("the arm's count is too large or too small for what it counts".to_owned());
    Ok(LearnedRecord {
        batch: lesson.batch as u64,
        applied: of.take()?,
        outcome: TradeOutcome {
            trade: TradeId::new(lesson.trade as u64),
            symbol: lesson.symbol,
            state: lesson.state,
            action: lesson.action,
            net: lesson.net,
            reward: lesson.reward,
            opened_at: of.instant()?,
            closed_at: of.instant()?,
            in_transition: of.take()?,
        },
        skipped: lesson.skipped,
        arm: Arm {
            alpha: lesson.alpha,
            beta: lesson.beta,
            count: lesson.count.try_into().map_err(wide)?,
            reward_micros: lesson.total_reward,
        },
        policy_version: lesson.policy_version as u64,
        at: lesson.at,
    })
}

/// Of `policy_events` as `p`, with the snapshot's content as `s` where it is kept.
pub(crate) const LOGGED: &str = "p.kind, p.at, p.regime, p.policy_version, p.detail, s.content";

/// What a policy's event knows of a snapshot that is no longer kept. Databases of the first schema know the id alone.
#[derive(Deserialize)]
struct Pruned {
    snapshot: String,
    #[serde(default)]
    number: Option<u64>,
    #[serde(default)]
    metrics: Option<SnapshotMetrics>,
    #[serde(default)]
    note: String,
    #[serde(default)]
    milestone: bool,
}

/// One entry of the policy's log other than a lesson.
pub(crate) fn logged(of: &mut Columns<'_>) -> Result<Record, StoreError> {
    let kind: String = of.take()?;
    let at = of.option(Timestamp::from_micros)?;
    let regime: Option<String> = of.take()?;
    let policy_version: Option<i64> = of.take()?;
    let missing = |what: &str| StoreError::Inconsistent(format!("{kind} has no {what}"));
    let regime =
        || regime.as_deref().and_then(|name| name.parse::<Regime>().ok()).ok_or_else(|| missing("known regime"));
    let at = || at.ok_or_else(|| missing("instant"));
    match kind.as_str() {
        "FROZEN" | "THAWED" | "ROLLED_BACK" | "IMPORTED" => {
            let EventDetail { kind, by } = of.json("the event")?;
            let policy_version = policy_version.ok_or_else(|| missing("version"))? as u64;
            Ok(Record::Policy(PolicyEvent { regime: regime()?, kind, by, policy_version, at: at()? }))
        }
        "TABLE" => Ok(Record::PolicyTable(Box::new(of.json("the table")?))),
        "PRUNED" => Ok(Record::SnapshotPruned(of.json::<Pruned>("the snapshot's id")?.snapshot)),
        "SNAPSHOT" => {
            let known: Pruned = of.json("what is known of the snapshot")?;
            if let Some(snapshot) = of.json_option("the snapshot")? {
                return Ok(Record::Snapshot(Box::new(snapshot)));
            }
            let of_id = || known.snapshot.rsplit_once('-').and_then(|(_, number)| number.parse().ok());
            let none = SnapshotMetrics {
                batches: 0,
                trade_count: 0,
                batch_pnl: alavanca_kernel::Money::ZERO,
                average_reward_micros: None,
            };
            Ok(Record::Snapshot(Box::new(PolicySnapshot {
                number: known.number.or_else(of_id).ok_or_else(|| missing("number"))?,
                id: known.snapshot,
                regime: regime()?,
                at: at()?,
                policy: Vec::new(),
                metrics: known.metrics.unwrap_or(none),
                note: known.note,
                milestone: known.milestone,
            })))
        }
        other => Err(StoreError::Inconsistent(format!("{other} is no event of the policy's log"))),
    }
}

pub(crate) const RISK: &str = "at, before, after, detail, flatten";

pub(crate) fn risk(of: &mut Columns<'_>) -> Result<RiskChange, StoreError> {
    Ok(RiskChange {
        at: of.instant()?,
        from: of.named("risk state", names::find_risk_state)?,
        to: of.named("risk state", names::find_risk_state)?,
        cause: of.json("the cause")?,
        flatten: of.take()?,
    })
}

pub(crate) const REGIME: &str = "at, day, symbol, before, before_transition, after, after_transition, bars, seconds";

pub(crate) fn regime(of: &mut Columns<'_>) -> Result<RegimeRecord, StoreError> {
    Ok(RegimeRecord {
        at: of.instant()?,
        day: of.day()?,
        symbol: of.symbol()?,
        from: of.parsed()?,
        was_transition: of.take()?,
        to: of.parsed()?,
        transition: of.take()?,
        bars: of.number()?,
        seconds: of.number()?,
    })
}

pub(crate) const DAY: &str = "day, net, equity";

pub(crate) fn day(of: &mut Columns<'_>) -> Result<DayRecord, StoreError> {
    Ok(DayRecord { day: of.day()?, net: of.money()?, equity: of.option(alavanca_kernel::Money::from_cents)? })
}
