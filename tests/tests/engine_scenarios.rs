//! What the engine does, one rule at a time, on the simulated exchange.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use alavanca_adapters_sim::FillAt;
use alavanca_engine::{
    AccountView, BlockCause, Chooser, Command, Effect, Engine, Event, LearnSkip, OnOpposite, PolicyEventKind, Record,
    ScalpCustody,
};
use alavanca_execution::CloseCause;
use alavanca_kernel::{
    AccountMode, Action, Bar, Contracts, ExitAt, ExitKind, FillReport, Instrument, LegRole, Money, OrderIntent,
    OrderReport, Price, Refusal, Regime, RiskState, Side, SymbolId, Tick, Timestamp, Unit,
};
use alavanca_rl::FreezeFallback;
use alavanca_scalp::{ProtectMode, ScalpEventKind};
use alavanca_signals::{Brain, MetaBrain, MetaConfig, Opinion, Trigger};
use alavanca_tests::chart::tick;
use alavanca_tests::{Bench, Chart, Rig, Signals, at_minute, points, trigger};

fn brl(text: &str) -> Money {
    text.parse().unwrap()
}

/// Enters with the base alone.
fn plain(signals: &[(usize, Side)]) -> Rig {
    Rig { actions: vec![Action::Enter], ..Rig::with_signals(signals) }
}

// One trade per symbol (semantics 11).

#[test]
fn a_signal_while_a_trade_is_open_is_counted_and_decides_nothing() {
    let bench = plain(&[(2, Side::Buy), (3, Side::Buy), (5, Side::Buy)]).run(&Chart::default().flat(8));
    let counts = bench.counts();
    // Bar 3's signal comes in the bar of the fill, bar 5's later.
    assert_eq!((counts.signals, counts.signals_while_open), (3, 2));
    assert_eq!((bench.recorder.decisions().len(), bench.asked(), bench.position()), (1, 1, 10));
}

/// An order on its way is a trade, too.
#[test]
fn a_signal_while_the_entry_is_on_its_way_decides_nothing() {
    let mut rig = plain(&[(2, Side::Buy), (3, Side::Buy)]);
    rig.sim.latency_ms = 100_000;
    let mut bench = rig.bench();
    for second in 0..=300 {
        bench.tick(tick(second * 1_000, 130_000, 130_005));
    }
    assert_eq!((bench.counts().signals, bench.recorder.decisions().len(), bench.asked()), (2, 1, 1));
    assert_eq!(bench.position(), 10);
}

#[test]
fn an_opposite_signal_does_what_is_set() {
    for mode in [AccountMode::Netting, AccountMode::Hedging] {
        let run = |on_opposite| {
            let mut rig = Rig { on_opposite, ..plain(&[(2, Side::Buy), (4, Side::Sell)]) };
            rig.sim.mode = mode;
            rig.run(&Chart::default().flat(8))
        };
        let ignore = run(OnOpposite::Ignore);
        assert_eq!((ignore.position(), ignore.recorder.trades().len()), (10, 0));

        let close = run(OnOpposite::Close);
        let trades = close.recorder.trades();
        assert_eq!((close.position(), trades.len(), trades[0].cause), (0, 1, CloseCause::OppositeSignal));
        assert_eq!(trades[0].outcome.closed_at, at_minute(5), "at the open after the signal");
        assert_eq!(close.recorder.decisions().len(), 1, "closing is no decision of the gate");

        let reverse = run(OnOpposite::Reverse);
        let decisions = reverse.recorder.decisions();
        assert_eq!((reverse.position(), decisions.len()), (-10, 2));
        assert_eq!(decisions[1].context.at, at_minute(6), "decided anew at the first close without the old trade");
        assert_eq!(reverse.recorder.trades()[0].cause, CloseCause::OppositeSignal);
        assert_eq!(reverse.counts().unexpected_reports, 0);
    }
}

#[test]
fn a_signal_for_the_same_side_closes_nothing() {
    for on_opposite in [OnOpposite::Close, OnOpposite::Reverse] {
        let bench = Rig { on_opposite, ..plain(&[(2, Side::Buy), (4, Side::Buy)]) }.run(&Chart::default().flat(8));
        assert_eq!((bench.position(), bench.recorder.trades().len()), (10, 0));
    }
}

#[test]
fn a_reversal_that_was_flattened_meanwhile_is_forgotten() {
    let rig = Rig { on_opposite: OnOpposite::Reverse, ..plain(&[(2, Side::Buy), (4, Side::Sell)]) };
    let chart = Chart::default().flat(10);
    let mut bench = rig.bench();
    bench.bars(&chart.bars[..5]);
    bench.command(Command::Flatten, at_minute(5));
    bench.bars(&chart.bars[5..]);
    assert_eq!((bench.position(), bench.recorder.decisions().len()), (0, 1));
}

// Blocked before the gate (semantics 12).

/// What the policy was asked and what it answered from then on.
fn answers(bench: &Bench, from: Timestamp) -> Vec<(Action, u64, [alavanca_rl::Arm; 4])> {
    let decisions = bench.recorder.decisions();
    decisions.iter().filter(|d| d.context.at >= from).map(|d| (d.action, d.policy_version, d.arms)).collect()
}

/// A sampling policy, blocked at its first signal, says to all later ones what it would have said without that first.
#[track_caller]
fn check_blocked(cause: &str, signals: &[usize], change: impl Fn(&mut Rig), drive: impl Fn(&mut Bench)) {
    let run = |skipped: usize| {
        let signals = signals[skipped..].iter().map(|&bar| (bar, trigger(Side::Buy, 100, 200))).collect();
        let mut rig = Rig { signals: vec![signals], actions: Vec::new(), ..Rig::default() };
        change(&mut rig);
        let mut bench = rig.bench();
        drive(&mut bench);
        bench
    };
    let (blocked, never) = (run(0), run(1));
    assert_eq!(blocked.recorder.block_causes(), [cause]);
    assert_eq!(blocked.asked(), never.asked(), "{cause}: nothing is sampled");
    assert!(blocked.asked() >= 3, "{cause}: the later signals reach the policy");
    let from = Timestamp::MIN;
    assert_eq!(answers(&blocked, from), answers(&never, from), "{cause}: later choices are the same");
    let versions = |bench: &Bench| bench.engine().policy().version();
    assert_eq!(versions(&blocked), versions(&never), "{cause}: the policy is as it was");
    assert_eq!(blocked.engine().updater().export_state(), never.engine().updater().export_state());
}

/// Signals far enough apart that the trade before has reached its target.
fn swings(cycles: usize) -> Chart {
    (0..cycles).fold(Chart::default(), |chart, _| {
        chart.flat(3).touch(130_200, 130_000, 130_200).touch(130_200, 130_000, 130_000).flat(5)
    })
}

#[test]
fn blocked_while_warming_up() {
    check_blocked("warming_up", &[3, 10, 20, 30], |rig| rig.regime_warmup = 5, |bench| bench.bars(&swings(5).bars));
}

#[test]
fn warm_with_the_last_bar_of_the_warm_up() {
    for (bar, causes) in [(3, vec!["warming_up"]), (4, vec![])] {
        let bench = Rig { regime_warmup: 5, ..plain(&[(bar, Side::Buy)]) }.run(&Chart::default().flat(7));
        assert_eq!(bench.recorder.block_causes(), causes, "bar {bar}");
    }
}

