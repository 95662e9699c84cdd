//! One decision, from its inputs to what was learned of it.

use alavanca_engine::Chooser;
use alavanca_kernel::{Money, Side};
use comfy_table::{Cell, CellAlignment, Color};

use super::backtest::LAYERS;
use super::{count, figures, money, table, titled, wrapped};
use crate::explain::{
    Choice, Explanation, Inputs, Leg, Lesson, Levels, Moment, NearZone, Sizing, Stand, Step, Trade, TradeState, Wanted,
};

/// The explanation as a trader reads it, from top to bottom; with `colour`, what failed stands out.
pub fn explanation(explained: &Explanation, colour: bool) -> String {
    let mut text = head(explained);
    text.push_str(&inputs(&explained.inputs));
    text.push_str(&wanted(&explained.wanted));
    if let Some(of) = &explained.levels {
        text.push_str(&levels(of, colour));
    }
    if let Some(blocked) = &explained.blocked {
        text.push_str("\nStopped before the gate\n");
        text.push_str(&wrapped("  ", &format!("{}: {}.", blocked.cause.replace('_', " "), blocked.why)));
        text.push_str(&wrapped("  ", "Nothing was sampled, no order was sent, and the policy learns nothing of it."));
    }
    if let Some(of) = &explained.sizing {
        text.push_str(&sizing(of));
    }
    if !explained.layers.is_empty() {
        text.push_str(&layers(explained, colour));
    }
    if let Some(of) = &explained.choice {
        text.push_str(&choice(of, colour));
    }
    if !explained.steps.is_empty() {
        text.push_str(&steps(&explained.steps));
    }
    if !explained.legs.is_empty() {
        text.push_str(&legs(&explained.legs));
    }
    if let Some(of) = &explained.trade {
        text.push_str(&trade(of, explained));
    }
    text.push_str(&lesson(explained));
    text
}

fn head(explained: &Explanation) -> String {
    let mut text = match &explained.choice {
        Some(choice) => format!("Decision {} in {}: {}\n", choice.decision, explained.symbol, choice.action),
        None => format!("A signal in {} that never reached the gate\n", explained.symbol),
    };
    line(&mut text, "at", &moment(&explained.at));
    if let Some(asked) = &explained.asked {
        line(&mut text, "asked", &format!("at or before {}", moment(asked)));
    }
    text
}

fn moment(at: &Moment) -> String {
    at.to_string()
}

/// A label and what it says, within the width.
pub(super) fn line(text: &mut String, label: &str, value: &str) {
    text.push_str(&wrapped(&format!("  {label:<18} "), value));
}

fn inputs(of: &Inputs) -> String {
    let mut text = "\nWhat was known\n".to_owned();
    let unknown = || "unknown".to_owned();
    let unit = |value: Option<f64>| value.map_or_else(unknown, |value| format!("{value:.4}"));
    let amount = |value: Option<f64>| value.map_or_else(unknown, units);
    line(&mut text, "trading day, hour", &format!("{}, {}", of.day, of.hour));
    let since = of.regime_since.as_ref().map_or_else(String::new, |since| format!(", since {}", since.local));
    line(&mut text, "regime", &format!("{}{since}", of.regime));
    line(&mut text, "transition", &of.transition.map_or_else(unknown, |yes| if yes { "yes" } else { "no" }.to_owned()));
    line(&mut text, "confidence", &unit(of.confidence));
    line(&mut text, "disagreement", &unit(of.disagreement));
    line(&mut text, "liquidity", &unit(of.liquidity));
    line(&mut text, "profit of the day", &amount(of.daily_profit));
    line(&mut text, "equity", &amount(of.equity));
    line(&mut text, "free margin", &amount(of.free_margin));
    line(&mut text, "margin elsewhere", &units(of.margin_elsewhere));
    let cooldown = match &of.cooldown_until {
        None => "none".to_owned(),
        Some(at) if !of.resting => format!("over since {}", moment(at)),
        Some(at) => format!("until {}", moment(at)),
    };
    line(&mut text, "cooldown", &cooldown);
    line(&mut text, "risk state", of.risk.as_str());
    text
}

