use alavanca_kernel::{Money, Price, RiskState, Timestamp, TradingDay};
use proptest::prelude::*;

use crate::{EntryRefusal, QuoteFreshness, Risk, RiskCause, RiskChange, RiskConfig, RiskSettings, RiskSnapshot};

fn brl(units: i64) -> Money {
    Money::from_units(units)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(1_615_494_900 + seconds)
}

fn day(n: i32) -> TradingDay {
    TradingDay::from_days(18_697 + n)
}

fn risk(settings: RiskSettings) -> Risk {
    let mut risk = Risk::new(RiskConfig::new(settings).unwrap());
    assert_eq!(risk.on_time(at(0), day(0)), None, "the first day is no change");
    risk
}

fn defaults() -> RiskSettings {
    RiskSettings::default()
}

const CENT: Money = Money::from_cents(1);
const HALTED: Result<(), EntryRefusal> = Err(EntryRefusal::RiskHalted);
const REDUCE: Result<(), EntryRefusal> = Err(EntryRefusal::RiskReduceOnly);

#[test]
fn the_daily_loss_counts_open_losses_but_no_open_profits() {
    // realised, open → tripped
    for (name, realized, open, tripped) in [
        ("a centavo above", brl(-200) + CENT, Money::ZERO, false),
        ("exactly", brl(-200), Money::ZERO, true),
        ("a centavo below", brl(-200) - CENT, Money::ZERO, true),
        ("open losses alone", Money::ZERO, brl(-200), true),
        ("both together", brl(-120), brl(-80), true),
        ("both together, a centavo above", brl(-120), brl(-80) + CENT, false),
        ("realised profits carry open losses", brl(100), brl(-299), false),
        ("up to the limit", brl(100), brl(-300), true),
        ("open profits soften nothing", brl(-200), brl(500), true),
        ("a good day", brl(500), brl(500), false),
    ] {
        let mut risk = risk(defaults());
        let first = risk.add_realized(realized, at(1));
        let change = first.or(risk.on_open_result(open, at(1)));
        assert_eq!(change.is_some(), tripped, "{name}");
        assert_eq!(risk.state(), if tripped { RiskState::ReduceOnly } else { RiskState::Active }, "{name}");
        assert_eq!(risk.daily_profit(), realized, "{name}: open results are no profit");
        if let Some(RiskChange { from, to, cause, flatten, .. }) = change {
            assert_eq!((from, to, flatten), (RiskState::Active, RiskState::ReduceOnly, true), "{name}");
            let net = realized + if first.is_some() { Money::ZERO } else { open.min(Money::ZERO) };
            assert_eq!(cause, RiskCause::DailyLoss { net, limit: brl(200) }, "{name}");
        }
    }
}

#[test]
fn a_limit_holds_until_the_next_day_whatever_comes_back() {
    let mut risk = risk(defaults());
    assert!(risk.add_realized(brl(-250), at(1)).unwrap().flatten);
    assert_eq!(risk.add_realized(brl(1_000), at(2)), None, "won back, and still shut");
    assert_eq!(risk.add_realized(brl(-2_000), at(3)), None, "told once");
    assert_eq!(risk.check_entry(at(3), None), REDUCE);
    assert_eq!(risk.on_time(at(4), day(0)), None);
    assert_eq!(risk.on_time(at(5), day(-1)), None, "a day before is no next day");
    assert_eq!(risk.resume(at(6)), None, "resuming ends a halt, no limit");
    assert_eq!(risk.check_entry(at(6), None), REDUCE);
    let change = risk.on_time(at(7), day(1)).unwrap();
    assert_eq!((change.from, change.to), (RiskState::ReduceOnly, RiskState::Active));
    assert_eq!((change.cause, change.flatten), (RiskCause::NewDay, false));
    assert_eq!((risk.daily_profit(), risk.day(), risk.check_entry(at(7), None)), (Money::ZERO, Some(day(1)), Ok(())));
    assert!(risk.add_realized(brl(-200), at(8)).is_some(), "the new day has its own limit");
}