#[test]
fn blocked_outside_the_session() {
    // 17:30 is 510 minutes after 09:00; the next day begins after 1440.
    let chart = |first: i64| {
        let mut chart = Chart::default().until_minute(first).flat(1).until_minute(1_440);
        for _ in 0..4 {
            chart = chart.flat(3).touch(130_200, 130_000, 130_200).touch(130_200, 130_000, 130_000).flat(5);
        }
        chart
    };
    check_blocked(
        "session",
        &[0, 3, 13, 23],
        |rig| rig.session = "B3",
        |bench| bench.bars(&chart(509).bars), // closes at 17:30
    );
    let bench = Rig { session: "B3", ..plain(&[(0, Side::Buy)]) }.run(&chart(508));
    assert_eq!(bench.recorder.block_causes(), [""; 0], "17:29 still enters");
}

#[test]
fn blocked_by_each_risk_state() {
    for (cause, on, off) in [
        ("risk_halted", Command::Halt, Command::Resume),
        ("risk_reduce_only", Command::StoreFailed, Command::Reconciled),
        ("risk_reduce_only", Command::ReduceOnly, Command::Resume),
    ] {
        check_blocked(
            cause,
            &[3, 10, 20, 30],
            |_| {},
            |bench| {
                let bars = swings(5).bars;
                bench.bars(&bars[..2]);
                bench.command(on, at_minute(2));
                bench.bars(&bars[2..5]);
                bench.command(off, at_minute(5));
                bench.bars(&bars[5..]);
            },
        );
    }
}

#[test]
fn blocked_without_the_money() {
    let mut rig = plain(&[(2, Side::Buy)]);
    rig.capital.operator_capital = brl("999.99");
    let bench = rig.run(&Chart::default().flat(5));
    let blocked = bench.recorder.blocked();
    let refusal = blocked[0].allocation.unwrap().refusal;
    let (capital, needed) = (brl("999.99"), brl("1000"));
    assert_eq!((blocked[0].cause, refusal), (BlockCause::Capital, Some(Refusal::CapitalShortfall { capital, needed })));
    assert_eq!((bench.asked(), bench.recorder.orders().len()), (0, 0));

    rig.capital.operator_capital = brl("1000");
    assert_eq!(rig.run(&Chart::default().flat(5)).position(), 1);
}

#[test]
fn blocked_where_the_account_was_not_read_lately() {
    let rig = Rig { equity_max_age_seconds: 90, ..plain(&[(2, Side::Buy)]) };
    for (read_at, position_wanted) in [(None, false), (Some(at_minute(1)), false), (Some(at_minute(2)), true)] {
        let (mut engine, asked) = rig.engine();
        let mut effects = Vec::new();
        if let Some(at) = read_at {
            let amount = brl("10000");
            engine.read_account(AccountView { equity: amount, free_margin: amount, at });
        }
        for bar in Chart::default().flat(3).bars {
            engine.step(&Event::Bar(Bench::SYMBOL, bar), &mut effects);
        }
        let submitted = effects.iter().any(|effect| matches!(effect, Effect::Submit(_)));
        let asked = asked.load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!((submitted, asked), (position_wanted, u64::from(position_wanted)), "read {read_at:?}");
    }
}

#[test]
fn a_crossed_book_is_not_entered_on() {
    let run = |bid, ask| {
        let mut bench = plain(&[(2, Side::Buy)]).bench();
        for second in 0..180 {
            bench.tick(tick(second * 1_000, 130_000, 130_005));
        }
        bench.tick(tick(180_000, bid, ask));
        bench
    };
    let crossed = run(130_010, 130_005);
    assert_eq!((crossed.recorder.block_causes(), crossed.asked()), (vec!["not_tradable"], 0));
    assert_eq!(run(130_005, 130_005).recorder.decisions().len(), 1, "a locked book is not crossed");
}

/// Buys on the tick whose mark reaches a price.
#[derive(Debug, Clone)]
struct AtPrice(Price);

impl Brain for AtPrice {
    fn name(&self) -> &'static str {
        "at_price"
    }
    fn warmup_bars(&self) -> usize {
        1
    }
    fn on_bar(&mut self, _bar: &Bar) -> Opinion {
        Opinion::NONE
    }
    fn on_tick(&mut self, tick: &Tick) -> Option<Opinion> {
        let trigger = (tick.mark() >= self.0).then(|| trigger(Side::Buy, 100, 200));
        trigger.map(|trigger| Opinion { bias: Some(trigger.side), trigger: Some(trigger) })
    }
    fn wants_ticks(&self) -> bool {
        true
    }
    fn reset(&mut self) {}
}

/// A brain that looks at ticks is heard at the tick, not at the bar's close; before its warm-up it is not heard at all.
#[test]
fn a_brain_on_ticks_is_heard_within_the_bar() {
    let rig = Rig { actions: vec![Action::Enter], ..Rig::with_brain(AtPrice(points(130_050))) };
    let mut bench = rig.bench();
    for second in 0..=300 {
        let high = second == 10 || second == 200;
        let bid = if high { 130_050 } else { 130_000 };
        bench.tick(tick(second * 1_000, bid, bid + 5));
    }
    let decisions = bench.recorder.decisions();
    let at: Vec<_> = decisions.iter().map(|decision| decision.context.at).collect();
    assert_eq!(at, [Timestamp::from_secs(at_minute(0).secs() + 200)]);
    assert_eq!((bench.counts().signals, bench.position()), (1, 10));
}

// Orders that come to nothing (semantics 12).

#[test]
fn a_rejected_entry_leaves_no_outcome() {
    let mut rig = Rig::with_signals(&[(2, Side::Buy), (5, Side::Buy)]);
    rig.sim.reject_probability = Unit::ONE;
    rig.updater.batch_size = 1;
    let bench = rig.run(&Chart::default().flat(10));
    assert_eq!(bench.recorder.decisions().len(), 2, "the symbol is free again after a rejection");
    let ends = bench.recorder.order_ends();
    assert!(ends.len() == 4 && ends.iter().all(|end| end.rejected.is_some()), "{ends:?}");
    assert!(bench.recorder.trades().is_empty() && bench.recorder.learned().is_empty());
    assert!(bench.recorder.scalps().is_empty() && bench.engine().policy().rows().is_empty());
    assert_eq!(bench.engine().updater().export_state().total_trades, 0);
    assert_eq!((bench.engine().risk().snapshot().trades, bench.engine().open_trades().count()), (0, 0));
}

/// A stop at a price that the next open lies behind: the base cannot be filled, the extra can.
#[test]
fn an_extra_whose_base_was_never_filled_is_closed() {
    let stop = ExitAt::Price(points(129_900));
    let signal = Trigger { stop, ..trigger(Side::Buy, 100, 200) };
    let mut rig = Rig { signals: vec![vec![(2, signal)]], ..Rig::default() };
    rig.updater.batch_size = 1;
    let bench = rig.run(&Chart::default().flat(3).bar(129_800, 129_800, 129_800, 129_800).flat(4));
    assert_eq!(bench.position(), 0);
    assert_eq!(bench.recorder.scalp_kinds(), [ScalpEventKind::Opened, ScalpEventKind::Forced]);
    assert_eq!(bench.engine().open_trades().count(), 0);
    assert_eq!(bench.recorder.trades()[0].cause, CloseCause::NeverFilled);
}

