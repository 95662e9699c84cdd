//! A policy at hand: arms with their posteriors, snapshots, differences, changes.

use std::fmt::Write as _;

use super::{absent, bullet, count, decimals};
use crate::policy::{ArmDiff, ArmView, ChangeReport, PolicyDiff, PolicyView, RegimeView, SnapshotView, VerifyReport};

/// The policy as it is served. Each arm's bar is the unit interval: a line where the value lies with a chance of 90 %, a
/// mark at its mean.
pub fn policy(view: &PolicyView, colour: bool) -> String {
    let PolicyView { db, run_id, scope, prior, version, at, regimes } = view;
    let mut text = format!("Policy of {db}\n");
    let run = run_id.as_deref().unwrap_or("unknown");
    let _ = writeln!(text, "  run       {run}, up to {at}");
    let _ = writeln!(text, "  version   {version}");
    let _ = writeln!(text, "  scope     {scope}, prior Beta({}, {})", prior.alpha, prior.beta);
    for regime in regimes {
        text.push_str(&one_regime(regime, colour));
    }
    if regimes.is_empty() {
        text.push_str("\nNothing was learned in these states: their arms are at the prior.\n");
    }
    text
}

fn one_regime(of: &RegimeView, colour: bool) -> String {
    let updates = if of.updates == 1 { "update" } else { "updates" };
    let mut text = format!("\n{}: {} {updates}", paint(of.regime.as_str(), colour), count(of.updates));
    if let Some(mean) = of.mean_reward {
        let _ = write!(text, ", mean reward {mean:.3}");
    }
    text.push('\n');
    if let (Some(version), Some(at)) = (of.version, &of.changed_at) {
        let _ = writeln!(text, "  last changed {at} (version {version})");
    }
    if let Some(frozen) = &of.frozen {
        let since = frozen.since.map(|at| format!(" since {at}")).unwrap_or_default();
        let _ = writeln!(text, "  frozen{since}: {}", frozen.why);
    }
    if of.left_out > 0 {
        let (arms, are) = if of.left_out == 1 { ("arm", "is") } else { ("arms", "are") };
        let _ = writeln!(text, "  {} {arms} {are} left out", of.left_out);
    }
    let mut state = String::new();
    for (n, arm) in of.arms.iter().enumerate() {
        if n == 0 {
            let _ = writeln!(text, "{HEAD}");
        }
        let name = state_line(arm);
        if name != state {
            let _ = writeln!(text, "  {name}");
            state = name;
        }
        let _ = writeln!(
            text,
            "    {:<24}{:>9.2}{:>9.2}{:>6}{:>7.3}  {:.2}-{:.2}  {}",
            arm.action.as_str(),
            arm.alpha,
            arm.beta,
            arm.count,
            arm.mean,
            arm.low,
            arm.high,
            bar(arm)
        );
    }
    text
}

const HEAD: &str = "                                alpha     beta count   mean  90 %";

/// `14:00 HIGH LOW  0da821e514cffa21`, the regime being said before.
fn state_line(arm: &ArmView) -> String {
    let symbol = arm.symbol.as_ref().map(|symbol| format!("{symbol}  ")).unwrap_or_default();
    format!("{symbol}{}  {}", words(&arm.state), arm.state_hash)
}

/// `TREND_UP|14:00|HIGH|LOW` without its regime.
fn words(state: &str) -> String {
    state.split('|').skip(1).collect::<Vec<_>>().join(" ")
}

/// The unit interval in ten cells.
fn bar(arm: &ArmView) -> String {
    const CELLS: usize = 9;
    let place = |value: f64| ((value * CELLS as f64) as usize).min(CELLS - 1);
    let (low, mean, high) = (place(arm.low), place(arm.mean), place(arm.high));
    let cell = |n: usize| match n {
        n if n == mean => '●',
        n if (low..=high).contains(&n) => '─',
        _ => '·',
    };
    (0..CELLS).map(cell).collect()
}

/// The snapshots that are kept.
pub fn policy_snapshots(snapshots: &[SnapshotView], colour: bool) -> String {
    if snapshots.is_empty() {
        return "There are no snapshots.\n".to_owned();
    }
    let mut text = String::from("Snapshot            Taken (UTC)         trades   mean  milestone  needed  why\n");
    let yes = |is: bool| if is { "yes" } else { "" };
    for of in snapshots {
        // To the minute, which is enough to tell them apart by eye.
        let at: String = of.at.to_string().replace('T', " ").chars().take(16).collect();
        let id = format!("{}{}", of.id, if of.served { "*" } else { "" });
        let mean = decimals(of.mean_reward, 3);
        let (milestone, needed) = (yes(of.milestone), yes(of.needed));
        let line = format!("{id:<20}{at:<18}{:>8}{mean:>7}  {milestone:<9}  {needed:<6}", count(of.trades));
        let _ = if of.note.chars().count() > NOTE {
            writeln!(text, "{}\n{:<20}{}", line.trim_end(), "", of.note)
        } else {
            writeln!(text, "{}", format!("{line}  {}", of.note).trim_end())
        };
    }
    if snapshots.iter().any(|of| of.served) {
        text.push_str("* is what is served.\n");
    }
    if colour { text.replacen("Snapshot", &paint("Snapshot", true), 1) } else { text }
}

