//! Live and paper for people.

use std::fmt::Write;

use alavanca_calendar::{Zone, utc_to_local};
use alavanca_kernel::Timestamp;

use crate::live::operate::Found;
use crate::live::run::Beginning;
use crate::live::statement::Statement;
use crate::live::status::{Mode, Status};

/// Where a run that began waits, and what a bridge needs.
pub fn beginning(begun: &Beginning) -> String {
    let Beginning { listening, secret, folder, mode, symbol } = begun;
    format!(
        "{symbol}, {}\n  listening  {listening}\n  secret     {}\n  folder     {}\n",
        mode.as_str(),
        secret.display(),
        folder.display()
    )
}

/// An instant on the trading zone's clock, to the second; without a zone, as from an earlier release, of UTC.
fn local(at: Timestamp, zone: &str) -> String {
    match Zone::by_name("TRADING_TIMEZONE", zone) {
        Ok(zone) => utc_to_local(zone, at).format("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => at.to_string(),
    }
}

/// How an engine stands.
pub fn status(found: &Found, colour: bool) -> String {
    let Some(status) = &found.status else {
        let mut text = format!("{}: no engine ever ran on it\n", found.db.display());
        for waiting in &found.waiting {
            let _ = writeln!(text, "  waiting     {waiting}");
        }
        return text;
    };
    let mut text = String::new();
    let (on, off) = if colour { ("\u{1b}[1;31m", "\u{1b}[0m") } else { ("", "") };
    let runs = if found.running {
        format!("{} (process {})", status.phase.as_str(), status.pid)
    } else {
        format!(
            "NO ENGINE IS RUNNING; {} at {}, this was its last word",
            status.phase.as_str(),
            local(status.at, &status.zone)
        )
    };
    let _ = writeln!(text, "{}, {}: {runs}", status.symbol, status.mode.as_str());
    if found.running && found.silent_seconds > 5 {
        let _ = writeln!(text, "{on}It has said nothing for {} s.{off}", found.silent_seconds);
    }
    if !status.detail.is_empty() {
        let _ = writeln!(text, "  {}", status.detail);
    }
    body(&mut text, status, (on, off));
    if let Some(last) = found.statements.last() {
        let days = if found.statements.len() == 1 { "day" } else { "days" };
        let _ = writeln!(text, "  statements  of {} {days}, the last {}", found.statements.len(), last.display());
    }
    for waiting in &found.waiting {
        let _ = writeln!(text, "  waiting     {waiting}");
    }
    text
}

fn body(text: &mut String, status: &Status, (on, off): (&str, &str)) {
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<11} {value}");
    };
    match &status.session {
        Some(session) => line(
            "bridge",
            format!(
                "{}, account {} on {} ({}), epoch {}, {}",
                session.bridge,
                session.login,
                session.server,
                session.trade_mode,
                session.epoch,
                if session.armed { "armed" } else { "not armed" }
            ),
        ),
        None => line("bridge", format!("none; waiting on {}", status.listening)),
    }
    line("entries", {
        if status.stopped_by.is_empty() {
            status.risk.to_string()
        } else {
            format!("{on}{}{off}: {}", status.risk, status.stopped_by.join("; "))
        }
    });
    if let Some(at) = status.market_at {
        line("market time", format!("{} {}", local(at, &status.zone), status.zone));
    }
    if let Some(account) = &status.account {
        let money = format!(
            "balance {}, equity {}, free margin {} (at {})",
            account.balance,
            account.equity,
            account.free_margin,
            local(account.at, &status.zone)
        );
        line("account", money);
    }
    line("day", format!("net {}; {} trades ended", status.day_net, status.trades));
    match &status.reconciled {
        Some(last) if last.differences.is_empty() => {
            line("reconciled", format!("yes, at {}", local(last.at, &status.zone)));
        }
        Some(last) => {
            for difference in &last.differences {
                line("reconciled", format!("{on}NO{off}: {difference}"));
            }
        }
        None => line("reconciled", "not yet".to_owned()),
    }
    if !status.in_doubt.is_empty() {
        let orders: Vec<String> = status.in_doubt.iter().map(u64::to_string).collect();
        line("in doubt", format!("{on}orders {}{off}", orders.join(", ")));
    }
    if status.legs.is_empty() {
        line("open", "nothing".to_owned());
    }
    for leg in &status.legs {
        let level =
            |level: Option<alavanca_kernel::Price>| level.map_or_else(|| "none".to_owned(), |at| at.to_string());
        line(
            "open",
            format!(
                "{}: {} {} at {}, stop {}, target {}",
                leg.leg,
                leg.side,
                leg.open,
                leg.entry,
                level(leg.stop),
                level(leg.target)
            ),
        );
    }
    if status.latency.count > 0 {
        let of = &status.latency;
        let figures = format!(
            "tick to order: median {} us, p99 {} us, worst {} us, of {}",
            of.median_us, of.p99_us, of.worst_us, of.count
        );
        line("latency", figures);
    }
}