/// Whatever the broker refuses: what was to be closed is closed in the end, by one order at a time.
#[test]
fn a_refused_close_is_tried_again_with_the_next_price() {
    let mut refused = 0;
    for seed in 0..40 {
        let mut rig = Rig { on_opposite: OnOpposite::Reverse, ..Rig::with_signals(&[(2, Side::Buy), (4, Side::Sell)]) };
        rig.sim.reject_probability = Unit::new(0.5).unwrap();
        rig.sim.seed = seed;
        let mut bench = rig.bench();
        bench.bars(&Chart::default().flat(20).bars);
        let closes: Vec<_> =
            bench.recorder.order_ends().into_iter().filter(|end| end.intent == OrderIntent::Close).collect();
        refused += closes.len();
        for pair in
            bench.recorder.orders().windows(2).filter(|pair| pair.iter().all(|o| o.intent == OrderIntent::Close))
        {
            assert!(
                pair[0].leg != pair[1].leg || pair[0].at < pair[1].at,
                "seed {seed}: once for each price: {pair:?}"
            );
        }
        bench.command(Command::Flatten, at_minute(20));
        bench.bars(&Chart::default().flat(40).bars[20..]);
        assert_eq!(bench.position(), 0, "seed {seed}");
        assert_eq!((bench.engine().open_trades().count(), bench.counts().unexpected_reports), (0, 0), "seed {seed}");
    }
    assert!(refused > 20, "{refused}");
}

/// A stop that is hit while the base is still being filled ends it by its name, and takes the rest of the order back.
#[test]
fn a_base_stopped_while_it_fills_was_stopped() {
    let mut rig = plain(&[(2, Side::Buy)]);
    rig.sim.partial_fill_max = Some(Contracts::new(4));
    let bench = rig.run(&Chart::default().flat(3).touch(130_000, 129_900, 129_950).flat(3));
    let trade = bench.recorder.trades()[0];
    assert_eq!((trade.cause, trade.base, trade.outcome.net), (CloseCause::StopLoss, Contracts::new(4), brl("-80")));
    assert_eq!(bench.position(), 0);
}

/// A broker that does not end the order with its leg: the engine takes the rest back, and closes what fills all the same.
#[test]
fn the_rest_of_a_stopped_entry_is_taken_back() {
    let (mut engine, _) = plain(&[(2, Side::Buy)]).engine();
    let mut effects = Vec::new();
    let chart = Chart::default().flat(6);
    let step = |engine: &mut Engine, effects: &mut Vec<Effect>, event: Event| {
        effects.clear();
        engine.step(&event, effects);
    };
    for bar in &chart.bars[..3] {
        let (amount, at) = (brl("10000"), bar.end());
        engine.read_account(AccountView { equity: amount, free_margin: amount, at });
        step(&mut engine, &mut effects, Event::Bar(Bench::SYMBOL, *bar));
    }
    let order = effects.iter().find_map(|effect| if let Effect::Submit(order) = effect { Some(*order) } else { None });
    let order = order.unwrap();
    let fill = |intent, quantity, remaining, exit| {
        let side = if intent == OrderIntent::Open { Side::Buy } else { Side::Sell };
        Event::Order(OrderReport::Filled(FillReport {
            order: (intent == OrderIntent::Open).then_some(order.id),
            symbol: order.symbol,
            leg: order.leg,
            intent,
            side,
            quantity: Contracts::new(quantity),
            remaining: Contracts::new(remaining),
            price: points(130_000),
            reference: points(130_000),
            commission: Money::ZERO,
            exit,
            unresolved: false,
            deal: 0,
            at: at_minute(3),
        }))
    };
    step(&mut engine, &mut effects, fill(OrderIntent::Open, 4, 6, None));
    step(&mut engine, &mut effects, fill(OrderIntent::Close, 4, 0, Some(ExitKind::StopLoss)));
    assert!(effects.contains(&Effect::Cancel(order.symbol, order.id)), "{effects:?}");
    assert_eq!(engine.open_trades().count(), 1, "the order may still fill");
    // It was too late: six more.
    step(&mut engine, &mut effects, fill(OrderIntent::Open, 6, 0, None));
    step(&mut engine, &mut effects, Event::Bar(Bench::SYMBOL, chart.bars[3]));
    let closes =
        effects.iter().filter_map(|effect| if let Effect::Submit(order) = effect { Some(order) } else { None });
    let closes: Vec<_> = closes.map(|order| (order.intent, order.side, order.quantity)).collect();
    assert_eq!(closes, [(OrderIntent::Close, Side::Sell, Contracts::new(6))]);
    step(&mut engine, &mut effects, fill(OrderIntent::Close, 6, 0, None));
    assert_eq!((engine.open_trades().count(), engine.counts().unexpected_reports), (0, 0));
}

// The extra (semantics 19, 20, 23).

#[test]
fn the_extra_opens_on_its_fill_alone() {
    let mut rig = Rig::with_signals(&[(2, Side::Buy)]);
    rig.capital.max_extra_contracts = 10;
    rig.sim.partial_fill_max = Some(Contracts::new(4));
    rig.scalp.hold_seconds_max = 600;
    let chart = Chart::default().flat(3).bar(130_000, 130_000, 130_000, 130_000).to(130_010).to(130_020);

    let mut before = rig.bench();
    before.bars(&chart.bars[..3]);
    assert_eq!(before.recorder.orders().len(), 2);
    assert!(before.recorder.scalps().is_empty(), "an order is no scalp");

    let bench = rig.run(&chart);
    let opened = bench.recorder.scalps();
    assert_eq!(opened.len(), 1, "{opened:?}");
    assert_eq!(
        (opened[0].kind, opened[0].contracts, opened[0].entry),
        (ScalpEventKind::Opened, Contracts::new(4), points(130_000))
    );
    // 4 at 130,000, 4 at 130,000 (the open of the bar that rose), 2 at 130,010.
    let active = bench.engine().scalps().active(Bench::SYMBOL).unwrap();
    assert_eq!((active.contracts, active.entry), (Contracts::new(10), points(130_002)));
    let trade = bench.engine().open_trades().next().unwrap();
    assert_eq!(trade.extra.as_ref().unwrap().open(), Contracts::new(10));
    assert_eq!((trade.base.open(), bench.position()), (Contracts::new(10), 20));
}

#[track_caller]
fn check_scalp_end(rig: &Rig, chart: &Chart, kind: ScalpEventKind, exit: i64, net: &str, hold: u32) {
    let bench = rig.run(chart);
    let scalps = bench.recorder.scalps();
    assert_eq!(scalps[0].kind, ScalpEventKind::Opened);
    let ends: Vec<_> = scalps.iter().filter(|event| event.kind.is_end()).collect();
    assert_eq!(ends.len(), 1, "{scalps:?}");
    let end = ends[0];
    assert_eq!((end.kind, end.exit, end.net, end.hold_seconds), (kind, points(exit), brl(net), hold));
}

#[test]
fn a_scalp_ends_in_its_four_ways() {
    let chart = || Chart::default().flat(4); // signal at bar 2, entry at the open of bar 3: second 180
    let rig = Rig::with_signals(&[(2, Side::Buy)]);
    check_scalp_end(
        &rig,
        &chart().touch(130_080, 130_000, 130_050).flat(3),
        ScalpEventKind::TpHit,
        130_080,
        "16.00",
        120,
    );
    check_scalp_end(
        &rig,
        &chart().touch(130_000, 129_960, 130_000).flat(3),
        ScalpEventKind::SlHit,
        129_960,
        "-8.00",
        120,
    );
    check_scalp_end(
        &rig,
        &chart().touch(130_080, 129_960, 130_000).flat(3),
        ScalpEventKind::SlHit,
        129_960,
        "-8.00",
        120,
    );
    check_scalp_end(&rig, &chart().to(130_010).to(130_020).flat(3), ScalpEventKind::Timeout, 130_020, "4.00", 180);
    // The base's stop is nearer than the extra's: at the next open the extra goes, too.
    let near = Rig { signals: vec![vec![(2, trigger(Side::Buy, 30, 200))]], ..Rig::default() };
    check_scalp_end(
        &near,
        &chart().touch(130_000, 129_970, 129_975).flat(3),
        ScalpEventKind::Forced,
        129_975,
        "-5.00",
        120,
    );
}

