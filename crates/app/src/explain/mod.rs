//! One decision, or one signal that never reached the gate, with everything that led to it and that came of it.
//!
//! Amounts are in units of the account's currency, times in UTC as RFC 3339; what is not recorded or not known is
//! absent. Runs of earlier releases did not record the single brains' votes and the zones.

mod life;
mod view;

use alavanca_adapters_sqlite::Selection;
use alavanca_engine::{BlockCause, BlockedRecord, Chooser, DecisionRecord};
use alavanca_kernel::{
    Action, Allocation, DecisionId, ExitAt, LayerOutcome, MarketContext, Price, Refusal, Signal, SymbolId, Timestamp,
    TradeId,
};
use alavanca_liquidity::Zone;
use alavanca_risk::EntryRefusal;
use alavanca_rl::propensity;

use crate::stored_run::{AskError, RunNotes, StoredRun};

pub use life::Records;
pub use view::{
    ArmView, Blocked, Choice, Explanation, Inputs, Layer, Leg, Lesson, Levels, Moment, NearZone, Sizing, Stand, Step,
    Trade, TradeState, Undone, Vote, Wanted,
};

/// Which decision is to be explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The one of this id.
    Decision(u64),
    /// The last.
    Last,
    /// The decision, or the stopped signal, that is nearest at or before this time.
    At(String),
}

/// Explains it.
///
/// # Errors
/// [`AskError`]: an unknown id says the range that exists.
pub fn explain(run: &StoredRun, which: &Which, symbol: Option<&str>) -> Result<Explanation, AskError> {
    let symbol = run.symbol(symbol)?;
    match which {
        Which::Decision(id) => {
            let selection = Selection { decision: Some(DecisionId::new(*id)), symbol, ..Selection::default() };
            let decision = run.ask(|reader| async move { reader.decisions(&selection).await })?.pop();
            match decision {
                Some(decision) => explain_decision(run, &decision),
                None => Err(no_decision(run, *id, symbol)?),
            }
        }
        Which::Last => {
            let selection = Selection { newest: Some(1), symbol, ..Selection::default() };
            match run.ask(|reader| async move { reader.decisions(&selection).await })?.pop() {
                Some(decision) => explain_decision(run, &decision),
                None => Err(nothing(run, symbol)),
            }
        }
        Which::At(text) => {
            let at = run.notes().parse_time(text)?;
            let up_to = Selection { newest: Some(1), symbol, until: Some(at.plus_micros(1)), ..Selection::default() };
            let decision = run.ask(|reader| async move { reader.decisions(&up_to).await })?.pop();
            let blocked = run.ask(|reader| async move { reader.blocked(&up_to).await })?.pop();
            let asked = Moment::of(run.notes(), at);
            let explained = match (decision, blocked) {
                (Some(decision), Some(blocked)) if blocked.context.at > decision.context.at => {
                    aged(run, &blocked.context, explain_blocked(run.notes(), &blocked))
                }
                (Some(decision), _) => explain_decision(run, &decision),
                (None, Some(blocked)) => aged(run, &blocked.context, explain_blocked(run.notes(), &blocked)),
                (None, None) => Err(nothing_before(run, symbol, at)?),
            };
            explained.map(|explained| Explanation { asked: Some(asked), ..explained })
        }
    }
}

fn no_decision(run: &StoredRun, id: u64, symbol: Option<SymbolId>) -> Result<AskError, AskError> {
    let path = run.notes().path.clone();
    let last = Selection { newest: Some(1), ..Selection::default() };
    let last = run.ask(|reader| async move { reader.decisions(&last).await })?.pop();
    let known = match (last, symbol) {
        (None, _) => return Ok(nothing(run, None)),
        // An id that exists, but of another instrument.
        (Some(last), Some(symbol)) if (1..=last.id.get()).contains(&id) => {
            format!("1 to {}, but {id} is not of {}", last.id, run.notes().symbol_name(symbol))
        }
        (Some(last), _) => format!("1 to {}", last.id),
    };
    Ok(AskError::NoDecision { path, id, known })
}

fn nothing(run: &StoredRun, symbol: Option<SymbolId>) -> AskError {
    let of = symbol.map_or_else(String::new, |symbol| format!(" of {}", run.notes().symbol_name(symbol)));
    AskError::Nothing { path: run.notes().path.clone(), of }
}

fn nothing_before(run: &StoredRun, symbol: Option<SymbolId>, asked: Timestamp) -> Result<AskError, AskError> {
    let all = Selection { symbol, ..Selection::default() };
    let decisions = run.ask(|reader| async move { reader.decisions(&all).await })?;
    let blocked = run.ask(|reader| async move { reader.blocked(&all).await })?;
    let times = decisions.iter().map(|of| of.context.at).chain(blocked.iter().map(|of| of.context.at));
    Ok(match times.min() {
        None => nothing(run, symbol),
        Some(first) => AskError::NothingBefore {
            path: run.notes().path.clone(),
            asked: Moment::of(run.notes(), asked).to_string(),
            first: Moment::of(run.notes(), first).to_string(),
        },
    })
}