#[test]
fn the_drawdown_is_measured_from_the_days_best() {
    let settings = RiskSettings { daily_loss_limit: None, drawdown_limit: Some(brl(100)), ..defaults() };
    // A sequence of (realised now, open after it); the last one decides.
    for (name, steps, tripped) in [
        ("from zero", &[(0, -100)][..], true),
        ("from zero, one short", &[(0, -99)], false),
        ("from an open profit", &[(0, 150), (0, 50)], true),
        ("from an open profit, one short", &[(0, 150), (0, 51)], false),
        ("from a realised profit", &[(150, 0), (-100, 0)], true),
        ("turning open into realised is no fall", &[(0, 150), (150, 0)], false),
        ("a closed win beside an open loss is no peak", &[(100, -80), (-50, 0)], false),
    ] {
        let mut risk = risk(settings);
        let mut last = None;
        for &(realized, open) in steps {
            assert_eq!(last, None, "{name}: too early");
            assert_eq!(risk.add_realized(brl(realized), at(1)), None, "{name}");
            last = risk.on_open_result(brl(open), at(1));
        }
        assert_eq!(last.is_some(), tripped, "{name}");
        if let Some(change) = last {
            assert_eq!((change.cause.as_str(), change.flatten), ("drawdown", true), "{name}");
            assert_eq!(risk.on_open_result(brl(-500), at(2)), None, "{name}: told once");
            assert_eq!(risk.on_time(at(3), day(1)).map(|c| c.to), Some(RiskState::Active), "{name}");
            assert_eq!(risk.snapshot().peak, Money::ZERO, "{name}: a new day, a new peak");
        }
    }
}

#[test]
fn losses_flatten_only_where_that_is_set() {
    let settings = RiskSettings { flatten_on_loss: false, drawdown_limit: Some(brl(50)), ..defaults() };
    let mut keeping = risk(settings);
    assert!(!keeping.on_open_result(brl(-60), at(1)).unwrap().flatten);
    assert!(!keeping.on_open_result(brl(-200), at(2)).unwrap().flatten);

    let both = RiskSettings { drawdown_limit: Some(brl(200)), ..defaults() };
    let mut both = risk(both);
    let change = both.on_open_result(brl(-200), at(1)).unwrap();
    assert_eq!((change.cause.as_str(), change.flatten), ("daily_loss", true), "both at once are told once");
    assert!(both.snapshot().drawdown);
}

#[test]
fn the_days_trades_end_entries_and_close_nothing() {
    let mut risk = risk(RiskSettings { trades_per_day_max: Some(2), ..defaults() });
    assert_eq!(risk.on_entry(at(1)), None);
    assert_eq!(risk.check_entry(at(1), None), Ok(()));
    let change = risk.on_entry(at(2)).unwrap();
    assert_eq!((change.cause, change.flatten), (RiskCause::TradesPerDay { trades: 2, limit: 2 }, false));
    assert_eq!(risk.check_entry(at(2), None), Err(EntryRefusal::TradesPerDay { trades: 2, limit: 2 }));
    let loss = risk.add_realized(brl(-200), at(3)).unwrap();
    assert!(loss.flatten, "a loss still flattens when entries are shut already");
    assert_eq!((loss.from, loss.to), (RiskState::ReduceOnly, RiskState::ReduceOnly));
    assert_eq!(risk.check_entry(at(3), None), REDUCE, "the loss is the graver reason");
    assert_eq!(risk.on_time(at(4), day(1)).map(|c| c.to), Some(RiskState::Active));
    assert_eq!(risk.snapshot().trades, 0);
    assert_eq!(risk.on_entry(at(5)), None);
}