#[test]
fn short_scalps_are_the_mirror() {
    let chart = || Chart::default().flat(4);
    let rig = Rig::with_signals(&[(2, Side::Sell)]);
    check_scalp_end(
        &rig,
        &chart().touch(130_000, 129_920, 129_950).flat(3),
        ScalpEventKind::TpHit,
        129_920,
        "16.00",
        120,
    );
    check_scalp_end(
        &rig,
        &chart().touch(130_040, 130_000, 130_000).flat(3),
        ScalpEventKind::SlHit,
        130_040,
        "-8.00",
        120,
    );
    check_scalp_end(&rig, &chart().to(130_010).to(130_020).flat(3), ScalpEventKind::Timeout, 130_020, "-4.00", 180);
}

#[test]
fn the_operator_forces_an_end() {
    let chart = Chart::default().flat(9);
    let mut bench = Rig::with_signals(&[(2, Side::Buy)]).bench();
    bench.bars(&chart.bars[..5]);
    bench.command(Command::Flatten, at_minute(5));
    bench.bars(&chart.bars[5..]);
    assert_eq!(bench.recorder.scalp_kinds(), [ScalpEventKind::Opened, ScalpEventKind::Forced]);
    assert_eq!((bench.position(), bench.recorder.trades()[0].cause), (0, CloseCause::Operator));
}

#[test]
fn the_end_of_the_market_closes_everything() {
    let mut bench = Rig::with_signals(&[(2, Side::Buy)]).run(&Chart::default().flat(5));
    bench.end(at_minute(5));
    assert_eq!((bench.position(), bench.recorder.trades()[0].cause), (0, CloseCause::EndOfMarket));
    assert!(matches!(bench.recorder.records.last(), Some(Record::Day(_))));
}

// Protection of a scalp's profit (semantics 22).

/// Entry at 130,000 at second 180; the extra's target in bar 4; then a bar that opens at 130,050.
fn won_scalp() -> Chart {
    Chart::default().flat(4).touch(130_080, 130_000, 130_050).flat(1)
}

#[test]
fn a_won_scalp_closes_the_base() {
    let bench = Rig::with_signals(&[(2, Side::Buy)]).run(&won_scalp());
    use ScalpEventKind::{Opened, Protected, TpHit};
    assert_eq!(bench.recorder.scalp_kinds(), [Opened, TpHit, Protected]);
    let protected = bench.recorder.scalps()[2];
    assert_eq!((protected.contracts, protected.exit, protected.net), (Contracts::new(10), points(130_050), brl("100")));
    let trade = bench.recorder.trades()[0];
    assert_eq!((trade.cause, trade.outcome.net, trade.extra_net), (CloseCause::Protected, brl("116"), brl("16")));
    assert_eq!(bench.position(), 0);
}

#[test]
fn a_lost_scalp_protects_nothing() {
    let bench =
        Rig::with_signals(&[(2, Side::Buy)]).run(&Chart::default().flat(4).touch(130_000, 129_960, 130_000).flat(3));
    assert_eq!(bench.position(), 10);
    assert_eq!(bench.engine().scalps().cooldown_until(Bench::SYMBOL), None);
}

/// Won by its price, lost by its costs.
#[test]
fn a_scalp_is_won_after_costs_alone() {
    for (commission, protects) in [(799, true), (800, false)] {
        let bench = Rig::with_signals(&[(2, Side::Buy)]).costs(commission, 0, 0).run(&won_scalp());
        assert_eq!(bench.position() == 0, protects, "commission of {commission} a side against 16.00");
        let rests = bench.engine().scalps().cooldown_until(Bench::SYMBOL).is_some();
        assert_eq!(rests, protects);
    }
}

#[test]
fn break_even_moves_the_stop_where_the_base_no_longer_loses() {
    for side in [Side::Buy, Side::Sell] {
        let mut rig = Rig::with_signals(&[(2, side)]).costs(25, 5, 5);
        rig.scalp.protect_mode = ProtectMode::BreakEven;
        let mirror = |points: i64| 130_000 + side.sign() * (points - 130_000);
        let touch = |chart: Chart, a: i64, b: i64, close: i64| {
            let (a, b) = (mirror(a), mirror(b));
            chart.touch(a.max(b), a.min(b), mirror(close))
        };
        let moved = touch(Chart::default().flat(4), 130_095, 130_000, 130_080).flat(1);
        let bench = rig.run(&moved);
        let base = bench.simulation.exchange().legs().find(|leg| leg.leg.role == LegRole::Base).unwrap();
        let engine_stop = bench.engine().open_trades().next().unwrap().base.levels().unwrap().stop_loss();
        assert_eq!(base.stop_loss, engine_stop, "the engine and the exchange know the same stop");
        let ahead = (engine_stop.unwrap() - base.entry).raw() * side.sign();
        assert!(ahead > 0, "{side}: stop {engine_stop:?} for an entry at {}", base.entry);

        let stopped = rig.run(&touch(moved, 130_080, 129_990, 129_990).flat(1));
        let trade = stopped.recorder.trades()[0];
        let base_net = trade.outcome.net - trade.extra_net;
        assert_eq!(trade.cause, CloseCause::StopLoss);
        // A tick of 5 points of 10 contracts is worth 10.00: nearer than that no stop can lie.
        assert!(base_net >= Money::ZERO && base_net < brl("10"), "{side}: {base_net}");
    }
}

#[test]
fn with_mode_cooldown_the_base_stays_as_it_is() {
    let mut rig = Rig::with_signals(&[(2, Side::Buy)]);
    rig.scalp.protect_mode = ProtectMode::Cooldown;
    let bench = rig.run(&won_scalp());
    assert_eq!(bench.position(), 10);
    assert_eq!(bench.engine().scalps().cooldown_until(Bench::SYMBOL), Some(at_minute(10)));
    let base = bench.simulation.exchange().legs().next().unwrap();
    assert_eq!(base.stop_loss, Some(points(129_900)));

    rig.scalp.protect_mode = ProtectMode::Close;
    rig.scalp.protect_profit = false;
    assert_eq!(rig.run(&won_scalp()).position(), 10, "PROTECT_PROFIT_AFTER_SCALP=false");
}

#[test]
fn the_cooldown_lasts_its_seconds_to_the_second() {
    // Won at second 300, so until second 600. Bar 8 closes at 540, bar 9 at 600.
    for (bar, causes) in [(8, vec!["cooldown"]), (9, vec![])] {
        let bench = Rig::with_signals(&[(2, Side::Buy), (bar, Side::Buy)]).run(&won_scalp().flat(8));
        assert_eq!(bench.recorder.block_causes(), causes, "bar {bar}");
        assert_eq!(bench.asked(), 2 - causes.len() as u64);
    }
    let blocked = Rig::with_signals(&[(2, Side::Buy), (8, Side::Buy)]).run(&won_scalp().flat(8)).recorder.blocked();
    assert_eq!(blocked[0].cause, BlockCause::Cooldown { until: at_minute(10) });
    let mut rig = Rig::with_signals(&[(2, Side::Buy), (8, Side::Buy)]);
    rig.scalp.cooldown_seconds = 240;
    assert!(rig.run(&won_scalp().flat(8)).recorder.blocked().is_empty());
}

// HYBRID (semantics 10).

fn hybrid(side: Side) -> Rig {
    let mut rig = Rig::with_signals(&[(2, side)]);
    rig.scalp.hybrid = true;
    rig
}

