//! Lists of decisions, and of the signals that never became one.

use std::collections::BTreeMap;

use alavanca_adapters_sqlite::Selection;
use alavanca_engine::{BlockedRecord, Chooser, DecisionRecord, TradeRecord};
use alavanca_kernel::{Action, DecisionId, Layer, Regime, Side, TradingDay};
use serde::Serialize;

use crate::brain_names::BrainNames;
use crate::explain::explain_blocked;
use crate::stored_run::{AskError, RunNotes, StoredRun};

/// Which decisions are asked for; what is not said leaves nothing out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DecisionFilter {
    /// Of this instrument.
    pub symbol: Option<String>,
    /// From this trading day on.
    pub from: Option<TradingDay>,
    /// Up to this trading day, which is in it.
    pub to: Option<TradingDay>,
    /// With this action.
    pub action: Option<Action>,
    /// In this regime.
    pub regime: Option<Regime>,
    /// Whether an extra contract could have been taken.
    pub granted: Option<bool>,
    /// In which this layer failed, first or not.
    pub layer: Option<Layer>,
    /// Whose trade was won (or not): its net result is above zero. Only trades that have ended.
    pub won: Option<bool>,
    /// So many, the newest; none are all.
    pub last: Option<usize>,
}

/// Decisions, old to new.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decisions {
    /// The trading zone.
    pub zone: String,
    /// The run's instruments.
    pub symbols: Vec<String>,
    /// Decisions in the database.
    pub of: usize,
    /// Decisions that fit the question.
    pub found: usize,
    /// The newest of them.
    pub decisions: Vec<DecisionLine>,
}

/// A decision in a line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DecisionLine {
    /// Its id.
    pub decision: u64,
    /// When, in UTC.
    pub at: String,
    /// When, on the trading zone's wall clock.
    pub local: String,
    /// The trading day.
    pub day: String,
    /// The instrument.
    pub symbol: String,
    /// The signal's side.
    pub side: Side,
    /// The brain whose stop and target it has; absent where it was not recorded.
    pub lead: Option<String>,
    /// The regime.
    pub regime: Regime,
    /// What was chosen.
    pub action: Action,
    /// Who chose it.
    pub chooser: Chooser,
    /// Base contracts entered.
    pub base: u32,
    /// Extra contracts entered.
    pub extra: u32,
    /// Whether an extra could have been taken.
    pub granted: bool,
    /// What stood in its way first; `approved` where nothing did.
    pub reason: String,
    /// The layers that failed.
    pub failed: Vec<Layer>,
    /// The trade it began.
    pub trade: Option<u64>,
    /// Net result of the trade, once it has ended.
    pub net: Option<f64>,
    /// How its base ended.
    pub cause: Option<String>,
}

/// Signals that never reached the gate, old to new.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BlockedSignals {
    /// The trading zone.
    pub zone: String,
    /// The run's instruments.
    pub symbols: Vec<String>,
    /// Stopped signals that fit the question.
    pub found: usize,
    /// Of them, how many for each cause.
    pub by_cause: BTreeMap<String, u64>,
    /// The newest of them.
    pub signals: Vec<BlockedLine>,
}

/// A stopped signal in a line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BlockedLine {
    /// When, in UTC.
    pub at: String,
    /// When, on the trading zone's wall clock.
    pub local: String,
    /// The trading day.
    pub day: String,
    /// The instrument.
    pub symbol: String,
    /// The signal's side.
    pub side: Side,
    /// The regime.
    pub regime: Regime,
    /// The stored cause.
    pub cause: String,
    /// In a sentence, with the numbers.
    pub why: String,
}

/// Lists decisions.
///
/// # Errors
/// [`AskError`].
pub fn decisions(run: &StoredRun, filter: &DecisionFilter) -> Result<Decisions, AskError> {
    let selection = selection(run, filter)?;
    let mut found = run.ask(|reader| async move { reader.decisions(&selection).await })?;
    let of = found.len();
    // A trade closes on its own day: which decisions it is of is known from the trade alone.
    let of_symbol = Selection { from: None, to: None, ..selection };
    let trades = run.ask(|reader| async move { reader.trades(&of_symbol).await })?;
    let trades: BTreeMap<DecisionId, TradeRecord> = trades.into_iter().map(|trade| (trade.decision, trade)).collect();
    found.retain(|decision| fits(filter, decision, trades.get(&decision.id)));
    let newest = newest(&found, filter.last);
    Ok(Decisions {
        zone: run.notes().zone_name().to_owned(),
        symbols: run.notes().symbols.clone(),
        of,
        found: found.len(),
        decisions: newest.iter().map(|decision| line(run.notes(), decision, trades.get(&decision.id))).collect(),
    })
}