#[test]
fn a_bad_day_ends_its_entries() {
    // rate, loss limit, results of the trades in order → after which trade the day is over
    let check = |name: &str, rate: Option<u32>, loss: Option<i64>, results: &[i64], over_after: Option<usize>| {
        let settings = RiskSettings {
            daily_loss_limit: None,
            consecutive_losses_max: 0,
            bad_day_trades: Some(4),
            bad_day_win_rate_micros: rate,
            bad_day_loss: loss.map(Money::from_cents),
            ..defaults()
        };
        let mut risk = risk(settings);
        let mut over = None;
        for (index, cents) in results.iter().enumerate() {
            let net = Money::from_cents(*cents);
            risk.add_realized(net, at(1));
            if let Some(change) = risk.on_trade_closed(net, at(1)) {
                assert_eq!((change.to, change.flatten), (RiskState::ReduceOnly, false), "{name}");
                assert!(matches!(change.cause, RiskCause::BadDay { .. }), "{name}: {change:?}");
                assert_eq!(over.replace(index + 1), None, "{name}: told once");
            }
        }
        assert_eq!(over, over_after, "{name}");
        if over.is_some() {
            assert_eq!(risk.check_entry(at(2), None).unwrap_err().as_str(), "bad_day", "{name}");
        }
    };
    let (win, loss) = (1_000, -1_000);
    check("before the fourth trade nothing is told", Some(500_000), None, &[loss, loss, loss], None);
    check("one of four is less than a half", Some(500_000), None, &[win, loss, loss, loss], Some(4));
    check("two of four are a half", Some(500_000), None, &[win, win, loss, loss], None);
    check("it is asked after each trade from there on", Some(500_000), None, &[win, win, loss, loss, loss], Some(5));
    check("a quarter exactly", Some(250_000), None, &[win, loss, loss, loss], None);
    check("a hair more than a quarter", Some(250_001), None, &[win, loss, loss, loss], Some(4));
    check("zero is not won", Some(500_000), None, &[win, 0, 0, 0], Some(4));
    check("a centavo above the loss", None, Some(4_000), &[loss, loss, loss, loss + 1], None);
    check("exactly", None, Some(4_000), &[loss, loss, loss, loss], Some(4));
    check("a centavo below", None, Some(4_000), &[loss, loss, loss, loss - 1], Some(4));
    check("a loss before the fourth trade waits for it", None, Some(2_000), &[loss, loss, loss, 1], Some(4));
}

#[test]
fn a_bad_day_survives_a_restart_and_ends_with_the_day() {
    let settings = RiskSettings { bad_day_trades: Some(1), bad_day_win_rate_micros: Some(500_000), ..defaults() };
    let mut before = risk(settings);
    assert!(before.on_trade_closed(brl(-1), at(1)).is_some());
    let mut after = Risk::new(RiskConfig::new(settings).unwrap());
    after.restore(before.snapshot());
    assert_eq!(after.check_entry(at(2), None), Err(EntryRefusal::BadDay { trades: 1, won: 0 }));
    assert_eq!(after.on_trade_closed(brl(5), at(2)), None, "won back, and still shut");
    assert_eq!(after.on_time(at(3), day(1)).unwrap().cause, RiskCause::NewDay);
    assert_eq!((after.check_entry(at(3), None), after.snapshot().closed), (Ok(()), 0));
    // With the third loss in a row a pause and a bad day come at once: the stricter is told, both hold.
    let mut both = risk(RiskSettings { bad_day_trades: Some(3), bad_day_loss: Some(brl(1)), ..defaults() });
    both.add_realized(brl(-3), at(1));
    for _ in 0..2 {
        assert_eq!(both.on_trade_closed(brl(-1), at(1)), None);
    }
    let change = both.on_trade_closed(brl(-1), at(1)).unwrap();
    assert_eq!((change.from, change.to, change.cause.as_str()), (RiskState::Active, RiskState::ReduceOnly, "bad_day"));
    assert!(both.snapshot().paused_until.is_some());
}

#[test]
fn what_was_stored_before_bad_days_reads() {
    let mut stored = serde_json::to_value(RiskSnapshot::default()).unwrap();
    for name in ["closed", "won", "bad_day"] {
        assert!(stored.as_object_mut().unwrap().remove(name).is_some());
    }
    assert_eq!(serde_json::from_value::<RiskSnapshot>(stored).unwrap(), RiskSnapshot::default());
}