#[test]
fn hybrid_hands_a_winner_over_to_the_bases_exits() {
    let chart = Chart::default().flat(4).to(130_040).flat(1);
    let bench = hybrid(Side::Buy).run(&chart);
    let scalps = bench.recorder.scalps();
    use ScalpEventKind::{HandedOver, Opened};
    assert_eq!(bench.recorder.scalp_kinds(), [Opened, HandedOver]);
    assert_eq!((scalps[1].at, scalps[1].net), (at_minute(6), brl("8")), "at its limit of 180 seconds");
    let extra = bench.simulation.exchange().legs().find(|leg| leg.leg.role == LegRole::Extra).unwrap();
    assert_eq!((extra.stop_loss, extra.take_profit), (Some(points(130_000)), Some(points(130_200))));

    let won = hybrid(Side::Buy).run(&chart.clone().to(130_200).flat(1));
    let trade = won.recorder.trades()[0];
    assert_eq!((trade.cause, trade.outcome.net, trade.extra_net), (CloseCause::TakeProfit, brl("440"), brl("40")));
    assert_eq!(won.recorder.scalp_kinds(), [Opened, HandedOver], "one end alone");

    let back = hybrid(Side::Buy).run(&chart.touch(130_040, 130_000, 130_010).flat(1));
    assert_eq!(back.position(), 10, "back at break-even the extra ends, the base goes on");
    assert_eq!(back.recorder.scalp_kinds(), [Opened, HandedOver]);
}

#[test]
fn hybrid_closes_what_is_not_in_profit_after_costs() {
    for (close, commission, kind) in [
        (130_000, 0, ScalpEventKind::Timeout),
        (130_005, 0, ScalpEventKind::HandedOver),
        (130_005, 50, ScalpEventKind::Timeout), // 5 points are 1.00, the costs of both sides, too
        (130_010, 50, ScalpEventKind::HandedOver),
        (129_990, 0, ScalpEventKind::Timeout),
    ] {
        let chart = Chart::default().flat(4).to(close).flat(3);
        let bench = hybrid(Side::Buy).costs(commission, 0, 0).run(&chart);
        let ends: Vec<_> = bench.recorder.scalp_kinds().into_iter().skip(1).collect();
        assert_eq!(ends, [kind], "close {close}, commission {commission}");
        let open = if kind == ScalpEventKind::Timeout { 10 } else { 11 };
        assert_eq!(bench.position(), open);
    }
}

#[test]
fn a_handed_over_extra_no_longer_loses() {
    // 0.60 a side are 6 points for the one contract: the stop lies on the tick behind them.
    let chart = Chart::default().flat(4).to(130_015).flat(1);
    let rig = hybrid(Side::Buy).costs(60, 0, 0);
    let bench = rig.run(&chart);
    let extra = bench.simulation.exchange().legs().find(|leg| leg.leg.role == LegRole::Extra).unwrap();
    assert_eq!(extra.stop_loss, Some(points(130_010)));
    let mut bench = rig.run(&chart.touch(130_015, 130_005, 130_010));
    bench.end(at_minute(7));
    assert_eq!(bench.recorder.trades()[0].extra_net, brl("0.80"));
}

// Risk (semantics 35).

#[test]
fn the_daily_loss_closes_everything_until_the_next_day() {
    for (fall, reached) in [(129_905, false), (129_900, true)] {
        let signals = [(2, Side::Buy), (8, Side::Buy), (10, Side::Buy)];
        let mut rig =
            Rig { signals: vec![signals.map(|(bar, side)| (bar, trigger(side, 150, 500))).to_vec()], ..plain(&[]) };
        rig.risk.daily_loss_limit = Some(brl("200"));
        let chart = Chart::default().flat(4).to(fall).flat(4).until_minute(1_440).flat(4);
        let bench = rig.run(&chart);
        let causes: Vec<_> = bench.recorder.risk().iter().map(|change| change.cause.as_str()).collect();
        if !reached {
            assert!(causes.is_empty() && bench.position() == 10, "{causes:?}");
            continue;
        }
        assert_eq!(causes, ["daily_loss", "new_day"]);
        let trade = bench.recorder.trades()[0];
        assert_eq!(
            (trade.cause, trade.outcome.net, trade.outcome.closed_at),
            (CloseCause::Risk, brl("-200"), at_minute(5))
        );
        assert_eq!(bench.recorder.block_causes(), ["risk_reduce_only"]);
        assert_eq!(bench.recorder.decisions().len(), 2, "the next day enters again");
    }
}

#[test]
fn without_flatten_a_limit_stops_entries_alone() {
    let mut rig = Rig { signals: vec![vec![(2, trigger(Side::Buy, 150, 500))]], ..plain(&[]) };
    rig.risk.daily_loss_limit = Some(brl("200"));
    rig.risk.flatten_on_loss = false;
    let bench = rig.run(&Chart::default().flat(4).to(129_900).flat(4));
    assert_eq!((bench.position(), bench.engine().risk().state()), (10, RiskState::ReduceOnly));
}

#[test]
fn losses_in_a_row_pause_for_their_time() {
    let (chart, mut signals) = cycles(&[false, false]);
    // The second loss closes with bar 6, at second 420, and rests 600 seconds: until the close of bar 16.
    signals.extend([(15, trigger(Side::Buy, 100, 200)), (16, trigger(Side::Buy, 100, 200))]);
    let mut rig = Rig { signals: vec![signals], ..plain(&[]) };
    rig.risk.consecutive_losses_max = 2;
    rig.risk.pause_seconds = 600;
    let bench = rig.run(&chart.flat(20));
    let until = bench.recorder.trades()[1].outcome.closed_at.plus_secs(600);
    assert_eq!(until, at_minute(17));
    assert_eq!(bench.recorder.block_causes(), ["risk_paused"]);
    let causes: Vec<_> = bench.recorder.risk().iter().map(|change| (change.cause.as_str(), change.to)).collect();
    assert_eq!(causes, [("consecutive_losses", RiskState::Paused), ("pause_over", RiskState::Active)]);
    assert_eq!(bench.recorder.decisions().len(), 3);
    assert_eq!(bench.recorder.decisions()[2].context.at, at_minute(17));
}

#[test]
fn at_the_sessions_end_everything_is_flat() {
    // Entered at 17:21; flat at 17:50.
    let chart = Chart::default().until_minute(500).flat(60);
    let bench = Rig { session: "B3", ..plain(&[(0, Side::Buy)]) }.run(&chart);
    let trade = bench.recorder.trades()[0];
    assert_eq!((trade.cause, trade.outcome.closed_at), (CloseCause::Session, at_minute(530)));
    assert_eq!(bench.position(), 0);
}

// Learning (semantics 24 to 29).

/// Trades one after the other, each won or lost whole: the chart, and the signals for it.
fn cycles(won: &[bool]) -> (Chart, Signals) {
    let (mut chart, mut signals, mut price) = (Chart::default(), Vec::new(), 130_000);
    for (n, &won) in won.iter().enumerate() {
        signals.push((4 * n, trigger(Side::Buy, 100, 200)));
        price += if won { 200 } else { -100 };
        chart = chart.flat(2).to(price).flat(1);
    }
    (chart, signals)
}

fn run_cycles(mut rig: Rig, won: &[bool]) -> (Rig, Bench) {
    let (chart, signals) = cycles(won);
    rig.signals = vec![signals];
    let bench = rig.run(&chart);
    assert_eq!(bench.recorder.trades().len(), bench.recorder.decisions().iter().filter(|d| d.trade.is_some()).count());
    (rig, bench)
}