/// Lists signals that were stopped before the gate. Of the filter, instrument, days, regime and number count.
///
/// # Errors
/// [`AskError::Usage`] where something is asked of them that only decisions have.
pub fn blocked(run: &StoredRun, filter: &DecisionFilter) -> Result<BlockedSignals, AskError> {
    let of_decisions = [
        ("--action", filter.action.is_some()),
        ("--granted and --refused", filter.granted.is_some()),
        ("--layer", filter.layer.is_some()),
        ("--won and --lost", filter.won.is_some()),
    ];
    if let Some((flag, _)) = of_decisions.into_iter().find(|(_, asked)| *asked) {
        return Err(AskError::Usage(format!(
            "{flag} asks for what only decisions have; a signal of --blocked never became one: leave one of them out"
        )));
    }
    let selection = selection(run, filter)?;
    let mut found = run.ask(|reader| async move { reader.blocked(&selection).await })?;
    found.retain(|blocked| filter.regime.is_none_or(|regime| blocked.context.regime == regime));
    let mut by_cause = BTreeMap::new();
    for blocked in &found {
        *by_cause.entry(blocked.cause.as_str().to_owned()).or_default() += 1;
    }
    Ok(BlockedSignals {
        zone: run.notes().zone_name().to_owned(),
        symbols: run.notes().symbols.clone(),
        found: found.len(),
        by_cause,
        signals: newest(&found, filter.last).iter().map(|blocked| blocked_line(run.notes(), blocked)).collect(),
    })
}

fn selection(run: &StoredRun, filter: &DecisionFilter) -> Result<Selection, AskError> {
    if let (Some(from), Some(to)) = (filter.from, filter.to)
        && from > to
    {
        return Err(AskError::Usage(format!("--from {from} is after --to {to}: no day is asked for")));
    }
    let symbol = run.symbol(filter.symbol.as_deref())?;
    Ok(Selection { symbol, from: filter.from, to: filter.to, ..Selection::default() })
}

fn fits(filter: &DecisionFilter, decision: &DecisionRecord, trade: Option<&TradeRecord>) -> bool {
    let granted = !decision.allocation.extra.is_zero();
    filter.action.is_none_or(|action| decision.action == action)
        && filter.regime.is_none_or(|regime| decision.state.regime == regime)
        && filter.granted.is_none_or(|wanted| granted == wanted)
        && filter.layer.is_none_or(|layer| !decision.allocation.layers.passed(layer))
        && filter.won.is_none_or(|won| trade.is_some_and(|trade| trade.outcome.net.is_positive() == won))
}

fn newest<T>(found: &[T], last: Option<usize>) -> &[T] {
    &found[found.len().saturating_sub(last.unwrap_or(usize::MAX))..]
}

fn line(notes: &RunNotes, decision: &DecisionRecord, trade: Option<&TradeRecord>) -> DecisionLine {
    DecisionLine {
        decision: decision.id.get(),
        at: decision.context.at.to_string(),
        local: notes.local_text(decision.context.at),
        day: decision.context.day.to_string(),
        symbol: notes.symbol_name(decision.context.symbol).to_owned(),
        side: decision.signal.side,
        lead: lead(&notes.brains, decision),
        regime: decision.state.regime,
        action: decision.action,
        chooser: decision.chooser,
        base: decision.base.count(),
        extra: decision.extra.count(),
        granted: !decision.allocation.extra.is_zero(),
        reason: decision.allocation.reason().to_owned(),
        failed: Layer::ALL.into_iter().filter(|layer| !decision.allocation.layers.passed(*layer)).collect(),
        trade: decision.trade.map(alavanca_kernel::TradeId::get),
        net: trade.map(|trade| trade.outcome.net.to_f64()),
        cause: trade.map(|trade| trade.cause.to_string()),
    }
}

/// The brain whose stop and target the signal has. A reversal's is of an earlier bar than its votes.
pub(crate) fn lead(brains: &BrainNames, decision: &DecisionRecord) -> Option<String> {
    let DecisionRecord { votes, signal, context, id, .. } = decision;
    let place = votes.lead();
    let names = brains.of(context.symbol, *id, *votes);
    names.into_iter().nth(place).filter(|_| votes.trigger(place) == Some(signal.side))
}

fn blocked_line(notes: &RunNotes, blocked: &BlockedRecord) -> BlockedLine {
    let why = explain_blocked(notes, blocked).blocked.map_or_else(String::new, |blocked| blocked.why);
    BlockedLine {
        at: blocked.context.at.to_string(),
        local: notes.local_text(blocked.context.at),
        day: blocked.context.day.to_string(),
        symbol: notes.symbol_name(blocked.context.symbol).to_owned(),
        side: blocked.signal.side,
        regime: blocked.context.regime,
        cause: blocked.cause.as_str().to_owned(),
        why,
    }
}