fn wanted(of: &Wanted) -> String {
    let mut text = "\nWhat the boss wanted\n".to_owned();
    let price = of.price.as_ref().map_or_else(String::new, |price| format!(" at {price}"));
    line(&mut text, "signal", &format!("{}{price}, score {:.4}", of.side, of.score));
    line(&mut text, "stop", &of.stop);
    line(&mut text, "target", of.target.as_deref().unwrap_or("none"));
    text
}

fn levels(of: &Levels, colour: bool) -> String {
    let mut rows = table(&["Brain", "leans", "wants", "", "weight", ""]);
    if let Some(column) = rows.column_mut(4) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let side = |side: Option<Side>| side.map_or("-", Side::as_str);
    for vote in &of.votes {
        let stands = match vote.stands {
            Stand::With => Cell::new("with"),
            Stand::Against => Cell::new("AGAINST").fg(Color::Red),
            Stand::Aside => Cell::new("aside"),
        };
        rows.add_row([
            Cell::new(&vote.brain),
            Cell::new(side(vote.leans)),
            Cell::new(side(vote.wants)),
            stands,
            Cell::new(format!("{:.4}", vote.weight)),
            Cell::new(if vote.lead { "< stop and target" } else { "" }),
        ]);
    }
    let mut text = titled("Who wanted it", &mut rows, colour);
    text.push_str("\nThe nearest zones\n");
    for (label, zone) in [("above", &of.zone_above), ("below", &of.zone_below)] {
        let zone = zone.as_ref().map_or_else(|| "none known".to_owned(), near_zone);
        line(&mut text, label, &zone);
    }
    text
}

fn near_zone(of: &NearZone) -> String {
    let touches = match of.touches {
        0 => "not touched since".to_owned(),
        1 => "touched once".to_owned(),
        n => format!("touched {} times", count(n.into())),
    };
    let kind = of.kind.as_str();
    format!("{kind} at {}, {} away, strength {:.4}, {touches}", of.price, of.distance, of.strength)
}

fn sizing(of: &Sizing) -> String {
    let mut text = "\nHow many contracts\n".to_owned();
    line(&mut text, "capital", of.capital_from.as_deref().unwrap_or(&units(of.capital)));
    match &of.formula {
        Some(formula) => line(&mut text, "base by formula", formula),
        None => line(&mut text, "base by formula", "the settings were not noted"),
    }
    line(&mut text, "granted", &format!("{} base + {} extra = {}", of.base, of.extra, of.total));
    if of.base_is_bounded {
        line(&mut text, "base bounded", "by what is said here:");
    }
    let why =
        of.refusal.as_ref().map_or_else(|| of.reason.clone(), |why| format!("{} ({why})", of.reason.replace('_', " ")));
    line(&mut text, "why not more", if of.refusal.is_some() { &why } else { "nothing stood in the way: approved" });
    text
}