#[test]
fn a_batch_of_ten_is_learned_once_with_a_snapshot_before() {
    let (_, nine) = run_cycles(plain(&[]), &[true; 9]);
    assert!(nine.recorder.learned().is_empty() && nine.engine().policy().rows().is_empty());

    let (_, bench) = run_cycles(plain(&[]), &[true; 10]);
    let learned = bench.recorder.learned();
    let ids: Vec<u64> = learned.iter().map(|learned| learned.outcome.trade.get()).collect();
    assert_eq!(ids, (1..=10).collect::<Vec<_>>());
    assert!(learned.iter().all(|learned| learned.applied && learned.batch == 1));
    // The brains gain confidence, so the ten lie in several states.
    let rows = bench.engine().policy().rows();
    assert_eq!(rows.iter().map(|row| row.count).sum::<u32>(), 10);
    assert!(rows.iter().all(|row| row.beta.to_bits() == 1.0_f64.to_bits() && row.action == Action::Enter));
    assert_eq!(rows.iter().map(|row| row.alpha - 1.0).sum::<f64>().round() as u32, 10);
    let place = |find: &dyn Fn(&Record) -> bool| bench.recorder.records.iter().position(find).unwrap();
    let snapshot = place(&|record| matches!(record, Record::Snapshot(_)));
    assert!(snapshot < place(&|record| matches!(record, Record::Learned(_))), "before anything is learned");
    let Record::Snapshot(snapshot) = &bench.recorder.records[snapshot] else { unreachable!() };
    assert_eq!((snapshot.regime, snapshot.metrics.trade_count), (Regime::TrendUp, 10));
}

#[test]
fn a_bad_batch_is_rolled_back_bit_for_bit() {
    let won: Vec<bool> = (0..20).map(|n| n < 10).collect();
    let (_, ten) = run_cycles(plain(&[]), &won[..10]);
    let (_, bench) = run_cycles(plain(&[]), &won);
    let before = ten.engine().policy().export_table(Regime::TrendUp).rows;
    let after = bench.engine().policy().export_table(Regime::TrendUp).rows;
    assert!(!before.is_empty());
    assert_eq!(before, after);
    assert_eq!(ten.engine().policy().snapshot(Regime::TrendUp), bench.engine().policy().snapshot(Regime::TrendUp));
    let learned = bench.recorder.learned();
    assert_eq!(learned.len(), 20, "the log keeps what was rolled back");
    assert!(learned.iter().all(|learned| learned.applied));
    let events = bench.recorder.policy();
    let [PolicyEventKind::RolledBack { average: Some(average), .. }] = [events[0].kind.clone()] else {
        panic!("{events:?}")
    };
    assert_eq!((events.len(), average.to_f64().to_string()), (1, "0.2".to_owned()));
    let version = |bench: &Bench| bench.engine().policy().version();
    assert!(version(&bench) > version(&ten), "a rollback is a new version");
    let table = bench.recorder.records.iter().rev().find_map(|record| match record {
        Record::PolicyTable(table) => Some(table.rows.clone()),
        _ => None,
    });
    assert_eq!(table, Some(after), "the store is told the whole regime");
}

#[test]
fn a_batch_at_the_bound_is_not_rolled_back() {
    // 4 of 12 won: 0.4 on average, exactly.
    let mut rig = plain(&[]);
    rig.updater.batch_size = 12;
    let won: Vec<bool> = (0..12).map(|n| n % 3 == 0).collect();
    assert!(run_cycles(rig.clone(), &won).1.recorder.policy().is_empty());
    let fewer: Vec<bool> = (0..12).map(|n| n % 4 == 0).collect();
    assert_eq!(run_cycles(rig, &fewer).1.recorder.policy().len(), 1);
}

#[test]
fn a_freeze_stops_learning_and_no_entries() {
    let (chart, signals) = cycles(&[true; 10]);
    let mut bench = Rig { signals: vec![signals], ..plain(&[]) }.bench();
    bench.command(Command::Freeze(Regime::TrendUp), at_minute(0));
    bench.bars(&chart.bars);
    assert_eq!(bench.recorder.trades().len(), 10);
    assert!(bench.recorder.decisions().iter().all(|decision| decision.frozen && decision.chooser == Chooser::Policy));
    let learned = bench.recorder.learned();
    assert_eq!(learned.len(), 10, "logged");
    assert!(learned.iter().all(|learned| !learned.applied && learned.skipped == Some(LearnSkip::Frozen)));
    assert!(bench.engine().policy().rows().is_empty(), "not learned");
}

#[test]
fn a_regime_freezes_far_below_its_baseline_and_falls_back_as_set() {
    for (fallback, action, chooser) in [
        (FreezeFallback::Keep, Action::EnterConservative, Chooser::Policy),
        (FreezeFallback::Level4, Action::Enter, Chooser::FreezeFallback),
        (FreezeFallback::Hold, Action::Hold, Chooser::FreezeFallback),
    ] {
        let mut rig = Rig { actions: vec![Action::EnterConservative], ..plain(&[]) };
        rig.updater.batch_size = 4;
        rig.updater.baseline_trades = 4;
        rig.updater.freeze_window = 4;
        rig.updater.rollback_reward = 0.0;
        rig.rl.freeze_fallback = fallback;
        let won: Vec<bool> = (0..12).map(|n| n < 4).collect();
        let (_, bench) = run_cycles(rig, &won);
        let events = bench.recorder.policy();
        assert!(
            matches!(
                events[..],
                [alavanca_engine::PolicyEvent { kind: PolicyEventKind::Frozen { window: Some(_), .. }, .. }]
            ),
            "{events:?}"
        );
        let decisions = bench.recorder.decisions();
        assert!(decisions[..8].iter().all(|d| !d.frozen && d.action == Action::EnterConservative));
        assert!(decisions[8..].iter().all(|d| d.frozen && d.action == action && d.chooser == chooser), "{fallback}");
        assert_eq!(decisions.len(), 12);
        let asked = if fallback == FreezeFallback::Keep { 12 } else { 8 };
        assert_eq!(bench.asked(), asked, "{fallback}: nothing is sampled where the fallback chooses");
    }
}

#[test]
fn a_frozen_regime_thaws_after_its_days() {
    let mut rig = plain(&[]);
    rig.updater.freeze_days = Some(2);
    let mut bench = rig.bench();
    bench.bars(&Chart::default().flat(1).bars);
    bench.command(Command::Freeze(Regime::TrendUp), at_minute(1));
    bench.bars(&Chart::default().until_minute(1_440).flat(1).bars);
    assert!(bench.engine().policy().is_frozen(Regime::TrendUp));
    bench.bars(&Chart::default().until_minute(2_880).flat(1).bars);
    assert!(!bench.engine().policy().is_frozen(Regime::TrendUp));
    assert_eq!(bench.recorder.policy().len(), 2);
}

#[test]
fn trades_entered_in_a_transition_are_logged_and_not_learned_from() {
    let rig = Rig { regimes: vec![(0, Regime::TrendUp, true)], ..plain(&[]) };
    let (_, bench) = run_cycles(rig, &[true; 10]);
    let learned = bench.recorder.learned();
    assert_eq!(learned.len(), 10);
    assert!(learned.iter().all(|learned| !learned.applied && learned.skipped == Some(LearnSkip::Transition)));
    assert!(bench.engine().policy().rows().is_empty());
    // What counts is the entry: here the transition ends after it.
    let rig = Rig { regimes: vec![(0, Regime::TrendUp, true), (1, Regime::TrendUp, false)], ..plain(&[]) };
    let (_, bench) = run_cycles(rig, &[true; 10]);
    let applied: Vec<bool> = bench.recorder.learned().iter().map(|learned| learned.applied).collect();
    assert_eq!(applied, [vec![false], vec![true; 9]].concat());
}

