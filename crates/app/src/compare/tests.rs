use alavanca_kernel::{Money, TradingDay};
use alavanca_report::Tally;
use insta::assert_snapshot;

use super::*;
use crate::show;

/// A run with these days: net of the day, trades, wins.
fn run(label: &str, sha256: &str, days: &[(i64, u32, u32)]) -> ComparedRun {
    let day = |(place, &(units, trades, wins)): (usize, &(i64, u32, u32))| {
        let net = Money::from_units(units);
        let costs = Money::from_cents(150 * i64::from(trades));
        let (won, lost) = if units > 0 { (net, Money::ZERO) } else { (Money::ZERO, -net) };
        let result = DayResult { booked: net, net, gross: net + costs, costs, trades, wins, won, lost };
        (TradingDay::from_days(20_000 + place as i32), result)
    };
    let book: DayBook = days.iter().enumerate().map(day).collect();
    let sum = |of: fn(&DayResult) -> Money| book.iter().map(|(_, day)| of(day)).sum::<Money>();
    let (trades, wins) = days.iter().fold((0, 0), |sum, day| (sum.0 + u64::from(day.1), sum.1 + u64::from(day.2)));
    let lost = sum(|day| day.lost);
    let summary = Summary {
        net: sum(|day| day.net),
        gross: sum(|day| day.gross),
        costs: sum(|day| day.costs),
        trades,
        wins,
        win_rate: (trades > 0).then(|| wins as f64 / trades as f64),
        profit_factor: lost.is_positive().then(|| sum(|day| day.won).to_f64() / lost.to_f64()),
        days: days.len() as u64,
        ..Tally::default().summary()
    };
    ComparedRun {
        label: label.to_owned(),
        run_id: Some(format!("{label}0123456789abcdef")),
        symbols: vec!["WIN".to_owned()],
        currency: "BRL".to_owned(),
        data: Some(ComparedData {
            name: format!("{sha256}.csv"),
            sha256: sha256.to_owned(),
            clock: Some("America/Sao_Paulo".to_owned()),
            rows: Some(60_000),
        }),
        settings: Some(BTreeMap::from([("MAX_CONTRACTS_CAP".to_owned(), label.len().to_string())])),
        summary,
        days: book,
    }
}

fn of(comparison: &Comparison, figure: Figure) -> &Difference {
    comparison.against_first[0].differences.iter().find(|difference| difference.figure == figure).unwrap()
}

/// Days that go up and down without a plan.
fn rough(days: usize) -> Vec<(i64, u32, u32)> {
    (0..days).map(|day| ((day as i64 * 7919 % 401) - 200, 2, (day % 3) as u32)).collect()
}

#[test]
fn equal_runs_differ_by_nothing_for_sure() {
    let days = rough(60);
    let comparison = compare(&[run("a", "file", &days), run("b", "file", &days)]);
    assert_eq!(comparison.data, SameData::Same);
    for difference in &comparison.against_first[0].differences {
        if let Some(interval) = difference.interval {
            assert_eq!(
                (difference.difference, interval),
                (Some(0.0), Interval { low: 0.0, high: 0.0 }),
                "{difference:?}"
            );
            assert!(!difference.is_told_apart());
        }
    }
    for figure in [Figure::Net, Figure::WinRate, Figure::ProfitFactor, Figure::SharpePerDay, Figure::Trades] {
        let stated = figure != Figure::SharpePerDay;
        assert_eq!(of(&comparison, figure).interval.is_some(), stated, "{figure:?}");
    }
}

#[test]
fn a_day_that_was_good_for_both_says_nothing_about_their_difference() {
    let (days, better) = (rough(60), rough(60).iter().map(|day| (day.0 + 10, day.1, day.2)).collect::<Vec<_>>());
    let paired = compare(&[run("a", "file", &days), run("b", "file", &better)]);
    let net = of(&paired, Figure::Net);
    // Every day is better by 10: whatever 60 days are drawn, they are better by 600.
    assert_eq!((net.difference, net.interval), (Some(600.0), Some(Interval { low: 600.0, high: 600.0 })));
    assert!(net.is_told_apart());

    // On other data the same figures prove nothing: the days' own ups and downs are in the interval.
    let unpaired = compare(&[run("a", "file", &days), run("b", "other", &better)]);
    assert_eq!(unpaired.data, SameData::Different);
    assert!(!unpaired.against_first[0].method.as_ref().unwrap().paired);
    let net = of(&unpaired, Figure::Net);
    let Interval { low, high } = net.interval.unwrap();
    // Independent days would give 2 · 1.96 · sqrt(2 · 60) · 116 (the deviation of evenly spread -200 ... 200) = 4,980.
    assert!(low < 0.0 && high > 1_200.0 && (2_500.0..6_500.0).contains(&(high - low)), "{low} {high}");
    assert!(!net.is_told_apart());
}

