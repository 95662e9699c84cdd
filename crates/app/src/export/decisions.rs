//! The gate's answers, flat: what was known, the eight layers, the four arms, what came of it.

use alavanca_engine::{Chooser, DecisionRecord};
use alavanca_kernel::{Action, ExitAt, Layer, LayerValue, Price};
use alavanca_ports::{Cell, Kind};
use alavanca_signals::{Places, Voters};

use super::field::{
    Field, Fields, Frame, MONEY, PRICE, SHARE, contracts, count, day, hour, money, option, price, symbol, text, unit,
};
use crate::questions::lead;

pub(super) fn fields() -> Vec<Field<DecisionRecord>> {
    let mut fields = Fields(Vec::new());
    begin(&mut fields);
    levels(&mut fields);
    context(&mut fields);
    allocation(&mut fields);
    for layer in Layer::ALL {
        self::layer(&mut fields, layer);
    }
    for action in Action::ALL {
        arm(&mut fields, action);
    }
    end(&mut fields);
    fields.0
}

fn begin(fields: &mut Fields<DecisionRecord>) {
    fields.add("decision", Kind::Count, "", "The decision's id, from 1", |d, _| count(d.id.get()));
    fields.add_instant("time", "When it was decided", |d| Some(d.context.at));
    fields.add("day", Kind::Day, "", "Its trading day", |d, _| day(d.context.day));
    fields.add("hour", Kind::Text, "", "Its hour in the trading zone", |d, _| hour(d.context.hour));
    fields.add("symbol", Kind::Text, "", "The instrument", |d, frame| symbol(d.context.symbol, frame));
    fields.add("side", Kind::Text, "", "What the boss wanted: BUY or SELL", |d, _| text(d.signal.side.as_str()));
    let about = "The price at which it was decided: the bar's close or the tick's mark";
    fields.add("price", Kind::Decimal(8), PRICE, about, |d, _| price(d.price));
    let about = "How strongly the brains that agree want it";
    fields.add("signal_score", Kind::Real, SHARE, about, |d, _| unit(d.signal.score));
    fields.add("stop_price", Kind::Decimal(8), PRICE, "The stop, where it was asked for as a price", |d, _| {
        at_price(Some(d.signal.stop))
    });
    fields.add("stop_distance", Kind::Decimal(8), PRICE, "The stop, where it was asked for as a distance", |d, _| {
        at_distance(Some(d.signal.stop))
    });
    fields.add("target_price", Kind::Decimal(8), PRICE, "The target, where it was asked for as a price", |d, _| {
        at_price(d.signal.target)
    });
    let about = "The target, where it was asked for as a distance";
    fields.add("target_distance", Kind::Decimal(8), PRICE, about, |d, _| at_distance(d.signal.target));
}

/// Who wanted it, and what lay around its price. Absent where the run's release did not record it.
fn levels(fields: &mut Fields<DecisionRecord>) {
    let about = "The brain whose stop and target the signal has";
    fields.add("lead", Kind::Text, "", about, |d, frame| option(lead(&frame.brains, d), text));
    let about = "The brains that leant or traded the signal's way, with blanks between";
    fields.add("brains_with", Kind::Text, "", about, |d, frame| voters(d, frame, |voters| voters.with));
    let about = "The brains that leant or traded the other way, with blanks between";
    fields.add("brains_against", Kind::Text, "", about, |d, frame| voters(d, frame, |voters| voters.against));
    for (place, name, which) in [(0, "below", "at or below the price"), (1, "above", "above the price")] {
        let zone = move |d: &DecisionRecord| d.zones[place];
        let about = format!("Level 4: the middle of the nearest zone {which}");
        fields.add(format!("zone_{name}"), Kind::Decimal(8), PRICE, about, move |d, _| {
            option(zone(d), |zone| price(zone.price))
        });
        let about = format!("What made the zone {which}");
        fields.add(format!("zone_{name}_kind"), Kind::Text, "", about, move |d, _| {
            option(zone(d), |zone| text(zone.kind.as_str()))
        });
        let about = format!("How strong the zone {which} was");
        fields.add(format!("zone_{name}_strength"), Kind::Real, SHARE, about, move |d, _| {
            option(zone(d), |zone| unit(zone.strength))
        });
    }
}