#[test]
fn regime_and_state_are_those_at_entry() {
    let rig = Rig { regimes: vec![(0, Regime::TrendUp, false), (1, Regime::Chaotic, false)], ..plain(&[]) };
    let (_, bench) = run_cycles(rig, &[true]);
    assert_eq!(bench.recorder.trades()[0].outcome.state.regime, Regime::TrendUp);
}

// The gate switched off (semantics 17).

#[test]
fn without_a_policy_the_extra_is_taken_whenever_the_layers_pass() {
    for (regime, action) in [(Regime::TrendUp, Action::EnterWithReleverage), (Regime::Range, Action::Enter)] {
        let mut rig = Rig {
            regimes: vec![(0, regime, false)],
            actions: vec![Action::Hold],
            ..Rig::with_signals(&[(2, Side::Buy)])
        };
        rig.gate.policy_enabled = false;
        rig.updater.batch_size = 1;
        let mut bench = rig.run(&Chart::default().flat(5));
        bench.end(at_minute(5));
        let decision = bench.recorder.decisions()[0];
        assert_eq!((decision.action, decision.chooser, bench.asked()), (action, Chooser::PolicyOff, 0));
        assert_eq!(bench.recorder.trades().len(), 1);
        assert!(bench.recorder.learned().is_empty() && bench.engine().policy().rows().is_empty());
    }
}

#[test]
fn an_arm_that_cannot_be_taken_is_masked_before_it_is_chosen() {
    for (regime, available, extra) in [(Regime::TrendUp, true, 1), (Regime::Range, false, 0)] {
        let rig = Rig { regimes: vec![(0, regime, false)], ..Rig::with_signals(&[(2, Side::Buy)]) };
        let bench = rig.run(&Chart::default().flat(5));
        let decision = bench.recorder.decisions()[0];
        assert_eq!(decision.available.contains(Action::EnterWithReleverage), available);
        assert_eq!(decision.extra, Contracts::new(extra));
        assert_eq!(bench.position(), 10 + i64::from(extra));
    }
}

// Bad input (semantics 36).

#[test]
fn bad_bars_and_ticks_change_nothing() {
    let rig = Rig { on_opposite: OnOpposite::Reverse, ..Rig::with_brain(alavanca_tests::Coin::new(3, 4, points(60))) };
    let chart = (0..120).fold(Chart::default().flat(3), |chart, n| {
        chart.to(130_000 + (alavanca_tests::script::mix(11, n) % 60) as i64 * 5)
    });
    let good = rig.run(&chart);
    let mut bench = rig.bench();
    let mut refused = 0;
    for (n, bar) in chart.bars.iter().enumerate() {
        bench.bar(Bench::SYMBOL, bar);
        let before = (bench.engine().checkpoint(), bench.simulation.books(), bench.recorder.records.len());
        let later = Bar { time: bar.time.plus_secs(30), ..*bar };
        let bad = [
            Bar { low: bar.high + points(5), high: bar.low - points(5), ..later },
            Bar { open: Price::ZERO, low: Price::ZERO, ..later },
            Bar { low: points(-5), ..later },
            Bar { close: bar.high + points(5), ..later },
            *bar,
            chart.bars[n / 2],
        ];
        for bad in bad {
            bench.bar(Bench::SYMBOL, &bad);
        }
        bench.bar(SymbolId::new(7), &later);
        bench.tick(Tick { time: later.time, bid: points(-1), ask: points(1), last: Price::ZERO, volume: 1 });
        bench.tick(Tick { time: later.time, ..Tick::default() });
        refused += 9;
        assert_eq!((bench.engine().checkpoint(), bench.simulation.books(), bench.recorder.records.len()), before);
    }
    assert_eq!((bench.counts().bad_inputs, bench.recorder.notices.len() as u64 >= refused), (refused, true));
    assert_eq!(bench.recorder.records, good.recorder.records);
    assert!(good.recorder.trades().len() > 2, "{}", good.recorder.trades().len());
}

#[test]
fn ticks_that_go_backwards_are_refused_and_repeated_ones_are_trades() {
    let mut bench = plain(&[]).bench();
    bench.tick(tick(5_000, 130_000, 130_005));
    bench.tick(tick(5_000, 130_000, 130_005));
    bench.tick(tick(4_999, 130_000, 130_005));
    assert_eq!((bench.counts().ticks, bench.counts().bad_inputs), (2, 1));
}

// The engine as the extra's keeper: netting accounts on ticks.

#[test]
fn the_engine_closes_the_extra_of_a_netting_account_by_reduce_only_orders() {
    for (bid, ask, kind) in [
        (130_085, 130_090, ScalpEventKind::TpHit),
        (129_965, 129_970, ScalpEventKind::SlHit),
        (130_000, 130_005, ScalpEventKind::Timeout),
    ] {
        let mut rig = Rig { custody: ScalpCustody::Engine, ..Rig::with_signals(&[(2, Side::Buy)]) };
        rig.sim.mode = AccountMode::Netting;
        let mut bench = rig.bench();
        let mut second = 0;
        let mut ticks = |bench: &mut Bench, seconds: i64, bid, ask| {
            for _ in 0..seconds {
                bench.tick(tick(second * 1_000, bid, ask));
                second += 1;
            }
        };
        ticks(&mut bench, 190, 130_000, 130_005);
        assert_eq!(bench.position(), 11);
        let resting = bench.simulation.exchange().legs().find(|leg| leg.leg.role == LegRole::Extra).unwrap();
        assert_eq!((resting.stop_loss, resting.take_profit), (None, None), "nothing of the extra rests at the broker");
        ticks(&mut bench, 200, bid, ask);
        let orders = bench.recorder.orders();
        let closes: Vec<_> = orders
            .iter()
            .filter(|order| order.leg.role == LegRole::Extra && order.intent == OrderIntent::Close)
            .collect();
        assert_eq!(closes.len(), 1, "{kind}: one order, and no more while it works");
        assert_eq!((closes[0].side, closes[0].quantity), (Side::Sell, Contracts::new(1)));
        assert_eq!(bench.recorder.scalp_kinds()[..2], [ScalpEventKind::Opened, kind]);
        let base = if kind == ScalpEventKind::TpHit { 0 } else { 10 };
        assert_eq!(bench.position(), base, "{kind}");
        assert_eq!(bench.counts().unexpected_reports, 0);
    }
}

#[test]
fn an_engine_that_keeps_the_extra_hands_it_over_all_the_same() {
    let mut rig = Rig { custody: ScalpCustody::Engine, ..hybrid(Side::Buy) };
    rig.sim.mode = AccountMode::Netting;
    let mut bench = rig.bench();
    for second in 0..400 {
        let bid = if second < 190 { 130_000 } else { 130_040 };
        bench.tick(tick(second * 1_000, bid, bid + 5));
    }
    assert_eq!(bench.recorder.scalp_kinds(), [ScalpEventKind::Opened, ScalpEventKind::HandedOver]);
    assert_eq!(bench.position(), 11);
    // Back to where it would make nothing: it is no scalp any more, and the engine still is all that watches it.
    for second in 400..410 {
        bench.tick(tick(second * 1_000, 129_950, 129_955));
    }
    let closes: Vec<_> =
        bench.recorder.orders().into_iter().filter(|order| order.intent == OrderIntent::Close).collect();
    assert_eq!(closes.iter().map(|order| order.leg.role).collect::<Vec<_>>(), [LegRole::Extra]);
    assert_eq!(bench.position(), 10);
}