fn layers(explained: &Explanation, colour: bool) -> String {
    let mut rows = table(&["Layer", "value", "asked for", ""]);
    for column in rows.column_iter_mut().skip(1) {
        column.set_delimiter(',');
    }
    for (layer, (_, _, label)) in explained.layers.iter().zip(LAYERS) {
        let outcome = if layer.passed { Cell::new("passed") } else { Cell::new("FAILED").fg(Color::Red) };
        let asked = match layer.layer {
            alavanca_kernel::Layer::Confidence
            | alavanca_kernel::Layer::DailyProfit
            | alavanca_kernel::Layer::Liquidity
                if layer.threshold != "not required" =>
            {
                format!("at least {}", layer.threshold)
            }
            alavanca_kernel::Layer::Disagreement => format!("at most {}", layer.threshold),
            alavanca_kernel::Layer::RegimeNotForbidden if layer.threshold.is_empty() => "none forbidden".to_owned(),
            alavanca_kernel::Layer::RegimeNotForbidden => format!("not {}", layer.threshold),
            alavanca_kernel::Layer::RegimeAllowed => format!("one of {}", layer.threshold),
            _ => layer.threshold.clone(),
        };
        // The flag is that of the transition, not of its absence.
        let said = |flag: &str| match (layer.layer, flag) {
            (alavanca_kernel::Layer::NoTransition, "true") => "active".to_owned(),
            (alavanca_kernel::Layer::NoTransition, "false") => "none".to_owned(),
            _ => flag.to_owned(),
        };
        rows.add_row([Cell::new(label), Cell::new(said(&layer.value)), Cell::new(said(&asked)), outcome]);
    }
    let passed = explained.layers.iter().filter(|layer| layer.passed).count();
    titled(&format!("The eight layers before an extra contract: {passed} passed"), &mut rows, colour)
}

fn choice(of: &Choice, colour: bool) -> String {
    let mut text = "\nWhat the gate chose\n".to_owned();
    line(&mut text, "state", &format!("{} ({})", of.state, of.state_hash));
    line(&mut text, "policy version", &count(of.policy_version));
    line(&mut text, "regime frozen", if of.frozen { "yes" } else { "no" });
    let who = match of.chooser {
        Chooser::Policy => "the policy, by sampling each open arm's posterior",
        Chooser::FreezeFallback => "the fallback of a frozen regime (RL_FREEZE_FALLBACK)",
        Chooser::PolicyOff => "nobody: the policy is off, and every signal is taken",
    };
    line(&mut text, "who chose", who);
    line(&mut text, "action", &format!("{}: {} base + {} extra", of.action, of.base, of.extra));
    let mut rows = figures(&["Arm", "alpha", "beta", "mean", "", "learned", "probability", ""]);
    for place in [4, 7] {
        if let Some(column) = rows.column_mut(place) {
            column.set_cell_alignment(CellAlignment::Left);
        }
    }
    for arm in &of.arms {
        let probability = match arm.probability {
            Some(chance) => format!("{:.4} %", chance * 100.0),
            None => "masked".to_owned(),
        };
        let chosen = if arm.chosen { Cell::new("<").fg(Color::Green) } else { Cell::new("") };
        let name = arm.action.as_str().replace("ENTER_WITH_", "ENTER_WITH_\n").replace("ENTER_CONS", "ENTER_\nCONS");
        rows.add_row([
            Cell::new(name),
            Cell::new(shape(arm.alpha)),
            Cell::new(shape(arm.beta)),
            Cell::new(format!("{:.4}", arm.mean)),
            Cell::new(bar(arm.mean)),
            Cell::new(count(u64::from(arm.count))),
            Cell::new(probability),
            chosen,
        ]);
    }
    text.push_str(&titled("", &mut rows, colour));
    text
}

/// A share from 0 to 1 as a bar of ten.
pub(super) fn bar(share: f64) -> String {
    let filled = (share.clamp(0.0, 1.0) * 10.0).round() as usize;
    format!("{}{}", "█".repeat(filled), "░".repeat(10 - filled))
}

/// Whole shapes without decimals.
fn shape(value: f64) -> String {
    if (value - value.round()).abs() < 1e-9 { format!("{value:.0}") } else { format!("{value:.4}") }
}

fn steps(of: &[Step]) -> String {
    let mut text = "\nOrders and fills\n".to_owned();
    for step in of {
        text.push_str(&wrapped(&format!("  {}  {:<5}  ", step.at.local, step.leg), &step.what));
    }
    text
}