#[test]
fn losses_in_a_row_pause() {
    let mut risk = risk(defaults());
    let mut close = |nets: &[i64]| nets.iter().map(|&net| risk.on_trade_closed(brl(net), at(10))).collect::<Vec<_>>();
    assert!(close(&[-1, -1, 1, -1, -1]).iter().all(Option::is_none), "a win interrupts");
    assert!(close(&[0]).iter().all(Option::is_none), "a scratch does not complete");
    let change = close(&[-1])[0].unwrap();
    let until = at(10).plus_secs(1_800);
    assert_eq!((change.to, change.flatten), (RiskState::Paused, false));
    assert_eq!(change.cause, RiskCause::ConsecutiveLosses { n: 3, until });

    assert_eq!(risk.check_entry(at(1_809), None), Err(EntryRefusal::RiskPaused { until }));
    assert_eq!(risk.on_time(at(1_809), day(0)), None);
    assert_eq!(risk.on_time(at(-5_000), day(0)), None, "a clock set back ends no pause");
    assert_eq!(risk.check_entry(at(-5_000), None), Err(EntryRefusal::RiskPaused { until }));
    assert_eq!(risk.check_entry(at(1_810), None), Ok(()), "over, told or not");
    let over = risk.on_time(at(1_810), day(0)).unwrap();
    assert_eq!((over.from, over.to, over.cause), (RiskState::Paused, RiskState::Active, RiskCause::PauseOver));
    for _ in 0..2 {
        assert_eq!(risk.on_trade_closed(brl(-1), at(1_900)), None, "counted anew after a pause");
    }
    assert_eq!(risk.on_time(at(90_000), day(1)), None);
    assert!(risk.on_trade_closed(brl(-1), at(90_001)).is_some(), "a row goes on over the end of a day");
}

#[test]
fn a_pause_outlasts_a_day_that_ends_in_it() {
    let mut risk = risk(RiskSettings { consecutive_losses_max: 1, ..defaults() });
    risk.on_trade_closed(brl(-1), at(0));
    risk.add_realized(brl(-200), at(0));
    let change = risk.on_time(at(60), day(1)).unwrap();
    assert_eq!((change.cause, change.to), (RiskCause::NewDay, RiskState::Paused));
    risk.add_realized(brl(-200), at(70));
    let change = risk.on_time(at(1_800), day(0)).unwrap();
    assert_eq!((change.cause, change.to), (RiskCause::PauseOver, RiskState::ReduceOnly), "a day before ends no limit");
    assert_eq!(risk.on_time(at(1_800), day(2)).map(|change| change.to), Some(RiskState::Active));
}

#[test]
fn a_pause_ends_at_its_instant_and_not_before() {
    let mut risk = risk(RiskSettings { consecutive_losses_max: 1, ..defaults() });
    risk.on_trade_closed(brl(-1), at(0));
    assert_eq!(risk.on_time(at(1_800).plus_micros(-1), day(1)), None, "a day without a limit to end");
    let change = risk.on_time(at(1_800), day(1)).unwrap();
    assert_eq!((change.cause, change.to), (RiskCause::PauseOver, RiskState::Active));
}

#[test]
fn a_limit_made_stricter_over_a_restart_rules_at_once() {
    let mut before = risk(RiskSettings { daily_loss_limit: Some(brl(500)), ..defaults() });
    assert_eq!(before.add_realized(brl(-250), at(1)), None);
    let mut after = Risk::new(RiskConfig::new(defaults()).unwrap());
    after.restore(before.snapshot());
    let change = after.on_open_result(brl(400), at(2)).unwrap();
    assert_eq!(
        change.cause,
        RiskCause::DailyLoss { net: brl(-250), limit: brl(200) },
        "an open profit softens nothing"
    );
}