/// MetaTrader knows no time limit: the levels rest with the leg, and the clock is the engine's, also where no price comes.
#[test]
fn time_alone_ends_an_extra_whose_levels_rest_at_the_broker() {
    for custody in [ScalpCustody::BrokerLevels, ScalpCustody::Engine] {
        let mut bench = Rig { custody, ..Rig::with_signals(&[(2, Side::Buy)]) }.bench();
        for second in 0..200 {
            bench.tick(tick(second * 1_000, 130_000, 130_005));
        }
        assert_eq!(bench.position(), 11);
        let resting = bench.simulation.exchange().legs().find(|leg| leg.leg.role == LegRole::Extra).unwrap();
        assert_eq!(resting.stop_loss.is_some(), custody == ScalpCustody::BrokerLevels, "{custody:?}");
        let opened = bench.recorder.fills().iter().map(|fill| fill.at).max().unwrap();
        let closes = |bench: &Bench| {
            let orders = bench.recorder.orders();
            orders
                .iter()
                .filter(|order| order.intent == OrderIntent::Close)
                .map(|order| order.leg.role)
                .collect::<Vec<_>>()
        };
        bench.time(opened.plus_secs(179));
        assert_eq!(closes(&bench), [], "{custody:?}");
        bench.time(opened.plus_secs(180));
        bench.time(opened.plus_secs(181));
        assert_eq!(closes(&bench), [LegRole::Extra], "{custody:?}: one order, and no more while it works");
    }
}

/// What an order could not fill at one close it fills at the next, also where the engine has nothing to say.
#[test]
fn with_fills_at_the_close_a_rest_fills_at_each_close() {
    let mut rig = plain(&[(2, Side::Buy)]);
    rig.sim.fill = FillAt::Close;
    rig.sim.partial_fill_max = Some(Contracts::new(4));
    let bench = rig.run(&Chart::default().flat(5));
    let fills: Vec<_> = bench.recorder.fills().iter().map(|fill| (fill.at, fill.quantity.count())).collect();
    assert_eq!(fills, [(at_minute(3), 4), (at_minute(4), 4), (at_minute(5), 2)]);
}

// Several symbols (semantics 7, 35).

fn two_symbols(signals: [&[(usize, Side)]; 2]) -> Rig {
    let one = Rig::default().instruments[0].clone();
    let other = Instrument { name: "WINZ26".to_owned(), ..one.clone() };
    let signals = signals.map(|signals| signals.iter().map(|&(bar, side)| (bar, trigger(side, 150, 500))).collect());
    Rig { instruments: vec![one, other], signals: signals.to_vec(), ..Rig::default() }
}

fn run_both(rig: &Rig, first: &Chart, second: &Chart) -> Bench {
    let mut bench = rig.bench();
    for (a, b) in first.bars.iter().zip(&second.bars) {
        bench.bar(SymbolId::new(0), a);
        bench.bar(SymbolId::new(1), b);
    }
    bench
}

#[test]
fn margin_in_use_elsewhere_is_not_there() {
    let mut rig = two_symbols([&[(2, Side::Buy)], &[(4, Side::Sell)]]);
    rig.capital.max_contracts_cap = 6;
    let bench = run_both(&rig, &Chart::default().flat(7), &Chart::default().flat(7));
    let decisions = bench.recorder.decisions();
    // 6 and 1 extra hold 7,000 of the 10,000.
    assert_eq!((decisions[0].allocation.capital, decisions[1].allocation.capital), (brl("10000"), brl("3000")));
    assert_eq!((decisions[0].base, decisions[1].base), (Contracts::new(6), Contracts::new(3)));
    assert_eq!(bench.simulation.exchange().position(SymbolId::new(1)), -4);

    // An order on its way holds its margin, too.
    let mut rig = two_symbols([&[(2, Side::Buy)], &[(2, Side::Buy)]]);
    rig.capital.max_contracts_cap = 6;
    let bench = run_both(&rig, &Chart::default().flat(4), &Chart::default().flat(4));
    assert_eq!(bench.recorder.decisions()[1].allocation.capital, brl("3000"));
}

#[test]
fn the_accounts_daily_loss_stops_every_symbol() {
    let mut rig = two_symbols([&[(2, Side::Buy), (8, Side::Buy)], &[(2, Side::Buy), (8, Side::Buy)]]);
    rig.actions = vec![Action::Enter];
    rig.capital.max_contracts_cap = 5;
    rig.risk.daily_loss_limit = Some(brl("100"));
    // 5 contracts, 100 points: 100.00 lost on the first; the second stands still.
    let bench = run_both(&rig, &Chart::default().flat(4).to(129_900).flat(6), &Chart::default().flat(11));
    let causes: Vec<_> = bench.recorder.trades().iter().map(|trade| trade.cause).collect();
    assert_eq!(causes, [CloseCause::Risk, CloseCause::Risk]);
    assert_eq!(bench.recorder.block_causes(), ["risk_reduce_only"; 2]);
    let exchange = bench.simulation.exchange();
    assert_eq!((exchange.position(SymbolId::new(0)), exchange.position(SymbolId::new(1))), (0, 0));
}

/// The engine is one value: nothing outside it is needed to take it elsewhere.
#[test]
fn an_engine_can_move_to_another_thread() {
    fn movable<T: Send>() {}
    movable::<Engine>();
}

// What brains are told of a trade.

#[test]
fn brains_learn_what_the_base_won_for_what_it_risked() {
    let told = |ups: i64, extra: Action, exits: fn(&mut Signals)| {
        let mut rig = Rig { actions: vec![extra], ..Rig::with_signals(&[(2, Side::Buy)]) };
        exits(&mut rig.signals[0]);
        let mut rig = rig.costs(100, 0, 0);
        rig.scalp.protect_profit = false;
        let bench = rig.run(&Chart::default().flat(4).to(ups));
        let trades = bench.recorder.trades();
        assert_eq!(trades.len(), 1, "{ups}");
        let meta = bench.engine().checkpoint().desks[0].meta.clone();
        let meta = MetaBrain::stored(MetaConfig::default(), &meta).unwrap();
        (trades[0].outcome.net, serde_json::to_value(meta.record(0).unwrap()).unwrap())
    };
    // 10 contracts, a stop of 100 points at BRL 0.20: 200.00 at risk; each contract costs 1.00 a side.
    let as_usual: fn(&mut Signals) = |_| {};
    let at_prices: fn(&mut Signals) = |signals| {
        for trigger in signals.iter_mut().map(|(_, trigger)| trigger) {
            trigger.stop = ExitAt::Price(points(130_000 - 100));
            trigger.target = Some(ExitAt::Price(points(130_000 + 200)));
        }
    };
    for exits in [as_usual, at_prices] {
        let (net, record) = told(130_400, Action::Enter, exits);
        assert_eq!(
            (net, record["won"].as_u64(), record["moved"].as_u64()),
            (brl("380.00"), Some(1_000_000), Some(1_900_000))
        );
        assert_eq!(record["gained"], record["moved"]);
        let (net, record) = told(129_700, Action::Enter, exits);
        assert_eq!((net, record["won"].as_u64(), record["moved"].as_u64()), (brl("-220.00"), Some(0), Some(1_100_000)));
        assert!(record["gained"].is_null(), "nothing was won");
    }
    // The extra's part is in the net, and not in what the brains are told they risked and won.
    let (net, record) = told(130_400, Action::EnterWithReleverage, as_usual);
    assert!(net > brl("380.00"), "{net}");
    assert_eq!(record["moved"].as_u64(), Some(1_900_000));
}
