//! The figures of sizing, scalps, policy and learning, each with the answer to its question.

use alavanca_kernel::Money;
use comfy_table::Cell;

use super::decisions::short_action;
use super::explain::{bar, line};
use super::{absent, bullet, count, decimals, figures, money, percent, signed, spoken, titled, wrapped};
use crate::statistics::capital::CapitalStats;
use crate::statistics::policy::{PolicyStats, WhyHold};
use crate::statistics::scalp::{Reach, ScalpStats};
use crate::statistics::updater::UpdaterStats;

/// Sizing: its figures, and the formula with its numbers.
pub fn capital_stats(stats: &CapitalStats, colour: bool) -> String {
    let mut text = "Capital\n".to_owned();
    line(&mut text, "Total decisions", &count(stats.total_decisions));
    line(&mut text, "Without contracts", &count(stats.refused_decisions));
    line(&mut text, "Average base", &format!("{} contracts", decimals(stats.avg_base_contracts, 2)));
    line(&mut text, "Max final", &format!("{} contracts", stats.max_final_contracts));
    line(
        &mut text,
        "Re-leverage",
        &format!("{} of the answers granted an extra contract", percent(stats.realavancagem_frequency)),
    );
    if stats.bar_allocations > 0 {
        line(
            &mut text,
            "Bars beside",
            &format!("{} answers without a signal, not counted above", count(stats.bar_allocations)),
        );
    }
    text.push_str("\nIs the size right?\n");
    match &stats.formula {
        Some(formula) => line(&mut text, "as configured", formula),
        None => text.push_str(&bullet("The settings were not noted: the formula's numbers are unknown.")),
    }
    if let Some(last) = &stats.last {
        let of = last.decision.map_or_else(|| "the last answer".to_owned(), |id| format!("decision {id}"));
        line(&mut text, "the last one", &format!("{of}, {}", last.at));
        line(&mut text, "  its capital", last.sizing.capital_from.as_deref().unwrap_or(&units(last.sizing.capital)));
        if let Some(formula) = &last.sizing.formula {
            line(&mut text, "  its base", formula);
        }
        line(
            &mut text,
            "  granted",
            &format!("{} base + {} extra = {}", last.sizing.base, last.sizing.extra, last.sizing.total),
        );
        if let Some(refusal) = &last.sizing.refusal {
            line(&mut text, "  why not more", refusal);
        }
    }
    if let Some(check) = &stats.check {
        let all = check.agree + check.bounded + check.differ;
        text.push_str(&bullet(&format!(
            "In {} of {} answers the base is what the formula gives for the capital of the moment.",
            count(check.agree),
            count(all)
        )));
        if check.bounded > 0 {
            text.push_str(&bullet(&format!(
                "In {} it is less, and the reason is stored: no money, no equity, or the broker's margin.",
                count(check.bounded)
            )));
        }
        if check.differ > 0 {
            let first = check.first_that_differs.map_or_else(String::new, |id| format!(" (first in decision {id})"));
            text.push_str(&bullet(&format!("ATTENTION: in {} nothing says why{first}.", count(check.differ))));
        }
    }
    if !stats.sizes.is_empty() {
        let mut rows = figures(&["Base contracts", "answers", "capital from", "to"]);
        for size in &stats.sizes {
            rows.add_row([
                size.base.to_string(),
                count(size.answers),
                units(size.capital_from),
                units(size.capital_to),
            ]);
        }
        text.push('\n');
        text.push_str(&titled("", &mut rows, colour));
        let mut rows = figures(&["What stood in the way of more", "answers"]);
        for (reason, answers) in &stats.reasons {
            rows.add_row([
                if reason == "approved" { "nothing: approved".to_owned() } else { spoken(reason) },
                count(*answers),
            ]);
        }
        text.push('\n');
        text.push_str(&titled("", &mut rows, colour));
    }
    text
}