#[test]
fn failures_end_by_reconciliation_alone() {
    for fail in [Risk::store_failed, Risk::reconciliation_failed] {
        let mut risk = risk(defaults());
        let change = fail(&mut risk, at(1)).unwrap();
        assert_eq!((change.to, change.flatten), (RiskState::ReduceOnly, false));
        assert_eq!(fail(&mut risk, at(2)), None, "told once");
        assert_eq!(risk.on_time(at(3), day(1)), None, "a new day reconciles nothing");
        assert_eq!((risk.resume(at(4)), risk.check_entry(at(4), None)), (None, REDUCE));
        let change = risk.reconciled(at(5)).unwrap();
        assert_eq!((change.to, change.cause), (RiskState::Active, RiskCause::Reconciled));
        assert_eq!(risk.reconciled(at(6)), None);
    }
}

#[test]
fn only_the_operator_ends_a_halt() {
    let mut risk = risk(defaults());
    let change = risk.halt(at(1)).unwrap();
    assert_eq!((change.to, change.cause, change.flatten), (RiskState::Halted, RiskCause::Operator, false));
    assert_eq!((risk.halt(at(1)), risk.on_time(at(2), day(1)), risk.reconciled(at(2))), (None, None, None));
    assert_eq!(risk.check_entry(at(2), None), HALTED);
    // A limit under a halt changes no state, yet flattens, and shows when the halt ends.
    let loss = risk.add_realized(brl(-200), at(3)).unwrap();
    assert_eq!((loss.from, loss.to, loss.flatten), (RiskState::Halted, RiskState::Halted, true));
    let change = risk.resume(at(4)).unwrap();
    assert_eq!((change.from, change.to, change.cause), (RiskState::Halted, RiskState::ReduceOnly, RiskCause::Resumed));
    assert_eq!(risk.resume(at(5)), None);
}

#[test]
fn only_the_operator_ends_what_the_operator_reduced() {
    let mut risk = risk(defaults());
    let change = risk.reduce_only(at(1)).unwrap();
    assert_eq!((change.to, change.cause), (RiskState::ReduceOnly, RiskCause::OperatorReduceOnly));
    assert_eq!((risk.reduce_only(at(1)), risk.on_time(at(2), day(1)), risk.reconciled(at(2))), (None, None, None));
    assert_eq!(risk.check_entry(at(2), None), REDUCE);
    assert_eq!(risk.halt(at(3)).unwrap().to, RiskState::Halted);
    let change = risk.resume(at(4)).unwrap();
    assert_eq!((change.to, change.cause), (RiskState::Active, RiskCause::Resumed), "both end at once");
    assert_eq!(risk.resume(at(5)), None);
}

#[test]
fn the_strictest_of_several_causes_rules() {
    let mut risk = risk(RiskSettings { consecutive_losses_max: 1, ..defaults() });
    assert_eq!(risk.on_trade_closed(brl(-1), at(0)).unwrap().to, RiskState::Paused);
    assert_eq!(risk.store_failed(at(1)).unwrap().to, RiskState::ReduceOnly);
    assert_eq!(risk.add_realized(brl(-200), at(2)).unwrap().to, RiskState::ReduceOnly);
    assert_eq!(risk.halt(at(3)).unwrap().to, RiskState::Halted);
    assert_eq!(risk.resume(at(4)).unwrap().to, RiskState::ReduceOnly);
    assert_eq!(risk.reconciled(at(5)).unwrap().to, RiskState::ReduceOnly, "the loss still holds");
    assert_eq!(risk.on_time(at(6), day(1)).unwrap().to, RiskState::Paused, "the pause still holds");
}

