//! A walk-forward as a trader reads it.

use std::fmt::Write as _;

use alavanca_stats::quantile;
use comfy_table::Cell;

use super::{absent, bullet, count, decimals, figures, money, percent, short, signed, titled, wrapped};
use crate::compare::Interval;
use crate::walkforward::{Figures, Learn, Null, Objective, Verdict, WalkReport};

/// The evaluation: the verdict, what it rests on, and each fold. With `colour`, results are green or red.
pub fn walkforward(report: &WalkReport, colour: bool) -> String {
    let mut text = head(report);
    text.push('\n');
    text.push_str(&wrapped("", &verdict(report)));
    text.push_str(&total(report, colour));
    text.push_str(&intervals(report, colour));
    if let Some(null) = &report.null {
        text.push_str(&shuffled(report, null, colour));
    }
    text.push_str(&folds(report, colour));
    text.push_str(&notes(report));
    text
}

fn head(report: &WalkReport) -> String {
    let source = &report.source;
    let made_up = if source.synthetic { " (synthetic: no real market)" } else { "" };
    let mut text = format!("Walk-forward of {} on {}{made_up}\n", report.symbol, source.name);
    let plan = &report.plan;
    let _ = writeln!(
        text,
        "  data      {} trading days, {} rows ({})",
        count(report.days as u64),
        count(source.rows),
        source.kind
    );
    if let (Some(first), Some(last)) = (&source.first, &source.last) {
        let _ = writeln!(text, "  span      {first} to {last}");
    }
    let anchored = if plan.anchored { " from the first day on" } else { "" };
    let _ = writeln!(
        text,
        "  windows   learn {}{anchored}, leave out {}, trade {}; every {}",
        plan.train, plan.embargo, plan.test, plan.step
    );
    let learn = match report.learn {
        Learn::Online => "online: on test windows from each trade once it is closed",
        Learn::Frozen => "frozen: on test windows the policy learns nothing",
    };
    let _ = writeln!(text, "  learning  {learn}");
    let _ = writeln!(text, "  settings  {}, seed {}", short(&report.settings), report.seed);
    text
}

/// The one sentence that the evaluation is for.
fn verdict(report: &WalkReport) -> String {
    let currency = &report.currency;
    let interval = report.intervals.as_ref().map_or_else(String::new, |intervals| {
        let Interval { low, high } = intervals.mean_daily_net;
        format!("{} to {} {currency} a day", spoken_sign(low), spoken_sign(high))
    });
    let over = format!("{} test days and {} trades", count(report.gate.days as u64), count(report.gate.trades as u64));
    match report.verdict {
        Verdict::TooLittle => format!("TOO LITTLE to say anything: {over}. Take more data or shorter windows."),
        Verdict::NoEvidence => format!(
            "NO EVIDENCE OF AN EDGE: over {over} the net result lies at {interval} (95 %), and that includes 0."
        ),
        Verdict::Loses => format!("IT LOSES: over {over} the net result lies at {interval} (95 %), below 0."),
        Verdict::NotAgainstChance => format!(
            "NO EVIDENCE OF AN EDGE: the interval ({interval}) lies above 0, but shuffled markets reached as much in \
             too many copies."
        ),
        Verdict::Edge if report.source.synthetic => format!(
            "AN EDGE ON A MADE-UP MARKET, which proves nothing: over {over} the net result lies at {interval} (95 %)."
        ),
        Verdict::Edge => format!(
            "SIGNS OF AN EDGE: over {over} the net result lies at {interval} (95 %), above 0. It is one history; costs \
             and fills here are kinder than most."
        ),
    }
}

fn spoken_sign(value: f64) -> String {
    format!("{value:+.2}")
}

fn total(report: &WalkReport, colour: bool) -> String {
    let mut table = figures(&["Out of sample, all test windows", "gate", "Level 4"]);
    let currency = &report.currency;
    let both = [&report.gate, &report.level4];
    let mut row = |label: String, cell: &dyn Fn(&Figures) -> Cell| {
        table.add_row(std::iter::once(Cell::new(label)).chain(both.iter().map(|figures| cell(figures))));
    };
    row(format!("Net result ({currency})"), &|f| signed(money(f.net), f.net.cents()));
    row(format!("Gross result ({currency})"), &|f| Cell::new(money(f.gross)));
    row(format!("Costs ({currency})"), &|f| Cell::new(money(f.costs)));
    row("Trades".into(), &|f| Cell::new(count(f.trades as u64)));
    row("Win rate".into(), &|f| Cell::new(percent(f.win_rate)));
    row(format!("Max drawdown ({currency})"), &|f| Cell::new(money(f.max_drawdown)));
    row(format!("Net result per day ({currency})"), &|f| Cell::new(decimals(Some(f.mean_daily_net), 2)));
    row("Sharpe per day".into(), &|f| Cell::new(decimals(f.sharpe_per_day, 3)));
    row("Trading days".into(), &|f| Cell::new(count(f.days as u64)));
    let mut text = titled("", &mut table, colour);
    text.insert(0, '\n');
    if let Some(parts) = &report.cost_parts {
        let said = format!(
            "The gate's costs: exchange fees {}, brokerage {}, spread {}, slippage {}.",
            money(parts.exchange_fees),
            money(parts.brokerage),
            money(parts.spread),
            money(parts.slippage)
        );
        text.push_str(&wrapped(" ", &said));
    }
    text
}