fn explain_decision(run: &StoredRun, decision: &DecisionRecord) -> Result<Explanation, AskError> {
    let records = match decision.trade {
        Some(trade) => Records::read(run, trade, decision.state.regime)?,
        None => Records::default(),
    };
    aged(run, &decision.context, explained(run.notes(), decision, &records))
}

/// Adds since when the regime had been what it was.
fn aged(run: &StoredRun, context: &MarketContext, mut told: Explanation) -> Result<Explanation, AskError> {
    /// Between two changes of the regime there are the end of its transition, and the ends of what was recorded.
    const ENOUGH: u64 = 8;
    let symbol = Some(context.symbol);
    let until = Some(context.at.plus_micros(1));
    let selection = Selection { newest: Some(ENOUGH), symbol, until, ..Selection::default() };
    let changes = run.ask(|reader| async move { reader.regimes(&selection).await })?;
    let began = changes.iter().rev().find(|change| change.is_change());
    told.inputs.regime_since =
        began.filter(|change| change.to == context.regime).map(|change| Moment::of(run.notes(), change.at));
    Ok(told)
}

/// A decision, from the records of its trade.
pub fn explained(notes: &RunNotes, decision: &DecisionRecord, records: &Records) -> Explanation {
    let context = &decision.context;
    Explanation {
        wanted: wanted(&decision.signal, Some(decision.price)),
        levels: levels(notes, decision),
        sizing: Some(sizing(notes, context, &decision.allocation)),
        layers: decision.layers.iter().map(layer).collect(),
        choice: Some(choice(decision)),
        steps: records.steps(notes),
        legs: records.legs(),
        trade: decision.trade.map(|trade| records.trade(trade)),
        lesson: records.lesson(notes),
        ..outline(notes, context)
    }
}

/// A signal that never reached the gate.
pub fn explain_blocked(notes: &RunNotes, blocked: &BlockedRecord) -> Explanation {
    let why = match (&blocked.cause, &blocked.allocation) {
        (BlockCause::Capital, Some(Allocation { refusal: Some(refusal), .. })) => refusal.to_string(),
        (BlockCause::Cooldown { until }, _) => {
            format!("the symbol rests after a won scalp, until {}", notes.local_text(*until))
        }
        (BlockCause::Risk { refusal: EntryRefusal::RiskPaused { until } }, _) => {
            format!("a pause after losing trades in a row, until {}", notes.local_text(*until))
        }
        (cause, _) => cause.to_string(),
    };
    Explanation {
        wanted: wanted(&blocked.signal, None),
        blocked: Some(Blocked { cause: blocked.cause.as_str().to_owned(), why }),
        sizing: blocked.allocation.as_ref().map(|allocation| sizing(notes, &blocked.context, allocation)),
        ..outline(notes, &blocked.context)
    }
}

/// What is known of any signal.
fn outline(notes: &RunNotes, context: &MarketContext) -> Explanation {
    Explanation {
        asked: None,
        symbol: notes.symbol_name(context.symbol).to_owned(),
        currency: notes.currency(),
        zone: notes.zone_name().to_owned(),
        at: Moment::of(notes, context.at),
        inputs: Inputs {
            day: context.day.to_string(),
            hour: context.hour.to_string(),
            regime: context.regime,
            transition: context.transition,
            regime_since: None,
            confidence: context.confidence.map(alavanca_kernel::Unit::get),
            disagreement: context.disagreement.map(alavanca_kernel::Unit::get),
            liquidity: context.liquidity.map(alavanca_kernel::Unit::get),
            daily_profit: context.daily_profit.map(alavanca_kernel::Money::to_f64),
            equity: context.equity.map(alavanca_kernel::Money::to_f64),
            free_margin: context.free_margin.map(alavanca_kernel::Money::to_f64),
            margin_elsewhere: context.margin_elsewhere.to_f64(),
            cooldown_until: context.cooldown_until.map(|until| Moment::of(notes, until)),
            resting: context.cooldown_until.is_some_and(|until| until > context.at),
            risk: context.risk,
        },
        wanted: Wanted { side: alavanca_kernel::Side::Buy, score: 0.0, price: None, stop: String::new(), target: None },
        levels: None,
        blocked: None,
        sizing: None,
        layers: Vec::new(),
        choice: None,
        steps: Vec::new(),
        legs: Vec::new(),
        trade: None,
        lesson: None,
    }
}

fn wanted(signal: &Signal, price: Option<Price>) -> Wanted {
    Wanted {
        side: signal.side,
        score: signal.score.get(),
        price: price.map(|price| price.to_string()),
        stop: exit_at(signal.stop),
        target: signal.target.map(exit_at),
    }
}