#[test]
fn quotes_are_held_against_their_limits() {
    let p = |units: i64| Price::from_raw(units * Price::SCALE);
    let settings = RiskSettings { spread_max_points: Some(10), stale_quote_seconds: 5, ..defaults() };
    let quote = |spread, age_seconds| Some(QuoteFreshness { spread: p(spread), point: p(1), age_seconds });
    let smallest = Price::from_raw(1);
    let (too_wide, stale) = ("spread_too_wide", "quote_stale");
    for (name, quote, expected) in [
        ("no quote: a bar", None, None),
        ("at both limits", quote(10, 5), None),
        ("wider", Some(QuoteFreshness { spread: p(10) + smallest, point: p(1), age_seconds: 0 }), Some(too_wide)),
        ("older", quote(0, 6), Some(stale)),
        ("locked", quote(0, 0), None),
        ("crossed", Some(QuoteFreshness { spread: -smallest, point: p(1), age_seconds: 0 }), Some("quote_crossed")),
        ("ahead of our clock", quote(0, -3), None),
    ] {
        let got = risk(settings).check_entry(at(0), quote);
        assert_eq!(got.err().map(|refusal| refusal.as_str()), expected, "{name}");
    }
    let off = RiskSettings { spread_max_points: None, stale_quote_seconds: 0, ..defaults() };
    assert_eq!(risk(off).check_entry(at(0), quote(1_000, 1_000_000)), Ok(()), "switched off");
    let refusal = risk(settings).check_entry(at(0), quote(12, 0)).unwrap_err();
    assert_eq!(refusal.to_string(), "the spread is 12, at most 10 is allowed");
}

#[test]
fn limits_that_are_off_never_trip() {
    let off = RiskSettings { daily_loss_limit: None, consecutive_losses_max: 0, ..defaults() };
    let mut risk = risk(off);
    for i in 0..50 {
        assert_eq!(risk.on_entry(at(i)), None);
        assert_eq!(risk.add_realized(brl(-1_000), at(i)), None);
        assert_eq!(risk.on_open_result(brl(-1_000), at(i)), None);
        assert_eq!(risk.on_trade_closed(brl(-1_000), at(i)), None);
    }
}

#[test]
fn impossible_settings_are_refused_by_name() {
    let refused: [(&str, fn(&mut RiskSettings)); 12] = [
        ("RISK_DAILY_LOSS_LIMIT_BRL", |s| s.daily_loss_limit = Some(Money::ZERO)),
        ("RISK_DAILY_LOSS_LIMIT_BRL", |s| s.daily_loss_limit = Some(Money::from_cents(-1))),
        ("RISK_DAILY_DRAWDOWN_LIMIT_BRL", |s| s.drawdown_limit = Some(Money::ZERO)),
        ("RISK_MAX_TRADES_PER_DAY", |s| s.trades_per_day_max = Some(0)),
        ("RISK_MAX_SPREAD_POINTS", |s| s.spread_max_points = Some(0)),
        ("RISK_PAUSE_MINUTES", |s| s.pause_seconds = 0),
        ("RISK_BAD_DAY_TRADES", |s| s.bad_day_trades = Some(5)),
        ("RISK_BAD_DAY_TRADES", |s| (s.bad_day_trades, s.bad_day_loss) = (Some(0), Some(CENT))),
        ("RISK_BAD_DAY_WIN_RATE", |s| s.bad_day_win_rate_micros = Some(400_000)),
        ("RISK_BAD_DAY_WIN_RATE", |s| (s.bad_day_trades, s.bad_day_win_rate_micros) = (Some(5), Some(1_000_001))),
        ("RISK_BAD_DAY_LOSS_BRL", |s| s.bad_day_loss = Some(CENT)),
        ("RISK_BAD_DAY_LOSS_BRL", |s| (s.bad_day_trades, s.bad_day_loss) = (Some(5), Some(Money::ZERO))),
    ];
    for (key, spoil) in refused {
        let mut settings = defaults();
        spoil(&mut settings);
        assert_eq!(RiskConfig::new(settings).unwrap_err().key, key);
    }
}