fn intervals(report: &WalkReport, colour: bool) -> String {
    let Some(intervals) = &report.intervals else {
        return "\nOf fewer than ten test days no interval is given.\n".to_owned();
    };
    let mut table = figures(&["95 of 100 resamples", "from", "to"]);
    let mut row = |label: String, interval: Option<Interval>, places| {
        let [low, high] = interval.map_or([None; 2], |interval| [Some(interval.low), Some(interval.high)]);
        table.add_row([label, decimals(low, places), decimals(high, places)]);
    };
    let currency = &report.currency;
    row(format!("Gate, net per day ({currency})"), Some(intervals.mean_daily_net), 2);
    row(format!("Level 4, net per day ({currency})"), Some(intervals.level4_mean_daily_net), 2);
    row(format!("Gate less Level 4 ({currency})"), Some(intervals.difference), 2);
    row("Gate, Sharpe per day".to_owned(), intervals.sharpe_per_day, 3);
    let mut text = titled("", &mut table, colour);
    text.insert(0, '\n');
    let told = if intervals.difference.low > 0.0 {
        "The gate does better than Level 4 on these days."
    } else if intervals.difference.high < 0.0 {
        "The gate does worse than Level 4 on these days."
    } else {
        "The days do not tell the gate from Level 4."
    };
    text.push_str(&wrapped(" ", told));
    text
}

fn shuffled(report: &WalkReport, null: &Null, colour: bool) -> String {
    let copies = null.mean_daily_net.len();
    let mut table = figures(&["Net per day", "here", "shuffled: 5 %", "middle", "95 %", "p"]);
    let mut row = |label: &str, here: f64, values: &[f64], p: f64| {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        let at = |share| decimals(quantile(&values, share), 2);
        let p = format!("{p:.3}");
        table.add_row([label.to_owned(), decimals(Some(here), 2), at(0.05), at(0.5), at(0.95), p]);
    };
    row("after costs", report.gate.mean_daily_net, &null.mean_daily_net, null.p_value);
    row("before costs", report.gate.mean_daily_gross, &null.mean_daily_gross, null.p_value_gross);
    let title = format!("The same on {copies} markets of shuffled returns");
    let mut text = titled(&title, &mut table, colour);
    let said = "p is the part of markets without anything to find that did as well, this one counted with them.";
    text.push_str(&wrapped(" ", said));
    if copies < 19 {
        text.push_str(&wrapped(" ", "With fewer than 19 copies p cannot fall to 0.05."));
    }
    text
}

fn folds(report: &WalkReport, colour: bool) -> String {
    let mut table = figures(&["Test from", "trades", "won", "gross", "costs", "net", "drawdown", "Level 4"]);
    for fold in &report.folds {
        let of = &fold.gate;
        table.add_row([
            Cell::new(&fold.test[0]),
            Cell::new(count(of.trades as u64)),
            Cell::new(of.win_rate.map_or_else(absent, |share| format!("{:.0} %", share * 100.0))),
            Cell::new(whole(of.gross)),
            Cell::new(whole(of.costs)),
            signed(whole(of.net), of.net.cents()),
            Cell::new(whole(of.max_drawdown)),
            signed(whole(fold.level4.net), fold.level4.net.cents()),
        ]);
    }
    let mut text = titled("Folds", &mut table, colour);
    if report.selection.is_some() {
        text.push_str("\nChosen on the train window\n");
        for fold in &report.folds {
            let chosen = fold.chosen.as_deref().unwrap_or("-");
            text.push_str(&bullet(&format!("{} – {}: {chosen}", fold.train[0], fold.train[1])));
        }
    }
    text
}

/// To the unit: a table of eight columns has no room for centavos.
fn whole(amount: alavanca_kernel::Money) -> String {
    let text = money(amount);
    text.split_once('.').map_or_else(|| text.clone(), |(whole, _)| whole.to_owned())
}

fn notes(report: &WalkReport) -> String {
    let mut notes = Vec::new();
    let purged = report.folds.iter().filter(|fold| fold.purged).count();
    if purged > 0 {
        notes.push(format!("{purged} train windows ended with an open trade: it was neither traded nor learned from"));
    }
    if report.days_left > 0 {
        notes.push(format!("the last {} days fill no whole test window and are left out", report.days_left));
    }
    if let Some(selection) = &report.selection {
        let by = match selection.objective {
            Objective::Net => "net result",
            Objective::TStatistic => "t-statistic",
        };
        notes.push(format!(
            "each train window chose among {} settings by its {by}: the best of so many looks good without any edge (a \
             t of about {:.1} is expected), so train results are no evidence. Test results are, as long as the grid was \
             not changed after looking at them",
            selection.variants.len(),
            selection.best_of_chance
        ));
    }
    if report.interrupted {
        notes.push("interrupted: figures are of the folds that were finished".to_owned());
    }
    if notes.is_empty() {
        return String::new();
    }
    notes.iter().fold("\nNotes\n".to_owned(), |text, note| text + &bullet(note))
}