/// What a day came to.
pub fn statement(of: &Statement) -> String {
    let mut text = String::new();
    let money =
        |money: Option<alavanca_kernel::Money>| money.map_or_else(|| "not read".to_owned(), |of| of.to_string());
    let at = |at: Option<Timestamp>| at.map_or_else(|| "?".to_owned(), |at| local(at, &of.zone));
    let day = of.day.as_ref().map(|day| format!(", {day}")).unwrap_or_default();
    let _ = writeln!(text, "\nStatement: {}, {}{day}", of.symbol, of.mode.as_str());
    let _ = writeln!(text, "  account      {}", of.account.as_deref().unwrap_or("none"));
    let _ = writeln!(text, "  from         {} {}", at(of.from), of.zone);
    let _ = writeln!(text, "  to           {} ({})", at(of.to), of.ended);
    let _ = writeln!(text, "  trades       {}, {} fills, {} ticks", of.trades, of.fills, of.ticks);
    if !of.legs.is_empty() {
        let _ = writeln!(text, "\n  trade  opened    leg    side  contracts        entry          net  end");
        for leg in &of.legs {
            let opened = local(leg.opened_at, &of.zone);
            let end = if leg.open > 0 { format!("{} open", leg.open) } else { leg.cause.clone().unwrap_or_default() };
            let _ = writeln!(
                text,
                "  {:>5}  {:<8}  {:<5}  {:<4}  {:>9}  {:>11}  {:>11}  {end}",
                leg.trade,
                opened.get(11..19).unwrap_or_default(),
                leg.role,
                leg.side,
                leg.entered,
                leg.entry.to_string(),
                leg.net.to_string()
            );
        }
        text.push('\n');
    }
    let _ = writeln!(text, "  base         {:>12}", of.base_net.to_string());
    let _ = writeln!(text, "  extra        {:>12}", of.extra_net.to_string());
    let _ = writeln!(text, "  net          {:>12}  (commission {})", of.net.to_string(), of.commission);
    let _ = writeln!(text, "  money before {:>12}", money(of.balance_before));
    let _ = writeln!(text, "  money after  {:>12}", money(of.balance_after));
    let _ = writeln!(text, "  reconciled to the centavo: {}", if of.reconciled { "yes" } else { "NO" });
    if let Some(rest) = of.unexplained.filter(|rest| *rest != alavanca_kernel::Money::ZERO) {
        let _ = writeln!(text, "  the money moved by {rest} more than the books have");
    }
    for difference in &of.differences {
        let _ = writeln!(text, "  {difference}");
    }
    if !of.in_doubt.is_empty() {
        let _ = writeln!(text, "  in doubt: {:?}", of.in_doubt);
    }
    for (control, count) in &of.refused {
        let _ = writeln!(text, "  refused by {control}: {count}");
    }
    if of.mode == Mode::DryRun {
        text.push_str("  A dry run: nothing was sent.\n");
    }
    let latency = &of.latency;
    if latency.count > 0 {
        let _ = writeln!(
            text,
            "  tick to order: median {} us, p99 {} us, worst {} us, of {}",
            latency.median_us, latency.p99_us, latency.worst_us, latency.count
        );
    }
    text
}