fn voters(decision: &DecisionRecord, frame: &Frame, of: fn(Voters) -> Places) -> Cell<'static> {
    let DecisionRecord { votes, signal, context, id, .. } = decision;
    if votes.is_empty() {
        return Cell::Absent;
    }
    let names = frame.brains.of(context.symbol, *id, *votes);
    let places = of(votes.voters(signal.side)).places();
    text(places.filter_map(|place| names.get(place).map(String::as_str)).collect::<Vec<_>>().join(" "))
}

fn context(fields: &mut Fields<DecisionRecord>) {
    fields.add("regime", Kind::Text, "", "Level 3: the market's regime", |d, _| text(d.context.regime.as_str()));
    let about = "Level 3: whether the regime is in transition";
    fields.add("transition", Kind::Flag, "", about, |d, _| option(d.context.transition, Cell::Flag));
    let about = "Levels 1 and 2: the ensemble's confidence in the signal";
    fields.add("confidence", Kind::Real, SHARE, about, |d, _| option(d.context.confidence, unit));
    let about = "Levels 1 and 2: how much the brains disagree";
    fields.add("disagreement", Kind::Real, SHARE, about, |d, _| option(d.context.disagreement, unit));
    let about = "Level 4: strength of liquidity at the price";
    fields.add("liquidity", Kind::Real, SHARE, about, |d, _| option(d.context.liquidity, unit));
    let about = "Realised net result of the trading day so far, over all symbols";
    fields.add("daily_profit", Kind::Money, MONEY, about, |d, _| option(d.context.daily_profit, money));
    let about = "The account's equity, where it was fresh";
    fields.add("equity", Kind::Money, MONEY, about, |d, _| option(d.context.equity, money));
    let about = "What the broker left free for margin, where it was known";
    fields.add("free_margin", Kind::Money, MONEY, about, |d, _| option(d.context.free_margin, money));
    let about = "Prudential margin in use by other symbols";
    fields.add("margin_elsewhere", Kind::Money, MONEY, about, |d, _| money(d.context.margin_elsewhere));
    fields.add("risk_state", Kind::Text, "", "Whether entries were allowed", |d, _| text(d.context.risk.as_str()));
}

fn allocation(fields: &mut Fields<DecisionRecord>) {
    let about = "Capital that sized it";
    fields.add("capital", Kind::Money, MONEY, about, |d, _| money(d.allocation.capital));
    let about = "Base contracts that the capital allowed";
    fields.add("allowed_base", Kind::Count, "contracts", about, |d, _| contracts(d.allocation.base));
    let about = "Extra contracts that were allowed";
    fields.add("allowed_extra", Kind::Count, "contracts", about, |d, _| contracts(d.allocation.extra));
    let about = "approved, or what stood in the way first";
    fields.add("reason", Kind::Text, "", about, |d, _| text(d.allocation.reason()));
}

/// A layer's three columns. What is unknown or not demanded is absent.
fn layer(fields: &mut Fields<DecisionRecord>, layer: Layer) {
    let (place, number) = (layer.index(), layer.index() + 1);
    let (value, threshold, unit, meaning) = match layer {
        Layer::Enabled => (Kind::Flag, Kind::Flag, "", "re-leverage is switched on"),
        Layer::RegimeNotForbidden => (Kind::Text, Kind::Text, "", "the regime is not on the forbidden list"),
        Layer::RegimeAllowed => (Kind::Text, Kind::Text, "", "the regime is on the allowed list"),
        Layer::NoTransition => (Kind::Flag, Kind::Flag, "", "no transition is active"),
        Layer::Confidence => (Kind::Real, Kind::Real, SHARE, "confidence is at least its minimum"),
        Layer::DailyProfit => (Kind::Money, Kind::Money, MONEY, "the day's profit is at least its minimum"),
        Layer::Liquidity => (Kind::Real, Kind::Real, SHARE, "liquidity is at least its minimum"),
        Layer::Disagreement => (Kind::Real, Kind::Real, SHARE, "disagreement is at most its maximum"),
    };
    let about = format!("Layer {number}, {meaning}: what came in; absent where it was unknown");
    fields.add(format!("layer_{number}_value"), value, unit, about, move |d, _| layer_value(&d.layers[place].input));
    let about = format!("Layer {number}: what was demanded; absent where nothing was");
    fields.add(format!("layer_{number}_threshold"), threshold, unit, about, move |d, _| {
        layer_value(&d.layers[place].threshold)
    });
    let about = format!("Layer {number}: whether it passed");
    fields.add(format!("layer_{number}_passed"), Kind::Flag, "", about, move |d, _| Cell::Flag(d.layers[place].passed));
}