fn legs(of: &[Leg]) -> String {
    let mut text = "\nLegs as they are now\n".to_owned();
    for leg in of {
        let level =
            |name: &str, level: &Option<String>| level.as_ref().map_or_else(String::new, |at| format!(", {name} {at}"));
        let entered = format!(
            "{} {} at {}{}{}",
            leg.side,
            leg.entered,
            leg.entry,
            level("stop", &leg.stop),
            level("target", &leg.target)
        );
        line(&mut text, leg.leg, &entered);
        let held =
            leg.held_seconds.map_or_else(String::new, |seconds| format!(" after {} s", count(seconds.max(0) as u64)));
        let end = leg.cause.as_deref().map_or_else(|| format!("{} open", leg.open), spoken_cause);
        let result = format!("gross {} - costs {} = net {}", units(leg.gross), units(leg.costs), units(leg.net));
        line(&mut text, "", &format!("{end}{held}: {result}"));
    }
    text
}

/// `STOP_LOSS` → `stop loss`.
fn spoken_cause(cause: &str) -> String {
    cause.to_lowercase().replace('_', " ")
}

fn trade(of: &Trade, explained: &Explanation) -> String {
    let mut text = format!("\nWhat became of it: trade {}\n", of.trade);
    match &of.state {
        TradeState::Ended { cause, gross, costs, net, extra_net, held_seconds, day, extra, .. } => {
            let currency = &explained.currency;
            line(
                &mut text,
                "result",
                &format!("gross {} - costs {} = net {} {currency}", units(*gross), units(*costs), units(*net)),
            );
            if *extra > 0 {
                line(&mut text, "of it the extra", &format!("{} {currency}", units(*extra_net)));
            }
            line(&mut text, "end of the base", &spoken_cause(cause));
            line(
                &mut text,
                "held",
                &format!("{} s, closed on trading day {day}", count((*held_seconds).max(0) as u64)),
            );
        }
        TradeState::Open => line(&mut text, "result", "none yet: something of it is open or on its way"),
        TradeState::NeverFilled => {
            line(&mut text, "result", "none: no order was ever filled, so there is nothing to learn of it either");
        }
    }
    text
}

fn lesson(explained: &Explanation) -> String {
    let mut text = "\nWhat the policy learned\n".to_owned();
    if let Some(of) = &explained.lesson {
        told(&mut text, of);
        return text;
    }
    let why = match (&explained.choice, &explained.trade) {
        (None, _) => return String::new(),
        (Some(choice), _) if choice.chooser == Chooser::PolicyOff => "Nothing: the policy is off.",
        (Some(_), None) => "Nothing: HOLD makes no trade, and only trades teach (RL_LEARNING=CLASSIC).",
        (_, Some(Trade { state: TradeState::Ended { .. }, .. })) => {
            "Nothing yet: the trade waits for its batch to be full (`alavanca stats updater` shows how full it is)."
        }
        (_, Some(Trade { state: TradeState::Open, .. })) => "Nothing yet: the trade has not ended.",
        (_, Some(Trade { state: TradeState::NeverFilled, .. })) => "Nothing: there was no outcome.",
    };
    text.push_str(&wrapped("  ", why));
    text
}

fn told(text: &mut String, of: &Lesson) {
    line(text, "reward", &format!("{} to {}, in batch {} at {}", of.reward, of.action, of.batch, moment(&of.at)));
    let arm = |[alpha, beta]: [f64; 2]| format!("Beta({}, {})", shape(alpha), shape(beta));
    match &of.skipped {
        None => line(text, "arm", &format!("{} -> {}", arm(of.before), arm(of.after))),
        Some(why) => line(text, "arm", &format!("{} stayed: {why}", arm(of.after))),
    }
    line(text, "policy version", &count(of.policy_version));
    match &of.undone {
        Some(undone) => line(text, "taken back", &format!("at {}: {}", moment(&undone.at), undone.how)),
        None if of.applied => line(text, "taken back", "no: it counts"),
        None => {}
    }
}

fn units(value: f64) -> String {
    money(Money::from_cents((value * 100.0).round() as i64))
}