#[test]
fn what_is_stored_reads_back() {
    let change = RiskChange {
        at: at(0),
        from: RiskState::Active,
        to: RiskState::ReduceOnly,
        cause: RiskCause::DailyLoss { net: brl(-200), limit: brl(200) },
        flatten: true,
    };
    let text = serde_json::to_string(&change).unwrap();
    assert!(text.contains(r#""cause":{"cause":"daily_loss","net":-20000,"limit":20000}"#), "{text}");
    assert_eq!(serde_json::from_str::<RiskChange>(&text).unwrap(), change);
}

/// Anything that can happen to the account.
#[derive(Clone, Copy, Debug)]
enum Event {
    Time(i64, i32),
    Realized(i64),
    Open(i64),
    TradeClosed(i64),
    Entry,
    Halt,
    Resume,
    StoreFailed,
    Unreconciled,
    Reconciled,
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (0_i64..2_000, 0_i32..2).prop_map(|(seconds, days)| Event::Time(seconds, days)),
        3 => (-120_i64..100).prop_map(Event::Realized),
        3 => (-120_i64..100).prop_map(Event::Open),
        3 => (-2_i64..2).prop_map(Event::TradeClosed),
        2 => Just(Event::Entry),
        1 => Just(Event::Halt),
        1 => Just(Event::Resume),
        1 => Just(Event::StoreFailed),
        1 => Just(Event::Unreconciled),
        1 => Just(Event::Reconciled),
    ]
}

proptest! {
    /// Random lives against the rules of semantics 35, restored from what is stored before every step.
    #[test]
    fn states_are_latched_and_survive_restarts(events in prop::collection::vec(any_event(), 1..80)) {
        let settings = RiskSettings { drawdown_limit: Some(brl(150)), trades_per_day_max: Some(4), ..defaults() };
        let mut risk = risk(settings);
        let (mut seconds, mut days) = (0, 0);
        for event in events {
            let before = risk.snapshot();
            let mut restarted = Risk::new(*risk.config());
            let stored = serde_json::to_string(&before).unwrap();
            restarted.restore(serde_json::from_str::<RiskSnapshot>(&stored).unwrap());
            prop_assert_eq!(restarted.state(), risk.state());
            if let Event::Time(more_seconds, more_days) = event {
                (seconds, days) = (seconds + more_seconds, days + more_days);
            }
            let (now, today) = (at(seconds), day(days));
            let apply = |risk: &mut Risk| match event {
                Event::Time(..) => risk.on_time(now, today),
                Event::Realized(net) => risk.add_realized(brl(net), now),
                Event::Open(net) => risk.on_open_result(brl(net), now),
                Event::TradeClosed(net) => risk.on_trade_closed(brl(net), now),
                Event::Entry => risk.on_entry(now),
                Event::Halt => risk.halt(now),
                Event::Resume => risk.resume(now),
                Event::StoreFailed => risk.store_failed(now),
                Event::Unreconciled => risk.reconciliation_failed(now),
                Event::Reconciled => risk.reconciled(now),
            };
            let change = apply(&mut risk);
            prop_assert_eq!(apply(&mut restarted), change, "a restart changes nothing");
            let after = risk.snapshot();
            prop_assert_eq!(restarted.snapshot(), after);
            prop_assert_eq!(risk.state(), after.state());

            let new_day = matches!(event, Event::Time(_, days) if days > 0);
            prop_assert!(!before.halted || after.halted || matches!(event, Event::Resume));
            let failed = |s: RiskSnapshot| s.store_failed || s.unreconciled;
            prop_assert!(!failed(before) || failed(after) || matches!(event, Event::Reconciled));
            for (was, is) in [
                (before.daily_loss, after.daily_loss),
                (before.drawdown, after.drawdown),
                (before.trades_used_up, after.trades_used_up),
            ] {
                prop_assert!(!was || is || new_day, "a day's limit ended within the day");
            }
            prop_assert!(before.paused_until.is_none_or(|until| after.paused_until >= Some(until) || now >= until));
            prop_assert_eq!(risk.check_entry(now, None).is_ok(),
                risk.state() == RiskState::Active || after.paused_until.is_some_and(|until| now >= until)
                    && risk.state() == RiskState::Paused);
            if let Some(change) = change {
                prop_assert_eq!(change.to, risk.state());
                prop_assert!(!change.flatten || after.daily_loss || after.drawdown);
            } else {
                prop_assert_eq!(before.state(), after.state(), "no change of state goes untold");
            }
        }
    }
}