/// What was known of an action when it was chosen or not.
fn arm(fields: &mut Fields<DecisionRecord>, action: Action) {
    let (place, name) = (action.index(), action.as_str().to_ascii_lowercase());
    let about = format!("Whether {action} could be taken");
    fields
        .add(format!("{name}_available"), Kind::Flag, "", about, move |d, _| Cell::Flag(d.available.contains(action)));
    let about = format!("{action}: alpha of the posterior, prior plus evidence for");
    fields.add(format!("{name}_alpha"), Kind::Real, "", about, move |d, _| Cell::Real(d.arms[place].alpha));
    let about = format!("{action}: beta of the posterior, prior plus evidence against");
    fields.add(format!("{name}_beta"), Kind::Real, "", about, move |d, _| Cell::Real(d.arms[place].beta));
    let about = format!("{action}: rewards learned");
    fields.add(format!("{name}_count"), Kind::Count, "", about, move |d, _| count(d.arms[place].count));
    let about = format!("{action}: sum of the rewards learned");
    fields.add(format!("{name}_total_reward"), Kind::Decimal(6), "", about, move |d, _| {
        Cell::Number(d.arms[place].reward_micros)
    });
}

fn end(fields: &mut Fields<DecisionRecord>) {
    fields.add("action", Kind::Text, "", "What was chosen, and executed", |d, _| text(d.action.as_str()));
    let about = "Who chose: policy, freeze_fallback or policy_off";
    fields.add("chooser", Kind::Text, "", about, |d, _| text(chooser(d.chooser)));
    fields.add("frozen", Kind::Flag, "", "Whether the regime had stopped learning", |d, _| Cell::Flag(d.frozen));
    let about = "Version of the policy that was served";
    fields.add("policy_version", Kind::Count, "", about, |d, _| count(d.policy_version));
    let about = "Base contracts to enter with; 0 for HOLD";
    fields.add("base_contracts", Kind::Count, "contracts", about, |d, _| contracts(d.base));
    fields.add("extra_contracts", Kind::Count, "contracts", "Extra contracts to enter with", |d, _| contracts(d.extra));
    let about = "Base and extra together";
    fields.add("final_contracts", Kind::Count, "contracts", about, |d, _| contracts(d.base + d.extra));
    let about = "The trade it began; absent for HOLD";
    fields.add("trade", Kind::Count, "", about, |d, _| option(d.trade, |trade| count(trade.get())));
}

fn layer_value(value: &LayerValue) -> Cell<'static> {
    match value {
        LayerValue::Missing | LayerValue::NotRequired => Cell::Absent,
        LayerValue::Flag(flag) => Cell::Flag(*flag),
        LayerValue::Regime(regime) => text(regime.as_str()),
        LayerValue::Regimes(regimes) => text(regimes.to_string()),
        LayerValue::Unit(share) => unit(*share),
        LayerValue::Money(amount) => money(*amount),
    }
}

fn at_price(exit: Option<ExitAt>) -> Cell<'static> {
    exit_level(exit, |exit| if let ExitAt::Price(price) = exit { Some(price) } else { None })
}

fn at_distance(exit: Option<ExitAt>) -> Cell<'static> {
    exit_level(exit, |exit| if let ExitAt::Distance(distance) = exit { Some(distance) } else { None })
}

fn exit_level(exit: Option<ExitAt>, of: fn(ExitAt) -> Option<Price>) -> Cell<'static> {
    option(exit.and_then(of), price)
}

/// As stored.
fn chooser(chooser: Chooser) -> &'static str {
    match chooser {
        Chooser::Policy => "policy",
        Chooser::FreezeFallback => "freeze_fallback",
        Chooser::PolicyOff => "policy_off",
    }
}