#[test]
fn shares_are_of_the_same_days() {
    let days: Vec<_> = rough(40).iter().map(|day| (day.0, 2, 1)).collect();
    let all_won: Vec<_> = days.iter().map(|day| (day.0, 2, 2)).collect();
    let comparison = compare(&[run("a", "file", &days), run("b", "file", &all_won)]);
    let rate = of(&comparison, Figure::WinRate);
    assert_eq!((rate.difference, rate.interval), (Some(0.5), Some(Interval { low: 0.5, high: 0.5 })));
}

#[test]
fn an_interval_is_as_wide_as_theory_says() {
    // The difference is +30 on two days of three and -60 on the third, in an order without dependence: mean 0,
    // deviation 42.4; over 300 days 1.96 · 42.4 · sqrt(300) = 1,440.
    let mut state = 7_u64;
    let mut toss = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % 3
    };
    let days = rough(300);
    let other: Vec<_> = days.iter().map(|day| (day.0 + if toss() == 0 { -60 } else { 30 }, day.1, day.2)).collect();
    let comparison = compare(&[run("a", "file", &days), run("b", "file", &other)]);
    let Interval { low, high } = of(&comparison, Figure::Net).interval.unwrap();
    let half = (high - low) / 2.0;
    // One series' own estimate scatters by some 15 %.
    assert!((half - 1_440.0).abs() < 450.0, "{low} {high}");
    assert!((comparison.against_first[0].method.as_ref().unwrap().mean_block[0] - 7.0).abs() < 1e-9);
}

#[test]
fn what_cannot_be_known_is_not_claimed() {
    let check = |days: usize, figure: Figure, expected: Option<NoInterval>| {
        let other: Vec<_> = rough(days).iter().map(|day| (day.0 + 1, day.1, day.2)).collect();
        let comparison = compare(&[run("a", "file", &rough(days)), run("b", "file", &other)]);
        assert_eq!(of(&comparison, figure).no_interval, expected, "{days} days, {figure:?}");
    };
    check(9, Figure::Net, Some(NoInterval::TooFewDays));
    check(10, Figure::Net, None);
    check(10, Figure::MaxDrawdown, Some(NoInterval::NotOfDays));
    // Days that all win have no profit factor; with one loser among 40 a third of the resamples has none.
    let days: Vec<_> = (0..40).map(|day| (if day == 17 { -50 } else { 20 }, 1, 1)).collect();
    let comparison = compare(&[run("a", "file", &days), run("b", "file", &days)]);
    assert_eq!(of(&comparison, Figure::ProfitFactor).difference, Some(0.0));
    assert_eq!(of(&comparison, Figure::ProfitFactor).no_interval, Some(NoInterval::Undefined));

    let unknown = ComparedRun { data: None, settings: None, ..run("b", "file", &days) };
    let comparison = compare(&[run("a", "file", &days), unknown]);
    assert_eq!((comparison.data, comparison.settings_known), (SameData::Unknown, false));
    let clock = ComparedData { clock: Some("UTC".into()), ..run("b", "file", &days).data.unwrap() };
    let comparison = compare(&[run("a", "file", &days), ComparedRun { data: Some(clock), ..run("b", "file", &days) }]);
    assert_eq!(comparison.data, SameData::Different, "another clock makes other days");
}

#[test]
fn a_comparison_is_told() {
    let (days, better) = (rough(60), rough(60).iter().map(|day| (day.0 + 10, day.1, day.2)).collect::<Vec<_>>());
    let third: Vec<_> = rough(60).iter().rev().copied().collect();
    let comparison = compare(&[
        run("run.conservative.sqlite", "file", &days),
        run("run.balanced.sqlite", "file", &better),
        run("run.aggressive.sqlite", "file", &third),
    ]);
    let text = show::comparison(&comparison, false);
    fits(&text);
    assert_snapshot!(text);

    let text =
        show::comparison(&compare(&[run("a.db", "WIN_2025", &days), run("b.db", "WIN_2026", &days[..8])]), false);
    fits(&text);
    assert_snapshot!(text);
}

#[track_caller]
fn fits(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{} columns: {line}", line.chars().count());
    }
}