/// Who wanted it, and what lies around its price; none where it was not recorded.
fn levels(notes: &RunNotes, decision: &DecisionRecord) -> Option<Levels> {
    let DecisionRecord { votes, weights, signal, price, .. } = decision;
    if votes.is_empty() {
        return None;
    }
    let names = notes.brains.of(decision.context.symbol, decision.id, *votes);
    let voters = votes.voters(signal.side);
    let vote = |(place, brain): (usize, String)| Vote {
        brain,
        leans: votes.bias(place),
        wants: votes.trigger(place),
        weight: weights.get(place),
        lead: place == votes.lead() && votes.trigger(place) == Some(signal.side),
        stands: match () {
            () if voters.with.contains(place) => Stand::With,
            () if voters.against.contains(place) => Stand::Against,
            () => Stand::Aside,
        },
    };
    // A zone's middle is a mean: what can be traded is the tick nearest to it.
    let tick = notes.instrument(decision.context.symbol).map_or(Price::ZERO, |instrument| instrument.tick);
    let near = |zone: Zone| {
        let middle = zone.price.to_tick(tick);
        NearZone {
            kind: zone.kind,
            price: middle.to_string(),
            distance: middle.distance(*price).to_string(),
            strength: zone.strength.get(),
            touches: zone.touches,
        }
    };
    let [zone_below, zone_above] = decision.zones.map(|zone| zone.map(near));
    Some(Levels { votes: names.into_iter().enumerate().map(vote).collect(), zone_below, zone_above })
}

fn exit_at(exit: ExitAt) -> String {
    match exit {
        ExitAt::Price(price) => format!("at {price}"),
        ExitAt::Distance(distance) => format!("{distance} from the fill"),
    }
}

/// The formula written out with its numbers (semantics 5 to 7), as far as the settings are known.
pub(crate) fn sizing(notes: &RunNotes, context: &MarketContext, allocation: &Allocation) -> Sizing {
    let capital = notes.settings.as_ref().map(|settings| settings.capital);
    let from = capital.zip(context.equity).map(|(capital, equity)| {
        let held = if context.margin_elsewhere == alavanca_kernel::Money::ZERO {
            String::new()
        } else {
            format!(" - {} held elsewhere", context.margin_elsewhere)
        };
        format!("min({} configured, {equity} equity){held} = {}", capital.operator_capital, allocation.capital)
    });
    let formula = capital.map(|s| {
        let fits = allocation.capital.fits(s.margin_per_contract).clamp(0, i64::from(u32::MAX)) as u32;
        let base = fits.max(s.min_contracts).min(s.max_contracts_cap);
        format!(
            "min(cap {}, max(minimum {}, floor({} / {} = {fits}))) = {base}",
            s.max_contracts_cap, s.min_contracts, allocation.capital, s.margin_per_contract
        )
    });
    let by_formula = capital.map(|s| {
        let fits = allocation.capital.fits(s.margin_per_contract).clamp(0, i64::from(u32::MAX)) as u32;
        fits.max(s.min_contracts).min(s.max_contracts_cap)
    });
    let stands_in_the_base = matches!(
        allocation.refusal,
        Some(
            Refusal::BrokerMargin { .. }
                | Refusal::CapitalShortfall { .. }
                | Refusal::EquityUnknown
                | Refusal::News { .. }
        )
    );
    Sizing {
        capital: allocation.capital.to_f64(),
        capital_from: from,
        formula,
        by_formula,
        base: allocation.base.count(),
        extra: allocation.extra.count(),
        total: allocation.total().count(),
        reason: allocation.reason().to_owned(),
        refusal: allocation.refusal.map(|refusal| refusal.to_string()),
        base_is_bounded: stands_in_the_base && by_formula.is_some_and(|base| base != allocation.base.count()),
    }
}

fn layer(outcome: &LayerOutcome) -> Layer {
    Layer {
        layer: outcome.layer,
        value: outcome.input.to_string(),
        threshold: outcome.threshold.to_string(),
        passed: outcome.passed,
    }
}

/// Arms, mask and the exact probability of each choice (semantics 14; learning.md, the gate on trial).
fn choice(decision: &DecisionRecord) -> Choice {
    let open: Vec<Action> = decision.available.iter().collect();
    let betas: Vec<(f64, f64)> =
        open.iter().map(|action| decision.arms[action.index()]).map(|arm| (arm.alpha, arm.beta)).collect();
    // What was not drawn from the posteriors was certain.
    let chances = match decision.chooser {
        Chooser::Policy => propensity(&betas),
        Chooser::FreezeFallback | Chooser::PolicyOff => {
            open.iter().map(|action| if *action == decision.action { 1.0 } else { 0.0 }).collect()
        }
    };
    let arms = Action::ALL.map(|action| {
        let arm = decision.arms[action.index()];
        let chance = open.iter().position(|open| *open == action).map(|place| chances[place]);
        ArmView {
            action,
            alpha: arm.alpha,
            beta: arm.beta,
            mean: arm.mean_value(),
            count: arm.count,
            available: chance.is_some(),
            probability: chance,
            chosen: action == decision.action,
        }
    });
    Choice {
        decision: decision.id.get(),
        state: decision.state.to_string(),
        state_hash: decision.state.to_hash().to_string(),
        policy_version: decision.policy_version,
        frozen: decision.frozen,
        chooser: decision.chooser,
        arms: arms.to_vec(),
        action: decision.action,
        base: decision.base.count(),
        extra: decision.extra.count(),
        trade: decision.trade.map(TradeId::get),
    }
}

#[cfg(test)]
mod tests;