/// Scalps: their figures, and how they end.
pub fn scalp_stats(stats: &ScalpStats, colour: bool) -> String {
    let mut text = "Scalps\n".to_owned();
    line(&mut text, "Total scalps", &count(stats.total_scalps));
    line(&mut text, "Win rate", &percent(stats.winrate));
    line(&mut text, "Total PnL", &format!("{} {}", units(stats.total_pnl), stats.currency));
    line(&mut text, "Average hold", &format!("{} s", decimals(stats.avg_hold_time_seconds, 1)));
    line(&mut text, "Open now", &count(stats.open));
    line(&mut text, "Bases protected", &count(stats.protected));
    line(&mut text, "Not resolved", &format!("{} by a bar: the rule decided", count(stats.unresolved)));
    text.push_str("\nDo they close too early?\n");
    let Some(asked) = stats.asked else {
        text.push_str(&bullet(
            "No scalp has ended. `alavanca decisions --refused` shows which layer refuses the extra contracts.",
        ));
        return text;
    };
    let points = |value: Option<f64>| value.map_or_else(absent, |value| format!("{value:.0}"));
    line(
        &mut text,
        "asked for",
        &format!(
            "target {} points, stop {} points, at most {} s",
            points(asked.target_points),
            points(asked.stop_points),
            asked.hold_seconds_max.map_or_else(absent, |seconds| seconds.to_string())
        ),
    );
    let mut rows =
        figures(&["End", "scalps", "share", "points\nreached", "of the\ntarget", "held (s)", "of the\ntime", "net"]);
    for end in &stats.ends {
        rows.add_row([
            Cell::new(end.kind.as_str()),
            Cell::new(count(end.count)),
            Cell::new(percent(Some(end.share))),
            Cell::new(decimals(end.mean_reached_points, 1)),
            Cell::new(percent(end.mean_reached_of_target)),
            Cell::new(decimals(Some(end.mean_hold_seconds), 1)),
            Cell::new(percent(end.mean_time_used)),
            signed(units(end.net), (end.net * 100.0).round() as i64),
        ]);
    }
    text.push_str(&titled("", &mut rows, colour));
    let timeouts: u64 = stats.timeouts_by_reach.iter().map(|reach| reach.count).sum();
    if timeouts > 0 {
        text.push_str("\nEnded by time, by how far they had come\n");
        for reach in &stats.timeouts_by_reach {
            let part = reach.count as f64 / timeouts as f64;
            line(&mut text, &reached(reach), &format!("{}  {}", bar(part), count(reach.count)));
        }
    }
    let of = |kind: &str| stats.ends.iter().find(|end| end.kind.as_str() == kind);
    let share = |kind: &str| of(kind).map_or(0.0, |end| end.share);
    text.push_str(&bullet(&format!(
        "{} reached the target, {} the stop, {} ran out of time.",
        percent(Some(share("TP_HIT"))),
        percent(Some(share("SL_HIT"))),
        percent(Some(share("TIMEOUT")))
    )));
    if let Some((end, reach)) = of("TIMEOUT").and_then(|end| Some((end, end.mean_reached_of_target?)))
        && end.share >= 0.3
    {
        text.push_str(&bullet(&format!(
            "Time is what ends many: they had come {} of the way on average. The target may be out of reach within the \
             time limit.",
            percent(Some(reach))
        )));
    }
    text.push_str(&bullet("How far a scalp came is its exit, not the best price it saw: that is not recorded."));
    text
}

fn reached(reach: &Reach) -> String {
    let percent = |part: f64| format!("{:.0} %", part * 100.0);
    match (reach.from, reach.to) {
        (None, _) => "against it".to_owned(),
        (Some(_), None) => "target or more".to_owned(),
        (Some(from), Some(to)) => format!("{} to {}", percent(from), percent(to)),
    }
}

/// The policy: its figures by regime, and why HOLD, where that was asked.
pub fn policy_stats(stats: &PolicyStats, colour: bool) -> String {
    let mut text = "Policy\n".to_owned();
    let enabled = match stats.enabled {
        Some(true) => "on",
        Some(false) => "off: every signal is taken (RL_POLICY_ENABLED=false)",
        None => "not known: the settings were not noted",
    };
    line(&mut text, "Policy", enabled);
    line(&mut text, "Version", &count(stats.version));
    line(&mut text, "Prior", &format!("Beta({}, {})", stats.prior[0], stats.prior[1]));
    for regime in &stats.regimes {
        let frozen = if regime.frozen { ", FROZEN" } else { "" };
        let title = format!(
            "{}: {} decisions, {} updates{frozen}",
            regime.regime,
            count(regime.decisions),
            count(regime.total_updates)
        );
        let mut rows = figures(&["", "chosen", "count", "states", "mean\nvalue", "", "mean\nreward"]);
        for of in &regime.actions {
            rows.add_row([
                short_action(of.action).to_owned(),
                count(of.chosen),
                count(of.count),
                count(of.states),
                format!("{:.3}", of.mean_value),
                bar(of.mean_value),
                decimals(of.mean_reward, 3),
            ]);
        }
        text.push_str(&titled(&title, &mut rows, colour));
    }
    match &stats.why_hold {
        Some(why) => text.push_str(&why_hold(why, colour)),
        None => text.push_str(&wrapped("", "`alavanca stats policy --why-hold` says why signals end in HOLD.")),
    }
    text
}