/// A longer reason stands on a line of its own.
const NOTE: usize = 16;

/// So many arms are shown; `--json` has all.
const ARMS_SHOWN: usize = 200;

/// Arms that differ, side by side.
pub fn policy_diff(diff: &PolicyDiff, colour: bool) -> String {
    let mut text = format!("a  {}\nb  {}\n", diff.a, diff.b);
    for note in &diff.notes {
        text.push_str(&bullet(note));
    }
    if !diff.left_out.is_empty() {
        let names: Vec<&str> = diff.left_out.iter().map(|regime| regime.as_str()).collect();
        text.push_str(&bullet(&format!("one side alone has {}: not compared", names.join(", "))));
    }
    let equal = count(diff.equal as u64);
    if diff.is_empty() {
        let _ = writeln!(text, "No arm differs, {equal} are the same.");
        return text;
    }
    let _ = writeln!(text, "{} arms differ, {equal} are the same.", count(diff.arms.len() as u64));
    let _ = writeln!(text, "{DIFF_HEAD}");
    let mut last = None;
    for arm in diff.arms.iter().take(ARMS_SHOWN) {
        let place = (arm.symbol.as_ref(), arm.state_hash);
        if last != Some(place) {
            let symbol = arm.symbol.as_ref().map(|symbol| format!("{symbol}  ")).unwrap_or_default();
            let _ = writeln!(text, "{symbol}{}  {}", arm.state.replace('|', " "), arm.state_hash);
            last = Some(place);
        }
        text.push_str(&diff_line(arm, colour));
    }
    if let Some(beyond) = diff.arms.len().checked_sub(ARMS_SHOWN).filter(|beyond| *beyond > 0) {
        let _ = writeln!(text, "{beyond} more: --json has all.");
    }
    text
}

const DIFF_HEAD: &str = "                            a: Beta    n    b: Beta    n mean a mean b  change";

fn diff_line(arm: &ArmDiff, colour: bool) -> String {
    let beta = |alpha: f64, beta: f64| format!("{}, {}", plain(alpha), plain(beta));
    let number = |count: u32| if count == 0 { absent() } else { count.to_string() };
    let (a, b) = (&arm.a, &arm.b);
    let sign = match arm.mean_change {
        up if up > 0.0 => "32",
        down if down < 0.0 => "31",
        _ => "0",
    };
    let change = format!("{:>+8.3}", arm.mean_change);
    let change = if colour { format!("\u{1b}[{sign}m{change}\u{1b}[0m") } else { change };
    format!(
        "  {:<24}{:>9}{:>5}{:>11}{:>5}{:>7.3}{:>7.3}{change}\n",
        arm.action.as_str(),
        beta(a.alpha, a.beta),
        number(a.count),
        beta(b.alpha, b.beta),
        number(b.count),
        a.mean,
        b.mean,
    )
}

/// A number with up to two decimals.
fn plain(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// What was done, or would be.
pub fn policy_changed(report: &ChangeReport, colour: bool) -> String {
    let ChangeReport { db, what, done, is_so_already, regimes, diff, snapshots, version, notes } = report;
    if *is_so_already {
        return format!("{db}: {what}: nothing to do, it is so already.\n");
    }
    let mut text = diff.as_ref().map(|diff| policy_diff(diff, colour)).unwrap_or_default();
    for note in notes {
        text.push_str(&bullet(note));
    }
    let names: Vec<&str> = regimes.iter().map(|regime| regime.as_str()).collect();
    let of = if diff.is_some() { format!(" ({})", names.join(", ")) } else { String::new() };
    if *done {
        let _ = writeln!(text, "{db}: {what}: done{of}, version {} is now {}.", version.0, version.1);
        for id in snapshots {
            let _ = writeln!(text, "  before it: {id} (alavanca policy rollback {id} --db {db} --yes)");
        }
    } else {
        let _ = writeln!(text, "{db}: {what}: nothing was changed yet{of}. Add --yes to do it.");
    }
    text
}

/// What was checked.
pub fn policy_verified(report: &VerifyReport, colour: bool) -> String {
    let mut text = format!("Policy of {}\n", report.db);
    for check in &report.checks {
        let verdict = if check.faults.is_empty() { "ok   " } else { "WRONG" };
        let _ = writeln!(
            text,
            "  {}  {}",
            if check.faults.is_empty() { verdict.to_owned() } else { paint(verdict, colour) },
            check.name
        );
        for fault in &check.faults {
            let _ = writeln!(text, "         {fault}");
        }
    }
    text
}

/// Bold on a terminal.
fn paint(text: &str, colour: bool) -> String {
    if colour { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
}