fn why_hold(why: &WhyHold, colour: bool) -> String {
    let mut rows = figures(&[
        "Why HOLD",
        "decisions",
        "HOLD",
        "expected",
        "nothing\nlearned",
        "mean of\nHOLD",
        "mean of the\nbest other",
    ]);
    for of in &why.regimes {
        rows.add_row([
            of.regime.as_str().to_owned(),
            count(of.decisions),
            count(of.hold),
            format!("{:.1}", of.expected),
            count(of.untrained),
            format!("{:.3}", of.mean_hold),
            format!("{:.3}", of.mean_best_other),
        ]);
    }
    let mut text = format!("\n{}", titled("", &mut rows, colour));
    let blocked: u64 = why.blocked.values().sum();
    let part = |n: u64, of: u64| percent((of > 0).then(|| n as f64 / of as f64));
    if blocked > 0 {
        let causes: Vec<String> =
            why.blocked.iter().map(|(cause, n)| format!("{} {}", spoken(cause), count(*n))).collect();
        text.push_str(&bullet(&format!(
            "{} of {} signals never reached the gate ({}): that is no HOLD. `alavanca decisions --blocked` lists them.",
            count(blocked),
            count(why.signals),
            causes.join(", ")
        )));
    }
    text.push_str(&bullet(&format!(
        "HOLD was chosen in {} of {} decisions ({}). The posteriors of the moment made {:.1} likely: {}.",
        count(why.hold),
        count(why.decisions),
        part(why.hold, why.decisions),
        why.expected,
        as_expected(why)
    )));
    if why.untrained > 0 {
        text.push_str(&bullet(&format!(
            "In {} decisions ({}) no open arm had learned anything in that state: each arm was as likely as HOLD.",
            count(why.untrained),
            part(why.untrained, why.decisions)
        )));
    }
    text.push_str(&bullet(
        "HOLD makes no trade, so its arm never learns (RL_LEARNING=CLASSIC): it keeps its prior, and wins wherever the \
         others have learned that they lose.",
    ));
    if why.by_freeze > 0 {
        text.push_str(&bullet(&format!(
            "{} HOLDs are the fallback of a frozen regime (RL_FREEZE_FALLBACK=HOLD).",
            count(why.by_freeze)
        )));
    }
    if why.below_confidence > 0 {
        text.push_str(&bullet(&format!(
            "Confidence was below REALAVANCAGEM_MIN_GLOBAL_CONF in {} decisions: that refuses the extra (layer 5), and \
             makes no HOLD.",
            count(why.below_confidence)
        )));
    }
    text
}

/// Whether so many HOLDs are what chance makes of the posteriors: within three deviations, at most those of a coin.
fn as_expected(why: &WhyHold) -> &'static str {
    let expected = why.expected;
    let scatter = (expected * (1.0 - expected / (why.decisions as f64).max(1.0))).max(0.0).sqrt();
    let off = why.hold as f64 - expected;
    if off.abs() <= 3.0 * scatter + 1.0 {
        "as many as they should be"
    } else {
        "more or fewer than chance makes of them"
    }
}

/// Learning: its figures, and what stands in its way.
pub fn updater_stats(stats: &UpdaterStats, colour: bool) -> String {
    let mut text = "Updater\n".to_owned();
    line(&mut text, "Trades logged", &count(stats.total_trades));
    line(&mut text, "Pending trades", &format!("{} of {} for a batch", stats.pending_trades_count, stats.batch_size));
    line(&mut text, "Snapshots", &count(u64::from(stats.snapshot_count)));
    line(&mut text, "Batch ready", if stats.batch_ready { "yes" } else { "no" });
    line(&mut text, "Batches learned", &count(stats.batches));
    if !stats.regimes.is_empty() {
        let mut rows = figures(&["Regime", "told", "learned", "served", "baseline", "rollbacks", "frozen since"]);
        for of in &stats.regimes {
            rows.add_row([
                of.regime.as_str().to_owned(),
                count(of.told),
                count(of.learned),
                count(of.served),
                format!("{} of {}", of.baseline_trades, of.baseline_of),
                count(of.rollbacks),
                of.frozen_since.clone().unwrap_or_else(absent),
            ]);
        }
        text.push('\n');
        text.push_str(&titled("", &mut rows, colour));
    }
    text.push_str("\nDoes it learn?\n");
    for (name, is_well, what) in checklist(stats) {
        let mark = if is_well { "yes" } else { "NO" };
        text.push_str(&wrapped(&format!("  {mark:<4} {name:<22} "), &what));
    }
    const EVENTS: usize = 8;
    if !stats.events.is_empty() {
        let hidden = stats.events.len().saturating_sub(EVENTS);
        let older = if hidden > 0 { format!(" (the last {EVENTS} of {})", stats.events.len()) } else { String::new() };
        text.push_str("\nWhat happened to the policy");
        text.push_str(&older);
        text.push('\n');
        for event in &stats.events[hidden..] {
            text.push_str(&wrapped(&format!("  {}  {:<10} ", event.at.local, event.regime.as_str()), &event.what));
        }
    }
    text
}

/// The specification's four checks, and two that it has not.
fn checklist(stats: &UpdaterStats) -> Vec<(&'static str, bool, String)> {
    let told = stats.rewards.map_or(0, |rewards| rewards.count);
    let mut list = Vec::new();
    if stats.enabled == Some(false) {
        list.push(("policy on", false, "RL_POLICY_ENABLED is false: nothing is learned.".to_owned()));
    }
    list.push((
        "batches fill",
        stats.batches > 0,
        format!(
            "{} batches of {} trades were learned, {} trades wait for the next.",
            count(stats.batches),
            stats.batch_size,
            stats.pending_trades_count
        ),
    ));
    list.push(match &stats.rewards {
        Some(rewards) => (
            "rewards in 0 to 1",
            (0.0..=1.0).contains(&rewards.least) && (0.0..=1.0).contains(&rewards.most),
            format!(
                "{} rewards from {} to {}, mean {:.3}.",
                count(rewards.count),
                rewards.least,
                rewards.most,
                rewards.mean
            ),
        ),
        None => ("rewards in 0 to 1", false, "no reward was told yet.".to_owned()),
    });
    list.push((
        "same state, same name",
        stats.states.other == 0,
        format!(
            "{} states; {} of {told} trades had the state of their decision.",
            count(stats.states.seen),
            count(stats.states.same)
        ),
    ));
    let frozen: Vec<String> = stats
        .regimes
        .iter()
        .filter_map(|of| {
            let since = of.frozen_since.as_ref()?;
            let why = of.frozen_why.as_deref().unwrap_or("frozen");
            Some(format!("{} since {since} ({why})", of.regime))
        })
        .collect();
    list.push((
        "no regime frozen",
        frozen.is_empty(),
        if frozen.is_empty() {
            format!("none is frozen now; {} trades were skipped for it.", count(stats.skipped_frozen))
        } else {
            format!("{}; {} trades were skipped for it.", frozen.join("; "), count(stats.skipped_frozen))
        },
    ));
    list.push((
        "trades teach",
        stats.skipped_transition * 2 <= told && stats.learned > 0,
        format!(
            "{} of {told} moved the policy; {} were entered during a transition, and are logged alone.",
            count(stats.learned),
            count(stats.skipped_transition)
        ),
    ));
    let rollbacks: u64 = stats.regimes.iter().map(|of| of.rollbacks).sum();
    list.push((
        "lessons stay",
        stats.served * 2 >= stats.learned,
        format!(
            "{} of {} lessons count in the served policy; {} rollbacks took the others back.",
            count(stats.served),
            count(stats.learned),
            count(rollbacks)
        ),
    ));
    list
}

fn units(value: f64) -> String {
    money(Money::from_cents((value * 100.0).round() as i64))
}
